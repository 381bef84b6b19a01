/**
 * What an assessment judged, as CycloneDX `vulnerabilities` (VEX). Each threat at a place is one entry. An attack that was shown is
 * exploitable, as long as it was shown on what lies there now; everything else is in triage – never "not affected": that an attack failed within a budget, or that nobody tried, is no
 * sign that it cannot succeed.
 */
import type { Assessment, Evidence, Finding } from "#assessment/index.ts";
import type { CycloneDxVersion } from "#formats/cyclonedx.ts";
import { serialNumberOf, type Json } from "./serial.ts";

const STATES: Readonly<Record<Finding["status"], "exploitable" | "in_triage">> = {
  confirmed: "exploitable",
  resisted: "in_triage",
  untested: "in_triage",
  inconclusive: "in_triage",
  stale: "in_triage",
};

const SAID: Readonly<Record<Finding["status"], string>> = {
  confirmed: "Shown.",
  resisted: "Tried and not shown, within the budget that was tried; that is no proof that it is not affected.",
  untested: "Not tried.",
  inconclusive: "Tried without a conclusion.",
  stale: "The evidence is out of date or of another version.",
};

/** Whether evidence by itself shows a success of the attacker. */
function shows({ outcome }: Evidence): boolean {
  if (outcome.status !== "measured") return false;
  const { measure } = outcome;
  switch (measure.kind) {
    case "evasion":
    case "patch":
      return measure.successRate.k > 0;
    case "statement":
      return measure.successes.k > 0;
    case "scan":
      return measure.open > 0;
    case "artefacts":
      return measure.verdict === "malicious" || measure.verdict === "suspicious";
    case "data":
      return true;
    case "clean":
    case "corruption":
      return false;
  }
}

/** One entry a judged threat, in the order of the findings. `refOf` finds the part of the document a finding is at;
 * `outdated` are evidence ids with the reason they say nothing of what lies there now. */
export function vulnerabilitiesOf(
  { hash, body }: Assessment,
  refOf: (at: string | undefined) => string | undefined,
  outdated: ReadonlyMap<string, string>,
  linked: (ref: string) => string,
): Json[] {
  const threats = new Map(body.knowledge.threats.map(({ id, title }) => [id as string, title]));
  const evidence = new Map(body.evidence.map((item) => [item.id, item]));
  /** Why what was shown is not shown of what lies there now. */
  const notOfThis = ({ status, evidence: ids }: Finding): string | undefined => {
    const reason = ids.map((id) => outdated.get(id)).find((one) => one !== undefined);
    const stands = ids.some((id) => !outdated.has(id) && evidence.has(id) && shows(evidence.get(id)!));
    return status === "confirmed" && !stands ? reason : undefined;
  };
  return body.findings
    .filter(({ kind }) => kind === "threat")
    .map((finding) => {
      // A flow or a boundary is no part of its own: the system stands for it.
      const ref = refOf(finding.at) ?? refOf(undefined)!;
      const because = notOfThis(finding);
      return {
        "bom-ref": `finding.${finding.id}`,
        id: finding.threat ?? finding.id,
        source: { name: "vauban" },
        description:
          finding.type === undefined ? finding.title : `${finding.type}: ${threats.get(finding.type) ?? finding.title}`,
        detail: finding.title,
        recommendation: finding.remedy,
        analysis: {
          state: because === undefined ? STATES[finding.status] : "in_triage",
          detail: `${because === undefined ? SAID[finding.status] : `Shown, but not of what lies there now: ${because}.`} ${sentence(finding.detail)}`,
        },
        affects: [{ ref: linked(ref) }],
        properties: [
          { name: "vauban:status", value: finding.status },
          ...(finding.type === undefined ? [] : [{ name: "vauban:threat", value: finding.type }]),
          ...finding.evidence.map((id) => ({ name: "vauban:evidence", value: id })),
          { name: "vauban:assessment", value: hash },
        ],
      };
    });
}

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** A VEX of its own, which points into a bill of materials by BOM-Link (`urn:cdx:serial/version#ref`). */
export function vexDocument(
  assessment: Assessment,
  bom: Json,
  refOf: (at: string | undefined) => string | undefined,
  outdated: ReadonlyMap<string, string>,
  options: { readonly version: CycloneDxVersion; readonly tool: Json; readonly asOf?: string },
): Json {
  const serial = String(bom["serialNumber"]).replace(/^urn:uuid:/, "");
  const linked = (ref: string): string => `urn:cdx:${serial}/${String(bom["version"])}#${encodeURIComponent(ref)}`;
  const { metadata } = bom as { metadata: { component: Json } };
  const { properties: _, ...component } = metadata.component;
  const body = JSON.parse(
    JSON.stringify({
      metadata: {
        timestamp: options.asOf === undefined ? undefined : `${options.asOf}T00:00:00Z`,
        tools: { components: [{ type: "application", ...options.tool }] },
        component,
      },
      vulnerabilities: vulnerabilitiesOf(assessment, refOf, outdated, linked),
    }),
  ) as Json;
  return {
    $schema: `http://cyclonedx.org/schema/bom-${options.version}.schema.json`,
    bomFormat: "CycloneDX",
    specVersion: options.version,
    serialNumber: serialNumberOf({ version: options.version, ...body }),
    version: 1,
    ...body,
  };
}
