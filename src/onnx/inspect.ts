/** What a model file is and how it can be attacked, without any data: from its bytes and a few probes. */
import type { InputContract } from "#assessment/system.ts";
import type { InferenceRuntime } from "#base/ports.ts";
import { openClassifier } from "./classifier.ts";
import type { ModelReport } from "./classifier.ts";
import { OnnxError, UnsupportedOp } from "./errors.ts";
import type { StandIn } from "./gradient.ts";
import { loadGraph } from "./graph.ts";
import type { LoadedModel } from "./graph.ts";
import type { HeadChoice, Meaning } from "./head.ts";
import type { GivenInput, InputChoice } from "./inputs.ts";
import type { Port } from "./ir.ts";
import { isFloat, sizeOf } from "./tensor.ts";
import type { ElementType } from "./tensor.ts";

export interface PortDescription {
  readonly name: string;
  /** Absent where it is no tensor, or of a type that is not supported. */
  readonly type?: ElementType;
  /** null where the file leaves a length open; absent where it leaves the rank open. */
  readonly shape?: readonly (number | null)[];
}

/** What the bytes say by themselves. */
export interface ModelDescription {
  readonly opset: number;
  /** Operator sets besides ONNX's own. */
  readonly domains: readonly { readonly domain: string; readonly version: number }[];
  readonly producer?: string;
  readonly nodes: number;
  /** Calls per operator, the commonest first; other domains are named before the operator. */
  readonly operators: readonly { readonly op: string; readonly count: number }[];
  /** Stored numbers that are no places or shapes: weights, biases, statistics. */
  readonly parameters: number;
  readonly inputs: readonly PortDescription[];
  readonly outputs: readonly PortDescription[];
}

/**
 * white-box: exact gradients. surrogate: gradients with stand-ins for steps. scores: answers only. labels: decisions only.
 * refused: it does not run, or gives no row of numbers per sample. unknown: the shape of its input is open and was not given.
 */
export type Access = "white-box" | "surrogate" | "scores" | "labels" | "refused" | "unknown";

export interface Inspection extends ModelDescription {
  readonly access: Access;
  /** Why it is no better than that. */
  readonly because?: string;
  readonly remedy?: string;
  /** The operator call at fault, where it is one. */
  readonly prevented?: { readonly op: string; readonly node: string };
  readonly surrogates: readonly StandIn[];
  /** What was attacked, where the model could be opened. */
  readonly sample?: { readonly input: string; readonly shape: readonly number[]; readonly from: "file" | "given" };
  readonly head?: {
    readonly kind: string;
    readonly meaning: Meaning;
    readonly output: string;
    readonly outputs: number;
    readonly note: string;
  };
  /** Multiply-adds of one sample; absent where the graph was not read. */
  readonly macs?: number;
  readonly batch?: { readonly size: "any" | number; readonly advised: number };
  readonly deterministic?: boolean;
  /** Of the rewritten graph with the file's own, on so many probes. */
  readonly agreement?: { readonly difference: number; readonly samples: number };
  readonly notes: readonly string[];
}

export interface InspectOptions {
  readonly runtime: InferenceRuntime;
  /** Of one sample; read from the file where it is closed there. */
  readonly sampleShape?: readonly number[];
  readonly attacked?: string;
  /** Values that other inputs hold everywhere. */
  readonly held?: Readonly<Record<string, number>>;
  readonly head?: HeadChoice;
  readonly classes?: number;
}

const described = (port: Port): PortDescription => ({
  name: port.name,
  ...(port.type !== undefined && !port.nonTensor ? { type: port.type } : {}),
  ...(port.dims !== undefined && !port.nonTensor ? { shape: port.dims } : {}),
});

/** Element types that hold weights; int64 and bool hold places, shapes and masks. */
const isWeight = (type: ElementType): boolean =>
  isFloat(type) || type === "int8" || type === "uint8" || type === "int32";

/** Reads the file without running it. Throws OnnxError where it cannot be read. */
export function describeModel(bytes: Uint8Array): ModelDescription {
  return describeLoaded(loadGraph(bytes));
}

function describeLoaded({ proto, opset, graph }: LoadedModel): ModelDescription {
  const counts = new Map<string, number>();
  for (const node of graph.nodes) {
    const op = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  const producer = [proto.producer_name, proto.producer_version].filter((word) => word).join(" ");
  return {
    opset,
    domains: proto.opset_import
      .filter(({ domain }) => domain && domain !== "ai.onnx")
      .map(({ domain, version }) => ({ domain: domain!, version: Number(version ?? 0) })),
    ...(producer ? { producer } : {}),
    nodes: graph.nodes.length,
    operators: [...counts]
      .map(([op, count]) => ({ op, count }))
      .toSorted((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1)),
    parameters: [...graph.constants.values()].reduce(
      (sum, tensor) => sum + (isWeight(tensor.type) ? sizeOf(tensor.dims) : 0),
      0,
    ),
    inputs: graph.inputs.map(described),
    outputs: graph.outputs.map(described),
  };
}

/** Raw values of whole numbers fill their type; real ones are taken in the network's own units. */
function plainContract(type: ElementType | undefined): InputContract {
  const range: Partial<Record<ElementType, [number, number]>> = { uint8: [0, 255], int8: [-128, 127] };
  const whole = type !== undefined && !isFloat(type);
  return { range: (type && range[type]) ?? [0, 1], scale: 1, mean: [], std: [], integer: whole };
}

/** The shape of one sample as the file declares it, or undefined where it leaves a length open. */
function declaredShape({ dims }: Port): readonly number[] | undefined {
  if (dims === undefined || dims.length === 0) return undefined;
  // [48] is one sample without an axis for the batch.
  const rest = dims.length === 1 && dims[0] !== null ? dims : dims.slice(1);
  return rest.every((dim) => dim !== null) ? (rest as readonly number[]) : undefined;
}

function attackedPort(loaded: LoadedModel, named: string | undefined, held: Readonly<Record<string, number>>): Port {
  const { inputs } = loaded.graph;
  const open = inputs.filter((port) => held[port.name] === undefined);
  const real = open.filter(({ type }) => type !== undefined && isFloat(type));
  const found =
    named !== undefined
      ? inputs.find(({ name }) => name === named)
      : open.length === 1
        ? open[0]
        : real.length === 1
          ? real[0]
          : undefined;
  if (found) return found;
  const names = inputs.map(({ name }) => `"${name}"`).join(", ");
  if (named !== undefined)
    throw new OnnxError(`the model has no input "${named}"`, { remedy: `its inputs are ${names}` });
  if (inputs.length === 0) throw new OnnxError("the model takes no input");
  throw new OnnxError(`the model takes ${inputs.length} inputs (${names})`, {
    remedy: "name the attacked one with --input, and hold the others with --hold name=value",
  });
}

/** Other inputs, each filled with its number; an open batch axis is 1. */
function heldInputs(loaded: LoadedModel, held: Readonly<Record<string, number>>): Record<string, GivenInput> {
  return Object.fromEntries(
    Object.entries(held).map(([name, value]) => {
      const port = loaded.graph.inputs.find((each) => each.name === name);
      const dims = port?.dims?.map((dim, axis) => dim ?? (axis === 0 ? 1 : undefined));
      if (port && !dims?.every((dim) => dim !== undefined))
        throw new OnnxError(`input "${name}" leaves its shape open, so it cannot be filled with one value`);
      const shape = (dims ?? []) as number[];
      return [name, { dims: shape, data: new Float64Array(sizeOf(shape)).fill(value) }];
    }),
  );
}

/**
 * Reads and probes a model. Throws OnnxError where the bytes are no readable model; everything later becomes part of what is
 * reported.
 */
export async function inspectModel(bytes: Uint8Array, options: InspectOptions): Promise<Inspection> {
  const loaded = loadGraph(bytes);
  const description = describeLoaded(loaded);
  const stopped = (error: unknown, access: Access): Inspection => {
    if (!(error instanceof OnnxError)) throw error;
    return {
      ...description,
      access,
      because: error.message,
      ...(error.remedy ? { remedy: error.remedy } : {}),
      ...(error instanceof UnsupportedOp ? { prevented: { op: error.op, node: error.node! } } : {}),
      surrogates: [],
      notes: [],
    };
  };
  try {
    const held = options.held ?? {};
    const port = attackedPort(loaded, options.attacked, held);
    const declared = declaredShape(port);
    const shape = options.sampleShape ?? declared;
    if (shape === undefined) {
      const open = `input "${port.name}" leaves its shape open ([${port.dims?.map((dim) => dim ?? "?").join(", ") ?? "?"}])`;
      return stopped(new OnnxError(open, { remedy: "say the shape of one sample: --shape 3x32x32" }), "unknown");
    }
    const inputs: InputChoice = { attacked: port.name, given: heldInputs(loaded, held) };
    const classifier = await openClassifier({
      bytes,
      input: plainContract(port.type),
      sampleShape: shape,
      runtime: options.runtime,
      inputs,
      ...(options.head ? { head: options.head } : {}),
      ...(options.classes ? { classes: options.classes } : {}),
    });
    try {
      const { model } = classifier;
      return {
        ...description,
        access: accessOf(classifier.noGradient, model),
        ...(classifier.noGradient ? { because: classifier.noGradient } : {}),
        ...(model.prevented ? { prevented: model.prevented } : {}),
        surrogates: model.surrogates,
        sample: { input: port.name, shape, from: options.sampleShape ? "given" : "file" },
        head: model.head,
        ...(model.macs === undefined ? {} : { macs: model.macs }),
        batch: { size: model.batch, advised: classifier.batch },
        deterministic: model.deterministic,
        agreement: model.agreement,
        notes: model.notes,
      };
    } finally {
      await classifier.release();
    }
  } catch (error) {
    return stopped(error, "refused");
  }
}

function accessOf(noGradient: string | undefined, { head, surrogates }: ModelReport): Access {
  if (head.kind === "label") return "labels";
  if (noGradient !== undefined) return "scores";
  return surrogates.length > 0 ? "surrogate" : "white-box";
}
