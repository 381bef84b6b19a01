/**
 * The JSON Schema of a document in which what repeats is written once (base/references.ts): the document's own schema, where each text, list
 * and object may stand as a reference. That a part fits where it is named is for the document's own schema to say, once references are followed.
 */
type Schema = Readonly<Record<string, unknown>>;

const REFERENCE = {
  type: "object",
  description: "A JSON Reference to an item of shared; a part names only parts before it.",
  properties: { $ref: { type: "string", pattern: String.raw`^#/shared/(0|[1-9]\d*)$` } },
  required: ["$ref"],
  additionalProperties: false,
};
/** Anything; an object with `$ref` is a reference. */
const PART = {
  anyOf: [
    { $ref: "#/$defs/reference" },
    {
      not: { type: "object", required: ["$ref"] },
      additionalProperties: { $ref: "#/$defs/part" },
      items: { $ref: "#/$defs/part" },
    },
  ],
};

/** From the schema of the whole document, and the format by which the shared one is told. */
export function sharedSchema(whole: object, { title, format }: { title: string; format: string }): object {
  const { properties, required, $defs, ...rest } = inside(whole as Schema);
  return {
    ...rest,
    $id: `vauban/${format.split("/").slice(1).join("-")}`,
    title,
    properties: {
      ...(properties as Schema),
      format: { type: "string", const: format },
      shared: { type: "array", description: "What stands in the document more than once.", items: PART_OF },
    },
    required: [...(required as readonly string[]), "shared"],
    $defs: { ...($defs as Schema | undefined), reference: REFERENCE, part: PART },
  };
}

const PART_OF = { $ref: "#/$defs/part" };

/** Whether what a schema describes may be long enough to be written once. */
const mayBeShared = (schema: Schema): boolean =>
  !("const" in schema) &&
  !("enum" in schema) &&
  !["number", "integer", "boolean", "null"].includes(String(schema["type"]));

const asValue = (schema: unknown): unknown => {
  if (typeof schema !== "object" || schema === null) return schema;
  const changed = inside(schema as Schema);
  return mayBeShared(changed) ? { anyOf: [{ $ref: "#/$defs/reference" }, changed] } : changed;
};

/** A schema whose values below its own may be references. */
function inside(schema: Schema): Schema {
  const changed: Record<string, unknown> = { ...schema };
  const each = (value: unknown, change: (member: unknown) => unknown): unknown =>
    Array.isArray(value)
      ? value.map(change)
      : Object.fromEntries(Object.entries(value as Schema).map(([key, member]) => [key, change(member)]));
  for (const key of ["properties", "prefixItems"]) if (key in schema) changed[key] = each(schema[key], asValue);
  for (const key of ["items", "additionalProperties"]) if (key in schema) changed[key] = asValue(schema[key]);
  // One of several shapes of the same value: the reference stands beside all of them.
  for (const key of ["anyOf", "oneOf", "allOf", "$defs"])
    if (key in schema) changed[key] = each(schema[key], (member) => inside(member as Schema));
  return changed;
}
