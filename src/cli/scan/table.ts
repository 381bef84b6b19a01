/** What a scan found, as people read it: a file a line, the gravest of its findings below it, and what it all comes to. */
import { gravestFirst } from "#artefacts/gravity.ts";
import {
  SCAN_VERDICTS,
  type ScanDocument,
  type ScanRead,
  type ScanTrace,
  type ScanVerdict,
} from "#assessment/index.ts";
import { plain, type Colours } from "#cli/terminal.ts";
import { hanging } from "#cli/wrap.ts";

const TONE: Readonly<Record<ScanVerdict, (c: Colours) => (text: string) => string>> = {
  malicious: (c) => (text) => c.bold(c.red(text)),
  suspicious: (c) => (text) => c.bold(c.yellow(text)),
  unknown: (c) => c.yellow,
  "header-ok": (c) => c.cyan,
  "no code path found": (c) => c.green,
};
const READS: Readonly<Record<ScanRead, string>> = { whole: "whole", part: "in part", none: "not" };
const SHOWN = 3;
const MARGIN = " ".repeat(4);

/** Lines of at most `columns` characters, but for words that are longer. */
export function scanTable({ files, traces = [], summary }: ScanDocument, c: Colours, columns: number): string {
  const lines: string[] = [];
  const width = Math.max(...SCAN_VERDICTS.map(({ length }) => length));
  lines.push(c.bold(`${"VERDICT".padEnd(width)}  ${"READ".padEnd(5)}  FILE`));
  const worstFirst = files.toSorted((a, b) => SCAN_VERDICTS.indexOf(a.verdict) - SCAN_VERDICTS.indexOf(b.verdict));
  const rules = new Set<string>();
  const below = (text: string): string => hanging(MARGIN, text, columns, MARGIN.length + 2);
  for (const file of worstFirst) {
    const told = gravestFirst(file);
    const whole = told.length > 0 && told.every(({ finding }) => finding.accepted);
    lines.push(
      `${TONE[file.verdict](c)(file.verdict.padEnd(width))}  ${file.read.padEnd(5)}  ${plain(file.path)}${whole ? c.cyan("  accepted") : ""}`,
    );
    const reasons = new Set<string>();
    for (const { within, finding } of told.slice(0, SHOWN)) {
      const { rule, start, message, severity, accepted } = finding;
      const where = within.map((name) => `${plain(name)}! `).join("");
      const mark = accepted && !whole ? c.cyan("accepted: ") : "";
      lines.push(below(`${mark}${c.dim(`${where}${rule} at byte ${start}:`)} ${plain(message)}`));
      if (accepted) reasons.add(`${c.cyan(`accepted until ${accepted.expires}:`)} ${plain(accepted.reason)}`);
      else if (severity !== "unknown") rules.add(rule);
    }
    for (const reason of reasons) lines.push(below(reason));
    if (told.length > SHOWN) lines.push(`${MARGIN}${c.dim(`and ${told.length - SHOWN} more; --json lists them`)}`);
  }
  for (const trace of traces) lines.push("", ...traceLines(trace, c, columns));
  const verdicts = SCAN_VERDICTS.filter((verdict) => summary.verdicts[verdict] > 0).map((verdict) =>
    TONE[verdict](c)(`${summary.verdicts[verdict]} ${verdict}`),
  );
  const reads = (["whole", "part", "none"] as const).map((read) => `${summary.read[read]} ${READS[read]}`);
  const row = (name: string, text: string): string => hanging(`${c.bold(name.padEnd(9))} `, text, columns);
  lines.push("", row("FILES", `${summary.files}: ${verdicts.join(", ")}`), row("READ", reads.join(", ")));
  const { accepted, lapsed, partial } = summary;
  if (accepted.length > 0)
    lines.push(
      row(
        "ACCEPTED",
        `${accepted.length === 1 ? "1 finding" : `${accepted.length} findings`} by the baseline; they keep their verdict and fail nothing`,
      ),
    );
  for (const { because, message } of lapsed)
    lines.push(hanging(`${c.bold(c.yellow("LAPSED".padEnd(9)))} `, `${because}: ${plain(message)}`, columns));
  if (partial !== undefined) lines.push(row("PARTIAL", partial));
  const note = (text: string): number => lines.push(c.dim(hanging("", text, columns)));
  if (rules.size > 0) note(`What a rule means and what to do: vauban explain ${[...rules][0]}`);
  note("“no code path found” speaks of loading the file; it is no evidence against a backdoor in the weights.");
  return `${lines.join("\n")}\n`;
}

function traceLines({ path, member, steps, total }: ScanTrace, c: Colours, columns: number): readonly string[] {
  const title = c.bold(`LOADING ${plain(member === undefined ? path : `${path}!${member}`)} WOULD`);
  if (total === 0) return [`${title} import and call nothing: plain data`];
  return [
    title,
    ...steps.map((step) => hanging(MARGIN, plain(step), columns, MARGIN.length + 2)),
    ...(total > steps.length ? [`${MARGIN}… and ${total - steps.length} steps more`] : []),
  ];
}
