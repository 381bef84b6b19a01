/** The manifest of a Core ML package: which of its files are what (coremltools, modelpackage/src/ModelPackage.cpp). */
import { JsonObject, memberOf, textIn } from "#formats/json.ts";
import { beside, hangsOn } from "#artefacts/beside.ts";
import { leads } from "#artefacts/outside.ts";
import type { JsonReading } from "./readings.ts";

/** Where the package's files lie, beside the manifest. */
const DATA = "Data/";
/** What every entry says (ModelPackageImpl::validate). */
const SAID = ["path", "name", "author", "description"];
const ENTRIES_MAX = 1000;

export const mlpackage: JsonReading = {
  recognises: (root) =>
    memberOf(root, "itemInfoEntries")?.value instanceof JsonObject &&
    (memberOf(root, "rootModelIdentifier") ?? memberOf(root, "fileFormatVersion")) !== undefined,
  judges(root, { report, ports, meter }) {
    const entries = memberOf(root, "itemInfoEntries")!.value as JsonObject;
    const say = (
      severity: "suspicious" | "unknown",
      { start, end }: { readonly start: number; readonly end: number },
      message: string,
      name?: string,
    ): void =>
      report({
        rule: "coreml-package",
        severity,
        confidence: "high",
        start,
        end,
        message,
        ...(name !== undefined && hangsOn(name, ports)),
      });
    const version = textIn(root, "fileFormatVersion");
    if (version !== "1.0.0")
      say("unknown", root, `the package is of version ${shown(version)}, where 1.0.0 is the one that is known`);
    const main = textIn(root, "rootModelIdentifier");
    if (main === undefined || entries.get(main) === undefined)
      say("unknown", root, "the package's model is none of its entries");
    for (const [index, [identifier, entry]] of entries.members.entries()) {
      meter.tick();
      if (index === ENTRIES_MAX)
        return say("unknown", entry, `more than ${ENTRIES_MAX} entries: the rest was not looked for`);
      const missing = SAID.filter(
        (name) => textIn(entry, name) === undefined || (name === "path" && textIn(entry, name) === ""),
      );
      if (missing.length > 0) say("unknown", entry, `an entry of the package does not say its ${missing.join(", ")}`);
      const path = textIn(entry, "path");
      if (path === undefined) continue;
      const out = leads(path);
      // Weights are a folder of the package; its model is a file.
      const { problem } = beside(DATA + path, ports, identifier === main ? ["file"] : ["file", "folder"]);
      const what = `an entry of the package is ${shown(path)}`;
      if (out !== undefined) say("suspicious", entry, `${what}, ${out}: loading reads what is no part of the package`);
      else if (problem) say(problem.severity, entry, `${what}, ${problem.says}`, DATA + path);
    }
  },
};

const shown = (text: string | undefined): string =>
  text === undefined ? "no text" : JSON.stringify(text.slice(0, 120));
