/** What a trial hands back: an outcome that its checks allow, and what was seen on the way. */
import type { Outcome, SanityCheck } from "#assessment/evidence.ts";
import type { Check } from "./sanity.ts";
import type { Classifier } from "./target.ts";

/** An exhibit's arrays in raw units of the declared range (fractions), n = one sample, for whoever draws the picture. */
export interface Proof {
  readonly unit: string;
  readonly before: Float32Array;
  readonly after: Float32Array;
}

export interface Evaluated<Measure> {
  readonly outcome: Outcome<Measure>;
  /** What was found, even where the outcome is inconclusive: for exhibits and curiosity, never for a claim. */
  readonly measure: Measure;
  readonly sanity: readonly SanityCheck[];
  /** In the order of the measure's exhibits. */
  readonly proofs: readonly Proof[];
  /** The operator without a gradient rule, where query attacks had to serve. */
  readonly noGradient?: string;
}

/** The first failed check that decides makes the outcome; the others are listed beside it. */
export function concluded<Measure>(
  measure: Measure,
  checks: readonly Check[],
  proofs: readonly Proof[],
  classifier?: Classifier,
): Evaluated<Measure> {
  const failed = checks.filter((check) => check.decides && !check.passed);
  return {
    outcome:
      failed.length === 0
        ? { status: "measured", measure }
        : {
            status: "inconclusive",
            because: failed.map(({ check, detail }) => `not so: ${check} (${detail})`).join("; "),
          },
    measure,
    sanity: checks.map(({ check, passed, detail }) => ({ check, passed, detail })),
    proofs,
    ...(classifier && !classifier.gradient ? { noGradient: classifier.noGradient ?? "unknown operator" } : {}),
  };
}
