/** What a trial hands back: an outcome that its checks allow, and what was seen on the way. */
import type { Outcome, SanityCheck } from "#assessment/evidence.ts";
import type { Check } from "./sanity.ts";
import type { Classifier } from "./target.ts";

/** An exhibit's arrays in fractions of the declared range, one sample each, for whoever draws the picture. */
export interface Proof {
  readonly unit: string;
  readonly before: Float32Array;
  readonly after: Float32Array;
}

export interface Evaluated<Measure> {
  readonly outcome: Outcome<Measure>;
  /** What was found, even where the outcome is inconclusive – never for a claim; null where nothing was tried. */
  readonly measure: Measure | null;
  readonly sanity: readonly SanityCheck[];
  /** In the order of the measure's exhibits. */
  readonly proofs: readonly Proof[];
  /** The operator without a gradient rule, where query attacks had to serve. */
  readonly noGradient?: string;
}

/**
 * The outcome that the checks allow. Where the question itself was wrong (validity), the checks of the attack's strength
 * say nothing and are left out of the reason.
 */
export function concluded<Measure>(
  measure: Measure | null,
  checks: readonly Check[],
  proofs: readonly Proof[],
  classifier?: Classifier,
): Evaluated<Measure> {
  const failed = checks.filter(({ passed }) => !passed);
  const invalid = failed.filter(({ about }) => about === "validity");
  const deciding = invalid.length > 0 ? invalid : failed.filter(({ about }) => about === "strength");
  const because = deciding.map(({ check, detail }) => `the check "${check}" failed: ${detail}`).join("; ");
  return {
    outcome:
      deciding.length > 0
        ? { status: "inconclusive", because }
        : measure === null
          ? { status: "inconclusive", because: "nothing was tried" }
          : { status: "measured", measure },
    measure,
    sanity: checks.map(({ check, passed, detail }) => ({ check, passed, detail })),
    proofs,
    ...(classifier && !classifier.gradient ? { noGradient: classifier.noGradient ?? "an unnamed operator" } : {}),
  };
}

/** Whether anything that makes the question itself wrong was seen: then no attack is run (METHOD §2, the clean run first). */
export function invalid(checks: readonly Check[]): boolean {
  return checks.some(({ passed, about }) => !passed && about === "validity");
}
