/**
 * Universal Binary JSON (ubjson.org, draft 12), strict, with the place of every value: how XGBoost writes models. Rows of numbers stay
 * where they are. `u`, of two bytes, is XGBoost's own.
 */
import { FormatError, viewOf } from "./error.ts";

const FORMAT = "UBJSON document";
const DEPTH_MAX = 100;
const VALUES_MAX = 5_000_000;

/** A row of numbers of one type. */
export interface Numbers {
  readonly length: number;
  at(index: number): number;
}
export interface UbjsonNode {
  readonly start: number;
  readonly end: number;
  readonly value:
    | null
    | boolean
    | number
    | string
    | { readonly items: readonly UbjsonNode[] }
    /** `from`: where the first of them lies. */
    | { readonly numbers: Numbers; readonly from: number }
    | { readonly members: readonly (readonly [name: string, value: UbjsonNode])[] };
}
export interface UbjsonDocument {
  readonly root: UbjsonNode;
  readonly end: number;
  readonly duplicates: readonly { readonly name: string; readonly start: number; readonly end: number }[];
}

const WIDTHS: Readonly<Record<string, number>> = { i: 1, U: 1, I: 2, u: 2, l: 4, L: 8, d: 4, D: 8 };
const read = (view: DataView, type: string, at: number): number => {
  switch (type) {
    case "i":
      return view.getInt8(at);
    case "U":
      return view.getUint8(at);
    case "I":
      return view.getInt16(at);
    case "u":
      return view.getUint16(at);
    case "l":
      return view.getInt32(at);
    case "L":
      return Number(view.getBigInt64(at));
    case "d":
      return view.getFloat32(at);
    default:
      return view.getFloat64(at);
  }
};

/** The one value at the beginning. What follows is the caller's: `end` tells where. Throws a FormatError for anything else. */
export function readUbjson(bytes: Uint8Array): UbjsonDocument {
  const view = viewOf(bytes);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const duplicates: { name: string; start: number; end: number }[] = [];
  let at = 0;
  let values = 0;
  const broken = (problem: string, place = at): never => {
    throw new FormatError(FORMAT, Math.min(place, bytes.length), problem, "write the model again");
  };
  const need = (length: number): void => {
    if (!(length >= 0 && at + length <= bytes.length)) broken("it is cut short", bytes.length);
  };
  const marker = (): string => {
    for (;;) {
      need(1);
      const letter = String.fromCharCode(bytes[at++]!);
      if (letter !== "N") return letter;
    }
  };
  const number = (type: string): number => {
    need(WIDTHS[type]!);
    at += WIDTHS[type]!;
    return read(view, type, at - WIDTHS[type]!);
  };
  const length = (type: string): number => {
    if (WIDTHS[type] === undefined || type === "d" || type === "D") broken("a length that is no whole number", at - 1);
    const count = number(type);
    if (!(Number.isSafeInteger(count) && count >= 0)) broken("a length below zero or beyond all files");
    return count;
  };
  const text = (type: string): string => {
    const size = length(type);
    need(size);
    at += size;
    try {
      return utf8.decode(bytes.subarray(at - size, at));
    } catch {
      return broken("a text that is no UTF-8", at - size);
    }
  };
  const value = (type: string, start: number, depth: number): UbjsonNode => {
    if (++values > VALUES_MAX) broken(`more than ${VALUES_MAX} values`, start);
    const made = (inner: UbjsonNode["value"]): UbjsonNode => ({ start, end: at, value: inner });
    if (type === "Z") return made(null);
    if (type === "T" || type === "F") return made(type === "T");
    if (WIDTHS[type] !== undefined) return made(number(type));
    if (type === "C") {
      need(1);
      return made(String.fromCharCode(bytes[at++]!));
    }
    if (type === "S" || type === "H") return made(text(marker()));
    if (depth === DEPTH_MAX) broken(`values more than ${DEPTH_MAX} deep`, start);
    if (type === "[") return made(list(depth));
    if (type === "{") return made(object(depth));
    return broken(`a value of type ${JSON.stringify(type)}`, start);
  };
  /** What may stand before the values: their type, and their number; else they go on to a mark. */
  const head = (): { type: string | undefined; count: number; open: boolean } => {
    let type: string | undefined;
    if (bytes[at] === 0x24) {
      at++;
      type = marker();
      if (bytes[at] !== 0x23) broken("a type without a number of values");
    }
    if (bytes[at] !== 0x23) return { type, count: Number.POSITIVE_INFINITY, open: true };
    at++;
    const count = length(marker());
    if (count > bytes.length) broken("more values than bytes");
    return { type, count, open: false };
  };
  const list = (depth: number): UbjsonNode["value"] => {
    const { type, count, open } = head();
    if (type !== undefined && WIDTHS[type] !== undefined && !open) {
      const width = WIDTHS[type]!;
      need(count * width);
      const from = at;
      at += count * width;
      return { numbers: { length: count, at: (index) => read(view, type, from + index * width) }, from };
    }
    const items: UbjsonNode[] = [];
    for (let i = 0; i < count; i++) {
      const start = at;
      const kind = type ?? marker();
      if (open && kind === "]") break;
      items.push(value(kind, start, depth + 1));
    }
    return { items };
  };
  const object = (depth: number): UbjsonNode["value"] => {
    const { type, count, open } = head();
    const members: [string, UbjsonNode][] = [];
    const names = new Set<string>();
    for (let i = 0; i < count; i++) {
      const start = at;
      const kind = marker();
      if (open && kind === "}") break;
      const name = text(kind);
      if (names.has(name) && duplicates.length < 100) duplicates.push({ name, start, end: at });
      names.add(name);
      const place = at;
      members.push([name, value(type ?? marker(), place, depth + 1)]);
    }
    return { members };
  };
  const root = value(marker(), 0, 0);
  return { root, end: at, duplicates };
}
