/**
 * Detection with a response time, as the probability of being stopped before the next step (METHOD §8). An attacker who has taken a step
 * needs time for the next; whoever notices the step, with the probability of detection, needs time to respond. The step is stopped if
 * it was noticed and the response came first. The two times are taken as independent.
 *
 * With exponential times this is the race of two Poisson processes: the chance that one of rate μ comes before one of rate λ is
 * μ / (λ + μ) (competing risks, e.g. Ross, Introduction to Probability Models, §5.2.3), and the rate is one over the mean.
 */

/** A span of time in hours: always the same, or exponential with a mean. */
export type Span = { readonly kind: "fixed" | "exponential"; readonly hours: number };

const check = (name: string, { hours }: Span): void => {
  if (!(hours >= 0)) throw new RangeError(`${name} needs hours of at least 0, not ${hours}`);
};

/**
 * Probability that a response begun when a step was taken comes before the next step. A tie is the attacker's: a response as long as the
 * attack stops nothing. Both spans 0 count as a tie.
 */
export function respondsFirst(response: Span, attack: Span): number {
  check("the response", response);
  check("the attack", attack);
  const r = response.hours,
    a = attack.hours;
  if (a === 0) return 0;
  if (r === 0 || a === Infinity) return r === Infinity ? 0 : 1;
  if (r === Infinity) return 0;
  if (response.kind === "fixed" && attack.kind === "fixed") return r < a ? 1 : 0;
  if (response.kind === "fixed") return Math.exp(-r / a);
  if (attack.kind === "fixed") return -Math.expm1(-a / r);
  return a / (a + r);
}

/** Probability of being stopped before the next step: noticed with probability `detects`, and answered in time. */
export function stoppedBefore({
  detects,
  response,
  attack,
}: {
  readonly detects: number;
  readonly response: Span;
  readonly attack: Span;
}): number {
  if (!(detects >= 0 && detects <= 1)) throw new RangeError(`a probability of detection is in [0, 1], not ${detects}`);
  return detects * respondsFirst(response, attack);
}

interface Ends {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

/**
 * The chance event of a detection, seen by the attacker: that he is *not* stopped, as an interval. Every end takes what is worst or best
 * for him: late responses, rare detection and quick attacks at the upper end. Times are exponential with the means given, in hours.
 */
export function evadesDetection({
  detects,
  responseHours,
  attackHours,
}: {
  readonly detects: Ends;
  readonly responseHours: Ends;
  readonly attackHours: Ends;
}): Ends {
  const end = (p: number, response: number, attack: number): number =>
    1 -
    stoppedBefore({
      detects: p,
      response: { kind: "exponential", hours: response },
      attack: { kind: "exponential", hours: attack },
    });
  return {
    low: end(detects.high, responseHours.low, attackHours.high),
    likely: end(detects.likely, responseHours.likely, attackHours.likely),
    high: end(detects.low, responseHours.high, attackHours.low),
  };
}
