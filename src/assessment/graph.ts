/** The attack graph: what attackers have gained, the steps that gain it, the chance events those share, and what follows for a goal. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { estimate, harm, threatTypeId } from "./scalars.ts";
import { lifecycleStage } from "./system.ts";

/** Something an attacker has gained and does not lose again (METHOD §8: monotone states). */
export const attackState = z.strictObject({
  /** Readable, from the author's keys: `radiographer has influence on cnn`. */
  id: z.string(),
  kind: z.enum(["start", "access", "influence", "sight", "knowledge", "credentials", "physical", "effect", "harm"]),
  actor: z.string().optional(),
  /** Component or flow it is about. */
  at: z.string().optional(),
  harm: harm.optional(),
  title: z.string(),
});
export type AttackState = DeepReadonly<z.infer<typeof attackState>>;

/** One independent source of chance. Steps that share a cause name the same event; a credited control's failure is one too. */
export const chanceEvent = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** Probability within the year that it comes out in the attacker's favour. */
  estimate,
});
export type ChanceEvent = DeepReadonly<z.infer<typeof chanceEvent>>;

/** A control on a step: prevent and respond lower it by their event, detect by being answered before the next step. */
export const stepControl = z.strictObject({
  control: z.string(),
  at: z.string(),
  acts: z.enum(["prevent", "detect", "respond"]),
  credited: z.boolean(),
  why: z.string(),
  evidence: z.array(z.string()),
});
export type StepControl = DeepReadonly<z.infer<typeof stepControl>>;

/** One attempt: with all of `needs`, and every event of `events` in the attacker's favour, `gains` is gained. Steps into one state are alternatives. */
export const attackStep = z.strictObject({
  id: z.string(),
  needs: z.array(z.string()),
  gains: z.string(),
  events: z.array(z.string()),
  title: z.string(),
  actor: z.string().optional(),
  at: z.string().optional(),
  /** Threat group and type, where the step is one. */
  threat: z.string().optional(),
  type: threatTypeId.optional(),
  /** ATLAS tactic: the lane it is drawn in. */
  tactic: z.string(),
  /** When in the life of the system the step is taken. */
  stage: lifecycleStage,
  conventional: z.boolean(),
  /** The step's own chance: all its events together. */
  estimate,
  controls: z.array(stepControl),
});
export type AttackStep = DeepReadonly<z.infer<typeof attackStep>>;

/** How a probability was had: exactly, or drawn with its own standard error and seed. */
export const evaluation = z.strictObject({
  method: z.enum(["exact", "monte-carlo"]),
  low: z.number(),
  likely: z.number(),
  high: z.number(),
  /** Half-width of the 95 % interval of the drawing at each figure; 0 where exact. */
  error: z.strictObject({ low: z.number(), likely: z.number(), high: z.number() }),
  samples: z.int().optional(),
  seed: z.string().optional(),
});
export type Evaluation = DeepReadonly<z.infer<typeof evaluation>>;

/** What the graph says of one goal state. */
export const goalReading = z.strictObject({
  goal: z.string(),
  evaluation,
  /** The likeliest ways, steps in order; probabilities of the way alone. */
  paths: z.array(z.strictObject({ steps: z.array(z.string()), low: z.number(), likely: z.number(), high: z.number() })),
  /** Smallest sets of events whose failure closes every way; events that never fail are left out. */
  cutSets: z.array(z.array(z.string())),
  cutSetsComplete: z.boolean(),
  /** Steps through which every way goes. */
  singlePoints: z.array(z.string()),
  /** How much the central probability falls when the step or the control's failure is taken away (or the control is lost: rises). */
  contributions: z.array(z.strictObject({ of: z.string(), kind: z.enum(["step", "control"]), change: z.number() })),
  /** Width of the interval owed to each event, widest first, assumed ones before measured ones of the same width. */
  widths: z.array(z.strictObject({ event: z.string(), width: z.number(), assumed: z.boolean() })),
});
export type GoalReading = DeepReadonly<z.infer<typeof goalReading>>;

export const attackGraph = z.strictObject({
  states: z.array(attackState),
  events: z.array(chanceEvent),
  steps: z.array(attackStep),
  /** Goals: effects at assets and harms. */
  goals: z.array(goalReading),
  /** Threats that were rated and are not drawn, because there are too many to draw: the least grave. */
  omitted: z.int(),
});
export type AttackGraph = DeepReadonly<z.infer<typeof attackGraph>>;
