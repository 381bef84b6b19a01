/** HopSkipJump: walks along the decision boundary by labels alone, its normal estimated from random points on both sides. */
import { type Arena, defineAttack } from "#attacks/harness.ts";
import { distanceTo } from "#attacks/region.ts";
import type { Rng } from "#base/random.ts";

/** Random points for a first point beyond the goal (§4.1 starts from noise): anywhere in the domain, and, every other time, a corner of it (ours). */
const TRIES = 100;
/** Halvings of a step before it is given up. */
const HALVINGS = 20;
/** About how many values one question holds. */
const VALUES = 2 ** 18;

export default defineAttack({
  id: "hopskipjump",
  revision: 1,
  title: "HopSkipJump",
  citation:
    "Chen, Jordan, Wainwright: HopSkipJumpAttack, a query-efficient decision-based attack. IEEE S&P 2020, Algorithm 2",
  needs: "labels",
  minimal: true,
  norms: ["linf", "l2"],
  objectives: [],
  // 100 points for the first estimate and 5,000 queries of the 25,000 of §5; the rest are the authors' values.
  defaults: { queries: 5000, steps: 64, points: 100 },
  async run(arena, { queries, steps, points }) {
    const { region, size } = arena;
    const rows = arena.open();
    const walkers: Walker[] = Array.from(rows, (row) => ({
      row,
      random: arena.random(row, 0),
      at: region.centre.slice(row * size, (row + 1) * size),
      queries,
    }));
    let walking = await begin(arena, walkers);
    await toBoundary(arena, walking);
    for (let step = 0; step < steps && walking.length > 0; step++) {
      walking = walking.filter((walker) => canAsk(arena, walker, 2));
      const normals = await normalsAt(arena, walking, points, step);
      await jump(arena, walking, normals, step);
      await toBoundary(arena, walking);
      arena.report(step + 1, steps);
    }
  },
});

/** One row: where it is (beyond the goal, near the boundary), its random stream and what it may still ask. */
interface Walker {
  readonly row: number;
  readonly random: Rng;
  at: Float32Array;
  queries: number;
}

const canAsk = (arena: Arena, walker: Walker, count: number): boolean =>
  walker.queries >= count && arena.left(walker.row) >= count + 2 && arena.open(Int32Array.of(walker.row)).length > 0;

/** Asks about points of the walkers; the points come back as they were asked. */
async function ask(arena: Arena, walkers: readonly Walker[], points: Float32Array): Promise<Uint8Array> {
  for (const walker of walkers) walker.queries--;
  const rows = Int32Array.from(walkers, ({ row }) => row);
  return (await arena.label(rows, points)).beaten;
}

/** The walkers for which a random point of the domain lies beyond the goal, standing there. */
async function begin(arena: Arena, walkers: readonly Walker[]): Promise<Walker[]> {
  const { size, region } = arena;
  const found: Walker[] = [];
  let looking = walkers.filter((walker) => canAsk(arena, walker, 1));
  for (let attempt = 0; attempt < TRIES && looking.length > 0; attempt++) {
    const points = new Float32Array(looking.length * size);
    looking.forEach(({ row, random }, k) => {
      for (let i = 0; i < size; i++) {
        const place = row * size + i;
        const draw = random.uniform();
        const share = attempt % 2 === 0 ? draw : Math.round(draw);
        points[k * size + i] = region.low[place]! + share * (region.high[place]! - region.low[place]!);
      }
    });
    const beyond = await ask(arena, looking, points);
    looking.forEach((walker, k) => {
      if (beyond[k] === 0) return;
      walker.at = points.slice(k * size, (k + 1) * size);
      found.push(walker);
    });
    looking = looking.filter((walker, k) => beyond[k] === 0 && canAsk(arena, walker, 1));
  }
  return found.sort((a, b) => a.row - b.row);
}

/** Brings each walker along the way to its sample to just beyond the boundary (§4.1): in L2 on the straight line, in L∞ by clipping. */
async function toBoundary(arena: Arena, walkers: readonly Walker[]): Promise<void> {
  const { size, region } = arena;
  const linf = region.norm === "linf";
  const threshold = size ** (linf ? -2 : -1.5);
  const whole = walkers.map(({ row, at }) => (linf ? distanceTo(region, row, at, 0) - 0 : 1));
  const low = new Float64Array(walkers.length);
  const high = Float64Array.from(whole);
  const from = walkers.map(({ at }) => at);
  const smallest = region.steps === null ? 1e-7 : (linf ? 0.25 : 0.05) / region.steps;
  for (;;) {
    const searching = walkers.flatMap((walker, k) => {
      const gap = high[k]! - low[k]!;
      return gap > Math.max(smallest, threshold * whole[k]!) && canAsk(arena, walker, 1) ? [k] : [];
    });
    if (searching.length === 0) break;
    const points = new Float32Array(searching.length * size);
    searching.forEach((k, s) => {
      const middle = (low[k]! + high[k]!) / 2;
      const base = walkers[k]!.row * size;
      for (let i = 0; i < size; i++) {
        const c = region.centre[base + i]!;
        const delta = from[k]![i]! - c;
        points[s * size + i] = c + (linf ? Math.max(-middle, Math.min(middle, delta)) : middle * delta);
      }
    });
    const beyond = await ask(
      arena,
      searching.map((k) => walkers[k]!),
      points,
    );
    searching.forEach((k, s) => {
      const middle = (low[k]! + high[k]!) / 2;
      if (beyond[s] === 0) low[k] = middle;
      else {
        high[k] = middle;
        walkers[k]!.at = points.slice(s * size, (s + 1) * size);
      }
    });
  }
}

/** Estimates the direction beyond the boundary from labels of points around each walker (equation 11, baseline as in 16). */
async function normalsAt(
  arena: Arena,
  walkers: readonly Walker[],
  points: number,
  step: number,
): Promise<readonly Float64Array[]> {
  const { size, region } = arena;
  const linf = region.norm === "linf";
  const normals: Float64Array[] = [];
  for (const walker of walkers) {
    const { row, at, random } = walker;
    const distance = distanceTo(region, row, at, 0);
    // δ of §4.3; on whole steps at least so much that rounding leaves something of it.
    const wished = step === 0 ? 0.1 : distance * (linf ? 1 / size : 1 / size);
    const spread = Math.max(wished, 1e-6 * Math.sqrt(size), region.steps === null ? 0 : Math.sqrt(size) / region.steps);
    const most = Math.min(Math.floor(points * Math.sqrt(step + 1)), walker.queries - 1, arena.left(row) - 3);
    const sums = { beyond: new Float64Array(size), short: new Float64Array(size) };
    const counts = { beyond: 0, short: 0 };
    const group = Math.max(1, Math.floor(VALUES / size));
    for (let done = 0; done < most; done += group) {
      if (!canAsk(arena, walker, 1)) break;
      const count = Math.min(group, most - done);
      const around = new Float32Array(count * size);
      const draw = new Float64Array(size);
      for (let p = 0; p < count; p++) {
        let square = 0;
        for (let i = 0; i < size; i++) {
          draw[i] = linf ? 2 * random.uniform() - 1 : random.normal();
          square += draw[i]! ** 2;
        }
        const scale = spread / Math.sqrt(square || 1);
        for (let i = 0; i < size; i++) around[p * size + i] = at[i]! + scale * draw[i]!;
      }
      const beyond = await ask(
        arena,
        Array.from({ length: count }, () => walker),
        around,
      );
      for (let p = 0; p < count; p++) {
        const side = beyond[p] === 1 ? "beyond" : "short";
        counts[side]++;
        for (let i = 0; i < size; i++) sums[side][i]! += around[p * size + i]! - at[i]!;
      }
    }
    const all = counts.beyond + counts.short;
    const mean = all === 0 ? 0 : (counts.beyond - counts.short) / all;
    const normal = new Float64Array(size);
    const [plus, minus] = Math.abs(mean) === 1 ? [1, -1] : [1 - mean, -1 - mean];
    let square = 0;
    for (let i = 0; i < size; i++) {
      normal[i] = plus * sums.beyond[i]! + minus * sums.short[i]!;
      square += normal[i]! ** 2;
    }
    const length = Math.sqrt(square) || 1;
    for (let i = 0; i < size; i++) normal[i] = linf ? Math.sign(normal[i]!) : normal[i]! / length;
    normals.push(normal);
  }
  return normals;
}

/** Steps along the normals, halving until beyond the goal (geometric progression, §4.3). */
async function jump(
  arena: Arena,
  walkers: readonly Walker[],
  normals: readonly Float64Array[],
  step: number,
): Promise<void> {
  const { size, region } = arena;
  const length = walkers.map(({ row, at }) => distanceTo(region, row, at, 0) / Math.sqrt(step + 1));
  let trying = walkers.map((_, k) => k);
  for (let halving = 0; halving < HALVINGS; halving++) {
    trying = trying.filter((k) => canAsk(arena, walkers[k]!, 1));
    if (trying.length === 0) return;
    const points = new Float32Array(trying.length * size);
    trying.forEach((k, t) => {
      for (let i = 0; i < size; i++) points[t * size + i] = walkers[k]!.at[i]! + length[k]! * normals[k]![i]!;
    });
    const beyond = await ask(
      arena,
      trying.map((k) => walkers[k]!),
      points,
    );
    trying = trying.filter((k, t) => {
      if (beyond[t] === 1) walkers[k]!.at = points.slice(t * size, (t + 1) * size);
      else length[k]! /= 2;
      return beyond[t] === 0;
    });
  }
}
