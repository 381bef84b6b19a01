/** What scanning needs from outside: a clock, a hash and unpackers. Nothing here can open a file or run anything. */
import type { Content } from "#formats/content.ts";
import type { MilBlob } from "#formats/coreml.ts";
import type { Range } from "./ledger.ts";

/** Streams that a library unpacks. */
export type Packing = "deflate" | "zlib" | "gzip" | "zstd";

export interface Unpacked {
  readonly bytes: Uint8Array;
  /** How many of the packed bytes the stream took. */
  readonly taken: number;
}

export interface Neighbour {
  /** "link" also where a folder on the way is one; "special": a device, a pipe or a socket. */
  readonly kind: "file" | "folder" | "link" | "special";
  readonly size: number;
}

export interface Claim {
  /** The model's name. */
  readonly by: string;
  readonly ranges: readonly Range[];
}

export interface ScanPorts {
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
  /** SHA-256 as 64 hex digits. */
  readonly sha256: (content: Content) => string;
  /** CRC-32 of ISO 3309. */
  readonly crc32: (content: Content) => number;
  /**
   * Unpacks the one stream at the start of `packed`; what follows it is not read. Throws a FormatError where it is damaged,
   * cut short, or would pass `limit` bytes (then `limit` is said in the problem).
   */
  readonly unpack: (packing: Packing, packed: Uint8Array, limit: number) => Unpacked;
  /**
   * What lies beside the file under this name, in its own folder or one below; undefined where nothing does. Only whether it
   * is there and how large. Absent for members of archives, which have no folder.
   */
  readonly neighbour?: ((name: string) => Neighbour | undefined) | undefined;
  /** What stands for what lies beside the file under this name: of a file its bytes, of a link where it leads, of others what they are. */
  readonly fingerprint?: ((name: string) => string) | undefined;
  /**
   * The values that a program of Core ML has in the file of this name beside it: every blob, or why it holds none. The one question
   * that is asked of a neighbour's content, and only of its structure.
   */
  readonly blobs?: ((name: string) => readonly MilBlob[] | string) | undefined;
  /**
   * The file that Python would import under this name before any installed package: in the file's own folder, or in one above it
   * up to what was scanned. For members of archives, what lies beside the archive.
   */
  readonly importable?: ((module: string) => string | undefined) | undefined;
  /** The model beside this file that says which of its bytes are the model's values. Asked only of what no check recognises. */
  readonly claim?: (() => Claim | undefined) | undefined;
}
