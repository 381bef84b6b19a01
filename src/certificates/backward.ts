/**
 * Linear bounds written as a graph (CROWN: Zhang et al., NeurIPS 2018; for general graphs Xu et al., NeurIPS 2020). A row asks for a
 * lower bound of one linear function of a tensor; the walk carries its coefficients back to the input. Affine operators hand
 * them on as gradients do; an activation replaces its output by the line that keeps the bound below.
 */
import type { Prepared } from "#onnx/attack-graph.ts";
import { gradientsOf } from "#onnx/gradient.ts";
import { encodeGraph } from "#onnx/graph.ts";
import type { PortOut } from "#onnx/graph.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { attr, axisOf, nodeName, rankOf, sameDims, typeOf } from "#onnx/ir.ts";
import { opOf } from "#onnx/ops.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";
import type { Activation, BoundNetwork, Precision } from "./network.ts";
import { Unboundable, boundNetwork } from "./network.ts";

/** Norm of the ball that inputs are taken from: a box of its own per element, or a ball of the norm within that box. */
export type InputNorm = "box" | "l2" | "l1";

export interface BackwardForm {
  /** The tensor whose linear functions are bounded. */
  readonly from: "logits" | { readonly activation: number };
  /**
   * Rows come in groups of this many that share a box and lines, fed as [groups, 1, elements]. "rows": each row has its own, or
   * all share one, fed as [rows or 1, elements].
   */
  readonly group: number | "rows";
  readonly norm: InputNorm;
  readonly precision: Precision;
  /** Also the derivatives of each bound by its lower slopes and multipliers; needs "rows" with lines of their own. */
  readonly gradients: boolean;
  /** Multipliers for activations whose sign was decided (β-CROWN, Wang et al., NeurIPS 2021): fed signed, [rows, elements]. */
  readonly multipliers: boolean;
  /** Also the coefficients at each activation's output and at the input. */
  readonly coefficients: boolean;
}

/** Names of what goes in and comes out, with the prefix that no model's own tensors have; j is an activation's id. */
export const port = {
  spec: "vauban.spec",
  low: "vauban.x.low",
  high: "vauban.x.high",
  centre: "vauban.x.centre",
  radius: "vauban.x.radius",
  lowSlope: (j: number) => `vauban.low.slope.${j}`,
  lowAt: (j: number) => `vauban.low.at.${j}`,
  highSlope: (j: number) => `vauban.high.slope.${j}`,
  highAt: (j: number) => `vauban.high.at.${j}`,
  multiplier: (j: number) => `vauban.multiplier.${j}`,
  /** By how much float32 may move each element of an activation's input, and of the bounded tensor. */
  rounding: (j: number) => `vauban.rounding.${j}`,
  ownRounding: "vauban.rounding.own",
  /** What those roundings may take from the bound. */
  lost: "vauban.lost",
  bound: "vauban.lower",
  /** The sum of the magnitudes that the bound was added up from: what rounding is relative to. */
  magnitude: "vauban.magnitude",
  coefficients: (j: number) => `vauban.coefficients.${j}`,
  inputCoefficients: "vauban.coefficients.x",
  lowSlopeGradient: (j: number) => `vauban.gradient.low.slope.${j}`,
  multiplierGradient: (j: number) => `vauban.gradient.multiplier.${j}`,
} as const;

export interface BackwardProgram {
  readonly bytes: Uint8Array;
  readonly form: BackwardForm;
  readonly precision: Precision;
  /** Activations between the input and `from`, nearest the input first. */
  readonly activations: readonly Activation[];
  readonly inputSize: number;
  /** Elements of `from`. */
  readonly width: number;
}

/** Two numbers of groups that no layer has as a length by accident. */
const PROBES = [7, 11];

/** ONNX bytes that bound rows of linear functions. Throws Unboundable, UnsupportedOp. */
export function backwardProgram(prepared: Prepared, form: BackwardForm): BackwardProgram {
  const { precision } = form;
  const each = form.group === "rows" ? 1 : form.group;
  const net = boundNetwork(
    prepared,
    precision,
    PROBES.map((n) => n * each),
  );
  const { g, x } = net;
  const from = form.from === "logits" ? net.logits : net.activations[form.from.activation]!.pre;
  const width = sizeOf(from.at[0]!.dims) / net.rows[0]!;
  const needed = ancestors(net, from);
  const activations = net.activations.filter(({ post }) => needed.has(post.name));

  const inputs: PortOut[] = [];
  const feed = (name: string, perRow: boolean, length: number): Ref => {
    const grouped = !perRow && form.group !== "rows";
    // What may come once for all rows has an open length of its own: the runtime reuses memory among tensors it believes equal.
    const first = perRow ? null : name;
    inputs.push({ name, type: precision, dims: grouped ? [first, 1, length] : [first, length] });
    return g.input(
      name,
      precision,
      PROBES.map((n) => (grouped ? [n, 1, length] : [n * each, length])),
    );
  };
  /** Elements of each row side by side, in the form lines come in. */
  const flat = (ref: Ref, length: number): Ref =>
    reshaped(g, ref, form.group === "rows" ? [-1, length] : [-1, each, length]);
  const rowSum = (ref: Ref): Ref => {
    const sum = g.sum(ref, [ref.at[0]!.dims.length - 1], false);
    return form.group === "rows" ? sum : reshaped(g, sum, [-1]);
  };

  const spec = feed(port.spec, true, width);
  const spread = flat(spec, width);
  const contributions = new Map<string, Ref[]>([[from.name, [reshaped(g, spec, [-1, ...from.at[0]!.dims.slice(1)])]]]);
  const take = (name: string): Ref | undefined => {
    const parts = contributions.get(name);
    if (parts === undefined) return undefined;
    return parts.length === 1 ? parts[0]! : parts.length === 2 ? g.add(parts[0]!, parts[1]!) : g.op("Sum", parts);
  };
  const give = (name: string, ref: Ref): void =>
    void contributions.set(name, [...(contributions.get(name) ?? []), ref]);

  const terms: Ref[] = [],
    sizes: Ref[] = [],
    lost: Ref[] = [];
  /** What roundings of a tensor may take: |coefficients| · rounding, as a product with a column. */
  const moved = (coefficients: Ref, name: string, length: number): void => {
    const roundings = feed(name, false, length);
    const size = g.op("Abs", [coefficients]);
    if (form.group === "rows") lost.push(g.sum(g.mul(size, roundings), [1], false));
    else {
      const column = g.transpose(roundings, [0, 2, 1]);
      lost.push(reshaped(g, g.op("MatMul", [size, column]), [-1]));
    }
  };
  const outputs: [string, Ref][] = [];
  const slopes: { name: string; ref: Ref }[] = [];
  moved(spread, port.ownRounding, width);
  const nodes = g.nodes.slice(0, net.written);
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => contributions.has(name))) continue;
    const activation = net.activationOf.get(node.outputs[0]!);
    if (activation) {
      const { id, size, pre } = activation;
      const a = flat(take(activation.post.name)!, size);
      if (form.coefficients) outputs.push([port.coefficients(id), reshaped(g, a, [-1, size])]);
      const above = g.op("Relu", [a]);
      const below = g.sub(a, above);
      const lowSlope = feed(port.lowSlope(id), false, size);
      const highSlope = feed(port.highSlope(id), false, size);
      slopes.push({ name: port.lowSlopeGradient(id), ref: lowSlope });
      let back = g.add(g.mul(above, lowSlope), g.mul(below, highSlope));
      const constant: Ref[] = [g.mul(below, feed(port.highAt(id), false, size))];
      if (activation.f.name !== "relu") constant.push(g.mul(above, feed(port.lowAt(id), false, size)));
      for (const term of constant) {
        terms.push(rowSum(term));
        sizes.push(rowSum(activation.f.name === "relu" ? g.neg(term) : g.op("Abs", [term])));
      }
      if (form.multipliers) {
        const multiplier = feed(port.multiplier(id), true, size);
        slopes.push({ name: port.multiplierGradient(id), ref: multiplier });
        back = g.sub(back, multiplier);
      }
      moved(back, port.rounding(id), size);
      give(pre.name, reshaped(g, back, [-1, ...activation.dims]));
      continue;
    }
    const varies = node.inputs.map((name) => net.variable.has(name));
    if (!varies.includes(true)) continue;
    const at = node.inputs.map((name) => (name === "" ? undefined : g.ref(name)));
    const dy = node.outputs.map((name) => (name === "" ? undefined : take(name)));
    if (node.op === "Split") fillMissing(g, node, dy);
    for (const offset of offsetsOf(g, node, at, varies, dy)) {
      const dims = offset.at[0]!.dims;
      const axes = dims.map((_, i) => i).slice(1);
      terms.push(g.sum(offset, axes, false));
      sizes.push(g.sum(g.op("Abs", [offset]), axes, false));
    }
    const vjp = opOf(node)?.vjp;
    if (typeof vjp !== "function") throw new Unboundable(`operator ${node.op} (node "${nodeName(node)}") has no rule`);
    const y = node.outputs.map((name) => (name === "" ? undefined : g.ref(name)));
    const back = vjp(g, { node, x: at, y, dy, needs: varies });
    node.inputs.forEach((name, i) => {
      if (!varies[i]) return;
      const ref = back[i];
      if (ref === undefined) throw new Unboundable(`operator ${node.op} (node "${nodeName(node)}") has no rule`);
      const same = ref.at.every((known, k) => sameDims(known.dims, at[i]!.at[k]!.dims));
      give(name, same ? ref : g.unbroadcast(ref, at[i]!));
    });
  }
  const reached = take(x.name);
  if (reached === undefined) throw new Unboundable("the bounded tensor does not depend on the input");

  const a = flat(reached, net.inputSize);
  const low = feed(port.low, false, net.inputSize),
    high = feed(port.high, false, net.inputSize);
  const above = g.op("Relu", [a]);
  const below = g.sub(a, above);
  const box = rowSum(g.add(g.mul(above, low), g.mul(below, high)));
  let least = box;
  const magnitude = g.op("Max", [g.op("Abs", [low]), g.op("Abs", [high])]);
  sizes.push(rowSum(g.mul(g.sub(above, below), magnitude)));
  if (form.norm !== "box") {
    // Hölder: the ball of one norm is bounded by the dual norm of the coefficients.
    const centre = rowSum(g.mul(a, feed(port.centre, false, net.inputSize)));
    const radius = feed(port.radius, false, 1);
    const axis = a.at[0]!.dims.length - 1;
    const dual =
      form.norm === "l2"
        ? g.op("Sqrt", [g.sum(g.mul(a, a), [axis], true)])
        : g.op("ReduceMax", [g.op("Abs", [a])], attribute.ints("axes", [axis]), attribute.int("keepdims", 1));
    const ball = g.sub(centre, rowSum(g.mul(dual, radius)));
    least = g.op("Max", [box, ball]);
  }
  const total = (parts: readonly Ref[]): Ref => (parts.length === 1 ? parts[0]! : g.op("Sum", parts));
  const bound = total([least, ...terms]);
  outputs.push([port.bound, bound], [port.magnitude, total(sizes)], [port.lost, total(lost)]);
  if (form.coefficients) outputs.push([port.inputCoefficients, reshaped(g, a, [-1, net.inputSize])]);
  if (form.gradients && slopes.length > 0) {
    const gradients = gradientsOf(
      g,
      bound,
      slopes.map(({ ref }) => ref),
    );
    slopes.forEach(({ name }, i) => outputs.push([name, gradients[i]!]));
  }
  const ports = outputs.map(([name, ref]) => {
    g.output(name, ref);
    return { name, type: typeOf(ref), dims: ref.at[0]!.dims.map((dim, i) => (i === 0 ? null : dim)) };
  });
  return {
    bytes: encodeGraph({ inputs, outputs: ports, nodes: g.nodes, constants: g.constants }),
    form,
    precision,
    activations,
    inputSize: net.inputSize,
    width,
  };
}

function reshaped(g: Writer, ref: Ref, dims: readonly number[]): Ref {
  const [, ...rest] = dims;
  const same = ref.at.every((known) => sameDims(known.dims.slice(1), rest));
  return same ? ref : g.op("Reshape", [ref, g.ints(dims)]);
}

/** Tensors that `from` is computed from, itself included. */
function ancestors(net: BoundNetwork, from: Ref): Set<string> {
  const used = new Set([from.name]);
  for (const node of net.g.nodes.toReversed())
    if (node.outputs.some((name) => used.has(name))) for (const name of node.inputs) used.add(name);
  return used;
}

/** coefficient · constant, element by element, for each constant that an affine operator adds; absent where it adds none. */
function offsetsOf(
  g: Writer,
  node: Node,
  at: readonly (Ref | undefined)[],
  varies: readonly boolean[],
  dy: readonly (Ref | undefined)[],
): Ref[] {
  const gradient = dy[0];
  const constants = at.flatMap((ref, i) => (ref !== undefined && !varies[i] ? [{ ref, i }] : []));
  const nonzero = (ref: Ref): boolean => ref.at[0]!.value?.data.some((v) => v !== 0) ?? true;
  const times = (ref: Ref, by = 1): Ref[] => (nonzero(ref) && by !== 0 ? [g.mul(gradient!, g.scale(ref, by))] : []);
  /** One value per channel of [rows, channels, …]. */
  const perChannel = (ref: Ref): Ref => {
    const rank = gradient!.at[0]!.dims.length;
    return reshapedTo(g, ref, [1, -1, ...Array.from({ length: rank - 2 }, () => 1)]);
  };
  switch (node.op) {
    case "Add":
    case "Sum":
      return constants.flatMap(({ ref }) => times(ref));
    case "Mean":
      return constants.flatMap(({ ref }) => times(ref, 1 / at.length));
    case "Sub":
      return constants.flatMap(({ ref, i }) => times(ref, i === 0 ? 1 : -1));
    case "Conv":
    case "ConvTranspose":
      return at[2] ? times(perChannel(at[2])) : [];
    case "Gemm":
      return at[2] ? times(at[2], attr.float(node, "beta", 1)) : [];
    case "BatchNormalization": {
      const [scale, shift, mean, variance] = at.slice(1).map((ref) => known(node, ref));
      const epsilon = attr.float(node, "epsilon", 1e-5);
      const data = shift!.data.map(
        (b, c) => b - (scale!.data[c]! * mean!.data[c]!) / Math.sqrt(variance!.data[c]! + epsilon),
      );
      return times(perChannel(g.constant({ type: typeOf(gradient!), dims: [data.length], data })));
    }
    case "Pad": {
      const fill = at[2] && known(node, at[2]).data[0];
      if (fill === undefined || fill === 0 || attr.string(node, "mode", "constant") !== "constant") return [];
      throw new Unboundable(`Pad (node "${nodeName(node)}") fills with ${fill}, not 0`, { node: nodeName(node) });
    }
    case "Concat": {
      const axis = attr.int(node, "axis", 0);
      const rank = at[0]!.at[0]!.dims.length;
      const along = axis < 0 ? axis + rank : axis;
      let from = 0;
      return at.flatMap((ref, i) => {
        const length = ref!.at[0]!.dims[along]!;
        const begin = from;
        from += length;
        if (varies[i] || !nonzero(ref!)) return [];
        const part = g.op("Slice", [gradient!, g.ints([begin]), g.ints([begin + length]), g.ints([along])]);
        return [g.mul(part, ref!)];
      });
    }
    default:
      return [];
  }
}

/** Parts of a Split that nobody asks for: zeros, made of what is there and not of the network's own tensors, which do not run here. */
function fillMissing(g: Writer, node: Node, dy: (Ref | undefined)[]): void {
  const given = dy.find((ref) => ref !== undefined)!;
  const axis = axisOf(node, attr.int(node, "axis", 0), rankOf(given));
  node.outputs.forEach((name, i) => {
    if (dy[i] === undefined && name !== "") dy[i] = g.expandLike(g.scale(g.sum(given, [axis], true), 0), g.ref(name));
  });
}

function reshapedTo(g: Writer, ref: Ref, dims: readonly number[]): Ref {
  return g.op("Reshape", [ref, g.ints(dims)]);
}

function known(node: Node, ref: Ref | undefined): Value {
  const value = ref?.at[0]!.value;
  if (value === undefined)
    throw new Unboundable(`${node.op} (node "${nodeName(node)}") takes statistics that are no constants`);
  return value;
}
