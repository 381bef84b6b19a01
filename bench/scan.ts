/**
 * The scanner against what is known: `node bench/scan.ts [--fuzz N] [--list]`.
 *
 * - files with known verdicts, a table per corpus, and every file that came out otherwise with --list;
 * - benign pickles made on the spot by bench/scan/benign.py, where a Python with the libraries is at hand (PYTHON names it);
 * - N mutants (default 100,000) of small artefacts over all readers;
 * - speed on opcode-dense pickles and on large blobs, side by side with picklescan where PICKLESCAN names its source folder.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scanFile } from "#artefacts/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import { rng } from "#base/random.ts";
import { contentOf } from "#formats/content.ts";
import { scanPorts, scanPortsFor, withFile } from "#host/unpack.ts";
import { ARTEFACTS, HARMLESS, labelled, mutated, PAYLOADS } from "../test/support/artefacts.ts";
import { bytes, op } from "../test/support/pickle.ts";

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

/** Milliseconds of CPU: other programs on the machine take none of it. */
function worked(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function fuzz(mutants: number, folder: string): void {
  const seeds = [
    ...Object.values(HARMLESS),
    ...Object.values(PAYLOADS),
    ...(existsSync(ARTEFACTS) ? labelled().map(({ file }) => join(ARTEFACTS, file)) : [])
      .concat(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])
      .filter((path) => statSync(path).size <= 65_536)
      .map((path) => Uint8Array.from(readFileSync(path))),
  ];
  const random = rng("scan bench");
  let slowest = 0;
  let unsound = 0;
  let crashed = 0;
  const started = performance.now();
  for (let i = 0; i < mutants; i++) {
    const input = mutated(seeds[i % seeds.length]!, seeds[Math.floor(random.uniform() * seeds.length)]!, random);
    const at = worked();
    try {
      const file = scanFile("model.pkl", contentOf(input), scanPorts);
      if (lied(file)) unsound++;
    } catch (error) {
      if (++crashed <= 3) {
        console.log(`  mutant ${i} of seed ${i % seeds.length}: ${(error as Error).stack}`);
        writeFileSync(join(tmpdir(), `vauban-crash-${i}`), input);
      }
    }
    slowest = Math.max(slowest, (worked() - at) / Math.max(1, input.length / 1e6));
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `  ${mutants} mutants of ${seeds.length} seeds in ${seconds.toFixed(0)} s, ${(mutants / seconds).toFixed(0)} a second`,
  );
  holds(`${crashed} faults of ours`, crashed === 0);
  holds(`${unsound} called fine without having been read whole`, unsound === 0);
  holds(`the slowest took ${slowest.toFixed(0)} ms of CPU (wanted ≤ 1 s, and 1 s more per MB)`, slowest <= 1000);
  console.log(`  resident memory ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB`);
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
  console.log("\nMutants");
  fuzz(option("--fuzz", 100_000), join(folder, "benign"));
  console.log("\nSpeed");
  speed(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `\n${((performance.now() - began) / 1000).toFixed(0)} s; ${failures === 0 ? "everything holds" : `${failures} do not hold`}`,
);
process.exitCode = failures > 0 ? 1 : 0;
