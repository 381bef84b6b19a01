/**
 * PMML: XML without document types, of elements that the standard has (dmg.org, PMML 4.4). What leads out of it – entities, functions that
 * Java loads by their name, tables elsewhere – is told, and so is what vendors add.
 */
import { upTo, type Content } from "#formats/content.ts";
import { readUtf8 } from "#formats/text.ts";
import { readXml, type XmlElement } from "#formats/xml.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { LimitReached } from "#artefacts/limits.ts";

const SIZE_MAX = 256 * 2 ** 20;
/** Behind a declaration, comments, instructions and a document type. */
const ROOT =
  /^(?:\u00ef\u00bb\u00bf)?\s*<[^]*?<(?:[\w-]+:)?PMML[\s>]|^(?:\u00ef\u00bb\u00bf)?\s*<(?:[\w-]+:)?PMML[\s>]/;
const NAMESPACE = /^https?:\/\/www\.dmg\.org\/PMML-\d+[_.]\d+(?:[_.]\d+)?\/?$/i;
const SCHEMA = "http://www.w3.org/2001/XMLSchema-instance";
/** Told once each, and so many of a kind. */
const FINDINGS_MAX = 8;

const ELEMENTS: ReadonlySet<string> = new Set(
  "AR ARDSquaredExponentialKernel ARIMA ARMAPart AbsoluteExponentialKernel Aggregate Alternate Annotation AnomalyDetectionModel Anova AnovaRow AntecedentSequence AnyDistribution Application Apply Array AssociationModel AssociationRule Attribute BaseCumHazardTables Baseline BaselineCell BaselineModel BaselineStratum BayesInput BayesInputs BayesOutput BayesianNetworkModel BayesianNetworkNodes BlockIndicator BoundaryValueMeans BoundaryValues CategoricalPredictor Categories Category Characteristic Characteristics ChildParent ClassLabels Cluster ClusteringField ClusteringModel ClusteringModelQuality Coefficient Coefficients ComparisonMeasure Comparisons ComplexPartialScore CompoundPredicate CompoundRule Con ConfusionMatrix ConsequentSequence Constant Constraints ContStats ContinuousConditionalProbability ContinuousDistribution ContinuousNode CorrelationFields CorrelationMethods CorrelationValues Correlations CountTable Counts Covariances CovariateList DataDictionary DataField Decision DecisionTree Decisions DefineFunction Delimiter Denominator DerivedField DiscrStats DiscreteConditionalProbability DiscreteNode Discretize DiscretizeBin DocumentTermMatrix DynamicRegressor EventValues ExponentialSmoothing Extension FactorList False FieldColumnPair FieldRef FieldValue FieldValueCount FinalNoise FinalNu FinalOmega FinalPredictedNoise FinalStateVector FinalTheta GARCH GARCHPart GaussianDistribution GaussianProcessModel GeneralRegressionModel GeneralizedExponentialKernel HVector Header INT-Entries INT-SparseArray Indices InlineTable InstanceField InstanceFields InterceptVector Interval Item ItemRef Itemset KNNInput KNNInputs KalmanState KohonenMap Lag Lambda Level LiftData LiftGraph LinearKernelType LinearNorm LocalTransformations LognormalDistributionForBN Lower MA MACoefficients MapValues MatCell Matrix MaximumLikelihoodStat Mean MeanClusterDistances MeasurementMatrix MiningBuildTask MiningField MiningModel MiningSchema MissingValueWeights ModelExplanation ModelLiftGraph ModelStats ModelVerification MultivariateStat MultivariateStats NaiveBayesModel NearestNeighborModel NeuralInput NeuralInputs NeuralLayer NeuralNetwork NeuralOutput NeuralOutputs Neuron Node NonseasonalComponent NonseasonalFactor NormContinuous NormDiscrete NormalDistributionForBN NormalizedCountTable Numerator NumericInfo NumericPredictor ObservationVarianceMatrix OptimumLiftGraph OutlierEffect Output OutputField PCell PCovCell PCovMatrix PMML PPCell PPMatrix PairCounts ParamMatrix Parameter ParameterField ParameterList ParentValue Partition PartitionFieldStats PastVariances PoissonDistribution PolynomialKernelType PredictedStateCovarianceMatrix PredictiveModelQuality Predictor PredictorTerm PsiVector Quantile REAL-Entries REAL-SparseArray ROC ROCGraph RadialBasisKernel RadialBasisKernelType RandomLiftGraph Regression RegressionModel RegressionTable RegressorValues ResidualSquareCoefficients Residuals ResultField RuleSelectionMethod RuleSet RuleSetModel ScoreDistribution Scorecard SeasonalComponent SeasonalFactor SeasonalTrendDecomposition Seasonality_ExpoSmooth Segment Segmentation SelectedStateCovarianceMatrix Sequence SequenceModel SequenceReference SequenceRule SetPredicate SetReference SigmoidKernelType SimplePredicate SimpleRule SimpleSetPredicate SpectralAnalysis StateSpaceModel StateVector SupportVector SupportVectorMachine SupportVectorMachineModel SupportVectors TableLocator Target TargetValue TargetValueCount TargetValueCounts TargetValueStat TargetValueStats Targets Taxonomy TestDistributions TextCorpus TextDictionary TextDocument TextIndex TextIndexNormalization TextModel TextModelNormalization TextModelSimiliarity Theta ThetaRecursionState Time TimeAnchor TimeCycle TimeException TimeSeries TimeSeriesModel TimeValue Timestamp TrainingInstances TransferFunctionValues TransformationDictionary TransitionMatrix TreeModel TrendCoefficients Trend_ExpoSmooth TriangularDistributionForBN True UniformDistribution UniformDistributionForBN UnivariateStats Upper Value ValueProbability VariableWeight Variance VarianceCoefficients VectorDictionary VectorFields VectorInstance VerificationField VerificationFields XCoordinates YCoordinates binarySimilarity chebychev cityBlock euclidean jaccard minkowski row simpleMatching squaredEuclidean tanimoto".split(
    " ",
  ),
);
/** PMML 4.4, Built-in Functions. */
const FUNCTIONS: ReadonlySet<string> = new Set(
  "+ - * / min max sum avg median product log10 ln sqrt abs exp pow threshold floor ceil round modulo isMissing isNotMissing isValid isNotValid equal notEqual lessThan lessOrEqual greaterThan greaterOrEqual and or not isIn isNotIn if uppercase lowercase stringLength substring trimBlanks concat replace matches formatNumber formatDatetime dateDaysSinceYear dateSecondsSinceYear dateSecondsSinceMidnight normalCDF normalPDF stdNormalCDF stdNormalPDF erf normalIDF stdNormalIDF expm1 hypot ln1p rint sin asin sinh cos acos cosh tan atan tanh".split(
    " ",
  ),
);
/** Extensions by which rule engines name Java classes and packages. */
const CLASSES = /^(externalClass|modelPackage|adapter|class|className)$/i;
/** A dotted name: evaluators in Java look the class up and make an object of it (jpmml-evaluator, FunctionRegistry). */
const DOTTED = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+$/;

export default defineCheck({
  title: "PMML model",
  recognise: (content) => (isPmml(content) ? "yes" : "no"),
  read(subject) {
    const { content, ledger } = subject;
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-pmml", `a model of ${content.size} bytes is more than is read`);
    const bytes = content.read(0, content.size);
    readUtf8("PMML model", bytes);
    // One byte a character, so that places stay; names of the standard have no others.
    const from = bytes[0] === 0xef ? 3 : 0;
    const text = new TextDecoder("latin1").decode(bytes.subarray(from)).replace(C1, "?");
    const reading = new Reading(subject, from);
    const end = from + readXml(text, reading.listener);
    reading.ends();
    let at = 0;
    for (const { start, end: to } of reading.strange) {
      ledger.understood(at, Math.max(at, start));
      ledger.left(start, to, "a document type, which is not followed");
      at = Math.max(at, to);
    }
    ledger.understood(at, Math.max(at, end));
    ledger.left(end, content.size, "it follows the model");
  },
});

/** What WHATWG's Latin-1 makes of bytes that are parts of characters. */
const C1 = /[^\u0000-\u00ff]/g;

function isPmml(content: Content): boolean {
  const head = String.fromCharCode(...upTo(content, 0, 4096));
  return ROOT.test(head);
}

class Reading {
  readonly strange: { readonly start: number; readonly end: number }[] = [];
  private readonly subject: Subject;
  private readonly from: number;
  private readonly said = new Map<string, number>();
  /** Functions that the model defines, and which each calls. */
  private readonly defined = new Map<string, Set<string>>();
  private readonly called: { readonly name: string; readonly at: XmlElement }[] = [];
  private definition: string | undefined;
  /** How many of these are open. */
  private extensions = 0;
  private rows = 0;
  /** Prefixes that only ever stand for schemas' own attributes, which validators may ask for and readers do not. */
  private readonly schemas = new Map<string, boolean>([["xml", true]]);

  constructor(subject: Subject, from: number) {
    this.subject = subject;
    this.from = from;
  }

  readonly listener = {
    tick: (): void => this.subject.meter.tick(),
    doctype: (text: string, at: { readonly start: number; readonly end: number }): void => this.doctype(text, at),
    entity: (name: string, at: { readonly start: number; readonly end: number }): void =>
      this.say("unknown", "pmml-entity", at, `a reference to &${name.slice(0, 60)};, which is not followed`),
    instruction: (target: string, _: string, at: { readonly start: number; readonly end: number }): void =>
      this.say(
        "unknown",
        "pmml-instruction",
        at,
        `an instruction to a program: ${JSON.stringify(target.slice(0, 60))}`,
      ),
    element: (element: XmlElement, open: readonly XmlElement[]): void => {
      this.element(element, open);
      const bare = local(element.name);
      if (bare === "Extension") this.extensions++;
      if (bare === "row") this.rows++;
    },
    closed: ({ name }: XmlElement): void => {
      const bare = local(name);
      if (bare === "DefineFunction") this.definition = undefined;
      if (bare === "Extension") this.extensions--;
      if (bare === "row") this.rows--;
    },
  };

  /** What only the whole document tells. */
  ends(): void {
    for (const { name, at } of this.called) {
      if (FUNCTIONS.has(name) || this.defined.has(name)) continue;
      const attribute = at.attributes.find((one) => one.name === "function") ?? at;
      if (DOTTED.test(name))
        this.say(
          "suspicious",
          "pmml-class",
          attribute,
          `it calls ${JSON.stringify(name.slice(0, 120))}: evaluators in Java load the class of that name`,
        );
      else
        this.say(
          "unknown",
          "pmml-function",
          attribute,
          `it calls ${JSON.stringify(name.slice(0, 80))}, which is neither built in nor defined: a program brings it`,
        );
    }
    for (const name of this.defined.keys())
      if (this.reaches(name))
        return this.say(
          "suspicious",
          "pmml-recursion",
          { start: 0, end: 0 },
          `the function ${JSON.stringify(name.slice(0, 80))} calls itself: calling it need not end`,
        );
  }
  private reaches(name: string): boolean {
    const seen = new Set<string>();
    const waiting = [...this.defined.get(name)!];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next === name) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(...(this.defined.get(next) ?? []));
    }
    return false;
  }

  private doctype(text: string, at: { readonly start: number; readonly end: number }): void {
    this.strange.push({ start: at.start + this.from, end: at.end + this.from });
    if (/\b(?:SYSTEM|PUBLIC)\b/.test(text))
      return this.say(
        "suspicious",
        "pmml-external",
        at,
        "a document type that leads out of the file: readers that follow it fetch or show what lies there (XXE)",
      );
    const entities = text.match(/<!ENTITY\b/g)?.length ?? 0;
    this.say(
      entities > 0 ? "suspicious" : "unknown",
      "pmml-doctype",
      at,
      entities > 0
        ? `a document type with ${entities} entities: readers that expand them may not end (billion laughs)`
        : "a document type, which PMML does not use",
    );
  }

  private element(element: XmlElement, open: readonly XmlElement[]): void {
    const { name, attributes } = element;
    const bare = local(name);
    const parent = open.at(-1);
    for (const { name: attribute, value } of attributes)
      if (attribute.startsWith("xmlns:")) {
        const prefix = attribute.slice(6);
        this.schemas.set(prefix, value === SCHEMA && this.schemas.get(prefix) !== false);
      }
    if (open.length === 0) {
      const prefix = name.includes(":") ? `xmlns:${name.slice(0, name.indexOf(":"))}` : "xmlns";
      const space = attributes.find((one) => one.name === prefix);
      if (space ? !NAMESPACE.test(space.value) : prefix !== "xmlns")
        this.say("unknown", "pmml-element", space ?? element, "the root is not in the namespace of PMML");
    }
    // Whatever stands in an extension is its vendor's; cells of a table may be called anything.
    const root = open[0] ?? element;
    const known = ELEMENTS.has(bare) && prefixOf(name) === prefixOf(root.name);
    if (!known && this.extensions > 0)
      return this.say(
        "unknown",
        "pmml-extension",
        element,
        `an extension holds <${name.slice(0, 60)}>, which is a vendor's own`,
      );
    if (parent && local(parent.name) === "row" && !(known && bare === "Extension")) {
      for (const { name: attribute } of attributes)
        if (!/^xmlns(:|$)/.test(attribute))
          this.say(
            "unknown",
            "pmml-element",
            element,
            `a cell of a table has the attribute ${JSON.stringify(attribute.slice(0, 60))}`,
          );
      return;
    }
    if (!known && this.rows > 0)
      return this.say("unknown", "pmml-element", element, `a cell of a table holds <${name.slice(0, 60)}>`);
    if (!known) return this.say("unknown", "pmml-element", element, `<${name.slice(0, 60)}> is no element of PMML`);
    for (const { name: attribute, value, start, end } of attributes)
      if (/^xmlns(:|$)/.test(attribute)) {
        if (/XInclude/i.test(value))
          this.say("suspicious", "pmml-external", { start, end }, "it includes other documents (XInclude)");
      } else if (attribute.includes(":") && this.schemas.get(prefixOf(attribute)) !== true)
        this.say(
          "unknown",
          "pmml-element",
          { start, end },
          `the attribute ${JSON.stringify(attribute.slice(0, 60))} is a vendor's own`,
        );
    const given = (attribute: string): string | undefined => attributes.find((one) => one.name === attribute)?.value;
    if (bare === "Extension" && CLASSES.test(given("name") ?? ""))
      this.say(
        "unknown",
        "pmml-class",
        element,
        `an extension names Java classes for a rule engine: ${JSON.stringify((given("value") ?? "").slice(0, 80))}`,
      );
    if (bare === "TableLocator")
      this.say("unknown", "pmml-table", element, "a table lies elsewhere, by a vendor's own description");
    if (bare === "DefineFunction") {
      this.definition = given("name") ?? "";
      this.defined.set(this.definition, new Set());
    }
    // The other elements that may name a function.
    const called = given("function");
    if (called !== undefined && bare === "Apply") {
      if (this.called.length < 1_000_000) this.called.push({ name: called, at: element });
      if (this.definition !== undefined) this.defined.get(this.definition)!.add(called);
    }
  }

  private say(
    severity: ScanFinding["severity"],
    rule: string,
    { start, end }: { readonly start: number; readonly end: number },
    message: string,
  ): void {
    const times = (this.said.get(rule) ?? 0) + 1;
    this.said.set(rule, times);
    if (times > FINDINGS_MAX && severity !== "suspicious") return;
    this.subject.report({
      rule,
      severity,
      confidence: "high",
      start: start + this.from,
      end: end + this.from,
      message,
    });
  }
}

const local = (name: string): string => name.slice(name.indexOf(":") + 1);
const prefixOf = (name: string): string => (name.includes(":") ? name.slice(0, name.indexOf(":")) : "");
