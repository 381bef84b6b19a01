/**
 * Boosted trees as XGBoost and LightGBM keep them: nothing in them runs, but readers follow numbers from node to node. Trees that lead
 * outside themselves, or back, are told; so are names that a library must bring.
 */
import type { Numbers } from "#formats/ubjson.ts";
import type { Subject } from "./check.ts";
import { textsOf, type ModelNode } from "./document.ts";
import { lookThrough } from "./free-text.ts";

/** Objectives and boosters that XGBoost itself has (src/objective, src/gbm). */
const OBJECTIVES =
  /^(reg:(squarederror|squaredlogerror|logistic|pseudohubererror|absoluteerror|quantileerror|expectileerror|gamma|tweedie|linear)|binary:(logistic|logitraw|hinge)|count:poisson|survival:(cox|aft)|multi:(softmax|softprob)|rank:(ndcg|map|pairwise))$/;
const BOOSTERS = new Set(["gbtree", "gblinear", "dart"]);
/** No left or right child. */
const NONE = -1;
/** The parent of the first node, as XGBoost writes it. */
const NO_PARENT = new Set([-1, 2 ** 31 - 1]);
/** Categories are kept as 32-bit floats; above this they no longer are whole (src/common/categorical.h). */
const CATEGORY_MAX = 2 ** 24;
const FINDINGS_MAX = 8;

/** What XGBoost's versions write of each part of a model, and read (src/learner.cc, src/gbm, src/tree/tree_model.cc). */
const ROOT = ["learner", "version"];
/** A model with the settings of its training, as XGBoost keeps it in memory and in pickles (Learner::Save). */
const SNAPSHOT = ["Model", "Config"];
const LEARNER = "attributes feature_names feature_types cats gradient_booster learner_model_param objective".split(" ");
const GRADIENT_BOOSTER: Readonly<Record<string, readonly string[]>> = {
  gbtree: ["name", "model"],
  dart: ["name", "gbtree", "weight_drop"],
  gblinear: ["name", "model", "boosted_rounds"],
};
const MODEL = ["gbtree_model_param", "iteration_indptr", "tree_info", "trees", "cats"];
const TREE =
  "base_weights categories categories_nodes categories_segments categories_sizes default_left id left_children loss_changes parents right_children split_conditions split_indices split_type sum_hessian tree_param leaf_child_counts leaf_weights".split(
    " ",
  );

const PARAMETERS = {
  learner_model_param: "base_score boost_from_average num_class num_feature num_target num_targets output_type".split(
    " ",
  ),
  gbtree_model_param: "num_feature num_output_group num_parallel_tree num_roots num_trees size_leaf_vector".split(" "),
  tree_param: "num_deleted num_feature num_nodes num_roots size_leaf_vector".split(" "),
};
/** The feature of a node that was taken out again, as 31 bits show it. */
const DELETED = 2 ** 31 - 1;

/** Whether it is a model of XGBoost's: a learner with a booster (doc/model.schema), or one with the settings of its training. */
export const isXgboost = (root: ModelNode): boolean =>
  (root.get("Model") ?? root).get("learner")?.get("gradient_booster") !== undefined;

type Say = (severity: "suspicious" | "unknown", rule: string, at: ModelNode, message: string) => void;

/** A number as XGBoost writes its parameters: in a text. `missing` where it is not there at all. */
function parameter(of: ModelNode | undefined, name: string, missing: number): number {
  const node = of?.get(name);
  if (!node) return missing;
  return node.text !== undefined && /^\d+$/.test(node.text) ? Number(node.text) : Number.NaN;
}
/** A number, or one for each output (since 3.1). */
const isScore = (text: string): boolean =>
  text.length < 2 ** 16 &&
  (/^\[(.*)\]$/.exec(text)?.[1]?.split(",") ?? [text]).every((one) =>
    /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?\s*$/i.test(one),
  );
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const valuesOf = (numbers: Numbers): readonly number[] =>
  Array.from({ length: numbers.length }, (_, i) => numbers.at(i));

export function judgeXgboost(document: ModelNode, subject: Subject): void {
  const { report, meter } = subject;
  lookThrough(subject, textsOf(document), "the document");
  let said = 0;
  const say: Say = (severity, rule, { start, end }, message) => {
    if (said++ < FINDINGS_MAX || severity === "suspicious")
      report({ rule, severity, confidence: "high", start, end, message });
  };
  /** What XGBoost passes over is a second model beside the one it reads. */
  const only = (node: ModelNode | undefined, what: string, names: readonly string[]): void => {
    const other = node?.members.find(([name]) => !names.includes(name));
    if (other !== undefined)
      say(
        "unknown",
        "xgboost-member",
        other[1],
        `${what} holds ${JSON.stringify(other[0].slice(0, 60))}, which XGBoost does not read there`,
      );
  };
  const root = document.get("Model") ?? document;
  if (root !== document) {
    only(document, "the document", SNAPSHOT);
    const settings = document.get("Config");
    if (settings)
      say(
        "unknown",
        "xgboost-member",
        settings,
        "the settings of its training name objectives, boosters and metrics that are set up with it; they are not judged",
      );
  }
  const learner = root.get("learner")!;
  const booster = learner.get("gradient_booster")!;
  only(root, "the model", ROOT);
  only(learner, "the learner", LEARNER);
  const name = booster.get("name");
  const kind = name?.text ?? "";
  if (!BOOSTERS.has(kind))
    say("unknown", "xgboost-name", name ?? booster, `a booster that XGBoost does not have: ${shown(name)}`);
  else only(booster, `the booster ${kind}`, GRADIENT_BOOSTER[kind]!);
  const objective = learner.get("objective");
  const called = objective?.get("name");
  if (objective && !OBJECTIVES.test(called?.text ?? ""))
    say("unknown", "xgboost-name", called ?? objective, `an objective that a library must bring: ${shown(called)}`);
  const parameters = learner.get("learner_model_param");
  only(parameters, "the learner's parameters", PARAMETERS.learner_model_param);
  const base = parameters?.get("base_score");
  if (base && !isScore(base.text ?? ""))
    say("unknown", "xgboost-tree", base, `it begins every sum with ${shown(base)}, which is no number`);
  const features = parameter(parameters, "num_feature", Number.NaN);
  const [classes, targets] = [parameter(parameters, "num_class", 0), parameter(parameters, "num_target", 1)];
  const groups = Math.max(1, classes, targets);
  if (!isCount(features) || !isCount(groups))
    return say(
      "unknown",
      "xgboost-tree",
      parameters ?? learner,
      "it does not say how many features, classes and targets it has",
    );
  if (kind === "gblinear") {
    const weights = booster.get("model")?.get("weights")?.numbers?.length;
    if (weights !== (features + 1) * groups)
      say(
        "unknown",
        "xgboost-tree",
        booster,
        `${weights ?? "no"} weights for ${features} features and ${groups} outputs, where each output has one more than there are features`,
      );
    return;
  }
  const trunk = kind === "dart" ? booster.get("gbtree") : booster;
  if (kind === "dart") {
    only(trunk, "the booster within dart", GRADIENT_BOOSTER["gbtree"]!);
    const inner = trunk?.get("name");
    if (inner && inner.text !== "gbtree")
      say("unknown", "xgboost-name", inner, `dart is built on a booster that it does not have: ${shown(inner)}`);
  }
  const model = trunk?.get("model");
  const trees = model?.get("trees")?.items;
  if (!model || !trees) return say("unknown", "xgboost-tree", booster, "it has no trees where XGBoost reads them");
  only(model, "the model of trees", MODEL);
  only(model.get("gbtree_model_param"), "the model's parameters", PARAMETERS.gbtree_model_param);
  let vector = false;
  for (const [index, tree] of trees.entries()) {
    if ((index & 63) === 0) meter.tick();
    only(tree, `tree ${index}`, TREE);
    only(tree.get("tree_param"), `tree ${index}'s parameters`, PARAMETERS.tree_param);
    const problem = xgboostTreeProblem(tree, features, targets);
    if (problem)
      say(problem.loops ? "suspicious" : "unknown", "xgboost-tree", tree, `tree ${index}: ${problem.problem}`);
    vector ||= parameter(tree.get("tree_param"), "size_leaf_vector", 1) > 1;
  }
  const problem = forestProblem(model, trees.length, vector ? 1 : groups);
  if (problem !== undefined) say("unknown", "xgboost-tree", model, problem);
  const dropped = booster.get("weight_drop")?.numbers?.length;
  if (kind === "dart" && dropped !== trees.length)
    say("unknown", "xgboost-tree", booster, `${dropped ?? "no"} weights for ${trees.length} trees`);
}

/** What numbers say about the trees together: which output each adds to, and which belong to one round. `outputs`: as many as there are. */
function forestProblem(model: ModelNode, trees: number, outputs: number): string | undefined {
  const written = model.get("tree_info")?.numbers;
  if (written?.length !== trees) return `${written?.length ?? "no"} outputs are named for ${trees} trees`;
  const outside = valuesOf(written).find((output) => !(isCount(output) && output < outputs));
  if (outside !== undefined) return `a tree adds to output ${outside} of ${outputs}`;
  // Room is made for every output of every row.
  if (trees > 0 && outputs > trees) return `${outputs} outputs and only ${trees} trees`;
  const parameters = model.get("gbtree_model_param");
  if (parameter(parameters, "num_trees", trees) !== trees)
    return `it is said to have more or fewer than its ${trees} trees`;
  const parallel = parameter(parameters, "num_parallel_tree", 1);
  // Versions before 1.0 wrote nothing there; they divide by it.
  if (!(isCount(parallel) && parallel >= 1)) return "it does not say how many trees are made at once";
  const node = model.get("iteration_indptr");
  const rounds = node && (node.numbers ? valuesOf(node.numbers) : [Number.NaN]);
  if (
    rounds &&
    rounds.length > 0 &&
    (rounds[0] !== 0 ||
      rounds.at(-1) !== trees ||
      rounds.some((end, i) => !(isCount(end) && end >= (rounds[i - 1] ?? 0))))
  )
    return `its rounds do not lie one behind the other in ${trees} trees`;
  return undefined;
}

/** Fields whose numbers lead somewhere; only `default_left` is written as yes and no. */
const NUMBERED = TREE.filter((field) => !["default_left", "id", "tree_param"].includes(field));

interface TreeProblem {
  readonly loops: boolean;
  readonly problem: string;
}

function xgboostTreeProblem(tree: ModelNode, features: number, targets: number): TreeProblem | undefined {
  const not = (problem: string): TreeProblem => ({ loops: false, problem });
  const [left, right, splits] = ["left_children", "right_children", "split_indices"].map(
    (field) => tree.get(field)?.numbers,
  );
  if (!left || !right || !splits) return not("it has no children or splits");
  const flags = NUMBERED.find((field) => tree.get(field)?.numbers?.flags === true);
  if (flags !== undefined) return not(`${flags} are yes and no where numbers belong`);
  const nodes = left.length;
  const parameters = tree.get("tree_param");
  // Readers make room for it; where it is not written, the model's count holds.
  const own = parameter(parameters, "num_feature", features);
  if (own !== features) return not(`it is said to be of ${own} features, and the model of ${features}`);
  const vector = parameter(parameters, "size_leaf_vector", 1);
  const lengthOf = (field: string): number | undefined => tree.get(field)?.numbers?.length;
  const must = ["split_conditions", "default_left", "parents"].map(lengthOf);
  // Trees of several outputs have no statistics.
  const may = ["sum_hessian", "loss_changes", "split_type", "leaf_child_counts"]
    .filter((field) => (tree.get(field)?.numbers?.length ?? 0) > 0)
    .map(lengthOf);
  if (
    [right.length, splits.length, parameter(parameters, "num_nodes", Number.NaN), ...must, ...may].some(
      (one) => one !== nodes,
    )
  )
    return not("it has as many children, splits and conditions as differ from its nodes");
  if (!(isCount(vector) && vector <= Math.max(1, targets)))
    return not(`its leaves have ${vector} values, of ${targets}`);
  // XGBoost counts them when it loads, and stops where it finds others.
  const deleted = parameter(parameters, "num_deleted", 0);
  const found = valuesOf(splits).filter((feature) => feature === DELETED).length;
  if (deleted !== found) return not(`${deleted} of its nodes are said to be taken out, and ${found} are`);
  const weights = lengthOf("base_weights");
  if (vector > 1 ? weights !== nodes * vector : (weights ?? 0) > 0 && weights !== nodes)
    return not(`${weights ?? "no"} weights for ${nodes} nodes of ${Math.max(1, vector)} values`);
  const problem = treeProblem(nodes, (node) =>
    left.at(node) === NONE && right.at(node) === NONE ? [] : [left.at(node), right.at(node)],
  );
  if (problem) return problem;
  const parents = tree.get("parents")!.numbers!;
  const kinds = tree.get("split_type")?.numbers;
  if (nodes > 0 && !NO_PARENT.has(parents.at(0))) return not(`its first node is said to come of node ${parents.at(0)}`);
  for (let node = 0; node < nodes; node++) {
    if (kinds && kinds.length > 0 && kinds.at(node) !== 0 && kinds.at(node) !== 1)
      return not(`node ${node} splits in a way that XGBoost does not have: ${kinds.at(node)}`);
    if (left.at(node) === NONE) continue;
    const feature = splits.at(node);
    if (!(isCount(feature) && feature < features))
      return not(`node ${node} splits on feature ${feature} of ${features}`);
    for (const child of [left.at(node), right.at(node)])
      if (child >= 0 && child < nodes && parents.at(child) !== node)
        return not(`node ${child} is a child of node ${node} and says it comes of node ${parents.at(child)}`);
  }
  return categoriesProblem(tree, nodes, (node) => kinds !== undefined && kinds.length > 0 && kinds.at(node) === 1);
}

/** Sets of categories: for some nodes, where each one's values begin in a row of all, and how many they are. */
function categoriesProblem(
  tree: ModelNode,
  nodes: number,
  categorical: (node: number) => boolean,
): TreeProblem | undefined {
  const not = (problem: string): TreeProblem => ({ loops: false, problem });
  const rows = ["categories_nodes", "categories_segments", "categories_sizes", "categories"].map((field) => {
    const node = tree.get(field);
    return node === undefined ? [] : node.numbers && valuesOf(node.numbers);
  });
  if (rows.some((row) => row === undefined)) return not("its categories are no numbers");
  const [of, segments, sizes, categories] = rows as (readonly number[])[];
  const begins = segments!;
  const counts = sizes!;
  if (begins.length !== of!.length || counts.length !== of!.length)
    return not("it has sets of categories for more or fewer nodes than it names");
  for (const [i, node] of of!.entries()) {
    // They are read in turn, by nodes that split so.
    if (!(isCount(node) && node < nodes && node > (of![i - 1] ?? -1) && categorical(node)))
      return not(`categories for node ${node}, which has none`);
    if (
      !(isCount(begins[i]!) && isCount(counts[i]!) && counts[i]! > 0 && begins[i]! + counts[i]! <= categories!.length)
    )
      return not(`the categories of node ${node} are ${counts[i]} from ${begins[i]}, of ${categories!.length}`);
  }
  const outside = categories!.find((category) => !(isCount(category) && category < CATEGORY_MAX));
  if (outside !== undefined) return not(`a category of ${outside}`);
  const having = new Set(of);
  for (let node = 0; node < nodes; node++)
    if (categorical(node) && !having.has(node)) return not(`node ${node} splits on categories and has none`);
  return undefined;
}

const shown = (node: ModelNode | undefined): string => JSON.stringify((node?.text ?? "none").slice(0, 80));

/** Follows a tree from its first node. `children` of a node, none for a leaf; what they are is not believed. */
export function treeProblem(nodes: number, children: (node: number) => readonly number[]): TreeProblem | undefined {
  if (nodes === 0) return undefined;
  const seen = new Uint8Array(nodes);
  const waiting = [0];
  seen[0] = 1;
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop())
    for (const child of children(node)) {
      if (!(Number.isSafeInteger(child) && child >= 0 && child < nodes))
        return { loops: false, problem: `node ${node} leads to node ${child} of ${nodes}` };
      if (seen[child] === 1)
        return { loops: true, problem: `node ${child} is reached twice: following it need not end` };
      seen[child] = 1;
      waiting.push(child);
    }
  return undefined;
}
