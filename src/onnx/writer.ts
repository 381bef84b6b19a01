/** Appends operator calls to a graph and knows, at once, the shape of each result at the probed batch sizes. */
import type { RuntimeTensor } from "#base/ports.ts";
import type { AttributeProto } from "./codec.ts";
import { OnnxError } from "./errors.ts";
import type { Known, Node, Ref } from "./ir.ts";
import { sameDims, typeOf } from "./ir.ts";
import { opOf } from "./ops.ts";
import { attribute, elementNumber, isFloat, scalar, sizeOf, toRuntime, toValue, vector } from "./tensor.ts";
import type { ElementType, Value } from "./tensor.ts";

/** Above this many elements a constant is computed when the model runs, not here. */
const FOLD_MAX = 2 ** 22;
/** Shapes and the like are folded whatever was folded before. */
const FOLD_ALWAYS = 4096;
/** Work in one graph, in elements, after which only small constants are folded: a hostile file shall not keep us busy. */
const FOLD_WORK_MAX = 2 ** 26;

/** Operators whose work is more than their elements: bounded by the product of output and largest input. */
const HEAVY = new Set(["MatMul", "Gemm", "Conv", "ConvTranspose", "MaxPool", "AveragePool", "Resize", "LRN", "TopK"]);

/** Operators that read nothing of their input but its shape. */
const SHAPE_ONLY = new Set(["Shape", "Size", "EyeLike"]);

/** How much folding a graph has left. */
export interface FoldBudget {
  work: number;
}

function affordable(
  node: Node,
  inputs: readonly (Known | undefined)[],
  outputs: readonly { readonly dims: readonly number[] }[],
  budget: FoldBudget,
): boolean {
  const out = outputs.reduce((sum, output) => sum + sizeOf(output.dims), 0);
  const into = inputs.reduce((most, input) => Math.max(most, input ? sizeOf(input.dims) : 0), 0);
  const work = HEAVY.has(node.op) ? out * into : out + into;
  if (work <= FOLD_ALWAYS) return true;
  if (out > FOLD_MAX || work > budget.work) return false;
  budget.work -= work;
  return true;
}

const sameValue = (a: Value, b: Value): boolean =>
  a.dims.length === b.dims.length &&
  a.dims.every((dim, i) => dim === b.dims[i]) &&
  a.data.every((x, i) => Object.is(x, b.data[i]));

/** What an operator's outputs are at one batch size; values are computed where all inputs have one. Throws OnnxError. */
export function inferNode(node: Node, inputs: readonly (Known | undefined)[], budget: FoldBudget): Known[] {
  const op = opOf(node);
  if (op === undefined) throw new OnnxError(`operator ${node.op} is not in the table`, { node: node.name });
  const outputs = op.shape({ node, inputs });
  const ready = node.inputs.every((name, i) => name === "" || inputs[i]?.value !== undefined);
  const shapeOnly = SHAPE_ONLY.has(node.op);
  if (!(ready || shapeOnly) || RANDOM.has(node.op)) return [...outputs];
  if (!shapeOnly && !affordable(node, inputs, outputs, budget)) return [...outputs];
  const values = op.value({
    node,
    inputs: shapeOnly
      ? inputs.map((input) => input && { type: input.type, dims: input.dims, data: new Float64Array(0) })
      : inputs.map((input) => input?.value),
  });
  return values.map((value) => ({ type: value.type, dims: value.dims, value }));
}

/** Operators whose result is their input where shape and type stay the same. */
const PASSING = new Set(["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Cast"]);
const sameKnown = (a: Known, b: Known): boolean => a.type === b.type && sameDims(a.dims, b.dims);

/** Operators that give another result each time and so are never computed ahead. */
const RANDOM = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Bernoulli",
  "Multinomial",
  "Dropout",
]);

export class Writer {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, RuntimeTensor>();
  readonly refs = new Map<string, Ref>();
  /** How many batch sizes are probed. */
  readonly probes: number;
  readonly #prefix: string;
  readonly #budget: FoldBudget = { work: FOLD_WORK_MAX };
  readonly #unfolded: ReadonlySet<string>;
  #count = 0;

  /**
   * Names it makes begin with `prefix`, which must not occur at the start of the model's own. Operators in `unfolded` stay
   * calls even where their inputs are constant.
   */
  constructor(probes: number, prefix: string, unfolded: ReadonlySet<string> = new Set()) {
    this.probes = probes;
    this.#prefix = prefix;
    this.#unfolded = unfolded;
  }

  fresh(hint: string): string {
    return `${this.#prefix}${hint}_${this.#count++}`;
  }

  ref(name: string): Ref {
    const ref = this.refs.get(name);
    if (ref === undefined)
      throw new OnnxError(`tensor "${name}" is used before anything computes it`, {
        remedy: "the file is damaged or was edited; export the model again",
      });
    return ref;
  }

  /** A graph input. `at` gives its shape at each probe. */
  input(name: string, type: ElementType, at: readonly (readonly number[])[]): Ref {
    const ref = { name, at: at.map((dims) => ({ type, dims })) };
    this.refs.set(name, ref);
    return ref;
  }

  /** A constant as it stands in the file. */
  stored(name: string, tensor: RuntimeTensor): Ref {
    this.constants.set(name, tensor);
    let value: Value | undefined;
    const known: Known =
      tensor.type === "string"
        ? { type: tensor.type, dims: tensor.dims }
        : {
            type: tensor.type,
            dims: tensor.dims,
            // Computed when asked for: most weights never are.
            get value() {
              return (value ??= toValue(tensor));
            },
          };
    const ref = { name, at: Array.from({ length: this.probes }, () => known) };
    this.refs.set(name, ref);
    return ref;
  }

  constant(value: Value, name: string = this.fresh("c")): Ref {
    // What later nodes fold with is what the file will hold: rounded to its type.
    return this.stored(name, toRuntime(value));
  }

  /** Gives a tensor a second name: what is appended later under it uses the first. */
  alias(name: string, ref: Ref): void {
    this.refs.set(name, ref);
  }

  /** Appends a node that exists already; its constant results become constants, and calls that change nothing are left out. */
  append(given: Node): void {
    const inputs = given.inputs.map((name) => (name === "" ? undefined : this.ref(name)));
    const node = { ...given, inputs: inputs.map((input) => input?.name ?? "") };
    const unfolded = this.#unfolded.has(node.op);
    const at = Array.from({ length: this.probes }, (_, k) =>
      inferNode(
        node,
        inputs.map((input) => input?.at[k]),
        this.#budget,
      ).map((known) => (unfolded ? { type: known.type, dims: known.dims } : known)),
    );
    const [x] = inputs;
    if (x !== undefined && PASSING.has(node.op) && at.every(([y], k) => sameKnown(y!, x.at[k]!))) {
      this.alias(node.outputs[0]!, x);
      return;
    }
    let folded = true;
    node.outputs.forEach((name, i) => {
      if (name === "") return;
      const known = at.map((outputs) => outputs[i]!);
      const value = known[0]?.value;
      if (value !== undefined && known.every((other) => other.value && sameValue(other.value, value)))
        this.constant(value, name);
      else {
        folded = false;
        this.refs.set(name, { name, at: known });
      }
    });
    if (!folded) this.nodes.push(node);
  }

  /** Makes a tensor leave the graph under a name of its own. */
  output(name: string, ref: Ref): void {
    const node = { op: "Identity", domain: "", name, inputs: [ref.name], outputs: [name], attributes: {} };
    this.nodes.push(node);
    this.refs.set(name, { name, at: ref.at });
  }

  call(op: string, inputs: readonly (Ref | undefined)[], attributes: readonly AttributeProto[] = [], count = 1): Ref[] {
    const outputs = Array.from({ length: count }, () => this.fresh(op));
    this.append({
      op,
      domain: "",
      name: outputs[0]!,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs,
      attributes: Object.fromEntries(attributes.map((each) => [each.name!, each])),
    });
    return outputs.map((name) => this.ref(name));
  }

  /** A call with one result. */
  op(op: string, inputs: readonly (Ref | undefined)[], ...attributes: AttributeProto[]): Ref {
    return this.call(op, inputs, attributes)[0]!;
  }

  add = (a: Ref, b: Ref): Ref => this.op("Add", [a, b]);
  sub = (a: Ref, b: Ref): Ref => this.op("Sub", [a, b]);
  mul = (a: Ref, b: Ref): Ref => this.op("Mul", [a, b]);
  div = (a: Ref, b: Ref): Ref => this.op("Div", [a, b]);
  neg = (a: Ref): Ref => this.op("Neg", [a]);
  /** A scalar of the same element type as `like`. */
  number = (x: number, like: Ref): Ref => this.constant(scalar(typeOf(like), x));
  scale = (a: Ref, x: number): Ref => (x === 1 ? a : this.mul(a, this.number(x, a)));
  ints = (xs: readonly number[]): Ref => this.constant(vector("int64", xs));
  cast = (a: Ref, type: ElementType): Ref =>
    typeOf(a) === type ? a : this.op("Cast", [a], attribute.int("to", elementNumber(type)));
  /** 1 where the condition holds, else 0, in the element type of `like`. */
  mask = (condition: Ref, like: Ref): Ref => this.cast(condition, typeOf(like));
  transpose = (a: Ref, perm: readonly number[]): Ref => this.op("Transpose", [a], attribute.ints("perm", perm));

  sum(a: Ref, axes: readonly number[], keep: boolean): Ref {
    if (axes.length === 0) return a;
    return this.op("ReduceSum", [a, this.ints(axes)], attribute.int("keepdims", keep ? 1 : 0));
  }

  /** A tensor given the shape of another; both hold the same number of elements. */
  reshapeLike(a: Ref, like: Ref): Ref {
    if (a.at.every((known, k) => sameDims(known.dims, like.at[k]!.dims))) return a;
    return this.op("Reshape", [a, this.shapeOf(like)]);
  }

  /** The shape of a tensor as int64 vector: a constant where the batch size does not matter, −1 where it sits in one place. */
  shapeOf(like: Ref): Ref {
    const [known, ...others] = like.at;
    const varying = known!.dims.map((dim, axis) => others.some((other) => other.dims[axis] !== dim));
    const count = varying.filter(Boolean).length;
    if (count === 0) return this.ints(known!.dims);
    if (count === 1 && !known!.dims.includes(0)) return this.ints(known!.dims.map((dim, i) => (varying[i] ? -1 : dim)));
    return this.op("Shape", [like]);
  }

  /** A tensor repeated to the shape of another. */
  expandLike(a: Ref, like: Ref): Ref {
    if (a.at.every((known, k) => sameDims(known.dims, like.at[k]!.dims))) return a;
    const [known, ...others] = like.at;
    const shift = known!.dims.length - a.at[0]!.dims.length;
    // Where `a` has the varying length already, a 1 keeps it: the shape need not be asked of a tensor that may not be there.
    const target = known!.dims.map((dim, axis) => {
      if (others.every((other) => other.dims[axis] === dim)) return dim;
      const has = axis >= shift && a.at.every((own, k) => own.dims[axis - shift] === like.at[k]!.dims[axis]);
      return has ? 1 : undefined;
    });
    const constant = target.every((dim) => dim !== undefined);
    return this.op("Expand", [a, constant ? this.ints(target) : this.op("Shape", [like])]);
  }

  /** The gradient of a broadcast tensor: summed over the axes along which `to` was repeated. */
  unbroadcast(gradient: Ref, to: Ref): Ref {
    const have = gradient.at[0]!.dims,
      extra = have.length - to.at[0]!.dims.length;
    const repeated = have.flatMap((_, axis) =>
      axis >= extra && to.at.every((known, k) => known.dims[axis - extra] === gradient.at[k]!.dims[axis]) ? [] : [axis],
    );
    if (repeated.length === 0) return gradient;
    return this.reshapeLike(this.sum(gradient, repeated, true), to);
  }

  zerosLike = (like: Ref): Ref => this.#filledLike(like, 0);
  onesLike = (like: Ref): Ref => this.#filledLike(like, 1);
  /** Gradients of whole numbers are real. */
  #filledLike(like: Ref, x: number): Ref {
    const type = isFloat(typeOf(like)) ? typeOf(like) : "float32";
    return this.expandLike(
      this.constant({ type, dims: like.at[0]!.dims.map(() => 1), data: Float64Array.of(x) }),
      like,
    );
  }
}
