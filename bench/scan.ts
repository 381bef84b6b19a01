/**
 * The scanner against what is known: `node bench/scan.ts [--fuzz N] [--gigabytes N] [--list]`.
 *
 * - files with known verdicts, a table per corpus, and every file that came out otherwise with --list;
 * - benign pickles made on the spot by bench/scan/benign.py, where a Python with the libraries is at hand (PYTHON names it);
 * - what the search for secrets, addresses and hidden programs says about files that have none: this repository's and the shared data;
 * - N mutants (default 1,000,000) of small artefacts over all readers, in two processes;
 * - models of a gigabyte: how long the header takes and how long the hash; and a folder of N gigabytes (default 10; sparse files);
 * - speed on opcode-dense pickles and on large blobs, side by side with picklescan where PICKLESCAN names its source folder.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scanFile } from "#artefacts/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import { scanPortsFor, withFile } from "#host/unpack.ts";
import { ARTEFACTS, labelled } from "../test/support/artefacts.ts";
import { SHARED_DATA } from "../test/support/assess.ts";
import { bytes, op } from "../test/support/pickle.ts";
import type { FuzzResult } from "./scan/fuzz.ts";
import type { LargeResult } from "./scan/large.ts";

const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const list = process.argv.includes("--list");
const python = process.env.PYTHON ?? "/usr/bin/python3";
let failures = 0;
const began = performance.now();

const scanPath = (path: string, name: string): ScanFile =>
  withFile(path, (content) => scanFile(name, content, scanPortsFor(path)));
const flagged = ({ verdict }: ScanFile): boolean => verdict === "malicious" || verdict === "suspicious";
/** A format that is read: something recognised the file. */
const supported = (file: ScanFile): boolean => !file.findings.some(({ rule }) => rule === "not-recognised");
const lied = (file: ScanFile): boolean =>
  file.verdict === "no code path found" && (file.read !== "whole" || file.members.some(({ read }) => read !== "whole"));
const holds = (what: string, fine: boolean): void => {
  if (!fine) failures++;
  console.log(`  ${fine ? "holds" : "FAILS"}  ${what}`);
};
const percent = (part: number, whole: number): string => (whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`);

function corpora(): void {
  if (!existsSync(ARTEFACTS)) return console.log(`files with known verdicts: absent (${ARTEFACTS})`);
  const columns = ["corpus", "malicious", "flagged", "benign", "flagged", "unknown", "not read", "other", "ms/file"];
  console.log(columns.map((name, i) => (i === 0 ? name.padEnd(24) : name.padStart(10))).join(""));
  const all = labelled().map((entry) => {
    const started = performance.now();
    const file = scanPath(join(ARTEFACTS, entry.file), entry.file);
    return { ...entry, scan: file, ms: performance.now() - started };
  });
  const row = (name: string, part: typeof all): void => {
    const malicious = part.filter(({ label }) => label === "malicious");
    const benign = part.filter(({ label }) => label === "benign");
    const known = benign.filter(({ scan }) => supported(scan));
    console.log(
      [
        name.padEnd(24),
        ...[
          malicious.length,
          malicious.filter(({ scan }) => flagged(scan)).length,
          benign.length,
          benign.filter(({ scan }) => flagged(scan)).length,
          known.filter(({ scan }) => scan.verdict === "unknown").length,
          benign.length - known.length,
          part.length - malicious.length - benign.length,
          (part.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, part.length)).toFixed(1),
        ].map((cell) => String(cell).padStart(10)),
      ].join(""),
    );
  };
  for (const corpus of new Set(
    all.map(({ file }) =>
      file
        .split("/")
        .slice(0, file.startsWith("modelaudit/samples") ? 3 : 2)
        .join("/")
        .replace(/\/[^/]*\.[^/]*$/, ""),
    ),
  ))
    row(
      corpus,
      all.filter(({ file }) => file.startsWith(`${corpus}/`)),
    );
  row("all", all);
  const malicious = all.filter(({ label }) => label === "malicious");
  const benign = all.filter(({ label }) => label === "benign");
  const readable = malicious.filter(({ scan }) => supported(scan));
  const known = benign.filter(({ scan }) => supported(scan));
  const caught = malicious.filter(({ scan }) => flagged(scan)).length;
  const alarms = benign.filter(({ scan }) => flagged(scan)).length;
  const unknown = known.filter(({ scan }) => scan.verdict === "unknown").length;
  console.log(
    `  in formats that are read: ${readable.filter(({ scan }) => flagged(scan)).length} of ${readable.length} malicious flagged`,
  );
  holds(
    `${caught} of ${malicious.length} malicious flagged (${percent(caught, malicious.length)}; wanted ≥ 95 %)`,
    caught >= 0.95 * malicious.length,
  );
  holds(
    `${alarms} of ${benign.length} benign flagged (${percent(alarms, benign.length)}; wanted ≤ 5 %)`,
    alarms <= 0.05 * benign.length,
  );
  holds(
    `${unknown} of ${known.length} benign in formats that are read unknown (${percent(unknown, known.length)}; wanted ≤ 10 %)`,
    unknown <= 0.1 * known.length,
  );
  const lies = all.filter(({ scan }) => lied(scan)).length;
  holds(`${lies} files called "no code path found" that were not read whole`, lies === 0);
  const broken = all.filter(({ label }) => ["malformed", "invalid", "unscannable"].includes(label));
  const fine = broken.filter(({ scan }) => scan.verdict === "no code path found").length;
  holds(`${fine} of ${broken.length} malformed, invalid or unscannable files called "no code path found"`, fine === 0);
  if (list)
    for (const { file, label, scan } of all)
      if ((label === "malicious" && !flagged(scan)) || (label === "benign" && scan.verdict !== "no code path found"))
        console.log(
          `  ${label} came out ${scan.verdict}: ${file}  ${scan.findings[0]?.message ?? scan.members.flatMap(({ findings }) => findings)[0]?.message ?? ""}`,
        );
}

function benignPickles(folder: string): void {
  const made = spawnSync(python, ["-W", "ignore", fileURLToPath(new URL("scan/benign.py", import.meta.url)), folder], {
    encoding: "utf8",
  });
  if (made.status !== 0)
    return console.log(`benign pickles: none made (${made.error?.message ?? made.stderr.trim().split("\n").at(-1)})`);
  if (made.stdout.trim()) console.log(`benign pickles: ${made.stdout.trim().replaceAll("\n", "; ")}`);
  const files = readdirSync(folder).map((name) => ({ name, scan: scanPath(join(folder, name), name) }));
  const alarms = files.filter(({ scan }) => flagged(scan));
  const unknown = files.filter(({ scan }) => scan.verdict === "unknown");
  holds(`${files.length} benign pickles made here (wanted ≥ 40)`, files.length >= 40);
  holds(
    `${alarms.length} of them flagged (${percent(alarms.length, files.length)}; wanted ≤ 5 %)`,
    alarms.length <= 0.05 * files.length,
  );
  console.log(
    `         ${unknown.length} unknown, ${files.filter(({ scan }) => scan.read === "whole").length} read whole`,
  );
  holds("none called fine without having been read whole", !files.some(({ scan }) => lied(scan)));
  if (list)
    for (const { name, scan } of [...alarms, ...unknown])
      console.log(`  ${scan.verdict}: ${name}  ${scan.findings[0]?.message ?? ""}`);
}

/** Rules of the search through text: of these, every finding on a file that has nothing to hide is a false alarm. */
const SEARCHED = new Set(["secret", "code-in-metadata", "carried-program", "address"]);

function noise(): void {
  const roots = ["../docs", "../src", "../examples", "../knowledge"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const own = roots.flatMap((root) => filesIn(root)).filter((path) => !path.endsWith(".test.ts"));
  const shared = existsSync(SHARED_DATA)
    ? filesIn(SHARED_DATA).filter((path) => !path.startsWith(ARTEFACTS) && statSync(path).size < 20e6)
    : [];
  const benign = existsSync(ARTEFACTS)
    ? labelled()
        .filter(({ label }) => label === "benign")
        .map(({ file }) => join(ARTEFACTS, file))
    : [];
  const files = [...own, ...shared, ...benign];
  const said = (file: ScanFile): ScanFile["findings"] => [
    ...file.findings.filter(({ rule }) => SEARCHED.has(rule)),
    ...file.members.flatMap(said),
  ];
  let bytes = 0;
  const alarms = files.flatMap((path) => {
    bytes += statSync(path).size;
    return said(scanPath(path, path)).map((finding) => ({ path, ...finding }));
  });
  const grave = alarms.filter(({ severity }) => severity !== "note");
  console.log(`  ${files.length} files, ${(bytes / 1e6).toFixed(0)} MB: ${alarms.length - grave.length} notes`);
  holds(`${grave.length} false alarms`, grave.length === 0);
  if (list)
    for (const { path, rule, start, message } of alarms) console.log(`  ${rule} at ${start} of ${path}: ${message}`);
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** What a script of this folder prints as its last line, from a process of its own. */
async function asked<Result>(script: string, ...args: readonly string[]): Promise<Result> {
  const path = fileURLToPath(new URL(`scan/${script}`, import.meta.url));
  const child = spawn(process.execPath, ["--no-warnings", "--max-semi-space-size=64", path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (out += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
  return JSON.parse(out.trim().split("\n").at(-1)!) as Result;
}

const LANES = 2;

async function fuzz(mutants: number, folder: string): Promise<void> {
  const lanes = await Promise.all(
    Array.from({ length: LANES }, (_, lane) =>
      asked<FuzzResult>("fuzz.ts", `${Math.ceil(mutants / LANES)}`, `${lane}`, folder),
    ),
  );
  const sum = (of: (lane: FuzzResult) => number): number => lanes.reduce((total, lane) => total + of(lane), 0);
  const seconds = Math.max(...lanes.map((lane) => lane.seconds));
  const total = sum((lane) => lane.mutants);
  console.log(
    `  ${total} mutants of ${lanes[0]!.seeds} seeds in ${seconds.toFixed(0)} s by ${LANES} processes, ${(total / seconds).toFixed(0)} a second`,
  );
  for (const fault of lanes.flatMap(({ faults }) => faults)) console.log(`  ${fault}`);
  holds(
    `${sum(({ faults }) => faults.length)} faults of ours`,
    lanes.every(({ faults }) => faults.length === 0),
  );
  holds(
    `${sum(({ unsound }) => unsound)} called fine without having been read whole`,
    sum(({ unsound }) => unsound) === 0,
  );
  const slowest = Math.max(...lanes.map(({ slowestMs }) => slowestMs));
  holds(
    `the slowest took ${slowest.toFixed(0)} ms of work beyond a second for each MB (wanted ≤ 1000)`,
    slowest <= 1000,
  );
  const rss = Math.max(...lanes.map(({ rssMb }) => rssMb));
  holds(`${rss.toFixed(0)} MB of memory at most (wanted ≤ 1024)`, rss <= 1024);
}

async function large(gigabytes: number, folder: string): Promise<void> {
  const { files, folder: streamed } = await asked<LargeResult>("large.ts", folder, `${gigabytes}`);
  for (const { format, gb, verdict, headerMs, hashMs } of files) {
    console.log(
      `  ${format} of ${gb.toFixed(1)} GB: header ${headerMs.toFixed(0)} ms, SHA-256 ${(hashMs / 1000).toFixed(1)} s; ${verdict}`,
    );
    holds("the header in less than a second, and read whole", headerMs < 1000 && verdict === "no code path found");
  }
  if (streamed.rssMb.length === 0) return;
  console.log(
    `  a folder of ${streamed.gb.toFixed(0)} GB in ${streamed.seconds.toFixed(0)} s, ${streamed.gbPerSecond.toFixed(2)} GB/s with hashes; memory file by file ${streamed.rssMb.join(", ")} MB`,
  );
  const [first, ...rest] = streamed.rssMb;
  holds(
    "memory stays flat: no file leaves more than a quarter more than the first",
    rest.every((mb) => mb <= 1.25 * first!),
  );
}

/** A list of small integers, floats, short texts and memo entries: nothing but opcodes. */
function dense(size: number): Uint8Array {
  const item = bytes(
    "K",
    1,
    "M",
    2,
    3,
    "J",
    1,
    2,
    3,
    4,
    "G",
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    op.str("layer.weight"),
    0x94,
    "N",
    0x88,
    ")",
    "]",
    0x94,
  );
  const batch = bytes("(", ...Array.from({ length: 200 }, () => item), "e");
  const parts: Uint8Array[] = [bytes(op.proto(4), "]")];
  for (let at = 0; at < size; at += batch.length) parts.push(batch);
  return joined(parts, bytes("."));
}
function joined(parts: readonly Uint8Array[], end: Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.concat([...parts, end]));
}

function speed(folder: string): void {
  const blob = new Uint8Array(256 * 2 ** 20);
  for (let i = 0; i < blob.length; i += 4) blob[i] = (i * 2654435761) >>> 24;
  const header = bytes(op.proto(4), "B", new Uint8Array(Uint32Array.of(blob.length).buffer));
  const files: Readonly<Record<string, Uint8Array>> = {
    "opcode-dense": dense(8 * 2 ** 20),
    "one large blob": joined([header, blob], bytes(".")),
  };
  const picklescan = process.env.PICKLESCAN;
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, `${name.replaceAll(" ", "-")}.pkl`);
    writeFileSync(path, content);
    const ours: number[] = [];
    const theirs: number[] = [];
    // Side by side, so that both meet the same machine.
    for (let round = 0; round < 3; round++) {
      const { user, system } = process.cpuUsage();
      const file = scanPath(path, name);
      const spent = process.cpuUsage();
      ours.push((spent.user + spent.system - user - system) / 1e6);
      if (file.verdict !== "no code path found") holds(`${name} is ${file.verdict}`, false);
      if (picklescan) theirs.push(Number(execFileSync(python, ["-c", THEIRS, picklescan, path], { encoding: "utf8" })));
    }
    const [a, b] = [Math.min(...ours), Math.min(...theirs)];
    const mb = content.length / 1e6;
    console.log(
      `  ${name}: ${mb.toFixed(0)} MB in ${a.toFixed(2)} s of CPU, ${(mb / a).toFixed(0)} MB/s${picklescan ? `; picklescan ${b.toFixed(2)} s: ${(b / a).toFixed(1)} times as long` : ""}`,
    );
    if (picklescan)
      holds(
        name === "opcode-dense" ? "at least 10 times as fast" : "no slower",
        b / a >= (name === "opcode-dense" ? 10 : 1),
      );
  }
  if (!picklescan) console.log("  picklescan: PICKLESCAN names no source folder; not compared");
}

const THEIRS = `
import sys, time, logging
sys.path.insert(0, sys.argv[1])
from picklescan.scanner import scan_file_path
logging.disable(logging.CRITICAL)
began = time.process_time()
scan_file_path(sys.argv[2])
print(time.process_time() - began)
`;

const folder = mkdtempSync(join(tmpdir(), "vauban-bench-scan-"));
try {
  console.log("Files with known verdicts");
  corpora();
  console.log("\nBenign pickles made here");
  benignPickles(join(folder, "benign"));
  console.log("\nFalse alarms of the search through text");
  noise();
  console.log("\nMutants");
  await fuzz(option("--fuzz", 1_000_000), join(folder, "benign"));
  console.log("\nLarge files");
  await large(option("--gigabytes", 10), folder);
  console.log("\nSpeed");
  speed(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `\n${((performance.now() - began) / 1000).toFixed(0)} s; ${failures === 0 ? "everything holds" : `${failures} do not hold`}`,
);
process.exitCode = failures > 0 ? 1 : 0;
