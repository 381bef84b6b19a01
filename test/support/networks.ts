/** Small random networks of every kind that bounds are given for, as ONNX bytes. */
import type { Rng } from "#base/random.ts";
import { attribute } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import { int64, sketchModel, tensor } from "./onnx.ts";
import type { NodeSketch } from "./onnx.ts";

export interface SmallNetwork {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly shape: readonly number[];
  readonly outputs: number;
}

const ints = attribute.ints,
  int = attribute.int,
  float = attribute.float;

/** Random weights with a spread that keeps signals alive. */
export function weights(random: Rng, dims: readonly number[], scale?: number): Value {
  const count = dims.reduce((a, b) => a * b, 1);
  const fan = dims.length > 1 ? count / dims[0]! : count;
  const spread = scale ?? 1.2 / Math.sqrt(fan);
  return tensor(
    dims,
    Array.from({ length: count }, () => Math.fround(random.normal() * spread)),
  );
}

/** A dense network on vectors: 5 inputs, two hidden layers of 8 and 6 around the given activation, 3 outputs. */
function dense(name: string, activation: (from: string, to: string) => NodeSketch[], more: Record<string, Value> = {}) {
  return (random: Rng): SmallNetwork => ({
    name,
    shape: [5],
    outputs: 3,
    bytes: sketchModel({
      input: { name: "x", dims: [null, 5] },
      constants: {
        w1: weights(random, [8, 5]),
        b1: weights(random, [8], 0.3),
        w2: weights(random, [6, 8]),
        b2: weights(random, [6], 0.3),
        w3: weights(random, [6, 3], 0.5),
        b3: weights(random, [3], 0.3),
        ...more,
      },
      nodes: [
        { op: "Gemm", in: ["x", "w1", "b1"], out: ["h1"], attributes: [int("transB", 1)] },
        ...activation("h1", "a1"),
        { op: "Gemm", in: ["a1", "w2", "b2"], out: ["h2"], attributes: [int("transB", 1)] },
        ...activation("h2", "a2"),
        { op: "MatMul", in: ["a2", "w3"], out: ["h3"] },
        { op: "Add", in: ["h3", "b3"], out: ["y"] },
      ],
      outputs: ["y"],
    }),
  });
}

const single =
  (op: string, ...attributes: NonNullable<NodeSketch["attributes"]>) =>
  (from: string, to: string): NodeSketch[] => [{ op, in: [from], out: [to], attributes }];

const scalars = (values: Readonly<Record<string, number>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tensor([], [value])]));

export const denseNetworks = {
  relu: dense("dense, ReLU", single("Relu")),
  leaky: dense("dense, leaky ReLU", single("LeakyRelu", float("alpha", 0.2))),
  prelu: dense("dense, PReLU", (from, to) => [{ op: "PRelu", in: [from, "slope"], out: [to] }], {
    slope: tensor([1], [0.3]),
  }),
  clip: dense("dense, clipped", (from, to) => [{ op: "Clip", in: [from, "low", "high"], out: [to] }], {
    ...scalars({ low: -0.2, high: 0.6 }),
  }),
  abs: dense("dense, absolute value", single("Abs")),
  hardSigmoid: dense("dense, hard sigmoid", single("HardSigmoid")),
  hardSwish: dense("dense, hard swish", single("HardSwish")),
  sigmoid: dense("dense, sigmoid", single("Sigmoid")),
  tanh: dense("dense, tanh", single("Tanh")),
  softplus: dense("dense, softplus", single("Softplus")),
  elu: dense("dense, ELU", single("Elu")),
  maximum: dense(
    "dense, maximum with a half of itself",
    (from, to) => [
      { op: "Mul", in: [from, `half`], out: [`${to}.half`] },
      { op: "Max", in: [from, `${to}.half`], out: [to] },
    ],
    scalars({ half: -0.5 }),
  ),
  gelu: dense(
    "dense, GELU as exported",
    (from, to) => [
      { op: "Div", in: [from, "root"], out: [`${to}.d`] },
      { op: "Erf", in: [`${to}.d`], out: [`${to}.e`] },
      { op: "Add", in: [`${to}.e`, "one"], out: [`${to}.s`] },
      { op: "Mul", in: [from, `${to}.s`], out: [`${to}.p`] },
      { op: "Mul", in: [`${to}.p`, "half"], out: [to] },
    ],
    scalars({ root: Math.SQRT2, one: 1, half: 0.5 }),
  ),
  tanhGelu: dense(
    "dense, GELU by tanh",
    (from, to) => [
      { op: "Pow", in: [from, "three"], out: [`${to}.c`] },
      { op: "Mul", in: [`${to}.c`, "k"], out: [`${to}.k`] },
      { op: "Add", in: [from, `${to}.k`], out: [`${to}.s`] },
      { op: "Mul", in: [`${to}.s`, "r"], out: [`${to}.r`] },
      { op: "Tanh", in: [`${to}.r`], out: [`${to}.t`] },
      { op: "Add", in: [`${to}.t`, "one"], out: [`${to}.o`] },
      { op: "Mul", in: [from, `${to}.o`], out: [`${to}.p`] },
      { op: "Mul", in: [`${to}.p`, "half"], out: [to] },
    ],
    scalars({ three: 3, k: 0.044715, r: Math.sqrt(2 / Math.PI), one: 1, half: 0.5 }),
  ),
  silu: dense("dense, SiLU", (from, to) => [
    { op: "Sigmoid", in: [from], out: [`${to}.s`] },
    { op: "Mul", in: [from, `${to}.s`], out: [to] },
  ]),
} as const;

/** Pictures of 2 × 6 × 6 through two convolutions, with what the name says between them. */
function picture(
  name: string,
  middle: readonly NodeSketch[],
  width: number,
  more: (r: Rng) => Record<string, Value> = () => ({}),
) {
  return (random: Rng): SmallNetwork => ({
    name,
    shape: [2, 6, 6],
    outputs: 3,
    bytes: sketchModel({
      input: { name: "x", dims: [null, 2, 6, 6] },
      constants: {
        k1: weights(random, [4, 2, 3, 3]),
        c1: weights(random, [4], 0.3),
        w: weights(random, [width, 3]),
        b: weights(random, [3], 0.3),
        ...more(random),
      },
      nodes: [
        { op: "Conv", in: ["x", "k1", "c1"], out: ["h"], attributes: [ints("pads", [1, 1, 1, 1])] },
        ...middle,
        { op: "Flatten", in: ["m"], out: ["f"] },
        { op: "Gemm", in: ["f", "w", "b"], out: ["y"] },
      ],
      outputs: ["y"],
    }),
  });
}

const window = (...pads: NonNullable<NodeSketch["attributes"]>) => [
  ints("kernel_shape", [2, 2]),
  ints("strides", [2, 2]),
  ...pads,
];

export const pictureNetworks = {
  plain: picture(
    "convolutions with a step",
    [
      { op: "Relu", in: ["h"], out: ["a"] },
      {
        op: "Conv",
        in: ["a", "k2", "c2"],
        out: ["g"],
        attributes: [ints("strides", [2, 2]), ints("pads", [1, 1, 0, 0])],
      },
      { op: "Relu", in: ["g"], out: ["m"] },
    ],
    3 * 3 * 3,
    (r) => ({ k2: weights(r, [3, 4, 3, 3]), c2: weights(r, [3], 0.3) }),
  ),
  pooled: picture(
    "maximum and average pools",
    [
      { op: "MaxPool", in: ["h"], out: ["p"], attributes: window() },
      { op: "Relu", in: ["p"], out: ["a"] },
      { op: "AveragePool", in: ["a"], out: ["m"], attributes: [ints("kernel_shape", [2, 2]), ints("strides", [1, 1])] },
    ],
    4 * 2 * 2,
  ),
  overlapping: picture(
    "an overlapping maximum pool",
    [{ op: "MaxPool", in: ["h"], out: ["m"], attributes: [ints("kernel_shape", [3, 3]), ints("strides", [2, 2])] }],
    4 * 2 * 2,
  ),
  padded: picture(
    "a padded maximum pool over negative values",
    [
      { op: "Sub", in: ["h", "two"], out: ["n"] },
      { op: "MaxPool", in: ["n"], out: ["m"], attributes: window(ints("pads", [1, 0, 1, 0])) },
    ],
    4 * 4 * 3,
    () => ({ two: tensor([], [2]) }),
  ),
  residual: picture(
    "a residual block with batch normalisation",
    [
      { op: "BatchNormalization", in: ["h", "s", "t", "mu", "va"], out: ["n"] },
      { op: "Relu", in: ["n"], out: ["a"] },
      { op: "Conv", in: ["a", "k2"], out: ["g"], attributes: [ints("pads", [1, 1, 1, 1])] },
      { op: "BatchNormalization", in: ["g", "s", "t", "mu", "va"], out: ["q"] },
      { op: "Add", in: ["q", "h"], out: ["r"] },
      { op: "Relu", in: ["r"], out: ["z"] },
      { op: "GlobalAveragePool", in: ["z"], out: ["m"] },
    ],
    4,
    (r) => ({
      k2: weights(r, [4, 4, 3, 3]),
      s: tensor([4], [0.8, -1.1, 0.5, 1.2]),
      t: weights(r, [4], 0.4),
      mu: weights(r, [4], 0.4),
      va: tensor([4], [0.5, 1.5, 1, 0.8]),
    }),
  ),
  branches: picture(
    "branches joined, shifted and turned",
    [
      { op: "Relu", in: ["h"], out: ["a"] },
      { op: "Neg", in: ["h"], out: ["n"] },
      { op: "Tanh", in: ["n"], out: ["t"] },
      { op: "Concat", in: ["a", "t"], out: ["c"], attributes: [int("axis", 1)] },
      { op: "Transpose", in: ["c"], out: ["u"], attributes: [ints("perm", [0, 2, 3, 1])] },
      { op: "Slice", in: ["u", "from", "to", "axes"], out: ["v"] },
      { op: "Mul", in: ["v", "factor"], out: ["w2"] },
      { op: "Sub", in: ["offset", "w2"], out: ["x2"] },
      { op: "ReduceMean", in: ["x2"], out: ["e"], attributes: [ints("axes", [1]), int("keepdims", 1)] },
      { op: "Pad", in: ["e", "pads"], out: ["m"] },
    ],
    8 * 8,
    (r) => ({
      from: int64(0),
      to: int64(4),
      axes: int64(2),
      factor: weights(r, [8], 1),
      offset: weights(r, [8], 0.5),
      pads: int64(0, 0, 1, 0, 0, 0, 3, 0),
    }),
  ),
} as const;
