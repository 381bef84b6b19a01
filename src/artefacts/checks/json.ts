/**
 * JSON documents, and lines of them: read whole and strictly, then by what they are – a Keras model, a schema of skops, a
 * notebook, a configuration or tokenizer of Hugging Face. What is none of these is data, which nothing here calls or names.
 */
import { upTo, type Content } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import { readJson, type JsonDocument } from "#formats/json.ts";
import { defineCheck } from "#artefacts/check.ts";
import { judgeValue } from "#artefacts/json/readings.ts";
import { LimitReached } from "#artefacts/limits.ts";

const SIZE_MAX = 256 * 2 ** 20;
const LINES_MAX = 1_000_000;
/** How far to look for the end of the white space at either end. */
const MARGIN = 4096;

const opens = (content: Content): boolean => {
  const text = String.fromCharCode(...upTo(content, 0, 256));
  return /^\s*(\{\s*("|\}|$)|\[\s*([[{"\d\]-]|true|false|null|NaN|$))/.test(text);
};
function closes(content: Content): boolean {
  const tail = upTo(content, content.size - MARGIN, MARGIN);
  let at = tail.length - 1;
  while (at >= 0 && [0x20, 0x0a, 0x0d, 0x09].includes(tail[at]!)) at--;
  return tail[at] === 0x7d || tail[at] === 0x5d;
}

export default defineCheck({
  title: "JSON document",
  recognise(content, path) {
    if (content.size === 0 || !opens(content)) return "no";
    // Two readers that both see their format in one file is what a polyglot is: being sure takes both ends.
    if (closes(content)) return "yes";
    return /\.(json|jsonl|ipynb|ndjson)$/i.test(path) ? "yes" : "perhaps";
  },
  read(subject) {
    const { content, ledger, meter, report } = subject;
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-json", `a document of ${content.size} bytes is more than is read`);
    const bytes = content.read(0, content.size);
    let at = 0;
    for (let lines = 0; at < bytes.length; lines++) {
      if (lines % 256 === 0) meter.tick();
      if (lines === LINES_MAX)
        throw new LimitReached("limit-json", `more than ${LINES_MAX} documents in one file; the rest was not read`);
      let document: JsonDocument;
      try {
        document = readJson(bytes, at);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        ledger.left(at, bytes.length, lines === 0 ? "it is no JSON to its end" : "it follows the document");
        ledger.doubted(at, Math.min(bytes.length, error.offset + 1));
        report({
          rule: "json-broken",
          severity: "unknown",
          confidence: "high",
          start: error.offset,
          end: Math.min(bytes.length, error.offset + 1),
          message: `as JSON: ${error.problem}`,
        });
        return;
      }
      // Lines of documents stand on lines of their own.
      if (lines > 0 && !bytes.subarray(Math.max(0, at - 2), at).includes(10)) break;
      for (const { name, start, end } of document.duplicates.slice(0, 8))
        report({
          rule: "json-duplicate",
          severity: "unknown",
          confidence: "high",
          start,
          end,
          message: `${JSON.stringify(name.slice(0, 60))} stands twice in one object: readers disagree on which counts`,
        });
      ledger.understood(at, document.end);
      judgeValue(document.root, subject);
      at = document.end;
    }
    ledger.left(at, bytes.length, "it follows the document");
  },
});
