/** The pieces every section of the page is made of. */
import { markup, type Insertable, type Markup } from "#figures/markup.ts";
import type { AssessmentBody, Claim, Judgement, Knowledge } from "#assessment/index.ts";

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
/** Worst first. */
export const JUDGEMENT_RANK: Readonly<Record<Judgement, number>> = { missed: 0, open: 1, within: 2 };

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => Insertable;
  readonly number?: boolean;
  /** Text that needs room to be read. */
  readonly wide?: boolean;
}

interface TableOptions<Row> {
  readonly id?: string;
  readonly rowId?: (row: Row) => string;
}

/** A table with a caption and scoped headers; the first column heads its row. It scrolls inside itself where it must. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { id, rowId }: TableOptions<Row> = {},
): Markup {
  if (rows.length === 0) return markup`<p class="soft"${id ? markup` id="${id}"` : ""}>${caption}: none.</p>`;
  const classOf = ({ number, wide }: Column<Row>): Markup =>
    number || wide ? markup` class="${number ? "number" : "wide"}"` : markup``;
  return markup`<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table${id ? markup` id="${id}"` : ""}><caption>${caption}</caption><thead><tr>${columns.map((column) => markup`<th scope="col"${classOf(column)}>${column.head}</th>`)}</tr></thead><tbody>
${rows.map(
  (row) =>
    markup`<tr${rowId ? markup` id="${rowId(row)}"` : ""}>${columns.map((column, i) => (i === 0 ? markup`<th scope="row"${classOf(column)}>${column.cell(row)}</th>` : markup`<td${classOf(column)}>${column.cell(row)}</td>`))}</tr>
`,
)}</tbody></table></div>`;
}

/** A search field over the rows of the table, or the folds of the list, with this id. Only a script shows it. */
export const filter = (label: string, target: string): Markup =>
  markup`<div class="filter" data-filters="${target}" hidden><label>${label} <input type="search" autocomplete="off"></label><span role="status" class="soft"></span></div>`;

export const fold = (
  summary: Insertable,
  body: Insertable,
  { open = false, id }: { readonly open?: boolean; readonly id?: string } = {},
): Markup =>
  markup`<details${id ? markup` id="${id}"` : ""}${open ? markup` open` : ""}><summary>${summary}</summary>${body}</details>`;

export const facts = (pairs: readonly (readonly [string, Insertable])[]): Markup => {
  const said = pairs.filter(([, value]) => value !== undefined && value !== "");
  return said.length === 0
    ? markup``
    : markup`<dl class="facts">${said.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
};

export const list = (items: readonly Insertable[]): Markup =>
  items.length === 0 ? markup`` : markup`<ul>${items.map((item) => markup`<li>${item}</li>`)}</ul>`;

/** At most `shown` items; the others fold. */
export const foldedList = (items: readonly Insertable[], shown: number): Markup =>
  items.length <= shown + 1
    ? list(items)
    : markup`${list(items.slice(0, shown))}${fold(`${items.length - shown} more`, list(items.slice(shown)))}`;

/** Text of ours with commands between backticks. */
export const prose = (text: string): Markup =>
  markup`${text.split("`").map((part, i, parts) => (i % 2 === 1 && i < parts.length - 1 ? markup`<code>${part}</code>` : i % 2 === 1 ? `\`${part}` : part))}`;

/** With a full stop, unless it ends in one. */
export const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

export const count = (n: number, noun: string, plural = `${noun}s`): string => `${n} ${n === 1 ? noun : plural}`;

/** `3 missed, 8 open, 4 within`, leaving out what there is none of. */
export const tally = <Word extends string>(words: readonly Word[], order: readonly Word[]): string =>
  order
    .map((word) => [word, words.filter((each) => each === word).length] as const)
    .filter(([, n]) => n > 0)
    .map(([word, n]) => `${n} ${word.replaceAll("-", " ")}`)
    .join(", ");

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

export interface Words {
  /** "Digital evasion at Pneumonia classifier", for a threat's type and place. */
  readonly threat: (threat: { readonly type: string; readonly at?: string | undefined }) => string;
  readonly actor: (id: string) => string;
  readonly place: (id: string) => string;
}

/** What the ids of this assessment are called, for people who did not write the file. */
export function words({ knowledge, system }: AssessmentBody): Words {
  const types = new Map(knowledge.threats.map(({ id, title }) => [id, title]));
  const places = new Map(
    [...system.components, ...system.boundaries, ...system.assets, ...system.datasets].map(({ id, title }) => [
      id,
      title,
    ]),
  );
  const actors = new Map(system.actors.map(({ id, title }) => [id, title]));
  const place = (id: string): string => places.get(id) ?? (id === "system" ? "the system" : id);
  return {
    place,
    actor: (id) => actors.get(id) ?? id,
    threat: ({ type, at }) => `${types.get(type) ?? type}${at === undefined ? "" : ` at ${place(at)}`}`,
  };
}

/** Sections an `assessment#…` reference speaks of. */
const SECTIONS: Readonly<Record<string, string>> = {
  system: "map",
  threats: "threats",
  risks: "risk",
  trials: "trials",
  controls: "controls",
  matrix: "matrix",
};

/** Evidence links to its row or its section; anything else is text. */
export function evidenceLinks(ids: readonly string[], { evidence }: AssessmentBody): Markup {
  const known = new Set(evidence.map(({ id }) => id));
  return markup`${ids.map((id, i) => {
    const place = known.has(id) ? id : id.startsWith("assessment#") ? SECTIONS[id.slice(11)] : undefined;
    return markup`${i > 0 ? ", " : ""}${place ? markup`<a href="#${place}"><code>${id.replace(/^assessment#/, "this page: ")}</code></a>` : id}`;
  })}`;
}
