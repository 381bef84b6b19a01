/** The boolean model of 10,000 nodes and 30,000 edges with cycles, 10,000 samples, all three ends, on one core. */
import { probabilityOf } from "../../src/risk/graph/evaluate.ts";
import { indexed, problemFor } from "../../src/risk/graph/problem.ts";
import { draw } from "../../src/risk/graph/sampling.ts";
import { tangle } from "../graphs.ts";
import { computing, quickest, reportOf, type Section } from "./section.ts";

export const samplingSection: Section = {
  title: "Monte Carlo: 10,000 states, 30,000 steps with cycles, 10,000 samples, all three ends at once",
  run() {
    const lines: string[] = [];
    const bounds = [0.3, 0.6].map((likely) => {
      const { model, goal } = tangle(10_000, 30_000, { likely });
      const cold = computing(() => probabilityOf(model, goal, { seed: "bench", samples: 10_000, exactLimit: 0 }));
      const problem = problemFor(indexed(model), [goal]);
      const warm = quickest(3, () => draw(problem, "bench", 10_000));
      const { low, high, likely: central, error } = cold.result;
      lines.push(
        `mean probability of an event ${likely}: goal ${central} [${low}, ${high}] ± ${error.likely.toFixed(4)}; ` +
          `${problem.states.length} states, ${problem.steps.length} steps and ${problem.events.length} events matter to it; drawing alone ${warm.seconds.toFixed(2)} s`,
      );
      return {
        what: `from the model to the figure, mean probability ${likely}`,
        value: cold.seconds,
        unit: "s",
        atMost: 2,
      };
    });
    return reportOf(bounds, lines);
  },
};
