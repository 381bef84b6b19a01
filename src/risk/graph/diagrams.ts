/**
 * Reduced ordered binary decision diagrams of monotone functions (Bryant, IEEE Trans. Computers C-35(8), 1986): a unique table and
 * a cache of results over typed arrays. Nodes 0 and 1 are the constants; a node's children always have smaller numbers, so that one
 * pass upwards or downwards over the numbers visits them in order.
 */

/** Thrown by a table that has made as many nodes as it may; callers fall back to drawing samples. */
export class OutOfNodes extends Error {}

export interface DiagramTable {
  /** The function that is one variable; variables are tested in the order of their numbers. */
  variable(index: number): number;
  /** If the variable then `high` else `low`, which test only later variables. */
  node(variable: number, low: number, high: number): number;
  and(a: number, b: number): number;
  or(a: number, b: number): number;
  /** Nodes made so far, the constants included. */
  size(): number;
  /** What hangs below a root, apart from everything else in the table. */
  extract(root: number): Diagram;
}

/** One function by itself: node n tests `variable[n]`, children are earlier nodes, the last node is the root. 0 and 1 are the constants. */
export interface Diagram {
  readonly root: number;
  readonly variable: Int32Array;
  readonly low: Int32Array;
  readonly high: Int32Array;
}

const AND = 1,
  OR = 2;
const CONSTANT = 0x7fffffff;

/** An empty table that throws OutOfNodes on making more than `limit` nodes. */
export function diagramTable(limit: number): DiagramTable {
  let room = Math.min(1 << 10, Math.max(4, limit));
  let variable = new Int32Array(room),
    low = new Int32Array(room),
    high = new Int32Array(room);
  let buckets = new Int32Array(1 << 11);
  let cacheA = new Int32Array(1 << 11),
    cacheB = new Int32Array(1 << 11),
    cacheR = new Int32Array(1 << 11);
  let size = 2;
  variable[0] = variable[1] = CONSTANT;

  const mix = (a: number, b: number, c: number): number => {
    let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return h ^ (h >>> 13);
  };

  const grow = (): void => {
    room *= 2;
    const larger = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(room);
      to.set(from);
      return to;
    };
    variable = larger(variable);
    low = larger(low);
    high = larger(high);
    buckets = new Int32Array(room * 2);
    const mask = buckets.length - 1;
    for (let n = 2; n < size; n++) {
      let slot = mix(variable[n], low[n], high[n]) & mask;
      while (buckets[slot] !== 0) slot = (slot + 1) & mask;
      buckets[slot] = n;
    }
    cacheA = new Int32Array(room * 2);
    cacheB = new Int32Array(room * 2);
    cacheR = new Int32Array(room * 2);
  };

  const node = (v: number, lo: number, hi: number): number => {
    if (lo === hi) return lo;
    let mask = buckets.length - 1;
    let slot = mix(v, lo, hi) & mask;
    for (let n = buckets[slot]; n !== 0; n = buckets[slot]) {
      if (variable[n] === v && low[n] === lo && high[n] === hi) return n;
      slot = (slot + 1) & mask;
    }
    if (size >= limit) throw new OutOfNodes(`more than ${limit} nodes`);
    if (size === room) {
      grow();
      mask = buckets.length - 1;
      slot = mix(v, lo, hi) & mask;
      while (buckets[slot] !== 0) slot = (slot + 1) & mask;
    }
    variable[size] = v;
    low[size] = lo;
    high[size] = hi;
    buckets[slot] = size;
    return size++;
  };

  const apply = (op: number, a: number, b: number): number => {
    if (a === b) return a;
    if (a > b) {
      const t = a;
      a = b;
      b = t;
    }
    // Constants have the smallest numbers, so only `a` can be one.
    if (a === 0) return op === AND ? 0 : b;
    if (a === 1) return op === AND ? b : 1;
    const key = op === AND ? a : -a;
    let slot = mix(a, b, op) & (cacheA.length - 1);
    if (cacheA[slot] === key && cacheB[slot] === b) return cacheR[slot];
    const va = variable[a],
      vb = variable[b];
    const v = va < vb ? va : vb;
    const lo = apply(op, va === v ? low[a] : a, vb === v ? low[b] : b);
    const hi = apply(op, va === v ? high[a] : a, vb === v ? high[b] : b);
    const result = node(v, lo, hi);
    slot = mix(a, b, op) & (cacheA.length - 1);
    cacheA[slot] = key;
    cacheB[slot] = b;
    cacheR[slot] = result;
    return result;
  };

  return {
    variable: (index) => node(index, 0, 1),
    node,
    and: (a, b) => apply(AND, a, b),
    or: (a, b) => apply(OR, a, b),
    size: () => size,
    extract(root) {
      const reached = new Uint8Array(root + 1);
      reached[root] = 1;
      let count = 2;
      for (let n = root; n >= 2; n--) {
        if (reached[n] === 0) continue;
        count++;
        reached[low[n]] = reached[high[n]] = 1;
      }
      if (root < 2) count = 2;
      const at = new Int32Array(root + 1);
      if (root >= 1) at[1] = 1;
      const own: Diagram = {
        root: root < 2 ? root : count - 1,
        variable: new Int32Array(count).fill(-1),
        low: new Int32Array(count),
        high: new Int32Array(count),
      };
      let next = 2;
      for (let n = 2; n <= root; n++) {
        if (reached[n] === 0) continue;
        at[n] = next;
        own.variable[next] = variable[n];
        own.low[next] = at[low[n]];
        own.high[next] = at[high[n]];
        next++;
      }
      return own;
    },
  };
}

/** Probability that the function is true when variable v is true with probability p[v], independently: one pass, O(nodes). */
export function probabilityOn({ root, variable, low, high }: Diagram, p: Float64Array): number {
  return upwards(variable, low, high, p)[root];
}

function upwards(variable: Int32Array, low: Int32Array, high: Int32Array, p: Float64Array): Float64Array {
  const value = new Float64Array(variable.length);
  value[1] = 1;
  for (let n = 2; n < variable.length; n++) {
    const q = p[variable[n]];
    value[n] = (1 - q) * value[low[n]] + q * value[high[n]];
  }
  return value;
}

/**
 * Birnbaum importance of every variable: the derivative of the probability by the variable's own, which is P(f | v) − P(f | not v)
 * (Birnbaum 1969). One pass up for the values, one down for the chance of coming by a node.
 */
export function importances({ root, variable, low, high }: Diagram, p: Float64Array): Float64Array {
  const value = upwards(variable, low, high, p);
  const passing = new Float64Array(variable.length);
  const importance = new Float64Array(p.length);
  passing[root] = 1;
  for (let n = root; n >= 2; n--) {
    const v = variable[n],
      here = passing[n];
    importance[v] += here * (value[high[n]] - value[low[n]]);
    passing[low[n]] += here * (1 - p[v]);
    passing[high[n]] += here * p[v];
  }
  return importance;
}
