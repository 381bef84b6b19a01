/** Finds what a model's outputs mean – classes, independent labels, numbers – and strips what stands behind the logits. */
import { OnnxError } from "./errors.ts";
import type { Node, Ref } from "./ir.ts";
import { attr, axisOf, nodeName, rankOf, typeOf } from "./ir.ts";
import { attribute, isFloat, scalar, sizeOf } from "./tensor.ts";
import type { Writer } from "./writer.ts";

/** What the outputs say: which of several classes (the largest), which labels apply (each by itself), or numbers. */
export type Meaning = "classes" | "labels" | "numbers";

/** What the caller knows of the head: see `Head.kind` for what is found without. */
export type HeadChoice = "exclusive" | "binary" | "multi-label" | "regression";

export interface Head {
  /**
   * softmax, log-softmax: stripped. multi-label: one sigmoid per label, stripped; sigmoid: the same where the caller says that
   * the labels exclude each other. binary: one sigmoid output, read as logits (0, z) of two classes; binary-logit: one output
   * read so on the caller's word. regression: numbers. label: the model ends in ArgMax; the "logits" are one-hot labels without
   * gradient. logits: as they come.
   */
  readonly kind:
    | "logits"
    | "softmax"
    | "log-softmax"
    | "sigmoid"
    | "multi-label"
    | "binary"
    | "binary-logit"
    | "regression"
    | "label"
    | "probabilities";
  /** Labels apply where z ≥ 0: the sigmoid's 0.5. */
  readonly meaning: Meaning;
  readonly output: string;
  readonly outputs: number;
  /** What was found and done, for people. */
  readonly note: string;
}

/** What a head of k raw outputs is: the caller's word, else classes where there are several and a number where there is one. */
export function plainMeaning(
  k: number,
  choice: HeadChoice | undefined,
): { readonly kind: "logits" | "binary-logit" | "regression"; readonly meaning: Meaning; readonly note: string } {
  if (choice === "binary" && k !== 1)
    throw new OnnxError(`a binary head has one output, this model has ${k}`, {
      remedy: "say exclusive for classes, multi-label for labels",
    });
  if (choice === "exclusive" && k === 1)
    throw new OnnxError("a head of exclusive classes has several outputs, this model has one", {
      remedy: "say binary for two classes from one output",
    });
  if (choice === "binary")
    return { kind: "binary-logit", meaning: "classes", note: "one output, read as two classes with logits (0, z)" };
  if (choice === "multi-label")
    return { kind: "logits", meaning: "labels", note: `${k} outputs, taken as logits of labels that apply from 0 on` };
  if (choice === "regression" || (choice === undefined && k === 1))
    return {
      kind: "regression",
      meaning: "numbers",
      note: k === 1 ? "one output per sample, a number" : `${k} numbers per sample`,
    };
  return { kind: "logits", meaning: "classes", note: `${k} outputs, taken as logits` };
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
 * `samples` gives the number of samples at each probe; `choice` is the caller's word on what the outputs mean. Throws OnnxError where no output can be read as one vector per sample.
 */
export function findHead(
  g: Writer,
  outputs: readonly string[],
  samples: readonly number[],
  choice?: HeadChoice,
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
  const found = (kind: Head["kind"], meaning: Meaning, logits: Ref, count: number, note: string) => ({
    logits,
    head: { kind, meaning, output: best.name, outputs: count, note: several + note },
  });
  /** (0, z) of one output. */
  const paired = (z: Ref): Ref =>
    g.op("Concat", [g.mul(z, g.constant(scalar("float32", 0))), z], attribute.int("axis", 1));
  if (choice === "regression" && isFloat(typeOf(chosen)))
    return found("regression", "numbers", rows(chosen, k), k, plainMeaning(k, choice).note);

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
        "classes",
        rows(x, k),
        k,
        `the closing ${node.op} is left out: attacks see the logits before it`,
      );
  }
  if (node?.op === "Sigmoid") {
    const z = rows(g.ref(node.inputs[0]!), k);
    if (k === 1 && choice !== "multi-label")
      return found("binary", "classes", paired(z), 2, "one sigmoid output, read as two classes with logits (0, z)");
    if (choice === "exclusive")
      return found("sigmoid", "classes", z, k, "one sigmoid per class, left out: attacks see the values before it");
    // Nothing makes sigmoids exclude each other: whoever knows that they do has to say so.
    const note = `${k} independent sigmoids, left out: each label applies where the value before it is at least 0`;
    return found("multi-label", "labels", z, k, note);
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
    return found("label", "classes", oneHot, classes, `the model gives labels only (ArgMax at "${nodeName(node)}")`);
  }
  if (!isFloat(typeOf(chosen)))
    throw new OnnxError(`the output "${best.name}" holds ${typeOf(chosen)} values`, {
      remedy: "export the model with its scores as output",
    });
  const plain = plainMeaning(k, choice);
  const z = rows(chosen, k);
  return plain.kind === "binary-logit"
    ? found(plain.kind, plain.meaning, paired(z), 2, plain.note)
    : found(plain.kind, plain.meaning, z, k, plain.note);
}
