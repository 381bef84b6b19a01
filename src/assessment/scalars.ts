/** The small words every noun is made of: levels, harms, estimates, intervals, places. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";

export const span = z.strictObject({
  file: z.string(),
  line: z.int().min(1),
  column: z.int().min(1),
  endLine: z.int().min(1).optional(),
  endColumn: z.int().min(1).optional(),
});

/** NIST SP 800-30 r1's five qualitative levels. */
export const LEVELS = ["VL", "L", "M", "H", "VH"] as const;
export const level = z.enum(LEVELS);
export type Level = z.infer<typeof level>;

/** What a person or a society can suffer (S-19, S-88); severity is given per harm. */
export const HARMS = ["health", "safety", "fundamental-rights", "privacy", "property", "continuity"] as const;
export const harm = z.enum(HARMS);
export type Harm = z.infer<typeof harm>;

/** What a threat does to the system, before anyone is harmed. The author says which harm follows from each. */
export const CONSEQUENCES = ["wrong-output", "no-output", "disclosure", "altered-system"] as const;
export const consequence = z.enum(CONSEQUENCES);
export type Consequence = z.infer<typeof consequence>;

/** Security and privacy are valued and shown apart (S-12). */
export const dimension = z.enum(["security", "privacy"]);
export type Dimension = z.infer<typeof dimension>;

/** The five classes of attack named in Art. 15(5), and what else a threat can belong to. */
export const ATTACK_CLASSES = ["DP", "MP", "AE", "CA", "MF"] as const;
export const attackClass = z.enum(ATTACK_CLASSES);
export type AttackClass = z.infer<typeof attackClass>;
export const threatClass = z.enum([...ATTACK_CLASSES, "SYS", "ROB"]);

/** The five verbs of Art. 15(5). */
export const VERBS = ["prevent", "detect", "respond", "resolve", "control"] as const;
export const verb = z.enum(VERBS);
export type Verb = z.infer<typeof verb>;

/** METHOD §7: A measured end to end, adaptive, this version … F nothing, or another version. */
export const GRADES = ["A", "B", "C", "D", "E", "F"] as const;
export const grade = z.enum(GRADES);
export type Grade = z.infer<typeof grade>;

export const ATTACKER_KNOWLEDGE = ["black", "grey", "white"] as const;
export const attackerKnowledge = z.enum(ATTACKER_KNOWLEDGE);
export type AttackerKnowledge = z.infer<typeof attackerKnowledge>;

/** Where an estimate comes from; "measured" names k of n and the evidence. */
export const basis = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("measured"),
    k: z.int().min(0),
    n: z.int().min(0),
    unit: z.string(),
    evidence: z.array(z.string()),
  }),
  z.strictObject({ kind: z.literal("literature"), source: z.string() }),
  z.strictObject({ kind: z.literal("assumed"), why: z.string() }),
  z.strictObject({ kind: z.literal("derived"), why: z.string() }),
]);
export type Basis = DeepReadonly<z.infer<typeof basis>>;

/** An interval with a central figure; low ≤ likely ≤ high, and the basis says where it is from. */
export const estimate = z.strictObject({ low: z.number(), likely: z.number(), high: z.number(), basis, grade });
export type Estimate = DeepReadonly<z.infer<typeof estimate>>;

/** k of n with its two-sided 95 % Clopper–Pearson interval; `unit` is the thing n counts. */
export const proportion = z.strictObject({
  k: z.int().min(0),
  n: z.int().min(0),
  unit: z.string(),
  low: z.number().min(0).max(1),
  high: z.number().min(0).max(1),
});
export type Proportion = DeepReadonly<z.infer<typeof proportion>>;

export const isoDate = z.string().regex(/^\d{4}(-\d{2}(-\d{2})?)?$/, "a date as YYYY, YYYY-MM or YYYY-MM-DD");
export const hexDigest = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 digest: 64 lower-case hex digits");
export const controlId = z.string().regex(/^C-\d{2}$/, "a control of the catalogue, such as C-30");
export const threatTypeId = z.string().regex(/^T-\d{2}$/, "a threat of the catalogue, such as T-01");
export const profileId = z.string().regex(/^AT-\d{1,2}$/, "an attacker profile, AT-1 … AT-11");
