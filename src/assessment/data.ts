/** What `vauban data` says about a data set: a document of its own, and what an assessment takes as evidence on the data. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { controlId, hexDigest, isoDate, proportion, threatTypeId } from "./scalars.ts";

export const DATA_FORMAT = "vauban/data/1";

/**
 * What a check came to. "cannot tell": it could not be made, or found nothing while it misses too many of the faults planted
 * into these very data. "not asked": what it needs – training data, a reference, labels – was not given. "does not apply": data of
 * this kind have nothing that it looks at, whatever is given.
 */
export const DATA_OUTCOMES = ["found", "nothing found", "cannot tell", "not asked", "does not apply"] as const;
export const dataOutcome = z.enum(DATA_OUTCOMES);
export type DataOutcome = z.infer<typeof dataOutcome>;

/** fault: wrong whatever the data are for. doubt: a person has to look. note: worth knowing. */
export const DATA_SEVERITIES = ["fault", "doubt", "note"] as const;
export const dataSeverity = z.enum(DATA_SEVERITIES);

/** One sample a finding is about; samples count from 0 in the order of the files. */
export const dataItem = z.strictObject({
  sample: z.int().min(0),
  /** Its file, where samples are files. */
  file: z.string().optional(),
  /** The sample it is like. */
  like: z.int().min(0).optional(),
  /** Where `like` lies, when not in the same data. */
  in: z.enum(["train", "reference"]).optional(),
  /** What is there, and what the check would expect. */
  given: z.string().optional(),
  expected: z.string().optional(),
  /** The check's own score: a distance, a probability. */
  score: z.number().optional(),
});
export type DataItem = z.infer<typeof dataItem>;

export const dataFinding = z.strictObject({
  rule: z.string(),
  severity: dataSeverity,
  message: z.string(),
  /** How many of how many: samples, pairs, cells, columns. */
  count: z.int().min(0),
  of: z.int().min(0),
  unit: z.string(),
  /** The first of them, or the worst where the check ranks them; `count` says how many there are. */
  items: z.array(dataItem),
});
export type DataFinding = DeepReadonly<z.infer<typeof dataFinding>>;

/** An estimate; `low` and `high` where it has an interval, and `method` says of what kind. */
export const dataFigure = z.strictObject({
  name: z.string(),
  value: z.number(),
  low: z.number().optional(),
  high: z.number().optional(),
  method: z.string(),
});
export type DataFigure = DeepReadonly<z.infer<typeof dataFigure>>;

/** A kind of fault that was planted into a copy of these very data, and how often the check saw it. */
export const dataPlanted = z.strictObject({
  fault: z.string(),
  detected: proportion,
});
export type DataPlanted = DeepReadonly<z.infer<typeof dataPlanted>>;

/** What was given to the check without a planted fault, and how often it raised an alarm all the same. */
export const dataFalseAlarms = z.strictObject({
  clean: z.string(),
  raised: proportion,
});
export type DataFalseAlarms = DeepReadonly<z.infer<typeof dataFalseAlarms>>;

/** What a check bears on: threats whose traces it looks for, controls it is a measurement for, clauses it speaks to. */
export const dataBearing = z.strictObject({
  threats: z.array(threatTypeId),
  controls: z.array(controlId),
  clauses: z.array(z.string()),
});
export type DataBearing = DeepReadonly<z.infer<typeof dataBearing>>;

export const dataCheck = z.strictObject({
  id: z.string(),
  title: z.string(),
  bearsOn: dataBearing,
  outcome: dataOutcome,
  /** One sentence for a reader. */
  says: z.string(),
  /** Why it cannot tell, or was not asked. */
  because: z.string().optional(),
  /** What was looked at: so many, of what. */
  n: z.int().min(0),
  unit: z.string(),
  /** What was done, with its parameters and sources. */
  tried: z.string(),
  seed: z.string(),
  findings: z.array(dataFinding),
  figures: z.array(dataFigure),
  planted: z.array(dataPlanted),
  falseAlarms: z.array(dataFalseAlarms),
  /** What it cannot see. */
  limits: z.array(z.string()),
});
export type DataCheckResult = DeepReadonly<z.infer<typeof dataCheck>>;

/** A data set as it was read. */
export const dataRead = z.strictObject({
  path: z.string(),
  sha256: hexDigest,
  bytes: z.int().min(0),
  n: z.int().min(0),
  kind: z.enum(["images", "table"]),
  /** Shape of one sample. */
  shape: z.array(z.int()),
  /** Classes among the labels; null where labels are no classes. */
  classes: z.int().nullable(),
  units: z.int().nullable(),
});
export type DataRead = DeepReadonly<z.infer<typeof dataRead>>;

/** What the author declares about where data come from. */
export const dataDeclared = z.strictObject({
  source: z.string().optional(),
  collected: isoDate.optional(),
  licence: z.string().optional(),
  suppliers: z.array(z.string()).optional(),
  sha256: hexDigest.optional(),
});
export type DataDeclared = DeepReadonly<z.infer<typeof dataDeclared>>;

/** Everything the checks said about one data set. */
export const dataReport = z.strictObject({
  data: dataRead,
  train: dataRead.optional(),
  reference: dataRead.optional(),
  checks: z.array(dataCheck),
  summary: z.strictObject({
    fault: z.int().min(0),
    doubt: z.int().min(0),
    note: z.int().min(0),
    /** Checks that could not be made or are blind here, and checks that nobody asked for, each with its reason. */
    cannotTell: z.array(z.string()),
    notAsked: z.array(z.string()),
    /** Checks that data of this kind have nothing for, each with what they look at. */
    doesNotApply: z.array(z.string()),
  }),
});
export type DataReport = DeepReadonly<z.infer<typeof dataReport>>;

export const dataDocument = z.strictObject({
  format: z.literal(DATA_FORMAT),
  tool: z.strictObject({ name: z.literal("vauban"), version: z.string() }),
  ...dataReport.shape,
  command: z.string(),
  /** Of everything above. */
  hash: hexDigest,
  run: z.strictObject({ started: z.string(), seconds: z.number(), platform: z.string() }),
});
export type DataDocument = DeepReadonly<z.infer<typeof dataDocument>>;
