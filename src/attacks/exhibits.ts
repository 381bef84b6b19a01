/** The worst examples of a trial, with what the model said before and after. */
import type { Exhibit } from "#assessment/evidence.ts";
import { type EvaluationSet, type Listening, answers, className, classesSaid, confidence } from "./answers.ts";
import type { Proof } from "./evaluated.ts";
import { distanceIn } from "./evasion/minimal.ts";
import type { Classifier } from "./target.ts";

/** How many examples a trial shows. */
const EXHIBITS = 6;

/** The examples whose wrong answer the model is surest of. */
export function surest(exhibits: readonly Exhibit[]): Exhibit[] {
  return exhibits
    .toSorted((a, b) => b.after.confidence - a.after.confidence || (a.unit < b.unit ? -1 : 1))
    .slice(0, EXHIBITS);
}

/** A success: the row of the set, the input that did it, and the attack in words. */
export interface Success {
  readonly row: number;
  readonly point: Float32Array;
  readonly attack: string;
}

/** The successes the model is surest of; asks the model once more about each. */
export async function exhibitsOf(
  run: Listening,
  classifier: Classifier,
  set: EvaluationSet,
  clean: Float32Array,
  successes: readonly Success[],
): Promise<{ exhibits: Exhibit[]; proofs: Proof[] }> {
  const { size, outputs } = classifier;
  const points = new Float32Array(successes.length * size);
  successes.forEach(({ point }, k) => points.set(point, k * size));
  const after = await answers(run, classifier, points, successes.length);
  const said = classesSaid(after, successes.length, outputs);
  const ranked = successes
    .map((success, k) => ({ ...success, said: said[k]!, sure: confidence(after, k * outputs, outputs, said[k]!) }))
    .sort((a, b) => b.sure - a.sure || (set.units[a.row]! < set.units[b.row]! ? -1 : 1))
    .slice(0, EXHIBITS);
  const proofs: Proof[] = [];
  const exhibits = ranked.map(({ row, point, attack, said, sure }): Exhibit => {
    const label = set.labels[row]!;
    const before = set.samples.slice(row * size, (row + 1) * size);
    proofs.push({ unit: set.units[row]!, before, after: point });
    return {
      unit: set.units[row]!,
      label: className(set, label),
      before: { said: className(set, label), confidence: confidence(clean, row * outputs, outputs, label) },
      after: { said: className(set, said), confidence: sure },
      difference: { linf: distanceIn("linf", before, point), l2: distanceIn("l2", before, point) },
      attack,
    };
  });
  return { exhibits, proofs };
}
