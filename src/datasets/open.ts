/** From a path in a system file to an evaluation set: which files belong together, read and checked. */
import type { Diagnostic } from "#base/diagnostics.ts";
import { nearest } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import { HostError, type FileEntry, type Files, type Signal } from "#base/ports.ts";
import { FormatError } from "#formats/error.ts";
import { contentOf, inputOf, readSource, type Content, type SourceFile } from "./arrays.ts";
import { checkedSet, type Declared, type OpenedDataset, type RawSet, type Values } from "./evaluation-set.ts";

export interface DatasetSpec extends Declared {
  /** A file or a folder, relative to the root of `files`. */
  readonly path: string;
  /** Where the labels lie when they are not found from `path`. */
  readonly labels?: string;
  /** Names of the arrays in an .npz, or of the columns in a table, where they are not the usual ones. */
  readonly keys?: { readonly x?: string; readonly y?: string; readonly units?: string };
  /** The digest the author gave; data that changed since are refused. */
  readonly sha256?: string;
}

/**
 * Opens an evaluation set: an .npz, an .npy or idx file with its labels beside it, a folder that holds such a pair.
 * What is wrong with the files comes back as diagnostics, never as an exception; content decides, names only break ties.
 */
export async function openDataset(
  files: Files,
  spec: DatasetSpec,
  options: { readonly signal?: Signal } = {},
): Promise<OpenedDataset> {
  try {
    const raw = await rawSet(files, spec, options.signal);
    if (spec.sha256 !== undefined && spec.sha256 !== raw.sha256)
      return refused({
        code: "E405",
        message: `${raw.place}: the data are not the declared ones: SHA-256 ${raw.sha256}, declared ${spec.sha256}`,
        hint: "restore the file, or declare the new digest after looking at what changed",
      });
    return checkedSet(raw, spec);
  } catch (error) {
    if (error instanceof Refusal) return refused(error.diagnostic);
    if (error instanceof FileProblem) return refused(describe(error));
    if (error instanceof HostError)
      return refused({ code: "E401", message: error.message, ...(error.remedy && { hint: error.remedy }) });
    throw error;
  }
}

const refused = (...diagnostics: Diagnostic[]): OpenedDataset => ({ status: "refused", diagnostics });

/** A problem that ends the reading; the diagnostic is for the author. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

/** A FormatError and the file it is about. */
class FileProblem extends Error {
  override readonly name = "FileProblem";
  readonly path: string;
  readonly problem: FormatError;
  constructor(path: string, problem: FormatError) {
    super(problem.message);
    this.path = path;
    this.problem = problem;
  }
}
const describe = ({ path, problem }: FileProblem): Diagnostic => ({
  code: "E402",
  message: `${path}: ${problem.message}`,
  hint: problem.remedy,
});

/** Runs a reader and names the file in what it refuses. */
export async function reading<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof FormatError ? new FileProblem(path, error) : error;
  }
}

/** Names that belong together, evaluation data before anything else. */
const PAIRS: readonly (readonly [x: string, y: string])[] = [
  ["x_test", "y_test"],
  ["test_images", "test_labels"],
  ["test_x", "test_y"],
  ["x", "y"],
  ["images", "labels"],
  ["images", "y"],
  ["image", "label"],
  ["data", "target"],
  ["data", "targets"],
  ["data", "labels"],
  ["data", "label"],
  ["features", "labels"],
  ["features", "target"],
  ["inputs", "targets"],
  ["inputs", "labels"],
  ["x", "labels"],
  ["x_val", "y_val"],
  ["arr_0", "arr_1"],
];
const UNITS = ["units", "unit", "groups", "group", "patients", "patient", "patient_id", "subject", "track"];

async function rawSet(files: Files, spec: DatasetSpec, signal: Signal | undefined): Promise<RawSet> {
  const entry = await existing(files, spec.path);
  signal?.throwIfAborted();
  if (entry.kind === "folder") return folderSet(files, spec, signal);
  const source = await readSource(files, spec.path);
  const content = await reading(spec.path, () => contentOf(source));
  signal?.throwIfAborted();
  switch (content.kind) {
    case "archive":
      return archiveSet(files, spec, source, content);
    case "array":
      return pairSet(files, source, content.array, spec.labels ?? (await labelsBeside(files, spec.path)));
    case "text":
      throw new Refusal({ code: "E403", message: `${spec.path}: it is text`, hint: "name an array file" });
    case "image":
      throw new Refusal({
        code: "E403",
        message: `${spec.path}: it is one image, not an evaluation set`,
        hint: "name the folder that holds the images, one folder per class or with a labels.csv",
      });
  }
}

async function existing(files: Files, path: string): Promise<FileEntry> {
  const entry = await files.stat(path);
  if (!entry) {
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "." : path.slice(0, slash) || "/";
    const siblings = await files.list(folder, { limit: 1000 }).catch(() => []);
    const meant = nearest(
      path.slice(slash + 1),
      siblings.map((sibling) => baseName(sibling.path)),
    );
    throw new Refusal({
      code: "E400",
      message: `${path}: there is no such file or folder`,
      hint: meant
        ? `did you mean "${slash < 0 ? "" : path.slice(0, slash + 1)}${meant}"?`
        : "paths are relative to the system file's folder",
    });
  }
  if (entry.kind !== "file" && entry.kind !== "folder")
    throw new Refusal({
      code: "E400",
      message: `${path}: it is neither a file nor a folder`,
      hint: "name a regular file or folder",
    });
  return entry;
}

export const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

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

async function labelFile(files: Files, path: string): Promise<{ source: SourceFile; y: Values }> {
  const entry = await existing(files, path);
  if (entry.kind === "folder")
    throw new Refusal({
      code: "E401",
      message: `${path}: it is a folder, and labels are a file`,
      hint: "name the file that holds one label per sample",
    });
  const source = await readSource(files, path);
  const content = await reading(path, () => contentOf(source));
  switch (content.kind) {
    case "array":
      return { source, y: content.array };
    case "archive": {
      const byLower = new Map(content.names.map((name) => [name.toLowerCase(), name]));
      const name =
        content.names.length === 1
          ? content.names[0]!
          : PAIRS.map(([, y]) => byLower.get(y)).find((found) => found !== undefined);
      if (name === undefined)
        throw new Refusal({
          code: "E406",
          message: `${path}: which array holds the labels is not clear; it holds ${content.names.join(", ")}`,
          hint: "name it y",
        });
      return { source, y: await reading(path, () => content.array(name)) };
    }
    case "text":
    case "image":
      throw new Refusal({
        code: "E403",
        message: `${path}: no labels can be read from it`,
        hint: "save one label per sample as .npy, idx or .csv",
      });
  }
}

/** The file that by the usual habits holds the labels of `path`, if it is there: y48.npy for x48.npy, idx1 labels for idx3 images. */
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

async function folderSet(files: Files, spec: DatasetSpec, signal: Signal | undefined): Promise<RawSet> {
  const entries = await files.list(spec.path);
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
  const archives = entries.filter((entry) => entry.kind === "file" && /\.npz$/i.test(entry.path));
  throw new Refusal({
    code: "E408",
    message: `${spec.path}: it is a folder, and no evaluation set was found in it (${entries.length} entries)`,
    hint:
      archives.length > 0
        ? `name the file itself: "${archives[0]!.path}"`
        : "a folder holds x.npy and y.npy, an idx pair, or images: one folder per class, or flat with a labels.csv",
  });
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

/** One file: its own digest. Several: the hash of their list, so that none can be exchanged unseen. */
export const digest = (inputs: readonly { role: string; path: string; sha256: string }[]): string =>
  inputs.length === 1 ? inputs[0]!.sha256 : hashOf(inputs.map(({ role, sha256 }) => ({ role, sha256 })));
