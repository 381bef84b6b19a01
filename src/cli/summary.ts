/** The assessment on one terminal screen: the outcome, what was not tried, what is open, and what to do next. */
import { SCAN_VERDICTS, type Assessment, type Evidence, type NotFeasible } from "#assessment/index.ts";
import { FILES_FIRST } from "#claims/outcome.ts";
import { figure, intervalText, percent } from "#figures/words.ts";
import { clock } from "./progress.ts";
import { plain, type Colours } from "./terminal.ts";
import { wrapped } from "./wrap.ts";

const CLASS_WORDS = {
  DP: "data poisoning",
  MP: "model poisoning",
  AE: "adversarial examples",
  CA: "confidentiality attacks",
  MF: "model flaws",
} as const;
export const LABEL = 10;

/** Lines of at most `columns` characters; `reportPath` is where the page lies, `system` what to name it by where that is not this folder. */
export function summary(
  assessment: Assessment,
  {
    colours: c,
    columns,
    reportPath,
    system,
    fresh = false,
  }: { colours: Colours; columns: number; reportPath: string; system?: string; fresh?: boolean },
): string {
  const { body, run } = assessment;
  const { outcome } = body;
  const tone = outcome.exit === 0 ? c.green : outcome.exit === 1 ? c.red : c.yellow;
  const width = Math.max(60, Math.min(columns, 120));
  const lines: string[] = [];
  const say = (label: string, text: string, paint: (text: string) => string = (t) => t): void => {
    wrapped(plain(text), width - LABEL).forEach((line, i) =>
      lines.push(`${c.bold((i === 0 ? label : "").padEnd(LABEL))}${paint(line)}`),
    );
  };

  lines.push("");
  const tried = outcome.coverage.filter(({ status }) => status === "tried").length;
  const excluded = outcome.coverage.filter(({ status }) => status === "excluded").length;
  say(
    "OUTCOME",
    `${outcome.outcome}${outcome.byAnalogy ? " (by analogy – not a legal conclusion)" : ""} – ${tried} of 5 attack classes of Art. 15(5) tried${excluded > 0 ? `, ${excluded} excluded` : ""}`,
    (text) => c.bold(tone(text)),
  );
  if (body.partial) {
    const { reason, untested } = body.partial;
    say(
      "",
      `partial: ${reason}; ${untested.length} trial${untested.length === 1 ? "" : "s"} untested: ${untested.join(", ")}`,
      c.yellow,
    );
  }
  const untriedClasses = outcome.coverage
    .filter(({ status }) => status === "not-tried")
    .map((item) => CLASS_WORDS[item.class]);
  const otherUntried = outcome.notTried.length;
  if (untriedClasses.length > 0) say("", `not tried: ${untriedClasses.join(", ")} (see \`vauban explain not-tried\`)`);
  if (otherUntried > 0) say("", `${otherUntried} more lines of what was not tried stand first in the report`);
  measuredLines(assessment).forEach((text, i) => say(i === 0 ? "SO FAR" : "", text));
  for (const carrier of outcome.carriedBy.slice(0, 3))
    say(
      "",
      outcome.outcome === "not feasible with mature measures"
        ? `rests on what was measured of ${carrier.control} at ${carrier.at}: without that, *${carrier.without}*, as an unmeasured control may reach anything`
        : `carried by ${carrier.control} at ${carrier.at}: without it the system is *${carrier.without}*${carrier.path ? ` by ${carrier.path}` : ""}`,
    );

  [...meantLines(assessment), ...scanLines(assessment)].forEach(({ text, bad }, i) =>
    say(i === 0 ? "FILES" : "", text, bad ? c.red : (t) => t),
  );

  const unsettled = body.risks.filter(({ judgement, significant }) => judgement !== "within" && significant);
  const measuredFirst = unsettled.toSorted(
    (a, b) => Number(a.untested) - Number(b.untested) || b.current.low - a.current.low,
  );
  for (const judgement of ["missed", "open"] as const) {
    const risks = measuredFirst.filter((risk) => risk.judgement === judgement);
    if (risks.length === 0) continue;
    const untested = risks.filter((risk) => risk.untested).length;
    say(
      judgement.toUpperCase(),
      `${risks.length} risk${risks.length === 1 ? "" : "s"}${untested > 0 ? `, ${untested} of them not tried` : ""}; P(≥1 per year) / criterion:`,
    );
    for (const risk of risks.slice(0, judgement === "missed" ? 3 : 2))
      say("", `${risk.threat} → ${risk.harm} ${intervalText(risk.current)} / ${figure(risk.criterion.perYear)}`);
  }
  beyondLines(body.plan?.notFeasible).forEach((text, i) => say(i === 0 ? "BEYOND" : "", text));
  togetherLines(body.register).forEach((text, i) => say(i === 0 ? "TOGETHER" : "", text));
  const again = body.partial?.reason.startsWith("cancelled")
    ? [
        `run the same command again${fresh ? " without --fresh" : ""}: what was measured is kept, the rest is measured then`,
      ]
    : [];
  // What a whole run would still narrow is not known from part of one; files that are not those meant are.
  const steps = outcome.next
    .filter(({ narrows }) => !body.partial || narrows >= FILES_FIRST)
    .slice(0, 2)
    .map(({ what, command }) => {
      const whose = system !== undefined && command?.startsWith("vauban explain F-") ? ` --system ${system}` : "";
      return `${what}${command ? `  \`${command}${whose}\`` : ""}`;
    });
  [...again, ...steps].forEach((text, i) => say(i === 0 ? "NEXT" : "", text));
  say(
    "REPORT",
    `${reportPath}      SARIF · JSON${body.bom?.status === "made" ? " · bill of materials" : ""} beside it`,
  );
  if (run.reused.length > 0)
    say(
      "",
      `${run.reused.length} measurement${run.reused.length === 1 ? "" : "s"} taken from earlier runs (--fresh measures again)`,
    );
  say(
    "",
    `${clock(run.seconds * 1000)}, ${run.requestsOut} requests left this machine, seed ${body.seed}, assessment ${assessment.hash.slice(0, 16)}`,
  );
  return `${lines.join("\n")}\n`;
}

const NOT_RATED = ": not rated – ";

function measuredLines({ body }: Assessment): string[] {
  const lines: string[] = [];
  // What was left out, or not come to, is told above, once.
  const leftOut = new Set(body.partial?.untested);
  const isLeftOut = ({ kind, target, id }: Assessment["body"]["trials"][number], component: string): boolean =>
    kind === "clean" && target === component && leftOut.has(id);
  const unclear = Map.groupBy(
    body.evidence.filter(({ outcome, trial }) => outcome.status === "inconclusive" && !leftOut.has(trial ?? "")),
    ({ outcome }) => (outcome.status === "inconclusive" ? outcome.because : ""),
  );
  for (const [because, items] of unclear)
    lines.push(`${items.map(({ title }) => title).join("; ")}: inconclusive – ${because}`);
  const unrated = new Map(
    body.outcome.reasons.flatMap((reason) => {
      const [component, because] = reason.split(NOT_RATED);
      return because === undefined ? [] : [[component!, because] as const];
    }),
  );
  const nothingYet = ({ at }: Evidence): string | undefined => unrated.get(at ?? "");
  for (const item of body.evidence) {
    if (item.outcome.status === "inconclusive") continue;
    const { measure } = item.outcome;
    const threshold = body.trials.find(({ id }) => id === item.trial)?.threshold;
    if (measure.kind === "evasion")
      lines.push(
        `${item.at ?? "model"} under attack: right for ${share(measure.robustAccuracy)}${thresholdWords(item, threshold?.compare, measure.robustAccuracy, nothingYet(item))}`,
      );
    if (measure.kind === "corruption" && threshold)
      lines.push(
        `${item.at ?? "model"} under noise and corruption: right for ${share(measure.accuracy)}${thresholdWords(item, threshold.compare, measure.accuracy, nothingYet(item))}; worst, ${measure.worst.name}: ${share(measure.worst.accuracy)}`,
      );
    if (measure.kind === "patch")
      lines.push(
        `${item.at ?? "model"} under a patch of ${percent(measure.area)}: turned ${share(measure.perInput)} of ${measure.perInput.unit}s in most placements${thresholdWords(item, threshold?.compare, measure.perInput, nothingYet(item))}`,
      );
  }
  // What was measured on a model whose clean run does not hold is shown and rated no further.
  const told = ([component]: readonly [string, string]): boolean =>
    !body.trials.some((trial) => isLeftOut(trial, component));
  lines.push(...[...unrated].filter(told).map((entry) => entry.join(NOT_RATED)));
  return lines;
}

/** Files that are not those the system file declares, or not as they were signed: before anything else that is said of files. */
function meantLines({ body }: Assessment): { readonly text: string; readonly bad: boolean }[] {
  const short = (text: string): string => text.replaceAll(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1…");
  return body.findings
    .filter(({ kind, severity }) => kind === "integrity" && severity === "error")
    .slice(0, 3)
    .map(({ title, detail }) => ({ text: `${title}: ${short(detail)}`, bad: true }));
}

/** What loading the files would do: the count, then the files that would do harm, the worst first. */
function scanLines({ body }: Assessment): { readonly text: string; readonly bad: boolean }[] {
  const scans = body.evidence.flatMap(({ outcome }) =>
    outcome.status === "measured" && outcome.measure.kind === "artefacts" ? [outcome.measure] : [],
  );
  if (scans.length === 0) return [];
  const total = scans.reduce((sum, scan) => sum + scan.total, 0);
  const counts = SCAN_VERDICTS.map((verdict) => ({
    verdict,
    n: scans.reduce((sum, { verdicts }) => sum + verdicts[verdict], 0),
  })).filter(({ n }) => n > 0);
  const flagged = scans.flatMap(({ files }) =>
    files.filter(({ verdict }) => verdict === "malicious" || verdict === "suspicious"),
  );
  return [
    {
      text: `${total} scanned: ${counts.map(({ verdict, n }) => `${n} ${verdict}`).join(", ")} (of loading; no word on backdoors in weights)`,
      bad: false,
    },
    ...flagged.slice(0, 3).map(({ path, verdict, findings }) => ({
      text: `${path}: ${verdict}${findings[0] ? ` – ${findings[0].message}, bytes ${findings[0].start} to ${findings[0].end}${findings[0].member === undefined ? "" : ` of ${findings[0].member}`}` : ""}`,
      bad: verdict === "malicious",
    })),
  ];
}

function share({ k, n, low, high }: { k: number; n: number; low: number; high: number }): string {
  return `${k}/${n} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}] %`;
}

function thresholdWords(
  item: Evidence,
  compare: { at: ">=" | "<="; value: number } | undefined,
  { low, high }: { low: number; high: number },
  nothingYet: string | undefined,
): string {
  if (!compare) return `, grade ${item.grade}`;
  const met = compare.at === ">=" ? low >= compare.value : high <= compare.value;
  const missed = compare.at === ">=" ? high < compare.value : low > compare.value;
  const threshold = `threshold ${compare.at} ${percent(compare.value, 0)}`;
  // Not "met": what it was measured on may be another model than the one meant, with other preprocessing.
  if (nothingYet !== undefined)
    return ` – measured against ${threshold}, but it counts for nothing yet: ${nothingYet.split(",")[0]}`;
  return ` – ${threshold} ${met ? "met" : missed ? "missed" : "not shown"}, grade ${item.grade}`;
}

/** As many limits as a screen has room for; measured and published ones come first. */
const LIMITS_SHOWN = 4;

/** What no mature measure reaches: demands that cannot be met, how far each control gets and who says so, and what is left. */
function beyondLines(notFeasible: NotFeasible | undefined): string[] {
  if (!notFeasible) return [];
  const { conflict, edition, exits } = notFeasible;
  const limits = conflict.limits.toSorted(
    (a, b) => Number(a.kind === "does-not-hold") - Number(b.kind === "does-not-hold"),
  );
  const more = limits.length - LIMITS_SHOWN;
  return [
    `${conflict.demands.join(" and ")}: no set of mature measures of the catalogue of ${edition} gets there`,
    ...limits.slice(0, LIMITS_SHOWN).map(({ control, title, why }) => `${control} ${title}: ${why}`),
    ...(more > 0 ? [`${more} more control${more === 1 ? "" : "s"} in the report`] : []),
    `left are: ${exits.map((exit) => exit.split(/[,:]/)[0]).join(" · ")}`,
  ];
}

/** Harms that are worse over all ways and actors than by any risk of theirs alone. */
const togetherLines = (register: Assessment["body"]["register"]): string[] =>
  register.flatMap(({ id, totals }) =>
    totals
      .filter(({ judgement, singly }) => judgement !== singly && judgement !== "within")
      .slice(0, 1)
      .map(
        ({ judgement, singly, evaluation, perYear, severity }) =>
          `${id} (${severity}) ${judgement} over all ways and actors, though each risk is ${singly}: ${intervalText(evaluation)} / ${figure(perYear)}`,
      ),
  );
