import { expect, test } from "vitest";
import { evasionMeasure, cleanMeasure } from "#assessment/evidence.ts";
import { rng } from "#base/random.ts";
import type { EvaluationSet } from "./answers.ts";
import { evaluateClean, evaluateEvasion } from "./evaluate.ts";
import { clusters, dense, fitted, network } from "../../test/support/classifiers.ts";

const run = (seed: string) => ({ signal: new AbortController().signal, rng: rng(seed), progress: () => {} });

/** Two classes told apart by x₀ + x₁ against 1, in the unit square; exact L∞ radius |x₀ + x₁ − 1| / 2. */
const line = () =>
  network(
    [
      dense(
        [
          [-4, -4],
          [4, 4],
        ],
        [4, -4],
      ),
    ],
    "none",
  );
function points(n: number): EvaluationSet {
  const random = rng("points");
  const samples = Float32Array.from({ length: n * 2 }, () => random.uniform());
  const labels = Int32Array.from({ length: n }, (_, k) => (samples[2 * k]! + samples[2 * k + 1]! > 1 ? 1 : 0));
  return { samples, labels, units: Array.from({ length: n }, (_, k) => `p${k}`), unit: "point" };
}

test("a linear model's robust accuracy, curve and minimal budgets are those of its exact radii", async () => {
  const set = points(80);
  const radii = set.units.map((_, k) => Math.abs(set.samples[2 * k]! + set.samples[2 * k + 1]! - 1) / 2);
  const eps = 0.1;
  const {
    outcome,
    measure: found,
    sanity,
  } = await evaluateEvasion(run("a"), line(), set, {
    item: "t",
    norm: "linf",
    eps,
    epsRaw: eps,
    planned: 80,
    budget: { steps: 20, queries: 100 },
    declared: 1,
  });
  expect(sanity.filter((check) => !check.passed)).toEqual([]);
  expect(outcome.status).toBe("measured");
  const measure = found!;
  evasionMeasure.parse(measure);
  expect(measure.robustAccuracy.k).toBe(radii.filter((radius) => radius > eps).length);
  for (const point of measure.curve) expect(point.robust.k).toBe(radii.filter((radius) => radius > point.eps).length);
  const median = radii.toSorted((a, b) => a - b);
  expect(measure.minimalBudget!.median! / ((median[39]! + median[40]!) / 2)).toBeCloseTo(1, 1);
  expect(measure.exhibits[0]!.before.said).not.toBe(measure.exhibits[0]!.after.said);
});

test("clean accuracy counts per class and a declared value more than 3 points off is inconclusive", async () => {
  const set = points(60);
  const fine = await evaluateClean(run("a"), line(), set, { item: "t", declared: 0.98 });
  expect(fine.outcome.status).toBe("measured");
  cleanMeasure.parse(fine.measure);
  expect(fine.measure!.accuracy.k).toBe(60);
  const off = await evaluateClean(run("a"), line(), set, { item: "t", declared: 0.9 });
  expect(off.outcome).toMatchObject({ status: "inconclusive", because: expect.stringContaining("preprocessing") });
});

test("neither the order of the samples nor the batch size changes a trial", async () => {
  const random = rng("order");
  const world = clusters(random, 30, 12, 3);
  const layers = fitted(random, world, [16], "relu");
  const order = rng("shuffle").sample(30, 30);
  const shuffled = {
    ...world,
    samples: Float32Array.from(order.flatMap((row) => [...world.samples.subarray(row * 12, (row + 1) * 12)])),
    labels: Int32Array.from(order, (row) => world.labels[row]!),
    units: order.map((row) => world.units[row]!),
  };
  const plan = {
    item: "t",
    norm: "linf",
    eps: 0.08,
    epsRaw: 0.08,
    planned: 30,
    budget: { steps: 15, queries: 60 },
  } as const;
  const one = await evaluateEvasion(run("a"), network(layers, "relu", { batch: 64 }), world, plan);
  const other = await evaluateEvasion(run("a"), network(layers, "relu", { batch: 7 }), shuffled, plan);
  expect(one.outcome.status).toBe("measured");
  expect(other.measure).toEqual(one.measure);
});

test("queries and gradients in a measure are those the model saw", async () => {
  const set = points(30);
  const classifier = line();
  const { measure } = await evaluateEvasion(run("a"), classifier, set, {
    item: "t",
    norm: "l2",
    eps: 0.1,
    epsRaw: 0.1,
    planned: 30,
    budget: { steps: 10, queries: 50 },
  });
  expect([measure!.queries, measure!.gradients]).toEqual([classifier.counts.queries, classifier.counts.gradients]);
});

test("an attacker with scores only gets what needs no gradient, and no gradient is asked for", async () => {
  const set = points(30);
  const classifier = line();
  const { measure, noGradient } = await evaluateEvasion(run("a"), classifier, set, {
    item: "t",
    norm: "linf",
    eps: 0.1,
    epsRaw: 0.1,
    planned: 30,
    budget: { steps: 10, queries: 50 },
    access: "scores",
  });
  // 1,500 queries in all are too few to make a copy with.
  expect(measure!.attacks.map(({ attack, access }) => `${attack} ${access}`)).toEqual([
    "square scores",
    "hopskipjump labels",
  ]);
  expect(classifier.counts.gradients).toBe(0);
  expect(noGradient).toBeUndefined();
});
