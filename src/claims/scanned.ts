/** What the scan of the system's files leads to: a finding per file that would do harm, and a word beside threats it says little about. */
import type { ArtefactsMeasure, Evidence, Finding, ScannedFile, Threat } from "#assessment/index.ts";
import { BY_TAMPERED_FILES } from "#assessment/tried.ts";
import { counted } from "./rated.ts";
import type { Grounds } from "./rated.ts";

/** Files with a finding of their own, over all scans; what is beyond is counted. */
const SHOWN = 50;
const REGIONS = 8;

export const scanOf = ({ outcome }: Evidence): ArtefactsMeasure | undefined =>
  outcome.status === "measured" && outcome.measure.kind === "artefacts" ? outcome.measure : undefined;

export const hasFoundHarm = (item: Evidence): boolean => {
  const verdict = scanOf(item)?.verdict;
  return verdict === "malicious" || verdict === "suspicious";
};

/** A finding per malicious or suspicious file, and one per scan for all that was not read whole. */
export function scannedFiles({ evidence, trials, system }: Grounds): Finding[] {
  const scans = evidence.flatMap((item) => {
    const measure = scanOf(item);
    return measure && item.standing.status === "current" ? [{ item, measure }] : [];
  });
  const base = (item: Evidence) => {
    const where = trials.find(({ id }) => id === item.trial)?.where;
    return {
      kind: "artefact",
      type: "T-11",
      ...(item.at ? { at: item.at } : {}),
      evidence: [item.id],
      ...(where ? { where } : {}),
    } as const;
  };
  const flagged = scans.flatMap(({ item, measure }) =>
    measure.files
      .filter(({ verdict }) => verdict === "malicious" || verdict === "suspicious")
      .map((file): Finding => {
        const malicious = file.verdict === "malicious";
        return {
          ...base(item),
          id: `F-file:${item.at}:${file.path}`,
          status: "confirmed",
          severity: malicious ? "error" : "warning",
          title: malicious
            ? `${file.path} would do harm to whoever loads it`
            : `${file.path} does what no known framework needs`,
          detail: `${regionWords(file)}; SHA-256 ${file.sha256}`,
          remedy: malicious
            ? "do not load it anywhere; find out who put it there and what has loaded it since, and take it from its source again"
            : "see what loading it would do: `vauban scan --trace`; take it from its source again, or keep the model in a format that cannot carry code",
          regions: file.findings.slice(0, REGIONS).map(({ start, end, rule, message, member }) => ({
            path: file.path,
            ...(member === undefined ? {} : { member }),
            start,
            end,
            rule,
            message,
          })),
        };
      }),
  );
  const unread = scans.flatMap(({ item, measure }): Finding[] => {
    const n = measure.total - measure.verdicts["no code path found"];
    const open = n - measure.verdicts.malicious - measure.verdicts.suspicious;
    if (open === 0) return [];
    const first = measure.files.find(({ verdict }) => verdict === "unknown" || verdict === "header-ok");
    return [
      {
        ...base(item),
        id: `F-unread:${item.at}`,
        status: "untested",
        severity: measure.of === "component" ? "warning" : "note",
        title: `${open} of ${counted(measure.total, "file")} of ${titleAt(item.at, system)} not read whole`,
        detail: `what loading ${open === 1 ? "it" : "them"} would do is unknown${first ? `; ${first.path}: ${regionWords(first)}` : ""}`,
        remedy: "keep it in a format that is read whole (docs/scanning.md), or import what another scanner says of it",
      },
    ];
  });
  const beyond = flagged.length - SHOWN;
  return [
    ...flagged
      .slice(0, SHOWN)
      .map((finding, i) =>
        i === SHOWN - 1 && beyond > 0
          ? { ...finding, detail: `${finding.detail}; ${beyond} more files like it stand in the table of artefacts` }
          : finding,
      ),
    ...unread,
  ];
}

/** What of a scan was not read whole, for a threat that it therefore leaves untested. */
export function unreadWords(item: Evidence): string {
  const { total, verdicts, files, absent } = scanOf(item)!;
  const open = verdicts.unknown + verdicts["header-ok"];
  const first = files[0]!;
  return [
    `${item.title}: ${open} of ${counted(total, "file")} not read whole, so what loading would do is unknown – ${first.path}: ${regionWords(first)}`,
    ...absent.map((what) => `not scanned: ${what}`),
  ].join("; ");
}

const titleAt = (at: string | undefined, { components, datasets }: Grounds["system"]): string =>
  components.find(({ id }) => id === at)?.title ??
  datasets.find(({ id }) => id === at?.replace(/^dataset:/, ""))?.title ??
  at ??
  "the system";

/** `bytes 12 to 40: …`, of the gravest finding. */
function regionWords({ findings, more }: ScannedFile): string {
  const first = findings[0];
  if (!first) return "a header was checked, and nothing else was promised";
  const rest = findings.length - 1 + more;
  const place = first.member === undefined ? "" : `in ${first.member}, `;
  return `${place}bytes ${first.start} to ${first.end}: ${first.message}${rest > 0 ? ` (and ${rest} more)` : ""}`;
}

/** What scan and hash say beside such a threat at a model: never that it was resisted. */
export function provenanceNote(
  { type, at }: Threat,
  { evidence, system, mismatches, materials }: Pick<Grounds, "evidence" | "system" | "mismatches" | "materials">,
): { readonly text: string; readonly evidence: readonly string[] } | undefined {
  if (!BY_TAMPERED_FILES.includes(type)) return undefined;
  // What a supplier delivers is looked at where it ends up.
  const isFrom = ({ id, model }: (typeof system.components)[number]): boolean =>
    id === at || (type === "T-38" && model?.origin.supplier === at);
  const component = system.components.find(
    (entry) => isFrom(entry) && evidence.some((candidate) => candidate.at === entry.id && scanOf(candidate)),
  );
  const item = evidence.find((candidate) => candidate.at === component?.id && scanOf(candidate));
  if (!item || !component) return undefined;
  const measure = scanOf(item)!;
  const declared = [component.model?.sha256, ...(component.files ?? []).map(({ sha256 }) => sha256)];
  const named = declared.filter((sha256) => sha256 !== undefined).length;
  const altered = mismatches.filter((mismatch) => mismatch.component === component.id).length;
  const signed = materials.signatures.find((one) => one.component === component.id);
  const hashes =
    signed && !signed.holds
      ? signed.unchecked
        ? `its artefact could not be held to a signature by ${signed.signer}`
        : `its artefact is not as signed by ${signed.signer}`
      : altered > 0
        ? `${altered} of its files ${altered === 1 ? "is" : "are"} not the one declared, so somebody changed ${altered === 1 ? "it" : "them"}`
        : signed
          ? `its artefact is as signed by ${signed.signer}, which shows where it comes from only as far as that signer is trusted`
          : named > 0
            ? "its bytes are those declared, which shows where they come from only as far as the declared hash does"
            : "no hash is declared, so nobody can tell whether its bytes are those meant";
  const scan = hasFoundHarm(item)
    ? `its files were scanned: ${measure.verdict}; whoever put that there could also have changed the weights`
    : `its files were scanned (${measure.verdict}), which says nothing of what was put into the weights`;
  const of = component.id === at ? "" : ` of ${component.title}`;
  return { text: `Provenance only${of}: ${hashes}; ${scan}`, evidence: [item.id] };
}
