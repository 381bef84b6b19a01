/** Convolution, its transpose, and the gradients between them. */
import type { OpTable } from "./op.ts";
import { first, required } from "./op.ts";
import { addProduct, rowsAt } from "./product.ts";
import { sliceAxis } from "./shapes.ts";
import { extent, geometryOf, placesOf } from "./windows.ts";
import type { Geometry } from "./windows.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { affordable, attr, fixed, rankOf, wrongShape } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

const spatialOf = (dims: readonly number[]): readonly number[] => dims.slice(2);

/** The geometry of a Conv over x [N, C, …] with weights [O, I/g, …], and its groups. Throws OnnxError where they do not fit. */
export function convGeometry(
  node: Node,
  x: readonly number[],
  w: readonly number[],
): Geometry & { readonly group: number } {
  const group = attr.int(node, "group", 1);
  if (x.length < 3 || w.length !== x.length || group < 1 || w[1]! * group !== x[1] || w[0]! % group !== 0)
    throw wrongShape(
      node,
      `an input [${x.join(", ")}] and weights [${w.join(", ")}] with group ${group} do not go together`,
    );
  return { ...geometryOf(node, spatialOf(x), w.slice(2)), group };
}

/** For ConvTranspose: the geometry of the convolution it transposes, whose *input* is our output; and that output's lengths. */
function transposedGeometry(node: Node, x: readonly number[], w: readonly number[]) {
  const group = attr.int(node, "group", 1);
  const rank = x.length - 2;
  if (rank < 1 || w.length !== x.length || w[0] !== x[1] || group < 1 || w[0]! % group !== 0)
    throw wrongShape(node, `an input [${x.join(", ")}] and weights [${w.join(", ")}] do not go together`);
  const kernel = w.slice(2),
    out = spatialOf(x);
  const ones = out.map(() => 1),
    zeros = out.map(() => 0);
  const strides = attr.ints(node, "strides") ?? ones,
    dilations = attr.ints(node, "dilations") ?? ones,
    extra = attr.ints(node, "output_padding") ?? zeros,
    wanted = attr.ints(node, "output_shape")?.slice(-rank),
    pads = attr.ints(node, "pads") ?? [...zeros, ...zeros];
  const autoPad = attr.string(node, "auto_pad", "NOTSET");
  const begin: number[] = [],
    end: number[] = [],
    spatial: number[] = [];
  for (let i = 0; i < rank; i++) {
    const full = (out[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1 + extra[i]!;
    const same = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER";
    const length = wanted?.[i] ?? (same ? out[i]! * strides[i]! : full - pads[i]! - pads[i + rank]!);
    if (wanted || same) {
      // Longer than the windows reach: the rest holds the bias alone.
      const total = Math.max(0, full - length);
      const less = Math.floor(total / 2);
      begin.push(autoPad === "SAME_UPPER" ? less : total - less);
      end.push(total - begin[i]!);
    } else {
      begin.push(pads[i]!);
      end.push(pads[i + rank]!);
    }
    if (length < 1) throw wrongShape(node, "the output would be empty");
    spatial.push(length);
  }
  affordable(node, sizeOf(kernel) * sizeOf(out));
  return {
    geometry: { kernel, strides, dilations, begin, end, out } satisfies Geometry,
    spatial,
    group,
    perGroup: w[1]!,
  };
}

/** Attributes that say a geometry to Conv or ConvTranspose, padding explicit. */
const said = (g: Geometry, group: number) => [
  attribute.ints("kernel_shape", g.kernel),
  attribute.ints("strides", g.strides),
  attribute.ints("dilations", g.dilations),
  attribute.int("group", group),
];

/** Weights with each kernel reversed and input and output channels exchanged, per group: [O, I/g, …] -> [I, O/g, …]. */
function flipped(w: Value, group: number): Value {
  const [o, i, ...kernel] = w.dims as [number, number, ...number[]];
  const each = o / group,
    taps = sizeOf(kernel);
  const data = new Float64Array(w.data.length);
  for (let at = 0; at < data.length; at++) {
    const tap = at % taps,
      row = Math.floor(at / taps);
    const to = row % each,
      channel = Math.floor(row / each);
    const from = (Math.floor(channel / i) * each + to) * i + (channel % i);
    data[at] = w.data[from * taps + (taps - 1 - tap)]!;
  }
  return { type: w.type, dims: [i * group, each, ...kernel], data };
}

/** Below this many input channels a flipped Conv wastes the vector lanes of onnxruntime's blocked kernels (ENGINE measurement). */
const FLIP_CHANNELS_MIN = 8;

/** ∂loss/∂x of a convolution with weights w [O, I/g, …] whose output's gradient is dy; x gives the shape. */
export function convInputGradient(g: Writer, dy: Ref, w: Ref, geometry: Geometry, group: number, x: Ref): Ref {
  const axes = geometry.kernel.map((_, i) => i);
  const lengths = axes.map((i) => fixed(x, i + 2));
  const weights = w.at[0]!.value;
  const stepless = geometry.strides.every((s) => s === 1);
  const channels = weights ? weights.dims[1]! * group : 0;
  const depthwise = weights?.dims[1] === 1 && group > 1;
  const begin = axes.map((i) => extent(geometry, i) - 1 - geometry.begin[i]!);
  const end = axes.map((i) => lengths[i]! + extent(geometry, i) - 1 - geometry.out[i]! - begin[i]!);
  if (weights && stepless && (channels >= FLIP_CHANNELS_MIN || depthwise) && [...begin, ...end].every((p) => p >= 0))
    return g.op(
      "Conv",
      [dy, g.constant(flipped(weights, group))],
      ...said({ ...geometry, begin, end }, group),
      attribute.ints("pads", [...begin, ...end]),
    );
  // What windows left untouched at the end is output padding; what they overhung is padding.
  const over = axes.map(
    (i) => (geometry.out[i]! - 1) * geometry.strides[i]! + extent(geometry, i) - geometry.begin[i]! - lengths[i]!,
  );
  return g.op(
    "ConvTranspose",
    [dy, w],
    ...said(geometry, group),
    attribute.ints("pads", [...geometry.begin, ...over.map((p) => Math.max(0, p))]),
    attribute.ints(
      "output_padding",
      over.map((p) => Math.max(0, -p)),
    ),
  );
}

/** ∂loss/∂w of a convolution: per group, that of its own channels; [O, I/g, …]. */
function convWeightGradient(g: Writer, dy: Ref, x: Ref, geometry: Geometry, group: number): Ref {
  if (group === 1) return ungroupedWeightGradient(g, dy, x, geometry);
  const part = (ref: Ref, i: number): Ref => {
    const each = fixed(ref, 1) / group;
    return sliceAxis(g, ref, 1, i * each, (i + 1) * each);
  };
  const parts = Array.from({ length: group }, (_, i) => ungroupedWeightGradient(g, part(dy, i), part(x, i), geometry));
  return g.op("Concat", parts, attribute.int("axis", 0));
}

/** Without groups: a convolution of x with dy, batch and channels exchanged, strides and dilations too. */
function ungroupedWeightGradient(g: Writer, dy: Ref, x: Ref, geometry: Geometry): Ref {
  const rank = rankOf(x);
  const swap = [1, 0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2)];
  let dw = g.op(
    "Conv",
    [g.transpose(x, swap), g.transpose(dy, swap)],
    attribute.ints("strides", geometry.dilations),
    attribute.ints("dilations", geometry.strides),
    attribute.ints("pads", [...geometry.begin, ...geometry.end]),
  );
  geometry.kernel.forEach((length, i) => {
    // Elements that no window reached lengthen the result; they belong to no weight.
    if (fixed(dw, i + 2) > length) dw = sliceAxis(g, dw, i + 2, 0, length);
  });
  return g.transpose(dw, swap);
}

const channelSum = (g: Writer, dy: Ref): Ref =>
  g.sum(
    dy,
    Array.from({ length: rankOf(dy) }, (_, i) => i).filter((axis) => axis !== 1),
    false,
  );

/** One bias per channel, channels of `plane` elements following each other. */
function addBias(data: Float64Array, bias: Value, plane: number): void {
  for (let at = 0, c = 0; at < data.length; at += plane, c = (c + 1) % bias.data.length)
    data.fill(bias.data[c]!, at, at + plane);
}

/** to[i] = the plane at from + table[i], 0 in the padding. */
function gatherPlane(x: Float64Array, from: number, table: Int32Array, to: Float64Array, at: number): void {
  for (let i = 0; i < table.length; i++) {
    const place = table[i]!;
    to[at + i] = place < 0 ? 0 : x[from + place]!;
  }
}

/** Adds weight · what one tap of the window meets at each of n positions. */
function addTap(
  x: Float64Array,
  from: number,
  table: Int32Array,
  row: number,
  weight: number,
  to: Float64Array,
  at: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) {
    const place = table[row + i]!;
    if (place >= 0) to[at + i]! += weight * x[from + place]!;
  }
}

/** The transpose: adds each column to where it came from. */
function scatterPlane(columns: Float64Array, at: number, table: Int32Array, to: Float64Array, from: number): void {
  for (let i = 0; i < table.length; i++) {
    const place = table[i]!;
    if (place >= 0) to[from + place]! += columns[at + i]!;
  }
}

export const convolution: OpTable = {
  Conv: {
    shape(call) {
      const x = required(call, 0),
        w = required(call, 1);
      return [{ type: x.type, dims: [x.dims[0]!, w.dims[0]!, ...convGeometry(call.node, x.dims, w.dims).out] }];
    },
    value(call) {
      const x = required(call, 0),
        w = required(call, 1),
        bias = call.inputs[2];
      const geometry = convGeometry(call.node, x.dims, w.dims);
      const table = placesOf(geometry, spatialOf(x.dims));
      const [n, channels] = x.dims as [number, number];
      const [o, i] = w.dims as [number, number];
      const plane = sizeOf(spatialOf(x.dims)),
        taps = sizeOf(geometry.kernel),
        positions = sizeOf(geometry.out),
        each = o / geometry.group;
      const dims = [n, o, ...geometry.out];
      const data = new Float64Array(sizeOf(dims));
      if (bias) addBias(data, bias, positions);
      const columns = new Float64Array(i * taps * positions);
      for (let b = 0; b < n; b++)
        for (let group = 0; group < geometry.group; group++) {
          const from = (b * channels + group * i) * plane,
            to = (b * o + group * each) * positions;
          if (i * each <= 2) {
            // Depthwise: a product so thin that laying out its columns would be most of the work.
            for (let k = 0; k < each; k++)
              for (let c = 0; c < i; c++)
                for (let t = 0; t < taps; t++) {
                  const weight = w.data[((group * each + k) * i + c) * taps + t]!;
                  addTap(x.data, from + c * plane, table, t * positions, weight, data, to + k * positions, positions);
                }
            continue;
          }
          // Each channel's windows side by side (im2col): the convolution is one product.
          for (let c = 0; c < i; c++) gatherPlane(x.data, from + c * plane, table, columns, c * table.length);
          addProduct(
            rowsAt(w.data, group * each * i * taps, i * taps),
            rowsAt(columns, 0, positions),
            { data, at: to },
            [each, i * taps, positions],
          );
        }
      return [{ type: x.type, dims, data }];
    },
    vjp(g, call) {
      const [x, w, bias] = call.x as [Ref, Ref, Ref | undefined];
      const dy = first(call);
      const lengths = x.at[0]!.dims.map((dim, axis) => (axis < 2 ? dim : fixed(x, axis)));
      const geometry = convGeometry(call.node, lengths, w.at[0]!.dims);
      return [
        call.needs[0] ? convInputGradient(g, dy, w, geometry, geometry.group, x) : undefined,
        call.needs[1] ? convWeightGradient(g, dy, x, geometry, geometry.group) : undefined,
        bias && call.needs[2] ? channelSum(g, dy) : undefined,
      ];
    },
  },
  ConvTranspose: {
    shape(call) {
      const x = required(call, 0);
      const { spatial, group, perGroup } = transposedGeometry(call.node, x.dims, required(call, 1).dims);
      return [{ type: x.type, dims: [x.dims[0]!, perGroup * group, ...spatial] }];
    },
    value(call) {
      const x = required(call, 0),
        w = required(call, 1),
        bias = call.inputs[2];
      const { geometry, spatial, group, perGroup } = transposedGeometry(call.node, x.dims, w.dims);
      const table = placesOf(geometry, spatial);
      const [n, channels] = x.dims as [number, number];
      const outputs = perGroup * group;
      const dims = [n, outputs, ...spatial];
      const data = new Float64Array(sizeOf(dims));
      const plane = sizeOf(spatial),
        taps = sizeOf(geometry.kernel),
        positions = sizeOf(geometry.out),
        each = channels / group;
      if (bias) addBias(data, bias, plane);
      const columns = new Float64Array(perGroup * taps * positions);
      for (let b = 0; b < n; b++)
        for (let at = 0; at < group; at++) {
          columns.fill(0);
          addProduct(
            rowsAt(w.data, at * each * perGroup * taps, perGroup * taps, true),
            rowsAt(x.data, (b * channels + at * each) * positions, positions),
            { data: columns, at: 0 },
            [perGroup * taps, each, positions],
          );
          const to = (b * outputs + at * perGroup) * plane;
          for (let k = 0; k < perGroup; k++) scatterPlane(columns, k * table.length, table, data, to + k * plane);
        }
      return [{ type: x.type, dims, data }];
    },
    vjp(g, call) {
      const [x, w, bias] = call.x as [Ref, Ref, Ref | undefined];
      const dy = first(call);
      const lengths = x.at[0]!.dims.map((dim, axis) => (axis < 2 ? dim : fixed(x, axis)));
      const { geometry, group } = transposedGeometry(call.node, lengths, w.at[0]!.dims);
      const back = (): Ref => {
        const dx = g.op(
          "Conv",
          [dy, w],
          ...said(geometry, group),
          attribute.ints("pads", [...geometry.begin, ...geometry.end]),
        );
        return geometry.out.reduce(
          (part, length, i) => (fixed(part, i + 2) > length ? sliceAxis(g, part, i + 2, 0, length) : part),
          dx,
        );
      };
      return [
        call.needs[0] ? back() : undefined,
        // What ConvTranspose spreads a convolution gathers: x stands where that convolution's output gradient would.
        call.needs[1] ? convWeightGradient(g, x, dy, geometry, group) : undefined,
        bias && call.needs[2] ? channelSum(g, dy) : undefined,
      ];
    },
  },
};
