/**
 * FlexBuffers (flatbuffers/flexbuffers.h): values that say their own types, read from the root at the end. Operators of TFLite keep
 * their options in them. What no value reaches is seen.
 */
import { bytesAt, FormatError, viewOf } from "./error.ts";

const FORMAT = "FlexBuffer";

interface Placed {
  readonly start: number;
  readonly end: number;
}
export type FlexValue =
  | { readonly is: "number"; readonly value: number }
  | ({ readonly is: "text" | "bytes" } & Placed)
  | { readonly is: "list"; readonly items: readonly FlexValue[] }
  | { readonly is: "map"; readonly entries: readonly (readonly [key: string, value: FlexValue])[] };

export interface FlexBuffer {
  readonly value: FlexValue;
  /** In order, joined. */
  readonly ranges: readonly Placed[];
}

const DEPTH_MAX = 32;
const VALUES_MAX = 100_000;
const NULL = 0;
const [KEY, TEXT] = [4, 5];
const MAP = 9;
const VECTOR = 10;
const [BLOB, BOOL, BOOLS] = [25, 26, 36];

/** The value at the end of these bytes. Throws a FormatError where anything in it cannot be followed, or lies within itself. */
export function readFlexBuffer(bytes: Uint8Array): FlexBuffer {
  const reader = new Reader(bytes);
  return { value: reader.root(), ranges: reader.joined() };
}

const broken = (at: number, problem: string): never => {
  throw new FormatError(FORMAT, at, problem, "");
};

class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly ranges: [number, number][] = [];
  private values = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  root(): FlexValue {
    const { length } = this.bytes;
    if (length < 3) broken(0, "it is shorter than any value");
    const width = this.width(this.bytes[length - 1]!, length - 1);
    this.took(length - 2 - width, length);
    return this.value(length - 2 - width, width, this.bytes[length - 2]!, 0);
  }
  joined(): readonly Placed[] {
    const joined: { start: number; end: number }[] = [];
    for (const [start, end] of this.ranges.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
      const last = joined[joined.length - 1];
      if (last && start <= last.end) last.end = Math.max(last.end, end);
      else joined.push({ start, end });
    }
    return joined;
  }

  private width(width: number, at: number): number {
    return [1, 2, 4, 8].includes(width) ? width : broken(at, `a width of ${width} bytes`);
  }
  private took(start: number, end: number): void {
    bytesAt(FORMAT, this.bytes, start, end - start, "a value");
    this.ranges.push([start, end]);
  }
  private unsigned(at: number, width: number): number {
    bytesAt(FORMAT, this.bytes, at, width, "a number");
    switch (width) {
      case 1:
        return this.view.getUint8(at);
      case 2:
        return this.view.getUint16(at, true);
      case 4:
        return this.view.getUint32(at, true);
      default:
        return Number(this.view.getBigUint64(at, true));
    }
  }
  private follow(at: number, width: number): number {
    const to = at - this.unsigned(at, width);
    return to >= 0 ? to : broken(at, "an offset that leads nowhere");
  }

  /** The value whose own bytes, or the offset to them, stand at `at`. `packed`: its type, and the width of what it leads to. */
  private value(at: number, parent: number, packed: number, depth: number): FlexValue {
    if (++this.values > VALUES_MAX) broken(at, `more than ${VALUES_MAX} values`);
    if (depth > DEPTH_MAX) broken(at, `values more than ${DEPTH_MAX} deep`);
    const type = packed >> 2;
    const width = 1 << (packed & 3);
    if (type <= 3 || type === BOOL) return { is: "number", value: type === NULL ? 0 : this.number(at, parent, type) };
    const to = this.follow(at, parent);
    if (type >= 6 && type <= 8) {
      this.took(to, to + width);
      return { is: "number", value: this.number(to, width, type - 5) };
    }
    if (type === KEY) return this.key(to);
    if (type === TEXT || type === BLOB) {
      const length = this.unsigned(to - width, width);
      const end = to + length + (type === TEXT ? 1 : 0);
      this.took(to - width, end);
      if (type === TEXT && this.bytes[end - 1] !== 0) broken(end - 1, "a text that does not end with zero");
      return { is: type === TEXT ? "text" : "bytes", start: to, end: to + length };
    }
    if (type === MAP || type === VECTOR) {
      const length = this.unsigned(to - width, width);
      this.took(to - (type === MAP ? 3 : 1) * width, to + length * width + length);
      const types = to + length * width;
      const items = (): FlexValue[] =>
        Array.from({ length }, (_, i) => this.value(to + i * width, width, this.bytes[types + i]!, depth + 1));
      if (type === VECTOR) return { is: "list", items: items() };
      const keysWidth = this.width(this.unsigned(to - 2 * width, width), to - 2 * width);
      const keys = this.follow(to - 3 * width, width);
      if (this.unsigned(keys - keysWidth, keysWidth) !== length) broken(keys, "a map with more keys than values");
      this.took(keys - keysWidth, keys + length * keysWidth);
      const names = Array.from({ length }, (_, i) => this.key(this.follow(keys + i * keysWidth, keysWidth)));
      const texts = names.map((name) => String.fromCharCode(...this.bytes.subarray(name.start, name.end)));
      return { is: "map", entries: items().map((item, i) => [texts[i]!, item] as const) };
    }
    // Vectors of one type: with their length before them, or of two, three and four numbers.
    const fixed = type >= 16 && type <= 24;
    const typed = (type >= 11 && type <= 14) || type === BOOLS;
    if (!fixed && !typed) return broken(at, `a value of type ${type}`);
    const length = fixed ? Math.floor((type - 16) / 3) + 2 : this.unsigned(to - width, width);
    this.took(fixed ? to : to - width, to + length * width);
    if (type === 14)
      return {
        is: "list",
        items: Array.from({ length }, (_, i) => this.key(this.follow(to + i * width, width))),
      };
    // Numbers in a row are not kept: nothing here asks for them.
    return { is: "list", items: [] };
  }

  private number(at: number, width: number, type: number): number {
    if (type === 2 || type === BOOL) return this.unsigned(at, width);
    bytesAt(FORMAT, this.bytes, at, width, "a number");
    if (type === 3) {
      if (width === 4) return this.view.getFloat32(at, true);
      return width === 8 ? this.view.getFloat64(at, true) : broken(at, `a float of ${width} bytes`);
    }
    switch (width) {
      case 1:
        return this.view.getInt8(at);
      case 2:
        return this.view.getInt16(at, true);
      case 4:
        return this.view.getInt32(at, true);
      default:
        return Number(this.view.getBigInt64(at, true));
    }
  }
  private key(at: number): { is: "text" } & Placed {
    if (++this.values > VALUES_MAX) broken(at, `more than ${VALUES_MAX} values`);
    const end = this.bytes.indexOf(0, at);
    if (end < 0 || end - at > 1000) broken(at, "a key that does not end");
    this.took(at, end + 1);
    return { is: "text", start: at, end };
  }
}
