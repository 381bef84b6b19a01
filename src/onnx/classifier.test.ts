import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Classifier } from "#attacks/target.ts";
import { rng } from "#base/random.ts";
import { haveSharedData, needSharedData, readNpy, sharedData } from "../../test/support/npy.ts";
import { int64, sketchModel, sketchProto, tensor } from "../../test/support/onnx.ts";
import type { ModelSketch, NodeSketch } from "../../test/support/onnx.ts";
import { testRuntime } from "../../test/support/runtime.ts";
import { prepare, writeGradient } from "./attack-graph.ts";
import { determinism, finiteDifferenceCheck, roundTrips } from "./checks.ts";
import { openClassifier } from "./classifier.ts";
import { OnnxError } from "./errors.ts";
import { loadGraph } from "./graph.ts";
import { feedsOf, formOf } from "./objectives.ts";
import type { Objective } from "./objectives.ts";
import { evaluate } from "./reference.ts";
import { attribute, toValue } from "./tensor.ts";
import type { Value } from "./tensor.ts";

const plain = { range: [0, 1] as [number, number], scale: 1, mean: [], std: [], integer: false };
const W = [1, 0, 2, -1, 1, 0, 0.5, 2, -2, 1, 1, 1];
const B = [0.1, -0.2, 0];
const constants = { w: tensor([4, 3], W), b: tensor([3], B) };
const linear: readonly NodeSketch[] = [{ op: "Gemm", in: ["x", "w", "b"], out: ["z"] }];
const input = { name: "x", dims: [null, 4] };

const open = (sketch: ModelSketch, more: Partial<Parameters<typeof openClassifier>[0]> = {}) =>
  openClassifier({ bytes: sketchModel(sketch), input: plain, sampleShape: [4], runtime: testRuntime, ...more });

const X = Float32Array.of(0.2, 0.4, 0.6, 0.8, 1, 0, 0.5, 0.25);
const Z = [0, 1].map((i) =>
  B.map((b, k) => W.reduce((sum, w, at) => (at % 3 === k ? sum + w * X[i * 4 + Math.floor(at / 3)]! : sum), b)),
);
const close = (found: ArrayLike<number>, wanted: readonly number[], digits = 5): void => {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((value, i) => expect(found[i]).toBeCloseTo(value, digits));
};

describe("the head", () => {
  const tail = (nodes: readonly NodeSketch[], outputs: readonly string[] = ["y"]): ModelSketch => ({
    input,
    constants,
    nodes: [...linear, ...nodes],
    outputs,
  });
  test.each([
    ["Softmax", "softmax"],
    ["LogSoftmax", "log-softmax"],
    ["Sigmoid", "multi-label"],
  ])("%s is stripped: attacks see the logits before it", async (op, kind) => {
    const c = await open(tail([{ op, in: ["z"], out: ["y"] }]));
    expect(c.model.head).toMatchObject({ kind, output: "y", outputs: 3 });
    close(await c.logits(X, 2), Z.flat());
    const seenByAttacks: Classifier = c;
    expect(seenByAttacks.kind).toBe("classifier");
    await c.release();
  });

  test("a Softmax before set 13 that flattens, and the Reshape behind it, are stripped too", async () => {
    const nodes = [
      { op: "Softmax", in: ["z"], out: ["p"] },
      { op: "Reshape", in: ["p", "shape"], out: ["y"] },
    ];
    const c = await open({ ...tail(nodes), constants: { ...constants, shape: int64(-1, 3, 1) }, opset: 9 });
    expect(c.model.head.kind).toBe("softmax");
    close(await c.logits(X, 2), Z.flat());
    await c.release();
  });

  test("a Softmax over another axis than the classes stays", async () => {
    const c = await open(tail([{ op: "Softmax", in: ["z"], out: ["y"], attributes: [attribute.int("axis", 0)] }]));
    expect(c.model.head.kind).toBe("logits");
    // Over the batch axis each sample's result depends on its neighbours: only one by one is it the file's own.
    expect(c.model.batch).toBe(1);
    expect(c.mixes).toContain("together otherwise than one by one");
    close(await c.logits(X, 2), [1, 1, 1, 1, 1, 1]);
    await c.release();
  });

  test("one sigmoid output is read as two classes with logits (0, z)", async () => {
    const one = { w: tensor([4, 1], [1, -1, 0.5, 1]), b: tensor([1], [0.1]) };
    const c = await open({ ...tail([{ op: "Sigmoid", in: ["z"], out: ["y"] }]), constants: one });
    expect(c.outputs).toBe(2);
    expect(c.model.head.kind).toBe("binary");
    close(
      await c.logits(X, 2),
      [0, 1, 0, 1.6].map((v, i) => (i === 1 ? 0.2 - 0.4 + 0.3 + 0.8 + 0.1 : i === 3 ? 1 + 0.25 + 0.25 + 0.1 : v)),
    );
    await c.release();
  });

  test("several sigmoids are labels that apply each by itself, unless the caller says that they exclude each other", async () => {
    const sketch = tail([{ op: "Sigmoid", in: ["z"], out: ["y"] }]);
    const labels = await open(sketch),
      classes = await open(sketch, { head: "exclusive" });
    expect(labels.model.head).toMatchObject({ kind: "multi-label", meaning: "labels", outputs: 3 });
    expect(labels.meaning).toBe("labels");
    expect(labels.model.head.note).toContain("3 independent sigmoids");
    expect(classes.model.head).toMatchObject({ kind: "sigmoid", meaning: "classes", outputs: 3 });
    for (const c of [labels, classes]) {
      close(await c.logits(X, 2), Z.flat());
      await c.release();
    }
  });

  test.each([
    [undefined, "regression", "numbers", 1],
    ["regression", "regression", "numbers", 1],
    ["binary", "binary-logit", "classes", 2],
    ["multi-label", "logits", "labels", 1],
  ] as const)("one output without sigmoid, called %s, is read as %s", async (head, kind, meaning, outputs) => {
    const one = { w: tensor([4, 1], [1, -1, 0.5, 1]), b: tensor([1], [0.1]) };
    const c = await open({ ...tail([]), constants: one, outputs: ["z"] }, head ? { head } : {});
    expect(c.model.head).toMatchObject({ kind, meaning, outputs });
    const z = [0.2 - 0.4 + 0.3 + 0.8 + 0.1, 1.6 - 0.25 + 0.25];
    close(await c.logits(X, 2), outputs === 2 ? z.flatMap((v) => [0, v]) : z);
    await c.release();
  });

  test("regression keeps a Softmax: its outputs are the numbers asked for", async () => {
    const c = await open(tail([{ op: "Softmax", in: ["z"], out: ["y"] }]), { head: "regression" });
    expect(c.model.head).toMatchObject({ kind: "regression", meaning: "numbers" });
    const rows = Z.map((z) => z.map(Math.exp)).map((e) => e.map((v) => v / e.reduce((a, b) => a + b)));
    close(await c.logits(X, 2), rows.flat());
    await c.release();
  });

  test("a word on the head that cannot be true is refused", async () => {
    await expect(open(tail([], ["z"]), { head: "binary" })).rejects.toThrow(
      "a binary head has one output, this model has 3",
    );
  });

  test("a model that ends in ArgMax gives labels, and says which operator has no gradient", async () => {
    const c = await open(
      tail([{ op: "ArgMax", in: ["z"], out: ["y"], name: "pick", attributes: [attribute.int("axis", 1)] }]),
    );
    expect(c.model.head).toMatchObject({ kind: "label", outputs: 3 });
    expect(c.gradient).toBeUndefined();
    expect(c.noGradient).toBe('the model gives labels only (ArgMax at "pick")');
    const best = Z.map((z) => z.indexOf(Math.max(...z)));
    close(
      await c.logits(X, 2),
      best.flatMap((k) => [0, 1, 2].map((j) => (j === k ? 1 : 0))),
    );
    await c.release();
  });

  test("boxes per anchor are no classifier", async () => {
    const sketch = {
      input,
      constants: {
        up: int64(0, 1, 4),
        wide: tensor(
          [3, 4],
          Array.from({ length: 12 }, (_, i) => i),
        ),
      },
      nodes: [
        { op: "Reshape", in: ["x", "up"], out: ["row"] },
        { op: "Mul", in: ["row", "wide"], out: ["y"] },
      ],
      outputs: ["y"],
    };
    await expect(open(sketch)).rejects.toThrow("one row of numbers per sample");
  });
});

describe("several inputs", () => {
  const sketch: ModelSketch = {
    input,
    more: [{ name: "context", dims: [null, 3] }],
    constants,
    nodes: [...linear, { op: "Add", in: ["z", "context"], out: ["y"] }],
    outputs: ["y"],
  };
  const context = { dims: [1, 3], data: [0.5, 0, -0.5] };

  test("the only one that samples fit is attacked, the others hold what is given", async () => {
    const c = await open(sketch, { inputs: { given: { context } } });
    expect(c.model.agreement.difference).toBeLessThan(1e-6);
    close(
      await c.logits(X, 2),
      Z.flatMap((z) => z.map((v, k) => v + context.data[k]!)),
    );
    expect(c.gradient).toBeDefined();
    await c.release();
  });

  test("the attacked one can be named", async () => {
    const c = await open(sketch, {
      sampleShape: [3],
      inputs: { attacked: "context", given: { x: { dims: [1, 4], data: X.subarray(0, 4) } } },
    });
    close(await c.logits(new Float32Array(3), 1), Z[0]!);
    await c.release();
  });

  test.each([
    [{}, 'input "context" [?, 3] is neither attacked ("x" is) nor given a value'],
    [{ attacked: "y" }, 'the model has no input "y"'],
    [{ given: { extra: context } }, 'a value is given for input "extra", which the model does not have'],
    [
      { given: { context: { dims: [1, 2], data: [0, 0] } } },
      'input "context" [?, 3] is given 2 values of shape [1, 2]',
    ],
    [{ given: { context, x: { dims: [1, 4], data: [0, 0, 0, 0] } } }, "every input of the model is given"],
  ])("%o is refused with what is wrong", async (inputs, message) => {
    await expect(open(sketch, { inputs })).rejects.toThrow(message);
  });
});

describe("preprocessing", () => {
  test("raw = low + x·(high − low), then (raw·scale − mean)/std per channel, NHWC data to an NCHW network", async () => {
    const contract = {
      layout: "NHWC" as const,
      range: [0, 255] as [number, number],
      scale: 1 / 255,
      mean: [0.5, 0.25],
      std: [0.5, 2],
      integer: true,
    };
    const sketch: ModelSketch = {
      input: { name: "image", dims: [null, 2, 1, 3] },
      nodes: [{ op: "Flatten", in: ["image"], out: ["y"] }],
      outputs: ["y"],
    };
    const c = await open(sketch, { input: contract, sampleShape: [1, 3, 2] });
    const x = Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1);
    close(await c.logits(x, 1), [
      (0 - 0.5) / 0.5,
      (0.4 - 0.5) / 0.5,
      (0.8 - 0.5) / 0.5,
      (0.2 - 0.25) / 2,
      (0.6 - 0.25) / 2,
      0.75 / 2,
    ]);
    // ∂z_k/∂x is 1/std of the channel, at the transposed place.
    const { gradient } = await c.gradient!(x, 1, { kind: "unsafe", clauses: [[{ a: [0, 0, 0, 0, -1, 0], b: 0 }]] });
    close(gradient, [0, 0, 0, 0.5, 0, 0]);
    expect(c.grid).toEqual({ integer: true, levels: 255 });
    await c.release();
  });

  test("samples that do not fit the network are refused with both shapes", async () => {
    const sketch = {
      input: { name: "x", dims: [null, 3, 8, 8] },
      nodes: [{ op: "Flatten", in: ["x"], out: ["y"] }],
      outputs: ["y"],
    };
    await expect(open(sketch, { sampleShape: [28, 28] })).rejects.toThrow(
      "the network takes [3, 8, 8] per sample, the data have [28, 28]",
    );
  });

  test("a network of integers is attacked behind its Cast and asked at whole numbers", async () => {
    const sketch: ModelSketch = {
      input: { name: "x", dims: [null, 4], type: "uint8" },
      constants,
      nodes: [
        { op: "Cast", in: ["x"], out: ["f"], attributes: [attribute.int("to", 1)] },
        { op: "Gemm", in: ["f", "w", "b"], out: ["y"] },
      ],
      outputs: ["y"],
    };
    const c = await open(sketch, { input: { ...plain, range: [0, 255], integer: true } });
    const off = Float32Array.of(10.4 / 255, 0, 0, 0);
    close(await c.logits(off, 1), [10.1, -0.2, 20], 4);
    const { gradient } = await c.gradient!(off, 1, { kind: "unsafe", clauses: [[{ a: [-1, 0, 0], b: 0 }]] });
    close(gradient, [255, -255, 127.5, 255], 2);
    await c.release();
  });
});

test("a network in double precision takes float32 samples and gives float32 gradients", async () => {
  const double = (value: Value): Value => ({ ...value, type: "float64" });
  const sketch: ModelSketch = {
    input: { name: "x", dims: [null, 4], type: "float64" },
    constants: { w: double(constants.w), b: double(constants.b) },
    nodes: linear,
    outputs: ["z"],
  };
  const c = await open(sketch);
  close(await c.logits(X, 2), Z.flat());
  const { gradient } = await c.gradient!(X, 2, {
    kind: "targeted-margin",
    label: Int32Array.of(0, 0),
    target: Int32Array.of(2, 2),
  });
  const slope = [0, 1, 2, 3].map((i) => W[3 * i + 2]! - W[3 * i]!);
  close(gradient, [...slope, ...slope]);
  await c.release();
});

describe("a choice between two graphs", () => {
  /** The graph inside a branch: it reads z of the graph around it. */
  const branch = (name: string, op: string) => ({
    ...attribute.int(name, 0),
    i: undefined as never,
    type: 5,
    g: {
      ...sketchProto({ input, nodes: [{ op, in: ["z"], out: [`${name}_y`] }], outputs: [`${name}_y`] }).graph!,
      input: [],
      name,
    },
  });
  const choosing = (condition: readonly NodeSketch[]): ModelSketch => ({
    input,
    constants: { ...constants, four: int64(4), axis: int64(1) },
    nodes: [
      ...linear,
      ...condition,
      {
        op: "If",
        in: ["c"],
        out: ["y"],
        name: "fork",
        attributes: [branch("then_branch", "Tanh"), branch("else_branch", "Neg")],
      },
    ],
    outputs: ["y"],
    outputDims: [null, 3],
  });

  test("that the shapes decide is the branch taken", async () => {
    const c = await open(
      choosing([
        { op: "Shape", in: ["x"], out: ["s"] },
        { op: "Gather", in: ["s", "axis"], out: ["n"] },
        { op: "Equal", in: ["n", "four"], out: ["c"] },
      ]),
    );
    expect(c.noGradient).toBeUndefined();
    expect(c.model.agreement.difference).toBeLessThan(1e-6);
    close(await c.logits(X, 2), Z.flat().map(Math.tanh));
    await c.release();
  });

  test("that the input's values decide has no gradient, and says so", async () => {
    const sketch = choosing([
      { op: "ReduceMax", in: ["x"], out: ["m"], attributes: [attribute.int("keepdims", 0)] },
      { op: "Greater", in: ["m", "half"], out: ["c"] },
    ]);
    const c = await open({ ...sketch, constants: { ...constants, half: tensor([], [0.5]) } });
    expect(c.noGradient).toBe('operator If (node "fork") chooses by the values of the input: no gradient rule');
    expect(c.model.prevented).toEqual({ op: "If", node: "fork" });
    await c.release();
  });
});

describe("numbers of other widths", () => {
  test("a network in half precision: answers in half, gradients in single precision", async () => {
    const half = (value: Value): Value => ({ ...value, type: "float16" });
    const sketch: ModelSketch = {
      input: { name: "x", dims: [null, 4], type: "float16" },
      constants: { w: half(constants.w), b: half(constants.b) },
      nodes: [
        { op: "Gemm", in: ["x", "w", "b"], out: ["h"] },
        { op: "Tanh", in: ["h"], out: ["t"] },
        { op: "Cast", in: ["t"], out: ["y"], attributes: [attribute.int("to", 1)] },
      ],
      outputs: ["y"],
    };
    const c = await open(sketch);
    close(await c.logits(X, 2), Z.flat().map(Math.tanh), 2);
    const { gradient } = await c.gradient!(X.subarray(0, 4), 1, {
      kind: "unsafe",
      clauses: [[{ a: [-1, 0, 0], b: 0 }]],
    });
    const slope = 1 - Math.tanh(Z[0]![0]!) ** 2;
    close(
      gradient,
      [0, 1, 2, 3].map((i) => W[3 * i]! * slope),
      3,
    );
    await c.release();
  });

  test("a network between QuantizeLinear and DequantizeLinear: its own answers, a gradient straight through", async () => {
    const eight = (dims: number[], values: number[]): Value => ({
      type: "int8",
      dims,
      data: Float64Array.from(values),
    });
    const levels = W.map((w) => Math.round(w / 0.02));
    const sketch: ModelSketch = {
      input: { name: "x", dims: [null, 4] },
      opset: 13,
      constants: {
        s: tensor([], [0.01]),
        ws: tensor([], [0.02]),
        z: eight([], [-128]),
        wz: eight([], [0]),
        w: eight([4, 3], levels),
      },
      nodes: [
        { op: "QuantizeLinear", in: ["x", "s", "z"], out: ["q"], name: "input" },
        { op: "DequantizeLinear", in: ["q", "s", "z"], out: ["r"] },
        { op: "DequantizeLinear", in: ["w", "ws", "wz"], out: ["rw"] },
        { op: "MatMul", in: ["r", "rw"], out: ["y"] },
      ],
      outputs: ["y"],
    };
    const c = await open(sketch);
    expect(c.surrogates).toEqual(["QuantizeLinear as identity inside the range (straight-through) (node input)"]);
    close(
      await c.logits(X, 2),
      Z.flatMap((z) => z.map((v, k) => v - B[k]!)),
      4,
    );
    const { gradient } = await c.gradient!(X.subarray(0, 4), 1, {
      kind: "unsafe",
      clauses: [[{ a: [-1, 0, 0], b: 0 }]],
    });
    close(
      gradient,
      [0, 1, 2, 3].map((i) => W[3 * i]!),
    );
    await c.release();
  });

  test("a network that takes whole numbers into an integer product has its surrogate behind the rounding of the input", async () => {
    const sketch: ModelSketch = {
      input: { name: "x", dims: [null, 4], type: "uint8" },
      opset: 10,
      constants: {
        w: { type: "uint8", dims: [4, 3], data: Float64Array.from(W, (w) => 128 + 2 * w) },
        z: { type: "uint8", dims: [], data: Float64Array.of(0) },
        wz: { type: "uint8", dims: [], data: Float64Array.of(128) },
      },
      nodes: [
        { op: "MatMulInteger", in: ["x", "w", "z", "wz"], out: ["i"] },
        { op: "Cast", in: ["i"], out: ["y"], attributes: [attribute.int("to", 1)] },
      ],
      outputs: ["y"],
    };
    const c = await open(sketch, { input: { ...plain, range: [0, 255], integer: true } });
    expect(c.surrogates?.join()).toContain("Round as identity");
    const { gradient } = await c.gradient!(X.subarray(0, 4), 1, {
      kind: "unsafe",
      clauses: [[{ a: [-1, 0, 0], b: 0 }]],
    });
    close(
      gradient,
      [0, 1, 2, 3].map((i) => 255 * 2 * W[3 * i]!),
      2,
    );
    await c.release();
  });
});

describe("the batch", () => {
  const flatten = (target: Value): ModelSketch => ({
    input: { name: "x", dims: [1, 2, 2] },
    constants: { ...constants, target },
    nodes: [
      { op: "Reshape", in: ["x", "target"], out: ["flat"] },
      { op: "Gemm", in: ["flat", "w", "b"], out: ["y"] },
    ],
    outputs: ["y"],
    outputDims: [1, 3],
  });

  test("a batch spelled out in a Reshape is freed, and the result is the file's own", async () => {
    const c = await open(flatten(int64(1, 4)), { sampleShape: [2, 2] });
    expect(c.model.batch).toBe("any");
    expect(c.model.agreement.difference).toBeLessThan(1e-6);
    close(await c.logits(X, 2), Z.flat());
    await c.release();
  });

  test("a model that mixes its samples runs them one at a time", async () => {
    const sketch: ModelSketch = {
      input: { name: "x", dims: [1, 4] },
      constants,
      nodes: [
        { op: "ReduceMean", in: ["x"], out: ["m"], attributes: [attribute.ints("axes", [0])] },
        { op: "Add", in: ["x", "m"], out: ["c"] },
        { op: "Gemm", in: ["c", "w", "b"], out: ["y"] },
      ],
      outputs: ["y"],
    };
    const c = await open(sketch);
    expect(c.model.batch).toBe(1);
    close(
      await c.logits(X, 2),
      Z.flatMap((z) => z.map((v, k) => 2 * v - B[k]!)),
    );
    const check = await determinism(c, X, 2);
    expect(check).toEqual({ repeat: 0, batching: 0 });
    await c.release();
  });

  test("a network without a batch axis takes one sample at a time", async () => {
    const sketch: ModelSketch = {
      input: { name: "x", dims: [4] },
      constants,
      nodes: [
        { op: "MatMul", in: ["x", "w"], out: ["h"] },
        { op: "Add", in: ["h", "b"], out: ["y"] },
      ],
      outputs: ["y"],
    };
    const c = await open(sketch);
    expect(c.model.batch).toBe(1);
    close(await c.logits(X, 2), Z.flat());
    const { gradient } = await c.gradient!(X, 2, {
      kind: "targeted-margin",
      label: Int32Array.of(0, 0),
      target: Int32Array.of(1, 1),
    });
    close(
      gradient,
      [0, 1, 2, 3].flatMap((i) => W[3 * i + 1]! - W[3 * i]!).concat([0, 1, 2, 3].map((i) => W[3 * i + 1]! - W[3 * i]!)),
    );
    await c.release();
  });

  test("a batch fixed at two runs samples in pairs, the last one filled up", async () => {
    const sketch: ModelSketch = {
      input: { name: "x", dims: [2, 4] },
      constants: { ...constants, half: tensor([2, 1], [1, 1]) },
      nodes: [
        { op: "Mul", in: ["x", "half"], out: ["h"] },
        { op: "Gemm", in: ["h", "w", "b"], out: ["y"] },
      ],
      outputs: ["y"],
    };
    const c = await open(sketch);
    expect(c.model.batch).toBe(2);
    close(await c.logits(Float32Array.of(...X, ...X.subarray(0, 4)), 3), [...Z.flat(), ...Z[0]!]);
    await c.release();
  });
});

describe("a model that no gradient attack can judge says why", () => {
  const signed: ModelSketch = {
    input,
    constants,
    nodes: [
      { op: "Sign", in: ["x"], out: ["s"], name: "binarise" },
      { op: "Gemm", in: ["s", "w", "b"], out: ["y"] },
    ],
    outputs: ["y"],
  };

  test("Sign on the path, where surrogates are not wanted", async () => {
    const c = await open(signed, { surrogates: false });
    expect(c.gradient).toBeUndefined();
    expect(c.surrogates).toBeUndefined();
    expect(c.noGradient).toBe(
      'operator Sign (node "binarise") has a derivative that is zero or undefined everywhere, so a gradient through it says nothing',
    );
    await c.release();
  });

  test("Sign on the path, passed by a surrogate: the answers stay those of Sign, the report names what stands in", async () => {
    const c = await open(signed);
    expect(c.model.surrogates).toEqual([{ op: "Sign", node: "binarise", surrogate: "softsign" }]);
    expect(c.surrogates).toEqual(["Sign as softsign (node binarise)"]);
    expect(c.model.notes.join()).toContain("gradient by surrogate where there is none (BPDA)");
    const ones = [0, 1, 2].map((k) => [0, 1, 2, 3].reduce((sum, i) => sum + W[3 * i + k]!, B[k]!));
    close(await c.logits(X.subarray(0, 4), 1), ones);
    const { gradient, logits } = await c.gradient!(X.subarray(0, 4), 1, {
      kind: "targeted-margin",
      label: Int32Array.of(0),
      target: Int32Array.of(1),
    });
    close(logits, ones);
    close(
      gradient,
      [0, 1, 2, 3].map((i) => (W[3 * i + 1]! - W[3 * i]!) / (1 + X[i]!) ** 2),
    );
    await c.release();
  });

  test("noise: the same input gives different outputs", async () => {
    const nodes = [
      { op: "RandomNormalLike", in: ["x"], out: ["n"] },
      { op: "Add", in: ["x", "n"], out: ["s"] },
      { op: "Gemm", in: ["s", "w", "b"], out: ["y"] },
    ];
    const c = await open({ input, constants, nodes, outputs: ["y"] });
    expect(c.model.deterministic).toBe(false);
    expect(c.model.notes.join()).toContain("stochastic");
    expect((await determinism(c, X, 2)).repeat).toBeGreaterThan(0.01);
    await c.release();
  });

  test("an operator outside the table: the file's own model answers queries", async () => {
    const nodes = [
      { op: "Gemm", in: ["x", "w", "b"], out: ["h"] },
      { op: "SequenceConstruct", in: ["h"], out: ["s"], name: "wrapper" },
      { op: "SequenceAt", in: ["s", "first"], out: ["y"] },
    ];
    const first: Value = { type: "int64", dims: [], data: Float64Array.of(0) };
    const c = await open({ input, constants: { ...constants, first }, nodes, outputs: ["y"] });
    expect(c.noGradient).toBe('operator SequenceConstruct (node "wrapper") has no gradient rule');
    close(await c.logits(X, 2), Z.flat());
    await c.release();
  });

  test("a file the runtime refuses", async () => {
    const nodes = [{ op: "NoSuchOperator", in: ["x"], out: ["y"] }];
    await expect(open({ input, nodes, outputs: ["y"] })).rejects.toThrow(OnnxError);
  });
});

// ---- objectives ----------------------------------------------------------------------------------------------------

const label = Int32Array.of(0, 2),
  target = Int32Array.of(3, 1);
const objectives: readonly (readonly [Objective, (z: readonly number[], i: number) => number])[] = [
  [{ kind: "cross-entropy", label }, (z, i) => Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0)) - z[label[i]!]!],
  [{ kind: "margin", label }, (z, i) => Math.max(...z.filter((_, k) => k !== label[i])) - z[label[i]!]!],
  [{ kind: "targeted-margin", label, target }, (z, i) => z[target[i]!]! - z[label[i]!]!],
  [
    { kind: "dlr", label },
    (z, i) => {
      const s = z.toSorted((a, b) => b - a);
      return (Math.max(...z.filter((_, k) => k !== label[i])) - z[label[i]!]!) / (s[0]! - s[2]!);
    },
  ],
  [
    { kind: "dlr-targeted", label, target },
    (z, i) => {
      const s = z.toSorted((a, b) => b - a);
      return (z[target[i]!]! - z[label[i]!]!) / (s[0]! - (s[2]! + s[3]!) / 2);
    },
  ],
  [
    {
      kind: "flip",
      sign: Float32Array.of(1, -1, 0, 1, -1, -1, 1, 1, 0, 0),
      threshold: Float32Array.of(0, 0.5, 0, -1, 0.2),
    },
    (z, i) => {
      const sign = [
        [1, -1, 0, 1, -1],
        [-1, 1, 1, 0, 0],
      ][i]!;
      const threshold = [0, 0.5, 0, -1, 0.2];
      return Math.max(...sign.flatMap((s, k) => (s === 0 ? [] : [-s * (z[k]! - threshold[k]!)])));
    },
  ],
  [
    {
      kind: "deviation",
      centre: Float32Array.of(0, 1, 2, -1, 0, 1, 1, 0, 0, 0),
      tolerance: Float32Array.of(0.5, 2, 1, Infinity, 1),
    },
    (z, i) => {
      const centre = [
        [0, 1, 2, -1, 0],
        [1, 1, 0, 0, 0],
      ][i]!;
      const tolerance = [0.5, 2, 1, Infinity, 1];
      return Math.max(...z.map((v, k) => Math.abs(v - centre[k]!) / tolerance[k]!)) - 1;
    },
  ],
  [
    {
      kind: "unsafe",
      clauses: [
        [
          { a: [1, 0, 0, 0, 0], b: 0.3 },
          { a: [0, 1, -1, 0, 0], b: 0 },
        ],
        [{ a: [0, 0, 0, 2, 1], b: -1 }],
      ],
    },
    (z) => Math.max(Math.min(0.3 - z[0]!, z[2]! - z[1]!), -1 - 2 * z[3]! - z[4]!),
  ],
];

/** A small net with a bend: 6 inputs, 8 hidden units, 5 outputs. */
const draw = rng("objectives");
const net: ModelSketch = {
  input: { name: "x", dims: [null, 6] },
  constants: {
    w1: tensor(
      [6, 8],
      Array.from({ length: 48 }, () => draw.normal()),
    ),
    b1: tensor(
      [8],
      Array.from({ length: 8 }, () => draw.normal()),
    ),
    w2: tensor(
      [8, 5],
      Array.from({ length: 40 }, () => draw.normal()),
    ),
  },
  nodes: [
    { op: "Gemm", in: ["x", "w1", "b1"], out: ["h"] },
    { op: "Tanh", in: ["h"], out: ["a"] },
    { op: "MatMul", in: ["a", "w2"], out: ["y"] },
  ],
  outputs: ["y"],
};
const samples = Float32Array.from({ length: 12 }, () => draw.uniform());

describe.each(objectives.map(([objective, closed]) => [objective.kind, objective, closed] as const))(
  "objective %s",
  (_, objective, closed) => {
    test("has the value of its definition and the gradient of float64 differences", async () => {
      const bytes = sketchModel(net);
      const c = await openClassifier({ bytes, input: plain, sampleShape: [6], runtime: testRuntime });
      const found = await c.gradient!(samples, 2, objective);
      [0, 1].forEach((i) => {
        const z = Array.from(found.logits.subarray(i * 5, i * 5 + 5));
        expect(found.value[i]).toBeCloseTo(closed(z, i), 5);
      });
      const check = gradientInFloat64(bytes, [6], samples, 2, objective);
      expect(check.relative).toBeLessThan(1e-5);
      check.gradient.forEach((d, i) => expect(found.gradient[i]).toBeCloseTo(d, 4));
      expect(c.counts).toEqual({ queries: 0, gradients: 2 });
      await c.release();
    });
  },
);

/** The gradient graph evaluated in float64, and how far its directional derivatives are from central differences of the value. */
function gradientInFloat64(
  bytes: Uint8Array,
  shape: readonly number[],
  x: ArrayLike<number>,
  n: number,
  objective: Objective,
  contract: Parameters<typeof prepare>[1] = plain,
  directions = 3,
) {
  const prepared = prepare(loadGraph(bytes), contract, shape).next().value!;
  const { g, value, gradient } = writeGradient(prepared, formOf(objective));
  const feeds = Object.fromEntries(
    Object.entries(feedsOf(objective, n, prepared.head.outputs)).map(([name, each]) => [name, toValue(each)]),
  );
  const at = (data: Float64Array): Record<string, Value> => ({
    ...feeds,
    "vauban.x": { type: "float32", dims: [n, ...shape], data },
  });
  const base = Float64Array.from(x);
  const exact = evaluate(g, at(base), [gradient.name])[gradient.name]!.data;
  const noise = rng("onnx/float64");
  let wrong = 0,
    total = 1e-30;
  for (let k = 0; k < directions; k++) {
    const v = base.map(() => noise.normal());
    const h = 1e-7;
    const sum = (step: number): number =>
      evaluate(g, at(base.map((b, i) => b + step * v[i]!)), [value.name])[value.name]!.data.reduce((a, b) => a + b, 0);
    const numeric = (sum(h) - sum(-h)) / (2 * h);
    wrong += (numeric - exact.reduce((s, d, i) => s + d * v[i]!, 0)) ** 2;
    total += numeric ** 2;
  }
  return { relative: Math.sqrt(wrong / total), gradient: exact };
}

test("an objective that the model has too few outputs for is refused", async () => {
  const c = await open({ input, constants, nodes: linear, outputs: ["z"] });
  await expect(c.gradient!(X, 2, { kind: "dlr-targeted", label, target: label })).rejects.toThrow("needs 4 outputs");
  await expect(c.gradient!(X, 2, { kind: "margin", label: Int32Array.of(0, 3) })).rejects.toThrow(
    "label 3 of sample 1",
  );
  await c.release();
});

test("the runtime's gradient passes its own finite differences, and a model without slope says so", async () => {
  const c = await openClassifier({ bytes: sketchModel(net), input: plain, sampleShape: [6], runtime: testRuntime });
  const check = await finiteDifferenceCheck(c, samples, 2, { kind: "margin", label }, rng("check"));
  expect(check).toMatchObject({ compared: 6, zero: 0 });
  expect(check!.relativeMedian).toBeLessThan(2e-3);
  await c.release();
  const flat = await open({
    input,
    constants: { ...constants, w: tensor([4, 3], Array(12).fill(0)) },
    nodes: linear,
    outputs: ["z"],
  });
  expect(
    await finiteDifferenceCheck(flat, X, 2, { kind: "margin", label: Int32Array.of(0, 1) }, rng("check")),
  ).toMatchObject({ zero: 2 });
  await flat.release();
  expect(roundTrips(sketchModel(net))).toBe(true);
});

// ---- real models ---------------------------------------------------------------------------------------------------

const grey = {
  layout: "NHW" as const,
  range: [0, 255] as [number, number],
  scale: 1 / 255,
  mean: [],
  std: [],
  integer: true,
};
const colour = { ...grey, layout: "NHWC" as const };
interface Real {
  readonly model: string;
  readonly data: string;
  readonly labels: string;
  readonly contract: Parameters<typeof prepare>[1];
  /** As the manifest has it, for the first n samples. */
  readonly accuracy: number;
  readonly n: number;
  /** Checked in float64 with this many samples. */
  readonly float64?: number;
}
const real: readonly Real[] = [
  {
    model: "vnncomp/mnist_fc_256x2/mnist-net_256x2.onnx",
    data: "images/mnist/x",
    labels: "images/mnist/y",
    contract: grey,
    accuracy: 0.974,
    n: 2000,
    float64: 2,
  },
  {
    model: "images/mnist/mnist-8.onnx",
    data: "images/mnist/x",
    labels: "images/mnist/y",
    contract: { ...grey, mean: [0.1307], std: [0.3081] },
    accuracy: 0.9835,
    n: 2000,
    float64: 2,
  },
  {
    model: "images/mnist/wonnx_opt-mnist.onnx",
    data: "images/mnist/x",
    labels: "images/mnist/y",
    contract: { ...grey, mean: [0.1307], std: [0.3081] },
    accuracy: 0.9835,
    n: 2000,
  },
  {
    model: "images/mnist/tribuo_pytorch_cnn_mnist.onnx",
    data: "images/mnist/x",
    labels: "images/mnist/y",
    contract: { ...grey, scale: 1 },
    accuracy: 0.9865,
    n: 2000,
  },
  {
    model: "images/digits8x8/digits_cnn.onnx",
    data: "images/digits8x8/x",
    labels: "images/digits8x8/y",
    contract: { ...grey, range: [0, 16], scale: 1 / 16 },
    accuracy: 0.9748743718592965,
    n: 597,
    float64: 4,
  },
  {
    model: "images/cifar10/mlperf_tiny_resnet8.onnx",
    data: "images/cifar10/x_exact100",
    labels: "images/cifar10/y_exact100",
    contract: { ...colour, scale: 1 },
    accuracy: 0.88,
    n: 100,
    float64: 1,
  },
  {
    model: "vnncomp/oval21_base/cifar_base_kw.onnx",
    data: "images/cifar10/x_exact100",
    labels: "images/cifar10/y_exact100",
    contract: { ...colour, mean: [0.485, 0.456, 0.406], std: [0.225] },
    accuracy: 0.73,
    n: 100,
    float64: 1,
  },
  {
    model: "vnncomp/marabou_cifar10_small/cifar10_small.onnx",
    data: "images/cifar10/x_exact100",
    labels: "images/cifar10/y_exact100",
    contract: colour,
    accuracy: 0.61,
    n: 100,
    float64: 1,
  },
];

describe.each(real)("$model", (one) => {
  const x = haveSharedData ? readNpy(join(sharedData, `${one.data}.npy`)) : { shape: [], data: new Float64Array() };
  const y = haveSharedData ? readNpy(join(sharedData, `${one.labels}.npy`)) : { shape: [], data: new Float64Array() };
  const shape = x.shape.slice(1);
  const size = shape.reduce((a, b) => a * b, 1);
  const levels = one.contract.range[1];
  const fractions = Float32Array.from(x.data.subarray(0, one.n * size), (v) => v / levels);

  test("classifies its test data as its manifest says, whatever the batch", async (context) => {
    needSharedData(context);
    const c = await openClassifier({
      bytes: readFileSync(join(sharedData, one.model)),
      input: one.contract,
      sampleShape: shape,
      runtime: testRuntime,
    });
    expect(c.model.batch).toBe("any");
    expect(c.noGradient).toBeUndefined();
    const z = await c.logits(fractions, one.n);
    let right = 0;
    for (let i = 0; i < one.n; i++) {
      const row = z.subarray(i * c.outputs, (i + 1) * c.outputs);
      if (row.indexOf(row.reduce((a, b) => Math.max(a, b))) === y.data[i]) right++;
    }
    expect(right / one.n).toBeCloseTo(one.accuracy, 10);
    expect(await determinism(c, fractions.subarray(0, 5 * size), 5)).toEqual({
      repeat: 0,
      batching: expect.closeTo(0, 5),
    });
    await c.release();
  });

  if (one.float64 === undefined) return;
  test("has the gradient that float64 differences confirm", (context) => {
    needSharedData(context);
    const n = one.float64!;
    // Off the grid, so that no flat area ties and no unit sits on its kink.
    const noise = rng("onnx/real");
    const near = Float64Array.from(fractions.subarray(0, n * size), (v) => v + 0.01 * noise.normal());
    const labels = Int32Array.from(y.data.subarray(0, n));
    const bytes = readFileSync(join(sharedData, one.model));
    const objective = { kind: "margin" as const, label: labels };
    expect(gradientInFloat64(bytes, shape, near, n, objective, one.contract, 2).relative).toBeLessThan(1e-5);
  });
});

test.for([
  ["timeseries/italy_power/italy_lstm.onnx", [24, 1]],
  ["timeseries/italy_power/italy_cnn1d.onnx", [1, 24]],
] as const)("%s has the gradient that float64 differences confirm", ([file, shape], context) => {
  needSharedData(context);
  const draw = rng("onnx/series");
  const near = Float64Array.from({ length: 2 * 24 }, () => draw.uniform());
  const bytes = readFileSync(join(sharedData, file));
  const objective = { kind: "cross-entropy" as const, label: Int32Array.of(0, 1) };
  expect(gradientInFloat64(bytes, shape, near, 2, objective, plain, 3).relative).toBeLessThan(1e-5);
});

describe("other real files", () => {
  const openFile = (file: string, shape: readonly number[], classes?: number) =>
    openClassifier({
      bytes: readFileSync(join(sharedData, file)),
      input: plain,
      sampleShape: shape,
      runtime: testRuntime,
      ...(classes ? { classes } : {}),
    });

  test.for([
    ["tabular/breast_cancer/breast_cancer_rf.onnx", [30], "ai.onnx.ml.TreeEnsembleClassifier", "log-probabilities", 2],
    ["models/tribuo_lr_mnist.onnx", [784], "ai.onnx.ml.LinearClassifier", "log-probabilities", 10],
    ["models/tract_lgbm_classifier_tensor_model.onnx", [13], "Gather", "logits", 3],
  ] as const)(
    "%s answers queries and names the operator without gradient",
    async ([file, shape, op, head, outputs], context) => {
      needSharedData(context);
      const c = await openFile(file, shape);
      expect(c.noGradient).toContain(op);
      expect(c.head).toBe(head);
      expect(c.outputs).toBe(outputs);
      expect((await c.logits(new Float32Array(2 * c.size).fill(0.5), 2)).length).toBe(2 * outputs);
      await c.release();
    },
  );

  test.for([
    ["models/ultra-light-fast-g_version-slim-320_simplified.onnx", [3, 240, 320], "one row of numbers per sample"],
    [
      "models/onnxruntime-infere_pytorch_superresolution_with_pre_post_processing_op18.onnx",
      [1],
      "the runtime refuses",
    ],
    ["models/sklearn-onnx_treecl2.onnx", [1], "does not run on samples of shape [1]"],
    ["artefacts/crafted/onnx_external_traversal.onnx", [1], "stored outside the model file"],
  ] as const)("%s is refused with the reason", async ([file, shape, because], context) => {
    needSharedData(context);
    await expect(openFile(file, shape)).rejects.toThrow(because);
  });
});
