/** Arithmetic, comparison and choice, element by element. */
import type { GradientCall, Op, OpTable, Surrogate } from "./op.ts";
import { binary, elementwise, elementwiseShape, first, required, unary } from "./op.ts";
import type { Ref } from "#onnx/ir.ts";
import { attr, typeOf } from "#onnx/ir.ts";
import type { ElementType } from "#onnx/tensor.ts";
import { elementType, isFloat } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";
import { OnnxError } from "#onnx/errors.ts";

/** dy · f'(x), for functions of one element. */
const times =
  (slope: (g: Writer, x: Ref, y: Ref) => Ref) =>
  (g: Writer, call: GradientCall): Ref[] => [g.mul(first(call), slope(g, call.x[0]!, call.y[0]!))];

/** dy/(1 + |x|)²: the slope of softsign, which never quite vanishes (Zenke & Ganguli 2018, eq. 3). */
const throughSoftsign = (g: Writer, dy: Ref, x: Ref): Ref => {
  const d = g.add(g.number(1, x), g.op("Abs", [x]));
  return g.div(g.cast(dy, typeOf(x)), g.mul(d, d));
};

const comparison = (f: (a: number, b: number) => boolean, surrogate?: Surrogate): Op => ({
  shape: elementwiseShape("bool"),
  value: (call) => elementwise(call, (a, b) => (f(a!, b!) ? 1 : 0), "bool"),
  vjp: "nowhere",
  ...(surrogate ? { surrogate } : {}),
});

/** a > b as (1 + softsign(a − b))/2; the other way round for a < b. */
const compare = (f: (a: number, b: number) => boolean, rises: boolean): Op =>
  comparison(f, {
    name: "softsign of the difference",
    vjp(g, call) {
      const [a, b] = call.x.map((x) => (isFloat(typeOf(x!)) ? x! : g.cast(x!, "float32"))) as [Ref, Ref];
      const slope = g.scale(throughSoftsign(g, first(call), g.sub(a, b)), rises ? 0.5 : -0.5);
      return [slope, g.neg(slope)];
    },
  });

/** Truth values as 0 and 1: ∂/∂a and ∂/∂b of the polynomial that agrees with the operator at those. */
const logic = (f: (a: number, b: number) => boolean, slope: (g: Writer, other: Ref) => Ref): Op =>
  comparison(f, {
    name: "the polynomial through its table",
    vjp(g, call) {
      const dy = first(call);
      const [a, b] = call.x.map((x) => g.cast(x!, typeOf(dy))) as [Ref, Ref];
      return [g.mul(dy, slope(g, b)), g.mul(dy, slope(g, a))];
    },
  });

const straightThrough: Surrogate = {
  name: "identity",
  vjp: (g, call) => [g.cast(first(call), isFloat(typeOf(call.x[0]!)) ? typeOf(call.x[0]!) : "float32")],
};

/** For Max and Min: the gradient goes to the winner, equally among ties. */
const extreme = (pick: (...xs: number[]) => number): Op => ({
  shape: elementwiseShape(),
  value: (call) => elementwise(call, pick),
  vjp(g, call) {
    const y = call.y[0]!;
    const hits = call.x.map((x) => g.mask(g.op("Equal", [x!, y]), y));
    const ties = hits.reduce((sum, hit) => g.add(sum, hit));
    const share = g.div(first(call), ties);
    return hits.map((hit) => g.mul(share, hit));
  },
});

const integerDivision = (a: number, b: number): number => Math.trunc(a / b);

/** Round half to even, as the specification of Round says. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x),
    rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The error function to about 1e-16: Maclaurin series below 2.5, continued fraction above (Abramowitz & Stegun 7.1.6, 7.1.14). */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = z,
      sum = z;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * z * z) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
  }
  let fraction = 0;
  for (let n = 120; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction));
}

const RANGES: Partial<Record<ElementType, readonly [bits: number, signed: boolean]>> = {
  uint8: [8, false],
  int8: [8, true],
  uint16: [16, false],
  int16: [16, true],
  int32: [32, true],
  uint32: [32, false],
};

function castValue(x: number, to: ElementType): number {
  if (to === "bool") return x === 0 ? 0 : 1;
  if (isFloat(to)) return x;
  const whole = Math.trunc(x);
  const range = RANGES[to];
  if (range === undefined) return whole;
  const [bits, signed] = range;
  const wrapped = ((whole % 2 ** bits) + 2 ** bits) % 2 ** bits;
  return signed && wrapped >= 2 ** (bits - 1) ? wrapped - 2 ** bits : wrapped;
}

const castType = (number: number): ElementType => {
  const type = elementType(number);
  if (type === undefined) throw new OnnxError(`Cast to element type ${number}, which is not supported`);
  return type;
};

const step = (f: (x: number) => number, surrogate: Surrogate): Op => ({ ...unary(f, "nowhere"), surrogate });

const variadicMean = (divide: boolean): Op => ({
  shape: elementwiseShape(),
  value: (call) => elementwise(call, (...xs) => xs.reduce((sum, x) => sum + x, 0) / (divide ? xs.length : 1)),
  vjp: (g, call) => call.x.map(() => (divide ? g.scale(first(call), 1 / call.x.length) : first(call))),
});

export const arithmetic: OpTable = {
  Add: binary(
    (a, b) => a + b,
    (_, call) => [first(call), first(call)],
  ),
  Sub: binary(
    (a, b) => a - b,
    (g, call) => [first(call), g.neg(first(call))],
  ),
  Mul: binary(
    (a, b) => a * b,
    (g, call) => [g.mul(first(call), call.x[1]!), g.mul(first(call), call.x[0]!)],
  ),
  Div: {
    shape: elementwiseShape(),
    value: (call) =>
      elementwise(call, isFloat(required(call, 0).type) ? (a, b) => a! / b! : (integerDivision as never)),
    vjp(g, call) {
      const part = g.div(first(call), call.x[1]!);
      return [part, call.needs[1] ? g.neg(g.mul(part, call.y[0]!)) : undefined];
    },
  },
  Mod: {
    shape: elementwiseShape(),
    value: (call) =>
      elementwise(call, attr.int(call.node, "fmod", 0) ? (a, b) => a! % b! : (a, b) => a! - b! * Math.floor(a! / b!)),
    // a − b·n with n whole: 1 and −n almost everywhere.
    vjp(g, call) {
      const [a, b] = call.x as [Ref, Ref];
      return [first(call), call.needs[1] ? g.neg(g.mul(first(call), g.div(g.sub(a, call.y[0]!), b))) : undefined];
    },
  },
  Sum: variadicMean(false),
  Mean: variadicMean(true),
  Max: extreme(Math.max),
  Min: extreme(Math.min),
  Pow: {
    shape: elementwiseShape(),
    value: (call) => elementwise(call, (a, b) => a! ** b!),
    vjp(g, call) {
      const [x, exponent] = call.x as [Ref, Ref];
      const dy = first(call);
      const e = g.cast(exponent, typeOf(x));
      const known = exponent.at[0]!.value;
      // x² and x³ come as Pow often; products avoid Pow's NaN at negative x.
      const single = known !== undefined && known.data.every((v) => v === known.data[0]) ? known.data[0]! : undefined;
      const slope =
        single === 2
          ? g.scale(x, 2)
          : single === 3
            ? g.scale(g.mul(x, x), 3)
            : g.mul(e, g.op("Pow", [x, g.sub(e, g.number(1, x))]));
      return [g.mul(dy, slope), call.needs[1] ? g.mul(dy, g.mul(call.y[0]!, g.op("Log", [x]))) : undefined];
    },
  },
  Neg: unary(
    (x) => -x,
    (g, call) => [g.neg(first(call))],
  ),
  Abs: unary(
    Math.abs,
    times((g, x) => g.op("Sign", [x])),
  ),
  Reciprocal: unary(
    (x) => 1 / x,
    times((g, _, y) => g.neg(g.mul(y, y))),
  ),
  Sqrt: unary(
    Math.sqrt,
    times((g, _, y) => g.div(g.number(0.5, y), y)),
  ),
  Exp: unary(
    Math.exp,
    times((_, __, y) => y),
  ),
  Log: unary(
    Math.log,
    times((g, x) => g.op("Reciprocal", [x])),
  ),
  Erf: unary(
    erf,
    times((g, x) => g.scale(g.op("Exp", [g.neg(g.mul(x, x))]), 2 / Math.sqrt(Math.PI))),
  ),
  Sin: unary(
    Math.sin,
    times((g, x) => g.op("Cos", [x])),
  ),
  Cos: unary(
    Math.cos,
    times((g, x) => g.neg(g.op("Sin", [x]))),
  ),
  Tan: unary(
    Math.tan,
    times((g, _, y) => g.add(g.number(1, y), g.mul(y, y))),
  ),
  Sinh: unary(
    Math.sinh,
    times((g, x) => g.op("Cosh", [x])),
  ),
  Cosh: unary(
    Math.cosh,
    times((g, x) => g.op("Sinh", [x])),
  ),
  Atan: unary(
    Math.atan,
    times((g, x) => g.op("Reciprocal", [g.add(g.number(1, x), g.mul(x, x))])),
  ),
  Asinh: unary(
    Math.asinh,
    times((g, x) => g.op("Reciprocal", [g.op("Sqrt", [g.add(g.number(1, x), g.mul(x, x))])])),
  ),
  Acosh: unary(
    Math.acosh,
    times((g, x) => g.op("Reciprocal", [g.op("Sqrt", [g.sub(g.mul(x, x), g.number(1, x))])])),
  ),
  Atanh: unary(
    Math.atanh,
    times((g, x) => g.op("Reciprocal", [g.sub(g.number(1, x), g.mul(x, x))])),
  ),
  Asin: unary(
    Math.asin,
    times((g, x) => g.op("Reciprocal", [g.op("Sqrt", [g.sub(g.number(1, x), g.mul(x, x))])])),
  ),
  Acos: unary(
    Math.acos,
    times((g, x) => g.neg(g.op("Reciprocal", [g.op("Sqrt", [g.sub(g.number(1, x), g.mul(x, x))])]))),
  ),
  Sign: step(Math.sign, { name: "softsign", vjp: (g, call) => [throughSoftsign(g, first(call), call.x[0]!)] }),
  Round: step(roundHalfEven, straightThrough),
  Floor: step(Math.floor, straightThrough),
  Ceil: step(Math.ceil, straightThrough),
  Not: step((x) => (x === 0 ? 1 : 0), { name: "1 − x", vjp: (g, call) => [g.neg(first(call))] }),
  IsNaN: {
    shape: (call) => [{ type: "bool", dims: required(call, 0).dims }],
    value: (call) => elementwise(call, (x) => (Number.isNaN(x!) ? 1 : 0), "bool"),
    vjp: "nowhere",
  },
  IsInf: {
    shape: (call) => [{ type: "bool", dims: required(call, 0).dims }],
    value(call) {
      const signs = [
        attr.int(call.node, "detect_positive", 1) && Infinity,
        attr.int(call.node, "detect_negative", 1) && -Infinity,
      ];
      return elementwise(call, (x) => (!Number.isFinite(x!) && signs.includes(x!) ? 1 : 0), "bool");
    },
    vjp: "nowhere",
  },
  Equal: comparison((a, b) => a === b),
  Greater: compare((a, b) => a > b, true),
  GreaterOrEqual: compare((a, b) => a >= b, true),
  Less: compare((a, b) => a < b, false),
  LessOrEqual: compare((a, b) => a <= b, false),
  And: logic(
    (a, b) => a !== 0 && b !== 0,
    (_, other) => other,
  ),
  Or: logic(
    (a, b) => a !== 0 || b !== 0,
    (g, other) => g.sub(g.number(1, other), other),
  ),
  Xor: logic(
    (a, b) => (a !== 0) !== (b !== 0),
    (g, other) => g.sub(g.number(1, other), g.scale(other, 2)),
  ),
  Where: {
    shape(call) {
      return elementwiseShape(required(call, 1).type)(call);
    },
    value: (call) => elementwise(call, (c, a, b) => (c ? a! : b!), required(call, 1).type),
    vjp(g, call) {
      const zero = g.number(0, first(call));
      const c = call.x[0]!;
      return [undefined, g.op("Where", [c, first(call), zero]), g.op("Where", [c, zero, first(call)])];
    },
    surrogate: {
      name: "the difference of its branches",
      vjp(g, call) {
        const [, a, b] = call.x.map((x) => (isFloat(typeOf(x!)) ? x! : g.cast(x!, "float32"))) as [Ref, Ref, Ref];
        return [g.mul(g.cast(first(call), typeOf(a)), g.sub(a, b))];
      },
    },
  },
  Cast: {
    shape: (call) => [{ type: castType(attr.int(call.node, "to", 1)), dims: required(call, 0).dims }],
    value(call) {
      const to = castType(attr.int(call.node, "to", 1));
      return elementwise(call, (x) => castValue(x!, to), to);
    },
    // Between floating-point types the identity; from or to integers a staircase, refused by the walk as such.
    vjp: (g, call) => [g.cast(first(call), typeOf(call.x[0]!))],
    surrogate: straightThrough,
  },
  Identity: unary(
    (x) => x,
    (_, call) => [first(call)],
  ),
};
