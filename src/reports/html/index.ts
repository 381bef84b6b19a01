/** The report as one HTML file: opens from a memory stick, asks nothing of any network, reads well aloud. */
import type { Assessment } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { clausesSection } from "./clauses.ts";
import { controlsSection } from "./controls.ts";
import { htmlDocument } from "./document.ts";
import { dataSection } from "./data.ts";
import { evidenceSection } from "./evidence.ts";
import { filesSection } from "./files.ts";
import { mapSection } from "./map.ts";
import { matrixSection } from "./matrix.ts";
import { methodSection } from "./method.ts";
import { outcomeSection } from "./outcome.ts";
import { planSection } from "./plan.ts";
import { proofSection } from "./proof.ts";
import { registerSection } from "./register.ts";
import { reproductionSection } from "./reproduce.ts";
import { riskSection } from "./risk.ts";
import { suppliersSection } from "./suppliers.ts";
import { threatsSection } from "./threats.ts";

/** The whole document as UTF-8 text. Its content policy refuses every request and every script but its own. */
export function htmlReport(assessment: Assessment): string {
  const { system } = assessment.body;
  const sections: readonly (readonly [id: string, short: string, title: string, body: Markup])[] = [
    ["findings", "Findings", "Worst findings, with proof", proofSection(assessment)],
    ["map", "Map", "The system and the ways through it", mapSection(assessment)],
    ["files", "Files", "The files it is made of", filesSection(assessment)],
    ["data", "Data", "The data it is made with", dataSection(assessment)],
    ["risk", "Risk", "Risk", riskSection(assessment)],
    ["register", "Register", "Two-level register", registerSection(assessment)],
    ["plan", "Plan", "A plan of controls", planSection(assessment)],
    ["clauses", "Clauses", "Clause by clause", clausesSection(assessment)],
    ["matrix", "Matrix", "Five verbs, five classes", matrixSection(assessment)],
    ["controls", "Controls", "Controls and what they earn", controlsSection(assessment)],
    ["suppliers", "Suppliers", "Where parts and data come from", suppliersSection(assessment)],
    ["threats", "Threats", "Threats, kept and set aside", threatsSection(assessment)],
    ["evidence", "Evidence", "Trials and evidence", evidenceSection(assessment)],
    ["method", "Method", "Method and limits", methodSection(assessment)],
    ["reproduce", "Reproduce", "Reproduce every figure", reproductionSection(assessment)],
  ];
  const synthetic = system.synthetic
    ? markup`<p class="synthetic">Synthetic: system, data and evidence were made as an example. No figure here speaks of a real device.</p>`
    : "";
  const page = markup`<body>
<a class="skip" href="#outcome">Skip to the outcome</a>
<header class="top"><h1>${system.name}</h1>
<p class="soft stamp">Vauban ${assessment.body.tool.version} · assessed as of ${assessment.body.asOf} · <code>${assessment.hash.slice(0, 16)}</code></p>
<p class="purpose">${system.purpose}</p>${synthetic}
<nav class="contents" aria-label="Contents"><ul><li><a href="#outcome">Outcome</a></li>${sections.map(([id, short]) => markup`<li><a href="#${id}">${short}</a></li>`)}</ul></nav></header>
<main>${outcomeSection(assessment)}
${sections.map(
  ([id, , title, body]) => markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>
`,
)}</main>
<footer>${synthetic}<p>Vauban says what the evidence supports, what it contradicts and what was not tried. It never declares conformity: the provider does. Every number stands beside its n, interval, seed and hash in <code>assessment.json</code>, whose body has the SHA-256 <code>${assessment.hash}</code>.</p></footer>`;
  return htmlDocument(`${system.name} – ${assessment.body.outcome.outcome} – Vauban`, page);
}
