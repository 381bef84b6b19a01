/** Scans bytes as the command does, in this process. */
import { scanFile, type Trace } from "#artefacts/scan.ts";
import { LIMITS, type ScanLimits } from "#artefacts/limits.ts";
import type { ScanFile } from "#assessment/index.ts";
import { contentOf } from "#formats/content.ts";
import { scanPorts } from "#host/unpack.ts";

export const scanned = (content: Uint8Array, path = "model.pkl", limits: Partial<ScanLimits> = {}): ScanFile =>
  scanFile(path, contentOf(content), scanPorts, { limits: { ...LIMITS, ...limits } });

/** The reconstruction of what loading would do. */
export function stepsOf(content: Uint8Array): readonly string[] {
  const traces: Trace[] = [];
  scanFile("model.pkl", contentOf(content), scanPorts, { trace: (trace) => traces.push(trace) });
  return traces.flatMap(({ steps }) => steps);
}

/** Rules of the findings, members' included. */
export const rulesOf = (file: ScanFile): readonly string[] => [
  ...file.findings.map(({ rule }) => rule),
  ...file.members.flatMap(rulesOf),
];
