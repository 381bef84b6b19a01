/** ISO/IEC 27005 style: likelihood × consequence on a grid of five by five, as its Annex A shows one by way of example. */
import type { Level } from "#assessment/index.ts";
import { bin, combined, ONE_A_YEAR, rangeOf, same, type RiskMethod } from "./method.ts";

const LIKELIHOODS = ["1 unlikely", "2 rather unlikely", "3 likely", "4 very likely", "5 almost certain"] as const;
const likelihoodOf = bin([0, 0.001, 0.01, 0.1, ONE_A_YEAR].map((from, i) => [from, LIKELIHOODS[i]!] as const));

const CONSEQUENCE: Readonly<Record<Level, string>> = {
  VL: "1 minor",
  L: "2 significant",
  M: "3 serious",
  H: "4 critical",
  VH: "5 catastrophic",
};

/** Rows: likelihood 1 to 5; columns: consequence 1 to 5. */
const GRID = [
  [1, 1, 2, 2, 2],
  [1, 2, 2, 3, 3],
  [2, 2, 3, 4, 4],
  [2, 3, 4, 4, 5],
  [3, 4, 4, 5, 5],
] as const;
const WORDS = ["", "1 very low", "2 low", "3 medium", "4 high", "5 very high"] as const;

const grid = (likelihood: string, consequence: string): string =>
  WORDS[GRID[Number(likelihood[0]) - 1]![Number(consequence[0]) - 1]!];

export const iso27005: RiskMethod = {
  id: "iso-27005",
  title: "ISO/IEC 27005 style grid, likelihood × consequence",
  edition: "2022; the organisation sets scales and criteria itself, Annex A shows examples",
  source:
    "a 5 × 5 grid published in an open library as that of ISO/IEC 27005 Annex A; the standard itself was not read",
  mark: "V2",
  decides: false,
  own: [
    "The probability per year becomes likelihood: unlikely < 0.001 ≤ rather unlikely < 0.01 ≤ likely < 0.1 ≤ very likely < 0.632 (one event a year expected) ≤ almost certain. So chosen that “high” begins at severities M and H where our starting criteria end; at VH it begins a decade later.",
    "Severities VL to VH become consequences 1 to 5.",
    "1 and 2 read as acceptable, 3 as tolerable, 4 and 5 as unacceptable.",
  ],
  read: ({ current, severity }) => {
    const likelihood = rangeOf(current, likelihoodOf);
    const consequence = same(CONSEQUENCE[severity]);
    return {
      level: combined(likelihood, consequence, grid),
      scales: [
        { name: "likelihood", ...likelihood },
        { name: "consequence", ...consequence },
      ],
    };
  },
};
