/**
 * Holds the derived threats against incidents of MITRE ATLAS: `npm run bench:atlas` prints which of the steps that touch the target its
 * description would have named, how many threats that took, and how much of the other incidents the same threats would name.
 */
import { loadKnowledge } from "#knowledge/index.ts";
import { CASES, HELD_OUT } from "../test/atlas/cases.ts";
import { scoresOf, tableOf } from "../test/atlas/score.ts";

const knowledge = loadKnowledge();
const all = [...CASES, ...HELD_OUT];
console.log(tableOf(scoresOf(CASES, knowledge)));
console.log(
  "\nheld out: described after rules and crosswalk were changed for those above, and nothing was changed for these",
);
console.log(tableOf(scoresOf(HELD_OUT, knowledge, all)));
