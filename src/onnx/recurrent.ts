/** Recurrent layers written out step by step, so that they differentiate like any other graph. */
import { attr, fixed, typeOf, wrongShape } from "./ir.ts";
import type { Node, Ref } from "./ir.ts";
import { sliceAxis } from "./ops/shapes.ts";
import { attribute } from "./tensor.ts";
import type { Writer } from "./writer.ts";

type Inputs = readonly (Ref | undefined)[];
interface State {
  readonly h: Ref;
  readonly c?: Ref;
}

/** Weights of one direction; all act on rows: [1, batch, …] times [in, out]. */
interface Direction {
  /** X·Wᵀ + biases that can be added beforehand, for all steps: [steps, batch, gates·hidden]. */
  readonly projected: Ref;
  /** [hidden, gates·hidden]. */
  readonly recurrent: Ref;
  /** The recurrent bias of the last gate where it may not be added beforehand, [hidden]. */
  readonly late?: Ref;
  /** Peepholes, [3·hidden] (input, output, forget). */
  readonly peephole?: Ref;
  readonly hidden: number;
  readonly act: readonly ((x: Ref) => Ref)[];
}

interface Cell {
  readonly gates: number;
  /** Default activations of one direction. */
  readonly activations: readonly string[];
  step(g: Writer, at: Direction, x: Ref, before: Partial<State>, node: Node): State;
}

const ACTIVATIONS = new Set(["Sigmoid", "Tanh", "Relu", "Softsign", "Softplus"]);

/** One graph per step: above this many the model is another kind of object than this room can hold. */
const STEPS_MAX = 2048;

const gate = (g: Writer, all: Ref, i: number, hidden: number): Ref =>
  sliceAxis(g, all, 2, i * hidden, (i + 1) * hidden);

const sum = (g: Writer, x: Ref, more: Ref | undefined): Ref => (more === undefined ? x : g.add(x, more));
const product = (g: Writer, h: Ref | undefined, w: Ref): Ref | undefined => h && g.op("MatMul", [h, w]);

/** Equations of the ONNX specification (operators RNN, GRU, LSTM), one step each. */
const cells: Readonly<Record<string, Cell>> = {
  RNN: {
    gates: 1,
    activations: ["Tanh"],
    step: (g, { recurrent, act }, x, { h }) => ({ h: act[0]!(sum(g, x, product(g, h, recurrent))) }),
  },
  GRU: {
    gates: 3,
    activations: ["Sigmoid", "Tanh"],
    step(g, { recurrent, late, hidden, act }, x, { h }, node) {
      const part = (w: Ref, from: number, to: number): Ref => sliceAxis(g, w, 1, from * hidden, to * hidden);
      const gates = sum(g, gateRange(g, x, 0, 2, hidden), product(g, h, part(recurrent, 0, 2)));
      const both = act[0]!(gates);
      const update = gate(g, both, 0, hidden),
        reset = gate(g, both, 1, hidden);
      const own = gate(g, x, 2, hidden);
      let candidate: Ref;
      if (attr.int(node, "linear_before_reset", 0) === 0)
        candidate = sum(g, own, h && product(g, g.mul(reset, h), part(recurrent, 2, 3)));
      else {
        const linear = product(g, h, part(recurrent, 2, 3));
        const biased = linear && late ? g.add(linear, late) : (linear ?? late);
        candidate = biased ? g.add(own, g.mul(reset, biased)) : own;
      }
      const fresh = act[1]!(candidate);
      // (1 − z)∘n + z∘h
      const kept = h ? g.sub(h, fresh) : g.neg(fresh);
      return { h: g.add(fresh, g.mul(update, kept)) };
    },
  },
  LSTM: {
    gates: 4,
    activations: ["Sigmoid", "Tanh", "Tanh"],
    step(g, { recurrent, peephole, hidden, act }, x, { h, c }) {
      const all = sum(g, x, product(g, h, recurrent));
      const peep = (i: number, state: Ref | undefined): Ref | undefined =>
        peephole && state && g.mul(sliceAxis(g, peephole, 0, i * hidden, (i + 1) * hidden), state);
      const input = act[0]!(sum(g, gate(g, all, 0, hidden), peep(0, c)));
      const forget = c && act[0]!(sum(g, gate(g, all, 2, hidden), peep(2, c)));
      const fresh = g.mul(input, act[1]!(gate(g, all, 3, hidden)));
      const cell = c && forget ? g.add(g.mul(forget, c), fresh) : fresh;
      const output = act[0]!(sum(g, gate(g, all, 1, hidden), peep(1, cell)));
      return { h: g.mul(output, act[2]!(cell)), c: cell };
    },
  },
};

const gateRange = (g: Writer, all: Ref, from: number, to: number, hidden: number): Ref =>
  sliceAxis(g, all, 2, from * hidden, to * hidden);

/** Refuses what cannot be written out as the file means it. */
function refuse(node: Node, steps: number, lengths: Ref | undefined): void {
  if (steps > STEPS_MAX)
    throw wrongShape(node, `runs over ${steps} steps, more than the ${STEPS_MAX} that are written out`);
  if (node.attributes["clip"]) throw wrongShape(node, "with clip is not supported");
  if (attr.int(node, "input_forget", 0) !== 0) throw wrongShape(node, "with input_forget is not supported");
  if (attr.int(node, "layout", 0) !== 0) throw wrongShape(node, "with layout 1 is not supported");
  if (node.attributes["activation_alpha"] || node.attributes["activation_beta"])
    throw wrongShape(node, "with activation_alpha or activation_beta is not supported");
  const known = lengths?.at.map((each) => each.value);
  if (known?.some((value) => value === undefined || value.data.some((length) => length !== steps)))
    throw wrongShape(node, "over sequences of different lengths (sequence_lens) is not supported");
}

function activationsOf(g: Writer, node: Node, cell: Cell, directions: number): ((x: Ref) => Ref)[] {
  const said = node.attributes["activations"]?.strings.map((bytes) => new TextDecoder().decode(bytes));
  const names = said ?? Array.from({ length: directions }, () => cell.activations).flat();
  if (names.length !== cell.activations.length * directions)
    throw wrongShape(node, `${names.length} activations for ${directions} direction${directions > 1 ? "s" : ""}`);
  return names.map((name) => {
    const op = [...ACTIVATIONS].find((each) => each.toLowerCase() === name.toLowerCase());
    if (op === undefined) throw wrongShape(node, `with activation ${name} is not supported`);
    return (x) => g.op(op, [x]);
  });
}

/** Writes RNN, GRU or LSTM out over its steps; gives Y, Y_h and Y_c. Throws OnnxError for what the dialect cannot say. */
export function unrolled(g: Writer, node: Node, inputs: Inputs): readonly (Ref | undefined)[] {
  const cell = cells[node.op]!;
  const [x, w, r, bias, lengths, h0, c0, peepholes] = inputs as [Ref, Ref, Ref, Ref?, Ref?, Ref?, Ref?, Ref?];
  if (w === undefined || r === undefined) throw wrongShape(node, "lacks its weights");
  const steps = fixed(x, 0),
    hidden = fixed(r, 2),
    directions = fixed(w, 0);
  refuse(node, steps, lengths);
  if (fixed(w, 1) !== cell.gates * hidden) throw wrongShape(node, "has weights that do not go together");
  const kind = attr.string(node, "direction", "forward");
  if ((kind === "bidirectional") !== (directions === 2))
    throw wrongShape(node, `is ${kind} with weights for ${directions} directions`);
  const act = activationsOf(g, node, cell, directions);
  const width = cell.gates * hidden;
  const slice = (ref: Ref | undefined, d: number): Ref | undefined =>
    ref && g.op("Squeeze", [sliceAxis(g, ref, 0, d, d + 1), g.ints([0])]);
  const runs = Array.from({ length: directions }, (_, d) => {
    const both = slice(bias, d);
    const own = both && sliceAxis(g, both, 0, 0, width),
      other = both && sliceAxis(g, both, 0, width, 2 * width);
    const lateBias = node.op === "GRU" && attr.int(node, "linear_before_reset", 0) !== 0;
    const late = lateBias && other ? sliceAxis(g, other, 0, 2 * hidden, width) : undefined;
    let early = own && other ? g.add(own, other) : undefined;
    if (early && late) {
      const zeros = g.constant({ type: typeOf(x), dims: [2 * hidden], data: new Float64Array(2 * hidden) });
      early = g.sub(early, g.op("Concat", [zeros, late], attribute.int("axis", 0)));
    }
    const projection = g.op("MatMul", [x, g.transpose(slice(w, d)!, [1, 0])]);
    const peephole = slice(peepholes, d);
    const at: Direction = {
      projected: early ? g.add(projection, early) : projection,
      recurrent: g.transpose(slice(r, d)!, [1, 0]),
      hidden,
      act: act.slice(d * cell.activations.length, (d + 1) * cell.activations.length),
      ...(late ? { late } : {}),
      ...(peephole ? { peephole } : {}),
    };
    const rows = g.call("Split", [at.projected], [attribute.int("axis", 0)], steps);
    const initial = (ref: Ref | undefined): Ref | undefined => ref && sliceAxis(g, ref, 0, d, d + 1);
    const [h, c] = [initial(h0), initial(c0)];
    let state: Partial<State> = { ...(h ? { h } : {}), ...(c ? { c } : {}) };
    const order = Array.from({ length: steps }, (_step, t) => (kind === "reverse" || d === 1 ? steps - 1 - t : t));
    const ys = Array.from<Ref>({ length: steps });
    for (const t of order) {
      state = cell.step(g, at, rows[t]!, state, node);
      ys[t] = state.h!;
    }
    return { ys, last: state as State };
  });
  const joined = (refs: readonly Ref[], axis: number): Ref =>
    refs.length === 1 ? refs[0]! : g.op("Concat", refs, attribute.int("axis", axis));
  const y = joined(
    runs.map(({ ys }) => g.op("Unsqueeze", [joined(ys, 0), g.ints([1])])),
    1,
  );
  const lastC = runs.flatMap(({ last }) => last.c ?? []);
  return [
    y,
    joined(
      runs.map(({ last }) => last.h),
      0,
    ),
    lastC.length > 0 ? joined(lastC, 0) : undefined,
  ];
}
