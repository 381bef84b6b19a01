/** Where a perturbed input may lie: a norm ball or per-element boxes, inside the model's own domain, on the values an input can take. */
import type { Classifier } from "./target.ts";

export const NORMS = ["linf", "l2", "l1", "l0"] as const;
export type Norm = (typeof NORMS)[number];

/**
 * A norm ball around each sample; `eps` in fractions of the declared range (for L0 the number of changed elements), one for
 * all or one per sample. `minimal`: the smallest perturbation of each sample is sought in the whole domain; eps is then Infinity.
 */
export interface Ball {
  readonly norm: Norm;
  readonly eps: number | Float64Array;
  readonly minimal?: true;
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
  /** False where only the domain bounds what may be asked: `eps` then says what counts (minimal-norm attacks). */
  readonly bounded: boolean;
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

/** Throws on an eps that is not a positive number; Infinity is one only where the smallest perturbation is sought. */
function budgetsOf({ eps, minimal }: Ball, n: number): Float64Array {
  const budgets = typeof eps === "number" ? new Float64Array(n).fill(eps) : eps;
  for (const budget of budgets)
    if (!(budget > 0) || (budget === Infinity) !== (minimal === true))
      throw new RangeError(`a budget must be a positive number of the input range, not ${budget}`);
  return budgets;
}

/** The ball around each of n samples within the model's domain and grid. Throws on an eps that is not a positive number. */
export function ballRegion(classifier: Classifier, samples: Float32Array, n: number, ball: Ball): Region {
  const budgets = budgetsOf(ball, n);
  const { size } = classifier;
  const { low, high, steps } = domain(classifier, samples, n);
  if (ball.norm === "linf")
    for (let at = 0; at < low.length; at++) {
      const eps = budgets[Math.floor(at / size)]!;
      const x = samples[at]!;
      const raw = steps === null ? 0 : Math.round(x * steps);
      const reach = steps === null ? 0 : Math.floor(eps * steps + HALF_ULP);
      const floor = steps === null ? roundUp(x - eps) : (raw - reach) / steps;
      const ceiling = steps === null ? roundDown(x + eps) : (raw + reach) / steps;
      // A sample that lies between two steps, or outside its declared domain, stays where it is at least.
      low[at] = Math.min(x, Math.max(low[at]!, floor));
      high[at] = Math.max(x, Math.min(high[at]!, ceiling));
    }
  const centre = samples.subarray(0, n * size);
  return { norm: ball.norm, n, size, centre, low, high, eps: budgets, bounded: true, steps };
}

/** The whole domain around each sample: where a minimal-norm attack may ask, whatever the budget that counts. */
export function domainRegion(classifier: Classifier, samples: Float32Array, n: number, ball: Ball): Region {
  const { low, high, steps } = domain(classifier, samples, n);
  const centre = samples.subarray(0, n * classifier.size);
  const eps = budgetsOf(ball, n);
  return { norm: ball.norm, n, size: classifier.size, centre, low, high, eps, bounded: false, steps };
}

/** The model's domain for each sample: a sample outside it may move inwards, never further out. */
function domain(classifier: Classifier, samples: Float32Array, n: number) {
  const { size, box } = classifier;
  const steps = stepsOf(classifier);
  const low = new Float32Array(n * size);
  const high = new Float32Array(n * size);
  for (let i = 0; i < size; i++) {
    const floor = box ? box.low[i]! : 0;
    const ceiling = box ? box.high[i]! : 1;
    const first = steps === null ? floor : Math.ceil(floor * steps - HALF_ULP) / steps;
    const last = steps === null ? ceiling : Math.floor(ceiling * steps + HALF_ULP) / steps;
    for (let at = i; at < low.length; at += size) {
      const x = samples[at]!;
      low[at] = Math.min(first, x);
      high[at] = Math.max(last, x);
    }
  }
  return { low, high, steps };
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
  return { norm: "linf", n, size: classifier.size, centre, low, high, eps: null, bounded: true, steps };
}

/** The unit of a step for one element: eps for a ball, the half-width for a box. */
export function stepUnit(region: Region, at: number): number {
  return region.eps ? region.eps[Math.floor(at / region.size)]! : (region.high[at]! - region.low[at]!) / 2;
}

/** The radius of a row's ball where the norm couples elements (L2, L1, L0); null in L∞, in boxes and where nothing bounds. */
export function radiusOf(region: Region, row: number): number | null {
  return region.norm !== "linf" && region.eps && region.bounded ? region.eps[row]! : null;
}

/** The largest perturbation the input range has room for. */
export function wholeRange(norm: Norm, size: number): number {
  return { linf: 1, l2: Math.sqrt(size), l1: size, l0: size }[norm];
}

/** The size of the difference of two points of `size` values at `at` and `from`. */
function apart(norm: Norm, a: Float32Array, at: number, b: Float32Array, from: number, size: number): number {
  let total = 0;
  switch (norm) {
    case "linf":
      for (let i = 0; i < size; i++) {
        const delta = Math.abs(a[at + i]! - b[from + i]!);
        if (delta > total) total = delta;
      }
      return total;
    case "l2":
      for (let i = 0; i < size; i++) {
        const delta = a[at + i]! - b[from + i]!;
        total += delta * delta;
      }
      return Math.sqrt(total);
    case "l1":
      for (let i = 0; i < size; i++) total += Math.abs(a[at + i]! - b[from + i]!);
      return total;
    case "l0":
      for (let i = 0; i < size; i++) if (a[at + i] !== b[from + i]) total++;
      return total;
  }
}

/** The size of a perturbation. */
export function distanceIn(norm: Norm, a: Float32Array, b: Float32Array): number {
  return apart(norm, a, 0, b, 0, a.length);
}

/** How far a point (`size` values at `at`) is from the centre of its row, in the region's norm. */
export function distanceTo(region: Region, row: number, points: Float32Array, at: number): number {
  return apart(region.norm, points, at, region.centre, row * region.size, region.size);
}

/**
 * Moves one point (`size` values at `at` of `points`) into the region of `row`, in place: the nearest point (Euclid) of ball
 * and box together. NaN lands on the centre.
 */
export function project(region: Region, row: number, points: Float32Array, at: number): void {
  const { low, high, centre, size } = region;
  const radius = radiusOf(region, row);
  const base = row * size;
  if (radius !== null) ontoBall(region, base, points, at, radius);
  for (let i = 0; i < size; i++) {
    const value = points[at + i]!;
    const floor = low[base + i]!;
    const ceiling = high[base + i]!;
    if (value >= floor && value <= ceiling) continue;
    points[at + i] = value < floor ? floor : value > ceiling ? ceiling : centre[base + i]!;
  }
  if (radius !== null && region.norm !== "l0") settle(region, row, points, at, radius);
}

/** Moves one point into a ball of the region's norm with any radius around the centre of `row`, within its box, in place. */
export function pullInto(region: Region, row: number, points: Float32Array, at: number, radius: number): void {
  if (radius < Infinity) ontoBall(region, row * region.size, points, at, radius);
  project(region, row, points, at);
}

function ontoBall(region: Region, base: number, points: Float32Array, at: number, radius: number): void {
  const { size, centre, norm } = region;
  // 0 × v is 0 for every number, NaN for the others.
  let odd = 0;
  for (let i = 0; i < size; i++) odd += points[at + i]! - points[at + i]!;
  if (odd !== 0)
    for (let i = 0; i < size; i++) if (!Number.isFinite(points[at + i]!)) points[at + i] = centre[base + i]!;
  switch (norm) {
    case "linf":
      for (let i = 0; i < size; i++) {
        const c = centre[base + i]!;
        const delta = points[at + i]! - c;
        if (Math.abs(delta) > radius) points[at + i] = delta > 0 ? c + radius : c - radius;
      }
      return;
    case "l2":
      return ontoL2(region, base, points, at, radius);
    case "l1":
      return ontoL1(region, base, points, at, radius);
    case "l0":
      return ontoL0(region, base, points, at, radius);
  }
}

/** How far an element may move from its centre in the direction of `delta`. */
function roomOf({ low, high, centre }: Region, place: number, delta: number): number {
  return delta > 0 ? high[place]! - centre[place]! : centre[place]! - low[place]!;
}

/**
 * Euclidean projection onto the L2 ball within the box: every change is scaled by the same factor, but not beyond its room.
 * Scaled to the sphere and then clipped, a point would lie inside it; what clipping frees goes to the others, round by round.
 */
function ontoL2(region: Region, base: number, points: Float32Array, at: number, radius: number): void {
  const { size, centre } = region;
  const length = apart("l2", points, at, centre, base, size);
  if (length <= radius) return;
  let factor = radius / length;
  for (let round = 0; round < 100; round++) {
    let clipped = 0;
    let free = 0;
    for (let i = 0; i < size; i++) {
      const delta = points[at + i]! - centre[base + i]!;
      const room = roomOf(region, base + i, delta);
      if (factor * Math.abs(delta) > room) clipped += room * room;
      else free += delta * delta;
    }
    const next = free === 0 ? 1 : Math.min(1, Math.sqrt(Math.max(0, radius * radius - clipped) / free));
    if (!(next > factor * (1 + 1e-9))) break;
    factor = next;
  }
  shrink(region, base, points, at, factor);
}

/**
 * Euclidean projection onto the L1 ball within the box (Croce & Hein, ICML 2021, Proposition 2.3): every change shrinks by the
 * same λ, but not below nothing and not above its room. λ is found by Newton's method inside a bracket.
 */
function ontoL1(region: Region, base: number, points: Float32Array, at: number, radius: number): void {
  const { size, centre } = region;
  let lower = 0;
  let upper = 0;
  for (let i = 0; i < size; i++) upper = Math.max(upper, Math.abs(points[at + i]! - centre[base + i]!));
  let shift = 0;
  for (let round = 0; round < 100; round++) {
    let sum = 0;
    let moving = 0;
    for (let i = 0; i < size; i++) {
      const delta = points[at + i]! - centre[base + i]!;
      const left = Math.abs(delta) - shift;
      if (left <= 0) continue;
      const room = roomOf(region, base + i, delta);
      if (left < room) {
        sum += left;
        moving++;
      } else sum += room;
    }
    if (Math.abs(sum - radius) <= 1e-12 * radius || (shift === 0 && sum <= radius)) break;
    if (sum > radius) lower = shift;
    else upper = shift;
    const newton = moving > 0 ? shift + (sum - radius) / moving : NaN;
    const next = newton > lower && newton < upper ? newton : (lower + upper) / 2;
    if (next === shift) break;
    shift = next;
  }
  if (shift === 0) return;
  for (let i = 0; i < size; i++) {
    const c = centre[base + i]!;
    const delta = points[at + i]! - c;
    const change = Math.max(0, Math.min(Math.abs(delta) - shift, roomOf(region, base + i, delta)));
    points[at + i] = change === 0 ? c : delta > 0 ? c + change : c - change;
  }
}

/** Euclidean projection onto the L0 ball within the box: the changes whose undoing would cost most are kept, the others undone. */
function ontoL0(region: Region, base: number, points: Float32Array, at: number, radius: number): void {
  const { size, centre } = region;
  const kept = Math.floor(radius + 1e-9);
  const gains = new Float64Array(size);
  let changed = 0;
  for (let i = 0; i < size; i++) {
    const delta = points[at + i]! - centre[base + i]!;
    if (delta === 0) continue;
    const left = Math.max(0, Math.abs(delta) - roomOf(region, base + i, delta));
    gains[i] = delta * delta - left * left;
    changed++;
  }
  if (changed <= kept) return;
  const threshold = gains.toSorted()[size - kept] ?? Infinity;
  let above = 0;
  for (let i = 0; i < size; i++) if (gains[i]! > threshold) above++;
  // Of equals the first ones stay.
  let equals = kept - above;
  for (let i = 0; i < size; i++)
    if (gains[i]! < threshold || (gains[i] === threshold && equals-- <= 0)) points[at + i] = centre[base + i]!;
}

function shrink(region: Region, base: number, points: Float32Array, at: number, factor: number): void {
  for (let i = 0; i < region.size; i++) {
    const c = region.centre[base + i]!;
    points[at + i] = c + (points[at + i]! - c) * factor;
  }
}
/** float32 storage can leave a point an ulp outside the sphere: pull it in until it is inside. */
function settle(region: Region, row: number, points: Float32Array, at: number, radius: number): void {
  for (let slack = 2 ** -24; slack < 1; slack *= 4) {
    const length = distanceTo(region, row, points, at);
    if (length <= radius) return;
    shrink(region, row * region.size, points, at, (radius / length) * (1 - slack));
  }
}

/**
 * Rounds one projected point to values the input can really take, in place, staying in the region: nearest raw step first;
 * in an L2 or L1 ball the steps that were rounded outwards are taken back, the cheapest first, until it fits. `outwards`:
 * away from the centre instead, where nothing but the domain bounds. No-op without a grid.
 */
export function toGrid(region: Region, row: number, points: Float32Array, at: number, outwards = false): void {
  const { size, steps, low, high, centre, norm } = region;
  if (steps === null) return;
  const radius = norm === "l0" ? null : radiusOf(region, row);
  const base = row * size;
  const wanted = radius === null ? null : points.slice(at, at + size);
  for (let i = 0; i < size; i++) {
    const scaled = points[at + i]! * steps;
    const delta = points[at + i]! - centre[base + i]!;
    const whole =
      Math.abs(scaled - Math.round(scaled)) < HALF_ULP || !outwards
        ? Math.round(scaled)
        : delta > 0
          ? Math.ceil(scaled)
          : Math.floor(scaled);
    const rounded = whole / steps;
    const floor = low[base + i]!;
    const ceiling = high[base + i]!;
    points[at + i] = rounded < floor ? floor : rounded > ceiling ? ceiling : rounded;
  }
  if (radius === null || wanted === null) return;
  const power = norm === "l1" ? 1 : 2;
  const allowed = radius ** power;
  let spent = distanceTo(region, row, points, at) ** power;
  if (spent <= allowed) return;
  const outer: { readonly i: number; readonly overshoot: number }[] = [];
  for (let i = 0; i < size; i++) {
    const c = centre[base + i]!;
    const overshoot = Math.abs(points[at + i]! - c) - Math.abs(wanted[i]! - c);
    if (points[at + i] !== c) outer.push({ i, overshoot });
  }
  outer.sort((a, b) => b.overshoot - a.overshoot || a.i - b.i);
  for (const { i } of outer) {
    if (spent <= allowed) return;
    const c = centre[base + i]!;
    const delta = points[at + i]! - c;
    const inwards = c + delta - Math.sign(delta) / steps;
    points[at + i] = Math.abs(delta) * steps < 1.5 ? c : Math.round(inwards * steps) / steps;
    spent += Math.abs(points[at + i]! - c) ** power - Math.abs(delta) ** power;
  }
  if (spent > allowed) for (let i = 0; i < size; i++) points[at + i] = centre[base + i]!;
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
  return radius === null || distanceTo(region, row, point, 0) <= radius + slack;
}
