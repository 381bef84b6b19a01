/**
 * Branch and bound on the inputs, for networks with few of them: the box is halved along the input that moves the bound most, and every
 * part is bounded anew from its first layer on (Wang et al., USENIX Security 2018; Bunel et al., JMLR 2020, §5.2).
 */
import type { RuntimeTensor, Signal } from "#base/ports.ts";
import { port } from "./backward.ts";
import type { Bounds, Floats, Interval, Slopes } from "./bounds.ts";
import type { Activation } from "./network.ts";
import type { Clause, Effort, Property, Verdict } from "./property.ts";
import { OUT_OF_NODES, OUT_OF_TIME } from "./property.ts";

interface Box {
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Bounds of the activations' inputs over the box this one is half of: they hold here too. */
  readonly layers?: readonly Interval[];
}

/** A box with what is known of it. */
interface Bounded extends Box {
  /** The least over clauses of the best over constraints, less what has to be exceeded. */
  readonly bound: number;
  /** Coefficients of the inputs in the row that decided. */
  readonly coefficients: Floats;
  readonly layers: readonly Interval[];
}

/** Above this many inputs with room, halving boxes leads nowhere. */
export const SPLIT_INPUTS_MAX = 12;

/** Rows of one activation's call, about. */
const ROWS = 8192;
/** Coefficients of one call: an activation wider than about the root of this is bounded in parts. */
const SPEC_VALUES = 2 ** 25;
/** Boxes bounded together at most. */
const BOXES = 512;
/** Elements of an activation are bounded in multiples of this. */
const GROUP_STEP = 8;

/**
 * Tries to prove a property over a box, all clauses together. Each box is halved for trial along the input that moves its bound
 * most and along its longest edge; the clearly better pair of halves is kept (a coefficient tells how far an input moves the lines, not how
 * much narrower they would become).
 */
export async function branchOnInputs(bounds: Bounds, property: Property, effort: Effort): Promise<Verdict> {
  const { region, clauses } = property;
  const widest = Math.max(1, ...bounds.activations.map(({ size }) => size));
  const rowsOfOne = Math.max(2 * widest, clauses.flat().length);
  const many = Math.max(4, Math.min(BOXES, Math.floor(ROWS / rowsOfOne)));
  const widths = Float64Array.from(region.low, (low, i) => region.high[i]! - low);
  const whole: Box = { low: Float64Array.from(region.low), high: Float64Array.from(region.high) };
  let nodes = 1,
    closed = 0;
  /** Looks for counterexamples in what is still open; keeps it. */
  const queue: Bounded[] = [];
  const keep = async (found: readonly Bounded[]): Promise<boolean> => {
    const open = found.filter(({ bound }) => !(bound > 0));
    closed += found.length - open.length;
    if (open.length === 0) return false;
    if (effort.candidates && (await effort.candidates(points(bounds, open), 2 * open.length))) return true;
    // The lowest bound is taken next, and its halves after it: deep first, so that the queue stays short enough to hold.
    queue.push(...open.toSorted((a, b) => b.bound - a.bound));
    return false;
  };
  if (await keep(await boundBoxes(bounds, [whole], clauses, effort.signal))) return { verdict: "violated", nodes };
  while (queue.length > 0) {
    effort.signal.throwIfAborted();
    if (effort.expired()) return { verdict: "unknown", nodes, because: OUT_OF_TIME };
    if (nodes >= effort.nodesMax) return { verdict: "unknown", nodes, because: OUT_OF_NODES };
    const parents = queue.splice(Math.max(0, queue.length - Math.floor(many / 4)));
    const trials: { parent: number; halves: readonly [Box, Box] }[] = [];
    for (const [parent, box] of parents.entries()) {
      const cuts = cutsOf(box, widths);
      if (cuts.length === 0)
        return { verdict: "unknown", nodes, because: "a box too small to be halved is still undecided" };
      for (const along of cuts) trials.push({ parent, halves: halved(box, along) });
    }
    const found = await boundBoxes(
      bounds,
      trials.flatMap(({ halves }) => halves),
      clauses,
      effort.signal,
    );
    nodes += found.length;
    const best = new Map<number, { score: number; halves: Bounded[] }>();
    trials.forEach(({ parent }, t) => {
      const halves = found.slice(2 * t, 2 * t + 2);
      const score = halves.reduce((sum, { bound }) => sum + Math.min(0, bound), 0);
      const first = best.get(parent);
      // The longest edge is the second choice: only where it leaves half of what the steepest one leaves missing.
      if (first === undefined || score > first.score / 2) best.set(parent, { score, halves });
    });
    if (await keep([...best.values()].flatMap(({ halves }) => halves))) return { verdict: "violated", nodes };
    effort.progress?.(closed, queue.length);
  }
  return { verdict: "holds", nodes };
}

/** Bounds of all activations and of the clauses for several boxes at once. */
async function boundBoxes(
  bounds: Bounds,
  boxes: readonly Box[],
  clauses: readonly Clause[],
  signal: Signal,
): Promise<Bounded[]> {
  const d = boxes.length;
  const size = bounds.inputSize;
  const low = bounds.floats(d * size),
    high = bounds.floats(d * size);
  boxes.forEach((box, k) => {
    low.set(box.low, k * size);
    high.set(box.high, k * size);
  });
  const region = { low, high };
  const lines = new Map<number, Slopes>();
  const post = new Map<number, Interval>();
  const layersOf: Interval[][] = boxes.map(() => []);
  const boxFeeds: Record<string, RuntimeTensor> = {
    [port.low]: bounds.tensor(low, [d, 1, size]),
    [port.high]: bounds.tensor(high, [d, 1, size]),
  };
  for (const activation of bounds.activations) {
    const { id, size: width } = activation;
    const [least, most, rounding] = await bounds.interval({ activation: id }, region, post, d);
    const before = await bounds.before({ activation: id });
    boxes.forEach(({ layers }, k) => {
      if (layers === undefined) return;
      const [low, high] = layers[id]!;
      for (let i = 0; i < width; i++) {
        const at = k * width + i;
        least[at] = Math.max(least[at]!, low[i]!);
        most[at] = Math.min(most[at]!, high[i]!);
      }
    });
    const open = before.length > 0 ? openAnywhere(activation, least, most) : [];
    if (open.length > 0) {
      // Groups of a few lengths only, so that few programs serve; the rows beyond are asked for twice.
      const wanted = Math.min(width, GROUP_STEP * Math.ceil(open.length / GROUP_STEP));
      const many = Math.min(wanted, Math.max(1, Math.floor(SPEC_VALUES / (2 * d * width))));
      const group = 2 * many;
      const shared = {
        ...boxFeeds,
        ...groupLines(bounds, lines, before, d),
        [port.ownRounding]: bounds.tensor(rounding, [d, 1, width]),
      };
      for (let from = 0; from < open.length; from += many) {
        signal.throwIfAborted();
        const spec = bounds.floats(d * group * width);
        for (let k = 0; k < d; k++)
          for (let r = 0; r < many; r++) {
            const i = open[Math.min(from + r, open.length - 1)]!;
            spec[(k * group + r) * width + i] = 1;
            spec[(k * group + many + r) * width + i] = -1;
          }
        const feeds = { ...shared, [port.spec]: bounds.tensor(spec, [d * group, width]) };
        const { bound } = await bounds.run({ activation: id }, feeds, { group });
        const part = open.slice(from, from + many);
        for (let k = 0; k < d; k++)
          part.forEach((i, r) => {
            const at = k * width + i;
            least[at] = Math.max(least[at]!, bound[k * group + r]!);
            most[at] = Math.max(least[at]!, Math.min(most[at]!, -bound[k * group + many + r]!));
          });
      }
    }
    layersOf.forEach((layers, k) =>
      layers.push([least.slice(k * width, (k + 1) * width), most.slice(k * width, (k + 1) * width)]),
    );
    lines.set(id, bounds.lines(activation, least, most, rounding));
    post.set(id, bounds.ranges(activation, least, most));
  }
  const constraints = clauses.flat();
  const each = constraints.length;
  const spec = bounds.floats(d * each * bounds.outputs);
  for (let r = 0; r < d * each; r++) {
    const { a } = constraints[r % each]!;
    for (let j = 0; j < bounds.outputs; j++) spec[r * bounds.outputs + j] = a[j]!;
  }
  const before = await bounds.before("logits");
  const feeds = {
    ...boxFeeds,
    ...groupLines(bounds, lines, before, d),
    [port.ownRounding]: bounds.tensor((await bounds.interval("logits", region, post, d))[2], [d, 1, bounds.outputs]),
    [port.spec]: bounds.tensor(spec, [d * each, bounds.outputs]),
  };
  const answer = await bounds.run("logits", feeds, { group: each, coefficients: true });
  return boxes.map((box, k) => {
    let row = k * each;
    let worst = { bound: Infinity, row };
    for (const clause of clauses) {
      let best = { bound: -Infinity, row };
      for (const { b } of clause) {
        const bound = answer.bound[row]! - b;
        if (bound > best.bound) best = { bound, row };
        row++;
      }
      if (best.bound < worst.bound) worst = best;
    }
    return {
      low: box.low,
      high: box.high,
      layers: layersOf[k]!,
      bound: worst.bound,
      coefficients: answer.inputCoefficients!.subarray(worst.row * size, (worst.row + 1) * size),
    };
  });
}

/**
 * Elements that are not known to be switched off in every box; siblings are much alike. Active ReLUs pass on what they get, so
 * their range still narrows the intervals behind them.
 */
function openAnywhere({ f, size }: Activation, least: Floats, most: Floats): number[] {
  const open: number[] = [];
  for (let i = 0; i < size; i++)
    for (let at = i; at < least.length; at += size)
      if (most[at]! > (f.name === "relu" ? Math.max(0, least[at]!) : least[at]!)) {
        open.push(i);
        break;
      }
  return open;
}

function groupLines(
  bounds: Bounds,
  lines: ReadonlyMap<number, Slopes>,
  before: readonly { readonly id: number; readonly size: number; readonly f: { readonly name: string } }[],
  groups: number,
): Record<string, RuntimeTensor> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const { id, size, f } of before) {
    const { lowSlope, lowAt, highSlope, highAt, rounding } = lines.get(id)!;
    const give = (name: string, data: Floats): void => void (feeds[name] = bounds.tensor(data, [groups, 1, size]));
    give(port.lowSlope(id), lowSlope);
    give(port.highSlope(id), highSlope);
    give(port.highAt(id), highAt);
    give(port.rounding(id), rounding);
    if (f.name !== "relu") give(port.lowAt(id), lowAt);
  }
  return feeds;
}

/** The middle of each box and the corner where its bound would be reached, in float32. */
function points(bounds: Bounds, boxes: readonly Bounded[]): Float32Array {
  const size = bounds.inputSize;
  const all = new Float32Array(2 * boxes.length * size);
  boxes.forEach(({ low, high, coefficients }, k) => {
    for (let i = 0; i < size; i++) {
      all[2 * k * size + i] = (low[i]! + high[i]!) / 2;
      all[(2 * k + 1) * size + i] = coefficients[i]! > 0 ? low[i]! : high[i]!;
    }
  });
  return all;
}

/** The inputs a box may be cut along: the one whose width moves the bound most, and the longest against the whole region. */
function cutsOf({ low, high, coefficients }: Bounded, widths: ArrayLike<number>): number[] {
  let steepest = -1,
    longest = -1,
    steep = -1,
    long = -1;
  for (let i = 0; i < low.length; i++) {
    const width = high[i]! - low[i]!;
    if (!(width > 1e-9 * (1 + Math.abs(low[i]!)))) continue;
    const moves = Math.abs(coefficients[i]!) * width,
      length = width / widths[i]!;
    if (moves > steep) [steepest, steep] = [i, moves];
    if (length > long) [longest, long] = [i, length];
  }
  return steepest < 0 ? [] : steepest === longest ? [steepest] : [steepest, longest];
}

function halved({ low, high, layers }: Bounded, along: number): readonly [Box, Box] {
  const middle = (low[along]! + high[along]!) / 2;
  const left = Float64Array.from(high),
    right = Float64Array.from(low);
  left[along] = middle;
  right[along] = middle;
  return [
    { low, high: left, layers },
    { low: right, high, layers },
  ];
}
