/** Runs planned scans: what is stored is taken, each file is stored as soon as it is read, and what is cancelled goes on from there. */
import { hashOf } from "#base/hash.ts";
import type { Asked, FileScanner } from "#base/ports.ts";
import type { Run } from "#base/run.ts";
import {
  SCAN_VERDICTS,
  type ArtefactsMeasure,
  type ScanFile,
  type ScanFinding,
  type ScannedFile,
  type ScanRead,
  type ScanVerdict,
  type Trial,
} from "#assessment/index.ts";
import type { ScanPlan } from "./artefacts.ts";
import { recall, remember } from "./cache.ts";
import type { MeasureOptions, Untested } from "./measure.ts";
import type { MemberFile } from "./plan.ts";

/** What a scan came to, and the day it was made, which stays with it when it is taken from an earlier run. */
export interface ScanResult {
  readonly measure: ArtefactsMeasure;
  readonly date: string;
}

export interface Scanned {
  readonly results: readonly { readonly trial: Trial; readonly result: ScanResult }[];
  readonly untested: readonly Untested[];
  readonly reused: readonly string[];
  readonly seconds: Readonly<Record<string, number>>;
  readonly cancelled: boolean;
}

/** One file's report as it is stored: the day stays with it. */
interface Kept {
  readonly report: ScannedFile;
  readonly asked: readonly Asked[];
  readonly date: string;
}

/** Files that one scan lists, the worst first, and findings that one file lists: a document is no place for a million of either. */
const FILES_LISTED = 200;
const FINDINGS_LISTED = 24;
/** From so many files on, their reports are stored in one blob as well: it is read faster than thousands. */
const BLOBS_READ = 64;

/**
 * Scans what the plans name. Never throws for what the world gets wrong, nor for a cancellation: files that were read are kept,
 * and the next run goes on from there.
 */
export async function scanArtefacts(
  run: Run,
  plans: readonly ScanPlan[],
  options: Pick<MeasureOptions, "fresh" | "started" | "tell">,
): Promise<Scanned> {
  const { scanner, store, clock } = run.ports;
  if (!scanner || plans.length === 0) return { results: [], untested: [], reused: [], seconds: {}, cancelled: false };
  const began = clock.monotonic();
  const today = options.started.slice(0, 10);
  const kept = new Map<string, Kept>();
  const reused: string[] = [];
  const wanted = new Map<string, MemberFile>();
  for (const plan of plans) {
    const whole =
      options.fresh || plan.files.length <= BLOBS_READ
        ? undefined
        : await recall<Record<string, Kept>>(store, plan.trial.key);
    let read = false;
    for (const file of plan.files) {
      const key = fileKey(file, plan.revision);
      if (kept.has(key)) continue;
      const one = options.fresh || wanted.has(key) ? undefined : (whole?.[key] ?? (await recall<Kept>(store, key)));
      if (one && scanner.holds(file.path, one.asked)) kept.set(key, one);
      else {
        wanted.set(key, file);
        read = true;
      }
    }
    if (!read) reused.push(plan.trial.id);
  }

  const changed = new Set<string>();
  await scanAll(run, scanner, wanted, async (key, report, asked) => {
    const file = wanted.get(key)!;
    if (report.sha256 !== file.sha256) {
      changed.add(key);
      return;
    }
    const one = { report: summed(report, file.size), asked, date: today };
    kept.set(key, one);
    await remember(store, key, one);
  });

  const results: { trial: Trial; result: ScanResult }[] = [];
  const untested: Untested[] = [];
  let cancelled = false;
  for (const plan of plans) {
    const { trial } = plan;
    const keys = plan.files.map((file) => fileKey(file, plan.revision));
    const have = keys.flatMap((key) => kept.get(key) ?? []);
    const moved = plan.files.filter((_, i) => changed.has(keys[i]!));
    if (have.length === keys.length) {
      const result = { measure: measureOf(plan, have), date: have.map(({ date }) => date).toSorted()[0]! };
      results.push({ trial, result });
      if (!reused.includes(trial.id) && keys.length > BLOBS_READ) {
        await remember(store, trial.key, Object.fromEntries(keys.map((key) => [key, kept.get(key)!])));
      }
      tellScan(trial, result.measure, reused.includes(trial.id), options.tell);
    } else if (moved.length > 0) {
      const because = `${moved.map(({ path }) => path).join(", ")} changed while it was being read: leave it alone and run again`;
      untested.push({ trial, because });
      options.tell("warning", "scan", `${trial.target} – ${because}`);
    } else {
      cancelled = true;
      untested.push({
        trial,
        because:
          have.length === 0
            ? "untested: cancelled"
            : `untested: cancelled after ${have.length} of ${keys.length} files, which are kept`,
      });
    }
  }
  const seconds = (clock.monotonic() - began) / 1000;
  return {
    results,
    untested,
    reused: reused.toSorted(),
    seconds: Object.fromEntries(
      plans.filter(({ trial }) => !reused.includes(trial.id)).map(({ trial }) => [trial.id, seconds]),
    ),
    cancelled,
  };
}

/**
 * Of one file's report: the same bytes at the same place for the same readers are the same report, as long as what was asked about
 * its surroundings is answered alike. Names promise what a file is.
 */
const fileKey = ({ path, sha256 }: MemberFile, revision: string): string =>
  hashOf({ kind: "scanned file", scanner: revision, sha256, path });

async function scanAll(
  { signal, progress }: Run,
  scanner: FileScanner,
  wanted: ReadonlyMap<string, MemberFile>,
  told: (key: string, report: ScanFile, asked: readonly Asked[]) => Promise<void>,
): Promise<void> {
  if (wanted.size === 0) return;
  const keys = [...wanted.keys()];
  const files = [...wanted.values()];
  const total = files.length;
  const writing: Promise<void>[] = [];
  let done = 0;
  const step = (note?: string): void =>
    progress({ stage: "scan", item: "files", label: "files", done, total, ...(note === undefined ? {} : { note }) });
  step();
  await scanner.scan<ScanFile>(files, signal, (index, report, asked) => {
    const kept = told(keys[index]!, report, asked);
    // It is awaited below; until then a disk that refuses must not count as nobody's.
    kept.catch(() => {});
    writing.push(kept);
    done++;
    step(files[index]!.path);
  });
  await Promise.all(writing);
  done = total;
  step();
}

const RANK: Readonly<Record<ScanFinding["severity"], number>> = { malicious: 0, suspicious: 1, unknown: 2, note: 3 };
const worst = (verdict: ScanVerdict): number => SCAN_VERDICTS.indexOf(verdict);

/** A report without its tree: what led to the verdict, with the way to the member it lies in. */
export function summed(file: ScanFile, size: number): ScannedFile {
  const all: ScannedFile["findings"][number][] = [];
  let members = 0;
  const walk = (one: ScanFile, way: readonly string[]): void => {
    for (const finding of one.findings) {
      if (finding.severity === "note") continue;
      all.push(way.length === 0 ? finding : { ...finding, member: way.join("!") });
    }
    for (const member of one.members) {
      members++;
      walk(member, [...way, member.path]);
    }
  };
  walk(file, []);
  const sorted = all.toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
  const { path, sha256, verdict, read } = file;
  return {
    path,
    sha256,
    size,
    verdict,
    read,
    members,
    findings: sorted.slice(0, FINDINGS_LISTED),
    more: Math.max(0, sorted.length - FINDINGS_LISTED),
  };
}

function measureOf({ of, absent }: ScanPlan, kept: readonly Kept[]): ArtefactsMeasure {
  const reports = kept.map(({ report }) => report);
  const sorted = reports.toSorted((a, b) => worst(a.verdict) - worst(b.verdict) || (a.path < b.path ? -1 : 1));
  const count = (test: (report: ScannedFile) => boolean): number => reports.filter(test).length;
  return {
    kind: "artefacts",
    of,
    verdict: sorted[0]!.verdict,
    files: sorted.slice(0, FILES_LISTED),
    total: reports.length,
    bytes: reports.reduce((sum, { size }) => sum + size, 0),
    verdicts: counted(SCAN_VERDICTS, (verdict) => count((report) => report.verdict === verdict)),
    read: counted(["whole", "part", "none"] as const satisfies readonly ScanRead[], (read) =>
      count((report) => report.read === read),
    ),
    absent: [...absent],
  };
}

function counted<Key extends string>(keys: readonly Key[], count: (key: Key) => number): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, count(key)])) as Record<Key, number>;
}

function tellScan(
  { target }: Trial,
  { verdict, verdicts, total, files }: ArtefactsMeasure,
  reused: boolean,
  tell: MeasureOptions["tell"],
): void {
  const of = SCAN_VERDICTS.filter((each) => verdicts[each] > 0).map((each) => `${verdicts[each]} ${each}`);
  const first = files[0]!.findings[0];
  const shown = verdict === "no code path found" || !first ? "" : `; ${files[0]!.path}: ${first.message}`;
  tell(
    verdict === "no code path found" ? "done" : "warning",
    "scan",
    `${target} – ${reused ? "taken from an earlier run: " : ""}${total} file${total === 1 ? "" : "s"}: ${of.join(", ")}${shown}`,
  );
}
