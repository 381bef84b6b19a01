/** Reads the numbers and addresses of an HDF5 file's structures, in the widths that its superblock chose. */
import type { Content } from "./content.ts";
import { FormatError } from "./error.ts";

/** The address of nothing: all bits set. */
export const UNDEFINED = Number.POSITIVE_INFINITY;
const BLOCK_MAX = 2 ** 28;

export class Metadata {
  private readonly content: Content;
  readonly offsets: number;
  readonly lengths: number;
  /** What addresses count from. */
  base: number;

  constructor(content: Content, base: number, offsets: number, lengths: number) {
    this.content = content;
    this.base = base;
    this.offsets = offsets;
    this.lengths = lengths;
  }

  /** Little-endian; a FormatError beyond 2^53. */
  number(bytes: Uint8Array, at: number, width: number): number {
    if (!(at >= 0 && at + width <= bytes.length)) throw new FormatError("HDF5 file", 0, "a structure is cut short", "");
    let value = 0;
    for (let i = width; i-- > 0;) value = value * 256 + bytes[at + i]!;
    if (value > Number.MAX_SAFE_INTEGER) throw new FormatError("HDF5 file", 0, "a number beyond any file", "");
    return value;
  }

  length = (bytes: Uint8Array, at: number): number => this.number(bytes, at, this.lengths);

  /** An address as it is written, relative to the base. */
  address(bytes: Uint8Array, at: number): number {
    if (at >= 0 && at + this.offsets <= bytes.length) {
      let undefinedAddress = true;
      for (let i = 0; i < this.offsets; i++) if (bytes[at + i] !== 0xff) undefinedAddress = false;
      if (undefinedAddress) return UNDEFINED;
    }
    return this.number(bytes, at, this.offsets);
  }

  /** Where in the file an address lies. */
  place(address: number): number {
    const at = address + this.base;
    if (!(at < this.content.size))
      throw new FormatError("HDF5 file", this.content.size, "an address outside the file", "");
    return at;
  }

  within(start: number, length: number): void {
    if (!(length >= 0 && start + length <= this.content.size))
      throw new FormatError(
        "HDF5 file",
        Math.min(start, this.content.size),
        "data that runs past the end of the file",
        "",
      );
  }

  /** Bytes of a structure; each is small. */
  block(start: number, length: number): Uint8Array {
    if (length > BLOCK_MAX) throw new FormatError("HDF5 file", start, "a structure larger than is read", "");
    this.within(start, length);
    return this.content.read(start, length);
  }
}
