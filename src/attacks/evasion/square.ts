/** Square attack: random search over square windows at the edge of the ball, needing nothing but scores. */
import type { Rng } from "#base/random.ts";
import { type Arena, defineAttack } from "#attacks/harness.ts";
import { type ImageLayout, imageLayout } from "#attacks/layout.ts";
import { radiusOf } from "#attacks/region.ts";
import { gather } from "./apgd.ts";

/** Share of elements changed per step at 10,000 queries: halved at these steps (§3.1; supplement B). */
const HALVINGS = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

export default defineAttack({
  id: "square",
  revision: 1,
  title: "Square attack",
  citation:
    "Andriushchenko, Croce, Flammarion, Hein: Square Attack, a query-efficient black-box adversarial attack via random search. ECCV 2020",
  needs: "scores",
  norms: ["linf", "l2"],
  objectives: [],
  // 5,000 queries and p = 0.8 as in AutoAttack.
  defaults: { queries: 5000, share: 0.8, restarts: 1 },
  async run(arena, { queries, share, restarts }) {
    const search = arena.region.norm === "l2" && arena.region.eps ? l2 : linf;
    for (let restart = 0; restart < restarts; restart++) {
      const rows = arena.open();
      if (rows.length === 0) return;
      await climbDown(arena, rows, search, queries, share, restart, (done) =>
        arena.report(restart * queries + done, restarts * queries),
      );
    }
  },
});

/** The share of elements to change at a step of a run of `queries`. */
export function shareAt(share: number, step: number, queries: number): number {
  const scaled = Math.floor((step / queries) * 10_000);
  return share / 2 ** HALVINGS.filter((at) => scaled > at).length;
}

/** Elements that change together: for an image one square window in each channel, for a flat input a random subset. */
interface Canvas {
  readonly planes: number;
  /** The largest window share makes sense for, in elements of one plane. */
  readonly elements: number;
  window(random: Rng, share: number): Window;
}
interface Window {
  /** Places in the sample, plane by plane. */
  readonly places: readonly Int32Array[];
  readonly side: number;
}

interface Search {
  start(arena: Arena, row: number, canvas: Canvas, random: Rng, into: Float32Array, at: number): void;
  propose(arena: Arena, row: number, canvas: Canvas, random: Rng, share: number, point: Float32Array, at: number): void;
}

async function climbDown(
  arena: Arena,
  all: Int32Array,
  search: Search,
  queries: number,
  share: number,
  restart: number,
  report: (done: number) => void,
): Promise<void> {
  const { n, size } = arena;
  const image = imageLayout(arena.shape);
  const canvas = image ? imageCanvas(image) : flatCanvas(size);
  const best = new Float32Array(n * size);
  const margin = new Float64Array(n).fill(-Infinity);
  const streams = new Map(Array.from(all, (row) => [row, arena.random(row, restart)]));

  for (const row of all) search.start(arena, row, canvas, streams.get(row)!, best, row * size);
  let rows = all;
  for (let step = 0; step < queries && rows.length > 0; step++) {
    const wished = gather(best, rows, size);
    if (step > 0)
      rows.forEach((row, k) =>
        search.propose(arena, row, canvas, streams.get(row)!, shareAt(share, step - 1, queries), wished, k * size),
      );
    const answer = await arena.score(rows, wished);
    rows.forEach((row, k) => {
      if (step > 0 && !(answer.margin[k]! > margin[row]!)) return;
      margin[row] = answer.margin[k]!;
      best.set(answer.points.subarray(k * size, (k + 1) * size), row * size);
    });
    rows = arena.open(rows);
    if (step % 16 === 0 || step === queries - 1) report(step + 1);
  }
}

const linf: Search = {
  /** Vertical stripes one pixel wide, a random side of the ball for each column and channel (§3.2). */
  start({ region, shape }, row, _canvas, random, into, at) {
    const { size, low, high } = region;
    const base = row * size;
    const image = imageLayout(shape);
    if (!image) {
      for (let i = 0; i < size; i++) into[at + i] = random.uniform() < 0.5 ? low[base + i]! : high[base + i]!;
      return;
    }
    for (let channel = 0; channel < image.channels; channel++)
      for (let x = 0; x < image.width; x++) {
        const side = random.uniform() < 0.5 ? low : high;
        for (let y = 0; y < image.height; y++) {
          const i = image.at(channel, y, x);
          into[at + i] = side[base + i]!;
        }
      }
  },
  propose({ region, shape }, row, canvas, random, share, point, at) {
    const { low, high } = region;
    const base = row * region.size;
    const { places } = canvas.window(random, share);
    const together = imageLayout(shape) !== null;
    let changed = false;
    // A window that already has the drawn sides would waste a query; give up after a few draws, as on a black border.
    for (let draw = 0; draw < 10 && !changed; draw++)
      for (const plane of places) {
        let side = random.uniform() < 0.5 ? low : high;
        for (const i of plane) {
          if (!together) side = random.uniform() < 0.5 ? low : high;
          const value = side[base + i]!;
          if (point[at + i] !== value) changed = true;
          point[at + i] = value;
        }
      }
  },
};

const l2: Search = {
  /** A grid of five by five bumps with random signs, scaled to the sphere (§3.3). */
  start(arena, row, _canvas, random, into, at) {
    const { region, shape, size } = arena;
    const base = row * size;
    const image = imageLayout(shape);
    const delta = new Float64Array(size);
    if (image) {
      const side = Math.max(1, Math.floor(Math.min(image.height, image.width) / 5));
      for (let y = 0; y < image.height; y += side)
        for (let x = 0; x < image.width; x += side) {
          const bump = bumps(side, random);
          for (let channel = 0; channel < image.channels; channel++) {
            const sign = random.uniform() < 0.5 ? -1 : 1;
            for (let v = 0; v < side && y + v < image.height; v++)
              for (let u = 0; u < side && x + u < image.width; u++)
                delta[image.at(channel, y + v, x + u)] = sign * bump[v * side + u]!;
          }
        }
    } else for (let i = 0; i < size; i++) delta[i] = random.uniform() < 0.5 ? -1 : 1;
    onSphere(delta, radiusOf(region, row)!);
    for (let i = 0; i < size; i++) into[at + i] = region.centre[base + i]! + delta[i]!;
  },
  /** Moves the mass of one window into another, shaped as a bump, and spends what budget is unused (Algorithm 3). */
  propose({ region, shape, size }, row, canvas, random, share, point, at) {
    const base = row * size;
    const eps = radiusOf(region, row)!;
    const delta = Float64Array.from({ length: size }, (_, i) => point[at + i]! - region.centre[base + i]!);
    let spent = 0;
    for (const value of delta) spent += value * value;
    const unused = Math.max(0, eps * eps - spent) / canvas.planes;
    const to = canvas.window(random, share);
    const from = canvas.window(random, share);
    const image = imageLayout(shape) !== null;
    const bump = image ? bumps(to.side, random) : null;
    for (let plane = 0; plane < canvas.planes; plane++) {
      const here = to.places[plane]!;
      const there = from.places[plane]!;
      let mass = 0;
      let own = 0;
      for (const i of here) own += delta[i]! ** 2;
      const both = new Set([...here, ...there]);
      for (const i of both) mass += delta[i]! ** 2;
      const scale = Math.sqrt(own) || 1;
      const sign = random.uniform() < 0.5 ? -1 : 1;
      const fresh = Float64Array.from(here, (i, k) => {
        const shape = bump ? sign * bump[k]! : (random.uniform() < 0.5 ? -1 : 1) / Math.sqrt(here.length);
        return shape + delta[i]! / scale;
      });
      onSphere(fresh, Math.sqrt(mass + unused));
      for (const i of there) delta[i] = 0;
      here.forEach((i, k) => (delta[i] = fresh[k]!));
    }
    onSphere(delta, eps);
    for (let i = 0; i < size; i++) point[at + i] = region.centre[base + i]! + delta[i]!;
  },
};

function onSphere(delta: Float64Array, radius: number): void {
  let square = 0;
  for (const value of delta) square += value * value;
  const factor = square === 0 ? 0 : radius / Math.sqrt(square);
  for (let i = 0; i < delta.length; i++) delta[i]! *= factor;
}

/** Two pyramids side by side with opposite signs, upright or lying, of unit length (§3.3, figure 3). */
export function bumps(side: number, random: Rng): Float64Array {
  const half = Math.floor(side / 2);
  const value = new Float64Array(side * side);
  const lying = random.uniform() < 0.5;
  const pyramid = (first: number, rows: number, sign: number): void => {
    const layers = Math.max(Math.floor(rows / 2), Math.floor(side / 2)) + 1;
    const middleRow = Math.floor(rows / 2);
    const middleColumn = Math.floor(side / 2);
    for (let layer = 0; layer < layers; layer++)
      for (let v = Math.max(0, middleRow - layer); v <= Math.min(rows - 1, middleRow + layer); v++)
        for (let u = Math.max(0, middleColumn - layer); u <= Math.min(side - 1, middleColumn + layer); u++) {
          const at = lying ? u * side + first + v : (first + v) * side + u;
          value[at]! += sign / (layer + 1) ** 2;
        }
  };
  if (half > 0) pyramid(0, half, 1);
  pyramid(half, side - half, -1);
  onSphere(value, 1);
  return value;
}

function imageCanvas(image: ImageLayout): Canvas {
  const { height, width, channels } = image;
  return {
    planes: channels,
    elements: height * width,
    window(random, share) {
      const side = Math.min(Math.min(height, width), Math.max(1, Math.round(Math.sqrt(share * height * width))));
      const top = random.below(height - side + 1);
      const left = random.below(width - side + 1);
      const places = Array.from({ length: channels }, (_, channel) => {
        const plane = new Int32Array(side * side);
        for (let v = 0; v < side; v++)
          for (let u = 0; u < side; u++) plane[v * side + u] = image.at(channel, top + v, left + u);
        return plane;
      });
      return { places, side };
    },
  };
}

function flatCanvas(size: number): Canvas {
  return {
    planes: 1,
    elements: size,
    window(random, share) {
      const side = Math.min(size, Math.max(1, Math.round(share * size)));
      return { places: [Int32Array.from(random.sample(size, side))], side };
    },
  };
}
