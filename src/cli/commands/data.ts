/** `vauban data`: what a data set is made of, what is wrong with it, and how much of what could be wrong would have been seen. */
import {
  DATA_FORMAT,
  type DataCheckResult,
  type DataDeclared,
  type DataDocument,
  type DataFigure,
  type DataOutcome,
} from "#assessment/index.ts";
import { nearest } from "#base/diagnostics.ts";
import { hashOf } from "#base/hash.ts";
import { HostError } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import { CHECK_IDS, checkData, FAULTS } from "#datasets/integrity/check-data.ts";
import { counted, percent, short } from "#datasets/integrity/check.ts";
import { openRecords, type RecordsSpec } from "#datasets/integrity/open-records.ts";
import type { Records } from "#datasets/integrity/records.ts";
import { filesHere } from "#host/index.ts";
import { declaredIn } from "#cli/declared-data.ts";
import type { DataFlags, Invocation } from "#cli/main.ts";
import { progressView } from "#cli/progress.ts";
import { rangeIn } from "#cli/range.ts";
import { EXIT, plain, type Colours, type ExitCode } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";

export async function dataCommand(
  { terminal, signal, json, quiet }: Invocation,
  path: string,
  flags: DataFlags,
): Promise<ExitCode> {
  const began = new Date();
  const started = performance.now();
  const range = flags.range === undefined ? undefined : rangeIn(flags.range);
  const only = flags.only === undefined ? undefined : namedChecks(flags.only);
  const declared: DataDeclared | undefined =
    flags.system === undefined ? undefined : await declaredIn(flags.system, path);
  const view = progressView(terminal, () => performance.now(), quiet);
  const spec = { ...(flags.classes && { classes: flags.classes }), ...(flags.layout && { layoutHint: flags.layout }) };
  try {
    const data = await opened(
      { path, ...(flags.labels === undefined ? {} : { labels: flags.labels }), ...spec },
      signal,
      terminal.err,
    );
    const train =
      flags.train === undefined
        ? undefined
        : await opened({ path: flags.train, part: "train", ...spec }, signal, terminal.err);
    const reference =
      flags.reference === undefined
        ? undefined
        : await opened({ path: flags.reference, ...spec }, signal, terminal.err);
    for (const [option, other] of [
      ["--train", train],
      ["--reference", reference],
    ] as const)
      if (other && String(other.shape) !== String(data.shape))
        throw new HostError(
          `${option} ${other.place} holds samples of shape (${other.shape.join(", ")}), the data (${data.shape.join(", ")})`,
          "name data of the same kind, prepared alike",
        );
    const report = await checkData(
      {
        signal,
        rng: rng(flags.seed),
        faults: flags.planted,
        progress: (step) => view.report(step),
        pause: () => new Promise((go) => setImmediate(go)),
        keepsDone: true,
      },
      {
        data,
        ...(train && { train }),
        ...(reference && { reference }),
        ...(range && { range }),
        ...(declared && { declared }),
        ...(only && { only }),
      },
    );
    view.close();
    const body: Omit<DataDocument, "hash" | "run"> = {
      format: DATA_FORMAT,
      tool: { name: "vauban", version: VERSION },
      ...report,
      command: commandLine(path, flags),
    };
    const document: DataDocument = {
      ...body,
      hash: hashOf(body),
      run: {
        started: began.toISOString(),
        seconds: (performance.now() - started) / 1000,
        platform: `${process.platform}-${process.arch}`,
      },
    };
    terminal.out(json ? `${JSON.stringify(document, null, 2)}\n` : text(document, terminal.colours));
    if (signal.aborted) return EXIT.cancelled;
    return dataExit(document, flags.failOn);
  } finally {
    view.close();
  }
}

/** Outcomes of checks that did not look. */
const UNMADE: ReadonlySet<DataOutcome> = new Set(["not asked", "does not apply"]);

/** 1: a fault, or what --fail-on says. 2: without it, a doubt, or a check that cannot tell. */
export function dataExit(
  { checks, summary }: Pick<DataDocument, "checks" | "summary">,
  failOn: DataFlags["failOn"],
): ExitCode {
  const { fault, doubt, cannotTell } = summary;
  const failing = { fault, doubt: fault + doubt, "cannot-tell": fault + doubt + cannotTell.length }[failOn ?? "fault"];
  if (failing > 0) return EXIT.finding;
  // Where nothing was asked nothing is fine.
  if (checks.every(({ outcome }) => UNMADE.has(outcome))) return EXIT.inconclusive;
  return failOn === undefined && doubt + cannotTell.length > 0 ? EXIT.inconclusive : EXIT.fine;
}

async function opened(spec: RecordsSpec, signal: AbortSignal, err: (text: string) => void): Promise<Records> {
  const result = await openRecords(filesHere(), spec, { signal });
  if (result.status === "opened") return result.records;
  const [first, ...more] = result.diagnostics;
  for (const { code, message, hint } of more) err(`${code}  ${plain(message)}${hint ? `\n    ${plain(hint)}` : ""}\n`);
  throw new HostError(first!.message, first!.hint);
}

function namedChecks(names: readonly string[]): readonly string[] {
  for (const name of names)
    if (!CHECK_IDS.includes(name)) {
      const meant = nearest(name, CHECK_IDS);
      throw new HostError(
        `--only ${name}: there is no such check`,
        `${meant ? `did you mean ${meant}? ` : ""}the checks are ${CHECK_IDS.join(", ")}`,
      );
    }
  return names;
}

/** The command that makes this document again. */
function commandLine(path: string, flags: DataFlags): string {
  const quoted = (word: string): string => (/^[\w./,:+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  const parts = ["vauban data", quoted(path)];
  const say = (name: string, value: string | undefined): void => {
    if (value !== undefined) parts.push(`--${name} ${quoted(value)}`);
  };
  say("labels", flags.labels);
  say("train", flags.train);
  say("reference", flags.reference);
  say("range", flags.range);
  say("classes", flags.classes?.join(","));
  say("layout", flags.layout);
  say("system", flags.system);
  say("only", flags.only?.join(","));
  if (flags.planted !== FAULTS) say("planted", String(flags.planted));
  say("seed", flags.seed);
  return parts.join(" ");
}

const MARK: Readonly<Record<DataOutcome, (c: Colours) => string>> = {
  found: (c) => c.bold(c.yellow("found".padEnd(14))),
  "nothing found": (c) => c.green("nothing found".padEnd(14)),
  "cannot tell": (c) => c.bold(c.magenta("cannot tell".padEnd(14))),
  "not asked": (c) => c.dim("not asked".padEnd(14)),
  "does not apply": (c) => c.dim("does not apply"),
};
/** What gives a check what it lacked; reports that no command line made do not speak of flags. */
const REMEDY: Readonly<Record<string, string>> = {
  "no training data were given": "--train",
  "no earlier version was given": "--reference",
  "no range was declared, and pixels need one": "--range 0..255",
  "nothing declares these data": "--system",
};
const remedied = (because: string): string => {
  const flag = REMEDY[because.replace(/^[\w-]+: /, "")];
  return flag === undefined ? because : `${because} (${flag})`;
};
const MARGIN = " ".repeat(16);
const ITEMS_SHOWN = 5;

function text(document: DataDocument, c: Colours): string {
  const { data, train, reference, checks, summary } = document;
  const lines: string[] = [];
  const described = ({ path, n, kind, shape, classes }: typeof data): string =>
    `${plain(path)} – ${counted(n, kind === "images" ? "image" : "row")} of ${shape.join(" × ")}${classes === null ? "" : `, ${classes === 1 ? "1 class" : `${classes} classes`}`}`;
  lines.push(c.bold(described(data)));
  if (train) lines.push(`trained on ${described(train)}`);
  if (reference) lines.push(`compared with ${described(reference)}`);
  lines.push("");
  for (const check of checks) lines.push(...checkLines(check, c));
  const { fault, doubt, note, cannotTell, notAsked, doesNotApply } = summary;
  lines.push(
    "",
    `${c.bold("FOUND")}           ${counted(fault, "fault")}, ${counted(doubt, "doubt")} for a person to look at, ${counted(note, "note")}`,
  );
  for (const why of cannotTell) lines.push(`${c.bold("CANNOT TELL")}     ${plain(why)}`);
  for (const why of notAsked) lines.push(`${c.bold("NOT ASKED")}       ${plain(remedied(why))}`);
  for (const why of doesNotApply) lines.push(`${c.bold("DOES NOT APPLY")}  ${plain(why)}`);
  lines.push(
    c.dim(
      checks.some(({ planted }) => planted.length > 0)
        ? "Nothing found is no proof of clean data: read it with the planted faults that were seen, and with each check's limits (--json)."
        : "No faults were planted: what these checks would have missed is unknown. Each check's limits: --json.",
    ),
  );
  return `${lines.join("\n")}\n`;
}

function checkLines(
  { title, outcome, says, because, findings, figures, planted, falseAlarms }: DataCheckResult,
  c: Colours,
): string[] {
  const lines = [`${MARK[outcome](c)}  ${c.bold(title)}`];
  if (UNMADE.has(outcome)) return [`${lines[0]!}${c.dim(`: ${plain(remedied(because ?? ""))}`)}`];
  const tone = { fault: c.red, doubt: c.yellow, note: c.cyan } as const;
  for (const { severity, message, items, count } of findings) {
    lines.push(`${MARGIN}${tone[severity](severity)}  ${plain(message)}`);
    const shown = items
      .slice(0, ITEMS_SHOWN)
      .map(({ sample, file, like, in: where, given, expected }) =>
        plain(
          `${file ?? `#${sample}`}${like === undefined ? "" : ` ~ ${where ? `${where} ` : ""}#${like}`}${given === undefined ? "" : ` ${given}`}${expected === undefined ? "" : ` → ${expected}`}`,
        ),
      );
    if (shown.length > 0) lines.push(`${MARGIN}${c.dim(`${shown.join(", ")}${count > shown.length ? " …" : ""}`)}`);
  }
  if (findings.length === 0 && because === undefined) lines.push(`${MARGIN}${plain(says.split(". ")[0]!)}`);
  if (because !== undefined) lines.push(`${MARGIN}${plain(because)}`);
  for (const figure of figures) lines.push(`${MARGIN}${c.dim(figureText(figure))}`);
  for (const { fault, detected } of planted)
    lines.push(`${MARGIN}${c.dim(`planted: saw ${detected.k} of ${detected.n} ${bracket(detected)} – ${fault}`)}`);
  for (const { clean, raised } of falseAlarms)
    lines.push(`${MARGIN}${c.dim(`clean: raised ${raised.k} of ${raised.n} ${bracket(raised)} – ${clean}`)}`);
  return lines;
}

const bracket = ({ low, high }: { low: number; high: number }): string => `[${low.toFixed(3)}, ${high.toFixed(3)}]`;

function figureText({ name, value, low, high }: DataFigure): string {
  const shown = name.startsWith("share") ? percent : short;
  return `${name}: ${shown(value)}${low === undefined || high === undefined ? "" : ` [${shown(low)}, ${shown(high)}]`}`;
}
