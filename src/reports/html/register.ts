/** The two-level register: harms of Art. 9, the cyber risks they come of, what components must guarantee, and other methods' words. */
import type { Assessment, CyberRegister, MethodView, RegisterRow, Requirement } from "#assessment/index.ts";
import { tacticLanes } from "#figures/lanes.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { tornado } from "#figures/tornado.ts";
import { distinctWays, stepsById } from "#figures/ways.ts";
import { figure, intervalText } from "#figures/words.ts";
import {
  count,
  filter,
  fold,
  JUDGEMENT_RANK,
  JUDGEMENT_TONE,
  list,
  sentence,
  table,
  tag,
  words,
  type Words,
} from "./parts.ts";

type Body = Assessment["body"];

/** As many inputs as a chart can show and a reader compare. */
const DRIVERS = 14;
/** Ways in the lanes. */
const WAYS = 6;
/** Rows of a long table before the rest folds, and before the rest is left to assessment.json. */
const ROWS = 25;
const ROWS_MOST = 250;
/** Components whose requirements the page spells out. */
const COMPONENTS = 60;

export function registerSection({ body }: Assessment): Markup {
  const name = words(body);
  const { cyber, register } = body;
  const groups = cyberGroups(cyber);
  return markup`<p>Two levels, linked both ways: what people and the public can suffer (Art. 9), and the cyber risks it comes of. What the law calls the system stands apart from both: ${classText(cyber.regulatory)} No figure here depends on it.</p>
${levelOne(body, groups, name)}
${levelTwo(body, groups, name)}
<h3>What the widths are owed to</h3>
${sensitivity(cyber.drivers)}
${lanes(body, register, name)}
<h3>What components must guarantee</h3>
${requirements(cyber.requirements, name)}
<h3>The same risks in other methods' words</h3>
${methods(cyber.methods, body)}`;
}

const classText = ({ listing, highRisk }: CyberRegister["regulatory"]): string =>
  highRisk === "yes"
    ? `it is listed as high-risk (${listing}).`
    : highRisk === "no"
      ? "it is listed as not high-risk."
      : `its listing is “${listing}”.`;

const harmAnchor = (id: string): string => `harm-${id}`;
const requirementAnchor = (component: string): string => `requirements-${component}`;
const cyberAnchor = (id: string): string => `cyber-${id}`;

/** Level 2 by threat and place, worst first; one row each. */
interface CyberGroup {
  readonly group: string;
  readonly members: CyberRegister["risks"];
}

const cyberGroups = ({ risks }: CyberRegister): CyberGroup[] =>
  [...Map.groupBy(risks, ({ group }) => group)]
    .map(([group, members]): CyberGroup => ({ group, members }))
    .toSorted((a, b) => JUDGEMENT_RANK[worstOf(a)] - JUDGEMENT_RANK[worstOf(b)]);

function levelOne(body: Body, groups: readonly CyberGroup[], name: Words): Markup {
  const listed = new Set(groups.slice(0, ROWS_MOST).map(({ group }) => group));
  const risks = new Map(body.risks.map((risk) => [risk.id, risk]));
  return markup`<h3>Level 1: harms</h3>
${table<RegisterRow>(
  "Harms over all ways and actors together, against the criterion of their severity",
  [
    { head: "Harm", cell: ({ id }) => id.replace("-", " ") },
    {
      head: "Judgement",
      cell: ({ judgement }) => tag(judgement, JUDGEMENT_TONE[judgement]),
    },
    {
      head: "P per year, all together",
      cell: ({ totals }) =>
        totals.map(
          ({ severity, evaluation, perYear, judgement }) =>
            markup`<div class="nowrap">${severity}: ${intervalText(evaluation)} / ${figure(perYear)}${evaluation.method === "monte-carlo" ? markup` <small class="soft">± ${figure(Math.max(evaluation.error.low, evaluation.error.high))}, drawn</small>` : ""} <small class="soft">${judgement}</small></div>`,
        ),
    },
    {
      head: "Through which assets",
      cell: ({ assets }) =>
        assets
          .toSorted((a, b) => b.evaluation.likely - a.evaluation.likely)
          .slice(0, 3)
          .map(
            ({ asset, evaluation }) =>
              markup`<div>${name.place(asset)} <small class="soft nowrap">${intervalText(evaluation)}</small></div>`,
          ),
    },
    {
      head: "Comes of",
      cell: ({ risks: ids, because }) => {
        const groups = [...new Set(ids.flatMap((id) => risks.get(id)?.group ?? []))];
        const shown = groups.slice(0, ROWS_MOST);
        return markup`${sentence(`${because[0]!.toUpperCase()}${because.slice(1)}`)} ${fold(
          `${count(ids.length, "cyber risk")} of ${count(groups.length, "threat")}`,
          markup`<p>${shown.map((group, i) => markup`${i > 0 ? ", " : ""}${listed.has(group) ? markup`<a href="#${cyberAnchor(group)}">${group}</a>` : group}`)}${groups.length > shown.length ? `, and ${groups.length - shown.length} more` : ""}</p>`,
        )}`;
      },
      wide: true,
    },
  ],
  body.register.toSorted((a, b) => JUDGEMENT_RANK[a.judgement] - JUDGEMENT_RANK[b.judgement]),
  { rowId: ({ id }) => harmAnchor(id) },
)}`;
}

/** One row per threat and place; how many actors, and what it asks of whom. */
function levelTwo({ cyber }: Body, groups: readonly CyberGroup[], name: Words): Markup {
  const asked = new Map<string, Requirement[]>();
  for (const one of cyber.requirements)
    for (const risk of one.serves) {
      const known = asked.get(risk);
      if (known) known.push(one);
      else asked.set(risk, [one]);
    }
  const shown = groups.slice(0, ROWS_MOST);
  const rows = (some: readonly CyberGroup[], caption: string, id?: string): Markup =>
    table<CyberGroup>(
      caption,
      [
        { head: "Threat", cell: ({ members: [first] }) => name.threat(first!) },
        {
          head: "Worst of its risks",
          cell: (group) => {
            const [first] = group.members;
            return markup`${tag(worstOf(group), JUDGEMENT_TONE[worstOf(group)])}${first!.untested ? markup` ${tag("not tried", "mute")}` : ""}<br>${intervalText(first!.perYear)} by ${name.actor(first!.actor)}${group.members.length > 1 ? markup` <small class="soft">of ${count(group.members.length, "actor")}</small>` : ""}`;
          },
          wide: true,
        },
        { head: "Assets", cell: ({ members: [first] }) => first!.assets.map(name.place).join(", ") || "–" },
        {
          head: "Harms",
          cell: ({ members }) =>
            [...new Set(members.flatMap(({ harms }) => harms))].map(
              (harm, i) => markup`${i > 0 ? ", " : ""}<a href="#${harmAnchor(harm)}">${harm.replace("-", " ")}</a>`,
            ),
        },
        {
          head: "Asks for",
          cell: ({ members }) => {
            const own = new Set(members.flatMap(({ risks }) => risks.flatMap((id) => asked.get(id) ?? [])));
            const places = [...new Set([...own].map(({ component }) => component))].slice(0, 6);
            return own.size === 0
              ? "–"
              : markup`${count(own.size, "requirement")} of ${places.map((place, i) => markup`${i > 0 ? ", " : ""}${name.place(place)}`)}`;
          },
        },
      ],
      some,
      { rowId: ({ group }) => cyberAnchor(group), ...(id ? { id } : {}) },
    );
  return markup`<h3>Level 2: cyber risks (${cyber.risks.length}, of ${count(groups.length, "threat")})</h3>
${rows(shown.slice(0, ROWS), shown.length > ROWS ? `The ${ROWS} worst threats` : "Threats, worst first")}
${shown.length > ROWS ? fold(`${shown.length - ROWS} more threats`, rows(shown.slice(ROWS), "The other threats"), { id: "cyber-more" }) : ""}
${groups.length > shown.length ? markup`<p class="soft">${groups.length - shown.length} more threats, none of them worse, stand in assessment.json; <code>vauban risk --at</code> shows those of one place.</p>` : ""}`;
}

/** Members stand worst first. */
const worstOf = ({ members }: CyberGroup): CyberRegister["risks"][number]["judgement"] => members[0]!.judgement;

function sensitivity(drivers: CyberRegister["drivers"]): Markup {
  if (drivers.length === 0) return markup`<p class="soft">No interval has a width.</p>`;
  const assumed = drivers.filter((driver) => driver.assumed).length;
  // Both kinds have their room: where nothing was tried, every success is as wide as can be and says no more than one.
  const shown = drivers.filter((driver) => {
    const peers = drivers.filter(({ kind }) => kind === driver.kind);
    return peers.indexOf(driver) < DRIVERS / 2;
  });
  return markup`<figure><div class="scroll" tabindex="0" role="group" aria-label="Sensitivity chart">${tornado(shown, "tornado")}</div><figcaption>Hatched: assumed, ${assumed} of ${drivers.length} inputs; plain: measured, or argued from a source. Beside each bar its width, and how many risks rest on the input.</figcaption></figure>
${fold(
  `The ${shown.length} inputs in words`,
  table(
    "Inputs, assumed ones first",
    [
      { head: "Input", cell: ({ title }: CyberRegister["drivers"][number]) => title },
      { head: "Width", cell: ({ width }) => figure(width), number: true },
      { head: "Widest at", cell: ({ risk }) => risk },
      { head: "Where it comes from", cell: ({ basis }) => sentence(basis), wide: true },
    ],
    shown,
  ),
)}`;
}

/** The likeliest ways to the worst harm, by tactic. */
function lanes({ attackGraph }: Body, register: readonly RegisterRow[], name: Words): Markup {
  const steps = stepsById(attackGraph);
  const worst = register.toSorted((a, b) => JUDGEMENT_RANK[a.judgement] - JUDGEMENT_RANK[b.judgement])[0];
  const goal = worst?.totals[0]?.goal;
  const reading = attackGraph.goals.find((each) => each.goal === goal);
  if (!worst || !reading || reading.paths.length === 0) return markup``;
  const ways = distinctWays(reading.paths, steps, WAYS);
  const drawn = tacticLanes(attackGraph, ways, name, "lanes");
  return markup`<h3>The likeliest ways to harm ${worst.id.replace("-", " ")}, by ATLAS tactic</h3>
<figure><div class="scroll" tabindex="0" role="group" aria-label="Ways by tactic">${drawn.svg}</div><figcaption>The ${drawn.ways} likeliest ways that differ, of a graph of ${count(attackGraph.states.length, "state")} and ${count(attackGraph.steps.length, "step")}. Each box says its chance and where it comes from; what is open costs no chance.</figcaption></figure>`;
}

function requirements(all: readonly Requirement[], name: Words): Markup {
  if (all.length === 0)
    return markup`<p>Every risk is within its criterion: nothing more is asked of any component.</p>`;
  const byComponent = [...Map.groupBy(all, ({ component }) => component)].toSorted(
    ([, a], [, b]) => served(b) - served(a),
  );
  const shown = byComponent.slice(0, COMPONENTS);
  return markup`<p>For each risk that is not within its criterion. Those of one way are alternatives: any one that holds breaks that way.</p>
${filter("Filter by component, flow or threat", "requirements")}
<div id="requirements">${shown.map(([component, own]) =>
    fold(
      markup`${name.place(component)} <span class="soft">${count(own.length, "requirement")}, serving ${count(served(own), "risk")}</span>`,
      table<Requirement>(
        `Requirements of ${name.place(component)}`,
        [
          {
            head: "Requirement",
            cell: ({ id, text }) => markup`${sentence(text)} <small class="soft"><code>${id}</code></small>`,
          },
          { head: "Accepted when", cell: ({ acceptance }) => acceptanceText(acceptance), wide: true },
          { head: "Against", cell: ({ actors }) => actors.map(name.actor).join(", "), wide: true },
          {
            head: "Serves",
            cell: ({ serves, clauses }) =>
              markup`${count(serves.length, "risk")}${clauses.length > 0 ? markup` <small class="soft">${clauses.join(", ")}</small>` : ""}`,
          },
        ],
        own,
      ),
      { id: requirementAnchor(component) },
    ),
  )}</div>
${byComponent.length > shown.length ? markup`<p class="soft">Those of ${count(byComponent.length - shown.length, "more component")} stand in assessment.json.</p>` : ""}`;
}

const served = (own: readonly Requirement[]): number => new Set(own.flatMap(({ serves }) => serves)).size;

function acceptanceText({ test, attempts, successesMax }: Requirement["acceptance"]): Markup {
  return markup`${sentence(test)}${attempts === undefined ? "" : markup` <span class="nowrap">n ≥ ${attempts}, successes ≤ ${successesMax ?? 0}.</span>`}`;
}

/** How many risks each method puts at which level; per risk they stand in assessment.json. */
function methods(views: readonly MethodView[], { risks }: Body): Markup {
  return markup`<p>They are views on the numbers above. Only the numeric intervals decide; where an interval crosses levels, a view gives a range.</p>
${views.map(({ id, title, edition, source, mark, decides, own, levels, of }) => {
  const counted = [
    ...Map.groupBy(
      decides
        ? risks.map(({ judgement }) => judgement as string)
        : of.map((at) => {
            const { low, high } = levels[at]!;
            return low === high ? low : `${low} … ${high}`;
          }),
      (word) => word,
    ),
  ]
    .map(([word, members]) => ({ word, n: members.length }))
    .toSorted((a, b) => b.n - a.n);
  return fold(
    markup`${title}${decides ? markup` ${tag("decides", "good")}` : ""} <span class="soft">${counted
      .slice(0, 3)
      .map(({ word, n }) => `${n} × ${word}`)
      .join(" · ")}</span>`,
    markup`${table(
      `Risks by level: ${title}`,
      [
        { head: "Level", cell: ({ word }: { word: string; n: number }) => word },
        { head: "Risks", cell: ({ n }) => n, number: true },
      ],
      counted,
    )}<p class="soft">${edition}. Source: ${source} (mark ${mark}).</p>${list(own.map((reading) => markup`<small>Our reading: ${reading}</small>`))}`,
    { id: `method-${id}` },
  );
})}`;
}
