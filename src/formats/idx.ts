/** The IDX format of the MNIST files (LeCun, Cortes & Burges, "The MNIST database"): big-endian, one array per file. */
import { bytesAt, FormatError, readableSize, viewOf } from "./error.ts";

export interface IdxArray {
  readonly dtype: "uint8" | "int8" | "int16" | "int32" | "float32" | "float64";
  readonly shape: readonly number[];
  readonly values: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

const FORMAT = "idx";

interface ElementType {
  readonly dtype: IdxArray["dtype"];
  readonly bytes: number;
  readonly make: (view: DataView, n: number) => IdxArray["values"];
}
const each = <T extends IdxArray["values"]>(values: T, read: (i: number) => number): T => {
  for (let i = 0; i < values.length; i++) values[i] = read(i);
  return values;
};
const TYPES: Readonly<Record<number, ElementType>> = {
  0x08: { dtype: "uint8", bytes: 1, make: (v, n) => each(new Uint8Array(n), (i) => v.getUint8(i)) },
  0x09: { dtype: "int8", bytes: 1, make: (v, n) => each(new Int8Array(n), (i) => v.getInt8(i)) },
  0x0b: { dtype: "int16", bytes: 2, make: (v, n) => each(new Int16Array(n), (i) => v.getInt16(2 * i)) },
  0x0c: { dtype: "int32", bytes: 4, make: (v, n) => each(new Int32Array(n), (i) => v.getInt32(4 * i)) },
  0x0d: { dtype: "float32", bytes: 4, make: (v, n) => each(new Float32Array(n), (i) => v.getFloat32(4 * i)) },
  0x0e: { dtype: "float64", bytes: 8, make: (v, n) => each(new Float64Array(n), (i) => v.getFloat64(8 * i)) },
};

/** Two zero bytes, a known element type, one to eight dimensions. */
export const isIdx = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 &&
  bytes[0] === 0 &&
  bytes[1] === 0 &&
  TYPES[bytes[2]!] !== undefined &&
  bytes[3]! >= 1 &&
  bytes[3]! <= 8;

/** The array of an IDX file (already unpacked). Throws a FormatError unless the bytes are exactly what the header claims. */
export function readIdx(bytes: Uint8Array, limits: { readonly elementsMax?: number } = {}): IdxArray {
  bytesAt(FORMAT, bytes, 0, 4, "the magic number");
  const type = TYPES[bytes[2]!];
  if (!isIdx(bytes) || !type)
    throw new FormatError(
      FORMAT,
      0,
      "it does not start as an IDX file",
      "expected 00 00, an element type and the number of dimensions",
    );
  const dimensions = bytes[3]!;
  const view = viewOf(bytesAt(FORMAT, bytes, 4, 4 * dimensions, "the sizes"));
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 * i));
  const elements = shape.reduce((product, size) => product * size, 1);
  const elementsMax = limits.elementsMax ?? 2 ** 28;
  if (!(elements <= elementsMax))
    throw new FormatError(
      FORMAT,
      4,
      `the header claims ${shape.join(" × ")} = ${elements} elements; the limit is ${elementsMax}`,
      "keep an evaluation set of a few thousand samples in a file of its own",
    );
  const at = 4 + 4 * dimensions;
  const expected = elements * type.bytes;
  const present = bytes.length - at;
  if (present !== expected)
    throw new FormatError(
      FORMAT,
      Math.min(bytes.length, at + expected),
      `the header claims ${shape.join(" × ")} of ${type.dtype} (${readableSize(expected)}, ${expected} bytes), and ${present} bytes follow it`,
      present < expected
        ? "the file is cut short: fetch or write it again"
        : "something follows the array: write it again",
    );
  return {
    dtype: type.dtype,
    shape,
    values: type.make(new DataView(bytes.buffer, bytes.byteOffset + at, expected), elements),
  };
}
