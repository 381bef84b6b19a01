/** Tensors in three forms – as the file holds them, as the runtime takes them, as float64 values – and the ways between. */
import type { RuntimeTensor } from "#base/ports.ts";
import type { AttributeProto, TensorProto } from "./codec.ts";
import { OnnxError } from "./errors.ts";

export type ElementType = RuntimeTensor["type"];

/** A tensor in float64, whatever its type in the model: what the reference evaluator and constant folding compute with. */
export interface Value {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

/** Numbers of TensorProto.DataType (onnx.proto) and their width in raw_data. */
const TYPES: Readonly<Record<number, { readonly type: ElementType; readonly width: number }>> = {
  1: { type: "float32", width: 4 },
  2: { type: "uint8", width: 1 },
  3: { type: "int8", width: 1 },
  4: { type: "uint16", width: 2 },
  5: { type: "int16", width: 2 },
  6: { type: "int32", width: 4 },
  7: { type: "int64", width: 8 },
  8: { type: "string", width: 0 },
  9: { type: "bool", width: 1 },
  10: { type: "float16", width: 2 },
  11: { type: "float64", width: 8 },
  12: { type: "uint32", width: 4 },
  13: { type: "uint64", width: 8 },
};
const NUMBERS = new Map(Object.entries(TYPES).map(([number, { type }]) => [type, Number(number)]));

/** The element type behind a number of TensorProto.DataType, or undefined for those onnxruntime's Node binding cannot hold. */
export const elementType = (number: number | undefined): ElementType | undefined => TYPES[number ?? 0]?.type;
export const elementNumber = (type: ElementType): number => NUMBERS.get(type)!;

export const isFloat = (type: ElementType): boolean => type === "float32" || type === "float64" || type === "float16";

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** No tensor of a model that runs on one machine is larger. */
const ELEMENTS_MAX = 2 ** 31;

/** A tensor of the file, checked: sizes fit, data present. Throws OnnxError. */
export function readTensor(tensor: TensorProto, where: string): RuntimeTensor {
  const known = TYPES[tensor.data_type ?? 0];
  if (known === undefined)
    throw new OnnxError(`${where} has element type ${tensor.data_type ?? 0}, which is not supported`, {
      remedy: "export with float32 weights",
    });
  const dims = tensor.dims.map(Number);
  if (dims.some((dim) => dim < 0) || sizeOf(dims) > ELEMENTS_MAX)
    throw new OnnxError(`${where} has the impossible shape [${dims.join(", ")}]`);
  if (tensor.data_location === 1 || tensor.external_data.length > 0) {
    const location = tensor.external_data.find((entry) => entry.key === "location")?.value ?? "another file";
    throw new OnnxError(`${where} is stored outside the model file, in "${location}"`, {
      remedy: "save the model as one file (onnx.save with save_as_external_data=False)",
    });
  }
  const count = sizeOf(dims);
  const { type, width } = known;
  const wrong = (have: number): OnnxError =>
    new OnnxError(`${where} has shape [${dims.join(", ")}] but holds ${have} of ${count} values`, {
      remedy: "the file is damaged; fetch it again",
    });
  if (type === "string") {
    if (tensor.string_data.length !== count) throw wrong(tensor.string_data.length);
    return { type, dims, data: tensor.string_data.map((bytes) => new TextDecoder().decode(bytes)) };
  }
  const raw = tensor.raw_data;
  if (raw !== undefined && (raw.length > 0 || count === 0)) {
    if (raw.length !== count * width) throw wrong(Math.floor(raw.length / width));
    const copy = raw.slice();
    return { type, dims, data: typedArray(type, copy.buffer, count) };
  }
  const list: ArrayLike<number | bigint> =
    type === "float32"
      ? tensor.float_data
      : type === "float64"
        ? tensor.double_data
        : type === "int64"
          ? tensor.int64_data
          : type === "uint64" || type === "uint32"
            ? tensor.uint64_data
            : tensor.int32_data;
  if (list.length !== count) throw wrong(list.length);
  const data = typedArray(type, new ArrayBuffer(count * width), count);
  for (let i = 0; i < count; i++)
    data[i] = (
      data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(list[i]!) : Number(list[i]!)
    ) as never;
  return { type, dims, data };
}

type NumberArray = Exclude<RuntimeTensor["data"], readonly string[]>;

function typedArray(type: ElementType, buffer: ArrayBuffer, count: number): NumberArray {
  switch (type) {
    case "float32":
      return new Float32Array(buffer, 0, count);
    case "float64":
      return new Float64Array(buffer, 0, count);
    case "int64":
      return new BigInt64Array(buffer, 0, count);
    case "uint64":
      return new BigUint64Array(buffer, 0, count);
    case "int32":
      return new Int32Array(buffer, 0, count);
    case "uint32":
      return new Uint32Array(buffer, 0, count);
    case "int16":
      return new Int16Array(buffer, 0, count);
    case "uint16":
    case "float16":
      return new Uint16Array(buffer, 0, count);
    case "int8":
      return new Int8Array(buffer, 0, count);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer, 0, count);
    case "string":
      throw new OnnxError("strings are no numbers");
  }
}

/** A runtime tensor as the file's TensorProto, raw little-endian bytes. */
export function writeTensor(tensor: RuntimeTensor, name?: string): TensorProto {
  const proto: TensorProto = {
    dims: tensor.dims.map(BigInt),
    data_type: elementNumber(tensor.type),
    float_data: new Float32Array(0),
    int32_data: [],
    string_data: [],
    int64_data: [],
    double_data: new Float64Array(0),
    uint64_data: [],
    external_data: [],
  };
  if (name !== undefined) proto.name = name;
  if (tensor.type === "string")
    proto.string_data = (tensor.data as readonly string[]).map((text) => new TextEncoder().encode(text));
  else {
    const data = tensor.data as NumberArray;
    proto.raw_data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return proto;
}

/** Float64 values of a runtime tensor. 64-bit integers beyond 2^53 lose their last digits, which shapes never use. */
export function toValue(tensor: RuntimeTensor): Value {
  const { type, dims, data } = tensor;
  if (type === "string") throw new OnnxError("a string tensor has no numeric value");
  const values = new Float64Array(data.length);
  // The runtime hands half precision out as numbers where the engine has an array for them, as bits where it has not.
  if (type === "float16" && data instanceof Uint16Array)
    for (let i = 0; i < values.length; i++) values[i] = fromHalf(data[i]!);
  else for (let i = 0; i < values.length; i++) values[i] = Number((data as NumberArray)[i]);
  return { type, dims, data: values };
}

const INT64_MAX = 2n ** 63n - 1n;

/** A value in its own element type. Integers saturate at the type's ends where 64 bits need it. */
export function toRuntime(value: Value): RuntimeTensor {
  const { type, dims, data } = value;
  switch (type) {
    case "float32":
      return { type, dims, data: Float32Array.from(data) };
    case "float64":
      return { type, dims, data: Float64Array.from(data) };
    case "float16":
      return { type, dims, data: Uint16Array.from(data, toHalf) };
    case "int64":
      return { type, dims, data: BigInt64Array.from(Array.from(data, (x) => saturated(x))) };
    case "uint64":
      return { type, dims, data: BigUint64Array.from(Array.from(data, (x) => BigInt(Math.trunc(x)))) };
    case "int32":
      return { type, dims, data: Int32Array.from(data) };
    case "uint32":
      return { type, dims, data: Uint32Array.from(data) };
    case "int16":
      return { type, dims, data: Int16Array.from(data) };
    case "uint16":
      return { type, dims, data: Uint16Array.from(data) };
    case "int8":
      return { type, dims, data: Int8Array.from(data) };
    case "uint8":
      return { type, dims, data: Uint8Array.from(data) };
    case "bool":
      return { type, dims, data: Uint8Array.from(data, (x) => (x === 0 ? 0 : 1)) };
    case "string":
      throw new OnnxError("a string tensor has no numeric value");
  }
}

function saturated(x: number): bigint {
  if (x >= 2 ** 63) return INT64_MAX;
  if (x <= -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(x));
}

/** IEEE 754 binary16 to number. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1,
    exponent = (bits >> 10) & 31,
    fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Number to IEEE 754 binary16, rounding to nearest even. */
function toHalf(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(x);
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 2 ** -24)));
  const scaled = magnitude / 2 ** (exponent - 10);
  let mantissa = Math.floor(scaled);
  const rest = scaled - mantissa;
  if (rest > 0.5 || (rest === 0.5 && mantissa % 2 === 1)) mantissa++;
  // A mantissa of 1024 and more carries into the exponent field by plain addition.
  return sign | (mantissa < 1024 ? mantissa : ((exponent + 14) << 10) + mantissa);
}

export const scalar = (type: ElementType, x: number): Value => ({ type, dims: [], data: Float64Array.of(x) });
export const vector = (type: ElementType, xs: readonly number[]): Value => ({
  type,
  dims: [xs.length],
  data: Float64Array.from(xs),
});

const bare = (name: string, type: number): AttributeProto => ({
  name,
  floats: new Float32Array(0),
  ints: [],
  strings: [],
  tensors: [],
  graphs: [],
  type,
});

/** Attributes of a node made by hand: integers for an array of numbers or a number, text for a string, float and tensor named. */
export const attribute = {
  int: (name: string, value: number): AttributeProto => ({ ...bare(name, 2), i: BigInt(value) }),
  ints: (name: string, values: readonly number[]): AttributeProto => ({
    ...bare(name, 7),
    ints: values.map((value) => BigInt(value)),
  }),
  float: (name: string, value: number): AttributeProto => ({ ...bare(name, 1), f: value }),
  string: (name: string, value: string): AttributeProto => ({
    ...bare(name, 3),
    s: new TextEncoder().encode(value),
  }),
  tensor: (name: string, value: Value): AttributeProto => ({ ...bare(name, 4), t: writeTensor(toRuntime(value)) }),
};
