/** A plan of controls: what is chosen and why, what the rating says with it in place, what it leaves, and what no mature measure reaches. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { judgement } from "./conclusions.ts";
import { controlCost, effectCeiling, maturity } from "./knowledge.ts";
import { hexDigest, isoDate, threatTypeId } from "./scalars.ts";

const tier = z.enum(["design", "mitigation", "information"]);
const figures = z.strictObject({ low: z.number(), high: z.number(), judgement, untested: z.boolean() });

/** A control of the plan at a place of the system; it counts once its denial test has passed there. */
export const plannedControl = z.strictObject({
  control: z.string(),
  at: z.string(),
  title: z.string(),
  tier,
  cost: controlCost,
  /** What would have to be shown for it. */
  evidence: z.array(z.string()),
  /** Threats (`evasion@cnn by gang`) that are open again when only this control is left out: what it contributes. */
  contributes: z.array(z.string()),
  needs: z.array(z.string()),
  /** Types of threat it may make worse: what was measured of them would have to be measured again. */
  raises: z.array(threatTypeId),
  /** Duties and controls that it makes harder. */
  strains: z.array(z.strictObject({ what: z.string(), because: z.string() })),
  required: z.boolean(),
});
export type PlannedControl = DeepReadonly<z.infer<typeof plannedControl>>;

/** A risk as it is and as the rating says it would be. */
export const plannedRisk = z.strictObject({ risk: z.string(), criterion: z.number(), before: figures, after: figures });
export type PlannedRisk = DeepReadonly<z.infer<typeof plannedRisk>>;

/** A measure that could lower success, of which only an adaptive measurement would say by how much. */
export const alternative = z.strictObject({
  control: z.string(),
  title: z.string(),
  layer: z.string(),
  maturity,
  tier,
  cost: z.number(),
  /** Published figures, in words with their source; nothing is reckoned with them. */
  ceilings: z.array(z.string()),
});
export type Alternative = DeepReadonly<z.infer<typeof alternative>>;

/** Threats of one group that no denial test of a mature control takes away. */
export const leftOpen = z.strictObject({
  group: z.string(),
  type: threatTypeId,
  threats: z.array(z.string()),
  /** The shortest way that stays open with every mature control in place, step by step. */
  way: z.array(z.string()),
  because: z.string(),
  /** What lies there already and outweighs every control, or what would show that nothing does: no measure is named then. */
  unguarded: z.string().optional(),
  /** The success of one attempt at which the strictest criterion is met; absent where even a sure success is within. */
  successNeeded: z.number(),
  /** What could show that. */
  how: z.string(),
  /** Whether the state of the art has a proven measure at model level (S-105, S-116). */
  modelLevel: z.enum(["proven", "partly", "none", "not-applicable"]),
  /** Measures above the model first (S-104, S-106), by maturity, tier and cost. */
  alternatives: z.array(alternative),
});
export type LeftOpen = DeepReadonly<z.infer<typeof leftOpen>>;

/** METHOD §9: only from criterion and maturity. */
export const notFeasible = z.strictObject({
  /** Every risk and threshold that no set of mature measures reaches. */
  beyond: z.array(z.string()),
  /** An irreducible set: these demands cannot be met together, and without any one of the limits they could. */
  conflict: z.strictObject({
    demands: z.array(z.string()),
    limits: z.array(
      z.strictObject({
        control: z.string(),
        title: z.string(),
        kind: z.enum(["measured", "ceiling", "does-not-hold"]),
        why: z.string(),
        ceiling: effectCeiling.optional(),
      }),
    ),
  }),
  /** The catalogue this was judged by. */
  edition: z.string(),
  exits: z.array(z.string()),
});
export type NotFeasible = DeepReadonly<z.infer<typeof notFeasible>>;

export const controlPlan = z.strictObject({
  /** Edition and hash of the catalogue it was chosen from. */
  catalogue: z.strictObject({ edition: z.string(), hash: z.string() }),
  method: z.strictObject({
    solver: z.string(),
    optimal: z.boolean(),
    /** Where it is not shown to be the best: what was found, and what no plan betters. */
    gaps: z.array(z.strictObject({ rank: z.string(), found: z.number(), bound: z.number() })),
    /** Threats beyond the number that is planned for at once, gravest first. */
    notPlanned: z.int(),
  }),
  /** The reader's own limits; nothing is called infeasible because of them. */
  asked: z.strictObject({
    budget: z.record(z.string(), z.number()),
    required: z.array(z.string()),
    excluded: z.array(z.string()),
    maturity: z.enum(["proven", "emerging"]),
  }),
  controls: z.array(plannedControl),
  /** Points of all together, kind by kind. */
  cost: z.strictObject({ effort: z.int(), latency: z.int(), accuracy: z.int(), transparency: z.int() }),
  /** Significant risks by judgement; an untested one counts as open. */
  before: z.strictObject({ missed: z.int(), open: z.int(), within: z.int() }),
  after: z.strictObject({ missed: z.int(), open: z.int(), within: z.int() }),
  /** Risks whose figures the plan changes, by the rating with the plan in place. */
  changed: z.array(plannedRisk),
  /** What the program promised and the rating does not confirm, and risks that got worse. */
  surprises: z.array(z.strictObject({ risk: z.string(), says: z.string() })),
  left: z.array(leftOpen),
  /** Cost in points against significant risks not within, each by its own rating; but for the plan itself, no point is worse than another in both. */
  pareto: z.array(
    z.strictObject({
      cost: z.number(),
      notWithin: z.int(),
      controls: z.array(z.string()),
      optimal: z.boolean(),
      /** The plan: what design can remove first, at whatever that costs. */
      plan: z.literal(true).optional(),
    }),
  ),
  /** Where the reader's limits stand in the way: an irreducible set of them and what they prevent. */
  limitedBy: z.array(z.string()),
  warnings: z.array(z.string()),
  notFeasible: notFeasible.optional(),
});
export type ControlPlan = DeepReadonly<z.infer<typeof controlPlan>>;

export const PLAN_FORMAT = "vauban/plan/1";
/** What `vauban plan --json` prints. */
export const planDocument = z.strictObject({
  format: z.literal(PLAN_FORMAT),
  tool: z.strictObject({ name: z.literal("vauban"), version: z.string() }),
  asOf: isoDate,
  source: z.strictObject({ kind: z.enum(["system", "assessment"]), name: z.string(), hash: hexDigest.optional() }),
  system: z.string(),
  notMeasured: z.array(z.strictObject({ what: z.string(), because: z.string(), command: z.string().optional() })),
  plan: controlPlan,
  exit: z.union([z.literal(0), z.literal(1), z.literal(2)]),
});
export type PlanDocument = DeepReadonly<z.infer<typeof planDocument>>;
