/** A data set as the integrity checks take it: with its gaps and oddities still in it, unlike an evaluation set. */
import type { DataFinding } from "#assessment/data.ts";
import type { InputFile } from "#datasets/evaluation-set.ts";

export interface Column {
  readonly name: string;
  /** The words of a category by their code; absent for numbers. */
  readonly categories?: readonly string[];
  /** Most of the categories' cells are numbers: words among them made it a category. */
  readonly mixed?: true;
}

/** Where the pixels of an image lie in its row. */
export interface Grid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Channels come first (NCHW), not last. */
  readonly planes: boolean;
}

export type Rows = Float32Array | Float64Array;

export interface Records {
  readonly place: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly inputs: readonly InputFile[];
  readonly n: number;
  /** Shape of one sample, and its elements. */
  readonly shape: readonly number[];
  readonly size: number;
  /** n × size, row-major; NaN where a value is missing, codes where a column holds categories. */
  readonly x: Rows;
  /** Places in x of words among numbers: NaN there, told in `seen`, and not missing. */
  readonly words?: ReadonlySet<number>;
  /** Present where samples are images. */
  readonly grid?: Grid;
  /** Present where samples are rows of a table with named or typed columns. */
  readonly columns?: readonly Column[];
  /** Class index per sample, −1 where a label is missing or no class; absent where labels are no classes. */
  readonly y?: Int32Array;
  /** As many as y has classes, declared or seen. */
  readonly classes: number;
  readonly classNames?: readonly string[];
  readonly units?: readonly string[];
  /** The file of each sample, where samples are files. */
  readonly names?: readonly string[];
  /** What reading already found: cells of mixed type, images of another size, labels that are no classes. */
  readonly seen: readonly DataFinding[];
}

export const className = ({ classNames }: Pick<Records, "classNames">, label: number): string =>
  label < 0 ? "none" : (classNames?.[label] ?? String(label));

export const columnName = ({ columns }: Pick<Records, "columns">, column: number): string =>
  columns?.[column]?.name ?? `feature ${column}`;

/** The rows at these places, in their order, as records of their own. */
export function pick(records: Records, at: ArrayLike<number>): Records {
  // Places of words are those of the whole.
  const kept = { ...records };
  delete (kept as { words?: unknown }).words;
  const { size, x, y, units, names } = records;
  const n = at.length;
  const rows = x instanceof Float32Array ? new Float32Array(n * size) : new Float64Array(n * size);
  for (let i = 0; i < n; i++) rows.set(x.subarray(at[i]! * size, (at[i]! + 1) * size) as never, i * size);
  return {
    ...kept,
    n,
    x: rows,
    ...(y && { y: Int32Array.from({ length: n }, (_, i) => y[at[i]!]!) }),
    ...(units && { units: Array.from({ length: n }, (_, i) => units[at[i]!]!) }),
    ...(names && { names: Array.from({ length: n }, (_, i) => names[at[i]!]!) }),
  };
}

/** Samples per class. */
export function classCounts({ y, classes }: Records): Int32Array {
  const counts = new Int32Array(classes);
  if (y) for (const label of y) if (label >= 0) counts[label]!++;
  return counts;
}
