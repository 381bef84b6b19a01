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
/** Evaluations of one function's parts above which it is a bomb, and calls within calls that fill an evaluator's stack. */
const GROWTH_MAX = 1_000_000;
const NESTING_MAX = 1000;
/** What holds fields that a model may read by their name. */
const FIELDS_HERE = new Set(["LocalTransformations", "TransformationDictionary"]);
/** Attributes by which an expression reads a field. */
const READS = new Set(["field", "textField", "groupField"]);

/** What calls or reads what, by name, each as often as it does. */
type Graph = Map<string, Map<string, number>>;

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
  /** Functions that the model defines, and what each calls; of several by one name, all. */
  private readonly defined: Graph = new Map();
  /** Derived fields by where they are seen and their name, and what each reads there: fields are looked for in their own model first. */
  private readonly derived: Graph = new Map();
  /** Where each is called first. */
  private readonly called = new Map<string, XmlElement>();
  /** The functions and fields that are open, with what their parts add to. */
  private readonly owners: {
    readonly start: number;
    readonly calls?: string;
    readonly scope?: string;
    readonly name: string;
  }[] = [];
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
    closed: ({ name, start }: XmlElement): void => {
      const bare = local(name);
      if (this.owners.at(-1)?.start === start) this.owners.pop();
      if (bare === "Extension") this.extensions--;
      if (bare === "row") this.rows--;
    },
  };

  /** What only the whole document tells. */
  ends(): void {
    for (const [name, at] of this.called) {
      if (FUNCTIONS.has(name)) continue;
      const attribute = at.attributes.find((one) => one.name === "function") ?? at;
      // Evaluators in Java ask for the class of that name before they ask the model (jpmml-evaluator, FunctionRegistry).
      if (name.includes("."))
        this.say(
          "suspicious",
          "pmml-class",
          attribute,
          `it calls ${JSON.stringify(name.slice(0, 120))}: evaluators in Java load the class of that name${this.defined.has(name) ? ", though the model defines a function so called" : ""}`,
        );
      else if (!this.defined.has(name))
        this.say(
          "unknown",
          "pmml-function",
          attribute,
          `it calls ${JSON.stringify(name.slice(0, 80))}, which is neither built in nor defined: a program brings it`,
        );
    }
    const whole = { start: 0, end: 0 };
    const functions = followed(this.defined, this.listener.tick);
    if (functions.loop !== undefined)
      this.say(
        "suspicious",
        "pmml-recursion",
        whole,
        `the function ${JSON.stringify(functions.loop.slice(0, 80))} calls itself: calling it need not end`,
      );
    if (functions.most > GROWTH_MAX)
      this.say(
        "suspicious",
        "pmml-growth",
        whole,
        "a function calls others that call others: one call takes more than a million",
      );
    else if (functions.deepest > NESTING_MAX)
      this.say(
        "unknown",
        "pmml-growth",
        whole,
        `functions call each other ${functions.deepest} deep, which may be more than a reader's stack holds`,
      );
    const fields = followed(this.derived, this.listener.tick);
    if (fields.loop !== undefined)
      this.say(
        "suspicious",
        "pmml-recursion",
        whole,
        `the field ${JSON.stringify(nameIn(fields.loop).slice(0, 80))} is derived from itself: reading it need not end`,
      );
    else if (fields.deepest > NESTING_MAX)
      this.say(
        "unknown",
        "pmml-growth",
        whole,
        `fields are derived from each other ${fields.deepest} deep, which may be more than a reader's stack holds`,
      );
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
      const function_ = given("name") ?? "";
      this.twice(this.defined, function_, element, `the function ${JSON.stringify(function_.slice(0, 80))}`);
      this.owners.push({ start: element.start, calls: function_, name: function_ });
    }
    if (bare === "DerivedField" && parent && FIELDS_HERE.has(local(parent.name))) {
      const scope = String(open.at(-2)?.start ?? "");
      const field = given("name") ?? "";
      this.twice(
        this.derived,
        within(scope, field),
        element,
        `the derived field ${JSON.stringify(field.slice(0, 80))}`,
      );
      this.owners.push({ start: element.start, scope, name: field });
    }
    // The other elements that may name a function.
    const called = given("function");
    if (called !== undefined && bare === "Apply") {
      if (!this.called.has(called)) this.called.set(called, element);
      const calls = this.owners.at(-1)?.calls;
      if (calls !== undefined) added(this.defined, calls, called);
    }
    const owner = this.owners.at(-1);
    if (owner?.scope !== undefined)
      for (const { name: attribute, value } of attributes)
        if (READS.has(attribute)) added(this.derived, within(owner.scope, owner.name), within(owner.scope, value));
  }

  /** Makes room for what is defined, and says where it was already: readers disagree on which counts. */
  private twice(graph: Graph, key: string, at: XmlElement, what: string): void {
    if (graph.has(key))
      this.say("unknown", "pmml-duplicate", at, `${what} is defined twice: readers disagree on which counts`);
    else graph.set(key, new Map());
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

const within = (scope: string, field: string): string => `${scope} ${field}`;
const nameIn = (key: string): string => key.slice(key.indexOf(" ") + 1);
function added(graph: Graph, from: string, to: string): void {
  const edges = graph.get(from)!;
  edges.set(to, (edges.get(to) ?? 0) + 1);
}

/**
 * Follows every edge once, depth first: a node on a loop, if there is one (a node that is met again while it is open); else the most
 * evaluations that one node takes, counted as a tree, and the longest way.
 */
function followed(
  graph: Graph,
  tick: () => void,
): { readonly loop: string | undefined; readonly most: number; readonly deepest: number } {
  let [most, deepest, steps] = [0, 0, 0];
  /** Of nodes that are done; undefined while they are open. */
  const done = new Map<string, { readonly cost: number; readonly depth: number } | undefined>();
  for (const first of graph.keys()) {
    if (done.has(first)) continue;
    done.set(first, undefined);
    const open = [{ node: first, left: graph.get(first)!.keys() }];
    for (let top = open.at(-1); top; top = open.at(-1)) {
      if ((++steps & 1023) === 0) tick();
      const { value: next } = top.left.next();
      if (next !== undefined) {
        if (!graph.has(next)) continue;
        if (!done.has(next)) {
          done.set(next, undefined);
          open.push({ node: next, left: graph.get(next)!.keys() });
        } else if (done.get(next) === undefined) return { loop: next, most, deepest };
        continue;
      }
      let [cost, depth] = [1, 1];
      for (const [to, times] of graph.get(top.node)!) {
        const reached = done.get(to);
        cost += times * (reached?.cost ?? 1);
        depth = Math.max(depth, 1 + (reached?.depth ?? 0));
      }
      done.set(top.node, { cost, depth });
      [most, deepest] = [Math.max(most, cost), Math.max(deepest, depth)];
      open.pop();
    }
  }
  return { loop: undefined, most, deepest };
}

const local = (name: string): string => name.slice(name.indexOf(":") + 1);
const prefixOf = (name: string): string => (name.includes(":") ? name.slice(0, name.indexOf(":")) : "");
