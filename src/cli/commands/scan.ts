/** `vauban scan`: what files would do if they were loaded, and how much of them was read to say so. */
import { createHash } from "node:crypto";
import { lstat, readFile, readdir, readlink, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join, relative, resolve, sep } from "node:path";
import { parse } from "yaml";
import { againstBaseline, scanBaseline, type Judged, type ScanBaseline } from "#artefacts/baseline.ts";
import type { Trace } from "#artefacts/scan.ts";
import {
  SCAN_FORMAT,
  SCAN_VERDICTS,
  type ScanDocument,
  type ScanFile,
  type ScanFinding,
  type ScanRead,
  type ScanVerdict,
} from "#assessment/index.ts";
import { HostError } from "#base/ports.ts";
import { explained, writeWhole } from "#host/index.ts";
import { scanIsolated, type FileToScan } from "#host/scanner.ts";
import { scanSarif } from "#reports/scan-sarif.ts";
import type { Invocation, ScanFlags } from "#cli/main.ts";
import { progressView } from "#cli/progress.ts";
import { EXIT, plain, type Colours, type ExitCode, type Terminal } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";

export async function scanCommand(
  { terminal, signal, json, quiet }: Invocation,
  paths: readonly string[],
  flags: ScanFlags,
): Promise<ExitCode> {
  const baseline = flags.baseline === undefined ? undefined : await readBaseline(flags.baseline);
  const today = flags.asOf ?? new Date().toISOString().slice(0, 10);
  const { files, others } = await found(paths);
  if (files.length + others.length === 0)
    throw new HostError(`${paths.join(", ")} holds no files`, "name a file, or a folder with files in it");
  const view = progressView(terminal, () => performance.now(), quiet);
  const reports: ScanFile[] = [...others];
  const traces: Trace[] = [];
  const total = files.length;
  let done = 0;
  const step = (note = ""): void => view.report({ stage: "scan", item: "files", label: "files", done, total, note });
  if (total > 0) step();
  try {
    await scanIsolated(
      files.map((file) => ({ ...file, trace: flags.trace ?? false })),
      signal,
      { workers: flags.workers ?? Math.min(availableParallelism(), 8) },
      (report, traced) => {
        reports.push(report);
        traces.push(...traced);
        done++;
        step(plain(report.path));
      },
    );
  } finally {
    view.close();
  }
  reports.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const judged = againstBaseline(reports, baseline, today);
  const partial =
    signal.aborted && done < total ? `cancelled: ${total - done} of ${total} files were not scanned` : undefined;
  const document: ScanDocument = {
    format: SCAN_FORMAT,
    files: reports,
    summary: {
      files: reports.length,
      verdicts: counted(SCAN_VERDICTS, (verdict) => reports.filter((file) => file.verdict === verdict).length),
      read: counted(["whole", "part", "none"] as const, (read) => reports.filter((file) => file.read === read).length),
      accepted: [...judged.accepted],
      ...(partial === undefined ? {} : { partial }),
    },
  };
  if (flags.sarif !== undefined)
    await writeWhole(resolve(flags.sarif), `${JSON.stringify(scanSarif(document, VERSION), null, 2)}\n`);
  for (const idle of judged.idle) terminal.err(`${terminal.errColours.yellow("baseline")}  ${plain(idle)}\n`);
  if (json) terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  else terminal.out(table(document, judged, traces, terminal));
  if (partial !== undefined) return EXIT.cancelled;
  return exitCode(judged, flags.failOn);
}

function counted<Key extends string>(keys: readonly Key[], count: (key: Key) => number): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, count(key)])) as Record<Key, number>;
}

const FAILING: Readonly<Record<NonNullable<ScanFlags["failOn"]>, readonly ScanFinding["severity"][]>> = {
  malicious: ["malicious"],
  suspicious: ["malicious", "suspicious"],
  unknown: ["malicious", "suspicious", "unknown"],
};

/** What the findings that nothing accepts come to. */
export function exitCode({ open }: Judged, failOn: ScanFlags["failOn"]): ExitCode {
  const has = (...severities: readonly string[]): boolean =>
    open.some(({ finding }) => severities.includes(finding.severity));
  if (has(...FAILING[failOn ?? "suspicious"])) return EXIT.finding;
  return failOn === undefined && has("unknown") ? EXIT.inconclusive : EXIT.fine;
}

async function readBaseline(path: string): Promise<ScanBaseline> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw explained(error, path);
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new HostError(
      `${path} is no YAML: ${(error as Error).message.split("\n")[0]}`,
      "see docs/scanning.md for an example",
    );
  }
  const read = scanBaseline.safeParse(value);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path: at, message }) => `${at.join(".") || "the file"}: ${message}`);
  throw new HostError(`${path} is no baseline: ${problems.join("; ")}`, "see docs/scanning.md for an example");
}

const slashed = (path: string): string => path.split(sep).join("/");
const FILES_MAX = 1_000_000;

/**
 * Every file below the paths, by name. A path in the report is relative to the one folder that was named, or to where the
 * user stands when there are several. What is no file – a link, a device – is reported as not read.
 */
async function found(paths: readonly string[]): Promise<{ files: FileToScan[]; others: ScanFile[] }> {
  const files: FileToScan[] = [];
  const others: ScanFile[] = [];
  const several = paths.length > 1;
  const seen = new Set<string>();
  for (const path of paths) {
    const root = resolve(path);
    const named = (full: string): string =>
      several
        ? slashed(relative(process.cwd(), full)) || "."
        : full === root
          ? basename(full)
          : slashed(relative(root, full));
    const add = async (full: string): Promise<void> => {
      if (seen.has(full)) return;
      seen.add(full);
      // What the user names is followed; what lies below is not.
      const entry = await (full === root ? stat(full) : lstat(full));
      if (entry.isDirectory()) {
        for (const name of (await readdir(full)).toSorted()) await add(join(full, name));
      } else if (entry.isFile()) files.push({ file: full, path: named(full), size: entry.size });
      else if (entry.isSymbolicLink()) {
        const target = await readlink(full);
        others.push(notRead(named(full), target, "link-not-followed", `a link to ${target}, which was not followed`));
      } else others.push(notRead(named(full), "", "not-a-file", "neither a file, a folder nor a link"));
      if (files.length + others.length > FILES_MAX)
        throw new HostError(`${path} holds more than ${FILES_MAX} files`, "name a smaller folder");
    };
    try {
      await add(root);
    } catch (error) {
      throw explained(error, path);
    }
  }
  return { files, others };
}

/** The report on what is no file; its hash is that of the text it is. */
function notRead(path: string, text: string, rule: string, message: string): ScanFile {
  return {
    path,
    sha256: createHash("sha256").update(text).digest("hex"),
    verdict: "unknown",
    read: "none",
    findings: [{ rule, severity: "unknown", confidence: "high", start: 0, end: 0, message }],
    members: [],
  };
}

const TONE: Readonly<Record<ScanVerdict, (c: Colours) => (text: string) => string>> = {
  malicious: (c) => (text) => c.bold(c.red(text)),
  suspicious: (c) => (text) => c.bold(c.yellow(text)),
  unknown: (c) => c.yellow,
  "header-ok": (c) => c.cyan,
  "no code path found": (c) => c.green,
};
const SHOWN = 3;
const MARGIN = " ".repeat(4);

function table(
  { files, summary }: ScanDocument,
  { accepted }: Judged,
  traces: readonly Trace[],
  { colours: c }: Terminal,
): string {
  const lines: string[] = [];
  const width = Math.max(...SCAN_VERDICTS.map(({ length }) => length));
  lines.push(c.bold(`${"VERDICT".padEnd(width)}  ${"READ".padEnd(5)}  FILE`));
  const worstFirst = files.toSorted((a, b) => SCAN_VERDICTS.indexOf(a.verdict) - SCAN_VERDICTS.indexOf(b.verdict));
  for (const file of worstFirst) {
    lines.push(`${TONE[file.verdict](c)(file.verdict.padEnd(width))}  ${file.read.padEnd(5)}  ${plain(file.path)}`);
    const told = ranked(file);
    for (const { where, finding } of told.slice(0, SHOWN))
      lines.push(`${MARGIN}${c.dim(`${where}${finding.rule} at byte ${finding.start}:`)} ${plain(finding.message)}`);
    if (told.length > SHOWN) lines.push(`${MARGIN}${c.dim(`and ${told.length - SHOWN} more; --json lists them`)}`);
  }
  for (const trace of traces) lines.push("", ...traced(trace, c));
  const count = (n: number, what: string): string => `${n} ${what}`;
  const verdicts = SCAN_VERDICTS.filter((verdict) => summary.verdicts[verdict] > 0).map((verdict) =>
    TONE[verdict](c)(count(summary.verdicts[verdict], verdict)),
  );
  const reads = (["whole", "part", "none"] as const satisfies readonly ScanRead[]).map((read) =>
    count(summary.read[read], { whole: "whole", part: "in part", none: "not" }[read]),
  );
  lines.push(
    "",
    `${c.bold("FILES")}     ${summary.files}: ${verdicts.join(", ")}`,
    `${c.bold("READ")}      ${reads.join(", ")}`,
  );
  if (accepted.length > 0)
    lines.push(
      `${c.bold("ACCEPTED")}  ${accepted.length === 1 ? "1 finding" : `${accepted.length} findings`} by the baseline; they keep their verdict and fail nothing`,
    );
  if (summary.partial !== undefined) lines.push(`${c.bold("PARTIAL")}   ${summary.partial}`);
  lines.push(
    c.dim("“no code path found” speaks of loading the file; it is no evidence against a backdoor in the weights."),
  );
  return `${lines.join("\n")}\n`;
}

/** Findings of a file and its members that led to the verdict, the gravest first; notes only where there is nothing else. */
function ranked(file: ScanFile): readonly { where: string; finding: ScanFinding }[] {
  const all: { where: string; finding: ScanFinding }[] = [];
  const walk = (one: ScanFile, where: string): void => {
    for (const finding of one.findings) if (finding.severity !== "note") all.push({ where, finding });
    for (const member of one.members) walk(member, `${where}${plain(member.path)}! `);
  };
  walk(file, "");
  const rank = { malicious: 0, suspicious: 1, unknown: 2, note: 3 } as const;
  return all.toSorted((a, b) => rank[a.finding.severity] - rank[b.finding.severity]);
}

function traced({ path, steps, acts }: Trace, c: Colours): readonly string[] {
  const title = c.bold(`LOADING ${plain(path)} WOULD`);
  if (acts === 0) return [`${title} call nothing: plain data`];
  return [
    title,
    ...steps.map((step) => `${MARGIN}${plain(step)}`),
    ...(acts > steps.length ? [`${MARGIN}… and ${acts - steps.length} steps more`] : []),
  ];
}
