/** Evaluation sets that are image files: one folder per class, or any folders and a labels.csv. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import { HostError, type FileEntry, type Files, type Signal } from "#base/ports.ts";
import { readCsv } from "#formats/csv.ts";
import { FormatError, readableSize } from "#formats/error.ts";
import { readImage, type Image } from "#formats/image.ts";
import { sniff } from "#formats/sniff.ts";
import { ELEMENTS_MAX } from "./arrays.ts";
import { columnCalled, LABELS } from "./columns.ts";
import type { InputFile, Layout, RawSet, Values } from "./evaluation-set.ts";
import {
  baseName,
  digest,
  existing,
  inputOf,
  reading,
  readSource,
  Refusal,
  UNITS,
  type DatasetSpec,
} from "./sources.ts";

const FILES = ["file", "filename", "path", "image"];
const IMAGE_NAME = /\.(png|jpe?g|jpe|jfif)$/i;
const SPLITS = new Set(["train", "training", "test", "testing", "val", "valid", "validation"]);
const PROBLEMS_SHOWN = 10;
/** Bytes of one image file: above any that decodes within the limits of its pixels. */
export const IMAGE_BYTES_MAX = 2 ** 28;

export interface Labelled {
  readonly path: string;
  readonly label: string;
  readonly unit?: string;
}

/** Decodes every image below a folder, in the order of their paths. Colour comes as height × width × 3 unless the spec's layout says otherwise. */
export async function imageFolderSet(files: Files, spec: DatasetSpec, signal: Signal | undefined): Promise<RawSet> {
  const listed = await listedImages(files, spec);
  const warnings: Diagnostic[] = [...listed.warnings];
  const { x, images, layout } = await decodeAll(files, spec, listed.labelled, warnings, signal);
  const labels = listed.labelled.map(({ label }) => label);
  const units = listed.labelled.map(({ unit }) => unit);
  const { y, classNames } = indexed(labels, spec, listed.byFolder, warnings);
  const inputs: InputFile[] = [
    {
      role: "data",
      path: spec.path,
      sha256: hashOf(images.map(({ path, sha256 }) => ({ path: relative(spec.path, path), sha256 }))),
      size: images.reduce((sum, { size }) => sum + size, 0),
    },
    ...listed.inputs,
  ];
  return {
    place: spec.path,
    x,
    y,
    ...(units.every((unit) => unit !== undefined) && {
      units: { kind: "strings" as const, dtype: "string", shape: [units.length], values: units },
    }),
    inputs,
    sha256: digest(inputs),
    ...(layout && { layout }),
    ...(classNames && { classNames }),
    warnings,
  };
}

/** The images below a folder with their labels, by folder or by a table, in the order of their paths; nothing is decoded. */
export async function listedImages(files: Files, spec: DatasetSpec): Promise<Listing & { readonly byFolder: boolean }> {
  const entries = (await files.list(spec.path, { recursive: true, limit: 1_000_000 }))
    .filter(
      ({ path }) =>
        !relative(spec.path, path)
          .split("/")
          .some((part) => part.startsWith(".")) && baseName(path) !== "Thumbs.db",
    )
    .toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const odd = entries.find(({ kind }) => kind === "other");
  if (odd)
    throw new HostError(
      `${odd.path} is neither a file, a folder nor a link, or its name is no UTF-8`,
      "take it out of the folder, or rename it",
    );
  const found = entries.filter(({ kind }) => kind === "file" || kind === "link");
  const labelsPath =
    spec.labels ?? found.find(({ path }) => /^labels\.(csv|tsv|txt)$/i.test(relative(spec.path, path)))?.path;
  const listing =
    labelsPath === undefined ? fromFolders(spec, entries, found) : await fromTable(files, spec, found, labelsPath);
  return { ...listing, byFolder: labelsPath === undefined };
}

export const relative = (folder: string, path: string): string => {
  const base = folder === "." || folder === "" ? "" : `${folder.replace(/^\.\//, "").replace(/\/+$/, "")}/`;
  return path.startsWith(base) ? path.slice(base.length) : path;
};

export interface Listing {
  readonly labelled: readonly Labelled[];
  readonly inputs: readonly InputFile[];
  readonly warnings: readonly Diagnostic[];
}

/** The first folder below the set's own is the class; a folder below that is taken for a unit. */
function fromFolders(spec: DatasetSpec, entries: readonly FileEntry[], found: readonly FileEntry[]): Listing {
  const inside = found.map(({ path }) => ({ path, parts: relative(spec.path, path).split("/") }));
  const images = inside.filter(({ parts }) => parts.length > 1);
  const flat = inside.filter(({ path, parts }) => parts.length === 1 && IMAGE_NAME.test(path));
  const folders = new Set(images.map(({ parts }) => parts[0]!));
  if (flat.length > 0)
    throw new Refusal({
      code: "E407",
      message: `${spec.path}: ${flat.length} images lie beside each other and nothing labels them (${baseName(flat[0]!.path)} …)`,
      hint: "put a labels.csv with the columns file and label beside them, or sort them into one folder per class",
    });
  if (folders.size === 0) {
    const archive = found.find(({ path }) => /\.npz$/i.test(path));
    throw new Refusal({
      code: "E408",
      message: `${spec.path}: it is a folder, and no evaluation set was found in it (${entries.length} entries)`,
      hint: archive
        ? `name the file itself: "${archive.path}"`
        : "a folder holds x.npy and y.npy, an idx pair, or images: one folder per class, or with a labels.csv",
    });
  }
  if ([...folders].every((folder) => SPLITS.has(folder.toLowerCase()))) {
    const test = [...folders].find((folder) => /^test/i.test(folder)) ?? [...folders][0]!;
    throw new Refusal({
      code: "E409",
      message: `${spec.path}: its folders ${[...folders].join(", ")} are parts of a collection, not classes`,
      hint: `name the part to evaluate on: "${spec.path}/${test}"`,
    });
  }
  const nested = images.some(({ parts }) => parts.length > 2);
  return {
    labelled: images.map(({ path, parts }) => ({
      path,
      label: parts[0]!,
      // One unit per folder below the class; images straight in the class folder are units of their own.
      ...(nested && { unit: parts.length > 2 ? parts.slice(0, -1).join("/") : parts.join("/") }),
    })),
    inputs: [],
    warnings: nested
      ? [
          {
            code: "W441",
            message: `${spec.path}: folders below the class folders were taken for units (one patient, one track)`,
            hint: "images of one unit are kept together and count once; put them straight into the class folder if they are independent",
          },
        ]
      : [],
  };
}

async function fromTable(
  files: Files,
  spec: DatasetSpec,
  found: readonly FileEntry[],
  labelsPath: string,
): Promise<Listing> {
  if ((await existing(files, labelsPath)).kind === "folder")
    throw new Refusal({
      code: "E401",
      message: `${labelsPath}: it is a folder, and labels are a file`,
      hint: "name a table with the columns file and label",
    });
  const source = await readSource(files, labelsPath);
  let fileAt = 0,
    labelAt = 1,
    unitAt = -1;
  const table = await reading(labelsPath, () =>
    readCsv(source.bytes, {
      textColumns: (header, width) => {
        if (width < 2)
          throw new FormatError("csv", 0, "it has one column", "give it two: file (relative to the folder) and label");
        fileAt = columnCalled(header, FILES) ?? 0;
        labelAt = columnCalled(header, spec.keys?.y !== undefined ? [spec.keys.y] : LABELS) ?? (fileAt === 0 ? 1 : 0);
        unitAt = columnCalled(header, spec.keys?.units !== undefined ? [spec.keys.units] : UNITS) ?? -1;
        return Array.from({ length: width }, (_, column) => column);
      },
    }),
  );
  const known = new Set(found.map(({ path }) => relative(spec.path, path)));
  const byRelative = new Map(found.map(({ path }) => [relative(spec.path, path), path]));
  const problems: Diagnostic[] = [];
  let missing = 0;
  const labelled: Labelled[] = [];
  const seen = new Set<string>();
  for (let row = 0; row < table.rows; row++) {
    const name = table.texts.get(fileAt)![row]!.replaceAll("\\", "/").replace(/^\.\//, "");
    const line = table.lines[row]!;
    if (!known.has(name) || seen.has(name)) {
      missing++;
      if (problems.length < PROBLEMS_SHOWN)
        problems.push({
          code: "E426",
          message: `${labelsPath}: line ${line}: "${name}" ${seen.has(name) ? "is listed twice" : `is not in ${spec.path}`}`,
          hint: "list every image once, by its path relative to the folder",
          span: { file: labelsPath, line, column: 1 },
        });
      continue;
    }
    seen.add(name);
    labelled.push({
      path: byRelative.get(name)!,
      label: table.texts.get(labelAt)![row]!,
      ...(unitAt >= 0 && { unit: table.texts.get(unitAt)![row]! }),
    });
  }
  if (missing > PROBLEMS_SHOWN)
    problems.push({
      code: "E426",
      message: `${labelsPath}: ${missing} of ${table.rows} rows name no image or one twice`,
    });
  if (problems.length > 0) throw new Refusal(...problems);
  const unlisted = found.filter(({ path }) => IMAGE_NAME.test(path) && !seen.has(relative(spec.path, path)));
  return {
    labelled: labelled.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    inputs: [inputOf("labels", source)],
    warnings:
      unlisted.length > 0
        ? [
            {
              code: "W443",
              message: `${spec.path}: ${unlisted.length} images are not in ${baseName(labelsPath)} and were left unread, first ${baseName(unlisted[0]!.path)}`,
            },
          ]
        : [],
  };
}

interface Decoded {
  readonly x: Values;
  readonly images: readonly { readonly path: string; readonly sha256: string; readonly size: number }[];
  readonly layout: Layout | undefined;
}

async function decodeAll(
  files: Files,
  spec: DatasetSpec,
  labelled: readonly Labelled[],
  warnings: Diagnostic[],
  signal: Signal | undefined,
): Promise<Decoded> {
  const problems: Diagnostic[] = [];
  const images: { path: string; sha256: string; size: number }[] = [];
  const n = labelled.length;
  let first: { image: Image; path: string } | undefined;
  let x = new Float32Array(0);
  let jpegs = 0;
  for (const [at, { path }] of labelled.entries()) {
    signal?.throwIfAborted();
    if (problems.length >= PROBLEMS_SHOWN) break;
    const size = (await files.stat(path))?.size ?? 0;
    if (size > IMAGE_BYTES_MAX) {
      problems.push({
        code: "E402",
        message: `${path}: ${readableSize(size)} is no image a model takes`,
        hint: "scale it to the size the model takes",
      });
      continue;
    }
    const source = await readSource(files, path);
    images.push({ path, sha256: source.sha256, size: source.bytes.length });
    if (sniff(source.bytes).kind === "jpeg") jpegs++;
    let image: Image;
    try {
      image = await readImage(source.bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push({ code: "E402", message: `${path}: ${error.message}`, hint: error.remedy });
      continue;
    }
    if (!first) {
      first = { image, path };
      if (n * image.samples.length > ELEMENTS_MAX)
        throw new Refusal({
          code: "E412",
          message: `${spec.path}: ${n} images of ${sizeOf(image)} are more than ${ELEMENTS_MAX} numbers`,
          hint: "evaluate on a few thousand images scaled to the size the model takes",
        });
      x = new Float32Array(n * image.samples.length);
    }
    if (sizeOf(image) !== sizeOf(first.image)) {
      problems.push({
        code: "E412",
        message: `${path}: wrong shape: ${sizeOf(image)}, while ${baseName(first.path)} is ${sizeOf(first.image)}`,
        hint: "scale and convert all images as the system does before its model",
      });
      continue;
    }
    x.set(image.samples, at * image.samples.length);
  }
  if (problems.length > 0) throw new Refusal(...problems);
  if (!first)
    throw new Refusal({
      code: "E411",
      message: `${spec.path}: it is empty: no image is listed`,
      hint: "nothing can be measured on no samples",
    });
  if (jpegs > 0)
    warnings.push({
      code: "W440",
      message: `${spec.path}: ${jpegs} of ${n} images are JPEG; decoders differ by a few levels per sample, so values may not be exactly those the system sees`,
      hint: "save what the system's own decoder gives as PNG or .npz to be exact",
    });
  return arranged(x, n, first.image, spec, images);
}

const sizeOf = ({ width, height, channels, maximum }: Image): string =>
  `${width} × ${height} ${channels === 1 ? "grey" : "colour"}${maximum === 65535 ? " 16 bit" : ""}`;

/** Axes as the spec wants them: colour images lie as height × width × 3, and move only for NCHW. */
function arranged(
  x: Float32Array<ArrayBuffer>,
  n: number,
  { width, height, channels }: Image,
  spec: DatasetSpec,
  images: Decoded["images"],
): Decoded {
  const layout = spec.layoutHint ?? (channels === 1 ? "NHW" : "NHWC");
  const shapes: Readonly<Record<Layout, readonly number[]>> = {
    NCHW: [channels, height, width],
    NHWC: [height, width, channels],
    NHW: channels === 1 ? [height, width] : [height, width, channels],
    NTF: channels === 1 ? [height, width] : [height, width, channels],
    NF: [height * width * channels],
  };
  const values = layout === "NCHW" && channels === 3 ? channelsFirst(x, n, height * width) : x;
  return { x: { kind: "numbers", dtype: "uint8", shape: [n, ...shapes[layout]], values }, images, layout };
}

function channelsFirst(x: Float32Array<ArrayBuffer>, n: number, pixels: number): Float32Array<ArrayBuffer> {
  const moved = new Float32Array(x.length);
  for (let sample = 0; sample < n; sample++)
    for (let pixel = 0; pixel < pixels; pixel++)
      for (let channel = 0; channel < 3; channel++)
        moved[(sample * 3 + channel) * pixels + pixel] = x[(sample * pixels + pixel) * 3 + channel]!;
  return moved;
}

/** Labels as the checks take them: words while names are declared for them, whole numbers where all are such, else names in alphabetical order. */
function indexed(
  labels: readonly string[],
  spec: DatasetSpec,
  folders: boolean,
  warnings: Diagnostic[],
): { y: Values; classNames?: readonly string[] } {
  const shape = [labels.length];
  const words: Values = { kind: "strings", dtype: "string", shape, values: labels };
  if (spec.classes && labels.every((label) => spec.classes!.includes(label))) return { y: words };
  if (labels.every((label) => /^\d{1,9}$/.test(label)))
    return { y: { kind: "numbers", dtype: "int64", shape, values: Float64Array.from(labels, Number) } };
  if (spec.classes) return { y: words };
  const classNames = [...new Set(labels)].toSorted();
  warnings.push({
    code: "W442",
    message: `${spec.path}: no classes are declared; the ${folders ? "folders" : "labels"} in alphabetical order were taken: ${classNames
      .slice(0, 8)
      .map((name, i) => `${i} = ${name}`)
      .join(", ")}${classNames.length > 8 ? " …" : ""}`,
    hint: "declare the classes in the order of the model's outputs",
  });
  return { y: words, classNames };
}
