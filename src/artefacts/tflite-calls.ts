/** Which of TFLite's graphs run which: whether they hand over the tensors that are taken, whether they end, and how much is run. */
import type { ScanFinding } from "#assessment/index.ts";
import type { FlatTable } from "#formats/flatbuffers.ts";
import type { Range } from "./ledger.ts";
import type { Constants, Graph, Node } from "./tflite-graph.ts";
import { ROUNDS_MAX } from "./limits.ts";
import { Loops, workOf, type Calls } from "./tflite-loops.ts";
import { nameOf, OPERATORS } from "./tflite-operators.ts";

export type Say = (severity: ScanFinding["severity"], rule: string, at: Range, message: string) => void;

/** Operators that call graphs, by their codes. */
const [IF, WHILE, CALL_ONCE, COMPOSITE, CASE] = [118, 119, 129, 206, 209];
/** Those that run one of the graphs that they name. */
const BRANCHES: ReadonlySet<number> = new Set([IF, CASE]);

/** What running the graphs means: which call which, whether they end, and how much is run at the least. */
export function followCalls(graphs: readonly Graph[], at: Range, constants: Constants, say: Say): void {
  const calls = new Map<Node, Calls>();
  const loops = new Loops(constants);
  const edges = graphs.map((graph) => {
    const called = new Set<number>();
    for (const node of graph.nodes) {
      const names = node.options ? calledBy(node.options) : [];
      const lost = names.find((one) => !(one >= 0 && one < graphs.length));
      if (lost !== undefined)
        say("unknown", "tflite-index", node.at, `an operator calls graph ${lost} of ${graphs.length}`);
      if (names.length === 0 || lost !== undefined) continue;
      for (const one of names) called.add(one);
      calls.set(node, {
        graphs: names,
        rounds: roundsOf(node, names, graphs, loops, say),
        oneOf: BRANCHES.has(node.builtin),
      });
    }
    return [...called];
  });
  const order = callOrder(edges, at, say);
  const most = order ? workOf(order, graphs, calls).reduce((more, one) => Math.max(more, one), 0) : 0;
  if (most > ROUNDS_MAX)
    say(
      "suspicious",
      "tflite-bomb",
      at,
      `its loops and calls run ${most.toExponential(1)} operators, whatever they are given`,
    );
}

/** How many tensors each of the graphs takes and gives, of an operator with so many. */
const TAKEN: Readonly<Record<number, (inputs: number, outputs: number) => readonly (readonly [number, number])[]>> = {
  [IF]: (inputs, outputs) => [
    [inputs - 1, outputs],
    [inputs - 1, outputs],
  ],
  // The condition, and the body, which goes on with what it gives (while.cc).
  [WHILE]: (inputs) => [
    [inputs, 1],
    [inputs, inputs],
  ],
  [CALL_ONCE]: () => [[0, 0]],
  [COMPOSITE]: (inputs, outputs) => [[inputs, outputs]],
};

/** How often an operator calls its graphs; says where they do not have the tensors that it hands them, or need not end. */
function roundsOf(node: Node, names: readonly number[], graphs: readonly Graph[], loops: Loops, say: Say): number {
  const [inputs, outputs] = [node.inputs.length, node.outputs.length];
  // Options of another operator, which are said elsewhere, name other graphs.
  if (node.options?.name !== OPERATORS.get(node.builtin)?.options) return 1;
  const wanted = TAKEN[node.builtin]?.(inputs, outputs) ?? [];
  const bad = wanted.findIndex(([takes, gives], i) => {
    const graph = graphs[names[i]!]!;
    return graph.inputs.length !== takes || graph.outputs.length !== gives;
  });
  if (bad >= 0 || (node.builtin === WHILE && inputs !== outputs)) {
    say(
      "suspicious",
      "tflite-arity",
      node.at,
      `${nameOf(node)} of ${inputs} inputs and ${outputs} outputs calls graphs that take or give others`,
    );
    return 1;
  }
  if (node.builtin !== WHILE) return 1;
  const rounds = loops.rounds(node, graphs[names[0]!]!, graphs[names[1]!]!);
  if (rounds.is === "endless")
    say(
      "suspicious",
      "tflite-bomb",
      node.at,
      "a WHILE whose condition depends on nothing that its body changes: once begun, it does not end",
    );
  else if (rounds.is === "open")
    say(
      "unknown",
      "tflite-loop",
      node.at,
      "how often a WHILE goes round cannot be read: its condition compares nothing that its body counts",
    );
  else if (rounds.rounds === undefined)
    say("note", "tflite-loop", node.at, "how often a WHILE goes round depends on what the model is given");
  return rounds.is === "counted" ? (rounds.rounds ?? 1) : 1;
}

/**
 * Graphs behind those that they call. Undefined, and said, where one calls itself, over however many others: no converter writes
 * that, and it need not end.
 */
function callOrder(calls: readonly (readonly number[])[], at: Range, say: Say): readonly number[] | undefined {
  const order: number[] = [];
  const state = new Uint8Array(calls.length);
  for (let first = 0; first < calls.length; first++) {
    if (state[first] !== 0) continue;
    const path: { graph: number; next: number }[] = [{ graph: first, next: 0 }];
    state[first] = 1;
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const callee = calls[top.graph]![top.next++];
      if (callee === undefined) {
        state[top.graph] = 2;
        order.push(top.graph);
        path.pop();
      } else if (state[callee] === 1) {
        say("suspicious", "tflite-recursion", at, `graph ${callee} calls itself: running it need not end`);
        return undefined;
      } else if (state[callee] === 0) {
        state[callee] = 1;
        path.push({ graph: callee, next: 0 });
      }
    }
  }
  return order;
}

/** Fields of options that name another graph. */
function calledBy(options: FlatTable): readonly number[] {
  const one = [
    "subgraph",
    "then_subgraph_index",
    "else_subgraph_index",
    "init_subgraph_index",
    "cond_subgraph_index",
    "body_subgraph_index",
    "comparator_subgraph_index",
    "update_computation_subgraph_index",
    "decomposition_subgraph_index",
  ].filter((field) => options.knows(field));
  const many = ["called_computations", "branch_subgraph_indices"].filter((field) => options.knows(field));
  return [...one.map((field) => options.number(field)), ...many.flatMap((field) => options.numbers(field, Infinity))];
}
