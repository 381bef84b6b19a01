/**
 * NumPy's .npy files, versions 1.0 to 3.0 (numpy.lib.format, NEP 1): one array of numbers or fixed-length strings.
 * The header is a Python literal; it is parsed by the small grammar below and never evaluated.
 */
import { bytesAt, FormatError, readableSize, viewOf } from "./error.ts";

export type NpyNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

interface NpyShape {
  readonly shape: readonly number[];
  /** The element type as the file has it: "uint8", "float16", "bool", "string" … */
  readonly dtype: string;
}
/** Numbers in C order: bool as 0/1, float16 widened to float32, 64-bit integers as float64 (refused beyond 2^53). */
export type NpyArray =
  | (NpyShape & { readonly kind: "numbers"; readonly values: NpyNumbers })
  | (NpyShape & { readonly kind: "strings"; readonly values: readonly string[] });

export interface NpyLimits {
  /** Most elements of one array; 2^28 by default (1 GiB as float32). */
  readonly elementsMax?: number;
}

const FORMAT = "npy";
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy itself refuses to parse headers above 10,000 bytes by default; padding and long field names get some room. */
const HEADER_MAX = 65_536;
const DIMENSIONS_MAX = 32;
const STRING_ELEMENTS_MAX = 1 << 22;

export const isNpy = (bytes: Uint8Array): boolean =>
  bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);

type Numbers = { readonly name: string; readonly bytes: number; readonly read: ElementReader };
type ElementReader = (view: DataView, count: number, little: boolean) => NpyNumbers;

const each = <T extends NpyNumbers>(values: T, read: (i: number) => number): T => {
  for (let i = 0; i < values.length; i++) values[i] = read(i);
  return values;
};

/** Element types by NumPy's kind letter and item size. */
const NUMBERS: Readonly<Record<string, Numbers>> = {
  b1: { name: "bool", bytes: 1, read: (view, n) => each(new Uint8Array(n), (i) => strictBool(view.getUint8(i), i)) },
  u1: { name: "uint8", bytes: 1, read: (view, n) => each(new Uint8Array(n), (i) => view.getUint8(i)) },
  i1: { name: "int8", bytes: 1, read: (view, n) => each(new Int8Array(n), (i) => view.getInt8(i)) },
  u2: { name: "uint16", bytes: 2, read: (view, n, le) => each(new Uint16Array(n), (i) => view.getUint16(2 * i, le)) },
  i2: { name: "int16", bytes: 2, read: (view, n, le) => each(new Int16Array(n), (i) => view.getInt16(2 * i, le)) },
  u4: { name: "uint32", bytes: 4, read: (view, n, le) => each(new Uint32Array(n), (i) => view.getUint32(4 * i, le)) },
  i4: { name: "int32", bytes: 4, read: (view, n, le) => each(new Int32Array(n), (i) => view.getInt32(4 * i, le)) },
  u8: {
    name: "uint64",
    bytes: 8,
    read: (view, n, le) => each(new Float64Array(n), (i) => exact(view.getBigUint64(8 * i, le), i)),
  },
  i8: {
    name: "int64",
    bytes: 8,
    read: (view, n, le) => each(new Float64Array(n), (i) => exact(view.getBigInt64(8 * i, le), i)),
  },
  f2: {
    name: "float16",
    bytes: 2,
    read: (view, n, le) => each(new Float32Array(n), (i) => half(view.getUint16(2 * i, le))),
  },
  f4: {
    name: "float32",
    bytes: 4,
    read: (view, n, le) => each(new Float32Array(n), (i) => view.getFloat32(4 * i, le)),
  },
  f8: {
    name: "float64",
    bytes: 8,
    read: (view, n, le) => each(new Float64Array(n), (i) => view.getFloat64(8 * i, le)),
  },
};

/** Element types that are refused, by kind letter, with the reason and what to do instead. */
const REFUSED: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  O: [
    "it holds Python objects, and reading those would need unpickling, which runs code of the file's author",
    "save plain numbers: np.save(path, np.stack(list_of_arrays).astype('float32'))",
  ],
  c: ["it holds complex numbers", "save real numbers, for example magnitude and phase as two features"],
  M: ["it holds dates", "save them as numbers of a stated unit: a.astype('datetime64[s]').astype('int64')"],
  m: ["it holds time spans", "save them as numbers of a stated unit: a.astype('timedelta64[s]').astype('int64')"],
  V: ["it holds structured records or raw void", "save one plain array per field in an .npz"],
};

/**
 * The array of an .npy file, in C order whatever the file's order.
 * Throws a FormatError for anything that is not exactly one well-formed array within the limits; every claim of the header
 * is checked against the bytes before anything is allocated.
 */
export function readNpy(bytes: Uint8Array, limits: NpyLimits = {}): NpyArray {
  if (!isNpy(bytes))
    throw new FormatError(FORMAT, 0, "it does not start with \\x93NUMPY", "write it with numpy.save(path, array)");
  const version = bytesAt(FORMAT, bytes, 6, 2, "the version");
  const major = version[0]!;
  const minor = version[1]!;
  if (minor !== 0 || major < 1 || major > 3)
    throw new FormatError(
      FORMAT,
      6,
      `version ${major}.${minor} is none that NumPy has defined`,
      "write it with numpy.save(path, array)",
    );
  const wide = major >= 2;
  const lengthBytes = bytesAt(FORMAT, bytes, 8, wide ? 4 : 2, "the header's length");
  const headerLength = wide ? viewOf(lengthBytes).getUint32(0, true) : viewOf(lengthBytes).getUint16(0, true);
  const headerAt = wide ? 12 : 10;
  if (headerLength > HEADER_MAX)
    throw new FormatError(
      FORMAT,
      8,
      `the header claims ${headerLength} bytes, more than any array of numbers needs`,
      "write it with numpy.save(path, array); structured arrays are not read",
    );
  const headerBytes = bytesAt(FORMAT, bytes, headerAt, headerLength, "the header");
  const header = new HeaderParser(headerBytes, headerAt, major === 3).dictionary();

  const { elements, shape } = checkedShape(header.shape, headerAt, limits.elementsMax ?? 2 ** 28);
  const type = elementType(header.descr, headerAt);
  const dataAt = headerAt + headerLength;
  const expected = elements * type.bytes;
  const present = bytes.length - dataAt;
  if (expected !== present)
    throw new FormatError(
      FORMAT,
      present < expected ? bytes.length : dataAt + expected,
      `the header claims ${describeShape(shape)} of ${type.name}, ${readableSize(expected)} (${expected} bytes), and ` +
        `${present} bytes follow it`,
      present < expected
        ? "the file is cut short: fetch or write it again"
        : "something follows the array: save one array per file (several belong in an .npz)",
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset + dataAt, expected);
  if (type.kind === "strings") {
    if (elements > STRING_ELEMENTS_MAX)
      throw new FormatError(
        FORMAT,
        headerAt,
        `${elements} strings are more than the ${STRING_ELEMENTS_MAX} this reader holds`,
        "save class indices as integers",
      );
    const strings = Array.from({ length: elements }, (_, i) => type.read(view, i, dataAt));
    return { kind: "strings", dtype: "string", shape, values: header.fortran ? toC(strings, shape) : strings };
  }
  let values: NpyNumbers;
  try {
    values = type.read(view, elements, type.little);
  } catch (error) {
    if (!(error instanceof ElementError)) throw error;
    throw new FormatError(FORMAT, dataAt + error.element * type.bytes, error.message, error.remedy);
  }
  return { kind: "numbers", dtype: type.name, shape, values: header.fortran ? toC(values, shape) : values };
}

/** An element that cannot be kept exactly; the caller knows where the data starts. */
class ElementError extends Error {
  readonly element: number;
  readonly remedy: string;
  constructor(element: number, problem: string, remedy: string) {
    super(problem);
    this.element = element;
    this.remedy = remedy;
  }
}

function exact(value: bigint, element: number): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new ElementError(
      element,
      `the 64-bit integer ${value} does not fit a float64 exactly`,
      "save values below 2^53, or as float64 if they are measurements",
    );
  return number;
}

function strictBool(value: number, element: number): number {
  if (value > 1)
    throw new ElementError(element, `a bool has the value ${value}`, "save the array as uint8, or as 0 and 1");
  return value;
}

/** IEEE 754 binary16 to a number; exact. */
export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

type ElementType =
  | (Numbers & { readonly kind: "numbers"; readonly little: boolean })
  | {
      readonly kind: "strings";
      readonly name: string;
      readonly bytes: number;
      readonly read: (view: DataView, i: number, dataAt: number) => string;
    };

function elementType(descr: string, at: number): ElementType {
  const match = /^([<>|=]?)([a-zA-Z])(\d{0,9})(\[.*\])?$/.exec(descr);
  if (!match)
    throw new FormatError(FORMAT, at, `"${descr}" names no element type`, "write it with numpy.save(path, array)");
  const [, order, letter, digits] = match as unknown as [string, string, string, string];
  const refused = REFUSED[letter];
  if (refused) throw new FormatError(FORMAT, at, refused[0], refused[1]);
  if (letter === "U" || letter === "S") {
    const length = Number(digits || "0");
    if (length > 65_536)
      throw new FormatError(
        FORMAT,
        at,
        `strings of ${length} characters are no labels`,
        "save class indices as integers",
      );
    const little = order !== ">";
    return {
      kind: "strings",
      name: descr,
      bytes: letter === "U" ? 4 * length : length,
      read: letter === "U" ? (v, i, d) => utf32(v, i, length, little, d) : (v, i, d) => ascii(v, i, length, d),
    };
  }
  const entry = NUMBERS[`${letter}${digits}`];
  if (!entry)
    throw new FormatError(
      FORMAT,
      at,
      `element type "${descr}" is not read`,
      "save bool, int8…int64, uint8…uint64, float16, float32 or float64: array.astype('float32')",
    );
  if (entry.bytes > 1 && (order === "|" || order === ""))
    throw new FormatError(
      FORMAT,
      at,
      `"${descr}" does not say its byte order`,
      "write it with numpy.save(path, array)",
    );
  return { kind: "numbers", ...entry, little: order !== ">" };
}

function utf32(view: DataView, element: number, length: number, little: boolean, dataAt: number): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    const at = 4 * (element * length + i);
    const point = view.getUint32(at, little);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
      throw new FormatError(
        FORMAT,
        dataAt + at,
        `${point} is no Unicode character`,
        "write it with numpy.save(path, array)",
      );
    text += String.fromCodePoint(point);
  }
  return text.replace(/\0+$/, "");
}

function ascii(view: DataView, element: number, length: number, dataAt: number): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    const at = element * length + i;
    const code = view.getUint8(at);
    if (code > 0x7f)
      throw new FormatError(
        FORMAT,
        dataAt + at,
        "a byte string holds a byte that is not ASCII",
        "save it as str: a.astype('U')",
      );
    text += String.fromCharCode(code);
  }
  return text.replace(/\0+$/, "");
}

function checkedShape(shape: readonly number[], at: number, elementsMax: number) {
  if (shape.length > DIMENSIONS_MAX)
    throw new FormatError(FORMAT, at, `${shape.length} dimensions`, `an array has at most ${DIMENSIONS_MAX}`);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!(elements <= elementsMax))
    throw new FormatError(
      FORMAT,
      at,
      `the header claims ${describeShape(shape)}, ${elements} elements; the limit is ${elementsMax}`,
      "keep an evaluation set of a few thousand samples in a file of its own",
    );
  return { elements, shape };
}

const describeShape = (shape: readonly number[]): string => `an array of shape (${shape.join(", ")})`;

/** The same elements in C order, from Fortran order: first index fastest. */
function toC<T extends NpyNumbers | string[]>(values: T, shape: readonly number[]): T {
  if (shape.length < 2) return values;
  const ordered = (Array.isArray(values) ? [...values] : values.slice()) as T;
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  const index = Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < values.length; to++) {
    ordered[to] = values[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      from += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return ordered;
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }` and nothing else. */
class HeaderParser {
  private readonly text: string;
  private readonly start: number;
  private at = 0;
  constructor(bytes: Uint8Array, start: number, utf8: boolean) {
    this.start = start;
    this.text = utf8
      ? new TextDecoder("utf-8").decode(bytes)
      : Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }

  dictionary(): { descr: string; fortran: boolean; shape: number[] } {
    let descr: string | undefined, fortran: boolean | undefined, shape: number[] | undefined;
    this.expect("{");
    while (!this.take("}")) {
      const key = this.string();
      this.expect(":");
      if (key === "descr" && descr === undefined) descr = this.descr();
      else if (key === "fortran_order" && fortran === undefined) fortran = this.boolean();
      else if (key === "shape" && shape === undefined) shape = this.tuple();
      else this.fail(`unexpected key "${key}"`);
      if (!this.take(",")) {
        this.expect("}");
        break;
      }
    }
    this.space();
    if (this.at !== this.text.length) this.fail("something follows the header's dictionary");
    if (descr === undefined || fortran === undefined || shape === undefined)
      return this.fail("the header lacks one of descr, fortran_order and shape");
    return { descr, fortran, shape };
  }

  private descr(): string {
    this.space();
    if (this.text[this.at] === "[" || this.text[this.at] === "(") {
      const [problem, remedy] = REFUSED["V"]!;
      throw new FormatError(FORMAT, this.start + this.at, problem, remedy);
    }
    return this.string();
  }

  private string(): string {
    this.space();
    const quote = this.text[this.at];
    if (quote !== "'" && quote !== '"') return this.fail("a quoted word is missing");
    const end = this.text.indexOf(quote, this.at + 1);
    const word = end < 0 ? "" : this.text.slice(this.at + 1, end);
    if (end < 0 || /[\\\n]/.test(word)) return this.fail("a quoted word does not end");
    this.at = end + 1;
    return word;
  }

  private boolean(): boolean {
    if (this.take("True")) return true;
    if (this.take("False")) return false;
    return this.fail("True or False is missing");
  }

  private tuple(): number[] {
    const sizes: number[] = [];
    this.expect("(");
    while (!this.take(")")) {
      this.space();
      // Python 2 wrote 3L.
      const match = /^\d{1,16}/.exec(this.text.slice(this.at, this.at + 17));
      const size = match ? Number(match[0]) : NaN;
      if (!match || !Number.isSafeInteger(size))
        return this.fail("a size in the shape is no whole number from 0 to 2^53");
      this.at += match[0].length;
      if (this.text[this.at] === "L") this.at++;
      sizes.push(size);
      if (!this.take(",")) {
        if (sizes.length === 1) return this.fail("a shape of one size needs its comma: (3,)");
        this.expect(")");
        break;
      }
    }
    return sizes;
  }

  private space(): void {
    while (" \n\t\r".includes(this.text[this.at] ?? "x")) this.at++;
  }
  private take(word: string): boolean {
    this.space();
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }
  private expect(word: string): void {
    if (!this.take(word)) this.fail(`"${word}" is missing`);
  }
  private fail(problem: string): never {
    throw new FormatError(
      FORMAT,
      this.start + this.at,
      `the header is not NumPy's: ${problem}`,
      "write it with numpy.save(path, array)",
    );
  }
}
