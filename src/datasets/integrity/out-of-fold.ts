/**
 * Class probabilities for every sample from a classifier that has not seen its label: nearest neighbours without the sample
 * itself, or multinomial logistic regression over folds. Both are small, ours, and for this purpose only.
 */
import type { Rng } from "#base/random.ts";
import { pacedBy, type Part } from "./breath.ts";
import { principal, projected, type Points } from "./space.ts";

/** n × classes probabilities. */
export interface OutOfFold {
  readonly by: string;
  readonly probabilities: Float64Array;
  /** Share of samples whose given label is the most probable one. */
  readonly agreement: number;
}

const NEIGHBOURS = 10;
const PRIOR = 0.1;
const FOLDS = 5;
/** Coordinates that classifiers see: the leading principal ones where there are more. */
const COORDINATES = 64;
/** Products of samples, neighbours asked and coordinates: about ten seconds. */
const WORK_MAX = 6e9;

export interface Learner {
  readonly by: string;
  /** Probabilities for all samples under these labels; samples labelled −1 are predicted and teach nothing. */
  learn(labels: Int32Array, classes: number, rng: Rng, part: Part): Promise<Float64Array>;
}

/** The learners over these points. Samples of one unit never teach about each other. */
export async function learners(
  points: Points,
  units: readonly string[] | undefined,
  rng: Rng,
  part: Part,
): Promise<readonly Learner[]> {
  const seen = points.d > COORDINATES ? projected(points, principal(points, COORDINATES)) : points;
  const groups = groupsOf(points.n, units);
  return [await neighbourLearner(seen, groups, rng.fork("neighbours"), part), logisticLearner(seen, groups)];
}

/** The learner that agrees most with the labels given, and its probabilities. */
export async function bestLearner(
  all: readonly Learner[],
  labels: Int32Array,
  classes: number,
  rng: Rng,
  part: Part,
): Promise<{ readonly learner: Learner; readonly out: OutOfFold }> {
  const made: { readonly learner: Learner; readonly out: OutOfFold }[] = [];
  for (const learner of all) {
    const probabilities = await learner.learn(labels, classes, rng.fork(learner.by), part);
    const agreement = agreementOf(probabilities, labels, classes);
    made.push({ learner, out: { by: learner.by, probabilities, agreement } });
  }
  return made.reduce((best, next) => (next.out.agreement > best.out.agreement ? next : best));
}

export function agreementOf(probabilities: Float64Array, labels: Int32Array, classes: number): number {
  let [right, n] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    if (labels[i]! < 0) continue;
    n++;
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (probabilities[i * classes + c]! > probabilities[i * classes + best]!) best = c;
    if (best === labels[i]) right++;
  }
  return n === 0 ? 0 : right / n;
}

function groupsOf(n: number, units: readonly string[] | undefined): Int32Array {
  if (!units) return Int32Array.from({ length: n }, (_, i) => i);
  const known = new Map<string, number>();
  return Int32Array.from(units, (unit) => {
    const group = known.get(unit) ?? known.size;
    known.set(unit, group);
    return group;
  });
}

/** Neighbours do not depend on labels: they are found once, and labels may be tried many times. */
async function neighbourLearner(points: Points, groups: Int32Array, rng: Rng, part: Part): Promise<Learner> {
  const { n, d, at } = points;
  const asked = Math.max(1000, Math.min(n, Math.floor(WORK_MAX / (n * d))));
  const from = asked >= n ? Int32Array.from({ length: n }, (_, i) => i) : Int32Array.from(rng.sample(n, asked)).sort();
  const k = NEIGHBOURS;
  const nearest = new Int32Array(n * k).fill(-1);
  const distances = new Float64Array(k);
  const places = new Int32Array(k);
  const { breath, end } = pacedBy(part, n);
  for (let a = 0; a < n; a++) {
    const due = breath(a, from.length * d);
    if (due) await due;
    distances.fill(Infinity);
    places.fill(-1);
    for (const b of from) {
      if (groups[b] === groups[a]) continue;
      const limit = distances[k - 1]!;
      let sum = 0;
      const [i, j] = [a * d, b * d];
      for (let c = 0; c < d && sum < limit; c++) {
        const step = at[i + c]! - at[j + c]!;
        sum += step * step;
      }
      if (sum >= limit) continue;
      let rank = k - 1;
      while (rank > 0 && distances[rank - 1]! > sum) {
        distances[rank] = distances[rank - 1]!;
        places[rank] = places[rank - 1]!;
        rank--;
      }
      distances[rank] = sum;
      places[rank] = b;
    }
    nearest.set(places, a * k);
  }
  end();
  return {
    by: `${k} nearest neighbours${from.length < n ? ` of ${from.length.toLocaleString("en-US")} drawn samples` : ""}, the sample left out`,
    async learn(labels, classes) {
      const share = sharesOf(labels, classes);
      const out = new Float64Array(n * classes);
      for (let i = 0; i < n; i++) {
        let votes = 0;
        for (let r = 0; r < k; r++) {
          const neighbour = nearest[i * k + r]!;
          if (neighbour < 0 || labels[neighbour]! < 0) continue;
          out[i * classes + labels[neighbour]!]!++;
          votes++;
        }
        // A tenth of a vote more, split as the classes are: no probability is zero because ten neighbours are few.
        for (let c = 0; c < classes; c++)
          out[i * classes + c] = (out[i * classes + c]! + PRIOR * share[c]!) / (votes + PRIOR);
      }
      return out;
    },
  };
}

function sharesOf(labels: Int32Array, classes: number): Float64Array {
  const share = new Float64Array(classes);
  let n = 0;
  for (const label of labels)
    if (label >= 0) {
      share[label]!++;
      n++;
    }
  return share.map((count) => (n === 0 ? 1 / classes : count / n));
}

/** Adam (Kingma & Ba 2015) on the cross-entropy with weight decay, small batches, a rate that falls to nothing. */
function logisticLearner({ n, d, at }: Points, groups: Int32Array): Learner {
  return {
    by: `multinomial logistic regression, ${FOLDS} folds`,
    async learn(labels, classes, rng, part) {
      const order = Int32Array.from(rng.fork("order").sample(n, n));
      // Folds by unit, so that all samples of one fall into the same.
      const foldOf = new Int32Array(n);
      const foldOfGroup = new Map<number, number>();
      for (const i of order) {
        const group = groups[i]!;
        const fold = foldOfGroup.get(group) ?? foldOfGroup.size % FOLDS;
        foldOfGroup.set(group, fold);
        foldOf[i] = fold;
      }
      const scale = scalesOf(at, n, d);
      const out = new Float64Array(n * classes);
      const epochs = Math.max(2, Math.min(150, Math.ceil(60_000 / n)));
      const { breath, end } = pacedBy(part, 1);
      for (let fold = 0; fold < FOLDS; fold++) {
        const teach = order.filter((i) => foldOf[i] !== fold && labels[i]! >= 0);
        const weights = await fit(at, d, scale, labels, classes, teach, epochs, (done, total, work) =>
          breath((fold + done / total) / FOLDS, work),
        );
        const score = new Float64Array(classes);
        for (let i = 0; i < n; i++)
          if (foldOf[i] === fold) {
            softmax(at, i, d, scale, weights, classes, score);
            out.set(score, i * classes);
          }
      }
      end();
      return out;
    },
  };
}

function scalesOf(at: Float32Array, n: number, d: number): Float64Array {
  const scale = new Float64Array(2 * d);
  for (let k = 0; k < d; k++) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      sum += at[i * d + k]!;
      squares += at[i * d + k]! ** 2;
    }
    const variance = squares / n - (sum / n) ** 2;
    scale[k] = sum / n;
    scale[d + k] = variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
  }
  return scale;
}

function softmax(
  at: Float32Array,
  i: number,
  d: number,
  scale: Float64Array,
  weights: Float64Array,
  classes: number,
  score: Float64Array,
): void {
  let largest = -Infinity;
  for (let c = 0; c < classes; c++) {
    let sum = weights[c * (d + 1) + d]!;
    for (let k = 0; k < d; k++) sum += (at[i * d + k]! - scale[k]!) * scale[d + k]! * weights[c * (d + 1) + k]!;
    score[c] = sum;
    if (sum > largest) largest = sum;
  }
  let total = 0;
  for (let c = 0; c < classes; c++) total += score[c] = Math.exp(score[c]! - largest);
  for (let c = 0; c < classes; c++) score[c]! /= total;
}

const BATCH = 32;
const RATE = 0.03;
const DECAY = 1e-3;

async function fit(
  at: Float32Array,
  d: number,
  scale: Float64Array,
  labels: Int32Array,
  classes: number,
  teach: Int32Array,
  epochs: number,
  breath: (done: number, total: number, work: number) => Promise<void> | undefined,
): Promise<Float64Array> {
  const size = classes * (d + 1);
  const [weights, gradient, first, second] = Array.from({ length: 4 }, () => new Float64Array(size)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const score = new Float64Array(classes);
  const steps = epochs * Math.ceil(teach.length / BATCH);
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++)
    for (let from = 0; from < teach.length; from += BATCH) {
      const due = breath(step, steps, 2 * BATCH * size);
      if (due) await due;
      gradient.fill(0);
      const end = Math.min(teach.length, from + BATCH);
      for (let t = from; t < end; t++) {
        const i = teach[t]!;
        softmax(at, i, d, scale, weights, classes, score);
        score[labels[i]!]! -= 1;
        for (let c = 0; c < classes; c++) {
          const error = score[c]! / (end - from);
          if (Math.abs(error) < 1e-7) continue;
          const row = c * (d + 1);
          for (let k = 0; k < d; k++) gradient[row + k]! += error * (at[i * d + k]! - scale[k]!) * scale[d + k]!;
          gradient[row + d]! += error;
        }
      }
      step++;
      const rate = RATE * (1 - (step - 1) / steps);
      const [b1, b2] = [1 - 0.9 ** step, 1 - 0.999 ** step];
      for (let w = 0; w < size; w++) {
        const g = gradient[w]! + DECAY * weights[w]!;
        first[w] = 0.9 * first[w]! + 0.1 * g;
        second[w] = 0.999 * second[w]! + 0.001 * g * g;
        weights[w]! -= (rate * (first[w]! / b1)) / (Math.sqrt(second[w]! / b2) + 1e-8);
      }
    }
  return weights;
}
