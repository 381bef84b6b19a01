/** LZ4 frames (LZ4 Frame Format 1.6.4, Block Format 1.6.3): what joblib and Python's lz4.frame write. */
import { bytesAt, FormatError, viewOf } from "./error.ts";

const FORMAT = "lz4";
const MAGIC = 0x184d2204;

export const isLz4 = (head: Uint8Array): boolean => head.length >= 7 && viewOf(head).getUint32(0, true) === MAGIC;

const damaged = (at: number, problem: string): never => {
  throw new FormatError(FORMAT, at, problem, "fetch or write the file again");
};

/** The frame at the start of `packed`; checksums are passed over. Throws a FormatError on damage and beyond `limit` bytes. */
export function unpackLz4(
  packed: Uint8Array,
  limit: number,
  tick: () => void = () => {},
): { bytes: Uint8Array; taken: number } {
  if (!isLz4(packed)) damaged(0, "it does not start as a frame");
  const flags = packed[4]!;
  if (flags >> 6 !== 1) damaged(4, `version ${flags >> 6} of the frame format`);
  if (flags & 1) damaged(4, "it needs a dictionary that is not in the file");
  const [blockChecksums, contentSize, contentChecksum] = [(flags & 0x10) !== 0, (flags & 8) !== 0, (flags & 4) !== 0];
  let at = 6 + (contentSize ? 8 : 0) + 1;
  const blockMax = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }[(packed[5]! >> 4) & 7];
  if (blockMax === undefined) return damaged(5, "an unknown block size");
  const out = new Growing(limit, FORMAT);
  for (;;) {
    tick();
    const word = viewOf(bytesAt(FORMAT, packed, at, 4, "a block's size")).getUint32(0, true);
    at += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    if (size > blockMax + 16) damaged(at - 4, `a block of ${size} bytes`);
    const block = bytesAt(FORMAT, packed, at, size, "a block");
    if (word >>> 31) out.append(block);
    else unpackBlock(block, out, at);
    at += size + (blockChecksums ? 4 : 0);
  }
  if (contentChecksum) {
    bytesAt(FORMAT, packed, at, 4, "the checksum");
    at += 4;
  }
  return { bytes: out.whole(), taken: at };
}

function unpackBlock(block: Uint8Array, out: Growing, base: number): void {
  let at = 0;
  while (at < block.length) {
    const token = block[at++]!;
    let literals = token >> 4;
    if (literals === 15)
      for (let more = 255; more === 255;) {
        if (at >= block.length) damaged(base + at, "a length without an end");
        more = block[at++]!;
        literals += more;
      }
    if (at + literals > block.length) damaged(base + at, "literals run past the block");
    out.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return;
    if (at + 2 > block.length) damaged(base + at, "a match is cut short");
    const distance = block[at]! | (block[at + 1]! << 8);
    at += 2;
    let length = (token & 15) + 4;
    if (length === 19)
      for (let more = 255; more === 255;) {
        if (at >= block.length) damaged(base + at, "a length without an end");
        more = block[at++]!;
        length += more;
      }
    if (distance === 0 || distance > out.size) damaged(base + at, "a match before the beginning");
    out.repeat(distance, length);
  }
}

/** Bytes that grow up to a limit, and can repeat what they already hold. */
export class Growing {
  private bytes = new Uint8Array(1 << 12);
  size = 0;
  private readonly limit: number;
  private readonly format: string;
  constructor(limit: number, format: string) {
    this.limit = limit;
    this.format = format;
  }
  private room(more: number): void {
    const needed = this.size + more;
    if (needed > this.limit)
      throw new FormatError(this.format, 0, `it unpacks to more than the limit of ${this.limit} bytes`, "");
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, Math.min(2 * this.bytes.length, this.limit)));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }
  push(byte: number): void {
    if (this.size === this.bytes.length || this.size === this.limit) this.room(1);
    this.bytes[this.size++] = byte;
  }
  append(more: Uint8Array): void {
    this.room(more.length);
    this.bytes.set(more, this.size);
    this.size += more.length;
  }
  repeat(distance: number, length: number): void {
    this.room(length);
    const { bytes } = this;
    for (let i = 0; i < length; i++, this.size++) bytes[this.size] = bytes[this.size - distance]!;
  }
  /** The byte `distance` before the end. */
  back(distance: number): number {
    return this.bytes[this.size - distance]!;
  }
  whole(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }
}
