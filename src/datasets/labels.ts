/** Labels that lie in a file of their own, and the names that samples and labels usually go by. */
import type { Files } from "#base/ports.ts";
import { contentOf } from "./arrays.ts";
import { labelColumn } from "./columns.ts";
import type { Values } from "./evaluation-set.ts";
import { existing, reading, readSource, Refusal, type SourceFile } from "./sources.ts";

/** Names that belong together, evaluation data before anything else. */
export const PAIRS: readonly (readonly [x: string, y: string])[] = [
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
/** One label per sample from an array, an archive that holds one, or a table's label column. */
export async function labelFile(files: Files, path: string): Promise<{ source: SourceFile; y: Values }> {
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
      return { source, y: await reading(path, () => labelColumn(content.bytes, path)) };
    case "image":
      throw new Refusal({
        code: "E403",
        message: `${path}: no labels can be read from it`,
        hint: "save one label per sample as .npy, idx or .csv",
      });
  }
}
