/** Sparse-RS: random search over which elements are changed and to which end of their range, needing nothing but scores. */
import { defineAttack } from "#attacks/harness.ts";
import { closeUp } from "#attacks/rows.ts";

/** Share of the changed elements exchanged per step at 10,000 queries: divided by these from these steps on (the authors' code). */
const SCHEDULE = [
  [0, 2],
  [50, 4],
  [200, 5],
  [500, 6],
  [1000, 8],
  [2000, 10],
  [4000, 12],
  [6000, 15],
  [8000, 20],
] as const;

export default defineAttack({
  id: "sparse-rs",
  revision: 1,
  title: "Sparse-RS",
  citation:
    "Croce, Andriushchenko, Singh, Flammarion, Hein: Sparse-RS, a versatile framework for query-efficient sparse black-box adversarial attacks. AAAI 2022, Algorithm 1",
  needs: "scores",
  norms: ["l0"],
  objectives: [],
  // α = 0.8 as in the authors' code; 5,000 queries, AutoAttack's for Square. Elements are features, not pixels.
  defaults: { queries: 5000, share: 0.8, restarts: 1 },
  async run(arena, { queries, share, restarts }) {
    for (let restart = 0; restart < restarts; restart++) {
      const all = arena.open();
      if (all.length === 0) return;
      const { size, region } = arena;
      const { centre, low, high } = region;
      const streams = Array.from(all, (row) => arena.random(row, restart));
      /** Elements of each row, the changed ones first. */
      const order = streams.map((random) => Int32Array.from(random.sample(size, size)));
      const best = new Float32Array(all.length * size);
      const wished = new Float32Array(best.length);
      const margin = new Float64Array(all.length).fill(-Infinity);
      const budget = Int32Array.from(all, (row) => Math.min(size, Math.floor(region.eps![row]! + 1e-9)));
      const end = (k: number, row: number, i: number): number =>
        streams[k]!.uniform() < 0.5 ? low[row * size + i]! : high[row * size + i]!;
      all.forEach((row, k) => {
        best.set(centre.subarray(row * size, (row + 1) * size), k * size);
        for (const i of order[k]!.subarray(0, budget[k]!)) best[k * size + i] = end(k, row, i);
      });
      let rows: Int32Array = all;
      for (let step = 0; step < queries && rows.length > 0; step++) {
        wished.set(best.subarray(0, rows.length * size));
        const swapped = Array.from(rows, (row, k) => {
          if (step === 0) return [];
          const count = budget[k]!;
          const now = Math.min(size - count, Math.max(1, Math.floor(shareAt(share, step, queries) * count)));
          // An element given up goes back to its value, another takes its place; with none to take, the same one changes side.
          const out = streams[k]!.sample(count, Math.max(1, Math.min(now, count)));
          const into = streams[k]!.sample(Math.max(1, size - count), Math.min(Math.max(now, 0), out.length));
          out.forEach((from, s) => {
            const given = order[k]![from]!;
            const taken = into[s] === undefined || size === count ? given : order[k]![count + into[s]]!;
            wished[k * size + given] = centre[row * size + given]!;
            wished[k * size + taken] = end(k, row, taken);
          });
          return size === count
            ? []
            : out.flatMap((from, s) => (into[s] === undefined ? [] : [[from, into[s]] as const]));
        });
        const answer = await arena.score(rows, wished.subarray(0, rows.length * size));
        for (let k = 0; k < rows.length; k++) {
          if (step > 0 && !(answer.margin[k]! > margin[k]!)) continue;
          margin[k] = answer.margin[k]!;
          best.set(wished.subarray(k * size, (k + 1) * size), k * size);
          for (const [from, to] of swapped[k]!) {
            const there = budget[k]! + to;
            [order[k]![from], order[k]![there]] = [order[k]![there]!, order[k]![from]!];
          }
        }
        const open = arena.open(rows);
        const kept = new Set(open);
        const keeps = <T>(list: T[]): T[] => list.filter((_, k) => k >= rows.length || kept.has(rows[k]!));
        if (open.length < rows.length) {
          streams.splice(0, streams.length, ...keeps(streams));
          order.splice(0, order.length, ...keeps(order));
          closeUp(rows, open, size, [best], [margin, budget]);
          rows = open;
        }
        if (step % 16 === 0 || step === queries - 1) arena.report(restart * queries + step + 1, restarts * queries);
      }
    }
  },
});

/** The share of the changed elements exchanged at a step of a run of `queries`. */
export function shareAt(share: number, step: number, queries: number): number {
  const scaled = Math.floor((step / queries) * 10_000);
  return share / (SCHEDULE.findLast(([from]) => scaled > from)?.[1] ?? 1);
}
