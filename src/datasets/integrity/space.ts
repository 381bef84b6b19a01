/**
 * Samples as points whose distance means likeness. Images: the lowest frequencies of the cosine transform of their grey
 * values, without the mean and scaled to length one, so that brightness, contrast, packing and faint noise hardly move them.
 * Tables: numbers in standard deviations, missing ones at the mean, and a category as one of as many axes, a change of
 * which weighs one. The space is fitted to one set and then takes others, so that both are measured alike.
 */
import type { Records } from "./records.ts";

/** n × d points, row-major. */
export interface Points {
  readonly n: number;
  readonly d: number;
  readonly at: Float32Array;
}

export interface Space {
  readonly d: number;
  /** How distances are to be read. */
  readonly what: string;
  points(records: Records): Points;
}

/** Frequencies per side: 8 × 8 without the mean, as in perceptual hashes (Zauner 2010, §3.2.1). */
const FREQUENCIES = 8;

export function spaceOf(fitted: Records): Space {
  return fitted.grid ? imageSpace(fitted) : tableSpace(fitted);
}

function imageSpace({ grid }: Records): Space {
  const { height, width, channels, planes } = grid!;
  const [down, across] = [Math.min(FREQUENCIES, height), Math.min(FREQUENCIES, width)];
  const d = down * across - 1;
  const basis = (length: number, count: number): Float64Array =>
    Float64Array.from(
      { length: count * length },
      (_, i) =>
        Math.cos((Math.PI * Math.floor(i / length) * ((i % length) + 0.5)) / length) *
        (i < length ? Math.SQRT1_2 : 1) *
        Math.sqrt(2 / length),
    );
  const [rows, columns] = [basis(height, down), basis(width, across)];
  const [pixelStep, channelStep] = planes ? [1, height * width] : [channels, 1];
  return {
    d,
    what: `length of the difference of two images in the ${down} × ${across} lowest frequencies without the mean, scaled to length one`,
    points({ x, n, size }) {
      const at = new Float32Array(n * d);
      const half = new Float64Array(height * across);
      const grey = new Float64Array(width);
      for (let sample = 0; sample < n; sample++) {
        for (let row = 0; row < height; row++) {
          const from = sample * size + row * width * pixelStep;
          for (let column = 0; column < width; column++) {
            let sum = 0;
            for (let channel = 0; channel < channels; channel++)
              sum += x[from + column * pixelStep + channel * channelStep]!;
            grey[column] = Number.isFinite(sum) ? sum : 0;
          }
          for (let u = 0; u < across; u++) {
            let sum = 0;
            for (let column = 0; column < width; column++) sum += grey[column]! * columns[u * width + column]!;
            half[row * across + u] = sum;
          }
        }
        let squares = 0;
        const to = sample * d;
        for (let v = 0; v < down; v++)
          for (let u = 0; u < across; u++) {
            if (u + v === 0) continue;
            let sum = 0;
            for (let row = 0; row < height; row++) sum += half[row * across + u]! * rows[v * height + row]!;
            at[to + v * across + u - 1] = sum;
            squares += sum * sum;
          }
        const scale = squares > 1e-12 ? 1 / Math.sqrt(squares) : 0;
        for (let i = to; i < to + d; i++) at[i]! *= scale;
      }
      return { n, d, at };
    },
  };
}

/** Standard deviations beyond which nothing is farther: squares of it stay within single precision. */
const FARTHEST = 1e6;

function tableSpace(fitted: Records): Space {
  const { size, columns } = fitted;
  const axes: { column: number; from: number; mean: number; scale: number; categories: number }[] = [];
  let d = 0;
  for (let column = 0; column < size; column++) {
    const categories = columns?.[column]?.categories?.length ?? 0;
    if (categories > 0) {
      axes.push({ column, from: d, mean: 0, scale: Math.SQRT1_2, categories });
      d += categories;
      continue;
    }
    const { mean, deviation } = momentsOf(fitted, column);
    if (deviation > 0) axes.push({ column, from: d++, mean, scale: 1 / deviation, categories: 0 });
  }
  return {
    d,
    what: "Euclidean distance with numbers in standard deviations and a changed category as one",
    points({ x, n }) {
      const at = new Float32Array(n * d);
      for (const { column, from, mean, scale, categories } of axes)
        for (let sample = 0; sample < n; sample++) {
          const value = x[sample * size + column]!;
          if (!Number.isFinite(value)) continue;
          if (categories === 0) at[sample * d + from] = Math.max(-FARTHEST, Math.min(FARTHEST, (value - mean) * scale));
          else if (value < categories) at[sample * d + from + value] = scale;
        }
      return { n, d, at };
    },
  };
}

/** Mean and standard deviation of the finite values of one column. */
export function momentsOf({ x, n, size }: Records, column: number): { mean: number; deviation: number } {
  let [count, mean, squares] = [0, 0, 0];
  for (let i = column; i < n * size; i += size) {
    const value = x[i]!;
    if (!Number.isFinite(value)) continue;
    count++;
    const step = value - mean;
    mean += step / count;
    squares += step * (value - mean);
  }
  return { mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : 0 };
}

/**
 * `k` orthonormal directions (k × d) along which the points spread most, by subspace iteration on at most 2,000 of them
 * (Golub & Van Loan, Matrix Computations, §7.3.2). Directions that are not quite principal are still orthonormal.
 */
export function principal(
  { n, d, at }: Points,
  k: number,
): { mean: Float64Array; directions: Float64Array; k: number } {
  const rank = Math.min(k, d);
  const step = Math.max(1, Math.floor(n / 2000));
  const used = Math.ceil(n / step);
  const mean = new Float64Array(d);
  for (let sample = 0; sample < n; sample += step) for (let j = 0; j < d; j++) mean[j]! += at[sample * d + j]! / used;
  const directions = new Float64Array(rank * d);
  for (let i = 0; i < rank; i++)
    for (let j = 0; j < d; j++) directions[i * d + j] = Math.cos((i + 1) * (j + 1) * 0.7 + i);
  orthonormal(directions, rank, d);
  const score = new Float64Array(rank);
  const centred = new Float64Array(d);
  for (let iteration = 0; iteration < 12; iteration++) {
    const next = new Float64Array(rank * d);
    for (let sample = 0; sample < n; sample += step) {
      for (let j = 0; j < d; j++) centred[j] = at[sample * d + j]! - mean[j]!;
      for (let i = 0; i < rank; i++) {
        let sum = 0;
        for (let j = 0; j < d; j++) sum += centred[j]! * directions[i * d + j]!;
        score[i] = sum;
      }
      for (let i = 0; i < rank; i++) for (let j = 0; j < d; j++) next[i * d + j]! += score[i]! * centred[j]!;
    }
    directions.set(next);
    orthonormal(directions, rank, d);
  }
  return { mean, directions, k: rank };
}

/** Gram–Schmidt, twice for the rounding; a direction that vanishes is replaced by an axis. */
function orthonormal(directions: Float64Array, k: number, d: number): void {
  for (let i = 0; i < k; i++)
    for (let attempt = 0; attempt <= d; attempt++) {
      const row = directions.subarray(i * d, (i + 1) * d);
      for (let round = 0; round < 2; round++)
        for (let other = 0; other < i; other++) {
          let dot = 0;
          for (let j = 0; j < d; j++) dot += row[j]! * directions[other * d + j]!;
          for (let j = 0; j < d; j++) row[j]! -= dot * directions[other * d + j]!;
        }
      let squares = 0;
      for (let j = 0; j < d; j++) squares += row[j]! * row[j]!;
      const length = Math.sqrt(squares);
      if (length > 1e-9) {
        for (let j = 0; j < d; j++) row[j]! /= length;
        break;
      }
      row.fill(0);
      row[(i + attempt) % d] = 1;
    }
}

/** The points along `k` principal directions of themselves, or of `basis`. */
export function projected(points: Points, basis: ReturnType<typeof principal>): Points {
  const { n, d, at } = points;
  const { mean, directions, k } = basis;
  const shift = Float64Array.from({ length: k }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += mean[j]! * directions[i * d + j]!;
    return sum;
  });
  const to = new Float32Array(n * k);
  for (let sample = 0; sample < n; sample++)
    for (let i = 0; i < k; i++) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += at[sample * d + j]! * directions[i * d + j]!;
      to[sample * k + i] = sum - shift[i]!;
    }
  return { n, d: k, at: to };
}
