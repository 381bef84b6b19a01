/** XGBoost's models, written as JSON. */
import { fromJson, isXgboost, judgeXgboost } from "#artefacts/boosted.ts";
import type { JsonReading } from "./readings.ts";

export const xgboost: JsonReading = {
  recognises: (root) => isXgboost(fromJson(root)),
  judges: (root, subject) => judgeXgboost(fromJson(root), subject),
};
