/**
 * What mature measures can reach at best (METHOD §1 row 1b, §9). A missed risk, or a missed threshold that nothing discharges, is
 * beyond them only where every set of them leaves it missed:
 *
 * | a proven control | at best |
 * |---|---|
 * | closes ways, and is not in place | its denial test passes wherever it can stand: all of them at once, as far as they go together |
 * | lowers success, never measured where it counts | unknown, so it may reach anything – and nothing is called infeasible |
 * | lowers success, measured against this threat at its place or on every way there | the lower end of what was measured; of a risk it is in the figures already |
 * | has a published ceiling on the very benchmark of the trial | no more than that |
 * | supports others, or is declared only | moves no figure |
 *
 * More controls never let an actor further, so looking at the largest sets that go together is looking at all sets.
 */
import type {
  Control,
  EffectCeiling,
  Evidence,
  Knowledge,
  NotFeasible,
  Risk,
  System,
  Threat,
  Trial,
} from "#assessment/index.ts";
import { clopperPearson } from "#base/statistics.ts";
import { closuresOf, type Closure, type ControlCredit } from "#risk/credit.ts";
import { responseOf, successesOf, wayOf, type Way } from "#risk/success.ts";
import { SystemGraph } from "#system/graph.ts";
import { reachOfThreat } from "#system/reach.ts";
import { actsOf, candidatesOf, placesFor, type Candidate } from "./candidates.ts";

export interface MatureQuestion {
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly threats: readonly Threat[];
  readonly credits: readonly ControlCredit[];
  /** Missed. */
  readonly risks: readonly Risk[];
  /** Trials whose threshold is missed and not discharged. */
  readonly trials: readonly Trial[];
  /** Measured controls whose effect is in the figures of a threat: at its place, or on every way there, and holding its actor. */
  readonly counted: (threat: string) => readonly ControlCredit[];
  /** The lower end of a risk by its own ways, without what other threats would give its actor, with a success of at most so much. */
  readonly lowest: (risk: Risk, successAtMost?: number) => number;
}

export const EXITS: readonly string[] = [
  "redesign: change what the system is, so that the way is not there",
  "restrict the purpose, so that the harm cannot follow",
  "a new control of proven effectiveness: register it with its adaptive measurement",
  "do not deploy",
];

/** Undefined where some set of mature measures may reach each of what is missed, together. */
export function beyondMatureMeasures(question: MatureQuestion): NotFeasible | undefined {
  const { system, knowledge, risks, trials } = question;
  const graph = new SystemGraph(system);
  const items: Item[] = [
    ...risks.map((risk): Item => ({
      name: risk.id,
      demand: `${risk.id}: P(≥ 1 per year) at most ${Number(risk.criterion.perYear.toPrecision(3))}`,
      types: [risk.type],
      threats: question.threats.filter(({ id }) => id === risk.threat),
      // Missed only by what other threats give: closing those may be enough, so nothing is shown to be out of reach.
      open: question.lowest(risk) <= risk.criterion.perYear,
      isMissedAt: (success) => question.lowest(risk, success) > risk.criterion.perYear,
      trial: undefined,
    })),
    ...trials.map((trial): Item => ({
      name: trial.id,
      demand: `${trial.id}: ${trial.threshold!.metric.replace("-", " ")} ${trial.threshold!.compare.at} ${trial.threshold!.compare.value}`,
      types: trial.tests,
      threats: question.threats.filter(
        ({ type, at, actor }) =>
          trial.tests.includes(type) && at === trial.target && (trial.bound?.actors.includes(actor) ?? true),
      ),
      open: false,
      isMissedAt: (success) => success > successAllowed(trial.threshold!),
      trial,
    })),
  ];
  if (items.length === 0) return undefined;
  const candidates = usable(candidatesOf({ graph, knowledge, credits: question.credits }), system);
  const sets = largestSets(candidates);
  const reachable = (asked: readonly Item[]): boolean =>
    sets.some((set) => asked.every((item) => isReachable(item, set, graph, question)));
  const beyond = items.filter((item) => !reachable([item]));
  // A threshold rests on nothing assumed, not even on how often it is tried: one that is beyond speaks first.
  let conflict: readonly Item[] =
    beyond.length > 0 ? [beyond.find(({ trial }) => trial !== undefined) ?? beyond[0]!] : items;
  if (beyond.length === 0) {
    if (reachable(items)) return undefined;
    for (const item of items) {
      const less = conflict.filter((other) => other !== item);
      if (less.length > 0 && !reachable(less)) conflict = less;
    }
  }
  return {
    beyond: (beyond.length > 0 ? beyond : conflict).map(({ name }) => name),
    conflict: {
      demands: conflict.map(({ demand }) => demand),
      limits: limitsOf(conflict, candidates, graph, question),
    },
    edition: knowledge.edition,
    exits: [...EXITS],
  };
}

interface Item {
  readonly name: string;
  readonly demand: string;
  readonly types: readonly string[];
  readonly threats: readonly Threat[];
  readonly open: boolean;
  /** Whether it would still be missed if no less of the attempts succeeded than this. */
  readonly isMissedAt: (success: number) => boolean;
  readonly trial: Trial | undefined;
}

/** Without those whose needs nothing in the catalogue or the system can meet. */
function usable(candidates: readonly Candidate[], { controls }: System): readonly Candidate[] {
  const named = new Set([...controls.map(({ control }) => control), ...candidates.map(({ control }) => control.id)]);
  const fine = candidates.filter(({ control: { planning } }) =>
    (planning?.needs ?? []).every(({ anyOf }) => anyOf.some((id) => named.has(id))),
  );
  return fine.length === candidates.length ? fine : usable(fine, { controls } as System);
}

/** Of each pair that cannot stand together one is left out, in every combination. */
function largestSets(candidates: readonly Candidate[]): (readonly Candidate[])[] {
  const pairs = [...new Map(candidates.map(({ control }) => [control.id, control])).values()].flatMap((control) =>
    (control.planning?.conflicts ?? []).flatMap((conflict) =>
      conflict.kind === "excludes" && control.id < conflict.with ? [[control.id, conflict.with] as const] : [],
    ),
  );
  return Array.from({ length: 2 ** pairs.length }, (_, bits) => {
    const out = new Set(pairs.map((pair, i) => pair[(bits >> i) & 1]!));
    return candidates.filter(({ control }) => !out.has(control.id));
  });
}

const closureOf = ({ control, at, closes }: Candidate): Closure => ({
  control: control.id,
  at,
  threats: closes,
  evidence: [],
});

function isReachable(item: Item, set: readonly Candidate[], graph: SystemGraph, question: MatureQuestion): boolean {
  if (item.open) return true;
  if (item.threats.length === 0)
    return item.types.some((type) => couldLower({ type }, item, graph, question).length > 0);
  const closures = [...closuresOf(question.credits), ...set.map(closureOf)];
  // Without an open way the lower end of success is zero, and nothing is shown to be missed any more.
  return item.threats.every(
    (threat) =>
      wayWith(threat, closures, graph, question) !== "open" || couldLower(threat, item, graph, question).length > 0,
  );
}

function wayWith(threat: Threat, closures: readonly Closure[], graph: SystemGraph, { knowledge }: MatureQuestion): Way {
  const type = knowledge.threats.find(({ id }) => id === threat.type)!;
  const profile = knowledge.profiles.find(({ id }) => id === graph.actor(threat.actor).profile);
  return wayOf(reachOfThreat(graph, threat, type, { closures, ...(profile ? { profile } : {}) }).reach);
}

const speaksOf = ({ threats }: Control, type: string): boolean => threats.some((id) => id === type);

/** Proven controls that may lower success against a threat – or against a type, where nobody is named – by nobody knows how much. */
function couldLower(
  { type, id }: { readonly type: string; readonly id?: string },
  item: Item,
  graph: SystemGraph,
  question: MatureQuestion,
): Control[] {
  const { knowledge, system } = question;
  const { trial, isMissedAt } = item;
  const measuring = id === undefined ? measuredAt(trial?.target, question) : question.counted(id);
  const isSettled = (control: string): boolean => {
    const measured = leastMeasured(control, type, measuring);
    return measured !== undefined && (trial === undefined || isMissedAt(measured));
  };
  return knowledge.controls.filter(
    (control) =>
      control.maturity === "proven" &&
      actsOf(control) === "lowers" &&
      speaksOf(control, type) &&
      placesFor(control, graph).length > 0 &&
      !isSettled(control.id) &&
      ceilingFor(control, type, trial, system) === undefined,
  );
}

/** Where nobody is named there are no ways to stand on: only the place itself. */
const measuredAt = (place: string | undefined, { credits }: MatureQuestion): ControlCredit[] =>
  credits.filter(({ at }) => at === place);

/**
 * The least share of attempts that succeeded with a control on; 0 where only being noticed was timed, undefined where nothing was measured.
 * `credits` are those that count where it is asked: what a control does at a place that is not on the way bounds nothing.
 */
function leastMeasured(control: string, type: string, credits: readonly ControlCredit[]): number | undefined {
  const effects = credits.flatMap((credit) =>
    credit.credited && credit.control === control ? credit.effect.filter(({ tests }) => tests.includes(type)) : [],
  );
  if (effects.length === 0) return undefined;
  return Math.min(...effects.map(lowerEnd));
}

function lowerEnd(item: Evidence): number {
  const counted = responseOf(item) ? undefined : successesOf(item);
  return counted ? clopperPearson(counted.k, counted.n).low : 0;
}

/** The attack success up to which a threshold is not missed. */
const successAllowed = ({ metric, compare }: NonNullable<Trial["threshold"]>): number =>
  metric === "success-rate" ? compare.value : 1 - compare.value;

/** A published ceiling that is short of the threshold, on the benchmark the trial was run on, under no larger a budget. */
function ceilingFor(
  { planning }: Control,
  type: string,
  trial: Trial | undefined,
  { datasets }: System,
): EffectCeiling | undefined {
  const { threshold, budget } = trial ?? {};
  if (!trial || threshold?.metric !== "robust-accuracy") return undefined;
  const files = new Set(trial.inputs.map(({ path }) => path));
  const data = datasets.filter(({ path }) => path !== undefined && files.has(path));
  const isOn = (benchmark: string): boolean =>
    data.some(({ title, provenance }) =>
      `${title} ${provenance?.source ?? ""}`
        .toLowerCase()
        .split(/[^a-z0-9-]+/)
        .includes(benchmark.toLowerCase()),
    );
  return planning?.ceilings.find(
    ({ of, figure, benchmark, norm, eps, threats }) =>
      of === "robust-accuracy" &&
      figure < threshold.compare.value &&
      norm === budget?.norm &&
      eps !== undefined &&
      (budget?.eps ?? 0) >= eps - 1e-9 &&
      threats.some((id) => id === type) &&
      isOn(benchmark),
  );
}

/** Why each mature control that speaks of these threats does not reach them. */
function limitsOf(
  items: readonly Item[],
  candidates: readonly Candidate[],
  graph: SystemGraph,
  question: MatureQuestion,
): NotFeasible["conflict"]["limits"] {
  const types = [...new Set(items.flatMap((item) => item.types))];
  const who = [...new Set(items.flatMap(({ threats }) => threats.map(({ actor }) => graph.actor(actor).title)))];
  return question.knowledge.controls.flatMap((control): NotFeasible["conflict"]["limits"][number][] => {
    const type = types.find((id) => speaksOf(control, id));
    const named = { control: control.id, title: control.title };
    if (control.maturity !== "proven" || actsOf(control) === "supports") return [];
    const measuring = items.flatMap(({ threats, trial }) =>
      threats.length === 0 ? measuredAt(trial?.target, question) : threats.flatMap(({ id }) => question.counted(id)),
    );
    if (type && leastMeasured(control.id, type, measuring) !== undefined) {
      const said = [...new Set(measuring)].filter((credit) => credit.credited && credit.control === control.id);
      return [{ ...named, kind: "measured", why: said.map(measuredText).join("; ") }];
    }
    const item = items.find(({ types: own }) => own.some((id) => speaksOf(control, id)));
    const ceiling = item && type ? ceilingFor(control, type, item.trial, question.system) : undefined;
    if (ceiling)
      return [
        {
          ...named,
          kind: "ceiling",
          why: `${ceiling.says} (${ceiling.source.title}, ${ceiling.source.edition})`,
          ceiling,
        },
      ];
    const closes = candidates.some(
      (candidate) =>
        candidate.control.id === control.id && candidate.closes.some((id) => id === "all" || types.includes(id)),
    );
    if (!closes) return [];
    return [
      {
        ...named,
        kind: "does-not-hold",
        why: `even with its denial test passed wherever it can stand, ${who.join(", ")} still ${who.length === 1 ? "has" : "have"} a way`,
      },
    ];
  });
}

/** What was measured with a control on, the least that still succeeds, and who says so. */
function measuredText({ at, why, effect }: ControlCredit): string {
  const sources = effect.map(({ source, by }) => [source, by].filter((word) => word !== undefined).join(", by "));
  const least = Math.min(...effect.map(lowerEnd));
  return [
    `at ${at}: ${why}`,
    ...(least > 0 ? [`at least ${Number(least.toPrecision(3))} still do`] : []),
    ...sources.filter((source) => source !== "").map((source) => `source: ${source}`),
  ].join("; ");
}
