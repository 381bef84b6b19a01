/** Reads the knowledge folder's YAML entries into one checked Knowledge, or says at which line and column an entry is wrong. */
import { isMap, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { z } from "zod";
import {
  applicationDate,
  attackerProfile,
  clause,
  control,
  controlPlanning,
  effectCeiling,
  sectorPack,
  source,
  threatType,
  verification,
  weakClaim,
  type Clause,
  type Control,
  type Knowledge,
  type Source,
  type ThreatType,
} from "#assessment/index.ts";
import { canonical } from "#base/canonical.ts";
import { isError, nearest, type Diagnostic, type Span } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";

export interface EntryText {
  /** Path below the knowledge folder, with forward slashes: `threats/T-01.yaml`. */
  readonly path: string;
  readonly text: string;
}

/** A source as the register holds it, once per edition: a new edition is a new key, so that no old citation changes under the reader. */
const registeredSource = source.omit({ mark: true, where: true });
/** What an entry writes: which source, where in it, and how far it was checked there. */
const citation = z.strictObject({ key: z.string(), mark: verification, where: z.string().optional() });
/** One edition of somebody else's list of ids. Its key holds the edition, for ids change their meaning between editions. */
const taxonomy = z.strictObject({
  key: z.string(),
  framework: z.string(),
  edition: z.string(),
  source: z.string(),
  mark: verification,
  /** Whether every threat must either map to this taxonomy or name it as a gap. */
  crosswalk: z.boolean(),
  ids: z.record(z.string(), z.string()),
});
type Taxonomy = z.infer<typeof taxonomy>;

const cited = { sources: z.array(citation).min(1) };
/** Taxonomy key to the ids meant in it. */
const mapped = { mappings: z.record(z.string(), z.array(z.string()).min(1)) };

/** As the noun, with the sources of the ceilings cited; an entry must have it. */
const planned = {
  planning: controlPlanning.extend({ ceilings: z.array(effectCeiling.extend({ source: citation })) }),
};

/** The folders of `knowledge/`, and what a file in each must be. */
const KINDS = {
  sources: registeredSource,
  taxonomies: taxonomy,
  threats: threatType.omit({ sources: true, mappings: true }).extend({ ...cited, ...mapped }),
  controls: control.omit({ sources: true, mappings: true }).extend({ ...cited, ...mapped, ...planned }),
  clauses: clause.omit({ sources: true }).extend(cited),
  dates: applicationDate.omit({ sources: true }).extend(cited),
  actors: attackerProfile.omit({ sources: true }).extend(cited),
  sectors: sectorPack.omit({ sources: true }).extend(cited),
  "weak-claims": weakClaim.omit({ sources: true }).extend(cited),
} as const;
type Kind = keyof typeof KINDS;

const FOLDERS: Readonly<Record<string, Kind>> = {
  sources: "sources",
  taxonomies: "taxonomies",
  threats: "threats",
  controls: "controls",
  "frameworks/ai-act": "clauses",
  "frameworks/annex-iii": "clauses",
  "frameworks/annex-iv": "clauses",
  "frameworks/cra": "clauses",
  "frameworks/dates": "dates",
  actors: "actors",
  sectors: "sectors",
  "weak-claims": "weak-claims",
};

/** Ids the catalogue keeps free (domain/04, legend). */
export const RESERVED_CONTROLS: readonly string[] = ["C-18", "C-19"];

interface Entry<Value = unknown> {
  readonly path: string;
  readonly value: Value;
  /** The place of a member, or of the nearest thing above it that is there. */
  readonly at: (...member: readonly PropertyKey[]) => Span;
}
type Entries = { [K in Kind]: Entry<z.infer<(typeof KINDS)[K]>>[] };

export interface Compiled {
  /** Absent when any diagnostic is an error. */
  readonly knowledge?: Knowledge;
  readonly diagnostics: readonly Diagnostic[];
}

/** Compiles every entry at once; all mistakes are reported together, in the order of the paths. */
export function compileKnowledge(files: readonly EntryText[], edition: string): Compiled {
  const diagnostics: Diagnostic[] = [];
  const entries = readEntries(files, diagnostics);
  const sources = new Map(entries.sources.map(({ value }) => [value.key, value]));
  const taxonomies = new Map(entries.taxonomies.map(({ value }) => [value.key, value]));

  checkIdentity(entries, diagnostics);
  checkText(entries, diagnostics);
  checkReferences(entries, sources, taxonomies, diagnostics);
  checkCrosswalk(entries, taxonomies, diagnostics);
  checkCoverage(entries, diagnostics);
  checkLaw(entries, sources, diagnostics);
  checkNumbers(entries, diagnostics);
  checkPlanning(entries, diagnostics);
  if (diagnostics.some(isError)) return { diagnostics: inOrder(diagnostics) };

  const full = <Value extends { sources: z.infer<typeof citation>[] }>(value: Value) => ({
    ...value,
    sources: value.sources.map(({ key, ...where }) => ({ ...sources.get(key)!, ...where })),
  });
  const fullMapped = <Value extends { sources: z.infer<typeof citation>[]; mappings: Record<string, string[]> }>(
    value: Value,
  ) => ({
    ...full(value),
    sources: [...full(value).sources, ...mappingSources(value, taxonomies, sources)],
    mappings: Object.entries(value.mappings).flatMap(([key, ids]) => {
      const { framework, edition: of, ids: names } = taxonomies.get(key)!;
      return ids.map((id) => ({ framework, edition: of, id, name: names[id]! }));
    }),
  });
  const values = <K extends Kind>(kind: K) => entries[kind].map((entry) => entry.value);
  const content = {
    edition,
    threats: values("threats").map((value): ThreatType => ({
      ...fullMapped(value),
      gaps: value.gaps.map((key) => frameworkName(taxonomies.get(key)!)),
    })),
    controls: values("controls").map((value): Control => ({
      ...fullMapped(value),
      planning: {
        ...value.planning,
        ceilings: value.planning.ceilings.map((ceiling) => {
          const { key, ...where } = ceiling.source;
          return { ...ceiling, source: { ...sources.get(key)!, ...where } };
        }),
      },
    })),
    clauses: values("clauses").map((value): Clause => full(value)),
    dates: values("dates").map(full),
    profiles: values("actors").map(full),
    sectors: values("sectors").map(full),
    weakClaims: values("weak-claims").map(full),
  };
  const ordered = {
    ...content,
    threats: content.threats.toSorted(byId),
    controls: content.controls.toSorted(byId),
    clauses: content.clauses.toSorted(byId),
    dates: content.dates.toSorted(byId),
    profiles: content.profiles.toSorted(byId),
    sectors: content.sectors.toSorted(byId),
    weakClaims: content.weakClaims.toSorted(byId),
  };
  return { knowledge: { ...ordered, hash: hashOf(ordered) }, diagnostics: inOrder(diagnostics) };
}

/** The text of the generated file: members in canonical order (RFC 8785 §3.2.3), one per line so that a change reads as a change. */
export function knowledgeText(knowledge: Knowledge): string {
  return `${JSON.stringify(JSON.parse(canonical(knowledge)), null, 1)}\n`;
}

const frameworkName = ({ framework, edition }: Taxonomy): string => `${framework} ${edition}`;

/** The sources of the taxonomies an entry maps to, unless it cites them itself. */
function mappingSources(
  value: { sources: readonly { key: string }[]; mappings: Record<string, readonly string[]> },
  taxonomies: ReadonlyMap<string, Taxonomy>,
  sources: ReadonlyMap<string, z.infer<typeof registeredSource>>,
): Source[] {
  const seen = new Set(value.sources.map(({ key }) => key));
  const added: Source[] = [];
  for (const key of Object.keys(value.mappings)) {
    const { source: sourceKey, mark } = taxonomies.get(key)!;
    if (seen.has(sourceKey)) continue;
    seen.add(sourceKey);
    added.push({ ...sources.get(sourceKey)!, mark });
  }
  return added;
}

/** Numbers inside ids count as numbers: A4.2h before A4.10, C-09 before C-10. */
const collator = new Intl.Collator("en", { numeric: true });
const byId = (a: { readonly id: string }, b: { readonly id: string }): number => collator.compare(a.id, b.id);
const inOrder = (diagnostics: readonly Diagnostic[]): Diagnostic[] =>
  diagnostics.toSorted(
    (a, b) => (a.span?.file ?? "").localeCompare(b.span?.file ?? "") || (a.span?.line ?? 0) - (b.span?.line ?? 0),
  );

const stem = (path: string): string => path.slice(path.lastIndexOf("/") + 1).replace(/\.yaml$/, "");
const idOf = (value: { id?: string; key?: string }): string => value.id ?? value.key ?? "";

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function readEntries(files: readonly EntryText[], diagnostics: Diagnostic[]): Entries {
  const entries: Entries = {
    sources: [],
    taxonomies: [],
    threats: [],
    controls: [],
    clauses: [],
    dates: [],
    actors: [],
    sectors: [],
    "weak-claims": [],
  };
  for (const { path, text } of files) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const kind = Object.hasOwn(FOLDERS, folder) ? FOLDERS[folder] : undefined;
    if (!kind || !path.endsWith(".yaml")) {
      diagnostics.push({
        code: "E701",
        message: `nothing is read from ${path}`,
        hint: `entries are .yaml files in ${Object.keys(FOLDERS).join(", ")}`,
        span: { file: path, line: 1, column: 1 },
      });
      continue;
    }
    const entry = readEntry(path, text, KINDS[kind], diagnostics);
    if (entry) (entries[kind] as Entry[]).push(entry);
  }
  return entries;
}

function readEntry(path: string, text: string, schema: z.ZodType, diagnostics: Diagnostic[]): Entry | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const spanOf = (offset: number): Span => {
    const { line, col } = lines.linePos(offset);
    return { file: path, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const at = (...member: readonly PropertyKey[]): Span => spanOf(offsetOf(document, member));
  if (document.errors.length > 0) {
    for (const { message, pos } of document.errors)
      diagnostics.push({ code: "E702", message: message.split("\n")[0]!, span: spanOf(pos[0]) });
    return undefined;
  }
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return { path, value: parsed.data, at };
  for (const issue of parsed.error.issues) {
    const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
    const known = unknown === undefined ? [] : memberNames(schema);
    const meant = unknown === undefined ? undefined : nearest(unknown, known);
    diagnostics.push({
      code: "E703",
      message: `${issue.path.join(".") || "the entry"}: ${issue.message}`,
      ...(meant ? { hint: `did you mean "${meant}"?` } : {}),
      span: at(...issue.path, ...(unknown === undefined ? [] : [unknown])),
    });
  }
  return undefined;
}

const memberNames = (schema: z.ZodType): string[] => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : []);

/** Where a member starts in the text: its key if it is a member of a map, else its value, else whatever is above it. */
function offsetOf(document: Document, member: readonly PropertyKey[]): number {
  for (let depth = member.length; depth > 0; depth--) {
    const parent = document.getIn(member.slice(0, depth - 1), true) ?? document.contents;
    const last = member[depth - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === last);
      if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    const node = document.getIn(member.slice(0, depth), true) as { range?: readonly number[] | null } | undefined;
    if (node?.range) return node.range[0]!;
  }
  return document.contents?.range?.[0] ?? 0;
}

// ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const all = (entries: Entries): Entry<{ id?: string; key?: string }>[] => Object.values(entries).flat();

/** An id stands once, in the file of its name, and not on the list of reserved ones. */
function checkIdentity(entries: Entries, diagnostics: Diagnostic[]): void {
  const first = new Map<string, string>();
  for (const { value, path, at } of all(entries)) {
    const id = idOf(value);
    const span = at("key" in value ? "key" : "id");
    // Sources and taxonomies have a register each; everything else shares one space, for `explain` takes any id.
    const space = "key" in value ? path.slice(0, path.indexOf("/")) : "entry";
    const other = first.get(`${space} ${id}`);
    if (other) diagnostics.push({ code: "E710", message: `${id} is already the id of ${other}`, span });
    first.set(`${space} ${id}`, path);
    if (stem(path) !== id)
      diagnostics.push({
        code: "E711",
        message: `${id} stands in a file of another name`,
        hint: `call it ${id}.yaml`,
        span,
      });
    if (RESERVED_CONTROLS.includes(id))
      diagnostics.push({
        code: "E712",
        message: `${id} is reserved and means nothing yet`,
        hint: "take the next free id",
        span,
      });
  }
  const slugs = new Map<string, string>();
  for (const { value, at } of entries.threats) {
    const other = slugs.get(value.slug);
    if (other)
      diagnostics.push({ code: "E713", message: `${other} already has the slug "${value.slug}"`, span: at("slug") });
    slugs.set(value.slug, value.id);
  }
}

/** No text is empty or has blanks at its ends: an empty sentence in a report looks like an answer. */
function checkText(entries: Entries, diagnostics: Diagnostic[]): void {
  const walk = (value: unknown, member: PropertyKey[], at: Entry["at"]): void => {
    if (typeof value === "string") {
      if (value === "" || value !== value.trim())
        diagnostics.push({
          code: "E714",
          message: `${member.join(".")} is empty or has blanks at its ends`,
          span: at(...member),
        });
    } else if (Array.isArray(value)) value.forEach((item, index) => walk(item, [...member, index], at));
    else if (typeof value === "object" && value !== null)
      for (const [key, item] of Object.entries(value)) walk(item, [...member, key], at);
  };
  for (const { value, at } of all(entries)) walk(value, [], at);
}

/** Every id that an entry names is an entry, and every source and taxonomy is named by somebody. */
function checkReferences(
  entries: Entries,
  sources: ReadonlyMap<string, unknown>,
  taxonomies: ReadonlyMap<string, Taxonomy>,
  diagnostics: Diagnostic[],
): void {
  const ids = {
    threat: new Set(entries.threats.map(({ value }) => value.id)),
    control: new Set(entries.controls.map(({ value }) => value.id)),
    profile: new Set(entries.actors.map(({ value }) => value.id)),
    clause: new Set(entries.clauses.map(({ value }) => value.id)),
    source: new Set(sources.keys()),
    taxonomy: new Set(taxonomies.keys()),
  };
  const used = new Set<string>();
  const refer = (kind: keyof typeof ids, id: string, span: Span): boolean => {
    used.add(`${kind} ${id}`);
    if (ids[kind].has(id)) return true;
    const meant = nearest(id, ids[kind]);
    diagnostics.push({
      code: "E720",
      message: `there is no ${kind} "${id}"`,
      ...(meant ? { hint: `did you mean "${meant}"?` } : {}),
      span,
    });
    return false;
  };

  for (const { value, at } of entries.taxonomies) refer("source", value.source, at("source"));
  const citing = [
    ...entries.threats,
    ...entries.controls,
    ...entries.clauses,
    ...entries.dates,
    ...entries.actors,
    ...entries.sectors,
    ...entries["weak-claims"],
  ];
  for (const { value, at } of citing)
    value.sources.forEach(({ key }, index) => refer("source", key, at("sources", index, "key")));
  for (const { value, at } of [...entries.threats, ...entries.controls])
    for (const [key, mappedIds] of Object.entries(value.mappings)) {
      if (!refer("taxonomy", key, at("mappings", key))) continue;
      const names = taxonomies.get(key)!.ids;
      mappedIds.forEach((id, index) => {
        if (Object.hasOwn(names, id)) return;
        const meant = nearest(id, Object.keys(names));
        diagnostics.push({
          code: "E721",
          message: `${key} has no id "${id}"`,
          ...(meant ? { hint: `did you mean "${meant}"?` } : {}),
          span: at("mappings", key, index),
        });
      });
    }
  for (const { value, at } of entries.threats) {
    value.actors.forEach((id, index) => refer("profile", id, at("actors", index)));
    value.gaps.forEach((key, index) => refer("taxonomy", key, at("gaps", index)));
  }
  for (const { value, at } of entries.controls) {
    value.threats.forEach((id, index) => id === "all" || refer("threat", id, at("threats", index)));
    value.raises.forEach((id, index) => refer("threat", id, at("raises", index)));
    const { needs, conflicts, strains, ceilings } = value.planning;
    needs.forEach(({ anyOf }, index) =>
      anyOf.forEach((id, of) => refer("control", id, at("planning", "needs", index, "anyOf", of))),
    );
    conflicts.forEach((conflict, index) => refer("control", conflict.with, at("planning", "conflicts", index, "with")));
    strains.forEach(({ clause: id }, index) => refer("clause", id, at("planning", "strains", index, "clause")));
    ceilings.forEach(({ source: { key } }, index) =>
      refer("source", key, at("planning", "ceilings", index, "source", "key")),
    );
  }
  for (const { value, at } of entries.actors)
    value.attemptsFor.forEach((attempt, index) =>
      attempt.threats.forEach((id, of) => refer("threat", id, at("attemptsFor", index, "threats", of))),
    );
  for (const { value, at } of entries["weak-claims"]) if (value.control) refer("control", value.control, at("control"));

  const uncited =
    (kind: "source" | "taxonomy") =>
    ({ value, at }: Entry<{ key: string }>) => {
      if (!used.has(`${kind} ${value.key}`))
        diagnostics.push({
          code: "E722",
          message: `no entry cites ${value.key}`,
          hint: "cite it or delete it",
          span: at("key"),
        });
    };
  entries.sources.forEach(uncited("source"));
  entries.taxonomies.forEach(uncited("taxonomy"));
}

/** Each crosswalk taxonomy is either mapped or named as a gap, never both and never passed over. */
function checkCrosswalk(entries: Entries, taxonomies: ReadonlyMap<string, Taxonomy>, diagnostics: Diagnostic[]): void {
  const crosswalk = [...taxonomies.values()].filter((item) => item.crosswalk).map((item) => item.key);
  for (const { value, at } of entries.threats)
    for (const key of crosswalk) {
      const isMapped = Object.hasOwn(value.mappings, key);
      const isGap = value.gaps.includes(key);
      if (isMapped === isGap)
        diagnostics.push({
          code: "E723",
          message: isMapped ? `${key} is both mapped and a gap` : `${key} is neither mapped nor a gap`,
          hint: "a framework without a counterpart is a finding: name it under gaps",
          span: at(isMapped ? "gaps" : "mappings"),
        });
    }
}

/** Every threat has a control that names it; "all" alone would let a threat pass that nothing was thought of for. */
function checkCoverage(entries: Entries, diagnostics: Diagnostic[]): void {
  const named = new Set(entries.controls.flatMap(({ value }) => value.threats));
  for (const { value, at } of entries.threats)
    if (!named.has(value.id))
      diagnostics.push({
        code: "E724",
        message: `no control names ${value.id}`,
        hint: "add it to the threats of the controls that meet it",
        span: at("id"),
      });
}

/** Only what was read may be shown as law, and a clause decided by an attack class names it. */
function checkLaw(
  entries: Entries,
  sources: ReadonlyMap<string, z.infer<typeof registeredSource>>,
  diagnostics: Diagnostic[],
): void {
  for (const { value, at } of [...entries.clauses, ...entries.dates]) {
    const law = value.sources.filter(({ key }) => sources.get(key)?.authority === "binding-law");
    if (law.length === 0)
      diagnostics.push({ code: "E730", message: `${value.id} cites no binding law`, span: at("sources") });
    for (const { key, mark } of law)
      if (mark !== "V" && mark !== "V2")
        diagnostics.push({
          code: "E731",
          message: `${value.id} shows ${key} as law although it is only marked ${mark}`,
          hint: "read it (V), find a second text (V2), or cite our own method instead",
          span: at(
            "sources",
            value.sources.findIndex((item) => item.key === key),
            "mark",
          ),
        });
  }
  for (const { value, at } of entries.clauses)
    if ((value.decidedBy === "attack-class") !== (value.attackClass !== undefined))
      diagnostics.push({
        code: "E732",
        message: `${value.id}: attackClass goes with decidedBy "attack-class", and with nothing else`,
        span: at("decidedBy"),
      });
}

/** low ≤ likely ≤ high, and a graver harm never has the looser criterion. */
function checkNumbers(entries: Entries, diagnostics: Diagnostic[]): void {
  const ordered = (item: { low: number; likely: number; high: number }, span: Span): void => {
    if (!(item.low <= item.likely && item.likely <= item.high))
      diagnostics.push({
        code: "E740",
        message: `${item.low}, ${item.likely}, ${item.high} is not low ≤ likely ≤ high`,
        span,
      });
  };
  for (const { value, at } of entries.actors) {
    ordered(value.attempts, at("attempts"));
    value.attemptsFor.forEach((item, index) => ordered(item, at("attemptsFor", index)));
    const seen = new Set<string>();
    value.attemptsFor.forEach(({ threats }, index) => {
      for (const id of threats) {
        if (seen.has(id))
          diagnostics.push({
            code: "E741",
            message: `two figures for ${id}`,
            span: at("attemptsFor", index, "threats"),
          });
        seen.add(id);
      }
    });
  }
  const order = ["VL", "L", "M", "H", "VH"];
  for (const { value, at } of entries.sectors) {
    const bySeverity = value.criteria.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
    bySeverity.forEach(({ perYear }, index) => {
      if (index > 0 && perYear > bySeverity[index - 1]!.perYear)
        diagnostics.push({
          code: "E742",
          message: "a graver severity has the looser criterion",
          span: at("criteria"),
        });
    });
    const seen = new Set<string>();
    value.severities.forEach(({ consequence, harm }, index) => {
      const pair = `${consequence} × ${harm}`;
      if (seen.has(pair))
        diagnostics.push({ code: "E743", message: `two severities for ${pair}`, span: at("severities", index) });
      seen.add(pair);
    });
  }
}

/**
 * What a planner may rely on agrees with what the rating grants: a denial test closes ways only for a control that prevents and
 * is more than an arrangement among people or a property of a model; who excludes is excluded; a ceiling is of a threat met.
 */
function checkPlanning(entries: Entries, diagnostics: Diagnostic[]): void {
  const controls = new Map(entries.controls.map(({ value }) => [value.id, value]));
  for (const { value, at } of entries.controls) {
    const { id, layer, verbs, threats, planning } = value;
    const say = (code: Diagnostic["code"], message: string, hint: string, ...member: PropertyKey[]): void => {
      diagnostics.push({ code, message, hint, span: at("planning", ...member) });
    };
    if (planning.acts === "closes" && (!verbs.includes("prevent") || layer === "organisational" || layer === "model"))
      say(
        "E750",
        `${id} cannot close a way: its denial test would earn it no edge`,
        "write lowers or supports",
        "acts",
      );
    if (layer === "organisational" && planning.acts !== "supports")
      say("E751", `${id} is an arrangement among people and moves no figure itself`, "write supports", "acts");
    if (planning.alsoAt.length > 0 && planning.acts === "supports")
      say("E752", `${id} moves no figure, so no other place is planned for it`, "leave alsoAt empty", "alsoAt");
    planning.conflicts.forEach((conflict, index) => {
      const back = controls.get(conflict.with)?.planning.conflicts;
      if (back && !back.some((other) => other.with === id && other.kind === conflict.kind))
        say(
          "E753",
          `${conflict.with} does not say that it ${conflict.kind} ${id}`,
          "write the conflict on both sides",
          "conflicts",
          index,
        );
    });
    planning.needs.forEach(({ anyOf }, index) => {
      if (anyOf.includes(id)) say("E754", `${id} needs itself`, "name what has to stand beside it", "needs", index);
    });
    planning.ceilings.forEach((ceiling, index) => {
      const strange = ceiling.threats.find((threat) => !threats.includes(threat));
      if (strange)
        say(
          "E755",
          `a ceiling of ${id} is of ${strange}, which it does not name`,
          "a ceiling speaks of a threat met",
          "ceilings",
          index,
        );
    });
  }
}
