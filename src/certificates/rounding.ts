/**
 * What float32 may do to a tensor of the network: the model under judgement computes in it, whatever the bounds do. An affine part of the
 * network adds up terms; its result is off by at most a share of the sum of their magnitudes (Higham, Accuracy and Stability of
 * Numerical Algorithms, 2nd ed., §3.1). Bounds carry that error along with the tensor, so that what is certified holds for the
 * numbers that the runtime gives.
 */
import type { RuntimeTensor } from "#base/ports.ts";
import type { Known, Node } from "#onnx/ir.ts";
import { attr } from "#onnx/ir.ts";
import { sizeOf } from "#onnx/tensor.ts";
import { MOVES } from "./network.ts";

/** Half the distance from 1 to the next float32. */
export const UNIT = 2 ** -24;

/** Below the smallest normal float32 errors are no longer relative to anything. */
export const UNDERFLOW = 2 ** -120;

/** Nothing is certified of tensors that could come near the largest float32. */
export const OVERFLOW = 2 ** 125;

/**
 * A smooth activation as onnxruntime computes it is off by at most this times 1 + |x|, measured over [−30, 30] for every function
 * of the table: 2^−22 for mish, less for the others.
 */
export const EVALUATION = 2 ** -20;

/**
 * Units by which a sum of n products is off, relative to the sum of their magnitudes: never more than n (Higham), about √n where
 * roundings do not all go one way (Higham & Mary, SIAM J. Sci. Comput. 2019), taken four times here.
 */
const summed = (terms: number): number => Math.min(terms + 1, 4 + 4 * Math.sqrt(terms));

/** How many terms one element of a node's result is added up from. */
export function termsOf(node: Node, inputs: readonly (Known | undefined)[], output: Known): number {
  const dims = (i: number): readonly number[] => inputs[i]!.dims;
  switch (node.op) {
    case "MatMul":
      return dims(0).at(-1)!;
    case "Gemm":
      return dims(0)[attr.int(node, "transA", 0) ? 0 : 1]! + 1;
    case "Conv":
      return sizeOf(dims(1).slice(1)) + 1;
    case "ConvTranspose":
      return (dims(1)[0]! / attr.int(node, "group", 1)) * sizeOf(dims(1).slice(2)) + 1;
    case "AveragePool":
      return sizeOf(attr.ints(node, "kernel_shape") ?? [1]);
    case "GlobalAveragePool":
    case "ReduceSum":
    case "ReduceMean":
      return sizeOf(dims(0)) / Math.max(1, sizeOf(output.dims));
    case "CumSum":
      return Math.max(...dims(0).slice(1), 1);
    case "Resize":
      return 8;
    case "BatchNormalization":
      return 4;
    case "Sum":
    case "Mean":
      return inputs.length;
    default:
      return 1;
  }
}

/** Operators that round nothing. */
const EXACT = new Set([...MOVES, "Pad", "Slice", "Gather"]);

/** The share of its magnitude that a node's rounding adds to the error of its result. */
export function shareOf(node: Node, inputs: readonly (Known | undefined)[], output: Known): number {
  return EXACT.has(node.op) ? 0 : UNIT * summed(termsOf(node, inputs, output));
}

/** |t| ≤ slope · (largest input) + at, for a tensor t. */
export interface Peak {
  readonly slope: number;
  readonly at: number;
}

const seen = new WeakMap<ArrayLike<unknown>, number>();

/** The largest magnitude among a constant's values; Infinity where it is not known, NaN where one is no number. */
function largest(constant: RuntimeTensor | undefined): number {
  if (constant === undefined || constant.type === "string") return Infinity;
  const { data } = constant;
  let most = seen.get(data) ?? -1;
  if (most !== -1) return most;
  most = 0;
  for (const value of data) {
    const size = Math.abs(Number(value));
    if (!(size <= most)) most = size;
  }
  seen.set(data, most);
  return most;
}

/** How large a node's result can get, from how large its varying inputs can (undefined: a constant). */
export function peakOf(
  node: Node,
  inputs: readonly (Known | undefined)[],
  output: Known,
  peaks: readonly (Peak | undefined)[],
  constants: readonly (RuntimeTensor | undefined)[],
): Peak {
  const sum: Peak = peaks.reduce<Peak>(
    (total, peak, i) => {
      if (peak) return { slope: total.slope + peak.slope, at: total.at + peak.at };
      return inputs[i] ? { slope: total.slope, at: total.at + largest(constants[i]) } : total;
    },
    { slope: 0, at: 0 },
  );
  const times = ({ slope, at }: Peak, by: number): Peak => ({ slope: slope * by, at: at * by });
  const varying = peaks.find((peak) => peak !== undefined)!;
  const terms = termsOf(node, inputs, output);
  switch (node.op) {
    case "Add":
    case "Sub":
    case "Sum":
    case "Mean":
    case "Concat":
      return sum;
    case "Mul":
    case "MatMul":
    case "Gemm":
    case "Conv":
    case "ConvTranspose": {
      const weight = largest(peaks[0] ? constants[1] : constants[0]);
      const factor = node.op === "Gemm" ? Math.max(1, Math.abs(attr.float(node, "alpha", 1))) : 1;
      const whole = times(varying, weight * terms * factor);
      const offset = inputs[2] ? largest(constants[2]) * Math.max(1, Math.abs(attr.float(node, "beta", 1))) : 0;
      return { slope: whole.slope, at: whole.at + offset };
    }
    case "Div": {
      const data = inputs[1]!.value?.data;
      return times(varying, data?.reduce((most, x) => Math.max(most, 1 / Math.abs(x)), 0) ?? Infinity);
    }
    case "BatchNormalization": {
      const [scale, shift, mean, variance] = inputs.slice(1).map((known) => known!.value?.data);
      if (!scale || !shift || !mean || !variance) return { slope: Infinity, at: Infinity };
      const epsilon = attr.float(node, "epsilon", 1e-5);
      let slope = 0,
        at = 0;
      for (let c = 0; c < scale.length; c++) {
        const by = Math.abs(scale[c]!) / Math.sqrt(variance[c]! + epsilon);
        slope = Math.max(slope, by);
        at = Math.max(at, by * Math.abs(mean[c]!) + Math.abs(shift[c]!));
      }
      const through = times(varying, slope);
      return { slope: through.slope, at: through.at + at };
    }
    case "ReduceSum":
    case "CumSum":
      return times(varying, terms);
    default:
      return varying;
  }
}
