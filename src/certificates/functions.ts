/** Activations as bounds need them: value, range over an interval, and lines that hold the function between them. */
import { erf } from "#onnx/ops/arithmetic.ts";

/** y ≥ low.slope · x + low.at and y ≤ high.slope · x + high.at for every x of the interval. */
export interface Lines {
  readonly lowSlope: number;
  readonly lowAt: number;
  readonly highSlope: number;
  readonly highAt: number;
}

export interface ScalarFunction {
  readonly name: string;
  value(x: number): number;
  /** The smallest and largest value over [low, high]. */
  range(low: number, high: number): readonly [number, number];
  lines(low: number, high: number): Lines;
}

const SQRT_2_PI = Math.sqrt(2 * Math.PI);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/**
 * ReLU between its chord above and a slope of 0 or 1 below, whichever leaves the smaller triangle (Zhang et al. 2018,
 * CROWN §3.3). Any lower slope from 0 to 1 holds, which is what the optimiser turns.
 */
export function reluLines(low: number, high: number): Lines {
  if (low >= 0) return { lowSlope: 1, lowAt: 0, highSlope: 1, highAt: 0 };
  if (high <= 0) return { lowSlope: 0, lowAt: 0, highSlope: 0, highAt: 0 };
  const slope = high / (high - low);
  return { lowSlope: high > -low ? 1 : 0, lowAt: 0, highSlope: slope, highAt: -slope * low };
}

interface Smooth {
  readonly name: string;
  value(x: number): number;
  slope(x: number): number;
  /** The largest |f″| between kinks. */
  readonly curvature: number;
  /** Points where f′ jumps. */
  readonly kinks?: readonly number[];
  /** f falls before this point and grows after it; absent: f grows everywhere. */
  readonly valley?: number;
}

/** Rounding of the evaluations themselves, relative to the largest number met. */
const ROUNDING = 1e-12;

/**
 * Bounds for a function that is twice differentiable between its kinks. For a slope a, f(x) − a·x deviates from its chord
 * between two points h apart by at most curvature · h² / 8, so its extremes over a grid, widened by that, hold
 * everywhere. Of a few slopes the one is taken whose line is tightest in the middle, which is the tightest on average.
 */
function smooth({ name, value, slope, curvature, kinks = [], valley }: Smooth): ScalarFunction {
  const range = (low: number, high: number): readonly [number, number] => {
    const a = value(low),
      b = value(high);
    const least = valley !== undefined && low < valley && valley < high ? value(valley) : Math.min(a, b);
    return [least, Math.max(a, b)];
  };
  return {
    name,
    value,
    range,
    lines(low, high) {
      const [least, most] = range(low, high);
      const width = high - low;
      // Between ends that are not finite nothing can be sampled.
      if (!Number.isFinite(width)) return { lowSlope: 0, lowAt: least, highSlope: 0, highAt: most };
      const pad = ROUNDING * (1 + Math.abs(least) + Math.abs(most));
      if (!(width > 0)) return { lowSlope: 0, lowAt: least - pad, highSlope: 0, highAt: most + pad };
      const count = Math.min(512, Math.max(32, Math.ceil(width * 16)));
      const points = Array.from({ length: count + 1 }, (_, i) => low + (width * i) / count);
      for (const kink of kinks) if (low < kink && kink < high) points.push(kink);
      const values = points.map(value);
      const between = (curvature * (width / count) ** 2) / 8 + pad;
      const middle = (low + high) / 2;
      const slopes = [(value(high) - value(low)) / width, slope(low), slope(middle), slope(high)];
      let best = { lowSlope: 0, lowAt: least - pad, highSlope: 0, highAt: most + pad };
      for (const a of slopes) {
        let under = Infinity,
          over = -Infinity;
        for (let i = 0; i < points.length; i++) {
          const rest = values[i]! - a * points[i]!;
          if (rest < under) under = rest;
          if (rest > over) over = rest;
        }
        const slack = between + ROUNDING * Math.abs(a) * (Math.abs(low) + Math.abs(high));
        under -= slack;
        over += slack;
        if (a * middle + under > best.lowSlope * middle + best.lowAt) best = { ...best, lowSlope: a, lowAt: under };
        if (a * middle + over < best.highSlope * middle + best.highAt) best = { ...best, highSlope: a, highAt: over };
      }
      return best;
    },
  };
}

const gauss = (x: number): number => Math.exp((-x * x) / 2) / SQRT_2_PI;
const phi = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;
const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

export const functions = {
  relu: {
    name: "relu",
    value: (x: number) => Math.max(x, 0),
    range: (low: number, high: number) => [Math.max(low, 0), Math.max(high, 0)] as const,
    lines: reluLines,
  },
  // Largest second derivatives: 1/(6√3), 4/(3√3), 2√2·e^(−1/2)/√π, 1/4, 2φ(0), 1/2, each at the zero of the third.
  sigmoid: smooth({
    name: "sigmoid",
    value: sigmoid,
    slope: (x) => sigmoid(x) * (1 - sigmoid(x)),
    curvature: 0.09623,
  }),
  tanh: smooth({ name: "tanh", value: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2, curvature: 0.7699 }),
  erf: smooth({
    name: "erf",
    value: erf,
    slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    curvature: 0.9679,
  }),
  softplus: smooth({ name: "softplus", value: softplus, slope: sigmoid, curvature: 0.2501 }),
  elu: smooth({
    name: "elu",
    value: (x) => (x < 0 ? Math.expm1(x) : x),
    slope: (x) => (x < 0 ? Math.exp(x) : 1),
    curvature: 1,
    kinks: [0],
  }),
  gelu: smooth({
    name: "gelu",
    value: (x) => x * phi(x),
    slope: (x) => phi(x) + x * gauss(x),
    curvature: 0.7979,
    valley: -0.7517915246935645,
  }),
  "gelu-tanh": smooth({
    name: "gelu-tanh",
    value: tanhGelu,
    slope: (x) => (tanhGelu(x + 1e-5) - tanhGelu(x - 1e-5)) / 2e-5,
    curvature: 0.82,
    valley: -0.7524614220710162,
  }),
  silu: smooth({
    name: "silu",
    value: (x) => x * sigmoid(x),
    slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    curvature: 0.5001,
    valley: -1.2784645427610738,
  }),
  mish: smooth({
    name: "mish",
    value: (x) => x * Math.tanh(softplus(x)),
    slope: (x) => Math.tanh(softplus(x)) + x * (1 - Math.tanh(softplus(x)) ** 2) * sigmoid(x),
    curvature: 0.65,
    valley: -1.1924312145154496,
  }),
  "hard-swish": smooth({
    name: "hard-swish",
    value: (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)),
    slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
    curvature: 1 / 3,
    kinks: [-3, 3],
    valley: -1.5,
  }),
} as const satisfies Readonly<Record<string, ScalarFunction>>;

/** Where functions are compared first: around every bend and far out on both sides. */
const PROBES = [-9, -4.5, -3.1, -2.2, -1.3, -0.8, -0.31, -0.07, 0, 0.05, 0.4, 1.1, 1.9, 2.7, 3.3, 5.2, 8];
/** And then, where these agree, all over: an irrational step meets no pattern. */
const EVERYWHERE = Array.from({ length: 1500 }, (_, k) => 24 * ((k * 0.618033988749895) % 1) - 12).concat([
  -300, -90, -40, -20, -15, 15, 20, 40, 90, 300,
]);

/**
 * The known function that agrees with f (the files write GELU and its like in many ways), or undefined. Constants in float32 move a function
 * by less than the tolerance, which lies within what bounds leave to the runtime's evaluation (rounding.ts).
 */
export function recognised(f: (x: number) => number): ScalarFunction | undefined {
  const close = (a: number, b: number): boolean => Math.abs(a - b) <= 2e-7 * (1 + Math.abs(b));
  return Object.values(functions).find(
    ({ value }) => PROBES.every((x) => close(f(x), value(x))) && EVERYWHERE.every((x) => close(f(x), value(x))),
  );
}
