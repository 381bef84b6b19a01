/** Accuracy against budget: the quick attack at several sizes, each on its own, joined so that what little does, more does too. */
import type { Listening } from "./answers.ts";
import { type Assault, ensemble } from "./ensemble.ts";
import { wholeRange } from "./evasion/minimal.ts";
import type { Siege } from "./harness.ts";
import { part } from "./meter.ts";
import type { Norm } from "./region.ts";
import { type Check, slack } from "./sanity.ts";
import type { Classifier } from "./target.ts";

/**
 * Budgets papers report: RobustBench CIFAR 8/255 and ImageNet 4/255 in L∞, CIFAR 0.5 in L2; MNIST 0.3 (Madry et al. 2018);
 * CIFAR 12 in L1 (Croce & Hein, ICML 2021); 24 and 50 features in L0 (Cinà et al., ICLR 2025).
 */
export const referenceBudgets: Readonly<Record<Norm, readonly number[]>> = {
  linf: [4 / 255, 8 / 255, 0.3],
  l2: [0.5],
  l1: [12],
  l0: [24, 50],
};

/** Budgets of the curve: quarter to four times the trial's own, and the references; ascending, within the range. */
export function curveBudgets(norm: Norm, eps: number, size: number, references = referenceBudgets[norm]): number[] {
  const most = wholeRange(norm, size);
  const wished = [eps / 4, eps / 2, eps, eps * 2, eps * 4, ...references].filter((value) => value > 0 && value < most);
  return wished.sort((a, b) => a - b).filter((value, i, all) => i === 0 || value > all[i - 1]! * 1.0001);
}

export interface Curve {
  readonly budgets: readonly number[];
  /** Per row of the siege: the smallest of the budgets at which it was beaten; ∞ where at none. */
  readonly beatenAt: Float64Array;
  /** Per budget and row: 1 where the quick attack alone beat it there. */
  readonly hits: readonly Uint8Array[];
  /** What beat a row at the smallest budget that did. */
  readonly found: ReadonlyMap<number, Float32Array>;
}

/** Runs the quick attack over all rows of the siege at every budget. */
export async function accuracyCurve(
  run: Listening,
  classifier: Classifier,
  quick: readonly Assault[],
  siege: Siege,
  norm: Norm,
  budgets: readonly number[],
): Promise<Curve> {
  const beatenAt = new Float64Array(siege.units.length).fill(Infinity);
  const found = new Map<number, Float32Array>();
  const hits: Uint8Array[] = [];
  for (const [k, eps] of budgets.entries()) {
    const here = part(run, k / budgets.length, (k + 1) / budgets.length);
    const result = await ensemble(here, classifier, quick, { ...siege, within: { norm, eps } });
    for (const [row, { point }] of result.found)
      if (beatenAt[row] === Infinity) {
        beatenAt[row] = eps;
        found.set(row, point);
      }
    hits.push(result.beaten);
  }
  return { budgets, beatenAt, hits, found };
}

/** A larger budget must not beat clearly fewer inputs; `alone`: how many the quick attack beat at each on its own. */
export function monotoneCheck(budgets: readonly number[], alone: readonly number[], eligible: number): Check {
  let most = 0;
  let worst: { eps: number; beaten: number; before: number } | undefined;
  budgets.forEach((eps, k) => {
    const beaten = alone[k]!;
    if (beaten < most - slack(eligible) && (!worst || most - beaten > worst.before - worst.beaten))
      worst = { eps, beaten, before: most };
    most = Math.max(most, beaten);
  });
  return {
    check: "a larger budget beats no fewer inputs",
    passed: worst === undefined,
    about: "strength",
    detail: worst
      ? `${worst.beaten} beaten at ${worst.eps.toPrecision(3)}, but ${worst.before} with less`
      : `beaten of ${eligible} at each budget: ${alone.join(", ")}`,
  };
}
