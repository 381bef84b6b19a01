/** Compiles `knowledge/**` into `src/knowledge/entries.gen.json`; `--check` says whether the committed file is what the entries give. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatDiagnostic, isError } from "../src/base/diagnostics.ts";
import { compileKnowledge, knowledgeText, type EntryText } from "../src/knowledge/compile.ts";

/** The day the catalogues were last checked against their sources as a whole. */
export const EDITION = "2026-11-22";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "knowledge");
const target = join(root, "src", "knowledge", "entries.gen.json");

/** Every YAML file below `knowledge/`, in the order of the paths. */
export function readKnowledgeFolder(): EntryText[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".yaml"))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(folder, path), "utf8") }));
}

function main(check: boolean): number {
  const { knowledge, diagnostics } = compileKnowledge(readKnowledgeFolder(), EDITION);
  for (const diagnostic of diagnostics) console.error(formatDiagnostic(diagnostic));
  if (!knowledge || diagnostics.some(isError)) {
    console.error("the knowledge entries do not compile: nothing was written");
    return 1;
  }
  const text = knowledgeText(knowledge);
  let committed: string | undefined;
  try {
    committed = readFileSync(target, "utf8");
  } catch {
    // Not there yet: stale by definition.
  }
  if (check) {
    if (committed === text) return 0;
    console.error("src/knowledge/entries.gen.json is stale: run node scripts/knowledge.ts and commit the result");
    return 1;
  }
  if (committed !== text) writeFileSync(target, text);
  const { threats, controls, clauses, profiles, sectors } = knowledge;
  console.log(
    `${threats.length} threats, ${controls.length} controls, ${clauses.length} clauses, ${profiles.length} profiles, ${sectors.length} sectors · ${Math.round(text.length / 1024)} KiB · ${knowledge.hash}`,
  );
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.includes("--check"));
