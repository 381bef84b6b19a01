/** Brings operator calls of any set from 7 on to the meaning they have in the dialect (set 17), while they are written. */
import { attention, rotaryEmbedding } from "./attention.ts";
import { einsum } from "./einsum.ts";
import type { GraphProto } from "./codec.ts";
import { OnnxError, UnsupportedOp } from "./errors.ts";
import { attr, axisOf, fixed, nodeName, rankOf, typeOf, wrongShape } from "./ir.ts";
import type { Node, Ref } from "./ir.ts";
import { opOf } from "./ops.ts";
import { readBody, readNode } from "./read.ts";
import { unrolled } from "./recurrent.ts";
import { gridSample } from "./sampling.ts";
import { attribute, elementType, scalar, sizeOf } from "./tensor.ts";
import type { Writer } from "./writer.ts";

type Inputs = readonly (Ref | undefined)[];
type Write = (g: Writer, node: Node, x: Inputs) => readonly (Ref | undefined)[];

/** Which sets an entry rewrites: those below, those from, or all. */
interface Lowering {
  readonly below?: number;
  readonly from?: number;
  readonly write: Write;
}

const keep = (node: Node, ...names: string[]) => names.flatMap((name) => node.attributes[name] ?? []);
const constantNumbers = (node: Node, ref: Ref | undefined): number[] | undefined => {
  if (ref === undefined) return undefined;
  const { value } = ref.at[0]!;
  if (value === undefined) throw wrongShape(node, "takes axes or sizes that are computed from the input");
  return Array.from(value.data);
};

/** Before set 13 these flattened to [before axis, from axis on] and worked on the rows (default axis 1). */
const flattening: Lowering = {
  below: 13,
  write(g, node, [x]) {
    const axis = axisOf(node, attr.int(node, "axis", 1), rankOf(x!));
    if (axis === rankOf(x!) - 1) return [g.op(node.op, [x], attribute.int("axis", axis))];
    const rows = g.op("Flatten", [x], attribute.int("axis", axis));
    return [g.reshapeLike(g.op(node.op, [rows], attribute.int("axis", 1)), x!)];
  },
};

/** Attribute `axes` becomes an input (Squeeze, Unsqueeze: set 13). */
const axesToInput: Lowering = {
  below: 13,
  write(g, node, [x]) {
    const axes = attr.ints(node, "axes");
    return [g.op(node.op, [x, axes && g.ints(axes)])];
  },
};

/** Reductions take their axes as attribute until set 17; ReduceSum as input since 13. */
const reduction: Lowering = {
  write(g, node, [x, given]) {
    const axes = constantNumbers(node, given) ?? attr.ints(node, "axes");
    const none = axes === undefined || axes.length === 0;
    if (none && attr.int(node, "noop_with_empty_axes", 0) !== 0) return [x];
    const keepdims = attribute.int("keepdims", attr.int(node, "keepdims", 1));
    if (node.op === "ReduceSum") return [g.op("ReduceSum", [x, none ? undefined : g.ints(axes)], keepdims)];
    return [g.op(node.op, [x], keepdims, ...(none ? [] : [attribute.ints("axes", axes)]))];
  },
};

/** Upsample and the first Resize: no coordinate transformation; nearest means the next lower source when growing, the next higher when shrinking. */
const firstResize: Write = (g, node, [x, given]) => {
  const scales = constantNumbers(node, given) ?? attr.floats(node, "scales") ?? [];
  const mode = attr.string(node, "mode", "nearest");
  const shrinks = scales.some((s) => s < 1);
  if (shrinks && scales.some((s) => s > 1)) throw wrongShape(node, "grows one axis and shrinks another");
  const wanted = g.constant({ type: "float32", dims: [scales.length], data: Float64Array.from(scales) });
  return [
    g.op(
      "Resize",
      [x, undefined, wanted],
      attribute.string("mode", mode === "bilinear" ? "linear" : mode),
      attribute.string("coordinate_transformation_mode", "asymmetric"),
      attribute.string("nearest_mode", shrinks ? "ceil" : "floor"),
    ),
  ];
};

/** Padding that goes round (set 19): each axis between its own end and its own beginning. */
function wrapped(g: Writer, node: Node, x: Ref, pads: readonly number[]): Ref {
  const rank = rankOf(x);
  let out = x;
  for (let axis = 0; axis < rank; axis++) {
    const before = pads[axis]!,
      after = pads[axis + rank]!;
    if (before === 0 && after === 0) continue;
    const n = fixed(x, axis);
    if (Math.min(before, after) < 0) throw wrongShape(node, "wrapping and cutting at once is not supported");
    const places = Array.from({ length: before + n + after }, (_, i) => (((i - before) % n) + n) % n);
    out = g.op("Gather", [out, g.ints(places)], attribute.int("axis", axis));
  }
  return out;
}

function refuseBlocks(node: Node): void {
  if (attr.int(node, "block_size", 0) !== 0) throw wrongShape(node, "in blocks is not supported");
}

const spatialOnes = (x: Ref): number[] => Array.from({ length: rankOf(x) - 2 }, () => 1);

const isTrue = (ref: Ref | undefined): boolean =>
  ref !== undefined && (ref.at[0]!.value === undefined || ref.at[0]!.value.data[0] !== 0);

const REDUCTIONS = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSum",
  "ReduceLogSumExp",
];

const lowerings: Readonly<Record<string, readonly Lowering[]>> = {
  Softmax: [flattening],
  LogSoftmax: [flattening],
  Hardmax: [flattening],
  Squeeze: [axesToInput],
  Unsqueeze: [axesToInput],
  ...Object.fromEntries(REDUCTIONS.map((op) => [op, [reduction]])),
  Upsample: [{ write: firstResize }],
  Resize: [
    { below: 11, write: firstResize },
    {
      from: 18,
      write(g, node, [x, , scales, sizes]) {
        if (attr.int(node, "antialias", 0) !== 0) throw wrongShape(node, "antialiasing is not supported");
        if (attr.string(node, "keep_aspect_ratio_policy", "stretch") !== "stretch")
          throw wrongShape(node, "keep_aspect_ratio_policy is not supported");
        const axes = attr.ints(node, "axes");
        const spread = (ref: Ref | undefined, type: "float32" | "int64"): Ref | undefined => {
          const values = constantNumbers(node, ref);
          if (values === undefined || values.length === 0) return undefined;
          if (axes === undefined) return ref;
          const whole = x!.at[0]!.dims.map((_, axis) => {
            const at = axes.findIndex((each) => axisOf(node, each, rankOf(x!)) === axis);
            return at >= 0 ? values[at]! : type === "int64" ? fixed(x!, axis) : 1;
          });
          return g.constant({ type, dims: [whole.length], data: Float64Array.from(whole) });
        };
        const attributes = keep(
          node,
          "mode",
          "coordinate_transformation_mode",
          "nearest_mode",
          "cubic_coeff_a",
          "exclude_outside",
        );
        return [g.op("Resize", [x, undefined, spread(scales, "float32"), spread(sizes, "int64")], ...attributes)];
      },
    },
  ],
  Clip: [
    {
      below: 11,
      write(g, node, [x]) {
        const bound = (name: string): Ref | undefined =>
          node.attributes[name] && g.constant(scalar(typeOf(x!), attr.float(node, name, 0)));
        return [g.op("Clip", [x, bound("min"), bound("max")])];
      },
    },
  ],
  Pad: [
    {
      below: 11,
      write(g, node, [x]) {
        const pads = attr.ints(node, "pads") ?? [];
        const fill = g.constant(scalar(typeOf(x!), attr.float(node, "value", 0)));
        return [g.op("Pad", [x, g.ints(pads), fill], ...keep(node, "mode"))];
      },
    },
    {
      from: 18,
      write(g, node, [x, pads, fill, given]) {
        const axes = constantNumbers(node, given)?.map((axis) => axisOf(node, axis, rankOf(x!)));
        const list = constantNumbers(node, pads) ?? [];
        const rank = rankOf(x!);
        const whole = axes
          ? Array.from({ length: 2 * rank }, (_, i) => {
              const at = axes.indexOf(i % rank);
              return at < 0 ? 0 : list[i < rank ? at : at + axes.length]!;
            })
          : list;
        if (attr.string(node, "mode", "constant") === "wrap") return [wrapped(g, node, x!, whole)];
        return [g.op("Pad", [x, g.ints(whole), fill], ...keep(node, "mode"))];
      },
    },
  ],
  Slice: [
    {
      below: 10,
      write(g, node, [x]) {
        const axes = attr.ints(node, "axes");
        return [
          g.op("Slice", [
            x,
            g.ints(attr.ints(node, "starts") ?? []),
            g.ints(attr.ints(node, "ends") ?? []),
            axes && g.ints(axes),
          ]),
        ];
      },
    },
  ],
  Split: [
    {
      below: 13,
      write(g, node, [x]) {
        const lengths = attr.ints(node, "split");
        return g.call("Split", [x, lengths && g.ints(lengths)], keep(node, "axis"), node.outputs.length);
      },
    },
    {
      from: 18,
      write(g, node, [x, given]) {
        if (given) return g.call("Split", [x, given], keep(node, "axis"), node.outputs.length);
        const axis = axisOf(node, attr.int(node, "axis", 0), rankOf(x!));
        const length = fixed(x!, axis),
          each = Math.ceil(length / node.outputs.length);
        const lengths = node.outputs.map((_, i) => Math.max(0, Math.min(each, length - i * each)));
        return g.call("Split", [x, g.ints(lengths)], keep(node, "axis"), node.outputs.length);
      },
    },
  ],
  TopK: [
    {
      below: 10,
      write: (g, node, [x]) => g.call("TopK", [x, g.ints([attr.int(node, "k", 1)])], keep(node, "axis"), 2),
    },
  ],
  Dropout: [
    {
      write(g, node, [x, ratio, training]) {
        if (isTrue(training)) return g.call("Dropout", [x, ratio, training], keep(node, "seed"), node.outputs.length);
        return [x, node.outputs[1] ? g.cast(g.onesLike(x!), "bool") : undefined];
      },
    },
  ],
  BatchNormalization: [
    {
      below: 14,
      write(g, node, x) {
        if (attr.int(node, "spatial", 1) === 0) throw wrongShape(node, "with spatial=0 is not supported");
        return [g.op("BatchNormalization", x, ...keep(node, "epsilon"))];
      },
    },
  ],
  Scatter: [{ write: (g, node, x) => [g.op("ScatterElements", x, ...keep(node, "axis"))] }],
  CastLike: [{ write: (g, _, [x, like]) => [g.cast(x!, typeOf(like!))] }],
  AveragePool: [
    {
      from: 19,
      write(g, node, [x]) {
        if (attr.ints(node, "dilations")?.some((d) => d !== 1))
          throw wrongShape(node, "with dilations is not supported");
        const kept = keep(node, "kernel_shape", "strides", "pads", "auto_pad", "ceil_mode", "count_include_pad");
        return [g.op("AveragePool", [x], ...kept)];
      },
    },
  ],
  Cast: [
    {
      write(g, node, [x]) {
        const to = elementType(attr.int(node, "to", 1));
        if (to === undefined) throw wrongShape(node, `to element type ${attr.int(node, "to", 1)} is not supported`);
        return [g.cast(x!, to)];
      },
    },
  ],
  // Hendrycks & Gimpel 2016.
  Gelu: [
    {
      write(g, node, [x]) {
        const half = g.scale(x!, 0.5);
        if (attr.string(node, "approximate", "none") === "tanh") {
          const cube = g.scale(g.op("Pow", [x, g.number(3, x!)]), 0.044715);
          const inner = g.scale(g.add(x!, cube), Math.sqrt(2 / Math.PI));
          return [g.mul(half, g.add(g.op("Tanh", [inner]), g.number(1, x!)))];
        }
        return [g.mul(half, g.add(g.op("Erf", [g.scale(x!, Math.SQRT1_2)]), g.number(1, x!)))];
      },
    },
  ],
  Attention: [{ write: attention }],
  RotaryEmbedding: [{ write: rotaryEmbedding }],
  Einsum: [{ write: einsum }],
  GridSample: [{ write: gridSample }],
  Compress: [
    {
      write(g, node, [x, condition]) {
        const chosen = constantNumbers(node, condition);
        if (chosen === undefined) throw wrongShape(node, "lacks its condition");
        const places = chosen.flatMap((yes, i) => (yes ? [i] : []));
        const flat = node.attributes["axis"] === undefined;
        const from = flat ? g.op("Reshape", [x, g.ints([-1])]) : x!;
        const axis = flat ? 0 : axisOf(node, attr.int(node, "axis", 0), rankOf(x!));
        return [g.op("Gather", [from, g.ints(places)], attribute.int("axis", axis))];
      },
    },
  ],
  GlobalLpPool: [
    {
      write(g, node, [x]) {
        const p = attr.int(node, "p", 2);
        if (p !== 1 && p !== 2) throw wrongShape(node, `of order ${p} is not supported`);
        const axes = Array.from({ length: rankOf(x!) - 2 }, (_, i) => i + 2);
        return [g.op(p === 1 ? "ReduceL1" : "ReduceL2", [x], attribute.ints("axes", axes))];
      },
    },
  ],
  QuantizeLinear: [
    {
      from: 19,
      write(g, node, [x, scale, zero]) {
        refuseBlocks(node);
        // Without a zero point the type is an attribute since set 21; the dialect knows it by the zero point alone.
        const type = elementType(attr.int(node, "output_dtype", 0));
        const point =
          zero ??
          (type && g.constant({ type, dims: scale!.at[0]!.dims, data: new Float64Array(sizeOf(scale!.at[0]!.dims)) }));
        return [g.op("QuantizeLinear", [x, scale, point], ...keep(node, "axis"))];
      },
    },
  ],
  DequantizeLinear: [
    {
      from: 19,
      write(g, node, x) {
        refuseBlocks(node);
        return [g.op("DequantizeLinear", x, ...keep(node, "axis"))];
      },
    },
  ],
  RNN: [{ write: unrolled }],
  GRU: [{ write: unrolled }],
  LSTM: [{ write: unrolled }],
  Mish: [{ write: (g, _, [x]) => [g.mul(x!, g.op("Tanh", [g.op("Softplus", [x])]))] }],
  Swish: [{ write: (g, node, [x]) => [g.mul(x!, g.op("Sigmoid", [g.scale(x!, attr.float(node, "alpha", 1))]))] }],
  GroupNormalization: [
    {
      write(g, node, [x, scale, bias]) {
        const groups = attr.int(node, "num_groups", 1),
          channels = fixed(x!, 1);
        const count = x!.at[0]!.dims.slice(2).reduce((n, _, i) => n * fixed(x!, i + 2), channels / groups);
        const rows = g.op("Reshape", [x, g.ints([-1, groups, count])]);
        const ones = g.constant({ type: typeOf(x!), dims: [groups], data: new Float64Array(groups).fill(1) }),
          zeros = g.constant({ type: typeOf(x!), dims: [groups], data: new Float64Array(groups) });
        const normed = g.reshapeLike(g.op("InstanceNormalization", [rows, ones, zeros], ...keep(node, "epsilon")), x!);
        // One factor per group in set 18, one per channel since 21.
        const shaped = (ref: Ref): Ref => {
          const n = fixed(ref, 0);
          const each = g.op("Reshape", [ref, g.ints([n, 1])]);
          const whole = g.op("Expand", [each, g.ints([n, channels / n])]);
          return g.op("Reshape", [whole, g.ints([channels, ...spatialOnes(x!)])]);
        };
        return [g.add(g.mul(normed, shaped(scale!)), shaped(bias!))];
      },
    },
  ],
  // Zhang & Sennrich 2019.
  RMSNormalization: [
    {
      write(g, node, [x, scale]) {
        const axis = axisOf(node, attr.int(node, "axis", -1), rankOf(x!));
        const axes = Array.from({ length: rankOf(x!) - axis }, (_, i) => axis + i);
        const squares = g.op("ReduceMean", [g.mul(x!, x!)], attribute.ints("axes", axes));
        const root = g.op("Sqrt", [g.add(squares, g.number(attr.float(node, "epsilon", 1e-5), x!))]);
        return [g.mul(g.div(x!, root), scale!)];
      },
    },
  ],
};

/** Operators that are rewritten in some set or in all. */
export const lowered: readonly string[] = Object.keys(lowerings);

function loweringOf(node: Node, opset: number): Lowering | undefined {
  if (node.domain !== "" || !Object.hasOwn(lowerings, node.op)) return undefined;
  return lowerings[node.op]!.find(
    ({ below, from }) =>
      (below === undefined && from === undefined) ||
      (below !== undefined && opset < below) ||
      (from !== undefined && opset >= from),
  );
}

/** The two graphs of an If, by what its condition is. */
function branchesOf(node: Node): readonly [whenTrue: GraphProto, whenFalse: GraphProto] | undefined {
  const whenTrue = node.attributes["then_branch"]?.g,
    whenFalse = node.attributes["else_branch"]?.g;
  return whenTrue && whenFalse ? [whenTrue, whenFalse] : undefined;
}

/** Whether a call can be brought to the dialect at all. */
export function isKnown(node: Node): boolean {
  if (node.domain === "" && node.op === "If")
    return (
      branchesOf(node)?.every((branch) =>
        branch.node.every((inner) => inner.op_type === "Constant" || isKnown(readNode(inner))),
      ) ?? false
    );
  return opOf(node) !== undefined || (node.domain === "" && Object.hasOwn(lowerings, node.op));
}

/** Exporters leave choices that the shapes decide (whether to squeeze): the branch taken is written in the place of the If. */
function writeBranch(g: Writer, node: Node, opset: number): void {
  const condition = g.ref(node.inputs[0] ?? "");
  const values = condition.at.map(({ value }) => value?.data[0]);
  if (values.some((value) => value === undefined || value !== values[0]))
    throw new UnsupportedOp("If", nodeName(node), "chooses by the values of the input: no gradient rule");
  const branch = branchesOf(node)![values[0] === 0 ? 1 : 0];
  const { constants, nodes } = readBody(branch);
  for (const [name, tensor] of constants) g.stored(name, tensor);
  for (const inner of nodes) writeCall(g, inner, opset);
  node.outputs.forEach((name, i) => {
    const from = branch.output[i]?.name;
    if (name !== "" && from !== undefined) g.alias(name, g.ref(from));
  });
}

/** Writes a call as a file of that operator set means it, in the dialect. Throws OnnxError where the dialect cannot say it. */
export function writeCall(g: Writer, node: Node, opset: number): void {
  if (node.domain === "" && node.op === "If") return writeBranch(g, node, opset);
  const lowering = loweringOf(node, opset);
  if (lowering === undefined) {
    g.append(node);
    return;
  }
  const x = node.inputs.map((name) => (name === "" ? undefined : g.ref(name)));
  if (x[0] === undefined)
    throw new OnnxError(`${node.op} (node "${nodeName(node)}") lacks its first input`, { node: nodeName(node) });
  const results = lowering.write(g, node, x);
  node.outputs.forEach((name, i) => {
    const ref = results[i];
    if (name !== "" && ref !== undefined) g.alias(name, ref);
  });
}
