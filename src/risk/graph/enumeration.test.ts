/** The attack graph's mathematics against brute force: random cyclic AND/OR graphs with shared events, all 2^n outcomes enumerated. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateGoals, probabilityOf } from "./evaluate.ts";
import type { GraphModel } from "./model.ts";

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
});
