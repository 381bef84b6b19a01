/** Runs any number of samples through a session in the groups it allows. */
import type { InferenceSession, RuntimeTensor } from "#base/ports.ts";
import { sizeOf } from "./tensor.ts";

/** A tensor with one row per sample, or one that every call gets as it is. */
export interface Feed {
  readonly tensor: RuntimeTensor;
  readonly perSample: boolean;
}

/** The rows of an output for all samples, and the shape of one. */
export interface Rows {
  readonly type: RuntimeTensor["type"];
  readonly row: readonly number[];
  readonly data: Numbers;
}

type Numbers = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** Rows [from, to) of a tensor, filled up with zeros to `rows`; `dims` without the sample axis where `bare`. */
function rowsOf(tensor: RuntimeTensor, from: number, to: number, rows: number, bare: boolean): RuntimeTensor {
  const rest = tensor.dims.slice(1);
  const each = sizeOf(rest);
  const data = tensor.data as Float32Array;
  let part = data.subarray(from * each, to * each);
  if (rows !== to - from) {
    const padded = new (data.constructor as Float32ArrayConstructor)(rows * each);
    padded.set(part);
    part = padded;
  }
  return { type: tensor.type, dims: bare ? rest : [rows, ...rest], data: part };
}

/**
 * Runs n samples. `group` is the number of samples one call takes, Infinity for any; "bare" calls with single samples that
 * have no sample axis. Gives the wanted outputs, rows of all samples joined.
 */
export async function runSamples(
  session: InferenceSession,
  feeds: Readonly<Record<string, Feed>>,
  n: number,
  group: number | "bare",
  wanted?: readonly string[],
): Promise<Record<string, Rows>> {
  if (group === Infinity) return together(session, feeds, n, wanted);
  const width = group === "bare" ? 1 : Math.min(group, n);
  const rows = group === "bare" || !Number.isFinite(group) ? undefined : group;
  const parts = new Map<string, { type: RuntimeTensor["type"]; row: readonly number[]; list: Numbers[] }>();
  for (let from = 0; from < n; from += width) {
    const many = Math.min(width, n - from);
    const call: Record<string, RuntimeTensor> = {};
    for (const name of session.inputNames) {
      const feed = feeds[name];
      if (feed === undefined) throw new RangeError(`the model wants "${name}", which nobody feeds`);
      call[name] = feed.perSample
        ? rowsOf(feed.tensor, from, from + many, rows ?? many, group === "bare")
        : feed.tensor;
    }
    const results = await session.run(call, wanted);
    for (const [name, tensor] of Object.entries(results)) {
      const data = tensor.data as Numbers;
      const kept = rows === undefined || rows === many ? data : data.slice(0, (data.length / rows) * many);
      const batched = group !== "bare" && tensor.dims[0] === (rows ?? many);
      const row = batched ? tensor.dims.slice(1) : tensor.dims;
      const entry = parts.get(name) ?? { type: tensor.type, row, list: [] };
      entry.list.push(kept as Numbers);
      parts.set(name, entry);
    }
  }
  return Object.fromEntries([...parts].map(([name, { type, row, list }]) => [name, { type, row, data: joined(list) }]));
}

/** One call with everything as it is: the usual case, in which single samples are asked thousands of times. */
async function together(
  session: InferenceSession,
  feeds: Readonly<Record<string, Feed>>,
  n: number,
  wanted: readonly string[] | undefined,
): Promise<Record<string, Rows>> {
  const call: Record<string, RuntimeTensor> = {};
  for (const name of session.inputNames) {
    const feed = feeds[name];
    if (feed === undefined) throw new RangeError(`the model wants "${name}", which nobody feeds`);
    call[name] = feed.tensor;
  }
  const results = await session.run(call, wanted);
  const rows: Record<string, Rows> = {};
  for (const name in results) {
    const { type, dims, data } = results[name]!;
    rows[name] = { type, row: dims[0] === n ? dims.slice(1) : dims, data: data as Numbers };
  }
  return rows;
}

function joined(list: readonly Numbers[]): Numbers {
  if (list.length === 1) return list[0]!;
  const first = list[0]!;
  const total = list.reduce((sum, part) => sum + part.length, 0);
  const all = new (first.constructor as Float32ArrayConstructor)(total);
  let at = 0;
  for (const part of list) {
    all.set(part as Float32Array, at);
    at += part.length;
  }
  return all;
}
