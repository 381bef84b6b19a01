/** A draft as the text of a system file: what the source says, where each thing comes from, and what only its author can answer. */
import type { InputContract } from "#assessment/index.ts";
import {
  pruned,
  type Draft,
  type DraftBoundary,
  type DraftComponent,
  type DraftDataset,
  type DraftFlow,
  type DraftModel,
} from "./draft.ts";

/** Marks what the source could not say and the schema demands; a starting value stands there until somebody answers. */
export const ASK = "(ask)";

/** Something the source cannot know about an AI system. */
export interface Question {
  /** Where in the system file, in words: `components.model.level`. */
  readonly at: string;
  readonly question: string;
  /** What stands there until it is answered. */
  readonly start: string;
}

export interface Written {
  readonly text: string;
  readonly questions: readonly Question[];
}

const LINE_MAX = 140;
const VISIBLE = 120;

/** Words as YAML text, whatever is in them: what no system file may hold raw is escaped. */
export const text = (words: string): string =>
  JSON.stringify(words.toWellFormed()).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffd]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
/** A title, or the id where the source has none. */
const called = (title: string, id: string): string => (title.trim() === "" ? id : title);
const key = (id: string): string => (/^[a-z][a-z0-9-]*$/.test(id) ? id : text(id));
/** A list in brackets; a long one over several lines, which stay within what a line of a system file may hold. */
const bracketed = (items: readonly string[]): string =>
  `[${items.map((item, index) => (index > 0 && index % ITEMS_A_LINE === 0 ? `\n${" ".repeat(CONTINUED)}${item}` : item)).join(", ")}]`;
const list = (ids: readonly string[]): string => bracketed(ids.map(key));
const ITEMS_A_LINE = 200;
/** Deeper than any boundary can be indented. */
const CONTINUED = 80;
/** Words in a comment: one line of them, without anything that could end it. */
const comment = (words: string): string => {
  const line = words.toWellFormed().replace(/[\p{C}\p{Zl}\p{Zp}\ufffd\s]+/gu, " ");
  return [...line].length > VISIBLE ? `${[...line].slice(0, VISIBLE - 1).join("")}…` : line;
};

/** One mapping in braces, or a key a line where that is longer than a line. */
function mapping(
  start: string,
  indent: string,
  pairs: readonly (readonly [string, string])[],
  remark: string,
): string[] {
  const braces = `${start} { ${pairs.map(([name, value]) => `${name}: ${value}`).join(", ")} }`;
  if (braces.length <= LINE_MAX) return [`${braces}   # ${remark}`];
  const item = start.trimStart().startsWith("-");
  const lines = pairs.map(([name, value], index) => `${item && index === 0 ? `${start} ` : indent}${name}: ${value}`);
  return item ? [`${lines[0]}   # ${remark}`, ...lines.slice(1)] : [`${start}   # ${remark}`, ...lines];
}

/** Writes a draft. `source` says in a line what it was made from; `models` are components known to be AI models. */
export function written(draft: Draft, source: string): Written {
  const questions: Question[] = [];
  const ask = (at: string, question: string, start: string): string => {
    questions.push({ at, question, start });
    return `${ASK} ${question}`;
  };
  const { components, flows, boundaries } = withModel(draft, ask);
  const models = components.filter(({ kind }) => kind === "model");

  const lines = [
    `# Made by vauban import from ${comment(source)}.`,
    `# What the source cannot know is marked ${ASK}: a start stands there, to be answered. The lines say what each thing was in the source.`,
    "vauban: 1",
    "",
    "system:",
    `  name: ${text(draft.name)}`,
    ...(draft.version === undefined ? [] : [`  version: ${text(draft.version)}`]),
    `  purpose: ${text(draft.purpose ?? NO_PURPOSE)}   # ${ask("system.purpose", "what does the system do, for whom, on what, and who decides?", draft.purpose === undefined ? "nothing" : "the source's description")}`,
    ...(draft.context === undefined ? [] : [`  context: ${text(draft.context)}`]),
    ...(draft.synthetic ? ["  synthetic: true"] : []),
    ...(draft.excluded === undefined || draft.excluded.length === 0
      ? []
      : ["  excluded:", ...draft.excluded.map((words) => `    - ${text(words)}`)]),
    ...(draft.misuse.length === 0 ? [] : ["  misuse:", ...draft.misuse.map((words) => `    - ${text(words)}`)]),
    ...(draft.environment === undefined ? [] : [`  environment: ${draft.environment}`]),
    "",
    draft.law
      ? `law: { role: ${draft.law.role}, listing: ${draft.law.listing}${draft.law.listing === "none" ? `, reasoning: ${text("The source says that it is not listed, and not why.")}` : ""} }`
      : `law: { role: provider, listing: annex-III.2 }   # ${ask("law", "whose duties, and which listing of the AI Act? High-risk is assumed until somebody has looked", "provider, annex-III.2")}`,
    draft.stage === undefined
      ? `stage: design   # ${ask("stage", "which stage of its life is it in?", "design")}`
      : `stage: ${draft.stage}`,
    draft.sector === undefined
      ? `sector: general   # ${ask("sector", "which sector's criteria are the start?", "general")}`
      : `sector: ${key(draft.sector)}`,
    "",
    `# ${ask("actors", "who might attack, and what can they touch? `vauban explain AT-4` describes a profile", draft.exposed.length > 0 ? "anybody on the internet" : "nobody")}`,
    ...(draft.exposed.length > 0
      ? [
          "actors:",
          ...mapping(
            "  internet-actor:",
            "    ",
            [
              ["profile", "AT-1"],
              ["title", "Anybody on the internet"],
              ["touches", list(draft.exposed)],
            ],
            "what the source calls reachable from the internet",
          ),
        ]
      : []),
    ...(boundaries.length === 0
      ? []
      : ["", "boundaries:", ...boundaries.flatMap((boundary) => boundaryLines(boundary, "  "))]),
    "",
    "# `usual:` answers the ways in that such a thing usually has (update, backup, remote maintenance …); unanswered, they count as existing.",
    "components:",
    ...components.flatMap((component) => componentLines(component, ask)),
    ...(flows.length === 0 ? [] : ["", "flows:", ...flows.flatMap(flowLines)]),
    ...(draft.assets.length === 0
      ? []
      : [
          "",
          ...(draft.assets.every(({ personal }) => personal !== undefined)
            ? []
            : [
                `# ${ask("assets.*.privacy", "what would disclosure cost the people the data are about, and are they personal (personal: true)? No threat model of this kind says it", "as the rating of confidentiality")}`,
              ]),
          "assets:",
          ...draft.assets.flatMap(({ id, title, security, privacy, personal, from }) =>
            mapping(
              `  ${key(id)}:`,
              "    ",
              [
                ["title", text(called(title, id))],
                ["security", security],
                ["privacy", privacy],
                ...(personal ? [["personal", "true"] as const] : []),
              ],
              personal === undefined ? `${comment(from)}; privacy ${ASK}` : comment(from),
            ),
          ),
        ]),
    ...(draft.datasets === undefined || draft.datasets.length === 0
      ? []
      : ["", "datasets:", ...draft.datasets.flatMap((dataset) => datasetLines(dataset, ask))]),
    ...(draft.suppliers === undefined || draft.suppliers.length === 0
      ? []
      : [
          "",
          `# ${ask("suppliers", "what is agreed with them (agreement, covers, until), and are they open source?", "nothing")}`,
          "suppliers:",
          ...draft.suppliers.map(
            ({ id, title, supplies }) => `  ${key(id)}: { title: ${text(title)}, supplies: ${list(supplies)} }`,
          ),
        ]),
    "",
    `# Nothing is tried yet, and no control is claimed: tests: and controls: are for you (${models.map(({ id }) => key(id)).join(", ")}).`,
    "",
  ];
  return { text: lines.join("\n"), questions };
}

const NO_PURPOSE = "The source does not say what the system does, for whom, on what, and who decides.";

type Ask = (at: string, question: string, start: string) => string;
type Parts = Pick<Draft, "components" | "flows" | "boundaries">;

/** Without a model it is no AI system: where the source names none, one stands in, behind the component where most flows arrive. */
function withModel(draft: Draft, ask: Ask): Parts {
  const { components, flows } = draft;
  const boundaries = pruned(draft.boundaries);
  const models = components.filter(({ kind }) => kind === "model");
  const unfed = models.filter(({ id }) => !flows.some(({ to }) => to === id));
  if (models.length > 0 && components.length > models.length && unfed.length === 0)
    return { components, flows, boundaries };

  const taken = new Set([...components, ...flows, ...allOf(boundaries)].map(({ id }) => id));
  const fresh = (id: string): string => {
    let made = id;
    for (let n = 2; taken.has(made); n++) made = `${id}-${n}`;
    taken.add(made);
    return made;
  };
  const added: DraftComponent[] = [];
  const addedFlows: DraftFlow[] = [];
  const input = (): DraftComponent => {
    const arriving = (id: string): number => flows.filter(({ to }) => to === id).length;
    const busiest = (among: readonly DraftComponent[]): DraftComponent | undefined =>
      among.reduce<DraftComponent | undefined>(
        (best, component) => (best && arriving(best.id) >= arriving(component.id) ? best : component),
        undefined,
      );
    const others = components.filter(({ kind }) => kind !== "model");
    const found = busiest(others.filter(({ kind }) => kind !== "external" && kind !== "human")) ?? busiest(others);
    if (found) return found;
    const source: DraftComponent = {
      id: fresh("input"),
      kind: "external",
      title: "Whatever the model is given",
      holds: [],
      from: ask(
        "components.input",
        "the source has no component beside a model: what feeds it, and what acts on its answer?",
        "an outside party",
      ),
    };
    added.push(source);
    return source;
  };
  const feeder = input();
  const feed = (model: string): void => {
    addedFlows.push({
      id: fresh(`input-of-${model}`),
      from: feeder.id,
      to: model,
      carries: [],
      source: ask(`flows into ${model}`, `what feeds ${model}? The source shows nothing that does`, feeder.id),
    });
  };
  let placed = boundaries;
  if (models.length === 0) {
    const id = fresh("model");
    added.push({
      id,
      kind: "model",
      title: "The AI model",
      holds: [],
      from: ask(
        `components.${id}`,
        "which part of the system is the AI model? The source names none; --model NAME says which component it is",
        "a component of its own",
      ),
    });
    feed(id);
    placed = beside(boundaries, feeder.id, id);
  } else for (const { id } of unfed) feed(id);
  return { components: [...components, ...added], flows: [...flows, ...addedFlows], boundaries: placed };
}

const allOf = (boundaries: readonly DraftBoundary[]): DraftBoundary[] =>
  boundaries.flatMap((boundary) => [boundary, ...allOf(boundary.inside)]);

/** The boundaries with `id` put where `other` stands. */
const beside = (boundaries: readonly DraftBoundary[], other: string, id: string): DraftBoundary[] =>
  boundaries.map((boundary) => ({
    ...boundary,
    here: boundary.here.includes(other) ? [...boundary.here, id] : boundary.here,
    inside: beside(boundary.inside, other, id),
  }));

function boundaryLines({ id, title, here, inside, from }: DraftBoundary, indent: string): string[] {
  return [
    `${indent}${key(id)}:   # ${comment(from)}`,
    `${indent}  title: ${text(called(title, id))}`,
    ...(here.length > 0 ? [`${indent}  here: ${list(here)}`] : []),
    ...inside.flatMap((boundary) => boundaryLines(boundary, `${indent}  `)),
  ];
}

function datasetLines(dataset: DraftDataset, ask: Ask): string[] {
  const { id, title, path, labels, role, personal, sha256, source, collected, licence, version, suppliers, from } =
    dataset;
  const provenance: readonly (readonly [string, string | undefined])[] = [
    ["source", text(source ?? "The source does not say where the data come from.")],
    ["collected", collected === undefined ? undefined : text(collected)],
    ["licence", licence === undefined ? undefined : text(licence)],
    ["version", version === undefined ? undefined : text(version)],
    ["suppliers", suppliers.length === 0 ? undefined : bracketed(suppliers.map(text))],
  ];
  const known =
    source !== undefined || provenance.slice(1).some(([, value]) => value !== undefined)
      ? provenance.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
      : [];
  return mapping(
    `  ${key(id)}:`,
    "    ",
    [
      ["title", text(called(title, id))],
      ...(path === undefined ? [] : [["path", text(path)] as const]),
      ...(labels === undefined ? [] : [["labels", text(labels)] as const]),
      ["role", role ?? "training"],
      ...(personal ? [["personal", "true"] as const] : []),
      ...(sha256 === undefined ? [] : [["sha256", text(sha256)] as const]),
      ...(known.length === 0 ? [] : [["provenance", `{ ${known.join(", ")} }`] as const]),
    ],
    role === undefined
      ? `${comment(from)}; ${ask(`datasets.${id}.role`, "training, validation, test, knowledge-base or operational data?", "training")}`
      : comment(from),
  );
}

/** What is known of a model, and a question where nothing is. */
function modelLines(id: string, known: DraftModel | undefined, ask: Ask): string[] {
  const {
    level,
    role,
    task,
    sha256,
    artefact,
    origin = {},
    datasets = [],
    input,
    classes,
    head,
    accuracy,
  } = known ?? {};
  const training: readonly string[] = [
    ...(datasets.length === 0 ? [] : [`datasets: ${list(datasets)}`]),
    ...(known?.continual ? ["continual: true"] : []),
    ...(known?.federated ? ["federated: true"] : []),
    ...(known?.personalData ? ["personal-data: true"] : []),
  ];
  const one = (name: string, said: string | undefined, question: string, start: string): string =>
    said === undefined
      ? `    ${name}: ${start}   # ${ask(`components.${id}.${name}`, question, start)}`
      : `    ${name}: ${said}`;
  const from: readonly (readonly [string, string | undefined])[] = [
    ["trained-by", origin.trainedBy ?? "unknown"],
    ["pretrained", origin.pretrained === undefined ? undefined : text(origin.pretrained)],
    ["supplier", origin.supplier === undefined ? undefined : text(origin.supplier)],
    ["licence", origin.licence === undefined ? undefined : text(origin.licence)],
    ["version", origin.version === undefined ? undefined : text(origin.version)],
    ["sha256", origin.sha256 === undefined ? undefined : text(origin.sha256)],
  ];
  const asked =
    origin.trainedBy === undefined
      ? `   # ${ask(`components.${id}.origin`, "who trained it, from which base model, on which data?", "unknown")}`
      : "";
  return [
    one("level", level, "symbolic, traditional, deep or large-scale?", "deep"),
    one(
      "role",
      role,
      "does it advise a person, decide, or keep something safe (advisory, decisive, safety-function)?",
      "decisive",
    ),
    one(
      "task",
      task,
      "what does it compute: classification, regression, forecasting, detection, generation or decision-rules?",
      "classification",
    ),
    ...(sha256 === undefined ? [] : [`    sha256: ${text(sha256)}`]),
    `    origin: { ${from.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])).join(", ")} }${asked}`,
    ...(training.length === 0 ? [] : [`    training: { ${training.join(", ")} }`]),
    ...(known?.onDevice ? ["    on-device: true"] : []),
    ...(known?.tools ? ["    tools: true"] : []),
    ...(known?.untrustedContent ? ["    untrusted-content: true"] : []),
    ...(input === undefined ? [] : [`    input: ${inputWords(input)}`]),
    ...(classes === undefined ? [] : [`    classes: ${bracketed(classes.map(text))}`]),
    ...(head === undefined ? [] : [`    head: ${head}`]),
    ...(accuracy === undefined ? [] : [`    accuracy: { declared: ${accuracy.declared}, on: ${key(accuracy.on)} }`]),
    artefact?.found
      ? `    artefact: ${text(artefact.path)}`
      : `    # ${ask(`components.${id}.artefact`, `where is the model's file (artefact, input, classes, accuracy)? Without it nothing of it is attacked${artefact === undefined ? "" : `; the source says ${comment(artefact.path)}`}`, "none")}`,
  ];
}

const inputWords = ({ layout, range, scale, mean, std, integer }: InputContract): string =>
  `{ ${layout === undefined ? "" : `layout: ${layout}, `}range: [${range.join(", ")}], scale: ${scale}, mean: [${mean.join(", ")}], std: [${std.join(", ")}], integer: ${integer} }`;

function componentLines(
  { id, kind, title, note, version, holds, model, files = [], unsure, from }: DraftComponent,
  ask: Ask,
): string[] {
  const rest: readonly (readonly [string, string])[] = [
    ["title", text(called(title, id))],
    ...(version === undefined ? [] : [["version", text(version)] as const]),
    ...(note === undefined ? [] : [["note", text(note)] as const]),
    ...(holds.length === 0 ? [] : [["holds", list(holds)] as const]),
    ...(files.length === 0
      ? []
      : [
          [
            "files",
            bracketed(
              files.map(
                ({ path, sha256, role }) =>
                  `{ path: ${text(path)}${sha256 === undefined ? "" : `, sha256: ${text(sha256)}`}${role === undefined ? "" : `, role: ${role}`} }`,
              ),
            ),
          ] as const,
        ]),
  ];
  if (kind !== "model") {
    const remark = unsure
      ? `; ${ask(`components.${id}.kind`, "what kind of component is it? The source does not say clearly", kind)}`
      : "";
    return mapping(`  ${key(id)}:`, "    ", [["kind", kind], ...rest], `${comment(from)}${comment(remark)}`);
  }
  return [
    `  ${key(id)}:   # ${comment(from)}`,
    "    kind: model",
    ...rest.map(([name, value]) => `    ${name}: ${value}`),
    ...modelLines(id, model, ask),
  ];
}

function flowLines({ id, from, to, carries, over, encrypted, authenticated, signed, source }: DraftFlow): string[] {
  return mapping(
    "  -",
    "    ",
    [
      ["id", key(id)],
      ["from", key(from)],
      ["to", key(to)],
      ...(carries.length === 0 ? [] : [["carries", bracketed(carries.map(text))] as const]),
      ...(over === undefined ? [] : [["over", text(over)] as const]),
      ...(signed ? [["signed", "true"] as const] : []),
      ...(encrypted ? [["encrypted", "true"] as const] : []),
      ...(authenticated ? [["authenticated", "true"] as const] : []),
    ],
    comment(source),
  );
}
