/** The first screen: the outcome in a sentence, what carries it, what would change it, and what was not tried. */
import type { Assessment } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { facts, list, tag } from "./parts.ts";

const CLASS_NAMES = {
  DP: "data poisoning",
  MP: "model poisoning",
  AE: "adversarial examples",
  CA: "confidentiality attacks",
  MF: "model flaws",
} as const;

export function outcomeSection({ body, run }: Assessment): Markup {
  const { outcome, system } = body;
  const name = new Map(body.knowledge.controls.map(({ id, title }) => [id, title]));
  const dates = body.claims.find(({ appliesFrom }) => appliesFrom)?.appliesFrom;
  return markup`<section aria-labelledby="outcome"><div class="outcome exit-${outcome.exit}">
<h2 id="outcome" class="word">${outcome.outcome}</h2>
${outcome.byAnalogy ? markup`<p><strong>By analogy – not a legal conclusion:</strong> Art. 15 of the AI Act does not bind this system directly.</p>` : ""}
<p>${outcome.because}</p>
${body.partial ? markup`<p>${tag("partial", "warn")} ${body.partial.reason}. Left untested: ${body.partial.untested.join(", ")}.</p>` : ""}
</div>
<p class="classes"><span class="soft">The five classes of Art. 15(5):</span> ${outcome.coverage.map(({ class: kind, status, because }) => markup`<span class="class" title="${because}">${CLASS_NAMES[kind]} ${tag(status === "not-tried" ? "not tried" : status, status === "tried" ? "good" : status === "excluded" ? "mute" : "warn")}</span>`)}</p>
<div class="columns">
<div class="card"><h3>What was not tried</h3>${notTried(outcome)}</div>
<div class="card"><h3>What carries the outcome</h3>${
    outcome.carriedBy.length === 0
      ? markup`<p>No control carries it: the outcome would be the same without any of the controls that earned credit.</p>`
      : list(
          outcome.carriedBy.map(
            (carrier) =>
              markup`<strong>${carrier.control} ${name.get(carrier.control) ?? ""} at ${carrier.at}</strong>: without it the outcome is <em>${carrier.without}</em>${carrier.path ? markup`, by <code>${carrier.path}</code>` : ""}`,
          ),
        )
  }</div>
<div class="card"><h3>What would change it most</h3>${list(outcome.next.slice(0, 6).map(({ what, command }) => markup`${what}${command ? markup` – <code>${command}</code>` : ""}`))}</div>
</div>
<details><summary>Every reason for this outcome (${outcome.reasons.length})</summary>${list(outcome.reasons)}</details>
${facts([
  [
    "System",
    `${system.components.length} components, ${system.components.filter(({ kind }) => kind === "model").length} models, ${system.boundaries.length} boundaries, stage: ${system.stage}`,
  ],
  ["Law", `${system.law.role}; listing ${system.law.listing}${dates ? `; applies from ${dates}` : ""}`],
  ["Evidence of", body.asOf],
  ["Seed", markup`<code>${body.seed}</code>`],
  ["Left this machine", `${run.requestsOut} requests`],
])}
</section>`;
}

/** What shares a reason is said once: classes first, then the threats nobody spoke of. */
function notTried({ notTried: items }: Assessment["body"]["outcome"]): Markup {
  if (items.length === 0) return markup`<p>Nothing that applies was left untried.</p>`;
  const groups = [...Map.groupBy(items, ({ because }) => because)];
  return markup`<ul>${groups.map(([because, members]) =>
    members.length <= 3
      ? markup`<li>${members.map(({ what }, i) => markup`${i > 0 ? ", " : ""}<strong>${what}</strong>`)}: ${because}. <span class="soft">${members.length === 1 ? members[0]!.remedy : ""}</span></li>`
      : markup`<li><strong>${members.length} threats</strong>: ${because}. <details><summary>Which</summary>${members.map(({ what }, i) => markup`${i > 0 ? ", " : ""}<a href="#threat-${what}">${what}</a>`)}</details></li>`,
  )}</ul>`;
}
