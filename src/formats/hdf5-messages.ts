/** HDF5's descriptions of values: datatypes and dataspaces (File Format Specification IV.A.2.b and IV.A.2.d). */
import { FormatError, viewOf } from "./error.ts";
import type { Metadata } from "./hdf5-metadata.ts";

export interface Hdf5Datatype {
  /** Bytes of one element. */
  readonly size: number;
  /** Where in an element references into the global heap stand: values of variable length. */
  readonly heapAt: readonly number[];
  /** Of a value of variable length: bytes of what it is a sequence of. */
  readonly baseSize: number;
  /** A text of fixed length. */
  readonly textual: boolean;
  /** Bytes that somebody else gives their meaning: text, opaque, single bytes, or of variable length. */
  readonly loose: boolean;
}

const DEPTH_MAX = 16;
const MEMBERS_MAX = 4096;

/** The datatype at the start of `bytes`, and how many of them it takes. */
export function parseDatatype(bytes: Uint8Array, depth = 0): { datatype: Hdf5Datatype; taken: number } {
  const fail = (problem: string): never => {
    throw new FormatError("HDF5 file", 0, problem, "");
  };
  if (depth > DEPTH_MAX) fail("datatypes within datatypes without end");
  if (bytes.length < 8) fail("a datatype is cut short");
  const view = viewOf(bytes);
  const [kind, version] = [bytes[0]! & 15, bytes[0]! >> 4];
  const size = view.getUint32(4, true);
  const bits = bytes[1]! | (bytes[2]! << 8) | (bytes[3]! << 16);
  const plain = (taken: number, loose = false, textual = false) => ({
    datatype: { size, heapAt: [], baseSize: size, textual, loose },
    taken,
  });
  const name = (from: number, padded: boolean): number => {
    const end = bytes.indexOf(0, from);
    if (end < 0) return fail("a datatype's member has a name without end");
    return padded ? from + 8 * Math.ceil((end + 1 - from) / 8) : end + 1;
  };
  switch (kind) {
    case 0:
      return plain(12, size === 1);
    case 1:
      return plain(20);
    case 2:
      return plain(10);
    case 3:
      return plain(8, true, true);
    case 4:
      return plain(12, size === 1);
    case 5:
      return plain(8 + (bits & 0xff), true);
    case 6: {
      const count = bits & 0xffff;
      if (count > MEMBERS_MAX) fail("a datatype of thousands of members");
      const heapAt: number[] = [];
      let loose = false;
      let at = 8;
      for (let i = 0; i < count; i++) {
        at = name(at, version < 3);
        const width = version < 3 ? 4 : size < 256 ? 1 : size < 65_536 ? 2 : size < 2 ** 24 ? 3 : 4;
        if (at + width > bytes.length) fail("a datatype is cut short");
        let offset = 0;
        for (let j = width; j-- > 0;) offset = offset * 256 + bytes[at + j]!;
        at += width + (version === 1 ? 28 : 0);
        const member = parseDatatype(bytes.subarray(at), depth + 1);
        at += member.taken;
        heapAt.push(...member.datatype.heapAt.map((inner) => offset + inner));
        if (heapAt.length > MEMBERS_MAX) fail("a datatype of thousands of members");
        loose ||= member.datatype.loose;
      }
      return { datatype: { size, heapAt, baseSize: 1, textual: false, loose }, taken: at };
    }
    case 7:
      // Object references are addresses; region references lie in the global heap.
      return { datatype: { size, heapAt: [], baseSize: size, textual: false, loose: (bits & 15) !== 0 }, taken: 8 };
    case 8: {
      const base = parseDatatype(bytes.subarray(8), depth + 1);
      let at = 8 + base.taken;
      for (let i = 0; i < (bits & 0xffff); i++) at = name(at, version < 3);
      return plain(at + (bits & 0xffff) * base.datatype.size);
    }
    case 9: {
      const base = parseDatatype(bytes.subarray(8), depth + 1);
      if (base.datatype.heapAt.length > 0) fail("values of variable length within such values are not followed");
      return {
        datatype: { size, heapAt: [0], baseSize: Math.max(1, base.datatype.size), textual: false, loose: true },
        taken: 8 + base.taken,
      };
    }
    case 10: {
      if (bytes.length < 12) fail("a datatype is cut short");
      const rank = bytes[8]!;
      const dimsAt = version < 3 ? 12 : 9;
      const after = dimsAt + rank * 4 + (version < 3 ? rank * 4 : 0);
      const base = parseDatatype(bytes.subarray(after), depth + 1);
      const count = base.datatype.size === 0 ? 0 : Math.floor(size / base.datatype.size);
      if (base.datatype.heapAt.length > 0 && count > MEMBERS_MAX) fail("an array type of thousands of heap values");
      const heapAt =
        base.datatype.heapAt.length === 0
          ? []
          : Array.from({ length: count }, (_, i) =>
              base.datatype.heapAt.map((at) => i * base.datatype.size + at),
            ).flat();
      return {
        datatype: { ...base.datatype, size, heapAt, textual: false },
        taken: after + base.taken,
      };
    }
    case 11: {
      const base = parseDatatype(bytes.subarray(8), depth + 1);
      return plain(8 + base.taken);
    }
    default:
      return fail(`a datatype of class ${kind}`);
  }
}

/** How many elements there are. */
export function parseDataspace(meta: Metadata, body: Uint8Array): number {
  const [version, rank] = [body[0], body[1]];
  if (body.length < 4 || (version !== 1 && version !== 2) || rank! > 32)
    throw new FormatError("HDF5 file", 0, "a dataspace that does not exist", "");
  if (version === 2 && body[3] === 2) return 0;
  const from = version === 1 ? 8 : 4;
  let elements = 1;
  for (let i = 0; i < rank!; i++) elements *= meta.length(body, from + i * meta.lengths);
  if (!Number.isSafeInteger(elements)) throw new FormatError("HDF5 file", 0, "a shape beyond any file", "");
  return elements;
}
