/** Auto-PGD: projected gradient ascent with momentum that halves its step where progress stalls and restarts from its best point. */
import { type Arena, type Climb, defineAttack } from "#attacks/harness.ts";
import type { ObjectiveKind } from "#attacks/goals.ts";
import { type Region, project, radiusOf, stepUnit } from "#attacks/region.ts";
import { closeUp, runnersUp } from "#attacks/rows.ts";

/** Weight of the gradient step against the previous move (Algorithm 1, α). */
const MOMENTUM = 0.75;
/** Fractions of the range a "shade" start goes towards. */
const SHADES = [0, 1, 0.5];
/** The share of steps since the last checkpoint that must have raised the objective (ρ). */
const RISING = 0.75;

export default defineAttack({
  id: "apgd",
  revision: 2,
  title: "Auto-PGD",
  citation:
    "Croce, Hein: Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks. ICML 2020, Algorithm 1",
  needs: "gradient",
  norms: ["linf", "l2"],
  objectives: ["cross-entropy", "margin", "targeted-margin", "dlr", "dlr-targeted", "unsafe", "flip", "deviation"],
  // 100 steps, a first step of twice the budget, and 9 targets for the targeted variant: §3 and §4.2 of the paper. Other starts
  // are ours: large steps from a random one can land where every unit is dead and no gradient is left. "centre" starts from
  // the input itself, "shade" as far towards black, white and grey (one a restart) as the budget goes. `eot`: gradients averaged
  // per step, 20 for a randomised model (the authors' "rand" version; Athalye et al., ICML 2018).
  defaults: { objective: "cross-entropy", steps: 100, restarts: 1, targets: 9, start: "random", first: 2, eot: 1 },
  async run(arena, { objective, steps, restarts, targets, start, first, eot }) {
    const kind = objective as ObjectiveKind;
    const aimed = kind === "targeted-margin" || kind === "dlr-targeted";
    const choices = aimed && arena.goal.kind === "untargeted" ? Math.min(targets, arena.outputs - 1) : 1;
    const ranking = aimed ? await runnersUp(arena) : new Map<number, readonly number[]>();
    let pass = 0;
    for (let restart = 0; restart < restarts; restart++)
      for (let choice = 0; choice < choices; choice++) {
        const rows = arena.open();
        if (rows.length === 0) return;
        const climb = (asked: Int32Array): Climb => {
          if (kind !== "targeted-margin" && kind !== "dlr-targeted") return { kind };
          const target = new Int32Array(asked.length);
          for (let k = 0; k < asked.length; k++) target[k] = ranking.get(asked[k]!)![choice]!;
          return { kind, target };
        };
        const beginning = {
          restart: restart * choices + choice,
          start,
          shade: SHADES[restart % SHADES.length]!,
          first,
          eot,
        };
        await ascend(arena, rows, climb, Math.max(1, steps), beginning, (step) =>
          arena.report(pass * steps + step, restarts * choices * steps),
        );
        pass++;
      }
  },
});

/** Steps at which progress is looked at: p₁ = 0.22, p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06) (§3.2). */
export function checkpoints(steps: number): number[] {
  const at: number[] = [0];
  for (let before = 0, now = 0.22; now <= 1;) {
    at.push(Math.ceil(now * steps - 1e-9));
    [before, now] = [now, now + Math.max(now - before - 0.03, 0.06)];
  }
  return at;
}

/** A start drawn in the ball: the noise scaled to touch the boundary, as the authors' code does. */
export function randomStart(arena: Arena, row: number, restart: number | string, into: Float32Array, at: number): void {
  const { region, size } = arena;
  const base = row * size;
  const l2 = radiusOf(region, row) !== null;
  const random = arena.random(row, restart);
  let extent = 0;
  for (let i = 0; i < size; i++) {
    const draw = l2 ? random.normal() : 2 * random.uniform() - 1;
    into[at + i] = draw;
    extent = l2 ? extent + draw * draw : Math.max(extent, Math.abs(draw));
  }
  const scale = 1 / ((l2 ? Math.sqrt(extent) : extent) || 1);
  for (let i = 0; i < size; i++)
    into[at + i] = region.centre[base + i]! + into[at + i]! * scale * stepUnit(region, base + i);
}

/** One step of size `eta` (in units of the budget) along the objective's steepest ascent in the norm, added to `x` in place. */
export function ascent(
  arena: Arena,
  row: number,
  x: Float32Array,
  at: number,
  gradient: Float32Array,
  from: number,
  eta: number,
): void {
  const { region, size } = arena;
  const base = row * size;
  const radius = radiusOf(region, row);
  if (radius === null) {
    const signs = new Int32Array(gradient.buffer, gradient.byteOffset + 4 * from, size);
    const length = region.eps ? eta * region.eps[row]! : 0;
    for (let i = 0; i < size; i++) {
      const bits = signs[i]!;
      const step = region.eps ? length : eta * stepUnit(region, base + i);
      x[at + i]! += bits << 1 === 0 ? 0 : step * (1 + 2 * (bits >> 31));
    }
    return;
  }
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, Math.abs(gradient[from + i]!));
  if (largest === 0) return;
  // Scaled first: the square of a tiny float32 gradient would underflow.
  let square = 0;
  for (let i = 0; i < size; i++) square += (gradient[from + i]! / largest) ** 2;
  const factor = (eta * radius) / (Math.sqrt(square) * largest);
  for (let i = 0; i < size; i++) x[at + i]! += factor * gradient[from + i]!;
}

interface Beginning {
  readonly restart: number;
  readonly start: string;
  readonly shade: number;
  readonly first: number;
  readonly eot: number;
}

async function ascend(
  arena: Arena,
  all: Int32Array,
  climb: (rows: Int32Array) => Climb,
  steps: number,
  beginning: Beginning,
  report: (step: number) => void,
): Promise<void> {
  const { size, region } = arena;
  const n = all.length;
  // What is known of the rows still open, packed in their order: beaten rows leave and the others close up.
  const x = new Float32Array(n * size);
  const previous = new Float32Array(n * size);
  const bestPoint = new Float32Array(n * size);
  const bestGradient = new Float32Array(n * size);
  const best = new Float64Array(n).fill(-Infinity);
  const bestAtCheck = new Float64Array(n).fill(-Infinity);
  const last = new Float64Array(n);
  const eta = new Float64Array(n).fill(beginning.first);
  const halved = new Uint8Array(n);
  const rises = new Int32Array(n);
  const checks = new Set(checkpoints(steps));
  let lastCheck = 0;

  all.forEach((row, k) => begin(arena, row, beginning, x, k * size));
  let rows = all;
  for (let step = 0; step < steps; step++) {
    const { value, gradient } = await slopesOf(
      arena,
      rows,
      x.subarray(0, rows.length * size),
      climb(rows),
      beginning.eot,
    );
    const open = arena.open(rows);
    closeUp(
      rows,
      open,
      size,
      [x, previous, bestPoint, bestGradient, gradient],
      [best, bestAtCheck, last, eta, halved, rises, value],
    );
    rows = open;
    report(step);
    if (rows.length === 0) return;

    const check = step > 0 && checks.has(step);
    for (let k = 0; k < rows.length; k++) {
      const at = k * size;
      const reached = value[k]!;
      if (step > 0 && reached > last[k]!) rises[k]! += 1;
      last[k] = reached;
      if (reached > best[k]! || step === 0) {
        best[k] = reached;
        bestPoint.set(x.subarray(at, at + size), at);
        bestGradient.set(gradient.subarray(at, at + size), at);
      }
      if (step === 0) bestAtCheck[k] = reached;
      if (check) {
        const stalled = rises[k]! < RISING * (step - lastCheck);
        const unmoved = halved[k] === 0 && best[k] === bestAtCheck[k];
        halved[k] = 0;
        if (stalled || unmoved) {
          halved[k] = 1;
          eta[k]! /= 2;
          x.set(bestPoint.subarray(at, at + size), at);
          gradient.set(bestGradient.subarray(at, at + size), at);
        }
        rises[k] = 0;
        bestAtCheck[k] = best[k]!;
      }
    }
    const keep = step === 0 ? 0 : 1 - MOMENTUM;
    if (region.norm === "linf") stepInBoxes(region, rows, x, previous, gradient, eta, keep);
    else
      for (let k = 0; k < rows.length; k++) stepInBall(arena, rows[k]!, x, previous, gradient, k * size, eta[k]!, keep);
    if (check) lastCheck = step;
  }
  // Where the last step led is looked at, without asking for a gradient.
  await arena.score(rows, x.subarray(0, rows.length * size));
  report(steps);
}

function begin(arena: Arena, row: number, { start, shade, restart }: Beginning, x: Float32Array, at: number): void {
  const { region, size } = arena;
  if (start === "centre") x.set(region.centre.subarray(row * size, (row + 1) * size), at);
  else if (start === "shade") {
    x.fill(shade, at, at + size);
    project(region, row, x, at);
  } else randomStart(arena, row, restart, x, at);
}

/** Value and gradient, averaged over `eot` questions about the same points where the model answers at random. */
async function slopesOf(arena: Arena, rows: Int32Array, points: Float32Array, climb: Climb, eot: number) {
  const first = await arena.climb(rows, points, climb);
  if (eot <= 1) return first;
  const value = first.value.slice();
  const gradient = first.gradient.slice();
  for (let repeat = 1; repeat < eot; repeat++) {
    const again = await arena.climb(rows, points, climb);
    for (let k = 0; k < value.length; k++) value[k]! += again.value[k]!;
    for (let i = 0; i < gradient.length; i++) gradient[i]! += again.gradient[i]!;
  }
  for (let k = 0; k < value.length; k++) value[k]! /= eot;
  return { value, gradient };
}

/**
 * x ← P(x + α(P(x + η·sign ∇) − x) + (1 − α)(x − previous)) in L∞ and in boxes; the first step has no momentum. Nearly all
 * of an attack's own time is spent here, and branches on the signs of a gradient are mispredicted half of the time: the sign
 * is read from the number's own bit, and v is brought between a and b as (|v − a| − |v − b| + a + b) / 2.
 */
function stepInBoxes(
  region: Region,
  rows: Int32Array,
  x: Float32Array,
  previous: Float32Array,
  gradient: Float32Array,
  eta: Float64Array,
  keep: number,
): void {
  const { size, low, high, eps } = region;
  const signs = new Int32Array(gradient.buffer, gradient.byteOffset, rows.length * size);
  const go = 1 - keep;
  for (let k = 0; k < rows.length; k++) {
    const base = rows[k]! * size - k * size;
    const length = eps ? eta[k]! * eps[rows[k]!]! : 0;
    const share = eps ? 0 : eta[k]! / 2;
    const end = (k + 1) * size;
    for (let i = k * size; i < end; i++) {
      const here = x[i]!;
      const floor = low[base + i]!;
      const ceiling = high[base + i]!;
      const bits = signs[i]!;
      // A gradient of ±0 moves nothing.
      const move = bits << 1 === 0 ? 0 : (length + share * (ceiling - floor)) * (1 + 2 * (bits >> 31));
      const sum = floor + ceiling;
      const there = 0.5 * (Math.abs(here + move - floor) - Math.abs(here + move - ceiling) + sum);
      const wished = here + go * (there - here) + keep * (here - previous[i]!);
      previous[i] = here;
      x[i] = 0.5 * (Math.abs(wished - floor) - Math.abs(wished - ceiling) + sum);
    }
  }
}

/** The same step in an L2 ball; `at`: the row's place in the packed arrays. */
function stepInBall(
  arena: Arena,
  row: number,
  x: Float32Array,
  previous: Float32Array,
  gradient: Float32Array,
  at: number,
  eta: number,
  keep: number,
): void {
  const { size, region } = arena;
  const z = x.slice(at, at + size);
  ascent(arena, row, z, 0, gradient, at, eta);
  project(region, row, z, 0);
  for (let i = 0; i < size; i++) {
    const here = x[at + i]!;
    x[at + i] = here + (1 - keep) * (z[i]! - here) + keep * (here - previous[at + i]!);
    previous[at + i] = here;
  }
}
