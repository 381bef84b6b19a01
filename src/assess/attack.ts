/** One model, one data set, one norm, no system around it: how the data are read, a clean run, a trial per budget, one document. */
import type { HeadChoice } from "#onnx/head.ts";
import { hashOf } from "#base/hash.ts";
import { HostError } from "#base/ports.ts";
import type { Run } from "#base/run.ts";
import {
  ATTACK_FORMAT,
  type AttackDocument,
  type AttackTrial,
  type EvasionMeasure,
  type Measure,
  type SmoothedMeasure,
  type Threshold,
} from "#assessment/index.ts";
import { assaultsOf, evaluations } from "#attacks/campaign.ts";
import { PROFILES, type ProfileId } from "#attacks/profiles.ts";
import { NORMS, type Norm } from "#attacks/region.ts";
import { hardest } from "#figures/attacked.ts";
import { compareWith } from "#claims/thresholds.ts";
import { labelsBesideOf } from "#datasets/open.ts";
import { readBudget, type Budget } from "#system/quantities.ts";
import { recall, remember } from "./cache.ts";
import { judged } from "./conclude.ts";
import { attempt, measureTrials, type Measured } from "./measure.ts";
import {
  CLEAN_SAMPLES,
  describeTrial,
  hashed,
  MEASUREMENT_REVISION,
  type InputFile,
  type TrialPlan,
  type TrialTest,
} from "./plan.ts";
import type { ReadingsFound, ReadingsPlan, StatedInput } from "./readings.ts";
import { evasionPlanOf, type TrialResult } from "./shard.ts";
import { SMOOTHED_UNITS, smoothingOf } from "./smooth.ts";
import { smooth } from "./smoothed.ts";

export interface AttackRequest {
  readonly model: string;
  readonly data: string;
  readonly labels?: string;
  readonly classes?: readonly string[];
  /** What the outputs mean, where the author says so. */
  readonly head?: HeadChoice;
  readonly input: StatedInput;
  readonly norm: Norm;
  /** As written: "8/255", "0.03"; fractions of the input range. */
  readonly eps: readonly string[];
  readonly profile: ProfileId;
  readonly attacks?: readonly string[];
  readonly samples: number;
  readonly queries?: number;
  readonly seed: string;
  readonly expect?: Threshold["compare"];
  /** Also certify the model smoothed with noise of this standard deviation, as fraction of the range. */
  readonly smoothing?: number;
  readonly fresh: boolean;
  readonly shardUnits?: number;
  readonly version: string;
  readonly platform: string;
  readonly command: string;
  readonly started: string;
  readonly tell: (mark: "done" | "warning" | "waiting", stage: string, text: string) => void;
}

export interface Attacked {
  readonly document: AttackDocument;
  readonly cancelled: boolean;
}

/** The place that stands in messages where a system file would: the command line. */
const COMMAND_LINE = { file: "command line", line: 1, column: 1 };

/** Attacks one model. Throws a HostError for what the user can put right before anything is run; cancelling keeps what was measured. */
export async function attack(run: Run, given: AttackRequest): Promise<Attacked> {
  const began = run.ports.clock.monotonic();
  const { files, models } = run.ports;
  const beside = given.labels === undefined ? await labelsBesideOf(files, given.data) : undefined;
  const request = beside === undefined ? given : { ...given, labels: beside };
  const inputs = [await hashed(files, "model", request.model), await hashed(files, "data", request.data)];
  if (request.labels !== undefined) inputs.push(await hashed(files, "labels", request.labels));
  budgetsOf(request, request.input.range ?? [0, 255]);

  const { found, cancelled: stopped } = await readingsOf(run, request, inputs);
  const measured =
    found === undefined || found.doubt !== undefined || stopped
      ? undefined
      : await trialsOf(run, request, inputs, found);
  const smoothed =
    request.smoothing === undefined || !measured || measured.done.cancelled
      ? undefined
      : await smoothedOf(run, request, measured, found!);
  const document = documentOf(request, inputs, found, measured, {
    stopped,
    smoothed,
    run: {
      started: request.started,
      seconds: (run.ports.clock.monotonic() - began) / 1000,
      platform: request.platform,
      runtime: models.runtimeVersion,
      workers: models.workers,
      reused: [...(measured?.done.reused ?? [])],
      requestsOut: 0,
    },
  });
  return { document, cancelled: stopped || (measured?.done.cancelled ?? false) };
}

function budgetsOf({ eps, norm }: AttackRequest, range: readonly [number, number]): Budget[] {
  return eps.map((written) => {
    if (norm === "l0") {
      const count = Number(written);
      if (!Number.isInteger(count) || count < 1)
        throw new HostError(
          `--eps ${written}: in l0 a budget is how many values may change`,
          "write a whole number of at least 1",
        );
      return { fraction: count, raw: count, written };
    }
    const read = readBudget(written, norm === "linf" ? "linf" : "l2", range);
    // What a system file may say besides, a command line may not.
    if ("message" in read)
      throw new HostError(`--eps ${written}: ${read.message}`, read.hint.replace(/,? or \{raw: [^}]*\}/, ""));
    return read;
  });
}

/** Which way the data are read into the model. Throws a HostError where model or data are not what they should be. */
async function readingsOf(
  run: Run,
  request: AttackRequest,
  inputs: readonly InputFile[],
): Promise<{ found?: ReadingsFound; cancelled: boolean }> {
  const plan: ReadingsPlan = {
    model: request.model,
    data: { path: request.data, labels: request.labels },
    ...(request.classes ? { classes: request.classes } : {}),
    ...(request.head ? { head: request.head } : {}),
    stated: request.input,
    norm: request.norm,
    eps: budgetsOf(request, request.input.range ?? [0, 255])[0]!.fraction,
    seed: request.seed,
    inputs: inputs.map(({ path, sha256 }) => ({ path, sha256 })),
  };
  const key = hashOf({
    revision: MEASUREMENT_REVISION,
    runtime: run.ports.models.runtimeVersion,
    readings: { ...plan, model: null, data: null, inputs: null },
    files: inputs.map(({ role, sha256 }) => ({ role, sha256 })),
  });
  const earlier = request.fresh ? undefined : await recall<ReadingsFound>(run.ports.store, key);
  let found = earlier;
  if (!found) {
    run.progress({ stage: "input", item: "readings", label: request.data, done: 0, total: 1 });
    const tried = await attempt(run, { kind: "readings", plan }, (share) =>
      run.progress({ stage: "input", item: "readings", label: request.data, done: share, total: 1 }),
    ).finally(() => run.progress({ stage: "input", item: "readings", done: 1, total: 1 }));
    if (tried.status === "cancelled") return { cancelled: true };
    if (tried.status === "died")
      throw new HostError(
        `${request.model}: ${tried.because}`,
        "check that onnxruntime runs the model by itself; a smaller --samples needs less memory",
      );
    if (tried.result.status === "refused")
      throw new HostError(
        tried.result.because,
        // Most refusals end in what to do about them.
        tried.result.because.includes(" – ")
          ? undefined
          : "check model and data; `vauban attack --help` lists what it reads",
      );
    found = tried.result;
    await remember(run.ports.store, key, found);
  }
  request.tell(found.stated && found.doubt === undefined ? "done" : "warning", "input", found.doubt ?? found.because);
  return { found, cancelled: false };
}

interface TrialsRun {
  readonly plans: readonly TrialPlan[];
  readonly done: Measured;
}

async function trialsOf(
  run: Run,
  request: AttackRequest,
  inputs: readonly InputFile[],
  found: ReadingsFound,
): Promise<TrialsRun> {
  const target = request.model.slice(request.model.lastIndexOf("/") + 1);
  const model = {
    id: target,
    path: request.model,
    input: found.contract,
    classes: request.classes,
    declared: undefined,
    ...(request.head ? { head: request.head } : {}),
  };
  const planned = (id: string, kind: "clean" | "evasion", test: TrialTest, samples: number): TrialPlan => ({
    trial: describeTrial({
      id,
      kind,
      test,
      target,
      model,
      samples,
      queries: kind === "evasion" ? request.queries : undefined,
      steps: undefined,
      profile: request.profile,
      ...(request.attacks ? { attacks: request.attacks } : {}),
      inputs,
      knowledge: "white",
      seed: request.seed,
      runtimeVersion: run.ports.models.runtimeVersion,
    }),
    test,
    model,
    data: { path: request.data, labels: request.labels },
    samples,
    profile: request.profile,
    ...(request.queries === undefined ? {} : { queries: request.queries }),
    ...(request.attacks ? { attacks: request.attacks } : {}),
  });
  const evasions = budgetsOf(request, found.contract.range).map((eps) =>
    planned(
      `${request.norm} ${eps.written}`,
      "evasion",
      {
        kind: "evasion",
        id: `${request.norm} ${eps.written}`,
        because: "--expect",
        model: target,
        norm: request.norm,
        eps,
        where: COMMAND_LINE,
        ...(request.expect ? { robustAccuracy: request.expect } : {}),
      },
      request.samples,
    ),
  );
  const plans = [planned("clean", "clean", { kind: "clean" }, CLEAN_SAMPLES), ...evasions];
  return { plans, done: await measureTrials(run, plans, request) };
}

/** The smoothed classifier's figures, over the clean run's data; told where it came to nothing. */
async function smoothedOf(
  run: Run,
  request: AttackRequest,
  { plans }: TrialsRun,
  found: ReadingsFound,
): Promise<SmoothedMeasure | undefined> {
  const clean = plans.find(({ trial }) => trial.kind === "clean")!;
  const samples = Math.min(SMOOTHED_UNITS, request.samples);
  const options = smoothingOf(request.smoothing!, request.profile);
  const result = await smooth(run, { ...clean, samples }, options, found.available, request.fresh);
  if (result !== undefined && "because" in result) {
    request.tell("warning", "smoothing", result.because);
    return undefined;
  }
  if (result) {
    const { k, n } = result.radii[0]!.certified;
    request.tell("done", "smoothing", `σ ${options.sigma}: right for ${k}/${n}, ${result.abstained.k} abstentions`);
  }
  return result;
}

/** Said where no bound stands below the attacks. */
export const NO_CERTIFICATE = "no bound was computed: what attacks did not beat may still fall to others";

/** What an engineer must not read into the figure, whatever was brought. */
const NOT_TRIED = [
  "changes that no norm bounds: rotations, crops, patches, printed objects – `vauban assess` tries patches and corruptions",
  "attacks through the data and the training: poisoning, backdoors",
  "what an attacker who may ask often learns about the model or its training data",
  "the system around the model: who reaches the input, what checks it, what an error does – `vauban init` begins there",
];

function notTried({ norm, profile, attacks }: AttackRequest): string[] {
  const brought = attacksOf(profile, norm);
  const besides = [...new Set([...attacksOf("standard", norm), ...attacksOf("thorough", norm)])];
  const left = besides.filter((id) => !(attacks ?? brought).includes(id)).toSorted();
  return [
    `budgets in other norms: ${NORMS.filter((other) => other !== norm).join(", ")}`,
    ...(left.length > 0 ? [`attacks that other profiles bring in ${norm}: ${left.join(", ")}`] : []),
    ...NOT_TRIED,
  ];
}

function documentOf(
  request: AttackRequest,
  inputs: readonly InputFile[],
  found: ReadingsFound | undefined,
  measured: TrialsRun | undefined,
  {
    stopped,
    smoothed,
    run,
  }: {
    readonly stopped: boolean;
    readonly smoothed: SmoothedMeasure | undefined;
    readonly run: AttackDocument["run"];
  },
): AttackDocument {
  const [model, data] = inputs as [InputFile, InputFile];
  const results = new Map(measured?.done.results.map(({ trial, result }) => [trial.id, result]));
  const untested = new Map(measured?.done.untested.map((one) => [one.trial.id, one]));
  const evasions = measured?.plans.filter(({ trial }) => trial.kind === "evasion") ?? [];
  // METHOD §2: where the clean run is in doubt, nothing about this model is rated.
  const before = results.get("clean");
  const doubt =
    before?.outcome.status === "inconclusive"
      ? {
          because: `before any attack: ${before.outcome.because}`,
          checks: before.sanity.filter(({ passed }) => !passed),
        }
      : undefined;
  const trials = evasions.map((plan) => {
    const gone = untested.get(plan.trial.id);
    return trialOf(request, plan, results.get(plan.trial.id) ?? gone?.partial, gone?.because, found!.outputs, doubt);
  });
  const clean = results.get("clean")?.seen;
  const some = evasions.map(({ trial }) => results.get(trial.id) ?? untested.get(trial.id)?.partial).find(Boolean);
  const noGradient = some?.notes.find((note) => note.startsWith("no gradient: "));
  const cancelled = stopped || measured?.done.cancelled === true;
  const digest = data.sha256;
  const body = {
    format: ATTACK_FORMAT,
    tool: { name: "vauban", version: request.version },
    target: {
      path: model.path,
      sha256: model.sha256,
      size: model.size,
      access: some?.access ?? null,
      ...(noGradient === undefined
        ? {}
        : { noGradient: noGradient.slice("no gradient: ".length, noGradient.lastIndexOf("; ")) }),
      outputs: found?.outputs ?? null,
      notes: [...(some?.notes ?? found?.notes ?? [])],
    },
    data: {
      path: data.path,
      n: trials[0]?.n ?? 0,
      of: found?.available ?? 0,
      sha256: inputs.length > 2 ? hashOf(inputs.slice(1).map(({ role, sha256 }) => ({ role, sha256 }))) : digest,
    },
    input: {
      contract: found?.contract ?? null,
      stated: found?.stated ?? false,
      because: found?.doubt ?? found?.because ?? "",
      readings: [...(found?.readings ?? [])],
    },
    clean: clean?.kind === "clean" ? clean : null,
    trials,
    bracket: hardest(trials)?.bracket ?? {
      certified: null,
      empirical: null,
      undecided: null,
      because: found?.doubt ?? "cancelled",
    },
    ...(smoothed ? { smoothed } : {}),
    expect: request.expect ?? null,
    notTried: notTried(request),
    ...(cancelled ? { partial: "cancelled by the user: the same command goes on where it stopped" } : {}),
    command: request.command,
  } satisfies Omit<AttackDocument, "hash" | "run">;
  const plain = JSON.parse(JSON.stringify(body)) as typeof body;
  return { ...plain, hash: hashOf(plain), run };
}

function trialOf(
  request: AttackRequest,
  plan: TrialPlan,
  result: TrialResult | undefined,
  untested: string | undefined,
  outputs: number,
  doubt: { readonly because: string; readonly checks: TrialResult["sanity"] } | undefined,
): AttackTrial {
  const { trial, test } = plan;
  if (test.kind !== "evasion") throw new Error("only evasion trials are attacks");
  const { outcome } = result ? judged(trial, result) : { outcome: undefined };
  const seen = evasionOf(outcome?.status === "measured" ? outcome.measure : (result?.seen ?? null));
  const because =
    untested ??
    doubt?.because ??
    (outcome?.status === "inconclusive" ? outcome.because : outcome === undefined ? "nothing was tried" : undefined);
  const robust = seen?.robustAccuracy;
  const planned = evasionPlanOf(plan, trial.planned);
  const hasSurrogate = seen?.attacks.some(({ attack: id }) => id === "transfer") ?? false;
  const assaults = assaultsOf(planned, { outputs, hasGradient: result?.access !== "scores", hasSurrogate });
  const bracket = seen?.bracket;
  return {
    id: trial.id,
    attack: [...new Set(assaults.map(({ attack: { id } }) => id))].join("+"),
    norm: test.norm,
    eps: test.eps.fraction,
    epsRaw: test.eps.raw,
    seed: trial.seed,
    budget: {
      profile: request.profile,
      ...(trial.budget.queries === undefined ? {} : { queries: trial.budget.queries }),
    },
    outcome: because === undefined ? "measured" : "inconclusive",
    ...(because === undefined ? {} : { because }),
    k: robust?.k ?? null,
    n: robust?.n ?? null,
    low: robust?.low ?? null,
    high: robust?.high ?? null,
    steps: assaults
      .filter(({ attack: { needs } }) => needs === "gradient")
      .reduce((sum, assault) => sum + evaluations(assault, outputs), 0),
    queries: seen?.queries ?? 0,
    gradients: seen?.gradients ?? 0,
    attacks: [...(seen?.attacks ?? [])],
    sanity: [
      ...(doubt?.checks ?? []),
      ...(result?.sanity ?? []).filter(({ check }) => !doubt?.checks.some((failed) => failed.check === check)),
    ],
    bracket: {
      certified: bracket?.certified ?? null,
      empirical: robust ?? null,
      undecided: bracket?.undecided ?? null,
      ...(bracket?.certified
        ? {}
        : {
            because: bracket && bracket.method.length > 0 ? `no bound: ${bracket.method.join("; ")}` : NO_CERTIFICATE,
          }),
    },
    ...(request.expect ? expectationOf(request.expect, request, because === undefined ? seen : null, result) : {}),
    measure: seen,
    notes: [...(result?.notes ?? [])],
    manifest: trial.manifest,
    key: trial.key,
  };
}

/**
 * The expectation against the unfavourable end. Any attack can show a miss. That one is met is said only of the whole ensemble
 * with gradients, at a profile that is relied on – or of a certificate, which no attack can undercut.
 */
function expectationOf(
  compare: NonNullable<AttackRequest["expect"]>,
  { attacks, profile }: AttackRequest,
  seen: EvasionMeasure | null,
  result: TrialResult | undefined,
): Pick<AttackTrial, "expectation" | "expectationBecause"> {
  if (!seen) return { expectation: "not shown" };
  const expectation = compareWith(seen.robustAccuracy, compare);
  const certified = seen.bracket?.certified;
  if (expectation !== "met" || (certified && compareWith(certified, compare) === "met")) return { expectation };
  const weak = attacks
    ? `only ${attacks.join(", ")} of the profile was brought`
    : profile === "quick" || profile === "autoattack"
      ? `profile ${profile} lacks the checks by labels and by a copy; repeat it with --profile standard`
      : result?.access === "scores"
        ? "without a gradient only queries were tried"
        : undefined;
  return weak === undefined
    ? { expectation }
    : { expectation: "not shown", expectationBecause: `the attacks did not go below it, but ${weak}` };
}

const evasionOf = (measure: Measure | null): EvasionMeasure | null => (measure?.kind === "evasion" ? measure : null);

/** Attacks that a profile can bring in a norm, by id: what `--attacks` may name. */
export function attacksOf(profile: ProfileId, norm: Norm): string[] {
  const all = [2, 3, 10].flatMap((outputs) =>
    [true, false].flatMap((climbs) =>
      PROFILES[profile].assaults(norm, outputs, climbs, climbs).map(({ attack: { id } }) => id),
    ),
  );
  return [...new Set(all)].toSorted();
}

/** The document without its pictures, for standard output. */
export function withoutPictures(document: AttackDocument): AttackDocument {
  return {
    ...document,
    trials: document.trials.map((trial) => ({
      ...trial,
      measure: trial.measure && {
        ...trial.measure,
        exhibits: trial.measure.exhibits.map(({ before, after, difference, ...rest }) => ({
          ...rest,
          before: { said: before.said, confidence: before.confidence },
          after: { said: after.said, confidence: after.confidence },
          difference: { linf: difference.linf, l2: difference.l2 },
        })),
      },
    })),
  };
}
