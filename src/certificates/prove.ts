/** From a property to a verdict: intervals, linear bounds with optimised slopes, then branching on what is still undecided. */
import type { Bounds, LayerBounds, Region } from "./bounds.ts";
import { BRANCHING, branchOnSigns } from "./branch.ts";
import type { BranchOptions } from "./branch.ts";
import { layerBounds, repeated, undecided } from "./layers.ts";
import { optimise } from "./optimise.ts";
import type { Clause, Effort, Property, Verdict } from "./property.ts";
import { OUT_OF_TIME } from "./property.ts";
import { SPLIT_INPUTS_MAX, branchOnInputs } from "./split.ts";

/** How far a proof may go. */
export interface Depth {
  /** Steps of slope optimisation for each activation's input, and for the property itself. */
  readonly layerSteps: number;
  readonly rootSteps: number;
  /** Linear functions bounded for one activation at most; where it has more undecided elements, its intervals stay. */
  readonly layerRowsMax: number;
  readonly branching: BranchOptions;
  /** Below this margin of the linear bounds nothing is branched on: too far away to be reached. Default: always branch. */
  readonly branchAbove?: number;
}

export const DEEP: Depth = { layerSteps: 20, rootSteps: 40, layerRowsMax: 20_000, branching: BRANCHING };

export type Method = "intervals" | "linear bounds" | "branching on signs" | "branching on inputs";

export type Proof = Verdict & {
  /** What closed it, or how far it came. */
  readonly method: Method;
  /** The least over clauses of the proven distance from being unsafe, before branching; above 0: it holds. */
  readonly margin: number;
};

/** Where branching on inputs is possible, this many subproblems of signs are tried first. */
const SIGNS_FIRST = 300;

/** Tries to prove that no input of the region satisfies any clause. */
export async function prove(bounds: Bounds, property: Property, effort: Effort, depth: Depth = DEEP): Promise<Proof> {
  const { region, clauses } = property;
  const early = await bounds.intervals(region);
  let margin = Math.min(...clauses.map((clause) => intervalMargin(clause, ...early.outputs)));
  if (margin > 0) return { verdict: "holds", nodes: 0, method: "intervals", margin };
  const layers = await layerBounds(bounds, region, {
    signal: effort.signal,
    steps: depth.layerSteps,
    rowsMax: depth.layerRowsMax,
    expired: effort.expired,
  });
  const first = await rootBounds(bounds, region, layers, clauses, effort, depth);
  margin = Math.max(margin, Math.min(...first));
  let open = clauses.filter((_, c) => !(first[c]! > 0));
  if (open.length === 0) return { verdict: "holds", nodes: 1, method: "linear bounds", margin };
  if (effort.nodesMax <= 1)
    return {
      verdict: "unknown",
      nodes: 1,
      because: "the linear bounds do not reach, and branching was not asked for",
      method: "linear bounds",
      margin,
    };

  if (margin < (depth.branchAbove ?? -Infinity))
    return {
      verdict: "unknown",
      nodes: 1,
      because: "the linear bounds stay too far away for branching to help",
      method: "linear bounds",
      margin,
    };

  let nodes = 1;
  let free = 0;
  for (let i = 0; i < region.low.length; i++) if (region.low[i]! < region.high[i]!) free++;
  const few = free <= SPLIT_INPUTS_MAX && !region.ball;
  const signs = bounds.activations.some(({ f }) => f.name === "relu");
  let last: Verdict = { verdict: "unknown", nodes: 0, because: "nothing is left to branch on" };
  if (signs) {
    const unproven: Clause[] = [];
    // The hardest last: what can be closed is closed before time runs out.
    const order = [...clauses.keys()].filter((c) => !(first[c]! > 0)).sort((a, b) => first[b]! - first[a]!);
    for (const c of order) {
      const nodesMax = Math.min(effort.nodesMax - nodes, few ? SIGNS_FIRST : Infinity);
      last = await branchOnSigns(bounds, region, layers, clauses[c]!, { ...effort, nodesMax }, depth.branching);
      nodes += last.nodes;
      if (last.verdict === "violated") return { ...last, nodes, method: "branching on signs", margin };
      if (last.verdict === "holds") continue;
      unproven.push(clauses[c]!);
      // One clause that stays open leaves the property open; where inputs can be branched on, all go on there.
      if (!few) return { ...last, nodes, method: "branching on signs", margin };
    }
    if (unproven.length === 0) return { verdict: "holds", nodes, method: "branching on signs", margin };
    open = unproven;
  }
  if (!few) return { ...last, nodes, method: "linear bounds", margin };
  if (effort.expired())
    return { verdict: "unknown", nodes, because: OUT_OF_TIME, method: "branching on signs", margin };
  const split = await branchOnInputs(
    bounds,
    { region, clauses: open },
    { ...effort, nodesMax: effort.nodesMax - nodes },
  );
  return { ...split, nodes: nodes + split.nodes, method: "branching on inputs", margin };
}

/** The best over constraints of what intervals of the outputs guarantee. */
function intervalMargin(clause: Clause, low: ArrayLike<number>, high: ArrayLike<number>): number {
  return Math.max(
    ...clause.map(({ a, b }) => {
      let least = -b;
      for (let j = 0; j < low.length; j++) least += a[j]! > 0 ? a[j]! * low[j]! : a[j]! < 0 ? a[j]! * high[j]! : 0;
      return least;
    }),
  );
}

/** Per clause, the best over its constraints of the optimised bound, less what has to be exceeded. */
async function rootBounds(
  bounds: Bounds,
  region: Region,
  layers: LayerBounds,
  clauses: readonly Clause[],
  { signal }: Effort,
  { rootSteps }: Depth,
): Promise<Float64Array> {
  const before = await bounds.before("logits");
  const constraints = clauses.flatMap((clause, c) => clause.map((constraint) => ({ c, ...constraint })));
  const base = before.map((activation) => ({
    activation,
    line: bounds.lines(
      activation,
      layers.low[activation.id]!,
      layers.high[activation.id]!,
      layers.rounding[activation.id]!,
    ),
    free:
      activation.f.name === "relu"
        ? undecided(activation, layers.low[activation.id]!, layers.high[activation.id]!)
        : new Int32Array(0),
  }));
  const best = new Float64Array(clauses.length).fill(-Infinity);
  const many = Math.max(1, Math.floor(bounds.rowsMax / 2));
  for (let from = 0; from < constraints.length; from += many) {
    const some = constraints.slice(from, from + many);
    const spec = bounds.floats(some.length * bounds.outputs);
    some.forEach(({ a }, r) => {
      for (let j = 0; j < bounds.outputs; j++) spec[r * bounds.outputs + j] = a[j]!;
    });
    const { bound } = await optimise(
      bounds,
      "logits",
      region,
      {
        spec,
        rounding: layers.rounding[bounds.activations.length]!,
        rows: some.length,
        lines: new Map(base.map(({ activation, line }) => [activation.id, repeated(bounds, line, some.length)])),
        free: new Map(base.map(({ activation, free }) => [activation.id, free])),
      },
      { steps: rootSteps, rate: 0.1, enough: Float64Array.from(some, ({ b }) => b), signal },
    );
    some.forEach(({ c, b }, r) => {
      best[c] = Math.max(best[c]!, bound[r]! - b);
    });
  }
  return best;
}
