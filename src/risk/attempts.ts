/** How often an actor tries, per year: the author's figure, else the profile's for this threat, else the profile's own. */
import type { AttackerProfile, Actor, Estimate } from "#assessment/index.ts";

/**
 * Attempts per year of `actor` at a threat of type `type` (METHOD §4, NIST SP 800-30 G-2). Initiation is graded too: what is
 * assumed is grade E, a figure the author argues from a source is D. An actor without a profile gets every decade there is.
 */
export function attemptsOf(actor: Actor, type: string, profile: AttackerProfile | undefined): Estimate {
  const own = actor.attempts;
  if (own)
    return {
      low: own.low,
      likely: own.likely,
      high: own.high,
      basis: own.assumed ? { kind: "assumed", why: own.because } : { kind: "literature", source: own.because },
      grade: own.assumed ? "E" : "D",
    };
  const start = profile?.attemptsFor.find(({ threats }) => threats.some((id) => id === type)) ?? profile?.attempts;
  if (!start)
    return {
      low: 0.001,
      likely: 1,
      high: 10,
      basis: { kind: "assumed", why: `no attacker profile ${actor.profile} in the knowledge: every decade counts` },
      grade: "F",
    };
  return {
    low: start.low,
    likely: start.likely,
    high: start.high,
    basis: { kind: "assumed", why: `${profile!.id}: ${start.because}` },
    grade: "E",
  };
}
