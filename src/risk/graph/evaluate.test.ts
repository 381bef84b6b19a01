/** Closed forms, by hand: what the textbooks give for small structures, and a ladder of any length by its own recursion. */
import { describe, expect, test } from "vitest";
import { ladder, tangle } from "../../../bench/graphs.ts";
import { evaluateGoals, probabilitiesOf, probabilityOf } from "./evaluate.ts";
import type { GraphEvent, GraphModel, GraphStep } from "./model.ts";

const seed = "closed forms";
const event = (id: string, likely: number, low = likely, high = likely, assumed = false): GraphEvent => ({
  id,
  low,
  likely,
  high,
  assumed,
});
/** `a,b & e,f > c` is a step that needs a and b, takes the events e and f, and gains c. */
const step = (text: string, index: number): GraphStep => {
  const [left, gains] = text.split(" > ");
  const [needs, events = ""] = left.split(" & ");
  const names = (list: string): string[] => list.split(",").filter((name) => name !== "" && name !== "-");
  return { id: `t${index + 1}`, needs: names(needs), events: names(events), gains };
};
const graph = (events: readonly GraphEvent[], ...steps: readonly string[]): GraphModel => ({
  start: ["start"],
  events,
  steps: steps.map(step),
});
const likelyOf = (model: GraphModel, goal = "goal"): number => probabilityOf(model, goal, { seed }).likely;

describe("closed forms", () => {
  const p = 0.3,
    q = 0.6,
    r = 0.9;
  const events = [event("p", p), event("q", q), event("r", r)];

  test("series multiplies, parallel leaves the product of the failures", () => {
    expect(likelyOf(graph(events, "start & p > x", "x & q > y", "y & r > goal"))).toBeCloseTo(p * q * r, 15);
    expect(likelyOf(graph(events, "start & p > goal", "start & q > goal", "start & r > goal"))).toBeCloseTo(
      1 - (1 - p) * (1 - q) * (1 - r),
      15,
    );
  });

  test("two of three is pq + pr + qr − 2pqr", () => {
    const model = graph(
      events,
      "start & p > a",
      "start & q > b",
      "start & r > c",
      "a,b > goal",
      "a,c > goal",
      "b,c > goal",
    );
    expect(likelyOf(model)).toBeCloseTo(p * q + p * r + q * r - 2 * p * q * r, 15);
  });

  test("the bridge network conditions on its bridge: 2p² + 2p³ − 5p⁴ + 2p⁵", () => {
    const five = ["e1", "e2", "e3", "e4", "e5"].map((id) => event(id, p));
    // The bridge e5 can be walked both ways, which makes a cycle.
    const model = graph(
      five,
      "start & e1 > left",
      "start & e2 > right",
      "left & e3 > goal",
      "right & e4 > goal",
      "left & e5 > right",
      "right & e5 > left",
    );
    expect(likelyOf(model)).toBeCloseTo(2 * p ** 2 + 2 * p ** 3 - 5 * p ** 4 + 2 * p ** 5, 15);
    const [reading] = evaluateGoals(model, ["goal"], { seed });
    expect(reading.cutSets).toEqual([
      ["e1", "e2"],
      ["e3", "e4"],
      ["e1", "e4", "e5"],
      ["e2", "e3", "e5"],
    ]);
    expect(reading.singlePoints).toEqual([]);
    expect(reading.paths.map(({ steps }) => steps.join())).toEqual(["t1,t3", "t2,t4", "t1,t5,t4", "t2,t6,t3"]);
    // The bridge by itself: P with it at 1 less P with it at 0, times its probability.
    expect(reading.contributions.find(({ of }) => of === "t5")!.change).toBeCloseTo(p ** 3 * (1 - p) ** 2, 15);
  });

  test("two layers that share a cause are as weak as the cause: not p², but c + (1 − c)p²", () => {
    // Each layer fails by itself (p) or because the common administrator's account was taken (c).
    const c = 0.1;
    const layers = (causes: readonly [string, string]): GraphModel =>
      graph(
        [event("one fails", p), event("two fails", p), event("account", c), event("other account", c)],
        "start & one fails > inside",
        `start & ${causes[0]} > inside`,
        "inside & two fails > goal",
        `inside & ${causes[1]} > goal`,
      );
    expect(likelyOf(layers(["account", "account"]))).toBeCloseTo(c + (1 - c) * p * p, 15);
    const each = 1 - (1 - p) * (1 - c);
    expect(likelyOf(layers(["account", "other account"]))).toBeCloseTo(each * each, 15);
  });

  test("a cycle gains nothing from itself", () => {
    expect(likelyOf(graph(events, "x & p > y", "y & q > x", "x > goal"))).toBe(0);
    expect(likelyOf(graph(events, "start & p > x", "x > y", "y > x", "y & q > goal"))).toBeCloseTo(p * q, 15);
  });

  test("what is held from the beginning is certain, and what nothing gains is impossible", () => {
    const model = graph(events, "start & p > goal");
    expect(probabilityOf(model, "start", { seed })).toMatchObject({ method: "exact", low: 1, likely: 1, high: 1 });
    expect(probabilityOf(model, "elsewhere", { seed })).toMatchObject({ method: "exact", low: 0, likely: 0, high: 0 });
    const [none] = evaluateGoals(model, ["elsewhere"], { seed });
    expect(none).toMatchObject({ paths: [], cutSets: [[]], cutSetsComplete: true });
  });
});

describe("drivers", () => {
  test("a control is worth what losing it adds, all its failures together", () => {
    // Both ways pass the same control; each has to defeat it by itself.
    const model = graph(
      [event("a fails", 0.1), event("b fails", 0.2), event("way a", 0.5), event("way b", 0.5)],
      "start & way a,a fails > goal",
      "start & way b,b fails > goal",
    );
    const controls = new Map([
      ["a fails", "C-92"],
      ["b fails", "C-92"],
    ]);
    const [reading] = evaluateGoals(model, ["goal"], { seed, controls });
    const now = 1 - (1 - 0.05) * (1 - 0.1);
    expect(reading.contributions[0]).toEqual({ of: "C-92", kind: "control", change: expect.closeTo(0.75 - now, 15) });
    const drawn = evaluateGoals(model, ["goal"], { seed, controls, exactLimit: 0, samples: 20_000 })[0];
    expect(drawn.evaluation.method).toBe("monte-carlo");
    expect(drawn.contributions[0]).toMatchObject({ of: "C-92", kind: "control" });
    expect(Math.abs(drawn.contributions[0].change - (0.75 - now))).toBeLessThan(0.02);
  });

  test("widths are swings one at a time, assumed ones first where equal", () => {
    const model = graph(
      [event("measured", 0.5, 0.4, 0.6), event("assumed", 0.5, 0.4, 0.6, true), event("known", 0.5)],
      "start & measured,assumed,known > goal",
    );
    const [{ widths }] = evaluateGoals(model, ["goal"], { seed });
    expect(widths).toEqual([
      { event: "assumed", width: expect.closeTo(0.05, 15), assumed: true },
      { event: "measured", width: expect.closeTo(0.05, 15), assumed: false },
    ]);
  });
});

describe("larger graphs", () => {
  /** P(the far upper corner of a ladder is connected): which of the two rails the frontier still holds, column by column. */
  const ladderBy = (rungs: number, p: number): number => {
    let lower = 1 - p,
      upper = 0,
      both = p;
    for (let i = 1; i < rungs; i++) {
      const one = lower * p + both * p * (1 - p),
        other = upper * p + both * p * (1 - p),
        two = both * p * p;
      [lower, upper, both] = [one * (1 - p), other * (1 - p), two + (one + other) * p];
    }
    return upper + both;
  };

  test("a ladder of cycles is exact at 178 shared events", () => {
    const { model, goal } = ladder(60);
    expect(model.events).toHaveLength(178);
    const reading = probabilityOf(model, goal, { seed });
    expect(reading.method).toBe("exact");
    for (const [end, p] of [
      ["low", 0.45],
      ["likely", 0.9],
      ["high", 0.95],
    ] as const)
      expect(Math.abs(reading[end] - ladderBy(60, p))).toBeLessThan(1e-12);
  });

  test("what is too large is drawn and says so, and its interval holds what exactness gives with more nodes", () => {
    const { model, goal } = tangle(40, 80);
    const exact = probabilityOf(model, goal, { seed });
    expect(exact.method).toBe("exact");
    const drawn = probabilityOf(model, goal, { seed, exactLimit: 64, samples: 50_000 });
    expect(drawn).toMatchObject({ method: "monte-carlo", samples: 50_000, seed });
    for (const end of ["low", "likely", "high"] as const) {
      expect(drawn.error[end]).toBeGreaterThan(0);
      expect(Math.abs(drawn[end] - exact[end])).toBeLessThan(drawn.error[end] * 1.5);
    }
  });

  test("many goals of a graph that has to be drawn are drawn once, and say the same as one by one", () => {
    const { model } = tangle(200, 600);
    const goals = ["s199", "s100", "s50"];
    const options = { seed, samples: 1000, exactLimit: 256 };
    const together = probabilitiesOf(model, goals, options);
    expect(together.map(({ method }) => method)).toContain("monte-carlo");
    expect(goals.map((goal) => probabilityOf(model, goal, options))).toEqual(together);
    const [reading] = evaluateGoals(model, ["s199"], { ...options, paths: 2, cutSets: 3 });
    expect(reading.paths.length).toBe(2);
  });
});

test("a model that contradicts itself is refused by name", () => {
  const ok = event("p", 0.5);
  expect(() => probabilityOf(graph([event("p", 0.5, 0.6)], "start & p > goal"), "goal", { seed })).toThrow(
    "the event p needs 0 ≤ low ≤ likely ≤ high ≤ 1",
  );
  expect(() => probabilityOf(graph([event("p", NaN)], "start & p > goal"), "goal", { seed })).toThrow("event p");
  expect(() => probabilityOf(graph([ok, ok], "start & p > goal"), "goal", { seed })).toThrow("declared twice");
  expect(() => probabilityOf(graph([ok], "start & q > goal"), "goal", { seed })).toThrow(
    "the step t1 names the event q, which is not declared",
  );
});
