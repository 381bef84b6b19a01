/** Images moved by one pixel, edges repeated: cut out a little differently, and still the same. */
import type { Records } from "./records.ts";
import { pick } from "./records.ts";
import type { Part } from "./breath.ts";
import type { Points, Space } from "./space.ts";
import type { Near, NearPairs, Pair } from "./near.ts";

export const STEPS: readonly (readonly [down: number, right: number])[] = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
];

export function moved(records: Records, down: number, right: number): Records {
  const { n, size, grid } = records;
  const { height, width, channels, planes } = grid!;
  // Where each element comes from is the same for all images.
  const from = new Int32Array(size);
  const at = (row: number, column: number, channel: number): number =>
    planes ? (channel * height + row) * width + column : (row * width + column) * channels + channel;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < channels; channel++)
        from[at(row, column, channel)] = at(
          Math.min(height - 1, Math.max(0, row - down)),
          Math.min(width - 1, Math.max(0, column - right)),
          channel,
        );
  const x = records.x.slice();
  for (let i = 0; i < n; i++) for (let k = 0; k < size; k++) x[i * size + k] = records.x[i * size + from[k]!]!;
  return { ...records, x };
}

/** Images moved at once; copies of all of them would not fit into memory. */
const CHUNK = 4096;

function movedPoints(space: Space, records: Records, down: number, right: number): Points {
  const at = new Float32Array(records.n * space.d);
  for (let first = 0; first < records.n; first += CHUNK) {
    const rows = Array.from({ length: Math.min(CHUNK, records.n - first) }, (_, i) => first + i);
    at.set(space.points(moved(pick(records, rows), down, right)).at, first * space.d);
  }
  return { n: records.n, d: space.d, at };
}

/** Pairs of a sample asked – images also moved by one pixel – and a sample kept; of several the nearest. */
export async function nearTo(index: Near, space: Space, asked: Records, part: Part): Promise<NearPairs> {
  const found = [await index.of(space.points(asked), part)];
  if (asked.grid)
    for (const [down, right] of STEPS) found.push(await index.of(movedPoints(space, asked, down, right), part));
  return together(found);
}

/** Pairs among the samples kept, a > b; images also moved by one pixel. */
export async function nearAmong(index: Near, space: Space, kept: Records, part: Part): Promise<NearPairs> {
  const found = [await index.among(part)];
  // Moved the other way is the other image moved this way.
  if (kept.grid)
    for (const [down, right] of STEPS.slice(0, 2)) {
      const { pairs, ...rest } = await index.of(movedPoints(space, kept, down, right), part);
      found.push({
        ...rest,
        pairs: pairs.flatMap(({ a, b, distance }) =>
          a === b ? [] : [{ a: Math.max(a, b), b: Math.min(a, b), distance }],
        ),
      });
    }
  return together(found);
}

function together(found: readonly NearPairs[]): NearPairs {
  const nearest = new Map<string, Pair>();
  for (const { pairs } of found)
    for (const pair of pairs) {
      const key = `${pair.a} ${pair.b}`;
      const known = nearest.get(key);
      if (!known || pair.distance < known.distance) nearest.set(key, pair);
    }
  return {
    pairs: [...nearest.values()].toSorted((p, q) => p.a - q.a || p.b - q.b),
    looked: found.reduce((sum, { looked }) => sum + looked, 0),
    cut: found.some(({ cut }) => cut),
  };
}
