/**
 * Turns what is free in a linear bound – the lower slopes of undecided ReLUs, and the multipliers of decided ones – so that the bound
 * rises: α-CROWN (Xu et al., ICLR 2021) and β-CROWN (Wang et al., NeurIPS 2021). Every value met is a valid bound, so
 * the best one met is kept.
 */
import type { RuntimeTensor, Signal } from "#base/ports.ts";
import type { BackwardForm } from "./backward.ts";
import { port } from "./backward.ts";
import type { Answer, Bounds, Floats, Region, Slopes } from "./bounds.ts";
import type { Activation } from "./network.ts";

/** Adam (Kingma & Ba, ICLR 2015) with the two rates and the decay that β-CROWN's authors use for slopes and multipliers. */
const FIRST = 0.9,
  SECOND = 0.999,
  DECAY = 0.98;

/** A decided ReLU of one row: `sign` 1 where its input is taken as ≥ 0, −1 where ≤ 0. */
export interface Decision {
  readonly activation: number;
  readonly index: number;
  readonly sign: 1 | -1;
}

export interface Rows {
  /** rows × elements of `from`. */
  readonly spec: Floats;
  /** By how much float32 may move `from`. */
  readonly rounding: Floats;
  readonly rows: number;
  /** Per activation: lines of each row, rows × elements. `lowSlope` is changed in place. */
  readonly lines: ReadonlyMap<number, Slopes>;
  /** Per activation and row-independent: the undecided ReLUs whose slope may be turned. */
  readonly free: ReadonlyMap<number, Int32Array>;
  /** Per row, where ReLUs were decided. */
  readonly decisions?: readonly (readonly Decision[])[];
  /** Starting values of the multipliers, per row in the order of its decisions. */
  readonly multipliers?: readonly Float64Array[];
}

export interface Optimised {
  readonly bound: Float64Array;
  /** The last answer: coefficients where they were asked for. */
  readonly last: Answer;
  readonly multipliers: Float64Array[];
}

export interface OptimiseOptions {
  readonly steps: number;
  readonly rate: number;
  readonly multiplierRate?: number;
  /** Per row: above this it is done and no longer matters; default: never. */
  readonly enough?: Float64Array;
  readonly coefficients?: boolean;
  readonly signal: Signal;
}

/** Raises the bounds of rows. Each row has lines of its own. */
export async function optimise(
  bounds: Bounds,
  from: BackwardForm["from"],
  region: Region,
  rows: Rows,
  options: OptimiseOptions,
): Promise<Optimised> {
  const { steps, rate, multiplierRate = rate, enough, signal } = options;
  const before = await bounds.before(from);
  const n = rows.rows;
  const best = new Float64Array(n).fill(-Infinity);
  const slopeState = new Map(before.map(({ id, size }) => [id, adam(bounds, rows.free.has(id) ? n * size : 0)]));
  const multiplier = new Map<number, Floats>();
  const values = Array.from(
    { length: n },
    (_, r) => rows.multipliers?.[r]?.slice() ?? new Float64Array(rows.decisions?.[r]?.length ?? 0),
  );
  const moments = values.map((list) => ({ m: new Float64Array(list.length), v: new Float64Array(list.length) }));
  const decided = rows.decisions?.some((list) => list.length > 0) ?? false;
  if (decided) for (const { id, size } of before) multiplier.set(id, bounds.floats(n * size));
  const place = (): void => {
    rows.decisions?.forEach((list, r) => {
      list.forEach(({ activation, index, sign }, k) => {
        const at = sizeOf(before, activation) * r + index;
        const target = multiplier.get(activation);
        if (target) target[at] = sign * values[r]![k]!;
      });
    });
  };
  const fixed: Record<string, RuntimeTensor> = {
    ...bounds.region(region),
    ...bounds.ownRounding(rows.rounding),
    [port.spec]: bounds.tensor(rows.spec, [n, rows.spec.length / n]),
  };
  let answer: Answer;
  for (let step = 0; ; step++) {
    signal.throwIfAborted();
    place();
    const feeds = { ...fixed, ...bounds.lineFeeds(rows.lines, before) };
    for (const [id, data] of multiplier) feeds[port.multiplier(id)] = bounds.tensor(data, [n, data.length / n]);
    const last = step >= steps;
    answer = await bounds.run(from, feeds, {
      norm: region.ball?.norm ?? "box",
      gradients: !last && before.length > 0,
      multipliers: decided,
      coefficients: last && (options.coefficients ?? false),
    });
    let open = 0;
    for (let r = 0; r < n; r++) {
      if (answer.bound[r]! > best[r]!) best[r] = answer.bound[r]!;
      if (enough === undefined || !(best[r]! > enough[r]!)) open++;
    }
    if (last || before.length === 0) break;
    if (open === 0) {
      if (!options.coefficients) break;
      continue;
    }
    const decay = DECAY ** step;
    const correction1 = 1 - FIRST ** (step + 1),
      correction2 = 1 - SECOND ** (step + 1);
    for (const { id, size } of before) {
      const free = rows.free.get(id);
      if (free === undefined || free.length === 0) continue;
      const gradient = answer.lowSlopeGradient.get(id)!;
      const slope = rows.lines.get(id)!.lowSlope;
      const { m, v } = slopeState.get(id)!;
      const eta = (rate * decay) / correction1,
        root = 1 / correction2;
      for (let r = 0; r < n; r++) {
        const base = r * size;
        for (let k = 0; k < free.length; k++) {
          const at = base + free[k]!;
          const d = gradient[at]!;
          const first = (m[at] = FIRST * m[at]! + (1 - FIRST) * d);
          const second = (v[at] = SECOND * v[at]! + (1 - SECOND) * d * d);
          if (first === 0) continue;
          const next = slope[at]! + (eta * first) / (Math.sqrt(second * root) + 1e-8);
          slope[at] = next < 0 ? 0 : next > 1 ? 1 : next;
        }
      }
    }
    if (decided && rows.decisions) {
      const eta = (multiplierRate * decay) / correction1;
      rows.decisions.forEach((list, r) => {
        list.forEach(({ activation, index, sign }, k) => {
          const size = sizeOf(before, activation);
          const d = sign * answer.multiplierGradient.get(activation)![r * size + index]!;
          const { m, v } = moments[r]!;
          m[k] = FIRST * m[k]! + (1 - FIRST) * d;
          v[k] = SECOND * v[k]! + (1 - SECOND) * d * d;
          const next = values[r]![k]! + (eta * m[k]!) / (Math.sqrt(v[k]! / correction2) + 1e-8);
          values[r]![k] = Math.max(0, next);
          // A decided ReLU has one line; its slope is not free.
          rows.lines.get(activation)!.lowSlope[r * size + index] = sign > 0 ? 1 : 0;
        });
      });
    }
  }
  return { bound: best, last: answer, multipliers: values };
}

const adam = (bounds: Bounds, length: number): { m: Floats; v: Floats } => ({
  m: bounds.floats(length),
  v: bounds.floats(length),
});

function sizeOf(activations: readonly Activation[], id: number): number {
  return activations.find((activation) => activation.id === id)!.size;
}
