/** Projected gradient descent with a fixed step: the baseline that Auto-PGD must not be weaker than; never reported alone. */
import { defineAttack } from "#attacks/harness.ts";
import type { Climb } from "#attacks/harness.ts";
import { project } from "#attacks/region.ts";
import { ascent, gather, randomStart } from "./apgd.ts";

export default defineAttack({
  id: "pgd",
  revision: 1,
  title: "PGD",
  citation: "Madry et al.: Towards deep learning models resistant to adversarial attacks. ICLR 2018",
  needs: "gradient",
  norms: ["linf", "l2"],
  objectives: ["cross-entropy", "margin", "dlr", "unsafe"],
  // 40 steps as in the paper; a step of 2.5 × budget / steps, as Foolbox chooses it.
  defaults: { objective: "cross-entropy", steps: 40, restarts: 1, stepShare: 0.0625 },
  async run(arena, { objective, steps, restarts, stepShare }) {
    const climb = { kind: objective } as Climb;
    const { size, region } = arena;
    for (let restart = 0; restart < restarts; restart++) {
      let rows = arena.open();
      if (rows.length === 0) return;
      const x = new Float32Array(arena.n * size);
      for (const row of rows) {
        randomStart(arena, row, restart, x, row * size);
        project(region, row, x, row * size);
      }
      for (let step = 0; step <= steps && rows.length > 0; step++) {
        const { gradient, points } = await arena.climb(rows, gather(x, rows, size), climb);
        rows.forEach((row, k) => {
          x.set(points.subarray(k * size, (k + 1) * size), row * size);
          ascent(arena, row, x, row * size, gradient, k * size, stepShare);
        });
        rows = arena.open(rows);
        arena.report(restart * steps + step, restarts * steps);
      }
    }
  },
});
