/** Where a perturbed input may lie: a norm ball or per-element boxes, inside the model's own domain, on the values an input can take. */
import type { Classifier } from "./target.ts";

export const NORMS = ["linf", "l2"] as const;
export type Norm = (typeof NORMS)[number];

/** A norm ball around each sample; `eps` in fractions of the declared range, one for all or one per sample. */
export interface Ball {
  readonly norm: Norm;
  readonly eps: number | Float64Array;
}

/** Per-sample, per-element bounds, n × size, fractions; an attack starts between them. */
export interface Boxes {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/**
 * The permitted points of n samples. `low` and `high` are the box of each element (for L∞ the ball is already in them),
 * rounded inwards in float32, and on whole raw steps where the grid is integer.
 */
export interface Region {
  readonly norm: Norm;
  readonly n: number;
  readonly size: number;
  readonly centre: Float32Array;
  readonly low: Float32Array;
  readonly high: Float32Array;
  /** The budget of each sample's ball; null for boxes. */
  readonly eps: Float64Array | null;
  /** Raw steps from 0 to 1 where inputs are integers, else null. */
  readonly steps: number | null;
}

const bits = new DataView(new ArrayBuffer(4));

/** The neighbouring float32 towards +∞ (up) or −∞. */
function neighbour(value: number, up: boolean): number {
  if (value === 0) return up ? 2 ** -149 : -(2 ** -149);
  bits.setFloat32(0, value);
  bits.setInt32(0, bits.getInt32(0) + (value > 0 === up ? 1 : -1));
  return bits.getFloat32(0);
}

/** The smallest float32 that is at least `value`. */
export function roundUp(value: number): number {
  const near = Math.fround(value);
  return near < value ? neighbour(near, true) : near;
}

/** The largest float32 that is at most `value`. */
export function roundDown(value: number): number {
  const near = Math.fround(value);
  return near > value ? neighbour(near, false) : near;
}

/** Slack, in raw steps, by which a float32 fraction may miss the integer it stands for. */
const HALF_ULP = 1e-3;

const stepsOf = (classifier: Classifier): number | null => (classifier.grid.integer ? classifier.grid.levels : null);

/** The ball around each of n samples within the model's domain and grid. Throws on an eps that is not a positive number. */
export function ballRegion(classifier: Classifier, samples: Float32Array, n: number, ball: Ball): Region {
  const budgets = typeof ball.eps === "number" ? new Float64Array(n).fill(ball.eps) : ball.eps;
  for (const eps of budgets)
    if (!(eps > 0) || !Number.isFinite(eps))
      throw new RangeError(`a budget must be a positive number of the input range, not ${eps}`);
  const { size, box } = classifier;
  const steps = stepsOf(classifier);
  const low = new Float32Array(n * size);
  const high = new Float32Array(n * size);
  const linf = ball.norm === "linf";
  for (let at = 0; at < low.length; at++) {
    const element = at % size;
    const eps = budgets[(at - element) / size]!;
    const floor = box ? box.low[element]! : 0;
    const ceiling = box ? box.high[element]! : 1;
    const x = samples[at]!;
    if (steps === null) {
      low[at] = linf ? Math.max(floor, roundUp(x - eps)) : floor;
      high[at] = linf ? Math.min(ceiling, roundDown(x + eps)) : ceiling;
    } else {
      const first = Math.ceil(floor * steps - HALF_ULP);
      const last = Math.floor(ceiling * steps + HALF_ULP);
      const raw = Math.round(x * steps);
      const rawReach = Math.floor(eps * steps + HALF_ULP);
      low[at] = (linf ? Math.max(first, raw - rawReach) : first) / steps;
      high[at] = (linf ? Math.min(last, raw + rawReach) : last) / steps;
    }
    // A sample outside its declared domain stays where it is: the attack may move it inwards, never further out.
    if (low[at]! > x) low[at] = x;
    if (high[at]! < x) high[at] = x;
  }
  return {
    norm: ball.norm,
    n,
    size,
    centre: samples.subarray(0, n * size),
    low,
    high,
    eps: budgets,
    steps,
  };
}

/** The boxes themselves as a region, around their midpoints or the given starting points. Throws where a box is empty. */
export function boxRegion(classifier: Classifier, boxes: Boxes, n: number, start?: Float32Array): Region {
  const steps = stepsOf(classifier);
  const length = n * classifier.size;
  const low = new Float32Array(length);
  const high = new Float32Array(length);
  const centre = new Float32Array(length);
  for (let at = 0; at < length; at++) {
    const floor = boxes.low[at]!;
    const ceiling = boxes.high[at]!;
    low[at] = steps === null ? floor : Math.ceil(floor * steps - HALF_ULP) / steps;
    high[at] = steps === null ? ceiling : Math.floor(ceiling * steps + HALF_ULP) / steps;
    if (!(low[at]! <= high[at]!))
      throw new RangeError(
        `the box of element ${at % classifier.size} of sample ${Math.floor(at / classifier.size)} is empty: [${floor}, ${ceiling}]`,
      );
    const middle = start ? start[at]! : (floor + ceiling) / 2;
    centre[at] = Math.min(high[at]!, Math.max(low[at]!, middle));
  }
  return { norm: "linf", n, size: classifier.size, centre, low, high, eps: null, steps };
}

/** The unit of a step for one element: eps for a ball, the half-width for a box. */
export function stepUnit(region: Region, at: number): number {
  return region.eps ? region.eps[Math.floor(at / region.size)]! : (region.high[at]! - region.low[at]!) / 2;
}

/** The radius of a row's L2 ball; null in L∞ and in boxes. */
export function radiusOf(region: Region, row: number): number | null {
  return region.norm === "l2" && region.eps ? region.eps[row]! : null;
}

/** Moves one point (`size` values at `at` of `points`) into the region of `row`, in place. */
export function project(region: Region, row: number, points: Float32Array, at: number): void {
  const { size, low, high, centre } = region;
  const radius = radiusOf(region, row);
  const base = row * size;
  if (radius !== null) {
    let square = 0;
    for (let i = 0; i < size; i++) {
      const delta = points[at + i]! - centre[base + i]!;
      square += delta * delta;
    }
    const length = Math.sqrt(square);
    if (length > radius) shrink(region, base, points, at, radius / length);
  }
  for (let i = 0; i < size; i++) {
    const value = points[at + i]!;
    const floor = low[base + i]!;
    const ceiling = high[base + i]!;
    // Written so that NaN lands on the centre instead of passing every comparison.
    points[at + i] = value >= floor ? (value <= ceiling ? value : ceiling) : value < floor ? floor : centre[base + i]!;
  }
  if (radius !== null) settle(region, base, points, at, radius);
}

function shrink(region: Region, base: number, points: Float32Array, at: number, factor: number): void {
  for (let i = 0; i < region.size; i++) {
    const c = region.centre[base + i]!;
    points[at + i] = c + (points[at + i]! - c) * factor;
  }
}

function distance(region: Region, base: number, points: Float32Array, at: number): number {
  let square = 0;
  for (let i = 0; i < region.size; i++) {
    const delta = points[at + i]! - region.centre[base + i]!;
    square += delta * delta;
  }
  return Math.sqrt(square);
}

/** float32 storage can leave a point an ulp outside the sphere: pull it in until it is inside. */
function settle(region: Region, base: number, points: Float32Array, at: number, radius: number): void {
  for (let slack = 2 ** -24; slack < 1; slack *= 4) {
    const length = distance(region, base, points, at);
    if (length <= radius) return;
    shrink(region, base, points, at, (radius / length) * (1 - slack));
  }
}

/**
 * Rounds one projected point to values the input can really take, in place, staying in the region: nearest raw step first;
 * in an L2 ball the steps that were rounded outwards are taken back, the cheapest first, until it fits. No-op without a grid.
 */
export function toGrid(region: Region, row: number, points: Float32Array, at: number): void {
  const { size, steps, low, high, centre } = region;
  if (steps === null) return;
  const radius = radiusOf(region, row);
  const base = row * size;
  const wanted = radius === null ? null : points.slice(at, at + size);
  for (let i = 0; i < size; i++) {
    const rounded = Math.round(points[at + i]! * steps) / steps;
    const floor = low[base + i]!;
    const ceiling = high[base + i]!;
    points[at + i] = rounded < floor ? floor : rounded > ceiling ? ceiling : rounded;
  }
  if (radius === null || wanted === null) return;
  let square = distance(region, base, points, at) ** 2;
  if (square <= radius * radius) return;
  const outwards: { readonly i: number; readonly overshoot: number }[] = [];
  for (let i = 0; i < size; i++) {
    const c = centre[base + i]!;
    const overshoot = Math.abs(points[at + i]! - c) - Math.abs(wanted[i]! - c);
    if (points[at + i] !== c) outwards.push({ i, overshoot });
  }
  outwards.sort((a, b) => b.overshoot - a.overshoot || a.i - b.i);
  for (const { i } of outwards) {
    if (square <= radius * radius) return;
    const c = centre[base + i]!;
    const delta = points[at + i]! - c;
    const inwards = c + delta - Math.sign(delta) / steps;
    points[at + i] = Math.abs(delta) * steps < 1.5 ? c : Math.round(inwards * steps) / steps;
    square += (points[at + i]! - c) ** 2 - delta * delta;
  }
  if (square > radius * radius) for (let i = 0; i < size; i++) points[at + i] = centre[base + i]!;
}

/** Whether a point lies in the region of `row` and on its grid; `slack` in fractions, for float32. */
export function inside(region: Region, row: number, point: Float32Array, slack = 1e-6): boolean {
  const { size, low, high, steps } = region;
  const radius = radiusOf(region, row);
  const base = row * size;
  for (let i = 0; i < size; i++) {
    const value = point[i]!;
    if (!(value >= low[base + i]! && value <= high[base + i]!)) return false;
    if (steps !== null && Math.abs(value * steps - Math.round(value * steps)) > HALF_ULP) return false;
  }
  return radius === null || distance(region, base, point, 0) <= radius + slack;
}
