import { describe, expect, test } from "vitest";
import { OnnxError } from "#onnx/errors.ts";
import type { HeadChoice } from "#onnx/head.ts";
import { sketchModel, tensor } from "../../test/support/onnx.ts";
import { testRuntime } from "../../test/support/runtime.ts";
import { openForClasses } from "./heads.ts";

/** A linear map of four inputs to k outputs, with or without a sigmoid on each. */
function open(k: number, closing: "Sigmoid" | "none", largest: number, head?: HeadChoice) {
  const weights = Array.from({ length: 4 * k }, (_, i) => Math.sin(i + 1));
  const bytes = sketchModel({
    input: { name: "x", dims: [null, 4] },
    constants: { w: tensor([4, k], weights) },
    nodes: [
      { op: "MatMul", in: ["x", "w"], out: ["z"] },
      { op: closing === "none" ? "Identity" : closing, in: ["z"], out: ["y"] },
    ],
    outputs: ["y"],
  });
  const input = { range: [0, 1] as [number, number], scale: 1, mean: [], std: [], integer: false };
  return openForClasses({ bytes, input, sampleShape: [4], runtime: testRuntime, ...(head ? { head } : {}) }, largest);
}

describe("a model opened for data with one class per input", () => {
  test("with several raw outputs gives classes", async () => {
    const c = await open(3, "none", 2);
    expect(c).toMatchObject({ meaning: "classes", outputs: 3 });
    await c.release();
  });

  test("with several sigmoids is refused, and says what to write if the labels exclude each other", async () => {
    const refusal = await open(3, "Sigmoid", 2).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OnnxError);
    expect((refusal as OnnxError).message).toBe("the model gives 3 independent labels, the data one class per input");
    expect((refusal as OnnxError).remedy).toContain("head: exclusive");
  });

  test("with several sigmoids that the author calls exclusive gives classes", async () => {
    const c = await open(3, "Sigmoid", 2, "exclusive");
    expect(c).toMatchObject({ meaning: "classes", outputs: 3 });
    await c.release();
  });

  test("with one raw output and labels 0 and 1 is binary: there is no other reading", async () => {
    const c = await open(1, "none", 1);
    expect(c.model.head).toMatchObject({ kind: "binary-logit", meaning: "classes", outputs: 2 });
    await c.release();
  });

  test("with one raw output and three labels is refused", async () => {
    await expect(open(1, "none", 2)).rejects.toThrow("the model gives a number, the data one class per input");
  });
});
