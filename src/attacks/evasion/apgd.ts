/** Auto-PGD: projected gradient ascent with momentum that halves its step where progress stalls and restarts from its best point. */
import { type Arena, type Climb, defineAttack } from "#attacks/harness.ts";
import { type ObjectiveKind, hasLabels } from "#attacks/goals.ts";
import { project, radiusOf, stepUnit } from "#attacks/region.ts";

/** Weight of the gradient step against the previous move (Algorithm 1, α). */
const MOMENTUM = 0.75;
/** Fractions of the range a "shade" start goes towards. */
const SHADES = [0, 1, 0.5];
/** The share of steps since the last checkpoint that must have raised the objective (ρ). */
const RISING = 0.75;

export default defineAttack({
  id: "apgd",
  revision: 1,
  title: "Auto-PGD",
  citation:
    "Croce, Hein: Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks. ICML 2020, Algorithm 1",
  needs: "gradient",
  norms: ["linf", "l2"],
  objectives: ["cross-entropy", "margin", "targeted-margin", "dlr", "dlr-targeted", "unsafe", "flip", "deviation"],
  // 100 steps, a first step of twice the budget, and 9 targets for the targeted variant: §3 and §4.2 of the paper. Other starts
  // are ours: large steps from a random one can land where every unit is dead and no gradient is left. "centre" starts from
  // the input itself, "shade" as far towards black, white and grey (one a restart) as the budget goes.
  defaults: { objective: "cross-entropy", steps: 100, restarts: 1, targets: 9, start: "random", first: 2 },
  async run(arena, { objective, steps, restarts, targets, start, first }) {
    const kind = objective as ObjectiveKind;
    const aimed = kind === "targeted-margin" || kind === "dlr-targeted";
    const choices = aimed && arena.goal.kind === "untargeted" ? Math.min(targets, arena.outputs - 1) : 1;
    const ranking = aimed && arena.goal.kind === "untargeted" ? await runnersUp(arena) : null;
    let pass = 0;
    for (let restart = 0; restart < restarts; restart++)
      for (let choice = 0; choice < choices; choice++) {
        const rows = arena.open();
        if (rows.length === 0) return;
        const climb = (asked: Int32Array): Climb => {
          if (kind !== "targeted-margin" && kind !== "dlr-targeted") return { kind };
          const goal = arena.goal;
          return {
            kind,
            target: Int32Array.from(asked, (row) =>
              ranking ? ranking.get(row)![choice]! : goal.kind === "targeted" ? goal.target[row]! : 0,
            ),
          };
        };
        const beginning = {
          restart: restart * choices + choice,
          start,
          shade: SHADES[restart % SHADES.length]!,
          first,
        };
        await ascend(arena, rows, climb, Math.max(1, steps), beginning, (step) =>
          arena.report(pass * steps + step, restarts * choices * steps),
        );
        pass++;
      }
  },
});

/** The wrong classes of each open row, the most likely at its start first. */
async function runnersUp(arena: Arena): Promise<ReadonlyMap<number, readonly number[]>> {
  const rows = arena.open();
  const { logits } = await arena.score(rows, gather(arena.region.centre, rows, arena.size));
  const ranking = new Map<number, number[]>();
  rows.forEach((row, k) => {
    const label = hasLabels(arena.goal) ? arena.goal.label[row]! : -1;
    const at = k * arena.outputs;
    const classes = Array.from({ length: arena.outputs }, (_, j) => j).filter((j) => j !== label);
    ranking.set(
      row,
      classes.sort((a, b) => logits[at + b]! - logits[at + a]! || a - b),
    );
  });
  return ranking;
}

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
export function randomStart(arena: Arena, row: number, restart: number, into: Float32Array, at: number): void {
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
    for (let i = 0; i < size; i++) x[at + i]! += eta * stepUnit(region, base + i) * Math.sign(gradient[from + i]!);
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

async function ascend(
  arena: Arena,
  all: Int32Array,
  climb: (rows: Int32Array) => Climb,
  steps: number,
  beginning: { readonly restart: number; readonly start: string; readonly shade: number; readonly first: number },
  report: (step: number) => void,
): Promise<void> {
  const { n, size } = arena;
  const x = new Float32Array(n * size);
  const previous = new Float32Array(n * size);
  const gradient = new Float32Array(n * size);
  const bestPoint = new Float32Array(n * size);
  const bestGradient = new Float32Array(n * size);
  const best = new Float64Array(n).fill(-Infinity);
  const bestAtCheck = new Float64Array(n).fill(-Infinity);
  const last = new Float64Array(n);
  const eta = new Float64Array(n).fill(beginning.first);
  const halved = new Uint8Array(n);
  const rises = new Int32Array(n);
  const z = new Float32Array(size);
  const checks = new Set(checkpoints(steps));
  let lastCheck = 0;

  for (const row of all) {
    const at = row * size;
    if (beginning.start === "centre") x.set(arena.region.centre.subarray(at, at + size), at);
    else if (beginning.start === "shade") {
      // The harness projects it into the region before it is asked about.
      x.fill(beginning.shade, at, at + size);
      project(arena.region, row, x, at);
    } else randomStart(arena, row, beginning.restart, x, at);
  }
  let rows = all;
  for (let step = 0; step <= steps; step++) {
    const wished = gather(x, rows, size);
    const answer = await arena.climb(rows, wished, climb(rows));
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k]!;
      const at = row * size;
      const value = answer.value[k]!;
      x.set(answer.points.subarray(k * size, (k + 1) * size), at);
      gradient.set(answer.gradient.subarray(k * size, (k + 1) * size), at);
      if (step > 0 && value > last[row]!) rises[row]! += 1;
      last[row] = value;
      if (value > best[row]! || step === 0) {
        best[row] = value;
        bestPoint.set(x.subarray(at, at + size), at);
        bestGradient.set(gradient.subarray(at, at + size), at);
      }
      if (step === 0) bestAtCheck[row] = value;
    }
    rows = arena.open(rows);
    report(step);
    if (rows.length === 0 || step === steps) return;

    const check = step > 0 && checks.has(step);
    for (const row of rows) {
      const at = row * size;
      if (check) {
        const stalled = rises[row]! < RISING * (step - lastCheck);
        const unmoved = halved[row] === 0 && best[row] === bestAtCheck[row];
        halved[row] = 0;
        if (stalled || unmoved) {
          halved[row] = 1;
          eta[row]! /= 2;
          x.set(bestPoint.subarray(at, at + size), at);
          gradient.set(bestGradient.subarray(at, at + size), at);
        }
        rises[row] = 0;
        bestAtCheck[row] = best[row]!;
      }
      advance(arena, row, step, x, previous, gradient, at, eta[row]!, z);
    }
    if (check) lastCheck = step;
  }
}

/** x ← P(x + α(P(x + η∇) − x) + (1 − α)(x − previous)); the first step has no momentum. The harness projects what is asked. */
function advance(
  arena: Arena,
  row: number,
  step: number,
  x: Float32Array,
  previous: Float32Array,
  gradient: Float32Array,
  at: number,
  eta: number,
  z: Float32Array,
): void {
  const { size } = arena;
  const { region } = arena;
  if (radiusOf(region, row) === null) {
    // The usual case in one pass: nearly all of an attack's own time is spent here.
    const { low, high } = region;
    const base = row * size;
    const reach = region.eps ? eta * region.eps[row]! : 0;
    const keep = step === 0 ? 0 : 1 - MOMENTUM;
    for (let i = 0; i < size; i++) {
      const here = x[at + i]!;
      const floor = low[base + i]!;
      const ceiling = high[base + i]!;
      const length = region.eps ? reach : (eta * (ceiling - floor)) / 2;
      const slope = gradient[at + i]!;
      const wished = slope > 0 ? here + length : slope < 0 ? here - length : here;
      const there = wished < floor ? floor : wished > ceiling ? ceiling : wished;
      x[at + i] = here + (1 - keep) * (there - here) + keep * (here - previous[at + i]!);
      previous[at + i] = here;
    }
    return;
  }
  z.set(x.subarray(at, at + size));
  ascent(arena, row, z, 0, gradient, at, eta);
  project(region, row, z, 0);
  for (let i = 0; i < size; i++) {
    const here = x[at + i]!;
    const moved = step === 0 ? z[i]! : here + MOMENTUM * (z[i]! - here) + (1 - MOMENTUM) * (here - previous[at + i]!);
    previous[at + i] = here;
    x[at + i] = moved;
  }
}

/** The rows' points, packed. */
export function gather(points: Float32Array, rows: Int32Array, size: number): Float32Array {
  const packed = new Float32Array(rows.length * size);
  for (let k = 0; k < rows.length; k++) {
    const at = rows[k]! * size;
    packed.set(points.subarray(at, at + size), k * size);
  }
  return packed;
}
