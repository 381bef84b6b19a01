/** The worst findings with their proof: pictures before and after, the curve, the sanity checks. */
import type {
  Assessment,
  CorruptionMeasure,
  Evidence,
  EvasionMeasure,
  Exhibit,
  Finding,
  PatchMeasure,
} from "#assessment/index.ts";
import { accuracyCurve, bracketBar, budgetText, NORM_NAMES } from "#figures/charts.ts";
import { markup, type Insertable, type Markup } from "#figures/markup.ts";
import { figure, percent, proportionText } from "#figures/words.ts";
import { count, evidenceLinks, facts, filter, fold, prose, sentence, table, tag, type Tone } from "./parts.ts";

const SEVERITY_TONE: Readonly<Record<Finding["severity"], Tone>> = { error: "bad", warning: "warn", note: "mute" };
const SEVERITY_RANK: Readonly<Record<Finding["severity"], number>> = { error: 0, warning: 1, note: 2 };
/** What each status means to the reader, in the order to read them; the first ones stand open. */
const STATUSES: readonly (readonly [Finding["status"], string])[] = [
  ["confirmed", "Confirmed: it was tried and it works"],
  ["inconclusive", "Inconclusive: what was measured does not decide it"],
  ["stale", "Stale: the evidence is out of date or of another version"],
  ["untested", "Untested: nothing current speaks of it"],
  ["resisted", "Held: tried, and what was asked for was reached"],
];

export function proofSection(assessment: Assessment): Markup {
  const { body } = assessment;
  const order = new Map(body.findings.map(({ evidence, severity }) => [evidence[0], SEVERITY_RANK[severity]]));
  const rank = ({ id }: Evidence): number => order.get(id) ?? 3;
  const tried = body.evidence.filter(
    ({ trial, outcome }) => trial !== undefined && (outcome.status === "inconclusive" || proves(outcome.measure)),
  );
  const cards = tried.toSorted((a, b) => rank(a) - rank(b)).map((item, i) => card(body, item, i));
  return markup`${findingsByStatus(body)}
${cards.length > 0 ? markup`<h3>Proof, trial by trial</h3>${cards}` : markup`<p class="soft">No trial was run, so there is no proof to show.</p>`}`;
}

const proves = ({ kind }: { readonly kind: string }): boolean =>
  kind === "evasion" || kind === "patch" || kind === "corruption";

function findingsByStatus(body: Assessment["body"]): Markup {
  if (body.findings.length === 0) return markup`<p class="soft">No finding: nothing was tried or declared.</p>`;
  return markup`${filter("Filter findings", "all-findings")}
<div id="all-findings">${STATUSES.map(([status, meaning]) => {
    const members = body.findings
      .filter((finding) => finding.status === status)
      .toSorted((a, b) => SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity]);
    return members.length === 0
      ? ""
      : fold(
          markup`${meaning} <span class="soft">${count(members.length, "finding")}</span>`,
          findingTable(status, members, body),
          { open: status === "confirmed" || status === "stale" || status === "inconclusive" },
        );
  })}</div>`;
}

const findingTable = (status: Finding["status"], members: readonly Finding[], body: Assessment["body"]): Markup =>
  table<Finding>(
    `Findings that are ${status}`,
    [
      {
        head: "Finding",
        cell: ({ title, severity, id }) =>
          markup`${title} ${tag(severity, SEVERITY_TONE[severity])}<br><small class="soft"><code>${id}</code></small>`,
      },
      {
        head: "Detail",
        cell: ({ detail, remedy, evidence }) =>
          markup`${prose(sentence(detail))}${remedy ? markup` <span class="soft">Next: ${prose(sentence(remedy))}</span>` : ""}${evidence.length > 0 ? markup` <small class="soft">Evidence: ${evidenceLinks(evidence, body)}</small>` : ""}`,
        wide: true,
      },
      {
        head: "Where",
        cell: ({ where }) => (where ? markup`<code class="nowrap">${where.file}:${where.line}</code>` : ""),
      },
    ],
    members,
    { rowId: ({ id }) => id },
  );

function card(body: Assessment["body"], item: Evidence, index: number): Markup {
  const trial = body.trials.find(({ id }) => id === item.trial);
  const head = (status: Insertable): Markup => markup`<h4>${item.title} ${status}</h4>`;
  if (item.outcome.status === "inconclusive")
    return markup`<div class="card">${head(tag("inconclusive", "warn"))}<p>${sentence(item.outcome.because)}</p>${sanity(item)}</div>`;
  const { measure } = item.outcome;
  const threshold = trial?.threshold;
  const common: (readonly [string, Insertable])[] = [
    [
      "Threshold",
      threshold
        ? markup`${threshold.metric.replace("-", " ")} ${threshold.compare.at} ${percent(threshold.compare.value, 0)} – ${sentence(threshold.because)}`
        : "none was set before the run",
    ],
    [
      "Held to the budget by",
      trial?.kind === "corruption"
        ? ""
        : trial?.bound
          ? `${trial.bound.by}, for ${trial.bound.actors.join(", ") || "nobody"}: ${sentence(trial.bound.because)} Whoever else reaches the input can replace it whole; success is then 1.`
          : "nothing: whoever reaches the input can replace it whole; the bounded figure is informative only",
    ],
    ["Access assumed", trial ? `${trial.knowledge} box${trial.by ? `, ${trial.by}` : ""}` : ""],
    ["Seed", markup`<code>${trial?.seed ?? body.seed}</code>`],
    ["Manifest", trial ? markup`<code>${trial.manifest.slice(0, 16)}</code>, hashed before the first query` : ""],
  ];
  const proof =
    measure.kind === "evasion"
      ? evasion(measure, threshold?.compare.value, index, common)
      : measure.kind === "patch"
        ? patch(measure, common)
        : measure.kind === "corruption"
          ? corruption(measure, common)
          : "";
  return markup`<div class="card">${head(tag(`grade ${item.grade}`, "mute"))}${proof}${sanity(item)}</div>`;
}

export type Facts = readonly (readonly [string, Insertable])[];

/** What is known from both sides, in one sentence. */
function bracketWords({ bracket, robustAccuracy }: EvasionMeasure): Markup {
  const certified = bracket?.certified;
  if (!certified)
    return markup`An attack shows what attackers achieve at least; no certificate stands below it, so what it left standing (${robustAccuracy.k} of ${robustAccuracy.n}) may still fall: true robustness lies between 0 and the upper figure.`;
  return markup`Certified by ${bracket.method.join(", ")}: <strong>${proportionText(certified)}</strong>. Robustness lies between the two; ${count(bracket.undecided, "input")} stood up to every attack and ${bracket.undecided === 1 ? "is" : "are"} not certified.`;
}

/** An evasion measurement: the figures, the bar between both bounds, curve, examples, and how it was measured. */
export function evasion(measure: EvasionMeasure, threshold: number | undefined, index: number, common: Facts): Markup {
  const minimal = measure.minimalBudget;
  const budget = (value: number | null): string => (value === null ? "beyond the range" : budgetText(value));
  return markup`<p>Accuracy under attack at ${budgetText(measure.eps)} (${NORM_NAMES[measure.norm]}, ${figure(measure.epsRaw)} raw): <strong>${proportionText(measure.robustAccuracy)}</strong>. Of the inputs that were right before, the attacks changed <strong>${proportionText(measure.successRate)}</strong>. Random noise of the same size leaves ${proportionText(measure.noise)}: average case, no security claim. ${bracketWords(measure)}</p>
<div class="beside"><figure>${measure.bracket ? bracketBar(measure.bracket, measure.successRate.n, `bracket-${index}`) : ""}<div class="scroll" tabindex="0" role="group" aria-label="Chart of accuracy against budget">${accuracyCurve(measure, threshold, `curve-${index}`)}</div><figcaption>Accuracy against budget. Band: two-sided 95 % Clopper–Pearson interval. Dashed: the budget of the trial.${measure.bracket ? " The bar above it: all inputs at that budget, with the interval of what attacks left standing." : ""}</figcaption></figure>
${exhibits(measure.exhibits)}</div>
${fold(
  "How it was measured",
  markup`${facts([
    ["Samples", `${measure.robustAccuracy.n} of ${measure.planned} planned`],
    [
      "Without bound",
      `${proportionText(measure.unbounded)} of eligible inputs changed (must be all, or the attack did not work)`,
    ],
    [
      "Smallest budget found",
      minimal
        ? `median ${budget(minimal.median)}; deciles ${minimal.deciles.map(budget).join(" · ")} (found for ${minimal.found} of ${minimal.n})`
        : "",
    ],
    ["Cost", `${measure.queries} queries, ${measure.gradients} gradients`],
    ...common,
  ])}
${table(
  "Attacks of the ensemble; a sample counts as beaten when any of them beats it",
  [
    { head: "Attack", cell: (run) => `${run.attack} r${run.revision}` },
    { head: "Objective", cell: (run) => run.objective },
    { head: "Access", cell: (run) => run.access },
    { head: "Steps × restarts", cell: (run) => `${run.steps} × ${run.restarts}`, number: true },
    { head: "Queries", cell: (run) => run.queries, number: true },
    { head: "Gradients", cell: (run) => run.gradients, number: true },
    { head: "Newly beaten", cell: (run) => run.fooled, number: true },
  ],
  measure.attacks,
)}`,
)}`;
}

function patch(measure: PatchMeasure, common: Facts): Markup {
  return markup`<p>A patch of ${percent(measure.area)} of the picture${measure.target ? markup`, made to be read as <em>${measure.target}</em>` : ""}, turned <strong>${proportionText(measure.perInput)}</strong> of inputs it was not made on in at least every second random placement. Over all placements it changed ${measure.successRate.k} of ${measure.successRate.n}; placements on one input are not independent, so no interval is given for them. Covering the same area with grey or noise changes ${measure.occlusion.k} of ${measure.occlusion.n}. Made and measured digitally: printing and camera were not in the loop.</p>
${exhibits(measure.exhibits)}
${fold(
  "How it was measured",
  markup`${facts([["Made on", `${measure.trainedOn} inputs, ${measure.steps} steps, ${measure.queries} queries`], ...common])}
${table(
  "By placement",
  [
    { head: "Placement", cell: (cell) => cell.name },
    { head: "Success", cell: (cell) => `${cell.rate.k} of ${cell.rate.n}` },
  ],
  measure.cells,
)}`,
)}`;
}

function corruption(measure: CorruptionMeasure, common: Facts): Markup {
  const severities = [...new Set(measure.corruptions.map(({ severity }) => severity))].toSorted((a, b) => a - b);
  const kinds = [...new Set(measure.corruptions.map(({ name }) => name))];
  return markup`<p>As it is, the model is right for <strong>${proportionText(measure.accuracy)}</strong>; worst under ${measure.worst.name}, strength ${measure.worst.severity}: <strong>${proportionText(measure.worst.accuracy)}</strong>. Faults and weather are the average case: they say nothing about an attacker.</p>
${fold(
  "How it was measured",
  markup`${facts(common)}
${table<string>(
  "Right answers by corruption and strength",
  [
    { head: "Corruption", cell: (kind) => kind },
    ...severities.map((severity) => ({
      head: `strength ${severity}`,
      number: true,
      cell: (kind: string): string => {
        const found = measure.corruptions.find((item) => item.name === kind && item.severity === severity);
        return found ? `${found.accuracy.k}/${found.accuracy.n}` : "–";
      },
    })),
  ],
  kinds,
)}`,
)}`;
}

function exhibits(items: readonly Exhibit[]): Markup {
  const pictured = items.filter(({ before }) => before.image);
  if (pictured.length === 0) return markup``;
  const [worst, ...others] = pictured as [Exhibit, ...Exhibit[]];
  return markup`<div class="exhibits">${exhibit(worst)}${others.length > 0 ? fold(`${count(others.length, "more example")}`, others.map(exhibit)) : ""}</div>`;
}

const exhibit = (item: Exhibit): Markup =>
  markup`<div class="exhibit"><p><strong>${item.unit}</strong>, truly ${item.label}: said <em>${item.before.said}</em> (${percent(item.before.confidence)}) before and <em>${item.after.said}</em> (${percent(item.after.confidence)}) after <code>${item.attack}</code>.</p><div class="pictures">
${picture(item.before.image, `Input ${item.unit} before the attack, read as ${item.before.said}`, `before: ${item.before.said}`)}
${picture(item.after.image, `The same input after the attack, read as ${item.after.said}`, `after: ${item.after.said}`)}
${picture(item.difference.image, `The difference, magnified ${figure(item.difference.magnified ?? 1)} times`, `difference × ${figure(item.difference.magnified ?? 1)}; largest ${budgetText(item.difference.linf)}`)}
</div></div>`;

const picture = (source: string | undefined, alt: string, caption: string): Insertable =>
  source ? markup`<figure><img src="${source}" alt="${alt}"><figcaption>${caption}</figcaption></figure>` : "";

/** Folded where all passed; a failed check is what the reader has to see. */
export function sanity({ sanity: checks }: Pick<Evidence, "sanity">): Markup {
  if (checks.length === 0) return markup``;
  const passed = checks.filter((check) => check.passed).length;
  return fold(
    markup`Sanity checks: can it be believed? ${passed === checks.length ? tag(`all ${passed} passed`, "good") : tag(`${checks.length - passed} of ${checks.length} failed`, "bad")}`,
    table(
      "Sanity checks",
      [
        { head: "What should hold", cell: ({ check }) => check },
        {
          head: "Result",
          cell: (check) => tag(check.passed ? "holds" : "does not hold", check.passed ? "good" : "bad"),
        },
        { head: "Detail", cell: ({ detail }) => detail, wide: true },
      ],
      checks.toSorted((a, b) => Number(a.passed) - Number(b.passed)),
    ),
    { open: passed < checks.length },
  );
}
