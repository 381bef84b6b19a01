/** `vauban inspect`: every real model with its expected verdict, and what the command says to files of all kinds. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { inspectionDocument } from "#cli/documents.ts";
import { inspectIsolated } from "#host/inspector.ts";
import { OnnxError } from "#onnx/errors.ts";
import { inspectModel } from "#onnx/inspect.ts";
import type { Access } from "#onnx/inspect.ts";
import { attribute } from "#onnx/tensor.ts";
import { needSharedData, sharedData } from "./support/npy.ts";
import { sketchModel, tensor } from "./support/onnx.ts";
import { testRuntime } from "./support/runtime.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-inspect-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Verdict {
  readonly access: Access;
  /** Kind of the head and number of outputs. */
  readonly head?: string;
  readonly sample?: readonly number[];
  readonly batch?: "any" | number;
  /** What prevents more, as the message says it. */
  readonly because?: string;
}
const open = (head: string, sample: readonly number[]): Verdict => ({
  access: "white-box",
  head,
  sample,
  batch: "any",
});

const verdicts: Readonly<Record<string, Verdict>> = {
  "images/cifar10/mlperf_tiny_resnet8.onnx": open("logits 10", [3, 32, 32]),
  "images/digits8x8/digits_cnn.onnx": open("logits 10", [1, 8, 8]),
  "images/mnist/mnist-8.onnx": open("logits 10", [1, 28, 28]),
  "images/mnist/tribuo_pytorch_cnn_mnist.onnx": open("log-softmax 10", [1, 28, 28]),
  "images/mnist/wonnx_opt-mnist.onnx": open("logits 10", [1, 28, 28]),
  "models/marabou_KJ_TinyTaxiNet.onnx": open("logits 2", [8, 16, 1]),
  "models/marabou_cnn_max_mninst2.onnx": open("logits 10", [28, 28, 1]),
  "models/marabou_model-german-traffic-sign-fast.onnx": open("logits 43", [32, 32, 3]),
  "models/onnxruntime-infere_pytorch_superresolution_with_pre_post_processing_op18.onnx": {
    access: "refused",
    because: "com.microsoft.extensions:DecodeImage",
  },
  "models/sklearn-onnx_treecl2.onnx": { access: "unknown", because: 'input "input" leaves its shape open ([?, ?])' },
  "models/tract_lgbm_classifier_tensor_model.onnx": {
    access: "scores",
    head: "softmax 3",
    sample: [13],
    batch: "any",
    because: 'operator Gather (node "Gather_102") picks by indices that depend on the input',
  },
  "models/tract_qlstm_3-2-3_T3_S1_model.onnx": {
    access: "scores",
    head: "logits 3",
    sample: [3],
    batch: 1,
    because: "operator Scan",
  },
  "models/tract_xgboost_regressor_tree_model.onnx": {
    access: "scores",
    head: "regression 1",
    sample: [13],
    batch: "any",
    because: "operator ai.onnx.ml.TreeEnsembleRegressor",
  },
  "models/tribuo_lr_mnist.onnx": {
    access: "scores",
    head: "probabilities 10",
    sample: [784],
    batch: "any",
    because: "operator ai.onnx.ml.LinearClassifier",
  },
  "models/tribuo_oci_iris-lr-model.onnx": open("softmax 3", [4]),
  "models/ultra-light-fast-g_version-slim-320_simplified.onnx": {
    access: "refused",
    because: "no output of the model has one row of numbers per sample",
  },
  "vnncomp/NN_rul_small_window_20/NN_rul_small_window_20.onnx": open("regression 1", [1, 20, 20]),
  "vnncomp/acasxu/1_1/ACASXU_run2a_1_1_batch_2000.onnx": open("logits 5", [1, 1, 5]),
  "vnncomp/acasxu/1_2/ACASXU_run2a_1_2_batch_2000.onnx": open("logits 5", [1, 1, 5]),
  "vnncomp/acasxu/1_3/ACASXU_run2a_1_3_batch_2000.onnx": open("logits 5", [1, 1, 5]),
  "vnncomp/marabou_cifar10_small/cifar10_small.onnx": open("logits 10", [32, 32, 3]),
  "vnncomp/mnist_fc_256x2/mnist-net_256x2.onnx": open("logits 10", [784, 1]),
  "vnncomp/oval21_base/cifar_base_kw.onnx": open("logits 10", [3, 32, 32]),
  "vnncomp/rl_cartpole/cartpole.onnx": open("logits 2", [4]),
  "vnncomp/safenlp_medical/perturbations_0.onnx": open("logits 2", [30]),
  "vnncomp/traffic_signs_48/3_48_48_QConv_32_5_MP_2_BN_QConv_64_5_MP_2_BN_QConv_64_3_BN_Dense_256_BN_Dense_43_ep_30.onnx":
    { access: "surrogate", head: "softmax 43", sample: [48, 48, 3], batch: "any" },
  "vnncomp/verivital_avgpool/Convnet_avgpool.onnx": open("logits 10", [1, 28, 28]),
};

describe("real models", () => {
  test("each has an expected verdict", (context) => {
    needSharedData(context);
    const files = ["models", "images", "vnncomp"].flatMap((folder) =>
      readdirSync(join(sharedData, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".onnx"))
        .map((path) => relative(sharedData, join(sharedData, folder, path))),
    );
    expect(files.toSorted()).toEqual(Object.keys(verdicts).toSorted());
  });

  test.for(Object.entries(verdicts))("%s", async ([file, verdict], context) => {
    needSharedData(context);
    const found = await inspectModel(new Uint8Array(readFileSync(join(sharedData, file))), { runtime: testRuntime });
    expect(found.access).toBe(verdict.access);
    expect(found.head && `${found.head.kind} ${found.head.outputs}`).toBe(verdict.head);
    expect(found.sample?.shape).toEqual(verdict.sample);
    expect(found.batch?.size).toBe(verdict.batch);
    if (verdict.because === undefined) expect(found.because).toBeUndefined();
    else expect(found.because).toContain(verdict.because);
    expect(found.surrogates.length > 0).toBe(found.access === "surrogate");
    if (found.head) expect(found).toMatchObject({ deterministic: true, agreement: { samples: 3 } });
    expect(found.agreement?.difference ?? 0).toBeLessThan(1e-6);
  });
});

// ---- the command -------------------------------------------------------------------------------------------------

function vauban(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, ["--no-warnings", resolve("bin/vauban.cjs"), ...args], {
      cwd: temporary,
      env: { ...process.env, NO_COLOR: "1", CI: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "",
      err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.on("close", (code) => settle({ code, out, err }));
  });
}

const linear = {
  input: { name: "x", dims: [null, 4] },
  constants: { w: tensor([4, 3], [1, 0, 2, -1, 1, 0, 0.5, 2, -2, 1, 1, 1]) },
  nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"] }],
  outputs: ["y"],
};
const written = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(temporary, name), bytes);
  return name;
};

describe("the command", () => {
  test("prints one document that its schema describes", async () => {
    const ran = await vauban("inspect", written("linear.onnx", sketchModel(linear)), "--json");
    expect(ran.err).toBe("");
    expect(ran.code).toBe(0);
    const document = inspectionDocument.parse(JSON.parse(ran.out));
    expect(document).toMatchObject({
      format: "vauban/inspect/1",
      file: { name: "linear.onnx" },
      opset: 17,
      nodes: 1,
      operators: [{ op: "MatMul", count: 1 }],
      parameters: 12,
      macs: 12,
      access: "white-box",
      sample: { input: "x", shape: [4], from: "file" },
      head: { kind: "logits", meaning: "classes", outputs: 3 },
      batch: { size: "any" },
      deterministic: true,
    });
    expect(document.file.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("says in words what was found, the surrogates among it", async () => {
    const nodes = [
      { op: "Sign", in: ["x"], out: ["s"] },
      { op: "MatMul", in: ["s", "w"], out: ["z"] },
      { op: "Sigmoid", in: ["z"], out: ["y"] },
    ];
    const ran = await vauban("inspect", written("signs.onnx", sketchModel({ ...linear, nodes })));
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/head +multi-label: 3 independent sigmoids/);
    expect(ran.out).toMatch(/surrogates +Sign as softsign ×1/);
    expect(ran.out).toMatch(/ATTACKS +white-box by surrogate/);
  });

  test("takes the caller's word on shape, head, and inputs that are not attacked", async () => {
    const several = {
      input: { name: "x", dims: [null, null] },
      more: [{ name: "t", dims: [1, 3] }],
      constants: linear.constants,
      nodes: [
        { op: "MatMul", in: ["x", "w"], out: ["z"] },
        { op: "Add", in: ["z", "t"], out: ["a"] },
        { op: "Sigmoid", in: ["a"], out: ["y"] },
      ],
      outputs: ["y"],
    };
    const file = written("several.onnx", sketchModel(several));
    const asked = await vauban("inspect", file, "--input", "x", "--hold", "t=0.5", "--json");
    expect(asked.code).toBe(2);
    expect(JSON.parse(asked.out)).toMatchObject({ access: "unknown", remedy: expect.stringContaining("--shape") });
    const told = await vauban(
      "inspect",
      file,
      "--input",
      "x",
      "--hold",
      "t=0.5",
      "--shape",
      "4",
      "--head",
      "exclusive",
      "--json",
    );
    expect(told.code).toBe(0);
    expect(JSON.parse(told.out)).toMatchObject({
      access: "white-box",
      sample: { shape: [4], from: "given" },
      head: { kind: "sigmoid", meaning: "classes" },
    });
    const unheld = await inspectModel(sketchModel(several), { runtime: testRuntime, attacked: "x", sampleShape: [4] });
    expect(unheld).toMatchObject({
      access: "refused",
      because: expect.stringContaining('input "t" [1, 3] is neither attacked'),
    });
  });

  test.each([
    ["no.onnx", undefined, "no.onnx"],
    ["cut.onnx", sketchModel(linear).subarray(0, 60), "cut.onnx is no model that can be read"],
  ])("%s ends with code 2 and says why", async (name, bytes, words) => {
    if (bytes) written(name, bytes);
    const ran = await vauban("inspect", name);
    expect(ran.code).toBe(2);
    expect(ran.out).toBe("");
    expect(ran.err).toContain(words);
    expect(ran.err).not.toContain("a mistake of ours");
  });

  test("an option that is no shape is refused with how to write it", async () => {
    const ran = await vauban("inspect", written("linear.onnx", sketchModel(linear)), "--shape", "3xwide");
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("--shape 3xwide is no shape\n  remedy: write the lengths of one sample");
  });

  test("--help teaches", async () => {
    const { out, code } = await vauban("inspect", "--help");
    expect(code).toBe(0);
    for (const word of ["--shape", "--hold", "white-box by surrogate", "docs/models.md", "Examples:"])
      expect(out).toContain(word);
  });
});

test.each([
  ["nothing", new Uint8Array(0)],
  ["noise", Uint8Array.from({ length: 300 }, (_, i) => (i * 91) % 256)],
])("%s is no model", async (_, bytes) => {
  await expect(inspectModel(bytes, { runtime: testRuntime })).rejects.toBeInstanceOf(OnnxError);
});

test("a file that kills its process is described and refused, with the process's last words", async () => {
  const worker = join(temporary, "dies.mjs");
  writeFileSync(
    worker,
    'import { writeSync } from "node:fs";\nprocess.on("message", () => { writeSync(2, "native abort"); process.kill(process.pid, "SIGABRT"); });\n',
  );
  const path = resolve(temporary, written("linear.onnx", sketchModel(linear)));
  const signal = new AbortController().signal;
  expect(await inspectIsolated({ path }, signal, worker)).toMatchObject({
    access: "refused",
    because: "the isolated process ended (killed by SIGABRT): native abort",
    operators: [{ op: "MatMul", count: 1 }],
    parameters: 12,
  });
  expect((await inspectIsolated({ path }, signal)).access).toBe("white-box");
});

test("an inspection that is cancelled ends at once", async () => {
  const worker = join(temporary, "hangs.mjs");
  writeFileSync(worker, 'process.on("message", () => setInterval(() => {}, 1000));\n');
  const controller = new AbortController();
  const waiting = inspectIsolated({ path: "any" }, controller.signal, worker);
  setTimeout(() => controller.abort(), 50);
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
});

test("a stochastic model is said to be one", async () => {
  const nodes = [
    { op: "RandomNormalLike", in: ["x"], out: ["n"], attributes: [attribute.float("scale", 1)] },
    { op: "Add", in: ["x", "n"], out: ["s"] },
    { op: "MatMul", in: ["s", "w"], out: ["y"] },
  ];
  const found = await inspectModel(sketchModel({ ...linear, nodes }), { runtime: testRuntime });
  expect(found.deterministic).toBe(false);
  expect(found.notes.join()).toContain("stochastic");
});
