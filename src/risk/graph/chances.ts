/** The chances of one rated threat (METHOD §3, §4), as independent events whose product along a single way is the figure of that way. */
import { atRate, onceActive, perAttempt } from "#risk/likelihood.ts";
import type { Exposures, Three } from "#risk/likelihood.ts";
import { UNTRIED, type Success } from "#risk/success.ts";
import type { RatedThreat } from "./build.ts";

export interface Chances {
  /** The actor attempts this type of threat within the year: 1 − e^(−λ). */
  readonly attempt: Three;
  /** A failure shared with controls elsewhere. Where it stands before `works` or `more`, those are what is left when it happens. */
  readonly cause: Three | undefined;
  /** It works once attempted, by an open way: (1 − e^(−λp)) / (1 − e^(−λ)). */
  readonly works: Three;
  /** A way that has to be forced is forced; absent where none is left. */
  readonly forced: Three | undefined;
  /** Per help, in their order: it works with that where it fails without. */
  readonly more: readonly Three[];
}

export function chancesOf(rated: RatedThreat): Chances {
  const { attempts, exposures, open, isForceable, helped, footholds } = rated;
  const works = chanceOf(attempts, open, exposures);
  // Whether a way is forced does not hang on how well the attack behind it works: else measuring that would move this.
  const forcing = ratioOf(chanceOf(attempts, UNTRIED.forced, exposures), chanceOf(attempts, UNTRIED.open, exposures));
  const past = (chance: Three): Three => (rated.cause ? ratioOf(chance, rated.cause.chance) : chance);
  const shown = footholds.reduce((most, foothold) => Math.max(most, foothold.shown), 0);
  return {
    attempt: ordered((end) => atRate(attempts[end], 1)),
    cause: rated.cause?.chance,
    works: rated.cause?.onItself ? past(works) : works,
    forced: isForceable ? { ...forcing, low: Math.max(forcing.low, Math.min(shown, forcing.likely)) } : undefined,
    more: helped.map(({ open: better }, i) => {
      const more = moreWith(chanceOf(attempts, better, exposures), works);
      return rated.cause?.onHelp[i] ? past(more) : more;
    }),
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

/** A threat under controls that may fail together with others, and its success under the controls beside that cannot. */
export interface Guarded {
  readonly rated: RatedThreat;
  /** As helping another: success by itself. Absent where it helps none that is guarded. */
  readonly beside: Success | undefined;
  /** As helped by another: success with each help, in their order; absent where that help is not guarded. */
  readonly besideWith: readonly (Success | undefined)[];
}

/**
 * The chance that one cause lets an actor past the controls on several threats: the highest share that those of any one let through.
 * What is left to each threat is its own chance over this one, so their product stays exact; where that would fall towards the higher
 * ends, the cause takes less.
 */
export function causeOf(guarded: readonly Guarded[]): Three {
  const parts = guarded.flatMap(({ rated: { attempts, exposures, open, helped }, beside, besideWith }) => {
    const chance = (success: Success): Three => chanceOf(attempts, success, exposures);
    const works = chance(open);
    return [
      ...(beside ? [{ whole: chance(beside), part: works }] : []),
      ...helped.flatMap((help, i) => {
        const without = besideWith[i];
        return without ? [{ whole: moreWith(chance(without), works), part: moreWith(chance(help.open), works) }] : [];
      }),
    ];
  });
  const share = (end: End): number =>
    Math.max(...parts.map(({ whole, part }) => (whole[end] > 0 ? Math.min(1, part[end] / whole[end]) : part[end])));
  const high = share("high");
  const below = (end: End, next: End, above: number): number =>
    Math.min(
      above,
      Math.max(share(end), ...parts.map(({ part }) => (part[next] > 0 ? (above * part[end]) / part[next] : 0))),
    );
  const likely = below("likely", "high", high);
  return { low: below("low", "likely", likely), likely, high };
}

/** The chance that, beside `without`, makes `together`: 1 − (1 − without)(1 − x) = together. */
const moreWith = (together: Three, without: Three): Three =>
  ordered((end) => (without[end] < 1 ? (together[end] - without[end]) / (1 - without[end]) : 0));
