/** How far exact evaluation comes with the nodes it has by default, family by family, and where it gives up. */
import { EXACT_LIMIT } from "../../src/risk/graph/evaluate.ts";
import { exactGoal } from "../../src/risk/graph/exact.ts";
import type { GraphModel } from "../../src/risk/graph/model.ts";
import { indexed, problemFor } from "../../src/risk/graph/problem.ts";
import { grid, ladder, layered, tangle } from "../graphs.ts";
import { computing, type Section } from "./section.ts";

interface Family {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly make: (size: number) => { model: GraphModel; goal: string };
  /** The size that has to be exact: what docs/attack-graph.md states. */
  readonly stated: number;
}

const FAMILIES: readonly Family[] = [
  { name: "ladder of n rungs", sizes: [50, 150, 300, 600], make: ladder, stated: 300 },
  { name: "grid of n × n", sizes: [4, 5, 6, 7, 8], make: grid, stated: 6 },
  { name: "random, n states and 2n steps", sizes: [20, 30, 40, 50, 60, 80], make: (n) => tangle(n, 2 * n), stated: 30 },
  {
    name: "random, n states and 1.5n steps",
    sizes: [40, 60, 80, 100, 120, 160],
    make: (n) => tangle(n, 1.5 * n),
    stated: 80,
  },
  { name: "n actors through six layers to a harm", sizes: [2, 4, 8, 16, 32], make: layered, stated: 8 },
];

export const exactSection: Section = {
  title: `Exact evaluation with ${EXACT_LIMIT} nodes`,
  run() {
    const lines: string[] = [];
    let met = true;
    for (const { name, sizes, make, stated } of FAMILIES) {
      lines.push(name);
      for (const size of sizes) {
        const { model, goal } = make(size);
        const problem = problemFor(indexed(model), [goal]);
        const { result, seconds } = computing(() => exactGoal(problem, problem.goals[0] as number, EXACT_LIMIT));
        const verdict = size <= stated ? (result ? "holds" : "FAILS") : result ? "" : "drawn instead";
        met &&= size > stated || result !== undefined;
        lines.push(
          `  n = ${String(size).padStart(3)}  ${String(problem.steps.length).padStart(5)} steps ${String(problem.events.length).padStart(5)} events  ` +
            `${result ? `exact, ${String(result.diagram.variable.length).padStart(6)} nodes` : "gives up            "} ${seconds.toFixed(2).padStart(6)} s  ${verdict}`,
        );
      }
    }
    return { lines, met };
  },
};
