/** One trial from a classifier and its samples to plain data: what was tried, what it found, and whether the figure may be believed. */
import type { CleanMeasure, EvasionMeasure, Exhibit } from "#assessment/evidence.ts";
import {
  type EvaluationSet,
  type Listening,
  answers,
  className,
  classesSaid,
  confidence,
  proportionOf,
} from "./answers.ts";
import { type Assault, type EnsembleResult, ensemble, selectRows } from "./ensemble.ts";
import apgd from "./evasion/apgd.ts";
import { distanceIn, minimalBudgets, wholeRange } from "./evasion/minimal.ts";
import { drawNoise } from "./evasion/noise.ts";
import type { Siege } from "./harness.ts";
import { type Norm, ballRegion, project, toGrid } from "./region.ts";
import { type Evaluated, type Proof, concluded } from "./evaluated.ts";
import { type Check, cleanAccuracyCheck, determinism, numbersCheck } from "./sanity.ts";
import type { Classifier } from "./target.ts";

export type { Evaluated, Proof } from "./evaluated.ts";

export interface CleanPlan {
  readonly item: string;
  /** Declared accuracy, 0 … 1. */
  readonly declared?: number;
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
  return concluded(measure, [same, numbersCheck(said), cleanAccuracyCheck(correct, set, plan.declared)], []);
}

export interface EvasionPlan {
  readonly item: string;
  readonly norm: Norm;
  /** Fraction of the declared range. */
  readonly eps: number;
  /** The same in raw units, for the record. */
  readonly epsRaw: number;
  readonly planned: number;
  readonly budget: { readonly steps: number; readonly restarts: number; readonly queries: number };
  readonly declared?: number;
  /** Further budgets for the curve; default: the field's (`referenceBudgets`). */
  readonly references?: readonly number[];
}

/** Budgets papers report: RobustBench CIFAR 8/255 and ImageNet 4/255 in L∞, CIFAR 0.5 in L2; MNIST 0.3 (Madry et al. 2018). */
export const referenceBudgets: Readonly<Record<Norm, readonly number[]>> = {
  linf: [4 / 255, 8 / 255, 0.3],
  l2: [0.5],
};

/** Budgets of the curve: quarter to four times the trial's own, and the references; ascending, within the range. */
export function curveBudgets(norm: Norm, eps: number, size: number, references = referenceBudgets[norm]): number[] {
  const most = wholeRange(norm, size);
  const wished = [eps / 4, eps / 2, eps, eps * 2, eps * 4, ...references].filter((value) => value > 0 && value < most);
  return wished.sort((a, b) => a - b).filter((value, i, all) => i === 0 || value > all[i - 1]! * 1.0001);
}

const everyRow = (n: number): Int32Array => Int32Array.from({ length: n }, (_, row) => row);

/** Cheap first; the targeted one needs four classes (DLR) or three (margin). */
export function whiteBox(outputs: number, steps: number, restarts: number): Assault[] {
  const assaults: Assault[] = [
    { attack: apgd, parameters: { objective: "cross-entropy", steps } },
    { attack: apgd, parameters: { objective: "margin", steps, restarts } },
  ];
  if (outputs >= 4) assaults.push({ attack: apgd, parameters: { objective: "dlr-targeted", steps } });
  else if (outputs === 3) assaults.push({ attack: apgd, parameters: { objective: "targeted-margin", steps } });
  return assaults;
}

/** Samples for the minimal budget: enough for a median and deciles. */
const MINIMAL_UNITS = 100;

/** The attack at the planned budget, the curve around it, the baselines and the sanity checks, as METHOD §2 asks. */
export async function evaluateEvasion(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  plan: EvasionPlan,
): Promise<Evaluated<EvasionMeasure>> {
  const { size, outputs } = classifier;
  const { norm, eps, budget } = plan;
  const n = set.units.length;
  const before = { queries: classifier.counts.queries, gradients: classifier.counts.gradients };
  const clean = await answers(run, classifier, set.samples, n);
  const said = classesSaid(clean, n, outputs);
  const eligible = everyRow(n).filter((row) => said[row] === set.labels[row]);
  const siege: Siege = {
    samples: set.samples,
    units: set.units,
    goal: { kind: "untargeted", label: set.labels.subarray(0, n) },
    within: { norm, eps },
    item: plan.item,
  };
  const standing = selectRows(siege, eligible, size);
  const main = await ensemble(run, classifier, whiteBox(outputs, budget.steps, budget.restarts), standing);

  const quick = whiteBox(outputs, Math.min(20, budget.steps), 1).slice(0, 2);
  const budgets = curveBudgets(norm, eps, size, plan.references);
  const curve = await accuracyCurve(run, classifier, quick, standing, norm, budgets, eps, main);
  const unbounded = await ensemble(run, classifier, quick, {
    ...standing,
    within: { norm, eps: wholeRange(norm, size) },
  });

  const chosen = Int32Array.from(
    run.rng
      .fork("minimal")
      .sample(eligible.length, Math.min(MINIMAL_UNITS, eligible.length))
      .sort((a, b) => a - b),
  );
  const minimal = await minimalBudgets(
    run,
    classifier,
    quick,
    { ...selectRows(standing, chosen, size), norm },
    {
      low: chosen.length ? Float64Array.from(chosen, (k) => curve.low[k]!) : new Float64Array(0),
      high: Float64Array.from(chosen, (k) => curve.high[k]!),
    },
    0.02,
  );

  const noise = await noiseAccuracy(run, classifier, set, norm, eps);
  const { exhibits, proofs } = await exhibitsOf(run, classifier, set, standing, eligible, clean, main, norm);
  const fooled = main.found.size;
  const checks: Check[] = [
    await determinism(run, classifier, set),
    numbersCheck(said, main.notNumbers),
    cleanAccuracyCheck(eligible.length, set, plan.declared),
    {
      check: "an unlimited budget beats every input",
      passed: unbounded.found.size >= 0.95 * eligible.length,
      decides: true,
      detail: `${unbounded.found.size} of ${eligible.length} with no bound on the perturbation`,
    },
    {
      check: "random noise is weaker than the attack",
      passed: eligible.length - noise.correctOfEligible(eligible) <= fooled,
      decides: true,
      detail: `noise of the same size changed ${eligible.length - noise.correctOfEligible(eligible)}, the attack ${fooled}, of ${eligible.length}`,
    },
  ];
  const found = [...minimal.budget].filter((value) => value < Infinity);
  const orNull = (p: number): number | null => {
    const value = quantileOf(minimal.budget, p);
    return Number.isFinite(value) ? value : null;
  };
  const measure: EvasionMeasure = {
    kind: "evasion",
    norm,
    eps,
    epsRaw: plan.epsRaw,
    robustAccuracy: proportionOf(eligible.length - fooled, n, set.unit),
    successRate: proportionOf(fooled, eligible.length, set.unit),
    planned: plan.planned,
    attacks: main.runs,
    curve: [
      { eps: 0, robust: proportionOf(eligible.length, n, set.unit) },
      ...curve.points.map(({ eps, beaten }) => ({ eps, robust: proportionOf(eligible.length - beaten, n, set.unit) })),
    ],
    noise: proportionOf(noise.correct, n, set.unit),
    corruptions: [],
    ...(chosen.length === 0
      ? {}
      : {
          minimalBudget: {
            median: orNull(0.5),
            deciles: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map(orNull),
            found: found.length,
            n: chosen.length,
          },
        }),
    unbounded: proportionOf(unbounded.found.size, eligible.length, set.unit),
    queries: classifier.counts.queries - before.queries,
    gradients: classifier.counts.gradients - before.gradients,
    exhibits,
  };
  return concluded(measure, checks, proofs, classifier);
}

/** The p-quantile with linear interpolation, where ∞ stands for "none found" and sorts last. */
function quantileOf(values: Float64Array, p: number): number {
  const sorted = values.slice().sort();
  const place = (sorted.length - 1) * p;
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.ceil(place)]!;
  return low === high ? low : high === Infinity ? Infinity : low + (place - below) * (high - low);
}

interface Curve {
  readonly points: { eps: number; beaten: number; alone: number }[];
  /** Per row: the largest budget below all that beat it, and the smallest that did (∞: none). */
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** The quick attack at every budget; what a smaller budget beat, a larger one has beaten too. */
async function accuracyCurve(
  run: Listening,
  classifier: Classifier,
  quick: readonly Assault[],
  standing: Siege,
  norm: Norm,
  budgets: readonly number[],
  eps: number,
  main: EnsembleResult,
): Promise<Curve> {
  const n = standing.units.length;
  const high = new Float64Array(n).fill(Infinity);
  const points: Curve["points"] = [];
  for (const row of main.found.keys()) high[row] = eps;
  for (const at of budgets) {
    let alone: number;
    if (Math.abs(at - eps) < 1e-12) alone = main.found.size;
    else {
      const result = await ensemble(run, classifier, quick, { ...standing, within: { norm, eps: at } });
      for (const row of result.found.keys()) high[row] = Math.min(high[row]!, at);
      alone = result.found.size;
    }
    points.push({ eps: at, beaten: 0, alone });
  }
  for (const point of points) point.beaten = high.filter((value) => value <= point.eps).length;
  const low = high.map((value) => budgets.findLast((at) => at < value) ?? 0);
  return { points, low, high };
}

/** Answers under one draw of noise of the attacker's size per input. */
async function noiseAccuracy(run: Listening, classifier: Classifier, set: EvaluationSet, norm: Norm, eps: number) {
  const { size, outputs } = classifier;
  const n = set.units.length;
  const correctAt = new Uint8Array(n);
  const batch = Math.max(1, Math.floor(classifier.batch));
  for (let from = 0; from < n; from += batch) {
    const to = Math.min(n, from + batch);
    const region = ballRegion(classifier, set.samples.subarray(from * size, to * size), to - from, { norm, eps });
    const points = new Float32Array((to - from) * size);
    for (let k = 0; k < to - from; k++) {
      drawNoise(region, k, run.rng.fork(set.units[from + k]!).fork("noise/0"), points, k * size);
      project(region, k, points, k * size);
      toGrid(region, k, points, k * size);
    }
    const said = classesSaid(await answers(run, classifier, points, to - from), to - from, outputs);
    said.forEach((label, k) => (correctAt[from + k] = label === set.labels[from + k] ? 1 : 0));
  }
  return {
    correct: correctAt.reduce((sum, right) => sum + right, 0),
    correctOfEligible: (rows: Int32Array): number => rows.reduce((sum, row) => sum + correctAt[row]!, 0),
  };
}

const EXHIBITS = 6;

/** The successes the model is surest of, each with what it said before and after. */
async function exhibitsOf(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  standing: Siege,
  eligible: Int32Array,
  clean: Float32Array,
  main: EnsembleResult,
  norm: Norm,
): Promise<{ exhibits: Exhibit[]; proofs: Proof[] }> {
  const { size, outputs } = classifier;
  const rows = [...main.found.keys()].sort((a, b) => a - b);
  const points = new Float32Array(rows.length * size);
  rows.forEach((row, k) => points.set(main.found.get(row)!.point, k * size));
  const after = await answers(run, classifier, points, rows.length);
  const ranked = rows
    .map((row, k) => {
      const said = classesSaid(after.subarray(k * outputs, (k + 1) * outputs), 1, outputs)[0]!;
      return { row, k, said, sure: confidence(after, k * outputs, outputs, said) };
    })
    .sort((a, b) => b.sure - a.sure || a.row - b.row)
    .slice(0, EXHIBITS);
  const proofs: Proof[] = [];
  const exhibits = ranked.map(({ row, k, said, sure }): Exhibit => {
    const whole = eligible[row]!;
    const label = set.labels[whole]!;
    const beforeInput = standing.samples.slice(row * size, (row + 1) * size);
    const afterInput = points.slice(k * size, (k + 1) * size);
    proofs.push({ unit: set.units[whole]!, before: beforeInput, after: afterInput });
    const { attack, objective } = main.runs[main.found.get(row)!.by]!;
    return {
      unit: set.units[whole]!,
      label: className(set, label),
      before: { said: className(set, label), confidence: confidence(clean, whole * outputs, outputs, label) },
      after: { said: className(set, said), confidence: sure },
      difference: {
        linf: distanceIn("linf", beforeInput, afterInput),
        l2: distanceIn("l2", beforeInput, afterInput),
      },
      attack: `${attack} (${objective}), ${norm}`,
    };
  });
  return { exhibits, proofs };
}
