import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { AT_ONCE } from "./checks.testing.ts";
import { candidatesOf, confidentJoint } from "./confident.ts";
import { chiSquared, gammaUpper, holm, kolmogorovSmirnov, kolmogorovUpper, meanDiscrepancy } from "./distributions.ts";
import truth from "./fixtures/scipy.json" with { type: "json" };
import { exceeds, floorOf, wrongAt, type Sureness } from "./noise-floor.ts";
import { agreementOf, discriminant, foldsOf, fourierDesign } from "./out-of-fold.ts";
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
  test("the discriminant out of fold: sklearn's ridge regression, scipy's normal densities", async () => {
    const { d, x, y, penalty, posterior } = truth.discriminant;
    const [n, p] = [y.length, d + 1];
    const at = Float32Array.from({ length: n * p }, (_, i) =>
      i % p === 0 ? 1 : x[Math.floor(i / p) * d + (i % p) - 1]!,
    );
    const folds = Int32Array.from({ length: n }, (_, i) => i % 5);
    const learner = await discriminant({ n, p, at }, folds, AT_ONCE, [penalty, 1e9]);
    const learned = await learner.learn(Int32Array.from(y), 3, AT_ONCE);
    // Of two penalties, the one that leaves something to fit.
    expect(learned.penalty).toBe(0);
    learned.probabilities.forEach((value, i) => expect(value).toBeCloseTo(posterior[i]!, 6));
    const likeliest = (of: ArrayLike<number>, i: number): number =>
      [0, 1, 2].reduce((best, c) => (of[i * 3 + c]! > of[i * 3 + best]! ? c : best), 0);
    const agreement = y.filter((label, i) => likeliest(posterior, i) === label).length / n;
    expect(agreementOf(learned.probabilities, Int32Array.from(y), 3)).toBe(agreement);
  });
});

describe("the classifier of the label check", () => {
  test("has random features whose inner products are near those of the two Gaussian kernels they stand for", async () => {
    const random = rng("kernel");
    const at = Float32Array.from({ length: 60 * 3 }, () => random.normal());
    const count = 4000;
    const { p, at: design } = await fourierDesign({ n: 60, d: 3, at }, count, rng(4), AT_ONCE);
    const z = (i: number): number[] => [1, 2, 3].map((c) => design[i * p + c]!);
    const apart = (i: number, j: number): number => Math.hypot(...z(i).map((value, c) => value - z(j)[c]!));
    const product = (i: number, j: number): number => {
      let sum = 0;
      for (let c = 4; c < p; c++) sum += design[i * p + c]! * design[j * p + c]!;
      return sum / count;
    };
    const distances = Array.from({ length: 60 }, (_, i) => Array.from({ length: i }, (__, j) => apart(i, j))).flat();
    const width = distances.toSorted((a, b) => a - b)[Math.floor(distances.length / 2)]!;
    const kernel = (distance: number, w: number): number => Math.exp(-(distance ** 2) / (2 * w * w));
    for (let i = 1; i < 60; i += 7)
      expect(Math.abs(product(0, i) - (kernel(apart(0, i), width) + kernel(apart(0, i), width / 2)) / 2)).toBeLessThan(
        0.08,
      );
  });
  test("has folds of about one size, and never parts a unit", () => {
    const folds = foldsOf(500, undefined, rng(5));
    for (let fold = 0; fold < 5; fold++) expect(folds.filter((of) => of === fold)).toHaveLength(100);
    const units = Array.from({ length: 90 }, (_, i) => `u${Math.floor(i / 9)}`);
    const parted = foldsOf(90, units, rng(6));
    for (let unit = 0; unit < 10; unit++) expect(new Set(parted.slice(9 * unit, 9 * unit + 9)).size).toBe(1);
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
    expect(found.map(({ odds }) => odds)).toEqual(found.map(({ odds }) => odds).toSorted((a, b) => b - a));
    for (const { sample, given: label, instead, odds } of found)
      expect(odds).toBeCloseTo(Math.log(p[sample * classes + instead]! / p[sample * classes + label]!), 12);
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
  test("a classifier that is right and sure recovers the planted noise exactly", () => {
    const n = 400;
    const truthOf = (i: number): number => i % 2;
    const flipped = Int32Array.from({ length: n }, (_, i) => (i % 20 === 0 ? 1 - truthOf(i) : truthOf(i)));
    const sure = Float64Array.from({ length: 2 * n }, (_, i) => (truthOf(Math.floor(i / 2)) === i % 2 ? 0.95 : 0.05));
    expect(confidentJoint(sure, flipped, 2).noise).toBeCloseTo(0.05, 12);
  });
  test("labels that are missing are left out, and a class nobody is sure of is taken at its word", () => {
    const some = confidentJoint(Float64Array.of(0.6, 0.4, 0.5, 0.5, 0.1, 0.9), Int32Array.of(0, -1, 0), 2);
    expect(some.noise).toBeCloseTo(0, 12);
    expect(some.confident[1]).toBe(-1);
  });
});

describe("the floor under disagreement", () => {
  /** Contradictions drawn from the model itself: sureness normal about `mean`, overlap of odds e^(a + b s), labels flipped with `share`. */
  const drawn = (n: number, classes: number, share: number, seed: string, b = 1, mean = 3): Sureness => {
    const random = rng(seed);
    const sureness = Float64Array.from({ length: n }, () => Math.abs(mean + 2 * random.normal()));
    const contradicted = Uint8Array.from(sureness, (s) => {
      const other = random.uniform() < 1 / (1 + Math.exp(b * s));
      const flipped = random.uniform() < share;
      // A flip of a label that is another already makes it the most probable class once in so many.
      return flipped ? (other && random.below(classes - 1) === 0 ? 0 : 1) : other ? 1 : 0;
    });
    return { sureness, contradicted, top: new Int32Array(n) };
  };
  test.each([
    [2, 0.1],
    [10, 0.03],
    [3, 0],
  ])("of %i classes, its 95 % interval holds a true share of %f about as often as it says", (classes, share) => {
    let [held, middle, accused] = [0, 0, 0];
    for (let turn = 0; turn < 60; turn++) {
      const floor = floorOf(drawn(1200, classes, share, `floor ${classes} ${turn}`), classes);
      if (floor.interval.low <= share && share <= floor.interval.high) held++;
      if (exceeds(floor)) accused++;
      middle += floor.share / 60;
      expect(floor.interval.low).toBeLessThanOrEqual(floor.share);
      expect(floor.interval.high).toBeGreaterThanOrEqual(floor.share);
    }
    // Binomial 99.9 % end: 51 of 60 at 0.95.
    expect(held).toBeGreaterThanOrEqual(51);
    expect(Math.abs(middle - share)).toBeLessThan(0.008);
    // At 0.005 each, more than three of 60 come once in 5,000.
    if (share === 0) expect(accused).toBeLessThanOrEqual(3);
    else expect(accused).toBeGreaterThan(share < 0.05 ? 1 : 30);
  });
  test("where all samples are sure, it is the share of contradictions, with the binomial's likelihood interval", () => {
    const n = 2000;
    const sure: Sureness = {
      sureness: Float64Array.from({ length: n }, (_, i) => 10 + ((i * 37) % 500) / 5),
      contradicted: Uint8Array.from({ length: n }, (_, i) => (i % 25 === 0 ? 1 : 0)),
      top: new Int32Array(n),
    };
    const { share, interval, overlap } = floorOf(sure, 2);
    expect(Math.abs(share - 0.04)).toBeLessThan(0.003);
    const likelihood = (p: number): number => 80 * Math.log(p) + 1920 * Math.log(1 - p);
    const drop = (end: number): number => 2 * (likelihood(0.04) - likelihood(end));
    // Downwards, a little overlap where samples are least sure may stand for some of it.
    expect(Math.abs(drop(interval.high) - 3.84)).toBeLessThan(2);
    expect(interval.low).toBeGreaterThan(0.02);
    // Every contradiction of a sure classifier is then a wrong label.
    expect(wrongAt(30, { overlap, share }, 2)).toBeGreaterThan(0.99);
  });
  test("where sureness says nothing, any share up to chance is possible", () => {
    const random = rng("none");
    const blind: Sureness = {
      sureness: Float64Array.from({ length: 400 }, () => 0.2 * random.uniform()),
      contradicted: Uint8Array.from({ length: 400 }, () => random.below(2)),
      top: new Int32Array(400),
    };
    expect(floorOf(blind, 2).interval).toEqual({ low: 0, high: 0.5 });
  });
  test("a contradiction is wrong by Bayes' rule: flips of the model's own draws, counted by sureness", () => {
    // Of labels that contradict at s = 2: overlap h = 1 / (1 + e²), a tenth flipped, three classes.
    const [h, share] = [1 / (1 + Math.exp(2)), 0.1];
    const wrong = (1 - h) * share + h * share * (1 / 2);
    expect(wrongAt(2, { overlap: { a: 0, b: 1 }, share }, 3)).toBeCloseTo(wrong / (wrong + h * (1 - share)), 12);
  });
});
