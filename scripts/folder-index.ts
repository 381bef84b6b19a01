/** An index is written from the files beside it, `zip.ts` by `zip.ts`: which of them count, and whether what is committed is stale. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The files that count, in the order of their names: what they are called, and as what they are imported. */
export const namesIn = (files: readonly string[]): { name: string; as: string }[] =>
  files
    .filter((file) => /^[a-z][a-z0-9-]*\.ts$/.test(file))
    .map((file) => file.slice(0, -".ts".length))
    .toSorted()
    .map((name) => ({ name, as: name.replace(/-(.)/g, (_, letter) => letter.toUpperCase()) }));

/** Writes `index.gen.ts` into a folder of the repository, or with `--check` says whether it is stale. Sets the exit code. */
export function keepIndex(folder: string, script: string, textOf: (files: readonly string[]) => string): void {
  const at = fileURLToPath(new URL(`../${folder}`, import.meta.url));
  const target = join(at, "index.gen.ts");
  const text = textOf(readdirSync(at));
  let committed: string | undefined;
  try {
    committed = readFileSync(target, "utf8");
  } catch {
    // Not there yet: stale by definition.
  }
  if (committed === text) return;
  if (process.argv.includes("--check")) {
    console.error(`${folder}/index.gen.ts is stale\n  remedy: node scripts/${script}, and commit the result`);
    process.exitCode = 1;
    return;
  }
  writeFileSync(target, text);
}
