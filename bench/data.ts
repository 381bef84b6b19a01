/**
 * The data checks on real data: what they find, how many planted faults of each kind they see, how often clean samples raise an alarm;
 * wrong labels planted into real ones and into made-up worlds; then speed on 60,000 images of 28 × 28, drawn from real ones by shifts, contrast and noise. `npm run bench:data [faults] [--no-speed]`.
 * Ends with 1 where a bound at the foot does not hold.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DataReport } from "#assessment/data.ts";
import { rng } from "#base/random.ts";
import { checkData, CHECK_IDS } from "#datasets/integrity/check-data.ts";
import { openRecords } from "#datasets/integrity/open-records.ts";
import type { Records } from "#datasets/integrity/records.ts";
import { filesBelow } from "#host/files.ts";
import { labelNoise } from "./data-labels.ts";

const DATA = process.env.VAUBAN_TEST_DATA ?? fileURLToPath(new URL("../../shared/data", import.meta.url));
const faults = Number(process.argv[2] ?? 50) || 50;
const SETS: readonly {
  readonly name: string;
  readonly path: string;
  readonly train?: string;
  readonly range?: readonly [number, number];
}[] = [
  { name: "MNIST", path: "images/mnist/x.npy", range: [0, 255] },
  { name: "digits 8x8", path: "images/digits8x8/x.npy", train: "images/digits8x8/train_x.npy", range: [0, 16] },
  { name: "CIFAR-10", path: "images/cifar10/x.npy", range: [0, 255] },
  { name: "GTSRB", path: "images/gtsrb48/x48.npy", range: [0, 255] },
  { name: "breast cancer", path: "tabular/breast_cancer/x.npy", train: "tabular/breast_cancer/train_x.npy" },
  { name: "German credit", path: "tabular/german_credit/x.npy", train: "tabular/german_credit/train_x.npy" },
  { name: "ItalyPower", path: "timeseries/italy_power/x.npy", train: "timeseries/italy_power/train_x.npy" },
];
if (!existsSync(DATA)) {
  console.error(`the data are not there: ${DATA}\n  remedy: set VAUBAN_TEST_DATA`);
  process.exit(2);
}

async function opened(path: string): Promise<Records> {
  const result = await openRecords(filesBelow(DATA), { path });
  if (result.status === "opened") return result.records;
  throw new Error(result.diagnostics.map(({ message }) => message).join("\n"));
}
const cpuSeconds = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};
const quiet = { signal: new AbortController().signal, rng: rng(1), faults };
const bracket = ({ low, high }: { low: number; high: number }): string => `[${low.toFixed(2)}, ${high.toFixed(2)}]`;
const cells = (...words: readonly string[]): string =>
  [words[0]!.padEnd(15), words[1]!.padEnd(15), words[2]!.padStart(9), words[3]!.padEnd(14), words[4]!].join("  ");

const reports = new Map<string, DataReport>();
console.log(cells("data", "check", "saw", "95 %", "of what was planted, or raised without a fault"));
for (const { name, path, train, range } of SETS) {
  const before = process.cpuUsage();
  const data = await opened(path);
  const other = train === undefined ? undefined : await opened(train);
  const report = await checkData(quiet, {
    data,
    ...(other && { train: other, reference: other }),
    ...(range && { range }),
  });
  reports.set(name, report);
  for (const { id, outcome, planted, falseAlarms, findings } of report.checks) {
    if (outcome === "not asked") continue;
    for (const { fault, detected } of planted)
      console.log(cells(name, id, `${detected.k}/${detected.n}`, bracket(detected), fault));
    for (const { clean, raised } of falseAlarms)
      console.log(cells(name, id, `${raised.k}/${raised.n}`, bracket(raised), `CLEAN: ${clean}`));
    for (const { severity, message } of findings) console.log(cells(name, id, "", `FOUND ${severity}`, message));
    if (outcome === "cannot tell") console.log(cells(name, id, "", "CANNOT TELL", ""));
  }
  console.log(cells(name, "", "", "", `${cpuSeconds(before).toFixed(1)} s of CPU\n`));
}

const missed: string[] = [];
const holds = (said: boolean, what: string): void => {
  if (!said) missed.push(what);
};
for (const [name, { checks }] of reports)
  for (const { id, planted, falseAlarms } of checks) {
    for (const { fault, detected } of planted) {
      const easy = /an exact copy|put into the test set$|noise of|darker|taken away|infinite|differs in one digit/.test(
        fault,
      );
      if (
        (id === "duplicates" || id === "leakage" || id === "schema") &&
        easy &&
        !/rounded|one value|moved/.test(fault)
      )
        holds(detected.k >= 0.98 * detected.n, `${name}: ${id} saw ${detected.k} of ${detected.n}: ${fault}`);
      if (id === "trigger-patch" && /5 %/.test(fault) && detected.n > 0 && name !== "GTSRB")
        holds(detected.k >= 0.9 * detected.n, `${name}: ${id} saw ${detected.k} of ${detected.n}: ${fault}`);
    }
    for (const { clean, raised } of falseAlarms)
      if (id === "shift" || id === "trigger-patch" || id === "target-leak")
        // Its own α is 0.05: more than that for certain is too many.
        holds(raised.low <= 0.05, `${name}: ${id} raised ${raised.k} of ${raised.n}: ${clean}`);
  }

const labelled = [];
for (const { name, path } of SETS) labelled.push({ name, data: await opened(path) });
missed.push(...(await labelNoise(labelled)));

if (!process.argv.includes("--no-speed")) {
  const digits = await opened("images/mnist/x.npy");
  const large = many(digits, 60_000);
  const part = many(digits, 10_000, "train");
  console.log("speed on 60,000 × 784 (training data and reference: 10,000)");
  for (const id of CHECK_IDS) {
    const before = process.cpuUsage();
    const [check] = (await checkData(quiet, { data: large, train: part, reference: part, range: [0, 255], only: [id] }))
      .checks;
    if (check!.outcome === "not asked") continue;
    console.log(`  ${id.padEnd(15)} ${cpuSeconds(before).toFixed(1).padStart(6)} s of CPU   ${check!.outcome}`);
  }
}
console.log(missed.length === 0 ? "every bound holds" : `NOT HELD\n  ${missed.join("\n  ")}`);
process.exitCode = missed.length === 0 ? 0 : 1;

/** Images moved by up to three pixels, with other contrast and noise: no two alike, and like the real ones. */
function many(from: Records, n: number, name = "data"): Records {
  const random = rng(`many ${name}`);
  const { size, grid } = from;
  const { height, width } = grid!;
  const x = new Float32Array(n * size);
  const y = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const source = random.below(from.n);
    y[i] = from.y![source]!;
    const [down, right, scale] = [random.below(7) - 3, random.below(7) - 3, 0.6 + 0.4 * random.uniform()];
    for (let r = 0; r < height; r++)
      for (let c = 0; c < width; c++) {
        const [row, column] = [r - down, c - right];
        const inside = row >= 0 && column >= 0 && row < height && column < width;
        const value = inside ? from.x[source * size + row * width + column]! : 0;
        x[i * size + r * width + c] = Math.max(0, Math.min(255, Math.round(scale * value + 10 * random.normal())));
      }
  }
  return { ...from, place: `${n} images`, n, x, y };
}
