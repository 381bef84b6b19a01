/** Reverse-mode differentiation: appends to a graph the nodes that compute a gradient. */
import { OnnxError, UnsupportedOp } from "./errors.ts";
import { nodeName, sameDims, typeOf } from "./ir.ts";
import type { Node, Ref } from "./ir.ts";
import { opOf } from "./ops.ts";
import { isFloat } from "./tensor.ts";
import type { Writer } from "./writer.ts";

/**
 * Appends ∂(Σ of `of`)/∂`wrt` and gives its Ref, shaped like `wrt`. Per-sample values that do not mix samples thereby get
 * their per-sample gradients in one pass. Throws UnsupportedOp where the path meets an operator without a gradient, or none exists.
 */
export function gradientOf(g: Writer, of: Ref, wrt: Ref): Ref {
  return gradientsOf(g, of, [wrt])[0]!;
}

/** The same with regard to several tensors, in one walk. */
export function gradientsOf(g: Writer, of: Ref, wrt: readonly Ref[]): Ref[] {
  const nodes = [...g.nodes];
  const reached = new Set(wrt.map(({ name }) => name));
  for (const node of nodes)
    if (!SHAPE_ONLY.has(node.op) && node.inputs.some((name) => reached.has(name)))
      for (const output of node.outputs) reached.add(output);
  if (!reached.has(of.name)) throw new OnnxError("the objective does not depend on the model's input");

  const contributions = new Map<string, Ref[]>([[of.name, [g.onesLike(of)]]]);
  const gradientAt = (name: string): Ref | undefined => {
    const parts = contributions.get(name);
    if (parts === undefined) return undefined;
    const sum = parts.length === 1 ? parts[0]! : parts.length === 2 ? g.add(parts[0]!, parts[1]!) : g.op("Sum", parts);
    contributions.set(name, [sum]);
    return sum;
  };

  for (const node of nodes.toReversed()) {
    const needs = node.inputs.map((name) => reached.has(name));
    if (!needs.includes(true) || !node.outputs.some((name) => contributions.has(name))) continue;
    const x = node.inputs.map((name) => (name === "" ? undefined : g.ref(name)));
    const vjp = ruleOf(node, x, needs);
    const y = node.outputs.map((name) => (name === "" ? undefined : g.ref(name)));
    const dx = vjp(g, { node, x, y, dy: node.outputs.map((name) => gradientAt(name)), needs });
    needs.forEach((needed, i) => {
      // A path silently dropped would look like a robust model.
      if (needed && dx[i] === undefined && isFloat(typeOf(x[i]!)))
        throw new UnsupportedOp(node.op, nodeName(node), `has no gradient rule for its input ${i}`);
    });
    dx.forEach((gradient, i) => {
      const name = node.inputs[i]!;
      if (gradient === undefined || !needs[i]) return;
      const list = contributions.get(name) ?? [];
      list.push(shapedLike(g, gradient, x[i]!));
      contributions.set(name, list);
    });
  }
  return wrt.map(({ name }) => {
    const gradient = gradientAt(name);
    if (gradient === undefined) throw new OnnxError("the objective depends on the model's input only through shapes");
    return gradient;
  });
}

/** Their results depend on shapes, which a perturbation does not change. */
const SHAPE_ONLY = new Set(["Shape", "Size", "RandomNormalLike", "RandomUniformLike"]);

function ruleOf(node: Node, x: readonly (Ref | undefined)[], needs: readonly boolean[]) {
  const vjp = opOf(node)?.vjp ?? "unruled";
  const staircase = node.op === "Cast" && x[0] !== undefined && !isFloat(typeOf(x[0]));
  if (vjp === "nowhere" || staircase)
    throw new UnsupportedOp(
      node.op,
      nodeName(node),
      "has a derivative that is zero or undefined everywhere, so a gradient through it says nothing",
    );
  if (vjp === "unruled" || !needs.includes(true))
    throw new UnsupportedOp(node.op, nodeName(node), "has no gradient rule");
  return vjp;
}

/** Undoes what broadcasting repeated, once for all operators. */
function shapedLike(g: Writer, gradient: Ref, x: Ref): Ref {
  const same = gradient.at.every((known, k) => sameDims(known.dims, x.at[k]!.dims));
  return same ? gradient : g.unbroadcast(gradient, x);
}
