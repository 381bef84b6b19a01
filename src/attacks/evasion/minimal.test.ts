import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { clusters, dense, fitted, network } from "../../../test/support/classifiers.ts";
import { ensemble } from "../ensemble.ts";
import { besiege } from "../harness.ts";
import type { Norm } from "../region.ts";
import apgd, { checkpoints } from "./apgd.ts";
import { minimalBudgets } from "./minimal.ts";
import pgd from "./pgd.ts";
import square, { bumps, shareAt } from "./square.ts";

const run = (seed: string) => ({ signal: new AbortController().signal, rng: rng(seed), progress: () => {} });

/** The exact radius of a linear model: for each other class |margin| over the dual norm of the difference of weights. */
function exactRadius(rows: readonly number[][], bias: readonly number[], x: Float32Array, label: number, norm: Norm) {
  let smallest = Infinity;
  rows.forEach((row, j) => {
    if (j === label) return;
    const difference = row.map((w, i) => w - rows[label]![i]!);
    const margin = difference.reduce((sum, d, i) => sum + d * x[i]!, bias[j]! - bias[label]!);
    const dual =
      norm === "linf"
        ? difference.reduce((sum, d) => sum + Math.abs(d), 0)
        : Math.sqrt(difference.reduce((sum, d) => sum + d * d, 0));
    smallest = Math.min(smallest, -margin / dual);
  });
  return smallest;
}

describe("a linear model's exact radius is met within 1 % by bisection", () => {
  const random = rng("linear radius");
  const size = 24;
  const n = 12;
  const samples = Float32Array.from({ length: n * size }, () => 0.4 + 0.2 * random.uniform());
  for (const classes of [2, 5])
    for (const norm of ["linf", "l2"] as const)
      // An untargeted climb can end at another wrong class than the nearest, so with several the targeted one is needed.
      for (const objective of classes === 2 ? ["margin", "cross-entropy"] : ["targeted-margin", "dlr-targeted"])
        test(`${classes} classes, ${norm}, Auto-PGD with ${objective}`, async () => {
          const rows = Array.from({ length: classes }, () => Array.from({ length: size }, () => random.normal()));
          const bias = rows.map((row) => -0.5 * row.reduce((sum, w) => sum + w, 0));
          const linear = network([dense(rows, bias)], "none");
          const logits = await linear.logits(samples, n);
          const label = Int32Array.from({ length: n }, (_, k) => {
            const row = [...logits.subarray(k * classes, (k + 1) * classes)];
            return row.indexOf(Math.max(...row));
          });
          const units = Array.from({ length: n }, (_, k) => `u${k}`);
          const { budget } = await minimalBudgets(
            run("a"),
            linear,
            [{ attack: apgd, parameters: { objective, steps: 50 } }],
            { samples, units, goal: { kind: "untargeted", label }, norm },
          );
          for (let k = 0; k < n; k++) {
            const exact = exactRadius(rows, bias, samples.subarray(k * size, (k + 1) * size), label[k]!, norm);
            expect(budget[k]! / exact).toBeGreaterThanOrEqual(0.99999);
            expect(budget[k]! / exact).toBeLessThanOrEqual(1.01);
          }
        });
});

test("on whole grey levels the L∞ radius is the next whole step above the exact one", async () => {
  const rows = [
    [1, -2, 3, 0.5],
    [-1, 1, -1, 0.25],
  ];
  const bias = [0, 0.1];
  const linear = network([dense(rows, bias)], "none", { grid: { integer: true, levels: 255 } });
  const samples = Float32Array.from([120, 60, 110, 100], (raw) => raw / 255);
  const { budget } = await minimalBudgets(
    run("a"),
    linear,
    [{ attack: apgd, parameters: { objective: "margin", steps: 20 } }],
    {
      samples,
      units: ["one"],
      goal: { kind: "untargeted", label: Int32Array.of(0) },
      norm: "linf",
    },
  );
  const exact = exactRadius(rows, bias, samples, 0, "linf");
  expect(exact).toBeGreaterThan(0.01);
  expect(budget[0]! * 255).toBeCloseTo(Math.ceil(exact * 255), 3);
});

test("a sample that nothing in the range can beat has no minimal budget", async () => {
  const constant = network(
    [
      dense(
        [
          [0, 0],
          [0, 0],
        ],
        [1, 0],
      ),
    ],
    "none",
  );
  const { budget } = await minimalBudgets(run("a"), constant, [{ attack: apgd, parameters: { steps: 5 } }], {
    samples: Float32Array.of(0.5, 0.5),
    units: ["one"],
    goal: { kind: "untargeted", label: Int32Array.of(0) },
    norm: "linf",
  });
  expect(budget[0]).toBe(Infinity);
});

test("a property over outputs is reached exactly where a linear model can reach it inside its boxes", async () => {
  // Output z₀ = Σ x_i; unsafe where z₀ ≥ 3: some boxes hold such a point in one corner only, the others none.
  const sum = network([dense([[1, 1, 1, 1]], [0])], "none");
  const n = 20;
  const high = Float32Array.from({ length: 4 * n }, (_, at) => 0.5 + 0.025 * Math.floor(at / 4) + 1e-4);
  const low = new Float32Array(4 * n);
  const result = await besiege(
    run("a"),
    sum,
    apgd,
    { objective: "unsafe", steps: 30 },
    {
      samples: new Float32Array(4 * n),
      units: Array.from({ length: n }, (_, k) => `b${k}`),
      goal: { kind: "unsafe", clauses: [[{ a: [-1], b: -3 }]] },
      within: { low, high },
    },
  );
  for (let k = 0; k < n; k++) expect(result.beaten[k]).toBe(4 * high[4 * k]! >= 3 ? 1 : 0);
  expect(result.found.size).toBe(10);
});

test("checkpoints are those of the paper: 22, 41, 57, 70, 80, 87, 93, 99 of 100 steps", () => {
  expect(checkpoints(100)).toEqual([0, 22, 41, 57, 70, 80, 87, 93, 99]);
});

test("Auto-PGD beats no fewer than PGD with as many gradients, and Square no more than the ensemble but many", async () => {
  const random = rng("compared");
  const world = clusters(random, 60, 16, 4);
  const classifier = network(fitted(random, world, [32, 24], "relu"), "relu");
  const siege = { ...world, goal: { kind: "untargeted" as const, label: world.labels } };
  const auto = (objective: string) => ({ attack: apgd, parameters: { objective, steps: 40 } });
  for (const [norm, eps] of [
    ["linf", 0.07],
    ["l2", 0.25],
  ] as const) {
    const at = { ...siege, within: { norm, eps } };
    const first = await ensemble(run("a"), classifier, [auto("cross-entropy")], at);
    const plain = await ensemble(run("a"), classifier, [{ attack: pgd, parameters: { steps: 40 } }], at);
    const all = ["cross-entropy", "margin", "dlr-targeted"].map(auto);
    const whole = await ensemble(run("a"), classifier, all, at);
    const blind = await ensemble(run("a"), classifier, [{ attack: square, parameters: { queries: 400 } }], at);
    expect(first.found.size).toBeGreaterThanOrEqual(plain.found.size);
    expect(whole.found.size).toBeGreaterThan(10);
    expect(whole.found.size).toBeLessThan(60);
    expect(blind.found.size).toBeLessThanOrEqual(whole.found.size);
    expect(blind.found.size).toBeGreaterThan(0.6 * whole.found.size);
  }
});

test("Square's share halves at the paper's steps, scaled to the budget, and its bumps have unit length and opposite halves", () => {
  expect([0, 11, 60, 300, 9000].map((step) => shareAt(0.8, step, 10_000))).toEqual([0.8, 0.4, 0.2, 0.1, 0.8 / 512]);
  expect(shareAt(0.8, 30, 1000)).toBe(shareAt(0.8, 300, 10_000));
  for (const side of [1, 2, 3, 5, 8]) {
    const bump = bumps(side, rng(String(side)));
    expect(bump.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 10);
    if (side > 1) expect(Math.min(...bump) * Math.max(...bump)).toBeLessThan(0);
  }
});
