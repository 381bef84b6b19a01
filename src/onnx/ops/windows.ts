/** Geometry of sliding windows: what convolutions and pools share. */
import type { Node } from "#onnx/ir.ts";
import { affordable, attr, stridesOf, wrongShape } from "#onnx/ir.ts";
import { sizeOf } from "#onnx/tensor.ts";

/** Per spatial axis: window, stride, dilation, padding before and after (resolved), output length. */
export interface Geometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly out: readonly number[];
}

/** From the first to the last element that a window touches. */
export const extent = (g: Geometry, axis: number): number => g.dilations[axis]! * (g.kernel[axis]! - 1) + 1;

/** The geometry of a Conv or pool over an input with these spatial lengths; auto_pad and ceil_mode resolved. */
export function geometryOf(node: Node, spatial: readonly number[], kernel: readonly number[]): Geometry {
  const rank = spatial.length;
  const ones = spatial.map(() => 1);
  const strides = attr.ints(node, "strides") ?? ones,
    dilations = attr.ints(node, "dilations") ?? ones,
    pads = attr.ints(node, "pads") ?? [...ones, ...ones].map(() => 0);
  if (kernel.length !== rank || strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank)
    throw wrongShape(node, `kernel, strides, dilations and pads do not all speak of ${rank} axes`);
  if ([...kernel, ...strides, ...dilations].some((x) => x < 1)) throw wrongShape(node, "a window or stride is below 1");
  const autoPad = attr.string(node, "auto_pad", "NOTSET");
  const ceil = attr.int(node, "ceil_mode", 0) !== 0;
  const begin: number[] = [],
    end: number[] = [],
    out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const reach = dilations[i]! * (kernel[i]! - 1) + 1;
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
      const length = Math.ceil(spatial[i]! / strides[i]!);
      const total = Math.max(0, (length - 1) * strides[i]! + reach - spatial[i]!);
      const less = Math.floor(total / 2);
      begin.push(autoPad === "SAME_UPPER" ? less : total - less);
      end.push(total - begin[i]!);
      out.push(length);
      continue;
    }
    begin.push(autoPad === "VALID" ? 0 : pads[i]!);
    end.push(autoPad === "VALID" ? 0 : pads[i + rank]!);
    const room = (spatial[i]! + begin[i]! + end[i]! - reach) / strides[i]!;
    if (room < 0) throw wrongShape(node, `a window of ${reach} over ${spatial[i]} elements`);
    let length = (ceil ? Math.ceil(room) : Math.floor(room)) + 1;
    // A window that would begin in the padding after the input is left out (as onnxruntime and PyTorch do).
    if (ceil && (length - 1) * strides[i]! >= spatial[i]! + begin[i]!) length--;
    out.push(length);
  }
  affordable(node, sizeOf(kernel) * sizeOf(out));
  return { kernel, strides, dilations, begin, end, out };
}

/** The places inside the input that one window touches: which weight, and where in the flat spatial plane. */
export interface Window {
  readonly weights: readonly number[];
  readonly places: readonly number[];
}

/** One window per output position, in row-major order. */
export function windowsOf(g: Geometry, spatial: readonly number[]): Window[] {
  const strides = stridesOf(spatial),
    outStrides = stridesOf(g.out),
    kernelStrides = stridesOf(g.kernel);
  const taps = sizeOf(g.kernel);
  return Array.from({ length: sizeOf(g.out) }, (_, position) => {
    const weights: number[] = [],
      places: number[] = [];
    next: for (let k = 0; k < taps; k++) {
      let place = 0;
      for (let i = 0; i < spatial.length; i++) {
        const at =
          (Math.floor(position / outStrides[i]!) % g.out[i]!) * g.strides[i]! -
          g.begin[i]! +
          (Math.floor(k / kernelStrides[i]!) % g.kernel[i]!) * g.dilations[i]!;
        if (at < 0 || at >= spatial[i]!) continue next;
        place += at * strides[i]!;
      }
      weights.push(k);
      places.push(place);
    }
    return { weights, places };
  });
}

/**
 * The same as one table [taps, positions]: the flat place in the spatial plane that each weight meets at each output
 * position, −1 in the padding.
 */
export function placesOf(g: Geometry, spatial: readonly number[]): Int32Array {
  const strides = stridesOf(spatial);
  const taps = sizeOf(g.kernel),
    positions = sizeOf(g.out);
  const table = new Int32Array(taps * positions);
  const kernelStrides = stridesOf(g.kernel),
    outStrides = stridesOf(g.out);
  for (let axis = 0; axis < spatial.length; axis++)
    for (let k = 0; k < taps; k++) {
      const from = (Math.floor(k / kernelStrides[axis]!) % g.kernel[axis]!) * g.dilations[axis]! - g.begin[axis]!;
      const inner = outStrides[axis]!,
        length = g.out[axis]!;
      for (let start = k * positions, end = start + positions; start < end;)
        for (let o = 0; o < length; o++) {
          const at = from + o * g.strides[axis]!;
          const outside = at < 0 || at >= spatial[axis]!;
          const step = at * strides[axis]!;
          for (const stop = start + inner; start < stop; start++)
            if (outside) table[start] = -1;
            else if (table[start]! >= 0) table[start]! += step;
        }
    }
  return table;
}
