import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { needSharedData, sharedData } from "../../test/support/npy.ts";
import { int64, sketchModel, sketchProto, tensor } from "../../test/support/onnx.ts";
import type { ModelSketch } from "../../test/support/onnx.ts";
import { forwardModel, gradientModel, prepare } from "./attack-graph.ts";
import { decodeModel, encodeModel } from "./codec.ts";
import { OnnxError } from "./errors.ts";
import { loadGraph } from "./graph.ts";
import { attribute } from "./tensor.ts";

const plain = { range: [0, 1] as [number, number], scale: 1, mean: [], std: [], integer: false };

const perceptron: ModelSketch = {
  input: { name: "x", dims: [null, 4] },
  constants: {
    w: tensor([4, 3], [1, 0, 2, -1, 1, 0, 0.5, 2, -2, 1, 1, 1]),
    b: tensor([3], [0.1, -0.2, 0]),
    shape: int64(-1, 3),
  },
  nodes: [
    { op: "MatMul", in: ["x", "w"], out: ["h"] },
    { op: "Add", in: ["h", "b"], out: ["s"] },
    { op: "Relu", in: ["s"], out: ["r"] },
    { op: "Reshape", in: ["r", "shape"], out: ["y"] },
  ],
  outputs: ["y"],
};

/** Reads, prepares and differentiates: whatever an opener does before the runtime sees anything. */
function opened(bytes: Uint8Array, shape: readonly number[]): void {
  for (const prepared of prepare(loadGraph(bytes), plain, shape)) {
    forwardModel(prepared);
    gradientModel(prepared, { kind: "unsafe", clauses: 1, constraints: 1 });
  }
}

/** What is wrong, or undefined. Anything but an OnnxError is our own fault and is thrown. */
function refusal(act: () => void): OnnxError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof OnnxError) return error;
    throw error;
  }
}

describe("the codec", () => {
  test("gives a written model back, and what it does not know of", () => {
    const bytes = sketchModel(perceptron);
    // Field 90 of ModelProto, which no edition of ONNX has.
    const extended = Uint8Array.of(...bytes, 0xd2, 0x05, 2, 7, 8);
    expect(encodeModel(decodeModel(extended))).toEqual(extended);
  });

  test("gives every real model back byte for byte", (context) => {
    needSharedData(context);
    const files = globSync(join(sharedData, "**/*.onnx"));
    expect(files.length).toBeGreaterThan(30);
    for (const file of files) {
      const bytes = readFileSync(file);
      expect(Buffer.from(encodeModel(decodeModel(bytes))).equals(bytes), file).toBe(true);
    }
  });
});

describe("a file that cannot be used is refused with what to do", () => {
  const edited = (edit: (proto: ReturnType<typeof sketchProto>) => void): Uint8Array => {
    const proto = sketchProto(perceptron);
    edit(proto);
    return encodeModel(proto);
  };
  test.each([
    ["empty", new Uint8Array(0), "the file is empty"],
    ["text", new TextEncoder().encode("<html>not found</html>"), "not a readable ONNX file"],
    ["zip", Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0), "not a readable ONNX file"],
    ["no graph", Uint8Array.of(0x08, 8), "it holds no graph"],
    [
      "a tensor computed twice",
      edited(({ graph }) => (graph!.node[1]!.output = ["h"])),
      'tensor "h" is computed twice',
    ],
    [
      "a tensor from nowhere",
      edited(({ graph }) => (graph!.node[1]!.input = ["h", "bias"])),
      'takes tensor "bias", which nothing computes',
    ],
    ["a circle", edited(({ graph }) => (graph!.node[0]!.input = ["r", "w"])), "depends on its own result"],
    [
      "weights of another size than their shape",
      edited(({ graph }) => (graph!.initializer[0]!.dims = [4n, 30n])),
      'initializer "w" has shape [4, 30] but holds 12 of 120 values',
    ],
    [
      "a negative dimension",
      edited(({ graph }) => (graph!.initializer[0]!.dims = [-4n, -3n])),
      "the impossible shape [-4, -3]",
    ],
    [
      "a shape whose size overflows",
      edited(({ graph }) => (graph!.initializer[0]!.dims = [2n ** 62n, 2n ** 62n])),
      "the impossible shape",
    ],
    [
      "weights outside the file",
      edited(({ graph }) => (graph!.initializer[0]!.external_data = [{ key: "location", value: "../../etc/passwd" }])),
      'is stored outside the model file, in "../../etc/passwd"',
    ],
    [
      "an element type nobody knows",
      edited(({ graph }) => (graph!.initializer[0]!.data_type = 99)),
      "has element type 99, which is not supported",
    ],
    [
      "shapes that do not go together",
      edited(({ graph }) => (graph!.initializer[0]!.dims = [3n, 4n])),
      'MatMul (node "h"): shapes [1, 4] and [3, 4] do not go together',
    ],
    [
      "an operator named like a property of every object",
      edited(({ graph }) => (graph!.node[2]!.op_type = "constructor")),
      "operator constructor",
    ],
  ])("%s", (_, bytes, message) => {
    const found = refusal(() => opened(bytes, [4]));
    expect(found?.message).toContain(message);
  });

  test("a mistake inside names the node", () => {
    const bytes = sketchModel({
      ...perceptron,
      nodes: [
        {
          op: "Conv",
          in: ["x", "w"],
          out: ["y"],
          name: "first convolution",
          attributes: [attribute.int("group", -1)],
        },
      ],
    });
    expect(refusal(() => opened(bytes, [4]))?.node).toBe("first convolution");
  });
});

test("nodes written in any order are put in order", () => {
  const proto = sketchProto(perceptron);
  proto.graph!.node.reverse();
  expect(loadGraph(encodeModel(proto)).graph.nodes.map((node) => node.op)).toEqual([
    "MatMul",
    "Add",
    "Relu",
    "Reshape",
  ]);
});

test("Constant nodes become constants", () => {
  const bytes = sketchModel({
    ...perceptron,
    constants: {
      w: tensor(
        [4, 3],
        Array.from({ length: 12 }, (_, i) => i),
      ),
      shape: int64(-1, 3),
    },
    nodes: [
      { op: "Constant", in: [], out: ["b"], attributes: [attribute.tensor("value", tensor([3], [1, 2, 3]))] },
      ...perceptron.nodes,
    ],
  });
  const { graph } = loadGraph(bytes);
  expect(graph.nodes).toHaveLength(4);
  expect(graph.constants.get("b")?.data).toEqual(Float32Array.of(1, 2, 3));
});

describe("damaged files end in an OnnxError or a model, never in a crash or a hang", () => {
  test("cut off at any byte", () => {
    const bytes = sketchModel(perceptron);
    for (let length = 0; length < bytes.length; length++)
      expect(
        refusal(() => loadGraph(bytes.subarray(0, length))),
        `at byte ${length}`,
      ).toBeInstanceOf(OnnxError);
  });

  test("any byte changed to anything", () => {
    const bytes = sketchModel(perceptron);
    const draw = rng("onnx/damage");
    let refused = 0;
    for (let i = 0; i < 1500; i++) {
      const damaged = bytes.slice();
      for (let k = draw.below(3); k >= 0; k--) damaged[draw.below(bytes.length)] = draw.below(256);
      if (refusal(() => opened(damaged, [4]))) refused++;
    }
    expect(refused).toBeGreaterThan(500);
  });

  test("numbers chosen to exhaust time or memory are refused", () => {
    const bombs: ModelSketch[] = [
      {
        ...perceptron,
        constants: { huge: int64(2 ** 40), shape: int64(-1, 3), w: tensor([4, 3], Array(12).fill(1)) },
        nodes: [
          { op: "ConstantOfShape", in: ["huge"], out: ["c"] },
          { op: "Add", in: ["x", "c"], out: ["y"] },
        ],
      },
      {
        ...perceptron,
        input: { name: "x", dims: [null, 1, 2, 2] },
        nodes: [
          {
            op: "AveragePool",
            in: ["x"],
            out: ["y"],
            attributes: [
              attribute.ints("kernel_shape", [30000, 30000]),
              attribute.ints("pads", [60000, 60000, 60000, 60000]),
              attribute.int("count_include_pad", 1),
            ],
          },
        ],
      },
    ];
    const started = process.threadCpuUsage();
    expect(refusal(() => opened(sketchModel(bombs[0]!), [4]))).toBeInstanceOf(OnnxError);
    expect(refusal(() => opened(sketchModel(bombs[1]!), [1, 2, 2]))?.message).toContain("more than any real model");
    expect(process.threadCpuUsage(started).user).toBeLessThan(3_000_000);
  });

  test("a real model cut off at each kilobyte", (context) => {
    needSharedData(context);
    for (const name of ["vnncomp/mnist_fc_256x2/mnist-net_256x2.onnx", "images/mnist/mnist-8.onnx"]) {
      const bytes = readFileSync(join(sharedData, name));
      for (let length = 0; length < bytes.length; length += 1024) {
        const found = refusal(() => loadGraph(bytes.subarray(0, length)));
        expect(found, `${name} at byte ${length}`).toBeInstanceOf(OnnxError);
        expect(found!.remedy).toBeDefined();
      }
    }
  });
});
