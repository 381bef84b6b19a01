/** What a method of judging risk is to this room: a way to put a number into other words, with its source. */
import type { LevelRange, MethodReading, MethodView, Risk } from "#assessment/index.ts";

export interface RiskMethod extends Omit<MethodView, "levels" | "of"> {
  readonly read: (risk: Risk) => MethodReading;
}

/** Words at the three points of an interval. */
export const rangeOf = (
  { low, likely, high }: { readonly low: number; readonly likely: number; readonly high: number },
  word: (value: number) => string,
): LevelRange => ({ low: word(low), likely: word(likely), high: word(high) });

export const same = (word: string): LevelRange => ({ low: word, likely: word, high: word });

/** `M`, or `L…H` where the interval crosses levels. */
export const rangeText = ({ low, high }: LevelRange): string => (low === high ? low : `${low}…${high}`);

/** Combines two ranges point by point: both scales rise with the number, and so does every table here. */
export const combined = (a: LevelRange, b: LevelRange, table: (a: string, b: string) => string): LevelRange => ({
  low: table(a.low, b.low),
  likely: table(a.likely, b.likely),
  high: table(a.high, b.high),
});

/** P(at least one) when one event a year is expected: 1 − 1/e. */
export const ONE_A_YEAR = -Math.expm1(-1);

/** The last word whose lower edge `value` reaches; edges rise, the first is 0. */
export const bin =
  (edges: readonly (readonly [from: number, word: string])[]) =>
  (value: number): string =>
    edges.findLast(([from]) => value >= from)![1];
