/** Threats at places: what could be done to this system, by whom, by which way; and what was set aside, and why. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { span, threatTypeId } from "./scalars.ts";

export const reach = z.enum(["none", "indirect", "direct"]);
export type Reach = z.infer<typeof reach>;

/** One step of a way through the system. `flow` is a data flow's id, `usual:import-media@pacs`, or `intrusion@pacs`. */
export const pathStep = z.strictObject({
  component: z.string(),
  flow: z.string().optional(),
  crosses: z.array(z.string()),
});
export const path = z.array(pathStep);
export type Path = DeepReadonly<z.infer<typeof path>>;

/** METHOD §5: how far an actor gets to the place, and by which way. `blockedBy` names the controls that close every way. */
export const actorReach = z.strictObject({
  actor: z.string(),
  reach,
  path,
  why: z.string(),
  blockedBy: z.array(z.string()),
});
export type ActorReach = DeepReadonly<z.infer<typeof actorReach>>;

export const threat = z.strictObject({
  /** `evasion@cnn by radiographer`: readable, from the author's keys. */
  id: z.string(),
  /** `evasion@cnn` */
  group: z.string(),
  type: threatTypeId,
  at: z.string(),
  /** Where the attacker's data or act enters, when that is another component or flow. */
  on: z.string().optional(),
  actor: z.string(),
  reach: actorReach,
  rule: z.string(),
  why: z.string(),
  where: span,
});
export type Threat = DeepReadonly<z.infer<typeof threat>>;

export const discardedThreat = z.strictObject({
  id: z.string(),
  group: z.string(),
  type: threatTypeId,
  at: z.string().optional(),
  actor: z.string().optional(),
  rule: z.string().optional(),
  whyNot: z.string(),
});
export type DiscardedThreat = DeepReadonly<z.infer<typeof discardedThreat>>;
