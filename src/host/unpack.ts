/** What scanning needs from this machine: Node's own unpackers, its hash, and files read where they are asked for. */
import { createHash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
  type Dirent,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { crc32, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync, type ZlibOptions } from "node:zlib";
import { valuesIn } from "#artefacts/onnx-external.ts";
import { moduleIn, moduleOf, type ModuleFolder } from "#artefacts/python-modules.ts";
import type { Claim, Neighbour, Packing, ScanPorts, Unpacked } from "#artefacts/ports.ts";
import type { Asked } from "#base/ports.ts";
import type { Content } from "#formats/content.ts";
import { isMilBlobs, readMilBlobs, type MilBlob } from "#formats/coreml.ts";
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

/** The content once, in pieces; each is gone when the next one comes. */
function through(content: Content, use: (piece: Uint8Array) => void): void {
  const { fill, size } = content;
  const buffer = fill && size > PIECE ? new Uint8Array(PIECE) : undefined;
  for (let at = 0; at < size; at += PIECE) {
    const length = Math.min(PIECE, size - at);
    if (buffer && fill) {
      const piece = buffer.subarray(0, length);
      fill(at, piece);
      use(piece);
    } else use(content.read(at, length));
  }
}

export function sha256Of(content: Content): string {
  const digest = createHash("sha256");
  through(content, (piece) => void digest.update(piece));
  return digest.digest("hex");
}

function crc32Of(content: Content): number {
  let value = 0;
  through(content, (piece) => void (value = crc32(piece, value)));
  return value;
}

export const scanPorts: ScanPorts = { clock: () => performance.now(), sha256: sha256Of, crc32: crc32Of, unpack };

/** The same for one file, which may ask what lies beside it. */
export const scanPortsFor = (path: string, base: ScanPorts = scanPorts, name = basename(path)): ScanPorts => ({
  ...base,
  importable: importableFor(path, name),
  neighbour: (name) => besides(dirname(path), name),
  fingerprint: once((name) => fingerprintOf(dirname(path), name)),
  blobs: (name) => blobsIn(dirname(path), name, base),
  claim: () => claimOn(path, base),
});

/** These ports, and what was asked of them about what lies around the file: a report hangs on it as on the file's bytes. */
export function recorded(ports: ScanPorts): { readonly ports: ScanPorts; readonly asked: () => readonly Asked[] } {
  const asked = new Map<string, Asked>();
  const note = <Answer>(question: Asked["question"], of: string, answer: Answer): Answer => {
    asked.set(`${question} ${of}`, { question, of, answer: inWords(answer) });
    return answer;
  };
  const { importable, neighbour, fingerprint, blobs, claim } = ports;
  return {
    ports: {
      ...ports,
      importable: importable && ((module) => note("importable", module, importable(module))),
      neighbour: neighbour && ((name) => note("neighbour", name, neighbour(name))),
      fingerprint: fingerprint && ((name) => note("fingerprint", name, fingerprint(name))),
      blobs: blobs && ((name) => note("blobs", name, blobs(name))),
      claim: claim && (() => note("claim", "", claim())),
    },
    asked: () => [...asked.values()],
  };
}

/** Whether each question would be answered the same now. */
export function answeredAlike(ports: ScanPorts, asked: readonly Asked[]): boolean {
  const answers: Readonly<Record<Asked["question"], (of: string) => unknown>> = {
    importable: (module) => ports.importable?.(module),
    neighbour: (name) => ports.neighbour?.(name),
    fingerprint: (name) => ports.fingerprint?.(name),
    blobs: (name) => ports.blobs?.(name),
    claim: () => ports.claim?.(),
  };
  return asked.every(({ question, of, answer }) => inWords(answers[question](of)) === answer);
}

const inWords = (answer: unknown): string => {
  const text = JSON.stringify(answer) ?? "nothing";
  return text.length <= 200 ? text : createHash("sha256").update(text).digest("hex");
};

const FOLDERS_MAX = 64;
const entriesOf = (folder: string): readonly Dirent[] => {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
};

/** What Python would find in a folder, which is read when it is asked for, and once. */
function modulesUnder(place: string): ModuleFolder {
  const modules = new Map<string, string>();
  const folders = new Map<string, ModuleFolder | undefined>();
  for (const entry of entriesOf(place)) {
    const module = moduleOf(entry.name);
    if (module !== undefined) modules.set(module, entry.name);
    else if (!entry.isFile()) folders.set(entry.name, undefined);
  }
  const folder = (name: string): ModuleFolder | undefined => {
    if (!folders.has(name)) return undefined;
    const known = folders.get(name) ?? modulesUnder(join(place, name));
    folders.set(name, known);
    return known;
  };
  return { modules, folder };
}

/** `name`: the file's path from what was scanned, which says how many folders above it were scanned too. */
function importableFor(path: string, name: string): (module: string) => string | undefined {
  // A name that leads out of where the scan began says nothing of what was scanned.
  const above = /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(name) ? 1 : name.split(/[/\\]/).length;
  const folders: ModuleFolder[] = [];
  return (module) => {
    let place = dirname(path);
    for (let up = 0; up < Math.min(above, FOLDERS_MAX); up++, place = dirname(place)) {
      const by = moduleIn((folders[up] ??= modulesUnder(place)), module);
      if (by !== undefined && join(place, by) !== path) return by;
    }
    return undefined;
  };
}
/** Models beside a file that are asked whether it is theirs, and how large they may be: structure, as their values lie elsewhere. */
const ASKED_MAX = 32;
const MODEL_MAX = 2 ** 31;

function claimOn(path: string, { clock }: ScanPorts): Claim | undefined {
  const folder = dirname(path);
  const name = basename(path);
  let models: readonly string[];
  try {
    models = readdirSync(folder).filter((one) => /\.onnx$/i.test(one) && one !== name);
  } catch {
    return undefined;
  }
  const until = clock() + 5000;
  for (const by of models.toSorted().slice(0, ASKED_MAX)) {
    const entry = besides(folder, by);
    if (entry?.kind !== "file" || entry.size > MODEL_MAX) continue;
    try {
      const ranges = withFile(join(folder, by), (model) =>
        valuesIn(model, name, statSync(path).size, () => {
          if (clock() > until) throw new FormatError("ONNX model", 0, "it takes long to read", "");
        }),
      );
      if (ranges.length > 0) return { by, ranges };
    } catch {
      // A model that cannot be read claims nothing; it has a report of its own.
    }
  }
  return undefined;
}

function once(answer: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => known.get(name) ?? known.set(name, answer(name)).get(name)!;
}

/** Larger files are known by their size and when they were written: a question about them must not take longer than the scan. */
const HASHED_MAX = 2 ** 30;

function fingerprintOf(folder: string, name: string): string {
  const found = besides(folder, name);
  if (found === undefined) return "nothing";
  const path = join(folder, name);
  try {
    switch (found.kind) {
      case "file":
        return found.size <= HASHED_MAX
          ? `sha256:${withFile(path, sha256Of)}`
          : `${found.size} bytes, written at ${statSync(path).mtimeMs}`;
      case "link":
        return `a link to ${linkIn(folder, name)}`;
      default:
        return `a ${found.kind}`;
    }
  } catch (error) {
    return `unreadable: ${(error as NodeJS.ErrnoException).code ?? "broken"}`;
  }
}

/** Where the first link on the way leads. */
function linkIn(folder: string, name: string): string {
  let at = folder;
  for (const part of name.split("/")) {
    at = join(at, part);
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return `${part} -> ${readlinkSync(at)}`;
  }
  return "nothing";
}

function blobsIn(folder: string, name: string, { clock }: ScanPorts): readonly MilBlob[] | string {
  const found = besides(folder, name);
  if (found?.kind !== "file") return "it is no file";
  const until = clock() + 5000;
  try {
    return withFile(join(folder, name), (content) => {
      if (!isMilBlobs(content)) return "it holds no values of Core ML";
      return readMilBlobs(content, () => {
        if (clock() > until) throw new FormatError("Core ML values", 0, "it takes long to read", "");
      });
    });
  } catch (error) {
    return error instanceof FormatError ? error.problem : "it cannot be read";
  }
}

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
    if (i === parts.length - 1)
      return { kind: entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "special", size: entry.size };
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
    const fill = (at: number, into: Uint8Array): void => {
      within(size, at, into.length);
      for (let have = 0; have < into.length;) {
        const got = readSync(file, into, have, into.length - have, at + have);
        if (got === 0)
          throw new FormatError("file", at + have, "the file became shorter while it was read", "scan it again");
        have += got;
      }
    };
    const read = (at: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      fill(at, bytes);
      return bytes;
    };
    if (size <= WHOLE_MAX) {
      const whole = read(0, size);
      return use({ size, read: (at, length) => within(size, at, length) && whole.subarray(at, at + length) });
    }
    return use({ size, read: throughBlocks(size, read), fill });
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
