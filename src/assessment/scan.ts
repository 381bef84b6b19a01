/** What `vauban scan` says about files: a document of its own, and the only thing that its reports read. */
import { z } from "zod";
import type { DeepReadonly } from "#base/readonly.ts";
import { hexDigest } from "./scalars.ts";

export const SCAN_FORMAT = "vauban/scan/1";

/**
 * What reading a file came to. "no code path found" needs every byte read and understood; "header-ok" says that a header
 * was checked and nothing else. Neither speaks of backdoors in the weights.
 */
export const SCAN_VERDICTS = ["malicious", "suspicious", "unknown", "header-ok", "no code path found"] as const;
export const scanVerdict = z.enum(SCAN_VERDICTS);
export type ScanVerdict = z.infer<typeof scanVerdict>;

/** The verdict a finding leads to; a note leads to none. */
export const SCAN_SEVERITIES = ["malicious", "suspicious", "unknown", "note"] as const;
export const scanSeverity = z.enum(SCAN_SEVERITIES);
export type ScanSeverity = z.infer<typeof scanSeverity>;

export const scanFinding = z.strictObject({
  rule: z.string(),
  severity: scanSeverity,
  confidence: z.enum(["high", "medium", "low"]),
  /** Bytes of the file or member it is about; `end` is one past the last. */
  start: z.int().min(0),
  end: z.int().min(0),
  message: z.string(),
  /**
   * What beside the file it speaks of, and what was there: a digest of the content, where a link leads, or that nothing is. An
   * acceptance holds for as long as that is the same.
   */
  beside: z.strictObject({ name: z.string(), is: z.string() }).optional(),
  /** A baseline accepts it: it keeps its severity and fails nothing until that day is over. */
  accepted: z.strictObject({ reason: z.string(), expires: z.string() }).optional(),
});
export type ScanFinding = DeepReadonly<z.infer<typeof scanFinding>>;

/** How much of the bytes was read and understood. */
export const scanRead = z.enum(["whole", "part", "none"]);
export type ScanRead = z.infer<typeof scanRead>;

export interface ScanFile {
  readonly path: string;
  readonly sha256: string;
  readonly verdict: ScanVerdict;
  readonly read: ScanRead;
  readonly findings: readonly ScanFinding[];
  readonly members: readonly ScanFile[];
}
export const scanFile: z.ZodType<ScanFile> = z.strictObject({
  /** Relative to the path that was scanned; of a member, its name within what it lies in. */
  path: z.string(),
  sha256: hexDigest,
  verdict: scanVerdict,
  read: scanRead,
  findings: z.array(scanFinding),
  members: z.lazy(() => z.array(scanFile)),
});

/** What loading one file or member would do, written as Python would write it; nothing of it was run. */
export const scanTrace = z.strictObject({
  /** The file, as `files` names it. */
  path: z.string(),
  /** What lies in it, by names joined with `!`; absent for the file itself. */
  member: z.string().optional(),
  /** Calls in the order loading makes them; the first thousand. None: loading calls nothing. */
  steps: z.array(z.string()),
  /** How many there are. */
  total: z.int().min(0),
});
export type ScanTrace = DeepReadonly<z.infer<typeof scanTrace>>;

/** Why an entry of a baseline no longer does what it was written for. */
export const SCAN_LAPSES = ["expired", "changed", "not found", "gone", "does not say what"] as const;

export const scanSummary = z.strictObject({
  files: z.int().min(0),
  verdicts: z.record(scanVerdict, z.int().min(0)),
  read: z.record(scanRead, z.int().min(0)),
  /** Findings that a baseline accepts: they are listed and keep their verdict, and fail nothing. */
  accepted: z.array(z.strictObject({ path: z.string(), rule: z.string(), reason: z.string(), expires: z.string() })),
  /** Entries of the baseline that accept nothing any more; `path` as the baseline names it. */
  lapsed: z.array(
    z.strictObject({ path: z.string(), rule: z.string(), because: z.enum(SCAN_LAPSES), message: z.string() }),
  ),
  /** Why not every file was scanned. */
  partial: z.string().optional(),
});
export type ScanSummary = DeepReadonly<z.infer<typeof scanSummary>>;

export const scanDocument = z.strictObject({
  format: z.literal(SCAN_FORMAT),
  files: z.array(scanFile),
  /** With --trace only; a format that calls nothing while it is loaded has none. */
  traces: z.array(scanTrace).optional(),
  summary: scanSummary,
});
export interface ScanDocument {
  readonly format: typeof SCAN_FORMAT;
  readonly files: readonly ScanFile[];
  readonly traces?: readonly ScanTrace[];
  readonly summary: ScanSummary;
}
