/**
 * Tree ensembles: nothing in them runs, but a reader follows numbers from node to node (coremltools, TreeEnsembleCommon.cpp). Trees that
 * lead outside themselves, or back, are told, and so are splits on features and leaves for outputs that are not there.
 */
import type { Walked } from "#formats/protobuf-walk.ts";
import { count, every, only, type Judging } from "./reading.ts";
import { widthOf } from "./interface.ts";

const LEAF = 6;
const FINDINGS_MAX = 8;
const named = (node: number, tree: number): string => `node ${node} of tree ${tree}`;

interface Node {
  readonly at: Walked;
  readonly id: number;
  readonly leaf: boolean;
  readonly children: readonly number[];
}

export function judgeTrees(params: Walked, model: Walked, { say: told, tick }: Judging): void {
  let findings = 0;
  const say = (severity: "suspicious" | "unknown", at: Walked, message: string): void => {
    if (findings++ < FINDINGS_MAX || severity === "suspicious") told(severity, "coreml-tree", at, message);
  };
  const ensemble = only(params, "treeEnsemble");
  if (!ensemble) return say("unknown", params, "it has no trees");
  const outputs = whole(ensemble, "numPredictionDimensions");
  const bases = count(ensemble, "basePredictionValue");
  if (!(outputs > 0)) say("unknown", ensemble, "it does not say how many values it predicts");
  else if (bases > 0 && bases !== outputs)
    say("unknown", ensemble, `${bases} values to begin with for ${outputs} that it predicts`);
  const classes = Math.max(
    count(only(params, "stringClassLabels"), "vector"),
    count(only(params, "int64ClassLabels"), "vector"),
  );
  if (classes > 0 && classes !== outputs && !(classes === 2 && outputs === 1))
    say("unknown", params, `${classes} classes for ${outputs} values that it predicts`);
  const features = widthOf(model);
  const trees = new Map<number, Map<number, Node>>();
  for (const [index, at] of every(ensemble, "nodes").entries()) {
    if ((index & 255) === 0) tick();
    const [tree, id, kind] = [whole(at, "treeId"), whole(at, "nodeId"), whole(at, "nodeBehavior")];
    const leaf = kind === LEAF;
    if (!(kind <= LEAF)) say("unknown", at, `${named(id, tree)} does what no node does: ${kind}`);
    const nodes = trees.get(tree) ?? trees.set(tree, new Map<number, Node>()).get(tree)!;
    if (nodes.has(id)) say("unknown", at, `${named(id, tree)} stands there twice: readers differ in which counts`);
    const children = leaf ? [] : [whole(at, "trueChildNodeId"), whole(at, "falseChildNodeId")];
    nodes.set(id, { at, id, leaf, children });
    if (leaf) leafProblem(at, () => named(id, tree), outputs, say);
    const feature = whole(at, "branchFeatureIndex");
    if (!leaf && !(feature < (features ?? Number.POSITIVE_INFINITY)))
      say("unknown", at, `${named(id, tree)} splits on feature ${feature} of ${features}`);
  }
  if (trees.size === 0) say("unknown", ensemble, "its trees have no nodes");
  // Whoever takes text, images or keys for features needs a step before the trees.
  else if (features === undefined)
    say("unknown", ensemble, "how many features it has is not said: its inputs are no numbers, or are of any size");
  for (const [tree, nodes] of trees) {
    tick();
    const problem = problemOf(nodes);
    if (problem) say(problem.loops ? "suspicious" : "unknown", problem.at, `tree ${tree}: ${problem.says}`);
  }
}

function leafProblem(
  leaf: Walked,
  what: () => string,
  outputs: number,
  say: (severity: "unknown", at: Walked, message: string) => void,
): void {
  const values = every(leaf, "evaluationInfo");
  if (values.length === 0) say("unknown", leaf, `${what()} is a leaf without a value`);
  const seen = values.length > 1 ? new Set<number>() : undefined;
  for (const value of values) {
    const index = whole(value, "evaluationIndex");
    if (!(index < outputs)) say("unknown", value, `${what()} adds to value ${index} of ${outputs}`);
    if (seen?.has(index)) say("unknown", value, `${what()} adds to value ${index} twice`);
    seen?.add(index);
  }
}

/** One way leads from one first node to every other, or it is no tree. */
function problemOf(
  nodes: ReadonlyMap<number, Node>,
): { readonly at: Walked; readonly loops: boolean; readonly says: string } | undefined {
  const reached = new Set<number>();
  for (const { at, id, children } of nodes.values())
    for (const child of children) {
      if (!nodes.has(child))
        return { at, loops: false, says: `node ${id} leads to node ${child}, which it does not have` };
      if (reached.has(child))
        return { at, loops: true, says: `node ${child} is reached twice: following it need not end` };
      reached.add(child);
    }
  const first = [...nodes.values()].filter(({ id }) => !reached.has(id));
  const [root] = first;
  const any = nodes.values().next().value!.at;
  if (!root) return { at: any, loops: true, says: "every node is reached from another: following it does not end" };
  if (first.length > 1) return { at: first[1]!.at, loops: false, says: `${first.length} nodes are the first of it` };
  let seen = 0;
  const waiting = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    seen++;
    for (const child of node.children) waiting.push(nodes.get(child)!);
  }
  return seen === nodes.size
    ? undefined
    : { at: any, loops: true, says: `${nodes.size - seen} nodes lead round in a circle that nothing leads to` };
}

/** A number of 64 bits without a sign; more than a number can hold exactly is more than anything there is. */
const whole = (message: Walked, field: string): number => Number(message.numbers[field]?.at(-1) ?? 0n);
