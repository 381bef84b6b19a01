/** HDF5's global heaps, where values of variable length lie (File Format Specification III.E). */
import { FormatError, viewOf } from "./error.ts";
import type { Metadata } from "./hdf5-metadata.ts";

/** Bytes of the file. */
export interface HeapObject {
  readonly start: number;
  readonly end: number;
}

/** The collection at an address: its objects by index, and where its free space begins. */
export function heapObjects(
  meta: Metadata,
  address: number,
): {
  readonly start: number;
  readonly size: number;
  readonly objects: ReadonlyMap<number, HeapObject>;
  readonly freeAt: number;
} {
  const start = meta.place(address);
  const head = meta.block(start, 8 + meta.lengths);
  if (String.fromCharCode(...head.subarray(0, 4)) !== "GCOL" || head[4] !== 1)
    throw new FormatError("HDF5 file", start, "there is no global heap where one is referred to", "");
  const size = meta.length(head, 8);
  const bytes = meta.block(start, size);
  const objects = new Map<number, HeapObject>();
  const header = 8 + meta.lengths;
  let at = header;
  while (at + header <= size) {
    const index = viewOf(bytes).getUint16(at, true);
    const length = meta.length(bytes, at + 8);
    // Object 0 is the free space up to the end.
    if (index === 0) return { start, size, objects, freeAt: start + Math.min(size, at + header) };
    if (at + header + length > size) throw new FormatError("HDF5 file", start + at, "a value runs past its heap", "");
    objects.set(index, { start: start + at + header, end: start + at + header + length });
    at += header + 8 * Math.ceil(length / 8);
  }
  return { start, size, objects, freeAt: start + Math.min(at, size) };
}
