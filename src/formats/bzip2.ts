/** bzip2 streams (J. Seward's format, as bzip2 1.0.8 writes it); randomised blocks of before 1.0 are refused. */
import { FormatError } from "./error.ts";
import { Growing } from "./lz4.ts";

const FORMAT = "bzip2";

export const isBzip2 = (head: Uint8Array): boolean =>
  head.length >= 4 && head[0] === 0x42 && head[1] === 0x5a && head[2] === 0x68 && head[3]! >= 0x31 && head[3]! <= 0x39;

class Bits {
  private readonly bytes: Uint8Array;
  private at: number;
  private held = 0;
  private count = 0;
  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }
  get place(): number {
    return this.at;
  }
  bit(): number {
    if (this.count === 0) {
      if (this.at >= this.bytes.length) damaged(this.at, "it is cut short");
      this.held = this.bytes[this.at++]!;
      this.count = 8;
    }
    return (this.held >> --this.count) & 1;
  }
  take(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) value = value * 2 + this.bit();
    return value;
  }
}

const damaged = (at: number, problem: string): never => {
  throw new FormatError(FORMAT, at, problem, "fetch or write the file again");
};

/** The stream at the start of `packed`; block checksums are not verified. Throws a FormatError on damage and beyond `limit`. */
export function unpackBzip2(
  packed: Uint8Array,
  limit: number,
  tick: () => void = () => {},
): { bytes: Uint8Array; taken: number } {
  if (!isBzip2(packed)) damaged(0, "it does not start as a stream");
  const blockMax = 100_000 * (packed[3]! - 0x30);
  const bits = new Bits(packed, 4);
  const out = new Growing(limit, FORMAT);
  const block = new Block(blockMax);
  for (;;) {
    tick();
    const magic = bits.take(48);
    bits.take(32);
    if (magic === 0x177245385090) return { bytes: out.whole(), taken: bits.place };
    if (magic !== 0x314159265359) damaged(bits.place, "a block without its mark");
    unpackBlock(bits, block, out);
  }
}

/** The bytes of a block before its inverse transform; as large as blocks turn out to be. */
class Block {
  readonly max: number;
  entries = new Uint32Array(1 << 12);
  constructor(max: number) {
    this.max = max;
  }
  room(size: number): Uint32Array {
    if (size > this.entries.length) {
      const larger = new Uint32Array(Math.min(this.max, Math.max(size, 2 * this.entries.length)));
      larger.set(this.entries);
      this.entries = larger;
    }
    return this.entries;
  }
}

const RUN_A = 0;
const RUN_B = 1;

function unpackBlock(bits: Bits, block: Block, out: Growing): void {
  const blockMax = block.max;
  if (bits.bit() === 1) damaged(bits.place, "a randomised block, which no bzip2 since 0.9.5 writes");
  const origin = bits.take(24);
  const used = bits.take(16);
  const symbols: number[] = [];
  for (let i = 0; i < 16; i++)
    if ((used >> (15 - i)) & 1) {
      const map = bits.take(16);
      for (let k = 0; k < 16; k++) if ((map >> (15 - k)) & 1) symbols.push(16 * i + k);
    }
  const groups = bits.take(3);
  const selectorCount = bits.take(15);
  if (groups < 2 || groups > 6 || selectorCount === 0 || symbols.length === 0)
    damaged(bits.place, "an impossible table");
  const order = [0, 1, 2, 3, 4, 5];
  const selectors = new Uint8Array(selectorCount);
  for (let i = 0; i < selectorCount; i++) {
    let index = 0;
    while (bits.bit() === 1) if (++index >= groups) damaged(bits.place, "an impossible selector");
    const [picked] = order.splice(index, 1);
    order.unshift(picked!);
    selectors[i] = picked!;
  }
  const alphabet = symbols.length + 2;
  const tables = Array.from({ length: groups }, () => {
    let length = bits.take(5);
    const lengths = new Uint8Array(alphabet);
    for (let i = 0; i < alphabet; i++) {
      for (;;) {
        if (length < 1 || length > 20) damaged(bits.place, "an impossible code length");
        if (bits.bit() === 0) break;
        length += bits.bit() === 0 ? 1 : -1;
      }
      lengths[i] = length;
    }
    return huffman(lengths);
  });
  // Move to front and runs, into counts per byte.
  const front = [...symbols];
  const counts = new Uint32Array(257);
  let size = 0;
  let run = 0;
  let weight = 1;
  let left = 0;
  let group = -1;
  let table = tables[0]!;
  for (;;) {
    if (left === 0) {
      if (++group >= selectorCount) damaged(bits.place, "more symbols than selectors");
      table = tables[selectors[group]!]!;
      left = 50;
    }
    left--;
    let code = 0;
    let length = 0;
    let symbol = -1;
    while (symbol < 0) {
      code = (code << 1) | bits.bit();
      if (++length > 20) damaged(bits.place, "a code that is none");
      const index = code - table.first[length]!;
      if (index < table.count[length]! && index >= 0) symbol = table.sorted[table.offset[length]! + index]!;
    }
    if (symbol === RUN_A || symbol === RUN_B) {
      run += weight * (symbol + 1);
      weight *= 2;
      if (run > blockMax) damaged(bits.place, "a run longer than a block");
      continue;
    }
    if (run > 0) {
      if (size + run > blockMax) damaged(bits.place, "a block longer than announced");
      const byte = front[0]!;
      counts[byte + 1]! += run;
      block.room(size + run).fill(byte, size, size + run);
      size += run;
      [run, weight] = [0, 1];
    }
    if (symbol === alphabet - 1) break;
    if (size >= blockMax) damaged(bits.place, "a block longer than announced");
    const [byte] = front.splice(symbol - 1, 1);
    front.unshift(byte!);
    counts[byte! + 1]!++;
    block.room(size + 1)[size++] = byte!;
  }
  if (origin >= size) damaged(bits.place, "an origin outside the block");
  const transform = block.entries;
  // The inverse Burrows-Wheeler transform: positions above the bytes they belong to.
  for (let i = 1; i < 257; i++) counts[i]! += counts[i - 1]!;
  for (let i = 0; i < size; i++) {
    const byte = transform[i]! & 255;
    transform[counts[byte]!++]! |= i << 8;
  }
  let place = transform[origin]! >>> 8;
  let previous = -1;
  let repeats = 0;
  for (let i = 0; i < size; i++) {
    const entry = transform[place]!;
    const byte = entry & 255;
    place = entry >>> 8;
    if (repeats === 4) {
      // Four equal bytes are followed by how many more there are.
      for (let k = 0; k < byte; k++) out.push(previous);
      repeats = 0;
      previous = -1;
      continue;
    }
    repeats = byte === previous ? repeats + 1 : 1;
    previous = byte;
    out.push(byte);
  }
}

interface Codes {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly offset: Int32Array;
  readonly sorted: Uint16Array;
}

/** Canonical codes: the first code, how many, and where their symbols start, by length. */
function huffman(lengths: Uint8Array): Codes {
  const count = new Int32Array(22);
  for (const length of lengths) count[length]!++;
  const first = new Int32Array(22);
  const offset = new Int32Array(22);
  let code = 0;
  let from = 0;
  for (let length = 1; length <= 20; length++) {
    code <<= 1;
    first[length] = code;
    offset[length] = from;
    code += count[length]!;
    from += count[length]!;
  }
  const sorted = new Uint16Array(lengths.length);
  const next = offset.slice();
  lengths.forEach((length, symbol) => (sorted[next[length]!++] = symbol));
  return { first, count, offset, sorted };
}
