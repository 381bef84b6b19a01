/** What differs between two bills of materials: parts added, removed, and changed – by what they are, not by where they stand. */
import { canonical } from "#base/canonical.ts";
import type { Json } from "./serial.ts";

export interface Difference {
  readonly change: "added" | "removed" | "changed";
  /** "document": whatever else it holds. */
  readonly kind: "system" | "component" | "service" | "dependency" | "vulnerability" | "document";
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

const metadataOf = (bom: Json): Json => (isJson(bom["metadata"]) ? bom["metadata"] : {});
function systemIn(bom: Json): Json {
  const { component } = metadataOf(bom);
  return isJson(component) ? component : {};
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
  walk(listOf(systemIn(bom)[kind]), "the system › ");
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

const PROPERTIES: ReadonlySet<string> = new Set(["properties", "modelCard.properties", "metadata.properties"]);

function fieldsOf(value: Json, around = ""): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value)) {
    const path = around === "" ? key : `${around}.${key}`;
    if (SKIPPED.has(path)) continue;
    if (OPENED.has(path) && isJson(item)) for (const [deep, one] of fieldsOf(item, path)) fields.set(deep, one);
    else if (PROPERTIES.has(path)) {
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
const REFERRING: ReadonlySet<string> = new Set([
  "ref",
  "source",
  "destination",
  // Lists of references in compositions and annotations.
  "assemblies",
  "dependencies",
  "vulnerabilities",
  "subjects",
]);

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
  // Dependencies are put into words of their own.
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

/** Two parts that are called alike are told apart by their versions. */
function callings(parts: readonly Part[], alike: ReadonlySet<string>): ReadonlyMap<string, string> {
  return new Map(parts.map((part) => [text(part.value["bom-ref"]), alike.has(part.what) ? named(part) : part.what]));
}

const alikeIn = (parts: readonly Part[]): string[] =>
  [...Map.groupBy(parts, ({ what }) => what)].flatMap(([what, those]) => (those.length > 1 ? [what] : []));

/** Dependencies as pairs of words, so that renamed references are no difference; that nothing is needed is a word of its own. */
function edgesOf(bom: Json, parts: ReadonlyMap<string, string>): Set<string> {
  const system = text(systemIn(bom)["bom-ref"]);
  const name = (ref: unknown): string =>
    parts.get(text(ref)) ?? (text(ref) === system && system !== "" ? "the system" : text(ref));
  const refs = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);
  return new Set(
    listOf(bom["dependencies"]).flatMap((entry) => {
      const [on, gives] = [refs(entry["dependsOn"]), refs(entry["provides"])];
      const from = name(entry["ref"]);
      return [
        ...on.map((other) => `${from} on ${name(other)}`),
        ...gives.map((other) => `${from} provides ${name(other)}`),
        ...(on.length + gives.length === 0 ? [`${from} on nothing`] : []),
      ];
    }),
  );
}

/** What is compared part by part, and what tells one edition of a document from another. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "components",
  "services",
  "dependencies",
  "vulnerabilities",
  "metadata",
  "$schema",
  "bomFormat",
  "serialNumber",
  "version",
]);

/** Everything else that a document holds, so that no difference is said only where there is none. */
function restOf(bom: Json): Json {
  const { component: _, timestamp: __, ...metadata } = metadataOf(bom);
  return Object.fromEntries([
    ...Object.entries(bom).filter(([key]) => !ELSEWHERE.has(key)),
    ...Object.entries(metadata).map(([key, value]) => [`metadata.${key}`, value]),
  ]);
}

const vulnerabilityKey = (value: Json): string =>
  `${text(value["id"])} ${listOf(value["affects"])
    .map(({ ref }) => text(ref))
    .toSorted()
    .join(" ")}`;

/** Every difference, sections in a fixed order, parts by name. Serial number, version and time of a document are not compared. */
export function diffBoms(old: Json, now: Json): Difference[] {
  const [before, after] = [renamed(old), renamed(now)];
  const differences: Difference[] = [];
  differences.push(
    ...changesOf("system", `the system ${text(systemIn(after)["name"])}`.trimEnd(), systemIn(before), systemIn(after)),
  );
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
  const [partsThen, partsNow] = [all(before), all(after)];
  const alike = new Set([...alikeIn(partsThen), ...alikeIn(partsNow)]);
  const [was, is] = [edgesOf(before, callings(partsThen, alike)), edgesOf(after, callings(partsNow, alike))];
  for (const what of [...is].toSorted())
    if (!was.has(what)) differences.push({ change: "added", kind: "dependency", what });
  for (const what of [...was].toSorted())
    if (!is.has(what)) differences.push({ change: "removed", kind: "dependency", what });
  const judged = (bom: Json): Map<string, Json[]> =>
    Map.groupBy(listOf(bom["vulnerabilities"]), (value) => vulnerabilityKey(value));
  const [then, here] = [judged(before), judged(after)];
  for (const key of new Set([...here.keys(), ...then.keys()])) {
    const [befores, afters] = [then.get(key) ?? [], here.get(key) ?? []];
    for (let n = 0; n < Math.max(befores.length, afters.length); n++) {
      const [one, other] = [befores[n], afters[n]];
      const what = text((other ?? one)!["id"]) || "a vulnerability without an id";
      if (one && other) differences.push(...changesOf("vulnerability", what, one, other));
      else differences.push({ change: one ? "removed" : "added", kind: "vulnerability", what });
    }
  }
  differences.push(...changesOf("document", "the document", restOf(before), restOf(after)));
  return differences;
}

const named = ({ what, version }: Part): string => (version === "" ? what : `${what} ${version}`);
