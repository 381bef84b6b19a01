/** How the figures came about, where the state of the art ends, and the commands that make them again. */
import type { Assessment, Evidence } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { proportionText } from "#figures/words.ts";
import { facts, list, table, tag } from "./parts.ts";

function measuredWords({ outcome }: Evidence): string {
  if (outcome.status === "inconclusive") return `inconclusive: ${outcome.because}`;
  const { measure } = outcome;
  switch (measure.kind) {
    case "clean":
      return `accuracy ${proportionText(measure.accuracy)}${measure.declared === undefined ? "" : `, declared ${(100 * measure.declared).toFixed(1)} %`}`;
    case "evasion":
      return `right under attack ${proportionText(measure.robustAccuracy)}; changed ${proportionText(measure.successRate)}`;
    case "patch":
      return `per placement ${proportionText(measure.successRate)}; per input ${proportionText(measure.perInput)}`;
    case "corruption":
      return `worst corruption ${measure.worst.name} ${measure.worst.severity}: ${proportionText(measure.worst.accuracy)}`;
    case "statement":
      return `attacker's successes ${proportionText(measure.successes)}; ${measure.method}`;
    case "scan":
      return `${measure.tool}: ${measure.results} results, ${measure.open} open`;
  }
}

export function evidenceSection({ body }: Assessment): Markup {
  return table<Evidence>(
    "Evidence",
    [
      { head: "Id", cell: ({ id }) => markup`<code id="${id}">${id}</code>` },
      { head: "What", cell: ({ title }) => title },
      { head: "Kind and grade", cell: ({ kind, grade }) => `${kind}, ${grade}` },
      { head: "Says", cell: measuredWords },
      {
        head: "Standing",
        cell: ({ standing }) =>
          standing.status === "current" ? tag("current", "good") : markup`${tag("stale", "warn")} ${standing.because}`,
      },
      {
        head: "By",
        cell: ({ by, tool, date, signature }) =>
          `${by ?? `${tool.name} ${tool.version}`}${date ? `, ${date}` : ""}${signature ? `, signature ${signature}` : ""}`,
      },
      {
        head: "Inputs",
        cell: ({ inputs }) =>
          inputs.map(({ role, sha256 }) => markup`<div>${role} <code>${sha256.slice(0, 16)}</code></div>`),
      },
    ],
    body.evidence,
  );
}

export function methodSection({ body }: Assessment): Markup {
  return markup`<p>The rules on this page are Vauban's own method (mark I), not the law's text. They exist because a figure does not carry every sentence.</p>
${list([
  "An attack success rate is a lower bound on what attackers achieve; only a certificate bounds from above. Without one, the upper end stays at 1 unless the measurement was adaptive and passed every sanity check.",
  "Intervals are two-sided 95 % Clopper–Pearson on independent units. A gate uses the unfavourable end.",
  "Whoever can replace the whole input is not limited to a budget: success is then 1 and the bounded figure is informative only.",
  "Attempts per year are assumed from the attacker's profile unless the system file argues otherwise; they are shown first wherever widths are explained.",
  "Reach is a claim: an unanswered usual flow (import media, remote maintenance, update, administration, backup, supplier access, physical presence) counts as existing, and only a verified control closes a way.",
  "A control earns credit when it was measured with the attack on and off, or verified by a denial test; a declared one is shown and earns none; a broken one never earns any.",
  "Missing, stale or inconclusive evidence never lowers a risk. A conventional threat without imported evidence stays untested.",
  "Risks are judged one by one: per threat, actor and harm. Several actors together harm more often than each alone; the sums are not judged.",
])}
<h3>Where this version ends</h3>
${list([
  "Tried here: digital evasion in L∞ and L2 (gradient and query attacks), a digital patch under random placement, noise and corruptions. Not certified bounds, not poisoning, not confidentiality attacks, not scans of model files, not chat assistants.",
  "A patch is made and measured digitally; printing, light and camera are not in the loop.",
  "NIST SP 800-30 levels are a view on the numeric intervals; decisions use the intervals.",
])}
<h3>Knowledge used</h3>${facts([
    ["Edition", body.knowledge.edition],
    ["Hash", markup`<code>${body.knowledge.hash}</code>`],
    [
      "Entries cited",
      `${body.knowledge.threats.length} threats, ${body.knowledge.controls.length} controls, ${body.knowledge.clauses.length} clauses; embedded in assessment.json`,
    ],
  ])}
${table(
  "Weak claims: never counted as mitigation",
  [
    { head: "Claim", cell: ({ claim }) => claim },
    { head: "Why it does not count", cell: ({ why }) => why },
  ],
  body.knowledge.weakClaims,
)}`;
}

export function reproductionSection({ body, run }: Assessment): Markup {
  return markup`<p>The same version, processor kind and thread count give the same hashes; elsewhere the verdicts agree within the stated intervals.</p>
<pre>${run.command}</pre>
${facts([
  ["Seed", markup`<code>${body.seed}</code>`],
  ["System file", markup`<code>${body.systemHash}</code>`],
  ["Judged as of", body.asOf],
  [
    "Ran",
    `${run.started}, ${run.seconds.toFixed(1)} s on ${run.platform}, ${run.workers} workers, onnxruntime ${run.runtime}`,
  ],
  ["Taken from earlier runs", run.reused.length === 0 ? "nothing" : run.reused.join(", ")],
])}
${table(
  "Trials",
  [
    { head: "Trial", cell: ({ id }) => id },
    {
      head: "n",
      cell: ({ planned, unit, power }) => `${planned} × ${unit} (± ${(100 * power).toFixed(1)} points at 50 %)`,
    },
    { head: "Seed", cell: ({ seed }) => markup`<code>${seed}</code>` },
    { head: "Again", cell: ({ id }) => markup`<code>vauban assess --only ${id} --fresh --seed ${body.seed}</code>` },
    {
      head: "Inputs",
      cell: ({ inputs }) =>
        inputs.map(({ role, path, sha256 }) => markup`<div>${role} ${path} <code>${sha256.slice(0, 16)}</code></div>`),
    },
    { head: "Manifest", cell: ({ manifest }) => markup`<code>${manifest.slice(0, 16)}</code>` },
  ],
  body.trials,
)}`;
}
