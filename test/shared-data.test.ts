/** Real networks and data through the whole pipeline; our own small fixture takes the same way where they are absent. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Assessment } from "#assessment/index.ts";
import { assessed, NO_SHARED_DATA, SHARED_DATA } from "./support/assess.ts";

const folder = mkdtempSync(join(tmpdir(), "vauban-shared-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Around {
  readonly model: string;
  readonly data: string;
  readonly labels?: string;
  readonly input: string;
  readonly classes: number;
  readonly declared: number;
  readonly eps: string;
  readonly samples: number;
}

/** The smallest honest system around one classifier. */
const systemAround = ({ model, data, labels, input, classes, declared, eps, samples }: Around): string => `vauban: 1
system: { name: A classifier of pictures, purpose: Tells pictures apart for a person who looks at them too., environment: virtual }
law: { role: provider, listing: none, reasoning: A test bench and no product. }
stage: verification
sector: general
actors: { sender: { profile: AT-2, title: Whoever sends a picture, touches: [upload] } }
datasets: { held-out: { title: Held-out pictures, path: ${JSON.stringify(data)}, ${labels ? `labels: ${JSON.stringify(labels)}, ` : ""}role: test } }
components:
  upload: { kind: interface, title: Upload page }
  net: { kind: model, title: Network, level: deep, role: advisory, task: classification, artefact: ${JSON.stringify(model)}, input: ${input}, classes: ${classes}, accuracy: { declared: ${declared}, on: held-out }, origin: { trained-by: third-party } }
  person: { kind: human, title: Person }
flows: [upload -> net -> person]
tests:
  - { evasion: net, norm: linf, eps: ${eps}, robust-accuracy: ">= 0.5", samples: ${samples}, queries: 500, bound: { by: human-check, actors: [sender], because: a person looks at the picture }, because: half of what it reads must stand }
`;

const evasionOf = ({ body }: Assessment) => body.evidence.find(({ tests }) => tests.includes("T-01"))!;

describe("our own fixture", () => {
  test("goes through assess, is measured, and misses its threshold", async () => {
    const fixture = resolve("examples/fixtures");
    const result = await assessed(readFileSync(join(fixture, "vauban.yaml"), "utf8"), fixture, {
      state: join(folder, "own"),
      samples: 50,
      queries: 500,
    });
    const { outcome } = evasionOf(result);
    if (outcome.status !== "measured" || outcome.measure.kind !== "evasion")
      throw new Error(`not measured: ${JSON.stringify(outcome)}`);
    expect(outcome.measure.successRate.k).toBeGreaterThan(0);
    expect(result.body.findings.find(({ id }) => id === "F-threshold:small-changes")?.status).toBe("confirmed");
    expect(result.body.outcome.byAnalogy).toBe(true);
  });
});

describe("real networks", () => {
  test("MNIST and mnist_fc_256x2: the attack is white-box and breaks most samples at 0.05", async (context) => {
    if (NO_SHARED_DATA) return context.skip(NO_SHARED_DATA);
    const result = await assessed(
      systemAround({
        model: "vnncomp/mnist_fc_256x2/mnist-net_256x2.onnx",
        data: "images/mnist/x.npy",
        labels: "images/mnist/y.npy",
        input: "{ layout: NHW, range: [0, 255], scale: 1/255 }",
        classes: 10,
        declared: 0.974,
        eps: "0.05",
        samples: 50,
      }),
      SHARED_DATA,
      { state: join(folder, "mnist") },
    );
    const evidence = evasionOf(result);
    expect(evidence.grade).toBe("B");
    expect(evidence.outcome).toMatchObject({
      status: "measured",
      measure: { kind: "evasion", robustAccuracy: { n: 50 } },
    });
    if (evidence.outcome.status !== "measured" || evidence.outcome.measure.kind !== "evasion")
      throw new Error("not an evasion measure");
    // 20 x 60 steps of sign gradient break 20 of 23 breakable properties at 0.03 and 0.05: well over half of the inputs fall.
    expect(evidence.outcome.measure.successRate.k / evidence.outcome.measure.successRate.n).toBeGreaterThan(0.5);
  });
  test("GTSRB and its binarised network: white-box by surrogate, said by name", async (context) => {
    if (NO_SHARED_DATA) return context.skip(NO_SHARED_DATA);
    const result = await assessed(
      systemAround({
        model:
          "vnncomp/traffic_signs_48/3_48_48_QConv_32_5_MP_2_BN_QConv_64_5_MP_2_BN_QConv_64_3_BN_Dense_256_BN_Dense_43_ep_30.onnx",
        data: "images/gtsrb48/x48.npy",
        labels: "images/gtsrb48/y48.npy",
        input: "{ layout: NHWC, range: [0, 255] }",
        classes: 43,
        declared: 0.95,
        eps: "8/255",
        samples: 6,
      }),
      SHARED_DATA,
      { state: join(folder, "gtsrb") },
    );
    const evidence = evasionOf(result);
    expect(evidence.notes.join(" ")).toContain(
      "gradient by surrogate where there is none (BPDA): Sign as softsign (8 nodes",
    );
    if (evidence.outcome.status !== "measured" || evidence.outcome.measure.kind !== "evasion")
      throw new Error(`not measured: ${JSON.stringify(evidence.outcome)}`);
    expect(evidence.outcome.measure.attacks.some(({ access }) => access === "white-box")).toBe(true);
    // Of the 12 properties of this network with 3/255 and more all are known to be violated: wider balls rarely hold.
    const { k, n } = evidence.outcome.measure.successRate;
    expect(k / n).toBeGreaterThan(0.5);
  });
});
