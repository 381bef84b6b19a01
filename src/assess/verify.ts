/** Attack, bounds and branching on one property: it holds, it is violated by an input that anybody can run, or it stays unknown. */
import apgd from "#attacks/evasion/apgd.ts";
import type { Goal } from "#attacks/goals.ts";
import square from "#attacks/evasion/square.ts";
import { besiege, type Attack, type Parameters } from "#attacks/harness.ts";
import { roundDown, roundUp } from "#attacks/region.ts";
import type { Clock, InferenceRuntime, Signal } from "#base/ports.ts";
import type { Rng } from "#base/random.ts";
import { Bounds, RuntimeRefuses } from "#certificates/bounds.ts";
import type { Clause, Constraint } from "#certificates/property.ts";
import { OUT_OF_TIME } from "#certificates/property.ts";
import { DEEP, prove } from "#certificates/prove.ts";
import type { Method } from "#certificates/prove.ts";
import type { UnsafePart } from "#formats/vnnlib.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";

export interface VerifyOptions {
  readonly signal: Signal;
  readonly rng: Rng;
  readonly clock: Clock;
  /** Wall time after which the answer is "unknown: out of time". */
  readonly secondsMax: number;
  readonly nodesMax: number;
  readonly progress?: (text: string) => void;
  /**
   * Runs the file's own model on a counterexample: its outputs where they violate the property too, else undefined. Absent: the model that
   * was attacked is believed.
   */
  readonly confirm?: (input: Float32Array) => Promise<Float32Array | undefined>;
}

export type Verification = {
  /** How it was decided. */
  readonly method: Method | "attack" | "none";
  /** Subproblems of branch and bound, and linear functions bounded. */
  readonly nodes: number;
  readonly bounded: number;
  readonly queries: number;
} & (
  | { readonly verdict: "holds" }
  | { readonly verdict: "violated"; readonly input: Float32Array; readonly outputs: Float32Array }
  | { readonly verdict: "unknown"; readonly because: string }
);

/** The attack before the proof, and the one on what the bounds point at. */
const BEFORE = { objective: "unsafe", steps: 60, restarts: 4 } as const;
const LOCAL = { objective: "unsafe", steps: 30, restarts: 1, start: "centre", first: 0.25 } as const;
/** Where no bound can be given, attacks are all there is. */
const LAST = [
  { attack: square, parameters: { queries: 2500, restarts: 4 } },
  { attack: apgd, parameters: { objective: "unsafe", steps: 100, restarts: 10 } },
] as const;
/** The share of time spent on attacks while branching. */
const LOCAL_SHARE = 0.15;

/** Thrown by the deadline between two calls of the runtime; never leaves this file. */
class OutOfTime extends Error {}

/** Proofs end at the deadline by themselves and say how far they came; what does not within this time is stopped. */
const GRACE_SECONDS = 1;

/** A signal that also aborts at a deadline: whatever looks at it between calls ends in time. */
function untilDeadline(signal: Signal, expired: () => boolean): Signal {
  return {
    get aborted() {
      return signal.aborted || expired();
    },
    throwIfAborted() {
      signal.throwIfAborted();
      if (expired()) throw new OutOfTime(OUT_OF_TIME);
    },
    addEventListener: (...given) => signal.addEventListener(...given),
    removeEventListener: (...given) => signal.removeEventListener(...given),
  };
}

/**
 * Decides whether an input in one of the parts' boxes meets all of that part's constraints. `classifier` takes the property's own
 * inputs (fractions of [0, 1] that are the values themselves). A counterexample lies inside its box in float32 and was run
 * again before it is reported; bounds are lowered by an outward slack before they are believed.
 */
export async function verify(
  classifier: OnnxClassifier,
  parts: readonly UnsafePart[],
  runtime: InferenceRuntime,
  given: VerifyOptions,
): Promise<Verification> {
  const { clock, secondsMax } = given;
  const began = clock.monotonic();
  const past = (seconds: number): boolean => clock.monotonic() - began > 1000 * seconds;
  const expired = (): boolean => past(secondsMax);
  const signal = untilDeadline(given.signal, () => past(secondsMax + GRACE_SECONDS));
  const options = { ...given, signal };
  const groups = grouped(parts);
  const tally = { nodes: 0, bounded: 0 };
  const before = classifier.counts.queries + classifier.counts.gradients;
  const counts = () => ({ ...tally, queries: classifier.counts.queries + classifier.counts.gradients - before });

  const { prepared } = classifier;
  /** Attacks in earnest, where the bounds have nothing to say. */
  const unbounded = async (because: string): Promise<Verification> => {
    for (const { box, clauses } of groups)
      for (const { attack, parameters } of LAST) {
        options.progress?.(attack.title);
        const found = await attacked(classifier, box, clauses, midpoint(box), 1, attack, parameters, options);
        if (found) return { verdict: "violated", ...found, method: "attack", ...counts() };
      }
    return { verdict: "unknown", because, method: "none", ...counts() };
  };
  let bounds: Bounds | undefined;
  let method: Method | "none" = "none";
  /** Why there are no bounds, where there are none. */
  let because: string | undefined;
  try {
    // A violated part decides, whatever the others are: all boxes are attacked before anything is proved.
    for (const { box, clauses } of groups) {
      options.progress?.("attack");
      const found = await attacked(classifier, box, clauses, midpoint(box), 1, apgd, BEFORE, options);
      if (found) return { verdict: "violated", ...found, method: "attack", ...counts() };
    }
    if (!classifier.model.deterministic)
      return await unbounded((because = "the same input gave different outputs: the model is stochastic"));
    if (prepared === undefined)
      return await unbounded((because = classifier.noGradient ?? "the model runs only as its file has it"));
    bounds = await boundsThatRun(prepared, runtime, groups[0]!.box);
    for (const { box, clauses } of groups) {
      let example: { input: Float32Array; outputs: Float32Array } | undefined;
      let spent = 0,
        looks = 0;
      const proof = await prove(
        bounds,
        { region: asFloats(box), clauses },
        {
          signal,
          nodesMax: options.nodesMax - tally.nodes,
          expired,
          progress: (closed, open) => options.progress?.(`${closed} subproblems closed, ${open} open`),
          candidates: async (points, n) => {
            const inside = points.map((value, at) => clamped(box, value, at % classifier.size));
            example = await seen(classifier, clauses, inside, n, options);
            if (example) return true;
            if (classifier.gradient && (looks++ < 3 || spent < LOCAL_SHARE * (clock.monotonic() - began))) {
              const started = clock.monotonic();
              const rows = Math.min(n, 8);
              const some = inside.subarray(0, rows * classifier.size);
              example = await attacked(classifier, box, clauses, some, rows, apgd, LOCAL, options);
              spent += clock.monotonic() - started;
            }
            return example !== undefined;
          },
        },
        DEEP,
      );
      tally.nodes += proof.nodes;
      tally.bounded = bounds.rowsBounded;
      method = later(method, proof.method);
      if (proof.verdict === "violated" && example)
        return { verdict: "violated", ...example, method: proof.method, ...counts() };
      if (proof.verdict === "unknown")
        return { verdict: "unknown", because: proof.because, method: proof.method, ...counts() };
      if (expired()) return { verdict: "unknown", because: OUT_OF_TIME, method: proof.method, ...counts() };
    }
    return { verdict: "holds", method: method === "none" ? "intervals" : method, ...counts() };
  } catch (error) {
    try {
      if (error instanceof OnnxError) return await unbounded((because = error.message));
      throw error;
    } catch (late) {
      if (!(late instanceof OutOfTime)) throw late;
      if (bounds) tally.bounded = bounds.rowsBounded;
      return {
        verdict: "unknown",
        because: because === undefined ? OUT_OF_TIME : `${OUT_OF_TIME}; ${because}`,
        method,
        ...counts(),
      };
    }
  } finally {
    await bounds?.release();
  }
}

const ORDER: readonly (Method | "none")[] = [
  "none",
  "intervals",
  "linear bounds",
  "branching on signs",
  "branching on inputs",
];
const later = (a: Method | "none", b: Method): Method | "none" => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b);

/** Bounds in float64 where the runtime has every kernel for it, else in float32 with a wider outward slack. */
export async function boundsThatRun(
  prepared: NonNullable<OnnxClassifier["prepared"]>,
  runtime: InferenceRuntime,
  region: { readonly low: Float64Array | Float32Array; readonly high: Float64Array | Float32Array },
): Promise<Bounds> {
  const fine = new Bounds(prepared, runtime, "float64");
  try {
    await fine.intervals(region);
    await fine.before("logits");
    return fine;
  } catch (error) {
    await fine.release();
    if (!(error instanceof RuntimeRefuses)) throw error;
    return new Bounds(prepared, runtime, "float32");
  }
}

interface Box {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** Parts that speak of the same box, together. There may be very many. */
function grouped(parts: readonly UnsafePart[]): { box: Box; clauses: Clause[] }[] {
  const groups = new Map<number, { box: Box; clauses: Clause[] }[]>();
  const order: { box: Box; clauses: Clause[] }[] = [];
  const same = (a: Float64Array, b: Float64Array): boolean => a === b || a.every((value, i) => value === b[i]);
  const hashes = new Map<Float64Array, number>();
  const hashOf = (data: Float64Array): number => {
    let hash = hashes.get(data);
    if (hash !== undefined) return hash;
    hash = 0;
    // −0 is 0.
    const words = new Uint32Array(Float64Array.from(data, (value) => value + 0).buffer);
    for (const word of words) hash = Math.imul(hash ^ word, 0x01000193) | 0;
    hashes.set(data, hash);
    return hash;
  };
  for (const { low, high, constraints } of parts) {
    const key = Math.imul(hashOf(low), 31) ^ hashOf(high);
    const alike = groups.get(key) ?? [];
    const found = alike.find(({ box }) => same(box.low, low) && same(box.high, high));
    if (found) {
      found.clauses.push(constraints);
      continue;
    }
    const group = { box: { low, high }, clauses: [constraints] };
    order.push(group);
    groups.set(key, [...alike, group]);
  }
  return order;
}

const midpoint = ({ low, high }: Box): Float32Array => Float32Array.from(low, (value, i) => (value + high[i]!) / 2);

/** The float32 nearest to a value inside an element's bounds; bounds without a float32 between them give the nearest one. */
function clamped({ low, high }: Box, value: number, i: number): number {
  const least = roundUp(low[i]!),
    most = roundDown(high[i]!);
  if (least > most) return Math.fround(low[i]!);
  return Math.min(most, Math.max(least, value));
}

/**
 * The box as a model in float32 meets it: an element whose bounds have no float32 between them is the nearest one, which is what may be
 * shown as a counterexample; bounds leave more room than the half step between the two.
 */
function asFloats(box: Box): Box {
  const empty = box.low.map((low, i) => (roundUp(low) > roundDown(box.high[i]!) ? 1 : 0));
  const nearest = (value: number, i: number): number => (empty[i] === 1 ? Math.fround(box.low[i]!) : value);
  return { low: box.low.map(nearest), high: box.high.map(nearest) };
}

/** The first of n points that meets a clause, with the outputs of a second run. */
async function seen(
  classifier: OnnxClassifier,
  clauses: readonly Clause[],
  points: Float32Array,
  n: number,
  options: VerifyOptions,
): Promise<{ input: Float32Array; outputs: Float32Array } | undefined> {
  const { size, outputs } = classifier;
  const answers = await classifier.logits(points, n);
  for (let k = 0; k < n; k++) {
    if (!clauses.some((clause) => meets(clause, answers, k * outputs))) continue;
    const input = points.slice(k * size, (k + 1) * size);
    const again = await confirmed(classifier, clauses, input, options);
    if (again) return { input, outputs: again };
  }
  return undefined;
}

/** The outputs of a second run on an input, where they violate the property again, in the file's own model too. */
async function confirmed(
  classifier: OnnxClassifier,
  clauses: readonly Clause[],
  input: Float32Array,
  { confirm }: VerifyOptions,
): Promise<Float32Array | undefined> {
  const again = await classifier.logits(input, 1);
  if (!clauses.some((clause) => meets(clause, again, 0))) return undefined;
  return confirm ? confirm(input) : again;
}

const meets = (clause: Clause, z: ArrayLike<number>, at: number): boolean =>
  clause.every(({ a, b }) => {
    let sum = 0;
    // 0 times an infinite output is no number.
    for (let j = 0; j < a.length; j++) if (a[j] !== 0) sum += a[j]! * z[at + j]!;
    return sum <= b;
  });

async function attacked(
  classifier: OnnxClassifier,
  box: Box,
  clauses: readonly Clause[],
  from: Float32Array,
  n: number,
  attack: Attack,
  parameters: Parameters,
  options: VerifyOptions,
): Promise<{ input: Float32Array; outputs: Float32Array } | undefined> {
  if (!classifier.gradient && attack.needs === "gradient") return undefined;
  const { signal, rng } = options;
  const { size } = classifier;
  const ends = (bound: (i: number) => number): Float32Array =>
    Float32Array.from({ length: n * size }, (_, at) => bound(at % size));
  const goal: Goal = {
    kind: "unsafe",
    clauses: clauses.map((clause) => clause.map(({ a, b }: Constraint) => ({ a: Array.from(a), b }))),
  };
  const result = await besiege(
    { signal: signal as AbortSignal, rng, progress: () => {} },
    classifier,
    attack,
    parameters,
    {
      samples: from,
      units: Array.from({ length: n }, (_, k) => `start ${k}`),
      goal,
      within: { low: ends((i) => clamped(box, -Infinity, i)), high: ends((i) => clamped(box, Infinity, i)) },
    },
  );
  for (const input of result.found.values()) {
    const outputs = await confirmed(classifier, clauses, input, options);
    if (outputs) return { input, outputs };
  }
  return undefined;
}
