/** What differs between two bills of materials: parts added, removed, and changed – by what they are, not by where they stand. */
import { canonical } from "#base/canonical.ts";
import type { Json } from "./serial.ts";

export interface Difference {
  readonly change: "added" | "removed" | "changed";
  /** component, service, dependency, vulnerability, system. */
  readonly kind: "system" | "component" | "service" | "dependency" | "vulnerability";
  /** For people: `library ajv`, `machine-learning-model Pneumonia classifier`. */
  readonly what: string;
  /** Of what changed: `version`, `hashes`, `modelCard.modelParameters.datasets`. */
  readonly field?: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isJson) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

interface Part {
  readonly key: string;
  readonly what: string;
  readonly version: string;
  readonly value: Json;
}

/** Every component and service, those inside others too, with what identifies it in any document. */
function partsOf(bom: Json, kind: "components" | "services"): Part[] {
  const parts: Part[] = [];
  const walk = (items: readonly Json[], around: string): void => {
    for (const value of items) {
      const type = kind === "services" ? "service" : text(value["type"]);
      const name = [text(value["group"]), text(value["name"])].filter((one) => one !== "").join("/");
      const id = listOf(value["properties"]).find((one) => one["name"] === "vauban:id")?.["value"];
      const purl = unversioned(text(value["purl"]));
      const key = `${around}${type} ${typeof id === "string" ? `id ${id}` : purl === "" ? name : purl}`;
      parts.push({ key, what: `${around}${type} ${name}`, version: text(value["version"]), value });
      walk(listOf(value[kind]), `${name} › `);
    }
  };
  walk(listOf(bom[kind]), "");
  return parts;
}

/** A package URL without version and qualifiers: the version begins at the last `@` of the last step. */
function unversioned(purl: string): string {
  const bare = purl.split(/[?#]/, 1)[0]!;
  const at = bare.lastIndexOf("@");
  return at > bare.lastIndexOf("/") ? bare.slice(0, at) : bare;
}

/** Where two lists hold parts of one identity: the same version first, then in order. */
function paired(before: readonly Part[], after: readonly Part[]): (readonly [Part | undefined, Part | undefined])[] {
  const pairs: (readonly [Part | undefined, Part | undefined])[] = [];
  const [old, now] = [Map.groupBy(before, ({ key }) => key), Map.groupBy(after, ({ key }) => key)];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const rest = [...(now.get(key) ?? [])];
    const alone: Part[] = [];
    for (const part of old.get(key) ?? []) {
      const same = rest.findIndex(({ version }) => version === part.version);
      if (same >= 0) pairs.push([part, rest.splice(same, 1)[0]]);
      else alone.push(part);
    }
    for (const part of alone) pairs.push([part, rest.shift()]);
    for (const part of rest) pairs.push([undefined, part]);
  }
  return pairs;
}

/** Names that only tie the document together, and what is compared part by part elsewhere. */
const SKIPPED: ReadonlySet<string> = new Set(["bom-ref", "components", "services"]);
/** Looked into, so that a difference says which part of it. */
const OPENED: ReadonlySet<string> = new Set([
  "modelCard",
  "modelCard.modelParameters",
  "modelCard.quantitativeAnalysis",
  "modelCard.considerations",
  "pedigree",
]);

/** Properties that say which document another was made from: as with serial numbers, another is no difference. */
const ORIGINS: ReadonlySet<string> = new Set(["vauban:assessment"]);

function fieldsOf(value: Json, around = ""): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value)) {
    const path = around === "" ? key : `${around}.${key}`;
    if (SKIPPED.has(path)) continue;
    if (OPENED.has(path) && isJson(item)) for (const [deep, one] of fieldsOf(item, path)) fields.set(deep, one);
    else if (path === "properties" || path === "modelCard.properties") {
      const told = listOf(item).filter(({ name }) => !ORIGINS.has(text(name)));
      for (const [name, those] of Map.groupBy(told, (one) => text(one["name"])))
        fields.set(`${path}.${name}`, those.length === 1 ? those[0]!["value"] : those.map((one) => one["value"]));
    } else fields.set(path, item);
  }
  return fields;
}

/** Lists whose order says nothing. */
const UNORDERED: ReadonlySet<string> = new Set(["hashes", "licenses", "externalReferences"]);

const comparable = (field: string, value: unknown): string =>
  value === undefined
    ? ""
    : UNORDERED.has(field) && Array.isArray(value)
      ? value
          .map((item) => canonical(item))
          .toSorted()
          .join("\n")
      : canonical(value);

function changesOf(kind: Difference["kind"], what: string, before: Json, after: Json): Difference[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((field) => {
    const [was, is] = [old.get(field), now.get(field)];
    return comparable(field, was) === comparable(field, is)
      ? []
      : [
          {
            change: "changed" as const,
            kind,
            what,
            field,
            ...(was !== undefined && { before: was }),
            ...(is !== undefined && { after: is }),
          },
        ];
  });
}

/** Keys under which a document refers to its own parts. */
const REFERRING: ReadonlySet<string> = new Set(["ref", "source", "destination"]);

/** The document with parts called by what they are wherever it refers to them: what they are called in it is no difference. */
function renamed(bom: Json): Json {
  const called = new Map(
    [...partsOf(bom, "components"), ...partsOf(bom, "services")].map(({ value, key }) => [text(value["bom-ref"]), key]),
  );
  // A VEX points into one edition of a bill of materials (BOM-Link): which one is no difference in what was judged.
  const calledIn = (ref: string): string => {
    const link = /^urn:cdx:[^#]*#(.*)$/.exec(ref);
    const own = link ? decoded(link[1]!) : ref;
    return called.get(own) ?? own;
  };
  const walk = (value: unknown, key: string): unknown =>
    typeof value === "string"
      ? REFERRING.has(key)
        ? calledIn(value)
        : value
      : Array.isArray(value)
        ? value.map((item) => walk(item, key))
        : isJson(value)
          ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, name)]))
          : value;
  const { dependencies, ...rest } = bom;
  return { ...(walk(rest, "") as Json), ...(dependencies !== undefined && { dependencies }) };
}

const decoded = (words: string): string => {
  try {
    return decodeURIComponent(words);
  } catch {
    return words;
  }
};

/** Dependencies as pairs of words, so that renamed references are no difference. */
function edgesOf(bom: Json, parts: readonly Part[]): Set<string> {
  const called = new Map(parts.map(({ value, what }) => [text(value["bom-ref"]), what]));
  const metadata = isJson(bom["metadata"]) ? bom["metadata"] : {};
  if (isJson(metadata["component"])) called.set(text(metadata["component"]["bom-ref"]), "the system");
  const name = (ref: unknown): string => called.get(text(ref)) ?? text(ref);
  return new Set(
    listOf(bom["dependencies"]).flatMap((entry) =>
      (Array.isArray(entry["dependsOn"]) ? entry["dependsOn"] : []).map(
        (other) => `${name(entry["ref"])} on ${name(other)}`,
      ),
    ),
  );
}

const vulnerabilityKey = (value: Json): string =>
  `${text(value["id"])} ${listOf(value["affects"])
    .map(({ ref }) => text(ref))
    .toSorted()
    .join(" ")}`;

/** Every difference, sections in a fixed order, parts by name. The serial number and the time of a document are not compared. */
export function diffBoms(old: Json, now: Json): Difference[] {
  const [before, after] = [renamed(old), renamed(now)];
  const differences: Difference[] = [];
  const system = (bom: Json): Json => {
    const metadata = isJson(bom["metadata"]) ? bom["metadata"] : {};
    return isJson(metadata["component"]) ? metadata["component"] : {};
  };
  differences.push(...changesOf("system", `the system ${text(system(after)["name"])}`, system(before), system(after)));
  for (const [kind, noun] of [
    ["components", "component"],
    ["services", "service"],
  ] as const)
    for (const [was, is] of paired(partsOf(before, kind), partsOf(after, kind)).toSorted(([a, b], [c, d]) =>
      (a ?? b)!.what < (c ?? d)!.what ? -1 : 1,
    )) {
      if (!was) differences.push({ change: "added", kind: noun, what: named(is!) });
      else if (!is) differences.push({ change: "removed", kind: noun, what: named(was) });
      else differences.push(...changesOf(noun, is.what, was.value, is.value));
    }
  const all = (bom: Json): Part[] => [...partsOf(bom, "components"), ...partsOf(bom, "services")];
  const [was, is] = [edgesOf(before, all(before)), edgesOf(after, all(after))];
  for (const what of [...is].toSorted())
    if (!was.has(what)) differences.push({ change: "added", kind: "dependency", what });
  for (const what of [...was].toSorted())
    if (!is.has(what)) differences.push({ change: "removed", kind: "dependency", what });
  const judged = (bom: Json): Map<string, Json> =>
    new Map(listOf(bom["vulnerabilities"]).map((value) => [vulnerabilityKey(value), value]));
  const [then, here] = [judged(before), judged(after)];
  for (const [key, value] of here) {
    const was = then.get(key);
    const what = text(value["id"]) || "a vulnerability without an id";
    if (!was) differences.push({ change: "added", kind: "vulnerability", what });
    else differences.push(...changesOf("vulnerability", what, was, value));
  }
  for (const [key, value] of then)
    if (!here.has(key)) differences.push({ change: "removed", kind: "vulnerability", what: text(value["id"]) });
  return differences;
}

const named = ({ what, version }: Part): string => (version === "" ? what : `${what} ${version}`);
