/** Small classifiers written out by hand – linear maps and one-hidden-layer networks – whose answers and gradients are known. */
import type { Classifier, Objective } from "#attacks/target.ts";
import type { Rng } from "#base/random.ts";

export interface Layer {
  /** outputs × inputs, row-major. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

export type Activation = "relu" | "tanh" | "none";

export interface Options {
  readonly shape?: readonly number[];
  readonly grid?: Classifier["grid"];
  readonly box?: Classifier["box"];
  readonly batch?: number;
  readonly gradient?: boolean;
  readonly noGradient?: string;
  readonly head?: Classifier["head"];
}

/** Objective's value and its derivative by the logits, in float64, written from the definitions in attacks/target.ts. */
export function objectiveOf(objective: Objective, k: number, z: Float64Array): { value: number; dz: Float64Array } {
  const dz = new Float64Array(z.length);
  const order = Array.from(z.keys()).sort((a, b) => z[b]! - z[a]! || a - b);
  switch (objective.kind) {
    case "cross-entropy": {
      const y = objective.label[k]!;
      const top = z[order[0]!]!;
      const sum = z.reduce((total, value) => total + Math.exp(value - top), 0);
      for (let j = 0; j < z.length; j++) dz[j] = Math.exp(z[j]! - top) / sum - (j === y ? 1 : 0);
      return { value: Math.log(sum) + top - z[y]!, dz };
    }
    case "margin": {
      const y = objective.label[k]!;
      const other = order.find((j) => j !== y)!;
      dz[other]! += 1;
      dz[y]! -= 1;
      return { value: z[other]! - z[y]!, dz };
    }
    case "targeted-margin": {
      const y = objective.label[k]!;
      const t = objective.target[k]!;
      dz[t]! += 1;
      dz[y]! -= 1;
      return { value: z[t]! - z[y]!, dz };
    }
    case "dlr":
    case "dlr-targeted": {
      const y = objective.label[k]!;
      const untargeted = objective.kind === "dlr";
      const other = untargeted ? order.find((j) => j !== y)! : objective.target[k]!;
      const [first, second, third, fourth] = order as [number, number, number, number];
      const denominator = untargeted ? z[first]! - z[third]! : z[first]! - (z[third]! + z[fourth]!) / 2;
      const scale = 1 / (denominator + 1e-12);
      const value = (z[other]! - z[y]!) * scale;
      dz[other]! += scale;
      dz[y]! -= scale;
      dz[first]! -= value * scale;
      if (untargeted) dz[third]! += value * scale;
      else {
        dz[third]! += (value * scale) / 2;
        dz[fourth]! += (value * scale) / 2;
      }
      void second;
      return { value, dz };
    }
    case "flip": {
      const at = k * z.length;
      const beyond = z.map((value, j) =>
        objective.sign[at + j] === 0 ? -Infinity : -objective.sign[at + j]! * (value - objective.threshold[j]!),
      );
      const best = beyond.indexOf(Math.max(...beyond));
      dz[best] = -objective.sign[at + best]!;
      return { value: beyond[best]!, dz };
    }
    case "deviation": {
      const off = z.map((value, j) => (value - objective.centre[k * z.length + j]!) / objective.tolerance[j]!);
      const far = off.map(Math.abs);
      const best = far.indexOf(Math.max(...far));
      dz[best] = (off[best]! >= 0 ? 1 : -1) / objective.tolerance[best]!;
      return { value: far[best]! - 1, dz };
    }
    case "unsafe": {
      let best = -Infinity;
      let chosen: readonly number[] = [];
      for (const clause of objective.clauses) {
        let worst = Infinity;
        let where: readonly number[] = [];
        for (const { a, b } of clause) {
          const value = a.reduce((rest, factor, j) => rest - factor * z[j]!, b);
          if (value < worst) [worst, where] = [value, a];
        }
        if (worst > best) [best, chosen] = [worst, where];
      }
      chosen.forEach((factor, j) => (dz[j] = -factor));
      return { value: best, dz };
    }
  }
}

/** A network of dense layers with one activation between them, evaluated and differentiated in float64, answering in float32. */
export function network(layers: readonly Layer[], activation: Activation, options: Options = {}): Classifier {
  const size = layers[0]!.weight.length / layers[0]!.bias.length;
  const outputs = layers.at(-1)!.bias.length;
  const forward = (x: Float32Array, at: number): { z: Float64Array; values: Float64Array[] } => {
    let value = Float64Array.from(x.subarray(at, at + size));
    const values = [value];
    layers.forEach(({ weight, bias }, index) => {
      const next = bias.slice();
      for (let j = 0; j < next.length; j++)
        for (let i = 0; i < value.length; i++) next[j]! += weight[j * value.length + i]! * value[i]!;
      if (index < layers.length - 1)
        for (let j = 0; j < next.length; j++)
          next[j] =
            activation === "relu" ? Math.max(0, next[j]!) : activation === "tanh" ? Math.tanh(next[j]!) : next[j]!;
      value = next;
      values.push(value);
    });
    return { z: value, values };
  };
  const backward = (values: readonly Float64Array[], dz: Float64Array): Float64Array => {
    let dy = dz;
    for (let index = layers.length - 1; index >= 0; index--) {
      const { weight } = layers[index]!;
      const input = values[index]!;
      const dx = new Float64Array(input.length);
      for (let j = 0; j < dy.length; j++)
        for (let i = 0; i < input.length; i++) dx[i]! += weight[j * input.length + i]! * dy[j]!;
      if (index > 0)
        for (let i = 0; i < dx.length; i++) {
          const a = input[i]!;
          dx[i]! *= activation === "relu" ? (a > 0 ? 1 : 0) : activation === "tanh" ? 1 - a * a : 1;
        }
      dy = dx;
    }
    return dy;
  };
  const counts = { queries: 0, gradients: 0 };
  const logits = async (x: Float32Array, n: number): Promise<Float32Array> => {
    counts.queries += n;
    const all = new Float32Array(n * outputs);
    for (let k = 0; k < n; k++) all.set(forward(x, k * size).z, k * outputs);
    return all;
  };
  const gradient: NonNullable<Classifier["gradient"]> = async (x, n, objective) => {
    counts.queries += n;
    counts.gradients += n;
    const all = new Float32Array(n * outputs);
    const value = new Float32Array(n);
    const slope = new Float32Array(n * size);
    for (let k = 0; k < n; k++) {
      const { z, values } = forward(x, k * size);
      all.set(z, k * outputs);
      const answer = objectiveOf(objective, k, z);
      value[k] = answer.value;
      slope.set(backward(values, answer.dz), k * size);
    }
    return { logits: all, value, gradient: slope };
  };
  return {
    kind: "classifier",
    shape: options.shape ?? [size],
    size,
    outputs,
    grid: options.grid ?? { integer: false },
    box: options.box ?? null,
    logits,
    ...(options.gradient === false ? { noGradient: options.noGradient ?? "Sign" } : { gradient }),
    head: options.head ?? "logits",
    batch: options.batch ?? 64,
    counts,
  };
}

/** Dense layer from rows of weights. */
export function dense(rows: readonly (readonly number[])[], bias: readonly number[]): Layer {
  return { weight: Float64Array.from(rows.flat()), bias: Float64Array.from(bias) };
}

export interface World {
  readonly samples: Float32Array;
  readonly labels: Int32Array;
  readonly units: readonly string[];
  readonly unit: string;
  readonly classCount: number;
  readonly size: number;
}

/** n points in [0, 1]^size around one centre per class; the further `spread` against the centres, the harder. */
export function clusters(random: Rng, n: number, size: number, classes: number, spread = 0.08): World {
  const centres = Array.from({ length: classes }, () =>
    Float64Array.from({ length: size }, () => 0.2 + 0.6 * random.uniform()),
  );
  const labels = Int32Array.from({ length: n }, (_, k) => k % classes);
  const samples = new Float32Array(n * size);
  for (let k = 0; k < n; k++)
    for (let i = 0; i < size; i++)
      samples[k * size + i] = Math.min(1, Math.max(0, centres[labels[k]!]![i]! + spread * random.normal()));
  return {
    samples,
    labels,
    units: Array.from({ length: n }, (_, k) => `u${k}`),
    unit: "input",
    size,
    classCount: classes,
  };
}

/** Random hidden layers of the given widths, and a last layer fitted to the world by softmax regression. */
export function fitted(random: Rng, world: World, widths: readonly number[], activation: Activation): Layer[] {
  const hidden: Layer[] = [];
  let inputs = world.size;
  for (const width of widths) {
    const weight = Float64Array.from({ length: width * inputs }, () => random.normal() * Math.sqrt(2 / inputs));
    // Biases that put the middle of the input range at the kink.
    const bias = new Float64Array(width);
    for (let j = 0; j < width; j++)
      for (let i = 0; i < inputs; i++) bias[j]! -= (hidden.length === 0 ? 0.5 : 0.2) * weight[j * inputs + i]!;
    hidden.push({ weight, bias });
    inputs = width;
  }
  const n = world.labels.length;
  const features = Array.from({ length: n }, (_, k) => {
    let value = Float64Array.from(world.samples.subarray(k * world.size, (k + 1) * world.size));
    for (const { weight, bias } of hidden) {
      const next = bias.slice();
      for (let j = 0; j < next.length; j++) {
        for (let i = 0; i < value.length; i++) next[j]! += weight[j * value.length + i]! * value[i]!;
        next[j] =
          activation === "relu" ? Math.max(0, next[j]!) : activation === "tanh" ? Math.tanh(next[j]!) : next[j]!;
      }
      value = next;
    }
    return value;
  });
  const weight = new Float64Array(world.classCount * inputs);
  const bias = new Float64Array(world.classCount);
  for (let epoch = 0; epoch < 60; epoch++)
    for (let k = 0; k < n; k++) {
      const z = bias.slice();
      for (let j = 0; j < z.length; j++)
        for (let i = 0; i < inputs; i++) z[j]! += weight[j * inputs + i]! * features[k]![i]!;
      const { dz } = objectiveOf({ kind: "cross-entropy", label: world.labels }, k, z);
      for (let j = 0; j < z.length; j++) {
        bias[j]! -= 0.1 * dz[j]!;
        for (let i = 0; i < inputs; i++) weight[j * inputs + i]! -= 0.1 * dz[j]! * features[k]![i]!;
      }
    }
  return [...hidden, { weight, bias }];
}

/** The same classifier with its answers, inputs or gradients tampered with: the planted models of the method's own tests. */
export function tampered(
  base: Classifier,
  change: {
    readonly input?: (value: number) => number;
    /** What becomes of one row of logits. */
    readonly answer?: (logits: Float32Array) => Float32Array;
    /** What becomes of one row of the gradient; "none": the model has none. */
    readonly gradient?: "none" | ((gradient: Float32Array) => Float32Array);
    readonly noGradient?: string;
    readonly head?: Classifier["head"];
  },
): Classifier {
  const { gradient: given, ...rest } = base;
  const counts = { queries: 0, gradients: 0 };
  const rows = (all: Float32Array, width: number, of: (row: Float32Array) => Float32Array): Float32Array => {
    const changed = new Float32Array(all.length);
    for (let at = 0; at < all.length; at += width) changed.set(of(all.subarray(at, at + width)), at);
    return changed;
  };
  const seen = (x: Float32Array): Float32Array => (change.input ? x.map(change.input) : x);
  const said = (logits: Float32Array): Float32Array =>
    change.answer ? rows(logits, base.outputs, change.answer) : logits;
  return {
    ...rest,
    ...(change.head ? { head: change.head } : {}),
    counts,
    async logits(x, n) {
      counts.queries += n;
      return said(await base.logits(seen(x), n));
    },
    ...(change.gradient === "none" || !given
      ? { noGradient: change.noGradient ?? "ArgMax" }
      : {
          async gradient(x, n, objective) {
            counts.queries += n;
            counts.gradients += n;
            const answer = await given(seen(x), n, objective);
            const alter = change.gradient;
            return {
              ...answer,
              logits: said(answer.logits),
              gradient: typeof alter === "function" ? rows(answer.gradient, base.size, alter) : answer.gradient,
            };
          },
        }),
  };
}
