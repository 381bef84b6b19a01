/** The five-by-five matrix of Art. 15(5), and what was tried of each class. */
import { ATTACK_CLASSES, VERBS, type Assessment, type AttackClass, type MatrixCell } from "#assessment/index.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { CLASS_NAMES, COVERAGE_TONE } from "./outcome.ts";
import { fold, list, sentence, table, tag, words, type Tone } from "./parts.ts";

const CELL_TONE: Readonly<Record<MatrixCell["state"], Tone>> = {
  filled: "good",
  checked: "mute",
  "declared-only": "warn",
  excluded: "mute",
  empty: "bad",
};

export function matrixSection({ body }: Assessment): Markup {
  const name = words(body);
  const titles = new Map<string, string>(body.knowledge.controls.map(({ id, title }) => [id, title]));
  // A cell names controls as `C-92@pacs`.
  const control = (reference: string): Markup => {
    const [id = reference, at] = reference.split("@");
    return markup`<span title="${titles.get(id) ?? id}${at ? ` at ${name.place(at)}` : ""}">${reference}</span>`;
  };
  const cell = (kind: AttackClass, verb: (typeof VERBS)[number]): Markup => {
    const found = body.matrix.find((item) => item.class === kind && item.verb === verb);
    return found
      ? markup`${tag(found.state.replace("-", " "), CELL_TONE[found.state])} ${list(found.controls.map(control))}<small class="soft">${found.because}</small>${known("tried", found.tried)}${known("not tried", found.notTried)}`
      : markup`<span class="soft">not judged</span>`;
  };
  const known = (what: string, said: readonly string[]): Markup =>
    said.length === 0
      ? markup`<br><small class="soft">${what}: nothing</small>`
      : fold(markup`<small>${what}: ${said.length}</small>`, markup`<small>${list(said.map(sentence))}</small>`);
  return markup`<p>Art. 15(5) asks for measures to prevent, detect, respond to, resolve and control for five classes of attack “where appropriate”. That this makes 25 cells is our reading.</p>
<div class="matrix">${table<AttackClass>(
    "Filled: a control with credit stands there. Checked: done once by this run, which is no control in operation. Declared only: said, not shown. Empty: no control is named.",
    [
      { head: "Class", cell: (kind) => CLASS_NAMES[kind] },
      ...VERBS.map((verb) => ({ head: verb, cell: (kind: AttackClass) => cell(kind, verb) })),
    ],
    ATTACK_CLASSES,
  )}</div>
${table(
  "Which of the five classes were tried",
  [
    { head: "Class", cell: ({ class: kind }) => CLASS_NAMES[kind] },
    { head: "Tried", cell: ({ status }) => tag(status.replace("-", " "), COVERAGE_TONE[status]) },
    { head: "Because", cell: ({ because }) => sentence(because) },
  ],
  body.outcome.coverage,
)}`;
}
