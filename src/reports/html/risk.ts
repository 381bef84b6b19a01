/** The map with its paths, and the risks against their criteria. */
import type { Assessment, Risk } from "#assessment/index.ts";
import { riskChart } from "#figures/charts.ts";
import { shownPaths, systemMap } from "#figures/map.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { basisText, figure, intervalText } from "#figures/words.ts";
import { JUDGEMENT_TONE, list, table, tag } from "./parts.ts";

export function mapSection(assessment: Assessment): Markup {
  const { system } = assessment.body;
  const paths = shownPaths(assessment);
  const titles = new Map(system.components.map(({ id, title }) => [id, title]));
  return markup`<figure class="scroll" tabindex="0" role="region" aria-label="Map of the system">${systemMap(system, paths).svg}<figcaption>Dashed frames are trust boundaries. Choose a way below to light it up.</figcaption></figure>
<div class="paths"><ul>${paths.map(
    ({
      key,
      title,
      path,
      judgement,
      risk,
      note,
    }) => markup`<li><button type="button" aria-pressed="false" data-path="${key}" hidden>${tag(judgement, judgement === "closed" ? "good" : JUDGEMENT_TONE[judgement])} ${title}</button>
<ol>${path.map((step) => markup`<li>${titles.get(step.component) ?? step.component}${step.flow ? markup` <span class="soft">by <code>${step.flow}</code></span>` : ""}${step.crosses.length > 0 ? markup` <span class="soft">crossing ${step.crosses.join(", ")}</span>` : ""}</li>`)}</ol>
${note ? markup`<p>${note}</p>` : ""}${risk ? markup`<p>Success of one attempt ${intervalText(risk.successCurrent)} <span class="soft">(${basisText(risk.successCurrent)})</span>; attempts per year ${intervalText(risk.attempts)} <span class="soft">(${basisText(risk.attempts)})</span>; so P(≥1 per year) ${intervalText(risk.current)} against ${figure(risk.criterion.perYear)}.</p>` : ""}</li>`,
  )}</ul></div>
<details><summary>Flows in words (${system.flows.length})</summary>${table(
    "Data flows",
    [
      { head: "From", cell: (flow) => titles.get(flow.from) ?? flow.from },
      { head: "To", cell: (flow) => titles.get(flow.to) ?? flow.to },
      { head: "Carries", cell: (flow) => flow.carries.join(", ") || "not said" },
      { head: "Over", cell: (flow) => flow.over ?? "not said" },
      {
        head: "Declared protection",
        cell: (flow) =>
          [flow.signed && "signed", flow.encrypted && "encrypted", flow.authenticated && "authenticated"]
            .filter(Boolean)
            .join(", ") || "none",
      },
    ],
    system.flows,
  )}</details>`;
}

const RANK = { missed: 0, open: 1, within: 2 } as const;

export function riskSection({ body }: Assessment): Markup {
  const ordered = body.risks.toSorted(
    (a, b) =>
      RANK[a.judgement] - RANK[b.judgement] ||
      Number(b.significant) - Number(a.significant) ||
      Number(a.untested) - Number(b.untested) ||
      b.current.low - a.current.low ||
      b.current.high - a.current.high,
  );
  const counts = (["missed", "open", "within"] as const).map(
    (judgement) => `${body.risks.filter((risk) => risk.judgement === judgement).length} ${judgement}`,
  );
  const byDimension = (["security", "privacy"] as const).map((dimension) => ({
    dimension,
    risks: ordered.filter((risk) => risk.dimension === dimension),
  }));
  return markup`<p>Each risk is the yearly probability of at least one harmful event, as an interval, against the criterion for that harm and severity: wholly above is <em>missed</em>, across is <em>open</em>, wholly below is <em>within</em>. ${counts.join(", ")}; ${body.risks.filter(({ untested }) => untested).length} rest on no measurement. Attempts per year are assumed unless said otherwise, and drive most widths.</p>
${byDimension.map(
  ({ dimension, risks }) => markup`<h3>${dimension === "security" ? "Security" : "Privacy"} (${risks.length})</h3>
${risks.length > 0 ? markup`<figure class="scroll">${riskChart(risks.slice(0, 14), `risk-${dimension}`)}<figcaption>The ${Math.min(14, risks.length)} that matter most of ${risks.length}: bar = interval, dot = central figure, tick = criterion; broken bars were not tried.</figcaption></figure>` : ""}
${table<Risk>(
  `Risks to ${dimension}`,
  [
    { head: "Threat", cell: (risk) => risk.threat },
    { head: "Harm", cell: (risk) => `${risk.harm} (${risk.severity})` },
    { head: "Reach", cell: ({ reach }) => reach },
    { head: "P per year", cell: (risk) => intervalText(risk.current), number: true },
    { head: "Without controls", cell: (risk) => intervalText(risk.inherent), number: true },
    { head: "Criterion", cell: (risk) => figure(risk.criterion.perYear), number: true },
    {
      head: "Judgement",
      cell: (risk) =>
        markup`${tag(risk.judgement, JUDGEMENT_TONE[risk.judgement])}${risk.untested ? markup` ${tag("not tried", "mute")}` : ""}`,
    },
    { head: "NIST view", cell: ({ view }) => view.level },
    {
      head: "Success of one attempt",
      cell: (risk) =>
        markup`<div class="wide">${intervalText(risk.successCurrent)} <small class="soft">${basisText(risk.successCurrent)}</small>${caveats(risk)}</div>`,
    },
  ],
  risks,
  { id: `risk-table-${dimension}`, filter: "Filter risks" },
)}`,
)}`;
}

function caveats({ otherReading, caveats: items }: Risk): Markup {
  if (!otherReading && items.length === 0) return markup``;
  const reading = otherReading ? [`${otherReading.why}: ${intervalText(otherReading)}`] : [];
  return markup`<details><summary><small>caveats</small></summary>${list([...reading, ...items].map((item) => markup`<small>${item}</small>`))}</details>`;
}
