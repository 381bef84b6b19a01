/** The file `vauban init` writes: commented, in the shape of the system, and it already assesses. */
import type { Found, FoundDataset, FoundModel, FoundPart } from "./found.ts";

export const STARTER_KINDS = ["vision", "tabular", "forecasting", "assistant"] as const;
export type StarterKind = (typeof STARTER_KINDS)[number];

/** What `init` asks; every answer may be left open. */
export interface StarterAnswers {
  readonly name?: string;
  readonly purpose?: string;
  readonly role?: "advisory" | "decisive" | "safety-function";
  readonly listing?: string;
  readonly sector?: string;
  readonly stage?: string;
}

export interface StarterQuestion {
  readonly key: keyof StarterAnswers;
  readonly question: string;
  /** Shown in grey, and taken when nothing is typed. */
  readonly otherwise: (kind: StarterKind) => string;
  readonly choices?: readonly string[];
}

/** The six questions, in order. Sectors come from the knowledge the caller has. */
export const STARTER_QUESTIONS: readonly StarterQuestion[] = [
  { key: "name", question: "What is the system called?", otherwise: (kind) => TEMPLATES[kind].name },
  {
    key: "purpose",
    question: "What is it for, on whom or what, and who decides?",
    otherwise: (kind) => TEMPLATES[kind].purpose,
  },
  {
    key: "role",
    question: "Does the model advise a person, decide by itself, or keep something safe?",
    otherwise: (kind) => TEMPLATES[kind].role,
    choices: ["advisory", "decisive", "safety-function"],
  },
  {
    key: "listing",
    question: "Which listing of the AI Act makes it high-risk (annex-III.1 … 8, annex-I.1 … 12, annex-I.B)?",
    otherwise: (kind) => TEMPLATES[kind].listing,
  },
  { key: "sector", question: "Which sector's criteria are the start?", otherwise: () => "general" },
  {
    key: "stage",
    question: "Which stage of its life is it in?",
    otherwise: () => "design",
    choices: ["design", "development", "verification", "deployment", "operation", "retirement"],
  },
];

interface Template {
  readonly name: string;
  readonly purpose: string;
  readonly role: string;
  readonly listing: string;
  readonly environment: "virtual" | "physical" | "both";
  readonly misuse: string;
  /** Components around the models, each with the comment behind it. */
  readonly components: readonly (readonly [id: string, body: string, comment?: string])[];
  readonly boundaries: readonly string[];
  /** Flows; `MODEL` stands for each model in turn. */
  readonly flows: readonly (readonly [flow: string, comment?: string])[];
  readonly actors: readonly string[];
  readonly assets: readonly string[];
  readonly level: string;
  readonly input: (model: FoundModel, range: readonly [number, number] | undefined) => string;
  readonly task: string;
  readonly modelExtras: readonly string[];
  readonly tests: (model: string, data: string) => readonly string[];
}

const START_REASON = "starting value of vauban init, not yet argued for this purpose";

const evasionTest = (eps: string, what: string) => (model: string, data: string) =>
  `  - { evasion: ${model}, norm: linf, eps: ${eps}, data: ${data}, robust-accuracy: ">= 0.60", because: ${text(`${START_REASON} (${what})`)} }`;

const corruptionTest = (model: string, data: string): string =>
  `  - { corruption: ${model}, data: ${data}, accuracy: ">= 0.70", because: ${text(START_REASON)} }`;

const rangeText = ([low, high]: readonly [number, number]): string => `[${low}, ${high}]`;

const TEMPLATES: Readonly<Record<StarterKind, Template>> = {
  vision: {
    name: "Picture reader",
    purpose: "Recognises what a picture shows and tells a person, who decides.",
    role: "advisory",
    listing: "annex-III.2",
    environment: "physical",
    misuse: "Acting on the answer without a look at the picture.",
    components: [
      ["camera", "{ kind: sensor, title: Camera }", "what stands in front of it is input as well"],
      ["store", "{ kind: database, title: Picture store, holds: [pictures] }"],
      ["prep", "{ kind: preprocessing, title: Resize and scale }"],
      ["result", "{ kind: interface, title: Result screen }"],
      ["operator", "{ kind: human, title: The person who decides }"],
      ["server", "{ kind: compute, title: Machine the model runs on }"],
      ["supplier", "{ kind: external, title: Who delivers new versions }"],
    ],
    boundaries: ["  site: [camera]", "  server-room: [store, prep, MODELS, result, server]"],
    flows: [
      ["camera -> store -> prep -> MODEL -> result -> operator", "the way of a picture"],
      ["{ from: supplier, to: server, carries: weights }", "signed: true, where a signature is checked before use"],
      ["{ from: server, to: MODEL, carries: weights }"],
    ],
    actors: [
      "  passer-by: { profile: AT-4, touches: [camera] }        # whoever can stand in front of the lens",
      "  insider:   { profile: AT-7, touches: [store] }",
      "  gang:      { profile: AT-9 }",
    ],
    assets: [
      "  pictures: { security: M, privacy: M, personal: false }   # personal: true where people can be recognised",
      "  weights:  { security: M, privacy: L }",
    ],
    level: "deep",
    input: (model, range) => {
      const [, ...sizes] = model.inputShape ?? [];
      const last = sizes.at(-1);
      const layout =
        sizes.length === 2 ? "NHW" : sizes.length === 3 ? (last === 1 || last === 3 ? "NHWC" : "NCHW") : undefined;
      return `{ ${layout ? `layout: ${layout}, ` : ""}range: ${rangeText(range ?? [0, 255])}${range && range[1] <= 1 ? "" : `, scale: 1/${range?.[1] ?? 255}`} }`;
    },
    task: "classification",
    modelExtras: [],
    tests: (model, data) => [
      evasionTest("4/255", "a change of 4 of 255 grey levels is hardly seen")(model, data),
      `  # - { patch: ${model}, area: 0.05, data: ${data}, success-rate: "<= 0.05", because: what a sticker may achieve }`,
      corruptionTest(model, data),
    ],
  },
  tabular: {
    name: "Case scorer",
    purpose: "Scores applications from their form data and proposes a decision to a clerk, who decides.",
    role: "advisory",
    listing: "annex-III.5b",
    environment: "virtual",
    misuse: "Turning applications down by the score alone.",
    components: [
      ["portal", "{ kind: interface, title: Application form }", "applicants write here"],
      ["records", "{ kind: database, title: Case records, holds: [cases] }"],
      ["features", "{ kind: preprocessing, title: Feature preparation }"],
      ["result", "{ kind: interface, title: Clerk's screen }"],
      ["clerk", "{ kind: human, title: The person who decides }"],
      ["server", "{ kind: compute, title: Machine the model runs on }"],
      ["bureau", "{ kind: external, title: Supplier of outside data }"],
    ],
    boundaries: ["  public: [portal]", "  office: [records, features, MODELS, result, server]"],
    flows: [
      ["portal -> records -> features -> MODEL -> result -> clerk", "the way of a case"],
      ["{ from: bureau, to: features, carries: outside scores }"],
      ["{ from: server, to: MODEL, carries: weights }"],
    ],
    actors: [
      "  applicant: { profile: AT-3, touches: [portal] }        # writes part of the input",
      "  insider:   { profile: AT-7, touches: [records] }",
      "  gang:      { profile: AT-9 }",
    ],
    assets: ["  cases:   { security: H, privacy: H, personal: true }", "  weights: { security: M, privacy: M }"],
    level: "traditional",
    input: (_model, range) => `{ layout: NF, range: ${rangeText(range ?? [0, 1])} }`,
    task: "classification",
    modelExtras: [],
    tests: (model, data) => [evasionTest("0.02", "two per cent of each feature's range")(model, data)],
  },
  forecasting: {
    name: "Demand forecast",
    purpose: "Forecasts demand for the next day so that trained operators can plan; operators decide.",
    role: "advisory",
    listing: "annex-III.2",
    environment: "both",
    misuse: "Letting set-points follow the forecast without an operator.",
    components: [
      ["meters", "{ kind: sensor, title: Meters }", "whoever owns a meter can move what it says"],
      ["weather", "{ kind: external, title: Weather service }"],
      ["history", "{ kind: database, title: Measured history, holds: [readings] }"],
      ["features", "{ kind: preprocessing, title: Cleaning and features }"],
      ["plan", "{ kind: interface, title: Planning screen }"],
      ["operator", "{ kind: human, title: The person who decides }"],
      ["retraining", "{ kind: compute, title: Retraining job }"],
      ["monitor", "{ kind: monitoring, title: Forecast error watch }"],
    ],
    boundaries: ["  field: [meters]", "  control-room: [history, features, MODELS, plan, retraining, monitor]"],
    flows: [
      ["meters -> history -> features -> MODEL -> plan -> operator", "the way of a reading"],
      ["{ from: weather, to: features, carries: weather forecast }"],
      ["history -> retraining", "what is measured today trains tomorrow's model"],
      ["{ from: retraining, to: MODEL, carries: weights }"],
      ["MODEL -> monitor"],
    ],
    actors: [
      "  customers: { profile: AT-3, touches: [meters] }",
      "  supplier:  { profile: AT-5, touches: [weather] }",
      "  insider:   { profile: AT-7, touches: [retraining] }",
      "  state:     { profile: AT-10 }",
    ],
    assets: [
      "  readings: { security: H, privacy: M, personal: true }    # habits of households can be read from meters",
      "  weights:  { security: M, privacy: L }",
    ],
    level: "deep",
    input: (model, range) =>
      `{ layout: ${(model.inputShape?.length ?? 3) === 2 ? "NF" : "NTF"}, range: ${rangeText(range ?? [0, 1])} }`,
    task: "forecasting",
    modelExtras: ["    training: { continual: true }          # false where it is not retrained in operation"],
    tests: () => [],
  },
  assistant: {
    name: "Assistant",
    purpose: "Answers staff's questions from internal documents and drafts replies; a person sends them.",
    role: "advisory",
    listing: "annex-III.4a",
    environment: "virtual",
    misuse: "Sending drafts unread.",
    components: [
      ["chat", "{ kind: interface, title: Chat window }"],
      [
        "uploads",
        "{ kind: interface, title: Uploads and mail }",
        "outsiders write here: text in it is data, and may carry orders",
      ],
      ["parser", "{ kind: preprocessing, title: Text extraction }"],
      ["knowledge", "{ kind: database, title: Document index, holds: [documents] }"],
      ["prompt", "{ kind: preprocessing, title: Prompt builder }"],
      ["tools", "{ kind: interface, title: Tools the model can call }"],
      ["logs", "{ kind: monitoring, title: Conversation log }"],
      ["user", "{ kind: human, title: Member of staff }"],
      ["outsider", "{ kind: external, title: Whoever writes to us }"],
    ],
    boundaries: [
      "  public: [uploads]",
      "  company: [chat, parser, knowledge, prompt, tools, logs]",
      "  model-vendor: [MODELS]",
    ],
    flows: [
      ["user <-> chat"],
      ["chat -> prompt -> MODEL -> chat", "question and answer"],
      ["outsider -> uploads -> parser -> knowledge -> prompt", "the way of somebody else's text into the prompt"],
      ["MODEL -> tools", "what the model may do, not only say"],
      ["{ from: prompt, to: logs, carries: conversations }"],
    ],
    actors: [
      "  writer:  { profile: AT-3, touches: [uploads] }         # whoever writes what the model will read",
      "  staff:   { profile: AT-2, touches: [chat] }",
      "  vendor:  { profile: AT-6 }",
      "  insider: { profile: AT-7, touches: [knowledge] }",
    ],
    assets: [
      "  documents:     { security: H, privacy: H, personal: true }",
      "  conversations: { security: M, privacy: H, personal: true }",
    ],
    level: "large-scale",
    input: () => "",
    task: "generation",
    modelExtras: [
      "    tools: true                             # false where it only answers",
      "    untrusted-content: true                 # it reads text that outsiders write",
      "    origin: { trained-by: third-party }",
    ],
    tests: () => [],
  },
};

/** Words as YAML text, whatever is in them. */
const text = (words: string): string => JSON.stringify(words.toWellFormed());
/** An answer that should be one of a few words, so that it cannot be anything but a value. */
const word = (answer: string): string => (/^[A-Za-z0-9.-]+$/.test(answer) ? answer : text(answer));
/** A path as YAML: plain where it is plain. */
const pathText = (path: string): string => (/^[A-Za-z0-9_][A-Za-z0-9_./-]*$/.test(path) ? path : text(path));

/** An id made of a file's name; `taken` ones get the noun in front, then a number. */
function idFor(path: string, noun: string, taken: Set<string>): string {
  const name = path.replace(/\/+$/, "").slice(path.replace(/\/+$/, "").lastIndexOf("/") + 1);
  const slug =
    name
      .replace(/(\.gz)?$/, "")
      .replace(/\.[A-Za-z0-9]{1,11}$/, "")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 40)
      .replace(/-+$/, "") || noun;
  // A number or one of YAML's own words would not be read as text.
  const start = /^[a-z]/.test(slug) && !/^(null|true|false)$/.test(slug) ? slug : `${noun}-${slug}`;
  for (let n = 1; ; n++) {
    const id = n === 1 ? start : n === 2 ? `${noun}-${start}` : `${noun}-${start}-${n - 1}`;
    if (!taken.has(id)) {
      taken.add(id);
      return id;
    }
  }
}

/**
 * The text of a starting system file of one kind. Models and data found become components and datasets; what was not answered
 * stands there as a start, with a comment that says so. `readSystem` takes the result without an error.
 */
export function starter(kind: StarterKind, found: Found, answers: StarterAnswers = {}): string {
  const template = TEMPLATES[kind];
  const role = word(answers.role ?? template.role);
  const taken = new Set([
    ...template.components.map(([id]) => id),
    ...template.boundaries.map((line) => line.trim().split(":")[0]!),
    // Assets and datasets share names, and a dataset of an asset's name would be refused.
    ...template.assets.map((line) => line.trim().split(":")[0]!),
  ]);
  const models: readonly (readonly [id: string, model: FoundModel | undefined])[] =
    found.models.length > 0
      ? found.models.map((model) => [idFor(model.path, "model", taken), model])
      : [[idFor("model", "model", taken), undefined]];
  const datasets = found.datasets.map((dataset) => [idFor(dataset.path, "data", taken), dataset] as const);
  const evaluation = datasets.find(([, { role: use }]) => use === "test");
  const range = evaluation?.[1].range;

  const lines: string[] = [
    "# yaml-language-server: $schema=./.vauban/schema.json",
    "# A system file of vauban: what the system is for, what it is made of, who could touch it, and what is tried.",
    "# `vauban validate` checks it, `vauban assess` runs it. What stands here as a start is marked (start): argue or change it.",
    "vauban: 1",
    "",
    "system:",
    `  name: ${text(answers.name?.trim() || template.name)}`,
    `  purpose: ${text(answers.purpose?.trim() || template.purpose)}${answers.purpose?.trim() ? "" : "   # (start)"}`,
    "  excluded: []                              # uses and people it is not meant for",
    `  misuse: [${text(template.misuse)}]        # (start) foreseeable misuse`,
    `  environment: ${template.environment}      # virtual | physical | both`,
    "",
    "# The legal context. Until you have looked, high-risk is assumed; `listing: none` needs `reasoning:` (Art. 6(4)).",
    `law: { role: provider, listing: ${word(answers.listing?.trim() || template.listing)} }${answers.listing?.trim() ? "" : "   # (start)"}`,
    `stage: ${word(answers.stage?.trim() || "design")}           # design | development | verification | deployment | operation | retirement`,
    `sector: ${word(answers.sector?.trim() || "general")}           # brings the starting criteria; loosening one needs a named acceptor`,
    "",
    "# Who might attack: a profile (`vauban explain AT-4`) and what it can touch here.",
    "# One actor with a foothold inside the innermost zone is always added.",
    "actors:",
    ...template.actors,
    "",
    "# What separates zones of trust. A component outside all of them stands where anyone may be.",
    "boundaries:",
    ...template.boundaries.map((line) => line.replace("MODELS", models.map(([id]) => id).join(", "))),
    "",
    "# Everything the system is made of. Kinds: model, interface, sensor, database, network, compute, preprocessing, monitoring,",
    "# actuator, human, external. `usual:` answers the ways in that such a thing usually has; unanswered, they count as existing:",
    "#   usual: { update: signed package every month, remote-maintenance: supplier's VPN, backup: tape, import-media: none }",
    "# and `none` is only believed with a verified control on every crossing.",
    "components:",
    ...template.components.map(([id, body, comment]) => `  ${id}: ${body}${comment ? `   # ${comment}` : ""}`),
    ...models.flatMap(([id, model]) =>
      modelLines(id, model, template, role, range, evaluation?.[1].shape, evaluation?.[0], partsOf(model, found)),
    ),
    ...passedOverLines(found),
    "",
    "# What goes where. Short: a -> b -> c. Long: { from: a, to: b, carries: …, over: …, signed: true, encrypted: true }.",
    "flows:",
    ...template.flows.flatMap(([flow, comment]) =>
      (flow.includes("MODEL") ? models.map(([id]) => flow.replaceAll("MODEL", id)) : [flow]).map(
        (written, index) => `  - ${written}${comment && index === 0 ? `   # ${comment}` : ""}`,
      ),
    ),
    "",
    "# What is worth protecting; security and privacy are valued apart: VL, L, M, H, VH.",
    "assets:",
    ...template.assets,
    "",
    "# Data the system is made with, tried with, and runs on. Say where each comes from: provenance: { source: …, collected: … }.",
    ...(datasets.length > 0
      ? ["datasets:", ...datasets.map(([id, dataset]) => `  ${id}: ${datasetText(dataset)}`)]
      : ["# datasets:", "#   test: { path: data/test.npz, role: test }"]),
    "",
    "# Controls in place, each with how that is known: measured or verified (evidence file, date) earn credit, declared is shown.",
    "# controls:",
    "#   - { control: C-92, at: store, verified: evidence/one-flipped-byte.json, date: 2026-10-01 }",
    "",
    ...testLines(template, models, evaluation?.[0]),
    "",
    "# What follows for people when the output is wrong or missing, data is disclosed, or the system is altered. The sector's own",
    "# severities count where nothing stands here.",
    "# harms:",
    "#   wrong-output: { health: { severity: H, because: … } }",
    "",
    "# Who has looked at this description.",
    "# reviewers:",
    "#   - { name: …, role: …, independent: true, date: 2026-10-01 }",
    "",
  ];
  return lines.join("\n");
}

function modelLines(
  id: string,
  model: FoundModel | undefined,
  template: Template,
  role: string,
  range: readonly [number, number] | undefined,
  shape: readonly number[] | undefined,
  evaluation: string | undefined,
  parts: readonly FoundPart[],
): string[] {
  const classes = template.task === "classification" && model?.outputs !== undefined && model.outputs >= 2;
  const input =
    model === undefined ? "" : template.input(shape ? { ...model, inputShape: [null, ...shape] } : model, range);
  const looked = range !== undefined;
  return [
    `  ${id}:`,
    "    kind: model",
    `    level: ${template.level}                           # symbolic | traditional | deep | large-scale`,
    `    role: ${role}                       # advisory | decisive | safety-function`,
    `    task: ${template.task}`,
    ...(model
      ? [`    artefact: ${pathText(model.path)}`]
      : template.level === "large-scale"
        ? [
            "    # artefact: model/….gguf                # a hosted model has none: it is tried through imported evidence only",
          ]
        : [
            "    # artefact: model/….onnx                # no model file was found; without one nothing can be attacked",
          ]),
    ...(parts.length > 0
      ? [
          "    files:                                  # (start) models by their content, which no ending gave away; scanned with it",
          ...parts.map(({ path, what }) => `      - ${pathText(path)}   # ${what}`),
        ]
      : []),
    ...(input
      ? [
          `    input: ${input}   # ${looked ? "(start) guessed from the data" : "(start)"}: what raw values mean to the network, (value·scale − mean)/std`,
        ]
      : []),
    ...(classes
      ? [`    classes: ${model.outputs}                              # or their names, in the order of the outputs`]
      : template.task === "classification"
        ? ["    # classes: [one, another]               # names in the order of the outputs"]
        : []),
    ...(template.task === "classification"
      ? [
          `    # accuracy: { declared: 0.94, on: ${evaluation ?? "data/test.npz"} }   # the clean run checks it before anything is attacked`,
        ]
      : []),
    ...template.modelExtras,
  ];
}

/** The parts that go with a model: those nearest to it by folder; all of them where there is but one model or none. */
function partsOf(model: FoundModel | undefined, { models, parts = [] }: Found): readonly FoundPart[] {
  const folder = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
  const owner = ({ path }: FoundPart): FoundModel | undefined =>
    models.find((each) => folder(each.path) === folder(path)) ?? models[0];
  return parts.filter((part) => owner(part)?.path === model?.path);
}

/** As many names as a reader goes through. */
const PASSED_OVER_SHOWN = 20;

function passedOverLines({ passedOver = [] }: Found): string[] {
  if (passedOver.length === 0) return [];
  return [
    "# Not taken, and so not scanned by `vauban assess`:",
    ...passedOver.slice(0, PASSED_OVER_SHOWN).map(({ path, because }) => `#   ${pathText(path)}: ${because}`),
    ...(passedOver.length > PASSED_OVER_SHOWN ? [`#   and ${passedOver.length - PASSED_OVER_SHOWN} more`] : []),
  ];
}

const datasetText = ({ path, labels, role }: FoundDataset): string =>
  `{ path: ${pathText(path)}, ${labels ? `labels: ${pathText(labels)}, ` : ""}role: ${role} }`;

function testLines(
  template: Template,
  models: readonly (readonly [id: string, model: FoundModel | undefined])[],
  data: string | undefined,
): string[] {
  const attackable = models.filter(([, model]) => model && /\.onnx$/i.test(model.path));
  const tests = data === undefined ? [] : attackable.flatMap(([id]) => template.tests(id, data));
  if (tests.length > 0)
    return [
      "# What is tried, with thresholds fixed before the run, each with its reason. eps is a fraction of the range: 4/255, or {raw: 4}.",
      "tests:",
      ...tests,
    ];
  return [
    "# What is tried, with thresholds fixed before the run, each with its reason. Nothing is tried yet, so everything stays untested.",
    "# tests:",
    '#   - { evasion: …, norm: linf, eps: 4/255, data: data/test.npz, robust-accuracy: ">= 0.60", because: … }',
  ];
}
