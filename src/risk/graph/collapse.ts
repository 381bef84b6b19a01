/**
 * Series and parallel structure of a problem taken together before a diagram is made. Only what occurs in one step alone is merged, so
 * independence is never assumed where events are shared; what remains is a smaller problem with the same probability.
 */
import { eventsOf, needsOf, type Problem } from "./problem.ts";

/** A variable of the collapsed problem: an event (or the guard of a step, which never fails by itself), or independent ones taken together. */
export type Variable =
  | { readonly kind: "event"; readonly event: number }
  | { readonly kind: "guard"; readonly step: number }
  | { readonly kind: "all" | "any"; readonly of: readonly Variable[] };

export interface Collapsed {
  readonly variables: readonly Variable[];
  readonly states: number;
  readonly steps: readonly {
    readonly needs: readonly number[];
    readonly variables: readonly number[];
    readonly gains: number;
  }[];
  readonly goal: number;
}

interface Step {
  needs: Set<number>;
  variables: Set<number>;
  gains: number;
}

/**
 * The problem of one goal (a state of `problem`), collapsed. Each step of `guards` gets a variable that is always true, so that taking
 * the step away is a question to the diagram.
 */
export function collapsed(problem: Problem, goal: number, guards: ReadonlySet<number> = new Set()): Collapsed {
  const variables: Variable[] = problem.events.map((_, event) => ({ kind: "event", event }));
  const steps = new Map<number, Step>();
  const users: Set<number>[] = variables.map(() => new Set());
  const into: Set<number>[] = problem.states.map(() => new Set());
  const needing: Set<number>[] = problem.states.map(() => new Set());
  const fresh = (variable: Variable): number => {
    variables.push(variable);
    users.push(new Set());
    return variables.length - 1;
  };
  const add = (id: number, step: Step): void => {
    steps.set(id, step);
    into[step.gains].add(id);
    for (const need of step.needs) needing[need].add(id);
    for (const v of step.variables) users[v].add(id);
  };
  const open = new Set<number>(problem.states.keys());
  const remove = (id: number): void => {
    const step = steps.get(id)!;
    steps.delete(id);
    into[step.gains].delete(id);
    for (const need of step.needs) needing[need].delete(id);
    for (const v of step.variables) {
      users[v].delete(id);
      // What was shared may now be another step's own.
      if (users[v].size === 1) for (const last of users[v]) open.add(steps.get(last)!.gains);
    }
  };
  for (let t = 0; t < problem.steps.length; t++)
    add(t, { needs: new Set(needsOf(problem, t)), variables: new Set(eventsOf(problem, t)), gains: problem.gains[t] });
  for (const id of guards) {
    const guard = fresh({ kind: "guard", step: id });
    steps.get(id)!.variables.add(guard);
    users[guard].add(id);
  }

  const own = (step: Step): number[] => [...step.variables].filter((v) => users[v].size === 1);
  const together = (kind: "all" | "any", parts: readonly number[]): number =>
    fresh({
      kind,
      of: parts.flatMap((v) => {
        const variable = variables[v];
        return variable.kind === kind ? [...variable.of] : [variable];
      }),
    });
  /** Series: the variables that occur in this step alone become one. */
  const series = (id: number): void => {
    const step = steps.get(id)!;
    const parts = own(step);
    if (parts.length < 2) return;
    const whole = together("all", parts);
    for (const v of parts) {
      step.variables.delete(v);
      users[v].clear();
    }
    step.variables.add(whole);
    users[whole].add(id);
  };

  for (const state of open) {
    open.delete(state);
    for (const id of into[state]) series(id);
    // Parallel: steps alike but for a variable of their own become one.
    const alike = new Map<string, number[]>();
    for (const id of into[state]) {
      const step = steps.get(id)!;
      const shared = [...step.variables].filter((v) => users[v].size > 1).toSorted((a, b) => a - b);
      const key = `${[...step.needs].toSorted((a, b) => a - b).join()} ${shared.join()}`;
      const group = alike.get(key);
      if (group) group.push(id);
      else alike.set(key, [id]);
    }
    for (const group of alike.values()) {
      if (group.length < 2) continue;
      const certain = group.find((id) => own(steps.get(id)!).length === 0);
      const kept = certain ?? group[0];
      const step = steps.get(kept)!;
      // Before the others go: what the kept step shares with them must not be taken for its own.
      const owned = own(step);
      const parts = group.flatMap((id) => own(steps.get(id)!));
      for (const id of group) if (id !== kept) remove(id);
      if (certain !== undefined) continue;
      for (const v of owned) {
        step.variables.delete(v);
        users[v].clear();
      }
      const whole = together("any", parts);
      step.variables.add(whole);
      users[whole].add(kept);
    }
    if (state === goal || into[state].size !== 1) continue;
    // One step in: whoever needs the state needs that step. Worth it where nothing else is copied.
    const [only] = into[state];
    const step = steps.get(only)!;
    if (step.needs.has(state) || (needing[state].size > 1 && step.needs.size > 0)) continue;
    const followers = [...needing[state]];
    remove(only);
    for (const id of followers) {
      const user = steps.get(id)!;
      remove(id);
      const needs = new Set([...user.needs, ...step.needs]);
      needs.delete(state);
      if (needs.has(user.gains)) {
        // It would need what it gains.
        open.add(user.gains);
        continue;
      }
      add(id, { needs, variables: new Set([...user.variables, ...step.variables]), gains: user.gains });
    }
    for (const id of followers) if (steps.has(id)) open.add(steps.get(id)!.gains);
  }
  return compacted(variables, [...steps.values()], goal);
}

/** Numbers only what the goal still needs. */
function compacted(variables: readonly Variable[], steps: readonly Step[], goal: number): Collapsed {
  const stateAt = new Map<number, number>([[goal, 0]]);
  const variableAt = new Map<number, number>();
  const into = new Map<number, Step[]>();
  for (const step of steps) {
    const group = into.get(step.gains);
    if (group) group.push(step);
    else into.set(step.gains, [step]);
  }
  const kept: { needs: number[]; variables: number[]; gains: number }[] = [];
  const numbered = (map: Map<number, number>, key: number): number => {
    const known = map.get(key);
    if (known !== undefined) return known;
    map.set(key, map.size);
    return map.size - 1;
  };
  // A Map visits what is added while it is walked.
  for (const [state, gains] of stateAt)
    for (const step of into.get(state) ?? [])
      kept.push({
        needs: [...step.needs].map((need) => numbered(stateAt, need)),
        variables: [...step.variables].map((v) => numbered(variableAt, v)),
        gains,
      });
  return { variables: [...variableAt.keys()].map((v) => variables[v]), states: stateAt.size, steps: kept, goal: 0 };
}

/** Probability of a variable when event e has probability p[e] and guards hold. */
export function probabilityOfVariable(variable: Variable, p: Float64Array): number {
  switch (variable.kind) {
    case "event":
      return p[variable.event];
    case "guard":
      return 1;
    case "all":
      return variable.of.reduce((product, part) => product * probabilityOfVariable(part, p), 1);
    case "any":
      return 1 - variable.of.reduce((product, part) => product * (1 - probabilityOfVariable(part, p)), 1);
  }
}

/** Derivative of a variable's probability by each event and guard in it, times `outer`: the chain rule, handed to `tell`. */
export function derivatives(
  variable: Variable,
  p: Float64Array,
  outer: number,
  tell: (leaf: Variable & { kind: "event" | "guard" }, derivative: number) => void,
): void {
  if (variable.kind === "event" || variable.kind === "guard") return tell(variable, outer);
  const values = variable.of.map((part) => probabilityOfVariable(part, p));
  const factors = variable.kind === "all" ? values : values.map((value) => 1 - value);
  // Products of all the others, from both sides, so that a zero among them is no division.
  const before = [1];
  for (const factor of factors) before.push(before[before.length - 1] * factor);
  let after = 1;
  for (let i = factors.length - 1; i >= 0; i--) {
    derivatives(variable.of[i], p, outer * before[i] * after, tell);
    after *= factors[i];
  }
}
