/** The attack graph with its goals read: probabilities, likeliest ways, cut sets, drivers. */
import type { AttackGraph, GoalReading, RegisterRow, Risk } from "#assessment/index.ts";
import { toModel } from "./build.ts";
import { evaluateGoals } from "./evaluate.ts";

/** What an assessment reads: the totals of the register, what goes through each asset, and the risks that others help. */
export const goalsOf = (register: readonly RegisterRow[], risks: readonly Risk[]): string[] => [
  ...register.flatMap(({ totals }) => totals.map(({ goal }) => goal)),
  ...register.flatMap(({ assets }) => assets.map(({ goal }) => goal)),
  ...risks.filter(({ helpedBy }) => helpedBy.length > 0).map(({ id }) => id),
];

/** Reads goals of a graph. Any state may be asked for: a risk's goal bears the risk's id. Same graph, goals and seed, same readings. */
export function readGoals(
  graph: AttackGraph,
  goals: readonly string[],
  { seed }: { readonly seed: string },
): GoalReading[] {
  return evaluateGoals(toModel(graph), goals, { seed });
}
