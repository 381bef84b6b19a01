/** Rows and what belongs to them, packed in their order: picking them out, closing up where some left, ranking their classes. */
import { type Goal, hasLabels } from "./goals.ts";
import type { Arena, Climb } from "./harness.ts";

type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

/** The rows' points, packed. */
export function gather(points: Float32Array, rows: Int32Array, size: number): Float32Array {
  const packed = new Float32Array(rows.length * size);
  for (let k = 0; k < rows.length; k++) {
    const at = rows[k]! * size;
    packed.set(points.subarray(at, at + size), k * size);
  }
  return packed;
}

/**
 * Moves what belongs to the `open` of the `rows` to the front, in place: `wide` holds `size` values per row, `narrow` one.
 * Both lists of rows are in the same order.
 */
export function closeUp(
  rows: Int32Array,
  open: Int32Array,
  size: number,
  wide: readonly Numbers[],
  narrow: readonly Numbers[],
): void {
  if (open.length === rows.length) return;
  let to = 0;
  for (let from = 0; from < rows.length && to < open.length; from++) {
    if (rows[from] !== open[to]) continue;
    if (from !== to) {
      for (const array of wide) array.copyWithin(to * size, from * size, (from + 1) * size);
      for (const array of narrow) array[to] = array[from]!;
    }
    to++;
  }
}

/** What each open row may be sent to: the target of a targeted goal, else the wrong classes, the most likely at the sample first. */
export async function runnersUp(arena: Arena): Promise<ReadonlyMap<number, readonly number[]>> {
  const { goal, outputs, size } = arena;
  const rows = arena.open();
  if (goal.kind === "targeted") return new Map(Array.from(rows, (row) => [row, [goal.target[row]!]]));
  if (!hasLabels(goal)) throw new Error(`the goal \`${goal.kind}\` has no classes to aim at`);
  const { logits } = await arena.score(rows, gather(arena.region.centre, rows, size));
  const ranking = new Map<number, number[]>();
  rows.forEach((row, k) => {
    const at = k * outputs;
    const classes = Array.from({ length: outputs }, (_, j) => j).filter((j) => j !== goal.label[row]);
    ranking.set(
      row,
      classes.sort((a, b) => logits[at + b]! - logits[at + a]! || a - b),
    );
  });
  return ranking;
}

/** The objectives that `towards` climbs. */
export const TOWARDS = ["margin", "targeted-margin", "unsafe", "flip", "deviation"] as const;

/** The objective that is above 0 where the goal is reached, and below it elsewhere. */
export function towards(goal: Goal, rows: Int32Array): Climb {
  if (goal.kind === "untargeted") return { kind: "margin" };
  if (goal.kind === "targeted") return { kind: "targeted-margin", target: rows.map((row) => goal.target[row]!) };
  return { kind: goal.kind };
}
