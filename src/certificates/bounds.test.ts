/** Bounds hold: no sampled input is ever below them, whatever the network, the region, the precision and the effort. */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import type { Rng } from "#base/random.ts";
import { openClassifier } from "#onnx/classifier.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { loadGraph } from "#onnx/graph.ts";
import { evaluate } from "#onnx/reference.ts";
import { attribute, toValue } from "#onnx/tensor.ts";
import { denseNetworks, pictureNetworks, weights } from "../../test/support/networks.ts";
import type { SmallNetwork } from "../../test/support/networks.ts";
import { int64, sketchModel, tensor } from "../../test/support/onnx.ts";
import { testRuntime } from "../../test/support/runtime.ts";
import { backwardProgram, port } from "./backward.ts";
import { Bounds, OUTWARD } from "./bounds.ts";
import type { Floats, Region } from "./bounds.ts";
import { layerBounds, repeated, undecided } from "./layers.ts";
import { Unboundable } from "./network.ts";
import { optimise } from "./optimise.ts";

const { signal } = new AbortController();
const plain = { range: [0, 1] as [number, number], scale: 1, mean: [], std: [], integer: false };
const open = ({ bytes, shape }: SmallNetwork) =>
  openClassifier({ bytes, input: plain, sampleShape: shape, runtime: testRuntime });

function regionAround(random: Rng, size: number, radius: number, norm?: "l2" | "l1"): Region {
  const centre = Float64Array.from({ length: size }, () => Math.fround(random.uniform()));
  const region = {
    low: centre.map((c) => Math.fround(c - radius)),
    high: centre.map((c) => Math.fround(c + radius)),
  };
  return norm ? { ...region, ball: { norm, centre, radius } } : region;
}

/** Points of a region: its corners and edges as well as its inside. */
function sampled(random: Rng, { low, high, ball }: Region, n: number): Float32Array {
  const size = low.length;
  const points = new Float32Array(n * size);
  for (let k = 0; k < n; k++) {
    const at = points.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < size; i++) {
      const share = k % 3 === 0 ? (random.uniform() < 0.5 ? 0 : 1) : random.uniform();
      at[i] = low[i]! + share * (high[i]! - low[i]!);
    }
    if (!ball) continue;
    const lengthOf = (): number => {
      const by = Array.from(at, (value, i) => Math.abs(value - ball.centre[i]!));
      return ball.norm === "l2" ? Math.hypot(...by) : by.reduce((a, b) => a + b, 0);
    };
    const factor = Math.min(1, (ball.radius / lengthOf()) * (1 - 1e-6));
    for (let i = 0; i < size; i++) at[i] = ball.centre[i]! + (at[i]! - ball.centre[i]!) * factor;
  }
  return points;
}

/** Lower bounds of random linear functions of the outputs, by effort. */
async function outputBounds(bounds: Bounds, region: Region, spec: Float64Array, rows: number) {
  const found = new Map<string, Float64Array>();
  for (const [effort, steps] of [
    ["linear", 0],
    ["optimised", 20],
  ] as const) {
    const layers = await layerBounds(bounds, region, { signal, steps });
    const before = await bounds.before("logits");
    const lines = new Map(
      before.map((a) => [
        a.id,
        repeated(bounds, bounds.lines(a, layers.low[a.id]!, layers.high[a.id]!, layers.rounding[a.id]!), rows),
      ]),
    );
    const free = new Map(
      before.map((a) => [
        a.id,
        a.f.name === "relu" ? undecided(a, layers.low[a.id]!, layers.high[a.id]!) : new Int32Array(0),
      ]),
    );
    const { bound } = await optimise(
      bounds,
      "logits",
      region,
      { spec: bounds.cast(spec), rounding: layers.rounding.at(-1)!, rows, lines, free },
      { steps, rate: 0.1, signal },
    );
    found.set(effort, bound);
  }
  return found;
}

async function leastSampled(
  classifier: OnnxClassifier,
  points: Float32Array,
  n: number,
  spec: Float64Array,
  rows: number,
) {
  const logits = await classifier.logits(points, n);
  const k = classifier.outputs;
  return Float64Array.from({ length: rows }, (_, r) => {
    let least = Infinity;
    for (let i = 0; i < n; i++) {
      let value = 0;
      for (let j = 0; j < k; j++) value += spec[r * k + j]! * logits[i * k + j]!;
      least = Math.min(least, value);
    }
    return least;
  });
}

const networks = [...Object.values(denseNetworks), ...Object.values(pictureNetworks)];
/** A ball changes the last step only; these have every kind of last step. */
const alsoInBalls: readonly unknown[] = [denseNetworks.relu, denseNetworks.tanh, pictureNetworks.plain];

for (const make of networks) {
  const name = make(rng("name")).name;
  describe(name, () => {
    for (const norm of alsoInBalls.includes(make) ? ([undefined, "l2", "l1"] as const) : [undefined])
      test(`no sampled input is below its bounds (${norm ?? "box"})`, async () => {
        const random = rng(`${name}/${norm ?? "box"}`);
        const classifier = await open(make(random));
        const dense = classifier.shape.length === 1;
        for (const [precision, radius] of [
          ["float32", 0.02],
          [dense ? "float64" : "float32", 0.4],
        ] as const) {
          const bounds = new Bounds(classifier.prepared!, testRuntime, precision);
          {
            const region = regionAround(random, classifier.size, radius, norm);
            const rows = 4;
            const spec = Float64Array.from({ length: rows * classifier.outputs }, () => Math.fround(random.normal()));
            const n = 400;
            const least = await leastSampled(classifier, sampled(random, region, n), n, spec, rows);
            const found = await outputBounds(bounds, region, spec, rows);
            for (const [, bound] of found)
              for (let r = 0; r < rows; r++) expect(bound[r]!).toBeLessThanOrEqual(least[r]!);
            // More effort never gives a worse bound than plain lines over the same layers, and the bounds are not vacuous.
            for (let r = 0; r < rows; r++) {
              expect(found.get("optimised")![r]!).toBeGreaterThanOrEqual(found.get("linear")![r]! - 1e-3);
              if (radius === 0.02 && !norm) expect(least[r]! - found.get("optimised")![r]!).toBeLessThan(1.5);
            }
          }
          await bounds.release();
        }
        await classifier.release();
      });
  });
}

describe("closed forms", () => {
  const random = rng("closed");
  const w = weights(random, [4, 3]);
  const linear: SmallNetwork = {
    name: "linear",
    shape: [4],
    outputs: 3,
    bytes: sketchModel({
      input: { name: "x", dims: [null, 4] },
      constants: { w, b: tensor([3], [0.1, -0.2, 0.3]) },
      nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"] }],
      outputs: ["y"],
    }),
  };

  test.each([
    ["box", undefined, (a: number[]) => a.reduce((s, v) => s + Math.abs(v), 0)],
    ["l2", "l2", (a: number[]) => Math.hypot(...a)],
    ["l1", "l1", (a: number[]) => Math.max(...a.map(Math.abs))],
  ] as const)(
    "a linear model's least value over a ball is its value less the dual norm (%s)",
    async (_, norm, dual) => {
      const classifier = await open(linear);
      const bounds = new Bounds(classifier.prepared!, testRuntime, "float64");
      const radius = 0.25;
      const region = regionAround(rng("linear"), 4, radius, norm);
      const centre = region.low.map((low, i) => (low + region.high[i]!) / 2);
      const a = Array.from({ length: 4 }, (_, i) => w.data[i * 3]! - w.data[i * 3 + 1]!);
      const value = a.reduce((sum, v, i) => sum + v * centre[i]!, 0.3);
      const spec = Float64Array.of(1, -1, 0);
      const [bound] = (await outputBounds(bounds, region, spec, 1)).get("linear")!;
      const exact = value - radius * dual(a);
      expect(bound!).toBeLessThanOrEqual(exact);
      expect(bound!).toBeGreaterThan(exact - 1e-4);
      await bounds.release();
      await classifier.release();
    },
  );

  test("one undecided ReLU is bounded by its chord above and the better slope below", async () => {
    const one: SmallNetwork = {
      name: "one",
      shape: [1],
      outputs: 2,
      bytes: sketchModel({
        input: { name: "x", dims: [null, 1] },
        constants: { w: tensor([1, 2], [1, -1]) },
        nodes: [
          { op: "Relu", in: ["x"], out: ["a"] },
          { op: "MatMul", in: ["a", "w"], out: ["y"] },
        ],
        outputs: ["y"],
      }),
    };
    const classifier = await open(one);
    const bounds = new Bounds(classifier.prepared!, testRuntime, "float64");
    const region = { low: Float64Array.of(-1), high: Float64Array.of(3) };
    const found = await outputBounds(bounds, region, Float64Array.of(1, 0, 0, 1), 2);
    // relu(x) ≥ 0 is found by turning the slope from 1 (which gives −1) towards 0; −relu(x) ≥ −(3/4)(x + 1), at 3: −3.
    expect(found.get("linear")![0]).toBeCloseTo(-1, 4);
    expect(found.get("optimised")![0]).toBeCloseTo(0, 4);
    expect(found.get("optimised")![1]).toBeCloseTo(-3, 4);
    await bounds.release();
    await classifier.release();
  });
});

describe("rounding", () => {
  test("the outward slack is far wider than what float32 loses against float64 on the same graph", async () => {
    for (const make of [pictureNetworks.plain, pictureNetworks.residual, denseNetworks.relu]) {
      const random = rng(`rounding/${make(rng("n")).name}`);
      const classifier = await open(make(random));
      const bounds = new Bounds(classifier.prepared!, testRuntime, "float32");
      const region = regionAround(random, classifier.size, 0.1);
      const layers = await layerBounds(bounds, region, { signal, steps: 0 });
      const program = backwardProgram(classifier.prepared!, {
        from: "logits",
        group: "rows",
        norm: "box",
        precision: "float32",
        gradients: false,
        multipliers: false,
        coefficients: false,
      });
      const before = await bounds.before("logits");
      const lines = new Map(
        before.map((a) => [a.id, bounds.lines(a, layers.low[a.id]!, layers.high[a.id]!, layers.rounding[a.id]!)]),
      );
      const spec = Float32Array.from({ length: 6 * 3 }, () => random.normal());
      const feeds = {
        ...bounds.region(region),
        ...bounds.lineFeeds(lines, before),
        ...bounds.ownRounding(layers.rounding.at(-1)!),
        [port.spec]: bounds.tensor(spec, [6, 3]),
      };
      const session = await testRuntime.load(program.bytes);
      const rough = await session.run(feeds);
      const { graph } = loadGraph(program.bytes);
      const exact = evaluate(graph, Object.fromEntries(Object.entries(feeds).map(([n, t]) => [n, toValue(t)])), [
        port.bound,
        port.magnitude,
      ]);
      for (let r = 0; r < 6; r++) {
        const lost = Math.abs((rough[port.bound]!.data as Floats)[r]! - exact[port.bound]!.data[r]!);
        expect(lost).toBeLessThan((OUTWARD.float32 * exact[port.magnitude]!.data[r]!) / 8);
      }
      await session.release();
      await bounds.release();
      await classifier.release();
    }
  });
});

describe("what cannot be bounded is named", () => {
  const refused = async (
    nodes: Parameters<typeof sketchModel>[0]["nodes"],
    dims: number[] = [4],
    constants: Parameters<typeof sketchModel>[0]["constants"] = {},
  ) => {
    const classifier = await open({
      name: "x",
      shape: dims,
      outputs: 0,
      bytes: sketchModel({ input: { name: "x", dims: [null, ...dims] }, nodes, constants, outputs: ["y"] }),
    });
    try {
      return () => new Bounds(classifier.prepared!, testRuntime, "float32");
    } finally {
      await classifier.release();
    }
  };
  test("a product of the input with itself in different places, a step, numbers drawn at random, half precision", async () => {
    expect(await refused([{ op: "Sign", in: ["x"], out: ["y"], name: "steps" }])).toThrow(/Sign.*"steps"/);
    expect(
      await refused([
        { op: "Sin", in: ["x"], out: ["s"] },
        { op: "Mul", in: ["s", "x"], out: ["y"] },
      ]),
    ).toThrow(Unboundable);
    // Noise added to the input came through as a constant, another one at every call.
    expect(
      await refused([
        { op: "RandomNormal", in: [], out: ["r"], attributes: [attribute.ints("shape", [4])], name: "noise" },
        { op: "Add", in: ["x", "r"], out: ["y"] },
      ]),
    ).toThrow(/RandomNormal.*"noise"/);
    // Samples of one call are no neighbours: what one of them is told by another no bound of one row knows.
    for (const [op, more, constants] of [
      ["CumSum", ["zero"], { zero: { ...int64(0), dims: [] } }],
      [
        "Slice",
        ["last", "end", "first", "back"],
        { last: int64(-1), end: int64(-1e9), first: int64(0), back: int64(-1) },
      ],
    ] as const)
      expect(await refused([{ op, in: ["x", ...more], out: ["y"], name: "along" }], [4], constants)).toThrow(
        /batch|along/,
      );
    // Eleven bits round by a thousand times what the outward slack is made for.
    expect(
      await refused([
        { op: "Cast", in: ["x"], out: ["h"], attributes: [attribute.int("to", 10)], name: "half" },
        { op: "Neg", in: ["h"], out: ["n"] },
        { op: "Cast", in: ["n"], out: ["y"], attributes: [attribute.int("to", 1)] },
      ]),
    ).toThrow(/half precision/);
  });
});

describe("what was bounded wrongly or not at all", () => {
  const boundsOf = async (sketch: Omit<Parameters<typeof sketchModel>[0], "input" | "outputs">, dims: number[]) => {
    const classifier = await open({
      name: "x",
      shape: dims,
      outputs: 0,
      bytes: sketchModel({ input: { name: "x", dims: [null, ...dims] }, outputs: ["y"], ...sketch }),
    });
    return { classifier, bounds: new Bounds(classifier.prepared!, testRuntime, "float64") };
  };

  test("a sigmoid of a broadcast is as wide as the broadcast: its sum was bounded as if it had one term", async () => {
    const { classifier, bounds } = await boundsOf(
      {
        constants: { ones: tensor([1, 4], [1, 1, 1, 1]), one: int64(1), w: tensor([1, 2], [1, -1]) },
        nodes: [
          { op: "Mul", in: ["x", "ones"], out: ["h"] },
          { op: "Sigmoid", in: ["h"], out: ["s"] },
          { op: "ReduceSum", in: ["s", "one"], out: ["t"] },
          { op: "MatMul", in: ["t", "w"], out: ["y"] },
        ],
      },
      [1],
    );
    const region = { low: Float64Array.of(0), high: Float64Array.of(0) };
    const [value] = await classifier.logits(Float32Array.of(0), 1);
    expect(value).toBe(2);
    const { outputs } = await bounds.intervals(region);
    expect(outputs[0][0]!).toBeCloseTo(2, 4);
    expect(outputs[1][0]!).toBeCloseTo(2, 4);
    await bounds.release();
    await classifier.release();
  });

  test.each(["Softmax", "LogSoftmax"])(
    "a closing %s is left out of the bounds as it is left out of the logits",
    async (op) => {
      const { classifier, bounds } = await boundsOf(
        {
          constants: { w: tensor([2, 2], [1, -1, 2, 1]) },
          nodes: [
            { op: "MatMul", in: ["x", "w"], out: ["z"] },
            { op, in: ["z"], out: ["y"], attributes: [attribute.int("axis", -1)] },
          ],
        },
        [2],
      );
      const { outputs } = await bounds.intervals({ low: Float64Array.of(0, 0), high: Float64Array.of(1, 1) });
      expect(Array.from(outputs[1], (v) => Math.round(v * 1000) / 1000)).toEqual([3, 1]);
      await bounds.release();
      await classifier.release();
    },
  );

  test("a Clip up to the largest float32 has no upper end, and its bounds stay as narrow as without", async () => {
    const { classifier, bounds } = await boundsOf(
      {
        constants: { low: tensor([], [-0.5]), high: tensor([], [3.4028234663852886e38]), w: tensor([1, 2], [1, -1]) },
        nodes: [
          { op: "Clip", in: ["x", "low", "high"], out: ["c"] },
          { op: "MatMul", in: ["c", "w"], out: ["y"] },
        ],
      },
      [1],
    );
    const { outputs } = await bounds.intervals({ low: Float64Array.of(-1), high: Float64Array.of(1) });
    expect(outputs[0][0]!).toBeCloseTo(-0.5, 4);
    expect(outputs[1][0]!).toBeCloseTo(1, 4);
    await bounds.release();
    await classifier.release();
  });
});
