/** Proofs against the truth: small networks whose least value is known from a fine grid, by every way of branching. */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { openClassifier } from "#onnx/classifier.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { attribute } from "#onnx/tensor.ts";
import { weights } from "../../test/support/networks.ts";
import { sketchModel } from "../../test/support/onnx.ts";
import { testRuntime } from "../../test/support/runtime.ts";
import { Bounds } from "./bounds.ts";
import { branchOnSigns } from "./branch.ts";
import { layerBounds } from "./layers.ts";
import type { Clause, Effort } from "./property.ts";
import { OUT_OF_NODES, OUT_OF_TIME, robustness } from "./property.ts";
import { DEEP, prove } from "./prove.ts";
import { branchOnInputs } from "./split.ts";

const GRID = 300;
const region = { low: Float64Array.of(-1, -0.5), high: Float64Array.of(1, 1.5) };
const effort: Effort = { signal: new AbortController().signal, nodesMax: 1200, expired: () => false };

/** Two inputs, two hidden layers of 10, three outputs. */
async function world(seed: string, activation = "Relu"): Promise<{ classifier: OnnxClassifier; bounds: Bounds }> {
  const random = rng(seed);
  const transposed = [attribute.int("transB", 1)];
  const classifier = await openClassifier({
    bytes: sketchModel({
      input: { name: "x", dims: [null, 2] },
      constants: {
        w1: weights(random, [10, 2], 1.2),
        b1: weights(random, [10], 0.5),
        w2: weights(random, [10, 10], 0.5),
        b2: weights(random, [10], 0.3),
        w3: weights(random, [3, 10], 0.6),
        b3: weights(random, [3], 0.3),
      },
      nodes: [
        { op: "Gemm", in: ["x", "w1", "b1"], out: ["h1"], attributes: transposed },
        { op: activation, in: ["h1"], out: ["a1"] },
        { op: "Gemm", in: ["a1", "w2", "b2"], out: ["h2"], attributes: transposed },
        { op: activation, in: ["h2"], out: ["a2"] },
        { op: "Gemm", in: ["a2", "w3", "b3"], out: ["y"], attributes: transposed },
      ],
      outputs: ["y"],
    }),
    input: { range: [0, 1], scale: 1, mean: [], std: [], integer: false },
    sampleShape: [2],
    runtime: testRuntime,
  });
  return { classifier, bounds: new Bounds(classifier.prepared!, testRuntime, "float64") };
}

/** Outputs over a grid of the region, corners included. */
async function overGrid(classifier: OnnxClassifier): Promise<Float32Array> {
  const points = new Float32Array((GRID + 1) ** 2 * 2);
  for (let i = 0; i <= GRID; i++)
    for (let j = 0; j <= GRID; j++) {
      const at = 2 * (i * (GRID + 1) + j);
      points[at] = region.low[0]! + ((region.high[0]! - region.low[0]!) * i) / GRID;
      points[at + 1] = region.low[1]! + ((region.high[1]! - region.low[1]!) * j) / GRID;
    }
  return classifier.logits(points, (GRID + 1) ** 2);
}

/** The least over the grid of the largest of a·z. */
function least(logits: Float32Array, clause: readonly (readonly number[])[]): number {
  let lowest = Infinity;
  for (let at = 0; at < logits.length; at += 3) {
    let most = -Infinity;
    for (const a of clause)
      most = Math.max(most, a[0]! * logits[at]! + a[1]! * logits[at + 1]! + a[2]! * logits[at + 2]!);
    lowest = Math.min(lowest, most);
  }
  return lowest;
}

const single = [[1, -1, 0]];
const double = [
  [1, -1, 0],
  [0.5, 0, -1],
];
/** Unsafe where every a·z ≤ b. */
const clauseOf = (rows: readonly (readonly number[])[], b: number): Clause =>
  rows.map((a) => ({ a: Float64Array.from(a), b }));

const ways = {
  "branching on signs": async (bounds: Bounds, clause: Clause) =>
    branchOnSigns(
      bounds,
      region,
      await layerBounds(bounds, region, { signal: effort.signal, steps: 5 }),
      clause,
      effort,
    ),
  "branching on inputs": (bounds: Bounds, clause: Clause) =>
    branchOnInputs(bounds, { region, clauses: [clause] }, effort),
  "the whole proof": (bounds: Bounds, clause: Clause) => prove(bounds, { region, clauses: [clause] }, effort, DEEP),
};

for (const [way, decide] of Object.entries(ways))
  describe(way, () => {
    test.each([1, 2])("proves what is true by a hair and never what is false by a hair (network %i)", async (seed) => {
      const { classifier, bounds } = await world(`prove/${seed}`);
      const logits = await overGrid(classifier);
      for (const rows of [single, double]) {
        const truth = least(logits, rows);
        // The grid may miss the least by its spacing; a hair is more than that.
        const true_ = await decide(bounds, clauseOf(rows, truth - 0.08));
        expect(true_.verdict).toBe("holds");
        const false_ = await decide(bounds, clauseOf(rows, truth + 1e-4));
        expect(false_.verdict).toBe("unknown");
      }
      await bounds.release();
      await classifier.release();
    });
  });

describe("smooth activations", () => {
  test.each(["Sigmoid", "Tanh"])("%s: inputs are branched on where nothing else can be", async (activation) => {
    const { classifier, bounds } = await world(`smooth/${activation}`, activation);
    const truth = least(await overGrid(classifier), single);
    const near = await prove(bounds, { region, clauses: [clauseOf(single, truth - 0.05)] }, effort, DEEP);
    expect(near).toMatchObject({ verdict: "holds" });
    const beyond = await prove(bounds, { region, clauses: [clauseOf(single, truth + 1e-4)] }, effort, DEEP);
    expect(beyond.verdict).toBe("unknown");
    await bounds.release();
    await classifier.release();
  });
});

describe("efforts end", () => {
  test("at the number of subproblems, at the time, at a signal", async () => {
    const { classifier, bounds } = await world("prove/1");
    const truth = least(await overGrid(classifier), single);
    const clauses = [clauseOf(single, truth + 1e-4)];
    const short = await prove(bounds, { region, clauses }, { ...effort, nodesMax: 40 }, DEEP);
    expect(short).toMatchObject({ verdict: "unknown", because: OUT_OF_NODES });
    const late = await prove(bounds, { region, clauses }, { ...effort, expired: () => true }, DEEP);
    expect(late).toMatchObject({ verdict: "unknown", because: OUT_OF_TIME });
    const abort = new AbortController();
    abort.abort(new Error("enough"));
    await expect(prove(bounds, { region, clauses }, { ...effort, signal: abort.signal }, DEEP)).rejects.toThrow(
      "enough",
    );
    await bounds.release();
    await classifier.release();
  });

  test("candidates of a violated property are shown, and one that is accepted ends the search", async () => {
    const { classifier, bounds } = await world("prove/2");
    const truth = least(await overGrid(classifier), single);
    const clauses = [clauseOf(single, truth + 0.3)];
    let shown = 0;
    const candidates = async (points: Float32Array, n: number): Promise<boolean> => {
      shown += n;
      const z = await classifier.logits(points, n);
      for (let k = 0; k < n; k++) {
        for (const i of [0, 1]) {
          expect(points[2 * k + i]!).toBeGreaterThanOrEqual(region.low[i]!);
          expect(points[2 * k + i]!).toBeLessThanOrEqual(region.high[i]!);
        }
        if (z[3 * k]! - z[3 * k + 1]! <= truth + 0.3) return true;
      }
      return false;
    };
    const found = await prove(bounds, { region, clauses }, { ...effort, candidates }, DEEP);
    expect(found.verdict).toBe("violated");
    expect(shown).toBeGreaterThan(0);
    await bounds.release();
    await classifier.release();
  });
});

test("robustness of a label is one clause for every other output", () => {
  expect(robustness(1, 3).map((clause) => clause.map(({ a, b }) => [...Array.from(a), b]))).toEqual([
    [[-1, 1, 0, 0]],
    [[0, 1, -1, 0]],
  ]);
});
