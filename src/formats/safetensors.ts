/**
 * safetensors, read as strictly as its own reader does (safetensors/src/tensor.rs): eight bytes of length, a JSON header, and
 * the tensors one behind the other with nothing between or behind them.
 */
import { upTo, type Content } from "./content.ts";
import { FormatError, viewOf } from "./error.ts";
import { itemsOf, JsonObject, readJson, type JsonDocument, type JsonNode } from "./json.ts";

const FORMAT = "safetensors file";
const REWRITE = "write it again with safetensors' save_file";
/** The format's own limit on its header. */
export const HEADER_MAX = 100_000_000;

/** Bits per element (safetensors::Dtype). */
const BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

interface Placed {
  /** Bytes of the file. */
  readonly start: number;
  readonly end: number;
}
export interface SafetensorsTensor extends Placed {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}
export interface SafetensorsText extends Placed {
  /** The key or name it stands under. */
  readonly key: string;
  readonly value: string;
}
export type SafetensorsProblem = Placed & {
  readonly kind: "duplicate" | "overlap" | "bounds" | "size" | "wraps" | "metadata" | "entry";
  readonly problem: string;
};
export interface Safetensors {
  readonly dataAt: number;
  /** In the order of their bytes; those whose entry is broken are left out. */
  readonly tensors: readonly SafetensorsTensor[];
  readonly metadata: readonly SafetensorsText[];
  readonly problems: readonly SafetensorsProblem[];
  /** Of the header, what nothing here gives a meaning to. */
  readonly strange: readonly Placed[];
  /** Behind the JSON and its spaces, where the header should end. */
  readonly jsonEnd: number;
}

/** Eight bytes of a length that fits, and a JSON object. */
export function isSafetensors(content: Content): boolean {
  const head = upTo(content, 0, 10);
  if (head.length < 10 || head[8] !== 0x7b) return false;
  const length = viewOf(head).getBigUint64(0, true);
  return (
    length <= HEADER_MAX &&
    8 + Number(length) <= content.size &&
    (head[9] === 0x22 || head[9]! <= 0x20 || head[9] === 0x7d)
  );
}

/** The header, and every way in which it is not what the format says. Throws a FormatError where it cannot be read at all. */
export function readSafetensors(content: Content): Safetensors {
  const head = upTo(content, 0, 8);
  if (head.length < 8) throw new FormatError(FORMAT, head.length, "it ends within its first eight bytes", REWRITE);
  const claimed = viewOf(head).getBigUint64(0, true);
  if (claimed > HEADER_MAX)
    throw new FormatError(FORMAT, 0, `a header of ${claimed} bytes, where the format allows ${HEADER_MAX}`, REWRITE);
  const length = Number(claimed);
  if (8 + length > content.size)
    throw new FormatError(FORMAT, 0, `a header of ${length} bytes in a file of ${content.size}`, REWRITE);
  const dataAt = 8 + length;
  const bytes = content.read(8, length);
  let reading: JsonDocument;
  try {
    reading = readJson(bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(FORMAT, 8 + error.offset, `the header is no JSON: ${error.problem}`, REWRITE);
  }
  const { root } = reading;
  if (!(root.value instanceof JsonObject)) throw new FormatError(FORMAT, 8, "the header is no JSON object", REWRITE);
  const room = content.size - dataAt;
  const problems: SafetensorsProblem[] = [];
  const strange: Placed[] = [];
  const metadata: SafetensorsText[] = [];
  const tensors: SafetensorsTensor[] = [];
  const say = (kind: SafetensorsProblem["kind"], { start, end }: Placed, problem: string): void =>
    void problems.push({ kind, start: 8 + start, end: 8 + end, problem });
  for (const { name, start, end } of reading.duplicates)
    say("duplicate", { start, end }, `${shown(name)} stands there twice: which one counts differs between readers`);
  // What JSON allows and the format's own reader refuses.
  if (root.start > 0) say("entry", { start: 0, end: root.start }, "the header does not begin with {");
  for (const [key, value] of root.value.members) {
    if (key === "__metadata__") {
      readMetadata(value, metadata, say, strange);
      continue;
    }
    const tensor = readTensor(key, value, bytes, room, say, strange);
    if (tensor) tensors.push({ ...tensor, start: dataAt + tensor.start, end: dataAt + tensor.end });
  }
  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  let last: SafetensorsTensor | undefined;
  for (const tensor of tensors) {
    if (last && tensor.start < last.end && tensor.end > tensor.start)
      problems.push({
        kind: "overlap",
        start: tensor.start,
        end: Math.min(tensor.end, last.end),
        problem: `${shown(tensor.name)} and ${shown(last.name)} share bytes`,
      });
    if (!last || tensor.end > last.end) last = tensor;
  }
  return { dataAt, tensors, metadata, problems, strange, jsonEnd: 8 + reading.end };
}

type Say = (kind: SafetensorsProblem["kind"], at: Placed, problem: string) => void;
const shown = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);

function readMetadata(value: JsonNode, metadata: SafetensorsText[], say: Say, strange: Placed[]): void {
  const odd = (node: JsonNode, problem: string): void => {
    say("metadata", node, problem);
    strange.push({ start: 8 + node.start, end: 8 + node.end });
  };
  if (!(value.value instanceof JsonObject)) return odd(value, "__metadata__ is no object of texts");
  for (const [key, one] of value.value.members)
    if (typeof one.value === "string") metadata.push({ key, value: one.value, start: 8 + one.start, end: 8 + one.end });
    else odd(one, `${shown(key)} in __metadata__ is no text, which the format's own reader refuses`);
}

/** The tensor, with its bytes counted from the end of the header. */
function readTensor(
  name: string,
  entry: JsonNode,
  bytes: Uint8Array,
  room: number,
  say: Say,
  strange: Placed[],
): SafetensorsTensor | undefined {
  const refuse = (kind: SafetensorsProblem["kind"], problem: string): undefined => {
    say(kind, entry, `${shown(name)}: ${problem}`);
    return undefined;
  };
  if (!(entry.value instanceof JsonObject)) return refuse("entry", "no object with dtype, shape and data_offsets");
  const fields = new Map<string, JsonNode>();
  for (const [key, value] of entry.value.members)
    if (["dtype", "shape", "data_offsets"].includes(key)) fields.set(key, value);
    else {
      say("entry", value, `${shown(name)} has ${shown(key)}, which the format does not know`);
      strange.push({ start: 8 + value.start, end: 8 + value.end });
    }
  const dtype = fields.get("dtype");
  const shape = fields.get("shape");
  const offsets = fields.get("data_offsets");
  const type = dtype?.value;
  if (typeof type !== "string" || !Object.hasOwn(BITS, type))
    return refuse("entry", "an element type that the format does not know");
  const sizes = countsOf(shape, bytes);
  if (!sizes) return refuse("entry", "a shape that is no list of sizes");
  const [start, end, ...more] = countsOf(offsets, bytes) ?? [];
  if (start === undefined || end === undefined || more.length > 0)
    return refuse("entry", "data_offsets that are no two offsets");
  if (start > end || end > room)
    return refuse("bounds", `bytes ${start} to ${end} of ${room}: a reader that trusts that reads what is not its own`);
  const bits = product(sizes, BITS[type]!);
  if (bits !== 8n * BigInt(end - start))
    say(
      bits > 1n << 64n ? "wraps" : "size",
      entry,
      `${shown(name)}: ${type} of shape [${sizes.slice(0, 8).join(", ")}] is ${bits % 8n === 0n ? `${bits / 8n} bytes` : `${bits} bits`}, and ${end - start} are given`,
    );
  return { name, dtype: type, shape: sizes, start, end };
}

/** In whole numbers of any size: shapes are made to wrap around in readers that multiply in 64 bits. Stops beyond 2^80. */
function product(sizes: readonly number[], bits: number): bigint {
  if (sizes.includes(0)) return 0n;
  let all = BigInt(bits);
  for (const size of sizes) {
    if (size !== 1) all *= BigInt(size);
    if (all > 1n << 80n) break;
  }
  return all;
}

/** A list of whole numbers, written as such: 1.0 is none, as it is none to the format's own reader. */
function countsOf(node: JsonNode | undefined, bytes: Uint8Array): readonly number[] | undefined {
  if (!Array.isArray(node?.value)) return undefined;
  const out: number[] = [];
  for (const { value, start, end } of itemsOf(node)) {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) return undefined;
    if (!bytes.subarray(start, end).every((byte) => byte >= 0x30 && byte <= 0x39)) return undefined;
    out.push(value);
  }
  return out;
}
