/** How the figures came about, and where this version and the state of the art end. */
import type { Assessment } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { facts, fold, list, prose, sentence, table } from "./parts.ts";

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
  "Risks are judged one by one: per threat, actor and harm. Several actors together harm more often than each alone: the register gives the sum per harm, and a sum that is not within its criterion keeps the outcome from being supported.",
])}
<h3>Where this version ends</h3>
${list([
  "Tried here: digital evasion (by gradients, scores, labels and a distilled copy), bounded from below by linear relaxation and branching where the model allows it; a digital patch under random placement, noise and corruptions. Not poisoning, not confidentiality attacks, not scans of model files, not chat assistants.",
  "What stands up to every attack listed may fall to one that is not. Only certified inputs cannot, within the stated budget, on the model as its file has it.",
  "A model whose scores are shaped to mislead attacks by gradient and by scores alike is told by attacks that read labels alone; those have few queries per input, so on large inputs a well shaped one can still look better than its decisions are.",
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
${exclusions(body)}${warnings(body)}
${fold(
  `Weak claims: never counted as mitigation (${body.knowledge.weakClaims.length})`,
  table(
    "Weak claims: never counted as mitigation",
    [
      { head: "Claim", cell: ({ claim }) => claim },
      { head: "Why it does not count", cell: ({ why }) => why },
    ],
    body.knowledge.weakClaims,
  ),
)}`;
}

/** What the author put outside: the purpose's limits, and what was excluded with its reason. */
function exclusions({ system }: Assessment["body"]): Markup {
  const { exclusions: excluded } = system;
  if (excluded.length + system.excluded.length + system.misuse.length === 0) return markup``;
  return markup`<h3>What the author set outside</h3>${list([
    ...system.excluded.map((what) => `Not for: ${sentence(what)}`),
    ...system.misuse.map((what) => `Misuse to be expected: ${sentence(what)}`),
    ...excluded.map(
      ({ what, because, evidence }) =>
        `${what}: ${sentence(because)} ${evidence ? `Shown by ${sentence(evidence)}` : "Nothing shows it."}`,
    ),
  ])}`;
}

function warnings({ warnings: items }: Assessment["body"]): Markup {
  return items.length === 0
    ? markup``
    : fold(
        `Warnings about the system file (${items.length})`,
        list(
          items.map(
            ({ code, message, hint, span }) =>
              markup`${span ? markup`<code>${span.file}:${span.line}</code> ` : ""}${code} ${sentence(message)} ${hint ? markup`<span class="soft">${prose(sentence(hint))}</span>` : ""}`,
          ),
        ),
      );
}
