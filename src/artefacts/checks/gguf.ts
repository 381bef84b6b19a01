/** GGUF: metadata, tensors and the padding between them; and the chat template, which is a program that the loader renders. */
import { isGguf, readGguf, TEMPLATE, type GgufProblem, type GgufText } from "#formats/gguf.ts";
import { isZero } from "#formats/content.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { lookIntoMetadata } from "#artefacts/embedded.ts";
import { lookThrough } from "#artefacts/free-text.ts";
import { templateFindings } from "#artefacts/jinja.ts";

/** What each departure from the format means. */
const PROBLEMS: Readonly<Record<GgufProblem["kind"], readonly [rule: string, severity: ScanFinding["severity"]]>> = {
  duplicate: ["gguf-duplicate", "suspicious"],
  overlap: ["gguf-overlap", "suspicious"],
  bounds: ["gguf-bounds", "unknown"],
  wraps: ["gguf-size", "suspicious"],
  entry: ["gguf-entry", "unknown"],
  limit: ["limit-text", "unknown"],
};
export default defineCheck({
  title: "GGUF file",
  recognise: (content) => (isGguf(content) ? "yes" : "no"),
  read(subject) {
    const { content, ledger, meter, report } = subject;
    const gguf = readGguf(content, () => meter.tick());
    const { headerEnd, dataAt, tensors, texts, problems, fault } = gguf;
    ledger.understood(0, headerEnd);
    for (const { kind, start, end, problem } of problems) {
      const [rule, severity] = PROBLEMS[kind];
      report({ rule, severity, confidence: "high", start, end, message: problem });
    }
    for (const { key, value, start } of templatesIn(texts))
      for (const finding of templateFindings(value, start, `the template ${JSON.stringify(key.slice(0, 100))}`))
        report(finding);
    lookIntoMetadata(
      subject,
      texts.filter(({ key, listed }) => !listed && !TEMPLATE.test(key)),
    );
    lookThrough(subject, texts.filter(({ key, listed }) => !listed && !TEMPLATE.test(key)).map(piece), "the metadata");
    // Vocabularies hold pieces of source, and templates quote it: there it says nothing.
    lookThrough(subject, texts.filter(({ key, listed }) => listed || TEMPLATE.test(key)).map(piece), "the metadata", {
      code: false,
    });
    if (fault) {
      ledger.left(headerEnd, content.size, "the header breaks off before it");
      return report({
        rule: "gguf-broken",
        severity: "unknown",
        confidence: "high",
        start: fault.at,
        end: Math.min(content.size, fault.at + 1),
        message: `the header breaks off: ${fault.problem}; what came before is judged`,
      });
    }
    let last = headerEnd;
    padding(subject, last, dataAt, "it follows the header");
    last = dataAt;
    for (const { start, end } of tensors) {
      if (start > last) padding(subject, last, start, "no tensor has it");
      ledger.understood(start, end);
      last = Math.max(last, end);
    }
    padding(
      subject,
      last,
      Math.min(content.size, Math.ceil(last / gguf.alignment) * gguf.alignment),
      "it follows the tensors",
    );
    ledger.left(last, content.size, "it follows the tensors");
  },
});

/** Texts that may be rendered: each by itself, and those of a list as one, in case a reader joins them. */
function templatesIn(texts: readonly GgufText[]): readonly Pick<GgufText, "key" | "value" | "start">[] {
  const named = texts.filter(({ key }) => TEMPLATE.test(key));
  const lists = [
    ...Map.groupBy(
      named.filter(({ listed }) => listed),
      ({ key }) => key,
    ).values(),
  ];
  const joined = lists
    .filter((list) => list.length > 1)
    .map((list) => ({ ...list[0]!, value: list.map(({ value }) => value).join("") }));
  return [...named, ...joined].filter(({ value }) => value.includes("{"));
}

const piece = ({ key, value, start, end }: { key: string; value: string; start: number; end: number }) => ({
  text: `${key}: ${value}`,
  start,
  end,
});

const PADDING_MAX = 4096;
/** Bytes up to the next aligned one, which writers fill with zeros; anything else there is not padding. */
function padding({ content, ledger }: Subject, from: number, to: number, because: string): void {
  if (to - from <= PADDING_MAX && isZero(content, from, to)) ledger.understood(from, to);
  else ledger.left(from, to, because);
}
