/** LZMA and LZMA2 (I. Pavlov, lzma-specification; .xz file format 1.2.1): .lzma files and .xz streams without filters. */
import { bytesAt, FormatError, viewOf } from "./error.ts";
import { Growing } from "./lz4.ts";

const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];

export const isXz = (head: Uint8Array): boolean => head.length >= 12 && XZ_MAGIC.every((byte, i) => head[i] === byte);
/** .lzma has no magic number: properties, a dictionary size that writers use, and a size that is sensible or unknown. */
export function isLzma(head: Uint8Array): boolean {
  if (head.length < 14 || head[0] !== 0x5d || head[13] !== 0) return false;
  const view = viewOf(head);
  const dictionary = view.getUint32(1, true);
  const power = dictionary !== 0 && (dictionary & (dictionary - 1)) === 0;
  const high = view.getUint32(9, true);
  return power && dictionary >= 4096 && (high < 64 || high === 0xffffffff);
}

const damaged = (format: string, at: number, problem: string): never => {
  throw new FormatError(format, at, problem, "fetch or write the file again");
};

const half = (length: number): Uint16Array => new Uint16Array(length).fill(1024);

class LengthCoder {
  readonly choice = half(2);
  readonly low = half(16 * 8);
  readonly mid = half(16 * 8);
  readonly high = half(256);
}

/** The decoder's state; for LZMA2 it goes on from chunk to chunk. */
class Lzma {
  private readonly out: Growing;
  private readonly format: string;
  private input: Uint8Array = new Uint8Array(0);
  private at = 0;
  private range = 0;
  private code = 0;
  private lc = 0;
  private lp = 0;
  private pb = 0;
  private state = 0;
  private reps = [0, 0, 0, 0];
  private literal = half(0);
  private isMatch = half(12 << 4);
  private isRep = half(12);
  private isRepG0 = half(12);
  private isRepG1 = half(12);
  private isRepG2 = half(12);
  private isRep0Long = half(12 << 4);
  private slots = half(4 * 64);
  private special = half(128);
  private align = half(16);
  private matchLength = new LengthCoder();
  private repLength = new LengthCoder();
  /** Where the dictionary starts in the output. */
  dictionaryAt = 0;

  constructor(out: Growing, format: string) {
    this.out = out;
    this.format = format;
  }

  properties(byte: number, at: number): void {
    if (byte >= 225) damaged(this.format, at, `properties ${byte}`);
    this.lc = byte % 9;
    this.lp = Math.floor(byte / 9) % 5;
    this.pb = Math.floor(byte / 45);
    this.reset();
  }
  reset(): void {
    this.state = 0;
    this.reps = [0, 0, 0, 0];
    this.literal = half(0x300 << (this.lc + this.lp));
    for (const model of [
      this.isMatch,
      this.isRep,
      this.isRepG0,
      this.isRepG1,
      this.isRepG2,
      this.isRep0Long,
      this.slots,
      this.special,
      this.align,
    ])
      model.fill(1024);
    this.matchLength = new LengthCoder();
    this.repLength = new LengthCoder();
  }

  private next(): number {
    if (this.at >= this.input.length) damaged(this.format, this.at, "it is cut short");
    return this.input[this.at++]!;
  }
  private bit(model: Uint16Array, index: number): number {
    if (this.range < 2 ** 24) {
      this.range = (this.range << 8) >>> 0;
      this.code = ((this.code << 8) | this.next()) >>> 0;
    }
    const probability = model[index]!;
    const bound = (this.range >>> 11) * probability;
    if (this.code < bound) {
      this.range = bound;
      model[index] = probability + ((2048 - probability) >> 5);
      return 0;
    }
    this.range = (this.range - bound) >>> 0;
    this.code = (this.code - bound) >>> 0;
    model[index] = probability - (probability >> 5);
    return 1;
  }
  private direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      if (this.range < 2 ** 24) {
        this.range = (this.range << 8) >>> 0;
        this.code = ((this.code << 8) | this.next()) >>> 0;
      }
      this.range >>>= 1;
      const one = this.code >= this.range ? 1 : 0;
      if (one) this.code = (this.code - this.range) >>> 0;
      value = value * 2 + one;
    }
    return value;
  }
  private tree(model: Uint16Array, from: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.bit(model, from + node);
    return node - (1 << bits);
  }
  private reverse(model: Uint16Array, from: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(model, from + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }
  private length(coder: LengthCoder, posState: number): number {
    if (this.bit(coder.choice, 0) === 0) return this.tree(coder.low, posState * 8, 3);
    if (this.bit(coder.choice, 1) === 0) return 8 + this.tree(coder.mid, posState * 8, 3);
    return 16 + this.tree(coder.high, 0, 8);
  }
  private distance(length: number): number {
    const slot = this.tree(this.slots, Math.min(length, 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + this.reverse(this.special, base - slot, bits);
    return base + this.direct(bits - 4) * 16 + this.reverse(this.align, 0, 4);
  }

  /** Decodes one range-coded run into the output: `size` bytes, or to the end marker. Gives the bytes it took. */
  run(input: Uint8Array, size: number, tick: () => void): number {
    this.input = input;
    this.at = 1;
    if (input[0] !== 0 || input.length < 5) damaged(this.format, 0, "a coded run that does not begin with zero");
    this.range = 0xffffffff;
    this.code = viewOf(bytesAt(this.format, input, 1, 4, "a coded run")).getUint32(0);
    this.at = 5;
    const { out } = this;
    const end = out.size + size;
    let steps = 0;
    while (out.size < end) {
      if ((++steps & 0xffff) === 0) tick();
      const position = out.size - this.dictionaryAt;
      const posState = position & ((1 << this.pb) - 1);
      if (this.bit(this.isMatch, (this.state << 4) + posState) === 0) {
        this.putLiteral(position);
        continue;
      }
      let length: number;
      if (this.bit(this.isRep, this.state) === 0) {
        length = this.length(this.matchLength, posState);
        this.state = this.state < 7 ? 7 : 10;
        const distance = this.distance(length);
        if (distance === 0xffffffff) {
          if (size !== Number.POSITIVE_INFINITY) damaged(this.format, this.at, "it ends before the size it promises");
          return this.at;
        }
        this.reps = [distance, this.reps[0]!, this.reps[1]!, this.reps[2]!];
      } else {
        if (this.bit(this.isRepG0, this.state) === 0) {
          if (this.bit(this.isRep0Long, (this.state << 4) + posState) === 0) {
            this.state = this.state < 7 ? 9 : 11;
            this.repeat(1, end);
            continue;
          }
        } else {
          let picked = 1;
          if (this.bit(this.isRepG1, this.state) === 1) picked = 2 + this.bit(this.isRepG2, this.state);
          const [distance] = this.reps.splice(picked, 1);
          this.reps.unshift(distance!);
        }
        length = this.length(this.repLength, posState);
        this.state = this.state < 7 ? 8 : 11;
      }
      this.repeat(length + 2, end);
    }
    return this.at;
  }

  private repeat(length: number, end: number): void {
    const distance = this.reps[0]! + 1;
    if (distance > this.out.size - this.dictionaryAt) damaged(this.format, this.at, "a match before the beginning");
    this.out.repeat(distance, Math.min(length, end - this.out.size));
  }

  private putLiteral(position: number): void {
    const { out } = this;
    const before = position > 0 ? out.back(1) : 0;
    const context = ((position & ((1 << this.lp) - 1)) << this.lc) + (before >> (8 - this.lc));
    const from = 0x300 * context;
    let symbol = 1;
    if (this.state >= 7) {
      if (this.reps[0]! + 1 > position) damaged(this.format, this.at, "a match before the beginning");
      let match = out.back(this.reps[0]! + 1);
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1;
        match <<= 1;
        const bit = this.bit(this.literal, from + ((1 + matchBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (matchBit !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.bit(this.literal, from + symbol);
    out.push(symbol & 255);
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
  }
}

/** The .lzma stream at the start of `packed`. Throws a FormatError on damage and beyond `limit` bytes. */
export function unpackLzma(
  packed: Uint8Array,
  limit: number,
  tick: () => void = () => {},
): { bytes: Uint8Array; taken: number } {
  const header = viewOf(bytesAt("lzma", packed, 0, 13, "the header"));
  const promised = header.getBigUint64(5, true);
  const size = promised === 0xffffffffffffffffn ? Number.POSITIVE_INFINITY : Number(promised);
  const out = new Growing(limit, "lzma");
  const decoder = new Lzma(out, "lzma");
  decoder.properties(packed[0]!, 0);
  const taken = decoder.run(packed.subarray(13), size, tick);
  return { bytes: out.whole(), taken: 13 + taken };
}

/** The .xz stream at the start of `packed`; checksums are passed over. Throws a FormatError on damage and beyond `limit`. */
export function unpackXz(
  packed: Uint8Array,
  limit: number,
  tick: () => void = () => {},
): { bytes: Uint8Array; taken: number } {
  if (!isXz(packed)) damaged("xz", 0, "it does not start as a stream");
  const check = { 0: 0, 1: 4, 4: 8, 10: 32 }[packed[7]! & 15];
  if (check === undefined || packed[6] !== 0) return damaged("xz", 6, "unknown stream flags");
  const out = new Growing(limit, "xz");
  let at = 12;
  for (;;) {
    const headerSize = bytesAt("xz", packed, at, 1, "a block")[0]!;
    if (headerSize === 0) break;
    at = unpackBlock(packed, at, 4 * (headerSize + 1), check, out, tick);
  }
  const start = at++;
  const number = (): number => {
    let value = 0;
    for (let i = 0; ; i++) {
      const byte = bytesAt("xz", packed, at, 1, "the index")[0]!;
      at++;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
      if (i === 8) damaged("xz", at, "a number without an end");
    }
  };
  const records = number();
  for (let i = 0; i < 2 * records; i++) number();
  while ((at - start) % 4 !== 0)
    if (bytesAt("xz", packed, at++, 1, "the index")[0] !== 0) damaged("xz", at, "padding that is not zero");
  at += 4;
  const footer = bytesAt("xz", packed, at, 12, "the footer");
  if (footer[10] !== 0x59 || footer[11] !== 0x5a) damaged("xz", at + 10, "the footer has no mark");
  return { bytes: out.whole(), taken: at + 12 };
}

function unpackBlock(
  packed: Uint8Array,
  start: number,
  headerSize: number,
  check: number,
  out: Growing,
  tick: () => void,
): number {
  const header = bytesAt("xz", packed, start, headerSize, "a block's header");
  const flags = header[1]!;
  if ((flags & 3) !== 0) damaged("xz", start + 1, "filters besides LZMA2");
  let at = 2;
  for (const present of [0x40, 0x80]) if (flags & present) while (header[at++]! >= 128);
  if (header[at] !== 0x21 || header[at + 1] !== 1) damaged("xz", start + at, "a filter that is not LZMA2");
  at = start + headerSize;
  at = unpackChunks(packed, at, out, "xz", tick);
  while ((at - start) % 4 !== 0) at++;
  bytesAt("xz", packed, at, check, "a check");
  return at + check;
}

/** LZMA2's chunks from `at` to the one that ends them; gives the place behind it. */
function unpackChunks(packed: Uint8Array, from: number, out: Growing, format: string, tick: () => void): number {
  let at = from;
  const decoder = new Lzma(out, format);
  decoder.dictionaryAt = out.size;
  let ready = false;
  for (;;) {
    tick();
    const control = bytesAt(format, packed, at, 1, "a chunk")[0]!;
    if (control === 0) {
      at++;
      break;
    }
    if (control === 1 || control === 2) {
      const size = viewOf(bytesAt(format, packed, at + 1, 2, "a chunk")).getUint16(0) + 1;
      if (control === 1) decoder.dictionaryAt = out.size;
      out.append(bytesAt(format, packed, at + 3, size, "a chunk"));
      at += 3 + size;
      continue;
    }
    if (control < 0x80) damaged(format, at, `a chunk of kind ${control}`);
    const sizes = viewOf(bytesAt(format, packed, at + 1, 4, "a chunk"));
    const size = ((control & 31) << 16) + sizes.getUint16(0) + 1;
    const coded = sizes.getUint16(2) + 1;
    at += 5;
    const reset = (control >> 5) & 3;
    if (reset === 3) decoder.dictionaryAt = out.size;
    if (reset >= 2) {
      decoder.properties(bytesAt(format, packed, at, 1, "properties")[0]!, at);
      at++;
      ready = true;
    } else if (reset === 1) decoder.reset();
    if (!ready) damaged(format, at, "a chunk before any properties");
    decoder.run(bytesAt(format, packed, at, coded, "a chunk"), size, tick);
    at += coded;
  }
  return at;
}

/** The bare LZMA2 stream at the start of `packed`, as 7z keeps it. Throws a FormatError on damage and beyond `limit`. */
export function unpackLzma2(
  packed: Uint8Array,
  limit: number,
  tick: () => void = () => {},
): { bytes: Uint8Array; taken: number } {
  const out = new Growing(limit, "lzma2");
  const taken = unpackChunks(packed, 0, out, "lzma2", tick);
  return { bytes: out.whole(), taken };
}
