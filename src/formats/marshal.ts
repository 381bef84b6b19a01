/**
 * Python's marshal format (Python/marshal.c), which holds compiled code: read value by value, never made into anything. The
 * layout of a code object depends on the version that wrote it, which the stream does not say; each layout is tried, and
 * those that hold are kept.
 */
import { FormatError, viewOf } from "./error.ts";

/** A code object, by what it names and holds. */
export interface MarshalCode {
  readonly is: "code";
  readonly name: string;
  readonly file: string;
  readonly argcount: number;
  readonly bytecode: Uint8Array;
  readonly consts: readonly MarshalValue[];
  /** Globals, attributes and modules, by the index that instructions use. */
  readonly names: readonly string[];
  readonly at: number;
}
export interface MarshalSequence {
  readonly is: "tuple" | "list" | "set" | "dict";
  readonly items: readonly MarshalValue[];
}
export type MarshalValue = null | boolean | number | bigint | string | Uint8Array | MarshalCode | MarshalSequence;

/** Where the fields of a code object stand, by the first version that writes them so. */
export const MARSHAL_LAYOUTS = ["3.11", "3.8", "3.0", "2"] as const;
export type MarshalLayout = (typeof MARSHAL_LAYOUTS)[number];

export interface Marshalled {
  readonly layout: MarshalLayout;
  readonly value: MarshalValue;
  readonly end: number;
}

const FORMAT = "marshalled Python";
/** CPython itself stops at 2000. */
const DEPTH_MAX = 400;
const FLAG_REF = 0x80;
const VALUES_MAX = 2_000_000;

/** The integers before the bytecode: their number, and which one counts arguments is always the first. */
const INTEGERS: Readonly<Record<MarshalLayout, number>> = { "3.11": 5, "3.8": 6, "3.0": 5, "2": 4 };

/** Reads the value at `from` in every layout; those that hold are given, none throws. */
export function readMarshal(bytes: Uint8Array, from = 0): readonly Marshalled[] {
  const read: Marshalled[] = [];
  for (const layout of MARSHAL_LAYOUTS)
    try {
      read.push(readIn(layout, bytes, from));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  return read;
}

/** Throws a FormatError where the bytes are no marshalled value in this layout. */
export function readIn(layout: MarshalLayout, bytes: Uint8Array, from = 0): Marshalled {
  const view = viewOf(bytes);
  const refs: (MarshalValue | undefined)[] = [];
  const interned: string[] = [];
  let at = from;
  let values = 0;
  const fail = (problem: string): never => {
    throw new FormatError(FORMAT, at, problem, "");
  };
  const take = (length: number): number => {
    if (length < 0 || length > bytes.length - at) fail(`${length} bytes where ${bytes.length - at} are left`);
    at += length;
    return at - length;
  };
  const int = (): number => view.getInt32(take(4), true);
  const latin = (length: number): string => {
    const start = take(length);
    let text = "";
    for (let i = start; i < start + length; i += 4096)
      text += String.fromCharCode(...bytes.subarray(i, Math.min(i + 4096, start + length)));
    return text;
  };
  // Lone surrogates are written too ("surrogatepass").
  const utf8 = (length: number): string => new TextDecoder().decode(bytes.subarray(take(length), at));
  const items = (count: number, depth: number): MarshalValue[] => {
    if (count < 0 || count > bytes.length - at) fail(`a collection of ${count} values`);
    const list: MarshalValue[] = [];
    for (let i = 0; i < count; i++) list.push(value(depth + 1));
    return list;
  };
  const textual = (given: MarshalValue): string =>
    typeof given === "string"
      ? given
      : given instanceof Uint8Array && layout === "2"
        ? String.fromCharCode(...given.subarray(0, 4096))
        : fail("a name that is no text");
  const names = (given: MarshalValue): string[] =>
    isSequence(given) && given.is === "tuple" ? given.items.map(textual) : fail("names that are no tuple");
  const code = (depth: number): MarshalCode => {
    const start = at - 1;
    const argcount = int();
    for (let i = 1; i < INTEGERS[layout]; i++) int();
    const bytecode = value(depth + 1);
    if (!(bytecode instanceof Uint8Array)) return fail("a code object without bytecode");
    const consts = value(depth + 1);
    if (!isSequence(consts) || consts.is !== "tuple") return fail("a code object's constants are no tuple");
    const found = names(value(depth + 1));
    names(value(depth + 1));
    if (layout === "3.11") {
      if (!(value(depth + 1) instanceof Uint8Array)) return fail("kinds of locals that are no bytes");
    } else {
      names(value(depth + 1));
      names(value(depth + 1));
    }
    const file = textual(value(depth + 1));
    const name = textual(value(depth + 1));
    if (layout === "3.11") textual(value(depth + 1));
    int();
    if (!(value(depth + 1) instanceof Uint8Array)) return fail("a table of lines that is no bytes");
    if (layout === "3.11" && !(value(depth + 1) instanceof Uint8Array))
      return fail("a table of exceptions that is no bytes");
    return { is: "code", name, file, argcount, bytecode, consts: consts.items, names: found, at: start };
  };
  const value = (depth: number): MarshalValue => {
    if (depth > DEPTH_MAX) fail(`values lie more than ${DEPTH_MAX} deep`);
    if (++values > VALUES_MAX) fail(`more than ${VALUES_MAX} values`);
    const mark = bytes[take(1)]!;
    const type = String.fromCharCode(mark & ~FLAG_REF);
    const slot = (mark & FLAG_REF) !== 0 && layout !== "2" && type !== "r" ? refs.push(undefined) - 1 : -1;
    if (layout === "2" && (mark & FLAG_REF) !== 0) fail("a mark that Python 2 does not write");
    const made = ofType(type, depth);
    if (slot >= 0) refs[slot] = made;
    return made;
  };
  const ofType = (type: string, depth: number): MarshalValue => {
    switch (type) {
      case "N":
      case "0":
      case "S":
      case ".":
        return null;
      case "T":
        return true;
      case "F":
        return false;
      case "i":
        return int();
      case "I":
        return view.getBigInt64(take(8), true);
      case "f":
        return Number(latin(bytes[take(1)]!));
      case "g":
        return view.getFloat64(take(8), true);
      case "x":
        latin(bytes[take(1)]!);
        return Number(latin(bytes[take(1)]!));
      case "y":
        return view.getFloat64(take(16), true);
      case "l": {
        const digits = int();
        const count = Math.abs(digits);
        const start = take(2 * count);
        if (count > 4096) return fail("an integer of thousands of digits");
        let number = 0n;
        for (let i = count; i-- > 0;) number = (number << 15n) | BigInt(view.getUint16(start + 2 * i, true));
        return digits < 0 ? -number : number;
      }
      case "s": {
        const length = int();
        return bytes.subarray(take(length), at);
      }
      case "t": {
        if (layout !== "2") return utf8(int());
        const text = latin(int());
        interned.push(text);
        return text;
      }
      case "R":
        return interned[int()] ?? fail("a reference to no text");
      case "u":
        return utf8(int());
      case "a":
      case "A":
        return latin(int());
      case "z":
      case "Z":
        return latin(bytes[take(1)]!);
      case ")":
        return { is: "tuple", items: items(bytes[take(1)]!, depth) };
      case "(":
        return { is: "tuple", items: items(int(), depth) };
      case "[":
        return { is: "list", items: items(int(), depth) };
      case "<":
      case ">":
        return { is: "set", items: items(int(), depth) };
      case "{": {
        const list: MarshalValue[] = [];
        while (bytes[at] !== 0x30) list.push(value(depth + 1), value(depth + 1));
        at++;
        return { is: "dict", items: list };
      }
      case "r": {
        const found = refs[int()];
        return found === undefined ? fail("a reference to what is not there yet") : found;
      }
      case "c":
        return code(depth);
      default:
        return fail("a type that marshal does not have");
    }
  };
  return { layout, value: value(0), end: at };
}

export const isSequence = (value: MarshalValue): value is MarshalSequence =>
  typeof value === "object" && value !== null && "is" in value && value.is !== "code";
export const isCode = (value: MarshalValue): value is MarshalCode =>
  typeof value === "object" && value !== null && "is" in value && value.is === "code";

/** Every code object in a value, each once, outermost first. */
export function codesIn(value: MarshalValue): readonly MarshalCode[] {
  const found = new Set<MarshalCode>();
  const seen = new Set<object>();
  const waiting: MarshalValue[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    seen.add(next);
    if (isCode(next)) {
      found.add(next);
      waiting.push(...next.consts.toReversed());
    } else if (isSequence(next)) waiting.push(...next.items.toReversed());
  }
  return [...found];
}

/** How instructions use names. */
export type NameUse =
  /** A global or built-in, or an attribute of what the instruction before gave: `os.path.join`. */
  | { readonly use: "path"; readonly path: string }
  | { readonly use: "import"; readonly path: string }
  /** An attribute of something that is no plain name: `(…).system`. */
  | { readonly use: "attribute"; readonly path: string }
  | { readonly use: "store"; readonly path: string };

/** The instructions that use names, by the versions that number them alike; how far the index is shifted. */
interface Dialect {
  readonly layouts: readonly MarshalLayout[];
  readonly extended: number;
  readonly load: Readonly<Record<number, number>>;
  readonly attribute: Readonly<Record<number, number>>;
  readonly importName: number;
  readonly importFrom: number;
  readonly store: readonly number[];
  /** What may stand between the loading of a name and of its attribute. */
  readonly neutral: readonly number[];
}
/** Lib/opcode.py of 3.6 to 3.12, Lib/_opcode_metadata.py of 3.13. */
const CLASSIC = { extended: 144, importName: 108, importFrom: 109, store: [90, 91, 95, 96, 97, 98], neutral: [0, 2] };
const DIALECTS: readonly Dialect[] = [
  { ...CLASSIC, layouts: ["3.0", "3.8"], load: { 101: 0, 116: 0 }, attribute: { 106: 0, 160: 0 } },
  { ...CLASSIC, layouts: ["3.11"], load: { 101: 0, 116: 1 }, attribute: { 106: 0, 160: 0 } },
  { ...CLASSIC, layouts: ["3.11"], load: { 101: 0, 116: 1, 175: 0 }, attribute: { 106: 1, 141: 2 } },
  {
    layouts: ["3.11"],
    extended: 71,
    load: { 90: 0, 91: 1, 92: 0 },
    attribute: { 82: 1, 93: 2 },
    importName: 75,
    importFrom: 74,
    store: [62, 65, 66, 108, 113, 114],
    neutral: [0, 34],
  },
];

/**
 * What the instructions of a code object do with its names, in the numbering of every version in which they use all of them
 * and no others; undefined where there is no such version.
 */
export function usesOfNames(code: MarshalCode, layout: MarshalLayout): readonly NameUse[] | undefined {
  const found = new Map<string, NameUse>();
  let fitting = 0;
  for (const dialect of DIALECTS) {
    if (!dialect.layouts.includes(layout)) continue;
    const uses = usesIn(code, dialect);
    if (uses === undefined) continue;
    fitting++;
    for (const use of uses) found.set(`${use.use} ${use.path}`, use);
  }
  return fitting === 0 ? undefined : [...found.values()];
}

function usesIn({ bytecode, names }: MarshalCode, dialect: Dialect): readonly NameUse[] | undefined {
  const used = new Set<number>();
  const uses: NameUse[] = [];
  let path: string | undefined;
  let extended = 0;
  if (bytecode.length % 2 !== 0) return undefined;
  const named = (index: number): string | undefined => {
    used.add(index);
    return names[index];
  };
  const flush = (): void => {
    if (path !== undefined) uses.push({ use: "path", path });
    path = undefined;
  };
  for (let at = 0; at < bytecode.length; at += 2) {
    const opcode = bytecode[at]!;
    const argument = ((extended << 8) | bytecode[at + 1]!) >>> 0;
    extended = 0;
    if (opcode === dialect.extended) extended = argument;
    else if (dialect.load[opcode] !== undefined) {
      flush();
      path = named(argument >>> dialect.load[opcode]);
      if (path === undefined) return undefined;
    } else if (dialect.attribute[opcode] !== undefined) {
      const name = named(argument >>> dialect.attribute[opcode]);
      if (name === undefined) return undefined;
      if (path === undefined) uses.push({ use: "attribute", path: name });
      else path = `${path}.${name}`;
    } else if (opcode === dialect.importName || opcode === dialect.importFrom) {
      if (opcode === dialect.importName) flush();
      const name = named(argument);
      if (name === undefined) return undefined;
      if (opcode === dialect.importName) path = name;
      uses.push({ use: "import", path: opcode === dialect.importName ? name : `${path ?? ""}.${name}` });
    } else if (dialect.store.includes(opcode)) {
      flush();
      const name = named(argument);
      if (name === undefined) return undefined;
      uses.push({ use: "store", path: name });
    } else if (!dialect.neutral.includes(opcode)) flush();
  }
  flush();
  return used.size === names.length ? uses : undefined;
}
