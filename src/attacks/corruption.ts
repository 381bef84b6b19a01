/** How accuracy holds up when inputs are merely bad: every corruption at every severity, no adversary (AI Act Art. 15(4)). */
import type { CorruptionMeasure } from "#assessment/evidence.ts";
import type { Proportion } from "#assessment/scalars.ts";
import { type EvaluationSet, type Listening, answers, classesSaid, proportionOf } from "./answers.ts";
import { type Evaluated, concluded } from "./evaluated.ts";
import { type Corruption, SEVERITIES, type Severity, corruptionsFor } from "./evasion/corruptions.ts";
import { imageLayout } from "./layout.ts";
import { cleanAccuracyCheck, determinism, numbersCheck } from "./sanity.ts";
import type { Classifier } from "./target.ts";

export interface CorruptionPlan {
  readonly item: string;
  /** Declared accuracy, 0 … 1. */
  readonly declared?: number;
}

export interface CorruptedAccuracy {
  readonly name: string;
  readonly severity: Severity;
  readonly accuracy: Proportion;
}

/** One input corrupted, clipped to its domain and put on its grid; the draw depends on unit, corruption and severity only. */
export function corrupted(
  run: Listening,
  classifier: Classifier,
  sample: Float32Array,
  unit: string,
  corruption: Corruption,
  severity: Severity,
): Float32Array {
  const random = run.rng.fork(unit).fork(`${corruption.name}/${severity}`);
  const point = corruption.apply(sample, imageLayout(classifier.shape), severity, random);
  const { box, grid } = classifier;
  for (let i = 0; i < point.length; i++) {
    const bounded = Math.min(box ? box.high[i]! : 1, Math.max(box ? box.low[i]! : 0, point[i]!));
    point[i] = grid.integer ? Math.round(bounded * grid.levels) / grid.levels : bounded;
  }
  return point;
}

/** For each corruption and severity that makes sense for the input's shape, the units that are right under it. */
export async function corruptionsOfUnits(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  item: string,
): Promise<{ kinds: { name: string; severity: Severity }[]; correct: Uint8Array[] }> {
  const { size, outputs } = classifier;
  const n = set.units.length;
  const kinds = corruptionsFor(imageLayout(classifier.shape)).flatMap((corruption) =>
    SEVERITIES.map((severity) => ({ corruption, severity })),
  );
  const correct: Uint8Array[] = [];
  const batch = Math.max(1, Math.floor(classifier.batch));
  for (const [k, { corruption, severity }] of kinds.entries()) {
    const right = new Uint8Array(n);
    for (let from = 0; from < n; from += batch) {
      const to = Math.min(n, from + batch);
      const points = new Float32Array((to - from) * size);
      for (let row = from; row < to; row++) {
        const sample = set.samples.subarray(row * size, (row + 1) * size);
        points.set(corrupted(run, classifier, sample, set.units[row]!, corruption, severity), (row - from) * size);
      }
      const said = classesSaid(await answers(run, classifier, points, to - from), to - from, outputs);
      for (let row = from; row < to; row++) right[row] = said[row - from] === set.labels[row] ? 1 : 0;
    }
    correct.push(right);
    run.progress({ stage: "corruption", item, label: corruption.name, done: k + 1, total: kinds.length });
  }
  return { kinds: kinds.map(({ corruption, severity }) => ({ name: corruption.name, severity })), correct };
}

const count = (flags: Uint8Array): number => flags.reduce((sum, flag) => sum + flag, 0);

/**
 * `accuracy` is that under one corruption and severity drawn at random for each input – the mean over all of them with
 * n independent units, so its interval is honest; `worst` is the kind and severity with the lowest accuracy.
 */
export async function evaluateCorruption(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  plan: CorruptionPlan,
): Promise<Evaluated<CorruptionMeasure>> {
  const n = set.units.length;
  const said = classesSaid(await answers(run, classifier, set.samples, n), n, classifier.outputs);
  let clean = 0;
  for (let row = 0; row < n; row++) if (said[row] === set.labels[row]) clean++;
  const { kinds, correct } = await corruptionsOfUnits(run, classifier, set, plan.item);
  const accuracies = kinds.map((kind, k): CorruptedAccuracy => ({
    ...kind,
    accuracy: proportionOf(count(correct[k]!), n, set.unit),
  }));
  let drawn = 0;
  for (let row = 0; row < n; row++) {
    const kind = run.rng.fork(set.units[row]!).fork("which corruption").below(correct.length);
    drawn += correct[kind]![row]!;
  }
  const worst = accuracies.reduce((low, next) => (next.accuracy.k < low.accuracy.k ? next : low));
  const measure: CorruptionMeasure = {
    kind: "corruption",
    accuracy: proportionOf(drawn, n, set.unit),
    worst,
    corruptions: accuracies,
  };
  const checks = [
    await determinism(run, classifier, set),
    numbersCheck(said),
    cleanAccuracyCheck(clean, set, plan.declared),
  ];
  return concluded(measure, checks, [], classifier);
}
