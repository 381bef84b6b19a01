/** A clean run, and an evasion trial whole in one process; `assess` splits the latter into shards of the same three steps. */
import type { CleanMeasure } from "#assessment/evidence.ts";
import { type EvaluationSet, type Listening, answers, className, classesSaid, proportionOf } from "./answers.ts";
import { type EvasionPlan, type UnitTask, assign } from "./campaign.ts";
import { type Evaluated, concluded, invalid } from "./evaluated.ts";
import { type EvasionConcluded, concludeEvasion } from "./joined.ts";
import { part } from "./meter.ts";
import { type Check, cleanAccuracyCheck, determinism, numbersCheck } from "./sanity.ts";
import { surveyEvasion } from "./survey.ts";
import type { Classifier } from "./target.ts";
import { type Certify, type UnitsAttacked, attackUnits } from "./units.ts";

export type { Evaluated, Proof } from "./evaluated.ts";
export type { EvasionPlan } from "./campaign.ts";

export interface CleanPlan {
  readonly item: string;
  /** Declared accuracy, 0 … 1. */
  readonly declared?: number;
  /** What else was looked at before the figure may be believed. */
  readonly checks?: readonly Check[];
}

/** Accuracy on the data as they are, per class, against the declared value. */
export async function evaluateClean(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  plan: CleanPlan,
): Promise<Evaluated<CleanMeasure>> {
  const n = set.units.length;
  const logits = await answers(run, classifier, set.samples, n);
  run.progress({ stage: "clean", item: plan.item, label: "Clean accuracy", done: n, total: n });
  const said = classesSaid(logits, n, classifier.outputs);
  const perClass = new Map<number, { correct: number; n: number }>();
  let correct = 0;
  for (let row = 0; row < n; row++) {
    const label = set.labels[row]!;
    const tally = perClass.get(label) ?? { correct: 0, n: 0 };
    perClass.set(label, tally);
    tally.n++;
    if (said[row] === label) {
      tally.correct++;
      correct++;
    }
  }
  const same = await determinism(run, classifier, set);
  const measure: CleanMeasure = {
    kind: "clean",
    accuracy: proportionOf(correct, n, set.unit),
    ...(plan.declared === undefined ? {} : { declared: plan.declared }),
    perClass: [...perClass]
      .sort(([a], [b]) => a - b)
      .map(([label, tally]) => ({ label: className(set, label), ...tally })),
    deterministic: same.passed,
  };
  return concluded(
    measure,
    [same, numbersCheck(said), cleanAccuracyCheck(correct, set, plan.declared), ...(plan.checks ?? [])],
    [],
  );
}

/** The units [from, to) of a set; its arrays are shared. */
export function unitsBetween(set: EvaluationSet, from: number, to: number, size: number): EvaluationSet {
  return {
    ...set,
    samples: set.samples.subarray(from * size, to * size),
    labels: set.labels.subarray(from, to),
    units: set.units.slice(from, to),
  };
}

/**
 * The attack at the planned budget, the curve around it, the baselines and the sanity checks, as METHOD §2 asks. The
 * clean run comes first: where it shows that the question is wrong, nothing is attacked. Every rate is the worst case
 * per unit over everything tried within the budget. `shard`: units attacked together; no result depends on it.
 */
export async function evaluateEvasion(
  run: Listening,
  given: Classifier,
  set: EvaluationSet,
  plan: EvasionPlan,
  { shard = Infinity, certify }: { readonly shard?: number; readonly certify?: Certify } = {},
): Promise<EvasionConcluded> {
  const survey = await surveyEvasion(run, given, set, plan, { certify });
  if (invalid(survey.validity)) return concludeEvasion(survey, [], [], plan);
  const n = set.units.length;
  const tasks: readonly UnitTask[] = assign(run.rng, survey);
  const done: UnitsAttacked[] = [];
  for (let from = 0; from < n; from += Math.min(n, shard)) {
    const to = Math.min(n, from + shard);
    const here = unitsBetween(set, from, to, given.size);
    done.push(
      await attackUnits(part(run, from / n, to / n), given, here, tasks.slice(from, to), plan, {
        copy: survey.copy,
        certify,
      }),
    );
  }
  const records = done.flatMap((one) => one.records);
  const concludedHere = concludeEvasion(
    survey,
    records,
    done.map(({ tally }) => tally),
    plan,
  );
  const proofs = new Map(done.flatMap((one) => one.proofs).map((proof) => [proof.unit, proof]));
  const exhibits = concludedHere.measure?.exhibits ?? [];
  return { ...concludedHere, proofs: exhibits.flatMap(({ unit }) => proofs.get(unit) ?? []) };
}
