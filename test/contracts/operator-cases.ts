/** The cases of the operator contracts: small calls of every operator, as files of one operator set, with their inputs. */
import { rng } from "#base/random.ts";
import { encodeModel } from "#onnx/codec.ts";
import type { AttributeProto } from "#onnx/codec.ts";
import { loadGraph, nodeProto, portProto } from "#onnx/graph.ts";
import { writeCall } from "#onnx/normalise.ts";
import { attribute, sizeOf, toRuntime, writeTensor } from "#onnx/tensor.ts";
import type { ElementType, Value } from "#onnx/tensor.ts";
import { Writer } from "#onnx/writer.ts";

/** A free input: random normal values, mapped by `from` where an operator wants others. */
export interface Free {
  readonly dims: readonly number[];
  readonly from?: (normal: number, i: number) => number;
  readonly type?: ElementType;
}
interface Fixed {
  readonly value: Value;
}
type Input = Free | Fixed | undefined;

export interface Case {
  readonly op: string;
  /** What is special about it. */
  readonly note?: string;
  readonly inputs: readonly Input[];
  readonly attributes?: readonly AttributeProto[];
  /** The operator set of the file; the dialect's own unless given. */
  readonly opset?: number;
  readonly outputs?: number;
  /** Names of the outputs where some are left out (""). */
  readonly named?: readonly string[];
  /** Which free inputs the gradient is taken for; all floating-point ones unless given. */
  readonly wrt?: readonly number[];
  /** Whether the first axis of every free input is the batch, at any size. */
  readonly batch?: boolean;
  /** The gradient is refused, naming the operator. */
  readonly refused?: boolean;
  /** The value is not compared (random operators). */
  readonly shapeOnly?: boolean;
}

export const f = (...dims: number[]): Free => ({ dims });
const positive = (...dims: number[]): Free => ({ dims, from: (x) => Math.abs(x) + 0.3 });
const small = (...dims: number[]): Free => ({ dims, from: (x) => 0.9 * Math.tanh(x) });
const ints = (...xs: number[]): Fixed => ({ value: { type: "int64", dims: [xs.length], data: Float64Array.from(xs) } });
const int = (x: number): Fixed => ({ value: { type: "int64", dims: [], data: Float64Array.of(x) } });
const floats = (...xs: number[]): Fixed => ({
  value: { type: "float32", dims: [xs.length], data: Float64Array.from(xs) },
});
const float = (x: number): Fixed => ({ value: { type: "float32", dims: [], data: Float64Array.of(Math.fround(x)) } });
const booleans = (dims: number[], ...xs: number[]): Fixed => ({
  value: { type: "bool", dims, data: Float64Array.from(xs) },
});
const table = (dims: readonly number[], ...xs: number[]): Fixed => ({
  value: { type: "int64", dims, data: Float64Array.from(xs) },
});
const weights = (seed: number, ...dims: number[]): Fixed => {
  const draw = rng(`weights/${seed}`);
  return {
    value: {
      type: "float32",
      dims,
      data: Float64Array.from({ length: sizeOf(dims) }, () => Math.fround(draw.normal())),
    },
  };
};
/** Whole numbers of a small type, spread over `low` … `high`. */
const wholes = (type: ElementType, low: number, high: number, ...dims: number[]): Fixed => {
  const draw = rng(`wholes/${type}/${dims.join()}`);
  const data = Float64Array.from({ length: sizeOf(dims) }, () => Math.floor(low + (high - low + 1) * draw.uniform()));
  return { value: { type, dims, data } };
};
const whole = (type: ElementType, x: number): Fixed => ({ value: { type, dims: [], data: Float64Array.of(x) } });
export const { int: ai, ints: ais, float: af, string: as, tensor: at } = attribute;

const unary = (op: string, ...rest: Partial<Case>[]): Case => ({ op, inputs: [f(3, 4)], batch: true, ...rest[0] });
const pair = (op: string, a: Input = f(2, 3, 4), b: Input = f(3, 1)): Case => ({ op, inputs: [a, b] });

const reduce = (op: string, input: Free = f(2, 3, 4)): Case[] => [
  {
    op,
    note: "one axis, kept",
    inputs: op === "ReduceSum" ? [input, ints(1)] : [input],
    attributes: op === "ReduceSum" ? [] : [ais("axes", [1])],
    batch: true,
  },
  {
    op,
    note: "two axes, dropped",
    inputs: op === "ReduceSum" ? [input, ints(-1, 1)] : [input],
    attributes: [...(op === "ReduceSum" ? [] : [ais("axes", [-1, 1])]), ai("keepdims", 0)],
    batch: true,
  },
  { op, note: "all axes", inputs: [input], attributes: [ai("keepdims", 0)] },
  { op, note: "axes as input (set 18)", opset: 18, inputs: [input, ints(2)], batch: true },
  {
    op,
    note: "axes as attribute (set 11)",
    opset: 11,
    inputs: [input],
    attributes: [ais("axes", [1, 2])],
    batch: true,
  },
];

const pool = (op: string): Case[] => [
  {
    op,
    note: "tiling",
    inputs: [f(2, 3, 4, 6)],
    attributes: [ais("kernel_shape", [2, 3]), ais("strides", [2, 3])],
    batch: true,
  },
  {
    op,
    note: "tiling with a rest",
    inputs: [f(2, 3, 5, 7)],
    attributes: [ais("kernel_shape", [2, 2]), ais("strides", [2, 2])],
    batch: true,
  },
  {
    op,
    note: "overlapping, padded",
    inputs: [f(2, 3, 6, 5)],
    attributes: [ais("kernel_shape", [3, 3]), ais("strides", [2, 2]), ais("pads", [1, 1, 1, 0])],
    batch: true,
  },
  {
    op,
    note: "stride 1",
    inputs: [f(2, 2, 5, 5)],
    attributes: [ais("kernel_shape", [2, 3]), ais("pads", [0, 1, 1, 1])],
    batch: true,
  },
  {
    op,
    note: "ceil mode",
    inputs: [f(2, 2, 6, 6)],
    attributes: [ais("kernel_shape", [3, 3]), ais("strides", [2, 2]), ai("ceil_mode", 1)],
    batch: true,
  },
  {
    op,
    note: "ceil mode, tiling",
    inputs: [f(2, 2, 5, 5)],
    attributes: [ais("kernel_shape", [2, 2]), ais("strides", [2, 2]), ai("ceil_mode", 1)],
    batch: true,
  },
  {
    op,
    note: "SAME_UPPER",
    inputs: [f(2, 2, 5, 6)],
    attributes: [ais("kernel_shape", [3, 2]), ais("strides", [2, 1]), as("auto_pad", "SAME_UPPER")],
    batch: true,
  },
  {
    op,
    note: "SAME_LOWER",
    inputs: [f(2, 2, 5, 6)],
    attributes: [ais("kernel_shape", [2, 2]), ais("strides", [2, 2]), as("auto_pad", "SAME_LOWER")],
    batch: true,
  },
  {
    op,
    note: "one spatial axis",
    inputs: [f(2, 3, 8)],
    attributes: [ais("kernel_shape", [2]), ais("strides", [2])],
    batch: true,
  },
  {
    op,
    note: "three spatial axes",
    inputs: [f(2, 2, 4, 4, 2)],
    attributes: [ais("kernel_shape", [2, 2, 2]), ais("strides", [2, 2, 2])],
    batch: true,
  },
];

const resize = (
  note: string,
  scales: Fixed | undefined,
  sizes: Fixed | undefined,
  ...attributes: AttributeProto[]
): Case => ({
  op: "Resize",
  note,
  inputs: sizes ? [f(2, 3, 4, 5), undefined, undefined, sizes] : [f(2, 3, 4, 5), undefined, scales],
  attributes,
  batch: sizes === undefined,
});

const words = (name: string, ...texts: string[]): AttributeProto => ({
  ...as(name, ""),
  type: 8,
  s: undefined as never,
  strings: texts.map((text) => new TextEncoder().encode(text)),
});

/** [steps 4, batch 3, 2 features], 3 hidden units. */
const recurrent = (op: string, gates: number): Case[] => {
  const outputs = op === "LSTM" ? 3 : 2;
  const states = op === "LSTM" ? [f(1, 3, 3), f(1, 3, 3)] : [f(1, 3, 3)];
  const layer = (directions: number): Input[] => [
    f(4, 3, 2),
    weights(70 + gates, directions, gates * 3, 2),
    weights(75 + gates, directions, gates * 3, 3),
    weights(79 + gates, directions, gates * 6),
  ];
  const hidden = ai("hidden_size", 3);
  return [
    { op, outputs, inputs: layer(1), attributes: [hidden] },
    { op, note: "given states", outputs, inputs: [...layer(1), undefined, ...states], attributes: [hidden] },
    { op, note: "backwards", outputs, inputs: layer(1), attributes: [hidden, as("direction", "reverse")] },
    { op, note: "both directions", outputs, inputs: layer(2), attributes: [hidden, as("direction", "bidirectional")] },
  ];
};

export const cases: readonly Case[] = [
  pair("Add"),
  pair("Sub", f(3, 1), f(2, 3, 4)),
  pair("Mul"),
  pair("Div", f(2, 3, 4), positive(3, 1)),
  { op: "Div", note: "of integers", inputs: [table([4], 7, -7, 9, 8), table([4], 2, 2, 3, -3)], wrt: [] },
  { op: "Mod", inputs: [table([4], 7, -7, 9, 8), table([4], 3, 3, 4, -3)], wrt: [] },
  { op: "Mod", note: "fmod", inputs: [f(3, 4), float(0.7)], attributes: [ai("fmod", 1)], batch: true },
  { op: "Mod", note: "fmod, both free", inputs: [f(3, 4), positive(4)], attributes: [ai("fmod", 1)] },
  { op: "Sum", inputs: [f(2, 3), f(3), f(2, 1)] },
  { op: "Mean", inputs: [f(2, 3), f(3), f(2, 1)] },
  { op: "Max", inputs: [f(2, 3), f(3), f(2, 1)] },
  { op: "Min", inputs: [f(2, 3), f(3)] },
  { op: "Pow", note: "square", inputs: [f(3, 4), float(2)], batch: true },
  { op: "Pow", note: "cube", inputs: [f(3, 4), float(3)], batch: true },
  { op: "Pow", note: "broken exponent", inputs: [positive(3, 4), float(1.7)], batch: true },
  { op: "Pow", note: "integer exponent", inputs: [f(3, 4), int(4)], batch: true },
  { op: "Pow", note: "both free", inputs: [positive(3, 4), f(4)] },
  ...["Neg", "Abs", "Exp", "Erf", "Sin", "Cos", "Sinh", "Cosh", "Asinh", "Atan", "Identity"].map((op) => unary(op)),
  ...["Reciprocal", "Sqrt", "Log"].map((op) => unary(op, { inputs: [positive(3, 4)] })),
  ...["Tan", "Asin", "Acos", "Atanh"].map((op) => unary(op, { inputs: [small(3, 4)] })),
  unary("Acosh", { inputs: [{ dims: [3, 4], from: (x) => 1.2 + Math.abs(x) }] }),
  ...["Sign", "Round", "Floor", "Ceil"].map((op) => unary(op, { refused: true })),
  { op: "Round", note: "halves to even", inputs: [floats(0.5, 1.5, 2.5, -0.5, -1.5, 2.4)], wrt: [] },
  { op: "Not", inputs: [booleans([3], 1, 0, 1)], wrt: [] },
  { op: "IsNaN", inputs: [floats(1, NaN, 0)], wrt: [] },
  { op: "IsInf", inputs: [floats(1, Infinity, -Infinity, NaN)], wrt: [] },
  {
    op: "IsInf",
    note: "one side",
    inputs: [floats(1, Infinity, -Infinity)],
    attributes: [ai("detect_negative", 0)],
    wrt: [],
  },
  ...["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"].map((op): Case => ({
    op,
    inputs: [floats(1, 2, 3, 2), floats(2, 2, 2, -1)],
    wrt: [],
  })),
  ...["And", "Or", "Xor"].map((op): Case => ({
    op,
    inputs: [booleans([4], 1, 0, 1, 0), booleans([4], 1, 1, 0, 0)],
    wrt: [],
  })),
  { op: "Where", inputs: [booleans([2, 3], 1, 0, 1, 0, 0, 1), f(2, 3), f(3)] },
  { op: "Cast", note: "to double", inputs: [f(3, 4)], attributes: [ai("to", 11)], batch: true },
  { op: "Cast", note: "to int", inputs: [floats(1.7, -1.7, 3)], attributes: [ai("to", 7)], wrt: [] },
  { op: "Cast", note: "from bool", inputs: [booleans([3], 1, 0, 1)], attributes: [ai("to", 1)], wrt: [] },
  {
    op: "CastLike",
    opset: 17,
    inputs: [f(3, 4), { value: { type: "float64", dims: [1], data: Float64Array.of(1) } }],
    batch: true,
  },

  ...[
    "Relu",
    "Elu",
    "Selu",
    "Celu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "HardSigmoid",
    "LeakyRelu",
    "ThresholdedRelu",
  ].map((op) => unary(op)),
  unary("HardSwish", { inputs: [{ dims: [4, 5], from: (x) => 3 * x }] }),
  unary("LeakyRelu", { note: "alpha", attributes: [af("alpha", 0.3)] }),
  unary("Elu", { note: "alpha", attributes: [af("alpha", 0.7)] }),
  unary("Celu", { note: "alpha", attributes: [af("alpha", 0.6)] }),
  unary("HardSigmoid", { note: "alpha, beta", attributes: [af("alpha", 0.4), af("beta", 0.3)] }),
  { op: "PRelu", inputs: [f(2, 3, 4), f(3, 1)] },
  { op: "Clip", inputs: [f(3, 4), float(-0.4), float(0.6)], batch: true },
  { op: "Clip", note: "upper bound only", inputs: [f(3, 4), undefined, float(0.2)], batch: true },
  {
    op: "Clip",
    note: "bounds as attributes (set 6)",
    opset: 9,
    inputs: [f(3, 4)],
    attributes: [af("min", 0), af("max", 6)],
    batch: true,
  },
  ...["Softmax", "LogSoftmax"].flatMap((op): Case[] => [
    { op, inputs: [f(3, 5)], batch: true },
    { op, note: "inner axis", inputs: [f(2, 3, 4)], attributes: [ai("axis", 1)], batch: true },
    { op, note: "set 11 flattens", opset: 11, inputs: [f(2, 3, 4)], attributes: [ai("axis", 1)], batch: true },
    { op, note: "set 8, default axis", opset: 8, inputs: [f(2, 3, 4)], batch: true },
  ]),
  { op: "Hardmax", inputs: [f(3, 5)], refused: true },
  { op: "Gelu", opset: 20, inputs: [f(3, 4)], batch: true },
  { op: "Gelu", note: "tanh", opset: 20, inputs: [f(3, 4)], attributes: [as("approximate", "tanh")], batch: true },
  ...[0, 0.2].map((bias) =>
    unary("Shrink", { note: `bias ${bias}`, attributes: [af("lambd", 0.4), af("bias", bias)] }),
  ),
  { op: "Swish", opset: 24, inputs: [f(3, 4)], attributes: [af("alpha", 1.3)], batch: true },
  { op: "Mish", opset: 18, inputs: [f(3, 4)], batch: true },

  pair("MatMul", f(3, 4), f(4, 5)),
  { op: "MatMul", note: "constant weights", inputs: [f(3, 4), weights(1, 4, 5)], batch: true },
  { op: "MatMul", note: "batched against one", inputs: [f(2, 3, 4), f(4, 5)], batch: false },
  pair("MatMul", f(4), f(4, 5)),
  pair("MatMul", f(2, 3, 4), f(4)),
  pair("MatMul", f(2, 1, 3, 4), f(5, 4, 2)),
  { op: "MatMul", note: "wide, with ragged edges", inputs: [f(6, 9), weights(66, 9, 11)], batch: true },
  { op: "MatMul", note: "deep", inputs: [f(5, 300), weights(67, 300, 6)], batch: true },
  { op: "MatMul", note: "many heads", inputs: [f(2, 3, 5, 4), f(2, 3, 4, 6)] },
  { op: "Gemm", inputs: [f(3, 4), f(4, 5), f(5)] },
  {
    op: "Gemm",
    note: "transposed, scaled",
    inputs: [f(4, 3), f(5, 4), f(3, 1)],
    attributes: [ai("transA", 1), ai("transB", 1), af("alpha", 0.7), af("beta", 1.3)],
  },
  {
    op: "Gemm",
    note: "transB, constant",
    inputs: [f(3, 4), weights(2, 5, 4), weights(3, 5)],
    attributes: [ai("transB", 1)],
    batch: true,
  },
  { op: "Gemm", note: "transA", inputs: [f(4, 3), f(4, 5)], attributes: [ai("transA", 1)] },

  {
    op: "Conv",
    inputs: [f(2, 3, 6, 5), weights(4, 4, 3, 3, 3), weights(5, 4)],
    attributes: [ais("pads", [1, 1, 1, 1])],
    batch: true,
  },
  {
    op: "Conv",
    note: "flipped (8 channels)",
    inputs: [f(2, 8, 5, 5), weights(6, 3, 8, 3, 2)],
    attributes: [ais("pads", [1, 0, 2, 1])],
    batch: true,
  },
  {
    op: "Conv",
    note: "stride 2, dilation 2",
    inputs: [f(2, 3, 9, 8), weights(7, 2, 3, 3, 3)],
    attributes: [ais("strides", [2, 2]), ais("dilations", [2, 1]), ais("pads", [1, 2, 0, 1])],
    batch: true,
  },
  {
    op: "Conv",
    note: "depthwise",
    inputs: [f(2, 4, 5, 5), weights(8, 4, 1, 3, 3)],
    attributes: [ai("group", 4), ais("pads", [1, 1, 1, 1])],
    batch: true,
  },
  {
    op: "Conv",
    note: "depthwise, multiplier 2, stride 2",
    inputs: [f(2, 3, 6, 6), weights(9, 6, 1, 3, 3)],
    attributes: [ai("group", 3), ais("strides", [2, 2])],
    batch: true,
  },
  {
    op: "Conv",
    note: "groups, flipped",
    inputs: [f(2, 8, 4, 4), weights(10, 6, 4, 3, 3)],
    attributes: [ai("group", 2), ais("pads", [1, 1, 1, 1])],
    batch: true,
  },
  {
    op: "Conv",
    note: "one spatial axis",
    inputs: [f(2, 3, 9), weights(11, 4, 3, 3)],
    attributes: [ais("strides", [2])],
    batch: true,
  },
  { op: "Conv", note: "three spatial axes", inputs: [f(1, 2, 4, 4, 3), weights(12, 2, 2, 2, 2, 2)] },
  {
    op: "Conv",
    note: "SAME_UPPER",
    inputs: [f(2, 3, 6, 5), weights(13, 2, 3, 3, 2)],
    attributes: [as("auto_pad", "SAME_UPPER"), ais("strides", [2, 1])],
    batch: true,
  },
  {
    op: "Conv",
    note: "SAME_LOWER",
    inputs: [f(2, 3, 6, 5), weights(14, 2, 3, 2, 2)],
    attributes: [as("auto_pad", "SAME_LOWER")],
    batch: true,
  },
  {
    op: "Conv",
    note: "free weights",
    inputs: [f(2, 3, 6, 5), f(4, 3, 3, 2), f(4)],
    attributes: [ais("strides", [2, 1]), ais("pads", [1, 0, 0, 1])],
  },
  {
    op: "Conv",
    note: "free weights, dilated",
    inputs: [f(2, 3, 8, 7), f(4, 3, 3, 2)],
    attributes: [ais("strides", [2, 2]), ais("dilations", [2, 3])],
  },
  {
    op: "ConvTranspose",
    inputs: [f(2, 3, 4, 3), weights(15, 3, 2, 3, 3), weights(16, 2)],
    attributes: [ais("strides", [2, 2]), ais("pads", [1, 1, 1, 0]), ais("output_padding", [1, 0])],
    batch: true,
  },
  {
    op: "Conv",
    note: "free weights, groups, stride with a rest",
    inputs: [f(2, 4, 6, 5), f(6, 2, 3, 2)],
    attributes: [ai("group", 2), ais("strides", [2, 2]), ais("pads", [1, 0, 0, 0])],
  },
  {
    op: "Conv",
    note: "free depthwise weights alone",
    inputs: [weights(60, 2, 3, 5), f(3, 1, 3), f(3)],
    attributes: [ai("group", 3)],
  },
  { op: "Conv", note: "as one wide product", inputs: [f(2, 5, 9, 7), weights(61, 9, 5, 3, 3)], batch: true },
  {
    op: "ConvTranspose",
    note: "free weights and bias",
    inputs: [f(2, 3, 4, 3), f(3, 2, 3, 2), f(2)],
    attributes: [ais("strides", [2, 1]), ais("pads", [1, 0, 1, 1]), ais("output_padding", [1, 0])],
  },
  {
    op: "ConvTranspose",
    note: "free weights, groups, dilated",
    inputs: [f(2, 4, 5), f(4, 3, 2)],
    attributes: [ai("group", 2), ais("dilations", [3]), ais("strides", [2])],
  },
  {
    op: "ConvTranspose",
    note: "depthwise, three spatial axes",
    inputs: [f(1, 2, 2, 3, 2), weights(62, 2, 1, 2, 2, 2)],
    attributes: [ai("group", 2), ais("strides", [2, 1, 2])],
  },
  {
    op: "ConvTranspose",
    note: "SAME_UPPER",
    inputs: [f(2, 3, 4, 3), weights(63, 3, 2, 3, 3)],
    attributes: [as("auto_pad", "SAME_UPPER"), ais("strides", [2, 2])],
    batch: true,
  },
  {
    op: "ConvTranspose",
    note: "SAME_LOWER",
    inputs: [f(2, 3, 4, 3), weights(64, 3, 2, 3, 2)],
    attributes: [as("auto_pad", "SAME_LOWER"), ais("strides", [2, 1])],
    batch: true,
  },
  {
    op: "ConvTranspose",
    note: "as one wide product",
    inputs: [f(2, 9, 5, 4), weights(65, 9, 5, 3, 3)],
    attributes: [ais("strides", [2, 2])],
    batch: true,
  },
  {
    op: "ConvTranspose",
    note: "groups",
    inputs: [f(2, 4, 4, 3), weights(17, 4, 2, 2, 2)],
    attributes: [ai("group", 2)],
    batch: true,
  },
  {
    op: "ConvTranspose",
    note: "dilated, one axis",
    inputs: [f(2, 3, 5), weights(18, 3, 2, 3)],
    attributes: [ais("dilations", [2])],
    batch: true,
  },
  {
    op: "ConvTranspose",
    note: "output_shape",
    inputs: [f(2, 3, 4, 4), weights(19, 3, 2, 3, 3)],
    attributes: [ais("strides", [2, 2]), ais("output_shape", [8, 8])],
    batch: true,
  },

  ...pool("MaxPool"),
  {
    op: "MaxPool",
    note: "dilated",
    inputs: [f(2, 2, 7, 7)],
    attributes: [ais("kernel_shape", [2, 2]), ais("dilations", [2, 2])],
    batch: true,
  },
  {
    op: "MaxPool",
    note: "with indices",
    outputs: 2,
    inputs: [f(2, 2, 4, 4)],
    attributes: [ais("kernel_shape", [2, 2])],
  },
  ...pool("AveragePool"),
  {
    op: "AveragePool",
    note: "padding counts",
    inputs: [f(2, 3, 6, 5)],
    attributes: [
      ais("kernel_shape", [3, 3]),
      ais("strides", [2, 2]),
      ais("pads", [1, 1, 1, 0]),
      ai("count_include_pad", 1),
    ],
    batch: true,
  },
  {
    op: "AveragePool",
    note: "padding counts, ceil mode",
    inputs: [f(2, 3, 6, 6)],
    attributes: [
      ais("kernel_shape", [3, 3]),
      ais("strides", [2, 2]),
      ais("pads", [1, 1, 1, 1]),
      ai("count_include_pad", 1),
      ai("ceil_mode", 1),
    ],
    batch: true,
  },
  { op: "GlobalAveragePool", inputs: [f(2, 3, 4, 5)], batch: true },
  { op: "GlobalMaxPool", inputs: [f(2, 3, 4, 5)], batch: true },

  {
    op: "BatchNormalization",
    inputs: [f(2, 3, 4, 2), weights(20, 3), weights(21, 3), weights(22, 3), floats(0.5, 1.2, 2)],
    batch: true,
  },
  {
    op: "BatchNormalization",
    note: "of vectors",
    inputs: [f(4, 3), weights(20, 3), weights(21, 3), weights(22, 3), floats(0.5, 1.2, 2)],
    attributes: [af("epsilon", 0.01)],
    batch: true,
  },
  {
    op: "BatchNormalization",
    note: "set 9",
    opset: 9,
    inputs: [f(2, 3, 4), weights(20, 3), weights(21, 3), weights(22, 3), floats(0.5, 1.2, 2)],
    attributes: [af("momentum", 0.9)],
    batch: true,
  },
  { op: "InstanceNormalization", inputs: [f(2, 3, 4, 3), weights(23, 3), weights(24, 3)], batch: true },
  { op: "LayerNormalization", inputs: [f(2, 3, 4), weights(25, 4), weights(26, 4)], batch: true },
  {
    op: "LayerNormalization",
    note: "two axes, free scale",
    inputs: [f(2, 3, 4), f(3, 4), f(3, 4)],
    attributes: [ai("axis", 1)],
  },
  {
    op: "GroupNormalization",
    opset: 21,
    inputs: [f(2, 4, 3, 2), weights(27, 4), weights(28, 4)],
    attributes: [ai("num_groups", 2)],
    batch: true,
  },
  {
    op: "GroupNormalization",
    note: "factors per group (set 18)",
    opset: 18,
    inputs: [f(2, 4, 3, 2), weights(27, 2), weights(28, 2)],
    attributes: [ai("num_groups", 2)],
    batch: true,
  },
  { op: "RMSNormalization", opset: 23, inputs: [f(2, 3, 4), weights(93, 4)], batch: true },
  { op: "RMSNormalization", note: "two axes", opset: 23, inputs: [f(2, 3, 4), f(3, 4)], attributes: [ai("axis", 1)] },
  { op: "Attention", opset: 23, inputs: [f(2, 3, 4, 5), f(2, 3, 6, 5), f(2, 3, 6, 2)] },
  {
    op: "Attention",
    note: "causal, scaled",
    opset: 23,
    inputs: [f(2, 3, 4, 5), f(2, 3, 4, 5), f(2, 3, 4, 5)],
    attributes: [ai("is_causal", 1), af("scale", 0.3)],
  },
  {
    op: "Attention",
    note: "shared key heads, mask of truth values, capped",
    opset: 24,
    inputs: [f(2, 4, 3, 5), f(2, 2, 3, 5), f(2, 2, 3, 5), booleans([3, 3], 1, 0, 1, 1, 1, 0, 1, 1, 1)],
    attributes: [af("softcap", 1.5)],
  },
  {
    op: "Attention",
    note: "heads side by side, additive mask",
    opset: 23,
    inputs: [f(2, 3, 8), f(2, 5, 8), f(2, 5, 4), weights(94, 3, 5)],
    attributes: [ai("q_num_heads", 2), ai("kv_num_heads", 2)],
  },
  {
    op: "Attention",
    note: "after earlier keys",
    opset: 23,
    outputs: 3,
    inputs: [f(1, 2, 3, 4), f(1, 2, 3, 4), f(1, 2, 3, 4), undefined, f(1, 2, 2, 4), f(1, 2, 2, 4)],
  },
  { op: "RotaryEmbedding", opset: 23, inputs: [f(2, 3, 4, 6), weights(95, 2, 4, 3), weights(96, 2, 4, 3)] },
  {
    op: "RotaryEmbedding",
    note: "positions, interleaved, heads side by side",
    opset: 23,
    inputs: [f(2, 3, 8), weights(97, 9, 2), weights(98, 9, 2), table([2, 3], 0, 1, 2, 4, 5, 8)],
    attributes: [ai("interleaved", 1), ai("num_heads", 2)],
  },
  {
    op: "RotaryEmbedding",
    note: "a part of the depth",
    opset: 23,
    inputs: [f(2, 2, 3, 6), weights(99, 2, 3, 2), weights(100, 2, 3, 2)],
    attributes: [ai("rotary_embedding_dim", 4)],
  },
  {
    op: "LRN",
    inputs: [f(2, 5, 3, 3)],
    attributes: [ai("size", 3), af("alpha", 0.4), af("beta", 0.6), af("bias", 1.5)],
    batch: true,
  },
  { op: "LpNormalization", inputs: [f(2, 3, 4)], attributes: [ai("axis", 1)], batch: true },
  { op: "LpNormalization", note: "L1", inputs: [f(2, 3, 4)], attributes: [ai("p", 1)], batch: true },
  { op: "MeanVarianceNormalization", inputs: [f(2, 3, 4, 3)] },

  ...[
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
    "ReduceLogSumExp",
  ].flatMap((op) => reduce(op)),
  ...reduce("ReduceProd", positive(2, 3, 2)),
  ...reduce("ReduceLogSum", positive(2, 3, 4)),
  {
    op: "ReduceSum",
    note: "of nothing",
    inputs: [f(2, 3), ints()],
    attributes: [ai("noop_with_empty_axes", 1)],
    batch: true,
  },
  { op: "ArgMax", inputs: [f(3, 5)], attributes: [ai("axis", 1)], refused: true },
  { op: "ArgMax", note: "ties, last", inputs: [floats(1, 3, 3, 2)], attributes: [ai("select_last_index", 1)], wrt: [] },
  { op: "ArgMin", inputs: [f(3, 5)], attributes: [ai("axis", -1), ai("keepdims", 0)], refused: true },
  { op: "TopK", outputs: 2, inputs: [f(3, 6), ints(3)], batch: true },
  {
    op: "TopK",
    note: "smallest, first axis",
    outputs: 2,
    inputs: [f(4, 3), ints(2)],
    attributes: [ai("axis", 0), ai("largest", 0)],
  },
  {
    op: "TopK",
    note: "k as attribute (set 9)",
    opset: 9,
    outputs: 2,
    inputs: [f(3, 6)],
    attributes: [ai("k", 2)],
    batch: true,
  },

  { op: "Reshape", inputs: [f(2, 3, 4), ints(0, -1)], batch: true },
  { op: "Reshape", note: "to a new rank", inputs: [f(2, 12), ints(-1, 3, 2, 2)], batch: true },
  { op: "Flatten", inputs: [f(2, 3, 4)], batch: true },
  { op: "Flatten", note: "axis 2", inputs: [f(2, 3, 4)], attributes: [ai("axis", 2)], batch: true },
  { op: "Flatten", note: "axis 0", inputs: [f(2, 3)], attributes: [ai("axis", 0)], batch: true },
  { op: "Squeeze", inputs: [f(2, 1, 3, 1), ints(1)], batch: true },
  { op: "Squeeze", note: "all", inputs: [f(2, 1, 3, 1)], batch: true },
  { op: "Squeeze", note: "set 11", opset: 11, inputs: [f(2, 1, 3, 1)], attributes: [ais("axes", [-1])], batch: true },
  { op: "Unsqueeze", inputs: [f(2, 3), ints(1, -1)], batch: true },
  { op: "Unsqueeze", note: "set 11", opset: 11, inputs: [f(2, 3)], attributes: [ais("axes", [1, 2])], batch: true },
  { op: "Transpose", inputs: [f(2, 3, 4)], attributes: [ais("perm", [0, 2, 1])], batch: true },
  { op: "Transpose", note: "default", inputs: [f(2, 3, 4)], batch: true },
  { op: "Concat", inputs: [f(2, 3), weights(30, 2, 1), f(2, 2)], attributes: [ai("axis", 1)] },
  { op: "Split", outputs: 2, inputs: [f(2, 5, 2), ints(2, 3)], attributes: [ai("axis", 1)], batch: true },
  {
    op: "Split",
    note: "set 18, uneven",
    opset: 18,
    outputs: 2,
    inputs: [f(2, 5)],
    attributes: [ai("axis", 1), ai("num_outputs", 2)],
    batch: true,
  },
  {
    op: "Split",
    note: "set 11",
    opset: 11,
    outputs: 2,
    inputs: [f(2, 5)],
    attributes: [ai("axis", 1), ais("split", [1, 4])],
    batch: true,
  },
  { op: "Expand", inputs: [f(2, 1, 3), ints(2, 4, 1)] },
  { op: "Expand", note: "to a new rank", inputs: [f(3, 1), ints(2, 1, 4)], batch: false },
  { op: "Tile", inputs: [f(2, 3), ints(1, 2)], batch: true },
  { op: "Tile", note: "both axes", inputs: [f(2, 3), ints(3, 2)] },
  { op: "Shape", inputs: [f(2, 3)], wrt: [] },
  { op: "Shape", note: "a part", inputs: [f(2, 3, 4)], attributes: [ai("start", 1), ai("end", -1)], wrt: [] },
  { op: "Size", inputs: [f(2, 3)], wrt: [] },
  {
    op: "ConstantOfShape",
    inputs: [ints(2, 3)],
    attributes: [at("value", { type: "float32", dims: [1], data: Float64Array.of(0.5) })],
    wrt: [],
  },
  { op: "Range", inputs: [int(1), int(8), int(3)], wrt: [] },

  { op: "Slice", inputs: [f(2, 5, 6), ints(1, -4), ints(4, 6), ints(1, 2)], batch: true },
  { op: "Slice", note: "steps", inputs: [f(2, 7), ints(1), ints(7), ints(1), ints(2)], batch: true },
  { op: "Slice", note: "backwards", inputs: [f(2, 6), ints(-1), ints(-1000), ints(1), ints(-2)], batch: true },
  {
    op: "Slice",
    note: "set 9",
    opset: 9,
    inputs: [f(2, 5, 6)],
    attributes: [ais("starts", [1]), ais("ends", [9]), ais("axes", [2])],
    batch: true,
  },
  { op: "Gather", inputs: [f(2, 5), ints(3, 0, 3, -1)], attributes: [ai("axis", 1)], batch: true },
  { op: "Gather", note: "one index", inputs: [f(2, 5, 3), int(2)], attributes: [ai("axis", 1)], batch: true },
  {
    op: "Gather",
    note: "a table of indices",
    inputs: [f(2, 5, 3), table([2, 2], 0, 4, 4, 1)],
    attributes: [ai("axis", 1)],
    batch: true,
  },
  {
    op: "Gather",
    note: "many of one",
    inputs: [f(2, 3), ints(...Array.from({ length: 12 }, () => 1))],
    attributes: [ai("axis", 1)],
    batch: true,
  },
  { op: "GatherElements", inputs: [f(2, 3), table([2, 2], 0, 2, 1, 1)], attributes: [ai("axis", 1)] },
  { op: "GatherND", inputs: [f(2, 3, 2), table([2, 2], 0, 2, 1, 0)] },
  { op: "ScatterElements", inputs: [f(2, 3), table([2, 2], 0, 2, 1, 0), f(2, 2)], attributes: [ai("axis", 1)] },
  {
    op: "ScatterElements",
    note: "adding",
    inputs: [f(2, 3), table([2, 2], 0, 0, 1, 0), f(2, 2)],
    attributes: [ai("axis", 1), as("reduction", "add")],
  },
  { op: "Scatter", opset: 9, inputs: [f(2, 3), table([2, 2], 0, 2, 1, 0), f(2, 2)], attributes: [ai("axis", 1)] },
  { op: "ScatterND", inputs: [f(4, 3), table([2, 1], 3, 1), f(2, 3)] },
  {
    op: "ScatterND",
    note: "adding",
    inputs: [f(4, 3), table([2, 1], 1, 1), f(2, 3)],
    attributes: [as("reduction", "add")],
  },
  { op: "Pad", inputs: [f(2, 3, 4), ints(0, 1, 2, 0, 0, 1)], batch: true },
  { op: "Pad", note: "value, negative", inputs: [f(2, 3, 5), ints(0, 1, -1, 0, 0, 2), float(0.7)], batch: true },
  {
    op: "Pad",
    note: "reflect",
    inputs: [f(2, 3, 5), ints(0, 1, 2, 0, 2, 3)],
    attributes: [as("mode", "reflect")],
    batch: true,
  },
  {
    op: "Pad",
    note: "edge",
    inputs: [f(2, 3, 4), ints(0, 1, 2, 0, 0, 3)],
    attributes: [as("mode", "edge")],
    batch: true,
  },
  {
    op: "Pad",
    note: "set 10",
    opset: 10,
    inputs: [f(2, 3, 4)],
    attributes: [ais("pads", [0, 1, 0, 0, 0, 2]), af("value", -1)],
    batch: true,
  },
  {
    op: "Pad",
    note: "going round (set 19)",
    opset: 19,
    inputs: [f(2, 3, 4), ints(0, 1, 2, 0, 2, 3)],
    attributes: [as("mode", "wrap")],
    batch: true,
  },
  { op: "Pad", note: "axes (set 18)", opset: 18, inputs: [f(2, 3, 4), ints(1, 2), undefined, ints(-1)], batch: true },
  resize(
    "nearest, doubled",
    floats(1, 1, 2, 2),
    undefined,
    as("mode", "nearest"),
    as("coordinate_transformation_mode", "asymmetric"),
    as("nearest_mode", "floor"),
  ),
  resize("nearest, default", floats(1, 1, 1.5, 0.6), undefined),
  resize(
    "nearest, ceil",
    floats(1, 1, 1.7, 2.5),
    undefined,
    as("nearest_mode", "ceil"),
    as("coordinate_transformation_mode", "align_corners"),
  ),
  resize(
    "nearest, prefer ceil",
    floats(1, 1, 3, 2),
    undefined,
    as("nearest_mode", "round_prefer_ceil"),
    as("coordinate_transformation_mode", "asymmetric"),
  ),
  resize("linear", floats(1, 1, 2, 1.6), undefined, as("mode", "linear")),
  resize(
    "linear, smaller",
    floats(1, 1, 0.5, 0.6),
    undefined,
    as("mode", "linear"),
    as("coordinate_transformation_mode", "pytorch_half_pixel"),
  ),
  resize(
    "linear, align corners",
    undefined,
    ints(2, 3, 7, 9),
    as("mode", "linear"),
    as("coordinate_transformation_mode", "align_corners"),
  ),
  resize("cubic", floats(1, 1, 2, 2), undefined, as("mode", "cubic")),
  resize(
    "cubic, excluding outside",
    floats(1, 1, 1.5, 2),
    undefined,
    as("mode", "cubic"),
    ai("exclude_outside", 1),
    af("cubic_coeff_a", -0.5),
  ),
  {
    op: "Resize",
    note: "set 10",
    opset: 10,
    inputs: [f(2, 3, 4, 4), floats(1, 1, 2, 2)],
    attributes: [as("mode", "nearest")],
    batch: true,
  },
  {
    op: "Resize",
    note: "set 10, smaller",
    opset: 10,
    inputs: [f(2, 3, 6, 6), floats(1, 1, 0.5, 0.5)],
    attributes: [as("mode", "nearest")],
    batch: true,
  },
  {
    op: "Resize",
    note: "axes (set 18)",
    opset: 18,
    inputs: [f(2, 3, 4, 4), undefined, floats(2, 1.5), undefined],
    attributes: [ais("axes", [2, 3]), as("mode", "linear")],
    batch: true,
  },
  {
    op: "Upsample",
    opset: 9,
    inputs: [f(2, 3, 4, 4), floats(1, 1, 2, 2)],
    attributes: [as("mode", "linear")],
    batch: true,
  },
  {
    op: "Upsample",
    note: "set 8",
    opset: 8,
    inputs: [f(2, 3, 4, 4)],
    attributes: [{ ...ais("scales", []), type: 6, floats: Float32Array.of(1, 1, 2, 3) }, as("mode", "nearest")],
    batch: true,
  },
  { op: "DepthToSpace", inputs: [f(2, 8, 2, 3)], attributes: [ai("blocksize", 2)], batch: true },
  {
    op: "DepthToSpace",
    note: "CRD",
    inputs: [f(2, 8, 2, 3)],
    attributes: [ai("blocksize", 2), as("mode", "CRD")],
    batch: true,
  },
  { op: "SpaceToDepth", inputs: [f(2, 2, 4, 6)], attributes: [ai("blocksize", 2)], batch: true },
  { op: "OneHot", inputs: [ints(1, 0, 2), ints(3), floats(0, 1)], attributes: [ai("axis", 1)], wrt: [] },
  { op: "EyeLike", inputs: [f(3, 4)], attributes: [ai("k", 1)], wrt: [] },
  {
    op: "EyeLike",
    note: "below, of whole numbers",
    inputs: [f(4, 3)],
    attributes: [ai("k", -1), ai("dtype", 7)],
    wrt: [],
  },
  {
    op: "NonZero",
    inputs: [{ value: { type: "float32", dims: [2, 3], data: Float64Array.of(0, 1, 0, 2, 0, -1) } }],
    wrt: [],
  },
  { op: "Compress", inputs: [f(2, 4), booleans([4], 1, 0, 1, 1)], attributes: [ai("axis", 1)], batch: true },
  { op: "Compress", note: "of all elements", inputs: [f(2, 3), booleans([6], 1, 0, 1, 1, 0, 0)] },
  { op: "GlobalLpPool", inputs: [f(2, 3, 4, 2)], batch: true },
  { op: "GlobalLpPool", note: "L1", inputs: [f(2, 3, 4)], attributes: [ai("p", 1)], batch: true },
  { op: "CumSum", inputs: [f(2, 5, 3), int(1)], batch: true },
  {
    op: "CumSum",
    note: "exclusive, backwards",
    inputs: [f(2, 5), int(-1)],
    attributes: [ai("exclusive", 1), ai("reverse", 1)],
    batch: true,
  },
  ...(
    [
      ["bij,bjk->bik", f(2, 3, 4), f(2, 4, 5)],
      ["bhqd,bhkd->bhqk", f(2, 3, 4, 5), f(2, 3, 2, 5)],
      ["bchw,c->bhw", f(2, 3, 4, 2), f(3)],
      ["ij,kl->ljki", f(2, 3), f(4, 2)],
      ["...ij,...jk->...ki", f(2, 3, 2, 4), f(2, 3, 4, 3)],
      ["ij,jk", f(2, 3), f(3, 4)],
      ["bij->bj", f(2, 3, 4)],
      ["bij->jbi", f(2, 3, 4)],
      ["ij,ij->", f(2, 3), f(2, 3)],
      ["bi,ij,bj->b", f(2, 3), f(3, 4), f(2, 4)],
    ] as const
  ).map(([equation, ...inputs]): Case => ({
    op: "Einsum",
    note: equation,
    inputs,
    attributes: [as("equation", equation)],
  })),
  {
    op: "Einsum",
    note: "free batch",
    inputs: [f(2, 3, 4), weights(90, 4, 3, 2)],
    attributes: [as("equation", "bij,jio->bo")],
    batch: true,
  },
  ...(["zeros", "border"] as const).flatMap((padding) =>
    [0, 1].flatMap((aligned): Case[] => [
      {
        op: "GridSample",
        note: `${padding}, ${aligned ? "aligned corners" : "half pixels"}`,
        inputs: [f(2, 3, 4, 5), { dims: [2, 3, 2, 2], from: (x) => 0.8 * x }],
        attributes: [as("mode", "bilinear"), as("padding_mode", padding), ai("align_corners", aligned)],
        batch: true,
      },
      {
        op: "GridSample",
        note: `nearest, ${padding}, ${aligned ? "aligned corners" : "half pixels"}`,
        inputs: [f(2, 3, 4, 5), weights(91, 2, 3, 2, 2)],
        attributes: [as("mode", "nearest"), as("padding_mode", padding), ai("align_corners", aligned)],
      },
    ]),
  ),
  { op: "GridSample", note: "set 20", opset: 20, inputs: [f(2, 1, 4, 4), weights(92, 2, 2, 3, 2)] },
  { op: "Trilu", inputs: [f(2, 4, 4)], batch: true },
  { op: "Trilu", note: "lower, shifted", inputs: [f(2, 4, 4), int(1)], attributes: [ai("upper", 0)], batch: true },

  ...["RNN", "GRU", "LSTM"].flatMap((op) => recurrent(op, { RNN: 1, GRU: 3, LSTM: 4 }[op]!)),
  {
    op: "GRU",
    note: "linear before reset, both directions",
    outputs: 2,
    inputs: [f(4, 3, 2), weights(80, 2, 9, 2), weights(81, 2, 9, 3), weights(82, 2, 18), undefined, f(2, 3, 3)],
    attributes: [ai("hidden_size", 3), ai("linear_before_reset", 1), as("direction", "bidirectional")],
  },
  {
    op: "GRU",
    note: "linear before reset, no state",
    outputs: 2,
    inputs: [f(2, 3, 2), weights(83, 1, 9, 2), weights(84, 1, 9, 3), weights(85, 1, 18)],
    attributes: [ai("hidden_size", 3), ai("linear_before_reset", 1)],
  },
  {
    op: "LSTM",
    note: "peepholes, given lengths, free weights",
    outputs: 3,
    inputs: [
      f(3, 2, 2),
      f(1, 12, 2),
      f(1, 12, 3),
      f(1, 24),
      { value: { type: "int32", dims: [2], data: Float64Array.of(3, 3) } },
      f(1, 2, 3),
      f(1, 2, 3),
      weights(86, 1, 9),
    ],
    attributes: [ai("hidden_size", 3)],
  },
  {
    op: "RNN",
    note: "Relu, without bias, only the last state",
    inputs: [f(3, 2, 2), weights(87, 1, 3, 2), weights(88, 1, 3, 3)],
    attributes: [ai("hidden_size", 3), words("activations", "Relu")],
    named: ["", "y1"],
  },

  { op: "QuantizeLinear", inputs: [f(3, 4), float(0.03), whole("uint8", 128)], batch: true, refused: true },
  { op: "QuantizeLinear", note: "without zero point", inputs: [f(3, 4), float(0.02)], refused: true },
  {
    op: "QuantizeLinear",
    note: "per channel",
    inputs: [
      f(2, 3, 2),
      floats(0.02, 0.1, 0.004),
      { value: { type: "int8", dims: [3], data: Float64Array.of(0, 3, -9) } },
    ],
    attributes: [ai("axis", 1)],
    refused: true,
  },
  { op: "DequantizeLinear", inputs: [wholes("uint8", 0, 255, 3, 4), float(0.03), whole("uint8", 128)], wrt: [] },
  {
    op: "DequantizeLinear",
    note: "per channel",
    inputs: [wholes("int8", -128, 127, 2, 3), floats(0.02, 0.1, 0.004)],
    attributes: [ai("axis", 1)],
    wrt: [],
  },
  { op: "DequantizeLinear", note: "free scale", inputs: [wholes("int8", -128, 127, 2, 3), { dims: [] }] },
  {
    op: "QuantizeLinear",
    note: "type as attribute (set 21)",
    opset: 21,
    inputs: [f(3, 4), float(0.02)],
    attributes: [ai("output_dtype", 3)],
    refused: true,
  },
  {
    op: "DequantizeLinear",
    note: "set 21",
    opset: 21,
    inputs: [wholes("int8", -128, 127, 2, 3), floats(0.02, 0.1, 0.004)],
    attributes: [ai("axis", 1), ai("block_size", 0)],
    wrt: [],
  },
  { op: "DynamicQuantizeLinear", outputs: 3, inputs: [f(3, 5)], refused: true },
  {
    op: "MatMulInteger",
    inputs: [wholes("uint8", 0, 255, 2, 3, 4), wholes("int8", -128, 127, 4, 5), whole("uint8", 128), whole("int8", 3)],
    wrt: [],
  },
  {
    op: "ConvInteger",
    inputs: [
      wholes("uint8", 0, 255, 2, 3, 5, 4),
      wholes("uint8", 0, 255, 2, 3, 3, 2),
      whole("uint8", 120),
      whole("uint8", 130),
    ],
    attributes: [ais("pads", [1, 0, 0, 1])],
    wrt: [],
  },
  {
    op: "QLinearMatMul",
    inputs: [
      wholes("uint8", 0, 255, 2, 3, 4),
      float(0.011),
      whole("uint8", 121),
      wholes("uint8", 0, 255, 4, 5),
      float(0.017),
      whole("uint8", 130),
      float(0.031),
      whole("uint8", 118),
    ],
    wrt: [],
  },
  ...[undefined, floats(0.011, 0.023)].map((perChannel): Case => ({
    op: "QLinearConv",
    note: perChannel ? "a scale per channel" : "one scale",
    inputs: [
      wholes("uint8", 0, 255, 2, 3, 5, 4),
      float(0.013),
      whole("uint8", 121),
      wholes("int8", -128, 127, 2, 3, 3, 2),
      perChannel ?? float(0.019),
      perChannel ? { value: { type: "int8", dims: [2], data: Float64Array.of(0, 0) } } : whole("int8", 0),
      float(0.5),
      whole("uint8", 118),
      { value: { type: "int32", dims: [2], data: Float64Array.of(1000, -2000) } },
    ],
    attributes: [ais("pads", [1, 0, 0, 1])],
    wrt: [],
  })),

  { op: "Dropout", opset: 9, inputs: [f(3, 4)], batch: true },
  { op: "Dropout", note: "training", inputs: [f(3, 4), float(0.5), booleans([], 1)], refused: true, shapeOnly: true },
  ...["RandomNormal", "RandomUniform"].map((op): Case => ({
    op,
    inputs: [],
    attributes: [ais("shape", [2, 3])],
    wrt: [],
    shapeOnly: true,
  })),
  ...["RandomNormalLike", "RandomUniformLike"].map((op): Case => ({ op, inputs: [f(2, 3)], wrt: [], shapeOnly: true })),
  { op: "Bernoulli", inputs: [{ dims: [2, 3], from: () => 0.5 }], shapeOnly: true, refused: true },
];

export const TRUE_BATCH = 4;

export const isFree = (input: Input): input is Free => input !== undefined && "dims" in input;
const dimsOf = (input: Free, batch: boolean, n: number): readonly number[] =>
  batch ? [n, ...input.dims.slice(1)] : input.dims;

export function relative(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0,
    scale = 1e-6;
  for (let i = 0; i < a.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
    scale = Math.max(scale, Math.abs(b[i]!));
  }
  return worst / scale;
}

/** The case as a model file of its operator set, and the feeds of its free inputs. */
export function worldOf(one: Case, opset = one.opset ?? 17) {
  const draw = rng(`operators/${one.op}/${one.note ?? ""}`);
  const batch = one.batch === true;
  const free = one.inputs.flatMap((input, i) => (isFree(input) ? [{ name: `x${i}`, input }] : []));
  const feeds: Record<string, Value> = {};
  for (const { name, input } of free) {
    const dims = dimsOf(input, batch, TRUE_BATCH);
    const data = Float64Array.from({ length: sizeOf(dims) }, (_, i) =>
      Math.fround((input.from ?? ((x) => x))(draw.normal(), i)),
    );
    feeds[name] = { type: "float32", dims, data };
  }
  const called = one.named ?? Array.from({ length: one.outputs ?? 1 }, (_, i) => `y${i}`);
  const outputs = called.filter((name) => name !== "");
  const node = {
    op: one.op,
    domain: "",
    name: `the ${one.op}`,
    inputs: one.inputs.map((input, i) => (input === undefined ? "" : `x${i}`)),
    outputs: called,
    attributes: Object.fromEntries((one.attributes ?? []).map((each) => [each.name!, each])),
  };
  const proto = {
    ir_version: 8n,
    opset_import: [{ domain: "", version: BigInt(opset) }],
    metadata_props: [],
    graph: {
      name: "case",
      node: [nodeProto(node)],
      initializer: one.inputs.flatMap((input, i) =>
        input && "value" in input ? [writeTensor(toRuntime(input.value), `x${i}`)] : [],
      ),
      input: free.map(({ name, input }) =>
        portProto({ name, type: "float32", dims: input.dims.map((dim, i) => (batch && i === 0 ? null : dim)) }),
      ),
      // Without a type: the runtime infers it.
      output: outputs.map((name) => ({ name })),
      value_info: [],
      sparse_initializer: [],
    },
  };
  return { bytes: encodeModel(proto), feeds, free, outputs, batch, draw };
}

export function written(
  one: Case,
  world: ReturnType<typeof worldOf>,
  sizes: readonly number[],
  opset = one.opset ?? 17,
) {
  const loaded = loadGraph(world.bytes);
  const g = new Writer(sizes.length, "g.");
  for (const { name, input } of world.free)
    g.input(
      name,
      "float32",
      sizes.map((n) => dimsOf(input, world.batch, n)),
    );
  for (const [name, tensor] of loaded.graph.constants) g.stored(name, tensor);
  for (const node of loaded.graph.nodes) writeCall(g, node, opset);
  return g;
}

export const asRuntime = (feeds: Readonly<Record<string, Value>>) =>
  Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toRuntime(value)]));
