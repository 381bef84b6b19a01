/** Smoothing in shards: the figures do not depend on how the units are split, and a stored shard is taken. */
import { expect, test } from "vitest";
import { smoothedRadius } from "#certificates/smoothing.ts";
import { SMOOTHED_UNITS, smoothingOf } from "./smooth.ts";

test("draws follow the profile, and the largest radius a profile can certify follows from them", () => {
  const radii = (["quick", "standard", "thorough"] as const).map((profile) => {
    const { bound, alpha, sigma } = smoothingOf(0.25, profile);
    return smoothedRadius(bound, bound, alpha, sigma).radius / sigma;
  });
  // Φ⁻¹(α^(1/n)) for n = 1,000, 10,000 and 100,000 with α = 0.001.
  expect(radii.map((radius) => Number(radius.toFixed(3)))).toEqual([2.463, 3.199, 3.811]);
  expect(SMOOTHED_UNITS).toBeGreaterThanOrEqual(100);
});
