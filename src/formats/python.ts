/**
 * Python source as tokens and statements (Python's reference, chapter 2), tolerant of everything: what is no Python goes
 * on as single characters. Works on bytes, so that every token has its place in the file. Nothing is ever run.
 */

export interface PythonToken {
  readonly kind: "name" | "number" | "string" | "op";
  /** Of a string its value, escapes resolved; of a name what Python makes of it (NFKC). */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Expressions in a formatted string, as tokens. */
  readonly within?: readonly PythonToken[];
}

export interface PythonLine {
  readonly tokens: readonly PythonToken[];
  /** Columns of white space before it; a tab goes to the next multiple of 8. */
  readonly indent: number;
}

/** What shows only at the end of a program's lines. */
export interface PythonEnd {
  /** A text or bracket that never ends. */
  readonly broken: boolean;
  /** It has more tokens than are made; the rest was not. */
  readonly cut: boolean;
}

export interface PythonSource extends PythonEnd {
  readonly lines: readonly PythonLine[];
}

const TOKENS_MAX = 4_000_000;
const isLetter = (byte: number): boolean =>
  (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || byte === 95 || byte >= 128;
const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
const PREFIX = /^([rub]|br|rb|f|fr|rf|t|tr|rt)$/i;
const [QUOTE, APOSTROPHE, BACKSLASH, HASH, NEWLINE, RETURN, SEMICOLON] = [34, 39, 92, 35, 10, 13, 59];

/** All of a program's lines at once. */
export function lexPython(bytes: Uint8Array): PythonSource {
  const lines: PythonLine[] = [];
  const all = pythonLines(bytes);
  for (;;) {
    const { done, value } = all.next();
    if (done === true) return { lines, ...value };
    lines.push(value);
  }
}

/** One character each of what stands in source, made once. */
const CHARACTERS = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

/** A program's logical lines, parted at semicolons, one after the other: whoever needs no more than one at a time keeps no more. */
export function* pythonLines(bytes: Uint8Array): Generator<PythonLine, PythonEnd> {
  const ascii = new TextDecoder("latin1").decode(bytes);
  let broken = false;
  let tokens: PythonToken[] = [];
  let indent = 0;
  let depth = 0;
  let count = 0;
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let begins = true;
  while (at < bytes.length && count++ < TOKENS_MAX) {
    if (begins) {
      begins = false;
      indent = 0;
      for (; at < bytes.length; at++)
        if (bytes[at] === 32) indent++;
        else if (bytes[at] === 9) indent = 8 * Math.floor(indent / 8 + 1);
        else if (bytes[at] !== 12) break;
      if (at === bytes.length) break;
    }
    const byte = bytes[at]!;
    const start = at;
    if (byte === HASH) {
      while (at < bytes.length && bytes[at] !== NEWLINE && bytes[at] !== RETURN) at++;
    } else if (byte === NEWLINE || byte === RETURN) {
      at += byte === RETURN && bytes[at + 1] === NEWLINE ? 2 : 1;
      if (depth === 0) {
        if (tokens.length > 0) {
          yield { tokens, indent };
          tokens = [];
        }
        begins = true;
      }
    } else if (byte === BACKSLASH && (bytes[at + 1] === NEWLINE || bytes[at + 1] === RETURN)) {
      at += bytes[at + 1] === RETURN && bytes[at + 2] === NEWLINE ? 3 : 2;
    } else if (byte === 32 || byte === 9 || byte === 12) at++;
    else if (isLetter(byte)) {
      let high = 0;
      for (let one = byte; isLetter(one) || isDigit(one); one = at < bytes.length ? bytes[at]! : 0) {
        high |= one;
        at++;
      }
      const name = high < 128 ? ascii.slice(start, at) : normalised(bytes, start, at);
      if ((bytes[at] === QUOTE || bytes[at] === APOSTROPHE) && PREFIX.test(name)) {
        const token = stringAt(bytes, start, at, name);
        broken ||= token.open;
        tokens.push(token.string);
        at = token.string.end;
      } else tokens.push({ kind: "name", text: name, start, end: at });
    } else if (byte === QUOTE || byte === APOSTROPHE) {
      const token = stringAt(bytes, start, at, "");
      broken ||= token.open;
      tokens.push(token.string);
      at = token.string.end;
    } else if (isDigit(byte)) {
      while (at < bytes.length && (isLetter(bytes[at]!) || isDigit(bytes[at]!) || bytes[at] === 46)) at++;
      const text = at === start + 1 ? CHARACTERS[byte]! : latin1(bytes, start, at);
      tokens.push({ kind: "number", text, start, end: at });
    } else {
      at++;
      if (byte === SEMICOLON && depth === 0) {
        if (tokens.length > 0) {
          yield { tokens, indent };
          tokens = [];
        }
        continue;
      }
      if (byte === 40 || byte === 91 || byte === 123) depth++;
      else if (byte === 41 || byte === 93 || byte === 125) depth = Math.max(0, depth - 1);
      tokens.push({ kind: "op", text: CHARACTERS[byte]!, start, end: at });
    }
  }
  if (tokens.length > 0) yield { tokens, indent };
  return { broken: broken || depth > 0 || at < bytes.length, cut: at < bytes.length };
}

/** The text whose quote is at `quoted`, behind a prefix that begins at `start`; `open`: it never ends. */
function stringAt(
  bytes: Uint8Array,
  start: number,
  quoted: number,
  prefix: string,
): { readonly string: PythonToken; readonly open: boolean } {
  const quote = bytes[quoted]!;
  const long = bytes[quoted + 1] === quote && bytes[quoted + 2] === quote;
  let at = quoted + (long ? 3 : 1);
  const from = at;
  let open = false;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined || (!long && (byte === NEWLINE || byte === RETURN))) {
      open = true;
      break;
    }
    if (byte === BACKSLASH) at += 2;
    else if (byte === quote && (!long || (bytes[at + 1] === quote && bytes[at + 2] === quote))) break;
    else at++;
  }
  const to = Math.min(at, bytes.length);
  const end = Math.min(bytes.length, to + (bytes[to] === quote ? (long ? 3 : 1) : 0));
  const raw = /r/i.test(prefix);
  const text = raw ? latin1(bytes, from, to) : unescaped(latin1(bytes, from, to));
  const plain: PythonToken = { kind: "string", text, start, end };
  return { string: /[ft]/i.test(prefix) ? { ...plain, within: expressionsIn(bytes, from, to) } : plain, open };
}

/** What stands in the braces of a formatted string. */
function expressionsIn(bytes: Uint8Array, from: number, to: number): readonly PythonToken[] {
  const found: PythonToken[] = [];
  let opened = -1;
  let nested = 0;
  for (let i = from; i < to; i++) {
    if (bytes[i] === 123) {
      if (nested === 0 && bytes[i + 1] === 123) i++;
      else if (nested++ === 0) opened = i + 1;
    } else if (bytes[i] === 125 && nested > 0 && --nested === 0 && found.length < 10_000)
      for (const line of pythonLines(bytes.subarray(opened, i)))
        for (const token of line.tokens) found.push({ ...token, start: token.start + opened, end: token.end + opened });
  }
  return found;
}

/** A name as Python compares it: letters that look alike are one. */
const normalised = (bytes: Uint8Array, start: number, end: number): string =>
  new TextDecoder().decode(bytes.subarray(start, end)).normalize("NFKC");

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i += 8192) text += String.fromCharCode(...bytes.subarray(i, Math.min(end, i + 8192)));
  return text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

const unescaped = (text: string): string =>
  text.includes("\\")
    ? text.replace(
        /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|[^])/g,
        (all: string, escape: string) => {
          const plain = ESCAPES[escape];
          if (plain !== undefined) return plain;
          if (/^[xuU]/.test(escape) && escape.length > 1) {
            const point = Number.parseInt(escape.slice(1), 16);
            return point <= 0x10ffff ? String.fromCodePoint(point) : all;
          }
          return /^[0-7]/.test(escape) ? String.fromCodePoint(Number.parseInt(escape, 8)) : all;
        },
      )
    : text;

/** The encoding that a program declares (PEP 263), in one of its first two lines. */
export function declaredEncoding(bytes: Uint8Array): string | undefined {
  const [first = "", second = ""] = latin1(bytes, 0, Math.min(bytes.length, 400)).split(/\r\n|\r|\n/);
  const found = [first, /^\s*(#|$)/.test(first) ? second : ""]
    .map((line) => /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/.exec(line)?.[1])
    .find((one) => one !== undefined);
  return found?.toLowerCase().replaceAll("_", "-");
}
