/** FMN: gradient steps in a ball that shrinks while the point is beyond the goal and grows while it is not. */
import { type Arena, defineAttack } from "#attacks/harness.ts";
import { type Nearest, bisectBack, keep, nothingYet } from "#attacks/nearest.ts";
import { type Norm, distanceTo, pullInto, wholeRange } from "#attacks/region.ts";
import { TOWARDS, closeUp, gather, towards } from "#attacks/rows.ts";
import { thinOut } from "#attacks/sparse.ts";

/** Where the steps of point (as a share of the first) and of radius end (Algorithm 1 and §3 of the authors' code). */
const LAST_STEP = 0.01;
const LAST_GAMMA = 0.001;
/** Until the goal is reached the radius goes this much beyond where it seems to be: met exactly, rounding would keep it short for ever (ours). */
const BEYOND = 1.001;

export default defineAttack({
  id: "fmn",
  revision: 1,
  title: "Fast minimum-norm",
  citation:
    "Pintor, Roli, Brendel, Biggio: Fast minimum-norm adversarial attacks through adaptive norm constraints. NeurIPS 2021, Algorithm 1",
  needs: "gradient",
  minimal: true,
  norms: ["linf", "l2", "l1", "l0"],
  objectives: TOWARDS,
  // A first step of length 1 and a first change of radius of 5 % as in the paper; 100 steps as in the authors' code.
  defaults: { steps: 100, restarts: 1, step: 1, gamma: 0.05 },
  async run(arena, { steps, restarts, step, gamma }) {
    const nearest = nothingYet(arena);
    for (let restart = 0; restart < restarts; restart++) {
      const rows = arena.open();
      if (rows.length === 0) return;
      await close(arena, rows, { steps, step, gamma, restart }, nearest, (done) =>
        arena.report(restart * steps + done, restarts * steps),
      );
      // Ours: the last of the way.
      await (arena.region.norm === "l0" ? thinOut(arena, nearest) : bisectBack(arena, nearest));
    }
  },
});

/** The norm whose size of the gradient says how fast the objective grows per unit of distance. */
const DUAL: Readonly<Record<Norm, (g: Float32Array, at: number, size: number) => number>> = {
  linf: (g, at, size) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += Math.abs(g[at + i]!);
    return sum;
  },
  l2: euclid,
  l1: largest,
  l0: largest,
};

function largest(g: Float32Array, at: number, size: number): number {
  let most = 0;
  for (let i = 0; i < size; i++) most = Math.max(most, Math.abs(g[at + i]!));
  return most;
}

/** The Euclidean length, scaled first: the square of a tiny float32 number would underflow. */
function euclid(g: Float32Array, at: number, size: number): number {
  const most = largest(g, at, size);
  if (most === 0) return 0;
  let square = 0;
  for (let i = 0; i < size; i++) square += (g[at + i]! / most) ** 2;
  return most * Math.sqrt(square);
}

async function close(
  arena: Arena,
  all: Int32Array,
  plan: { readonly steps: number; readonly step: number; readonly gamma: number; readonly restart: number },
  nearest: Nearest,
  report: (done: number) => void,
): Promise<void> {
  const { size, region, goal } = arena;
  const { norm } = region;
  const sparse = norm === "l0";
  const most = wholeRange(norm, size);
  const x = gather(region.centre, all, size);
  // The authors restart from given points; ours start a little off the sample, the further the later.
  if (plan.restart > 0)
    all.forEach((row, k) => {
      const random = arena.random(row, plan.restart);
      for (let i = 0; i < size; i++) x[k * size + i]! += 0.1 * plan.restart * (2 * random.uniform() - 1);
    });
  const radius = new Float64Array(all.length).fill(sparse ? 1 : Infinity);
  const seen = new Uint8Array(all.length);
  let rows: Int32Array = all;
  for (let step = 0; step < plan.steps; step++) {
    const cosine = (1 + Math.cos((Math.PI * step) / plan.steps)) / 2;
    const reach = plan.step * (LAST_STEP + (1 - LAST_STEP) * cosine);
    const gamma = LAST_GAMMA + (plan.gamma - LAST_GAMMA) * cosine;
    const { value, gradient, margin } = await arena.climb(rows, x.subarray(0, rows.length * size), towards(goal, rows));
    const open = arena.open(rows);
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k]!;
      const at = k * size;
      const here = distanceTo(region, row, x, at);
      const beyond = margin[k]! > 0;
      if (beyond) {
        seen[k] = 1;
        keep(arena, row, x, at, nearest);
      }
      const now = radius[k]!;
      const best = nearest.distance[row]!;
      if (sparse)
        radius[k] = beyond
          ? Math.min(now - 1, Math.floor(now * (1 - gamma)), best)
          : Math.max(now + 1, Math.floor(now * (1 + gamma)));
      else if (beyond) radius[k] = Math.min(now * (1 - gamma), best);
      else if (seen[k] === 1) radius[k] = now * (1 + gamma);
      else radius[k] = here + (BEYOND * Math.abs(value[k]!)) / (DUAL[norm](gradient, at, size) || 1e-12);
      radius[k] = Math.min(most, Math.max(sparse ? 1 : 0, radius[k]!));
      const length = euclid(gradient, at, size) || 1;
      for (let i = 0; i < size; i++) x[at + i]! += (reach * gradient[at + i]!) / length;
      pullInto(region, row, x, at, radius[k]!);
    }
    closeUp(rows, open, size, [x], [radius, seen]);
    rows = open;
    report(step + 1);
    if (rows.length === 0) return;
  }
  // The last step is looked at too.
  await arena.score(rows, x.subarray(0, rows.length * size));
}
