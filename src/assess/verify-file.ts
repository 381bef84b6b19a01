/** A model file and a property file, decided: what a worker runs for `vauban verify`. */
import { rng } from "#base/random.ts";
import type { InputContract } from "#assessment/system.ts";
import { HostError, type InferenceRuntime, type Signal, type WorkerPorts } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import { inflate } from "#formats/inflate.ts";
import { readVnnlib, type UnsafePart, type VnnlibProperty } from "#formats/vnnlib.ts";
import { openClassifier, type OnnxClassifier } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";
import { loadGraph } from "#onnx/graph.ts";
import { openOriginal, type OriginalModel } from "#onnx/original.ts";
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
  const began = ports.clock.monotonic();
  try {
    const property = await readProperty(plan.property, ports);
    if (
      property.parts.some(
        ({ low, high }) => low.some((v) => Math.abs(v) > FLOAT32_MAX) || high.some((v) => Math.abs(v) > FLOAT32_MAX),
      )
    )
      return refused(`${plan.property} bounds an input beyond the largest float32`);
    const bytes = await ports.files.readWhole(plan.model);
    const loaded = loadGraph(bytes);
    const [input, ...others] = loaded.graph.inputs;
    if (others.length > 0)
      return refused(
        `${plan.model} takes ${loaded.graph.inputs.length} inputs (${loaded.graph.inputs.map(({ name }) => name).join(", ")}), and a property of VNN-LIB 1 speaks of one: make the others constants`,
      );
    const sampleShape = shapeFor(input?.dims, property.inputs);
    if (sampleShape === undefined)
      return refused(
        `${plan.property} declares ${property.inputs} inputs, the model takes [${input?.dims?.map((dim) => dim ?? "?").join(", ") ?? "?"}]`,
      );
    const opened = await openFor(property, { bytes, sampleShape, runtime: ports.runtime });
    const { classifier } = opened;
    let original: OriginalModel | undefined;
    try {
      const { head } = classifier.model;
      if (property.outputs !== classifier.outputs)
        return refused(`${plan.property} declares ${property.outputs} outputs, the model gives ${classifier.outputs}`);
      const confirm = async (x: Float32Array): Promise<Float32Array | undefined> => {
        original ??= await openOriginal(loaded, bytes, CONTRACT, sampleShape, ports.runtime);
        const y = (await original.runSingly(x, 1))[head.output]!.data;
        return violates(property.parts, x, y) ? Float32Array.from(y) : undefined;
      };
      const verification = await verify(classifier, opened.parts, ports.runtime, {
        signal,
        rng: rng(plan.seed),
        clock: ports.clock,
        // Opening the model is part of the time.
        secondsMax: plan.secondsMax - (ports.clock.monotonic() - began) / 1000,
        nodesMax: plan.nodesMax,
        progress: onProgress,
        confirm,
      });
      const { inputs, outputs, parts } = property;
      const notes = [opened.note, ...classifier.model.notes.filter((note) => note.includes("stochastic"))];
      return { status: "decided", verification, inputs, outputs, parts: parts.length, notes };
    } finally {
      await original?.release();
      await classifier.release();
    }
  } catch (error) {
    if (error instanceof HostError || error instanceof OnnxError || error instanceof FormatError)
      return refused(error.remedy ? `${error.message} – ${error.remedy}` : error.message);
    throw error;
  }
}

/** A property speaks of the model's own inputs: nothing happens before them. */
const CONTRACT: InputContract = { range: [0, 1], scale: 1, mean: [], std: [], integer: false };
const FLOAT32_MAX = 3.4028234663852886e38;

/** The model with its outputs as the property means them, and the parts over what attacks and bounds see. */
async function openFor(
  { parts }: VnnlibProperty,
  options: { bytes: Uint8Array; sampleShape: readonly number[]; runtime: InferenceRuntime },
): Promise<{ classifier: OnnxClassifier; parts: readonly UnsafePart[]; note: string }> {
  const open = (choice?: "regression"): Promise<OnnxClassifier> =>
    openClassifier({ ...options, input: CONTRACT, surrogates: true, ...(choice ? { head: choice } : {}) });
  const classifier = await open();
  const { head } = classifier.model;
  if (head.kind === "logits" || head.kind === "regression" || head.kind === "label")
    return { classifier, parts, note: head.note };
  if (head.kind === "softmax" || head.kind === "log-softmax") {
    const inner = throughSoftmax(parts, classifier.outputs);
    if (inner && classifier.prepared) return { classifier, parts: inner, note: head.note };
  }
  await classifier.release();
  return { classifier: await open("regression"), parts, note: "the outputs are taken as the numbers that they are" };
}

/** In float32 equal probabilities may belong to values before the softmax that differ a little more than they round. */
const SOFTMAX_ROOM = 1e-6;

/**
 * The parts over the values before a softmax, where they mean the same there: which output is the largest. Probabilities that are far from
 * the largest may all be 0 in float32, so that other comparisons say less than they do before it.
 */
function throughSoftmax(parts: readonly UnsafePart[], outputs: number): readonly UnsafePart[] | undefined {
  const comparisons = parts.map(({ constraints }) =>
    constraints.map(({ a, b }) => {
      const factors = Array.from(a).filter((value) => value !== 0);
      return b === 0 && factors.length === 2 && factors[0] === -factors[1]!
        ? { smaller: a.findIndex((value) => value > 0), larger: a.findIndex((value) => value < 0) }
        : undefined;
    }),
  );
  const known = comparisons.flat();
  if (known.includes(undefined)) return undefined;
  const others = (chosen: (each: { smaller: number; larger: number }) => number, list: typeof known): boolean =>
    new Set(list.map((each) => chosen(each!))).size === outputs - 1;
  // Every part: this output is the largest. Or all together: that one is not.
  const largest = comparisons.every(
    (list) => new Set(list.map((each) => each!.larger)).size === 1 && others(({ smaller }) => smaller, list),
  );
  const [first] = parts;
  const same = (a: Float64Array, b: Float64Array): boolean => a === b || a.every((value, i) => value === b[i]);
  const notLargest =
    parts.every(({ low, high }) => same(low, first!.low) && same(high, first!.high)) &&
    comparisons.every((list) => list.length === 1) &&
    new Set(known.map((each) => each!.smaller)).size === 1 &&
    others(({ larger }) => larger, known);
  if (!largest && !notLargest) return undefined;
  return parts.map((part) => ({
    ...part,
    constraints: part.constraints.map(({ a }) => {
      const factor = Math.max(...a);
      return { a: a.map((value) => value / factor), b: SOFTMAX_ROOM };
    }),
  }));
}

/** Whether an input lies in a part's box, as float32 can, and its outputs meet all of that part's constraints. */
function violates(parts: readonly UnsafePart[], x: Float32Array, y: ArrayLike<number>): boolean {
  return parts.some(
    ({ low, high, constraints }) =>
      x.every((value, i) => value >= Math.fround(low[i]!) && value <= Math.fround(high[i]!)) &&
      constraints.every(({ a, b }) => {
        let sum = 0;
        for (let j = 0; j < a.length; j++) if (a[j] !== 0) sum += a[j]! * y[j]!;
        return sum <= b;
      }),
  );
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
