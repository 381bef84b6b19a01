/**
 * GGUF, versions 1 to 3, in either byte order (ggml/docs/gguf.md, ggml/src/gguf.cpp): counts, typed metadata, tensor descriptions,
 * and the tensors at aligned offsets. Everything read before a fault is kept.
 */
import { charsmapProblem } from "./charsmap.ts";
import { upTo, type Content } from "./content.ts";
import { viewOf } from "./error.ts";

/** Types of metadata by their number. Widths in bytes; text and lists have none. */
const TYPES = [
  ["uint8", 1],
  ["int8", 1],
  ["uint16", 2],
  ["int16", 2],
  ["uint32", 4],
  ["int32", 4],
  ["float32", 4],
  ["bool", 1],
  ["string", 0],
  ["array", 0],
  ["uint64", 8],
  ["int64", 8],
  ["float64", 8],
] as const;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;
const UINT32 = 4;
/** Whole numbers, whose values are held against what else the file says. */
const WHOLE: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 10, 11]);

/** Elements and bytes of one block, by the number of the type (ggml_type_traits; QK_K is 256). */
const GGML_TYPES: Readonly<Record<number, readonly [name: string, elements: number, bytes: number]>> = {
  0: ["F32", 1, 4],
  1: ["F16", 1, 2],
  2: ["Q4_0", 32, 18],
  3: ["Q4_1", 32, 20],
  6: ["Q5_0", 32, 22],
  7: ["Q5_1", 32, 24],
  8: ["Q8_0", 32, 34],
  9: ["Q8_1", 32, 36],
  10: ["Q2_K", 256, 84],
  11: ["Q3_K", 256, 110],
  12: ["Q4_K", 256, 144],
  13: ["Q5_K", 256, 176],
  14: ["Q6_K", 256, 210],
  15: ["Q8_K", 256, 292],
  16: ["IQ2_XXS", 256, 66],
  17: ["IQ2_XS", 256, 74],
  18: ["IQ3_XXS", 256, 98],
  19: ["IQ1_S", 256, 50],
  20: ["IQ4_NL", 32, 18],
  21: ["IQ3_S", 256, 110],
  22: ["IQ2_S", 256, 82],
  23: ["IQ4_XS", 256, 136],
  24: ["I8", 1, 1],
  25: ["I16", 1, 2],
  26: ["I32", 1, 4],
  27: ["I64", 1, 8],
  28: ["F64", 1, 8],
  29: ["IQ1_M", 256, 56],
  30: ["BF16", 1, 2],
  // Taken out of the format again; files with them exist.
  31: ["Q4_0_4_4", 32, 18],
  32: ["Q4_0_4_8", 32, 18],
  33: ["Q4_0_8_8", 32, 18],
  34: ["TQ1_0", 256, 54],
  35: ["TQ2_0", 256, 66],
  36: ["IQ4_NL_4_4", 32, 18],
  37: ["IQ4_NL_4_8", 32, 18],
  38: ["IQ4_NL_8_8", 32, 18],
  39: ["MXFP4", 32, 17],
  40: ["NVFP4", 64, 36],
  41: ["Q1_0", 128, 18],
  42: ["Q2_0", 64, 18],
};

/** GGML_MAX_DIMS and GGML_MAX_NAME. */
const DIMS_MAX = 4;
const NAME_MAX = 64;
const ALIGNMENT = 32;
/** A page of large systems: nothing needs to be aligned to more, and readers make every tensor's room a multiple of it. */
const ALIGNMENT_MAX = 65_536;
/** LLAMA_MAX_LAYERS of llama.cpp, whose tables have so many places. */
const BLOCKS_MAX = 512;
/** Lists within lists. */
const DEPTH_MAX = 8;
/** Texts that are kept: all but elements of vocabularies below this length; all together at most so many bytes. */
const LONG = 64;
const KEPT_MAX = 64 * 2 ** 20;
/** Keys under which programs keep templates: each of their texts is kept, and nothing but text belongs there. */
export const TEMPLATE = /template/i;
/** Per token of the vocabulary one of each, of this type; readers index them by token. */
const PER_TOKEN: Readonly<Record<string, number>> = { "tokenizer.ggml.scores": 6, "tokenizer.ggml.token_type": 5 };
const TOKENS = "tokenizer.ggml.tokens";
/** Pieces of words by the hundred thousand: of these only long ones are kept. */
const VOCABULARY: ReadonlySet<string> = new Set([TOKENS, "tokenizer.ggml.merges"]);
const TOKEN_ID = /_token_ids?$/;
const CHARSMAP = "tokenizer.ggml.precompiled_charsmap";
const CHARSMAP_MAX = 16 * 2 ** 20;
const SPLITS = "split.count";

interface Placed {
  /** Bytes of the file. */
  readonly start: number;
  readonly end: number;
}
export interface GgufText extends Placed {
  readonly key: string;
  readonly value: string;
  /** An element of a list. */
  readonly listed: boolean;
}
export interface GgufTensor extends Placed {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
}
export type GgufProblem = Placed & {
  /** "wraps": a size that no file has, made for readers that count in 64 bits (CVE-2024-23496 and its like). */
  readonly kind: "duplicate" | "overlap" | "bounds" | "wraps" | "entry" | "limit";
  readonly problem: string;
};
export interface Gguf {
  readonly version: number;
  readonly bigEndian: boolean;
  /** Bytes from the start that were read: up to the data, or to the fault. */
  readonly headerEnd: number;
  readonly dataAt: number;
  readonly alignment: number;
  /** In how many files the model is kept, and which of them this is, from 0; undefined where it does not say. */
  readonly split: { readonly count: number; readonly index: number | undefined } | undefined;
  readonly texts: readonly GgufText[];
  /** In the order of their bytes. */
  readonly tensors: readonly GgufTensor[];
  readonly problems: readonly GgufProblem[];
  /** Why reading stopped before the tensors were known. */
  readonly fault: { readonly at: number; readonly problem: string } | undefined;
}

export function isGguf(content: Content): boolean {
  const head = upTo(content, 0, 4);
  return head.length === 4 && head[0] === 0x47 && head[1] === 0x47 && head[2] === 0x55 && head[3] === 0x46;
}

class Fault extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** `tick` is called now and then, and may throw to stop. */
export function readGguf(content: Content, tick: () => void): Gguf {
  return new Reader(content, tick).read();
}

const WINDOW = 1 << 16;
const shown = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
const decoder = new TextDecoder("utf-8");
const REPLACED = "\ufffd";

class Reader {
  private readonly content: Content;
  private readonly tick: () => void;
  private at = 0;
  private window: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  private windowAt = 0;
  private little = true;
  private version = 0;
  private alignment = ALIGNMENT;
  private kept = 0;
  private readonly perToken = new Map<
    string,
    { readonly element: number; readonly count: number; readonly at: number }
  >();
  /** Single whole numbers, by their key. */
  private readonly numbers = new Map<string, Placed & { readonly value: bigint }>();
  /** The largest number in a list of ids, or a single one. */
  private readonly ids: (Placed & { readonly key: string; readonly value: bigint })[] = [];
  private architecture = "";
  private adapts = false;
  private readonly problems: GgufProblem[] = [];
  private readonly texts: GgufText[] = [];
  private readonly tensors: GgufTensor[] = [];

  constructor(content: Content, tick: () => void) {
    this.content = content;
    this.tick = tick;
  }

  read(): Gguf {
    let fault: Gguf["fault"];
    let headerEnd = 0;
    let dataAt = this.content.size;
    try {
      this.version = this.head();
      const tensors = this.count("tensors", 20);
      const entries = this.count("metadata entries", this.version === 1 ? 9 : 13);
      this.entries(entries);
      const described = this.describe(tensors);
      this.heldToTokens(described);
      this.heldToBlocks(described);
      headerEnd = this.at;
      dataAt = Math.min(this.aligned(headerEnd), this.content.size);
      this.place(described, dataAt);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      headerEnd = Math.min(this.at, error.at);
      fault = { at: error.at, problem: error.message };
    }
    return {
      version: this.version,
      bigEndian: !this.little,
      headerEnd,
      dataAt,
      alignment: this.alignment,
      split: this.split(),
      texts: this.texts,
      tensors: this.tensors,
      problems: this.problems,
      fault,
    };
  }

  private say(kind: GgufProblem["kind"], start: number, end: number, problem: string): void {
    if (this.problems.length < 1000) this.problems.push({ kind, start, end, problem });
  }

  /** Makes `length` bytes from here readable, and gives where they lie in the window. */
  private need(length: number, what: string): number {
    const offset = this.at - this.windowAt;
    if (offset >= 0 && offset + length <= this.window.length) return offset;
    if (this.at + length > this.content.size)
      throw new Fault(this.at, `${what} needs ${length} bytes, and ${this.content.size - this.at} are left`);
    this.tick();
    this.window = this.content.read(this.at, Math.min(Math.max(WINDOW, length), this.content.size - this.at));
    this.view = viewOf(this.window);
    this.windowAt = this.at;
    return 0;
  }
  private u32(what: string): number {
    const value = this.view32(this.need(4, what));
    this.at += 4;
    return value;
  }
  private view32(offset: number): number {
    return this.view.getUint32(offset, this.little);
  }
  private u64(what: string): bigint {
    const offset = this.need(8, what);
    this.at += 8;
    return this.view.getBigUint64(offset, this.little);
  }
  /** A length or count: four bytes in version 1, eight since. */
  private size(what: string): number {
    const start = this.at;
    if (this.version === 1) return this.u32(what);
    const value = this.u64(what);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    this.say(
      "wraps",
      start,
      this.at,
      `${what} is ${value}: no file is as large, and a reader that reckons with it wraps around`,
    );
    throw new Fault(start, `${what} is ${value}`);
  }
  /** How many of something follow that takes `least` bytes each. */
  private count(what: string, least: number): number {
    const start = this.at;
    const value = this.size(`the number of ${what}`);
    this.fits(value, least, what, start);
    return value;
  }
  private fits(count: number, least: number, what: string, start: number): void {
    const left = this.content.size - this.at;
    if (BigInt(count) * BigInt(least) >= 1n << 64n)
      this.say("wraps", start, this.at, `${count} ${what}: their size wraps around in 64 bits`);
    if (count * least > left) throw new Fault(start, `${count} ${what} do not fit in the ${left} bytes that are left`);
  }

  private head(): number {
    this.need(8, "the start of the file");
    this.at = 4;
    let version = this.view32(4);
    // A version is small; where its low half is empty, the bytes come the other way round.
    if ((version & 0xffff) === 0) {
      this.little = false;
      version = this.view32(4);
    }
    if (version < 1 || version > 3) throw new Fault(4, `version ${version}`);
    this.at = 8;
    return version;
  }

  private text(what: string): { value: string; start: number; end: number } {
    const length = this.size(`the length of ${what}`);
    const start = this.at;
    if (length > this.content.size - start)
      throw new Fault(start, `${what} is ${length} bytes long, and ${this.content.size - start} are left`);
    const offset = this.need(length, what);
    this.at += length;
    return { value: decoder.decode(this.window.subarray(offset, offset + length)), start, end: this.at };
  }
  /** Moves past a text, and gives it only where it is worth keeping. */
  private listedText(key: string): void {
    const length = this.size(`the length of a text in ${shown(key)}`);
    if (length > this.content.size - this.at)
      throw new Fault(
        this.at,
        `a text in ${shown(key)} is ${length} bytes long, and ${this.content.size - this.at} are left`,
      );
    const start = this.at;
    if (length >= LONG || (length > 0 && !VOCABULARY.has(key))) this.keep(key, start, length, true);
    this.at = start + length;
  }
  private keep(key: string, start: number, length: number, listed: boolean): void {
    this.kept += length;
    if (this.kept > KEPT_MAX) {
      this.say("limit", start, start + length, `more than ${KEPT_MAX} bytes of text; this was not looked at`);
      return;
    }
    const offset = this.need(length, shown(key));
    const value = decoder.decode(this.window.subarray(offset, offset + length));
    this.texts.push({ key, value, start, end: start + length, listed });
  }

  private entries(count: number): void {
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) {
      const entryAt = this.at;
      const { value: key, end } = this.text("a key");
      if (key.length > 65_535) throw new Fault(entryAt, `a key of ${key.length} characters`);
      if (seen.has(key))
        this.say(
          "duplicate",
          entryAt,
          end,
          `the key ${shown(key)} is there twice: which one counts differs between readers`,
        );
      seen.add(key);
      this.readable(key, "key", entryAt, end);
      const type = this.u32(`the type of ${shown(key)}`);
      if (key === "general.alignment") this.readAlignment(type, entryAt);
      this.value(key, type, 0);
    }
  }

  /** A name that all readers see alike: those in C end it at the first zero. */
  private readable(name: string, what: string, start: number, end: number): void {
    if (name.includes("\0"))
      this.say(
        "duplicate",
        start,
        end,
        `the ${what} ${shown(name)} holds a zero, where its name ends for some readers`,
      );
    else if (name === "") this.say("entry", start, end, `a ${what} without a name: what reads it is not known`);
    else if (name.includes(REPLACED) || /[\u0001-\u001f\u007f]/.test(name))
      this.say("entry", start, end, `the ${what} ${shown(name)} is no plain text`);
  }

  private number(key: string): number | undefined {
    const value = this.numbers.get(key)?.value;
    return value === undefined ? undefined : Number(value);
  }
  private split(): Gguf["split"] {
    const count = this.number(SPLITS);
    return count === undefined ? undefined : { count, index: this.number("split.no") };
  }

  /** A reader that indexes by token reads what is not its own where a list is shorter or narrower, or an id is of no token. */
  private heldToTokens(described: readonly Described[]): void {
    const list = this.perToken.get(TOKENS);
    const tokens = list?.count ?? 0;
    if (list)
      for (const { key, value, start, end } of this.ids)
        if (value < 0n || value >= BigInt(tokens))
          this.say("bounds", start, end, `${shown(key)} is ${value}, of ${tokens} tokens`);
    const embedding = described.find(({ name }) => name === "token_embd.weight");
    const rows = embedding?.dims[1] ?? 1n;
    if (embedding && rows < BigInt(tokens))
      this.say("bounds", embedding.start, embedding.end, `"token_embd.weight" has ${rows} rows for ${tokens} tokens`);
    for (const [key, type] of Object.entries(PER_TOKEN)) {
      const list = this.perToken.get(key);
      if (list && (list.element !== type || list.count < tokens))
        this.say(
          "bounds",
          list.at,
          list.at,
          `${shown(key)} has ${list.count} elements of type ${list.element} for ${tokens} tokens, where readers count on ${type} for each`,
        );
    }
  }

  /** Readers make room by the number of blocks, and look for the tensors of each. */
  private heldToBlocks(described: readonly Described[]): void {
    const said = this.numbers.get(`${this.architecture}.block_count`);
    if (!said) return;
    const { value, start, end } = said;
    if (value < 0n || value > BLOCKS_MAX)
      return this.say(
        "bounds",
        start,
        end,
        `it is said to have ${value} blocks, and readers have room for ${BLOCKS_MAX}`,
      );
    const have = new Set<number>();
    for (const { name } of described) {
      const block = /^(?:enc\.)?blk\.(\d+)\./.exec(name)?.[1];
      if (block !== undefined) have.add(Number(block));
    }
    const beyond = [...have].find((block) => block >= value);
    if (beyond !== undefined)
      this.say("entry", start, end, `it is said to have ${value} blocks and has tensors of block ${beyond}`);
    // A part of a model has a part of the blocks, an adapter those that it changes, a vocabulary none.
    const part = (this.split()?.count ?? 0) > 1 || this.adapts;
    if (have.size > 0 && !part && have.size < value)
      this.say("entry", start, end, `it is said to have ${value} blocks and has tensors of ${have.size}`);
  }

  private readAlignment(type: number, entryAt: number): void {
    if (type !== UINT32) throw new Fault(entryAt, "general.alignment is no uint32");
    const alignment = this.view32(this.need(4, "general.alignment"));
    if (alignment === 0 || (alignment & (alignment - 1)) !== 0)
      throw new Fault(this.at, `general.alignment is ${alignment}, no power of two`);
    this.alignment = alignment;
    if (alignment > ALIGNMENT_MAX)
      this.say("entry", entryAt, this.at + 4, `general.alignment is ${alignment}, more than any page of memory`);
  }

  private value(key: string, type: number, depth: number): void {
    const known = TYPES[type];
    if (!known) throw new Fault(this.at - 4, `${shown(key)} is of type ${type}, which the format does not know`);
    if (type === STRING) {
      const length = this.size(`the length of ${shown(key)}`);
      if (length > this.content.size - this.at)
        throw new Fault(this.at, `${shown(key)} is ${length} bytes long, and ${this.content.size - this.at} are left`);
      const start = this.at;
      this.keep(key, start, length, false);
      this.at = start + length;
      if (key === "general.architecture" || key === "general.type") {
        const last = this.texts.at(-1);
        const said = last?.start === start ? last.value : "";
        if (key === "general.type") this.adapts = said === "adapter";
        else this.architecture = said;
      }
      return;
    }
    if (type === ARRAY) {
      if (depth >= DEPTH_MAX)
        throw new Fault(this.at, `${shown(key)} has lists within lists more than ${DEPTH_MAX} deep`);
      const element = this.u32(`the type of the elements of ${shown(key)}`);
      const width = TYPES[element]?.[1];
      if (width === undefined)
        throw new Fault(this.at - 4, `${shown(key)} lists elements of type ${element}, which the format does not know`);
      const least = width || (this.version === 1 ? 4 : 8) + (element === ARRAY ? 4 : 0);
      const count = this.count(`elements in ${shown(key)}`, least);
      if (depth === 0 && (key === TOKENS || key in PER_TOKEN)) this.perToken.set(key, { element, count, at: this.at });
      if (TEMPLATE.test(key) && element !== STRING)
        this.say(
          "entry",
          this.at,
          this.at,
          `${shown(key)} lists what is no text: whether a reader makes a template of it is not known`,
        );
      if (key === CHARSMAP && depth === 0) this.charsmap(element, count);
      if (width > 0) {
        if (element === BOOL) this.bools(key, count);
        if (TOKEN_ID.test(key)) this.largest(key, element, count);
        this.at += count * width;
      } else
        for (let i = 0; i < count; i++)
          if (element === STRING) this.listedText(key);
          else this.value(key, ARRAY, depth + 1);
      return;
    }
    if (TEMPLATE.test(key))
      this.say(
        "entry",
        this.at,
        this.at,
        `${shown(key)} is no text: whether a reader makes a template of it is not known`,
      );
    const offset = this.need(known[1], shown(key));
    if (type === BOOL) this.bools(key, 1);
    if (WHOLE.has(type)) {
      const whole = { value: this.whole(type, offset), start: this.at, end: this.at + known[1] };
      this.numbers.set(key, whole);
      if (TOKEN_ID.test(key)) this.ids.push({ key, ...whole });
    } else if (TOKEN_ID.test(key) || key.endsWith(".block_count") || key === SPLITS)
      this.say("entry", this.at, this.at + known[1], `${shown(key)} is no whole number`);
    this.at += known[1];
  }

  /** A whole number of this type in the window. */
  private whole(type: number, offset: number): bigint {
    const [{ view, little }, [name, width]] = [this, TYPES[type]!];
    if (width === 8) return name === "int64" ? view.getBigInt64(offset, little) : view.getBigUint64(offset, little);
    const signed = name.startsWith("int");
    if (width === 4) return BigInt(signed ? view.getInt32(offset, little) : view.getUint32(offset, little));
    if (width === 2) return BigInt(signed ? view.getInt16(offset, little) : view.getUint16(offset, little));
    return BigInt(signed ? view.getInt8(offset) : view.getUint8(offset));
  }
  /** Of a list of ids the one that leads furthest out: the least where it is below zero, or else the largest. */
  private largest(key: string, type: number, count: number): void {
    const [start, width] = [this.at, TYPES[type]![1]];
    if (!WHOLE.has(type)) return this.say("entry", start, start, `${shown(key)} lists what is no whole number`);
    let furthest: bigint | undefined;
    for (let i = 0; i < count; i++, this.at += width) {
      const value = this.whole(type, this.need(width, shown(key)));
      if (furthest === undefined || value < 0n || (value > furthest && furthest >= 0n)) furthest = value;
    }
    this.at = start;
    if (furthest !== undefined) this.ids.push({ key, value: furthest, start, end: start + count * width });
  }

  private charsmap(element: number, count: number): void {
    const [start, end] = [this.at, this.at + count];
    if (TYPES[element]![1] !== 1 || element === BOOL)
      return this.say("bounds", start, start, `${shown(CHARSMAP)} lists no bytes`);
    if (count > CHARSMAP_MAX)
      return this.say("limit", start, end, `${shown(CHARSMAP)} has ${count} bytes; this was not looked at`);
    const problem = charsmapProblem(this.content.read(start, count), this.tick);
    if (problem !== undefined)
      this.say(
        "bounds",
        start,
        end,
        `${shown(CHARSMAP)} ${problem}: a reader that trusts it reads what is not its own`,
      );
  }

  /** C++ readers copy these bytes into a bool, where anything but 0 and 1 is undefined. */
  private bools(key: string, count: number): void {
    for (let done = 0; done < count; done += WINDOW) {
      this.tick();
      const bytes = this.content.read(this.at + done, Math.min(WINDOW, count - done));
      const wrong = bytes.findIndex((byte) => byte > 1);
      if (wrong >= 0)
        return this.say(
          "entry",
          this.at + done + wrong,
          this.at + done + wrong + 1,
          `${shown(key)} is ${bytes[wrong]} where yes or no belongs`,
        );
    }
  }

  private describe(count: number): readonly Described[] {
    const seen = new Set<string>();
    const out: Described[] = [];
    for (let i = 0; i < count; i++) {
      const start = this.at;
      const { value: name } = this.text("a tensor's name");
      if (name.length >= NAME_MAX)
        this.say(
          "entry",
          start,
          this.at,
          `a tensor's name of ${name.length} characters, where readers keep ${NAME_MAX - 1}`,
        );
      if (seen.has(name))
        this.say(
          "duplicate",
          start,
          this.at,
          `the tensor ${shown(name)} is there twice: which one counts differs between readers`,
        );
      seen.add(name);
      this.readable(name, "tensor", start, this.at);
      // Readers divide by each size when they check that their product fits.
      const rank = this.u32(`the dimensions of ${shown(name)}`);
      if (rank > DIMS_MAX)
        throw new Fault(this.at - 4, `${shown(name)} has ${rank} dimensions, where the format allows ${DIMS_MAX}`);
      const dims: bigint[] = [];
      for (let axis = 0; axis < rank; axis++)
        dims.push(this.version === 1 ? BigInt(this.u32("a dimension")) : this.u64("a dimension"));
      const type = this.u32(`the type of ${shown(name)}`);
      const offset = this.u64(`the place of ${shown(name)}`);
      out.push({ name, dims, type, offset, start, end: this.at });
    }
    return out;
  }

  private aligned(at: number): number {
    return Math.ceil(at / this.alignment) * this.alignment;
  }

  private place(described: readonly Described[], dataAt: number): void {
    const room = BigInt(this.content.size - dataAt);
    for (const { name, dims, type, offset, start, end } of described) {
      const known = GGML_TYPES[type];
      if (!known) {
        this.say("entry", start, end, `${shown(name)} is of type ${type}, which is not known here`);
        continue;
      }
      const [typeName, elements, bytes] = known;
      // int64_t in readers: each size, and what they multiply to.
      const count = dims.reduce((product, size) => product * size, 1n);
      if (dims.includes(0n)) this.say("entry", start, end, `${shown(name)} has a size of zero`);
      if (dims.some((size) => size >= 1n << 63n) || count * BigInt(bytes) >= 1n << 63n || offset >= 1n << 63n) {
        this.say(
          "wraps",
          start,
          end,
          `${shown(name)} of shape [${dims.join(", ")}] at ${offset}: its size or place wraps around in 64 bits`,
        );
        continue;
      }
      if ((dims[0] ?? 1n) % BigInt(elements) !== 0n) {
        this.say("entry", start, end, `${shown(name)}: rows of ${dims[0]} elements in blocks of ${elements}`);
        continue;
      }
      if (offset % BigInt(this.alignment) !== 0n)
        this.say("entry", start, end, `${shown(name)} lies at ${offset}, no multiple of ${this.alignment}`);
      const size = (count / BigInt(elements)) * BigInt(bytes);
      if (offset + size > room) {
        this.say(
          "bounds",
          start,
          end,
          `${shown(name)} takes bytes ${offset} to ${offset + size} of ${room}: a reader that trusts that reads what is not its own`,
        );
        continue;
      }
      const from = dataAt + Number(offset);
      this.tensors.push({ name, type: typeName, dims: dims.map(Number), start: from, end: from + Number(size) });
    }
    this.tensors.sort((a, b) => a.start - b.start || a.end - b.end);
    let last: GgufTensor | undefined;
    for (const tensor of this.tensors) {
      if (last && tensor.start < last.end && tensor.end > tensor.start)
        this.say(
          "overlap",
          tensor.start,
          Math.min(tensor.end, last.end),
          `${shown(tensor.name)} and ${shown(last.name)} share bytes`,
        );
      if (!last || tensor.end > last.end) last = tensor;
    }
  }
}

interface Described extends Placed {
  readonly name: string;
  readonly dims: readonly bigint[];
  readonly type: number;
  readonly offset: bigint;
}
