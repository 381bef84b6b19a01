/**
 * Exact evaluation: the goal of a cyclic AND/OR graph as one decision diagram over its events. Two ways lead to it. Upwards, strongly
 * connected components are solved in the order they need each other, cyclic ones by Kleene iteration from "nothing gained" to the least
 * fixed point; it ends because diagrams are canonical and each round only adds. Downwards, by deciding one variable after the other
 * (residual.ts).
 */
import { collapsed, derivatives, probabilityOfVariable, type Collapsed, type Variable } from "./collapse.ts";
import { diagramTable, importances, OutOfNodes, probabilityOn, type Diagram, type DiagramTable } from "./diagrams.ts";
import { ordersFor } from "./order.ts";
import { componentsOf, type Problem } from "./problem.ts";
import { decided } from "./residual.ts";

/** Beyond this many variables after collapsing nothing exact is tried: the recursion over them has to fit the stack of a browser. */
export const VARIABLES_MAX = 2000;

/** Beyond this frontier deciding from the top is not tried: twice the number of problems left may hang on every state of it. */
const WIDTH_MAX = 28;
/** Up to this one it is tried first. */
const NARROW = 10;

/**
 * What is tried, in turn, each with a part of the limit. Deciding from the top keeps to the goal and wins on networks, above all narrow
 * ones; the fixed point is quicker by the node and wins where there are few cycles.
 */
const attemptsFor = (
  width: number,
): readonly { readonly by: "fixed point" | "deciding"; readonly part: number; readonly tries: number }[] =>
  width <= NARROW
    ? [
        { by: "deciding", part: 1, tries: 1 },
        { by: "fixed point", part: 1, tries: 2 },
      ]
    : [
        { by: "fixed point", part: 1, tries: 2 },
        ...(width <= WIDTH_MAX
          ? ([
              { by: "deciding", part: 1 / 16, tries: 2 },
              { by: "deciding", part: 1, tries: 1 },
            ] as const)
          : []),
      ];

/** A goal as a function of independent variables, each an event or several taken together. */
export interface ExactGoal {
  readonly diagram: Diagram;
  /** The variable tested at each place of the diagram's order. */
  readonly variables: readonly Variable[];
  /** Nodes made on the way, of all orders tried. */
  readonly nodesMade: number;
}

/**
 * The diagram of one goal state of `problem`, or undefined where it takes more than `limit` nodes in every order tried. Steps in `guards`
 * get a variable of their own, which is true.
 */
export function exactGoal(
  problem: Problem,
  goal: number,
  limit: number,
  guards?: ReadonlySet<number>,
): ExactGoal | undefined {
  const small = collapsed(problem, goal, guards);
  if (small.variables.length > VARIABLES_MAX) return undefined;
  const orders = ordersFor(small);
  let made = 0,
    alike = false;
  for (const { by, part, tries } of attemptsFor(orders[0].width))
    for (const { variables } of orders.slice(0, tries)) {
      if (alike && part === 1) continue;
      const most = Math.max(64, Math.floor(limit * part));
      const table = diagramTable(most);
      try {
        const root = by === "deciding" ? decided(small, variables, table, most) : fixedPoint(small, variables, table);
        return {
          diagram: table.extract(root),
          variables: variables.map((v) => small.variables[v]),
          nodesMade: made + table.size(),
        };
      } catch (error) {
        if (!(error instanceof OutOfNodes)) throw error;
        made += table.size();
        // Many problems left and few functions among them: they are alike in ways that their normal form does not see.
        alike = by === "deciding" && table.size() < most / 4;
      }
    }
  return undefined;
}

/** Root of the goal's diagram by iterating all states to the least fixed point; throws OutOfNodes past the table's limit. */
export function fixedPoint(
  { states, steps, variables, goal }: Collapsed,
  order: readonly number[],
  table: DiagramTable,
): number {
  const place = new Int32Array(variables.length);
  for (const [at, v] of order.entries()) place[v] = at;
  const into: number[][] = Array.from({ length: states }, () => []);
  for (const [t, { gains }] of steps.entries()) into[gains].push(t);
  // The step's own condition: the conjunction of its variables, from the last in the order upwards.
  const condition = steps.map(({ variables: own }) =>
    own
      .map((v) => place[v])
      .toSorted((a, b) => b - a)
      .reduce((all, at) => table.and(table.variable(at), all), 1),
  );
  const value = new Int32Array(states);
  const attempt = (t: number): number => {
    let all = condition[t];
    for (const need of steps[t].needs) {
      if (all === 0) return 0;
      all = table.and(all, value[need]);
    }
    return all;
  };
  const gained = (state: number): number => into[state].reduce((any, t) => table.or(any, attempt(t)), value[state]);
  const components = componentsOf(states, (state) => into[state].flatMap((t) => steps[t].needs));
  for (const members of components.members) {
    if (members.length === 1) {
      value[members[0]] = gained(members[0]);
      continue;
    }
    const users = new Map<number, number[]>(members.map((state) => [state, []]));
    for (const state of members)
      for (const t of into[state]) for (const need of steps[t].needs) users.get(need)?.push(state);
    const open = new Set(members);
    for (const state of open) {
      open.delete(state);
      const now = gained(state);
      if (now === value[state]) continue;
      value[state] = now;
      for (const user of users.get(state)!) open.add(user);
    }
  }
  return value[goal];
}

/** Probability of the goal when event e comes out with probability p[e]. */
export function exactProbability({ diagram, variables }: ExactGoal, p: Float64Array): number {
  return probabilityOn(
    diagram,
    Float64Array.from(variables, (variable) => probabilityOfVariable(variable, p)),
  );
}

/** Derivatives of the goal's probability by each event's own, and by each guarded step's, at the probabilities p. */
export function exactDerivatives(
  { diagram, variables }: ExactGoal,
  p: Float64Array,
): { readonly events: Float64Array; readonly guards: ReadonlyMap<number, number> } {
  const events = new Float64Array(p.length);
  const guards = new Map<number, number>();
  const importance = importances(
    diagram,
    Float64Array.from(variables, (variable) => probabilityOfVariable(variable, p)),
  );
  for (const [at, variable] of variables.entries())
    derivatives(variable, p, importance[at], (leaf, derivative) => {
      if (leaf.kind === "event") events[leaf.event] += derivative;
      else guards.set(leaf.step, derivative);
    });
  return { events, guards };
}
