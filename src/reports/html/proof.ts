/** The worst findings with their proof: pictures before and after, the curve, the sanity checks. */
import type { Assessment, Evidence, EvasionMeasure, Exhibit, Finding, PatchMeasure } from "#assessment/index.ts";
import { accuracyCurve, budgetText } from "#figures/charts.ts";
import { markup, type Insertable, type Markup } from "#figures/markup.ts";
import { figure, percent, proportionText } from "#figures/words.ts";
import { facts, table, tag, type Tone } from "./parts.ts";

const SEVERITY_TONE: Readonly<Record<Finding["severity"], Tone>> = { error: "bad", warning: "warn", note: "mute" };
const RANK: Readonly<Record<Finding["severity"], number>> = { error: 0, warning: 1, note: 2 };

export function proofSection(assessment: Assessment): Markup {
  const { findings, evidence } = assessment.body;
  const ordered = findings.toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
  const proofs = evidence.filter(
    ({ outcome }) =>
      outcome.status === "measured" && (outcome.measure.kind === "evasion" || outcome.measure.kind === "patch"),
  );
  return markup`${proofs.map((item, i) => measured(assessment, item, i))}
${inconclusive(evidence)}
${table<Finding>(
  `All ${findings.length} findings`,
  [
    { head: "Finding", cell: ({ title }) => title },
    { head: "Status", cell: ({ status, severity }) => tag(status, SEVERITY_TONE[severity]) },
    {
      head: "Detail",
      cell: ({ detail, remedy }) =>
        markup`${detail}${remedy ? markup` <span class="soft">Next: ${remedy}</span>` : ""}`,
    },
    { head: "Where", cell: ({ where }) => (where ? markup`<code>${where.file}:${where.line}</code>` : "") },
  ],
  ordered,
  { id: "findings-table", filter: "Filter findings" },
)}`;
}

function inconclusive(evidence: readonly Evidence[]): Insertable {
  return evidence
    .filter(({ outcome }) => outcome.status === "inconclusive")
    .map(
      (item) =>
        markup`<div class="card"><h3>${item.title} ${tag("inconclusive", "warn")}</h3><p>${item.outcome.status === "inconclusive" ? item.outcome.because : ""}</p>${sanityTable(item)}</div>`,
    );
}

function measured({ body }: Assessment, item: Evidence, index: number): Markup {
  if (item.outcome.status !== "measured") return markup``;
  const { measure } = item.outcome;
  const trial = body.trials.find(({ id }) => id === item.trial);
  const threshold = trial?.threshold;
  const head = markup`<h3>${item.title} <span class="tag mute">grade ${item.grade}</span></h3>`;
  const common: (readonly [string, Insertable])[] = [
    [
      "Threshold",
      threshold
        ? `${threshold.metric} ${threshold.compare.at} ${percent(threshold.compare.value, 0)} – ${threshold.because}`
        : "none was set before the run",
    ],
    [
      "Held to the budget by",
      trial?.bound
        ? `${trial.bound.by} (${trial.bound.because}) for ${trial.bound.actors.join(", ") || "nobody"}; whoever else reaches the input can replace it whole, then success is 1`
        : "nothing: whoever reaches the input can replace it whole; the bounded figure is informative only",
    ],
    ["Access assumed", `${trial?.knowledge ?? "white"} box${trial?.by ? `, ${trial.by}` : ""}`],
    ["Seed", markup`<code>${trial?.seed ?? body.seed}</code>`],
    ["Manifest", markup`<code>${trial?.manifest.slice(0, 16) ?? ""}</code> (hashed before the first query)`],
  ];
  if (measure.kind === "evasion")
    return markup`<div class="card">${head}${evasion(measure, threshold?.compare.value, index, common)}${exhibits(measure.exhibits)}${sanityTable(item)}</div>`;
  if (measure.kind === "patch")
    return markup`<div class="card">${head}${patch(measure, common)}${exhibits(measure.exhibits)}${sanityTable(item)}</div>`;
  return markup``;
}

function evasion(
  measure: EvasionMeasure,
  threshold: number | undefined,
  index: number,
  common: readonly (readonly [string, Insertable])[],
): Markup {
  const minimal = measure.minimalBudget;
  return markup`<p>Accuracy under attack at ${budgetText(measure.eps)} (${measure.norm === "linf" ? "L∞" : "L2"}, ${figure(measure.epsRaw)} raw): <strong>${proportionText(measure.robustAccuracy)}</strong>. Of the inputs that were right before, the attacks changed <strong>${proportionText(measure.successRate)}</strong>. Random noise of the same size leaves ${proportionText(measure.noise)}: average case, no security claim. An attack shows what attackers achieve at least; no certificate stands above it, so true robustness lies between 0 and the upper figure.</p>
<figure>${accuracyCurve(measure, threshold, `curve-${index}`)}<figcaption>Accuracy against budget; the band is the two-sided 95 % Clopper–Pearson interval, the dashed line the budget of the trial.</figcaption></figure>
${facts([
  ["Samples", `${measure.robustAccuracy.n} of ${measure.planned} planned`],
  [
    "Without bound",
    `${proportionText(measure.unbounded)} of eligible inputs changed (must be all, or the attack did not work)`,
  ],
  ...(minimal
    ? ([
        [
          "Smallest budget found",
          `median ${minimal.median === null ? "beyond the range" : budgetText(minimal.median)}; deciles ${minimal.deciles.map((d) => (d === null ? "–" : budgetText(d))).join(" · ")} (found for ${minimal.found} of ${minimal.n})`,
        ],
      ] as const)
    : []),
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
    { head: "Newly beaten", cell: (run) => run.fooled, number: true },
  ],
  measure.attacks,
)}`;
}

function patch(measure: PatchMeasure, common: readonly (readonly [string, Insertable])[]): Markup {
  return markup`<p>A patch of ${percent(measure.area)} of the picture${measure.target ? markup`, made to be read as <em>${measure.target}</em>` : ""}, turned <strong>${proportionText(measure.perInput)}</strong> of inputs it was not made on in at least every second random placement. Over all placements it changed ${measure.successRate.k} of ${measure.successRate.n}; placements on one input are not independent, so no interval is given for them. Covering the same area with grey or noise changes ${measure.occlusion.k} of ${measure.occlusion.n}. Made and measured digitally: printing and camera were not in the loop.</p>
${facts([["Made on", `${measure.trainedOn} inputs, ${measure.steps} steps, ${measure.queries} queries`], ...common])}
${table(
  "By placement",
  [
    { head: "Placement", cell: (cell) => cell.name },
    { head: "Success", cell: (cell) => `${cell.rate.k} of ${cell.rate.n}` },
  ],
  measure.cells,
)}`;
}

function exhibits(items: readonly Exhibit[]): Markup {
  const pictured = items.filter(({ before }) => before.image);
  if (pictured.length === 0) return markup``;
  return markup`<details open><summary>Worst examples (${pictured.length})</summary>${pictured.map(
    (
      item,
    ) => markup`<div class="exhibit"><p><strong>${item.unit}</strong>, truly ${item.label}: said <em>${item.before.said}</em> (${percent(item.before.confidence)}) before and <em>${item.after.said}</em> (${percent(item.after.confidence)}) after <code>${item.attack}</code>.</p><div class="pictures">
${picture(item.before.image, `Input ${item.unit} before the attack, read as ${item.before.said}`, `before: ${item.before.said}`)}
${picture(item.after.image, `The same input after the attack, read as ${item.after.said}`, `after: ${item.after.said}`)}
${picture(item.difference.image, `The difference, magnified ${item.difference.magnified ?? 1} times`, `difference × ${figure(item.difference.magnified ?? 1)}; largest ${budgetText(item.difference.linf)}`)}
</div></div>`,
  )}</details>`;
}

const picture = (source: string | undefined, alt: string, caption: string): Insertable =>
  source ? markup`<figure><img src="${source}" alt="${alt}"><figcaption>${caption}</figcaption></figure>` : "";

function sanityTable({ sanity }: Evidence): Markup {
  return table(
    "Sanity checks: can this measurement be believed?",
    [
      { head: "Check", cell: ({ check }) => check },
      { head: "Result", cell: ({ passed }) => tag(passed ? "passed" : "failed", passed ? "good" : "bad") },
      { head: "Detail", cell: ({ detail }) => detail },
    ],
    sanity,
  );
}
