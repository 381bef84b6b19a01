/** How figures and reports write numbers: always with what they count. */
import type { Estimate, Proportion } from "#assessment/index.ts";

/** `38.1 %` */
export function percent(value: number, digits = 1): string {
  return `${(100 * value).toFixed(digits)} %`;
}

/** `190/500 = 38.0 % [33.7, 42.4]` */
export function proportionText({ k, n, low, high }: Proportion): string {
  return n === 0
    ? "0 of 0: nothing to count"
    : `${k}/${n} = ${percent(k / n)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
}

/** A probability or rate per year in three digits: `0.00995`, `0.0952`, `2.34`. */
export function figure(value: number): string {
  if (value === 0) return "0";
  if (value >= 100) return value.toFixed(0);
  if (value > 0.999 && value < 1) return "> 0.999";
  return String(Number(value.toPrecision(3)));
}

/** `[0.00995, 0.0952]` */
export function intervalText({ low, high }: { readonly low: number; readonly high: number }): string {
  return `[${figure(low)}, ${figure(high)}]`;
}

const GRADE_WORDS = {
  A: "measured end to end, adaptive",
  B: "measured on the component, adaptive",
  C: "measured, not shown to be adaptive",
  D: "published for a comparable system",
  E: "opinion",
  F: "none",
} as const;

/** Where an estimate comes from, in words: `measured 312/500 (grade B)`. */
export function basisText({ basis, grade }: Estimate): string {
  const words =
    basis.kind === "measured"
      ? `measured ${basis.k}/${basis.n} ${basis.n === 1 || basis.unit.endsWith("s") ? basis.unit : `${basis.unit}s`}`
      : basis.kind === "literature"
        ? `literature: ${basis.source}`
        : `${basis.kind}: ${basis.why}`;
  return `${words} – grade ${grade}, ${GRADE_WORDS[grade]}`;
}
