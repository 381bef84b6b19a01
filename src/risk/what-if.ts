/**
 * What if a control stood here, proven at its best – or were gone? Gives the system and its evidence as they would be then, to be
 * rated like any other. Nothing is concluded from it: what is assumed bears the mark `what-if:` and no assessment keeps it.
 *
 * | asked | assumed |
 * |---|---|
 * | `--with`, proven, prevents at or above the interface | its denial test held: it closes what its verified closure would |
 * | `--with`, proven, closes nothing (detects, responds, people) | a credited layer; no way closes and no figure falls |
 * | `--with`, model-level, or not proven | nothing: only an adaptive measurement would show an effect, so none may be assumed |
 * | `--with`, broken | nothing, ever |
 * | `--with`, already credited there | nothing: what was shown counts, and no more than that |
 * | `--without` | its entries and what was brought for them are gone |
 *
 * A control holds whom its own evidence names; where there is none, whom it holds is left to the reach, which never lets an
 * unnamed control keep off an actor who touches the place. Our own method (mark I).
 */
import { nearest } from "#base/diagnostics.ts";
import { ATTEMPTS_MIN } from "#assessment/evidence.ts";
import { USUAL_FLOWS } from "#assessment/system.ts";
import type { Control, DeclaredControl, Evidence, Knowledge, RiskDocument, System, Trial } from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";
import { creditControls } from "./credit.ts";
import { HYPOTHETICAL } from "./hypothetical.ts";
import { unknownControl } from "./unknown-control.ts";

/** One control added or taken away; a place is needed to add one. */
export interface Change {
  readonly change: "with" | "without";
  readonly control: string;
  readonly at?: string;
}

/** What one change came to. */
export type Assumed = RiskDocument["whatIf"][number];

export interface Problem {
  readonly message: string;
  readonly hint: string;
}

export interface WhatIfInput {
  readonly system: System;
  readonly evidence: readonly Evidence[];
  readonly trials: readonly Trial[];
  readonly knowledge: Knowledge;
  /** The day the hypothesis is dated, YYYY-MM-DD. */
  readonly asOf: string;
  readonly changes: readonly Change[];
}

/** The same nouns as before, changed: rate them. Trials go with a control that was measured by them. */
export interface WhatIf {
  readonly system: System;
  readonly evidence: readonly Evidence[];
  readonly trials: readonly Trial[];
  readonly assumed: readonly Assumed[];
}

export type WhatIfResult =
  | ({ readonly status: "asked" } & WhatIf)
  | { readonly status: "refused"; readonly problems: readonly Problem[] };

/** `C-54@api`, or `C-30` alone to take it away wherever it stands. */
export function parseChange(change: Change["change"], text: string): Change | Problem {
  const [, control, at] = /^(C-\d{2})(?:@(.+))?$/i.exec(text.trim()) ?? [];
  if (!control)
    return {
      message: `--${change} ${text} is no control of the catalogue`,
      hint:
        change === "with"
          ? "write it as C-54@api: C- and two digits, @, and the place"
          : "write it as C-54, or C-54@api for one place: C- and two digits, @, and the place",
    };
  if (change === "with" && at === undefined)
    return {
      message: `--with ${text} does not say where it would stand`,
      hint: `write ${control.toUpperCase()}@ and a component, a flow or a boundary of the system`,
    };
  return { change, control: control.toUpperCase(), ...(at === undefined ? {} : { at }) };
}

export const isProblem = (parsed: Change | Problem): parsed is Problem => "message" in parsed;

/** The system as it would be; all that is wrong with the question at once where it cannot be asked. Changes apply in order. */
export function whatIf(input: WhatIfInput): WhatIfResult {
  const problems = input.changes.flatMap((change) => problemOf(change, input) ?? []);
  if (problems.length > 0) return { status: "refused", problems };
  let now: WhatIf = { system: input.system, evidence: input.evidence, trials: input.trials, assumed: [] };
  for (const change of input.changes)
    now = change.change === "with" ? added(change, now, input) : takenAway(change, now, input);
  return { status: "asked", ...now };
}

function problemOf({ change, control, at }: Change, { system, knowledge }: WhatIfInput): Problem | undefined {
  const standing = system.controls.filter((entry) => entry.control === control);
  if (change === "without") {
    const places = [...new Set(standing.map((entry) => entry.at))];
    if (places.length === 0)
      return {
        message: `--without ${control}: it stands nowhere in this system`,
        hint: `controls of the system: ${[...new Set(system.controls.map((entry) => entry.control))].toSorted().join(", ") || "none"}`,
      };
    if (at !== undefined && !places.includes(at))
      return {
        message: `--without ${control}@${at}: it does not stand there`,
        hint: `it stands at ${places.join(", ")}`,
      };
    return undefined;
  }
  if (!knowledge.controls.some(({ id }) => id === control))
    return unknownControl(`--with ${control}@${at}`, control, knowledge.controls);
  const places = placesOf(system);
  if (at !== undefined && !places.includes(at)) {
    const meant = nearest(at, places);
    return {
      message: `--with ${control}@${at}: the system has no place called "${at}"`,
      hint: meant ? `did you mean ${meant}?` : "name a component, a flow (a->b) or a boundary of the system",
    };
  }
  return undefined;
}

/** Wherever a system file lets a control stand. */
const placesOf = ({ components, flows, boundaries }: System): string[] => [
  ...[...components, ...flows, ...boundaries].map(({ id }) => id),
  ...components.flatMap(({ id }) => USUAL_FLOWS.map((flow) => `usual:${flow}@${id}`)),
];

function takenAway({ control, at }: Change, now: WhatIf, { knowledge }: WhatIfInput): WhatIf {
  const goes = (entry: { control?: string; at?: string }): boolean =>
    entry.control === control && (at === undefined || (entry.at ?? at) === at);
  const gone = now.system.controls.filter(goes);
  const lost = now.evidence.filter(goes);
  // A trial of the control itself goes with it: without evidence it would be read as one that was planned and did not come about.
  const left = new Set(now.evidence.filter((item) => !goes(item)).map(({ trial }) => trial));
  const trialsLost = new Set(lost.flatMap(({ trial }) => (trial !== undefined && !left.has(trial) ? [trial] : [])));
  const credits = creditControls({ ...now, knowledge });
  return {
    system: { ...now.system, controls: now.system.controls.filter((entry) => !goes(entry)) },
    evidence: now.evidence.filter((item) => !goes(item)),
    trials: now.trials.filter(({ id }) => !trialsLost.has(id)),
    assumed: [
      ...now.assumed,
      ...[...new Set(gone.map((entry) => entry.at))].map((place): Assumed => {
        const credited = credits.some((credit) => credit.credited && credit.control === control && credit.at === place);
        return {
          change: "without",
          control,
          at: place,
          title: titleOf(control, knowledge),
          effect: "gone",
          closes: [],
          says: credited
            ? `${control} at ${place} is taken away, with what was brought for it`
            : `${control} at ${place} is taken away; it had earned no credit, so no figure depends on it`,
          caveats: [],
        };
      }),
    ],
  };
}

const titleOf = (id: string, { controls }: Knowledge): string =>
  controls.find((control) => control.id === id)?.title ?? id;

function added(change: Change, now: WhatIf, { knowledge, asOf }: WhatIfInput): WhatIf {
  const control = knowledge.controls.find(({ id }) => id === change.control)!;
  const at = change.at!;
  const here = (entry: { control?: string; at?: string }): boolean =>
    entry.control === control.id && (entry.at ?? at) === at;
  const ceiling = ceilingOf(control);
  const say = (effect: Assumed["effect"], says: string, closes: readonly string[] = []): Assumed => ({
    change: "with",
    control: control.id,
    at,
    title: control.title,
    effect,
    closes,
    says,
    ...(ceiling === undefined ? {} : { ceiling }),
    caveats: caveatsOf(control, at, now.system),
  });

  if (creditControls({ ...now, knowledge }).some((credit) => credit.credited && here(credit)))
    return unchanged(now, say("unchanged", `${control.id} already stands at ${at} with credit: what was shown counts`));
  const refusal = noEffectOf(control);
  if (refusal) return unchanged(now, say("none", `${control.id} at ${at}: ${refusal}`));

  const id = `${HYPOTHETICAL}${control.id}@${at}`;
  const entry: DeclaredControl = {
    id,
    control: control.id,
    at,
    kind: "verified",
    evidence: id,
    date: asOf,
    note: "hypothetical: asked by what-if",
    where: now.system.where,
  };
  // One failed or stale item would outweigh the assumption, so what is there now makes room – but whom it holds stays said.
  const before = now.evidence.filter(here);
  const binds = before.flatMap((item) => (item.binds ? [item.binds] : []));
  const evidence: Evidence = {
    id,
    kind: "verified",
    grade: "E",
    title: `Hypothetical: ${control.title} at ${at}, as if its denial test had held`,
    tests: [],
    at,
    control: control.id,
    ...(binds.length > 0 ? { binds: binds.reduce((a, b) => a.filter((actor) => b.includes(actor))) } : {}),
    outcome: {
      status: "measured",
      measure: {
        kind: "statement",
        successes: { k: 0, n: ATTEMPTS_MIN, unit: "attempt", ...clopperPearson(0, ATTEMPTS_MIN) },
        method: "none: what-if",
        adaptive: false,
      },
    },
    sanity: [],
    adaptive: false,
    tool: { name: "vauban what-if", version: "hypothetical" },
    inputs: [],
    date: asOf,
    standing: { status: "current" },
    source: id,
    signature: "verified",
    notes: ["hypothetical: nothing of this was tried"],
  };
  const next: WhatIf = {
    system: { ...now.system, controls: [...now.system.controls.filter((other) => !here(other)), entry] },
    evidence: [...now.evidence.filter((item) => !here(item)), evidence],
    trials: now.trials,
    assumed: now.assumed,
  };
  const closure = creditControls({ ...next, knowledge }).find((credit) => credit.entry.id === id)?.closure;
  const effect = closure
    ? say(
        "closes",
        `assumes that ${control.id} at ${at} is verified: it closes ${closure.threats.includes("all") ? "the way in" : "the ways there"} for ${threatsText(closure.threats)}${closure.binds ? `, for ${closure.binds.join(", ")}` : ""}`,
        closure.threats,
      )
    : say(
        "layer",
        `assumes that ${control.id} at ${at} is verified: it counts as a layer and closes no way, ${closesNothingBecause(control)}`,
      );
  return { ...next, assumed: [...next.assumed, effect] };
}

const unchanged = (now: WhatIf, assumed: Assumed): WhatIf => ({ ...now, assumed: [...now.assumed, assumed] });

/** The best published figure, under its own conditions: shown beside the answer, never reckoned with. */
function ceilingOf({ planning }: Control): string | undefined {
  const [best, ...others] = planning?.ceilings ?? [];
  return (
    best &&
    `${best.says.replace(/\.$/, "")} (${best.source.title})${others.length > 0 ? `, and ${others.length} more` : ""}`
  );
}

const threatsText = (threats: readonly string[]): string =>
  threats.includes("all") ? "every threat that begins by getting in" : threats.join(", ");

/** Why no effect of this control may be assumed; undefined where its verified closure may. */
function noEffectOf({ maturity, maturityReason, layer }: Control): string | undefined {
  if (maturity === "broken") return `no effect: published attacks defeat it and it never counts (${maturityReason})`;
  if (maturity !== "proven")
    return `no effect may be assumed: it is ${maturity} (${maturityReason.replace(/\.$/, "")}), and only the attack re-run against it, adaptive, would show one`;
  if (layer === "model")
    return "no effect may be assumed: it acts inside the model, and only the attack re-run against it, adaptive, would show one";
  return undefined;
}

const closesNothingBecause = ({ verbs, layer, threats }: Control): string =>
  !verbs.includes("prevent")
    ? `for it does not prevent but ${verbs.join(", ")}`
    : layer === "organisational"
      ? "for it is an arrangement among people"
      : threats.every((id) => id === "all")
        ? "for it names no threat of its own"
        : "for it holds nobody here";

function caveatsOf({ id, appliesTo, limits, raises, tradeoffs }: Control, at: string, system: System): string[] {
  const kind = system.components.find((component) => component.id === at)?.kind;
  return [
    ...(kind && appliesTo.length > 0 && !appliesTo.includes(kind)
      ? [`${id} is for ${appliesTo.join(", ")}; ${at} is ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`]
      : []),
    ...(raises.length > 0 ? [`it may raise ${raises.join(", ")}, which no figure here shows`] : []),
    ...limits.map((limit) => `limit: ${limit}`),
    ...tradeoffs.map((price) => `price: ${price}`),
  ];
}
