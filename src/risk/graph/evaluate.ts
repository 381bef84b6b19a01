/**
 * The attack graph's evaluation (METHOD §8): the probability of a goal at the lower, the likely and the upper ends, exactly by a decision
 * diagram up to a number of nodes, by seeded Monte Carlo with its own printed error beyond; and what makes it so – the likeliest ways,
 * minimal cut sets, single points of failure, what each step and control contributes, and the width owed to each input.
 */
import type { Evaluation, GoalReading } from "#assessment/graph.ts";
import { cutSetsBySearch, cutSetsOf } from "./cuts.ts";
import { exactDrivers, sampledDrivers } from "./drivers.ts";
import { exactGoal, exactProbability, type ExactGoal } from "./exact.ts";
import type { GraphModel } from "./model.ts";
import { indexed, problemFor, type Indexed, type Problem } from "./problem.ts";
import { draw, drawn, samplesFor, type Draws } from "./sampling.ts";
import { likeliestWays, singlePoints } from "./ways.ts";

/** Decision-diagram nodes, or problems left by deciding, made for one goal and order before samples are drawn instead. */
export const EXACT_LIMIT = 2 ** 16;

export interface EvaluateOptions {
  /** Names the streams of the drawing; exact evaluation draws nothing. */
  readonly seed: string;
  /** Samples drawn where exact evaluation gives up; by default as many as `samplesFor` says. */
  readonly samples?: number;
  /** Nodes a decision diagram may take; 0 always draws. Default EXACT_LIMIT. */
  readonly exactLimit?: number;
}

export interface ReadingOptions extends EvaluateOptions {
  /** Likeliest ways shown per goal. Default 5. */
  readonly paths?: number;
  /** Minimal cut sets shown per goal. Default 20. */
  readonly cutSets?: number;
  /** Events that are a control's failure, each with the control's name. Several events of one name are lost together. */
  readonly controls?: ReadonlyMap<string, string>;
}

const certain = (figure: 0 | 1): Evaluation => ({
  method: "exact",
  low: figure,
  likely: figure,
  high: figure,
  error: { low: 0, likely: 0, high: 0 },
});

/** The probability of one goal. A goal that no step gains has probability 0; one held from the beginning 1. */
export function probabilityOf(model: GraphModel, goal: string, options: EvaluateOptions): Evaluation {
  return probabilitiesOf(model, [goal], options)[0];
}

/**
 * The probabilities of many goals of one model, in their order. Goals too large for diagrams are drawn together, once; so are those that
 * hold all of one that was too large, without being tried.
 */
export function probabilitiesOf(model: GraphModel, goals: readonly string[], options: EvaluateOptions): Evaluation[] {
  return evaluated(indexed(model), goals, options).map(({ evaluation }) => evaluation);
}

interface Evaluated {
  readonly goal: string;
  readonly evaluation: Evaluation;
  readonly problem: Problem;
  /** State of the goal in its problem; absent where nothing is uncertain. */
  readonly state?: number;
  readonly exact?: ExactGoal;
}

function evaluated(graph: Indexed, goals: readonly string[], options: EvaluateOptions): Evaluated[] {
  const limit = options.exactLimit ?? EXACT_LIMIT;
  // States of problems that were too large: whatever holds one whole is larger still.
  const tooLarge: (readonly string[])[] = [];
  const tried = goals.map((goal): Omit<Evaluated, "evaluation"> & { evaluation?: Evaluation } => {
    const problem = problemFor(graph, [goal]);
    const [state] = problem.goals;
    if (state === "unreachable" || state === "held")
      return { goal, problem, evaluation: certain(state === "held" ? 1 : 0) };
    const inside = new Set(problem.states);
    const hopeless =
      limit <= 0 || tooLarge.some((states) => states.length <= inside.size && states.every((name) => inside.has(name)));
    const exact = hopeless ? undefined : exactGoal(problem, state, limit);
    if (!hopeless && !exact) tooLarge.push(problem.states);
    return { goal, problem, state, ...(exact ? { exact, evaluation: exactly(exact, problem) } : {}) };
  });
  const left = [...new Set(tried.filter(({ evaluation }) => !evaluation).map(({ goal }) => goal))];
  const sampled = new Map<string, Evaluation>();
  if (left.length > 0) {
    const problem = left.length === 1 ? tried.find(({ goal }) => goal === left[0])!.problem : problemFor(graph, left);
    const samples = options.samples ?? samplesFor(problem.steps.length);
    const draws = draw(problem, options.seed, samples);
    for (const [index, goal] of left.entries())
      sampled.set(goal, bySamples(draws, problem.goals[index] as number, options.seed));
  }
  return tried.map((entry) => ({ ...entry, evaluation: entry.evaluation ?? sampled.get(entry.goal)! }));
}

function exactly(exact: ExactGoal, problem: Problem): Evaluation {
  // Rounding in the last place must not turn the ends around.
  const low = Math.min(1, exactProbability(exact, problem.low));
  const likely = Math.min(1, Math.max(low, exactProbability(exact, problem.likely)));
  const high = Math.min(1, Math.max(likely, exactProbability(exact, problem.high)));
  return { method: "exact", low, likely, high, error: { low: 0, likely: 0, high: 0 } };
}

function bySamples(draws: Draws, state: number, seed: string): Evaluation {
  const low = drawn(draws.low[state], draws.samples),
    likely = drawn(draws.likely[state], draws.samples),
    high = drawn(draws.high[state], draws.samples);
  return {
    method: "monte-carlo",
    low: low.figure,
    likely: likely.figure,
    high: high.figure,
    error: { low: low.error, likely: likely.error, high: high.error },
    samples: draws.samples,
    seed,
  };
}

/** What the graph says of each goal, in their order. The same model, goals and options give the same values, byte for byte. */
export function evaluateGoals(model: GraphModel, goals: readonly string[], options: ReadingOptions): GoalReading[] {
  const graph = indexed(model);
  const limit = options.exactLimit ?? EXACT_LIMIT;
  const wanted = options.cutSets ?? 20;
  const controls = options.controls ?? new Map<string, string>();
  const studied = evaluated(graph, goals, options).map((entry) => {
    const { problem, state, exact } = entry;
    if (state === undefined) return { entry };
    return {
      entry,
      study: {
        problem,
        state,
        likely: entry.evaluation.likely,
        ways: likeliestWays(problem, state, options.paths ?? 5).ways,
        single: singlePoints(problem, state),
        cuts:
          (exact && cutSetsOf(exact, wanted, limit)) ?? cutSetsBySearch(problem, state, wanted, searchesFor(problem)),
      },
    };
  });
  const drawn = studied.flatMap(({ entry, study }) => (study && !entry.exact ? [{ goal: entry.goal, ...study }] : []));
  const sampled = sampledDrivers(graph, drawn, controls, options.seed, options.samples);
  return studied.map(({ entry: { goal, evaluation, exact }, study }): GoalReading => {
    if (!study)
      return {
        goal,
        evaluation,
        paths: [],
        // What nothing gains is cut with nothing failing; what is held from the beginning cannot be cut.
        cutSets: evaluation.likely === 0 ? [[]] : [],
        cutSetsComplete: true,
        singlePoints: [],
        contributions: [],
        widths: [],
      };
    const { problem, ways, single, cuts } = study;
    return {
      goal,
      evaluation,
      paths: ways.map(({ steps, low, likely, high }) => ({
        steps: steps.map((t) => problem.steps[t]),
        low,
        likely,
        high,
      })),
      cutSets: cuts.sets.map((set) => set.map((event) => problem.events[event])),
      cutSetsComplete: cuts.complete,
      singlePoints: single.map((t) => problem.steps[t]),
      ...(exact ? exactDrivers(study, exact, controls, limit) : sampled.get(goal)!),
    };
  });
}

/** Searches for a way that a bounded search for cut sets may spend: about a second's worth, and always enough for the small sets. */
const searchesFor = ({ needs, steps }: Problem): number =>
  Math.max(100, Math.min(5000, Math.floor(50_000_000 / (1 + needs.length + steps.length))));
