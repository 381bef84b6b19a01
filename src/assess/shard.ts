/** The unit of work: one trial, whole, from files to a measurement. Runs inside an isolated worker and leaves plain data. */
import { rng } from "#base/random.ts";
import { HostError, type Signal, type WorkerPorts } from "#base/ports.ts";
import type { Exhibit, Measure, Outcome, SanityCheck } from "#assessment/index.ts";
import type { EvaluationSet as Samples, Listening } from "#attacks/answers.ts";
import { evaluateClean, evaluateEvasion, type Evaluated } from "#attacks/evaluate.ts";
import { evaluateCorruption } from "#attacks/corruption.ts";
import { evaluatePatch } from "#attacks/patch.ts";
import type { Classifier } from "#attacks/target.ts";
import { openDataset } from "#datasets/open.ts";
import type { EvaluationSet } from "#datasets/evaluation-set.ts";
import { selectSamples } from "#datasets/select.ts";
import { openClassifier } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";
import { differenceOf, pictureOf } from "./pictures.ts";
import type { TrialPlan } from "./plan.ts";

export interface Shard {
  readonly plan: TrialPlan;
}

export interface ShardResult {
  readonly outcome: Outcome<Measure>;
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
}

export interface ShardPorts {
  readonly signal: Signal;
  readonly ports: WorkerPorts;
  readonly onProgress: (done: number, total: number, note?: string) => void;
}

/**
 * Runs one trial whole. What the world gets wrong (files, models, data) comes back as an inconclusive outcome that names
 * it; only cancellation and our own mistakes are thrown.
 */
export async function runShard({ plan }: Shard, { signal, ports, onProgress }: ShardPorts): Promise<ShardResult> {
  const refuse = (because: string, notes: readonly string[] = []): ShardResult => ({
    outcome: { status: "inconclusive", because },
    sanity: [],
    notes,
    access: "scores",
    tried: 0,
    available: 0,
  });
  const random = rng(plan.trial.seed);
  try {
    const opened = await openDataset(
      ports.files,
      {
        path: plan.data.path,
        labels: plan.data.labels,
        layoutHint: plan.model.input.layout,
        classes: plan.model.classes,
        declaredRange: plan.model.input.range,
        target: "class",
      },
      { signal },
    );
    if (opened.status === "refused")
      return refuse(
        opened.diagnostics.map(({ message, hint }) => (hint ? `${message} – ${hint}` : message)).join("; "),
      );
    const { set } = opened;
    const notes = set.warnings.map(({ message, hint }) => (hint ? `${message}: ${hint}` : message));
    if (!(set.y instanceof Int32Array))
      return refuse(`${plan.data.path} holds real-valued targets; this version attacks classifiers only`, notes);
    const model = await ports.files.readWhole(plan.model.path);
    const opening = await openClassifier({
      bytes: model,
      input: plan.model.input,
      sampleShape: set.shape,
      runtime: ports.runtime,
      classes: plan.model.classes?.length,
    });
    notes.push(...opening.model.notes);
    const classifier: Classifier = opening;
    if (plan.model.classes && plan.model.classes.length !== classifier.outputs)
      return refuse(
        `the model answers ${classifier.outputs} numbers, but ${plan.model.classes.length} classes are declared`,
        notes,
      );
    const largest = set.y.reduce((most, label) => Math.max(most, label), 0);
    if (largest >= classifier.outputs)
      return refuse(
        `${plan.data.path} holds the label ${largest}, but the model knows ${classifier.outputs} classes (0 … ${classifier.outputs - 1})`,
        notes,
      );

    const samples = fractions(set, selectedUnits(set, plan.samples, random), plan);
    if (samples.dropped > 0)
      notes.push(
        `${samples.dropped} inputs share a unit (patient, track) with another: one input per unit was tried, so that n counts independent units`,
      );
    const n = samples.set.units.length;
    if (n < 500)
      notes.push(
        n === samples.available
          ? `n = ${n}: all independent units of the data`
          : `n = ${n} of ${samples.available} independent units: fewer than the 500 a gate should rest on`,
      );
    const listening: Listening = {
      signal: signal as AbortSignal,
      rng: random,
      progress: ({ done, total, label, note }) => onProgress(done, total, [label, note].filter(Boolean).join(" ")),
    };
    const planned = Math.min(plan.trial.planned, samples.available);
    const evaluated = await evaluate(listening, classifier, samples.set, plan, planned);
    return {
      outcome: withExhibits(evaluated, set.shape),
      sanity: evaluated.sanity,
      notes: evaluated.noGradient
        ? [...notes, `no gradient: ${evaluated.noGradient}; query attacks were used instead`]
        : notes,
      access: classifier.gradient ? "white-box" : "scores",
      tried: n,
      available: samples.available,
    };
  } catch (error) {
    if (error instanceof HostError) return refuse(error.remedy ? `${error.message} – ${error.remedy}` : error.message);
    if (error instanceof OnnxError) return refuse(error.message);
    throw error;
  }
}

function evaluate(
  run: Listening,
  classifier: Classifier,
  set: Samples,
  { trial, test, model, steps, queries }: TrialPlan,
  planned: number,
): Promise<Evaluated<Measure>> {
  const item = trial.id;
  const declared = model.declared;
  switch (test.kind) {
    case "clean":
      return evaluateClean(run, classifier, set, { item, declared });
    case "evasion":
      return evaluateEvasion(run, classifier, set, {
        item,
        norm: test.norm,
        eps: test.eps.fraction,
        epsRaw: test.eps.raw,
        planned,
        declared,
        budget: { steps, queries },
      });
    case "patch":
      return evaluatePatch(run, classifier, set, {
        item,
        area: test.area,
        target: test.target,
        placement: test.placement,
        planned,
        declared,
        budget: { steps, queries },
      });
    case "corruption":
      return evaluateCorruption(run, classifier, set, { item, declared });
  }
}

/** Seeded, stratified choice of units, one input of each: what n counts must be independent (METHOD §2). */
function selectedUnits(
  set: EvaluationSet,
  n: number,
  random: ReturnType<typeof rng>,
): { rows: number[]; available: number; dropped: number } {
  const firstOf = new Map<string, number>();
  const rows = Array.from({ length: set.n }, (_, row) => row);
  const independent = set.units
    ? rows.filter((row) => !firstOf.has(set.units![row]!) && firstOf.set(set.units![row]!, row))
    : rows;
  const y = Int32Array.from(independent, (row) => set.y[row]!);
  const chosen = selectSamples({ n: independent.length, y, units: undefined }, n, random.fork("samples"));
  return {
    rows: Array.from(chosen, (at) => independent[at]!),
    available: independent.length,
    dropped: set.n - independent.length,
  };
}

function fractions(
  set: EvaluationSet,
  { rows, available, dropped }: { rows: number[]; available: number; dropped: number },
  plan: TrialPlan,
): { set: Samples; available: number; dropped: number } {
  const [low, high] = plan.model.input.range;
  const size = set.sampleSize;
  const samples = new Float32Array(rows.length * size);
  rows.forEach((row, k) => {
    for (let i = 0; i < size; i++) samples[k * size + i] = (set.x[row * size + i]! - low) / (high - low);
  });
  return {
    set: {
      samples,
      labels: Int32Array.from(rows, (row) => set.y[row]!),
      units: rows.map((row) => set.units?.[row] ?? `sample ${row}`),
      unit: set.units ? "unit" : "input",
      of: available,
      classes: plan.model.classes ?? set.classNames,
    },
    available,
    dropped,
  };
}

/** Puts the pictures of the proofs into the measure's exhibits. */
function withExhibits({ outcome, proofs }: Evaluated<Measure>, shape: readonly number[]): Outcome<Measure> {
  if (outcome.status !== "measured" || !("exhibits" in outcome.measure)) return outcome;
  const exhibits = outcome.measure.exhibits.map((exhibit, i): Exhibit => {
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
  return { status: "measured", measure: { ...outcome.measure, exhibits } };
}
