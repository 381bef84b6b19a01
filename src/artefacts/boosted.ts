/**
 * Boosted trees as XGBoost and LightGBM keep them: nothing in them runs, but readers follow numbers from node to node. Trees that lead
 * outside themselves, or back, are told; so are names that a library must bring.
 */
import { itemsOf, JsonObject, type JsonNode } from "#formats/json.ts";
import type { Numbers, UbjsonNode } from "#formats/ubjson.ts";
import type { Subject } from "./check.ts";

/** A value of a model, whichever way it is written. */
export interface ModelNode {
  readonly start: number;
  readonly end: number;
  readonly text: string | undefined;
  readonly number: number | undefined;
  /** Numbers, also where each stands as a value of its own. */
  readonly numbers: Numbers | undefined;
  readonly items: readonly ModelNode[] | undefined;
  get(name: string): ModelNode | undefined;
}

export function fromJson(node: JsonNode): ModelNode {
  const { value, start, end } = node;
  const items = Array.isArray(value) ? itemsOf(node) : undefined;
  return {
    start,
    end,
    text: typeof value === "string" ? value : undefined,
    number: typeof value === "number" ? value : undefined,
    get numbers() {
      if (!items?.every((item) => typeof item.value === "number" || typeof item.value === "boolean")) return undefined;
      return { length: items.length, at: (index: number) => Number(items[index]!.value) };
    },
    get items() {
      return items?.map(fromJson);
    },
    get(name) {
      const found = value instanceof JsonObject ? value.get(name) : undefined;
      return found && fromJson(found);
    },
  };
}

export function fromUbjson({ value, start, end }: UbjsonNode): ModelNode {
  const held = typeof value === "object" && value !== null ? value : undefined;
  const items = held && "items" in held ? held.items : undefined;
  return {
    start,
    end,
    text: typeof value === "string" ? value : undefined,
    number: typeof value === "number" ? value : undefined,
    get numbers() {
      if (held && "numbers" in held) return held.numbers;
      if (!items?.every((item) => typeof item.value === "number" || typeof item.value === "boolean")) return undefined;
      return { length: items.length, at: (index: number) => Number(items[index]!.value) };
    },
    get items() {
      return items?.map(fromUbjson);
    },
    get(name) {
      const found = held && "members" in held ? held.members.findLast(([key]) => key === name)?.[1] : undefined;
      return found && fromUbjson(found);
    },
  };
}

/** Objectives and boosters that XGBoost itself has (src/objective, src/gbm). */
const OBJECTIVES =
  /^(reg:(squarederror|squaredlogerror|logistic|pseudohubererror|absoluteerror|quantileerror|expectileerror|gamma|tweedie|linear)|binary:(logistic|logitraw|hinge)|count:poisson|survival:(cox|aft)|multi:(softmax|softprob)|rank:(ndcg|map|pairwise))$/;
const BOOSTERS = new Set(["gbtree", "gblinear", "dart"]);
/** No left or right child. */
const NONE = -1;
const FINDINGS_MAX = 8;

/** Whether it is a model of XGBoost's: a learner with a booster (doc/model.schema). */
export const isXgboost = (root: ModelNode): boolean => root.get("learner")?.get("gradient_booster") !== undefined;

export function judgeXgboost(root: ModelNode, { report, meter }: Pick<Subject, "report" | "meter">): void {
  let said = 0;
  const say = (severity: "suspicious" | "unknown", rule: string, { start, end }: ModelNode, message: string): void => {
    if (said++ < FINDINGS_MAX) report({ rule, severity, confidence: "high", start, end, message });
  };
  const learner = root.get("learner")!;
  const booster = learner.get("gradient_booster")!;
  const name = booster.get("name");
  if (!name || !BOOSTERS.has(name.text ?? ""))
    say("unknown", "xgboost-name", name ?? booster, `a booster that XGBoost does not have: ${shown(name)}`);
  const objective = learner.get("objective");
  const called = objective?.get("name");
  if (objective && !OBJECTIVES.test(called?.text ?? ""))
    say("unknown", "xgboost-name", called ?? objective, `an objective that a library must bring: ${shown(called)}`);
  const features = Number(learner.get("learner_model_param")?.get("num_feature")?.text ?? Number.NaN);
  const model = (booster.get("gbtree") ?? booster).get("model");
  const trees = model?.get("trees")?.items ?? [];
  for (const [index, tree] of trees.entries()) {
    if ((index & 63) === 0) meter.tick();
    const [left, right, splits] = ["left_children", "right_children", "split_indices"].map(
      (field) => tree.get(field)?.numbers,
    );
    const nodes = Number(tree.get("tree_param")?.get("num_nodes")?.text ?? Number.NaN);
    if (!left || !right || !splits) {
      say("unknown", "xgboost-tree", tree, `tree ${index} has no children or splits`);
      continue;
    }
    const lengths = ["split_conditions", "default_left", "parents"].map((field) => tree.get(field)?.numbers?.length);
    if ([right.length, splits.length, nodes, ...lengths].some((length) => length !== left.length)) {
      say(
        "unknown",
        "xgboost-tree",
        tree,
        `tree ${index} has as many children, splits and conditions as differ from its nodes`,
      );
      continue;
    }
    const problem = treeProblem(left.length, (node) =>
      left.at(node) === NONE && right.at(node) === NONE ? [] : [left.at(node), right.at(node)],
    );
    if (problem)
      say(problem.loops ? "suspicious" : "unknown", "xgboost-tree", tree, `tree ${index}: ${problem.problem}`);
    for (let node = 0; node < left.length; node++)
      if (left.at(node) !== NONE && !(splits.at(node) >= 0 && !(splits.at(node) >= features))) {
        say(
          "unknown",
          "xgboost-tree",
          tree,
          `tree ${index}: node ${node} splits on feature ${splits.at(node)} of ${features}`,
        );
        break;
      }
  }
  const outputs = model?.get("tree_info")?.numbers;
  if (outputs && outputs.length !== trees.length)
    say("unknown", "xgboost-tree", model!, `${outputs.length} outputs are named for ${trees.length} trees`);
}

const shown = (node: ModelNode | undefined): string => JSON.stringify((node?.text ?? "none").slice(0, 80));

/** Follows a tree from its first node. `children` of a node, none for a leaf; what they are is not believed. */
export function treeProblem(
  nodes: number,
  children: (node: number) => readonly number[],
): { readonly loops: boolean; readonly problem: string } | undefined {
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
