/**
 * What drives a goal's probability, always with everything else at its likely value: how far it falls when a step is taken away, how far
 * it rises when a control is lost, and how wide each input's own interval makes it (one at a time, from the input's lower to its upper
 * end). The probability is linear in each single event, so where it is known exactly one derivative per event says all of it.
 */
import type { GoalReading } from "#assessment/graph.ts";
import { exactDerivatives, exactGoal, exactProbability, type ExactGoal } from "./exact.ts";
import { eventsOf, problemFor, type Indexed, type Problem } from "./problem.ts";
import { draw, samplesFor } from "./sampling.ts";
import type { Way } from "./ways.ts";

export type Drivers = Pick<GoalReading, "contributions" | "widths">;

/** A goal with what is already known of it. Steps and events are numbers of its problem. */
export interface Study {
  readonly problem: Problem;
  readonly state: number;
  /** Its probability at the likely values. */
  readonly likely: number;
  readonly ways: readonly Way[];
  readonly single: readonly number[];
}

type Contribution = Drivers["contributions"][number];
type EventWidth = Drivers["widths"][number];

/** Differences below this are rounding. */
const NOTHING = 1e-15;

const sorted = (contributions: readonly Contribution[], widths: readonly EventWidth[]): Drivers => ({
  contributions: contributions.toSorted((a, b) => b.change - a.change || order(a.of, b.of)),
  widths: widths
    .filter(({ width }) => width > NOTHING)
    .toSorted((a, b) => b.width - a.width || Number(b.assumed) - Number(a.assumed) || order(a.event, b.event)),
});
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Events of a problem by the control whose failure they are. */
function failuresIn({ events }: Problem, controls: ReadonlyMap<string, string>): Map<string, number[]> {
  const failures = new Map<string, number[]>();
  for (const [event, id] of events.entries()) {
    const control = controls.get(id);
    if (control === undefined) continue;
    const known = failures.get(control);
    if (known) known.push(event);
    else failures.set(control, [event]);
  }
  return failures;
}

/**
 * Drivers of a goal known exactly. Every event is answered for. Steps are too, where one diagram with a variable per step stays within
 * the limit; otherwise those with an event of their own, single points, and the steps of the ways shown.
 */
export function exactDrivers(
  { problem, state, likely, ways, single }: Study,
  exact: ExactGoal,
  controls: ReadonlyMap<string, string>,
  limit: number,
): Drivers {
  const { events } = exactDerivatives(exact, problem.likely);
  const uses = new Int32Array(problem.events.length);
  for (const event of problem.eventsOf) uses[event]++;
  const falls = new Map<number, number>();
  const unknown = new Set<number>();
  for (let t = 0; t < problem.steps.length; t++) {
    const own = eventsOf(problem, t).find((event) => uses[event] === 1);
    // Without the step its own event cannot come out: the derivative over the whole of its likely value.
    if (own !== undefined) falls.set(t, events[own] * problem.likely[own]);
    else unknown.add(t);
  }
  for (const t of single) {
    falls.set(t, likely);
    unknown.delete(t);
  }
  if (unknown.size > 0) {
    const all = exactGoal(problem, state, limit, unknown);
    const shown = new Set(ways.flatMap(({ steps }) => steps));
    const tries = all
      ? [all]
      : [...unknown].filter((t) => shown.has(t)).map((t) => exactGoal(problem, state, limit, new Set([t])));
    for (const guarded of tries)
      if (guarded) for (const [t, fall] of exactDerivatives(guarded, problem.likely).guards) falls.set(t, fall);
    // A step that the diagram found superfluous has no variable left in it.
    if (all) for (const t of unknown) if (!falls.has(t)) falls.set(t, 0);
  }
  const lost = [...failuresIn(problem, controls)].map(([control, failures]): Contribution => {
    const p = problem.likely.slice();
    for (const event of failures) p[event] = 1;
    return { of: control, kind: "control", change: Math.max(0, exactProbability(exact, p) - likely) };
  });
  return sorted(
    [
      ...[...falls]
        .filter(([, fall]) => fall > NOTHING)
        .map(([t, fall]): Contribution => ({ of: problem.steps[t], kind: "step", change: Math.min(fall, likely) })),
      ...lost,
    ],
    problem.events.map((event, e) => ({
      event,
      width: Math.max(0, events[e]) * (problem.high[e] - problem.low[e]),
      assumed: problem.assumed[e] === 1,
    })),
  );
}

/** What drivers of drawn goals may cost together, in steps' needs and events times samples: some seconds. */
const WORK = 400_000_000;
/** Samples per question at most: differences drawn with the same random numbers are surer than the figures themselves. */
const SAMPLES_MAX = 10_000;

/**
 * Drivers of goals that are drawn: each asked of one drawing with the same random numbers, which serves all goals. Asked are controls,
 * then the events and the steps of the ways shown, goals in turn, as many as the work allows; the others are left out.
 */
export function sampledDrivers(
  graph: Indexed,
  goals: readonly (Study & { readonly goal: string })[],
  controls: ReadonlyMap<string, string>,
  seed: string,
  samplesAsked: number | undefined,
): Map<string, Drivers> {
  if (goals.length === 0) return new Map();
  const problem = problemFor(
    graph,
    goals.map(({ goal }) => goal),
  );
  const samples = Math.min(SAMPLES_MAX, samplesAsked ?? samplesFor(problem.steps.length));
  const eventAt = new Map(problem.events.map((id, event) => [id, event]));
  const stepAt = new Map(problem.steps.map((id, step) => [id, step]));
  const failures = failuresIn(problem, controls);

  type Question = { readonly kind: "control" | "event" | "step"; readonly of: string };
  const lists = goals.map((study): Question[] => {
    const steps = [...new Set(study.ways.flatMap((way) => way.steps))];
    const events = [...new Set(steps.flatMap((t) => eventsOf(study.problem, t)))];
    return [
      ...[...failuresIn(study.problem, controls).keys()].map((of): Question => ({ kind: "control", of })),
      ...events
        .filter((e) => study.problem.high[e] > study.problem.low[e])
        .map((e): Question => ({ kind: "event", of: study.problem.events[e] })),
      ...steps
        .filter((t) => !study.single.includes(t))
        .map((t): Question => ({ kind: "step", of: study.problem.steps[t] })),
    ];
  });
  const most = Math.max(
    4,
    Math.min(256, Math.floor(WORK / (samples * (problem.needs.length + problem.eventsOf.length + 1)))),
  );
  const questions = new Map<string, Question>();
  for (let turn = 0; lists.some((list) => turn < list.length); turn++)
    for (const list of lists)
      if (turn < list.length && questions.size < most) questions.set(`${list[turn].kind} ${list[turn].of}`, list[turn]);

  const answers = new Map<string, Float64Array>();
  for (const [key, { kind, of }] of questions) {
    const low = problem.likely.slice(),
      high = problem.likely.slice();
    let asked: Problem = { ...problem, low, high };
    if (kind === "control") for (const event of failures.get(of)!) high[event] = 1;
    else if (kind === "event") {
      const event = eventAt.get(of)!;
      low[event] = problem.low[event];
      high[event] = problem.high[event];
    } else asked = withGuard(asked, stepAt.get(of)!);
    const draws = draw(asked, seed, samples);
    answers.set(
      key,
      Float64Array.from(draws.low, (_, state) => (draws.high[state] - draws.low[state]) / samples),
    );
  }
  return new Map(
    goals.map(({ goal, likely, single, problem: own }, index) => {
      const state = problem.goals[index] as number;
      const contributions: Contribution[] = single.map((t) => ({ of: own.steps[t], kind: "step", change: likely }));
      const widths: EventWidth[] = [];
      for (const question of lists[index]) {
        const change = answers.get(`${question.kind} ${question.of}`)?.[state];
        if (change === undefined) continue;
        if (question.kind === "event")
          widths.push({ event: question.of, width: change, assumed: problem.assumed[eventAt.get(question.of)!] === 1 });
        else if (question.kind === "control" || change > 0)
          contributions.push({ of: question.of, kind: question.kind, change });
      }
      return [goal, sorted(contributions, widths)];
    }),
  );
}

/** The problem with one more event on a step: one that never comes out at the lower end and always does at the others. */
function withGuard(problem: Problem, step: number): Problem {
  const event = problem.events.length;
  const eventsAt = problem.eventsAt.map((at, t) => (t > step ? at + 1 : at));
  const rows = new Int32Array(problem.eventsOf.length + 1);
  const at = problem.eventsAt[step + 1];
  rows.set(problem.eventsOf.subarray(0, at));
  rows[at] = event;
  rows.set(problem.eventsOf.subarray(at), at + 1);
  const longer = (p: Float64Array, last: number): Float64Array => Float64Array.from([...p, last]);
  return {
    ...problem,
    events: [...problem.events, "the step taken away"],
    low: longer(problem.low, 0),
    likely: longer(problem.likely, 1),
    high: longer(problem.high, 1),
    eventsAt,
    eventsOf: rows,
  };
}
