/** `vauban scan`: what files would do if they were loaded, and how much of them was read to say so. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { againstBaseline, type BaselinePlace, type Judged } from "#artefacts/baseline.ts";
import { scanRule } from "#artefacts/rules.ts";
import type { Trace } from "#artefacts/scan.ts";
import {
  SCAN_FORMAT,
  SCAN_VERDICTS,
  type ScanDocument,
  type ScanFile,
  type ScanFinding,
  type ScanTrace,
} from "#assessment/index.ts";
import { HostError } from "#base/ports.ts";
import { writeWhole } from "#host/index.ts";
import { scanIsolated } from "#host/scanner.ts";
import { scanSarif } from "#reports/scan-sarif.ts";
import type { Invocation, ScanFlags } from "#cli/main.ts";
import { progressView } from "#cli/progress.ts";
import { acceptance, placeOf, readBaseline, writeBaseline } from "#cli/scan/baseline-file.ts";
import { filesFound, uriPlaces } from "#cli/scan/files.ts";
import { regionKey, textRegions } from "#cli/scan/lines.ts";
import { scanTable } from "#cli/scan/table.ts";
import { writableFile } from "#cli/state.ts";
import { EXIT, plain, type ExitCode } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";

export async function scanCommand(
  { terminal, signal, json, quiet }: Invocation,
  paths: readonly string[],
  flags: ScanFlags,
  cwd = process.cwd(),
): Promise<ExitCode> {
  const today = flags.asOf ?? new Date().toISOString().slice(0, 10);
  const accepting = acceptance(flags, today);
  if (flags.sarif !== undefined) await writableFile("--sarif", flags.sarif, cwd);
  if (accepting !== undefined) await writableFile("--write-baseline", accepting.file);
  const baseline = flags.baseline === undefined ? undefined : await readBaseline(flags.baseline);
  const before = accepting === undefined ? undefined : await readBaseline(accepting.file, true);
  const found = await filesFound(paths, cwd);
  const { files, others } = found;
  if (files.length + others.length === 0)
    throw new HostError(`${paths.join(", ")} holds no files`, "name a file, or a folder with files in it");
  const view = progressView(terminal, () => performance.now(), quiet);
  const reports: ScanFile[] = [...others];
  const traces: ScanTrace[] = [];
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
        traces.push(...traced.map((trace) => traceOf(report.path, trace)));
        done++;
        step(plain(report.path));
      },
    );
  } finally {
    view.close();
  }
  const byPath = (a: { readonly path: string }, b: { readonly path: string }): number =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
  reports.sort(byPath);
  traces.sort(byPath);
  const partial =
    signal.aborted && done < total ? `cancelled: ${total - done} of ${total} files were not scanned` : undefined;
  const placed = (file: string): BaselinePlace => {
    const place = placeOf(file, found);
    // What a cancelled run did not come to is not gone.
    return partial === undefined ? place : { ...place, covers: () => false };
  };
  let judged =
    flags.baseline === undefined
      ? againstBaseline(reports, undefined, today)
      : againstBaseline(reports, baseline, today, placed(flags.baseline));
  if (accepting !== undefined && partial !== undefined) terminal.err(`baseline  ${partial}: nothing was accepted\n`);
  else if (accepting !== undefined) {
    const place = placed(accepting.file);
    const open = againstBaseline(judged.files, before, today, place);
    const added = await writeBaseline(accepting, before, open, place);
    terminal.err(
      `baseline  ${added === 1 ? "1 entry" : `${added} entries`} written to ${plain(accepting.file)}, accepted until ${accepting.expires}\n`,
    );
    const after = againstBaseline(judged.files, await readBaseline(accepting.file), today, place);
    const same = flags.baseline !== undefined && resolve(flags.baseline) === resolve(accepting.file);
    judged = {
      ...after,
      accepted: [...judged.accepted, ...after.accepted],
      lapsed: [...(same ? [] : judged.lapsed), ...after.lapsed],
    };
  }
  const document: ScanDocument = {
    format: SCAN_FORMAT,
    files: judged.files,
    ...(flags.trace ? { traces } : {}),
    summary: {
      files: reports.length,
      verdicts: counted(SCAN_VERDICTS, (verdict) => reports.filter((file) => file.verdict === verdict).length),
      read: counted(["whole", "part", "none"] as const, (read) => reports.filter((file) => file.read === read).length),
      accepted: [...judged.accepted],
      lapsed: [...judged.lapsed],
      ...(partial === undefined ? {} : { partial }),
    },
  };
  if (flags.sarif !== undefined) {
    const regions = await textRegions(
      document.files,
      found.fullPath,
      new Map(files.map(({ path, size }) => [path, size])),
    );
    const places = {
      ...uriPlaces(found, cwd, flags.sarifAbsolute ?? false),
      regionOf: (path: string, start: number, end: number) => regions.get(regionKey(path, start, end)),
    };
    await writeWhole(
      resolve(cwd, flags.sarif),
      `${JSON.stringify(scanSarif(document, VERSION, scanRule, places), null, 2)}\n`,
    );
  }
  if (json) {
    terminal.out(`${JSON.stringify(document, null, 2)}\n`);
    for (const { because, message } of judged.lapsed)
      terminal.err(`${terminal.errColours.yellow("baseline")}  ${because}: ${plain(message)}\n`);
  } else terminal.out(scanTable(document, terminal.colours, terminal.columns));
  if (partial !== undefined) return EXIT.cancelled;
  return exitCode(judged, flags.failOn);
}

/** A member's path is that of its file, and the names it lies in, joined by `!`. */
function traceOf(path: string, { path: way, steps, acts }: Trace): ScanTrace {
  return { path, ...(way === path ? {} : { member: way.slice(path.length + 1) }), steps: [...steps], total: acts };
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
export function exitCode({ open }: Pick<Judged, "open">, failOn: ScanFlags["failOn"]): ExitCode {
  const has = (...severities: readonly string[]): boolean =>
    open.some(({ finding }) => severities.includes(finding.severity));
  if (has(...FAILING[failOn ?? "suspicious"])) return EXIT.finding;
  return failOn === undefined && has("unknown") ? EXIT.inconclusive : EXIT.fine;
}
