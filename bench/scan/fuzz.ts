/**
 * One lane of the fuzzing: `node bench/scan/fuzz.ts MUTANTS LANE FOLDER…` scans mutants of small artefacts and of the small files in these
 * folders, and prints what came of it as one line of JSON. Lanes draw different mutants; the same lane draws the same ones.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scanFile } from "#artefacts/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import { rng } from "#base/random.ts";
import { contentOf } from "#formats/content.ts";
import { scanPorts } from "#host/unpack.ts";
import { ARTEFACTS, HARMLESS, labelled, mutated, PAYLOADS, UNDECIDED } from "../../test/support/artefacts.ts";

export interface FuzzResult {
  readonly mutants: number;
  readonly seeds: number;
  /** Seconds by the clock. */
  readonly seconds: number;
  readonly faults: readonly string[];
  readonly unsound: number;
  /** Milliseconds of work for the slowest, beyond a second for each megabyte. */
  readonly slowestMs: number;
  readonly rssMb: number;
}

const SEED_MAX = 65_536;
/** Every so many mutants one of a larger seed: they cost as much as all the small ones before. */
const LARGE = 4096;
const LARGE_EVERY = 12;
/** Milliseconds by the clock after which a mutant shows again, in time of the processor, that it is slow. */
const SEEMS_SLOW = 150;

const [count, lane, ...folders] = process.argv.slice(2);
const mutants = Number(count);
const files = (existsSync(ARTEFACTS) ? labelled().map(({ file }) => join(ARTEFACTS, file)) : [])
  .concat(
    folders
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))),
  )
  .filter((path) => statSync(path).size <= SEED_MAX)
  .map((path) => Uint8Array.from(readFileSync(path)));
const seeds = [...Object.values(HARMLESS), ...Object.values(UNDECIDED), ...Object.values(PAYLOADS), ...files];
const small = seeds.filter(({ length }) => length <= LARGE);
const large = seeds.filter(({ length }) => length > LARGE);

const lied = (file: ScanFile): boolean =>
  file.verdict === "no code path found" && (file.read !== "whole" || file.members.some(({ read }) => read !== "whole"));
function worked(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

// What is thrown is shown by its message; where it came from is asked only of faults of ours, which are scanned again.
Error.stackTraceLimit = 0;
const random = rng(`scan bench ${lane}`);
const pick = (from: readonly Uint8Array[]): Uint8Array => from[Math.floor(random.uniform() * from.length)]!;
const faults: string[] = [];
let unsound = 0;
let slowestMs = 0;
const began = performance.now();
for (let i = 0; i < mutants; i++) {
  const seed = large.length > 0 && i % LARGE_EVERY === 0 ? pick(large) : small[i % small.length]!;
  const input = mutated(seed, pick(small), random);
  const at = performance.now();
  try {
    if (lied(scanFile("model.pkl", contentOf(input), scanPorts))) unsound++;
  } catch {
    const kept = join(tmpdir(), `vauban-crash-${lane}-${i}`);
    writeFileSync(kept, input);
    Error.stackTraceLimit = 20;
    try {
      scanFile("model.pkl", contentOf(input), scanPorts);
    } catch (error) {
      faults.push(`${kept}: ${(error as Error).stack}`);
    }
    Error.stackTraceLimit = 0;
  }
  if (performance.now() - at > SEEMS_SLOW) {
    const before = worked();
    scanFile("model.pkl", contentOf(input), scanPorts);
    slowestMs = Math.max(slowestMs, worked() - before - input.length / 1000);
  }
}
const result: FuzzResult = {
  mutants,
  seeds: seeds.length,
  seconds: (performance.now() - began) / 1000,
  faults: faults.slice(0, 3),
  unsound,
  slowestMs,
  rssMb: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(result));
