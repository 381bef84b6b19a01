/**
 * Samples of Threagile, OTM and Threat Dragon through the importer: `node --no-warnings bench/imports.ts`. Every value of a sample has to
 * come over or be listed, and the result has to be a sound system file; ends with 1 where one is not.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { importModel } from "#imports/models/index.ts";
import { broken } from "../test/support/imported.ts";
import { sharedData } from "../test/support/npy.ts";
import { THREAT_MODEL_SAMPLES } from "../test/support/threat-model-samples.ts";

/** The table, and whether every sample kept its account. Nothing is met where the samples are not on this machine. */
export function importsSection(): { readonly lines: readonly string[]; readonly met: boolean } {
  const folder = join(sharedData, "threat-models");
  if (!existsSync(folder))
    return { lines: ["no threat models here: set VAUBAN_TEST_DATA to the folder that holds them"], met: false };
  const lines = ["sample                                    values  came over   listed  unlisted  questions     ms"];
  let met = true;
  for (const [name] of THREAT_MODEL_SAMPLES) {
    const text = readFileSync(join(folder, name), "utf8");
    const start = process.cpuUsage();
    const { model, diagnostics } = importModel(text, name);
    const ms = process.cpuUsage(start).user / 1000;
    const listed = model?.losses.reduce((sum, { values }) => sum + values, 0) ?? 0;
    // The one sample our YAML reader takes and its library does not: a line in quotes, indented too little.
    const source: unknown = name.endsWith(".json")
      ? JSON.parse(text)
      : parse(text.replace(/^ {8}\}'$/m, "         }'"));
    const wrong = model ? broken(source, model) : diagnostics.map(({ message }) => message);
    met &&= wrong.length === 0;
    const carried = model?.carried.length ?? 0;
    lines.push(
      `${name.padEnd(40)}${[carried + listed, carried, listed, wrong.length, model?.questions.length ?? 0].map((n) => String(n).padStart(9)).join(" ")} ${ms.toFixed(0).padStart(6)}`,
      ...wrong.map((words) => `  ${words}`),
    );
  }
  return { lines, met };
}

if (import.meta.main) {
  const { lines, met } = importsSection();
  console.log(lines.join("\n"));
  process.exitCode = met ? 0 : 1;
}
