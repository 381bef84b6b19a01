/** One trial from a classifier and its samples to plain data: what was tried, what it found, and whether the figure may be believed. */
import type { AttackRun, CleanMeasure, EvasionMeasure } from "#assessment/evidence.ts";
import { type EvaluationSet, type Listening, answers, className, classesSaid, proportionOf } from "./answers.ts";
import { corruptionAccuracies } from "./corruption.ts";
import { type Curve, accuracyCurve, curveBudgets, monotoneCheck } from "./curve.ts";
import { type Assault, ensemble, selectRows } from "./ensemble.ts";
import { type Evaluated, concluded, invalid } from "./evaluated.ts";
import apgd from "./evasion/apgd.ts";
import { distanceIn, minimalBudgets, wholeRange } from "./evasion/minimal.ts";
import noise from "./evasion/noise.ts";
import pgd from "./evasion/pgd.ts";
import square from "./evasion/square.ts";
import { type Success, exhibitsOf } from "./exhibits.ts";
import { type Siege, besiege } from "./harness.ts";
import { metered, part } from "./meter.ts";
import type { Norm } from "./region.ts";
import {
  type Check,
  cleanAccuracyCheck,
  determinism,
  eligibleCheck,
  finiteDifferenceCheck,
  gradientGivenCheck,
  headCheck,
  numbersCheck,
  roomCheck,
  slack,
  zeroGradientCheck,
} from "./sanity.ts";
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
  /** What the actor can read of the model; default white-box. */
  readonly access?: "white-box" | "scores";
  /** Further budgets for the curve; default: the field's (`referenceBudgets`). */
  readonly references?: readonly number[];
}

const everyRow = (n: number): Int32Array => Int32Array.from({ length: n }, (_, row) => row);

/** What a white-box attacker brings: cheap first, each objective once, and Square last as the check on all of them. */
export function whiteBox(outputs: number, { steps, restarts, queries }: EvasionPlan["budget"]): Assault[] {
  const assaults: Assault[] = [
    { attack: apgd, parameters: { objective: "cross-entropy", steps } },
    { attack: apgd, parameters: { objective: "margin", steps, restarts } },
  ];
  // Targeted DLR needs four classes; with three the targeted margin serves, with two it is the margin itself (METHOD §2).
  if (outputs >= 4) assaults.push({ attack: apgd, parameters: { objective: "dlr-targeted", steps } });
  else if (outputs === 3) assaults.push({ attack: apgd, parameters: { objective: "targeted-margin", steps } });
  for (const start of OTHER_STARTS)
    assaults.push({ attack: apgd, parameters: { objective: "margin", steps, ...start } });
  assaults.push({ attack: square, parameters: { queries } });
  return assaults;
}

/** Small steps from the input itself, and starts towards black, white and grey: random ones may land among dead units, whose gradient is zero. */
const OTHER_STARTS = [
  { start: "centre", first: 0.1 },
  { start: "shade", restarts: 3 },
] as const;

/** The short attack for curve, minimal budget and unlimited budget. */
function quickAttack(classifier: Classifier, { steps, queries }: EvasionPlan["budget"]): Assault[] {
  if (!classifier.gradient) return [{ attack: square, parameters: { queries: Math.min(200, queries) } }];
  const few = Math.min(20, steps);
  return [
    { attack: apgd, parameters: { objective: "cross-entropy", steps: few } },
    { attack: apgd, parameters: { objective: "margin", steps: few } },
  ];
}

/** Units for the minimal budget: enough for a median and deciles; and for the curve where only queries serve. */
const MINIMAL_UNITS = 100;
const QUERY_ONLY_UNITS = 60;

/**
 * The attack at the planned budget, the curve around it, the baselines and the sanity checks, as METHOD §2 asks. The
 * clean run comes first: where it shows that the question is wrong, nothing is attacked. Every rate is the worst case
 * per unit over everything tried within the budget.
 */
export async function evaluateEvasion(
  run: Listening,
  given: Classifier,
  set: EvaluationSet,
  plan: EvasionPlan,
): Promise<Evaluated<EvasionMeasure>> {
  const scoresOnly = plan.access === "scores";
  const classifier = metered(scoresOnly ? withoutGradient(given) : given);
  const { size, outputs } = classifier;
  const { norm, eps, budget } = plan;
  const n = set.units.length;

  const clean = await answers(run, classifier, set.samples, n);
  const said = classesSaid(clean, n, outputs);
  const eligible = everyRow(n).filter((row) => said[row] === set.labels[row]);
  const validity: Check[] = [
    await determinism(run, classifier, set),
    numbersCheck(said),
    cleanAccuracyCheck(eligible.length, set, plan.declared),
    eligibleCheck(eligible.length),
    roomCheck(classifier, norm, eps),
  ];
  if (invalid(validity)) return concluded<EvasionMeasure>(null, validity, [], given);

  const siege: Siege = {
    samples: set.samples,
    units: set.units,
    goal: { kind: "untargeted", label: set.labels.subarray(0, n) },
    within: { norm, eps },
    item: plan.item,
  };
  const standing = selectRows(siege, eligible, size);
  const assaults = classifier.gradient
    ? whiteBox(outputs, budget)
    : [{ attack: square, parameters: { queries: budget.queries } }];
  const main = await ensemble(part(run, 0.02, 0.5), classifier, assaults, standing);
  const noisy = await besiege(part(run, 0.5, 0.51), classifier, noise, { draws: 1 }, standing);
  const noisyCorrect = await noiseOnWrong(run, classifier, siege, eligible);

  const quick = quickAttack(classifier, budget);
  const onCurve = classifier.gradient ? everyRow(n) : drawRows(run, set, "curve", QUERY_ONLY_UNITS);
  const curveRows = onCurve.filter((row) => said[row] === set.labels[row]);
  const curve = await accuracyCurve(
    part(run, 0.51, 0.72),
    classifier,
    quick,
    selectRows(siege, curveRows, size),
    norm,
    curveBudgets(norm, eps, size, plan.references),
  );

  const beatenBy = worstCase(standing, eligible, main, noisy.found, curve, curveRows, eps);
  const unboundedRows = classifier.gradient ? eligible : curveRows;
  const unbounded = await withoutBound(
    part(run, 0.72, 0.76),
    classifier,
    quick,
    selectRows(siege, unboundedRows, size),
    norm,
  );
  const minimal = await minimalOf(
    part(run, 0.76, 0.88),
    classifier,
    quick,
    siege,
    norm,
    eps,
    curve,
    curveRows,
    beatenBy,
  );
  const { accuracies } = await corruptionAccuracies(part(run, 0.88, 0.98), classifier, set, plan.item);
  const { exhibits, proofs } = await exhibitsOf(run, classifier, set, clean, [...beatenBy.values()]);

  const fooled = beatenBy.size;
  const strength: Check[] = [
    headCheck(clean, n, outputs),
    ...(classifier.gradient
      ? [
          await zeroGradientCheck(run, classifier, set, eligible),
          await finiteDifferenceCheck(run, classifier, set, eligible),
          blackBoxCheck(main, eligible.length),
          await iterationsCheck(part(run, 0.98, 0.99), classifier, standing, eligible, main, budget.steps),
          await baselineCheck(part(run, 0.99, 1), classifier, set, siege, eligible, beatenBy),
        ]
      : []),
    {
      check: "an unlimited budget beats every input",
      passed: unbounded >= 0.95 * unboundedRows.length,
      about: "strength",
      detail: `${unbounded} of ${unboundedRows.length} with no bound on the perturbation`,
    },
    monotoneCheck(curve, curveRows.length),
    {
      check: "random noise is weaker than the attack",
      passed: noisy.found.size <= main.found.size,
      about: "strength",
      detail: `one draw of noise of the same size changed ${noisy.found.size}, the attack ${main.found.size}, of ${eligible.length}`,
    },
  ];
  const allBeaten = fooled === eligible.length;
  const checks: Check[] = [
    ...validity,
    numbersCheck(new Int32Array(0), main.notNumbers),
    ...strength.map((check) =>
      allBeaten && !check.passed
        ? { ...check, passed: true, detail: `${check.detail} – without weight here: every eligible input was beaten` }
        : check,
    ),
    ...(scoresOnly ? [] : [gradientGivenCheck(classifier)]),
  ];
  const measure: EvasionMeasure = {
    kind: "evasion",
    norm,
    eps,
    epsRaw: plan.epsRaw,
    robustAccuracy: proportionOf(eligible.length - fooled, n, set.unit),
    successRate: proportionOf(fooled, eligible.length, set.unit),
    planned: plan.planned,
    attacks: withTheRest(main.runs, fooled - main.found.size, noisy.queries),
    curve: curvePoints(curve, curveRows, onCurve.length, beatenBy, eps, set.unit),
    noise: proportionOf(eligible.length - noisy.found.size + noisyCorrect, n, set.unit),
    corruptions: accuracies,
    ...(minimal ? { minimalBudget: minimal } : {}),
    unbounded: proportionOf(unbounded, unboundedRows.length, set.unit),
    queries: classifier.counts.queries,
    gradients: classifier.counts.gradients,
    exhibits,
  };
  return concluded(measure, checks, proofs, scoresOnly ? undefined : given);
}

/** The same model as seen by an attacker who reads scores only. */
function withoutGradient({ gradient: _hidden, ...rest }: Classifier): Classifier {
  return rest;
}

/** Shares of the whole range: whoever has no bound may also change little, and the largest steps are not the best ones. */
const UNBOUNDED_SHARES = [1, 0.5, 0.25, 0.125];
/** How many inputs fall when nothing bounds the change: each share sees what the ones before left standing. */
async function withoutBound(
  run: Listening,
  classifier: Classifier,
  quick: readonly Assault[],
  siege: Siege,
  norm: Norm,
): Promise<number> {
  const { size } = classifier;
  // What the quick attack leaves standing is tried in earnest: this check asks whether the attack works, not how fast.
  const earnest = classifier.gradient
    ? OTHER_STARTS.map((start) => ({ attack: apgd, parameters: { objective: "margin", steps: 100, ...start } }))
    : quick;
  let rows = everyRow(siege.units.length);
  for (const [assaults, share] of [
    [quick, 1] as const,
    ...UNBOUNDED_SHARES.map((share) => [earnest, share] as const),
  ]) {
    if (rows.length === 0) break;
    const within = { norm, eps: share * wholeRange(norm, size) };
    const { beaten } = await ensemble(run, classifier, assaults, { ...selectRows(siege, rows, size), within });
    rows = rows.filter((_, k) => beaten[k] === 0);
  }
  return siege.units.length - rows.length;
}

/** Rows drawn by their units' names, in the order of the set. */
function drawRows(run: Listening, set: EvaluationSet, name: string, count: number): Int32Array {
  const order = Array.from(set.units, (unit, row) => ({ row, draw: run.rng.fork(unit).fork(name).uniform() }));
  order.sort((a, b) => a.draw - b.draw || a.row - b.row);
  return Int32Array.from(order.slice(0, count), ({ row }) => row).sort();
}

/** Inputs wrong before that noise happens to put right; they belong to the accuracy under noise. */
async function noiseOnWrong(
  run: Listening,
  classifier: Classifier,
  siege: Siege,
  eligible: Int32Array,
): Promise<number> {
  if (siege.goal.kind !== "untargeted") return 0;
  const right = new Set(eligible);
  const wrong = everyRow(siege.units.length).filter((row) => !right.has(row));
  const goal = { kind: "targeted" as const, label: siege.goal.label, target: siege.goal.label };
  const chosen = selectRows({ ...siege, goal }, wrong, classifier.size);
  return (await besiege(run, classifier, noise, { draws: 1 }, chosen)).found.size;
}

/** Per row of the set, what beat it within the budget: the attack itself, a smaller budget of the curve, or plain noise. */
function worstCase(
  standing: Siege,
  eligible: Int32Array,
  main: Awaited<ReturnType<typeof ensemble>>,
  noisy: ReadonlyMap<number, Float32Array>,
  curve: Curve,
  curveRows: Int32Array,
  eps: number,
): Map<number, Success> {
  const norm = "norm" in standing.within ? standing.within.norm : "boxes";
  const beaten = new Map<number, Success>();
  for (const [k, { point, by }] of main.found) {
    const { attack, objective } = main.runs[by]!;
    const row = eligible[k]!;
    beaten.set(row, { row, point, attack: `${attack} (${objective}), ${norm}` });
  }
  curveRows.forEach((row, k) => {
    if (!beaten.has(row) && curve.beatenAt[k]! <= eps * (1 + 1e-12))
      beaten.set(row, { row, point: curve.found.get(k)!, attack: `quick attack at a smaller budget, ${norm}` });
  });
  for (const [k, point] of noisy) {
    const row = eligible[k]!;
    if (!beaten.has(row)) beaten.set(row, { row, point, attack: `noise, ${norm}` });
  }
  return beaten;
}

/** The ensemble's runs, and one line for what only the curve's smaller budgets or noise found. */
function withTheRest(runs: readonly AttackRun[], extra: number, queries: number): AttackRun[] {
  if (extra <= 0) return [...runs];
  return [
    ...runs,
    {
      attack: noise.id,
      revision: noise.revision,
      objective: "noise and the quick attack at smaller budgets",
      access: "scores",
      steps: 1,
      restarts: 1,
      queries,
      gradients: 0,
      fooled: extra,
    },
  ];
}

function curvePoints(
  curve: Curve,
  rows: Int32Array,
  n: number,
  beatenBy: ReadonlyMap<number, Success>,
  eps: number,
  unit: string,
): { eps: number; robust: ReturnType<typeof proportionOf> }[] {
  const robustAt = (budget: number): number =>
    rows.filter((row, k) => !(curve.beatenAt[k]! <= budget) && !(budget >= eps * (1 - 1e-12) && beatenBy.has(row)))
      .length;
  return [0, ...curve.budgets].map((budget) => ({ eps: budget, robust: proportionOf(robustAt(budget), n, unit) }));
}

/** Median and deciles of the smallest budget found, on a draw of the eligible units. */
async function minimalOf(
  run: Listening,
  classifier: Classifier,
  quick: readonly Assault[],
  siege: Siege,
  norm: Norm,
  eps: number,
  curve: Curve,
  curveRows: Int32Array,
  beatenBy: ReadonlyMap<number, Success>,
): Promise<EvasionMeasure["minimalBudget"]> {
  const order = Array.from(curveRows, (row, k) => ({
    row,
    k,
    draw: run.rng.fork(siege.units[row]!).fork("minimal").uniform(),
  }));
  order.sort((a, b) => a.draw - b.draw || a.row - b.row);
  const chosen = order.slice(0, MINIMAL_UNITS).sort((a, b) => a.row - b.row);
  if (chosen.length === 0) return undefined;
  const rows = Int32Array.from(chosen, ({ row }) => row);
  const here = selectRows(siege, rows, classifier.size);
  const beatenAt = chosen.map(({ row, k }) => Math.min(curve.beatenAt[k]!, beatenBy.has(row) ? eps : Infinity));
  // A success counts with the size it really had, which may be below the budget it was found at.
  const high = Float64Array.from(chosen, ({ row, k }, at) => {
    const sample = here.samples.subarray(at * classifier.size, (at + 1) * classifier.size);
    const points = [curve.found.get(k), beatenBy.get(row)?.point].filter((point) => point !== undefined);
    return Math.min(beatenAt[at]!, ...points.map((point) => distanceIn(norm, point, sample)));
  });
  const low = Float64Array.from(beatenAt, (value, at) =>
    Math.min(high[at]!, curve.budgets.findLast((budget) => budget < value) ?? 0),
  );
  // The nearest wrong class is not always the one an untargeted climb goes for.
  const targeted = { attack: apgd, parameters: { objective: "targeted-margin", steps: 20, targets: 3 } };
  const { budget } = await minimalBudgets(
    run,
    classifier,
    classifier.gradient && classifier.outputs > 2 ? [...quick, targeted] : quick,
    { ...here, norm },
    { low, high },
    0.02,
  );
  const sorted = budget.slice().sort();
  const at = (p: number): number | null => {
    const place = (sorted.length - 1) * p;
    const lower = sorted[Math.floor(place)]!;
    const upper = sorted[Math.ceil(place)]!;
    const value = lower === upper ? lower : lower + (place - Math.floor(place)) * (upper - lower);
    return Number.isFinite(value) ? value : null;
  };
  return {
    median: at(0.5),
    deciles: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map(at),
    found: budget.filter((value) => value < Infinity).length,
    n: budget.length,
  };
}

/** Square, last in line, must find hardly anything that the gradient attacks left (AutoAttack's flag). */
function blackBoxCheck(main: Awaited<ReturnType<typeof ensemble>>, eligible: number): Check {
  const run = main.runs.find(({ attack }) => attack === square.id);
  const wins = run?.fooled ?? 0;
  return {
    check: "queries alone do not beat gradients",
    passed: wins <= slack(eligible),
    about: "strength",
    detail: run
      ? `Square broke ${wins} of ${eligible} that the gradient attacks had left standing`
      : "the gradient attacks left nothing standing",
  };
}

/** Units on which plain PGD runs beside the ensemble. */
const BASELINE_UNITS = 100;

/** PGD is the baseline that papers report; an ensemble that does worse than it is broken (it is never reported alone). */
async function baselineCheck(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  siege: Siege,
  eligible: Int32Array,
  beatenBy: ReadonlyMap<number, unknown>,
): Promise<Check> {
  const drawn = new Set(drawRows(run, set, "baseline", BASELINE_UNITS));
  const rows = eligible.filter((row) => drawn.has(row));
  const { found } = await besiege(run, classifier, pgd, {}, selectRows(siege, rows, classifier.size));
  const ours = rows.filter((row) => beatenBy.has(row)).length;
  return {
    check: "the ensemble is no weaker than plain PGD",
    // Chance decides on borderline inputs: two in a hundred more are none the weaker.
    passed: found.size <= ours + Math.ceil(0.02 * rows.length),
    about: "strength",
    detail: `PGD with ${pgd.defaults["steps"]} steps beat ${found.size} of ${rows.length}, the ensemble ${ours} of the same`,
  };
}

/** A quarter of the steps must not beat clearly more than all of them. */
async function iterationsCheck(
  run: Listening,
  classifier: Classifier,
  standing: Siege,
  eligible: Int32Array,
  main: Awaited<ReturnType<typeof ensemble>>,
  steps: number,
): Promise<Check> {
  const first = everyRow(Math.min(100, eligible.length));
  const few = Math.max(1, Math.floor(steps / 4));
  const short = await besiege(
    run,
    classifier,
    apgd,
    { objective: "cross-entropy", steps: few },
    selectRows(standing, first, classifier.size),
  );
  const long = first.filter((k) => main.found.get(k)?.by === 0).length;
  return {
    check: "more iterations beat no fewer inputs",
    passed: short.found.size <= long + slack(first.length),
    about: "strength",
    detail: `${few} steps of Auto-PGD beat ${short.found.size}, ${steps} steps ${long}, of ${first.length}`,
  };
}
