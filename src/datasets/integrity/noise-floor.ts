/**
 * How many labels are wrong beyond what overlapping classes explain: the floor under a classifier's disagreement with the labels.
 *
 * Where classes merely overlap, labels contradict the classifier the less, the surer it is. Labels flipped whatever the features are contradict it
 * as often where it is sure as anywhere. So, for sureness s = log p / (1 − p) of the most probable class of K,
 *
 *   P(label ≠ most probable class | s) = h + ρ (1 − h K / (K − 1)),   h = 1 / (1 + exp(a + b s)),
 *
 * with h the overlap – a temperature (Guo et al. 2017, §4.2: b; a for what is off where the classifier is undecided) – and ρ the share of wrong
 * labels, evenly flipped: a lapse rate (Wichmann & Hill 2001). No floor is ever proof: classes whose overlap
 * stays above some share everywhere look the same. The share is identified only where somewhere almost no overlap is left ("mutually irreducible" classes:
 * Blanchard, Flaska, Handy, Pozzi & Scott 2016); of all worlds that may lie behind the data, this is the one with the most noise.
 */
import type { Interval } from "#base/statistics.ts";

/** How sure the classifier is of each sample's most probable class, and whether the label is another. */
export interface Sureness {
  readonly sureness: Float64Array;
  readonly top: Int32Array;
  readonly contradicted: Uint8Array;
}

export interface Floor {
  /** Estimated share of wrong labels, and its 95 % profile-likelihood interval. */
  readonly share: number;
  readonly interval: Interval;
  /**
   * Lower end of the 99 % interval. One clean set in 200 would have it above nothing, were sureness known and overlap exactly such a curve. They are not: a
   * twentieth of clean sets is what is aimed at, and `npm run bench:data` counts them.
   */
  readonly atLeast: number;
  /** Overlap beside that floor. */
  readonly overlap: Overlap;
}

export interface Overlap {
  readonly a: number;
  readonly b: number;
}

/**
 * Share of labels that may contradict a sure classifier without being wrong: odd samples. Our choice: above the 0.15 % of MNIST's test labels that people
 * found wrong, and below the share in most other sets looked at (Northcutt, Athalye & Mueller 2021, Table 1).
 */
export const TOLERATED = 0.005;
/** Quantiles of χ² with one degree of freedom: at 0.95 for the interval, at 0.99 for saying that labels are wrong. */
const [CHI, CHI_SURE] = [3.841458820694124, 6.6348966010212145];
/** An undecided classifier is wrong half of the time: odds within e of that are allowed for. */
const UNDECIDED = 1;
const BINS = 60;
const LARGEST = 0.95;
const GRID = [0, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.14, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

export function surenessOf(probabilities: Float64Array, labels: Int32Array, classes: number): Sureness {
  const n = labels.length;
  const [sureness, top, contradicted] = [new Float64Array(n), new Int32Array(n), new Uint8Array(n)];
  for (let i = 0; i < n; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (probabilities[i * classes + c]! > probabilities[i * classes + best]!) best = c;
    let rest = 0;
    for (let c = 0; c < classes; c++) if (c !== best) rest += probabilities[i * classes + c]!;
    sureness[i] = Math.log(probabilities[i * classes + best]! / Math.max(rest, 1e-15));
    top[i] = best;
    contradicted[i] = best === labels[i] ? 0 : 1;
  }
  return { sureness, top, contradicted };
}

export const overlapAt = ({ a, b }: Overlap, sureness: number): number => 1 / (1 + Math.exp(a + b * sureness));

/** P(label ≠ most probable class) under overlap h and floor ρ. */
const contradictedAt = (h: number, share: number, classes: number): number =>
  h + share * (1 - (h * classes) / (classes - 1));

/** Probability that a label which contradicts the classifier is wrong, rather than the classifier. */
export function wrongAt(
  sureness: number,
  { overlap, share }: Pick<Floor, "overlap" | "share">,
  classes: number,
): number {
  const h = overlapAt(overlap, sureness);
  const all = contradictedAt(h, share, classes);
  return all > 0 ? 1 - (h * (1 - share)) / all : 0;
}

/** Samples of about the same sureness: how many, and how many contradicted. Ties stay together. */
interface Bin {
  readonly at: number;
  readonly n: number;
  readonly k: number;
}

function binned({ sureness, contradicted }: Sureness): Bin[] {
  const order = Int32Array.from(sureness, (_, i) => i).sort((a, b) => sureness[a]! - sureness[b]! || a - b);
  const size = Math.max(1, Math.ceil(order.length / BINS));
  const bins: Bin[] = [];
  for (let from = 0; from < order.length;) {
    let to = Math.min(order.length, from + size);
    while (to < order.length && sureness[order[to]!] === sureness[order[to - 1]!]) to++;
    let [sum, k] = [0, 0];
    for (let i = from; i < to; i++) {
      sum += sureness[order[i]!]!;
      k += contradicted[order[i]!]!;
    }
    bins.push({ at: sum / (to - from), n: to - from, k });
    from = to;
  }
  return bins;
}

interface Fit extends Overlap {
  readonly share: number;
  readonly likelihood: number;
}

/** The floor under these contradictions; `n` labels in `classes` classes, at least two. */
export function floorOf(seen: Sureness, classes: number): Floor {
  const bins = binned(seen);
  const most = LARGEST * (1 - 1 / classes);
  // From an overlap that fits a floor nearby, or, along the grid, from one that is still there at average sureness: from one that is gone
  // wherever there are samples nothing climbs back.
  const fitted = (share: number, near: Overlap): Fit => ({ share, ...overlapFor(bins, share, classes, near) });
  const average = bins.reduce((sum, { at, n }) => sum + Math.abs(at) * n, 0) / (seen.sureness.length || 1);
  const fresh = { a: 0, b: Math.min(1, 3 / Math.max(average, 1e-9)) };
  const along: Fit[] = [];
  for (const share of [...GRID.filter((one) => one < most), most]) {
    const fits = [fitted(share, fresh), ...along.slice(-1).map((last) => fitted(share, last))];
    along.push(fits.reduce((one, next) => (next.likelihood > one.likelihood ? next : one)));
  }
  const [none, last] = [along[0]!, along.at(-1)!];
  let best = along.reduce((one, next) => (next.likelihood > one.likelihood ? next : one));
  const place = along.indexOf(best);
  let [low, high] = [along[Math.max(0, place - 1)]!.share, along[Math.min(along.length - 1, place + 1)]!.share];
  for (let turn = 0; turn < 10; turn++) {
    const left = fitted(low + 0.382 * (high - low), best);
    const right = fitted(low + 0.618 * (high - low), best);
    if (left.likelihood > right.likelihood) high = right.share;
    else low = left.share;
    for (const fit of [left, right]) if (fit.likelihood > best.likelihood) best = fit;
  }
  const ratioAt = ({ likelihood }: Fit): number => Math.max(0, 2 * (best.likelihood - likelihood));
  /** Where the ratio passes the quantile, between the estimate and `to`. */
  const end = (to: Fit, quantile = CHI): number => {
    if (ratioAt(to) <= quantile) return to.share;
    let [inside, outside] = [best, to.share];
    for (let turn = 0; turn < 12; turn++) {
      const middle = fitted((inside.share + outside) / 2, inside);
      if (ratioAt(middle) <= quantile) inside = middle;
      else outside = middle.share;
    }
    return inside.share;
  };
  // Labels drawn by chance agree with one of K classes as often as one in K: more noise than that cannot be.
  const interval = { low: end(none), high: ratioAt(last) <= CHI ? 1 - 1 / classes : end(last) };
  return {
    share: best.share,
    interval,
    atLeast: end(none, CHI_SURE),
    overlap: { a: best.a, b: best.b },
  };
}

/**
 * Whether more labels are wrong than is tolerated, for certain. Only where most are right: that is a condition of the share being what it says (Blanchard et
 * al. 2016), and without it a classifier that is hardly better than chance would accuse.
 */
export const exceeds = ({ atLeast, interval }: Pick<Floor, "atLeast" | "interval">): boolean =>
  atLeast > TOLERATED && interval.high < 0.5;

/** The likeliest overlap for a given floor: Fisher scoring, steps halved until they climb. */
function overlapFor(
  bins: readonly Bin[],
  share: number,
  classes: number,
  from: Overlap,
): Overlap & { readonly likelihood: number } {
  let at = climbable(bins, share, classes, from);
  for (let turn = 0; turn < 60; turn++) {
    // What lies at its bound and would go beyond stays there, and the other goes on alone.
    const heldA = Math.abs(at.a) >= UNDECIDED && at.ga * at.a > 0;
    const heldB = at.b <= 0 && at.gb < 0;
    const ab = heldA || heldB ? 0 : at.ab;
    const determinant = at.aa * at.bb - ab * ab;
    if (!(determinant > 0)) break;
    const da = heldA ? 0 : (at.bb * at.ga - ab * at.gb) / determinant;
    const db = heldB ? 0 : (at.aa * at.gb - ab * at.ga) / determinant;
    let next = at;
    for (let step = 1; step > 1e-3; step /= 2) {
      const a = Math.max(-UNDECIDED, Math.min(UNDECIDED, at.a + step * da));
      next = climbable(bins, share, classes, { a, b: Math.max(0, at.b + step * db) });
      if (next.likelihood > at.likelihood) break;
    }
    const climbed = next.likelihood - at.likelihood;
    if (climbed > 0) at = next;
    if (!(climbed > 1e-6)) break;
  }
  return { a: at.a, b: at.b, likelihood: at.likelihood };
}

/** The likelihood of an overlap beside a floor, its slope along a and b, and the information. */
function climbable(bins: readonly Bin[], share: number, classes: number, { a, b }: Overlap) {
  const slope = 1 - (share * classes) / (classes - 1);
  let [likelihood, ga, gb, aa, ab, bb] = [0, 0, 0, 1e-9, 0, 1e-9];
  for (const { at, n, k } of bins) {
    const h = overlapAt({ a, b }, at);
    const p = Math.min(1 - 1e-12, Math.max(1e-12, share + slope * h));
    if (k > 0) likelihood += k * Math.log(p);
    if (k < n) likelihood += (n - k) * Math.log(1 - p);
    const change = -slope * h * (1 - h);
    const weight = change / (p * (1 - p));
    const score = (k - n * p) * weight;
    ga += score;
    gb += score * at;
    const information = n * weight * change;
    aa += information;
    ab += information * at;
    bb += information * at * at;
  }
  return { a, b, likelihood, ga, gb, aa, ab, bb };
}
