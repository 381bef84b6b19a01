/** Opens a model file as a classifier: preprocessing inside, logits and gradients out, everything it assumed on record. */
import type { InputContract } from "#assessment/system.ts";
import type { InferenceRuntime, InferenceSession, RuntimeTensor } from "#base/ports.ts";
import { OnnxError, UnsupportedOp } from "./errors.ts";
import { loadGraph } from "./graph.ts";
import type { Head } from "./head.ts";
import { feedsOf, formOf } from "./objectives.ts";
import type { Objective } from "./objectives.ts";
import { forwardModel, gradientModel, prepare } from "./attack-graph.ts";
import type { Prepared } from "./attack-graph.ts";
import { sizeOf } from "./tensor.ts";

export interface OpenOptions {
  /** The model file. */
  readonly bytes: Uint8Array;
  readonly input: InputContract;
  /** Shape of one sample in the data file, for example [28, 28]. */
  readonly sampleShape: readonly number[];
  readonly runtime: InferenceRuntime;
}

export interface OnnxClassifier {
  readonly kind: "classifier";
  readonly shape: readonly number[];
  readonly size: number;
  readonly outputs: number;
  readonly grid: { readonly integer: true; readonly levels: number } | { readonly integer: false };
  readonly box: null;
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  readonly gradient?: (
    x: Float32Array,
    n: number,
    objective: Objective,
  ) => Promise<{ logits: Float32Array; value: Float32Array; gradient: Float32Array }>;
  readonly noGradient?: string;
  readonly head: "logits" | "log-probabilities";
  readonly batch: number;
  readonly counts: { queries: number; gradients: number };
  /** What was found out about the model on opening it. */
  readonly model: ModelReport;
  release(): Promise<void>;
}

export interface ModelReport {
  readonly opset: number;
  readonly head: Head;
  /** "any": batches of any size. A number: the file fixes it, and samples run in groups of that many. */
  readonly batch: "any" | number;
  /** How the batch axis came about, where the file did not leave it open. */
  readonly notes: readonly string[];
}

/** Opens a model. Throws OnnxError where the file cannot be read or does not fit the samples. */
export async function openClassifier(options: OpenOptions): Promise<OnnxClassifier> {
  const { runtime, sampleShape, input } = options;
  const loaded = loadGraph(options.bytes);
  if (loaded.foreign) throw loaded.foreign;
  const prepared = prepare(loaded, input, sampleShape);
  const size = sizeOf(sampleShape);
  const counts = { queries: 0, gradients: 0 };
  const forward = await runtime.load(forwardModel(prepared));
  const sessions = new Map<string, Promise<InferenceSession>>();
  const group = prepared.batch === "any" ? Infinity : prepared.batch;

  const unsupported = gradientRefusal(prepared);

  /** Runs n samples in the groups that the model allows; feeds are per sample along their first axis. */
  async function run(
    session: InferenceSession,
    x: Float32Array,
    n: number,
    extra: Record<string, RuntimeTensor>,
    perSample: ReadonlySet<string>,
  ): Promise<Record<string, Float32Array>> {
    if (x.length !== n * size) throw new RangeError(`${x.length} values are not ${n} samples of ${size}`);
    const parts: Record<string, Float32Array[]> = {};
    const width = Math.min(group, n);
    for (let from = 0; from < n; from += width) {
      const many = Math.min(width, n - from);
      const feeds: Record<string, RuntimeTensor> = {};
      const pad = (name: string, tensor: RuntimeTensor): RuntimeTensor => {
        const data = tensor.data as Float32Array;
        const each = sizeOf(tensor.dims.slice(1));
        const rows = Number.isFinite(group) ? group : many;
        const part = data.subarray(from * each, (from + many) * each);
        if (rows === many) return { type: "float32", dims: [rows, ...tensor.dims.slice(1)], data: part };
        const padded = new Float32Array(rows * each);
        padded.set(part);
        void name;
        return { type: "float32", dims: [rows, ...tensor.dims.slice(1)], data: padded };
      };
      feeds["vauban.x"] = pad("x", { type: "float32", dims: [n, ...sampleShape], data: x });
      for (const [name, tensor] of Object.entries(extra))
        feeds[name] = perSample.has(name) ? pad(name, tensor) : tensor;
      const wanted = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
      const results = await session.run(wanted);
      for (const [name, tensor] of Object.entries(results)) {
        const data = tensor.data as Float32Array;
        const each = data.length / tensor.dims[0]!;
        (parts[name] ??= []).push(many * each === data.length ? data : data.slice(0, many * each));
      }
    }
    return Object.fromEntries(
      Object.entries(parts).map(([name, list]) => {
        if (list.length === 1) return [name, list[0]!];
        const all = new Float32Array(list.reduce((sum, part) => sum + part.length, 0));
        let at = 0;
        for (const part of list) {
          all.set(part, at);
          at += part.length;
        }
        return [name, all];
      }),
    );
  }

  const classifier: OnnxClassifier = {
    kind: "classifier",
    shape: sampleShape,
    size,
    outputs: prepared.head.outputs,
    grid: input.integer ? { integer: true, levels: input.range[1] - input.range[0] } : { integer: false },
    box: null,
    head: prepared.head.kind === "probabilities" ? "log-probabilities" : "logits",
    batch: prepared.batchAdvised,
    counts,
    model: { opset: loaded.opset, head: prepared.head, batch: prepared.batch, notes: prepared.notes },
    async logits(x, n) {
      counts.queries += n;
      if (n === 0) return new Float32Array(0);
      return (await run(forward, x, n, {}, new Set()))["vauban.logits"]!;
    },
    ...(unsupported
      ? { noGradient: unsupported.message }
      : {
          async gradient(x: Float32Array, n: number, objective: Objective) {
            counts.gradients += n;
            if (n === 0)
              return { logits: new Float32Array(0), value: new Float32Array(0), gradient: new Float32Array(0) };
            const form = formOf(objective);
            const key = JSON.stringify(form);
            let session = sessions.get(key);
            if (session === undefined) {
              session = runtime.load(gradientModel(prepared, form));
              sessions.set(key, session);
            }
            const feeds = feedsOf(objective, n, prepared.head.outputs);
            const perSample = new Set(objective.kind === "unsafe" ? [] : Object.keys(feeds));
            const out = await run(await session, x, n, feeds, perSample);
            return { logits: out["vauban.logits"]!, value: out["vauban.value"]!, gradient: out["vauban.gradient"]! };
          },
        }),
    async release() {
      await forward.release();
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
  return classifier;
}

/** Whether a gradient can be written at all; tried on the simplest objective. */
function gradientRefusal(prepared: Prepared): UnsupportedOp | undefined {
  try {
    gradientModel(prepared, { kind: "unsafe", clauses: 1, constraints: 1 });
    return undefined;
  } catch (error) {
    if (error instanceof UnsupportedOp) return error;
    if (error instanceof OnnxError) return new UnsupportedOp("of every kind", error.node ?? "", error.message);
    throw error;
  }
}
