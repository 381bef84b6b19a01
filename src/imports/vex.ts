/**
 * CycloneDX VEX, specifications 1.4 to 1.7: which known vulnerabilities the issuer says are open. It is the issuer's opinion
 * (grade E) about vulnerabilities that somebody listed; it is silent about all others.
 */
import { z } from "zod";
import type { Evidence } from "#assessment/index.ts";
import { complaint, held, short } from "./document.ts";
import { placeTitle, sealed, type Imported } from "./evidence.ts";
import type { Context } from "./sarif.ts";
import { otherVersion, outOfDate, standingOf } from "./standing.ts";

const JUSTIFICATIONS = [
  "code_not_present",
  "code_not_reachable",
  "requires_configuration",
  "requires_dependency",
  "requires_environment",
  "protected_by_compiler",
  "protected_at_runtime",
  "protected_at_perimeter",
  "protected_by_mitigating_control",
] as const;
const analysis = z.object({
  state: z
    .enum(["resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"])
    .optional(),
  justification: z.enum(JUSTIFICATIONS).optional(),
  detail: z.string().optional(),
});
const vulnerability = z.object({
  id: z.string().optional(),
  analysis: analysis.optional(),
  affects: z.array(z.object({ ref: z.string() })).optional(),
});
type Vulnerability = z.infer<typeof vulnerability>;
const named = z.object({ name: z.string().optional(), version: z.string().optional() });
const bom = z.object({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.enum(["1.4", "1.5", "1.6", "1.7"], { error: "the specification is not 1.4, 1.5, 1.6 or 1.7" }),
  metadata: z
    .object({
      timestamp: z.string().optional(),
      component: z
        .looseObject({
          name: z.string().optional(),
          version: z.string().optional(),
          hashes: z.array(z.object({ alg: z.string(), content: z.string() })).optional(),
        })
        .optional(),
      supplier: named.optional(),
      manufacture: named.optional(),
      manufacturer: named.optional(),
      authors: z.array(named).optional(),
      // 1.4 lists tools; from 1.5 on they may be components and services.
      tools: z.union([z.array(named), z.object({ components: z.array(named).optional() })]).optional(),
    })
    .optional(),
  vulnerabilities: z.array(vulnerability).optional(),
  components: z.array(z.unknown()).optional(),
  services: z.array(z.unknown()).optional(),
});

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What the document itself says are parts of what it is about: names to refer to them by. */
function partsOf(parts: readonly unknown[], found: Set<string> = new Set()): Set<string> {
  for (const part of parts) {
    if (!isTable(part)) continue;
    if (typeof part["bom-ref"] === "string") found.add(part["bom-ref"]);
    for (const inner of [part["components"], part["services"]]) if (Array.isArray(inner)) partsOf(inner, found);
  }
  return found;
}

/** Into another document (BOM-Link, `urn:cdx:serial/version#ref`): the name of the part there. */
function linkedPart(ref: string): string {
  const link = /^urn:cdx:[^#]*#(.*)$/.exec(ref)?.[1];
  try {
    return link === undefined ? ref : decodeURIComponent(link);
  } catch {
    return ref;
  }
}

/** What each analysis comes to. "declared": said, with nothing that shows it. */
type Verdict = "closed" | "open" | "declared";
function verdictOf({ analysis: said }: Vulnerability): Verdict {
  switch (said?.state) {
    case "resolved":
    case "resolved_with_pedigree":
      return "closed";
    case "not_affected":
      return said.justification ? "closed" : "declared";
    case "false_positive":
      return said.justification || said.detail?.trim() ? "closed" : "declared";
    case "exploitable":
    case "in_triage":
    case undefined:
      return "open";
  }
}

/** One item for what the document analyses; a second one, declared only, for what it calls unaffected without a justification. */
export function fromVex(value: unknown, context: Context): Imported {
  const { origin, system, at } = context;
  const read = held(bom, value, origin, "a CycloneDX document, specification 1.4 to 1.7, with vulnerabilities");
  if (!read.ok) return { evidence: [], diagnostics: read.diagnostics };
  const { metadata, vulnerabilities: listedThere = [], components = [], services = [] } = read.value;
  const date = /^\d{4}-\d{2}-\d{2}(?=T|$)/.exec(metadata?.timestamp ?? "")?.[0];
  const component = metadata?.component;
  const subject = {
    versions: component?.version === undefined ? [] : [component.version],
    sha256: (component?.hashes ?? []).flatMap(({ alg, content }) => (alg === "SHA-256" ? [content.toLowerCase()] : [])),
  };
  const otherSubject = otherVersion(subject, at, system, context.artefacts);
  const tools = Array.isArray(metadata?.tools) ? metadata.tools : (metadata?.tools?.components ?? []);
  const issuer = metadata?.supplier ?? metadata?.manufacturer ?? metadata?.manufacture ?? metadata?.authors?.[0];
  const base: Omit<Evidence, "id" | "kind" | "outcome" | "notes"> = {
    grade: otherSubject === undefined ? "E" : "F",
    title: `VEX of ${placeTitle(at, system)}`,
    tests: [...context.tests],
    ...(at !== undefined && { at }),
    sanity: [],
    adaptive: false,
    tool: {
      name: short(tools[0]?.name ?? "CycloneDX VEX", 100),
      version: short(tools[0]?.version ?? read.value.specVersion, 100),
    },
    inputs: [{ role: "vex", sha256: context.sha256 }],
    ...(date !== undefined && { date }),
    standing: standingOf(otherSubject, outOfDate({ date }, context.asOf)),
    source: context.source,
    ...(issuer?.name !== undefined && { by: short(issuer.name) }),
  };
  const parts = partsOf([metadata?.component, ...components, ...services]);
  const own = new Set([
    "system",
    ...system.components.map(({ id }) => `components.${id}`),
    ...system.datasets.map(({ id }) => `datasets.${id}`),
    ...(context.packages ?? []),
  ]);
  const isOfThis = ({ affects = [] }: Vulnerability): boolean =>
    affects.some(({ ref }) => parts.has(ref) || own.has(linkedPart(ref)));
  // What is open counts whatever it is said of: a word too little closes nothing, and a word about something else closes nothing here.
  const elsewhere = listedThere.filter((one) => verdictOf(one) !== "open" && !isOfThis(one));
  const vulnerabilities = listedThere.filter((one) => !elsewhere.includes(one));
  const shown = (items: readonly Vulnerability[]): string =>
    items
      .slice(0, 8)
      .map(({ id }) => short(id ?? "unnamed", 40))
      .join(", ") + (items.length > 8 ? " …" : "");
  const passed =
    elsewhere.length === 0
      ? undefined
      : `not counted, for they name no part of this system's bill of materials (affects): ${shown(elsewhere)}`;
  if (vulnerabilities.length === 0) {
    const [because, warning, remedy] =
      passed === undefined
        ? [
            "the document names no vulnerability: it says nothing about any, and is no sign that there is none",
            "the document names no vulnerability",
            "import the VEX itself, not the bill of materials it belongs to",
          ]
        : [
            `none of the ${elsewhere.length} vulnerabilities is judged for a part of this system: ${passed}`,
            "no vulnerability in the document affects a part of this system",
            "name in affects a part of the document itself, components.<id> of this system, or a package of its lock files",
          ];
    return {
      evidence: [sealed({ ...base, kind: "imported", outcome: { status: "inconclusive", because }, notes: [] })],
      diagnostics: [complaint("W612", origin, warning, remedy)],
    };
  }
  const by = Map.groupBy(vulnerabilities, verdictOf);
  const declared = by.get("declared") ?? [];
  const open = by.get("open") ?? [];
  const silent = open.filter(({ analysis: said }) => said?.state === undefined);
  const notes = [
    `${vulnerabilities.length} vulnerabilities are named; about all others the document is silent`,
    "what is called resolved or not affected is the issuer's word: nothing was tried",
    ...(passed === undefined ? [] : [passed]),
    ...(open.length > 0 ? [`open: ${shown(open)}`] : []),
    ...(silent.length > 0 ? [`without an analysis, counted as open: ${shown(silent)}`] : []),
    ...(declared.length > 0 ? [`called unaffected without a justification, counted as open: ${shown(declared)}`] : []),
  ];
  const evidence = [
    sealed({
      ...base,
      kind: "imported",
      outcome: {
        status: "measured",
        measure: {
          kind: "scan",
          tool: `CycloneDX VEX ${read.value.specVersion}`,
          results: vulnerabilities.length,
          open: open.length + declared.length,
          notes,
        },
      },
      notes,
    }),
  ];
  if (declared.length > 0)
    evidence.push(
      sealed({
        ...base,
        kind: "declared",
        title: `${base.title}: unaffected without a justification`,
        outcome: {
          status: "inconclusive",
          because: `${declared.length} vulnerabilities are called unaffected and nothing says why: ${shown(declared)}`,
        },
        notes: ["add analysis.justification to each, or treat them"],
      }),
    );
  return { evidence, diagnostics: [] };
}
