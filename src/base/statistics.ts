/** Intervals for proportions and the few distributions behind them; test vectors in domain/06 §10 come out to the digit. */

/** log Γ(x), x > 0, by Lanczos' approximation (g = 7, nine terms; Numerical Recipes §6.1), relative error below 1e-13. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const g = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  let sum = g[0]!;
  for (let i = 1; i < g.length; i++) sum += g[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Regularised incomplete beta I_x(a, b) by the continued fraction of Lentz (Numerical Recipes §6.4). */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let h = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return h;
}

/** The p-quantile of Beta(a, b) by bisection to the last bit. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  let low = 0,
    high = 1;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (betaCdf(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Two-sided Clopper–Pearson interval for k successes of n (Biometrika 26, 1934); [0, 1] for n = 0. Throws unless 0 ≤ k ≤ n are integers. */
export function clopperPearson(k: number, n: number, confidence = 0.95): Interval {
  if (!Number.isInteger(k) || !Number.isInteger(n) || k < 0 || k > n)
    throw new RangeError(`not a proportion: ${k} of ${n}`);
  if (n === 0) return { low: 0, high: 1 };
  const key = `${k} ${n} ${confidence}`;
  let interval = known.get(key);
  if (!interval) {
    const tail = (1 - confidence) / 2;
    interval = {
      low: k === 0 ? 0 : betaQuantile(tail, k, n - k + 1),
      high: k === n ? 1 : betaQuantile(1 - tail, k + 1, n - k),
    };
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(key, interval);
  }
  return { ...interval };
}

/** Two bisections per interval are the dearest part of a rating, and the same few proportions are asked for again and again. */
const known = new Map<string, Interval>();
const KNOWN_MAX = 4096;

/** The p-quantile (0 ≤ p ≤ 1) of a sample with linear interpolation between order statistics; infinities sort last. */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * p,
    below = Math.floor(place),
    part = place - below;
  const low = sorted[below]!;
  return part === 0 ? low : low === Infinity ? Infinity : low + part * (sorted[below + 1]! - low);
}

/**
 * Φ⁻¹(p), the p-quantile of the standard normal, 0 < p < 1: Acklam's rational approximation (2003) and one step of Halley's method
 * on the complementary error function's continued fraction; relative error below 1e-12.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  if (p > 0.5) return -normalQuantile(1 - p);
  const a = [
    -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
    2.506628277459239,
  ];
  const b = [
    -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1,
  ];
  const c = [
    -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
  const poly = (terms: readonly number[], x: number): number => terms.reduce((sum, term) => sum * x + term, 0);
  let x: number;
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    x = poly(c, q) / poly([...d, 1], q);
  } else {
    const q = p - 0.5,
      r = q * q;
    x = (poly(a, r) * q) / poly([...b, 1], r);
  }
  for (let step = 0; step < 2; step++) {
    const error = (normalCdf(x) - p) * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
    x -= error / (1 + (x * error) / 2);
  }
  return x;
}

/** Φ(x) for x ≤ 0 through the regularised incomplete gamma function Q(½, x²/2) (Numerical Recipes §6.2); for x > 0 by symmetry. */
export function normalCdf(x: number): number {
  if (x > 0) return 1 - normalCdf(-x);
  const t = (x * x) / 2;
  if (t === 0) return 0.5;
  if (t < 1.5) {
    let term = 2,
      sum = 2;
    for (let n = 1; n < 200 && term > 1e-17 * sum; n++) {
      term *= t / (n + 0.5);
      sum += term;
    }
    return 0.5 * (1 - (sum * Math.exp(-t) * Math.sqrt(t)) / Math.sqrt(Math.PI));
  }
  const tiny = 1e-300;
  let b = t + 0.5,
    cf = 1 / tiny,
    df = 1 / b,
    h = df;
  for (let n = 1; n < 500; n++) {
    const an = -n * (n - 0.5);
    b += 2;
    df = 1 / (Math.abs(an * df + b) < tiny ? tiny : an * df + b);
    cf = Math.abs(b + an / cf) < tiny ? tiny : b + an / cf;
    const step = df * cf;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return (0.5 * h * Math.exp(-t) * Math.sqrt(t)) / Math.sqrt(Math.PI);
}
