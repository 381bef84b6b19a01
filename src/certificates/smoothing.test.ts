/** Smoothing against its closed forms: the test vectors of the catalogue, and a linear classifier, whose smoothed radius is its own. */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { normalCdf, normalQuantile } from "#base/statistics.ts";
import { certifySmoothed, smoothedRadius } from "./smoothing.ts";

const { signal } = new AbortController();

describe("the quantile of the normal distribution", () => {
  test.each([
    [0.6, 0.253347],
    [0.75, 0.67449],
    [0.9, 1.281552],
    [0.95, 1.644854],
    [0.99, 2.326348],
    [0.999, 3.090232],
    [1e-10, -6.361341],
  ])("Φ⁻¹(%f) = %f, and Φ takes it back", (p, x) => {
    expect(normalQuantile(p)).toBeCloseTo(x, 6);
    expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 12);
  });
});

describe("the radius", () => {
  test.each([
    [99_000, 100_000, 0.25, 0.988989, 0.5725],
    [950, 1000, 0.5, 0.925047, 0.719931],
  ])("%i of %i draws at σ = %f: p ≥ %f, radius %f", (count, draws, sigma, p, radius) => {
    const found = smoothedRadius(count, draws, 0.001, sigma);
    expect(found.probability).toBeCloseTo(p, 6);
    expect(found.radius).toBeCloseTo(radius, 6);
  });

  test("no draw, half of the draws and a bare majority certify nothing; all of them do", () => {
    expect(smoothedRadius(0, 100, 0.001, 1)).toEqual({ probability: 0, radius: 0 });
    expect(smoothedRadius(50, 100, 0.001, 1).radius).toBe(0);
    expect(smoothedRadius(55, 100, 0.001, 1).radius).toBe(0);
    expect(smoothedRadius(100, 100, 0.001, 1).probability).toBeCloseTo(0.001 ** 0.01, 12);
  });
});

/** Two classes split by w·x = c: smoothing leaves the boundary where it is, so the exact radius is the distance to it. */
function half(w: readonly number[], c: number) {
  const size = w.length;
  return {
    size,
    outputs: 2,
    batch: 500,
    logits: async (x: Float32Array, n: number) => {
      const z = new Float32Array(2 * n);
      for (let k = 0; k < n; k++) for (let i = 0; i < size; i++) z[2 * k]! += w[i]! * x[k * size + i]!;
      for (let k = 0; k < n; k++) z[2 * k]! -= c;
      return z;
    },
  };
}

describe("a linear classifier", () => {
  const w = [3, -4, 12],
    length = 13;
  const options = { sigma: 0.25, choose: 100, bound: 20_000, alpha: 0.001 };

  test("is certified to within a few hundredths of its exact radius and never beyond it", async () => {
    for (const distance of [0.1, 0.3, 0.6]) {
      const sample = Float32Array.from(w, (v) => 0.5 + (v / length) * distance);
      const c = w.reduce((sum, v) => sum + v * 0.5, 0);
      const { said, radius } = await certifySmoothed(half(w, c), sample, options, rng(`linear/${distance}`), signal);
      expect(said).toBe(0);
      expect(radius).toBeLessThanOrEqual(distance + 1e-6);
      expect(radius).toBeGreaterThan(distance - 0.03);
    }
  });

  test("abstains at its boundary, and says the other class beyond it", async () => {
    const sample = Float32Array.of(0.5, 0.5, 0.5);
    const c = w.reduce((sum, v) => sum + v * 0.5, 0);
    expect((await certifySmoothed(half(w, c), sample, options, rng("edge"), signal)).said).toBeNull();
    expect((await certifySmoothed(half(w, c + 8), sample, options, rng("beyond"), signal)).said).toBe(1);
  });

  test("gives the same answer for the same stream, whatever the batch", async () => {
    const sample = Float32Array.of(0.6, 0.5, 0.55);
    const once = await certifySmoothed(half(w, 5), sample, { ...options, bound: 1000 }, rng("same"), signal);
    const again = await certifySmoothed(
      { ...half(w, 5), batch: 7 },
      sample,
      { ...options, bound: 1000 },
      rng("same"),
      signal,
    );
    expect(again).toEqual(once);
  });
});
