import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { dense, network } from "../../test/support/classifiers.ts";
import { type Norm, ballRegion, distanceTo, inside, project, pullInto, toGrid } from "./region.ts";

const size = 12;
const model = (levels?: number) =>
  network([dense([Array.from({ length: size }, () => 1)], [0])], "none", {
    grid: levels ? { integer: true, levels } : { integer: false },
  });

/** Samples of which some elements lie at the ends of the range, points around them, and a budget. */
function cases(norm: Norm) {
  const random = rng(`region ${norm}`);
  return Array.from({ length: 60 }, () => {
    const sample = Float32Array.from({ length: size }, () =>
      random.uniform() < 0.3 ? Math.round(random.uniform()) : random.uniform(),
    );
    const point = sample.map((x) => x + 1.5 * random.normal());
    const eps = norm === "l0" ? 1 + random.below(size - 1) : 0.05 + 2 * random.uniform();
    return { sample, point, eps };
  });
}

const away = (a: Float32Array, b: Float32Array): number => Math.hypot(...a.map((x, i) => x - b[i]!));

describe("a projected point is the nearest of ball and box", () => {
  for (const norm of ["linf", "l2", "l1", "l0"] as const)
    test(`${norm}: inside, and no random point inside is nearer`, () => {
      const random = rng(`nearer ${norm}`);
      for (const { sample, point, eps } of cases(norm)) {
        const region = ballRegion(model(), sample, 1, { norm, eps });
        const projected = point.slice();
        project(region, 0, projected, 0);
        expect(inside(region, 0, projected)).toBe(true);
        const distance = away(point, projected);
        for (let attempt = 0; attempt < 200; attempt++) {
          // Small moves from the answer itself, and others from anywhere, pulled inside by another way.
          const other = projected.map((x) => x + (attempt < 100 ? 0.02 : 0.5) * random.normal());
          const rival = scaledInside(norm, sample, other, eps);
          expect(away(point, rival)).toBeGreaterThanOrEqual(distance - 1e-5);
        }
        const again = projected.slice();
        project(region, 0, again, 0);
        expect(away(again, projected)).toBeLessThan(1e-6);
      }
    });
});

/** Clipped to the range and then scaled (or thinned at random) into the ball: inside, by other means than the code under test. */
function scaledInside(norm: Norm, sample: Float32Array, point: Float32Array, eps: number): Float32Array {
  const delta = point.map((x, i) => Math.min(1, Math.max(0, x)) - sample[i]!);
  if (norm === "l0") {
    const kept = new Set([...delta.keys()].sort((a, b) => Math.abs(delta[b]!) - Math.abs(delta[a]!)).slice(0, eps));
    return sample.map((x, i) => (kept.has(i) ? x + delta[i]! : x));
  }
  const sizes = [...delta].map(Math.abs);
  const length =
    norm === "linf" ? Math.max(...sizes) : norm === "l2" ? Math.hypot(...sizes) : sizes.reduce((a, b) => a + b, 0);
  return sample.map((x, i) => x + delta[i]! * Math.min(1, eps / length));
}

test("any radius may be asked for, and the box holds in it", () => {
  for (const norm of ["linf", "l2", "l1"] as const)
    for (const { sample, point } of cases(norm)) {
      const region = ballRegion(model(), sample, 1, { norm, eps: 50 });
      const pulled = point.slice();
      pullInto(region, 0, pulled, 0, 0.2);
      expect(distanceTo(region, 0, pulled, 0)).toBeLessThanOrEqual(0.2 + 1e-6);
      expect(pulled.every((x) => x >= 0 && x <= 1)).toBe(true);
    }
});

test("a point on the grid is still in its L1 or L0 ball, and NaN lands on the sample", () => {
  for (const norm of ["l2", "l1", "l0"] as const)
    for (const { sample, point, eps } of cases(norm)) {
      const raw = sample.map((x) => Math.fround(Math.round(x * 255) / 255));
      const region = ballRegion(model(255), raw, 1, { norm, eps });
      const moved = point.slice();
      moved[3] = NaN;
      project(region, 0, moved, 0);
      toGrid(region, 0, moved, 0);
      expect(inside(region, 0, moved)).toBe(true);
      expect(moved[3]).toBe(raw[3]);
    }
});
