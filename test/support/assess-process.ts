/** A whole assessment as a process of its own, for tests that kill it: arguments are folder, state, units per shard; prints the hash. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assessed } from "./assess.ts";

const [folder, state, units] = process.argv.slice(2) as [string, string, string];
const { hash, run } = await assessed(readFileSync(join(folder, "vauban.yaml"), "utf8"), folder, {
  state,
  samples: 40,
  queries: 60,
  shardUnits: Number(units),
});
console.log(JSON.stringify({ hash, reused: run.reused }));
