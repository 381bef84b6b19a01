/** The clauses one by one, and the five-by-five matrix of Art. 15(5). */
import { ATTACK_CLASSES, VERBS, type Assessment, type Claim, type Clause, type MatrixCell } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { CLAIM_TONE, list, table, tag, type Tone } from "./parts.ts";

export function clausesSection({ body }: Assessment): Markup {
  const clauses = new Map(body.knowledge.clauses.map((clause) => [clause.id, clause]));
  const headingOf = ({ clause }: Claim): string => {
    const entry = clauses.get(clause);
    return entry?.framework === "AI Act"
      ? `AI Act, ${entry.article.split("(")[0]!.trim()}`
      : (entry?.framework ?? "Other");
  };
  const groups = [...Map.groupBy(body.claims, headingOf)].toSorted(([a], [b]) => Number(isCore(b)) - Number(isCore(a)));
  return markup`<p>What the evidence supports of each clause. The texts are our paraphrase, each with its source and how it was checked (V: read in the primary text, V2: in a secondary one, I: our own method); this is engineering reference, not legal advice. “Missing” means: no evidence, or only part of what the clause asks for.</p>
${groups.map(([heading, claims]) => {
  const counted = STATUSES.map(
    (status) => [status, claims.filter((claim) => claim.status === status).length] as const,
  ).filter(([, n]) => n > 0);
  const said = counted.map(([status, n]) => `${n} ${status.replace("-", " ")}`).join(", ");
  const rows = claimTable(`${heading}: ${said}`, claims, clauses);
  return isCore(heading)
    ? markup`<h3>${heading}</h3>${rows}`
    : markup`<details><summary>${heading} <span class="soft">– ${said}</span></summary>${rows}</details>`;
})}`;
}

const STATUSES = ["supported", "contradicted", "missing", "stale", "not-applicable"] as const;
/** The clause this product is about stands open; the others fold. */
const isCore = (heading: string): boolean => /^AI Act, (Art\. ?)?15$/.test(heading);

function claimTable(caption: string, claims: readonly Claim[], clauses: ReadonlyMap<string, Clause>): Markup {
  return table<Claim>(
    caption,
    [
      { head: "Clause", cell: ({ clause }) => markup`<span id="clause-${clause}" class="nowrap">${clause}</span>` },
      {
        head: "Asks",
        cell: ({ clause }) =>
          markup`${clauses.get(clause)?.text ?? ""} <small class="soft">${(clauses.get(clause)?.sources ?? []).map(({ key, edition, mark, authority }, i) => markup`${i > 0 ? "; " : ""}<span title="${edition}, ${authority}">${key} (${mark})</span>`)}</small>`,
      },
      { head: "Evidence says", cell: ({ status }) => tag(status.replace("-", " "), CLAIM_TONE[status]) },
      {
        head: "Because",
        cell: ({ because, caveats, evidence }) =>
          markup`${because}${caveats.length > 0 ? list(caveats.map((caveat) => markup`<small>${caveat}</small>`)) : ""}${evidence.length > 0 ? markup` <small class="soft">evidence ${evidence.map(evidenceLink)}</small>` : ""}`,
      },
      { head: "Applies from", cell: ({ appliesFrom }) => appliesFrom ?? "" },
    ],
    claims,
  );
}

/** Evidence stands in the table of evidence; `assessment#risks` is a section of this page. */
function evidenceLink(id: string): Markup {
  const place =
    {
      "assessment#threats": "threats",
      "assessment#risks": "risk",
      "assessment#controls": "controls",
      "assessment#matrix": "matrix",
    }[id] ?? id;
  return markup`<a href="#${place.replace(/^assessment#/, "")}"><code>${id}</code></a> `;
}

const CELL_TONE: Readonly<Record<MatrixCell["state"], Tone>> = {
  filled: "good",
  "declared-only": "warn",
  excluded: "mute",
  empty: "bad",
};
const CLASS_WORDS = {
  DP: "Data poisoning",
  MP: "Model poisoning",
  AE: "Adversarial examples",
  CA: "Confidentiality attacks",
  MF: "Model flaws",
} as const;

export function matrixSection({ body }: Assessment): Markup {
  const cell = (kind: string, verb: string): MatrixCell | undefined =>
    body.matrix.find((item) => item.class === kind && item.verb === verb);
  return markup`<p>Art. 15(5) asks for measures to prevent, detect, respond to, resolve and control for five classes of attack “where appropriate”. That this makes 25 cells is our reading.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Matrix"><table class="matrix"><caption>Filled: a control with credit stands there. Declared only: said, not shown.</caption><thead><tr><th scope="col">Class</th>${VERBS.map((verb) => markup`<th scope="col">${verb}</th>`)}</tr></thead><tbody>
${ATTACK_CLASSES.map(
  (kind) =>
    markup`<tr><th scope="row">${CLASS_WORDS[kind]}</th>${VERBS.map((verb) => {
      const found = cell(kind, verb);
      return markup`<td>${found ? markup`${tag(found.state.replace("-", " "), CELL_TONE[found.state])} ${found.controls.map((control) => markup`<span class="nowrap">${control}</span> `)}<small class="soft">${found.because}</small>` : ""}</td>`;
    })}</tr>`,
)}</tbody></table></div>`;
}
