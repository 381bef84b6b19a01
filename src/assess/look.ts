/** A first look at the files of a folder: which are models and which are data, and what they say of themselves. Nothing is executed. */
import { rangeOf } from "./readings.ts";
import { HostError, type Files } from "#base/ports.ts";
import { openDataset } from "#datasets/open.ts";
import { OnnxError } from "#onnx/errors.ts";
import { loadGraph } from "#onnx/graph.ts";
import { sortFound, type Found, type FoundDataset, type FoundModel } from "#system/found.ts";

/** Larger files are named, not looked into. */
const LOOK_LIMIT = 256 * 2 ** 20;

/** Models and data below a folder, with input and output sizes of ONNX models and the value range of readable data. */
export async function lookAround(files: Files): Promise<Found> {
  const listing = (await files.list(".", { recursive: true })).filter(({ kind }) => kind === "file");
  const found = sortFound(listing.map(({ path, size }) => ({ path: path.replace(/^\.\//, ""), size })));
  const models: FoundModel[] = [];
  for (const model of found.models) models.push({ ...model, ...(await modelSays(files, model)) });
  const datasets: FoundDataset[] = [];
  for (const dataset of found.datasets) datasets.push({ ...dataset, ...(await dataSay(files, dataset)) });
  return { models, datasets };
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
