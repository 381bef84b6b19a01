/** Why not everything can be reached: a set of demands that cannot be met together, of which none can be left out (deletion filter, Chinneck 2008, §6.1.2). */
import type { Solver } from "#base/ports.ts";
import { solveExactly } from "./exact.ts";
import { judgeChoice } from "./problem.ts";
import type { PlanProblem } from "./problem.ts";

/** One demand on a plan. */
export type Demand =
  | { readonly kind: "criterion"; readonly risk: string }
  | { readonly kind: "exclusion"; readonly controls: readonly [string, string] }
  | { readonly kind: "need"; readonly control: string }
  | { readonly kind: "required"; readonly control: string }
  | { readonly kind: "budget" };

/** Undefined where everything can be reached. The answer is irreducible: without any one of its demands the others can be met. */
export async function irreducibleConflict(
  problem: PlanProblem,
  solver: Solver,
): Promise<readonly Demand[] | undefined> {
  const all: Demand[] = [
    ...problem.controls.flatMap(({ id, needs }): Demand[] => (needs.length > 0 ? [{ kind: "need", control: id }] : [])),
    ...problem.excludes.map((controls): Demand => ({ kind: "exclusion", controls })),
    ...problem.required.map((control): Demand => ({ kind: "required", control })),
    ...(problem.budget ? [{ kind: "budget" } as const] : []),
    ...problem.risks.map(({ id }): Demand => ({ kind: "criterion", risk: id })),
  ];
  if (await canBeMet(all, problem, solver)) return undefined;
  let kept = all;
  for (const demand of all) {
    const less = kept.filter((other) => other !== demand);
    if (!(await canBeMet(less, problem, solver))) kept = less;
  }
  return kept;
}

async function canBeMet(demands: readonly Demand[], problem: PlanProblem, solver: Solver): Promise<boolean> {
  const criteria = new Set(demands.flatMap((demand) => (demand.kind === "criterion" ? [demand.risk] : [])));
  const needing = new Set(demands.flatMap((demand) => (demand.kind === "need" ? [demand.control] : [])));
  const { budget, ...rest } = problem;
  const part: PlanProblem = {
    ...rest,
    controls: problem.controls.map((control) => (needing.has(control.id) ? control : { ...control, needs: [] })),
    risks: problem.risks.filter(({ id }) => criteria.has(id)),
    excludes: demands.flatMap((demand) => (demand.kind === "exclusion" ? [demand.controls] : [])),
    required: demands.flatMap((demand) => (demand.kind === "required" ? [demand.control] : [])),
    ...(budget && demands.some(({ kind }) => kind === "budget") ? { budget } : {}),
  };
  const found = await solveExactly(part, solver, { onlyWithin: true });
  return found !== undefined && judgeChoice(part, new Set(found.chosen)).within.length === part.risks.length;
}
