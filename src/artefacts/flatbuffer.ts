/** What it means where a FlatBuffer is not as its format has it, whatever model it holds. */
import type { FlatProblem } from "#formats/flatbuffers.ts";
import type { ScanFinding } from "#assessment/index.ts";
import type { Subject } from "./check.ts";

const RULES: Readonly<Record<FlatProblem["kind"], readonly [rule: string, severity: ScanFinding["severity"]]>> = {
  bounds: ["flatbuffer-bounds", "unknown"],
  overlap: ["flatbuffer-overlap", "suspicious"],
  entry: ["flatbuffer-entry", "unknown"],
  field: ["flatbuffer-field", "unknown"],
};

export function reportFlat(subject: Pick<Subject, "report">, problems: readonly FlatProblem[]): void {
  for (const { kind, start, end, problem } of problems) {
    const [rule, severity] = RULES[kind];
    subject.report({ rule, severity, confidence: "high", start, end, message: problem });
  }
}
