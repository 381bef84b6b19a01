/** An evaluation set and the checks that stand between a file and a number somebody will cite. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { nearest } from "#base/diagnostics.ts";
import type { InputContract } from "#assessment/system.ts";

export type Layout = NonNullable<InputContract["layout"]>;

/** What the author says about the data; the file is held to it. */
export interface Declared {
  /** Axis order of the samples, batch first. For image files: how they are handed on. */
  readonly layoutHint?: Layout;
  readonly classes?: readonly string[];
  /** Lowest and highest raw value an input can have. */
  readonly declaredRange?: readonly [low: number, high: number];
  /** Shape of one sample, where it is known (from the model); -1 for a free size. */
  readonly sampleShape?: readonly number[];
  /** Whether targets are class indices or real numbers; absent: decided by the element type and the values. */
  readonly target?: "class" | "number";
}

/** A file, or a folder taken as one, that the set was read from. */
export interface InputFile {
  readonly role: "data" | "labels" | "units";
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

export interface EvaluationSet {
  /** Raw values, n × size, row-major, in the file's own layout and units. */
  readonly x: Float32Array;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Elements of one sample. */
  readonly sampleSize: number;
  readonly n: number;
  /** Class indices (Int32Array) or real targets (Float64Array), one per sample. */
  readonly y: Int32Array | Float64Array;
  /** The independent unit each sample belongs to (patient, track), where the data say so. */
  readonly units?: readonly string[];
  /** Lowest and highest value seen. */
  readonly range: { readonly low: number; readonly high: number };
  /** Every value is a whole number. */
  readonly integer: boolean;
  /** Of the raw bytes read: of the one file, or of the list of files with their hashes. */
  readonly sha256: string;
  /** Bytes read. */
  readonly size: number;
  readonly inputs: readonly InputFile[];
  /** Names of the classes by index, where author or file gives them. */
  readonly classNames?: readonly string[];
  /** Names of the features of a table, in order. */
  readonly featureNames?: readonly string[];
  readonly layout?: Layout;
  /** Samples that equal an earlier one element by element. */
  readonly duplicates: number;
  /** Per sample, the first one that it equals; absent where none repeats another. */
  readonly firstAlike?: Int32Array;
  readonly warnings: readonly Diagnostic[];
}

export type OpenedDataset =
  | { readonly status: "opened"; readonly set: EvaluationSet }
  | { readonly status: "refused"; readonly diagnostics: readonly Diagnostic[] };

/** Values with their shape as a file holds them. */
export interface Values {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: ArrayLike<number> | readonly string[];
  readonly kind: "numbers" | "strings";
}

/** What the readers hand to the checks. `place` names the data in messages. */
export interface RawSet {
  readonly place: string;
  readonly x: Values;
  readonly y: Values;
  readonly units?: Values;
  readonly inputs: readonly InputFile[];
  readonly sha256: string;
  readonly layout?: Layout;
  /** Names by index that the files themselves give (folder names). */
  readonly classNames?: readonly string[];
  readonly featureNames?: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/** Ratio of the most to the least frequent class above which a note is due; ours. */
const IMBALANCE = 10;
/** Float labels with more different values than this are taken for real numbers. */
const CLASSES_GUESSED_MAX = 100;
/** Below this share of the declared range the data look scaled differently than declared. */
const SUSPICIOUSLY_NARROW = 0.02;

const RANKS: Readonly<Record<Layout, number>> = { NCHW: 4, NHWC: 4, NHW: 3, NF: 2, NTF: 3 };

/** Holds raw arrays to what was declared; every problem is reported, not only the first. */
export function checkedSet(raw: RawSet, declared: Declared): OpenedDataset {
  const problems: Diagnostic[] = [];
  const warnings: Diagnostic[] = [...raw.warnings];
  const { place } = raw;

  const samples = checkedSamples(raw.x, place, declared, problems);
  if (!samples) return { status: "refused", diagnostics: problems };
  const { n, shape, sampleSize } = samples;

  const labels = checkedLabels(raw, n, declared, problems, warnings);
  const units = checkedUnits(raw, n, problems);
  const seen = scan(samples, place, declared, problems, warnings);
  const layout = checkedLayout(samples, place, declared.layoutHint, raw.layout, problems, warnings);

  if (problems.length > 0 || !labels) return { status: "refused", diagnostics: problems };
  const { duplicates, contradictory, firstAlike } = countDuplicates(samples, labels.y);
  if (duplicates > 0)
    warnings.push({
      code: "W431",
      message:
        `${place}: ${duplicates} of ${n} samples repeat an earlier one exactly` +
        (contradictory > 0 ? `, ${contradictory} of them with a different label` : ""),
      hint: "repeated samples are not independent, and each is tried once",
    });
  if (labels.y instanceof Int32Array)
    warnings.push(...imbalance(labels.y, labels.classNames, declared.classes?.length, place));

  return {
    status: "opened",
    set: {
      x: samples.x,
      shape,
      sampleSize,
      n,
      y: labels.y,
      ...(units && { units }),
      range: seen.range,
      integer: seen.integer,
      sha256: raw.sha256,
      size: raw.inputs.reduce((sum, input) => sum + input.size, 0),
      inputs: raw.inputs,
      ...(labels.classNames && { classNames: labels.classNames }),
      ...(raw.featureNames && { featureNames: raw.featureNames }),
      ...(layout && { layout }),
      duplicates,
      ...(duplicates > 0 && { firstAlike }),
      warnings,
    },
  };
}

interface Samples {
  readonly x: Float32Array;
  readonly source: ArrayLike<number>;
  readonly n: number;
  readonly shape: readonly number[];
  readonly sampleSize: number;
}

function checkedSamples(x: Values, place: string, declared: Declared, problems: Diagnostic[]): Samples | undefined {
  if (x.kind === "strings") {
    problems.push({
      code: "E410",
      message: `${place}: the samples are text, not numbers`,
      hint: "encode them as numbers first; which model would read text is told apart elsewhere",
    });
    return undefined;
  }
  const [n, ...shape] = x.shape;
  if (n === 0 || x.shape.includes(0)) {
    problems.push({
      code: "E411",
      message: `${place}: it is empty (shape ${shapeText(x.shape)})`,
      hint: "nothing can be measured on no samples: name the file that holds the evaluation data",
    });
    return undefined;
  }
  if (n === undefined || shape.length === 0) {
    problems.push({
      code: "E412",
      message: `${place}: wrong shape ${shapeText(x.shape)}: samples need an axis of their own before their features`,
      hint: "save n samples as an array of shape (n, features) or (n, height, width[, channels])",
    });
    return undefined;
  }
  const wanted = declared.sampleShape;
  if (wanted && !sameShape(shape, wanted))
    problems.push({
      code: "E412",
      message: `${place}: wrong shape: one sample is ${shapeText(shape)}, expected ${shapeText(wanted)}`,
      hint: "reshape or transpose the array, or correct the declared input",
    });
  const values = x.values as ArrayLike<number>;
  return {
    x: values instanceof Float32Array ? values : Float32Array.from(values),
    source: values,
    n,
    shape,
    sampleSize: shape.reduce((product, size) => product * size, 1),
  };
}

const sameShape = (shape: readonly number[], wanted: readonly number[]): boolean =>
  shape.length === wanted.length && shape.every((size, i) => wanted[i]! < 0 || wanted[i] === size);

const shapeText = (shape: readonly number[]): string => `(${shape.map((size) => (size < 0 ? "?" : size)).join(", ")})`;

function checkedLayout(
  { shape }: Samples,
  place: string,
  hint: Layout | undefined,
  read: Layout | undefined,
  problems: Diagnostic[],
  warnings: Diagnostic[],
): Layout | undefined {
  const layout = hint ?? read;
  if (!layout) return undefined;
  if (RANKS[layout] !== shape.length + 1) {
    const fitting = Object.entries(RANKS).flatMap(([name, rank]) => (rank === shape.length + 1 ? [name] : []));
    problems.push({
      code: "E413",
      message: `${place}: wrong shape: layout ${layout} has ${RANKS[layout]} axes with the batch, the data ${shape.length + 1} ${shapeText([-1, ...shape])}`,
      hint: fitting.length > 0 ? `declare ${fitting.join(" or ")}, or reshape the array` : "reshape the array",
    });
    return undefined;
  }
  const [first, last] = [shape[0]!, shape.at(-1)!];
  const channels = (size: number): boolean => size === 1 || size === 3;
  if (
    (layout === "NCHW" && !channels(first) && channels(last)) ||
    (layout === "NHWC" && !channels(last) && channels(first))
  )
    warnings.push({
      code: "W413",
      message: `${place}: declared ${layout}, yet a sample of shape ${shapeText(shape)} looks like ${layout === "NCHW" ? "NHWC" : "NCHW"}`,
      hint: "with the axes swapped the clean accuracy falls: check the declared layout",
    });
  return layout;
}

function scan(
  { x, source, n, sampleSize }: Samples,
  place: string,
  declared: Declared,
  problems: Diagnostic[],
  warnings: Diagnostic[],
): { range: { low: number; high: number }; integer: boolean } {
  let low = Infinity,
    high = -Infinity,
    integer = true,
    inexact = 0,
    notFinite = 0,
    firstNotFinite = -1,
    outside = 0,
    firstOutside = -1;
  const [declaredLow, declaredHigh] = declared.declaredRange ?? [-Infinity, Infinity];
  // Bounds such as 0.1 are not float32 numbers; the data are.
  const [lowest, highest] = [Math.fround(declaredLow), Math.fround(declaredHigh)];
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    if (!Number.isFinite(value)) {
      notFinite++;
      if (firstNotFinite < 0) firstNotFinite = i;
      continue;
    }
    if (value < low) low = value;
    if (value > high) high = value;
    if (integer && !Number.isInteger(source[i]!)) integer = false;
    if (integer && source[i] !== value) inexact++;
    if (value < lowest || value > highest) {
      outside++;
      if (firstOutside < 0) firstOutside = i;
    }
  }
  const where = (i: number): string => `sample ${Math.floor(i / sampleSize)}, element ${i % sampleSize}`;
  if (notFinite > 0)
    problems.push({
      code: "E420",
      message:
        `${place}: ${notFinite} of ${x.length} values are NaN or infinite` +
        (Number.isFinite(source[firstNotFinite]!) ? " as float32" : "") +
        `, first ${source[firstNotFinite]} at ${where(firstNotFinite)}`,
      hint: "a model's answer to NaN says nothing: fill missing values as the system does in operation, or leave those samples out and say so",
    });
  if (outside > 0)
    problems.push({
      code: "E421",
      message:
        `${place}: ${outside} of ${x.length} values lie outside the declared range [${declaredLow}, ${declaredHigh}], ` +
        `first ${x[firstOutside]} at ${where(firstOutside)}; the data span [${low}, ${high}]`,
      hint: "declare the range of the raw values as the file has them (uint8 images: [0, 255]); budgets are fractions of it",
    });
  const declaredWidth = declaredHigh - declaredLow;
  if (
    outside === 0 &&
    notFinite === 0 &&
    Number.isFinite(declaredWidth) &&
    high - low < SUSPICIOUSLY_NARROW * declaredWidth
  )
    warnings.push({
      code: "W422",
      message: `${place}: the data span [${low}, ${high}], a small part of the declared range [${declaredLow}, ${declaredHigh}]`,
      hint: "if the file is already scaled, declare that range: budgets are fractions of it",
    });
  if (integer && inexact > 0)
    warnings.push({
      code: "W423",
      message: `${place}: ${inexact} whole numbers are too large to be kept exactly as float32`,
      hint: "above 2^24 neighbouring integers become the same: scale the feature as the system does",
    });
  warnings.push(...constants(x, n, sampleSize, place, problems));
  return { range: { low, high }, integer: integer && notFinite === 0 };
}

/** Samples that are one value throughout: a black image is no image. */
function constants(
  x: Float32Array,
  n: number,
  sampleSize: number,
  place: string,
  problems: Diagnostic[],
): Diagnostic[] {
  if (sampleSize < 2) return [];
  let count = 0,
    first = -1;
  for (let sample = 0; sample < n; sample++) {
    const from = sample * sampleSize;
    let i = from + 1;
    while (i < from + sampleSize && x[i] === x[from]) i++;
    if (i < from + sampleSize) continue;
    count++;
    if (first < 0) first = sample;
  }
  if (count === 0) return [];
  if (count === n) {
    problems.push({
      code: "E424",
      message: `${place}: every sample is constant (sample 0 is ${x[0]} throughout)`,
      hint: "the file was not written as meant: look at one sample",
    });
    return [];
  }
  return [
    {
      code: "W424",
      message: `${place}: ${count} of ${n} samples are constant, first sample ${first} (${x[first * sampleSize]} throughout)`,
      hint: "a blank sample usually comes from a failed export: leave it out, or say why it belongs",
    },
  ];
}

interface Labels {
  readonly y: Int32Array | Float64Array;
  readonly classNames?: readonly string[];
}

function checkedLabels(
  raw: RawSet,
  n: number,
  declared: Declared,
  problems: Diagnostic[],
  warnings: Diagnostic[],
): Labels | undefined {
  const { place, y } = raw;
  const names = declared.classes ?? raw.classNames;
  const count = y.shape[0] ?? 0;
  const perSample = y.shape.slice(1).reduce((product, size) => product * size, 1);
  if (y.shape.length === 0 || y.shape.length > 2) {
    problems.push({
      code: "E414",
      message: `${place}: wrong shape of the labels, ${shapeText(y.shape)}`,
      hint: "save one label per sample: shape (n,)",
    });
    return undefined;
  }
  if (count !== n) {
    problems.push({
      code: "E415",
      message: `${place}: ${count} labels for ${n} samples`,
      hint: "labels and samples must be in the same order and of the same number: export both from the same run",
    });
    return undefined;
  }
  if (y.kind === "strings") {
    if (perSample !== 1) {
      problems.push({
        code: "E414",
        message: `${place}: wrong shape of the labels, ${shapeText(y.shape)}`,
        hint: "save one label per sample: shape (n,)",
      });
      return undefined;
    }
    if (names === undefined)
      warnings.push({
        code: "W415",
        message: `${place}: the labels are words, and were numbered in alphabetical order`,
        hint: "state the classes in the order of the model's outputs, or the wrong class may count as right",
      });
    return namedLabels(y.values as readonly string[], names, place, problems);
  }
  let values = y.values as ArrayLike<number>;
  if (perSample !== 1) {
    const indices = fromOneHot(values, n, perSample);
    if (!indices) {
      problems.push({
        code: "E414",
        message: `${place}: wrong shape of the labels, ${shapeText(y.shape)}, and their rows are not one-hot`,
        hint: "save one label per sample: shape (n,)",
      });
      return undefined;
    }
    warnings.push({
      code: "W414",
      message: `${place}: one-hot labels ${shapeText(y.shape)} were read as class indices`,
    });
    values = indices;
  }
  let notFinite = 0;
  let whole = true;
  const different = new Set<number>();
  for (let i = 0; i < n; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) notFinite++;
    else if (!Number.isInteger(value)) whole = false;
    if (different.size <= CLASSES_GUESSED_MAX) different.add(value);
  }
  if (notFinite > 0) {
    problems.push({
      code: "E416",
      message: `${place}: ${notFinite} of ${n} labels are NaN or infinite`,
      hint: "leave unlabelled samples out of an evaluation set",
    });
    return undefined;
  }
  const wholeType = !y.dtype.startsWith("float");
  const asClass =
    declared.target === "class" ||
    (declared.target !== "number" &&
      (names !== undefined || (whole && (wholeType || different.size <= CLASSES_GUESSED_MAX))));
  if (!asClass) return { y: Float64Array.from(values) };
  return indexLabels(values, whole, names, place, problems);
}

function indexLabels(
  values: ArrayLike<number>,
  whole: boolean,
  names: readonly string[] | undefined,
  place: string,
  problems: Diagnostic[],
): Labels | undefined {
  if (!whole) {
    const first = Array.from(values).findIndex((value) => !Number.isInteger(value));
    problems.push({
      code: "E417",
      message: `${place}: label ${values[first]} of sample ${first} is no class index`,
      hint: "save class indices as integers from 0; if the target is a quantity, declare the task regression",
    });
    return undefined;
  }
  const end = names?.length ?? 2 ** 31 - 1;
  let outside = 0,
    first = -1,
    low = Infinity,
    high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    low = Math.min(low, value);
    high = Math.max(high, value);
    if (value >= 0 && value < end) continue;
    outside++;
    if (first < 0) first = i;
  }
  if (outside > 0) {
    const hint =
      names && low === 1 && high === names.length
        ? "the labels seem to count from 1: subtract 1"
        : low === -1
          ? "-1 usually means unlabelled: leave those samples out"
          : "check the declared classes and their order; class indices count from 0";
    problems.push({
      code: "E418",
      message:
        `${place}: ${outside} of ${values.length} labels are out of range, first ${values[first]} at sample ${first}; ` +
        (names ? `${names.length} classes make 0…${names.length - 1}` : "class indices start at 0"),
      hint,
    });
    return undefined;
  }
  return { y: Int32Array.from(values), ...(names && { classNames: names }) };
}

function namedLabels(
  words: readonly string[],
  names: readonly string[] | undefined,
  place: string,
  problems: Diagnostic[],
): Labels | undefined {
  const known = names ?? [...new Set(words)].toSorted();
  const index = new Map(known.map((name, i) => [name, i]));
  const unknown = words.findIndex((word) => !index.has(word));
  if (unknown >= 0) {
    const count = words.filter((word) => !index.has(word)).length;
    const meant = nearest(words[unknown]!, known);
    problems.push({
      code: "E418",
      message: `${place}: ${count} of ${words.length} labels are out of range, first "${words[unknown]}" at sample ${unknown}; the declared classes are ${listed(known)}`,
      hint: meant ? `did you mean "${meant}"?` : "declare every class that occurs, in the order of the model's outputs",
    });
    return undefined;
  }
  return { y: Int32Array.from(words, (word) => index.get(word)!), classNames: known };
}

const listed = (names: readonly string[]): string =>
  names
    .slice(0, 8)
    .map((name) => `"${name}"`)
    .join(", ") + (names.length > 8 ? ` … (${names.length})` : "");

function fromOneHot(values: ArrayLike<number>, n: number, k: number): Int32Array | undefined {
  const indices = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    let at = -1;
    for (let j = 0; j < k; j++) {
      const value = values[i * k + j]!;
      if (value === 0) continue;
      if (value !== 1 || at >= 0) return undefined;
      at = j;
    }
    if (at < 0) return undefined;
    indices[i] = at;
  }
  return indices;
}

function checkedUnits({ units, place }: RawSet, n: number, problems: Diagnostic[]): readonly string[] | undefined {
  if (!units) return undefined;
  const size = units.shape.reduce((product, length) => product * length, 1);
  if (size !== n || units.shape.length > 2) {
    problems.push({
      code: "E419",
      message: `${place}: ${size} unit ids for ${n} samples`,
      hint: "give one unit (patient, track) per sample, in the same order",
    });
    return undefined;
  }
  return Array.from(units.values as ArrayLike<number | string>, String);
}

/** Counts exact repeats: rows are bucketed by FNV-1a over their float32 bits and compared element by element. */
function countDuplicates(
  { x, n, sampleSize }: Samples,
  y: Int32Array | Float64Array,
): { duplicates: number; contradictory: number; firstAlike: Int32Array } {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  const buckets = new Map<number, number[]>();
  const firstAlike = Int32Array.from({ length: n }, (_, sample) => sample);
  let duplicates = 0,
    contradictory = 0;
  for (let sample = 0; sample < n; sample++) {
    const from = sample * sampleSize;
    let hash = 0x811c9dc5;
    for (let i = from; i < from + sampleSize; i++) {
      hash = Math.imul(hash ^ bits[i]!, 0x01000193);
      hash ^= hash >>> 15;
    }
    const bucket = buckets.get(hash);
    if (!bucket) {
      buckets.set(hash, [sample]);
      continue;
    }
    const earlier = bucket.find((other) => {
      const start = other * sampleSize;
      for (let i = 0; i < sampleSize; i++) if (x[start + i] !== x[from + i]) return false;
      return true;
    });
    if (earlier === undefined) bucket.push(sample);
    else {
      duplicates++;
      firstAlike[sample] = earlier;
      if (y[earlier] !== y[sample]) contradictory++;
    }
  }
  return { duplicates, contradictory, firstAlike };
}

function imbalance(
  y: Int32Array,
  names: readonly string[] | undefined,
  declaredClasses: number | undefined,
  place: string,
): Diagnostic[] {
  const counts = new Map<number, number>();
  for (const label of y) counts.set(label, (counts.get(label) ?? 0) + 1);
  const said = (label: number): string => (names?.[label] !== undefined ? `"${names[label]}"` : String(label));
  const byCount = [...counts].toSorted((a, b) => b[1] - a[1] || a[0] - b[0]);
  const [most, least] = [byCount[0]!, byCount.at(-1)!];
  const notes: Diagnostic[] = [];
  if (declaredClasses !== undefined && counts.size < declaredClasses) {
    const absent = Array.from({ length: declaredClasses }, (_, label) => label).filter((label) => !counts.has(label));
    notes.push({
      code: "W432",
      message: `${place}: ${absent.length} of ${declaredClasses} classes have no sample: ${absent.slice(0, 8).map(said).join(", ")}${absent.length > 8 ? " …" : ""}`,
      hint: "nothing can be said about a class without samples",
    });
  }
  if (counts.size === 1)
    notes.push({
      code: "W433",
      message: `${place}: every sample has the label ${said(most[0])}`,
      hint: "accuracy on one class says nothing about the others",
    });
  else if (most[1] > IMBALANCE * least[1])
    notes.push({
      code: "W433",
      message: `${place}: the classes are unbalanced: ${most[1]} samples of ${said(most[0])}, ${least[1]} of ${said(least[0])}; always answering ${said(most[0])} would be right for ${((100 * most[1]) / y.length).toFixed(1)} %`,
      hint: "read the figures per class as well",
    });
  return notes;
}
