/**
 * Seeded Monte Carlo for graphs too large for diagrams: 32 samples in a word. Every event draws from its own stream, named by its id,
 * so that a step, a state or an event more changes no other draw; one uniform number decides low, likely and high, so that the ends are
 * nested sample by sample.
 */
import { rng } from "#base/random.ts";
import { clopperPearson } from "#base/statistics.ts";
import { componentsOf, eventsOf as eventsIn, needsOf, rowsBy, type Problem } from "./problem.ts";

/** Words of 32 samples worked on together: states and events of a large graph at once should fit the second cache. */
const BLOCK = 32;

/** Samples that keep a drawing to a few seconds: 200,000 for graphs up to 1,000 steps, less in proportion, never below 10,000. */
export const samplesFor = (steps: number): number =>
  Math.max(10_000, Math.min(200_000, Math.floor(200_000_000 / Math.max(1, steps))));

export interface Draws {
  readonly samples: number;
  /** Per state, in how many samples it was gained at each end; counted for the problem's goals, 0 elsewhere. */
  readonly low: Int32Array;
  readonly likely: Int32Array;
  readonly high: Int32Array;
}

/** The finaliser of MurmurHash3 (Appleby 2011). */
function scramble(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Four words of a stream's state per event, from the seed and the event's id. */
function streams(seed: string, ids: readonly string[]): Int32Array {
  const source = rng(seed).fork("attack graph");
  const key = Int32Array.from({ length: 4 }, () => source.below(2 ** 32) | 0);
  const state = new Int32Array(4 * ids.length);
  for (const [e, id] of ids.entries()) {
    let a = key[0],
      b = key[1],
      c = key[2],
      d = key[3];
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x239b961b) + b;
      b = Math.imul(b ^ (a >>> 15), 0xab0e9789) + c;
      c = Math.imul(c ^ (b >>> 14), 0x38b34ae5) + d;
      d = Math.imul(d ^ (c >>> 13), 0xa1e38b93) + a;
    }
    state[4 * e] = scramble(a ^ id.length);
    state[4 * e + 1] = scramble(b ^ state[4 * e]);
    state[4 * e + 2] = scramble(c ^ state[4 * e + 1]);
    state[4 * e + 3] = scramble(d ^ state[4 * e + 2]) | 1;
  }
  return state;
}

/** Probabilities as binary fractions of 64 digits, two words each, rounded down; 1 is marked apart. */
function fractions(p: Float64Array): { upper: Int32Array; lower: Int32Array; certain: Uint8Array } {
  const upper = new Int32Array(p.length),
    lower = new Int32Array(p.length),
    certain = new Uint8Array(p.length);
  for (let e = 0; e < p.length; e++) {
    if (p[e] === 1) certain[e] = 1;
    const scaled = p[e] * 2 ** 32,
      whole = Math.floor(scaled);
    upper[e] = whole | 0;
    lower[e] = Math.floor((scaled - whole) * 2 ** 32) | 0;
  }
  return { upper, lower, certain };
}

/**
 * Draws `samples` outcomes of all events and gains what follows, at the three ends. Time is proportional to samples / 32 × (needs +
 * events of all steps) where no cycles are; a cycle repeats its own component until nothing changes.
 */
export function draw(problem: Problem, seed: string, samples: number): Draws {
  const { states, events } = problem;
  const counts = [new Int32Array(states.length), new Int32Array(states.length), new Int32Array(states.length)] as const;
  const stream = streams(seed, events);
  const ends = [fractions(problem.low), fractions(problem.likely), fractions(problem.high)] as const;
  const outcome = [
    new Int32Array(events.length * BLOCK),
    new Int32Array(events.length * BLOCK),
    new Int32Array(events.length * BLOCK),
  ] as const;
  const { steps, components, stateAt, eventAt } = planOf(problem);
  const asked = new Set(problem.goals.filter((goal) => typeof goal === "number"));
  const value = new Int32Array(states.length * BLOCK);
  const words = Math.ceil(samples / 32);
  // The rows in the order of the plan, states and events as places in memory.
  const needRows = Array.from(steps, (t) => needsOf(problem, t).map((state) => stateAt[state]));
  const eventRows = Array.from(steps, (t) => eventsIn(problem, t).map((event) => eventAt[event] * BLOCK));
  const needsFrom = startsOf(needRows),
    needs = Int32Array.from(needRows.flat(), (state) => state * BLOCK),
    eventsFrom = startsOf(eventRows),
    happens = Int32Array.from(eventRows.flat()),
    gains = Int32Array.from(steps, (t) => stateAt[problem.gains[t]]);
  const { at: usersAt, of: users } = rowsBy(states.length, needRows);
  /** Steps of a cycle whose needs have changed. */
  const dirty = new Uint8Array(steps.length);

  /** Fills words of outcomes for one event: the digits of 32 uniform numbers at a time against those of the three probabilities. */
  const drawEvent = (e: number, from: number, count: number): void => {
    const [one, two, three] = ends;
    const to = eventAt[e] * BLOCK;
    for (let w = 0; w < count; w++) {
      // Every word starts anew, so that how many digits one took, which hangs on the probabilities, changes no other.
      let a = scramble(stream[4 * e] + Math.imul(from + w, 0x9e3779b1)),
        b = scramble(stream[4 * e + 1] ^ a),
        c = scramble(stream[4 * e + 2] ^ b),
        d = scramble(stream[4 * e + 3] ^ c) | 1;
      let low = 0,
        likely = 0,
        high = 0;
      // Lanes in which the uniform number still equals the probability's digits so far.
      let openLow = one.certain[e] === 1 ? 0 : -1,
        openLikely = two.certain[e] === 1 ? 0 : -1,
        openHigh = three.certain[e] === 1 ? 0 : -1;
      let digitsLow = one.upper[e],
        digitsLikely = two.upper[e],
        digitsHigh = three.upper[e];
      if (openLow === 0) low = -1;
      if (openLikely === 0) likely = -1;
      if (openHigh === 0) high = -1;
      for (let digit = 0; digit < 64 && (openLow | openLikely | openHigh) !== 0; digit++) {
        // xoshiro128** (Blackman & Vigna 2018), as in base/random.ts.
        const product = Math.imul(b, 5);
        const random = Math.imul((product << 7) | (product >>> 25), 9);
        const t = b << 9;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= t;
        d = (d << 11) | (d >>> 21);
        if (digit === 32) {
          digitsLow = one.lower[e];
          digitsLikely = two.lower[e];
          digitsHigh = three.lower[e];
        }
        const digitLow = digitsLow >> 31,
          digitLikely = digitsLikely >> 31,
          digitHigh = digitsHigh >> 31;
        digitsLow <<= 1;
        digitsLikely <<= 1;
        digitsHigh <<= 1;
        // Below it for good where its digit is 1 and the number's is 0.
        low |= openLow & digitLow & ~random;
        likely |= openLikely & digitLikely & ~random;
        high |= openHigh & digitHigh & ~random;
        openLow &= ~(random ^ digitLow);
        openLikely &= ~(random ^ digitLikely);
        openHigh &= ~(random ^ digitHigh);
      }
      outcome[0][to + w] = low;
      outcome[1][to + w] = likely;
      outcome[2][to + w] = high;
    }
  };

  /** Adds what the step gains in the first words of the block; says whether that was anything new. */
  const attempt = (t: number, happened: Int32Array, count: number): boolean => {
    const to = gains[t] * BLOCK,
      need = needsFrom[t],
      event = eventsFrom[t];
    let fresh = 0;
    if (needsFrom[t + 1] - need === 1 && eventsFrom[t + 1] - event === 1) {
      const from = needs[need],
        by = happens[event];
      for (let w = 0; w < count; w++) {
        const before = value[to + w];
        const gained = value[from + w] & happened[by + w] & ~before;
        fresh |= gained;
        value[to + w] = before | gained;
      }
      return fresh !== 0;
    }
    for (let w = 0; w < count; w++) {
      let gained = ~value[to + w];
      for (let i = need; i < needsFrom[t + 1]; i++) gained &= value[needs[i] + w];
      for (let i = event; i < eventsFrom[t + 1]; i++) gained &= happened[happens[i] + w];
      value[to + w] |= gained;
      fresh |= gained;
    }
    return fresh !== 0;
  };
  /** Everything that follows in a block, on top of what has. */
  const settle = (happened: Int32Array, count: number): void => {
    for (const { from, to, cyclic } of components) {
      if (!cyclic) {
        for (let t = from; t < to; t++) attempt(t, happened, count);
        continue;
      }
      for (let t = from; t < to; t++) dirty[t] = 1;
      for (let again = true; again;) {
        again = false;
        for (let t = from; t < to; t++) {
          if (dirty[t] === 0) continue;
          dirty[t] = 0;
          if (!attempt(t, happened, count)) continue;
          for (let u = usersAt[gains[t]]; u < usersAt[gains[t] + 1]; u++) dirty[users[u]] = 1;
          again = true;
        }
      }
    }
  };

  for (let at = 0; at < words; at += BLOCK) {
    const count = Math.min(BLOCK, words - at);
    for (let e = 0; e < events.length; e++) drawEvent(e, at, count);
    value.fill(0);
    for (let end = 0; end < 3; end++) {
      settle(outcome[end], count);
      const last = at + count === words && samples % 32 !== 0 ? 0xffffffff >>> (32 - (samples % 32)) : -1;
      const counted = counts[end];
      for (const s of asked) {
        const from = stateAt[s] * BLOCK;
        let total = 0;
        for (let w = 0; w < count; w++) total += ones(w === count - 1 ? value[from + w] & last : value[from + w]);
        counted[s] += total;
      }
    }
  }
  return { samples, low: counts[0], likely: counts[1], high: counts[2] };
}

/** Where each row begins when all rows stand one after the other, and where the last ends. */
function startsOf(rows: readonly (readonly number[])[]): Int32Array {
  const starts = new Int32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) starts[i + 1] = starts[i] + row.length;
  return starts;
}

/** Bits that are 1 (Warren, Hacker's Delight, §5-1). */
function ones(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

interface Plan {
  /** Steps in the order in which they are gone through: `steps[i]` is the problem's step at place i. */
  readonly steps: Int32Array;
  /** Where each component of states begins and ends in that order; components stand after those they need. */
  readonly components: readonly { readonly from: number; readonly to: number; readonly cyclic: boolean }[];
  /** Place of each state and event in memory: by first use, so that what is used together lies together. */
  readonly stateAt: Int32Array;
  readonly eventAt: Int32Array;
}

function planOf(problem: Problem): Plan {
  const { states, events, steps, gains, eventsOf, eventsAt } = problem;
  const needs = steps.map((_, t) => needsOf(problem, t));
  const { at: intoAt, of: into } = rowsBy(
    states.length,
    steps.map((_, t) => [gains[t]]),
  );
  const requires = (state: number): number[] => {
    const all: number[] = [];
    for (let i = intoAt[state]; i < intoAt[state + 1]; i++) all.push(...needs[into[i]]);
    return all;
  };
  const { members } = componentsOf(states.length, requires);
  const { at: usersAt, of: users } = rowsBy(states.length, needs);
  // Inside a component, in the order in which the steps can first be taken: most of a cycle then settles in the first round.
  const rank = new Int32Array(steps.length);
  const missing = Int32Array.from(needs, (row) => row.length);
  const reached = new Uint8Array(states.length);
  const queue = steps.map((_, t) => t).filter((t) => missing[t] === 0);
  const stateAt = new Int32Array(states.length);
  for (let head = 0, place = 0; head < queue.length; head++) {
    const t = queue[head];
    rank[t] = head;
    if (reached[gains[t]] === 1) continue;
    reached[gains[t]] = 1;
    stateAt[gains[t]] = place++;
    for (let u = usersAt[gains[t]]; u < usersAt[gains[t] + 1]; u++) if (--missing[users[u]] === 0) queue.push(users[u]);
  }
  const order: number[] = [];
  const components = members.map((component) => {
    const from = order.length;
    const own = component.flatMap((state) => [...into.subarray(intoAt[state], intoAt[state + 1])]);
    for (const t of own.sort((a, b) => rank[a] - rank[b])) order.push(t);
    return { from, to: order.length, cyclic: component.length > 1 };
  });
  const eventAt = new Int32Array(events.length).fill(-1);
  let place = 0;
  for (const t of order)
    for (let i = eventsAt[t]; i < eventsAt[t + 1]; i++) if (eventAt[eventsOf[i]] < 0) eventAt[eventsOf[i]] = place++;
  return { steps: Int32Array.from(order), components, stateAt, eventAt };
}

/** k of n as a figure with the farther end of its two-sided 95 % Clopper–Pearson interval as half-width. */
export function drawn(k: number, n: number): { readonly figure: number; readonly error: number } {
  const { low, high } = clopperPearson(k, n);
  return { figure: k / n, error: Math.max(k / n - low, high - k / n) };
}
