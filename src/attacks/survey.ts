/** The first look at a model under attack: does it answer as it should, does its gradient lead anywhere, and what does asking it cost? */
import { type EvaluationSet, type Listening, answers, classesSaid } from "./answers.ts";
import { type EvasionPlan, assaultsOf, attacked } from "./campaign.ts";
import { invalid } from "./evaluated.ts";
import { metered } from "./meter.ts";
import {
  type Check,
  attackGivenCheck,
  batchCompositionCheck,
  cleanAccuracyCheck,
  determinism,
  eligibleCheck,
  finiteDifferenceCheck,
  gradientGivenCheck,
  headCheck,
  numbersCheck,
  roomCheck,
  surrogateCheck,
  zeroGradientCheck,
} from "./sanity.ts";
import type { Classifier } from "./target.ts";

/** Milliseconds per evaluated sample on this machine, in the model's own batches; they decide the size of shards and no result. */
export interface Pace {
  readonly query: number;
  /** Absent without a gradient. */
  readonly gradient?: number;
}

/** Plain data: it crosses processes and lies in files. Lists are in the order of the set. */
export interface Survey {
  readonly outputs: number;
  readonly units: readonly string[];
  /** What n counts. */
  readonly unit: string;
  readonly labels: readonly number[];
  /** The class said before any attack; −1 where the answer is not a number. */
  readonly said: readonly number[];
  readonly access: "white-box" | "scores";
  readonly noGradient?: string;
  readonly size: number;
  /** Checks of the question itself; where one fails nothing is attacked. */
  readonly validity: readonly Check[];
  /** Checks of what an attack can follow. */
  readonly strength: readonly Check[];
  readonly notes: readonly Check[];
  readonly queries: number;
  readonly gradients: number;
  readonly pace: Pace;
}

/** METHOD §2, the clean run first. `clock` in milliseconds; without it nothing is timed and shards are all of one size. */
export async function surveyEvasion(
  run: Listening,
  given: Classifier,
  set: EvaluationSet,
  plan: EvasionPlan,
  clock: () => number = () => 0,
): Promise<Survey> {
  const classifier = metered(attacked(given, plan));
  const { outputs } = classifier;
  const n = set.units.length;
  const began = clock();
  const clean = await answers(run, classifier, set.samples, n);
  const query = (clock() - began) / Math.max(1, n);
  const said = classesSaid(clean, n, outputs);
  const eligible = Int32Array.from(said.keys()).filter((row) => said[row] === set.labels[row]);
  const validity: Check[] = [
    await determinism(run, classifier, set),
    await batchCompositionCheck(run, classifier, set),
    numbersCheck(said),
    cleanAccuracyCheck(eligible.length, set, plan.declared),
    eligibleCheck(eligible.length),
    roomCheck(classifier, plan.norm, plan.eps),
    attackGivenCheck(assaultsOf(plan, outputs, classifier.gradient !== undefined).length, plan),
  ];
  const strength: Check[] = [];
  let gradient: number | undefined;
  if (!invalid(validity)) {
    strength.push(headCheck(clean, n, outputs));
    if (classifier.gradient) {
      strength.push(await zeroGradientCheck(run, classifier, set, eligible));
      // Sessions are built at the first call of each objective; the second round times the model alone.
      const asked = classifier.counts.gradients;
      const restarted = clock();
      strength.push(await finiteDifferenceCheck(run, classifier, set, eligible));
      gradient = (clock() - restarted) / Math.max(1, classifier.counts.gradients - asked);
    }
  }
  return {
    outputs,
    units: [...set.units],
    unit: set.unit,
    labels: [...set.labels.subarray(0, n)],
    said: [...said],
    access: classifier.gradient ? "white-box" : "scores",
    ...(!given.gradient && plan.access !== "scores" ? { noGradient: given.noGradient ?? "an unnamed operator" } : {}),
    size: classifier.size,
    validity,
    strength,
    notes: plan.access === "scores" ? [] : [gradientGivenCheck(given), ...surrogateCheck(given)],
    queries: classifier.counts.queries,
    gradients: classifier.counts.gradients,
    pace: { query, ...(gradient === undefined ? {} : { gradient }) },
  };
}
