/** Half precision widened to single: a gradient in float16 would lose what is small, and most of a gradient is. */
import type { RuntimeTensor } from "#base/ports.ts";
import type { AttributeProto } from "./codec.ts";
import { attr } from "./ir.ts";
import type { Graph, Node } from "./ir.ts";
import { attribute, elementNumber, toRuntime, toValue } from "./tensor.ts";

const HALF = elementNumber("float16");

/** Attributes that name an element type, by operator. */
const TYPES: Readonly<Record<string, string>> = {
  Cast: "to",
  EyeLike: "dtype",
  RandomNormal: "dtype",
  RandomNormalLike: "dtype",
  RandomUniform: "dtype",
  RandomUniformLike: "dtype",
};

const wide = (tensor: RuntimeTensor): RuntimeTensor => toRuntime({ ...toValue(tensor), type: "float32" });

function widenedNode(node: Node): Node {
  const name = node.domain === "" ? TYPES[node.op] : undefined;
  const changed: AttributeProto[] = [];
  if (name !== undefined && Number(node.attributes[name]?.i) === HALF)
    changed.push(attribute.int(name, elementNumber("float32")));
  const fill = node.op === "ConstantOfShape" && node.domain === "" ? attr.value(node, "value") : undefined;
  if (fill?.type === "float16") changed.push(attribute.tensor("value", { ...fill, type: "float32" }));
  if (changed.length === 0) return node;
  return {
    ...node,
    attributes: { ...node.attributes, ...Object.fromEntries(changed.map((each) => [each.name!, each])) },
  };
}

/** The graph with every tensor of half precision in single; the same graph where there is none. */
export function widened(graph: Graph): Graph {
  const nodes = graph.nodes.map(widenedNode);
  const half = [...graph.constants].filter(([, tensor]) => tensor.type === "float16");
  if (half.length === 0 && nodes.every((node, i) => node === graph.nodes[i])) return graph;
  const constants = new Map(graph.constants);
  for (const [name, tensor] of half) constants.set(name, wide(tensor));
  return { ...graph, nodes, constants };
}
