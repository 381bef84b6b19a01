/** Small classifiers written out by hand – linear maps and one-hidden-layer networks – whose answers and gradients are known. */
import type { Classifier, Objective } from "#attacks/target.ts";

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
