/** What every integrity check is: one file in checks/, which says what it needs, looks, and is then tried on planted faults. */
import type { Rng } from "#base/random.ts";
import type { Signal } from "#base/ports.ts";
import { clopperPearson } from "#base/statistics.ts";
import type {
  DataBearing,
  DataDeclared,
  DataFalseAlarms,
  DataFigure,
  DataFinding,
  DataItem,
  DataPlanted,
} from "#assessment/data.ts";
import type { Proportion } from "#assessment/scalars.ts";
import type { Part } from "./breath.ts";
import type { Near, NearPairs } from "./near.ts";
import type { Records } from "./records.ts";
import type { Points, Space } from "./space.ts";

/** What is looked at, with what was learned from it once for all checks. */
export interface Subject {
  readonly data: Records;
  /** What the model was trained on, where `data` test it. */
  readonly train?: Records;
  /** An earlier version of `data`. */
  readonly reference?: Records;
  /** Lowest and highest value that may occur. */
  readonly range?: readonly [low: number, high: number];
  readonly declared?: DataDeclared;
  readonly space: () => Space;
  readonly points: () => Points;
  /** Of each sample the first earlier one it equals, or −1. */
  readonly firstAlike: () => Int32Array;
  readonly radius: () => { readonly radius: number; readonly median: number; readonly probes: number };
  /** The samples, to be asked about. */
  readonly index: () => Near;
  /** Pairs within the radius; images also moved by one pixel. */
  readonly near: (part: Part) => Promise<NearPairs>;
}

export interface CheckRun {
  readonly rng: Rng;
  readonly signal: Signal;
  /** How many faults of a kind are planted; 0: none, and the error rates stay unknown. */
  readonly faults: number;
  /** Lets others work – a signal, a line of progress. */
  readonly pause: () => Promise<void>;
  /** A long part of the check, by its name: it pauses, and says how far it is. */
  readonly part: (name: string) => Part;
}

export interface Looked {
  readonly n: number;
  readonly unit: string;
  readonly tried: string;
  readonly findings: readonly DataFinding[];
  readonly figures?: readonly DataFigure[];
  /** Said where nothing was found. */
  readonly nothing: string;
  /** Every sample that is suspected, where findings list only the first: planted faults go into the others. */
  readonly suspected?: readonly number[];
  /** Why the check could not be made after all. */
  readonly because?: string;
}

export interface ErrorRates {
  readonly planted: readonly DataPlanted[];
  readonly falseAlarms: readonly DataFalseAlarms[];
  /** What planting faults measured beside: the least fault that is seen. */
  readonly figures?: readonly DataFigure[];
  /** Why the check cannot be believed in these data, whatever it found: doubts become notes. */
  readonly because?: string;
}

export interface DataCheck {
  readonly id: string;
  readonly title: string;
  /** Whose method it is. */
  readonly citation: string;
  readonly bearsOn: DataBearing;
  readonly limits: readonly string[];
  /** Why data of this kind have nothing that it looks at, whatever else is given; undefined where they have, or may have. */
  doesNotApply?(subject: Subject): string | undefined;
  /** Why nobody asks this of these data; undefined where it is asked. */
  notAsked(subject: Subject): string | undefined;
  look(subject: Subject, run: CheckRun): Looked | Promise<Looked>;
  /** Plants faults into copies of these very data and counts how often they are seen, and how often the clean copy raises an alarm. */
  errors(subject: Subject, run: CheckRun, looked: Looked): ErrorRates | Promise<ErrorRates>;
}

export const defineDataCheck = (check: DataCheck): DataCheck => check;

/** Most items listed with a finding. */
export const ITEMS_MAX = 200;

export function finding(
  rule: string,
  severity: DataFinding["severity"],
  message: string,
  { count, of, unit, items }: { count: number; of: number; unit: string; items: readonly DataItem[] },
): DataFinding {
  return { rule, severity, message, count, of, unit, items: items.slice(0, ITEMS_MAX) };
}

export function share(k: number, n: number, unit: string): Proportion {
  const { low, high } = clopperPearson(k, n);
  return { k, n, unit, low, high };
}

/** 1,234 */
export const number = (n: number): string => n.toLocaleString("en-US");

/** "3 samples", "1 sample" */
export const counted = (n: number, one: string, many = `${one}s`): string => `${number(n)} ${n === 1 ? one : many}`;

/** A figure with as many digits as a reader uses. */
export const short = (value: number): string =>
  value === 0
    ? "0"
    : Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4
      ? value.toExponential(2)
      : String(Number(value.toPrecision(4)));

/** 3.1 % */
export const percent = (part: number): string => `${Number((100 * part).toPrecision(part < 0.0995 ? 2 : 3))} %`;
