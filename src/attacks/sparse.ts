/** Fewer changed elements: takes back what a sparse perturbation can do without. */
import type { Arena } from "./harness.ts";
import { type Nearest, keep } from "./nearest.ts";
import { gather, towards } from "./rows.ts";

/** Rounds of ranking the elements anew by the gradient. */
const ROUNDS = 3;

/**
 * Polishes L0 perturbations. Each round ranks the elements by what the gradient at the point says they bring at the end of
 * their room (for a linear model that ranking is exact), then bisects how many of the best still reach the goal.
 * Ours; it asks like any attack and changes `nearest`.
 */
export async function thinOut(arena: Arena, nearest: Nearest): Promise<void> {
  const { region, size, goal } = arena;
  let rows: Int32Array = arena.open().filter((row) => nearest.distance[row]! < Infinity);
  for (let round = 0; round < ROUNDS && rows.length > 0; round++) {
    const points = gather(nearest.point, rows, size);
    const { gradient } = await arena.climb(rows, points, towards(goal, rows));
    const slopes = gradient.slice();
    const plans = Array.from(rows, (row, k) => ranked(arena, row, slopes, k * size, nearest.point));
    const low = new Int32Array(rows.length);
    const high = Int32Array.from(rows, (row) => nearest.distance[row]!);
    const before = high.slice();
    for (;;) {
      const asked = rows
        .map((_, k) => k)
        .filter((k) => high[k]! - low[k]! > 1 && arena.open(Int32Array.of(rows[k]!)).length > 0);
      if (asked.length === 0) break;
      const middle = Int32Array.from(asked, (k) => (low[k]! + high[k]!) >> 1);
      const tried = new Float32Array(asked.length * size);
      asked.forEach((k, a) => {
        const { order, value } = plans[k]!;
        tried.set(region.centre.subarray(rows[k]! * size, (rows[k]! + 1) * size), a * size);
        for (const i of order.subarray(0, middle[a]!)) tried[a * size + i] = value[i]!;
      });
      const asking = asked.map((k) => rows[k]!);
      const { margin } = await arena.score(asking, tried);
      asked.forEach((k, a) => {
        if (!(margin[a]! > 0)) {
          low[k] = middle[a]!;
          return;
        }
        high[k] = middle[a]!;
        keep(arena, rows[k]!, tried, a * size, nearest);
      });
    }
    rows = arena.open(rows.filter((row, k) => nearest.distance[row]! < before[k]!));
  }
}

/** Elements by what they bring, most first, and the values they take: the end of their room, or where the point has them if that brings more. */
function ranked({ region, size }: Arena, row: number, slopes: Float32Array, from: number, point: Float32Array) {
  const { centre, low, high } = region;
  const base = row * size;
  const gain = new Float64Array(size);
  const value = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const c = centre[base + i]!;
    const slope = slopes[from + i]!;
    const end = slope > 0 ? high[base + i]! : low[base + i]!;
    const here = point[base + i]!;
    const best = slope * (end - c) >= slope * (here - c) ? end : here;
    value[i] = slope === 0 ? here : best;
    gain[i] = value[i] === c ? -Infinity : slope * (value[i]! - c);
  }
  const order = Int32Array.from(gain.keys()).sort((a, b) => gain[b]! - gain[a]! || a - b);
  return { order, value };
}
