/** How often TFLite's loops go round (lite/kernels/while.cc), and how much running a model does at the least that can be read from it. */
import { OPERATORS } from "./tflite-operators.ts";
import type { Constants, Graph, Node } from "./tflite-graph.ts";

/** Operators that are run in one go, as for ONNX's loops. */
export const ROUNDS_MAX = 1e9;
const STEPS_MAX = 10_000;

export type Rounds =
  /** Its condition never changes: once begun, it does not end. */
  | { readonly is: "endless" }
  /** Something is counted up or down to a limit; how often is undefined where the run's inputs say it. */
  | { readonly is: "counted"; readonly rounds: number | undefined }
  /** Nothing here can tell. */
  | { readonly is: "open" };

/** Results that differ although what they read does not, or that depend on more than what they read. */
const IMPURE = /^(?:RANDOM_|MULTINOMIAL|READ_VARIABLE|VAR_HANDLE|HASHTABLE|IF$|WHILE$|STABLEHLO_)/;
/** Operators that hand on the number they are given. */
const SAME = new Set(["RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CAST"]);
/** int32 and int64 (TensorType). */
const WHOLE = new Set([2, 4]);
const nameOf = (node: Node): string | undefined => OPERATORS.get(node.builtin)?.name;

/** A graph by what writes each of its tensors. */
class Written {
  readonly graph: Graph;
  private readonly constants: Constants;
  private readonly by = new Map<number, Node>();

  constructor(graph: Graph, constants: Constants) {
    this.graph = graph;
    this.constants = constants;
    for (const node of graph.nodes) for (const output of node.outputs) this.by.set(output, node);
  }
  node(tensor: number): Node | undefined {
    return this.by.get(tensor);
  }
  /** The tensor behind operators that hand it on. */
  origin(tensor: number): number {
    for (let at = tensor, steps = 0; ; steps++) {
      const node = this.by.get(at);
      if (!node || steps > STEPS_MAX || !SAME.has(nameOf(node) ?? "")) return at;
      at = node.inputs[0] ?? -1;
    }
  }
  /** Its place among the graph's inputs, or −1. */
  input(tensor: number): number {
    return this.graph.inputs.indexOf(this.origin(tensor));
  }
  /** The one number that the file fixes it to. */
  constant(tensor: number): number | undefined {
    return single(this.constants.values(this.graph.tensors[this.origin(tensor)]));
  }
}
const single = (values: readonly number[] | undefined): number | undefined =>
  values?.length === 1 ? values[0] : undefined;

/** A number that the body counts, by its place among the loop's inputs, until it is a limit: another input, or a constant. */
interface Counter {
  readonly place: number;
  readonly step: number;
  readonly limit: { readonly input: number } | { readonly constant: number };
}

/** Of loops with this condition and body, each with as many inputs as the loop: how they end. */
export class Loops {
  private readonly constants: Constants;
  private readonly known = new Map<Graph, Map<Graph, readonly Counter[] | "endless">>();

  constructor(constants: Constants) {
    this.constants = constants;
  }

  rounds(loop: Node, condition: Graph, body: Graph): Rounds {
    const ends = this.ends(condition, body);
    if (ends === "endless") return { is: "endless" };
    // Counting in floats ends where a step no longer shows.
    const counters = ends.filter(({ place }) => WHOLE.has(loop.input(place)?.type ?? -1));
    if (counters.length === 0) return { is: "open" };
    const rounds = counters.flatMap(({ place, step, limit }) => {
      const from = single(loop.values(place));
      const to = "constant" in limit ? limit.constant : single(loop.values(limit.input));
      return from === undefined || to === undefined ? [] : [Math.max(0, Math.ceil((to - from) / step))];
    });
    return { is: "counted", rounds: rounds.length === 0 ? undefined : Math.min(...rounds) };
  }

  private ends(condition: Graph, body: Graph): readonly Counter[] | "endless" {
    const bodies = this.known.get(condition) ?? new Map<Graph, readonly Counter[] | "endless">();
    this.known.set(condition, bodies);
    const known = bodies.get(body);
    if (known) return known;
    const [asks, does] = [new Written(condition, this.constants), new Written(body, this.constants)];
    const stays = (input: number): boolean => does.input(body.outputs[input] ?? -1) === input;
    const result = condition.outputs[0] ?? -1;
    const ends = neededBy(asks, result)?.every(stays)
      ? "endless"
      : conjuncts(asks, result).flatMap((comparison) => counters(comparison, asks, does, stays));
    bodies.set(body, ends);
    return ends;
  }
}

/** The graph's inputs that a tensor is computed from; undefined where something else has a part in it. */
function neededBy(written: Written, tensor: number): readonly number[] | undefined {
  const needed = new Set<number>();
  const seen = new Set<number>();
  const waiting = [tensor];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (at === -1 || seen.has(at)) continue;
    seen.add(at);
    const node = written.node(at);
    if (node) {
      const name = nameOf(node);
      if (name === undefined || IMPURE.test(name)) return undefined;
      for (const input of node.inputs) waiting.push(input);
      continue;
    }
    const place = written.graph.inputs.indexOf(at);
    if (place >= 0) needed.add(place);
    else if (!written.graph.tensors[at]?.bytes) return undefined;
  }
  return [...needed];
}

/** The comparisons all of which must hold for the condition to hold. */
function conjuncts(written: Written, tensor: number): readonly Node[] {
  const found: Node[] = [];
  const waiting = [tensor];
  for (let steps = 0; waiting.length > 0 && steps < 100; steps++) {
    const node = written.node(written.origin(waiting.pop()!));
    if (!node) continue;
    if (nameOf(node) === "LOGICAL_AND") waiting.push(...node.inputs.slice(0, 2));
    else if (/^(?:LESS|GREATER)(?:_EQUAL)?$/.test(nameOf(node) ?? "")) found.push(node);
  }
  return found;
}

/** What a comparison counts: one side that the body moves towards the other, which it leaves alone. */
function counters(
  comparison: Node,
  asks: Written,
  does: Written,
  stays: (input: number) => boolean,
): readonly Counter[] {
  const [a, b] = comparison.inputs as readonly [number, number];
  const up = nameOf(comparison)!.startsWith("LESS") ? 1 : -1;
  return (
    [
      [a, b, up],
      [b, a, -up],
    ] as const
  ).flatMap(([counter, against, sign]): readonly Counter[] => {
    const place = asks.input(counter);
    const input = asks.input(against);
    const constant = asks.constant(against);
    const step = place < 0 ? undefined : stepOf(does, place);
    if (step === undefined || step * sign <= 0) return [];
    if (input >= 0) return stays(input) ? [{ place, step, limit: { input } }] : [];
    return constant === undefined ? [] : [{ place, step, limit: { constant } }];
  });
}

/** How much the body adds to one of its inputs each time. */
function stepOf(does: Written, place: number): number | undefined {
  const node = does.node(does.origin(does.graph.outputs[place] ?? -1));
  const name = node && nameOf(node);
  if (!node || (name !== "ADD" && name !== "SUB")) return undefined;
  const [a, b] = node.inputs as readonly [number, number];
  if (does.input(a) === place) {
    const step = does.constant(b);
    return step === undefined || name === "ADD" ? step : -step;
  }
  return name === "ADD" && does.input(b) === place ? does.constant(a) : undefined;
}

/** What one operator runs besides itself: other graphs, each so many times; of branches, one. */
export interface Calls {
  readonly graphs: readonly number[];
  readonly rounds: number;
  readonly oneOf: boolean;
}

/**
 * How many operators running each graph means, at the least that can be read; `order` has every graph behind those that it calls.
 */
export function workOf(
  order: readonly number[],
  graphs: readonly Graph[],
  calls: ReadonlyMap<Node, Calls>,
): readonly number[] {
  const work = graphs.map(() => 0);
  for (const index of order) {
    let all = 0;
    for (const node of graphs[index]!.nodes) {
      all++;
      const called = calls.get(node);
      if (!called) continue;
      const each = called.graphs.map((one) => work[one] ?? 0);
      all += called.rounds * (called.oneOf ? Math.max(0, ...each) : each.reduce((sum, one) => sum + one, 0));
    }
    work[index] = all;
  }
  return work;
}
