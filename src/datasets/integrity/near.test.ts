import { expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { AT_ONCE } from "./checks.testing.ts";
import { firstAlike, foundIn } from "./content-keys.ts";
import { ALL_PAIRS_MAX, nearestDistances, nearIndex } from "./near.ts";
import { principal, projected, spaceOf, type Points } from "./space.ts";
import type { Records } from "./records.ts";

function cloud(n: number, d: number, seed: number): Points {
  const random = rng(seed);
  return { n, d, at: Float32Array.from({ length: n * d }, (_, i) => random.normal() * (i % d < 2 ? 3 : 1)) };
}
const tableOf = (x: Float64Array, size: number): Records => ({
  place: "table",
  sha256: "",
  bytes: 0,
  inputs: [],
  n: x.length / size,
  shape: [size],
  size,
  x,
  classes: 0,
  seen: [],
});

test("the grid finds the very pairs that comparing all with all finds, within a set and between two", async () => {
  const kept = cloud(ALL_PAIRS_MAX + 500, 6, 1);
  const asked = cloud(200, 6, 2);
  for (const radius of [0.6, 1.1]) {
    const expected = new Set<string>();
    const among = new Set<string>();
    const distance = (a: Points, i: number, b: Points, j: number): number => {
      let sum = 0;
      for (let k = 0; k < a.d; k++) sum += (a.at[i * a.d + k]! - b.at[j * a.d + k]!) ** 2;
      return Math.sqrt(sum);
    };
    for (let j = 0; j < kept.n; j++) {
      for (let i = 0; i < asked.n; i++) if (distance(asked, i, kept, j) <= radius) expected.add(`${i} ${j}`);
      for (let i = 0; i < j; i++) if (distance(kept, j, kept, i) <= radius) among.add(`${j} ${i}`);
    }
    const index = nearIndex(kept, radius);
    const found = await index.of(asked, AT_ONCE);
    expect(new Set(found.pairs.map(({ a, b }) => `${a} ${b}`))).toEqual(expected);
    expect(new Set((await index.among(AT_ONCE)).pairs.map(({ a, b }) => `${a} ${b}`))).toEqual(among);
    expect(among.size).toBeGreaterThan(10);
    // It would be no use if it looked at all of them.
    expect((await index.among(AT_ONCE)).looked).toBeLessThan((kept.n * (kept.n - 1)) / 4);
  }
});

test("principal directions are orthonormal, carry what spreads most, and never lengthen a distance", () => {
  const points = cloud(500, 8, 3);
  const basis = principal(points, 3);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) {
      let dot = 0;
      for (let k = 0; k < 8; k++) dot += basis.directions[i * 8 + k]! * basis.directions[j * 8 + k]!;
      expect(dot).toBeCloseTo(i === j ? 1 : 0, 9);
    }
  // The first two axes have three times the deviation of the others.
  for (let i = 0; i < 2; i++)
    expect(basis.directions[i * 8]! ** 2 + basis.directions[i * 8 + 1]! ** 2).toBeGreaterThan(0.97);
  const flat = projected(points, basis);
  for (let i = 1; i < 100; i++) {
    let [low, full] = [0, 0];
    for (let k = 0; k < 3; k++) low += (flat.at[i * 3 + k]! - flat.at[k]!) ** 2;
    for (let k = 0; k < 8; k++) full += (points.at[i * 8 + k]! - points.at[k]!) ** 2;
    expect(low).toBeLessThanOrEqual(full * (1 + 1e-5));
  }
});

test("rows equal element by element are found, also where hashes of neighbours differ little, and no others", () => {
  const random = rng(4);
  const x = Float64Array.from({ length: 3000 }, () => random.below(3));
  const records = tableOf(x, 3);
  const seen = new Map<string, number>();
  const expected = Array.from({ length: records.n }, (_, i) => {
    const key = String(Array.from(x.subarray(3 * i, 3 * i + 3)));
    const earlier = seen.get(key) ?? -1;
    if (earlier < 0) seen.set(key, i);
    return earlier;
  });
  expect(Array.from(firstAlike(records))).toEqual(expected);
  const other = tableOf(Float64Array.of(0, 1, 2, 9, 9, 9), 3);
  expect(Array.from(foundIn(other, records))).toEqual([
    Array.from({ length: records.n }, (_, i) => i).find(
      (i) => String(Array.from(x.subarray(3 * i, 3 * i + 3))) === "0,1,2",
    ),
    -1,
  ]);
});

test("the nearest distance leaves out samples that are equal", () => {
  const points: Points = { n: 4, d: 1, at: Float32Array.of(0, 0, 3, 7) };
  expect(nearestDistances(points, rng(1), 4).toSorted()).toEqual([3, 3, 3, 4]);
});

test("an image darker and with less contrast lies on the point of the image, a different one does not", () => {
  const random = rng(5);
  const image = Float32Array.from({ length: 144 }, () => random.below(100));
  const x = Float32Array.from([...image, ...image.map((v) => 40 + v / 2), ...image.map((v) => 90 - v)]);
  const grid = { height: 12, width: 12, channels: 1, planes: false };
  const records: Records = { ...tableOf(new Float64Array(0), 144), x, n: 3, shape: [12, 12], grid };
  const { at, d } = spaceOf(records).points(records);
  const apart = (i: number, j: number): number =>
    Math.hypot(...Array.from({ length: d }, (_, k) => at[i * d + k]! - at[j * d + k]!));
  expect(apart(0, 1)).toBeLessThan(1e-5);
  expect(apart(0, 2)).toBeCloseTo(2, 5);
});

test("the cosine transform of a single frequency has one coordinate", () => {
  const x = Float32Array.from({ length: 64 }, (_, i) => Math.cos((Math.PI * 3 * ((i % 8) + 0.5)) / 8));
  const grid = { height: 8, width: 8, channels: 1, planes: false };
  const records: Records = { ...tableOf(new Float64Array(0), 64), x, n: 1, shape: [8, 8], grid };
  const { at } = spaceOf(records).points(records);
  expect(Array.from(at, (v) => Math.round(v * 1e6) / 1e6).map((v, i) => (i === 2 ? v : Math.abs(v)))).toEqual(
    Array.from({ length: 63 }, (_, i) => (i === 2 ? 1 : 0)),
  );
});
