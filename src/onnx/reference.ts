/** Evaluates a graph in float64, operator by operator, slowly and plainly: the oracle for gradients and rewrites. */
import type { RuntimeTensor } from "#base/ports.ts";
import { OnnxError } from "./errors.ts";
import { nodeName } from "./ir.ts";
import type { Node } from "./ir.ts";
import { opOf } from "./ops.ts";
import { toValue } from "./tensor.ts";
import type { Value } from "./tensor.ts";

/**
 * The values of the wanted tensors of a graph in the dialect. Stored weights are taken as the float32 numbers they are; every
 * result is kept in float64, unrounded. Throws OnnxError for operators outside the table and those that draw numbers.
 */
export function evaluate(
  graph: { readonly nodes: readonly Node[]; readonly constants: ReadonlyMap<string, RuntimeTensor> },
  feeds: Readonly<Record<string, Value>>,
  wanted: readonly string[],
): Record<string, Value> {
  const values = new Map<string, Value>(Object.entries(feeds));
  const valueOf = (name: string): Value => {
    const known = values.get(name);
    if (known !== undefined) return known;
    const constant = graph.constants.get(name);
    if (constant === undefined) throw new OnnxError(`tensor "${name}" is used before anything computes it`);
    const value = toValue(constant);
    values.set(name, value);
    return value;
  };
  const needed = new Set(wanted);
  const calls = graph.nodes
    .toReversed()
    .filter((node) => {
      const used = node.outputs.some((name) => needed.has(name));
      if (used) for (const name of node.inputs) needed.add(name);
      return used;
    })
    .toReversed();
  for (const node of calls) {
    const op = opOf(node);
    if (op === undefined)
      throw new OnnxError(`operator ${node.op} (node "${nodeName(node)}") is not in the table`, {
        node: nodeName(node),
      });
    const results = op.value({ node, inputs: node.inputs.map((name) => (name === "" ? undefined : valueOf(name))) });
    node.outputs.forEach((name, i) => name !== "" && values.set(name, results[i]!));
  }
  return Object.fromEntries(wanted.map((name) => [name, valueOf(name)]));
}
