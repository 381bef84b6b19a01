/** A small network distilled from what a model says: where its own gradient misleads, this one's leads. */
import type { Rng } from "#base/random.ts";
import { type Listening, answers, classesSaid } from "./answers.ts";
import type { Ball } from "./region.ts";
import type { Classifier, Objective } from "./target.ts";

/** One hidden layer of ReLU units. Plain data: it crosses processes. Weights are outputs × inputs, row-major. */
export interface SurrogateNet {
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly w1: readonly number[] | Float32Array;
  readonly b1: readonly number[] | Float32Array;
  readonly w2: readonly number[] | Float32Array;
  readonly b2: readonly number[] | Float32Array;
}

/** What was learned, from how many answers, and how well it agrees where it was not taught. */
export interface Distilled {
  readonly net: SurrogateNet;
  /** Questions put to the model. */
  readonly queries: number;
  /** How many of the points left out it classifies as the model does. */
  readonly agreement: { readonly k: number; readonly n: number };
  /** For the evidence. */
  readonly words: string;
}

/** Points it learns from at most, rounds of new points, passes over them, and the size of a batch. */
const POINTS = 3000;
const ROUNDS = 3;
const EPOCHS = 12;
const BATCH = 32;
/** Every tenth point is left out of the lessons. */
const LEFT_OUT = 10;

/**
 * Learns from labels alone, as an attacker without scores would (Papernot et al., ASIA CCS 2017, §4): first at the samples and
 * at random points around them, then where the surrogate's own gradient leads (Jacobian-based augmentation). Plain
 * mini-batches with Adam. Fewer than two classes among the answers teach nothing: null.
 */
export async function distil(
  run: Listening,
  classifier: Classifier,
  samples: Float32Array,
  n: number,
  ball: Ball,
): Promise<Distilled | null> {
  const { size, outputs } = classifier;
  const random = run.rng.fork("surrogate");
  const hidden = size > 1000 ? 32 : 64;
  const each = Math.max(1, Math.floor(POINTS / ROUNDS / Math.max(1, n)));
  const taken = Math.min(n, Math.floor(POINTS / ROUNDS));
  const eps = typeof ball.eps === "number" ? ball.eps : Math.max(...ball.eps);
  // As far as the budget reaches in one element, whatever the norm.
  const reach = Math.min(0.5, ball.norm === "linf" ? eps : (3 * eps) / Math.sqrt(size));
  const net = fresh(size, hidden, outputs, random);
  const moments = momentsOf(net);
  let points: Float32Array = new Float32Array(0);
  let said: Int32Array = new Int32Array(0);
  let queries = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const more = new Float32Array(taken * each * size);
    for (let p = 0; p < taken * each; p++) {
      const sample = samples.subarray((p % taken) * size, ((p % taken) + 1) * size);
      const away = round === 0 && p < taken ? 0 : 2 * reach * random.uniform();
      const along = round === 0 ? null : slopeOf(net, sample, random);
      for (let i = 0; i < size; i++) {
        const direction = along ? Math.sign(along[i]!) * (random.uniform() < 0.9 ? 1 : -1) : 2 * random.uniform() - 1;
        more[p * size + i] = Math.min(1, Math.max(0, sample[i]! + away * direction));
      }
    }
    if (classifier.grid.integer) {
      const { levels } = classifier.grid;
      for (let i = 0; i < more.length; i++) more[i] = Math.round(more[i]! * levels) / levels;
    }
    const logits = await answers(run, classifier, more, taken * each);
    queries += taken * each;
    points = joined(points, more);
    said = joined(said, classesSaid(logits, taken * each, outputs));
    if (new Set(said).size < 2) return null;
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      run.signal.throwIfAborted();
      learn(net, moments, points, said, random);
      // Lets whoever cancels be heard: the loop itself waits for nothing.
      await Promise.resolve();
    }
  }
  let agree = 0;
  let asked = 0;
  for (let p = 0; p < said.length; p += LEFT_OUT) {
    const { z } = forward(net, points, p * size);
    asked++;
    if (indexOfLargest(z) === said[p]) agree++;
  }
  return {
    net,
    queries,
    agreement: { k: agree, n: asked },
    words: `a network of ${hidden} hidden units, distilled from ${queries} labels; it says what the model says at ${agree} of ${asked} points it was not taught`,
  };
}

/** The surrogate as a model to climb on. */
export function surrogateClassifier(net: SurrogateNet, like: Classifier): Classifier {
  const counts = { queries: 0, gradients: 0 };
  const whole: Net = {
    ...net,
    w1: Float32Array.from(net.w1),
    b1: Float32Array.from(net.b1),
    w2: Float32Array.from(net.w2),
    b2: Float32Array.from(net.b2),
  };
  const { inputs, outputs } = net;
  return {
    kind: "classifier",
    shape: like.shape,
    size: inputs,
    outputs,
    grid: like.grid,
    box: like.box,
    head: "logits",
    batch: 256,
    counts,
    async logits(x, n) {
      counts.queries += n;
      const all = new Float32Array(n * outputs);
      for (let k = 0; k < n; k++) all.set(forward(whole, x, k * inputs).z, k * outputs);
      return all;
    },
    async gradient(x, n, objective) {
      counts.queries += n;
      counts.gradients += n;
      const logits = new Float32Array(n * outputs);
      const value = new Float32Array(n);
      const gradient = new Float32Array(n * inputs);
      for (let k = 0; k < n; k++) {
        const { z, h } = forward(whole, x, k * inputs);
        logits.set(z, k * outputs);
        const { worth, dz } = slope(objective, k, z);
        value[k] = worth;
        gradient.set(backward(whole, h, dz), k * inputs);
      }
      return { logits, value, gradient };
    },
  };
}

interface Net {
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly w1: Float32Array;
  readonly b1: Float32Array;
  readonly w2: Float32Array;
  readonly b2: Float32Array;
}

/** He initialisation (2015); biases that put the middle of the range at the kink. */
function fresh(inputs: number, hidden: number, outputs: number, random: Rng): Net {
  const w1 = Float32Array.from({ length: hidden * inputs }, () => random.normal() * Math.sqrt(2 / inputs));
  const w2 = Float32Array.from({ length: outputs * hidden }, () => random.normal() * Math.sqrt(1 / hidden));
  const b1 = new Float32Array(hidden);
  for (let j = 0; j < hidden; j++) for (let i = 0; i < inputs; i++) b1[j]! -= 0.5 * w1[j * inputs + i]!;
  return { inputs, hidden, outputs, w1, b1, w2, b2: new Float32Array(outputs) };
}

function forward({ inputs, hidden, outputs, w1, b1, w2, b2 }: Net, x: Float32Array, at: number) {
  const h = new Float32Array(hidden);
  for (let j = 0; j < hidden; j++) {
    let sum = b1[j]!;
    const row = j * inputs;
    for (let i = 0; i < inputs; i++) sum += w1[row + i]! * x[at + i]!;
    h[j] = sum > 0 ? sum : 0;
  }
  const z = new Float32Array(outputs);
  for (let c = 0; c < outputs; c++) {
    let sum = b2[c]!;
    for (let j = 0; j < hidden; j++) sum += w2[c * hidden + j]! * h[j]!;
    z[c] = sum;
  }
  return { h, z };
}

/** The gradient by the input, from that by the logits. */
function backward({ inputs, hidden, outputs, w1, w2 }: Net, h: Float32Array, dz: Float64Array): Float32Array {
  const dx = new Float32Array(inputs);
  for (let j = 0; j < hidden; j++) {
    if (!(h[j]! > 0)) continue;
    let dh = 0;
    for (let c = 0; c < outputs; c++) dh += w2[c * hidden + j]! * dz[c]!;
    const row = j * inputs;
    for (let i = 0; i < inputs; i++) dx[i]! += dh * w1[row + i]!;
  }
  return dx;
}

function indexOfLargest(z: Float32Array): number {
  let best = 0;
  for (let c = 1; c < z.length; c++) if (z[c]! > z[best]!) best = c;
  return best;
}

function softmaxLess(z: Float32Array, label: number): Float64Array {
  const top = z[indexOfLargest(z)]!;
  const parts = Float64Array.from(z, (value) => Math.exp(value - top));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part, c) => part / sum - (c === label ? 1 : 0));
}

/** Value and derivative by the logits of the objectives that transfer climbs. */
function slope(objective: Objective, k: number, z: Float32Array): { worth: number; dz: Float64Array } {
  const dz = new Float64Array(z.length);
  if (!("label" in objective)) throw new Error(`a surrogate of classes has no objective "${objective.kind}"`);
  const label = objective.label[k]!;
  if (objective.kind === "cross-entropy") {
    const less = softmaxLess(z, label);
    return { worth: -Math.log(Math.max(1e-30, less[label]! + 1)), dz: less };
  }
  let other = "target" in objective ? objective.target[k]! : -1;
  if (other < 0) for (let c = 0; c < z.length; c++) if (c !== label && (other < 0 || z[c]! > z[other]!)) other = c;
  dz[other]! += 1;
  dz[label]! -= 1;
  return { worth: z[other]! - z[label]!, dz };
}

/** Where the surrogate says another class would be: the margin's gradient for the class it says, or for a random other one. */
function slopeOf(net: Net, sample: Float32Array, random: Rng): Float32Array {
  const { h, z } = forward(net, sample, 0);
  const own = indexOfLargest(z);
  const dz = new Float64Array(z.length);
  const next = [...z.keys()].filter((c) => c !== own).sort((a, b) => z[b]! - z[a]!);
  dz[next[random.uniform() < 0.5 ? 0 : random.below(next.length)]!]! += 1;
  dz[own]! -= 1;
  return backward(net, h, dz);
}

const PARTS = ["w1", "b1", "w2", "b2"] as const;
type Moments = { step: number } & Record<(typeof PARTS)[number], { first: Float32Array; second: Float32Array }>;

function momentsOf(net: Net): Moments {
  const of = (values: Float32Array) => ({
    first: new Float32Array(values.length),
    second: new Float32Array(values.length),
  });
  return { step: 0, w1: of(net.w1), b1: of(net.b1), w2: of(net.w2), b2: of(net.b2) };
}

/** One pass over all points but those left out, in random order; Adam with a rate of 0.002. */
function learn(net: Net, moments: Moments, points: Float32Array, said: Int32Array, random: Rng): void {
  const { inputs, hidden, outputs } = net;
  const order = random.sample(said.length, said.length).filter((p) => p % LEFT_OUT !== 0 && said[p]! >= 0);
  const slopes = {
    w1: new Float32Array(net.w1.length),
    b1: new Float32Array(hidden),
    w2: new Float32Array(net.w2.length),
    b2: new Float32Array(outputs),
  };
  for (let from = 0; from < order.length; from += BATCH) {
    const some = order.slice(from, from + BATCH);
    for (const part of PARTS) slopes[part].fill(0);
    for (const p of some) {
      const { h, z } = forward(net, points, p * inputs);
      const dz = softmaxLess(z, said[p]!);
      for (let c = 0; c < outputs; c++) {
        slopes.b2[c]! += dz[c]!;
        for (let j = 0; j < hidden; j++) slopes.w2[c * hidden + j]! += dz[c]! * h[j]!;
      }
      for (let j = 0; j < hidden; j++) {
        if (!(h[j]! > 0)) continue;
        let dh = 0;
        for (let c = 0; c < outputs; c++) dh += net.w2[c * hidden + j]! * dz[c]!;
        slopes.b1[j]! += dh;
        const row = j * inputs;
        for (let i = 0; i < inputs; i++) slopes.w1[row + i]! += dh * points[p * inputs + i]!;
      }
    }
    moments.step++;
    const rate = (0.002 * Math.sqrt(1 - 0.999 ** moments.step)) / (1 - 0.9 ** moments.step);
    for (const part of PARTS) {
      const { first, second } = moments[part];
      const values = net[part];
      for (let i = 0; i < values.length; i++) {
        const g = slopes[part][i]! / some.length;
        first[i] = 0.9 * first[i]! + 0.1 * g;
        second[i] = 0.999 * second[i]! + 0.001 * g * g;
        values[i]! -= (rate * first[i]!) / (Math.sqrt(second[i]!) + 1e-8);
      }
    }
  }
}

function joined<T extends Float32Array | Int32Array>(a: T, b: T): T {
  const all = new (a.constructor as new (length: number) => T)(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
