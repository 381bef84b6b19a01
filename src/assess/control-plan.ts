/** A plan of controls for grounds that were read, not measured anew: what the planner is asked, and how the answer is handed on. */
import type { Solver } from "#base/ports.ts";
import { PLAN_FORMAT, type ControlPlan, type PlanDocument } from "#assessment/index.ts";
import { NO_MATERIALS } from "#claims/materials.ts";
import { thresholdVerdicts } from "#claims/thresholds.ts";
import { planControls, rate, type PlanQuestion, type PlanResult } from "#risk/index.ts";
import { deriveThreats } from "#threats/engine.ts";
import { certifiedIn } from "./judge.ts";
import type { RiskGrounds } from "./risk.ts";

export type PlanWishes = Pick<PlanQuestion, "budget" | "required" | "excluded" | "maturity">;

/** Rates the grounds, looks for what no mature measure reaches, and plans for the rest. */
export async function readPlan(
  grounds: RiskGrounds,
  { version, seed, solver, wishes }: { version: string; seed: string; solver: Solver | undefined; wishes: PlanWishes },
): Promise<
  Exclude<PlanResult, { status: "planned" }> | { readonly status: "planned"; readonly document: PlanDocument }
> {
  const { system, knowledge, threats, trials, evidence, asOf } = grounds;
  const question = { system, knowledge, threats, trials, evidence, asOf, seed, certified: certifiedIn };
  const rating = rate(question);
  const { discarded } = deriveThreats(system, knowledge, { closures: [] });
  const verdicts = thresholdVerdicts({
    ...rating,
    system,
    knowledge,
    threats,
    discarded,
    trials,
    mismatches: [],
    materials: NO_MATERIALS,
  });
  const notFeasible = rating.mature({
    risks: rating.risks.filter(({ judgement }) => judgement === "missed"),
    trials: verdicts.flatMap(({ trial, verdict, discharged }) => (verdict === "missed" && !discharged ? [trial] : [])),
  });
  const result = await planControls({ ...question, ...wishes, rating, notFeasible, solver });
  if (result.status === "refused") return result;
  return {
    status: "planned",
    document: {
      format: PLAN_FORMAT,
      tool: { name: "vauban", version },
      asOf,
      source: grounds.source,
      system: system.name,
      notMeasured: grounds.notMeasured,
      plan: result.plan,
      exit: exitOf(result.plan),
    },
  };
}

/** Would every significant risk be within? 1 where one stays missed or nothing mature reaches it, 2 where one stays open. */
const exitOf = ({ after, notFeasible }: ControlPlan): 0 | 1 | 2 =>
  after.missed > 0 || notFeasible ? 1 : after.open > 0 ? 2 : 0;
