/**
 * Tar archives (POSIX.1-2017 pax, ustar, GNU and v7) as evidence: every record where it lies, with what is odd about it. Readers
 * (GNU tar, Python's tarfile, libarchive) disagree on headers that no writer makes; where they may, every reading is kept.
 */
import { part, upTo, type Content } from "./content.ts";
import { FormatError } from "./error.ts";
import { problemOfName } from "./member-name.ts";
import { oldHoles, paxHoles, unfolded, type Piece } from "./tar-sparse.ts";

const FORMAT = "tar";
const BLOCK = 512;
/** Below it every size fits the header's own field, and no writer needs another. */
const OCTAL_MAX = 8 ** 11;
/** Longest text of an extended header or a long name. */
const TEXT_MAX = 1 << 20;
/** So many ways to go on are followed where readers disagree on where the next header is. */
const WAYS_MAX = 64;

export interface TarMember {
  readonly name: string;
  /** File, folder, hard or symbolic link, or something else that is made and not filled (device, pipe). */
  readonly kind: "file" | "folder" | "link" | "special";
  readonly target: string;
  readonly mode: number;
  /** Where its header lies. */
  readonly header: number;
  /** Of its content, holes among it. */
  readonly size: number;
  /** Where its content is stored. A hard link has that of the file it is one with. */
  readonly pieces: readonly Piece[];
}
export interface TarProblem {
  readonly at: number;
  readonly end: number;
  readonly problem: string;
  readonly kind: "link" | "same" | "special" | "label" | "differ" | "end" | "header";
}
export interface ExaminedTar {
  /** Where readers disagree one header gives several: every name with every content. */
  readonly members: readonly TarMember[];
  readonly problems: readonly TarProblem[];
  /** Headers and padding that were understood; the data of members is not among them. */
  readonly records: readonly (readonly [start: number, end: number])[];
}

/** Every value of a key, in order. */
type Fields = ReadonlyMap<string, readonly string[]>;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
};
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

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

/** The headers before a member that say something about it. */
interface Before {
  readonly key: string;
  readonly pax: readonly Fields[];
  readonly names: readonly string[];
  readonly links: readonly string[];
  readonly odd: readonly string[];
}
const NOTHING: Before = { key: "", pax: [], names: [], links: [], odd: [] };

/** A way through the archive: the one that most readers go, or one that some do. */
interface Way {
  readonly at: number;
  readonly globals: Fields;
  readonly main: boolean;
}

/** Records that say nothing about what is read, or what is made of it here. */
const KEYS =
  /^(?:path|linkpath|size|uid|gid|uname|gname|[acm]time|comment|charset|hdrcharset|GNU\.volume\.label|GNU\.sparse\.(?:name|size|realsize|numblocks|offset|numbytes|map|major|minor)|SCHILY\.(?:dev|ino|nlink|devmajor|devminor|fflags|(?:xattr|acl)\..+)|LIBARCHIVE\.(?:creationtime|xattr\..+)|RHT\.security\.selinux|MSWINDOWS\.rawsd)$/s;
/** What global headers mean for these differs between readers. */
const GLOBAL_ODD = /^(?:path|linkpath|size|GNU\.sparse\..*)$/s;
/** The name that GNU tar and libarchive give to what is stored with holes, for readers that know nothing of those. */
const FOLDED = /(^|\/)GNUSparseFile\.\d+\//;

const KINDS: Readonly<Record<string, TarMember["kind"]>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  V: "file",
  "1": "link",
  "2": "link",
  "5": "folder",
};
/** Types that Python takes to have no data, whatever their size; others pass over it. */
const BARE = /^[1-6]$/;

/** Examines the archive up to its end, or to the first header that is none. */
export function examineTar(content: Content, membersMax: number): ExaminedTar {
  const members: TarMember[] = [];
  const problems: TarProblem[] = [];
  const records: [number, number][] = [];
  const files = new Map<string, TarMember>();
  const visited = new Set<string>();
  const said = new Set<string>();
  const trouble = (kind: TarProblem["kind"], at: number, problem: string): void => {
    const key = `${kind} ${at} ${problem}`;
    if (problems.length >= 200 || said.has(key)) return;
    said.add(key);
    problems.push({ kind, at, end: Math.min(content.size, at + BLOCK), problem });
  };
  const ways: Way[] = [{ at: 0, globals: new Map(), main: true }];
  let waysSeen = 0;
  for (let way = ways.shift(); way; way = ways.shift()) follow(way);
  return { members, problems, records };

  function follow({ at, globals, main }: Way): void {
    // Where readers come that most do not, there may be no archive at all.
    const broken: typeof trouble = (...what) => (main ? trouble(...what) : undefined);
    let before = NOTHING;
    for (;;) {
      const key = `${at} ${before.key}`;
      if (visited.has(key)) return;
      visited.add(key);
      if (at + BLOCK > content.size) return broken("end", at, "the archive ends without its two empty blocks");
      const block = content.read(at, BLOCK);
      if (isZero(block)) {
        // Readers stop here; writers fill up to the record with zeros.
        let end = at + BLOCK;
        while (end + BLOCK <= content.size && isZero(content.read(end, BLOCK))) end += BLOCK;
        records.push([at, end]);
        return;
      }
      if (!checksumHolds(block)) return broken("header", at, "a header whose checksum does not hold");
      if (visited.size > 4 * membersMax || members.length >= membersMax)
        throw new FormatError(FORMAT, at, `more than ${membersMax} members`, "split the archive");
      const type = String.fromCharCode(block[156]!);
      if ("LKxgX".includes(type)) {
        const size = number(block.subarray(124, 136));
        if (!Number.isSafeInteger(size) || at + BLOCK + size > content.size)
          return broken("header", at, "a header that claims more bytes than there are");
        if (size > TEXT_MAX) return broken("header", at, `a header of more than ${TEXT_MAX} bytes`);
        [before, globals] = extended(at, type, size, before, globals);
        at += BLOCK + padded(size);
        continue;
      }
      const nexts = member(at, block, type, before, globals, main);
      for (const next of nexts.slice(1)) {
        if (++waysSeen > WAYS_MAX) trouble("header", at, "there are more ways to read on than are followed");
        else ways.push({ at: next, globals, main: false });
      }
      before = NOTHING;
      at = nexts[0]!;
    }
  }

  /** A header about what follows it. */
  function extended(at: number, type: string, size: number, before: Before, globals: Fields): [Before, Fields] {
    const dataAt = at + BLOCK;
    const own = content.read(dataAt, size);
    const whole = upTo(content, dataAt, padded(size));
    const odd: string[] = [];
    const key = `${before.key} ${at}`;
    // Python reads on to the end of the block.
    const over = !isZero(whole.subarray(size));
    if (over) odd.push("a header before it goes on behind its end");
    if (type === "L" || type === "K") {
      const values = over ? [text(own), text(whole)] : [text(own)];
      const list = type === "L" ? before.names : before.links;
      if (list.length > 0) odd.push("two long names are given to it");
      records.push([at, dataAt + whole.length]);
      const both = [...list, ...values];
      return [
        { ...before, key, odd: [...before.odd, ...odd], ...(type === "L" ? { names: both } : { links: both }) },
        globals,
      ];
    }
    const { fields, complete } = paxFields(own);
    if (!complete) trouble("header", at, "an extended header that is none");
    const strange = [...fields.keys()].find((name) => !KEYS.test(name));
    if (strange !== undefined)
      trouble(
        "header",
        at,
        `an extended header with ${JSON.stringify(strange.slice(0, 100))}, which is not understood`,
      );
    if (complete && !over && strange === undefined) records.push([at, dataAt + whole.length]);
    if (type === "g") {
      const bad = [...fields.keys()].find((name) => GLOBAL_ODD.test(name));
      if (bad !== undefined || over)
        trouble(
          "differ",
          at,
          bad === undefined ? odd[0]! : `${bad} for all members: some readers heed it, others do not, or only for some`,
        );
      return [{ ...before, key }, new Map([...globals, ...fields])];
    }
    if (type === "X") odd.push("a header before it is of a type that only some know");
    if (before.pax.length > 0) odd.push("two extended headers are about it");
    return [{ ...before, key, odd: [...before.odd, ...odd], pax: [...before.pax, fields] }, globals];
  }

  /** A member in all its readings. Gives where readers look for the next header, the place most take first. */
  function member(
    at: number,
    block: Uint8Array,
    type: string,
    before: Before,
    globals: Fields,
    main: boolean,
  ): readonly number[] {
    const dataAt = at + BLOCK;
    const odd = [...before.odd];
    const local = (key: string): readonly string[] => before.pax.flatMap((fields) => fields.get(key) ?? []);
    const all = (key: string): readonly string[] => [...(globals.get(key) ?? []), ...local(key)];
    const posix = text(block.subarray(257, 263)) === "ustar" && block[262] === 0;

    // Names. Readers agree on one header that gives one name; the fields of the member's own header count only without.
    const plain = text(block.subarray(0, 100));
    const prefix = text(block.subarray(345, 500));
    const joined = prefix === "" ? plain : `${prefix}/${plain}`;
    const base = posix ? joined : plain;
    const folded = all("GNU.sparse.name").at(-1);
    const given = [
      ...all("GNU.sparse.name"),
      ...local("path").toReversed(),
      ...before.names.toReversed(),
      ...(globals.get("path") ?? []),
    ].filter((one) => folded === undefined || one === folded || one.replace(FOLDED, "$1") !== folded);
    const names = distinct(given.length > 0 ? given : [base]);
    if (names.length > 1) odd.push("its name");
    const alsoNamed = (name: string, why: string): void => {
      const before = names.length;
      names.splice(0, before, ...distinct([...names, name]));
      if (names.length > before) odd.push(why);
    };
    // GNU tar keeps times there, which Python takes for a prefix: ugly, and no trick.
    const times = !posix && /^[0-7]{11}$/.test(prefix);
    if (!posix && prefix !== "" && given.length === 0 && type !== "S")
      if (times) names.push(joined);
      else alsoNamed(joined, "whether its name has a prefix");
    if (given.length > 0 && problemOfName(base)?.kind === "outside")
      alsoNamed(base, "its name, where long ones are not known");
    if (folded !== undefined && !FOLDED.test(base)) alsoNamed(base, "its name, where holes are not known");
    const name = names[0]!;
    const shown = JSON.stringify(name.slice(0, 200));

    const linked = distinct([
      ...local("linkpath").toReversed(),
      ...before.links.toReversed(),
      ...(globals.get("linkpath") ?? []),
    ]);
    if (linked.length > 1) odd.push("what it is a link to");
    const target = linked[0] ?? text(block.subarray(157, 257));
    if (before.pax.some((fields) => ["path", "linkpath", "size"].some((key) => (fields.get(key)?.length ?? 0) > 1)))
      odd.push("a record that is there twice");

    // Sizes.
    const field = block.subarray(124, 136);
    const own = number(field);
    const sizes: number[] = [];
    const stated = local("size").at(-1);
    if (stated !== undefined) sizes.push(/^\d{1,16}$/.test(stated) ? Number(stated) : Number.NaN);
    if (stated === undefined || sizes[0]! < OCTAL_MAX || Number.isNaN(sizes[0])) sizes.push(own);
    // Python takes what is no number for 0, and some skip an empty first byte.
    if (Number.isNaN(sizes[0]) && stated !== undefined) sizes.push(0);
    if (field[0] === 0 && !isZero(field)) sizes.push(number(field.subarray(1)));
    for (const other of all("size")) if (/^\d{1,16}$/.test(other)) sizes.push(Number(other));
    const usable = [...new Set(sizes.filter((size) => Number.isSafeInteger(size) && size >= 0))];
    if (new Set(sizes).size > 1) odd.push("its size");
    if (usable.length === 0) {
      if (main) trouble("header", at, `the size of ${shown} is no number`);
      usable.push(0);
    }

    const slash = name.endsWith("/");
    const kind: TarMember["kind"] = (KINDS[type] === "file" && slash ? "folder" : KINDS[type]) ?? "special";
    const described = describedTarget(target, type);
    const [size] = usable as [number];
    const bare = BARE.test(type) || (type === "\0" && plain.endsWith("/"));
    if (bare && size > 0) odd.push("whether it has content");

    const fields: Fields = new Map(
      [...new Set([...globals.keys(), ...before.pax.flatMap((one) => [...one.keys()])])].map((key) => [key, all(key)]),
    );
    const pax = paxHoles(content, fields, dataAt, size);
    const holes = type === "S" ? oldHoles(content, at, size, number) : pax;
    if (holes?.odd.length) odd.push(...holes.odd);
    if (holes && (kind !== "file" || (pax && type === "S"))) odd.push("whether it has holes");
    const storedAt = type === "S" ? holes!.storedAt : dataAt;
    if (type === "V" && size > 0) odd.push("whether it has content");

    // Contents.
    const contents: { size: number; pieces: readonly Piece[] }[] = [];
    const plainly = (length: number): void => {
      const there = Math.min(length, Math.max(0, content.size - storedAt));
      contents.push({ size: there, pieces: there > 0 ? [{ from: storedAt, to: 0, length: there }] : [] });
    };
    if (holes) {
      contents.push({ size: holes.size, pieces: holes.pieces });
      records.push([dataAt, Math.min(content.size, holes.storedAt)]);
      if (holes.odd.length > 0) contents.push({ size: holes.size, pieces: holes.pieces.toReversed() });
    }
    if (!holes || holes.odd.length > 0) usable.forEach(plainly);
    if (usable.some((one) => storedAt + one > content.size) && main)
      trouble("header", at, `${shown} claims more bytes than there are`);

    if (odd.length > 0) trouble("differ", at, `readers disagree about ${shown}: ${[...new Set(odd)].join("; ")}`);
    const same = type === "1" && odd.length === 0 && size === 0 ? files.get(target) : undefined;
    if (kind === "link") {
      const inside = type === "1" && problemOfName(target) === undefined;
      if (same) trouble("same", at, `${shown} is one file with ${described}, a member`);
      else trouble("link", at, `${shown} is a link to ${described}${inside ? ", a member" : ""}`);
    }
    if (kind === "special")
      trouble("special", at, `${shown} is of type ${JSON.stringify(type)}: no file, folder or link`);
    if (type === "V") trouble("label", at, `${shown} is the archive's label: some unpack it as an empty file`);

    const mode = number(block.subarray(100, 108)) & 0o7777;
    const about = { target, mode, header: at };
    if (same) members.push({ ...about, name, kind: "file", size: same.size, pieces: same.pieces });
    else
      for (const [i, other] of names.entries())
        for (const one of contents) {
          members.push({ ...about, name: other, kind, ...one });
          if (main && i === 0 && kind === "file" && type !== "V" && odd.length === 0) files.set(other, members.at(-1)!);
        }
    records.push([at, dataAt]);
    const nexts: number[] = [];
    for (const one of usable) {
      const [end, next] = [storedAt + one, storedAt + padded(one)];
      if (end > content.size) continue;
      const padding = upTo(content, end, next - end);
      if (isZero(padding)) records.push([end, end + padding.length]);
      nexts.push(next);
    }
    if (bare) nexts.push(dataAt);
    // What claims more than there is ends the archive.
    return nexts.length === 0 || storedAt + size > content.size ? [content.size, ...nexts] : [...new Set(nexts)];
  }
}

const describedTarget = (target: string, type: string): string =>
  `${JSON.stringify(target.slice(0, 200))}${type === "2" ? ", by its path" : ""}`;

/** Without those that are the same but for a slash at the end. */
function distinct(names: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const name of names) {
    const key = name.replace(/\/+$/, "");
    if (!found.has(key)) found.set(key, name);
  }
  return [...found.values()];
}

/** The bytes of a member, its holes filled with zeros. */
export function contentOfMember(content: Content, { size, pieces }: Pick<TarMember, "size" | "pieces">): Content {
  const [first] = pieces;
  return pieces.length === 1 && first!.to === 0 && first!.length === size
    ? part(content, first!.from, first!.from + size)
    : unfolded(content, pieces, size);
}

/** `25 path=some/long/name\n` and so on, up to where it is anything else. */
function paxFields(bytes: Uint8Array): { fields: Fields; complete: boolean } {
  const fields = new Map<string, string[]>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    const digits = space < 0 ? "" : text(bytes.subarray(at, space));
    const length = /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : Number.NaN;
    const end = at + length;
    if (!(length > space - at + 1 && end <= bytes.length)) break;
    const field = utf8.decode(bytes.subarray(space + 1, end - 1));
    const equals = field.indexOf("=");
    if (equals <= 0) break;
    const key = field.slice(0, equals);
    fields.set(key, [...(fields.get(key) ?? []), field.slice(equals + 1)]);
    // Some do not look for the line's end.
    if (bytes[end - 1] !== 10) break;
    at = end;
  }
  return { fields, complete: at === bytes.length };
}
