/** The attack graph's mathematics against brute force: random cyclic AND/OR graphs with shared events, all 2^n outcomes enumerated. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { betaCdf, clopperPearson } from "#base/statistics.ts";
import { collapsed } from "./collapse.ts";
import { diagramTable } from "./diagrams.ts";
import { evaluateGoals, probabilitiesOf, probabilityOf } from "./evaluate.ts";
import { fixedPoint } from "./exact.ts";
import type { GraphModel } from "./model.ts";
import { ordersFor } from "./order.ts";
import { indexed, problemFor } from "./problem.ts";
import { decided } from "./residual.ts";

type End = "low" | "likely" | "high";
const ENDS: readonly End[] = ["low", "likely", "high"];

/** States gained when exactly the events in `happened` come out, by going round until nothing changes. */
function gainedWith({ start, steps }: GraphModel, happened: (event: string) => boolean): Set<string> {
  const gained = new Set(start);
  for (let again = true; again;) {
    again = false;
    for (const { needs, events, gains } of steps)
      if (!gained.has(gains) && needs.every((need) => gained.has(need)) && events.every(happened)) {
        gained.add(gains);
        again = true;
      }
  }
  return gained;
}

/** Probability of a goal by adding up all outcomes. */
function enumerated(model: GraphModel, goal: string, end: End, fixed: ReadonlyMap<string, number> = new Map()): number {
  const { events } = model;
  let total = 0;
  for (let outcome = 0; outcome < 1 << events.length; outcome++) {
    let p = 1;
    const happened = new Set<string>();
    for (const [bit, event] of events.entries()) {
      const q = fixed.get(event.id) ?? event[end];
      if ((outcome >> bit) & 1) {
        p *= q;
        happened.add(event.id);
      } else p *= 1 - q;
    }
    if (p > 0 && gainedWith(model, (event) => happened.has(event)).has(goal)) total += p;
  }
  return total;
}

const probability = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 99 }).map((n) => n / 100) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1) },
);

/** Graphs of up to seven states, eight events and twelve steps, cyclic and shared as it comes. */
const model: fc.Arbitrary<GraphModel> = fc
  .record({
    states: fc.integer({ min: 2, max: 7 }),
    events: fc.array(fc.record({ ends: fc.tuple(probability, probability, probability), assumed: fc.boolean() }), {
      minLength: 1,
      maxLength: 8,
    }),
    steps: fc.array(
      fc.record({
        needs: fc.array(fc.nat(6), { maxLength: 3 }),
        events: fc.array(fc.nat(7), { maxLength: 2 }),
        gains: fc.nat(6),
      }),
      { minLength: 3, maxLength: 12 },
    ),
  })
  .map(({ states, events, steps }) => ({
    start: ["s0"],
    events: events.map(({ ends, assumed }, e) => {
      const [low, likely, high] = ends.toSorted((a, b) => a - b);
      return { id: `e${e}`, low, likely, high, assumed };
    }),
    steps: steps.map((step, t) => ({
      id: `t${t}`,
      needs: step.needs.map((s) => `s${s % states}`),
      events: step.events.map((e) => `e${e % events.length}`),
      gains: `s${step.gains % states}`,
    })),
  }));
const GOAL = "s1";
const seed = "enumeration";

describe("exact evaluation", () => {
  test("is what adding up all outcomes gives, at all three ends, to 1e-12", () => {
    fc.assert(
      fc.property(model, (graph) => {
        const reading = probabilityOf(graph, GOAL, { seed });
        expect(reading.method).toBe("exact");
        for (const end of ENDS) expect(Math.abs(reading[end] - enumerated(graph, GOAL, end))).toBeLessThan(1e-12);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test("attributes to every step, control and input what enumeration without it, or at its ends, gives", () => {
    fc.assert(
      fc.property(model, (graph) => {
        const controls = new Map([
          ["e0", "C-1"],
          ["e1", "C-1"],
          ["e2", "C-2"],
        ]);
        const [reading] = evaluateGoals(graph, [GOAL], { seed, controls });
        const likely = enumerated(graph, GOAL, "likely");
        const change = (of: string): number => reading.contributions.find((entry) => entry.of === of)?.change ?? 0;
        for (const { id } of graph.steps) {
          const without = { ...graph, steps: graph.steps.filter((step) => step.id !== id) };
          expect(Math.abs(change(id) - (likely - enumerated(without, GOAL, "likely")))).toBeLessThan(1e-12);
        }
        for (const [control, events] of [
          ["C-1", ["e0", "e1"]],
          ["C-2", ["e2"]],
        ] as const) {
          const lost = enumerated(graph, GOAL, "likely", new Map(events.map((event) => [event, 1])));
          // A control whose failure cannot happen keeps the way shut in the model: it is named only where its way is open.
          if (reading.contributions.some(({ of }) => of === control))
            expect(Math.abs(change(control) - (lost - likely))).toBeLessThan(1e-12);
        }
        for (const { id, low, high } of graph.events) {
          const swing =
            enumerated(graph, GOAL, "likely", new Map([[id, high]])) -
            enumerated(graph, GOAL, "likely", new Map([[id, low]]));
          const width = reading.widths.find(({ event }) => event === id)?.width ?? 0;
          expect(Math.abs(width - swing)).toBeLessThan(1e-12);
        }
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  test("comes to the same diagram by fixed points and by deciding from the top, in every order tried", () => {
    fc.assert(
      fc.property(model, fc.boolean(), (graph, guarded) => {
        const problem = problemFor(indexed(graph), [GOAL]);
        const [goal] = problem.goals;
        if (typeof goal !== "number") return;
        const small = collapsed(problem, goal, guarded ? new Set(problem.steps.keys()) : undefined);
        for (const { variables } of ordersFor(small)) {
          // One table holds equal functions once, so the roots are equal only if the functions are.
          const table = diagramTable(1 << 16);
          expect(decided(small, variables, table, 1 << 16)).toBe(fixedPoint(small, variables, table));
        }
      }),
      { seed: 3, numRuns: 400 },
    );
  });
});

describe("Monte Carlo", () => {
  const samples = 999;
  const drawing = { seed, exactLimit: 0, samples } as const;

  test("misses the enumerated figure no more often than its 95 % intervals may, over many graphs", () => {
    let asked = 0,
      missed = 0;
    fc.assert(
      fc.property(model, (graph) => {
        const reading = probabilityOf(graph, GOAL, { ...drawing, seed: `graph ${asked}` });
        for (const end of ENDS) {
          const truth = enumerated(graph, GOAL, end);
          if (truth === 0 || truth > 1 - 1e-12) expect(Math.abs(reading[end] - truth)).toBeLessThan(1e-9);
          else {
            asked++;
            const { low, high } = clopperPearson(Math.round(reading[end] * samples), samples);
            expect(Math.min(1, reading[end] + reading.error[end])).toBeGreaterThanOrEqual(high - 1e-12);
            expect(Math.max(0, reading[end] - reading.error[end])).toBeLessThanOrEqual(low + 1e-12);
            if (Math.abs(reading[end] - truth) > reading.error[end]) missed++;
          }
        }
      }),
      { seed: 4, numRuns: 700 },
    );
    expect(asked).toBeGreaterThan(500);
    // P(at least that many misses) if each were missed one time in twenty: were it below one in a thousand, the intervals would lie.
    expect(missed === 0 ? 1 : betaCdf(0.05, missed, asked - missed + 1)).toBeGreaterThan(0.001);
    // And an interval that never misses would be no interval.
    expect(missed).toBeGreaterThan(0);
  });

  test("keeps its ends nested, and no probability, step or start state more ever makes a figure smaller", () => {
    fc.assert(
      fc.property(model, fc.nat(7), fc.nat(6), fc.nat(6), fc.nat(7), (graph, which, from, to, by) => {
        for (const options of [drawing, { seed }]) {
          const before = probabilityOf(graph, GOAL, options);
          expect(before.low).toBeLessThanOrEqual(before.likely);
          expect(before.likely).toBeLessThanOrEqual(before.high);
          const events = graph.events.map((event, e) =>
            e === which
              ? { ...event, low: event.likely, likely: event.high, high: Math.min(1, event.high + 0.1) }
              : event,
          );
          const step = {
            id: "one more",
            needs: [`s${from}`],
            events: by < graph.events.length ? [`e${by}`] : [],
            gains: `s${to}`,
          };
          for (const more of [
            { ...graph, events },
            { ...graph, steps: [...graph.steps, step] },
            { ...graph, start: [...graph.start, `s${to}`] },
          ]) {
            const after = probabilityOf(more, GOAL, options);
            for (const end of ENDS) expect(after[end]).toBeGreaterThanOrEqual(before[end] - 1e-13);
          }
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

test("the same model, goals and seed give the same bytes, drawn or exact; another seed draws otherwise", () => {
  const differing = new Set<string>();
  fc.assert(
    fc.property(model, (graph) => {
      const goals = ["s1", "s2", "s3"];
      for (const options of [{ seed }, { seed, exactLimit: 0, samples: 500 }]) {
        const once = JSON.stringify(evaluateGoals(graph, goals, options));
        expect(JSON.stringify(evaluateGoals(structuredClone(graph), goals, options))).toBe(once);
        if (
          "samples" in options &&
          JSON.stringify(evaluateGoals(graph, goals, { ...options, seed: "other" })).replaceAll("other", seed) !== once
        )
          differing.add(once);
      }
      // Many goals at once are what they are one by one.
      const alone = goals.map((goal) => probabilityOf(graph, goal, { seed }));
      expect(probabilitiesOf(graph, goals, { seed })).toEqual(alone);
    }),
    { seed: 6, numRuns: 100 },
  );
  expect(differing.size).toBeGreaterThan(0);
});

describe("ways, cut sets and single points", () => {
  /** Whether the goal can be gained at all with these events failed, or only with these steps. */
  const gains = (graph: GraphModel, failed: readonly string[], steps = graph.steps): boolean =>
    gainedWith(
      { ...graph, steps },
      (event) => !failed.includes(event) && graph.events.find(({ id }) => id === event)!.high > 0,
    ).has(GOAL);
  /** Smallest sets, of all subsets of `of`, for which `holds` is true; monotone upwards. */
  const smallest = (of: readonly string[], holds: (set: readonly string[]) => boolean): string[][] => {
    const found: string[][] = [];
    const subsets = Array.from({ length: 1 << of.length }, (_, bits) => of.filter((_, i) => (bits >> i) & 1));
    for (const set of subsets.toSorted((a, b) => a.length - b.length))
      if (!found.some((known) => known.every((item) => set.includes(item))) && holds(set)) found.push(set);
    return found;
  };
  const sorted = (sets: readonly (readonly string[])[]): string[] =>
    sets.map((set) => set.toSorted().join()).toSorted();

  test("cut sets cut, are minimal and are all there are, from the diagram and by search", () => {
    fc.assert(
      fc.property(model, (graph) => {
        const failing = graph.events.filter(({ low }) => low < 1).map(({ id }) => id);
        const truth = smallest(failing, (failed) => !gains(graph, failed));
        for (const options of [{ seed }, { seed, exactLimit: 0, samples: 100 }]) {
          const [all] = evaluateGoals(graph, [GOAL], { ...options, cutSets: 1000 });
          expect(all.cutSetsComplete).toBe(true);
          expect(sorted(all.cutSets)).toEqual(sorted(truth));
          const [some] = evaluateGoals(graph, [GOAL], { ...options, cutSets: 2 });
          expect(some.cutSets.map((set) => set.length)).toEqual(
            truth
              .map((set) => set.length)
              .toSorted((a, b) => a - b)
              .slice(0, 2),
          );
          if (some.cutSetsComplete) expect(truth.length).toBeLessThanOrEqual(2);
        }
      }),
      { seed: 7, numRuns: 150 },
    );
  });

  test("the ways shown suffice, are minimal, and are the likeliest of all minimal sets of steps, in order", () => {
    fc.assert(
      fc.property(model, fc.integer({ min: 1, max: 6 }), (graph, count) => {
        const [{ paths, singlePoints }] = evaluateGoals(graph, [GOAL], { seed, paths: count });
        const steps = graph.steps.map(({ id }) => id);
        const only = (set: readonly string[]): typeof graph.steps => graph.steps.filter(({ id }) => set.includes(id));
        const truth = graph.start.includes(GOAL) ? [] : smallest(steps, (set) => gains(graph, [], only(set)));
        const product = (set: readonly string[], end: End): number =>
          [...new Set(only(set).flatMap(({ events }) => events))].reduce(
            (value, event) => value * graph.events.find(({ id }) => id === event)![end],
            1,
          );
        expect(paths.length).toBe(Math.min(count, truth.length));
        const known = new Set(sorted(truth));
        expect(new Set(paths.map((path) => path.steps.toSorted().join())).size).toBe(paths.length);
        const best = truth.map((set) => product(set, "likely")).toSorted((a, b) => b - a);
        for (const [rank, path] of paths.entries()) {
          expect(known.has(path.steps.toSorted().join())).toBe(true);
          for (const end of ENDS) expect(path[end]).toBeCloseTo(product(path.steps, end), 13);
          expect(path.likely).toBeCloseTo(best[rank], 13);
          // Each step stands after those that gain what it needs.
          const gained = new Set(graph.start);
          for (const id of path.steps) {
            const step = graph.steps.find((candidate) => candidate.id === id)!;
            expect(step.needs.every((need) => gained.has(need))).toBe(true);
            gained.add(step.gains);
          }
        }
        const through = steps.filter((id) => truth.length > 0 && truth.every((set) => set.includes(id)));
        expect(singlePoints.toSorted()).toEqual(through.toSorted());
      }),
      { seed: 8, numRuns: 100 },
    );
  });
});
