/** Operators that move elements without changing them, and those that speak of shapes. */
import type { OpTable, ShapeCall, ValueCall } from "./op.ts";
import { broadcastOf, first, knownNumbers, required } from "./op.ts";
import type { Known, Node, Ref } from "#onnx/ir.ts";
import { attr, axisOf, broadcastIndex, fixed, rankOf, stridesOf, walk, wrongShape } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

type Dims = readonly number[];

/** An operator whose result is its first input with another shape. */
const reshaping = (target: (call: ShapeCall) => number[]) => ({
  shape: (call: ShapeCall) => {
    const x = required(call, 0);
    const dims = target(call);
    if (sizeOf(dims) !== sizeOf(x.dims))
      throw wrongShape(call.node, `[${x.dims.join(", ")}] cannot become [${dims.join(", ")}]`);
    return [{ type: x.type, dims }];
  },
  value: (call: ValueCall) => {
    const x = required(call, 0);
    return [{ type: x.type, dims: target(asKnown(call)), data: x.data }];
  },
  vjp: (g: Writer, call: { x: readonly (Ref | undefined)[]; dy: readonly (Ref | undefined)[] }) => [
    g.reshapeLike(call.dy[0]!, call.x[0]!),
  ],
});

/** A call with values as a call with known tensors. */
export const asKnown = (call: ValueCall): ShapeCall => ({
  node: call.node,
  inputs: call.inputs.map((value): Known | undefined => value && { type: value.type, dims: value.dims, value }),
});

function reshapeTarget(call: ShapeCall): number[] {
  const x = required(call, 0).dims;
  const wanted = knownNumbers(call, 1) ?? [];
  const allowZero = attr.int(call.node, "allowzero", 0) !== 0;
  const dims = wanted.map((dim, i) => {
    if (dim === 0 && !allowZero) {
      if (i >= x.length)
        throw wrongShape(call.node, `dimension ${i} is copied from an input with ${x.length} dimensions`);
      return x[i]!;
    }
    return dim;
  });
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const rest = dims.reduce((product, dim, i) => (i === open ? product : product * dim), 1);
    dims[open] = rest === 0 ? 0 : sizeOf(x) / rest;
  }
  if (dims.some((dim) => !Number.isInteger(dim) || dim < 0) || sizeOf(dims) !== sizeOf(x))
    throw wrongShape(call.node, `[${x.join(", ")}] cannot become [${wanted.join(", ")}]`);
  return dims;
}

function flattenTarget(call: ShapeCall): number[] {
  const { dims } = required(call, 0);
  const given = attr.int(call.node, "axis", 1);
  const axis = given === dims.length ? given : axisOf(call.node, given, dims.length);
  return [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))];
}

function squeezeTarget(call: ShapeCall): number[] {
  const { dims } = required(call, 0);
  const axes = knownNumbers(call, 1)?.map((axis) => axisOf(call.node, axis, dims.length));
  if (axes?.some((axis) => dims[axis] !== 1))
    throw wrongShape(call.node, `an axis of [${dims.join(", ")}] to be dropped is longer than 1`);
  return dims.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1));
}

function unsqueezeTarget(call: ShapeCall): number[] {
  const { dims } = required(call, 0);
  const axes = knownNumbers(call, 1) ?? [];
  const rank = dims.length + axes.length;
  const places = new Set(axes.map((axis) => axisOf(call.node, axis, rank)));
  if (places.size !== axes.length) throw wrongShape(call.node, "an axis is inserted twice");
  const rest = [...dims];
  return Array.from({ length: rank }, (_, i) => (places.has(i) ? 1 : rest.shift()!));
}

function permutation(node: Node, rank: number): number[] {
  const perm = attr.ints(node, "perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((p) => p < 0 || p >= rank))
    throw wrongShape(node, `[${perm.join(", ")}] is no permutation of ${rank} axes`);
  return perm;
}

/** Lengths of the parts of a Split. */
function splitLengths(call: ShapeCall): { axis: number; lengths: number[] } {
  const { dims } = required(call, 0);
  const axis = axisOf(call.node, attr.int(call.node, "axis", 0), dims.length);
  const parts = call.node.outputs.length,
    length = dims[axis]!;
  const each = Math.ceil(length / parts);
  const lengths = knownNumbers(call, 1) ?? Array.from({ length: parts }, (_, i) => Math.min(each, length - i * each));
  if (lengths.length !== parts || lengths.some((l) => l < 0) || lengths.reduce((a, b) => a + b, 0) !== length)
    throw wrongShape(call.node, `an axis of ${length} cannot be split into ${lengths.join(" + ")}`);
  return { axis, lengths };
}

function expandTarget(call: ShapeCall): number[] {
  return broadcastOf(call, required(call, 0).dims, knownNumbers(call, 1) ?? []);
}

function concatDims(call: { node: Node }, shapes: readonly Dims[]): { axis: number; dims: number[] } {
  const [head, ...others] = shapes;
  if (head === undefined) throw wrongShape(call.node, "nothing to join");
  const axis = axisOf(call.node, attr.int(call.node, "axis", 0), head.length);
  if (others.some((dims) => dims.length !== head.length || dims.some((dim, i) => i !== axis && dim !== head[i])))
    throw wrongShape(call.node, `shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} cannot be joined`);
  return { axis, dims: head.map((dim, i) => (i === axis ? shapes.reduce((sum, s) => sum + s[axis]!, 0) : dim)) };
}

/** The part [from, from + length) of an axis. */
export function take(x: Value, axis: number, from: number, length: number): Value {
  const dims = x.dims.map((dim, i) => (i === axis ? length : dim));
  const strides = stridesOf(x.dims);
  const places = walk(dims, strides, from * strides[axis]!);
  return { type: x.type, dims, data: Float64Array.from(places, (place) => x.data[place]!) };
}

/** The part [from, to) of an axis of a tensor, as a Slice. */
export const sliceAxis = (g: Writer, x: Ref, axis: number, from: number, to: number): Ref =>
  g.op("Slice", [x, g.ints([from]), g.ints([to]), g.ints([axis])]);

export const shapes: OpTable = {
  Reshape: reshaping(reshapeTarget),
  Flatten: reshaping(flattenTarget),
  Squeeze: reshaping(squeezeTarget),
  Unsqueeze: reshaping(unsqueezeTarget),
  Transpose: {
    shape(call) {
      const x = required(call, 0);
      return [{ type: x.type, dims: permutation(call.node, x.dims.length).map((p) => x.dims[p]!) }];
    },
    value(call) {
      const x = required(call, 0);
      const perm = permutation(call.node, x.dims.length);
      const dims = perm.map((p) => x.dims[p]!),
        strides = stridesOf(x.dims);
      const places = walk(
        dims,
        perm.map((p) => strides[p]!),
      );
      return [{ type: x.type, dims, data: Float64Array.from(places, (place) => x.data[place]!) }];
    },
    vjp(g, call) {
      const perm = permutation(call.node, rankOf(call.x[0]!));
      const inverse = perm.map((_, i) => perm.indexOf(i));
      return [g.transpose(first(call), inverse)];
    },
  },
  Concat: {
    shape(call) {
      const inputs = call.inputs.map((_, i) => required(call, i));
      return [
        {
          type: inputs[0]!.type,
          dims: concatDims(
            call,
            inputs.map((input) => input.dims),
          ).dims,
        },
      ];
    },
    value(call) {
      const inputs = call.inputs.map((_, i) => required(call, i));
      const { axis, dims } = concatDims(
        call,
        inputs.map((input) => input.dims),
      );
      const data = new Float64Array(sizeOf(dims));
      const inner = sizeOf(dims.slice(axis + 1)),
        row = dims[axis]! * inner;
      let from = 0;
      for (const input of inputs) {
        const width = input.dims[axis]! * inner;
        for (let i = 0; i * width < input.data.length; i++)
          data.set(input.data.subarray(i * width, (i + 1) * width), i * row + from);
        from += width;
      }
      return [{ type: inputs[0]!.type, dims, data }];
    },
    vjp(g, call) {
      const axis = axisOf(call.node, attr.int(call.node, "axis", 0), rankOf(call.y[0]!));
      const lengths = call.x.map((x) => fixed(x!, axis));
      let from = 0;
      return lengths.map((length, i) => {
        const start = from;
        from += length;
        return call.needs[i] ? sliceAxis(g, first(call), axis, start, from) : undefined;
      });
    },
  },
  Split: {
    shape(call) {
      const x = required(call, 0);
      const { axis, lengths } = splitLengths(call);
      return lengths.map((length) => ({ type: x.type, dims: x.dims.map((dim, i) => (i === axis ? length : dim)) }));
    },
    value(call) {
      const x = required(call, 0);
      const { axis, lengths } = splitLengths(asKnown(call));
      let from = 0;
      return lengths.map((length) => {
        from += length;
        return take(x, axis, from - length, length);
      });
    },
    vjp(g, call) {
      const axis = axisOf(call.node, attr.int(call.node, "axis", 0), rankOf(call.x[0]!));
      const parts = call.dy.map((dy, i) => dy ?? g.zerosLike(call.y[i]!));
      return [g.op("Concat", parts, attribute.int("axis", axis))];
    },
  },
  Expand: {
    shape: (call) => [{ type: required(call, 0).type, dims: expandTarget(call) }],
    value(call) {
      const x = required(call, 0);
      const dims = expandTarget(asKnown(call));
      return [{ type: x.type, dims, data: Float64Array.from(broadcastIndex(x.dims, dims), (place) => x.data[place]!) }];
    },
    vjp: (_, call) => [first(call)],
  },
  Tile: {
    shape(call) {
      const x = required(call, 0);
      const repeats = knownNumbers(call, 1) ?? [];
      if (repeats.length !== x.dims.length) throw wrongShape(call.node, "one repeat count per axis is needed");
      return [{ type: x.type, dims: x.dims.map((dim, i) => dim * repeats[i]!) }];
    },
    value(call) {
      const x = required(call, 0);
      const dims = x.dims.map((dim, i) => dim * call.inputs[1]!.data[i]!);
      const strides = stridesOf(x.dims),
        own = stridesOf(dims);
      const data = new Float64Array(sizeOf(dims));
      for (let place = 0; place < data.length; place++) {
        let from = 0;
        for (let axis = 0; axis < dims.length; axis++)
          from += ((Math.floor(place / own[axis]!) % dims[axis]!) % x.dims[axis]!) * strides[axis]!;
        data[place] = x.data[from]!;
      }
      return [{ type: x.type, dims, data }];
    },
    vjp(g, call) {
      // [r·d] is [r, d] in memory: the repeats become axes of their own and are summed away.
      const x = call.x[0]!;
      const repeats = Array.from(call.x[1]!.at[0]!.value!.data);
      const split = x.at[0]!.dims.flatMap((_, axis) => {
        const dims = x.at.map((known) => known.dims[axis]!);
        return [repeats[axis]!, dims.every((dim) => dim === dims[0]) ? dims[0]! : -1];
      });
      const parts = g.op("Reshape", [first(call), g.ints(split)]);
      return [
        g.sum(
          parts,
          repeats.map((_, axis) => 2 * axis),
          false,
        ),
      ];
    },
  },
  Shape: {
    shape(call) {
      const [from, to] = shapeRange(call.node, required(call, 0).dims.length);
      return [{ type: "int64", dims: [Math.max(0, to - from)] }];
    },
    value(call) {
      const { dims } = required(call, 0);
      const part = dims.slice(...shapeRange(call.node, dims.length));
      return [{ type: "int64", dims: [part.length], data: Float64Array.from(part) }];
    },
    vjp: "nowhere",
  },
  Size: {
    shape: () => [{ type: "int64", dims: [] }],
    value: (call) => [{ type: "int64", dims: [], data: Float64Array.of(sizeOf(required(call, 0).dims)) }],
    vjp: "nowhere",
  },
  ConstantOfShape: {
    shape(call) {
      const value = attr.value(call.node, "value");
      return [{ type: value?.type ?? "float32", dims: knownNumbers(call, 0) ?? [] }];
    },
    value(call) {
      const value = attr.value(call.node, "value");
      const dims = Array.from(required(call, 0).data);
      return [{ type: value?.type ?? "float32", dims, data: new Float64Array(sizeOf(dims)).fill(value?.data[0] ?? 0) }];
    },
    vjp: "nowhere",
  },
  Range: {
    shape(call) {
      const [start, limit, delta] = [0, 1, 2].map((i) => knownNumbers(call, i)![0]!) as [number, number, number];
      return [{ type: required(call, 0).type, dims: [Math.max(0, Math.ceil((limit - start) / delta))] }];
    },
    value(call) {
      const [start, limit, delta] = [0, 1, 2].map((i) => required(call, i).data[0]!) as [number, number, number];
      const n = Math.max(0, Math.ceil((limit - start) / delta));
      return [
        {
          type: required(call, 0).type,
          dims: [n],
          data: Float64Array.from({ length: n }, (_, i) => start + i * delta),
        },
      ];
    },
    vjp: "nowhere",
  },
};

function shapeRange(node: Node, rank: number): [number, number] {
  const clamp = (at: number): number => Math.min(rank, Math.max(0, at < 0 ? at + rank : at));
  return [clamp(attr.int(node, "start", 0)), clamp(attr.int(node, "end", rank))];
}
