/** How often TFLite's loops go round (lite/kernels/while.cc), and how much running a model does at the least that can be read from it. */
import { OPERATORS } from "./tflite-operators.ts";
import type { Constants, Graph, Node } from "./tflite-graph.ts";

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
const SAME = new Set(["RESHAPE", "SQUEEZE", "EXPAND_DIMS"]);
/** How far int32 and int64 count before they begin again (TensorType); floats end where a step no longer shows. */
const REACH: Readonly<Record<number, number>> = { 2: 2 ** 31 - 1, 4: 2 ** 63 };
const nameOf = (node: Node): string | undefined => OPERATORS.get(node.builtin)?.name;

/** A graph by what writes each of its tensors. */
class Written {
  readonly graph: Graph;
  private readonly constants: Constants;
  private readonly by = new Map<number, Node>();
  private readonly places: ReadonlyMap<number, number>;
  private readonly origins = new Map<number, number>();

  constructor(graph: Graph, constants: Constants) {
    this.graph = graph;
    this.constants = constants;
    for (const node of graph.nodes) for (const output of node.outputs) this.by.set(output, node);
    this.places = new Map(graph.inputs.map((tensor, place) => [tensor, place]));
  }
  node(tensor: number): Node | undefined {
    return this.by.get(tensor);
  }
  /** The tensor behind operators that hand it on. */
  origin(tensor: number): number {
    const way: number[] = [];
    let at = tensor;
    for (; way.length < STEPS_MAX; at = this.by.get(at)!.inputs[0] ?? -1) {
      const known = this.origins.get(at);
      if (known !== undefined) at = known;
      const node = this.by.get(at);
      if (known !== undefined || !node || !SAME.has(nameOf(node) ?? "")) break;
      way.push(at);
    }
    for (const one of way) this.origins.set(one, at);
    return at;
  }
  /** Its place among the graph's inputs; undefined where it is none of them. */
  input(tensor: number): number | undefined {
    return this.places.get(this.origin(tensor));
  }
  /** The same, for this very tensor. */
  place(tensor: number): number | undefined {
    return this.places.get(tensor);
  }
  /** The one number that the file fixes it to. */
  constant(tensor: number): number | undefined {
    return single(this.constants.values(this.graph.tensors[this.origin(tensor)]));
  }
}
const single = (values: readonly number[] | undefined): number | undefined =>
  values?.length === 1 ? values[0] : undefined;

/** What a condition reads, and what it compares: an input, by whether it must stay below or above, and what with. */
interface Asks {
  /** Places among the inputs; undefined where something else has a part in it. */
  readonly needs: readonly number[] | undefined;
  readonly compared: readonly Comparison[];
}
interface Comparison {
  readonly place: number;
  readonly up: boolean;
  /** It goes round at the limit too. */
  readonly equal: boolean;
  readonly limit: Limit;
}
type Limit = { readonly input: number } | { readonly constant: number };

/** Of loops, whose condition and body have as many inputs each: how they end. Every graph is gone through once. */
export class Loops {
  private readonly constants: Constants;
  private readonly conditions = new Map<Graph, Asks>();
  private readonly bodies = new Map<Graph, Written>();

  constructor(constants: Constants) {
    this.constants = constants;
  }

  rounds(loop: Node, condition: Graph, body: Graph): Rounds {
    const { needs, compared } = this.asks(condition);
    const does = this.does(body);
    const stays = (input: number): boolean => does.input(body.outputs[input] ?? -1) === input;
    if (needs?.every(stays)) return { is: "endless" };
    const counts = compared.flatMap(({ place, up, equal, limit }) => {
      const [step, reach] = [stepOf(does, place), REACH[loop.input(place)?.type ?? -1]];
      if (step === undefined || reach === undefined || !(up ? step > 0 : step < 0)) return [];
      if ("input" in limit && !stays(limit.input)) return [];
      const from = single(loop.values(place));
      const to = "constant" in limit ? limit.constant : single(loop.values(limit.input));
      // One step beyond the last number that goes on, it must still be beyond it.
      if (to !== undefined && Math.abs(to + step) - (equal ? 0 : 1) > reach) return [];
      return [from === undefined || to === undefined ? undefined : Math.max(0, Math.ceil((to - from) / step))];
    });
    if (counts.length === 0) return { is: "open" };
    const known = counts.filter((one) => one !== undefined);
    return { is: "counted", rounds: known.length === 0 ? undefined : Math.min(...known) };
  }

  private asks(condition: Graph): Asks {
    const known = this.conditions.get(condition);
    if (known) return known;
    const written = new Written(condition, this.constants);
    const result = condition.outputs[0] ?? -1;
    const asks = {
      needs: neededBy(written, result),
      compared: conjuncts(written, result).flatMap(comparedBy(written)),
    };
    this.conditions.set(condition, asks);
    return asks;
  }
  private does(body: Graph): Written {
    const known = this.bodies.get(body);
    if (known) return known;
    const written = new Written(body, this.constants);
    this.bodies.set(body, written);
    return written;
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
    const place = written.place(at);
    if (place !== undefined) needed.add(place);
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

/** Each side of a comparison as what is counted, where the other is an input or fixed. */
const comparedBy =
  (written: Written) =>
  (comparison: Node): Asks["compared"] => {
    const [less, equal] = [nameOf(comparison)!.startsWith("LESS"), nameOf(comparison)!.endsWith("_EQUAL")];
    const [a = -1, b = -1] = comparison.inputs;
    return (
      [
        [a, b, less],
        [b, a, !less],
      ] as const
    ).flatMap(([counted, against, up]): Asks["compared"] => {
      const [place, input] = [written.input(counted), written.input(against)];
      const constant = written.constant(against);
      if (place === undefined || (input === undefined && constant === undefined)) return [];
      return [{ place, up, equal, limit: input === undefined ? { constant: constant! } : { input } }];
    });
  };

/** How much the body adds to one of its inputs each time. */
function stepOf(does: Written, place: number): number | undefined {
  const node = does.node(does.origin(does.graph.outputs[place] ?? -1));
  const name = node && nameOf(node);
  // With an activation, a sum may stay where it is.
  if (!node || (name !== "ADD" && name !== "SUB") || node.option("fused_activation_function") !== 0) return undefined;
  const [a = -1, b = -1] = node.inputs;
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
      all += called.rounds * each.reduce((sum, one) => (called.oneOf ? Math.max(sum, one) : sum + one), 0);
    }
    work[index] = all;
  }
  return work;
}
