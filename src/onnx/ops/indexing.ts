/** Picking, placing, padding and resampling: index maps and their transposes. */
import type { GradientCall, OpTable, ShapeCall } from "./op.ts";
import { first, knownNumbers, required } from "./op.ts";
import { asKnown } from "./shapes.ts";
import { UnsupportedOp } from "#onnx/errors.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { affordable, attr, axisOf, fixed, nodeName, rankOf, stridesOf, typeOf, walk, wrongShape } from "#onnx/ir.ts";
import { attribute, elementType, sizeOf } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

interface Span {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

/** Per axis, what a Slice takes. */
function spansOf(call: ShapeCall): Span[] {
  const { dims } = required(call, 0);
  const starts = knownNumbers(call, 1) ?? [],
    ends = knownNumbers(call, 2) ?? [];
  const axes = knownNumbers(call, 3) ?? starts.map((_, i) => i);
  const steps = knownNumbers(call, 4) ?? starts.map(() => 1);
  const spans: Span[] = dims.map((length) => ({ start: 0, step: 1, length }));
  axes.forEach((given, i) => {
    const axis = axisOf(call.node, given, dims.length);
    const n = dims[axis]!,
      step = steps[i]!;
    if (step === 0) throw wrongShape(call.node, "a step of 0");
    const place = (at: number, low: number, high: number): number =>
      Math.min(high, Math.max(low, at < 0 ? at + n : at));
    const [start, end] =
      step > 0
        ? [place(starts[i]!, 0, n), place(ends[i]!, 0, n)]
        : [place(starts[i]!, 0, n - 1), place(ends[i]!, -1, n - 1)];
    spans[axis] = { start, step, length: Math.max(0, Math.ceil((end - start) / step)) };
  });
  return spans;
}

/** Elements of x at the given places along one axis. */
function pick(x: Value, axis: number, places: readonly number[]): Value {
  const dims = x.dims.map((dim, i) => (i === axis ? places.length : dim));
  const inner = sizeOf(x.dims.slice(axis + 1)),
    n = x.dims[axis]!;
  const data = new Float64Array(sizeOf(dims));
  const outer = sizeOf(x.dims.slice(0, axis));
  for (let o = 0; o < outer; o++)
    places.forEach((place, j) => {
      const from = (o * n + place) * inner;
      if (place >= 0) data.set(x.data.subarray(from, from + inner), (o * places.length + j) * inner);
    });
  return { type: x.type, dims, data };
}

/** Above this many elements sharing one source a matrix product is shorter than rounds of Gather. */
const ROUNDS_MAX = 8;

/**
 * The transpose of `pick`: adds each slice of dy onto the place it came from, giving an axis of n elements.
 * One Gather per round: a zero slice is appended, and places that nothing came from point at it.
 */
function scatterAxis(g: Writer, dy: Ref, axis: number, places: readonly number[], n: number): Ref {
  const users: number[][] = Array.from({ length: n }, () => []);
  places.forEach((place, j) => place >= 0 && users[place]!.push(j));
  const rounds = users.reduce((most, list) => Math.max(most, list.length), 1);
  if (rounds > ROUNDS_MAX) {
    const matrix = new Float64Array(places.length * n);
    places.forEach((place, j) => place >= 0 && (matrix[j * n + place] = 1));
    return matrixAlong(g, dy, axis, { rows: places.length, columns: n, data: matrix });
  }
  const rank = rankOf(dy);
  const pads = Array.from({ length: 2 * rank }, (_, i) => (i === rank + axis ? 1 : 0));
  const padded = g.op("Pad", [dy, g.ints(pads)]);
  const parts = Array.from({ length: rounds }, (_, round) =>
    g.op("Gather", [padded, g.ints(users.map((list) => list[round] ?? places.length))], attribute.int("axis", axis)),
  );
  return parts.reduce((sum, part) => g.add(sum, part));
}

interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** y[…, c, …] = Σ_r x[…, r, …]·M[r, c] along one axis, as MatMul. */
function matrixAlong(g: Writer, x: Ref, axis: number, m: Matrix): Ref {
  const rank = rankOf(x);
  const type = typeOf(x);
  if (axis === rank - 2) {
    const transposed = new Float64Array(m.data.length);
    for (let r = 0; r < m.rows; r++)
      for (let c = 0; c < m.columns; c++) transposed[c * m.rows + r] = m.data[r * m.columns + c]!;
    return g.op("MatMul", [g.constant({ type, dims: [m.columns, m.rows], data: transposed }), x]);
  }
  const matrix = g.constant({ type, dims: [m.rows, m.columns], data: m.data });
  if (axis === rank - 1) return g.op("MatMul", [x, matrix]);
  const perm = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return g.transpose(g.op("MatMul", [g.transpose(x, perm), matrix]), perm);
}

/** Pads per axis, [before, after]. */
function padsOf(call: ShapeCall): { before: number; after: number }[] {
  const rank = required(call, 0).dims.length;
  const pads = knownNumbers(call, 1) ?? [];
  if (pads.length !== 2 * rank) throw wrongShape(call.node, `${pads.length} pads for ${rank} axes`);
  return Array.from({ length: rank }, (_, i) => ({ before: pads[i]!, after: pads[i + rank]! }));
}

/** Which element each padded place shows; −1: the constant. */
function padPlaces(
  node: Node,
  mode: string,
  n: number,
  { before, after }: { before: number; after: number },
): number[] {
  affordable(node, n + before + after);
  return Array.from({ length: n + before + after }, (_, i) => {
    const at = i - before;
    if (at >= 0 && at < n) return at;
    if (mode === "constant") return -1;
    if (mode === "edge") return at < 0 ? 0 : n - 1;
    if (mode === "wrap") return ((at % n) + n) % n;
    if (mode !== "reflect") throw wrongShape(node, `padding mode "${mode}"`);
    const period = Math.max(1, 2 * (n - 1));
    const folded = ((at % period) + period) % period;
    return folded < n ? folded : period - folded;
  });
}

const indicesOf = (node: Node, indices: Value, n: number): number[] =>
  Array.from(indices.data, (index) => {
    if (index < -n || index >= n) throw wrongShape(node, `index ${index} into ${n} elements`);
    return index < 0 ? index + n : index;
  });

const constantIndices = (call: GradientCall): Value => {
  const known = call.x[1]!.at[0]!.value;
  if (known === undefined || call.needs[1])
    throw new UnsupportedOp(
      call.node.op,
      nodeName(call.node),
      "picks by indices that depend on the input: no gradient rule",
    );
  return known;
};

// ---- Resize -------------------------------------------------------------------------------------------------------

/** One axis of a Resize as a matrix: y[o] = Σ_i M[o, i]·x[i]. */
function resizeMatrix(node: Node, n: number, length: number, scale: number): Float64Array {
  const mode = attr.string(node, "mode", "nearest");
  const coordinates = attr.string(node, "coordinate_transformation_mode", "half_pixel");
  affordable(node, length * n);
  const matrix = new Float64Array(length * n);
  const clamp = (i: number): number => Math.min(n - 1, Math.max(0, i));
  for (let o = 0; o < length; o++) {
    const at = sourceOf(node, coordinates, o, n, length, scale);
    const put = (i: number, weight: number): void => void (matrix[o * n + clamp(i)]! += weight);
    if (mode === "nearest") put(nearest(node, at), 1);
    else if (mode === "linear") {
      const inside = Math.min(n - 1, Math.max(0, at));
      const low = Math.floor(inside);
      put(low, 1 - (inside - low));
      put(low + 1, inside - low);
    } else {
      const low = Math.floor(at);
      const weights = [-1, 0, 1, 2].map((i) => cubic(attr.float(node, "cubic_coeff_a", -0.75), at - (low + i)));
      if (attr.int(node, "exclude_outside", 0)) {
        const inside = weights.map((w, i) => (low + i - 1 < 0 || low + i - 1 >= n ? 0 : w));
        const total = inside.reduce((a, b) => a + b, 0);
        inside.forEach((w, i) => w !== 0 && put(low + i - 1, w / total));
      } else weights.forEach((w, i) => put(low + i - 1, w));
    }
  }
  return matrix;
}

function sourceOf(node: Node, mode: string, o: number, n: number, length: number, scale: number): number {
  switch (mode) {
    case "half_pixel":
      return (o + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return length > 1 ? (o + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return length > 1 ? (o * (n - 1)) / (length - 1) : 0;
    case "asymmetric":
      return o / scale;
    default:
      throw wrongShape(node, `coordinate transformation "${mode}" is not supported`);
  }
}

function nearest(node: Node, at: number): number {
  switch (attr.string(node, "nearest_mode", "round_prefer_floor")) {
    case "round_prefer_floor":
      return Math.ceil(at - 0.5);
    case "round_prefer_ceil":
      return Math.floor(at + 0.5);
    case "floor":
      return Math.floor(at);
    case "ceil":
      return Math.ceil(at);
    default:
      throw wrongShape(node, "an unknown nearest_mode");
  }
}

/** Keys 1981, eq. 4. */
function cubic(a: number, distance: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

/** Output lengths and scales per axis. */
function resizeOf(call: ShapeCall): { lengths: number[]; scales: number[] } {
  const { dims } = required(call, 0);
  const sizes = knownNumbers(call, 3);
  if (sizes !== undefined && sizes.length > 0) {
    if (sizes.length !== dims.length) throw wrongShape(call.node, "one size per axis is needed");
    return { lengths: sizes, scales: sizes.map((size, i) => size / dims[i]!) };
  }
  const scales = knownNumbers(call, 2);
  if (scales === undefined || scales.length !== dims.length)
    throw wrongShape(call.node, "one scale per axis is needed");
  // Scales are float32 in the file: 7 · 0.2857143 must not fall below 2.
  return { lengths: dims.map((dim, i) => Math.floor(Math.fround(dim * scales[i]!))), scales };
}

const along = (x: Value, axis: number, length: number, matrix: Float64Array): Value => {
  const n = x.dims[axis]!;
  const dims = x.dims.map((dim, i) => (i === axis ? length : dim));
  const strides = stridesOf(x.dims),
    outStride = stridesOf(dims);
  const data = new Float64Array(sizeOf(dims));
  const base = dims.map((dim, i) => (i === axis ? 1 : dim));
  const starts = walk(base, strides),
    outStarts = walk(base, outStride);
  starts.forEach((start, line) => {
    for (let o = 0; o < length; o++) {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const w = matrix[o * n + i]!;
        if (w !== 0) sum += w * x.data[start + i * strides[axis]!]!;
      }
      data[outStarts[line]! + o * outStride[axis]!] = sum;
    }
  });
  return { type: x.type, dims, data };
};

// ---- blocks -------------------------------------------------------------------------------------------------------

interface Blocks {
  readonly split: readonly number[];
  readonly perm: readonly number[];
  readonly merged: readonly number[];
}

/** DepthToSpace and its inverse as Reshape, Transpose, Reshape; the batch is the first axis. */
function blocksOf(node: Node, dims: readonly number[], inverse: boolean): Blocks {
  if (dims.length !== 4) throw wrongShape(node, `takes [batch, channel, height, width], not [${dims.join(", ")}]`);
  const b = attr.int(node, "blocksize", 1);
  const [n, c, h, w] = dims as [number, number, number, number];
  const crd = attr.string(node, "mode", "DCR") === "CRD";
  if (inverse) {
    if (h % b !== 0 || w % b !== 0) throw wrongShape(node, `blocks of ${b} in ${h} × ${w}`);
    return {
      split: [n, c, h / b, b, w / b, b],
      perm: crd ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4],
      merged: [n, c * b * b, h / b, w / b],
    };
  }
  if (c % (b * b) !== 0) throw wrongShape(node, `${c} channels cannot become blocks of ${b} × ${b}`);
  const depth = c / (b * b);
  return {
    split: crd ? [n, depth, b, b, h, w] : [n, b, b, depth, h, w],
    perm: crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2],
    merged: [n, depth, h * b, w * b],
  };
}

function blockValue(x: Value, { split, perm, merged }: Blocks): Value {
  const strides = stridesOf(split);
  const places = walk(
    perm.map((p) => split[p]!),
    perm.map((p) => strides[p]!),
  );
  return { type: x.type, dims: merged, data: Float64Array.from(places, (place) => x.data[place]!) };
}

const blocks = (inverse: boolean): OpTable[string] => ({
  shape(call) {
    const { type, dims } = required(call, 0);
    return [{ type, dims: blocksOf(call.node, dims, inverse).merged }];
  },
  value: (call) => [blockValue(required(call, 0), blocksOf(call.node, required(call, 0).dims, inverse))],
  vjp(g, call) {
    const x = call.x[0]!;
    const { split, perm } = blocksOf(call.node, [1, ...[1, 2, 3].map((axis) => fixed(x, axis))], inverse);
    const parts = g.op("Reshape", [first(call), g.ints([-1, ...perm.slice(1).map((p) => split[p]!)])]);
    const back = perm.map((_, i) => perm.indexOf(i));
    return [g.reshapeLike(g.transpose(parts, back), x)];
  },
});

// ---- scattering ---------------------------------------------------------------------------------------------------

/** Flat places that GatherElements and ScatterElements speak of, one per index. */
function elementPlaces(node: Node, dims: readonly number[], indices: Value): Int32Array {
  const axis = axisOf(node, attr.int(node, "axis", 0), dims.length);
  const strides = stridesOf(dims);
  const base = walk(
    indices.dims,
    strides.map((stride, i) => (i === axis ? 0 : stride)),
  );
  const chosen = indicesOf(node, indices, dims[axis]!);
  return base.map((place, i) => place + chosen[i]! * strides[axis]!);
}

/** Flat places that GatherND and ScatterND speak of: where each run of `run` elements begins. */
function ndPlaces(
  node: Node,
  dims: readonly number[],
  indices: Value,
): { places: number[]; run: number; rest: number[] } {
  const depth = indices.dims.at(-1) ?? 0;
  if (depth < 1 || depth > dims.length || attr.int(node, "batch_dims", 0) !== 0)
    throw wrongShape(node, "indices of this form are not supported");
  const strides = stridesOf(dims);
  const count = indices.data.length / depth;
  const places = Array.from({ length: count }, (_, i) => {
    let place = 0;
    for (let j = 0; j < depth; j++) {
      const at = indices.data[i * depth + j]!;
      if (at < -dims[j]! || at >= dims[j]!) throw wrongShape(node, `index ${at} into ${dims[j]} elements`);
      place += (at < 0 ? at + dims[j]! : at) * strides[j]!;
    }
    return place;
  });
  const rest = dims.slice(depth);
  return { places, run: sizeOf(rest), rest };
}

const REDUCTIONS: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
};

function reductionOf(node: Node): (old: number, update: number) => number {
  const found = REDUCTIONS[attr.string(node, "reduction", "none")];
  if (found === undefined) throw wrongShape(node, "this reduction is not supported");
  return found;
}

/** Gradients of a scatter: what was overwritten gets none, what was written gets what lies there. */
const scatterVjp =
  (gather: string, scatter: string, attributes: readonly string[]) =>
  (g: Writer, call: GradientCall): (Ref | undefined)[] => {
    const [, indices, updates] = call.x as [Ref, Ref, Ref];
    const reduction = attr.string(call.node, "reduction", "none");
    if (reduction === "mul" || call.needs[1])
      throw new UnsupportedOp(
        call.node.op,
        nodeName(call.node),
        "multiplies or places by the input's values: no gradient rule",
      );
    const kept = Object.values(call.node.attributes).filter((each) => attributes.includes(each.name!));
    const dy = first(call);
    return [
      reduction === "add" ? dy : g.op(scatter, [dy, indices, g.zerosLike(updates)], ...kept),
      undefined,
      g.op(gather, [dy, indices], ...kept),
    ];
  };

export const indexing: OpTable = {
  Slice: {
    shape(call) {
      return [{ type: required(call, 0).type, dims: spansOf(call).map((span) => span.length) }];
    },
    value(call) {
      const x = required(call, 0);
      const spans = spansOf(asKnown(call));
      const strides = stridesOf(x.dims);
      const from = spans.reduce((sum, span, i) => sum + span.start * strides[i]!, 0);
      const dims = spans.map((span) => span.length);
      const places = walk(
        dims,
        spans.map((span, i) => span.step * strides[i]!),
        from,
      );
      return [{ type: x.type, dims, data: Float64Array.from(places, (place) => x.data[place]!) }];
    },
    vjp(g, call) {
      const x = call.x[0]!;
      const inputs = call.x.map((ref, i) => (i === 0 ? x.at[0] : ref?.at[0]));
      const spans = spansOf({ node: call.node, inputs });
      let dy = first(call);
      const pads = Array.from({ length: 2 * spans.length }, () => 0);
      spans.forEach((span, axis) => {
        const whole = x.at.every((known, k) => known.dims[axis] === call.y[0]!.at[k]!.dims[axis]) && span.step === 1;
        if (whole) return;
        const n = fixed(x, axis);
        if (span.step === 1) {
          pads[axis] = span.start;
          pads[axis + spans.length] = n - span.start - span.length;
        } else
          dy = scatterAxis(
            g,
            dy,
            axis,
            Array.from({ length: span.length }, (_, i) => span.start + i * span.step),
            n,
          );
      });
      return [pads.some((pad) => pad !== 0) ? g.op("Pad", [dy, g.ints(pads)]) : dy];
    },
  },
  Gather: {
    shape(call) {
      const x = required(call, 0),
        indices = required(call, 1);
      const axis = axisOf(call.node, attr.int(call.node, "axis", 0), x.dims.length);
      return [{ type: x.type, dims: x.dims.toSpliced(axis, 1, ...indices.dims) }];
    },
    value(call) {
      const x = required(call, 0),
        indices = required(call, 1);
      const axis = axisOf(call.node, attr.int(call.node, "axis", 0), x.dims.length);
      const { data } = pick(x, axis, indicesOf(call.node, indices, x.dims[axis]!));
      return [{ type: x.type, dims: x.dims.toSpliced(axis, 1, ...indices.dims), data }];
    },
    vjp(g, call) {
      const x = call.x[0]!;
      const indices = constantIndices(call);
      const axis = axisOf(call.node, attr.int(call.node, "axis", 0), rankOf(x));
      const n = fixed(x, axis);
      let dy = first(call);
      if (indices.dims.length !== 1) {
        // The indices' own axes become one, so that the gradient has the rank of x.
        const target = dy.at.map((known) => known.dims.toSpliced(axis, indices.dims.length, indices.data.length));
        const varying = target[0]!.map((dim, i) => target.some((other) => other[i] !== dim));
        dy = g.op("Reshape", [dy, g.ints(target[0]!.map((dim, i) => (varying[i] ? -1 : dim)))]);
      }
      return [scatterAxis(g, dy, axis, indicesOf(call.node, indices, n), n)];
    },
  },
  GatherElements: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 1).dims }],
    value(call) {
      const x = required(call, 0),
        indices = required(call, 1);
      const places = elementPlaces(call.node, x.dims, indices);
      return [{ type: x.type, dims: indices.dims, data: Float64Array.from(places, (place) => x.data[place]!) }];
    },
    vjp: (g, call) => [
      g.op(
        "ScatterElements",
        [g.zerosLike(call.x[0]!), call.x[1]!, first(call)],
        attribute.int("axis", attr.int(call.node, "axis", 0)),
        attribute.string("reduction", "add"),
      ),
    ],
  },
  ScatterElements: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const [x, indices, updates] = [0, 1, 2].map((i) => required(call, i)) as [Value, Value, Value];
      const reduce = reductionOf(call.node);
      const data = x.data.slice();
      elementPlaces(call.node, x.dims, indices).forEach((place, i) => {
        data[place] = reduce(data[place]!, updates.data[i]!);
      });
      return [{ type: x.type, dims: x.dims, data }];
    },
    vjp: scatterVjp("GatherElements", "ScatterElements", ["axis"]),
  },
  GatherND: {
    shape(call) {
      const x = required(call, 0),
        indices = required(call, 1);
      if (attr.int(call.node, "batch_dims", 0) !== 0) throw wrongShape(call.node, "batch_dims is not supported");
      return [{ type: x.type, dims: [...indices.dims.slice(0, -1), ...x.dims.slice(indices.dims.at(-1))] }];
    },
    value(call) {
      const x = required(call, 0),
        indices = required(call, 1);
      const { places, run, rest } = ndPlaces(call.node, x.dims, indices);
      const data = new Float64Array(places.length * run);
      places.forEach((place, i) => data.set(x.data.subarray(place, place + run), i * run));
      return [{ type: x.type, dims: [...indices.dims.slice(0, -1), ...rest], data }];
    },
    vjp: (g, call) => [
      g.op("ScatterND", [g.zerosLike(call.x[0]!), call.x[1]!, first(call)], attribute.string("reduction", "add")),
    ],
  },
  ScatterND: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const [x, indices, updates] = [0, 1, 2].map((i) => required(call, i)) as [Value, Value, Value];
      const { places, run } = ndPlaces(call.node, x.dims, indices);
      const reduce = reductionOf(call.node);
      const data = x.data.slice();
      places.forEach((place, i) => {
        for (let j = 0; j < run; j++) data[place + j] = reduce(data[place + j]!, updates.data[i * run + j]!);
      });
      return [{ type: x.type, dims: x.dims, data }];
    },
    vjp: scatterVjp("GatherND", "ScatterND", []),
  },
  Pad: {
    shape(call) {
      const x = required(call, 0);
      const pads = padsOf(call);
      const dims = x.dims.map((dim, i) => dim + pads[i]!.before + pads[i]!.after);
      if (dims.some((dim) => dim < 0)) throw wrongShape(call.node, "more is cut off than there is");
      return [{ type: x.type, dims }];
    },
    value(call) {
      const x = required(call, 0);
      const mode = attr.string(call.node, "mode", "constant"),
        fill = call.inputs[2]?.data[0] ?? 0;
      let out = x;
      padsOf(asKnown(call)).forEach((pads, axis) => {
        if (pads.before === 0 && pads.after === 0) return;
        const places = padPlaces(call.node, mode, out.dims[axis]!, pads);
        const next = pick(out, axis, places);
        if (mode === "constant" && fill !== 0) {
          const inner = sizeOf(next.dims.slice(axis + 1));
          next.data.forEach((_, i) => {
            if (places[Math.floor(i / inner) % places.length]! < 0) next.data[i] = fill;
          });
        }
        out = next;
      });
      return [out];
    },
    vjp(g, call) {
      const x = call.x[0]!;
      const mode = attr.string(call.node, "mode", "constant");
      const inputs = call.x.map((ref) => ref?.at[0]);
      const pads = padsOf({ node: call.node, inputs });
      const dy = first(call);
      if (mode === "constant")
        return [g.op("Pad", [dy, g.ints([...pads.map((p) => -p.before), ...pads.map((p) => -p.after)])])];
      return [
        pads.reduce((gradient, each, axis) => {
          if (each.before === 0 && each.after === 0) return gradient;
          const n = fixed(x, axis);
          return scatterAxis(g, gradient, axis, padPlaces(call.node, mode, n, each), n);
        }, dy),
      ];
    },
  },
  Resize: {
    shape: (call) => [{ type: required(call, 0).type, dims: resizeOf(call).lengths }],
    value(call) {
      const { lengths, scales } = resizeOf(asKnown(call));
      return [
        lengths.reduce(
          (x, length, axis) =>
            length === x.dims[axis] && scales[axis] === 1
              ? x
              : along(x, axis, length, resizeMatrix(call.node, x.dims[axis]!, length, scales[axis]!)),
          required(call, 0),
        ),
      ];
    },
    vjp(g, call) {
      const x = call.x[0]!;
      const { lengths, scales } = resizeOf({ node: call.node, inputs: call.x.map((ref) => ref?.at[0]) });
      return [
        scales.reduce((dy, scale, axis) => {
          const moved = x.at.some((known, k) => known.dims[axis] !== call.y[0]!.at[k]!.dims[axis]) || scale !== 1;
          if (!moved) return dy;
          const n = fixed(x, axis),
            length = lengths[axis]!;
          const data = resizeMatrix(call.node, n, length, scale);
          return matrixAlong(g, dy, axis, { rows: length, columns: n, data });
        }, first(call)),
      ];
    },
  },
  DepthToSpace: blocks(false),
  SpaceToDepth: blocks(true),
  OneHot: {
    shape(call) {
      const indices = required(call, 0);
      const depth = knownNumbers(call, 1)![0]!;
      const axis = axisOf(call.node, attr.int(call.node, "axis", -1), indices.dims.length + 1);
      return [{ type: required(call, 2).type, dims: indices.dims.toSpliced(axis, 0, depth) }];
    },
    value(call) {
      const indices = required(call, 0),
        depth = required(call, 1).data[0]!,
        [off, on] = required(call, 2).data as unknown as [number, number];
      const axis = axisOf(call.node, attr.int(call.node, "axis", -1), indices.dims.length + 1);
      const dims = indices.dims.toSpliced(axis, 0, depth);
      const inner = sizeOf(indices.dims.slice(axis));
      const data = new Float64Array(sizeOf(dims)).fill(off);
      indices.data.forEach((index, i) => {
        const place = index < 0 ? index + depth : index;
        if (place >= 0 && place < depth) data[(Math.floor(i / inner) * depth + place) * inner + (i % inner)] = on;
      });
      return [{ type: required(call, 2).type, dims, data }];
    },
    vjp: "nowhere",
  },
  EyeLike: {
    shape: (call) => [
      { type: elementType(attr.int(call.node, "dtype", 0)) ?? required(call, 0).type, dims: required(call, 0).dims },
    ],
    value(call) {
      const { type, dims } = required(call, 0);
      const [rows, columns] = dims as [number, number];
      const k = attr.int(call.node, "k", 0);
      const data = new Float64Array(rows * columns);
      for (let i = Math.max(0, -k); i < rows && i + k < columns; i++) data[i * columns + i + k] = 1;
      return [{ type: elementType(attr.int(call.node, "dtype", 0)) ?? type, dims, data }];
    },
    vjp: "nowhere",
  },
  /** Only where the value is known: the shape of the result is how many elements are not 0. */
  NonZero: {
    shape(call) {
      const values = knownNumbers(call, 0)!;
      return [{ type: "int64", dims: [required(call, 0).dims.length, values.filter((v) => v !== 0).length] }];
    },
    value(call) {
      const { dims, data } = required(call, 0);
      const strides = stridesOf(dims);
      const places = Array.from(data.keys()).filter((place) => data[place] !== 0);
      const rows = dims.map((dim, axis) => places.map((place) => Math.floor(place / strides[axis]!) % dim));
      return [{ type: "int64", dims: [dims.length, places.length], data: Float64Array.from(rows.flat()) }];
    },
    vjp: "nowhere",
  },
  CumSum: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const x = required(call, 0);
      const axis = axisOf(call.node, required(call, 1).data[0]!, x.dims.length);
      const exclusive = attr.int(call.node, "exclusive", 0) !== 0,
        reverse = attr.int(call.node, "reverse", 0) !== 0;
      const n = x.dims[axis]!,
        stride = stridesOf(x.dims)[axis]!;
      const data = new Float64Array(x.data.length);
      const lines = walk(
        x.dims.map((dim, i) => (i === axis ? 1 : dim)),
        stridesOf(x.dims),
      );
      for (const start of lines) {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          const place = start + (reverse ? n - 1 - i : i) * stride;
          if (exclusive) data[place] = sum;
          sum += x.data[place]!;
          if (!exclusive) data[place] = sum;
        }
      }
      return [{ type: x.type, dims: x.dims, data }];
    },
    // Every element counts in what comes after it: the same sum from the other end.
    vjp: (g, call) => [
      g.op(
        "CumSum",
        [first(call), call.x[1]],
        attribute.int("exclusive", attr.int(call.node, "exclusive", 0)),
        attribute.int("reverse", 1 - attr.int(call.node, "reverse", 0)),
      ),
    ],
  },
  Trilu: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const x = required(call, 0),
        k = call.inputs[1]?.data[0] ?? 0;
      const upper = attr.int(call.node, "upper", 1) !== 0;
      const [rows, columns] = x.dims.slice(-2) as [number, number];
      const data = x.data.map((v, place) => {
        const column = place % columns,
          row = Math.floor(place / columns) % rows;
        return (upper ? column - row >= k : column - row <= k) ? v : 0;
      });
      return [{ type: x.type, dims: x.dims, data }];
    },
    vjp: (g, call) => [
      g.op("Trilu", [first(call), call.x[1]], attribute.int("upper", attr.int(call.node, "upper", 1))),
    ],
  },
};
