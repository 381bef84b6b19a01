/** Several attacks on the same samples, cheap ones first: each next one sees only what is still standing. */
import type { AttackRun } from "#assessment/evidence.ts";
import type { Run } from "#base/run.ts";
import { type Goal, hasLabels, pickOutputGoal } from "./goals.ts";
import { type Attack, type Parameters, type Siege, besiege } from "./harness.ts";
import type { Ball, Boxes } from "./region.ts";
import type { Classifier } from "./target.ts";

/** One attack with its parameters. */
export interface Assault {
  readonly attack: Attack;
  readonly parameters: Parameters;
}

export interface EnsembleResult {
  readonly beaten: Uint8Array;
  /** The first confirmed input per row, and the place in `runs` of the attack that found it. */
  readonly found: ReadonlyMap<number, { readonly point: Float32Array; readonly by: number }>;
  /** The size of what was found, in the siege's norm; Infinity where nothing was. */
  readonly distance: Float64Array;
  readonly margin: Float64Array;
  /** Queries spent on each row. */
  readonly queriesPerRow: Int32Array;
  readonly runs: readonly AttackRun[];
  readonly queries: number;
  readonly gradients: number;
  readonly notNumbers: number;
  readonly unconfirmed: number;
}

/** How a run that does not start at random is told from one that does. */
const STARTS: Readonly<Record<string, string>> = {
  centre: ", small steps from the input",
  shade: ", from black, white and grey",
};

const ACCESS = { gradient: "white-box", scores: "scores", labels: "labels" } as const;

/** The samples of the given rows with everything that belongs to them. */
export function selectRows(siege: Siege, rows: Int32Array, size: number): Siege {
  const pick = (values: Float32Array): Float32Array => {
    const packed = new Float32Array(rows.length * size);
    rows.forEach((row, k) => packed.set(values.subarray(row * size, (row + 1) * size), k * size));
    return packed;
  };
  const within: Ball | Boxes =
    "norm" in siege.within
      ? {
          ...siege.within,
          eps: typeof siege.within.eps === "number" ? siege.within.eps : pickEps(siege.within.eps, rows),
        }
      : { low: pick(siege.within.low), high: pick(siege.within.high) };
  return {
    ...siege,
    samples: pick(siege.samples),
    units: Array.from(rows, (row) => siege.units[row]!),
    goal: selectGoal(siege.goal, rows),
    within,
    ...(siege.spared ? { spared: Uint8Array.from(rows, (row) => siege.spared![row]!) } : {}),
  };
}

const pickEps = (eps: Float64Array, rows: Int32Array): Float64Array => Float64Array.from(rows, (row) => eps[row]!);

export function selectGoal(goal: Goal, rows: Int32Array): Goal {
  if (!hasLabels(goal)) return pickOutputGoal(goal, rows);
  const pick = (labels: Int32Array): Int32Array => rows.map((row) => labels[row]!);
  switch (goal.kind) {
    case "untargeted":
      return { kind: "untargeted", label: pick(goal.label) };
    case "targeted":
      return { kind: "targeted", label: pick(goal.label), target: pick(goal.target) };
  }
}

/**
 * Runs the assaults in order over the survivors of those before; per sample the worst case over all of them. Where the smallest
 * perturbation is sought every assault sees every row, and the smallest of all counts.
 */
export async function ensemble(
  run: Pick<Run<unknown>, "signal" | "rng" | "progress">,
  classifier: Classifier,
  assaults: readonly Assault[],
  siege: Siege,
): Promise<EnsembleResult> {
  const n = siege.units.length;
  const beaten = new Uint8Array(n);
  const found = new Map<number, { point: Float32Array; by: number }>();
  const distance = new Float64Array(n).fill(Infinity);
  const smallest = "norm" in siege.within && siege.within.minimal === true;
  const margin = new Float64Array(n).fill(-Infinity);
  const queriesPerRow = new Int32Array(n);
  const runs: AttackRun[] = [];
  let queries = 0;
  let gradients = 0;
  let notNumbers = 0;
  let unconfirmed = 0;
  for (const { attack, parameters } of assaults) {
    const rows = Int32Array.from({ length: n }, (_, row) => row).filter(
      (row) => (smallest || beaten[row] === 0) && siege.spared?.[row] !== 1,
    );
    if (rows.length === 0) break;
    const result = await besiege(run, classifier, attack, parameters, selectRows(siege, rows, classifier.size));
    rows.forEach((row, k) => {
      margin[row] = Math.max(margin[row]!, result.margin[k]!);
      queriesPerRow[row]! += result.queriesPerRow[k]!;
      if (result.beaten[k] === 0 || !(beaten[row] === 0 || result.distance[k]! < distance[row]!)) return;
      beaten[row] = 1;
      distance[row] = result.distance[k]!;
      found.set(row, { point: result.found.get(k)!, by: runs.length });
    });
    const used = { ...attack.defaults, ...parameters };
    runs.push({
      attack: attack.id,
      revision: attack.revision,
      objective: `${used["objective"] ?? "margin"}${STARTS[String(used["start"])] ?? ""}`,
      access: ACCESS[attack.needs],
      steps: Number(used["steps"] ?? used["queries"] ?? used["draws"] ?? 0),
      restarts: Number(used["restarts"] ?? 1),
      queries: result.queries,
      gradients: result.gradients,
      fooled: result.found.size,
    });
    queries += result.queries;
    gradients += result.gradients;
    notNumbers += result.notNumbers;
    unconfirmed += result.unconfirmed;
  }
  return { beaten, found, distance, margin, queriesPerRow, runs, queries, gradients, notNumbers, unconfirmed };
}
