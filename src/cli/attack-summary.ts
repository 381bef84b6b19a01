/** An attacked model on one terminal screen: the figure, its doubts by name, how the data were read, and what was not tried. */
import type { AttackDocument, AttackTrial } from "#assessment/index.ts";
import { GATE_UNITS } from "#assess/plan.ts";
import { budgetText, NORM_NAMES } from "#figures/charts.ts";
import { percent } from "#figures/words.ts";
import { clock } from "./progress.ts";
import { LABEL } from "./summary.ts";
import { wrapped } from "./wrap.ts";
import { plain, type Colours } from "./terminal.ts";

const budgetName = ({ norm, eps }: AttackTrial): string => `${NORM_NAMES[norm]} ${budgetText(eps)}`;

/** Lines of at most `columns` characters; `reportPath` is where the page lies. */
export function attackSummary(
  document: AttackDocument,
  { colours: c, columns, reportPath }: { colours: Colours; columns: number; reportPath: string },
): string {
  const { trials, target, clean, input, run } = document;
  const width = Math.max(60, Math.min(columns, 120));
  const lines: string[] = [""];
  const say = (label: string, text: string, paint: (text: string) => string = (t) => t): void => {
    wrapped(plain(text), width - LABEL).forEach((line, i) =>
      lines.push(`${c.bold((i === 0 ? label : "").padEnd(LABEL))}${paint(line)}`),
    );
  };
  if (trials.length === 0)
    say("RESULT", document.partial ?? `inconclusive – nothing was attacked: ${input.because}`, c.yellow);
  trials.forEach((trial, i) =>
    say(i === 0 ? "RESULT" : "", resultLine(trial), (text) => c.bold(toneOf(trial, c)(text))),
  );
  if (clean) say("", `before any attack ${share(clean.accuracy)} as the data are`);
  if (document.partial && trials.length > 0) say("", document.partial, c.yellow);
  trials.slice(0, 3).forEach((trial, i) => say(i === 0 ? "BOUNDS" : "", boundsLine(trial)));
  if (document.smoothed) say("SMOOTHED", smoothedLine(document.smoothed));

  const doubts = failedChecks(trials);
  const checks = trials.reduce((sum, { sanity }) => sum + sanity.length, 0);
  if (trials.length > 0 && doubts.length === 0) say("DOUBTS", `none of ${checks} sanity checks failed`, c.green);
  doubts.forEach((doubt, i) => say(i === 0 ? "DOUBTS" : "", doubt, c.yellow));
  if (!input.stated && trials.length > 0)
    say(doubts.length === 0 && checks === 0 ? "DOUBTS" : "", input.because, c.yellow);
  for (const doubt of figureDoubts(document)) say("", doubt, c.yellow);
  if (target.access === "scores")
    say(
      "ACCESS",
      `scores only: ${target.noGradient ?? "no gradient"} – query attacks served instead, which bound nothing from above`,
    );
  const tried = trials.filter(({ measure }) => measure !== null);
  tried.forEach(({ measure, ...trial }, i) => {
    const { attacks, minimalBudget, robustAccuracy } = measure!;
    const names = [...new Set(attacks.map(({ attack, objective }) => `${attack} (${objective})`))];
    const at = tried.length > 1 ? `${budgetName({ ...trial, measure })}: ` : "";
    say(i === 0 ? "TRIED" : "", `${at}${names.join(", ")}; ${trial.queries} queries, ${trial.gradients} gradients`);
    if (minimalBudget)
      say(
        "",
        `${at}smallest change in ${NORM_NAMES[trial.norm]} that works: median ${minimalBudget.median === null ? "beyond the range" : budgetText(minimalBudget.median)}, over ${minimalBudget.n} of the ${robustAccuracy.n} ${robustAccuracy.unit}s; found for ${minimalBudget.found}`,
      );
  });
  if (trials.length > 0) document.notTried.forEach((what, i) => say(i === 0 ? "NOT TRIED" : "", what));
  say("REPORT", `${reportPath}      JSON beside it`);
  if (run.reused.length > 0) say("", `${run.reused.join(", ")} taken from earlier runs (--fresh measures again)`);
  say(
    "",
    `${clock(run.seconds * 1000)}, ${run.requestsOut} requests left this machine, document ${document.hash.slice(0, 16)}`,
  );
  return `${lines.join("\n")}\n`;
}

/**
 * What did not hold, each once. A check's name says what should hold and would read as a report that it does: "not so" stands before
 * it, and what was seen behind.
 */
function failedChecks(trials: AttackDocument["trials"]): string[] {
  const failed = trials.flatMap(({ sanity }) => sanity.filter(({ passed }) => !passed));
  return [...Map.groupBy(failed, ({ check }) => check)].map(
    ([check, those]) => `not so: “${check}” – ${[...new Set(those.map(({ detail }) => detail))].join("; ")}`,
  );
}

/** What weakens a figure without making it inconclusive. */
function figureDoubts({ trials, data, expect }: AttackDocument): string[] {
  const doubts: string[] = [];
  if (trials[0]?.budget.profile === "quick")
    doubts.push("profile quick: a first look, to be repeated with standard before it is relied on");
  const n = Math.min(...trials.map((trial) => trial.n ?? Infinity));
  if (n < GATE_UNITS && n < data.of)
    doubts.push(`n = ${n} of ${data.of}: fewer than the ${GATE_UNITS} a ${expect ? "gate" : "figure"} should rest on`);
  if (trials.length > 1 && n < data.of) doubts.push("each budget draws its own inputs");
  return doubts;
}

function toneOf({ outcome, expectation }: AttackTrial, c: Colours): (text: string) => string {
  if (expectation === "missed") return c.red;
  return outcome === "inconclusive" || expectation === "not shown" ? c.yellow : c.green;
}

function resultLine(trial: AttackTrial): string {
  const { k, n, low, high, outcome, because, expectation, expectationBecause } = trial;
  const figures = k === null || n === null ? "" : `right under attack ${share({ k, n, low: low!, high: high! })}`;
  const verdict = expectation
    ? ` – expectation ${expectation}${expectationBecause ? `: ${expectationBecause}` : ""}`
    : "";
  const doubt = outcome === "inconclusive" ? `inconclusive – ${because ?? ""}` : "";
  return `${budgetName(trial)}: ${[doubt, figures].filter(Boolean).join("; so far ")}${verdict}`;
}

function boundsLine(trial: AttackTrial): string {
  const { certified, empirical, undecided, because } = trial.bracket;
  if (!empirical || empirical.n === 0) return `${budgetName(trial)}: nothing was attacked`;
  const below = certified ? `${percent(certified.k / certified.n)} certified` : "nothing certified";
  return `${budgetName(trial)}: between ${below} and ${percent(empirical.k / empirical.n)} by attack, ${undecided ?? 0} undecided${because ? ` – ${because}` : ""}`;
}

/** The smoothed classifier is not the model: the line says so. */
function smoothedLine({ sigma, bound, abstained, radii }: NonNullable<AttackDocument["smoothed"]>): string {
  const of = share;
  const [clear, ...held] = radii;
  const at = held.map(({ radius, certified }) => `${of(certified)} up to ${Number(radius.toPrecision(3))}`);
  return `not the model, but its majority under noise of σ ${sigma} (${bound} draws each): right ${of(clear!.certified)}${at.length > 0 ? `, certified in L2 ${at.join(", ")}` : ""}; ${abstained.k} of ${abstained.n} abstain`;
}

function share({ k, n, low, high }: { k: number; n: number; low: number; high: number }): string {
  return `${k}/${n} = ${percent(n === 0 ? 0 : k / n)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
}
