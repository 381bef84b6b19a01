/**
 * Findings that somebody accepts, each with a reason and an end. A baseline changes no verdict: what it lists fails nothing
 * until it expires or the file changes. An entry is meant for one file, named from the baseline's own folder, by its bytes, and for what
 * was found in it: from where and how a scan is called changes nothing, but a file that comes to lie beside it does, and so does a
 * change of the file beside it that a finding speaks of.
 */
import { z } from "zod";
import type { ScanFile, ScanFinding, ScanSummary } from "#assessment/index.ts";
import { dayOf } from "#base/dates.ts";
import { hashOf } from "#base/hash.ts";

export const BASELINE_FORMAT = "vauban/scan-baseline/1";

/** Least characters that can say why something may stay. */
const REASON_MIN = 10;

export const scanBaseline = z.strictObject({
  format: z.literal(BASELINE_FORMAT),
  accepted: z.array(
    z.strictObject({
      /** From the folder the baseline lies in, with `/`. */
      path: z.string().min(1),
      /** Of the file: another file by the same name is not accepted. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
      rule: z.string().min(1),
      /** Digests of the findings by this rule that are meant (`findingDigest`): any other one is open. Entries without accept nothing. */
      found: z
        .array(z.string().regex(/^[0-9a-f]{32}$/, "32 lower-case hex digits"))
        .min(1)
        .optional(),
      reason: z.string().min(REASON_MIN, "say in a sentence why this may stay"),
      expires: z
        .string()
        .refine((date) => /^\d{4}-\d{2}-\d{2}$/.test(date) && dayOf(date) !== undefined, "a day: 2027-06-30"),
    }),
  ),
});
export type ScanBaseline = z.infer<typeof scanBaseline>;
type Entry = ScanBaseline["accepted"][number];
export type Accepted = ScanSummary["accepted"][number];
export type Lapsed = ScanSummary["lapsed"][number];

export interface Judged {
  /** The files, with what is accepted marked in them and in their members. */
  readonly files: readonly ScanFile[];
  /** Findings, of files and all their members, that nothing accepts. */
  readonly open: readonly { readonly file: ScanFile; readonly finding: ScanFinding; readonly digest: string }[];
  readonly accepted: readonly Accepted[];
  readonly lapsed: readonly Lapsed[];
  /** Entries that accept something now. */
  readonly standing: ReadonlySet<Entry>;
}

/** How a scan and a baseline name the same file. */
export interface BaselinePlace {
  /** A file of the report, from the folder of the baseline. */
  named(path: string): string;
  /** Whether this run looked where an entry's file would be. */
  covers(path: string): boolean;
}

const AS_REPORTED: BaselinePlace = { named: (path) => path, covers: () => true };

/**
 * Which finding it is: what it says, of which bytes, of which member (names from the file inward) – and, where it speaks of a file
 * beside this one, of that file as it was.
 */
export const findingDigest = (
  { rule, severity, start, end, message, beside }: ScanFinding,
  member: readonly string[],
): string =>
  hashOf({ rule, severity, start, end, message, member, ...(beside && { beside: { ...beside } }) }).slice(0, 32);

const expired = (entry: Entry, today: string): boolean => dayOf(entry.expires)! < dayOf(today)!;

/** Holds the findings of `files` against the baseline on `today` (YYYY-MM-DD). */
export function againstBaseline(
  files: readonly ScanFile[],
  baseline: ScanBaseline | undefined,
  today: string,
  { named, covers }: BaselinePlace = AS_REPORTED,
): Judged {
  const entries = baseline?.accepted ?? [];
  const open: { file: ScanFile; finding: ScanFinding; digest: string }[] = [];
  const accepted: Accepted[] = [];
  const used = new Set<Entry>();
  const standing = new Set<Entry>();
  const marked = files.map((file) => {
    const path = named(file.path);
    const own = entries.filter((entry) => entry.path === path && entry.sha256 === file.sha256);
    const judged = (finding: ScanFinding, member: readonly string[]): ScanFinding => {
      const digest = findingDigest(finding, member);
      const meant = own.filter(({ rule, found }) => rule === finding.rule && found?.includes(digest));
      for (const entry of meant) used.add(entry);
      // Another baseline accepts it.
      if (finding.accepted) return finding;
      const holding = meant.find((entry) => !expired(entry, today));
      if (!holding) {
        open.push({ file, finding, digest });
        return finding;
      }
      standing.add(holding);
      const { reason, expires } = holding;
      accepted.push({ path: file.path, rule: finding.rule, reason, expires });
      return { ...finding, accepted: { reason, expires } };
    };
    const walk = (one: ScanFile, member: readonly string[]): ScanFile => ({
      ...one,
      findings: one.findings.map((finding) => judged(finding, member)),
      members: one.members.map((inner) => walk(inner, [...member, inner.path])),
    });
    return walk(file, []);
  });
  const scanned = new Map(files.map((file) => [named(file.path), file]));
  const lapsed = entries.flatMap((entry): Lapsed[] => {
    const { path, rule, expires } = entry;
    const lapse = (because: Lapsed["because"], message: string): Lapsed[] => [{ path, rule, because, message }];
    const file = scanned.get(path);
    if (used.has(entry))
      return expired(entry, today)
        ? lapse("expired", `${rule} in ${path} was accepted until ${expires}: it fails again`)
        : [];
    if (file && file.sha256 !== entry.sha256)
      return lapse("changed", `${rule} in ${path} was accepted for other bytes: the file changed, and that is void`);
    if (file && entry.found === undefined)
      return lapse(
        "does not say what",
        `${rule} in ${path} was accepted without saying which finding: it accepts nothing; read the finding and write the entry anew (--write-baseline)`,
      );
    if (file && allFindings(file).some((finding) => finding.rule === rule))
      return lapse("not found", `${rule} in ${path} was accepted for other findings than there are now: those fail`);
    if (file) return lapse("not found", `${rule} is not found in ${path} any more: the entry can go`);
    if (!covers(path)) return [];
    const moved = files.find(({ sha256 }) => sha256 === entry.sha256);
    return lapse(
      "gone",
      `${path} is not there: its entry for ${rule} accepts nothing${moved ? `; the same bytes lie at ${named(moved.path)}` : ""}`,
    );
  });
  return { files: marked, open, accepted, lapsed, standing };
}

/** A new entry, and what it accepts in the scan's own words. */
export interface Acceptance {
  readonly entry: Entry;
  readonly says: readonly string[];
}

/** A note fails nothing, and nobody needs to accept it. */
const accepts = ({ severity }: ScanFinding): boolean => severity !== "note";

/**
 * The baseline with everything in it that is open now. Entries for the same file and rule that lapsed – an older content, a day
 * that is over – are replaced; all others stay. `replaced`: which entries of the baseline given are not in the new one.
 */
export function acceptedAll(
  baseline: ScanBaseline | undefined,
  { open, standing }: Pick<Judged, "open" | "standing">,
  { reason, expires }: Pick<Entry, "reason" | "expires">,
  { named }: Pick<BaselinePlace, "named"> = AS_REPORTED,
): { readonly baseline: ScanBaseline; readonly added: readonly Acceptance[]; readonly replaced: ReadonlySet<Entry> } {
  const added = new Map<string, { entry: Entry & { found: string[] }; says: string[] }>();
  const keyOf = (path: string, rule: string): string => JSON.stringify([path, rule]);
  for (const { file, finding, digest } of open) {
    if (!accepts(finding)) continue;
    const path = named(file.path);
    const key = keyOf(path, finding.rule);
    const fresh = { entry: { path, sha256: file.sha256, rule: finding.rule, found: [], reason, expires }, says: [] };
    const { entry, says } = added.get(key) ?? added.set(key, fresh).get(key)!;
    if (!entry.found.includes(digest)) entry.found.push(digest);
    says.push(`${finding.severity}: ${finding.message}`);
  }
  const replaced = new Set(
    (baseline?.accepted ?? []).filter((entry) => added.has(keyOf(entry.path, entry.rule)) && !standing.has(entry)),
  );
  const kept = (baseline?.accepted ?? []).filter((entry) => !replaced.has(entry));
  const fresh = [...added.values()];
  return {
    baseline: { format: BASELINE_FORMAT, accepted: [...kept, ...fresh.map(({ entry }) => entry)] },
    added: fresh,
    replaced,
  };
}

/** The findings of a file and of everything in it. */
export function allFindings(file: ScanFile): readonly ScanFinding[] {
  return [...file.findings, ...file.members.flatMap(allFindings)];
}
