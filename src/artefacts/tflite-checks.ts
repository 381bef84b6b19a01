/**
 * What must hold of an operator of TFLite, as functions of it: parameters that decide over divisors, places in memory and how much is
 * made, and the shape of what it writes. What a kernel would refuse, or not notice, is told from tensorflow/lite/kernels and the
 * advisories of TensorFlow Lite (divisions by zero of CVE-2021-29585 to 29604, places outside of CVE-2020-15207 to 15214 and
 * CVE-2021-37681 to 37692).
 */
import { MADE_MAX } from "./limits.ts";
import { SMALL, type Node, type Tensor } from "./tflite-graph.ts";

export type Sizes = readonly (number | undefined)[];
export interface Check {
  /** A parameter that does not fit its operator or its tensors, or one that asks for too much. */
  readonly kind: "parameter" | "bomb";
  /** What does not hold; undefined where it holds, or where only running the model settles it. */
  readonly find: (node: Node) => string | undefined;
}
/** The shape of what the operator writes first, as far as its inputs and parameters say. */
export interface Gives {
  readonly kind: "gives";
  readonly sizes: (node: Node) => Sizes | undefined;
}

export const holds = (find: Check["find"]): Check => ({ kind: "parameter", find });
export const gives = (sizes: Gives["sizes"]): Gives => ({ kind: "gives", sizes });
type Count = (node: Node) => number | undefined;
/** How many elements come out, where constants say. */
export const makes = (count: Count): Check => ({
  kind: "bomb",
  find: (node) => {
    const elements = count(node);
    return elements !== undefined && elements > MADE_MAX
      ? `makes ${elements.toExponential(1)} elements out of constants alone`
      : undefined;
  },
});
export const product = (sizes: readonly (number | undefined)[] | undefined): number | undefined =>
  sizes === undefined || sizes.includes(undefined)
    ? undefined
    : (sizes as readonly number[]).reduce((all, size) => all * Math.abs(size), 1);
/** The same, where a size that is open counts as one. */
export const productSoFar = (sizes: readonly (number | undefined)[] | undefined): number =>
  product(sizes?.map((size) => size ?? 1)) ?? 1;
const shapeText = (sizes: Tensor["sizes"]): string => `[${(sizes ?? []).map((size) => size ?? "?").join(", ")}]`;

export const atLeast = (least: number, ...fields: readonly string[]): Check =>
  holds((node) => {
    const field = fields.find((one) => node.option(one) < least);
    return field && `${field} is ${node.option(field)}`;
  });
/** Kernels divide by these. */
export const positive = (...fields: readonly string[]): Check => atLeast(1, ...fields);
export const between = (field: string, least: number, most: number): Check =>
  holds((node) => {
    const value = node.option(field);
    return value < least || value > most ? `${field} is ${value}, and ${least} to ${most} are possible` : undefined;
  });
/** Inputs none of whose sizes is zero: kernels divide by them. */
export const noZero = (...inputs: readonly number[]): Check =>
  holds((node) => {
    const input = inputs.find((index) => node.sizes(index)?.includes(0));
    return input === undefined ? undefined : `input ${input} is of shape ${shapeText(node.sizes(input))}`;
  });
/** Numbers of an input that the file fixes lie between these; `most` may be open. */
export const numbers = (input: number, least: number, most: Count = () => undefined): Check =>
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
export const axis = (from: string | number, of: number, more = 0): Check =>
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
export const sizeAt =
  (of: number, from: string | number): Count =>
  (node) => {
    const sizes = node.sizes(of);
    const at = typeof from === "string" ? node.option(from) : node.values(from)?.[0];
    return sizes && at !== undefined ? sizes.at(at) : undefined;
  };
export const below =
  (count: Count): Count =>
  (node) => {
    const most = count(node);
    return most === undefined ? undefined : most - 1;
  };
export const first =
  (input: number): Count =>
  (node) =>
    node.values(input)?.[0];
export const size =
  (input: number, dimension: number): Count =>
  (node) =>
    node.sizes(input)?.at(dimension);
/** A field that says how many tensors there are. */
export const counts = (field: string, of: "inputs" | "outputs"): Check =>
  holds((node) =>
    node.option(field) === node[of].length
      ? undefined
      : `${field} is ${node.option(field)}, and the operator has ${node[of].length} ${of}`,
  );
/** A shape that an input says outright: no size of it is below zero, nor all of it too much. */
export const shaped = (input: number): readonly Check[] => [
  numbers(input, 0),
  makes((node) => product(node.values(input))),
  few(input),
];
/** A shape, or places in one, of more numbers than tensors have dimensions. */
export const few = (input: number): Check =>
  holds((node) => {
    const given = node.input(input);
    return given?.bytes && (product(given.sizes) ?? 0) > SMALL && node.values(input) === undefined
      ? `input ${input} has ${product(given.sizes)} numbers, and no tensor has so many dimensions`
      : undefined;
  });
/** One number for each of the channels that come out: kernels for small devices take it on trust. */
export const bias = (input: number, channels: Count): Check =>
  holds((node) => {
    const [given, wanted] = [product(node.sizes(input)), channels(node)];
    return given === undefined || wanted === undefined || given === wanted
      ? undefined
      : `a bias of ${given} numbers for ${wanted} channels`;
  });
/** Rows of places: each column within the size of its dimension. */
export const places = (input: number, sizes: (node: Node) => readonly (number | undefined)[] | undefined): Check =>
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
export const divisor = (input: number): Check =>
  holds((node) => {
    const whole = WHOLE.includes(node.input(input)?.type ?? 0);
    return whole && node.values(input)?.includes(0) ? "whole numbers are divided by zero" : undefined;
  });
/** TensorType. */
const BOOL = 6;
const WHOLE: readonly number[] = [2, 4, 7, 15, 16];
export const stride2d = ["stride_w", "stride_h"] as const;
export const dilation2d = ["dilation_w_factor", "dilation_h_factor"] as const;
export const pool: readonly Check[] = [positive(...stride2d, "filter_width", "filter_height")];

export const depthwise = holds((node) => {
  const [channels, out] = [node.sizes(0)?.at(-1), node.sizes(1)?.at(-1)];
  const times = node.option("depth_multiplier");
  return channels === undefined || out === undefined || channels * times === out
    ? undefined
    : `${channels} channels times a depth_multiplier of ${times} are not the ${out} of the filter`;
});
export const grouped = holds((node) => {
  const [channels, filter] = [node.sizes(0)?.at(-1), node.sizes(1)?.at(-1)];
  return channels === undefined || !filter || channels % filter === 0
    ? undefined
    : `${channels} channels do not divide into those of a filter of ${filter}`;
});
export const blocks = holds((node) => {
  const [channels, side] = [node.sizes(0)?.at(-1), node.option("block_size")];
  return channels === undefined || side < 1 || channels % side ** 2 === 0
    ? undefined
    : `${channels} channels do not divide into blocks of ${side}`;
});
/** What `new_shape`, or the second input in its place, makes of the first (reshape.cc). */
export const reshape = holds((node) => {
  const given = node.inputs.length > 1 ? node.values(1) : node.list("new_shape");
  // Old converters write a scalar as [0].
  if (!given || (given.length === 1 && given[0] === 0 && node.inputs.length < 2)) return undefined;
  if (given.length > SMALL) return `a shape of more than ${SMALL} dimensions`;
  if (given.filter((one) => one === -1).length > 1 || given.some((one) => one < -1))
    return `a shape of ${shapeText(given)}`;
  const [elements, made] = [product(node.sizes(0)), product(given)];
  if (elements === undefined || made === undefined) return undefined;
  const fits = given.includes(-1) ? (made === 0 ? false : elements % made === 0) : elements === made;
  return fits ? undefined : `${elements} elements become a shape of ${shapeText(given)}`;
});
export const permutation = holds((node) => {
  const [order, rank] = [node.values(1), node.sizes(0)?.length];
  if (!order) return undefined;
  const count = rank ?? order.length;
  return order.length === count && new Set(order.map((one) => (one < 0 ? one + count : one))).size === count
    ? undefined
    : `an order of ${shapeText(order)} for ${count} dimensions`;
});
export const paddings = (input: number, most: Count = () => undefined): readonly Check[] => [
  numbers(input, 0, most),
  few(input),
  makes((node) => {
    const [sizes, added] = [node.sizes(0), node.values(input)];
    return sizes && added
      ? product(sizes.map((one, i) => (one ?? 1) + (added[2 * i] ?? 0) + (added[2 * i + 1] ?? 0)))
      : undefined;
  }),
];
export const slice = holds((node) => {
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
export const strided = holds((node) => {
  const [begin, end, strides] = [node.values(1), node.values(2), node.values(3)];
  if (strides?.includes(0)) return "a stride is 0";
  const lengths = [begin, end, strides].filter((one) => one !== undefined).map((one) => one.length);
  return new Set(lengths).size > 1 ? `begins, ends and strides are ${lengths.join(" and ")} numbers` : undefined;
});
export const squeeze = holds((node) => {
  const [sizes, dropped] = [node.sizes(0), node.list("squeeze_dims")];
  if (dropped.length > 8) return `${dropped.length} dimensions to drop, and 8 are possible`;
  if (!sizes) return undefined;
  const bad = dropped.find((one) => one < -sizes.length || one >= sizes.length || (sizes.at(one) ?? 1) !== 1);
  return bad === undefined ? undefined : `it drops dimension ${bad} of ${shapeText(sizes)}`;
});
export const range: Check = makes((node) => {
  const [start, limit, step] = [first(0)(node), first(1)(node), first(2)(node)];
  return start === undefined || limit === undefined || !step ? undefined : Math.max(0, (limit - start) / step);
});
export const split = (tensor: number, dimension: number): Check =>
  holds((node) => {
    const [all, parts] = [sizeAt(tensor, dimension)(node), node.option("num_splits")];
    return all === undefined || parts < 1 || all % parts === 0 ? undefined : `${all} do not divide into ${parts} parts`;
  });
/** Blocks of places, and what is added around or cut off them. */
export const space: readonly Check[] = [numbers(1, 1), numbers(2, 0), few(1), few(2)];
/** The same where it is added: around all dimensions but the first. */
export const spaced: readonly Check[] = [
  ...space,
  makes((node) => {
    const [sizes, added] = [node.sizes(0), node.values(2)];
    return sizes && added
      ? productSoFar(sizes.map((one, i) => (one ?? 1) + (added[2 * i - 2] ?? 0) + (added[2 * i - 1] ?? 0)))
      : undefined;
  }),
];
export const tile: readonly Check[] = [
  numbers(1, 0),
  few(1),
  makes((node) => {
    const times = product(node.values(1));
    return times === undefined ? undefined : times * productSoFar(node.sizes(0));
  }),
];
export const resize: readonly Check[] = [
  numbers(1, 1),
  makes((node) => {
    const [to, sizes] = [product(node.values(1)), node.sizes(0)];
    return to === undefined ? undefined : to * (sizes?.[0] ?? 1) * (sizes?.[3] ?? 1);
  }),
  noZero(0),
];
export const segments: readonly Check[] = [
  numbers(1, 0, below(first(2))),
  numbers(2, 0),
  makes((node) => {
    const count = first(2)(node);
    return count === undefined ? undefined : count * productSoFar(node.sizes(0)?.slice(1));
  }),
];
export const mirrored: Count = (node) => {
  const sizes = node.sizes(0)?.filter((one) => one !== undefined);
  return sizes && sizes.length > 0 ? Math.max(...sizes) : undefined;
};
export const recurrent: readonly Check[] = [noZero(1, 2)];
export const given: Check = holds((node) => (node.options ? undefined : "no options say which graph it runs"));
export const skipGrams: readonly Check[] = [
  positive("ngram_size"),
  atLeast(0, "max_skip_size"),
  makes((node) => (node.option("max_skip_size") + 1) ** Math.max(0, node.option("ngram_size") - 1)),
];
export const gather: readonly Check[] = [
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
export const together = (from = 0): readonly [Check, Check, Gives] => [
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
export const alike = (from = 0): Check =>
  holds((node) => {
    const types = new Set(node.inputs.slice(from).map((_, i) => node.input(from + i)?.type));
    return types.size > 1 ? `its inputs are of types ${[...types].join(" and ")}, where one is expected` : undefined;
  });
/** What comes out is of the type of what goes in: kernels write as many bytes as they read. */
export const kept = (from = 0): Check =>
  holds((node) => {
    const [given, made] = [node.input(from)?.type, node.output(0)?.type];
    return given === undefined || made === undefined || given === made
      ? undefined
      : `it makes type ${made} of type ${given}`;
  });
/** Whether each is more or less than another. */
export const answers: Check = holds((node) =>
  (node.output(0)?.type ?? BOOL) === BOOL ? undefined : `its answer is of type ${node.output(0)?.type}`,
);
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
export const weighed = (input: number, weights: number, biases: number): Check =>
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
export const rows = holds((node) => {
  const [elements, from] = [product(node.sizes(0)), size(1, 1)(node)];
  return elements === undefined || !from || elements % from === 0
    ? undefined
    : `${elements} numbers do not divide into rows of ${from}`;
});
/** Rows of the first are as long as columns of the second. */
export const contracted = holds((node) => {
  const [left, right] = [node.sizes(0), node.sizes(1)];
  const [row, column] = [
    left?.at(node.option("adj_x") === 0 ? -1 : -2),
    right?.at(node.option("adj_y") === 0 ? -2 : -1),
  ];
  return row === undefined || column === undefined || row === column
    ? undefined
    : `rows of ${row} by columns of ${column}`;
});
export const same = gives((node) => node.sizes(0));
export const values = (input: number): Gives => gives((node) => node.values(input));
export const put = (sizes: Sizes | undefined, at: number | undefined, ...one: Sizes): Sizes | undefined =>
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
export const pooled = windows((node) => [node.option("filter_height"), node.option("filter_width")], size(0, 3));
export const filtered = (channels: Count): Gives => windows((node) => node.sizes(1)?.slice(1, 3), channels);
export const reduced = gives((node) => {
  const [sizes, dropped] = [node.sizes(0), node.values(1)];
  if (!sizes || !dropped) return undefined;
  const at = new Set(dropped.map((one) => (one < 0 ? one + sizes.length : one)));
  return node.option("keep_dims") === 0
    ? sizes.filter((_, i) => !at.has(i))
    : sizes.map((one, i) => (at.has(i) ? 1 : one));
});
export const connected = gives((node) => {
  const [elements, units, from] = [product(node.sizes(0)), size(1, 0)(node), size(1, 1)(node)];
  if (units === undefined || !from || node.option("weights_format") !== 0) return undefined;
  return elements === undefined || elements % from !== 0 ? undefined : [elements / from, units];
});
export const joined = gives((node) => {
  const shapes = inputsOf(node);
  const [first] = shapes ?? [];
  if (!shapes || !first || shapes.some((shape) => shape.length !== first.length)) return undefined;
  const at = node.option("axis") < 0 ? node.option("axis") + first.length : node.option("axis");
  const along = shapes.map((shape) => shape[at]);
  const all = along.includes(undefined) ? undefined : (along as readonly number[]).reduce((sum, one) => sum + one, 0);
  return at < first.length ? first.with(at, all) : undefined;
});
export const padded = gives((node) => {
  const [sizes, added] = [node.sizes(0), node.values(1)];
  return sizes && added?.length === 2 * sizes.length
    ? sizes.map((one, i) => one && one + added[2 * i]! + added[2 * i + 1]!)
    : undefined;
});
export const tiled = gives((node) => {
  const [sizes, times] = [node.sizes(0), node.values(1)];
  return sizes && times?.length === sizes.length ? sizes.map((one, i) => one && one * times[i]!) : undefined;
});
export const reshaped = gives((node) => {
  const [given, elements] = [node.inputs.length > 1 ? node.values(1) : node.list("new_shape"), product(node.sizes(0))];
  const rest = given?.reduce((all, one) => (one === -1 ? all : all * one), 1);
  if (!given || rest === undefined) return undefined;
  return given.map((one) => (one === -1 ? (elements === undefined || rest === 0 ? undefined : elements / rest) : one));
});
export const ordered = gives((node) => {
  const [sizes, order] = [node.sizes(0), node.values(1)];
  return sizes && order ? order.map((one) => sizes.at(one)) : undefined;
});
export const squeezed = gives((node) => {
  const [sizes, dropped] = [node.sizes(0), node.list("squeeze_dims")];
  if (!sizes || (dropped.length === 0 && sizes.includes(undefined))) return undefined;
  const at = new Set(dropped.map((one) => (one < 0 ? one + sizes.length : one)));
  return sizes.filter((one, i) => (dropped.length === 0 ? one !== 1 : !at.has(i)));
});
export const gathered = gives((node) => {
  const [sizes, at] = [node.sizes(0), node.option("axis")];
  const places = node.sizes(1);
  if (!sizes || !places || node.option("batch_dims") !== 0) return undefined;
  const axis = at < 0 ? at + sizes.length : at;
  return sizes.toSpliced(axis, 1, ...places);
});
export const taken = gives((node) => {
  const [sizes, begin, length] = [node.sizes(0), node.values(1), node.values(2)];
  return sizes && begin && length
    ? sizes.map((one, i) => (length[i] === -1 ? one && one - (begin[i] ?? 0) : length[i]))
    : undefined;
});
export const resized = gives((node) => {
  const [sizes, to] = [node.sizes(0), node.values(1)];
  return sizes?.length === 4 && to?.length === 2 ? [sizes[0], ...to, sizes[3]] : undefined;
});
/** Depth for height and width, or the other way. */
export const moved = (factor: (side: number) => number): Gives =>
  gives((node) => {
    const [sizes, times] = [node.sizes(0), factor(node.option("block_size"))];
    if (sizes?.length !== 4 || !Number.isFinite(times) || times === 0) return undefined;
    const [batch, height, width, depth] = sizes;
    return [batch, height && height * times, width && width * times, depth && depth / times ** 2];
  });
