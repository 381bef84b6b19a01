/** Properties with known verdicts from the verification competitions, as `verify` takes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { UnsafePart } from "#formats/vnnlib.ts";
import { readNpy, sharedData } from "./npy.ts";

/** Sets of properties, each over one network, with the shape of one sample. */
export const PROPERTY_SETS: Readonly<Record<string, readonly number[]>> = {
  NN_rul_small_window_20: [1, 20, 20],
  "acasxu/1_1": [1, 1, 5],
  "acasxu/1_2": [1, 1, 5],
  "acasxu/1_3": [1, 1, 5],
  marabou_cifar10_small: [32, 32, 3],
  mnist_fc_256x2: [784, 1],
  oval21_base: [3, 32, 32],
  rl_cartpole: [4],
  safenlp_medical: [30],
  traffic_signs_48: [48, 48, 3],
  verivital_avgpool: [1, 28, 28],
};

export interface KnownProperty {
  readonly id: string;
  readonly truth: "holds" | "violated";
  readonly parts: readonly UnsafePart[];
  /** Seconds of the fastest tool of the competitions. */
  readonly bestSeconds: number | undefined;
  /** Whether the reference attack found a counterexample. */
  readonly referenceFound: boolean;
}

interface Stored {
  readonly id: string;
  readonly row: number;
  readonly nOut: number;
  readonly label?: number;
  readonly verdict: "sat" | "unsat" | "unknown";
  readonly evidenceGrade: "A" | "B" | "C";
  readonly bestToolSeconds?: number;
  readonly pgd?: { readonly found: boolean };
  readonly violation?: {
    readonly anyOf: readonly {
      readonly lo?: readonly number[];
      readonly hi?: readonly number[];
      readonly allOf: readonly { readonly coef: Readonly<Record<string, number>>; readonly le: number }[];
    }[];
  };
}

/** Grades A and B of one set, in the order of its file. */
export function knownProperties(set: string): { file: string; properties: KnownProperty[] } {
  const folder = join(sharedData, "vnncomp", set);
  const { netFile, instances } = JSON.parse(readFileSync(join(folder, "instances.json"), "utf8")) as {
    netFile: string;
    instances: Stored[];
  };
  const lows = readNpy(join(folder, "lo.npy")),
    highs = readNpy(join(folder, "hi.npy"));
  const size = lows.shape[1]!;
  const properties = instances
    .filter(({ evidenceGrade, verdict }) => evidenceGrade !== "C" && verdict !== "unknown")
    .map(({ id, row, nOut, label, verdict, bestToolSeconds, pgd, violation }): KnownProperty => {
      const box = {
        low: lows.data.slice(row * size, (row + 1) * size),
        high: highs.data.slice(row * size, (row + 1) * size),
      };
      const vector = (coefficients: Readonly<Record<string, number>>): Float64Array => {
        const a = new Float64Array(nOut);
        for (const [j, value] of Object.entries(coefficients)) a[Number(j)] = value;
        return a;
      };
      const others = Array.from({ length: nOut }, (_, j) => j).filter((j) => j !== label);
      const parts: UnsafePart[] =
        label !== undefined
          ? others.map((j) => ({ ...box, constraints: [{ a: vector({ [label]: 1, [j]: -1 }), b: 0 }] }))
          : violation!.anyOf.map(({ lo, hi, allOf }) => ({
              low: lo ? Float64Array.from(lo) : box.low,
              high: hi ? Float64Array.from(hi) : box.high,
              constraints: allOf.map(({ coef, le }) => ({ a: vector(coef), b: le })),
            }));
      return {
        id,
        truth: verdict === "sat" ? "violated" : "holds",
        parts,
        bestSeconds: bestToolSeconds,
        referenceFound: pgd?.found === true,
      };
    });
  return { file: join(folder, netFile), properties };
}
