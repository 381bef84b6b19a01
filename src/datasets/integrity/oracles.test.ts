import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { AT_ONCE } from "./checks.testing.ts";
import { candidatesOf, confidentJoint, noiseInterval } from "./confident.ts";
import { chiSquared, gammaUpper, holm, kolmogorovSmirnov, kolmogorovUpper, meanDiscrepancy } from "./distributions.ts";
import truth from "./fixtures/scipy.json" with { type: "json" };
import { agreementOf, learners } from "./out-of-fold.ts";
import type { Records } from "./records.ts";
import { spaceOf } from "./space.ts";

describe("what scipy says of the same numbers", () => {
  test.each(truth.ks)("Kolmogorov–Smirnov, exact: p = $p", ({ a, b, statistic, p }) => {
    const tested = kolmogorovSmirnov(a, b);
    expect(tested.statistic).toBeCloseTo(statistic, 12);
    expect(Math.abs(tested.p - p)).toBeLessThan(1e-10);
  });
  test("Kolmogorov–Smirnov with ties has scipy's statistic and p", () => {
    const tested = kolmogorovSmirnov(truth.ksTies.a, truth.ksTies.b);
    expect(tested.statistic).toBeCloseTo(truth.ksTies.statistic, 12);
    expect(tested.p).toBeCloseTo(truth.ksTies.p, 9);
  });
  test("Kolmogorov's distribution and the incomplete gamma function", () => {
    for (const [x, p] of truth.kolmogorov) expect(kolmogorovUpper(x!)).toBeCloseTo(p!, 12);
    for (const [a, x, p] of truth.gamma) expect(Math.abs(gammaUpper(a!, x!) - p!)).toBeLessThan(1e-12 + 1e-11 * p!);
  });
  test("χ² of two rows of counts", () => {
    for (const { a, b, statistic, p, freedom } of truth.chi2) {
      const tested = chiSquared(a, b);
      expect(tested.freedom).toBe(freedom);
      expect(tested.statistic).toBeCloseTo(statistic, 9);
      expect(tested.p).toBeCloseTo(p, 11);
    }
  });
  test("the unbiased mean discrepancy, by sklearn's kernel", () => {
    const { a, b, d, statistic } = truth.mmd;
    const tested = meanDiscrepancy(Float32Array.from(a), Float32Array.from(b), d, rng(1), 50);
    expect(tested.statistic).toBeCloseTo(statistic, 10);
  });
  test("an image in the lowest frequencies of scipy's cosine transform", () => {
    const { height, width, image, low } = truth.dct;
    const records: Records = {
      place: "image",
      sha256: "",
      bytes: 0,
      inputs: [],
      n: 1,
      shape: [height, width],
      size: height * width,
      x: Float32Array.from(image),
      grid: { height, width, channels: 1, planes: false },
      classes: 0,
      seen: [],
    };
    const { at } = spaceOf(records).points(records);
    expect(at).toHaveLength(low.length);
    at.forEach((value, i) => expect(value).toBeCloseTo(low[i]!, 6));
  });
  test("the votes of sklearn's nearest neighbours, and logistic regression about as good as sklearn's", async () => {
    const { d, x, y, votes, logistic } = truth.learners;
    const labels = Int32Array.from(y);
    const points = { n: y.length, d, at: Float32Array.from(x) };
    const [neighbours, regression] = await learners(points, undefined, rng(1), AT_ONCE);
    const share = [0, 1, 2].map((c) => y.filter((label) => label === c).length / y.length);
    const out = await neighbours!.learn(labels, 3, rng(1), AT_ONCE);
    votes.forEach((count, i) => expect(out[i]).toBeCloseTo((count + 0.1 * share[i % 3]!) / 10.1, 12));
    expect(agreementOf(await regression!.learn(labels, 3, rng(1), AT_ONCE), labels, 3)).toBeGreaterThan(
      logistic - 0.04,
    );
  });
});

describe("tests at their size", () => {
  test("of samples from one distribution, a share of at most α is rejected, by features and together", () => {
    const random = rng("size");
    let [ks, joint] = [0, 0];
    const normals = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.normal());
    for (let turn = 0; turn < 300; turn++) {
      if (kolmogorovSmirnov(normals(40), normals(50)).p <= 0.05) ks++;
      if (turn < 150 && meanDiscrepancy(normals(40), normals(40), 2, random.fork(`p ${turn}`), 39).p <= 0.05) joint++;
    }
    // Binomial 99.9 % ends: 28 of 300 and 17 of 150 at 0.05.
    expect(ks).toBeLessThanOrEqual(28);
    expect(joint).toBeLessThanOrEqual(17);
    expect(ks).toBeGreaterThan(0);
  });
  test("Holm's adjusted values are those of the paper's rule, in any order", () => {
    // By hand: 4 × 0.005, then 3 × 0.01, then 2 × 0.03, then 0.04 raised to what came before.
    expect(holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(12)))).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([])).toEqual([]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
  });
  test("with one sample against itself, nothing differs", () => {
    expect(kolmogorovSmirnov([1, 2, 3], [1, 2, 3])).toEqual({ statistic: 0, p: 1 });
    expect(chiSquared([3, 4], [3, 4])).toMatchObject({ statistic: 0, p: 1 });
    expect(chiSquared([5, 0], [7, 0])).toMatchObject({ freedom: 0, p: 1 });
  });
  test("the smallest exact p of n and m values apart is 2 / C(n + m, n)", () => {
    expect(kolmogorovSmirnov([1, 2, 3, 4], [5, 6, 7, 8, 9]).p).toBeCloseTo(2 / 126, 12);
  });
});

describe("confident learning", () => {
  const { classes, labels: given, probabilities, thresholds, counts, joint, confident, noise } = truth.confident;
  const labels = Int32Array.from(given);
  const p = Float64Array.from(probabilities);
  test("the joint, its thresholds and its noise are those of the paper's equations", () => {
    const found = confidentJoint(p, labels, classes);
    found.thresholds.forEach((value, i) => expect(value).toBeCloseTo(thresholds[i]!, 12));
    expect(Array.from(found.counts)).toEqual(counts);
    expect(Array.from(found.confident)).toEqual(confident);
    found.joint.forEach((value, i) => expect(value).toBeCloseTo(joint[i]!, 12));
    expect(found.noise).toBeCloseTo(noise, 12);
  });
  test("candidates are what lies off the diagonal, the surest contradiction first", () => {
    const found = candidatesOf(confidentJoint(p, labels, classes), p, labels, classes);
    const off = given.flatMap((label, i) => (confident[i]! >= 0 && confident[i] !== label ? [i] : []));
    expect(found.map(({ sample }) => sample).toSorted((a, b) => a - b)).toEqual(off);
    expect(found.map(({ margin }) => margin)).toEqual(found.map(({ margin }) => margin).toSorted((a, b) => a - b));
  });
  test("by hand: two classes, one label of each wrong", () => {
    // t₀ = (0.9 + 0.8 + 0.2) / 3, t₁ = (0.7 + 0.9 + 0.15) / 3; the third and the last are confidently the other class.
    const byHand = confidentJoint(
      Float64Array.of(0.9, 0.1, 0.8, 0.2, 0.2, 0.8, 0.3, 0.7, 0.1, 0.9, 0.85, 0.15),
      Int32Array.of(0, 0, 0, 1, 1, 1),
      2,
    );
    expect(Array.from(byHand.counts)).toEqual([2, 1, 1, 2]);
    expect(byHand.noise).toBeCloseTo(1 / 3, 12);
  });
  test("a classifier that is right and sure recovers the planted noise exactly, and the interval holds it", async () => {
    const n = 400;
    const truthOf = (i: number): number => i % 2;
    const flipped = Int32Array.from({ length: n }, (_, i) => (i % 20 === 0 ? 1 - truthOf(i) : truthOf(i)));
    const sure = Float64Array.from({ length: 2 * n }, (_, i) => (truthOf(Math.floor(i / 2)) === i % 2 ? 0.95 : 0.05));
    expect(confidentJoint(sure, flipped, 2).noise).toBeCloseTo(0.05, 12);
    const { low, high } = await noiseInterval(sure, flipped, 2, rng(1), AT_ONCE);
    expect(low).toBeLessThan(0.05);
    expect(high).toBeGreaterThan(0.05);
    // The normal approximation of 20 of 400 is ± 0.0214.
    expect(high - low).toBeCloseTo(0.0427, 1);
  });
  test("labels that are missing are left out, and a class nobody is sure of is taken at its word", () => {
    const some = confidentJoint(Float64Array.of(0.6, 0.4, 0.5, 0.5, 0.1, 0.9), Int32Array.of(0, -1, 0), 2);
    expect(some.noise).toBeCloseTo(0, 12);
    expect(some.confident[1]).toBe(-1);
  });
});
