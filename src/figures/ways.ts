/** Ways of the attack graph for people: what is certain drawn together, every chance with its figure and where that comes from. */
import type { AttackGraph, AttackStep, GoalReading, Risk } from "#assessment/index.ts";

/** What an attacker passes without any chance being taken, or one step that may fail. */
export type Leg =
  | { readonly kind: "along"; readonly places: readonly string[]; readonly steps: readonly AttackStep[] }
  | { readonly kind: "chance"; readonly step: AttackStep };

/** The legs of one way; steps the graph does not hold are left out. */
export function legsOf({ steps }: GoalReading["paths"][number], byId: ReadonlyMap<string, AttackStep>): Leg[] {
  const legs: Leg[] = [];
  for (const id of steps) {
    const step = byId.get(id);
    if (!step) continue;
    if (step.events.length > 0) {
      legs.push({ kind: "chance", step });
      continue;
    }
    const last = legs.at(-1);
    const before = last?.kind === "along" ? last : undefined;
    const places = [...(before?.places ?? [])];
    if (step.at !== undefined && places.at(-1) !== step.at) places.push(step.at);
    const along: Leg = { kind: "along", places, steps: [...(before?.steps ?? []), step] };
    if (before) legs[legs.length - 1] = along;
    else legs.push(along);
  }
  // What follows the last chance only gives the goal its name.
  const last = legs.at(-1);
  return last?.kind === "along" && legs.some(({ kind }) => kind === "chance") ? legs.slice(0, -1) : legs;
}

export const stepsById = ({ steps }: Pick<AttackGraph, "steps">): ReadonlyMap<string, AttackStep> =>
  new Map(steps.map((step) => [step.id, step]));

/** Ways that differ in what has to happen: a way with the chances of an earlier one and some more adds nothing for a reader. */
export function distinctWays(
  paths: GoalReading["paths"],
  byId: ReadonlyMap<string, AttackStep>,
  most: number,
): GoalReading["paths"][number][] {
  const kept: { readonly path: GoalReading["paths"][number]; readonly chances: ReadonlySet<string> }[] = [];
  for (const path of paths) {
    const chances = new Set(path.steps.flatMap((id) => byId.get(id)?.events ?? []));
    if (kept.some((other) => [...other.chances].every((id) => chances.has(id)))) continue;
    kept.push({ path, chances });
    if (kept.length === most) break;
  }
  return kept.map(({ path }) => path);
}

const RANK = { missed: 0, open: 1, within: 2 } as const;

/** The risks whose ways a reader should see first: one per threat and actor, worst judgement first, measured before assumed. */
export function risksToShow(risks: readonly Risk[], most: number): Risk[] {
  const seen = new Set<string>();
  return risks
    .toSorted(
      (a, b) =>
        RANK[a.judgement] - RANK[b.judgement] ||
        Number(a.untested) - Number(b.untested) ||
        b.current.low - a.current.low ||
        b.current.likely - a.current.likely,
    )
    .filter((risk) => risk.path.length > 0 && !seen.has(risk.threat) && seen.add(risk.threat))
    .slice(0, most);
}

/** How many ways a page shows. */
export const WAYS_SHOWN = 8;
