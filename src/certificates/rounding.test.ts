/** The network rounds: what float32 makes of it never leaves what bounds in float64 leave it, and margins below that are not certified. */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import type { Rng } from "#base/random.ts";
import { openClassifier } from "#onnx/classifier.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { loadGraph } from "#onnx/graph.ts";
import { evaluate } from "#onnx/reference.ts";
import { attribute } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import { sketchModel, tensor } from "../../test/support/onnx.ts";
import type { ModelSketch } from "../../test/support/onnx.ts";
import { testRuntime } from "../../test/support/runtime.ts";
import { Bounds } from "./bounds.ts";
import type { Region } from "./bounds.ts";
import { layerBounds, repeated } from "./layers.ts";
import { optimise } from "./optimise.ts";
import { robustness } from "./property.ts";
import type { Effort } from "./property.ts";
import { prove } from "./prove.ts";

const { signal } = new AbortController();
const effort: Effort = { signal, nodesMax: 200, expired: () => false };

async function opened(bytes: Uint8Array, size: number): Promise<{ classifier: OnnxClassifier; bounds: Bounds }> {
  const classifier = await openClassifier({
    bytes,
    input: { range: [0, 1], scale: 1, mean: [], std: [], integer: false },
    sampleShape: [size],
    runtime: testRuntime,
  });
  return { classifier, bounds: new Bounds(classifier.prepared!, testRuntime, "float64") };
}

const sketch = (size: number, rest: Omit<ModelSketch, "input" | "outputs">): Uint8Array =>
  sketchModel({ input: { name: "x", dims: [null, size] }, outputs: ["y"], ...rest });

/** Lower bounds of ±every output over a region. */
async function endsOf(bounds: Bounds, region: Region): Promise<[low: number[], high: number[]]> {
  const k = bounds.outputs;
  const layers = await layerBounds(bounds, region, { signal, steps: 0 });
  const spec = bounds.floats(2 * k * k);
  for (let j = 0; j < k; j++) {
    spec[j * k + j] = 1;
    spec[(k + j) * k + j] = -1;
  }
  const before = await bounds.before("logits");
  const lines = new Map(
    before.map((a) => [
      a.id,
      repeated(bounds, bounds.lines(a, layers.low[a.id]!, layers.high[a.id]!, layers.rounding[a.id]!), 2 * k),
    ]),
  );
  const { bound } = await optimise(
    bounds,
    "logits",
    region,
    { spec, rounding: layers.rounding.at(-1)!, rows: 2 * k, lines, free: new Map() },
    { steps: 0, rate: 0.1, signal },
  );
  return [Array.from(bound.subarray(0, k)), Array.from(bound.subarray(k), (v) => -v)];
}

/** A network whose first layers cancel: the later weights are nearly orthogonal to what the earlier ones make. */
function cancelling(random: Rng, size: number, width: number, scale: number, activation?: string): Uint8Array {
  const values = (n: number, by: number): number[] =>
    Array.from({ length: n }, () => Math.fround(random.normal() * by));
  const w1 = values(width * size, scale);
  // Every second unit is the one before it and a little more; the next layer takes their difference.
  for (let r = 1; r < width; r += 2)
    for (let i = 0; i < size; i++)
      w1[r * size + i] = Math.fround(w1[(r - 1) * size + i]! * (1 + 1e-6 * random.normal()));
  const w2 = values(4 * width, 1);
  for (let j = 0; j < 4; j++) for (let r = 1; r < width; r += 2) w2[j * width + r] = -w2[j * width + r - 1]!;
  const b1 = values(width, scale);
  for (let r = 1; r < width; r += 2) b1[r] = b1[r - 1]!;
  const transposed = [attribute.int("transB", 1)];
  return sketch(size, {
    constants: {
      w1: tensor([width, size], w1),
      b1: tensor([width], b1),
      w2: tensor([4, width], w2),
      b2: tensor([4], values(4, 1)),
      w3: tensor([3, 4], values(12, 1)),
    },
    nodes: [
      { op: "Gemm", in: ["x", "w1", "b1"], out: ["h"], attributes: transposed },
      ...(activation ? [{ op: activation, in: ["h"], out: ["a"] }] : []),
      { op: "Gemm", in: [activation ? "a" : "h", "w2", "b2"], out: ["g"], attributes: transposed },
      { op: "Relu", in: ["g"], out: ["r"] },
      { op: "Gemm", in: ["r", "w3"], out: ["y"], attributes: transposed },
    ],
  });
}

describe("what float32 makes of a network stays within what bounds in float64 leave it", () => {
  test.each([
    ["cancelling weights", 8, 16, 1, undefined, 1],
    ["large cancelling weights", 8, 16, 1e4, undefined, 1],
    ["raw inputs up to 255", 8, 16, 1, undefined, 255],
    ["long sums", 400, 40, 1, undefined, 1],
    ["long sums of raw inputs", 400, 40, 1e4, undefined, 255],
    ["cancelling ReLUs", 8, 16, 1e4, "Relu", 1],
    ["cancelling sigmoids", 8, 16, 10, "Sigmoid", 1],
    ["cancelling tanhs", 8, 16, 1, "Tanh", 1],
    ["cancelling softplus", 8, 16, 1e3, "Softplus", 1],
    ["tiny weights", 8, 16, 1e-20, undefined, 1e-10],
  ] as const)("%s", async (name, size, width, scale, activation, range) => {
    const random = rng(`rounding/${name}`);
    const bytes = cancelling(random, size, width, scale, activation);
    const { classifier, bounds } = await opened(bytes, size);
    const { graph } = loadGraph(bytes);
    let worst = 0;
    for (let trial = 0; trial < 6; trial++) {
      const point = Float32Array.from({ length: size }, () => random.uniform() * range);
      const z = await classifier.logits(point, 1);
      const exact = evaluate(graph, { x: { type: "float32", dims: [1, size], data: Float64Array.from(point) } }, ["y"]);
      const at = Float64Array.from(point);
      const [low, high] = await endsOf(bounds, { low: at, high: at });
      for (let j = 0; j < 3; j++) {
        const value = exact["y"]!.data[j]!;
        const room = z[j]! < value ? value - low[j]! : high[j]! - value;
        worst = Math.max(worst, Math.abs(z[j]! - value) / room);
      }
    }
    // Above 1 a certificate could be contradicted.
    expect(worst).toBeLessThan(0.5);
    await bounds.release();
    await classifier.release();
  });
});

describe("margins that float32 does not keep are not certified", () => {
  const w = (...rows: number[][]): Value => tensor([rows.length, rows[0]!.length], rows.flat());
  const transposed = [attribute.int("transB", 1)];
  const gemm = (weights: number[][], bias: number[]) => ({
    constants: { w: w(...weights), b: tensor([bias.length], bias) },
    nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"], attributes: transposed }],
  });
  const cases: Record<string, [Uint8Array, number[], number[]]> = {
    // 3000 + 1e-5 is 3000: both outputs are equal, which is unsafe. This was certified.
    "a common part of 3000 with a margin of 1e-5": [sketch(1, gemm([[1e4], [1e4]], [1e-5, 0])), [0.3], [0.3]],
    "saturated sigmoids": [
      sketch(2, {
        constants: { k: tensor([2], [40, 30]) },
        nodes: [
          { op: "Mul", in: ["x", "k"], out: ["h"] },
          { op: "Sigmoid", in: ["h"], out: ["s"] },
          { op: "Identity", in: ["s"], out: ["s2"] },
          { op: "Neg", in: ["s2"], out: ["n"] },
          { op: "Neg", in: ["n"], out: ["y"] },
        ],
      }),
      [0.99, 0.99],
      [1, 1],
    ],
    "products below the smallest float32": [
      sketch(1, {
        constants: { k: tensor([1], [1e-30]), w: w([1e-20], [-1e-20]) },
        nodes: [
          { op: "Mul", in: ["x", "k"], out: ["h"] },
          { op: "Gemm", in: ["h", "w"], out: ["y"], attributes: transposed },
        ],
      }),
      [0.5],
      [1],
    ],
    "an overflow that cancels on paper": [
      sketch(1, {
        constants: {
          k: tensor([1], [1e30]),
          w: w([1e30, -1e30], [0, 0]),
          b: tensor([2], [1, 0]),
          c: tensor([1, 2], [1, 1]),
        },
        nodes: [
          { op: "Mul", in: ["x", "k"], out: ["h"] },
          { op: "MatMul", in: ["h", "c"], out: ["g"] },
          { op: "Gemm", in: ["g", "w", "b"], out: ["y"], attributes: transposed },
        ],
      }),
      [0.5],
      [0.6],
    ],
    "an overflow on the way, scaled down again": [
      sketch(1, {
        constants: {
          up: tensor([1], [1e30]),
          again: tensor([1], [1e30]),
          down: tensor([1], [1e-30]),
          w: w([1e-30], [-1e-30]),
        },
        nodes: [
          { op: "Mul", in: ["x", "up"], out: ["h"] },
          { op: "Mul", in: ["h", "again"], out: ["g"] },
          { op: "Mul", in: ["g", "down"], out: ["f"] },
          { op: "Gemm", in: ["f", "w"], out: ["y"], attributes: transposed },
        ],
      }),
      [0.5],
      [0.6],
    ],
    "weights that are no numbers": [sketch(1, gemm([[1], [NaN]], [5, 0])), [0], [1]],
    "infinite weights": [sketch(1, gemm([[1], [-Infinity]], [5, 0])), [0], [1]],
  };
  test.each(Object.entries(cases))("%s", async (_, [bytes, low, high]) => {
    const { classifier, bounds } = await opened(bytes, low.length);
    const z = await classifier.logits(Float32Array.from(low), 1);
    // The outputs are equal, infinite or no numbers; in exact arithmetic one would be above the other.
    expect(z[0] !== z[1] && z.every((v) => Number.isFinite(v))).toBe(false);
    for (const label of [0, 1]) {
      const { verdict } = await prove(
        bounds,
        { region: { low: Float64Array.from(low), high: Float64Array.from(high) }, clauses: robustness(label, 2) },
        effort,
      );
      expect(verdict).toBe("unknown");
    }
    await bounds.release();
    await classifier.release();
  });

  test("regions without room, whole or in part, are bounded like others", async () => {
    const { classifier, bounds } = await opened(cancelling(rng("room"), 6, 8, 1, "Relu"), 6);
    const at = Float64Array.from({ length: 6 }, (_, i) => i / 6);
    const some = at.map((v, i) => (i === 2 ? v + 0.1 : v));
    const [z] = await classifier.logits(Float32Array.from(at), 1);
    for (const high of [at, some]) {
      const [low, most] = await endsOf(bounds, { low: at, high });
      expect(low[0]!).toBeLessThanOrEqual(z!);
      expect(most[0]!).toBeGreaterThanOrEqual(z!);
    }
    await bounds.release();
    await classifier.release();
  });
});

test("in float32 the bounds round too, and leave room for that as well", async () => {
  const random = rng("rounding/own");
  const bytes = cancelling(random, 60, 40, 100);
  const { classifier, bounds } = await opened(bytes, 60);
  const rough = new Bounds(classifier.prepared!, testRuntime, "float32");
  const { graph } = loadGraph(bytes);
  for (let trial = 0; trial < 5; trial++) {
    const point = Float32Array.from({ length: 60 }, () => random.uniform());
    const exact = evaluate(graph, { x: { type: "float32", dims: [1, 60], data: Float64Array.from(point) } }, ["y"])[
      "y"
    ]!;
    const at = Float64Array.from(point);
    const [low, high] = await endsOf(rough, { low: at, high: at });
    for (let j = 0; j < 3; j++) {
      expect(low[j]!).toBeLessThan(exact.data[j]!);
      expect(high[j]!).toBeGreaterThan(exact.data[j]!);
    }
  }
  await rough.release();
  await bounds.release();
  await classifier.release();
});
