/** Normalisation over batches (folded), instances, layers and channels. */
import type { OpTable } from "./op.ts";
import { first, required } from "./op.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { affordable, attr, axisOf, fixed, rankOf, stridesOf, walk, wrongShape } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

const same = (call: Parameters<OpTable[string]["shape"]>[0]) => {
  const { type, dims } = required(call, 0);
  return [{ type, dims }];
};

/** Which channel (axis 1) each element belongs to. */
function channelAt(dims: readonly number[]): (place: number) => number {
  const plane = sizeOf(dims.slice(2)),
    channels = dims[1] ?? 1;
  return (place) => Math.floor(place / plane) % channels;
}

/** A vector over channels, shaped to broadcast over [batch, channel, …]. */
const perChannel = (g: Writer, vector: Ref, rank: number): Ref =>
  rank <= 2 ? vector : g.op("Reshape", [vector, g.ints([-1, ...Array.from({ length: rank - 2 }, () => 1)])]);

const epsilon = (node: Node): number => attr.float(node, "epsilon", 1e-5);

/** Axes `axis` … rank−1. */
const from = (axis: number, rank: number): number[] => Array.from({ length: rank - axis }, (_, i) => axis + i);

/** (x − mean)/√(variance + ε) over groups of `count` consecutive elements; and each group's statistics. */
function standardised(x: Value, count: number, eps: number) {
  const groups = x.data.length / count;
  const mean = new Float64Array(groups),
    inverse = new Float64Array(groups),
    data = new Float64Array(x.data.length);
  for (let i = 0; i < groups; i++) {
    const part = x.data.subarray(i * count, (i + 1) * count);
    mean[i] = part.reduce((sum, v) => sum + v, 0) / count;
    inverse[i] = 1 / Math.sqrt(part.reduce((sum, v) => sum + (v - mean[i]!) ** 2, 0) / count + eps);
    for (let j = 0; j < count; j++) data[i * count + j] = (part[j]! - mean[i]!) * inverse[i]!;
  }
  return { data, mean, inverse };
}

const mean = (g: Writer, x: Ref, axes: readonly number[]): Ref => g.op("ReduceMean", [x], attribute.ints("axes", axes));

/** The normalised x as nodes, with 1/σ. */
function writeStandardised(g: Writer, x: Ref, axes: readonly number[], eps: number): { normed: Ref; inverse: Ref } {
  const centred = g.sub(x, mean(g, x, axes));
  const variance = mean(g, g.mul(centred, centred), axes);
  const inverse = g.op("Reciprocal", [g.op("Sqrt", [g.add(variance, g.number(eps, x))])]);
  return { normed: g.mul(centred, inverse), inverse };
}

/** dx = (1/σ)·(d − mean d − x̂·mean(d·x̂)) with d the gradient at x̂ (Ba, Kiros & Hinton 2016). */
function throughStandardised(g: Writer, d: Ref, normed: Ref, inverse: Ref, axes: readonly number[]): Ref {
  const aligned = g.mul(normed, mean(g, g.mul(d, normed), axes));
  return g.mul(inverse, g.sub(g.sub(d, mean(g, d, axes)), aligned));
}

/** For LRN: which channels each channel's window sums, as [C, C] ones and zeros. */
function band(node: Node, channels: number, size: number, transposed: boolean): Float64Array {
  const before = Math.floor((size - 1) / 2),
    after = Math.ceil((size - 1) / 2);
  affordable(node, channels * channels);
  const data = new Float64Array(channels * channels);
  for (let c = 0; c < channels; c++)
    for (let i = Math.max(0, c - before); i <= Math.min(channels - 1, c + after); i++)
      data[transposed ? i * channels + c : c * channels + i] = 1;
  return data;
}

function lrnOf(node: Node) {
  return {
    size: attr.int(node, "size", 1),
    alpha: attr.float(node, "alpha", 1e-4),
    beta: attr.float(node, "beta", 0.75),
    bias: attr.float(node, "bias", 1),
  };
}

export const normalisation: OpTable = {
  BatchNormalization: {
    shape(call) {
      if (attr.int(call.node, "training_mode", 0) !== 0 || call.node.outputs.filter((name) => name !== "").length > 1)
        throw wrongShape(call.node, "is exported in training mode; export the model in evaluation mode");
      return same(call);
    },
    value(call) {
      const [x, scale, bias, average, variance] = [0, 1, 2, 3, 4].map((i) => required(call, i)) as [
        Value,
        Value,
        Value,
        Value,
        Value,
      ];
      const at = channelAt(x.dims),
        eps = epsilon(call.node);
      const data = x.data.map((v, place) => {
        const c = at(place);
        return ((v - average.data[c]!) / Math.sqrt(variance.data[c]! + eps)) * scale.data[c]! + bias.data[c]!;
      });
      return [{ type: x.type, dims: x.dims, data }];
    },
    vjp(g, call) {
      const [x, scale, , , variance] = call.x as [Ref, Ref, Ref, Ref, Ref];
      // All constants: the factor is folded when it is written.
      const factor = g.div(scale, g.op("Sqrt", [g.add(variance, g.number(epsilon(call.node), variance))]));
      return [g.mul(first(call), perChannel(g, factor, rankOf(x)))];
    },
  },
  InstanceNormalization: {
    shape: same,
    value(call) {
      const [x, scale, bias] = [0, 1, 2].map((i) => required(call, i)) as [Value, Value, Value];
      const at = channelAt(x.dims);
      const { data } = standardised(x, sizeOf(x.dims.slice(2)), epsilon(call.node));
      return [
        {
          type: x.type,
          dims: x.dims,
          data: data.map((v, place) => v * scale.data[at(place)]! + bias.data[at(place)]!),
        },
      ];
    },
    vjp(g, call) {
      const [x, scale] = call.x as [Ref, Ref];
      const axes = from(2, rankOf(x));
      const { normed, inverse } = writeStandardised(g, x, axes, epsilon(call.node));
      return [throughStandardised(g, g.mul(first(call), perChannel(g, scale, rankOf(x))), normed, inverse, axes)];
    },
  },
  LayerNormalization: {
    shape(call) {
      const { type, dims } = required(call, 0);
      const axis = axisOf(call.node, attr.int(call.node, "axis", -1), dims.length);
      const statistics = { type, dims: dims.map((dim, i) => (i < axis ? dim : 1)) };
      return [{ type, dims }, statistics, statistics].slice(0, call.node.outputs.length);
    },
    value(call) {
      const x = required(call, 0),
        scale = required(call, 1),
        bias = call.inputs[2];
      const axis = axisOf(call.node, attr.int(call.node, "axis", -1), x.dims.length);
      const count = sizeOf(x.dims.slice(axis));
      if (scale.data.length !== count)
        throw wrongShape(call.node, `a scale of ${scale.data.length} over ${count} elements`);
      const { data, mean: average, inverse } = standardised(x, count, epsilon(call.node));
      const dims = x.dims.map((dim, i) => (i < axis ? dim : 1));
      return [
        {
          type: x.type,
          dims: x.dims,
          data: data.map((v, i) => v * scale.data[i % count]! + (bias?.data[i % count] ?? 0)),
        },
        { type: x.type, dims, data: average },
        { type: x.type, dims, data: inverse },
      ].slice(0, call.node.outputs.length);
    },
    vjp(g, call) {
      const [x, scale] = call.x as [Ref, Ref];
      const axes = from(axisOf(call.node, attr.int(call.node, "axis", -1), rankOf(x)), rankOf(x));
      const { normed, inverse } = writeStandardised(g, x, axes, epsilon(call.node));
      const dy = first(call);
      return [
        throughStandardised(g, g.mul(dy, scale), normed, inverse, axes),
        call.needs[1] ? g.mul(dy, normed) : undefined,
        dy,
      ];
    },
  },
  LRN: {
    shape: same,
    value(call) {
      const x = required(call, 0);
      const { size, alpha, beta, bias } = lrnOf(call.node);
      const channels = x.dims[1]!,
        plane = sizeOf(x.dims.slice(2));
      const window = band(call.node, channels, size, false);
      const data = x.data.map((v, place) => {
        const c = Math.floor(place / plane) % channels,
          base = place - c * plane;
        let sum = 0;
        for (let i = 0; i < channels; i++) if (window[c * channels + i]) sum += x.data[base + i * plane]! ** 2;
        return v / (bias + (alpha / size) * sum) ** beta;
      });
      return [{ type: x.type, dims: x.dims, data }];
    },
    vjp(g, call) {
      const x = call.x[0]!,
        dy = first(call);
      const { size, alpha, beta, bias } = lrnOf(call.node);
      const channels = fixed(x, 1);
      const kernel = (transposed: boolean): Ref =>
        g.constant({
          type: x.at[0]!.type,
          dims: [channels, channels, ...from(2, rankOf(x)).map(() => 1)],
          data: band(call.node, channels, size, transposed),
        });
      const squares = g.op("Conv", [g.mul(x, x), kernel(false)]);
      const base = g.add(g.scale(squares, alpha / size), g.number(bias, x));
      const power = g.op("Pow", [base, g.number(-beta, x)]);
      const spread = g.op("Conv", [g.div(g.mul(g.mul(dy, x), power), base), kernel(true)]);
      return [g.sub(g.mul(dy, power), g.scale(g.mul(x, spread), (2 * alpha * beta) / size))];
    },
  },
  LpNormalization: {
    shape: same,
    value(call) {
      const x = required(call, 0);
      const p = attr.int(call.node, "p", 2),
        axis = axisOf(call.node, attr.int(call.node, "axis", -1), x.dims.length);
      const strides = stridesOf(x.dims),
        data = new Float64Array(x.data.length);
      for (const start of walk(
        x.dims.map((dim, i) => (i === axis ? 1 : dim)),
        strides,
      )) {
        let sum = 0;
        for (let i = 0; i < x.dims[axis]!; i++) sum += Math.abs(x.data[start + i * strides[axis]!]!) ** p;
        for (let i = 0; i < x.dims[axis]!; i++) {
          const place = start + i * strides[axis]!;
          data[place] = x.data[place]! / sum ** (1 / p);
        }
      }
      return [{ type: x.type, dims: x.dims, data }];
    },
    vjp(g, call) {
      const x = call.x[0]!,
        y = call.y[0]!,
        dy = first(call);
      const p = attr.int(call.node, "p", 2),
        axis = axisOf(call.node, attr.int(call.node, "axis", -1), rankOf(x));
      const norm = g.op(p === 1 ? "ReduceL1" : "ReduceL2", [x], attribute.ints("axes", [axis]));
      const aligned = g.sum(g.mul(dy, y), [axis], true);
      return [g.div(g.sub(dy, g.mul(p === 1 ? g.op("Sign", [x]) : y, aligned)), norm)];
    },
  },
  MeanVarianceNormalization: {
    shape: same,
    value(call) {
      const x = required(call, 0);
      const axes = attr.ints(call.node, "axes") ?? [0, 2, 3];
      const strides = stridesOf(x.dims),
        data = new Float64Array(x.data.length);
      const inner = walk(
        axes.map((a) => x.dims[a]!),
        axes.map((a) => strides[a]!),
      );
      const outer = x.dims.map((_, i) => i).filter((i) => !axes.includes(i));
      for (const start of walk(
        outer.map((a) => x.dims[a]!),
        outer.map((a) => strides[a]!),
      )) {
        let sum = 0,
          squares = 0;
        for (const step of inner) sum += x.data[start + step]!;
        const average = sum / inner.length;
        for (const step of inner) squares += (x.data[start + step]! - average) ** 2;
        const deviation = Math.sqrt(squares / inner.length);
        for (const step of inner) data[start + step] = (x.data[start + step]! - average) / (deviation + 1e-9);
      }
      return [{ type: x.type, dims: x.dims, data }];
    },
    vjp(g, call) {
      const axes = attr.ints(call.node, "axes") ?? [0, 2, 3];
      const { normed, inverse } = writeStandardised(g, call.x[0]!, axes, 1e-18);
      return [throughStandardised(g, first(call), normed, inverse, axes)];
    },
  },
};
