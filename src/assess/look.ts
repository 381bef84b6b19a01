/** A first look at the files of a folder: which are models and which are data, and what they say of themselves. Nothing is executed. */
import { rangeOf } from "./readings.ts";
import { HostError, type Files } from "#base/ports.ts";
import { openDataset } from "#datasets/open.ts";
import { OnnxError } from "#onnx/errors.ts";
import { loadGraph } from "#onnx/graph.ts";
import { formatsOf } from "#artefacts/scan.ts";
import { contentOf } from "#formats/content.ts";
import { FormatError } from "#formats/error.ts";
import {
  mayBeModel,
  sortFound,
  unplaced,
  type Found,
  type FoundDataset,
  type FoundFile,
  type FoundModel,
  type FoundPart,
} from "#system/found.ts";

/** Larger files are named, not looked into. */
const LOOK_LIMIT = 256 * 2 ** 20;

/** Models and data below a folder, with input and output sizes of ONNX models and the value range of readable data. */
export async function lookAround(files: Files): Promise<Found> {
  const listing = (await files.list(".", { recursive: true })).filter(({ kind }) => kind === "file");
  const there = listing.map(({ path, size }) => ({ path: path.replace(/^\.\//, ""), size }));
  const found = sortFound(there);
  const models: FoundModel[] = [];
  for (const model of found.models) models.push({ ...model, ...(await modelSays(files, model)) });
  const datasets: FoundDataset[] = [];
  for (const dataset of found.datasets) datasets.push({ ...dataset, ...(await dataSay(files, dataset)) });
  const { unnamed, passedOver } = unplaced(there);
  const parts: FoundPart[] = [];
  const left = [...passedOver];
  for (const file of unnamed) {
    const formats = await formatsIn(files, file);
    const [what] = formats.filter((format) => MODEL_FORMATS.has(format));
    if (what !== undefined) parts.push({ ...file, what });
    else if (mayBeModel(file.path) && !formats.includes(ARRAY))
      left.push({ ...file, because: `no model by its content${formats[0] === undefined ? "" : `: ${formats[0]}`}` });
  }
  return {
    models,
    datasets,
    parts,
    passedOver: left.map(({ path, because }) => ({ path, because })).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

/** What the scan recognises as a model, or as something that models are packed in. */
const MODEL_FORMATS: ReadonlySet<string> = new Set([
  "pickle",
  "legacy PyTorch file",
  "zip archive",
  "tar archive",
  "7z archive",
  "packed stream",
  "safetensors file",
  "GGUF file",
  "HDF5 file",
  "ONNX model",
  "TFLite model",
  "TensorFlow model",
  "Core ML model",
  "CatBoost model",
  "LightGBM model",
  "PMML model",
  "UBJSON document",
]);
const ARRAY = "npy array";
/** Of larger files the beginning is looked at. */
const HEAD = 2 ** 20;

async function formatsIn(files: Files, { path, size }: FoundFile): Promise<readonly string[]> {
  try {
    const source = await files.open(path);
    return formatsOf(contentOf(await source.read(0, Math.min(size, HEAD))), path);
  } catch (error) {
    if (error instanceof HostError || error instanceof FormatError) return [];
    throw error;
  }
}

async function modelSays(files: Files, { path, size }: FoundModel): Promise<Partial<FoundModel>> {
  if (!path.endsWith(".onnx") || size > LOOK_LIMIT) return {};
  try {
    const { graph } = loadGraph(await files.readWhole(path, LOOK_LIMIT));
    const inputShape = graph.inputs[0]?.dims?.map((dim) => (dim !== null && dim > 0 ? dim : null));
    const outputs = graph.outputs[0]?.dims?.at(-1);
    return {
      ...(inputShape && inputShape.length >= 2 ? { inputShape } : {}),
      ...(outputs ? { outputs } : {}),
    };
  } catch (error) {
    // An unreadable model is still proposed: assessing it will say what is wrong with it.
    if (error instanceof OnnxError || error instanceof HostError) return {};
    throw error;
  }
}

async function dataSay(files: Files, { path, labels }: FoundDataset): Promise<Partial<FoundDataset>> {
  const entry = await files.stat(path);
  if (!entry || entry.size > LOOK_LIMIT) return {};
  const opened = await openDataset(files, { path, labels });
  if (opened.status === "refused") return {};
  return { shape: opened.set.shape, range: rangeOf(opened.set).range };
}
