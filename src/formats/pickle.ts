/**
 * Python pickles, protocols 0 to 5, run symbolically: the stack, the memo and every call are followed and nothing is ever
 * imported or called. What loading would do is told to a listener in the order in which it would happen; where the stream
 * breaks, everything before the fault has been told. Follows Lib/pickle.py and Modules/_pickle.c of CPython 3.13; where the
 * two differ, whatever either would accept is accepted.
 */
import { upTo, type Content } from "./content.ts";
import { FormatError } from "./error.ts";

/** Text or bytes of the stream, decoded when somebody asks. */
export class Text {
  readonly kind: "str" | "bytes";
  /** Where its bytes lie in the content. */
  readonly at: number;
  readonly length: number;
  /** How the stream writes it. */
  readonly written: "utf-8" | "raw" | "escaped" | "raw-unicode-escape";
  constructor(kind: "str" | "bytes", at: number, length: number, written: Text["written"]) {
    this.kind = kind;
    this.at = at;
    this.length = length;
    this.written = written;
  }
}

/** What a GLOBAL, STACK_GLOBAL or INST imports. Parts that are only known at load time are undefined. */
export class Global {
  readonly kind = "global";
  readonly module: string;
  readonly name: string;
  readonly at: number;
  readonly end: number;
  constructor(module: string, name: string, at: number, end: number) {
    this.module = module;
    this.name = name;
    this.at = at;
    this.end = end;
  }
}

/** STACK_GLOBAL of values that are no text of the stream: what is imported is decided while loading. */
export class Computed {
  readonly kind = "computed";
  readonly module: Value;
  readonly name: Value;
  readonly at: number;
  constructor(module: Value, name: Value, at: number) {
    this.module = module;
    this.name = name;
    this.at = at;
  }
}

export type Via = "REDUCE" | "NEWOBJ" | "NEWOBJ_EX" | "OBJ" | "INST";

/** A call, and the object it would give. */
export class Call {
  readonly kind = "call";
  readonly via: Via;
  readonly callee: Value;
  /** A tuple, or what stands in its place. */
  readonly args: Value;
  readonly kwargs: Value | undefined;
  readonly at: number;
  /** What BUILD gave it, last, and how often it did. */
  state: Value | undefined;
  builds = 0;
  constructor(via: Via, callee: Value, args: Value, kwargs: Value | undefined, at: number) {
    this.via = via;
    this.callee = callee;
    this.args = args;
    this.kwargs = kwargs;
    this.at = at;
  }
}

/** The items of everything that is still empty. */
const NONE: Value[] = [];

/** A list, tuple, dict (keys and values in turn), set or frozenset. Plain items beyond the first KEPT are only counted. */
export class Collection {
  readonly kind: "list" | "tuple" | "dict" | "set" | "frozenset";
  items: Value[];
  size: number;
  constructor(kind: Collection["kind"], items: Value[]) {
    this.kind = kind;
    this.items = items;
    this.size = items.length;
  }
}

const EMPTY_TUPLE = new Collection("tuple", NONE);

/** A persistent id: what it stands for, the loading program decides. */
export class PersistentId {
  readonly kind = "persistent";
  readonly id: Value;
  readonly at: number;
  constructor(id: Value, at: number) {
    this.id = id;
    this.at = at;
  }
}

/** An entry of the extension registry (copyreg.add_extension): a number here, a name in the loading program. */
export class Extension {
  readonly kind = "extension";
  readonly code: number;
  readonly at: number;
  constructor(code: number, at: number) {
    this.code = code;
    this.at = at;
  }
}

/** An integer too long to be kept, a number nobody could parse, a buffer from outside the stream. */
export class Opaque {
  readonly kind = "opaque";
  readonly what: "long" | "number" | "buffer";
  constructor(what: Opaque["what"]) {
    this.what = what;
  }
}

export type Value =
  | null
  | boolean
  | number
  | Text
  | Global
  | Computed
  | Call
  | Collection
  | PersistentId
  | Extension
  | Opaque;

export type Mutation = "append" | "extend" | "setitem" | "add";

/** Hears what loading would do, in order. */
export interface PickleListener {
  imported?(what: Global | Computed | Extension): void;
  called?(call: Call): void;
  /** BUILD: `__setstate__`, or an update of `__dict__`. May answer where the stream goes on, if raw data follows `end`. */
  built?(target: Value, state: Value, at: number, end: number): number | void;
  /** An item handed to something that is no collection of this stream: its own method is called. */
  mutated?(target: Value, how: Mutation, items: readonly Value[], at: number): void;
  persistent?(id: PersistentId): void;
  /** Text or bytes of at least `dataMin` bytes. */
  data?(text: Text): void;
  /** The stream does what no pickler writes. */
  odd?(at: number, end: number, problem: string): void;
  /** Called now and then, to stop by throwing. */
  tick?(at: number): void;
}

export interface PickleLimits {
  /** Most values kept on the stack and in the memo. */
  readonly valuesMax: number;
  /** Longest line of protocol 0. */
  readonly lineMax: number;
  /** Shortest text or bytes the listener hears of. */
  readonly dataMin: number;
}
export const PICKLE_LIMITS: PickleLimits = { valuesMax: 20_000_000, lineMax: 1 << 24, dataMin: 16 };

export interface PickleRun {
  readonly start: number;
  /** One past the last byte read: after STOP, or where the fault is. */
  readonly end: number;
  readonly protocol: number;
  readonly opcodes: number;
  /** What load() would return; undefined where STOP was not reached. */
  readonly value: Value | undefined;
  readonly stopped: boolean;
  readonly fault: { readonly at: number; readonly problem: string; readonly limit: boolean } | undefined;
  /** For a second stream read with the same Unpickler. */
  readonly memo: Memo;
}

/** What PUT, BINPUT and MEMOIZE wrote; dense where indices come in order, as they mostly do. */
class Memo {
  private readonly dense: (Value | undefined)[] = [];
  private readonly sparse = new Map<number, Value>();
  /** How many indices were written. */
  size = 0;
  get(index: number): Value | undefined {
    return index < this.dense.length ? this.dense[index] : this.sparse.get(index);
  }
  set(index: number, value: Value): void {
    if (index < this.dense.length) {
      if (this.dense[index] === undefined) this.size++;
      this.dense[index] = value;
    } else if (index === this.dense.length && this.sparse.size === 0) {
      this.dense.push(value);
      this.size++;
    } else {
      if (!this.sparse.has(index)) this.size++;
      this.sparse.set(index, value);
    }
  }
}
export type { Memo };

const scratch = new DataView(new ArrayBuffer(8));

/** Ends a run. Carries no stack: broken bytes are met by the thousand. */
class Fault {
  readonly problem: string;
  readonly limit: boolean;
  constructor(problem: string, limit = false) {
    this.problem = problem;
    this.limit = limit;
  }
}

const KEPT = 256;
const WINDOW = 1 << 18;
const TICK = 1 << 14;
const MARK = 0x28;

/** What Python's find_class makes of the names protocol 0 to 2 write (Lib/_compat_pickle.py), where the two differ. */
const MODULES_OF_PYTHON_2: ReadonlyMap<string, string> = new Map(
  Object.entries({
    __builtin__: "builtins",
    copy_reg: "copyreg",
    exceptions: "builtins",
    commands: "subprocess",
    httplib: "http.client",
    urllib2: "urllib.request",
    cPickle: "pickle",
    thread: "_thread",
    Queue: "queue",
    SocketServer: "socketserver",
    BaseHTTPServer: "http.server",
    SimpleHTTPServer: "http.server",
    CGIHTTPServer: "http.server",
    xmlrpclib: "xmlrpc.client",
    SimpleXMLRPCServer: "xmlrpc.server",
    cookielib: "http.cookiejar",
    Cookie: "http.cookies",
    UserDict: "collections",
    UserList: "collections",
    UserString: "collections",
    StringIO: "io",
    cStringIO: "io",
    _abcoll: "collections.abc",
    anydbm: "dbm",
    whichdb: "dbm",
    _winreg: "winreg",
    ConfigParser: "configparser",
    urlparse: "urllib.parse",
    _elementtree: "xml.etree.ElementTree",
  }),
);
const NAMES_OF_PYTHON_2: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "__builtin__.xrange": "builtins.range",
    "__builtin__.reduce": "functools.reduce",
    "__builtin__.unicode": "builtins.str",
    "__builtin__.long": "builtins.int",
    "__builtin__.basestring": "builtins.str",
    "__builtin__.unichr": "builtins.chr",
    "__builtin__.intern": "sys.intern",
    "itertools.izip": "builtins.zip",
    "itertools.imap": "builtins.map",
    "itertools.ifilter": "builtins.filter",
    "urllib.urlopen": "urllib.request.urlopen",
    "urllib.urlretrieve": "urllib.request.urlretrieve",
    "multiprocessing.forking.Popen": "multiprocessing.popen_fork.Popen",
    "multiprocessing.process.Process": "multiprocessing.context.Process",
    "UserDict.IterableUserDict": "collections.UserDict",
  }),
);

/** The name Python 3 imports for what Python 2 wrote; other names as they are. */
export function presentName(module: string, name: string): { readonly module: string; readonly name: string } {
  const renamed = NAMES_OF_PYTHON_2.get(`${module}.${name}`);
  if (renamed !== undefined) {
    const dot = renamed.lastIndexOf(".");
    return { module: renamed.slice(0, dot), name: renamed.slice(dot + 1) };
  }
  return { module: MODULES_OF_PYTHON_2.get(module) ?? module, name };
}

const utf8 = new TextDecoder("utf-8");
const latin1 = (bytes: Uint8Array): string => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
};

/** The characters of a text of the stream, at most `max` bytes of it. Escapes of protocol 0 are undone. */
export function textOf(content: Content, text: Text, max = 65_536): string {
  const bytes = content.read(text.at, Math.min(text.length, max));
  switch (text.written) {
    case "utf-8":
      return utf8.decode(bytes);
    case "raw":
      return latin1(bytes);
    case "raw-unicode-escape":
      return latin1(bytes).replace(
        /\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g,
        (whole, short?: string, long?: string) => {
          const point = Number.parseInt(short ?? long!, 16);
          return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
        },
      );
    case "escaped":
      return latin1(unescaped(bytes));
  }
}

const ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  t: 9,
  b: 8,
  f: 12,
  v: 11,
  a: 7,
  "\\": 92,
  "'": 39,
  '"': 34,
};

/** The bytes of a protocol 0 STRING: Python's string escapes undone. */
function unescaped(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(92)) return bytes;
  const out = new Uint8Array(bytes.length);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 92 || i + 1 === bytes.length) {
      out[size++] = bytes[i]!;
      continue;
    }
    const next = String.fromCharCode(bytes[++i]!);
    const simple = ESCAPES[next];
    if (simple !== undefined) out[size++] = simple;
    else if (next === "x") {
      out[size++] = Number.parseInt(latin1(bytes.subarray(i + 1, i + 3)), 16) & 255;
      i += 2;
    } else if (next >= "0" && next <= "7") {
      let digits = 1;
      while (digits < 3 && bytes[i + digits]! >= 48 && bytes[i + digits]! <= 55) digits++;
      out[size++] = Number.parseInt(latin1(bytes.subarray(i, i + digits)), 8) & 255;
      i += digits - 1;
    } else if (next !== "\n") {
      out[size++] = 92;
      out[size++] = bytes[i]!;
    }
  }
  return out.subarray(0, size);
}

/** The bytes a text of the stream stands for. */
export function bytesOf(content: Content, text: Text, max: number): Uint8Array {
  if (text.length > max) throw new FormatError("pickle", text.at, `${text.length} bytes are too many to look into`, "");
  const bytes = content.read(text.at, text.length);
  return text.written === "escaped" ? unescaped(bytes) : bytes;
}

/**
 * Follows the stream that starts at `start`. Never throws for what the bytes hold: what is wrong with them is the run's
 * fault. Throws what the listener throws.
 */
export function runPickle(
  content: Content,
  start: number,
  listener: PickleListener,
  limits: PickleLimits = PICKLE_LIMITS,
  inherited: Memo = new Memo(),
): PickleRun {
  return new Machine(content, start, listener, limits, inherited).run();
}

class Machine {
  private readonly content: Content;
  private readonly start: number;
  private readonly hear: PickleListener;
  private readonly limits: PickleLimits;
  private readonly inherited: Memo;
  /** The bytes in reach; `base` is where they start in the content. */
  private window: Uint8Array = new Uint8Array(0);
  private base: number;
  private at = 0;
  private stack: Value[] = [];
  private marks: number[] = [];
  /** No opcode may take from below the last mark. */
  private fence = 0;
  private readonly memo = new Memo();
  private protocol = 0;
  private opcodes = 0;
  private opcodeAt = 0;

  constructor(content: Content, start: number, listener: PickleListener, limits: PickleLimits, inherited: Memo) {
    this.content = content;
    this.start = start;
    this.base = start;
    this.hear = listener;
    this.limits = limits;
    this.inherited = inherited;
  }

  run(): PickleRun {
    let fault: PickleRun["fault"];
    let value: Value | undefined;
    let stopped = false;
    try {
      value = this.follow();
      stopped = true;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault = { at: this.opcodeAt, problem: error.problem, limit: error.limit };
    }
    return {
      start: this.start,
      end: stopped ? this.base + this.at : this.opcodeAt,
      protocol: this.protocol,
      opcodes: this.opcodes,
      value,
      stopped,
      fault,
      memo: this.memo,
    };
  }

  /** Makes `length` bytes from the current place part of the window. */
  private need(length: number): void {
    if (this.at + length <= this.window.length) return;
    const from = this.base + this.at;
    if (from + length > this.content.size)
      throw new Fault(`the stream ends inside an opcode: ${from + length - this.content.size} bytes are missing`);
    this.window = upTo(this.content, from, Math.max(length, WINDOW));
    this.base = from;
    this.at = 0;
  }
  private byte(): number {
    if (this.at >= this.window.length) this.need(1);
    return this.window[this.at++]!;
  }
  private u16(): number {
    this.need(2);
    const w = this.window;
    const value = w[this.at]! | (w[this.at + 1]! << 8);
    this.at += 2;
    return value;
  }
  private i32(): number {
    this.need(4);
    const w = this.window;
    const a = this.at;
    this.at += 4;
    return w[a]! | (w[a + 1]! << 8) | (w[a + 2]! << 16) | (w[a + 3]! << 24);
  }
  private u32(): number {
    return this.i32() >>> 0;
  }
  private u64(): number {
    const low = this.u32();
    const value = this.u32() * 2 ** 32 + low;
    if (!Number.isSafeInteger(value)) throw new Fault(`a length of ${value} bytes`);
    return value;
  }
  /** Passes over `length` bytes without reading them; they must be there. */
  private skip(length: number): number {
    const from = this.base + this.at;
    if (from + length > this.content.size)
      throw new Fault(`${length} bytes of data are announced and ${this.content.size - from} follow`);
    if (this.at + length <= this.window.length) this.at += length;
    else {
      this.base = from + length;
      this.window = new Uint8Array(0);
      this.at = 0;
    }
    return from;
  }
  /** A line without its end; the place moves behind it. */
  private line(): { readonly at: number; readonly bytes: Uint8Array } {
    let end = this.window.indexOf(10, this.at);
    if (end < 0) {
      const from = this.base + this.at;
      let size = WINDOW;
      for (;;) {
        this.window = upTo(this.content, from, size);
        this.base = from;
        this.at = 0;
        end = this.window.indexOf(10);
        if (end >= 0) break;
        if (from + size >= this.content.size) throw new Fault("a line without an end");
        if (size >= this.limits.lineMax) throw new Fault("a line longer than is followed", true);
        size *= 2;
      }
    }
    const line = { at: this.base + this.at, bytes: this.window.subarray(this.at, end) };
    this.at = end + 1;
    return line;
  }

  private push(value: Value): void {
    this.stack.push(value);
  }
  private pop(): Value {
    if (this.stack.length <= this.fence) throw new Fault("the stack is empty where a value is taken");
    return this.stack.pop()!;
  }
  private top(): Value {
    if (this.stack.length <= this.fence) throw new Fault("the stack is empty where a value is used");
    return this.stack[this.stack.length - 1]!;
  }
  /** The values above the last mark, which goes. */
  private popMark(): Value[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw new Fault("there is no mark");
    const taken = this.stack.splice(mark);
    this.fence = this.marks.length > 0 ? this.marks[this.marks.length - 1]! : 0;
    return taken;
  }
  private remember(index: number, value: Value): void {
    this.memo.set(index, value);
  }
  private recall(index: number): void {
    const value = this.memo.get(index) ?? this.inherited.get(index);
    if (value === undefined) throw new Fault(`memo ${index} is read and was never written`);
    this.push(value);
  }
  private data(kind: Text["kind"], length: number, written: Text["written"]): void {
    const text = new Text(kind, this.skip(length), length, written);
    this.push(text);
    if (length >= this.limits.dataMin) this.hear.data?.(text);
  }
  private odd(problem: string): void {
    this.hear.odd?.(this.opcodeAt, this.base + this.at, problem);
  }
  private number(bytes: Uint8Array, pattern: RegExp): Value {
    const text = latin1(bytes.subarray(0, 400)).trim().replaceAll("_", "");
    if (bytes.length > 400) {
      if (/^[+-]?\d+$/.test(text)) return new Opaque("long");
    } else if (pattern.test(text)) {
      const value = Number(text);
      return pattern === FLOAT || Number.isSafeInteger(value) ? value : new Opaque("long");
    }
    this.odd(`"${text.slice(0, 40)}" where a number should stand: readers disagree on it`);
    return new Opaque("number");
  }
  private index(): number {
    const text = latin1(this.line().bytes).trim().replaceAll("_", "");
    if (!/^\+?\d{1,15}$/.test(text)) throw new Fault(`"${text.slice(0, 40)}" is no memo index`);
    return Number(text);
  }
  private imported(module: string, name: string): Global {
    const found = new Global(module, name, this.opcodeAt, this.base + this.at);
    this.hear.imported?.(found);
    return found;
  }
  private call(via: Via, callee: Value, args: Value, kwargs?: Value): void {
    const call = new Call(via, callee, args, kwargs, this.opcodeAt);
    this.hear.called?.(call);
    this.push(call);
  }
  private add(target: Value, items: Value[], how: Mutation, kinds: readonly Collection["kind"][]): void {
    if (items.length === 0) return;
    if (target instanceof Collection && kinds.includes(target.kind)) {
      target.size += items.length;
      if (target.items === NONE) target.items = [];
      // A dictionary's items come in pairs, and stay so.
      const step = target.kind === "dict" ? 2 : 1;
      for (let i = 0; i < items.length; i += step)
        if (target.items.length < KEPT || !(isPlain(items[i]!) && (step === 1 || isPlain(items[i + 1]!))))
          for (let k = i; k < i + step; k++) target.items.push(items[k]!);
    } else this.hear.mutated?.(target, how, items, this.opcodeAt);
  }

  private follow(): Value {
    const { limits } = this;
    for (;;) {
      this.opcodeAt = this.base + this.at;
      if ((++this.opcodes & (TICK - 1)) === 0) {
        this.hear.tick?.(this.opcodeAt);
        if (this.stack.length + this.memo.size > limits.valuesMax)
          throw new Fault(`more than ${limits.valuesMax} values at once`, true);
      }
      if (this.at >= this.window.length) {
        if (this.opcodeAt >= this.content.size) throw new Fault("the stream ends without STOP");
        this.need(1);
      }
      const opcode = this.window[this.at++]!;
      switch (opcode) {
        case MARK:
          this.marks.push(this.stack.length);
          this.fence = this.stack.length;
          break;
        case 0x4b: // BININT1
          this.push(this.byte());
          break;
        case 0x4d: // BININT2
          this.push(this.u16());
          break;
        case 0x4a: // BININT
          this.push(this.i32());
          break;
        case 0x47: {
          // BINFLOAT
          this.need(8);
          for (let i = 0; i < 8; i++) scratch.setUint8(i, this.window[this.at + i]!);
          this.push(scratch.getFloat64(0));
          this.at += 8;
          break;
        }
        case 0x94: // MEMOIZE
          this.remember(this.memo.size, this.top());
          break;
        case 0x71: // BINPUT
          this.remember(this.byte(), this.top());
          break;
        case 0x72: // LONG_BINPUT
          this.remember(this.u32(), this.top());
          break;
        case 0x70: // PUT
          this.remember(this.index(), this.top());
          break;
        case 0x68: // BINGET
          this.recall(this.byte());
          break;
        case 0x6a: // LONG_BINGET
          this.recall(this.u32());
          break;
        case 0x67: // GET
          this.recall(this.index());
          break;
        case 0x8c: // SHORT_BINUNICODE
          this.data("str", this.byte(), "utf-8");
          break;
        case 0x58: // BINUNICODE
          this.data("str", this.u32(), "utf-8");
          break;
        case 0x8d: // BINUNICODE8
          this.data("str", this.u64(), "utf-8");
          break;
        case 0x43: // SHORT_BINBYTES
        case 0x55: // SHORT_BINSTRING
          this.data(opcode === 0x43 ? "bytes" : "str", this.byte(), "raw");
          break;
        case 0x42: // BINBYTES
          this.data("bytes", this.u32(), "raw");
          break;
        case 0x54: {
          // BINSTRING: its length is signed
          const length = this.i32();
          if (length < 0) throw new Fault(`a string of ${length} bytes`);
          this.data("str", length, "raw");
          break;
        }
        case 0x8e: // BINBYTES8
        case 0x96: // BYTEARRAY8
          this.data("bytes", this.u64(), "raw");
          break;
        case 0x53: {
          // STRING
          const { at, bytes } = this.line();
          let [from, to] = [0, bytes.length];
          while (from < to && isSpace(bytes[from]!)) from++;
          while (to > from && isSpace(bytes[to - 1]!)) to--;
          const quoted = to - from >= 2 && (bytes[from] === 34 || bytes[from] === 39) && bytes[to - 1] === bytes[from];
          if (!quoted) throw new Fault("a STRING that is not in quotes");
          const text = new Text("str", at + from + 1, to - from - 2, "escaped");
          this.push(text);
          if (text.length >= limits.dataMin) this.hear.data?.(text);
          break;
        }
        case 0x56: {
          // UNICODE
          const { at, bytes } = this.line();
          const text = new Text("str", at, bytes.length, "raw-unicode-escape");
          this.push(text);
          if (text.length >= limits.dataMin) this.hear.data?.(text);
          break;
        }
        case 0x4e: // NONE
          this.push(null);
          break;
        case 0x88: // NEWTRUE
          this.push(true);
          break;
        case 0x89: // NEWFALSE
          this.push(false);
          break;
        case 0x49: {
          // INT: 00 and 01 are booleans
          const { bytes } = this.line();
          const text = bytes.length <= 4 ? latin1(bytes) : "";
          this.push(text === "01" ? true : text === "00" ? false : this.number(bytes, INTEGER));
          break;
        }
        case 0x4c: {
          // LONG
          const { bytes } = this.line();
          this.push(this.number(bytes.at(-1) === 76 ? bytes.subarray(0, -1) : bytes, INTEGER));
          break;
        }
        case 0x46: // FLOAT
          this.push(this.number(this.line().bytes, FLOAT));
          break;
        case 0x8a: // LONG1
        case 0x8b: {
          // LONG4: its length is signed
          const length = opcode === 0x8a ? this.byte() : this.i32();
          if (length < 0) throw new Fault(`an integer of ${length} bytes`);
          if (length > 6) {
            this.skip(length);
            this.push(new Opaque("long"));
            break;
          }
          this.need(length);
          let value = 0;
          for (let i = length - 1; i >= 0; i--) value = value * 256 + this.window[this.at + i]!;
          if (length > 0 && this.window[this.at + length - 1]! >= 128) value -= 256 ** length;
          this.at += length;
          this.push(value);
          break;
        }
        case 0x29: // EMPTY_TUPLE
          this.push(EMPTY_TUPLE);
          break;
        case 0x85: // TUPLE1
          this.push(new Collection("tuple", [this.pop()]));
          break;
        case 0x86: {
          // TUPLE2
          const b = this.pop();
          this.push(new Collection("tuple", [this.pop(), b]));
          break;
        }
        case 0x87: {
          // TUPLE3
          const c = this.pop();
          const b = this.pop();
          this.push(new Collection("tuple", [this.pop(), b, c]));
          break;
        }
        case 0x74: // TUPLE
          this.push(new Collection("tuple", this.popMark()));
          break;
        case 0x5d: // EMPTY_LIST
          this.push(new Collection("list", NONE));
          break;
        case 0x6c: // LIST
          this.push(new Collection("list", this.popMark()));
          break;
        case 0x7d: // EMPTY_DICT
          this.push(new Collection("dict", NONE));
          break;
        case 0x64: {
          // DICT
          const items = this.popMark();
          if (items.length % 2 === 1) throw new Fault("a dictionary with a key and no value");
          this.push(new Collection("dict", items));
          break;
        }
        case 0x8f: // EMPTY_SET
          this.push(new Collection("set", NONE));
          break;
        case 0x91: // FROZENSET
          this.push(new Collection("frozenset", this.popMark()));
          break;
        case 0x61: {
          // APPEND
          const item = this.pop();
          this.add(this.top(), [item], "append", ["list"]);
          break;
        }
        case 0x65: {
          // APPENDS
          const items = this.popMark();
          this.add(this.top(), items, "extend", ["list"]);
          break;
        }
        case 0x73: {
          // SETITEM
          const value = this.pop();
          const key = this.pop();
          this.add(this.top(), [key, value], "setitem", ["dict"]);
          break;
        }
        case 0x75: {
          // SETITEMS
          const items = this.popMark();
          if (items.length % 2 === 1) throw new Fault("a dictionary with a key and no value");
          this.add(this.top(), items, "setitem", ["dict"]);
          break;
        }
        case 0x90: {
          // ADDITEMS
          const items = this.popMark();
          this.add(this.top(), items, "add", ["set"]);
          break;
        }
        case 0x30: // POP: takes a mark where one is on top
          if (this.marks.length > 0 && this.fence === this.stack.length) this.popMark();
          else this.pop();
          break;
        case 0x31: // POP_MARK
          this.popMark();
          break;
        case 0x32: // DUP
          this.push(this.top());
          break;
        case 0x63: {
          // GLOBAL
          const module = utf8.decode(this.line().bytes);
          const name = utf8.decode(this.line().bytes);
          this.push(this.imported(module, name));
          break;
        }
        case 0x93: {
          // STACK_GLOBAL
          const name = this.pop();
          const module = this.pop();
          if (name instanceof Text && module instanceof Text)
            this.push(this.imported(textOf(this.content, module), textOf(this.content, name)));
          else {
            const computed = new Computed(module, name, this.opcodeAt);
            this.hear.imported?.(computed);
            this.push(computed);
          }
          break;
        }
        case 0x82: // EXT1
        case 0x83: // EXT2
        case 0x84: {
          // EXT4: its code is signed
          const code = opcode === 0x82 ? this.byte() : opcode === 0x83 ? this.u16() : this.i32();
          if (code <= 0) throw new Fault(`extension code ${code}`);
          const extension = new Extension(code, this.opcodeAt);
          this.hear.imported?.(extension);
          this.push(extension);
          break;
        }
        case 0x52: {
          // REDUCE
          const args = this.pop();
          this.call("REDUCE", this.pop(), args);
          break;
        }
        case 0x81: {
          // NEWOBJ
          const args = this.pop();
          this.call("NEWOBJ", this.pop(), args);
          break;
        }
        case 0x92: {
          // NEWOBJ_EX
          const kwargs = this.pop();
          const args = this.pop();
          this.call("NEWOBJ_EX", this.pop(), args, kwargs);
          break;
        }
        case 0x6f: {
          // OBJ
          const items = this.popMark();
          if (items.length === 0) throw new Fault("OBJ without a class");
          this.call("OBJ", items[0]!, new Collection("tuple", items.slice(1)));
          break;
        }
        case 0x69: {
          // INST
          const module = utf8.decode(this.line().bytes);
          const name = utf8.decode(this.line().bytes);
          const args = this.popMark();
          this.call("INST", this.imported(module, name), new Collection("tuple", args));
          break;
        }
        case 0x62: {
          // BUILD
          const state = this.pop();
          const target = this.top();
          if (target instanceof Call) {
            target.state = state;
            target.builds++;
          }
          const end = this.base + this.at;
          const on = this.hear.built?.(target, state, this.opcodeAt, end);
          if (typeof on === "number" && on > end) this.skip(on - end);
          break;
        }
        case 0x50: {
          // PERSID
          const { at, bytes } = this.line();
          // Decoded before any persistent_load is asked: pickle.py and _pickle.c both end here, whoever loads.
          if (bytes.some((byte) => byte >= 0x80)) throw new Fault("a persistent id that is not ASCII");
          const id = new PersistentId(new Text("str", at, bytes.length, "utf-8"), this.opcodeAt);
          this.hear.persistent?.(id);
          this.push(id);
          break;
        }
        case 0x51: {
          // BINPERSID
          const id = new PersistentId(this.pop(), this.opcodeAt);
          this.hear.persistent?.(id);
          this.push(id);
          break;
        }
        case 0x97: // NEXT_BUFFER
          this.push(new Opaque("buffer"));
          break;
        case 0x98: // READONLY_BUFFER
          this.top();
          break;
        case 0x80: {
          // PROTO
          const protocol = this.byte();
          if (protocol > 5) throw new Fault(`protocol ${protocol} is none that Python has defined`);
          this.protocol = Math.max(this.protocol, protocol);
          break;
        }
        case 0x95: {
          // FRAME
          const length = this.u64();
          if (this.base + this.at + length > this.content.size)
            this.odd(`a frame of ${length} bytes, and ${this.content.size - this.base - this.at} follow`);
          break;
        }
        case 0x2e: // STOP
          return this.pop();
        default:
          throw new Fault(`0x${opcode.toString(16).padStart(2, "0")} is no opcode`);
      }
    }
  }
}

const INTEGER = /^[+-]?(\d+|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+)$/;
const FLOAT = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan|infinity)$/i;
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
const isPlain = (value: Value): boolean =>
  value === null || typeof value !== "object" || value instanceof Text || value instanceof Opaque;
