/** ONNX files as tables of field numbers: reads and writes a ModelProto without losing anything. */
import { ProtobufError, decodeMessage, encodeMessage } from "#formats/protobuf.ts";
import type { Field, Message, MessageTable, UnknownField } from "#formats/protobuf.ts";
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

const one = (name: string, type: Field["type"]): Field => ({ name, type });
const many = (name: string, type: Field["type"]): Field => ({ name, type, repeated: true });
const packed = (name: string, type: Field["type"]): Field => ({ name, type, repeated: true, packed: true });

// Field numbers of onnx.proto (IR version 10). Messages that nothing here reads (training_info, functions, annotations …)
// are left to the unknown fields, which lose nothing.
const MODEL: MessageTable = {
  name: "ModelProto",
  fields: {
    1: one("ir_version", "int64"),
    2: one("producer_name", "string"),
    3: one("producer_version", "string"),
    4: one("domain", "string"),
    5: one("model_version", "int64"),
    6: one("doc_string", "string"),
    7: one("graph", () => GRAPH),
    8: many("opset_import", () => OPSET),
    14: many("metadata_props", () => ENTRY),
  },
};
const OPSET: MessageTable = {
  name: "OperatorSetIdProto",
  fields: { 1: one("domain", "string"), 2: one("version", "int64") },
};
const ENTRY: MessageTable = {
  name: "StringStringEntryProto",
  fields: { 1: one("key", "string"), 2: one("value", "string") },
};
const GRAPH: MessageTable = {
  name: "GraphProto",
  fields: {
    1: many("node", () => NODE),
    2: one("name", "string"),
    5: many("initializer", () => TENSOR),
    10: one("doc_string", "string"),
    11: many("input", () => VALUE_INFO),
    12: many("output", () => VALUE_INFO),
    13: many("value_info", () => VALUE_INFO),
    15: many("sparse_initializer", () => SPARSE),
  },
};
const NODE: MessageTable = {
  name: "NodeProto",
  fields: {
    1: many("input", "string"),
    2: many("output", "string"),
    3: one("name", "string"),
    4: one("op_type", "string"),
    5: many("attribute", () => ATTRIBUTE),
    6: one("doc_string", "string"),
    7: one("domain", "string"),
  },
};
const ATTRIBUTE: MessageTable = {
  name: "AttributeProto",
  fields: {
    1: one("name", "string"),
    2: one("f", "float"),
    3: one("i", "int64"),
    4: one("s", "bytes"),
    5: one("t", () => TENSOR),
    6: one("g", () => GRAPH),
    7: many("floats", "float"),
    8: many("ints", "int64"),
    9: many("strings", "bytes"),
    10: many("tensors", () => TENSOR),
    11: many("graphs", () => GRAPH),
    13: one("doc_string", "string"),
    20: one("type", "int32"),
    21: one("ref_attr_name", "string"),
  },
};
const VALUE_INFO: MessageTable = {
  name: "ValueInfoProto",
  fields: { 1: one("name", "string"), 2: one("type", () => TYPE), 3: one("doc_string", "string") },
};
const TENSOR: MessageTable = {
  name: "TensorProto",
  fields: {
    1: many("dims", "int64"),
    2: one("data_type", "int32"),
    4: packed("float_data", "float"),
    5: packed("int32_data", "int32"),
    6: many("string_data", "bytes"),
    7: packed("int64_data", "int64"),
    8: one("name", "string"),
    9: one("raw_data", "bytes"),
    10: packed("double_data", "double"),
    11: packed("uint64_data", "uint64"),
    12: one("doc_string", "string"),
    13: many("external_data", () => ENTRY),
    14: one("data_location", "int32"),
  },
};
const SPARSE: MessageTable = {
  name: "SparseTensorProto",
  fields: { 1: one("values", () => TENSOR), 2: one("indices", () => TENSOR), 3: many("dims", "int64") },
};
const TYPE: MessageTable = {
  name: "TypeProto",
  fields: {
    1: one("tensor_type", () => TENSOR_TYPE),
    4: one("sequence_type", () => SEQUENCE_TYPE),
    5: one("map_type", () => MAP_TYPE),
    6: one("denotation", "string"),
  },
};
const TENSOR_TYPE: MessageTable = {
  name: "TypeProto.Tensor",
  fields: { 1: one("elem_type", "int32"), 2: one("shape", () => SHAPE) },
};
const SEQUENCE_TYPE: MessageTable = { name: "TypeProto.Sequence", fields: { 1: one("elem_type", () => TYPE) } };
const MAP_TYPE: MessageTable = {
  name: "TypeProto.Map",
  fields: { 1: one("key_type", "int32"), 2: one("value_type", () => TYPE) },
};
const SHAPE: MessageTable = { name: "TensorShapeProto", fields: { 1: many("dim", () => DIMENSION) } };
const DIMENSION: MessageTable = {
  name: "TensorShapeProto.Dimension",
  fields: { 1: one("dim_value", "int64"), 2: one("dim_param", "string"), 3: one("denotation", "string") },
};

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
