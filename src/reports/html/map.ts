/** The system with its boundaries, the ways through it, and the same in words. */
import type { Assessment, Estimate } from "#assessment/index.ts";
import { withoutActor } from "#figures/lanes.ts";
import type { Leg } from "#figures/ways.ts";
import { shownPaths, systemMap, type ShownPath } from "#figures/map.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { basisText, figure, intervalText } from "#figures/words.ts";
import { fold, JUDGEMENT_TONE, list, sentence, table, tag, words, type Words } from "./parts.ts";

export function mapSection(assessment: Assessment): Markup {
  const { system } = assessment.body;
  const paths = shownPaths(assessment);
  const name = words(assessment.body);
  return markup`<figure><div class="scroll" tabindex="0" role="group" aria-label="Map of the system">${systemMap(system, paths).svg}</div><figcaption>Dashed frames are trust boundaries; thick arrows carry what is declared as signed; the blue box is a model. Below, the ways that matter most: where scripts run, each can be lit up on the map, its chances beside the boxes by the step's number.</figcaption></figure>
${paths.length === 0 ? markup`<p class="soft">No way through the system was rated.</p>` : markup`<ul class="paths">${paths.map((path) => way(path, name))}</ul>`}
${fold(
  `Boundaries, flows and components in words (${system.flows.length} flows)`,
  markup`${list(system.boundaries.map(({ title, components, parent }) => markup`<strong>${title}</strong>${parent ? ` inside ${name.place(parent)}` : ""}: ${components.map(name.place).join(", ") || "further boundaries only"}`))}
${table(
  "Data flows",
  [
    { head: "From", cell: ({ from }) => name.place(from) },
    { head: "To", cell: ({ to }) => name.place(to) },
    { head: "Carries", cell: ({ carries }) => carries.join(", ") || "not said" },
    { head: "Over", cell: ({ over }) => over ?? "not said" },
    {
      head: "Declared protection",
      cell: (flow) =>
        [flow.signed && "signed", flow.encrypted && "encrypted", flow.authenticated && "authenticated"]
          .filter(Boolean)
          .join(", ") || "none",
    },
  ],
  system.flows,
)}
${table(
  "Components and their usual ways in",
  [
    {
      head: "Component",
      cell: ({ id, title }) => markup`${title} <small class="soft"><code>${id}</code></small>`,
    },
    { head: "Kind", cell: ({ kind }) => kind },
    { head: "Note", cell: ({ note }) => note ?? "", wide: true },
    {
      head: "Ways in the author answered",
      cell: ({ usual }) =>
        Object.entries(usual)
          .map(([flow, answer]) => `${flow.replaceAll("-", " ")}: ${answer}`)
          .join("; ") || "none: every usual way counts as existing",
      wide: true,
    },
  ],
  system.components,
)}`,
)}`;
}

/** A step with its figure and where that comes from. */
function legText(leg: Leg, name: Words): Markup {
  if (leg.kind === "along") return markup`${leg.places.map(name.place).join(" → ")} <span class="soft">open</span>`;
  const { estimate } = leg.step;
  return markup`${withoutActor(leg.step, name.actor)} <strong class="nowrap">${intervalText(estimate)}</strong> <span class="soft">${shortBasis(estimate)}</span>`;
}

/** `measured 312/500` or `assumed`: the whole reason stands in the fold. */
const shortBasis = ({ basis }: Estimate): string =>
  basis.kind === "measured" ? `measured ${basis.k}/${basis.n}` : basis.kind;

function way({ key, title, path, judgement, risk, note, legs = [] }: ShownPath, name: Words): Markup {
  const heading = risk ? `${name.threat(risk)}, by ${name.actor(risk.actor)}` : title;
  return markup`<li class="card"><h3>${tag(judgement, judgement === "closed" ? "good" : JUDGEMENT_TONE[judgement])} ${heading}</h3>
${
  legs.length > 0
    ? markup`<ol class="legs">${legs.map((leg) => markup`<li>${legText(leg, name)}</li>`)}</ol>`
    : markup`<ol>${path.map((step) => markup`<li>${name.place(step.component)}${step.crosses.length > 0 ? markup` <span class="soft">(into ${step.crosses.map(name.place).join(", ")})</span>` : ""}</li>`)}</ol>`
}
${risk ? markup`<p>P(≥1 per year) <strong>${intervalText(risk.current)}</strong> against ${figure(risk.criterion.perYear)} for ${risk.harm.replace("-", " ")}.</p>` : ""}${note ? markup`<p>${note}</p>` : ""}
<button type="button" aria-pressed="false" data-path="${key}" aria-label="Show on the map: ${heading}" hidden>Show on the map</button>
${
  risk
    ? fold(
        "Where this comes from",
        list([
          markup`Success of one attempt ${intervalText(risk.successCurrent)}: ${sentence(basisText(risk.successCurrent))}`,
          markup`Attempts per year ${intervalText(risk.attempts)}: ${sentence(basisText(risk.attempts))}`,
          ...legs.flatMap((leg, i) =>
            leg.kind === "chance" ? [markup`Step ${i + 1}: ${sentence(basisText(leg.step.estimate))}`] : [],
          ),
          ...path.flatMap(({ flow, component }) =>
            flow ? [markup`To ${name.place(component)} by <code>${flow}</code>`] : [],
          ),
          markup`<code>${risk.id}</code>`,
        ]),
      )
    : ""
}</li>
`;
}
