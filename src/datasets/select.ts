/** Which samples a trial uses: all of them, or a seeded choice that keeps the classes' shares and units whole. */
import type { Rng } from "#base/random.ts";
import type { EvaluationSet } from "./evaluation-set.ts";

/**
 * Indices of the chosen samples, ascending. All samples when the set has no more than `n` units. Otherwise `n` units –
 * samples, or the patients and tracks the set names – drawn without replacement and stratified by class in proportion
 * (largest remainders), with at least one unit of every class while `n` allows; a unit counts for the class of its first
 * sample and always comes whole, so more than `n` samples may come back. Real targets are drawn without strata.
 * The same set, `n` and stream give the same choice. Throws a RangeError unless n is a whole number of at least 1.
 */
export function selectSamples(
  set: Pick<EvaluationSet, "n" | "y" | "units">,
  n: number | undefined,
  rng: Rng,
): Int32Array {
  if (n !== undefined && (!Number.isInteger(n) || n < 1))
    throw new RangeError(`selectSamples needs a whole number of at least 1, not ${n}`);
  const units = unitsOf(set);
  if (n === undefined || units.length <= n) return Int32Array.from({ length: set.n }, (_, i) => i);

  const strata = new Map<number, number[]>();
  units.forEach((members, unit) => {
    const stratum = set.y instanceof Int32Array ? set.y[members[0]!]! : 0;
    const list = strata.get(stratum);
    if (list) list.push(unit);
    else strata.set(stratum, [unit]);
  });
  const ordered = [...strata].toSorted(([a], [b]) => a - b);
  const shares = allocate(
    ordered.map(([, members]) => members.length),
    n,
  );
  const chosen: number[] = [];
  ordered.forEach(([stratum, members], i) => {
    for (const at of rng.fork(`class ${stratum}`).sample(members.length, shares[i]!))
      chosen.push(...units[members[at]!]!);
  });
  return Int32Array.from(chosen).sort();
}

/** Sample indices per unit, in order of first appearance. */
function unitsOf({ n, units }: Pick<EvaluationSet, "n" | "units">): readonly (readonly number[])[] {
  if (!units) return Array.from({ length: n }, (_, i) => [i]);
  const members = new Map<string, number[]>();
  units.forEach((unit, i) => {
    const list = members.get(unit);
    if (list) list.push(i);
    else members.set(unit, [i]);
  });
  return [...members.values()];
}

/** Splits `n` over strata of the given sizes in proportion, by largest remainders; nobody gets more than he has, everybody one while it lasts. */
function allocate(sizes: readonly number[], n: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const quotas = sizes.map((size) => (n * size) / total);
  const shares = quotas.map((quota) => Math.floor(quota));
  if (n >= sizes.length) shares.forEach((share, i) => (shares[i] = Math.max(1, share)));
  let left = n - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = quotas
    .map((quota, i) => ({ i, remainder: quota - Math.floor(quota) }))
    .toSorted((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (let turn = 0; left > 0; turn++) {
    const { i } = byRemainder[turn % byRemainder.length]!;
    if (shares[i]! < sizes[i]!) {
      shares[i]!++;
      left--;
    }
  }
  // The guaranteed ones may have overdrawn; the largest strata give back.
  while (left < 0) {
    let largest = 0;
    shares.forEach((share, i) => {
      if (share > shares[largest]!) largest = i;
    });
    shares[largest]!--;
    left++;
  }
  return shares;
}
