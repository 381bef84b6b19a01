/** `vauban schema`: the JSON Schema of every document this program reads or prints. */
import { ASSESSMENT_SHARED_FORMAT } from "#assessment/index.ts";
import { HostError } from "#base/ports.ts";
import { nearest } from "#base/diagnostics.ts";
import { statementSchema } from "#imports/index.ts";
import { systemFileSchema } from "#system/schema-json.ts";
import { DOCUMENT_SCHEMAS, jsonSchemaOf } from "#cli/documents.ts";
import { sharedSchema } from "#cli/shared-schema.ts";
import type { Invocation } from "#cli/main.ts";
import { EXIT, type ExitCode } from "#cli/terminal.ts";

const SHARED_TITLE = "Vauban assessment of a large system, what repeats written once (assessment.json)";

/** Title and schema per document. */
export function schemas(): ReadonlyMap<string, { readonly title: string; readonly schema: () => object }> {
  return new Map<string, { title: string; schema: () => object }>([
    ["system", { title: "The system file, vauban.yaml", schema: () => systemFileSchema() }],
    [
      "statement",
      {
        title: "A signed statement: a denial test, a measurement, a review",
        schema: () => jsonSchemaOf("statement", "A signed statement", statementSchema),
      },
    ],
    [
      "assessment-shared",
      {
        title: SHARED_TITLE,
        schema: () =>
          sharedSchema(jsonSchemaOf("assessment", SHARED_TITLE, DOCUMENT_SCHEMAS.assessment.schema), {
            title: SHARED_TITLE,
            format: ASSESSMENT_SHARED_FORMAT,
          }),
      },
    ],
    ...Object.entries(DOCUMENT_SCHEMAS).map(
      ([name, { title, schema }]) =>
        [name, { title, schema: () => jsonSchemaOf(name, title, schema) }] as [
          string,
          { title: string; schema: () => object },
        ],
    ),
  ]);
}

export async function schemaCommand({ terminal }: Invocation, name: string | undefined): Promise<ExitCode> {
  const all = schemas();
  if (name === undefined) {
    const width = Math.max(...[...all.keys()].map(({ length }) => length));
    terminal.out([...all].map(([id, { title }]) => `${id.padEnd(width)}  ${title}\n`).join(""));
    return EXIT.fine;
  }
  const found = all.get(name);
  if (!found) {
    const meant = nearest(name, all.keys());
    throw new HostError(
      `there is no document called "${name}"`,
      meant ? `did you mean "${meant}"?` : `the documents are ${[...all.keys()].join(", ")}`,
    );
  }
  terminal.out(`${JSON.stringify(found.schema(), null, 2)}\n`);
  return EXIT.fine;
}
