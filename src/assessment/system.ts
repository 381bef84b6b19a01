/** The system under assessment, as read from its file: what it is for, what it is made of, who can touch it. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import {
  attackerKnowledge,
  consequence,
  controlId,
  harm,
  hexDigest,
  isoDate,
  level,
  profileId,
  span,
} from "./scalars.ts";

/** The eight kinds of S-72 and the three outside ones. */
export const COMPONENT_KINDS = [
  "model",
  "interface",
  "sensor",
  "database",
  "network",
  "compute",
  "preprocessing",
  "monitoring",
  "actuator",
  "human",
  "external",
] as const;
export const componentKind = z.enum(COMPONENT_KINDS);
export type ComponentKind = z.infer<typeof componentKind>;

/** S-27, S-29…S-31: how far the technology is from a program somebody wrote. */
export const TECHNOLOGY_LEVELS = ["symbolic", "traditional", "deep", "large-scale"] as const;
export const technologyLevel = z.enum(TECHNOLOGY_LEVELS);

/** The ways into a component that every kind has by default (METHOD §5); an unanswered one counts as existing. */
export const USUAL_FLOWS = [
  "import-media",
  "remote-maintenance",
  "update",
  "administration",
  "backup",
  "supplier-access",
  "physical-presence",
] as const;
export const usualFlow = z.enum(USUAL_FLOWS);
export type UsualFlow = z.infer<typeof usualFlow>;

export const LIFECYCLE_STAGES = [
  "design",
  "development",
  "verification",
  "deployment",
  "operation",
  "retirement",
] as const;
export const lifecycleStage = z.enum(LIFECYCLE_STAGES);

/** How raw values of a data file become what the network takes: (value·scale − mean)/std, per channel. Attacks act on the raw values. */
export const inputContract = z.strictObject({
  layout: z.enum(["NCHW", "NHWC", "NHW", "NF", "NTF"]).optional(),
  range: z.tuple([z.number(), z.number()]),
  scale: z.number(),
  mean: z.array(z.number()),
  std: z.array(z.number()),
  integer: z.boolean(),
});
export type InputContract = DeepReadonly<z.infer<typeof inputContract>>;

/** Where a signature lies, and that what it leaves out must not be there. */
const signatureKeys = { bundle: z.string().optional(), whole: z.boolean().optional() };
/** Who must have signed: the holder of a key, an identity (Sigstore), or somebody certified below a root. Paths lie below the system file's folder. */
export const signature = z.union([
  z.strictObject({ key: z.string(), ...signatureKeys }),
  z.strictObject({ identity: z.string(), issuer: z.string(), trustedRoot: z.string(), ...signatureKeys }),
  z.strictObject({ root: z.array(z.string()), chain: z.array(z.string()), crl: z.array(z.string()), ...signatureKeys }),
]);
export type Signature = DeepReadonly<z.infer<typeof signature>>;

export const model = z.strictObject({
  level: technologyLevel,
  role: z.enum(["advisory", "decisive", "safety-function"]),
  task: z.enum(["classification", "regression", "forecasting", "detection", "generation", "decision-rules"]),
  artefact: z.string().optional(),
  sha256: hexDigest.optional(),
  /** Who must have signed the artefact, and where the signature lies. */
  signature: signature.optional(),
  input: inputContract.optional(),
  classes: z.array(z.string()).optional(),
  head: z.enum(["exclusive", "binary", "multi-label", "regression"]).optional(),
  accuracy: z.strictObject({ declared: z.number().min(0).max(1), on: z.string(), where: span.optional() }).optional(),
  origin: z.strictObject({
    trainedBy: z.enum(["provider", "third-party", "unknown"]),
    pretrained: z.string().optional(),
    supplier: z.string().optional(),
    licence: z.string().optional(),
    /** Of the base model, as it came. */
    version: z.string().optional(),
    sha256: hexDigest.optional(),
  }),
  training: z.strictObject({
    continual: z.boolean(),
    federated: z.boolean(),
    personalData: z.boolean(),
    datasets: z.array(z.string()),
  }),
  onDevice: z.boolean(),
  tools: z.boolean(),
  untrustedContent: z.boolean(),
});
export type Model = DeepReadonly<z.infer<typeof model>>;

/** A file or folder a component is loaded from, besides the model's own: an adapter, a tokenizer, a package, a pretrained part. */
export const componentFile = z.strictObject({
  path: z.string(),
  sha256: hexDigest.optional(),
  role: z.enum(["pretrained", "adapter", "other"]),
  where: span,
});

export type ComponentFile = DeepReadonly<z.infer<typeof componentFile>>;

export const component = z.strictObject({
  id: z.string(),
  kind: componentKind,
  title: z.string(),
  note: z.string().optional(),
  version: z.string().optional(),
  holds: z.array(z.string()),
  /** Answers to the usual flows: "none", or the flow's name in the author's words. Missing = unanswered = it exists. */
  usual: z.partialRecord(usualFlow, z.string()),
  model: model.optional(),
  files: z.array(componentFile).optional(),
  where: span,
});
export type Component = DeepReadonly<z.infer<typeof component>>;

export const dataFlow = z.strictObject({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  carries: z.array(z.string()),
  over: z.string().optional(),
  signed: z.boolean(),
  encrypted: z.boolean(),
  authenticated: z.boolean(),
  where: span,
});
export type DataFlow = DeepReadonly<z.infer<typeof dataFlow>>;

export const boundary = z.strictObject({
  id: z.string(),
  title: z.string(),
  parent: z.string().optional(),
  components: z.array(z.string()),
  where: span,
});
export type Boundary = DeepReadonly<z.infer<typeof boundary>>;

export const asset = z.strictObject({
  id: z.string(),
  title: z.string(),
  security: level,
  privacy: level,
  personal: z.boolean(),
  where: span,
});
export type Asset = DeepReadonly<z.infer<typeof asset>>;

/** Attempts per year; METHOD §4. */
export const attempts = z.strictObject({
  low: z.number().min(0),
  likely: z.number().min(0),
  high: z.number().min(0),
  because: z.string(),
  assumed: z.boolean(),
});

export const actor = z.strictObject({
  id: z.string(),
  title: z.string(),
  profile: profileId,
  touches: z.array(z.string()),
  knows: attackerKnowledge,
  /** Replaces the profile's own attempts per year where the author argues for another figure. */
  attempts: attempts.optional(),
  /** Put there by the method, not by the author (the foothold of METHOD §5). */
  byMethod: z.boolean(),
  where: span.optional(),
});
export type Actor = DeepReadonly<z.infer<typeof actor>>;

export const dataset = z.strictObject({
  id: z.string(),
  title: z.string(),
  path: z.string().optional(),
  /** Where labels lie when they are not in the same file. */
  labels: z.string().optional(),
  role: z.enum(["training", "validation", "test", "knowledge-base", "operational"]),
  personal: z.boolean(),
  sha256: hexDigest.optional(),
  provenance: z
    .strictObject({
      source: z.string(),
      collected: isoDate.optional(),
      licence: z.string().optional(),
      version: z.string().optional(),
      suppliers: z.array(z.string()),
    })
    .optional(),
  where: span,
});
export type Dataset = DeepReadonly<z.infer<typeof dataset>>;

/** What an agreement with a supplier can give: the four that Art. 25(4) names, and two of practice (C-05). */
export const AGREEMENT_TOPICS = [
  "information",
  "capabilities",
  "technical-access",
  "assistance",
  "change-notice",
  "test-access",
] as const;
export const agreementTopic = z.enum(AGREEMENT_TOPICS);

/** Somebody from whom components or data come. */
export const supplier = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** Ids of components and datasets. */
  supplies: z.array(z.string()),
  openSource: z.boolean(),
  generalPurpose: z.boolean(),
  agreement: z.string().optional(),
  covers: z.array(agreementTopic),
  until: isoDate.optional(),
  where: span,
});
export type Supplier = DeepReadonly<z.infer<typeof supplier>>;

/** A control the author says is there. The same control may stand in several places. */
export const declaredControl = z.strictObject({
  id: z.string(),
  control: controlId,
  at: z.string(),
  kind: z.enum(["measured", "verified", "declared"]),
  evidence: z.string().optional(),
  date: isoDate.optional(),
  note: z.string().optional(),
  /** The component that this control is, where it is itself a model: threats to it are threats to the control (S-127). */
  component: z.string().optional(),
  where: span,
});
export type DeclaredControl = DeepReadonly<z.infer<typeof declaredControl>>;

/** A budget as the author wrote it and as a fraction of the declared range. */
export const budget = z.strictObject({
  fraction: z.number().positive(),
  raw: z.number().positive(),
  written: z.string(),
});
export const comparison = z.strictObject({ at: z.enum([">=", "<="]), value: z.number().min(0).max(1) });

const plannedTestBase = {
  id: z.string(),
  because: z.string(),
  /** Whose access this trial assumes; absent: any actor that reaches the input. */
  by: z.string().optional(),
  samples: z.int().min(1).optional(),
  queries: z.int().min(1).optional(),
  where: span,
  thresholdWhere: span.optional(),
};
/** What holds an actor to the budget (METHOD §2): who is not listed can replace the whole input. */
export const bound = z.strictObject({
  by: z.enum(["human-check", "physics", "filter"]),
  because: z.string(),
  actors: z.array(z.string()),
});
export const plannedTest = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("evasion"),
    ...plannedTestBase,
    model: z.string(),
    norm: z.enum(["linf", "l2"]),
    eps: budget,
    data: z.string().optional(),
    bound: bound.optional(),
    robustAccuracy: comparison.optional(),
    successRate: comparison.optional(),
  }),
  z.strictObject({
    kind: z.literal("patch"),
    ...plannedTestBase,
    model: z.string(),
    area: z.number().gt(0).max(1),
    data: z.string().optional(),
    target: z.string().optional(),
    successRate: comparison.optional(),
    placement: z.strictObject({
      scale: z.tuple([z.number(), z.number()]),
      rotationDegrees: z.number().min(0).max(180),
      brightness: z.tuple([z.number(), z.number()]),
      anywhere: z.boolean(),
    }),
  }),
  z.strictObject({
    kind: z.literal("corruption"),
    ...plannedTestBase,
    model: z.string(),
    data: z.string().optional(),
    accuracy: comparison.optional(),
  }),
]);
export type PlannedTest = DeepReadonly<z.infer<typeof plannedTest>>;

/** Evidence from elsewhere for the conventional half: a SARIF log, a CycloneDX VEX, a signed statement. */
export const importedSource = z.strictObject({
  id: z.string(),
  format: z.enum(["sarif", "vex", "statement"]),
  path: z.string(),
  for: z.array(z.string()),
  at: z.string().optional(),
  where: span,
});
export type ImportedSource = DeepReadonly<z.infer<typeof importedSource>>;

export const severityClaim = z.strictObject({
  consequence,
  harm,
  severity: level,
  because: z.string(),
  assumed: z.boolean(),
  where: span.optional(),
});
export type SeverityClaim = DeepReadonly<z.infer<typeof severityClaim>>;

/** The highest acceptable probability per year of one harmful event, per severity. */
export const criterion = z.strictObject({
  harm,
  severity: level,
  perYear: z.number().positive(),
  source: z.string(),
  acceptor: z.string().optional(),
});

/** A class of Art. 15(5) or a threat that the author excludes, with what shows it. */
export const exclusion = z.strictObject({
  what: z.string(),
  because: z.string(),
  evidence: z.string().optional(),
  where: span,
});

export const system = z.strictObject({
  format: z.literal("vauban/system/1"),
  name: z.string(),
  version: z.string().optional(),
  purpose: z.string(),
  excluded: z.array(z.string()),
  context: z.string().optional(),
  misuse: z.array(z.string()),
  environment: z.enum(["virtual", "physical", "both"]),
  synthetic: z.boolean(),
  law: z.strictObject({
    role: z.enum(["provider", "deployer", "importer", "distributor", "product-manufacturer"]),
    /** "annex-III.2", "annex-I.11", "annex-I.B", or "none" with the reasoning. */
    listing: z.string(),
    placing: isoDate.optional(),
    reasoning: z.string().optional(),
    presumptions: z.array(z.strictObject({ route: z.string(), covers: z.array(z.string()), reference: z.string() })),
    where: span.optional(),
  }),
  stage: lifecycleStage,
  sector: z.string(),
  components: z.array(component),
  flows: z.array(dataFlow),
  boundaries: z.array(boundary),
  assets: z.array(asset),
  actors: z.array(actor),
  datasets: z.array(dataset),
  /** Absent where the file has no such section. */
  suppliers: z.array(supplier).optional(),
  controls: z.array(declaredControl),
  tests: z.array(plannedTest),
  imports: z.array(importedSource),
  harms: z.array(severityClaim),
  criteria: z.array(criterion),
  exclusions: z.array(exclusion),
  /** Exposures per successful attempt where one attempt meets many victims (a sticker and the vehicles that pass it). */
  exposures: z.array(
    z.strictObject({
      threat: z.string(),
      low: z.number().min(1),
      likely: z.number().min(1),
      high: z.number().min(1),
      because: z.string(),
      where: span,
    }),
  ),
  reviewers: z.array(
    z.strictObject({ name: z.string(), role: z.string(), independent: z.boolean(), date: isoDate.optional() }),
  ),
  where: span,
});
export type System = DeepReadonly<z.infer<typeof system>>;
