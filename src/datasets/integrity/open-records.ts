/** From a path to records: read like an evaluation set, but what an evaluation would refuse stays in and is told. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import type { Files, Signal } from "#base/ports.ts";
import type { DataFinding, DataItem } from "#assessment/data.ts";
import { ELEMENTS_MAX } from "#datasets/arrays.ts";
import { columnCalled, LABELS, valuesOf } from "#datasets/columns.ts";
import type { Layout, RawSet, Values } from "#datasets/evaluation-set.ts";
import { IMAGE_BYTES_MAX, listedImages, relative } from "#datasets/image-folder.ts";
import { labelFile } from "#datasets/labels.ts";
import { rawSet, refusalOf } from "#datasets/open.ts";
import { digest, inputOf, reading, readSource, Refusal, UNITS, type DatasetSpec } from "#datasets/sources.ts";
import { tableSet } from "#datasets/table.ts";
import { readCsv } from "#formats/csv.ts";
import { FormatError } from "#formats/error.ts";
import { readImage, type Image } from "#formats/image.ts";
import { finding, counted } from "./check.ts";
import type { Column, Grid, Records, Rows } from "./records.ts";

export interface RecordsSpec extends DatasetSpec {
  /** Of an archive that holds both, the training arrays are meant. */
  readonly part?: "train";
}

export type OpenedRecords =
  | { readonly status: "opened"; readonly records: Records }
  | { readonly status: "refused"; readonly diagnostics: readonly Diagnostic[] };

const TRAINING_PAIRS = [
  ["x_train", "y_train"],
  ["train_images", "train_labels"],
  ["train_x", "train_y"],
] as const;

/** What a table or a folder of images brings beside its arrays. */
interface Extras {
  columns?: readonly Column[];
  names?: readonly string[];
  words?: Set<number>;
  seen: DataFinding[];
}

/**
 * Opens a data set for the checks: whatever `openDataset` opens, and also tables with categories, missing cells and cells of mixed type,
 * values that are NaN or infinite, labels that are no classes, and folders whose images differ in size. Diagnostics say what cannot
 * be read at all. Throws only what the signal throws, and our own mistakes.
 */
export async function openRecords(
  files: Files,
  spec: RecordsSpec,
  options: { readonly signal?: Signal } = {},
): Promise<OpenedRecords> {
  try {
    const { raw, extras } = await read(files, spec, options.signal);
    return { status: "opened", records: recordsOf(raw, spec, extras) };
  } catch (error) {
    return { status: "refused", diagnostics: refusalOf(error) };
  }
}

async function read(
  files: Files,
  spec: RecordsSpec,
  signal: Signal | undefined,
): Promise<{ raw: RawSet; extras: Extras }> {
  let extras: Extras = { seen: [] };
  const as = (wanted: DatasetSpec): Promise<RawSet> => {
    extras = { seen: [] };
    return rawSet(files, wanted, signal, {
      table: (...asked) => table(extras, ...asked),
      images: (...asked) => images(extras, ...asked),
    });
  };
  if (spec.part === "train" && spec.keys === undefined && /\.npz$/i.test(spec.path))
    for (const [x, y] of TRAINING_PAIRS)
      try {
        return { raw: await as({ ...spec, keys: { x, y } }), extras };
      } catch (error) {
        // Another pair of names, then the usual ones.
        if (!(error instanceof Refusal && error.diagnostics[0]?.code === "E406")) throw error;
      }
  return { raw: await as(spec), extras };
}

/** From this share of numbers on a column is one of numbers, and its words are faults. */
const MOSTLY = 0.9;

async function table(extras: Extras, ...asked: Parameters<typeof tableSet>): Promise<RawSet> {
  try {
    const raw = await tableSet(...asked);
    extras.columns = (raw.featureNames ?? []).map((name) => ({ name }));
    return raw;
  } catch (error) {
    if (!(error instanceof Refusal && error.diagnostics.some(({ code }) => code === "E425"))) throw error;
  }
  const [files, spec, source, bytes] = asked;
  const { path } = source;
  const separate = spec.labels === undefined ? undefined : await labelFile(files, spec.labels);
  let [labelAt, unitsAt] = [-1, -1];
  const { header, width, rows, texts } = await reading(path, () =>
    readCsv(bytes, {
      cellsMax: ELEMENTS_MAX,
      textColumns: (header, width) => {
        unitsAt = columnCalled(header, spec.keys?.units !== undefined ? [spec.keys.units] : UNITS) ?? -1;
        if (!separate) labelAt = columnCalled(header, spec.keys?.y !== undefined ? [spec.keys.y] : LABELS) ?? width - 1;
        return Array.from({ length: width }, (_, column) => column);
      },
    }),
  );
  const features = Array.from({ length: width }, (_, at) => at).filter((at) => at !== labelAt && at !== unitsAt);
  const x = new Float64Array(rows * features.length);
  extras.columns = features.map((at, column): Column => {
    const name = header?.[at] || `column ${at + 1}`;
    const cells = texts.get(at)!;
    const values = valuesOf(cells);
    const put = (value: (cell: string) => number): void =>
      cells.forEach((cell, row) => (x[row * features.length + column] = value(cell)));
    if (values.kind === "numbers") {
      const numbers = values.values as ArrayLike<number>;
      for (let row = 0; row < rows; row++) x[row * features.length + column] = numbers[row]!;
      return { name };
    }
    const missing = (cell: string): boolean => /^(|nan|na|n\/a|null|\?)$/i.test(cell);
    const isNumber = (cell: string): boolean => !missing(cell) && Number.isFinite(Number(cell));
    const numbers = cells.filter(isNumber).length;
    const words = cells.filter((cell) => !missing(cell) && !isNumber(cell)).length;
    if (words === 0 || numbers / (numbers + words) >= MOSTLY) {
      put((cell) => (isNumber(cell) ? Number(cell) : NaN));
      const items: DataItem[] = cells.flatMap((cell, sample) =>
        missing(cell) || isNumber(cell) ? [] : [{ sample, given: `${name}: ${cell.slice(0, 40)}` }],
      );
      if (words > 0) {
        const places = (extras.words ??= new Set());
        cells.forEach((cell, row) => {
          if (!missing(cell) && !isNumber(cell)) places.add(row * features.length + column);
        });
        extras.seen.push(
          finding(
            "mixed-type",
            "fault",
            `${counted(words, "cell")} of "${name}" ${words === 1 ? "is a word" : "are words"} among numbers`,
            {
              count: words,
              of: rows,
              unit: "cells",
              items,
            },
          ),
        );
      }
      return { name };
    }
    const mixed = numbers >= words;
    if (numbers > 0)
      extras.seen.push(
        finding(
          "mixed-type",
          "doubt",
          `"${name}" mixes ${counted(words, "word")} with ${counted(numbers, "number")}; it was taken for a category`,
          {
            count: mixed ? words : numbers,
            of: rows,
            unit: "cells",
            items: cells.flatMap((cell, sample) =>
              !missing(cell) && isNumber(cell) !== mixed ? [{ sample, given: `${name}: ${cell.slice(0, 40)}` }] : [],
            ),
          },
        ),
      );
    const categories = [...new Set(cells.filter((cell) => !missing(cell)))].toSorted();
    const code = new Map(categories.map((category, i) => [category, i]));
    put((cell) => code.get(cell) ?? NaN);
    return { name, categories, ...(mixed && { mixed }) };
  });
  const units = unitsAt < 0 ? undefined : texts.get(unitsAt)!;
  const inputs = [inputOf("data", source), ...(separate ? [inputOf("labels", separate.source)] : [])];
  return {
    place: path,
    x: { kind: "numbers", dtype: "float64", shape: [rows, features.length], values: x },
    y: separate?.y ?? valuesOf(texts.get(labelAt)!),
    ...(units && { units: { kind: "strings" as const, dtype: "string", shape: [units.length], values: units } }),
    inputs,
    sha256: digest(inputs),
    layout: "NF",
    warnings: [],
  };
}

async function images(extras: Extras, files: Files, spec: DatasetSpec, signal: Signal | undefined): Promise<RawSet> {
  const { labelled, inputs: others } = await listedImages(files, spec);
  const read: { image: Image; label: string; unit: string | undefined; path: string }[] = [];
  const all: { path: string; sha256: string }[] = [];
  let bytes = 0;
  const broken: DataItem[] = [];
  for (const [sample, { path, label, unit }] of labelled.entries()) {
    signal?.throwIfAborted();
    if (((await files.stat(path))?.size ?? 0) > IMAGE_BYTES_MAX) {
      broken.push({ sample, file: path, given: "too large for an image" });
      continue;
    }
    const source = await readSource(files, path);
    all.push({ path: relative(spec.path, path), sha256: source.sha256 });
    bytes += source.bytes.length;
    try {
      const image = await readImage(source.bytes);
      read.push({ image, label, unit, path });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      broken.push({ sample, file: path, given: error.problem });
    }
  }
  if (broken.length > 0)
    extras.seen.push(
      finding(
        "unreadable-image",
        "fault",
        `${counted(broken.length, "image")} cannot be read and ${broken.length === 1 ? "is" : "are"} in no other check`,
        {
          count: broken.length,
          of: labelled.length,
          unit: "images",
          items: broken,
        },
      ),
    );
  const sizes = Map.groupBy(read, ({ image }) => sizeOf(image));
  const [usual, kept] = [...sizes].toSorted((a, b) => b[1].length - a[1].length)[0] ?? ["", []];
  if (kept.length === 0)
    throw new Refusal({
      code: "E411",
      message: `${spec.path}: it holds no image that can be read`,
      hint: "name a folder of PNG or JPEG images",
    });
  const odd = read.filter(({ image }) => sizeOf(image) !== usual);
  if (odd.length > 0)
    extras.seen.push(
      finding(
        "image-size",
        "fault",
        `${counted(odd.length, "image")} ${odd.length === 1 ? "is" : "are"} not ${usual} like the others, and in no other check`,
        {
          count: odd.length,
          of: read.length,
          unit: "images",
          items: odd.map((one) => ({
            sample: read.indexOf(one),
            file: one.path,
            given: sizeOf(one.image),
            expected: usual,
          })),
        },
      ),
    );
  extras.names = kept.map(({ path }) => path);
  const { height, width, channels } = kept[0]!.image;
  const size = height * width * channels;
  if (kept.length * size > ELEMENTS_MAX)
    throw new Refusal({
      code: "E412",
      message: `${spec.path}: ${kept.length} images of ${usual} are more than ${ELEMENTS_MAX} numbers`,
      hint: "check them in parts, or scaled down",
    });
  const x = new Float32Array(kept.length * size);
  kept.forEach(({ image }, i) => x.set(image.samples, i * size));
  const units = kept.map(({ unit }) => unit);
  const inputs = [
    {
      role: "data" as const,
      path: spec.path,
      sha256: hashOf(all),
      size: bytes,
    },
    ...others,
  ];
  return {
    place: spec.path,
    x: {
      kind: "numbers",
      dtype: "uint8",
      shape: [kept.length, height, width, ...(channels === 1 ? [] : [channels])],
      values: x,
    },
    y: valuesOf(kept.map(({ label }) => label)),
    ...(units.every((unit) => unit !== undefined) && {
      units: { kind: "strings" as const, dtype: "string", shape: [units.length], values: units },
    }),
    inputs,
    sha256: digest(inputs),
    layout: channels === 1 ? "NHW" : "NHWC",
    warnings: [],
  };
}

const sizeOf = ({ width, height, channels, maximum }: Image): string =>
  `${width} × ${height} ${channels === 1 ? "grey" : "colour"}${maximum === 65535 ? " 16 bit" : ""}`;

function recordsOf(raw: RawSet, spec: DatasetSpec, { columns, names, words, seen }: Extras): Records {
  const { place, x } = raw;
  const [n = 0, ...shape] = x.shape;
  if (x.kind === "strings")
    throw new Refusal({
      code: "E410",
      message: `${place}: the samples are text, not numbers`,
      hint: "save categories as a .csv table, or encode them",
    });
  if (n === 0 || shape.length === 0 || shape.includes(0))
    throw new Refusal({
      code: n === 0 || shape.includes(0) ? "E411" : "E412",
      message: `${place}: no samples with features: its shape is (${x.shape.join(", ")})`,
      hint: "save n samples as an array of shape (n, features) or (n, height, width[, channels])",
    });
  const size = shape.reduce((product, length) => product * length, 1);
  const grid = gridOf(shape, spec.layoutHint ?? raw.layout, x);
  const labels = labelsOf(raw, n, spec);
  const units = raw.units && Array.from(raw.units.values as ArrayLike<number | string>, String);
  if (units && units.length !== n)
    throw new Refusal({
      code: "E419",
      message: `${place}: ${units.length} unit ids for ${n} samples`,
      hint: "give one unit per sample, in the same order",
    });
  return {
    place,
    sha256: raw.sha256,
    bytes: raw.inputs.reduce((sum, input) => sum + input.size, 0),
    inputs: raw.inputs,
    n,
    shape,
    size,
    x: rowsOf(x),
    ...(grid && { grid }),
    ...(columns && columns.length === size && !grid && { columns }),
    ...(words && { words }),
    ...(names && { names }),
    ...labels,
    ...(units && { units }),
    seen: [...seen, ...labels.seen],
  };
}

/** Values in an element type of their own, without negative zeros, which equal zero and have other bits. */
function rowsOf({ values, shape, dtype }: Values): Rows {
  const numbers = values as ArrayLike<number>;
  const narrow =
    /^(u?int8|u?int16|float16|float32|bool)$/.test(dtype) || (shape.length > 2 && !dtype.startsWith("float"));
  const rows = narrow ? new Float32Array(numbers.length) : new Float64Array(numbers.length);
  for (let i = 0; i < rows.length; i++) rows[i] = numbers[i]! + 0;
  return rows;
}

/** Side from which two axes without channels are taken for an image, where their values are whole numbers. */
const SIDE_MIN = 8;

function gridOf(shape: readonly number[], layout: Layout | undefined, { values }: Values): Grid | undefined {
  const channel = (length: number | undefined): boolean => length === 1 || length === 3 || length === 4;
  if (layout === "NF" || layout === "NTF") return undefined;
  if (shape.length === 3) {
    const [a, b, c] = shape as [number, number, number];
    if (layout === "NCHW" || (layout !== "NHWC" && channel(a) && !channel(c)))
      return { height: b, width: c, channels: a, planes: true };
    return layout === "NHWC" || channel(c) ? { height: a, width: b, channels: c, planes: false } : undefined;
  }
  if (shape.length !== 2) return undefined;
  const [height, width] = shape as [number, number];
  const numbers = values as ArrayLike<number>;
  // A missing or infinite pixel is a fault of the image, and told as one: it does not make a table of the rest.
  let [whole, pixels] = [true, 0];
  for (let i = 0; whole && i < Math.min(numbers.length, 10_000); i++) {
    if (!Number.isFinite(numbers[i])) continue;
    pixels++;
    whole = Number.isInteger(numbers[i]) && numbers[i]! >= 0;
  }
  whole &&= pixels > 0;
  return layout === "NHW" || (height >= SIDE_MIN && width >= SIDE_MIN && whole)
    ? { height, width, channels: 1, planes: false }
    : undefined;
}

/** Real labels with more different values than this are taken for numbers, as for evaluation sets. */
const CLASSES_GUESSED_MAX = 100;

function labelsOf(
  { place, y, classNames: given }: RawSet,
  n: number,
  { classes: declared, target }: DatasetSpec,
): Pick<Records, "y" | "classes" | "classNames" | "seen"> {
  const none = { classes: 0, seen: [] };
  if ((y.shape[0] ?? 0) !== n)
    throw new Refusal({
      code: "E415",
      message: `${place}: ${y.shape[0] ?? 0} labels for ${n} samples`,
      hint: "labels and samples must be in the same order and of the same number",
    });
  const per = y.shape.slice(1).reduce((product, length) => product * length, 1);
  const names = declared ?? given;
  const strange = (items: DataItem[], what: string): DataFinding[] =>
    items.length === 0
      ? []
      : [
          finding(
            "label-outside-classes",
            "fault",
            `${counted(items.length, "label")} ${items.length === 1 ? "is" : "are"} ${what}`,
            {
              count: items.length,
              of: n,
              unit: "labels",
              items,
            },
          ),
        ];
  const among = names && `none of the ${names.length} classes`;
  if (y.kind === "strings") {
    if (per !== 1) return none;
    const words = y.values as readonly string[];
    const known = names ?? [...new Set(words.filter((word) => word !== ""))].toSorted();
    const index = new Map(known.map((name, i) => [name, i]));
    const labels = Int32Array.from(words, (word) => index.get(word) ?? -1);
    const items = words.flatMap((word, sample) => (index.has(word) ? [] : [{ sample, given: word }]));
    return { y: labels, classes: known.length, classNames: known, seen: strange(items, among ?? "missing") };
  }
  const values = y.values as ArrayLike<number>;
  if (per !== 1) {
    const hot = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      let at = -1;
      for (let k = 0; k < per; k++) {
        const value = values[i * per + k]!;
        if (value === 0) continue;
        if (value !== 1 || at >= 0) return none;
        at = k;
      }
      if (at < 0) return none;
      hot[i] = at;
    }
    return { y: hot, classes: per, ...(names && { classNames: names }), seen: [] };
  }
  const different = new Set<number>();
  let whole = true;
  for (let i = 0; i < n; i++) {
    const value = values[i]!;
    if (Number.isFinite(value) && !Number.isInteger(value)) whole = false;
    if (different.size <= CLASSES_GUESSED_MAX) different.add(value);
  }
  const asClass =
    target === "class" ||
    (target !== "number" &&
      (names !== undefined || (whole && (!y.dtype.startsWith("float") || different.size <= CLASSES_GUESSED_MAX))));
  if (!asClass) return none;
  let end = names?.length ?? 0;
  if (!names) for (let i = 0; i < n; i++) if (Number.isInteger(values[i]) && values[i]! >= end) end = values[i]! + 1;
  const items: DataItem[] = [];
  const labels = Int32Array.from({ length: n }, (_, sample) => {
    const value = values[sample]!;
    if (Number.isInteger(value) && value >= 0 && value < end) return value;
    items.push({ sample, given: String(value) });
    return -1;
  });
  return {
    y: labels,
    classes: end,
    ...(names && { classNames: names }),
    seen: strange(items, among ?? "no class index"),
  };
}
