/** How much of an incident the threats derived for its target would have named, and how much of any other incident they would as well. */
import { readFileSync } from "node:fs";
import type { Knowledge, System, Threat } from "#assessment/index.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { deriveThreats } from "#threats/engine.ts";
import { OFF_TARGET, type Case, type Step } from "./cases.ts";

export interface Score {
  readonly case: Case;
  /** Steps that touch the target. */
  readonly steps: readonly Step[];
  /** Those covered by a raised threat anywhere, and at a place where the step acts. */
  readonly covered: readonly Step[];
  readonly placed: readonly Step[];
  /** Those for which a threat of the catalogue stands at all. */
  readonly meant: readonly Step[];
  readonly recall: number;
  readonly placedRecall: number;
  /** Recall of this system's threats on the other cases' steps, the mean over cases; places do not carry over, so any place counts. */
  readonly others: number;
  /** Own recall, any place, over that mean: 1 where the system's threats say nothing about this system in particular. */
  readonly lift: number;
  readonly components: number;
  /** Groups (threat at a place, whoever the actor is), over the number of components; and the most that stand at one. */
  readonly groups: number;
  readonly perComponent: number;
  readonly most: number;
}

/** The system file of a case, as it stands beside this file. */
export function systemOf({ id }: Case, knowledge: Knowledge): System {
  const file = `${id}.yaml`;
  const { system, diagnostics } = readSystem(
    readFileSync(new URL(file, import.meta.url), "utf8"),
    file,
    knownFrom(knowledge),
  );
  if (!system) throw new Error(diagnostics.map(({ message }) => `${file}: ${message}`).join("\n"));
  return system;
}

/** The techniques that each threat type is mapped to in the crosswalk. */
export type Crosswalk = ReadonlyMap<string, ReadonlySet<string>>;
export const crosswalkOf = ({ threats }: Knowledge): Crosswalk =>
  new Map(
    threats.map(({ id, mappings }) => [
      id,
      new Set(mappings.filter(({ framework }) => framework === "MITRE ATLAS").map((mapping) => mapping.id)),
    ]),
  );

/** The types a technique stands for: those mapped to it; where none is, those mapped to what it is a kind of, or to a kind of it. */
export function typesOf(technique: string, crosswalk: Crosswalk): ReadonlySet<string> {
  const mapped = (is: (id: string) => boolean): string[] =>
    [...crosswalk].flatMap(([type, techniques]) => ([...techniques].some(is) ? [type] : []));
  const readings = [
    mapped((id) => id === technique),
    mapped((id) => id === technique.slice(0, "AML.T0000".length)),
    mapped((id) => id.startsWith(`${technique}.`)),
  ];
  return new Set(readings.find((types) => types.length > 0));
}

const covers = (threat: Threat, [, technique]: Step, crosswalk: Crosswalk): boolean =>
  typesOf(technique, crosswalk).has(threat.type);

/** A threat stands at a step's place by the component it is to, or by the component or flow where its act enters. */
function standsAt(threat: Threat, [, , ...places]: Step, system: System): boolean {
  if (places.length === 0 || places.includes(threat.at)) return true;
  const flow = system.flows.find(({ id }) => id === threat.on);
  return threat.on !== undefined && (places.includes(threat.on) || (flow !== undefined && places.includes(flow.from)));
}

const touching = ({ steps }: Case): Step[] => steps.filter(([tactic]) => !OFF_TARGET.has(tactic));
const share = (part: readonly unknown[], whole: readonly unknown[]): number => part.length / whole.length;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Scores every case; the others that a system is held against are those of `against`. */
export function scoresOf(cases: readonly Case[], knowledge: Knowledge, against: readonly Case[] = cases): Score[] {
  const crosswalk = crosswalkOf(knowledge);
  return cases.map((of) => {
    const system = systemOf(of, knowledge);
    const { threats } = deriveThreats(system, knowledge);
    const among = (steps: readonly Step[]): Step[] =>
      steps.filter((step) => threats.some((threat) => covers(threat, step, crosswalk)));
    const steps = touching(of);
    const covered = among(steps);
    const placed = steps.filter((step) =>
      threats.some((threat) => covers(threat, step, crosswalk) && standsAt(threat, step, system)),
    );
    const others = mean(
      against.filter(({ id }) => id !== of.id).map((other) => share(among(touching(other)), touching(other))),
    );
    const groups = new Map(threats.map((threat) => [threat.group, threat.at]));
    const at = Map.groupBy(groups.values(), (place) => place);
    return {
      case: of,
      steps,
      covered,
      placed,
      meant: steps.filter(([, technique]) => typesOf(technique, crosswalk).size > 0),
      recall: share(covered, steps),
      placedRecall: share(placed, steps),
      others,
      lift: share(covered, steps) / others,
      components: system.components.length,
      groups: groups.size,
      perComponent: groups.size / system.components.length,
      most: Math.max(...[...at.values()].map(({ length }) => length)),
    };
  });
}

export interface Totals {
  readonly steps: number;
  readonly recall: number;
  readonly placedRecall: number;
  readonly others: number;
  readonly lift: number;
  readonly perComponent: number;
}

/** Over all steps and components together, so that a long case counts for its length; the lift from the means over cases. */
export function totalsOf(scores: readonly Score[]): Totals {
  const sum = (of: (score: Score) => number): number => scores.reduce((total, score) => total + of(score), 0);
  const steps = sum((score) => score.steps.length);
  return {
    steps,
    recall: sum((score) => score.covered.length) / steps,
    placedRecall: sum((score) => score.placed.length) / steps,
    others: mean(scores.map((score) => score.others)),
    lift: mean(scores.map((score) => score.recall)) / mean(scores.map((score) => score.others)),
    perComponent: sum((score) => score.groups) / sum((score) => score.components),
  };
}

const percent = (value: number): string => `${(100 * value).toFixed(0)} %`.padStart(6);

function whyMissed(step: Step, { covered, meant }: Score): string {
  if (covered.includes(step)) return `raised, but not at ${step.slice(2).join(", ")}`;
  return meant.includes(step) ? "not raised" : "no threat of the catalogue stands for it, on purpose";
}

/** The table, with what was missed under it. */
export function tableOf(scores: readonly Score[]): string {
  const head = "case        about         steps  recall  at place  others   lift  groups/comp.  most";
  const rows = scores.map((score) =>
    [
      score.case.id.padEnd(11),
      score.case.about.padEnd(12),
      String(score.steps.length).padStart(6),
      percent(score.recall).padStart(7),
      percent(score.placedRecall).padStart(9),
      percent(score.others).padStart(7),
      score.lift.toFixed(2).padStart(6),
      score.perComponent.toFixed(1).padStart(13),
      String(score.most).padStart(5),
    ].join(" "),
  );
  const all = totalsOf(scores);
  const total = [
    "all".padEnd(24),
    String(all.steps).padStart(6),
    percent(all.recall).padStart(7),
    percent(all.placedRecall).padStart(9),
    percent(all.others).padStart(7),
    all.lift.toFixed(2).padStart(6),
    all.perComponent.toFixed(1).padStart(13),
  ].join(" ");
  const missed = scores.flatMap((score) =>
    score.steps
      .filter((step) => !score.placed.includes(step))
      .map((step) => `  ${score.case.id}  ${step[1].padEnd(13)}  ${whyMissed(step, score)}`),
  );
  const unmitigated = scores.flatMap(({ case: { id, unmitigated: none } }) =>
    none ? [`${id}: ATLAS lists no mitigation for any of these steps`] : [],
  );
  return [head, ...rows, total, ...unmitigated, ...(missed.length > 0 ? ["not named:", ...missed] : [])].join("\n");
}
