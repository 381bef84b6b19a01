/**
 * Every operator of the table, on small tensors: its shape and float64 value against onnxruntime (float32), the gradient
 * nodes it emits against float64 central differences, and the same nodes run by onnxruntime.
 */
import { describe, expect, test } from "vitest";
import { UnsupportedOp } from "#onnx/errors.ts";
import { gradientOf } from "#onnx/gradient.ts";
import { encodeGraph } from "#onnx/graph.ts";
import { isKnown, lowered } from "#onnx/normalise.ts";
import { ops } from "#onnx/ops.ts";
import { evaluate } from "#onnx/reference.ts";
import { attribute, isFloat, toValue } from "#onnx/tensor.ts";
import type { Writer } from "#onnx/writer.ts";
import { testRuntime } from "../support/runtime.ts";
import { ai, ais, asRuntime, cases, f, isFree, relative, TRUE_BATCH, worldOf, written } from "./operator-cases.ts";
import type { Case } from "./operator-cases.ts";

const PROBES = [7, 11];
/** float32 against float64, relative to the largest magnitude of the tensor. */
const VALUE_TOLERANCE = 2e-6;
const GRADIENT_TOLERANCE = 1e-5;
/** float32 sums of a whole gradient graph. */
const RUNTIME_GRADIENT_TOLERANCE = 2e-5;

describe.each(cases.map((one) => [`${one.op}${one.note ? `, ${one.note}` : ""}`, one] as const))("%s", (_, one) => {
  const world = worldOf(one);

  test("has the shape, type and value that onnxruntime gives", async () => {
    const session = await testRuntime.load(world.bytes);
    const expected = await session.run(asRuntime(world.feeds));
    await session.release();
    const g = written(one, world, world.batch ? [TRUE_BATCH] : [0]);
    const refs = world.outputs.map((name) => g.ref(name));
    world.outputs.forEach((name, i) => {
      expect(refs[i]!.at[0]!.dims).toEqual([...expected[name]!.dims]);
      expect(refs[i]!.at[0]!.type).toBe(expected[name]!.type);
    });
    if (one.shapeOnly) return;
    const values = evaluate(
      g,
      world.feeds,
      refs.map((ref) => ref.name),
    );
    world.outputs.forEach((name, i) => {
      const value = values[refs[i]!.name]!;
      expect(value.dims).toEqual([...expected[name]!.dims]);
      const difference = relative(value.data, toValue(expected[name]!).data);
      expect(difference).toBeLessThanOrEqual(VALUE_TOLERANCE);
    });
  });

  const wrt = (one.wrt ?? one.inputs.map((_input, i) => i)).filter((i) => isFree(one.inputs[i]));
  if (wrt.length === 0) return;

  const lossOf = (g: Writer) => {
    // A weighted sum of every floating-point output, so that each element's gradient counts and all differ.
    const parts = world.outputs.flatMap((name, i) => {
      const ref = g.ref(name);
      if (!isFloat(ref.at[0]!.type)) return [];
      const phase = g.constant({ type: ref.at[0]!.type, dims: [], data: Float64Array.of(0.7 + i) });
      const swing = g.op("Sin", [g.add(g.mul(ref, g.number(0.3, ref)), phase)]);
      return [g.cast(g.op("ReduceSum", [g.mul(swing, g.add(ref, phase))], attribute.int("keepdims", 0)), "float32")];
    });
    return parts.length === 1 ? parts[0]! : g.op("Sum", parts);
  };

  if (one.refused) {
    test("refuses a gradient, naming the operator and the node", () => {
      const g = written(one, world, world.batch ? PROBES : [0]);
      const target = g.ref(world.outputs[0]!);
      const refusal = (() => {
        try {
          gradientOf(g, isFloat(target.at[0]!.type) ? lossOf(g) : g.cast(target, "float32"), g.ref(`x${wrt[0]}`));
          return undefined;
        } catch (error) {
          return error;
        }
      })();
      expect(refusal).toBeInstanceOf(UnsupportedOp);
      expect((refusal as UnsupportedOp).message).toContain(one.op);
    });
    return;
  }

  test("has a gradient that float64 central differences confirm, and onnxruntime computes", async () => {
    const g = written(one, world, world.batch ? PROBES : [0]);
    const loss = lossOf(g);
    const gradients = wrt.map((i) => ({ name: `x${i}`, ref: gradientOf(g, loss, g.ref(`x${i}`)) }));
    const values = evaluate(
      g,
      world.feeds,
      gradients.map(({ ref }) => ref.name),
    );
    for (const { name, ref } of gradients) {
      const analytic = values[ref.name]!;
      expect(analytic.dims).toEqual(world.feeds[name]!.dims);
      const h = 1e-6;
      let wrong = 0,
        total = 1e-12;
      for (let direction = 0; direction < 6; direction++) {
        const v = analytic.data.map(() => world.draw.normal());
        const along = (step: number): number => {
          const moved = { ...world.feeds[name]!, data: world.feeds[name]!.data.map((x, i) => x + step * v[i]!) };
          return evaluate(g, { ...world.feeds, [name]: moved }, [loss.name])[loss.name]!.data[0]!;
        };
        const numeric = (along(h) - along(-h)) / (2 * h);
        const exact = analytic.data.reduce((sum, d, i) => sum + d * v[i]!, 0);
        wrong += (numeric - exact) ** 2;
        total += numeric ** 2;
      }
      expect(Math.sqrt(wrong / total)).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
    }
    const bytes = encodeGraph({
      inputs: world.free.map(({ name, input }) => ({
        name,
        type: "float32",
        dims: input.dims.map((dim, i) => (world.batch && i === 0 ? null : dim)),
      })),
      outputs: gradients.map(({ name, ref }) => {
        g.output(`gradient of ${name}`, ref);
        return {
          name: `gradient of ${name}`,
          type: "float32" as const,
          dims: ref.at[0]!.dims.map((dim, i) => (world.batch && i === 0 ? null : dim)),
        };
      }),
      nodes: g.nodes,
      constants: g.constants,
    });
    const session = await testRuntime.load(bytes);
    const needed = Object.fromEntries(
      Object.entries(asRuntime(world.feeds)).filter(([name]) => session.inputNames.includes(name)),
    );
    const results = await session.run(needed);
    await session.release();
    for (const { name, ref } of gradients)
      expect(relative(toValue(results[`gradient of ${name}`]!).data, values[ref.name]!.data)).toBeLessThanOrEqual(
        RUNTIME_GRADIENT_TOLERANCE,
      );
  });
});

// Flat areas of clean images tie; a gradient that went to all winners in full would be several times too long.
test.each<Case>([
  { op: "ReduceMax", inputs: [f(1, 4)], attributes: [ais("axes", [1])] },
  { op: "ReduceMin", inputs: [f(1, 4)], attributes: [ais("axes", [1])] },
  { op: "GlobalMaxPool", inputs: [f(1, 1, 2, 2)] },
  { op: "MaxPool", inputs: [f(1, 1, 2, 2)], attributes: [ais("kernel_shape", [2, 2]), ais("strides", [2, 2])] },
  { op: "Max", inputs: [f(1), f(1), f(1), f(1)] },
])("$op shares its gradient among ties", (one) => {
  const world = worldOf(one);
  const g = written(one, world, [0]);
  const loss = g.op("ReduceSum", [g.ref("y0")], ai("keepdims", 0));
  const flat = Object.fromEntries(
    Object.entries(world.feeds).map(([name, value]) => [name, { ...value, data: value.data.map(() => 0.5) }]),
  );
  const gradients = Object.keys(flat).map((name) => gradientOf(g, loss, g.ref(name)).name);
  const values = evaluate(g, flat, gradients);
  expect(gradients.flatMap((name) => Array.from(values[name]!.data))).toEqual([0.25, 0.25, 0.25, 0.25]);
});

test("every operator of the table has a case", () => {
  const covered = new Set(cases.map((one) => one.op));
  expect([...Object.keys(ops), ...lowered].filter((op) => !covered.has(op))).toEqual([]);
});

test("every case names an operator that can be loaded", () => {
  for (const { op } of cases)
    expect(isKnown({ op, domain: "", name: "", inputs: [], outputs: [], attributes: {} }), op).toBe(true);
});
