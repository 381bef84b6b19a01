/**
 * What a text within something else can be: a template that somebody renders, a document that names code, or a pickle or archive
 * in letters. Metadata and the values of documents are looked into for these.
 */
import { contentOf, part, upTo } from "#formats/content.ts";
import type { Numbers } from "#formats/ubjson.ts";
import type { Finding, Subject } from "./check.ts";
import { everyValue, type ModelNode } from "./document.ts";
import { analyseTemplate } from "./jinja.ts";
import { fromBase64 } from "./json/base64.ts";
import type { Range } from "./ledger.ts";
import { carrierOf } from "./payload.ts";

/** A name that promises a template, and Jinja's marks, without which Jinja only copies. */
export const SPEAKS_OF_TEMPLATES = /template|jinja|prompt/i;
const MARKS = /\{\{|\{%|\{#/;
const STATEMENT =
  /\{%[-+]?\s*(?:if|for|set|macro|call|filter|import|include|from|extends|block|with|raw|autoescape|do|trans)\b/;

/**
 * Under any other name a text with such marks may be a template or speak of one, and the harm is a degree less sure. What is not
 * even a template is text.
 */
const ELSEWHERE: Readonly<Record<Finding["severity"], Finding["severity"] | undefined>> = {
  malicious: "suspicious",
  suspicious: "unknown",
  unknown: undefined,
  note: undefined,
};

/** `named`: the name beside the text says that it is a template. */
export function lookForTemplate(subject: Subject, text: string, at: Range, name: string, named: boolean): void {
  if (!MARKS.test(text)) return;
  subject.meter.tick();
  for (const { rule, severity, message } of analyseTemplate(text).findings) {
    const judged = named ? severity : (ELSEWHERE[severity] ?? (STATEMENT.test(text) ? "unknown" : undefined));
    if (judged !== undefined)
      subject.report({
        rule,
        severity: judged,
        confidence: judged === "suspicious" || !named ? "medium" : "high",
        start: at.start,
        end: at.end,
        message: `the template ${JSON.stringify(name.slice(0, 60))} ${message}`,
      });
  }
}

/** Members by which a document names code. */
const NAMES_CODE =
  /["'](?:auto_?map|_target_|target|class_path|trust_remote_code|custom_generate|custom_pipelines|loader_module|py\/\w+|class_name|__class__|mcpServers)["']/i;
/** The same beginnings as carrierOf's, in base64 and as text. */
const PACKED = /^(?:gA[E-X]|UEsD|H4sI|eJ|eN|eA|eF|Qlpo|\/Td6|KLUv|BCJNG|k05V|Y[0-9]|K[CG])/;
const PICKLED = /^\(*(?:c[A-Za-z_]|[^\n]{0,40}[ci][A-Za-z_])[\w.]*\n/;
const DOCUMENT_MAX = 2 ** 20;
/** Of values that begin like something else, so many bytes are looked into. */
const PROBED = 2 ** 20;

/** Documents that name code, and what is loadable in letters, are scanned as what they are; `where`: for the messages. */
export function lookForPayload(subject: Subject, text: string, { start, end }: Range, where: string): void {
  if (text.length < 8) return;
  if (/^\s*[{[]/.test(text) && text.length <= DOCUMENT_MAX && NAMES_CODE.test(text))
    subject.probe(`document at ${start}`, contentOf(new TextEncoder().encode(text)), {
      start,
      end,
      what: `a document in ${where}`,
    });
  if (text.length > subject.meter.limits.payloadMax) return;
  const plain = PICKLED.test(text.slice(0, 400));
  if (!plain && !(text.length >= 16 && PACKED.test(text))) return;
  const latin1 = (letters: string): Uint8Array => Uint8Array.from(letters, (letter) => letter.charCodeAt(0) & 0xff);
  const head = plain ? latin1(text.slice(0, 160)) : fromBase64(text.slice(0, 240));
  const found = head && carrierOf(head);
  const bytes = found === undefined ? undefined : plain ? latin1(text) : fromBase64(text);
  if (bytes)
    subject.probe(`${found} at ${start}`, contentOf(Uint8Array.from(bytes)), {
      start,
      end,
      what: `a ${found} ${plain ? "as text" : "in base64"} in ${where}`,
    });
}

/** Numbers that are bytes, in a list: what they begin like is looked into, as far as they are bytes. */
function lookForBytes(subject: Subject, numbers: Numbers, { start, end }: Range): void {
  if (numbers.length < 8) return;
  const byteAt = (index: number): number | undefined => {
    const value = numbers.at(index);
    return Number.isInteger(value) && value >= -128 && value <= 255 ? value & 0xff : undefined;
  };
  const upTo = (most: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(Math.min(numbers.length, most));
    let length = 0;
    for (; length < bytes.length; length++) {
      const byte = byteAt(length);
      if (byte === undefined) break;
      bytes[length] = byte;
    }
    return bytes.subarray(0, length);
  };
  const found = carrierOf(upTo(160));
  if (found === undefined) return;
  subject.meter.tick();
  subject.probe(`${found} at ${start}`, contentOf(upTo(PROBED)), {
    start,
    end,
    what: `a ${found} in a list of numbers`,
  });
}

/** A document's texts and lists of numbers, value by value. */
export function lookIntoDocument(subject: Subject, root: ModelNode): void {
  const file = subject.path.split("/").at(-1)!;
  // Of a list of templates each has a name of its own beside it.
  let within: { readonly name: string; readonly end: number } | undefined = /template|jinja/i.test(file)
    ? { name: file, end: root.end }
    : undefined;
  for (const { node, name, numbers } of everyValue(root)) {
    if (name !== undefined && SPEAKS_OF_TEMPLATES.test(name) && (within === undefined || node.end > within.end))
      within = { name, end: node.end };
    if (numbers) lookForBytes(subject, numbers, node);
    if (node.row) lookAtStart(subject, node.row.start, node.row.end, "a list of numbers");
    if (node.text === undefined) continue;
    const named = within !== undefined && node.end <= within.end;
    lookForTemplate(subject, node.text, node, named ? within!.name : (name ?? "in a list"), named);
    lookForPayload(subject, node.text, node, "a value");
  }
}

/** A model's metadata, value by value. */
export function lookIntoMetadata(
  subject: Subject,
  values: Iterable<Range & { readonly key: string; readonly value: string }>,
): void {
  for (const { key, value, start, end } of values) {
    lookForTemplate(subject, value, { start, end }, key, SPEAKS_OF_TEMPLATES.test(key));
    lookForPayload(subject, value, { start, end }, "the metadata");
  }
}

/** Values that begin like a pickle or an archive: numbers to whoever wrote the header, and something else to who loads them. */
export function lookAtStart(subject: Subject, start: number, end: number, where: string): void {
  const { content, meter } = subject;
  if (end - start < 8) return;
  const found = carrierOf(upTo(content, start, Math.min(160, end - start)));
  if (found === undefined) return;
  meter.tick();
  // A stretch of it tells a program of instructions from numbers that happen to begin so.
  subject.probe(`${found} at ${start}`, part(content, start, Math.min(end, start + PROBED)), {
    start,
    end,
    what: `a ${found} in ${where}`,
  });
}
