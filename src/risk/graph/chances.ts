/** The chances of one rated threat (METHOD §3, §4), as independent events whose product along a single way is the figure of that way. */
import { atRate, onceActive, perAttempt } from "#risk/likelihood.ts";
import type { Exposures, Three } from "#risk/likelihood.ts";
import type { Success } from "#risk/success.ts";
import type { RatedThreat } from "./build.ts";

export interface Chances {
  /** The actor attempts this type of threat within the year: 1 − e^(−λ). */
  readonly attempt: Three;
  /** It works once attempted, by an open way: (1 − e^(−λp)) / (1 − e^(−λ)). */
  readonly works: Three;
  /** A way that has to be forced is forced; absent where none is left. */
  readonly forced: Three | undefined;
  /** Per help, in their order: it works with that where it fails without. */
  readonly more: readonly Three[];
}

export function chancesOf(rated: RatedThreat): Chances {
  const { attempts, exposures, open, forced, isForceable, helped, footholds } = rated;
  const works = chanceOf(attempts, open, exposures);
  const forcing = ratioOf(chanceOf(attempts, forced, exposures), works);
  const shown = footholds.reduce((most, foothold) => Math.max(most, foothold.shown), 0);
  return {
    attempt: ordered((end) => atRate(attempts[end], 1)),
    works,
    forced: isForceable ? { ...forcing, low: Math.max(forcing.low, Math.min(shown, forcing.likely)) } : undefined,
    more: helped.map((help) => moreWith(chanceOf(attempts, help.open, exposures), works)),
  };
}

export const ENDS = ["low", "likely", "high"] as const;
export type End = (typeof ENDS)[number];

/** Three figures in [0, 1] in their order; where rounding or a ratio upsets it, the higher end gives way upwards. */
export function ordered(of: (end: End) => number): Three {
  const low = Math.min(1, Math.max(0, of("low")));
  const likely = Math.min(1, Math.max(low, of("likely")));
  return { low, likely, high: Math.min(1, Math.max(likely, of("high"))) };
}

const chanceOf = (attempts: Three, { estimate, varies }: Success, exposures: Exposures | undefined): Three => {
  const once = onceActive(attempts, perAttempt(estimate, exposures, varies));
  return ordered((end) => once[end]);
};

/** What times `of` gives `part`; 0 where there is nothing of it. */
const ratioOf = (part: Three, of: Three): Three => ordered((end) => (of[end] > 0 ? part[end] / of[end] : 0));

/** The chance that, beside `without`, makes `together`: 1 − (1 − without)(1 − x) = together. */
const moreWith = (together: Three, without: Three): Three =>
  ordered((end) => (without[end] < 1 ? (together[end] - without[end]) / (1 - without[end]) : 0));
