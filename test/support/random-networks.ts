/** Random small networks out of every operator that bounds claim to pass, for tests that look for what was overlooked. */
import type { InputContract } from "#assessment/system.ts";
import type { Rng } from "#base/random.ts";
import type { Known } from "#onnx/ir.ts";
import { attribute } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import { inferNode } from "#onnx/writer.ts";
import { int64, sketchModel, tensor } from "./onnx.ts";
import type { NodeSketch } from "./onnx.ts";

export interface RandomNetwork {
  /** Its operators in order, for messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly shape: readonly number[];
  readonly input: InputContract;
}

const { int, ints, float, string } = attribute;
type Attributes = NonNullable<NodeSketch["attributes"]>;

/** A tensor on the way: its name and the dimensions of one sample. */
interface At {
  readonly name: string;
  readonly dims: readonly number[];
}

const BATCH = 3;
const ELEMENTS_MAX = 160;

class Sketch {
  readonly random: Rng;
  readonly nodes: NodeSketch[] = [];
  readonly constants: Record<string, Value> = {};
  readonly known = new Map<string, Known>();
  /** How large weights are: 1 is ordinary. */
  readonly spread: number;
  #count = 0;

  constructor(random: Rng, spread: number) {
    this.random = random;
    this.spread = spread;
  }

  one<T>(...choices: readonly T[]): T {
    return choices[this.random.below(choices.length)]!;
  }
  chance(share: number): boolean {
    return this.random.uniform() < share;
  }

  constant(value: Value): string {
    const name = `c${this.#count++}`;
    this.constants[name] = value;
    this.known.set(name, { type: value.type, dims: value.dims, value });
    return name;
  }
  weights(dims: readonly number[], scale?: number): string {
    const count = dims.reduce((a, b) => a * b, 1);
    const fan = Math.max(1, dims.length > 1 ? count / dims[0]! : 1);
    const by = scale ?? (1.3 * this.spread) / Math.sqrt(fan);
    return this.constant(
      tensor(
        dims,
        Array.from({ length: count }, () => Math.fround(this.random.normal() * by)),
      ),
    );
  }
  scalar(value: number): string {
    return this.constant(tensor([], [value]));
  }
  ints(...values: number[]): string {
    return this.constant(int64(...values));
  }

  /** A call with one result, or with several. */
  calls(op: string, inputs: readonly string[], attributes: Attributes = [], count = 1): At[] {
    const out = Array.from({ length: count }, () => `t${this.#count++}`);
    const found = inferNode(
      {
        op,
        domain: "",
        name: out[0]!,
        inputs,
        outputs: out,
        attributes: Object.fromEntries(attributes.map((each) => [each.name!, each])),
      },
      inputs.map((name) => (name === "" ? undefined : this.known.get(name))),
      { work: 1e6 },
    );
    this.nodes.push({ op, in: inputs, out, attributes, name: `${op} ${out[0]}` });
    return out.map((name, i) => {
      this.known.set(name, { type: found[i]!.type, dims: found[i]!.dims });
      return { name, dims: found[i]!.dims.slice(1) };
    });
  }
  call(op: string, inputs: readonly string[], ...attributes: Attributes): At {
    return this.calls(op, inputs, attributes)[0]!;
  }
}

/** One kind of step; undefined where it does not fit. Earlier tensors may be used again. */
type Step = (s: Sketch, x: At, earlier: readonly At[]) => At | undefined;

const picture = (x: At): boolean => x.dims.length === 3;
const vector = (x: At): boolean => x.dims.length === 1;
const sized = (x: At): number => x.dims.reduce((a, b) => a * b, 1);

/** Pads, strides and dilations of a window of length 1 … 3 that fits. */
function windowOf(s: Sketch, x: At, pads: boolean) {
  const kernel = x.dims.slice(1).map((n) => Math.min(n, 1 + s.random.below(3)));
  const dilations = kernel.map((k, i) => (k > 1 && x.dims[i + 1]! > 2 * (k - 1) && s.chance(0.3) ? 2 : 1));
  const strides = kernel.map(() => s.one(1, 1, 2, 3));
  const room = (k: number): number => (k > 1 ? s.random.below(k) : 0);
  const list = pads && s.chance(0.7) ? [...kernel.map(room), ...kernel.map(room)] : undefined;
  return { kernel, dilations, strides, pads: list };
}

const affine: Record<string, Step> = {
  Gemm(s, x) {
    if (!vector(x)) return undefined;
    const out = 1 + s.random.below(7),
      n = x.dims[0]!;
    const turned = s.chance(0.5);
    const attributes = [int("transB", turned ? 1 : 0)];
    if (s.chance(0.4)) attributes.push(float("alpha", s.one(-1.5, 0.5, 2)));
    if (s.chance(0.4)) attributes.push(float("beta", s.one(-2, 0.25, 0)));
    const bias = s.one(undefined, s.weights([out], 0.4), s.weights([1], 0.4), s.weights([1, out], 0.4));
    const weights = s.weights(turned ? [out, n] : [n, out]);
    return s.call("Gemm", [x.name, weights, ...(bias === undefined ? [] : [bias])], ...attributes);
  },
  MatMul: (s, x) => s.call("MatMul", [x.name, s.weights([x.dims.at(-1)!, 1 + s.random.below(6)])]),
  "MatMul from the left": (s, x) =>
    x.dims.length > 1 ? s.call("MatMul", [s.weights([1 + s.random.below(5), x.dims.at(-2)!]), x.name]) : undefined,
  Conv(s, x) {
    if (!picture(x)) return undefined;
    const [c] = x.dims as [number, number, number];
    const group = s.one(1, 1, c);
    const out = group * (1 + s.random.below(group === 1 ? 4 : 2));
    const w = windowOf(s, x, true);
    const auto = s.chance(0.3) ? s.one("SAME_UPPER", "SAME_LOWER", "VALID") : undefined;
    return s.call(
      "Conv",
      [x.name, s.weights([out, c / group, ...w.kernel]), ...(s.chance(0.6) ? [s.weights([out], 0.4)] : [])],
      int("group", group),
      ints("strides", w.strides),
      ints("dilations", auto ? [1, 1] : w.dilations),
      ...(auto ? [string("auto_pad", auto)] : w.pads ? [ints("pads", w.pads)] : []),
    );
  },
  ConvTranspose(s, x) {
    if (!picture(x)) return undefined;
    const [c, h, w] = x.dims as [number, number, number];
    if (h * w > 36) return undefined;
    const group = s.one(1, 1, c);
    const each = 1 + s.random.below(2);
    const kernel = [1 + s.random.below(3), 1 + s.random.below(3)];
    const strides = [s.one(1, 2), s.one(1, 2)];
    const pads = kernel.map((k) => (k > 1 ? s.random.below(2) : 0));
    return s.call(
      "ConvTranspose",
      [x.name, s.weights([c, each, ...kernel]), ...(s.chance(0.6) ? [s.weights([each * group], 0.4)] : [])],
      int("group", group),
      ints("strides", strides),
      ints("pads", [...pads, ...kernel.map((k) => (k > 1 ? s.random.below(2) : 0))]),
      ...(s.chance(0.3) && strides.every((stride) => stride > 1) ? [ints("output_padding", [1, 0])] : []),
    );
  },
  BatchNormalization(s, x) {
    const c = x.dims[0]!;
    if (x.dims.length !== 1 && !picture(x)) return undefined;
    const variance = s.constant(
      tensor(
        [c],
        Array.from({ length: c }, () => Math.fround(0.05 + s.random.uniform())),
      ),
    );
    const shift = [s.weights([c], 0.8), s.weights([c], 0.4), s.weights([c], 0.5)];
    return s.call("BatchNormalization", [x.name, ...shift, variance], float("epsilon", s.one(1e-5, 0.1)));
  },
  AveragePool(s, x) {
    if (!picture(x)) return undefined;
    const w = windowOf(s, x, true);
    return s.call(
      "AveragePool",
      [x.name],
      ints("kernel_shape", w.kernel),
      ints("strides", w.strides),
      int("ceil_mode", s.one(0, 1)),
      int("count_include_pad", s.one(0, 1)),
      ...(w.pads ? [ints("pads", w.pads)] : []),
    );
  },
  GlobalAveragePool: (s, x) => (picture(x) ? s.call("GlobalAveragePool", [x.name]) : undefined),
  ReduceMean: (s, x) =>
    x.dims.length > 1 ? s.call("ReduceMean", [x.name], ints("axes", [s.one(-1, 1)]), int("keepdims", 1)) : undefined,
  ReduceSum: (s, x) =>
    x.dims.length > 1 ? s.call("ReduceSum", [x.name, s.ints(1 + s.random.below(x.dims.length))]) : undefined,
  Add: (s, x) => s.call("Add", s.one([x.name, operand(s, x)], [operand(s, x), x.name])),
  Sub: (s, x) => s.call("Sub", s.one([x.name, operand(s, x)], [operand(s, x), x.name])),
  Mul: (s, x) => s.call("Mul", s.one([x.name, operand(s, x)], [operand(s, x), x.name])),
  Div: (s, x) => s.call("Div", [x.name, s.scalar(s.one(-2, 0.5, 3))]),
  Neg: (s, x) => s.call("Neg", [x.name]),
  "a sum with earlier ones"(s, x, earlier) {
    const alike = earlier.filter(({ dims }) => `${dims}` === `${x.dims}`);
    const [a, b] = [s.one(...alike, x), s.one(...alike, x)];
    const constant = operand(s, x);
    return s.one<() => At>(
      () => s.call("Add", [x.name, a.name]),
      () => s.call("Sub", [a.name, x.name]),
      () => s.call("Sum", [x.name, a.name, constant, b.name]),
      () => s.call("Mean", [a.name, constant, x.name]),
    )();
  },
  Concat(s, x, earlier) {
    const axis = 1 + s.random.below(x.dims.length);
    const fits = earlier.filter(
      ({ dims }) => dims.length === x.dims.length && dims.every((dim, i) => i === axis - 1 || dim === x.dims[i]),
    );
    const others = fits.filter((other) => sized(other) + sized(x) <= ELEMENTS_MAX);
    return s.call("Concat", [x.name, s.one(...others, x).name], int("axis", s.one(axis, axis - x.dims.length - 1)));
  },
  "Concat with a constant"(s, x) {
    // A constant takes the batch from the input: nothing of it is kept.
    const zero = s.call("Mul", [x.name, s.scalar(0)]);
    const token = s.call("Add", [zero.name, operand(s, x)]);
    return s.call("Concat", [token.name, x.name], int("axis", 1));
  },
  Pad(s, x) {
    const rank = x.dims.length;
    const mode = s.one("constant", "reflect", "edge");
    const room = (i: number): number => s.random.below(Math.min(3, mode === "reflect" ? x.dims[i]! : 3));
    const pads = [0, ...x.dims.map((_, i) => room(i)), 0, ...x.dims.map((_, i) => room(i))];
    if (mode === "constant" && s.chance(0.3) && x.dims.at(-1)! > 1) pads[rank] = -1;
    return s.call("Pad", [x.name, s.ints(...pads), ...(s.chance(0.3) ? [s.scalar(0)] : [])], string("mode", mode));
  },
  Slice(s, x) {
    const axis = s.random.below(x.dims.length);
    const n = x.dims[axis]!;
    const [from, to, step] = s.one([0, n, 2], [-1, -n - 1, -1], [n - 1, -n - 1, -2], [1 % n, n, 1]);
    return s.call("Slice", [x.name, s.ints(from!), s.ints(to!), s.ints(axis + 1), s.ints(step!)]);
  },
  Gather(s, x) {
    const axis = s.random.below(x.dims.length);
    const n = x.dims[axis]!;
    const places = Array.from({ length: 1 + s.random.below(n + 1) }, () => s.random.below(2 * n) - n);
    return s.call("Gather", [x.name, s.ints(...places)], int("axis", axis + 1));
  },
  Split(s, x) {
    const axis = s.random.below(x.dims.length);
    const n = x.dims[axis]!;
    if (n < 2) return undefined;
    const [a, b] = s.calls("Split", [x.name, s.ints(1, n - 1)], [int("axis", axis + 1)], 2) as [At, At];
    return s.chance(0.5) ? b : s.call("Concat", [b.name, a.name], int("axis", axis + 1));
  },
  Tile: (s, x) => (sized(x) <= 30 ? s.call("Tile", [x.name, s.ints(1, ...x.dims.map(() => s.one(1, 2)))]) : undefined),
  Expand(s, x) {
    const column = s.call("ReduceSum", [x.name, s.ints(-1)]);
    return x.dims.length > 1 ? s.call("Expand", [column.name, s.ints(...column.dims.map(() => 1), 2)]) : undefined;
  },
  Transpose(s, x) {
    const order = s.random.sample(x.dims.length, x.dims.length).map((axis) => axis + 1);
    return s.call("Transpose", [x.name], ints("perm", [0, ...order]));
  },
  DepthToSpace: (s, x) =>
    picture(x) && x.dims[0]! % 4 === 0
      ? s.call("DepthToSpace", [x.name], int("blocksize", 2), string("mode", s.one("DCR", "CRD")))
      : undefined,
  SpaceToDepth: (s, x) =>
    picture(x) && x.dims[1]! % 2 === 0 && x.dims[2]! % 2 === 0
      ? s.call("SpaceToDepth", [x.name], int("blocksize", 2))
      : undefined,
  Resize(s, x) {
    if (!picture(x) || sized(x) > 40) return undefined;
    const scales = s.constant(tensor([4], [1, 1, s.one(1, 2, 1.5), s.one(2, 0.5)]));
    const mode = s.one("nearest", "linear");
    return s.call(
      "Resize",
      [x.name, "", scales],
      string("mode", mode),
      string("coordinate_transformation_mode", s.one("half_pixel", "align_corners", "asymmetric")),
      ...(mode === "nearest" ? [string("nearest_mode", s.one("floor", "round_prefer_floor", "ceil"))] : []),
    );
  },
  Reshape(s, x) {
    const n = sized(x);
    const shape = s.one([n], [1, n], n % 2 === 0 ? [2, n / 2] : [n, 1], n % 4 === 0 ? [n / 4, 2, 2] : [1, 1, n]);
    return s.call("Reshape", [x.name, s.ints(s.one(-1, 0), ...shape)]);
  },
  Flatten: (s, x) => s.call("Flatten", [x.name]),
  Unsqueeze(s, x) {
    if (x.dims.length > 2) return undefined;
    const wide = s.call("Unsqueeze", [x.name, s.ints(1)]);
    return s.chance(0.5) ? wide : s.call("Squeeze", [wide.name, s.ints(1)]);
  },
  CumSum: (s, x) =>
    s.call("CumSum", [x.name, s.constant({ ...int64(x.dims.length), dims: [] })], int("reverse", s.one(0, 1))),
};

/** A constant that broadcasts against x. */
function operand(s: Sketch, x: At): string {
  return s.one<() => string>(
    () => s.scalar(Math.fround(s.random.normal())),
    () => s.weights([x.dims.at(-1)!], 0.7),
    () => s.weights(x.dims, 0.7),
    () => s.weights([x.dims[0]!, ...x.dims.slice(1).map(() => 1)], 0.7),
  )();
}

const unary =
  (op: string, attributes: (s: Sketch) => Attributes = () => []): Step =>
  (s, x) =>
    s.call(op, [x.name], ...attributes(s));

const activations: Record<string, Step> = {
  Relu: unary("Relu"),
  LeakyRelu: unary("LeakyRelu", (s) => [float("alpha", s.one(0.1, -0.3, 1, 1.8))]),
  PRelu: (s, x) => s.call("PRelu", [x.name, s.one(s.scalar(s.one(-0.5, 0.3, 1.7)), s.weights([x.dims.at(-1)!], 1))]),
  Abs: unary("Abs"),
  Clip(s, x) {
    const low = s.scalar(s.one(-0.5, 0, 0.25)),
      high = s.scalar(s.one(0.5, 1, -0.25));
    return s.call("Clip", [x.name, ...s.one([low, high], [low], ["", high])]);
  },
  HardSigmoid: unary("HardSigmoid", (s) => [float("alpha", s.one(0.2, 0.5, -1)), float("beta", s.one(0.5, 0, 0.2))]),
  HardSwish: unary("HardSwish"),
  Sigmoid: unary("Sigmoid"),
  Tanh: unary("Tanh"),
  Erf: unary("Erf"),
  Softplus: unary("Softplus"),
  Elu: unary("Elu"),
  SiLU: (s, x) =>
    s.call("Mul", s.one([x.name, s.call("Sigmoid", [x.name]).name], [s.call("Sigmoid", [x.name]).name, x.name])),
  Mish: (s, x) => s.call("Mul", [x.name, s.call("Tanh", [s.call("Softplus", [x.name]).name]).name]),
  GELU(s, x) {
    const inner = s.call("Erf", [s.call("Div", [x.name, s.scalar(Math.SQRT2)]).name]);
    const sum = s.call("Add", [inner.name, s.scalar(1)]);
    if (s.chance(0.5)) return s.call("Mul", [s.call("Mul", [x.name, s.scalar(0.5)]).name, sum.name]);
    return s.call("Mul", [s.call("Mul", [x.name, sum.name]).name, s.scalar(0.5)]);
  },
  "GELU by tanh"(s, x) {
    const cube = s.call("Mul", [s.call("Pow", [x.name, s.scalar(3)]).name, s.scalar(0.044715)]);
    const inner = s.call("Mul", [s.call("Add", [x.name, cube.name]).name, s.scalar(Math.sqrt(2 / Math.PI))]);
    const sum = s.call("Add", [s.call("Tanh", [inner.name]).name, s.scalar(1)]);
    return s.call("Mul", [s.call("Mul", [x.name, s.scalar(0.5)]).name, sum.name]);
  },
  "a sigmoid of a broadcast"(s, x) {
    const column = x.dims.length > 1 ? s.call("ReduceSum", [x.name, s.ints(-1)]) : undefined;
    if (column === undefined) return undefined;
    const wide = s.call("Mul", [column.name, s.constant(tensor([3], [1, 1, 1]))]);
    return s.call("ReduceSum", [s.call("Sigmoid", [wide.name]).name, s.ints(-1)]);
  },
  Max(s, x, earlier) {
    const alike = earlier.filter(({ dims }) => `${dims}` === `${x.dims}`);
    const inputs = [x.name, s.one(...alike, x).name, operand(s, x)].slice(0, 2 + s.random.below(2));
    return s.call(s.one("Max", "Min"), s.chance(0.5) ? inputs : inputs.toReversed());
  },
  "Max with a constant": (s, x) => s.call(s.one("Max", "Min"), s.one([operand(s, x), x.name], [x.name, operand(s, x)])),
  MaxPool(s, x) {
    if (!picture(x)) return undefined;
    const w = windowOf(s, x, s.chance(0.4));
    return s.call(
      "MaxPool",
      [x.name],
      ints("kernel_shape", w.kernel),
      ints("strides", w.strides),
      ints("dilations", w.dilations),
      int("ceil_mode", s.one(0, 0, 1)),
      ...(w.pads ? [ints("pads", w.pads)] : []),
    );
  },
  GlobalMaxPool: (s, x) => (picture(x) ? s.call("GlobalMaxPool", [x.name]) : undefined),
  ReduceMax(s, x) {
    const axes = s.random.sample(x.dims.length, 1 + s.random.below(x.dims.length)).map((axis) => axis + 1);
    const keep = axes.length === x.dims.length ? 1 : s.one(0, 1);
    return s.call("ReduceMax", [x.name], ints("axes", axes), int("keepdims", keep));
  },
};

export const steps: Readonly<Record<string, Step>> = { ...affine, ...activations };

const HEADS = ["none", "none", "none", "Softmax", "LogSoftmax", "Sigmoid"] as const;

/**
 * A network of 2 to 7 random steps between affine ends. `always`: a step that is in it wherever it fits, so that a test can go
 * through all of them; `spread`: the size of its weights.
 */
export function randomNetwork(random: Rng, always: string, spread = 1): RandomNetwork {
  const s = new Sketch(random, spread);
  const flat = random.uniform() < 0.4;
  const shape = flat ? [2 + random.below(5)] : s.one([2, 4, 4], [1, 6, 5], [4, 3, 3]);
  const declared = s.one<InputContract>(
    { range: [0, 1], scale: 1, mean: [], std: [], integer: false },
    { range: [0, 255], scale: 1, mean: [], std: [], integer: false },
    { range: [0, 255], scale: 1 / 255, mean: [0.4], std: [0.3], integer: true },
    { range: [-1, 1], scale: 1, mean: [0.1], std: [2], integer: false },
  );
  // Pictures may come with the channels last, with a mean and a spread of their own each.
  const [c, h, w] = shape as [number, number, number];
  const turned = !flat && s.chance(0.3);
  const each = !flat && s.chance(0.3);
  const input: InputContract = {
    ...declared,
    ...(turned ? { layout: "NHWC" as const } : flat ? {} : { layout: "NCHW" as const }),
    ...(each
      ? { mean: Array.from({ length: c }, (_, i) => 0.1 * i), std: Array.from({ length: c }, (_, i) => 0.5 + i) }
      : {}),
  };
  s.known.set("x", { type: "float32", dims: [BATCH, ...shape] });
  let at: At = { name: "x", dims: shape };
  const earlier: At[] = [at];
  const names: string[] = [];
  const take = (name: string): void => {
    let next: At | undefined;
    const { length } = s.nodes;
    try {
      next = steps[name]!(s, at, earlier);
    } catch {
      // A window that does not fit, or the like.
    }
    if (next === undefined || sized(next) > ELEMENTS_MAX || sized(next) === 0) {
      s.nodes.length = length;
      return;
    }
    at = next;
    earlier.push(at);
    names.push(name);
  };
  const count = 2 + random.below(6);
  const begin = random.below(count);
  for (let k = 0; k < count; k++) {
    const pool = Object.keys(k % 2 === 0 ? affine : activations);
    if (k === 0 && s.chance(0.7)) take(flat ? "Gemm" : s.one("Conv", "Reshape"));
    if (k === begin) take(always);
    take(pool[random.below(pool.length)]!);
  }
  if (!vector(at)) at = s.call("Flatten", [at.name]);
  const outputs = 2 + random.below(3);
  at = s.call("Gemm", [at.name, s.weights([sized(at), outputs]), s.weights([outputs], 0.4)]);
  const head = s.one(...HEADS);
  if (head !== "none") at = s.call(head, [at.name], ...(head === "Sigmoid" ? [] : [int("axis", -1)]));
  return {
    name: [...names, head].join(" · "),
    shape: turned ? [h, w, c] : shape,
    input,
    bytes: sketchModel({
      input: { name: "x", dims: [null, ...shape] },
      constants: s.constants,
      nodes: s.nodes,
      outputs: [at.name],
      outputDims: [null, outputs],
    }),
  };
}
