/** One model under attack as one page: the figure with its interval and bracket, the doubts by name, and how to make it again. */
import type { AttackDocument, AttackTrial } from "#assessment/index.ts";
import { attackExit, hardest } from "#figures/attacked.ts";
import { budgetText, NORM_NAMES } from "#figures/charts.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { figure, percent, proportionText } from "#figures/words.ts";
import { htmlDocument } from "./document.ts";
import { count, facts, fold, list, prose, sentence, table, tag, type Tone } from "./parts.ts";
import { evasion, sanity } from "./proof.ts";

const EXPECTATION_TONE: Readonly<Record<NonNullable<AttackTrial["expectation"]>, Tone>> = {
  met: "good",
  missed: "bad",
  "not shown": "warn",
};

/** The whole document as UTF-8 text. */
export function attackReport(document: AttackDocument): string {
  const name = document.target.path.slice(document.target.path.lastIndexOf("/") + 1);
  const sections: readonly (readonly [id: string, short: string, title: string, body: Markup])[] = [
    ...document.trials.map(
      (trial, i) =>
        [
          `trial-${i}`,
          budgetName(trial),
          `Under attack: ${budgetName(trial)}`,
          trialSection(document, trial, i),
        ] as const,
    ),
    ...(document.smoothed
      ? ([["smoothed", "Smoothed", "The smoothed classifier", smoothedSection(document.smoothed)]] as const)
      : []),
    ["input", "Input", "How the data are read", inputSection(document)],
    ["clean", "Clean run", "Before any attack", cleanSection(document)],
    ["reproduce", "Reproduce", "Reproduce every figure", reproductionSection(document)],
  ];
  const page = markup`<body>
<a class="skip" href="#outcome">Skip to the result</a>
<header class="top"><h1>${name}</h1>
<p class="soft stamp">Vauban ${document.tool.version} · <code>${document.hash.slice(0, 16)}</code></p>
<p class="purpose">One model, attacked by itself. What follows says nothing about the system around it.</p>
<nav class="contents" aria-label="Contents"><ul><li><a href="#outcome">Result</a></li>${sections.map(([id, short]) => markup`<li><a href="#${id}">${short}</a></li>`)}</ul></nav></header>
<main>${firstSection(document)}
${sections.map(
  ([id, , title, body]) => markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>
`,
)}</main>
<footer><p>Every number stands beside its n, interval, seed and hash in <code>attack.json</code>, whose content has the SHA-256 <code>${document.hash}</code>.</p></footer>`;
  return htmlDocument(`${name} under attack – Vauban`, page);
}

const budgetName = ({ norm, eps }: AttackTrial): string => `${NORM_NAMES[norm]} ${budgetText(eps)}`;

function firstSection(document: AttackDocument): Markup {
  const { trials, target, data, run } = document;
  const doubts = trials.flatMap((trial) =>
    trial.sanity
      .filter(({ passed }) => !passed)
      .map(({ check, detail }) => markup`${budgetName(trial)} – not so: “${check}” – ${sentence(detail)}`),
  );
  return markup`<section class="first" aria-labelledby="outcome"><div class="outcome exit-${attackExit(document)}">
<h2 id="outcome"><span class="label">Result</span> <span class="word">${headline(document)}</span></h2>
${document.partial ? markup`<p>${tag("partial", "warn")} ${sentence(document.partial)}</p>` : ""}
${trials.map((trial) => markup`<p>${verdictLine(trial)}</p>`)}
</div>
<div class="columns">
<div class="card"><h3>Doubts</h3>${
    trials.length === 0
      ? markup`<p>${sentence(document.input.because)}</p>`
      : list([
          ...(document.input.stated
            ? []
            : [markup`The input was guessed, not stated: ${sentence(readingName(document))}`]),
          ...(doubts.length > 0
            ? doubts
            : [`every sanity check passed (${trials.map(({ sanity: checks }) => checks.length).join(" and ")})`]),
        ])
  }</div>
<div class="card"><h3>Between which bounds</h3>${list(trials.map(boundsLine))}</div>
<div class="card"><h3>What was not tried</h3>${list(document.notTried.map(prose))}</div>
</div>
${facts([
  [
    "Model",
    markup`${target.path} <code>${target.sha256.slice(0, 16)}</code>, ${figure(target.size / 1024)} KiB${target.outputs === null ? "" : `, ${count(target.outputs, "output")}`}`,
  ],
  [
    "Access",
    target.access === "white-box"
      ? "white box: gradients through the whole model"
      : target.access === null
        ? ""
        : `scores only${target.noGradient ? ` – no gradient: ${target.noGradient}` : ""}`,
  ],
  ["Data", markup`${data.path} <code>${data.sha256.slice(0, 16)}</code>, ${data.n} of ${data.of} inputs`],
  ["Left this machine", count(run.requestsOut, "request")],
])}
</section>`;
}

/** The largest budget in figures, or why there is none. */
function headline({ trials, input, partial }: AttackDocument): string {
  const first = hardest(trials);
  if (!first) return partial && input.because === "" ? "cancelled" : "inconclusive – nothing was attacked";
  if (first.k === null || first.n === null || first.n === 0) return "inconclusive";
  const words = `right for ${first.k} of ${first.n} (${percent(first.k / first.n)}) under ${budgetName(first)}`;
  return first.outcome === "measured" ? words : `inconclusive – ${words}`;
}

function verdictLine(trial: AttackTrial): Markup {
  const { k, n, low, high, expectation, expectationBecause, outcome, because } = trial;
  const figures =
    k === null || n === null
      ? "nothing to count"
      : `${proportionText({ k, n, low: low!, high: high!, unit: "input" })} still right`;
  return markup`<strong>${budgetName(trial)}</strong>: ${figures} ${expectation ? tag(`expectation ${expectation}`, EXPECTATION_TONE[expectation]) : ""} ${expectationBecause ? sentence(expectationBecause) : ""} ${
    outcome === "inconclusive" ? markup`${tag("inconclusive", "warn")} ${sentence(because ?? "")}` : ""
  }`;
}

function boundsLine(trial: AttackTrial): Markup {
  const { certified, empirical, undecided, because } = trial.bracket;
  if (!empirical || empirical.n === 0) return markup`${budgetName(trial)}: nothing was attacked.`;
  const below = certified ? `${percent(certified.k / certified.n)} certified` : "nothing certified";
  return markup`${budgetName(trial)}: between ${below} and ${percent(empirical.k / empirical.n)} by attack; ${count(undecided ?? 0, "input")} undecided.${because ? markup` <span class="soft">${sentence(because)}</span>` : ""}`;
}

function trialSection(document: AttackDocument, trial: AttackTrial, index: number): Markup {
  const status = trial.outcome === "measured" ? tag("measured", "good") : tag("inconclusive", "warn");
  const common: readonly (readonly [string, Markup | string])[] = [
    ["Profile", trial.budget.profile],
    ["Seed", markup`<code>${trial.seed}</code>`],
    ["Manifest", markup`<code>${trial.manifest.slice(0, 16)}</code>, hashed before the first query`],
  ];
  return markup`<div class="card"><p>${status} ${trial.because ? sentence(trial.because) : ""}</p>${
    trial.measure ? evasion(trial.measure, document.expect?.value, index, common) : ""
  }${sanity(trial)}${list(trial.notes.map((note) => markup`<span class="soft">${sentence(note)}</span>`))}</div>`;
}

function smoothedSection({
  sigma,
  choose,
  bound,
  alpha,
  abstained,
  radii,
  queries,
}: NonNullable<AttackDocument["smoothed"]>): Markup {
  return markup`<p>This section speaks of <strong>another classifier</strong>: one that asks the model ${bound} times under Gaussian noise of standard deviation ${sigma} of the range, says what the majority says, and may abstain. Its certificates (Cohen, Rosenfeld and Kolter 2019) hold for the deployed system only if that is what is deployed.</p>
${table(
  "Certified accuracy of the smoothed classifier",
  [
    { head: "L2 radius, of the range", cell: ({ radius }) => markup`${Number(radius.toPrecision(3))}`, number: true },
    { head: "Right and certified", cell: ({ certified }) => markup`${proportionText(certified)}` },
  ],
  radii,
)}
${facts([
  ["Abstains", proportionText(abstained)],
  [
    "Draws",
    `${choose} to choose the class, ${bound} to bound its probability; one certificate in ${Math.round(1 / alpha)} may be wrong`,
  ],
  ["Queries", figure(queries)],
])}`;
}

const readingName = ({ input: { readings } }: AttackDocument): string => {
  const chosen = readings.find((reading) => reading.chosen);
  return chosen
    ? `“${chosen.name}”, right for ${percent(chosen.accuracy.k / Math.max(1, chosen.accuracy.n))}`
    : "none fits";
};

function inputSection({ input }: AttackDocument): Markup {
  const { contract, readings } = input;
  return markup`<p>${prose(sentence(input.because))}</p>
${
  contract
    ? facts([
        [
          "Range of raw values",
          `${figure(contract.range[0])} to ${figure(contract.range[1])}; budgets are fractions of it`,
        ],
        [
          "The model takes",
          `(raw · ${figure(contract.scale)} − mean ${contract.mean.join(", ") || "0"}) / std ${contract.std.join(", ") || "1"}`,
        ],
        ["Order of axes", contract.layout ?? "from the shapes"],
        ["Values that can be sent", contract.integer ? "whole numbers" : "any number in the range"],
      ])
    : ""
}
${table(
  "Ways to read the data, and how often the model is right",
  [
    { head: "Reading", cell: ({ name }) => name },
    { head: "Right", cell: ({ accuracy }) => proportionText(accuracy) },
    { head: "", cell: ({ chosen }) => (chosen ? tag("used", "good") : "") },
  ],
  readings,
)}`;
}

function cleanSection({ clean }: AttackDocument): Markup {
  if (!clean) return markup`<p class="soft">It was not reached.</p>`;
  return markup`<p>Right for <strong>${proportionText(clean.accuracy)}</strong> as the data are. Inputs that are wrong before an attack count as wrong under it.</p>
${fold(
  `By class (${clean.perClass.length})`,
  table(
    "By class",
    [
      { head: "Class", cell: ({ label }) => label },
      { head: "Right", cell: ({ correct, n }) => `${correct} of ${n}` },
    ],
    clean.perClass,
  ),
)}`;
}

function reproductionSection({ command, trials, run }: AttackDocument): Markup {
  return markup`<p>The same version, processor kind and thread count give the same hashes; elsewhere the verdicts agree within the stated intervals.</p>
<pre tabindex="0">${command}</pre>
${facts([
  [
    "Ran",
    `${run.started}, ${run.seconds.toFixed(1)} s on ${run.platform}, ${run.workers} workers, onnxruntime ${run.runtime}`,
  ],
  ["Taken from earlier runs", run.reused.length === 0 ? "nothing" : run.reused.join(", ")],
  ...trials.map(
    (trial) =>
      [
        `${budgetName(trial)}`,
        markup`seed <code>${trial.seed}</code>, key <code>${trial.key.slice(0, 16)}</code>`,
      ] as const,
  ),
])}`;
}
