/** What a JSON document can be a program or a description of; a document can be several. */
import type { JsonNode } from "#formats/json.ts";
import type { Subject, Surroundings } from "#artefacts/check.ts";
import { configurations } from "./configurations.ts";
import { elsewhere } from "./elsewhere.ts";
import { keras } from "./keras.ts";
import { libraries } from "./libraries.ts";
import { mlpackage } from "./mlpackage.ts";
import { notebook } from "./notebook.ts";
import { skops } from "./skops.ts";
import { templates } from "./templates.ts";
import { xgboost } from "./xgboost.ts";
import { yolo } from "./yolo.ts";

export interface JsonReading {
  /** By what stands in the document; the name decides only between documents that look alike. */
  readonly recognises: (root: JsonNode, path: string, surroundings: Surroundings) => boolean;
  readonly judges: (root: JsonNode, subject: Subject) => void;
}

const READINGS: readonly JsonReading[] = [
  keras,
  skops,
  notebook,
  templates,
  configurations,
  libraries,
  elsewhere,
  yolo,
  xgboost,
  mlpackage,
];

/** Judges a document by everything it can be. */
export function judgeValue(root: JsonNode, subject: Subject): void {
  for (const { recognises, judges } of READINGS)
    if (recognises(root, subject.path, subject.surroundings)) judges(root, subject);
}
