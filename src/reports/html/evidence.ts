/** What was tried, fixed before it ran, and what came of it or was brought along. */
import type { Assessment, Evidence, Trial } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { budgetText, NORM_NAMES } from "#figures/charts.ts";
import { percent, proportionText } from "#figures/words.ts";
import { count, table, tag, words } from "./parts.ts";

export function evidenceSection({ body }: Assessment): Markup {
  const name = words(body);
  return markup`<p>A trial fixes its target, n, budget, threshold and seed before the first query; the manifest hashes them. Evidence is what came of it, or what was brought along; its grade says how far it carries (A measured end to end and adaptive … F nothing).</p>
${table<Trial>(
  "Trials",
  [
    { head: "Trial", cell: ({ id }) => id },
    { head: "What, where", cell: ({ kind, target }) => `${kind}: ${name.place(target)}` },
    {
      head: "n",
      cell: ({ planned, unit, power, kind }) =>
        markup`${planned} × ${unit} <small class="soft">${kind === "scan" || kind === "data" ? "each of them is read" : `tells apart ± ${(100 * power).toFixed(1)} points at 50 %`}</small>`,
    },
    { head: "Budget", cell: budgetWords },
    {
      head: "Threshold, set before",
      cell: ({ threshold }) =>
        threshold
          ? markup`${threshold.metric.replace("-", " ")} ${threshold.compare.at} ${percent(threshold.compare.value, 0)} <small class="soft">${threshold.where.file}:${threshold.where.line}</small>`
          : markup`<span class="soft">none</span>`,
    },
    {
      head: "Ran, reviewed",
      cell: ({ ranBy, reviewedBy, independence, signature }) =>
        `${ranBy ?? "not said"}, ${reviewedBy ?? "not reviewed"}${independence ? `, ${independence}` : ""}${signature ? `, signature ${signature}` : ""}`,
    },
    { head: "Manifest", cell: ({ manifest }) => markup`<code class="nowrap">${manifest.slice(0, 16)}</code>` },
  ],
  body.trials,
  { id: "trials", rowId: ({ id }) => `trial-${id}` },
)}
${table<Evidence>(
  "Evidence",
  [
    {
      head: "Evidence",
      cell: ({ id, title }) => markup`${title} <small class="soft"><code class="nowrap">${id}</code></small>`,
      wide: true,
    },
    { head: "Kind, grade", cell: ({ kind, grade }) => `${kind}, ${grade}` },
    { head: "Says", cell: measuredWords, wide: true },
    {
      head: "Standing",
      cell: ({ standing, validUntil }) =>
        standing.status === "current"
          ? markup`${tag("current", "good")}${validUntil ? markup`<br><small class="soft">until ${validUntil}</small>` : ""}`
          : markup`${tag("stale", "warn")} ${standing.because}`,
    },
    {
      head: "By",
      cell: ({ by, tool, date, signature }) =>
        `${by ?? `${tool.name} ${tool.version}`}${date ? `, ${date}` : ""}${signature ? `, signature ${signature}` : ""}`,
    },
    {
      head: "Inputs",
      cell: ({ inputs }) =>
        inputs.map(({ role, sha256 }) => markup`<div>${role} <code class="nowrap">${sha256.slice(0, 16)}</code></div>`),
    },
  ],
  body.evidence,
  { rowId: ({ id }) => id },
)}`;
}

function budgetWords({ budget }: Trial): string {
  return [
    budget.eps === undefined
      ? ""
      : `${budget.norm === undefined ? "" : (new Map<string, string>(Object.entries(NORM_NAMES)).get(budget.norm) ?? budget.norm)} ${budgetText(budget.eps)}`,
    budget.area === undefined ? "" : `area ${percent(budget.area)}`,
    budget.profile === undefined ? "" : `profile ${budget.profile}`,
    budget.steps === undefined ? "" : `${budget.steps} steps`,
    budget.restarts === undefined ? "" : `${budget.restarts} restarts`,
    budget.queries === undefined ? "" : `${budget.queries} queries`,
  ]
    .filter(Boolean)
    .join(", ");
}

function measuredWords({ outcome, notes }: Evidence): Markup {
  return markup`${said(outcome)}${notes.map((note) => markup` <small class="soft">${note}</small>`)}`;
}

const hoursText = ({ low, likely, high }: { low: number; likely: number; high: number }): string =>
  `${likely} h [${low}, ${high}]`;

function said(outcome: Evidence["outcome"]): string {
  if (outcome.status === "inconclusive") return `inconclusive: ${outcome.because}`;
  const { measure } = outcome;
  switch (measure.kind) {
    case "clean":
      return `accuracy ${proportionText(measure.accuracy)}${measure.declared === undefined ? "" : `, declared ${percent(measure.declared)}`}`;
    case "evasion":
      return `right under attack ${proportionText(measure.robustAccuracy)}; changed ${proportionText(measure.successRate)}`;
    case "patch":
      return `turned in at least half of the placements ${proportionText(measure.perInput)}; of all placements ${measure.successRate.k} of ${measure.successRate.n}`;
    case "corruption":
      return `as it is ${proportionText(measure.accuracy)}; worst: ${measure.worst.name} ${measure.worst.severity}, ${proportionText(measure.worst.accuracy)}`;
    case "statement":
      return `${measure.response ? "unnoticed" : "attacker's successes"} ${proportionText(measure.successes)}${
        measure.response
          ? `, answered after ${hoursText(measure.response.hours)} where the next step takes ${hoursText(measure.response.attackHours)}`
          : ""
      }; ${measure.method}`;
    case "scan":
      return `${measure.tool}: ${measure.results} results, ${measure.open} open`;
    case "data": {
      const { fault, doubt, cannotTell } = measure.report.summary;
      return `${count(measure.report.data.n, "sample")}: ${count(fault, "fault")}, ${count(doubt, "doubt")}, ${count(cannotTell.length, "check")} cannot tell`;
    }
    case "artefacts":
      return `${count(measure.total, "file")}: ${tallied(measure.verdicts)}; read whole ${measure.read.whole}, in part ${measure.read.part}, not ${measure.read.none}`;
  }
}

/** `2 malicious, 1 unknown`, leaving out what there is none of. */
export const tallied = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, n]) => n > 0)
    .map(([what, n]) => `${n} ${what}`)
    .join(", ");
