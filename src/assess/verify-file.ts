/** A model file and a property file, decided: what a worker runs for `vauban verify`. */
import { rng } from "#base/random.ts";
import { HostError, type Signal, type WorkerPorts } from "#base/ports.ts";
import type { LinearConstraint } from "#onnx/objectives.ts";
import { FormatError } from "#formats/error.ts";
import { inflate } from "#formats/inflate.ts";
import { readVnnlib, type UnsafePart } from "#formats/vnnlib.ts";
import { openClassifier } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";
import { loadGraph } from "#onnx/graph.ts";
import { sizeOf } from "#onnx/tensor.ts";
import { verify, type Verification } from "./verify.ts";

export interface VerifyPlan {
  readonly model: string;
  readonly property: string;
  readonly secondsMax: number;
  readonly nodesMax: number;
  readonly seed: string;
}

export type VerifyResult =
  | {
      readonly status: "decided";
      readonly verification: Verification;
      readonly inputs: number;
      readonly outputs: number;
      readonly parts: number;
      readonly notes: readonly string[];
    }
  | { readonly status: "refused"; readonly because: string };

/** Properties are text; one beyond this was not meant to be read. */
const PROPERTY_LIMIT = 2 ** 28;

/** Decides a property. What is wrong with the files comes back as "refused"; only cancellation and our own mistakes are thrown. */
export async function verifyFiles(
  plan: VerifyPlan,
  signal: Signal,
  ports: WorkerPorts,
  onProgress: (note: string) => void,
): Promise<VerifyResult> {
  const refused = (because: string): VerifyResult => ({ status: "refused", because });
  try {
    const property = await readProperty(plan.property, ports);
    const bytes = await ports.files.readWhole(plan.model);
    const [input] = loadGraph(bytes).graph.inputs;
    const sampleShape = shapeFor(input?.dims, property.inputs);
    if (sampleShape === undefined)
      return refused(
        `${plan.property} declares ${property.inputs} inputs, the model takes [${input?.dims?.map((dim) => dim ?? "?").join(", ") ?? "?"}]`,
      );
    const classifier = await openClassifier({
      bytes,
      // A property speaks of the model's own inputs: nothing happens before them.
      input: { range: [0, 1], scale: 1, mean: [], std: [], integer: false },
      sampleShape,
      runtime: ports.runtime,
      surrogates: true,
    });
    try {
      const { head } = classifier.model;
      const parts = throughHead(property.parts, head.kind, classifier.outputs);
      if (property.outputs !== (head.kind === "binary" ? 1 : classifier.outputs))
        return refused(`${plan.property} declares ${property.outputs} outputs, the model gives ${classifier.outputs}`);
      if (parts === undefined)
        return refused(
          `the property compares the model's probabilities with numbers, and its last ${head.kind} has no linear bounds: state it over the values before, or over which output is larger`,
        );
      const verification = await verify(classifier, parts, ports.runtime, {
        signal,
        rng: rng(plan.seed),
        clock: ports.clock,
        secondsMax: plan.secondsMax,
        nodesMax: plan.nodesMax,
        progress: onProgress,
      });
      const { inputs, outputs } = property;
      return { status: "decided", verification, inputs, outputs, parts: parts.length, notes: [head.note] };
    } finally {
      await classifier.release();
    }
  } catch (error) {
    if (error instanceof HostError || error instanceof OnnxError || error instanceof FormatError)
      return refused(error.remedy ? `${error.message} – ${error.remedy}` : error.message);
    throw error;
  }
}

async function readProperty(path: string, { files }: WorkerPorts) {
  const bytes = await files.readWhole(path, PROPERTY_LIMIT);
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return readVnnlib(zipped ? await inflate(bytes, "gzip", PROPERTY_LIMIT, { format: "vnnlib", offset: 0 }) : bytes);
}

/** The shape of one sample in the file's own input, where its elements are as many as the property's. */
function shapeFor(dims: readonly (number | null)[] | undefined, inputs: number): readonly number[] | undefined {
  if (dims === undefined || dims.length === 0) return [inputs];
  for (const rest of [dims.slice(1), dims]) {
    const open = rest.filter((dim) => dim === null).length;
    const known = sizeOf(rest.filter((dim) => dim !== null));
    if (open === 0 && known === inputs) return rest as number[];
    if (open === 1 && inputs % known === 0) return rest.map((dim) => dim ?? inputs / known);
  }
  return undefined;
}

/**
 * The parts over the values that attacks and bounds see. Where a monotone head was stripped, comparisons of two outputs with each
 * other mean the same before it; anything else does not.
 */
function throughHead(parts: readonly UnsafePart[], head: string, outputs: number): readonly UnsafePart[] | undefined {
  if (!["softmax", "log-softmax", "sigmoid", "multi-label", "binary", "probabilities"].includes(head)) return parts;
  const compares = ({ a, b }: LinearConstraint): boolean => {
    const factors = Array.from(a).filter((value) => value !== 0);
    return b === 0 && factors.length === 2 && factors[0] === -factors[1]!;
  };
  return parts.every(({ constraints }) =>
    constraints.every((each) => compares({ a: Array.from(each.a), b: each.b })),
  ) && outputs > 1
    ? parts
    : undefined;
}
