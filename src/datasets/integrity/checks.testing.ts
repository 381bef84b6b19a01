/** Small made-up data sets for the tests of the checks. */
import type { Part } from "./breath.ts";
import { rng } from "#base/random.ts";
import type { Records } from "./records.ts";

/** A table of `n` rows and six numbers; two classes that the numbers tell apart well. */
export function table(n: number, seed: number): Records {
  const random = rng(`table ${seed}`);
  const y = Int32Array.from({ length: n }, () => random.below(2));
  const x = Float64Array.from({ length: n * 6 }, (_, i) => {
    const [row, column] = [Math.floor(i / 6), i % 6];
    return random.normal() + (column < 3 ? 2.5 * y[row]! : 0) + 10 * column;
  });
  return {
    place: "table",
    sha256: "0".repeat(64),
    bytes: 0,
    inputs: [],
    n,
    shape: [6],
    size: 6,
    x,
    columns: ["a", "b", "c", "d", "e", "f"].map((name) => ({ name })),
    y,
    classes: 2,
    seen: [],
  };
}

/** Grey images of 12 × 12: a smooth blob whose place is the class of four, and noise. */
export function pictures(n: number, seed: number): Records {
  const random = rng(`pictures ${seed}`);
  const y = Int32Array.from({ length: n }, () => random.below(4));
  const x = new Float32Array(n * 144);
  for (let i = 0; i < n; i++) {
    const [row, column] = [3 + 5 * Math.floor(y[i]! / 2) + random.normal(), 3 + 5 * (y[i]! % 2) + random.normal()];
    const wide = 3 + 6 * random.uniform();
    for (let r = 0; r < 12; r++)
      for (let c = 0; c < 12; c++)
        x[i * 144 + r * 12 + c] = Math.max(
          0,
          Math.min(
            255,
            Math.round(200 * Math.exp(-((r - row) ** 2 + (c - column) ** 2) / wide) + 12 * random.normal() + 20),
          ),
        );
  }
  return {
    place: "pictures",
    sha256: "1".repeat(64),
    bytes: 0,
    inputs: [],
    n,
    shape: [12, 12],
    size: 144,
    x,
    grid: { height: 12, width: 12, channels: 1, planes: false },
    y,
    classes: 4,
    seen: [],
  };
}

/** A part of a check that nobody waits for or hears of. */
export const AT_ONCE: Part = { pause: async () => {}, told: () => {} };
