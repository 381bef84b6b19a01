/** The planner's question as mixed-integer programs, one per rank of the comparison, each keeping what the ranks before it reached. */
import type { LinearProgram, Solver } from "#base/ports.ts";
import { COST_KINDS } from "#assessment/knowledge.ts";
import { needsOf, TIERS, totalCost } from "./problem.ts";
import type { Need, PlanProblem } from "./problem.ts";

export interface ExactPlan {
  readonly chosen: readonly string[];
  /** Every rank was solved to the end. */
  readonly optimal: boolean;
  /** Ranks at which the solver stopped, with what it had and what no plan can better. */
  readonly gaps: readonly { readonly rank: string; readonly found: number; readonly bound: number }[];
}

type Column = LinearProgram["columns"][number];
type Row = LinearProgram["rows"][number];

/** Undefined where nothing admissible exists (what is required cannot stand together or costs too much), or none was found. */
export async function solveExactly(
  problem: PlanProblem,
  solver: Solver,
  /** Only so many ranks of the comparison; 1: what can be brought within, whatever it costs. */
  depth = Infinity,
): Promise<ExactPlan | undefined> {
  const { columns, rows, ranks: all, controls } = formulate(problem);
  const ranks = all.slice(0, depth);
  const kept: Row[] = [...rows];
  const gaps: ExactPlan["gaps"][number][] = [];
  let values: readonly number[] | undefined;
  for (const { rank, terms } of ranks) {
    const cost = new Map(terms);
    const answer = await solver.solve({
      columns: columns.map((column, index) => ({ ...column, cost: cost.get(index) ?? 0 })),
      rows: kept,
    });
    if (answer.status === "infeasible" || answer.values === undefined || answer.objective === undefined) {
      if (values === undefined) return undefined;
      if (answer.status === "stopped") gaps.push({ rank, found: valueOf(terms, values), bound: answer.bound });
      break;
    }
    values = answer.values;
    // Coefficients are whole numbers (weights need not be), so half a unit of slack would be safe; this keeps weights exact too.
    const reached = valueOf(terms, values);
    if (answer.status === "stopped") gaps.push({ rank, found: reached, bound: answer.bound });
    kept.push({ lower: -Infinity, upper: reached + 1e-6, terms });
  }
  if (!values) return undefined;
  return {
    chosen: controls.filter((_, index) => values[index]! > 0.5),
    optimal: gaps.length === 0,
    gaps,
  };
}

const valueOf = (terms: Row["terms"], values: readonly number[]): number =>
  terms.reduce((sum, [column, coefficient]) => sum + coefficient * values[column]!, 0);

interface Formulation {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly ranks: readonly { readonly rank: string; readonly terms: Row["terms"] }[];
  /** Ids of the controls, whose columns come first. */
  readonly controls: readonly string[];
}

/**
 * Columns: x per control; z per risk (within or not); d per need and tier (met by a control up to that tier). For risks of one
 * worst way, z ≤ Σ x over the controls good for each need – a covering row. For risks whose ways add up, each way chooses one of
 * the levels its controls offer, and z switches the limit on.
 */
export function formulate(problem: PlanProblem): Formulation {
  const columns: Column[] = [];
  const rows: Row[] = [];
  const column = (whole: boolean, lower = 0, upper = 1): number => columns.push({ cost: 0, lower, upper, whole }) - 1;
  const required = new Set(problem.required);
  const index = new Map(problem.controls.map(({ id }) => [id, column(true, required.has(id) ? 1 : 0)]));
  const x = (ids: readonly string[], coefficient: number): [number, number][] =>
    ids.map((id) => [index.get(id)!, coefficient]);
  const atLeastZero = (terms: Row["terms"]): void => void rows.push({ lower: 0, upper: Infinity, terms });

  for (const { id, needs } of problem.controls)
    for (const group of needs) if (!group.includes(id)) atLeastZero([...x(group, 1), [index.get(id)!, -1]]);
  for (const pair of problem.excludes) rows.push({ lower: -Infinity, upper: 1, terms: x(pair, 1) });
  const budget = problem.budget ?? {};
  const limit = (upper: number | undefined, of: (control: PlanProblem["controls"][number]) => number): void => {
    const terms = problem.controls.flatMap((control): [number, number][] =>
      of(control) === 0 ? [] : [[index.get(control.id)!, of(control)]],
    );
    if (upper !== undefined) rows.push({ lower: -Infinity, upper, terms });
  };
  for (const kind of COST_KINDS) limit(budget[kind], ({ cost }) => cost[kind]);
  limit(budget.total, ({ cost }) => totalCost(cost));

  const needs = Map.groupBy(needsOf(problem), ({ risk }) => risk);
  const ways = new Map(problem.ways.map((way) => [way.id, way]));
  const within = new Map<string, number>();
  for (const risk of problem.risks) {
    const own = needs.get(risk.id) ?? [];
    const hopeless = risk.combine === "worst" && own.some(({ good }) => good.length === 0);
    const z = column(risk.combine === "sum", 0, hopeless ? 0 : 1);
    within.set(risk.id, z);
    if (risk.combine === "worst") {
      for (const good of distinctSets(own)) atLeastZero([...x(good, 1), [z, -1]]);
      continue;
    }
    // Σ hazards ≤ limit + (Σ before − limit)(1 − z)
    const terms: [number, number][] = [];
    let before = 0;
    for (const id of risk.ways) {
      const { hazard, effects } = ways.get(id)!;
      before += hazard;
      const levels = [...new Set(effects.map(({ to }) => to))].filter((to) => to < hazard);
      const none = column(false);
      const chosen = levels.map((to) => {
        const level = column(false);
        const by = effects.filter((effect) => effect.to === to).map(({ control }) => control);
        atLeastZero([...x(by, 1), [level, -1]]);
        terms.push([level, to]);
        return level;
      });
      terms.push([none, hazard]);
      rows.push({ lower: 1, upper: 1, terms: [none, ...chosen].map((level): [number, number] => [level, 1]) });
    }
    if (before > risk.limit)
      rows.push({ lower: -Infinity, upper: before, terms: [...terms, [z, before - risk.limit]] });
  }

  const ranks: { rank: string; terms: Row["terms"] }[] = [
    {
      rank: "risks within",
      terms: problem.risks.map(({ id, weight }): [number, number] => [within.get(id)!, -weight]),
    },
  ];
  const tierOf = new Map(problem.controls.map(({ id, tier }) => [id, TIERS.indexOf(tier)]));
  TIERS.forEach((tier, k) => {
    if (k < TIERS.length - 1) {
      const terms: [number, number][] = [];
      const groups = Map.groupBy([...needs.values()].flat(), ({ risk, good }) =>
        JSON.stringify([risk, good.toSorted()]),
      );
      for (const group of groups.values()) {
        const { risk, good } = group[0]!;
        const upTo = good.filter((id) => tierOf.get(id)! <= k);
        if (upTo.length === 0) continue;
        // Where nothing later would do, or the way need not be met by one control, being within says all there is to say.
        const d = column(false);
        atLeastZero([...x(upTo, 1), [d, -1]]);
        atLeastZero([
          [within.get(risk)!, 1],
          [d, -1],
        ]);
        terms.push([d, -group.length]);
      }
      if (terms.length > 0) ranks.push({ rank: `met by ${TIERS.slice(0, k + 1).join(" and ")}`, terms });
    }
    const own = problem.controls.filter((control) => control.tier === tier && totalCost(control.cost) > 0);
    if (own.length > 0)
      ranks.push({
        rank: `cost of ${tier}`,
        terms: own.map((control): [number, number] => [index.get(control.id)!, totalCost(control.cost)]),
      });
  });
  ranks.push({ rank: "number of controls", terms: x([...index.keys()], 1) });
  return { columns, rows, ranks, controls: problem.controls.map(({ id }) => id) };
}

/** Sets of which no other is a part: who meets the smaller set meets the larger one. */
function distinctSets(needs: readonly Need[]): (readonly string[])[] {
  const sets = [...new Map(needs.map(({ good }) => [good.toSorted().join("\n"), good])).values()].toSorted(
    (a, b) => a.length - b.length,
  );
  const kept: (readonly string[])[] = [];
  for (const set of sets) {
    const members = new Set(set);
    if (!kept.some((smaller) => smaller.every((id) => members.has(id)))) kept.push(set);
  }
  return kept;
}
