/** Writers for tests: FlatBuffers of any schema, forward, each object once; and small TFLite models. */
import { isFlatScalar, type FlatSchema, type FlatType } from "./flatbuffers.ts";
import { MODEL } from "./tflite.ts";

export type FlatInput =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly FlatInput[]
  | { readonly [field: string]: FlatInput };

class Writer {
  bytes = new Uint8Array(256);
  size = 0;
  private readonly schema: FlatSchema;

  constructor(schema: FlatSchema) {
    this.schema = schema;
  }
  get view(): DataView {
    return new DataView(this.bytes.buffer);
  }
  take(length: number, align = 1, behind = 0): number {
    while ((this.size + behind) % align !== 0) this.size++;
    const at = this.size;
    this.size += length;
    if (this.size > this.bytes.length) {
      const larger = new Uint8Array(2 * this.size);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    return at;
  }
  scalar(at: number, kind: string, value: number | bigint | boolean): void {
    const { view } = this;
    const number = Number(value);
    if (kind === "u64" || kind === "i64") view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    else if (kind === "f64") view.setFloat64(at, number, true);
    else if (kind === "f32") view.setFloat32(at, number, true);
    else if (kind.endsWith("32")) view.setUint32(at, number >>> 0, true);
    else if (kind.endsWith("16")) view.setUint16(at, number & 0xffff, true);
    else view.setUint8(at, number & 0xff);
  }
  /** Writes behind everything so far, and gives the place. */
  value(type: FlatType, value: FlatInput): number {
    if (type.is === "table") return this.table(type.of, value as { readonly [field: string]: FlatInput });
    if (type.is === "text") {
      const utf8 = new TextEncoder().encode(value as string);
      const at = this.take(4 + utf8.length + 1, 4);
      this.view.setUint32(at, utf8.length, true);
      this.bytes.set(utf8, at + 4);
      return at;
    }
    if (type.is !== "vector") throw new Error(`no ${type.is} stands by itself`);
    const { of } = type;
    const items = value as readonly FlatInput[] | Uint8Array;
    const width = isFlatScalar(of) ? of.width : 4;
    const at = this.take(4 + items.length * width, Math.max(4, width), 4);
    this.view.setUint32(at, items.length, true);
    for (let i = 0; i < items.length; i++)
      if (of.is === "scalar") this.scalar(at + 4 + i * width, of.scalar, items[i] as number);
      else {
        const place = at + 4 + i * width;
        const to = this.value(of, items[i]!);
        this.view.setUint32(place, to - place, true);
      }
    return at;
  }
  table(name: string, fields: { readonly [field: string]: FlatInput }): number {
    const slots = this.schema.tables.get(name);
    if (!slots) throw new Error(`a schema without ${name}`);
    const known = new Set(slots.map((slot) => slot.name));
    for (const field of Object.keys(fields)) if (!known.has(field)) throw new Error(`${name} has no ${field}`);
    const list = this.take(4 + 2 * slots.length, 2);
    const at = this.take(4, 4);
    const places = slots.map(({ name: field, type }) => {
      if (fields[field] === undefined) return undefined;
      const width = isFlatScalar(type) ? type.width : 4;
      return this.take(width, width);
    });
    const { view } = this;
    view.setInt32(at, at - list, true);
    view.setUint16(list, 4 + 2 * slots.length, true);
    view.setUint16(list + 2, this.size - at, true);
    for (const [i, place] of places.entries()) {
      if (place === undefined) continue;
      const { name: field, type } = slots[i]!;
      this.view.setUint16(list + 4 + 2 * i, place - at, true);
      if (type.is === "scalar") this.scalar(place, type.scalar, fields[field] as number);
      else {
        const of =
          type.is === "union"
            ? ({ is: "table", of: this.schema.unions.get(type.of)![Number(fields[`${field}_type`]) - 1]! } as const)
            : type;
        const to = this.value(of, fields[field]!);
        this.view.setUint32(place, to - place, true);
      }
    }
    return at;
  }
}

/** A buffer with this root; a union's kind is written beside it, as `field_type`. */
export function writeFlatBuffer(
  schema: FlatSchema,
  root: { readonly [field: string]: FlatInput },
): Uint8Array<ArrayBuffer> {
  const writer = new Writer(schema);
  writer.take(schema.identifier === undefined ? 4 : 8);
  if (schema.identifier !== undefined)
    for (const [i, letter] of [...schema.identifier].entries()) writer.bytes[4 + i] = letter.charCodeAt(0);
  const at = writer.table(schema.root, root);
  writer.view.setUint32(0, at, true);
  // Writers of the format end on a multiple of four.
  return writer.bytes.slice(0, 4 * Math.ceil(writer.size / 4));
}

/** y = relu(W x), as a model of one operator; parts replace what stands here. */
export function tfliteFile(parts: { readonly [field: string]: FlatInput } = {}): Uint8Array<ArrayBuffer> {
  return writeFlatBuffer(MODEL, {
    version: 3,
    description: "two numbers in, two out",
    operator_codes: [{ deprecated_builtin_code: 9, builtin_code: 9, version: 1 }],
    subgraphs: [tfliteGraph()],
    buffers: [{}, { data: new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer) }],
    ...parts,
  });
}

/** Its graph; a fully connected layer from the first and second tensor to the third. */
export const tfliteGraph = (
  parts: { readonly [field: string]: FlatInput } = {},
): { readonly [field: string]: FlatInput } => ({
  name: "main",
  tensors: [
    { name: "x", shape: [1, 2], type: 0, buffer: 0 },
    { name: "weights", shape: [2, 2], type: 0, buffer: 1 },
    { name: "y", shape: [1, 2], type: 0, buffer: 0 },
  ],
  inputs: [0],
  outputs: [2],
  operators: [
    {
      opcode_index: 0,
      inputs: [0, 1, -1],
      outputs: [2],
      builtin_options_type: 8,
      builtin_options: { fused_activation_function: 1 },
    },
  ],
  ...parts,
});
