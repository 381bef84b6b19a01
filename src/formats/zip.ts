/**
 * ZIP archives (APPNOTE 6.3.10), as strict as an .npz needs: the central directory is the truth, every local header must
 * agree with it, members may not overlap, and nothing inflates past the size it declared.
 */
import { crc32 } from "./crc32.ts";
import { bytesAt, FormatError, readableSize, viewOf } from "./error.ts";
import { inflate } from "./inflate.ts";

export interface ZipMember {
  /** A relative path with forward slashes; never absolute, never with "..". */
  readonly name: string;
  /** Size when unpacked. */
  readonly size: number;
  readonly compressedSize: number;
  readonly method: "stored" | "deflated";
  readonly crc32: number;
  /** Where its bytes start in the archive. */
  readonly at: number;
}

export interface ZipLimits {
  readonly membersMax?: number;
  /** Most bytes of one unpacked member, and of all together. */
  readonly sizeMax?: number;
}

const FORMAT = "zip";
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const END_SIZE = 22;
const ALL_ONES = 0xffffffff;
const REWRITE = "write the archive again with an ordinary tool (numpy.savez, zip)";

export const isZip = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && [LOCAL, END].includes(viewOf(bytes).getUint32(0, true));

/** Flag bits that mean the content is not plainly readable. */
const ENCRYPTED = 0x1 | 0x40 | 0x2000;
const SIZES_FOLLOW = 0x8;
const UTF8_NAME = 0x800;
/** A data descriptor with signature and ZIP64 sizes (APPNOTE 4.3.9). */
const DESCRIPTOR_MAX = 24;

/**
 * The members of an archive, folders left out. Throws a FormatError where central directory and local headers disagree,
 * where a name is absolute, climbs or repeats, where members overlap, and for encryption, several volumes and unknown methods.
 */
export function readZip(bytes: Uint8Array, limits: ZipLimits = {}): readonly ZipMember[] {
  if (!isZip(bytes)) throw new FormatError(FORMAT, 0, "it does not start as a ZIP archive", REWRITE);
  const sizeMax = limits.sizeMax ?? 2 ** 31 - 1;
  const { entries, directoryAt, directorySize } = endOfDirectory(bytes);
  const membersMax = limits.membersMax ?? 65_536;
  if (entries > membersMax)
    throw new FormatError(FORMAT, directoryAt, `${entries} members; the limit is ${membersMax}`, "split the archive");
  const directory = bytesAt(FORMAT, bytes, directoryAt, directorySize, "the central directory");
  const view = viewOf(directory);
  const members: ZipMember[] = [];
  const taken: { from: number; to: number; slack: number; name: string }[] = [];
  const names = new Set<string>();
  let at = 0;
  let total = 0;
  for (let i = 0; i < entries; i++) {
    const entryAt = directoryAt + at;
    bytesAt(FORMAT, directory, at, 46, `entry ${i + 1} of the central directory`);
    if (view.getUint32(at, true) !== CENTRAL)
      throw new FormatError(FORMAT, entryAt, `entry ${i + 1} of the central directory has no signature`, REWRITE);
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const crc32 = view.getUint32(at + 16, true);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const commentLength = view.getUint16(at + 32, true);
    const variable = bytesAt(
      FORMAT,
      directory,
      at + 46,
      nameLength + extraLength + commentLength,
      `entry ${i + 1} of the central directory`,
    );
    const rawName = variable.subarray(0, nameLength);
    const name = checkedName(rawName, (flags & UTF8_NAME) !== 0, entryAt + 46);
    const wide = wideSizes(variable.subarray(nameLength, nameLength + extraLength), entryAt, {
      size: view.getUint32(at + 24, true),
      compressedSize: view.getUint32(at + 20, true),
      local: view.getUint32(at + 42, true),
    });
    if (flags & ENCRYPTED)
      throw new FormatError(FORMAT, entryAt + 8, `"${name}" is encrypted`, "decrypt the archive before naming it here");
    if (view.getUint16(at + 34, true) !== 0)
      throw new FormatError(
        FORMAT,
        entryAt + 34,
        `"${name}" lies on another volume`,
        "join the volumes into one archive",
      );
    if (names.has(name))
      throw new FormatError(
        FORMAT,
        entryAt,
        `"${name}" is there twice: readers would disagree on which counts`,
        REWRITE,
      );
    names.add(name);
    if (method !== 0 && method !== 8)
      throw new FormatError(
        FORMAT,
        entryAt + 10,
        `"${name}" is packed by method ${method}; only stored (0) and deflated (8) are read`,
        REWRITE,
      );
    if (method === 0 && wide.size !== wide.compressedSize)
      throw new FormatError(FORMAT, entryAt + 20, `"${name}" is stored, yet its two sizes differ`, REWRITE);
    total += wide.size;
    if (!(total <= sizeMax))
      throw new FormatError(
        FORMAT,
        entryAt + 24,
        `unpacked, the members up to "${name}" are ${readableSize(total)}; the limit is ${readableSize(sizeMax)}`,
        "keep an evaluation set of a few thousand samples in a file of its own",
      );
    const dataAt = checkedLocal(bytes, directoryAt, { name, rawName, flags, method, crc32, ...wide });
    taken.push({
      from: wide.local,
      to: dataAt + wide.compressedSize,
      slack: (flags & SIZES_FOLLOW) !== 0 ? DESCRIPTOR_MAX : 0,
      name,
    });
    if (!name.endsWith("/"))
      members.push({
        name,
        size: wide.size,
        compressedSize: wide.compressedSize,
        method: method === 0 ? "stored" : "deflated",
        crc32,
        at: dataAt,
      });
    at += 46 + nameLength + extraLength + commentLength;
  }
  if (at !== directorySize)
    throw new FormatError(
      FORMAT,
      directoryAt + at,
      `the central directory claims ${directorySize} bytes, its ${entries} entries fill ${at}`,
      REWRITE,
    );
  checkTiling(taken, directoryAt);
  return members;
}

/** Members follow each other from byte 0 to the directory; only a data descriptor may stand between them. */
function checkTiling(taken: readonly { from: number; to: number; slack: number; name: string }[], end: number): void {
  let expected = 0;
  let slack = 0;
  let before = "";
  for (const { from, to, name, ...member } of taken.toSorted((a, b) => a.from - b.from)) {
    if (from < expected)
      throw new FormatError(
        FORMAT,
        from,
        `"${before}" and "${name}" share bytes (an overlapping archive, Fifield 2019)`,
        REWRITE,
      );
    if (from > expected + slack)
      throw new FormatError(FORMAT, expected, `${from - expected} bytes before "${name}" belong to no member`, REWRITE);
    [expected, slack, before] = [to, member.slack, name];
  }
  if (end > expected + slack)
    throw new FormatError(
      FORMAT,
      expected,
      `${end - expected} bytes before the directory belong to no member`,
      REWRITE,
    );
}

/** One member unpacked; its size and CRC-32 are checked. Throws a FormatError where they differ. */
export async function readZipMember(bytes: Uint8Array, member: ZipMember): Promise<Uint8Array> {
  const packed = bytesAt(FORMAT, bytes, member.at, member.compressedSize, `"${member.name}"`);
  const content =
    member.method === "stored"
      ? packed
      : await inflate(packed, "deflate-raw", member.size, {
          format: `${FORMAT} member "${member.name}"`,
          offset: member.at,
        });
  if (content.length !== member.size)
    throw new FormatError(
      FORMAT,
      member.at,
      `"${member.name}" unpacks to ${content.length} bytes instead of ${member.size}`,
      REWRITE,
    );
  if (crc32(content) !== member.crc32)
    throw new FormatError(
      FORMAT,
      member.at,
      `"${member.name}" fails its CRC-32: its bytes were damaged`,
      "fetch or write the file again",
    );
  return content;
}

function endOfDirectory(bytes: Uint8Array): { entries: number; directoryAt: number; directorySize: number } {
  const view = viewOf(bytes);
  const lowest = Math.max(0, bytes.length - END_SIZE - 0xffff);
  let endAt = -1;
  for (let at = bytes.length - END_SIZE; at >= lowest; at--)
    if (view.getUint32(at, true) === END && at + END_SIZE + view.getUint16(at + 20, true) === bytes.length) {
      endAt = at;
      break;
    }
  if (endAt < 0)
    throw new FormatError(
      FORMAT,
      bytes.length,
      "the end of the central directory is missing",
      "the archive is cut short or something was appended: fetch or write it again",
    );
  let end = {
    disk: view.getUint16(endAt + 4, true),
    startDisk: view.getUint16(endAt + 6, true),
    here: view.getUint16(endAt + 8, true),
    entries: view.getUint16(endAt + 10, true),
    directorySize: view.getUint32(endAt + 12, true),
    directoryAt: view.getUint32(endAt + 16, true),
  };
  let directoryEnd = endAt;
  const locatorAt = endAt - 20;
  if (locatorAt >= 0 && view.getUint32(locatorAt, true) === END64_LOCATOR) {
    const end64At = wideNumber(view, locatorAt + 8);
    bytesAt(FORMAT, bytes, end64At, 56, "the ZIP64 end of the central directory");
    if (view.getUint32(end64At, true) !== END64 || end64At + 12 + wideNumber(view, end64At + 4) !== locatorAt)
      throw new FormatError(
        FORMAT,
        end64At,
        "the ZIP64 end of the central directory is not where it is said to be",
        REWRITE,
      );
    end = {
      disk: view.getUint32(end64At + 16, true),
      startDisk: view.getUint32(end64At + 20, true),
      here: wideNumber(view, end64At + 24),
      entries: wideNumber(view, end64At + 32),
      directorySize: wideNumber(view, end64At + 40),
      directoryAt: wideNumber(view, end64At + 48),
    };
    directoryEnd = end64At;
  }
  if (end.disk !== 0 || end.startDisk !== 0 || end.here !== end.entries)
    throw new FormatError(FORMAT, endAt + 4, "the archive spans several volumes", "join the volumes into one archive");
  if (end.directoryAt + end.directorySize !== directoryEnd)
    throw new FormatError(
      FORMAT,
      endAt + 12,
      `the central directory is said to be at byte ${end.directoryAt} with ${end.directorySize} bytes, and does not end at byte ${directoryEnd}`,
      "the archive is cut short or something stands before or between its parts: write it again",
    );
  return end;
}

/** Sizes and offset with the ZIP64 extra field (id 1) read where the 32-bit fields are all ones. */
function wideSizes(
  extra: Uint8Array,
  at: number,
  fields: { size: number; compressedSize: number; local: number },
): { size: number; compressedSize: number; local: number } {
  const wide = { ...fields };
  const needed = (["size", "compressedSize", "local"] as const).filter((field) => fields[field] === ALL_ONES);
  if (needed.length === 0) return wide;
  const view = viewOf(extra);
  for (let from = 0; from + 4 <= extra.length;) {
    const id = view.getUint16(from, true);
    const length = view.getUint16(from + 2, true);
    bytesAt(FORMAT, extra, from + 4, length, "an extra field");
    if (id === 1) {
      if (length < 8 * needed.length) break;
      needed.forEach((field, i) => (wide[field] = wideNumber(view, from + 4 + 8 * i)));
      return wide;
    }
    from += 4 + length;
  }
  throw new FormatError(FORMAT, at, "a ZIP64 size is announced and missing", REWRITE);
}

function wideNumber(view: DataView, at: number): number {
  const number = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(number))
    throw new FormatError(FORMAT, view.byteOffset + at, `a size of ${number}`, REWRITE);
  return number;
}

/** Where the member's data starts, after its local header was found to say the same as the central directory. */
function checkedLocal(
  bytes: Uint8Array,
  directoryAt: number,
  entry: {
    name: string;
    rawName: Uint8Array;
    flags: number;
    method: number;
    crc32: number;
    size: number;
    compressedSize: number;
    local: number;
  },
): number {
  const at = entry.local;
  bytesAt(FORMAT, bytes, at, 30, `the local header of "${entry.name}"`);
  const view = viewOf(bytes);
  const differs = (what: string, offset: number): never => {
    throw new FormatError(
      FORMAT,
      at + offset,
      `the local header of "${entry.name}" and the central directory disagree on ${what}`,
      REWRITE,
    );
  };
  if (view.getUint32(at, true) !== LOCAL) differs("where it is", 0);
  const flags = view.getUint16(at + 6, true);
  if (((flags ^ entry.flags) & (ENCRYPTED | SIZES_FOLLOW)) !== 0) differs("its flags", 6);
  if (view.getUint16(at + 8, true) !== entry.method) differs("its method", 8);
  const nameLength = view.getUint16(at + 26, true);
  const extraLength = view.getUint16(at + 28, true);
  const variable = bytesAt(FORMAT, bytes, at + 30, nameLength + extraLength, `the local header of "${entry.name}"`);
  const name = variable.subarray(0, nameLength);
  if (name.length !== entry.rawName.length || name.some((byte, i) => byte !== entry.rawName[i]))
    differs("its name", 30);
  const stated = {
    crc32: view.getUint32(at + 14, true),
    compressedSize: view.getUint32(at + 18, true),
    size: view.getUint32(at + 22, true),
  };
  // With bit 3 the three figures follow the data and stand here as zero (APPNOTE 4.4.4); a nonzero one must still be true.
  const later = (flags & SIZES_FOLLOW) !== 0;
  if (!(later && stated.crc32 === 0) && stated.crc32 !== entry.crc32) differs("its CRC-32", 14);
  const wide =
    later && stated.size === 0 && stated.compressedSize === 0
      ? entry
      : wideSizes(variable.subarray(nameLength), at, { ...stated, local: 0 });
  const bothLater = later && wide.size === 0 && wide.compressedSize === 0;
  if (!bothLater && (wide.size !== entry.size || wide.compressedSize !== entry.compressedSize)) differs("its size", 18);
  const dataAt = at + 30 + nameLength + extraLength;
  if (dataAt + entry.compressedSize > directoryAt)
    throw new FormatError(
      FORMAT,
      at,
      `"${entry.name}" claims ${entry.compressedSize} bytes and would run into the central directory`,
      REWRITE,
    );
  return dataAt;
}

function checkedName(raw: Uint8Array, utf8: boolean, at: number): string {
  let name: string;
  try {
    name = new TextDecoder(utf8 || raw.every((byte) => byte < 0x80) ? "utf-8" : "latin1", { fatal: true }).decode(raw);
  } catch {
    throw new FormatError(FORMAT, at, "a member's name is not the UTF-8 it claims to be", REWRITE);
  }
  const parts = name.replace(/\/$/, "").split("/");
  const bad =
    name.length === 0
      ? "is empty"
      : [...name].some((character) => character < " " || character === "\u007f")
        ? "holds a control character"
        : name.startsWith("/") || /^[A-Za-z]:/.test(name)
          ? "is absolute"
          : name.includes("\\")
            ? "holds a backslash"
            : parts.some((part) => part === ".." || part === "." || part === "")
              ? "climbs out of the archive or has an empty part"
              : undefined;
  if (bad)
    throw new FormatError(
      FORMAT,
      at,
      `the member name ${JSON.stringify(name)} ${bad}`,
      "nothing was unpacked: have the archive made again with plain relative names, and ask why it was not",
    );
  return name;
}
