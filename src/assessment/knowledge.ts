/** Knowledge entries: threats, controls, clauses, attacker profiles and sector packs, each with its source and edition. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import {
  consequence,
  controlId,
  dimension,
  harm,
  isoDate,
  level,
  profileId,
  threatClass,
  threatTypeId,
  verb,
} from "./scalars.ts";
import { componentKind, lifecycleStage, usualFlow } from "./system.ts";

/** V read in the primary text · V2 in a secondary text · R unconfirmed · I our own method. Only V and V2 may be shown as "the law says". */
export const verification = z.enum(["V", "V2", "R", "I"]);
/** S-18: how much a source binds. */
export const authority = z.enum([
  "binding-law",
  "harmonised-standard",
  "standard",
  "guidance",
  "research",
  "product-method",
]);
export const source = z.strictObject({
  key: z.string(),
  title: z.string(),
  edition: z.string(),
  authority,
  mark: verification,
  where: z.string().optional(),
  checked: isoDate,
});
export type Source = DeepReadonly<z.infer<typeof source>>;

/** One taxonomy's name for a thing; the edition is part of the id, for ids change their meaning between editions. */
export const mapping = z.strictObject({
  framework: z.string(),
  edition: z.string(),
  id: z.string(),
  name: z.string().optional(),
});

export const threatType = z.strictObject({
  id: threatTypeId,
  /** The readable half of a threat's id: `evasion` in `evasion@cnn`. */
  slug: z.string().regex(/^[a-z][a-z0-9-]*$/),
  title: z.string(),
  /** One or two plain sentences: what an attacker does and why it matters. */
  summary: z.string(),
  classes: z.array(threatClass).min(1),
  consequences: z.array(consequence).min(1),
  dimensions: z.array(dimension).min(1),
  /** Which profiles have a reason and the means; others are set aside with that reason. */
  actors: z.array(profileId).min(1),
  conventional: z.boolean(),
  stage: z.array(lifecycleStage).min(1),
  /** Whether the state of the art has a proven measure at model level (S-105, S-116). */
  modelLevel: z.enum(["proven", "partly", "none", "not-applicable"]),
  /** What a trial of it would have to show to count. */
  evidence: z.array(z.string()).min(1),
  mappings: z.array(mapping),
  /** Frameworks that have no counterpart: itself a finding. */
  gaps: z.array(z.string()),
  sources: z.array(source).min(1),
});
export type ThreatType = DeepReadonly<z.infer<typeof threatType>>;

export const maturity = z.enum(["proven", "emerging", "research", "broken"]);

/** What a thing costs, 0 nothing · 1 little · 2 clearly · 3 heavily: our judgement, only ever compared, never shown as money. */
const costPoints = z.int().min(0).max(3);
export const COST_KINDS = ["effort", "latency", "accuracy", "transparency"] as const;
export const controlCost = z.strictObject({
  effort: costPoints,
  latency: costPoints,
  accuracy: costPoints,
  transparency: costPoints,
});
export type ControlCost = DeepReadonly<z.infer<typeof controlCost>>;

/** The most anybody published for a control, under the conditions it was published for: a fact with its source, no effect to reckon with. */
export const effectCeiling = z.strictObject({
  /** In plain words, with the figure. */
  says: z.string(),
  of: z.enum(["robust-accuracy", "certified-accuracy", "success-rate", "utility"]),
  figure: z.number().min(0).max(1),
  /** Where it was shown. It decides only where a trial's data are that very benchmark. */
  benchmark: z.string(),
  norm: z.enum(["linf", "l2"]).optional(),
  /** As a fraction of the input range in L∞, in units of it in L2. */
  eps: z.number().positive().optional(),
  threats: z.array(threatTypeId).min(1),
  source,
});
export type EffectCeiling = DeepReadonly<z.infer<typeof effectCeiling>>;

/** What a planner has to know of a control. Everything but the ceilings is our own judgement (mark I). */
export const controlPlanning = z.strictObject({
  mark: z.literal("I"),
  /** Art. 9(5): (a) removed or reduced by design, (b) mitigated and controlled, (c) information and training. */
  tier: z.enum(["design", "mitigation", "information"]),
  /**
   * How it can move a figure: "closes" ways, shown by a denial test; "lowers" success, shown only by the attack re-run against it,
   * adaptive; "supports" others and moves no figure itself.
   */
  acts: z.enum(["closes", "lowers", "supports"]),
  cost: controlCost,
  /** Where it can stand besides components of the kinds it applies to. */
  alsoAt: z.array(z.enum(["boundary", "flow", "usual-flow"])),
  /** Controls without which it does not work: of each entry at least one has to stand somewhere in the system. */
  needs: z.array(z.strictObject({ anyOf: z.array(controlId).min(1), because: z.string() })),
  /** "excludes": the two cannot stand in one system; "strains": they can, at a price that is shown. */
  conflicts: z.array(z.strictObject({ with: controlId, kind: z.enum(["excludes", "strains"]), because: z.string() })),
  /** Duties of the law that it makes harder to meet. */
  strains: z.array(z.strictObject({ clause: z.string(), because: z.string() })),
  ceilings: z.array(effectCeiling),
});

export const control = z.strictObject({
  id: controlId,
  title: z.string(),
  summary: z.string(),
  layer: z.enum(["organisational", "data", "model", "interface", "system", "infrastructure", "operation"]),
  verbs: z.array(verb).min(1),
  stages: z.array(lifecycleStage).min(1),
  appliesTo: z.array(componentKind),
  threats: z.array(z.union([threatTypeId, z.literal("all")])).min(1),
  maturity,
  maturityReason: z.string(),
  limits: z.array(z.string()),
  tradeoffs: z.array(z.string()),
  /** What would count as evidence that it works. */
  evidence: z.array(z.string()).min(1),
  /** Days after which a verification must be repeated; our default is a year. */
  validDays: z.int().min(1),
  /** Threats this control makes worse (C-30 raises T-17). */
  raises: z.array(threatTypeId),
  /** Every entry of the catalogue has it; documents of earlier versions do not. */
  planning: controlPlanning.optional(),
  mappings: z.array(mapping),
  sources: z.array(source).min(1),
});
export type Control = DeepReadonly<z.infer<typeof control>>;

/**
 * What decides a clause (claims/ holds one evaluator per kind): "attack-class" the threats of that class, "system-security"
 * the conventional half, "threat-model" that threats were derived, "risk-register" that risks were judged, "thresholds" that
 * they stood before the run, "accuracy" the clean run, "robustness" noise and corruption, "architecture" the system model,
 * "controls" the control statement, "feedback-loop" whether a model goes on learning, "supply-chain" provenance and suppliers,
 * "logging" and "oversight" the controls named for them, "appropriateness" the conclusion for the system, "consistency" what
 * watches levels over time, "report" that this document provides it, "document" something only a person can bring.
 */
export const clauseDecider = z.enum([
  "attack-class",
  "system-security",
  "threat-model",
  "risk-register",
  "thresholds",
  "accuracy",
  "robustness",
  "architecture",
  "controls",
  "feedback-loop",
  "supply-chain",
  "logging",
  "oversight",
  "report",
  "appropriateness",
  "consistency",
  "document",
]);
export const clause = z.strictObject({
  id: z.string().regex(/^(AIA-|A4\.|CRA-|A3\.)/),
  framework: z.enum(["AI Act", "AI Act Annex IV", "AI Act Annex III", "Cyber Resilience Act"]),
  article: z.string(),
  title: z.string(),
  /** In our own words; never the law's text. */
  text: z.string(),
  kind: z.enum(["requirement", "documentation", "listing", "route"]),
  decidedBy: clauseDecider,
  attackClass: threatClass.optional(),
  evidence: z.array(z.string()),
  /** What we test for it, in a sentence. */
  tested: z.string(),
  /** Which listing and date it applies to; dates are data. */
  appliesTo: z.enum([
    "high-risk",
    "annex-III",
    "annex-I.A",
    "continual-learning",
    "remote-biometrics",
    "cra-products",
    "all",
  ]),
  sources: z.array(source).min(1),
});
export type Clause = DeepReadonly<z.infer<typeof clause>>;

/** When Chapter III applies, per listing. */
export const applicationDate = z.strictObject({
  id: z.string(),
  listing: z.string(),
  appliesFrom: isoDate,
  text: z.string(),
  sources: z.array(source).min(1),
});

export const attackerProfile = z.strictObject({
  id: profileId,
  title: z.string(),
  motive: z.string(),
  knows: z.enum(["black", "grey", "white"]),
  capability: z.string(),
  inside: z.boolean(),
  /** Usual flows such an actor can use when they exist. */
  uses: z.array(usualFlow),
  /** Attempts per year we start from; assumed, and first in every sensitivity chart. */
  attempts: z.strictObject({
    low: z.number().min(0),
    likely: z.number().min(0),
    high: z.number().min(0),
    because: z.string(),
  }),
  /** Where another figure is a better start for one threat. */
  attemptsFor: z.array(
    z.strictObject({
      threats: z.array(threatTypeId).min(1),
      low: z.number().min(0),
      likely: z.number().min(0),
      high: z.number().min(0),
      because: z.string(),
    }),
  ),
  sources: z.array(source).min(1),
});
export type AttackerProfile = DeepReadonly<z.infer<typeof attackerProfile>>;

export const sectorPack = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** Starting values, to be argued per sector. */
  criteria: z.array(z.strictObject({ severity: level, perYear: z.number().positive() })).min(1),
  severities: z.array(z.strictObject({ consequence, harm, severity: level, because: z.string() })).min(1),
  otherLaw: z.array(z.string()),
  sources: z.array(source).min(1),
});
export type SectorPack = DeepReadonly<z.infer<typeof sectorPack>>;

/** One sentence users may be shown about something that never counts as mitigation (domain/04 §8). */
export const weakClaim = z.strictObject({
  id: z.string(),
  claim: z.string(),
  why: z.string(),
  control: controlId.optional(),
  sources: z.array(source).min(1),
});

export const knowledge = z.strictObject({
  edition: z.string(),
  hash: z.string(),
  threats: z.array(threatType),
  controls: z.array(control),
  clauses: z.array(clause),
  dates: z.array(applicationDate),
  profiles: z.array(attackerProfile),
  sectors: z.array(sectorPack),
  weakClaims: z.array(weakClaim),
});
export type Knowledge = DeepReadonly<z.infer<typeof knowledge>>;
