/**
 * Interval arithmetic through the affine part between activations, as a graph: centres go through the operator, radii through its
 * absolute weights (Gowal et al. 2018, §3). The cheapest bounds; loose on their own, and the start of all others.
 */
import type { Prepared } from "#onnx/attack-graph.ts";
import { encodeGraph } from "#onnx/graph.ts";
import type { PortOut } from "#onnx/graph.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { attr, nodeName, typeOf } from "#onnx/ir.ts";
import { attribute, sizeOf } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";
import { Unboundable, boundNetwork } from "./network.ts";
import type { Precision } from "./network.ts";
import type { Peak } from "./rounding.ts";
import { UNDERFLOW, UNIT, peakOf, shareOf } from "./rounding.ts";

export const intervalPort = {
  low: "vauban.x.low",
  high: "vauban.x.high",
  postLow: (j: number) => `vauban.post.low.${j}`,
  postHigh: (j: number) => `vauban.post.high.${j}`,
  lowOut: "vauban.low",
  highOut: "vauban.high",
  /** By how much float32 may move each element, at most. */
  rounding: "vauban.rounding",
} as const;

export interface IntervalProgram {
  readonly bytes: Uint8Array;
  readonly width: number;
  /** Ids of the activations whose outputs are fed, and whether the input is. */
  readonly reads: readonly number[];
  readonly readsInput: boolean;
  /** How large anything on the way can get, from the largest magnitude that is fed. */
  readonly peak: Peak;
}

/**
 * The network rounds once; in float32 the centre, the radius and the ends of the interval round like it. In float64 the intervals
 * themselves are as good as exact.
 */
const ROUNDINGS: Readonly<Record<Precision, number>> = { float32: 4, float64: 1 + 2 ** -20 };
const PROBES = [7, 11];

/** ONNX bytes: intervals of the input and of activations' outputs, [rows, elements] each, to those of one affine tensor. */
export function intervalProgram(
  prepared: Prepared,
  target: "logits" | { readonly activation: number },
  precision: Precision,
): IntervalProgram {
  const net = boundNetwork(prepared, precision, PROBES);
  const { g } = net;
  const to = target === "logits" ? net.logits : net.activations[target.activation]!.pre;
  const inputs: PortOut[] = [];
  const feed = (name: string, length: number): Ref => {
    inputs.push({ name, type: precision, dims: [null, length] });
    return g.input(
      name,
      precision,
      PROBES.map((n) => [n, length]),
    );
  };
  const reads: number[] = [];
  let readsInput = false;
  /** Centre, radius and magnitude of tensors. */
  const known = new Map<string, readonly [centre: Ref, radius: Ref, magnitude: Ref]>();
  /** The error of tensors as a share of their magnitude, and how large they can get. */
  const shares = new Map<string, number>(),
    peaks = new Map<string, Peak>();
  const enter = (name: string, low: Ref, high: Ref, dims: readonly number[]): void => {
    const centre = g.scale(g.add(low, high), 0.5),
      radius = g.scale(g.sub(high, low), 0.5);
    const shaped = (ref: Ref): Ref => (dims.length === 1 ? ref : g.op("Reshape", [ref, g.ints([-1, ...dims])]));
    const magnitude = g.add(g.add(g.op("Abs", [centre]), radius), g.number(UNDERFLOW, low));
    known.set(name, [shaped(centre), shaped(radius), shaped(magnitude)]);
    shares.set(name, 0);
    peaks.set(name, { slope: 1, at: 0 });
  };

  const nodes = g.nodes.slice(0, net.written);
  const wanted = new Set([to.name]);
  for (const node of nodes.toReversed())
    if (node.outputs.some((name) => wanted.has(name)) && !net.activationOf.has(node.outputs[0]!))
      for (const name of node.inputs) wanted.add(name);
  for (const activation of net.activations)
    if (wanted.has(activation.post.name)) {
      const { id, size, dims } = activation;
      reads.push(id);
      enter(activation.post.name, feed(intervalPort.postLow(id), size), feed(intervalPort.postHigh(id), size), dims);
    }
  if (wanted.has(net.x.name)) {
    readsInput = true;
    const dims = net.x.at[0]!.dims.slice(1);
    enter(net.x.name, feed(intervalPort.low, net.inputSize), feed(intervalPort.high, net.inputSize), dims);
  }
  for (const node of nodes) {
    if (!node.outputs.some((name) => wanted.has(name)) || net.activationOf.has(node.outputs[0]!)) continue;
    const varies = node.inputs.map((name) => net.variable.has(name));
    if (!varies.includes(true)) continue;
    const at = node.inputs.map((name) => (name === "" ? undefined : g.ref(name)));
    const given = at.map((ref) => ref?.at[0]);
    const result = g.ref(node.outputs.find((name) => name !== "")!).at[0]!;
    const from = node.inputs.map((name, i) => (varies[i] ? peaks.get(name) : undefined));
    const stored = node.inputs.map((name) => g.constants.get(name));
    const share = Math.max(...node.inputs.map((name) => shares.get(name) ?? 0)) + shareOf(node, given, result);
    const peak = peakOf(node, given, result, from, stored);
    const parts = [0, 1, 2].map((part) =>
      applied(
        g,
        node,
        at.map((ref, i) => (varies[i] ? known.get(ref!.name)![part]! : ref)),
        varies,
        (["centre", "radius", "magnitude"] as const)[part]!,
      ),
    );
    node.outputs.forEach((name, k) => {
      if (name === "") return;
      known.set(name, [parts[0]![k]!, parts[1]![k]!, parts[2]![k]!]);
      shares.set(name, share);
      peaks.set(name, peak);
    });
  }
  const [centre, radius, magnitude] = known.get(to.name)!;
  const width = sizeOf(to.at[0]!.dims) / net.rows[0]!;
  const flat = (ref: Ref): Ref => g.op("Reshape", [ref, g.ints([-1, width])]);
  const rounding = g.add(
    g.scale(magnitude, ROUNDINGS[precision] * (shares.get(to.name)! + 2 * UNIT)),
    g.number(UNDERFLOW, magnitude),
  );
  const spread = g.add(radius, rounding);
  const outputs = [
    [intervalPort.lowOut, flat(g.sub(centre, spread))],
    [intervalPort.highOut, flat(g.add(centre, spread))],
    [intervalPort.rounding, flat(rounding)],
  ] as const;
  const largest = (of: (peak: Peak) => number): number => Math.max(...[...peaks.values()].map(of));
  const ports = outputs.map(([name, ref]) => {
    g.output(name, ref);
    return { name, type: typeOf(ref), dims: [null, width] };
  });
  return {
    bytes: encodeGraph({ inputs, outputs: ports, nodes: g.nodes, constants: g.constants }),
    width,
    reads,
    readsInput,
    peak: { slope: largest(({ slope }) => slope), at: largest(({ at }) => at) },
  };
}

const WEIGHTED = new Set(["Mul", "Div", "MatMul", "Gemm", "Conv", "ConvTranspose"]);
const MIXING = new Set(["Add", "Sub", "Sum", "Mean"]);

/** The operator on centres as it is; on radii with absolute weights and without what it adds; on magnitudes with both absolute. */
function applied(
  g: Writer,
  node: Node,
  inputs: readonly (Ref | undefined)[],
  varies: readonly boolean[],
  part: "centre" | "radius" | "magnitude",
): Ref[] {
  const attributes = Object.values(node.attributes);
  const call = (op: string, given: readonly (Ref | undefined)[]): Ref[] =>
    g.call(op, given, attributes, node.outputs.length);
  if (part === "centre") return call(node.op, inputs);
  const absolute = (ref: Ref): Ref => g.op("Abs", [ref]);
  const offset = (ref: Ref): Ref[] => (part === "magnitude" ? [absolute(ref)] : []);
  if (MIXING.has(node.op)) {
    const parts = inputs.flatMap((ref, i) => (varies[i] ? [ref!] : offset(ref!)));
    const sum = parts.reduce((a, b) => g.add(a, b));
    // A sum with a constant may be broader than its varying part.
    const whole = inputs.reduce<Ref>((a, b, i) => (varies[i] ? a : g.add(a, g.scale(absolute(b!), 0))), sum);
    return [node.op === "Mean" ? g.scale(whole, 1 / inputs.length) : whole];
  }
  if (node.op === "Neg") return [inputs[0]!];
  if (WEIGHTED.has(node.op)) {
    const [a, b, c] = inputs.map((ref, i) => (ref && !varies[i] ? absolute(ref) : ref));
    const factors = ["alpha", "beta"].map((name) => attribute.float(name, Math.abs(attr.float(node, name, 1))));
    const others = attributes.filter(({ name }) => name !== "alpha" && name !== "beta");
    const given = c && part === "magnitude" ? [a, b, c] : [a, b];
    return g.call(node.op, given, node.op === "Gemm" ? [...others, ...factors] : attributes, node.outputs.length);
  }
  if (node.op === "BatchNormalization") {
    const [x, scale, shift, mean, variance] = inputs as [Ref, Ref, Ref, Ref, Ref];
    const none = g.scale(mean, 0);
    if (part === "radius") return call(node.op, [x, absolute(scale), none, none, variance]);
    return call(node.op, [x, absolute(scale), absolute(shift), g.neg(absolute(mean)), variance]);
  }
  if (node.op === "Concat")
    return call(
      node.op,
      inputs.map((ref, i) => (varies[i] ? ref! : part === "magnitude" ? absolute(ref!) : g.scale(ref!, 0))),
    );
  if (node.op === "Resize" && attr.string(node, "mode", "nearest") === "cubic")
    throw new Unboundable(`Resize (node "${nodeName(node)}") with cubic weights, some of them negative`);
  if (node.op === "Pad" && inputs[2] && inputs[2].at[0]!.value?.data[0] !== 0)
    throw new Unboundable(`Pad (node "${nodeName(node)}") fills with something other than 0`);
  return call(node.op, inputs);
}
