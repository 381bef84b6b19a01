/**
 * Protocol Buffers by place: every field of a message with the bytes it stands at, read where it is asked for, so that a file of
 * gigabytes costs what its structure costs. For those who want the message itself, protobuf.ts.
 */
import { upTo, type Content } from "./content.ts";
import { viewOf } from "./error.ts";
import type { Field, MessageTable } from "./protobuf.ts";

interface Placed {
  readonly start: number;
  readonly end: number;
}

/** One message. Of numbers, the first few are kept and all are counted; of texts, bytes and messages, all places. */
export interface Walked extends Placed {
  readonly numbers: Readonly<Record<string, readonly bigint[]>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly places: Readonly<Record<string, readonly Placed[]>>;
  readonly messages: Readonly<Record<string, readonly Walked[]>>;
}

export interface WalkResult {
  readonly message: Walked;
  /** Where reading stopped: the end, or before a fault. */
  readonly end: number;
  readonly fault: { readonly at: number; readonly problem: string; readonly limit: boolean } | undefined;
  /** Fields that no table knows. */
  readonly unknown: readonly (Placed & { readonly what: string })[];
  /** Fields that may stand there once and stand there twice: readers take the last, or put both together. */
  readonly repeated: readonly (Placed & { readonly what: string })[];
}

/** Protobuf's own limit on nesting. */
const DEPTH_MAX = 100;
const MESSAGES_MAX = 2_000_000;
/** Fields with places of their own: repeated texts, mostly. */
const PLACES_MAX = 8_000_000;
/** Numbers kept of one field. */
const KEPT = 64;
const UNKNOWN_MAX = 10_000;
const WINDOW = 1 << 16;

/** Caught here, and by far most often thrown by bytes that are no message at all: without a stack, which costs more than the walk. */
class Fault {
  readonly at: number;
  readonly message: string;
  readonly limit: boolean;
  constructor(at: number, message: string, limit = false) {
    this.message = message;
    this.at = at;
    this.limit = limit;
  }
}

/** Follows one message from `start` to `end`. Never throws but what the content or `tick` throws. */
export function walkMessage(
  content: Content,
  table: MessageTable,
  { start, end }: Placed,
  tick: () => void,
): WalkResult {
  return new Walker(content, tick).walk(table, start, end);
}

/** The tags at the top of a message: enough to tell what it is. Stops at a fault, or after `max`. */
export function topFields(
  content: Content,
  start: number,
  end: number,
  max: number,
): {
  readonly fields: readonly (Placed & { readonly number: number; readonly wireType: number })[];
  readonly whole: boolean;
} {
  const fields: (Placed & { number: number; wireType: number })[] = [];
  const walker = new Walker(content, () => {});
  let at = start;
  try {
    while (at < end && fields.length < max) {
      const field = walker.field(at, end);
      fields.push(field);
      at = field.end;
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { fields, whole: false };
  }
  return { fields, whole: at === end };
}

interface Open extends Placed {
  numbers: Record<string, bigint[]>;
  counts: Record<string, number>;
  places: Record<string, Placed[]>;
  messages: Record<string, Walked[]>;
}
const none = Object.freeze({});

class Walker {
  private readonly content: Content;
  private readonly tick: () => void;
  private window: Uint8Array = new Uint8Array(0);
  private windowAt = 0;
  private at = 0;
  private messages = 0;
  private places = 0;
  private readonly unknown: (Placed & { what: string })[] = [];
  private readonly twice: (Placed & { what: string })[] = [];

  constructor(content: Content, tick: () => void) {
    this.content = content;
    this.tick = tick;
  }

  walk(table: MessageTable, start: number, end: number): WalkResult {
    let fault: WalkResult["fault"];
    const message = open(start, end);
    this.at = start;
    try {
      this.message(table, message, 0);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault = { at: error.at, problem: error.message, limit: error.limit };
    }
    return {
      message,
      end: fault ? Math.min(this.at, fault.at) : end,
      fault,
      unknown: this.unknown,
      repeated: this.twice,
    };
  }

  /** The field at a place: its number, wire type and payload. */
  field(at: number, end: number): Placed & { number: number; wireType: number } {
    this.at = at;
    const tag = this.small(end, "a tag");
    if (tag >>> 3 === 0) throw new Fault(at, "field number 0");
    const from = this.at;
    this.skip(tag & 7, tag >>> 3, end, 0);
    const wireType = tag & 7;
    if (wireType !== 2) return { number: tag >>> 3, wireType, start: from, end: this.at };
    const stop = this.at;
    this.at = from;
    this.small(end, "a length");
    return { number: tag >>> 3, wireType, start: this.at, end: stop };
  }

  private byte(end: number, what: string): number {
    if (this.at >= end) throw new Fault(this.at, `${what} is cut off`);
    let offset = this.at - this.windowAt;
    if (offset < 0 || offset >= this.window.length) {
      this.tick();
      this.window = upTo(this.content, this.at, WINDOW);
      this.windowAt = this.at;
      offset = 0;
    }
    this.at++;
    return this.window[offset]!;
  }
  private small(end: number, what: string): number {
    const start = this.at;
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.byte(end, what);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    // Lengths may be written in ten bytes and be small all the same.
    this.at = start;
    const long = this.varint(end, what);
    if (long > 0xffffffffn) throw new Fault(start, `${what} is larger than 32 bits`);
    return Number(long);
  }
  private varint(end: number, what: string): bigint {
    const start = this.at;
    let value = 0n;
    let low = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte(end, what);
      if (i < 4) low |= (byte & 0x7f) << (7 * i);
      else {
        if (i === 4) value = BigInt(low);
        value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      }
      if (byte < 0x80) return i < 4 ? BigInt(low) : BigInt.asUintN(64, value);
    }
    throw new Fault(start, `${what} is a number longer than ten bytes`);
  }
  private take(length: number, end: number, what: string): number {
    const start = this.at;
    if (length > end - start) throw new Fault(start, `${what} says ${length} bytes, and ${end - start} are left`);
    this.at = start + length;
    return start;
  }
  private skip(wireType: number, number: number, end: number, depth: number): void {
    const what = `field ${number}`;
    if (wireType === 0) this.varint(end, what);
    else if (wireType === 1) this.take(8, end, what);
    else if (wireType === 5) this.take(4, end, what);
    else if (wireType === 2) this.take(this.small(end, `the length of ${what}`), end, what);
    else if (wireType === 3) {
      if (depth > DEPTH_MAX) throw new Fault(this.at, `groups lie more than ${DEPTH_MAX} deep`, true);
      for (;;) {
        const start = this.at;
        const tag = this.small(end, "a tag");
        if ((tag & 7) === 4) {
          if (tag >>> 3 !== number) throw new Fault(start, "a group ends that never began");
          return;
        }
        this.skip(tag & 7, tag >>> 3, end, depth + 1);
      }
    } else throw new Fault(this.at, `${what} has wire type ${wireType}, which does not exist`);
  }

  private message(table: MessageTable, message: Open, depth: number): void {
    if (depth > DEPTH_MAX) throw new Fault(this.at, `messages lie more than ${DEPTH_MAX} deep`, true);
    if (++this.messages > MESSAGES_MAX) throw new Fault(this.at, `more than ${MESSAGES_MAX} messages`, true);
    const { end } = message;
    while (this.at < end) {
      const start = this.at;
      const tag = this.small(end, `a tag in ${table.name}`);
      const number = tag >>> 3;
      const wireType = tag & 7;
      if (number === 0) throw new Fault(start, `field number 0 in ${table.name}`);
      const field = Object.hasOwn(table.fields, number) ? table.fields[number] : undefined;
      if (field === undefined) {
        this.skip(wireType, number, end, depth);
        const last = this.unknown[this.unknown.length - 1];
        if (last && last.end === start) this.unknown[this.unknown.length - 1] = { ...last, end: this.at };
        else if (this.unknown.length < UNKNOWN_MAX)
          this.unknown.push({ start, end: this.at, what: `field ${number} of ${table.name}` });
        else throw new Fault(start, `more than ${UNKNOWN_MAX} fields that nothing knows`, true);
        continue;
      }
      this.known(table, field, wireType, message, start, depth);
    }
  }

  private known(
    table: MessageTable,
    field: Field,
    wireType: number,
    message: Open,
    start: number,
    depth: number,
  ): void {
    const what = `${table.name}.${field.name}`;
    const { end } = message;
    const { name, type } = field;
    const seen = (): void => {
      const before = message.counts[name] ?? 0;
      if (before > 0 && !field.repeated && this.twice.length < 1000) this.twice.push({ start, end: this.at, what });
    };
    const count = (more: number): void => {
      message.counts = message.counts === none ? {} : message.counts;
      message.counts[name] = (message.counts[name] ?? 0) + more;
    };
    const keep = (value: bigint): void => {
      message.numbers = message.numbers === none ? {} : message.numbers;
      const list = (message.numbers[name] ??= []);
      if (list.length < KEPT) list.push(value);
    };
    const place = (from: number, to: number): void => {
      if (++this.places > PLACES_MAX) throw new Fault(start, `more than ${PLACES_MAX} fields`, true);
      message.places = message.places === none ? {} : message.places;
      (message.places[name] ??= []).push({ start: from, end: to });
    };
    if (typeof type === "function" || type === "string" || type === "bytes") {
      if (wireType !== 2) throw new Fault(start, `${what} has wire type ${wireType} where 2 belongs`);
      const length = this.small(end, `the length of ${what}`);
      const from = this.take(length, end, what);
      seen();
      count(1);
      if (typeof type !== "function") return place(from, from + length);
      const child = open(from, from + length);
      message.messages = message.messages === none ? {} : message.messages;
      (message.messages[name] ??= []).push(child);
      this.at = from;
      this.message(type(), child, depth + 1);
      return;
    }
    const fixed = type === "float" ? 4 : type === "double" ? 8 : 0;
    const own = fixed === 0 ? 0 : fixed === 4 ? 5 : 1;
    if (wireType === own) {
      if (fixed > 0) {
        const from = this.take(fixed, end, what);
        if (!field.repeated || (message.places[name]?.length ?? 0) < KEPT) place(from, from + fixed);
      } else keep(this.varint(end, what));
      seen();
      return count(1);
    }
    if (wireType !== 2 || !field.repeated)
      throw new Fault(start, `${what} has wire type ${wireType} where ${own} belongs`);
    const length = this.small(end, `the length of ${what}`);
    const from = this.take(length, end, what);
    place(from, from + length);
    if (fixed > 0) {
      if (length % fixed !== 0) throw new Fault(from, `${what} holds ${length} bytes, no multiple of ${fixed}`);
      return count(length / fixed);
    }
    this.at = from;
    for (let i = 0; i < KEPT && this.at < from + length; i++) {
      keep(this.varint(from + length, what));
      count(1);
    }
    count(this.varints(this.at, from + length, what));
    this.at = from + length;
  }

  /** How many numbers these bytes are. */
  private varints(from: number, to: number, what: string): number {
    let numbers = 0;
    let long = 0;
    for (let at = from; at < to; at += WINDOW) {
      this.tick();
      for (const byte of upTo(this.content, at, Math.min(WINDOW, to - at)))
        if (byte < 0x80) {
          numbers++;
          long = 0;
        } else if (++long > 9) throw new Fault(from, `${what} holds a number longer than ten bytes`);
    }
    if (long > 0) throw new Fault(from, `${what} ends within a number`);
    return numbers;
  }
}

const open = (start: number, end: number): Open => ({
  start,
  end,
  numbers: none,
  counts: none,
  places: none,
  messages: none,
});

/** The number of a field that stands there once; as a signed 64-bit integer. */
export function numberOf(message: Walked, name: string): bigint | undefined {
  const value = message.numbers[name]?.at(-1);
  return value === undefined ? undefined : BigInt.asIntN(64, value);
}
/** The kept numbers of a repeated field, signed. */
export const numbersOf = (message: Walked, name: string): readonly bigint[] =>
  (message.numbers[name] ?? []).map((value) => BigInt.asIntN(64, value));

/**
 * Every number of a repeated field, unsigned: also those beyond the few that are kept, where they stand packed. Undefined where they are more
 * than `max`, or some stand unpacked beyond the kept ones.
 */
export function allNumbersOf(
  content: Content,
  message: Walked,
  name: string,
  max: number,
): readonly bigint[] | undefined {
  const total = message.counts[name] ?? 0;
  const kept = message.numbers[name] ?? [];
  if (total === kept.length) return kept;
  if (total > max) return undefined;
  const numbers: bigint[] = [];
  for (const { start, end } of message.places[name] ?? []) {
    let [value, shift] = [0n, 0n];
    for (const byte of content.read(start, end - start)) {
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte >= 0x80) continue;
      numbers.push(BigInt.asUintN(64, value));
      [value, shift] = [0n, 0n];
    }
  }
  return numbers.length === total ? numbers : undefined;
}

const decoder = new TextDecoder("utf-8");
export const textAt = (content: Content, { start, end }: Placed, max = 1 << 20): string =>
  decoder.decode(content.read(start, Math.min(end - start, max)));
/** The text of a field that stands there once. */
export function textOf(content: Content, message: Walked, name: string): string | undefined {
  const place = message.places[name]?.at(-1);
  return place && textAt(content, place);
}
/** A 32-bit float of a field that stands there once. */
export function floatOf(content: Content, message: Walked, name: string): number | undefined {
  const place = message.places[name]?.at(-1);
  return place && place.end - place.start === 4 ? viewOf(content.read(place.start, 4)).getFloat32(0, true) : undefined;
}
/** The floats of a repeated field, packed or not; undefined where they are more than `max`. */
export function floatsOf(
  content: Content,
  message: Walked,
  name: string,
  width: 4 | 8,
  max: number,
): readonly number[] | undefined {
  const total = message.counts[name] ?? 0;
  if (total > max) return undefined;
  const floats: number[] = [];
  for (const { start, end } of message.places[name] ?? []) {
    const view = viewOf(content.read(start, end - start));
    for (let at = 0; at < view.byteLength; at += width)
      floats.push(width === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
  }
  return floats.length === total ? floats : undefined;
}
