/** The first screen: the outcome in a sentence, what carries it, what would change it, and what was not tried. */
import { ATTACK_CLASSES, type Assessment, type AttackClass } from "#assessment/index.ts";
import { figure, intervalText } from "#figures/words.ts";
import { markup, type Markup } from "#figures/markup.ts";
import { count, facts, fold, foldedList, list, prose, sentence, tag, words, type Tone } from "./parts.ts";

type Outcome = Assessment["body"]["outcome"];

export const CLASS_NAMES: Readonly<Record<AttackClass, string>> = {
  DP: "data poisoning",
  MP: "model poisoning",
  AE: "adversarial examples",
  CA: "confidentiality attacks",
  MF: "model flaws",
};
export const COVERAGE_TONE: Readonly<Record<Outcome["coverage"][number]["status"], Tone>> = {
  tried: "good",
  excluded: "mute",
  "not-tried": "warn",
};

export function outcomeSection({ body, run }: Assessment): Markup {
  const { outcome, system } = body;
  const coverage = ATTACK_CLASSES.flatMap((kind) => outcome.coverage.filter((item) => item.class === kind));
  return markup`<section class="first" aria-labelledby="outcome"><div class="outcome exit-${outcome.exit}">
<h2 id="outcome"><span class="label">Outcome</span> <span class="word">${outcome.outcome}</span></h2>
${outcome.byAnalogy ? markup`<p><strong>By analogy – not a legal conclusion:</strong> Art. 15 of the AI Act does not bind this system directly.</p>` : ""}
<p>${sentence(outcome.because)}${inWords(body)}</p>
${body.partial ? markup`<p>${tag("partial", "warn")} ${sentence(body.partial.reason)} Left untested, ${body.partial.untested.length} in all: ${body.partial.untested.join(", ")}.</p>` : ""}
<p class="classes"><span class="soft">Art. 15(5):</span> ${coverage.map(({ class: kind, status }) => markup`<span>${CLASS_NAMES[kind]} ${tag(status.replace("-", " "), COVERAGE_TONE[status])}</span> `)}</p>
</div>
<div class="columns">
<div class="card"><h3>What was not tried</h3>${notTried(outcome)}</div>
<div class="card"><h3>What carries the outcome</h3>${carriers(body)}</div>
<div class="card"><h3>What would change it most</h3>${changes(outcome)}</div>
</div>
<p><a href="#reasons">Every reason for this outcome (${outcome.reasons.length})</a></p>
${facts([
  [
    "System",
    `${count(system.components.length, "component")}, ${count(system.components.filter(({ kind }) => kind === "model").length, "model")}, ${count(system.boundaries.length, "boundary", "boundaries")}, stage: ${system.stage}`,
  ],
  ["Law", `${system.law.role}; listing ${system.law.listing}${appliesFrom(body)}`],
  ["Judged as of", body.asOf],
  ["Seed", markup`<code>${body.seed}</code>`],
  ["Left this machine", count(run.requestsOut, "request")],
])}
</section>`;
}

function appliesFrom({ claims }: Assessment["body"]): string {
  const dates = [...new Set(claims.flatMap((claim) => claim.appliesFrom ?? []))].toSorted();
  return dates.length === 0 ? "" : `; duties apply from ${dates.join(" and ")}`;
}

/** The same reason with the names people use, where it is about one risk. */
function inWords(body: Assessment["body"]): Markup {
  const risk = body.risks.find(({ id }) => body.outcome.because.startsWith(`${id}:`));
  if (!risk) return markup``;
  const name = words(body);
  return markup` <span class="soft">In words: ${name.threat(risk)}, by ${name.actor(risk.actor)}, harms ${risk.harm.replace("-", " ")} with a probability of ${intervalText(risk.current)} per year, and ${figure(risk.criterion.perYear)} is the most that would be acceptable.</span>`;
}

/** What shares a reason is said once. The classes are always named; a crowd of threats folds behind its number. */
function notTried({ notTried: items, coverage }: Outcome): Markup {
  const excluded = coverage.filter(({ status }) => status === "excluded");
  const classes = new Set<string>(Object.values(CLASS_NAMES));
  const groups = [...Map.groupBy(items, ({ because }) => because)];
  const names = (members: typeof items): Markup =>
    markup`${members.map(({ what }, i) => markup`${i > 0 ? ", " : ""}<strong>${what}</strong>`)}`;
  return markup`${items.length === 0 ? markup`<p>Nothing that applies was left untried.</p>` : ""}${list([
    ...groups.map(([because, members]) =>
      members.length <= 3 || members.some(({ what }) => classes.has(what))
        ? markup`${names(members)}: ${sentence(because)}`
        : markup`<strong>${members.length} threats</strong>: ${sentence(because)} ${fold("Which", markup`<p>${members.map(({ what }, i) => markup`${i > 0 ? ", " : ""}<a href="#threat-${what}">${what}</a>`)}</p>`)}`,
    ),
    ...excluded.map(
      ({ class: kind, because }) => markup`<strong>${CLASS_NAMES[kind]}</strong> set aside: ${sentence(because)}`,
    ),
  ])}`;
}

function carriers({ outcome, knowledge }: Assessment["body"]): Markup {
  const titles = new Map<string, string>(knowledge.controls.map(({ id, title }) => [id, title]));
  if (outcome.carriedBy.length > 0)
    return foldedList(
      outcome.carriedBy.map(
        ({ control, at, without, path }) =>
          markup`<strong>${control} ${titles.get(control) ?? ""} at ${at}</strong>: without ${outcome.outcome === "not feasible with mature measures" ? "what was measured of it" : "it"} the outcome is <em>${without}</em>${path ? markup`, by <code>${path}</code>` : ""}.`,
      ),
      3,
    );
  return markup`<p>No control: without those that earned credit it would be the same. It rests on:</p>${list(
    outcome.reasons.slice(0, 2).map((reason) => (reason.length <= 150 ? reason : `${reason.slice(0, 149).trimEnd()}…`)),
  )}`;
}

/** Steps that differ only in the place share a line; the engine's order (what narrows most first) is kept. */
function changes({ next }: Outcome): Markup {
  const lines = [
    ...Map.groupBy(next, ({ what, command }) => {
      const head = /^(.*?): .*?(@|$)/.exec(what);
      return JSON.stringify([head?.[2] === "@" ? what.slice(0, what.indexOf("@")) : (head?.[1] ?? what), command]);
    }).values(),
  ].map((steps) => {
    const { what, command } = steps[0]!;
    const places = steps.slice(1).map((step) => step.what.slice(step.what.indexOf(": ") + 2));
    const rest = places.map((each) => each.slice(each.indexOf("@") + (each.includes("@") ? 0 : 1)));
    return markup`${prose(what)}${rest.length > 0 ? `, ${(rest.length <= 3 ? rest : [...rest.slice(0, 2), `${rest.length - 2} more`]).join(", ")}` : ""}${command ? markup` – <code class="nowrap">${command}</code>` : ""}`;
  });
  return lines.length === 0 ? markup`<p>Nothing is left to narrow.</p>` : foldedList(lines, 3);
}
