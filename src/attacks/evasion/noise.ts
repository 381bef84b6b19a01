/** Random noise of the attacker's size: the average case, and the floor every real attack must beat. */
import { type Arena, defineAttack } from "#attacks/harness.ts";
import { type Region, radiusOf, stepUnit } from "#attacks/region.ts";
import type { Rng } from "#base/random.ts";

/** One point drawn uniformly in the L∞ ball or box, or on the L2 sphere, written at `at`; not yet clipped to the domain. */
export function drawNoise(region: Region, row: number, random: Rng, into: Float32Array, at: number): void {
  const { size, centre } = region;
  const base = row * size;
  const radius = radiusOf(region, row);
  if (radius === null) {
    for (let i = 0; i < size; i++) {
      const middle = region.eps ? centre[base + i]! : (region.low[base + i]! + region.high[base + i]!) / 2;
      into[at + i] = middle + (2 * random.uniform() - 1) * stepUnit(region, base + i);
    }
    return;
  }
  const draws = Float64Array.from({ length: size }, () => random.normal());
  let square = 0;
  for (const draw of draws) square += draw * draw;
  const scale = radius / (Math.sqrt(square) || 1);
  for (let i = 0; i < size; i++) into[at + i] = centre[base + i]! + draws[i]! * scale;
}

export default defineAttack({
  id: "noise",
  revision: 1,
  title: "Random noise",
  citation:
    "Carlini et al.: On evaluating adversarial robustness. 2019, §4.3 (the check that attacks beat random search)",
  needs: "labels",
  norms: ["linf", "l2"],
  objectives: [],
  defaults: { draws: 1 },
  async run(arena: Arena, { draws }) {
    for (let draw = 0; draw < draws; draw++) {
      const rows = arena.open();
      if (rows.length === 0) return;
      const points = new Float32Array(rows.length * arena.size);
      for (let k = 0; k < rows.length; k++)
        drawNoise(arena.region, rows[k]!, arena.random(rows[k]!, draw), points, k * arena.size);
      await arena.label(rows, points);
      arena.report(draw + 1, draws);
    }
  },
});
