/** Lines hold the function between them everywhere on the interval, and are not looser than they need to be. */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { functions, recognised } from "./functions.ts";

const random = rng("functions");
const intervals = [
  [-1, 1],
  [-0.01, 3],
  [-9, -2],
  [-12, 12],
  [0.2, 0.2],
  [2, 2.001],
  [-40, 60],
  [-3.5, -2.5],
  ...Array.from({ length: 40 }, () => {
    const a = 4 * random.normal(),
      b = 4 * random.normal();
    return [Math.min(a, b), Math.max(a, b)];
  }),
] as [number, number][];

for (const [name, { value, lines, range }] of Object.entries(functions))
  describe(name, () => {
    test("no point of an interval lies outside its lines or its range", () => {
      for (const [low, high] of intervals) {
        const { lowSlope, lowAt, highSlope, highAt } = lines(low, high);
        const [least, most] = range(low, high);
        let outside = 0;
        for (let k = 0; k <= 3000; k++) {
          const x = low + ((high - low) * k) / 3000;
          const y = value(x),
            slack = 1e-12 * (1 + Math.abs(y));
          if (lowSlope * x + lowAt > y + slack || highSlope * x + highAt < y - slack) outside++;
          if (y < least - 1e-9 || y > most + 1e-9) outside++;
        }
        expect([low, high, outside]).toEqual([low, high, 0]);
      }
    });

    test("lines close in on the function as the interval closes", () => {
      for (const at of [-2.3, -0.4, 0.9, 3.7]) {
        const gap = (width: number): number => {
          const { lowSlope, lowAt, highSlope, highAt } = lines(at - width, at + width);
          return (highSlope - lowSlope) * at + highAt - lowAt;
        };
        // Twice differentiable around these points: the gap shrinks with the square of the width.
        expect(gap(0.01)).toBeLessThanOrEqual(1.01 * gap(0.1));
        expect(gap(0.01)).toBeLessThan(2e-4);
      }
    });

    test("is recognised by its values and by nobody else's", () => {
      expect(recognised(value)?.name).toBe(name);
      expect(recognised((x) => value(x) + 1e-3)).toBeUndefined();
    });
  });

test("a function that leaves a known one only between a few points is not taken for it", () => {
  const bump = (x: number): number => functions.tanh.value(x) + 1e-3 * Math.exp(-((40 * (x - 0.7)) ** 2));
  expect(recognised(bump)).toBeUndefined();
  // Constants of GELU as files store them, in float32.
  const [k, r] = [Math.fround(0.044715), Math.fround(Math.sqrt(2 / Math.PI))];
  expect(recognised((x) => 0.5 * x * (1 + Math.tanh(r * (x + k * x ** 3))))?.name).toBe("gelu-tanh");
});

test.each(Object.entries(functions))(
  "%s between ends that are infinite or no numbers has no lines that exclude anything",
  (_, { lines }) => {
    for (const [low, high] of [
      [-Infinity, 1],
      [-1, Infinity],
      [-Infinity, Infinity],
      [-1.7e308, 1.7e308],
      [NaN, 1],
    ] as const)
      for (const x of [-1, 0, 1]) {
        const { lowSlope, lowAt, highSlope, highAt } = lines(low, high);
        // A bound that is no number proves nothing; one that is must hold.
        expect(lowSlope * x + lowAt > x + 1e300 || highSlope * x + highAt < -1e300).toBe(false);
      }
  },
);
