/** What the attacker wants of each sample, and how an answer of the model is judged against it. */
import type { Objective } from "./target.ts";

export type UnsafeClauses = readonly (readonly { readonly a: readonly number[]; readonly b: number }[])[];

/**
 * `untargeted`: any class but the label. `targeted`: exactly the target. `unsafe`: some clause whose constraints
 * a·z ≤ b all hold (a property over outputs, the same for every sample). `flip`: some independent label changes. `deviation`:
 * some output leaves its tolerance around a centre. Tables of `flip` and `deviation` have one row of outputs per sample.
 */
export type Goal =
  | { readonly kind: "untargeted"; readonly label: Int32Array }
  | { readonly kind: "targeted"; readonly label: Int32Array; readonly target: Int32Array }
  | OutputGoal;

/** Goals over outputs rather than classes: each is its own objective. */
export type OutputGoal =
  | { readonly kind: "unsafe"; readonly clauses: UnsafeClauses }
  | { readonly kind: "flip"; readonly sign: Float32Array; readonly threshold: Float32Array }
  | { readonly kind: "deviation"; readonly centre: Float32Array; readonly tolerance: Float32Array };

/** A goal whose labels are classes. */
export type ClassGoal = Extract<Goal, { readonly label: Int32Array }>;
export const hasLabels = (goal: Goal): goal is ClassGoal => "label" in goal;

/** A goal over outputs for the given rows, in their order. */
export function pickOutputGoal(goal: OutputGoal, rows: Int32Array): OutputGoal {
  const tables = (table: Float32Array, outputs: number): Float32Array => {
    const packed = new Float32Array(rows.length * outputs);
    rows.forEach((row, k) => packed.set(table.subarray(row * outputs, (row + 1) * outputs), k * outputs));
    return packed;
  };
  switch (goal.kind) {
    case "unsafe":
      return goal;
    case "flip":
      return { ...goal, sign: tables(goal.sign, goal.threshold.length) };
    case "deviation":
      return { ...goal, centre: tables(goal.centre, goal.tolerance.length) };
  }
}

export type ObjectiveKind = Objective["kind"];

/** The class the model says: the first largest logit; −1 where an answer is not a number. */
export function predicted(logits: ArrayLike<number>, at: number, outputs: number): number {
  let best = 0;
  for (let j = 0; j < outputs; j++) {
    if (Number.isNaN(logits[at + j])) return -1;
    if (logits[at + j]! > logits[at + best]!) best = j;
  }
  return best;
}

/** a − b, where two infinities of one sign are a tie. */
const apart = (a: number, b: number): number => (a === b ? 0 : a - b);

/** Whether an answer is no score: NaN, or an overflow that no larger score can be told from. */
export function isNoAnswer(logits: ArrayLike<number>, at: number, outputs: number): boolean {
  for (let j = at; j < at + outputs; j++) if (Number.isNaN(logits[j]) || logits[j] === Infinity) return true;
  return false;
}

/** How far an answer is beyond the goal, in logits: above 0 the goal is reached, below it is missed. −∞ for NaN. */
export function margin(goal: Goal, row: number, logits: ArrayLike<number>, at: number, outputs: number): number {
  if (predicted(logits, at, outputs) < 0) return -Infinity;
  switch (goal.kind) {
    case "unsafe":
      return unsafeValue(goal.clauses, logits, at);
    case "flip":
      return flipValue(goal, row, logits, at, outputs);
    case "deviation":
      return deviationValue(goal, row, logits, at, outputs);
  }
  const own = goal.kind === "targeted" ? goal.target[row]! : goal.label[row]!;
  let other = -Infinity;
  for (let j = 0; j < outputs; j++) if (j !== own && logits[at + j]! > other) other = logits[at + j]!;
  return goal.kind === "targeted" ? apart(logits[at + own]!, other) : apart(other, logits[at + own]!);
}

/** max over clauses of min over constraints of (b − a·z). */
export function unsafeValue(clauses: UnsafeClauses, logits: ArrayLike<number>, at: number): number {
  let best = -Infinity;
  for (const clause of clauses) {
    let worst = Infinity;
    for (const { a, b } of clause) {
      let value = b;
      for (let j = 0; j < a.length; j++) value -= a[j]! * logits[at + j]!;
      if (value < worst) worst = value;
    }
    if (worst > best) best = worst;
  }
  return best;
}

/** max over judged labels of −s·(z − t). */
function flipValue(
  { sign, threshold }: Extract<Goal, { kind: "flip" }>,
  row: number,
  logits: ArrayLike<number>,
  at: number,
  outputs: number,
): number {
  let best = -Infinity;
  for (let j = 0; j < outputs; j++) {
    const s = sign[row * outputs + j]!;
    if (s !== 0) best = Math.max(best, -s * (logits[at + j]! - threshold[j]!));
  }
  return best;
}

/** max over outputs of |z − c|/τ − 1. */
function deviationValue(
  { centre, tolerance }: Extract<Goal, { kind: "deviation" }>,
  row: number,
  logits: ArrayLike<number>,
  at: number,
  outputs: number,
): number {
  let worst = -Infinity;
  for (let j = 0; j < outputs; j++)
    worst = Math.max(worst, Math.abs(logits[at + j]! - centre[row * outputs + j]!) / tolerance[j]!);
  return worst - 1;
}

/** Whether an answer reaches the goal: what the deployed system would say (the first largest), not a tie. */
export function beaten(goal: Goal, row: number, logits: ArrayLike<number>, at: number, outputs: number): boolean {
  const said = predicted(logits, at, outputs);
  if (said < 0) return false;
  switch (goal.kind) {
    case "untargeted":
      return said !== goal.label[row];
    case "targeted":
      return said === goal.target[row];
    case "unsafe":
      return unsafeValue(goal.clauses, logits, at) >= 0;
    case "flip":
      // A label that applied falls below its threshold, or one that did not reaches it.
      return goal.sign
        .subarray(row * outputs, (row + 1) * outputs)
        .some(
          (s, j) => (s > 0 && logits[at + j]! < goal.threshold[j]!) || (s < 0 && logits[at + j]! >= goal.threshold[j]!),
        );
    case "deviation":
      return deviationValue(goal, row, logits, at, outputs) > 0;
  }
}
