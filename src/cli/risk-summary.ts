/** Risks on a terminal: worst first, each with its way, what drives its width, what it would take, and what was only assumed. */
import {
  type Estimate,
  type LevelRange,
  type MethodId,
  type Path,
  type Requirement,
  type Risk,
  type RiskDocument,
  type RiskTally,
} from "#assessment/index.ts";
import { basisText, figure, intervalText } from "#figures/words.ts";
import { METHODS, rangeText } from "#risk/index.ts";
import { wrapped } from "./summary.ts";
import { plain, type Colours } from "./terminal.ts";

const LABEL = 10;

export interface RiskView {
  readonly colours: Colours;
  readonly columns: number;
  readonly method: MethodId;
  /** How many threats to show, each by its worst risk. */
  readonly most: number;
  /** Every risk by itself. */
  readonly whole: boolean;
}

/** Every line at most `columns` wide; nothing hypothetical without the word. */
export function riskSummary(document: RiskDocument, { colours: c, columns, method, most, whole }: RiskView): string {
  const width = Math.max(60, Math.min(columns, 120));
  const lines: string[] = [];
  const say = (label: string, text: string, paint: (text: string) => string = (t) => t, indent = 0): void => {
    const space = LABEL + indent;
    wrapped(plain(text), width - space).forEach((line, i) =>
      lines.push(`${c.bold((i === 0 ? `${" ".repeat(indent)}${label}` : "").padEnd(space))}${paint(line)}`),
    );
  };
  const tone = { missed: c.red, open: c.yellow, within: c.green } as const;

  say("RISKS", `${document.system}: ${tallyText(document.now)}`, c.bold);
  if (document.supposed) say("", `hypothetical: ${tallyText(document.supposed)}`, c.bold);
  for (const { what, because, command } of document.notMeasured)
    say("", `not measured: ${what} – ${because}${command ? `  \`${command}\`` : ""}`, c.yellow);
  for (const { says, ceiling, caveats, change } of document.whatIf) {
    say("WHAT IF", `${says}${ceiling ? `; the most it was shown to do: ${ceiling}` : ""}`, c.cyan);
    if (change === "with") for (const caveat of caveats) say("", caveat, c.dim, 2);
  }
  if (document.whatIf.length > 0)
    say("", "hypothetical: nothing of this was tried, and no assessment will hold it", c.yellow);

  const changed = new Set(document.risks.filter(({ now, supposed }) => supposed && differs(now, supposed)));
  // What-if is asked for what it changes: those come first.
  const ordered = document.risks.toSorted((a, b) => Number(changed.has(b)) - Number(changed.has(a)));
  const groups = whole
    ? ordered.map((each) => [each])
    : [...Map.groupBy(ordered, (each) => `${each.now.group} ${changed.has(each)}`).values()];
  const shown = groups.slice(0, whole ? Infinity : most);
  const view = METHODS[method];
  for (const [{ now, supposed }, ...others] of shown as [RiskDocument["risks"][number]][]) {
    lines.push("");
    say(
      now.judgement.toUpperCase(),
      `${now.id} ${intervalText(now.current)} / ${figure(now.criterion.perYear)}${now.untested ? " – not tried" : ""}`,
      (text) => c.bold(tone[now.judgement](text)),
    );
    if (supposed)
      say(
        "supposed",
        differs(now, supposed)
          ? `hypothetical ${intervalText(supposed.current)} – ${supposed.judgement}${supposed.reach === "none" ? ", every way closed" : `, by ${wayText(supposed.path)}`}`
          : "hypothetical: no change",
        differs(now, supposed) ? (text) => tone[supposed.judgement](text) : c.dim,
        2,
      );
    say("harm", `${now.harm.replace("-", " ")}, severity ${now.severity}: ${now.severityBasis}`, c.dim, 2);
    say("way", `${now.reach}: ${wayText(now.path)}`, undefined, 2);
    for (const driver of driversOf(now, document)) say(driver.label, driver.text, undefined, 2);
    const credited = now.controls.filter((control) => control.credited);
    for (const { control, at, why } of credited) say("control", `${control} at ${at}: ${why}`, undefined, 2);
    if (!view.decides) say("view", viewText(method, view.read(now)), c.dim, 2);
    const needs = document.cyber.requirements.filter(({ serves }) => serves.includes(now.id));
    if (needs.length > 0) say("needs", `any one of: ${needs.map(requirementText).join(" · ")}`, undefined, 2);
    if (others.length > 0) say("", `and ${others.length} more of ${now.group}`, c.dim, 2);
  }
  const left = groups.length - shown.length;
  if (left > 0) {
    lines.push("");
    say("", `${left} more threats: --all shows every risk; --actor, --at and --harm choose`, c.dim);
  }

  const carrying = document.controls.filter(({ carries }) => carries.length > 0);
  if (carrying.length > 0) lines.push("");
  carrying.forEach(({ control, at, carries }, i) => {
    const worst = carries.toSorted((a, b) => b.without - b.high - (a.without - a.high))[0]!;
    say(
      i === 0 ? "CARRIED BY" : "",
      `${control} at ${at}: without it ${carries.length} risk${carries.length === 1 ? " is" : "s are"} higher, most of all ${worst.risk}: up to ${figure(worst.without)} instead of ${figure(worst.high)}`,
    );
  });
  const drivers = document.cyber.drivers.slice(0, 5);
  if (drivers.length > 0) lines.push("");
  drivers.forEach(({ title, assumed, width: w, risks, risk }, i) =>
    say(
      i === 0 ? "DRIVERS" : "",
      `${assumed ? "assumed" : "measured or argued"}: ${title} – up to ${figure(w)} of an interval (${risk})${risks > 1 ? `, ${risks} risks rest on it` : ""}`,
    ),
  );
  return `${lines.join("\n")}\n`;
}

const tallyText = ({ risks, missed, open, within, untested }: RiskTally): string =>
  `${risks} risk${risks === 1 ? "" : "s"} – ${missed} missed, ${open} open, ${within} within; ${untested} rest on no measurement`;

export const differs = (now: Risk, supposed: Risk): boolean =>
  now.judgement !== supposed.judgement ||
  now.reach !== supposed.reach ||
  (["low", "likely", "high"] as const).some((end) => now.current[end] !== supposed.current[end]);

/** `usual:backup@pacs → pacs → router`: how the way begins, and what it passes. */
export function wayText(path: Path): string {
  const [first] = path;
  if (!first) return "no way is left";
  return [...(first.flow ? [first.flow] : []), ...path.map(({ component }) => component)].join(" → ");
}

/** Both inputs with where they come from, the assumed one first, then the one more of the width is owed to. */
function driversOf(risk: Risk, { cyber }: RiskDocument): { readonly label: string; readonly text: string }[] {
  const width = (id: string): number | undefined =>
    cyber.drivers.find((driver) => driver.risk === risk.id && driver.id.startsWith(id))?.width;
  const line = (label: string, estimate: Estimate, id: string): { label: string; text: string; rank: number } => {
    const owed = width(id);
    return {
      label,
      text: `${intervalText(estimate)} ${basisText(estimate)}${owed === undefined ? "" : ` (owed to it: ${figure(owed)})`}`,
      rank: Number(estimate.basis.kind !== "assumed") * 2 - (owed ?? 0),
    };
  };
  return [
    line("success", risk.successCurrent, `success of ${risk.threat}`),
    line("attempts", risk.attempts, `attempts by ${risk.actor} `),
  ].toSorted((a, b) => a.rank - b.rank);
}

function viewText(
  method: MethodId,
  {
    level,
    scales,
  }: { readonly level: LevelRange; readonly scales: readonly (LevelRange & { readonly name: string })[] },
): string {
  return `${METHODS[method].title}: ${rangeText(level)} (${scales.map((scale) => `${scale.name} ${rangeText(scale)}`).join(", ")})`;
}

const requirementText = ({ id, component }: Requirement): string => `${id} (${component})`;
