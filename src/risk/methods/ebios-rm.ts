/** EBIOS Risk Manager as a view: a strategic scenario's gravity G1–G4 against the likelihood V1–V4 of the operational scenario, which is the way through the graph. */
import type { Level } from "#assessment/index.ts";
import { bin, combined, rangeOf, same, type RiskMethod } from "./method.ts";

const likelihoodOf = bin([
  [0, "V1 unlikely"],
  [0.001, "V2 likely"],
  [0.01, "V3 very likely"],
  [0.1, "V4 nearly certain"],
]);
const GRAVITY: Readonly<Record<Level, string>> = {
  VL: "G1 minor",
  L: "G1 minor",
  M: "G2 significant",
  H: "G3 serious",
  VH: "G4 critical",
};
/** Rows V1 to V4, columns G1 to G4. */
const MATRIX = ["LLLM", "LLMM", "MMHH", "MHHH"] as const;
const WORDS = { L: "low, acceptable as it is", M: "medium, tolerable under control", H: "high, unacceptable" } as const;

const matrix = (likelihood: string, gravity: string): string =>
  WORDS[MATRIX[Number(likelihood[1]) - 1]![Number(gravity[1]) - 1] as keyof typeof WORDS];

export const ebiosRm: RiskMethod = {
  id: "ebios-rm",
  title: "EBIOS Risk Manager, strategic scenarios",
  edition: "ANSSI's method of 2018, version 1.5",
  source:
    "scales V1–V4 and G1–G4 and a risk matrix from an open library; ANSSI's guide leaves scales and matrix to each study",
  mark: "V2",
  decides: false,
  own: [
    "Actor is read as risk origin, the harm as feared event, the way through the graph as operational scenario; workshops 1 and 2 are the system file.",
    "The probability per year becomes likelihood in decades: V1 < 0.001 ≤ V2 < 0.01 ≤ V3 < 0.1 ≤ V4. “Already happened here” would be V4 whatever the figure; nobody can tell that from a model.",
    "Severities VL and L are G1, M is G2, H is G3, VH is G4. The matrix is coarser than a criterion: at G4 it calls V2 tolerable, where 0.001 a year is exceeded already.",
  ],
  read: ({ current, severity }) => {
    const likelihood = rangeOf(current, likelihoodOf);
    const gravity = same(GRAVITY[severity]);
    return {
      level: combined(likelihood, gravity, matrix),
      scales: [
        { name: "gravity", ...gravity },
        { name: "likelihood", ...likelihood },
      ],
    };
  },
};
