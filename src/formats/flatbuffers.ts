/**
 * FlatBuffers by place (flatbuffers.dev, "FlatBuffer Internals"; flatbuffers/verifier.h): every table, vector and text of a buffer
 * with the bytes it stands at, followed from the root along a schema, so that what no table reaches is seen and what two share too.
 */
import { isZero, upTo, type Content } from "./content.ts";
import { FormatError, viewOf } from "./error.ts";

const FORMAT = "FlatBuffer";

interface Placed {
  readonly start: number;
  readonly end: number;
}

const WIDTHS = { bool: 1, u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8 } as const;
type Scalar = keyof typeof WIDTHS;

export type FlatType =
  | { readonly is: "scalar"; readonly scalar: Scalar; readonly width: number; readonly align: number }
  | { readonly is: "struct"; readonly width: number; readonly align: number }
  | { readonly is: "text" }
  | { readonly is: "table"; readonly of: string }
  | { readonly is: "union"; readonly of: string }
  | { readonly is: "vector"; readonly of: FlatType };

/** Whether its values stand in the table or vector themselves, instead of an offset to them. */
export const isFlatScalar = (type: FlatType): type is Extract<FlatType, { readonly is: "scalar" | "struct" }> =>
  type.is === "scalar" || type.is === "struct";

interface Slot {
  readonly name: string;
  readonly type: FlatType;
}

export interface FlatSchema {
  readonly root: string;
  /** Four letters behind the root's offset; undefined where files have none. */
  readonly identifier: string | undefined;
  readonly tables: ReadonlyMap<string, readonly Slot[]>;
  /** The tables a union may hold, counted from 1. */
  readonly unions: ReadonlyMap<string, readonly string[]>;
}

/**
 * A schema from lines `table Name field:type …`, `union Name Table …` and `struct Name type …`; the first table is the root. Types
 * are scalars, `text`, names, and `[type]`. A union takes two slots, as it does in files: its kind, then its table. Tables without fields
 * are named in their union alone.
 */
export function flatSchema(lines: string, identifier?: string): FlatSchema {
  const rows = lines
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([kind]) => kind !== "");
  const unions = new Map(rows.filter(([kind]) => kind === "union").map(([, name, ...of]) => [name!, of]));
  const structs = new Map<string, FlatType>();
  const scalar = (name: string): FlatType | undefined =>
    Object.hasOwn(WIDTHS, name)
      ? { is: "scalar", scalar: name as Scalar, width: WIDTHS[name as Scalar], align: WIDTHS[name as Scalar] }
      : undefined;
  for (const [kind, name, ...of] of rows)
    if (kind === "struct") {
      const parts = of.map((part) => scalar(part) ?? structs.get(part)) as { width: number; align: number }[];
      const align = Math.max(...parts.map((part) => part.align));
      const width = parts.reduce((at, part) => Math.ceil(at / part.align) * part.align + part.width, 0);
      structs.set(name!, { is: "struct", width: Math.ceil(width / align) * align, align });
    }
  const tables = rows.filter(([kind]) => kind === "table");
  const named = tables.map(([, name]) => name!);
  const empty = [...unions.values()].flat().filter((name) => !named.includes(name));
  const names = new Set([...named, ...empty]);
  const typeOf = (text: string): FlatType => {
    if (text.startsWith("[")) return { is: "vector", of: typeOf(text.slice(1, -1)) };
    if (text === "text") return { is: "text" };
    const found = scalar(text) ?? structs.get(text);
    if (found) return found;
    if (unions.has(text)) return { is: "union", of: text };
    if (names.has(text)) return { is: "table", of: text };
    throw new Error(`a schema without ${text}`);
  };
  return {
    root: tables[0]![1]!,
    identifier,
    unions,
    tables: new Map(
      [...tables, ...empty.map((name) => ["table", name])].map(([, name, ...fields]) => [
        name!,
        fields.flatMap((field): Slot[] => {
          const [title, text] = field.split(":") as [string, string];
          const type = typeOf(text);
          if (type.is !== "union") return [{ name: title, type }];
          return [
            { name: `${title}_type`, type: scalar("u8")! },
            { name: title, type },
          ];
        }),
      ]),
    ),
  };
}

export type FlatProblem = Placed & {
  readonly kind: "bounds" | "overlap" | "entry" | "field";
  readonly problem: string;
};

export interface FlatBuffer {
  /** Undefined where not even the root can be followed. */
  readonly root: FlatTable | undefined;
  /** What tables, vectors and texts stand at, in order, joined; alignment between them is not among it. */
  readonly ranges: readonly Placed[];
  readonly problems: readonly FlatProblem[];
}

/** What the reader cannot follow; a place in the whole content. */
class Fault extends Error {
  readonly at: number;
  readonly kind: FlatProblem["kind"];
  constructor(at: number, kind: FlatProblem["kind"], message: string) {
    super(message);
    this.at = at;
    this.kind = kind;
  }
}

/** How many times over a buffer may be read. */
const READ_OVER = 4;
const PAGE = 1 << 16;
const PAGES_MAX = 64;

/** Numbers at places, by pages that are read once. */
class Bytes {
  readonly start: number;
  readonly end: number;
  private readonly content: Content;
  private readonly tick: () => void;
  private readonly pages = new Map<number, DataView>();
  private readonly small = new DataView(new ArrayBuffer(8));
  private spent = 0;

  constructor(content: Content, { start, end }: Placed, tick: () => void) {
    this.content = content;
    this.start = start;
    this.end = end;
    this.tick = tick;
  }

  has(at: number, length: number, what: string): void {
    if (!(at >= this.start && length >= 0 && at + length <= this.end))
      throw new Fault(Math.min(Math.max(at, this.start), this.end), "bounds", `${what} leads outside the buffer`);
  }
  /** The number at a place; 64 bits as a float, which is exact for every place a file can have. */
  number(at: number, scalar: Scalar, what: string): number {
    const width = WIDTHS[scalar];
    this.has(at, width, what);
    const number = Math.floor(at / PAGE);
    let page = this.page(number);
    let from = at - number * PAGE;
    if (from + width > PAGE) {
      for (let i = 0; i < width; i++) {
        const next = Math.floor((at + i) / PAGE);
        this.small.setUint8(i, this.page(next).getUint8(at + i - next * PAGE));
      }
      page = this.small;
      from = 0;
    }
    switch (scalar) {
      case "bool":
      case "u8":
        return page.getUint8(from);
      case "i8":
        return page.getInt8(from);
      case "u16":
        return page.getUint16(from, true);
      case "i16":
        return page.getInt16(from, true);
      case "u32":
        return page.getUint32(from, true);
      case "i32":
        return page.getInt32(from, true);
      case "f32":
        return page.getFloat32(from, true);
      case "f64":
        return page.getFloat64(from, true);
      case "u64":
        return Number(page.getBigUint64(from, true));
      case "i64":
        return Number(page.getBigInt64(from, true));
    }
  }
  /** Counts what is read in vectors and texts: more than the buffer holds several times over is only there where all is shared by all. */
  spend(amount: number): void {
    this.spent += amount;
    if (this.spent > READ_OVER * (this.end - this.start) + 65_536)
      throw new FormatError(FORMAT, this.start, "its tables share so much that reading them would not end", "");
  }
  bytes({ start, end }: Placed): Uint8Array {
    return this.content.read(start, end - start);
  }
  private page(number: number): DataView {
    const known = this.pages.get(number);
    if (known) return known;
    this.tick();
    if (this.pages.size >= PAGES_MAX) this.pages.clear();
    const made = viewOf(upTo(this.content, number * PAGE, PAGE));
    this.pages.set(number, made);
    return made;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** One table, whose fields are read where they are asked for. Fields that are absent or broken are undefined. */
export class FlatTable {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  private readonly bytes: Bytes;
  private readonly schema: FlatSchema;
  private readonly vtable: number;
  private readonly slots: number;

  constructor(bytes: Bytes, schema: FlatSchema, name: string, start: number) {
    const vtable = start - bytes.number(start, "i32", `${name}'s list of fields`);
    const size = bytes.number(vtable, "u16", `${name}'s list of fields`);
    const inline = bytes.number(vtable + 2, "u16", `${name}'s list of fields`);
    if (size < 4 || size % 2 !== 0) throw new Fault(vtable, "entry", `${name} has a list of fields of ${size} bytes`);
    if (inline < 4) throw new Fault(vtable + 2, "entry", `${name} is said to be ${inline} bytes`);
    if ((start - bytes.start) % 4 !== 0) throw new Fault(start, "entry", `${name} does not stand at a multiple of 4`);
    bytes.has(vtable, size, `${name}'s list of fields`);
    bytes.has(start, inline, name);
    this.bytes = bytes;
    this.schema = schema;
    this.name = name;
    this.start = start;
    this.end = start + inline;
    this.vtable = vtable;
    this.slots = (size - 4) / 2;
  }

  /** Where the list of its fields stands. */
  get fieldList(): Placed {
    return { start: this.vtable, end: this.vtable + 4 + 2 * this.slots };
  }
  /** Where a slot's bytes stand in the table; undefined where it is absent. */
  slot(index: number): number | undefined {
    if (index >= this.slots) return undefined;
    const offset = this.bytes.number(this.vtable + 4 + 2 * index, "u16", `${this.name}'s list of fields`);
    return offset === 0 ? undefined : this.start + offset;
  }
  /** Slots that are present and that the schema does not know. */
  strangers(): readonly { readonly index: number; readonly offset: number }[] {
    const found: { index: number; offset: number }[] = [];
    for (let index = this.schema.tables.get(this.name)!.length; index < this.slots && found.length < 8; index++) {
      const at = this.slot(index);
      if (at !== undefined) found.push({ index, offset: at - this.start });
    }
    return found;
  }

  /** Whether its schema has the field. */
  knows(field: string): boolean {
    return this.schema.tables.get(this.name)!.some(({ name }) => name === field);
  }
  /** How many elements a vector is said to have. */
  length(field: string): number {
    return (
      attempt(() => {
        const at = this.refers(field, "vector");
        return at === undefined ? 0 : this.bytes.number(at, "u32", field);
      }) ?? 0
    );
  }
  /** A scalar; `otherwise` is the schema's default, which files leave out. */
  number(field: string, otherwise = 0): number {
    return (
      attempt(() => {
        const [at, type] = this.find(field);
        return at === undefined || type.is !== "scalar" ? otherwise : this.bytes.number(at, type.scalar, field);
      }) ?? otherwise
    );
  }
  text(field: string): ({ readonly text: string } & Placed) | undefined {
    return attempt(() => {
      const at = this.refers(field, "text");
      if (at === undefined) return undefined;
      const found = textAt(this.bytes, at, field);
      this.bytes.spend(found.end - found.start);
      return found;
    });
  }
  /** The bytes of a vector of scalars, and how many there are. */
  vector(field: string): (Placed & { readonly count: number }) | undefined {
    return attempt(() => {
      const at = this.refers(field, "vector");
      const of = this.vectorOf(field);
      if (at === undefined || !isFlatScalar(of)) return undefined;
      const count = this.bytes.number(at, "u32", field);
      this.bytes.has(at + 4, count * of.width, field);
      return { start: at + 4, end: at + 4 + count * of.width, count };
    });
  }
  /** At most `max` numbers of a vector. */
  numbers(field: string, max: number): readonly number[] {
    const place = this.vector(field);
    const of = this.vectorOf(field);
    if (!place || of.is !== "scalar") return [];
    this.bytes.spend(Math.min(place.count, max));
    return Array.from({ length: Math.min(place.count, max) }, (_, i) =>
      this.bytes.number(place.start + i * of.width, of.scalar, field),
    );
  }
  table(field: string): FlatTable | undefined {
    return attempt(() => {
      const [at, type] = this.find(field);
      if (at === undefined) return undefined;
      const name =
        type.is === "table"
          ? type.of
          : type.is === "union"
            ? this.schema.unions.get(type.of)![this.number(`${field}_type`) - 1]
            : undefined;
      return name === undefined
        ? undefined
        : new FlatTable(this.bytes, this.schema, name, follow(this.bytes, at, field));
    });
  }
  /** The tables of a vector, in order; undefined stands for one that is broken. */
  *tables(field: string): Generator<FlatTable | undefined> {
    const at = attempt(() => this.refers(field, "vector"));
    const of = this.vectorOf(field);
    if (at === undefined || of.is !== "table") return;
    const count = this.bytes.number(at, "u32", field);
    for (let i = 0; i < count && at + 8 + 4 * i <= this.bytes.end; i++) {
      this.bytes.spend(4);
      yield attempt(() => new FlatTable(this.bytes, this.schema, of.of, follow(this.bytes, at + 4 + 4 * i, field)));
    }
  }

  private find(field: string): readonly [at: number | undefined, type: FlatType] {
    const slots = this.schema.tables.get(this.name)!;
    const index = slots.findIndex(({ name }) => name === field);
    if (index < 0) throw new Error(`${this.name} has no ${field}`);
    return [this.slot(index), slots[index]!.type];
  }
  private refers(field: string, is: FlatType["is"]): number | undefined {
    const [at, type] = this.find(field);
    return at === undefined || type.is !== is ? undefined : follow(this.bytes, at, field);
  }
  private vectorOf(field: string): FlatType {
    const type = this.schema.tables.get(this.name)!.find(({ name }) => name === field)!.type;
    return type.is === "vector" ? type.of : type;
  }
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** Offsets lead forward, never to themselves: nothing in a buffer can lie within itself. */
function follow(bytes: Bytes, at: number, what: string): number {
  const offset = bytes.number(at, "u32", what);
  if (offset === 0) throw new Fault(at, "entry", `${what} leads to itself`);
  if ((at + offset - bytes.start) % 4 !== 0) throw new Fault(at, "entry", `${what} does not stand at a multiple of 4`);
  bytes.has(at + offset, 4, what);
  return at + offset;
}

function textAt(bytes: Bytes, at: number, what: string): { text: string } & Placed {
  const length = bytes.number(at, "u32", what);
  const [start, end] = [at + 4, at + 4 + length];
  bytes.has(start, length + 1, what);
  if (bytes.number(end, "u8", what) !== 0)
    throw new Fault(end, "entry", `${what} is a text that does not end with zero`);
  try {
    return { text: utf8.decode(bytes.bytes({ start, end })), start, end };
  } catch (error) {
    if (error instanceof TypeError) throw new Fault(start, "entry", `${what} is no UTF-8`);
    throw error;
  }
}

/** Tables, vectors and texts that are followed; a model of a hundred thousand tensors has a million. */
const OBJECTS_MAX = 2_000_000;
const PROBLEMS_MAX = 100;

/** A table, a text, or a vector with the next of its elements. */
interface Waiting {
  readonly type: FlatType;
  readonly at: number;
  readonly what: string;
  readonly next?: number;
}

/**
 * Follows everything from the root, which the four bytes at `start` lead to. Never throws but what the content or `tick` throws, and a FormatError beyond the limit of objects.
 */
export function readFlatBuffer(content: Content, schema: FlatSchema, within: Placed, tick: () => void): FlatBuffer {
  const bytes = new Bytes(content, within, tick);
  const problems: FlatProblem[] = [];
  const found: [start: number, end: number, what: string][] = [];
  /** What stands at a place, by its type: tables and texts may be shared, as what they are. */
  const seen = new Map<number, string>();
  const lists = new Set<number>();
  /** Of each list of fields, by the table it is read for, those its schema does not know. */
  const strangers = new Map<string, ReturnType<FlatTable["strangers"]>>();
  const say = (kind: FlatProblem["kind"], start: number, end: number, problem: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ kind, start, end, problem });
  };
  const stack: Waiting[] = [];
  const faulted = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      say(error.kind, error.at, Math.min(error.at + 4, within.end), error.message);
    }
  };
  const reach = (type: FlatType, at: number, what: string): void => {
    const kind = keyOf(type);
    const before = seen.get(at);
    if (before === kind) return;
    if (before !== undefined) return say("overlap", at, at + 4, `byte ${at} is read as ${before} and as ${kind}`);
    seen.set(at, kind);
    if (seen.size > OBJECTS_MAX)
      throw new FormatError(FORMAT, at, `more than ${OBJECTS_MAX} objects; the rest was not read`, "");
    stack.push({ type, at, what });
  };

  let root: FlatTable | undefined;
  faulted(() => {
    const { identifier } = schema;
    const head = { start: within.start, end: within.start + (identifier === undefined ? 4 : 8) };
    bytes.has(head.start, head.end - head.start, "the root");
    if (identifier !== undefined && String.fromCharCode(...bytes.bytes(head).subarray(4)) !== identifier)
      throw new Fault(head.start + 4, "entry", `it is not marked as ${identifier}`);
    found.push([head.start, head.end, "the root"]);
    const at = follow(bytes, within.start, "the root");
    root = new FlatTable(bytes, schema, schema.root, at);
    reach({ is: "table", of: schema.root }, at, "the root");
  });

  const table = (name: string, at: number): void => {
    const one = new FlatTable(bytes, schema, name, at);
    const list = one.fieldList;
    if (!lists.has(list.start)) {
      lists.add(list.start);
      found.push([list.start, list.end, "a list of fields"]);
    }
    const inline: [start: number, end: number][] = [[at, at + 4]];
    let strange = strangers.get(`${name} ${list.start}`);
    if (!strange) strangers.set(`${name} ${list.start}`, (strange = one.strangers()));
    for (const { index, offset } of strange)
      say("field", at + offset, one.end, `${name} has field ${index}, which its schema does not know`);
    for (const [index, slot] of schema.tables.get(name)!.entries()) {
      const place = one.slot(index);
      if (place === undefined) continue;
      const width = widthOf(slot.type);
      if (place < at + 4 || place + width > one.end) {
        say("bounds", at, one.end, `${name}.${slot.name} leads outside its table`);
        continue;
      }
      if ((place - bytes.start) % alignOf(slot.type) !== 0)
        say(
          "entry",
          place,
          place + width,
          `${name}.${slot.name} does not stand at a multiple of ${alignOf(slot.type)}`,
        );
      inline.push([place, place + width]);
      if (isFlatScalar(slot.type)) continue;
      faulted(() => {
        const to = follow(bytes, place, `${name}.${slot.name}`);
        if (slot.type.is !== "union") return reach(slot.type, to, `${name}.${slot.name}`);
        const kind = one.number(`${slot.name}_type`);
        const of = schema.unions.get(slot.type.of)![kind - 1];
        if (of === undefined)
          throw new Fault(place, "field", `${name}.${slot.name} is of kind ${kind}, which its schema does not know`);
        reach({ is: "table", of }, to, `${name}.${slot.name}`);
      });
    }
    // One entry for the fields that stand side by side.
    inline.sort((a, b) => a[0] - b[0]);
    let [start, end] = inline[0]!;
    for (const [from, to] of inline.slice(1)) {
      if (from < end) say("overlap", from, end, `two fields of ${name} share bytes`);
      if (from > end) {
        found.push([start, end, name]);
        start = from;
      }
      end = Math.max(end, to);
    }
    found.push([start, end, name]);
  };

  let steps = 0;
  for (let waiting = stack.pop(); waiting; waiting = stack.pop()) {
    if ((++steps & 1023) === 0) tick();
    const { type, at, what, next } = waiting;
    faulted(() => {
      if (type.is === "table") return table(type.of, at);
      if (type.is === "text") {
        const { end } = textAt(bytes, at, what);
        return void found.push([at, end + 1, what]);
      }
      if (type.is !== "vector") return;
      const count = bytes.number(at, "u32", what);
      const { of } = type;
      const width = widthOf(of);
      const align = alignOf(of);
      if (next === undefined) {
        bytes.has(at + 4, count * width, what);
        if (count > 0 && (at + 4 - bytes.start) % align !== 0)
          say("entry", at, at + 4, `${what} does not stand at a multiple of ${align}`);
        found.push([at, at + 4 + count * width, what]);
        if (isFlatScalar(of)) return;
      }
      const index = next ?? 0;
      if (index >= count) return;
      bytes.spend(4);
      // Itself first, so that elements are followed in their order and one vector never fills the stack.
      stack.push({ type, at, what, next: index + 1 });
      reach(of, follow(bytes, at + 4 + 4 * index, what), what);
    });
  }
  return { root, ranges: joined(found, say), problems };
}

function joined(
  found: [start: number, end: number, what: string][],
  say: (kind: FlatProblem["kind"], start: number, end: number, problem: string) => void,
): readonly Placed[] {
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const ranges: { start: number; end: number }[] = [];
  let last = "";
  for (const [start, end, what] of found) {
    const before = ranges[ranges.length - 1];
    if (before && start < before.end)
      say("overlap", start, Math.min(end, before.end), `${what} and ${last} share bytes`);
    if (before && start <= before.end) before.end = Math.max(before.end, end);
    else ranges.push({ start, end });
    last = what;
  }
  return ranges;
}

const widthOf = (type: FlatType): number => (isFlatScalar(type) ? type.width : 4);
const alignOf = (type: FlatType): number => (isFlatScalar(type) ? type.align : 4);
const keyOf = (type: FlatType): string => {
  switch (type.is) {
    case "vector":
      return `[${keyOf(type.of)}]`;
    case "scalar":
      return `${type.width * 8} bits`;
    case "struct":
      return `a struct of ${type.width} bytes`;
    case "text":
      return "a text";
    default:
      return type.of;
  }
};

/**
 * Whether bytes that nothing leads to are tables of this kind and nothing else, of numbers alone, with the lists of their fields:
 * a writer that makes a table and then does not use it leaves it so.
 */
export function isRemains(content: Content, schema: FlatSchema, name: string, within: Placed, gap: Placed): boolean {
  const bytes = new Bytes(content, within, () => {});
  const slots = schema.tables.get(name)!;
  const rest = Uint8Array.from(bytes.bytes(gap));
  const spend = (start: number, end: number): void =>
    void rest.fill(0, Math.max(0, start - gap.start), Math.max(0, end - gap.start));
  for (let at = Math.ceil(gap.start / 4) * 4; at + 4 <= gap.end; at += 4)
    attempt(() => {
      const table = new FlatTable(bytes, schema, name, at);
      const list = table.fieldList;
      if (list.end - list.start > 4 + 2 * slots.length) return;
      const fields = slots
        .map((slot, index) => ({ slot, at: table.slot(index) }))
        .filter((one) => one.at !== undefined);
      if (table.end > gap.end) return;
      if (!fields.every(({ slot, at: place }) => slot.type.is === "scalar" && place! + slot.type.width <= table.end))
        return;
      spend(at, at + 4);
      for (const { slot, at: place } of fields) spend(place!, place! + widthOf(slot.type));
      spend(list.start, list.end);
    });
  return rest.every((byte) => byte === 0);
}

/** Most zeros between two objects that can be there to align the second. */
const PADDING_MAX = 64;

/** Whether these bytes are no more than what aligns the object behind them. */
export const isFlatPadding = (content: Content, start: number, end: number): boolean =>
  end - start <= PADDING_MAX && isZero(content, start, end);

/** What lies between the ranges of a place and behind the last; ranges by their start, as they are read. */
export function* gapsBetween(ranges: readonly Placed[], { start, end }: Placed): Generator<Placed> {
  let last = start;
  for (const range of [...ranges, { start: end, end }]) {
    if (range.start > last) yield { start: last, end: range.start };
    last = Math.max(last, range.end);
  }
}
