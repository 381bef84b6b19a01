/** Evaluation sets: files that hold samples and labels, checked before anything is measured on them. */
export { openDataset } from "./open.ts";
export { selectSamples } from "./select.ts";
export type { DatasetSpec } from "./sources.ts";
export type { Declared, EvaluationSet, InputFile, Layout, OpenedDataset } from "./evaluation-set.ts";
