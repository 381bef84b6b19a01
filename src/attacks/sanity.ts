/** The checks that decide whether an attack's figure may be believed (domain list: AutoAttack's flags; Carlini et al. 2019). */
import { clopperPearson } from "#base/statistics.ts";
import type { SanityCheck } from "#assessment/evidence.ts";
import { type EvaluationSet, type Listening, answers, classesSaid, drawnRows } from "./answers.ts";
import type { Norm } from "./region.ts";
import type { Classifier, Objective } from "./target.ts";

/**
 * `validity`: failed, the figure would be about something else. `strength`: failed, the attack may have been too weak, so
 * a low success rate means nothing. `note`: failed, the outcome stands but bounds nothing from above.
 */
export interface Check extends SanityCheck {
  readonly about: "validity" | "strength" | "note";
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Points of accuracy by which a measured model may miss its declared value (METHOD §2). */
export const DECLARED_TOLERANCE = 0.03;

/** Differences between two attacks that mean something: more than two inputs and more than 5 % of them. */
export const slack = (eligible: number): number => Math.max(2, 0.05 * eligible);

/** Up to `count` rows of the set, drawn by their names, packed. */
function someRows(run: Listening, set: EvaluationSet, rows: Int32Array, count: number, name: string, size: number) {
  const chosen = drawnRows(run.rng, set.units, rows, count, name);
  const points = new Float32Array(chosen.length * size);
  chosen.forEach((row, k) => points.set(set.samples.subarray(row * size, (row + 1) * size), k * size));
  return { chosen, points };
}

/** Whether the model answers the same input the same way when asked again. */
export async function determinism(run: Listening, classifier: Classifier, set: EvaluationSet): Promise<Check> {
  const { size, outputs } = classifier;
  const all = Int32Array.from(set.units.keys());
  const { chosen, points } = someRows(run, set, all, 24, "determinism", size);
  const n = chosen.length;
  const first = await answers(run, classifier, points, n);
  let largest = 0;
  let apart = 0;
  for (let repeat = 0; repeat < 2; repeat++) {
    const again = await answers(run, classifier, points, n);
    // Two NaN, or two infinities, are the same answer; whether they are one at all is another check.
    for (let i = 0; i < first.length; i++)
      if (!Object.is(first[i], again[i])) largest = Math.max(largest, Math.abs(first[i]! - again[i]!));
    const said = classesSaid(first, n, outputs);
    const saidAgain = classesSaid(again, n, outputs);
    for (let k = 0; k < n; k++) if (said[k] !== saidAgain[k]) apart++;
  }
  const spread = first.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const passed = apart === 0 && largest <= 1e-4 * spread;
  return {
    check: "the same input gets the same answer",
    passed,
    about: "validity",
    detail: passed
      ? `${n} inputs asked three times gave the same answers`
      : `${n} inputs asked three times: ${apart} changed class, outputs moved by up to ${largest.toPrecision(3)}; a randomised model must be attacked over its randomness (EOT)`,
  };
}

/**
 * Whether an answer depends on what is asked beside it: a model that adapts to its batch (statistics computed at inference,
 * a defence with memory) is another model for each batch. Rounding may differ; the class may not.
 */
export async function batchCompositionCheck(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
): Promise<Check> {
  const { size, outputs } = classifier;
  if (classifier.mixes !== undefined)
    return {
      check: "an answer does not depend on the batch it is asked in",
      passed: false,
      about: "validity",
      detail: `${classifier.mixes}; each batch meets another model`,
    };
  const all = Int32Array.from(set.units.keys());
  const { chosen, points } = someRows(run, set, all, 16, "batch composition", size);
  const n = chosen.length;
  const together = await answers(run, classifier, points, n);
  let largest = 0;
  for (let k = 0; k < n; k++) {
    const alone = await answers(run, classifier, points.subarray(k * size, (k + 1) * size), 1);
    for (let j = 0; j < outputs; j++) largest = Math.max(largest, Math.abs(alone[j]! - together[k * outputs + j]!));
  }
  const spread = together.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const passed = !(largest > 1e-3 * spread);
  return {
    check: "an answer does not depend on the batch it is asked in",
    passed,
    about: "validity",
    detail: passed
      ? `${n} inputs asked together and one by one: outputs differ by at most ${largest.toPrecision(2)}`
      : `${n} inputs asked together and one by one: outputs moved by up to ${largest.toPrecision(3)}; the model adapts to what it is given, and each batch meets another model`,
  };
}

/** Clean accuracy against the declared value, or else against always saying the commonest class. */
export function cleanAccuracyCheck(correct: number, set: EvaluationSet, declared: number | undefined): Check {
  const n = set.units.length;
  const accuracy = n === 0 ? 0 : correct / n;
  const check = "clean accuracy is what it should be";
  const suspect = "so the preprocessing or the labels are suspected";
  if (declared !== undefined) {
    // On all data the figure itself is compared. Some of them only estimate it: suspected is what their interval excludes.
    const sampled = set.of !== undefined && set.of > n;
    const { low, high } = sampled ? clopperPearson(correct, n) : { low: accuracy, high: accuracy };
    const passed = low - DECLARED_TOLERANCE - 1e-9 <= declared && declared <= high + DECLARED_TOLERANCE + 1e-9;
    const verdict = passed ? "" : `: more than 3 points apart, ${suspect}`;
    const measured = sampled
      ? `${percent(accuracy)} [${percent(low)}, ${percent(high)}] measured on ${n} of ${set.of}`
      : `${percent(accuracy)} measured`;
    return { check, passed, about: "validity", detail: `${measured}, ${percent(declared)} declared${verdict}` };
  }
  const perClass = new Map<number, number>();
  for (const label of set.labels.subarray(0, n)) perClass.set(label, (perClass.get(label) ?? 0) + 1);
  const commonest = n === 0 ? 0 : Math.max(0, ...perClass.values()) / n;
  const passed = perClass.size < 2 || accuracy > commonest;
  const verdict = passed ? "" : `; always saying the commonest class would give ${percent(commonest)}, ${suspect}`;
  return { check, passed, about: "validity", detail: `${percent(accuracy)} measured, none declared${verdict}` };
}

/** Without an input that is right before the attack there is nothing to attack. */
export function eligibleCheck(eligible: number): Check {
  return {
    check: "there are inputs to attack",
    passed: eligible > 0,
    about: "validity",
    detail: `${eligible} inputs are classified as labelled before the attack`,
  };
}

/** A norm or a choice that leaves no attack is no measurement. */
export function attackGivenCheck(
  assaults: number,
  { norm, attacks }: { norm: string; attacks?: readonly string[] },
): Check {
  return {
    check: "there is an attack to bring",
    passed: assaults > 0,
    about: "validity",
    detail: `${assaults} attacks in ${norm}${attacks ? ` of those named (${attacks.join(", ")})` : ""}`,
  };
}

/** A gradient that passes an operator by a stand-in (BPDA) shows a way, not every way: named, and no bound from above. */
export function surrogateCheck(classifier: Classifier): Check[] {
  const surrogates = classifier.surrogates ?? [];
  if (!classifier.gradient || surrogates.length === 0) return [];
  return [
    {
      check: "the gradient is the model's own",
      passed: false,
      about: "note",
      detail: `by declared stand-in through ${surrogates.join("; ")} (backward pass differentiable approximation): a better stand-in may find more`,
    },
  ];
}

/** A budget below one raw step leaves integer inputs no room to change at all. */
export function roomCheck(classifier: Classifier, norm: Norm, eps: number): Check {
  const { grid } = classifier;
  const passed = norm === "l0" ? eps >= 1 : !grid.integer || eps * grid.levels >= 1 - 1e-3;
  return {
    check: "the budget has room for a change",
    passed,
    about: "validity",
    detail:
      norm === "l0"
        ? `${eps} values may change`
        : grid.integer
          ? `${norm} ${(eps * grid.levels).toPrecision(4)} raw steps on inputs of whole steps`
          : `${norm} ${eps.toPrecision(4)} of the range on real-valued inputs`,
  };
}

/** Answers that hold NaN count for nothing, so a figure made of them means nothing. */
export function numbersCheck(said: Int32Array, more = 0): Check {
  const bad = said.filter((label) => label < 0).length + more;
  return {
    check: "every answer is a number",
    passed: bad === 0,
    about: "validity",
    detail: bad === 0 ? "no answer held NaN or an overflow" : `${bad} answers held NaN or an overflow`,
  };
}

/**
 * Scores must vary: where most answers have exactly the same distance between first and second, the model hands out
 * decisions (ArgMax) or saturated probabilities, and neither gradients nor scores lead anywhere.
 */
export function headCheck(logits: Float32Array, n: number, outputs: number): Check {
  const tally = new Map<number, number>();
  for (let k = 0; k < n; k++) {
    let first = -Infinity;
    let second = -Infinity;
    for (let j = 0; j < outputs; j++) {
      const value = logits[k * outputs + j]!;
      if (value > first) [first, second] = [value, first];
      else if (value > second) second = value;
    }
    const gap = Math.fround(first - second);
    tally.set(gap, (tally.get(gap) ?? 0) + 1);
  }
  const [gap, most] = [...tally].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0]);
  const passed = n < 4 || most < 0.5 * n;
  return {
    check: "the model gives scores, not decisions",
    passed,
    about: "strength",
    detail: passed
      ? `${tally.size} different margins in ${n} answers`
      : `${most} of ${n} answers have the same margin ${gap.toPrecision(3)} between first and second class: labels (ArgMax) or saturated probabilities, which no attack by score or gradient can follow`,
  };
}

/** An operator without a rule: query attacks served, which bounds nothing from above for who can differentiate around it. */
export function gradientGivenCheck(classifier: Classifier): Check {
  return {
    check: "the model gives a gradient",
    passed: classifier.gradient !== undefined,
    about: "note",
    detail: classifier.gradient
      ? "every operator on the path has a gradient rule"
      : `${classifier.noGradient ?? "an operator"} has none: attacks by queries alone, so a stronger attack may exist`,
  };
}

/** At the clean inputs, how many have no gradient at all; the margin must carry where cross-entropy has vanished. */
export async function zeroGradientCheck(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  rows: Int32Array,
): Promise<Check> {
  const { chosen, points } = someRows(run, set, rows, 100, "zero gradient", classifier.size);
  const label = Int32Array.from(chosen, (row) => set.labels[row]!);
  const zero = { "cross-entropy": 0, margin: 0 };
  for (const kind of ["cross-entropy", "margin"] as const) {
    const { gradient } = await gradients(run, classifier, points, { kind, label });
    for (let k = 0; k < chosen.length; k++)
      if (gradient.subarray(k * classifier.size, (k + 1) * classifier.size).every((slope) => !(Math.abs(slope) > 0)))
        zero[kind]++;
  }
  const n = chosen.length;
  return {
    check: "gradients do not vanish",
    passed: zero.margin < Math.max(1, 0.1 * n),
    about: "strength",
    detail: `the gradient is zero everywhere at ${zero.margin} of ${n} inputs for the margin, at ${zero["cross-entropy"]} for cross-entropy`,
  };
}

async function gradients(
  run: Listening,
  classifier: Classifier,
  points: Float32Array,
  objective: Extract<Objective, { label: Int32Array }>,
): Promise<{ value: Float32Array; gradient: Float32Array }> {
  const { size } = classifier;
  const n = points.length / size;
  const value = new Float32Array(n);
  const gradient = new Float32Array(points.length);
  const batch = Math.max(1, Math.floor(classifier.batch));
  for (let from = 0; from < n; from += batch) {
    run.signal.throwIfAborted();
    const to = Math.min(n, from + batch);
    const answer = await classifier.gradient!(points.subarray(from * size, to * size), to - from, {
      ...objective,
      label: objective.label.subarray(from, to),
    });
    value.set(answer.value, from);
    gradient.set(answer.gradient, from * size);
  }
  return { value, gradient };
}

/** Steps of the central difference, in L2 length of the input: the best of them counts, for kinks and float32 both spoil some. */
const DIFFERENCE_STEPS = [3e-3, 1e-2, 3e-2, 1e-1];

/** The margin's slope along its own gradient against a central difference of the outputs. */
export async function finiteDifferenceCheck(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  rows: Int32Array,
): Promise<Check> {
  const { size } = classifier;
  const { chosen, points } = someRows(run, set, rows, 20, "finite difference", size);
  // A little inside the domain, so that a clipped input does not halve the difference.
  const inner = points.map((value) => 0.5 + 0.96 * (value - 0.5));
  const label = Int32Array.from(chosen, (row) => set.labels[row]!);
  const { gradient } = await gradients(run, classifier, inner, { kind: "margin", label });
  const lengths = chosen.map((_, k) => Math.hypot(...chunked(gradient.subarray(k * size, (k + 1) * size))));
  const usable = chosen.map((_, k) => k).filter((k) => lengths[k]! > 0);
  const best = new Float64Array(chosen.length).fill(Infinity);
  for (const h of DIFFERENCE_STEPS) {
    const moved = (sign: number): Float32Array =>
      inner.map((value, at) => {
        const k = Math.floor(at / size);
        return lengths[k]! > 0 ? value + (sign * h * gradient[at]!) / lengths[k]! : value;
      });
    const up = await gradients(run, classifier, moved(1), { kind: "margin", label });
    const down = await gradients(run, classifier, moved(-1), { kind: "margin", label });
    for (const k of usable) {
      const slope = (up.value[k]! - down.value[k]!) / (2 * h);
      best[k] = Math.min(best[k]!, Math.abs(slope - lengths[k]!) / lengths[k]!);
    }
  }
  const agree = usable.filter((k) => best[k]! < 0.25).length;
  return {
    check: "gradients agree with finite differences",
    passed: usable.length === 0 || agree >= 0.7 * usable.length,
    about: "strength",
    detail: `${agree} of ${usable.length} gradients predict the change of the output along themselves to a quarter`,
  };
}

/** Norms of slices, so that a long vector is not spread over a call's arguments. */
function chunked(values: Float32Array): number[] {
  const norms: number[] = [];
  for (let from = 0; from < values.length; from += 1024) norms.push(Math.hypot(...values.subarray(from, from + 1024)));
  return norms;
}
