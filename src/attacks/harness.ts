/** The attack proposes, the harness decides: it projects, queries the model itself, counts, judges, and drops what is beaten. */
import type { Run } from "#base/run.ts";
import type { Rng } from "#base/random.ts";
import { type Goal, type ObjectiveKind, beaten, hasLabels, margin, pickOutputGoal, isNoAnswer } from "./goals.ts";
import {
  type Ball,
  type Boxes,
  type Norm,
  type Region,
  ballRegion,
  boxRegion,
  distanceTo,
  domainRegion,
  project,
  toGrid,
} from "./region.ts";
import type { Classifier, Objective } from "./target.ts";

/** What of the model an attack reads. */
export type Access = "gradient" | "scores" | "labels";

/** Parameters are plain numbers and words, so a trial can hash and print them. */
export type Parameters = Readonly<Record<string, number | string>>;

/** Which objective to climb, and for the targeted ones the class each of the asked rows goes for. */
export type Climb =
  | { readonly kind: Exclude<ObjectiveKind, "targeted-margin" | "dlr-targeted"> }
  | { readonly kind: "targeted-margin" | "dlr-targeted"; readonly target: Int32Array };

export interface ScoredPoints {
  /** The points as projected and queried, rows × size. */
  readonly points: Float32Array;
  /** Logits, rows × outputs. */
  readonly logits: Float32Array;
  /** How far each answer is beyond the goal (goals.ts `margin`). */
  readonly margin: Float64Array;
}

export interface ClimbedPoints extends ScoredPoints {
  /** The objective's value per row. */
  readonly value: Float32Array;
  /** Its gradient, rows × size; what is not a finite number is 0. */
  readonly gradient: Float32Array;
}

/**
 * What an attack may do. Rows are 0 … n−1; `rows` and the packed `points` (rows.length × size) go together. Every
 * point an attack asks about is projected into the region first – in place, so that the caller holds what was asked –
 * and judged. The arrays of an answer are good until the next question.
 */
export interface Arena {
  readonly n: number;
  readonly size: number;
  readonly shape: readonly number[];
  readonly outputs: number;
  readonly region: Region;
  readonly goal: Goal;
  /** The model an attack that declared it may climb on instead of the attacked one. */
  readonly surrogate?: Classifier;
  /** The given rows that are neither done with nor out of budget. Done with is what was beaten, or never where the smallest perturbation is sought. */
  open(rows?: Int32Array): Int32Array;
  /** The stream of one unit and restart: batch composition and order change nothing. */
  random(row: number, restart: number | string): Rng;
  /** Queries left for a row. */
  left(row: number): number;
  /** Value and gradient of an objective; only for attacks that need "gradient". Points are not rounded to the grid. */
  climb(rows: Int32Array, points: Float32Array, climb: Climb): Promise<ClimbedPoints>;
  /** Logits of points on the grid; for attacks that need "gradient" or "scores". */
  score(rows: Int32Array, points: Float32Array): Promise<ScoredPoints>;
  /** Whether each point, on the grid, reaches the goal; all that "labels" gives. */
  label(rows: Int32Array, points: Float32Array): Promise<{ points: Float32Array; beaten: Uint8Array }>;
  /** How far this attack is: `done` of `total` of its own steps. */
  report(done: number, total: number): void;
}

export interface Attack {
  readonly id: string;
  /** Raised whenever the same parameters may give other results. */
  readonly revision: number;
  readonly title: string;
  readonly citation: string;
  readonly needs: Access;
  /** Whether it looks for the nearest point beyond the goal: it may then ask anywhere in the domain, and what lies within the budget counts. */
  readonly minimal?: true;
  /** Whether it works within a given budget, but passes through points outside on its way: only what lies within counts. */
  readonly outside?: true;
  /** Whether it needs another model that answers alike (`Classifier.surrogate`); asking that one is free. */
  readonly surrogate?: true;
  readonly norms: readonly Norm[];
  /** Objectives it can climb; empty for attacks that only follow the margin. */
  readonly objectives: readonly ObjectiveKind[];
  readonly defaults: Parameters;
  run(arena: Arena, parameters: Parameters): Promise<void>;
}

/** Declares an attack whose `run` sees its parameters with the defaults' names and types. */
export function defineAttack<P extends Parameters>(
  attack: Omit<Attack, "defaults" | "run"> & {
    readonly defaults: P;
    run(arena: Arena, parameters: { readonly [K in keyof P]: P[K] extends number ? number : string }): Promise<void>;
  },
): Attack {
  return {
    ...attack,
    run: (arena, parameters) => attack.run(arena, { ...attack.defaults, ...parameters } as never),
  };
}

/** The samples under attack: n × size values, a name per unit for its random stream, and where the attack may go. */
export interface Siege {
  readonly samples: Float32Array;
  readonly units: readonly string[];
  readonly goal: Goal;
  /** A ball around each sample, or boxes (then `samples` are the starting points). */
  readonly within: Ball | Boxes;
  /** Rows that are not attacked (certified ones): 1 spares. */
  readonly spared?: Uint8Array;
  /** The most queries of one unit, confirmations included. Default: no limit but the attack's own. */
  readonly queriesMax?: number;
  /** What progress calls this. */
  readonly item?: string;
}

export interface SiegeResult {
  /** Per row: 1 where a fresh query on a permitted input confirmed the goal. */
  readonly beaten: Uint8Array;
  /** The confirmed inputs, by row. */
  readonly found: ReadonlyMap<number, Float32Array>;
  /** Per row the size of the smallest confirmed perturbation, in the siege's norm (boxes: L∞); Infinity where none was confirmed. */
  readonly distance: Float64Array;
  /** The largest margin any query reached, per row; above 0 for candidates that did not survive rounding. */
  readonly margin: Float64Array;
  readonly queries: number;
  readonly gradients: number;
  readonly queriesPerRow: Int32Array;
  /** Queries until a row was beaten; 0 where it was not. */
  readonly queriesToBeat: Int32Array;
  /** Answers holding something that is not a number: they count for nothing and make a measurement doubtful. */
  readonly notNumbers: number;
  /** Successes that a fresh query did not confirm although the point did not change: the model is not deterministic. */
  readonly unconfirmed: number;
}

/** About how many float32 values one array of an attack's state holds, and the fewest rows: what is worked on together stays in the processor's cache. */
const CHUNK_VALUES = 2 ** 17;
const CHUNK_ROWS = 16;

/** A budget is met a little beyond it too, before the point is pulled in and asked again. */
const NEARLY = 1.02;
/** A smaller perturbation is confirmed at once where it is smaller by this share; what is left over is confirmed at the end. */
const WORTH_CONFIRMING = 0.98;

/** What may count: a point, how many looks it needs (two where it was moved since it was asked about), and what to try where it fails. */
interface Candidate {
  readonly row: number;
  readonly point: Float32Array;
  readonly looks: number;
  readonly otherwise?: Float32Array;
}

/**
 * Runs one attack on n samples. Chunks bound memory, batches bound the time of one call; neither changes a result.
 * Throws where the attack cannot serve the norm or the model, and when the signal aborts.
 */
export async function besiege(
  run: Pick<Run<unknown>, "signal" | "rng" | "progress">,
  classifier: Classifier,
  attack: Attack,
  parameters: Parameters,
  siege: Siege,
): Promise<SiegeResult> {
  const { size, outputs } = classifier;
  const n = siege.units.length;
  if (siege.samples.length !== n * size)
    throw new RangeError(`${n} samples of ${size} values are ${n * size} values, not ${siege.samples.length}`);
  if (attack.needs === "gradient" && !classifier.gradient)
    throw new Error(`${attack.id} needs a gradient, which ${classifier.noGradient ?? "this model"} does not give`);
  const { surrogate } = classifier;
  if (attack.surrogate && !surrogate?.gradient)
    throw new Error(`${attack.id} needs a surrogate with a gradient, and there is none`);
  const ball = "norm" in siege.within ? siege.within : null;
  const norm = ball?.norm ?? "linf";
  if (!attack.norms.includes(norm)) throw new Error(`${attack.id} does not work in ${norm}`);
  /** Whether every row stays open and its smallest perturbation counts. */
  const smallest = ball?.minimal === true;
  if (smallest && !attack.minimal)
    throw new Error(`${attack.id} works within a given budget; the smallest is found by bisection (minimal.ts)`);
  const roams = attack.minimal === true || attack.outside === true;
  if (roams && !ball) throw new Error(`${attack.id} asks outside the budget, which boxes do not allow`);
  for (const name of Object.keys(parameters))
    if (!(name in attack.defaults)) throw new Error(`${attack.id} has no parameter "${name}"`);

  const result = {
    beaten: new Uint8Array(n),
    found: new Map<number, Float32Array>(),
    distance: new Float64Array(n).fill(Infinity),
    margin: new Float64Array(n).fill(-Infinity),
    queries: 0,
    gradients: 0,
    queriesPerRow: new Int32Array(n),
    queriesToBeat: new Int32Array(n),
    notNumbers: 0,
    unconfirmed: 0,
  };
  const batch = Math.max(1, Math.floor(classifier.batch));
  const chunk = Math.max(CHUNK_ROWS, Math.floor(CHUNK_VALUES / size));
  const queriesMax = siege.queriesMax ?? Infinity;
  let slopes = new Float32Array(0);

  for (let first = 0; first < n; first += chunk) {
    const rowsHere = Math.min(chunk, n - first);
    const samples = siege.samples.subarray(first * size, (first + rowsHere) * size);
    /** What counts lies here. */
    const counted =
      "norm" in siege.within
        ? (smallest ? domainRegion : ballRegion)(
            classifier,
            samples,
            rowsHere,
            sliceBall(siege.within, first, first + rowsHere),
          )
        : boxRegion(classifier, sliceBoxes(siege.within, first * size, (first + rowsHere) * size), rowsHere, samples);
    /** What is asked about lies here. */
    const region =
      roams && ball && !smallest
        ? domainRegion(classifier, samples, rowsHere, sliceBall(ball, first, first + rowsHere))
        : counted;
    const goal = sliceGoal(siege.goal, first, first + rowsHere);
    const everyRow = Int32Array.from({ length: rowsHere }, (_, row) => row);
    const left = (row: number): number => queriesMax - result.queriesPerRow[first + row]!;
    // A query, and those that would confirm what it finds.
    const needed = roams || (attack.needs === "gradient" && region.steps !== null) ? 3 : 2;
    const isDone = (row: number): boolean => result.beaten[first + row] === 1 && !smallest;
    const isOpen = (row: number): boolean => !isDone(row) && left(row) >= needed && siege.spared?.[first + row] !== 1;
    /** Where the smallest counts: the best not confirmed yet, per row. */
    const pending = new Map<number, Candidate & { readonly distance: number }>();

    /** Judges answers; what reaches the goal is put where it counts and asked once more before it does. */
    const judge = async (rows: Int32Array, points: Float32Array, logits: Float32Array, onGrid: boolean) => {
      const margins = new Float64Array(rows.length);
      const candidates = new Map<number, Candidate>();
      for (let k = 0; k < rows.length; k++) {
        const row = rows[k]!;
        const reached = (margins[k] = margin(goal, row, logits, k * outputs, outputs));
        if (isNoAnswer(logits, k * outputs, outputs)) result.notNumbers++;
        if (reached > result.margin[first + row]!) result.margin[first + row] = reached;
        if (isDone(row) || !(reached >= 0) || !beaten(goal, row, logits, k * outputs, outputs)) continue;
        const candidate = candidateOf(row, points, k * size, onGrid);
        // A row may be asked about several times at once: the nearest of its points, or the first.
        const other = candidates.get(row);
        if (candidate && (!other || (smallest && nearer(row, candidate, other)))) candidates.set(row, candidate);
      }
      if (candidates.size > 0) await confirm([...candidates.values()]);
      return margins;
    };

    const nearer = (row: number, a: Candidate, b: Candidate): boolean =>
      distanceTo(counted, row, a.point, 0) < distanceTo(counted, row, b.point, 0);

    /** The point as it would count, or null where it would not. */
    const candidateOf = (row: number, points: Float32Array, at: number, onGrid: boolean): Candidate | null => {
      const asked = points.subarray(at, at + size);
      if (roams && !smallest) {
        const eps = region.eps![row]!;
        if (distanceTo(region, row, points, at) > eps * NEARLY) return null;
        const point = asked.slice();
        project(counted, row, point, 0);
        toGrid(counted, row, point, 0);
        return { row, point, looks: same(point, asked) ? 1 : 2 };
      }
      const point = asked.slice();
      toGrid(counted, row, point, 0);
      if (!smallest) return { row, point, looks: onGrid ? 1 : 2 };
      const best = result.distance[first + row]!;
      const distance = distanceTo(counted, row, point, 0);
      if (!(distance < best)) return null;
      const moved = !same(point, asked);
      let otherwise: Float32Array | undefined;
      if (moved) {
        // Rounded to the nearest step it may lie before the boundary again; rounded away from the sample, beyond it.
        otherwise = asked.slice();
        toGrid(counted, row, otherwise, 0, true);
        if (same(point, otherwise) || !(distanceTo(counted, row, otherwise, 0) < best)) otherwise = undefined;
      }
      const candidate = { row, point, looks: moved ? 2 : 1, ...(otherwise ? { otherwise } : {}) };
      // On a grid it may fail after rounding: what was found before must not be given up for it.
      if (best === Infinity || moved || distance <= WORTH_CONFIRMING * best) return candidate;
      if (distance < (pending.get(row)?.distance ?? Infinity)) pending.set(row, { ...candidate, distance });
      return null;
    };

    /** The very input that counts is seen to do it twice: once as found, or as moved, and once afresh. */
    const confirm = async (candidates: readonly Candidate[]): Promise<void> => {
      const second: Candidate[] = [];
      let standing = candidates;
      for (let look = 0; look < 2; look++) {
        const asked = look === 0 ? standing.filter(({ looks }) => looks === 2) : standing;
        if (asked.length === 0) continue;
        const rows = Int32Array.from(asked, ({ row }) => row);
        const answers = await inBatches(rows, packed(asked, size), (x, count) => classifier.logits(x, count));
        const gone = new Set(asked.filter((_, c) => !beaten(goal, rows[c]!, answers, c * outputs, outputs)));
        if (look === 1) result.unconfirmed += gone.size;
        else
          for (const { row, otherwise } of gone)
            if (otherwise && left(row) >= 2) second.push({ row, point: otherwise, looks: 2 });
        standing = standing.filter((candidate) => !gone.has(candidate));
      }
      for (const { row, point } of standing) {
        const at = first + row;
        const distance = distanceTo(counted, row, point, 0);
        if (result.beaten[at] === 1 && !(smallest && distance < result.distance[at]!)) continue;
        if (result.beaten[at] === 0) result.queriesToBeat[at] = result.queriesPerRow[at]!;
        result.beaten[at] = 1;
        result.found.set(at, point);
        result.distance[at] = distance;
      }
      if (second.length > 0) await confirm(second);
    };

    const inBatches = async (
      rows: Int32Array,
      points: Float32Array,
      query: (x: Float32Array, count: number, from: number) => Promise<Float32Array>,
    ): Promise<Float32Array> => {
      let all = new Float32Array(0);
      for (let from = 0; from < rows.length; from += batch) {
        run.signal.throwIfAborted();
        const to = Math.min(rows.length, from + batch);
        const whole = to - from === rows.length;
        const answer = await query(whole ? points : points.subarray(from * size, to * size), to - from, from);
        if (whole) all = answer as Float32Array<ArrayBuffer>;
        else {
          if (from === 0) all = new Float32Array(rows.length * outputs);
          all.set(answer, from * outputs);
        }
        result.queries += to - from;
        for (let k = from; k < to; k++) result.queriesPerRow[first + rows[k]!]! += 1;
      }
      return all;
    };

    const place = (rows: Int32Array, points: Float32Array, onGrid: boolean): void => {
      if (points.length !== rows.length * size)
        throw new RangeError(`${rows.length} rows of ${size} values are not ${points.length} values`);
      for (let k = 0; k < rows.length; k++) {
        project(region, rows[k]!, points, k * size);
        if (onGrid) toGrid(region, rows[k]!, points, k * size);
      }
    };

    const score = async (rows: Int32Array, points: Float32Array): Promise<ScoredPoints> => {
      place(rows, points, true);
      const logits = await inBatches(rows, points, (x, count) => classifier.logits(x, count));
      return { points, logits, margin: await judge(rows, points, logits, true) };
    };

    const arena: Arena = {
      n: rowsHere,
      size,
      shape: classifier.shape,
      outputs,
      region,
      goal,
      ...(attack.surrogate && surrogate ? { surrogate } : {}),
      left,
      open: (rows = everyRow) => rows.filter(isOpen),
      random: (row, restart) => run.rng.fork(siege.units[first + row]!).fork(`${attack.id}/${restart}`),
      async climb(rows, points, climb) {
        if (attack.needs !== "gradient") throw new Error(`${attack.id} declared that it needs ${attack.needs} only`);
        if (!attack.objectives.includes(climb.kind)) throw new Error(`${attack.id} did not declare ${climb.kind}`);
        place(rows, points, false);
        let value = new Float32Array(0);
        let gradient = slopes;
        const logits = await inBatches(rows, points, async (x, count, from) => {
          const objective = objectiveFor(goal, climb, rows, from, from + count);
          const answer = await classifier.gradient!(x, count, objective);
          result.gradients += count;
          if (count === rows.length) {
            value = answer.value as Float32Array<ArrayBuffer>;
            gradient = answer.gradient as Float32Array<ArrayBuffer>;
            return answer.logits;
          }
          if (from === 0) {
            value = new Float32Array(rows.length);
            if (slopes.length < rows.length * size) slopes = new Float32Array(rows.length * size);
            gradient = slopes.subarray(0, rows.length * size);
          }
          value.set(answer.value, from);
          gradient.set(answer.gradient, from * size);
          return answer.logits;
        });
        withoutInfinities(gradient);
        return { points, logits, value, gradient, margin: await judge(rows, points, logits, region.steps === null) };
      },
      async score(rows, points) {
        if (attack.needs === "labels") throw new Error(`${attack.id} declared that it needs labels only`);
        return score(rows, points);
      },
      async label(rows, points) {
        const answer = await score(rows, points);
        const reached = rows.map((row, k) => (beaten(goal, row, answer.logits, k * outputs, outputs) ? 1 : 0));
        return { points, beaten: Uint8Array.from(reached) };
      },
      report: (done, total) =>
        run.progress({
          stage: "attack",
          item: siege.item ?? attack.id,
          label: attack.title,
          done: Math.round((first + (rowsHere * done) / total) * 1000) / 1000,
          total: n,
        }),
    };
    await attack.run(arena, parameters);
    if (pending.size > 0)
      await confirm([...pending.values()].filter(({ row, distance }) => distance < result.distance[first + row]!));
  }
  return result;
}

/** Sets what is not a finite number to 0. v − v is 0 for every number, NaN for the others: one sum tells whether to look. */
function withoutInfinities(values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
  if (sum === 0) return;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) values[i] = 0;
}

function same(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function packed(candidates: readonly Candidate[], size: number): Float32Array {
  const points = new Float32Array(candidates.length * size);
  candidates.forEach(({ point }, k) => points.set(point, k * size));
  return points;
}

function sliceBall(ball: Ball, from: number, to: number): Ball {
  return typeof ball.eps === "number" ? ball : { ...ball, eps: ball.eps.subarray(from, to) };
}

function sliceBoxes(boxes: Boxes, from: number, to: number): Boxes {
  return { low: boxes.low.subarray(from, to), high: boxes.high.subarray(from, to) };
}

/** The goal of rows [from, to). */
export function sliceGoal(goal: Goal, from: number, to: number): Goal {
  switch (goal.kind) {
    case "untargeted":
      return { kind: "untargeted", label: goal.label.subarray(from, to) };
    case "targeted":
      return { kind: "targeted", label: goal.label.subarray(from, to), target: goal.target.subarray(from, to) };
    default:
      return pickOutputGoal(
        goal,
        Int32Array.from({ length: to - from }, (_, i) => from + i),
      );
  }
}

/** The objective of rows[from … to): labels gathered from the goal, targets from the climb; a goal over outputs is its own. */
function objectiveFor(goal: Goal, climb: Climb, rows: Int32Array, from: number, to: number): Objective {
  if (!hasLabels(goal)) {
    if (climb.kind === goal.kind) return pickOutputGoal(goal, rows.subarray(from, to));
    throw new Error(`the goal \`${goal.kind}\` has no labels for the objective \`${climb.kind}\``);
  }
  if (climb.kind === "unsafe" || climb.kind === "flip" || climb.kind === "deviation")
    throw new Error(`the objective \`${climb.kind}\` belongs to the goal \`${climb.kind}\``);
  const label = new Int32Array(to - from);
  for (let k = from; k < to; k++) label[k - from] = goal.label[rows[k]!]!;
  return climb.kind === "targeted-margin" || climb.kind === "dlr-targeted"
    ? { kind: climb.kind, label, target: climb.target.subarray(from, to) }
    : { kind: climb.kind, label };
}
