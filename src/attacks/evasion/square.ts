/** Square attack: random search over square windows at the edge of the ball, needing nothing but scores. */
import type { Rng } from "#base/random.ts";
import { type Arena, defineAttack } from "#attacks/harness.ts";
import { type ImageLayout, imageLayout } from "#attacks/layout.ts";
import { type Norm, radiusOf } from "#attacks/region.ts";

/** Share of elements changed per step at 10,000 queries: halved at these steps (§3.1; supplement B). */
const HALVINGS = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

export default defineAttack({
  id: "square",
  revision: 2,
  title: "Square attack",
  citation:
    "Andriushchenko, Croce, Flammarion, Hein: Square Attack, a query-efficient black-box adversarial attack via random search. ECCV 2020",
  needs: "scores",
  norms: ["linf", "l2", "l1"],
  objectives: [],
  // 5,000 queries and p = 0.8 as in AutoAttack.
  defaults: { queries: 5000, share: 0.8, restarts: 1 },
  async run(arena, { queries, share, restarts }) {
    const { norm } = arena.region;
    const search = norm === "l2" || norm === "l1" ? onBall(norm) : linf;
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
  readonly image: ImageLayout | null;
  readonly planes: number;
  /** Room for one proposal: a perturbation, a window of it, and which elements a window holds (all 0 between proposals). */
  readonly scratch: { readonly delta: Float64Array; readonly fresh: Float64Array; readonly inHere: Uint8Array };
  /** Draws a window; `slot` 0 or 1 says whose arrays it is written to, good until the next window of that slot. */
  window(random: Rng, share: number, slot: 0 | 1): Window;
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
  const { size } = arena;
  const image = imageLayout(arena.shape);
  const canvas = image ? imageCanvas(image, arena.region.norm) : flatCanvas(size);
  const best = new Float32Array(all.length * size);
  const wished = new Float32Array(all.length * size);
  const margin = new Float64Array(all.length).fill(-Infinity);
  const streams = Array.from(all, (row) => arena.random(row, restart));

  all.forEach((row, k) => search.start(arena, row, canvas, streams[k]!, best, k * size));
  let rows = all;
  for (let step = 0; step < queries && rows.length > 0; step++) {
    const packed = rows.length * size;
    wished.set(best.subarray(0, packed));
    if (step > 0) {
      const now = shareAt(share, step - 1, queries);
      for (let k = 0; k < rows.length; k++) search.propose(arena, rows[k]!, canvas, streams[k]!, now, wished, k * size);
    }
    const answer = await arena.score(rows, wished.subarray(0, packed));
    const open = arena.open(rows);
    // Beaten rows leave, and the others close up.
    let to = 0;
    for (let from = 0; from < rows.length; from++) {
      if (rows[from] !== open[to]) continue;
      const better = step === 0 || answer.margin[from]! > margin[from]!;
      margin[to] = better ? answer.margin[from]! : margin[from]!;
      const kept = better ? wished : best;
      if (better || from !== to) best.set(kept.subarray(from * size, (from + 1) * size), to * size);
      streams[to] = streams[from]!;
      to++;
    }
    rows = open;
    if (step % 16 === 0 || step === queries - 1) report(step + 1);
  }
}

const linf: Search = {
  /** Vertical stripes one pixel wide, a random side of the ball for each column and channel (§3.2). */
  start({ region }, row, { image }, random, into, at) {
    const { size, low, high } = region;
    const base = row * size;
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
  propose({ region }, row, canvas, random, share, point, at) {
    const { low, high, size } = region;
    const base = row * size;
    const { places } = canvas.window(random, share, 0);
    const together = canvas.image !== null;
    let changed = false;
    // A window that already has the drawn sides would waste a query; give up after a few draws, as on a black border.
    for (let draw = 0; draw < 10 && !changed; draw++)
      for (const plane of places) {
        let side = random.uniform() < 0.5 ? low : high;
        for (let k = 0; k < plane.length; k++) {
          if (!together) side = random.uniform() < 0.5 ? low : high;
          const i = plane[k]!;
          const value = side[base + i]!;
          if (point[at + i] !== value) changed = true;
          point[at + i] = value;
        }
      }
  },
};

/** In L2 as in the paper; in L1 the same with other lengths, as in AutoAttack's code. */
const onBall = (norm: "l2" | "l1"): Search => ({
  /** A grid of five by five bumps with random signs, scaled to the sphere (§3.3). */
  start(arena, row, { image }, random, into, at) {
    const { region, size } = arena;
    const base = row * size;
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
    scaleTo(norm, delta, radiusOf(region, row)!);
    for (let i = 0; i < size; i++) into[at + i] = region.centre[base + i]! + delta[i]!;
  },
  /** Moves the mass of one window into another, shaped as a bump, and spends what budget is unused (Algorithm 3). */
  propose({ region, size }, row, canvas, random, share, point, at) {
    const base = row * size;
    const { centre } = region;
    const eps = radiusOf(region, row)!;
    const l2 = norm === "l2";
    const { delta, fresh, inHere } = canvas.scratch;
    let spent = 0;
    for (let i = 0; i < size; i++) {
      const value = point[at + i]! - centre[base + i]!;
      delta[i] = value;
      spent += l2 ? value * value : Math.abs(value);
    }
    const unused = Math.max(0, (l2 ? eps * eps : eps) - spent) / canvas.planes;
    const to = canvas.window(random, share, 0);
    const from = canvas.window(random, share, 1);
    const bump = canvas.image ? bumps(to.side, random) : null;
    for (let plane = 0; plane < canvas.planes; plane++) {
      const here = to.places[plane]!;
      const there = from.places[plane]!;
      // The mass of both windows together, what they share counted once.
      let own = 0;
      for (let k = 0; k < here.length; k++) {
        const value = delta[here[k]!]!;
        own += l2 ? value * value : Math.abs(value);
        inHere[here[k]!] = 1;
      }
      let mass = own;
      for (let k = 0; k < there.length; k++) {
        const value = delta[there[k]!]!;
        if (inHere[there[k]!] === 0) mass += l2 ? value * value : Math.abs(value);
      }
      const scale = (l2 ? Math.sqrt(own) : own) || 1;
      const sign = random.uniform() < 0.5 ? -1 : 1;
      const flat = 1 / Math.sqrt(here.length);
      let length = 0;
      for (let k = 0; k < here.length; k++) {
        const shape = bump ? sign * bump[k]! : random.uniform() < 0.5 ? -flat : flat;
        const value = shape + delta[here[k]!]! / scale;
        fresh[k] = value;
        length += l2 ? value * value : Math.abs(value);
      }
      const factor = length === 0 ? 0 : l2 ? Math.sqrt((mass + unused) / length) : (mass + unused) / length;
      for (let k = 0; k < there.length; k++) delta[there[k]!] = 0;
      for (let k = 0; k < here.length; k++) {
        delta[here[k]!] = factor * fresh[k]!;
        inHere[here[k]!] = 0;
      }
    }
    // Just inside: float32 storage must not push it out again.
    if (l2) scaleTo(norm, delta, eps * (1 - 2 ** -20));
    for (let i = 0; i < size; i++) point[at + i] = centre[base + i]! + delta[i]!;
  },
});

/** Scales a perturbation to a length, in place. */
function scaleTo(norm: "l2" | "l1", delta: Float64Array, length: number): void {
  let total = 0;
  if (norm === "l2") for (let i = 0; i < delta.length; i++) total += delta[i]! * delta[i]!;
  else for (let i = 0; i < delta.length; i++) total += Math.abs(delta[i]!);
  const factor = total === 0 ? 0 : length / (norm === "l2" ? Math.sqrt(total) : total);
  for (let i = 0; i < delta.length; i++) delta[i]! *= factor;
}

/** Two pyramids side by side with opposite signs, upright or lying, of unit length (§3.3, figure 3). */
export function bumps(side: number, random: Rng): Float64Array {
  const lying = random.uniform() < 0.5;
  const key = lying ? -side : side;
  const known = drawn.get(key) ?? drawBumps(side, lying);
  drawn.set(key, known);
  return known;
}

/** By side, negative for lying. */
const drawn = new Map<number, Float64Array>();

function drawBumps(side: number, lying: boolean): Float64Array {
  const half = Math.floor(side / 2);
  const value = new Float64Array(side * side);
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
  scaleTo("l2", value, 1);
  return value;
}

const scratchFor = (size: number): Canvas["scratch"] => ({
  delta: new Float64Array(size),
  fresh: new Float64Array(size),
  inHere: new Uint8Array(size),
});

/** Arrays for the windows of one slot, cut to the window's size. */
function slots(planes: number, size: number) {
  const whole = [0, 1].map(() => Array.from({ length: planes }, () => new Int32Array(size)));
  return (slot: 0 | 1, length: number): Int32Array[] => whole[slot]!.map((plane) => plane.subarray(0, length));
}

function imageCanvas(image: ImageLayout, norm: Norm): Canvas {
  const { height, width, channels } = image;
  const shortest = Math.min(height, width);
  const of = slots(channels, height * width);
  const table = Array.from({ length: channels }, (_, channel) =>
    Int32Array.from({ length: height * width }, (_, k) => image.at(channel, Math.floor(k / width), k % width)),
  );
  return {
    image,
    planes: channels,
    scratch: scratchFor(height * width * channels),
    window(random, share, slot) {
      const wished = Math.round(Math.sqrt(share * height * width));
      // In L2 and L1 bumps need a middle: odd sides of at least three, as in the authors' code.
      const odd = Math.max(3, wished) + (Math.max(3, wished) % 2 === 0 ? 1 : 0);
      const side = Math.min(shortest, norm === "linf" ? Math.max(1, wished) : odd);
      const top = random.below(height - side + 1);
      const left = random.below(width - side + 1);
      const places = of(slot, side * side);
      for (let channel = 0; channel < channels; channel++) {
        const plane = places[channel]!;
        const at = table[channel]!;
        for (let v = 0; v < side; v++)
          for (let u = 0; u < side; u++) plane[v * side + u] = at[(top + v) * width + left + u]!;
      }
      return { places, side };
    },
  };
}

function flatCanvas(size: number): Canvas {
  return {
    image: null,
    planes: 1,
    scratch: scratchFor(size),
    window(random, share) {
      const side = Math.min(size, Math.max(1, Math.round(share * size)));
      return { places: [Int32Array.from(random.sample(size, side))], side };
    },
  };
}
