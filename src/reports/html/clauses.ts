/** The clauses one by one, and the five-by-five matrix of Art. 15(5). */
import { ATTACK_CLASSES, VERBS, type Assessment, type Claim, type MatrixCell } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { CLAIM_TONE, list, table, tag, type Tone } from "./parts.ts";

export function clausesSection({ body }: Assessment): Markup {
  const clauses = new Map(body.knowledge.clauses.map((clause) => [clause.id, clause]));
  const frameworks = [...new Set(body.claims.map(({ clause }) => clauses.get(clause)?.framework ?? "Other"))];
  return markup`<p>What the evidence supports of each clause. The texts are our paraphrase, each with its source and how it was checked (V: read in the primary text, V2: in a secondary one); this is engineering reference, not legal advice.</p>
${frameworks.map((framework) => {
  const claims = body.claims.filter(({ clause }) => (clauses.get(clause)?.framework ?? "Other") === framework);
  const counted = (["supported", "contradicted", "missing", "stale", "not-applicable"] as const)
    .map((status) => [status, claims.filter((claim) => claim.status === status).length] as const)
    .filter(([, n]) => n > 0);
  const rows = table<Claim>(
    `${framework}: ${counted.map(([status, n]) => `${n} ${status}`).join(", ")}`,
    [
      { head: "Clause", cell: ({ clause }) => markup`<span id="clause-${clause}">${clause}</span>` },
      {
        head: "Asks",
        cell: ({ clause }) =>
          markup`${clauses.get(clause)?.text ?? ""} <small class="soft">${(clauses.get(clause)?.sources ?? []).map(({ key, edition, mark, authority }) => `${key}, ${edition} (${mark}, ${authority})`).join("; ")}</small>`,
      },
      { head: "Evidence says", cell: ({ status }) => tag(status.replace("-", " "), CLAIM_TONE[status]) },
      {
        head: "Because",
        cell: ({ because, caveats, evidence }) =>
          markup`${because}${caveats.length > 0 ? list(caveats.map((caveat) => markup`<small>${caveat}</small>`)) : ""}${evidence.length > 0 ? markup` <small class="soft">evidence ${evidence.map((id) => markup`<a href="#${id}"><code>${id}</code></a> `)}</small>` : ""}`,
      },
      { head: "Applies from", cell: ({ appliesFrom }) => appliesFrom ?? "" },
    ],
    claims,
  );
  return framework === "AI Act"
    ? markup`<h3>${framework}</h3>${rows}`
    : markup`<details><summary>${framework} (${claims.length})</summary>${rows}</details>`;
})}`;
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
      return markup`<td>${found ? markup`${tag(found.state.replace("-", " "), CELL_TONE[found.state])} ${found.controls.join(", ")} <small class="soft">${found.because}</small>` : ""}</td>`;
    })}</tr>`,
)}</tbody></table></div>`;
}
