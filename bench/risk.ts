/**
 * The figures of risk: `npm run bench:risk`. Prints each section with `holds` or `FAILS` against its bound, in computing time of one core,
 * and ends with 1 where one fails. `node --no-warnings bench/risk.ts exact` runs the sections whose title or name holds the word.
 */
import { importsSection } from "./imports.ts";
import { plannerSection } from "./planner.ts";
import { agreementSection } from "./risk/agreement.ts";
import { exactSection } from "./risk/exact.ts";
import { ratingSection } from "./risk/rating.ts";
import { samplingSection } from "./risk/sampling.ts";
import type { Section } from "./risk/section.ts";

const SECTIONS: Readonly<Record<string, Section>> = {
  rating: ratingSection,
  sampling: samplingSection,
  exact: exactSection,
  agreement: agreementSection,
  planner: {
    title: "Planner: 60 controls, 200 ways",
    run: async () => {
      const lines: string[] = [];
      const met = await plannerSection((line) => lines.push(line));
      return { lines, met };
    },
  },
  imports: {
    title: "Threat models of other tools: what is carried, what is listed, what is lost",
    run: importsSection,
  },
};

const word = process.argv[2];
for (const [name, { title, run }] of Object.entries(SECTIONS)) {
  if (word !== undefined && word !== name && !title.toLowerCase().includes(word.toLowerCase())) continue;
  console.log(`\n${title}`);
  const { lines, met } = await run();
  for (const line of lines) console.log(`  ${line}`);
  if (!met) process.exitCode = 1;
}
