/** The header of an .npy file (numpy/lib/format.py) with any element type, objects among them. */
import { upTo, type Content } from "./content.ts";
import { FormatError, viewOf } from "./error.ts";

const FORMAT = "npy";
const REWRITE = "write it with numpy.save(path, array)";
const HEADER_MAX = 1 << 20;

export interface NpyHeader {
  readonly dataAt: number;
  readonly shape: readonly number[];
  /** Elements are Python objects: a pickle follows, not numbers. */
  readonly objects: boolean;
  /** Bytes of all elements; undefined for objects. */
  readonly bytes: number | undefined;
}

export const isNpyContent = (content: Content): boolean => {
  const head = upTo(content, 0, 6);
  return head.length === 6 && [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59].every((byte, i) => head[i] === byte);
};

type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<string, Literal>;

/** Throws a FormatError where it is not the header NumPy writes. */
export function readNpyHeader(content: Content): NpyHeader {
  const head = upTo(content, 0, 12);
  if (head.length < 10) throw new FormatError(FORMAT, head.length, "the header is cut short", REWRITE);
  const major = head[6]!;
  if (major < 1 || major > 3 || head[7] !== 0) throw new FormatError(FORMAT, 6, `version ${major}.${head[7]}`, REWRITE);
  const headerAt = major === 1 ? 10 : 12;
  const length =
    major === 1 ? viewOf(head).getUint16(8, true) : head.length < 12 ? Number.NaN : viewOf(head).getUint32(8, true);
  if (!(length <= HEADER_MAX) || headerAt + length > content.size)
    throw new FormatError(FORMAT, 8, `a header of ${length} bytes in a file of ${content.size}`, REWRITE);
  const text = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(content.read(headerAt, length));
  const header = new Literals(text, headerAt).whole();
  if (!(header instanceof Map)) throw new FormatError(FORMAT, headerAt, "the header is no dictionary", REWRITE);
  const shape = header.get("shape");
  const descr = header.get("descr");
  if (
    header.size !== 3 ||
    descr === undefined ||
    typeof header.get("fortran_order") !== "boolean" ||
    !Array.isArray(shape) ||
    !shape.every((size) => typeof size === "number" && Number.isSafeInteger(size) && size >= 0)
  )
    throw new FormatError(FORMAT, headerAt, "the header is not NumPy's", REWRITE);
  const width = widthOf(descr);
  if (width === undefined)
    throw new FormatError(FORMAT, headerAt, "an element type that NumPy does not write", REWRITE);
  const count = (shape as number[]).reduce((product, size) => product * size, 1);
  const bytes = count * width.bytes;
  if (!Number.isSafeInteger(bytes)) throw new FormatError(FORMAT, headerAt, `an array of ${count} elements`, REWRITE);
  return {
    dataAt: headerAt + length,
    shape: shape as number[],
    objects: width.objects,
    bytes: width.objects ? undefined : bytes,
  };
}

/** Bytes per element of `'<f4'`, or of a list of fields; undefined for what is no element type. */
function widthOf(descr: Literal): { bytes: number; objects: boolean } | undefined {
  if (typeof descr === "string") {
    const match = /^[<>|=]?([?a-zA-Z])(\d{0,9})(\[[\w,/ ]*\])?$/.exec(descr);
    if (!match) return undefined;
    const [letter, digits] = [match[1]!, match[2]!];
    if (letter === "O") return { bytes: 8, objects: true };
    if (!"biufcmMSUVa?".includes(letter)) return undefined;
    const size = digits === "" ? (letter === "?" ? 1 : 0) : Number(digits);
    return { bytes: letter === "U" ? 4 * size : size, objects: false };
  }
  if (!Array.isArray(descr)) return undefined;
  // A subarray type is (type, shape); fields are a list of (name, type[, shape]).
  let bytes = 0;
  let objects = false;
  for (const field of descr as readonly Literal[]) {
    if (!Array.isArray(field) || field.length < 2 || field.length > 3) return undefined;
    const width = widthOf(field[1] as Literal);
    if (!width) return undefined;
    const shape = (field[2] ?? []) as Literal;
    const sizes = typeof shape === "number" ? [shape] : Array.isArray(shape) ? shape : [Number.NaN];
    bytes += width.bytes * (sizes as number[]).reduce((product, size) => product * size, 1);
    objects ||= width.objects;
  }
  return Number.isSafeInteger(bytes) && bytes >= 0 ? { bytes, objects } : undefined;
}

const DEPTH_MAX = 20;

/** Python literals, as ast.literal_eval reads them in a header. */
class Literals {
  private readonly text: string;
  private readonly start: number;
  private at = 0;
  constructor(text: string, start: number) {
    this.text = text;
    this.start = start;
  }
  whole(): Literal {
    const value = this.literal(0);
    this.space();
    if (this.at !== this.text.length) this.fail();
    return value;
  }
  private fail(): never {
    throw new FormatError(FORMAT, this.start + this.at, "the header is not NumPy's", REWRITE);
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
  private literal(depth: number): Literal {
    if (depth > DEPTH_MAX) this.fail();
    this.space();
    const quote = this.text[this.at];
    if (quote === "'" || quote === '"') {
      const end = this.text.indexOf(quote, this.at + 1);
      const word = this.text.slice(this.at + 1, end);
      if (end < 0 || /[\\\n]/.test(word)) this.fail();
      this.at = end + 1;
      return word;
    }
    if (this.take("True")) return true;
    if (this.take("False")) return false;
    if (this.take("None")) return null;
    if (this.take("(")) return this.items(")", depth);
    if (this.take("[")) return this.items("]", depth);
    if (this.take("{")) {
      const map = new Map<string, Literal>();
      while (!this.take("}")) {
        const key = this.literal(depth + 1);
        if (typeof key !== "string" || map.has(key) || !this.take(":")) this.fail();
        map.set(key, this.literal(depth + 1));
        if (!this.take(",")) {
          if (!this.take("}")) this.fail();
          break;
        }
      }
      return map;
    }
    const match = /^\d{1,16}L?/.exec(this.text.slice(this.at, this.at + 18));
    if (!match) this.fail();
    this.at += match[0].length;
    return Number.parseInt(match[0], 10);
  }
  private items(close: string, depth: number): Literal[] {
    const items: Literal[] = [];
    while (!this.take(close)) {
      items.push(this.literal(depth + 1));
      if (!this.take(",")) {
        if (!this.take(close)) this.fail();
        break;
      }
    }
    return items;
  }
}
