/** Looks for an input that contradicts a network's bounds: corners, edges, inside, and what descends on the bounded function. */
import type { Rng } from "#base/random.ts";
import { Bounds, RuntimeRefuses } from "#certificates/bounds.ts";
import type { Region } from "#certificates/bounds.ts";
import { branchOnSigns } from "#certificates/branch.ts";
import { layerBounds, repeated, undecided } from "#certificates/layers.ts";
import { boundNetwork } from "#certificates/network.ts";
import type { Precision } from "#certificates/network.ts";
import { optimise } from "#certificates/optimise.ts";
import type { Clause, Effort } from "#certificates/property.ts";
import { prove } from "#certificates/prove.ts";
import { branchOnInputs } from "#certificates/split.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { openClassifier } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";
import { loadGraph } from "#onnx/graph.ts";
import { opOf } from "#onnx/ops.ts";
import { openOriginal } from "#onnx/original.ts";
import { toValue } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { RandomNetwork } from "./random-networks.ts";
import { testRuntime } from "./runtime.ts";

export interface Inquiry {
  readonly points: number;
  readonly precisions: readonly Precision[];
  readonly norms: readonly ("box" | "l2" | "l1")[];
  readonly radii: readonly number[];
}

export interface Found {
  /** Why no bounds were given, in the words of the error. */
  readonly refused?: string;
  readonly contradictions: readonly string[];
  /** Inputs that were tried. */
  readonly tried: number;
}

const { signal } = new AbortController();
const plain = { range: [0, 1] as [number, number], scale: 1, mean: [], std: [], integer: false };

/** Everything that bounds say of a network, against inputs of the file's own model. */
export async function contradictions(network: RandomNetwork, random: Rng, inquiry: Inquiry): Promise<Found> {
  const { bytes, shape } = network;
  const input = network.input ?? plain;
  let classifier: OnnxClassifier;
  try {
    classifier = await openClassifier({ bytes, input, sampleShape: shape, runtime: testRuntime });
  } catch (error) {
    // The runtime infers some shapes otherwise than it computes them (pools in ceil mode), and then loads nothing.
    if (!(error instanceof OnnxError)) throw error;
    return { refused: error.message, contradictions: [], tried: 0 };
  }
  const original = await openOriginal(loadGraph(bytes), bytes, input, shape, testRuntime);
  const out: string[] = [];
  let tried = 0;
  try {
    if (classifier.prepared === undefined)
      return { refused: `as the file has it: ${classifier.noGradient}`, contradictions: [], tried };
    const { kind, output } = classifier.model.head;
    const answers = async (points: Float32Array, n: number): Promise<ArrayLike<number>> =>
      kind === "logits" || kind === "regression"
        ? (await original.run(points, n))[output]!.data
        : classifier.logits(points, n);
    for (const precision of inquiry.precisions) {
      let bounds: Bounds;
      try {
        bounds = new Bounds(classifier.prepared, testRuntime, precision);
        await bounds.intervals({ low: new Float64Array(classifier.size), high: new Float64Array(classifier.size) });
      } catch (error) {
        // The runtime lacks some kernels in float64, which is why bounds fall back to float32.
        if (error instanceof RuntimeRefuses) continue;
        if (!(error instanceof OnnxError)) throw error;
        return { refused: error.message, contradictions: [], tried };
      }
      try {
        for (const radius of inquiry.radii)
          for (const norm of inquiry.norms) {
            const at = `${precision}, ${norm} ${radius}`;
            const region = regionOf(random, classifier.size, radius, norm);
            const found = await interrogate(classifier, bounds, region, random, inquiry.points, answers);
            tried += found.tried;
            out.push(...found.contradictions.map((words) => `${words} (${at})`));
          }
      } finally {
        await bounds.release();
      }
    }
    return { contradictions: out, tried };
  } finally {
    await original.release();
    await classifier.release();
  }
}

/** A box or ball around a random point; some elements have no room. */
function regionOf(random: Rng, size: number, radius: number, norm: "box" | "l2" | "l1"): Region {
  const centre = Float64Array.from({ length: size }, () => Math.fround(random.uniform()));
  const room = Array.from({ length: size }, () => (random.uniform() < 0.15 ? 0 : radius));
  const region = {
    low: centre.map((c, i) => Math.fround(c - room[i]!)),
    high: centre.map((c, i) => Math.fround(c + room[i]!)),
  };
  return norm === "box" ? region : { ...region, ball: { norm, centre, radius } };
}

/** Moves a point into the region, in place. */
function into({ low, high, ball }: Region, point: Float32Array): void {
  for (let i = 0; i < point.length; i++) point[i] = Math.min(high[i]!, Math.max(low[i]!, point[i]!));
  if (!ball) return;
  const by = Array.from(point, (value, i) => Math.abs(value - ball.centre[i]!));
  const length = ball.norm === "l2" ? Math.hypot(...by) : by.reduce((a, b) => a + b, 0);
  if (length <= ball.radius) return;
  const factor = (ball.radius / length) * (1 - 1e-6);
  for (let i = 0; i < point.length; i++) point[i] = ball.centre[i]! + (point[i]! - ball.centre[i]!) * factor;
}

/** Corners, edges and inside. */
function sampled(random: Rng, region: Region, n: number): Float32Array {
  const size = region.low.length;
  const points = new Float32Array(n * size);
  for (let k = 0; k < n; k++) {
    const point = points.subarray(k * size, (k + 1) * size);
    const few = random.below(size);
    for (let i = 0; i < size; i++) {
      const corner = random.uniform() < 0.5 ? 0 : 1;
      // In the balls of L1 and L2 what lies far out along few elements matters.
      const share = k % 4 === 0 ? random.uniform() : k % 4 === 1 && region.ball ? (i === few ? corner : 0.5) : corner;
      point[i] = region.low[i]! + share * (region.high[i]! - region.low[i]!);
    }
    into(region, point);
  }
  return points;
}

/** Inputs along which a·z falls, from several starts. */
async function descended(classifier: OnnxClassifier, region: Region, a: readonly number[], starts: Float32Array) {
  const { size } = classifier;
  const n = starts.length / size;
  const points = starts.slice();
  const all: Float32Array[] = [];
  if (!classifier.gradient) return all;
  for (let step = 0; step < 8; step++) {
    const { gradient } = await classifier.gradient(points, n, { kind: "unsafe", clauses: [[{ a, b: 0 }]] });
    for (let k = 0; k < n; k++) {
      const point = points.subarray(k * size, (k + 1) * size);
      for (let i = 0; i < size; i++) {
        const width = region.high[i]! - region.low[i]!;
        point[i] = point[i]! + (Math.sign(gradient[k * size + i]!) * width) / (2 + step);
      }
      into(region, point);
    }
    all.push(points.slice());
  }
  return all;
}

async function interrogate(
  classifier: OnnxClassifier,
  bounds: Bounds,
  region: Region,
  random: Rng,
  n: number,
  answers: (points: Float32Array, n: number) => Promise<ArrayLike<number>>,
): Promise<Found> {
  const { size, outputs } = classifier;
  const rows = 3;
  const spec = Float64Array.from({ length: rows * outputs }, (_, at) =>
    at < outputs ? (at === 0 ? 1 : at === 1 ? -1 : 0) : Math.fround(random.normal()),
  );
  const rowOf = (r: number): number[] => Array.from(spec.subarray(r * outputs, (r + 1) * outputs));
  const first = sampled(random, region, n);
  const points = [first];
  for (let r = 0; r < rows; r++)
    points.push(...(await descended(classifier, region, rowOf(r), first.subarray(0, Math.min(n, 8) * size))));
  const count = points.reduce((sum, some) => sum + some.length, 0) / size;
  const all = new Float32Array(count * size);
  points.reduce((from, some) => (all.set(some, from), from + some.length), 0);
  const z = await answers(all, count);
  const least = Float64Array.from({ length: rows }, (_, r) => {
    let lowest = Infinity;
    for (let k = 0; k < count; k++) {
      let value = 0;
      for (let j = 0; j < outputs; j++) value += spec[r * outputs + j]! * z[k * outputs + j]!;
      // Not a number is below everything.
      if (!(value >= lowest)) lowest = Number.isNaN(value) ? -Infinity : value;
    }
    return lowest;
  });
  const wrong: string[] = [];
  const below = (what: string, bound: number, value: number): void => {
    if (bound > value) wrong.push(`${what}: bound ${bound}, found ${value}, ${(bound - value).toExponential(1)} below`);
  };

  const { outputs: spans } = await bounds.intervals(region);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let j = 0; j < outputs; j++) {
      const a = spec[r * outputs + j]!;
      sum += a === 0 ? 0 : a * (a > 0 ? spans[0][j]! : spans[1][j]!);
    }
    below(`intervals, row ${r}`, sum, least[r]!);
  }
  const inner = classifier.prepared!;
  const layersAt = innerValues(inner, all.subarray(0, Math.min(count, 40) * size), Math.min(count, 40));
  for (const steps of [0, 6]) {
    const layers = await layerBounds(bounds, region, { signal, steps });
    for (const { id, size: width } of bounds.activations) {
      const values = layersAt.get(id)!;
      for (let at = 0; at < values.length; at++) {
        const i = at % width;
        below(`activation ${id}, element ${i}, from below, ${steps} steps`, layers.low[id]![i]!, values[at]!);
        below(`activation ${id}, element ${i}, from above, ${steps} steps`, -layers.high[id]![i]!, -values[at]!);
      }
    }
    const before = await bounds.before("logits");
    const lines = new Map(
      before.map((a) => [
        a.id,
        repeated(bounds, bounds.lines(a, layers.low[a.id]!, layers.high[a.id]!, layers.rounding[a.id]!), rows),
      ]),
    );
    const free = new Map(
      before.map((a) => [
        a.id,
        a.f.name === "relu" ? undecided(a, layers.low[a.id]!, layers.high[a.id]!) : new Int32Array(0),
      ]),
    );
    const { bound } = await optimise(
      bounds,
      "logits",
      region,
      { spec: bounds.cast(spec), rounding: layers.rounding.at(-1)!, rows, lines, free },
      { steps: 2 * steps, rate: 0.1, signal },
    );
    for (let r = 0; r < rows; r++) below(`linear, row ${r}, ${steps} steps`, bound[r]!, least[r]!);
  }

  const effort: Effort = { signal, nodesMax: 60, expired: () => false };
  const clauseOf = (r: number, b: number): Clause => [{ a: Float64Array.from(rowOf(r)), b }];
  for (let r = 0; r < rows; r++) {
    if (!Number.isFinite(least[r]!)) continue;
    // There is an input at which a·z ≤ b: nothing may prove that there is none.
    const clause = clauseOf(r, least[r]!);
    const { verdict, method } = await prove(bounds, { region, clauses: [clause] }, effort);
    if (verdict === "holds") wrong.push(`row ${r}: a proof by ${method} of what is false`);
    const layers = await layerBounds(bounds, region, { signal, steps: 0 });
    if ((await branchOnSigns(bounds, region, layers, clause, effort)).verdict === "holds")
      wrong.push(`row ${r}: branching on signs proves what is false`);
    if (
      !region.ball &&
      size <= 8 &&
      (await branchOnInputs(bounds, { region, clauses: [clause] }, effort)).verdict === "holds"
    )
      wrong.push(`row ${r}: branching on inputs proves what is false`);
  }
  return { contradictions: wrong, tried: count };
}

/** Inputs of every activation, computed node by node and rounded to float32 after each, by activation id. */
function innerValues(
  prepared: NonNullable<OnnxClassifier["prepared"]>,
  points: Float32Array,
  n: number,
): Map<number, Float64Array> {
  const net = boundNetwork(prepared, "float32", [n]);
  const rounded = (value: Value): Value =>
    value.type === "float32" ? { ...value, data: value.data.map(Math.fround) } : value;
  const values = new Map<string, Value>();
  values.set(net.x.name, { type: "float32", dims: net.x.at[0]!.dims, data: Float64Array.from(points) });
  const valueOf = (name: string): Value => {
    const known = values.get(name);
    if (known) return known;
    const constant = net.g.constants.get(name);
    if (constant === undefined) throw new Error(`nothing computes ${name}`);
    return toValue(constant);
  };
  const out = new Map<number, Float64Array>();
  for (const node of net.g.nodes) {
    const activation = net.activationOf.get(node.outputs[0]!);
    if (activation) {
      const pre = valueOf(activation.pre.name);
      out.set(activation.id, pre.data);
      values.set(node.outputs[0]!, rounded({ ...pre, data: pre.data.map((x) => activation.f.value(x)) }));
      continue;
    }
    if (!node.inputs.every((name) => name === "" || values.has(name) || net.g.constants.has(name))) continue;
    const results = opOf(node)!.value({
      node,
      inputs: node.inputs.map((name) => (name === "" ? undefined : valueOf(name))),
    });
    node.outputs.forEach((name, i) => name !== "" && values.set(name, rounded(results[i]!)));
  }
  return out;
}
