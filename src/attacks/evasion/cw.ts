/** Carlini–Wagner in L2: length plus a constant times what is missing to the goal, minimised behind tanh; the constant is bisected. */
import { type Arena, defineAttack } from "#attacks/harness.ts";
import { type Nearest, bisectBack, keep, nothingYet } from "#attacks/nearest.ts";
import { TOWARDS, closeUp, towards } from "#attacks/rows.ts";

/** Keeps values off the ends of the range, where tanh has no inverse (the authors' code). */
const INSIDE = 0.999999;
/** Adam (Kingma & Ba, ICLR 2015), the optimiser of the paper. */
const DECAY = [0.9, 0.999] as const;
/** Steps are given up where a tenth of them brought less than this (§VI and the authors' code). */
const PROGRESS = 0.9999;

export default defineAttack({
  id: "cw",
  revision: 1,
  title: "Carlini–Wagner L2",
  citation: "Carlini, Wagner: Towards evaluating the robustness of neural networks. IEEE S&P 2017, §VI.A",
  needs: "gradient",
  minimal: true,
  norms: ["l2"],
  objectives: TOWARDS,
  // Nine values of the constant from 0.001 and a rate of 0.01 as in the authors' code; 1,000 steps at most, of its 10,000.
  defaults: { steps: 1000, searches: 9, rate: 0.01, constant: 0.001 },
  async run(arena, { steps, searches, rate, constant }) {
    const { n } = arena;
    const weight = new Float64Array(n).fill(constant);
    const low = new Float64Array(n);
    const high = new Float64Array(n).fill(Infinity);
    const nearest = nothingYet(arena);
    for (let search = 0; search < searches; search++) {
      const rows = arena.open();
      if (rows.length === 0) return;
      const reached = await minimise(arena, rows, weight, steps, rate, nearest, (step) =>
        arena.report(search * steps + step, searches * steps),
      );
      for (const row of rows) {
        if (reached[row] === 1) high[row] = weight[row]!;
        else low[row] = weight[row]!;
        weight[row] = high[row] === Infinity ? 10 * weight[row]! : (low[row]! + high[row]!) / 2;
      }
    }
    // Ours: Adam swings around the boundary, the more in proportion the nearer it is.
    await bisectBack(arena, nearest);
  },
});

/** Which rows reached the goal on the way. */
async function minimise(
  arena: Arena,
  all: Int32Array,
  weight: Float64Array,
  steps: number,
  rate: number,
  nearest: Nearest,
  report: (step: number) => void,
): Promise<Uint8Array> {
  const { size, region, goal } = arena;
  const { low, high, centre } = region;
  const reached = new Uint8Array(arena.n);
  const w = new Float64Array(all.length * size);
  const first = new Float64Array(w.length);
  const second = new Float64Array(w.length);
  const x = new Float32Array(w.length);
  all.forEach((row, k) => {
    for (let i = 0; i < size; i++) {
      const place = row * size + i;
      const half = (high[place]! - low[place]!) / 2;
      const middle = (high[place]! + low[place]!) / 2;
      w[k * size + i] = half > 0 ? Math.atanh((INSIDE * (centre[place]! - middle)) / half) : 0;
    }
  });
  const lossAtCheck = new Float64Array(all.length).fill(Infinity);
  const stuck = new Uint8Array(all.length);
  const often = Math.max(1, Math.ceil(steps / 10));
  let rows: Int32Array = all;
  for (let step = 0; step < steps; step++) {
    for (let k = 0; k < rows.length; k++)
      for (let i = 0; i < size; i++) {
        const place = rows[k]! * size + i;
        const half = (high[place]! - low[place]!) / 2;
        x[k * size + i] = (high[place]! + low[place]!) / 2 + half * Math.tanh(w[k * size + i]!);
      }
    const { value, gradient, margin } = await arena.climb(rows, x.subarray(0, rows.length * size), towards(goal, rows));
    for (let k = 0; k < rows.length; k++) {
      const row = rows[k]!;
      if (margin[k]! > 0) {
        reached[row] = 1;
        keep(arena, row, x, k * size, nearest);
      }
      const missing = Math.max(0, -value[k]!);
      let loss = weight[row]! * missing;
      for (let i = 0; i < size; i++) {
        const at = k * size + i;
        const place = row * size + i;
        const delta = x[at]! - centre[place]!;
        loss += delta * delta;
        const half = (high[place]! - low[place]!) / 2;
        const flat = 1 - Math.tanh(w[at]!) ** 2;
        const slope = (2 * delta - (missing > 0 ? weight[row]! * gradient[at]! : 0)) * half * flat;
        first[at] = DECAY[0] * first[at]! + (1 - DECAY[0]) * slope;
        second[at] = DECAY[1] * second[at]! + (1 - DECAY[1]) * slope * slope;
        const mean = first[at]! / (1 - DECAY[0] ** (step + 1));
        w[at]! -= (rate * mean) / (Math.sqrt(second[at]! / (1 - DECAY[1] ** (step + 1))) + 1e-8);
      }
      if (step % often !== 0) continue;
      if (!(loss <= PROGRESS * lossAtCheck[k]!)) stuck[k] = 1;
      lossAtCheck[k] = loss;
    }
    const open = arena.open(rows.filter((_, k) => stuck[k] === 0));
    closeUp(rows, open, size, [w, first, second], [lossAtCheck, stuck]);
    rows = open;
    report(step + 1);
    if (rows.length === 0) break;
  }
  return reached;
}
