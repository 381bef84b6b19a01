/**
 * TFLite's operators (BuiltinOperator of schema.fbs) by their code: the table of options each takes, how many tensors it reads and
 * writes, and what must hold of those parameters that decide over places in memory, divisors, and how much is made. What a kernel
 * would refuse, or not notice, is told from tensorflow/lite/kernels and the advisories of TensorFlow Lite (divisions by zero of
 * CVE-2021-29585 to 29604, places outside of CVE-2020-15207 to 15214, CVE-2021-37681 to 37692).
 */
import { ELEMENT_BITS } from "#formats/tflite.ts";
import { SMALL, type Node, type Tensor } from "./tflite-graph.ts";

/** Elements of a tensor that a graph makes from constants alone: 16 GB of float32, as for ONNX. */
export const ELEMENTS_MAX = 2 ** 32;

export type Sizes = readonly (number | undefined)[];
export interface Check {
  /** A parameter that does not fit its operator or its tensors, or one that asks for too much. */
  readonly kind: "parameter" | "bomb";
  /** What does not hold; undefined where it holds, or where only running the model settles it. */
  readonly find: (node: Node) => string | undefined;
}
/** The shape of what the operator writes first, as far as its inputs and parameters say. */
interface Gives {
  readonly kind: "gives";
  readonly sizes: (node: Node) => Sizes | undefined;
}

export interface Operator {
  readonly name: string;
  /** The table of its options; "" where it takes none. */
  readonly options: string;
  readonly inputs: Arity;
  readonly outputs: Arity;
  /** Inputs that may be left out (−1). */
  readonly optional: (index: number) => boolean;
  /** Undefined where nothing here checks the operator. */
  readonly checks: readonly Check[] | undefined;
  readonly gives: Gives["sizes"];
}

/** How many, as the table writes it: "2", "2-3", "1+", "5|20|24". */
export interface Arity {
  readonly written: string;
  readonly least: number;
  readonly allows: (count: number) => boolean;
}

const NO_CHECK = "unchecked";
type Row = readonly [
  code: number,
  name: string,
  options: string,
  inputs: string,
  outputs: string,
  ...checks: (Check | Gives | typeof NO_CHECK)[],
];

// What checks are made of.

const holds = (find: Check["find"]): Check => ({ kind: "parameter", find });
const gives = (sizes: Gives["sizes"]): Gives => ({ kind: "gives", sizes });
type Count = (node: Node) => number | undefined;
/** How many elements come out, where constants say. */
const makes = (count: Count): Check => ({
  kind: "bomb",
  find: (node) => {
    const elements = count(node);
    return elements !== undefined && elements > ELEMENTS_MAX
      ? `makes ${elements.toExponential(1)} elements out of constants alone`
      : undefined;
  },
});
const product = (sizes: readonly (number | undefined)[] | undefined): number | undefined =>
  sizes === undefined || sizes.includes(undefined)
    ? undefined
    : (sizes as readonly number[]).reduce((all, size) => all * Math.abs(size), 1);
const shapeText = (sizes: Tensor["sizes"]): string => `[${(sizes ?? []).map((size) => size ?? "?").join(", ")}]`;

const atLeast = (least: number, ...fields: readonly string[]): Check =>
  holds((node) => {
    const field = fields.find((one) => node.option(one) < least);
    return field && `${field} is ${node.option(field)}`;
  });
/** Kernels divide by these. */
const positive = (...fields: readonly string[]): Check => atLeast(1, ...fields);
const between = (field: string, least: number, most: number): Check =>
  holds((node) => {
    const value = node.option(field);
    return value < least || value > most ? `${field} is ${value}, and ${least} to ${most} are possible` : undefined;
  });
/** Inputs none of whose sizes is zero: kernels divide by them. */
const noZero = (...inputs: readonly number[]): Check =>
  holds((node) => {
    const input = inputs.find((index) => node.sizes(index)?.includes(0));
    return input === undefined ? undefined : `input ${input} is of shape ${shapeText(node.sizes(input))}`;
  });
/** Numbers of an input that the file fixes lie between these; `most` may be open. */
const numbers = (input: number, least: number, most: Count = () => undefined): Check =>
  holds((node) => {
    const [extent] = node.extents(input) ?? [];
    if (!extent || extent.least > extent.most) return undefined;
    const bound = most(node) ?? Infinity;
    const bad = [extent.least, extent.most].find((value) => !(value >= least && value <= bound));
    return bad === undefined
      ? undefined
      : `input ${input} holds ${bad}, and ${least} to ${bound === Infinity ? "more" : bound} is possible`;
  });
/** Dimensions of an input, by a field or by an input of numbers; counted from behind below zero. */
const axis = (from: string | number, of: number, more = 0): Check =>
  holds((node) => {
    const rank = node.sizes(of)?.length;
    const extent =
      typeof from === "string" ? { least: node.option(from), most: node.option(from) } : node.extents(from)?.[0];
    if (rank === undefined || !extent || extent.least > extent.most) return undefined;
    const reach = Math.max(1, rank + more);
    const bad = [extent.least, extent.most].find((value) => !(value >= -reach && value < reach));
    return bad === undefined ? undefined : `dimension ${bad} of a tensor that has ${rank}`;
  });
/** The size of an input's dimension that a field or another input names. */
const sizeAt =
  (of: number, from: string | number): Count =>
  (node) => {
    const sizes = node.sizes(of);
    const at = typeof from === "string" ? node.option(from) : node.values(from)?.[0];
    return sizes && at !== undefined ? sizes.at(at) : undefined;
  };
const below =
  (count: Count): Count =>
  (node) => {
    const most = count(node);
    return most === undefined ? undefined : most - 1;
  };
const first =
  (input: number): Count =>
  (node) =>
    node.values(input)?.[0];
const size =
  (input: number, dimension: number): Count =>
  (node) =>
    node.sizes(input)?.at(dimension);
/** A field that says how many tensors there are. */
const counts = (field: string, of: "inputs" | "outputs"): Check =>
  holds((node) =>
    node.option(field) === node[of].length
      ? undefined
      : `${field} is ${node.option(field)}, and the operator has ${node[of].length} ${of}`,
  );
/** A shape that an input says outright: no size of it is below zero, nor all of it too much. */
const shaped = (input: number): readonly Check[] => [
  numbers(input, 0),
  makes((node) => product(node.values(input))),
  few(input),
];
/** A shape, or places in one, of more numbers than tensors have dimensions. */
const few = (input: number): Check =>
  holds((node) => {
    const given = node.input(input);
    return given?.bytes && (product(given.sizes) ?? 0) > SMALL && node.values(input) === undefined
      ? `input ${input} has ${product(given.sizes)} numbers, and no tensor has so many dimensions`
      : undefined;
  });
/** One number for each of the channels that come out: kernels for small devices take it on trust. */
const bias = (input: number, channels: Count): Check =>
  holds((node) => {
    const [given, wanted] = [product(node.sizes(input)), channels(node)];
    return given === undefined || wanted === undefined || given === wanted || !node.input(input)?.bytes
      ? undefined
      : `a bias of ${given} numbers for ${wanted} channels`;
  });
/** Rows of places: each column within the size of its dimension. */
const places = (input: number, sizes: (node: Node) => readonly (number | undefined)[] | undefined): Check =>
  holds((node) => {
    const [columns, bounds] = [node.sizes(input)?.at(-1), sizes(node)];
    if (columns === undefined || !bounds) return undefined;
    if (columns > bounds.length) return `places of ${columns} numbers in a tensor of ${bounds.length} dimensions`;
    const extents = node.extents(input, Math.max(1, columns)) ?? [];
    const bad = extents.findIndex(
      ({ least, most }, i) => least <= most && (least < 0 || (bounds[i] !== undefined && most >= bounds[i])),
    );
    return bad < 0
      ? undefined
      : `input ${input} leads to ${extents[bad]!.least} to ${extents[bad]!.most} of dimension ${bad}, which has ${bounds[bad] ?? "another size"}`;
  });
/** A divisor that the file fixes: whole numbers are not divided by zero. */
const divisor = (input: number): Check =>
  holds((node) => {
    const whole = [2, 4, 7, 15, 16].includes(node.input(input)?.type ?? 0);
    return whole && node.values(input)?.includes(0) ? "whole numbers are divided by zero" : undefined;
  });
const stride2d = ["stride_w", "stride_h"] as const;
const dilation2d = ["dilation_w_factor", "dilation_h_factor"] as const;
const pool: readonly Check[] = [positive(...stride2d, "filter_width", "filter_height")];

const depthwise = holds((node) => {
  const [channels, out] = [node.sizes(0)?.at(-1), node.sizes(1)?.at(-1)];
  const times = node.option("depth_multiplier");
  return channels === undefined || out === undefined || channels * times === out
    ? undefined
    : `${channels} channels times a depth_multiplier of ${times} are not the ${out} of the filter`;
});
const grouped = holds((node) => {
  const [channels, filter] = [node.sizes(0)?.at(-1), node.sizes(1)?.at(-1)];
  return channels === undefined || !filter || channels % filter === 0
    ? undefined
    : `${channels} channels do not divide into those of a filter of ${filter}`;
});
const blocks = holds((node) => {
  const [channels, side] = [node.sizes(0)?.at(-1), node.option("block_size")];
  return channels === undefined || side < 1 || channels % side ** 2 === 0
    ? undefined
    : `${channels} channels do not divide into blocks of ${side}`;
});
/** What `new_shape`, or the second input in its place, makes of the first (reshape.cc). */
const reshape = holds((node) => {
  const given = node.inputs.length > 1 ? node.values(1) : node.list("new_shape");
  // Old converters write a scalar as [0].
  if (!given || (given.length === 1 && given[0] === 0 && node.inputs.length < 2)) return undefined;
  if (given.length > SMALL) return `a shape of more than ${SMALL} dimensions`;
  if (given.filter((one) => one === -1).length > 1 || given.some((one) => one < -1))
    return `a shape of ${shapeText(given)}`;
  const [elements, made] = [product(node.sizes(0)), product(given)];
  if (elements === undefined || made === undefined) return undefined;
  const fits = given.includes(-1) ? (made === 0 ? false : elements % made === 0) : elements === made;
  return fits || node.inputs.length < 1 ? undefined : `${elements} elements become a shape of ${shapeText(given)}`;
});
const permutation = holds((node) => {
  const [order, rank] = [node.values(1), node.sizes(0)?.length];
  if (!order) return undefined;
  const count = rank ?? order.length;
  return order.length === count && new Set(order.map((one) => (one < 0 ? one + count : one))).size === count
    ? undefined
    : `an order of ${shapeText(order)} for ${count} dimensions`;
});
const paddings = (input: number, most: Count = () => undefined): readonly Check[] => [
  numbers(input, 0, most),
  few(input),
  makes((node) => {
    const [sizes, added] = [node.sizes(0), node.values(input)];
    return sizes && added
      ? product(sizes.map((one, i) => (one ?? 1) + (added[2 * i] ?? 0) + (added[2 * i + 1] ?? 0)))
      : undefined;
  }),
];
const slice = holds((node) => {
  const [sizes, begin, length] = [node.sizes(0), node.values(1), node.values(2)];
  if (begin?.some((one) => one < 0)) return `it begins at ${shapeText(begin)}`;
  if (length?.some((one) => one < -1)) return `it takes ${shapeText(length)}`;
  if (!sizes || !begin || !length) return undefined;
  if (begin.length !== sizes.length || length.length !== sizes.length)
    return `it begins at ${shapeText(begin)} of a tensor of ${sizes.length} dimensions`;
  const bad = sizes.findIndex((one, i) => one !== undefined && begin[i]! + Math.max(0, length[i]!) > one);
  return bad < 0
    ? undefined
    : `it takes ${length[bad]} from ${begin[bad]} of dimension ${bad}, which has ${sizes[bad]}`;
});
const strided = holds((node) => {
  const [begin, end, strides] = [node.values(1), node.values(2), node.values(3)];
  if (strides?.includes(0)) return "a stride is 0";
  const lengths = [begin, end, strides].filter((one) => one !== undefined).map((one) => one.length);
  return new Set(lengths).size > 1 ? `begins, ends and strides are ${lengths.join(" and ")} numbers` : undefined;
});
const squeeze = holds((node) => {
  const [sizes, dropped] = [node.sizes(0), node.list("squeeze_dims")];
  if (dropped.length > 8) return `${dropped.length} dimensions to drop, and 8 are possible`;
  if (!sizes) return undefined;
  const bad = dropped.find((one) => one < -sizes.length || one >= sizes.length || (sizes.at(one) ?? 1) !== 1);
  return bad === undefined ? undefined : `it drops dimension ${bad} of ${shapeText(sizes)}`;
});
const range: Check = makes((node) => {
  const [start, limit, step] = [first(0)(node), first(1)(node), first(2)(node)];
  return start === undefined || limit === undefined || !step ? undefined : Math.max(0, (limit - start) / step);
});
const split = (tensor: number, dimension: number): Check =>
  holds((node) => {
    const [all, parts] = [sizeAt(tensor, dimension)(node), node.option("num_splits")];
    return all === undefined || parts < 1 || all % parts === 0 ? undefined : `${all} do not divide into ${parts} parts`;
  });
const space = (sign: 1 | -1): readonly Check[] => [
  numbers(1, 1),
  numbers(2, 0),
  few(1),
  few(2),
  ...(sign === 1
    ? [
        makes((node) => {
          const [sizes, added] = [node.sizes(0), node.values(2)];
          return sizes && added
            ? product([...sizes.map((one) => one ?? 1), 1 + Math.max(0, ...added) ** Math.ceil(added.length / 2)])
            : undefined;
        }),
      ]
    : []),
];
const tile: readonly Check[] = [
  numbers(1, 0),
  few(1),
  makes((node) => {
    const times = product(node.values(1));
    return times === undefined ? undefined : times * (product(node.sizes(0)?.map((one) => one ?? 1)) ?? 1);
  }),
];
const resize: readonly Check[] = [
  numbers(1, 1),
  makes((node) => {
    const [to, sizes] = [product(node.values(1)), node.sizes(0)];
    return to === undefined ? undefined : to * (sizes?.[0] ?? 1) * (sizes?.[3] ?? 1);
  }),
  noZero(0),
];
const segments: readonly Check[] = [
  numbers(1, 0, below(first(2))),
  numbers(2, 0),
  makes((node) => {
    const count = first(2)(node);
    return count === undefined
      ? undefined
      : count *
          (product(
            node
              .sizes(0)
              ?.slice(1)
              .map((one) => one ?? 1),
          ) ?? 1);
  }),
];
const mirrored: Count = (node) => {
  const sizes = node.sizes(0)?.filter((one) => one !== undefined);
  return sizes && sizes.length > 0 ? Math.max(...sizes) : undefined;
};
const recurrent: readonly Check[] = [noZero(1, 2)];
const given: Check = holds((node) => (node.options ? undefined : "no options say which graph it runs"));
const skipGrams: readonly Check[] = [
  positive("ngram_size"),
  atLeast(0, "max_skip_size"),
  makes((node) => (node.option("max_skip_size") + 1) ** Math.max(0, node.option("ngram_size") - 1)),
];
const gather: readonly Check[] = [
  axis("axis", 0),
  holds((node) => {
    const [batches, rank] = [node.option("batch_dims"), node.sizes(1)?.length];
    const reach = Math.max(rank ?? 8, 0);
    return batches < -reach || batches > reach ? `batch_dims is ${batches} of ${rank ?? "at most 8"}` : undefined;
  }),
  numbers(1, 0, below(sizeAt(0, "axis"))),
];

/** Shapes that go together from behind, where sizes of one are repeated (the rules of NumPy); undefined where they do not. */
function broadcast(shapes: readonly Sizes[]): Sizes | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const made: (number | undefined)[] = [];
  for (let i = 1; i <= rank; i++) {
    const here = shapes.filter((shape) => shape.length >= i).map((shape) => shape.at(-i));
    const large = new Set(here.filter((one) => one !== undefined && one !== 1));
    if (large.size > 1) return undefined;
    const [only] = large;
    made.unshift(only ?? (here.includes(undefined) ? undefined : 1));
  }
  return made;
}
const inputsOf = (node: Node, from = 0): readonly Sizes[] | undefined => {
  const shapes = node.inputs.slice(from).map((_, i) => node.sizes(from + i));
  return shapes.includes(undefined) ? undefined : (shapes as readonly Sizes[]);
};
/** The inputs from one on go together, and all are of one type: kernels read each as the first. */
const together = (from = 0): readonly [Check, Check, Gives] => [
  holds((node) => {
    const shapes = inputsOf(node, from);
    return shapes && !broadcast(shapes)
      ? `shapes of ${shapes.map(shapeText).join(" and ")} do not go together`
      : undefined;
  }),
  alike(from),
  gives((node) => {
    const shapes = inputsOf(node);
    return shapes && broadcast(shapes);
  }),
];
const alike = (from = 0): Check =>
  holds((node) => {
    const types = new Set(node.inputs.slice(from).map((_, i) => node.input(from + i)?.type));
    return types.size > 1 ? `its inputs are of types ${[...types].join(" and ")}, where one is expected` : undefined;
  });
/** What comes out is of the type of what goes in: kernels write as many bytes as they read. */
const kept = (from = 0): Check =>
  holds((node) => {
    const [given, made] = [node.input(from)?.type, node.output(0)?.type];
    return given === undefined || made === undefined || given === made
      ? undefined
      : `it makes type ${made} of type ${given}`;
  });
/** Whether each is more or less than another. */
const answers: Check = holds((node) =>
  (node.output(0)?.type ?? BOOL) === BOOL ? undefined : `its answer is of type ${node.output(0)?.type}`,
);
const BOOL = 6;
/** Types of weights and of biases that kernels have for a type of input (TensorType); those of others are wider or narrower than is read. */
const WEIGHED: Readonly<Record<number, readonly [weights: readonly number[], biases: readonly number[]]>> = {
  0: [[0, 1, 3, 9, 17, 18, 19, 20], [0]],
  3: [[3], [2]],
  7: [
    [7, 9, 17],
    [2, 4],
  ],
  9: [[9, 17, 19], [2]],
};
const weighed = (input: number, weights: number, biases: number): Check =>
  holds((node) => {
    const allowed = WEIGHED[node.input(input)?.type ?? -1];
    const [weight, added] = [node.input(weights)?.type, node.input(biases)?.type];
    if (!allowed) return undefined;
    if (weight !== undefined && !allowed[0].includes(weight))
      return `weights of type ${weight} for an input of type ${node.input(input)?.type}`;
    return added === undefined || allowed[1].includes(added)
      ? undefined
      : `a bias of type ${added} for an input of type ${node.input(input)?.type}`;
  });
/** Every row of what comes in is as long as one of the weights. */
const rows = holds((node) => {
  const [elements, from] = [product(node.sizes(0)), size(1, 1)(node)];
  return elements === undefined || !from || elements % from === 0
    ? undefined
    : `${elements} numbers do not divide into rows of ${from}`;
});
const same = gives((node) => node.sizes(0));
const values = (input: number): Gives => gives((node) => node.values(input));
const put = (sizes: Sizes | undefined, at: number | undefined, ...one: Sizes): Sizes | undefined =>
  sizes && at !== undefined ? sizes.toSpliced(at < 0 ? at + sizes.length + 1 : at, 0, ...one) : undefined;
const spread = (size: number | undefined, window: number | undefined, stride: number, padding: number) =>
  size === undefined || window === undefined || stride < 1
    ? undefined
    : padding === 0
      ? Math.ceil(size / stride)
      : Math.max(0, Math.floor((size - window + stride) / stride));
/** Windows over height and width: of these sizes, and so many channels out (lite/kernels/padding.h). */
const windows = (window: (node: Node) => Sizes | undefined, channels: Count): Gives =>
  gives((node) => {
    const [sizes, over] = [node.sizes(0), window(node)];
    if (sizes?.length !== 4 || !over) return undefined;
    const [height, width] = ["h", "w"].map((side, i) => {
      const along = over[i];
      const dilation = node.options?.knows(`dilation_${side}_factor`) ? node.option(`dilation_${side}_factor`) : 1;
      const reach = along === undefined ? undefined : (along - 1) * dilation + 1;
      return spread(sizes[1 + i], reach, node.option(`stride_${side}`), node.option("padding"));
    });
    return [sizes[0], height, width, channels(node)];
  });
const pooled = windows((node) => [node.option("filter_height"), node.option("filter_width")], size(0, 3));
const filtered = (channels: Count): Gives => windows((node) => node.sizes(1)?.slice(1, 3), channels);
const reduced = gives((node) => {
  const [sizes, dropped] = [node.sizes(0), node.values(1)];
  if (!sizes || !dropped) return undefined;
  const at = new Set(dropped.map((one) => (one < 0 ? one + sizes.length : one)));
  return node.option("keep_dims") === 0
    ? sizes.filter((_, i) => !at.has(i))
    : sizes.map((one, i) => (at.has(i) ? 1 : one));
});
const connected = gives((node) => {
  const [elements, units, from] = [product(node.sizes(0)), size(1, 0)(node), size(1, 1)(node)];
  if (units === undefined || !from || node.option("weights_format") !== 0) return undefined;
  return elements === undefined || elements % from !== 0 ? undefined : [elements / from, units];
});
const joined = gives((node) => {
  const shapes = inputsOf(node);
  const [first] = shapes ?? [];
  if (!shapes || !first || shapes.some((shape) => shape.length !== first.length)) return undefined;
  const at = node.option("axis") < 0 ? node.option("axis") + first.length : node.option("axis");
  const along = shapes.map((shape) => shape[at]);
  const all = along.includes(undefined) ? undefined : (along as readonly number[]).reduce((sum, one) => sum + one, 0);
  return at < first.length ? first.with(at, all) : undefined;
});
const padded = gives((node) => {
  const [sizes, added] = [node.sizes(0), node.values(1)];
  return sizes && added?.length === 2 * sizes.length
    ? sizes.map((one, i) => one && one + added[2 * i]! + added[2 * i + 1]!)
    : undefined;
});
const tiled = gives((node) => {
  const [sizes, times] = [node.sizes(0), node.values(1)];
  return sizes && times?.length === sizes.length ? sizes.map((one, i) => one && one * times[i]!) : undefined;
});
const reshaped = gives((node) => {
  const [given, elements] = [node.inputs.length > 1 ? node.values(1) : node.list("new_shape"), product(node.sizes(0))];
  const rest = given?.reduce((all, one) => (one === -1 ? all : all * one), 1);
  if (!given || rest === undefined) return undefined;
  return given.map((one) => (one === -1 ? (elements === undefined || rest === 0 ? undefined : elements / rest) : one));
});
const ordered = gives((node) => {
  const [sizes, order] = [node.sizes(0), node.values(1)];
  return sizes && order ? order.map((one) => sizes.at(one)) : undefined;
});
const squeezed = gives((node) => {
  const [sizes, dropped] = [node.sizes(0), node.list("squeeze_dims")];
  if (!sizes || (dropped.length === 0 && sizes.includes(undefined))) return undefined;
  const at = new Set(dropped.map((one) => (one < 0 ? one + sizes.length : one)));
  return sizes.filter((one, i) => (dropped.length === 0 ? one !== 1 : !at.has(i)));
});
const gathered = gives((node) => {
  const [sizes, at] = [node.sizes(0), node.option("axis")];
  const places = node.sizes(1);
  if (!sizes || !places || node.option("batch_dims") !== 0) return undefined;
  const axis = at < 0 ? at + sizes.length : at;
  return sizes.toSpliced(axis, 1, ...places);
});
const taken = gives((node) => {
  const [sizes, begin, length] = [node.sizes(0), node.values(1), node.values(2)];
  return sizes && begin && length
    ? sizes.map((one, i) => (length[i] === -1 ? one && one - (begin[i] ?? 0) : length[i]))
    : undefined;
});
const resized = gives((node) => {
  const [sizes, to] = [node.sizes(0), node.values(1)];
  return sizes?.length === 4 && to?.length === 2 ? [sizes[0], ...to, sizes[3]] : undefined;
});
/** Depth for height and width, or the other way. */
const moved = (factor: (side: number) => number): Gives =>
  gives((node) => {
    const [sizes, times] = [node.sizes(0), factor(node.option("block_size"))];
    if (sizes?.length !== 4 || !Number.isFinite(times) || times === 0) return undefined;
    const [batch, height, width, depth] = sizes;
    return [batch, height && height * times, width && width * times, depth && depth / times ** 2];
  });

/** One tensor in, one out, element by element. */
const each = (code: number, name: string, options = ""): Row => [code, name, options, "1", "1", kept(), same];
/** The same, but for the type. */
const turned = (code: number, name: string, options = ""): Row => [code, name, options, "1", "1", same];
const unary = (code: number, name: string, options = ""): Row => [code, name, options, "1", "1"];
const binary = (code: number, name: string, options = ""): Row => [
  code,
  name,
  options,
  "2",
  "1",
  kept(),
  ...together(),
];
const compared = (code: number, name: string, options = ""): Row => [
  code,
  name,
  options,
  "2",
  "1",
  answers,
  ...together(),
];
const reduce = (code: number, name: string): Row => [
  code,
  name,
  "ReducerOptions",
  "2",
  "1",
  axis(1, 0),
  kept(),
  reduced,
];
/** What no runtime that is read here has a kernel for, or whose kernel's demands are not written down here. */
const unchecked = (code: number, name: string, options = ""): Row => [code, name, options, "0+", "0+", NO_CHECK];

const ROWS: readonly Row[] = [
  binary(0, "ADD", "AddOptions"),
  [1, "AVERAGE_POOL_2D", "Pool2DOptions", "1", "1", ...pool, pooled, kept()],
  [2, "CONCATENATION", "ConcatenationOptions", "1+", "1", axis("axis", 0), alike(), joined, kept()],
  [
    3,
    "CONV_2D",
    "Conv2DOptions",
    "2-3",
    "1",
    positive(...stride2d, ...dilation2d),
    noZero(1),
    grouped,
    bias(2, size(1, 0)),
    filtered(size(1, 0)),
    weighed(0, 1, 2),
  ],
  [
    4,
    "DEPTHWISE_CONV_2D",
    "DepthwiseConv2DOptions",
    "2-3",
    "1",
    positive(...stride2d, ...dilation2d, "depth_multiplier"),
    noZero(1),
    depthwise,
    bias(2, size(1, -1)),
    filtered(size(1, 3)),
    weighed(0, 1, 2),
  ],
  [5, "DEPTH_TO_SPACE", "DepthToSpaceOptions", "1", "1", positive("block_size"), blocks, moved((side) => side), kept()],
  turned(6, "DEQUANTIZE", "DequantizeOptions"),
  [
    7,
    "EMBEDDING_LOOKUP",
    "",
    "2",
    "1",
    noZero(1),
    numbers(0, 0, below(size(1, 0))),
    gives((node) => put(node.sizes(1)?.slice(1), 0, ...(node.sizes(0) ?? [undefined]))),
  ],
  each(8, "FLOOR"),
  [
    9,
    "FULLY_CONNECTED",
    "FullyConnectedOptions",
    "2-3",
    "1-2",
    noZero(1),
    bias(2, size(1, 0)),
    connected,
    weighed(0, 1, 2),
    rows,
  ],
  [10, "HASHTABLE_LOOKUP", "", "3", "2", noZero(1, 2)],
  each(11, "L2_NORMALIZATION", "L2NormOptions"),
  [12, "L2_POOL_2D", "Pool2DOptions", "1", "1", ...pool, pooled, kept()],
  [
    13,
    "LOCAL_RESPONSE_NORMALIZATION",
    "LocalResponseNormalizationOptions",
    "1",
    "1",
    between("radius", 0, 2 ** 16),
    same,
    kept(),
  ],
  each(14, "LOGISTIC"),
  [15, "LSH_PROJECTION", "LSHProjectionOptions", "2-3", "1", between("type", 1, 2), noZero(0, 1)],
  [16, "LSTM", "LSTMOptions", "5|20|24", "1-4", noZero(2, 6)],
  [17, "MAX_POOL_2D", "Pool2DOptions", "1", "1", ...pool, pooled, kept()],
  binary(18, "MUL", "MulOptions"),
  each(19, "RELU"),
  each(20, "RELU_N1_TO_1"),
  each(21, "RELU6"),
  [22, "RESHAPE", "ReshapeOptions", "1-2", "1", reshape, few(1), reshaped, kept()],
  [23, "RESIZE_BILINEAR", "ResizeBilinearOptions", "2", "1", ...resize, resized, kept()],
  [24, "RNN", "RNNOptions", "5", "1", ...recurrent],
  turned(25, "SOFTMAX", "SoftmaxOptions"),
  [26, "SPACE_TO_DEPTH", "SpaceToDepthOptions", "1", "1", positive("block_size"), moved((side) => 1 / side), kept()],
  [27, "SVDF", "SVDFOptions", "5", "1", positive("rank"), noZero(1, 2)],
  each(28, "TANH"),
  unchecked(29, "CONCAT_EMBEDDINGS", "ConcatEmbeddingsOptions"),
  [30, "SKIP_GRAM", "SkipGramOptions", "1", "1", ...skipGrams],
  unchecked(31, "CALL", "CallOptions"),
  unchecked(33, "EMBEDDING_LOOKUP_SPARSE", "EmbeddingLookupSparseOptions"),
  [34, "PAD", "PadOptions", "2", "1", ...paddings(1), padded, kept()],
  [35, "UNIDIRECTIONAL_SEQUENCE_RNN", "SequenceRNNOptions", "5", "1", ...recurrent],
  [36, "GATHER", "GatherOptions", "2", "1", ...gather, gathered, kept()],
  [37, "BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions", "3", "1", ...space(-1), kept()],
  [38, "SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions", "3", "1", ...space(1), kept()],
  [39, "TRANSPOSE", "TransposeOptions", "2", "1", permutation, axis(1, 0), few(1), ordered, kept()],
  reduce(40, "MEAN"),
  binary(41, "SUB", "SubOptions"),
  [42, "DIV", "DivOptions", "2", "1", divisor(1), ...together(), kept()],
  [43, "SQUEEZE", "SqueezeOptions", "1", "1", squeeze, squeezed, kept()],
  [44, "UNIDIRECTIONAL_SEQUENCE_LSTM", "UnidirectionalSequenceLSTMOptions", "20|24", "1", noZero(2, 6)],
  [45, "STRIDED_SLICE", "StridedSliceOptions", "4", "1", strided, few(1), few(2), few(3), kept()],
  [46, "BIDIRECTIONAL_SEQUENCE_RNN", "BidirectionalSequenceRNNOptions", "12", "1-2", noZero(1, 2, 5, 6)],
  each(47, "EXP", "ExpOptions"),
  [48, "TOPK_V2", "TopKV2Options", "2", "2", numbers(1, 0, size(0, -1))],
  [
    49,
    "SPLIT",
    "SplitOptions",
    "2",
    "1+",
    positive("num_splits"),
    counts("num_splits", "outputs"),
    axis(0, 1),
    split(1, 0),
    kept(1),
  ],
  each(50, "LOG_SOFTMAX", "LogSoftmaxOptions"),
  unchecked(51, "DELEGATE"),
  [52, "BIDIRECTIONAL_SEQUENCE_LSTM", "BidirectionalSequenceLSTMOptions", "48", "1-2", noZero(2, 6, 19, 23)],
  turned(53, "CAST", "CastOptions"),
  binary(54, "PRELU"),
  binary(55, "MAXIMUM", "MaximumMinimumOptions"),
  [56, "ARG_MAX", "ArgMaxOptions", "2", "1", axis(1, 0), noZero(0)],
  binary(57, "MINIMUM", "MaximumMinimumOptions"),
  compared(58, "LESS", "LessOptions"),
  each(59, "NEG", "NegOptions"),
  [60, "PADV2", "PadV2Options", "3", "1", ...paddings(1), padded, kept()],
  compared(61, "GREATER", "GreaterOptions"),
  compared(62, "GREATER_EQUAL", "GreaterEqualOptions"),
  compared(63, "LESS_EQUAL", "LessEqualOptions"),
  [64, "SELECT", "SelectOptions", "3", "1", alike(1), gives((node) => node.sizes(1)), kept(1)],
  [65, "SLICE", "SliceOptions", "3", "1", slice, few(1), few(2), taken, kept()],
  each(66, "SIN"),
  [
    67,
    "TRANSPOSE_CONV",
    "TransposeConvOptions",
    "3-4",
    "1",
    positive(...stride2d),
    noZero(1),
    ...shaped(0),
    bias(3, size(1, 0)),
    values(0),
    weighed(2, 1, 3),
  ],
  [
    68,
    "SPARSE_TO_DENSE",
    "SparseToDenseOptions",
    "4",
    "1",
    ...shaped(1),
    places(0, (node) => node.values(1)),
    values(1),
    kept(2),
  ],
  [69, "TILE", "TileOptions", "2", "1", ...tile, tiled, kept()],
  [
    70,
    "EXPAND_DIMS",
    "ExpandDimsOptions",
    "2",
    "1",
    axis(1, 0, 1),
    gives((node) => put(node.sizes(0), node.values(1)?.[0], 1)),
    kept(),
  ],
  compared(71, "EQUAL", "EqualOptions"),
  compared(72, "NOT_EQUAL", "NotEqualOptions"),
  each(73, "LOG"),
  reduce(74, "SUM"),
  each(75, "SQRT"),
  each(76, "RSQRT"),
  unary(77, "SHAPE", "ShapeOptions"),
  binary(78, "POW", "PowOptions"),
  [79, "ARG_MIN", "ArgMinOptions", "2", "1", axis(1, 0), noZero(0)],
  [80, "FAKE_QUANT", "FakeQuantOptions", "1", "1", between("num_bits", 2, 16), same, kept()],
  reduce(81, "REDUCE_PROD"),
  reduce(82, "REDUCE_MAX"),
  [
    83,
    "PACK",
    "PackOptions",
    "1+",
    "1",
    counts("values_count", "inputs"),
    axis("axis", 0, 1),
    alike(),
    gives((node) => put(node.sizes(0), node.option("axis"), node.inputs.length)),
    kept(),
  ],
  compared(84, "LOGICAL_OR", "LogicalOrOptions"),
  [
    85,
    "ONE_HOT",
    "OneHotOptions",
    "4",
    "1",
    axis("axis", 0, 1),
    numbers(1, 0),
    makes((node) => {
      const depth = first(1)(node);
      return depth === undefined ? undefined : depth * (product(node.sizes(0)?.map((one) => one ?? 1)) ?? 1);
    }),
  ],
  compared(86, "LOGICAL_AND", "LogicalAndOptions"),
  each(87, "LOGICAL_NOT", "LogicalNotOptions"),
  [88, "UNPACK", "UnpackOptions", "1", "0+", counts("num", "outputs"), axis("axis", 0), unpacked(), kept()],
  reduce(89, "REDUCE_MIN"),
  [90, "FLOOR_DIV", "FloorDivOptions", "2", "1", divisor(1), ...together(), kept()],
  reduce(91, "REDUCE_ANY"),
  each(92, "SQUARE", "SquareOptions"),
  each(93, "ZEROS_LIKE", "ZerosLikeOptions"),
  [94, "FILL", "FillOptions", "2", "1", ...shaped(0), values(0), kept(1)],
  [95, "FLOOR_MOD", "FloorModOptions", "2", "1", divisor(1), ...together(), kept()],
  [
    96,
    "RANGE",
    "RangeOptions",
    "3",
    "1",
    holds((node) => (node.values(2)?.includes(0) ? "a step of 0" : undefined)),
    range,
  ],
  [97, "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", "2", "1", ...resize, resized, kept()],
  each(98, "LEAKY_RELU", "LeakyReluOptions"),
  binary(99, "SQUARED_DIFFERENCE", "SquaredDifferenceOptions"),
  [100, "MIRROR_PAD", "MirrorPadOptions", "2", "1", ...paddings(1, mirrored), padded, kept()],
  each(101, "ABS", "AbsOptions"),
  [
    102,
    "SPLIT_V",
    "SplitVOptions",
    "3",
    "1+",
    positive("num_splits"),
    counts("num_splits", "outputs"),
    axis(2, 0),
    numbers(1, -1),
    kept(),
  ],
  [103, "UNIQUE", "UniqueOptions", "1", "2"],
  each(104, "CEIL"),
  [105, "REVERSE_V2", "ReverseV2Options", "2", "1", axis(1, 0), same, kept()],
  [106, "ADD_N", "AddNOptions", "2+", "1", alike(), same, kept()],
  [107, "GATHER_ND", "GatherNdOptions", "2", "1", places(1, (node) => node.sizes(0)), kept()],
  each(108, "COS", "CosOptions"),
  unary(109, "WHERE", "WhereOptions"),
  unary(110, "RANK", "RankOptions"),
  each(111, "ELU"),
  [
    112,
    "REVERSE_SEQUENCE",
    "ReverseSequenceOptions",
    "2",
    "1",
    atLeast(0, "seq_dim", "batch_dim"),
    axis("seq_dim", 0),
    axis("batch_dim", 0),
    numbers(1, 0, sizeAt(0, "seq_dim")),
    same,
    kept(),
  ],
  [113, "MATRIX_DIAG", "MatrixDiagOptions", "1", "1"],
  turned(114, "QUANTIZE", "QuantizeOptions"),
  [115, "MATRIX_SET_DIAG", "MatrixSetDiagOptions", "2", "1", same],
  each(116, "ROUND"),
  each(117, "HARD_SWISH", "HardSwishOptions"),
  [118, "IF", "IfOptions", "1+", "0+", given],
  [119, "WHILE", "WhileOptions", "0+", "0+", given],
  [120, "NON_MAX_SUPPRESSION_V4", "NonMaxSuppressionV4Options", "5", "2", numbers(2, 0)],
  [121, "NON_MAX_SUPPRESSION_V5", "NonMaxSuppressionV5Options", "6", "3", numbers(2, 0)],
  [
    122,
    "SCATTER_ND",
    "ScatterNdOptions",
    "3",
    "1",
    ...shaped(2),
    places(0, (node) => node.values(2)),
    values(2),
    kept(1),
  ],
  [123, "SELECT_V2", "SelectV2Options", "3", "1", ...together(1), kept(1)],
  unary(124, "DENSIFY", "DensifyOptions"),
  [
    125,
    "SEGMENT_SUM",
    "SegmentSumOptions",
    "2",
    "1",
    numbers(1, 0),
    makes((node) => {
      const [extent] = node.extents(1) ?? [];
      const each =
        product(
          node
            .sizes(0)
            ?.slice(1)
            .map((one) => one ?? 1),
        ) ?? 1;
      return extent && extent.most >= 0 ? (extent.most + 1) * each : undefined;
    }),
  ],
  [126, "BATCH_MATMUL", "BatchMatMulOptions", "2", "1"],
  [128, "CUMSUM", "CumsumOptions", "2", "1", axis(1, 0), same, kept()],
  [129, "CALL_ONCE", "CallOnceOptions", "0", "0", given],
  [130, "BROADCAST_TO", "BroadcastToOptions", "2", "1", ...shaped(1), values(1), kept()],
  [131, "RFFT2D", "Rfft2dOptions", "2", "1", numbers(1, 1), makes((node) => product(node.values(1)))],
  [
    132,
    "CONV_3D",
    "Conv3DOptions",
    "2-3",
    "1",
    positive("stride_d", ...stride2d, "dilation_d_factor", ...dilation2d),
    noZero(1),
  ],
  turned(133, "IMAG"),
  turned(134, "REAL"),
  turned(135, "COMPLEX_ABS"),
  [136, "HASHTABLE", "HashtableOptions", "0", "1"],
  [137, "HASHTABLE_FIND", "HashtableFindOptions", "3", "1"],
  [138, "HASHTABLE_IMPORT", "HashtableImportOptions", "3", "0"],
  [139, "HASHTABLE_SIZE", "HashtableSizeOptions", "1", "1"],
  reduce(140, "REDUCE_ALL"),
  [
    141,
    "CONV_3D_TRANSPOSE",
    "Conv3DOptions",
    "3-4",
    "1",
    positive("stride_d", ...stride2d, "dilation_d_factor", ...dilation2d),
    noZero(1),
    ...shaped(0),
  ],
  [142, "VAR_HANDLE", "VarHandleOptions", "0", "1"],
  [143, "READ_VARIABLE", "ReadVariableOptions", "1", "1"],
  [144, "ASSIGN_VARIABLE", "AssignVariableOptions", "2", "0"],
  [145, "BROADCAST_ARGS", "", "2", "1"],
  [146, "RANDOM_STANDARD_NORMAL", "RandomOptions", "1", "1", ...shaped(0), values(0)],
  [147, "BUCKETIZE", "BucketizeOptions", "1", "1", same],
  [148, "RANDOM_UNIFORM", "RandomOptions", "1", "1", ...shaped(0), values(0)],
  [149, "MULTINOMIAL", "RandomOptions", "2", "1", noZero(0), numbers(1, 0, () => ELEMENTS_MAX)],
  each(150, "GELU", "GeluOptions"),
  [151, "DYNAMIC_UPDATE_SLICE", "DynamicUpdateSliceOptions", "3", "1", same, kept()],
  each(152, "RELU_0_TO_1"),
  [153, "UNSORTED_SEGMENT_PROD", "UnsortedSegmentProdOptions", "3", "1", ...segments],
  [154, "UNSORTED_SEGMENT_MAX", "UnsortedSegmentMaxOptions", "3", "1", ...segments],
  [155, "UNSORTED_SEGMENT_SUM", "UnsortedSegmentSumOptions", "3", "1", ...segments],
  binary(156, "ATAN2", "ATan2Options"),
  [157, "UNSORTED_SEGMENT_MIN", "UnsortedSegmentMinOptions", "3", "1", ...segments],
  each(158, "SIGN", "SignOptions"),
  unary(159, "BITCAST", "BitcastOptions"),
  binary(160, "BITWISE_XOR", "BitwiseXorOptions"),
  [161, "RIGHT_SHIFT", "RightShiftOptions", "2", "1", numbers(1, 0, () => 63), ...together(), kept()],
  binary(163, "STABLEHLO_ADD"),
  binary(165, "STABLEHLO_MULTIPLY"),
  binary(166, "STABLEHLO_MAXIMUM"),
  binary(181, "STABLEHLO_MINIMUM"),
  [206, "STABLEHLO_COMPOSITE", "StableHLOCompositeOptions", "0+", "0+", given],
  ...(
    [
      [162, "LOGISTIC"],
      [164, "DIVIDE"],
      [167, "RESHAPE"],
      [168, "CLAMP"],
      [169, "CONCATENATION", "StablehloConcatenateOptions"],
      [170, "BROADCAST_IN_DIM", "StablehloBroadcastInDimOptions"],
      [171, "CONVOLUTION", "StablehloConvolutionOptions"],
      [172, "SLICE", "StablehloSliceOptions"],
      [173, "CUSTOM_CALL", "StablehloCustomCallOptions"],
      [174, "REDUCE", "StablehloReduceOptions"],
      [175, "ABS"],
      [176, "AND"],
      [177, "COSINE"],
      [178, "EXPONENTIAL"],
      [179, "FLOOR"],
      [180, "LOG"],
      [182, "NEGATE"],
      [183, "OR"],
      [184, "POWER"],
      [185, "REMAINDER"],
      [186, "RSQRT"],
      [187, "SELECT"],
      [188, "SUBTRACT"],
      [189, "TANH"],
      [190, "SCATTER", "StablehloScatterOptions"],
      [191, "COMPARE", "StablehloCompareOptions"],
      [192, "CONVERT"],
      [193, "DYNAMIC_SLICE", "StablehloDynamicSliceOptions"],
      [194, "DYNAMIC_UPDATE_SLICE"],
      [195, "PAD", "StablehloPadOptions"],
      [196, "IOTA", "StablehloIotaOptions"],
      [197, "DOT_GENERAL", "StablehloDotGeneralOptions"],
      [198, "REDUCE_WINDOW", "StablehloReduceWindowOptions"],
      [199, "SORT", "StablehloSortOptions"],
      [200, "WHILE", "StablehloWhileOptions"],
      [201, "GATHER", "StablehloGatherOptions"],
      [202, "TRANSPOSE", "StablehloTransposeOptions"],
      [204, "RNG_BIT_GENERATOR", "StablehloRngBitGeneratorOptions"],
      [207, "SHIFT_LEFT", "StablehloShiftLeftOptions"],
      [208, "CBRT"],
      [209, "CASE", "StablehloCaseOptions"],
    ] as const
  ).map(([code, name, options]) => unchecked(code, `STABLEHLO_${name}`, options)),
  unchecked(203, "DILATE", "DilateOptions"),
  unchecked(205, "REDUCE_WINDOW", "ReduceWindowOptions"),
];

function unpacked(): Check {
  return holds((node) => {
    const [all, parts] = [sizeAt(0, "axis")(node), node.option("num")];
    return all === undefined || all === parts ? undefined : `num is ${parts}, and there are ${all}`;
  });
}

/** Inputs of operators that leave out more than their last (lstm.cc, unidirectional_sequence_lstm.cc, bidirectional_sequence_lstm.cc …). */
const LSTM = [1, 5, 9, 10, 11, 12, 16, 17, 20, 21, 22, 23];
const OPTIONAL: Readonly<Record<string, readonly number[]>> = {
  LSTM,
  UNIDIRECTIONAL_SEQUENCE_LSTM: LSTM,
  BIDIRECTIONAL_SEQUENCE_LSTM: [
    1, 5, 9, 10, 11, 12, 16, 17, 18, 22, 26, 27, 28, 29, 33, 34, 39, 40, 41, 42, 43, 44, 45, 46, 47,
  ],
  BIDIRECTIONAL_SEQUENCE_RNN: [9, 10, 11],
  SVDF: [3],
};

function arity(written: string): Arity {
  const parts = written.split("|").map((part): readonly [least: number, most: number] => {
    const [least, most] = part.split(/[-+]/) as [string, string?];
    return [Number(least), most === undefined ? Number(least) : most === "" ? Infinity : Number(most)];
  });
  return {
    written,
    least: Math.min(...parts.map(([least]) => least)),
    allows: (count) => parts.some(([least, most]) => count >= least && count <= most),
  };
}

export const OPERATORS: ReadonlyMap<number, Operator> = new Map(
  ROWS.map(([code, name, options, inputs, outputs, ...checks]) => {
    const reads = arity(inputs);
    const optional = OPTIONAL[name];
    return [
      code,
      {
        name,
        options,
        inputs: reads,
        outputs: arity(outputs),
        // What comes behind the inputs that must be there may be left out; lists of any length leave out nothing.
        optional: (index) =>
          checks.includes(NO_CHECK) || (optional?.includes(index) ?? (inputs.includes("-") && index >= reads.least)),
        checks: checks.includes(NO_CHECK)
          ? undefined
          : checks.filter((one): one is Check => one !== NO_CHECK && one.kind !== "gives"),
        gives: (node) => {
          const shape = checks.find((one): one is Gives => one !== NO_CHECK && one.kind === "gives");
          return shape?.sizes(node);
        },
      },
    ];
  }),
);

/** Largest values of fields that the schema enumerates; behind them a newer schema says what is meant. */
export const ENUMERATED: Readonly<Record<string, number>> = {
  padding: 1,
  fused_activation_function: 5,
  weights_format: 1,
  kernel_type: 1,
  mode: 1,
  composite_attributes_format: 0,
  ...Object.fromEntries(
    ["quantized_bias_type", "in_data_type", "out_data_type", "output_type", "out_type", "idx_out_type"].map((field) => [
      field,
      ELEMENT_BITS.length - 1,
    ]),
  ),
  key_dtype: ELEMENT_BITS.length - 1,
  value_dtype: ELEMENT_BITS.length - 1,
};

/** Custom operators whose code is TFLite's own (lite/core/kernels/register.cc) or its small sister's (micro_mutable_op_resolver.h). */
export interface CustomOperator extends Pick<Operator, "inputs" | "outputs" | "optional"> {
  /** Every option it has, and the least and most it may be; what is absent counts as 0, unless that is said. */
  readonly options: Readonly<Record<string, Bounds>>;
  readonly checks: readonly ((node: Node, options: ReadonlyMap<string, number>) => string | undefined)[];
}
type Bounds = readonly [least: number, most: number, absent?: number];
const ANY: Bounds = [-Infinity, Infinity];
const COUNT: Bounds = [1, 1e6];
const SHIFT: Bounds = [0, 31];

const custom = (
  inputs: number,
  outputs: number,
  options: CustomOperator["options"] = {},
  ...checks: CustomOperator["checks"]
): CustomOperator => ({
  inputs: arity(String(inputs)),
  outputs: arity(String(outputs)),
  optional: () => false,
  options,
  checks,
});

/** filter_bank.cc adds up so many numbers from each start, of what comes in and of the weights, on trust. */
const filterBank: CustomOperator["checks"][number] = (node, options) => {
  const channels = (options.get("num_channels") ?? 0) + 1;
  const [frequencies, weights, widths] = [3, 4, 5].map((input) => node.values(input, 2 ** 16));
  if (!frequencies || !weights || !widths) return "it takes its places from a tensor that the file does not fix";
  if ([frequencies, weights, widths].some((list) => list.length < channels))
    return `${channels - 1} channels, and places for fewer`;
  const [from, by] = [product(node.sizes(0)), Math.min(product(node.sizes(1)) ?? 0, product(node.sizes(2)) ?? 0)];
  const bad = widths
    .slice(0, channels)
    .findIndex(
      (width, i) =>
        width < 0 ||
        frequencies[i]! < 0 ||
        weights[i]! < 0 ||
        frequencies[i]! + width > (from ?? Infinity) ||
        weights[i]! + width > by,
    );
  return bad < 0 ? undefined : `channel ${bad} reads numbers that are not there`;
};

export const CUSTOM_OPERATORS: ReadonlyMap<string, CustomOperator> = new Map([
  ["NumericVerify", custom(2, 1, { tolerance: ANY, log_if_failed: ANY })],
  [
    "Mfcc",
    custom(2, 1, {
      upper_frequency_limit: [0, 1e9],
      lower_frequency_limit: [0, 1e9],
      filterbank_channel_count: COUNT,
      dct_coefficient_count: COUNT,
    }),
  ],
  ["AudioSpectrogram", custom(1, 1, { window_size: [2, 1e8], stride: [1, 1e8], magnitude_squared: ANY })],
  [
    "TFLite_Detection_PostProcess",
    custom(3, 4, {
      max_detections: COUNT,
      max_classes_per_detection: COUNT,
      detections_per_class: [1, 1e6, 100],
      use_regular_nms: ANY,
      nms_score_threshold: ANY,
      nms_iou_threshold: [Number.MIN_VALUE, 1],
      num_classes: COUNT,
      y_scale: [Number.MIN_VALUE, Infinity],
      x_scale: [Number.MIN_VALUE, Infinity],
      h_scale: [Number.MIN_VALUE, Infinity],
      w_scale: [Number.MIN_VALUE, Infinity],
      _output_quantized: ANY,
      _support_output_type_float_in_quantized_op: ANY,
    }),
  ],
  ["CIRCULAR_BUFFER", custom(1, 1, { cycles_max: [0, 1e6] })],
  ["SignalDelay", custom(1, 1, { delay_length: [0, 1e6] })],
  [
    "SignalEnergy",
    custom(1, 1, { end_index: [0, 1e6], start_index: [0, 1e6] }, (node, options) => {
      const [size, end] = [product(node.sizes(0)), options.get("end_index") ?? 0];
      // Pairs of a real and an imaginary part.
      return size !== undefined && 2 * end > size ? `it ends at pair ${end} of ${size / 2}` : undefined;
    }),
  ],
  ["SignalFftAutoScale", custom(1, 2)],
  ["SignalFilterBank", custom(6, 1, { num_channels: COUNT }, filterBank)],
  ["SignalFilterBankLog", custom(1, 1, { input_correction_bits: SHIFT, output_scale: ANY })],
  [
    "SignalFilterBankSpectralSubtraction",
    custom(
      1,
      2,
      {
        alternate_one_minus_smoothing: ANY,
        alternate_smoothing: ANY,
        clamping: ANY,
        min_signal_remaining: ANY,
        num_channels: COUNT,
        one_minus_smoothing: ANY,
        smoothing: ANY,
        smoothing_bits: SHIFT,
        spectral_subtraction_bits: SHIFT,
      },
      (node, options) => {
        const [size, channels] = [product(node.sizes(0)), options.get("num_channels") ?? 0];
        return size !== undefined && channels > size ? `${channels} channels of ${size} numbers` : undefined;
      },
    ),
  ],
  ["SignalFilterBankSquareRoot", custom(2, 1)],
  ["SignalFramer", custom(1, 2, { frame_size: COUNT, frame_step: COUNT, prefill: ANY })],
  ["SignalIrfft", custom(1, 1, { T: ANY, fft_length: COUNT })],
  ["SignalOverlapAdd", custom(1, 1, { T: ANY, frame_step: COUNT })],
  ["SignalPCAN", custom(3, 1, { snr_shift: SHIFT })],
  ["SignalRfft", custom(1, 1, { T: ANY, fft_length: COUNT })],
  [
    "SignalStacker",
    custom(1, 2, {
      num_channels: COUNT,
      stacker_left_context: [0, 1e6],
      stacker_right_context: [0, 1e6],
      stacker_step: COUNT,
    }),
  ],
  ["SignalWindow", custom(2, 1, { shift: SHIFT })],
]);
