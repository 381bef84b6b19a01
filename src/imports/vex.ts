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
const vulnerability = z.object({ id: z.string().optional(), analysis: analysis.optional() });
type Vulnerability = z.infer<typeof vulnerability>;
const named = z.object({ name: z.string().optional(), version: z.string().optional() });
const bom = z.object({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.enum(["1.4", "1.5", "1.6", "1.7"], { error: "the specification is not 1.4, 1.5, 1.6 or 1.7" }),
  metadata: z
    .object({
      timestamp: z.string().optional(),
      component: z
        .object({
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
});

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
  const { metadata, vulnerabilities = [] } = read.value;
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
  if (vulnerabilities.length === 0)
    return {
      evidence: [
        sealed({
          ...base,
          kind: "imported",
          outcome: {
            status: "inconclusive",
            because:
              "the document names no vulnerability: it says nothing about any, and is no sign that there is none",
          },
          notes: [],
        }),
      ],
      diagnostics: [
        complaint(
          "W612",
          origin,
          "the document names no vulnerability",
          "import the VEX itself, not the bill of materials it belongs to",
        ),
      ],
    };
  const by = Map.groupBy(vulnerabilities, verdictOf);
  const declared = by.get("declared") ?? [];
  const open = by.get("open") ?? [];
  const listed = (items: readonly Vulnerability[]): string =>
    items
      .slice(0, 8)
      .map(({ id }) => short(id ?? "unnamed", 40))
      .join(", ") + (items.length > 8 ? " …" : "");
  const silent = open.filter(({ analysis: said }) => said?.state === undefined);
  const notes = [
    `${vulnerabilities.length} vulnerabilities are named; about all others the document is silent`,
    "what is called resolved or not affected is the issuer's word: nothing was tried",
    ...(open.length > 0 ? [`open: ${listed(open)}`] : []),
    ...(silent.length > 0 ? [`without an analysis, counted as open: ${listed(silent)}`] : []),
    ...(declared.length > 0 ? [`called unaffected without a justification, counted as open: ${listed(declared)}`] : []),
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
          because: `${declared.length} vulnerabilities are called unaffected and nothing says why: ${listed(declared)}`,
        },
        notes: ["add analysis.justification to each, or treat them"],
      }),
    );
  return { evidence, diagnostics: [] };
}
