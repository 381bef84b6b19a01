/** What an evasion trial brings against which unit, and what that will cost: decided from the plan and the first look, before the first attack. */
import type { Rng } from "#base/random.ts";
import { curveBudgets } from "./curve.ts";
import type { Assault } from "./ensemble.ts";
import { PROFILES, type ProfileId, type RoledAssault, capped } from "./profiles.ts";
import type { Norm } from "./region.ts";
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

/** The model as the plan's actor sees it. */
export function attacked(given: Classifier, plan: EvasionPlan): Classifier {
  if (plan.access !== "scores") return given;
  const { gradient: _hidden, ...rest } = given;
  return rest;
}

/** The ensemble of the trial, in order. */
export function assaultsOf(plan: EvasionPlan, outputs: number, hasGradient: boolean): RoledAssault[] {
  const whole = PROFILES[plan.profile ?? "standard"].assaults(plan.norm, outputs, hasGradient);
  return capped(whole, plan.budget ?? {}).filter(({ attack }) => plan.attacks?.includes(attack.id) ?? true);
}

/** Steps of the short attack, and its queries where there is no gradient. */
const FEW_STEPS = 20;
const FEW_QUERIES = 200;

/** The short attack for curve, minimal budget and unlimited budget: the first two that climb; without a gradient, the first that scores. */
export function quickAttack(assaults: readonly RoledAssault[]): Assault[] {
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
  const drawn = (from: readonly number[], name: string, count: number): ReadonlySet<number> => {
    if (from.length <= count) return new Set(from);
    const order = from.map((row) => ({ row, draw: random.fork(units[row]!).fork(name).uniform() }));
    order.sort((a, b) => a.draw - b.draw || a.row - b.row);
    return new Set(order.slice(0, count).map(({ row }) => row));
  };
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

/** Milliseconds of one worker: if everything falls at once, as experience goes, and if nothing falls. */
export interface Expected {
  readonly least: number;
  readonly likely: number;
  readonly most: number;
}

/** Share of the eligible units that the first attack usually leaves standing; ours, and corrected while the trial runs. */
const STANDING = 0.5;
const CORRUPTION_QUERIES = 75;
const MINIMAL_ROUNDS = 6;

/** What a trial will cost, per unit of the set on average, from the pace that the first look measured. */
export function expectedPerUnit(survey: Survey, plan: EvasionPlan): Expected {
  const n = Math.max(1, survey.units.length);
  const climbs = survey.access === "white-box";
  const { query } = survey.pace;
  const gradient = survey.pace.gradient ?? query;
  const assaults = assaultsOf(plan, survey.outputs, climbs);
  const costs = assaults.map(
    (assault) => evaluations(assault, survey.outputs) * (assault.attack.needs === "gradient" ? gradient : query),
  );
  const quick = quickAttack(assaults).reduce(
    (sum, assault) =>
      sum + evaluations(assault, survey.outputs) * (assault.attack.needs === "gradient" ? gradient : query),
    0,
  );
  const eligible = survey.said.filter((said, row) => said === survey.labels[row]).length / n;
  const budgets = curveBudgets(plan.norm, plan.eps, survey.size, plan.references).length;
  const onCurve = climbs ? eligible : eligible * Math.min(1, QUERY_ONLY_UNITS / n);
  const few = (count: number): number => Math.min(eligible, count / n);
  const beside =
    CORRUPTION_QUERIES * query +
    few(climbs ? BASELINE_UNITS : 0) * 65 * gradient +
    few(MINIMAL_UNITS) * MINIMAL_ROUNDS * quick;
  const [first = 0, ...rest] = costs;
  const later = rest.reduce((sum, cost) => sum + cost, 0);
  const curve = (standing: number): number => onCurve * quick * (1 + budgets * standing);
  return {
    least: eligible * first * 0.3 + curve(0.3) + beside,
    likely: eligible * (first + STANDING * later) + curve(STANDING) + beside,
    most: eligible * (first + later) + curve(1) + beside,
  };
}

/** Samples evaluated per unit by an assault that finds nothing. */
function evaluations({ attack, parameters }: Assault, outputs: number): number {
  const of = (name: string, absent: number): number => Number(parameters[name] ?? attack.defaults[name] ?? absent);
  const aimed = /targeted/.test(String(parameters["objective"] ?? attack.defaults["objective"] ?? ""));
  const passes = of("restarts", 1) * (aimed ? Math.min(of("targets", 1), Math.max(1, outputs - 1)) : 1);
  return attack.needs === "gradient" ? of("steps", 100) * passes : of("queries", of("steps", 1000)) * of("restarts", 1);
}
