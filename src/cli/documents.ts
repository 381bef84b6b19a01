/** Every document this program prints or reads, with the schema it is held to. */
import { z } from "zod";
import { assessment, attackDocument, evidence, span } from "#assessment/index.ts";

export const diagnosticsDocument = z.strictObject({
  format: z.literal("vauban/diagnostics/1"),
  ok: z.boolean(),
  diagnostics: z.array(
    z.object({ code: z.string(), message: z.string(), hint: z.string().optional(), span: span.optional() }),
  ),
});

export const explanationDocument = z.strictObject({
  format: z.literal("vauban/explanation/1"),
  id: z.string(),
  title: z.string(),
  lines: z.array(z.string()),
});

export const initDocument = z.strictObject({
  format: z.literal("vauban/init/1"),
  written: z.array(z.string()),
  kind: z.string(),
  found: z.strictObject({ models: z.array(z.string()), datasets: z.array(z.string()) }),
});

/** Schemas by document name; the system file's own comes from the room that reads it. */
export const DOCUMENT_SCHEMAS = {
  assessment: { title: "Vauban assessment", schema: assessment },
  evidence: { title: "One item of evidence", schema: evidence },
  attack: { title: "What was found out about one model (attack --json)", schema: attackDocument },
  diagnostics: {
    title: "What is wrong with a system file (validate --json; assess --json when nothing was run)",
    schema: diagnosticsDocument,
  },
  explanation: { title: "An explanation (explain --json)", schema: explanationDocument },
  init: { title: "What init wrote (init --json)", schema: initDocument },
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
