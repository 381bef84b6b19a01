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

/** A file that no ending gives away and that is a model, or holds one, by its content. */
export interface FoundPart extends FoundFile {
  /** The format, in the field's words. */
  readonly what: string;
}

export interface Found {
  readonly models: readonly FoundModel[];
  readonly datasets: readonly FoundDataset[];
  /** Where the caller looked into the other files: those that are scanned with the model they lie beside. */
  readonly parts?: readonly FoundPart[];
  /** Files that seem to be models, or that hold them, and were not taken. */
  readonly passedOver?: readonly { readonly path: string; readonly because: string }[];
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

/** Text and settings: what a look into them could only confirm. */
const TEXT_ENDINGS = /\.(py|pyi|ipynb|[cm]?[jt]sx?|json|ya?ml|toml|html?|css|xml|lock|cfg|ini|sh|log|sig|pem|sarif)$/i;
/** Endings under which models are also kept, and data, and much else. */
const PERHAPS_ENDINGS = /\.(bin|dat|model|params|weights|zip|gz|bz2|xz|zst|7z|tar|tgz)$/i;
/** Folders whose files nobody counts as found: installed by others, or hidden. */
const INSTALLED = /(^|\/)(\.[^/]+|node_modules|__pycache__|venv|site-packages)\//;

/** Files that only their content can place, and those with a model's ending that were left out, with the reason. */
export function unplaced(listing: readonly FoundFile[]): {
  readonly unnamed: readonly FoundFile[];
  readonly passedOver: readonly { readonly path: string; readonly because: string }[];
} {
  const files = listing.filter(({ path }) => !INSTALLED.test(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const others = [MODEL_ENDINGS, DATA_ENDINGS, DOCUMENT_ENDINGS, PICTURE_ENDINGS, TEXT_ENDINGS];
  return {
    unnamed: files.filter(
      ({ path, size }) => size > 0 && !ASIDE.test(path) && !others.some((endings) => endings.test(path)),
    ),
    passedOver: files.flatMap(({ path, size }) =>
      !MODEL_ENDINGS.test(path)
        ? []
        : size === 0
          ? [{ path, because: "it is empty" }]
          : ASIDE.test(path)
            ? [{ path, because: "its folder is one of results or builds" }]
            : [],
    ),
  };
}

/** Whether a name lets one expect a model where the content is recognised as nothing. */
export const mayBeModel = (path: string): boolean => PERHAPS_ENDINGS.test(path);

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
