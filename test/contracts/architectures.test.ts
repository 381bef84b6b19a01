/** Whole networks of many kinds, exported by PyTorch: logits and input gradients against its own, computed in float64. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { prepare, writeGradient } from "#onnx/attack-graph.ts";
import { openClassifier } from "#onnx/classifier.ts";
import { encodeModel } from "#onnx/codec.ts";
import { loadGraph, nodeProto, portProto } from "#onnx/graph.ts";
import { attr } from "#onnx/ir.ts";
import { feedsOf, formOf } from "#onnx/objectives.ts";
import { evaluate } from "#onnx/reference.ts";
import { attribute, toRuntime, toValue, writeTensor } from "#onnx/tensor.ts";
import { testRuntime } from "../support/runtime.ts";

interface Network {
  readonly name: string;
  /** Of one sample. */
  readonly shape: readonly number[];
  readonly n: number;
  /** The exported file by operator set: base64 of zlib. */
  readonly files: Readonly<Record<string, string>>;
  readonly labels: readonly number[];
  /** base64 of float32, float64, float64; the gradient is that of the cross-entropy. */
  readonly x: string;
  readonly logits: string;
  readonly gradient: string;
}

/** Written by test/fixtures/architectures.py. */
const { networks } = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/architectures.json"), "utf8")) as {
  networks: readonly Network[];
};

const bytesOf = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text, "base64")).buffer;
const plain = { range: [0, 1] as [number, number], scale: 1, mean: [], std: [], integer: false };

function relativeL2(is: ArrayLike<number>, should: ArrayLike<number>): number {
  expect(is.length).toBe(should.length);
  let wrong = 0,
    length = 0;
  for (let i = 0; i < should.length; i++) {
    wrong += (is[i]! - should[i]!) ** 2;
    length += should[i]! ** 2;
  }
  return Math.sqrt(wrong / length);
}

const cases = networks.flatMap((network) =>
  Object.keys(network.files).map((opset) => [network.name, opset, network] as const),
);

test("there are networks of at least twelve kinds", () => expect(networks.length).toBeGreaterThanOrEqual(12));

describe.each(cases)("%s, operator set %s", (_, opset, network) => {
  const bytes = new Uint8Array(inflateSync(Buffer.from(network.files[opset]!, "base64")));
  const { n } = network;
  const x = new Float32Array(bytesOf(network.x));
  const logits = new Float64Array(bytesOf(network.logits)),
    gradient = new Float64Array(bytesOf(network.gradient));
  const objective = { kind: "cross-entropy" as const, label: Int32Array.from(network.labels) };

  test("gives PyTorch's logits and gradient through the runtime", async () => {
    const c = await openClassifier({ bytes, input: plain, sampleShape: network.shape, runtime: testRuntime });
    expect(c.noGradient).toBeUndefined();
    expect(c.model).toMatchObject({ batch: "any", surrogates: [], deterministic: true });
    expect(relativeL2(await c.logits(x, n), logits)).toBeLessThan(1e-5);
    expect(relativeL2((await c.gradient!(x, n, objective)).gradient, gradient)).toBeLessThan(1e-5);
    await c.release();
  });

  test("gives PyTorch's gradient in the float64 evaluator", () => {
    const [prepared] = prepare(loadGraph(bytes), plain, network.shape);
    const { g, logits: z, gradient: dx } = writeGradient(prepared!, formOf(objective));
    const feeds = Object.fromEntries(
      Object.entries(feedsOf(objective, n, z.at[0]!.dims[1]!)).map(([name, tensor]) => [name, toValue(tensor)]),
    );
    const sample = { type: "float32" as const, dims: [n, ...network.shape], data: Float64Array.from(x) };
    const values = evaluate(g, { ...feeds, "vauban.x": sample }, [z.name, dx.name]);
    expect(relativeL2(values[z.name]!.data, logits)).toBeLessThan(1e-6);
    expect(relativeL2(values[dx.name]!.data, gradient)).toBeLessThan(1e-5);
  });
});

/** The file with every weight, cast and port of single precision in half, as converters write it. */
function halved(bytes: Uint8Array): Uint8Array {
  const { proto, graph, opset } = loadGraph(bytes);
  // Scales of a Resize are single precision whatever it resizes.
  const scales = new Set(graph.nodes.flatMap((node) => (node.op === "Resize" ? node.inputs.slice(1, 3) : [])));
  const tensors = [...graph.constants].map(([name, tensor]) =>
    tensor.type === "float32" && !scales.has(name)
      ? writeTensor(toRuntime({ ...toValue(tensor), type: "float16" }), name)
      : writeTensor(tensor, name),
  );
  const nodes = graph.nodes.map((node) => {
    const attributes = { ...node.attributes };
    if (node.op === "Cast" && Number(attributes["to"]?.i) === 1) attributes["to"] = attribute.int("to", 10);
    const fill = node.op === "ConstantOfShape" ? attr.value(node, "value") : undefined;
    if (node.op === "ConstantOfShape" && (fill?.type ?? "float32") === "float32")
      attributes["value"] = attribute.tensor("value", {
        type: "float16",
        dims: [1],
        data: fill?.data ?? Float64Array.of(0),
      });
    return nodeProto({ ...node, attributes });
  });
  const half = (port: { name: string; dims?: readonly (number | null)[] | undefined }) =>
    portProto({ name: port.name, type: "float16", dims: port.dims ?? [null, null] });
  return encodeModel({
    ...proto,
    opset_import: [{ domain: "", version: BigInt(opset) }],
    graph: {
      ...proto.graph!,
      node: nodes,
      initializer: tensors,
      input: graph.inputs.map(half),
      output: graph.outputs.map(half),
      value_info: [],
    },
  });
}

describe("in half precision", () => {
  // Celu takes single precision only.
  const halves = networks.filter(({ name }) => name !== "Conv1d");
  test.each(halves.map((network) => [network.name, network] as const))("%s stays white-box", async (_, network) => {
    const bytes = halved(new Uint8Array(inflateSync(Buffer.from(network.files["17"]!, "base64"))));
    const c = await openClassifier({ bytes, input: plain, sampleShape: network.shape, runtime: testRuntime });
    expect(c.noGradient).toBeUndefined();
    expect(c.model.surrogates).toEqual([]);
    const x = new Float32Array(bytesOf(network.x));
    const objective = { kind: "cross-entropy" as const, label: Int32Array.from(network.labels) };
    // Eleven bits of mantissa, through up to a hundred layers; what matters is that nothing small has vanished.
    expect(relativeL2(await c.logits(x, network.n), new Float64Array(bytesOf(network.logits)))).toBeLessThan(0.02);
    const { gradient } = await c.gradient!(x, network.n, objective);
    expect(relativeL2(gradient, new Float64Array(bytesOf(network.gradient)))).toBeLessThan(0.05);
    await c.release();
  });
});
