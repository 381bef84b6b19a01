/**
 * Branch and bound on the signs of undecided ReLUs: a subproblem takes one as active or inactive, its bound follows by β-CROWN with the
 * layers' bounds kept (Wang et al., NeurIPS 2021, §3.3). Which one is chosen by trying: the candidates with the largest share in the
 * bound's slack are split for trial, and the best split is kept (filtered smart branching, De Palma et al. 2021, §4).
 */
import type { RuntimeTensor } from "#base/ports.ts";
import { port } from "./backward.ts";
import type { Answer, Bounds, Floats, LayerBounds, Region, Slopes } from "./bounds.ts";
import { undecided } from "./layers.ts";
import { optimise } from "./optimise.ts";
import type { Decision } from "./optimise.ts";
import type { Clause, Effort, Verdict } from "./property.ts";
import { OUT_OF_NODES, OUT_OF_TIME } from "./property.ts";

export interface BranchOptions {
  /** Steps of optimisation for the whole region, and for each subproblem. */
  readonly rootSteps: number;
  readonly steps: number;
  /** Splits tried per subproblem before one is taken. */
  readonly trials: number;
}

export const BRANCHING: BranchOptions = { rootSteps: 40, steps: 12, trials: 4 };

/** A part of the region: the decisions that carve it out, and per constraint how its bound was reached. */
interface Part {
  readonly decisions: readonly Decision[];
  /** The best of its constraints' bounds, less what has to be exceeded. */
  readonly bound: number;
  readonly rows: readonly PartRow[];
}

interface PartRow {
  /** Slopes of the free ReLUs, activation after activation. */
  readonly slopes: Float32Array;
  readonly multipliers: Float64Array;
}

/** Tries to prove that no input of the region satisfies all constraints of the clause. */
export async function branchOnSigns(
  bounds: Bounds,
  region: Region,
  layers: LayerBounds,
  clause: Clause,
  effort: Effort,
  options: BranchOptions = BRANCHING,
): Promise<Verdict> {
  const search = new Search(bounds, region, layers, clause, effort, options);
  return search.run();
}

class Search {
  readonly bounds: Bounds;
  readonly region: Region;
  readonly layers: LayerBounds;
  readonly clause: Clause;
  readonly effort: Effort;
  readonly options: BranchOptions;
  readonly base = new Map<number, Slopes>();
  readonly free = new Map<number, Int32Array>();
  readonly queue: Part[] = [];
  readonly rounding: Floats;
  nodes = 0;

  constructor(
    bounds: Bounds,
    region: Region,
    layers: LayerBounds,
    clause: Clause,
    effort: Effort,
    options: BranchOptions,
  ) {
    this.bounds = bounds;
    this.region = region;
    this.layers = layers;
    this.rounding = layers.rounding[bounds.activations.length]!;
    this.clause = clause;
    this.effort = effort;
    this.options = options;
    for (const activation of bounds.activations) {
      const { id, f } = activation;
      this.base.set(id, bounds.lines(activation, layers.low[id]!, layers.high[id]!, layers.rounding[id]!));
      this.free.set(
        id,
        f.name === "relu" ? undecided(activation, layers.low[id]!, layers.high[id]!) : new Int32Array(0),
      );
    }
  }

  async run(): Promise<Verdict> {
    const { effort, options } = this;
    const root: Part = {
      decisions: [],
      bound: -Infinity,
      rows: this.clause.map(() => ({ slopes: this.slopesOf(this.base, 0), multipliers: new Float64Array(0) })),
    };
    const [first] = await this.bound([root], options.rootSteps, true);
    this.nodes = 1;
    if (first!.violated) return { verdict: "violated", nodes: 1 };
    if (first!.part.bound > 0) return { verdict: "holds", nodes: 1 };
    if ([...this.free.values()].every((list) => list.length === 0))
      return { verdict: "unknown", nodes: 1, because: "no undecided ReLU is left to branch on" };
    push(this.queue, first!.part);
    const each = this.clause.length;
    while (this.queue.length > 0) {
      effort.signal.throwIfAborted();
      if (effort.expired()) return { verdict: "unknown", nodes: this.nodes, because: OUT_OF_TIME };
      if (this.nodes >= effort.nodesMax) return { verdict: "unknown", nodes: this.nodes, because: OUT_OF_NODES };
      const many = Math.max(1, Math.floor(this.bounds.rowsMax / (2 * each * 2)));
      const parents: Part[] = [];
      while (parents.length < many && this.queue.length > 0) parents.push(pop(this.queue)!);
      const choices = await this.choose(parents);
      const children: Part[] = [];
      let stuck = false;
      parents.forEach((parent, k) => {
        const choice = choices[k];
        if (choice === undefined) {
          stuck = true;
          return;
        }
        for (const sign of [1, -1] as const)
          children.push({
            decisions: [...parent.decisions, { ...choice, sign }],
            bound: parent.bound,
            rows: parent.rows.map(({ slopes, multipliers }) => ({
              slopes,
              multipliers: Float64Array.from([...multipliers, 0]),
            })),
          });
      });
      // Every sign is decided and the bound still does not hold: what is left is rounding, or a counterexample on an edge.
      if (stuck)
        return { verdict: "unknown", nodes: this.nodes, because: "every ReLU is decided and the bound does not hold" };
      const answers = await this.bound(children, options.steps, false);
      this.nodes += children.length;
      for (const { part, violated } of answers) {
        if (violated) return { verdict: "violated", nodes: this.nodes };
        if (!(part.bound > 0)) push(this.queue, part);
      }
      effort.progress?.(this.nodes - this.queue.length, this.queue.length);
    }
    return { verdict: "holds", nodes: this.nodes };
  }

  /** Lines and specifications of parts, constraint by constraint: row = part × constraints + constraint. */
  rowsOf(parts: readonly Part[]) {
    const { bounds, clause } = this;
    const each = clause.length;
    const rows = parts.length * each;
    const spec = bounds.floats(rows * bounds.outputs);
    for (let r = 0; r < rows; r++) {
      const { a } = clause[r % each]!;
      for (let j = 0; j < bounds.outputs; j++) spec[r * bounds.outputs + j] = a[j]!;
    }
    const lines = new Map<number, Slopes>();
    for (const { id, size } of bounds.activations) {
      const base = this.base.get(id)!;
      const many = (data: Floats): Floats => {
        const all = bounds.floats(rows * size);
        for (let r = 0; r < rows; r++) all.set(data, r * size);
        return all;
      };
      lines.set(id, {
        lowSlope: many(base.lowSlope),
        lowAt: base.lowAt.some((v) => v !== 0) ? many(base.lowAt) : bounds.floats(rows * size),
        highSlope: many(base.highSlope),
        highAt: many(base.highAt),
        rounding: base.rounding,
      });
    }
    const decisions: (readonly Decision[])[] = [];
    const multipliers: Float64Array[] = [];
    parts.forEach((part, p) =>
      part.rows.forEach((row, i) => {
        const r = p * each + i;
        let at = 0;
        for (const { id, size } of bounds.activations) {
          const { lowSlope } = lines.get(id)!;
          for (const index of this.free.get(id)!) lowSlope[r * size + index] = row.slopes[at++]!;
        }
        this.decide(lines, r, part.decisions);
        decisions.push(part.decisions);
        multipliers.push(row.multipliers);
      }),
    );
    return { spec, rounding: this.rounding, rows, lines, free: this.free, decisions, multipliers };
  }

  decide(lines: ReadonlyMap<number, Slopes>, r: number, decisions: readonly Decision[]): void {
    for (const { activation, index, sign } of decisions) {
      const { lowSlope, highSlope, highAt } = lines.get(activation)!;
      const size = this.sizeOf(activation);
      const at = r * size + index;
      lowSlope[at] = highSlope[at] = sign > 0 ? 1 : 0;
      highAt[at] = 0;
    }
  }

  sizeOf(activation: number): number {
    return this.bounds.activations[activation]!.size;
  }

  slopesOf(lines: ReadonlyMap<number, Slopes>, r: number): Float32Array {
    let length = 0;
    for (const list of this.free.values()) length += list.length;
    const slopes = new Float32Array(length);
    let at = 0;
    for (const { id, size } of this.bounds.activations)
      for (const index of this.free.get(id)!) slopes[at++] = lines.get(id)!.lowSlope[r * size + index]!;
    return slopes;
  }

  async bound(parts: readonly Part[], steps: number, root: boolean): Promise<{ part: Part; violated: boolean }[]> {
    const { bounds, clause, effort, region } = this;
    const each = clause.length;
    const out: { part: Part; violated: boolean }[] = [];
    const many = Math.max(1, Math.floor(bounds.rowsMax / each));
    for (let from = 0; from < parts.length; from += many) {
      effort.signal.throwIfAborted();
      const some = parts.slice(from, from + many);
      const rows = this.rowsOf(some);
      const found = await optimise(bounds, "logits", region, rows, {
        steps,
        rate: root ? 0.1 : 0.05,
        multiplierRate: 0.1,
        ...(each === 1 ? { enough: new Float64Array(rows.rows).fill(clause[0]!.b) } : {}),
        coefficients: true,
        signal: effort.signal,
      });
      const violated = await this.look(found.last, rows.rows, found.bound);
      some.forEach((part, p) => {
        let best = -Infinity;
        for (let i = 0; i < each; i++) best = Math.max(best, found.bound[p * each + i]! - clause[i]!.b);
        out.push({
          part: {
            decisions: part.decisions,
            bound: Math.max(best, part.bound),
            rows: part.rows.map((_, i) => ({
              slopes: this.slopesOf(rows.lines, p * each + i),
              multipliers: found.multipliers[p * each + i]!,
            })),
          },
          violated,
        });
      });
    }
    return out;
  }

  /** The inputs at which the bounds of rows would be reached, shown to whoever looks for counterexamples. */
  async look(answer: Answer, rows: number, bound: Float64Array): Promise<boolean> {
    const { effort, region, bounds } = this;
    const coefficients = answer.inputCoefficients;
    if (!effort.candidates || coefficients === undefined || region.ball) return false;
    const size = bounds.inputSize;
    const worst = Array.from({ length: rows }, (_, r) => r)
      .filter((r) => !(bound[r]! > this.clause[r % this.clause.length]!.b))
      .sort((a, b) => bound[a]! - bound[b]!)
      .slice(0, 16);
    if (worst.length === 0) return false;
    const points = new Float32Array(worst.length * size);
    worst.forEach((r, k) => {
      for (let i = 0; i < size; i++) {
        const slope = coefficients[r * size + i]!;
        const low = region.low[i]!,
          high = region.high[i]!;
        points[k * size + i] = slope > 0 ? low : slope < 0 ? high : (low + high) / 2;
      }
    });
    return effort.candidates(points, worst.length);
  }

  /** The ReLU to decide in each part; undefined where none is left. */
  async choose(parts: readonly Part[]): Promise<({ activation: number; index: number } | undefined)[]> {
    const { clause, options } = this;
    const each = clause.length;
    const rows = this.rowsOf(parts);
    const answer = await this.asTheyAre(rows, true);
    const shortlists = parts.map((part, p) => {
      // The row that is nearest to holding tells what stands in its way.
      let r = p * each;
      for (let i = 1; i < each; i++)
        if (answer.bound[p * each + i]! - clause[i]!.b > answer.bound[r]! - clause[r % each]!.b) r = p * each + i;
      return this.slack(part, r, answer, rows.lines);
    });
    if (options.trials <= 1) return shortlists.map(([first]) => first);
    const trials: Part[] = [];
    const owner: number[] = [];
    parts.forEach((part, p) => {
      if (shortlists[p]!.length < 2) return;
      for (const choice of shortlists[p]!)
        for (const sign of [1, -1] as const) {
          owner.push(p);
          trials.push({
            ...part,
            decisions: [...part.decisions, { ...choice, sign }],
            rows: part.rows.map(({ slopes, multipliers }) => ({
              slopes,
              multipliers: Float64Array.from([...multipliers, 0]),
            })),
          });
        }
    });
    const scores = await this.tried(trials);
    const best = shortlists.map(([first]) => first);
    const bestScore = new Float64Array(parts.length).fill(-Infinity);
    for (let t = 0; t < trials.length; t += 2) {
      const p = owner[t]!;
      // Both halves must rise; beyond holding there is nothing to gain.
      const halves = [Math.min(scores[t]!, 0), Math.min(scores[t + 1]!, 0)];
      const score = Math.min(...halves) + 0.1 * Math.max(...halves);
      if (score > bestScore[p]!) {
        bestScore[p] = score;
        const { activation, index } = trials[t]!.decisions.at(-1)!;
        best[p] = { activation, index };
      }
    }
    return best;
  }

  /** One call with the lines and multipliers as they stand. */
  async asTheyAre(rows: ReturnType<Search["rowsOf"]>, coefficients: boolean): Promise<Answer> {
    const { bounds, region } = this;
    const before = await bounds.before("logits");
    const feeds: Record<string, RuntimeTensor> = {
      ...bounds.region(region),
      [port.spec]: bounds.tensor(rows.spec, [rows.rows, bounds.outputs]),
      ...bounds.ownRounding(rows.rounding),
      ...bounds.lineFeeds(rows.lines, before),
    };
    for (const { id, size } of before) {
      const data = bounds.floats(rows.rows * size);
      rows.decisions.forEach((list, r) =>
        list.forEach(({ activation, index, sign }, k) => {
          if (activation === id) data[r * size + index] = sign * rows.multipliers[r]![k]!;
        }),
      );
      feeds[port.multiplier(id)] = bounds.tensor(data, [rows.rows, size]);
    }
    return bounds.run("logits", feeds, { norm: region.ball?.norm ?? "box", multipliers: true, coefficients });
  }

  /** Bounds of trial parts as they are, without optimisation. */
  async tried(trials: readonly Part[]): Promise<Float64Array> {
    const { bounds, clause } = this;
    const each = clause.length;
    const scores = new Float64Array(trials.length);
    const many = Math.max(1, Math.floor(bounds.rowsMax / each));
    for (let from = 0; from < trials.length; from += many) {
      this.effort.signal.throwIfAborted();
      const some = trials.slice(from, from + many);
      const { bound } = await this.asTheyAre(this.rowsOf(some), false);
      some.forEach((_, t) => {
        let best = -Infinity;
        for (let i = 0; i < each; i++) best = Math.max(best, bound[t * each + i]! - clause[i]!.b);
        scores[from + t] = best;
      });
    }
    return scores;
  }

  /** Undecided ReLUs by how much slack their lines put into a row's bound, largest first. */
  slack(
    part: Part,
    r: number,
    answer: Answer,
    lines: ReadonlyMap<number, Slopes>,
  ): { activation: number; index: number }[] {
    const decided = new Set(part.decisions.map(({ activation, index }) => `${activation}/${index}`));
    const found: { activation: number; index: number; score: number }[] = [];
    for (const { id, size } of this.bounds.activations) {
      const coefficients = answer.coefficients.get(id);
      if (coefficients === undefined) continue;
      const { lowSlope } = lines.get(id)!;
      for (const index of this.free.get(id)!) {
        if (decided.has(`${id}/${index}`)) continue;
        const a = coefficients[r * size + index]!;
        const low = this.layers.low[id]![index]!,
          high = this.layers.high[id]![index]!;
        const slope = lowSlope[r * size + index]!;
        // Above: the chord's height over the kink. Below: what the lower line misses at the nearer end.
        const gap = a < 0 ? (-high * low) / (high - low) : Math.min((1 - slope) * high, -slope * low);
        found.push({ activation: id, index, score: Math.abs(a) * gap });
      }
    }
    found.sort((p, q) => q.score - p.score);
    return found.slice(0, Math.max(1, this.options.trials)).map(({ activation, index }) => ({ activation, index }));
  }
}

/** A heap with the lowest bound on top. */
function push(heap: Part[], part: Part): void {
  heap.push(part);
  let at = heap.length - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (heap[above]!.bound <= heap[at]!.bound) break;
    [heap[above], heap[at]] = [heap[at]!, heap[above]!];
    at = above;
  }
}

function pop(heap: Part[]): Part | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (heap.length > 0 && last !== undefined) {
    heap[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1,
        right = left + 1;
      let least = at;
      if (left < heap.length && heap[left]!.bound < heap[least]!.bound) least = left;
      if (right < heap.length && heap[right]!.bound < heap[least]!.bound) least = right;
      if (least === at) break;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
  return top;
}
