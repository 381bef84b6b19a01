/**
 * XML 1.0 as a stream of tokens with their places (W3C, Extensible Markup Language, fifth edition): well-formed or refused. Nothing is
 * fetched and nothing is expanded: document types are told and passed over, and of entities only the five that XML itself has are read.
 */
import { FormatError } from "./error.ts";

const FORMAT = "XML document";
/** Elements within elements. */
const DEPTH_MAX = 10_000;
const ATTRIBUTES_MAX = 10_000;

interface Placed {
  readonly start: number;
  readonly end: number;
}
export interface XmlAttribute extends Placed {
  readonly name: string;
  readonly value: string;
}
export interface XmlElement extends Placed {
  readonly name: string;
  readonly attributes: readonly XmlAttribute[];
}

export interface XmlListener {
  /** `open`: the elements it lies in, outermost first. */
  readonly element?: (element: XmlElement, open: readonly XmlElement[]) => void;
  readonly closed?: (element: XmlElement) => void;
  /** Characters between tags, entities resolved. White space alone is not told. */
  readonly text?: (text: string, at: Placed, open: readonly XmlElement[]) => void;
  readonly instruction?: (target: string, content: string, at: Placed) => void;
  readonly comment?: (text: string, at: Placed) => void;
  /** A document type, from `<!DOCTYPE` to its end. */
  readonly doctype?: (text: string, at: Placed) => void;
  /** A reference to an entity that XML does not have. */
  readonly entity?: (name: string, at: Placed) => void;
  readonly tick?: () => void;
}

const NAME = /[\p{L}_:][\p{L}\p{N}\p{M}_:.\-\u00b7]*/uy;
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", apos: "'", quot: '"' };
/** Characters that XML does not have. */
// eslint-disable-next-line no-control-regex -- these are what is refused
const REFUSED = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const ENCODINGS = /^(utf-?8|us-ascii|ascii)$/i;

/**
 * Reads the whole document; places are bytes where `text` was decoded one byte a character, else characters. Throws a FormatError where it
 * is not well-formed. Gives the place behind the root and the white space and comments that follow it.
 */
export function readXml(text: string, listener: XmlListener): number {
  let at = 0;
  const open: XmlElement[] = [];
  const refuse = (problem: string, place = at): never => {
    throw new FormatError(FORMAT, Math.min(place, text.length), problem, "");
  };
  const bad = REFUSED.exec(text);
  if (bad) refuse("a control character", bad.index);
  const until = (mark: string, from: number, what: string): number => {
    const found = text.indexOf(mark, from);
    return found < 0 ? refuse(`${what} without an end`) : found;
  };
  const space = (): boolean => {
    const from = at;
    while (at < text.length && isSpace(text.charCodeAt(at))) at++;
    return at > from;
  };
  const name = (): string => {
    NAME.lastIndex = at;
    const found = NAME.exec(text);
    if (!found) return refuse("a name is missing");
    at += found[0].length;
    return found[0];
  };
  const resolved = (raw: string, from: number): string =>
    raw.includes("&")
      ? raw.replace(/&([^;]{0,64}(;?))/g, (whole, inner: string, ends: string, offset: number) => {
          if (ends === "") refuse("an ampersand that is no reference", from + offset);
          const entity = inner.slice(0, -1);
          if (Object.hasOwn(ENTITIES, entity)) return ENTITIES[entity]!;
          const number = /^#(?:x([\da-f]{1,6})|(\d{1,7}))$/i.exec(entity);
          if (number) {
            const code = number[1] === undefined ? Number(number[2]) : Number.parseInt(number[1], 16);
            if (code > 0x10ffff || REFUSED.test(String.fromCodePoint(code)) || (code >= 0xd800 && code < 0xe000))
              refuse("a reference to no character", from + offset);
            return String.fromCodePoint(code);
          }
          listener.entity?.(entity, { start: from + offset, end: from + offset + whole.length });
          return whole;
        })
      : raw;
  if (text.startsWith("<?xml") && isSpace(text.charCodeAt(5))) {
    const end = until("?>", at, "the declaration");
    const encoding = /\sencoding\s*=\s*["']([^"']*)["']/.exec(text.slice(0, end))?.[1];
    if (encoding !== undefined && !ENCODINGS.test(encoding))
      refuse(`it says that it is written in ${JSON.stringify(encoding.slice(0, 40))}, which is not read`);
    at = end + 2;
  }
  let rooted = false;
  let tokens = 0;
  while (at < text.length) {
    if ((++tokens & 4095) === 0) listener.tick?.();
    const start = at;
    if (text[at] !== "<") {
      const end = text.indexOf("<", at) < 0 ? text.length : text.indexOf("<", at);
      const raw = text.slice(at, end);
      if (raw.trim() !== "") {
        if (open.length === 0) return rooted ? start : refuse("text outside of the root");
        if (raw.includes("]]>")) refuse("the end of a section that was not begun");
        listener.text?.(resolved(raw, start), { start, end }, open);
      }
      at = end;
      continue;
    }
    if (text.startsWith("<!--", at)) {
      const end = until("--", at + 4, "a comment");
      if (text[end + 2] !== ">") refuse("two dashes in a comment", end);
      listener.comment?.(text.slice(at + 4, end), { start, end: end + 3 });
      at = end + 3;
    } else if (text.startsWith("<![CDATA[", at)) {
      if (open.length === 0) refuse("text outside of the root");
      const end = until("]]>", at, "a section of text");
      listener.text?.(text.slice(at + 9, end), { start, end: end + 3 }, open);
      at = end + 3;
    } else if (text.startsWith("<!DOCTYPE", at)) {
      if (rooted) refuse("a document type behind the root's beginning");
      at = doctypeEnd(text, at) ?? refuse("a document type without an end");
      listener.doctype?.(text.slice(start, at), { start, end: at });
    } else if (text.startsWith("<?", at)) {
      at += 2;
      const target = name();
      if (/^xml$/i.test(target)) refuse("a second declaration", start);
      const end = until("?>", at, "an instruction");
      listener.instruction?.(target, text.slice(at, end), { start, end: end + 2 });
      at = end + 2;
    } else if (text.startsWith("</", at)) {
      at += 2;
      const closed = name();
      space();
      const last = open.pop();
      if (last?.name !== closed)
        refuse(`</${closed.slice(0, 60)}> where ${last ? `</${last.name.slice(0, 60)}>` : "nothing"} is open`, start);
      if (text[at] !== ">") refuse("a tag without an end");
      at++;
      listener.closed?.(last!);
    } else {
      if (rooted && open.length === 0) return start;
      at++;
      const tag = name();
      const attributes: XmlAttribute[] = [];
      const names = new Set<string>();
      for (;;) {
        const spaced = space();
        if (text[at] === ">" || text[at] === "/" || at >= text.length) break;
        if (!spaced) refuse("an attribute that follows without a space");
        const from = at;
        const attribute = name();
        space();
        if (text[at] !== "=") refuse("an attribute without a value");
        at++;
        space();
        const quote = text[at];
        if (quote !== '"' && quote !== "'") refuse("a value without quotes");
        const end = until(quote!, at + 1, "a value");
        const raw = text.slice(at + 1, end);
        if (raw.includes("<")) refuse("a tag within a value");
        if (names.has(attribute)) refuse(`${JSON.stringify(attribute.slice(0, 60))} stands twice in one tag`, from);
        names.add(attribute);
        if (attributes.length === ATTRIBUTES_MAX) refuse("too many attributes");
        attributes.push({ name: attribute, value: resolved(raw, at + 1), start: from, end: end + 1 });
        at = end + 1;
      }
      const empty = text[at] === "/";
      if (empty) at++;
      if (text[at] !== ">") refuse("a tag without an end");
      at++;
      const element = { name: tag, attributes, start, end: at };
      rooted = true;
      listener.element?.(element, open);
      if (empty) listener.closed?.(element);
      else if (open.push(element) > DEPTH_MAX) refuse(`elements more than ${DEPTH_MAX} deep`, start);
    }
  }
  const left = open.at(-1);
  if (left) refuse(`<${left.name.slice(0, 60)}> is not closed`, text.length);
  if (!rooted) refuse("there is no root", 0);
  return at;
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** Behind the `>` that ends a document type, with quotes, comments and its own brackets passed over. */
function doctypeEnd(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from + 9; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === '"' || letter === "'") {
      at = text.indexOf(letter, at + 1);
      if (at < 0) return undefined;
    } else if (text.startsWith("<!--", at)) {
      at = text.indexOf("-->", at);
      if (at < 0) return undefined;
      at += 2;
    } else if (letter === "[") depth++;
    else if (letter === "]") depth--;
    else if (letter === ">" && depth <= 0) return at + 1;
  }
  return undefined;
}
