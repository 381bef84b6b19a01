/**
 * A decision diagram made from the top: deciding one variable after the other leaves a smaller problem, and problems that are left alike
 * are solved once. This is the frontier method of network reliability (Sekine & Imai 1995; Hardy, Lucet & Limnios, IEEE Trans.
 * Reliability 56, 2007) for cyclic AND/OR graphs: what decided steps have established is kept as rules between the states that
 * undecided steps still touch. It makes no function of any state but the goal, where iterating to a fixed point makes one per state.
 */
import type { Collapsed } from "./collapse.ts";
import { OutOfNodes, type DiagramTable } from "./diagrams.ts";

/** What deciding the first variables has left. All arrays ascending. */
interface Residual {
  /** Variables before this place are decided or no longer matter. */
  readonly level: number;
  /** Gained states that undecided steps need. */
  readonly held: readonly number[];
  /** Certain consequences between states not gained: whoever has a has b too, as a · states + b, closed under transitivity. */
  readonly pairs: readonly number[];
  /** Certain consequences of several states at once: [gains, needs …]. */
  readonly rules: readonly (readonly number[])[];
  /** Steps decided in part that are still alive and matter. */
  readonly begun: readonly number[];
}

/** Root of the goal's diagram in `table`, variables numbered by their place in `order`. Throws OutOfNodes past `problems` problems left. */
export function decided(
  { states, steps, variables, goal }: Collapsed,
  order: readonly number[],
  table: DiagramTable,
  problems: number,
): number {
  const levels = order.length;
  const place = new Int32Array(variables.length);
  for (const [at, v] of order.entries()) place[v] = at;
  const decisions = steps.map(({ variables: own }) => own.map((v) => place[v]).toSorted((a, b) => a - b));
  const first = Int32Array.from(decisions, (row) => row[0] ?? -1);
  const last = Int32Array.from(decisions, (row) => row.at(-1) ?? -1);
  const byVariable: number[][] = order.map(() => []);
  for (const [t, row] of decisions.entries()) for (const at of row) byVariable[at].push(t);
  const into: number[][] = Array.from({ length: states }, () => []);
  const users: number[][] = Array.from({ length: states }, () => []);
  for (const [t, { needs, gains }] of steps.entries()) {
    into[gains].push(t);
    for (const need of needs) users[need].push(t);
  }

  // Scratch, cleared by whoever filled it.
  const implies = new Uint8Array(states * states);
  const held = new Uint8Array(states);
  const possible = new Uint8Array(states);
  const relevant = new Uint8Array(states);
  const touched = new Uint8Array(states);
  const missing = new Int32Array(steps.length);
  const alive = new Uint8Array(steps.length);

  /** The residual in normal form, or a constant. `alive` steps, gained states, pairs and rules come in unsorted. */
  const normal = (
    level: number,
    gained: readonly number[],
    pairsIn: readonly number[],
    rulesIn: readonly (readonly number[])[],
    active: readonly number[],
  ): Residual | 0 | 1 => {
    held.fill(0);
    // Everything that is now certain.
    let rules = rulesIn;
    const pairs: number[] = [];
    const join = (a: number, b: number): void => {
      if (a === b || implies[a * states + b] === 1) return;
      const sources = [a],
        sinks = [b];
      for (const pair of pairs) {
        const from = Math.floor(pair / states),
          to = pair % states;
        if (to === a) sources.push(from);
        if (from === b) sinks.push(to);
      }
      for (const from of sources)
        for (const to of sinks)
          if (from !== to && implies[from * states + to] === 0) {
            implies[from * states + to] = 1;
            pairs.push(from * states + to);
          }
    };
    const clear = (): void => {
      for (const pair of pairs) implies[pair] = 0;
    };
    for (const pair of pairsIn) {
      implies[pair] = 1;
      pairs.push(pair);
    }
    const gain = [...gained];
    for (;;) {
      while (gain.length > 0) {
        const state = gain.pop()!;
        if (held[state] === 1) continue;
        held[state] = 1;
        for (const pair of pairs) if (Math.floor(pair / states) === state) gain.push(pair % states);
      }
      if (rules.length === 0) break;
      const left: (readonly number[])[] = [];
      for (const rule of rules) {
        const [gains, ...needs] = rule;
        if (held[gains] === 1) continue;
        const still = needs.filter(
          (need, i) =>
            held[need] === 0 &&
            // A need that another need brings along is no condition.
            !needs.some(
              (other, j) =>
                j !== i &&
                held[other] === 0 &&
                implies[other * states + need] === 1 &&
                (j < i || implies[need * states + other] === 0),
            ),
        );
        if (still.some((need) => need === gains || implies[need * states + gains] === 1)) continue;
        if (still.length === 0) gain.push(gains);
        else if (still.length === 1) join(still[0], gains);
        else left.push([gains, ...still]);
      }
      rules = left;
      if (gain.length === 0) break;
    }
    if (held[goal] === 1) {
      clear();
      return 1;
    }

    // Alive steps that still add something.
    const useful: number[] = [];
    for (const t of active) {
      const { needs, gains } = steps[t];
      if (held[gains] === 1) continue;
      if (needs.some((need) => held[need] === 0 && implies[need * states + gains] === 1)) continue;
      useful.push(t);
      alive[t] = 1;
      missing[t] = 0;
      for (const need of needs) if (held[need] === 0) missing[t]++;
    }
    // Forwards, should all of them succeed.
    possible.fill(0);
    const queue: number[] = [];
    const reach = (state: number): void => {
      if (held[state] === 1 || possible[state] === 1) return;
      possible[state] = 1;
      queue.push(state);
    };
    for (const t of useful) if (missing[t] === 0) reach(steps[t].gains);
    const follow = new Map<number, number[]>();
    for (const pair of pairs) {
      const from = Math.floor(pair / states);
      const row = follow.get(from);
      if (row) row.push(pair % states);
      else follow.set(from, [pair % states]);
    }
    for (let round = true; round;) {
      while (queue.length > 0) {
        const state = queue.pop()!;
        for (const t of users[state]) if (alive[t] === 1 && --missing[t] === 0) reach(steps[t].gains);
        for (const to of follow.get(state) ?? []) reach(to);
      }
      for (const [gains, ...needs] of rules) if (needs.every((need) => possible[need] === 1)) reach(gains);
      round = queue.length > 0;
    }
    if (possible[goal] === 0) {
      for (const t of useful) alive[t] = 0;
      clear();
      return 0;
    }
    // Backwards from the goal.
    relevant.fill(0);
    const precede = new Map<number, number[]>();
    for (const pair of pairs) {
      const to = pair % states,
        from = Math.floor(pair / states);
      if (possible[from] === 0) continue;
      const row = precede.get(to);
      if (row) row.push(from);
      else precede.set(to, [from]);
    }
    const want = (state: number): void => {
      if (held[state] === 1 || relevant[state] === 1) return;
      relevant[state] = 1;
      queue.push(state);
    };
    want(goal);
    while (queue.length > 0) {
      const state = queue.pop()!;
      for (const t of into[state])
        if (alive[t] === 1 && missing[t] === 0) for (const need of steps[t].needs) want(need);
      for (const from of precede.get(state) ?? []) want(from);
      for (const [gains, ...needs] of rules)
        if (gains === state && needs.every((need) => possible[need] === 1)) for (const need of needs) want(need);
    }
    // What undecided steps that matter still touch.
    touched.fill(0);
    touched[goal] = 1;
    let next = levels;
    const mattering: number[] = [];
    for (const t of useful) {
      const { needs, gains } = steps[t];
      alive[t] = 0;
      if (missing[t] !== 0 || relevant[gains] === 0) continue;
      mattering.push(t);
      touched[gains] = 1;
      for (const need of needs) touched[need] = 1;
      for (const at of decisions[t])
        if (at >= level) {
          if (at < next) next = at;
          break;
        }
    }
    rules = rules.filter(([gains, ...needs]) => relevant[gains] === 1 && needs.every((need) => possible[need] === 1));
    if (rules.length > 0) rules = eliminated(rules, pairs);
    for (const rule of rules) for (const state of rule) touched[state] = 1;
    const residual: Residual = {
      level: next,
      held: [...held.keys()].filter((state) => held[state] === 1 && touched[state] === 1),
      pairs: pairs
        .filter((pair) => {
          const from = Math.floor(pair / states),
            to = pair % states;
          return (
            touched[from] === 1 && touched[to] === 1 && relevant[from] === 1 && relevant[to] === 1 && held[from] === 0
          );
        })
        .sort((a, b) => a - b),
      rules: rules.map(([gains, ...needs]) => [gains, ...needs.sort((a, b) => a - b)]).sort(compare),
      begun: mattering.filter((t) => first[t] < next),
    };
    clear();
    return residual;
  };

  /** Rules of several needs without the states that nothing undecided touches, as far as that makes no more of them. */
  const eliminated = (
    rules: readonly (readonly number[])[],
    pairs: readonly number[],
  ): readonly (readonly number[])[] => {
    let now = rules;
    const gone = new Set<number>();
    for (let again = true; again;) {
      again = false;
      for (const state of new Set(now.flat())) {
        if (touched[state] === 1 || gone.has(state)) continue;
        const before: (readonly number[])[] = now.filter(([gains]) => gains === state).map(([, ...needs]) => needs);
        const after: number[] = [];
        for (const pair of pairs) {
          const from = Math.floor(pair / states),
            to = pair % states;
          // What is gone has handed its own causes and consequences on.
          if (to === state && !gone.has(from)) before.push([from]);
          if (from === state && !gone.has(to)) after.push(to);
        }
        const using = now.filter(([, ...needs]) => needs.includes(state));
        const own = now.filter(([gains]) => gains === state);
        const made: number[][] = [];
        for (const [gains, ...needs] of using)
          for (const row of before)
            if (!row.includes(gains) && !row.includes(state))
              made.push([gains, ...new Set([...needs.filter((need) => need !== state), ...row])]);
        // Single consequences of consequences are among the pairs already.
        for (const [, ...needs] of own)
          for (const gains of after) if (!needs.includes(gains)) made.push([gains, ...needs]);
        if (made.length > using.length + own.length || made.some((rule) => rule.length < 3)) continue;
        now = [...now.filter((rule) => !using.includes(rule) && !own.includes(rule)), ...made];
        gone.add(state);
        again = true;
      }
    }
    return now;
  };

  const memo = new Map<string, number>();
  const solve = (residual: Residual | 0 | 1): number => {
    if (residual === 0 || residual === 1) return residual;
    const key = `${residual.level};${residual.held.join()};${residual.pairs.join()};${residual.rules.join(" ")};${residual.begun.join()}`;
    const known = memo.get(key);
    if (known !== undefined) return known;
    if (memo.size >= problems) throw new OutOfNodes(`more than ${problems} problems`);
    const { level } = residual;
    const begun = new Set(residual.begun);
    const failed: number[] = [],
      passed: number[] = [];
    const pairs = [...residual.pairs];
    const rules = [...residual.rules];
    const gained = [...residual.held];
    const isHeld = new Set(residual.held);
    const decidedNow = new Set(byVariable[level]);
    for (let t = 0; t < steps.length; t++) {
      if (last[t] < level || (first[t] < level && !begun.has(t))) continue;
      if (!decidedNow.has(t)) {
        failed.push(t);
        passed.push(t);
      } else if (last[t] > level) passed.push(t);
    }
    const low = solve(normal(level + 1, gained, pairs, rules, failed));
    for (const t of byVariable[level]) {
      if (last[t] > level || (first[t] < level && !begun.has(t))) continue;
      const { needs, gains } = steps[t];
      const still = needs.filter((need) => !isHeld.has(need));
      if (still.length === 0) gained.push(gains);
      else rules.push([gains, ...still]);
    }
    const high = solve(normal(level + 1, gained, pairs, rules, passed));
    const node = table.node(level, low, high);
    memo.set(key, node);
    return node;
  };
  // Steps without any variable are certain from the beginning.
  return solve(
    normal(
      0,
      steps.filter(({ needs, variables: own }) => own.length === 0 && needs.length === 0).map(({ gains }) => gains),
      [],
      steps
        .filter(({ needs, variables: own }) => own.length === 0 && needs.length > 0)
        .map(({ needs, gains }) => [gains, ...needs]),
      [...steps.keys()].filter((t) => steps[t].variables.length > 0),
    ),
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
