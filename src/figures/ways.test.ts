/** Ways for readers: what is certain is one leg, chances keep their figures, and nothing unreadable is drawn. */
import { expect, test } from "vitest";
import type { AttackStep, GoalReading } from "#assessment/index.ts";
import { READABLE, tacticLanes, withoutActor } from "./lanes.ts";
import { tornado } from "./tornado.ts";
import { distinctWays, legsOf, stepsById } from "./ways.ts";

const step = (id: string, at: string, events: string[] = [], tactic = "AML.TA0015"): AttackStep => ({
  id,
  needs: [],
  gains: `after ${id}`,
  events,
  title: `Mallory: <${id}>`,
  actor: "mallory",
  at,
  tactic,
  stage: "operation",
  conventional: true,
  estimate: { low: 0.1, likely: 0.2, high: 0.3, basis: { kind: "assumed", why: "a test" }, grade: "E" },
  controls: [],
});
const way = (...steps: string[]): GoalReading["paths"][number] => ({ steps, low: 0, likely: 0.1, high: 1 });
const name = { place: (id: string) => id.toUpperCase(), actor: () => "Mallory" };
const steps = [
  step("touch", "a", [], "AML.TA0004"),
  step("move", "b"),
  step("break", "b", ["e1"], "AML.TA0011"),
  step("force", "c", ["e2"], "AML.TA0004"),
  step("harm", "b", ["e3"], "AML.TA0011"),
  step("name", "b"),
];
const byId = stepsById({ steps });

test("certain steps are one leg with the places passed, chances stand alone, and what only names the goal is left out", () => {
  const legs = legsOf(way("touch", "move", "break", "harm", "name", "unknown"), byId);
  expect(legs.map((leg) => (leg.kind === "along" ? leg.places : leg.step.id))).toEqual([["a", "b"], "break", "harm"]);
});

test("a way with all the chances of an earlier one adds nothing", () => {
  const short = way("touch", "break", "harm");
  const long = way("touch", "move", "force", "break", "harm");
  const other = way("force", "harm");
  expect(distinctWays([short, long, other], byId, 5)).toEqual([short, other]);
  expect(distinctWays([short, long, other], byId, 1)).toEqual([short]);
});

test("lanes hold every chance once, in the matrix's order, with figure and basis, and stop where nobody could read on", () => {
  const { svg, boxes, ways } = tacticLanes({ steps }, [way("touch", "break", "harm"), way("force", "harm")], name, "x");
  expect([boxes, ways]).toEqual([4, 2]);
  const text = svg.text;
  expect(text.match(/\[0\.1, 0\.3\] assumed/g)!.length).toBeGreaterThanOrEqual(3);
  expect(text.indexOf(">Initial Access<")).toBeLessThan(text.indexOf(">Impact<"));
  expect(text).not.toContain("<break>");
  const many = Array.from({ length: 60 }, (_, i) => step(`s${i}`, "a", [`e${i}`]));
  const drawn = tacticLanes(
    { steps: many },
    many.map(({ id }) => way(id)),
    name,
    "y",
  );
  expect([drawn.boxes, drawn.ways]).toEqual([READABLE, READABLE]);
  expect(withoutActor(steps[0]!, name.actor)).toBe("<touch>");
});

test("the sensitivity chart keeps the order it is given, hatches what is assumed, and escapes what the author wrote", () => {
  const driver = { kind: "attempts", basis: "", risk: "r", risks: 2 } as const;
  const { text } = tornado(
    [
      { ...driver, id: "1", title: "Attempts: <b>gang", assumed: true, width: 0.9 },
      { ...driver, id: "2", title: "Attempts: logged", assumed: false, width: 0.4 },
    ],
    "t",
  );
  expect(text).not.toContain("<b>");
  expect(text.match(/url\(#t-hatch\)/g)).toHaveLength(1);
  expect(text.indexOf("gang")).toBeLessThan(text.indexOf("logged"));
});
