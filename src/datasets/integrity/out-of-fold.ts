/**
 * Class probabilities for every sample from a classifier that has not seen its label: flexible discriminant analysis (Hastie, Tibshirani &
 * Buja 1994) – ridge regression of the classes' indicators, then Gaussian classes among the fitted values – on the coordinates and random Fourier
 * features of them (Rahimi & Recht 2007), over folds. Everything is a closed form, and what costs most does not depend on the labels, which
 * can so be tried by the hundred. A share of labels flipped evenly only shrinks the regression, so the order of samples by sureness hardly suffers.
 */
import type { Rng } from "#base/random.ts";
import { quantile } from "#base/statistics.ts";
import { pacedBy, type Part } from "./breath.ts";
import { principal, projected, type Points } from "./space.ts";

export const FOLDS = 5;
/** Coordinates that the classifier sees: the leading principal ones where there are more. */
const COORDINATES = 64;
const FOURIER = 192;
/** Penalties tried, per sample; the one with the least squared error out of fold is taken. */
const PENALTIES = [1e-4, 1e-3, 1e-2, 1e-1];
/** Share of the mean variance added to each fitted value: they sum to one, so their covariance alone has no inverse. */
const SPREAD = 0.01;

export interface Learner {
  readonly by: string;
  /** n × classes probabilities under these labels, each from folds without the sample. `penalty`: only this one of those tried. */
  learn(labels: Int32Array, classes: number, part: Part, penalty?: number): Promise<Learned>;
}

export interface Learned {
  readonly probabilities: Float64Array;
  /** Place of the penalty with the least squared error out of fold. */
  readonly penalty: number;
}

/** n × p, row-major; the first column is one. */
export interface Design {
  readonly n: number;
  readonly p: number;
  readonly at: Float32Array;
}

/** The learner over these points. Samples of one unit never teach about each other. */
export async function learnerOver(
  points: Points,
  units: readonly string[] | undefined,
  rng: Rng,
  part: Part,
): Promise<Learner> {
  const seen = points.d > COORDINATES ? projected(points, principal(points, COORDINATES)) : points;
  const design = await fourierDesign(seen, FOURIER, rng.fork("features"), part);
  return discriminant(design, foldsOf(points.n, units, rng.fork("folds")), part);
}

/** Fold of each sample: about as many in each, all samples of a unit in one. */
export function foldsOf(n: number, units: readonly string[] | undefined, rng: Rng): Int32Array {
  const folds = new Int32Array(n);
  const known = new Map<string | number, number>();
  for (const i of rng.sample(n, n)) {
    const unit = units?.[i] ?? i;
    const fold = known.get(unit) ?? known.size % FOLDS;
    known.set(unit, fold);
    folds[i] = fold;
  }
  return folds;
}

/**
 * One, the coordinates, and `count` cosines along random directions whose inner products approach Gaussian kernels: half as wide as the median
 * distance of two samples, half of those half as wide. Coordinates are first drawn in by asinh of robust standard deviations,
 * so that a column with a long tail is no worse than its logarithm.
 */
export async function fourierDesign({ n, d, at }: Points, count: number, rng: Rng, part: Part): Promise<Design> {
  const z = new Float32Array(n * d);
  for (let c = 0; c < d; c++) {
    const column = Float64Array.from({ length: n }, (_, i) => at[i * d + c]!);
    const sorted = column.toSorted();
    const [low, middle, high] = [0.25, 0.5, 0.75].map((u) => sorted[Math.min(n - 1, Math.floor(u * n))]!) as [
      number,
      number,
      number,
    ];
    // 1.35 standard deviations of a normal lie between its quartiles.
    const scale = (high - low) / 1.35 || momentsOf(column).deviation || 1;
    const drawnIn = column.map((value) => Math.asinh((value - middle) / scale));
    const { mean, deviation } = momentsOf(drawnIn);
    for (let i = 0; i < n; i++) z[i * d + c] = (drawnIn[i]! - mean) / (deviation || 1);
  }
  const distances: number[] = [];
  for (let turn = 0; turn < 1000; turn++) {
    const [a, b] = [rng.below(n), rng.below(n)];
    let sum = 0;
    for (let c = 0; c < d; c++) sum += (z[a * d + c]! - z[b * d + c]!) ** 2;
    if (sum > 0) distances.push(Math.sqrt(sum));
  }
  const width = distances.length > 0 ? quantile(distances, 0.5) : 1;
  const along = Float64Array.from({ length: count * d }, (_, i) => {
    const wide = i < (count * d) / 2 ? 1 : 0.5;
    return rng.normal() / (wide * width);
  });
  const phase = Float64Array.from({ length: count }, () => 2 * Math.PI * rng.uniform());
  const p = 1 + d + count;
  const out = new Float32Array(n * p);
  const { breath, end } = pacedBy(part, n);
  for (let i = 0; i < n; i++) {
    const due = breath(i, count * (d + 20));
    if (due) await due;
    const row = i * p;
    out[row] = 1;
    for (let c = 0; c < d; c++) out[row + 1 + c] = z[i * d + c]!;
    for (let j = 0; j < count; j++) {
      let sum = phase[j]!;
      for (let c = 0; c < d; c++) sum += along[j * d + c]! * z[i * d + c]!;
      out[row + 1 + d + j] = Math.SQRT2 * Math.cos(sum);
    }
  }
  end();
  return { n, p, at: out };
}

function momentsOf(values: Float64Array): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: variance > 1e-12 ? Math.sqrt(variance) : 0 };
}

/** The discriminant over given folds; `penalties` per sample, none on the constant. */
export async function discriminant(
  { n, p, at }: Design,
  folds: Int32Array,
  part: Part,
  penalties: readonly number[] = PENALTIES,
): Promise<Learner> {
  const grams = Array.from({ length: FOLDS }, () => new Float64Array(p * p));
  const { breath, end } = pacedBy(part, n);
  for (let i = 0; i < n; i++) {
    const due = breath(i, (p * p) / 2);
    if (due) await due;
    const gram = grams[folds[i]!]!;
    for (let a = 0; a < p; a++) {
      const value = at[i * p + a]!;
      for (let b = 0; b <= a; b++) gram[a * p + b]! += value * at[i * p + b]!;
    }
  }
  end();
  const whole = new Float64Array(p * p);
  for (const gram of grams) for (let i = 0; i < p * p; i++) whole[i]! += gram[i]!;
  const factors: Float64Array[][] = [];
  for (const penalty of penalties) {
    factors.push(
      grams.map((gram) => {
        const rest = whole.map((value, i) => value - gram[i]!);
        for (let a = 0; a < p; a++) rest[a * p + a]! += (a === 0 ? 1e-9 : penalty) * n;
        return cholesky(rest, p);
      }),
    );
    await part.pause();
  }
  return {
    by: `flexible discriminant analysis on ${p - 1} features, ${FOLDS} folds`,
    async learn(labels, classes, asked, only) {
      const sums = Array.from({ length: FOLDS }, () => new Float64Array(p * classes));
      for (let i = 0; i < n; i++) {
        const sum = sums[folds[i]!]!;
        for (let a = 0; a < p; a++) sum[a * classes + labels[i]!]! += at[i * p + a]!;
      }
      const all = new Float64Array(p * classes);
      for (const sum of sums) for (let i = 0; i < p * classes; i++) all[i]! += sum[i]!;
      let best = { loss: Infinity, fitted: new Float64Array(0), penalty: 0 };
      const tried = [...factors.entries()].filter(([penalty]) => only === undefined || penalty === only);
      const paced = pacedBy(asked, tried.length * n);
      for (const [turn, [penalty, factor]] of tried.entries()) {
        const weights = factor.map((lower, fold) =>
          solved(
            lower,
            p,
            all.map((value, i) => value - sums[fold]![i]!),
            classes,
          ),
        );
        const fitted = new Float64Array(n * classes);
        let loss = 0;
        for (let i = 0; i < n; i++) {
          const due = paced.breath(turn * n + i, p * classes);
          if (due) await due;
          const weight = weights[folds[i]!]!;
          for (let a = 0; a < p; a++) {
            const value = at[i * p + a]!;
            for (let c = 0; c < classes; c++) fitted[i * classes + c]! += value * weight[a * classes + c]!;
          }
          for (let c = 0; c < classes; c++) loss += (fitted[i * classes + c]! - (c === labels[i] ? 1 : 0)) ** 2;
        }
        if (loss < best.loss) best = { loss, fitted, penalty };
      }
      paced.end();
      const probabilities = await gaussianClasses(best.fitted, labels, classes, folds, asked);
      return { probabilities, penalty: best.penalty };
    },
  };
}

/** Probabilities under Gaussian classes with one covariance among the fitted values, their moments taken from the other folds. */
async function gaussianClasses(
  fitted: Float64Array,
  labels: Int32Array,
  classes: number,
  folds: Int32Array,
  part: Part,
): Promise<Float64Array> {
  const n = labels.length;
  const k = classes;
  const out = new Float64Array(n * k);
  const counts = Array.from({ length: FOLDS }, () => new Float64Array(k));
  const means = Array.from({ length: FOLDS }, () => new Float64Array(k * k));
  const squares = Array.from({ length: FOLDS }, () => new Float64Array(k * k));
  const { breath, end } = pacedBy(part, n);
  for (let i = 0; i < n; i++) {
    const due = breath(i, k * k);
    if (due) await due;
    const [fold, label] = [folds[i]!, labels[i]!];
    counts[fold]![label]!++;
    const [mean, square] = [means[fold]!, squares[fold]!];
    for (let a = 0; a < k; a++) {
      const value = fitted[i * k + a]!;
      mean[label * k + a]! += value;
      for (let b = 0; b <= a; b++) square[a * k + b]! += value * fitted[i * k + b]!;
    }
  }
  const summed = (parts: readonly Float64Array[], without: number): Float64Array => {
    const sum = new Float64Array(parts[0]!.length);
    parts.forEach((one, fold) => fold !== without && one.forEach((value, i) => (sum[i]! += value)));
    return sum;
  };
  const weights = Array.from({ length: FOLDS }, (_, fold) => {
    const [count, mean, square] = [summed(counts, fold), summed(means, fold), summed(squares, fold)];
    const total = count.reduce((sum, value) => sum + value, 0);
    for (let c = 0; c < k; c++) for (let a = 0; a < k; a++) mean[c * k + a]! /= count[c]! || 1;
    for (let a = 0; a < k; a++)
      for (let b = 0; b <= a; b++) {
        for (let c = 0; c < k; c++) square[a * k + b]! -= count[c]! * mean[c * k + a]! * mean[c * k + b]!;
        square[a * k + b]! /= total || 1;
      }
    let trace = 0;
    for (let a = 0; a < k; a++) trace += square[a * k + a]! / k;
    for (let a = 0; a < k; a++) square[a * k + a]! += SPREAD * trace + 1e-9;
    const along = new Float64Array(k * k);
    for (let c = 0; c < k; c++) for (let a = 0; a < k; a++) along[a * k + c] = mean[c * k + a]!;
    const weight = solved(cholesky(square, k), k, along, k);
    const offset = Float64Array.from({ length: k }, (__, c) => {
      let half = 0;
      for (let a = 0; a < k; a++) half += (mean[c * k + a]! * weight[a * k + c]!) / 2;
      return count[c]! > 0 ? Math.log(count[c]! / total) - half : -Infinity;
    });
    return { weight, offset };
  });
  for (let i = 0; i < n; i++) {
    const due = breath(i, k * k);
    if (due) await due;
    const { weight, offset } = weights[folds[i]!]!;
    let largest = -Infinity;
    for (let c = 0; c < k; c++) {
      let score = offset[c]!;
      for (let a = 0; a < k; a++) score += fitted[i * k + a]! * weight[a * k + c]!;
      out[i * k + c] = score;
      largest = Math.max(largest, score);
    }
    let total = 0;
    for (let c = 0; c < k; c++) total += out[i * k + c] = Math.exp(out[i * k + c]! - largest);
    for (let c = 0; c < k; c++) out[i * k + c]! /= total;
  }
  end();
  return out;
}

/** The lower factor L of a symmetric positive matrix L Lᵀ, of which the lower half is read (Golub & Van Loan, §4.2). */
function cholesky(matrix: Float64Array, p: number): Float64Array {
  const lower = new Float64Array(p * p);
  for (let i = 0; i < p; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * p + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * p + k]! * lower[j * p + k]!;
      lower[i * p + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j * p + j]!;
    }
  return lower;
}

/** X of L Lᵀ X = right, p × columns. */
function solved(lower: Float64Array, p: number, right: Float64Array, columns: number): Float64Array {
  const out = right.slice();
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < i; j++) {
      const value = lower[i * p + j]!;
      for (let c = 0; c < columns; c++) out[i * columns + c]! -= value * out[j * columns + c]!;
    }
    for (let c = 0; c < columns; c++) out[i * columns + c]! /= lower[i * p + i]!;
  }
  for (let i = p - 1; i >= 0; i--) {
    for (let c = 0; c < columns; c++) out[i * columns + c]! /= lower[i * p + i]!;
    for (let j = 0; j < i; j++) {
      const value = lower[i * p + j]!;
      for (let c = 0; c < columns; c++) out[j * columns + c]! -= value * out[i * columns + c]!;
    }
  }
  return out;
}

/** Share of samples whose given label is the most probable one. */
export function agreementOf(probabilities: Float64Array, labels: Int32Array, classes: number): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (probabilities[i * classes + c]! > probabilities[i * classes + best]!) best = c;
    if (best === labels[i]) right++;
  }
  return labels.length === 0 ? 0 : right / labels.length;
}
