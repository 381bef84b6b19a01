/**
 * Ways to a goal. A way is a smallest set of steps that suffices: no step of it can be left out. Where a step needs several states a way
 * branches, so it is a tree folded where branches meet; it gains each of its states by one step. Its probability is that of all its
 * events together, a shared one counted once.
 */
import { heap } from "./heap.ts";
import { eventsOf, needsOf, rowsBy, type Problem } from "./problem.ts";

/** Partial ways opened before the search for the likeliest gives up proving that nothing likelier is left. */
export const EXPANSIONS_MAX = 20_000;

export interface Way {
  /** Steps of the problem, each after those that gain what it needs. */
  readonly steps: readonly number[];
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

export interface Ways {
  readonly ways: readonly Way[];
  /** Whether no way left out is likelier than those shown; false where the search was cut short. */
  readonly proven: boolean;
}

interface Links {
  readonly needs: readonly (readonly number[])[];
  readonly events: readonly (readonly number[])[];
  readonly into: readonly (readonly number[])[];
  readonly usersAt: Int32Array;
  readonly users: Int32Array;
}

const linked = new WeakMap<Problem, Links>();

function linksOf(problem: Problem): Links {
  const known = linked.get(problem);
  if (known) return known;
  const needs = problem.steps.map((_, t) => needsOf(problem, t));
  const into: number[][] = problem.states.map(() => []);
  for (let t = 0; t < problem.steps.length; t++) into[problem.gains[t]].push(t);
  const { at: usersAt, of: users } = rowsBy(problem.states.length, needs);
  const links = { needs, events: problem.steps.map((_, t) => eventsOf(problem, t)), into, usersAt, users };
  linked.set(problem, links);
  return links;
}

/**
 * Some way to the goal with as few rounds as possible, avoiding steps and events that are ruled out and, where `only` is given, within
 * those steps; undefined where there is none.
 */
export function someWay(
  problem: Problem,
  goal: number,
  without: {
    readonly steps?: ReadonlySet<number>;
    readonly events?: ReadonlySet<number>;
    readonly only?: ReadonlySet<number>;
  } = {},
): number[] | undefined {
  const { needs, events, usersAt, users } = linksOf(problem);
  const missing = new Int32Array(problem.steps.length);
  const by = new Int32Array(problem.states.length).fill(-1);
  const queue: number[] = [];
  for (let t = 0; t < missing.length; t++) {
    const barred =
      without.steps?.has(t) === true ||
      (without.only !== undefined && !without.only.has(t)) ||
      (without.events !== undefined && events[t].some((event) => without.events!.has(event)));
    missing[t] = barred ? -1 : needs[t].length;
    if (missing[t] === 0) queue.push(t);
  }
  for (let head = 0; head < queue.length && by[goal] < 0; head++) {
    const t = queue[head],
      gained = problem.gains[t];
    if (by[gained] >= 0) continue;
    by[gained] = t;
    for (let u = usersAt[gained]; u < usersAt[gained + 1]; u++) if (--missing[users[u]] === 0) queue.push(users[u]);
  }
  return by[goal] < 0 ? undefined : closure(problem, goal, (state) => by[state]);
}

/** The steps behind a goal when each state is gained by the step chosen for it, causes first. The choice must not go in circles. */
function closure(problem: Problem, goal: number, chosen: (state: number) => number): number[] {
  const { needs } = linksOf(problem);
  const order: number[] = [];
  const seen = new Set<number>();
  const walk: { step: number; next: number }[] = [];
  const enter = (state: number): void => {
    if (seen.has(state)) return;
    seen.add(state);
    walk.push({ step: chosen(state), next: 0 });
  };
  enter(goal);
  while (walk.length > 0) {
    const frame = walk[walk.length - 1];
    if (frame.next < needs[frame.step].length) enter(needs[frame.step][frame.next++]);
    else {
      order.push(frame.step);
      walk.pop();
    }
  }
  return order;
}

/** Steps through which every way to the goal goes, causes first. */
export function singlePoints(problem: Problem, goal: number): number[] {
  return (someWay(problem, goal) ?? []).filter((t) => someWay(problem, goal, { steps: new Set([t]) }) === undefined);
}

/** Probability of a set of steps with all their events, each event once. */
export function wayOf(problem: Problem, steps: readonly number[]): Way {
  const { events } = linksOf(problem);
  const all = [...new Set(steps.flatMap((t) => events[t]))].toSorted((a, b) => a - b);
  const product = (p: Float64Array): number => all.reduce((value, event) => value * p[event], 1);
  return { steps, low: product(problem.low), likely: product(problem.likely), high: product(problem.high) };
}

/** Likelier first; then by the upper end, by fewer steps, by the order of the model. */
function likelier(a: Way, b: Way): number {
  return (
    b.likely - a.likely ||
    b.high - a.high ||
    a.steps.length - b.steps.length ||
    a.steps.reduce((order, step, i) => order || step - b.steps[i], 0)
  );
}

interface Partial {
  /** Chosen steps, newest first. */
  readonly chosen: Chosen | undefined;
  readonly open: readonly number[];
  /** Events that every completion has: those of chosen steps and those without which an open state cannot be gained. */
  readonly sure: Int32Array;
  readonly cost: number;
}

interface Chosen {
  readonly step: number;
  readonly before: Chosen | undefined;
}

/**
 * The `count` likeliest ways, best first: A* over partial ways from the goal downwards (Hart, Nilsson & Raphael 1968). Open states are
 * charged with the events they cannot do without and with the cheapest chain of events that occur in one step only; neither can exceed
 * what completing costs, so ways come out in order.
 */
export function likeliestWays(problem: Problem, goal: number, count: number, expansions = EXPANSIONS_MAX): Ways {
  if (count < 1) return { ways: [], proven: true };
  const { needs, events, into, usersAt, users } = linksOf(problem);
  const { gains } = problem;
  // −ln of the likely probability; the upper end and the number of steps only settle ties.
  const costOf = (p: number): number => -Math.log(Math.max(p, 1e-300));
  const cost = Float64Array.from(problem.events, (_, e) => costOf(problem.likely[e]) + 1e-9 * costOf(problem.high[e]));
  const STEP = 1e-12;

  const words = (problem.events.length + 31) >> 5;
  const needed = indispensable(problem, words);
  const uses = new Int32Array(problem.events.length);
  for (const row of events) for (const event of row) uses[event]++;
  const has = (set: Int32Array, at: number, event: number): boolean =>
    ((set[at + (event >> 5)] >>> (event & 31)) & 1) === 1;
  const ownCost = Float64Array.from(events, (row, t) =>
    row.reduce(
      (sum, event) => sum + (uses[event] === 1 && !has(needed, gains[t] * words, event) ? cost[event] : 0),
      STEP,
    ),
  );

  // The cheapest chain below each state (Knuth 1977: Dijkstra's algorithm with the dearest need instead of the sum).
  const chain = new Float64Array(problem.states.length).fill(Infinity);
  const cheapest = new Int32Array(problem.states.length).fill(-1);
  {
    const missing = Int32Array.from(needs, (row) => row.length);
    const queue = heap<number>();
    const offer = (t: number): void => {
      let dearest = 0;
      for (const need of needs[t]) dearest = Math.max(dearest, chain[need]);
      const total = ownCost[t] + dearest;
      const state = gains[t];
      if (total < chain[state] || cheapest[state] < 0) {
        chain[state] = total;
        cheapest[state] = t;
        queue.push(total, state);
      }
    };
    const settled = new Uint8Array(problem.states.length);
    for (let t = 0; t < missing.length; t++) if (missing[t] === 0) offer(t);
    for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
      if (settled[state] === 1) continue;
      settled[state] = 1;
      for (let u = usersAt[state]; u < usersAt[state + 1]; u++)
        if (--missing[users[u]] === 0 && settled[gains[users[u]]] === 0) offer(users[u]);
    }
  }

  const found: Way[] = [];
  const known = new Set<string>();
  const keep = (steps: readonly number[]): void => {
    const key = steps.toSorted((a, b) => a - b).join();
    if (known.has(key)) return;
    known.add(key);
    found.push(wayOf(problem, steps));
  };
  const stepFor = (chosen: Chosen | undefined): Map<number, number> => {
    const map = new Map<number, number>();
    for (let at = chosen; at !== undefined; at = at.before) map.set(gains[at.step], at.step);
    return map;
  };

  const queue = heap<Partial>();
  const begun = new Int32Array(words);
  const charge = (sure: Int32Array, from: Int32Array, at: number): number => {
    let added = 0;
    for (let w = 0; w < words; w++) {
      let fresh = from[at + w] & ~sure[w];
      sure[w] |= fresh;
      while (fresh !== 0) {
        const bit = 31 - Math.clz32(fresh);
        added += cost[(w << 5) + bit];
        fresh &= ~(1 << bit);
      }
    }
    return added;
  };
  const openCost = charge(begun, needed, goal * words);
  queue.push(openCost + chain[goal], { chosen: undefined, open: [goal], sure: begun, cost: openCost });

  const most = Math.max(200, Math.min(expansions, Math.floor(4_000_000 / Math.max(1, words))));
  let proven = true;
  for (let opened = 0; found.length < count; opened++) {
    const partial = queue.pop();
    if (partial === undefined) break;
    if (partial.open.length === 0) {
      const map = stepFor(partial.chosen);
      keep(closure(problem, goal, (state) => map.get(state)!));
      continue;
    }
    if (opened >= most) {
      proven = false;
      // What is begun is finished by the cheapest chains, best first.
      for (
        let next: Partial | undefined = partial, tries = 0;
        next && found.length < count && tries < 4 * count;
        tries++
      ) {
        const within = new Set<number>();
        for (let at = next.chosen; at !== undefined; at = at.before) within.add(at.step);
        for (const state of next.open)
          for (const step of closure(problem, state, (below) => cheapest[below])) within.add(step);
        const way = someWay(problem, goal, { only: within });
        if (way) keep(way);
        next = queue.pop();
      }
      break;
    }
    const state = partial.open[partial.open.length - 1];
    const rest = partial.open.slice(0, -1);
    const map = stepFor(partial.chosen);
    const above = ancestors(state, map, needs);
    for (const step of into[state]) {
      const row = needs[step];
      // A need gained by what stands above it would be a circle.
      if (row.some((need) => need === state || above.has(need))) continue;
      const chosen: Chosen = { step, before: partial.chosen };
      const sure = partial.sure.slice();
      let spent = partial.cost + STEP;
      for (const event of events[step])
        if (!has(sure, 0, event)) {
          sure[event >> 5] |= 1 << (event & 31);
          spent += cost[event];
        }
      const open = [...rest];
      for (const need of row)
        if (!map.has(need) && !open.includes(need)) {
          open.push(need);
          spent += charge(sure, needed, need * words);
        }
      map.set(state, step);
      let ahead = 0;
      for (const waiting of open) {
        if (chain[waiting] <= ahead) continue;
        // Steps chosen elsewhere may serve this state too and are paid for; those above it cannot.
        const over = ancestors(waiting, map, needs);
        let paid = 0;
        for (let at: Chosen | undefined = chosen; at !== undefined; at = at.before)
          if (!over.has(gains[at.step])) paid += ownCost[at.step];
        ahead = Math.max(ahead, chain[waiting] - paid);
      }
      map.delete(state);
      queue.push(spent + ahead, { chosen, open, sure, cost: spent });
    }
  }
  return { ways: found.toSorted(likelier), proven };
}

/** States that stand above `state` in the chosen steps, itself not included. */
function ancestors(
  state: number,
  chosen: ReadonlyMap<number, number>,
  needs: readonly (readonly number[])[],
): Set<number> {
  const above = new Set<number>([state]);
  for (let grown = true; grown;) {
    grown = false;
    for (const [gained, step] of chosen)
      if (!above.has(gained) && needs[step].some((need) => above.has(need))) {
        above.add(gained);
        grown = true;
      }
  }
  above.delete(state);
  return above;
}

/** Per state the events that every way to it has, as bit sets of `words` words: the greatest fixed point of "in all steps into it". */
function indispensable(problem: Problem, words: number): Int32Array {
  const { needs, events, into, usersAt, users } = linksOf(problem);
  const sets = new Int32Array(problem.states.length * words).fill(-1);
  const open = new Set<number>(problem.states.keys());
  const all = new Int32Array(words),
    one = new Int32Array(words);
  for (const state of open) {
    open.delete(state);
    all.fill(-1);
    for (const step of into[state]) {
      one.fill(0);
      for (const event of events[step]) one[event >> 5] |= 1 << (event & 31);
      for (const need of needs[step]) for (let w = 0; w < words; w++) one[w] |= sets[need * words + w];
      for (let w = 0; w < words; w++) all[w] &= one[w];
    }
    let changed = false;
    for (let w = 0; w < words; w++) {
      if (sets[state * words + w] === all[w]) continue;
      sets[state * words + w] = all[w];
      changed = true;
    }
    if (!changed) continue;
    for (let u = usersAt[state]; u < usersAt[state + 1]; u++) open.add(problem.gains[users[u]]);
  }
  return sets;
}
