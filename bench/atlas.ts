/** Holds the derived threats against incidents: `node --no-warnings bench/atlas.ts` prints what the targets' files would have named of them. */
import { loadKnowledge } from "#knowledge/index.ts";
import { CASES } from "../test/atlas/cases.ts";
import { scoresOf, tableOf } from "../test/atlas/score.ts";

console.log(tableOf(scoresOf(CASES, loadKnowledge())));
