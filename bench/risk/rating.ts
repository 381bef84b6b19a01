/** A thousand components from the text of the file to rated threats, as `vauban assess` goes there when nothing is measured yet. */
import { loadKnowledge } from "../../src/knowledge/index.ts";
import { rate } from "../../src/risk/index.ts";
import { withMethodActors } from "../../src/system/reach.ts";
import { knownFrom, readSystem } from "../../src/system/read.ts";
import { deriveThreats } from "../../src/threats/engine.ts";
import { systemText } from "../systems.ts";
import { computing, reportOf, type Section } from "./section.ts";

const TODAY = "2028-02-01";

export const ratingSection: Section = {
  title: "1,000 components from file to rated threats",
  run() {
    const knowledge = loadKnowledge();
    const known = { ...knownFrom(knowledge), today: TODAY };
    const run = (text: string): { lines: string; seconds: number } => {
      const reading = computing(() => readSystem(text, "works.yaml", known));
      if (!reading.result.system) throw new Error("the generated system file is refused");
      const system = withMethodActors(reading.result.system);
      const derived = computing(() => deriveThreats(system, knowledge));
      const { threats } = derived.result;
      const rated = computing(() => rate({ system, threats, trials: [], evidence: [], knowledge, asOf: TODAY }));
      const seconds = reading.seconds + derived.seconds + rated.seconds;
      return {
        lines:
          `${system.components.length} components, ${system.flows.length} flows, ${system.boundaries.length} boundaries, ` +
          `${system.components.filter(({ model }) => model).length} models, ${system.actors.length} actors: ` +
          `${threats.length} threats, ${rated.result.risks.length} risks; read ${reading.seconds.toFixed(2)} s, ` +
          `threats ${derived.seconds.toFixed(2)} s, rated ${rated.seconds.toFixed(2)} s`,
        seconds,
      };
    };
    const first = run(systemText(1000));
    const later = [1, 2, 3].map((seed) => run(systemText(1000, { seed: `works ${seed}` })));
    const quickest = later.toSorted((a, b) => a.seconds - b.seconds)[0];
    const bound = { unit: "s", atMost: 2 };
    return reportOf(
      [
        { what: "first system of a process, code still to be compiled", value: first.seconds, ...bound },
        { what: "quickest of three more systems", value: quickest.seconds, ...bound },
      ],
      [first.lines, quickest.lines],
    );
  },
};
