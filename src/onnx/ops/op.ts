/** What one entry of an operator table says: shape, value in float64, gradient. */
import type { Known, Node, Ref } from "#onnx/ir.ts";
import { broadcast, broadcastIndex, sameDims, wrongShape } from "#onnx/ir.ts";
import type { ElementType, Value } from "#onnx/tensor.ts";
import { sizeOf } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

export interface ShapeCall {
  readonly node: Node;
  /** Undefined where an optional input is left out. */
  readonly inputs: readonly (Known | undefined)[];
}
export interface ValueCall {
  readonly node: Node;
  readonly inputs: readonly (Value | undefined)[];
}
export interface GradientCall {
  readonly node: Node;
  readonly x: readonly (Ref | undefined)[];
  readonly y: readonly (Ref | undefined)[];
  /** ∂loss/∂output; undefined where the loss does not depend on that output. */
  readonly dy: readonly (Ref | undefined)[];
  /** Which inputs lie on a path from the attacked input. */
  readonly needs: readonly boolean[];
}

/** Writes ONNX nodes for ∂loss/∂input, one per input; undefined where none is wanted. Broadcasting is undone by the walk, not here. */
export type Vjp = (g: Writer, call: GradientCall) => readonly (Ref | undefined)[];

export interface Op {
  /** Types and shapes of the outputs. Throws OnnxError where the inputs do not fit. */
  shape(call: ShapeCall): readonly { readonly type: ElementType; readonly dims: readonly number[] }[];
  /** The outputs in float64: what the specification says, slowly and plainly. */
  value(call: ValueCall): readonly Value[];
  /** "nowhere": the derivative is zero or undefined everywhere, so a gradient attack would be blind. "unruled": nobody wrote the rule. */
  readonly vjp: Vjp | "nowhere" | "unruled";
  /** What may stand in for the derivative that does not exist, where the caller asks for it and says so. */
  readonly surrogate?: Surrogate;
}

/**
 * Backward pass differentiable approximation (Athalye, Carlini & Wagner 2018, §4.1.2): forward the operator as it is, backward
 * the derivative of a smooth function near it. The tensors of integers and truth values it meets carry float32 gradients.
 */
export interface Surrogate {
  /** The smooth function, as evidence names it. */
  readonly name: string;
  readonly vjp: Vjp;
}

export type OpTable = Readonly<Record<string, Op>>;

/** The first output's gradient, which single-output rules need. */
export const first = (call: GradientCall): Ref => call.dy[0]!;

export function required<T>(call: { readonly node: Node; readonly inputs: readonly (T | undefined)[] }, i: number): T {
  const input = call.inputs[i];
  if (input === undefined) throw wrongShape(call.node, `input ${i} is missing`);
  return input;
}

/** The known value of an input that shapes depend on (a Reshape's target …), as numbers. */
export function knownNumbers(call: ShapeCall, i: number): number[] | undefined {
  const input = call.inputs[i];
  if (input === undefined) return undefined;
  if (input.value === undefined)
    throw wrongShape(call.node, `input ${i} decides the shape but depends on the values of the model's input`);
  return Array.from(input.value.data);
}

export function broadcastOf(call: { readonly node: Node }, ...shapes: readonly (readonly number[])[]): number[] {
  const dims = broadcast(...shapes);
  if (dims === undefined)
    throw wrongShape(call.node, `shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} do not go together`);
  return dims;
}

/** Shape of an operator that works element by element on broadcast inputs; its type is the first input's unless given. */
export const elementwiseShape =
  (type?: ElementType) =>
  (call: ShapeCall): { type: ElementType; dims: number[] }[] => {
    const inputs = call.inputs.map((_, i) => required(call, i));
    return [{ type: type ?? inputs[0]!.type, dims: broadcastOf(call, ...inputs.map((input) => input.dims)) }];
  };

/** f over broadcast inputs, element by element. */
export function elementwise(
  call: ValueCall,
  f: (...xs: number[]) => number,
  type: ElementType = required(call, 0).type,
  inputs: readonly Value[] = call.inputs.map((_, i) => required(call, i)),
): Value[] {
  const dims = broadcastOf(call, ...inputs.map((input) => input.dims));
  const data = new Float64Array(sizeOf(dims));
  const [a, b] = inputs;
  if (inputs.length === 1) for (let i = 0; i < data.length; i++) data[i] = f(a!.data[i]!);
  else if (inputs.length === 2 && sameDims(a!.dims, b!.dims))
    for (let i = 0; i < data.length; i++) data[i] = f(a!.data[i]!, b!.data[i]!);
  else if (inputs.length === 2 && b!.data.length === 1) {
    const y = b!.data[0]!;
    for (let i = 0; i < data.length; i++) data[i] = f(a!.data[i]!, y);
  } else if (inputs.length === 2) {
    const ia = broadcastIndex(a!.dims, dims),
      ib = broadcastIndex(b!.dims, dims);
    for (let i = 0; i < data.length; i++) data[i] = f(a!.data[ia[i]!]!, b!.data[ib[i]!]!);
  } else {
    const places = inputs.map((input) => broadcastIndex(input.dims, dims));
    for (let i = 0; i < data.length; i++) data[i] = f(...inputs.map((input, k) => input.data[places[k]![i]!]!));
  }
  return [{ type, dims, data }];
}

/** An operator on each element of one tensor. `node` gives the attributes. */
export function unary(f: (x: number, node: Node) => number, vjp: Op["vjp"]): Op {
  return {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value: (call) => elementwise(call, (x) => f(x, call.node), undefined, [required(call, 0)]),
    vjp,
  };
}

/** An operator on pairs of elements, broadcast. */
export function binary(f: (a: number, b: number) => number, vjp: Op["vjp"]): Op {
  return { shape: elementwiseShape(), value: (call) => elementwise(call, f), vjp };
}
