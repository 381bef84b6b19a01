/** Finds what a model's outputs mean: logits, probabilities to be stripped back to logits, or labels only. */
import { OnnxError } from "./errors.ts";
import type { Node, Ref } from "./ir.ts";
import { attr, axisOf, nodeName, rankOf, typeOf } from "./ir.ts";
import { attribute, isFloat, scalar, sizeOf } from "./tensor.ts";
import type { Writer } from "./writer.ts";

export interface Head {
  /**
   * softmax, log-softmax: stripped. sigmoid: one per class, stripped. binary: one sigmoid output, read as logits (0, z) of two classes.
   * label: the model ends in ArgMax; the "logits" are one-hot labels without gradient. logits: as they come.
   */
  readonly kind: "logits" | "softmax" | "log-softmax" | "sigmoid" | "binary" | "label" | "probabilities";
  readonly output: string;
  readonly outputs: number;
  /** What was found and done, for people. */
  readonly note: string;
}

/** They hand a sample's elements on in the same order. */
const PASSING = new Set(["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"]);

/** Whether an output's shape for one sample is one row: boxes per anchor or classes per pixel are not. */
export const isVector = (row: readonly number[]): boolean => row.filter((dim) => dim !== 1).length <= 1;

const rowOf = (dims: readonly number[], samples: number): readonly number[] =>
  dims[0] === samples ? dims.slice(1) : dims;

export const noVector = (): OnnxError =>
  new OnnxError("no output of the model has one row of numbers per sample", {
    remedy: "detection, segmentation and sequence models cannot be attacked as classifiers",
  });

/**
 * Chooses the output, strips the head and appends what makes it logits [batch, outputs].
 * `samples` gives the number of samples at each probe. Throws OnnxError where no output can be read as one vector per sample.
 */
export function findHead(
  g: Writer,
  outputs: readonly string[],
  samples: readonly number[],
): { readonly logits: Ref; readonly head: Head } {
  const maker = new Map<string, Node>();
  for (const node of g.nodes) for (const name of node.outputs) maker.set(name, node);
  const perSample = (ref: Ref): number | undefined => {
    const counts = ref.at.map((known, k) => sizeOf(known.dims) / samples[k]!);
    return counts.every((count) => Number.isInteger(count) && count > 0 && count === counts[0]) ? counts[0] : undefined;
  };
  const candidates = outputs
    .map((name) => ({ name, ref: g.ref(name) }))
    .filter(
      ({ ref }) => perSample(ref) !== undefined && ref.at.every((known, k) => isVector(rowOf(known.dims, samples[k]!))),
    );
  const best = candidates.find(({ ref }) => isFloat(typeOf(ref))) ?? candidates[0];
  if (best === undefined) throw noVector();
  const chosen = best.ref;
  const several = outputs.length > 1 ? `of ${outputs.length} outputs "${best.name}" is read; ` : "";
  const k = perSample(chosen)!;

  let at = chosen;
  let node = maker.get(at.name);
  while (
    node !== undefined &&
    (PASSING.has(node.op) || (node.op === "Cast" && isFloat(typeOf(g.ref(node.inputs[0]!))) && isFloat(typeOf(at))))
  ) {
    at = g.ref(node.inputs[0]!);
    node = maker.get(at.name);
  }
  const rows = (ref: Ref, count: number): Ref => {
    const flat = samples.length > 1 ? [-1, count] : [samples[0]!, count];
    const is = ref.at.every(
      (known, i) => known.dims.length === 2 && known.dims[0] === samples[i] && known.dims[1] === count,
    );
    const cast = typeOf(ref) === "float32" ? ref : g.cast(ref, "float32");
    return is ? cast : g.op("Reshape", [cast, g.ints(flat)]);
  };
  const found = (kind: Head["kind"], logits: Ref, count: number, note: string) => ({
    logits,
    head: { kind, output: best.name, outputs: count, note: several + note },
  });

  if (node?.op === "Log") {
    const before = maker.get(node.inputs[0]!);
    if (before?.op === "Softmax") node = before;
  }
  if (node?.op === "Softmax" || node?.op === "LogSoftmax") {
    const x = g.ref(node.inputs[0]!);
    const axis = axisOf(node, attr.int(node, "axis", -1), rankOf(x));
    if (x.at.every((known) => known.dims[axis] === k))
      return found(
        node.op === "Softmax" ? "softmax" : "log-softmax",
        rows(x, k),
        k,
        `the closing ${node.op} is left out: attacks see the logits before it`,
      );
  }
  if (node?.op === "Sigmoid") {
    const z = rows(g.ref(node.inputs[0]!), k);
    if (k > 1) return found("sigmoid", z, k, "one sigmoid per class, left out: attacks see the values before it");
    const zero = g.mul(z, g.constant(scalar("float32", 0)));
    const pair = g.op("Concat", [zero, z], attribute.int("axis", 1));
    return found("binary", pair, 2, "one sigmoid output, read as two classes with logits (0, z)");
  }
  if (node?.op === "ArgMax" && k === 1) {
    const x = g.ref(node.inputs[0]!);
    const axis = axisOf(node, attr.int(node, "axis", 0), rankOf(x));
    const classes = x.at[0]!.dims[axis]!;
    const label = g.op("Reshape", [at, g.ints([-1])]);
    const oneHot = g.op(
      "OneHot",
      [label, g.ints([classes]), g.constant({ type: "float32", dims: [2], data: Float64Array.of(0, 1) })],
      attribute.int("axis", 1),
    );
    return found("label", oneHot, classes, `the model gives labels only (ArgMax at "${nodeName(node)}")`);
  }
  if (!isFloat(typeOf(chosen)))
    throw new OnnxError(`the output "${best.name}" holds ${typeOf(chosen)} values`, {
      remedy: "export the model with its scores as output",
    });
  return found("logits", rows(chosen, k), k, k === 1 ? "one output per sample" : `${k} outputs, taken as logits`);
}
