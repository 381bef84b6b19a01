/** Writes, or with --check compares, everything in the house that is made from something else. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const GENERATORS = ["floors.ts", "knowledge.ts", "rules-index.ts", "checks-index.ts"];
const check = process.argv.includes("--check");
let stale = 0;
for (const name of GENERATORS) {
  const script = fileURLToPath(new URL(name, import.meta.url));
  if (!existsSync(script)) throw new Error(`${name} is missing`);
  const { status } = spawnSync(process.execPath, [script, ...(check ? ["--check"] : [])], { stdio: "inherit" });
  if (status !== 0) stale++;
}
if (stale > 0) {
  console.error(`${stale} generated file${stale === 1 ? " is" : "s are"} stale\n  remedy: npm run generate`);
  process.exit(1);
}
