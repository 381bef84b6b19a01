/**
 * Each declared surrogate against its definition: with the step in the net and the surrogate behind it the gradient is that of
 * the net that has the smooth function in the step's place; and the outputs stay those of the step.
 */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { UnsupportedOp } from "#onnx/errors.ts";
import { gradientOf } from "#onnx/gradient.ts";
import type { StandIn } from "#onnx/gradient.ts";
import { encodeGraph } from "#onnx/graph.ts";
import type { Ref } from "#onnx/ir.ts";
import { ops } from "#onnx/ops.ts";
import { evaluate } from "#onnx/reference.ts";
import { attribute, toRuntime, toValue } from "#onnx/tensor.ts";
import type { ElementType, Value } from "#onnx/tensor.ts";
import { Writer } from "#onnx/writer.ts";
import { testRuntime } from "../support/runtime.ts";

interface Step {
  readonly op: string;
  readonly note?: string;
  /** The step as the model has it, from x [4, 5] to reals. */
  readonly hard: (g: Writer, x: Ref) => Ref;
  /** What its surrogate claims to differentiate. */
  readonly smooth: (g: Writer, x: Ref) => Ref;
  /** Stand-ins expected, "op as surrogate". */
  readonly says: readonly string[];
}

const SIZE = [4, 5];
const draw = rng("surrogates");
const normal = (n: number): Float64Array => Float64Array.from({ length: n }, () => Math.fround(2 * draw.normal()));
const OTHER = normal(20);
const KERNEL = normal(6);
const UNITS = Float64Array.from({ length: 15 }, (_, i) => ((i * 37) % 255) - 127);

const number = (g: Writer, type: ElementType, x: number): Ref =>
  g.constant({ type, dims: [], data: Float64Array.of(x) });
const other = (g: Writer): Ref => g.constant({ type: "float32", dims: SIZE, data: OTHER });
const real = (g: Writer, x: Ref): Ref => g.cast(x, "float32");
const identity = (g: Writer, x: Ref): Ref => g.op("Identity", [x]);
const softsign = (g: Writer, x: Ref): Ref => g.op("Softsign", [x]);
const half = (g: Writer, x: Ref, sign: number): Ref => g.scale(softsign(g, x), sign / 2);
const clip = (g: Writer, x: Ref, low: number, high: number): Ref =>
  g.op("Clip", [x, number(g, "float32", low), number(g, "float32", high)]);
const quantised = (g: Writer, x: Ref, scale = 0.02, zero = 120): Ref =>
  g.op("QuantizeLinear", [x, number(g, "float32", scale), number(g, "uint8", zero)]);

const steps: readonly Step[] = [
  { op: "Sign", hard: (g, x) => g.op("Sign", [x]), smooth: softsign, says: ["Sign as softsign"] },
  ...["Round", "Floor", "Ceil"].map((op): Step => ({
    op,
    hard: (g, x) => g.op(op, [x]),
    smooth: identity,
    says: [`${op} as identity`],
  })),
  {
    op: "Cast",
    hard: (g, x) => real(g, g.cast(x, "int32")),
    smooth: identity,
    says: ["Cast as identity"],
  },
  ...(["Greater", "GreaterOrEqual", "Less", "LessOrEqual"] as const).map((op): Step => ({
    op,
    hard: (g, x) => real(g, g.op(op, [x, other(g)])),
    smooth: (g, x) => half(g, g.sub(x, other(g)), op.startsWith("G") ? 1 : -1),
    says: [`${op} as softsign of the difference`],
  })),
  {
    op: "Not",
    hard: (g, x) => real(g, g.op("Not", [g.op("Greater", [x, other(g)])])),
    smooth: (g, x) => g.neg(half(g, g.sub(x, other(g)), 1)),
    says: ["Not as 1 − x", "Greater as softsign of the difference"],
  },
  ...(["And", "Or", "Xor"] as const).map((op): Step => ({
    op,
    hard: (g, x) => {
      const flags = g.constant({ type: "bool", dims: SIZE, data: OTHER.map((v) => (v > 0 ? 1 : 0)) });
      return real(g, g.op(op, [g.op("Greater", [x, other(g)]), flags]));
    },
    smooth: (g, x) => {
      const slope = { And: (b: number) => b, Or: (b: number) => 1 - b, Xor: (b: number) => 1 - 2 * b }[op];
      const factors = g.constant({ type: "float32", dims: SIZE, data: OTHER.map((v) => slope(v > 0 ? 1 : 0)) });
      return g.mul(factors, half(g, g.sub(x, other(g)), 1));
    },
    says: [`${op} as the polynomial through its table`, "Greater as softsign of the difference"],
  })),
  {
    op: "Where",
    note: "between constants",
    hard: (g, x) => g.op("Where", [g.op("Greater", [x, other(g)]), number(g, "float32", 3), number(g, "float32", -1)]),
    smooth: (g, x) => g.scale(half(g, g.sub(x, other(g)), 1), 4),
    says: ["Where as the difference of its branches", "Greater as softsign of the difference"],
  },
  {
    op: "Hardmax",
    hard: (g, x) => g.op("Hardmax", [x], attribute.int("axis", 1)),
    smooth: (g, x) => g.op("Softmax", [x], attribute.int("axis", 1)),
    says: ["Hardmax as softmax"],
  },
  {
    op: "ArgMax",
    hard: (g, x) => real(g, g.op("ArgMax", [x], attribute.int("axis", 1))),
    smooth: (g, x) => {
      const places = g.constant({ type: "float32", dims: [5], data: Float64Array.of(0, 1, 2, 3, 4) });
      return g.sum(g.mul(g.op("Softmax", [x], attribute.int("axis", 1)), places), [1], true);
    },
    says: ["ArgMax as the mean place under softmax"],
  },
  {
    op: "ArgMin",
    note: "along the first axis, dropped",
    hard: (g, x) => real(g, g.op("ArgMin", [x], attribute.int("axis", 0), attribute.int("keepdims", 0))),
    smooth: (g, x) => {
      const places = g.constant({ type: "float32", dims: [4, 1], data: Float64Array.of(0, 1, 2, 3) });
      return g.sum(g.mul(g.op("Softmax", [g.neg(x)], attribute.int("axis", 0)), places), [0], false);
    },
    says: ["ArgMin as the mean place under softmax"],
  },
  {
    op: "QuantizeLinear",
    hard: (g, x) => g.op("DequantizeLinear", [quantised(g, x), number(g, "float32", 0.02), number(g, "uint8", 120)]),
    smooth: (g, x) => clip(g, x, -120.5 * 0.02, 135.5 * 0.02),
    says: ["QuantizeLinear as identity inside the range (straight-through)"],
  },
  {
    op: "QuantizeLinear",
    note: "per channel",
    hard: (g, x) => {
      const scale = g.constant({ type: "float32", dims: [5], data: Float64Array.of(0.01, 0.02, 0.03, 0.04, 0.05) });
      const zero = g.constant({ type: "int8", dims: [5], data: Float64Array.of(0, 1, 2, 3, 4) });
      const axis = attribute.int("axis", 1);
      return g.op("DequantizeLinear", [g.op("QuantizeLinear", [x, scale, zero], axis), scale, zero], axis);
    },
    smooth: (g, x) => {
      const bound = (end: number): Ref =>
        g.constant({
          type: "float32",
          dims: [5],
          data: Float64Array.from({ length: 5 }, (_, i) => (i + 1) * 0.01 * (end - i)),
        });
      return g.op("Min", [g.op("Max", [x, bound(-128.5)]), bound(127.5)]);
    },
    says: ["QuantizeLinear as identity inside the range (straight-through)"],
  },
  {
    op: "DynamicQuantizeLinear",
    note: "into MatMulInteger",
    hard: (g, x) => {
      const [q, scale, zero] = g.call("DynamicQuantizeLinear", [x], [], 3) as [Ref, Ref, Ref];
      const weights = g.constant({ type: "int8", dims: [5, 3], data: UNITS });
      const sum = g.op("MatMulInteger", [q, weights, zero, number(g, "int8", 7)]);
      return g.mul(real(g, sum), g.scale(scale, 0.05));
    },
    smooth: (g, x) =>
      g.op("MatMul", [x, g.constant({ type: "float32", dims: [5, 3], data: UNITS.map((v) => (v - 7) * 0.05) })]),
    says: ["DynamicQuantizeLinear as identity inside the range (straight-through), the scale held"],
  },
  {
    op: "QLinearMatMul",
    hard: (g, x) => {
      const q = quantised(g, x, 0.05);
      const weights = g.constant({ type: "int8", dims: [5, 3], data: UNITS });
      const scales = [number(g, "float32", 0.05), number(g, "uint8", 120), weights, number(g, "float32", 0.02)];
      const y = g.op("QLinearMatMul", [
        q,
        ...scales,
        number(g, "int8", 3),
        number(g, "float32", 0.5),
        number(g, "uint8", 128),
      ]);
      return g.op("DequantizeLinear", [y, number(g, "float32", 0.5), number(g, "uint8", 128)]);
    },
    smooth: (g, x) =>
      g.op("MatMul", [
        clip(g, x, -120.5 * 0.05, 135.5 * 0.05),
        g.constant({ type: "float32", dims: [5, 3], data: UNITS.map((v) => (v - 3) * 0.02) }),
      ]),
    says: [
      "QLinearMatMul as identity inside the range (straight-through)",
      "QuantizeLinear as identity inside the range (straight-through)",
    ],
  },
  {
    op: "QLinearConv",
    hard: (g, x) => {
      const picture = g.op("Reshape", [x, g.ints([2, 2, 5, 1])]);
      const weights = g.constant({ type: "int8", dims: [1, 2, 3, 1], data: KERNEL.map((v) => Math.round(12 * v)) });
      const operands = [number(g, "float32", 0.05), number(g, "uint8", 120), weights, number(g, "float32", 0.02)];
      const y = g.op("QLinearConv", [
        quantised(g, picture, 0.05),
        ...operands,
        number(g, "int8", 0),
        number(g, "float32", 0.4),
        number(g, "uint8", 128),
      ]);
      return g.op("DequantizeLinear", [y, number(g, "float32", 0.4), number(g, "uint8", 128)]);
    },
    smooth: (g, x) => {
      const weights = g.constant({
        type: "float32",
        dims: [1, 2, 3, 1],
        data: KERNEL.map((v) => Math.round(12 * v) * 0.02),
      });
      return g.op("Conv", [clip(g, g.op("Reshape", [x, g.ints([2, 2, 5, 1])]), -120.5 * 0.05, 135.5 * 0.05), weights]);
    },
    says: [
      "QLinearConv as identity inside the range (straight-through)",
      "QuantizeLinear as identity inside the range (straight-through)",
    ],
  },
  {
    op: "ConvInteger",
    hard: (g, x) => {
      const picture = g.op("Reshape", [x, g.ints([2, 2, 5, 1])]);
      const weights = g.constant({
        type: "uint8",
        dims: [1, 2, 3, 1],
        data: KERNEL.map((v) => 128 + Math.round(12 * v)),
      });
      const sum = g.op("ConvInteger", [
        quantised(g, picture),
        weights,
        number(g, "uint8", 120),
        number(g, "uint8", 128),
      ]);
      return g.scale(real(g, sum), 0.02 * 0.03);
    },
    smooth: (g, x) => {
      const weights = g.constant({
        type: "float32",
        dims: [1, 2, 3, 1],
        data: KERNEL.map((v) => Math.round(12 * v) * 0.03),
      });
      return g.op("Conv", [clip(g, g.op("Reshape", [x, g.ints([2, 2, 5, 1])]), -120.5 * 0.02, 135.5 * 0.02), weights]);
    },
    says: ["QuantizeLinear as identity inside the range (straight-through)"],
  },
];

const X: Value = { type: "float32", dims: SIZE, data: normal(20) };

/** The net around a step: fixed weights in front of a sum, so that only the step's own slope and its chain matter. */
function written(step: (g: Writer, x: Ref) => Ref) {
  const g = new Writer(1, "g.");
  const x = g.input("x", "float32", [SIZE]);
  const stretched = g.scale(x, 1.5);
  const y = step(g, stretched);
  const count = y.at[0]!.dims.reduce((n, dim) => n * dim, 1);
  const weights = g.constant({
    type: "float32",
    dims: y.at[0]!.dims,
    data: Float64Array.from({ length: count }, (_, i) => Math.fround(Math.cos(i + 1))),
  });
  return { g, x, y, loss: g.op("ReduceSum", [g.mul(y, weights)], attribute.int("keepdims", 0)) };
}

describe.each(steps.map((step) => [`${step.op}${step.note ? `, ${step.note}` : ""}`, step] as const))(
  "%s",
  (_, step) => {
    test("is refused where surrogates are not asked for", () => {
      const { g, x, loss } = written(step.hard);
      expect(() => gradientOf(g, loss, x)).toThrow(UnsupportedOp);
    });

    test("is passed by the surrogate it declares, and says so", async () => {
      const hard = written(step.hard),
        smooth = written(step.smooth);
      const uses: StandIn[] = [];
      const found = gradientOf(hard.g, hard.loss, hard.x, (use) => uses.push(use));
      const wanted = gradientOf(smooth.g, smooth.loss, smooth.x);
      expect(uses.map(({ op, surrogate }) => `${op} as ${surrogate}`)).toEqual(step.says);
      expect(uses.every(({ node }) => node !== "")).toBe(true);
      const [is, should] = [evaluate(hard.g, { x: X }, [found.name]), evaluate(smooth.g, { x: X }, [wanted.name])].map(
        (values) => Object.values(values)[0]!,
      );
      const length = Math.hypot(...should!.data);
      expect(length).toBeGreaterThan(0.1);
      expect(Math.hypot(...is!.data.map((v, i) => v - should!.data[i]!)) / length).toBeLessThan(1e-6);
      // The runtime computes the same, on the same graph that a model would be written as.
      hard.g.output("gradient", found);
      hard.g.output("y", hard.y);
      const bytes = encodeGraph({
        inputs: [{ name: "x", type: "float32", dims: SIZE }],
        outputs: [
          { name: "gradient", type: "float32", dims: SIZE },
          { name: "y", type: "float32", dims: hard.y.at[0]!.dims },
        ],
        nodes: hard.g.nodes,
        constants: hard.g.constants,
      });
      const session = await testRuntime.load(bytes);
      const out = await session.run({ x: toRuntime(X) });
      await session.release();
      const ran = toValue(out["gradient"]!).data;
      expect(Math.hypot(...ran.map((v, i) => v - is!.data[i]!)) / length).toBeLessThan(1e-4);
      const forward = evaluate(hard.g, { x: X }, ["y"])["y"]!.data;
      const furthest = Math.max(...toValue(out["y"]!).data.map((v, i) => Math.abs(v - forward[i]!)));
      expect(furthest).toBeLessThan(1e-4);
    });
  },
);

test("a choice whose branches follow the input needs no surrogate for its condition", () => {
  const g = new Writer(1, "g.");
  const x = g.input("x", "float32", [SIZE]);
  const relu = g.op("Where", [g.op("Greater", [x, number(g, "float32", 0)]), x, number(g, "float32", 0)]);
  const uses: StandIn[] = [];
  const gradient = gradientOf(g, g.op("ReduceSum", [relu], attribute.int("keepdims", 0)), x, (use) => uses.push(use));
  expect(uses).toEqual([]);
  expect(evaluate(g, { x: X }, [gradient.name])[gradient.name]!.data).toEqual(X.data.map((v) => (v > 0 ? 1 : 0)));
});

test("every surrogate of the table has a case", () => {
  const covered = new Set(steps.map(({ op }) => op));
  const declared = Object.entries(ops).flatMap(([op, { surrogate }]) => (surrogate ? [op] : []));
  expect(declared.filter((op) => !covered.has(op))).toEqual([]);
});
