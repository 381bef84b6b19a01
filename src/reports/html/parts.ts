/** The pieces every section of the page is made of. */
import { markup, type Insertable, type Markup } from "#figures/markup.ts";
import type { Claim, Judgement, Knowledge, SystemOutcome } from "#assessment/index.ts";

export type Tone = "bad" | "warn" | "good" | "mute";

export const tag = (text: string, tone: Tone): Markup => markup`<span class="tag ${tone}">${text}</span>`;

export const JUDGEMENT_TONE: Readonly<Record<Judgement, Tone>> = { missed: "bad", open: "warn", within: "good" };
export const CLAIM_TONE: Readonly<Record<Claim["status"], Tone>> = {
  supported: "good",
  contradicted: "bad",
  missing: "warn",
  stale: "warn",
  "not-applicable": "mute",
};
export const OUTCOME_TONE: Readonly<Record<SystemOutcome["exit"], Tone>> = { 0: "good", 1: "bad", 2: "warn" };

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Insertable;
  readonly number?: boolean;
}

/** A table with a caption and scoped headers; the first column heads its row. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { readonly id?: string; readonly filter?: string } = {},
): Markup {
  if (rows.length === 0) return markup`<p class="soft">${caption}: none.</p>`;
  return markup`${options.filter && options.id ? markup`<div class="filter" data-table="${options.id}" hidden><label>${options.filter} <input type="search"></label><span role="status" class="soft"></span></div>` : ""}
<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table${options.id ? markup` id="${options.id}"` : ""}><caption>${caption}</caption><thead><tr>${columns.map((column) => markup`<th scope="col"${column.number ? markup` class="number"` : ""}>${column.head}</th>`)}</tr></thead><tbody>
${rows.map(
  (
    row,
  ) => markup`<tr>${columns.map((column, i) => (i === 0 ? markup`<th scope="row">${column.cell(row)}</th>` : markup`<td${column.number ? markup` class="number"` : ""}>${column.cell(row)}</td>`))}</tr>
`,
)}</tbody></table></div>`;
}

export const facts = (pairs: readonly (readonly [string, Insertable])[]): Markup =>
  markup`<dl class="facts">${pairs.filter(([, value]) => value !== undefined && value !== "").map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;

export const list = (items: readonly Insertable[]): Markup =>
  items.length === 0 ? markup`` : markup`<ul>${items.map((item) => markup`<li>${item}</li>`)}</ul>`;

/** A section with its heading, reachable from the contents. */
export const section = (
  id: string,
  title: string,
  body: Insertable,
): Markup => markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>
`;

/** Titles of knowledge entries by id, for "T-01 Evasion" instead of "T-01". */
export function namer(knowledge: Knowledge): (id: string) => string {
  const titles = new Map<string, string>(
    [...knowledge.threats, ...knowledge.controls, ...knowledge.clauses, ...knowledge.profiles].map(({ id, title }) => [
      id,
      title,
    ]),
  );
  return (id) => (titles.has(id) ? `${id} ${titles.get(id)}` : id);
}
