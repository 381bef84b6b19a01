/** CatBoost's model: a mark, a size, and a FlatBuffer (catboost/libs/model/flatbuffers/*.fbs); parts that it names follow it. */
import { upTo, type Content } from "./content.ts";
import { flatSchema } from "./flatbuffers.ts";

export const isCatboost = (content: Content): boolean => String.fromCharCode(...upTo(content, 0, 4)) === "CBM1";

export const CATBOOST = flatSchema(`
  table TModelCore FormatVersion:text ModelTrees:TModelTrees InfoMap:[TKeyValue] ModelPartIds:[text]
  struct TNonSymmetricTreeStepNode u16 u16
  struct TRepackedBin u16 u8 u8
  struct TGuid u32 u32 u32 u32
  struct TFloatSplit i32 f32
  struct TOneHotSplit i32 i32
  table TKeyValue Key:text Value:text
  table TModelTrees ApproxDimension:i32 TreeSplits:[i32] TreeSizes:[i32] TreeStartOffsets:[i32] CatFeatures:[TCatFeature] FloatFeatures:[TFloatFeature] OneHotFeatures:[TOneHotFeature] CtrFeatures:[TCtrFeature] LeafValues:[f64] LeafWeights:[f64] NonSymmetricStepNodes:[TNonSymmetricTreeStepNode] NonSymmetricNodeIdToLeafId:[u32] TextFeatures:[TTextFeature] EstimatedFeatures:[TEstimatedFeature] Scale:f64 Bias:f64 MultiBias:[f64] RepackedBins:[TRepackedBin] EmbeddingFeatures:[TEmbeddingFeature]
  table TFloatFeature HasNans:bool Index:i32 FlatIndex:i32 Borders:[f32] FeatureId:text NanValueTreatment:i8
  table TCatFeature Index:i32 FlatIndex:i32 FeatureId:text UsedInModel:bool
  table TTextFeature Index:i32 FlatIndex:i32 FeatureId:text UsedInModel:bool
  table TEmbeddingFeature Index:i32 FlatIndex:i32 FeatureId:text Dimension:i32 UsedInModel:bool
  table TEstimatedFeature SourceFeatureIndex:i32 CalcerId:TGuid LocalIndex:i32 Borders:[f32]
  table TOneHotFeature Index:i32 Values:[i32] StringValues:[text]
  table TFeatureCombination CatFeatures:[i32] FloatSplits:[TFloatSplit] OneHotSplits:[TOneHotSplit]
  table TModelCtrBase FeatureCombination:TFeatureCombination CtrType:i8
  table TModelCtr Base:TModelCtrBase TargetBorderIdx:i32 PriorNum:f32 PriorDenom:f32 Shift:f32 Scale:f32
  table TCtrFeature Ctr:TModelCtr Borders:[f32]
`);
