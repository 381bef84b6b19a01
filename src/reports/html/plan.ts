/** The control plan: what no mature measure reaches, what is chosen and why, what it leaves, and what it costs. */
import type { Assessment, ControlCost, ControlPlan, LeftOpen, PlannedControl, PlannedRisk } from "#assessment/index.ts";
import { COST_KINDS } from "#assessment/knowledge.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { plannedByControl, type PlannedGroup } from "#figures/planned.ts";
import { figure, intervalText } from "#figures/words.ts";
import { count, fold, JUDGEMENT_TONE, list, sentence, table, tag, words } from "./parts.ts";

export function planSection({ body }: Assessment): Markup {
  const { plan } = body;
  if (!plan)
    return markup`<p class="soft">This assessment was made without a plan: run <code>vauban plan</code> on it.</p>`;
  const name = words(body);
  const { before, after, controls, cost, changed, left, pareto, surprises, warnings, limitedBy } = plan;
  return markup`<p>With ${count(controls.length, "control")} more (${costText(cost)}), each with its denial test passed, the rating would be: ${tallyText(after)} – now ${tallyText(before)}, of significant risks. ${methodText(plan)} Art. 9(5) sets the order: what design removes, then mitigation and control, then information; cost decides only inside a tier. Costs are points from 0 to 3 per control and place, our judgement.</p>
${plan.notFeasible ? notFeasiblePart(plan.notFeasible) : ""}
${limitedBy.length > 0 ? markup`<p>Limited by what was asked, not by what is feasible:</p>${list(limitedBy.map(sentence))}` : ""}
${
  controls.length === 0
    ? markup`<p>No mature control closes anything that is open by a denial test alone.</p>`
    : table<PlannedGroup>(
        "The plan: no effect is assumed but that of a denial test that passes at each place – twenty attempts or more, all refused",
        [
          {
            head: "Control",
            cell: ({ control, title, tier }) => markup`${control} ${title} <small class="soft">${tier}</small>`,
          },
          { head: "Cost", cell: ({ cost: together }) => costText(together) },
          {
            head: "Where, and what is open again without it there",
            cell: ({ places }) =>
              places.length === 1
                ? placeAndWorth(places[0]!, name)
                : fold(count(places.length, "place"), list(places.map((place) => placeAndWorth(place, name)))),
            wide: true,
          },
          {
            head: "To be shown beside the denial test",
            cell: ({ evidence }) => sentence(evidence[0] ?? ""),
            wide: true,
          },
          {
            head: "At what price",
            cell: ({ raises, strains, needs }) =>
              list([
                ...(raises.length > 0 ? [`may raise ${raises.join(", ")}`] : []),
                ...strains.map(({ what, because }) => `strains ${what}: ${because}`),
                ...needs.map((need) => `needs ${need}`),
              ]),
            wide: true,
          },
        ],
        plannedByControl(controls),
      )
}
${surprises.length > 0 ? markup`<h3>What the rating does not confirm, and what gets worse</h3>${list(surprises.map(({ risk, says }) => markup`<code>${risk}</code>: ${sentence(says)}`))}` : ""}
${table(
  "Cost against what stays open, each point by its own rating",
  [
    { head: "Cost in points", cell: (point) => point.cost, number: true },
    { head: "Significant risks not within", cell: (point) => point.notWithin, number: true },
    {
      head: "Controls",
      cell: (point) =>
        point.controls.length === 0 ? "none" : fold(count(point.controls.length, "control"), list(point.controls)),
      wide: true,
    },
    {
      head: "",
      cell: ({ optimal, plan: chosen }) =>
        [chosen ? "this plan: what design can remove first" : "", optimal ? "" : "not shown to be the best"]
          .filter(Boolean)
          .join("; "),
    },
  ],
  pareto,
)}
${
  changed.length === 0
    ? ""
    : fold(
        `Every risk the plan changes (${changed.length})`,
        table<PlannedRisk>(
          "P(≥ 1 per year) by the rating, before and with the plan",
          [
            { head: "Risk", cell: ({ risk }) => markup`<code>${risk}</code>` },
            { head: "Criterion", cell: ({ criterion }) => figure(criterion), number: true },
            { head: "Now", cell: ({ before: now }) => judged(now) },
            { head: "With the plan", cell: ({ after: then }) => judged(then) },
          ],
          changed,
        ),
      )
}
${
  left.length === 0
    ? ""
    : markup`<h3>What no denial test of a mature control takes away (${count(left.length, "group of threats", "groups of threats")})</h3>
<p>These take a measurement, a redesign or a narrower purpose. Measures above the model stand first; nothing is reckoned with published figures.</p>
${table<LeftOpen>(
  "Left open, and what could lower it",
  [
    {
      head: "Threat",
      cell: ({ group, threats }) => markup`${group} <small class="soft">${count(threats.length, "actor")}</small>`,
    },
    {
      head: "Way that stays open",
      cell: ({ way }) => (way.length > 2 ? fold(`${way[0]}, …, ${way.at(-1)}`, list(way)) : way.join(", ")),
      wide: true,
    },
    { head: "What would do", cell: ({ how }) => sentence(how), wide: true },
    {
      head: "To be measured",
      cell: ({ alternatives, modelLevel, because, unguarded }) =>
        unguarded !== undefined
          ? sentence(because)
          : markup`${modelLevel === "none" || modelLevel === "partly" ? markup`<p>The model alone does not do: at its level ${modelLevel === "none" ? "nothing is" : "not everything is"} proven.</p>` : ""}${
              alternatives.length === 0
                ? markup`<span class="soft">no control of the catalogue lowers it: redesign, or restrict the purpose</span>`
                : list(
                    alternatives.map(
                      ({ control, title, layer, maturity, ceilings }) =>
                        markup`${control} ${title} <small class="soft">${layer}, ${maturity}${ceilings.length > 0 ? `; published: ${ceilings.join("; ")}` : ""}</small>`,
                    ),
                  )
            }`,
      wide: true,
    },
  ],
  left,
)}`
}
${warnings.length > 0 ? list(warnings.map(sentence)) : ""}`;
}

const placeAndWorth = ({ at, contributes, required }: PlannedControl, name: ReturnType<typeof words>): Markup =>
  markup`${name.place(at)}${required ? markup` <small class="soft">required</small>` : ""}: ${
    contributes.length === 0
      ? markup`<span class="soft">nothing alone</span>`
      : fold(count(contributes.length, "threat"), list(contributes))
  }`;

function notFeasiblePart({ beyond, conflict, edition, exits }: NonNullable<ControlPlan["notFeasible"]>): Markup {
  return markup`<h3>Not feasible with mature measures</h3>
<p>No set of mature measures of the catalogue of ${edition} reaches ${count(beyond.length, "demand")}: ${beyond.map((id, i) => markup`${i > 0 ? ", " : ""}<code>${id}</code>`)}. This follows from criterion and maturity alone. An irreducible part of it:</p>
${list(conflict.demands.map((demand) => markup`demanded: ${demand}`))}
${table(
  "Why no mature control reaches it",
  [
    { head: "Control", cell: ({ control, title }) => `${control} ${title}` },
    { head: "At best", cell: ({ why }) => sentence(why), wide: true },
  ],
  conflict.limits,
)}
<p>Left are:</p>${list(exits.map(sentence))}`;
}

const judged = ({ low, high, judgement, untested }: PlannedRisk["before"]): Markup =>
  markup`${tag(untested && judgement === "within" ? "not tried" : judgement, JUDGEMENT_TONE[judgement])} ${intervalText({ low, high })}`;

const costText = (cost: ControlCost): string =>
  COST_KINDS.filter((kind) => cost[kind] > 0)
    .map((kind) => `${kind} ${cost[kind]}`)
    .join(", ") || "no cost";

const tallyText = ({ missed, open, within }: ControlPlan["before"]): string =>
  `${missed} missed, ${open} open, ${within} within`;

function methodText({ method: { solver, optimal, gaps, notPlanned }, catalogue }: ControlPlan): string {
  const how = optimal
    ? `Chosen by ${solver} as the best there is`
    : `Chosen by ${solver}, not shown to be the best (${gaps.map(({ rank, found, bound }) => `${rank} ${figure(found)}, no plan betters ${figure(bound)}`).join("; ") || "bounds unknown"})`;
  return `${how} from the catalogue of ${catalogue.edition}${notPlanned > 0 ? `; ${notPlanned} less grave threats were not planned for` : ""}.`;
}
