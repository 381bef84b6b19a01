/** `vauban explain`: an entry of the catalogue, a message code, or a finding of the last run, in plain words. */
import { join } from "node:path";
import { HostError } from "#base/ports.ts";
import { nearest } from "#base/diagnostics.ts";
import type { Assessment, Finding } from "#assessment/index.ts";
import { filesBelow } from "#host/index.ts";
import { explain } from "#knowledge/explain.ts";
import { explainableIds, loadKnowledge } from "#knowledge/index.ts";
import { SYSTEM_FILE_CODES } from "#system/codes.ts";
import { readAssessment } from "#cli/assessment-file.ts";
import type { Invocation } from "#cli/main.ts";
import { EXIT, plain, type ExitCode } from "#cli/terminal.ts";

interface Explanation {
  readonly title: string;
  readonly lines: readonly string[];
}

export async function explainCommand(
  { terminal, json }: Invocation,
  id: string,
  { system }: { system: string },
): Promise<ExitCode> {
  const found = explain(loadKnowledge(), id) ?? codeExplanation(id) ?? (await findingExplanation(id, system));
  if (!found) {
    const meant = nearest(id, [...explainableIds(), ...Object.keys(SYSTEM_FILE_CODES)]);
    throw new HostError(
      `there is nothing called "${id}"`,
      meant
        ? `did you mean ${meant}?`
        : "try a threat (T-01), a control (C-30), a clause (AIA-15.5-c-AE), an actor (AT-7), a message (E012), not-tried, or a finding of the last run (with --system where that is not the current folder)",
    );
  }
  if (json)
    terminal.out(
      `${JSON.stringify({ format: "vauban/explanation/1", id, title: found.title, lines: found.lines }, null, 2)}\n`,
    );
  else terminal.out(`${terminal.colours.bold(plain(found.title))}\n\n${found.lines.map(plain).join("\n")}\n`);
  return EXIT.fine;
}

function codeExplanation(id: string): Explanation | undefined {
  const entry = Object.entries(SYSTEM_FILE_CODES).find(([code]) => code === id.toUpperCase());
  return entry ? { title: `${entry[0]} ${entry[1].title}`, lines: [entry[1].explanation] } : undefined;
}

/** A finding, threat, risk or evidence of the last run below the named system. */
async function findingExplanation(id: string, system: string): Promise<Explanation | undefined> {
  const files = filesBelow(system);
  const state = (await files.stat(system))?.kind === "file" ? join(system, "..", ".vauban") : join(system, ".vauban");
  const path = join(state, "latest", "assessment.json");
  if (!(await filesBelow(".").stat(path))) return undefined;
  const last = await readAssessment(path);
  const finding = last.body.findings.find(
    (candidate) => candidate.id === id || candidate.id === `F-${id}` || candidate.threat === id,
  );
  if (finding) return findingLines(finding, last);
  const asked = id.replace(" → ", " -> ");
  const risk = last.body.risks.find((candidate) => candidate.id === asked || candidate.threat === asked);
  const about = risk && last.body.findings.find(({ threat }) => threat === risk.group);
  if (about) return findingLines(about, last);
  const evidence = last.body.evidence.find((candidate) => candidate.id === id);
  if (evidence)
    return {
      title: `${evidence.id} ${evidence.title}`,
      lines: [
        `${evidence.kind}, grade ${evidence.grade}, ${evidence.standing.status}`,
        evidence.outcome.status === "inconclusive"
          ? `inconclusive: ${evidence.outcome.because}`
          : JSON.stringify({ ...evidence.outcome.measure, exhibits: undefined }, null, 1),
        ...evidence.notes,
      ],
    };
  return undefined;
}

function findingLines(finding: Finding, { body }: Assessment): Explanation {
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
      ...finding.evidence.map((id) => `Evidence ${id}: vauban explain ${id}`),
    ],
  };
}
