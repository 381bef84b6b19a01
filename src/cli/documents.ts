/** Every document this program prints or reads, with the schema it is held to. */
import { z } from "zod";
import {
  assessment,
  attackDocument,
  dataDocument,
  evidence,
  planDocument,
  riskDocument,
  scanDocument,
  span,
  verifyDocument,
} from "#assessment/index.ts";
import { MODEL_FORMATS } from "#imports/models/index.ts";
import { scanBaseline } from "#artefacts/baseline.ts";

const diagnostics = z.array(
  z.object({ code: z.string(), message: z.string(), hint: z.string().optional(), span: span.optional() }),
);
export const diagnosticsDocument = z.strictObject({
  format: z.literal("vauban/diagnostics/1"),
  ok: z.boolean(),
  diagnostics,
});

export const explanationDocument = z.strictObject({
  format: z.literal("vauban/explanation/1"),
  id: z.string(),
  title: z.string(),
  lines: z.array(z.string()),
  /** Of evidence: all of it. */
  evidence: evidence.optional(),
});

export const initDocument = z.strictObject({
  format: z.literal("vauban/init/1"),
  written: z.array(z.string()),
  kind: z.string(),
  found: z.strictObject({
    models: z.array(z.string()),
    datasets: z.array(z.string()),
    /** Models by their content alone, which stand under `files:`. */
    parts: z.array(z.strictObject({ path: z.string(), what: z.string() })),
    passedOver: z.array(z.strictObject({ path: z.string(), because: z.string() })),
  }),
});

/** Of a source that could not be read there are only diagnostics; with --out `written` names the system file, else `text` holds it. */
export const importDocument = z.strictObject({
  format: z.literal("vauban/import/1"),
  ok: z.boolean(),
  source: z
    .strictObject({ file: z.string(), format: z.enum(MODEL_FORMATS), version: z.string(), sha256: z.string() })
    .optional(),
  text: z.string().optional(),
  written: z.string().optional(),
  questions: z.array(z.strictObject({ at: z.string(), question: z.string(), start: z.string() })).optional(),
  /** What did not come over: a JSON pointer into the source, and how many values lie at or below it. */
  losses: z
    .array(
      z.strictObject({
        path: z.string(),
        values: z.int().min(1),
        reason: z.string(),
        line: z.int().min(1),
        column: z.int().min(1),
      }),
    )
    .optional(),
  /** What came over: a JSON pointer into the source, and the keys of the system file from the top. */
  carried: z
    .array(z.strictObject({ path: z.string(), to: z.array(z.string()), as: z.enum(["text", "reading"]) }))
    .optional(),
  diagnostics,
});

const gap = z.strictObject({
  at: z.string(),
  missing: z.string(),
  remedy: z.string(),
  clause: z.literal("AIA-25.4").optional(),
});
/** With --out `written` names the file, else `bom` is the CycloneDX document itself. */
export const bomDocument = z.strictObject({
  format: z.literal("vauban/bom/1"),
  bom: z.record(z.string(), z.unknown()).optional(),
  written: z.string().optional(),
  vex: z.string().optional(),
  gaps: z.array(gap),
  changed: z.array(z.strictObject({ at: z.string(), path: z.string(), declared: z.string(), found: z.string() })),
  left: z.array(z.strictObject({ section: z.string(), entries: z.int(), because: z.string() })),
});
export const bomCheckDocument = z.strictObject({
  format: z.literal("vauban/bom-check/1"),
  ok: z.boolean(),
  specVersion: z.string().optional(),
  complaints: z.array(z.strictObject({ at: z.string(), message: z.string() })),
});
export const bomDiffDocument = z.strictObject({
  format: z.literal("vauban/bom-diff/1"),
  before: z.string(),
  after: z.string(),
  differences: z.array(
    z.strictObject({
      change: z.enum(["added", "removed", "changed"]),
      kind: z.enum(["system", "component", "service", "dependency", "vulnerability", "document"]),
      what: z.string(),
      field: z.string().optional(),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
    }),
  ),
});

export const signatureDocument = z.strictObject({
  format: z.literal("vauban/signature/1"),
  ok: z.boolean(),
  /** The key, or the names from the signer's certificate to the root. */
  signer: z.array(z.string()).optional(),
  /** Of a signature by an identity: what held, one sentence each. */
  checked: z.array(z.string()).optional(),
  /** What nobody checked, though a reader might think so. */
  notChecked: z.array(z.string()).optional(),
  name: z.string().optional(),
  method: z.enum(["files", "shards"]).optional(),
  hash: z.string().optional(),
  verified: z.int(),
  ignored: z.array(z.string()),
  reasons: z.array(z.strictObject({ rule: z.string(), path: z.string().optional(), message: z.string() })),
});
export const signedDocument = z.strictObject({
  format: z.literal("vauban/signed/1"),
  written: z.string(),
  files: z.int(),
  key: z.string(),
  ignored: z.array(z.string()),
});

const port = z.strictObject({
  name: z.string(),
  type: z.string().optional(),
  shape: z.array(z.number().nullable()).readonly().optional(),
});

export const inspectionDocument = z.strictObject({
  format: z.literal("vauban/inspect/1"),
  file: z.strictObject({ name: z.string(), bytes: z.number(), sha256: z.string() }),
  opset: z.number(),
  domains: z.array(z.strictObject({ domain: z.string(), version: z.number() })).readonly(),
  producer: z.string().optional(),
  nodes: z.number(),
  operators: z.array(z.strictObject({ op: z.string(), count: z.number() })).readonly(),
  parameters: z.number(),
  inputs: z.array(port).readonly(),
  outputs: z.array(port).readonly(),
  access: z.enum(["white-box", "surrogate", "scores", "labels", "refused", "unknown"]),
  because: z.string().optional(),
  remedy: z.string().optional(),
  prevented: z.strictObject({ op: z.string(), node: z.string() }).optional(),
  surrogates: z.array(z.strictObject({ op: z.string(), node: z.string(), surrogate: z.string() })).readonly(),
  sample: z
    .strictObject({ input: z.string(), shape: z.array(z.number()).readonly(), from: z.enum(["file", "given"]) })
    .optional(),
  head: z
    .strictObject({
      kind: z.string(),
      meaning: z.enum(["classes", "labels", "numbers"]),
      output: z.string(),
      outputs: z.number(),
      note: z.string(),
    })
    .optional(),
  macs: z.number().optional(),
  batch: z.strictObject({ size: z.union([z.literal("any"), z.number()]), advised: z.number() }).optional(),
  deterministic: z.boolean().optional(),
  agreement: z.strictObject({ difference: z.number(), samples: z.number() }).optional(),
  notes: z.array(z.string()).readonly(),
});

/** Schemas by document name; the system file's own comes from the room that reads it. */
export const DOCUMENT_SCHEMAS = {
  assessment: { title: "Vauban assessment", schema: assessment },
  evidence: { title: "One item of evidence", schema: evidence },
  attack: { title: "What was found out about one model (attack --json)", schema: attackDocument },
  verify: { title: "What was decided about one property of one model (verify --json)", schema: verifyDocument },
  plan: { title: "A control plan (plan --json)", schema: planDocument },
  risk: { title: "Risks as they are and as they would be (risk --json)", schema: riskDocument },
  scan: { title: "What files would do if they were loaded (scan --json)", schema: scanDocument },
  "scan-baseline": { title: "Findings that are accepted (scan --baseline)", schema: scanBaseline },
  data: { title: "What a data set is made of and what is wrong with it (data --json)", schema: dataDocument },
  bom: { title: "A bill of materials and what it lacks (bom --json)", schema: bomDocument },
  "bom-check": { title: "Whether a CycloneDX document is valid (bom check --json)", schema: bomCheckDocument },
  "bom-diff": { title: "What differs between two bills of materials (bom diff --json)", schema: bomDiffDocument },
  signature: { title: "Whether files are as they were signed (signature verify --json)", schema: signatureDocument },
  signed: { title: "What was signed (signature sign --json)", schema: signedDocument },
  diagnostics: {
    title: "What is wrong with a system file (validate --json; assess --json when nothing was run)",
    schema: diagnosticsDocument,
  },
  explanation: { title: "An explanation (explain --json)", schema: explanationDocument },
  import: {
    title: "What came over from another tool's file, and what did not (import --json)",
    schema: importDocument,
  },
  init: { title: "What init wrote (init --json)", schema: initDocument },
  inspect: { title: "What a model file is (inspect --json)", schema: inspectionDocument },
} as const;

/** JSON Schema, draft 2020-12, of a zod schema. */
export function jsonSchemaOf(name: string, title: string, schema: z.ZodType): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `vauban/${name}`,
    title,
    ...z.toJSONSchema(schema, { target: "draft-2020-12" }),
  };
}
