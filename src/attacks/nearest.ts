/** The nearest point beyond the goal that a minimal-norm attack has seen, per row, and the last of the way back to the sample. */
import type { Arena } from "./harness.ts";
import { distanceTo } from "./region.ts";
import { gather } from "./rows.ts";

export interface Nearest {
  /** In the region's norm; Infinity where nothing was found. */
  readonly distance: Float64Array;
  /** n × size. */
  readonly point: Float32Array;
}

export function nothingYet({ n, region }: Arena): Nearest {
  return { distance: new Float64Array(n).fill(Infinity), point: region.centre.slice() };
}

/** Remembers a point beyond the goal where it is nearer than what is known. */
export function keep({ region, size }: Arena, row: number, points: Float32Array, at: number, nearest: Nearest): void {
  const distance = distanceTo(region, row, points, at);
  if (!(distance < nearest.distance[row]!)) return;
  nearest.distance[row] = distance;
  nearest.point.set(points.subarray(at, at + size), row * size);
}

/**
 * Bisects the last tenth of the straight way from each point to its sample (Croce & Hein, ICML 2020, §3.4, final search); only
 * where the smallest perturbation is sought, for what lies outside a budget stays outside.
 */
export async function bisectBack(arena: Arena, nearest: Nearest, rounds = 6): Promise<void> {
  const { region, size } = arena;
  const { distance } = nearest;
  const point = nearest.point.slice();
  let rows: Int32Array = arena.open().filter((row) => distance[row]! < Infinity && region.eps![row] === Infinity);
  const low = new Float64Array(arena.n).fill(0.9);
  const high = new Float64Array(arena.n).fill(1);
  for (let round = 0; round < rounds && rows.length > 0; round++) {
    const points = gather(point, rows, size);
    rows.forEach((row, k) => {
      const share = (low[row]! + high[row]!) / 2;
      for (let i = 0; i < size; i++) {
        const c = region.centre[row * size + i]!;
        points[k * size + i] = c + share * (points[k * size + i]! - c);
      }
    });
    const { margin } = await arena.score(rows, points);
    rows.forEach((row, k) => {
      const share = (low[row]! + high[row]!) / 2;
      if (margin[k]! > 0) {
        high[row] = share;
        keep(arena, row, points, k * size, nearest);
      } else low[row] = share;
    });
    rows = arena.open(rows);
  }
}
