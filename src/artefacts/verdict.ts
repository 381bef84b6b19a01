/** From findings and coverage to the verdict on a file or member; there is no other way to one. */
import type { ScanFile, ScanFinding, ScanRead, ScanVerdict } from "#assessment/index.ts";

const WORST_FIRST = ["malicious", "suspicious", "unknown"] as const;

/**
 * The worst finding decides, its members' verdicts count as its own, and what was not read whole is unknown.
 * `headerOnly`: a check that looks at a header and leaves the rest unread by design; then unread bytes are no finding.
 */
export function verdictOf(
  findings: readonly Pick<ScanFinding, "severity">[],
  members: readonly Pick<ScanFile, "verdict">[],
  read: ScanRead,
  headerOnly: boolean,
): ScanVerdict {
  for (const grave of WORST_FIRST)
    if (findings.some(({ severity }) => severity === grave) || members.some(({ verdict }) => verdict === grave))
      return grave;
  const headers = headerOnly || members.some(({ verdict }) => verdict === "header-ok");
  if (headers) return "header-ok";
  return read === "whole" ? "no code path found" : "unknown";
}

/** Whole only where every byte, and every member, was read whole. */
export function readOf(understood: number, size: number, members: readonly Pick<ScanFile, "read">[]): ScanRead {
  if (understood === size && members.every(({ read }) => read === "whole")) return "whole";
  return understood === 0 && members.every(({ read }) => read === "none") ? "none" : "part";
}
