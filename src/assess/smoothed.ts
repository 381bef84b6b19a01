/** Randomised smoothing over the data: what the smoothed classifier says and how far that holds, in shards that are stored. */
import { hashOf } from "#base/hash.ts";
import type { Run } from "#base/run.ts";
import type { SmoothedMeasure } from "#assessment/index.ts";
import { proportionOf } from "#attacks/answers.ts";
import { smoothedRadius, type SmoothingOptions } from "#certificates/smoothing.ts";
import { recall, remember } from "./cache.ts";
import { attempt } from "./measure.ts";
import type { TrialPlan } from "./plan.ts";
import type { SmoothedUnit } from "./smooth.ts";
import { split } from "./split.ts";

/** Raised whenever the same unit may be certified otherwise. */
const REVISION = 1;
const SHARD_UNITS = 10;
/** Radii at which accuracy is reported, in standard deviations of the noise. */
const RADII = [0, 0.5, 1, 1.5, 2, 3];

/** Runs all units in the workers, resuming what is stored. Undefined where it was cancelled; a reason where a worker died. */
export async function smooth(
  run: Run,
  plan: TrialPlan,
  options: SmoothingOptions,
  available: number,
  fresh: boolean,
): Promise<SmoothedMeasure | { readonly because: string } | undefined> {
  const { store } = run.ports;
  const n = Math.min(plan.samples, available);
  const key = hashOf({ revision: REVISION, trial: plan.trial.key, samples: plan.samples, options });
  const item = `smoothing ${options.sigma}`;
  let done = 0;
  const parts = await Promise.all(
    split(n, SHARD_UNITS).map(async ({ from, to }): Promise<{ units?: SmoothedUnit[]; because?: string }> => {
      const name = `${key}.${from}-${to}`;
      let found = fresh ? undefined : await recall<SmoothedUnit[]>(store, name);
      if (found === undefined) {
        const tried = await attempt(run, { kind: "smooth", plan, options, from, to }, () => {});
        if (tried.status === "cancelled") return {};
        if (tried.status === "died") return { because: tried.because };
        if ("because" in tried.result) return { because: tried.result.because };
        found = tried.result.units;
        await remember(store, name, found);
      }
      done += to - from;
      run.progress({ stage: "smoothing", item, label: item, done, total: n });
      return { units: found };
    }),
  );
  for (const { because } of parts) if (because !== undefined) return { because };
  const units = parts.flatMap((part) => part.units ?? []);
  if (units.length < n) return undefined;
  const reachable = smoothedRadius(options.bound, options.bound, options.alpha, options.sigma).radius;
  const right = (radius: number): number =>
    units.filter(({ said, label, radius: held }) => said === label && held >= radius).length;
  return {
    sigma: options.sigma,
    choose: options.choose,
    bound: options.bound,
    alpha: options.alpha,
    abstained: proportionOf(units.filter(({ said }) => said === null).length, n, "input"),
    // Beyond this no number of agreeing draws certifies anything: a zero there would look like a measurement.
    radii: RADII.filter((times) => times * options.sigma <= reachable).map((times) => ({
      radius: times * options.sigma,
      certified: proportionOf(right(times * options.sigma), n, "input"),
    })),
    queries: n * (options.choose + options.bound),
  };
}
