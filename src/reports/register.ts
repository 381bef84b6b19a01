/** The two-level register as a table for other tools: one row per risk, linked to its harm and its threat, with what it asks for. */
import type { RiskDocument } from "#assessment/index.ts";

const COLUMNS = [
  "risk",
  "threat",
  "type",
  "place",
  "actor",
  "reach",
  "way",
  "assets",
  "harm",
  "severity",
  "low per year",
  "likely per year",
  "high per year",
  "criterion per year",
  "judgement",
  "measured",
  "harm, all ways together",
  "controls credited",
  "requirements",
  "supposed low",
  "supposed likely",
  "supposed high",
  "supposed judgement",
] as const;

type Row = Readonly<Record<(typeof COLUMNS)[number], string | number>>;

function rowsOf({ risks, register, cyber }: RiskDocument): Row[] {
  const asked = new Map<string, string[]>();
  for (const { id, serves } of cyber.requirements)
    for (const risk of serves) {
      const known = asked.get(risk);
      if (known) known.push(id);
      else asked.set(risk, [id]);
    }
  const harms = new Map<string, string>(register.map(({ id, judgement }) => [id, judgement]));
  return risks.map(({ now, supposed }): Row => ({
    risk: now.id,
    threat: now.group,
    type: now.type,
    place: now.at,
    actor: now.actor,
    reach: now.reach,
    way: [...(now.path[0]?.flow ? [now.path[0].flow] : []), ...now.path.map(({ component }) => component)].join(" > "),
    assets: now.assets.join("; "),
    harm: now.harm,
    severity: now.severity,
    "low per year": now.current.low,
    "likely per year": now.current.likely,
    "high per year": now.current.high,
    "criterion per year": now.criterion.perYear,
    judgement: now.judgement,
    measured: now.untested ? "not tried" : "yes",
    "harm, all ways together": harms.get(now.harm) ?? "",
    "controls credited": now.controls
      .filter(({ credited }) => credited)
      .map(({ control, at }) => `${control}@${at}`)
      .join("; "),
    requirements: (asked.get(now.id) ?? []).join("; "),
    "supposed low": supposed?.current.low ?? "",
    "supposed likely": supposed?.current.likely ?? "",
    "supposed high": supposed?.current.high ?? "",
    "supposed judgement": supposed ? `hypothetical: ${supposed.judgement}` : "",
  }));
}

/** Columns about what was only supposed stand only where something was. */
const columnsOf = ({ supposed }: RiskDocument): (typeof COLUMNS)[number][] =>
  COLUMNS.filter((column) => supposed !== undefined || !column.startsWith("supposed"));

/** RFC 4180, with a header. A field that a spreadsheet would take for a formula is quoted as text by a leading apostrophe. */
export function registerCsv(document: RiskDocument): string {
  const columns = columnsOf(document);
  const field = (value: string | number): string => {
    const text = typeof value === "number" ? String(value) : /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[columns, ...rowsOf(document).map((row) => columns.map((column) => row[column]))].map((cells) => cells.map(field).join(",")).join("\r\n")}\r\n`;
}

/** A Markdown table of the same rows, figures to three digits; what comes from the system file cannot break out of its cell. */
export function registerMarkdown(document: RiskDocument): string {
  const columns = columnsOf(document);
  const cell = (value: string | number): string =>
    typeof value === "number"
      ? String(Number(value.toPrecision(3)))
      : value.replace(/[\\`*_[\]<>|]/g, (mark) => `\\${mark}`).replace(/\s+/g, " ");
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return `${[line(columns), line(columns.map(() => "---")), ...rowsOf(document).map((row) => line(columns.map((column) => cell(row[column]))))].join("\n")}\n`;
}
