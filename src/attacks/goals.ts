/** What the attacker wants of each sample, and how an answer of the model is judged against it. */
import type { Objective } from "./target.ts";

export type UnsafeClauses = readonly (readonly { readonly a: readonly number[]; readonly b: number }[])[];

/**
 * `untargeted`: any class but the label. `targeted`: exactly the target. `unsafe`: some clause whose constraints
 * a·z ≤ b all hold (a property over outputs, the same for every sample).
 */
export type Goal =
  | { readonly kind: "untargeted"; readonly label: Int32Array }
  | { readonly kind: "targeted"; readonly label: Int32Array; readonly target: Int32Array }
  | { readonly kind: "unsafe"; readonly clauses: UnsafeClauses };

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

/** How far an answer is beyond the goal, in logits: above 0 the goal is reached, below it is missed. −∞ for NaN. */
export function margin(goal: Goal, row: number, logits: ArrayLike<number>, at: number, outputs: number): number {
  if (predicted(logits, at, outputs) < 0) return -Infinity;
  if (goal.kind === "unsafe") return unsafeValue(goal.clauses, logits, at);
  const own = goal.kind === "targeted" ? goal.target[row]! : goal.label[row]!;
  let other = -Infinity;
  for (let j = 0; j < outputs; j++) if (j !== own && logits[at + j]! > other) other = logits[at + j]!;
  return goal.kind === "targeted" ? logits[at + own]! - other : other - logits[at + own]!;
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
  }
}
