/** Attacks some of a trial's units, whole, and leaves a record of each. What is drawn is drawn by unit, so any split gives the same records. */
import type { AttackRun, Exhibit } from "#assessment/evidence.ts";
import { type EvaluationSet, type Listening, answers, classesSaid } from "./answers.ts";
import { type EvasionPlan, type UnitTask, assaultsOf, attacked, quickAttack } from "./campaign.ts";
import { corruptionsOfUnits } from "./corruption.ts";
import { type Curve, accuracyCurve, curveBudgets } from "./curve.ts";
import { type Assault, type EnsembleResult, ensemble, selectRows } from "./ensemble.ts";
import type { Proof } from "./evaluated.ts";
import apgd from "./evasion/apgd.ts";
import { distanceIn, minimalBudgets, wholeRange } from "./evasion/minimal.ts";
import noise from "./evasion/noise.ts";
import pgd from "./evasion/pgd.ts";
import { type Success, exhibitsOf } from "./exhibits.ts";
import { type Siege, besiege } from "./harness.ts";
import { metered, part } from "./meter.ts";
import { OTHER_STARTS, type RoledAssault } from "./profiles.ts";
import type { Norm } from "./region.ts";
import type { SurrogateNet } from "./surrogate.ts";
import type { Classifier } from "./target.ts";

/** What a bound says of one unit at the trial's budget. `radius` in fractions, in the trial's norm. */
export interface Certified {
  /** "beaten": an attack was there first. "unbounded": no bound can be given, and `method` says why. */
  readonly verdict: "robust" | "unknown" | "beaten" | "unbounded";
  readonly radius?: number;
  readonly method: string;
}

/** Bounds some units, n × size fractions with their labels, at one budget; a verdict each, in order. */
export type Certify = (
  run: Listening,
  units: { readonly samples: Float32Array; readonly labels: Int32Array; readonly n: number },
  within: { readonly norm: Norm; readonly eps: number },
) => Promise<readonly Certified[]>;

/** Everything found out about one unit. Plain data: it crosses processes and lies in files. */
export interface UnitRecord {
  readonly unit: string;
  readonly label: number;
  readonly said: number;
  /** What beat it within the budget, the attack with the smallest place in the ensemble first; null: still standing, or wrong before. */
  readonly beaten: {
    readonly attack: string;
    readonly objective: string;
    /** Place in the ensemble; null for what only noise or the curve's smaller budgets found. */
    readonly assault: number | null;
    /** Length of the confirmed perturbation in the trial's norm. */
    readonly size: number;
  } | null;
  /** How far the ensemble's best answer was beyond the goal, in logits; null where it asked nothing. */
  readonly margin: number | null;
  /** The smallest confirmed perturbation at whatever budget, in the trial's norm; null where none. */
  readonly smallest: number | null;
  /** Per budget of the curve, whether the short attack alone beat it there; empty where it was wrong before, null where it is not on the curve. */
  readonly curve: readonly boolean[] | null;
  /** The smallest budget that bisection found, null for none in the whole range; absent where the unit was not drawn for it. */
  readonly minimal?: number | null;
  /** Whether it fell with no bound on the change; null where not tried. */
  readonly unbounded: boolean | null;
  /** Whether it is classified right under one draw of noise of the budget's size. */
  readonly rightUnderNoise: boolean;
  /** Right under each corruption and severity, in the order of the tally's `corruptions`. */
  readonly corruptions: readonly boolean[];
  /** Whether plain PGD beat it; absent where not drawn. */
  readonly baseline?: boolean;
  /** Whether the first attack beat it with all of its steps, and with a quarter; absent where not drawn. */
  readonly iterations?: { readonly all: boolean; readonly quarter: boolean };
  /** Queries of the ensemble. */
  readonly queries: number;
  readonly certified: Certified | null;
}

/** What is counted over units together; everything adds up. */
export interface Tally {
  /** By place in the ensemble; null where nothing was left to attack. */
  readonly runs: readonly (AttackRun | null)[];
  readonly budgets: readonly number[];
  readonly corruptions: readonly { readonly name: string; readonly severity: number }[];
  /** Steps of the quarter run beside the first attack. */
  readonly steps: { readonly all: number; readonly quarter: number } | null;
  readonly queries: number;
  readonly gradients: number;
  readonly noiseQueries: number;
  readonly notNumbers: number;
  /** Successes that a fresh query did not confirm. */
  readonly unconfirmed: number;
  /** Units whose class differs from what the first look heard: another process gets other answers. */
  readonly changed: number;
  /** The surest successes, in order. */
  readonly exhibits: readonly Exhibit[];
}

export interface UnitsAttacked {
  readonly records: readonly UnitRecord[];
  readonly tally: Tally;
  /** In the order of the tally's exhibits. */
  readonly proofs: readonly Proof[];
}

const everyRow = (n: number): Int32Array => Int32Array.from({ length: n }, (_, row) => row);

/**
 * Attacks the units of `set`, each as its task says: the ensemble at the planned budget, the curve around it, the unlimited
 * budget, the smallest one, and the baselines. Certified units leave the ensemble; the curve's short attack still tries them.
 */
export async function attackUnits(
  run: Listening,
  given: Classifier,
  set: EvaluationSet,
  tasks: readonly UnitTask[],
  plan: EvasionPlan,
  { copy = null, certify }: { readonly copy?: SurrogateNet | null; readonly certify?: Certify } = {},
): Promise<UnitsAttacked> {
  const classifier = metered(attacked(given, plan, copy));
  const { size, outputs } = classifier;
  const { norm, eps } = plan;
  const n = set.units.length;
  const clean = await answers(run, classifier, set.samples, n);
  const now = classesSaid(clean, n, outputs);
  const changed = tasks.filter(({ said }, row) => said !== now[row]).length;
  const rowsWhere = (wanted: (task: UnitTask, row: number) => boolean): Int32Array =>
    everyRow(n).filter((row) => tasks[row]!.said === set.labels[row] && wanted(tasks[row]!, row));
  const eligible = rowsWhere(() => true);

  const siege: Siege = {
    samples: set.samples,
    units: set.units,
    goal: { kind: "untargeted", label: set.labels.subarray(0, n) },
    within: { norm, eps },
    item: plan.item,
  };
  const pick = (rows: Int32Array): Siege => selectRows(siege, rows, size);
  const assaults = assaultsOf(plan, {
    outputs,
    hasGradient: classifier.gradient !== undefined,
    hasSurrogate: classifier.surrogate !== undefined,
  });
  const quick = quickAttack(assaults);

  // What falls to the gradient attacks needs no bound, and what a bound holds needs none of the thousands of queries that follow.
  const opening = certify
    ? assaults.slice(0, Math.max(1, assaults.filter(({ role }) => role === "gradient").length))
    : [];
  const begun = await ensemble(part(run, 0, 0.1), classifier, opening, pick(eligible));
  const standing = eligible.filter((_, k) => begun.beaten[k] === 0);
  const certified = new Map<number, Certified>();
  if (certify) {
    for (const row of eligible) certified.set(row, { verdict: "beaten", method: "attack" });
    const { samples } = pick(standing);
    const labels = Int32Array.from(standing, (row) => set.labels[row]!);
    const verdicts = await certify(part(run, 0.1, 0.25), { samples, labels, n: standing.length }, { norm, eps });
    standing.forEach((row, k) => certified.set(row, verdicts[k]!));
  }
  const open = standing.filter((row) => certified.get(row)?.verdict !== "robust");
  const rest = await ensemble(part(run, 0.25, 0.55), classifier, assaults.slice(opening.length), pick(open));
  const main = joined({ rows: eligible, result: begun }, { rows: open, result: rest }, opening.length);
  const noisy = noise.norms.includes(norm)
    ? await besiege(part(run, 0.55, 0.56), classifier, noise, { draws: 1 }, pick(eligible))
    : null;
  const noisyRight = await rightUnderNoise(run, classifier, siege, eligible, noisy?.found);

  const curveRows = rowsWhere(({ curve }) => curve);
  const budgets = curveBudgets(norm, eps, size, plan.references);
  const curve = await accuracyCurve(part(run, 0.56, 0.74), classifier, quick, pick(curveRows), norm, budgets);
  const short = { rows: curveRows, curve };
  const noisyFound = { rows: eligible, found: noisy?.found ?? new Map<number, Float32Array>() };
  const beatenBy = worstCase(norm, eps, { rows: eligible, result: main }, short, noisyFound);

  const unboundedRows = classifier.gradient ? eligible : curveRows;
  const unbounded = await withoutBound(part(run, 0.74, 0.8), classifier, quick, pick(unboundedRows), norm);
  const minimalRows = rowsWhere(({ minimal }) => minimal);
  const minimal = await smallestBudgets(
    part(run, 0.8, 0.9),
    classifier,
    quick,
    siege,
    norm,
    eps,
    minimalRows,
    short,
    beatenBy,
  );
  const { kinds, correct } = await corruptionsOfUnits(part(run, 0.9, 0.98), classifier, set, plan.item);

  const baselineRows = pgd.norms.includes(norm) ? rowsWhere(({ baseline }) => baseline) : new Int32Array(0);
  const baseline = await beatenBySome(
    part(run, 0.98, 0.99),
    classifier,
    { attack: pgd, parameters: {} },
    pick(baselineRows),
  );
  const first = assaults.find(({ role }) => role === "gradient");
  const iterationRows = first
    ? rowsWhere(({ iterations }, row) => iterations && certified.get(row)?.verdict !== "robust")
    : new Int32Array(0);
  const steps = first ? stepsOf(first) : null;
  const quarter = first
    ? await beatenBySome(
        part(run, 0.99, 1),
        classifier,
        { attack: first.attack, parameters: { ...first.parameters, steps: steps!.quarter } },
        pick(iterationRows),
      )
    : new Set<number>();

  const { exhibits, proofs } = await exhibitsOf(run, classifier, set, clean, [...beatenBy.values()]);
  const inOpen = placesOf(eligible);
  const onCurve = placesOf(curveRows);
  const inUnbounded = placesOf(unboundedRows);
  const inMinimal = placesOf(minimalRows);
  const inBaseline = placesOf(baselineRows);
  const inIterations = placesOf(iterationRows);
  const firstPlace = first ? assaults.indexOf(first) : -1;
  const records = Array.from(everyRow(n), (row): UnitRecord => {
    const sample = set.samples.subarray(row * size, (row + 1) * size);
    const success = beatenBy.get(row);
    const [here, there] = [inOpen.get(row), onCurve.get(row)];
    const onTheWay = there === undefined ? undefined : curve.found.get(there);
    const least = inMinimal.has(row) ? minimal[inMinimal.get(row)!]! : undefined;
    const length = success ? distanceIn(norm, success.point, sample) : Infinity;
    const smallest = Math.min(length, onTheWay ? distanceIn(norm, onTheWay, sample) : Infinity, least ?? Infinity);
    return {
      unit: set.units[row]!,
      label: set.labels[row]!,
      said: tasks[row]!.said,
      beaten: success ? { ...success.by, size: length } : null,
      margin: finite(here === undefined ? -Infinity : main.margin[here]!),
      smallest: finite(smallest),
      curve: there === undefined ? (tasks[row]!.curve ? [] : null) : curve.hits.map((hit) => hit[there] === 1),
      ...(least === undefined ? {} : { minimal: finite(least) }),
      unbounded: inUnbounded.has(row) ? unbounded[inUnbounded.get(row)!] === 1 : null,
      rightUnderNoise: noisyRight[row] === 1,
      corruptions: correct.map((right) => right[row] === 1),
      ...(inBaseline.has(row) ? { baseline: baseline.has(inBaseline.get(row)!) } : {}),
      ...(inIterations.has(row)
        ? {
            iterations: { all: main.found.get(here!)?.by === firstPlace, quarter: quarter.has(inIterations.get(row)!) },
          }
        : {}),
      queries: here === undefined ? 0 : main.queriesPerRow[here]!,
      certified: certified.get(row) ?? null,
    };
  });
  return {
    records,
    tally: {
      runs: assaults.map((_, place) => main.runs[place] ?? null),
      budgets,
      corruptions: kinds,
      steps,
      queries: classifier.counts.queries,
      gradients: classifier.counts.gradients,
      noiseQueries: noisy?.queries ?? 0,
      notNumbers: main.notNumbers,
      unconfirmed: main.unconfirmed,
      changed,
      exhibits,
    },
    proofs,
  };
}

/** Two parts of one ensemble as the whole: rows of the first, with what the second, on some of them, added. */
function joined(
  first: { readonly rows: Int32Array; readonly result: EnsembleResult },
  second: { readonly rows: Int32Array; readonly result: EnsembleResult },
  begins: number,
): EnsembleResult {
  const place = placesOf(first.rows);
  const [a, b] = [first.result, second.result];
  const beaten = a.beaten.slice(),
    distance = a.distance.slice(),
    margin = a.margin.slice(),
    queriesPerRow = a.queriesPerRow.slice();
  const found = new Map(a.found);
  second.rows.forEach((row, k) => {
    const at = place.get(row)!;
    margin[at] = Math.max(margin[at]!, b.margin[k]!);
    queriesPerRow[at]! += b.queriesPerRow[k]!;
    const hit = b.found.get(k);
    if (hit === undefined) return;
    beaten[at] = 1;
    distance[at] = b.distance[k]!;
    found.set(at, { point: hit.point, by: begins + hit.by });
  });
  return {
    beaten,
    distance,
    margin,
    queriesPerRow,
    found,
    runs: [...a.runs, ...b.runs],
    queries: a.queries + b.queries,
    gradients: a.gradients + b.gradients,
    notNumbers: a.notNumbers + b.notNumbers,
    unconfirmed: a.unconfirmed + b.unconfirmed,
  };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const placesOf = (rows: Int32Array): ReadonlyMap<number, number> => new Map(Array.from(rows, (row, k) => [row, k]));

/** All steps of an attack, and a quarter of them. */
function stepsOf({ attack, parameters }: RoledAssault): { all: number; quarter: number } {
  const all = Number(parameters["steps"] ?? attack.defaults["steps"]);
  return { all, quarter: Math.max(1, Math.floor(all / 4)) };
}

/** The rows that one attack beats. */
async function beatenBySome(
  run: Listening,
  classifier: Classifier,
  { attack, parameters }: Assault,
  siege: Siege,
): Promise<ReadonlySet<number>> {
  if (siege.units.length === 0) return new Set();
  return new Set((await besiege(run, classifier, attack, parameters, siege)).found.keys());
}

/** Per row, whether noise of the budget's size leaves it right: inputs that were wrong before may be put right. */
async function rightUnderNoise(
  run: Listening,
  classifier: Classifier,
  siege: Siege,
  eligible: Int32Array,
  changed: ReadonlyMap<number, unknown> | undefined,
): Promise<Uint8Array> {
  const right = new Uint8Array(siege.units.length);
  eligible.forEach((row, k) => (right[row] = changed?.has(k) ? 0 : 1));
  if (changed === undefined || siege.goal.kind !== "untargeted") return right;
  const wrong = everyRow(siege.units.length).filter((row) => !eligible.includes(row));
  const goal = { kind: "targeted" as const, label: siege.goal.label, target: siege.goal.label };
  const chosen = selectRows({ ...siege, goal }, wrong, classifier.size);
  const { found } = await besiege(run, classifier, noise, { draws: 1 }, chosen);
  for (const k of found.keys()) right[wrong[k]!] = 1;
  return right;
}

/** Shares of the whole range: whoever has no bound may also change little, and the largest steps are not the best ones. */
const UNBOUNDED_SHARES = [1, 0.5, 0.25, 0.125];

/** Per row, 1 where it falls when nothing bounds the change: each share sees what the ones before left standing. */
async function withoutBound(
  run: Listening,
  classifier: Classifier,
  quick: readonly Assault[],
  siege: Siege,
  norm: Norm,
): Promise<Uint8Array> {
  const { size } = classifier;
  const fell = new Uint8Array(siege.units.length).fill(1);
  // What the quick attack leaves standing is tried in earnest: this check asks whether the attack works, not how fast.
  const earnest =
    classifier.gradient && apgd.norms.includes(norm)
      ? OTHER_STARTS.map((start) => ({ attack: apgd, parameters: { objective: "margin", steps: 100, ...start } }))
      : quick;
  let rows = everyRow(siege.units.length);
  for (const [assaults, share] of [
    [quick, 1] as const,
    ...UNBOUNDED_SHARES.map((share) => [earnest, share] as const),
  ]) {
    if (rows.length === 0) break;
    const within = { norm, eps: share * wholeRange(norm, size) };
    const { beaten } = await ensemble(run, classifier, assaults, { ...selectRows(siege, rows, size), within });
    rows = rows.filter((_, k) => beaten[k] === 0);
  }
  for (const row of rows) fell[row] = 0;
  return fell;
}

/** A success and the words for what it was by. */
interface Beaten extends Success {
  readonly by: Omit<NonNullable<UnitRecord["beaten"]>, "size">;
}

/** Per row of the set, what beat it within the budget: the attack itself, a smaller budget of the curve, or plain noise. */
function worstCase(
  norm: Norm,
  eps: number,
  main: { readonly rows: Int32Array; readonly result: EnsembleResult },
  short: { readonly rows: Int32Array; readonly curve: Curve },
  noisy: { readonly rows: Int32Array; readonly found: ReadonlyMap<number, Float32Array> },
): Map<number, Beaten> {
  const beaten = new Map<number, Beaten>();
  for (const [k, { point, by }] of main.result.found) {
    const { attack, objective } = main.result.runs[by]!;
    const row = main.rows[k]!;
    beaten.set(row, {
      row,
      point,
      attack: `${attack} (${objective}), ${norm}`,
      by: { attack, objective, assault: by },
    });
  }
  short.rows.forEach((row, k) => {
    if (!beaten.has(row) && short.curve.beatenAt[k]! <= eps * (1 + 1e-12))
      beaten.set(row, {
        row,
        point: short.curve.found.get(k)!,
        attack: `quick attack at a smaller budget, ${norm}`,
        by: { attack: "quick", objective: "the short attack at a smaller budget", assault: null },
      });
  });
  for (const [k, point] of noisy.found) {
    const row = noisy.rows[k]!;
    if (!beaten.has(row))
      beaten.set(row, {
        row,
        point,
        attack: `${noise.id}, ${norm}`,
        by: { attack: noise.id, objective: "noise", assault: null },
      });
  }
  return beaten;
}

/** The smallest budget found for each of the rows, by bisection from what is known already; ∞ where none in the whole range. */
async function smallestBudgets(
  run: Listening,
  classifier: Classifier,
  quick: readonly Assault[],
  siege: Siege,
  norm: Norm,
  eps: number,
  rows: Int32Array,
  short: { readonly rows: Int32Array; readonly curve: Curve },
  beatenBy: ReadonlyMap<number, Beaten>,
): Promise<Float64Array> {
  if (rows.length === 0) return new Float64Array(0);
  const { curve } = short;
  const onCurve = placesOf(short.rows);
  const here = selectRows(siege, rows, classifier.size);
  const beatenAt = Float64Array.from(rows, (row) =>
    Math.min(curve.beatenAt[onCurve.get(row)!]!, beatenBy.has(row) ? eps : Infinity),
  );
  // A success counts with the size it really had, which may be below the budget it was found at.
  const high = Float64Array.from(rows, (row, at) => {
    const sample = here.samples.subarray(at * classifier.size, (at + 1) * classifier.size);
    const points = [curve.found.get(onCurve.get(row)!), beatenBy.get(row)?.point].filter(
      (point) => point !== undefined,
    );
    return Math.min(beatenAt[at]!, ...points.map((point) => distanceIn(norm, point, sample)));
  });
  const low = Float64Array.from(beatenAt, (value, at) =>
    Math.min(high[at]!, curve.budgets.findLast((budget) => budget < value) ?? 0),
  );
  // The nearest wrong class is not always the one an untargeted climb goes for.
  const targeted = { attack: apgd, parameters: { objective: "targeted-margin", steps: 20, targets: 3 } };
  const aims = classifier.gradient && classifier.outputs > 2 && apgd.norms.includes(norm);
  const { budget } = await minimalBudgets(
    run,
    classifier,
    aims ? [...quick, targeted] : quick,
    { ...here, norm },
    { low, high },
    0.02,
  );
  return budget;
}
