/** Runs the integrity checks of the data sets in the workers: what is stored is taken, and each is stored as it ends. */
import type { Run } from "#base/run.ts";
import type { Trial } from "#assessment/index.ts";
import { recall, remember } from "./cache.ts";
import type { DataChecked } from "./data-check.ts";
import type { DataPlan } from "./data-plan.ts";
import { attempt, type MeasureOptions, type Untested } from "./measure.ts";

export interface DataResult {
  readonly checked: DataChecked;
  readonly date: string;
}

export interface CheckedData {
  readonly results: readonly { readonly trial: Trial; readonly result: DataResult }[];
  readonly untested: readonly Untested[];
  readonly reused: readonly string[];
  readonly cancelled: boolean;
}

/** Runs the plans in the workers, each stored as it ends. Never throws for what the world gets wrong, nor for a cancellation. */
export async function checkDatasets(
  run: Run,
  plans: readonly DataPlan[],
  options: Pick<MeasureOptions, "fresh" | "started" | "tell">,
): Promise<CheckedData> {
  const { store } = run.ports;
  const ended = await Promise.all(
    plans.map(async (plan) => {
      const { trial } = plan;
      const earlier = options.fresh ? undefined : await recall<DataResult>(store, trial.key);
      if (earlier) return { trial, result: earlier, reused: true };
      const tried = await attempt(run, { kind: "data", plan }, (share, note) =>
        run.progress({
          stage: "data",
          item: trial.id,
          label: trial.id,
          done: 10 * share,
          total: 10,
          ...(note ? { note } : {}),
        }),
      );
      run.progress({ stage: "data", item: trial.id, done: 1, total: 1 });
      if (tried.status === "cancelled") return { trial, because: "untested: cancelled", cancelled: true };
      if (tried.status === "died") return { trial, because: tried.because };
      const result = { checked: tried.result, date: options.started.slice(0, 10) };
      await remember(store, trial.key, result);
      return { trial, result, reused: false };
    }),
  );
  for (const one of ended)
    if ("result" in one && one.result) tellData(one.trial, one.result.checked, one.reused === true, options.tell);
    else if (!("cancelled" in one)) options.tell("warning", "data", `${one.trial.target} – ${one.because}`);
  return {
    results: ended.flatMap(({ trial, result }) => (result ? [{ trial, result }] : [])),
    untested: ended.flatMap(({ trial, because }) => (because === undefined ? [] : [{ trial, because }])),
    reused: ended.flatMap(({ trial, reused }) => (reused ? [trial.id] : [])).toSorted(),
    cancelled: ended.some(({ cancelled }) => cancelled),
  };
}

function tellData({ target }: Trial, checked: DataChecked, reused: boolean, tell: MeasureOptions["tell"]): void {
  const before = reused ? "taken from an earlier run: " : "";
  if (checked.status === "refused")
    return tell("warning", "data", `${target} – ${before}not checked: ${checked.because}`);
  const { fault, doubt, cannotTell } = checked.report.summary;
  tell(
    fault > 0 ? "warning" : "done",
    "data",
    `${target} – ${before}${fault} fault${fault === 1 ? "" : "s"}, ${doubt} doubt${doubt === 1 ? "" : "s"}, ${cannotTell.length} check${cannotTell.length === 1 ? "" : "s"} cannot tell`,
  );
}
