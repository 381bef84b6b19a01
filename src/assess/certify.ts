/** Certificates for the units of an evasion trial: what no perturbation within the budget can change, by linear bounds and branching. */
import type { InferenceRuntime } from "#base/ports.ts";
import { margin } from "#attacks/goals.ts";
import type { ProfileId } from "#attacks/profiles.ts";
import { ballRegion } from "#attacks/region.ts";
import type { Certified, Certify } from "#attacks/units.ts";
import type { Bounds, Region } from "#certificates/bounds.ts";
import { BRANCHING } from "#certificates/branch.ts";
import { robustness } from "#certificates/property.ts";
import { prove, type Depth } from "#certificates/prove.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";
import { boundsThatRun } from "./verify.ts";

/** Raised whenever the same unit may be certified otherwise. */
export const CERTIFY_REVISION = 2;

/** How deep a profile goes for one unit; `work` in multiply-adds bounds what large networks may cost. No clock decides anything. */
const DEPTHS: Readonly<Record<ProfileId, { steps: number; root: number; nodes: number; work: number }>> = {
  quick: { steps: 0, root: 15, nodes: 1, work: 2e9 },
  standard: { steps: 0, root: 25, nodes: 150, work: 1e10 },
  thorough: { steps: 15, root: 40, nodes: 3000, work: 1e11 },
  autoattack: { steps: 0, root: 25, nodes: 150, work: 1e10 },
};

/** Passes that one subproblem of branch and bound costs, about: two children, a dozen steps there and back, and the trials. */
const PASSES_PER_NODE = 40;

/** Bounds units of a classifier. Where none can be given, every unit says why. */
export function certifierOf(classifier: OnnxClassifier, runtime: InferenceRuntime, profile: ProfileId): Certify {
  const depth = DEPTHS[profile];
  return async (run, { samples, labels, n }, { norm, eps }) => {
    const none = (because: string): Certified[] =>
      Array.from({ length: n }, () => ({ verdict: "unbounded", method: because }));
    const { prepared, size, outputs } = classifier;
    if (n === 0) return [];
    if (norm === "l0") return none("no bounds are given in l0");
    if (classifier.meaning !== "classes") return none("bounds are given for classes only");
    if (prepared === undefined) return none(classifier.noGradient ?? "the model runs only as its file has it");
    if (!classifier.model.deterministic) return none("the same input gave different outputs: the model is stochastic");
    const sampleOf = (k: number): Float32Array => samples.subarray(k * size, (k + 1) * size);
    const regionOf = (k: number): Region => regionAround(classifier, sampleOf(k), norm, eps);
    let bounds: Bounds | undefined;
    try {
      bounds = await boundsThatRun(prepared, runtime, regionOf(0));
      const cost = Math.max(1, prepared.macs);
      const within: Depth = {
        layerSteps: depth.steps,
        rootSteps: depth.root,
        layerRowsMax: Math.floor(depth.work / cost / Math.max(1, bounds.activations.length)),
        branching: BRANCHING,
      };
      const nodesMax = Math.max(1, Math.min(depth.nodes, Math.floor(depth.work / cost / PASSES_PER_NODE)));
      const verdicts: Certified[] = [];
      for (let k = 0; k < n; k++) {
        run.signal.throwIfAborted();
        // Asked alone: in a batch the last digits depend on who else is in it.
        const clean = await classifier.logits(sampleOf(k), 1);
        const own = { kind: "untargeted", label: labels.subarray(k, k + 1) } as const;
        // A bound that lies further below the boundary than the clean answer lies above it will not be brought over it.
        const proof = await prove(
          bounds,
          { region: regionOf(k), clauses: robustness(labels[k]!, outputs) },
          { signal: run.signal, nodesMax, expired: () => false },
          { ...within, branchAbove: margin(own, 0, clean, 0, outputs) },
        );
        const robust = proof.verdict === "holds";
        verdicts.push({
          verdict: robust ? "robust" : "unknown",
          ...(robust ? { radius: eps } : {}),
          method: proof.method,
        });
        run.progress({ stage: "bounds", item: "bounds", label: "Certified bounds", done: k + 1, total: n });
      }
      return verdicts;
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      return none(error.message);
    } finally {
      await bounds?.release();
    }
  };
}

/**
 * The ball around a sample within the range of inputs, and whatever an attack may ask besides: on a grid of integers the steps nearest to
 * the budget's ends may lie beyond them by a rounding. A sample outside its range keeps its place.
 */
function regionAround(
  classifier: OnnxClassifier,
  sample: Float32Array,
  norm: "linf" | "l2" | "l1",
  eps: number,
): Region {
  const low = Float64Array.from(sample, (x) => Math.min(x, Math.max(0, x - eps))),
    high = Float64Array.from(sample, (x) => Math.max(x, Math.min(1, x + eps)));
  if (norm !== "linf") return { low, high, ball: { norm, centre: Float64Array.from(sample), radius: eps } };
  const attacked = ballRegion(classifier, sample, 1, { norm, eps });
  return {
    low: low.map((value, i) => Math.min(value, attacked.low[i]!)),
    high: high.map((value, i) => Math.max(value, attacked.high[i]!)),
  };
}
