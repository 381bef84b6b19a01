/**
 * A ZIP archive that stands behind something else, as TFLite keeps its labels and vocabularies: told from the end, and handed on as a
 * file of its own, whose records count from its own beginning.
 */
import { part, upTo, type Content } from "./content.ts";
import { viewOf } from "./error.ts";

const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_SIZE = 22;
const CENTRAL_SIZE = 46;
const ENTRIES_MAX = 20_000;
const DIRECTORY_MAX = 16 * 2 ** 20;

export interface AppendedZip {
  /** Where its first member begins. */
  readonly at: number;
  readonly archive: Content;
}

/** The archive at the end of a file, where the last end record leads to a directory; ZIP64 is left to who reads the whole. */
export function appendedZip(content: Content): AppendedZip | undefined {
  const from = Math.max(0, content.size - END_SIZE - 0xffff);
  const tail = upTo(content, from, content.size - from);
  const view = viewOf(tail);
  let endAt = -1;
  for (let at = tail.length - END_SIZE; at >= 0 && endAt < 0; at--)
    if (
      tail[at] === 0x50 &&
      view.getUint32(at, true) === END &&
      at + END_SIZE + view.getUint16(at + 20, true) <= tail.length
    )
      endAt = at;
  if (endAt < 0) return undefined;
  const size = view.getUint32(endAt + 12, true);
  const directoryAt = from + endAt - size;
  if (size > DIRECTORY_MAX || directoryAt < 0) return undefined;
  const patched = Uint8Array.from(content.read(directoryAt, size + END_SIZE));
  const records = viewOf(patched);
  // Offsets count from the beginning of the file, or of the archive.
  const base = directoryAt - records.getUint32(size + 16, true);
  const places: number[] = [];
  let first = directoryAt;
  for (let at = 0; at + CENTRAL_SIZE <= size && records.getUint32(at, true) === CENTRAL;) {
    if (places.length === ENTRIES_MAX) return undefined;
    places.push(at + 42);
    first = Math.min(first, base + records.getUint32(at + 42, true));
    at +=
      CENTRAL_SIZE +
      records.getUint16(at + 28, true) +
      records.getUint16(at + 30, true) +
      records.getUint16(at + 32, true);
  }
  // An archive without members is its end record alone.
  if (first < 0 || (places.length === 0 && (size > 0 || records.getUint16(10, true) > 0))) return undefined;
  for (const place of places) records.setUint32(place, base + records.getUint32(place, true) - first, true);
  records.setUint32(size + 16, directoryAt - first, true);
  return { at: first, archive: overlaid(part(content, first, content.size), directoryAt - first, patched) };
}

/** The content with some of its bytes replaced. */
function overlaid(content: Content, at: number, bytes: Uint8Array): Content {
  return {
    size: content.size,
    read(from, length) {
      const whole = content.read(from, length);
      if (from + length <= at || from >= at + bytes.length) return whole;
      const copy = Uint8Array.from(whole);
      const [start, end] = [Math.max(from, at), Math.min(from + length, at + bytes.length)];
      copy.set(bytes.subarray(start - at, end - at), start - from);
      return copy;
    },
  };
}
