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
import { distinctWays, legsOf, stepsById, type Leg } from "#figures/ways.ts";
import { METHODS, rangeText } from "#risk/index.ts";
import { wrapped } from "./wrap.ts";
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
  /** What was asked for, where that is a part: `by gang, at pacs`. */
  readonly part?: string | undefined;
}

/** Every line at most `columns` wide; nothing hypothetical without the word. */
export function riskSummary(document: RiskDocument, view: RiskView): string {
  const page = pageOf(view);
  const { say, gap, c } = page;
  const { part } = view;
  say("RISKS", `${document.system}${part ? `, ${part}` : ""}: ${tallyText(document.now)}`, c.bold);
  for (const { what, because, command } of document.notMeasured)
    say("", `not measured: ${what} – ${because}${command ? `  \`${command}\`` : ""}`, c.yellow);
  if (document.risks.length === 0) say("", "no risk answers what was asked: nothing is said of it", c.yellow);
  if (!part) together(document, page);
  if (document.whatIf.length > 0) supposition(document, page);
  if (document.whatIf.length === 0 || view.whole) details(document, view, page);

  const carrying = document.controls.filter(({ carries }) => carries.length > 0);
  if (carrying.length + document.controlsLeftOut > 0) gap();
  carrying.forEach(({ control, at, carries }, i) => {
    const rise = ({ now, without }: (typeof carries)[number]): number =>
      without.high - now.high + without.likely - now.likely;
    const worst = carries.toSorted((a, b) => rise(b) - rise(a))[0]!;
    say(
      i === 0 ? "CARRIED" : "",
      `by ${control} at ${at}: without it ${count(carries.length, "risk is", "risks are")} higher, most of all ${worst.risk}: ${threeText(worst.without)} instead of ${threeText(worst.now)}`,
    );
  });
  if (document.controlsLeftOut > 0)
    say(
      "",
      `${count(document.controlsLeftOut, "credited control was", "credited controls were")} not taken away one by one: --all does`,
      c.dim,
    );
  const drivers = document.cyber.drivers.slice(0, 5);
  if (drivers.length > 0) gap();
  drivers.forEach(({ title, assumed, width: w, risks, risk }, i) =>
    say(
      i === 0 ? "DRIVERS" : "",
      `${assumed ? "assumed" : "measured or argued"}: ${title} – up to ${figure(w)} of an interval (${risk})${risks > 1 ? `, ${risks} risks rest on it` : ""}`,
    ),
  );
  if (part) {
    gap();
    say("SYSTEM", `not only ${part}:`);
    together(document, page);
  }
  return page.text();
}

/** What all ways and actors come to: of the whole system, whatever was asked for. */
function together({ register }: RiskDocument, { say, c }: Page): void {
  for (const { id, severity, judgement, because } of register)
    say("", `the whole system, ${id.replace("-", " ")} (${severity}): ${judgement} – ${because}`, TONE[judgement](c));
}

type Paint = (text: string) => string;
interface Page {
  readonly say: (label: string, text: string, paint?: Paint, indent?: number) => void;
  readonly gap: () => void;
  readonly c: Colours;
  readonly text: () => string;
}

const TONE: Readonly<Record<Risk["judgement"], (c: Colours) => Paint>> = {
  missed: (c) => c.red,
  open: (c) => c.yellow,
  within: (c) => c.green,
};

function pageOf({ colours: c, columns }: RiskView): Page {
  const width = Math.max(60, Math.min(columns, 120));
  const lines: string[] = [];
  return {
    c,
    say(label, text, paint = (t) => t, indent = 0) {
      const space = LABEL + indent;
      wrapped(plain(text), width - space).forEach((line, i) =>
        lines.push(`${c.bold((i === 0 ? `${" ".repeat(indent)}${label}` : "").padEnd(space))}${paint(line)}`),
      );
    },
    gap: () => void lines.push(""),
    text: () => `${lines.join("\n")}\n`,
  };
}

const count = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

/** As many changed risks as can be compared on a screen. */
const COMPARED = 20;

/** Before and after side by side, for what changed; what was assumed stands first. */
function supposition({ whatIf, risks, supposed: tally }: RiskDocument, { say, gap, c }: Page): void {
  gap();
  for (const { says, ceiling, caveats, change } of whatIf) {
    say("WHAT IF", `${says}${ceiling ? `; the most that was published: ${ceiling}` : ""}`, c.cyan);
    if (change === "with") for (const caveat of caveats) say("", caveat, c.dim, 2);
  }
  say("", "hypothetical: nothing of this was tried, and no assessment will hold it", c.yellow);
  const changed = risks.flatMap(({ now, supposed }) => (supposed && differs(now, supposed) ? [{ now, supposed }] : []));
  gap();
  if (tally) say("SUPPOSED", tallyText(tally), c.bold);
  if (changed.length === 0) say("", "no figure of a single risk changes");
  const shown = changed
    .toSorted(
      (a, b) =>
        Math.abs(b.supposed.current.high - b.now.current.high) - Math.abs(a.supposed.current.high - a.now.current.high),
    )
    .slice(0, COMPARED);
  const wide = Math.max(0, ...shown.map(({ now }) => side(now).length));
  for (const { now, supposed } of shown) {
    say("", now.id, undefined, 2);
    say(
      "",
      `now ${side(now).padEnd(wide)}   supposed ${side(supposed)}   criterion ${figure(now.criterion.perYear)}`,
      TONE[supposed.judgement](c),
      4,
    );
    if (wayText(now.path) !== wayText(supposed.path))
      say("", `way: ${wayText(now.path)}   supposed: ${wayText(supposed.path)}`, c.dim, 4);
  }
  const rest = changed.length - shown.length;
  if (rest > 0) say("", `and ${rest} more that change; --json has them all`, c.dim, 2);
  say(
    "",
    `${count(risks.length - changed.length, "risk stays", "risks stay")} as ${risks.length - changed.length === 1 ? "it is" : "they are"}`,
    c.dim,
    2,
  );
}

const threeText = (of: { readonly low: number; readonly likely: number; readonly high: number }): string =>
  `${intervalText(of)}, likely ${figure(of.likely)}`;

const side = ({ current, judgement }: Risk): string => `${threeText(current)}: ${judgement}`;

/** The worst risk of each threat, or every risk: way, inputs, controls, what the graph says, what it needs. */
function details(document: RiskDocument, { method, most, whole }: RiskView, { say, gap, c }: Page): void {
  const groups = whole
    ? document.risks.map((each) => [each])
    : [...Map.groupBy(document.risks, ({ now }) => now.group).values()];
  const shown = whole ? groups : groups.slice(0, most);
  const view = METHODS[method];
  const steps = stepsById(document.graph);
  const events = new Map(document.graph.events.map((event) => [event.id, event]));
  const readings = new Map(document.graph.goals.map((reading) => [reading.goal, reading]));
  for (const [worst, ...others] of shown) {
    const { now } = worst!;
    gap();
    say(
      now.judgement.toUpperCase(),
      `${now.id} ${intervalText(now.current)} / ${figure(now.criterion.perYear)}${now.untested ? " – not tried" : ""}`,
      (text) => c.bold(TONE[now.judgement](c)(text)),
    );
    say("harm", `${now.harm.replace("-", " ")}, severity ${now.severity}: ${now.severityBasis}`, c.dim, 2);
    for (const driver of driversOf(now)) say(driver.label, driver.text, undefined, 2);
    const reading = readings.get(now.id);
    const ways = reading ? distinctWays(reading.paths, steps, 2) : [];
    if (ways.length === 0) say("way", `${now.reach}: ${wayText(now.path)}`, undefined, 2);
    for (const path of ways) say("way", `${intervalText(path)}  ${legsText(legsOf(path, steps))}`, undefined, 2);
    if (reading) {
      const cuts = reading.cutSets.filter((set) => set.length <= 2).slice(0, 3);
      if (cuts.length > 0)
        say(
          "cut by",
          cuts.map((set) => set.map((id) => events.get(id)?.title ?? id).join(" and ")).join(" · or "),
          undefined,
          2,
        );
      const single = reading.singlePoints
        .map((id) => steps.get(id))
        .filter((step) => step !== undefined && step.events.length > 0 && step.gains !== now.id);
      if (single.length > 0 && ways.length > 1)
        say("single", `every way goes through: ${single.map((step) => step!.title).join(" · ")}`, undefined, 2);
      const widest = reading.widths.slice(0, 3);
      if (widest.length > 0)
        say(
          "width",
          widest
            .map(
              ({ event, width, assumed }) =>
                `${figure(width)} ${assumed ? "assumed" : "measured"}: ${events.get(event)?.title ?? event}`,
            )
            .join(" · "),
          undefined,
          2,
        );
      const { error, method: how } = reading.evaluation;
      if (how === "monte-carlo")
        say("", `drawn, not exact: ± ${figure(Math.max(error.low, error.likely, error.high))}`, c.dim, 2);
    }
    for (const { control, at, why } of now.controls.filter(({ credited }) => credited))
      say("control", `${control} at ${at}: ${why}`, undefined, 2);
    for (const { control, at } of now.raisedBy) say("", `${control} at ${at} makes this worse`, c.yellow, 2);
    if (!view.decides) say("view", viewText(method, view.read(now)), c.dim, 2);
    const needs = document.cyber.requirements.filter(({ serves }) => serves.includes(now.id));
    if (needs.length > 0)
      say("needs", `on this way any one of: ${needs.map(requirementText).join(" · ")}`, undefined, 2);
    if (others.length > 0) say("", `and ${others.length} more of ${now.group}`, c.dim, 2);
  }
  const left = groups.length - shown.length;
  if (left > 0) {
    gap();
    say(
      "",
      `${count(left, "more threat", "more threats")}: --all shows every risk; --actor, --at and --harm choose`,
      c.dim,
    );
  }
}

/** Places passed with certainty, and every chance with its figure. */
const legsText = (legs: readonly Leg[]): string =>
  legs
    .map((leg) =>
      leg.kind === "along"
        ? leg.places.join(" → ")
        : `${leg.step.title} ${intervalText(leg.step.estimate)} ${leg.step.estimate.basis.kind}`,
    )
    .filter((text) => text !== "")
    .join(" ▸ ");

const tallyText = ({ risks, missed, open, within, untested }: RiskTally): string =>
  `${risks} risk${risks === 1 ? "" : "s"} – ${missed} missed, ${open} open, ${within} within${untested > 0 ? `; ${untested} rest on no measurement: where such a one is within, no success could exceed its criterion at the attempts given` : ""}`;

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

/** Both inputs with where they come from, the assumed one first, then the wider. */
function driversOf({ successCurrent, attempts }: Risk): { readonly label: string; readonly text: string }[] {
  const line = (label: string, estimate: Estimate): { label: string; text: string; rank: number } => ({
    label,
    text: `${intervalText(estimate)} ${basisText(estimate)}`,
    rank: Number(estimate.basis.kind !== "assumed"),
  });
  return [line("success", successCurrent), line("attempts", attempts)].toSorted((a, b) => a.rank - b.rank);
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
