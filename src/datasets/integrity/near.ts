/**
 * Pairs of points no farther apart than a radius. Up to a few thousand points all pairs are looked at; above that only
 * those that share a cell, or touch one, in a grid over their leading principal directions. Orthonormal projections never lengthen
 * a distance, so a grid whose cells are as wide as the radius loses no pair: unlike locality-sensitive hashing, recall is whole.
 */
import { quantile } from "#base/statistics.ts";
import type { Rng } from "#base/random.ts";
import { pacedBy, type Part } from "./breath.ts";
import { principal, projected, type Points } from "./space.ts";

export interface Pair {
  readonly a: number;
  readonly b: number;
  readonly distance: number;
}

export interface Near {
  /** Pairs of a point asked and a point kept, by point asked. */
  of(asked: Points, part: Part): Promise<NearPairs>;
  /** Pairs among the points kept, a > b. */
  among(part: Part): Promise<NearPairs>;
}

export interface NearPairs {
  readonly pairs: readonly Pair[];
  /** Pairs whose distance was computed. */
  readonly looked: number;
  /** Not every pair that could be near was looked at: there were more than the limit. */
  readonly cut: boolean;
}

/** Above this the grid is used. */
export const ALL_PAIRS_MAX = 3000;
const DIRECTIONS = 4;
/** Cells around one, each looked up by its hash. */
const NEIGHBOURS = 3 ** DIRECTIONS;
/** Coordinates that a comparison takes until it is too far, roughly. */
const COMPARED = 8;
/** Most pairs whose distance is computed in one call, and most pairs kept. */
const LOOKED_MAX = 3e8;
const PAIRS_MAX = 200_000;

/** Keeps points to be asked about. A radius of zero finds points equal in float32. */
export function nearIndex(kept: Points, radius: number): Near {
  const whole = kept.n <= ALL_PAIRS_MAX;
  const grid = whole ? undefined : gridOf(kept, radius);
  const limit = radius * radius * (1 + 1e-6);
  const search = async (asked: Points, within: boolean, part: Part): Promise<NearPairs> => {
    const pairs: Pair[] = [];
    let looked = 0;
    let cut = false;
    const { d, at } = asked;
    const compare = (a: number, b: number): void => {
      looked++;
      let sum = 0;
      const [i, j] = [a * d, b * d];
      for (let k = 0; k < d; k++) {
        const step = at[i + k]! - kept.at[j + k]!;
        sum += step * step;
        if (sum > limit) return;
      }
      pairs.push({ a, b, distance: Math.sqrt(sum) });
    };
    const far = grid?.project(asked);
    const { breath, end: over } = pacedBy(part, asked.n);
    for (let a = 0; a < asked.n && !cut; a++) {
      const before = looked;
      let met = 0;
      if (grid) met = grid.around(far!, a, (b) => (within && b >= a ? undefined : compare(a, b)));
      else for (let b = 0, end = within ? a : kept.n; b < end; b++) compare(a, b);
      const due = breath(a, DIRECTIONS * (NEIGHBOURS + met) + COMPARED * (looked - before));
      if (due) await due;
      cut = looked > LOOKED_MAX || pairs.length > PAIRS_MAX;
    }
    over();
    return { pairs, looked, cut };
  };
  return { of: (asked, part) => search(asked, false, part), among: (part) => search(kept, true, part) };
}

function gridOf(kept: Points, radius: number) {
  const basis = principal(kept, DIRECTIONS);
  const place = projected(kept, basis);
  const { d: k } = place;
  // A little wider than the radius, for the rounding of single precision; never so narrow that numbers overflow.
  let widest = 0;
  for (const value of place.at) widest = Math.max(widest, Math.abs(value));
  const side = Math.max(radius * (1 + 1e-4), widest * 1e-6, 1e-30);
  const hash = (cell: Int32Array): number => {
    let code = 0x811c9dc5;
    for (let i = 0; i < k; i++) code = Math.imul(code ^ cell[i]!, 0x01000193) ^ (code >>> 15);
    return code;
  };
  const cellOf = (points: Points, at: number, cell: Int32Array): void => {
    for (let i = 0; i < k; i++) cell[i] = Math.floor(points.at[at * k + i]! / side);
  };
  const cell = new Int32Array(k);
  const codes = new Int32Array(kept.n);
  for (let i = 0; i < kept.n; i++) {
    cellOf(place, i, cell);
    codes[i] = hash(cell);
  }
  const order = Int32Array.from({ length: kept.n }, (_, i) => i).sort((a, b) => codes[a]! - codes[b]! || a - b);
  const start = new Map<number, number>();
  order.forEach((point, rank) => {
    if (!start.has(codes[point]!)) start.set(codes[point]!, rank);
  });
  const neighbours = 3 ** k;
  const limit = side * side * 1.01;
  const near = new Int32Array(k);
  return {
    project: (points: Points): Points => (points === kept ? place : projected(points, basis)),
    /** Visits the points in the cells around one, and says how many it looked at. */
    around(points: Points, a: number, visit: (b: number) => void): number {
      cellOf(points, a, cell);
      // Two of the cells around may share a code: a point of both would be met twice.
      const met = new Set<number>();
      let seen = 0;
      for (let n = 0; n < neighbours; n++) {
        for (let i = 0, rest = n; i < k; i++, rest = Math.floor(rest / 3)) near[i] = cell[i]! + (rest % 3) - 1;
        const code = hash(near);
        const from = start.get(code);
        if (from === undefined || met.has(code)) continue;
        met.add(code);
        for (let rank = from; rank < order.length; rank++) {
          const b = order[rank]!;
          if (codes[b] !== code) break;
          seen++;
          let sum = 0;
          for (let i = 0; i < k; i++) {
            const step = points.at[a * k + i]! - place.at[b * k + i]!;
            sum += step * step;
          }
          if (sum <= limit) visit(b);
        }
      }
      return seen;
    },
  };
}

/** Distances from up to `probes` points, drawn at random, to their nearest other one that is not equal to them. */
export function nearestDistances({ n, d, at }: Points, rng: Rng, probes: number): number[] {
  return rng.sample(n, Math.min(probes, n)).flatMap((a) => {
    let best = Infinity;
    for (let b = 0; b < n; b++) {
      let sum = 0;
      for (let k = 0; k < d && sum < best; k++) {
        const step = at[a * d + k]! - at[b * d + k]!;
        sum += step * step;
      }
      if (sum > 1e-12 && sum < best) best = sum;
    }
    return best < Infinity ? [Math.sqrt(best)] : [];
  });
}

/** How near is near: as share of the median distance between nearest neighbours, half as far as a point midway between two. */
export const NEAR_SHARE = 0.25;

/** The radius within which two samples of these data are called near duplicates, and what it was learned from. */
export function nearRadius(
  points: Points,
  rng: Rng,
): { readonly radius: number; readonly median: number; readonly probes: number } {
  const distances = nearestDistances(points, rng, 300);
  const median = distances.length === 0 ? 0 : quantile(distances, 0.5);
  return { radius: NEAR_SHARE * median, median, probes: distances.length };
}
