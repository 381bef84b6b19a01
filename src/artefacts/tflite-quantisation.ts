/**
 * How a TFLite tensor stands for other numbers: scales and zero points against its shape (ParseQuantization in
 * interpreter_builder.cc; lite/g3doc/performance/quantization_spec.md). Kernels index them by channel and divide by them.
 */
import type { FlatTable } from "#formats/flatbuffers.ts";

/** Least and most of the whole types that are quantised (TensorType). */
const WHOLE: Readonly<Record<number, readonly [least: number, most: number]>> = {
  3: [0, 255],
  7: [-32_768, 32_767],
  9: [-128, 127],
  17: [-8, 7],
  19: [-2, 1],
};

export interface Quantised {
  readonly type: number;
  readonly shape: readonly number[];
  /** Tensors of its graph. */
  readonly tensors: number;
}

/** What contradicts the tensor, and what nothing here reads; undefined where all fits. */
export function problemOfQuantisation(
  table: FlatTable,
  { type, shape, tensors }: Quantised,
): readonly [severity: "suspicious" | "unknown", problem: string] | undefined {
  const details = table.table("details");
  if (details) return problemOfDetails(details, shape, tensors);
  if (table.number("details_type") !== 0) return ["unknown", "is quantised in a way that it does not give"];
  const scales = table.numbers("scale", Infinity);
  const zeros = table.numbers("zero_point", Infinity);
  const dimension = table.number("quantized_dimension");
  if (scales.length === 0) return undefined;
  const strange = scales.find((scale) => !(Number.isFinite(scale) && scale >= 0));
  if (strange !== undefined) return ["suspicious", `has a scale of ${strange}`];
  if (zeros.length !== scales.length && zeros.length > 1)
    return ["suspicious", `has ${scales.length} scales and ${zeros.length} zero points`];
  // Biases keep the dimension of their weights (micro/models/person_detect.tflite); they have but one.
  const at = shape.length === 1 && scales.length === shape[0] ? 0 : dimension;
  if (at < 0 || (scales.length > 1 && at >= shape.length))
    return ["suspicious", `has scales for dimension ${dimension} of ${shape.length}`];
  if (scales.length > 1 && scales.length !== shape[at])
    return ["suspicious", `has ${scales.length} scales for dimension ${at}, which is ${shape[at]} long`];
  const [least, most] = WHOLE[type] ?? [-(2 ** 31), 2 ** 31 - 1];
  const outside = zeros.find((zero) => zero < least || zero > most);
  if (outside !== undefined) return ["suspicious", `has a zero point of ${outside}, which its type cannot be`];
  return undefined;
}

/** Scales that are tensors themselves: their places, and how the blocks divide the shape. */
function problemOfDetails(
  details: FlatTable,
  shape: readonly number[],
  tensors: number,
): readonly [severity: "suspicious" | "unknown", problem: string] | undefined {
  if (details.name === "CustomQuantization") return ["unknown", "is quantised in a way of somebody's own"];
  const many = details.name === "MultiAxisQuantization";
  const block = details.number("block_size");
  const [scales, zeros] = [details.number("scales"), details.number("zero_points")];
  if (!(scales >= 0 && scales < tensors) || !(zeros >= -1 && zeros < tensors))
    return ["suspicious", `has its scales in tensor ${scales} and its zero points in ${zeros}, of ${tensors}`];
  const along = many ? details.numbers("quantized_dimensions", Infinity) : [];
  const outside = along.find((dimension) => dimension < 0 || dimension >= shape.length);
  if (outside !== undefined) return ["suspicious", `has scales for dimension ${outside} of ${shape.length}`];
  const elements = shape.reduce((all, size) => all * size, 1);
  if (block < (many ? 0 : 1) || (block > 0 && elements % block !== 0))
    return ["suspicious", `is quantised in blocks of ${block}`];
  return many ? ["unknown", "has scales along several dimensions, which are not held against it here"] : undefined;
}

/** Of blocks whose places and size fit: whether there is a scale, and a zero point, for each. Undefined where all fits. */
export function problemOfBlocks(
  table: FlatTable,
  elements: number,
  countOf: (tensor: number) => number | undefined,
): string | undefined {
  const details = table.table("details");
  if (details?.name !== "BlockwiseQuantization") return undefined;
  const blocks = elements / Math.max(1, details.number("block_size"));
  const zeros = details.number("zero_points");
  for (const tensor of [details.number("scales"), ...(zeros < 0 ? [] : [zeros])]) {
    const count = countOf(tensor);
    if (count !== blocks) return `has ${blocks} blocks, and tensor ${tensor} holds ${count ?? "no"} numbers for them`;
  }
  return undefined;
}
