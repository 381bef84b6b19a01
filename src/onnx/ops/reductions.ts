/** Sums, means, extremes and norms over axes; what picks the largest. */
import type { GradientCall, Op, OpTable, ShapeCall } from "./op.ts";
import { first, knownNumbers, required } from "./op.ts";
import { throughSoftmax } from "./activations.ts";
import { asKnown } from "./shapes.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { attr, axisOf, fixed, rankOf, stridesOf, typeOf, walk, wrongShape } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

/** Axes of a reduction in the dialect: an input for ReduceSum (opset 13), an attribute for the others (until opset 18). */
function axesOf(node: Node, given: readonly number[] | undefined, rank: number): number[] {
  const axes = given ?? attr.ints(node, "axes");
  if (axes === undefined || axes.length === 0)
    return attr.int(node, "noop_with_empty_axes", 0) ? [] : Array.from({ length: rank }, (_, i) => i);
  return axes.map((axis) => axisOf(node, axis, rank)).toSorted((a, b) => a - b);
}

const keep = (node: Node): boolean => attr.int(node, "keepdims", 1) !== 0;

function reducedDims(dims: readonly number[], axes: readonly number[], keepdims: boolean): number[] {
  return dims.flatMap((dim, i) => (axes.includes(i) ? (keepdims ? [1] : []) : [dim]));
}

const callAxes = (call: ShapeCall): number[] => axesOf(call.node, knownNumbers(call, 1), required(call, 0).dims.length);

/** A reduction: f over all values of each group. `slope` gives ∂y/∂x from x, y and ∂loss/∂y, both with the axes kept. */
function reduction(
  f: (group: Float64Array) => number,
  slope: (g: Writer, x: Ref, y: Ref, dy: Ref, axes: readonly number[]) => Ref,
): Op {
  return {
    shape(call) {
      const x = required(call, 0);
      return [{ type: x.type, dims: reducedDims(x.dims, callAxes(call), keep(call.node)) }];
    },
    value(call) {
      const x = required(call, 0);
      const axes = callAxes(asKnown(call));
      const strides = stridesOf(x.dims);
      const outer = x.dims.map((_, i) => i).filter((i) => !axes.includes(i));
      const starts = walk(
        outer.map((i) => x.dims[i]!),
        outer.map((i) => strides[i]!),
      );
      const steps = walk(
        axes.map((i) => x.dims[i]!),
        axes.map((i) => strides[i]!),
      );
      const group = new Float64Array(steps.length);
      const data = Float64Array.from(starts, (start) => {
        for (let i = 0; i < steps.length; i++) group[i] = x.data[start + steps[i]!]!;
        return f(group);
      });
      return [{ type: x.type, dims: reducedDims(x.dims, axes, keep(call.node)), data }];
    },
    vjp(g, call) {
      const x = call.x[0]!;
      const axes = axesOf(call.node, call.x[1] && Array.from(call.x[1].at[0]!.value!.data), rankOf(x));
      const kept = (ref: Ref): Ref =>
        keep(call.node) || axes.length === 0 ? ref : g.op("Unsqueeze", [ref, g.ints(axes)]);
      return [slope(g, x, kept(call.y[0]!), kept(first(call)), axes)];
    },
  };
}

const total = (group: Float64Array): number => group.reduce((sum, x) => sum + x, 0);
const countOf = (x: Ref, axes: readonly number[]): number => axes.reduce((n, axis) => n * fixed(x, axis), 1);

/** The gradient goes to the extreme value, equally among ties. */
function toExtreme(g: Writer, x: Ref, y: Ref, dy: Ref, axes: readonly number[]): Ref {
  const hits = g.mask(g.op("Equal", [x, y]), x);
  return g.mul(hits, g.div(dy, g.sum(hits, axes, true)));
}

interface Picked {
  readonly axis: number;
  readonly lines: Int32Array;
  readonly stride: number;
  readonly n: number;
}

/** The lines of a tensor along an axis: where each starts, its stride and length. */
function linesOf(node: Node, x: Value, fallbackAxis: number): Picked {
  const axis = axisOf(node, attr.int(node, "axis", fallbackAxis), x.dims.length);
  const strides = stridesOf(x.dims);
  return {
    axis,
    lines: walk(
      x.dims.map((dim, i) => (i === axis ? 1 : dim)),
      strides,
    ),
    stride: strides[axis]!,
    n: x.dims[axis]!,
  };
}

const argExtreme = (better: (a: number, b: number) => boolean, sign: 1 | -1): Op => ({
  shape(call) {
    const { dims } = required(call, 0);
    const axis = axisOf(call.node, attr.int(call.node, "axis", 0), dims.length);
    return [{ type: "int64", dims: reducedDims(dims, [axis], keep(call.node)) }];
  },
  value(call) {
    const x = required(call, 0);
    const { axis, lines, stride, n } = linesOf(call.node, x, 0);
    const last = attr.int(call.node, "select_last_index", 0) !== 0;
    const data = Float64Array.from(lines, (start) => {
      let best = 0;
      for (let i = 1; i < n; i++) {
        const a = x.data[start + i * stride]!,
          b = x.data[start + best * stride]!;
        if (better(a, b) || (last && a === b)) best = i;
      }
      return best;
    });
    return [{ type: "int64", dims: reducedDims(x.dims, [axis], keep(call.node)), data }];
  },
  vjp: "nowhere",
  surrogate: {
    name: "the mean place under softmax",
    vjp(g, call) {
      const x = call.x[0]!;
      const axis = axisOf(call.node, attr.int(call.node, "axis", 0), rankOf(x));
      const along = x.at[0]!.dims.map((_, i) => (i === axis ? fixed(x, axis) : 1));
      const places = Float64Array.from({ length: along[axis]! }, (_, i) => i);
      const dy = keep(call.node) ? first(call) : g.op("Unsqueeze", [first(call), g.ints([axis])]);
      const share = g.op("Softmax", [sign > 0 ? x : g.neg(x)], attribute.int("axis", axis));
      const each = g.mul(g.cast(dy, typeOf(x)), g.constant({ type: typeOf(x), dims: along, data: places }));
      return [g.scale(throughSoftmax(g, each, share, axis), sign)];
    },
  },
});

export const reductions: OpTable = {
  ReduceSum: reduction(total, (g, x, _, dy) => g.expandLike(dy, x)),
  ReduceMean: reduction(
    (group) => total(group) / group.length,
    (g, x, _, dy, axes) => g.expandLike(g.scale(dy, 1 / countOf(x, axes)), x),
  ),
  ReduceMax: reduction((group) => group.reduce((a, b) => Math.max(a, b), -Infinity), toExtreme),
  ReduceMin: reduction((group) => group.reduce((a, b) => Math.min(a, b), Infinity), toExtreme),
  ReduceProd: reduction(
    (group) => group.reduce((a, b) => a * b, 1),
    (g, x, y, dy) => g.div(g.mul(dy, y), x),
  ),
  ReduceL1: reduction(
    (group) => group.reduce((sum, x) => sum + Math.abs(x), 0),
    (g, x, _, dy) => g.mul(dy, g.op("Sign", [x])),
  ),
  ReduceL2: reduction(
    (group) => Math.sqrt(group.reduce((sum, x) => sum + x * x, 0)),
    // At the origin the norm has no gradient; zero is a subgradient, NaN would end the attack.
    (g, x, y, dy) => g.mul(dy, g.div(x, g.op("Max", [y, g.number(1e-30, y)]))),
  ),
  ReduceSumSquare: reduction(
    (group) => group.reduce((sum, x) => sum + x * x, 0),
    (g, x, _, dy) => g.mul(dy, g.scale(x, 2)),
  ),
  ReduceLogSum: reduction(
    (group) => Math.log(total(group)),
    (g, x, y, dy) => g.expandLike(g.div(dy, g.op("Exp", [y])), x),
  ),
  ReduceLogSumExp: reduction(
    (group) => {
      const top = group.reduce((a, b) => Math.max(a, b), -Infinity);
      return top + Math.log(group.reduce((sum, x) => sum + Math.exp(x - top), 0));
    },
    (g, x, y, dy) => g.mul(dy, g.op("Exp", [g.sub(x, y)])),
  ),
  ArgMax: argExtreme((a, b) => a > b, 1),
  ArgMin: argExtreme((a, b) => a < b, -1),
  TopK: {
    shape(call) {
      const x = required(call, 0);
      const axis = axisOf(call.node, attr.int(call.node, "axis", -1), x.dims.length);
      const k = knownNumbers(call, 1)![0]!;
      if (k < 0 || k > x.dims[axis]!) throw wrongShape(call.node, `the largest ${k} of ${x.dims[axis]} values`);
      const dims = x.dims.map((dim, i) => (i === axis ? k : dim));
      return [
        { type: x.type, dims },
        { type: "int64", dims },
      ];
    },
    value(call) {
      const x = required(call, 0);
      const k = required(call, 1).data[0]!;
      const { axis, lines, stride, n } = linesOf(call.node, x, -1);
      const sign = attr.int(call.node, "largest", 1) ? 1 : -1;
      const dims = x.dims.map((dim, i) => (i === axis ? k : dim));
      const outStride = stridesOf(dims)[axis]!;
      const outLines = walk(
        dims.map((dim, i) => (i === axis ? 1 : dim)),
        stridesOf(dims),
      );
      const values = new Float64Array(sizeOf(dims)),
        indices = new Float64Array(sizeOf(dims));
      lines.forEach((start, line) => {
        const order = Array.from({ length: n }, (_, i) => i).toSorted(
          (a, b) => sign * (x.data[start + b * stride]! - x.data[start + a * stride]!) || a - b,
        );
        for (let i = 0; i < k; i++) {
          values[outLines[line]! + i * outStride] = x.data[start + order[i]! * stride]!;
          indices[outLines[line]! + i * outStride] = order[i]!;
        }
      });
      return [
        { type: x.type, dims, data: values },
        { type: "int64", dims, data: indices },
      ];
    },
    vjp(g, call: GradientCall) {
      const x = call.x[0]!;
      const axis = axisOf(call.node, attr.int(call.node, "axis", -1), rankOf(x));
      return [
        g.op(
          "ScatterElements",
          [g.zerosLike(x), call.y[1]!, first(call)],
          attribute.int("axis", axis),
          attribute.string("reduction", "add"),
        ),
      ];
    },
  },
};
