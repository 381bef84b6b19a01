/** The Assessment: one canonical document that holds everything a report needs, a decade from now and without this repository. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { billOfMaterials } from "./bom.ts";
import { claim, finding, matrixCell, registerRow, risk, systemOutcome } from "./conclusions.ts";
import { cyberRegister } from "./cyber.ts";
import { evidence, trial } from "./evidence.ts";
import { attackGraph } from "./graph.ts";
import { knowledge } from "./knowledge.ts";
import { controlPlan } from "./plan.ts";
import { hexDigest, span } from "./scalars.ts";
import { system } from "./system.ts";
import { discardedThreat, threat } from "./threats.ts";

export const ASSESSMENT_FORMAT = "vauban/assessment/1";
/** The file of a large system: the same document, with what repeats in it written once (base/references.ts). */
export const ASSESSMENT_SHARED_FORMAT = "vauban/assessment/1/shared";

/** Everything the hash covers. Time, host and duration stand outside. */
export const assessmentBody = z.strictObject({
  tool: z.strictObject({ name: z.literal("vauban"), version: z.string() }),
  seed: z.string(),
  /** The day the conclusions speak of: validity of evidence is judged on it. */
  asOf: z.string(),
  knowledge,
  system,
  systemHash: hexDigest,
  threats: z.array(threat),
  discarded: z.array(discardedThreat),
  trials: z.array(trial),
  evidence: z.array(evidence),
  findings: z.array(finding),
  risks: z.array(risk),
  /** The risks' other level: per harm, over all ways and actors. */
  register: z.array(registerRow),
  /** What carries both: attackers' states, steps and chances, read at the goals of the register and of risks that others help. */
  attackGraph,
  /** Level 2: cyber risks with what components must guarantee, what drives the figures, and how other methods put them. */
  cyber: cyberRegister,
  claims: z.array(claim),
  matrix: z.array(matrixCell),
  outcome: systemOutcome,
  /** Absent in documents of earlier versions. */
  plan: controlPlan.optional(),
  /** Absent in documents of earlier versions. */
  bom: billOfMaterials.optional(),
  partial: z.strictObject({ reason: z.string(), untested: z.array(z.string()) }).optional(),
  warnings: z.array(
    z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional(), span: span.optional() }),
  ),
});

export const assessment = z.strictObject({
  format: z.literal(ASSESSMENT_FORMAT),
  hash: hexDigest,
  body: assessmentBody,
  run: z.strictObject({
    id: z.string(),
    started: z.string(),
    seconds: z.number(),
    platform: z.string(),
    runtime: z.string(),
    workers: z.int(),
    reused: z.array(z.string()),
    requestsOut: z.int(),
    command: z.string(),
    trialSeconds: z.record(z.string(), z.number()),
  }),
});
export type AssessmentBody = DeepReadonly<z.infer<typeof assessmentBody>>;
export type Assessment = DeepReadonly<z.infer<typeof assessment>>;
