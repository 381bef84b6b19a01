/** The manifest of a Core ML package: which of its files are what (coremltools, mlmodel/src/MLPackage). */
import { JsonObject, memberOf, textIn } from "#formats/json.ts";
import type { JsonReading } from "./readings.ts";
import { OUTSIDE } from "#artefacts/outside.ts";

export const mlpackage: JsonReading = {
  recognises: (root) =>
    memberOf(root, "itemInfoEntries")?.value instanceof JsonObject && textIn(root, "rootModelIdentifier") !== undefined,
  judges(root, { report }) {
    const entries = memberOf(root, "itemInfoEntries")!.value as JsonObject;
    const say = (severity: "suspicious" | "unknown", start: number, end: number, message: string): void =>
      report({ rule: "coreml-package", severity, confidence: "high", start, end, message });
    for (const [, entry] of entries.members) {
      const path = textIn(entry, "path");
      if (path === undefined) say("unknown", entry.start, entry.end, "an entry of the package has no path");
      else if (OUTSIDE.test(path))
        say(
          "suspicious",
          entry.start,
          entry.end,
          `an entry lies outside the package: ${JSON.stringify(path.slice(0, 120))}`,
        );
    }
    const main = textIn(root, "rootModelIdentifier")!;
    if (entries.get(main) === undefined)
      say("unknown", root.start, root.end, "the package's model is none of its entries");
  },
};
