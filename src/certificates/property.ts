/** What is to be proved, and how far a proof came. */
import type { Signal } from "#base/ports.ts";
import type { Region } from "./bounds.ts";

/** One linear constraint a·z ≤ b over the outputs z. */
export interface Constraint {
  readonly a: ArrayLike<number>;
  readonly b: number;
}

/** Unsafe where all of its constraints hold. */
export type Clause = readonly Constraint[];

/** No input of the region may satisfy any clause. */
export interface Property {
  readonly region: Region;
  readonly clauses: readonly Clause[];
}

/** Untargeted robustness of a label: unsafe where another output is at least as large. */
export function robustness(label: number, outputs: number): Clause[] {
  return Array.from({ length: outputs }, (_, j) => j)
    .filter((j) => j !== label)
    .map((j) => {
      const a = new Float64Array(outputs);
      a[label] = 1;
      a[j] = -1;
      return [{ a, b: 0 }];
    });
}

export interface Effort {
  readonly signal: Signal;
  /** Subproblems after which the proof is given up. */
  readonly nodesMax: number;
  /** Whether time is up; asked between calls. The answer is then "unknown". */
  readonly expired: () => boolean;
  /**
   * Looks at points where a bound would break, n × inputs: whether one of them is a counterexample. Absent: nobody looks.
   */
  readonly candidates?: (points: Float32Array, n: number) => Promise<boolean>;
  readonly progress?: (closed: number, open: number) => void;
}

export type Verdict =
  | { readonly verdict: "holds"; readonly nodes: number }
  | { readonly verdict: "violated"; readonly nodes: number }
  | { readonly verdict: "unknown"; readonly nodes: number; readonly because: string };

export const OUT_OF_TIME = "out of time";
export const OUT_OF_NODES = "out of subproblems";
