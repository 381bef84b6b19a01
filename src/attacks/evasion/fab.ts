/** FAB: steps onto the linearised decision boundary, pulled towards the sample, to find the nearest point beyond it. */
import { hasLabels } from "#attacks/goals.ts";
import { type Arena, type Climb, defineAttack } from "#attacks/harness.ts";
import { type Nearest, bisectBack, keep, nothingYet } from "#attacks/nearest.ts";
import type { Norm, Region } from "#attacks/region.ts";
import { closeUp, gather, runnersUp } from "#attacks/rows.ts";

/** The largest weight of the sample's own projection (α_max), the overshoot (η) and the step back (β): §3 and supplement A. */
const PULL_MAX = 0.1;
const OVERSHOOT = 1.05;
const BACK = 0.9;

export default defineAttack({
  id: "fab",
  revision: 1,
  title: "FAB, targeted",
  citation:
    "Croce, Hein: Minimally distorted adversarial examples with a fast adaptive boundary attack. ICML 2020; its targeted version: AutoAttack, ICML 2020, §5",
  needs: "gradient",
  minimal: true,
  norms: ["linf", "l2", "l1"],
  objectives: ["targeted-margin", "unsafe", "flip", "deviation"],
  // 100 steps and 9 targets as in AutoAttack; fewer classes, fewer targets.
  defaults: { steps: 100, restarts: 1, targets: 9 },
  async run(arena, { steps, restarts, targets }) {
    const { size, region } = arena;
    const ranking = hasLabels(arena.goal) ? await runnersUp(arena) : new Map<number, readonly number[]>();
    const choices = arena.goal.kind === "untargeted" ? Math.min(targets, arena.outputs - 1) : 1;
    const nearest = nothingYet(arena);
    let pass = 0;
    for (let restart = 0; restart < restarts; restart++) {
      for (let choice = 0; choice < choices; choice++) {
        const rows = arena.open();
        if (rows.length === 0) return;
        const x = gather(region.centre, rows, size);
        if (restart > 0) rows.forEach((row, k) => stray(arena, row, `${choice}/${restart}`, nearest, x, k * size));
        const target = Int32Array.from(rows, (row) => ranking.get(row)?.[choice] ?? 0);
        await walk(arena, rows, target, x, steps, nearest, (step) =>
          arena.report(pass * steps + step, restarts * choices * steps),
        );
        pass++;
      }
      await bisectBack(arena, nearest);
    }
  },
});

/** A start half way to a random point as far away as the nearest one found, or as the budget. */
function stray(arena: Arena, row: number, name: string, nearest: Nearest, x: Float32Array, at: number): void {
  const { region, size } = arena;
  const random = arena.random(row, name);
  const reach = Math.min(nearest.distance[row]!, region.eps![row]!);
  if (reach === Infinity) return;
  const draw = Float64Array.from({ length: size }, () =>
    region.norm === "linf" ? 2 * random.uniform() - 1 : random.normal(),
  );
  const length = lengthOf(region.norm, draw) || 1;
  for (let i = 0; i < size; i++) x[at + i]! += (0.5 * reach * draw[i]!) / length;
}

async function walk(
  arena: Arena,
  all: Int32Array,
  aimed: Int32Array,
  x: Float32Array,
  steps: number,
  nearest: Nearest,
  report: (step: number) => void,
): Promise<void> {
  const { size, region, goal } = arena;
  const { centre } = region;
  const plane = planes(region);
  const fromHere = new Float64Array(size);
  const fromSample = new Float64Array(size);
  const target = aimed.slice();
  let rows: Int32Array = all;
  for (let step = 0; step < steps; step++) {
    const aim = (): Climb =>
      hasLabels(goal) ? { kind: "targeted-margin", target: target.subarray(0, rows.length) } : { kind: goal.kind };
    const { value, gradient: slope } = await arena.climb(rows, x.subarray(0, rows.length * size), aim());
    let open = arena.open(rows);
    closeUp(rows, open, size, [x, slope], [value, target]);
    rows = open;
    for (let k = 0; k < rows.length; k++) {
      const at = k * size;
      const base = rows[k]! * size;
      let offset = value[k]!;
      for (let i = 0; i < size; i++) offset += slope[at + i]! * (centre[base + i]! - x[at + i]!);
      const there = plane(x, at, base, slope, at, value[k]!, fromHere);
      const whence = plane(centre, base, base, slope, at, offset, fromSample);
      const pull = Math.min(there / (there + whence), PULL_MAX);
      for (let i = 0; i < size; i++) {
        const here = x[at + i]! + OVERSHOOT * fromHere[i]!;
        x[at + i] = here + pull * (centre[base + i]! + OVERSHOOT * fromSample[i]! - here);
      }
    }
    // What lies beyond the goal counts, and goes on from nearer to the sample.
    const here = x.subarray(0, rows.length * size);
    // Scores are of inputs on the grid, where there is one: the walk needs what lies between.
    const { margin } = region.steps === null ? await arena.score(rows, here) : await arena.climb(rows, here, aim());
    for (let k = 0; k < rows.length; k++) {
      if (!(margin[k]! > 0)) continue;
      const base = rows[k]! * size;
      keep(arena, rows[k]!, x, k * size, nearest);
      for (let i = 0, at = k * size; i < size; i++, at++) {
        const c = centre[base + i]!;
        x[at] = c + BACK * (x[at]! - c);
      }
    }
    open = arena.open(rows);
    closeUp(rows, open, size, [x], [target]);
    rows = open;
    report(step + 1);
    if (rows.length === 0) return;
  }
}

const SMALLEST = 1e-8;

function lengthOf(norm: Norm, delta: Float64Array): number {
  let total = 0;
  if (norm === "linf") {
    for (let i = 0; i < delta.length; i++) {
      const size = Math.abs(delta[i]!);
      if (size > total) total = size;
    }
    return total;
  }
  if (norm === "l1") {
    for (let i = 0; i < delta.length; i++) total += Math.abs(delta[i]!);
    return total;
  }
  for (let i = 0; i < delta.length; i++) total += delta[i]! * delta[i]!;
  return Math.sqrt(total);
}

/**
 * Projection, in the region's norm and within its box, onto the plane where a linear function reaches 0 (§3.1): given a
 * point, the function's gradient and its value there, fills `into` with the shortest change and returns its length (at least
 * 10⁻⁸). Where the box does not reach the plane, the corner nearest to it. Branches on signs would be mispredicted half of
 * the time, so signs are read from the numbers' own bits, and min(a, b) is (a + b − |a − b|) / 2.
 */
function planes({ norm, size, low, high }: Region) {
  // Per element: how fast it brings the value nearer to 0 (|w|), and how far it may go.
  const rate = new Float64Array(size);
  const room = new Float64Array(size);
  const left = new Float32Array(size);
  const ended = new Int32Array(left.buffer);
  return (
    points: Float32Array,
    at: number,
    base: number,
    slope: Float32Array,
    from: number,
    value: number,
    into: Float64Array,
  ): number => {
    const signs = new Int32Array(slope.buffer, slope.byteOffset + 4 * from, size);
    const up = value < 0 ? 1 : -1;
    const need = Math.abs(value);
    const share = norm === "l2" ? 1 : 0;
    let steepness = 0;
    for (let i = 0; i < size; i++) {
      const floor = low[base + i]!;
      const ceiling = high[base + i]!;
      const forward = up * (1 + 2 * (signs[i]! >> 31));
      const w = Math.abs(slope[from + i]!);
      const space = 0.5 * (ceiling - floor + forward * (ceiling + floor - 2 * points[at + i]!));
      rate[i] = w;
      room[i] = w === 0 ? 0 : space;
      left[i] = space - NO_ROOM;
      steepness += w * (share * w + 1 - share) * (1 + (ended[i]! >> 31));
    }
    if (norm === "l1") fill(rate, room, need, into);
    else {
      const much = level(norm, rate, room, left, need, steepness);
      if (much === Infinity) into.set(room);
      else
        for (let i = 0; i < size; i++) {
          // An element without slope stays: its pace is 0 in L2, and in L∞ its room was made so.
          const wished = much * (share * rate[i]! + 1 - share);
          into[i] = 0.5 * (wished + room[i]! - Math.abs(wished - room[i]!));
        }
    }
    for (let i = 0; i < size; i++) into[i] = into[i]! * up * (1 + 2 * (signs[i]! >> 31));
    return Math.max(SMALLEST, lengthOf(norm, into));
  };
}

/** Room below which an element counts as being at its end, and the share of the way that may be missing: the overshoot is a hundred times it. */
const NO_ROOM = 1e-9;
const MISSING = 5e-4;

/**
 * The t at which Σ rate·min(t, room) (L∞), or Σ rate·min(t·rate, room) (L2), reaches `need`; Infinity where it never does.
 * The sum is concave and made of straight pieces, so Newton's steps from the left come ever nearer; `steepness` at 0.
 */
function level(
  norm: Norm,
  rate: Float64Array,
  room: Float64Array,
  left: Float32Array,
  need: number,
  steepness: number,
): number {
  const ended = new Int32Array(left.buffer);
  const share = norm === "l2" ? 1 : 0;
  let missing = need;
  let slope = steepness;
  let t = 0;
  for (let round = 0; round < 60; round++) {
    if (slope === 0) return Infinity;
    t += missing / slope;
    let sum = 0;
    slope = 0;
    for (let i = 0; i < left.length; i++) {
      const w = rate[i]!;
      const pace = share * w + 1 - share;
      const there = t * pace;
      const rest = room[i]! - there;
      left[i] = rest;
      sum += w * (there + room[i]! - Math.abs(rest));
      slope += w * pace * (1 + (ended[i]! >> 31));
    }
    missing = need - 0.5 * sum;
    if (missing <= MISSING * need) return t;
  }
  return t;
}

/** L1: the fastest elements go all the way, one of them as far as is still needed (§3.1); found by halving around pivots. */
function fill(rate: Float64Array, room: Float64Array, need: number, into: Float64Array): void {
  into.fill(0);
  const order = Int32Array.from(rate.keys()).filter((i) => rate[i]! > 0 && room[i]! > 0);
  let from = 0;
  let to = order.length;
  let left = need;
  while (from < to) {
    const pivot = rate[order[(from + to) >> 1]!]!;
    let faster = from;
    let gain = 0;
    for (let k = from; k < to; k++) {
      const i = order[k]!;
      if (!(rate[i]! > pivot)) continue;
      gain += rate[i]! * room[i]!;
      order[k] = order[faster]!;
      order[faster++] = i;
    }
    if (gain >= left) {
      to = faster;
      continue;
    }
    // All of the faster ones go all the way; then those as fast as the pivot, as far as is still needed.
    for (let k = from; k < faster; k++) into[order[k]!] = room[order[k]!]!;
    left -= gain;
    let equal = faster;
    for (let k = faster; k < to; k++) {
      const i = order[k]!;
      if (rate[i] !== pivot) continue;
      into[i] = Math.min(room[i]!, Math.max(0, left) / pivot);
      left -= into[i]! * pivot;
      order[k] = order[equal]!;
      order[equal++] = i;
    }
    if (left <= 0) return;
    from = equal;
  }
}
