/** From a model to the models an attack runs: logits, value and gradient over fractions of the declared input range. */
import type { InputContract } from "#assessment/system.ts";
import { OnnxError } from "./errors.ts";
import { gradientOf } from "./gradient.ts";
import { encodeGraph } from "./graph.ts";
import type { LoadedModel, PortOut } from "./graph.ts";
import { findHead } from "./head.ts";
import type { Head } from "./head.ts";
import { attr } from "./ir.ts";
import type { Graph, Node, Port, Ref } from "./ir.ts";
import { buildObjective } from "./objectives.ts";
import type { ObjectiveForm } from "./objectives.ts";
import { preprocessingOf, writePreprocessing } from "./preprocessing.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { sizeOf } from "./tensor.ts";
import { Writer } from "./writer.ts";
import type { Known } from "./ir.ts";

/** A model with its preprocessing in front and its head stripped, ready to be written out for any purpose. */
export interface Prepared {
  readonly preprocessing: Preprocessing;
  readonly head: Head;
  readonly batch: "any" | number;
  readonly batchAdvised: number;
  readonly notes: readonly string[];
  /** Writes the model into a fresh writer: the attacked input and the logits. */
  write(): { readonly g: Writer; readonly x: Ref; readonly logits: Ref };
}

export const X = "vauban.x",
  LOGITS = "vauban.logits",
  VALUE = "vauban.value",
  GRADIENT = "vauban.gradient";

/** Two batch sizes that no layer has as a length by accident. */
const PROBES = [7, 11];

/** How the batch axis of a model is dealt with. */
interface BatchPlan {
  readonly batch: "any" | number;
  /** The samples at each probe. */
  readonly samples: readonly number[];
  readonly graph: Graph;
  /** The network's input shape: −1 for an open batch axis. */
  readonly whole: readonly number[];
  readonly note?: string;
}

/** Fits preprocessing, network and head together. Throws OnnxError where they cannot be. */
export function prepare(loaded: LoadedModel, contract: InputContract, sample: readonly number[]): Prepared {
  const { graph } = loaded;
  const input = soleInput(graph);
  const preprocessing = preprocessingOf(contract, sample, networkShape(input, sample));
  const failures: string[] = [];
  for (const plan of batchPlans(graph, input, preprocessing)) {
    try {
      const write = (): ReturnType<Prepared["write"]> & { head: Head } => writeModel(plan, input, preprocessing);
      const { g, head } = write();
      return {
        preprocessing,
        head,
        batch: plan.batch,
        batchAdvised: advisedBatch(g, plan),
        notes: plan.note ? [plan.note] : [],
        write,
      };
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      failures.push(error.message);
    }
  }
  throw new OnnxError(failures.at(-1) ?? "the model has no input that a sample fits", {
    remedy: "check the model with its own test data",
  });
}

function soleInput(graph: Graph): Port {
  const [input, ...others] = graph.inputs;
  if (input === undefined) throw new OnnxError("the model takes no input");
  if (others.length > 0)
    throw new OnnxError(
      `the model takes ${graph.inputs.length} inputs (${graph.inputs.map((port) => port.name).join(", ")})`,
      {
        remedy: "only models with one input can be attacked; make the others constants",
      },
    );
  if (input.type === undefined || input.type === "string" || input.type === "bool")
    throw new OnnxError(`input "${input.name}" holds ${input.type ?? "no tensor"}`, {
      remedy: "the input must be numbers",
    });
  return input;
}

/** The network's shape for one sample: without the batch axis where there is one. */
function networkShape(input: Port, sample: readonly number[]): readonly (number | null)[] | undefined {
  if (input.dims === undefined || input.dims.length === 0) return undefined;
  const all = input.dims;
  const unbatched = all.every((dim) => dim !== null) && sizeOf(all as number[]) === sizeOf(sample) && all[0] !== 1;
  return unbatched ? all : all.slice(1);
}

/** Ways to read the batch axis, best first. */
function* batchPlans(graph: Graph, input: Port, { network, sample }: Preprocessing): Generator<BatchPlan> {
  const declared = input.dims?.[0];
  const unbatched =
    input.dims !== undefined &&
    input.dims.length === network.length &&
    sizeOf(network) === sizeOf(sample) &&
    declared !== null;
  if (unbatched) {
    yield {
      batch: 1,
      samples: [1],
      graph,
      whole: network,
      note: "the network takes one sample without a batch axis: samples run one at a time",
    };
    return;
  }
  const open = { batch: "any" as const, samples: PROBES, whole: [-1, ...network] };
  const fixedBatch = declared ?? 1;
  if (declared === null || declared === undefined) yield { ...open, graph };
  const freed = freeBatch(graph, input, [fixedBatch, ...network]);
  if (freed)
    yield {
      ...open,
      graph: freed,
      note: `the file fixes the batch at ${fixedBatch}; its batch axis was freed`,
    };
  yield {
    batch: fixedBatch,
    samples: [fixedBatch],
    graph,
    whole: [fixedBatch, ...network],
    note: `the file fixes the batch at ${fixedBatch}: samples run ${fixedBatch} at a time`,
  };
}

/**
 * The graph with every Reshape whose constant target spells out the batch made to follow it, or undefined where that cannot
 * be done. Whether the result computes the same is for the caller to verify by running both.
 */
function freeBatch(graph: Graph, input: Port, shape: readonly number[]): Graph | undefined {
  const g = new Writer(1, "\u0000");
  const constants = new Map(graph.constants);
  const nodes: Node[] = [];
  try {
    for (const [name, tensor] of graph.constants) g.stored(name, tensor);
    g.input(input.name, input.type!, [shape]);
    for (const node of graph.nodes) {
      const before = g.nodes.length;
      g.append(node);
      const kept = g.nodes.length > before;
      const target = node.op === "Reshape" && kept ? graph.constants.get(node.inputs[1]!) : undefined;
      if (target === undefined) {
        nodes.push(node);
        continue;
      }
      const out = g.ref(node.outputs[0]!).at[0]!.dims;
      if (out[0] !== shape[0]) {
        nodes.push(node);
        continue;
      }
      const name = `${node.outputs[0]}\u0000shape`;
      constants.set(name, {
        type: "int64",
        dims: [out.length],
        data: BigInt64Array.from(out.map((dim, i) => BigInt(i === 0 ? -1 : dim))),
      });
      nodes.push({ ...node, inputs: [node.inputs[0]!, name], attributes: {} });
    }
  } catch (error) {
    if (error instanceof OnnxError) return undefined;
    throw error;
  }
  return { ...graph, nodes, constants };
}

function writeModel(plan: BatchPlan, input: Port, preprocessing: Preprocessing) {
  const { graph, samples } = plan;
  const g = new Writer(samples.length, freePrefix(graph));
  const x = g.input(
    X,
    "float32",
    samples.map((n) => [n, ...preprocessing.sample]),
  );
  const ready = g.cast(writePreprocessing(g, preprocessing, x, plan.whole), input.type!);
  for (const [name, tensor] of graph.constants) g.stored(name, tensor);
  g.append({
    op: "Identity",
    domain: "",
    name: input.name,
    inputs: [ready.name],
    outputs: [input.name],
    attributes: {},
  });
  for (const node of graph.nodes) g.append(node);
  const { logits, head } = findHead(
    g,
    graph.outputs.map((port) => port.name),
    samples,
  );
  return { g, x, logits, head };
}

/** A prefix that no tensor of the model begins with. */
function freePrefix(graph: Graph): string {
  let prefix = "vauban.";
  const names = [
    ...graph.constants.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
    ...graph.inputs.map((port) => port.name),
  ];
  while (names.some((name) => name.startsWith(prefix))) prefix += "_";
  return prefix;
}

/** Multiply-adds per second of one thread that a call is planned with; small convolutions reach less than large ones. */
const MACS_PER_SECOND = 4e9;
/** A gradient costs about three forward passes; a call should end in a quarter of a second so that cancelling is prompt. */
const MACS_PER_CALL = (MACS_PER_SECOND * 0.25) / 3;

function advisedBatch(g: Writer, plan: BatchPlan): number {
  if (plan.batch !== "any" && plan.batch > 1) return plan.batch;
  let macs = 0,
    elements = 0;
  for (const node of g.nodes) {
    const out = g.refs.get(node.outputs[0]!)?.at[0];
    if (out === undefined) continue;
    elements += sizeOf(out.dims);
    macs += sizeOf(out.dims) * depth(node, (name) => g.ref(name).at[0]!);
  }
  const perSample = (macs + 20 * elements) / plan.samples[0]!;
  return Math.max(1, Math.min(512, Math.floor(MACS_PER_CALL / Math.max(1, perSample))));
}

/** Multiply-adds per output element. */
function depth(node: Node, of: (name: string) => Known): number {
  if (node.op === "MatMul") return of(node.inputs[0]!).dims.at(-1)!;
  if (node.op === "Gemm") return of(node.inputs[0]!).dims[attr.int(node, "transA", 0) ? 0 : 1]!;
  if (node.op === "Conv") return sizeOf(of(node.inputs[1]!).dims.slice(1));
  return 0;
}

const ports = (g: Writer, refs: readonly (readonly [string, Ref])[]): PortOut[] =>
  refs.map(([name, ref]) => {
    const [known, ...others] = ref.at;
    g.append({ op: "Identity", domain: "", name, inputs: [ref.name], outputs: [name], attributes: {} });
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
  const { g, x, logits } = prepared.write();
  const outputs = ports(g, [[LOGITS, logits]]);
  return encodeGraph({
    inputs: [{ name: X, type: "float32", dims: openDims(x) }],
    outputs,
    nodes: g.nodes,
    constants: g.constants,
  });
}

/** A model as an attack runs it, before it is written out: for the reference evaluator as well as for bytes. */
export function writeGradient(prepared: Prepared, form: ObjectiveForm) {
  const { g, x, logits } = prepared.write();
  const samples = x.at.map((known) => known.dims[0]!);
  const inputs: PortOut[] = [{ name: X, type: "float32", dims: openDims(x) }];
  const value = buildObjective(g, logits, form, (name, dims) => {
    const batched = dims.map((dim) => (dim === null && samples.length === 1 ? samples[0]! : dim));
    inputs.push({ name, type: "float32", dims: batched });
    return g.input(
      name,
      "float32",
      samples.map((n) => dims.map((dim) => dim ?? n)),
    );
  });
  const gradient = gradientOf(g, value, x);
  return { g, inputs, logits, value, gradient };
}

/** ONNX bytes: the input and the objective's feeds → vauban.logits, vauban.value [batch], vauban.gradient [batch, …sample]. Throws UnsupportedOp. */
export function gradientModel(prepared: Prepared, form: ObjectiveForm): Uint8Array {
  const { g, inputs, logits, value, gradient } = writeGradient(prepared, form);
  const outputs = ports(g, [
    [LOGITS, logits],
    [VALUE, value],
    [GRADIENT, gradient],
  ]);
  return encodeGraph({ inputs, outputs, nodes: g.nodes, constants: g.constants });
}
