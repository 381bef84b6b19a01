/** Runs the bound programs: bounds of every activation's input over a region, and of linear functions of the outputs. */
import type { InferenceRuntime, InferenceSession, RuntimeTensor, Signal } from "#base/ports.ts";
import type { Prepared } from "#onnx/attack-graph.ts";
import { backwardProgram, port } from "./backward.ts";
import type { BackwardForm, BackwardProgram, InputNorm } from "./backward.ts";
import { intervalPort, intervalProgram } from "./interval.ts";
import type { IntervalProgram } from "./interval.ts";
import type { ScalarFunction } from "./functions.ts";
import { Unboundable, boundNetwork } from "./network.ts";
import type { Activation, Precision } from "./network.ts";
import { EVALUATION, OVERFLOW } from "./rounding.ts";

export type Floats = Float32Array | Float64Array;

/** The inputs that a bound speaks of: a box per element, or a ball within that box. One region. */
export interface Region {
  readonly low: Floats;
  readonly high: Floats;
  /** For "l2" and "l1": the centre and the radius of the ball. */
  readonly ball?: { readonly norm: "l2" | "l1"; readonly centre: Floats; readonly radius: number };
}

/** Bounds of each activation's input, by activation id. */
export interface LayerBounds {
  readonly low: Floats[];
  readonly high: Floats[];
  /** By how much float32 may move each element; behind those of the activations' inputs, that of the outputs. */
  readonly rounding: Floats[];
}

export type Interval = readonly [low: Floats, high: Floats];
/** With what float32 may do to each element. */
export type RoundedInterval = readonly [low: Floats, high: Floats, rounding: Floats];

/** One row of lines per activation, or one row for all. */
export interface Slopes {
  readonly lowSlope: Floats;
  readonly lowAt: Floats;
  readonly highSlope: Floats;
  readonly highAt: Floats;
  /** By how much float32 may move the activation's input; one row for all rows of a region. */
  readonly rounding: Floats;
}

/**
 * The share of the magnitude a bound was added up from by which it is lowered before anybody believes it: what the last sums round,
 * in the precision of the bounds. What float32 does to the network on the way is carried along by itself (rounding.ts).
 */
export const OUTWARD: Readonly<Record<Precision, number>> = { float32: 2 ** -17, float64: 2 ** -40 };

/** Rows of one call: bounds the memory and the time of a call (the signal is looked at between calls). */
const ROW_VALUES = 2 ** 22;
/** Multiply-adds of one call, about a second there and back: a call that runs cannot be stopped. */
const ROW_MACS = 2e10;

export interface Answer {
  /** Per row, lowered by the outward slack. */
  readonly bound: Float64Array;
  readonly coefficients: ReadonlyMap<number, Floats>;
  readonly inputCoefficients?: Floats;
  readonly lowSlopeGradient: ReadonlyMap<number, Floats>;
  readonly multiplierGradient: ReadonlyMap<number, Floats>;
}

interface Loaded {
  readonly program: BackwardProgram;
  readonly session: InferenceSession;
}

/** The runtime does not load a program of bounds: it lacks a kernel in that precision, or reads a shape otherwise. */
export class RuntimeRefuses extends Unboundable {}

/** Everything that is asked of one network's bounds. Call `release` at the end. */
export class Bounds {
  readonly activations: readonly Activation[];
  readonly inputSize: number;
  readonly outputs: number;
  readonly precision: Precision;
  /** Values held per row while a bound runs, about. */
  readonly rowsMax: number;
  /** Linear functions bounded so far. */
  rowsBounded = 0;
  readonly #prepared: Prepared;
  readonly #runtime: InferenceRuntime;
  readonly #backward = new Map<string, Promise<Loaded>>();
  readonly #interval = new Map<string, Promise<{ program: IntervalProgram; session: InferenceSession }>>();

  constructor(prepared: Prepared, runtime: InferenceRuntime, precision: Precision) {
    const net = boundNetwork(prepared, precision, [7, 11]);
    this.activations = net.activations;
    this.inputSize = net.inputSize;
    this.outputs = net.outputs;
    this.precision = precision;
    const widest = Math.max(net.inputSize, ...net.activations.map(({ size }) => size));
    const affordable = Math.min(ROW_VALUES / widest, ROW_MACS / Math.max(1, prepared.macs));
    this.rowsMax = Math.max(8, Math.min(2048, Math.floor(affordable)));
    this.#prepared = prepared;
    this.#runtime = runtime;
  }

  floats(length: number): Floats {
    return this.precision === "float32" ? new Float32Array(length) : new Float64Array(length);
  }

  tensor(data: Floats, dims: readonly number[]): RuntimeTensor {
    return { type: this.precision, dims, data };
  }

  async #load(bytes: Uint8Array): Promise<InferenceSession> {
    try {
      return await this.#runtime.load(bytes);
    } catch (error) {
      throw new RuntimeRefuses(
        `the runtime refuses the graph of bounds: ${error instanceof Error ? error.message.trim() : String(error)}`,
        { cause: error },
      );
    }
  }

  async #program(form: BackwardForm): Promise<Loaded> {
    const key = JSON.stringify(form);
    let loading = this.#backward.get(key);
    if (loading === undefined) {
      const program = backwardProgram(this.#prepared, form);
      loading = this.#load(program.bytes).then((session) => ({ program, session }));
      this.#backward.set(key, loading);
    }
    return loading;
  }

  /** Activations that `from` depends on, nearest the input first. */
  async before(from: BackwardForm["from"]): Promise<readonly Activation[]> {
    return (await this.#program(this.#form(from))).program.activations;
  }

  #form(from: BackwardForm["from"], more: Partial<BackwardForm> = {}): BackwardForm {
    return {
      from,
      group: "rows",
      norm: "box",
      precision: this.precision,
      gradients: false,
      multipliers: false,
      coefficients: false,
      ...more,
    };
  }

  /**
   * Intervals of every activation's input, by interval arithmetic alone, and of the outputs: for one box, or for `boxes` boxes
   * side by side (then each array holds boxes × elements).
   */
  async intervals(region: Region, boxes = 1): Promise<LayerBounds & { readonly outputs: Interval }> {
    const low: Floats[] = [],
      high: Floats[] = [],
      rounding: Floats[] = [];
    const post = new Map<number, Interval>();
    for (const activation of this.activations) {
      const found = await this.interval({ activation: activation.id }, region, post, boxes);
      low.push(found[0]);
      high.push(found[1]);
      rounding.push(found[2]);
      post.set(activation.id, this.ranges(activation, found[0], found[1]));
    }
    const last = await this.interval("logits", region, post, boxes);
    rounding.push(last[2]);
    return { low, high, rounding, outputs: [last[0], last[1]] };
  }

  /** The interval of one affine tensor from those of the input and of activations' outputs. */
  async interval(
    target: "logits" | { readonly activation: number },
    region: Region,
    post: ReadonlyMap<number, Interval>,
    boxes: number,
  ): Promise<RoundedInterval> {
    const key = JSON.stringify(target);
    let loading = this.#interval.get(key);
    if (loading === undefined) {
      const program = intervalProgram(this.#prepared, target, this.precision);
      loading = this.#load(program.bytes).then((session) => ({ program, session }));
      this.#interval.set(key, loading);
    }
    const { program, session } = await loading;
    const feeds: Record<string, RuntimeTensor> = {};
    let largest = 0;
    const give = (name: string, data: Floats): void => {
      feeds[name] = this.tensor(data, [boxes, data.length / boxes]);
      for (let i = 0; i < data.length; i++) if (!(Math.abs(data[i]!) <= largest)) largest = Math.abs(data[i]!);
    };
    if (program.readsInput) {
      give(intervalPort.low, this.cast(region.low));
      give(intervalPort.high, this.cast(region.high));
    }
    for (const id of program.reads) {
      give(intervalPort.postLow(id), post.get(id)![0]);
      give(intervalPort.postHigh(id), post.get(id)![1]);
    }
    const out = await session.run(feeds);
    const [low, high, rounding] = [intervalPort.lowOut, intervalPort.highOut, intervalPort.rounding].map(
      (name) => out[name]!.data as Floats,
    ) as [Floats, Floats, Floats];
    // Where the network may overflow nothing is known, not even that its outputs are numbers.
    if (!(program.peak.slope * largest + program.peak.at <= OVERFLOW))
      return [low.fill(-Infinity), high.fill(Infinity), rounding.fill(Infinity)];
    return [low, high, rounding];
  }

  /** What an activation makes of intervals of its input. */
  ranges({ f }: Activation, low: Floats, high: Floats): Interval {
    const least = this.floats(low.length),
      most = this.floats(low.length);
    for (let i = 0; i < low.length; i++) {
      const [a, b] = f.range(low[i]!, high[i]!);
      const off = evaluation(f, low[i]!, high[i]!);
      least[i] = a - off;
      most[i] = b + off;
    }
    return [least, most];
  }

  cast(data: Floats): Floats {
    if (this.precision === "float32") return data instanceof Float32Array ? data : outward32(data);
    return data instanceof Float64Array ? data : Float64Array.from(data);
  }

  /** Lines of one activation over bounds of its input, of one region or of several side by side. */
  lines({ f }: Activation, low: Floats, high: Floats, rounding: Floats): Slopes {
    const out = {
      rounding,
      lowSlope: this.floats(low.length),
      lowAt: this.floats(low.length),
      highSlope: this.floats(low.length),
      highAt: this.floats(low.length),
    };
    const unit = this.precision === "float32" ? 2 ** -22 : 2 ** -50;
    for (let i = 0; i < low.length; i++) {
      const line = f.lines(low[i]!, high[i]!);
      const reach = Math.max(Math.abs(low[i]!), Math.abs(high[i]!));
      // A slope that was rounded may lift the lower line or drop the upper one at the far end; a slope of 0 or 1 was not.
      const aside = (slope: number, at: number): number =>
        slope === 0 || slope === 1 ? unit * Math.abs(at) : unit * (Math.abs(slope) * reach + Math.abs(at));
      const off = evaluation(f, low[i]!, high[i]!);
      out.lowSlope[i] = line.lowSlope;
      out.lowAt[i] = line.lowAt - aside(line.lowSlope, line.lowAt) - off;
      out.highSlope[i] = line.highSlope;
      out.highAt[i] = line.highAt + aside(line.highSlope, line.highAt) + off;
    }
    return out;
  }

  /** Feeds for the region: one row, or `rows` equal ones where every row needs its own. */
  region(region: Region): Record<string, RuntimeTensor> {
    const size = this.inputSize;
    const feeds: Record<string, RuntimeTensor> = {
      [port.low]: this.tensor(this.cast(region.low), [1, size]),
      [port.high]: this.tensor(this.cast(region.high), [1, size]),
    };
    if (region.ball) {
      const radius = this.floats(1);
      radius[0] = region.ball.radius * (1 + 1e-6);
      feeds[port.centre] = this.tensor(this.cast(region.ball.centre), [1, size]);
      feeds[port.radius] = this.tensor(radius, [1, 1]);
    }
    return feeds;
  }

  /** Feeds for lines, [rows or 1, size] each. */
  lineFeeds(lines: ReadonlyMap<number, Slopes>, before: readonly Activation[]): Record<string, RuntimeTensor> {
    const feeds: Record<string, RuntimeTensor> = {};
    for (const { id, size, f } of before) {
      const { lowSlope, lowAt, highSlope, highAt, rounding } = lines.get(id)!;
      const give = (name: string, data: Floats): void =>
        void (feeds[name] = this.tensor(data, [data.length / size, size]));
      give(port.rounding(id), rounding);
      give(port.lowSlope(id), lowSlope);
      give(port.highSlope(id), highSlope);
      give(port.highAt(id), highAt);
      if (f.name !== "relu") give(port.lowAt(id), lowAt);
    }
    return feeds;
  }

  /** What float32 may do to the bounded tensor itself, [1, width]. */
  ownRounding(rounding: Floats): Record<string, RuntimeTensor> {
    return { [port.ownRounding]: this.tensor(rounding, [1, rounding.length]) };
  }

  /** Runs one call of a program. */
  async run(
    from: BackwardForm["from"],
    feeds: Readonly<Record<string, RuntimeTensor>>,
    form: Partial<BackwardForm> = {},
  ): Promise<Answer> {
    const { program, session } = await this.#program(this.#form(from, form));
    const out = await session.run(feeds);
    const sums = out[port.bound]!.data as Floats,
      magnitude = out[port.magnitude]!.data as Floats,
      lost = out[port.lost]!.data as Floats;
    this.rowsBounded += sums.length;
    const share = OUTWARD[this.precision];
    const pick = (name: (j: number) => string): Map<number, Floats> =>
      new Map(
        program.activations.flatMap(({ id }) => (out[name(id)] ? [[id, out[name(id)]!.data as Floats] as const] : [])),
      );
    return {
      bound: Float64Array.from(sums, (value, i) => value - share * magnitude[i]! - lost[i]! * (1 + 2 ** -12)),
      coefficients: pick(port.coefficients),
      ...(out[port.inputCoefficients] ? { inputCoefficients: out[port.inputCoefficients]!.data as Floats } : {}),
      lowSlopeGradient: pick(port.lowSlopeGradient),
      multiplierGradient: pick(port.multiplierGradient),
    };
  }

  async release(): Promise<void> {
    for (const loading of [...this.#backward.values(), ...this.#interval.values()])
      await (await loading.catch(() => undefined))?.session.release();
    this.#backward.clear();
    this.#interval.clear();
  }
}

/** By how much the runtime may miss a smooth function somewhere in [low, high]; a ReLU it does not miss. */
function evaluation(f: ScalarFunction, low: number, high: number): number {
  return f.name === "relu" ? 0 : EVALUATION * (1 + Math.max(Math.abs(low), Math.abs(high)));
}

/** float32 copies of float64 ends; whoever needs them outwards widens them before. */
function outward32(data: Float64Array): Float32Array {
  return Float32Array.from(data);
}

export type { InputNorm, Signal };
