/** What an attacked model's document comes to, for the door and the page alike. */
import type { AttackDocument, AttackTrial } from "#assessment/index.ts";

/** The trial with the largest budget, the first of equals: what holds there holds at the smaller ones. */
export function hardest<Trial extends Pick<AttackTrial, "eps">>(trials: readonly Trial[]): Trial | undefined {
  return trials.reduce<Trial | undefined>(
    (worst, trial) => (worst && worst.eps >= trial.eps ? worst : trial),
    undefined,
  );
}

/** One measured miss decides (1); then whatever is not shown (2); an expectation that nobody had is met by a measurement (0). */
export function attackExit({ trials }: Pick<AttackDocument, "trials">): 0 | 1 | 2 {
  if (trials.some(({ expectation }) => expectation === "missed")) return 1;
  const shown = trials.every(({ outcome, expectation }) => outcome === "measured" && expectation !== "not shown");
  return trials.length > 0 && shown ? 0 : 2;
}
