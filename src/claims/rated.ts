/** What claims needs of a rating, as plain data: this room never imports the one that rates. */
import type {
  AttackGraph,
  DeclaredControl,
  DiscardedThreat,
  Evidence,
  Knowledge,
  NotFeasible,
  RegisterRow,
  Risk,
  System,
  Threat,
  Trial,
} from "#assessment/index.ts";

import type { Materials } from "./materials.ts";

/** A control at a place, and whether it earned credit (METHOD §6). */
export interface Credit {
  readonly entry: DeclaredControl;
  readonly control: string;
  readonly at: string;
  readonly credited: boolean;
  readonly fault: string | undefined;
  readonly why: string;
  readonly evidence: readonly string[];
}

/** How much of a risk's interval is owed to success and to attempts. */
export interface Width {
  readonly risk: string;
  readonly success: number;
  readonly attempts: number;
}

export interface Rated {
  readonly risks: readonly Risk[];
  readonly credits: readonly Credit[];
  readonly widths: readonly Width[];
  /** Models whose clean run does not carry a rating. */
  readonly unrated: readonly { readonly component: string; readonly because: string; readonly remedy?: string }[];
  /** The evidence with its standing settled. */
  readonly evidence: readonly Evidence[];
  /** Per harm, over all ways and actors. */
  readonly register: readonly RegisterRow[];
  /** Draws the attack graph behind the figures. */
  readonly draw: () => AttackGraph;
  /** Whether no set of mature measures reaches what is missed (METHOD §9); absent: nobody looked, and nothing is called infeasible. */
  readonly mature?: (missed: {
    readonly risks: readonly Risk[];
    readonly trials: readonly Trial[];
  }) => NotFeasible | undefined;
}

/** An artefact whose bytes are not the ones the system file names. */
export interface Mismatch {
  readonly component: string;
  readonly path: string;
  readonly declared: string;
  readonly found: string;
}

/** Everything the conclusions rest on. */
export interface Grounds extends Rated {
  readonly system: System;
  readonly knowledge: Knowledge;
  readonly threats: readonly Threat[];
  readonly discarded: readonly DiscardedThreat[];
  readonly trials: readonly Trial[];
  readonly mismatches: readonly Mismatch[];
  readonly materials: Materials;
}

export const isCurrent = (item: Evidence): boolean =>
  item.standing.status === "current" && item.signature !== "invalid" && item.kind !== "declared" && item.grade !== "F";

/** Current and measured: the only evidence a claim may rest on. */
export const isUsable = (item: Evidence): boolean => isCurrent(item) && item.outcome.status === "measured";

/** Shown to people: 0.6 → 60 %, 0.0314 → 3.1 %. */
export const percent = (value: number): string => `${Number((100 * value).toFixed(1))} %`;

export const severest = <Item>(items: readonly Item[], weight: (item: Item) => number): Item[] =>
  items.toSorted((a, b) => weight(b) - weight(a));

/** `500 inputs`, `1 random draw`: n with the unit it counts. */
export const counted = (n: number, unit: string): string => `${n} ${n === 1 || unit.endsWith("s") ? unit : `${unit}s`}`;
