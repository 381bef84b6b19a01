/** Projected gradient descent with a fixed step: the baseline that Auto-PGD must not be weaker than; never reported alone. */
import { defineAttack } from "#attacks/harness.ts";
import type { Climb } from "#attacks/harness.ts";
import { project } from "#attacks/region.ts";
import { ascent, randomStart } from "./apgd.ts";

export default defineAttack({
  id: "pgd",
  revision: 2,
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
      const x = new Float32Array(rows.length * size);
      rows.forEach((row, k) => {
        randomStart(arena, row, restart, x, k * size);
        project(region, row, x, k * size);
      });
      for (let step = 0; step < steps; step++) {
        const { gradient } = await arena.climb(rows, x.subarray(0, rows.length * size), climb);
        const open = arena.open(rows);
        // What is left closes up.
        let to = 0;
        for (let from = 0; from < rows.length; from++) {
          if (rows[from] !== open[to]) continue;
          x.copyWithin(to * size, from * size, (from + 1) * size);
          ascent(arena, rows[from]!, x, to * size, gradient, from * size, stepShare);
          to++;
        }
        rows = open;
        arena.report(restart * steps + step, restarts * steps);
        if (rows.length === 0) break;
      }
      // Where the last step led is looked at, without asking for a gradient.
      await arena.score(rows, x.subarray(0, rows.length * size));
    }
  },
});
