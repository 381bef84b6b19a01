/** What is concluded: findings, risks, claims, the matrix, and the outcome for the system. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { attackClass, consequence, dimension, estimate, harm, level, span, threatTypeId, verb } from "./scalars.ts";
import { evaluation } from "./graph.ts";
import { path, reach } from "./threats.ts";

export const finding = z.strictObject({
  /** `F-` and the readable id of what it is about. */
  id: z.string(),
  kind: z.enum([
    "threat",
    "threshold",
    "integrity",
    "sanity",
    "control",
    "coverage",
    "declaration",
    "imported",
    "register",
    "artefact",
    "data",
  ]),
  status: z.enum(["confirmed", "resisted", "untested", "inconclusive", "stale"]),
  severity: z.enum(["error", "warning", "note"]),
  title: z.string(),
  detail: z.string(),
  /** What to do next, and with which command. */
  remedy: z.string().optional(),
  /** Group of threats, when it is about one. */
  threat: z.string().optional(),
  type: threatTypeId.optional(),
  at: z.string().optional(),
  evidence: z.array(z.string()),
  where: span.optional(),
  /** Bytes of files that it is about; of a member, within the member. */
  regions: z
    .array(
      z.strictObject({
        path: z.string(),
        member: z.string().optional(),
        start: z.int().min(0),
        end: z.int().min(0),
        rule: z.string(),
        message: z.string(),
      }),
    )
    .optional(),
});
export type Finding = DeepReadonly<z.infer<typeof finding>>;

export const judgement = z.enum(["missed", "open", "within"]);
export type Judgement = z.infer<typeof judgement>;

/** A risk of one threat by one actor to one harm; likelihoods are per year. */
export const risk = z.strictObject({
  /** `evasion@cnn by radiographer -> health` */
  id: z.string(),
  threat: z.string(),
  group: z.string(),
  type: threatTypeId,
  at: z.string(),
  actor: z.string(),
  reach,
  path,
  consequence,
  harm,
  dimension,
  severity: level,
  severityBasis: z.string(),
  attempts: estimate,
  /** Success of one attempt, no controls credited. */
  successInherent: estimate,
  /** Success of one attempt with the controls that have earned credit. */
  successCurrent: estimate,
  exposures: z.strictObject({ low: z.number(), likely: z.number(), high: z.number(), because: z.string() }).optional(),
  /** Harmful events per year. */
  expected: estimate,
  inherent: estimate,
  current: estimate,
  criterion: z.strictObject({ perYear: z.number(), source: z.string(), acceptor: z.string().optional() }),
  judgement,
  inherentJudgement: judgement,
  /** Would the criterion be exceeded if every attempt succeeded? */
  significant: z.boolean(),
  /** Its evidence is missing, inconclusive or stale. */
  untested: z.boolean(),
  controls: z.array(
    z.strictObject({
      control: z.string(),
      at: z.string(),
      credited: z.boolean(),
      why: z.string(),
      evidence: z.array(z.string()),
    }),
  ),
  /** Independent layers that were measured or verified on the way (METHOD §6). */
  depth: z.int(),
  view: z.strictObject({ likelihood: level, impact: level, level }),
  /** Assets that the threat is to. */
  assets: z.array(z.string()),
  /** Groups of threats by the same actor that this one is easier with: their ways are in the figures. */
  helpedBy: z.array(z.string()),
  /** Controls in place that make this threat worse (the catalogue's `raises`). */
  raisedBy: z.array(z.strictObject({ control: z.string(), at: z.string() })),
  /** A second reading where two are possible (METHOD §4). */
  otherReading: z.strictObject({ why: z.string(), low: z.number(), likely: z.number(), high: z.number() }).optional(),
  evidence: z.array(z.string()),
  caveats: z.array(z.string()),
});
export type Risk = DeepReadonly<z.infer<typeof risk>>;

/** A row of the Art. 9 register (level 1): one harm, over all ways and actors, with the cyber risks (level 2) that lead to it. */
export const registerRow = z.strictObject({
  /** The harm; a risk finds its row by its `harm`. */
  id: harm,
  severity: level,
  /** The worst of `totals` and of the risks one by one. */
  judgement,
  because: z.string(),
  /** Ids of the risks that lead here, worst first. */
  risks: z.array(z.string()),
  /** Probability of at least one event per year of this severity or worse, held against the criterion of that severity. */
  totals: z.array(
    z.strictObject({
      severity: level,
      perYear: z.number(),
      /** Goal of the attack graph. */
      goal: z.string(),
      evaluation,
      judgement,
      /** The worst judgement among the risks of this severity or worse, each by itself. */
      singly: judgement,
    }),
  ),
  /** How much of it goes through each asset, whatever the severity. */
  assets: z.array(z.strictObject({ asset: z.string(), goal: z.string(), evaluation })),
});
export type RegisterRow = DeepReadonly<z.infer<typeof registerRow>>;

export const claim = z.strictObject({
  clause: z.string(),
  status: z.enum(["supported", "contradicted", "missing", "stale", "not-applicable"]),
  /** One sentence: why this status. */
  because: z.string(),
  evidence: z.array(z.string()),
  findings: z.array(z.string()),
  caveats: z.array(z.string()),
  appliesFrom: z.string().optional(),
});
export type Claim = DeepReadonly<z.infer<typeof claim>>;

/**
 * One of the 25 cells: filled by controls with credit, checked once by this run, declared only, excluded with the reason, or
 * empty. A check of this run is no control in operation, so it fills nothing.
 */
export const matrixCell = z.strictObject({
  class: attackClass,
  verb,
  state: z.enum(["filled", "checked", "declared-only", "excluded", "empty"]),
  controls: z.array(z.string()),
  because: z.string(),
  /** What was tried of it, one sentence each, and what was not. */
  tried: z.array(z.string()),
  notTried: z.array(z.string()),
  evidence: z.array(z.string()),
});
export type MatrixCell = DeepReadonly<z.infer<typeof matrixCell>>;

export const classCoverage = z.strictObject({
  class: attackClass,
  status: z.enum(["tried", "excluded", "not-tried"]),
  because: z.string(),
});
export type ClassCoverage = DeepReadonly<z.infer<typeof classCoverage>>;

export const SYSTEM_OUTCOMES = [
  "not met",
  "not feasible with mature measures",
  "cannot conclude",
  "supported via complementary measures",
  "supported by own justification",
] as const;
export const systemOutcome = z.strictObject({
  outcome: z.enum(SYSTEM_OUTCOMES),
  row: z.enum(["1a", "1b", "2", "3", "4"]),
  byAnalogy: z.boolean(),
  /** One sentence. */
  because: z.string(),
  /** Everything that makes the row apply, worst first. */
  reasons: z.array(z.string()),
  /** Conditions that carry the conclusion ("while C-92 holds at pacs"), each with the outcome without it. */
  carriedBy: z.array(
    z.strictObject({
      control: z.string(),
      at: z.string(),
      evidence: z.array(z.string()),
      without: z.enum(SYSTEM_OUTCOMES),
      path: z.string(),
    }),
  ),
  coverage: z.array(classCoverage),
  notTried: z.array(z.strictObject({ what: z.string(), because: z.string(), remedy: z.string() })),
  /** What would narrow most, in order, with the command. */
  next: z.array(z.strictObject({ what: z.string(), narrows: z.number(), command: z.string().optional() })),
  exit: z.union([z.literal(0), z.literal(1), z.literal(2)]),
});
export type SystemOutcome = DeepReadonly<z.infer<typeof systemOutcome>>;
