/** Budgets, thresholds, dates and paths as authors write them, and whether they can be. */
import { clopperPearson } from "#base/statistics.ts";
import { COMPARISON_PATTERN, FRACTION_PATTERN } from "./schema.ts";

/** "4/255" -> 4/255, "0.0157" -> 0.0157; NaN where it is neither or divides by zero. */
export function readFraction(written: string | number): number {
  if (typeof written === "number") return written;
  if (!FRACTION_PATTERN.test(written)) return NaN;
  const [above, below] = written.split("/").map(Number);
  const value = below === undefined ? above! : above! / below;
  return Number.isFinite(value) ? value : NaN;
}

export type WrittenBudget = number | string | { raw: number };
export interface Budget {
  readonly fraction: number;
  readonly raw: number;
  readonly written: string;
}

/**
 * A budget as fraction of the declared range. Bounds on every element cannot exceed the range; a Euclidean length can (up to
 * range·√elements), so for l2 only its sign is judged here. Returns the message and hint where it cannot be.
 */
export function readBudget(
  written: WrittenBudget,
  norm: "linf" | "l2",
  range: readonly [number, number],
): Budget | { readonly message: string; readonly hint: string } {
  const width = range[1] - range[0];
  const isRaw = typeof written === "object";
  const number = isRaw ? written.raw : readFraction(written);
  const shown = isRaw ? `{raw: ${written.raw}}` : String(written).trim();
  if (!(number > 0) || !Number.isFinite(number))
    return {
      message: `eps ${shown} is ${Number.isNaN(number) ? "no number" : "not above zero"}`,
      hint: "write 4/255, 0.0157 or {raw: 4}",
    };
  const fraction = isRaw ? number / width : number;
  if (norm === "linf" && fraction > 1)
    return {
      message: isRaw
        ? `eps ${shown} is larger than the whole input range of ${width}`
        : `eps ${shown} is larger than the whole input range`,
      hint: isRaw
        ? `the range is ${range[0]} to ${range[1]}`
        : // What is proposed has to be taken: a whole of which the number is a part.
          shown.includes("/") || number > (width > 1 ? width : 255)
          ? "a budget is a fraction of the range, at most 1: 4/255, 0.0157 or {raw: 4}"
          : width > 1
            ? `write ${shown}/${width}, or {raw: ${shown}}`
            : `eps is a fraction of the range: write ${shown}/255 for steps of 8-bit pictures, or a number up to 1`,
    };
  return { fraction, raw: isRaw ? number : number * width, written: shown };
}

export interface Comparison {
  readonly at: ">=" | "<=";
  readonly value: number;
}

/**
 * ">= 0.60" or "<= 5 %", in the direction that can be a requirement. A gate compares the unfavourable end of a two-sided 95 %
 * Clopper–Pearson interval (METHOD §3), so with `n` units the best that can be shown is the end of the interval for n of n.
 */
export function readThreshold(
  written: string,
  direction: ">=" | "<=",
  key: string,
  n: number | undefined,
): Comparison | { readonly message: string; readonly hint: string } {
  const parts = COMPARISON_PATTERN.exec(written);
  if (!parts) return { message: `${key} ${written} is not a threshold`, hint: `write "${direction} 0.60"` };
  const value = Number(parts[2]) / (parts[3] === "%" ? 100 : 1);
  const example = direction === ">=" ? ">= 0.60" : "<= 0.05";
  if (parts[1] !== direction)
    return {
      message: `${key} cannot be asked to be ${parts[1] === ">=" ? "at least" : "at most"} ${value}`,
      hint: direction === ">=" ? `more is better: write "${example}"` : `less is better: write "${example}"`,
    };
  if (value > 1)
    return {
      message: `${key} ${written.trim()} lies above 1`,
      hint: `write "${direction} ${value / 100}" or "${direction} ${value} %"`,
    };
  const always = direction === ">=" ? value === 0 : value === 1;
  if (always) return { message: `${key} ${written.trim()} holds whatever happens`, hint: `write "${example}"` };
  const never = direction === ">=" ? value === 1 : value === 0;
  const best = n === undefined ? undefined : direction === ">=" ? clopperPearson(n, n).low : clopperPearson(0, n).high;
  const beyond = best !== undefined && (direction === ">=" ? value > best : value < best);
  if (never || beyond) {
    const least = best === undefined ? undefined : best.toFixed(4);
    return {
      message: `${key} ${written.trim()} can never be shown`,
      hint:
        least === undefined
          ? `the 95 % interval never reaches ${value}, even when nothing fails`
          : `with ${n} samples the 95 % interval ends at ${least} even when nothing fails; ask for less or test more`,
    };
  }
  return { at: direction, value };
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether YYYY, YYYY-MM or YYYY-MM-DD exists in the calendar. */
export function isInCalendar(date: string): boolean {
  const [year, month, day] = date.split("-").map(Number);
  if (month === undefined) return true;
  if (month < 1 || month > 12) return false;
  const leap = month === 2 && (year! % 400 === 0 || (year! % 4 === 0 && year! % 100 !== 0));
  return day === undefined || (day >= 1 && day <= DAYS[month - 1]! + (leap ? 1 : 0));
}

/** Why a path cannot be used, with what to write; undefined where it stays inside the folder of the system file. */
export function pathProblem(path: string): { readonly message: string; readonly hint: string } | undefined {
  if (/^[A-Za-z][A-Za-z0-9+.-]+:\/\//.test(path))
    return { message: "is an address, not a path", hint: "put the file beside the system file; nothing is fetched" };
  if (/^([/\\]|[A-Za-z]:|~)/.test(path))
    return { message: "is not relative", hint: "write it relative to the folder of this file" };
  if (path.includes("\\"))
    return { message: "has backslashes", hint: `write it with forward slashes: ${path.replaceAll("\\", "/")}` };
  if (path.split("/").includes(".."))
    return { message: "leaves the folder of this file", hint: "put the file, or the system file, where it is inside" };
  return undefined;
}

/** Whether words in a place for "a path or a reference" look like a path: no spaces, and a slash or a file's ending. */
export const looksLikePath = (words: string): boolean =>
  !/\s/.test(words) && !words.includes("://") && (/[/\\]/.test(words) || /\.[A-Za-z][A-Za-z0-9]{1,7}$/.test(words));
