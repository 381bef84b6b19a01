/** What an opened model is asked before an attack's result is believed. */
import type { Rng } from "#base/random.ts";
import type { OnnxClassifier } from "./classifier.ts";
import { decodeModel, encodeModel } from "./codec.ts";
import type { Objective } from "./objectives.ts";
import { difference } from "./original.ts";

/** Whether the codec gives the file back byte for byte. False only for files that wrote numbers longer than needed. */
export function roundTrips(bytes: Uint8Array): boolean {
  const again = encodeModel(decodeModel(bytes));
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
}

export interface Determinism {
  /** Largest relative difference between two runs of the same batch. */
  readonly repeat: number;
  /** Largest relative difference between samples run together and one at a time. */
  readonly batching: number;
}

/** Runs n samples twice, and once one by one. Costs 3n queries. */
export async function determinism(classifier: OnnxClassifier, x: Float32Array, n: number): Promise<Determinism> {
  const { size, outputs } = classifier;
  const first = await classifier.logits(x, n);
  const second = await classifier.logits(x, n);
  const singly = new Float32Array(n * outputs);
  for (let i = 0; i < n; i++) singly.set(await classifier.logits(x.subarray(i * size, (i + 1) * size), 1), i * outputs);
  return { repeat: difference(first, second), batching: difference(first, singly) };
}

export interface GradientCheck {
  /** Median over samples and directions of |numeric − analytic| / max(|numeric|, |analytic|). */
  readonly relativeMedian: number;
  /** How many sample-direction pairs were compared. */
  readonly compared: number;
  /** Samples whose gradient is zero everywhere: nothing could be compared there. */
  readonly zero: number;
}

/** Half a step in fractions: large against float32 rounding of the value, small against the bends of a trained network. */
const STEP = 1e-3;

/**
 * Compares the gradient with central differences of the value, in float32 through the runtime, along directions that lean
 * towards the gradient (a purely random direction of a large image hardly changes the value). Kinks of ReLU within a step
 * make single pairs differ, hence the median. Absent a gradient: undefined.
 */
export async function finiteDifferenceCheck(
  classifier: OnnxClassifier,
  x: Float32Array,
  n: number,
  objective: Objective,
  rng: Rng,
  directions = 3,
): Promise<GradientCheck | undefined> {
  if (classifier.gradient === undefined) return undefined;
  const { size } = classifier;
  const { gradient } = await classifier.gradient(x, n, objective);
  const errors: number[] = [];
  const lengths = Array.from({ length: n }, (_, i) =>
    Math.sqrt(gradient.subarray(i * size, (i + 1) * size).reduce((sum, d) => sum + d * d, 0)),
  );
  const zero = lengths.filter((length) => !(length > 0)).length;
  for (let k = 0; k < directions; k++) {
    const up = x.slice(),
      down = x.slice();
    const slope = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      if (!(lengths[i]! > 0)) continue;
      const random = Float64Array.from({ length: size }, () => rng.normal());
      const randomLength = Math.sqrt(random.reduce((sum, d) => sum + d * d, 0));
      for (let j = 0; j < size; j++) {
        const at = i * size + j;
        const d = gradient[at]! / lengths[i]! + random[j]! / randomLength;
        up[at] = x[at]! + STEP * d;
        down[at] = x[at]! - STEP * d;
        // What float32 kept of the step is what was stepped.
        slope[i]! += gradient[at]! * (up[at]! - down[at]!);
      }
    }
    const above = await classifier.gradient(up, n, objective),
      below = await classifier.gradient(down, n, objective);
    for (let i = 0; i < n; i++) {
      if (!(lengths[i]! > 0)) continue;
      const numeric = above.value[i]! - below.value[i]!;
      errors.push(Math.abs(numeric - slope[i]!) / Math.max(Math.abs(numeric), Math.abs(slope[i]!), 1e-30));
    }
  }
  const sorted = errors.toSorted((a, b) => a - b);
  return { relativeMedian: sorted[Math.floor(sorted.length / 2)] ?? 0, compared: errors.length, zero };
}
