/** XGBoost's models, written as JSON. */
import { isXgboost, judgeXgboost } from "#artefacts/boosted.ts";
import { fromJson } from "#artefacts/document.ts";
import type { JsonReading } from "./readings.ts";

export const xgboost: JsonReading = {
  recognises: (root) => isXgboost(fromJson(root)),
  judges: (root, subject) => judgeXgboost(fromJson(root), subject),
};
