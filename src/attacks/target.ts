/** What is attacked: a classifier seen through raw inputs, as fractions of their declared range. */

/**
 * An objective over a model's outputs, maximised by the attacker; > 0 means "beaten" for the margin kinds and for `unsafe`.
 * `label` and `target` are class indices per sample.
 */
export type Objective =
  | { readonly kind: "cross-entropy"; readonly label: Int32Array }
  /** max_{j≠y} z_j − z_y */
  | { readonly kind: "margin"; readonly label: Int32Array }
  /** z_t − z_y */
  | { readonly kind: "targeted-margin"; readonly label: Int32Array; readonly target: Int32Array }
  /** Untargeted difference of logits ratio, three classes and more (Croce & Hein 2020, §4.1). */
  | { readonly kind: "dlr"; readonly label: Int32Array }
  /** Targeted DLR, four classes and more (Croce & Hein 2020, §4.2). */
  | { readonly kind: "dlr-targeted"; readonly label: Int32Array; readonly target: Int32Array }
  /**
   * A property over the outputs: unsafe where, for some clause, every constraint a·z ≤ b holds. The value is
   * max over clauses of min over constraints of (b − a·z); unsafe where it is ≥ 0. The same for every sample.
   */
  | {
      readonly kind: "unsafe";
      readonly clauses: readonly (readonly { readonly a: readonly number[]; readonly b: number }[])[];
    }
  /**
   * Independent labels: max_k −s_k·(z_k − t_k), s_k = +1 where a label applies, −1 where not, 0 where it is not judged. `sign`:
   * n × outputs; `threshold`: per output.
   */
  | { readonly kind: "flip"; readonly sign: Float32Array; readonly threshold: Float32Array }
  /** Numbers: max_k |z_k − c_k|/τ_k − 1. `centre`: n × outputs; `tolerance`: per output, Infinity where it is not judged. */
  | { readonly kind: "deviation"; readonly centre: Float32Array; readonly tolerance: Float32Array };

export interface ObjectiveGradient {
  /** Logits, n × outputs, row-major. */
  readonly logits: Float32Array;
  /** The objective's value per sample. */
  readonly value: Float32Array;
  /** ∂value/∂x, n × size, in the same units as x. */
  readonly gradient: Float32Array;
}

/**
 * A classifier (or any model with one real output vector). Inputs are n × size float32, row-major, in **fractions of the
 * declared range** and in the data's own layout, so a budget of 4/255 is the number 4/255; preprocessing and input
 * defences are inside. Calls count themselves: `queries` is the number of samples evaluated, `gradients` of those with gradient.
 */
export interface Classifier {
  readonly kind: "classifier";
  /** Shape of one sample, for example [28, 28] or [3, 32, 32]. */
  readonly shape: readonly number[];
  readonly size: number;
  readonly outputs: number;
  /** Values an input can really take: integers of the raw range (`levels` steps from 0 to 1: 255 for uint8), or any number in it. */
  readonly grid: { readonly integer: true; readonly levels: number } | { readonly integer: false };
  /** Bounds per element in fractions; null: every element in [0, 1]. */
  readonly box: { readonly low: Float32Array; readonly high: Float32Array } | null;
  /** Logits, n × outputs. The largest batch that keeps one call under a quarter of a second is the caller's business: see `batch`. */
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  /** Absent where an operator has no gradient rule; then only query attacks can be used, and `noGradient` names the operator. */
  readonly gradient?: (x: Float32Array, n: number, objective: Objective) => Promise<ObjectiveGradient>;
  readonly noGradient?: string;
  /**
   * Present where steps without derivative are passed by surrogates (BPDA): what stands in for which step. The gradient is then
   * a direction worth trying and agrees with no finite difference; logits are the model's own.
   */
  readonly surrogates?: readonly string[];
  /** Another model with a gradient that answers alike: a second file, or one distilled from this one's answers (surrogate.ts). */
  readonly surrogate?: Classifier;
  /** Whether the model ends in a softmax/sigmoid that could not be stripped: then the logits are log-probabilities. */
  readonly head: "logits" | "log-probabilities";
  /**
   * What the outputs mean; absent: classes. "classes": the largest decides. "labels": each label applies by itself, from 0 on.
   * "numbers": real values. Attacks on labels and numbers have goals of their own (goals.ts).
   */
  readonly meaning?: "classes" | "labels" | "numbers";
  /** Present where samples asked together got other answers than one by one, so that they have to be asked singly: in words. */
  readonly mixes?: string;
  /** A batch size that keeps one call short enough to cancel promptly. */
  readonly batch: number;
  readonly counts: { queries: number; gradients: number };
}
