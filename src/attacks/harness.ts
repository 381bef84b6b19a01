/** The attack proposes, the harness decides: it projects, queries the model itself, counts, judges, and drops what is beaten. */
import type { Run } from "#base/run.ts";
import type { Rng } from "#base/random.ts";
import { type Goal, type ObjectiveKind, beaten, hasLabels, margin, pickOutputGoal } from "./goals.ts";
import { type Ball, type Boxes, type Norm, type Region, ballRegion, boxRegion, project, toGrid } from "./region.ts";
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
 * point an attack asks about is projected into the region first, and judged; the caller's arrays are left alone.
 */
export interface Arena {
  readonly n: number;
  readonly size: number;
  readonly shape: readonly number[];
  readonly outputs: number;
  readonly region: Region;
  readonly goal: Goal;
  /** The given rows that are neither beaten nor out of budget. */
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

/** About how many float32 values one array of an attack's state holds, and the fewest rows: bounds memory whatever the data set. */
const CHUNK_VALUES = 2 ** 18;
const CHUNK_ROWS = 16;

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
  const norm = "norm" in siege.within ? siege.within.norm : "linf";
  if (!attack.norms.includes(norm)) throw new Error(`${attack.id} does not work in ${norm}`);
  for (const name of Object.keys(parameters))
    if (!(name in attack.defaults)) throw new Error(`${attack.id} has no parameter "${name}"`);

  const result = {
    beaten: new Uint8Array(n),
    found: new Map<number, Float32Array>(),
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

  for (let first = 0; first < n; first += chunk) {
    const rowsHere = Math.min(chunk, n - first);
    const samples = siege.samples.subarray(first * size, (first + rowsHere) * size);
    const region =
      "norm" in siege.within
        ? ballRegion(classifier, samples, rowsHere, sliceBall(siege.within, first, first + rowsHere))
        : boxRegion(classifier, sliceBoxes(siege.within, first * size, (first + rowsHere) * size), rowsHere, samples);
    const goal = sliceGoal(siege.goal, first, first + rowsHere);
    const everyRow = Int32Array.from({ length: rowsHere }, (_, row) => row);
    const left = (row: number): number => queriesMax - result.queriesPerRow[first + row]!;
    // A query, and those that would confirm what it finds.
    const needed = attack.needs === "gradient" && region.steps !== null ? 3 : 2;
    const isOpen = (row: number): boolean => result.beaten[first + row] === 0 && left(row) >= needed;

    /** Judges answers; candidates are put on the grid and asked once more before they count. */
    const judge = async (rows: Int32Array, points: Float32Array, logits: Float32Array, onGrid: boolean) => {
      const margins = new Float64Array(rows.length);
      const candidates: number[] = [];
      for (let k = 0; k < rows.length; k++) {
        const row = rows[k]!;
        const reached = (margins[k] = margin(goal, row, logits, k * outputs, outputs));
        if (reached === -Infinity) result.notNumbers++;
        if (reached > result.margin[first + row]!) result.margin[first + row] = reached;
        if (result.beaten[first + row] === 0 && beaten(goal, row, logits, k * outputs, outputs)) candidates.push(k);
      }
      let asked = Int32Array.from(candidates, (k) => rows[k]!);
      let fresh = new Float32Array(asked.length * size);
      candidates.forEach((k, c) => {
        fresh.set(points.subarray(k * size, (k + 1) * size), c * size);
        toGrid(region, asked[c]!, fresh, c * size);
      });
      // The very input that counts is seen to do it twice: once as found, or as rounded, and once afresh.
      for (let look = onGrid ? 1 : 0; look < 2 && asked.length > 0; look++) {
        const answers = await inBatches(asked, fresh, (x, count) => classifier.logits(x, count));
        const held = Array.from(asked.keys()).filter((c) => beaten(goal, asked[c]!, answers, c * outputs, outputs));
        if (look === 1) result.unconfirmed += asked.length - held.length;
        fresh = gatherRows(fresh, held, size);
        asked = Int32Array.from(held, (c) => asked[c]!);
      }
      asked.forEach((row, c) => {
        if (result.beaten[first + row] === 1) return;
        result.beaten[first + row] = 1;
        result.found.set(first + row, fresh.slice(c * size, (c + 1) * size));
        result.queriesToBeat[first + row] = result.queriesPerRow[first + row]!;
      });
      return margins;
    };

    const inBatches = async (
      rows: Int32Array,
      points: Float32Array,
      query: (x: Float32Array, count: number, from: number) => Promise<Float32Array>,
    ): Promise<Float32Array> => {
      const all = new Float32Array(rows.length * outputs);
      for (let from = 0; from < rows.length; from += batch) {
        run.signal.throwIfAborted();
        const to = Math.min(rows.length, from + batch);
        all.set(await query(points.subarray(from * size, to * size), to - from, from), from * outputs);
        result.queries += to - from;
        for (let k = from; k < to; k++) result.queriesPerRow[first + rows[k]!]! += 1;
      }
      return all;
    };

    const placed = (rows: Int32Array, points: Float32Array, onGrid: boolean): Float32Array => {
      if (points.length !== rows.length * size)
        throw new RangeError(`${rows.length} rows of ${size} values are not ${points.length} values`);
      const copy = points.slice();
      for (let k = 0; k < rows.length; k++) {
        project(region, rows[k]!, copy, k * size);
        if (onGrid) toGrid(region, rows[k]!, copy, k * size);
      }
      return copy;
    };

    const score = async (rows: Int32Array, wished: Float32Array): Promise<ScoredPoints> => {
      const points = placed(rows, wished, true);
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
      left,
      open: (rows = everyRow) => rows.filter(isOpen),
      random: (row, restart) => run.rng.fork(siege.units[first + row]!).fork(`${attack.id}/${restart}`),
      async climb(rows, wished, climb) {
        if (attack.needs !== "gradient") throw new Error(`${attack.id} declared that it needs ${attack.needs} only`);
        if (!attack.objectives.includes(climb.kind)) throw new Error(`${attack.id} did not declare ${climb.kind}`);
        const points = placed(rows, wished, false);
        const value = new Float32Array(rows.length);
        const gradient = new Float32Array(rows.length * size);
        const logits = await inBatches(rows, points, async (x, count, from) => {
          const objective = objectiveFor(goal, climb, rows, from, from + count);
          const answer = await classifier.gradient!(x, count, objective);
          value.set(answer.value, from);
          gradient.set(answer.gradient, from * size);
          result.gradients += count;
          return answer.logits;
        });
        // v − v is 0 for every number but NaN and ±∞; far cheaper here than Number.isFinite.
        for (let i = 0; i < gradient.length; i++) if (gradient[i]! - gradient[i]! !== 0) gradient[i] = 0;
        return { points, logits, value, gradient, margin: await judge(rows, points, logits, region.steps === null) };
      },
      async score(rows, wished) {
        if (attack.needs === "labels") throw new Error(`${attack.id} declared that it needs labels only`);
        return score(rows, wished);
      },
      async label(rows, wished) {
        const answer = await score(rows, wished);
        return { points: answer.points, beaten: Uint8Array.from(answer.margin, (value) => (value > 0 ? 1 : 0)) };
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
  }
  return result;
}

function gatherRows(points: Float32Array, rows: readonly number[], size: number): Float32Array<ArrayBuffer> {
  const packed = new Float32Array(rows.length * size);
  rows.forEach((row, k) => packed.set(points.subarray(row * size, (row + 1) * size), k * size));
  return packed;
}

function sliceBall(ball: Ball, from: number, to: number): Ball {
  return typeof ball.eps === "number" ? ball : { norm: ball.norm, eps: ball.eps.subarray(from, to) };
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
  const label = Int32Array.from(rows.subarray(from, to), (row) => goal.label[row]!);
  return climb.kind === "targeted-margin" || climb.kind === "dlr-targeted"
    ? { kind: climb.kind, label, target: climb.target.slice(from, to) }
    : { kind: climb.kind, label };
}
