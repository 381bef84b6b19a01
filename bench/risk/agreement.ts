/** Whether drawing and exactness say the same: how often a printed 95 % interval misses the exact figure, over many random graphs. */
import { betaCdf } from "../../src/base/statistics.ts";
import { probabilityOf } from "../../src/risk/graph/evaluate.ts";
import { tangle } from "../graphs.ts";
import type { Section } from "./section.ts";

const ENDS = ["low", "likely", "high"] as const;

export const agreementSection: Section = {
  title: "Agreement: 300 random cyclic graphs of 25 states and 50 steps, 5,000 samples each",
  run() {
    const missed = { low: 0, likely: 0, high: 0 };
    let asked = 0,
      largest = 0;
    for (let i = 0; i < 300; i++) {
      const { model, goal } = tangle(25, 50, { seed: `agreement ${i}` });
      const exact = probabilityOf(model, goal, { seed: "bench" });
      if (exact.method !== "exact") continue;
      const drawn = probabilityOf(model, goal, { seed: `draw ${i}`, exactLimit: 0, samples: 5000 });
      asked++;
      for (const end of ENDS) {
        const off = Math.abs(drawn[end] - exact[end]);
        largest = Math.max(largest, off);
        if (off > drawn.error[end]) missed[end]++;
      }
    }
    const lines = ENDS.map((end) => {
      const k = missed[end];
      // P(K ≥ k) when each of `asked` independent graphs is missed one time in twenty.
      const chance = k === 0 ? 1 : betaCdf(0.05, k, asked - k + 1);
      return {
        holds: chance > 0.001,
        line: `${end.padEnd(7)} ${k} of ${asked} outside the printed interval (5 % would be ${(0.05 * asked).toFixed(0)}); P(as many or more) ${chance.toFixed(3)}   bound above 0.001   ${chance > 0.001 ? "holds" : "FAILS"}`,
      };
    });
    return {
      lines: [...lines.map(({ line }) => line), `largest difference ${largest.toFixed(4)}`],
      met: lines.every(({ holds }) => holds),
    };
  },
};
