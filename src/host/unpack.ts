/** What scanning needs from this machine: Node's own unpackers, its hash, and files read where they are asked for. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync, type ZlibOptions } from "node:zlib";
import type { Neighbour, Packing, ScanPorts, Unpacked } from "#artefacts/ports.ts";
import type { Content } from "#formats/content.ts";
import { FormatError, readableSize } from "#formats/error.ts";

type Sync = (packed: Uint8Array, options: ZlibOptions) => unknown;
const UNPACKERS: Readonly<Record<Packing, Sync>> = {
  deflate: inflateRawSync as Sync,
  zlib: inflateSync as Sync,
  gzip: gunzipSync as Sync,
  zstd: zstdDecompressSync as Sync,
};

function unpack(packing: Packing, packed: Uint8Array, limit: number): Unpacked {
  try {
    const { buffer, engine } = UNPACKERS[packing](packed, {
      maxOutputLength: Math.max(1, limit),
      info: true,
    } as ZlibOptions) as {
      buffer: Uint8Array;
      engine: { bytesWritten: number };
    };
    return { bytes: buffer, taken: engine.bytesWritten };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new FormatError(
      `${packing} stream`,
      0,
      code === "ERR_BUFFER_TOO_LARGE"
        ? `it unpacks to more than the limit of ${readableSize(limit)}`
        : `it is damaged or cut short (${(error as Error).message})`,
      "fetch or write the file again",
    );
  }
}

const PIECE = 1 << 20;

export function sha256Of(content: Content): string {
  const digest = createHash("sha256");
  for (let at = 0; at < content.size; at += PIECE) digest.update(content.read(at, Math.min(PIECE, content.size - at)));
  return digest.digest("hex");
}

function crc32Of(content: Content): number {
  let value = 0;
  for (let at = 0; at < content.size; at += PIECE)
    value = crc32(content.read(at, Math.min(PIECE, content.size - at)), value);
  return value;
}

export const scanPorts: ScanPorts = { clock: () => performance.now(), sha256: sha256Of, crc32: crc32Of, unpack };

/** The same for one file, which may ask what lies beside it. */
export const scanPortsFor = (path: string, base: ScanPorts = scanPorts): ScanPorts => ({
  ...base,
  neighbour: (name) => besides(dirname(path), name),
});

function besides(folder: string, name: string): Neighbour | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.length > 32 || parts.includes("..") || name.startsWith("/")) return undefined;
  let at = folder;
  for (const [i, part] of parts.entries()) {
    at = join(at, part);
    let entry;
    try {
      entry = lstatSync(at, { throwIfNoEntry: false });
    } catch {
      // A name that no file can have, or a folder that may not be looked into.
    }
    if (!entry) return undefined;
    if (entry.isSymbolicLink()) return { kind: "link", size: 0 };
    if (i === parts.length - 1) return { kind: entry.isFile() ? "file" : "other", size: entry.size };
    if (!entry.isDirectory()) return undefined;
  }
  return undefined;
}

/** Files up to this size are held whole; larger ones are read where they are asked for. */
const WHOLE_MAX = 64 * 2 ** 20;

/** Small reads of a large file are served from blocks of this size, the last few of which are kept. */
const BLOCK = 1 << 20;
const BLOCKS_KEPT = 4;

/** Reads through blocks. What was given out stays as it was: blocks are replaced, never written to again. */
function throughBlocks(size: number, read: (at: number, length: number) => Uint8Array): Content["read"] {
  const blocks = new Map<number, Uint8Array>();
  return (at, length) => {
    within(size, at, length);
    const index = Math.floor(at / BLOCK);
    if (length === 0 || at + length > (index + 1) * BLOCK) return read(at, length);
    let block = blocks.get(index);
    if (!block) {
      block = read(index * BLOCK, Math.min(BLOCK, size - index * BLOCK));
      if (blocks.size === BLOCKS_KEPT) blocks.delete(blocks.keys().next().value!);
      blocks.set(index, block);
    }
    return block.subarray(at - index * BLOCK, at - index * BLOCK + length);
  };
}

/** Lets `use` read a file, and closes it. */
export function withFile<Result>(path: string, use: (content: Content) => Result): Result {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const read = (at: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      for (let have = 0; have < length;) {
        const got = readSync(file, bytes, have, length - have, at + have);
        if (got === 0)
          throw new FormatError("file", at + have, "the file became shorter while it was read", "scan it again");
        have += got;
      }
      return bytes;
    };
    if (size <= WHOLE_MAX) {
      const whole = read(0, size);
      return use({ size, read: (at, length) => within(size, at, length) && whole.subarray(at, at + length) });
    }
    return use({ size, read: throughBlocks(size, read) });
  } finally {
    closeSync(file);
  }
}

function within(size: number, at: number, length: number): true {
  if (!(Number.isSafeInteger(at) && Number.isSafeInteger(length)) || at < 0 || length < 0 || at + length > size)
    throw new FormatError(
      "file",
      Math.min(Math.max(at, 0) || 0, size),
      `${length} bytes from byte ${at} are not there`,
      "the file is cut short",
    );
  return true;
}
