/** A network as bounds see it: affine operators between activations of one variable, each with a name, a place and a length. */
import { OnnxError } from "#onnx/errors.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { attr, axisOf, broadcast, fixed, nodeName, rankOf, sameDims, typeOf } from "#onnx/ir.ts";
import type { Prepared } from "#onnx/attack-graph.ts";
import { attribute, isFloat, sizeOf, toRuntime, toValue } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import { Writer } from "#onnx/writer.ts";
import { geometryOf } from "#onnx/ops/windows.ts";
import type { ScalarFunction } from "./functions.ts";
import { functions, recognised } from "./functions.ts";

/** An operator through which no linear bound passes: no certificate can be given, and the message names it. */
export class Unboundable extends OnnxError {
  override readonly name = "Unboundable";
}

/** One activation: y = f(x) element by element. */
export interface Activation {
  readonly id: number;
  readonly f: ScalarFunction;
  readonly pre: Ref;
  readonly post: Ref;
  /** Elements of one sample. */
  readonly size: number;
  readonly dims: readonly number[];
  /**
   * Whether intervals through the affine part right before it are exact: elements are mixed at most once, so that no two ways
   * from one element meet again.
   */
  readonly mixedOnce: boolean;
}

/** The network written for bounding: every node is affine in what depends on the input, or an activation. */
export interface BoundNetwork {
  readonly g: Writer;
  readonly x: Ref;
  readonly logits: Ref;
  readonly inputSize: number;
  readonly outputs: number;
  readonly activations: readonly Activation[];
  /** The activation whose result a tensor is. */
  readonly activationOf: ReadonlyMap<string, Activation>;
  /** Names of tensors that depend on the input. */
  readonly variable: ReadonlySet<string>;
  /** The number of rows at each probe. */
  readonly rows: readonly number[];
  /** How many nodes of the writer are the network; what comes after was appended by others. */
  readonly written: number;
}

const FLOAT32_MAX = Math.fround(3.4028234663852886e38);

export type Precision = "float32" | "float64";

/** Operators that move elements about, or change their sign: whatever varies, exactly. */
export const MOVES: readonly string[] = [
  "Neg",
  "Identity",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Concat",
  "Split",
  "Expand",
  "Tile",
  "DepthToSpace",
  "SpaceToDepth",
];
/** Operators that are affine in whichever of their inputs vary. */
const AFFINE = new Set([
  "Add",
  "Sub",
  "Sum",
  "Mean",
  ...MOVES,
  "AveragePool",
  "GlobalAveragePool",
  "ReduceSum",
  "ReduceMean",
]);
/** Affine in their first input while the others are constant. */
const AFFINE_IN_FIRST = new Set([
  "Pad",
  "Slice",
  "Gather",
  "Resize",
  "BatchNormalization",
  "Conv",
  "ConvTranspose",
  "Div",
  "CumSum",
]);
/** They give something else at every call. */
const RANDOM = new Set([
  "RandomNormal",
  "RandomUniform",
  "RandomNormalLike",
  "RandomUniformLike",
  "Bernoulli",
  "Multinomial",
]);
/** Bilinear: affine while exactly one of the first two inputs varies. */
const BILINEAR = new Set(["Mul", "MatMul", "Gemm"]);

/** A tensor as a function, element by element, of an earlier tensor of the same shape: how products such as x · Φ(x) are told. */
interface Traced {
  readonly root: string;
  readonly f: (x: number) => number;
}
/** Earlier tensors that one is told from, the nearest last; a product is looked for from each of them. */
const TRACES_MAX = 6;

/**
 * Reads a prepared model into the form that bounds are written for. Maxima, leaky slopes, clipping and absolute values become
 * ReLUs and affine parts. Throws Unboundable where an operator is neither affine nor a known activation.
 */
export function boundNetwork(prepared: Prepared, precision: Precision, samples: readonly number[]): BoundNetwork {
  if (prepared.batch !== "any")
    throw new Unboundable("the model takes a fixed batch: bounds need one that is free", {
      remedy: "export it with a dynamic batch axis",
    });
  const source = prepared.write(false, samples);
  const rows = source.x.at.map((known) => known.dims[0]!);
  const g = new Writer(rows.length, "vauban.bound.");
  const toType = (value: Value): Value => (isFloat(value.type) ? { ...value, type: precision } : value);
  for (const [name, tensor] of source.g.constants) {
    if (tensor.type === "string") continue;
    g.stored(name, isFloat(tensor.type) && tensor.type !== precision ? toRuntime(toType(toValue(tensor))) : tensor);
  }
  const x = g.input(
    source.x.name,
    precision,
    source.x.at.map((known) => known.dims),
  );
  const variable = new Set([x.name]);
  const traced = new Map<string, readonly Traced[]>();
  /** Tensors that no bound passes through; only what is recognised further on may use them. */
  const opaque = new Set<string>();
  /** Where such a function begins, for the message. */
  const opaqueFrom = new Map<string, Node>();
  const activations: Activation[] = [];
  const activationOf = new Map<string, Activation>();

  const traceOf = (ref: Ref): readonly Traced[] => [
    ...(traced.get(ref.name) ?? []),
    ...(opaque.has(ref.name) ? [] : [{ root: ref.name, f: (v: number) => v }]),
  ];
  const mark = (before: number): void => {
    for (const node of g.nodes.slice(before))
      if (node.inputs.some((name) => variable.has(name))) for (const name of node.outputs) variable.add(name);
  };
  /** Appends an activation on `pre`; gives its result. */
  const activate = (f: ScalarFunction, pre: Ref): Ref => {
    // The node stands for the activation in the order of the graph; what it computes is in `f`.
    const post = g.op("Relu", [pre]);
    variable.add(post.name);
    const activation = {
      id: activations.length,
      f,
      pre,
      post,
      size: sizeOf(pre.at[0]!.dims) / rows[0]!,
      dims: pre.at[0]!.dims.slice(1),
      mixedOnce: mixes(g, variable, pre, activationOf) <= 1,
    };
    checkRows(pre, rows);
    activations.push(activation);
    activationOf.set(post.name, activation);
    return post;
  };
  const affine = (write: () => Ref): Ref => {
    const before = g.nodes.length;
    const ref = write();
    mark(before);
    return ref;
  };
  const relu = (pre: Ref): Ref => activate(functions.relu, pre);
  /** max(a, b) = b + relu(a − b). */
  const larger = (a: Ref, b: Ref): Ref => {
    const above = relu(affine(() => g.sub(a, b)));
    return affine(() => g.add(b, above));
  };
  const scaled = (ref: Ref, by: number): Ref => (by === 1 ? ref : affine(() => g.scale(ref, by)));
  const shifted = (ref: Ref, by: number): Ref => (by === 0 ? ref : affine(() => g.add(ref, g.number(by, ref))));
  /** clip(x, low, high) = low + relu(x − low) − relu(x − high). */
  const clipped = (ref: Ref, low: number, high: number): Ref => {
    // Files write "no bound" as the largest float32 too, which nothing finite passes; added and taken away again it would drown x.
    let out = ref;
    if (low > -FLOAT32_MAX) out = shifted(relu(shifted(out, -low)), low);
    if (high < FLOAT32_MAX) {
      const over = relu(shifted(out, -high));
      const below = out;
      out = affine(() => g.sub(below, over));
    }
    return out;
  };
  const scalarOf = (name: string | undefined, otherwise: number): number => {
    if (name === undefined || name === "") return otherwise;
    const value = g.ref(name).at[0]!.value;
    if (value === undefined || value.data.length !== 1) throw new Unboundable(`a bound of "${name}" is no constant`);
    return value.data[0]!;
  };

  const rewrites: Readonly<Record<string, (node: Node, x: Ref) => Ref>> = {
    Relu: (_, x) => relu(x),
    LeakyRelu(node, x) {
      // a·x + (1 − a)·relu(x)
      const a = attr.float(node, "alpha", 0.01);
      const above = relu(x);
      return affine(() => g.add(g.scale(x, a), g.scale(above, 1 - a)));
    },
    PRelu(node, x) {
      const slope = g.ref(node.inputs[1]!);
      const value = slope.at[0]!.value;
      if (value === undefined) throw new Unboundable("the slope of a PRelu is no constant", { node: nodeName(node) });
      const above = relu(x);
      return affine(() => {
        const rest = g.constant({ ...value, data: value.data.map((a) => 1 - a) });
        return g.add(g.mul(x, slope), g.mul(above, rest));
      });
    },
    Abs(_, x) {
      const above = relu(x),
        below = relu(affine(() => g.neg(x)));
      return affine(() => g.add(above, below));
    },
    Clip: (node, x) => clipped(x, scalarOf(node.inputs[1], -Infinity), scalarOf(node.inputs[2], Infinity)),
    HardSigmoid(node, x) {
      const inner = shifted(scaled(x, attr.float(node, "alpha", 0.2)), attr.float(node, "beta", 0.5));
      return clipped(inner, 0, 1);
    },
    MaxPool(node, x) {
      if (node.outputs.length > 1 && node.outputs[1] !== "")
        throw new Unboundable("MaxPool hands out its indices", { node: nodeName(node) });
      return maxPool(node, x);
    },
    GlobalMaxPool(_, x) {
      const axes = Array.from({ length: rankOf(x) - 2 }, (_, i) => i + 2);
      return axes.reduce((ref, axis) => maxOver(ref, axis), x);
    },
    ReduceMax(node, x) {
      const axes = (attr.ints(node, "axes") ?? x.at[0]!.dims.map((_, i) => i)).map((a) => axisOf(node, a, rankOf(x)));
      if (axes.includes(0)) throw new Unboundable("a maximum over the batch", { node: nodeName(node) });
      const most = axes.reduce((ref, axis) => maxOver(ref, axis), x);
      if (attr.int(node, "keepdims", 1) !== 0) return most;
      return affine(() => g.op("Squeeze", [most, g.ints(axes)]));
    },
  };

  /** Maximum over one axis, kept with length 1, as a tree of pairs. */
  function maxOver(x: Ref, axis: number): Ref {
    let most = x;
    for (let length = fixed(most, axis); length > 1; length = fixed(most, axis)) {
      const half = Math.floor(length / 2);
      const [a, b, rest] = [
        [0, half],
        [half, 2 * half],
        [2 * half, length],
      ].map(([from, to]) => (from === to ? undefined : affine(() => cut(most, axis, from!, to!, 1))));
      const pairs = larger(a!, b!);
      most = rest ? affine(() => g.op("Concat", [pairs, rest], attribute.int("axis", axis))) : pairs;
    }
    return most;
  }

  function cut(x: Ref, axis: number, from: number, to: number, step: number): Ref {
    return g.op("Slice", [x, g.ints([from]), g.ints([to]), g.ints([axis]), g.ints([step])]);
  }

  /** A pool as the maximum over the taps of its window, each a strided slice of the input. */
  function maxPool(node: Node, x: Ref): Ref {
    const kernel = attr.ints(node, "kernel_shape")!;
    const lengths = kernel.map((_, i) => fixed(x, i + 2));
    const { strides, dilations, begin, out } = geometryOf(node, lengths, kernel);
    let most = x;
    // Maxima over a box are maxima of maxima over its sides.
    kernel.forEach((taps, i) => {
      const axis = i + 2;
      const places = (tap: number): number[] =>
        Array.from({ length: out[i]! }, (_, o) => o * strides[i]! - begin[i]! + tap * dilations[i]!);
      // Padding never wins: where a tap lies in it, another one of the same window stands in.
      const within = (place: number): boolean => place >= 0 && place < lengths[i]!;
      const windows = Array.from({ length: taps }, (_, tap) => places(tap));
      const inside = Array.from({ length: out[i]! }, (_, o) => windows.map((each) => each[o]!).find(within));
      if (inside.includes(undefined))
        throw new Unboundable(`MaxPool (node "${nodeName(node)}") has windows that see nothing but padding`, {
          node: nodeName(node),
        });
      let level = windows.map((each, tap) => {
        if (each.every(within)) return affine(() => cut(most, axis, each[0]!, each.at(-1)! + 1, strides[i]!));
        const chosen = windows[tap]!.map((place, o) => (within(place) ? place : inside[o]!));
        return affine(() => g.op("Gather", [most, g.ints(chosen)], attribute.int("axis", axis)));
      });
      while (level.length > 1) {
        const next: Ref[] = [];
        for (let k = 0; k + 1 < level.length; k += 2) next.push(larger(level[k]!, level[k + 1]!));
        if (level.length % 2 === 1) next.push(level.at(-1)!);
        level = next;
      }
      most = level[0]!;
    });
    return most;
  }

  // What stood behind the logits – a stripped head, other outputs – is still among the nodes, and nobody's concern here.
  const needed = usedBy(source.g, source.logits);
  for (const node of source.g.nodes) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    if (node.outputs.some((name) => source.g.refs.get(name)?.at[0]!.type === "float16"))
      throw new Unboundable(
        `node "${nodeName(node)}" computes in half precision, which rounds by more than bounds leave room for`,
        {
          node: nodeName(node),
          remedy: "export the model in float32 to have it bounded",
        },
      );
    const inputs = node.inputs.map((name) => (name === "" ? undefined : g.ref(name)));
    const varies = inputs.map((ref) => ref !== undefined && variable.has(ref.name));
    const name = node.outputs[0]!;
    if (!varies.includes(true)) {
      if (RANDOM.has(node.op))
        throw new Unboundable(
          `operator ${node.op} (node "${nodeName(node)}") draws numbers: no bound covers them all`,
          {
            node: nodeName(node),
          },
        );
      g.append(retyped(node, precision));
      continue;
    }
    const refuse = (): Unboundable =>
      new Unboundable(`operator ${node.op} (node "${nodeName(node)}") has no linear bounds`, {
        node: nodeName(node),
        remedy: "attacks still apply; export the model without this operator to have it bounded",
      });
    if (node.op === "Cast" && isFloat(typeOf(inputs[0]!))) {
      g.alias(name, inputs[0]!);
      continue;
    }
    if (node.op === "Max" || node.op === "Min") {
      const sign = node.op === "Max" ? 1 : -1;
      const most = inputs.map((ref) => scaled(ref!, sign)).reduce((a, b) => larger(a, b));
      g.alias(name, scaled(most, sign));
      continue;
    }
    const rewrite = Object.hasOwn(rewrites, node.op) && varies[0] ? rewrites[node.op] : undefined;
    if (rewrite && varies.filter(Boolean).length === 1) {
      g.alias(name, rewrite(node, inputs[0]!));
      continue;
    }
    const isAffine =
      AFFINE.has(node.op) ||
      (AFFINE_IN_FIRST.has(node.op) && varies[0] && varies.filter(Boolean).length === 1) ||
      (BILINEAR.has(node.op) && varies.filter(Boolean).length === 1 && !varies[2]);
    const hidden = inputs.find((ref) => ref !== undefined && opaque.has(ref.name));
    const traces = inputs.map((ref, i) => (varies[i] ? traceOf(ref!) : undefined));
    const combined = combinedTraces(node, inputs, varies, traces, (ref) => g.ref(ref)).slice(-TRACES_MAX);
    if (isAffine && hidden === undefined) {
      if (mixesRows(node, inputs))
        throw new Unboundable(
          `${node.op} (node "${nodeName(node)}") works along the batch: samples are not independent`,
          {
            node: nodeName(node),
          },
        );
      const before = g.nodes.length;
      g.append(withScales(g, retyped(node, precision)));
      mark(before);
      for (const output of node.outputs) if (output !== "") checkRows(g.ref(output), rows);
      if (combined.length > 0) traced.set(g.ref(name).name, combined);
      continue;
    }
    if (combined.length > 0) {
      // A function of one tensor. A known one is an activation; another may be part of a longer product, and is refused at its end.
      const known = combined.flatMap(({ root, f }) => {
        const found = recognised(f);
        return found ? [{ root, found }] : [];
      });
      const whole = known.at(-1);
      const post = whole ? activate(whole.found, g.ref(whole.root)) : placeholder(g.ref(combined[0]!.root));
      g.alias(name, post);
      traced.set(post.name, combined);
      if (!whole) {
        opaque.add(post.name);
        opaqueFrom.set(post.name, hidden === undefined ? node : (opaqueFrom.get(hidden.name) ?? node));
      }
      continue;
    }
    if (hidden !== undefined) throw unknownFunction(opaqueFrom.get(hidden.name) ?? node);
    throw refuse();
  }

  function unknownFunction(node: Node): Unboundable {
    return new Unboundable(
      `operator ${node.op} (node "${nodeName(node)}") begins a function that no bound is known for`,
      {
        node: nodeName(node),
        remedy: "attacks still apply; export the model without this function to have it bounded",
      },
    );
  }

  /** A tensor that only a recognised product may use; whoever bounds through it finds no rule. */
  function placeholder(like: Ref): Ref {
    const ref = g.op("Sign", [like]);
    variable.add(ref.name);
    return ref;
  }

  const logits = g.ref(source.logits.name);
  if (!variable.has(logits.name)) throw new Unboundable("the outputs do not depend on the input");
  const used = usedBy(g, logits);
  const kept = activations.filter(({ post }) => used.has(post.name)).map((activation, id) => ({ ...activation, id }));
  const lost = [...opaque].find((name) => used.has(name));
  if (lost !== undefined) throw unknownFunction(opaqueFrom.get(lost)!);
  return {
    g,
    x,
    logits,
    inputSize: sizeOf(x.at[0]!.dims) / rows[0]!,
    outputs: sizeOf(logits.at[0]!.dims) / rows[0]!,
    activations: kept,
    activationOf: new Map(kept.map((activation) => [activation.post.name, activation])),
    variable,
    rows,
    written: g.nodes.length,
  };
}

/** Tensors that the wanted one is computed from, itself included. */
function usedBy(g: Writer, wanted: Ref): Set<string> {
  const used = new Set([wanted.name]);
  for (const node of g.nodes.toReversed())
    if (node.outputs.some((name) => used.has(name))) for (const name of node.inputs) used.add(name);
  return used;
}

/** Operators that add up several elements of one tensor. */
const MIXING = new Set([
  "MatMul",
  "Gemm",
  "Conv",
  "ConvTranspose",
  "AveragePool",
  "GlobalAveragePool",
  "ReduceSum",
  "ReduceMean",
  "Resize",
  "CumSum",
]);

/** How many operators between the last activations (or the input) and a tensor mix elements. */
function mixes(g: Writer, variable: ReadonlySet<string>, to: Ref, ends: ReadonlyMap<string, unknown>): number {
  const wanted = new Set([to.name]);
  let count = 0;
  for (const node of g.nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name) && !ends.has(name))) continue;
    const varying = node.inputs.filter((name) => variable.has(name));
    if (varying.length === 0) continue;
    for (const name of varying) wanted.add(name);
    if (MIXING.has(node.op) || varying.length > 1) count++;
  }
  return count;
}

/** Rows must stay rows: a tensor that depends on the input has one first-axis entry per row. */
function checkRows(ref: Ref, rows: readonly number[]): void {
  if (ref.at.some((known, k) => known.dims.length === 0 || known.dims[0] !== rows[k]))
    throw new Unboundable(`tensor "${ref.name}" does not keep one row per sample`);
}

/** Whether a call hands values from one row to another although there are as many rows after it as before. */
function mixesRows(node: Node, inputs: readonly (Ref | undefined)[]): boolean {
  const numbers = (i: number): readonly number[] => Array.from(inputs[i]?.at[0]!.value?.data ?? []);
  const rank = rankOf(inputs[0]!);
  const isBatch = (axis: number): boolean => axis === 0 || axis === -rank;
  switch (node.op) {
    case "CumSum":
      return numbers(1).some(isBatch);
    case "Pad":
      return (numbers(1)[0] ?? 0) !== 0;
    case "Slice": {
      const axes = inputs[3] ? numbers(3) : numbers(1).map((_, i) => i);
      return numbers(4).some((step, i) => step < 0 && isBatch(axes[i]!));
    }
    default:
      return false;
  }
}

/** Scales of a Resize are float32 whatever the tensor is. */
function withScales(g: Writer, node: Node): Node {
  const [x, region, scales, ...rest] = node.inputs;
  if (node.op !== "Resize" || !scales) return node;
  return { ...node, inputs: [x!, region!, g.cast(g.ref(scales), "float32").name, ...rest] };
}

/** Constants made inside the network follow the precision of the bounds. */
function retyped(node: Node, precision: Precision): Node {
  if (node.op !== "Cast" || precision === "float32") return node;
  const to = attr.int(node, "to", 1);
  return to === 1 ? { ...node, attributes: { ...node.attributes, to: attribute.int("to", 11) } } : node;
}

/** What a node computes as a function of one earlier tensor, element by element, for each tensor that it is one of; the nearest last. */
function combinedTraces(
  node: Node,
  inputs: readonly (Ref | undefined)[],
  varies: readonly boolean[],
  traces: readonly (readonly Traced[] | undefined)[],
  refOf: (name: string) => Ref,
): Traced[] {
  const [first, second, third] = traces.filter((trace) => trace !== undefined);
  if (first === undefined || third !== undefined) return [];
  // A constant may broadcast: what comes out has more elements than the root, and is no function of it element by element.
  const out = broadcast(...inputs.flatMap((ref) => (ref === undefined ? [] : [ref.at[0]!.dims])));
  const fits = ({ root }: Traced): boolean => out !== undefined && sameDims(out, refOf(root).at[0]!.dims);
  if (second === undefined) {
    const step = scalarStep(node, inputs, varies) ?? scalarOp(node, inputs);
    return step ? first.filter(fits).map(({ root, f }) => ({ root, f: (v) => step(f(v)) })) : [];
  }
  const both = BINARY[node.op];
  if (both === undefined || inputs.length !== 2) return [];
  return first.filter(fits).flatMap(({ root, f: p }) => {
    const other = second.find((trace) => trace.root === root);
    return other ? [{ root, f: (v: number) => both(p(v), other.f(v)) }] : [];
  });
}

const BINARY: Readonly<Record<string, (p: number, q: number) => number>> = {
  Add: (p, q) => p + q,
  Sub: (p, q) => p - q,
  Mul: (p, q) => p * q,
  Div: (p, q) => p / q,
};

/** For affine steps with scalar constants: what they do to each element. */
function scalarStep(
  node: Node,
  inputs: readonly (Ref | undefined)[],
  varies: readonly boolean[],
): ((x: number) => number) | undefined {
  if (node.op === "Neg") return (v) => -v;
  if (node.op === "Identity") return (v) => v;
  if (!["Add", "Sub", "Mul", "Div"].includes(node.op) || inputs.length !== 2) return undefined;
  const value = inputs[varies[0] ? 1 : 0]?.at[0]!.value;
  if (value === undefined || varies.filter(Boolean).length !== 1) return undefined;
  const c = value.data[0]!;
  if (value.data.some((each) => each !== c)) return undefined;
  const first = varies[0]!;
  switch (node.op) {
    case "Add":
      return (v) => v + c;
    case "Sub":
      return first ? (v) => v - c : (v) => c - v;
    case "Mul":
      return (v) => v * c;
    default:
      return first ? (v) => v / c : undefined;
  }
}

/** What an operator of one input does to each element, where that is all it does. */
function scalarOp(node: Node, inputs: readonly (Ref | undefined)[]): ((x: number) => number) | undefined {
  const alpha = (fallback: number): number => attr.float(node, "alpha", fallback);
  switch (node.op) {
    case "Sigmoid":
      return functions.sigmoid.value;
    case "Tanh":
      return functions.tanh.value;
    case "Erf":
      return functions.erf.value;
    case "Softplus":
      return functions.softplus.value;
    case "HardSwish":
      return functions["hard-swish"].value;
    case "Pow": {
      const power = inputs[1]?.at[0]!.value;
      return power?.data.length === 1 ? (v) => v ** power.data[0]! : undefined;
    }
    case "Elu": {
      const a = alpha(1);
      return (v) => (v < 0 ? a * Math.expm1(v) : v);
    }
    default:
      return undefined;
  }
}
