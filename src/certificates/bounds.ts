/** Runs the bound programs: bounds of every activation's input over a region, and of linear functions of the outputs. */
import type { InferenceRuntime, InferenceSession, RuntimeTensor, Signal } from "#base/ports.ts";
import type { Prepared } from "#onnx/attack-graph.ts";
import { backwardProgram, port } from "./backward.ts";
import type { BackwardForm, BackwardProgram, InputNorm } from "./backward.ts";
import { intervalPort, intervalProgram } from "./interval.ts";
import type { IntervalProgram } from "./interval.ts";
import { boundNetwork } from "./network.ts";
import type { Activation, Precision } from "./network.ts";

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
}

export type Interval = readonly [low: Floats, high: Floats];

/** One row of lines per activation, or one row for all. */
export interface Slopes {
  readonly lowSlope: Floats;
  readonly lowAt: Floats;
  readonly highSlope: Floats;
  readonly highAt: Floats;
}

/**
 * The share of the magnitude a bound was added up from by which it is lowered before anybody believes it. In float32 the
 * bounds themselves round; the network under judgement computes in float32 whatever the bounds do.
 */
export const OUTWARD: Readonly<Record<Precision, number>> = { float32: 2 ** -17, float64: 2 ** -20 };

/** Rows of one call: bounds the memory and the time of a call (the signal is looked at between calls). */
const ROW_VALUES = 2 ** 22;

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
    this.rowsMax = Math.max(8, Math.min(2048, Math.floor(ROW_VALUES / widest)));
    this.#prepared = prepared;
    this.#runtime = runtime;
  }

  floats(length: number): Floats {
    return this.precision === "float32" ? new Float32Array(length) : new Float64Array(length);
  }

  tensor(data: Floats, dims: readonly number[]): RuntimeTensor {
    return { type: this.precision, dims, data };
  }

  async #program(form: BackwardForm): Promise<Loaded> {
    const key = JSON.stringify(form);
    let loading = this.#backward.get(key);
    if (loading === undefined) {
      const program = backwardProgram(this.#prepared, form);
      loading = this.#runtime.load(program.bytes).then((session) => ({ program, session }));
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
      high: Floats[] = [];
    const post = new Map<number, Interval>();
    for (const activation of this.activations) {
      const found = await this.interval({ activation: activation.id }, region, post, boxes);
      low.push(found[0]);
      high.push(found[1]);
      post.set(activation.id, this.ranges(activation, ...found));
    }
    return { low, high, outputs: await this.interval("logits", region, post, boxes) };
  }

  /** The interval of one affine tensor from those of the input and of activations' outputs. */
  async interval(
    target: "logits" | { readonly activation: number },
    region: Region,
    post: ReadonlyMap<number, Interval>,
    boxes: number,
  ): Promise<Interval> {
    const key = JSON.stringify(target);
    let loading = this.#interval.get(key);
    if (loading === undefined) {
      const program = intervalProgram(this.#prepared, target, this.precision);
      loading = this.#runtime.load(program.bytes).then((session) => ({ program, session }));
      this.#interval.set(key, loading);
    }
    const { program, session } = await loading;
    const feeds: Record<string, RuntimeTensor> = {};
    const give = (name: string, data: Floats): void =>
      void (feeds[name] = this.tensor(data, [boxes, data.length / boxes]));
    if (program.readsInput) {
      give(intervalPort.low, this.cast(region.low));
      give(intervalPort.high, this.cast(region.high));
    }
    for (const id of program.reads) {
      give(intervalPort.postLow(id), post.get(id)![0]);
      give(intervalPort.postHigh(id), post.get(id)![1]);
    }
    const out = await session.run(feeds);
    return [out[intervalPort.lowOut]!.data as Floats, out[intervalPort.highOut]!.data as Floats];
  }

  /** What an activation makes of intervals of its input. */
  ranges({ f }: Activation, low: Floats, high: Floats): Interval {
    const least = this.floats(low.length),
      most = this.floats(low.length);
    for (let i = 0; i < low.length; i++) {
      const [a, b] = f.range(low[i]!, high[i]!);
      least[i] = a;
      most[i] = b;
    }
    return [least, most];
  }

  cast(data: Floats): Floats {
    if (this.precision === "float32") return data instanceof Float32Array ? data : outward32(data);
    return data instanceof Float64Array ? data : Float64Array.from(data);
  }

  /** Lines of one activation over bounds of its input, of one region or of several side by side. */
  lines({ f }: Activation, low: Floats, high: Floats): Slopes {
    const out = {
      lowSlope: this.floats(low.length),
      lowAt: this.floats(low.length),
      highSlope: this.floats(low.length),
      highAt: this.floats(low.length),
    };
    const rounding = this.precision === "float32" ? 2 ** -22 : 2 ** -50;
    for (let i = 0; i < low.length; i++) {
      const line = f.lines(low[i]!, high[i]!);
      const reach = Math.max(Math.abs(low[i]!), Math.abs(high[i]!));
      // A slope that was rounded may lift the lower line or drop the upper one at the far end; a slope of 0 or 1 was not.
      const aside = (slope: number, at: number): number =>
        slope === 0 || slope === 1 ? rounding * Math.abs(at) : rounding * (Math.abs(slope) * reach + Math.abs(at));
      out.lowSlope[i] = line.lowSlope;
      out.lowAt[i] = line.lowAt - aside(line.lowSlope, line.lowAt);
      out.highSlope[i] = line.highSlope;
      out.highAt[i] = line.highAt + aside(line.highSlope, line.highAt);
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
      const { lowSlope, lowAt, highSlope, highAt } = lines.get(id)!;
      const give = (name: string, data: Floats): void =>
        void (feeds[name] = this.tensor(data, [data.length / size, size]));
      give(port.lowSlope(id), lowSlope);
      give(port.highSlope(id), highSlope);
      give(port.highAt(id), highAt);
      if (f.name !== "relu") give(port.lowAt(id), lowAt);
    }
    return feeds;
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
      magnitude = out[port.magnitude]!.data as Floats;
    this.rowsBounded += sums.length;
    const share = OUTWARD[this.precision];
    const pick = (name: (j: number) => string): Map<number, Floats> =>
      new Map(
        program.activations.flatMap(({ id }) => (out[name(id)] ? [[id, out[name(id)]!.data as Floats] as const] : [])),
      );
    return {
      bound: Float64Array.from(sums, (value, i) => value - share * magnitude[i]!),
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

/** float32 copies of float64 ends; whoever needs them outwards widens them before. */
function outward32(data: Float64Array): Float32Array {
  return Float32Array.from(data);
}

export type { InputNorm, Signal };
