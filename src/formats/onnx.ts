/** onnx.proto (IR version 13) as tables of every field it knows, and the widths of its element types: what is read of a model and what is scanned of it go by the same. */
import type { Field, MessageTable } from "#formats/protobuf.ts";

const one = (name: string, type: Field["type"]): Field => ({ name, type });
const many = (name: string, type: Field["type"]): Field => ({ name, type, repeated: true });
const packed = (name: string, type: Field["type"]): Field => ({ name, type, repeated: true, packed: true });

export const MODEL: MessageTable = {
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
    20: many("training_info", () => TRAINING),
    25: many("functions", () => FUNCTION),
    26: many("configuration", () => CONFIGURATION),
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
const CONFIGURATION: MessageTable = {
  name: "DeviceConfigurationProto",
  fields: { 1: one("name", "string"), 2: one("num_devices", "int32"), 3: many("device", "string") },
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
    14: many("quantization_annotation", () => ANNOTATION),
    15: many("sparse_initializer", () => SPARSE),
    16: many("metadata_props", () => ENTRY),
  },
};
const TRAINING: MessageTable = {
  name: "TrainingInfoProto",
  fields: {
    1: one("initialization", () => GRAPH),
    2: one("algorithm", () => GRAPH),
    3: many("initialization_binding", () => ENTRY),
    4: many("update_binding", () => ENTRY),
  },
};
const FUNCTION: MessageTable = {
  name: "FunctionProto",
  fields: {
    1: one("name", "string"),
    // Since which version, and its status: of the format's first years.
    2: one("since_version", "int64"),
    3: one("status", "int32"),
    4: many("input", "string"),
    5: many("output", "string"),
    6: many("attribute", "string"),
    7: many("node", () => NODE),
    8: one("doc_string", "string"),
    9: many("opset_import", () => OPSET),
    10: one("domain", "string"),
    11: many("attribute_proto", () => ATTRIBUTE),
    12: many("value_info", () => VALUE_INFO),
    13: one("overload", "string"),
    14: many("metadata_props", () => ENTRY),
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
    8: one("overload", "string"),
    9: many("metadata_props", () => ENTRY),
    10: many("device_configurations", () => NODE_CONFIGURATION),
  },
};
const NODE_CONFIGURATION: MessageTable = {
  name: "NodeDeviceConfigurationProto",
  fields: {
    1: one("configuration_id", "string"),
    2: many("sharding_spec", () => SHARDING),
    3: one("pipeline_stage", "int32"),
  },
};
const SHARDING: MessageTable = {
  name: "ShardingSpecProto",
  fields: {
    1: one("tensor_name", "string"),
    2: many("device", "int64"),
    3: many("index_to_device_group_map", () => ({
      name: "IntIntListEntryProto",
      fields: { 1: one("key", "int64"), 2: many("value", "int64") },
    })),
    4: many("sharded_dim", () => ({
      name: "ShardedDimProto",
      fields: {
        1: one("axis", "int64"),
        2: many("simple_sharding", () => ({
          name: "SimpleShardedDimProto",
          fields: { 1: one("dim_value", "int64"), 2: one("dim_param", "string"), 3: one("num_shards", "int64") },
        })),
      },
    })),
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
    14: one("tp", () => TYPE),
    15: many("type_protos", () => TYPE),
    20: one("type", "int32"),
    21: one("ref_attr_name", "string"),
    22: one("sparse_tensor", () => SPARSE),
    23: many("sparse_tensors", () => SPARSE),
  },
};
const VALUE_INFO: MessageTable = {
  name: "ValueInfoProto",
  fields: {
    1: one("name", "string"),
    2: one("type", () => TYPE),
    3: one("doc_string", "string"),
    4: many("metadata_props", () => ENTRY),
  },
};
const ANNOTATION: MessageTable = {
  name: "TensorAnnotation",
  fields: { 1: one("tensor_name", "string"), 2: many("quant_parameter_tensor_names", () => ENTRY) },
};
const TENSOR: MessageTable = {
  name: "TensorProto",
  fields: {
    1: many("dims", "int64"),
    2: one("data_type", "int32"),
    3: one("segment", () => ({
      name: "TensorProto.Segment",
      fields: { 1: one("begin", "int64"), 2: one("end", "int64") },
    })),
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
    16: many("metadata_props", () => ENTRY),
  },
};
const SPARSE: MessageTable = {
  name: "SparseTensorProto",
  fields: { 1: one("values", () => TENSOR), 2: one("indices", () => TENSOR), 3: many("dims", "int64") },
};
const TENSOR_TYPE = (name: string): MessageTable => ({
  name,
  fields: { 1: one("elem_type", "int32"), 2: one("shape", () => SHAPE) },
});
const DENSE = TENSOR_TYPE("TypeProto.Tensor");
const SPARSE_TYPE = TENSOR_TYPE("TypeProto.SparseTensor");
const ELEMENT_TYPE: MessageTable = { name: "TypeProto.Sequence", fields: { 1: one("elem_type", () => TYPE) } };
const MAP_TYPE: MessageTable = {
  name: "TypeProto.Map",
  fields: { 1: one("key_type", "int32"), 2: one("value_type", () => TYPE) },
};
const TYPE: MessageTable = {
  name: "TypeProto",
  fields: {
    1: one("tensor_type", () => DENSE),
    4: one("sequence_type", () => ELEMENT_TYPE),
    5: one("map_type", () => MAP_TYPE),
    6: one("denotation", "string"),
    7: one("opaque_type", () => ({
      name: "TypeProto.Opaque",
      fields: { 1: one("domain", "string"), 2: one("name", "string") },
    })),
    8: one("sparse_tensor_type", () => SPARSE_TYPE),
    9: one("optional_type", () => ELEMENT_TYPE),
  },
};
const DIMENSION: MessageTable = {
  name: "TensorShapeProto.Dimension",
  fields: { 1: one("dim_value", "int64"), 2: one("dim_param", "string"), 3: one("denotation", "string") },
};
const SHAPE: MessageTable = { name: "TensorShapeProto", fields: { 1: many("dim", () => DIMENSION) } };

/** Bits per element, by TensorProto.DataType; text has none. */
export const ELEMENT_BITS: Readonly<Record<number, number>> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  14: 64,
  15: 128,
  16: 16,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
  23: 4,
  24: 8,
  25: 2,
  26: 2,
};
export const STRING_TYPE = 8;
