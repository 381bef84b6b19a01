/** All integrity checks over one data set: what they found, what they would have missed, and what they were not asked. */
import type { DataCheckResult, DataDeclared, DataItem, DataRead, DataReport } from "#assessment/data.ts";
import type { Signal } from "#base/ports.ts";
import type { Rng } from "#base/random.ts";
import type { Progress } from "#base/run.ts";
import type { DataCheck, CheckRun, ErrorRates, Looked, Subject } from "./check.ts";
import { counted } from "./check.ts";
import { checks } from "./checks/index.gen.ts";
import { firstAlike } from "./content-keys.ts";
import { nearAmong } from "./moved.ts";
import { nearIndex, nearRadius } from "./near.ts";
import type { Records } from "./records.ts";
import { spaceOf } from "./space.ts";

export interface DataRequest {
  readonly data: Records;
  /** What the model was trained on, where `data` test it. */
  readonly train?: Records;
  /** An earlier version of `data`, to see what shifted. */
  readonly reference?: Records;
  /** Lowest and highest raw value that may occur. */
  readonly range?: readonly [low: number, high: number];
  /** What the author declares of the origin; absent: nobody asks for it. */
  readonly declared?: DataDeclared;
  /** Only these checks, by id; all where absent. */
  readonly only?: readonly string[];
}

export interface DataRun {
  readonly signal: Signal;
  readonly rng: Rng;
  readonly progress?: (step: Progress) => void;
  /** Faults of a kind that are planted per check; 50 where absent, 0: none, and error rates stay unknown. */
  readonly faults?: number;
  /** Lets signals and other work through between steps. */
  readonly pause?: () => Promise<void>;
  /** When the signal comes, what was done is the report, and the rest is said not to have been asked; without it the signal's error is thrown. */
  readonly keepsDone?: boolean;
}

/** Planted faults of a kind: 50 seen of 50 leave a rate of at least 0.93, 25 of 50 one of [0.36, 0.64]. */
export const FAULTS = 50;
/** Below this share of planted faults seen, for certain, that nothing was found says nothing. */
const BLIND_BELOW = 0.5;

export const CHECK_IDS: readonly string[] = Object.values(checks).map(({ id }) => id);

/**
 * Runs the checks one after the other. The same records, seed and number of faults give the same report. Throws what the signal throws –
 * with `keepsDone` only where nothing is done yet –, and a RangeError where training data or reference have samples of another shape.
 */
export async function checkData(run: DataRun, request: DataRequest): Promise<DataReport> {
  const { data, train, reference, only } = request;
  for (const [name, other] of [
    ["training data", train],
    ["reference", reference],
  ] as const)
    if (other && (other.size !== data.size || String(other.shape) !== String(data.shape)))
      throw new RangeError(
        `a sample of the ${name} has the shape (${other.shape.join(", ")}), one of the data (${data.shape.join(", ")})`,
      );
  const subject = subjectOf(request, run.rng.fork("subject"));
  const chosen = Object.values(checks).filter(({ id }) => !only || only.includes(id));
  const results: DataCheckResult[] = [];
  const pause = async (): Promise<void> => {
    await run.pause?.();
    run.signal.throwIfAborted();
  };
  for (const [done, check] of chosen.entries()) {
    run.progress?.({ stage: "data", item: "checks", label: check.title, done, total: chosen.length });
    const checkRun: CheckRun = {
      rng: run.rng.fork(check.id),
      signal: run.signal,
      faults: run.faults ?? FAULTS,
      pause,
      part: (name) => ({
        pause,
        told: (at, total) =>
          run.progress?.({
            stage: "data",
            item: `${check.id}/${name}`,
            label: `${check.title}: ${name}`,
            done: at,
            total,
          }),
      }),
    };
    try {
      await pause();
      results.push(await checked(check, subject, checkRun));
    } catch (error) {
      if (!run.keepsDone || !run.signal.aborted || results.length === 0) throw error;
      results.push(
        ...chosen.slice(done).map((left) => unmade(left, run.rng.fork(left.id).name, "not asked", CANCELLED)),
      );
      break;
    }
  }
  run.progress?.({ stage: "data", item: "checks", label: "checks", done: chosen.length, total: chosen.length });
  const severities = results.flatMap(({ findings }) => findings.map(({ severity }) => severity));
  const reasons = (wanted: DataCheckResult["outcome"]): string[] =>
    results.flatMap(({ outcome, id, because }) => (outcome === wanted ? [`${id}: ${because}`] : []));
  const of = (wanted: string): number => severities.filter((severity) => severity === wanted).length;
  return {
    data: readOf(data),
    ...(train && { train: readOf(train) }),
    ...(reference && { reference: readOf(reference) }),
    checks: results,
    summary: {
      fault: of("fault"),
      doubt: of("doubt"),
      note: of("note"),
      cannotTell: reasons("cannot tell"),
      notAsked: reasons("not asked"),
      doesNotApply: reasons("does not apply"),
    },
  };
}

function subjectOf({ data, train, reference, range, declared }: DataRequest, rng: Rng): Subject {
  const space = once(() => spaceOf(data));
  const points = once(() => space().points(data));
  const radius = once(() => nearRadius(points(), rng.fork("radius")));
  const index = once(() => nearIndex(points(), radius().radius));
  return {
    data,
    ...(train && { train }),
    ...(reference && { reference }),
    ...(range && { range }),
    ...(declared && { declared }),
    space,
    points,
    radius,
    firstAlike: once(() => firstAlike(data)),
    index,
    near: (part) => nearAmong(index(), space(), data, part),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const readOf = ({ place, sha256, bytes, n, grid, shape, y, classes, units }: Records): DataRead => ({
  path: place,
  sha256,
  bytes,
  n,
  kind: grid ? "images" : "table",
  shape: [...shape],
  classes: y ? classes : null,
  units: units ? new Set(units).size : null,
});

/** Three planted faults are too few to say what would be missed; none are fewer. */
const UNPLANTED = "no faults were planted, so nobody knows what it would miss";

const NOTHING: ErrorRates = { planted: [], falseAlarms: [] };

const CANCELLED = "cancelled before it was done";

/** The result of a check that did not look, and why. */
const unmade = (
  { id, title, citation, bearsOn, limits }: DataCheck,
  seed: string,
  outcome: "not asked" | "does not apply",
  because: string,
): DataCheckResult => ({
  id,
  title,
  bearsOn,
  seed,
  limits,
  outcome,
  says: `${outcome}: ${because}`,
  because,
  n: 0,
  unit: "samples",
  tried: `nothing; it would be done after ${citation}`,
  findings: [],
  figures: [],
  ...NOTHING,
});

async function checked(check: DataCheck, subject: Subject, run: CheckRun): Promise<DataCheckResult> {
  const { id, title, citation, bearsOn, limits } = check;
  const base = { id, title, bearsOn, seed: run.rng.name, limits };
  const foreign = check.doesNotApply?.(subject);
  const without = foreign ?? check.notAsked(subject);
  if (without !== undefined)
    return unmade(check, run.rng.name, foreign === undefined ? "not asked" : "does not apply", without);
  const looked = await check.look(subject, run);
  await run.pause();
  const rates = run.faults > 0 && looked.because === undefined ? await check.errors(subject, run, looked) : NOTHING;
  const { n, unit, tried, figures = [] } = looked;
  const findings = looked.findings.map((found) => ({
    ...found,
    severity: rates.because !== undefined && found.severity === "doubt" ? ("note" as const) : found.severity,
    items: found.items.map((item) => named(item, subject.data)),
  }));
  const grave = findings.some(({ severity }) => severity !== "note");
  const because =
    looked.because ??
    rates.because ??
    (grave ? undefined : run.faults === 0 ? UNPLANTED : blindness(rates, run.faults));
  const outcome = grave ? "found" : because === undefined ? "nothing found" : "cannot tell";
  return {
    ...base,
    outcome,
    says: sentence(looked, rates),
    ...(because !== undefined && { because }),
    n,
    unit,
    tried: `${tried} (${citation})`,
    findings,
    figures: [...figures, ...(rates.figures ?? [])],
    planted: rates.planted,
    falseAlarms: rates.falseAlarms,
  };
}

/** Files say more to people than numbers do. */
const named = (item: DataItem, { names }: Records): DataItem =>
  item.file !== undefined || names?.[item.sample] === undefined ? item : { ...item, file: names[item.sample]! };

/** Why "nothing found" would say nothing here: of every kind of fault, too few of those planted were seen. */
function blindness({ planted }: ErrorRates, faults: number): string | undefined {
  const kinds = planted.filter(({ detected }) => detected.n > 0);
  if (kinds.length === 0 || kinds.some(({ detected }) => detected.low >= BLIND_BELOW)) return undefined;
  const best = kinds.toSorted((a, b) => b.detected.k / b.detected.n - a.detected.k / a.detected.n)[0]!;
  const { k, n, unit } = best.detected;
  const why =
    k < BLIND_BELOW * n
      ? "in these data it would miss too many"
      : n < faults
        ? `there are too few ${unit === "columns" ? unit : "samples"} to tell how many it would miss`
        : "too few were planted to tell how many it would miss";
  return `of ${n} planted faults (${best.fault}) it saw ${k}: ${why}`;
}

function sentence({ findings, nothing, because }: Looked, { planted, falseAlarms }: ErrorRates): string {
  const found = findings.length > 0 ? findings.map(({ message }) => message).join("; ") : (because ?? nothing);
  const rates = planted.map(({ fault, detected: { k, n } }) => `${k} of ${n} (${fault})`);
  return (
    found +
    (rates.length > 0
      ? `. Of planted faults it saw ${rates.join(", ")}`
      : ". No faults were planted: its error rate here is unknown") +
    (falseAlarms.length > 0
      ? `; without a fault it raised ${falseAlarms.map(({ clean, raised: { k, n, unit } }) => `${k} of ${counted(n, unit.replace(/s$/, ""), unit)} (${clean})`).join(", ")}`
      : "")
  );
}
