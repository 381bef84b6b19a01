/** Tar archives (POSIX.1-2017 pax, ustar, GNU and v7) as evidence: every record where it lies, with what is odd about it. */
import { type Content } from "./content.ts";
import { FormatError } from "./error.ts";
import { problemOfName } from "./member-name.ts";

const FORMAT = "tar";
const BLOCK = 512;

export interface TarMember {
  readonly name: string;
  /** File, folder, hard or symbolic link, or something else that is made and not filled (device, pipe). */
  readonly kind: "file" | "folder" | "link" | "special";
  readonly target: string;
  readonly mode: number;
  /** Where its header lies. */
  readonly header: number;
  readonly at: number;
  readonly size: number;
}
export interface TarProblem {
  readonly at: number;
  readonly end: number;
  readonly problem: string;
  readonly kind: "link" | "special" | "end" | "header";
}
export interface ExaminedTar {
  readonly members: readonly TarMember[];
  readonly problems: readonly TarProblem[];
  /** Headers and padding that were understood; the data of members is not among them. */
  readonly records: readonly (readonly [start: number, end: number])[];
}

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder("utf-8").decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** An octal number, or GNU's base 256; NaN for anything else. */
function number(bytes: Uint8Array): number {
  if (bytes[0] === 0x80) {
    let value = 0;
    for (const byte of bytes.subarray(1)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : Number.NaN;
  }
  const digits = text(bytes).trim();
  return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function checksumHolds(block: Uint8Array): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 32 : block[i]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const said = number(block.subarray(148, 156));
  return said === unsigned || said === signed;
}

/** A first block whose checksum holds, with a name. */
export function isTar(content: Content): boolean {
  if (content.size < BLOCK) return false;
  const block = content.read(0, BLOCK);
  return block[0] !== 0 && checksumHolds(block);
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** Examines the archive up to its end, or to the first header that is none. */
export function examineTar(content: Content, membersMax: number): ExaminedTar {
  const members: TarMember[] = [];
  const problems: TarProblem[] = [];
  const records: [number, number][] = [];
  const trouble = (kind: TarProblem["kind"], at: number, problem: string): void => {
    if (problems.length < 200) problems.push({ kind, at, end: Math.min(content.size, at + BLOCK), problem });
  };
  let at = 0;
  let longName: string | undefined;
  let longLink: string | undefined;
  let pax = new Map<string, string>();
  let global = new Map<string, string>();
  for (;;) {
    if (at + BLOCK > content.size) {
      trouble("end", at, "the archive ends without its two empty blocks");
      break;
    }
    const block = content.read(at, BLOCK);
    if (isZero(block)) {
      // Readers stop here; writers fill up to the record with zeros.
      let end = at + BLOCK;
      while (end + BLOCK <= content.size && isZero(content.read(end, BLOCK))) end += BLOCK;
      records.push([at, end]);
      break;
    }
    if (!checksumHolds(block)) {
      trouble("header", at, "a header whose checksum does not hold");
      break;
    }
    if (members.length >= membersMax)
      throw new FormatError(FORMAT, at, `more than ${membersMax} members`, "split the archive");
    const size = pax.has("size") ? Number(pax.get("size")) : number(block.subarray(124, 136));
    const dataAt = at + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || dataAt + size > content.size) {
      trouble("header", at, "a member that claims more bytes than there are");
      break;
    }
    const type = String.fromCharCode(block[156]!);
    const end = dataAt + Math.ceil(size / BLOCK) * BLOCK;
    const padding = content.read(dataAt + size, Math.max(0, Math.min(end, content.size) - dataAt - size));
    const described = (): void => {
      records.push([at, dataAt + size]);
      if (isZero(padding)) records.push([dataAt + size, dataAt + size + padding.length]);
    };
    if (type === "L" || type === "K") {
      const value = text(content.read(dataAt, Math.min(size, 65_536)));
      if (type === "L") longName = value;
      else longLink = value;
      described();
    } else if (type === "x" || type === "g") {
      const fields = paxFields(content.read(dataAt, Math.min(size, 1 << 20)));
      if (!fields || size > 1 << 20) trouble("header", at, "an extended header that is none");
      else {
        if (type === "x") pax = fields;
        else global = new Map([...global, ...fields]);
        described();
      }
    } else {
      const prefix =
        text(block.subarray(257, 262)) === "ustar" && block[262] === 0 ? text(block.subarray(345, 500)) : "";
      const plain = text(block.subarray(0, 100));
      const name = pax.get("path") ?? global.get("path") ?? longName ?? (prefix ? `${prefix}/${plain}` : plain);
      const target = pax.get("linkpath") ?? longLink ?? text(block.subarray(157, 257));
      const kind: TarMember["kind"] =
        type === "0" || type === "\0" || type === "7" || type === "S"
          ? name.endsWith("/")
            ? "folder"
            : "file"
          : type === "5"
            ? "folder"
            : type === "1" || type === "2"
              ? "link"
              : "special";
      const shown = JSON.stringify(name.slice(0, 200));
      if (kind === "link") {
        const out = problemOfName(target) !== undefined || type === "2";
        trouble("link", at, `${shown} is a link to ${JSON.stringify(target.slice(0, 200))}${out ? "" : ", a member"}`);
      }
      if (kind === "special") trouble("special", at, `${shown} is of type "${type}": no file, folder or link`);
      if (type === "S") trouble("special", at, `${shown} is stored with holes, which are not filled in here`);
      const mode = number(block.subarray(100, 108));
      members.push({
        name,
        kind,
        target,
        mode: mode & 0o7777,
        header: at,
        at: dataAt,
        size: kind === "link" ? 0 : size,
      });
      records.push([at, dataAt]);
      if (isZero(padding)) records.push([dataAt + size, dataAt + size + padding.length]);
      pax = new Map();
      longName = undefined;
      longLink = undefined;
    }
    at = end;
  }
  return { members, problems, records };
}

/** `25 path=some/long/name\n` and so on; undefined where it is anything else. */
function paxFields(bytes: Uint8Array): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    const length = space < 0 ? Number.NaN : Number(text(bytes.subarray(at, space)));
    if (
      !Number.isSafeInteger(length) ||
      length <= space - at + 1 ||
      at + length > bytes.length ||
      bytes[at + length - 1] !== 10
    )
      return undefined;
    const field = new TextDecoder("utf-8").decode(bytes.subarray(space + 1, at + length - 1));
    const equals = field.indexOf("=");
    if (equals <= 0) return undefined;
    fields.set(field.slice(0, equals), field.slice(equals + 1));
    at += length;
  }
  return fields;
}
