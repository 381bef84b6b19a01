/**
 * ZIP archives as evidence (APPNOTE 6.3.10): every record is read where it lies, and every disagreement between records is
 * kept instead of ending the reading, because programs that read archives disagree too. zip.ts is the reader for archives
 * that should simply be right.
 */
import { upTo, type Content } from "./content.ts";
import { crc32 as checksum } from "./crc32.ts";
import { FormatError, viewOf } from "./error.ts";

/** How two readers of the same archive could come to see different things. */
export type ZipOddity =
  | "mismatch"
  | "overlap"
  | "link"
  | "encrypted"
  | "method"
  | "size"
  | "outside"
  | "volumes"
  | "directory";

export interface ZipProblem {
  readonly kind: ZipOddity;
  readonly at: number;
  readonly end: number;
  readonly problem: string;
}

export interface ExaminedMember {
  readonly name: string;
  /** Other names that extra fields give it, for readers that go by them. */
  readonly alsoNamed: readonly string[];
  /** Where the directory has its name. */
  readonly entry: readonly [start: number, end: number];
  readonly folder: boolean;
  /** The mode of POSIX, where the archive was made on such a system; 0 elsewhere. */
  readonly mode: number;
  /** The attributes of DOS say that it is a folder. */
  readonly marked: boolean;
  readonly link: boolean;
  readonly encrypted: boolean;
  /** APPNOTE 4.4.5. */
  readonly method: number;
  readonly crc32: number;
  /** As the central directory says; the local header may say otherwise. */
  readonly size: number;
  readonly packedSize: number;
  /** Where its bytes start; undefined where there is no local header. */
  readonly at: number | undefined;
  /** Records of this member that were understood, its data not among them. */
  readonly records: readonly (readonly [start: number, end: number])[];
}

export interface ExaminedZip {
  readonly members: readonly ExaminedMember[];
  readonly problems: readonly ZipProblem[];
  /** The end records and the directory. */
  readonly records: readonly (readonly [start: number, end: number])[];
}

const FORMAT = "zip";
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR = 0x07064b50;
const DESCRIPTOR = 0x08074b50;
const END_SIZE = 22;
const ALL_ONES = 0xffffffff;

/** Extra fields whose content is understood, and one that is padding (PyTorch fills it with "Z" or zeros). */
const EXTRAS = new Set([0x0001, 0x000a, 0x000d, 0x5455, 0x5855, 0x7855, 0x7875, 0x9901, 0xcafe]);
/** Info-ZIP's comment and name in UTF-8, each with the checksum of what it stands for (APPNOTE 4.6.8, 4.6.9). */
const UNICODE_COMMENT = 0x6375;
const UNICODE_PATH = 0x7075;
const PADDING = 0x4246;
const ALIGNMENT = 0xd935;

/** Where the end record lies that readers look for from the back; undefined where there is none. */
function endRecord(content: Content): { at: number; view: DataView; comment: number; others: number } | undefined {
  const from = Math.max(0, content.size - END_SIZE - 0xffff);
  const tail = upTo(content, from, content.size - from);
  const view = viewOf(tail);
  let found: { at: number; comment: number } | undefined;
  let others = 0;
  for (let at = tail.length - END_SIZE; at >= 0; at--) {
    if (tail[at] !== 0x50 || view.getUint32(at, true) !== END) continue;
    const comment = view.getUint16(at + 20, true);
    const end = at + END_SIZE + comment;
    if (end > tail.length) continue;
    // The last that could be one is taken, as most readers do. Those that want it to end the file may take another;
    // one before a whole last one belongs to an archive within.
    if (!found) found = { at: from + at, comment };
    else if (end === tail.length && found.at + END_SIZE + found.comment !== content.size) others++;
  }
  return found && { ...found, others, view: viewOf(content.read(found.at, END_SIZE)) };
}

/** Whether a zip reader would find an archive here: from the front, or from the back. */
export function zipSigns(content: Content): { readonly front: boolean; readonly back: boolean } {
  const head = upTo(content, 0, 4);
  const front =
    head.length === 4 && (viewOf(head).getUint32(0, true) === LOCAL || viewOf(head).getUint32(0, true) === END);
  if (content.size < END_SIZE) return { front, back: false };
  const end = endRecord(content);
  if (!end) return { front, back: false };
  // An end record in random bytes names no directory.
  const size = end.view.getUint32(12, true);
  const entries = end.view.getUint16(10, true);
  const wide = size === ALL_ONES || entries === 0xffff || end.view.getUint32(16, true) === ALL_ONES;
  const directoryAt = end.at - size;
  const names =
    !wide && size >= 46 && directoryAt >= 0 && viewOf(content.read(directoryAt, 4)).getUint32(0, true) === CENTRAL;
  return { front, back: wide || names || (entries === 0 && size === 0 && end.at === 0) };
}

const u64 = (view: DataView, at: number): number => {
  const value = view.getBigUint64(at, true);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.NaN : Number(value);
};

/** Examines the whole archive. Throws a FormatError where there is no directory to go by. */
export function examineZip(content: Content, membersMax: number): ExaminedZip {
  const problems: ZipProblem[] = [];
  const records: [number, number][] = [];
  const trouble = (kind: ZipOddity, at: number, problem: string, end = at + 1): void => {
    if (problems.length < 200)
      problems.push({ kind, at: Math.min(at, content.size), end: Math.min(Math.max(end, at), content.size), problem });
  };
  const end = endRecord(content);
  if (!end)
    throw new FormatError(
      FORMAT,
      content.size,
      "the end of the central directory is missing",
      "fetch or write it again",
    );
  if (end.others > 0)
    trouble(
      "directory",
      end.at,
      `there are ${end.others + 1} records that could be the archive's end`,
      end.at + END_SIZE,
    );
  records.push([end.at, end.at + END_SIZE]);
  const commentAt = end.at + END_SIZE;
  const comment = content.read(commentAt, end.comment);
  if (comment.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127)))
    records.push([commentAt, commentAt + end.comment]);
  let entries = end.view.getUint16(10, true);
  let size = end.view.getUint32(12, true);
  let offset = end.view.getUint32(16, true);
  let disks = end.view.getUint16(4, true) + end.view.getUint16(6, true);
  let directoryEnd = end.at;
  if (end.at >= 20) {
    const locator = viewOf(content.read(end.at - 20, 20));
    if (locator.getUint32(0, true) === LOCATOR) {
      const at = u64(locator, 8);
      // Behind a prefix the record is not where it says, but right before its locator.
      const place = [at, end.at - 20 - 56].find(
        (from) => from >= 0 && from + 56 <= end.at - 20 && viewOf(content.read(from, 4)).getUint32(0, true) === END64,
      );
      if (place === undefined)
        trouble("directory", end.at - 20, "the ZIP64 end record is not where it is said to be", end.at);
      else {
        const record = viewOf(content.read(place, 56));
        const length = 12 + u64(record, 4);
        if (place + length === end.at - 20 && length === 56) records.push([place, end.at]);
        else trouble("directory", place, "the ZIP64 end record does not reach its locator", place + 56);
        const wide = { entries: u64(record, 32), size: u64(record, 40), offset: u64(record, 48) };
        if (
          (entries !== 0xffff && entries !== wide.entries) ||
          (size !== ALL_ONES && size !== wide.size) ||
          (offset !== ALL_ONES && offset !== wide.offset)
        )
          trouble("directory", place, "the two end records disagree on where the directory is", end.at + END_SIZE);
        ({ entries, size, offset } = wide);
        disks = record.getUint32(16, true) + record.getUint32(20, true);
        directoryEnd = place;
      }
    }
  }
  if (disks !== 0) trouble("volumes", end.at, "the archive spans several volumes");
  const start = directoryEnd - size;
  if (!Number.isSafeInteger(start) || start < 0)
    throw new FormatError(
      FORMAT,
      end.at + 12,
      `a directory of ${size} bytes does not fit before byte ${directoryEnd}`,
      "fetch or write it again",
    );
  const shift = start - offset;
  if (shift !== 0)
    trouble(
      "outside",
      0,
      shift > 0
        ? `${shift} bytes stand before the archive: what starts the file is something else`
        : "the directory is not where the end record says",
      Math.max(1, Math.min(shift, content.size)),
    );
  const members: ExaminedMember[] = [];
  const taken: { from: number; to: number; name: string }[] = [];
  let at = start;
  while (at + 46 <= directoryEnd) {
    const header = viewOf(content.read(at, 46));
    if (header.getUint32(0, true) !== CENTRAL) break;
    if (members.length >= membersMax) {
      trouble("directory", at, `more than ${membersMax} entries; the rest was not read`);
      break;
    }
    const lengths = [header.getUint16(28, true), header.getUint16(30, true), header.getUint16(32, true)] as const;
    const total = 46 + lengths[0] + lengths[1] + lengths[2];
    if (at + total > directoryEnd) break;
    const body = content.read(at + 46, total - 46);
    const member = readMember(content, at, header, body, lengths, shift, trouble);
    const comment = body.subarray(lengths[0] + lengths[1]);
    if (extrasUnderstood(body.subarray(lengths[0], lengths[0] + lengths[1]), comment) && lengths[2] === 0)
      records.push([at, at + total]);
    else records.push([at, at + 46 + lengths[0]]);
    members.push(member);
    if (member.at !== undefined)
      taken.push({ from: member.records[0]![0], to: member.at + member.packedSize, name: member.name });
    at += total;
  }
  if (at !== directoryEnd)
    trouble(
      "directory",
      at,
      `the directory does not end where it should: ${directoryEnd - at} bytes are left over`,
      directoryEnd,
    );
  if (members.length !== entries)
    trouble("directory", end.at, `the end record says ${entries} members, the directory lists ${members.length}`);
  taken.sort((a, b) => a.from - b.from);
  for (let i = 1; i < taken.length; i++)
    if (taken[i]!.from < taken[i - 1]!.to)
      trouble(
        "overlap",
        taken[i]!.from,
        `"${taken[i - 1]!.name}" and "${taken[i]!.name}" share bytes (Fifield 2019)`,
        taken[i - 1]!.to,
      );
  return { members, problems, records };
}

function readMember(
  content: Content,
  entryAt: number,
  header: DataView,
  body: Uint8Array,
  [nameLength, extraLength]: readonly [number, number, number],
  shift: number,
  trouble: (kind: ZipOddity, at: number, problem: string, end?: number) => void,
): ExaminedMember {
  const flags = header.getUint16(8, true);
  const method = header.getUint16(10, true);
  const crc32 = header.getUint32(16, true);
  const rawName = body.subarray(0, nameLength);
  const name = decoded(rawName, (flags & 0x800) !== 0);
  const shown = JSON.stringify(name.slice(0, 200));
  const wide = wideFields(body.subarray(nameLength, nameLength + extraLength), [
    header.getUint32(24, true),
    header.getUint32(20, true),
    header.getUint32(42, true),
  ]);
  const [size, packedSize, offset] = wide;
  const attributes = header.getUint32(38, true);
  const mode = header.getUint8(5) === 3 ? attributes >>> 16 : 0;
  const link = (mode & 0o170000) === 0o120000;
  if (link) trouble("link", entryAt + 38, `${shown} is a symbolic link`, entryAt + 42);
  const records: [number, number][] = [];
  const alsoNamed: string[] = [];
  const unicode = (extra: Uint8Array, raw: Uint8Array, from: number, to: number): void => {
    for (const { name: other, stale } of unicodePaths(extra, raw)) {
      if (other === name || alsoNamed.includes(other)) continue;
      alsoNamed.push(other);
      if (stale || !transcribed(raw, other))
        trouble(
          "mismatch",
          from,
          `the name of ${shown} and its name in Unicode disagree (${JSON.stringify(other.slice(0, 200))})`,
          to,
        );
    }
  };
  unicode(
    body.subarray(nameLength, nameLength + extraLength),
    rawName,
    entryAt + 46 + nameLength,
    entryAt + 46 + nameLength + extraLength,
  );
  const base = {
    name,
    alsoNamed,
    entry: [entryAt + 46, entryAt + 46 + nameLength] as const,
    folder: name.endsWith("/") && size === 0,
    mode,
    marked: (attributes & 0x10) !== 0,
    link,
    method,
    crc32,
    size,
    packedSize,
    records,
  };
  const at = offset + shift;
  if (!Number.isSafeInteger(at) || at < 0 || at + 30 > content.size) {
    trouble("outside", entryAt + 42, `${shown} is said to lie outside the file`, entryAt + 46);
    return { ...base, encrypted: (flags & 1) !== 0, at: undefined };
  }
  const local = viewOf(content.read(at, 30));
  if (local.getUint32(0, true) !== LOCAL) {
    trouble("mismatch", at, `there is no local header where the directory puts ${shown}`);
    return { ...base, encrypted: (flags & 1) !== 0, at: undefined };
  }
  const localFlags = local.getUint16(6, true);
  const [localName, localExtra] = [local.getUint16(26, true), local.getUint16(28, true)];
  const dataAt = at + 30 + localName + localExtra;
  if (dataAt + packedSize > content.size) {
    trouble(
      "size",
      entryAt + 20,
      `${shown} claims ${packedSize} bytes and runs past the end of the file`,
      entryAt + 24,
    );
    return { ...base, encrypted: (flags & 1) !== 0, at: undefined };
  }
  const localBody = content.read(at + 30, localName + localExtra);
  const differs = (what: string, from: number, to: number): void =>
    trouble("mismatch", at + from, `the local header of ${shown} and the directory disagree on ${what}`, at + to);
  if (((flags ^ localFlags) & (0x1 | 0x40 | 0x2000)) !== 0) differs("whether it is encrypted", 6, 8);
  if (local.getUint16(8, true) !== method) differs("how it is packed", 8, 10);
  const sameName = localName === nameLength && rawName.every((byte, i) => byte === localBody[i]);
  if (!sameName)
    differs(
      `its name (${JSON.stringify(decoded(localBody.subarray(0, localName), false).slice(0, 200))})`,
      30,
      30 + localName,
    );
  unicode(localBody.subarray(localName), localBody.subarray(0, localName), at + 30 + localName, dataAt);
  const later = (localFlags & 8) !== 0;
  const [localSize, localPacked] = wideFields(localBody.subarray(localName), [
    local.getUint32(22, true),
    local.getUint32(18, true),
    0,
  ]);
  if (!(later && local.getUint32(14, true) === 0) && local.getUint32(14, true) !== crc32)
    differs("its checksum", 14, 18);
  const none = later && localSize === 0 && localPacked === 0;
  if (!none && (localSize !== size || localPacked !== packedSize)) differs("its size", 18, 26);
  records.push([at, at + 30 + localName]);
  if (extrasUnderstood(localBody.subarray(localName), body.subarray(nameLength + extraLength)))
    records.push([at + 30 + localName, dataAt]);
  if (later || none) {
    const descriptor = descriptorSize(content, dataAt + packedSize, crc32, size, packedSize);
    if (descriptor > 0) records.push([dataAt + packedSize, dataAt + packedSize + descriptor]);
  }
  return { ...base, encrypted: ((flags | localFlags) & 1) !== 0, at: dataAt };
}

/** The data descriptor behind a member, if one that says the same is there (APPNOTE 4.3.9). */
function descriptorSize(content: Content, at: number, crc32: number, size: number, packedSize: number): number {
  const bytes = upTo(content, at, 24);
  const view = viewOf(bytes);
  for (const signed of [4, 0])
    for (const width of [8, 4]) {
      const length = signed + 4 + 2 * width;
      if (bytes.length < length || (signed === 4 && view.getUint32(0, true) !== DESCRIPTOR)) continue;
      const number = (from: number): number => (width === 8 ? u64(view, from) : view.getUint32(from, true));
      if (
        view.getUint32(signed, true) === crc32 &&
        number(signed + 4) === packedSize &&
        number(signed + 4 + width) === size
      )
        return length;
    }
  return 0;
}

/** [size, packed size, offset] with ZIP64's where the 32 bits are all ones. */
function wideFields(extra: Uint8Array, fields: readonly [number, number, number]): [number, number, number] {
  const wide: [number, number, number] = [...fields];
  if (!fields.includes(ALL_ONES)) return wide;
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let from = at + 4;
    const to = Math.min(extra.length, from + view.getUint16(at + 2, true));
    for (let i = 0; i < 3; i++)
      if (fields[i] === ALL_ONES && from + 8 <= to) {
        wide[i] = u64(view, from);
        from += 8;
      }
  }
  return wide;
}

/** The extra fields of one kind. */
function* extrasOf(extra: Uint8Array, wanted: number): Generator<Uint8Array> {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true))
    if (view.getUint16(at, true) === wanted) yield extra.subarray(at + 4, at + 4 + view.getUint16(at + 2, true));
}

/** Version, checksum of what it stands for, text; the text is undefined where it is no UTF-8. */
function unicodeField(field: Uint8Array): { version: number; crc: number; text: string | undefined } {
  if (field.length < 5) return { version: 0, crc: 0, text: undefined };
  const crc = viewOf(field).getUint32(1, true);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(field.subarray(5));
    return { version: field[0]!, crc, text };
  } catch {
    return { version: field[0]!, crc, text: undefined };
  }
}

/** The names in Unicode that a record gives besides its own; `stale` where the checksum is of another name, which some readers do not mind. */
function unicodePaths(extra: Uint8Array, raw: Uint8Array): readonly { name: string; stale: boolean }[] {
  return [...extrasOf(extra, UNICODE_PATH)]
    .filter((field) => field.length > 5)
    .map((field) => ({
      name: new TextDecoder("utf-8", { ignoreBOM: true }).decode(field.subarray(5)),
      stale: unicodeField(field).crc !== checksum(raw),
    }));
}

/**
 * Whether `raw` can be `name` in some other encoding: what is ASCII there stays so, but for the second bytes of Asian encodings, which lie
 * from "@" on; characters that have none are a question mark, or spelled as Info-ZIP (#U00e9, #L01f600) and Commons Compress (%U00E9) do.
 */
function transcribed(raw: Uint8Array, name: string): boolean {
  const latin1 = String.fromCharCode(...raw);
  const spelled = latin1.replace(
    /(?:#|%)U([\dA-Fa-f]{4})|#L([\dA-Fa-f]{6})/g,
    (whole, short?: string, wide?: string) => {
      const code = Number.parseInt(short ?? wide!, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
  if (spelled === name || decoded(raw, true) === name) return true;
  if (/^[\x00-\x7f]*$/.test(latin1)) {
    // Question marks stand for what is not ASCII.
    const parts = spelled.split("?");
    if (parts.length === 1) return false;
    const pattern = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("[^\\x00-\\x7f]{1,2}");
    return new RegExp(`^${pattern}$`).test(name);
  }
  const signs = (text: string): string => text.replace(/[^!-?]/g, "");
  const ending = (text: string): string | undefined => /\.[\x21-\x7e]*$/.exec(text)?.[0];
  return signs(latin1) === signs(name) && ending(latin1) === ending(name) && /[^\x00-\x7f]/.test(name);
}

function extrasUnderstood(extra: Uint8Array, comment: Uint8Array): boolean {
  const view = viewOf(extra);
  let at = 0;
  while (at + 4 <= extra.length) {
    const id = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    const field = extra.subarray(at + 4, at + 4 + length);
    if (field.length < length) return false;
    if (
      id === PADDING
        ? !field.every((byte) => byte === 0x5a || byte === 0)
        : id === ALIGNMENT
          ? !field.subarray(2).every((byte) => byte === 0)
          : id === UNICODE_PATH || id === UNICODE_COMMENT
            ? !unicodeUnderstood(field, id === UNICODE_COMMENT ? comment : undefined)
            : !EXTRAS.has(id) || length > 256
    )
      return false;
    at += 4 + length;
  }
  return extra.subarray(at).every((byte) => byte === 0);
}

/** Of the version that is known, in UTF-8; a comment without control characters, and of the comment that is there. */
function unicodeUnderstood(field: Uint8Array, comment: Uint8Array | undefined): boolean {
  const { version, crc, text } = unicodeField(field);
  if (version !== 1 || text === undefined) return false;
  return comment === undefined || (crc === checksum(comment) && !/[\x00-\x08\x0e-\x1f\x7f]/.test(text));
}

function decoded(raw: Uint8Array, utf8: boolean): string {
  const plain = utf8 || raw.every((byte) => byte < 0x80);
  return new TextDecoder(plain ? "utf-8" : "latin1").decode(raw);
}
