/** From fractions of the declared range, in the data file's layout, to the tensor the network takes: as numbers and as nodes. */
import type { InputContract } from "#assessment/system.ts";
import { OnnxError } from "./errors.ts";
import type { Ref } from "./ir.ts";
import { sameDims, stridesOf, walk } from "./ir.ts";
import { sizeOf } from "./tensor.ts";
import type { Writer } from "./writer.ts";

export interface Preprocessing {
  /** Shape of one sample as the data file holds it. */
  readonly sample: readonly number[];
  /** Shape of one sample as the network takes it, without the batch axis. */
  readonly network: readonly number[];
  /** network = fraction · scale + offset, per channel; shaped to broadcast over `sample`. */
  readonly scale: Float64Array;
  readonly offset: Float64Array;
  readonly channels: readonly number[];
  /** Order of the sample's axes that the network wants, where it differs. */
  readonly perm: readonly number[] | undefined;
}

/** Which axis of a sample holds the channels (or features) that `mean` and `std` speak of. */
function channelAxis(layout: InputContract["layout"], sample: readonly number[], count: number): number | undefined {
  const last = sample.length - 1;
  if (layout === "NCHW") return 0;
  if (layout === "NHWC" || layout === "NTF" || layout === "NF") return last;
  if (count === 1) return undefined;
  if (sample[0] === count && sample[last] !== count) return 0;
  return sample[last] === count ? last : undefined;
}

/**
 * Reads the contract for samples of shape `sample` and a network input of shape `network` (no batch axis, null: open).
 * Throws OnnxError where the two cannot be the same elements.
 */
export function preprocessingOf(
  contract: InputContract,
  sample: readonly number[],
  network: readonly (number | null)[] | undefined,
): Preprocessing {
  const [low, high] = contract.range;
  if (!(high > low))
    throw new OnnxError(`the input range [${low}, ${high}] is empty`, {
      remedy: "give input.range as [lowest, highest] raw value",
    });
  const count = Math.max(contract.mean.length, contract.std.length, 1);
  const axis = channelAxis(contract.layout, sample, count);
  if (count > 1 && (axis === undefined || sample[axis] !== count))
    throw new OnnxError(
      `mean and std have ${count} values, samples of shape [${sample.join(", ")}] have no axis of that length`,
      {
        remedy: "give one value, or one per channel, and the layout of the data",
      },
    );
  const at = (list: readonly number[], i: number, fallback: number): number =>
    list.length === 0 ? fallback : list.length === 1 ? list[0]! : list[i]!;
  const scale = new Float64Array(count),
    offset = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const std = at(contract.std, i, 1),
      mean = at(contract.mean, i, 0);
    if (std === 0) throw new OnnxError("a standard deviation of the input contract is 0");
    scale[i] = ((high - low) * contract.scale) / std;
    offset[i] = (low * contract.scale - mean) / std;
  }
  const channels = sample.map((_, i) => (count > 1 && i === axis ? count : 1));
  return { sample, ...fit(contract.layout, sample, network), scale, offset, channels };
}

const squeezed = (dims: readonly number[]): number[] => dims.filter((dim) => dim !== 1);
const matches = (dims: readonly number[], network: readonly (number | null)[]): boolean =>
  dims.length === network.length && dims.every((dim, i) => network[i] === null || network[i] === dim);

/** The order of axes and the shape in which the network takes a sample. */
function fit(
  layout: InputContract["layout"],
  sample: readonly number[],
  network: readonly (number | null)[] | undefined,
): { network: readonly number[]; perm: readonly number[] | undefined } {
  if (network === undefined || matches(sample, network)) return { network: sample, perm: undefined };
  const orders: (readonly number[])[] = [];
  if (sample.length === 3 && layout !== "NCHW") orders.push([2, 0, 1]);
  if (sample.length === 3 && layout !== "NHWC") orders.push([1, 2, 0]);
  if (sample.length === 2 && layout === "NTF") orders.push([1, 0]);
  const known = network.every((dim) => dim !== null);
  // Only axes of length 1 differ: the order of the elements is the same.
  if (known && sameDims(squeezed(sample), squeezed(network))) return { network, perm: undefined };
  for (const perm of orders) {
    const moved = perm.map((p) => sample[p]!);
    if (matches(moved, network)) return { network: moved, perm };
    if (known && sameDims(squeezed(moved), squeezed(network))) return { network, perm };
  }
  const flat = known ? squeezed(network) : [];
  if (known && flat.length <= 1 && sizeOf(network) === sizeOf(sample)) return { network, perm: undefined };
  if (known && squeezed(sample).length === 1 && sizeOf(network) === sizeOf(sample)) return { network, perm: undefined };
  // One channel more or less where the network leaves lengths open ([?, 1, ?, ?] for grey images).
  if (!known && network.length === sample.length + 1 && network.filter((dim) => dim === 1).length === 1) {
    const grey = network.indexOf(1);
    return { network: sample.toSpliced(grey, 0, 1), perm: undefined };
  }
  throw new OnnxError(
    `the network takes [${network.map((dim) => dim ?? "?").join(", ")}] per sample, the data have [${sample.join(", ")}]`,
    {
      remedy:
        "give the data in the network's shape, or state its order of axes (NCHW, NHWC, NHW, NF, NTF) as input.layout, or with --layout",
    },
  );
}

/** The network's input for n samples of fractions; row-major in the network's order. */
export function applyPreprocessing(p: Preprocessing, x: Float32Array, n: number): Float32Array {
  const size = sizeOf(p.sample);
  const strides = stridesOf(p.sample);
  const places = p.perm
    ? walk(
        p.perm.map((axis) => p.sample[axis]!),
        p.perm.map((axis) => strides[axis]!),
      )
    : Int32Array.from({ length: size }, (_, i) => i);
  const channel = channelOf(p);
  const out = new Float32Array(n * size);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < size; j++) {
      const from = places[j]!;
      const k = channel[from]!;
      out[i * size + j] = Math.fround(
        Math.fround(x[i * size + from]! * Math.fround(p.scale[k]!)) + Math.fround(p.offset[k]!),
      );
    }
  return out;
}

/** For each element of a sample, which channel it belongs to. */
function channelOf(p: Preprocessing): Int32Array {
  const strides = stridesOf(p.channels);
  return walk(
    p.sample,
    p.channels.map((dim, i) => (dim === 1 ? 0 : strides[i]!)),
  );
}

/** Appends the same as nodes: x [batch, …sample] to the network's input [batch, …network] (or `whole`, the exact shape with batch). */
export function writePreprocessing(g: Writer, p: Preprocessing, x: Ref, whole: readonly number[]): Ref {
  const perChannel = (values: Float64Array): Ref => {
    const single = values.every((value) => value === values[0]);
    return single ? g.number(values[0]!, x) : g.constant({ type: "float32", dims: [...p.channels], data: values });
  };
  let out = x;
  if (p.scale.some((value) => value !== 1)) out = g.mul(out, perChannel(p.scale));
  if (p.offset.some((value) => value !== 0)) out = g.add(out, perChannel(p.offset));
  if (p.perm) out = g.transpose(out, [0, ...p.perm.map((axis) => axis + 1)]);
  const target = whole.filter((dim) => dim === -1).length > 0 || !sameDims(out.at[0]!.dims, whole);
  const same = out.at.every(
    (known) => known.dims.length === whole.length && whole.every((dim, i) => dim === -1 || dim === known.dims[i]),
  );
  return target && !same ? g.op("Reshape", [out, g.ints(whole)]) : out;
}
