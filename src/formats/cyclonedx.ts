/**
 * CycloneDX 1.6 and 1.7 in JSON (ECMA-424), strict: held to the official schema, and to what the schema's words demand and JSON Schema
 * cannot say – identities that are unique, references that lead somewhere. The schemas come from the caller, as the standard's own
 * package ships them.
 */
import { Ajv, type AnySchemaObject, type ErrorObject, type ValidateFunction } from "ajv";
import formats from "ajv-formats";
import { canonical } from "#base/canonical.ts";

export const CYCLONEDX_VERSIONS = ["1.6", "1.7"] as const;
export type CycloneDxVersion = (typeof CYCLONEDX_VERSIONS)[number];

/** The official schemas: one a version, and those they refer to, each under the address by which they do. */
export interface CycloneDxSchemas {
  readonly bom: Readonly<Record<CycloneDxVersion, AnySchemaObject>>;
  readonly referred: Readonly<Record<string, AnySchemaObject>>;
}

/** What is wrong, and where: steps from the root of the document. */
export interface Complaint {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type CycloneDxCheck = (value: unknown) => readonly Complaint[];

/** The validator of a set of schemas; a schema is compiled when a document of its version comes. No complaint: it is valid. */
export function cycloneDxCheck(schemas: CycloneDxSchemas): CycloneDxCheck {
  const compiled = new Map<CycloneDxVersion, ValidateFunction>();
  return (value) => {
    if (!isRecord(value)) return [{ path: [], message: "a bill of materials is one JSON object" }];
    if (value["bomFormat"] !== "CycloneDX")
      return [{ path: ["bomFormat"], message: 'it is no CycloneDX document: bomFormat is not "CycloneDX"' }];
    const version = CYCLONEDX_VERSIONS.find((known) => known === value["specVersion"]);
    if (version === undefined)
      return [{ path: ["specVersion"], message: `only ${CYCLONEDX_VERSIONS.join(" and ")} are read` }];
    let validate = compiled.get(version);
    if (!validate) {
      validate = compile(schemas, version);
      compiled.set(version, validate);
    }
    const found = validate(value) ? [] : worded(validate.errors ?? [], value);
    // What the schema has a word about at a place needs no second one.
    const said = new Set(found.map(({ path }) => JSON.stringify(path)));
    return [...found, ...references(value).filter(({ path }) => !said.has(JSON.stringify(path)))];
  };
}

function compile({ bom, referred }: CycloneDxSchemas, version: CycloneDxVersion): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, strict: false });
  formats.default(ajv);
  // RFC 3987 allows nearly any character; white space and angle brackets it does not.
  ajv.addFormat("iri-reference", /^[^\s<>"{}|\\^`]*$/);
  ajv.addFormat("idn-email", /^[^\s@]+@[^\s@]+$/);
  // The library compares each item with each: a list of 100,000 would take an hour.
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    error: { message: "must not hold the same item twice" },
    validate: (wanted: boolean, items: readonly unknown[]) =>
      !wanted || new Set(items.map(comparable)).size === items.length,
  });
  for (const [address, schema] of Object.entries(referred)) ajv.addSchema(schema, address);
  return ajv.compile(bom[version]);
}

const comparable = (item: unknown): string => {
  try {
    return canonical(item);
  } catch {
    // A lone surrogate has no canonical form; as text it can still be compared.
    return JSON.stringify(item);
  }
};

/** The most telling errors: those deepest in the document, one a place. */
function worded(errors: readonly ErrorObject[], root: unknown): Complaint[] {
  const byPlace = new Map<string, Complaint>();
  const vague = new Set(["oneOf", "anyOf", "if", "not"]);
  const told = errors.filter(({ keyword }) => !vague.has(keyword));
  for (const error of told.length > 0 ? told : errors) {
    if (byPlace.has(error.instancePath)) continue;
    const path = stepsOf(error.instancePath, root);
    const params = error.params as {
      allowedValues?: readonly unknown[];
      allowedValue?: unknown;
      additionalProperty?: string;
    };
    const extra =
      params.allowedValues && params.allowedValues.length <= 12
        ? `: ${params.allowedValues.map((allowed) => JSON.stringify(allowed)).join(", ")}`
        : params.allowedValue !== undefined
          ? `: ${JSON.stringify(params.allowedValue)}`
          : params.additionalProperty === undefined
            ? ""
            : `: ${JSON.stringify(params.additionalProperty)}`;
    byPlace.set(error.instancePath, { path, message: `${error.message ?? error.keyword}${extra}` });
  }
  return [...byPlace.values()];
}

/** A JSON pointer as steps; what stands in a list is a number. */
function stepsOf(pointer: string, root: unknown): (string | number)[] {
  const steps: (string | number)[] = [];
  let at: unknown = root;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const step = Array.isArray(at) ? Number(name) : name;
    steps.push(step);
    at = (at as Readonly<Record<string, unknown>> | undefined)?.[name];
  }
  return steps;
}

/** A reference into another document (BOM-Link). */
const ELSEWHERE = /^urn:cdx:/;

/** Hex digits of a digest by its algorithm; the schema only knows which lengths there are. */
const DIGITS: Readonly<Record<string, number>> = {
  MD5: 32,
  "SHA-1": 40,
  "SHA-256": 64,
  "SHA-384": 96,
  "SHA-512": 128,
  "SHA3-256": 64,
  "SHA3-384": 96,
  "SHA3-512": 128,
  "BLAKE2b-256": 64,
  "BLAKE2b-384": 96,
  "BLAKE2b-512": 128,
  BLAKE3: 64,
};

/**
 * "bom-ref MUST be unique within the BOM"; dependencies, data of model cards, compositions, annotations and what vulnerabilities affect name
 * one that is there; hashes are as long as their
 * algorithm makes them. Formulas are left out: the specification's own valid sample numbers the same workflow twice there.
 */
function references(bom: Readonly<Record<string, unknown>>): Complaint[] {
  const complaints: Complaint[] = [];
  const known = new Map<string, readonly (string | number)[]>();
  const asked: (readonly [ref: unknown, path: readonly (string | number)[]])[] = [];
  const say = (path: readonly (string | number)[], message: string): void => {
    complaints.push({ path, message });
  };
  const walk = (value: unknown, path: readonly (string | number)[]): void => {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) walk(item, [...path, index]);
    else if (isRecord(value)) {
      const ref = value["bom-ref"];
      if (typeof ref === "string") {
        if (known.has(ref)) say([...path, "bom-ref"], `the bom-ref ${JSON.stringify(ref)} stands twice`);
        known.set(ref, path);
      }
      for (const [index, { alg, content }] of listOf(value["hashes"]).entries())
        if (typeof alg === "string" && typeof content === "string" && Object.hasOwn(DIGITS, alg))
          if (content.length !== DIGITS[alg])
            say(
              [...path, "hashes", index, "content"],
              `a ${alg} digest has ${DIGITS[alg]} hex digits, this has ${content.length}`,
            );
      const learned = isRecord(value["modelParameters"]) ? listOf(value["modelParameters"]["datasets"]) : [];
      for (const [index, one] of learned.entries())
        asked.push([one["ref"], [...path, "modelParameters", "datasets", index, "ref"]]);
      for (const [key, item] of Object.entries(value)) if (key !== "formulation") walk(item, [...path, key]);
    }
  };
  walk(bom, []);
  const leads = (ref: unknown, path: readonly (string | number)[]): void => {
    if (typeof ref === "string" && !known.has(ref) && !ELSEWHERE.test(ref))
      say(path, `nothing has the bom-ref ${JSON.stringify(ref)}`);
  };
  for (const [ref, path] of asked) leads(ref, path);
  for (const [section, keys] of [
    ["compositions", ["assemblies", "dependencies"]],
    ["annotations", ["subjects"]],
  ] as const)
    for (const [index, item] of listOf(bom[section]).entries())
      for (const key of keys)
        for (const [n, ref] of (Array.isArray(item[key]) ? (item[key] as unknown[]) : []).entries())
          leads(ref, [section, index, key, n]);
  const described = new Set<unknown>();
  for (const [index, item] of listOf(bom["dependencies"]).entries()) {
    leads(item["ref"], ["dependencies", index, "ref"]);
    if (described.has(item["ref"]))
      say(["dependencies", index, "ref"], `the dependencies of ${JSON.stringify(item["ref"])} stand twice`);
    described.add(item["ref"]);
    for (const key of ["dependsOn", "provides"])
      for (const [n, ref] of (Array.isArray(item[key]) ? (item[key] as unknown[]) : []).entries())
        leads(ref, ["dependencies", index, key, n]);
  }
  for (const [index, item] of listOf(bom["vulnerabilities"]).entries())
    for (const [n, affected] of listOf(item["affects"]).entries())
      leads(affected["ref"], ["vulnerabilities", index, "affects", n, "ref"]);
  return complaints;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.filter(isRecord) : [];
