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

/** Where files lie: folders, with their absolute URIs only where those are wanted, and per file of the document one of them with the path from there. */
export interface SarifPlaces {
  readonly bases: Readonly<Record<string, { readonly uri?: string; readonly description: string }>>;
  readonly placeOf: (path: string) => { readonly base: string; readonly path: string };
  /** Lines and columns of bytes of a text file; a binary file has none (§3.30.1). */
  readonly regionOf: (path: string, start: number, end: number) => SarifRegion | undefined;
}

/** From 1; columns in UTF-16 units; the end is one past the last. */
export interface SarifRegion {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** What is known of a rule, in words for people. */
export interface SarifRuleText {
  readonly title: string;
  readonly means: string;
  readonly happens: string;
  readonly todo: string;
}

function descriptor(id: string, known: SarifRuleText | undefined): ReportingDescriptor {
  if (!known) return { id, shortDescription: { text: id.replaceAll("-", " ") } };
  const { title, means, happens, todo } = known;
  return {
    id,
    shortDescription: { text: plain(title) },
    fullDescription: { text: plain(`What was seen: ${means}. What would happen: ${happens}.`) },
    help: { text: plain(`${todo} More: vauban explain ${id}`) },
  };
}

const HASHLESS = new Set(["link-not-followed", "not-a-file", "name"]);
/** What is no file has no bytes that a hash could be of; what nobody could read has the hash of nothing. */
const hashed = ({ sha256, findings }: ScanFile): boolean =>
  !/^0+$/.test(sha256) && !findings.some(({ rule }) => HASHLESS.has(rule));

/**
 * One SARIF log of one scan. Bytes of members are given relative to the member, which is named as a logical location. A file's
 * URI starts from a base that `originalUriBaseIds` describes (§3.14.14) – and resolves, where the machine's own folders may be told –, without
 * `..` (§3.10.1), wherever the scan was called.
 */
export function scanSarif(
  document: ScanDocument,
  version: string,
  ruleText: (id: string) => SarifRuleText | undefined,
  { bases, placeOf, regionOf }: SarifPlaces,
): Log {
  const located = new Map(
    document.files.map(({ path }, index) => {
      const place = placeOf(path);
      return [path, { uri: relativeUri(place.path), uriBaseId: place.base, index }] as const;
    }),
  );
  const rules: ReportingDescriptor[] = [];
  const indices = new Map<string, number>();
  const results: Result[] = [];
  const walk = (file: ScanFile, root: ScanFile, way: readonly string[]): void => {
    for (const finding of file.findings) {
      let index = indices.get(finding.rule);
      if (index === undefined) {
        index = rules.length;
        indices.set(finding.rule, index);
        rules.push(descriptor(finding.rule, ruleText(finding.rule)));
      }
      const kind = KIND[finding.severity];
      const { accepted } = finding;
      results.push({
        ruleId: finding.rule,
        ruleIndex: index,
        kind,
        level: kind === "fail" ? LEVEL[finding.severity] : "none",
        message: { text: plain(`${finding.message}.`) },
        locations: [
          {
            physicalLocation: {
              artifactLocation: located.get(root.path)!,
              ...(way.length === 0
                ? {
                    region: {
                      ...regionOf(root.path, finding.start, finding.end),
                      byteOffset: finding.start,
                      byteLength: finding.end - finding.start,
                    },
                  }
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
          ? {
              suppressions: [
                {
                  kind: "external",
                  status: "accepted",
                  justification: plain(`${accepted.reason} (until ${accepted.expires})`),
                },
              ],
            }
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
  const { partial, lapsed } = document.summary;
  const warnings = [...(partial === undefined ? [] : [partial]), ...lapsed.map(({ message }) => message)];
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "Vauban scan", semanticVersion: version, version, rules } },
        originalUriBaseIds: Object.fromEntries(
          Object.entries(bases).map(([id, { uri, description }]) => [
            id,
            { ...(uri !== undefined && { uri }), description: { text: plain(description) } },
          ]),
        ),
        columnKind: "utf16CodeUnits",
        artifacts: document.files.map((file) => ({
          location: located.get(file.path)!,
          roles: ["analysisTarget"],
          ...(hashed(file) ? { hashes: { "sha-256": file.sha256 } } : {}),
        })),
        invocations: [
          {
            executionSuccessful: partial === undefined,
            ...(warnings.length > 0
              ? {
                  toolExecutionNotifications: warnings.map((text) => ({
                    level: "warning",
                    message: { text: plain(`${text}.`) },
                  })),
                }
              : {}),
          },
        ],
        results,
      },
    ],
  };
}
