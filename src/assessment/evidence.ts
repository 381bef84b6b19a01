/** Trials, what they measured, and the evidence that came of them or was brought from elsewhere. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { attackerKnowledge, controlId, grade, hexDigest, isoDate, proportion, span } from "./scalars.ts";
import { dataReport } from "./data.ts";
import { scanFinding, scanRead, scanVerdict } from "./scan.ts";
import { bound, comparison } from "./system.ts";

/** Measured, or inconclusive because; inconclusive is never read as safe. */
export type Outcome<Measure> =
  | { readonly status: "measured"; readonly measure: Measure }
  | { readonly status: "inconclusive"; readonly because: string };

export const sanityCheck = z.strictObject({ check: z.string(), passed: z.boolean(), detail: z.string() });
export type SanityCheck = DeepReadonly<z.infer<typeof sanityCheck>>;

/** One attack's share of a trial. */
export const attackRun = z.strictObject({
  attack: z.string(),
  revision: z.int(),
  objective: z.string(),
  access: z.enum(["white-box", "scores", "labels"]),
  steps: z.int(),
  restarts: z.int(),
  queries: z.int(),
  gradients: z.int(),
  fooled: z.int(),
});
export type AttackRun = DeepReadonly<z.infer<typeof attackRun>>;

/** A point of accuracy against budget; eps as fraction of the declared range. */
export const curvePoint = z.strictObject({ eps: z.number(), robust: proportion });

/** An input before and after, kept as a PNG data URL or numbers, with what the model said. */
export const exhibit = z.strictObject({
  unit: z.string(),
  label: z.string(),
  before: z.strictObject({ said: z.string(), confidence: z.number(), image: z.string().optional() }),
  after: z.strictObject({ said: z.string(), confidence: z.number(), image: z.string().optional() }),
  difference: z.strictObject({
    linf: z.number(),
    l2: z.number(),
    image: z.string().optional(),
    magnified: z.number().optional(),
  }),
  attack: z.string(),
});
export type Exhibit = DeepReadonly<z.infer<typeof exhibit>>;

export const cleanMeasure = z.strictObject({
  kind: z.literal("clean"),
  accuracy: proportion,
  declared: z.number().optional(),
  perClass: z.array(z.strictObject({ label: z.string(), correct: z.int(), n: z.int() })),
  deterministic: z.boolean(),
});
/** Robustness from both sides: a bound below, the attacks above. Certified accuracy is null where nothing bounded the model. */
export const bracket = z.strictObject({
  certified: proportion.nullable(),
  empirical: proportion,
  /** Neither certified nor beaten. */
  undecided: z.int(),
  /** What bounded it. */
  method: z.array(z.string()),
});
export type Bracket = DeepReadonly<z.infer<typeof bracket>>;

export const evasionMeasure = z.strictObject({
  kind: z.literal("evasion"),
  norm: z.enum(["linf", "l2", "l1", "l0"]),
  eps: z.number(),
  epsRaw: z.number(),
  /** Right after the attack, of all tried (wrong before the attack counts as wrong). */
  robustAccuracy: proportion,
  /** Changed by the attack, of those right before it. */
  successRate: proportion,
  planned: z.int(),
  attacks: z.array(attackRun),
  curve: z.array(curvePoint),
  /** Accuracy under random noise of the same size: average case, no security claim. */
  noise: proportion,
  corruptions: z.array(z.strictObject({ name: z.string(), severity: z.int(), accuracy: proportion })),
  /** Smallest budget found per sample, as fraction of the range; null where none was found up to the whole range. */
  minimalBudget: z
    .strictObject({
      median: z.number().nullable(),
      deciles: z.array(z.number().nullable()),
      found: z.int(),
      n: z.int(),
    })
    .optional(),
  /** Budget without bound: must reach every eligible sample. */
  unbounded: proportion,
  bracket: bracket.optional(),
  queries: z.int(),
  gradients: z.int(),
  exhibits: z.array(exhibit),
});
export const patchMeasure = z.strictObject({
  kind: z.literal("patch"),
  area: z.number(),
  target: z.string().optional(),
  /** Per random draw of place, scale and light on inputs the patch was not made on. */
  successRate: proportion,
  /** Inputs (tracks) for which at least half of the draws succeed; inputs are independent, draws on one input are not. */
  perInput: proportion,
  /** The same patch area filled with noise or grey: what covering alone does. */
  occlusion: proportion,
  planned: z.int(),
  cells: z.array(z.strictObject({ name: z.string(), rate: proportion })),
  steps: z.int(),
  queries: z.int(),
  trainedOn: z.int(),
  exhibits: z.array(exhibit),
});
/** `accuracy` is under one corruption drawn per input, so that its n counts independent inputs; the worst one stands beside it. */
export const corruptionMeasure = z.strictObject({
  kind: z.literal("corruption"),
  accuracy: proportion,
  worst: z.strictObject({ name: z.string(), severity: z.int(), accuracy: proportion }),
  corruptions: z.array(z.strictObject({ name: z.string(), severity: z.int(), accuracy: proportion })),
});
/**
 * Our value: a statement about fewer attempts earns nothing and tries no class. After 20 refusals of 20 the 95 % upper end of a
 * success is still 0.17; fewer would leave the edge as good as open.
 */
export const ATTEMPTS_MIN = 20;

/** Hours, and how far they may be off. */
const hoursBetween = z.strictObject({ low: z.number(), likely: z.number(), high: z.number() });
/** A denial test, a scan, a penetration test: k successes (of the attacker) in n tries, by somebody else's method. */
export const statementMeasure = z.strictObject({
  kind: z.literal("statement"),
  successes: proportion,
  method: z.string(),
  adaptive: z.boolean(),
  /** Of a detection, where successes went unnoticed: mean times to the response, and to the attacker's next step. */
  response: z.strictObject({ hours: hoursBetween, attackHours: hoursBetween }).optional(),
});
export const scanMeasure = z.strictObject({
  kind: z.literal("scan"),
  tool: z.string(),
  results: z.int(),
  open: z.int(),
  notes: z.array(z.string()),
});
/** A file as the scanner left it, with what a reader has to see of it. */
export const scannedFile = z.strictObject({
  path: z.string(),
  sha256: hexDigest,
  size: z.int().min(0),
  verdict: scanVerdict,
  read: scanRead,
  /** Files and streams inside it, at any depth. */
  members: z.int().min(0),
  /** What led to the verdict, the gravest first; `member` names the way to the bytes where they lie in a member. */
  findings: z.array(scanFinding.extend({ member: z.string().optional() })),
  /** Findings that are not listed. */
  more: z.int().min(0),
});
export type ScannedFile = DeepReadonly<z.infer<typeof scannedFile>>;

/** What loading the files of one component or data set would do, read strictly and never run. */
export const artefactsMeasure = z.strictObject({
  kind: z.literal("artefacts"),
  of: z.enum(["component", "data"]),
  /** The worst of all files. "no code path found" needs every file read whole. It is no word on backdoors in weights. */
  verdict: scanVerdict,
  /** Worst first; not all where there are very many. */
  files: z.array(scannedFile),
  total: z.int().min(1),
  bytes: z.number().min(0),
  verdicts: z.record(scanVerdict, z.int().min(0)),
  read: z.record(scanRead, z.int().min(0)),
  /** What the system file speaks of and names no file for, so that it was not there to be scanned. */
  absent: z.array(z.string()),
});
export type ArtefactsMeasure = DeepReadonly<z.infer<typeof artefactsMeasure>>;

/** What the integrity checks said of one data set, each with the planted faults it saw. */
export const dataMeasure = z.strictObject({ kind: z.literal("data"), report: dataReport });
export type DataMeasure = DeepReadonly<z.infer<typeof dataMeasure>>;

export const measure = z.discriminatedUnion("kind", [
  cleanMeasure,
  evasionMeasure,
  patchMeasure,
  corruptionMeasure,
  statementMeasure,
  scanMeasure,
  artefactsMeasure,
  dataMeasure,
]);
export type Measure = DeepReadonly<z.infer<typeof measure>>;
export type CleanMeasure = DeepReadonly<z.infer<typeof cleanMeasure>>;
export type EvasionMeasure = DeepReadonly<z.infer<typeof evasionMeasure>>;
export type PatchMeasure = DeepReadonly<z.infer<typeof patchMeasure>>;
export type CorruptionMeasure = DeepReadonly<z.infer<typeof corruptionMeasure>>;

/** A threshold fixed before the run, with its reason (AIA-9.8). */
export const threshold = z.strictObject({
  metric: z.enum(["robust-accuracy", "success-rate", "accuracy", "harmful-files"]),
  compare: comparison,
  because: z.string(),
  where: span,
});
export type Threshold = DeepReadonly<z.infer<typeof threshold>>;

export const trial = z.strictObject({
  id: z.string(),
  kind: z.enum(["clean", "evasion", "patch", "corruption", "scan", "data"]),
  /** The component attacked; of a scan, the component or data set whose files are read; of checks, the data set. */
  target: z.string(),
  /** Threat types this trial is a test of. */
  tests: z.array(z.string()),
  /** The actor whose access it assumes. */
  by: z.string().optional(),
  knowledge: attackerKnowledge,
  unit: z.string(),
  planned: z.int(),
  /** Half-width of the 95 % interval at p = 0.5 with this n: what the gate can tell apart. */
  power: z.number(),
  budget: z.strictObject({
    norm: z.string().optional(),
    eps: z.number().optional(),
    epsRaw: z.number().optional(),
    area: z.number().optional(),
    /** The named ensemble of attacks; steps and queries are caps on it. */
    profile: z.string().optional(),
    steps: z.int().optional(),
    queries: z.int().optional(),
    restarts: z.int().optional(),
  }),
  bound: bound.optional(),
  threshold: threshold.optional(),
  stop: z.string(),
  seed: z.string(),
  /** Of everything above and of the inputs, before the first query. */
  manifest: hexDigest,
  /** What the measurement depends on; the same key is the same measurement. */
  key: hexDigest,
  inputs: z.array(z.strictObject({ role: z.string(), path: z.string(), sha256: hexDigest, size: z.number() })),
  where: span.optional(),
  /** Annex IV 2(g): who ran it, who reviewed it, how independent they were, and their signature if there is one. */
  ranBy: z.string().optional(),
  reviewedBy: z.string().optional(),
  independence: z.string().optional(),
  signature: z.string().optional(),
});
export type Trial = DeepReadonly<z.infer<typeof trial>>;

export const outcome = z.discriminatedUnion("status", [
  z.strictObject({ status: z.literal("measured"), measure }),
  z.strictObject({ status: z.literal("inconclusive"), because: z.string() }),
]);

export const evidence = z.strictObject({
  /** Content hash, first 16 hex digits with the prefix `ev-`. */
  id: z.string(),
  kind: z.enum(["measured", "verified", "declared", "imported"]),
  grade,
  title: z.string(),
  trial: z.string().optional(),
  /** Threat types it speaks of. */
  tests: z.array(z.string()),
  /** The component it speaks of; absent: the system. */
  at: z.string().optional(),
  control: controlId.optional(),
  /** Actors a control binds; absent: all. */
  binds: z.array(z.string()).optional(),
  outcome,
  sanity: z.array(sanityCheck),
  adaptive: z.boolean(),
  tool: z.strictObject({ name: z.string(), version: z.string() }),
  inputs: z.array(z.strictObject({ role: z.string(), sha256: z.string() })),
  date: isoDate.optional(),
  validUntil: isoDate.optional(),
  /** In date and of the deployed version, or stale with the reason; stale evidence earns nothing. */
  standing: z.discriminatedUnion("status", [
    z.strictObject({ status: z.literal("current") }),
    z.strictObject({ status: z.literal("stale"), because: z.string() }),
  ]),
  source: z.string().optional(),
  by: z.string().optional(),
  signature: z.enum(["verified", "unsigned", "invalid"]).optional(),
  notes: z.array(z.string()),
});
export type Evidence = DeepReadonly<z.infer<typeof evidence>>;
