/** From a path in a system file to an evaluation set: which files belong together, read and checked. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { HostError, type Files, type Signal } from "#base/ports.ts";
import { contentOf, type Content } from "./arrays.ts";
import { checkedSet, type OpenedDataset, type RawSet, type Values } from "./evaluation-set.ts";
import { imageFolderSet } from "./image-folder.ts";
import { labelFile, PAIRS } from "./labels.ts";
import {
  baseName,
  describe,
  digest,
  existing,
  FileProblem,
  inputOf,
  reading,
  readSource,
  Refusal,
  UNITS,
  type DatasetSpec,
  type SourceFile,
} from "./sources.ts";
import { tableSet } from "./table.ts";

/**
 * Opens an evaluation set: an .npz; an .npy or idx file (also gzipped) with its labels beside it; a .csv; a folder that
 * holds such a pair, or images in one folder per class, or images and a labels.csv.
 * What is wrong with the files comes back as diagnostics, never as an exception; content decides, names only break ties.
 * Throws only what the signal throws, and our own mistakes.
 */
export async function openDataset(
  files: Files,
  spec: DatasetSpec,
  options: { readonly signal?: Signal } = {},
): Promise<OpenedDataset> {
  try {
    const raw = await rawSet(files, spec, options.signal);
    const digests = [raw.sha256, ...raw.inputs.filter(({ role }) => role === "data").map(({ sha256 }) => sha256)];
    if (spec.sha256 !== undefined && !digests.includes(spec.sha256))
      return refused({
        code: "E405",
        message: `${raw.place}: the data are not the declared ones: SHA-256 ${raw.sha256}, declared ${spec.sha256}`,
        hint: "restore the file, or declare the new digest after looking at what changed",
      });
    return checkedSet(raw, spec);
  } catch (error) {
    return refused(...refusalOf(error));
  }
}

/** What kept a set from being read, for its author; throws what is none of his business. */
export function refusalOf(error: unknown): readonly Diagnostic[] {
  if (error instanceof Refusal) return error.diagnostics;
  if (error instanceof FileProblem) return [describe(error)];
  if (error instanceof HostError)
    return [{ code: "E401", message: error.message, ...(error.remedy && { hint: error.remedy }) }];
  throw error;
}

const refused = (...diagnostics: Diagnostic[]): OpenedDataset => ({ status: "refused", diagnostics });

/** How tables and folders of images are read; whoever wants them with their faults still in brings readers of his own. */
export interface Readers {
  readonly table: typeof tableSet;
  readonly images: typeof imageFolderSet;
}
const STRICT: Readers = { table: tableSet, images: imageFolderSet };

/** The arrays and labels behind a path, before any check. Throws Refusal, FileProblem and HostError: see `refusalOf`. */
export async function rawSet(
  files: Files,
  spec: DatasetSpec,
  signal: Signal | undefined,
  readers: Readers = STRICT,
): Promise<RawSet> {
  const entry = await existing(files, spec.path);
  signal?.throwIfAborted();
  if (entry.kind === "folder") return folderSet(files, spec, signal, readers);
  const source = await readSource(files, spec.path);
  const content = await reading(spec.path, () => contentOf(source));
  signal?.throwIfAborted();
  switch (content.kind) {
    case "archive":
      return archiveSet(files, spec, source, content);
    case "array":
      return pairSet(files, source, content.array, spec.labels ?? (await labelsBeside(files, spec.path)));
    case "text":
      return readers.table(files, spec, source, content.bytes);
    case "image":
      throw new Refusal({
        code: "E403",
        message: `${spec.path}: it is one image, not an evaluation set`,
        hint: "name the folder that holds the images, one folder per class or with a labels.csv",
      });
  }
}

async function archiveSet(
  files: Files,
  spec: DatasetSpec,
  source: SourceFile,
  content: Content & { kind: "archive" },
): Promise<RawSet> {
  const warnings: Diagnostic[] = [];
  const keys = chosenPair(content.names, spec, source.path, spec.labels !== undefined);
  const x = await reading(source.path, () => content.array(keys.x));
  const labels = spec.labels === undefined ? undefined : await labelFile(files, spec.labels);
  const y = labels?.y ?? (await reading(source.path, () => content.array(keys.y)));
  const unitsName = spec.keys?.units ?? content.names.find((name) => UNITS.includes(name.toLowerCase()));
  const units = unitsName === undefined ? undefined : await reading(source.path, () => content.array(unitsName));
  const unread = content.names.filter((name) => name !== keys.x && (labels || name !== keys.y) && name !== unitsName);
  if (unread.length > 0)
    warnings.push({
      code: "W404",
      message: `${source.path}: read "${keys.x}" and ${labels ? "its label file" : `"${keys.y}"`}; left unread: ${unread.join(", ")}`,
    });
  const inputs = [inputOf("data", source), ...(labels ? [inputOf("labels", labels.source)] : [])];
  return { place: source.path, x, y, ...(units && { units }), inputs, sha256: digest(inputs), warnings };
}

function chosenPair(
  names: readonly string[],
  spec: DatasetSpec,
  place: string,
  labelsElsewhere: boolean,
): { x: string; y: string } {
  const byLower = new Map(names.map((name) => [name.toLowerCase(), name]));
  const given = spec.keys;
  for (const name of [given?.x, given?.y, given?.units])
    if (name !== undefined && !names.includes(name))
      throw new Refusal({
        code: "E406",
        message: `${place}: no array "${name}"; it holds ${names.join(", ")}`,
        hint: "name arrays that are there",
      });
  const pair = PAIRS.find(
    ([x, y]) =>
      (given?.x !== undefined ? given.x.toLowerCase() === x : byLower.has(x)) &&
      (labelsElsewhere || given?.y !== undefined || byLower.has(y)),
  );
  const x =
    given?.x ?? (pair && byLower.get(pair[0])) ?? (labelsElsewhere && names.length === 1 ? names[0] : undefined);
  const y = given?.y ?? (pair && byLower.get(pair[1])) ?? "";
  if (x === undefined || (y === "" && !labelsElsewhere)) {
    const training = byLower.has("x_train") || byLower.has("train_images") || byLower.has("train_x");
    throw new Refusal({
      code: "E406",
      message: `${place}: which arrays are samples and labels is not clear; it holds ${names.join(", ")}`,
      hint: training
        ? "these look like training data: an evaluation needs data the model was not trained on, as x and y"
        : "name them x and y (or images and labels, data and target, x_test and y_test)",
    });
  }
  return { x, y };
}

async function pairSet(
  files: Files,
  source: SourceFile,
  x: Values,
  labelsPath: string | undefined,
  unitsPath?: string,
): Promise<RawSet> {
  if (labelsPath === undefined)
    throw new Refusal({
      code: "E407",
      message: `${source.path}: no labels found beside it`,
      hint: "put y.npy beside x.npy, save both in one .npz, or name the labels' file in the system file (labels:)",
    });
  const labels = await labelFile(files, labelsPath);
  const units = unitsPath === undefined ? undefined : await labelFile(files, unitsPath);
  const inputs = [
    inputOf("data", source),
    inputOf("labels", labels.source),
    ...(units ? [inputOf("units", units.source)] : []),
  ];
  return {
    place: source.path,
    x,
    y: labels.y,
    ...(units && { units: units.y }),
    inputs,
    sha256: digest(inputs),
    warnings: [],
  };
}

/** The file that by the usual habits holds the labels of `path`, if it is there: y48.npy for x48.npy, idx1 labels for idx3 images. */
/** Files that bring their labels themselves. */
const WHOLE = /\.(npz|zip|csv|tsv|txt)$/i;

/** The label file that is read with `path` although nobody names it; whoever hashes what was read has to hash it too. */
export const labelsBesideOf = async (files: Files, path: string): Promise<string | undefined> =>
  WHOLE.test(path) || (await files.stat(path))?.kind !== "file" ? undefined : labelsBeside(files, path);

async function labelsBeside(files: Files, path: string): Promise<string | undefined> {
  const name = baseName(path);
  const folder = path.slice(0, path.length - name.length);
  const habits: string[] = [];
  if (/^x/i.test(name)) habits.push(name.replace(/^x/, "y").replace(/^X/, "Y"), name.replace(/^X/, "y"));
  if (/images/i.test(name)) {
    const renamed = name.replace(/images/i, (word) =>
      word === "IMAGES" ? "LABELS" : word === "Images" ? "Labels" : "labels",
    );
    habits.push(renamed.replace(/idx[2-9]/, "idx1"), renamed);
  }
  if (/data/i.test(name))
    habits.push(name.replace(/data/, "target"), name.replace(/data/, "targets"), name.replace(/data/, "labels"));
  if (/_x\b|_x(?=\.)/.test(name)) habits.push(name.replace(/_x(?=\.|$)/, "_y"));
  const packed = habits.flatMap((habit) => [habit, habit.endsWith(".gz") ? habit.slice(0, -3) : `${habit}.gz`]);
  for (const habit of packed)
    if (habit !== name && (await files.stat(folder + habit))?.kind === "file") return folder + habit;
  return undefined;
}

/** Most entries of one folder. */
const FOLDER_MAX = 1_000_000;

async function folderSet(
  files: Files,
  spec: DatasetSpec,
  signal: Signal | undefined,
  readers: Readers,
): Promise<RawSet> {
  const entries = await files.list(spec.path, { limit: FOLDER_MAX });
  const arrays = new Map(
    entries.flatMap((entry) =>
      entry.kind === "file" && /\.npy(\.gz)?$/i.test(entry.path)
        ? [
            [
              baseName(entry.path)
                .replace(/\.npy(\.gz)?$/i, "")
                .toLowerCase(),
              entry.path,
            ] as const,
          ]
        : [],
    ),
  );
  for (const [x, y] of PAIRS) {
    const xPath = arrays.get(x);
    const yPath = spec.labels ?? arrays.get(y);
    if (xPath === undefined || yPath === undefined) continue;
    const unitsPath = UNITS.map((name) => arrays.get(name)).find((path) => path !== undefined);
    return pathSet(files, xPath, yPath, unitsPath);
  }
  signal?.throwIfAborted();
  const images = entries.filter((entry) => entry.kind === "file" && /images[-.]idx\d/i.test(baseName(entry.path)));
  const chosen =
    images.find((entry) => /^(t10k|test)/i.test(baseName(entry.path))) ?? (images.length === 1 ? images[0] : undefined);
  if (chosen) return pathSet(files, chosen.path, spec.labels ?? (await labelsBeside(files, chosen.path)));
  return readers.images(files, spec, signal);
}

async function pathSet(files: Files, xPath: string, yPath: string | undefined, unitsPath?: string): Promise<RawSet> {
  const source = await readSource(files, xPath);
  const content = await reading(xPath, () => contentOf(source));
  if (content.kind !== "array")
    throw new Refusal({
      code: "E403",
      message: `${xPath}: it holds no array`,
      hint: "write it with numpy.save(path, array)",
    });
  return pairSet(files, source, content.array, yPath, unitsPath);
}
