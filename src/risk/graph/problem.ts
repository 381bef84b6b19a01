/**
 * A graph model in numbers: names checked once and turned into indices, needs and events in compressed rows, and cut down to what can
 * happen and matters to the goals asked for. Everything that evaluates works on this.
 */
import type { GraphModel } from "./model.ts";

/** Steps as compressed rows: needs of step t are `needs[needsAt[t]] … needs[needsAt[t + 1] - 1]`, its events likewise. */
export interface Problem {
  readonly states: readonly string[];
  readonly events: readonly string[];
  readonly steps: readonly string[];
  /** Probabilities per event at the three ends. */
  readonly low: Float64Array;
  readonly likely: Float64Array;
  readonly high: Float64Array;
  readonly assumed: Uint8Array;
  readonly needsAt: Int32Array;
  readonly needs: Int32Array;
  readonly eventsAt: Int32Array;
  readonly eventsOf: Int32Array;
  readonly gains: Int32Array;
  /** Per goal asked for: its state, or what is known of it without drawing anything. */
  readonly goals: readonly (number | "held" | "unreachable")[];
}

interface Row {
  readonly step: number;
  readonly needs: readonly number[];
  readonly events: readonly number[];
  readonly gains: number;
}

/** The whole model in numbers, start states marked. Throws where it names what it does not have or a probability is none. */
export interface Indexed {
  readonly model: GraphModel;
  readonly stateOf: ReadonlyMap<string, number>;
  readonly states: readonly string[];
  readonly held: Uint8Array;
  readonly rows: readonly Row[];
  readonly usersAt: Int32Array;
  readonly users: Int32Array;
}

export function indexed(model: GraphModel): Indexed {
  const stateOf = new Map<string, number>();
  const states: string[] = [];
  const state = (name: string): number => {
    const known = stateOf.get(name);
    if (known !== undefined) return known;
    stateOf.set(name, states.length);
    states.push(name);
    return states.length - 1;
  };
  const eventOf = new Map<string, number>();
  for (const [index, { id, low, likely, high }] of model.events.entries()) {
    if (eventOf.has(id)) throw new RangeError(`the event ${id} is declared twice`);
    if (!(low >= 0 && low <= likely && likely <= high && high <= 1))
      throw new RangeError(`the event ${id} needs 0 ≤ low ≤ likely ≤ high ≤ 1, not ${low}, ${likely}, ${high}`);
    eventOf.set(id, index);
  }
  for (const name of model.start) state(name);
  const seen = new Set<string>();
  const rows = model.steps.map(({ id, needs, events, gains }, step): Row => {
    if (seen.has(id)) throw new RangeError(`the step ${id} is declared twice`);
    seen.add(id);
    return {
      step,
      needs: [...new Set(needs)].map(state),
      events: [...new Set(events)].map((name) => {
        const event = eventOf.get(name);
        if (event === undefined) throw new RangeError(`the step ${id} names the event ${name}, which is not declared`);
        return event;
      }),
      gains: state(gains),
    };
  });
  const held = new Uint8Array(states.length);
  for (const name of model.start) held[stateOf.get(name)!] = 1;
  const { at: usersAt, of: users } = rowsBy(
    states.length,
    rows.map(({ needs }) => needs),
  );
  return { model, stateOf, states, held, rows, usersAt, users };
}

/** The transpose of rows of indices: for each index below `count` the rows that hold it. */
export function rowsBy(count: number, rows: readonly (readonly number[])[]): { at: Int32Array; of: Int32Array } {
  const at = new Int32Array(count + 1);
  for (const row of rows) for (const index of row) at[index + 1]++;
  for (let i = 0; i < count; i++) at[i + 1] += at[i];
  const next = at.slice(0, count);
  const of = new Int32Array(at[count]);
  for (let r = 0; r < rows.length; r++) for (const index of rows[r]) of[next[index]++] = r;
  return { at, of };
}

/**
 * What can happen and matters to at least one goal: steps whose needs can all be gained and whose events can all come out, and of
 * those the ones from which a goal can be gained. Needs held from the beginning and events that never fail are left out of the rows;
 * steps into held states, or that need what they gain, gain nothing and go.
 */
export function problemFor(graph: Indexed, goals: readonly string[]): Problem {
  const { model, stateOf, states, held, rows, usersAt, users } = graph;
  const goalStates = goals.map((goal) => stateOf.get(goal) ?? -1);

  // Forwards: what can be gained at all.
  const missing = new Int32Array(rows.length);
  const reached = held.slice();
  const possible = new Uint8Array(rows.length);
  const queue: number[] = [];
  const fire = (r: number): void => {
    possible[r] = 1;
    const { gains } = rows[r];
    if (reached[gains] === 0) {
      reached[gains] = 1;
      queue.push(gains);
    }
  };
  for (let r = 0; r < rows.length; r++) {
    const { needs, events, gains } = rows[r];
    missing[r] = needs.length;
    if (events.some((event) => model.events[event].high === 0) || held[gains] === 1 || needs.includes(gains))
      missing[r] = -1;
    else if (missing[r] === 0) fire(r);
  }
  for (let s = 0; s < states.length; s++) if (held[s] === 1) queue.push(s);
  while (queue.length > 0) {
    const state = queue.pop()!;
    for (let u = usersAt[state]; u < usersAt[state + 1]; u++) if (--missing[users[u]] === 0) fire(users[u]);
  }

  // Backwards: what matters.
  const into: number[][] = Array.from({ length: states.length }, () => []);
  for (let r = 0; r < rows.length; r++) if (possible[r] === 1) into[rows[r].gains].push(r);
  const stateAt = new Int32Array(states.length).fill(-1);
  const kept: number[] = [];
  const want = (state: number): void => {
    if (stateAt[state] >= 0 || held[state] === 1) return;
    stateAt[state] = kept.length;
    kept.push(state);
  };
  for (const state of goalStates) if (state >= 0 && reached[state] === 1) want(state);
  const steps: Row[] = [];
  for (let k = 0; k < kept.length; k++)
    for (const r of into[kept[k]]) {
      steps.push(rows[r]);
      for (const need of rows[r].needs) want(need);
    }
  steps.sort((a, b) => a.step - b.step);

  const eventAt = new Int32Array(model.events.length).fill(-1);
  const events: number[] = [];
  const needsAt = new Int32Array(steps.length + 1);
  const eventsAt = new Int32Array(steps.length + 1);
  const needs: number[] = [];
  const eventsOf: number[] = [];
  for (const [t, row] of steps.entries()) {
    for (const need of row.needs) if (held[need] === 0) needs.push(stateAt[need]);
    for (const event of row.events) {
      if (model.events[event].low === 1) continue;
      if (eventAt[event] < 0) {
        eventAt[event] = events.length;
        events.push(event);
      }
      eventsOf.push(eventAt[event]);
    }
    needsAt[t + 1] = needs.length;
    eventsAt[t + 1] = eventsOf.length;
  }
  const figures = (end: "low" | "likely" | "high"): Float64Array =>
    Float64Array.from(events, (event) => model.events[event][end]);
  return {
    states: kept.map((state) => states[state]),
    events: events.map((event) => model.events[event].id),
    steps: steps.map(({ step }) => model.steps[step].id),
    low: figures("low"),
    likely: figures("likely"),
    high: figures("high"),
    assumed: Uint8Array.from(events, (event) => (model.events[event].assumed ? 1 : 0)),
    needsAt,
    needs: Int32Array.from(needs),
    eventsAt,
    eventsOf: Int32Array.from(eventsOf),
    gains: Int32Array.from(steps, ({ gains }) => stateAt[gains]),
    goals: goalStates.map((state) =>
      state < 0 || reached[state] === 0 ? "unreachable" : held[state] === 1 ? "held" : stateAt[state],
    ),
  };
}

/** Needs and events of one step as plain arrays. */
export const needsOf = ({ needs, needsAt }: Problem, step: number): number[] => [
  ...needs.subarray(needsAt[step], needsAt[step + 1]),
];
export const eventsOf = ({ eventsOf, eventsAt }: Problem, step: number): number[] => [
  ...eventsOf.subarray(eventsAt[step], eventsAt[step + 1]),
];

/**
 * Strongly connected components of the states ("needs what" edges), every component after those it needs (Tarjan 1972, without
 * recursion). Returns the component of each state; components are numbered in that order.
 */
export function componentsOf(
  count: number,
  requires: (state: number) => readonly number[],
): { readonly of: Int32Array; readonly members: readonly (readonly number[])[] } {
  const of = new Int32Array(count).fill(-1);
  const order = new Int32Array(count).fill(-1);
  const lowest = new Int32Array(count);
  const members: number[][] = [];
  const stack: number[] = [];
  let clock = 0;
  for (let root = 0; root < count; root++) {
    if (order[root] >= 0) continue;
    const walk: { state: number; next: number; requires: readonly number[] }[] = [];
    const enter = (state: number): void => {
      order[state] = lowest[state] = clock++;
      stack.push(state);
      walk.push({ state, next: 0, requires: requires(state) });
    };
    enter(root);
    while (walk.length > 0) {
      const frame = walk[walk.length - 1];
      const { state } = frame;
      if (frame.next < frame.requires.length) {
        const other = frame.requires[frame.next++];
        if (order[other] < 0) enter(other);
        else if (of[other] < 0) lowest[state] = Math.min(lowest[state], order[other]);
        continue;
      }
      walk.pop();
      if (walk.length > 0) {
        const above = walk[walk.length - 1].state;
        lowest[above] = Math.min(lowest[above], lowest[state]);
      }
      if (lowest[state] !== order[state]) continue;
      const component: number[] = [];
      for (;;) {
        const member = stack.pop()!;
        of[member] = members.length;
        component.push(member);
        if (member === state) break;
      }
      members.push(component.sort((a, b) => a - b));
    }
  }
  return { of, members };
}
