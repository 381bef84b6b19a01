/**
 * Core ML's messages (coremltools, mlmodel/format/*.proto) as tables for the protobuf reader, and the file beside a program that holds its
 * values (mlmodel/src/MILBlob/Blob/StorageFormat.hpp).
 */
import { upTo, type Content } from "./content.ts";
import { FormatError, viewOf } from "./error.ts";
import { topFields } from "./protobuf-walk.ts";
import type { Field, MessageTable } from "./protobuf.ts";

/** CoreML.Specification.Model: a version, a description, and a field of 200 or more that holds the model (Model.proto). */
export function isCoreMl(content: Content): boolean {
  const head = upTo(content, 0, 3);
  if (head[0] !== 0x08 || head[1]! > 20 || head[2] !== 0x12) return false;
  const { fields, whole } = topFields(content, 0, content.size, 32);
  return (
    whole &&
    fields.every(({ number }) => [1, 2, 10].includes(number) || (number >= 200 && number <= 3000)) &&
    fields.some(({ number, wireType }) => number >= 200 && wireType === 2)
  );
}

export interface MilBlob {
  /** Its description, of 64 bytes. */
  readonly at: number;
  /** What its values are, as `MIL_TYPES` has it. */
  readonly type: number;
  /** Bits at the end that are no values. */
  readonly padding: number;
  /** Its values. */
  readonly start: number;
  readonly end: number;
}
/** Types of a blob's values and their bits (MILBlob/Blob/BlobDataType.hpp), and what the same is called in a program (MIL.proto, DataType). */
export const MIL_TYPES: readonly { readonly blob: number; readonly bits: number; readonly program: number }[] = [
  [1, 16, 10],
  [2, 32, 11],
  [3, 8, 31],
  [4, 8, 21],
  [5, 16, 13],
  [6, 16, 22],
  [7, 16, 32],
  [8, 4, 25],
  [9, 1, 37],
  [10, 2, 36],
  [11, 4, 35],
  [12, 3, 39],
  [13, 6, 38],
  [14, 32, 23],
  [15, 32, 33],
  [16, 8, 40],
  [17, 8, 41],
].map(([blob, bits, program]) => ({ blob: blob!, bits: bits!, program: program! }));

/** What is wrong with a blob by itself: its type, or its size for that type. */
export function blobProblem({ type, padding, start, end }: MilBlob): string | undefined {
  const bits = MIL_TYPES.find(({ blob }) => blob === type)?.bits;
  if (bits === undefined) return `values of type ${type}, which Core ML does not have`;
  if (bits < 8 && padding > 7) return `${padding} bits at the end that are no values, where 7 are the most`;
  const held = 8 * (end - start) - (bits < 8 ? padding : 0);
  return held < 0 || held % bits !== 0 ? `${end - start} bytes of values of ${bits} bits` : undefined;
}

const BLOB = 64;
const SENTINEL = 0xdeadbeef;
const BLOBS_MAX = 1_000_000;

/** A number of blobs, the version, and the first blob's mark. */
export function isMilBlobs(content: Content): boolean {
  if (content.size < 2 * BLOB) return false;
  const view = viewOf(content.read(0, BLOB + 4));
  return view.getUint32(0, true) > 0 && view.getUint32(4, true) === 2 && view.getUint32(BLOB, true) === SENTINEL;
}

/** Every blob in its order. Throws a FormatError where one is not what the format says. */
export function readMilBlobs(content: Content, tick: () => void): readonly MilBlob[] {
  const refuse = (at: number, problem: string): never => {
    throw new FormatError("Core ML values", Math.min(at, content.size), problem, "convert the model again");
  };
  const header = content.read(0, BLOB);
  const count = viewOf(header).getUint32(0, true);
  if (header.subarray(8).some((byte) => byte !== 0)) refuse(8, "its header holds more than it should");
  if (count > BLOBS_MAX) refuse(0, `${count} blobs, more than are read`);
  const blobs: MilBlob[] = [];
  let at = BLOB;
  for (let i = 0; i < count; i++) {
    if ((i & 255) === 0) tick();
    if (at + BLOB > content.size) refuse(content.size, `${count} blobs are promised, and ${i} are there`);
    const view = viewOf(content.read(at, BLOB));
    const [size, start] = [Number(view.getBigUint64(8, true)), Number(view.getBigUint64(16, true))];
    if (view.getUint32(0, true) !== SENTINEL) refuse(at, `blob ${i} has no mark`);
    if (start !== at + BLOB) refuse(at + 16, `blob ${i} is said to lie at ${start}, where ${at + BLOB} follows`);
    if (!(start + size <= content.size))
      refuse(at + 8, `blob ${i} is said to be ${size} bytes, and ${content.size - start} follow`);
    blobs.push({
      at,
      type: view.getUint32(4, true),
      padding: Number(view.getBigUint64(24, true)),
      start,
      end: start + size,
    });
    at = BLOB * Math.ceil((start + size) / BLOB);
  }
  return blobs;
}

const SCALARS: Readonly<Record<string, Field["type"]>> = {
  int32: "int32",
  uint32: "int32",
  bool: "int32",
  int64: "int64",
  uint64: "uint64",
  float: "float",
  double: "double",
  string: "string",
  bytes: "bytes",
};
const tables = new Map<string, MessageTable>();
function tableOf(name: string): MessageTable {
  const known = tables.get(name);
  if (known) return known;
  const fields: Record<number, Field> = {};
  const table: MessageTable = { name, fields };
  tables.set(name, table);
  // An entry of a map is a message of a key and a value.
  const row = /^map(#?)<(.*)>$/.exec(name);
  const written = row ? `1:key:${row[1] === "#" ? "int64" : "string"} 2:value:${row[2]}` : ROWS.get(name);
  if (written === undefined) throw new Error(`no message ${name}`);
  for (const field of written.split(" ")) {
    const [number, title, kind] = field.split(":");
    if (kind === undefined) continue;
    const bare = kind.replace("*", "");
    fields[Number(number)] = {
      name: title!,
      type: SCALARS[bare] ?? (() => tableOf(bare)),
      ...(kind.endsWith("*") || bare.startsWith("map") ? { repeated: true } : {}),
    };
  }
  return table;
}

/** A message a line: its name, and its fields as number, name and type; `*` repeats, `map#` has numbers for keys. */
const ROWS: ReadonlyMap<string, string> = new Map(
  `
  Model 1:specificationVersion:int32 2:description:ModelDescription 10:isUpdatable:bool 200:pipelineClassifier:PipelineClassifier 201:pipelineRegressor:PipelineRegressor 202:pipeline:Pipeline 300:glmRegressor:GLMRegressor 301:supportVectorRegressor:SupportVectorRegressor 302:treeEnsembleRegressor:TreeEnsembleRegressor 303:neuralNetworkRegressor:NeuralNetworkRegressor 304:bayesianProbitRegressor:BayesianProbitRegressor 400:glmClassifier:GLMClassifier 401:supportVectorClassifier:SupportVectorClassifier 402:treeEnsembleClassifier:TreeEnsembleClassifier 403:neuralNetworkClassifier:NeuralNetworkClassifier 404:kNearestNeighborsClassifier:KNearestNeighborsClassifier 500:neuralNetwork:NeuralNetwork 501:itemSimilarityRecommender:ItemSimilarityRecommender 502:mlProgram:MIL.Program 555:customModel:CustomModel 556:linkedModel:LinkedModel 560:classConfidenceThresholding:ClassConfidenceThresholding 600:oneHotEncoder:OneHotEncoder 601:imputer:Imputer 602:featureVectorizer:FeatureVectorizer 603:dictVectorizer:DictVectorizer 604:scaler:Scaler 606:categoricalMapping:CategoricalMapping 607:normalizer:Normalizer 609:arrayFeatureExtractor:ArrayFeatureExtractor 610:nonMaximumSuppression:NonMaximumSuppression 900:identity:Identity 2000:textClassifier:TextClassifier 2001:wordTagger:WordTagger 2002:visionFeaturePrint:VisionFeaturePrint 2003:soundAnalysisPreprocessing:SoundAnalysisPreprocessing 2004:gazetteer:Gazetteer 2005:wordEmbedding:WordEmbedding 2006:audioFeaturePrint:AudioFeaturePrint 3000:serializedModel:SerializedModel
  ArrayFeatureExtractor 1:extractIndex:uint64*
  AudioFeaturePrint 20:sound:AudioFeaturePrint.Sound
  AudioFeaturePrint.Sound 1:version:int32
  BayesianProbitRegressor 1:numberOfFeatures:uint32 2:bias:BayesianProbitRegressor.Gaussian 3:features:BayesianProbitRegressor.FeatureWeight* 10:regressionInputFeatureName:string 11:optimismInputFeatureName:string 12:samplingScaleInputFeatureName:string 13:samplingTruncationInputFeatureName:string 20:meanOutputFeatureName:string 21:varianceOutputFeatureName:string 22:pessimisticProbabilityOutputFeatureName:string 23:sampledProbabilityOutputFeatureName:string
  BayesianProbitRegressor.Gaussian 1:mean:double 2:precision:double
  BayesianProbitRegressor.FeatureValueWeight 1:featureValue:uint32 2:featureWeight:BayesianProbitRegressor.Gaussian
  BayesianProbitRegressor.FeatureWeight 1:featureId:uint32 2:weights:BayesianProbitRegressor.FeatureValueWeight*
  CategoricalMapping 1:stringToInt64Map:StringToInt64Map 2:int64ToStringMap:Int64ToStringMap 101:strValue:string 102:int64Value:int64
  ClassConfidenceThresholding 100:precisionRecallCurves:PrecisionRecallCurve*
  CustomModel 10:className:string 30:parameters:map<CustomModel.CustomModelParamValue> 40:description:string
  CustomModel.CustomModelParamValue 10:doubleValue:double 20:stringValue:string 30:intValue:int32 40:longValue:int64 50:boolValue:bool 60:bytesValue:bytes
  StringToInt64Map 1:map:map<int64>
  Int64ToStringMap 1:map:map#<string>
  StringToDoubleMap 1:map:map<double>
  Int64ToDoubleMap 1:map:map#<double>
  StringVector 1:vector:string*
  Int64Vector 1:vector:int64*
  FloatVector 1:vector:float*
  DoubleVector 1:vector:double*
  Int64Range 1:minValue:int64 2:maxValue:int64
  Int64Set 1:values:int64*
  DoubleRange 1:minValue:double 2:maxValue:double
  PrecisionRecallCurve 1:precisionValues:FloatVector 2:precisionConfidenceThresholds:FloatVector 3:recallValues:FloatVector 4:recallConfidenceThresholds:FloatVector
  DictVectorizer 1:stringToIndex:StringVector 2:int64ToIndex:Int64Vector
  Int64FeatureType
  DoubleFeatureType
  StringFeatureType
  SizeRange 1:lowerBound:uint64 2:upperBound:int64
  ImageFeatureType 1:width:int64 2:height:int64 3:colorSpace:int32 21:enumeratedSizes:ImageFeatureType.EnumeratedImageSizes 31:imageSizeRange:ImageFeatureType.ImageSizeRange
  ImageFeatureType.ImageSize 1:width:uint64 2:height:uint64
  ImageFeatureType.EnumeratedImageSizes 1:sizes:ImageFeatureType.ImageSize*
  ImageFeatureType.ImageSizeRange 1:widthRange:SizeRange 2:heightRange:SizeRange
  ArrayFeatureType 1:shape:int64* 2:dataType:int32 21:enumeratedShapes:ArrayFeatureType.EnumeratedShapes 31:shapeRange:ArrayFeatureType.ShapeRange 41:intDefaultValue:int32 51:floatDefaultValue:float 61:doubleDefaultValue:double
  ArrayFeatureType.Shape 1:shape:int64*
  ArrayFeatureType.EnumeratedShapes 1:shapes:ArrayFeatureType.Shape*
  ArrayFeatureType.ShapeRange 1:sizeRanges:SizeRange*
  DictionaryFeatureType 1:int64KeyType:Int64FeatureType 2:stringKeyType:StringFeatureType
  SequenceFeatureType 1:int64Type:Int64FeatureType 3:stringType:StringFeatureType 101:sizeRange:SizeRange
  StateFeatureType 1:arrayType:ArrayFeatureType
  FeatureType 1:int64Type:Int64FeatureType 2:doubleType:DoubleFeatureType 3:stringType:StringFeatureType 4:imageType:ImageFeatureType 5:multiArrayType:ArrayFeatureType 6:dictionaryType:DictionaryFeatureType 7:sequenceType:SequenceFeatureType 8:stateType:StateFeatureType 1000:isOptional:bool
  FeatureVectorizer 1:inputList:FeatureVectorizer.InputColumn*
  FeatureVectorizer.InputColumn 1:inputColumn:string 2:inputDimensions:uint64
  GLMClassifier 1:weights:GLMClassifier.DoubleArray* 2:offset:double* 3:postEvaluationTransform:int32 4:classEncoding:int32 100:stringClassLabels:StringVector 101:int64ClassLabels:Int64Vector
  GLMClassifier.DoubleArray 1:value:double*
  GLMRegressor 1:weights:GLMRegressor.DoubleArray* 2:offset:double* 3:postEvaluationTransform:int32
  GLMRegressor.DoubleArray 1:value:double*
  Gazetteer 1:revision:uint32 10:language:string 100:modelParameterData:bytes 200:stringClassLabels:StringVector
  Identity
  Imputer 1:imputedDoubleValue:double 2:imputedInt64Value:int64 3:imputedStringValue:string 4:imputedDoubleArray:DoubleVector 5:imputedInt64Array:Int64Vector 6:imputedStringDictionary:StringToDoubleMap 7:imputedInt64Dictionary:Int64ToDoubleMap 11:replaceDoubleValue:double 12:replaceInt64Value:int64 13:replaceStringValue:string
  ItemSimilarityRecommender 1:itemItemSimilarities:ItemSimilarityRecommender.SimilarItems* 2:itemStringIds:StringVector 3:itemInt64Ids:Int64Vector 10:itemInputFeatureName:string 11:numRecommendationsInputFeatureName:string 12:itemRestrictionInputFeatureName:string 13:itemExclusionInputFeatureName:string 20:recommendedItemListOutputFeatureName:string 21:recommendedItemScoreOutputFeatureName:string
  ItemSimilarityRecommender.ConnectedItem 1:itemId:uint64 2:similarityScore:double
  ItemSimilarityRecommender.SimilarItems 1:itemId:uint64 2:similarItemList:ItemSimilarityRecommender.ConnectedItem* 3:itemScoreAdjustment:double
  LinkedModel 1:linkedModelFile:LinkedModelFile
  LinkedModelFile 1:linkedModelFileName:StringParameter 2:linkedModelSearchPath:StringParameter
  MIL.Program 1:version:int64 2:functions:map<MIL.Function> 3:docString:string 4:attributes:map<MIL.Value>
  MIL.Function 1:inputs:MIL.NamedValueType* 2:opset:string 3:block_specializations:map<MIL.Block> 4:attributes:map<MIL.Value>
  MIL.Block 1:inputs:MIL.NamedValueType* 2:outputs:string* 3:operations:MIL.Operation* 4:attributes:map<MIL.Value>
  MIL.Argument 1:arguments:MIL.Argument.Binding*
  MIL.Argument.Binding 1:name:string 2:value:MIL.Value
  MIL.Operation 1:type:string 2:inputs:map<MIL.Argument> 3:outputs:MIL.NamedValueType* 4:blocks:MIL.Block* 5:attributes:map<MIL.Value>
  MIL.NamedValueType 1:name:string 2:type:MIL.ValueType
  MIL.ValueType 1:tensorType:MIL.TensorType 2:listType:MIL.ListType 3:tupleType:MIL.TupleType 4:dictionaryType:MIL.DictionaryType 5:stateType:MIL.StateType
  MIL.TensorType 1:dataType:int32 2:rank:int64 3:dimensions:MIL.Dimension* 4:attributes:map<MIL.Value>
  MIL.TupleType 1:types:MIL.ValueType*
  MIL.ListType 1:type:MIL.ValueType 2:length:MIL.Dimension
  MIL.DictionaryType 1:keyType:MIL.ValueType 2:valueType:MIL.ValueType
  MIL.StateType 1:wrappedType:MIL.ValueType
  MIL.Dimension 1:constant:MIL.Dimension.ConstantDimension 2:unknown:MIL.Dimension.UnknownDimension
  MIL.Dimension.ConstantDimension 1:size:uint64
  MIL.Dimension.UnknownDimension 1:variadic:bool
  MIL.Value 1:docString:string 2:type:MIL.ValueType 3:immediateValue:MIL.Value.ImmediateValue 5:blobFileValue:MIL.Value.BlobFileValue
  MIL.Value.ImmediateValue 1:tensor:MIL.TensorValue 2:tuple:MIL.TupleValue 3:list:MIL.ListValue 4:dictionary:MIL.DictionaryValue
  MIL.Value.BlobFileValue 1:fileName:string 2:offset:uint64
  MIL.TensorValue 1:floats:MIL.TensorValue.RepeatedFloats 2:ints:MIL.TensorValue.RepeatedInts 3:bools:MIL.TensorValue.RepeatedBools 4:strings:MIL.TensorValue.RepeatedStrings 5:longInts:MIL.TensorValue.RepeatedLongInts 6:doubles:MIL.TensorValue.RepeatedDoubles 7:bytes:MIL.TensorValue.RepeatedBytes
  MIL.TensorValue.RepeatedFloats 1:values:float*
  MIL.TensorValue.RepeatedDoubles 1:values:double*
  MIL.TensorValue.RepeatedInts 1:values:int32*
  MIL.TensorValue.RepeatedLongInts 1:values:int64*
  MIL.TensorValue.RepeatedBools 1:values:bool*
  MIL.TensorValue.RepeatedStrings 1:values:string*
  MIL.TensorValue.RepeatedBytes 1:values:bytes
  MIL.TupleValue 1:values:MIL.Value*
  MIL.ListValue 1:values:MIL.Value*
  MIL.DictionaryValue 1:values:MIL.DictionaryValue.KeyValuePair*
  MIL.DictionaryValue.KeyValuePair 1:key:MIL.Value 2:value:MIL.Value
  Pipeline 1:models:Model* 2:names:string*
  PipelineClassifier 1:pipeline:Pipeline
  PipelineRegressor 1:pipeline:Pipeline
  FeatureDescription 1:name:string 2:shortDescription:string 3:type:FeatureType
  Metadata 1:shortDescription:string 2:versionString:string 3:author:string 4:license:string 100:userDefined:map<string>
  FunctionDescription 1:name:string 2:input:FeatureDescription* 3:output:FeatureDescription* 4:predictedFeatureName:string 5:predictedProbabilitiesName:string 6:state:FeatureDescription*
  ModelDescription 1:input:FeatureDescription* 10:output:FeatureDescription* 11:predictedFeatureName:string 12:predictedProbabilitiesName:string 13:state:FeatureDescription* 20:functions:FunctionDescription* 21:defaultFunctionName:string 50:trainingInput:FeatureDescription* 100:metadata:Metadata
  SerializedModel 1:identifier:string 2:model:bytes
  KNearestNeighborsClassifier 1:nearestNeighborsIndex:NearestNeighborsIndex 3:numberOfNeighbors:Int64Parameter 100:stringClassLabels:StringVector 101:int64ClassLabels:Int64Vector 110:defaultStringLabel:string 111:defaultInt64Label:int64 200:uniformWeighting:UniformWeighting 210:inverseDistanceWeighting:InverseDistanceWeighting
  NearestNeighborsIndex 1:numberOfDimensions:int32 2:floatSamples:FloatVector* 100:linearIndex:LinearIndex 110:singleKdTreeIndex:SingleKdTreeIndex 200:squaredEuclideanDistance:SquaredEuclideanDistance
  UniformWeighting
  InverseDistanceWeighting
  LinearIndex
  SingleKdTreeIndex 1:leafSize:int32
  SquaredEuclideanDistance
  NeuralNetwork 1:layers:NeuralNetworkLayer* 2:preprocessing:NeuralNetworkPreprocessing* 5:arrayInputShapeMapping:int32 6:imageInputShapeMapping:int32 10:updateParams:NetworkUpdateParameters
  NeuralNetworkImageScaler 10:channelScale:float 20:blueBias:float 21:greenBias:float 22:redBias:float 30:grayBias:float
  NeuralNetworkMeanImage 1:meanImage:float*
  NeuralNetworkPreprocessing 1:featureName:string 10:scaler:NeuralNetworkImageScaler 11:meanImage:NeuralNetworkMeanImage
  ActivationReLU
  ActivationLeakyReLU 1:alpha:float
  ActivationTanh
  ActivationScaledTanh 1:alpha:float 2:beta:float
  ActivationSigmoid
  ActivationLinear 1:alpha:float 2:beta:float
  ActivationSigmoidHard 1:alpha:float 2:beta:float
  ActivationPReLU 1:alpha:WeightParams
  ActivationELU 1:alpha:float
  ActivationThresholdedReLU 1:alpha:float
  ActivationSoftsign
  ActivationSoftplus
  ActivationParametricSoftplus 1:alpha:WeightParams 2:beta:WeightParams
  ActivationParams 5:linear:ActivationLinear 10:ReLU:ActivationReLU 15:leakyReLU:ActivationLeakyReLU 20:thresholdedReLU:ActivationThresholdedReLU 25:PReLU:ActivationPReLU 30:tanh:ActivationTanh 31:scaledTanh:ActivationScaledTanh 40:sigmoid:ActivationSigmoid 41:sigmoidHard:ActivationSigmoidHard 50:ELU:ActivationELU 60:softsign:ActivationSoftsign 70:softplus:ActivationSoftplus 71:parametricSoftplus:ActivationParametricSoftplus
  Tensor 1:rank:uint32 2:dimValue:int64*
  NeuralNetworkLayer 1:name:string 2:input:string* 3:output:string* 4:inputTensor:Tensor* 5:outputTensor:Tensor* 10:isUpdatable:bool 100:convolution:ConvolutionLayerParams 120:pooling:PoolingLayerParams 130:activation:ActivationParams 140:innerProduct:InnerProductLayerParams 150:embedding:EmbeddingLayerParams 160:batchnorm:BatchnormLayerParams 165:mvn:MeanVarianceNormalizeLayerParams 170:l2normalize:L2NormalizeLayerParams 175:softmax:SoftmaxLayerParams 180:lrn:LRNLayerParams 190:crop:CropLayerParams 200:padding:PaddingLayerParams 210:upsample:UpsampleLayerParams 211:resizeBilinear:ResizeBilinearLayerParams 212:cropResize:CropResizeLayerParams 220:unary:UnaryFunctionLayerParams 230:add:AddLayerParams 231:multiply:MultiplyLayerParams 240:average:AverageLayerParams 245:scale:ScaleLayerParams 250:bias:BiasLayerParams 260:max:MaxLayerParams 261:min:MinLayerParams 270:dot:DotProductLayerParams 280:reduce:ReduceLayerParams 290:loadConstant:LoadConstantLayerParams 300:reshape:ReshapeLayerParams 301:flatten:FlattenLayerParams 310:permute:PermuteLayerParams 320:concat:ConcatLayerParams 330:split:SplitLayerParams 340:sequenceRepeat:SequenceRepeatLayerParams 345:reorganizeData:ReorganizeDataLayerParams 350:slice:SliceLayerParams 400:simpleRecurrent:SimpleRecurrentLayerParams 410:gru:GRULayerParams 420:uniDirectionalLSTM:UniDirectionalLSTMLayerParams 430:biDirectionalLSTM:BiDirectionalLSTMLayerParams 500:custom:CustomLayerParams 600:copy:CopyLayerParams 605:branch:BranchLayerParams 615:loop:LoopLayerParams 620:loopBreak:LoopBreakLayerParams 625:loopContinue:LoopContinueLayerParams 635:rangeStatic:RangeStaticLayerParams 640:rangeDynamic:RangeDynamicLayerParams 660:clip:ClipLayerParams 665:ceil:CeilLayerParams 670:floor:FloorLayerParams 680:sign:SignLayerParams 685:round:RoundLayerParams 700:exp2:Exp2LayerParams 710:sin:SinLayerParams 715:cos:CosLayerParams 720:tan:TanLayerParams 730:asin:AsinLayerParams 735:acos:AcosLayerParams 740:atan:AtanLayerParams 750:sinh:SinhLayerParams 755:cosh:CoshLayerParams 760:tanh:TanhLayerParams 770:asinh:AsinhLayerParams 775:acosh:AcoshLayerParams 780:atanh:AtanhLayerParams 790:erf:ErfLayerParams 795:gelu:GeluLayerParams 815:equal:EqualLayerParams 820:notEqual:NotEqualLayerParams 825:lessThan:LessThanLayerParams 827:lessEqual:LessEqualLayerParams 830:greaterThan:GreaterThanLayerParams 832:greaterEqual:GreaterEqualLayerParams 840:logicalOr:LogicalOrLayerParams 845:logicalXor:LogicalXorLayerParams 850:logicalNot:LogicalNotLayerParams 855:logicalAnd:LogicalAndLayerParams 865:modBroadcastable:ModBroadcastableLayerParams 870:minBroadcastable:MinBroadcastableLayerParams 875:maxBroadcastable:MaxBroadcastableLayerParams 880:addBroadcastable:AddBroadcastableLayerParams 885:powBroadcastable:PowBroadcastableLayerParams 890:divideBroadcastable:DivideBroadcastableLayerParams 895:floorDivBroadcastable:FloorDivBroadcastableLayerParams 900:multiplyBroadcastable:MultiplyBroadcastableLayerParams 905:subtractBroadcastable:SubtractBroadcastableLayerParams 920:tile:TileLayerParams 925:stack:StackLayerParams 930:gather:GatherLayerParams 935:scatter:ScatterLayerParams 940:gatherND:GatherNDLayerParams 945:scatterND:ScatterNDLayerParams 950:softmaxND:SoftmaxNDLayerParams 952:gatherAlongAxis:GatherAlongAxisLayerParams 954:scatterAlongAxis:ScatterAlongAxisLayerParams 960:reverse:ReverseLayerParams 965:reverseSeq:ReverseSeqLayerParams 975:splitND:SplitNDLayerParams 980:concatND:ConcatNDLayerParams 985:transpose:TransposeLayerParams 995:sliceStatic:SliceStaticLayerParams 1000:sliceDynamic:SliceDynamicLayerParams 1005:slidingWindows:SlidingWindowsLayerParams 1015:topK:TopKLayerParams 1020:argMin:ArgMinLayerParams 1025:argMax:ArgMaxLayerParams 1040:embeddingND:EmbeddingNDLayerParams 1045:batchedMatmul:BatchedMatMulLayerParams 1065:getShape:GetShapeLayerParams 1070:loadConstantND:LoadConstantNDLayerParams 1080:fillLike:FillLikeLayerParams 1085:fillStatic:FillStaticLayerParams 1090:fillDynamic:FillDynamicLayerParams 1100:broadcastToLike:BroadcastToLikeLayerParams 1105:broadcastToStatic:BroadcastToStaticLayerParams 1110:broadcastToDynamic:BroadcastToDynamicLayerParams 1120:squeeze:SqueezeLayerParams 1125:expandDims:ExpandDimsLayerParams 1130:flattenTo2D:FlattenTo2DLayerParams 1135:reshapeLike:ReshapeLikeLayerParams 1140:reshapeStatic:ReshapeStaticLayerParams 1145:reshapeDynamic:ReshapeDynamicLayerParams 1150:rankPreservingReshape:RankPreservingReshapeLayerParams 1155:constantPad:ConstantPaddingLayerParams 1170:randomNormalLike:RandomNormalLikeLayerParams 1175:randomNormalStatic:RandomNormalStaticLayerParams 1180:randomNormalDynamic:RandomNormalDynamicLayerParams 1190:randomUniformLike:RandomUniformLikeLayerParams 1195:randomUniformStatic:RandomUniformStaticLayerParams 1200:randomUniformDynamic:RandomUniformDynamicLayerParams 1210:randomBernoulliLike:RandomBernoulliLikeLayerParams 1215:randomBernoulliStatic:RandomBernoulliStaticLayerParams 1220:randomBernoulliDynamic:RandomBernoulliDynamicLayerParams 1230:categoricalDistribution:CategoricalDistributionLayerParams 1250:reduceL1:ReduceL1LayerParams 1255:reduceL2:ReduceL2LayerParams 1260:reduceMax:ReduceMaxLayerParams 1265:reduceMin:ReduceMinLayerParams 1270:reduceSum:ReduceSumLayerParams 1275:reduceProd:ReduceProdLayerParams 1280:reduceMean:ReduceMeanLayerParams 1285:reduceLogSum:ReduceLogSumLayerParams 1290:reduceSumSquare:ReduceSumSquareLayerParams 1295:reduceLogSumExp:ReduceLogSumExpLayerParams 1313:whereNonZero:WhereNonZeroLayerParams 1315:matrixBandPart:MatrixBandPartLayerParams 1320:lowerTriangular:LowerTriangularLayerParams 1325:upperTriangular:UpperTriangularLayerParams 1330:whereBroadcastable:WhereBroadcastableLayerParams 1350:layerNormalization:LayerNormalizationLayerParams 1400:NonMaximumSuppression:NonMaximumSuppressionLayerParams 1450:oneHot:OneHotLayerParams 1455:cumSum:CumSumLayerParams 1460:clampedReLU:ClampedReLULayerParams 1461:argSort:ArgSortLayerParams 1465:pooling3d:Pooling3DLayerParams 1466:globalPooling3d:GlobalPooling3DLayerParams 1470:sliceBySize:SliceBySizeLayerParams 1471:convolution3d:Convolution3DLayerParams
  BranchLayerParams 1:ifBranch:NeuralNetwork 2:elseBranch:NeuralNetwork
  LoopLayerParams 1:maxLoopIterations:uint64 2:conditionVar:string 3:conditionNetwork:NeuralNetwork 4:bodyNetwork:NeuralNetwork
  LoopBreakLayerParams
  LoopContinueLayerParams
  CopyLayerParams
  GreaterThanLayerParams 2:alpha:float
  GreaterEqualLayerParams 2:alpha:float
  LessThanLayerParams 2:alpha:float
  LessEqualLayerParams 2:alpha:float
  EqualLayerParams 1:alpha:float
  NotEqualLayerParams 1:alpha:float
  LogicalAndLayerParams
  LogicalOrLayerParams
  LogicalXorLayerParams
  LogicalNotLayerParams
  BorderAmounts 10:borderAmounts:BorderAmounts.EdgeSizes*
  BorderAmounts.EdgeSizes 1:startEdgeSize:uint64 2:endEdgeSize:uint64
  ValidPadding 1:paddingAmounts:BorderAmounts
  SamePadding 1:asymmetryMode:int32
  SamplingMode 1:samplingMethod:int32
  BoxCoordinatesMode 1:boxMode:int32
  WeightParams 1:floatValue:float* 2:float16Value:bytes 30:rawValue:bytes 31:int8RawValue:bytes 40:quantization:QuantizationParams 50:isUpdatable:bool
  QuantizationParams 1:numberOfBits:uint64 101:linearQuantization:LinearQuantizationParams 102:lookupTableQuantization:LookUpTableQuantizationParams
  LinearQuantizationParams 1:scale:float* 2:bias:float*
  LookUpTableQuantizationParams 1:floatValue:float*
  ConvolutionLayerParams 1:outputChannels:uint64 2:kernelChannels:uint64 10:nGroups:uint64 20:kernelSize:uint64* 30:stride:uint64* 40:dilationFactor:uint64* 50:valid:ValidPadding 51:same:SamePadding 60:isDeconvolution:bool 70:hasBias:bool 90:weights:WeightParams 91:bias:WeightParams 100:outputShape:uint64*
  Convolution3DLayerParams 1:outputChannels:int32 2:inputChannels:int32 10:nGroups:int32 20:kernelDepth:int32 21:kernelHeight:int32 22:kernelWidth:int32 31:strideDepth:int32 32:strideHeight:int32 33:strideWidth:int32 40:dilationDepth:int32 41:dilationHeight:int32 42:dilationWidth:int32 50:hasBias:bool 60:weights:WeightParams 61:bias:WeightParams 70:paddingType:int32 80:customPaddingFront:int32 81:customPaddingBack:int32 82:customPaddingTop:int32 83:customPaddingBottom:int32 84:customPaddingLeft:int32 85:customPaddingRight:int32 86:isDeconvolution:bool 87:outputShape:uint64*
  InnerProductLayerParams 1:inputChannels:uint64 2:outputChannels:uint64 10:hasBias:bool 20:weights:WeightParams 21:bias:WeightParams 22:int8DynamicQuantize:bool
  EmbeddingLayerParams 1:inputDim:uint64 2:outputChannels:uint64 10:hasBias:bool 20:weights:WeightParams 21:bias:WeightParams
  EmbeddingNDLayerParams 1:vocabSize:uint64 2:embeddingSize:uint64 3:hasBias:bool 20:weights:WeightParams 21:bias:WeightParams
  BatchnormLayerParams 1:channels:uint64 5:computeMeanVar:bool 6:instanceNormalization:bool 10:epsilon:float 15:gamma:WeightParams 16:beta:WeightParams 17:mean:WeightParams 18:variance:WeightParams
  PoolingLayerParams 1:type:int32 10:kernelSize:uint64* 20:stride:uint64* 30:valid:ValidPadding 31:same:SamePadding 32:includeLastPixel:PoolingLayerParams.ValidCompletePadding 50:avgPoolExcludePadding:bool 60:globalPooling:bool
  PoolingLayerParams.ValidCompletePadding 10:paddingAmounts:uint64*
  Pooling3DLayerParams 1:type:int32 2:kernelDepth:int32 3:kernelHeight:int32 4:kernelWidth:int32 5:strideDepth:int32 6:strideHeight:int32 7:strideWidth:int32 8:customPaddingFront:int32 9:customPaddingBack:int32 10:customPaddingTop:int32 11:customPaddingBottom:int32 12:customPaddingLeft:int32 13:customPaddingRight:int32 14:countExcludePadding:bool 15:paddingType:int32
  GlobalPooling3DLayerParams 1:type:int32
  PaddingLayerParams 1:constant:PaddingLayerParams.PaddingConstant 2:reflection:PaddingLayerParams.PaddingReflection 3:replication:PaddingLayerParams.PaddingReplication 10:paddingAmounts:BorderAmounts
  PaddingLayerParams.PaddingConstant 1:value:float
  PaddingLayerParams.PaddingReflection
  PaddingLayerParams.PaddingReplication
  ConcatLayerParams 100:sequenceConcat:bool
  LRNLayerParams 1:alpha:float 2:beta:float 3:localSize:uint64 4:k:float
  SoftmaxLayerParams
  SplitLayerParams 1:nOutputs:uint64
  AddLayerParams 1:alpha:float
  MultiplyLayerParams 1:alpha:float
  UnaryFunctionLayerParams 1:type:int32 2:alpha:float 3:epsilon:float 4:shift:float 5:scale:float
  UpsampleLayerParams 1:scalingFactor:uint64* 5:mode:int32 6:linearUpsampleMode:int32 7:fractionalScalingFactor:float*
  ResizeBilinearLayerParams 1:targetSize:uint64* 2:mode:SamplingMode
  CropResizeLayerParams 1:targetSize:uint64* 2:normalizedCoordinates:bool 3:mode:SamplingMode 4:boxIndicesMode:BoxCoordinatesMode 5:spatialScale:float
  BiasLayerParams 1:shape:uint64* 2:bias:WeightParams
  ScaleLayerParams 1:shapeScale:uint64* 2:scale:WeightParams 3:hasBias:bool 4:shapeBias:uint64* 5:bias:WeightParams
  LoadConstantLayerParams 1:shape:uint64* 2:data:WeightParams
  L2NormalizeLayerParams 1:epsilon:float
  FlattenLayerParams 1:mode:int32
  ReshapeLayerParams 1:targetShape:int64* 2:mode:int32
  PermuteLayerParams 1:axis:uint64*
  ReorganizeDataLayerParams 1:mode:int32 2:blockSize:uint64
  SliceLayerParams 1:startIndex:int64 2:endIndex:int64 3:stride:uint64 4:axis:int32
  ReduceLayerParams 1:mode:int32 2:epsilon:float 3:axis:int32
  CropLayerParams 1:cropAmounts:BorderAmounts 5:offset:uint64*
  AverageLayerParams
  MaxLayerParams
  MinLayerParams
  DotProductLayerParams 1:cosineSimilarity:bool
  MeanVarianceNormalizeLayerParams 1:acrossChannels:bool 2:normalizeVariance:bool 3:epsilon:float
  SequenceRepeatLayerParams 1:nRepetitions:uint64
  SimpleRecurrentLayerParams 1:inputVectorSize:uint64 2:outputVectorSize:uint64 10:activation:ActivationParams 15:sequenceOutput:bool 20:hasBiasVector:bool 30:weightMatrix:WeightParams 31:recursionMatrix:WeightParams 32:biasVector:WeightParams 100:reverseInput:bool
  GRULayerParams 1:inputVectorSize:uint64 2:outputVectorSize:uint64 10:activations:ActivationParams* 15:sequenceOutput:bool 20:hasBiasVectors:bool 30:updateGateWeightMatrix:WeightParams 31:resetGateWeightMatrix:WeightParams 32:outputGateWeightMatrix:WeightParams 50:updateGateRecursionMatrix:WeightParams 51:resetGateRecursionMatrix:WeightParams 52:outputGateRecursionMatrix:WeightParams 70:updateGateBiasVector:WeightParams 71:resetGateBiasVector:WeightParams 72:outputGateBiasVector:WeightParams 100:reverseInput:bool
  LSTMParams 10:sequenceOutput:bool 20:hasBiasVectors:bool 30:forgetBias:bool 40:hasPeepholeVectors:bool 50:coupledInputAndForgetGate:bool 60:cellClipThreshold:float
  LSTMWeightParams 1:inputGateWeightMatrix:WeightParams 2:forgetGateWeightMatrix:WeightParams 3:blockInputWeightMatrix:WeightParams 4:outputGateWeightMatrix:WeightParams 20:inputGateRecursionMatrix:WeightParams 21:forgetGateRecursionMatrix:WeightParams 22:blockInputRecursionMatrix:WeightParams 23:outputGateRecursionMatrix:WeightParams 40:inputGateBiasVector:WeightParams 41:forgetGateBiasVector:WeightParams 42:blockInputBiasVector:WeightParams 43:outputGateBiasVector:WeightParams 60:inputGatePeepholeVector:WeightParams 61:forgetGatePeepholeVector:WeightParams 62:outputGatePeepholeVector:WeightParams
  UniDirectionalLSTMLayerParams 1:inputVectorSize:uint64 2:outputVectorSize:uint64 10:activations:ActivationParams* 15:params:LSTMParams 20:weightParams:LSTMWeightParams 100:reverseInput:bool
  BiDirectionalLSTMLayerParams 1:inputVectorSize:uint64 2:outputVectorSize:uint64 10:activationsForwardLSTM:ActivationParams* 11:activationsBackwardLSTM:ActivationParams* 15:params:LSTMParams 20:weightParams:LSTMWeightParams*
  CustomLayerParams 10:className:string 20:weights:WeightParams* 30:parameters:map<CustomLayerParams.CustomLayerParamValue> 40:description:string
  CustomLayerParams.CustomLayerParamValue 10:doubleValue:double 20:stringValue:string 30:intValue:int32 40:longValue:int64 50:boolValue:bool
  TransposeLayerParams 1:axes:uint64*
  BatchedMatMulLayerParams 1:transposeA:bool 2:transposeB:bool 5:weightMatrixFirstDimension:uint64 6:weightMatrixSecondDimension:uint64 7:hasBias:bool 8:weights:WeightParams 9:bias:WeightParams 10:int8DynamicQuantize:bool
  ConcatNDLayerParams 1:axis:int64 2:interleave:bool
  SoftmaxNDLayerParams 1:axis:int64
  ReverseLayerParams 1:reverseDim:bool*
  ReverseSeqLayerParams 1:batchAxis:int64 2:sequenceAxis:int64
  LoadConstantNDLayerParams 1:shape:uint64* 2:data:WeightParams
  FillLikeLayerParams 1:value:float
  FillStaticLayerParams 1:value:float 2:targetShape:uint64*
  FillDynamicLayerParams 1:value:float
  WhereBroadcastableLayerParams
  SinLayerParams
  CosLayerParams
  TanLayerParams
  AsinLayerParams
  AcosLayerParams
  AtanLayerParams
  SinhLayerParams
  CoshLayerParams
  TanhLayerParams
  AsinhLayerParams
  AcoshLayerParams
  AtanhLayerParams
  PowBroadcastableLayerParams
  Exp2LayerParams
  WhereNonZeroLayerParams
  MatrixBandPartLayerParams 1:numLower:int64 2:numUpper:int64
  UpperTriangularLayerParams 1:k:int64
  LowerTriangularLayerParams 1:k:int64
  BroadcastToLikeLayerParams
  BroadcastToStaticLayerParams 1:targetShape:uint64*
  BroadcastToDynamicLayerParams
  AddBroadcastableLayerParams
  MaxBroadcastableLayerParams
  MinBroadcastableLayerParams
  ModBroadcastableLayerParams
  FloorDivBroadcastableLayerParams
  SubtractBroadcastableLayerParams
  MultiplyBroadcastableLayerParams
  DivideBroadcastableLayerParams
  GatherLayerParams 1:axis:int64
  ScatterLayerParams 1:axis:int64 2:mode:int32
  GatherNDLayerParams
  ScatterNDLayerParams 1:mode:int32
  GatherAlongAxisLayerParams 1:axis:int64
  ScatterAlongAxisLayerParams 1:axis:int64 2:mode:int32
  StackLayerParams 1:axis:int64
  RankPreservingReshapeLayerParams 1:targetShape:int64*
  ConstantPaddingLayerParams 1:value:float 2:padAmounts:uint64* 3:padToGivenOutputSizeMode:bool
  RandomNormalLikeLayerParams 1:seed:int64 2:mean:float 3:stdDev:float
  RandomNormalStaticLayerParams 1:seed:int64 2:mean:float 3:stdDev:float 4:outputShape:uint64*
  RandomNormalDynamicLayerParams 1:seed:int64 2:mean:float 3:stdDev:float
  RandomUniformLikeLayerParams 1:seed:int64 2:minVal:float 3:maxVal:float
  RandomUniformStaticLayerParams 1:seed:int64 2:minVal:float 3:maxVal:float 4:outputShape:uint64*
  RandomUniformDynamicLayerParams 1:seed:int64 2:minVal:float 3:maxVal:float
  RandomBernoulliLikeLayerParams 1:seed:int64 2:prob:float
  RandomBernoulliStaticLayerParams 1:seed:int64 2:prob:float 3:outputShape:uint64*
  RandomBernoulliDynamicLayerParams 1:seed:int64 2:prob:float
  CategoricalDistributionLayerParams 1:seed:int64 2:numSamples:int64 3:isLogits:bool 4:eps:float 5:temperature:float
  ReduceL1LayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceL2LayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceMaxLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceMinLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceSumLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceProdLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceMeanLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceLogSumLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceSumSquareLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ReduceLogSumExpLayerParams 1:axes:int64* 2:keepDims:bool 3:reduceAll:bool
  ExpandDimsLayerParams 1:axes:int64*
  FlattenTo2DLayerParams 1:axis:int64
  ReshapeStaticLayerParams 1:targetShape:int64*
  ReshapeLikeLayerParams
  ReshapeDynamicLayerParams
  SqueezeLayerParams 1:axes:int64* 2:squeezeAll:bool
  TopKLayerParams 1:axis:int64 2:K:uint64 3:useBottomK:bool
  ArgMaxLayerParams 1:axis:int64 2:removeDim:bool
  ArgMinLayerParams 1:axis:int64 2:removeDim:bool
  SplitNDLayerParams 1:axis:int64 2:numSplits:uint64 3:splitSizes:uint64*
  CeilLayerParams
  RoundLayerParams
  FloorLayerParams
  SignLayerParams
  ClipLayerParams 1:minVal:float 2:maxVal:float
  SliceStaticLayerParams 1:beginIds:int64* 2:beginMasks:bool* 3:endIds:int64* 4:endMasks:bool* 5:strides:int64* 6:squeezeMasks:bool*
  SliceDynamicLayerParams 2:beginMasks:bool* 3:endIds:int64* 4:endMasks:bool* 5:strides:int64* 6:squeezeMasks:bool*
  TileLayerParams 1:reps:uint64*
  GetShapeLayerParams
  ErfLayerParams
  GeluLayerParams 1:mode:int32
  RangeStaticLayerParams 1:endValue:float 2:startValue:float 3:stepSizeValue:float
  RangeDynamicLayerParams 2:startValue:float 3:stepSizeValue:float
  SlidingWindowsLayerParams 1:axis:int64 2:windowSize:uint64 3:step:uint64
  LayerNormalizationLayerParams 1:normalizedShape:int64* 2:eps:float 3:gamma:WeightParams 4:beta:WeightParams
  NonMaximumSuppressionLayerParams 1:iouThreshold:float 2:scoreThreshold:float 3:maxBoxes:uint64 4:perClassSuppression:bool
  ClampedReLULayerParams 1:alpha:float 2:beta:float
  ArgSortLayerParams 1:axis:int64 2:descending:bool
  SliceBySizeLayerParams 2:size:int64 3:axis:int64
  NeuralNetworkClassifier 1:layers:NeuralNetworkLayer* 2:preprocessing:NeuralNetworkPreprocessing* 5:arrayInputShapeMapping:int32 6:imageInputShapeMapping:int32 10:updateParams:NetworkUpdateParameters 100:stringClassLabels:StringVector 101:int64ClassLabels:Int64Vector 200:labelProbabilityLayerName:string
  OneHotLayerParams 1:oneHotVectorSize:uint64 2:axis:int64 3:onValue:float 4:offValue:float
  CumSumLayerParams 1:axis:int64 2:excludeFinalSum:bool 3:reverse:bool
  NeuralNetworkRegressor 1:layers:NeuralNetworkLayer* 2:preprocessing:NeuralNetworkPreprocessing* 5:arrayInputShapeMapping:int32 6:imageInputShapeMapping:int32 10:updateParams:NetworkUpdateParameters
  NetworkUpdateParameters 1:lossLayers:LossLayer* 2:optimizer:Optimizer 3:epochs:Int64Parameter 10:shuffle:BoolParameter 20:seed:Int64Parameter
  LossLayer 1:name:string 10:categoricalCrossEntropyLossLayer:CategoricalCrossEntropyLossLayer 11:meanSquaredErrorLossLayer:MeanSquaredErrorLossLayer
  CategoricalCrossEntropyLossLayer 1:input:string 2:target:string
  MeanSquaredErrorLossLayer 1:input:string 2:target:string
  Optimizer 10:sgdOptimizer:SGDOptimizer 11:adamOptimizer:AdamOptimizer
  SGDOptimizer 1:learningRate:DoubleParameter 2:miniBatchSize:Int64Parameter 3:momentum:DoubleParameter
  AdamOptimizer 1:learningRate:DoubleParameter 2:miniBatchSize:Int64Parameter 3:beta1:DoubleParameter 4:beta2:DoubleParameter 5:eps:DoubleParameter
  NonMaximumSuppression 1:pickTop:NonMaximumSuppression.PickTop 100:stringClassLabels:StringVector 101:int64ClassLabels:Int64Vector 110:iouThreshold:double 111:confidenceThreshold:double 200:confidenceInputFeatureName:string 201:coordinatesInputFeatureName:string 202:iouThresholdInputFeatureName:string 203:confidenceThresholdInputFeatureName:string 210:confidenceOutputFeatureName:string 211:coordinatesOutputFeatureName:string
  NonMaximumSuppression.PickTop 1:perClass:bool
  Normalizer 1:normType:int32
  OneHotEncoder 1:stringCategories:StringVector 2:int64Categories:Int64Vector 10:outputSparse:bool 11:handleUnknown:int32
  Int64Parameter 1:defaultValue:int64 10:range:Int64Range 11:set:Int64Set
  DoubleParameter 1:defaultValue:double 10:range:DoubleRange
  StringParameter 1:defaultValue:string
  BoolParameter 1:defaultValue:bool
  LinearKernel
  RBFKernel 1:gamma:double
  PolyKernel 1:degree:int32 2:c:double 3:gamma:double
  SigmoidKernel 1:gamma:double 2:c:double
  Kernel 1:linearKernel:LinearKernel 2:rbfKernel:RBFKernel 3:polyKernel:PolyKernel 4:sigmoidKernel:SigmoidKernel
  SparseNode 1:index:int32 2:value:double
  SparseVector 1:nodes:SparseNode*
  SparseSupportVectors 1:vectors:SparseVector*
  DenseVector 1:values:double*
  DenseSupportVectors 1:vectors:DenseVector*
  Coefficients 1:alpha:double*
  SupportVectorRegressor 1:kernel:Kernel 2:sparseSupportVectors:SparseSupportVectors 3:denseSupportVectors:DenseSupportVectors 4:coefficients:Coefficients 5:rho:double
  SupportVectorClassifier 1:kernel:Kernel 2:numberOfSupportVectorsPerClass:int32* 3:sparseSupportVectors:SparseSupportVectors 4:denseSupportVectors:DenseSupportVectors 5:coefficients:Coefficients* 6:rho:double* 7:probA:double* 8:probB:double* 100:stringClassLabels:StringVector 101:int64ClassLabels:Int64Vector
  Scaler 1:shiftValue:double* 2:scaleValue:double*
  SoundAnalysisPreprocessing 20:vggish:SoundAnalysisPreprocessing.Vggish
  SoundAnalysisPreprocessing.Vggish
  TextClassifier 1:revision:uint32 10:language:string 100:modelParameterData:bytes 200:stringClassLabels:StringVector
  TreeEnsembleParameters 1:nodes:TreeEnsembleParameters.TreeNode* 2:numPredictionDimensions:uint64 3:basePredictionValue:double*
  TreeEnsembleParameters.TreeNode 1:treeId:uint64 2:nodeId:uint64 3:nodeBehavior:int32 10:branchFeatureIndex:uint64 11:branchFeatureValue:double 12:trueChildNodeId:uint64 13:falseChildNodeId:uint64 14:missingValueTracksTrueChild:bool 20:evaluationInfo:TreeEnsembleParameters.TreeNode.EvaluationInfo* 30:relativeHitRate:double
  TreeEnsembleParameters.TreeNode.EvaluationInfo 1:evaluationIndex:uint64 2:evaluationValue:double
  TreeEnsembleClassifier 1:treeEnsemble:TreeEnsembleParameters 2:postEvaluationTransform:int32 100:stringClassLabels:StringVector 101:int64ClassLabels:Int64Vector
  TreeEnsembleRegressor 1:treeEnsemble:TreeEnsembleParameters 2:postEvaluationTransform:int32
  VisionFeaturePrint 20:scene:VisionFeaturePrint.Scene 21:objects:VisionFeaturePrint.Objects
  VisionFeaturePrint.Scene 1:version:int32
  VisionFeaturePrint.Objects 1:version:int32 100:output:string*
  WordEmbedding 1:revision:uint32 10:language:string 100:modelParameterData:bytes
  WordTagger 1:revision:uint32 10:language:string 20:tokensOutputFeatureName:string 21:tokenTagsOutputFeatureName:string 22:tokenLocationsOutputFeatureName:string 23:tokenLengthsOutputFeatureName:string 100:modelParameterData:bytes 200:stringTags:StringVector
`
    .split("\n")
    .map((line) => line.trim())
    .map((line) => [line.split(" ")[0]!, line.slice(line.indexOf(" ") + 1)] as const),
);

export const CORE_ML = tableOf("Model");
