/** Asking a model about many inputs in calls short enough to cancel, and counting right answers. */
import type { Proportion } from "#assessment/scalars.ts";
import type { Rng } from "#base/random.ts";
import type { Run } from "#base/run.ts";
import { clopperPearson } from "#base/statistics.ts";
import { predicted } from "./goals.ts";
import type { Classifier } from "./target.ts";

/** What is evaluated: n × size inputs in fractions, their labels, a stable name per unit, and what n counts. */
export interface EvaluationSet {
  readonly samples: Float32Array;
  readonly labels: Int32Array;
  readonly units: readonly string[];
  /** The thing n counts, for example "image" (METHOD §2). */
  readonly unit: string;
  /** How many independent units the data hold, when these samples are only some of them. */
  readonly of?: number;
  /** Class names in the order of the outputs. */
  readonly classes?: readonly string[];
}

export type Listening = Pick<Run<unknown>, "signal" | "rng" | "progress">;

/** At most `count` of the rows, drawn by their units' names: neither order nor sharding changes the choice. In the order drawn. */
export function drawnRows(
  random: Rng,
  units: readonly string[],
  rows: Iterable<number>,
  count: number,
  name: string,
): number[] {
  return Array.from(rows, (row) => ({ row, draw: random.fork(units[row]!).fork(name).uniform() }))
    .sort((a, b) => a.draw - b.draw || a.row - b.row)
    .slice(0, count)
    .map(({ row }) => row);
}

/** k of n with its two-sided 95 % Clopper–Pearson interval. */
export function proportionOf(k: number, n: number, unit: string): Proportion {
  return { k, n, unit, ...clopperPearson(k, n) };
}

/** Logits of n inputs, asked in the model's own batches; the signal is checked before each. */
export async function answers(
  run: Listening,
  classifier: Classifier,
  points: Float32Array,
  n: number,
): Promise<Float32Array> {
  const { size, outputs } = classifier;
  const all = new Float32Array(n * outputs);
  const batch = Math.max(1, Math.floor(classifier.batch));
  for (let from = 0; from < n; from += batch) {
    run.signal.throwIfAborted();
    const to = Math.min(n, from + batch);
    all.set(await classifier.logits(points.subarray(from * size, to * size), to - from), from * outputs);
  }
  return all;
}

/** The class said for each of n answers; −1 where an answer is not a number. */
export function classesSaid(logits: Float32Array, n: number, outputs: number): Int32Array {
  return Int32Array.from({ length: n }, (_, k) => predicted(logits, k * outputs, outputs));
}

/** How sure the model says it is of one class: its softmax share. */
export function confidence(logits: Float32Array, at: number, outputs: number, said: number): number {
  if (said < 0) return 0;
  let sum = 0;
  for (let j = 0; j < outputs; j++) sum += Math.exp(logits[at + j]! - logits[at + said]!);
  return 1 / sum;
}

export function className(set: EvaluationSet, index: number): string {
  return index < 0 ? "not a number" : (set.classes?.[index] ?? String(index));
}
