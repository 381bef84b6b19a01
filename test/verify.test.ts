/** `vauban verify`: what it decides, what it refuses, and that anybody can run its counterexamples with onnxruntime alone. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { verifyFiles, type VerifyPlan, type VerifyResult } from "#assess/verify-file.ts";
import type { Verification } from "#assess/verify.ts";
import { rng } from "#base/random.ts";
import { filesBelow } from "#host/index.ts";
import { attribute } from "#onnx/tensor.ts";
import { weights } from "./support/networks.ts";
import { sketchModel, tensor } from "./support/onnx.ts";
import type { ModelSketch } from "./support/onnx.ts";
import { testRuntime } from "./support/runtime.ts";

const folder = mkdtempSync(join(tmpdir(), "vauban-verify-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const transposed = [attribute.int("transB", 1)];
/** |x0| − x1 and 0.3, by four ReLUs, and what `more` makes of it. */
const model = (name: string, more: Partial<ModelSketch> = {}, dims: (number | null)[] = [null, 2]): string => {
  const sketch: ModelSketch = {
    input: { name: "in", dims },
    constants: {
      w1: tensor([4, 2], [1, 0, -1, 0, 0, 1, 0, -1]),
      w2: tensor([2, 4], [1, 1, -1, 1, 0, 0, 0, 0]),
      b2: tensor([2], [0, 0.3]),
      ...more.constants,
    },
    nodes: [
      { op: "Gemm", in: ["in", "w1"], out: ["h"], attributes: transposed },
      { op: "Relu", in: ["h"], out: ["a"] },
      { op: "Gemm", in: ["a", "w2", "b2"], out: ["z"], attributes: transposed },
      ...(more.nodes ?? []),
    ],
    outputs: more.outputs ?? ["z"],
    ...(more.more ? { more: more.more } : {}),
  };
  writeFileSync(join(folder, name), sketchModel(sketch));
  return name;
};

const declared = (inputs: number, outputs: number): string =>
  [
    ...Array.from({ length: inputs }, (_, i) => `(declare-const X_${i} Real)`),
    ...Array.from({ length: outputs }, (_, j) => `(declare-const Y_${j} Real)`),
  ].join("\n");
const box = (ends: readonly (readonly [number, number])[]): string =>
  ends.map(([low, high], i) => `(assert (>= X_${i} ${low}))(assert (<= X_${i} ${high}))`).join("\n");
const property = (
  name: string,
  unsafe: string,
  outputs = 2,
  ends: [number, number][] = [
    [-1, 1],
    [-0.5, 0.25],
  ],
): string => {
  writeFileSync(join(folder, name), `${declared(ends.length, outputs)}\n${box(ends)}\n${unsafe}`);
  return name;
};

const ports = {
  files: filesBelow(folder),
  runtime: testRuntime,
  clock: { now: () => Date.now(), monotonic: () => performance.now() },
};
const decide = (plan: Pick<VerifyPlan, "model" | "property"> & Partial<VerifyPlan>): Promise<VerifyResult> =>
  verifyFiles({ secondsMax: 20, nodesMax: 5000, seed: "1", ...plan }, new AbortController().signal, ports, () => {});
async function verified(file: string, words: string): Promise<Verification> {
  const result = await decide({ model: file, property: words });
  if (result.status === "refused") throw new Error(result.because);
  return result.verification;
}
async function refusal(file: string, words: string): Promise<string> {
  const result = await decide({ model: file, property: words });
  return result.status === "refused" ? result.because : `not refused: ${result.verification.verdict}`;
}

/** What onnxruntime alone answers to the file. */
async function plainly(file: string, input: Float32Array, dims = [1, input.length]): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(join(folder, file));
  const feeds = { [session.inputNames[0]!]: new ort.Tensor("float32", input, dims) };
  const out = await session.run(feeds);
  return out[session.outputNames[0]!]!.data as Float32Array;
}

describe("a property is decided", () => {
  const abs = model("abs.onnx");
  test("holds where it does: |x0| − x1 never falls below −0.25 on this box", async () => {
    expect((await verified(abs, property("a.vnnlib", "(assert (<= Y_0 -0.26))"))).verdict).toBe("holds");
  });
  test("violated where it is, by an input inside the box that onnxruntime alone confirms", async () => {
    const found = await verified(abs, property("b.vnnlib", "(assert (<= Y_0 -0.24))"));
    if (found.verdict !== "violated") throw new Error(found.verdict);
    expect(found.input[0]!).toBeGreaterThanOrEqual(-1);
    expect(found.input[0]!).toBeLessThanOrEqual(1);
    expect(found.input[1]!).toBeGreaterThanOrEqual(-0.5);
    expect(found.input[1]!).toBeLessThanOrEqual(0.25);
    const z = await plainly(abs, found.input);
    expect(z[0]!).toBeLessThanOrEqual(-0.24);
    expect([...found.outputs]).toEqual([...z]);
  });
  test("a second box is looked at too, whatever the first one is", async () => {
    const either =
      "(assert (or (and (<= X_0 0.1) (>= X_0 0.1) (<= Y_0 -9)) (and (>= X_0 0.5) (<= X_1 -0.4) (>= Y_0 1.4))))";
    const found = await verified(abs, property("c.vnnlib", either));
    expect(found.verdict).toBe("violated");
    if (found.verdict === "violated") expect(found.input[1]!).toBeLessThanOrEqual(-0.4);
  });
  test("a margin that float32 does not keep is unknown, not proved", async () => {
    const wide = model("wide.onnx", {
      constants: { big: tensor([], [1e6]), tie: tensor([2], [1e-4, 0]), one: tensor([2, 2], [1, 0, 1, 0]) },
      nodes: [
        { op: "Mul", in: ["z", "big"], out: ["v"] },
        { op: "Gemm", in: ["v", "one", "tie"], out: ["y"], attributes: transposed },
      ],
      outputs: ["y"],
    });
    const found = await verified(wide, property("d.vnnlib", "(assert (<= Y_0 Y_1))"));
    expect(found.verdict).not.toBe("holds");
  });
  test("an input that is fixed at a number which float32 lacks is decided at its nearest", async () => {
    const fixed = property("e.vnnlib", "(assert (<= Y_0 -0.16))", 2, [
      [0.1, 0.1],
      [0.2, 0.25],
    ]);
    expect((await verified(abs, fixed)).verdict).toBe("holds");
  });
  test("a file that fixes its batch, and one with the sample's shape spelled out", async () => {
    const one = model("batch.onnx", {}, [1, 2]);
    expect((await verified(one, property("f.vnnlib", "(assert (<= Y_0 -0.26))"))).verdict).toBe("holds");
  });
});

describe("heads", () => {
  const soft = model("soft.onnx", {
    nodes: [{ op: "Softmax", in: ["z"], out: ["p"], attributes: [attribute.int("axis", -1)] }],
    outputs: ["p"],
  });
  const sigmoid = model("sigmoid.onnx", { nodes: [{ op: "Sigmoid", in: ["z"], out: ["p"] }], outputs: ["p"] });
  test("which probability is the largest is decided before the softmax", async () => {
    const narrow: [number, number][] = [
      [0.8, 1],
      [-0.5, -0.2],
    ];
    expect((await verified(soft, property("g.vnnlib", "(assert (<= Y_0 Y_1))", 2, narrow))).verdict).toBe("holds");
    const found = await verified(soft, property("h.vnnlib", "(assert (<= Y_0 Y_1))"));
    if (found.verdict !== "violated") throw new Error(found.verdict);
    const p = await plainly(soft, found.input);
    expect(p[0]!).toBeLessThanOrEqual(p[1]!);
    // What is reported are the file's own outputs.
    expect([...found.outputs]).toEqual([...p]);
  });
  test("a probability compared with a number: violated by attack, or unknown because no bound passes a softmax", async () => {
    const found = await verified(soft, property("i.vnnlib", "(assert (<= Y_0 0.37))"));
    if (found.verdict !== "violated") throw new Error(found.verdict);
    expect((await plainly(soft, found.input))[0]!).toBeLessThanOrEqual(0.37);
    expect(await verified(soft, property("j.vnnlib", "(assert (<= Y_0 0.01))"))).toMatchObject({
      verdict: "unknown",
      because: expect.stringMatching(/Softmax/) as string,
    });
  });
  test("a sigmoid compared with a number is bounded as the function it is", async () => {
    expect((await verified(sigmoid, property("k.vnnlib", "(assert (<= Y_0 0.43))"))).verdict).toBe("holds");
    expect((await verified(sigmoid, property("l.vnnlib", "(assert (<= Y_0 0.44))"))).verdict).toBe("violated");
  });
  test("two saturated sigmoids are equal in float32, whatever their logits are", async () => {
    const saturated = model("saturated.onnx", {
      constants: { big: tensor([], [400]), b3: tensor([2], [50, 0]) },
      nodes: [
        { op: "Abs", in: ["z"], out: ["m"] },
        { op: "Mul", in: ["m", "big"], out: ["v"] },
        { op: "Add", in: ["v", "b3"], out: ["s"] },
        { op: "Sigmoid", in: ["s"], out: ["p"] },
      ],
      outputs: ["p"],
    });
    const found = await verified(
      saturated,
      property("m.vnnlib", "(assert (<= Y_0 Y_1))", 2, [
        [0.8, 1],
        [-0.5, -0.2],
      ]),
    );
    expect(found.verdict).not.toBe("holds");
  });
});

describe("what cannot be decided is refused or unknown, in words", () => {
  const abs = model("abs2.onnx");
  test.each([
    [
      "three inputs for two",
      property("n.vnnlib", "(assert (<= Y_0 0))", 2, [
        [0, 1],
        [0, 1],
        [0, 1],
      ]),
      /declares 3 inputs.*takes \[\?, 2\]/,
    ],
    ["five outputs for two", property("o.vnnlib", "(assert (<= Y_4 0))", 5), /declares 5 outputs, the model gives 2/],
    [
      "an empty box",
      property("p.vnnlib", "(assert (<= Y_0 0))", 2, [
        [1, 0],
        [0, 1],
      ]),
      /exclude each other/,
    ],
    [
      "a bound beyond float32",
      property("q.vnnlib", "(assert (<= Y_0 0))", 2, [
        [0, 1e300],
        [0, 1],
      ]),
      /largest float32/,
    ],
    ["nothing at all", property("r.vnnlib", ""), /nothing is said of the outputs/],
    ["no property", "missing.vnnlib", /missing\.vnnlib/],
  ])("%s", async (_, words, because) => {
    expect(await refusal(abs, words)).toMatch(because);
  });
  test("several inputs", async () => {
    const two = model("two.onnx", {
      more: [{ name: "second", dims: [null, 2] }],
      nodes: [{ op: "Add", in: ["z", "second"], out: ["y"] }],
      outputs: ["y"],
    });
    expect(await refusal(two, property("s.vnnlib", "(assert (<= Y_0 0))"))).toMatch(/2 inputs \(in, second\)/);
  });
  test("a model without gradient or bounds is still attacked", async () => {
    const steps = model("steps.onnx", { nodes: [{ op: "Floor", in: ["z"], out: ["y"] }], outputs: ["y"] });
    expect((await verified(steps, property("t.vnnlib", "(assert (<= Y_0 -1))"))).verdict).toBe("violated");
    expect(await verified(steps, property("u.vnnlib", "(assert (<= Y_0 -7))"))).toMatchObject({
      verdict: "unknown",
      because: expect.stringMatching(/Floor/) as string,
    });
  });
  test("a model that draws numbers is never proved", async () => {
    const noisy = model("noisy.onnx", {
      nodes: [
        { op: "RandomUniform", in: [], out: ["r"], attributes: [attribute.ints("shape", [2])] },
        { op: "Add", in: ["z", "r"], out: ["y"] },
      ],
      outputs: ["y"],
    });
    const result = await decide({ model: noisy, property: property("v.vnnlib", "(assert (<= Y_0 -7))") });
    expect(result).toMatchObject({ status: "decided", verification: { verdict: "unknown" } });
    if (result.status === "decided") expect(result.notes.join()).toMatch(/stochastic/);
  });
});

/** Wide and deep enough that neither attacks nor bounds end in a second. */
const large = (name: string): string => {
  const random = rng("large");
  const width = 700;
  const nodes: ModelSketch["nodes"][number][] = [];
  const constants: Record<string, ReturnType<typeof tensor>> = {};
  let at = "z";
  for (let k = 0; k < 4; k++) {
    constants[`v${k}`] = weights(random, [k === 3 ? 2 : width, k === 0 ? 2 : width]);
    nodes.push({ op: "Gemm", in: [at, `v${k}`], out: [`g${k}`], attributes: transposed });
    if (k < 3) nodes.push({ op: "Relu", in: [`g${k}`], out: [`r${k}`] });
    at = k < 3 ? `r${k}` : `g${k}`;
  }
  return model(name, { constants, nodes, outputs: [at] });
};

describe("time", () => {
  test("is kept: a second on a large network ends within a few", async () => {
    const file = large("large.onnx");
    const began = performance.now();
    const result = await decide({
      model: file,
      property: property("w.vnnlib", "(assert (<= Y_0 -1e6))"),
      secondsMax: 1,
    });
    expect(performance.now() - began).toBeLessThan(6000);
    expect(result).toMatchObject({ status: "decided" });
    if (result.status === "decided" && result.verification.verdict === "unknown")
      expect(result.verification.because).toMatch(/out of time/);
  });
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly seconds: number;
}

/** Runs the command; `cancelled` sends it Ctrl-C at its first word of progress, and `seconds` counts from there. */
function vauban(args: readonly string[], { cancelled = false } = {}): Promise<Ran> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, ["--no-warnings", resolve("bin/vauban.cjs"), ...args], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1", CI: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "",
      err = "",
      from = performance.now();
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => {
      if (cancelled && err === "") {
        from = performance.now();
        child.kill("SIGINT");
      }
      err += chunk.toString();
    });
    child.on("close", (code) => settle({ code, out, err, seconds: (performance.now() - from) / 1000 }));
  });
}

describe("the command", () => {
  test("ends with 0, 1 or 2 by its verdict, and writes one document that its schema takes, and the counterexample", async () => {
    const abs = model("abs3.onnx");
    const schema = JSON.parse((await vauban(["schema", "verify"])).out) as object;
    const valid = new Ajv2020({ strict: false }).compile(schema);
    const [holds, violated, refused] = await Promise.all([
      vauban(["verify", abs, property("x.vnnlib", "(assert (<= Y_0 -0.26))"), "--json", "-q"]),
      vauban(["verify", abs, property("y.vnnlib", "(assert (<= Y_0 0))"), "--json", "--counterexample", "found.txt"]),
      vauban(["verify", abs, property("z.vnnlib", "(assert (<= Y_7 0))"), "--json"]),
    ]);
    expect([holds.code, violated.code, refused.code]).toEqual([0, 1, 2]);
    for (const { out } of [holds, violated]) expect([valid(JSON.parse(out)), valid.errors]).toEqual([true, null]);
    const { counterexample } = JSON.parse(violated.out) as { counterexample: { input: number[] } };
    const z = await plainly(abs, Float32Array.from(counterexample.input));
    expect(z[0]!).toBeLessThanOrEqual(0);
    expect(readFileSync(join(folder, "found.txt"), "utf8")).toMatch(/^\(\(X_0 [-\d.e]+\)\n\(X_1 [-\d.e]+\)\n\(Y_0 /);
    expect(refused.err).toMatch(/Y_7 is not declared/);
    expect(refused.err).not.toMatch(/\n\s+at /);
  });

  test("is cancelled within a second, and ends with 130", async () => {
    // Between what attacks reach and what bounds prove: it goes on until the time is up.
    const undecided = property("zz.vnnlib", "(assert (<= Y_0 -10))");
    const { code, seconds, err } = await vauban(["verify", large("larger.onnx"), undecided, "--timeout", "60"], {
      cancelled: true,
    });
    expect(err).toMatch(/cancelling/);
    expect(code).toBe(130);
    expect(seconds).toBeLessThan(2);
  });
});
