/**
 * 7z archives (7zFormat.txt of the LZMA SDK; py7zr's specification): the signature header, the header at the end with its folders, streams and
 * files. Strict: what a header holds beside what it should is refused. Unpacking is the caller's.
 */
import { upTo, type Content } from "./content.ts";
import { crc32 } from "./crc32.ts";
import { FormatError, viewOf } from "./error.ts";

const FORMAT = "7z archive";
const MAGIC = [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c];
/** The signature header; offsets count from its end. */
const START = 32;
const HEADER_MAX = 64 * 2 ** 20;
const FOLDERS_MAX = 100_000;
/** Of all folders together: a header of kilobytes can unpack to millions. */
const CODERS_ALL_MAX = 100_000;
const FILES_MAX = 100_000;
const CODERS_MAX = 32;
const ENCODED_MAX = 4;

interface Placed {
  readonly start: number;
  readonly end: number;
}
export interface SevenZipCoder {
  /** The method in hexadecimal, as Methods.txt has it. */
  readonly method: string;
  readonly properties: Uint8Array;
  readonly inputs: number;
  readonly outputs: number;
}
export interface SevenZipFolder {
  readonly coders: readonly SevenZipCoder[];
  /** Where its packed streams lie in the file. */
  readonly packed: readonly Placed[];
  /** Of what its last coder gives. */
  readonly size: number;
  readonly crc32: number | undefined;
}
export interface SevenZipFile {
  readonly name: string;
  readonly folder: boolean;
  /** It removes a file when it is unpacked over one. */
  readonly anti: boolean;
  /** Windows' attributes; with 0x8000, Unix's mode in the upper half. */
  readonly attributes: number;
  /** Which folder holds its bytes, and where in what that unpacks to; undefined where it has none. */
  readonly at: { readonly folder: number; readonly from: number; readonly size: number } | undefined;
  readonly crc32: number | undefined;
}
export interface SevenZip {
  readonly folders: readonly SevenZipFolder[];
  readonly files: readonly SevenZipFile[];
  /** Headers, packed ones among them. */
  readonly records: readonly Placed[];
  /** Why the header could not be unpacked; then nothing is known of what the archive holds. */
  readonly hidden: string | undefined;
}

export const isSevenZip = (content: Content): boolean => {
  const head = upTo(content, 0, 6);
  return head.length === 6 && MAGIC.every((byte, i) => head[i] === byte);
};

const refuse = (problem: string, at = 0): never => {
  throw new FormatError(FORMAT, at, problem, "pack it again");
};

/** `unpackFolder` unpacks a packed header, or gives the reason why not. Throws a FormatError where the archive is not what it should be. */
export function readSevenZip(
  content: Content,
  unpackFolder: (folder: SevenZipFolder) => Uint8Array | string,
  tick: () => void,
): SevenZip {
  if (content.size < START) refuse("it is shorter than its own header", content.size);
  const head = content.read(0, START);
  const view = viewOf(head);
  if (view.getUint32(8, true) !== crc32(head.subarray(12))) refuse("its first header fails its checksum", 8);
  if (head[6] !== 0) refuse(`version ${head[6]}.${head[7]} of the format`, 6);
  const [offset, size] = [Number(view.getBigUint64(12, true)), Number(view.getBigUint64(20, true))];
  const records: Placed[] = [{ start: 0, end: START }];
  if (size === 0) {
    if (offset !== 0 || view.getUint32(28, true) !== 0) refuse("a header of nothing that lies somewhere", 12);
    return { folders: [], files: [], records, hidden: undefined };
  }
  if (size > HEADER_MAX) refuse(`a header of ${size} bytes, more than is read`, 20);
  if (!(START + offset + size <= content.size)) refuse("its header lies behind the end of the file", 12);
  let header = content.read(START + offset, size);
  if (crc32(header) !== view.getUint32(28, true)) refuse("its header fails its checksum", START + offset);
  records.push({ start: START + offset, end: START + offset + size });
  for (let times = 0; ; times++) {
    const reader = new Reader(header, content.size, START + offset, tick);
    const kind = reader.byte();
    if (kind === 0x01) return { ...reader.header(), records, hidden: undefined };
    if (kind !== 0x17) refuse("a header of no known kind", START + offset);
    if (times === ENCODED_MAX) refuse("headers packed within packed headers", START + offset);
    const { folders } = reader.streams();
    reader.ends();
    const folder = folders[0];
    if (!folder || folders.length > 1) return refuse("a packed header of several parts", START + offset);
    if (folder.size > HEADER_MAX) refuse(`a packed header of ${folder.size} bytes, more than is read`, START + offset);
    const unpacked = unpackFolder(folder);
    if (typeof unpacked === "string") return { folders: [], files: [], records, hidden: unpacked };
    if (folder.crc32 !== undefined && crc32(unpacked) !== folder.crc32)
      refuse("its packed header fails its checksum", folder.packed[0]?.start);
    records.push(...folder.packed);
    header = unpacked;
  }
}

interface Streams {
  readonly folders: readonly SevenZipFolder[];
  readonly parts: readonly {
    readonly folder: number;
    readonly from: number;
    readonly size: number;
    readonly crc32: number | undefined;
  }[];
}

class Reader {
  private readonly bytes: Uint8Array;
  private readonly fileSize: number;
  /** Where the header lies in the file, for what is refused. */
  private readonly place: number;
  private readonly tick: () => void;
  private at = 0;
  private coders = 0;

  constructor(bytes: Uint8Array, fileSize: number, place: number, tick: () => void) {
    this.bytes = bytes;
    this.fileSize = fileSize;
    this.place = place;
    this.tick = tick;
  }

  private refuse(problem: string): never {
    throw new FormatError(FORMAT, this.place, problem, "pack it again");
  }
  byte(): number {
    return this.bytes[this.at++] ?? this.refuse("its header breaks off");
  }
  private take(length: number): Uint8Array {
    if (!(length >= 0 && this.at + length <= this.bytes.length)) this.refuse("its header breaks off");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  /** As many bytes follow as the first has ones at its top. */
  private number(): number {
    const first = this.byte();
    let value = 0;
    for (let i = 0, mask = 0x80; i < 8; i++, mask >>= 1) {
      if ((first & mask) === 0) return value + (first & (mask - 1)) * 2 ** (8 * i);
      value += this.byte() * 2 ** (8 * i);
    }
    return value;
  }
  private count(max: number, what: string): number {
    const count = this.number();
    return count <= max ? count : this.refuse(`${count} ${what}, more than are read`);
  }
  private expect(id: number, what: string): void {
    if (this.byte() !== id) this.refuse(`${what} is missing`);
  }
  ends(): void {
    if (this.at !== this.bytes.length) this.refuse("its header goes on behind its end");
  }
  private bits(count: number): readonly boolean[] {
    const bytes = this.take(Math.ceil(count / 8));
    const bits = Array.from({ length: count }, (_, i) => (bytes[i >> 3]! & (0x80 >> (i & 7))) !== 0);
    if (count % 8 !== 0 && (bytes.at(-1)! & (0xff >> (count % 8))) !== 0) this.refuse("bits behind the last");
    return bits;
  }
  private definedBits(count: number): readonly boolean[] {
    return this.byte() === 0 ? this.bits(count) : Array.from({ length: count }, () => true);
  }
  private digests(count: number): readonly (number | undefined)[] {
    return this.definedBits(count).map((defined) => (defined ? viewOf(this.take(4)).getUint32(0, true) : undefined));
  }

  header(): Pick<SevenZip, "folders" | "files"> {
    let id = this.byte();
    if (id === 0x02) this.refuse("properties of the archive, which nobody knows");
    if (id === 0x03) this.refuse("streams besides the main ones");
    let streams: Streams = { folders: [], parts: [] };
    if (id === 0x04) {
      streams = this.streams();
      id = this.byte();
    }
    let files: readonly SevenZipFile[] = [];
    if (id === 0x05) {
      files = this.files(streams);
      id = this.byte();
    } else if (streams.parts.length > 0) this.refuse("streams without files");
    if (id !== 0) this.refuse(`a part ${id} that headers do not have`);
    this.ends();
    return { folders: streams.folders, files };
  }

  streams(): Streams {
    let id = this.byte();
    let packed: readonly Placed[] = [];
    if (id === 0x06) {
      packed = this.packInfo();
      id = this.byte();
    }
    let folders: SevenZipFolder[] = [];
    if (id === 0x07) {
      folders = this.unpackInfo(packed);
      id = this.byte();
    } else if (packed.length > 0) this.refuse("packed streams without a way to unpack them");
    let parts: Streams["parts"] = folders.map(({ size, crc32: crc }, folder) => ({
      folder,
      from: 0,
      size,
      crc32: crc,
    }));
    if (id === 0x08) {
      parts = this.subStreams(folders);
      id = this.byte();
    }
    if (id !== 0) this.refuse(`a part ${id} that streams do not have`);
    return { folders, parts };
  }

  private packInfo(): readonly Placed[] {
    let at = START + this.number();
    const count = this.count(FOLDERS_MAX, "packed streams");
    this.expect(0x09, "the size of packed streams");
    const packed: Placed[] = [];
    for (let i = 0; i < count; i++) {
      const size = this.number();
      if (!(at + size <= this.fileSize)) this.refuse("a packed stream lies behind the end of the file");
      packed.push({ start: at, end: at + size });
      at += size;
    }
    let id = this.byte();
    if (id === 0x0a) {
      this.digests(count);
      id = this.byte();
    }
    if (id !== 0) this.refuse("packed streams without an end");
    return packed;
  }

  private unpackInfo(packed: readonly Placed[]): SevenZipFolder[] {
    this.expect(0x0b, "the list of folders");
    const count = this.count(FOLDERS_MAX, "folders");
    if (this.byte() !== 0) this.refuse("folders that are described elsewhere");
    let next = 0;
    const folders = Array.from({ length: count }, () => {
      const folder = this.folder();
      const streams = packed.slice(next, next + folder.streams);
      next += folder.streams;
      if (streams.length < folder.streams) this.refuse("a folder without its packed streams");
      return { ...folder, packed: streams };
    });
    if (next !== packed.length) this.refuse("packed streams that no folder has");
    this.expect(0x0c, "the size of folders");
    const sizes = folders.map(({ outputs, main }) => Array.from({ length: outputs }, () => this.number())[main]!);
    let id = this.byte();
    let crcs: readonly (number | undefined)[] = [];
    if (id === 0x0a) {
      crcs = this.digests(count);
      id = this.byte();
    }
    if (id !== 0) this.refuse("folders without an end");
    return folders.map(({ coders, packed: streams }, i) => ({
      coders,
      packed: streams,
      size: Number.isSafeInteger(sizes[i]) ? sizes[i]! : this.refuse("a folder larger than any file"),
      crc32: crcs[i],
    }));
  }

  /** Its coders, how many packed streams they take, and which of their outputs is the folder's. */
  private folder(): { coders: readonly SevenZipCoder[]; streams: number; outputs: number; main: number } {
    this.tick();
    const count = this.count(CODERS_MAX, "coders in a folder");
    if (count === 0) this.refuse("a folder without coders");
    this.coders += count;
    if (this.coders > CODERS_ALL_MAX) this.refuse(`more than ${CODERS_ALL_MAX} coders, more than are read`);
    const coders = Array.from({ length: count }, (): SevenZipCoder => {
      const flags = this.byte();
      if ((flags & 0xc0) !== 0) this.refuse("a coder of an unknown kind");
      const method = Array.from(this.take(flags & 15), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const complex = (flags & 0x10) !== 0;
      const inputs = complex ? this.count(CODERS_MAX, "inputs") : 1;
      const outputs = complex ? this.count(CODERS_MAX, "outputs") : 1;
      const properties =
        (flags & 0x20) !== 0 ? this.take(this.count(HEADER_MAX, "bytes of properties")) : new Uint8Array(0);
      return { method, properties, inputs, outputs };
    });
    const [inputs, outputs] = [
      coders.reduce((sum, one) => sum + one.inputs, 0),
      coders.reduce((sum, one) => sum + one.outputs, 0),
    ];
    if (outputs === 0) this.refuse("a folder that gives nothing");
    const bound = new Set<number>();
    for (let i = 0; i < outputs - 1; i++) {
      if (this.number() >= inputs) this.refuse("coders bound to an input that is not there");
      const from = this.number();
      if (from >= outputs || bound.has(from)) this.refuse("coders bound to an output that is not there");
      bound.add(from);
    }
    const streams = inputs - (outputs - 1);
    if (streams < 1) this.refuse("a folder without packed streams");
    if (streams > 1)
      for (let i = 0; i < streams; i++)
        if (this.number() >= inputs) this.refuse("a packed stream for an input that is not there");
    const main = Array.from({ length: outputs }, (_, i) => i).find((i) => !bound.has(i))!;
    return { coders, streams, outputs, main };
  }

  private subStreams(folders: readonly SevenZipFolder[]): Streams["parts"] {
    let id = this.byte();
    let counts = folders.map(() => 1);
    if (id === 0x0d) {
      counts = folders.map(() => this.count(FILES_MAX, "files in a folder"));
      id = this.byte();
    }
    if (counts.reduce((sum, count) => sum + count, 0) > FILES_MAX) this.refuse("more files than are read");
    const sized = id === 0x09;
    const parts: { folder: number; from: number; size: number; crc32: number | undefined }[] = [];
    for (const [folder, { size, crc32: crc }] of folders.entries()) {
      const count = counts[folder]!;
      let from = 0;
      for (let i = 0; i < count; i++) {
        const own =
          i === count - 1
            ? size - from
            : sized
              ? this.number()
              : this.refuse("files of one folder without their sizes");
        if (!(own >= 0 && from + own <= size)) this.refuse("files larger than their folder");
        parts.push({ folder, from, size: own, crc32: count === 1 ? crc : undefined });
        from += own;
      }
    }
    if (sized) id = this.byte();
    if (id === 0x0a) {
      const without = parts.filter((part) => part.crc32 === undefined);
      for (const [i, crc] of this.digests(without.length).entries()) without[i]!.crc32 = crc;
      id = this.byte();
    }
    if (id !== 0) this.refuse("streams of files without an end");
    return parts;
  }

  private files({ parts }: Streams): readonly SevenZipFile[] {
    const count = this.count(FILES_MAX, "files");
    const falses = (length: number): readonly boolean[] => Array.from({ length }, () => false);
    let [empty, emptyFile, anti] = [falses(count), falses(0), falses(0)];
    let names: readonly string[] | undefined;
    const known = new Set<number>();
    let attributes: readonly number[] = [];
    for (let id = this.byte(); id !== 0; id = this.byte()) {
      const size = this.number();
      const end = this.at + size;
      if (!(end <= this.bytes.length)) this.refuse("its header breaks off");
      if (id !== 0x19 && known.has(id)) this.refuse("a property that stands twice");
      known.add(id);
      if (id === 0x0e) empty = this.bits(count);
      else if (id === 0x0f) emptyFile = this.bits(empty.filter(Boolean).length);
      else if (id === 0x10) anti = this.bits(empty.filter(Boolean).length);
      else if (id === 0x11) names = this.names(count, end);
      else if (id >= 0x12 && id <= 0x14) this.times(count);
      else if (id === 0x15) {
        const defined = this.definedBits(count);
        if (this.byte() !== 0) this.refuse("attributes that are kept elsewhere");
        attributes = defined.map((one) => (one ? viewOf(this.take(4)).getUint32(0, true) : 0));
      } else if (id === 0x19) {
        if (this.take(size).some((byte) => byte !== 0)) this.refuse("padding that is not zero");
      } else this.refuse(`a property ${id} that files do not have`);
      if (this.at !== end) this.refuse("a property of another size than it says");
    }
    if (names === undefined && count > 0) this.refuse("files without names");
    let [next, vacant] = [0, 0];
    const files = Array.from({ length: count }, (_, i): SevenZipFile => {
      const shared = { name: names![i]!, attributes: attributes[i] ?? 0 };
      if (empty[i]) {
        const at = vacant++;
        return { ...shared, folder: emptyFile[at] !== true, anti: anti[at] === true, at: undefined, crc32: undefined };
      }
      const part = parts[next++];
      if (!part) return this.refuse("more files than streams");
      return { ...shared, folder: false, anti: false, at: part, crc32: part.crc32 };
    });
    if (next !== parts.length) this.refuse("more streams than files");
    return files;
  }
  private names(count: number, end: number): readonly string[] {
    if (this.byte() !== 0) this.refuse("names that are kept elsewhere");
    const raw = this.take(end - this.at);
    if (raw.length % 2 !== 0) this.refuse("a name of half a character");
    const names = new TextDecoder("utf-16le").decode(raw).split("\0");
    if (names.pop() !== "" || names.length !== count) this.refuse("as many names as there are no files");
    return names;
  }
  private times(count: number): void {
    const defined = this.definedBits(count).filter(Boolean).length;
    if (this.byte() !== 0) this.refuse("times that are kept elsewhere");
    this.take(8 * defined);
  }
}
