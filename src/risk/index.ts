/** The room's door: rate a system's threats, see what each control earned, and settle the standing of evidence. */
export { rate, rateRisks } from "./rate.ts";
export type { RateInput, Rating, Width } from "./rate.ts";
export { closuresOf, creditControls } from "./credit.ts";
export type { Closure, ControlCredit, CreditFault } from "./credit.ts";
export { withStanding } from "./standing.ts";
export { isProblem, parseChange, whatIf } from "./what-if.ts";
export type { Assumed, Change, Problem, WhatIf, WhatIfInput, WhatIfResult } from "./what-if.ts";
export { isHypothetical } from "./hypothetical.ts";
export { METHODS, rangeText, viewOf } from "./methods/index.ts";
export type { RiskMethod } from "./methods/index.ts";
export { cyberRegisterOf, worstFirst, worstJudgement } from "./cyber.ts";
export { requirementsOf } from "./requirements.ts";
export { toModel } from "./graph/build.ts";
export { goalsOf, readGoals } from "./graph/goals.ts";
export { planControls } from "./plan/plan.ts";
export type { PlanQuestion, PlanResult } from "./plan/plan.ts";
export type { Budget } from "./plan/problem.ts";
