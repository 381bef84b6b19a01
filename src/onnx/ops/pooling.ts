/** Pooling: maxima and means over windows and over everything. */
import type { OpTable, ShapeCall } from "./op.ts";
import { first, required } from "./op.ts";
import { convInputGradient } from "./convolution.ts";
import { sliceAxis } from "./shapes.ts";
import { geometryOf, windowsOf } from "./windows.ts";
import type { Geometry } from "./windows.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { attr, fixed, rankOf, typeOf, wrongShape } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

function poolGeometry(node: Node, dims: readonly number[]): Geometry {
  const kernel = attr.ints(node, "kernel_shape");
  if (kernel === undefined || dims.length < 3) throw wrongShape(node, `no window over a tensor [${dims.join(", ")}]`);
  return geometryOf(node, dims.slice(2), kernel);
}

const geometryAt = (node: Node, x: Ref): Geometry =>
  poolGeometry(
    node,
    x.at[0]!.dims.map((dim, axis) => (axis < 2 ? dim : fixed(x, axis))),
  );

const pooled = (call: ShapeCall) => {
  const { type, dims } = required(call, 0);
  return { type, dims: [dims[0]!, dims[1]!, ...poolGeometry(call.node, dims).out] };
};

/** Runs f over each window of each plane. */
function overWindows(
  x: Value,
  geometry: Geometry,
  f: (places: readonly number[], base: number, position: number) => number,
): Value {
  const spatial = x.dims.slice(2);
  const windows = windowsOf(geometry, spatial);
  const plane = sizeOf(spatial),
    dims = [x.dims[0]!, x.dims[1]!, ...geometry.out];
  const data = new Float64Array(sizeOf(dims));
  for (let at = 0; at < data.length; at++) {
    const position = at % windows.length;
    data[at] = f(windows[position]!.places, Math.floor(at / windows.length) * plane, position);
  }
  return { type: x.type, dims, data };
}

/** Each window side by side: what lies under two outputs never coincides. */
const tiles = (geometry: Geometry): boolean =>
  geometry.kernel.every(
    (k, i) =>
      geometry.strides[i] === k && geometry.dilations[i] === 1 && geometry.begin[i] === 0 && geometry.end[i] === 0,
  );

/** A pooled tensor repeated over the elements of its windows (nearest-neighbour upsampling). */
const upsampled = (g: Writer, y: Ref, geometry: Geometry): Ref => {
  const scales = g.constant({ type: "float32", dims: [rankOf(y)], data: Float64Array.of(1, 1, ...geometry.kernel) });
  return g.op(
    "Resize",
    [y, undefined, scales],
    attribute.string("mode", "nearest"),
    attribute.string("coordinate_transformation_mode", "asymmetric"),
    attribute.string("nearest_mode", "floor"),
  );
};

/** The part of x that tiling windows cover. */
function covered(g: Writer, x: Ref, geometry: Geometry): Ref {
  let part = x;
  geometry.out.forEach((length, i) => {
    const end = length * geometry.kernel[i]!;
    if (end < fixed(x, i + 2)) part = sliceAxis(g, part, i + 2, 0, end);
  });
  return part;
}

/** Zeros appended after the covered part, up to the shape of x. */
function uncovered(g: Writer, dx: Ref, x: Ref): Ref {
  const rank = rankOf(x);
  const missing = Array.from({ length: rank }, (_, axis) => (axis < 2 ? 0 : fixed(x, axis) - fixed(dx, axis)));
  if (missing.every((n) => n === 0)) return dx;
  return g.op("Pad", [dx, g.ints([...missing.map(() => 0), ...missing])]);
}

/** How many elements each average divides by, one per output position. */
function countsOf(node: Node, geometry: Geometry, spatial: readonly number[]): Float64Array {
  if (attr.int(node, "count_include_pad", 0) === 0)
    return Float64Array.from(windowsOf(geometry, spatial), (window) => window.places.length);
  // Padding counts, what overhangs the padded input (ceil_mode) does not.
  const whole = spatial.map((length, i) => length + geometry.begin[i]! + geometry.end[i]!);
  const none = spatial.map(() => 0);
  return Float64Array.from(windowsOf({ ...geometry, begin: none, end: none }, whole), (window) => window.places.length);
}

const spatialAxes = (x: Ref): number[] => Array.from({ length: rankOf(x) - 2 }, (_, i) => i + 2);

const global = (f: (values: Float64Array) => number, vjp: OpTable[string]["vjp"]): OpTable[string] => ({
  shape(call) {
    const { type, dims } = required(call, 0);
    return [{ type, dims: dims.map((dim, i) => (i < 2 ? dim : 1)) }];
  },
  value(call) {
    const x = required(call, 0);
    const plane = sizeOf(x.dims.slice(2));
    const dims = x.dims.map((dim, i) => (i < 2 ? dim : 1));
    const data = Float64Array.from({ length: sizeOf(dims) }, (_, i) => f(x.data.subarray(i * plane, (i + 1) * plane)));
    return [{ type: x.type, dims, data }];
  },
  vjp,
});

export const pooling: OpTable = {
  MaxPool: {
    shape(call) {
      const out = pooled(call);
      return [out, { type: "int64" as const, dims: out.dims }].slice(0, call.node.outputs.length);
    },
    value(call) {
      const x = required(call, 0);
      const geometry = poolGeometry(call.node, x.dims);
      const best = (places: readonly number[], base: number): number =>
        places.reduce((top, place) => (x.data[base + place]! > x.data[base + top]! ? place : top), places[0]!);
      const y = overWindows(x, geometry, (places, base) => x.data[base + best(places, base)]!);
      const indices = overWindows(x, geometry, (places, base) => base + best(places, base));
      return [y, { ...indices, type: "int64" as const }].slice(0, call.node.outputs.length);
    },
    vjp(g, call) {
      const x = call.x[0]!,
        dy = first(call);
      const geometry = geometryAt(call.node, x);
      const whole = geometry.out.every((length, i) => length * geometry.kernel[i]! <= fixed(x, i + 2));
      if (tiles(geometry) && whole && typeOf(x) === "float32") {
        // Ties are real (flat areas of clean images): the winners share.
        const part = covered(g, x, geometry);
        const hits = g.mask(g.op("Equal", [part, upsampled(g, call.y[0]!, geometry)]), x);
        const shares = g.op(
          "AveragePool",
          [hits],
          attribute.ints("kernel_shape", geometry.kernel),
          attribute.ints("strides", geometry.strides),
        );
        const each = g.scale(g.div(dy, shares), 1 / sizeOf(geometry.kernel));
        return [uncovered(g, g.mul(hits, upsampled(g, each, geometry)), x)];
      }
      const indices = g.call("MaxPool", [x], Object.values(call.node.attributes), 2)[1]!;
      const flat = g.ints([-1]);
      const spread = g.op(
        "ScatterElements",
        [g.op("Reshape", [g.zerosLike(x), flat]), g.op("Reshape", [indices, flat]), g.op("Reshape", [dy, flat])],
        attribute.int("axis", 0),
        attribute.string("reduction", "add"),
      );
      return [g.reshapeLike(spread, x)];
    },
  },
  AveragePool: {
    shape: (call) => [pooled(call)],
    value(call) {
      const x = required(call, 0);
      const geometry = poolGeometry(call.node, x.dims);
      const counts = countsOf(call.node, geometry, x.dims.slice(2));
      return [
        overWindows(
          x,
          geometry,
          (places, base, i) => places.reduce((sum, place) => sum + x.data[base + place]!, 0) / counts[i]!,
        ),
      ];
    },
    vjp(g, call) {
      const x = call.x[0]!;
      const geometry = geometryAt(call.node, x);
      const spatial = spatialAxes(x).map((axis) => fixed(x, axis));
      const counts = countsOf(call.node, geometry, spatial);
      const share = counts.every((n) => n === counts[0])
        ? g.scale(first(call), 1 / counts[0]!)
        : g.mul(
            first(call),
            g.constant({ type: typeOf(x), dims: [1, 1, ...geometry.out], data: counts.map((n) => 1 / n) }),
          );
      const whole = geometry.out.every((length, i) => length * geometry.kernel[i]! <= spatial[i]!);
      if (tiles(geometry) && whole && typeOf(x) === "float32") return [uncovered(g, upsampled(g, share, geometry), x)];
      const channels = fixed(x, 1);
      const ones = g.constant({
        type: typeOf(x),
        dims: [channels, 1, ...geometry.kernel],
        data: new Float64Array(channels * sizeOf(geometry.kernel)).fill(1),
      });
      return [convInputGradient(g, share, ones, geometry, channels, x)];
    },
  },
  GlobalAveragePool: global(
    (values) => values.reduce((sum, v) => sum + v, 0) / values.length,
    (g, call) => {
      const x = call.x[0]!;
      const count = spatialAxes(x).reduce((n, axis) => n * fixed(x, axis), 1);
      return [g.expandLike(g.scale(first(call), 1 / count), x)];
    },
  ),
  GlobalMaxPool: global(
    (values) => values.reduce((a, b) => Math.max(a, b), -Infinity),
    (g, call) => {
      const x = call.x[0]!;
      const hits = g.mask(g.op("Equal", [x, call.y[0]!]), x);
      return [g.mul(hits, g.div(first(call), g.sum(hits, spatialAxes(x), true)))];
    },
  ),
};
