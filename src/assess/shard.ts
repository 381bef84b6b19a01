/** The unit of work: a trial whole, the first look of one, or some of its units. Runs inside an isolated worker and leaves plain data. */
import { rng } from "#base/random.ts";
import type { Signal, WorkerPorts } from "#base/ports.ts";
import type { Exhibit, Measure, Outcome, SanityCheck } from "#assessment/index.ts";
import type { EvaluationSet as Samples, Listening } from "#attacks/answers.ts";
import type { EvasionPlan, UnitTask } from "#attacks/campaign.ts";
import { evaluateClean, type Evaluated, type Proof } from "#attacks/evaluate.ts";
import { evaluateCorruption } from "#attacks/corruption.ts";
import { evaluatePatch } from "#attacks/patch.ts";
import type { Check } from "#attacks/sanity.ts";
import type { SurrogateNet } from "#attacks/surrogate.ts";
import { surveyEvasion, type Survey } from "#attacks/survey.ts";
import { attackUnits, type Certify, type Tally, type UnitRecord } from "#attacks/units.ts";
import { chosenUnits, fractionsOf, refusalOf, samplingNotes, type Bench, type Opened, type Refused } from "./opened.ts";
import { differenceOf, pictureOf } from "./pictures.ts";
import { checkDataset, type DataChecked } from "./data-check.ts";
import type { DataPlan } from "./data-plan.ts";
import { findReading, readingCheck, type ReadingsFound, type ReadingsPlan } from "./readings.ts";
import { DEFAULT_QUERIES, DEFAULT_STEPS, type TrialPlan } from "./plan.ts";
import type { SmoothingOptions } from "#certificates/smoothing.ts";
import { smoothUnits, type SmoothedUnit } from "./smooth.ts";
import { verifyFiles, type VerifyPlan, type VerifyResult } from "./verify-file.ts";

export type Shard =
  | { readonly kind: "readings"; readonly plan: ReadingsPlan }
  | { readonly kind: "verify"; readonly plan: VerifyPlan }
  | { readonly kind: "data"; readonly plan: DataPlan }
  | { readonly kind: "whole"; readonly plan: TrialPlan }
  | { readonly kind: "survey"; readonly plan: TrialPlan }
  /** The units [from, to) of the plan's order under noise. */
  | {
      readonly kind: "smooth";
      readonly plan: TrialPlan;
      readonly options: SmoothingOptions;
      readonly from: number;
      readonly to: number;
    }
  /** The units [from, to) of the trial's order, with what each takes part in. */
  | {
      readonly kind: "units";
      readonly plan: TrialPlan;
      readonly from: number;
      readonly to: number;
      readonly tasks: readonly UnitTask[];
      /** The copy that the first look made, to climb on in the model's place. */
      readonly copy: SurrogateNet | null;
    };

/** What a trial came to. */
export interface TrialResult {
  readonly outcome: Outcome<Measure>;
  /** What was seen even where the outcome is inconclusive: for people, never for a claim. */
  readonly seen: Measure | null;
  readonly sanity: readonly SanityCheck[];
  /** What the reader must know about the data or the model, beside the figure. */
  readonly notes: readonly string[];
  /** How the model was entered. */
  readonly access: "white-box" | "scores";
  /** Independent units really tried, and how many the data hold. */
  readonly tried: number;
  readonly available: number;
  /** The day it was measured, which stays with it when it is taken from an earlier run. */
  readonly date?: string;
  /** Units that were planned and left no record. What is true lies between all of them standing and all of them fallen. */
  readonly missing?: {
    readonly units: number;
    readonly because: string;
    /** Whether every other check lets the figure stand. */
    readonly otherwise: boolean;
    readonly standing: Measure;
    readonly fallen: Measure;
  };
}

export interface Surveyed {
  readonly status: "surveyed";
  readonly survey: Survey;
  readonly notes: readonly string[];
  readonly available: number;
}

export interface UnitsDone {
  readonly status: "attacked";
  readonly records: readonly UnitRecord[];
  /** Its exhibits hold their pictures. */
  readonly tally: Tally;
}

/** What each kind of shard leaves. */
export interface ShardResults {
  readonly readings: ReadingsFound | Refused;
  readonly verify: VerifyResult;
  readonly data: DataChecked;
  readonly smooth: { readonly units: SmoothedUnit[] } | Refused;
  readonly whole: TrialResult;
  readonly survey: Surveyed | Refused;
  readonly units: UnitsDone | Refused;
}

export interface ShardPorts {
  readonly signal: Signal;
  readonly ports: WorkerPorts;
  readonly onProgress: (done: number, total: number, note?: string) => void;
  readonly bench: Bench;
  /** Where something bounds the model: a verdict per unit, which stands beside the attack's in its record. */
  readonly certify?: (opened: Opened, plan: TrialPlan) => Certify | undefined;
}

/** A trial about which the world said no. */
export function refusedTrial({ because, notes }: Omit<Refused, "status">): TrialResult {
  return {
    outcome: { status: "inconclusive", because },
    seen: null,
    sanity: [],
    notes,
    access: "scores",
    tried: 0,
    available: 0,
  };
}

/**
 * Runs one shard whole. What the world gets wrong (files, models, data, the runtime) comes back in words; only cancellation
 * and our own mistakes are thrown.
 */
export async function runShard(shard: Shard, given: ShardPorts): Promise<ShardResults[Shard["kind"]]> {
  if (shard.kind === "readings") return findReading(shard.plan, given);
  if (shard.kind === "data") return checkDataset(shard.plan, given);
  if (shard.kind === "verify")
    return verifyFiles(shard.plan, given.signal, given.ports, (note) => given.onProgress(0, 1, note));
  const { plan } = shard;
  try {
    const opened = await given.bench.open(plan, given.ports, given.signal);
    if ("status" in opened) return shard.kind === "whole" ? refusedTrial(opened) : opened;
    const { set, classifier } = opened;
    const random = rng(plan.trial.seed);
    const chosen = chosenUnits(set, plan.samples, random);
    const listening: Listening = {
      signal: given.signal as AbortSignal,
      rng: random,
      progress: ({ done, total, label, note }) =>
        given.onProgress(done, total, [label, note].filter(Boolean).join(" ")),
    };
    const notes = [...opened.notes, ...samplingNotes(chosen)];
    switch (shard.kind) {
      case "whole": {
        const planned = Math.min(plan.trial.planned, chosen.available);
        const checks =
          plan.test.kind === "clean"
            ? [await readingCheck(listening, classifier, set, plan.model.input, chosen.rows)]
            : [];
        const evaluated = await evaluate(listening, opened, fractionsOf(set, chosen, plan), plan, planned, checks);
        const pictured = withPictures(evaluated, set.shape);
        return {
          outcome:
            evaluated.outcome.status === "measured" ? { status: "measured", measure: pictured! } : evaluated.outcome,
          seen: pictured,
          sanity: evaluated.sanity,
          notes: evaluated.noGradient ? [...notes, noGradientNote(evaluated.noGradient)] : notes,
          access: classifier.gradient ? "white-box" : "scores",
          tried: chosen.rows.length,
          available: chosen.available,
        };
      }
      case "smooth": {
        const { options, from, to } = shard;
        const units = await smoothUnits(opened, plan, options, from, to, given.signal, (done) =>
          given.onProgress(done, to - from),
        );
        return { units };
      }
      case "survey": {
        const samples = fractionsOf(set, chosen, plan);
        const survey = await surveyEvasion(listening, classifier, samples, evasionPlanOf(plan, chosen.available), {
          clock: given.ports.clock.monotonic,
          certify: given.certify?.(opened, plan),
        });
        return { status: "surveyed", survey, notes, available: chosen.available };
      }
      case "units": {
        const samples = fractionsOf(set, chosen, plan, shard.from, shard.to);
        const { records, tally, proofs } = await attackUnits(
          listening,
          classifier,
          samples,
          shard.tasks,
          evasionPlanOf(plan, chosen.available),
          { copy: shard.copy, certify: given.certify?.(opened, plan) },
        );
        return {
          status: "attacked",
          records,
          tally: { ...tally, exhibits: pictures(tally.exhibits, proofs, set.shape) },
        };
      }
    }
  } catch (error) {
    const refusal = refusalOf(error);
    return shard.kind === "whole" ? refusedTrial(refusal) : refusal;
  }
}

export const noGradientNote = (operator: string): string => `no gradient: ${operator}; query attacks were used instead`;

/** The evasion trial as the attacks room knows it. */
export function evasionPlanOf(
  { trial, test, model, steps, queries, profile, attacks }: TrialPlan,
  available: number,
): EvasionPlan {
  if (test.kind !== "evasion") throw new Error(`${trial.id} is no evasion trial`);
  return {
    item: trial.id,
    norm: test.norm,
    eps: test.eps.fraction,
    epsRaw: test.eps.raw,
    planned: Math.min(trial.planned, available),
    profile,
    budget: { ...(steps === undefined ? {} : { steps }), ...(queries === undefined ? {} : { queries }) },
    ...(attacks === undefined ? {} : { attacks }),
    ...(model.declared === undefined ? {} : { declared: model.declared }),
  };
}

function evaluate(
  run: Listening,
  { classifier }: Opened,
  set: Samples,
  { trial, test, model, steps, queries }: TrialPlan,
  planned: number,
  checks: readonly Check[],
): Promise<Evaluated<Measure>> {
  const item = trial.id;
  const declared = model.declared;
  switch (test.kind) {
    case "clean":
      return evaluateClean(run, classifier, set, { item, declared, checks });
    case "patch":
      return evaluatePatch(run, classifier, set, {
        item,
        area: test.area,
        target: test.target,
        placement: test.placement,
        planned,
        declared,
        budget: { steps: steps ?? DEFAULT_STEPS, queries: queries ?? DEFAULT_QUERIES },
      });
    case "corruption":
      return evaluateCorruption(run, classifier, set, { item, declared });
    case "evasion":
      throw new Error("an evasion trial is split into shards of units");
  }
}

/** Puts the pictures of the proofs into the measure's exhibits. */
function withPictures({ measure, proofs }: Evaluated<Measure>, shape: readonly number[]): Measure | null {
  if (measure === null || !("exhibits" in measure)) return measure;
  return { ...measure, exhibits: pictures(measure.exhibits, proofs, shape) };
}

function pictures(exhibits: readonly Exhibit[], proofs: readonly Proof[], shape: readonly number[]): Exhibit[] {
  return exhibits.map((exhibit, i): Exhibit => {
    const proof = proofs[i];
    if (!proof) return exhibit;
    const difference = differenceOf(proof.before, proof.after, shape);
    return {
      ...exhibit,
      before: { ...exhibit.before, image: pictureOf(proof.before, shape) },
      after: { ...exhibit.after, image: pictureOf(proof.after, shape) },
      difference: { ...exhibit.difference, image: difference.image, magnified: difference.magnified },
    };
  });
}
