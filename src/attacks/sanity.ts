/** The checks that decide whether an attack's figure may be believed: each one is passed or failed, with what was seen. */
import type { SanityCheck } from "#assessment/evidence.ts";
import { type EvaluationSet, type Listening, answers, classesSaid } from "./answers.ts";
import type { Classifier } from "./target.ts";

/** A check, and whether failing it makes the measurement inconclusive. */
export interface Check extends SanityCheck {
  readonly decides: boolean;
}

/** Points of accuracy by which a measured model may miss its declared value (METHOD §2). */
export const DECLARED_TOLERANCE = 0.03;

/** Whether the model answers the same input the same way, alone, in company and in another order. */
export async function determinism(run: Listening, classifier: Classifier, set: EvaluationSet): Promise<Check> {
  const { size, outputs } = classifier;
  const n = Math.min(24, set.units.length);
  const order = run.rng.fork("determinism").sample(set.units.length, n);
  const points = new Float32Array(n * size);
  order.forEach((row, k) => points.set(set.samples.subarray(row * size, (row + 1) * size), k * size));
  const first = await answers(run, classifier, points, n);
  const again = await answers(run, classifier, points, n);
  let largest = 0;
  let apart = 0;
  for (let i = 0; i < first.length; i++) largest = Math.max(largest, Math.abs(first[i]! - again[i]!));
  const said = classesSaid(first, n, outputs);
  const saidAgain = classesSaid(again, n, outputs);
  for (let k = 0; k < n; k++) if (said[k] !== saidAgain[k]) apart++;
  const spread = first.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const passed = apart === 0 && largest <= 1e-4 * spread;
  return {
    check: "the same input gets the same answer",
    passed,
    decides: true,
    detail: passed
      ? `${n} inputs asked twice gave the same answers`
      : `${n} inputs asked twice: ${apart} changed class, outputs moved by up to ${largest.toPrecision(3)}; a randomised model must be attacked over its randomness (EOT)`,
  };
}

/** Clean accuracy against the declared value, and against always saying the commonest class. */
export function cleanAccuracyCheck(correct: number, set: EvaluationSet, declared: number | undefined): Check {
  const n = set.units.length;
  const accuracy = correct / n;
  const check = "clean accuracy is what it should be";
  if (declared !== undefined) {
    const passed = Math.abs(accuracy - declared) <= DECLARED_TOLERANCE + 1e-9;
    return {
      check,
      passed,
      decides: true,
      detail: `${percent(accuracy)} measured, ${percent(declared)} declared${passed ? "" : ": more than 3 points apart, so the preprocessing or the labels are suspected"}`,
    };
  }
  const perClass = new Map<number, number>();
  for (const label of set.labels.subarray(0, n)) perClass.set(label, (perClass.get(label) ?? 0) + 1);
  const commonest = Math.max(0, ...perClass.values()) / n;
  const passed = perClass.size < 2 || accuracy > commonest;
  return {
    check,
    passed,
    decides: true,
    detail: `${percent(accuracy)} measured, none declared${passed ? "" : `; always saying the commonest class would give ${percent(commonest)}, so the preprocessing or the labels are suspected`}`,
  };
}

/** Without an input that is right before the attack there is nothing to attack. */
export function eligibleCheck(eligible: number): Check {
  return {
    check: "there are inputs to attack",
    passed: eligible > 0,
    decides: true,
    detail: `${eligible} inputs are classified as labelled before the attack`,
  };
}

/** Answers that hold NaN count for nothing, so a figure made of them means nothing. */
export function numbersCheck(said: Int32Array, more = 0): Check {
  const bad = said.filter((label) => label < 0).length + more;
  return {
    check: "every answer is a number",
    passed: bad === 0,
    decides: true,
    detail: bad === 0 ? "no answer held NaN" : `${bad} answers held NaN`,
  };
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
