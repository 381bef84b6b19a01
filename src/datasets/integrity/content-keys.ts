/** Samples by their content: which are equal element by element, within a set and between two. */
import type { Records } from "./records.ts";

/** 53 bits of two FNV-1a-like hashes over the bits of a row; equal rows have equal keys, and others are told apart by looking. */
export function contentKeys({ x, n, size }: Records): Float64Array {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.byteLength / 4);
  const words = (size * x.BYTES_PER_ELEMENT) / 4;
  const keys = new Float64Array(n);
  for (let sample = 0; sample < n; sample++) {
    let a = 0x811c9dc5,
      b = 0x9e3779b9;
    for (let i = sample * words, end = i + words; i < end; i++) {
      const word = bits[i]!;
      a = Math.imul(a ^ word, 0x01000193);
      a ^= a >>> 15;
      b = Math.imul(b ^ word, 0x85ebca6b);
      b ^= b >>> 13;
    }
    keys[sample] = (a >>> 0) * 2 ** 21 + (b >>> 11);
  }
  return keys;
}

function same(a: Records, i: number, b: Records, j: number): boolean {
  const { size } = a;
  if (b.size !== size) return false;
  for (let k = 0; k < size; k++) if (!Object.is(a.x[i * size + k], b.x[j * size + k])) return false;
  return true;
}

/** Per sample the first earlier one it equals, or −1. */
export function firstAlike(records: Records): Int32Array {
  const keys = contentKeys(records);
  const buckets = new Map<number, number[]>();
  return Int32Array.from(keys, (key, i) => {
    const bucket = buckets.get(key);
    const earlier = bucket?.find((j) => same(records, i, records, j)) ?? -1;
    if (!bucket) buckets.set(key, [i]);
    else if (earlier < 0) bucket.push(i);
    return earlier;
  });
}

/** Per sample of `records` the first sample of `other` it equals, or −1. Element types must agree: see `alike`. */
export function foundIn(records: Records, other: Records): Int32Array {
  const there = new Map<number, number[]>();
  contentKeys(other).forEach((key, j) => {
    const bucket = there.get(key);
    if (bucket) bucket.push(j);
    else there.set(key, [j]);
  });
  return Int32Array.from(
    contentKeys(records),
    (key, i) => there.get(key)?.find((j) => same(records, i, other, j)) ?? -1,
  );
}

/** Two sets in one element type, so that equal values have equal bits. */
export function alike(a: Records, b: Records): readonly [Records, Records] {
  if (a.x instanceof Float32Array === b.x instanceof Float32Array) return [a, b];
  return [single(a), single(b)];
}
const single = (records: Records): Records =>
  records.x instanceof Float32Array ? records : { ...records, x: Float32Array.from(records.x) };
