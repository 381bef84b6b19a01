/** The report as one HTML file: opens from a memory stick, asks nothing of any network, reads well aloud. */
import type { Assessment } from "#assessment/index.ts";
import { escapeText, markup, type Markup } from "#figures/markup.ts";
import { sha256Base64 } from "./integrity.ts";
import { clausesSection, matrixSection } from "./clauses.ts";
import { mapSection, riskSection } from "./risk.ts";
import { methodSection, reproductionSection, evidenceSection } from "./method.ts";
import { outcomeSection } from "./outcome.ts";
import { proofSection } from "./proof.ts";
import { SCRIPT, STYLE } from "./style.ts";
import { controlsSection, threatsSection } from "./threats.ts";

/** The whole document as UTF-8 text. Its content policy refuses every request and every script but its own. */
export function htmlReport(assessment: Assessment): string {
  const { system } = assessment.body;
  const sections: readonly (readonly [id: string, title: string, body: Markup])[] = [
    ["findings", "Worst findings, with proof", proofSection(assessment)],
    ["map", "The system and the ways through it", mapSection(assessment)],
    ["risk", "Risk", riskSection(assessment)],
    ["clauses", "Clause by clause", clausesSection(assessment)],
    ["matrix", "Five verbs, five classes", matrixSection(assessment)],
    ["controls", "Controls and what they earn", controlsSection(assessment)],
    ["threats", "Threats, kept and set aside", threatsSection(assessment)],
    ["evidence", "Trials and evidence", evidenceSection(assessment)],
    ["method", "Method and limits", methodSection(assessment)],
    ["reproduce", "Reproduce every figure", reproductionSection(assessment)],
  ];
  const synthetic = system.synthetic
    ? markup`<p class="synthetic">Synthetic: this system, its data and its evidence were made as an example. No figure here speaks of a real device.</p>`
    : "";
  const page = markup`<body>
<a class="skip" href="#outcome">Skip to the outcome</a>
<header class="top"><p class="soft">Vauban ${assessment.body.tool.version} · assessment of ${assessment.body.asOf} · <code>${assessment.hash.slice(0, 16)}</code></p>
<h1>${system.name}</h1><p>${system.purpose}</p>${synthetic}
<nav class="contents" aria-label="Contents"><ul><li><a href="#outcome">Outcome</a></li>${sections.map(([id, title]) => markup`<li><a href="#${id}">${title}</a></li>`)}</ul></nav></header>
<main>${outcomeSection(assessment)}
${sections.map(
  ([id, title, body]) => markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>
`,
)}</main>
<footer>${synthetic}<p>Vauban says what the evidence supports, what it contradicts and what was not tried. It never declares conformity: the provider does. Every number stands beside its n, interval, seed and hash in <code>assessment.json</code>, whose body has the SHA-256 <code>${assessment.hash}</code>.</p></footer>`;
  const policy = `default-src 'none'; img-src data:; style-src 'sha256-${sha256Base64(STYLE)}'; script-src 'sha256-${sha256Base64(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escapeText(policy)}">
<title>${escapeText(`${system.name} – ${assessment.body.outcome.outcome} – Vauban`)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
${page.text}
<script>${SCRIPT}</script>
</body>
</html>
`;
}
