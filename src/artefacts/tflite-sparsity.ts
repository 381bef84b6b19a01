/**
 * Sparse TFLite tensors (SparsityParameters of schema.fbs, after TACO's formats; sparsity_format_converter.cc): where their values
 * belong, level by level. Runtimes follow segments and indices on trust.
 */
import type { FlatTable } from "#formats/flatbuffers.ts";

const [DENSE, CSR] = [0, 1];

export type Sparse =
  /** How many values there are. */
  | { readonly is: "read"; readonly values: number }
  /** `suspicious`: it contradicts itself or the shape; otherwise it is not read here. */
  | { readonly is: "suspicious" | "unknown"; readonly problem: string };

export function readSparsity(table: FlatTable, shape: readonly number[]): Sparse {
  const wrong = (problem: string): Sparse => ({ is: "suspicious", problem });
  const [order, map] = [table.numbers("traversal_order", Infinity), table.numbers("block_map", Infinity)];
  const levels = [...table.tables("dim_metadata")];
  const rank = shape.length;
  if (order.length !== rank + map.length || levels.length !== order.length)
    return wrong(
      `${levels.length} levels in an order of ${order.length}, for ${rank} dimensions and ${map.length} blocks`,
    );
  if (map.some((dimension, i) => !(dimension > (map[i - 1] ?? -1) && dimension < rank)))
    return wrong("blocks of dimensions that it does not have");
  if (
    new Set(order).size !== order.length ||
    order.some((one, i) => one < 0 || one >= (i < rank ? rank : order.length))
  )
    return wrong("an order that has a dimension twice, or one that is not there");
  if (order.slice(rank).some((one, i) => one !== rank + i))
    return { is: "unknown", problem: "blocks in another order than their dimensions, which readers take differently" };
  const sizes = [...shape, ...map.map((_, block) => levels[rank + block]?.number("dense_size") ?? 0)];
  for (const [block, dimension] of map.entries()) {
    const size = sizes[rank + block]!;
    if (size < 1 || shape[dimension]! % size !== 0)
      return wrong(`blocks of ${size} along dimension ${dimension}, which is ${shape[dimension]} long`);
    sizes[dimension] = shape[dimension]! / size;
  }
  let values = 1;
  for (const [at, level] of levels.entries()) {
    const size = sizes[order[at]!]!;
    const format = level?.number("format");
    if (!level || (format !== DENSE && format !== CSR))
      return { is: "unknown", problem: `level ${at} in a way that the schema does not name` };
    if (format === DENSE) {
      if (level.number("dense_size") !== size)
        return wrong(`level ${at} is ${level.number("dense_size")} long, and its dimension ${size}`);
      values *= size;
      continue;
    }
    const [segments, indices] = ["array_segments", "array_indices"].map(
      (list) => level.table(list)?.numbers("values", Infinity) ?? [],
    ) as [readonly number[], readonly number[]];
    if (segments.length !== values + 1)
      return wrong(`level ${at} has ${segments.length} ends of segments for ${values} of them`);
    if (
      segments[0] !== 0 ||
      segments.at(-1) !== indices.length ||
      segments.some((end, i) => end < (segments[i - 1] ?? 0))
    )
      return wrong(`level ${at} has segments that do not cover its ${indices.length} places in order`);
    const outside = indices.find((index) => !(index >= 0 && index < size));
    if (outside !== undefined) return wrong(`level ${at} leads to place ${outside} of ${size}`);
    values = indices.length;
  }
  return { is: "read", values };
}
