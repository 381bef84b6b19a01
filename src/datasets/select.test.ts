import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { selectSamples } from "./select.ts";

const classes = (...sizes: number[]): { n: number; y: Int32Array } => {
  const y = Int32Array.from(sizes.flatMap((size, label) => Array<number>(size).fill(label)));
  return { n: y.length, y };
};
const countPerClass = (y: Int32Array | Float64Array, chosen: Int32Array): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const i of chosen) counts[y[i]!] = (counts[y[i]!] ?? 0) + 1;
  return counts;
};

test("all samples come when no number is given or there are no more", () => {
  const set = classes(3, 2);
  for (const n of [undefined, 5, 500]) expect(Array.from(selectSamples(set, n, rng(1)))).toEqual([0, 1, 2, 3, 4]);
});

describe("a choice", () => {
  const set = classes(600, 300, 100);
  test("keeps the classes' shares to the unit", () => {
    expect(countPerClass(set.y, selectSamples(set, 100, rng(1)))).toEqual({ 0: 60, 1: 30, 2: 10 });
  });
  test("is the same for the same seed, another for another", () => {
    const choose = (seed: number): number[] => Array.from(selectSamples(set, 50, rng(seed)));
    expect(choose(1)).toEqual(choose(1));
    expect(choose(1)).not.toEqual(choose(2));
  });
  test("has every class while there is room, and is a plain draw for real targets", () => {
    expect(countPerClass(classes(990, 5, 5).y, selectSamples(classes(990, 5, 5), 10, rng(1)))).toEqual({
      0: 8,
      1: 1,
      2: 1,
    });
    expect(selectSamples({ n: 100, y: Float64Array.from({ length: 100 }, (_, i) => i / 7) }, 10, rng(1))).toHaveLength(
      10,
    );
  });
  test("hits every sample of a class equally often", () => {
    const small = classes(10, 10);
    const hits = Array<number>(20).fill(0);
    for (let seed = 0; seed < 2000; seed++) for (const i of selectSamples(small, 10, rng(seed))) hits[i]!++;
    // 1,000 expected each, standard deviation 22; five of them.
    for (const count of hits) expect(Math.abs(count - 1000)).toBeLessThan(112);
  });
  test("is refused for a number that is none", () => {
    for (const n of [0, -1, 1.5, NaN]) expect(() => selectSamples(set, n, rng(1))).toThrow(RangeError);
  });
});

test("units come whole, are counted as units, and any choice is ascending without repeats", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ label: fc.nat(3), unit: fc.nat(8) }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      (samples, n) => {
        const set = {
          n: samples.length,
          y: Int32Array.from(samples, ({ label }) => label),
          units: samples.map(({ unit }) => String(unit)),
        };
        const chosen = Array.from(selectSamples(set, n, rng(7)));
        expect(chosen).toEqual([...new Set(chosen)].toSorted((a, b) => a - b));
        const units = new Set(chosen.map((i) => set.units[i]));
        expect(units.size).toBe(Math.min(n, new Set(set.units).size));
        set.units.forEach((unit, i) => expect(chosen.includes(i)).toBe(units.has(unit)));
      },
    ),
    { seed: 1 },
  );
});
