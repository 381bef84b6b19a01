/** Attacks on outputs that are no classes: independent labels and numbers, where a linear model says exactly which inputs can be beaten. */
import { describe, expect, test } from "vitest";
import { selectRows } from "#attacks/ensemble.ts";
import apgd from "#attacks/evasion/apgd.ts";
import square from "#attacks/evasion/square.ts";
import type { Goal } from "#attacks/goals.ts";
import { besiege } from "#attacks/harness.ts";
import { rng } from "#base/random.ts";
import { dense, network } from "../support/classifiers.ts";

const SIZE = 8,
  OUTPUTS = 4,
  ROWS = 24,
  EPS = 0.05;
const draw = rng("heads");
const weights = Array.from({ length: OUTPUTS }, () => Array.from({ length: SIZE }, () => draw.normal()));
const bias = weights.map((row) => -0.5 * row.reduce((sum, w) => sum + w, 0) + 0.1 * draw.normal());
/** Inside the domain by more than the budget, so that only the ball bounds the change. */
const samples = Float32Array.from({ length: ROWS * SIZE }, () => 0.1 + 0.8 * draw.uniform());
const units = Array.from({ length: ROWS }, (_, k) => `u${k}`);
const classifier = network([dense(weights, bias)], "none", { batch: 7 });
const logits = await classifier.logits(samples, ROWS);
/** How far an output can move within the ball. */
const reach = weights.map((row) => EPS * row.reduce((sum, w) => sum + Math.abs(w), 0));
const listening = { signal: new AbortController().signal, rng: rng("heads/attack"), progress: () => {} };

const threshold = Float32Array.of(0, 0.1, -0.1, 0);
/** The labels of multi-label answers as signs: +1 where z ≥ threshold, else −1. Rows × outputs. */
const sign = logits.map((z, i) => (z >= threshold[i % threshold.length]! ? 1 : -1));
// The last label is not judged for any input.
for (let row = 0; row < ROWS; row++) sign[row * OUTPUTS + 3] = 0;
/** A little less, and a little more, than any output can move. */
const [near, far] = [0.95, 1.02].map((share) => Float32Array.from(reach, (most) => share * most)) as [
  Float32Array,
  Float32Array,
];

const goals: readonly { name: string; goal: Goal; breakable: (row: number) => boolean }[] = [
  {
    name: "flip",
    goal: { kind: "flip", sign, threshold },
    breakable: (row) => [0, 1, 2].some((j) => Math.abs(logits[row * OUTPUTS + j]! - threshold[j]!) < reach[j]!),
  },
  { name: "deviation", goal: { kind: "deviation", centre: logits, tolerance: near }, breakable: () => true },
  {
    name: "deviation",
    goal: { kind: "deviation", centre: logits, tolerance: far },
    breakable: () => false,
  },
];

describe.each(goals)("the goal $name", ({ name, goal, breakable }) => {
  const siege = { samples, units, goal, within: { norm: "linf" as const, eps: EPS } };
  const wanted = units.flatMap((_, row) => (breakable(row) ? [row] : []));

  test("is reached by gradients for exactly the inputs for which it can be", async () => {
    const { found, beaten } = await besiege(
      listening,
      classifier,
      apgd,
      { objective: name, steps: 30, restarts: 4 },
      siege,
    );
    expect([...found.keys()].toSorted((a, b) => a - b)).toEqual(wanted);
    expect(beaten.reduce((sum, one) => sum + one, 0)).toBe(wanted.length);
  });

  test("is reached by scores for no others", async () => {
    const { found } = await besiege(listening, classifier, square, { queries: 60 }, siege);
    expect([...found.keys()].filter((row) => !wanted.includes(row))).toEqual([]);
    if (wanted.length > 0) expect(found.size).toBeGreaterThan(0);
  });

  test("means the same for a selection of the inputs", async () => {
    const rows = Int32Array.of(5, 17, 2, 9);
    const { found } = await besiege(
      listening,
      classifier,
      apgd,
      { objective: name, steps: 30, restarts: 4 },
      selectRows(siege, rows, SIZE),
    );
    expect([...found.keys()].map((k) => rows[k]!).toSorted((a, b) => a - b)).toEqual(
      [...rows].filter(breakable).toSorted((a, b) => a - b),
    );
  });
});

test("some of the inputs can be beaten and some cannot", () => {
  const count = units.filter((_, row) => goals[0]!.breakable(row)).length;
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThan(ROWS);
});

test("a goal over outputs takes no objective over classes", async () => {
  const siege = { samples, units, goal: goals[0]!.goal, within: { norm: "linf" as const, eps: EPS } };
  await expect(besiege(listening, classifier, apgd, { objective: "margin", steps: 2 }, siege)).rejects.toThrow(
    "the goal `flip` has no labels for the objective `margin`",
  );
});
