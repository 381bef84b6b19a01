/** What an evasion trial brings against which unit, and what that will cost: decided from the plan and the first look, before the first attack. */
import type { Rng } from "#base/random.ts";
import { drawnRows } from "./answers.ts";
import { curveBudgets } from "./curve.ts";
import type { Assault } from "./ensemble.ts";
import { PROFILES, type ProfileId, type RoledAssault, asData, capped } from "./profiles.ts";
import type { Norm } from "./region.ts";
import { type SurrogateNet, surrogateClassifier } from "./surrogate.ts";
import type { Survey } from "./survey.ts";
import type { Classifier } from "./target.ts";

export interface EvasionPlan {
  readonly item: string;
  readonly norm: Norm;
  /** Fraction of the declared range. */
  readonly eps: number;
  /** The same in raw units, for the record. */
  readonly epsRaw: number;
  readonly planned: number;
  /** Default: standard. */
  readonly profile?: ProfileId;
  /** Caps on the profile's steps and queries. */
  readonly budget?: { readonly steps?: number; readonly queries?: number };
  /** Only these attacks of the profile, by id. */
  readonly attacks?: readonly string[];
  /** Declared accuracy, 0 … 1. */
  readonly declared?: number;
  /** What the actor can read of the model; default white-box. */
  readonly access?: "white-box" | "scores";
  /** Further budgets for the curve; default: the field's (`referenceBudgets`). */
  readonly references?: readonly number[];
}

/** The model as the plan's actor sees it, with the copy that was made of it. */
export function attacked(given: Classifier, plan: EvasionPlan, copy: SurrogateNet | null = null): Classifier {
  const { gradient, ...rest } = given;
  return {
    ...rest,
    ...(gradient && plan.access !== "scores" ? { gradient } : {}),
    ...(copy ? { surrogate: surrogateClassifier(copy, given) } : {}),
  };
}

/** What of a model decides which attacks can be brought. */
export interface Seen {
  readonly outputs: number;
  readonly hasGradient: boolean;
  /** Whether there is another model to climb on, which answers alike. */
  readonly hasSurrogate: boolean;
}

export const seenOf = ({ outputs, access, copy }: Survey): Seen => ({
  outputs,
  hasGradient: access === "white-box",
  hasSurrogate: copy !== null,
});

/** The ensemble of the trial, in order. */
export function assaultsOf(plan: EvasionPlan, { outputs, hasGradient, hasSurrogate }: Seen): RoledAssault[] {
  const whole = PROFILES[plan.profile ?? "standard"].assaults(plan.norm, outputs, hasGradient, hasSurrogate);
  return capped(whole, plan.budget ?? {}).filter(({ attack }) => plan.attacks?.includes(attack.id) ?? true);
}

/** All that a profile can bring in a norm, with revisions and parameters: what a measurement by it depends on. */
export function compositionOf(profile: ProfileId, norm: Norm): object[] {
  const both = [true, false];
  return [2, 3, 10].flatMap((outputs) =>
    both.flatMap((hasGradient) =>
      both.map((hasSurrogate) => asData(PROFILES[profile].assaults(norm, outputs, hasGradient, hasSurrogate))),
    ),
  );
}

/** Steps of the short attack, and its queries where there is no gradient. */
const FEW_STEPS = 20;
const FEW_QUERIES = 200;

/** The short attack for curve, minimal budget and unlimited budget: the first two that climb; without a gradient, the first that scores. */
export function quickAttack(assaults: readonly RoledAssault[]): RoledAssault[] {
  const climbing = assaults.filter(({ role }) => role === "gradient").slice(0, 2);
  return capped(climbing.length > 0 ? climbing : assaults.slice(0, 1), { steps: FEW_STEPS, queries: FEW_QUERIES });
}

/** What is done with one unit beside the attack itself. */
export interface UnitTask {
  readonly said: number;
  readonly curve: boolean;
  readonly minimal: boolean;
  readonly baseline: boolean;
  readonly iterations: boolean;
}

/** Units for the minimal budget: enough for a median and deciles; and for the curve where only queries serve. */
const MINIMAL_UNITS = 100;
const QUERY_ONLY_UNITS = 60;
/** Units on which plain PGD, and Auto-PGD with a quarter of its steps, run beside the ensemble. */
const BASELINE_UNITS = 100;

/** Draws by the units' names who takes part in what: neither order nor sharding changes it. */
export function assign(random: Rng, { units, labels, said, access }: Survey): UnitTask[] {
  const all = Array.from(units.keys());
  const drawn = (from: readonly number[], name: string, count: number): ReadonlySet<number> =>
    new Set(from.length <= count ? from : drawnRows(random, units, from, count, name));
  const eligible = all.filter((row) => said[row] === labels[row]);
  const curve = access === "white-box" ? new Set(all) : drawn(all, "curve", QUERY_ONLY_UNITS);
  const minimal = drawn(
    eligible.filter((row) => curve.has(row)),
    "minimal",
    MINIMAL_UNITS,
  );
  const climbs = access === "white-box";
  const baseline = climbs ? drawn(eligible, "baseline", BASELINE_UNITS) : new Set<number>();
  const iterations = climbs ? drawn(eligible, "iterations", BASELINE_UNITS) : new Set<number>();
  return all.map((row) => ({
    said: said[row]!,
    curve: curve.has(row),
    minimal: minimal.has(row),
    baseline: baseline.has(row),
    iterations: iterations.has(row),
  }));
}

/** Milliseconds of one worker: if everything falls at once, as the pilot says, and if nothing falls. */
export interface Expected {
  readonly least: number;
  readonly likely: number;
  readonly most: number;
}

/** Share of its steps that an attack spends on a unit that falls to it; ours, and corrected while the trial runs. */
const SPENT_ON_FALLEN = 0.25;
const CORRUPTION_QUERIES = 75;
/** Plain PGD, and a quarter of Auto-PGD's steps. */
const BASELINE_GRADIENTS = 65;
const MINIMAL_ROUNDS = 6;

/** What a trial will cost, per unit of the set on average, from what the first look's pilot measured. */
export function expectedPerUnit(survey: Survey, plan: EvasionPlan): Expected {
  const n = Math.max(1, survey.units.length);
  const climbs = survey.access === "white-box";
  const { query, gradient = query, bound = 0 } = survey.pace;
  const cost = (assault: Assault): number =>
    evaluations(assault, survey.outputs) * (assault.attack.needs === "gradient" ? gradient : query);
  const assaults = assaultsOf(plan, seenOf(survey));
  const [first = 0, ...later] = assaults.map(cost);
  const rest = later.reduce((sum, one) => sum + one, 0);
  const quick = quickAttack(assaults).reduce((sum, assault) => sum + cost(assault), 0);
  const budgets = curveBudgets(plan.norm, plan.eps, survey.size, plan.references);
  const smaller = budgets.filter((budget) => budget < plan.eps).length;
  const eligible = survey.said.filter((said, row) => said === survey.labels[row]).length / n;
  const onCurve = climbs ? eligible : eligible * Math.min(1, QUERY_ONLY_UNITS / n);
  const some = (count: number): number => Math.min(eligible, count / n);
  // What the pilot left standing goes on falling to the attacks that follow.
  const per = (standing: number, falling = 1): number => {
    const spent = standing + (1 - standing) * SPENT_ON_FALLEN;
    return (
      eligible * (first * spent + (rest + bound) * standing * falling) +
      onCurve * quick * (smaller * Math.sqrt(spent) + (budgets.length - smaller) * spent * standing + SPENT_ON_FALLEN) +
      some(MINIMAL_UNITS) * MINIMAL_ROUNDS * quick * 0.5 +
      (climbs ? some(BASELINE_UNITS) * BASELINE_GRADIENTS * gradient * spent : 0) +
      CORRUPTION_QUERIES * query
    );
  };
  return { least: per(0), likely: per(survey.standing, 0.5), most: per(1) };
}

/** Samples evaluated per unit by an assault that finds nothing. */
export function evaluations({ attack, parameters }: Assault, outputs: number): number {
  const of = (name: string, absent: number): number => Number(parameters[name] ?? attack.defaults[name] ?? absent);
  const aimed = /targeted/.test(String(parameters["objective"] ?? attack.defaults["objective"] ?? ""));
  const passes = of("restarts", 1) * (aimed ? Math.min(of("targets", 1), Math.max(1, outputs - 1)) : 1);
  return attack.needs === "gradient" ? of("steps", 100) * passes : of("queries", of("steps", 1000)) * of("restarts", 1);
}
