/** From attempts and success to harmful events per year: what compounds, and what does not (METHOD §4). */
import type { Basis, Estimate, Grade } from "#assessment/scalars.ts";
import { GRADES } from "#assessment/scalars.ts";

/** P(at least one success) per period when attempts arrive at `perPeriod` and each succeeds with probability `success`: 1 − e^(−λS). */
export const atRate = (perPeriod: number, success: number): number => -Math.expm1(-perPeriod * success);

/** P(at least one success) in `attempts` independent random draws: 1 − (1 − S)^k. Computed in logarithms, so small S keeps its digits. */
export const inAttempts = (success: number, attempts: number): number =>
  attempts <= 0 ? 0 : success >= 1 ? 1 : -Math.expm1(attempts * Math.log1p(-success));

/** P(at least j of n independent frames succeed), domain/06 §1.7. Frames of one track are not independent: measure tracks. */
export function atLeastOf(j: number, n: number, success: number): number {
  let total = 0;
  let choose = 1;
  for (let i = 0; i <= n; i++) {
    if (i >= j) total += choose * success ** i * (1 - success) ** (n - i);
    choose = (choose * (n - i)) / (i + 1);
  }
  return Math.min(1, total);
}

/**
 * What k of n varies over. "draws": every attempt is a fresh random draw, so attempts compound. "inputs": success belongs to
 * the input; the same input never succeeds later, and whoever may choose the input needs only one that works.
 */
export type Varies = "draws" | "inputs";

const VARIES: ReadonlyArray<readonly [RegExp, Varies]> = [
  [/\b(random )?(draw|placement)s?\b/i, "draws"],
  [/\b(track|passage|vehicle|victim|attempt|session|encounter)s?\b/i, "draws"],
];

/** The trial's unit decides (METHOD §4); a unit nobody has classified counts as inputs, where nothing compounds silently. */
export const variesOver = (unit: string): Varies => VARIES.find(([pattern]) => pattern.test(unit))?.[1] ?? "inputs";

/** How many victims one attempt meets: the vehicles that pass one sticker. */
export interface Exposures {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
  readonly because: string;
}

export interface Three {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

const END = ["low", "likely", "high"] as const;
const three = (of: (end: (typeof END)[number]) => number): Three => ({
  low: of("low"),
  likely: of("likely"),
  high: of("high"),
});

/** P(at least one harmful event in one attempt): what meets many victims at once compounds where the unit says so. */
export function perAttempt(
  success: Three,
  exposures?: Exposures,
  varies: { readonly low: Varies; readonly high: Varies } = { low: "inputs", high: "inputs" },
): Three {
  return three((end) => {
    const compounds = (end === "low" ? varies.low : varies.high) === "draws";
    return exposures && compounds ? inAttempts(success[end], exposures[end]) : Math.min(1, success[end]);
  });
}

/** P(≥ 1 harmful event per year): lower ends together, likely values together, upper ends together – it rises in each input. */
export function probabilityPerYear(
  attempts: Three,
  success: Three,
  exposures?: Exposures,
  varies: { readonly low: Varies; readonly high: Varies } = { low: "inputs", high: "inputs" },
): Three {
  const once = perAttempt(success, exposures, varies);
  return three((end) => atRate(attempts[end], once[end]));
}

/**
 * P(at least one attempt succeeds | at least one is made) at a rate of attempts: (1 − e^(−λp)) / (1 − e^(−λ)); p itself where none
 * is expected. Rises in both, and times 1 − e^(−λ) it is `atRate` again.
 */
export function onceActive(attempts: Three, once: Three): Three {
  return three((end) => {
    const active = atRate(attempts[end], 1);
    return active > 0 ? Math.min(1, atRate(attempts[end], once[end]) / active) : once[end];
  });
}

/** The success of one attempt that `perYear` amounts to: `probabilityPerYear` turned round. */
export function successFrom(
  perYear: Three,
  attempts: Three,
  exposures?: Exposures,
  varies: { readonly low: Varies; readonly high: Varies } = { low: "inputs", high: "inputs" },
): Three {
  return three((end) => {
    if (attempts[end] <= 0) return 0;
    const once = Math.min(1, -Math.log1p(-Math.min(perYear[end], 1)) / attempts[end]);
    const compounds = (end === "low" ? varies.low : varies.high) === "draws";
    return exposures && compounds ? inAttempts(once, 1 / exposures[end]) : once;
  });
}

/** Expected harmful events per year: λ · S · exposures. */
export function expectedPerYear(attempts: Three, success: Three, exposures?: Exposures): Three {
  return three((end) => attempts[end] * success[end] * (exposures?.[end] ?? 1));
}

/** The weaker of two grades: a product is no better than its worst factor. */
export const weaker = (a: Grade, b: Grade): Grade => (GRADES.indexOf(a) > GRADES.indexOf(b) ? a : b);

export const estimateOf = (value: Three, basis: Basis, grade: Grade): Estimate => ({ ...value, basis, grade });

export type Against = "missed" | "open" | "within";

/** METHOD §1: wholly above the criterion – missed; across it – open; at or below it – within. */
export const judge = ({ low, high }: Three, criterionPerYear: number): Against =>
  low > criterionPerYear ? "missed" : high <= criterionPerYear ? "within" : "open";
