/** GGUF: metadata, tensors and the padding between them; and the chat template, which is a program that the loader renders. */
import { isGguf, readGguf, TEMPLATE, type Gguf, type GgufProblem, type GgufText } from "#formats/gguf.ts";
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
    if (gguf.split) splits(subject, gguf.split);
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
  // Readers in C end a text at the first zero.
  const cut = named
    .filter(({ value }) => value.includes("\0"))
    .map((one) => ({ ...one, value: one.value.slice(0, one.value.indexOf("\0")) }));
  return [...named, ...joined, ...cut].filter(({ value }) => value.includes("{"));
}

/** Of a model in several files readers find the others by the name of this one (llama_split_path of llama.cpp). */
function splits({ content, path, ports, report }: Subject, { count, index }: NonNullable<Gguf["split"]>): void {
  if (count === 1 || (count === 0 && index === undefined)) return;
  const say = (rule: string, message: string): void =>
    report({ rule, severity: "unknown", confidence: "high", start: 0, end: content.size, message });
  const number = (part: number): string => String(part).padStart(5, "0");
  const named = /([^/\\]*)-(\d{5})-of-(\d{5})\.gguf$/.exec(path);
  if (!named || index === undefined || Number(named[3]) !== count || Number(named[2]) !== index + 1)
    return say(
      "gguf-entry",
      `it says that it is part ${index === undefined ? "" : `${index + 1} `}of ${count}, and its name does not: readers find the parts by their names`,
    );
  for (let part = 1; part <= count; part++) {
    const file = `${named[1]}-${number(part)}-of-${named[3]}.gguf`;
    const beside = part === index + 1 ? undefined : ports.neighbour?.(file);
    if (part === index + 1 || beside?.kind === "file") continue;
    return beside
      ? say(
          "outside",
          `the part ${JSON.stringify(file)} is ${beside.kind === "link" ? "a link to somewhere else" : "no file"}`,
        )
      : say("shard", `the part ${JSON.stringify(file)} is not there: this is not the whole model`);
  }
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
