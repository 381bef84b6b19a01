/** The risks against their criteria: the worst of each threat first, the others folded behind it. */
import type { Assessment, Risk } from "#assessment/index.ts";
import { riskChart } from "#figures/charts.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { basisText, figure, intervalText } from "#figures/words.ts";
import {
  count,
  evidenceLinks,
  filter,
  fold,
  JUDGEMENT_RANK,
  JUDGEMENT_TONE,
  list,
  sentence,
  table,
  tag,
  tally,
  words,
  type Words,
} from "./parts.ts";

const JUDGEMENTS = ["missed", "open", "within"] as const;
const DIMENSIONS = { security: "Security", privacy: "Privacy" } as const;
/** As many rows as a chart can show and a reader compare. */
const CHARTED = 14;
/** Threats whose risks the page spells out; the others have a row each, as far as a page bears it. */
const DETAILED = 60;
const LISTED = 600;
const REASONS = 500;

type Dimension = keyof typeof DIMENSIONS;

/** How often each actor tries, by the key of the estimate: many risks rest on the same few assumptions. */
type Rates = ReadonlyMap<string, { readonly id: string; readonly risks: readonly Risk[] }>;

const rateKey = ({ actor, attempts }: Risk): string => JSON.stringify([actor, attempts]);

export function riskSection({ body }: Assessment): Markup {
  const { risks } = body;
  const name = words(body);
  const rates: Rates = new Map(
    [...Map.groupBy(risks, rateKey)].map(([key, members], i) => [key, { id: `attempts-${i + 1}`, risks: members }]),
  );
  const judged = tally(
    risks.map(({ judgement }) => judgement),
    JUDGEMENTS,
  );
  return markup`<p>Each risk is the yearly probability of at least one harmful event, as an interval, against the criterion for that harm and severity: wholly above is <em>missed</em>, across is <em>open</em>, wholly below is <em>within</em>. Of ${risks.length}: ${judged || "none"}; ${risks.filter(({ untested }) => untested).length} rest on no measurement. Attempts per year are assumed unless said otherwise, and drive most widths.</p>
${(Object.keys(DIMENSIONS) as Dimension[]).map((dimension) =>
  dimensionPart(
    body,
    dimension,
    risks.filter((risk) => risk.dimension === dimension),
    rates,
    name,
  ),
)}
<h3>How often each actor tries</h3>
${table(
  "Attempts per year, by actor: what the widths above rest on",
  [
    { head: "Actor", cell: ([first]: readonly Risk[]) => name.actor(first!.actor) },
    {
      head: "Attempts per year",
      cell: ([first]) =>
        markup`${intervalText(first!.attempts)} <small class="soft">most likely ${figure(first!.attempts.likely)}</small>`,
    },
    { head: "Where this comes from", cell: ([first]) => sentence(basisText(first!.attempts)), wide: true },
    { head: "Risks", cell: (members) => members.length, number: true },
  ],
  [...rates.values()].map((rate) => rate.risks),
  { rowId: (members) => rates.get(rateKey(members[0]!))!.id },
)}
${fold(
  `Every reason for the outcome, worst first (${body.outcome.reasons.length})`,
  markup`${list(body.outcome.reasons.slice(0, REASONS))}${body.outcome.reasons.length > REASONS ? markup`<p class="soft">${body.outcome.reasons.length - REASONS} more stand in assessment.json, none of them worse.</p>` : ""}`,
  { id: "reasons" },
)}`;
}

/** Worst judgement first, then what would matter, what was measured, and how much. */
const worstFirst = (a: Risk, b: Risk): number =>
  JUDGEMENT_RANK[a.judgement] - JUDGEMENT_RANK[b.judgement] ||
  Number(b.significant) - Number(a.significant) ||
  Number(a.untested) - Number(b.untested) ||
  b.current.low - a.current.low ||
  b.current.high - a.current.high;

function dimensionPart(
  body: Assessment["body"],
  dimension: Dimension,
  risks: readonly Risk[],
  rates: Rates,
  name: Words,
): Markup {
  const heading = markup`<h3>${DIMENSIONS[dimension]} (${risks.length})</h3>`;
  if (risks.length === 0) return markup`${heading}<p class="soft">No risk to ${dimension} was found to apply.</p>`;
  const groups = [...Map.groupBy(risks.toSorted(worstFirst), ({ group }) => group).values()];
  const leaders = groups.map((group) => group[0]!);
  const shown = leaders.slice(0, CHARTED);
  return markup`${heading}
<figure><div class="scroll" tabindex="0" role="group" aria-label="Chart of the risks to ${dimension}">${riskChart(shown, `risk-${dimension}`)}</div><figcaption>The worst risk of ${shown.length === leaders.length ? "each threat" : `the ${shown.length} worst threats of ${leaders.length}`}: bar = interval, dot = central figure, upright tick = criterion; broken bars were not tried.</figcaption></figure>
${filter("Filter by threat, actor or harm", `risks-${dimension}`)}
<div id="risks-${dimension}">${groups.slice(0, DETAILED).map((group) => groupPart(body, dimension, group, rates, name))}</div>
${others(leaders.slice(DETAILED), dimension, name)}`;
}

/** Threats beyond what can be spelled out: the worst risk of each in a row, and a number for what is left. */
function others(leaders: readonly Risk[], dimension: Dimension, name: Words): Markup {
  if (leaders.length === 0) return markup``;
  const listed = leaders.slice(0, LISTED);
  return fold(
    `${leaders.length} more threats, none of them worse`,
    markup`${table<Risk>(
      `The worst risk of other threats to ${dimension}`,
      [
        { head: "Threat", cell: name.threat },
        { head: "By, to", cell: ({ actor, harm }) => `${name.actor(actor)} → ${harm.replace("-", " ")}` },
        { head: "P per year", cell: ({ current }) => intervalText(current), number: true },
        { head: "Criterion", cell: ({ criterion }) => figure(criterion.perYear), number: true },
        { head: "Judgement", cell: ({ judgement }) => judgement },
      ],
      listed,
    )}${leaders.length > listed.length ? markup`<p class="soft">${leaders.length - listed.length} more stand in assessment.json; <code>vauban risk --at</code> shows those of one place.</p>` : ""}`,
  );
}

/** One threat: its worst risk in the summary, all of its risks inside; what all share is said once. */
function groupPart(
  body: Assessment["body"],
  dimension: Dimension,
  group: readonly Risk[],
  rates: Rates,
  name: Words,
): Markup {
  const [worst] = group as readonly [Risk, ...Risk[]];
  const shared = worst.caveats.filter((caveat) => group.every(({ caveats }) => caveats.includes(caveat)));
  const bases = new Set(group.map((risk) => basisText(risk.successCurrent)));
  const said = [
    ...(bases.size === 1 ? [`Success of one attempt: ${[...bases][0]}`] : []),
    ...shared.map((caveat) => `${caveat[0]!.toUpperCase()}${caveat.slice(1)}`),
  ];
  const own = (risk: Risk): string[] => [
    ...(risk.otherReading ? [`${risk.otherReading.why}: ${intervalText(risk.otherReading)}`] : []),
    ...risk.caveats.filter((caveat) => !shared.includes(caveat)),
  ];
  return fold(
    markup`${tag(worst.judgement, JUDGEMENT_TONE[worst.judgement])}${worst.untested ? markup` ${tag("not tried", "mute")}` : ""} ${name.threat(worst)} <span class="soft">worst: ${name.actor(worst.actor)} → ${worst.harm.replace("-", " ")}, P per year ${intervalText(worst.current)} against ${figure(worst.criterion.perYear)}${
      group.length > 1
        ? ` · ${count(group.length, "risk")}: ${tally(
            group.map(({ judgement }) => judgement),
            JUDGEMENTS,
          )}`
        : ""
    }</span>`,
    markup`${said.length > 0 ? markup`<p>${said.map(sentence).join(" ")}</p>` : ""}${table<Risk>(
      `Risks to ${dimension} of ${worst.group}`,
      [
        {
          head: "By, to",
          cell: ({ actor, harm, severity }) =>
            markup`${name.actor(actor)} → ${harm.replace("-", " ")} <small class="soft">severity ${severity}</small>`,
        },
        { head: "Reach", cell: ({ reach }) => reach },
        {
          head: "P per year",
          cell: ({ current, inherent }) =>
            markup`${intervalText(current)}${intervalText(current) === intervalText(inherent) ? "" : markup`<br><small class="soft">without controls ${intervalText(inherent)}</small>`}`,
          number: true,
        },
        { head: "Criterion", cell: ({ criterion }) => figure(criterion.perYear), number: true },
        {
          head: "Judgement",
          cell: ({ judgement, untested, view }) =>
            markup`${tag(judgement, JUDGEMENT_TONE[judgement])}${untested ? markup` ${tag("not tried", "mute")}` : ""}<br><small class="soft">NIST view ${view.level}</small>`,
        },
        {
          head: "Success of one attempt, attempts per year, and what limits them",
          cell: (risk) => {
            const credited = risk.controls.filter((control) => control.credited);
            return markup`${intervalText(risk.successCurrent)}${bases.size === 1 ? "" : markup` <small>${basisText(risk.successCurrent)}</small>`}; <a href="#${rates.get(rateKey(risk))!.id}">${intervalText(risk.attempts)} a year</a>${credited.length > 0 ? markup`; credited: ${credited.map(({ control, at }) => `${control} at ${at}`).join(", ")}` : ""}${risk.evidence.length > 0 ? markup` <small class="soft">Evidence: ${evidenceLinks(risk.evidence, body)}</small>` : ""}${list(own(risk).map((item) => markup`<small>${item}</small>`))}`;
          },
          wide: true,
        },
      ],
      group,
    )}`,
    { id: `risk-${dimension}-${worst.group}` },
  );
}
