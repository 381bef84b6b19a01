/** Activation functions. */
import type { GradientCall, OpTable } from "./op.ts";
import { binary, elementwise, first, required, unary } from "./op.ts";
import type { Node, Ref } from "#onnx/ir.ts";
import { attr, axisOf, rankOf, stridesOf } from "#onnx/ir.ts";
import { attribute } from "#onnx/tensor.ts";
import type { Value } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

type Slope = (g: Writer, x: Ref, y: Ref, node: Node) => Ref;
const times =
  (slope: Slope) =>
  (g: Writer, call: GradientCall): Ref[] => [g.mul(first(call), slope(g, call.x[0]!, call.y[0]!, call.node))];

/** 1 where a > b, else 0 (Greater, Cast, Mul: measured at a third of the time of Sign). */
const above = (g: Writer, a: Ref, b: number): Ref => g.mask(g.op("Greater", [a, g.number(b, a)]), a);
const below = (g: Writer, a: Ref, b: number): Ref => g.mask(g.op("Less", [a, g.number(b, a)]), a);
/** a where x > 0, else b. */
const positive = (g: Writer, x: Ref, a: Ref, b: Ref): Ref =>
  g.op("Where", [g.op("Greater", [x, g.number(0, x)]), a, b]);

const SELU = { alpha: 1.67326319217681884765625, gamma: 1.05070102214813232421875 };

/** Applies f to every line along an axis: f reads and writes n numbers at the given stride. */
function alongAxis(x: Value, axis: number, f: (line: Float64Array) => Float64Array): Value[] {
  const data = new Float64Array(x.data.length);
  const n = x.dims[axis] ?? 1,
    stride = stridesOf(x.dims)[axis] ?? 1;
  const line = new Float64Array(n);
  for (let start = 0; start < data.length; start++) {
    if (Math.floor(start / stride) % n !== 0) continue;
    for (let i = 0; i < n; i++) line[i] = x.data[start + i * stride]!;
    const out = f(line);
    for (let i = 0; i < n; i++) data[start + i * stride] = out[i]!;
  }
  return [{ type: x.type, dims: x.dims, data }];
}

function logSumExp(line: Float64Array): number {
  const top = line.reduce((a, b) => Math.max(a, b), -Infinity);
  return top + Math.log(line.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

/** y∘(dy − Σ dy∘y) along an axis, with y the softmax. */
export function throughSoftmax(g: Writer, dy: Ref, y: Ref, axis: number): Ref {
  const weighted = g.mul(dy, y);
  return g.sub(weighted, g.mul(y, g.sum(weighted, [axis], true)));
}

const softAxis = (node: Node, rank: number): number => axisOf(node, attr.int(node, "axis", -1), rank);

export const activations: OpTable = {
  Relu: unary(
    (x) => Math.max(x, 0),
    times((g, x) => above(g, x, 0)),
  ),
  LeakyRelu: unary(
    (x, node) => (x < 0 ? attr.float(node, "alpha", 0.01) * x : x),
    times((g, x, _, node) => positive(g, x, g.number(1, x), g.number(attr.float(node, "alpha", 0.01), x))),
  ),
  PRelu: {
    ...binary((x, slope) => (x < 0 ? slope * x : x), "unruled"),
    vjp(g, call) {
      const [x, slope] = call.x as [Ref, Ref];
      const dy = first(call);
      return [
        g.mul(dy, positive(g, x, g.number(1, x), slope)),
        call.needs[1] ? g.mul(dy, g.op("Min", [x, g.number(0, x)])) : undefined,
      ];
    },
  },
  Elu: unary(
    (x, node) => (x < 0 ? attr.float(node, "alpha", 1) * Math.expm1(x) : x),
    times((g, x, y, node) => positive(g, x, g.number(1, x), g.add(y, g.number(attr.float(node, "alpha", 1), y)))),
  ),
  Selu: unary(
    (x, node) => {
      const alpha = attr.float(node, "alpha", SELU.alpha),
        gamma = attr.float(node, "gamma", SELU.gamma);
      return gamma * (x > 0 ? x : alpha * Math.expm1(x));
    },
    times((g, x, y, node) => {
      const alpha = attr.float(node, "alpha", SELU.alpha),
        gamma = attr.float(node, "gamma", SELU.gamma);
      return positive(g, x, g.number(gamma, x), g.add(y, g.number(gamma * alpha, y)));
    }),
  ),
  Celu: unary(
    (x, node) => {
      const alpha = attr.float(node, "alpha", 1);
      return Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
    },
    times((g, x, y, node) => {
      const alpha = attr.float(node, "alpha", 1);
      return positive(g, x, g.number(1, x), g.scale(g.add(y, g.number(alpha, y)), 1 / alpha));
    }),
  ),
  ThresholdedRelu: unary(
    (x, node) => (x > attr.float(node, "alpha", 1) ? x : 0),
    times((g, x, _, node) => above(g, x, attr.float(node, "alpha", 1))),
  ),
  Shrink: unary(
    (x, node) => {
      const lambda = attr.float(node, "lambd", 0.5),
        bias = attr.float(node, "bias", 0);
      return x < -lambda ? x + bias : x > lambda ? x - bias : 0;
    },
    times((g, x, _, node) => above(g, g.op("Abs", [x]), attr.float(node, "lambd", 0.5))),
  ),
  HardSigmoid: unary(
    (x, node) => Math.max(0, Math.min(1, attr.float(node, "alpha", 0.2) * x + attr.float(node, "beta", 0.5))),
    times((g, _, y, node) => g.scale(g.mul(above(g, y, 0), below(g, y, 1)), attr.float(node, "alpha", 0.2))),
  ),
  HardSwish: unary(
    (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)),
    times((g, x) => {
      const middle = g.add(g.scale(x, 1 / 3), g.number(0.5, x));
      return g.add(above(g, x, 3 - 1e-12), g.mul(middle, g.mul(above(g, x, -3), below(g, x, 3))));
    }),
  ),
  Sigmoid: unary(
    sigmoid,
    times((g, _, y) => g.mul(y, g.sub(g.number(1, y), y))),
  ),
  Tanh: unary(
    Math.tanh,
    times((g, _, y) => g.sub(g.number(1, y), g.mul(y, y))),
  ),
  Softplus: unary(
    softplus,
    times((g, x) => g.op("Sigmoid", [x])),
  ),
  Softsign: unary(
    (x) => x / (1 + Math.abs(x)),
    times((g, x) => {
      const d = g.add(g.number(1, x), g.op("Abs", [x]));
      return g.op("Reciprocal", [g.mul(d, d)]);
    }),
  ),
  Clip: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const low = call.inputs[1]?.data[0] ?? -Infinity,
        high = call.inputs[2]?.data[0] ?? Infinity;
      return elementwise(call, (x) => Math.min(high, Math.max(low, x!)), undefined, [required(call, 0)]);
    },
    vjp(g, call) {
      const [x, low, high] = call.x;
      let dy = first(call);
      // At the bound itself the gradient points inwards or along it; an attacked pixel at 0 or 1 must not lose it.
      if (low) dy = g.mul(dy, g.mask(g.op("GreaterOrEqual", [x!, low]), x!));
      if (high) dy = g.mul(dy, g.mask(g.op("LessOrEqual", [x!, high]), x!));
      return [dy];
    },
  },
  Softmax: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const x = required(call, 0);
      return alongAxis(x, softAxis(call.node, x.dims.length), (line) => {
        const total = logSumExp(line);
        return line.map((v) => Math.exp(v - total));
      });
    },
    vjp(g, call) {
      const y = call.y[0]!;
      return [throughSoftmax(g, first(call), y, softAxis(call.node, rankOf(y)))];
    },
  },
  LogSoftmax: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const x = required(call, 0);
      return alongAxis(x, softAxis(call.node, x.dims.length), (line) => {
        const total = logSumExp(line);
        return line.map((v) => v - total);
      });
    },
    vjp(g, call) {
      const y = call.y[0]!,
        axis = softAxis(call.node, rankOf(y));
      const probabilities = g.op("Softmax", [call.x[0]!], attribute.int("axis", axis));
      return [g.sub(first(call), g.mul(probabilities, g.sum(first(call), [axis], true)))];
    },
  },
  Hardmax: {
    shape: (call) => [{ type: required(call, 0).type, dims: required(call, 0).dims }],
    value(call) {
      const x = required(call, 0);
      return alongAxis(x, softAxis(call.node, x.dims.length), (line) => {
        const best = line.indexOf(line.reduce((a, b) => Math.max(a, b), -Infinity));
        return line.map((_, i) => (i === best ? 1 : 0));
      });
    },
    vjp: "nowhere",
    surrogate: {
      name: "softmax",
      vjp(g, call) {
        const x = call.x[0]!,
          axis = softAxis(call.node, rankOf(x));
        return [throughSoftmax(g, first(call), g.op("Softmax", [x], attribute.int("axis", axis)), axis)];
      },
    },
  },
};
