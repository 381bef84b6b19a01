/** What an attacker maximises, as nodes over the logits and as the feeds they need. */
import type { RuntimeTensor } from "#base/ports.ts";
import { OnnxError } from "./errors.ts";
import type { Ref } from "./ir.ts";
import { fixed } from "./ir.ts";
import { attribute } from "./tensor.ts";
import type { Writer } from "./writer.ts";

/** One linear constraint a·z ≤ b over the outputs z. */
export interface LinearConstraint {
  readonly a: readonly number[];
  readonly b: number;
}

/** An objective over a model's outputs, maximised by the attacker; `label` and `target` are class indices per sample. */
export type Objective =
  | { readonly kind: "cross-entropy"; readonly label: Int32Array }
  | { readonly kind: "margin"; readonly label: Int32Array }
  | { readonly kind: "targeted-margin"; readonly label: Int32Array; readonly target: Int32Array }
  | { readonly kind: "dlr"; readonly label: Int32Array }
  | { readonly kind: "dlr-targeted"; readonly label: Int32Array; readonly target: Int32Array }
  | { readonly kind: "unsafe"; readonly clauses: readonly (readonly LinearConstraint[])[] }
  /**
   * Independent labels: max_k −s_k·(z_k − t_k) with s_k = ±1 for labels that (do not) apply and 0 for those that are not judged;
   * above 0 some label has changed. `sign`: n × outputs; `threshold`: per output.
   */
  | { readonly kind: "flip"; readonly sign: Float32Array; readonly threshold: Float32Array }
  /** Numbers: max_k |z_k − c_k|/τ_k − 1, above 0 where some output is further than its tolerance away. `centre`: n × outputs. */
  | { readonly kind: "deviation"; readonly centre: Float32Array; readonly tolerance: Float32Array };

type Kind = Objective["kind"];

/** What decides the nodes of an objective: its kind and, for properties, how many clauses of how many constraints. */
export interface ObjectiveForm {
  readonly kind: Kind;
  readonly clauses: number;
  readonly constraints: number;
}

export function formOf(objective: Objective): ObjectiveForm {
  if (objective.kind !== "unsafe") return { kind: objective.kind, clauses: 0, constraints: 0 };
  return {
    kind: "unsafe",
    clauses: objective.clauses.length,
    constraints: objective.clauses.reduce((most, clause) => Math.max(most, clause.length), 0),
  };
}

interface Entry {
  /** The fewest outputs the objective is defined for. */
  readonly outputsMin: number;
  /** Nodes for the value per sample, [batch], from logits [batch, outputs]. `feed` declares an input. */
  build(
    g: Writer,
    logits: Ref,
    feed: (name: string, dims: readonly (number | null)[]) => Ref,
    form: ObjectiveForm,
  ): Ref;
  /** ∂value/∂logits in closed form, [batch, outputs], where that takes fewer nodes than the walk would. */
  slope?(g: Writer, logits: Ref, feed: (name: string, dims: readonly (number | null)[]) => Ref): Ref;
}

const LABEL = "vauban.label",
  TARGET = "vauban.target",
  SIGN = "vauban.sign",
  THRESHOLD = "vauban.threshold",
  CENTRE = "vauban.centre",
  TOLERANCE = "vauban.tolerance",
  A = "vauban.constraint.a",
  B = "vauban.constraint.b";

/** Smaller than any logit, larger than −∞, whose products with zero would be NaN. */
const LOWEST = -3e38;

const overClasses = (g: Writer, x: Ref): Ref => g.sum(x, [1], false);
const max = (g: Writer, x: Ref, axes: readonly number[]): Ref =>
  g.op("ReduceMax", [x], attribute.ints("axes", axes), attribute.int("keepdims", 0));
const min = (g: Writer, x: Ref, axes: readonly number[]): Ref =>
  g.op("ReduceMin", [x], attribute.ints("axes", axes), attribute.int("keepdims", 0));

/** max over the classes other than the label. */
function bestOther(g: Writer, logits: Ref, label: Ref): Ref {
  const isLabel = g.op("Greater", [label, g.number(0.5, label)]);
  return max(g, g.op("Where", [isLabel, g.number(LOWEST, logits), logits]), [1]);
}

const chosen = (g: Writer, logits: Ref, oneHot: Ref): Ref => overClasses(g, g.mul(logits, oneHot));

/** The k largest logits, [batch, k], largest first. */
const largest = (g: Writer, logits: Ref, k: number): Ref => g.call("TopK", [logits, g.ints([k])], [], 2)[0]!;
const column = (g: Writer, x: Ref, i: number): Ref =>
  g.op("Squeeze", [g.op("Slice", [x, g.ints([i]), g.ints([i + 1]), g.ints([1])]), g.ints([1])]);

/** Keeps the ratio finite where the leading logits tie, as the authors' code does. */
const DLR_FLOOR = 1e-12;

const objectives: { readonly [K in Kind]: Entry } = {
  "cross-entropy": {
    outputsMin: 2,
    build(g, logits, feed) {
      const label = feed(LABEL, [null, fixed(logits, 1)]);
      return g.neg(chosen(g, g.op("LogSoftmax", [logits], attribute.int("axis", 1)), label));
    },
    slope(g, logits, feed) {
      const label = feed(LABEL, [null, fixed(logits, 1)]);
      return g.sub(g.op("Softmax", [logits], attribute.int("axis", 1)), label);
    },
  },
  margin: {
    outputsMin: 2,
    build(g, logits, feed) {
      const label = feed(LABEL, [null, fixed(logits, 1)]);
      return g.sub(bestOther(g, logits, label), chosen(g, logits, label));
    },
  },
  "targeted-margin": {
    outputsMin: 2,
    build(g, logits, feed) {
      const k = fixed(logits, 1);
      return g.sub(chosen(g, logits, feed(TARGET, [null, k])), chosen(g, logits, feed(LABEL, [null, k])));
    },
    slope(g, logits, feed) {
      const k = fixed(logits, 1);
      return g.sub(feed(TARGET, [null, k]), feed(LABEL, [null, k]));
    },
  },
  // Croce & Hein 2020, §4.1: (max_{i≠y} z_i − z_y) / (z_π1 − z_π3).
  dlr: {
    outputsMin: 3,
    build(g, logits, feed) {
      const label = feed(LABEL, [null, fixed(logits, 1)]);
      const top = largest(g, logits, 3);
      const spread = g.sub(column(g, top, 0), column(g, top, 2));
      const margin = g.sub(bestOther(g, logits, label), chosen(g, logits, label));
      return g.div(margin, g.add(spread, g.number(DLR_FLOOR, spread)));
    },
  },
  // Croce & Hein 2020, §4.2: (z_t − z_y) / (z_π1 − (z_π3 + z_π4)/2).
  "dlr-targeted": {
    outputsMin: 4,
    build(g, logits, feed) {
      const k = fixed(logits, 1);
      const target = feed(TARGET, [null, k]),
        label = feed(LABEL, [null, k]);
      const top = largest(g, logits, 4);
      const middle = g.scale(g.add(column(g, top, 2), column(g, top, 3)), 0.5);
      const spread = g.sub(column(g, top, 0), middle);
      const margin = g.sub(chosen(g, logits, target), chosen(g, logits, label));
      return g.div(margin, g.add(spread, g.number(DLR_FLOOR, spread)));
    },
  },
  unsafe: {
    outputsMin: 1,
    build(g, logits, feed, form) {
      const rows = form.clauses * form.constraints;
      const a = feed(A, [rows, fixed(logits, 1)]),
        b = feed(B, [rows]);
      const slack = g.sub(b, g.op("MatMul", [logits, g.transpose(a, [1, 0])]));
      const clauses = g.op("Reshape", [slack, g.ints([-1, form.clauses, form.constraints])]);
      return max(g, min(g, clauses, [2]), [1]);
    },
  },
  flip: {
    outputsMin: 1,
    build(g, logits, feed) {
      const k = fixed(logits, 1);
      const sign = feed(SIGN, [null, k]);
      const beyond = g.neg(g.mul(sign, g.sub(logits, feed(THRESHOLD, [k]))));
      const judged = g.op("Greater", [g.op("Abs", [sign]), g.number(0.5, sign)]);
      return max(g, g.op("Where", [judged, beyond, g.number(LOWEST, beyond)]), [1]);
    },
  },
  deviation: {
    outputsMin: 1,
    build(g, logits, feed) {
      const k = fixed(logits, 1);
      const off = g.div(g.sub(logits, feed(CENTRE, [null, k])), feed(TOLERANCE, [k]));
      // Upwards at the centre itself: a distance has no slope there, and an attack must leave it somehow.
      const up = g.op("GreaterOrEqual", [off, g.number(0, off)]);
      const far = max(g, g.op("Where", [up, off, g.neg(off)]), [1]);
      return g.sub(far, g.number(1, far));
    },
  },
};

/** Appends an objective's nodes. Throws OnnxError where the model has too few outputs for it. */
export function buildObjective(
  g: Writer,
  logits: Ref,
  form: ObjectiveForm,
  feed: (name: string, dims: readonly (number | null)[]) => Ref,
): Ref {
  const entry = objectives[form.kind];
  const outputs = fixed(logits, 1);
  if (outputs < entry.outputsMin)
    throw new OnnxError(`objective ${form.kind} needs ${entry.outputsMin} outputs, the model has ${outputs}`, {
      remedy: "use the margin, or a property over the outputs",
    });
  return entry.build(g, logits, feed, form);
}

/** The objective's slope by the logits where it is known in closed form; undefined where the walk has to find it. */
export function objectiveSlope(
  g: Writer,
  logits: Ref,
  form: ObjectiveForm,
  feed: (name: string, dims: readonly (number | null)[]) => Ref,
): Ref | undefined {
  return objectives[form.kind].slope?.(g, logits, feed);
}

function oneHot(classes: Int32Array, n: number, outputs: number, what: string): RuntimeTensor {
  if (classes.length !== n) throw new RangeError(`${classes.length} ${what}s for ${n} samples`);
  const data = new Float32Array(n * outputs);
  classes.forEach((k, i) => {
    if (k < 0 || k >= outputs) throw new RangeError(`${what} ${k} of sample ${i} is not one of ${outputs} classes`);
    data[i * outputs + k] = 1;
  });
  return { type: "float32", dims: [n, outputs], data };
}

function table(data: Float32Array, dims: readonly number[], what: string): RuntimeTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== count) throw new RangeError(`${data.length} ${what} where ${dims.join(" × ")} are needed`);
  return { type: "float32", dims, data };
}

/** Feeds with one row per sample; the others hold for every sample. */
const PER_SAMPLE: ReadonlySet<string> = new Set([LABEL, TARGET, SIGN, CENTRE]);
export const isPerSample = (feed: string): boolean => PER_SAMPLE.has(feed);

/** The tensors an objective's nodes take, for n samples. Throws RangeError for labels that are no class. */
export function feedsOf(objective: Objective, n: number, outputs: number): Record<string, RuntimeTensor> {
  if (objective.kind === "flip")
    return {
      [SIGN]: table(objective.sign, [n, outputs], "signs"),
      [THRESHOLD]: table(objective.threshold, [outputs], "thresholds"),
    };
  if (objective.kind === "deviation") {
    if (objective.tolerance.some((tolerance) => !(tolerance > 0))) throw new RangeError("a tolerance is not above 0");
    return {
      [CENTRE]: table(objective.centre, [n, outputs], "centres"),
      [TOLERANCE]: table(objective.tolerance, [outputs], "tolerances"),
    };
  }
  if (objective.kind !== "unsafe") {
    const feeds = { [LABEL]: oneHot(objective.label, n, outputs, "label") };
    return "target" in objective ? { ...feeds, [TARGET]: oneHot(objective.target, n, outputs, "target") } : feeds;
  }
  const { clauses, constraints } = formOf(objective);
  const a = new Float32Array(clauses * constraints * outputs),
    b = new Float32Array(clauses * constraints);
  objective.clauses.forEach((clause, c) => {
    if (clause.length === 0) throw new RangeError("a clause without constraints is always unsafe");
    for (let r = 0; r < constraints; r++) {
      // A shorter clause repeats its first constraint, which changes no minimum.
      const constraint = clause[r] ?? clause[0]!;
      if (constraint.a.length !== outputs)
        throw new RangeError(`a constraint over ${constraint.a.length} outputs, the model has ${outputs}`);
      a.set(constraint.a, (c * constraints + r) * outputs);
      b[c * constraints + r] = constraint.b;
    }
  });
  return {
    [A]: { type: "float32", dims: [clauses * constraints, outputs], data: a },
    [B]: { type: "float32", dims: [clauses * constraints], data: b },
  };
}
