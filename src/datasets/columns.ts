/** Columns of a table that hold labels: found by their names, read as numbers or words. */
import { readCsv } from "#formats/csv.ts";
import { FormatError } from "#formats/error.ts";
import type { Values } from "./evaluation-set.ts";

/** Usual names of a label column. */
export const LABELS = ["label", "labels", "y", "target", "class"];

/** The column of one of the names, in the order of the names, whatever its case. */
export function columnCalled(header: readonly string[] | undefined, names: readonly string[]): number | undefined {
  const lower = header?.map((name) => name.toLowerCase()) ?? [];
  const found = names.map((name) => lower.indexOf(name.toLowerCase())).find((column) => column >= 0);
  return found;
}

/** The label column of a table that holds nothing else of interest: by its name, else the last. */
export function labelColumn(bytes: Uint8Array, path: string): Values {
  let at = 0;
  const table = readCsv(bytes, {
    textColumns: (header, width) => {
      at = columnCalled(header, LABELS) ?? width - 1;
      return Array.from({ length: width }, (_, column) => column);
    },
  });
  const words = table.texts.get(at);
  if (!words) throw new FormatError("csv", 0, `${path} has no label column`, "name one column label");
  return valuesOf(words);
}

/** Words as whole numbers where all are such, as numbers where all are numbers, else as words. */
export function valuesOf(words: readonly string[]): Values {
  const shape = [words.length];
  if (words.every((word) => /^[+-]?\d{1,15}$/.test(word)))
    return { kind: "numbers", dtype: "int64", shape, values: Float64Array.from(words, Number) };
  if (words.every((word) => word === "" || /^nan$/i.test(word) || Number.isFinite(Number(word))))
    return {
      kind: "numbers",
      dtype: "float64",
      shape,
      values: Float64Array.from(words, (word) => (word === "" ? NaN : Number(word))),
    };
  return { kind: "strings", dtype: "string", shape, values: words };
}
