/** JSON as RFC 8259 has it and no wider, with the place of every value and every key that comes twice. */
import { FormatError } from "./error.ts";

const REWRITE = "write the file again with a JSON writer";

interface Placed {
  /** Bytes of what was read. */
  readonly start: number;
  readonly end: number;
}
export interface JsonEntry {
  readonly key: string;
  readonly keyAt: number;
  readonly value: JsonNode;
}
export type JsonNode = Placed &
  (
    | { readonly kind: "object"; readonly entries: readonly JsonEntry[] }
    | { readonly kind: "array"; readonly items: readonly JsonNode[] }
    | { readonly kind: "string"; readonly value: string }
    /** `text` as it stands: large integers lose digits as a number. */
    | { readonly kind: "number"; readonly value: number; readonly text: string }
    | { readonly kind: "boolean"; readonly value: boolean }
    | { readonly kind: "null" }
  );

export interface JsonReading {
  readonly value: JsonNode;
  /** Behind the value and the white space that follows it. */
  readonly end: number;
  /** Keys that an object holds twice: which one counts differs between readers. */
  readonly duplicates: readonly (Placed & { readonly key: string })[];
}

export interface JsonLimits {
  readonly depthMax: number;
  readonly valuesMax: number;
}
export const JSON_LIMITS: JsonLimits = { depthMax: 100, valuesMax: 4_000_000 };

/**
 * Reads one value from the start of `bytes`; what follows it is left to the caller. Throws a FormatError at the byte that is no
 * JSON, or where a limit is passed.
 */
export function readJson(bytes: Uint8Array, limits: JsonLimits = JSON_LIMITS): JsonReading {
  return new Reader(bytes, limits).whole();
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
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
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  private readonly bytes: Uint8Array;
  private readonly limits: JsonLimits;
  private readonly duplicates: (Placed & { key: string })[] = [];
  private at = 0;
  private values = 0;
  constructor(bytes: Uint8Array, limits: JsonLimits) {
    this.bytes = bytes;
    this.limits = limits;
  }

  whole(): JsonReading {
    this.space();
    const value = this.value(0);
    this.space();
    return { value, end: this.at, duplicates: this.duplicates };
  }

  private fail(problem: string, at = this.at): never {
    throw new FormatError("JSON", at, problem, REWRITE);
  }
  private space(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.at++;
    }
  }
  private takes(byte: number): boolean {
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  private value(depth: number): JsonNode {
    if (depth > this.limits.depthMax) this.fail(`it is nested deeper than ${this.limits.depthMax}`);
    if (++this.values > this.limits.valuesMax) this.fail(`it holds more than ${this.limits.valuesMax} values`);
    const start = this.at;
    switch (this.bytes[start]) {
      case 0x7b:
        return this.object(start, depth);
      case 0x5b:
        return this.array(start, depth);
      case 0x22:
        return { kind: "string", value: this.string(), start, end: this.at };
      case 0x74:
        return this.word("true", { kind: "boolean", value: true });
      case 0x66:
        return this.word("false", { kind: "boolean", value: false });
      case 0x6e:
        return this.word("null", { kind: "null" });
      case undefined:
        return this.fail("it ends where a value should stand");
      default:
        return this.number(start);
    }
  }

  private word<Value extends object>(word: string, value: Value): Value & Placed {
    const start = this.at;
    for (let i = 0; i < word.length; i++)
      if (this.bytes[start + i] !== word.charCodeAt(i)) this.fail("no value of JSON begins like this", start);
    this.at += word.length;
    return { ...value, start, end: this.at };
  }

  private number(start: number): JsonNode {
    let end = start;
    while (end < this.bytes.length && "+-.0123456789eE".includes(String.fromCharCode(this.bytes[end]!))) end++;
    const text = String.fromCharCode(...this.bytes.subarray(start, Math.min(end, start + 400)));
    if (end - start > 400 || !NUMBER.test(text)) this.fail("no value of JSON begins like this", start);
    this.at = end;
    return { kind: "number", value: Number(text), text, start, end };
  }

  private string(): string {
    const open = this.at++;
    let from = this.at;
    let text = "";
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === undefined) this.fail("a text does not end", open);
      if (byte < 0x20) this.fail("a control character stands in a text as it is");
      if (byte !== 0x22 && byte !== 0x5c) {
        this.at++;
        continue;
      }
      text += this.decoded(from, this.at);
      this.at++;
      if (byte === 0x22) return text;
      const escape = this.bytes[this.at++] ?? 0;
      if (escape === 0x75) {
        const digits = String.fromCharCode(...this.bytes.subarray(this.at, this.at + 4));
        if (!/^[\da-fA-F]{4}$/.test(digits)) this.fail("\\u without four hexadecimal digits");
        text += String.fromCharCode(Number.parseInt(digits, 16));
        this.at += 4;
      } else text += ESCAPES[escape] ?? this.fail("a backslash before what it cannot escape", this.at - 1);
      from = this.at;
    }
  }

  private decoded(from: number, to: number): string {
    if (from === to) return "";
    try {
      return utf8.decode(this.bytes.subarray(from, to));
    } catch {
      return this.fail("a text is not UTF-8", from);
    }
  }

  private object(start: number, depth: number): JsonNode {
    const entries: JsonEntry[] = [];
    const seen = new Set<string>();
    this.at++;
    this.space();
    if (this.takes(0x7d)) return { kind: "object", entries, start, end: this.at };
    for (;;) {
      const keyAt = this.at;
      if (this.bytes[keyAt] !== 0x22) this.fail("a key was expected");
      const key = this.string();
      if (seen.has(key)) this.duplicates.push({ key, start: keyAt, end: this.at });
      seen.add(key);
      this.space();
      if (!this.takes(0x3a)) this.fail('":" was expected');
      this.space();
      entries.push({ key, keyAt, value: this.value(depth + 1) });
      this.space();
      if (this.takes(0x7d)) return { kind: "object", entries, start, end: this.at };
      if (!this.takes(0x2c)) this.fail('"," or "}" was expected');
      this.space();
    }
  }

  private array(start: number, depth: number): JsonNode {
    const items: JsonNode[] = [];
    this.at++;
    this.space();
    if (this.takes(0x5d)) return { kind: "array", items, start, end: this.at };
    for (;;) {
      items.push(this.value(depth + 1));
      this.space();
      if (this.takes(0x5d)) return { kind: "array", items, start, end: this.at };
      if (!this.takes(0x2c)) this.fail('"," or "]" was expected');
      this.space();
    }
  }
}
