/**
 * The planner's question as plain numbers: which controls bring which risks within their criteria, and what they cost.
 *
 * A risk has ways; the *hazard* of a way is the upper end of harmful events per year along it (attempts × success). P(≥ 1) =
 * 1 − e^(−hazard), so a criterion c per year is a limit of −ln(1 − c) on hazards. A control takes a way's hazard down to a figure
 * that was shown (0: the way is closed). Effects on one way are never multiplied – the strongest counts (METHOD §3).
 *
 * Plans are compared by METHOD §9: first what is brought within (any set of the greatest weight); for that set then how much is met
 * by design, then the cost of that, then the next tier of Art. 9(5), and so on. Our own method (mark I).
 */
import type { ControlCost } from "#assessment/index.ts";
import { COST_KINDS } from "#assessment/knowledge.ts";

/** Art. 9(5) in its order. */
export const TIERS = ["design", "mitigation", "information"] as const;
export type Tier = (typeof TIERS)[number];

export interface PlanControl {
  /** A control at a place: `C-53@api`. */
  readonly id: string;
  readonly tier: Tier;
  readonly cost: ControlCost;
  /** Of each group at least one has to be chosen with it; an empty group can never be met. */
  readonly needs: readonly (readonly string[])[];
}

export interface PlanWay {
  readonly id: string;
  /** Upper end of harmful events per year along it, nothing chosen. */
  readonly hazard: number;
  /** What a control takes it down to. */
  readonly effects: readonly { readonly control: string; readonly to: number }[];
}

export interface PlanRisk {
  readonly id: string;
  /** How much it matters next to others when not all can be reached. */
  readonly weight: number;
  /** Highest acceptable hazard. */
  readonly limit: number;
  readonly ways: readonly string[];
  /** "worst": the attacker goes by one of the ways. "sum": attempts along all of them add up. */
  readonly combine: "worst" | "sum";
}

/** Costs may be limited kind by kind or in total. */
export type Budget = Readonly<Partial<Record<(typeof COST_KINDS)[number] | "total", number>>>;

export interface PlanProblem {
  readonly controls: readonly PlanControl[];
  readonly ways: readonly PlanWay[];
  readonly risks: readonly PlanRisk[];
  /** Pairs that cannot be chosen together. */
  readonly excludes: readonly (readonly [string, string])[];
  /** Chosen whatever they cost. */
  readonly required: readonly string[];
  readonly budget?: Budget;
}

export const totalCost = (cost: ControlCost): number => COST_KINDS.reduce((sum, kind) => sum + cost[kind], 0);
export const limitOf = (criterionPerYear: number): number =>
  criterionPerYear >= 1 ? Infinity : -Math.log1p(-criterionPerYear);

/** One way of one risk that has to be treated, and what a way may keep of the limit. */
export interface Need {
  readonly risk: string;
  readonly way: string;
  /** Controls that bring the way down to its share, by themselves. */
  readonly good: readonly string[];
}

/** A way's share of the risk's limit: all of it where the worst way counts, an equal part where ways add up. */
const shareOf = ({ limit, ways, combine }: PlanRisk): number =>
  combine === "worst" ? limit : limit / Math.max(1, ways.length);

const known = new WeakMap<PlanProblem, readonly Need[]>();

/** What has to be treated in each risk; ways already below their share are left out. Found once per problem. */
export function needsOf(problem: PlanProblem): readonly Need[] {
  let needs = known.get(problem);
  if (!needs) known.set(problem, (needs = findNeeds(problem)));
  return needs;
}

function findNeeds({ risks, ways }: PlanProblem): Need[] {
  const byId = new Map(ways.map((way) => [way.id, way]));
  return risks.flatMap((risk) =>
    risk.ways.flatMap((id) => {
      const way = byId.get(id)!;
      const share = shareOf(risk);
      if (way.hazard <= share) return [];
      return [
        { risk: risk.id, way: id, good: way.effects.filter(({ to }) => to <= share).map(({ control }) => control) },
      ];
    }),
  );
}

/** A choice of controls, judged. */
export interface Judged {
  /** Nothing excluded, needed, required or limited is violated. */
  readonly admissible: boolean;
  /** Risks within their limit. */
  readonly within: readonly string[];
  /** Smaller is better, first figure first: −weight within, −needs met by design, cost of design, −needs met up to mitigation, …, number of controls. */
  readonly objective: readonly number[];
  readonly cost: ControlCost;
}

export function judgeChoice(problem: PlanProblem, chosen: ReadonlySet<string>): Judged {
  const ways = new Map(problem.ways.map((way) => [way.id, way]));
  const taken = problem.controls.filter(({ id }) => chosen.has(id));
  const tier = new Map(taken.map((control) => [control.id, TIERS.indexOf(control.tier)]));
  const cost = sumOf(taken);
  const hazards = new Map<string, number>();
  const hazardOf = (id: string): number => {
    let least = hazards.get(id);
    if (least === undefined) {
      const { hazard, effects } = ways.get(id)!;
      least = hazard;
      for (const { control, to } of effects) if (to < least && chosen.has(control)) least = to;
      hazards.set(id, least);
    }
    return least;
  };
  const within = problem.risks.filter((risk) => {
    const own = risk.ways.map(hazardOf);
    const all = risk.combine === "worst" ? Math.max(0, ...own) : own.reduce((sum, hazard) => sum + hazard, 0);
    return all <= risk.limit;
  });
  const reached = new Set(within.map(({ id }) => id));
  const met = needsOf(problem).filter(({ risk }) => reached.has(risk));
  const metUpTo = (k: number): number => met.filter(({ good }) => good.some((id) => (tier.get(id) ?? 9) <= k)).length;
  return {
    admissible: isAdmissible(problem, chosen, cost),
    within: [...reached],
    cost,
    objective: [
      -within.reduce((sum, { weight }) => sum + weight, 0),
      ...TIERS.flatMap((name, k) => [
        ...(k < TIERS.length - 1 ? [-metUpTo(k)] : []),
        taken.filter((control) => control.tier === name).reduce((sum, control) => sum + totalCost(control.cost), 0),
      ]),
      taken.length,
    ],
  };
}

export function isAdmissible(
  { controls, excludes, required, budget = {} }: PlanProblem,
  chosen: ReadonlySet<string>,
  cost: ControlCost = sumOf(controls.filter(({ id }) => chosen.has(id))),
): boolean {
  return (
    required.every((id) => chosen.has(id)) &&
    excludes.every(([a, b]) => !(chosen.has(a) && chosen.has(b))) &&
    controls.every(
      ({ id, needs }) => !chosen.has(id) || needs.every((group) => group.some((other) => chosen.has(other))),
    ) &&
    COST_KINDS.every((kind) => cost[kind] <= (budget[kind] ?? Infinity)) &&
    totalCost(cost) <= (budget.total ?? Infinity)
  );
}

export const sumOf = (controls: readonly PlanControl[]): ControlCost =>
  Object.fromEntries(
    COST_KINDS.map((kind) => [kind, controls.reduce((sum, { cost }) => sum + cost[kind], 0)]),
  ) as unknown as ControlCost;

/** Negative where `a` is the better plan, 0 where neither is. */
export function compareObjectives(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i]! !== b[i]!) return a[i]! - b[i]!;
  return 0;
}
