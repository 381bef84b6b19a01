/**
 * What an assessment judged, as CycloneDX `vulnerabilities` (VEX). Each threat at a place is one entry. An attack that was shown is
 * exploitable; everything else is in triage – never "not affected": that an attack failed within a budget, or that nobody tried, is no
 * sign that it cannot succeed.
 */
import type { Assessment, Finding } from "#assessment/index.ts";
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

/** One entry a judged threat, in the order of the findings. `refOf` finds the part of the document a finding is at. */
export function vulnerabilitiesOf(
  { hash, body }: Assessment,
  refOf: (at: string | undefined) => string | undefined,
  linked: (ref: string) => string,
): Json[] {
  const threats = new Map(body.knowledge.threats.map(({ id, title }) => [id as string, title]));
  return body.findings
    .filter(({ kind }) => kind === "threat")
    .map((finding) => {
      // A flow or a boundary is no part of its own: the system stands for it.
      const ref = refOf(finding.at) ?? refOf(undefined)!;
      return {
        "bom-ref": `finding.${finding.id}`,
        id: finding.threat ?? finding.id,
        source: { name: "vauban" },
        description:
          finding.type === undefined ? finding.title : `${finding.type}: ${threats.get(finding.type) ?? finding.title}`,
        detail: finding.title,
        recommendation: finding.remedy,
        analysis: {
          state: STATES[finding.status],
          detail: `${SAID[finding.status]} ${finding.detail}`,
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

/** A VEX of its own, which points into a bill of materials by BOM-Link (`urn:cdx:serial/version#ref`). */
export function vexDocument(
  assessment: Assessment,
  bom: Json,
  refOf: (at: string | undefined) => string | undefined,
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
      vulnerabilities: vulnerabilitiesOf(assessment, refOf, linked),
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
