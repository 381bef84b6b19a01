/** TFLite's operators: each as a converter writes it is fine, and with the one number that its kernel divides by, jumps to or makes too much of is not. */
import { describe, expect, test } from "vitest";
import { bytes } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { tfliteFile, tfliteGraph, type FlatInput } from "#formats/flatbuffers.testing.ts";
import { MODEL, OPERATORS_MAX } from "#formats/tflite.ts";
import { OPERATORS } from "./tflite-operators.ts";

type Fields = { readonly [field: string]: FlatInput };
type Made = { readonly shape: readonly number[]; readonly holds?: Uint8Array; readonly type?: number } & Fields;

const FLOAT = 0;
const INT32 = 2;
const i32 = (...values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
/** A tensor that is computed or given. */
const x = (...shape: readonly number[]): Made => ({ shape, type: FLOAT });
/** Whole numbers that the file fixes. */
const ints = (...values: readonly number[]): Made => ({ shape: [values.length], holds: i32(...values), type: INT32 });
const int = (value: number): Made => ({ shape: [], holds: i32(value), type: INT32 });
const weights = (...shape: readonly number[]): Made => ({
  shape,
  holds: new Uint8Array(4 * shape.reduce((all, size) => all * size, 1)),
  type: FLOAT,
});
const codeOf = (name: string): number => [...OPERATORS].find(([, one]) => one.name === name)![0];

interface Step {
  readonly op: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: Fields;
}
interface Drawn {
  readonly tensors: readonly Made[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly steps: readonly Step[];
}
/** A model of these graphs; the first is what runs. */
function model(graphs: readonly Drawn[], parts: Fields = {}): Uint8Array<ArrayBuffer> {
  const buffers: Fields[] = [{}];
  const codes: string[] = [];
  const subgraphs = graphs.map(({ tensors, inputs, outputs, steps }) =>
    tfliteGraph({
      tensors: tensors.map(({ holds, ...tensor }, i) => ({
        name: `t${i}`,
        buffer: holds ? buffers.push({ data: holds }) - 1 : 0,
        ...tensor,
      })),
      inputs,
      outputs,
      operators: steps.map(({ op, inputs: from, outputs: to, options }) => {
        if (!codes.includes(op)) codes.push(op);
        const table = OPERATORS.get(codeOf(op))!.options;
        const kinds = ["BuiltinOptions", "BuiltinOptions2"].map((union) => MODEL.unions.get(union)!.indexOf(table) + 1);
        return {
          opcode_index: codes.indexOf(op),
          inputs: from,
          outputs: to,
          ...(options && kinds[0]! > 0 && { builtin_options_type: kinds[0]!, builtin_options: options }),
          ...(options && kinds[1]! > 0 && { builtin_options_2_type: kinds[1]!, builtin_options_2: options }),
        };
      }),
    }),
  );
  const operator_codes = codes.map((op) => ({
    deprecated_builtin_code: Math.min(127, codeOf(op)),
    builtin_code: codeOf(op),
    version: 1,
  }));
  return tfliteFile({ operator_codes, subgraphs, buffers, ...parts });
}
/** One operator over these tensors, which are computed but where they hold something, and so many results. */
const one = (op: string, tensors: readonly Made[], options?: Fields, results: readonly Made[] = [x()]) =>
  model([
    {
      tensors: [...tensors, ...results],
      inputs: tensors.flatMap(({ holds }, i) => (holds ? [] : [i])),
      outputs: results.map((_, i) => tensors.length + i),
      steps: [
        {
          op,
          inputs: tensors.map((_, i) => i),
          outputs: results.map((_, i) => tensors.length + i),
          ...(options && { options }),
        },
      ],
    },
  ]);
const scan = (file: Uint8Array) => scanned(file, "model.tflite");

const conv = { stride_w: 1, stride_h: 1 };
const pool = { ...conv, filter_width: 2, filter_height: 2 };
const image = x(1, 8, 8, 4);

describe("the table of operators", () => {
  test("has every operator of the schema but the one that others name", () => {
    const codes = Array.from({ length: OPERATORS_MAX + 1 }, (_, code) => code);
    // 32 is for custom operators, and 127 says that the number stands elsewhere.
    expect(codes.filter((code) => !OPERATORS.has(code))).toEqual([32, 127]);
  });
  test("names tables of options that the schema has, and every one of them", () => {
    const unions = ["BuiltinOptions", "BuiltinOptions2"].flatMap((union) => MODEL.unions.get(union)!);
    const named = new Set([...OPERATORS.values()].map(({ options }) => options).filter((options) => options !== ""));
    expect([...named].filter((options) => !unions.includes(options))).toEqual([]);
    expect(unions.filter((options) => !named.has(options))).toEqual([]);
  });
});

describe("an operator is fine as a converter writes it, and not with", () => {
  test.each<[string, Uint8Array, Uint8Array, string]>([
    [
      "a stride of zero (CVE-2021-29585)",
      one("MAX_POOL_2D", [image], pool),
      one("MAX_POOL_2D", [image], { ...pool, stride_w: 0 }),
      "tflite-parameter",
    ],
    [
      "a stride of zero in a convolution",
      one("CONV_2D", [image, weights(3, 1, 1, 4), weights(3)], conv),
      one("CONV_2D", [image, weights(3, 1, 1, 4), weights(3)], { ...conv, stride_h: 0 }),
      "tflite-parameter",
    ],
    [
      "a convolution that has no options, which counts as zeros",
      one("CONV_2D", [image, weights(3, 1, 1, 4)], conv),
      one("CONV_2D", [image, weights(3, 1, 1, 4)]),
      "tflite-parameter",
    ],
    [
      "a filter without channels",
      one("CONV_2D", [image, weights(3, 1, 1, 2)], conv),
      one("CONV_2D", [image, x(3, 1, 1, 0)], conv),
      "tflite-parameter",
    ],
    [
      "a bias that is too short",
      one("CONV_2D", [image, weights(3, 1, 1, 4), weights(3)], conv),
      one("CONV_2D", [image, weights(3, 1, 1, 4), weights(2)], conv),
      "tflite-parameter",
    ],
    [
      "a multiplier that is not the filter's (CVE-2021-29602)",
      one("DEPTHWISE_CONV_2D", [image, weights(1, 1, 1, 8)], { ...conv, depth_multiplier: 2 }),
      one("DEPTHWISE_CONV_2D", [image, weights(1, 1, 1, 8)], { ...conv, depth_multiplier: 4 }),
      "tflite-parameter",
    ],
    [
      "blocks of no size (CVE-2021-29587)",
      one("SPACE_TO_DEPTH", [image], { block_size: 2 }),
      one("SPACE_TO_DEPTH", [image], { block_size: 0 }),
      "tflite-parameter",
    ],
    [
      "blocks of no size as an input (CVE-2021-29594)",
      one("BATCH_TO_SPACE_ND", [x(4, 2, 2, 1), ints(2, 2), ints(0, 0, 0, 0)]),
      one("BATCH_TO_SPACE_ND", [x(4, 2, 2, 1), ints(0, 2), ints(0, 0, 0, 0)]),
      "tflite-parameter",
    ],
    [
      "places outside the table",
      one("EMBEDDING_LOOKUP", [ints(0, 2), weights(3, 4)]),
      one("EMBEDDING_LOOKUP", [ints(0, 3), weights(3, 4)]),
      "tflite-parameter",
    ],
    [
      "an axis that the tensor does not have",
      one("GATHER", [weights(3, 4), ints(3)], { axis: 1 }),
      one("GATHER", [weights(3, 4), ints(3)], { axis: 2 }),
      "tflite-parameter",
    ],
    [
      "a place below zero",
      one("GATHER", [weights(3, 4), ints(2)], { axis: 0 }),
      one("GATHER", [weights(3, 4), ints(-1)], { axis: 0 }),
      "tflite-parameter",
    ],
    [
      "places of which one leads outside (CVE-2021-37687)",
      one("GATHER_ND", [weights(3, 4), { ...ints(2, 3), shape: [1, 2] }]),
      one("GATHER_ND", [weights(3, 4), { ...ints(3, 3), shape: [1, 2] }]),
      "tflite-parameter",
    ],
    [
      "places to write to that lie outside",
      one("SCATTER_ND", [{ ...ints(3), shape: [1, 1] }, x(1), ints(4)]),
      one("SCATTER_ND", [{ ...ints(4), shape: [1, 1] }, x(1), ints(4)]),
      "tflite-parameter",
    ],
    [
      "a segment below zero (CVE-2020-15212)",
      one("SEGMENT_SUM", [x(3, 2), ints(0, 0, 1)]),
      one("SEGMENT_SUM", [x(3, 2), ints(-9, 0, 1)]),
      "tflite-parameter",
    ],
    [
      "a segment of two thousand million (CVE-2020-15213)",
      one("SEGMENT_SUM", [x(3, 20), ints(0, 0, 1)]),
      one("SEGMENT_SUM", [x(3, 20), ints(0, 0, 2 ** 31 - 1)]),
      "tflite-bomb",
    ],
    [
      "no parts to split into (CVE-2021-29599)",
      one("SPLIT", [int(1), x(2, 4)], { num_splits: 2 }, [x(2, 2), x(2, 2)]),
      one("SPLIT", [int(1), x(2, 4)], { num_splits: 0 }, [x(2, 2), x(2, 2)]),
      "tflite-parameter",
    ],
    [
      "more parts than results",
      one("UNPACK", [x(2, 4)], { num: 2 }, [x(4), x(4)]),
      one("UNPACK", [x(3, 4)], { num: 3 }, [x(4), x(4)]),
      "tflite-parameter",
    ],
    [
      "a dimension to reduce that is not there",
      one("MEAN", [x(2, 4), ints(-1)], {}),
      one("MEAN", [x(2, 4), ints(5)], {}),
      "tflite-parameter",
    ],
    [
      "a dimension to compare that is not there (CVE-2021-29603)",
      one("ARG_MAX", [x(2, 4), int(1)]),
      one("ARG_MAX", [x(2, 4), int(77)]),
      "tflite-parameter",
    ],
    [
      "an order that has a dimension twice",
      one("TRANSPOSE", [x(2, 4, 3), ints(2, 0, 1)]),
      one("TRANSPOSE", [x(2, 4, 3), ints(2, 0, 2)]),
      "tflite-parameter",
    ],
    [
      "a shape of other elements",
      one("RESHAPE", [x(2, 6), ints(-1, 4)]),
      one("RESHAPE", [x(2, 6), ints(-1, 5)]),
      "tflite-parameter",
    ],
    [
      "a slice that ends outside",
      one("SLICE", [x(2, 6), ints(0, 2), ints(-1, 4)]),
      one("SLICE", [x(2, 6), ints(0, 2), ints(-1, 5)]),
      "tflite-parameter",
    ],
    [
      "a stride of nothing in a slice",
      one("STRIDED_SLICE", [x(6), ints(0), ints(6), ints(2)], {}),
      one("STRIDED_SLICE", [x(6), ints(0), ints(6), ints(0)], {}),
      "tflite-parameter",
    ],
    [
      "room before the tensor",
      one("PAD", [x(2, 2), { ...ints(0, 1, 0, 1), shape: [2, 2] }]),
      one("PAD", [x(2, 2), { ...ints(0, 1, -3, 1), shape: [2, 2] }]),
      "tflite-parameter",
    ],
    [
      "whole numbers divided by zero",
      one("FLOOR_DIV", [{ ...x(2), type: INT32 }, ints(3)], undefined, [{ ...x(), type: INT32 }]),
      one("FLOOR_DIV", [{ ...x(2), type: INT32 }, ints(0)], undefined, [{ ...x(), type: INT32 }]),
      "tflite-parameter",
    ],
    [
      "a rank of zero (CVE-2021-37688 and its like)",
      one("SVDF", [x(1, 2), weights(4, 2), weights(4, 3), weights(4), { ...x(1, 12), is_variable: true }], { rank: 1 }),
      one("SVDF", [x(1, 2), weights(4, 2), weights(4, 3), weights(4), { ...x(1, 12), is_variable: true }], { rank: 0 }),
      "tflite-parameter",
    ],
    [
      "four million million million numbers",
      one("FILL", [ints(4, 4), weights()]),
      one("FILL", [ints(2 ** 31 - 1, 2 ** 31 - 1), weights()]),
      "tflite-bomb",
    ],
    ["as many copies", one("TILE", [x(64), ints(4)]), one("TILE", [x(64), ints(2 ** 31 - 1)]), "tflite-bomb"],
    [
      "a picture as large",
      one("RESIZE_BILINEAR", [image, ints(16, 16)], {}),
      one("RESIZE_BILINEAR", [image, ints(2 ** 20, 2 ** 20)], {}),
      "tflite-bomb",
    ],
    [
      "a row that never ends",
      one("RANGE", [int(0), int(9), int(1)]),
      one("RANGE", [int(0), int(9), int(0)]),
      "tflite-parameter",
    ],
    [
      "an activation that the schema does not name",
      one("ADD", [x(2), x(2)], { fused_activation_function: 1 }),
      one("ADD", [x(2), x(2)], { fused_activation_function: 77 }),
      "tflite-parameter",
    ],
    [
      "room for less than it writes",
      one("CONV_2D", [image, weights(3, 3, 3, 4)], { ...conv, padding: 1 }, [x(1, 6, 6, 3)]),
      one("CONV_2D", [image, weights(3, 3, 3, 4)], { ...conv, padding: 0 }, [x(1, 6, 6, 3)]),
      "tflite-size",
    ],
    [
      "rows that are not as long as columns",
      one("BATCH_MATMUL", [x(2, 3, 4), x(2, 5, 4)], { adj_y: true }),
      one("BATCH_MATMUL", [x(2, 3, 4), x(2, 5, 4)], { adj_y: false }),
      "tflite-parameter",
    ],
    [
      "shapes that do not go together",
      one("MUL", [x(2, 3), weights(1, 3)], {}, [x(2, 3)]),
      one("MUL", [x(2, 3), weights(1, 2)], {}, [x(2, 3)]),
      "tflite-parameter",
    ],
    [
      "inputs of two types",
      one("ADD", [x(4), weights(4)]),
      one("ADD", [x(4), { shape: [4], holds: new Uint8Array(4), type: 9 }]),
      "tflite-parameter",
    ],
    [
      "weights in rows of another length than what comes in",
      one("FULLY_CONNECTED", [x(1, 6), weights(2, 3)]),
      one("FULLY_CONNECTED", [x(1, 7), weights(2, 3)]),
      "tflite-parameter",
    ],
    ["one tensor where it adds two", one("ADD", [x(2), x(2)]), one("ADD", [x(2)]), "tflite-arity"],
    ["three tensors where it adds two", one("ADD", [x(2), x(2)]), one("ADD", [x(2), x(2), x(2)]), "tflite-arity"],
  ])("%s", (_, fine, broken, rule) => {
    expect(scan(fine)).toMatchObject({ verdict: "no code path found", findings: [] });
    const file = scan(broken);
    expect(file.verdict).not.toBe("no code path found");
    expect(rulesOf(file)).toContain(rule);
  });
});

describe("what a graph does with its tensors is fine where all is there before it is read, and not with", () => {
  const twoSteps = (first: Partial<Step>, second: Partial<Step>, parts: Partial<Drawn> = {}): Uint8Array =>
    scannable({
      tensors: [x(2), x(2), x(2), weights(2)],
      inputs: [0],
      outputs: [2],
      steps: [
        { op: "RELU", inputs: [0], outputs: [1], ...first },
        { op: "ADD", inputs: [1, 3], outputs: [2], ...second },
      ],
      ...parts,
    });
  const scannable = (graph: Drawn): Uint8Array => model([graph]);
  test("nothing else", () => expect(scan(twoSteps({}, {})).verdict).toBe("no code path found"));
  test.each<[string, Uint8Array]>([
    ["a tensor that nothing wrote (CVE-2020-15209)", twoSteps({ outputs: [2] }, { inputs: [1, 3] })],
    ["a tensor that is written later", twoSteps({ inputs: [2] }, { outputs: [2] })],
    ["a tensor that is read and written at once (CVE-2020-15210)", twoSteps({}, { inputs: [2, 3] })],
    ["a tensor whose values the file fixes being written", twoSteps({}, { outputs: [3] }, { outputs: [3] })],
    ["a tensor whose values the file fixes being taken in", twoSteps({}, {}, { inputs: [0, 3] })],
    ["a result that nothing writes", twoSteps({}, {}, { tensors: [x(2), x(2), x(2), weights(2), x(2)], outputs: [4] })],
  ])("%s", (_, file) => {
    expect(rulesOf(scan(file))).toContain("tflite-order");
    expect(scan(file).verdict).toBe("suspicious");
  });
  test("an input left out that the operator needs (CVE-2020-15211)", () =>
    expect(rulesOf(scan(twoSteps({}, { inputs: [1, -1] })))).toContain("tflite-arity"));
});

describe("a loop", () => {
  const counter = { shape: [], type: INT32 };
  const answer = { shape: [], type: 6 };
  /** for (i = from; i < limit; i += step) v = relu(v), with the limit in the condition, or handed in from the run's inputs. */
  const loop = (
    from: Made,
    step: Made,
    limit: Made,
    change: { condition?: Partial<Drawn>; body?: Partial<Drawn> } = {},
  ) =>
    model([
      {
        tensors: [from, x(2), limit.holds ? int(0) : limit, counter, x(2), counter],
        inputs: [...(from.holds ? [] : [0]), 1, ...(limit.holds ? [] : [2])],
        outputs: [4],
        steps: [
          {
            op: "WHILE",
            inputs: [0, 1, 2],
            outputs: [3, 4, 5],
            options: { cond_subgraph_index: 1, body_subgraph_index: 2 },
          },
        ],
      },
      {
        tensors: [counter, x(2), counter, limit.holds ? limit : counter, answer],
        inputs: [0, 1, 2],
        outputs: [4],
        steps: [{ op: "LESS", inputs: [0, limit.holds ? 3 : 2], outputs: [4] }],
        ...change.condition,
      },
      {
        tensors: [counter, x(2), counter, step, counter, x(2)],
        inputs: [0, 1, 2],
        outputs: [4, 5, 2],
        steps: [
          { op: "ADD", inputs: [0, 3], outputs: [4] },
          { op: "RELU", inputs: [1], outputs: [5] },
        ],
        ...change.body,
      },
    ]);
  const open = { shape: [], type: INT32 };
  test("that counts to a number is fine", () =>
    expect(scan(loop(int(0), int(1), int(10)))).toMatchObject({ verdict: "no code path found", findings: [] }));
  test("that counts to what the model is given is fine, and said", () =>
    expect(scan(loop(int(0), int(1), open))).toMatchObject({
      verdict: "no code path found",
      findings: [{ rule: "tflite-loop", severity: "note" }],
    }));
  test.each<[string, Uint8Array, string, string]>([
    ["goes round two thousand million times", loop(int(0), int(1), int(2 ** 31 - 1)), "tflite-bomb", "suspicious"],
    ["counts the wrong way", loop(int(0), int(-1), int(10)), "tflite-loop", "unknown"],
    [
      "counts no further than six",
      loop(int(0), int(1), int(10), {
        body: {
          steps: [
            { op: "ADD", inputs: [0, 3], outputs: [4], options: { fused_activation_function: 3 } },
            { op: "RELU", inputs: [1], outputs: [5] },
          ],
        },
      }),
      "tflite-loop",
      "unknown",
    ],
    ["begins again before it is there", loop(int(0), int(2 ** 20), int(2 ** 31 - 1)), "tflite-loop", "unknown"],
    ["does not count", loop(int(0), int(0), int(10)), "tflite-loop", "unknown"],
    [
      "asks for what its body leaves alone",
      loop(int(0), int(1), int(10), { body: { outputs: [0, 5, 2] } }),
      "tflite-bomb",
      "suspicious",
    ],
    [
      "asks for nothing",
      loop(int(0), int(1), int(10), {
        condition: {
          tensors: [counter, x(2), counter, int(1), { shape: [], holds: Uint8Array.of(1), type: 6 }],
          steps: [],
        },
      }),
      "tflite-bomb",
      "suspicious",
    ],
    [
      "asks for what its body computes",
      loop(int(0), int(1), int(10), { condition: { steps: [{ op: "LESS", inputs: [1, 1], outputs: [4] }] } }),
      "tflite-loop",
      "unknown",
    ],
    [
      "hands its body less than that takes",
      loop(int(0), int(1), int(10), { body: { inputs: [0, 1], outputs: [4, 5] } }),
      "tflite-arity",
      "suspicious",
    ],
  ])("that %s is not", (_, file, rule, verdict) => {
    expect(rulesOf(scan(file))).toContain(rule);
    expect(scan(file).verdict).toBe(verdict);
  });
});

describe("a graph that is run by another", () => {
  test("is looked for only where the operator has options of its own", () => {
    const file = tfliteFile({
      operator_codes: [{ deprecated_builtin_code: 119, builtin_code: 119 }],
      subgraphs: [
        tfliteGraph({
          operators: [{ opcode_index: 0, inputs: [0], outputs: [2], builtin_options_type: 103, builtin_options: {} }],
        }),
        tfliteGraph({ tensors: [], inputs: [], outputs: [], operators: [] }),
      ],
    });
    expect(rulesOf(scan(file))).toContain("tflite-options");
  });
  /** Graphs each of which runs the next twice; the last runs one operator. */
  const doubled = (depth: number): Uint8Array =>
    model(
      Array.from({ length: depth }, (_, i): Drawn => {
        const next = { decomposition_subgraph_index: i + 1 };
        return {
          tensors: [x(1), x(1), x(1)],
          inputs: [0],
          outputs: [2],
          steps: [0, 1].map((at) =>
            i === depth - 1
              ? { op: "RELU", inputs: [at], outputs: [at + 1] }
              : { op: "STABLEHLO_COMPOSITE", inputs: [at], outputs: [at + 1], options: next },
          ),
        };
      }),
    );
  test("is fine a few times", () =>
    expect(scan(doubled(8))).toMatchObject({ verdict: "no code path found", findings: [] }));
  test("is not, twice in each of forty: that runs more operators than any model does", () =>
    expect(scan(doubled(40))).toMatchObject({ verdict: "suspicious", findings: [{ rule: "tflite-bomb" }] }));
});

describe("an operator of TFLite's own outside the schema", () => {
  /** A map of names to whole numbers as FlexBuffers write it, in numbers of two bytes. */
  const flexMap = (entries: Readonly<Record<string, number>>): Uint8Array => {
    const names = Object.keys(entries).toSorted();
    const u16 = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
    const places = names.map((_, i) => names.slice(0, i).reduce((at, name) => at + name.length + 1, 0));
    const keys = names.map((name) => bytes(name, 0));
    const list = keys.reduce((at, key) => at + key.length, 0) + 2;
    const count = names.length;
    // The keys, how many, how far back each lies; how far back they lie, their width, how many values, the values and their types.
    return bytes(
      ...keys,
      u16(count, ...places.map((place, i) => list + 2 * i - place), 2 * count, 2, count),
      u16(...names.map((name) => entries[name]!)),
      ...names.map(() => 5),
      u16(3 * count),
      0x25,
      2,
    );
  };
  const DETECTION = {
    max_detections: 10,
    max_classes_per_detection: 1,
    nms_iou_threshold: 1,
    num_classes: 90,
    y_scale: 10,
    x_scale: 10,
    h_scale: 5,
    w_scale: 5,
  };
  const custom = (name: string, inputs: number, outputs: number, options?: Readonly<Record<string, number>>) =>
    tfliteFile({
      operator_codes: [{ deprecated_builtin_code: 32, builtin_code: 32, custom_code: name }],
      buffers: [{}],
      subgraphs: [
        tfliteGraph({
          tensors: Array.from({ length: inputs + outputs }, (_, i) => ({ name: `t${i}`, shape: [], buffer: 0 })),
          inputs: Array.from({ length: inputs }, (_, i) => i),
          outputs: Array.from({ length: outputs }, (_, i) => inputs + i),
          operators: [
            {
              opcode_index: 0,
              inputs: Array.from({ length: inputs }, (_, i) => i),
              outputs: Array.from({ length: outputs }, (_, i) => inputs + i),
              ...(options && { custom_options: flexMap(options) }),
            },
          ],
        }),
      ],
    });
  test("is fine with options that it has", () =>
    expect(scan(custom("TFLite_Detection_PostProcess", 3, 4, DETECTION))).toMatchObject({
      verdict: "no code path found",
      findings: [],
    }));
  test.each<[string, Uint8Array, string]>([
    ["none", custom("TFLite_Detection_PostProcess", 3, 4), "tflite-parameter"],
    ["a scale of zero", custom("TFLite_Detection_PostProcess", 3, 4, { ...DETECTION, x_scale: 0 }), "tflite-parameter"],
    [
      "one that is another's",
      custom("TFLite_Detection_PostProcess", 3, 4, { ...DETECTION, zeal: 1 }),
      "tflite-options",
    ],
    [
      "one missing, where they are taken by their places",
      custom("SignalRfft", 1, 1, { fft_length: 512 }),
      "tflite-parameter",
    ],
    ["fewer tensors", custom("TFLite_Detection_PostProcess", 2, 4, DETECTION), "tflite-arity"],
    ["a window of no size", custom("AudioSpectrogram", 1, 1, { stride: 1 }), "tflite-parameter"],
  ])("and not with %s", (_, file, rule) => {
    expect(rulesOf(scan(file))).toContain(rule);
    expect(scan(file).verdict).not.toBe("no code path found");
  });
});
