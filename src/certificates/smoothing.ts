/**
 * Randomised smoothing (Cohen, Rosenfeld, Kolter: Certified adversarial robustness via randomized smoothing. ICML 2019, algorithms
 * CERTIFY and PREDICT): the class that a model gives most often under Gaussian noise, with a radius in L2 within which that cannot
 * change. It certifies the *smoothed* classifier, which asks the model many times and may abstain; never the model itself.
 */
import type { Signal } from "#base/ports.ts";
import type { Rng } from "#base/random.ts";
import { betaQuantile, normalQuantile } from "#base/statistics.ts";

export interface SmoothingOptions {
  /** Standard deviation of the noise, in fractions of the input range. */
  readonly sigma: number;
  /** Draws that choose the class, and draws that bound its probability. */
  readonly choose: number;
  readonly bound: number;
  /** The chance that a certificate is wrong, per input. */
  readonly alpha: number;
}

/** As in the paper's experiments (§4). */
export const SMOOTHING: Omit<SmoothingOptions, "sigma"> = { choose: 100, bound: 10_000, alpha: 0.001 };

export interface Smoothed {
  /** The class of the smoothed classifier; null: it abstains. */
  readonly said: number | null;
  /** Radius in L2, in fractions; 0 where it abstains. */
  readonly radius: number;
  /** The one-sided lower bound of the class's probability, and its count among the draws. */
  readonly probability: number;
  readonly count: number;
}

interface Asked {
  readonly size: number;
  readonly outputs: number;
  readonly batch: number;
  logits(x: Float32Array, n: number): Promise<Float32Array>;
}

/** The radius σ·Φ⁻¹(p) for `count` of `draws` with confidence 1 − alpha (one-sided Clopper–Pearson); 0 where p ≤ ½. */
export function smoothedRadius(
  count: number,
  draws: number,
  alpha: number,
  sigma: number,
): { probability: number; radius: number } {
  const probability =
    count === 0 ? 0 : count === draws ? alpha ** (1 / draws) : betaQuantile(alpha, count, draws - count + 1);
  return { probability, radius: probability > 0.5 ? sigma * normalQuantile(probability) : 0 };
}

/** Certifies one input of `size` fractions. The noise is drawn from `random` alone, so the same stream gives the same answer. */
export async function certifySmoothed(
  classifier: Asked,
  sample: Float32Array,
  { sigma, choose, bound, alpha }: SmoothingOptions,
  random: Rng,
  signal: Signal,
): Promise<Smoothed> {
  const first = await votes(classifier, sample, sigma, choose, random.fork("choose"), signal);
  const said = first.indexOf(Math.max(...first));
  const count = (await votes(classifier, sample, sigma, bound, random.fork("bound"), signal))[said]!;
  const { probability, radius } = smoothedRadius(count, bound, alpha, sigma);
  return { said: probability > 0.5 ? said : null, radius, probability, count };
}

/** How often each class is said under noise; an answer that holds NaN is nobody's vote. */
async function votes(
  { size, outputs, batch, logits }: Asked,
  sample: Float32Array,
  sigma: number,
  draws: number,
  random: Rng,
  signal: Signal,
): Promise<number[]> {
  const tally = Array.from({ length: outputs }, () => 0);
  const many = Math.max(1, Math.floor(batch));
  for (let from = 0; from < draws; from += many) {
    signal.throwIfAborted();
    const n = Math.min(many, draws - from);
    const noisy = new Float32Array(n * size);
    for (let at = 0; at < noisy.length; at++) noisy[at] = sample[at % size]! + sigma * random.normal();
    const z = await logits(noisy, n);
    for (let k = 0; k < n; k++) {
      let best = 0,
        number = true;
      for (let j = 0; j < outputs; j++) {
        if (Number.isNaN(z[k * outputs + j]!)) number = false;
        if (z[k * outputs + j]! > z[k * outputs + best]!) best = j;
      }
      if (number) tally[best]!++;
    }
  }
  return tally;
}
