/** σ-zero: the number of changed elements made smooth and minimised by gradient, small changes dropped by a threshold that adapts. */
import { defineAttack } from "#attacks/harness.ts";
import { keep, nothingYet } from "#attacks/nearest.ts";
import { project } from "#attacks/region.ts";
import { TOWARDS, closeUp, gather, towards } from "#attacks/rows.ts";
import { thinOut } from "#attacks/sparse.ts";

/** Adam (Kingma & Ba, ICLR 2015). */
const DECAY = [0.9, 0.999] as const;

export default defineAttack({
  id: "sigma-zero",
  revision: 1,
  title: "σ-zero",
  citation: "Cinà et al.: σ-zero: gradient-based optimization of ℓ0-norm adversarial examples. ICLR 2025, Algorithm 1",
  needs: "gradient",
  minimal: true,
  norms: ["l0"],
  objectives: TOWARDS,
  // σ = 0.001, first step 1, first threshold 0.3, its factor 0.01: §3.1 of the paper; 100 steps as in the authors' code. At the
  // end the changes are thinned out (ours).
  defaults: { steps: 100, rate: 1, sigma: 0.001, threshold: 0.3, adapt: 0.01 },
  async run(arena, { steps, rate, sigma, threshold, adapt }) {
    const { size, region, goal } = arena;
    const { centre } = region;
    const all = arena.open();
    const nearest = nothingYet(arena);
    const x = gather(centre, all, size);
    const first = new Float32Array(x.length);
    const second = new Float32Array(x.length);
    const limit = new Float64Array(all.length).fill(threshold);
    const slope = new Float64Array(size);
    let rows: Int32Array = all;
    for (let step = 0; step < steps && rows.length > 0; step++) {
      const { gradient, margin } = await arena.climb(rows, x.subarray(0, rows.length * size), towards(goal, rows));
      const open = arena.open(rows);
      // Cosine annealing from `rate` to a tenth of it.
      const eta = rate * (0.1 + 0.45 * (1 + Math.cos((Math.PI * step) / steps)));
      for (let k = 0; k < rows.length; k++) {
        const row = rows[k]!;
        const at = k * size;
        const base = row * size;
        const beyond = margin[k]! > 0;
        if (beyond) keep(arena, row, x, at, nearest);
        // Descent on max(0, −margin) + Σ δ²/(δ² + σ)/size, scaled to a largest slope of 1.
        let most = 1e-12;
        for (let i = 0; i < size; i++) {
          const delta = x[at + i]! - centre[base + i]!;
          const smooth = (2 * sigma * delta) / ((delta * delta + sigma) ** 2 * size);
          slope[i] = smooth - (beyond ? 0 : gradient[at + i]!);
          most = Math.max(most, Math.abs(slope[i]!));
        }
        limit[k] = Math.min(1, Math.max(0, limit[k]! + (beyond ? adapt : -adapt) * eta));
        for (let i = 0; i < size; i++) {
          const g = slope[i]! / most;
          first[at + i] = DECAY[0] * first[at + i]! + (1 - DECAY[0]) * g;
          second[at + i] = DECAY[1] * second[at + i]! + (1 - DECAY[1]) * g * g;
          const mean = first[at + i]! / (1 - DECAY[0] ** (step + 1));
          const spread = Math.sqrt(second[at + i]! / (1 - DECAY[1] ** (step + 1)));
          x[at + i]! -= (eta * mean) / (spread + 1e-8);
        }
        project(region, row, x, at);
        for (let i = 0; i < size; i++)
          if (Math.abs(x[at + i]! - centre[base + i]!) < limit[k]!) x[at + i] = centre[base + i]!;
      }
      closeUp(rows, open, size, [x, first, second], [limit]);
      rows = open;
      arena.report(step + 1, steps);
    }
    if (rows.length > 0) await arena.score(rows, x.subarray(0, rows.length * size));
    await thinOut(arena, nearest);
  },
});
