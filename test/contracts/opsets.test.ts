/**
 * Every operator case under the label of every operator set: where onnxruntime runs such a file, the graph we read from it has
 * the same shape and value – or is refused – so that no change of meaning between sets is overlooked.
 */
import { describe, expect, test } from "vitest";
import { OnnxError } from "#onnx/errors.ts";
import { OPSET_MAX, OPSET_MIN } from "#onnx/graph.ts";
import { evaluate } from "#onnx/reference.ts";
import { toValue } from "#onnx/tensor.ts";
import { testRuntime } from "../support/runtime.ts";
import { TRUE_BATCH, asRuntime, cases, relative, worldOf, written } from "./operator-cases.ts";

const sets = Array.from({ length: OPSET_MAX - OPSET_MIN + 1 }, (_, i) => OPSET_MIN + i);

describe.each(sets)("operator set %s", (opset) => {
  test("is read as onnxruntime runs it", async () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const one of cases) {
      if (one.shapeOnly) continue;
      const world = worldOf(one, opset);
      let expected: Awaited<ReturnType<Awaited<ReturnType<typeof testRuntime.load>>["run"]>>;
      try {
        const session = await testRuntime.load(world.bytes);
        expected = await session.run(asRuntime(world.feeds));
        await session.release();
      } catch {
        // No such call in this set.
        continue;
      }
      const what = `${one.op}${one.note ? `, ${one.note}` : ""}`;
      try {
        const g = written(one, world, world.batch ? [TRUE_BATCH] : [0], opset);
        const refs = world.outputs.map((name) => g.ref(name));
        const values = evaluate(
          g,
          world.feeds,
          refs.map((ref) => ref.name),
        );
        compared++;
        world.outputs.forEach((name, i) => {
          const value = values[refs[i]!.name]!,
            wanted = expected[name]!;
          const same = value.dims.length === wanted.dims.length && value.dims.every((dim, k) => dim === wanted.dims[k]);
          if (!same) wrong.push(`${what}: shape [${value.dims.join()}] for [${wanted.dims.join()}]`);
          else if (relative(value.data, toValue(wanted).data) > 2e-6) wrong.push(`${what}: another value`);
        });
      } catch (error) {
        if (!(error instanceof OnnxError)) throw error;
        if (opset === (one.opset ?? 17)) wrong.push(`${what}: ${error.message}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(100);
  }, 60_000);
});
