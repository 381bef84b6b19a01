/** Runs planned trials in the workers: what is stored is taken, what is done is stored at once, and what dies costs its own units only. */
import { HostError, WorkerDied } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import type { Run } from "#base/run.ts";
import type { Trial } from "#assessment/index.ts";
import { assign, expectedPerUnit, type EvasionPlan, type Expected } from "#attacks/campaign.ts";
import { invalid } from "#attacks/evaluated.ts";
import { concludeEvasion } from "#attacks/joined.ts";
import { forget, recall, remember } from "./cache.ts";
import type { TrialPlan } from "./plan.ts";
import { foldersUnchanged } from "./unchanged.ts";
import { durationText, split, unitsPerShard, type Range } from "./split.ts";
import {
  evasionPlanOf,
  noGradientNote,
  refusedTrial,
  type Shard,
  type ShardResults,
  type Surveyed,
  type TrialResult,
  type UnitsDone,
} from "./shard.ts";

export interface MeasureOptions {
  readonly fresh: boolean;
  /** When this run began, ISO 8601: the day measurements are dated with. */
  readonly started: string;
  /** Units per shard; default: as many as take a fraction of a minute. No result depends on it. */
  readonly shardUnits?: number;
  /** One finished stage, for people. */
  readonly tell: (mark: "done" | "warning" | "waiting", stage: string, text: string) => void;
}

export interface Untested {
  readonly trial: Trial;
  readonly because: string;
  /** What its finished shards say, where there are any: for people, never for a claim. */
  readonly partial?: TrialResult;
}

export interface Measured {
  readonly results: readonly { readonly trial: Trial; readonly result: TrialResult }[];
  readonly untested: readonly Untested[];
  readonly reused: readonly string[];
  readonly seconds: Readonly<Record<string, number>>;
  readonly cancelled: boolean;
}

/** What a trial ended in. */
type Ending =
  | { readonly kind: "result"; readonly result: TrialResult; readonly reused: boolean }
  | {
      readonly kind: "untested";
      readonly because: string;
      readonly partial?: TrialResult;
      readonly cancelled: boolean;
    };

/** An evasion trial after its first look, not ended yet. */
interface Looked {
  readonly kind: "looked";
  readonly plan: TrialPlan;
  readonly evasion: EvasionPlan;
  readonly surveyed: Surveyed;
  readonly expected: Expected;
}

const CANCELLED: Ending = { kind: "untested", because: "untested: cancelled", cancelled: true };

/**
 * Runs the trials, as many shards at once as there are workers. Never throws for what the world gets wrong, nor for a
 * cancellation: what is finished is kept and counted. Trials are told as they end.
 */
export async function measureTrials(
  run: Run,
  trials: readonly TrialPlan[],
  options: MeasureOptions,
): Promise<Measured> {
  const { clock, models } = run.ports;
  const seconds: Record<string, number> = {};
  const endings = new Map<string, Ending>();
  const began = clock.monotonic();
  const end = ({ trial }: TrialPlan, ending: Ending): void => {
    endings.set(trial.id, ending);
    seconds[trial.id] = (clock.monotonic() - began) / 1000;
    run.progress({ stage: trial.kind, item: trial.id, done: 1, total: 1 });
    tellEnding(trial, ending, options.tell);
  };
  // Clean runs first, for they say whether the rest means anything; then what takes long.
  const [clean, evasion, others] = [["clean"], ["evasion"], ["patch", "corruption"]].map((kinds) =>
    trials.filter(({ trial }) => kinds.includes(trial.kind)),
  ) as [TrialPlan[], TrialPlan[], TrialPlan[]];
  const wholes = (plans: readonly TrialPlan[]): Promise<void>[] =>
    plans.map(async (plan) => end(plan, await whole(run, plan, options)));

  const cleaned = wholes(clean);
  const looks = evasion.map((plan) => look(run, plan, options));
  const rest = wholes(others);
  const looked: Looked[] = [];
  for (const [i, one] of (await Promise.all(looks)).entries())
    if (one.kind === "looked") looked.push(one);
    else end(evasion[i]!, one);
  if (looked.length > 0) options.tell("waiting", "expected", expectedWords(looked, models.workers));
  await Promise.all([
    ...cleaned,
    ...rest,
    ...looked.map(async (one) => end(one.plan, await attackInShards(run, one, options))),
  ]);

  const ended = trials.map(({ trial }) => ({ trial, ending: endings.get(trial.id)! }));
  return {
    results: ended.flatMap(({ trial, ending }) => (ending.kind === "result" ? [{ trial, result: ending.result }] : [])),
    untested: ended
      .flatMap(({ trial, ending }) =>
        ending.kind === "untested"
          ? [{ trial, because: ending.because, ...(ending.partial ? { partial: ending.partial } : {}) }]
          : [],
      )
      .toSorted((a, b) => (a.trial.id < b.trial.id ? -1 : 1)),
    reused: ended
      .flatMap(({ trial, ending }) => (ending.kind === "result" && ending.reused ? [trial.id] : []))
      .toSorted(),
    seconds,
    cancelled: ended.some(({ ending }) => ending.kind === "untested" && ending.cancelled),
  };
}

const dated = (result: TrialResult, { started }: MeasureOptions): TrialResult => ({
  ...result,
  date: started.slice(0, 10),
});

/** Why a result may not be kept: a folder it was read from is another by now. Files are checked as they are read. */
async function movedSince({ ports: { files } }: Run, { inputs }: Trial): Promise<string | undefined> {
  try {
    await foldersUnchanged(files, inputs);
    return undefined;
  } catch (error) {
    if (error instanceof HostError) return `${error.message}: ${error.remedy ?? ""}`;
    throw error;
  }
}

/** A trial that is one shard. */
async function whole(run: Run, plan: TrialPlan, options: MeasureOptions): Promise<Ending> {
  const { trial } = plan;
  const { store } = run.ports;
  const earlier = options.fresh ? undefined : await recall<TrialResult>(store, trial.key);
  if (earlier) return { kind: "result", result: earlier, reused: true };
  // The worker says how far its whole trial is; people read it in the units of the trial.
  const total = trial.planned;
  const tried = await attempt(run, { kind: "whole", plan }, (share, note) =>
    run.progress({ stage: trial.kind, item: trial.id, label: trial.id, done: share * total, total, note }),
  );
  if (tried.status === "cancelled") return CANCELLED;
  if (tried.status === "died") return { kind: "untested", because: tried.because, cancelled: false };
  const result = dated(tried.result, options);
  const moved = await movedSince(run, trial);
  if (moved !== undefined) return { kind: "untested", because: moved, cancelled: false };
  await remember(store, trial.key, result);
  return { kind: "result", result, reused: false };
}

const lookName = (trial: Trial): string => `${trial.key}.look`;
const shardName = (trial: Trial, { from, to }: Range): string => `${trial.key}.${from}-${to}`;

/** The first look at an evasion trial: it ends here where an earlier run finished it, or where the question itself is wrong. */
async function look(run: Run, plan: TrialPlan, options: MeasureOptions): Promise<Looked | Ending> {
  const { trial } = plan;
  const { store } = run.ports;
  const earlier = options.fresh ? undefined : await recall<TrialResult>(store, trial.key);
  if (earlier) return { kind: "result", result: earlier, reused: true };
  let surveyed = options.fresh ? undefined : await recall<Surveyed>(store, lookName(trial));
  let ended: TrialResult | undefined;
  if (!surveyed) {
    const tried = await attempt(run, { kind: "survey", plan }, () => {});
    if (tried.status === "cancelled") return CANCELLED;
    if (tried.status === "died") return { kind: "untested", because: tried.because, cancelled: false };
    if (tried.result.status === "refused") ended = refusedTrial(tried.result);
    else {
      surveyed = tried.result;
      await remember(store, lookName(trial), surveyed);
    }
  }
  if (surveyed) {
    const evasion = evasionPlanOf(plan, surveyed.available);
    if (!invalid(surveyed.survey.validity))
      return { kind: "looked", plan, evasion, surveyed, expected: expectedPerUnit(surveyed.survey, evasion) };
    ended = joined(surveyed, [], evasion, "");
  }
  const result = dated(ended!, options);
  await remember(store, trial.key, result);
  return { kind: "result", result, reused: false };
}

/** The units in shards, each stored as soon as it is done; then what they add up to. */
async function attackInShards(
  run: Run,
  { plan, evasion, surveyed, expected }: Looked,
  options: MeasureOptions,
): Promise<Ending> {
  const { trial } = plan;
  const { store, models } = run.ports;
  const { survey } = surveyed;
  const n = survey.units.length;
  const ranges = split(n, options.shardUnits ?? unitsPerShard(expected.likely, n, models.workers));
  const tasks = assign(rng(trial.seed), survey);
  const shares = new Float64Array(ranges.length);
  const report = (note?: string): void => {
    const done = ranges.reduce((sum, { from, to }, i) => sum + shares[i]! * (to - from), 0);
    run.progress({
      stage: trial.kind,
      item: trial.id,
      label: trial.id,
      done: Math.min(done, n - 1e-3),
      total: n,
      note,
    });
  };
  const lost: string[] = [];
  let cancelled = false;
  const done = await Promise.all(
    ranges.map(async (range, i): Promise<UnitsDone[]> => {
      const { from, to } = range;
      const earlier = options.fresh ? undefined : await recall<UnitsDone>(store, shardName(trial, range));
      if (earlier) {
        shares[i] = 1;
        return [earlier];
      }
      const shard: Shard = { kind: "units", plan, from, to, tasks: tasks.slice(from, to), copy: survey.copy };
      const tried = await attempt(
        run,
        shard,
        (share, note) => {
          shares[i] = share;
          report(note);
        },
        () => lost.length >= GIVE_UP,
      );
      if (tried.status === "cancelled") cancelled = true;
      else if (tried.status === "died") lost.push(tried.because);
      else if (tried.result.status === "refused") lost.push(tried.result.because);
      else {
        shares[i] = 1;
        report();
        await remember(store, shardName(trial, range), tried.result);
        return [tried.result];
      }
      return [];
    }),
  ).then((all) => all.flat());

  const because = [...new Set(lost)].join("; ");
  const tried = done.reduce((sum, { records }) => sum + records.length, 0);
  if (cancelled)
    return tried === 0
      ? CANCELLED
      : {
          kind: "untested",
          because: `untested: cancelled after ${tried} of ${n} inputs, which are kept`,
          partial: joined(surveyed, done, evasion, "cancelled"),
          cancelled: true,
        };
  if (tried === 0) return { kind: "untested", because, cancelled: false };
  const result = dated(joined(surveyed, done, evasion, because), options);
  const moved = await movedSince(run, plan.trial);
  if (moved !== undefined) return { kind: "untested", because: moved, cancelled: false };
  // What is missing is tried again by the next run; what is there is not.
  if (tried < n) return { kind: "result", result, reused: false };
  await remember(store, trial.key, result);
  await forget(store, [lookName(trial), ...ranges.map((range) => shardName(trial, range))]);
  return { kind: "result", result, reused: false };
}

function joined(surveyed: Surveyed, done: readonly UnitsDone[], evasion: EvasionPlan, lost: string): TrialResult {
  const { survey } = surveyed;
  const records = done.flatMap((one) => one.records);
  const tallies = done.map(({ tally }) => tally);
  const { outcome, measure, sanity, noGradient, missing } = concludeEvasion(survey, records, tallies, evasion, lost);
  return {
    outcome,
    seen: measure,
    sanity,
    notes: noGradient ? [...surveyed.notes, noGradientNote(noGradient)] : surveyed.notes,
    access: survey.access,
    tried: done.length > 0 ? records.length : survey.units.length,
    available: surveyed.available,
    ...(missing ? { missing } : {}),
  };
}

/** Shards of one trial that may die before the others are not tried any more. */
const GIVE_UP = 3;

type Attempt<K extends Shard["kind"]> =
  | { readonly status: "done"; readonly result: ShardResults[K] }
  | { readonly status: "cancelled" }
  | { readonly status: "died"; readonly because: string };

/** Runs a shard; one that dies gets a second worker, for the first may have died of something else than the shard. */
export async function attempt<S extends Shard>(
  { ports, signal }: Pick<Run, "ports" | "signal">,
  shard: S,
  listen: (share: number, note?: string) => void,
  pointless: () => boolean = () => false,
): Promise<Attempt<S["kind"]>> {
  for (let retry = false; ; retry = true) {
    try {
      const result = await ports.models.run<ShardResults[S["kind"]]>(shard, {
        signal,
        skip: pointless,
        onProgress: (done, total, note) => listen(total > 0 ? Math.min(0.999, done / total) : 0, note),
      });
      return { status: "done", result };
    } catch (error) {
      if (error instanceof Error && error.name === "AbortError") return { status: "cancelled" };
      if (!(error instanceof WorkerDied)) throw error;
      if (retry || error.final)
        return {
          status: "died",
          because: `${error.message}; a model that brings the runtime down, too little memory, or somebody who ended it`,
        };
    }
  }
}

/** What the attacks will take, before they start; the progress lines correct it while they run. */
function expectedWords(looked: readonly Looked[], workers: number): string {
  const units = looked.reduce((sum, { surveyed }) => sum + surveyed.survey.units.length, 0);
  const wall = (of: (expected: Expected) => number): string =>
    durationText(
      looked.reduce((sum, { expected, surveyed }) => sum + of(expected) * surveyed.survey.units.length, 0) / workers,
    );
  return `about ${wall(({ likely }) => likely)} for ${units} inputs on ${workers} workers (${wall(({ least }) => least)} if everything falls at once, ${wall(({ most }) => most)} if nothing does)`;
}

function tellEnding(trial: Trial, ending: Ending, tell: MeasureOptions["tell"]): void {
  if (ending.kind === "untested") {
    if (!ending.cancelled) tell("warning", trial.kind, `${trial.target} – ${ending.because}`);
    return;
  }
  const { result, reused } = ending;
  tell(
    result.outcome.status === "measured" ? "done" : "warning",
    trial.kind,
    `${trial.target} – ${reused ? "taken from an earlier run: " : ""}${said(result)}`,
  );
}

function said({ outcome }: TrialResult): string {
  if (outcome.status === "inconclusive") return `inconclusive: ${outcome.because}`;
  const { measure } = outcome;
  const share = ({ k, n }: { k: number; n: number }): string =>
    `${k}/${n} (${n === 0 ? "–" : ((100 * k) / n).toFixed(1)} %)`;
  switch (measure.kind) {
    case "clean":
      return `right ${share(measure.accuracy)}${measure.declared === undefined ? "" : `, declared ${(100 * measure.declared).toFixed(1)} %`}`;
    case "evasion":
      return `right under attack ${share(measure.robustAccuracy)}`;
    case "patch":
      return `turned by the patch in most placements ${share(measure.perInput)}`;
    case "corruption":
      return `right ${share(measure.accuracy)} under one corruption each; worst ${measure.worst.name} ${measure.worst.severity}: ${share(measure.worst.accuracy)}`;
    default:
      return measure.kind;
  }
}
