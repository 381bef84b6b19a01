/**
 * Minimal cut sets: smallest sets of events whose failure closes every way to the goal. From a diagram as a zero-suppressed one
 * (Minato, DAC 1993; Rauzy, Reliability Engineering & System Safety 40, 1993), all of them; without a diagram by the hitting-set tree
 * over ways (Reiter, Artificial Intelligence 32, 1987), smallest first, until it is exhausted or its budget is.
 */
import type { Variable } from "./collapse.ts";
import { OutOfNodes } from "./diagrams.ts";
import type { ExactGoal } from "./exact.ts";
import { heap } from "./heap.ts";
import { eventsOf, type Problem } from "./problem.ts";
import { someWay } from "./ways.ts";

export interface CutSets {
  /** Events of the problem, each set ascending; smaller sets first. */
  readonly sets: readonly (readonly number[])[];
  /** Whether there are no others. */
  readonly complete: boolean;
}

const bySize = (a: readonly number[], b: readonly number[]): number =>
  a.length - b.length || a.reduce((order, event, i) => order || event - b[i], 0);

/** A set family: node n holds `high` families with variable[n] in and `low` families without; 0 is no set, 1 the empty set. */
interface Family {
  readonly root: number;
  readonly variable: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** The `count` smallest minimal cut sets of a goal known exactly; undefined where the family takes more than `limit` nodes. */
export function cutSetsOf({ diagram, variables }: ExactGoal, count: number, limit: number): CutSets | undefined {
  let family: Family;
  try {
    family = minimalCuts(diagram, limit);
  } catch (error) {
    if (error instanceof OutOfNodes) return undefined;
    throw error;
  }
  const smallest = new Map<Variable, number>();
  const least = (variable: Variable): number => {
    const known = smallest.get(variable);
    if (known !== undefined) return known;
    const size =
      variable.kind === "all"
        ? variable.of.reduce((size, part) => Math.min(size, least(part)), Infinity)
        : variable.kind === "any"
          ? variable.of.reduce((size, part) => size + least(part), 0)
          : 1;
    smallest.set(variable, size);
    return size;
  };
  const below = new Float64Array(family.variable.length).fill(Infinity);
  below[1] = 0;
  for (let n = 2; n < below.length; n++)
    below[n] = Math.min(below[family.low[n]], below[family.high[n]] + least(variables[family.variable[n]]));

  interface Begun {
    readonly node: number;
    readonly events: readonly number[];
    /** Variables that have to fail and are not yet taken apart. */
    readonly pending: readonly Variable[];
  }
  const queue = heap<Begun>();
  const offer = (begun: Begun): void => {
    const size = begun.pending.reduce(
      (sum, variable) => sum + least(variable),
      begun.events.length + below[begun.node],
    );
    if (size < Infinity) queue.push(size, begun);
  };
  const sets: number[][] = [];
  offer({ node: family.root, events: [], pending: [] });
  while (sets.length < count) {
    const begun = queue.pop();
    if (begun === undefined) break;
    const { node, events, pending } = begun;
    if (node > 1) {
      offer({ ...begun, node: family.low[node] });
      offer({ node: family.high[node], events, pending: [...pending, variables[family.variable[node]]] });
      continue;
    }
    if (pending.length === 0) {
      sets.push(events.toSorted((a, b) => a - b));
      continue;
    }
    const [variable, ...rest] = pending;
    if (variable.kind === "event") offer({ node, events: [...events, variable.event], pending: rest });
    else if (variable.kind === "any") offer({ node, events, pending: [...variable.of, ...rest] });
    else if (variable.kind === "all") for (const part of variable.of) offer({ node, events, pending: [part, ...rest] });
  }
  return { sets: sets.toSorted(bySize), complete: queue.size() === 0 };
}

/**
 * Minimal cut sets of a monotone diagram: those of "variable true" as they are, and the variable with each of "variable false" that
 * contains none of them.
 */
function minimalCuts(
  diagram: {
    readonly root: number;
    readonly variable: Int32Array;
    readonly low: Int32Array;
    readonly high: Int32Array;
  },
  limit: number,
): Family {
  const variable = [Infinity, Infinity],
    low = [0, 0],
    high = [0, 0];
  const unique = new Map<string, number>();
  const results = new Map<number, number>();
  const node = (v: number, lo: number, hi: number): number => {
    if (hi === 0) return lo;
    const key = `${v} ${lo} ${hi}`;
    const known = unique.get(key);
    if (known !== undefined) return known;
    if (variable.length >= limit) throw new OutOfNodes(`more than ${limit} nodes`);
    variable.push(v);
    low.push(lo);
    high.push(hi);
    unique.set(key, variable.length - 1);
    return variable.length - 1;
  };
  /** Sets of a that contain no set of b. */
  const without = (a: number, b: number): number => {
    if (a === 0 || b === 1 || a === b) return 0;
    if (b === 0) return a;
    if (a === 1) return 1;
    const key = a * 2 ** 26 + b;
    const known = results.get(key);
    if (known !== undefined) return known;
    const va = variable[a],
      vb = variable[b];
    const result =
      va < vb
        ? node(va, without(low[a], b), without(high[a], b))
        : va > vb
          ? without(a, low[b])
          : node(va, without(low[a], low[b]), without(without(high[a], low[b]), high[b]));
    results.set(key, result);
    return result;
  };
  const cuts = [1, 0];
  for (let n = 2; n < diagram.variable.length; n++) {
    const held = cuts[diagram.high[n]];
    cuts.push(node(diagram.variable[n], held, without(cuts[diagram.low[n]], held)));
  }
  return { root: cuts[diagram.root], variable, low, high };
}

/**
 * The smallest minimal cut sets by search: a way that still works tells which events to fail next. Breadth first, so every set found
 * is minimal; complete only where the tree was exhausted within `tests` searches for a way.
 */
export function cutSetsBySearch(problem: Problem, goal: number, count: number, tests: number): CutSets {
  const sets: number[][] = [];
  let level: number[][] = [[]];
  let used = 0;
  while (level.length > 0) {
    const next = new Map<string, number[]>();
    for (const failed of level) {
      if (sets.length >= count || used >= tests) return { sets: sets.toSorted(bySize), complete: false };
      const inside = new Set(failed);
      if (sets.some((set) => set.every((event) => inside.has(event)))) continue;
      used++;
      const way = someWay(problem, goal, { events: inside });
      if (way === undefined) {
        sets.push(failed);
        continue;
      }
      for (const event of new Set(way.flatMap((t) => eventsOf(problem, t)))) {
        const larger = [...failed, event].toSorted((a, b) => a - b);
        next.set(larger.join(), larger);
      }
    }
    level = [...next.values()];
  }
  return { sets: sets.toSorted(bySize), complete: true };
}
