/** Files with holes in tar archives: GNU tar's old form and its three forms of pax records (GNU tar manual, Sparse Formats). */
import { upTo, type Content } from "./content.ts";

/** Stored bytes and where they go. */
export interface Piece {
  /** In the archive. */
  readonly from: number;
  /** In the file that is unfolded. */
  readonly to: number;
  readonly length: number;
}

/** What a map of holes says. */
export interface Holes {
  readonly pieces: readonly Piece[];
  /** Of the file with its holes, in bytes. */
  readonly size: number;
  /** Where the map ends and the stored bytes begin. */
  readonly storedAt: number;
  /** Why readers may unfold something else; empty for a map as writers make it. */
  readonly odd: readonly string[];
}

const BLOCK = 512;
const ENTRY = 24;
/** So many pieces are followed, and a map may be so long. */
const PIECES_MAX = 65_536;
const MAP_MAX = 1 << 21;

/** The file as it is unfolded: pieces are written in their order, zeros are between them. */
export function unfolded(content: Content, pieces: readonly Piece[], size: number): Content {
  return {
    size,
    read(at, length) {
      const bytes = new Uint8Array(length);
      for (const { from, to, length: long } of pieces) {
        const [start, end] = [Math.max(at, to), Math.min(at + length, to + long)];
        if (start < end) bytes.set(content.read(from + start - to, end - start), start - at);
      }
      return bytes;
    },
  };
}

/** The pieces one behind the other in the archive, and what is odd about them. `stored` are the bytes that they should fill. */
function placed(
  content: Content,
  map: readonly (readonly [to: number, length: number])[],
  { size, storedAt, stored, odd }: { size: number; storedAt: number; stored: number; odd: readonly string[] },
): Holes {
  const pieces: Piece[] = [];
  const found = [...odd];
  let [from, end] = [storedAt, 0];
  let ordered = true;
  for (const [to, length] of map) {
    if (to < end) ordered = false;
    end = Math.max(end, to + length);
    if (length > 0 && from + length <= content.size) pieces.push({ from, to, length });
    from += length;
  }
  if (!ordered) found.push("its pieces are not in order");
  if (end > size) found.push("its pieces reach beyond its size");
  if (from - storedAt !== stored) found.push("its pieces are not what is stored");
  return { pieces, size, storedAt, odd: found };
}

/** Type S: up to four pieces in the header, 21 in each block behind it that a flag announces. `number` reads a field. */
export function oldHoles(content: Content, at: number, stored: number, number: (field: Uint8Array) => number): Holes {
  const map: [number, number][] = [];
  const odd: string[] = [];
  const header = content.read(at, BLOCK);
  let ended = false;
  const entries = (block: Uint8Array, start: number, count: number, further: boolean): void => {
    for (let i = 0; i < count; i++) {
      const entry = block.subarray(start + i * ENTRY, start + (i + 1) * ENTRY);
      if (entry.every((byte) => byte === 0)) {
        ended = true;
        continue;
      }
      const [to, length] = [number(entry.subarray(0, 12)), number(entry.subarray(12))];
      // Some readers stop at an empty entry, or pass over one of a further block that starts at 0; others go on.
      if (ended || entry[12] === 0 || (further && to === 0 && length > 0)) odd.push("its map goes on behind its end");
      if (!Number.isSafeInteger(to) || !Number.isSafeInteger(length)) odd.push("its map holds what is no number");
      else map.push([to, length]);
    }
  };
  entries(header, 386, 4, false);
  let storedAt = at + BLOCK;
  for (let more = header[482] !== 0; more && map.length < PIECES_MAX && storedAt + BLOCK <= content.size;) {
    const block = content.read(storedAt, BLOCK);
    entries(block, 0, 21, true);
    more = block[504] !== 0;
    storedAt += BLOCK;
    if (map.length >= PIECES_MAX) odd.push("its map is longer than is read here");
  }
  const size = number(header.subarray(483, 495));
  if (!Number.isSafeInteger(size)) odd.push("its size is no number");
  return placed(content, map, { size: size || 0, storedAt, stored, odd: [...new Set(odd)] });
}

const decimal = (text: string | undefined): number =>
  text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;

/** pax records 0.0, 0.1 and 1.0; undefined where none of `fields` speaks of holes. */
export function paxHoles(
  content: Content,
  fields: ReadonlyMap<string, readonly string[]>,
  dataAt: number,
  stored: number,
): Holes | undefined {
  const of = (key: string): readonly string[] => fields.get(`GNU.sparse.${key}`) ?? [];
  if (![...fields.keys()].some((key) => key.startsWith("GNU.sparse."))) return undefined;
  const odd: string[] = [];
  for (const key of ["name", "size", "realsize", "map", "numblocks", "major", "minor"])
    if (of(key).length > 1) odd.push(`GNU.sparse.${key} is there more than once`);
  const [major, map, size] = [of("major").at(-1), of("map").at(-1), of("size").at(-1)];
  const old = map !== undefined || size !== undefined || of("offset").length > 0;
  if (major !== undefined && (old || major !== "1" || of("minor").at(-1) !== "0"))
    odd.push("records of several ways to store holes");
  let numbers: number[] = [];
  let storedAt = dataAt;
  let packed = stored;
  if (old) {
    numbers =
      map === undefined
        ? of("offset").flatMap((to, i) => [decimal(to), decimal(of("numbytes")[i])])
        : map.split(",").map(decimal);
    const count = decimal(of("numblocks").at(-1));
    if (2 * count !== numbers.length || (map === undefined && of("offset").length !== of("numbytes").length))
      odd.push("its map has not the length that is said");
    // Python looks for these anywhere in the header, in other records too.
    if (map === undefined && [...fields.values()].flat().some((value) => value.includes("GNU.sparse.")))
      odd.push("a record within a record");
  } else if (major !== undefined) {
    const text = new TextDecoder("latin1").decode(upTo(content, dataAt, Math.min(stored, MAP_MAX)));
    let at = 0;
    const next = (): number => {
      const end = text.indexOf("\n", at);
      const found = end < 0 ? Number.NaN : decimal(text.slice(at, end));
      at = end < 0 ? text.length : end + 1;
      return found;
    };
    const count = next();
    if (count <= PIECES_MAX) for (let i = 0; i < 2 * count && at < text.length; i++) numbers.push(next());
    if (numbers.length !== 2 * count) odd.push("its map has not the length that is said");
    const length = Math.ceil(at / BLOCK) * BLOCK;
    if (/[^\0]/.test(text.slice(at, length))) odd.push("something stands behind its map");
    [storedAt, packed] = [Math.min(content.size, dataAt + length), stored - length];
  } else odd.push("records of holes without a map");
  const real = decimal(old ? size : of("realsize").at(-1));
  if (!Number.isSafeInteger(real)) odd.push("it is not said how large it is");
  if (!numbers.every((value) => Number.isSafeInteger(value))) {
    odd.push("its map holds what is no number");
    numbers = [];
  }
  if (numbers.length > 2 * PIECES_MAX) {
    odd.push("its map is longer than is read here");
    numbers = [];
  }
  const pairs = Array.from({ length: numbers.length >> 1 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);
  return placed(content, pairs, { size: real || 0, storedAt, stored: packed, odd });
}
