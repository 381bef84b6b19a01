/** Evaluation sets that are tables: one row per sample, one column of labels, perhaps one of units. */
import type { Diagnostic } from "#base/diagnostics.ts";
import type { Files } from "#base/ports.ts";
import { readCsv, type CsvTable } from "#formats/csv.ts";
import { FormatError } from "#formats/error.ts";
import { ELEMENTS_MAX } from "./arrays.ts";
import { columnCalled, LABELS, valuesOf } from "./columns.ts";
import type { RawSet } from "./evaluation-set.ts";
import { labelFile } from "./labels.ts";
import { digest, inputOf, reading, Refusal, UNITS, type DatasetSpec, type SourceFile } from "./sources.ts";

/** A table's samples, labels and units. Every cell that is no number is reported with its line. */
export async function tableSet(
  files: Files,
  spec: DatasetSpec,
  source: SourceFile,
  bytes: Uint8Array,
): Promise<RawSet> {
  const warnings: Diagnostic[] = [];
  const { path } = source;
  const separate = spec.labels === undefined ? undefined : await labelFile(files, spec.labels);
  let labelAt = -1;
  let unitsAt = -1;
  const table = await reading(path, () =>
    readCsv(bytes, {
      cellsMax: ELEMENTS_MAX,
      textColumns: (header, width) => {
        for (const name of [spec.keys?.y, spec.keys?.units])
          if (name !== undefined && columnCalled(header, [name]) === undefined)
            throw new FormatError(
              "csv",
              0,
              `it has no column "${name}"${header ? `; it has ${header.slice(0, 12).join(", ")}` : " (and no header line)"}`,
              "name a column that is there",
            );
        unitsAt = columnCalled(header, spec.keys?.units !== undefined ? [spec.keys.units] : UNITS) ?? -1;
        if (!separate) labelAt = columnCalled(header, spec.keys?.y !== undefined ? [spec.keys.y] : LABELS) ?? width - 1;
        return [labelAt, unitsAt].filter((column) => column >= 0);
      },
    }),
  );
  if (table.strangeCount > 0) throw new Refusal(...strangeCells(table, path));
  const features = Array.from({ length: table.width }, (_, column) => column).filter(
    (column) => column !== labelAt && column !== unitsAt,
  );
  if (!separate && columnCalled(table.header, spec.keys?.y !== undefined ? [spec.keys.y] : LABELS) === undefined)
    warnings.push({
      code: "W434",
      message: `${path}: no column is called ${LABELS.join(", ")}; the last one${table.header ? `, "${table.header[labelAt]}",` : ""} was taken for the labels`,
      hint: "name the label column in the header line",
    });
  if (features.length > 1 && isRowNumber(table, features[0]!)) {
    warnings.push({
      code: "W435",
      message: `${path}: the first column only numbers the rows and was left out`,
      hint: "save the table without its index",
    });
    features.shift();
  }
  if (features.length === 0)
    throw new Refusal({
      code: "E412",
      message: `${path}: wrong shape: no column is left for the samples beside the labels`,
      hint: separate ? "name the file that holds the samples" : "one column per feature, and one of labels",
    });
  const x = new Float64Array(table.rows * features.length);
  for (let row = 0; row < table.rows; row++)
    features.forEach((column, i) => (x[row * features.length + i] = table.numbers[row * table.width + column]!));
  const units = unitsAt < 0 ? undefined : table.texts.get(unitsAt)!;
  const inputs = [inputOf("data", source), ...(separate ? [inputOf("labels", separate.source)] : [])];
  return {
    place: path,
    x: { kind: "numbers", dtype: "float64", shape: [table.rows, features.length], values: x },
    y: separate?.y ?? valuesOf(table.texts.get(labelAt)!),
    ...(units && { units: { kind: "strings", dtype: "string", shape: [units.length], values: units } }),
    inputs,
    sha256: digest(inputs),
    ...(table.header && { featureNames: features.map((column) => table.header![column]!) }),
    layout: "NF",
    warnings,
  };
}

/** pandas writes its index as a nameless first column. */
function isRowNumber({ header, numbers, width, rows }: CsvTable, column: number): boolean {
  if (column !== 0 || !header || !/^(unnamed: 0)?$/i.test(header[0]!)) return false;
  const first = numbers[0]!;
  for (let row = 0; row < rows; row++) if (numbers[row * width] !== first + row) return false;
  return true;
}

function strangeCells({ strange, strangeCount, header }: CsvTable, path: string): Diagnostic[] {
  return strange.map(({ line, column, text }, i) => ({
    code: "E425" as const,
    message:
      `${path}: line ${line}, column ${header ? `"${header[column]}"` : column + 1}: ${JSON.stringify(text.slice(0, 40))} is no number` +
      (i === strange.length - 1 && strangeCount > strange.length
        ? ` (and ${strangeCount - strange.length} more such cells)`
        : ""),
    hint: "encode categories as numbers the way the system does before its model; leave an unknown value empty",
    span: { file: path, line, column: 1 },
  }));
}
