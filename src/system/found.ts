/** Which of the files in a folder are models and which are data: by name, ending and size, for a starter to propose. */

export interface FoundFile {
  /** Relative to the folder of the system file to be, with forward slashes. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

export interface FoundModel extends FoundFile {
  /** What a look into the file would tell, where the caller took one: sizes of the first input (null: any) and of the last output. */
  readonly inputShape?: readonly (number | null)[];
  readonly outputs?: number;
}

export type FoundRole = "training" | "validation" | "test" | "knowledge-base";
export interface FoundDataset {
  /** A file, or a folder of pictures. */
  readonly path: string;
  readonly labels?: string;
  readonly role: FoundRole;
  /** Shape of one sample, where the caller looked. */
  readonly shape?: readonly number[];
  /** Smallest and largest raw value, where the caller looked. */
  readonly range?: readonly [number, number];
}

export interface Found {
  readonly models: readonly FoundModel[];
  readonly datasets: readonly FoundDataset[];
}

/** Endings that are models whatever their name (the formats of the artefact scanner); the attack needs ONNX. */
const MODEL_ENDINGS =
  /\.(onnx|pt|pth|ckpt|safetensors|gguf|ggml|h5|keras|tflite|pb|joblib|pkl|pickle|bst|cbm|mlmodel|pmml)$/i;
const DATA_ENDINGS = /\.(npz|npy|csv|tsv|parquet|jsonl|idx|arrow)(\.gz)?$|idx[123]-ubyte(\.gz)?$/i;
const DOCUMENT_ENDINGS = /\.(pdf|txt|md|docx)$/i;
const PICTURE_ENDINGS = /\.(png|jpe?g)$/i;

/** Folders that hold other people's files, results or the history, never the system's own models. */
const ASIDE = /(^|\/)(\.[^/]+|node_modules|__pycache__|venv|site-packages|dist|build|evidence)\//;

const LABEL_NAME = /(^|[_\-./])(y|labels?|targets?|answers?)\d*(?=[_\-.]|$)/i;
const INPUT_NAME = /(^|[_\-./])(x|inputs?|images?|features?)(\d*)(?=[_\-.]|$)/i;

/** Smaller files with a data ending are settings, larger ones are data; a labelled set of ten rows is about this size. */
const DATA_BYTES_MIN = 200;
/** A folder is a set of pictures from here on; fewer are illustrations. */
const PICTURES_MIN = 10;

/** Sorts a listing into models and data sets, each in the order of their paths; other files are left out. */
export function sortFound(listing: readonly FoundFile[]): Found {
  const files = listing.filter(({ path }) => !ASIDE.test(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const models = files.filter(({ path, size }) => MODEL_ENDINGS.test(path) && size > 0);
  const data = files.filter(({ path, size }) => DATA_ENDINGS.test(path) && size >= DATA_BYTES_MIN);
  const labels = data.filter(({ path }) => LABEL_NAME.test(baseName(path)) && !INPUT_NAME.test(baseName(path)));
  const sets = data.filter((file) => !labels.includes(file));
  const datasets = sets.map(({ path }): FoundDataset => {
    const beside = labels.find(
      (label) => folderOf(label.path) === folderOf(path) && pairKey(label.path) === pairKey(path),
    );
    return { path, ...(beside ? { labels: beside.path } : {}), role: roleOf(path) };
  });
  const pictures = pictureFolders(files).map((path): FoundDataset => ({ path, role: roleOf(`${path}/`) }));
  const documents = documentFolders(files).map((path): FoundDataset => ({ path, role: "knowledge-base" }));
  return { models, datasets: [...datasets, ...pictures, ...documents] };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** What is left of a name without its x or y, so that train_x.npy finds train_y.npy. */
const pairKey = (path: string): string =>
  baseName(path)
    .toLowerCase()
    .replace(/(images?|labels?|inputs?|targets?|features?|answers?|x|y)\d*(?=[_\-.]|$)/, "")
    .replace(/idx\d/, "")
    .replace(/(\.gz)?$/, "");

function roleOf(path: string): FoundRole {
  if (/(^|[/_\-.])(train|training|fit)(?=[/_\-.\d]|$)/i.test(path)) return "training";
  if (/(^|[/_\-.])(val|valid|validation|dev)(?=[/_\-.\d]|$)/i.test(path)) return "validation";
  if (/(^|[/_\-.])(knowledge|docs|documents|corpus|policies)(?=[/_\-.\d]|$)/i.test(path)) return "knowledge-base";
  return "test";
}

/** The folders that hold pictures; one folder per class counts as its parent. */
function pictureFolders(files: readonly FoundFile[]): string[] {
  const count = new Map<string, number>();
  for (const { path } of files)
    if (PICTURE_ENDINGS.test(path) && folderOf(path) !== "")
      count.set(folderOf(path), (count.get(folderOf(path)) ?? 0) + 1);
  const tops = new Map<string, { pictures: number; folders: Set<string> }>();
  for (const [folder, pictures] of count) {
    const parent = folderOf(folder);
    const top = tops.get(parent) ?? { pictures: 0, folders: new Set() };
    tops.set(parent, { pictures: top.pictures + pictures, folders: top.folders.add(folder) });
  }
  return [...tops]
    .flatMap(([parent, { pictures, folders }]) =>
      pictures < PICTURES_MIN ? [] : folders.size > 1 && parent !== "" ? [parent] : [...folders],
    )
    .toSorted();
}

const documentFolders = (files: readonly FoundFile[]): string[] =>
  [
    ...new Set(
      files
        .filter(({ path }) => DOCUMENT_ENDINGS.test(path) && roleOf(`${folderOf(path)}/`) === "knowledge-base")
        .map(({ path }) => folderOf(path)),
    ),
  ]
    .filter((folder) => folder !== "")
    .toSorted();
