/**
 * Every classifier of the shared images and models through `vauban attack`, quick profile, few inputs: the figures as they
 * were measured once, or the operator or head that prevents what – and what serves instead.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { InferenceSession } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import { writeNpy } from "#formats/writers.testing.ts";
import { NO_SHARED_DATA, SHARED_DATA } from "./support/assess.ts";
import { attacked, type AttackOptions } from "./support/attack.ts";
import { testRuntime } from "./support/runtime.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-references-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Reference {
  readonly model: string;
  readonly data: string;
  readonly n: number;
  /** Right as they are, and under L∞ 8/255 (or `eps`). */
  readonly clean: number;
  readonly k: number;
  readonly eps?: string;
  readonly scale: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Named where the model has no gradient. */
  readonly noGradient?: RegExp;
  /** Why no figure of it is relied on. */
  readonly doubt?: RegExp;
}

const mnist = "images/mnist/x.npy";
const standardised = { scale: 1 / 255, mean: [0.1307], std: [0.3081] };
const FIGURES: readonly Reference[] = [
  { model: "images/cifar10/mlperf_tiny_resnet8.onnx", data: "images/cifar10/x.npy", n: 12, clean: 10, k: 0, scale: 1 },
  {
    model: "images/digits8x8/digits_cnn.onnx",
    data: "images/digits8x8/x.npy",
    n: 30,
    clean: 30,
    k: 20,
    eps: "0.1",
    scale: 1 / 16,
  },
  { model: "images/mnist/mnist-8.onnx", data: mnist, n: 12, clean: 11, k: 9, eps: "0.05", ...standardised },
  { model: "images/mnist/wonnx_opt-mnist.onnx", data: mnist, n: 12, clean: 11, k: 9, eps: "0.05", ...standardised },
  { model: "images/mnist/tribuo_pytorch_cnn_mnist.onnx", data: mnist, n: 12, clean: 12, k: 9, eps: "0.1", scale: 1 },
  { model: "models/marabou_cnn_max_mninst2.onnx", data: mnist, n: 12, clean: 11, k: 9, eps: "0.05", scale: 1 / 255 },
  // Tribuo numbers the pixels its own way: nearly always wrong, attacked by queries all the same, and no figure to rely on.
  {
    model: "models/tribuo_lr_mnist.onnx",
    data: mnist,
    n: 12,
    clean: 5,
    k: 3,
    scale: 1,
    noGradient: /LinearClassifier/,
    doubt: /before any attack: .*preprocessing/,
  },
];

/** One more or less is another processor's rounding. */
const near = (found: number | null, reference: number): void =>
  expect(Math.abs(found! - reference), `${found} where ${reference} was measured`).toBeLessThanOrEqual(1);

describe("with their data, quick profile", () => {
  test.for(FIGURES)("$model stands $k of $n", async (reference, context) => {
    if (NO_SHARED_DATA) context.skip(NO_SHARED_DATA);
    const { model, data, n, clean, k, eps = "8/255", scale, mean, std, noGradient, doubt } = reference;
    const { document } = await attacked(SHARED_DATA, model, data, {
      samples: n,
      workers: 1,
      queries: 150,
      eps: [eps],
      input: { integer: false, scale, ...(mean ? { mean } : {}), ...(std ? { std } : {}) },
    });
    const [trial] = document.trials;
    if (doubt) expect(trial!.because).toMatch(doubt);
    else expect(trial!.because).toBeUndefined();
    expect(trial!.n).toBe(n);
    near(trial!.measure!.successRate.n, clean);
    near(trial!.k, k);
    expect(document.target.access).toBe(noGradient ? "scores" : "white-box");
    if (noGradient) expect(document.target.noGradient).toMatch(noGradient);
  });
});

/** Inputs from 0 to 1 for a model that comes without data, labelled by the model itself. */
async function labelledByItself(model: string, shape: readonly number[], count: number): Promise<string> {
  const random = rng(model);
  const size = shape.reduce((product, side) => product * side, 1);
  const x = Float32Array.from({ length: count * size }, () => random.uniform());
  const session: InferenceSession = await testRuntime.load(readFileSync(join(SHARED_DATA, model)));
  const labels = new Int32Array(count);
  for (let k = 0; k < count; k++) {
    const feed = { type: "float32", dims: [1, ...shape], data: x.subarray(k * size, (k + 1) * size) } as const;
    const out = await session.run({ [session.inputNames[0]!]: feed });
    const scores = Object.values(out).find(({ type }) => type === "float32")!.data as Float32Array;
    labels[k] = scores.indexOf(Math.max(...scores));
  }
  await session.release();
  return saved(x, shape, labels);
}

let files = 0;
function saved(x: Float32Array, shape: readonly number[], labels: Int32Array): string {
  const path = join(temporary, `x-${files}.npy`);
  writeFileSync(path, writeNpy(x, [labels.length, ...shape]));
  writeFileSync(join(temporary, `y-${files++}.npy`), writeNpy(labels, [labels.length]));
  return path;
}

describe("without data of their own, on inputs they labelled themselves", () => {
  const stated: AttackOptions = {
    input: { integer: false, scale: 1 },
    samples: 12,
    queries: 60,
    workers: 1,
    eps: ["0.1"],
  };
  test.for([
    ["models/tribuo_oci_iris-lr-model.onnx", [4], 7],
    ["models/marabou_KJ_TinyTaxiNet.onnx", [8, 16, 1], 0],
    ["models/marabou_model-german-traffic-sign-fast.onnx", [32, 32, 3], 0],
  ] as const)("%s stands %j: %i of 12", async ([model, shape, k], context) => {
    if (NO_SHARED_DATA) context.skip(NO_SHARED_DATA);
    const data = await labelledByItself(model, shape, 24);
    const { document } = await attacked(SHARED_DATA, model, data, stated);
    expect(document.trials[0]!.because).toBeUndefined();
    expect(document.target.access).toBe("white-box");
    near(document.trials[0]!.k, k);
  });

  // One says the same class all over the range, so no attack can show that it works: a figure would say nothing.
  test.for([
    ["models/tract_lgbm_classifier_tensor_model.onnx", [13], /Gather/, "an unlimited budget beats every input"],
    // A sequence, whose steps stand where others have their batch.
    ["models/tract_qlstm_3-2-3_T3_S1_model.onnx", [3], /Scan/, "together otherwise than one by one"],
  ] as const)("%s gives no figure of robustness", async ([model, shape, operator, why], context) => {
    if (NO_SHARED_DATA) context.skip(NO_SHARED_DATA);
    const data = await labelledByItself(model, shape, 24);
    const { document } = await attacked(SHARED_DATA, model, data, stated);
    expect(document.target).toMatchObject({ access: "scores", noGradient: expect.stringMatching(operator) });
    expect(document.trials[0]).toMatchObject({
      outcome: "inconclusive",
      because: expect.stringContaining(why),
    });
  });

  test.for([
    ["models/tract_xgboost_regressor_tree_model.onnx", [13], /numbers? per input|a number/],
    ["models/ultra-light-fast-g_version-slim-320_simplified.onnx", [3, 240, 320], /no output .* one row of numbers/],
    [
      "models/onnxruntime-infere_pytorch_superresolution_with_pre_post_processing_op18.onnx",
      [8, 8],
      /the network takes/,
    ],
    ["models/sklearn-onnx_treecl2.onnx", [4], /requests feature 19 but input tensor has 4/],
  ] as const)("%s is refused, with what it is instead", async ([model, shape, words], context) => {
    if (NO_SHARED_DATA) context.skip(NO_SHARED_DATA);
    const size = shape.reduce((product: number, side) => product * side, 1);
    const random = rng(model);
    const x = Float32Array.from({ length: 4 * size }, () => random.uniform());
    await expect(
      attacked(SHARED_DATA, model, saved(x, shape, Int32Array.of(0, 1, 2, 1)), stated),
    ).rejects.toMatchObject({
      name: "HostError",
      message: expect.stringMatching(words),
    });
  });
});
