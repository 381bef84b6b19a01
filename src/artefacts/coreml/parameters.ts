/**
 * Models that are lists of numbers: linear models, support vectors, neighbours, recommenders, and what prepares features. Their lists
 * must be as long as each other say (coremltools, mlmodel/src/Validation): a reader takes one's length for another's.
 */
import { allNumbersOf, numberOf, type Walked } from "#formats/protobuf-walk.ts";
import { count, every, only, type Judging } from "./reading.ts";
import { widthOf } from "./interface.ts";

type Rule = (
  params: Walked,
  model: Walked,
  wrong: (message: string, at?: Walked) => void,
  { content, tick }: Judging,
) => void;
/** Numbers of one list that are looked at. */
const LIST_MAX = 1_000_000;

const labels = (params: Walked): number =>
  Math.max(count(only(params, "stringClassLabels"), "vector"), count(only(params, "int64ClassLabels"), "vector"));
const same = (lists: readonly Walked[], field: string): boolean =>
  lists.every((list) => count(list, field) === count(lists[0], field));

/** Rows of weights, one for each output, with an offset each and a weight for each feature. */
const linear: Rule = (params, model, wrong) => {
  const rows = every(params, "weights");
  if (rows.length === 0) wrong("it has no weights");
  if (count(params, "offset") !== rows.length)
    wrong(`${count(params, "offset")} offsets for ${rows.length} rows of weights`);
  if (!same(rows, "value")) wrong("rows of weights of several lengths");
  const width = widthOf(model);
  if (rows[0] && width !== undefined && count(rows[0], "value") !== width)
    wrong(`${count(rows[0], "value")} weights for ${width} features`);
};
const [ONE_VS_REST, REFERENCE] = [1n, 0n];

const vectorsOf = (params: Walked): { readonly dense: boolean; readonly vectors: readonly Walked[] } | undefined => {
  const [sparse, dense] = [only(params, "sparseSupportVectors"), only(params, "denseSupportVectors")];
  const either = dense ?? sparse;
  return either && !(sparse && dense) ? { dense: dense !== undefined, vectors: every(either, "vectors") } : undefined;
};
const supportVectors: Rule = (params, model, wrong, judging) => {
  const found = vectorsOf(params);
  if (!found) return wrong("it has no support vectors, or two kinds of them");
  if (Object.keys(only(params, "kernel")?.messages ?? {}).length !== 1) wrong("it has no kernel, or several");
  const { dense, vectors } = found;
  const width = widthOf(model);
  if (dense && !same(vectors, "values")) wrong("support vectors of several lengths");
  if (dense && vectors[0] && width !== undefined && count(vectors[0], "values") !== width)
    wrong(`${count(vectors[0], "values")} numbers in a support vector for ${width} features`);
  if (!dense)
    for (const vector of vectors) {
      judging.tick();
      for (const node of every(vector, "nodes")) {
        const index = numberOf(node, "index") ?? 0n;
        // The first is number 1, as libsvm has it.
        if (index < 1n || (width !== undefined && index > BigInt(width)))
          wrong(`a support vector has number ${index} of ${width ?? "as many as there are"}`, node);
      }
    }
  for (const row of every(params, "coefficients"))
    if (count(row, "alpha") !== vectors.length)
      wrong(`${count(row, "alpha")} coefficients for ${vectors.length} support vectors`, row);
};

const RULES: Readonly<Record<string, Rule>> = {
  glmRegressor: linear,
  glmClassifier(params, model, wrong, judging) {
    linear(params, model, wrong, judging);
    const [rows, classes] = [count(params, "weights"), labels(params)];
    const encoding = numberOf(params, "classEncoding") ?? REFERENCE;
    const wanted = encoding === ONE_VS_REST && classes !== 2 ? classes : classes - 1;
    if (classes > 0 && rows !== wanted) wrong(`${rows} rows of weights for ${classes} classes`);
  },
  supportVectorRegressor(params, model, wrong, judging) {
    supportVectors(params, model, wrong, judging);
    if (count(params, "coefficients") !== 1) wrong("it has no coefficients");
  },
  supportVectorClassifier(params, model, wrong, judging) {
    supportVectors(params, model, wrong, judging);
    const classes = labels(params);
    if (classes === 0) wrong("it has no classes");
    if (count(params, "coefficients") !== classes - 1)
      wrong(`${count(params, "coefficients")} rows of coefficients for ${classes} classes`);
    const per = allNumbersOf(judging.content, params, "numberOfSupportVectorsPerClass", LIST_MAX);
    const there = vectorsOf(params)?.vectors.length ?? 0;
    if (per?.length !== classes) wrong(`${per?.length ?? "too many"} counts of support vectors for ${classes} classes`);
    else if (per.reduce((all, one) => all + one, 0n) !== BigInt(there))
      wrong("the support vectors of its classes are not all there are");
    const pairs = (classes * (classes - 1)) / 2;
    if (count(params, "rho") !== pairs) wrong(`${count(params, "rho")} offsets for ${pairs} pairs of classes`);
    for (const field of ["probA", "probB"])
      if (count(params, field) !== 0 && count(params, field) !== pairs)
        wrong(`${count(params, field)} values of ${field} for ${pairs} pairs of classes`);
    if (count(params, "probA") !== count(params, "probB")) wrong("probabilities by halves");
  },
  kNearestNeighborsClassifier(params, _, wrong) {
    const index = only(params, "nearestNeighborsIndex");
    const samples = every(index, "floatSamples");
    const dimensions = Number((index && numberOf(index, "numberOfDimensions")) ?? 0n);
    if (samples.length !== labels(params)) wrong(`${labels(params)} labels for ${samples.length} samples`);
    const other = samples.find((sample) => count(sample, "vector") !== dimensions);
    if (other) wrong(`a sample of ${count(other, "vector")} numbers in ${dimensions} dimensions`, other);
    if (index && count(index, "linearIndex") + count(index, "singleKdTreeIndex") !== 1)
      wrong("it has no index, or two");
    const tree = only(index, "singleKdTreeIndex");
    if (tree && (numberOf(tree, "leafSize") ?? 0n) <= 0n) wrong("an index with leaves for no samples", tree);
  },
  itemSimilarityRecommender(params, _, wrong, { tick }) {
    const items = Math.max(
      count(only(params, "itemStringIds"), "vector"),
      count(only(params, "itemInt64Ids"), "vector"),
    );
    if (items === 0) return;
    const outside = (at: Walked): void => {
      const item = BigInt.asUintN(64, numberOf(at, "itemId") ?? 0n);
      if (item >= BigInt(items)) wrong(`it speaks of item ${item} of ${items}`, at);
    };
    for (const item of every(params, "itemItemSimilarities")) {
      tick();
      outside(item);
      for (const similar of every(item, "similarItemList")) outside(similar);
    }
  },
  scaler(params, model, wrong) {
    const width = widthOf(model);
    for (const field of ["shiftValue", "scaleValue"]) {
      const there = count(params, field);
      if (there > 1 && width !== undefined && there !== width) wrong(`${there} of ${field} for ${width} features`);
    }
  },
  imputer(params, model, wrong) {
    const width = widthOf(model);
    for (const field of ["imputedDoubleArray", "imputedInt64Array"])
      for (const list of every(params, field))
        if (width !== undefined && count(list, "vector") !== width)
          wrong(`${count(list, "vector")} values to put in for ${width} features`, list);
  },
  arrayFeatureExtractor(params, model, wrong, { content }) {
    const width = widthOf(model);
    const indexes = allNumbersOf(content, params, "extractIndex", LIST_MAX);
    if (!indexes) return wrong(`${count(params, "extractIndex")} places to take out, more than are looked at`);
    for (const index of indexes)
      if (width === undefined ? index > 2n ** 31n : index >= BigInt(width))
        wrong(`it takes out feature ${index} of ${width ?? "what comes"}`);
  },
  featureVectorizer(params, model, wrong) {
    const inputs = count(only(model, "description"), "input");
    if (count(params, "inputList") !== inputs) wrong(`${count(params, "inputList")} columns for ${inputs} inputs`);
    for (const column of every(params, "inputList")) {
      const wide = BigInt.asUintN(64, numberOf(column, "inputDimensions") ?? 0n);
      if (wide > 2n ** 31n) wrong(`a column of ${wide} numbers`, column);
    }
  },
  bayesianProbitRegressor(params, _, wrong) {
    const wanted = BigInt.asUintN(64, numberOf(params, "numberOfFeatures") ?? 0n);
    if (BigInt(count(params, "features")) !== wanted)
      wrong(`weights of ${count(params, "features")} features of ${wanted}`);
  },
  nonMaximumSuppression: () => {},
  oneHotEncoder: () => {},
  dictVectorizer: () => {},
  categoricalMapping: () => {},
  normalizer: () => {},
  identity: () => {},
  classConfidenceThresholding: () => {},
};
/** Models whose lists are held against each other here. */
export const MODELS_OF_NUMBERS: ReadonlySet<string> = new Set(Object.keys(RULES));

const FINDINGS_MAX = 8;

export function judgeParameters(kind: string, params: Walked, model: Walked, judging: Judging): void {
  let told = 0;
  RULES[kind]!(
    params,
    model,
    (message, at = params) => {
      if (told++ < FINDINGS_MAX) judging.say("unknown", "coreml-parameters", at, `${kind}: ${message}`);
    },
    judging,
  );
}
