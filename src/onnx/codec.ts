/** ONNX files as tables of field numbers: reads and writes a ModelProto without losing anything. */
import { ProtobufError, decodeMessage, encodeMessage } from "#formats/protobuf.ts";
import type { Field, Message, MessageTable, UnknownField } from "#formats/protobuf.ts";
import { MODEL as ONNX_MODEL } from "#formats/onnx.ts";
import { OnnxError } from "./errors.ts";

interface Kept {
  unknown?: UnknownField[];
}

export interface ModelProto extends Kept {
  ir_version?: bigint;
  producer_name?: string;
  producer_version?: string;
  domain?: string;
  model_version?: bigint;
  doc_string?: string;
  graph?: GraphProto;
  opset_import: OperatorSetIdProto[];
  metadata_props: StringStringEntryProto[];
}
export interface OperatorSetIdProto extends Kept {
  domain?: string;
  version?: bigint;
}
export interface StringStringEntryProto extends Kept {
  key?: string;
  value?: string;
}
export interface GraphProto extends Kept {
  node: NodeProto[];
  name?: string;
  initializer: TensorProto[];
  doc_string?: string;
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  value_info: ValueInfoProto[];
  sparse_initializer: SparseTensorProto[];
}
export interface NodeProto extends Kept {
  input: string[];
  output: string[];
  name?: string;
  op_type?: string;
  attribute: AttributeProto[];
  doc_string?: string;
  domain?: string;
}
export interface AttributeProto extends Kept {
  name?: string;
  f?: number;
  i?: bigint;
  s?: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats: Float32Array;
  ints: bigint[];
  strings: Uint8Array[];
  tensors: TensorProto[];
  graphs: GraphProto[];
  doc_string?: string;
  type?: number;
  ref_attr_name?: string;
}
export interface ValueInfoProto extends Kept {
  name?: string;
  type?: TypeProto;
  doc_string?: string;
}
export interface TensorProto extends Kept {
  dims: bigint[];
  data_type?: number;
  float_data: Float32Array;
  int32_data: number[];
  string_data: Uint8Array[];
  int64_data: bigint[];
  name?: string;
  raw_data?: Uint8Array;
  double_data: Float64Array;
  uint64_data: bigint[];
  doc_string?: string;
  external_data: StringStringEntryProto[];
  data_location?: number;
}
export interface SparseTensorProto extends Kept {
  values?: TensorProto;
  indices?: TensorProto;
  dims: bigint[];
}
export interface TypeProto extends Kept {
  tensor_type?: TensorTypeProto;
  sequence_type?: { elem_type?: TypeProto } & Kept;
  map_type?: { key_type?: number; value_type?: TypeProto } & Kept;
  denotation?: string;
}
export interface TensorTypeProto extends Kept {
  elem_type?: number;
  shape?: { dim: DimensionProto[] } & Kept;
}
export interface DimensionProto extends Kept {
  dim_value?: bigint;
  dim_param?: string;
  denotation?: string;
}

/** Fields of onnx.proto that nothing here reads: they are left to the unknown fields, which lose nothing. */
const LEFT: Readonly<Record<string, readonly string[]>> = {
  ModelProto: ["training_info", "functions", "configuration"],
  GraphProto: ["quantization_annotation", "metadata_props"],
  NodeProto: ["overload", "metadata_props", "device_configurations"],
  AttributeProto: ["tp", "type_protos", "sparse_tensor", "sparse_tensors"],
  ValueInfoProto: ["metadata_props"],
  TensorProto: ["segment", "metadata_props"],
  TypeProto: ["opaque_type", "sparse_tensor_type", "optional_type"],
};

const kept = new Map<MessageTable, MessageTable>();
/** A message without those fields, and its messages without theirs. */
function read(table: MessageTable): MessageTable {
  const known = kept.get(table);
  if (known) return known;
  const left = LEFT[table.name] ?? [];
  const fields = Object.entries(table.fields).flatMap(([number, field]): [string, Field][] => {
    const { type } = field;
    if (left.includes(field.name)) return [];
    return [[number, typeof type === "function" ? { ...field, type: () => read(type()) } : field]];
  });
  const made: MessageTable = { name: table.name, fields: Object.fromEntries(fields) };
  kept.set(table, made);
  return made;
}
const MODEL = read(ONNX_MODEL);

/** Reads an ONNX file. Throws OnnxError with the byte offset for anything that is not one. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  if (bytes.length === 0) throw new OnnxError("the file is empty", { remedy: "export the model again" });
  let model: ModelProto;
  try {
    model = decodeMessage(MODEL, bytes) as unknown as ModelProto;
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new OnnxError(`not a readable ONNX file: ${error.message} of ${bytes.length}`, {
      remedy: "compare the file's size and SHA-256 with its source; it may be cut off or of another format",
      cause: error,
    });
  }
  if (model.graph === undefined)
    throw new OnnxError("not a readable ONNX file: it holds no graph", {
      remedy: "give the file that torch.onnx.export, tf2onnx or your tool wrote",
    });
  if (model.opset_import.length === 0)
    throw new OnnxError("not a readable ONNX file: it names no operator set", {
      remedy: "compare the file's size and SHA-256 with its source; it may be cut off",
    });
  return model;
}

/** The bytes of a model. `encodeModel(decodeModel(b))` equals b unless b wrote its numbers longer than needed. */
export function encodeModel(model: ModelProto): Uint8Array {
  return encodeMessage(MODEL, model as unknown as Message);
}
