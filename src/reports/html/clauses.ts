/** The clauses one by one: what each asks, what the evidence says, and why. */
import type { Assessment, Claim, Clause } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { CLAIM_TONE, evidenceLinks, fold, foldedList, prose, table, tag, tally } from "./parts.ts";

const STATUSES = ["contradicted", "missing", "stale", "supported", "not-applicable"] as const;
/** The clause this product is about stands open; the others fold. */
const isCore = (heading: string): boolean => /^AI Act, (Art\. ?)?15$/.test(heading);

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
  const said = tally(
    claims.map(({ status }) => status),
    STATUSES,
  );
  const rows = claimTable(`${heading}: ${said}`, claims, clauses, body);
  return isCore(heading)
    ? markup`<h3>${heading}</h3>${rows}`
    : fold(markup`${heading} <span class="soft">${said}</span>`, rows);
})}`;
}

function claimTable(
  caption: string,
  claims: readonly Claim[],
  clauses: ReadonlyMap<string, Clause>,
  body: Assessment["body"],
): Markup {
  return table<Claim>(
    caption,
    [
      { head: "Clause", cell: ({ clause }) => markup`<span class="nowrap">${clause}</span>` },
      {
        head: "Asks",
        cell: ({ clause }) =>
          markup`${clauses.get(clause)?.text ?? ""} <small class="soft">${(clauses.get(clause)?.sources ?? []).map(({ key, edition, mark, authority }, i) => markup`${i > 0 ? "; " : ""}<span title="${edition}, ${authority}">${key} (${mark})</span>`)}</small>`,
        wide: true,
      },
      { head: "Evidence says", cell: ({ status }) => tag(status.replace("-", " "), CLAIM_TONE[status]) },
      {
        head: "Because",
        cell: ({ because, caveats, evidence }) =>
          markup`${prose(because)}${foldedList(
            caveats.map((caveat) => markup`<small>${prose(caveat)}</small>`),
            3,
          )}${evidence.length > 0 ? markup` <small class="soft">Evidence: ${evidenceLinks(evidence, body)}</small>` : ""}`,
        wide: true,
      },
      { head: "Applies from", cell: ({ appliesFrom }) => markup`<span class="nowrap">${appliesFrom ?? ""}</span>` },
    ],
    claims,
    { rowId: ({ clause }) => `clause-${clause}` },
  );
}
