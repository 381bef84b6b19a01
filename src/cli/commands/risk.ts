/** `vauban risk`: the risks of a system or of an assessment, worst first, as they are and as they would be with a control more or less. */
import { basename, join, resolve } from "node:path";
import { groundsOfAssessment, groundsOfSystem, readRisk, type RiskGrounds } from "#assess/risk.ts";
import { nearest } from "#base/diagnostics.ts";
import { HostError } from "#base/ports.ts";
import { HARMS, type Assessment, type Harm, type Knowledge, type MethodId, type Risk } from "#assessment/index.ts";
import { filesBelow, filesHere, folderStore, runtimeVersion } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { isProblem, parseChange, type Change, type Problem } from "#risk/index.ts";
import { registerCsv, registerMarkdown } from "#reports/register.ts";
import { readAssessment } from "#cli/assessment-file.ts";
import { diagnosticsText } from "#cli/diagnostics.ts";
import type { Invocation } from "#cli/main.ts";
import { riskSummary } from "#cli/risk-summary.ts";
import { placeIn, systemFile } from "#cli/system-file.ts";
import { EXIT, type ExitCode } from "#cli/terminal.ts";
import { VERSION } from "#cli/version.ts";

export interface RiskFlags {
  readonly with?: readonly string[];
  readonly without?: readonly string[];
  readonly actor?: string;
  readonly at?: string;
  readonly harm?: Harm;
  readonly method: MethodId;
  readonly all?: boolean;
  readonly register?: "csv" | "md";
  readonly out?: string;
  readonly seed?: string;
  readonly asOf?: string;
  readonly json?: boolean;
}

/** As many threats as a screen or two can show. */
const SHOWN = 8;

export async function riskCommand(invocation: Invocation, named: string, flags: RiskFlags): Promise<ExitCode> {
  const { terminal, json } = invocation;
  if (json && flags.register)
    throw new HostError(
      `--register ${flags.register} and --json are two forms of one answer`,
      "leave one of the two away: the document of --json holds every row of the register",
    );
  const changes = parsedChanges(flags);
  const grounds = await groundsOf(invocation, named, flags, "nothing was rated");
  if (!grounds) return EXIT.badInput;
  const result = readRisk(grounds, {
    version: VERSION,
    seed: flags.seed ?? grounds.seed,
    whole: flags.all ?? false,
    changes,
    keep: keptBy(flags, grounds),
  });
  if (result.status === "refused") throw refusal(result.problems);
  const { document } = result;
  if (json) terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  else if (flags.register) terminal.out(flags.register === "csv" ? registerCsv(document) : registerMarkdown(document));
  else
    terminal.out(
      riskSummary(document, {
        colours: terminal.colours,
        columns: terminal.columns,
        method: flags.method,
        most: SHOWN,
        whole: flags.all ?? false,
        part: partText(flags),
      }),
    );
  return document.exit;
}

/** What an answer rests on: the assessment or the system file of that name. Undefined, and said, where its author has something to mend. */
export async function groundsOf(
  { terminal, json }: Invocation,
  named: string,
  flags: Pick<RiskFlags, "out" | "seed" | "asOf">,
  without: string,
): Promise<RiskGrounds | undefined> {
  if (flags.asOf !== undefined && (!/^\d{4}-\d{2}-\d{2}$/.test(flags.asOf) || Number.isNaN(Date.parse(flags.asOf))))
    throw new HostError(`--as-of ${flags.asOf} is not a date`, "write it as YYYY-MM-DD");
  const knowledge = loadKnowledge();
  const given = await assessmentAt(named);
  const grounds = given
    ? groundsOfAssessment(given, knowledge, { name: basename(named), ...(flags.asOf ? { asOf: flags.asOf } : {}) })
    : await systemGrounds(named, flags, knowledge);
  if (!("diagnostics" in grounds)) return grounds;
  if (json)
    terminal.out(
      `${JSON.stringify({ format: "vauban/diagnostics/1", ok: false, diagnostics: grounds.diagnostics }, null, 2)}\n`,
    );
  else terminal.err(diagnosticsText(grounds.diagnostics, terminal.errColours, without, grounds.place));
  return undefined;
}

function parsedChanges({ with: added = [], without = [] }: RiskFlags): Change[] {
  const parsed = [
    ...without.map((text) => parseChange("without", text)),
    ...added.map((text) => parseChange("with", text)),
  ];
  const both = added.filter((text) =>
    without.some((gone) => gone.split("@")[0]!.trim() === text.split("@")[0]!.trim()),
  );
  const problems = [
    ...parsed.filter(isProblem),
    // Which of the two came first is not known here, and decides.
    ...both.map((text) => ({
      message: `${text} is added and taken away at once`,
      hint: "ask one after the other",
    })),
  ];
  if (problems.length > 0) throw refusal(problems);
  return parsed.filter((each): each is Change => !isProblem(each));
}

/** All that is wrong with a question, at once. */
const refusal = (problems: readonly Problem[]): HostError =>
  new HostError(
    problems.map(({ message }) => message).join("\n  and "),
    problems.map(({ hint }) => hint).join("\n          "),
  );

/** The assessment in a file or a run's folder; undefined where that is a system file. */
export async function assessmentAt(named: string): Promise<Assessment | undefined> {
  const files = filesHere();
  const found = await files.stat(named).catch(() => undefined);
  if (!found) return undefined;
  const path = found.kind === "folder" ? join(named, "assessment.json") : named;
  if (found.kind === "folder" && !(await files.stat(path))) return undefined;
  if (!path.endsWith(".json") && !(await beginsAsJson(path))) return undefined;
  return readAssessment(path);
}

/** Trust bytes: a system file is YAML, an assessment begins with a brace. */
async function beginsAsJson(path: string): Promise<boolean> {
  const source = await filesHere().open(path);
  const head = new TextDecoder().decode(await source.read(0, Math.min(64, source.size)));
  return /^\s*\{\s*"/.test(head);
}

type Refused = {
  readonly diagnostics: Parameters<typeof diagnosticsText>[0];
  readonly place: (file: string) => string;
};

async function systemGrounds(
  named: string,
  flags: Pick<RiskFlags, "out" | "seed" | "asOf">,
  knowledge: Knowledge,
): Promise<RiskGrounds | Refused> {
  const file = await systemFile(named);
  const state = flags.out ? resolve(flags.out) : join(file.folder, ".vauban");
  const { last, note } = await lastOf(state);
  const result = await groundsOfSystem(
    { files: filesBelow(file.folder), store: folderStore(join(state, "measurements")) },
    knowledge,
    {
      text: file.text,
      file: file.name,
      version: VERSION,
      asOf: flags.asOf ?? new Date().toISOString().slice(0, 10),
      seed: flags.seed ?? last?.body.seed ?? "1",
      runtimeVersion: runtimeVersion(),
      command: `vauban assess ${/^[\w./-]+$/.test(named) ? named : JSON.stringify(named)}`,
      ...(last ? { last } : {}),
    },
  );
  if (result.status === "refused") return { diagnostics: result.diagnostics, place: placeIn(file) };
  const { grounds } = result;
  return note
    ? { ...grounds, notMeasured: [...grounds.notMeasured, { what: "the last run", because: note }] }
    : grounds;
}

/** The last assessment below `state`, where there is one of this version; else why it is left aside. */
async function lastOf(state: string): Promise<{ readonly last?: Assessment; readonly note?: string }> {
  const path = join(state, "latest", "assessment.json");
  if (
    !(await filesHere()
      .stat(path)
      .catch(() => undefined))
  )
    return {};
  try {
    return { last: await readAssessment(path) };
  } catch (error) {
    if (error instanceof HostError) return { note: `left aside: ${error.message}` };
    throw error;
  }
}

const partText = ({ actor, at, harm }: RiskFlags): string | undefined =>
  [
    ...(actor === undefined ? [] : [`by ${actor}`]),
    ...(at === undefined ? [] : [`at ${at}`]),
    ...(harm === undefined ? [] : [harm.replace("-", " ")]),
  ].join(", ") || undefined;

/** Which risks are asked for; a name that fits none is a mistake, not an empty answer. */
function keptBy({ actor, at, harm }: RiskFlags, { system }: RiskGrounds): (risk: Risk) => boolean {
  const known = (flag: string, name: string | undefined, names: readonly string[]): void => {
    if (name === undefined || names.includes(name)) return;
    const meant = nearest(name, names);
    throw new HostError(
      `${flag} ${name} is not in this system`,
      meant ? `did you mean ${meant}?` : `there are: ${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}`,
    );
  };
  known(
    "--actor",
    actor,
    system.actors.map(({ id }) => id),
  );
  known("--at", at, [...system.components, ...system.flows].map(({ id }) => id).concat("system"));
  known("--harm", harm, HARMS);
  return (risk) =>
    (actor === undefined || risk.actor === actor) &&
    (at === undefined || risk.at === at || risk.path.some(({ component, flow }) => component === at || flow === at)) &&
    (harm === undefined || risk.harm === harm);
}
