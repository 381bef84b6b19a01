/** Plans for a real system file: the rating confirms what they promise, the reader's limits hold, and what is left is said. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ControlPlan } from "#assessment/index.ts";
import { controlPlan } from "#assessment/index.ts";
import { highsSolver } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { rate } from "#risk/rate.ts";
import { withMethodActors } from "#system/reach.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { deriveThreats } from "#threats/engine.ts";
import { planControls, type PlanQuestion } from "./plan.ts";
import { totalCost } from "./problem.ts";

const knowledge = loadKnowledge();
const text = readFileSync(new URL("../../../examples/roadside-signs/vauban.yaml", import.meta.url), "utf8");
const system = withMethodActors(readSystem(text, "vauban.yaml", knownFrom(knowledge)).system!);
const { threats } = deriveThreats(system, knowledge, { closures: [] });
const grounds = { system, threats, trials: [], evidence: [], knowledge, asOf: "2026-11-01" };
const rating = rate(grounds);
const solver = highsSolver();

async function planned(wishes: Partial<PlanQuestion> = {}): Promise<ControlPlan> {
  const result = await planControls({ ...grounds, rating, solver, points: 0, ...wishes });
  if (result.status === "refused") throw new Error(result.problems.map(({ message }) => message).join("; "));
  return result.plan;
}
const names = ({ controls }: ControlPlan): string[] => controls.map(({ control, at }) => `${control}@${at}`);

const free = await planned();

test("a plan is a sound document, the best by its solver, and the same when asked again", async () => {
  expect(controlPlan.parse(free)).toEqual(free);
  expect(free.method).toMatchObject({ solver: "HiGHS", optimal: true, gaps: [] });
  expect(await planned()).toEqual(free);
});

test("the rating with the plan in place confirms what it promises: fewer open, none worse, no surprise", () => {
  expect(free.after.within).toBeGreaterThan(free.before.within);
  expect(free.after.missed + free.after.open + free.after.within).toBe(
    free.before.missed + free.before.open + free.before.within,
  );
  expect(free.surprises).toEqual([]);
  for (const { before, after } of free.changed) expect(after.high).toBeLessThanOrEqual(before.high);
  const settled = free.changed.filter(({ after }) => after.judgement === "within" && !after.untested);
  expect(settled.length).toBe(free.after.within - free.before.within);
});

test("every significant threat is either taken away by the plan or left with what it would take", () => {
  const left = new Set(free.left.flatMap((each) => each.threats));
  const unsettled = rating.risks.filter((risk) => risk.significant && (risk.judgement !== "within" || risk.untested));
  const changed = new Set(free.changed.map(({ risk }) => risk));
  for (const { id, threat } of unsettled) expect(changed.has(id) || left.has(threat), id).toBe(true);
  // The sticker anyone can put up: nobody is kept from the street by a denial test.
  const sticker = free.left.find(({ type }) => type === "T-02")!;
  expect(sticker.alternatives.map(({ control }) => control)).toContain("C-64");
  expect(sticker.way[0]).toMatch(/^touches /);
});

test("only proven controls whose denial test closes ways are chosen; of the others no effect is assumed", () => {
  expect(free.controls.length).toBeGreaterThan(0);
  for (const { control } of free.controls) {
    const entry = knowledge.controls.find(({ id }) => id === control)!;
    expect(entry.maturity).toBe("proven");
    expect(entry.planning!.acts).toBe("closes");
    expect(entry.layer).not.toBe("model");
  }
});

test("a budget and exclusions hold, and cut back the plan without calling anything infeasible", async () => {
  const total = Math.floor(totalCost(free.cost) / 3);
  const poor = await planned({ budget: { total }, excluded: ["C-71"] });
  expect(totalCost(poor.cost)).toBeLessThanOrEqual(total);
  expect(names(poor).filter((name) => name.startsWith("C-71"))).toEqual([]);
  expect(poor.after.within).toBeLessThan(free.after.within);
  expect(poor.limitedBy[0]).toMatch(
    new RegExp(`total at most ${total}: all that mature controls can close takes [0-9]+`),
  );
  expect(poor.notFeasible).toBeUndefined();
});

test("what is required is in the plan, earns nothing that was not shown, and what it may raise is to be measured again", async () => {
  const model = system.components.find((component) => component.model)!.id;
  const plan = await planned({ required: [`C-30@${model}`] });
  const trained = plan.controls.find(({ control }) => control === "C-30")!;
  expect(trained).toMatchObject({ at: model, required: true, contributes: [], raises: ["T-17"] });
  expect(plan.after).toEqual(free.after);
});

test("without a solver the plan is no worse than said: admissible, with its gap", async () => {
  const plan = await planned({ solver: undefined });
  expect(plan.method).toMatchObject({ solver: "greedy", optimal: false });
  expect(plan.after.within).toBe(free.after.within);
  const cost = plan.method.gaps.find(({ rank }) => rank === "total cost");
  if (cost) expect(cost.bound).toBeLessThanOrEqual(Math.min(cost.found, totalCost(free.cost)));
});

test("names that are not in the catalogue or the system are refused with what was meant", async () => {
  const model = system.components.find((component) => component.model)!.id;
  const result = await planControls({
    ...grounds,
    rating,
    required: ["C-99@x", `C-53@${model}x`, "C-53"],
    excluded: ["C-98"],
  });
  expect(result.status).toBe("refused");
  const { problems } = result as Extract<typeof result, { status: "refused" }>;
  expect(problems.map(({ message }) => message)).toHaveLength(4);
  expect(problems[1]!.hint).toContain(`C-53@${model}`);
});
