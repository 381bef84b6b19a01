/** Opens a model file as a classifier: preprocessing inside, logits and gradients out, everything it assumed on record. */
import type { InputContract } from "#assessment/system.ts";
import type { InferenceRuntime, InferenceSession } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import { ANSWER, GRADIENT, LOGITS, X, forwardModel, gradientModel, prepare } from "./attack-graph.ts";
import type { GradientWay, Prepared } from "./attack-graph.ts";
import { runSamples } from "./batches.ts";
import type { Feed } from "./batches.ts";
import { OnnxError, UnsupportedOp } from "./errors.ts";
import type { StandIn } from "./gradient.ts";
import { loadGraph } from "./graph.ts";
import type { LoadedModel } from "./graph.ts";
import { isVector, noVector, plainMeaning } from "./head.ts";
import type { Head, HeadChoice, Meaning } from "./head.ts";
import { bindInputs } from "./inputs.ts";
import type { InputChoice } from "./inputs.ts";
import { feedsOf, formOf, isPerSample } from "./objectives.ts";
import type { Objective } from "./objectives.ts";
import { difference, openOriginal, throughHead } from "./original.ts";
import type { OriginalModel, Outputs } from "./original.ts";
import { sizeOf } from "./tensor.ts";

export interface OpenOptions {
  /** The model file. */
  readonly bytes: Uint8Array;
  readonly input: InputContract;
  /** Shape of one sample in the data file, for example [28, 28]. */
  readonly sampleShape: readonly number[];
  readonly runtime: InferenceRuntime;
  /** How many classes there are; needed only where the model gives nothing but labels. */
  readonly classes?: number;
  /** What the outputs mean, where the file does not say so or the caller knows better. */
  readonly head?: HeadChoice;
  /** The attacked input and the values of the others; needed where the model takes several. */
  readonly inputs?: InputChoice;
  /** Whether declared surrogates may stand in for steps without derivative (default: yes, and said in the report). */
  readonly surrogates?: boolean;
}

export interface Gradient {
  /** n × outputs. */
  readonly logits: Float32Array;
  /** n. */
  readonly value: Float32Array;
  /** n × size: ∂value/∂x in fractions. */
  readonly gradient: Float32Array;
}

/** The `Classifier` that attacks see, and what was found out about the file behind it. */
export interface OnnxClassifier {
  readonly kind: "classifier";
  readonly shape: readonly number[];
  readonly size: number;
  readonly outputs: number;
  readonly grid: { readonly integer: true; readonly levels: number } | { readonly integer: false };
  readonly box: null;
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  readonly gradient?: (x: Float32Array, n: number, objective: Objective) => Promise<Gradient>;
  readonly noGradient?: string;
  /** Present where the gradient is that of surrogates: what stands in for which step, for people. */
  readonly surrogates?: readonly string[];
  readonly head: "logits" | "log-probabilities";
  /** Whether the largest output decides, each output by itself (a label applies from 0 on), or the outputs are numbers. */
  readonly meaning: Meaning;
  /** Present where samples asked together got other answers than one by one: in words. */
  readonly mixes?: string;
  readonly batch: number;
  readonly counts: { queries: number; gradients: number };
  readonly model: ModelReport;
  /** The graph that was verified against the file's own model, for whoever writes it out for another purpose; absent where the file runs as it is. */
  readonly prepared?: Prepared;
  release(): Promise<void>;
}

export interface ModelReport {
  readonly opset: number;
  readonly head: Head;
  /** "any": batches of any size. A number: samples run in groups of that many. */
  readonly batch: "any" | number;
  /**
   * Largest relative difference between what attacks see and the model as its file has it, on `samples` probes; rewriting
   * that changed the model would show here. 0 where nothing was rewritten.
   */
  readonly agreement: { readonly difference: number; readonly samples: number };
  /** Whether the same input gave the same output twice. */
  readonly deterministic: boolean;
  /** The operator call that prevents a gradient, where it is one. */
  readonly prevented?: { readonly op: string; readonly node: string };
  /** Multiply-adds of one sample; absent where the file's graph was not rewritten. */
  readonly macs?: number;
  /** Steps without derivative and what stands in for each in the gradient; the outputs are always the model's own. */
  readonly surrogates: readonly StandIn[];
  readonly notes: readonly string[];
}

/** float32 kernels differ in the order of their sums; a wrong rewrite differs by far more. */
const AGREEMENT_MAX = 1e-3;
/** Half precision keeps eleven bits, and every order of sums rounds to other ones. */
const AGREEMENT_MAX_HALF = 1e-2;
const PROBE_SAMPLES = 3;

/** What opens a file one way or another: with the graph rewritten, or as it is. */
type Opened = Omit<OnnxClassifier, "kind" | "shape" | "size" | "grid" | "box" | "mixes">;

/** Opens a model. Throws OnnxError where the file cannot be read or run, or does not fit the samples. */
export async function openClassifier(options: OpenOptions): Promise<OnnxClassifier> {
  const { bytes, input, sampleShape, runtime } = options;
  const size = sizeOf(sampleShape);
  const { loaded, others } = bindInputs(loadGraph(bytes), options.inputs ?? {}, sampleShape);
  const original = await openOriginal(loaded, bytes, input, sampleShape, runtime, others);
  let opened: Opened;
  let mixes: string | undefined;
  try {
    const probes = await probed(original, input, size);
    mixes = probes.mixes;
    opened = await firstThatAgrees(loaded, original, options, probes);
  } catch (error) {
    await original.release();
    throw error;
  }
  return {
    kind: "classifier",
    shape: sampleShape,
    size,
    grid: input.integer ? { integer: true, levels: input.range[1] - input.range[0] } : { integer: false },
    box: null,
    ...(mixes === undefined ? {} : { mixes }),
    ...opened,
  };
}

/** Enough to see a batch that is treated otherwise than a single sample. */
const MIXED_SAMPLES = 6;

/** What the file's own model says of a few made-up samples. */
interface Probed {
  readonly x: Float32Array;
  /** Its answers to the first of them, asked one by one. */
  readonly expected: Outputs;
  readonly deterministic: boolean;
  /** What is wrong where it answers samples together otherwise than one by one. */
  readonly mixes: string | undefined;
}

async function probed(original: OriginalModel, input: InputContract, size: number): Promise<Probed> {
  const x = probeInput(input, size);
  const singly = await original.runSingly(x, MIXED_SAMPLES);
  const again = await original.runSingly(x, MIXED_SAMPLES);
  const deterministic = apart(singly, again) === 0;
  // What answers otherwise each time is stochastic, and said to be.
  const mixes = deterministic ? await mixing(original, x, singly) : undefined;
  const expected = Object.fromEntries(
    Object.entries(singly).map(([name, { data, ...rest }]) => [
      name,
      { ...rest, data: data.subarray(0, (data.length / MIXED_SAMPLES) * PROBE_SAMPLES) },
    ]),
  );
  return { x: x.subarray(0, PROBE_SAMPLES * size), expected, deterministic, mixes };
}

/** A refused batch is no answer. */
async function mixing(original: OriginalModel, x: Float32Array, singly: Outputs): Promise<string | undefined> {
  const together = await original.run(x, MIXED_SAMPLES).catch(() => undefined);
  const worst = together ? apart(singly, together) : 0;
  return worst > AGREEMENT_MAX_HALF
    ? `the file's own model answers ${MIXED_SAMPLES} samples together otherwise than one by one (by ${worst.toPrecision(2)} of its outputs' size)`
    : undefined;
}

/** Largest relative difference over all outputs. */
const apart = (a: Outputs, b: Outputs): number =>
  Math.max(0, ...Object.keys(a).map((name) => difference(a[name]!.data, b[name]!.data)));

const holdsHalf = ({ graph }: LoadedModel): boolean =>
  [...graph.inputs, ...graph.outputs, ...graph.constants.values()].some(({ type }) => type === "float16");

/** Fractions that look like nothing in particular but lie on the grid of values an input can take. */
function probeInput(input: InputContract, size: number): Float32Array {
  const draw = rng("onnx/probe");
  const levels = input.range[1] - input.range[0];
  return Float32Array.from({ length: MIXED_SAMPLES * size }, () => {
    const u = draw.uniform();
    return input.integer ? Math.round(u * levels) / levels : u;
  });
}

async function firstThatAgrees(
  loaded: LoadedModel,
  original: OriginalModel,
  options: OpenOptions,
  probes: Probed,
): Promise<Opened> {
  const { input, sampleShape, runtime } = options;
  const { x: probe, expected, deterministic } = probes;
  const stochastic = deterministic ? [] : ["the same input gave different outputs: the model is stochastic"];
  let because: OnnxError | undefined;
  const notes: string[] = [];
  const tolerance = holdsHalf(loaded) ? AGREEMENT_MAX_HALF : AGREEMENT_MAX;
  try {
    for (const prepared of prepare(loaded, input, sampleShape, options.head)) {
      const session = await loadedOr(runtime, forwardModel(prepared), (refusal) => notes.push(refusal));
      if (session === undefined) continue;
      const seen = throughHead(prepared.head, await forward(session, prepared, probe, PROBE_SAMPLES), PROBE_SAMPLES);
      const wanted = expected[prepared.head.output];
      const worst = wanted === undefined ? Infinity : difference(seen, wanted.data);
      if (worst <= tolerance || !deterministic) {
        const agreement = { difference: worst, samples: PROBE_SAMPLES };
        await original.release();
        const report = { opset: loaded.opset, head: prepared.head, batch: prepared.batch, agreement, deterministic };
        const access = await gradientAccess(prepared, runtime, probe, options.surrogates ?? true);
        return rewritten(prepared, session, runtime, access, {
          ...report,
          surrogates: access.standIns,
          macs: prepared.macs,
          ...(access.prevented ? { prevented: access.prevented } : {}),
          notes: [...prepared.notes, prepared.head.note, ...surrogateNotes(access.standIns), ...stochastic],
        });
      }
      await session.release();
      notes.push(
        `${prepared.notes.join("; ") || "the rewritten graph"}: differs from the file's own model by ${worst.toExponential(1)}`,
      );
    }
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    because = error;
  }
  const reason = because?.message ?? notes.at(-1) ?? "the model could not be rewritten";
  const prevented = culpritOf(because);
  return asItIs(loaded, original, options, probes, reason, {
    deterministic,
    notes: [...notes, ...stochastic],
    ...(prevented ? { prevented } : {}),
  });
}

async function loadedOr(
  runtime: InferenceRuntime,
  bytes: Uint8Array,
  refused: (why: string) => void,
): Promise<InferenceSession | undefined> {
  try {
    return await runtime.load(bytes);
  } catch (error) {
    refused(`the runtime refuses the rewritten graph: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

const groupOf = (prepared: Prepared): number => (prepared.batch === "any" ? Infinity : prepared.batch);

const samplesFeed = (prepared: Prepared, x: Float32Array, n: number): Feed => {
  const { sample } = prepared.preprocessing;
  if (x.length !== n * sizeOf(sample))
    throw new RangeError(`${x.length} values are not ${n} samples of ${sizeOf(sample)}`);
  return { tensor: { type: "float32", dims: [n, ...sample], data: x }, perSample: true };
};

async function forward(
  session: InferenceSession,
  prepared: Prepared,
  x: Float32Array,
  n: number,
): Promise<Float32Array> {
  const feeds = { [X]: samplesFeed(prepared, x, n) };
  return (await runSamples(session, feeds, n, groupOf(prepared)))[LOGITS]!.data as Float32Array;
}

/** A classifier over the rewritten graph, with gradient where every operator on the path has one. */
function rewritten(
  prepared: Prepared,
  session: InferenceSession,
  runtime: InferenceRuntime,
  access: GradientAccess,
  model: ModelReport,
): Opened {
  const counts = { queries: 0, gradients: 0 };
  const sessions = new Map<string, Promise<InferenceSession>>();
  const { outputs } = prepared.head;

  async function gradient(x: Float32Array, n: number, objective: Objective): Promise<Gradient> {
    counts.gradients += n;
    if (n === 0) return { logits: new Float32Array(0), value: new Float32Array(0), gradient: new Float32Array(0) };
    const form = formOf(objective);
    const key = `${form.kind} ${form.clauses} ${form.constraints}`;
    let loading = sessions.get(key);
    if (loading === undefined) {
      loading = runtime.load(gradientModel(prepared, form, access.way).bytes);
      sessions.set(key, loading);
    }
    const feeds: Record<string, Feed> = { [X]: samplesFeed(prepared, x, n) };
    const given = feedsOf(objective, n, outputs);
    for (const name in given) feeds[name] = { tensor: given[name]!, perSample: isPerSample(name) };
    const out = await runSamples(await loading, feeds, n, groupOf(prepared));
    const answer = out[ANSWER]!.data as Float32Array;
    const logits = new Float32Array(n * outputs),
      value = new Float32Array(n);
    for (let i = 0, at = 0; i < n; i++) {
      for (let j = 0; j < outputs; j++) logits[i * outputs + j] = answer[at++]!;
      value[i] = answer[at++]!;
    }
    return { logits, value, gradient: out[GRADIENT]!.data as Float32Array };
  }

  return {
    outputs,
    head: "logits",
    meaning: prepared.head.meaning,
    batch: prepared.batchAdvised,
    counts,
    model,
    prepared,
    async logits(x, n) {
      counts.queries += n;
      return n === 0 ? new Float32Array(0) : forward(session, prepared, x, n);
    },
    ...(access.refusal === undefined ? { gradient } : { noGradient: access.refusal }),
    ...(access.standIns.length > 0 ? { surrogates: saidOf(access.standIns) } : {}),
    async release() {
      await session.release();
      for (const loading of sessions.values()) await (await loading).release();
      sessions.clear();
    },
  };
}

/** How the gradient is to be had, or why it is not. */
interface GradientAccess {
  readonly way?: GradientWay;
  readonly standIns: readonly StandIn[];
  readonly refusal?: string;
  readonly prevented?: { readonly op: string; readonly node: string };
}

const culpritOf = (error: unknown): { readonly op: string; readonly node: string } | undefined =>
  error instanceof UnsupportedOp ? { op: error.op, node: error.node! } : undefined;

/** Exact before surrogates; behind the rounding of the input before through it. */
const WAYS: readonly GradientWay[] = [
  { smooth: true, surrogates: false },
  { smooth: true, surrogates: true },
  { smooth: false, surrogates: true },
];

/** The first way to a gradient that can be written, for the simplest objective, and that the runtime runs. */
async function gradientAccess(
  prepared: Prepared,
  runtime: InferenceRuntime,
  probe: Float32Array,
  surrogates: boolean,
): Promise<GradientAccess> {
  if (prepared.head.kind === "label") return { standIns: [], refusal: prepared.head.note };
  let refused: GradientAccess = { standIns: [], refusal: "no gradient" };
  for (const way of WAYS) {
    if (way.surrogates && !surrogates) continue;
    const tried = await tryGradient(prepared, runtime, probe, way);
    if (tried.refusal === undefined) return { ...tried, way };
    // Where surrogates pass the first step but not a later one, that one is what prevents the gradient.
    if (way.smooth) refused = tried;
  }
  return refused;
}

async function tryGradient(
  prepared: Prepared,
  runtime: InferenceRuntime,
  probe: Float32Array,
  way: GradientWay,
): Promise<GradientAccess> {
  const { outputs } = prepared.head;
  const objective: Objective = { kind: "unsafe", clauses: [[{ a: Array.from({ length: outputs }, () => 1), b: 0 }]] };
  let written: ReturnType<typeof gradientModel>;
  try {
    written = gradientModel(prepared, formOf(objective), way);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    const prevented = culpritOf(error);
    return { standIns: [], refusal: error.message, ...(prevented ? { prevented } : {}) };
  }
  let session: InferenceSession | undefined;
  try {
    session = await runtime.load(written.bytes);
    const feeds: Record<string, Feed> = { [X]: samplesFeed(prepared, probe, PROBE_SAMPLES) };
    for (const [name, tensor] of Object.entries(feedsOf(objective, PROBE_SAMPLES, outputs)))
      feeds[name] = { tensor, perSample: false };
    await runSamples(session, feeds, PROBE_SAMPLES, groupOf(prepared));
    return { standIns: written.standIns };
  } catch (error) {
    const words = error instanceof Error ? error.message.trim() : String(error);
    return { standIns: [], refusal: `the runtime refuses the gradient graph: ${words}` };
  } finally {
    await session?.release();
  }
}

const surrogateNotes = (standIns: readonly StandIn[]): string[] =>
  standIns.length === 0 ? [] : [`gradient by surrogate where there is none (BPDA): ${saidOf(standIns).join("; ")}`];

/** Each kind of step once, with the nodes it stands at: "Sign as softsign (8 nodes: a, b, …)". */
function saidOf(standIns: readonly StandIn[]): string[] {
  const kinds = new Map<string, string[]>();
  for (const { op, node, surrogate } of standIns) {
    const kind = `${op} as ${surrogate}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), node]);
  }
  return [...kinds].map(([kind, nodes]) => {
    const named = nodes.slice(0, 3).join(", ");
    return `${kind} (${nodes.length === 1 ? `node ${named}` : `${nodes.length} nodes: ${named}${nodes.length > 3 ? ", …" : ""}`})`;
  });
}

/** A classifier that runs the file's own model: queries only. Throws OnnxError where no output is one vector per sample. */
async function asItIs(
  loaded: LoadedModel,
  original: OriginalModel,
  options: OpenOptions,
  { x: probe, expected }: Probed,
  because: string,
  found: Pick<ModelReport, "deterministic" | "notes" | "prevented">,
): Promise<Opened> {
  const { head, read } = plainHead(original, expected, options.classes, options.head);
  const counts = { queries: 0, gradients: 0 };
  // A file that leaves its batch open may still mix samples or spell out one; then samples go one by one.
  let together = false;
  try {
    const joint = await original.run(probe, PROBE_SAMPLES);
    together = difference(joint[head.output]!.data, expected[head.output]!.data) <= AGREEMENT_MAX;
  } catch {
    // The runtime refused the batch: answered by running singly.
  }
  const batch = together ? original.batch : typeof original.batch === "number" ? original.batch : 1;
  return {
    outputs: head.outputs,
    head: head.kind === "probabilities" ? "log-probabilities" : "logits",
    meaning: head.meaning,
    batch: batch === "any" ? 64 : batch,
    counts,
    noGradient: because,
    model: {
      opset: loaded.opset,
      head,
      batch,
      agreement: { difference: 0, samples: PROBE_SAMPLES },
      deterministic: found.deterministic,
      ...(found.prevented ? { prevented: found.prevented } : {}),
      surrogates: [],
      notes: [`run as the file has it: ${because}`, head.note, ...found.notes],
    },
    async logits(x, n) {
      counts.queries += n;
      if (n === 0) return new Float32Array(0);
      const out = together ? await original.run(x, n) : await original.runSingly(x, n);
      return read(out[head.output]!.data, n);
    },
    release: () => original.release(),
  };
}

/** Smaller probabilities are rounded up to this before the logarithm: the smallest normal float32. */
const PROBABILITY_MIN = 1.2e-38;

function plainHead(
  original: OriginalModel,
  probes: Outputs,
  classes: number | undefined,
  choice: HeadChoice | undefined,
): { head: Head; read: (values: Float64Array, n: number) => Float32Array } {
  const widths = original.outputs.flatMap((name) => {
    const { row, type } = probes[name]!;
    return isVector(row) ? [{ name, width: sizeOf(row), type }] : [];
  });
  const isLabel = (type: string): boolean => type === "int64" || type === "int32";
  const vectors = widths.filter(({ width, type }) => width >= 1 && !isLabel(type));
  const chosen = vectors.find(({ width }) => width > 1) ?? vectors[0] ?? widths.find(({ width }) => width === 1);
  if (chosen === undefined) throw noVector();
  const { name, width } = chosen;
  if (isLabel(chosen.type)) {
    if (classes === undefined)
      throw new OnnxError("the model gives labels only, and the number of classes is not stated", {
        remedy: "list the classes of the model, or export it with its scores",
      });
    const note = "the model gives labels only";
    return {
      head: { kind: "label", meaning: "classes", output: name, outputs: classes, note },
      read(values, n) {
        const oneHot = new Float32Array(n * classes);
        values.forEach((label, i) => {
          if (label >= 0 && label < classes) oneHot[i * classes + label] = 1;
        });
        return oneHot;
      },
    };
  }
  const values = probes[name]!.data;
  const sums = Array.from({ length: PROBE_SAMPLES }, (_, i) =>
    values.subarray(i * width, (i + 1) * width).reduce((sum, v) => sum + v, 0),
  );
  const inUnit = values.every((v) => v >= 0 && v <= 1);
  const probabilities =
    width > 1 &&
    inUnit &&
    (choice === undefined || choice === "exclusive") &&
    sums.every((sum) => Math.abs(sum - 1) < 1e-3);
  if (!probabilities) {
    const { kind, meaning, note: said } = plainMeaning(width, choice);
    const note = `output "${name}" as it comes: ${said}`;
    // What lies between 0 and 1 applies from a half on; logits do from 0 on.
    const half = meaning === "labels" && inUnit ? 0.5 : 0;
    if (kind === "binary-logit") {
      const middle = inUnit ? 0.5 : 0;
      return {
        head: { kind, meaning, output: name, outputs: 2, note },
        read: (out) =>
          Float32Array.from({ length: 2 * out.length }, (_, i) => (i % 2 === 0 ? 0 : out[(i - 1) / 2]! - middle)),
      };
    }
    return {
      head: { kind, meaning, output: name, outputs: width, note },
      read: (out) => Float32Array.from(out, (v) => v - half),
    };
  }
  const note = `output "${name}" holds probabilities, read as their logarithms`;
  return {
    head: { kind: "probabilities", meaning: "classes", output: name, outputs: width, note },
    read: (out) => Float32Array.from(out, (p) => Math.log(Math.max(p, PROBABILITY_MIN))),
  };
}
