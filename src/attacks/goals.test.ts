/** Answers that are no numbers, and infinities that tie. */
import { expect, test } from "vitest";
import { beaten, isNoAnswer, margin } from "./goals.ts";

const goal = { kind: "untargeted", label: Int32Array.of(1) } as const;

test("two infinite scores tie: what the deployed system would say counts, and the answer is reported as an overflow", () => {
  const logits = Float32Array.of(Infinity, Infinity, 0);
  expect(margin(goal, 0, logits, 0, 3)).toBe(0);
  expect(beaten(goal, 0, logits, 0, 3)).toBe(true);
  expect(isNoAnswer(logits, 0, 3)).toBe(true);
});

test("a score of minus infinity is a score; NaN is none and is never a success", () => {
  expect(isNoAnswer(Float32Array.of(-Infinity, 1), 0, 2)).toBe(false);
  const logits = Float32Array.of(NaN, 1, 2);
  expect(isNoAnswer(logits, 0, 3)).toBe(true);
  expect(margin(goal, 0, logits, 0, 3)).toBe(-Infinity);
  expect(beaten(goal, 0, logits, 0, 3)).toBe(false);
});
