/**
 * Orders of the variables to try for a diagram: its size hangs on them, and none is best everywhere. Depth first from the goal (Malik
 * et al., ICCAD 1988), breadth first from the goal, and both of them relaxed by FORCE (Aloul, Markov & Sakallah, GLSVLSI 2003), which
 * moves each thing to the middle of what it stands with; each also with the variables that many steps share on top.
 */
import type { Collapsed } from "./collapse.ts";

export interface Order {
  /** Variables, first tested first. */
  readonly variables: readonly number[];
  /**
   * Widest frontier: states that decided and undecided steps both touch, and steps decided in part, at the worst place. What is left
   * after deciding some variables differs at most in what became of these.
   */
  readonly width: number;
}

/** Orders to try, narrow frontiers first. */
export function ordersFor(problem: Collapsed): Order[] {
  const { states, steps, variables, goal } = problem;
  const into: number[][] = Array.from({ length: states }, () => []);
  for (const [t, { gains }] of steps.entries()) into[gains].push(t);
  // Things in one line: states first, then variables.
  const edges = steps.map(({ needs, variables: own, gains }) => [gains, ...needs, ...own.map((v) => states + v)]);
  const uses = new Int32Array(variables.length);
  for (const { variables: own } of steps) for (const v of own) uses[v]++;

  const walk = (deep: boolean): number[] => {
    const line: number[] = [];
    const seen = new Uint8Array(states + variables.length);
    const queue = [goal];
    for (let head = 0; deep ? queue.length > 0 : head < queue.length; head++) {
      const state = deep ? queue.pop()! : queue[head];
      if (seen[state] === 1) continue;
      seen[state] = 1;
      line.push(state);
      const next: number[] = [];
      for (const t of into[state])
        for (const thing of edges[t].slice(1))
          if (thing >= states) {
            if (seen[thing] === 0) {
              seen[thing] = 1;
              line.push(thing);
            }
          } else next.push(thing);
      queue.push(...(deep ? next.reverse() : next));
    }
    return line;
  };
  const spanOf = (line: readonly number[], things: readonly (readonly number[])[]): number => {
    const at = new Float64Array(states + variables.length);
    for (const [place, thing] of line.entries()) at[thing] = place;
    let total = 0;
    for (const edge of things) {
      let first = Infinity,
        last = -Infinity;
      for (const thing of edge) {
        if (at[thing] < first) first = at[thing];
        if (at[thing] > last) last = at[thing];
      }
      total += last - first;
    }
    return total;
  };
  const relaxed = (start: readonly number[]): number[] => {
    let best = [...start],
      bestSpan = spanOf(best, edges),
      line = best;
    const at = new Float64Array(states + variables.length);
    const rounds = Math.min(60, 8 + Math.ceil(4 * Math.log2(edges.length + 1)));
    for (let round = 0, worse = 0; round < rounds && worse < 6; round++) {
      for (const [place, thing] of line.entries()) at[thing] = place;
      const sum = new Float64Array(at.length),
        count = new Int32Array(at.length);
      for (const edge of edges) {
        let centre = 0;
        for (const thing of edge) centre += at[thing];
        centre /= edge.length;
        for (const thing of edge) {
          sum[thing] += centre;
          count[thing]++;
        }
      }
      line = line.toSorted((a, b) => sum[a] / count[a] - sum[b] / count[b] || at[a] - at[b]);
      const span = spanOf(line, edges);
      if (span < bestSpan) {
        best = line;
        bestSpan = span;
        worse = 0;
      } else worse++;
    }
    return best;
  };

  const deep = walk(true),
    broad = walk(false);
  const lines = [relaxed(deep), relaxed(broad), deep, broad];
  const ranked = lines.map((line) => ({ line, span: spanOf(line, edges) })).toSorted((a, b) => a.span - b.span);
  const orders: (Order & { weight: number })[] = [];
  const known = new Set<string>();
  const offer = (order: number[]): void => {
    const key = order.join();
    if (known.has(key)) return;
    known.add(key);
    orders.push({ variables: order, ...frontierOf(problem, order) });
  };
  for (const { line } of ranked) {
    const order = line.filter((thing) => thing >= states).map((thing) => thing - states);
    offer(order);
    offer([
      ...order.filter((v) => uses[v] > 2).toSorted((a, b) => uses[b] - uses[a]),
      ...order.filter((v) => uses[v] <= 2),
    ]);
  }
  return orders.toSorted((a, b) => a.weight - b.weight);
}

function frontierOf({ states, steps, goal }: Collapsed, order: readonly number[]): { width: number; weight: number } {
  const place = new Int32Array(order.length);
  for (const [at, v] of order.entries()) place[v] = at;
  const first = new Float64Array(states).fill(Infinity),
    last = new Float64Array(states).fill(-1);
  last[goal] = order.length;
  const change = new Int32Array(order.length + 2);
  for (const { needs, variables, gains } of steps) {
    let from = Infinity,
      to = -1;
    for (const v of variables) {
      from = Math.min(from, place[v]);
      to = Math.max(to, place[v]);
    }
    // A step without variables is decided from the beginning.
    if (variables.length === 0) from = to = 0;
    change[from + 1]++;
    change[to + 1]--;
    for (const state of [gains, ...needs]) {
      first[state] = Math.min(first[state], to);
      last[state] = Math.max(last[state], to);
    }
  }
  for (let state = 0; state < states; state++) {
    if (first[state] === Infinity || last[state] <= first[state]) continue;
    change[first[state] + 1]++;
    change[last[state] + 1]--;
  }
  let width = 0,
    weight = 0;
  for (let at = 1, now = 0; at <= order.length; at++) {
    now += change[at];
    width = Math.max(width, now);
    weight += 2 ** Math.min(now, 200);
  }
  return { width, weight };
}
