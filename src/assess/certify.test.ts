/** Certified units stand against everything that attacks may ask, and their verdict is theirs alone. */
import { describe, expect, test } from "vitest";
import apgd from "#attacks/evasion/apgd.ts";
import apgdL1 from "#attacks/evasion/apgd-l1.ts";
import fab from "#attacks/evasion/fab.ts";
import square from "#attacks/evasion/square.ts";
import { besiege } from "#attacks/harness.ts";
import type { Certified } from "#attacks/units.ts";
import type { InputContract } from "#assessment/system.ts";
import { rng } from "#base/random.ts";
import { openClassifier } from "#onnx/classifier.ts";
import type { OnnxClassifier } from "#onnx/classifier.ts";
import { attribute } from "#onnx/tensor.ts";
import { denseNetworks, pictureNetworks } from "../../test/support/networks.ts";
import type { SmallNetwork } from "../../test/support/networks.ts";
import { sketchModel, tensor } from "../../test/support/onnx.ts";
import { testRuntime } from "../../test/support/runtime.ts";
import { certifierOf } from "./certify.ts";

const run = { signal: new AbortController().signal, rng: rng("certify"), progress: () => {} };
const fractions: InputContract = { range: [0, 1], scale: 1, mean: [], std: [], integer: false };
const integers: InputContract = { range: [0, 255], scale: 1 / 255, mean: [], std: [], integer: true };

async function world(make: (typeof denseNetworks)["relu"], input: InputContract, n: number) {
  const random = rng(`certify/${make(rng("name")).name}`);
  const { bytes, shape }: SmallNetwork = make(random);
  const classifier = await openClassifier({ bytes, input, sampleShape: shape, runtime: testRuntime });
  const { size, outputs } = classifier;
  const samples = Float32Array.from({ length: n * size }, () =>
    input.integer ? random.below(256) / 255 : random.uniform(),
  );
  const z = await classifier.logits(samples, n);
  const labels = Int32Array.from({ length: n }, (_, k) => {
    const row = Array.from(z.subarray(k * outputs, (k + 1) * outputs));
    return row.indexOf(Math.max(...row));
  });
  return { classifier, samples, labels, n };
}

const certified = (
  classifier: OnnxClassifier,
  units: { samples: Float32Array; labels: Int32Array; n: number },
  norm: "linf" | "l2" | "l1" | "l0",
  eps: number,
): Promise<readonly Certified[]> => certifierOf(classifier, testRuntime, "standard")(run, units, { norm, eps });

const cases = [
  [denseNetworks.relu, { linf: 0.06, l2: 0.12, l1: 0.25 }],
  [denseNetworks.tanh, { linf: 0.25, l2: 0.5, l1: 0.9 }],
  [pictureNetworks.pooled, { linf: 0.008, l2: 0.05, l1: 0.15 }],
] as const;

describe("what is certified is not beaten", () => {
  for (const [make, budgets] of cases)
    for (const input of [fractions, integers])
      test(`${make(rng("name")).name}, ${input.integer ? "on 256 steps" : "on the reals"}`, async () => {
        const { classifier, samples, labels, n } = await world(make, input, 10);
        const { size } = classifier;
        let robust = 0;
        for (const [norm, eps] of Object.entries(budgets) as ["linf" | "l2" | "l1", number][]) {
          const verdicts = await certified(classifier, { samples, labels, n }, norm, eps);
          const rows = verdicts.flatMap(({ verdict }, k) => (verdict === "robust" ? [k] : []));
          robust += rows.length;
          const siege = {
            samples: Float32Array.from(rows.flatMap((k) => Array.from(samples.subarray(k * size, (k + 1) * size)))),
            units: rows.map((k) => `unit ${k}`),
            goal: { kind: "untargeted", label: Int32Array.from(rows, (k) => labels[k]!) } as const,
            within: { norm, eps },
          };
          const climbing = norm === "l1" ? apgdL1 : apgd;
          for (const [attack, parameters] of [
            [climbing, { objective: "margin", steps: 40, restarts: 2 }],
            [climbing, { objective: "cross-entropy", steps: 20, restarts: 1 }],
            [fab, { steps: 20, restarts: 1 }],
            [square, { queries: 150 }],
          ] as const) {
            const { found } = await besiege(run, classifier, attack, parameters, siege);
            expect([norm, [...found.keys()]]).toEqual([norm, []]);
          }
        }
        // Something was certified, and not everything: the budgets lie where it is decided.
        expect(robust).toBeGreaterThan(3);
        expect(robust).toBeLessThan(3 * n);
        await classifier.release();
      });
});

test("a verdict is the unit's own: alone, in another order or in another shard it is the same", async () => {
  const { classifier, samples, labels, n } = await world(denseNetworks.relu, fractions, 8);
  const { size } = classifier;
  const some = (rows: readonly number[]) => ({
    samples: Float32Array.from(rows.flatMap((k) => Array.from(samples.subarray(k * size, (k + 1) * size)))),
    labels: Int32Array.from(rows, (k) => labels[k]!),
    n: rows.length,
  });
  const whole = await certified(classifier, { samples, labels, n }, "linf", 0.06);
  const order = [5, 0, 7, 2, 6, 1, 4, 3];
  const turned = await certified(classifier, some(order), "linf", 0.06);
  expect(order.map((k) => whole[k])).toEqual(turned);
  for (const k of [0, 3]) expect(await certified(classifier, some([k]), "linf", 0.06)).toEqual([whole[k]]);
  await classifier.release();
});

test("on a grid of integers, what an attack may ask beyond the budget by a rounding is within the certificate", async () => {
  // The label changes at 8.0004 steps above 100: the grid's eighth step is let through where the budget is 7.9995 steps.
  const bytes = sketchModel({
    input: { name: "x", dims: [null, 1] },
    constants: { w: tensor([2, 1], [255, 0]), b: tensor([2], [-107.9999, 0]) },
    nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"], attributes: [attribute.int("transB", 1)] }],
    outputs: ["y"],
  });
  const classifier = await openClassifier({ bytes, input: integers, sampleShape: [1], runtime: testRuntime });
  const units = { samples: Float32Array.of(100 / 255), labels: Int32Array.of(1), n: 1 };
  const eps = 7.9995 / 255;
  const { found } = await besiege(
    run,
    classifier,
    apgd,
    { objective: "margin", steps: 10 },
    {
      samples: units.samples,
      units: ["one"],
      goal: { kind: "untargeted", label: units.labels },
      within: { norm: "linf", eps },
    },
  );
  const [{ verdict }] = (await certified(classifier, units, "linf", eps)) as [Certified];
  expect(found.size).toBe(1);
  expect(verdict).toBe("unknown");
  await classifier.release();
});

test("where no bound is given every unit says why, and nothing is certified", async () => {
  const { classifier, samples, labels, n } = await world(denseNetworks.relu, fractions, 2);
  expect(await certified(classifier, { samples, labels, n }, "l0", 1)).toEqual([
    { verdict: "unbounded", method: "no bounds are given in l0" },
    { verdict: "unbounded", method: "no bounds are given in l0" },
  ]);
  await classifier.release();
});
