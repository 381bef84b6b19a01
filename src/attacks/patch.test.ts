import { expect, test } from "vitest";
import { patchMeasure } from "#assessment/evidence.ts";
import { rng } from "#base/random.ts";
import type { EvaluationSet } from "./answers.ts";
import { type Patch, applyPatch, drawPlacement, pullBack } from "./evasion/patch.ts";
import { imageLayout } from "./layout.ts";
import { evaluatePatch } from "./patch.ts";
import { network } from "../../test/support/classifiers.ts";

const run = (seed: string) => ({ signal: new AbortController().signal, rng: rng(seed), progress: () => {} });
const image = imageLayout([1, 8, 8])!;
const placement = {
  scale: [0.8, 1.2] as [number, number],
  rotationDegrees: 30,
  brightness: [0.7, 1.1] as [number, number],
  anywhere: true,
};

test("the gradient carried back to the patch is that of finite differences", () => {
  const random = rng("pull");
  const patch: Patch = {
    side: 3,
    channels: 1,
    values: Float64Array.from({ length: 9 }, () => 0.2 + 0.5 * random.uniform()),
  };
  const weights = Float32Array.from({ length: 64 }, () => random.normal());
  for (let k = 0; k < 10; k++) {
    const draw = drawPlacement(image, 3, placement, random);
    const value = (p: Patch): number => {
      const x = new Float32Array(64).fill(0.5);
      applyPatch(image, p, draw, x, 0, null);
      return x.reduce((sum, v, i) => sum + v * weights[i]!, 0);
    };
    const slope = new Float64Array(9);
    pullBack(image, patch, draw, weights, 0, 1, slope);
    for (let i = 0; i < 9; i++) {
      const moved = patch.values.slice();
      moved[i]! += 0.01;
      expect((value({ ...patch, values: moved }) - value(patch)) / 0.01).toBeCloseTo(slope[i]!, 3);
    }
  }
});

/** Class 1 where the mean of an 8×8 picture exceeds a half: towards class 1 a white patch is the best there is in every placement. */
function lightMeter(gradient = true) {
  const weight = Float64Array.from({ length: 128 }, (_, at) => (at < 64 ? -1 : 1) / 64);
  return network([{ weight, bias: Float64Array.from([0.5, -0.5]) }], "none", { shape: [1, 8, 8], gradient });
}
function pictures(n: number): EvaluationSet {
  const random = rng("pictures");
  const samples = new Float32Array(n * 64);
  for (let k = 0; k < n; k++) {
    const level = 0.3 + 0.1 * random.uniform();
    for (let i = 0; i < 64; i++) samples[k * 64 + i] = level + 0.05 * random.normal();
  }
  return { samples, labels: new Int32Array(n), units: Array.from({ length: n }, (_, k) => `u${k}`), unit: "picture" };
}
const plan = {
  item: "p",
  area: 0.25,
  placement,
  planned: 40,
  declared: 1,
  target: "1",
  budget: { steps: 40, queries: 150 },
};

for (const gradient of [true, false])
  test(`a patch made ${gradient ? "by gradient" : "by queries"} reaches the best patch's rate on inputs it was not made on`, async () => {
    const set = pictures(40);
    const { outcome, measure: found, noGradient } = await evaluatePatch(run("s"), lightMeter(gradient), set, plan);
    const measure = found!;
    patchMeasure.parse(measure);
    expect(outcome.status).toBe("measured");
    expect(measure.perInput.n + measure.trainedOn).toBe(40);
    expect(measure.successRate.n).toBe(400);

    // The best patch over all inputs, with the placements of the measurement.
    const white: Patch = { side: 4, channels: 1, values: new Float64Array(16).fill(1) };
    let best = 0;
    for (const [row, unit] of set.units.entries()) {
      const random = rng("s").fork(unit).fork("measuring");
      for (let draw = 0; draw < 20; draw++) {
        const x = set.samples.slice(row * 64, (row + 1) * 64);
        applyPatch(image, white, drawPlacement(image, 4, placement, random), x, 0, null);
        if (x.reduce((sum, v) => sum + v, 0) / 64 > 0.5) best++;
      }
    }
    const reached = measure.successRate.k / measure.successRate.n;
    expect(best / 800).toBeGreaterThan(0.2);
    expect(reached).toBeGreaterThan(best / 800 - 0.06);
    expect(measure.occlusion.k).toBeLessThan(measure.successRate.k / 2);
    expect(measure.cells.length).toBe(9);
    expect(measure.cells.slice(0, 3).reduce((sum, { rate }) => sum + rate.n, 0)).toBe(400);
    expect(noGradient).toBe(gradient ? undefined : "Sign");
  });

test("a patch on a vector is inconclusive and says why", async () => {
  const weight = Float64Array.from([1, -1, -1, 1]);
  const flat = network([{ weight, bias: new Float64Array(2) }], "none");
  const set = {
    samples: Float32Array.from([0.9, 0.1, 0.1, 0.9]),
    labels: Int32Array.from([0, 1]),
    units: ["a", "b"],
    unit: "row",
  };
  const { outcome } = await evaluatePatch(run("s"), flat, set, plan);
  expect(outcome).toMatchObject({ status: "inconclusive", because: expect.stringContaining("rows and columns") });
});
