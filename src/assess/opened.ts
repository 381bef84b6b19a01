/** A trial's model and data, opened: what every shard of it begins with. A worker keeps the last one for the next shard. */
import { hashOf } from "#base/hash.ts";
import { HostError, type Signal, type WorkerPorts } from "#base/ports.ts";
import type { Rng } from "#base/random.ts";
import type { EvaluationSet as Samples } from "#attacks/answers.ts";
import type { EvaluationSet } from "#datasets/evaluation-set.ts";
import { openDataset } from "#datasets/open.ts";
import { selectSamples } from "#datasets/select.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";
import { openForClasses } from "./heads.ts";
import { GATE_UNITS, type TrialPlan } from "./plan.ts";
import { dataAsHashed, modelAsHashed } from "./unchanged.ts";

export interface Opened {
  readonly classifier: OnnxClassifier;
  readonly set: EvaluationSet;
  /** What the reader must know about the data or the model, beside the figures. */
  readonly notes: readonly string[];
}

/** What the world got wrong, in words for the author. */
export interface Refused {
  readonly status: "refused";
  readonly because: string;
  readonly notes: readonly string[];
}

const refused = (because: string, notes: readonly string[] = []): Refused => ({ status: "refused", because, notes });

/** Turns a HostError or an OnnxError into words; throws everything else, which is ours or the user's wish to stop. */
export function refusalOf(error: unknown): Refused {
  if (error instanceof HostError || error instanceof OnnxError)
    return refused(error.remedy ? `${error.message} – ${error.remedy}` : error.message);
  throw error;
}

/** Keeps the model and data of the last shard open: the shards of one trial follow each other. */
export interface Bench {
  open(plan: TrialPlan, ports: WorkerPorts, signal: Signal): Promise<Opened | Refused>;
}

export function bench(): Bench {
  let kept: { readonly key: string; readonly opened: Opened } | undefined;
  return {
    async open(plan, ports, signal) {
      const key = hashOf({
        files: plan.trial.inputs.map(({ role, path, sha256 }) => ({ role, path, sha256 })),
        input: plan.model.input,
        classes: plan.model.classes ?? null,
        head: plan.model.head ?? null,
      });
      if (kept?.key === key) return kept.opened;
      const before = kept;
      kept = undefined;
      await before?.opened.classifier.release();
      const opened = await open(plan, ports, signal);
      if (!("status" in opened)) kept = { key, opened };
      return opened;
    },
  };
}

async function open(plan: TrialPlan, ports: WorkerPorts, signal: Signal): Promise<Opened | Refused> {
  const opening = await openDataset(
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
  if (opening.status === "refused")
    return refused(
      opening.diagnostics.map(({ message, hint }) => (hint ? `${message} – ${hint}` : message)).join("; "),
    );
  const { set } = opening;
  await dataAsHashed(ports.files, set.inputs, plan.trial.inputs);
  const notes = set.warnings.map(({ message, hint }) => (hint ? `${message}: ${hint}` : message));
  if (!(set.y instanceof Int32Array))
    return refused(`${plan.data.path} holds real-valued targets; this version attacks classifiers only`, notes);
  const largest = set.y.reduce((most, label) => Math.max(most, label), 0);
  const classifier = await openForClasses(
    {
      bytes: await modelAsHashed(ports.files, plan.model.path, plan.trial.inputs),
      input: plan.model.input,
      sampleShape: set.shape,
      runtime: ports.runtime,
      classes: plan.model.classes?.length,
      ...(plan.model.head ? { head: plan.model.head } : {}),
    },
    largest,
  );
  notes.push(...classifier.model.notes);
  const mistake = classesMistake(plan, classifier, largest);
  if (mistake === undefined) return { classifier, set, notes };
  await classifier.release();
  return refused(mistake, notes);
}

function classesMistake({ model, data }: TrialPlan, { outputs }: OnnxClassifier, largest: number): string | undefined {
  if (model.classes && model.classes.length !== outputs)
    return `the model answers ${outputs} numbers, but ${model.classes.length} classes are declared`;
  return largest >= outputs
    ? `${data.path} holds the label ${largest}, but the model knows ${outputs} classes (0 … ${outputs - 1})`
    : undefined;
}

/** The rows a trial tries, in its order. */
export interface Chosen {
  readonly rows: readonly number[];
  /** Independent units the data hold. */
  readonly available: number;
  /** Inputs left out because another of their unit is there. */
  readonly dropped: number;
}

/** Seeded, stratified choice of units, one input of each: what n counts must be independent (METHOD §2). */
export function chosenUnits(set: EvaluationSet, n: number, random: Rng): Chosen {
  const firstOf = new Map<string, number>();
  // The same input again gets the same answer and the same attack: it is no second unit.
  const rows = Array.from({ length: set.n }, (_, row) => row).filter((row) => (set.firstAlike?.[row] ?? row) === row);
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

/** The chosen rows [from, to) in fractions of the declared range. */
export function fractionsOf(
  set: EvaluationSet,
  { rows, available }: Chosen,
  plan: TrialPlan,
  from = 0,
  to = rows.length,
): Samples {
  const [low, high] = plan.model.input.range;
  const size = set.sampleSize;
  const here = rows.slice(from, to);
  const samples = new Float32Array(here.length * size);
  here.forEach((row, k) => {
    for (let i = 0; i < size; i++) samples[k * size + i] = (set.x[row * size + i]! - low) / (high - low);
  });
  return {
    samples,
    labels: Int32Array.from(here, (row) => set.y[row]!),
    units: here.map((row) => set.units?.[row] ?? `sample ${row}`),
    unit: set.units ? "unit" : "input",
    of: available,
    classes: plan.model.classes ?? set.classNames,
  };
}

/** What n does not say by itself. */
export function samplingNotes({ rows, available, dropped }: Chosen): string[] {
  const notes: string[] = [];
  if (dropped > 0)
    notes.push(
      `${dropped} inputs repeat another or share a unit (patient, track) with it: one of each was tried, so that n counts independent units`,
    );
  const n = rows.length;
  if (n < GATE_UNITS)
    notes.push(
      n === available
        ? `n = ${n}: all independent units of the data`
        : `n = ${n} of ${available} independent units: fewer than the ${GATE_UNITS} a gate should rest on`,
    );
  return notes;
}
