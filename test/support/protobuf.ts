/** A small assembler for protobuf and ONNX files, to write hostile ones that no library would. */
import { bytes } from "./pickle.ts";

type Value = number | bigint | string | Uint8Array;

export function varint(value: number | bigint): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Uint8Array.of(...out, Number(rest));
}

/** Numbers are varints, text and bytes have their length before them. */
export function field(number: number, value: Value): Uint8Array {
  if (typeof value === "number" || typeof value === "bigint") return bytes(varint(number << 3), varint(value));
  const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return bytes(varint((number << 3) | 2), varint(content.length), content);
}

const entry = (key: string, value: string): Uint8Array => bytes(field(1, key), field(2, value));
const int64s = (values: readonly (number | bigint)[]): Uint8Array =>
  new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);

/** Messages of onnx.proto by field number; what a test needs of them. */
export const onnx = {
  tensor: (name: string, dims: readonly (number | bigint)[], raw?: Uint8Array, type = 1): Uint8Array =>
    bytes(...dims.map((size) => field(1, size)), field(2, type), field(8, name), ...(raw ? [field(9, raw)] : [])),
  ints: (name: string, values: readonly (number | bigint)[]): Uint8Array =>
    bytes(field(1, values.length), field(2, 7), field(8, name), field(9, int64s(values))),
  external: (name: string, dims: readonly number[], entries: Readonly<Record<string, string>>): Uint8Array =>
    bytes(
      onnx.tensor(name, dims),
      ...Object.entries(entries).map(([key, value]) => field(13, entry(key, value))),
      field(14, 1),
    ),
  attribute: (name: string, ...fields: readonly Uint8Array[]): Uint8Array => bytes(field(1, name), ...fields),
  node: (
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    { domain, attributes = [] }: { domain?: string; attributes?: readonly Uint8Array[] } = {},
  ): Uint8Array =>
    bytes(
      ...inputs.map((name) => field(1, name)),
      ...outputs.map((name) => field(2, name)),
      field(4, op),
      ...attributes.map((one) => field(5, one)),
      ...(domain === undefined ? [] : [field(7, domain)]),
    ),
  value: (name: string, dims: readonly (number | bigint)[] = [1]): Uint8Array =>
    bytes(
      field(1, name),
      field(2, field(1, bytes(field(1, 1), field(2, bytes(...dims.map((size) => field(1, field(1, size)))))))),
    ),
  graph: ({
    nodes = [],
    tensors = [],
    inputs = [onnx.value("x")],
    outputs = [onnx.value("y")],
    more = [],
  }: {
    nodes?: readonly Uint8Array[];
    tensors?: readonly Uint8Array[];
    inputs?: readonly Uint8Array[];
    outputs?: readonly Uint8Array[];
    more?: readonly Uint8Array[];
  }): Uint8Array =>
    bytes(
      ...nodes.map((one) => field(1, one)),
      field(2, "g"),
      ...tensors.map((one) => field(5, one)),
      ...inputs.map((one) => field(11, one)),
      ...outputs.map((one) => field(12, one)),
      ...more,
    ),
  function: (domain: string, name: string, nodes: readonly Uint8Array[]): Uint8Array =>
    bytes(field(1, name), field(4, "a"), field(5, "b"), ...nodes.map((one) => field(7, one)), field(10, domain)),
  model: (graph: Uint8Array, ...more: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
    bytes(field(1, 8), field(2, "test"), field(7, graph), field(8, field(2, 17)), ...more),
  /** A key and a value of metadata_props. */
  property: (key: string, value: string): Uint8Array => field(14, entry(key, value)),
} as const;

/** y = x · w, with w stored. */
export const onnxFile = (): Uint8Array<ArrayBuffer> =>
  onnx.model(
    onnx.graph({
      nodes: [onnx.node("MatMul", ["x", "w"], ["y"])],
      tensors: [onnx.tensor("w", [2, 2], new Uint8Array(16).fill(7))],
    }),
    onnx.property("author", "somebody"),
  );
