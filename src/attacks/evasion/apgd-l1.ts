/** Auto-PGD in L1: sparse steps, exact projections onto ball and box together, and a way in from larger balls. */
import { type Arena, type Climb, defineAttack } from "#attacks/harness.ts";
import type { ObjectiveKind } from "#attacks/goals.ts";
import { type Region, distanceIn, pullInto } from "#attacks/region.ts";
import { closeUp, gather, runnersUp } from "#attacks/rows.ts";

/** The balls of the "multi-ε" start and their shares of the steps (§4.3): three times the budget, twice, the budget. */
const STAGES = [
  { radius: 3, share: 0.3 },
  { radius: 2, share: 0.3 },
  { radius: 1, share: 0.4 },
] as const;
/** The share of elements in the first step, of the changed ones in later steps, what counts as getting sparser, and the step's range (Algorithm 1). */
const FIRST_SHARE = 0.2;
const SPARSER_BY = 1.5;
const SPARSER = 0.95;
const SHORTEST = 0.1;
/** Share of the steps after which progress is looked at (the authors' code). */
const LOOK = 0.04;

export default defineAttack({
  id: "apgd-l1",
  revision: 1,
  title: "Auto-PGD in L1",
  citation:
    "Croce, Hein: Mind the box: l1-APGD for sparse adversarial attacks on image classifiers. ICML 2021, Algorithm 1 and §4",
  needs: "gradient",
  outside: true,
  norms: ["l1"],
  objectives: ["cross-entropy", "margin", "targeted-margin", "dlr", "dlr-targeted"],
  // 100 steps and 5 targets as in AutoAttack's L1 version; `large` 1: in from larger balls.
  defaults: { objective: "cross-entropy", steps: 100, restarts: 1, targets: 5, large: 1 },
  async run(arena, { objective, steps, restarts, targets, large }) {
    const { size } = arena;
    const kind = objective as ObjectiveKind;
    const aimed = kind === "targeted-margin" || kind === "dlr-targeted";
    const ranking = aimed ? await runnersUp(arena) : new Map<number, readonly number[]>();
    const choices = aimed && arena.goal.kind === "untargeted" ? Math.min(targets, arena.outputs - 1) : 1;
    let done = 0;
    for (let restart = 0; restart < restarts; restart++)
      for (let choice = 0; choice < choices; choice++) {
        let rows = arena.open();
        const climb = (asked: Int32Array): Climb =>
          kind === "targeted-margin" || kind === "dlr-targeted"
            ? { kind, target: asked.map((row) => ranking.get(row)![choice]!) }
            : { kind: kind as "cross-entropy" };
        const x = gather(arena.region.centre, rows, size);
        rows.forEach((row, k) => {
          const random = arena.random(row, `${restart}/${choice}`);
          for (let i = 0; i < size; i++) x[k * size + i]! += random.normal();
        });
        let left = steps;
        const stages = large === 1 ? STAGES : STAGES.slice(-1);
        for (const [stage, { radius, share }] of stages.entries()) {
          if (rows.length === 0) return;
          const here = stage === stages.length - 1 ? left : Math.ceil(share * steps);
          left -= here;
          rows = await ascend(arena, rows, x, radius, here, climb, stage > 0 || large === 1, (step) =>
            arena.report(done + step, restarts * choices * steps),
          );
          done += here;
        }
      }
  },
});

/** Ascends in the ball of `factor` × the budget from the packed `x`, leaves each row's best point there, gives the rows still open. */
async function ascend(
  arena: Arena,
  all: Int32Array,
  x: Float32Array,
  factor: number,
  steps: number,
  climb: (rows: Int32Array) => Climb,
  resumed: boolean,
  report: (step: number) => void,
): Promise<Int32Array> {
  const { size, region } = arena;
  const radius = Float64Array.from(all, (row) => factor * region.eps![row]!);
  all.forEach((row, k) => pullInto(region, row, x, k * size, radius[k]!));
  const best = new Float64Array(all.length).fill(-Infinity);
  const bestPoint = x.slice();
  const bestGradient = new Float32Array(x.length);
  const length = radius.slice();
  const changes = (row: number, points: Float32Array, at: number): number =>
    distanceIn("l0", points.subarray(at, at + size), region.centre.subarray(row * size, (row + 1) * size));
  const share = Float64Array.from(all, (row, k) =>
    resumed ? changes(row, x, k * size) / size / SPARSER_BY : FIRST_SHARE,
  );
  const sparse = Float64Array.from(all, (row, k) => (resumed ? changes(row, x, k * size) : size));
  const often = Math.max(1, Math.floor(LOOK * steps));
  let rows: Int32Array = all;
  for (let step = 0; step <= steps; step++) {
    const { value, gradient } = await arena.climb(rows, x.subarray(0, rows.length * size), climb(rows));
    const open = arena.open(rows);
    closeUp(rows, open, size, [x, bestPoint, bestGradient, gradient], [best, radius, length, share, sparse, value]);
    rows = open;
    report(step);
    for (let k = 0; k < rows.length; k++) {
      const at = k * size;
      if (!(value[k]! > best[k]!) && step > 0) continue;
      best[k] = value[k]!;
      bestPoint.set(x.subarray(at, at + size), at);
      bestGradient.set(gradient.subarray(at, at + size), at);
    }
    if (rows.length === 0 || step === steps) break;
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k]!;
      const at = k * size;
      if (step > 0 && step % often === 0) {
        const now = changes(row, bestPoint, at);
        const sparser = now / sparse[k]! < SPARSER;
        share[k] = now / size / SPARSER_BY;
        length[k] = sparser ? radius[k]! : Math.max(SHORTEST * radius[k]!, length[k]! / SPARSER_BY);
        sparse[k] = now;
        if (sparser) {
          x.set(bestPoint.subarray(at, at + size), at);
          gradient.set(bestGradient.subarray(at, at + size), at);
        }
      }
      sparseStep(region, row, x, gradient, at, share[k]!, length[k]!);
      pullInto(region, row, x, at, radius[k]!);
    }
  }
  x.set(bestPoint.subarray(0, rows.length * size));
  return rows;
}

/** A step of L1 length `length` shared evenly by the elements with the largest slopes (§3.2), of those that still have room (ours). */
function sparseStep(
  { size, low, high }: Region,
  row: number,
  x: Float32Array,
  gradient: Float32Array,
  at: number,
  share: number,
  length: number,
): void {
  const base = row * size;
  const slopes = Float32Array.from({ length: size }, (_, i) => {
    const slope = gradient[at + i]!;
    const stuck = slope > 0 ? x[at + i]! >= high[base + i]! : x[at + i]! <= low[base + i]!;
    return stuck ? 0 : Math.abs(slope);
  });
  const threshold = slopes.toSorted()[size - Math.min(size, Math.max(1, Math.floor(share * size)))]!;
  let count = 0;
  for (let i = 0; i < size; i++) if (slopes[i]! >= threshold && slopes[i]! > 0) count++;
  for (let i = 0; i < size; i++)
    if (slopes[i]! >= threshold && slopes[i]! > 0) x[at + i]! += (Math.sign(gradient[at + i]!) * length) / count;
}
