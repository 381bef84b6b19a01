/**
 * Planning without a solver: cover the needs tier by tier, each time with what meets most for its cost, then drop what became
 * superfluous. Says how far it may be off: an upper bound on what could be brought within, and by duality of covering (Chvátal 1979)
 * a lower bound on the cost of bringing the same risks within.
 */
import { isAdmissible, judgeChoice, needsOf, TIERS, totalCost } from "./problem.ts";
import type { PlanControl, PlanProblem, PlanRisk } from "./problem.ts";

export interface GreedyPlan {
  readonly chosen: readonly string[];
  /** Weight brought within, and what no plan exceeds. */
  readonly weight: { readonly found: number; readonly bound: number };
  /** Total cost, and what no plan that brings the same risks within undercuts. */
  readonly cost: { readonly found: number; readonly bound: number };
}

/** Undefined where what is required cannot be had at all. */
export function solveGreedily(problem: PlanProblem): GreedyPlan | undefined {
  const controls = new Map(problem.controls.map((control) => [control.id, control]));
  let chosen: ReadonlySet<string> | undefined = new Set<string>();
  for (const id of problem.required) chosen = chosen && withNeeds(id, chosen, controls);
  if (!chosen || !isAdmissible(problem, chosen)) return undefined;

  const needs = needsOf(problem);
  // A need is worth its risk's weight, shared among the needs of the risk: covering one of many brings nothing within yet.
  const count = Map.groupBy(needs, ({ risk }) => risk);
  const worth = new Map(problem.risks.map(({ id, weight }) => [id, weight / Math.max(1, count.get(id)?.length ?? 0)]));
  for (const name of TIERS)
    for (let step = 0; step < problem.controls.length; step++) {
      const gain = new Map<string, number>();
      for (const { risk, good } of needs)
        if (!good.some((id) => chosen!.has(id)))
          for (const id of good)
            if (controls.get(id)!.tier === name) gain.set(id, (gain.get(id) ?? 0) + worth.get(risk)!);
      const ranked = [...gain]
        .map(([id, value]) => ({ id, value: value / (totalCost(controls.get(id)!.cost) + 0.01) }))
        .toSorted((x, y) => y.value - x.value || (x.id < y.id ? -1 : 1));
      let next: ReadonlySet<string> | undefined;
      for (const { id } of ranked) {
        const set = withNeeds(id, chosen, controls);
        if (!set || !isAdmissible(problem, set)) continue;
        next = set;
        break;
      }
      if (!next) break;
      chosen = next;
    }

  chosen = withoutSuperfluous(problem, chosen, controls);
  const { within } = judgeChoice(problem, chosen);
  const reached = new Set(within);
  const weightOf = (risks: readonly PlanRisk[]): number => risks.reduce((sum, { weight }) => sum + weight, 0);
  const everything = new Set(problem.controls.map(({ id }) => id));
  const atMost = new Set(judgeChoice(problem, everything).within);
  return {
    chosen: [...chosen],
    weight: {
      found: weightOf(problem.risks.filter(({ id }) => reached.has(id))),
      bound: weightOf(problem.risks.filter(({ id }) => atMost.has(id))),
    },
    cost: { found: costOf(chosen, controls), bound: leastCost(problem, reached) },
  };
}

const costOf = (chosen: ReadonlySet<string>, controls: ReadonlyMap<string, PlanControl>): number =>
  [...chosen].reduce((sum, id) => sum + totalCost(controls.get(id)!.cost), 0);

/** The choice with a control and, cheapest first, what it needs; undefined where a need cannot be met. */
function withNeeds(
  id: string,
  chosen: ReadonlySet<string>,
  controls: ReadonlyMap<string, PlanControl>,
): ReadonlySet<string> | undefined {
  const set = new Set(chosen);
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    set.add(next);
    for (const group of controls.get(next)!.needs) {
      if (group.some((other) => set.has(other) || open.includes(other))) continue;
      const cheapest = group.toSorted((a, b) => totalCost(controls.get(a)!.cost) - totalCost(controls.get(b)!.cost))[0];
      if (cheapest === undefined) return undefined;
      open.push(cheapest);
    }
  }
  return set;
}

/** Takes away, later tiers and dearer ones first, what no risk and no need of an earlier tier misses. */
function withoutSuperfluous(
  problem: PlanProblem,
  chosen: ReadonlySet<string>,
  controls: ReadonlyMap<string, PlanControl>,
): ReadonlySet<string> {
  const order = [...chosen]
    .map((id) => controls.get(id)!)
    .toSorted((a, b) => {
      const tiers = TIERS.indexOf(b.tier) - TIERS.indexOf(a.tier);
      return tiers || totalCost(b.cost) - totalCost(a.cost) || (a.id < b.id ? -1 : 1);
    });
  let now = chosen;
  let objective = judgeChoice(problem, now).objective;
  for (const { id } of order) {
    const less = new Set([...now].filter((other) => other !== id));
    if (!isAdmissible(problem, less)) continue;
    const without = judgeChoice(problem, less).objective;
    // Nothing brought within is lost, nor anything met by an earlier tier: only costs fall.
    if (without.every((value, rank) => value <= objective[rank]!)) {
      now = less;
      objective = without;
    }
  }
  return now;
}

/**
 * Feasible dual of the covering program: each need raises its price until some control good for it is paid in full. The prices
 * sum to no more than any cover costs. Needs of risks whose ways add up can be met jointly, so they raise nothing.
 */
function leastCost(problem: PlanProblem, reached: ReadonlySet<string>): number {
  const worst = new Set(problem.risks.filter(({ combine }) => combine === "worst").map(({ id }) => id));
  const left = new Map(problem.controls.map(({ id, cost }) => [id, totalCost(cost)]));
  const required = problem.required.reduce((sum, id) => sum + left.get(id)!, 0);
  for (const id of problem.required) left.set(id, 0);
  const sets = new Map(
    needsOf(problem)
      .filter(({ risk }) => reached.has(risk) && worst.has(risk))
      .map(({ good }) => [good.toSorted().join("\n"), good]),
  );
  let sum = required;
  for (const good of [...sets.values()].toSorted((a, b) => a.length - b.length)) {
    const price = Math.min(...good.map((id) => left.get(id)!));
    sum += price;
    for (const id of good) left.set(id, left.get(id)! - price);
  }
  return sum;
}
