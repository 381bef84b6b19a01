/**
 * Scans files in isolated processes, each with a cap on memory and time. A process that dies, hangs or grows costs its own
 * file, which is then unknown.
 */
import { fork, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LIMITS } from "#artefacts/limits.ts";
import type { Trace } from "#artefacts/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import type { Asked, FileScanner, Signal } from "#base/ports.ts";
import type { FromScanner, ToScanner } from "./scan-worker.ts";
import { answeredAlike, scanPorts, scanPortsFor } from "./unpack.ts";

export interface ScannerOptions {
  readonly workers: number;
  /** Most memory of one process, in bytes. */
  readonly memoryMax?: number;
  /** Milliseconds before a process is taken for hung, for tests; else what its size allows. */
  readonly timeMs?: number;
  /** Another script in the worker's place, for tests. */
  readonly worker?: string;
}

export interface FileToScan extends ToScanner {
  readonly size: number;
}

const MEMORY_MAX = 2 * 2 ** 30;
const WATCH_MS = 250;
/** A process that works no longer than this on a file may still take so many times as long on a busy machine. */
const WALL_FACTOR = 20;
/** A process that does not listen after this long never will. */
const START_MS = 120_000;
/** On top of the time the scan gives itself: a process that passes it does not look at its clock. */
const GRACE_MS = 5000;

/** A process takes a while to start: it is worth one more only for so many files or bytes. */
const FILES_EACH = 8;
const BYTES_EACH = 64 * 2 ** 20;

/** Scans files below `root` in at most `workers` processes. */
export function fileScanner(root: string, workers: number): FileScanner {
  let revision: string | undefined;
  return {
    get revision() {
      return (revision ??= sourcesHash());
    },
    async scan(files, signal, told) {
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      const useful = Math.ceil(Math.max(files.length / FILES_EACH, bytes / BYTES_EACH));
      const asked = files.map(({ path, size }) => ({ file: resolve(root, path), path, size }));
      await scanIsolated(
        asked,
        signal,
        { workers: Math.max(1, Math.min(workers, useful)) },
        (report, _, index, questions) => told(index, report as never, questions),
      );
    },
    holds: (path, asked) => answeredAlike(scanPortsFor(resolve(root, path), scanPorts, path), asked),
  };
}

/** The code that reads and judges, by its text: no change of it can leave an old report standing. */
function sourcesHash(): string {
  const digest = createHash("sha256").update(process.version);
  const add = (name: string, path: string): void => {
    digest.update(`\0${name}\0`).update(readFileSync(path));
  };
  for (const room of ["artefacts", "formats", "onnx"]) {
    const folder = fileURLToPath(new URL(`../${room}/`, import.meta.url));
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !/\.(test|testing)\.ts$/.test(name))
      .toSorted();
    for (const name of names) add(`${room}/${name}`, join(folder, name));
  }
  for (const name of ["scanner.ts", "scan-worker.ts", "unpack.ts"])
    add(`host/${name}`, fileURLToPath(new URL(name, import.meta.url)));
  return digest.digest("hex");
}

/**
 * Reports per file as they come, in no order. When the signal aborts, workers are killed where they stand and the promise
 * settles with what was told so far. Files that no longer can be read are unknown.
 */
export async function scanIsolated(
  files: readonly FileToScan[],
  signal: Signal,
  {
    workers,
    memoryMax = MEMORY_MAX,
    timeMs,
    worker = fileURLToPath(import.meta.resolve("#host/scan-worker.ts")),
  }: ScannerOptions,
  told: (report: ScanFile, traces: readonly Trace[], index: number, asked: readonly Asked[]) => void,
): Promise<void> {
  const queue = files.map((file, index) => ({ ...file, index }));
  const lane = async (): Promise<void> => {
    let child: ChildProcess | undefined;
    try {
      for (;;) {
        const file = signal.aborted ? undefined : queue.shift();
        if (!file) return;
        const fresh = child === undefined;
        child ??= start(worker, memoryMax);
        const limits = { memoryMax, timeMs: timeMs ?? patienceMs(file.size) };
        const answer =
          (fresh ? await listening(child, signal) : undefined) ?? (await asked(child, file, signal, limits));
        if (answer === "cancelled") return;
        if (answer.type === "died") child = undefined;
        if (answer.type === "scanned") told(answer.report, answer.traces, file.index, answer.asked);
        else told(await unread(file, answer), [], file.index, []);
      }
    } finally {
      child?.kill("SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(workers, files.length)) }, lane));
}

const patienceMs = (size: number): number => LIMITS.timeMs + (LIMITS.timePerMbMs * size) / 1e6 + GRACE_MS;

function start(worker: string, memoryMax: number): ChildProcess {
  return fork(worker, [], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: ["--no-warnings", "--max-semi-space-size=64", `--max-old-space-size=${Math.floor(memoryMax / 2 ** 20)}`],
  });
}

/** Nothing once the process listens; else why it never will. */
function listening(child: ChildProcess, signal: Signal): Promise<Died | "cancelled" | undefined> {
  return new Promise((settle) => {
    const patience = setTimeout(() => child.kill("SIGKILL"), START_MS);
    const onAbort = (): void => void child.kill("SIGKILL");
    const leave = (): void => {
      clearTimeout(patience);
      signal.removeEventListener("abort", onAbort);
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    const onMessage = (): void => {
      leave();
      settle(undefined);
    };
    const onExit = (): void => {
      leave();
      settle(
        signal.aborted
          ? "cancelled"
          : { type: "died", rule: "reader-failed", message: "the process that should read it did not start" },
      );
    };
    signal.addEventListener("abort", onAbort);
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

type Died = { readonly type: "died"; readonly rule: string; readonly message: string };

function asked(
  child: ChildProcess,
  file: FileToScan,
  signal: Signal,
  { memoryMax, timeMs }: { readonly memoryMax: number; readonly timeMs: number },
): Promise<Exclude<FromScanner, { type: "ready" }> | Died | "cancelled"> {
  return new Promise((settle) => {
    let killed: Died | undefined;
    const end = (rule: string, message: string): void => {
      killed = { type: "died", rule, message };
      child.kill("SIGKILL");
    };
    const before = workedMs(child.pid) ?? 0;
    const tooLong = (): void => end("limit-time", "the time for a file of this size is up; nothing of it is known");
    const patience = setTimeout(tooLong, WALL_FACTOR * timeMs);
    const watch = setInterval(() => {
      if ((workedMs(child.pid) ?? 0) - before > timeMs) tooLong();
      if (residentBytes(child.pid) > memoryMax)
        end("limit-memory", `reading it takes more than ${memoryMax / 2 ** 20} MB of memory; nothing of it is known`);
    }, WATCH_MS);
    const onAbort = (): void => {
      child.kill("SIGKILL");
    };
    const leave = (): void => {
      clearTimeout(patience);
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    const onMessage = (answer: FromScanner): void => {
      if (answer.type === "ready") return;
      leave();
      settle(answer);
    };
    const onExit = (code: number | null, by: NodeJS.Signals | null): void => {
      leave();
      if (signal.aborted) settle("cancelled");
      else
        settle(
          killed ?? {
            type: "died",
            rule: "reader-failed",
            message: `the process that read it ended (${by ?? `exit code ${code}`})`,
          },
        );
    };
    signal.addEventListener("abort", onAbort);
    child.on("message", onMessage);
    child.on("exit", onExit);
    child.send({ file: file.file, path: file.path, trace: file.trace ?? false } satisfies ToScanner);
  });
}

/** Milliseconds of work of a process so far; undefined where this machine does not say. */
function workedMs(pid: number | undefined): number | undefined {
  try {
    // Fields 14 and 15 of proc(5), behind the name in brackets, in hundredths of a second.
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return undefined;
  }
}

/** Resident memory of a process; 0 where this machine does not say. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
}

/** The report on a file that nobody came to the end of. */
async function unread(
  file: FileToScan,
  { message, ...answer }: Died | (FromScanner & { type: "failed" }),
): Promise<ScanFile> {
  const rule = answer.type === "died" ? answer.rule : answer.code === undefined ? "reader-failed" : "not-readable";
  return {
    path: file.path,
    sha256: await sha256Of(file.file),
    verdict: "unknown",
    read: "none",
    findings: [{ rule, severity: "unknown", confidence: "high", start: 0, end: file.size, message }],
    members: [],
  };
}

/** All zeros where the file cannot be read at all. */
function sha256Of(file: string): Promise<string> {
  return new Promise((settle) => {
    const digest = createHash("sha256");
    createReadStream(file)
      .on("data", (chunk) => digest.update(chunk))
      .on("error", () => settle("0".repeat(64)))
      .on("end", () => settle(digest.digest("hex")));
  });
}
