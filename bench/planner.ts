/**
 * The planner: 60 controls × 200 ways from seeded instances, exactly and without a solver; then a whole system from file to plan.
 * `node --no-warnings bench/planner.ts`, or as a section of `npm run bench:risk`. Times are of this process' own CPU and of the wall.
 */
import { readFileSync } from "node:fs";
import { rng } from "#base/random.ts";
import type { System } from "#assessment/index.ts";
import { highsSolver } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { planControls, rate } from "#risk/index.ts";
import { solveExactly } from "#risk/plan/exact.ts";
import { solveGreedily } from "#risk/plan/greedy.ts";
import { judgeChoice, TIERS, totalCost, type PlanProblem } from "#risk/plan/problem.ts";
import { withMethodActors } from "#system/reach.ts";
import { knownFrom, readSystem } from "#system/read.ts";
import { deriveThreats } from "#threats/engine.ts";

/** What has to hold on a free machine. */
const LIMIT_SECONDS = 10;

function instance(seed: number, budget: number | undefined): PlanProblem {
  const random = rng(`planner ${seed}`);
  const cost = (): number => random.below(4);
  const controls = Array.from({ length: 60 }, (_, i) => ({
    id: `C${i}`,
    tier: TIERS[random.below(10) < 4 ? 0 : random.below(10) < 9 ? 1 : 2]!,
    cost: { effort: 1 + random.below(3), latency: cost(), accuracy: cost(), transparency: random.below(2) },
    needs: random.below(8) === 0 ? [[`C${(i + 1) % 60}`, `C${(i + 7) % 60}`]] : [],
  }));
  const ways = Array.from({ length: 200 }, (_, i) => ({
    id: `w${i}`,
    hazard: 0.05 + random.uniform(),
    effects: random
      .sample(60, 2 + random.below(6))
      .map((c) => ({ control: `C${c}`, to: random.below(4) === 0 ? 0.03 * random.uniform() : 0 })),
  }));
  const risks = Array.from({ length: 50 }, (_, i) => ({
    id: `r${i}`,
    weight: [1, 10, 100][random.below(3)]!,
    limit: 0.02,
    ways: ways.slice(4 * i, 4 * i + 4).map(({ id }) => id),
    combine: random.below(4) === 0 ? ("sum" as const) : ("worst" as const),
  }));
  const excludes = Array.from({ length: 4 }, (): [string, string] => [
    `C${random.below(30)}`,
    `C${30 + random.below(30)}`,
  ]);
  return {
    controls,
    ways,
    risks,
    excludes,
    required: [],
    ...(budget === undefined ? {} : { budget: { total: budget } }),
  };
}

/** Prints its lines; true where everything stayed within its limit. */
export async function plannerSection(say: (line: string) => void): Promise<boolean> {
  const solver = highsSolver();
  let fine = true;
  const timed = async <Result>(
    work: () => Promise<Result> | Result,
  ): Promise<{ result: Result; cpu: number; wall: number }> => {
    const [cpu, wall] = [process.cpuUsage(), performance.now()];
    const result = await work();
    const { user, system } = process.cpuUsage(cpu);
    return { result, cpu: (user + system) / 1e6, wall: (performance.now() - wall) / 1000 };
  };
  const seconds = ({ cpu, wall }: { cpu: number; wall: number }): string =>
    `${cpu.toFixed(2)} s of CPU (${wall.toFixed(2)} s)`;

  say(
    "planner: 60 controls × 200 ways, 50 risks, prerequisites and exclusions; seeds 1 to 3, without and with a budget",
  );
  for (const seed of [1, 2, 3])
    for (const budget of [undefined, 60]) {
      const problem = instance(seed, budget);
      const exact = await timed(() => solveExactly(problem, solver));
      const greedy = await timed(() => solveGreedily(problem));
      const { result } = exact;
      if (!result) throw new Error("nothing is required, so something is always admissible");
      const judged = judgeChoice(problem, new Set(result.chosen));
      const gap = result.gaps.map(({ rank, found, bound }) => `${rank} ${found}, bound ${bound.toFixed(1)}`).join("; ");
      say(
        `  seed ${seed}${budget === undefined ? "" : `, budget ${budget}`}: ${judged.within.length} of 50 within, ${result.chosen.length} controls, cost ${totalCost(judged.cost)}, ${result.optimal ? "optimal" : `not shown optimal: ${gap}`}, ${seconds(exact)}`,
      );
      const { weight, cost, chosen } = greedy.result!;
      say(
        `    greedy: weight ${weight.found} (no plan exceeds ${weight.bound}), ${chosen.length} controls, cost ${cost.found} (none for the same risks below ${cost.bound}), ${seconds(greedy)}`,
      );
      fine &&= exact.cpu < LIMIT_SECONDS;
    }

  const knowledge = loadKnowledge();
  for (const [name, copies] of [
    ["chest-xray", 1],
    ["chest-xray", 58],
  ] as const) {
    const text = readFileSync(new URL(`../examples/${name}/vauban.yaml`, import.meta.url), "utf8");
    const once = readSystem(text, "vauban.yaml", knownFrom(knowledge)).system!;
    const system = withMethodActors(copies === 1 ? once : repeated(once, copies));
    const { threats } = deriveThreats(system, knowledge, { closures: [] });
    const question = { system, threats, trials: [], evidence: [], knowledge, asOf: "2026-11-01", solver };
    const rating = await timed(() => rate(question));
    const planned = await timed(() => planControls({ ...question, rating: rating.result, points: 2, curve: "greedy" }));
    if (planned.result.status === "refused") throw new Error("nothing was required");
    const { plan } = planned.result;
    say(
      `  ${name}${copies === 1 ? "" : ` × ${copies}`}: ${system.components.length} components, ${threats.length} threats rated in ${seconds(rating)}; plan of ${plan.controls.length} controls, ${plan.method.optimal ? "optimal" : "with a gap"}${plan.method.notPlanned > 0 ? `, ${plan.method.notPlanned} less grave threats not planned for` : ""}, open ${plan.before.open} -> ${plan.after.open}, with its curve in ${seconds(planned)}`,
    );
  }
  return fine;
}

/** Sites in the same zones, of which three actors touch the first: as large as a system gets, with the shape of a real one. */
function repeated(system: System, copies: number): System {
  const at = (id: string, i: number): string => `${id}-${i}`;
  const each = <Item>(items: readonly Item[], of: (item: Item, i: number) => Item): Item[] =>
    Array.from({ length: copies }, (_, i) => items.map((item) => of(item, i))).flat();
  const flowId = (from: string, to: string): string => `${from}->${to}`;
  return {
    ...system,
    components: each(system.components, (component, i) => ({ ...component, id: at(component.id, i) })),
    flows: each(system.flows, (flow, i) => ({
      ...flow,
      from: at(flow.from, i),
      to: at(flow.to, i),
      id: flowId(at(flow.from, i), at(flow.to, i)),
    })),
    boundaries: system.boundaries.map((boundary) => ({
      ...boundary,
      components: each(boundary.components, at),
    })),
    actors: system.actors.slice(0, 3).map((actor) => ({
      ...actor,
      touches: actor.touches.map((id) =>
        id.includes("->")
          ? id
              .split("->")
              .map((part) => at(part, 0))
              .join("->")
          : at(id, 0),
      ),
    })),
    controls: [],
    tests: [],
    imports: [],
  };
}

if (import.meta.main) process.exitCode = (await plannerSection((line) => console.log(line))) ? 0 : 1;
