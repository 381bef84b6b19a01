/** The planner's programs against brute force: every choice of controls of small random problems is looked at. */
import { expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { highsSolver } from "#host/index.ts";
import { irreducibleConflict } from "./conflict.ts";
import type { Demand } from "./conflict.ts";
import { solveExactly } from "./exact.ts";
import { solveGreedily } from "./greedy.ts";
import { compareObjectives, judgeChoice, limitOf, TIERS, totalCost } from "./problem.ts";
import type { Judged, PlanProblem } from "./problem.ts";

const solver = highsSolver();

/** A problem of `n` controls with everything a problem can have. */
function randomProblem(seed: string, n: number): PlanProblem {
  const random = rng(seed);
  const whole = (below: number): number => random.below(below);
  const controls = Array.from({ length: n }, (_, i) => ({
    id: `C${i}`,
    tier: TIERS[whole(3)]!,
    cost: { effort: 1 + whole(3), latency: whole(2), accuracy: whole(2), transparency: whole(2) },
    needs: whole(6) === 0 ? [[`C${whole(n)}`, `C${whole(n)}`].filter((id) => id !== `C${i}`)] : [],
  }));
  const ways = Array.from({ length: 2 + whole(6) }, (_, i) => ({
    id: `w${i}`,
    hazard: 0.2 + whole(8) / 10,
    effects: controls.flatMap(({ id }) =>
      whole(3) === 0 ? [{ control: id, to: whole(3) === 0 ? whole(5) / 20 : 0 }] : [],
    ),
  }));
  const risks = Array.from({ length: 1 + whole(4) }, (_, i) => ({
    id: `r${i}`,
    weight: 1 + whole(4),
    limit: 0.05 + whole(4) / 10,
    ways: ways.filter(() => whole(2) === 0).map(({ id }) => id),
    combine: whole(3) === 0 ? ("sum" as const) : ("worst" as const),
  }));
  const pair = (): [string, string] => [`C${whole(n)}`, `C${whole(n)}`];
  return {
    controls,
    ways,
    risks,
    excludes: [pair(), pair()].filter(([a, b]) => a !== b && whole(2) === 0),
    required: whole(5) === 0 ? [`C${whole(n)}`] : [],
    ...(whole(3) === 0 ? { budget: { total: 4 + whole(8), ...(whole(2) === 0 ? { latency: whole(3) } : {}) } } : {}),
  };
}

function everyChoice(problem: PlanProblem): { readonly chosen: ReadonlySet<string>; readonly judged: Judged }[] {
  const ids = problem.controls.map(({ id }) => id);
  return Array.from({ length: 2 ** ids.length }, (_, bits) => {
    const chosen = new Set(ids.filter((_id, i) => (bits >> i) & 1));
    return { chosen, judged: judgeChoice(problem, chosen) };
  }).filter(({ judged }) => judged.admissible);
}

const problems = Array.from({ length: 40 }, (_, i) => randomProblem(`plan-${i}`, 6));

test("the exact plan is as good as the best of all choices, rank by rank, and there is none only where no choice is admissible", async () => {
  let without = 0;
  for (const problem of problems) {
    const choices = everyChoice(problem);
    const plan = await solveExactly(problem, solver);
    if (choices.length === 0) {
      expect(plan).toBeUndefined();
      without++;
      continue;
    }
    expect(plan!.optimal).toBe(true);
    const own = judgeChoice(problem, new Set(plan!.chosen));
    expect(own.admissible).toBe(true);
    expect(own.objective[0]).toBe(Math.min(...choices.map(({ judged }) => judged.objective[0]!)));
    // Which risks: any set of the greatest weight. For that set no choice is better in any rank before the first in which it is worse.
    const alike = choices.filter(({ judged }) => judged.within.join() === own.within.join());
    const best = alike.map(({ judged }) => judged.objective).reduce((x, y) => (compareObjectives(y, x) < 0 ? y : x));
    expect(own.objective).toEqual(best);
  }
  expect(without).toBeLessThan(problems.length / 4);
});

test("the greedy plan is admissible, and neither of its bounds is ever passed by any choice", () => {
  let found = 0;
  for (const problem of problems) {
    const plan = solveGreedily(problem);
    if (!plan) continue;
    found++;
    const own = judgeChoice(problem, new Set(plan.chosen));
    expect(own.admissible).toBe(true);
    expect(-own.objective[0]!).toBe(plan.weight.found);
    expect(totalCost(own.cost)).toBe(plan.cost.found);
    for (const { judged } of everyChoice(problem)) {
      expect(-judged.objective[0]!).toBeLessThanOrEqual(plan.weight.bound + 1e-9);
      if (own.within.every((id) => judged.within.includes(id)))
        expect(totalCost(judged.cost)).toBeGreaterThanOrEqual(plan.cost.bound);
    }
  }
  expect(found).toBeGreaterThan(problems.length / 2);
});

/** Everything the demands ask for, and nothing else. */
function meets(problem: PlanProblem, demands: readonly Demand[], chosen: ReadonlySet<string>): boolean {
  return demands.every((demand) => {
    switch (demand.kind) {
      case "criterion":
        return judgeChoice(problem, chosen).within.includes(demand.risk);
      case "exclusion":
        return !demand.controls.every((id) => chosen.has(id));
      case "need": {
        const control = problem.controls.find(({ id }) => id === demand.control)!;
        return !chosen.has(control.id) || control.needs.every((group) => group.some((id) => chosen.has(id)));
      }
      case "required":
        return chosen.has(demand.control);
      case "budget": {
        const { cost } = judgeChoice(problem, chosen);
        const { total = Infinity, latency = Infinity } = problem.budget!;
        return totalCost(cost) <= total && cost.latency <= latency;
      }
    }
  });
}

test("a conflict is one, none of its demands can be left out, and there is none exactly where every criterion can be met", async () => {
  let conflicts = 0;
  for (const problem of problems.slice(0, 20)) {
    const ids = problem.controls.map(({ id }) => id);
    const choices = Array.from(
      { length: 2 ** ids.length },
      (_, bits) => new Set(ids.filter((_id, i) => (bits >> i) & 1)),
    );
    const conflict = await irreducibleConflict(problem, solver);
    if (!conflict) {
      expect(everyChoice(problem).some(({ judged }) => judged.within.length === problem.risks.length)).toBe(true);
      continue;
    }
    conflicts++;
    expect(choices.some((chosen) => meets(problem, conflict, chosen))).toBe(false);
    for (const left of conflict) {
      const less = conflict.filter((demand) => demand !== left);
      expect(choices.some((chosen) => meets(problem, less, chosen))).toBe(true);
    }
  }
  expect(conflicts).toBeGreaterThan(3);
});

test("design comes before mitigation at any price, and only inside a tier does cost decide", async () => {
  const cost = (effort: number) => ({ effort, latency: 0, accuracy: 0, transparency: 0 });
  const problem: PlanProblem = {
    controls: [
      { id: "dear-design", tier: "design", cost: cost(3), needs: [] },
      { id: "cheap-design", tier: "design", cost: cost(2), needs: [] },
      { id: "free-mitigation", tier: "mitigation", cost: cost(0), needs: [] },
    ],
    ways: [
      {
        id: "w",
        hazard: 1,
        effects: ["dear-design", "cheap-design", "free-mitigation"].map((control) => ({ control, to: 0 })),
      },
    ],
    risks: [{ id: "r", weight: 1, limit: limitOf(0.01), ways: ["w"], combine: "worst" }],
    excludes: [],
    required: [],
  };
  expect((await solveExactly(problem, solver))!.chosen).toEqual(["cheap-design"]);
  expect(solveGreedily(problem)!.chosen).toEqual(["cheap-design"]);
  const poor = { ...problem, budget: { total: 1 } };
  expect((await solveExactly(poor, solver))!.chosen).toEqual(["free-mitigation"]);
});

test("effects on one way are never multiplied: two halves do not make a quarter", () => {
  const halves: PlanProblem = {
    controls: ["a", "b"].map((id) => ({
      id,
      tier: "design",
      cost: { effort: 1, latency: 0, accuracy: 0, transparency: 0 },
      needs: [],
    })),
    ways: [{ id: "w", hazard: 1, effects: ["a", "b"].map((control) => ({ control, to: 0.5 })) }],
    risks: [{ id: "r", weight: 1, limit: 0.3, ways: ["w"], combine: "worst" }],
    excludes: [],
    required: [],
  };
  expect(judgeChoice(halves, new Set(["a", "b"])).within).toEqual([]);
});
