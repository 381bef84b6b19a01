/** Bounds of every activation's input over one region: intervals first, then linear bounds for what they leave undecided. */
import type { Signal } from "#base/ports.ts";
import { port } from "./backward.ts";
import type { Bounds, Floats, Interval, LayerBounds, Region, Slopes } from "./bounds.ts";
import type { Activation } from "./network.ts";
import { optimise } from "./optimise.ts";

export interface LayerOptions {
  readonly signal: Signal;
  /** Steps of slope optimisation for each activation's input; 0: plain CROWN. */
  readonly steps: number;
  /** Linear functions that may be bounded for one activation; beyond it the intervals stay. */
  readonly rowsMax?: number;
  /** Whether time is up: what is not narrowed by then stays as it is. */
  readonly expired?: () => boolean;
}

/** Bounds of all activations' inputs. A region without room (low = high) is fine. */
export async function layerBounds(bounds: Bounds, region: Region, options: LayerOptions): Promise<LayerBounds> {
  const { low, high, rounding } = await bounds.intervals(region);
  const layers = { low, high, rounding };
  await tighten(bounds, region, layers, options);
  return layers;
}

/** Narrows bounds in place, nearest the input first. */
export async function tighten(
  bounds: Bounds,
  region: Region,
  { low, high, rounding }: LayerBounds,
  { signal, steps, rowsMax = Infinity, expired = () => false }: LayerOptions,
): Promise<void> {
  const lines = new Map<number, Slopes>();
  const post = new Map<number, Interval>();
  /** What follows from what was narrowed before: ends, and above all smaller roundings. */
  const renewed = async (target: "logits" | { readonly activation: number }) =>
    bounds.interval(target, region, post, 1);
  for (const activation of bounds.activations) {
    const { id } = activation;
    signal.throwIfAborted();
    const before = await bounds.before({ activation: id });
    if (before.length > 0) {
      const [least, most, moved] = await renewed({ activation: id });
      for (let i = 0; i < least.length; i++) {
        if (least[i]! > low[id]![i]!) low[id]![i] = least[i]!;
        if (most[i]! < high[id]![i]!) high[id]![i] = most[i]!;
      }
      rounding[id] = moved;
    }
    // With one affine operator before it, a box's intervals are exact.
    if ((before.length > 0 || region.ball || !activation.mixedOnce) && !expired()) {
      const open = undecided(activation, low[id]!, high[id]!);
      if (open.length > 0 && 2 * open.length <= rowsMax) {
        await narrow(bounds, region, activation, open, low, high, rounding[id]!, lines, 0, signal);
        const still = undecided(activation, low[id]!, high[id]!);
        if (steps > 0 && still.length > 0 && !expired() && before.some(({ f }) => f.name === "relu"))
          await narrow(bounds, region, activation, still, low, high, rounding[id]!, lines, steps, signal);
      }
    }
    lines.set(id, bounds.lines(activation, low[id]!, high[id]!, rounding[id]!));
    post.set(id, bounds.ranges(activation, low[id]!, high[id]!));
  }
  rounding[bounds.activations.length] = (await renewed("logits"))[2];
}

/** Elements whose activation is not one line over their interval. */
export function undecided({ f, size }: Activation, low: Floats, high: Floats): Int32Array {
  const open: number[] = [];
  for (let i = 0; i < size; i++) if (f.name === "relu" ? low[i]! < 0 && high[i]! > 0 : high[i]! > low[i]!) open.push(i);
  return Int32Array.from(open);
}

/** Lower bounds of ±x for the given elements; the better of old and new is kept. */
async function narrow(
  bounds: Bounds,
  region: Region,
  { id, size }: Activation,
  open: Int32Array,
  low: Floats[],
  high: Floats[],
  rounding: Floats,
  lines: ReadonlyMap<number, Slopes>,
  steps: number,
  signal: Signal,
): Promise<void> {
  const before = await bounds.before({ activation: id });
  const half = Math.max(1, Math.floor(bounds.rowsMax / (steps > 0 ? 4 : 2)));
  for (let from = 0; from < open.length; from += half) {
    signal.throwIfAborted();
    const part = open.subarray(from, from + half);
    const rows = 2 * part.length;
    const spec = bounds.floats(rows * size);
    part.forEach((i, k) => {
      spec[2 * k * size + i] = 1;
      spec[(2 * k + 1) * size + i] = -1;
    });
    let found: Float64Array;
    if (steps === 0) {
      const feeds = {
        ...bounds.region(region),
        ...bounds.lineFeeds(lines, before),
        ...bounds.ownRounding(rounding),
        [port.spec]: bounds.tensor(spec, [rows, size]),
      };
      found = (await bounds.run({ activation: id }, feeds, { norm: region.ball?.norm ?? "box" })).bound;
    } else {
      const own = new Map(before.map((each) => [each.id, repeated(bounds, lines.get(each.id)!, rows)]));
      const free = new Map(
        before.map((each) => [
          each.id,
          each.f.name === "relu" ? undecided(each, low[each.id]!, high[each.id]!) : new Int32Array(0),
        ]),
      );
      found = (
        await optimise(
          bounds,
          { activation: id },
          region,
          { spec, rounding, rows, lines: own, free },
          { steps, rate: 0.1, signal },
        )
      ).bound;
    }
    part.forEach((i, k) => {
      const least = found[2 * k]!,
        most = -found[2 * k + 1]!;
      if (least > low[id]![i]!) low[id]![i] = least;
      if (most < high[id]![i]!) high[id]![i] = most;
      // Rounding may cross the two where the interval has no width.
      if (low[id]![i]! > high[id]![i]!) low[id]![i] = high[id]![i]!;
    });
  }
}

/** One row of lines as many equal rows. */
export function repeated(bounds: Bounds, slopes: Slopes, rows: number): Slopes {
  const many = (data: Floats): Floats => {
    const all = bounds.floats(data.length * rows);
    for (let r = 0; r < rows; r++) all.set(data, r * data.length);
    return all;
  };
  return {
    lowSlope: many(slopes.lowSlope),
    lowAt: many(slopes.lowAt),
    highSlope: many(slopes.highSlope),
    highAt: many(slopes.highAt),
    rounding: slopes.rounding,
  };
}
