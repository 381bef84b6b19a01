/** What a scan found as SARIF 2.1.0: byte regions of artefacts, accepted findings as suppressions, cancelled runs as such. */
import type { Log, ReportingDescriptor, Result } from "sarif";
import { hashOf } from "#base/hash.ts";
import type { ScanDocument, ScanFile, ScanFinding } from "#assessment/index.ts";
import { plain, relativeUri } from "./sarif.ts";

const LEVEL: Readonly<Record<ScanFinding["severity"], NonNullable<Result["level"]>>> = {
  malicious: "error",
  suspicious: "warning",
  unknown: "note",
  note: "note",
};
const KIND: Readonly<Record<ScanFinding["severity"], NonNullable<Result["kind"]>>> = {
  malicious: "fail",
  suspicious: "fail",
  unknown: "review",
  note: "informational",
};

/** One SARIF log of one scan. Bytes of members are given relative to the member, which is named as a logical location. */
export function scanSarif(document: ScanDocument, version: string): Log {
  const rules: ReportingDescriptor[] = [];
  const indices = new Map<string, number>();
  const results: Result[] = [];
  const suppressed = (path: string, rule: string) =>
    document.summary.accepted.find((entry) => entry.path === path && entry.rule === rule);
  const walk = (file: ScanFile, root: ScanFile, way: readonly string[]): void => {
    for (const finding of file.findings) {
      let index = indices.get(finding.rule);
      if (index === undefined) {
        index = rules.length;
        indices.set(finding.rule, index);
        rules.push({ id: finding.rule, shortDescription: { text: finding.rule.replaceAll("-", " ") } });
      }
      const kind = KIND[finding.severity];
      const accepted = suppressed(root.path, finding.rule);
      results.push({
        ruleId: finding.rule,
        ruleIndex: index,
        kind,
        level: kind === "fail" ? LEVEL[finding.severity] : "none",
        message: { text: plain(`${finding.message}.`) },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: relativeUri(root.path), uriBaseId: "SCANNED" },
              ...(way.length === 0
                ? { region: { byteOffset: finding.start, byteLength: finding.end - finding.start } }
                : {}),
            },
            ...(way.length > 0
              ? { logicalLocations: [{ fullyQualifiedName: plain(way.join("!")), kind: "member" }] }
              : {}),
          },
        ],
        partialFingerprints: {
          "vauban/v1": hashOf([root.sha256, [...way], finding.rule, finding.start, finding.end]).slice(0, 32),
        },
        ...(accepted
          ? { suppressions: [{ kind: "external", status: "accepted", justification: plain(accepted.reason) }] }
          : {}),
        properties: {
          verdict: root.verdict,
          read: root.read,
          severity: finding.severity,
          confidence: finding.confidence,
          start: finding.start,
          end: finding.end,
        },
      });
    }
    for (const member of file.members) walk(member, root, [...way, member.path]);
  };
  for (const file of document.files) walk(file, file, []);
  const { partial } = document.summary;
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "Vauban scan", semanticVersion: version, version, rules } },
        originalUriBaseIds: { SCANNED: { description: { text: "The folder that was scanned." } } },
        artifacts: document.files.map(({ path, sha256 }) => ({
          location: { uri: relativeUri(path), uriBaseId: "SCANNED" },
          hashes: { "sha-256": sha256 },
        })),
        invocations: [
          {
            executionSuccessful: partial === undefined,
            ...(partial
              ? { toolExecutionNotifications: [{ level: "warning", message: { text: plain(`${partial}.`) } }] }
              : {}),
          },
        ],
        results,
      },
    ],
  };
}
