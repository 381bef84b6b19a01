/** Between real numbers and 8-bit ones: quantisation, its inverse, and products of quantised tensors. */
import { roundHalfEven } from "./arithmetic.ts";
import { convolution, convInputGradient, convGeometry } from "./convolution.ts";
import { linear } from "./linear.ts";
import type { GradientCall, Op, OpTable, ShapeCall, ValueCall, Vjp } from "./op.ts";
import { first, required } from "./op.ts";
import { UnsupportedOp } from "#onnx/errors.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { attr, axisOf, fixed, nodeName, rankOf, typeOf, wrongShape } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { ElementType, Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

/** The smallest and largest number of each quantised type. */
export const QUANTISED: Partial<Record<ElementType, readonly [low: number, high: number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};

function rangeOf(node: Node, type: ElementType): readonly [number, number] {
  const range = QUANTISED[type];
  if (range === undefined) throw wrongShape(node, `quantises to ${type}, which is not supported`);
  return range;
}

const saturated = (x: number, [low, high]: readonly [number, number]): number => Math.min(high, Math.max(low, x));

/** Which scale an element has: one for all, or one per place on an axis. */
function alongAxis(node: Node, dims: readonly number[], scale: Value, axis: number): (place: number) => number {
  if (scale.data.length === 1) return () => 0;
  const at = axisOf(node, axis, dims.length);
  const n = dims[at]!,
    inner = sizeOf(dims.slice(at + 1));
  if (scale.data.length !== n) throw wrongShape(node, `${scale.data.length} scales for an axis of ${n}`);
  return (place) => Math.floor(place / inner) % n;
}

/** A vector of scales or zero points, shaped to broadcast along its axis. */
function shaped(g: Writer, vector: Ref, node: Node, x: Ref): Ref {
  if (rankOf(vector) === 0 || fixed(vector, 0) === 1)
    return rankOf(vector) === 0 ? vector : g.op("Reshape", [vector, g.ints([])]);
  const axis = axisOf(node, attr.int(node, "axis", 1), rankOf(x));
  return g.op("Reshape", [vector, g.ints([-1, ...Array.from({ length: rankOf(x) - axis - 1 }, () => 1)])]);
}

/** (q − zero point)·scale in float64, scales along an axis. */
function dequantised(node: Node, q: Value, scale: Value, zero: Value | undefined, axis: number): Value {
  const at = alongAxis(node, q.dims, scale, axis);
  const data = q.data.map((v, i) => (v - (zero?.data[zero.data.length === 1 ? 0 : at(i)] ?? 0)) * scale.data[at(i)]!);
  return { type: scale.type, dims: q.dims, data };
}

const quantised = (y: Value, scale: number, zero: Value): Value => {
  const range = QUANTISED[zero.type]!;
  return {
    type: zero.type,
    dims: y.dims,
    data: y.data.map((v) => saturated(roundHalfEven(v / scale) + zero.data[0]!, range)),
  };
};

/** The gradient behind a rounding that saturates, from what came out: what lies at an end of the range may have been cut off. */
function insideRange(g: Writer, dy: Ref, y: Ref, node: Node): Ref {
  const [low, high] = rangeOf(node, typeOf(y));
  const real = g.cast(y, "float32");
  const inside = g.op("And", [
    g.op("Greater", [real, g.number(low, real)]),
    g.op("Less", [real, g.number(high, real)]),
  ]);
  return g.mul(dy, g.mask(inside, dy));
}

const STRAIGHT = "identity inside the range (straight-through)";

function onlyTheFirst(call: GradientCall, weights: number): void {
  if (call.needs[weights])
    throw new UnsupportedOp(
      call.node.op,
      nodeName(call.node),
      "has weights that depend on the input: no gradient rule",
    );
}

/** A call's inputs under other positions. */
const picked = <T>(inputs: readonly T[], at: readonly number[]): (T | undefined)[] =>
  at.map((i) => (i < 0 ? undefined : inputs[i]));

/** Whole numbers less their zero point, as reals. */
function lessZero(g: Writer, q: Ref, zero: Ref | undefined): Ref {
  const real = g.cast(q, "float32");
  if (zero === undefined) return real;
  const known = zero.at[0]!.value;
  return known?.data.every((v) => v === 0) ? real : g.sub(real, g.cast(zero, "float32"));
}

function lessZeroValue(node: Node, q: Value, zero: Value | undefined, axis: number): Value {
  if (zero === undefined) return q;
  return dequantised(node, q, { type: "float32", dims: zero.dims, data: zero.data.map(() => 1) }, zero, axis);
}

/** An integer product: the real one of the same operands less their zero points. Inputs: a, b, zero of a, zero of b. */
function integer(real: Op, axis: number): Op {
  const shape = (call: ShapeCall) =>
    real
      .shape({ node: call.node, inputs: call.inputs.slice(0, 2) })
      .map(({ dims }) => ({ type: "int32" as const, dims }));
  const vjp: Vjp = (g, call) => {
    const [a, b, zeroA, zeroB] = call.x as [Ref, Ref, Ref | undefined, Ref | undefined];
    if (zeroB && rankOf(zeroB) > 0 && fixed(zeroB, 0) > 1)
      throw new UnsupportedOp(call.node.op, nodeName(call.node), "has a zero point per channel: no gradient rule");
    const operands = [lessZero(g, a, zeroA), lessZero(g, b, zeroB)];
    const needs = call.needs.slice(0, 2);
    return (real.vjp as Vjp)(g, { node: call.node, x: operands, y: call.y, dy: call.dy, needs });
  };
  return {
    shape,
    value(call) {
      const [a, b, zeroA, zeroB] = [required(call, 0), required(call, 1), call.inputs[2], call.inputs[3]];
      const operands = [lessZeroValue(call.node, a, zeroA, 0), lessZeroValue(call.node, b, zeroB, axis)];
      return real.value({ node: call.node, inputs: operands }).map((y) => ({ ...y, type: "int32" }));
    },
    vjp,
  };
}

/** Where QLinearConv and QLinearMatMul keep what: two operands with scale and zero point, then those of the result. */
const A = 0,
  A_SCALE = 1,
  A_ZERO = 2,
  B = 3,
  B_SCALE = 4,
  B_ZERO = 5,
  Y_SCALE = 6,
  Y_ZERO = 7,
  BIAS = 8;

function quantisedProduct(real: Op, axis: number, value: (call: ValueCall, a: Value, b: Value) => Value, vjp: Vjp): Op {
  return {
    shape: (call) =>
      real
        .shape({ node: call.node, inputs: picked(call.inputs, [A, B]) })
        .map(({ dims }) => ({ type: required(call, Y_ZERO).type, dims })),
    value(call) {
      const a = dequantised(call.node, required(call, A), required(call, A_SCALE), required(call, A_ZERO), 0);
      const b = dequantised(call.node, required(call, B), required(call, B_SCALE), required(call, B_ZERO), axis);
      return [quantised(value(call, a, b), required(call, Y_SCALE).data[0]!, required(call, Y_ZERO))];
    },
    vjp: "nowhere",
    surrogate: { name: STRAIGHT, vjp },
  };
}

/** ∂loss/∂(real result) from the gradient of the quantised one. */
const behindResult = (g: Writer, call: GradientCall): Ref =>
  g.div(insideRange(g, first(call), call.y[0]!, call.node), call.x[Y_SCALE]!);

export const quantisation: OpTable = {
  QuantizeLinear: {
    shape(call) {
      const zero = call.inputs[2];
      const type = zero?.type ?? "uint8";
      rangeOf(call.node, type);
      return [{ type, dims: required(call, 0).dims }];
    },
    value(call) {
      const x = required(call, 0),
        scale = required(call, 1),
        zero = call.inputs[2];
      const type = zero?.type ?? "uint8";
      const at = alongAxis(call.node, x.dims, scale, attr.int(call.node, "axis", 1));
      const range = rangeOf(call.node, type);
      const data = x.data.map((v, i) =>
        saturated(roundHalfEven(v / scale.data[at(i)]!) + (zero?.data[zero.data.length === 1 ? 0 : at(i)] ?? 0), range),
      );
      return [{ type, dims: x.dims, data }];
    },
    vjp: "nowhere",
    surrogate: {
      name: STRAIGHT,
      vjp(g, call) {
        const [x, scale, zero] = call.x as [Ref, Ref, Ref | undefined];
        const [low, high] = rangeOf(call.node, typeOf(call.y[0]!));
        const steps = g.div(x, shaped(g, scale, call.node, x));
        const level = zero ? g.add(steps, shaped(g, g.cast(zero, typeOf(x)), call.node, x)) : steps;
        // Half a step beyond the ends still rounds to them.
        const inside = g.op("And", [
          g.op("Greater", [level, g.number(low - 0.5, x)]),
          g.op("Less", [level, g.number(high + 0.5, x)]),
        ]);
        const dy = g.cast(first(call), typeOf(x));
        return [g.div(g.mul(dy, g.mask(inside, dy)), shaped(g, scale, call.node, x))];
      },
    },
  },
  DequantizeLinear: {
    shape: (call) => [{ type: required(call, 1).type, dims: required(call, 0).dims }],
    value: (call) => [
      dequantised(call.node, required(call, 0), required(call, 1), call.inputs[2], attr.int(call.node, "axis", 1)),
    ],
    vjp(g, call) {
      const [q, scale, zero] = call.x as [Ref, Ref, Ref | undefined];
      const dy = first(call);
      if (call.needs[1] && rankOf(scale) > 0)
        throw new UnsupportedOp(
          "DequantizeLinear",
          nodeName(call.node),
          "has scales that depend on the input: no gradient rule",
        );
      return [g.mul(dy, shaped(g, scale, call.node, q)), call.needs[1] ? g.mul(dy, lessZero(g, q, zero)) : undefined];
    },
  },
  DynamicQuantizeLinear: {
    shape(call) {
      const { dims } = required(call, 0);
      return [
        { type: "uint8" as const, dims },
        { type: "float32" as const, dims: [] },
        { type: "uint8" as const, dims: [] },
      ].slice(0, call.node.outputs.length);
    },
    value(call) {
      const x = required(call, 0);
      const high = x.data.reduce((most, v) => Math.max(most, v), 0),
        low = x.data.reduce((least, v) => Math.min(least, v), 0);
      const scale = Math.fround(high === low ? 1 : (high - low) / 255);
      const zero = {
        type: "uint8" as const,
        dims: [],
        data: Float64Array.of(saturated(roundHalfEven(-low / scale), [0, 255])),
      };
      return [
        quantised(x, scale, zero),
        { type: "float32" as const, dims: [], data: Float64Array.of(scale) },
        zero,
      ].slice(0, call.node.outputs.length);
    },
    vjp: "nowhere",
    surrogate: {
      // Dequantised again the result is x but for rounding: what the scale would add, the quantised values lose.
      name: `${STRAIGHT}, the scale held`,
      vjp: (g, call) => [call.dy[0] ? g.div(call.dy[0], call.y[1]!) : g.zerosLike(call.x[0]!)],
    },
  },
  MatMulInteger: integer(linear["MatMul"]!, -1),
  ConvInteger: integer(convolution["Conv"]!, 0),
  QLinearMatMul: quantisedProduct(
    linear["MatMul"]!,
    -1,
    (call, a, b) => linear["MatMul"]!.value({ node: call.node, inputs: [a, b] })[0]!,
    (g, call) => {
      const operand = (at: number): Ref => g.mul(lessZero(g, call.x[at]!, call.x[at + 2]), call.x[at + 1]!);
      const inner: GradientCall = {
        node: call.node,
        x: [operand(A), operand(B)],
        y: call.y,
        dy: [behindResult(g, call)],
        needs: [call.needs[A]!, call.needs[B]!],
      };
      const [da, db] = (linear["MatMul"]!.vjp as Vjp)(g, inner);
      const scaled = (d: Ref | undefined, at: number): Ref | undefined => d && g.mul(d, call.x[at]!);
      return [scaled(da, A_SCALE), undefined, undefined, scaled(db, B_SCALE)];
    },
  ),
  QLinearConv: quantisedProduct(
    convolution["Conv"]!,
    0,
    (call, a, b) => {
      const bias = call.inputs[BIAS];
      const scale = required(call, B_SCALE).data,
        unit = required(call, A_SCALE).data[0]!;
      const real = bias && {
        type: "float32" as const,
        dims: bias.dims,
        data: bias.data.map((v, i) => v * unit * scale[scale.length === 1 ? 0 : i]!),
      };
      return convolution["Conv"]!.value({ node: call.node, inputs: [a, b, real] })[0]!;
    },
    (g, call) => {
      onlyTheFirst(call, B);
      const [x, w] = [call.x[A]!, call.x[B]!];
      const weights = g.op("DequantizeLinear", [w, call.x[B_SCALE], call.x[B_ZERO]], attribute.int("axis", 0));
      const lengths = x.at[0]!.dims.map((dim, axis) => (axis < 2 ? dim : fixed(x, axis)));
      const geometry = convGeometry(call.node, lengths, w.at[0]!.dims);
      const dx = convInputGradient(g, behindResult(g, call), weights, geometry, geometry.group, x);
      return [g.mul(dx, call.x[A_SCALE]!)];
    },
  ),
};
