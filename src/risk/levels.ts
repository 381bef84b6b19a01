/** NIST SP 800-30 r1's levels as a view on numbers: half-open bins, the two combining tables, and one level up. */
import { LEVELS } from "#assessment/scalars.ts";
import type { Level } from "#assessment/scalars.ts";

/** Lower edges of the probability bins, METHOD §4: VL < 0.05 ≤ L < 0.20 ≤ M < 0.80 ≤ H < 0.95 ≤ VH. */
export const PROBABILITY_FROM: Readonly<Record<Level, number>> = { VL: 0, L: 0.05, M: 0.2, H: 0.8, VH: 0.95 };

/** Lower edges of attempts per year in decades, METHOD §4; what is rarer than a thousandth is VL too. */
export const ATTEMPTS_FROM: Readonly<Record<Level, number>> = { VL: 0, L: 0.01, M: 0.1, H: 1, VH: 10 };

const levelIn = (edges: Readonly<Record<Level, number>>, value: number): Level =>
  LEVELS.findLast((level) => value >= edges[level]) ?? "VL";

export const levelOfProbability = (probability: number): Level => levelIn(PROBABILITY_FROM, probability);
export const levelOfAttempts = (perYear: number): Level => levelIn(ATTEMPTS_FROM, perYear);

export const rank = (level: Level): number => LEVELS.indexOf(level);

const above = (level: Level, by: number): Level => LEVELS[Math.min(LEVELS.length - 1, rank(level) + by)]!;

/** The upper end of the level above the one `probability` lies in; 1 where there is none above. Never below the argument. */
export function upperEndOneLevelUp(probability: number): number {
  const next = above(levelOfProbability(probability), 1);
  return next === "VH" ? 1 : PROBABILITY_FROM[above(next, 1)];
}

/** The smallest probability one level up (grade C, METHOD §7); what lies in VH already stays. */
export function atLeastOneLevelUp(probability: number): number {
  return Math.max(probability, PROBABILITY_FROM[above(levelOfProbability(probability), 1)]);
}

type Table = Readonly<Record<Level, Readonly<Record<Level, Level>>>>;
const row = (VL: Level, L: Level, M: Level, H: Level, VH: Level): Readonly<Record<Level, Level>> => ({
  VL,
  L,
  M,
  H,
  VH,
});

/** Table G-5: overall likelihood from initiation (rows) and success with adverse impact (columns). */
const G5: Table = {
  VH: row("L", "M", "H", "VH", "VH"),
  H: row("L", "M", "M", "H", "VH"),
  M: row("L", "L", "M", "M", "H"),
  L: row("VL", "L", "L", "M", "M"),
  VL: row("VL", "VL", "L", "L", "L"),
};

/** Table I-2: level of risk from likelihood (rows) and impact (columns). It caps: likelihood L with impact VH is M. */
const I2: Table = {
  VH: row("VL", "L", "M", "H", "VH"),
  H: row("VL", "L", "M", "H", "VH"),
  M: row("VL", "L", "M", "M", "H"),
  L: row("VL", "L", "L", "L", "M"),
  VL: row("VL", "VL", "VL", "L", "L"),
};

export const overallLikelihood = (initiation: Level, success: Level): Level => G5[initiation][success];
export const riskLevel = (likelihood: Level, impact: Level): Level => I2[likelihood][impact];
