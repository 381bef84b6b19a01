import { expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { evadesDetection, respondsFirst, stoppedBefore, type Span } from "./detection.ts";

const fixed = (hours: number): Span => ({ kind: "fixed", hours });
const exponential = (hours: number): Span => ({ kind: "exponential", hours });

test("of two exponential times the response comes first with the attack's mean over the sum of means", () => {
  expect(respondsFirst(exponential(8), exponential(24))).toBe(0.75);
  expect(respondsFirst(exponential(24), exponential(24))).toBe(0.5);
});

test("a fixed response beats an exponential attack with e^(−r/a), and an exponential one a fixed attack with 1 − e^(−a/r)", () => {
  expect(respondsFirst(fixed(2), exponential(4))).toBeCloseTo(Math.exp(-0.5), 15);
  expect(respondsFirst(exponential(2), fixed(4))).toBeCloseTo(1 - Math.exp(-2), 15);
  expect([
    respondsFirst(fixed(3), fixed(4)),
    respondsFirst(fixed(4), fixed(4)),
    respondsFirst(fixed(5), fixed(4)),
  ]).toEqual([1, 0, 0]);
});

test("a response that never comes stops nothing, nor does any before an attack that takes no time", () => {
  for (const span of [fixed, exponential]) {
    expect(respondsFirst(span(Infinity), exponential(1))).toBe(0);
    expect(respondsFirst(span(Infinity), span(Infinity))).toBe(0);
    expect(respondsFirst(span(0), span(0))).toBe(0);
    expect(respondsFirst(span(1), span(0))).toBe(0);
    expect(respondsFirst(span(0), exponential(1))).toBe(1);
  }
  expect(() => respondsFirst(fixed(-1), fixed(1))).toThrow("at least 0");
  expect(() => stoppedBefore({ detects: 2, response: fixed(1), attack: fixed(1) })).toThrow("[0, 1]");
});

test("the closed forms are what races drawn one by one come to", () => {
  const draw = rng("races");
  const time = ({ kind, hours }: Span): number => (kind === "fixed" ? hours : -Math.log(1 - draw.uniform()) * hours);
  for (const [response, attack] of [
    [exponential(3), exponential(5)],
    [fixed(3), exponential(5)],
    [exponential(3), fixed(5)],
  ] as const) {
    let first = 0;
    for (let i = 0; i < 20_000; i++) if (time(response) < time(attack)) first++;
    // Within four standard errors of the closed form.
    const chance = respondsFirst(response, attack);
    expect(Math.abs(first / 20_000 - chance)).toBeLessThan(4 * Math.sqrt((chance * (1 - chance)) / 20_000));
  }
});

test("the attacker's interval is wide where detection, response and attack are, and its ends keep their order", () => {
  const evades = evadesDetection({
    detects: { low: 0.5, likely: 0.8, high: 0.9 },
    responseHours: { low: 1, likely: 8, high: 72 },
    attackHours: { low: 1, likely: 24, high: 100 },
  });
  expect(evades.likely).toBeCloseTo(1 - 0.8 * 0.75, 15);
  expect(evades.low).toBeCloseTo(1 - (0.9 * 100) / 101, 15);
  expect(evades.high).toBeCloseTo(1 - 0.5 / 73, 15);
});
