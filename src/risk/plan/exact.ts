/**
 * The planner's question as mixed-integer programs. First which risks: the set of the greatest weight that can be brought within.
 * Then, for that set, rank by rank in Art. 9(5)'s order: as much as possible met by design, at the least cost; then with mitigation;
 * and so on. Each rank keeps what the ranks before it reached.
 */
import type { LinearProgram, Solver } from "#base/ports.ts";
import { COST_KINDS } from "#assessment/knowledge.ts";
import { isAdmissible, judgeChoice, needsOf, TIERS, totalCost } from "./problem.ts";
import type { PlanControl, PlanProblem, PlanRisk } from "./problem.ts";

export interface ExactPlan {
  readonly chosen: readonly string[];
  /** Every rank was solved to the end. */
  readonly optimal: boolean;
  /** Ranks at which the solver stopped, with what it had and what no plan can better. */
  readonly gaps: readonly { readonly rank: string; readonly found: number; readonly bound: number }[];
}

type Terms = LinearProgram["rows"][number]["terms"];
type Term = [column: number, coefficient: number];

/** Undefined where nothing admissible exists (what is required cannot stand together or costs too much), or none was found. */
export async function solveExactly(
  problem: PlanProblem,
  solver: Solver,
  /** Only which risks can be brought within, whatever it costs. */
  { onlyWithin = false }: { readonly onlyWithin?: boolean } = {},
): Promise<ExactPlan | undefined> {
  const gaps: ExactPlan["gaps"][number][] = [];
  const everything = new Set(problem.controls.map(({ id }) => id));
  // More controls never take a risk out again, so where all of them may stand together nothing has to be searched for.
  const unhindered = isAdmissible(problem, everything);
  let within = judgeChoice(problem, everything).within;
  if (!unhindered || onlyWithin) {
    const first = await greatestWeight(problem, solver);
    if (!first) return undefined;
    if (first.gap) gaps.push(first.gap);
    if (onlyWithin) return { chosen: first.chosen, optimal: gaps.length === 0, gaps };
    within = judgeChoice(problem, new Set(first.chosen)).within;
  }

  const program = new Draft(problem);
  const reached = new Set(within);
  for (const risk of problem.risks) if (reached.has(risk.id)) program.demand(risk);
  const needs = needsOf(problem).filter(({ risk }) => reached.has(risk));
  const tierOf = new Map(problem.controls.map(({ id, tier }) => [id, TIERS.indexOf(tier)]));
  let values: readonly number[] | undefined;
  const rank = async (name: string, terms: Terms): Promise<boolean> => {
    const answer = await solver.solve(program.minimising(terms));
    if (answer.status === "infeasible" || answer.values === undefined) {
      if (answer.status === "stopped")
        gaps.push({ rank: name, found: values ? valueOf(terms, values) : NaN, bound: answer.bound });
      return values !== undefined;
    }
    values = answer.values;
    // Every coefficient is a whole number, so half of one is slack enough, and not too much.
    const value = Math.round(valueOf(terms, values));
    if (answer.status === "stopped") gaps.push({ rank: name, found: value, bound: Math.ceil(answer.bound - 1e-6) });
    program.row(terms, -Infinity, value + 0.5);
    return true;
  };
  for (const [k, tier] of TIERS.entries()) {
    const own = problem.controls.filter((control) => control.tier === tier);
    if (k < TIERS.length - 1) {
      const groups = [
        ...Map.groupBy(
          needs.map(({ good }) => good.filter((id) => tierOf.get(id)! <= k)).filter((good) => good.length > 0),
          (good) => good.toSorted().join("\n"),
        ).values(),
      ];
      if (unhindered) for (const good of distinctSets(groups.map((group) => group[0]!))) program.cover(good);
      else if (groups.length > 0) {
        const terms = groups.map((group): Term => [program.ifCovered(group[0]!), -group.length]);
        if (!(await rank(`met by ${TIERS.slice(0, k + 1).join(" and ")}`, terms))) return undefined;
      }
    }
    const cost = own.filter((control) => totalCost(control.cost) > 0);
    if (cost.length > 0 && !(await rank(`cost of ${tier}`, program.costTerms(cost)))) return undefined;
  }
  if (!(await rank("number of controls", program.controlTerms()))) return undefined;
  return {
    chosen: problem.controls.filter((_, index) => values![index]! > 0.5).map(({ id }) => id),
    optimal: gaps.length === 0,
    gaps,
  };
}

const valueOf = (terms: Terms, values: readonly number[]): number =>
  terms.reduce((sum, [column, coefficient]) => sum + coefficient * values[column]!, 0);

/** The admissible choice of the greatest weight within. */
async function greatestWeight(
  problem: PlanProblem,
  solver: Solver,
): Promise<{ readonly chosen: readonly string[]; readonly gap?: ExactPlan["gaps"][number] } | undefined> {
  const program = new Draft(problem);
  const terms = problem.risks.map((risk): Term => [program.ifWithin(risk), -risk.weight]);
  const answer = await solver.solve(program.minimising(terms));
  if (answer.status === "infeasible" || answer.values === undefined) return undefined;
  const { values } = answer;
  const chosen = problem.controls.filter((_, index) => values[index]! > 0.5).map(({ id }) => id);
  const found = -valueOf(terms, values);
  return answer.status === "optimal"
    ? { chosen }
    : { chosen, gap: { rank: "weight within", found, bound: -answer.bound } };
}

/** A program being written: one whole column per control, in the order of the problem; rows for all that a choice must respect. */
class Draft {
  readonly #columns: LinearProgram["columns"][number][] = [];
  readonly #rows: LinearProgram["rows"][number][] = [];
  readonly #index: ReadonlyMap<string, number>;
  readonly #problem: PlanProblem;
  readonly #needs: ReadonlyMap<string, readonly (readonly string[])[]>;

  constructor(problem: PlanProblem) {
    this.#problem = problem;
    const required = new Set(problem.required);
    this.#index = new Map(problem.controls.map(({ id }) => [id, this.#column(true, required.has(id) ? 1 : 0)]));
    this.#needs = new Map(
      [...Map.groupBy(needsOf(problem), ({ risk }) => risk)].map(([risk, needs]) => [
        risk,
        distinctSets(needs.map(({ good }) => good)),
      ]),
    );
    for (const { id, needs } of problem.controls)
      for (const group of needs)
        if (!group.includes(id)) this.row([...this.#x(group), [this.#index.get(id)!, -1]], 0, Infinity);
    for (const pair of problem.excludes) this.row(this.#x(pair), -Infinity, 1);
    const budget = problem.budget ?? {};
    for (const kind of COST_KINDS) this.#limit(budget[kind], ({ cost }) => cost[kind]);
    this.#limit(budget.total, ({ cost }) => totalCost(cost));
  }

  minimising(terms: Terms): LinearProgram {
    const cost = new Map<number, number>();
    for (const [column, coefficient] of terms) cost.set(column, (cost.get(column) ?? 0) + coefficient);
    return {
      columns: this.#columns.map((column, index) => ({ ...column, cost: cost.get(index) ?? 0 })),
      rows: this.#rows,
    };
  }

  row(terms: Terms, lower: number, upper: number): void {
    this.#rows.push({ lower, upper, terms });
  }

  costTerms(controls: readonly PlanControl[]): Term[] {
    return controls.map(({ id, cost }) => [this.#index.get(id)!, totalCost(cost)]);
  }
  controlTerms(): Term[] {
    return this.#x([...this.#index.keys()]);
  }

  /** At least one of these has to be chosen. */
  cover(good: readonly string[]): void {
    this.row(this.#x(good), 1, Infinity);
  }
  /** A column that can be 1 only where one of these is chosen. */
  ifCovered(good: readonly string[]): number {
    const covered = this.#column(false);
    this.row([...this.#x(good), [covered, -1]], 0, Infinity);
    return covered;
  }

  /** The risk has to be within. */
  demand(risk: PlanRisk): void {
    if (risk.combine === "worst") for (const good of this.#needs.get(risk.id) ?? []) this.cover(good);
    else this.row(this.#hazards(risk).terms, -Infinity, risk.limit);
  }

  /** A column that can be 1 only where the risk is within. */
  ifWithin(risk: PlanRisk): number {
    const needs = this.#needs.get(risk.id) ?? [];
    if (risk.combine === "worst") {
      const within = this.#column(false, 0, needs.some((good) => good.length === 0) ? 0 : 1);
      for (const good of needs) this.row([...this.#x(good), [within, -1]], 0, Infinity);
      return within;
    }
    const within = this.#column(true);
    const { terms, before } = this.#hazards(risk);
    // Σ hazards ≤ limit + (Σ before − limit)(1 − within)
    if (before > risk.limit) this.row([...terms, [within, before - risk.limit]], -Infinity, before);
    return within;
  }

  /** Where ways add up, each takes one of the levels its controls offer. */
  #hazards(risk: PlanRisk): { readonly terms: Term[]; readonly before: number } {
    const ways = new Map(this.#problem.ways.map((way) => [way.id, way]));
    const terms: Term[] = [];
    let before = 0;
    for (const id of risk.ways) {
      const { hazard, effects } = ways.get(id)!;
      before += hazard;
      const none = this.#column(false);
      const levels = [...new Set(effects.map(({ to }) => to))].filter((to) => to < hazard);
      const chosen = levels.map((to) => {
        const level = this.ifCovered(effects.filter((effect) => effect.to === to).map(({ control }) => control));
        terms.push([level, to]);
        return level;
      });
      terms.push([none, hazard]);
      this.row(
        [none, ...chosen].map((level): Term => [level, 1]),
        1,
        1,
      );
    }
    return { terms, before };
  }

  #column(whole: boolean, lower = 0, upper = 1): number {
    return this.#columns.push({ cost: 0, lower, upper, whole }) - 1;
  }
  #x(ids: readonly string[]): Term[] {
    return ids.map((id) => [this.#index.get(id)!, 1]);
  }
  #limit(upper: number | undefined, of: (control: PlanControl) => number): void {
    if (upper === undefined) return;
    const terms = this.#problem.controls.map((control): Term => [this.#index.get(control.id)!, of(control)]);
    this.row(
      terms.filter(([, coefficient]) => coefficient > 0),
      -Infinity,
      upper,
    );
  }
}

/** Sets of which no other is a part: who meets the smaller set meets the larger one. */
function distinctSets(sets: readonly (readonly string[])[]): (readonly string[])[] {
  const found: (readonly string[])[] = [];
  for (const set of sets.toSorted((a, b) => a.length - b.length)) {
    const members = new Set(set);
    if (found.some((smaller) => smaller.every((id) => members.has(id)))) continue;
    found.push(set);
  }
  return found;
}
