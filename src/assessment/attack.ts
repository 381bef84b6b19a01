/** What `vauban attack` found out about one model, without a system around it: a document of its own. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { attackRun, cleanMeasure, evasionMeasure, sanityCheck } from "./evidence.ts";
import { hexDigest, proportion } from "./scalars.ts";
import { comparison, inputContract } from "./system.ts";

export const ATTACK_FORMAT = "vauban/attack/1";

/** Robustness from both sides; a null figure says in `because` why there is none. */
export const attackBracket = z.strictObject({
  certified: proportion.nullable(),
  empirical: proportion.nullable(),
  /** Neither certified nor beaten; null where nothing was attacked. */
  undecided: z.int().nullable(),
  because: z.string().optional(),
});

export const attackTrial = z.strictObject({
  id: z.string(),
  /** Ids of the attacks brought, joined by +. */
  attack: z.string(),
  norm: z.enum(["linf", "l2", "l1", "l0"]),
  /** Fraction of the input range. */
  eps: z.number(),
  epsRaw: z.number(),
  seed: z.string(),
  budget: z.strictObject({ profile: z.string(), steps: z.int().optional(), queries: z.int().optional() }),
  outcome: z.enum(["measured", "inconclusive"]),
  /** Why it is inconclusive. */
  because: z.string().optional(),
  /** Right after the attack, of all tried, with its two-sided 95 % Clopper–Pearson interval; null where nothing was attacked. */
  k: z.int().nullable(),
  n: z.int().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Gradient steps an input that nothing beats goes through. */
  steps: z.int(),
  queries: z.int(),
  gradients: z.int(),
  attacks: z.array(attackRun),
  sanity: z.array(sanityCheck),
  bracket: attackBracket,
  /** Against `--expect`: met, missed, or not shown with this n. */
  expectation: z.enum(["met", "missed", "not shown"]).optional(),
  /** Why it is not shown although no attack went below it. */
  expectationBecause: z.string().optional(),
  /** What was seen, also where the outcome is inconclusive: then for people, never for a claim. */
  measure: evasionMeasure.nullable(),
  notes: z.array(z.string()),
  manifest: hexDigest,
  key: hexDigest,
});
export type AttackTrial = DeepReadonly<z.infer<typeof attackTrial>>;

/** One way to read the data into the model, and how often the model is right that way. */
export const reading = z.strictObject({ name: z.string(), accuracy: proportion, chosen: z.boolean() });
export type Reading = DeepReadonly<z.infer<typeof reading>>;

/** Randomised smoothing: of the classifier that asks the model under noise, takes the majority and may abstain – never of the model. */
export const smoothedMeasure = z.strictObject({
  /** Standard deviation of the noise, as fraction of the input range. */
  sigma: z.number(),
  /** Draws that choose the class, and draws that bound its probability. */
  choose: z.int(),
  bound: z.int(),
  /** The chance that one certificate is wrong. */
  alpha: z.number(),
  abstained: proportion,
  /** Right, and certified up to an L2 radius as fraction of the range; at 0: right and not abstaining. */
  radii: z.array(z.strictObject({ radius: z.number(), certified: proportion })),
  queries: z.int(),
});
export type SmoothedMeasure = DeepReadonly<z.infer<typeof smoothedMeasure>>;

export const attackDocument = z.strictObject({
  format: z.literal(ATTACK_FORMAT),
  tool: z.strictObject({ name: z.literal("vauban"), version: z.string() }),
  target: z.strictObject({
    path: z.string(),
    sha256: hexDigest,
    size: z.int(),
    access: z.enum(["white-box", "scores"]).nullable(),
    /** The operator or head that leaves the model without a gradient. */
    noGradient: z.string().optional(),
    outputs: z.int().nullable(),
    notes: z.array(z.string()),
  }),
  data: z.strictObject({
    path: z.string(),
    /** Inputs tried, and independent ones the data hold. */
    n: z.int(),
    of: z.int(),
    sha256: hexDigest,
  }),
  /** How raw values become the model's input, and who says so. */
  input: z.strictObject({
    contract: inputContract.nullable(),
    stated: z.boolean(),
    because: z.string(),
    readings: z.array(reading),
  }),
  clean: cleanMeasure.nullable(),
  trials: z.array(attackTrial),
  /** Of the largest budget. */
  bracket: attackBracket,
  smoothed: smoothedMeasure.optional(),
  expect: comparison.nullable(),
  notTried: z.array(z.string()),
  /** Why there is less than was asked for. */
  partial: z.string().optional(),
  command: z.string(),
  /** Of everything above. */
  hash: hexDigest,
  /** What changes from run to run. */
  run: z.strictObject({
    started: z.string(),
    seconds: z.number(),
    platform: z.string(),
    runtime: z.string(),
    workers: z.int(),
    reused: z.array(z.string()),
    requestsOut: z.int(),
  }),
});
export type AttackDocument = DeepReadonly<z.infer<typeof attackDocument>>;
