/**
 * VNN-LIB properties (version 1, the SMT-LIB subset of the verification competitions): which inputs, and which outputs would be unsafe.
 * A property becomes boxes over the inputs, each with linear constraints over the outputs that may not all hold.
 */
import { FormatError } from "./error.ts";
import { readUtf8 } from "./text.ts";

/** a·y ≤ b over the outputs. */
export interface OutputConstraint {
  readonly a: Float64Array;
  readonly b: number;
}

/** Inputs between `low` and `high` for which all constraints hold would be a counterexample. */
export interface UnsafePart {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly constraints: readonly OutputConstraint[];
}

export interface VnnlibProperty {
  readonly inputs: number;
  readonly outputs: number;
  /** Any one of them suffices for a counterexample. */
  readonly parts: readonly UnsafePart[];
}

const FORMAT = "vnnlib";
const DEPTH_MAX = 256;
const PARTS_MAX = 100_000;
/** Ends of all boxes together: half a gigabyte. */
const BOUNDS_MAX = 2 ** 25;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

interface Placed {
  readonly at: number;
  readonly term: string | readonly Placed[];
}

/** Σ coefficients · variables + constant. */
interface Linear {
  readonly of: ReadonlyMap<string, number>;
  readonly constant: number;
}

/** of ≤ bound. */
interface Atom {
  readonly of: ReadonlyMap<string, number>;
  readonly bound: number;
  readonly at: number;
}
/** A disjunction of conjunctions. */
type Choices = readonly (readonly Atom[])[];

/** Reads a property. Throws FormatError with the byte of what cannot be read. */
export function readVnnlib(bytes: Uint8Array): VnnlibProperty {
  const text = readUtf8(FORMAT, bytes);
  if (/\(\s*(vnnlib-version|declare-network)\b/.test(text))
    throw new FormatError(
      FORMAT,
      0,
      "a property of VNN-LIB 2",
      "give the property in VNN-LIB 1 (declare-const, assert)",
    );
  const inputs = new Set<number>(),
    outputs = new Set<number>();
  const always: Atom[] = [];
  let choices: Choices = [[]];
  for (const { at, term } of expressions(text)) {
    if (typeof term === "string") throw wrong(at, `"${term}" stands outside any command`);
    const [head, ...rest] = term;
    const command = head?.term;
    switch (command) {
      case "declare-const":
      case "declare-fun": {
        const name = rest[0]?.term;
        const known = typeof name === "string" ? /^([XY])_(\d{1,7})$/.exec(name) : null;
        if (!known) throw wrong(at, "a declaration of something other than X_i or Y_j");
        (known[1] === "X" ? inputs : outputs).add(Number(known[2]));
        break;
      }
      case "assert": {
        const [condition] = rest;
        if (rest.length !== 1 || condition === undefined) throw wrong(at, "an assertion without exactly one condition");
        const made = choicesOf(condition, 0);
        if (made.length === 1) for (const atom of made[0]!) always.push(atom);
        else choices = product(choices, made, at);
        break;
      }
      case "set-logic":
      case "set-info":
      case "set-option":
      case "check-sat":
      case "get-model":
      case "exit":
        break;
      default:
        throw wrong(at, `the command "${String(command)}" is not known`);
    }
  }
  for (const [name, set] of [
    ["X", inputs],
    ["Y", outputs],
  ] as const) {
    if (set.size === 0) throw wrong(-1, `no ${name}_0 is declared`);
    for (let i = 0; i < set.size; i++)
      if (!set.has(i)) throw wrong(-1, `${name}_${i} is not declared, though ${set.size} are`);
  }
  const parts: UnsafePart[] = [];
  const shared = boxOf(always, inputs.size, outputs.size);
  if (choices.some((each) => each.some(onInput)) && choices.length * inputs.size > BOUNDS_MAX)
    throw wrong(-1, `${choices.length} boxes over ${inputs.size} inputs`);
  for (const conjunction of choices) {
    const bounded = conjunction.some(onInput);
    const own = boxOf(conjunction, bounded ? inputs.size : 0, outputs.size, inputs.size);
    // Cases that say nothing of the inputs share one box.
    const low = bounded ? shared.low.map((value, i) => Math.max(value, own.low[i]!)) : shared.low,
      high = bounded ? shared.high.map((value, i) => Math.min(value, own.high[i]!)) : shared.high;
    for (let i = 0; i < inputs.size; i++)
      if (low[i] === -Infinity || high[i] === Infinity)
        throw new FormatError(
          FORMAT,
          -1,
          `input X_${i} has no ${low[i] === -Infinity ? "lower" : "upper"} bound`,
          "assert both",
        );
    // Bounds that exclude each other: nothing can satisfy this part.
    if (low.some((value, i) => value > high[i]!)) continue;
    const constraints = [...shared.constraints, ...own.constraints];
    if (constraints.length === 0)
      throw new FormatError(
        FORMAT,
        -1,
        "nothing is said of the outputs, so every input would be a counterexample",
        "assert what would be unsafe",
      );
    parts.push({ low, high, constraints });
  }
  if (parts.length === 0)
    throw new FormatError(FORMAT, -1, "the bounds of the inputs exclude each other in every part", "check the bounds");
  return { inputs: inputs.size, outputs: outputs.size, parts };
}

const wrong = (at: number, problem: string): FormatError =>
  new FormatError(
    FORMAT,
    at,
    problem,
    "check the property against VNN-LIB 1: declare-const, assert, <=, >=, and, or, +, -, *",
  );

function* expressions(text: string): Generator<Placed> {
  const stack: { at: number; items: Placed[] }[] = [];
  const tokens = /\s+|;[^\n]*|\(|\)|\|[^|]*\||"[^"]*"|[^\s();|"]+/gy;
  let at = 0;
  for (; at < text.length; at = tokens.lastIndex) {
    tokens.lastIndex = at;
    const found = tokens.exec(text);
    if (found === null) throw wrong(at, "characters that belong to no word");
    const [token] = found;
    if (/^[\s;]/.test(token)) continue;
    if (token === "(") {
      if (stack.length >= DEPTH_MAX) throw wrong(at, `brackets deeper than ${DEPTH_MAX}`);
      stack.push({ at, items: [] });
      continue;
    }
    let item: Placed = { at, term: token };
    if (token === ")") {
      const closed = stack.pop();
      if (closed === undefined) throw wrong(at, "a closing bracket without its opening one");
      item = { at: closed.at, term: closed.items };
    }
    const parent = stack.at(-1);
    if (parent) parent.items.push(item);
    else yield item;
  }
  if (stack.length > 0) throw wrong(stack.at(-1)!.at, "an opening bracket without its closing one");
}

function choicesOf({ at, term }: Placed, depth: number): Choices {
  if (typeof term === "string" || depth > DEPTH_MAX) throw wrong(at, "a condition is expected here");
  const [head, ...rest] = term;
  switch (head?.term) {
    case "and": {
      // What has one case only is gathered at once: a box over a picture is one conjunction of 300,000 conditions.
      const single: Atom[] = [];
      let several: Choices = [[]];
      for (const each of rest) {
        const made = choicesOf(each, depth + 1);
        if (made.length === 1) for (const atom of made[0]!) single.push(atom);
        else several = product(several, made, at);
      }
      return several.length === 1 && several[0]!.length === 0 ? [single] : product([single], several, at);
    }
    case "or": {
      const all = rest.flatMap((each) => choicesOf(each, depth + 1));
      if (all.length > PARTS_MAX) throw wrong(at, `more than ${PARTS_MAX} cases`);
      return all;
    }
    case "<=":
    case ">=":
    case "=": {
      if (rest.length !== 2) throw wrong(at, `${String(head.term)} compares two terms`);
      const [left, right] = rest.map((each) => linear(each)) as [Linear, Linear];
      const less = difference(left, right, at),
        more = difference(right, left, at);
      return [head.term === "<=" ? [less] : head.term === ">=" ? [more] : [less, more]];
    }
    case "<":
    case ">":
      throw wrong(at, `a strict ${head.term}: VNN-LIB 1 compares with <= and >=`);
    default:
      throw wrong(at, `"${typeof head?.term === "string" ? head.term : "("}" where and, or, <=, >= is expected`);
  }
}

function product(a: Choices, b: Choices, at: number): Choices {
  if (a.length * b.length > PARTS_MAX) throw wrong(at, `more than ${PARTS_MAX} cases`);
  const conditions = (choices: Choices): number => choices.reduce((sum, { length }) => sum + length, 0);
  if (a.length * conditions(b) + b.length * conditions(a) > BOUNDS_MAX)
    throw wrong(at, "too many conditions in all cases together");
  return a.flatMap((left) => b.map((right) => [...left, ...right]));
}

/** left − right ≤ 0 as of ≤ bound. */
function difference(left: Linear, right: Linear, at: number): Atom {
  const { of, constant } = combined(left, right, -1);
  return { of, bound: 0 - constant, at };
}

/** Σ factor · part, in one map: sums may be long. */
function added(parts: readonly Linear[], factor: (i: number) => number): Linear {
  const of = new Map<string, number>();
  let constant = 0;
  parts.forEach((part, i) => {
    for (const [name, value] of part.of) of.set(name, (of.get(name) ?? 0) + factor(i) * value);
    constant += factor(i) * part.constant;
  });
  return { of, constant };
}

function combined(a: Linear, b: Linear, factor: number): Linear {
  const of = new Map(a.of);
  for (const [name, value] of b.of) of.set(name, (of.get(name) ?? 0) + factor * value);
  return { of, constant: a.constant + factor * b.constant };
}

function linear({ at, term }: Placed, depth = 0): Linear {
  if (depth > DEPTH_MAX) throw wrong(at, `terms deeper than ${DEPTH_MAX}`);
  if (typeof term === "string") {
    if (NUMBER.test(term)) {
      if (!Number.isFinite(Number(term))) throw wrong(at, `"${term}" is too large`);
      return { of: new Map(), constant: Number(term) };
    }
    if (/^[XY]_\d{1,7}$/.test(term)) return { of: new Map([[term, 1]]), constant: 0 };
    throw wrong(at, `"${term}" is neither a number nor X_i nor Y_j`);
  }
  const [head, ...rest] = term;
  const parts = rest.map((each) => linear(each, depth + 1));
  const nothing: Linear = { of: new Map(), constant: 0 };
  switch (head?.term) {
    case "+":
      return added(parts, () => 1);
    case "-":
      return added(parts, (i) => (i === 0 && parts.length > 1 ? 1 : -1));
    case "*": {
      const factors = parts.filter(({ of }) => of.size === 0).map(({ constant }) => constant);
      const variable = parts.filter(({ of }) => of.size > 0);
      if (variable.length > 1) throw wrong(at, "a product of variables");
      const factor = factors.reduce((a, b) => a * b, 1);
      return variable[0] ? combined(nothing, variable[0], factor) : { of: new Map(), constant: factor };
    }
    default:
      throw wrong(at, "a sum, difference or product is expected here");
  }
}

const onInput = ({ of }: Atom): boolean => {
  for (const [name, factor] of of) if (factor !== 0 && name.startsWith("X_")) return true;
  return false;
};

/** Ends of `inputs` elements and constraints; of the inputs, `declared` may be named. */
function boxOf(atoms: readonly Atom[], inputs: number, outputs: number, declared = inputs) {
  const low = new Float64Array(inputs).fill(-Infinity),
    high = new Float64Array(inputs).fill(Infinity);
  const constraints: OutputConstraint[] = [];
  for (const { of, bound, at } of atoms) {
    const named = [...of].filter(([, factor]) => factor !== 0);
    if (![bound, ...named.map(([, factor]) => bound / factor), ...of.values()].every(Number.isFinite))
      throw wrong(at, "numbers whose sums, products or quotients are too large");
    const onInputs = named.filter(([name]) => name.startsWith("X_"));
    for (const [name] of named)
      if (Number(name.slice(2)) >= (name.startsWith("X_") ? declared : outputs))
        throw wrong(at, `${name} is not declared`);
    if (named.length === 0) throw wrong(at, "a condition without variables");
    if (onInputs.length === 0) {
      const a = new Float64Array(outputs);
      for (const [name, factor] of named) a[Number(name.slice(2))] = factor;
      constraints.push({ a, b: bound });
      continue;
    }
    if (named.length > 1)
      throw new FormatError(
        FORMAT,
        at,
        "a condition on several inputs, or on inputs and outputs together",
        "only boxes over the inputs are supported",
      );
    const [name, factor] = onInputs[0]!;
    const i = Number(name.slice(2));
    if (factor > 0) high[i] = Math.min(high[i]!, bound / factor + 0);
    else low[i] = Math.max(low[i]!, bound / factor + 0);
  }
  return { low, high, constraints };
}
