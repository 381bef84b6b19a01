/**
 * Holds bounds, branching and attacks against properties with known verdicts: `npm run bench:robustness`, a seeded and stratified sample;
 * `-- --full` for all of them with a minute each; further words name sets. One core. Ends with 1 where anything known is contradicted.
 */
import { readFileSync } from "node:fs";
import { verify } from "#assess/verify.ts";
import { rng } from "#base/random.ts";
import { openClassifier } from "#onnx/classifier.ts";
import { PROPERTY_SETS, knownProperties } from "../test/support/properties.ts";
import type { KnownProperty } from "../test/support/properties.ts";
import { haveSharedData } from "../test/support/npy.ts";
import { onnxRuntime } from "#host/runtime.ts";

const words = process.argv.slice(2);
const full = words.includes("--full");
const named = words.filter((word) => !word.startsWith("--"));
if (!haveSharedData) {
  console.log("no properties with known verdicts here: set VAUBAN_TEST_DATA to the folder that holds them");
  process.exit(2);
}

/** Per set and verdict, how many the sample takes; seconds for each property. */
const SAMPLE = 12;
const SECONDS = full ? 60 : 20;
const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const { signal } = new AbortController();
const runtime = await onnxRuntime();

/** All, or some of each verdict, spread over how long they took the fastest tool. */
function chosen(set: string, properties: readonly KnownProperty[]): KnownProperty[] {
  if (full) return [...properties];
  return (["holds", "violated"] as const).flatMap((truth) => {
    const those = properties
      .filter((property) => property.truth === truth)
      .sort((a, b) => (a.bestSeconds ?? 0) - (b.bestSeconds ?? 0));
    if (those.length <= SAMPLE) return those;
    const random = rng(`robustness/${set}/${truth}`);
    return Array.from({ length: SAMPLE }, (_, k) => {
      const from = Math.floor((those.length * k) / SAMPLE),
        to = Math.floor((those.length * (k + 1)) / SAMPLE);
      return those[from + random.below(to - from)]!;
    });
  });
}

interface Row {
  readonly set: string;
  proved: number;
  holds: number;
  broken: number;
  violated: number;
  reference: number;
  readonly contradictions: string[];
  readonly ours: number[];
  readonly best: number[];
  readonly open: string[];
  seconds: number;
}

const median = (values: readonly number[]): string =>
  values.length === 0 ? "–" : values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!.toFixed(2);
const columns = ["proved", "of", "broken", "of", "reference", "ours s", "best tool s", "all s", "contradicted"];
console.log(
  `${full ? "all properties" : "a sample"} of grades A and B, ${SECONDS} s each, one core${full ? "" : `, seed "robustness"; all with -- --full`}`,
);
console.log("set".padEnd(26) + columns.map((name) => name.padStart(12)).join(""));
const rows: Row[] = [];
for (const [set, shape] of Object.entries(PROPERTY_SETS)) {
  if (named.length > 0 && !named.some((name) => set.startsWith(name))) continue;
  const { file, properties } = knownProperties(set);
  const classifier = await openClassifier({
    bytes: new Uint8Array(readFileSync(file)),
    input: { range: [0, 1], scale: 1, mean: [], std: [], integer: false },
    sampleShape: shape,
    runtime,
  });
  const row: Row = {
    set,
    proved: 0,
    holds: 0,
    broken: 0,
    violated: 0,
    reference: 0,
    contradictions: [],
    ours: [],
    best: [],
    open: [],
    seconds: 0,
  };
  const started = performance.now();
  for (const { id, truth, parts, bestSeconds, referenceFound } of chosen(set, properties)) {
    const begun = performance.now();
    const found = await verify(classifier, parts, runtime, {
      signal,
      rng: rng(`robustness/${set}/${id}`),
      clock,
      secondsMax: SECONDS,
      nodesMax: 10_000_000,
    });
    const seconds = (performance.now() - begun) / 1000;
    if (truth === "holds") row.holds++;
    else row.violated++;
    if (referenceFound) row.reference++;
    if (found.verdict === truth) {
      if (truth === "holds") row.proved++;
      else row.broken++;
      row.ours.push(seconds);
      if (bestSeconds !== undefined) row.best.push(bestSeconds);
    } else if (found.verdict === "unknown") row.open.push(`${id}: ${found.because} after ${seconds.toFixed(0)} s`);
    else row.contradictions.push(`${id}: known as ${truth}, found ${found.verdict} by ${found.method}`);
  }
  row.seconds = (performance.now() - started) / 1000;
  rows.push(row);
  const cells = [
    row.proved,
    row.holds,
    row.broken,
    row.violated,
    row.reference,
    median(row.ours),
    median(row.best),
    row.seconds.toFixed(0),
    row.contradictions.length,
  ];
  console.log(set.padEnd(26) + cells.map((cell) => String(cell).padStart(12)).join(""));
  for (const line of row.contradictions) console.log(`  CONTRADICTION ${line}`);
  for (const line of row.open.slice(0, full ? Infinity : 4)) console.log(`  open  ${line}`);
  await classifier.release();
}

/** Networks, not sets: ACAS Xu is one. */
const byNetwork = new Map<string, { proved: number; holds: number }>();
for (const { set, proved, holds } of rows) {
  const name = set.split("/")[0]!;
  const sum = byNetwork.get(name) ?? { proved: 0, holds: 0 };
  byNetwork.set(name, { proved: sum.proved + proved, holds: sum.holds + holds });
}
const shares = [...byNetwork.values()].filter(({ holds }) => holds > 0).map(({ proved, holds }) => proved / holds);
const total = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0);
const contradictions = total(({ contradictions: list }) => list.length);
console.log(
  `proved ${total((r) => r.proved)} of ${total((r) => r.holds)} (macro-average over networks ${((100 * shares.reduce((a, b) => a + b, 0)) / Math.max(1, shares.length)).toFixed(1)} %), broken ${total((r) => r.broken)} of ${total((r) => r.violated)} (the reference attack ${total((r) => r.reference)}), ${total((r) => r.seconds).toFixed(0)} s, ${contradictions} contradictions`,
);
process.exitCode = contradictions > 0 ? 1 : 0;
