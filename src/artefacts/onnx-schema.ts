/** onnx.proto (IR version 13) as tables of every field it knows, the operators of ONNX's own domains, and the widths of its element types. */
import type { Field, MessageTable } from "#formats/protobuf.ts";

const one = (name: string, type: Field["type"]): Field => ({ name, type });
const many = (name: string, type: Field["type"]): Field => ({ name, type, repeated: true });

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
export const GRAPH: MessageTable = {
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
    4: many("float_data", "float"),
    5: many("int32_data", "int32"),
    6: many("string_data", "bytes"),
    7: many("int64_data", "int64"),
    8: one("name", "string"),
    9: one("raw_data", "bytes"),
    10: many("double_data", "double"),
    11: many("uint64_data", "uint64"),
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
const TYPE: MessageTable = {
  name: "TypeProto",
  fields: {
    1: one("tensor_type", () => DENSE),
    4: one("sequence_type", () => ELEMENT_TYPE),
    5: one("map_type", () => ({
      name: "TypeProto.Map",
      fields: { 1: one("key_type", "int32"), 2: one("value_type", () => TYPE) },
    })),
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

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** The operators of each of ONNX's own domains, of all versions (onnx/defs/operator_sets*.h). */
export const OPERATORS: Readonly<Record<string, ReadonlySet<string>>> = {
  "": words(`
    Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization Bernoulli
    BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Col2Im
    Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT
    DeformConv DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike
    Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
    GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If
    ImageDecoder InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax
    Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization
    MelWeightMatrix Min Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional
    OptionalGetElement OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN
    RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize
    ReverseSequence RoiAlign RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt
    SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign Sin Sinh
    Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat
    StringNormalizer StringSplit Sub Sum Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose
    Trilu Unique Unsqueeze Upsample Where Xor`),
  "ai.onnx.ml": words(`
    ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder LinearClassifier
    LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble TreeEnsembleClassifier
    TreeEnsembleRegressor ZipMap`),
  "ai.onnx.training": words("Adagrad Adam Gradient GraphCall Momentum"),
  "ai.onnx.preview.training": words("Adagrad Adam Gradient Momentum"),
  "ai.onnx.preview": words("FlexAttention"),
};

/**
 * Operators of `com.microsoft` that ONNX Runtime has built in and that only compute: all of docs/ContribOperators.md but the two
 * that hold a vendor's compiled engine. Those of training builds stand in no such list.
 */
const RUNTIME_OPERATORS = words(`
    Attention AttnLSTM BeamSearch BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu BifurcationDetector BitmaskBiasDropout BitmaskDropout
    CDist CausalConvWithState ComplexMul ComplexMulConj ConvTransposeWithDynamicPads CropAndResize DecoderAttention
    DecoderMaskedMultiHeadAttention DecoderMaskedSelfAttention DequantizeBFP DequantizeLinear DequantizeWithOrder DynamicQuantizeLSTM
    DynamicQuantizeMatMul DynamicTimeWarping EmbedLayerNormalization EngramGate ExpandDims FastGelu FusedConv FusedGemm FusedMatMul
    FusedMatMulActivation GatedAdd GatedDeltaNet GatedRMSNorm GatedRelativePositionBias GatherBlockQuantized GatherND Gelu GemmFastGelu
    GemmFloat8 GemmaRotaryEmbedding GreedySearch GridSample GroupNorm GroupQueryAttention Inverse Irfft IsAllFinite LinearAttention
    LinearAttentionGate LongformerAttention MRotaryEmbedding MatMulBlockQuantizedFp4Weight MatMulBlockQuantizedFp8Weight MatMulBnb4 MatMulFpQ4
    MatMulInteger16 MatMulIntegerToFloat MatMulNBits MatMulNBitsMlp MatMulNBitsQkv MaxpoolWithMask MoE MulInteger MultiHeadAttention MurmurHash3
    NGramHashMapping NGramRepeatBlock NhwcConv NhwcFusedConv NhwcMaxPool PackedAttention PackedMultiHeadAttention Pad PagedAttention QAttention
    QEmbedLayerNormalization QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul
    QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere QMoE QOrderedAttention QOrderedGelu QOrderedLayerNormalization
    QOrderedLongformerAttention QOrderedMatMul QuantizeBFP QuantizeLinear QuantizeWithOrder QuickGelu Range ReduceSumInteger
    RelativePositionBias RemovePadding RestorePadding Rfft RotaryEmbedding SampleOp Sampling SkipGroupNorm SkipLayerNormalization
    SkipSimplifiedLayerNormalization SparseAttention SparseToDenseMatMul Tokenizer TorchEmbedding TransposeMatMul Trilu UnfoldTensor Unique
    VarlenCausalConvWithState VarlenNGramHashMapping WhisperBeamSearch WordConvEmbedding`);
/** Of the same document: a compiled engine in the node or beside it, which a vendor's library loads. */
export const ENGINES: ReadonlyMap<string, string> = new Map([
  ["EPContext", "ep_cache_context"],
  ["Snpe", "DLC"],
]);
/** What its optimizer writes for a layout: the same computing under another order of channels (nchwc_schema_defs.cc, internal_nhwc_onnx_schemas.cc). */
const BLOCKED = words("AveragePool Conv GlobalAveragePool GlobalMaxPool MaxPool ReorderInput ReorderOutput Upsample");
const CHANNELS_LAST = words(`
    AveragePool BatchNormalization Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample InstanceNormalization LRN
    LpPool MaxPool MaxUnpool QLinearAveragePool QLinearConv QLinearConvTranspose Resize SpaceToDepth`);
/** Operators that ONNX Runtime brings itself, by domain. */
export const RUNTIME_DOMAINS: Readonly<Record<string, ReadonlySet<string>>> = {
  "com.microsoft": RUNTIME_OPERATORS,
  "com.microsoft.nchwc": BLOCKED,
  "com.ms.internal.nhwc": CHANNELS_LAST,
};
/** Of whatever domain: operators that hand work to Python or to another framework by name. */
export const LANGUAGE_OPERATORS =
  /^(?:PyOp|PyCustomOp\w*|PythonOp(?:Grad)?|PyFunc|PyObject\w*|ATen(?:Op)?|ExternalFunction|TorchScript\w*|Triton(?:Op)?)$/;
