/** Randomised smoothing of some units of a trial, as a worker runs it. */
import { rng } from "#base/random.ts";
import type { Signal } from "#base/ports.ts";
import type { ProfileId } from "#attacks/profiles.ts";
import { SMOOTHING, certifySmoothed, type Smoothed, type SmoothingOptions } from "#certificates/smoothing.ts";
import { chosenUnits, fractionsOf, type Opened } from "./opened.ts";
import type { TrialPlan } from "./plan.ts";

/** Draws that bound a class's probability, by profile; the paper's are 100,000 (§4). */
const DRAWS: Readonly<Record<ProfileId, number>> = {
  quick: 1000,
  standard: 10_000,
  thorough: 100_000,
  autoattack: 10_000,
};
/** Units: each costs thousands of queries. */
export const SMOOTHED_UNITS = 100;

export const smoothingOf = (sigma: number, profile: ProfileId): SmoothingOptions => ({
  ...SMOOTHING,
  sigma,
  bound: DRAWS[profile],
});

export interface SmoothedUnit extends Smoothed {
  readonly unit: string;
  readonly label: number;
}

/** Certifies the units [from, to) of the plan's order. */
export async function smoothUnits(
  { set, classifier }: Opened,
  plan: TrialPlan,
  options: SmoothingOptions,
  from: number,
  to: number,
  signal: Signal,
  onProgress: (done: number) => void,
): Promise<SmoothedUnit[]> {
  const random = rng(plan.trial.seed);
  const chosen = chosenUnits(set, plan.samples, random);
  const { samples, labels, units } = fractionsOf(set, chosen, plan, from, to);
  const { size } = classifier;
  const found: SmoothedUnit[] = [];
  for (const [k, unit] of units.entries()) {
    const sample = samples.subarray(k * size, (k + 1) * size);
    const stream = random.fork("smoothing").fork(unit);
    found.push({ unit, label: labels[k]!, ...(await certifySmoothed(classifier, sample, options, stream, signal)) });
    onProgress(k + 1);
  }
  return found;
}
