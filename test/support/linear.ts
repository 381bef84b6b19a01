/** Linear models of two classes, whose nearest input of the other class is known exactly in every norm and within the box. */
import type { Siege } from "#attacks/harness.ts";
import type { Norm } from "#attacks/region.ts";
import type { Classifier } from "#attacks/target.ts";
import { rng } from "#base/random.ts";
import { type Options, dense, network } from "./classifiers.ts";

export interface LinearWorld {
  readonly classifier: Classifier;
  readonly n: number;
  readonly size: number;
  /** The samples, all classified as labelled, and the goal; `within` is the caller's. */
  readonly siege: Omit<Siege, "within">;
  /** The exact distance of each sample to the other class within [0, 1]. */
  radius(norm: Norm): number[];
}

/** `n` samples in [0, 1]^size; a share `ends` of their elements lies at the ends of the range, where a change has room one way only. */
export function linearWorld(name: string, n = 8, size = 20, options: Options = {}, ends = 0.25): LinearWorld {
  const random = rng(name);
  const w = Array.from({ length: size }, () => random.normal());
  const samples = Float32Array.from({ length: n * size }, () => {
    const value = random.uniform() < ends ? Math.round(random.uniform()) : 0.2 + 0.6 * random.uniform();
    return options.grid?.integer ? Math.round(value * options.grid.levels) / options.grid.levels : value;
  });
  const values = Array.from({ length: n }, (_, k) => w.reduce((sum, a, i) => sum + a * samples[k * size + i]!, 0));
  // All on one side, some near the boundary and some far from it.
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const bias = 0.2 * (most - least) - least;
  const classifier = network([dense([w, w.map((a) => -a)], [bias, -bias])], "none", options);
  const label = Int32Array.from(values, (value) => (value + bias > 0 ? 0 : 1));
  return {
    classifier,
    n,
    size,
    siege: { samples, units: values.map((_, k) => `u${k}`), goal: { kind: "untargeted", label } },
    radius: (norm) =>
      values.map((value, k) => {
        const need = Math.abs(value + bias);
        const up = value + bias < 0;
        const parts = w.map((a, i) => {
          const x = samples[k * size + i]!;
          return { rate: Math.abs(a), room: a > 0 === up ? 1 - x : x };
        });
        return nearest[norm](parts, need);
      }),
  };
}

type Part = { readonly rate: number; readonly room: number };

/** The smallest t at which a growing sum reaches `need`, by bisection. */
function smallest(need: number, sum: (t: number) => number): number {
  let low = 0;
  let high = 1e3;
  for (let round = 0; round < 200; round++) {
    const middle = (low + high) / 2;
    if (sum(middle) < need) low = middle;
    else high = middle;
  }
  return high;
}

const nearest: Readonly<Record<Norm, (parts: readonly Part[], need: number) => number>> = {
  linf: (parts, need) =>
    smallest(need, (t) => parts.reduce((sum, { rate, room }) => sum + rate * Math.min(t, room), 0)),
  l2(parts, need) {
    const moved = (t: number): number[] => parts.map(({ rate, room }) => Math.min(t * rate, room));
    const t = smallest(need, (at) => moved(at).reduce((sum, d, i) => sum + d * parts[i]!.rate, 0));
    return Math.hypot(...moved(t));
  },
  l1(parts, need) {
    let left = need;
    let spent = 0;
    for (const { rate, room } of parts.toSorted((a, b) => b.rate - a.rate)) {
      const go = Math.min(room, left / rate);
      spent += go;
      left -= go * rate;
      if (left <= 0) break;
    }
    return spent;
  },
  l0(parts, need) {
    let left = need;
    let count = 0;
    for (const gain of parts.map(({ rate, room }) => rate * room).toSorted((a, b) => b - a)) {
      if (left <= 0) break;
      left -= gain;
      count++;
    }
    return count;
  },
};

export const listening = (seed: string, signal: AbortSignal = new AbortController().signal) => ({
  signal,
  rng: rng(seed),
  progress: () => {},
});
