/**
 * Branch and bound on the inputs, for networks with few of them: the box is halved along the input that moves the bound most, and every
 * part is bounded anew from its first layer on (Wang et al., USENIX Security 2018; Bunel et al., JMLR 2020, §5.2).
 */
import type { RuntimeTensor, Signal } from "#base/ports.ts";
import { port } from "./backward.ts";
import type { Bounds, Floats, Interval, Slopes } from "./bounds.ts";
import type { Clause, Effort, Property, Verdict } from "./property.ts";
import { OUT_OF_NODES, OUT_OF_TIME } from "./property.ts";

interface Box {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly bound: number;
}

/** Above this many inputs with room, halving boxes leads nowhere. */
export const SPLIT_INPUTS_MAX = 12;

/** Rows of one activation's call, about. */
const ROWS = 8192;
/** Coefficients of one call: an activation that is wider than its square root is bounded in parts. */
const SPEC_VALUES = 2 ** 25;
/** Boxes bounded together at most. */
const BOXES = 512;

/** Tries to prove a property over a box, all clauses together. */
export async function branchOnInputs(bounds: Bounds, property: Property, effort: Effort): Promise<Verdict> {
  const { region, clauses } = property;
  const widest = Math.max(1, ...bounds.activations.map(({ size }) => size));
  const most = Math.max(2 * widest, clauses.flat().length);
  const many = Math.max(1, Math.min(BOXES, Math.floor(ROWS / most)));
  // Last in, first out within waves: the wave with the lowest bounds first keeps the queue short enough to hold.
  const queue: Box[] = [{ low: Float64Array.from(region.low), high: Float64Array.from(region.high), bound: -Infinity }];
  let nodes = 0,
    closed = 0;
  while (queue.length > 0) {
    effort.signal.throwIfAborted();
    if (effort.expired()) return { verdict: "unknown", nodes, because: OUT_OF_TIME };
    if (nodes >= effort.nodesMax) return { verdict: "unknown", nodes, because: OUT_OF_NODES };
    const boxes = queue.splice(Math.max(0, queue.length - many));
    nodes += boxes.length;
    const found = await boundBoxes(bounds, boxes, clauses, effort.signal);
    const open = boxes.map((_, d) => d).filter((d) => !(found[d]!.bound > 0));
    closed += boxes.length - open.length;
    if (
      open.length > 0 &&
      effort.candidates &&
      (await effort.candidates(points(bounds, boxes, open, found), 2 * open.length))
    )
      return { verdict: "violated", nodes };
    const children: Box[] = [];
    for (const d of open) {
      const halves = halved(boxes[d]!, found[d]!);
      if (halves === undefined)
        return { verdict: "unknown", nodes, because: "a box too small to be halved is still undecided" };
      children.push(...halves);
    }
    children.sort((a, b) => b.bound - a.bound);
    queue.push(...children);
    effort.progress?.(closed, queue.length);
  }
  return { verdict: "holds", nodes };
}

interface Found {
  /** The least over clauses of the best over constraints, less what has to be exceeded. */
  readonly bound: number;
  /** Coefficients of the inputs in the row that decided. */
  readonly coefficients: Floats;
}

/** Bounds of all activations and of the clauses for several boxes at once. */
async function boundBoxes(
  bounds: Bounds,
  boxes: readonly Box[],
  clauses: readonly Clause[],
  signal: Signal,
): Promise<Found[]> {
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
  const boxFeeds: Record<string, RuntimeTensor> = {
    [port.low]: bounds.tensor(low, [d, 1, size]),
    [port.high]: bounds.tensor(high, [d, 1, size]),
  };
  for (const activation of bounds.activations) {
    const { id, size: width } = activation;
    const [least, most, rounding] = await bounds.interval({ activation: id }, region, post, d);
    const before = await bounds.before({ activation: id });
    if (before.length > 0) {
      const half = Math.min(width, Math.max(1, Math.floor(SPEC_VALUES / (2 * d * width))));
      const group = 2 * half;
      const shared = { ...boxFeeds, ...groupLines(bounds, lines, before, d) };
      for (let from = 0; from < width; from += half) {
        signal.throwIfAborted();
        // The last rows of the last part may ask for nothing.
        const n = Math.min(half, width - from);
        const spec = bounds.floats(d * group * width);
        for (let k = 0; k < d; k++)
          for (let i = 0; i < n; i++) {
            spec[(k * group + i) * width + from + i] = 1;
            spec[(k * group + half + i) * width + from + i] = -1;
          }
        const feeds = {
          ...shared,
          [port.ownRounding]: bounds.tensor(rounding, [d, 1, width]),
          [port.spec]: bounds.tensor(spec, [d * group, width]),
        };
        const { bound } = await bounds.run({ activation: id }, feeds, { group });
        for (let k = 0; k < d; k++)
          for (let i = 0; i < n; i++) {
            const at = k * width + from + i;
            least[at] = Math.max(least[at]!, bound[k * group + i]!);
            most[at] = Math.max(least[at]!, Math.min(most[at]!, -bound[k * group + half + i]!));
          }
      }
    }
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
  return boxes.map((_, k) => {
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
      bound: worst.bound,
      coefficients: answer.inputCoefficients!.subarray(worst.row * size, (worst.row + 1) * size),
    };
  });
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

/** The middle of each open box and the corner where its bound would be reached, in float32 inside the box. */
function points(bounds: Bounds, boxes: readonly Box[], open: readonly number[], found: readonly Found[]): Float32Array {
  const size = bounds.inputSize;
  const all = new Float32Array(2 * open.length * size);
  open.forEach((d, k) => {
    const { low, high } = boxes[d]!;
    const { coefficients } = found[d]!;
    for (let i = 0; i < size; i++) {
      all[2 * k * size + i] = (low[i]! + high[i]!) / 2;
      all[(2 * k + 1) * size + i] = coefficients[i]! > 0 ? low[i]! : high[i]!;
    }
  });
  return all;
}

/** Halves a box along the input whose width moves the bound most. */
function halved({ low, high }: Box, { coefficients, bound }: Found): Box[] | undefined {
  let best = -1,
    most = -1;
  for (let i = 0; i < low.length; i++) {
    const width = high[i]! - low[i]!;
    if (!(width > 1e-9 * (1 + Math.abs(low[i]!)))) continue;
    const moves = Math.abs(coefficients[i]!) * width;
    if (moves > most) [best, most] = [i, moves];
  }
  if (best < 0) return undefined;
  const middle = (low[best]! + high[best]!) / 2;
  const left = Float64Array.from(high),
    right = Float64Array.from(low);
  left[best] = middle;
  right[best] = middle;
  return [
    { low, high: left, bound },
    { low: right, high, bound },
  ];
}
