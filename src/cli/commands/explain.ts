/** `vauban explain`: an entry of the catalogue, a message code, a rule of the scan, or a finding of the last run, in plain words. */
import { join } from "node:path";
import { HostError } from "#base/ports.ts";
import { nearest } from "#base/diagnostics.ts";
import type { Assessment, Evidence, Finding } from "#assessment/index.ts";
import { SCAN_RULES, scanRule } from "#artefacts/rules.ts";
import { checks } from "#datasets/integrity/checks/index.gen.ts";
import { filesHere } from "#host/index.ts";
import { explain } from "#knowledge/explain.ts";
import { explainableIds, loadKnowledge } from "#knowledge/index.ts";
import { Page } from "#knowledge/page.ts";
import { SYSTEM_FILE_CODES, type CodeEntry } from "#system/codes.ts";
import { readAssessment } from "#cli/assessment-file.ts";
import type { Invocation } from "#cli/main.ts";
import { EXIT, plain, type ExitCode } from "#cli/terminal.ts";

interface Explanation {
  readonly title: string;
  readonly lines: readonly string[];
  /** What the lines were taken from, for --json. */
  readonly document?: unknown;
}

export async function explainCommand(
  { terminal, json }: Invocation,
  id: string,
  { system }: { system: string },
): Promise<ExitCode> {
  const found =
    explain(loadKnowledge(), id, WIDTH, Object.values(checks)) ??
    codeExplanation(id) ??
    ruleExplanation(id) ??
    (await findingExplanation(id, system)) ??
    familyExplanation(id);
  if (!found) {
    const meant = near(id, [...explainableIds(), ...Object.keys(CODES), ...SCAN_RULES.keys()]);
    throw new HostError(
      `there is nothing called "${id}"`,
      meant.length > 0
        ? `did you mean ${meant.join(", ").replace(/, ([^,]*)$/, " or $1")}?`
        : "try a threat (T-01), a control (C-30), a clause (AIA-15.5-c-AE), an actor (AT-7), a message (E012), a rule of the scan (pickle-harmful-call), not-tried, or a finding of the last run (with --system where that is not the current folder)",
    );
  }
  if (json)
    terminal.out(
      `${JSON.stringify({ format: "vauban/explanation/1", id, title: found.title, lines: found.lines, ...("document" in found && { evidence: found.document }) }, null, 2)}\n`,
    );
  else terminal.out(`${terminal.colours.bold(plain(found.title))}\n\n${found.lines.map(plain).join("\n")}\n`);
  return EXIT.fine;
}

/** Ids that a misspelt one may mean: those a slip away, the nearest first, then those that begin like it or hold it. */
function near(id: string, ids: readonly string[]): readonly string[] {
  const nearer = nearest(id, ids);
  const wanted = id.trim().toLowerCase();
  const like = (test: (candidate: string) => boolean): readonly string[] =>
    wanted.length < 3 ? [] : ids.filter((candidate) => test(candidate.toLowerCase()));
  const all = new Set([
    ...(nearer === undefined ? [] : [nearer]),
    ...like((candidate) => candidate.startsWith(wanted)),
    ...like((candidate) => candidate.includes(wanted)),
  ]);
  return [...all].slice(0, SUGGESTED);
}

const SUGGESTED = 5;
const WIDTH = 100;

/** Codes of messages that are not about a system file. */
const CODES: Readonly<Record<string, CodeEntry>> = {
  ...SYSTEM_FILE_CODES,
  E900: {
    title: "the command could not be carried out",
    explanation:
      "With --json a refusal is a document, too: this code stands for everything that is said on standard error after “error” – a file that is not there, an option that contradicts another, input that cannot be read. The message says what, the hint what to do; the exit code is 2.",
  },
};

/** Messages whose own words say what is wrong and what to do, by the hundred of their code. */
const FAMILIES: Readonly<Record<string, string>> = {
  E4: "data: samples, labels and what is declared of them. Nothing is measured on data that could not be read for certain",
  W4: "data: samples, labels and what is declared of them. The run goes on",
  W5: "evidence that could not be brought in, and signatures that cannot be checked. The run goes on without them",
  E6: "evidence from elsewhere (SARIF, VEX, signed statements). It is not counted",
  W6: "evidence from elsewhere. It is counted less, or not at all",
  E7: "the catalogue of this tool. An entry that is not as it should be is refused when the tool is made",
  E8: "threat models of other tools. Nothing is written",
};

function codeExplanation(id: string): Explanation | undefined {
  const entry = Object.entries(CODES).find(([code]) => code === id.trim().toUpperCase());
  return entry ? { title: `${entry[0]} ${entry[1].title}`, lines: [entry[1].explanation] } : undefined;
}

function familyExplanation(id: string): Explanation | undefined {
  const code = /^([EW][4-8])\d\d$/.exec(id.trim().toUpperCase());
  const about = code === null ? undefined : FAMILIES[code[1]!];
  return about === undefined
    ? undefined
    : {
        title: `${code![1]}00 to ${code![1]}99: messages about ${about.split(":")[0]!.split(".")[0]!}`,
        lines: [
          `Messages of these numbers are about ${about}. Each says in its own words what was found where, and below it what to do; there is no more to explain than stands there.`,
        ],
      };
}

/** A rule of the scan: what was seen, what would happen, what to do, who says so. */
function ruleExplanation(id: string): Explanation | undefined {
  const wanted = id.trim();
  const name = scanRule(wanted) ? wanted : wanted.toLowerCase();
  const rule = scanRule(name);
  if (!rule) return undefined;
  const page = new Page(WIDTH);
  page.text(`What was seen: ${rule.means}.`);
  page.text(`What would happen: ${rule.happens}.`);
  page.text(`What to do: ${rule.todo}`);
  page.text(`Source: ${rule.source}. How findings become verdicts: docs/scanning.md.`);
  return { title: `${name}  ${rule.title}`, lines: page.lines };
}

/** A finding, threat, risk or evidence of the last run below the named system. */
async function findingExplanation(id: string, system: string): Promise<Explanation | undefined> {
  const files = filesHere();
  const state = (await files.stat(system))?.kind === "file" ? join(system, "..", ".vauban") : join(system, ".vauban");
  const path = join(state, "latest", "assessment.json");
  if (!(await filesHere().stat(path))) return undefined;
  const last = await readAssessment(path);
  const whose = system === "." ? "" : ` --system ${system}`;
  const finding = last.body.findings.find(
    (candidate) => candidate.id === id || candidate.id === `F-${id}` || candidate.threat === id,
  );
  if (finding) return findingLines(finding, last, whose);
  const asked = id.replace(" → ", " -> ");
  const risk = last.body.risks.find((candidate) => candidate.id === asked || candidate.threat === asked);
  const about = risk && last.body.findings.find(({ threat }) => threat === risk.group);
  if (about) return findingLines(about, last, whose);
  const evidence = last.body.evidence.find((candidate) => candidate.id === id);
  if (evidence)
    return {
      title: `${evidence.id} ${evidence.title}`,
      lines: evidenceLines(evidence, last),
      document: evidence,
    };
  return undefined;
}

/** Evidence as a person reads it: what was measured of how much, from where, and what it does not say. The whole of it is in --json. */
function evidenceLines(evidence: Evidence, { body }: Assessment): readonly string[] {
  const page = new Page(WIDTH);
  const { outcome, standing } = evidence;
  const trial = body.trials.find(({ id }) => id === evidence.trial);
  page.text(
    `${evidence.kind}, grade ${evidence.grade}, ${standing.status}${standing.status === "stale" ? `: ${standing.because}` : ""}`,
  );
  page.list("What", [
    ...(evidence.at === undefined ? [] : [`of: ${evidence.at}`]),
    ...(evidence.date === undefined ? [] : [`date: ${evidence.date}`]),
    ...(trial ? [`trial: ${trial.id}, ${trial.planned} planned (unit: ${trial.unit}), seed ${trial.seed}`] : []),
    ...evidence.inputs.map(({ role, sha256 }) => `${role}: SHA-256 ${sha256}`),
  ]);
  page.list(
    outcome.status === "measured" ? "Measured" : "Inconclusive",
    outcome.status === "measured"
      ? Object.entries(outcome.measure).flatMap(([name, value]) => {
          const words = valueWords(value);
          return words === undefined ? [] : [`${spaced(name)}: ${words}`];
        })
      : [outcome.because],
  );
  page.list("Notes", evidence.notes);
  page.text("Everything of it, with every entry of each list: --json.");
  return page.lines;
}

/** `robustAccuracy` → `robust accuracy`. */
const spaced = (name: string): string => name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A value in one line: a share with its interval, a count of a list's entries, of a record what has no further parts. */
function valueWords(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (Array.isArray(value)) {
    const [first] = value as readonly unknown[];
    return value.length <= 3 && value.length > 0 && typeof first !== "object"
      ? value.join(", ")
      : `${value.length} ${value.length === 1 ? "entry" : "entries"}`;
  }
  if (typeof value !== "object") return String(value);
  const { k, n, low, high, unit } = value as Readonly<Record<string, unknown>>;
  if (typeof k === "number" && typeof n === "number" && typeof low === "number" && typeof high === "number")
    return `${k}/${n}${typeof unit === "string" ? ` ${unit}s` : ""} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}] %`;
  const parts = Object.entries(value).filter(([, part]) => part !== null && typeof part !== "object");
  return parts.length === 0 ? undefined : parts.map(([name, part]) => `${spaced(name)} ${String(part)}`).join(", ");
}

function findingLines(finding: Finding, { body }: Assessment, whose: string): Explanation {
  const risks = body.risks.filter(({ group }) => group === finding.threat);
  return {
    title: `${finding.id}: ${finding.title}`,
    lines: [
      `${finding.severity}, ${finding.status}${finding.where ? `, ${finding.where.file}:${finding.where.line}:${finding.where.column}` : ""}`,
      finding.detail,
      ...(finding.remedy ? [`Next: ${finding.remedy}`] : []),
      ...(finding.type ? [`Catalogue: vauban explain ${finding.type}`] : []),
      ...risks.map(
        (risk) =>
          `Risk ${risk.id}: P(≥1 per year) [${risk.current.low.toPrecision(3)}, ${risk.current.high.toPrecision(3)}], criterion ${risk.criterion.perYear}: ${risk.judgement}${risk.untested ? ", not tried" : ""}`,
      ),
      ...finding.evidence.map((id) => `Evidence ${id}: vauban explain ${id}${whose}`),
    ],
  };
}
