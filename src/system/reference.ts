/** The tables of docs/system-file.md, made from the schema and the codes, so that the page cannot say what the reader does not do. */
import type { z } from "zod";
import { SYSTEM_FILE_CODES } from "./codes.ts";
import { systemFile } from "./schema.ts";
import { USUAL_FLOWS_OF } from "./usual.ts";

type Schema = z.core.$ZodType;
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly getter?: () => Schema;
  readonly options?: readonly Schema[];
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly items?: readonly Schema[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly values?: readonly unknown[];
  readonly catchall?: Schema;
}
const definitionOf = (schema: Schema): Definition => schema._zod.def as unknown as Definition;
const describedOf = (schema: Schema): string => (schema as z.ZodType).description ?? "";

/** One line on what a value may be. */
function kindOf(schema: Schema): string {
  const { type, innerType, getter, options, element, items, entries, values, shape, valueType } = definitionOf(schema);
  if (innerType) return kindOf(innerType);
  if (getter) return "a list, or a mapping of boundaries";
  if (options) return [...new Set(options.map(kindOf))].join(" or ");
  if (entries)
    return Object.values(entries)
      .map((value) => `\`${value}\``)
      .join(" ");
  if (values) return values.map((value) => `\`${String(value)}\``).join(" ");
  if (element) return `list of ${kindOf(element)}`;
  if (items) return `[${items.map(kindOf).join(", ")}]`;
  if (shape) return "mapping";
  if (valueType) return "mapping by id";
  return { string: "text", number: "number", boolean: "true/false" }[type] ?? type;
}

interface Row {
  readonly key: string;
  readonly kind: string;
  readonly needed: boolean;
  readonly text: string;
}

function rowsOf(schema: Schema, prefix: string): Row[] {
  const { innerType, options, shape, element, valueType } = definitionOf(schema);
  if (innerType) return rowsOf(innerType, prefix);
  if (options) return options.flatMap((option) => rowsOf(option, prefix));
  if (element) return rowsOf(element, prefix);
  if (valueType) return rowsOf(valueType, prefix);
  const entries = Object.entries(shape ?? {});
  // A mapping whose keys differ in nothing but their name (the usual flows, the harms) is one row.
  const makes = new Set(entries.map(([, inner]) => JSON.stringify([kindOf(inner), rowsOf(inner, "")])));
  const [first] = entries;
  if (first && makes.size === 1 && entries.length >= ALIKE_MIN)
    return rowsOfKey(entries.map(([key]) => key).join(" · "), first[1], prefix, "*").map((row) => ({
      ...row,
      text: row.text.replace(first[0], "it"),
    }));
  return entries.flatMap(([key, inner]) => rowsOfKey(key, inner, prefix, key));
}

/** Fewer keys of the same make (low, likely, high) say more one by one. */
const ALIKE_MIN = 4;

function rowsOfKey(key: string, inner: Schema, prefix: string, within: string): Row[] {
  const row = {
    key: `${prefix}${key}`,
    kind: kindOf(inner),
    needed: definitionOf(inner).type !== "optional",
    text: describedOf(inner) || describedOf(definitionOf(inner).innerType ?? inner),
  };
  // A key that takes more than one make (a path or a mapping) is described as one; only plain mappings are opened.
  const opened = definitionOf(inner).innerType ?? inner;
  return [row, ...(definitionOf(opened).shape ? rowsOf(opened, `${prefix}${within}.`) : [])];
}

/** The makes of a section's entries that have keys of their own: models and other components, the three tests, the two flows. */
function makesOf(schema: Schema): Schema[] {
  const { innerType, options, element, valueType, getter } = definitionOf(schema);
  if (innerType) return makesOf(innerType);
  if (getter) return makesOf(getter());
  if (element) return makesOf(element);
  if (valueType) return makesOf(valueType);
  if (options) return options.filter((option) => definitionOf(option).shape);
  return [schema];
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

function section(name: string, schema: Schema): string {
  const makes = makesOf(schema);
  const tables = makes.map((make) => {
    const title = makes.length > 1 ? `*${describedOf(make)}*\n\n` : "";
    const rows = rowsOf(make, "").map(({ key, kind, needed, text }) => [
      `\`${key}\`${needed ? " **needed**" : ""}`,
      kind,
      text,
    ]);
    return rows.length > 0 ? `${title}${table(["key", "value", "meaning"], rows)}` : "";
  });
  const described = describedOf(schema) || describedOf(definitionOf(schema).innerType ?? schema);
  return [`### \`${name}\``, `${described} Value: ${kindOf(schema)}.`, ...tables.filter((text) => text !== "")].join(
    "\n\n",
  );
}

/** Markdown of the key tables, the usual flows per kind, and the codes. */
export function systemFileReference(): string {
  const sections = Object.entries(systemFile.shape);
  const plain = sections.filter(
    ([, schema]) => rowsOf(schema as Schema, "").length === 0 && makesOf(schema as Schema).length === 1,
  );
  return [
    "## Every key",
    table(
      ["key", "value", "meaning"],
      plain.map(([name, schema]) => [
        `\`${name}\`${definitionOf(schema as Schema).type === "optional" ? "" : " **needed**"}`,
        kindOf(schema as Schema),
        describedOf(schema as Schema) || describedOf(definitionOf(schema as Schema).innerType!),
      ]),
    ),
    ...sections.filter((entry) => !plain.includes(entry)).map(([name, schema]) => section(name, schema as Schema)),
    "## Usual flows that each kind is asked for",
    table(
      ["kind", "usual flows"],
      Object.entries(USUAL_FLOWS_OF).map(([kind, flows]) => [
        `\`${kind}\``,
        flows.length > 0 ? flows.map((flow) => `\`${flow}\``).join(", ") : "none",
      ]),
    ),
    "## What can be wrong",
    "E… stops the run, W… is shown and kept in the assessment. `vauban explain E031` prints the same text.",
    table(
      ["code", "title", "what it means"],
      Object.entries(SYSTEM_FILE_CODES).map(([code, { title, explanation }]) => [code, title, explanation]),
    ),
  ].join("\n\n");
}
