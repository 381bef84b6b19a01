/** From the records of a trial's units to its measure, its sanity checks and its outcome: adding up and judging, asking nothing any more. */
import type { AttackRun, Bracket, EvasionMeasure } from "#assessment/evidence.ts";
import { quantile } from "#base/statistics.ts";
import { proportionOf } from "./answers.ts";
import { type EvasionPlan, assaultsOf, seenOf } from "./campaign.ts";
import { monotoneCheck } from "./curve.ts";
import { concluded, invalid, type Evaluated } from "./evaluated.ts";
import noise from "./evasion/noise.ts";
import pgd from "./evasion/pgd.ts";
import { surest } from "./exhibits.ts";
import type { Role, RoledAssault } from "./profiles.ts";
import { type Check, numbersCheck, slack } from "./sanity.ts";
import type { Survey } from "./survey.ts";
import type { Tally, UnitRecord } from "./units.ts";

/** Units that were planned and have no record, and why. */
export interface Missing {
  readonly units: number;
  readonly because: string;
  /** Whether every other check lets the figure stand. */
  readonly otherwise: boolean;
  /** The measure if all of them had stood, and if all that were right before had fallen: what is true lies between. */
  readonly standing: EvasionMeasure;
  readonly fallen: EvasionMeasure;
}

export interface EvasionConcluded extends Evaluated<EvasionMeasure> {
  readonly missing?: Missing;
}

/**
 * Joins what any number of shards found, in any order. Units without a record make the outcome inconclusive, `lost` being the
 * reason: they need not be like the others, so what was seen of the others (`measure`) is no figure for all. Whoever knows
 * the threshold may look whether they could change the verdict at all (`missing`).
 */
export function concludeEvasion(
  survey: Survey,
  records: readonly UnitRecord[],
  tallies: readonly Tally[],
  plan: EvasionPlan,
  lost = "",
): EvasionConcluded {
  const validity = [...survey.validity];
  if (invalid(validity) || tallies.length === 0)
    return withoutGradient(
      survey,
      concluded<EvasionMeasure>(null, [...validity, ...(invalid(validity) ? [] : [tried(survey, 0, lost)])], []),
    );
  const byUnit = new Map(records.map((record) => [record.unit, record]));
  const found = survey.units.flatMap((unit) => byUnit.get(unit) ?? []);
  const total = totalOf(tallies);
  const assaults = assaultsOf(plan, seenOf(survey));
  const eligible = survey.said.filter((said, row) => said === survey.labels[row]).length;
  const fooled = found.filter(({ beaten }) => beaten !== null).length;
  const missing = survey.units.length - found.length;

  const strength = [...survey.strength, ...strengthChecks(found, total, assaults, plan)];
  const allBeaten = fooled === eligible;
  const checks: Check[] = [
    ...validity,
    ...(total.notNumbers > 0 ? [numbersCheck(new Int32Array(0), total.notNumbers)] : []),
    steadyCheck(total, found.length),
    uncontradictedCheck(found, plan.eps),
    ...(missing > 0 ? [tried(survey, found.length, lost)] : []),
    ...strength.map((check) =>
      allBeaten && !check.passed
        ? { ...check, passed: true, detail: `${check.detail} – without weight here: every eligible input was beaten` }
        : check,
    ),
    ...survey.notes,
    ...(plan.attacks ? [wholeEnsembleCheck(plan.attacks)] : []),
  ];
  const here = found.filter(isEligible).length;
  const result = withoutGradient(
    survey,
    concluded(measureOf(survey, found, total, plan, { n: found.length, eligible: here, gone: 0 }), checks, []),
  );
  if (missing === 0) return result;
  const whole = { n: survey.units.length, eligible };
  const rest = checks.filter(({ check }) => check !== MISSING_CHECK);
  const otherwise = rest.every(({ passed, about }) => passed || about === "note");
  return {
    ...result,
    missing: {
      units: missing,
      because: lost,
      otherwise,
      standing: measureOf(survey, found, total, plan, { ...whole, gone: 0 }),
      fallen: measureOf(survey, found, total, plan, { ...whole, gone: eligible - here }),
    },
  };
}

const isEligible = ({ said, label }: UnitRecord): boolean => said === label;

function withoutGradient(survey: Survey, result: Evaluated<EvasionMeasure>): Evaluated<EvasionMeasure> {
  return survey.noGradient === undefined ? result : { ...result, noGradient: survey.noGradient };
}

type Total = Omit<Tally, "runs" | "steps"> & { readonly runs: readonly AttackRun[]; readonly steps: Tally["steps"] };

function totalOf(tallies: readonly Tally[]): Total {
  const [first] = tallies as readonly [Tally, ...Tally[]];
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((all, tally) => all + of(tally), 0);
  const runs = first.runs.flatMap((_, place) => {
    const parts = tallies.flatMap(({ runs: all }) => all[place] ?? []);
    const [one] = parts;
    if (one === undefined) return [];
    const add = (of: (run: AttackRun) => number): number => parts.reduce((all, run) => all + of(run), 0);
    return [
      {
        ...one,
        queries: add((run) => run.queries),
        gradients: add((run) => run.gradients),
        fooled: add((run) => run.fooled),
      },
    ];
  });
  return {
    runs,
    budgets: first.budgets,
    corruptions: first.corruptions,
    steps: first.steps,
    queries: sum(({ queries }) => queries),
    gradients: sum(({ gradients }) => gradients),
    noiseQueries: sum(({ noiseQueries }) => noiseQueries),
    notNumbers: sum(({ notNumbers }) => notNumbers),
    unconfirmed: sum(({ unconfirmed }) => unconfirmed),
    changed: sum(({ changed }) => changed),
    exhibits: surest(tallies.flatMap(({ exhibits }) => exhibits)),
  };
}

/** Over n units, of which `eligible` were right before; `gone` of them without a record are counted as beaten. */
function measureOf(
  survey: Survey,
  found: readonly UnitRecord[],
  total: Total,
  plan: EvasionPlan,
  { n, eligible, gone }: { readonly n: number; readonly eligible: number; readonly gone: number },
): EvasionMeasure {
  const { unit } = survey;
  const { norm, eps } = plan;
  const fooled = found.filter(({ beaten }) => beaten !== null).length;
  const inEnsemble = found.filter(({ beaten }) => beaten !== null && beaten.assault !== null).length;
  const unbounded = found.filter((record) => record.unbounded !== null);
  const minimal = found.flatMap(({ minimal: least }) => (least === undefined ? [] : [least ?? Infinity]));
  const robustAccuracy = proportionOf(eligible - fooled - gone, n, unit);
  return {
    kind: "evasion",
    norm,
    eps,
    epsRaw: plan.epsRaw,
    robustAccuracy,
    successRate: proportionOf(fooled + gone, eligible, unit),
    planned: plan.planned,
    attacks: withTheRest(total.runs, fooled - inEnsemble, total.noiseQueries),
    curve: curvePoints(survey, found, total.budgets, eps),
    noise: proportionOf(found.filter(({ rightUnderNoise }) => rightUnderNoise).length, found.length, unit),
    corruptions: total.corruptions.map(({ name, severity }, k) => ({
      name,
      severity,
      accuracy: proportionOf(found.filter(({ corruptions }) => corruptions[k]).length, found.length, unit),
    })),
    ...(minimal.length > 0 ? { minimalBudget: minimalBudgetOf(minimal) } : {}),
    unbounded: proportionOf(unbounded.filter((record) => record.unbounded).length, unbounded.length, unit),
    bracket: bracketOf(found, robustAccuracy, n, unit),
    queries: survey.queries + total.queries,
    gradients: survey.gradients + total.gradients,
    exhibits: [...total.exhibits],
  };
}

/** Certified below, attacked above, and what lies between. Where nothing bounded the model, `certified` is null. */
function bracketOf(
  found: readonly UnitRecord[],
  empirical: EvasionMeasure["robustAccuracy"],
  n: number,
  unit: string,
): Bracket {
  const asked = found.flatMap(({ certified }) => certified ?? []);
  const held = found.filter(({ certified, beaten }) => certified?.verdict === "robust" && beaten === null).length;
  // Where nothing could be bounded, 0 would be a figure about the tool.
  const bounded = asked.length > 0 && !asked.some(({ verdict }) => verdict === "unbounded");
  const by = asked.filter(({ verdict }) => verdict !== "beaten");
  return {
    certified: bounded ? proportionOf(held, n, unit) : null,
    empirical,
    undecided: empirical.k - held,
    method: [...new Set(by.map(({ method }) => method))].toSorted(),
  };
}

/** Accuracy at each budget over the units on the curve; from the trial's own budget on, what the ensemble beat is beaten. */
function curvePoints(
  survey: Survey,
  found: readonly UnitRecord[],
  budgets: readonly number[],
  eps: number,
): EvasionMeasure["curve"] {
  // A unit wrong before is on no curve of its own, and counts as wrong at every budget – of those drawn, if they were.
  const onCurve = found.filter(({ curve }) => curve !== null);
  const robustAt = (budget: number): number =>
    onCurve.filter(({ said, label, curve, beaten }) => {
      if (said !== label) return false;
      const at = curve!.findIndex(Boolean);
      return !(at >= 0 && budgets[at]! <= budget) && !(budget >= eps * (1 - 1e-12) && beaten !== null);
    }).length;
  return [0, ...budgets].map((budget) => ({
    eps: budget,
    robust: proportionOf(robustAt(budget), onCurve.length, survey.unit),
  }));
}

function minimalBudgetOf(budgets: readonly number[]): NonNullable<EvasionMeasure["minimalBudget"]> {
  const at = (p: number): number | null => {
    const value = quantile(budgets, p);
    return Number.isFinite(value) ? value : null;
  };
  return {
    median: at(0.5),
    deciles: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map(at),
    found: budgets.filter((value) => value < Infinity).length,
    n: budgets.length,
  };
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

function strengthChecks(
  found: readonly UnitRecord[],
  total: Total,
  assaults: readonly RoledAssault[],
  plan: EvasionPlan,
): Check[] {
  const eligible = found.filter(isEligible);
  const unbounded = eligible.filter((record) => record.unbounded !== null);
  const fell = unbounded.filter((record) => record.unbounded).length;
  const onCurve = eligible.filter(({ curve }) => curve !== null);
  const alone = total.budgets.map((_, k) => onCurve.filter(({ curve }) => curve![k]).length);
  const inEnsemble = eligible.filter(({ beaten }) => beaten !== null && beaten.assault !== null).length;
  const noisy = eligible.filter(({ rightUnderNoise }) => !rightUnderNoise).length;
  return [
    ...weakerAccessChecks(eligible, assaults),
    ...baselineChecks(eligible, total, assaults),
    {
      check: "an unlimited budget beats every input",
      passed: fell >= 0.95 * unbounded.length,
      about: "strength",
      detail: `${fell} of ${unbounded.length} with no bound on the perturbation`,
    },
    monotoneCheck(total.budgets, alone, onCurve.length),
    ...(noise.norms.includes(plan.norm)
      ? [
          {
            check: "random noise is weaker than the attack",
            passed: noisy <= inEnsemble,
            about: "strength",
            detail: `one draw of noise of the same size changed ${noisy}, the attack ${inEnsemble}, of ${eligible.length}`,
          } satisfies Check,
        ]
      : []),
  ];
}

/** What sees less of the model must find hardly anything that the gradient attacks left (AutoAttack's flag). */
const WEAKER: Readonly<Record<Exclude<Role, "gradient">, { check: string; who: string }>> = {
  scores: { check: "queries alone do not beat gradients", who: "attacks by scores" },
  labels: { check: "labels alone do not beat gradients", who: "attacks by labels" },
  transfer: { check: "attacks on a copy do not beat gradients", who: "attacks carried over from a copy" },
};

function weakerAccessChecks(eligible: readonly UnitRecord[], assaults: readonly RoledAssault[]): Check[] {
  if (!assaults.some(({ role }) => role === "gradient")) return [];
  return (Object.keys(WEAKER) as (keyof typeof WEAKER)[]).flatMap((role): Check[] => {
    const places = assaults.flatMap((assault, place) => (assault.role === role ? [place] : []));
    if (places.length === 0) return [];
    const wins = eligible.filter(({ beaten }) => beaten !== null && places.includes(beaten.assault ?? -1)).length;
    // What was certified left the batch before these were brought: they did not try it.
    const left = eligible.filter(({ beaten, certified }) =>
      beaten === null ? certified?.verdict !== "robust" : (beaten.assault ?? Infinity) >= Math.min(...places),
    ).length;
    const names = [...new Set(places.map((place) => assaults[place]!.attack.title))].join(", ");
    return [
      {
        check: WEAKER[role].check,
        passed: wins <= slack(eligible.length),
        about: "strength",
        detail:
          left > 0
            ? `of ${eligible.length} inputs the attacks before had left ${left} standing and uncertified; ${names} broke ${wins} of them`
            : "the gradient attacks and the certificates left none to try it on",
      },
    ];
  });
}

/** PGD is the baseline that papers report; a quarter of the steps must not beat clearly more than all of them. */
function baselineChecks(eligible: readonly UnitRecord[], total: Total, assaults: readonly RoledAssault[]): Check[] {
  const besides = eligible.filter(({ baseline }) => baseline !== undefined);
  const pgdBeat = besides.filter(({ baseline }) => baseline).length;
  const ours = besides.filter(({ beaten }) => beaten !== null).length;
  const iterated = eligible.flatMap(({ iterations }) => iterations ?? []);
  const quarter = iterated.filter((steps) => steps.quarter).length;
  const all = iterated.filter((steps) => steps.all).length;
  const first = assaults.find(({ role }) => role === "gradient");
  const checks: Check[] = [];
  if (first && iterated.length > 0)
    checks.push({
      check: "more iterations beat no fewer inputs",
      passed: quarter <= all + slack(iterated.length),
      about: "strength",
      detail: `${total.steps!.quarter} steps of ${first.attack.title} beat ${quarter}, ${total.steps!.all} steps ${all}, of ${iterated.length}`,
    });
  if (besides.length > 0)
    checks.push({
      check: "the ensemble is no weaker than plain PGD",
      // Chance decides on borderline inputs: two in a hundred more are none the weaker.
      passed: pgdBeat <= ours + Math.ceil(0.02 * besides.length),
      about: "strength",
      detail: `PGD with ${pgd.defaults["steps"]} steps beat ${pgdBeat} of ${besides.length}, the ensemble ${ours} of the same`,
    });
  return checks;
}

/** The same input must get the same answer also later and in another process. */
function steadyCheck({ changed, unconfirmed }: Total, n: number): Check {
  const passed = changed === 0 && unconfirmed <= slack(n);
  return {
    check: "answers hold when asked again",
    passed,
    about: "validity",
    detail: `${changed} of ${n} inputs got another class in another process; ${unconfirmed} successes were not confirmed by a fresh query`,
  };
}

/** A bound that an attack breaks is no bound, and then neither figure can be believed. */
function uncontradictedCheck(found: readonly UnitRecord[], eps: number): Check {
  const contradicted = found.filter(
    ({ certified, smallest }) =>
      certified !== null &&
      smallest !== null &&
      ((certified.verdict === "robust" && smallest <= eps) ||
        (certified.radius !== undefined && smallest < certified.radius)),
  );
  const certifiedCount = found.filter(({ certified }) => certified?.verdict === "robust").length;
  return {
    check: "no certificate is contradicted by an attack",
    passed: contradicted.length === 0,
    about: "validity",
    detail:
      certifiedCount > 0
        ? `${contradicted.length} of ${certifiedCount} certified inputs were beaten inside their bound`
        : "no input was certified, so there was nothing to contradict",
  };
}

/** The check that fails where units left no record. */
export const MISSING_CHECK = "every planned input was tried";

function tried(survey: Survey, records: number, lost: string): Check {
  const n = survey.units.length;
  return {
    check: MISSING_CHECK,
    passed: records === n,
    about: "validity",
    detail: `${n - records} of ${n} were not${lost ? `: ${lost}` : ""}`,
  };
}

function wholeEnsembleCheck(attacks: readonly string[]): Check {
  return {
    check: "the whole ensemble was brought",
    passed: false,
    about: "note",
    detail: `limited to ${attacks.join(", ")}: the others of the profile may find more`,
  };
}
