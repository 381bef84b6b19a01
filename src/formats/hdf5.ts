/**
 * HDF5 files by their structure (HDF5 File Format Specification 3.0): every block is followed from the superblock down and
 * entered with the range it takes, so that what nothing refers to shows. Numbers are not read, only where they lie; texts
 * of attributes are found, because programs read them.
 */
import { isZero, upTo, type Content } from "./content.ts";
import { FormatError, viewOf } from "./error.ts";
import { Metadata, UNDEFINED } from "./hdf5-metadata.ts";
import { parseDataspace, parseDatatype, type Hdf5Datatype } from "./hdf5-messages.ts";
import { heapObjects, type HeapObject } from "./hdf5-heap.ts";

export type Hdf5Oddity =
  /** A structure that does not hold; what lies behind it was not followed. */
  | "broken"
  /** A structure of the format that is not followed here. */
  | "unsupported"
  /** Names another file, whose bytes readers take for this one's. */
  | "outside"
  /** Data packed by a filter that is a plugin: native code. */
  | "filter"
  /** Two structures take the same bytes. */
  | "overlap";

export interface Hdf5Problem {
  readonly kind: Hdf5Oddity;
  readonly start: number;
  readonly end: number;
  readonly problem: string;
}

export interface Hdf5Text {
  /** The path of the object it is an attribute of, and the attribute's name. */
  readonly object: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Bytes of a dataset as they lie in the file. */
export interface Hdf5Chunk {
  readonly dataset: string;
  readonly start: number;
  readonly end: number;
  /** Bytes once unpacked. */
  readonly size: number;
  /** Identifiers of the filters that were applied to it, in order (H5Z_FILTER_…); none for numbers as they are. */
  readonly filters: readonly number[];
  readonly datatype: Hdf5Datatype;
}

export interface Hdf5 {
  /** Where the superblock lies; bytes before it are a user block. */
  readonly at: number;
  /** Structures that were understood. */
  readonly records: readonly (readonly [start: number, end: number])[];
  readonly texts: readonly Hdf5Text[];
  /** Data: understood as soon as what it is packed by is. */
  readonly chunks: readonly Hdf5Chunk[];
  /** Values of variable length, and what else lies in heaps. */
  readonly values: readonly { readonly start: number; readonly end: number }[];
  readonly problems: readonly Hdf5Problem[];
  readonly objects: number;
}

const FORMAT = "HDF5 file";
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const OBJECTS_MAX = 500_000;
const CHUNKS_MAX = 1_000_000;
const PROBLEMS_MAX = 100;
const DEPTH_MAX = 100;

/** Where the superblock begins: at 0, 512, 1024 and so on; −1 where there is none. */
export function superblockAt(content: Content): number {
  for (let at = 0; at + 8 <= content.size && at <= 2 ** 20; at = at === 0 ? 512 : 2 * at) {
    const head = upTo(content, at, 8);
    if (SIGNATURE.every((byte, i) => head[i] === byte)) return at;
  }
  return -1;
}

/** Message types of object headers (IV.A.2). */
const MESSAGE = {
  nil: 0x00,
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFill: 0x04,
  fill: 0x05,
  link: 0x06,
  external: 0x07,
  layout: 0x08,
  groupInfo: 0x0a,
  filters: 0x0b,
  attribute: 0x0c,
  comment: 0x0d,
  oldTime: 0x0e,
  sharedTable: 0x0f,
  continuation: 0x10,
  symbolTable: 0x11,
  time: 0x12,
  kValues: 0x13,
  driver: 0x14,
  attributeInfo: 0x15,
  references: 0x16,
  fileSpace: 0x17,
} as const;
/** Messages without addresses or text that anything acts on. */
const PLAIN = new Set<number>([
  MESSAGE.oldFill,
  MESSAGE.fill,
  MESSAGE.groupInfo,
  MESSAGE.comment,
  MESSAGE.oldTime,
  MESSAGE.time,
  MESSAGE.references,
  MESSAGE.kValues,
  MESSAGE.fileSpace,
]);

interface Message {
  readonly type: number;
  readonly shared: boolean;
  readonly at: number;
  readonly body: Uint8Array;
}

/** Follows the whole structure. Throws a FormatError where there is no superblock that holds. */
export function walkHdf5(content: Content, tick: () => void): Hdf5 {
  const at = superblockAt(content);
  if (at < 0) throw new FormatError(FORMAT, 0, "there is no superblock", "");
  const walk = new Walk(content, at, tick);
  walk.superblock();
  return walk.result();
}

class Walk {
  private readonly content: Content;
  private readonly at: number;
  private readonly tick: () => void;
  private meta!: Metadata;
  private leafK = 4;
  private internalK = 16;
  private chunkK = 32;
  private readonly records: [number, number][] = [];
  private readonly claims: [number, number][] = [];
  private readonly texts: Hdf5Text[] = [];
  private readonly chunks: Hdf5Chunk[] = [];
  private readonly values: { start: number; end: number }[] = [];
  private readonly problems: Hdf5Problem[] = [];
  private readonly seen = new Set<number>();
  private readonly collections = new Map<number, ReadonlyMap<number, HeapObject>>();
  /** Object headers still to be followed. */
  private readonly waiting: { at: number; path: string; depth: number }[] = [];
  private objects = 0;

  constructor(content: Content, at: number, tick: () => void) {
    this.content = content;
    this.at = at;
    this.tick = tick;
  }

  result(): Hdf5 {
    this.overlaps();
    const { at, records, texts, chunks, values, problems, objects } = this;
    return { at, records, texts, chunks, values, problems, objects };
  }

  superblock(): void {
    const head = this.content.read(this.at, 16 > this.content.size - this.at ? this.content.size - this.at : 16);
    const broken = (problem: string): never => {
      throw new FormatError(FORMAT, this.at + 8, problem, "");
    };
    if (head.length < 16) broken("the superblock is cut short");
    const version = head[8]!;
    if (version > 3) broken(`superblock version ${version} does not exist`);
    const [offsets, lengths] = version < 2 ? [head[13]!, head[14]!] : [head[9]!, head[10]!];
    if (![2, 4, 8].includes(offsets) || ![2, 4, 8].includes(lengths)) broken("sizes of addresses that do not exist");
    this.meta = new Metadata(this.content, this.at, offsets, lengths);
    const { meta } = this;
    let root: number;
    let end: number;
    let last: number;
    if (version < 2) {
      const from = version === 0 ? 24 : 28;
      last = from + 4 * offsets + 2 * offsets + 24;
      const block = meta.block(this.at, last);
      const view = viewOf(block);
      this.leafK = view.getUint16(16, true);
      this.internalK = view.getUint16(18, true);
      if (version === 1) this.chunkK = view.getUint16(24, true);
      const base = meta.address(block, from);
      end = meta.address(block, from + 2 * offsets);
      if (base !== 0 && base !== this.at) broken("the file's base address is not where its superblock is");
      meta.base = base;
      if (meta.address(block, from + offsets) !== UNDEFINED)
        this.trouble("unsupported", this.at, this.at + last, "the free space is listed, which is not followed");
      if (meta.address(block, from + 3 * offsets) !== UNDEFINED)
        this.trouble("unsupported", this.at, this.at + last, "a driver is named, which is not followed");
      root = meta.address(block, from + 5 * offsets);
    } else {
      last = 12 + 4 * offsets + 4;
      const block = meta.block(this.at, last);
      const base = meta.address(block, 12);
      if (base !== 0 && base !== this.at) broken("the file's base address is not where its superblock is");
      meta.base = base;
      end = meta.address(block, 12 + 2 * offsets);
      root = meta.address(block, 12 + 3 * offsets);
      const extension = meta.address(block, 12 + offsets);
      if (extension !== UNDEFINED) this.waiting.push({ at: extension, path: "(superblock)", depth: 0 });
    }
    this.claim(this.at, this.at + last);
    if (!(end <= this.content.size - this.at) && !(end <= this.content.size))
      this.trouble(
        "broken",
        this.at,
        this.at + last,
        `the file should end at byte ${end} and is ${this.content.size} bytes`,
      );
    this.waiting.push({ at: root, path: "", depth: 0 });
    for (let next = this.waiting.pop(); next; next = this.waiting.pop()) {
      this.tick();
      if (this.seen.has(next.at)) continue;
      this.seen.add(next.at);
      if (++this.objects > OBJECTS_MAX) {
        this.trouble("unsupported", next.at, next.at + 1, `more than ${OBJECTS_MAX} objects`);
        break;
      }
      const { at, path, depth } = next;
      this.guarded(at, () => this.object(at, path, depth));
    }
  }

  /** A structure that does not hold costs itself and what only it refers to. */
  private guarded(at: number, follow: () => void): void {
    try {
      follow();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const where = Number.isFinite(at) ? Math.min(Math.max(at + this.meta.base, 0), this.content.size) : 0;
      this.trouble("broken", where, where, error.problem);
    }
  }

  private trouble(kind: Hdf5Oddity, start: number, end: number, problem: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push({ kind, start, end, problem });
  }

  /** Bytes of the file that a structure takes. */
  private claim(start: number, end: number): void {
    if (end <= start) return;
    this.records.push([start, end]);
    this.claims.push([start, end]);
  }

  /** What a structure keeps for later: understood as long as nothing is there. */
  private unused(start: number, end: number): void {
    if (end <= start) return;
    this.claims.push([start, end]);
    if (isZero(this.content, start, end)) this.records.push([start, end]);
  }

  private overlaps(): void {
    const sorted = this.claims.toSorted((a, b) => a[0] - b[0]);
    let reached = 0;
    for (const [start, end] of sorted) {
      if (start < reached) {
        this.trouble("overlap", start, Math.min(end, reached), "two structures take the same bytes");
        return;
      }
      reached = Math.max(reached, end);
    }
  }

  private object(at: number, path: string, depth: number): void {
    if (depth > DEPTH_MAX) {
      this.trouble("unsupported", at, at + 1, `groups lie more than ${DEPTH_MAX} deep`);
      return;
    }
    const messages = this.messages(at);
    let datatype: Hdf5Datatype | undefined;
    let elements: number | undefined;
    let filters: readonly number[] = [];
    for (const message of messages) {
      if (message.type === MESSAGE.datatype) datatype = this.datatypeOf(message);
      if (message.type === MESSAGE.dataspace && !message.shared) elements = parseDataspace(this.meta, message.body);
      if (message.type === MESSAGE.filters) filters = this.filters(message, path);
      if (message.type === MESSAGE.external)
        this.trouble(
          "outside",
          message.at,
          message.at + message.body.length,
          `the data of "${path}" lies in another file: ${JSON.stringify(this.namesOfExternal(message))}`,
        );
    }
    for (const message of messages)
      this.guarded(message.at - this.meta.base, () => {
        switch (message.type) {
          case MESSAGE.symbolTable:
            return this.symbolTable(message, path, depth);
          case MESSAGE.link:
            return this.link(message, path, depth);
          case MESSAGE.layout:
            return this.layout(message, path, datatype, elements, filters);
          case MESSAGE.attribute:
            return this.attribute(message, path);
          case MESSAGE.linkInfo:
            return this.dense(message, message.body[1]! & 1 ? 10 : 2, "links", path);
          case MESSAGE.attributeInfo:
            return this.dense(message, message.body[1]! & 1 ? 4 : 2, "attributes", path);
          default:
        }
      });
  }

  /** The messages of an object header, continuations followed. */
  private messages(address: number): readonly Message[] {
    const { meta } = this;
    const start = meta.place(address);
    const head = meta.block(start, Math.min(16, this.content.size - start));
    const messages: Message[] = [];
    const blocks: [number, number][] = [];
    if (head[0] === 0x4f && head[1] === 0x48 && head[2] === 0x44 && head[3] === 0x52) {
      const flags = head[5]!;
      if (head[4] !== 2) throw new FormatError(FORMAT, start, `object header version ${head[4]}`, "");
      let at = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
      const width = 1 << (flags & 3);
      const prefix = meta.block(start, at + width);
      const size = meta.number(prefix, at, width);
      at += width;
      meta.block(start, at + size + 4);
      this.claim(start, start + at);
      this.claim(start + at + size, start + at + size + 4);
      this.readMessages(start + at, size, flags, messages, blocks);
      for (let block = blocks.shift(); block; block = blocks.shift()) {
        const [from, length] = block;
        const chunk = meta.block(from, length);
        if (length < 8 || String.fromCharCode(...chunk.subarray(0, 4)) !== "OCHK")
          throw new FormatError(FORMAT, from, "a continuation that is none", "");
        this.claim(from, from + 4);
        this.claim(from + length - 4, from + length);
        this.readMessages(from + 4, length - 8, flags, messages, blocks);
      }
      return messages;
    }
    if (head[0] !== 1 || head.length < 16)
      throw new FormatError(FORMAT, start, "there is no object header where one is referred to", "");
    const size = viewOf(head).getUint32(8, true);
    meta.block(start, 16 + size);
    this.claim(start, start + 16);
    this.readMessages(start + 16, size, undefined, messages, blocks);
    for (let block = blocks.shift(); block; block = blocks.shift()) {
      const [from, length] = block;
      meta.block(from, length);
      this.readMessages(from, length, undefined, messages, blocks);
    }
    return messages;
  }

  /** `flags`: of a version 2 header; undefined for version 1. */
  private readMessages(
    from: number,
    size: number,
    flags: number | undefined,
    messages: Message[],
    blocks: [number, number][],
  ): void {
    const { meta } = this;
    const bytes = meta.block(from, size);
    const header = flags === undefined ? 8 : 4 + (flags & 4 ? 2 : 0);
    let at = 0;
    while (at + header <= size) {
      const view = viewOf(bytes);
      const type = flags === undefined ? view.getUint16(at, true) : bytes[at]!;
      const length = flags === undefined ? view.getUint16(at + 2, true) : view.getUint16(at + 1, true);
      const marks = flags === undefined ? bytes[at + 4]! : bytes[at + 3]!;
      const bodyAt = at + header;
      if (bodyAt + length > size) throw new FormatError(FORMAT, from + at, "a message runs past its header", "");
      const body = bytes.subarray(bodyAt, bodyAt + length);
      this.claim(from + at, from + bodyAt);
      if (messages.length + blocks.length > 100_000) throw new FormatError(FORMAT, from, "too many messages", "");
      if (type === MESSAGE.nil) this.unused(from + bodyAt, from + bodyAt + length);
      else {
        this.claim(from + bodyAt, from + bodyAt + length);
        if (type === MESSAGE.continuation) {
          const to = meta.place(meta.address(body, 0));
          if (this.seen.has(-1 - to)) throw new FormatError(FORMAT, from + at, "a header that goes on in itself", "");
          this.seen.add(-1 - to);
          blocks.push([to, meta.length(body, meta.offsets)]);
        } else if (type === MESSAGE.sharedTable || type === MESSAGE.driver || (type > 0x18 && !PLAIN.has(type)))
          this.trouble(
            "unsupported",
            from + at,
            from + bodyAt + length,
            `a message of type ${type}, which is not followed`,
          );
        messages.push({ type, shared: (marks & 2) !== 0, at: from + bodyAt, body });
      }
      at = bodyAt + length;
    }
    this.unused(from + at, from + size);
  }

  /** Committed datatypes are objects of their own. */
  private datatypeOf(message: Message): Hdf5Datatype | undefined {
    if (!message.shared) return parseDatatype(message.body).datatype;
    return this.sharedDatatype(message.body);
  }

  private sharedDatatype(body: Uint8Array): Hdf5Datatype | undefined {
    const { meta } = this;
    const address = meta.address(body, body[0] === 1 ? 8 : 2);
    if (this.committed.has(address)) return this.committed.get(address);
    if (!this.seen.has(address)) this.waiting.push({ at: address, path: "(datatype)", depth: 1 });
    // Read where it lies; what it takes is claimed when its own turn comes.
    const quiet = new Walk(this.content, this.at, this.tick);
    quiet.meta = meta;
    const found = quiet.messages(address).find(({ type, shared }) => type === MESSAGE.datatype && !shared);
    const datatype = found && parseDatatype(found.body).datatype;
    this.committed.set(address, datatype);
    return datatype;
  }

  private readonly committed = new Map<number, Hdf5Datatype | undefined>();

  private filters({ body, at, shared }: Message, path: string): readonly number[] {
    if (shared || body.length < 2) return [-1];
    const [version, count] = [body[0]!, body[1]!];
    const found: number[] = [];
    const view = viewOf(body);
    let next = version === 1 ? 8 : 2;
    for (let i = 0; i < count; i++) {
      const id = next + 6 <= body.length ? view.getUint16(next, true) : -1;
      const named = version === 1 || id >= 256;
      if (id < 0 || next + (named ? 8 : 6) > body.length)
        throw new FormatError(FORMAT, at + next, "a list of filters that is cut short", "");
      let name = named ? view.getUint16(next + 2, true) : 0;
      const values = view.getUint16(next + (named ? 6 : 4), true);
      next += named ? 8 : 6;
      if (version === 1) name = 8 * Math.ceil(name / 8);
      next += name + 4 * values + (version === 1 && values % 2 === 1 ? 4 : 0);
      found.push(id);
      if (id >= 256)
        this.trouble("filter", at, at + body.length, `"${path}" is packed by filter ${id}, a plugin: ${pluginOf(id)}`);
    }
    return found;
  }

  private namesOfExternal({ body }: Message): string {
    const { meta } = this;
    const heap = this.localHeap(meta.address(body, 8));
    const offset = meta.length(body, 8 + meta.offsets);
    return heap === undefined ? "" : textAt(heap.bytes, offset);
  }

  private symbolTable({ body }: Message, path: string, depth: number): void {
    const { meta } = this;
    const tree = meta.address(body, 0);
    const heap = this.localHeap(meta.address(body, meta.offsets));
    if (tree === UNDEFINED || heap === undefined) return;
    this.tree(tree, 0, 0, meta.lengths, this.internalK, (_key, child) => this.symbols(child, heap.bytes, path, depth));
  }

  private readonly heaps = new Map<number, { readonly bytes: Uint8Array }>();

  /** III.D: names, one after the other, and free blocks between them. */
  private localHeap(address: number): { readonly bytes: Uint8Array } | undefined {
    if (address === UNDEFINED) return undefined;
    const known = this.heaps.get(address);
    if (known) return known;
    const { meta } = this;
    const start = meta.place(address);
    const size = 8 + 2 * meta.lengths + meta.offsets;
    const head = meta.block(start, size);
    if (String.fromCharCode(...head.subarray(0, 4)) !== "HEAP")
      throw new FormatError(FORMAT, start, "there is no local heap where one is referred to", "");
    this.claim(start, start + size);
    const length = meta.length(head, 8);
    const dataAt = meta.place(meta.address(head, 8 + 2 * meta.lengths));
    const bytes = meta.block(dataAt, length);
    let free = meta.length(head, 8 + meta.lengths);
    const blocks: [number, number][] = [];
    // 1 marks the end of the list.
    while (free !== 1 && free + 2 * meta.lengths <= length && blocks.length < 10_000) {
      const size = meta.length(bytes, free + meta.lengths);
      if (size < 2 * meta.lengths || free + size > length) break;
      blocks.push([free, free + size]);
      const next = meta.length(bytes, free);
      if (blocks.some(([from]) => from === next)) break;
      free = next;
    }
    let at = 0;
    for (const [from, to] of blocks.toSorted((a, b) => a[0] - b[0])) {
      if (from < at) break;
      this.claim(dataAt + at, dataAt + from + 2 * meta.lengths);
      this.unused(dataAt + from + 2 * meta.lengths, dataAt + to);
      at = to;
    }
    this.claim(dataAt + at, dataAt + length);
    const heap = { bytes };
    this.heaps.set(address, heap);
    return heap;
  }

  /** III.A.1: `keySize` bytes of key before each child. */
  private tree(
    address: number,
    type: 0 | 1,
    level: number,
    keySize: number,
    k: number,
    leaf: (key: Uint8Array, child: number) => void,
  ): void {
    const { meta } = this;
    const start = meta.place(address);
    const fixed = 8 + 2 * meta.offsets;
    const size = fixed + 2 * k * (meta.offsets + keySize) + keySize;
    if (this.seen.has(-1 - start)) throw new FormatError(FORMAT, start, "a tree that contains itself", "");
    this.seen.add(-1 - start);
    this.tick();
    const head = meta.block(start, fixed);
    if (String.fromCharCode(...head.subarray(0, 4)) !== "TREE" || head[4] !== type)
      throw new FormatError(FORMAT, start, "there is no B-tree where one is referred to", "");
    const depth = head[5]!;
    const used = viewOf(head).getUint16(6, true);
    if (level > 0 && depth !== level - 1) throw new FormatError(FORMAT, start, "a B-tree with levels amiss", "");
    if (used > 2 * k) throw new FormatError(FORMAT, start, "a B-tree's node with more than it may hold", "");
    const block = meta.block(start, size);
    const taken = fixed + used * (meta.offsets + keySize) + keySize;
    this.claim(start, start + taken);
    this.unused(start + taken, start + size);
    for (let i = 0; i < used; i++) {
      const at = fixed + i * (meta.offsets + keySize);
      const key = block.subarray(at, at + keySize);
      const child = meta.address(block, at + keySize);
      if (depth > 0) this.tree(child, type, depth, keySize, k, leaf);
      else leaf(key, child);
    }
  }

  /** III.B and III.C: a group's entries. */
  private symbols(address: number, names: Uint8Array, path: string, depth: number): void {
    const { meta } = this;
    const start = meta.place(address);
    const entry = 2 * meta.offsets + 24;
    const size = 8 + 2 * this.leafK * entry;
    const head = meta.block(start, 8);
    const count = viewOf(head).getUint16(6, true);
    if (String.fromCharCode(...head.subarray(0, 4)) !== "SNOD" || count > 2 * this.leafK)
      throw new FormatError(FORMAT, start, "there is no symbol node where one is referred to", "");
    if (this.seen.has(-1 - start)) throw new FormatError(FORMAT, start, "a symbol node that is referred to twice", "");
    this.seen.add(-1 - start);
    this.tick();
    const block = meta.block(start, size);
    this.claim(start, start + 8 + count * entry);
    this.unused(start + 8 + count * entry, start + size);
    for (let i = 0; i < count; i++) {
      const at = 8 + i * entry;
      const name = textAt(names, meta.number(block, at, meta.offsets));
      const kind = viewOf(block).getUint32(at + 2 * meta.offsets, true);
      // A soft link leads to an object of this file, which has its own entry.
      if (kind === 2) continue;
      this.waiting.push({ at: meta.address(block, at + meta.offsets), path: `${path}/${name}`, depth: depth + 1 });
    }
  }

  /** IV.A.2.g */
  private link({ body, at, shared }: Message, path: string, depth: number): void {
    if (!shared) this.linkIn(body, at, path, depth);
  }

  private linkIn(body: Uint8Array, at: number, path: string, depth: number): void {
    const { meta } = this;
    if (body.length < 4 || body[0] !== 1) throw new FormatError(FORMAT, at, "a link of an unknown version", "");
    const flags = body[1]!;
    let next = 2;
    const type = flags & 8 ? body[next++]! : 0;
    if (flags & 4) next += 8;
    if (flags & 16) next++;
    const width = 1 << (flags & 3);
    const length = meta.number(body, next, width);
    next += width;
    const name = new TextDecoder().decode(part(body, next, length));
    next += length;
    if (type === 0) {
      this.waiting.push({ at: meta.address(body, next), path: `${path}/${name}`, depth: depth + 1 });
      return;
    }
    if (type === 1) return;
    const value = part(body, next + 2, meta.number(body, next, 2));
    this.trouble(
      "outside",
      at,
      at + body.length,
      type === 64
        ? `"${path}/${name}" is a link into another file: ${JSON.stringify(textAt(value, 1).slice(0, 200))}`
        : `"${path}/${name}" is a link of somebody's own kind (${type})`,
    );
  }

  /** IV.A.2.i: where a dataset's bytes lie. */
  private layout(
    { body, at }: Message,
    path: string,
    datatype: Hdf5Datatype | undefined,
    elements: number | undefined,
    filters: readonly number[],
  ): void {
    const { meta } = this;
    if (datatype === undefined || elements === undefined)
      return this.trouble(
        "unsupported",
        at,
        at + body.length,
        `"${path}" has no datatype or shape that can be followed`,
      );
    const version = body[0]!;
    const whole = elements * datatype.size;
    const add = (address: number, stored: number, size: number, packed: readonly number[]): void => {
      if (address === UNDEFINED || stored === 0) return;
      const start = meta.place(address);
      meta.within(start, stored);
      if (this.chunks.length >= CHUNKS_MAX) throw new FormatError(FORMAT, at, `more than ${CHUNKS_MAX} chunks`, "");
      this.claims.push([start, start + stored]);
      this.chunks.push({ dataset: path, start, end: start + stored, size, filters: packed, datatype });
      if (packed.length === 0 && datatype.heapAt.length > 0)
        this.references(datatype, meta.block(start, Math.min(stored, 2 ** 28)), stored);
    };
    const chunkIndex = (tree: number, dims: readonly number[]): void => {
      if (tree === UNDEFINED) return;
      const size = dims.reduce((product, one) => product * one, 1);
      const keySize = 8 + 8 * dims.length;
      this.tree(tree, 1, 0, keySize, this.chunkK, (key, child) => {
        const view = viewOf(key);
        const skipped = view.getUint32(4, true);
        add(
          child,
          view.getUint32(0, true),
          size,
          filters.filter((_, i) => i >= 32 || ((skipped >>> i) & 1) === 0),
        );
      });
    };
    const dimsAt = (from: number, count: number, width: number): number[] =>
      Array.from({ length: count }, (_, i) => meta.number(body, from + i * width, width));
    if (version === 1 || version === 2) {
      const [rank, kind] = [body[1]!, body[2]!];
      if (kind === 1) return add(meta.address(body, 8), whole, whole, []);
      // The last dimension of a chunked dataset is the size of an element.
      if (kind === 2) return chunkIndex(meta.address(body, 8), dimsAt(8 + meta.offsets, rank, 4));
      return this.compact(datatype, at, body, 8 + 4 * rank + 4);
    }
    if (version !== 3 && version !== 4 && version !== 5)
      return this.trouble("unsupported", at, at + body.length, `"${path}" has a layout of version ${version}`);
    const kind = body[1]!;
    if (kind === 0) return this.compact(datatype, at, body, 4);
    if (kind === 1) {
      const stored = meta.length(body, 2 + meta.offsets);
      return add(meta.address(body, 2), stored, stored, []);
    }
    if (kind === 3)
      return this.trouble(
        "outside",
        at,
        at + body.length,
        `"${path}" is put together from other files or datasets (a virtual dataset)`,
      );
    if (version === 3) return chunkIndex(meta.address(body, 3), dimsAt(3 + meta.offsets, body[2]!, 4));
    const [flags, rank, width] = [body[2]!, body[3]!, body[4]!];
    const dims = dimsAt(5, rank, width);
    const size = dims.reduce((product, one) => product * one, 1);
    const from = 5 + rank * width;
    if (body[from] === 1) {
      if (flags & 2)
        return add(meta.address(body, from + 1 + meta.lengths + 4), meta.length(body, from + 1), size, filters);
      return add(meta.address(body, from + 1), size, size, filters);
    }
    if (body[from] === 2) {
      const count = Math.ceil(whole / size);
      return add(meta.address(body, from + 1), count * size, count * size, []);
    }
    this.trouble("unsupported", at, at + body.length, `"${path}" keeps its chunks in an index that is not followed`);
  }

  private compact(datatype: Hdf5Datatype, at: number, body: Uint8Array, from: number): void {
    if (datatype.heapAt.length > 0) this.references(datatype, body.subarray(from), body.length - from);
    if (body.length > from) this.values.push({ start: at + from, end: at + body.length });
  }

  /** IV.A.2.m */
  private attribute({ body, at, shared }: Message, path: string): void {
    if (!shared) this.attributeIn(body, at, path);
  }

  private attributeIn(body: Uint8Array, at: number, path: string): void {
    const { meta } = this;
    const version = body[0]!;
    if (version < 1 || version > 3) throw new FormatError(FORMAT, at, `an attribute of version ${version}`, "");
    const view = viewOf(part(body, 0, 8));
    const sizes = [view.getUint16(2, true), view.getUint16(4, true), view.getUint16(6, true)] as const;
    const pad = (size: number): number => (version === 1 ? 8 * Math.ceil(size / 8) : size);
    let next = version === 3 ? 9 : 8;
    const name = new TextDecoder().decode(part(body, next, sizes[0])).replace(/\0.*$/s, "");
    next += pad(sizes[0]);
    const typeBody = part(body, next, sizes[1]);
    const flags = version === 1 ? 0 : body[1]!;
    const datatype = flags & 1 ? this.sharedDatatype(typeBody) : parseDatatype(typeBody).datatype;
    next += pad(sizes[1]);
    const elements = parseDataspace(meta, part(body, next, sizes[2]));
    next += pad(sizes[2]);
    if (datatype === undefined) return;
    const bytes = part(body, next, elements * datatype.size);
    if (datatype.heapAt.length > 0) {
      for (const found of this.references(datatype, bytes, bytes.length))
        this.texts.push({ object: path, name, start: found.start, end: found.end });
    } else if (datatype.textual)
      for (let i = 0; i < elements && i < 10_000; i++)
        this.texts.push({
          object: path,
          name,
          start: at + next + i * datatype.size,
          end: at + next + (i + 1) * datatype.size,
        });
  }

  /** The objects in global heaps that elements of a datatype refer to; their collections are claimed. */
  private references(datatype: Hdf5Datatype, bytes: Uint8Array, length: number): readonly HeapObject[] {
    const { meta } = this;
    const found: HeapObject[] = [];
    const width = 4 + meta.offsets + 4;
    for (let from = 0; from + datatype.size <= length && from + datatype.size <= bytes.length; from += datatype.size)
      for (const offset of datatype.heapAt) {
        const at = from + offset;
        if (at + width > bytes.length) continue;
        const address = meta.address(bytes, at + 4);
        const index = viewOf(bytes).getUint32(at + 4 + meta.offsets, true);
        if (address === UNDEFINED || address === 0) continue;
        const object = this.collection(address).get(index);
        if (object === undefined) throw new FormatError(FORMAT, 0, "a value refers to what no heap holds", "");
        const used = meta.number(bytes, at, 4) * datatype.baseSize;
        found.push({ start: object.start, end: Math.min(object.end, object.start + used) });
        if (found.length > 1_000_000) throw new FormatError(FORMAT, 0, "more than a million values in heaps", "");
      }
    return found;
  }

  private collection(address: number): ReadonlyMap<number, HeapObject> {
    const known = this.collections.get(address);
    if (known) return known;
    this.tick();
    const { start, size, objects, freeAt } = heapObjects(this.meta, address);
    this.claim(start, freeAt);
    this.unused(freeAt, start + size);
    this.collections.set(address, objects);
    for (const { start: from, end } of objects.values()) if (end > from) this.values.push({ start: from, end });
    return objects;
  }

  /** Links or attributes in a fractal heap: not followed where there are any. */
  private dense(message: Message, from: number, what: string, path: string): void {
    const { meta } = this;
    if (message.shared || meta.address(message.body, from) === UNDEFINED) return;
    this.trouble(
      "unsupported",
      message.at,
      message.at + message.body.length,
      `the ${what} of "${path}" lie in a fractal heap, which is not followed`,
    );
  }
}

const PLUGINS: Readonly<Record<number, string>> = {
  305: "LZO",
  307: "bzip2",
  32000: "LZF",
  32001: "Blosc",
  32004: "LZ4",
  32008: "Bitshuffle",
  32013: "ZFP",
  32015: "Zstandard",
  32026: "Blosc2",
};
const pluginOf = (id: number): string => PLUGINS[id] ?? "one that is not registered";
/** Filters that the HDF Group lists and that well-known packages bring. */
export const isListedPlugin = (id: number): boolean => PLUGINS[id] !== undefined;

function textAt(bytes: Uint8Array, from: number): string {
  if (!(from >= 0 && from < bytes.length)) return "";
  const end = bytes.indexOf(0, from);
  return new TextDecoder().decode(bytes.subarray(from, Math.min(end < 0 ? bytes.length : end, from + 4096)));
}

function part(bytes: Uint8Array, from: number, length: number): Uint8Array {
  if (!(length >= 0 && from + length <= bytes.length))
    throw new FormatError(FORMAT, 0, "a structure is larger than what it lies in", "");
  return bytes.subarray(from, from + length);
}
