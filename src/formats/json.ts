/**
 * JSON (RFC 8259) with the place of every value: strict in its grammar, and as lenient in one point as the writers of model
 * files are (NaN and Infinity, which Python writes). Names that stand twice in one object are kept and told.
 */
import { FormatError } from "./error.ts";

/** One value and where its bytes lie. */
export interface JsonNode {
  readonly start: number;
  readonly end: number;
  readonly value: null | boolean | number | string | readonly JsonNode[] | JsonObject;
}

export class JsonObject {
  /** In the order they stand, also those that stand twice. */
  readonly members: readonly (readonly [name: string, value: JsonNode])[];
  private index: Map<string, JsonNode> | undefined;
  constructor(members: readonly (readonly [string, JsonNode])[]) {
    this.members = members;
  }
  /** The last of that name, which is what most readers take. */
  get(name: string): JsonNode | undefined {
    if (this.members.length < 8) return this.members.findLast(([key]) => key === name)?.[1];
    this.index ??= new Map(this.members);
    return this.index.get(name);
  }
}

export interface JsonDocument {
  readonly root: JsonNode;
  /** Names that stand twice in one object: two readers may see two documents. */
  readonly duplicates: readonly { readonly name: string; readonly start: number; readonly end: number }[];
  /** One past the last byte of the value and the white space behind it. */
  readonly end: number;
}

const FORMAT = "JSON document";
/** Python's own reader gives up near a thousand. */
const DEPTH_MAX = 500;
const DUPLICATES_MAX = 100;
const ESCAPES: Readonly<Record<number, string>> = {
  0x22: '"',
  0x5c: "\\",
  0x2f: "/",
  0x62: "\b",
  0x66: "\f",
  0x6e: "\n",
  0x72: "\r",
  0x74: "\t",
};
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const WORDS: Readonly<Record<string, null | boolean | number>> = {
  null: null,
  true: true,
  false: false,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** Space, tab, line feed, carriage return. */
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * The one value at `from`, with white space around it. What follows is the caller's: `end` tells where. Throws a FormatError
 * for anything but JSON.
 */
export function readJson(bytes: Uint8Array, from = 0): JsonDocument {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const duplicates: { name: string; start: number; end: number }[] = [];
  let at = from;
  const fail = (problem: string, where = at): never => {
    throw new FormatError(FORMAT, Math.min(where, bytes.length), problem, "");
  };
  const space = (): void => {
    while (isSpace(bytes[at])) at++;
  };
  const decoded = (start: number, end: number): string => {
    let text = "";
    if (end - start < 64) {
      let i = start;
      for (; i < end && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!);
      if (i === end) return text;
    }
    try {
      return utf8.decode(bytes.subarray(start, end));
    } catch {
      return fail("a text is not UTF-8", start);
    }
  };
  const string = (): string => {
    const opened = at++;
    let text = "";
    let run = at;
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined) return fail("a text does not end", opened);
      if (byte === 0x22) {
        text += decoded(run, at++);
        return text;
      }
      if (byte < 0x20) return fail("a control character stands in a text");
      if (byte !== 0x5c) {
        at++;
        continue;
      }
      text += decoded(run, at);
      const escape = bytes[at + 1];
      if (escape === 0x75) {
        const digits = String.fromCharCode(...bytes.subarray(at + 2, at + 6));
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) return fail("an escape has no four digits");
        text += String.fromCharCode(Number.parseInt(digits, 16));
        at += 6;
      } else {
        const plain = escape === undefined ? undefined : ESCAPES[escape];
        if (plain === undefined) return fail("an escape that JSON does not have");
        text += plain;
        at += 2;
      }
      run = at;
    }
  };
  const word = (): null | boolean | number => {
    const start = at;
    while (at < bytes.length && !isSpace(bytes[at]) && ![0x2c, 0x5d, 0x7d, 0x3a, 0x22].includes(bytes[at]!)) {
      if (at - start > 4096) return fail("a number of thousands of digits", start);
      at++;
    }
    const text = String.fromCharCode(...bytes.subarray(start, at));
    if (Object.hasOwn(WORDS, text)) return WORDS[text]!;
    return NUMBER.test(text) ? Number(text) : fail("no value of JSON", start);
  };
  const value = (depth: number): JsonNode => {
    if (depth > DEPTH_MAX) fail(`values lie more than ${DEPTH_MAX} deep`);
    space();
    const start = at;
    const byte = bytes[at];
    if (byte === 0x22) return { value: string(), start, end: at };
    if (byte === 0x5b) {
      at++;
      const items: JsonNode[] = [];
      space();
      if (bytes[at] === 0x5d) at++;
      else
        for (;;) {
          items.push(value(depth + 1));
          space();
          const next = bytes[at++];
          if (next === 0x5d) break;
          if (next !== 0x2c) fail("a list goes on without a comma", at - 1);
        }
      return { value: items, start, end: at };
    }
    if (byte === 0x7b) {
      at++;
      const members: [string, JsonNode][] = [];
      const names = new Set<string>();
      space();
      if (bytes[at] === 0x7d) at++;
      else
        for (;;) {
          space();
          const nameAt = at;
          if (bytes[at] !== 0x22) fail("an object's member has no name");
          const name = string();
          if (names.has(name) && duplicates.length < DUPLICATES_MAX) duplicates.push({ name, start: nameAt, end: at });
          names.add(name);
          space();
          if (bytes[at++] !== 0x3a) fail("an object's name has no value", at - 1);
          members.push([name, value(depth + 1)]);
          space();
          const next = bytes[at++];
          if (next === 0x7d) break;
          if (next !== 0x2c) fail("an object goes on without a comma", at - 1);
        }
      return { value: new JsonObject(members), start, end: at };
    }
    if (byte === undefined) return fail("it ends where a value should stand");
    return { value: word(), start, end: at };
  };
  const root = value(0);
  space();
  return { root, duplicates, end: at };
}

/** The value of a member as text, where it is one. */
export function textIn(node: JsonNode | undefined, name: string): string | undefined {
  const found = node?.value instanceof JsonObject ? node.value.get(name)?.value : undefined;
  return typeof found === "string" ? found : undefined;
}

export const memberOf = (node: JsonNode | undefined, name: string): JsonNode | undefined =>
  node?.value instanceof JsonObject ? node.value.get(name) : undefined;

export const itemsOf = (node: JsonNode | undefined): readonly JsonNode[] =>
  Array.isArray(node?.value) ? (node.value as readonly JsonNode[]) : [];

/** The node and everything below it, outermost first; `name` of an object's member, undefined elsewhere. */
export function* everyNode(
  root: JsonNode,
  name?: string,
): Iterable<{ readonly node: JsonNode; readonly name?: string }> {
  const waiting: { node: JsonNode; name?: string }[] = [name === undefined ? { node: root } : { node: root, name }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    yield next;
    const { value } = next.node;
    if (value instanceof JsonObject)
      for (let i = value.members.length; i-- > 0;) {
        const [key, inner] = value.members[i]!;
        waiting.push({ node: inner, name: key });
      }
    else if (Array.isArray(value)) for (let i = value.length; i-- > 0;) waiting.push({ node: value[i] as JsonNode });
  }
}
