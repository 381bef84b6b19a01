/** From a model to the models an attack runs: logits, value and gradient over fractions of the declared input range. */
import type { InputContract } from "#assessment/system.ts";
import { OnnxError } from "./errors.ts";
import { gradientsOf } from "./gradient.ts";
import type { StandIn } from "./gradient.ts";
import { encodeGraph } from "./graph.ts";
import type { LoadedModel, PortOut } from "./graph.ts";
import { findHead } from "./head.ts";
import type { Head, HeadChoice } from "./head.ts";
import { DIALECT, attr } from "./ir.ts";
import type { Graph, Known, Node, Port, Ref } from "./ir.ts";
import { writeCall } from "./normalise.ts";
import { buildObjective, objectiveSlope } from "./objectives.ts";
import type { ObjectiveForm } from "./objectives.ts";
import { preprocessingOf, writePreprocessing } from "./preprocessing.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { attribute, isFloat, sizeOf } from "./tensor.ts";
import { widened } from "./widen.ts";
import { Writer } from "./writer.ts";

/** A model with its preprocessing in front and its head stripped, ready to be written out for any purpose. */
export interface Prepared {
  readonly preprocessing: Preprocessing;
  readonly head: Head;
  readonly batch: "any" | number;
  readonly batchAdvised: number;
  /** Multiply-adds of products and convolutions for one sample. */
  readonly macs: number;
  readonly notes: readonly string[];
  /**
   * Writes the model into a fresh writer: the attacked input and the logits. `smooth`: a network of integers is taken behind
   * its Cast, without the rounding that has no gradient, half precision is widened to float32, and stored quantised weights
   * are folded; what a gradient finds there must be tried on the model itself. `samples`: the batch sizes to probe, where
   * others than the usual ones are wanted.
   */
  write(smooth: boolean, samples?: readonly number[]): { readonly g: Writer; readonly x: Ref; readonly logits: Ref };
}

export const X = "vauban.x",
  LOGITS = "vauban.logits",
  ANSWER = "vauban.answer",
  GRADIENT = "vauban.gradient";

/** Two batch sizes that no layer has as a length by accident. */
const PROBES = [7, 11];

/** How the batch axis of a model is dealt with. */
interface BatchPlan {
  readonly batch: "any" | number;
  /** The samples at each probe. */
  readonly samples: readonly number[];
  readonly graph: Graph;
  /** The operator set in which the graph's calls are meant. */
  readonly opset: number;
  /** The network's input shape: −1 for an open batch axis. */
  readonly whole: readonly number[];
  readonly note?: string;
}

/**
 * The ways to fit preprocessing, network and head together, best first: batches of any size before fixed ones. A way that
 * frees a fixed batch must be verified by running it. Throws OnnxError where there is none.
 */
export function* prepare(
  loaded: LoadedModel,
  contract: InputContract,
  sample: readonly number[],
  choice?: HeadChoice,
): Generator<Prepared, void, undefined> {
  const { graph } = loaded;
  if (loaded.foreign) throw loaded.foreign;
  const input = soleInput(graph);
  refuseReserved(graph);
  const preprocessing = preprocessingOf(contract, sample, networkShape(input, sample));
  let failure: OnnxError | undefined,
    found = false;
  for (const plan of batchPlans(loaded, input, preprocessing)) {
    try {
      const write = (smooth: boolean, samples = plan.samples) =>
        writeModel({ ...plan, samples }, input, preprocessing, smooth, choice);
      const { g, head } = write(false);
      const prepared: Prepared = {
        preprocessing,
        head,
        batch: plan.batch,
        batchAdvised: advisedBatch(g, plan),
        macs: workOf(g, plan).macs,
        notes: plan.note ? [plan.note] : [],
        write,
      };
      found = true;
      yield prepared;
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      failure = error;
    }
  }
  if (!found && failure) throw failure;
}

/** The one input that samples go to. Throws OnnxError where there are several, or none of numbers. */
export function soleInput(graph: Graph): Port {
  const [input, ...others] = graph.inputs;
  if (input === undefined) throw new OnnxError("the model takes no input");
  if (others.length > 0)
    throw new OnnxError(
      `the model takes ${graph.inputs.length} inputs (${graph.inputs.map((port) => port.name).join(", ")})`,
      { remedy: "only models with one input can be attacked; make the others constants" },
    );
  if (input.type === undefined || input.type === "string" || input.type === "bool")
    throw new OnnxError(`input "${input.name}" holds ${input.type ?? "no tensor"}`, {
      remedy: "the input must be numbers",
    });
  return input;
}

/** The network's shape for one sample: without the batch axis where there is one. */
export function networkShape(input: Port, sample: readonly number[]): readonly (number | null)[] | undefined {
  if (input.dims === undefined || input.dims.length === 0) return undefined;
  return isUnbatched(input, sample) ? input.dims : input.dims.slice(1);
}

/** Whether the network takes one sample as it is, without an axis for the batch. */
export function isUnbatched(input: Port, sample: readonly number[]): boolean {
  const { dims } = input;
  if (dims === undefined || dims.length === 0 || dims[0] === null || dims[0] === 1) return false;
  const [declared, ...rest] = dims;
  // [48, 10] may be 48 samples of 10 or one of 48 × 10: the samples' own size decides.
  if (rest.every((dim) => dim !== null) && rest.length > 0 && sizeOf(rest) === sizeOf(sample)) return false;
  return dims.every((dim) => dim !== null) && declared! * sizeOf(rest as number[]) === sizeOf(sample);
}

/** Ways to read the batch axis, best first. */
function* batchPlans(loaded: LoadedModel, input: Port, { network, sample }: Preprocessing): Generator<BatchPlan> {
  const { graph, opset } = loaded;
  if (isUnbatched(input, sample)) {
    const note = "the network takes one sample without a batch axis: samples run one at a time";
    yield { batch: 1, samples: [1], graph, opset, whole: network, note };
    return;
  }
  const declared = input.dims?.[0] ?? null;
  const fixedBatch = declared ?? 1;
  const open = { batch: "any" as const, samples: PROBES, whole: [-1, ...network] };
  const freed = { note: `the file fixes the batch at ${fixedBatch}; its batch axis was freed` };
  yield { ...open, graph, opset, ...(declared === null ? {} : freed) };
  const rewritten = freeBatch(loaded, input, [fixedBatch, ...network]);
  if (rewritten) yield { ...open, graph: rewritten, opset: DIALECT, ...freed };
  const note =
    declared === null
      ? "the file leaves the batch open, but answers alike only for samples asked one at a time"
      : `the file fixes the batch at ${fixedBatch}: samples run ${fixedBatch} at a time`;
  yield { batch: fixedBatch, samples: [fixedBatch], graph, opset, whole: [fixedBatch, ...network], note };
}

/**
 * The graph, in the dialect, with every Reshape whose constant target spells out the batch made to follow it; undefined
 * where the graph does not hold at its own batch. Whether the result computes the same is for the caller to verify.
 */
function freeBatch({ graph, opset }: LoadedModel, input: Port, shape: readonly number[]): Graph | undefined {
  const g = new Writer(1, PREFIX);
  try {
    for (const [name, tensor] of graph.constants) g.stored(name, tensor);
    g.input(input.name, input.type!, [shape]);
    for (const node of graph.nodes) writeCall(g, node, opset);
    const nodes = g.nodes.map((node) => {
      const out = node.op === "Reshape" ? g.ref(node.outputs[0]!).at[0]!.dims : [];
      if (out[0] !== shape[0] || g.ref(node.inputs[1]!).at[0]!.value === undefined) return node;
      const target = g.ints(out.map((dim, i) => (i === 0 ? -1 : dim)));
      return { ...node, inputs: [node.inputs[0]!, target.name], attributes: {} };
    });
    for (const { name } of graph.outputs) {
      const ref = g.ref(name);
      // An output may have become a second name of another tensor.
      if (ref.name !== name)
        nodes.push({ op: "Identity", domain: "", name, inputs: [ref.name], outputs: [name], attributes: {} });
    }
    return { ...graph, nodes, constants: g.constants };
  } catch (error) {
    if (error instanceof OnnxError) return undefined;
    throw error;
  }
}

const PREFIX = "vauban.";

/** Names of what is added begin with the prefix. */
function refuseReserved(graph: Graph): void {
  const names = [
    ...graph.constants.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
    ...graph.inputs.map((port) => port.name),
  ];
  const taken = names.find((name) => name.startsWith(PREFIX));
  if (taken !== undefined)
    throw new OnnxError(`tensor "${taken}" has a name that begins with "${PREFIX}", which is reserved`, {
      remedy: "rename it; or give the model this one was made from",
    });
}

/** The runtime computes with quantised weights as such: folded, the model that is judged would round elsewhere. */
const QUANTISED_WEIGHTS: ReadonlySet<string> = new Set(["DequantizeLinear"]);

function writeModel(
  plan: BatchPlan,
  given: Port,
  preprocessing: Preprocessing,
  smooth: boolean,
  choice: HeadChoice | undefined,
) {
  const { samples } = plan;
  const graph = smooth ? widened(plan.graph) : plan.graph;
  const input = smooth && given.type === "float16" ? { ...given, type: "float32" as const } : given;
  // A graph that was rewritten holds names with the prefix already.
  const prefix = plan.opset === DIALECT ? `${PREFIX}attack.` : PREFIX;
  const g = new Writer(samples.length, prefix, smooth ? undefined : QUANTISED_WEIGHTS);
  const x = g.input(
    X,
    "float32",
    samples.map((n) => [n, ...preprocessing.sample]),
  );
  const ready = writePreprocessing(g, preprocessing, x, plan.whole);
  for (const [name, tensor] of graph.constants) g.stored(name, tensor);
  const type = input.type!;
  // Integers come rounded: the network itself would never be asked between two of them.
  const typed = isFloat(type) ? g.cast(ready, type) : smooth ? ready : g.cast(g.op("Round", [ready]), type);
  g.alias(input.name, typed);
  for (const node of graph.nodes) writeCall(g, node, plan.opset);
  const { logits, head } = findHead(
    g,
    graph.outputs.map((port) => port.name),
    samples,
    choice,
  );
  return { g, x, logits, head };
}

/** Multiply-adds per second of one thread that a call is planned with: a quarter of what a ResNet-8 reached (80e9, AVX-512). */
const MACS_PER_SECOND = 2e10;
/** A gradient costs about three forward passes; a call should end in a quarter of a second so that cancelling is prompt. */
const MACS_PER_CALL = (MACS_PER_SECOND * 0.25) / 3;

function advisedBatch(g: Writer, plan: BatchPlan): number {
  if (plan.batch !== "any" && plan.batch > 1) return plan.batch;
  const { macs, elements } = workOf(g, plan);
  return Math.max(1, Math.min(512, Math.floor(MACS_PER_CALL / Math.max(1, macs + 20 * elements))));
}

/** Multiply-adds and results of one sample. */
function workOf(g: Writer, plan: BatchPlan): { readonly macs: number; readonly elements: number } {
  let macs = 0,
    elements = 0;
  for (const node of g.nodes) {
    const out = g.refs.get(node.outputs[0]!)?.at[0];
    if (out === undefined) continue;
    elements += sizeOf(out.dims);
    macs += sizeOf(out.dims) * depth(node, (name) => g.ref(name).at[0]!);
  }
  const samples = plan.samples[0]!;
  return { macs: macs / samples, elements: elements / samples };
}

/** Multiply-adds per output element. */
function depth(node: Node, of: (name: string) => Known): number {
  const dims = (i: number): readonly number[] => of(node.inputs[i]!).dims;
  switch (node.op) {
    case "MatMul":
    case "MatMulInteger":
    case "QLinearMatMul":
      return dims(0).at(-1)!;
    case "Gemm":
      return dims(0)[attr.int(node, "transA", 0) ? 0 : 1]!;
    case "Conv":
    case "ConvInteger":
      return sizeOf(dims(1).slice(1));
    case "QLinearConv":
      return sizeOf(dims(3).slice(1));
    case "ConvTranspose":
      return (sizeOf(dims(0)) * sizeOf(dims(1).slice(1))) / sizeOf(of(node.outputs[0]!).dims);
    default:
      return 0;
  }
}

const ports = (g: Writer, refs: readonly (readonly [string, Ref])[]): PortOut[] =>
  refs.map(([name, ref]) => {
    const [known, ...others] = ref.at;
    g.output(name, ref);
    return {
      name,
      type: known!.type,
      dims: known!.dims.map((dim, i) => (others.every((other) => other.dims[i] === dim) ? dim : null)),
    };
  });

const openDims = (ref: Ref): (number | null)[] =>
  ref.at[0]!.dims.map((dim, i) => (ref.at.every((known) => known.dims[i] === dim) ? dim : null));

/** ONNX bytes: vauban.x [batch, …sample] → vauban.logits [batch, outputs]. */
export function forwardModel(prepared: Prepared): Uint8Array {
  const { g, x, logits } = prepared.write(false);
  const outputs = ports(g, [[LOGITS, logits]]);
  return encodeGraph({
    inputs: [{ name: X, type: "float32", dims: openDims(x) }],
    outputs,
    nodes: g.nodes,
    constants: g.constants,
  });
}

/** How a gradient is taken: through the smooth model or the one that is asked, and whether surrogates may stand in for steps. */
export interface GradientWay {
  readonly smooth: boolean;
  readonly surrogates: boolean;
}
const EXACT: GradientWay = { smooth: true, surrogates: false };

/** A model as an attack runs it, before it is written out: for the reference evaluator as well as for bytes. */
export function writeGradient(prepared: Prepared, form: ObjectiveForm, way: GradientWay = EXACT) {
  const { g, x, logits } = prepared.write(way.smooth);
  const samples = x.at.map((known) => known.dims[0]!);
  const inputs: PortOut[] = [{ name: X, type: "float32", dims: openDims(x) }];
  const fed = new Map<string, Ref>();
  const feed = (name: string, dims: readonly (number | null)[]): Ref => {
    const known = fed.get(name);
    if (known) return known;
    const batched = dims.map((dim) => (dim === null && samples.length === 1 ? samples[0]! : dim));
    inputs.push({ name, type: "float32", dims: batched });
    const ref = g.input(
      name,
      "float32",
      samples.map((n) => dims.map((dim) => dim ?? n)),
    );
    fed.set(name, ref);
    return ref;
  };
  const value = buildObjective(g, logits, form, feed);
  const standIns: StandIn[] = [];
  const listen = way.surrogates ? (use: StandIn): void => void standIns.push(use) : undefined;
  const slope = objectiveSlope(g, logits, form, feed);
  const gradient = slope ? gradientsOf(g, logits, [x], listen, slope)[0]! : gradientsOf(g, value, [x], listen)[0]!;
  return { g, inputs, logits, value, gradient, standIns };
}

/**
 * ONNX bytes: the input and the objective's feeds → vauban.answer [batch, outputs + 1] (the logits and
 * the objective's value: an output more would cost a tenth of a small model's call) and vauban.gradient [batch, …sample]; and
 * which steps a surrogate stands in for. Throws UnsupportedOp.
 */
export function gradientModel(
  prepared: Prepared,
  form: ObjectiveForm,
  way: GradientWay = EXACT,
): { readonly bytes: Uint8Array; readonly standIns: readonly StandIn[] } {
  const { g, inputs, logits, value, gradient, standIns } = writeGradient(prepared, form, way);
  const column = g.op("Unsqueeze", [value, g.ints([1])]);
  const answer = g.op("Concat", [logits, column], attribute.int("axis", 1));
  const outputs = ports(g, [
    [ANSWER, answer],
    [GRADIENT, gradient],
  ]);
  return { bytes: encodeGraph({ inputs, outputs, nodes: g.nodes, constants: g.constants }), standIns };
}
