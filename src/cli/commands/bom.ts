/** `vauban bom`: the bill of materials of a system, what differs between two, and whether one is valid. */
import { basename, join, relative, resolve } from "node:path";
import { artefactsOf, bomText, countsOf } from "#assess/bom.ts";
import { withoutPlaces } from "#assess/index.ts";
import { readSystemFile } from "#assess/read.ts";
import type { Assessment } from "#assessment/index.ts";
import { isError } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import { counted } from "#datasets/integrity/check.ts";
import { HostError, type Files } from "#base/ports.ts";
import type { Complaint, CycloneDxVersion } from "#formats/cyclonedx.ts";
import { FormatError } from "#formats/error.ts";
import { readStrictJson } from "#formats/json-strict.ts";
import { filesBelow, filesHere, writeWhole } from "#host/index.ts";
import { cycloneDx } from "#host/schemas.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { bomOf, outdatedOf, refsOf, type Bom, type LockFile } from "#provenance/bom.ts";
import { diffBoms, type Difference } from "#provenance/diff.ts";
import { LOCK_NAMES, readLock } from "#provenance/locks/index.ts";
import type { Json } from "#provenance/serial.ts";
import { vexDocument } from "#provenance/vex.ts";
import { withMethodActors } from "#system/reach.ts";
import { diagnosticsText } from "#cli/diagnostics.ts";
import type { Invocation } from "#cli/main.ts";
import { writableFile } from "#cli/state.ts";
import { placeIn, systemFile } from "#cli/system-file.ts";
import { EXIT, plain, type Colours, type ExitCode } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";
import { assessmentAt } from "./risk.ts";

export interface BomFlags {
  readonly spec: CycloneDxVersion;
  readonly out?: string;
  readonly lock?: readonly string[];
  readonly assessment?: string;
  readonly vex?: boolean;
  readonly vexTo?: string;
  readonly asOf?: string;
  readonly complete?: boolean;
  readonly json?: boolean;
}

const TOOL = { name: "vauban", version: VERSION };

export async function bomCommand({ terminal, json }: Invocation, named: string, flags: BomFlags): Promise<ExitCode> {
  if ((flags.vex || flags.vexTo !== undefined) && flags.assessment === undefined)
    throw new HostError(
      "a VEX says what was judged, and no assessment is named",
      "add --assessment .vauban/latest/assessment.json",
    );
  if (flags.out !== undefined) await writableFile("--out", flags.out);
  if (flags.vexTo !== undefined) await writableFile("--vex-to", flags.vexTo);
  const file = await systemFile(named);
  const files = filesBelow(file.folder);
  const reading = await readSystemFile(
    file.text,
    file.name,
    loadKnowledge(),
    files,
    flags.asOf ?? new Date().toISOString().slice(0, 10),
  );
  const { system } = reading;
  if (!system) {
    if (json) terminal.out(bomText({ format: "vauban/diagnostics/1", ok: false, diagnostics: reading.diagnostics }));
    else
      terminal.err(
        diagnosticsText(reading.diagnostics.filter(isError), terminal.errColours, "nothing was written", placeIn(file)),
      );
    return EXIT.badInput;
  }
  const { check, licences } = await cycloneDx();
  const artefacts = await artefactsOf(system, files);
  const assessment = flags.assessment === undefined ? undefined : await namedAssessment(flags.assessment);
  const bom = bomOf({
    system,
    version: flags.spec,
    tool: TOOL,
    artefacts,
    locks: await locksOf(file.folder, files, flags.lock),
    licences,
    ...(assessment && {
      assessment,
      otherSystem: hashOf(withoutPlaces(withMethodActors(system))) !== assessment.body.systemHash,
    }),
    ...(flags.vex && { vex: true }),
    ...(flags.asOf !== undefined && { asOf: flags.asOf }),
  });
  ours(check(bom.document), "bill of materials");
  let judged: readonly Json[] | undefined;
  if (flags.vexTo !== undefined) {
    const outdated = outdatedOf(system, artefacts, assessment!.body);
    const vex = vexDocument(assessment!, bom.document, refsOf(system), outdated, {
      version: flags.spec,
      tool: TOOL,
      ...(flags.asOf !== undefined && { asOf: flags.asOf }),
    });
    ours(check(vex), "VEX");
    judged = (vex["vulnerabilities"] as readonly Json[] | undefined) ?? [];
    await writeWhole(resolve(flags.vexTo), bomText(vex));
  }
  if (flags.out !== undefined) await writeWhole(resolve(flags.out), bomText(bom.document));
  if (json)
    terminal.out(
      bomText({
        format: "vauban/bom/1",
        ...(flags.out === undefined ? { bom: bom.document } : { written: flags.out }),
        ...(flags.vexTo !== undefined && { vex: flags.vexTo }),
        gaps: bom.gaps,
        changed: bom.changed,
        left: bom.left,
      }),
    );
  else {
    if (flags.out === undefined) terminal.out(bomText(bom.document));
    const say = flags.out === undefined ? terminal.err : terminal.out;
    say(summary(bom, flags, judged, flags.out === undefined ? terminal.errColours : terminal.colours));
  }
  return bom.changed.length > 0 || (flags.complete && bom.gaps.length > 0) ? EXIT.finding : EXIT.fine;
}

/** What we write and the schema refuses is a mistake of ours, never to be handed on. */
function ours(complaints: readonly Complaint[], what: string): void {
  const [first] = complaints;
  if (first) throw new Error(`the ${what} is not valid: /${first.path.join("/")} ${first.message}`);
}

async function namedAssessment(named: string): Promise<Assessment> {
  const found = await assessmentAt(named);
  if (!found)
    throw new HostError(`${named} is no assessment`, "`vauban assess` writes one to .vauban/latest/assessment.json");
  return found;
}

const LOCK_LIMIT = 64 * 2 ** 20;

/** Lock files beside the system file, or those that are named. */
async function locksOf(folder: string, files: Files, named: readonly string[] | undefined): Promise<LockFile[]> {
  const here = filesHere();
  const found =
    named?.map((path) => ({ full: resolve(path), read: path, files: here })) ??
    (await files.list("."))
      .filter(({ path, kind }) => kind === "file" && LOCK_NAMES.test(basename(path)))
      .map(({ path }) => ({ full: join(folder, path), read: path, files }));
  const byPlace = new Map(found.map((one) => [one.full, one]));
  const locks: LockFile[] = [];
  for (const { full, read, files: at } of [...byPlace.values()].toSorted((a, b) => (a.full < b.full ? -1 : 1))) {
    const shown = relative(folder, full).replaceAll("\\", "/");
    const bytes = await at.readWhole(read, LOCK_LIMIT);
    const sha256 = await (await at.open(read)).sha256();
    locks.push({ path: shown, sha256, locked: believed(shown, () => readLock(basename(full), bytes)) });
  }
  return locks;
}

/** A reader's refusal in the user's words. */
function believed<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new HostError(`${path}: ${error.problem}`, error.remedy);
  }
}

const GAPS_SHOWN = 12;

/** `3 exploitable, 19 in triage`; nothing is ever called unaffected. */
function vexWords(judged: readonly Json[]): string {
  const states = judged.map((one) => (one["analysis"] as Json)["state"]);
  const n = (state: string): number => states.filter((one) => one === state).length;
  return `${n("exploitable")} exploitable, ${n("in_triage")} in triage`;
}

function summary(bom: Bom, { out, vexTo }: BomFlags, judged: readonly Json[] | undefined, c: Colours): string {
  const { document, gaps, changed, left } = bom;
  const { models, datasets, libraries, services, others } = countsOf(bom);
  const lines = [
    `${c.bold("MATERIALS")}  ${counted(models, "model")}, ${counted(datasets, "dataset")}, ${libraries === 1 ? "1 library" : `${libraries} libraries`}, ${counted(services, "service")}, ${counted(others, "other part")} (CycloneDX ${String(document["specVersion"])}${out === undefined ? "" : `, ${plain(out)}`})`,
    ...(vexTo === undefined ? [] : [`${c.bold("VEX")}        ${plain(vexTo)}: ${vexWords(judged ?? [])}`]),
    ...changed.map(
      ({ at, path, declared, found }) =>
        `${c.red("CHANGED")}    ${plain(at)}: ${plain(path)} is ${found}, and ${declared} is declared`,
    ),
    `${c.bold("MISSING")}    ${gaps.length === 0 ? "nothing that was looked for" : `${gaps.length} things a reader of it would want to know`}`,
    ...gaps
      .slice(0, GAPS_SHOWN)
      .map(
        ({ at, missing, remedy, clause }) =>
          `  ${plain(at)}: ${plain(missing)}${clause === undefined ? "" : ` (${clause})`}\n      ${c.dim(plain(remedy))}`,
      ),
    ...(gaps.length > GAPS_SHOWN ? [`  and ${gaps.length - GAPS_SHOWN} more; --json lists them`] : []),
    `${c.bold("LEFT OUT")}   ${left.length === 0 ? "nothing" : left.map(({ section, entries }) => `${section} (${entries})`).join(", ")}`,
  ];
  return `${lines.join("\n")}\n`;
}

// ---------------------------------------------------------------- one document, and two

interface OneBom {
  readonly document: Json;
  readonly complaints: readonly Complaint[];
}

const BOM_LIMIT = 64 * 2 ** 20;

async function readBom(path: string): Promise<OneBom> {
  if ((await filesHere().stat(path))?.kind !== "file")
    throw new HostError(
      `${path} is no file`,
      "name a CycloneDX document in JSON, as `vauban bom -o bom.cdx.json` writes one",
    );
  const bytes = await filesHere().readWhole(path, BOM_LIMIT);
  const document = believed(path, () => readStrictJson("CycloneDX", bytes));
  const { check } = await cycloneDx();
  return { document: document as Json, complaints: check(document) };
}

/** More than anybody mends in one go; --json has no end. */
const COMPLAINTS_SHOWN = 100;

const pointer = (path: Complaint["path"]): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("") || "the document";

export async function bomCheckCommand({ terminal, json }: Invocation, path: string): Promise<ExitCode> {
  const { document, complaints } = await readBom(path);
  if (json)
    terminal.out(
      bomText({
        format: "vauban/bom-check/1",
        ok: complaints.length === 0,
        ...(complaints.length === 0 && { specVersion: document["specVersion"] }),
        complaints: complaints.map(({ path: at, message }) => ({ at: pointer(at), message })),
      }),
    );
  else if (complaints.length === 0)
    terminal.out(`${plain(path)} is a valid CycloneDX ${String(document["specVersion"])} document\n`);
  else
    terminal.out(
      `${[
        `${plain(path)} is not valid CycloneDX, in ${complaints.length === 1 ? "one place" : `${complaints.length} places`}:`,
        ...complaints
          .slice(0, COMPLAINTS_SHOWN)
          .map(({ path: at, message }) => `  ${plain(pointer(at))}: ${plain(message)}`),
        ...(complaints.length > COMPLAINTS_SHOWN
          ? [`  and ${complaints.length - COMPLAINTS_SHOWN} more; --json lists them`]
          : []),
      ].join("\n")}\n`,
    );
  return complaints.length === 0 ? EXIT.fine : EXIT.finding;
}

export interface BomDiffFlags {
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

export async function bomDiffCommand(
  { terminal, json }: Invocation,
  before: string,
  after: string,
  { exitCode }: BomDiffFlags,
): Promise<ExitCode> {
  const [old, now] = [await readBom(before), await readBom(after)];
  for (const [path, { complaints }] of [
    [before, old],
    [after, now],
  ] as const) {
    const [first] = complaints;
    if (first)
      throw new HostError(
        `${path} is not valid CycloneDX: ${pointer(first.path)} ${first.message}`,
        `\`vauban bom check ${path}\` lists everything`,
      );
  }
  const differences = diffBoms(old.document, now.document);
  if (json) terminal.out(bomText({ format: "vauban/bom-diff/1", before, after, differences }));
  else terminal.out(diffText(differences, terminal.colours));
  return exitCode && differences.length > 0 ? EXIT.finding : EXIT.fine;
}

const LINE = 200;
/** How much of what both sides begin with stays before the place where they part. */
const [HEAD, BEFORE] = [40, 30];
/** A long value is cut, and never before the place where it parts from the other side's: two lines that look the same tell nothing. */
function cut(words: string, others: readonly string[]): string {
  if (words.length <= LINE) return plain(words);
  const parts = others.reduce((most, other) => Math.max(most, sharedStart(words, other)), 0);
  const from = parts < LINE - BEFORE ? 0 : parts - BEFORE;
  const shown = from === 0 ? words : `${words.slice(0, HEAD)} … ${words.slice(from)}`;
  return plain(shown.length > LINE ? `${shown.slice(0, LINE - 1)}…` : shown);
}
function sharedStart(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** `flow inbound, name findings, description …`: a value in words, without the marks of JSON. */
function inWords(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(
        ([key, item]) => `${key} ${typeof item === "object" && item !== null ? `(${inWords(item)})` : inWords(item)}`,
      )
      .join(", ");
  return String(value);
}

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What only one side holds: of lists the items that differ, of two entries the keys that do. */
function onlyIn(one: unknown, other: unknown): readonly string[] {
  if (one === undefined) return [];
  if (Array.isArray(one)) {
    const there = Array.isArray(other) ? other : [];
    const same = (a: unknown, b: unknown): boolean => hashOf(a) === hashOf(b);
    const rest = one.filter((item) => !there.some((each) => same(item, each)));
    const elsewhere = there.filter((item) => !one.some((each) => same(item, each)));
    if (rest.length === 1 && elsewhere.length === 1) return onlyIn(rest[0], elsewhere[0]);
    // The same items in another order.
    return (rest.length === 0 && elsewhere.length === 0 ? one : rest).map(inWords);
  }
  if (isRecord(one) && isRecord(other)) {
    const keys = Object.keys(one).filter(
      (key) => !Object.hasOwn(other, key) || JSON.stringify(one[key]) !== JSON.stringify(other[key]),
    );
    return keys.map((key) => `${key} ${inWords(one[key])}`);
  }
  return [inWords(one)];
}

function diffText(differences: readonly Difference[], c: Colours): string {
  if (differences.length === 0) return "no difference\n";
  const lines = differences.map(({ change, kind, what, field, before, after }) => {
    if (change !== "changed") return `${change === "added" ? c.green("+") : c.red("-")} ${kind} ${plain(what)}`;
    const [gone, come] = [onlyIn(before, after), onlyIn(after, before)];
    return [
      `${c.yellow("~")} ${kind} ${plain(what)}: ${plain(field ?? "")}`,
      ...gone.map((words) => `    ${c.red("-")} ${cut(words, come)}`),
      ...come.map((words) => `    ${c.green("+")} ${cut(words, gone)}`),
    ].join("\n");
  });
  const count = (change: Difference["change"]): number => differences.filter((one) => one.change === change).length;
  return `${lines.join("\n")}\n${count("added")} added, ${count("removed")} removed, ${count("changed")} changed\n`;
}
