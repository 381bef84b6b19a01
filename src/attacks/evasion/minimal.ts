/** The smallest budget that beats each sample, by bisection with any bounded attack. */
import type { Run } from "#base/run.ts";
import { type Assault, ensemble, selectRows } from "#attacks/ensemble.ts";
import type { Siege } from "#attacks/harness.ts";
import { type Norm, distanceIn, wholeRange } from "#attacks/region.ts";
import type { Classifier } from "#attacks/target.ts";

/** Where the search starts, per row: not beaten at `low` (0: right before the attack), beaten at `high` (∞: not known). */
export interface Bracket {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

export interface MinimalBudgets {
  /** The smallest size of perturbation found per row, in fractions; ∞ where none was found up to the whole range. */
  readonly budget: Float64Array;
  readonly queries: number;
  readonly gradients: number;
}

export { distanceIn, wholeRange } from "#attacks/region.ts";

/**
 * Bisects each row's budget until the bracket is narrower than `tolerance` of its upper end (0.005 keeps a linear model's
 * exact radius within 1 %) or than one raw step. A success also lowers the upper end to the size it really had.
 * An upper bound of the true distance, as any attack's is.
 */
export async function minimalBudgets(
  run: Pick<Run<unknown>, "signal" | "rng" | "progress">,
  classifier: Classifier,
  assaults: readonly Assault[],
  siege: Omit<Siege, "within"> & { readonly norm: Norm },
  bracket?: Bracket,
  tolerance = 0.005,
): Promise<MinimalBudgets> {
  const { norm, ...rest } = siege;
  const n = siege.units.length;
  const { size } = classifier;
  const most = wholeRange(norm, size);
  const low = bracket ? bracket.low.slice() : new Float64Array(n);
  const high = bracket ? bracket.high.slice() : new Float64Array(n).fill(Infinity);
  const step = classifier.grid.integer && norm === "linf" ? 1 / classifier.grid.levels : 0;
  let queries = 0;
  let gradients = 0;
  const lost = new Uint8Array(n);
  const ceiling = new Float64Array(n).fill(most);
  for (let round = 0; round < 40; round++) {
    const rows = Int32Array.from({ length: n }, (_, row) => row).filter(
      (row) =>
        lost[row] === 0 &&
        (high[row] === Infinity || high[row]! - low[row]! > Math.max(tolerance * high[row]!, step * 1.001)),
    );
    if (rows.length === 0) break;
    // Without an upper end the whole range is tried first, then parts of it: the largest steps are not always the best ones.
    const eps = Float64Array.from(rows, (row) =>
      high[row] === Infinity ? ceiling[row]! : (low[row]! + high[row]!) / 2,
    );
    const here = selectRows({ ...rest, within: { norm, eps: new Float64Array(n).fill(most) } }, rows, size);
    const result = await ensemble(run, classifier, assaults, { ...here, within: { norm, eps } });
    queries += result.queries;
    gradients += result.gradients;
    rows.forEach((row, k) => {
      const hit = result.found.get(k);
      if (hit) {
        const sample = siege.samples.subarray(row * size, (row + 1) * size);
        high[row] = Math.min(high[row]!, eps[k]!, distanceIn(norm, hit.point, sample));
        if (low[row]! > high[row]!) low[row] = high[row]!;
      } else if (high[row] === Infinity) {
        ceiling[row]! /= 2;
        if (ceiling[row]! < most / 8 || ceiling[row]! <= low[row]!) lost[row] = 1;
      } else low[row] = eps[k]!;
    });
  }
  return { budget: high, queries, gradients };
}
