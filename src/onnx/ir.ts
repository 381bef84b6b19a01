/** The graph in between: named tensors and calls of operators, in the one dialect that the rest of this room speaks. */
import type { RuntimeTensor } from "#base/ports.ts";
import type { AttributeProto } from "./codec.ts";
import { OnnxError } from "./errors.ts";
import { readTensor, sizeOf, toValue } from "./tensor.ts";
import type { ElementType, Value } from "./tensor.ts";

/** The operator set whose meanings the internal dialect has: every graph is normalised to it on load. */
export const DIALECT = 17;

/** One call of an operator. An omitted optional input or output is "". */
export interface Node {
  readonly op: string;
  /** "" is ONNX's own operator set. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeProto>>;
}

/** An input or output of the graph. A dimension is null, and `type` undefined, where the file leaves it open. */
export interface Port {
  readonly name: string;
  readonly type: ElementType | undefined;
  readonly dims: readonly (number | null)[] | undefined;
  /** A sequence, map or other thing that no tensor holds. */
  readonly nonTensor: boolean;
}

export interface Graph {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** In an order in which every input is computed before it is used. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, RuntimeTensor>;
}

/** What is known of a tensor at one batch size: type, shape, and the value where it follows from constants and shapes alone. */
export interface Known {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly value?: Value;
}

/** A tensor of the graph being written: its name and what is known of it at each probed batch size. */
export interface Ref {
  readonly name: string;
  readonly at: readonly Known[];
}

export const typeOf = (ref: Ref): ElementType => ref.at[0]!.type;
export const rankOf = (ref: Ref): number => ref.at[0]!.dims.length;

/** The length of an axis that does not depend on the batch size. */
export function fixed(ref: Ref, axis: number): number {
  const at = axis < 0 ? axis + rankOf(ref) : axis;
  const dim = ref.at[0]!.dims[at]!;
  if (ref.at.some((known) => known.dims[at] !== dim))
    throw new OnnxError(`axis ${axis} of tensor "${ref.name}" depends on the batch size where it may not`);
  return dim;
}

export const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === b[i]);

/** How a message calls a node: its name, or its first output where it has none. */
export const nodeName = (node: { readonly name: string; readonly outputs: readonly string[]; readonly op: string }) =>
  node.name || node.outputs[0] || node.op;

/** Attributes by name with the defaults of the specification. */
export const attr = {
  int(node: Node, name: string, fallback: number): number {
    const found = node.attributes[name]?.i;
    return found === undefined ? fallback : Number(found);
  },
  float(node: Node, name: string, fallback: number): number {
    return node.attributes[name]?.f ?? fallback;
  },
  ints(node: Node, name: string): number[] | undefined {
    return node.attributes[name]?.ints.map(Number);
  },
  floats(node: Node, name: string): number[] | undefined {
    const found = node.attributes[name]?.floats;
    return found && Array.from(found);
  },
  string(node: Node, name: string, fallback: string): string {
    const found = node.attributes[name]?.s;
    return found === undefined ? fallback : new TextDecoder().decode(found);
  },
  value(node: Node, name: string): Value | undefined {
    const found = node.attributes[name]?.t;
    return found && toValue(readTensor(found, `attribute ${name} of node "${nodeName(node)}"`));
  },
};

/** A shape that cannot be, said with the node. */
export function wrongShape(node: Node, because: string): OnnxError {
  return new OnnxError(`${node.op} (node "${nodeName(node)}"): ${because}`, {
    node: nodeName(node),
    remedy: "the model is inconsistent, or its input has another shape than the one given",
  });
}

/** Index maps larger than this belong to no model that runs here, only to a file that wants to keep us busy. */
const MAP_MAX = 2 ** 27;

/** Refuses a map of `entries` that would cost more memory or time than any real model asks for. */
export function affordable(node: Node, entries: number): void {
  if (!(entries <= MAP_MAX)) throw wrongShape(node, `asks for ${entries} index pairs, more than any real model`);
}

/** An axis of −rank … rank−1 as 0 … rank−1. */
export function axisOf(node: Node, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= Math.max(rank, 1))
    throw wrongShape(node, `axis ${axis} of a tensor with ${rank} dimensions`);
  return axis < 0 ? axis + rank : axis;
}

/** The shape two or more tensors broadcast to (NumPy's rule), or undefined. */
export function broadcast(...shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = shapes.reduce((most, shape) => Math.max(most, shape.length), 0);
  const out: number[] = Array.from({ length: rank }, () => 1);
  for (const shape of shapes)
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i,
        dim = shape[i]!;
      if (dim === 1 || dim === out[at]) continue;
      if (out[at] !== 1) return undefined;
      out[at] = dim;
    }
  return out;
}

/** Row-major strides in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = Array.from({ length: dims.length }, () => 1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * dims[i + 1]!;
  return strides;
}

/** For each element of `out` in order, the flat place in a tensor of shape `dims` that broadcasts to it. */
export function broadcastIndex(dims: readonly number[], out: readonly number[]): Int32Array {
  const own = stridesOf(dims);
  const shift = out.length - dims.length;
  return walk(
    out,
    out.map((_, i) => (i < shift || dims[i - shift] === 1 ? 0 : own[i - shift]!)),
  );
}

/** The flat places visited when stepping through `out` in order with the given stride per axis. */
export function walk(out: readonly number[], strides: readonly number[], from = 0): Int32Array {
  const places = new Int32Array(sizeOf(out));
  if (places.length === 0) return places;
  const index = new Int32Array(out.length);
  let place = from;
  for (let i = 0; ;) {
    places[i] = place;
    if (++i === places.length) return places;
    for (let axis = out.length - 1; ; axis--) {
      place += strides[axis]!;
      if (++index[axis]! < out[axis]!) break;
      place -= strides[axis]! * out[axis]!;
      index[axis] = 0;
    }
  }
}
