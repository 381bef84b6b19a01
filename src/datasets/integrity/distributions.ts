/** Tests of whether two samples come from one distribution, and what many tests at once allow to be said. */
import type { Rng } from "#base/random.ts";
import { logGamma } from "#base/statistics.ts";

/** Upper regularised incomplete gamma function Q(a, x), a > 0, x ≥ 0: series below a + 1, continued fraction above (Numerical Recipes §6.2). */
export function gammaUpper(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a,
      sum = term;
    for (let n = 1; n < 10_000 && Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.max(0, 1 - sum * front);
  }
  const tiny = 1e-300;
  let b = x + 1 - a,
    c = 1 / tiny,
    d = 1 / b,
    h = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (Math.abs(an * d + b) < tiny ? tiny : an * d + b);
    c = Math.abs(b + an / c) < tiny ? tiny : b + an / c;
    const step = c * d;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return front * h;
}

/** P(χ² with `freedom` degrees ≥ x). */
export const chiSquaredUpper = (x: number, freedom: number): number => gammaUpper(freedom / 2, x / 2);

export interface Tested {
  readonly statistic: number;
  readonly p: number;
}

/** Below this many products of the two sizes the distribution is counted out, above it the limit is taken. */
const EXACT_MAX = 1_000_000;

/**
 * Two-sample Kolmogorov–Smirnov test, two-sided. The p-value is exact for values without ties, by counting lattice paths (Hodges 1957),
 * while n · m ≤ 10⁶; above that Kolmogorov's limit. With ties both err towards a larger p. What is no number is left out.
 */
export function kolmogorovSmirnov(a: ArrayLike<number>, b: ArrayLike<number>): Tested {
  const x = Float64Array.from(a)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const y = Float64Array.from(b)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const [n, m] = [x.length, y.length];
  if (n === 0 || m === 0) return { statistic: 0, p: 1 };
  // As whole numbers: the largest |i·m − j·n|.
  let [i, j, widest] = [0, 0, 0];
  while (i < n && j < m) {
    const value = Math.min(x[i]!, y[j]!);
    while (i < n && x[i] === value) i++;
    while (j < m && y[j] === value) j++;
    widest = Math.max(widest, Math.abs(i * m - j * n));
  }
  const statistic = widest / (n * m);
  const p = n * m <= EXACT_MAX ? pathsOutside(n, m, widest) : kolmogorovUpper(statistic * Math.sqrt((n * m) / (n + m)));
  return { statistic, p: Math.min(1, Math.max(0, p)) };
}

/** Share of lattice paths from (0, 0) to (n, m) that reach |i·m − j·n| ≥ h. */
function pathsOutside(n: number, m: number, h: number): number {
  if (h === 0) return 1;
  // Probability, given a random path, of being at (i, j) without having left: P(i,j) from (i−1,j) and (i,j−1) by the remaining steps.
  const row = new Float64Array(m + 1);
  // Cells that a path may be in lie in a band around the diagonal; just outside it the row is zero.
  let last = -1;
  for (let i = 0; i <= n; i++) {
    const from = Math.max(0, Math.floor((i * m - h) / n) + 1);
    const to = Math.min(m, Math.ceil((i * m + h) / n) - 1);
    if (from > 0) row[from - 1] = 0;
    for (let j = last + 1; j <= to; j++) row[j] = 0;
    last = to;
    for (let j = from; j <= to; j++) {
      if (i + j === 0) {
        row[0] = 1;
        continue;
      }
      const step = i + j;
      // A path at (i, j) came from the left or from below with these shares (hypergeometric weights).
      const fromAbove = i > 0 ? row[j]! * (i / step) : 0;
      const fromLeft = j > 0 ? row[j - 1]! * (j / step) : 0;
      row[j] = fromAbove + fromLeft;
    }
  }
  return 1 - row[m]!;
}

/** P(K ≥ x) of Kolmogorov's distribution. */
export function kolmogorovUpper(x: number): number {
  if (x <= 0) return 1;
  if (x < 1.18) {
    // The other form of the series converges where this one does not (Marsaglia, Tsang & Wang 2003).
    let sum = 0;
    for (let k = 1; k <= 20; k++) sum += Math.exp(-((2 * k - 1) ** 2 * Math.PI ** 2) / (8 * x * x));
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  let sum = 0;
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-300) break;
  }
  return 2 * sum;
}

/** Pearson's χ² test that two rows of counts have one distribution; columns that are empty in both are left out. */
export function chiSquared(a: ArrayLike<number>, b: ArrayLike<number>): Tested & { readonly freedom: number } {
  let [n, m] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    n += a[i]!;
    m += b[i]!;
  }
  let [statistic, used] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const both = a[i]! + b[i]!;
    if (both === 0) continue;
    used++;
    const [ea, eb] = [(both * n) / (n + m), (both * m) / (n + m)];
    statistic += (ea > 0 ? (a[i]! - ea) ** 2 / ea : 0) + (eb > 0 ? (b[i]! - eb) ** 2 / eb : 0);
  }
  const freedom = Math.max(0, used - 1);
  return { statistic, freedom, p: freedom === 0 || n === 0 || m === 0 ? 1 : chiSquaredUpper(statistic, freedom) };
}

/** Holm's adjusted p-values (Scandinavian Journal of Statistics 6, 1979): whichever is at most α may be claimed, all at once. */
export function holm(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).toSorted((a, b) => p[a]! - p[b]!);
  const adjusted = Array<number>(p.length).fill(1);
  let largest = 0;
  order.forEach((i, rank) => {
    largest = Math.max(largest, Math.min(1, (p.length - rank) * p[i]!));
    adjusted[i] = largest;
  });
  return adjusted;
}

/**
 * Unbiased squared maximum mean discrepancy with a Gaussian kernel whose width is the median distance (Gretton et al. 2012, Lemma 6 and §8),
 * and its permutation p-value, (1 + as large or larger) / (1 + permutations). Rows are n × d and m × d.
 */
export function meanDiscrepancy(
  a: Float32Array,
  b: Float32Array,
  d: number,
  rng: Rng,
  permutations: number,
): Tested & { readonly width: number } {
  if (a.length < 2 * d || b.length < 2 * d || d === 0) return { statistic: 0, p: 1, width: 0 };
  const [n, m] = [a.length / d, b.length / d];
  const all = n + m;
  const squares = new Float64Array(all * all);
  const row = (i: number): [Float32Array, number] => (i < n ? [a, i * d] : [b, (i - n) * d]);
  const drawn = new Float64Array((all * (all - 1)) / 2);
  let pairs = 0;
  for (let i = 0; i < all; i++) {
    const [x, from] = row(i);
    for (let j = 0; j < i; j++) {
      const [y, to] = row(j);
      let sum = 0;
      for (let k = 0; k < d; k++) {
        const step = x[from + k]! - y[to + k]!;
        sum += step * step;
      }
      squares[i * all + j] = squares[j * all + i] = sum;
      drawn[pairs++] = sum;
    }
  }
  drawn.sort();
  const median = drawn.length === 0 ? 0 : drawn[Math.floor(drawn.length / 2)]!;
  const kernel = squares;
  let total = 0;
  for (let i = 0; i < all; i++)
    for (let j = 0; j < all; j++) {
      const value = i === j ? 0 : median > 0 ? Math.exp(-squares[i * all + j]! / (2 * median)) : 1;
      kernel[i * all + j] = value;
      total += value;
    }
  // Of the total, what lies within the first group and within the second; the rest is between them.
  const sums = new Float64Array(all);
  for (let i = 0; i < all; i++) for (let j = 0; j < all; j++) sums[i]! += kernel[i * all + j]!;
  const discrepancy = (first: readonly number[]): number => {
    let [within, outgoing] = [0, 0];
    for (const i of first) {
      outgoing += sums[i]!;
      const from = i * all;
      for (const j of first) within += kernel[from + j]!;
    }
    const between = outgoing - within;
    const second = total - within - 2 * between;
    return within / (n * (n - 1)) + second / (m * (m - 1)) - (2 * between) / (n * m);
  };
  const statistic = discrepancy(Array.from({ length: n }, (_, i) => i));
  let larger = 0;
  for (let turn = 0; turn < permutations; turn++) if (discrepancy(rng.sample(all, n)) >= statistic - 1e-15) larger++;
  return { statistic, p: (1 + larger) / (1 + permutations), width: Math.sqrt(median) };
}
