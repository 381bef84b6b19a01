/** Named random streams: every trial, unit and restart draws from its own, so order and parallelism change nothing. */
import { sha256 as digest } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

export interface Rng {
  /** The seed and the names this stream was forked by, for the record. */
  readonly name: string;
  /** An independent stream; the same name from the same parent is always the same stream. */
  fork(name: string): Rng;
  /** Uniform in [0, 1) with 53 bits. */
  uniform(): number;
  /** Standard normal (Marsaglia polar method, 1964). */
  normal(): number;
  /** Uniform integer in [0, bound); bound ≥ 1. */
  below(bound: number): number;
  /** `count` different integers of [0, population), in random order (partial Fisher–Yates). */
  sample(population: number, count: number): number[];
}

/** A stream of xoshiro128** (Blackman & Vigna 2018) seeded with SHA-256 of its name. */
export function rng(seed: number | string): Rng {
  return stream(String(seed));
}

function stream(name: string): Rng {
  const bytes = digest(utf8ToBytes(name));
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  let a = view.getUint32(0),
    b = view.getUint32(4),
    c = view.getUint32(8),
    d = view.getUint32(12);
  if ((a | b | c | d) === 0) d = 1;
  let spare: number | undefined;

  const next32 = (): number => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = (): number => (next32() >>> 5) * 2 ** -27 + (next32() >>> 6) * 2 ** -53;
  const self: Rng = {
    name,
    fork: (child) => stream(`${name}/${child}`),
    uniform,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const u = 2 * uniform() - 1,
          v = 2 * uniform() - 1,
          s = u * u + v * v;
        if (s > 0 && s < 1) {
          const scale = Math.sqrt((-2 * Math.log(s)) / s);
          spare = v * scale;
          return u * scale;
        }
      }
    },
    below(bound) {
      if (!Number.isInteger(bound) || bound < 1)
        throw new RangeError(`rng.below needs an integer of at least 1, not ${bound}`);
      return Math.floor(uniform() * bound);
    },
    sample(population, count) {
      if (count > population) throw new RangeError(`cannot draw ${count} different items of ${population}`);
      const items = Array.from({ length: population }, (_, i) => i);
      for (let i = 0; i < count; i++) {
        const j = i + self.below(population - i);
        [items[i], items[j]] = [items[j]!, items[i]!];
      }
      return items.slice(0, count);
    },
  };
  return self;
}
