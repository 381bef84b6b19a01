/** The attack graph with its goals read: probabilities, likeliest ways, cut sets, drivers. */
import type { AttackGraph, AttackStep, GoalReading, RegisterRow, Risk } from "#assessment/index.ts";
import { OUTSIDE, toModel } from "./build.ts";
import { contracted } from "./contract.ts";
import { evaluateGoals } from "./evaluate.ts";

/** What an assessment reads: the totals of the register, what goes through each asset, and the risks that others help. */
export const goalsOf = (register: readonly RegisterRow[], risks: readonly Risk[]): string[] => [
  ...register.flatMap(({ totals }) => totals.map(({ goal }) => goal)),
  ...register.flatMap(({ assets }) => assets.map(({ goal }) => goal)),
  ...risks.filter(({ helpedBy }) => helpedBy.length > 0).map(({ id }) => id),
];

/** Contributions and widths kept per goal, largest first: a total has hundreds, and the small ones decide nothing. */
export const DRIVERS_SHOWN = 25;

/** Events of a cut set at most: a total over dozens of ways is cut only by as many failures, and nobody reads such a set. */
export const CUT_SHOWN = 12;

/**
 * Reads goals of a graph. Any state may be asked for: a risk's goal bears the risk's id. Evaluated is what is uncertain; the ways are
 * then completed by the certain steps that lead up to them, and single points are looked for among those, too. Same graph, goals and
 * seed, same readings.
 */
export function readGoals(
  graph: AttackGraph,
  goals: readonly string[],
  { seed }: { readonly seed: string },
): GoalReading[] {
  const core = contracted(toModel(graph));
  const certain = new CertainSteps(graph.steps);
  const byId = new Map(graph.steps.map((step) => [step.id, step]));
  return evaluateGoals(core, goals, { seed }).map((reading) => ({
    ...reading,
    cutSets: reading.cutSets.filter((events) => events.length <= CUT_SHOWN),
    cutSetsComplete: reading.cutSetsComplete && reading.cutSets.every((events) => events.length <= CUT_SHOWN),
    contributions: reading.contributions.slice(0, DRIVERS_SHOWN),
    widths: reading.widths.slice(0, DRIVERS_SHOWN),
    paths: reading.paths.map((path) => ({ ...path, steps: certain.completed(path.steps.map((id) => byId.get(id)!)) })),
    singlePoints: [
      ...new Set(
        reading.singlePoints.flatMap((id) => [
          ...byId.get(id)!.needs.flatMap((state) => certain.onlyWaysTo(state)),
          id,
        ]),
      ),
    ],
  }));
}

/** Steps without any event, and how they lead from outside to what they gain. */
class CertainSteps {
  readonly #into: ReadonlyMap<string, readonly AttackStep[]>;
  /** The step by which each certain state is first gained, breadth first. */
  readonly #by = new Map<string, AttackStep>();

  constructor(steps: readonly AttackStep[]) {
    const free = steps.filter(({ events }) => events.length === 0);
    this.#into = Map.groupBy(free, ({ gains }) => gains);
    const users = new Map<string, AttackStep[]>();
    for (const step of free) for (const need of step.needs) users.set(need, [...(users.get(need) ?? []), step]);
    const open = [OUTSIDE];
    for (const state of open)
      for (const step of users.get(state) ?? [])
        if (!this.#by.has(step.gains) && step.needs.every((need) => need === OUTSIDE || this.#by.has(need))) {
          this.#by.set(step.gains, step);
          open.push(step.gains);
        }
  }

  /** The steps of a way, each after the certain steps that give it what it needs. */
  completed(steps: readonly AttackStep[]): string[] {
    const done = new Set<string>();
    const gainedHere = new Set(steps.map(({ gains }) => gains));
    const lead = (state: string): void => {
      const step = gainedHere.has(state) ? undefined : this.#by.get(state);
      if (!step || done.has(step.id)) return;
      for (const need of step.needs) lead(need);
      done.add(step.id);
    };
    for (const step of steps) {
      for (const need of step.needs) lead(need);
      done.add(step.id);
    }
    return [...done];
  }

  /** Certain steps without which a certain state is not gained any more. */
  onlyWaysTo(state: string): string[] {
    if (!this.#by.has(state)) return [];
    const way = new Set<AttackStep>();
    const collect = (at: string): void => {
      const step = this.#by.get(at);
      if (!step || way.has(step)) return;
      for (const need of step.needs) collect(need);
      way.add(step);
    };
    collect(state);
    return [...way].filter((step) => !this.#gains(state, step)).map(({ id }) => id);
  }

  /** Whether a state is still gained without one step: walks back from it to the outside. */
  #gains(state: string, without: AttackStep): boolean {
    const walked = new Set([state]);
    for (const at of walked)
      for (const step of this.#into.get(at) ?? []) {
        if (step === without || !step.needs.every((need) => need === OUTSIDE || this.#by.has(need))) continue;
        if (step.needs.every((need) => need === OUTSIDE)) return true;
        for (const need of step.needs) walked.add(need);
      }
    return false;
  }
}
