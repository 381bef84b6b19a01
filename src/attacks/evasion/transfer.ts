/** Transfer: climbs on another model that answers alike, and asks the attacked one for nothing but labels. */
import { type Goal, hasLabels, pickOutputGoal } from "#attacks/goals.ts";
import type { Objective } from "#attacks/target.ts";
import { defineAttack } from "#attacks/harness.ts";
import { project } from "#attacks/region.ts";
import { closeUp, gather } from "#attacks/rows.ts";
import { ascent, randomStart } from "./apgd.ts";

/** What is climbed on the surrogate, one after the other. */
const OBJECTIVES = ["margin", "cross-entropy"] as const;

export default defineAttack({
  id: "transfer",
  revision: 1,
  title: "Transfer from a surrogate",
  citation:
    "Papernot et al.: Practical black-box attacks against machine learning. ASIA CCS 2017; momentum: Dong et al.: Boosting adversarial attacks with momentum. CVPR 2018",
  needs: "labels",
  surrogate: true,
  norms: ["linf", "l2"],
  objectives: [],
  // Momentum 1 as in Dong et al.; 40 steps of 1/16 of the budget, every fourth point asked about (ours).
  defaults: { steps: 40, restarts: 2, step: 0.0625, momentum: 1, every: 4 },
  async run(arena, { steps, restarts, step, momentum, every }) {
    const { size, region, goal } = arena;
    const surrogate = arena.surrogate!;
    const batch = Math.max(1, Math.floor(surrogate.batch));
    const passes = restarts * OBJECTIVES.length;
    for (let restart = 0; restart < restarts; restart++)
      for (const [which, kind] of OBJECTIVES.entries()) {
        let rows: Int32Array = arena.open();
        if (rows.length === 0) return;
        const x = gather(region.centre, rows, size);
        if (restart > 0) rows.forEach((row, k) => randomStart(arena, row, `${restart}/${kind}`, x, k * size));
        const pace = new Float32Array(x.length);
        for (let k = 0; k < rows.length; k++) project(region, rows[k]!, x, k * size);
        for (let done = 1; done <= steps && rows.length > 0; done++) {
          for (let from = 0; from < rows.length; from += batch) {
            const some = rows.subarray(from, Math.min(rows.length, from + batch));
            const points = x.slice(from * size, (from + some.length) * size);
            const { gradient } = await surrogate.gradient!(points, some.length, objectiveOn(goal, some, kind));
            some.forEach((row, k) => {
              const at = (from + k) * size;
              let length = 0;
              for (let i = 0; i < size; i++) length += Math.abs(gradient[k * size + i]!);
              for (let i = 0; i < size; i++)
                pace[at + i] = momentum * pace[at + i]! + gradient[k * size + i]! / (length || 1);
              ascent(arena, row, x, at, pace, at, step);
              project(region, row, x, at);
            });
          }
          if (done % every === 0 || done === steps) {
            // On the grid a step may be rounded away: what is asked about is a copy.
            await arena.label(rows, x.slice(0, rows.length * size));
            const open = arena.open(rows);
            closeUp(rows, open, size, [x, pace], []);
            rows = open;
          }
          arena.report((restart * OBJECTIVES.length + which) * steps + done, passes * steps);
        }
      }
  },
});

function objectiveOn(goal: Goal, rows: Int32Array, kind: (typeof OBJECTIVES)[number]): Objective {
  if (!hasLabels(goal)) return pickOutputGoal(goal, rows);
  const label = rows.map((row) => goal.label[row]!);
  if (goal.kind === "untargeted") return { kind, label };
  return { kind: "targeted-margin", label, target: rows.map((row) => goal.target[row]!) };
}
