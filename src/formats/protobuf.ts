/** Protocol Buffers wire format, strict and lossless: messages described by tables, every length checked before use. */

/** Bytes that are not a well-formed message; `at` is the byte offset of the offence in the whole file. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
  readonly at: number;
  constructor(message: string, at: number) {
    super(`${message} at byte ${at}`);
    this.at = at;
  }
}

type Scalar = "int64" | "uint64" | "int32" | "float" | "double" | "string" | "bytes";

export interface Field {
  readonly name: string;
  /** A scalar, or a function giving the message's table (a function, because tables refer to each other in circles). */
  readonly type: Scalar | (() => MessageTable);
  readonly repeated?: boolean;
  /** Whether the schema writes repeated numbers packed; both forms are read. */
  readonly packed?: boolean;
}

/** What a message may hold, by field number. */
export interface MessageTable {
  readonly name: string;
  readonly fields: Readonly<Record<number, Field>>;
}

/** A field no table knows: kept as its payload bytes and written back unchanged. */
export interface UnknownField {
  readonly number: number;
  readonly wireType: number;
  readonly payload: Uint8Array;
}

/**
 * A decoded message. Repeated fields are always present: bigint[] for 64-bit integers, number[] for int32, Float32Array and
 * Float64Array for float and double, arrays otherwise. Absent single fields are undefined. Bytes are views of the input.
 */
export interface Message {
  [field: string]: unknown;
  unknown?: UnknownField[];
}

/** Protobuf's own limit on nesting in its C++ and Java readers. */
const DEPTH_MAX = 100;
/** More messages than any real model has; a file of empty messages would otherwise cost a hundred times its size in memory. */
const MESSAGES_MAX = 8_000_000;

const VARINT = 0,
  FIXED64 = 1,
  BYTES = 2,
  GROUP = 3,
  END_GROUP = 4,
  FIXED32 = 5;

const WIRE_TYPE: Readonly<Record<Scalar, number>> = {
  int64: VARINT,
  uint64: VARINT,
  int32: VARINT,
  float: FIXED32,
  double: FIXED64,
  string: BYTES,
  bytes: BYTES,
};

const wireTypeOf = (field: Field): number => (typeof field.type === "function" ? BYTES : WIRE_TYPE[field.type]);

/**
 * In which order and form a message's fields came: pairs of tag and count. Kept aside so that writing an unchanged message
 * gives the same bytes; a message made or copied by hand has none and is written in field order.
 */
const arrival = new WeakMap<Message, number[]>();

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;
  messages = 0;
  constructor(bytes: Uint8Array) {
    // Subclasses of Uint8Array (Node's Buffer) give slice() another meaning.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A varint below 2^32, for tags and lengths. */
  small(end: number, what: string): number {
    const start = this.at;
    const value = this.varint(end, what);
    if (value > 0xffffffffn) throw new ProtobufError(`${what} is larger than 32 bits`, start);
    return Number(value);
  }

  varint(end: number, what: string): bigint {
    const start = this.at;
    let low = 0,
      shift = 0;
    for (let i = 0; i < 4; i++) {
      if (this.at >= end) throw new ProtobufError(`${what} is cut off`, start);
      const byte = this.bytes[this.at++]!;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
      shift += 7;
    }
    let value = BigInt(low);
    for (let i = 4; i < 10; i++) {
      if (this.at >= end) throw new ProtobufError(`${what} is cut off`, start);
      const byte = this.bytes[this.at++]!;
      value |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) return BigInt.asUintN(64, value);
      shift += 7;
    }
    throw new ProtobufError(`${what} is a number longer than ten bytes`, start);
  }

  /** Moves past `length` bytes and gives where they began. */
  take(length: number, end: number, what: string): number {
    const start = this.at;
    if (length > end - start)
      throw new ProtobufError(`${what} says ${length} bytes, but ${end - start} are left`, start);
    this.at = start + length;
    return start;
  }

  /** Moves past a value nobody knows. */
  skip(wireType: number, number: number, end: number, depth: number): void {
    const what = `field ${number}`;
    if (wireType === VARINT) this.varint(end, what);
    else if (wireType === FIXED64) this.take(8, end, what);
    else if (wireType === FIXED32) this.take(4, end, what);
    else if (wireType === BYTES) this.take(this.small(end, `length of ${what}`), end, what);
    else if (wireType === GROUP) {
      if (depth > DEPTH_MAX) throw new ProtobufError(`messages are nested deeper than ${DEPTH_MAX}`, this.at);
      for (;;) {
        const start = this.at;
        const tag = this.small(end, "a field's tag");
        if ((tag & 7) === END_GROUP) {
          if (tag >>> 3 !== number) throw new ProtobufError("a group ends that never began", start);
          return;
        }
        this.skip(tag & 7, tag >>> 3, end, depth + 1);
      }
    } else throw new ProtobufError(`${what} has wire type ${wireType}, which does not exist`, this.at);
  }
}

/** Reads one message. Throws ProtobufError for anything but a well-formed message that fills `bytes` exactly. */
export function decodeMessage(table: MessageTable, bytes: Uint8Array): Message {
  return readMessage(new Reader(bytes), table, bytes.length, 0);
}

function readMessage(reader: Reader, table: MessageTable, end: number, depth: number): Message {
  if (depth > DEPTH_MAX) throw new ProtobufError(`messages are nested deeper than ${DEPTH_MAX}`, reader.at);
  if (++reader.messages > MESSAGES_MAX) throw new ProtobufError(`more than ${MESSAGES_MAX} messages`, reader.at);
  const message: Message = {};
  const floats = new Map<Field, (Float32Array | Float64Array)[]>();
  for (const field of Object.values(table.fields)) if (field.repeated) message[field.name] = [];
  const runs: number[] = [];
  while (reader.at < end) {
    const start = reader.at;
    const tag = reader.small(end, `a field's tag in ${table.name}`);
    const number = tag >>> 3,
      wireType = tag & 7;
    if (number === 0) throw new ProtobufError(`field number 0 in ${table.name}`, start);
    const field = table.fields[number];
    let count = 1;
    if (field === undefined) {
      const from = reader.at;
      reader.skip(wireType, number, end, depth);
      (message.unknown ??= []).push({ number, wireType, payload: reader.bytes.subarray(from, reader.at) });
    } else {
      const what = `${table.name}.${field.name}`;
      const expected = wireTypeOf(field);
      if (wireType === expected) readSingle(reader, field, what, message, floats, end, depth);
      else if (wireType === BYTES && field.repeated && typeof field.type === "string")
        count = readPacked(reader, field, what, message, floats, end);
      else throw new ProtobufError(`${what} has wire type ${wireType} where ${expected} belongs`, start);
    }
    if (wireType !== BYTES && runs.length > 0 && runs[runs.length - 2] === tag) runs[runs.length - 1]!++;
    else runs.push(tag, count);
  }
  for (const [field, chunks] of floats) message[field.name] = joined(chunks, field.type === "double");
  for (const field of Object.values(table.fields))
    if (field.repeated && (field.type === "float" || field.type === "double") && !floats.has(field))
      message[field.name] = field.type === "float" ? new Float32Array(0) : new Float64Array(0);
  arrival.set(message, runs);
  return message;
}

function readSingle(
  reader: Reader,
  field: Field,
  what: string,
  message: Message,
  floats: Map<Field, (Float32Array | Float64Array)[]>,
  end: number,
  depth: number,
): void {
  const start = reader.at;
  if (typeof field.type === "function") {
    const length = reader.small(end, `length of ${what}`);
    const from = reader.take(length, end, what);
    reader.at = from;
    if (!field.repeated && message[field.name] !== undefined)
      throw new ProtobufError(`${what} stands there twice`, start);
    const child = readMessage(reader, field.type(), from + length, depth + 1);
    if (field.repeated) (message[field.name] as Message[]).push(child);
    else message[field.name] = child;
    return;
  }
  if (field.repeated && (field.type === "float" || field.type === "double")) {
    const width = field.type === "float" ? 4 : 8;
    const from = reader.take(width, end, what);
    const list = floats.get(field) ?? [];
    list.push(numbersAt(reader, from, 1, field.type));
    floats.set(field, list);
    return;
  }
  const value = scalar(reader, field.type, what, end);
  if (field.repeated) (message[field.name] as unknown[]).push(value);
  else message[field.name] = value;
}

function scalar(reader: Reader, type: Scalar, what: string, end: number): unknown {
  switch (type) {
    case "int64":
      return BigInt.asIntN(64, reader.varint(end, what));
    case "uint64":
      return reader.varint(end, what);
    case "int32":
      return Number(BigInt.asIntN(32, reader.varint(end, what)));
    case "float":
      return reader.view.getFloat32(reader.take(4, end, what), true);
    case "double":
      return reader.view.getFloat64(reader.take(8, end, what), true);
    case "string":
    case "bytes": {
      const length = reader.small(end, `length of ${what}`);
      const from = reader.take(length, end, what);
      const bytes = reader.bytes.subarray(from, from + length);
      if (type === "bytes") return bytes;
      try {
        return utf8.decode(bytes);
      } catch {
        throw new ProtobufError(`${what} is not UTF-8 text`, from);
      }
    }
  }
}

function readPacked(
  reader: Reader,
  field: Field,
  what: string,
  message: Message,
  floats: Map<Field, (Float32Array | Float64Array)[]>,
  end: number,
): number {
  const length = reader.small(end, `length of ${what}`);
  const from = reader.take(length, end, what);
  const type = field.type as Scalar;
  if (type === "float" || type === "double") {
    const width = type === "float" ? 4 : 8;
    if (length % width !== 0) throw new ProtobufError(`${what} holds ${length} bytes, no multiple of ${width}`, from);
    const list = floats.get(field) ?? [];
    list.push(numbersAt(reader, from, length / width, type));
    floats.set(field, list);
    return length / width;
  }
  reader.at = from;
  const list = message[field.name] as unknown[];
  const before = list.length;
  while (reader.at < from + length) list.push(scalar(reader, type, what, from + length));
  return list.length - before;
}

function numbersAt(reader: Reader, at: number, count: number, type: "float" | "double"): Float32Array | Float64Array {
  const width = type === "float" ? 4 : 8;
  // A copy, because typed arrays need aligned memory and the file's bytes are not; copying bytes keeps NaN payloads.
  const copy = reader.bytes.slice(at, at + count * width);
  return type === "float" ? new Float32Array(copy.buffer, 0, count) : new Float64Array(copy.buffer, 0, count);
}

function joined(chunks: readonly (Float32Array | Float64Array)[], double: boolean): Float32Array | Float64Array {
  if (chunks.length === 1) return chunks[0]!;
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const all = double ? new Float64Array(total) : new Float32Array(total);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Pieces of output, joined once at the end so that large tensors are copied once. */
class Sink {
  readonly pieces: Uint8Array[] = [];
  length = 0;
  push(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.length += piece.length;
  }
  varint(value: bigint | number): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.push(Uint8Array.from(bytes));
  }
  append(other: Sink): void {
    for (const piece of other.pieces) this.pieces.push(piece);
    this.length += other.length;
  }
  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** Writes a message. What decodeMessage read comes back byte for byte, unless the file wrote numbers longer than needed. */
export function encodeMessage(table: MessageTable, message: Message): Uint8Array {
  const sink = new Sink();
  writeMessage(sink, table, message);
  return sink.bytes();
}

function writeMessage(sink: Sink, table: MessageTable, message: Message): void {
  const written = new Map<number, number>();
  const unknown = new Map<number, UnknownField[]>();
  for (const field of message.unknown ?? []) {
    const list = unknown.get(field.number) ?? [];
    list.push(field);
    unknown.set(field.number, list);
  }
  const valuesOf = (number: number, field: Field | undefined): ArrayLike<unknown> => {
    if (field === undefined) return unknown.get(number) ?? [];
    const value = message[field.name];
    if (value === undefined) return [];
    return field.repeated ? (value as ArrayLike<unknown>) : [value];
  };
  const emit = (number: number, wireType: number | undefined, count: number): void => {
    const field = table.fields[number];
    const values = valuesOf(number, field);
    const from = written.get(number) ?? 0;
    const to = Math.min(values.length, from + count);
    if (to <= from && !(count === 0 && wireType === BYTES && field?.repeated)) return;
    written.set(number, to);
    if (field === undefined)
      for (let i = from; i < to; i++) {
        const { wireType: kind, payload } = values[i] as UnknownField;
        sink.varint((number << 3) | kind);
        sink.push(payload);
      }
    else writeField(sink, number, field, values, from, to, wireType);
  };
  const runs = arrival.get(message) ?? [];
  for (let i = 0; i < runs.length; i += 2) emit(runs[i]! >>> 3, runs[i]! & 7, runs[i + 1]!);
  const numbers = [...Object.keys(table.fields).map(Number), ...unknown.keys()].toSorted((a, b) => a - b);
  for (const number of numbers) emit(number, undefined, Infinity);
}

function writeField(
  sink: Sink,
  number: number,
  field: Field,
  values: ArrayLike<unknown>,
  from: number,
  to: number,
  wireType: number | undefined,
): void {
  const { type } = field;
  const own = wireTypeOf(field);
  const packed = own !== BYTES && field.repeated && (wireType === undefined ? field.packed : wireType === BYTES);
  if (packed) {
    const body = new Sink();
    if (type === "float" || type === "double") {
      const typed = values as Float32Array | Float64Array;
      const part = typed.subarray(from, to);
      body.push(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    } else for (let i = from; i < to; i++) body.varint(values[i] as bigint | number);
    sink.varint((number << 3) | BYTES);
    sink.varint(body.length);
    sink.append(body);
    return;
  }
  for (let i = from; i < to; i++) {
    sink.varint((number << 3) | own);
    const value = values[i];
    if (typeof type === "function") {
      const body = new Sink();
      writeMessage(body, type(), value as Message);
      sink.varint(body.length);
      sink.append(body);
    } else if (field.repeated && (type === "float" || type === "double")) {
      // As bytes: a number on its way through JavaScript may lose the payload of a NaN.
      const one = (values as Float32Array | Float64Array).slice(i, i + 1);
      sink.push(new Uint8Array(one.buffer, one.byteOffset, one.byteLength));
    } else if (type === "float" || type === "double") {
      const bytes = new Uint8Array(type === "float" ? 4 : 8);
      const view = new DataView(bytes.buffer);
      if (type === "float") view.setFloat32(0, value as number, true);
      else view.setFloat64(0, value as number, true);
      sink.push(bytes);
    } else if (type === "string" || type === "bytes") {
      const bytes = type === "string" ? utf8Encoder.encode(value as string) : (value as Uint8Array);
      sink.varint(bytes.length);
      sink.push(bytes);
    } else sink.varint(value as bigint | number);
  }
}
