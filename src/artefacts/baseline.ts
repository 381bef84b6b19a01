/**
 * Findings that somebody accepts, each with a reason and an end. A baseline changes no verdict: what it lists fails nothing
 * until it expires or the file changes.
 */
import { z } from "zod";
import type { ScanFile, ScanFinding, ScanSummary } from "#assessment/index.ts";
import { dayOf } from "#base/dates.ts";

export const BASELINE_FORMAT = "vauban/scan-baseline/1";

export const scanBaseline = z.strictObject({
  format: z.literal(BASELINE_FORMAT),
  accepted: z.array(
    z.strictObject({
      path: z.string().min(1),
      /** Of the file: another file by the same name is not accepted. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
      rule: z.string().min(1),
      reason: z.string().min(10, "say in a sentence why this may stay"),
      expires: z
        .string()
        .refine((date) => /^\d{4}-\d{2}-\d{2}$/.test(date) && dayOf(date) !== undefined, "a day: 2027-06-30"),
    }),
  ),
});
export type ScanBaseline = z.infer<typeof scanBaseline>;
export type Accepted = ScanSummary["accepted"][number];

export interface Judged {
  /** Findings, of files and all their members, that nothing accepts. */
  readonly open: readonly { readonly file: ScanFile; readonly finding: ScanFinding }[];
  readonly accepted: readonly Accepted[];
  /** Entries that no longer do anything, with the reason: expired, or nothing is like them any more. */
  readonly idle: readonly string[];
}

/** Holds the findings of `files` against the baseline on `today` (YYYY-MM-DD). */
export function againstBaseline(files: readonly ScanFile[], baseline: ScanBaseline | undefined, today: string): Judged {
  const open: { file: ScanFile; finding: ScanFinding }[] = [];
  const accepted: Accepted[] = [];
  const entries = (baseline?.accepted ?? []).map((entry) => ({
    ...entry,
    used: false,
    expired: dayOf(entry.expires)! < dayOf(today)!,
  }));
  for (const file of files)
    for (const finding of allFindings(file)) {
      const entry = entries.find(
        ({ path, sha256, rule }) => path === file.path && sha256 === file.sha256 && rule === finding.rule,
      );
      if (entry) entry.used = true;
      if (entry && !entry.expired)
        accepted.push({ path: file.path, rule: finding.rule, reason: entry.reason, expires: entry.expires });
      else open.push({ file, finding });
    }
  const idle = entries
    .filter(({ used, expired }) => expired || !used)
    .map(({ path, rule, expired, expires }) =>
      expired
        ? `${rule} in ${path} was accepted until ${expires}`
        : `${rule} in ${path} (of that content) was not among what was scanned now: paths are as this run names them`,
    );
  return { open, accepted, idle };
}

/** The findings of a file and of everything in it. */
export function allFindings(file: ScanFile): readonly ScanFinding[] {
  return [...file.findings, ...file.members.flatMap(allFindings)];
}
