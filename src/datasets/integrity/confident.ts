/** Confident learning (Northcutt, Jiang & Chuang 2021): which labels are probably wrong. */

export interface ConfidentJoint {
  /** classes × classes: samples labelled i that are confidently j. */
  readonly counts: Float64Array;
  /** Estimated joint distribution of given and true label, summing to one. */
  readonly joint: Float64Array;
  /** Mean probability of class j over the samples labelled j; Infinity for classes without samples. */
  readonly thresholds: Float64Array;
  /** Per sample the class it confidently is, −1 where it is none. */
  readonly confident: Int32Array;
  /** Estimated share of wrong labels: what lies off the diagonal. */
  readonly noise: number;
}

/**
 * The confident joint from out-of-fold probabilities (n × classes) and the labels given; samples labelled −1 are left out. A sample is
 * counted for class j when its probability of j reaches the mean among those labelled j, and is the largest that does (§3.1); the joint is calibrated
 * to the counts of the labels given (§3.2).
 */
export function confidentJoint(probabilities: Float64Array, labels: Int32Array, classes: number): ConfidentJoint {
  const n = labels.length;
  const thresholds = new Float64Array(classes);
  const given = new Float64Array(classes);
  for (let i = 0; i < n; i++) {
    const label = labels[i]!;
    if (label < 0) continue;
    given[label]!++;
    thresholds[label]! += probabilities[i * classes + label]!;
  }
  for (let c = 0; c < classes; c++) thresholds[c] = given[c]! > 0 ? thresholds[c]! / given[c]! : Infinity;
  const counts = new Float64Array(classes * classes);
  const confident = new Int32Array(n).fill(-1);
  for (let i = 0; i < n; i++) {
    if (labels[i]! < 0) continue;
    let [best, largest] = [-1, -1];
    for (let c = 0; c < classes; c++) {
      const p = probabilities[i * classes + c]!;
      // The mean of equal numbers may differ from them in the last digit.
      if (p >= thresholds[c]! - 1e-12 && p > largest) [best, largest] = [c, p];
    }
    confident[i] = best;
    if (best >= 0) counts[labels[i]! * classes + best]!++;
  }
  const total = given.reduce((sum, count) => sum + count, 0);
  const joint = new Float64Array(classes * classes);
  let all = 0;
  for (let i = 0; i < classes; i++) {
    let row = 0;
    for (let j = 0; j < classes; j++) row += counts[i * classes + j]!;
    for (let j = 0; j < classes; j++) {
      // A class nobody is confident about is taken at its word.
      const value = row > 0 ? (counts[i * classes + j]! / row) * given[i]! : i === j ? given[i]! : 0;
      joint[i * classes + j] = value;
      all += value;
    }
  }
  let kept = 0;
  for (let i = 0; i < classes; i++) {
    for (let j = 0; j < classes; j++) joint[i * classes + j]! /= all || 1;
    kept += joint[i * classes + i]!;
  }
  return { counts, joint, thresholds, confident, noise: total === 0 ? 0 : 1 - kept };
}

export interface Candidate {
  readonly sample: number;
  readonly given: number;
  readonly instead: number;
  /** Log odds of the other label against the given one: the larger, the more suspicious. */
  readonly odds: number;
}

/** Samples off the diagonal of the confident joint, the most suspicious first. */
export function candidatesOf(
  { confident }: ConfidentJoint,
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
): Candidate[] {
  const found: Candidate[] = [];
  confident.forEach((instead, sample) => {
    const given = labels[sample]!;
    if (instead < 0 || given < 0 || instead === given) return;
    const [p, q] = [probabilities[sample * classes + given]!, probabilities[sample * classes + instead]!];
    found.push({ sample, given, instead, odds: Math.log(q / Math.max(p, 1e-300)) });
  });
  return found.toSorted((a, b) => b.odds - a.odds || a.sample - b.sample);
}
