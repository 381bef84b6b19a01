/** One patch for every input: optimised over random placement, scale, rotation and light, by gradient or by random search. */
import type { Rng } from "#base/random.ts";
import { type Listening, answers } from "#attacks/answers.ts";
import { type Goal, beaten, hasLabels, margin, pickOutputGoal } from "#attacks/goals.ts";
import type { ImageLayout } from "#attacks/layout.ts";
import type { Classifier, Objective } from "#attacks/target.ts";

export const patchAttack = {
  id: "patch",
  revision: 1,
  title: "Adversarial patch",
  citation:
    "Brown et al.: Adversarial patch. 2017; expectation over transformation: Athalye et al., ICML 2018; random search without gradient: Croce et al., Sparse-RS, AAAI 2022",
} as const;

/** How a patch may lie: scale of its side, rotation up to ± degrees, brightness factor, and whether anywhere or in the middle. */
export interface Placement {
  readonly scale: readonly [number, number];
  readonly rotationDegrees: number;
  readonly brightness: readonly [number, number];
  readonly anywhere: boolean;
}

/** One draw of a placement; the centre in pixels. */
export interface Draw {
  readonly scale: number;
  readonly degrees: number;
  readonly brightness: number;
  readonly x: number;
  readonly y: number;
}

/** A patch: side × side × channels values in fractions, [y][x][channel]. */
export interface Patch {
  readonly side: number;
  readonly channels: number;
  readonly values: Float64Array;
}

/** The side in pixels of a square that covers `area` of the image. */
export function patchSide(image: ImageLayout, area: number): number {
  const side = Math.round(Math.sqrt(area * image.height * image.width));
  return Math.max(1, Math.min(side, image.height, image.width));
}

/** A placement drawn so that the unrotated patch lies wholly inside where it fits. */
export function drawPlacement(image: ImageLayout, side: number, placement: Placement, random: Rng): Draw {
  const between = ([low, high]: readonly [number, number]): number => low + (high - low) * random.uniform();
  const scale = between(placement.scale);
  const degrees = (2 * random.uniform() - 1) * placement.rotationDegrees;
  const brightness = between(placement.brightness);
  const along = (length: number): number => {
    const half = Math.min((side * scale) / 2, length / 2);
    const draw = random.uniform();
    return placement.anywhere ? half + draw * (length - 2 * half) : length / 2;
  };
  return { scale, degrees, brightness, x: along(image.width), y: along(image.height) };
}

/** A pixel of the image under the patch: the bilinear weights of the patch's own pixels there. */
interface Covered {
  readonly y: number;
  readonly x: number;
  readonly cells: readonly [number, number, number, number];
  readonly weights: readonly [number, number, number, number];
}

/** The pixels a placed patch covers. A pixel is covered where its centre falls inside the turned square. */
function* footprint(image: ImageLayout, side: number, draw: Draw): Generator<Covered> {
  const angle = (draw.degrees * Math.PI) / 180;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const half = (side * draw.scale) / 2;
  const reach = half * (Math.abs(cos) + Math.abs(sin));
  const bottom = Math.min(image.height - 1, Math.ceil(draw.y + reach));
  const right = Math.min(image.width - 1, Math.ceil(draw.x + reach));
  for (let y = Math.max(0, Math.floor(draw.y - reach)); y <= bottom; y++)
    for (let x = Math.max(0, Math.floor(draw.x - reach)); x <= right; x++) {
      const dx = x + 0.5 - draw.x;
      const dy = y + 0.5 - draw.y;
      const u = (dx * cos + dy * sin) / (2 * half) + 0.5;
      const v = (dy * cos - dx * sin) / (2 * half) + 0.5;
      if (u < 0 || u >= 1 || v < 0 || v >= 1) continue;
      const px = Math.min(side - 1, Math.max(0, u * side - 0.5));
      const py = Math.min(side - 1, Math.max(0, v * side - 0.5));
      const left = Math.floor(px);
      const top = Math.floor(py);
      const nextColumn = Math.min(side - 1, left + 1);
      const nextRow = Math.min(side - 1, top + 1);
      const fx = px - left;
      const fy = py - top;
      yield {
        y,
        x,
        cells: [top * side + left, top * side + nextColumn, nextRow * side + left, nextRow * side + nextColumn],
        weights: [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy],
      };
    }
}

/** Lays the patch on one sample at `at` of `points`, in place, clipped to the range. */
export function applyPatch(
  image: ImageLayout,
  patch: Patch,
  draw: Draw,
  points: Float32Array,
  at: number,
  steps: number | null,
): void {
  for (const { y, x, cells, weights } of footprint(image, patch.side, draw))
    for (let c = 0; c < patch.channels; c++) {
      let value = 0;
      for (let k = 0; k < 4; k++) value += weights[k]! * patch.values[cells[k]! * patch.channels + c]!;
      const lit = Math.min(1, Math.max(0, value * draw.brightness));
      points[at + image.at(c, y, x)] = steps === null ? lit : Math.round(lit * steps) / steps;
    }
}

/** Carries the gradient at the placed pixels back to the patch: the transpose of `applyPatch`, added into `into`. */
export function pullBack(
  image: ImageLayout,
  patch: Patch,
  draw: Draw,
  gradient: Float32Array,
  at: number,
  weight: number,
  into: Float64Array,
): void {
  for (const { y, x, cells, weights } of footprint(image, patch.side, draw))
    for (let c = 0; c < patch.channels; c++) {
      let value = 0;
      for (let k = 0; k < 4; k++) value += weights[k]! * patch.values[cells[k]! * patch.channels + c]!;
      const lit = value * draw.brightness;
      const slope = gradient[at + image.at(c, y, x)]! * draw.brightness * weight;
      // Where the light clips a pixel, only a move back into the range counts.
      if ((lit >= 1 && slope > 0) || (lit <= 0 && slope < 0)) continue;
      for (let k = 0; k < 4; k++) into[cells[k]! * patch.channels + c]! += slope * weights[k]!;
    }
}

export interface Canvasses {
  readonly image: ImageLayout;
  readonly samples: Float32Array;
  readonly units: readonly string[];
  readonly goal: Goal;
  readonly placement: Placement;
}

export interface PatchBudget {
  readonly steps: number;
  /** Queries per input where there is no gradient. */
  readonly queries: number;
}

/** Images with placed patches per step of the optimisation. */
const DRAWS_PER_STEP = 32;

export interface Optimised {
  readonly patch: Patch;
  readonly steps: number;
  /** Steps at which no asked image gave any gradient. */
  readonly flat: number;
}

/** A random patch. */
export function noisePatch(side: number, channels: number, random: Rng): Patch {
  return { side, channels, values: Float64Array.from({ length: side * side * channels }, () => random.uniform()) };
}

export function greyPatch(side: number, channels: number): Patch {
  return { side, channels, values: new Float64Array(side * side * channels).fill(0.5) };
}

/** Asks about images with the patch on them; `draws[k]` belongs to `rows[k]`. */
export async function askPatched(
  run: Listening,
  classifier: Classifier,
  on: Canvasses,
  patch: Patch,
  rows: readonly number[],
  draws: readonly Draw[],
): Promise<{ points: Float32Array; logits: Float32Array }> {
  const { size } = classifier;
  const points = new Float32Array(rows.length * size);
  const steps = classifier.grid.integer ? classifier.grid.levels : null;
  rows.forEach((row, k) => {
    points.set(on.samples.subarray(row * size, (row + 1) * size), k * size);
    applyPatch(on.image, patch, draws[k]!, points, k * size, steps);
  });
  return { points, logits: await answers(run, classifier, points, rows.length) };
}

/** The goal's rows as a label array, so one objective covers whichever images are in the step. */
function objectiveOn(goal: Goal, rows: readonly number[]): Objective {
  if (!hasLabels(goal)) return pickOutputGoal(goal, Int32Array.from(rows));
  const label = Int32Array.from(rows, (row) => goal.label[row]!);
  if (goal.kind === "untargeted") return { kind: "margin", label };
  return { kind: "targeted-margin", label, target: Int32Array.from(rows, (row) => goal.target[row]!) };
}

/**
 * Ascends the expected margin over random images and placements with Adam on the patch's pixels (EOT). Images already
 * beaten by a wide margin weigh little, so that the patch does not spend itself on the easy ones.
 */
export async function optimiseByGradient(
  run: Listening,
  classifier: Classifier,
  on: Canvasses,
  start: Patch,
  budget: PatchBudget,
  random: Rng,
  report: (done: number, total: number) => void,
): Promise<Optimised> {
  const { size, outputs } = classifier;
  const values = start.values.slice();
  const patch: Patch = { ...start, values };
  const first = new Float64Array(values.length);
  const second = new Float64Array(values.length);
  const pool = on.units.length;
  const batch = Math.max(1, Math.floor(classifier.batch));
  let flat = 0;
  for (let step = 1; step <= budget.steps; step++) {
    const rows = Array.from({ length: DRAWS_PER_STEP }, () => random.below(pool));
    const draws = rows.map(() => drawPlacement(on.image, patch.side, on.placement, random));
    const slope = new Float64Array(values.length);
    let anyGradient = false;
    for (let from = 0; from < rows.length; from += batch) {
      run.signal.throwIfAborted();
      const here = rows.slice(from, from + batch);
      const points = new Float32Array(here.length * size);
      here.forEach((row, k) => {
        points.set(on.samples.subarray(row * size, (row + 1) * size), k * size);
        applyPatch(on.image, patch, draws[from + k]!, points, k * size, null);
      });
      const answer = await classifier.gradient!(points, here.length, objectiveOn(on.goal, here));
      here.forEach((row, k) => {
        const reached = margin(on.goal, row, answer.logits, k * outputs, outputs);
        let top = -Infinity;
        let bottom = Infinity;
        for (let j = 0; j < outputs; j++) {
          top = Math.max(top, answer.logits[k * outputs + j]!);
          bottom = Math.min(bottom, answer.logits[k * outputs + j]!);
        }
        let length = 0;
        for (let i = k * size; i < (k + 1) * size; i++) length += answer.gradient[i]! ** 2;
        if (!(length > 0) || !Number.isFinite(length)) return;
        anyGradient = true;
        const comfortable = reached > 0.25 * (top - bottom);
        pullBack(
          on.image,
          patch,
          draws[from + k]!,
          answer.gradient,
          k * size,
          (comfortable ? 0.05 : 1) / Math.sqrt(length),
          slope,
        );
      });
    }
    if (!anyGradient) flat++;
    // Adam (Kingma & Ba 2015), its step falling from a tenth of the range to a hundredth.
    const rate = 0.1 * 0.1 ** (step / budget.steps);
    for (let i = 0; i < values.length; i++) {
      first[i] = 0.9 * first[i]! + 0.1 * slope[i]!;
      second[i] = 0.999 * second[i]! + 0.001 * slope[i]! ** 2;
      const move = first[i]! / (1 - 0.9 ** step) / (Math.sqrt(second[i]! / (1 - 0.999 ** step)) + 1e-12);
      values[i] = Math.min(1, Math.max(0, values[i]! + rate * move));
    }
    report(step, budget.steps);
  }
  return { patch, steps: budget.steps, flat };
}

/** Random search: a square of the patch takes one random colour, kept where the mean margin over the same images and draws rises. */
export async function optimiseByQueries(
  run: Listening,
  classifier: Classifier,
  on: Canvasses,
  start: Patch,
  budget: PatchBudget,
  random: Rng,
  report: (done: number, total: number) => void,
): Promise<Optimised> {
  const { outputs } = classifier;
  const { side, channels } = start;
  const pool = on.units.length;
  const count = Math.min(DRAWS_PER_STEP, Math.max(8, pool));
  const steps = Math.max(1, Math.floor((budget.queries * pool) / count));
  let values = start.values.slice();
  let best = -Infinity;
  let rows: number[] = [];
  let draws: Draw[] = [];
  const worth = async (candidate: Float64Array): Promise<number> => {
    const { logits } = await askPatched(run, classifier, on, { ...start, values: candidate }, rows, draws);
    let sum = 0;
    rows.forEach((row, k) => {
      let top = -Infinity;
      let bottom = Infinity;
      for (let j = 0; j < outputs; j++) {
        top = Math.max(top, logits[k * outputs + j]!);
        bottom = Math.min(bottom, logits[k * outputs + j]!);
      }
      const scale = top - bottom || 1;
      // Successes count most; the squashed margin breaks ties.
      sum += beaten(on.goal, row, logits, k * outputs, outputs) ? 1 : 0;
      sum += 0.5 * Math.tanh(margin(on.goal, row, logits, k * outputs, outputs) / scale);
    });
    return sum;
  };
  for (let step = 0; step < steps; step++) {
    // New images and placements every so often, so the patch does not learn one set of draws by heart.
    if (step % 50 === 0) {
      rows = Array.from({ length: count }, () => random.below(pool));
      draws = rows.map(() => drawPlacement(on.image, side, on.placement, random));
      best = await worth(values);
    }
    const window = Math.max(1, Math.round(side * 0.7 * 0.05 ** (step / steps)));
    const top = random.below(side - window + 1);
    const left = random.below(side - window + 1);
    const candidate = values.slice();
    for (let c = 0; c < channels; c++) {
      const colour = random.uniform() < 0.5 ? 0 : 1;
      for (let v = 0; v < window; v++)
        for (let u = 0; u < window; u++) candidate[((top + v) * side + left + u) * channels + c] = colour;
    }
    const value = await worth(candidate);
    if (value >= best) [best, values] = [value, candidate];
    if (step % 8 === 0 || step === steps - 1) report(step + 1, steps);
  }
  return { patch: { ...start, values }, steps, flat: 0 };
}
