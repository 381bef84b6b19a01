/** METHOD §11, the worked figures, to the digit; and the vectors of domain/06 §10 that this room answers for. */
import { expect, test } from "vitest";
import { clopperPearson } from "#base/statistics.ts";
import { atLeastOf, atRate, expectedPerYear, inAttempts, judge, probabilityPerYear, variesOver } from "./likelihood.ts";
import {
  levelOfAttempts,
  levelOfProbability,
  overallLikelihood,
  riskLevel,
  upperEndOneLevelUp,
  atLeastOneLevelUp,
} from "./levels.ts";
import { successInterval } from "./success.ts";

const to = (digits: number, value: number): number => Number(value.toFixed(digits));
const ends = (digits: number, { low, high }: { low: number; high: number }): number[] => [
  to(digits, low),
  to(digits, high),
];

test("figure 1: 312 of 500 without certificate give S = [0.580, 1] and P = [0.0058, 0.0952] at 0.01 to 0.1 attempts a year", () => {
  expect(ends(4, clopperPearson(312, 500))).toEqual([0.5799, 0.6666]);
  const success = successInterval({ k: 312, n: 500 }, "B", false);
  expect(ends(3, success)).toEqual([0.58, 1]);
  const perYear = probabilityPerYear({ low: 0.01, likely: 0.03, high: 0.1 }, success);
  expect(ends(4, perYear)).toEqual([0.0058, 0.0952]);
});

test("figure 1: who can replace the image succeeds whatever ε, and P = [0.00995, 0.0952] lies across 0.01", () => {
  const certain = { low: 1, likely: 1, high: 1 };
  const perYear = probabilityPerYear({ low: 0.01, likely: 0.03, high: 0.1 }, certain);
  expect([to(5, perYear.low), to(4, perYear.high)]).toEqual([0.00995, 0.0952]);
  expect(judge(perYear, 0.01)).toBe("open");
});

test("figure 2: 3 of 300 by 200 independent applicants: [0.339, 0.997], point 0.866; who knows the template: 1", () => {
  const interval = clopperPearson(3, 300);
  expect(ends(4, interval)).toEqual([0.0021, 0.0289]);
  expect([to(3, inAttempts(interval.low, 200)), to(3, inAttempts(interval.high, 200))]).toEqual([0.339, 0.997]);
  expect(to(6, inAttempts(0.01, 200))).toBe(0.86602);
  expect(inAttempts(1, 1)).toBe(1);
});

test("figure 3: 5 of 100 tracks and 40 vehicles: expected 2.0 [0.66, 4.51], P = 0.871 [0.485, 0.992]", () => {
  const { low, high } = clopperPearson(5, 100);
  expect(ends(4, { low, high })).toEqual([0.0164, 0.1128]);
  const success = { low, likely: 0.05, high };
  const once = { low: 1, likely: 1, high: 1 };
  const vehicles = { low: 40, likely: 40, high: 40, because: "vehicles a day" };
  const expected = expectedPerYear(once, success, vehicles);
  expect([to(1, expected.likely), to(2, expected.low), to(2, expected.high)]).toEqual([2, 0.66, 4.51]);
  expect([inAttempts(0.05, 40), inAttempts(low, 40), inAttempts(high, 40)].map((p) => to(3, p))).toEqual([
    0.871, 0.485, 0.992,
  ]);
  // Per year the sticker itself is an attempt: at one a year, P = 1 − e^(−0.871…).
  const perYear = probabilityPerYear(once, success, vehicles, { low: "draws", high: "draws" });
  expect(perYear.likely).toBeCloseTo(1 - Math.exp(-inAttempts(0.05, 40)), 12);
});

test("3-of-5 voting turns 0.60 into 0.683 and 0.848 into 0.972 if frames were independent", () => {
  expect(to(5, atLeastOf(3, 5, 0.6))).toBe(0.68256);
  expect(to(6, atLeastOf(3, 5, 0.848))).toBe(0.972402);
});

test("what the unit counts decides whether attempts compound", () => {
  expect(["random draw", "track", "tracks", "victim", "attempt"].map(variesOver)).toEqual(Array(5).fill("draws"));
  expect(["input", "image", "template", "patient", "something new"].map(variesOver)).toEqual(Array(5).fill("inputs"));
  const success = { low: 0.1, likely: 0.2, high: 0.3 };
  const once = { low: 1, likely: 1, high: 1 };
  const ten = { low: 10, likely: 10, high: 10, because: "" };
  const fixed = probabilityPerYear(once, success, ten, { low: "inputs", high: "inputs" });
  expect(fixed.likely).toBeCloseTo(atRate(1, 0.2), 12);
  const fresh = probabilityPerYear(once, success, ten, { low: "draws", high: "draws" });
  expect(fresh.likely).toBeCloseTo(atRate(1, 1 - 0.8 ** 10), 12);
});

test("bins are half-open, and one level up ends where the next level ends", () => {
  expect([0, 0.0499, 0.05, 0.1999, 0.2, 0.7999, 0.8, 0.9499, 0.95, 1].map(levelOfProbability)).toEqual([
    "VL",
    "VL",
    "L",
    "L",
    "M",
    "M",
    "H",
    "H",
    "VH",
    "VH",
  ]);
  expect([0.0005, 0.001, 0.0099, 0.01, 0.1, 1, 10, 400].map(levelOfAttempts)).toEqual([
    "VL",
    "VL",
    "VL",
    "L",
    "M",
    "H",
    "VH",
    "VH",
  ]);
  expect([0.01, 0.0712, 0.6666, 0.9, 0.99].map(upperEndOneLevelUp)).toEqual([0.2, 0.8, 0.95, 1, 1]);
  expect([0.01, 0.0712, 0.6666, 0.9, 0.99].map(atLeastOneLevelUp)).toEqual([0.05, 0.2, 0.8, 0.95, 0.99]);
});

test("tables G-5 and I-2 read as in SP 800-30: corners, and the cap at likelihood L with impact VH", () => {
  expect([overallLikelihood("VH", "VL"), overallLikelihood("M", "VH"), overallLikelihood("VL", "VH")]).toEqual([
    "L",
    "H",
    "L",
  ]);
  expect([riskLevel("L", "VH"), riskLevel("VH", "VH"), riskLevel("VL", "M"), riskLevel("M", "H")]).toEqual([
    "M",
    "VH",
    "VL",
    "M",
  ]);
});

test("a certificate bounds from above, an attack from below, and neither is merged into the other", () => {
  const success = successInterval({ k: 300, n: 500 }, "C", false, { k: 100, n: 500 });
  expect(to(4, success.low)).toBe(to(4, clopperPearson(300, 500).low));
  expect(success.high).toBeCloseTo(1 - clopperPearson(100, 500).low, 12);
});

test("only grade A or B with everything sound lets the upper end speak, one level raised", () => {
  expect(successInterval({ k: 0, n: 500 }, "B", true).high).toBe(0.2);
  expect(successInterval({ k: 0, n: 500 }, "B", false).high).toBe(1);
  expect(successInterval({ k: 0, n: 500 }, "C", true)).toEqual({ low: 0, likely: 0.05, high: 1 });
  expect(successInterval({ k: 0, n: 500 }, "D", true)).toEqual({ low: 0, likely: 0.2, high: 1 });
  expect(successInterval({ k: 0, n: 500 }, "E", true)).toEqual({ low: 0, likely: 1, high: 1 });
});
