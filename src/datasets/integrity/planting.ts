/** Faults to plant into copies of a set: the ways in which a sample becomes another one that is still the same. */
import type { Rng } from "#base/random.ts";
import { moved, STEPS } from "./moved.ts";
import { pick, type Records, type Rows } from "./records.ts";
import { momentsOf } from "./space.ts";

/** A way to copy samples that a comparison of bytes would not see. */
export interface Disguise {
  readonly fault: string;
  /** Copies of all samples of `records`, changed. */
  readonly copy: (records: Records, rng: Rng) => Records;
}

/** Ways that fit these data. `whole` is the set whose spread and range the changes are measured in. */
export function disguises(whole: Records): readonly Disguise[] {
  return whole.grid ? imageDisguises(whole) : tableDisguises(whole);
}

const changed = (records: Records, x: Rows): Records => ({ ...records, x });

function imageDisguises(whole: Records): readonly Disguise[] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of whole.x) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const width = high - low;
  const integer = whole.x.subarray(0, 10_000).every(Number.isInteger);
  const kept = (value: number): number => {
    const inside = Math.min(high, Math.max(low, value));
    return integer ? Math.round(inside) : inside;
  };
  return [
    {
      fault: "a copy with noise of 2 % of the range on every value",
      copy: (records, rng) =>
        changed(
          records,
          records.x.map((value) => kept(value + 0.02 * width * rng.normal())),
        ),
    },
    {
      fault: "a copy up to 20 % darker, with up to 5 % of the range added",
      copy(records, rng) {
        const x = records.x.slice();
        for (let i = 0; i < records.n; i++) {
          const [scale, plus] = [1 - 0.2 * rng.uniform(), 0.05 * width * rng.uniform()];
          for (let k = i * records.size; k < (i + 1) * records.size; k++)
            x[k] = kept(low + (x[k]! - low) * scale + plus);
        }
        return changed(records, x);
      },
    },
    {
      fault: "a copy moved by one pixel",
      copy: (records, rng) => ({
        ...records,
        x: joined(
          Array.from({ length: records.n }, (_, i) => {
            const [down, right] = STEPS[rng.below(STEPS.length)]!;
            return moved(pick(records, [i]), down, right).x;
          }),
          records,
        ),
      }),
    },
    {
      fault: "a copy with its lowest levels gone: rounded to 16 of them",
      copy: (records) =>
        changed(
          records,
          records.x.map((value) => kept(low + (Math.round((15 * (value - low)) / width) * width) / 15)),
        ),
    },
  ];
}

function joined(rows: readonly Rows[], { x, size }: Records): Rows {
  const all = x instanceof Float32Array ? new Float32Array(rows.length * size) : new Float64Array(rows.length * size);
  rows.forEach((row, i) => all.set(row as never, i * size));
  return all;
}

function tableDisguises(whole: Records): readonly Disguise[] {
  const { size, columns } = whole;
  const numeric = Array.from({ length: size }, (_, column) => column).filter((c) => !columns?.[c]?.categories);
  const deviations = new Map(numeric.map((column) => [column, momentsOf(whole, column).deviation]));
  const cells = (records: Records, change: (value: number, column: number) => number): Records => {
    const x = Float64Array.from(records.x);
    for (let i = 0; i < records.n; i++)
      for (const column of numeric) x[i * size + column] = change(x[i * size + column]!, column);
    return changed(records, records.x instanceof Float32Array ? Float32Array.from(x) : x);
  };
  return [
    {
      fault: "a copy with noise of 1 % of a standard deviation on every number",
      copy: (records, rng) => cells(records, (value, column) => value + 0.01 * deviations.get(column)! * rng.normal()),
    },
    {
      fault: "a copy rounded to two digits",
      copy: (records) => cells(records, (value) => (Number.isFinite(value) ? Number(value.toPrecision(2)) : value)),
    },
    {
      fault: "a copy with one value taken from another sample",
      copy(records, rng) {
        const x = records.x.slice();
        for (let i = 0; i < records.n; i++) {
          const column = rng.below(size);
          x[i * size + column] = whole.x[rng.below(whole.n) * size + column]!;
        }
        return changed(records, x);
      },
    },
  ];
}

/** Samples midway between each of the drawn ones and its nearest other: like the data, and nobody's copy. */
export function inBetween(
  records: Records,
  points: { readonly n: number; readonly d: number; readonly at: Float32Array },
  count: number,
  rng: Rng,
): Records {
  const drawn = rng.sample(records.n, Math.min(count, records.n));
  const partners = drawn.map((a) => {
    let [best, nearest] = [Infinity, -1];
    for (let b = 0; b < points.n; b++) {
      let sum = 0;
      for (let k = 0; k < points.d && sum < best; k++) {
        const step = points.at[a * points.d + k]! - points.at[b * points.d + k]!;
        sum += step * step;
      }
      if (sum > 1e-12 && sum < best) [best, nearest] = [sum, b];
    }
    return nearest;
  });
  const at = drawn.filter((_, i) => partners[i]! >= 0);
  const others = partners.filter((b) => b >= 0);
  const made = pick(records, at);
  const { size, columns, x, grid } = records;
  for (let i = 0; i < made.n; i++) {
    // Images are compared without their contrast, so that the one with less of it weighs more.
    const [one, two] = grid ? [contrast(x, at[i]!, size), contrast(x, others[i]!, size)] : [1, 1];
    const weight = one + two > 0 ? two / (one + two) : 0.5;
    for (let k = 0; k < size; k++) {
      const other = x[others[i]! * size + k]!;
      made.x[i * size + k] = columns?.[k]?.categories
        ? rng.uniform() < 0.5
          ? made.x[i * size + k]!
          : other
        : weight * made.x[i * size + k]! + (1 - weight) * other;
    }
  }
  return made;
}

/** Standard deviation of the values of one sample. */
function contrast(x: Rows, sample: number, size: number): number {
  let [sum, squares] = [0, 0];
  for (let i = sample * size; i < (sample + 1) * size; i++) {
    sum += x[i]!;
    squares += x[i]! * x[i]!;
  }
  return Math.sqrt(Math.max(0, squares / size - (sum / size) ** 2));
}
