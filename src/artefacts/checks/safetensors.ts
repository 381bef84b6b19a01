/** safetensors: a header that says what every byte behind it is, down to the last. */
import { upTo } from "#formats/content.ts";
import { isSafetensors, readSafetensors, type SafetensorsProblem } from "#formats/safetensors.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck } from "#artefacts/check.ts";
import { lookAtStart, lookIntoMetadata } from "#artefacts/embedded.ts";
import { lookThrough } from "#artefacts/free-text.ts";

/** What each departure from the format means. */
const PROBLEMS: Readonly<
  Record<SafetensorsProblem["kind"], readonly [rule: string, severity: ScanFinding["severity"]]>
> = {
  duplicate: ["safetensors-duplicate", "suspicious"],
  overlap: ["safetensors-overlap", "suspicious"],
  bounds: ["safetensors-bounds", "unknown"],
  // No tensor has more bytes than 64 bits can count: such a shape is made for readers that count in fewer.
  wraps: ["safetensors-size", "suspicious"],
  size: ["safetensors-size", "unknown"],
  metadata: ["safetensors-metadata", "unknown"],
  entry: ["safetensors-entry", "unknown"],
};

/** Types in which anything may lie; floating-point numbers do not begin like a pickle by chance or will. */
const BYTES = /^(U8|I8|BOOL)$/;

export default defineCheck({
  title: "safetensors file",
  recognise(content, path) {
    if (isSafetensors(content)) return "yes";
    // A length that cannot be: the name still says what it was to be.
    return /\.safetensors$/i.test(path) && upTo(content, 0, 9)[8] === 0x7b ? "perhaps" : "no";
  },
  read(subject) {
    const { content, ledger, report } = subject;
    const { dataAt, tensors, metadata, problems, strange, jsonEnd } = readSafetensors(content);
    let at = 0;
    for (const { start, end } of strange.toSorted((a, b) => a.start - b.start)) {
      ledger.understood(at, Math.max(at, start));
      ledger.left(start, end, "the header gives it no meaning");
      at = Math.max(at, end);
    }
    ledger.understood(at, Math.max(at, jsonEnd));
    ledger.left(jsonEnd, dataAt, "it follows the header's JSON within its length");
    for (const { kind, start, end, problem } of problems) {
      const [rule, severity] = PROBLEMS[kind];
      report({ rule, severity, confidence: "high", start, end, message: problem });
    }
    let last = dataAt;
    for (const { start, end } of tensors) {
      ledger.understood(start, end);
      ledger.left(last, start, "no tensor has it");
      last = Math.max(last, end);
    }
    ledger.left(last, content.size, "it follows the tensors");
    for (const { start, end, dtype } of tensors) if (BYTES.test(dtype)) lookAtStart(subject, start, end, "a tensor");
    lookIntoMetadata(subject, metadata);
    lookThrough(
      subject,
      metadata.map(({ key, value, start, end }) => ({ text: `${key}: ${value}`, start, end })),
      "the metadata",
    );
    if (tensors.length > 0)
      lookThrough(
        subject,
        [{ text: tensors.map(({ name }) => name).join("\n"), start: 8, end: dataAt }],
        "a tensor's name",
      );
  },
});
