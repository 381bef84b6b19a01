/** Findings as SARIF 2.1.0, each pointing at its line in the system file, for code review and CI. */
import type { Log, ReportingDescriptor, Result } from "sarif";
import { hashOf } from "#base/hash.ts";
import type { Assessment, Finding } from "#assessment/index.ts";

const LEVEL = { error: "error", warning: "warning", note: "note" } as const;
const KIND: Readonly<Record<Finding["status"], NonNullable<Result["kind"]>>> = {
  confirmed: "fail",
  untested: "open",
  inconclusive: "review",
  stale: "review",
  resisted: "pass",
};

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

/**
 * Author's text as a SARIF message: no placeholder (§3.11.5 doubles braces), no embedded link (§3.11.6 makes one of
 * `[text](target)`), no directional override that a viewer would obey.
 */
export const plain = (text: string): string =>
  text
    .replace(/[{}]/g, (brace) => brace + brace)
    .replaceAll("](", "] (")
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );

/** A path relative to the system's folder as a relative reference: nothing in a name ends the path or names a scheme. */
export const relativeUri = (path: string): string =>
  path.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/");

/** Bytes of a file; those of a member are within the member, which is named, for no viewer finds them in the file. */
const bytesOf = (
  { path, member, start, end, rule, message }: NonNullable<Finding["regions"]>[number],
  id: number,
): NonNullable<Result["relatedLocations"]>[number] => ({
  id,
  message: { text: plain(sentence(`${rule}: ${message}`)) },
  physicalLocation: {
    artifactLocation: { uri: relativeUri(path), uriBaseId: "SYSTEM" },
    ...(member === undefined ? { region: { byteOffset: start, byteLength: end - start } } : {}),
  },
  ...(member === undefined
    ? {}
    : { logicalLocations: [{ fullyQualifiedName: plain(`${member}, bytes ${start} to ${end}`), kind: "member" }] }),
});

/** One SARIF log. Findings that failed carry a level; what was not tried is `open`, never absent. */
export function sarifReport(assessment: Assessment): Log {
  const { body, hash } = assessment;
  const threats = new Map(body.knowledge.threats.map((threat) => [threat.id, threat]));
  const rules: ReportingDescriptor[] = [];
  const ruleIndex = new Map<string, number>();
  const ruleOf = (finding: Finding): string => {
    const id = finding.type ?? `vauban/${finding.kind}`;
    if (!ruleIndex.has(id)) {
      const threat = finding.type ? threats.get(finding.type) : undefined;
      ruleIndex.set(id, rules.length);
      rules.push({
        id,
        name: threat?.slug ?? finding.kind,
        shortDescription: { text: threat?.title ?? `Vauban ${finding.kind} finding` },
        ...(threat ? { fullDescription: { text: plain(threat.summary) } } : {}),
        help: { text: `vauban explain ${threat ? threat.id : finding.id}` },
      });
    }
    return id;
  };
  const results = body.findings.map((finding): Result => {
    const ruleId = ruleOf(finding);
    const kind = KIND[finding.status];
    const where = finding.where ?? body.system.where;
    return {
      ruleId,
      ruleIndex: ruleIndex.get(ruleId)!,
      kind,
      level: kind === "fail" ? LEVEL[finding.severity] : "none",
      message: {
        text: plain(
          [finding.title, finding.detail, finding.remedy ? `Next: ${finding.remedy}` : ""]
            .filter(Boolean)
            .map(sentence)
            .join(" "),
        ),
      },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: relativeUri(where.file), uriBaseId: "SYSTEM" },
            region: {
              startLine: where.line,
              startColumn: where.column,
              ...(where.endLine ? { endLine: where.endLine } : {}),
              ...(where.endColumn ? { endColumn: where.endColumn } : {}),
            },
          },
          ...(finding.at ? { logicalLocations: [{ name: finding.at, kind: "component" }] } : {}),
        },
      ],
      ...(finding.regions && finding.regions.length > 0 ? { relatedLocations: finding.regions.map(bytesOf) } : {}),
      partialFingerprints: {
        "vauban/v1": hashOf([finding.kind, finding.threat ?? finding.id, finding.at ?? ""]).slice(0, 32),
      },
      properties: {
        finding: finding.id,
        status: finding.status,
        severity: finding.severity,
        evidence: [...finding.evidence],
      },
    };
  });
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "Vauban", semanticVersion: body.tool.version, version: body.tool.version, rules } },
        originalUriBaseIds: { SYSTEM: { description: { text: "The folder of the system file." } } },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: body.partial === undefined,
            ...(body.partial
              ? {
                  toolExecutionNotifications: [
                    {
                      level: "warning",
                      message: {
                        text: plain(sentence(`${body.partial.reason}; untested: ${body.partial.untested.join(", ")}`)),
                      },
                    },
                  ],
                }
              : {}),
          },
        ],
        results,
        properties: { outcome: body.outcome.outcome, row: body.outcome.row, assessment: hash },
      },
    ],
  };
}
