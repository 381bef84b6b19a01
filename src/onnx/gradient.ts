/** Reverse-mode differentiation: appends to a graph the nodes that compute a gradient. */
import { OnnxError, UnsupportedOp } from "./errors.ts";
import { nodeName, sameDims, typeOf } from "./ir.ts";
import type { Node, Ref } from "./ir.ts";
import { opOf } from "./ops.ts";
import type { Vjp } from "./ops/op.ts";
import { isFloat } from "./tensor.ts";
import type { Writer } from "./writer.ts";

/** A step without derivative and the smooth function whose derivative was taken instead. */
export interface StandIn {
  readonly op: string;
  readonly node: string;
  readonly surrogate: string;
}

/**
 * Appends ∂(Σ of `of`)/∂`wrt` and gives its Ref, shaped like `wrt`. Per-sample values that do not mix samples thereby get
 * their per-sample gradients in one pass. Throws UnsupportedOp where the path meets an operator without a gradient, or none
 * exists. With `standIn`, steps that have no derivative but a declared surrogate are passed by that, and each is told to it:
 * the result is then no gradient of the model, only a direction worth trying.
 */
export function gradientOf(g: Writer, of: Ref, wrt: Ref, standIn?: (use: StandIn) => void): Ref {
  return gradientsOf(g, of, [wrt], standIn)[0]!;
}

/** The same with regard to several tensors, in one walk. `seed`: ∂loss/∂`of`, where the loss is a function of `of` whose slope is known. */
export function gradientsOf(
  g: Writer,
  of: Ref,
  wrt: readonly Ref[],
  standIn?: (use: StandIn) => void,
  seed?: Ref,
): Ref[] {
  const nodes = [...g.nodes];
  const reached = new Set(wrt.map(({ name }) => name));
  for (const node of nodes)
    if (!SHAPE_ONLY.has(node.op) && node.inputs.some((name) => reached.has(name)))
      for (const output of node.outputs) reached.add(output);
  if (!reached.has(of.name)) throw new OnnxError("the objective does not depend on the model's input");

  const contributions = new Map<string, Ref[]>([[of.name, [seed ?? g.onesLike(of)]]]);
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
    const y = node.outputs.map((name) => (name === "" ? undefined : g.ref(name)));
    const { vjp, surrogate } = ruleOf(node, x, y, needs, standIn !== undefined);
    if (surrogate !== undefined) standIn?.({ op: node.op, node: nodeName(node), surrogate });
    // Where whole numbers stand for real ones – not as places or conditions – an ordinary rule computes with them as such.
    const kind = y[0] && !isFloat(typeOf(y[0])) && surrogate === undefined ? typeOf(y[0]) : undefined;
    const whole = x.some((ref, i) => needs[i] && ref !== undefined && typeOf(ref) === kind);
    const real = (ref: Ref | undefined): Ref | undefined =>
      ref && whole && typeOf(ref) === kind ? g.cast(ref, "float32") : ref;
    const dx = vjp(g, {
      node,
      x: x.map(real),
      y: y.map(real),
      dy: node.outputs.map((name) => gradientAt(name)),
      needs,
    });
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
    if (gradient === undefined) throw new OnnxError("the objective depends on the model's input only through steps");
    return gradient;
  });
}

/** Their results depend on shapes, which a perturbation does not change. */
const SHAPE_ONLY = new Set(["Shape", "Size", "EyeLike", "RandomNormalLike", "RandomUniformLike"]);

function ruleOf(
  node: Node,
  x: readonly (Ref | undefined)[],
  y: readonly (Ref | undefined)[],
  needs: readonly boolean[],
  standingIn: boolean,
): { readonly vjp: Vjp; readonly surrogate?: string } {
  const op = opOf(node);
  const surrogate = standingIn ? op?.surrogate : undefined;
  const vjp = op?.vjp ?? "unruled";
  const onPath = (refs: readonly (Ref | undefined)[], i: number): boolean =>
    refs[i] !== undefined && isFloat(typeOf(refs[i]!));
  if (node.op === "Cast" && op?.surrogate && !(onPath(x, 0) && onPath(y, 0))) {
    // Into whole numbers a staircase. Out of them it is exact; the staircase that led there comes later in this walk.
    if (!onPath(x, 0)) return { vjp: op.surrogate.vjp };
    if (!surrogate) throw nowhere(node);
    return { vjp: surrogate.vjp, surrogate: surrogate.name };
  }
  // A choice between two constants is a step; elsewhere the choice only says which branch counts.
  if (node.op === "Where" && needs[0] && !needs[1] && !needs[2]) {
    if (surrogate) return { vjp: surrogate.vjp, surrogate: surrogate.name };
    throw nowhere(node);
  }
  if (vjp === "nowhere" && surrogate) return { vjp: surrogate.vjp, surrogate: surrogate.name };
  if (vjp === "nowhere") throw nowhere(node);
  if (vjp === "unruled") throw new UnsupportedOp(node.op, nodeName(node), "has no gradient rule");
  return { vjp };
}

const nowhere = (node: Node): UnsupportedOp =>
  new UnsupportedOp(
    node.op,
    nodeName(node),
    "has a derivative that is zero or undefined everywhere, so a gradient through it says nothing",
  );

/** Undoes what broadcasting repeated, once for all operators. */
function shapedLike(g: Writer, gradient: Ref, x: Ref): Ref {
  const same = gradient.at.every((known, k) => sameDims(known.dims, x.at[k]!.dims));
  return same ? gradient : g.unbroadcast(gradient, x);
}
