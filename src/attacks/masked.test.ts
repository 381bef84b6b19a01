/** Models whose scores and gradients lead the wrong way while they say the same classes: only labels and copies tell. */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { clusters, fitted, network, objectiveOf } from "../../test/support/classifiers.ts";
import { listening } from "../../test/support/linear.ts";
import { ensemble, selectRows } from "./ensemble.ts";
import { evaluateEvasion } from "./evaluate.ts";
import apgd from "./evasion/apgd.ts";
import square from "./evasion/square.ts";
import transfer from "./evasion/transfer.ts";
import { besiege } from "./harness.ts";
import { distil, surrogateClassifier } from "./surrogate.ts";
import type { Classifier } from "./target.ts";

const random = rng("masked");
const world = clusters(random, 40, 16, 4);
const layers = fitted(random, world, [32], "relu");
const honest = network(layers, "relu");
const eps = 0.12;

/** Turns a row of honest logits into a masked one, keeping the largest where it is; `pull` is its derivative by the honest gap. */
interface Mask {
  readonly name: string;
  readonly gap: (honestGap: number) => { gap: number; pull: number };
}

const MASKS: readonly Mask[] = [
  // The nearer the boundary, the surer it sounds.
  { name: "a gap that grows towards the boundary", gap: (m) => ({ gap: 0.2 + 5 / (1 + m), pull: -5 / (1 + m) ** 2 }) },
  // Sure of itself everywhere, with a slope that leads back into the middle of the class.
  { name: "a saturated gap with a decoy slope", gap: (m) => ({ gap: 4 - 1e-3 * m, pull: -1e-3 }) },
];

/** The masked model as a file would show it: logits, values and true gradients of the masked function. */
function masked({ gap }: Mask): Classifier {
  const { outputs, size } = honest;
  const shaped = (z: Float32Array, at: number) => {
    const row = Array.from(z.subarray(at, at + outputs));
    const top = row.indexOf(Math.max(...row));
    const second = row.reduce((best, value, j) => (j !== top && value > row[best]! ? j : best), top === 0 ? 1 : 0);
    const { gap: wide, pull } = gap(row[top]! - row[second]!);
    return { top, second, pull, z: Float64Array.from(row, (_, j) => (j === top ? wide : j === second ? 0 : -1)) };
  };
  const counts = { queries: 0, gradients: 0 };
  return {
    ...honest,
    counts,
    async logits(x, n) {
      counts.queries += n;
      const z = await honest.logits(x, n);
      const out = new Float32Array(z.length);
      for (let k = 0; k < n; k++) out.set(shaped(z, k * outputs).z, k * outputs);
      return out;
    },
    async gradient(x, n, objective) {
      counts.queries += n;
      counts.gradients += n;
      const z = await honest.logits(x, n);
      const logits = new Float32Array(z.length);
      const value = new Float32Array(n);
      const gradient = new Float32Array(n * size);
      const rows = Array.from({ length: n }, (_, k) => shaped(z, k * outputs));
      const gapSlope = await honest.gradient!(x, n, {
        kind: "targeted-margin",
        label: Int32Array.from(rows, ({ second }) => second),
        target: Int32Array.from(rows, ({ top }) => top),
      });
      rows.forEach(({ top, pull, z: row }, k) => {
        logits.set(row, k * outputs);
        const { value: worth, dz } = objectiveOf(objective, k, row);
        value[k] = worth;
        for (let i = k * size; i < (k + 1) * size; i++) gradient[i] = dz[top]! * pull * gapSlope.gradient[i]!;
      });
      return { logits, value, gradient };
    },
  };
}

const siege = (labels: Int32Array) => ({
  ...world,
  goal: { kind: "untargeted" as const, label: labels },
  within: { norm: "linf" as const, eps },
});

async function truth(): Promise<number> {
  const assaults = ["cross-entropy", "margin", "dlr-targeted"].map((objective) => ({
    attack: apgd,
    parameters: { objective, steps: 50 },
  }));
  return (await ensemble(listening("t"), honest, assaults, siege(world.labels))).found.size;
}

describe("a masked model is not believed", () => {
  for (const mask of MASKS)
    test(
      mask.name,
      async () => {
        const model = masked(mask);
        // Gradients and scores leave standing what truly falls.
        const misled = await ensemble(
          listening("m"),
          model,
          [
            { attack: apgd, parameters: { objective: "cross-entropy", steps: 50 } },
            { attack: apgd, parameters: { objective: "margin", steps: 50 } },
            { attack: square, parameters: { queries: 300 } },
          ],
          siege(world.labels),
        );
        expect(misled.found.size).toBeLessThan(0.8 * (await truth()));
        const { outcome, sanity } = await evaluateEvasion(listening("trial"), model, world, {
          item: "trial",
          norm: "linf",
          eps,
          epsRaw: eps,
          planned: world.units.length,
          profile: "standard",
          budget: { steps: 10, queries: 600 },
        });
        expect(outcome.status).toBe("inconclusive");
        expect(sanity.filter(({ passed }) => !passed).map(({ check }) => check)).toContain(
          "labels alone do not beat gradients",
        );
      },
      60_000,
    );
});

test("a surrogate distilled from a masked model's labels agrees with it, and what beats the one beats the other", async () => {
  const model = masked(MASKS[0]!);
  const learned = await distil(listening("d"), model, world.samples, world.units.length, { norm: "linf", eps });
  expect(learned!.agreement.k / learned!.agreement.n).toBeGreaterThan(0.85);
  expect(learned!.queries).toBe(model.counts.queries);
  const armed: Classifier = { ...model, surrogate: surrogateClassifier(learned!.net, model) };
  const carried = await besiege(listening("d"), armed, transfer, {}, siege(world.labels));
  const climbed = await ensemble(
    listening("d"),
    model,
    [{ attack: apgd, parameters: { objective: "margin", steps: 50 } }],
    siege(world.labels),
  );
  expect(carried.found.size).toBeGreaterThan(climbed.found.size + 3);
  expect(carried.found.size).toBeGreaterThan(0.5 * (await truth()));
});

test("a surrogate's gradient is that of its own values", async () => {
  const learned = await distil(listening("d"), honest, world.samples, world.units.length, { norm: "linf", eps });
  const copy = surrogateClassifier(learned!.net, honest);
  const one = selectRows(siege(world.labels), Int32Array.of(3), 16);
  const label = Int32Array.of(world.labels[3]!);
  for (const kind of ["margin", "cross-entropy"] as const) {
    const { gradient } = await copy.gradient!(one.samples, 1, { kind, label });
    for (let i = 0; i < 16; i++) {
      const h = 1e-3;
      const moved = async (by: number) => {
        const x = one.samples.slice();
        x[i]! += by;
        return (await copy.gradient!(x, 1, { kind, label })).value[0]!;
      };
      const slope = ((await moved(h)) - (await moved(-h))) / (2 * h);
      expect(Math.abs(slope - gradient[i]!)).toBeLessThan(0.02 * Math.max(1, Math.abs(slope)));
    }
  }
});
