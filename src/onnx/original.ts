/** The model as its file has it, behind the preprocessing in plain numbers: the judge of what was rewritten, and the way in where nothing could be. */
import type { InputContract } from "#assessment/system.ts";
import type { InferenceRuntime, InferenceSession, RuntimeTensor } from "#base/ports.ts";
import { isUnbatched, networkShape, soleInput } from "./attack-graph.ts";
import { runSamples } from "./batches.ts";
import type { Feed } from "./batches.ts";
import { encodeModel } from "./codec.ts";
import { OnnxError } from "./errors.ts";
import { portProto } from "./graph.ts";
import type { LoadedModel } from "./graph.ts";
import type { Port } from "./ir.ts";
import type { Head } from "./head.ts";
import { applyPreprocessing, preprocessingOf } from "./preprocessing.ts";
import { sizeOf, toRuntime, toValue } from "./tensor.ts";
import type { ElementType } from "./tensor.ts";

/** Outputs by name: the rows of all samples, and the shape of one. */
export type Outputs = Readonly<
  Record<string, { readonly data: Float64Array; readonly row: readonly number[]; readonly type: ElementType }>
>;

export interface OriginalModel {
  /** Every numeric output for n samples of fractions. Throws OnnxError where the runtime gives up. */
  run(x: Float32Array, n: number): Promise<Outputs>;
  /** The same, one sample per call. */
  runSingly(x: Float32Array, n: number): Promise<Outputs>;
  readonly outputs: readonly string[];
  readonly batch: "any" | number;
  release(): Promise<void>;
}

const isNumeric = (port: Port): boolean => !port.nonTensor && port.type !== "string";

/** ZipMap turns scores into a list of maps, which no tensor runtime hands out: the scores themselves are taken. */
function withoutZipMap(loaded: LoadedModel, bytes: Uint8Array): { bytes: Uint8Array; outputs: string[] } {
  const { graph, proto } = loaded;
  const maps = graph.nodes.filter((node) => node.op === "ZipMap");
  if (maps.length === 0) return { bytes, outputs: graph.outputs.filter(isNumeric).map((port) => port.name) };
  const scores = new Map(maps.map((node) => [node.outputs[0]!, node.inputs[0]!]));
  const file = proto.graph!;
  const names = graph.outputs.map((port) => scores.get(port.name) ?? port.name);
  const replaced = {
    ...proto,
    graph: {
      ...file,
      node: file.node.filter((node) => node.op_type !== "ZipMap"),
      output: file.output.map((port, i) =>
        scores.has(port.name ?? "") ? portProto({ name: names[i]!, type: "float32", dims: [null, null] }) : port,
      ),
    },
  };
  const outputs = names.filter((_, i) => scores.has(graph.outputs[i]!.name) || isNumeric(graph.outputs[i]!));
  return { bytes: encodeModel(replaced), outputs };
}

/** Loads the file's own model; `others` are fed beside the samples. Throws OnnxError where the runtime refuses it or the samples do not fit. */
export async function openOriginal(
  loaded: LoadedModel,
  bytes: Uint8Array,
  contract: InputContract,
  sample: readonly number[],
  runtime: InferenceRuntime,
  others: Readonly<Record<string, RuntimeTensor>> = {},
): Promise<OriginalModel> {
  const input = soleInput(loaded.graph);
  const preprocessing = preprocessingOf(contract, sample, networkShape(input, sample));
  const model = withoutZipMap(loaded, bytes);
  if (model.outputs.length === 0)
    throw new OnnxError("no output of the model is a tensor of numbers", {
      remedy: "export the model with its scores as output",
    });
  let session: InferenceSession;
  try {
    session = await runtime.load(model.bytes);
  } catch (error) {
    throw new OnnxError(`the runtime refuses the model: ${error instanceof Error ? error.message : String(error)}`, {
      remedy: "check that the file is whole and that onnxruntime runs it without extensions",
      cause: error,
    });
  }
  const bare = isUnbatched(input, sample);
  const declared = input.dims?.[0] ?? null;
  const batch = bare ? 1 : (declared ?? "any");
  const rounded = input.type !== "float32" && input.type !== "float64" && input.type !== "float16";
  const feed = (x: Float32Array, n: number): RuntimeTensor => {
    const values = applyPreprocessing(preprocessing, x, n);
    const dims = [n, ...preprocessing.network];
    if (input.type === "float32") return { type: "float32", dims, data: values };
    return toRuntime({
      type: input.type!,
      dims,
      data: Float64Array.from(values, (v) => (rounded ? Math.round(v) : v)),
    });
  };
  const run = async (x: Float32Array, n: number, group: number | "bare"): Promise<Outputs> => {
    if (x.length !== n * sizeOf(sample))
      throw new RangeError(`${x.length} values are not ${n} samples of ${sizeOf(sample)}`);
    const feeds: Record<string, Feed> = { [input.name]: { tensor: feed(x, n), perSample: true } };
    for (const [name, tensor] of Object.entries(others)) feeds[name] = { tensor, perSample: false };
    try {
      const results = await runSamples(session, feeds, n, group, model.outputs);
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, row, data }]) => [
          name,
          { row, type, data: toValue({ type, dims: [data.length], data }).data },
        ]),
      );
    } catch (error) {
      throw new OnnxError(
        `the model does not run on samples of shape [${sample.join(", ")}]: ${error instanceof Error ? error.message.trim() : String(error)}`,
        { remedy: "check the shape of the data against the model's input", cause: error },
      );
    }
  };
  const group = bare ? "bare" : (declared ?? Infinity);
  return {
    run: (x, n) => run(x, n, group),
    runSingly: (x, n) => run(x, n, bare ? "bare" : (declared ?? 1)),
    outputs: model.outputs,
    batch,
    release: () => session.release(),
  };
}

/** What the head of a rewritten model says its file's output should be: from logits [n, outputs]. */
export function throughHead(head: Head, logits: ArrayLike<number>, n: number): Float64Array {
  const k = head.outputs;
  const row = (i: number): number[] => Array.from({ length: k }, (_, j) => logits[i * k + j]!);
  const rows = Array.from({ length: n }, (_, i) => {
    const z = row(i);
    const top = z.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = top + Math.log(z.reduce((sum, v) => sum + Math.exp(v - top), 0));
    switch (head.kind) {
      case "softmax":
        return z.map((v) => Math.exp(v - total));
      case "log-softmax":
        return z.map((v) => v - total);
      case "sigmoid":
      case "multi-label":
        return z.map((v) => 1 / (1 + Math.exp(-v)));
      case "binary":
        return [1 / (1 + Math.exp(-z[1]!))];
      case "binary-logit":
        return [z[1]!];
      case "label":
        return [z.indexOf(top)];
      default:
        return z;
    }
  });
  return Float64Array.from(rows.flat());
}

/** Largest difference of two outputs, relative to the larger of 1e-3 and the largest magnitude; NaN equals NaN. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0,
    scale = 1e-3;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!,
      y = b[i]!;
    if (Object.is(x, y) || x === y) continue;
    if (!Number.isFinite(x) || !Number.isFinite(y)) return Infinity;
    worst = Math.max(worst, Math.abs(x - y));
    scale = Math.max(scale, Math.abs(x), Math.abs(y));
  }
  return worst / scale;
}
