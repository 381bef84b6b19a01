/** TFLite: what its own verifier refuses (flatbuffers/verifier.h, tensorflow/lite/core/tools/verifier.cc) is never fine here; code it names is said. */
import { describe, expect, test } from "vitest";
import { tfliteWithFiles } from "../../test/support/artefacts.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { contentOf } from "#formats/content.ts";
import { tfliteFile, tfliteGraph, writeFlatBuffer, type FlatInput } from "#formats/flatbuffers.testing.ts";
import { readFlatBuffer } from "#formats/flatbuffers.ts";
import { readFlexBuffer } from "#formats/flexbuffers.ts";
import { METADATA, MODEL } from "#formats/tflite.ts";
import { writeZip } from "#formats/writers.testing.ts";

const scan = (file: Uint8Array) => scanned(file, "model.tflite");
const verdict = (parts: { readonly [field: string]: FlatInput }): string => scan(tfliteFile(parts)).verdict;
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const weights = { data: new Uint8Array(16) };
const graphOf = (tensor: { readonly [field: string]: FlatInput }) => [
  tfliteGraph({
    tensors: [{ name: "w", shape: [2, 2], type: 0, buffer: 1, ...tensor }],
    inputs: [],
    outputs: [],
    operators: [],
  }),
];
/** A condition to branch on, and a number to hand over; the operator at 0 gives out the number's like. */
const branching = (options: { readonly [field: string]: FlatInput }) =>
  tfliteGraph({
    tensors: [
      { name: "if", shape: [], type: 6, buffer: 0 },
      { name: "x", shape: [1], type: 0, buffer: 0 },
      { name: "y", shape: [1], type: 0, buffer: 0 },
    ],
    inputs: [0, 1],
    outputs: [2],
    operators: [{ opcode_index: 0, inputs: [0, 1], outputs: [2], builtin_options_type: 92, builtin_options: options }],
  });
const through = tfliteGraph({
  tensors: [{ name: "x", shape: [1], type: 0, buffer: 0 }],
  inputs: [0],
  outputs: [0],
  operators: [],
});
const custom = (name: string, options?: Uint8Array) => ({
  operator_codes: [{ deprecated_builtin_code: 32, builtin_code: 32, custom_code: name }],
  subgraphs: [
    tfliteGraph({
      operators: [{ opcode_index: 0, inputs: [0], outputs: [2], ...(options && { custom_options: options }) }],
    }),
  ],
});

/** A vector of two texts, as the converter writes TensorFlow's operators (FlexBuffers; lengths below 256). */
function flexOptions(name: string, node: Uint8Array): Uint8Array<ArrayBuffer> {
  const first = bytes(name.length, name, 0);
  const second = bytes(node.length, node, 0);
  const at = first.length + second.length;
  // Length, two offsets back to the texts, two types (text, one byte), the root's offset, its type (vector) and width.
  return bytes(first, second, 2, at + 1 - 1, at + 2 - first.length - 1, 0x14, 0x14, 4, 0x28, 1);
}
/** A NodeDef: its name and operator. */
const node = (operator: string): Uint8Array => bytes(0x0a, 1, "n", 0x12, operator.length, operator);

/** A model with so many graphs that are one, with so many tensors that are one. */
function shared(graphs: number, tensors: number): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(200 + 4 * (graphs + tensors));
  const view = new DataView(file.buffer);
  const u16s = (at: number, ...values: readonly number[]): void =>
    values.forEach((value, i) => view.setUint16(at + 2 * i, value, true));
  const lead = (at: number, to: number): void => view.setUint32(at, to - at, true);
  file.set(bytes(32, 0, 0, 0, "TFL3"));
  // Model: version at 4, subgraphs at 8, buffers at 12.
  u16s(12, 14, 16, 4, 0, 8, 0, 12);
  view.setInt32(32, 20, true);
  view.setUint32(36, 3, true);
  // SubGraph: tensors at 4.
  u16s(52, 6, 8, 4);
  view.setInt32(60, 8, true);
  // Tensor and Buffer, without fields.
  u16s(72, 4, 4);
  view.setInt32(76, 4, true);
  const [buffersAt, buffer, tensorsAt, tensor] = [80, 88, 96, 92];
  view.setUint32(buffersAt, 1, true);
  lead(buffersAt + 4, buffer);
  view.setInt32(buffer, buffer - 72, true);
  view.setInt32(tensor, tensor - 72, true);
  const graphsAt = tensorsAt;
  view.setUint32(graphsAt, graphs, true);
  const graph = graphsAt + 4 + 4 * graphs;
  const vectorAt = graph + 8;
  for (let i = 0; i < graphs; i++) lead(graphsAt + 4 + 4 * i, graph);
  view.setInt32(graph, graph - 52, true);
  lead(graph + 4, vectorAt);
  view.setUint32(vectorAt, tensors, true);
  const last = vectorAt + 4 + 4 * tensors;
  for (let i = 0; i < tensors; i++) lead(vectorAt + 4 + 4 * i, last);
  view.setInt32(last, last - 72, true);
  lead(40, graphsAt);
  lead(44, buffersAt);
  return file;
}
function workOf(act: () => unknown): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("a TFLite model", () => {
  test("is read whole", () =>
    expect(scan(tfliteFile())).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] }));
  test("is read to the same tables as were written", () => {
    const { root, problems, ranges } = readFlatBuffer(
      contentOf(tfliteFile()),
      MODEL,
      { start: 0, end: tfliteFile().length },
      () => {},
    );
    expect(problems).toEqual([]);
    expect(ranges.at(-1)!.end).toBeGreaterThan(tfliteFile().length - 4);
    const graph = [...root!.tables("subgraphs")][0]!;
    expect(Array.from(graph.tables("tensors"), (one) => [one!.text("name")!.text, one!.numbers("shape", 9)])).toEqual([
      ["x", [1, 2]],
      ["weights", [2, 2]],
      ["y", [1, 2]],
    ]);
    const [operator] = graph.tables("operators");
    expect(operator!.numbers("inputs", 9)).toEqual([0, 1, -1]);
    expect(operator!.table("builtin_options")!.number("fused_activation_function")).toBe(1);
    expect(root!.number("version")).toBe(3);
  });
  test("is what it is whatever the place of its root looks like", () => {
    // 0x0178 begins like a zlib stream, 0x0280 like a pickle, 0x8b1f like gzip; the root moves behind so many zeros.
    for (const place of [0x178, 0x280, 0x480, 0x580, 0x8b1c]) {
      const file = tfliteFile();
      const root = new DataView(file.buffer).getUint32(0, true);
      const list = root - new DataView(file.buffer).getInt32(root, true);
      const moved = bytes(file.subarray(0, 8), new Uint8Array(place - root), file.subarray(8));
      expect(list).toBeGreaterThanOrEqual(8);
      new DataView(moved.buffer).setUint32(0, place, true);
      expect(rulesOf(scan(moved))).not.toContain("polyglot");
    }
  });
  test.each<[string, { readonly [field: string]: FlatInput }]>([
    ["no graphs", { subgraphs: [], buffers: [{}] }],
    [
      "a graph that calls another",
      {
        operator_codes: [{ deprecated_builtin_code: 118, builtin_code: 118 }],
        subgraphs: [branching({ then_subgraph_index: 1, else_subgraph_index: 2 }), through, through],
      },
    ],
    ["four bits per element", { buffers: [{}, { data: new Uint8Array(2) }], subgraphs: graphOf({ type: 17 }) }],
    ["an empty tensor", { buffers: [{}, {}], subgraphs: graphOf({ shape: [0, 7] }) }],
    ["a scalar", { buffers: [{}, { data: new Uint8Array(4) }], subgraphs: graphOf({ shape: [] }) }],
    [
      "signatures",
      {
        signature_defs: [
          {
            signature_key: "serve",
            inputs: [{ name: "x", tensor_index: 0 }],
            outputs: [{ name: "y", tensor_index: 2 }],
          },
        ],
      },
    ],
    [
      "a few words of metadata",
      { metadata: [{ name: "min_runtime_version", buffer: 2 }], buffers: [{}, weights, { data: bytes("1.14.0\0\0") }] },
    ],
  ])("with %s is fine", (_, parts) => expect(verdict(parts)).toBe("no code path found"));
});

describe("what its own verifier refuses is not fine:", () => {
  test.each<[string, { readonly [field: string]: FlatInput }, string]>([
    ["a tensor smaller than its shape", { buffers: [{}, { data: new Uint8Array(12) }] }, "unknown"],
    ["a tensor larger than its shape", { buffers: [{}, { data: new Uint8Array(20) }] }, "unknown"],
    [
      "a shape whose size wraps around to the right one",
      { subgraphs: graphOf({ shape: [65536, 65536, 65536, 65536, 2, 2] }) },
      "suspicious",
    ],
    [
      "a shape that asks for more than there is",
      { subgraphs: graphOf({ shape: [2147483647, 2147483647], buffer: 0 }) },
      "suspicious",
    ],
    ["a size below zero", { subgraphs: graphOf({ shape: [-2, -2] }) }, "unknown"],
    ["elements of a type that is none", { subgraphs: graphOf({ type: 99 }) }, "unknown"],
    ["a buffer that is not there", { subgraphs: graphOf({ buffer: 7 }) }, "unknown"],
    ["an operator that is not there", { subgraphs: [tfliteGraph({ operators: [{ opcode_index: 9 }] })] }, "unknown"],
    ["an input that is not there", { subgraphs: [tfliteGraph({ inputs: [12] })] }, "unknown"],
    ["another version", { version: 4 }, "unknown"],
    [
      "an operator of the future",
      { operator_codes: [{ deprecated_builtin_code: 127, builtin_code: 4000 }] },
      "unknown",
    ],
    [
      "options of a kind that is none",
      {
        subgraphs: [
          tfliteGraph({ operators: [{ opcode_index: 0, inputs: [0, 1], outputs: [2], builtin_options_type: 200 }] }),
        ],
      },
      "unknown",
    ],
    ["data behind the file", { buffers: [{}, { offset: 1_000_000, size: 16 }] }, "unknown"],
    ["data that lies in the tables", { buffers: [{}, { offset: 16, size: 16 }] }, "unknown"],
    ["values in another file", { external_buffer_groups: [{ name: "values.bin" }] }, "unknown"],
    ["values outside the folder", { external_buffer_groups: [{ name: "../../secrets.bin" }] }, "suspicious"],
    [
      "a graph that calls itself",
      {
        operator_codes: [{ deprecated_builtin_code: 118, builtin_code: 118 }],
        subgraphs: [branching({ then_subgraph_index: 0, else_subgraph_index: 1 }), through],
      },
      "suspicious",
    ],
    [
      "a size of zero among others that are more than there is",
      { subgraphs: graphOf({ shape: [2147483647, 2147483647, 2147483647, 0], buffer: 0 }) },
      "suspicious",
    ],
    [
      "a shape that only its values could hold",
      { subgraphs: graphOf({ shape: [65536, 65536, 65536], buffer: 0 }) },
      "suspicious",
    ],
    ["bytes in the buffer that stands for none", { buffers: [weights, weights] }, "suspicious"],
    ["a variable whose values are fixed", { subgraphs: graphOf({ is_variable: true }) }, "unknown"],
    ["a signature of other sizes", { subgraphs: graphOf({ shape_signature: [-1, 3] }) }, "unknown"],
    [
      "a place behind ten thousand others that is not there",
      { subgraphs: [tfliteGraph({ inputs: [...Array<number>(10_001).fill(0), 2_000_000_000] })] },
      "unknown",
    ],
    [
      "values under a number that is not there",
      { subgraphs: graphOf({ external_buffer: 9999, buffer: 0 }) },
      "unknown",
    ],
    ["values here and elsewhere", { subgraphs: graphOf({ external_buffer: 9999 }) }, "suspicious"],
    [
      "values under a number that comes twice",
      { external_buffer_groups: [{ name: "a" }], external_buffers: [{ id: 5 }, { id: 5 }] },
      "suspicious",
    ],
    [
      "another operator for old readers than for new ones",
      { operator_codes: [{ deprecated_builtin_code: 9, builtin_code: 18 }] },
      "suspicious",
    ],
    [
      "options of another operator",
      {
        operator_codes: [{ deprecated_builtin_code: 18, builtin_code: 18 }],
        subgraphs: [
          tfliteGraph({
            operators: [
              { opcode_index: 0, inputs: [0, 1], outputs: [2], builtin_options_type: 8, builtin_options: {} },
            ],
          }),
        ],
      },
      "unknown",
    ],
    [
      "an operator that nothing here checks",
      {
        operator_codes: [{ deprecated_builtin_code: 127, builtin_code: 196 }],
        subgraphs: [tfliteGraph({ operators: [{ opcode_index: 0, inputs: [0], outputs: [2] }] })],
      },
      "unknown",
    ],
    ["a sparse tensor without values", { subgraphs: graphOf({ sparsity: {}, buffer: 0 }) }, "suspicious"],
    ["a signature of a graph that is not there", { signature_defs: [{ subgraph_index: 3 }] }, "unknown"],
  ])("%s", (_, parts, expected) => expect(verdict(parts)).toBe(expected));
  test.each<[string, { readonly [field: string]: FlatInput }, string]>([
    ["one scale", { scale: [0.5], zero_point: [3] }, "no code path found"],
    ["a scale for each row", { scale: [0.5, 0.25], zero_point: [0, 0], quantized_dimension: 0 }, "no code path found"],
    ["only least and most, as old converters leave them", { min: [0], max: [6] }, "no code path found"],
    ["a scale for each of three rows of two", { scale: [1, 1, 1], zero_point: [0, 0, 0] }, "suspicious"],
    [
      "scales for a dimension that is not there",
      { scale: [1, 1], zero_point: [0, 0], quantized_dimension: 7 },
      "suspicious",
    ],
    ["a scale that is no number", { scale: [NaN], zero_point: [0] }, "suspicious"],
    ["a scale below zero", { scale: [-1], zero_point: [0] }, "suspicious"],
    ["a zero point that its type cannot be", { scale: [1], zero_point: [300] }, "suspicious"],
    ["more zero points than scales", { scale: [1, 1], zero_point: [0, 0, 0] }, "suspicious"],
    [
      "blocks whose scales are there",
      { details_type: 2, details: { scales: 1, zero_points: -1, block_size: 2 } },
      "no code path found",
    ],
    ["blocks of no size", { details_type: 2, details: { scales: 1, zero_points: -1, block_size: 0 } }, "suspicious"],
    [
      "blocks whose scales are too few",
      { details_type: 2, details: { scales: 1, zero_points: -1, block_size: 1 } },
      "suspicious",
    ],
    [
      "blocks whose scales are no tensor",
      { details_type: 2, details: { scales: 900_000, zero_points: -7, block_size: 2 } },
      "suspicious",
    ],
    ["a way of somebody's own", { details_type: 1, details: { custom: new Uint8Array(8) } }, "unknown"],
  ])("a tensor that is quantised by %s", (_, quantization, expected) =>
    expect(
      verdict({
        buffers: [{}, { data: new Uint8Array(4) }, { data: new Uint8Array(8) }],
        subgraphs: [
          tfliteGraph({
            tensors: [
              { name: "w", shape: [2, 2], type: 9, buffer: 1, quantization },
              { name: "scales", shape: [2, 1], type: 0, buffer: 2 },
            ],
            inputs: [],
            outputs: [],
            operators: [],
          }),
        ],
      }),
    ).toBe(expected),
  );
  // The matrix of sparse_tensor.json's like: three values of 2 x 4, by rows, then by place; or whole blocks of 1 x 2.
  const csr = (segments: readonly number[], indices: readonly number[]) => ({
    format: 1,
    array_segments_type: 1,
    array_segments: { values: segments },
    array_indices_type: 3,
    array_indices: { values: indices },
  });
  const rows = { format: 0, dense_size: 2 };
  const byRows = (level: FlatInput) => ({ traversal_order: [0, 1], dim_metadata: [rows, level] });
  const byBlocks = (level: FlatInput, size = 2) => ({
    traversal_order: [0, 1, 2],
    block_map: [1],
    dim_metadata: [rows, level, { format: 0, dense_size: size }],
  });
  test.each<[string, FlatInput, number, string]>([
    ["places by rows", byRows(csr([0, 1, 3], [3, 0, 2])), 3, "no code path found"],
    ["places of blocks", byBlocks(csr([0, 1, 2], [1, 0])), 4, "no code path found"],
    ["a place that is not there", byRows(csr([0, 1, 3], [3, 0, 4])), 3, "suspicious"],
    ["segments that end behind the places", byRows(csr([0, 1, 9], [3, 0, 2])), 3, "suspicious"],
    ["segments that go back", byRows(csr([0, 3, 1], [3, 0, 2])), 3, "suspicious"],
    ["fewer segments than rows", byRows(csr([0, 3], [3, 0, 2])), 3, "suspicious"],
    [
      "rows that are not the shape's",
      { ...byRows(csr([0, 1, 3], [3, 0, 2])), dim_metadata: [{ format: 0, dense_size: 9 }, csr([0, 1, 3], [3, 0, 2])] },
      3,
      "suspicious",
    ],
    ["fewer values than places", byRows(csr([0, 1, 3], [3, 0, 2])), 2, "unknown"],
    ["blocks that do not divide", byBlocks(csr([0, 1, 2], [1, 0]), 3), 6, "suspicious"],
    [
      "an order that has a dimension twice",
      { ...byRows(csr([0, 1, 3], [3, 0, 2])), traversal_order: [0, 0] },
      3,
      "suspicious",
    ],
  ])("a sparse tensor of %s", (_, sparsity, values, expected) => {
    const file = (builtin: number, options: number) =>
      tfliteFile({
        operator_codes: [{ deprecated_builtin_code: builtin, builtin_code: builtin }],
        buffers: [{}, { data: new Uint8Array(4 * values) }],
        subgraphs: [
          tfliteGraph({
            tensors: [
              { name: "w", shape: [2, 4], type: 0, buffer: 1, sparsity },
              { name: "y", shape: [2, 4], type: 0, buffer: 0 },
            ],
            inputs: [],
            outputs: [1],
            operators: [
              { opcode_index: 0, inputs: [0], outputs: [1], builtin_options_type: options, builtin_options: {} },
            ],
          }),
        ],
      });
    const kind = (options: string): number => MODEL.unions.get("BuiltinOptions")!.indexOf(options) + 1;
    const [densify, abs] = [file(124, kind("DensifyOptions")), file(101, kind("AbsOptions"))];
    expect(scan(densify).verdict).toBe(expected);
    // An operator that does not know of places reads as many values as the shape has.
    expect(scan(abs).verdict).toBe("suspicious");
  });
  test("a table that two fields read as different things", () => {
    const file = tfliteFile({ metadata_buffer: [1, 1, 1, 1] });
    const view = new DataView(file.buffer);
    const root = view.getUint32(0, true);
    const list = root - view.getInt32(root, true);
    const place = (slot: number): number => root + view.getUint16(list + 4 + 2 * slot, true);
    // The list of buffers' numbers leads to where the buffers are listed.
    const buffers = place(4) + view.getUint32(place(4), true);
    view.setUint32(place(5), buffers - place(5), true);
    expect(rulesOf(scan(file))).toContain("flatbuffer-overlap");
    expect(scan(file).verdict).toBe("suspicious");
  });
  test("a field that the schema does not know", () => {
    const file = writeFlatBuffer(
      {
        ...MODEL,
        tables: new Map([
          ...MODEL.tables,
          ["Model", [...MODEL.tables.get("Model")!, { name: "new", type: { is: "text" } }]],
        ]),
      },
      { version: 3, new: "a".repeat(40) },
    );
    expect(scan(file)).toMatchObject({ verdict: "unknown", read: "part" });
    expect(rulesOf(scan(file))).toContain("flatbuffer-field");
  });
  test("every place at which it is cut short", () => {
    const file = tfliteFile();
    for (let end = 8; end < file.length - 4; end += 7)
      expect([end, scan(file.subarray(0, end)).verdict]).not.toEqual([end, "no code path found"]);
  });
  test("graphs that are all one graph, whose tensors are all one tensor, are not read a million times", () => {
    expect(workOf(() => expect(scan(shared(7000, 7000)).verdict).toBe("unknown"))).toBeLessThan(1000);
  });
  test("vectors at every place, each as long as the rest, are not followed to their ends", () => {
    const words = new Uint32Array(16_384).fill(8000);
    const file = bytes(tfliteFile(), new Uint8Array((4 - (tfliteFile().length % 4)) % 4), new Uint8Array(words.buffer));
    const view = new DataView(file.buffer);
    const root = view.getUint32(0, true);
    const place = root + view.getUint16(root - view.getInt32(root, true) + 4 + 2 * 2, true);
    view.setUint32(place, 4 * Math.ceil(tfliteFile().length / 4) - place, true);
    expect(workOf(() => expect(scan(file).verdict).not.toBe("no code path found"))).toBeLessThan(1000);
  });
});

describe("code that it names", () => {
  test.each<[string, { readonly [field: string]: FlatInput }, string, string]>([
    ["a custom operator", custom("Acme"), "tflite-custom", "unknown"],
    [
      "an operator of a delegate",
      { operator_codes: [{ deprecated_builtin_code: 51, builtin_code: 51 }] },
      "tflite-custom",
      "unknown",
    ],
    [
      "a call by name",
      { operator_codes: [{ deprecated_builtin_code: 127, builtin_code: 173 }] },
      "tflite-custom",
      "unknown",
    ],
    [
      "TensorFlow's operator that writes files",
      custom("FlexWriteFile", flexOptions("WriteFile", node("WriteFile"))),
      "tflite-harmful",
      "malicious",
    ],
    [
      "TensorFlow's operator that reads files",
      custom("FlexReadFile", flexOptions("ReadFile", node("ReadFile"))),
      "tflite-harmful",
      "suspicious",
    ],
    [
      "an operator of TensorFlow in no list",
      custom("FlexAcme", flexOptions("Acme", node("Acme"))),
      "tflite-custom",
      "unknown",
    ],
    [
      "a harmless name before a harmful operator",
      custom("FlexAdd", flexOptions("WriteFile", node("WriteFile"))),
      "tflite-mismatch",
      "malicious",
    ],
    [
      "a harmless name and node, one of which is another's",
      custom("FlexAdd", flexOptions("Add", node("WriteFile"))),
      "tensorflow-harmful",
      "malicious",
    ],
    ["options that are none", custom("FlexAdd", bytes(9, 9, 9, 9, 9)), "tflite-options", "unknown"],
  ])("%s is said", (_, parts, rule, expected) => {
    const file = scan(tfliteFile(parts));
    expect(rulesOf(file)).toContain(rule);
    expect(file.verdict).toBe(expected);
  });
  test("an operator of TensorFlow that computes is fine", () => {
    const options = flexOptions("Add", node("Add"));
    expect(readFlexBuffer(options)).toMatchObject({
      value: { is: "list", items: [{ is: "text" }, { is: "text" }] },
      ranges: [{ start: 0, end: options.length }],
    });
    expect(verdict(custom("FlexAdd", options))).toBe("no code path found");
  });
  test("what options hold beside their values is unread", () =>
    expect(scan(tfliteFile(custom("FlexAdd", bytes(pickle(op.int(1)), flexOptions("Add", node("Add")))))).read).toBe(
      "part",
    ));
});

describe("what it carries", () => {
  test("associated files are members, judged as files", () => {
    expect(scan(tfliteWithFiles())).toMatchObject({
      verdict: "no code path found",
      read: "whole",
      members: [{ path: "associated files", members: [{ path: "labels.txt" }] }],
    });
    const harmful = scan(tfliteWithFiles([{ name: "labels.txt", content: bytes("cos\nsystem\n(S'id'\ntR.") }]));
    expect(harmful.verdict).toBe("malicious");
  });
  test("an archive whose records count from its own beginning is read alike", () => {
    const archive = writeZip([{ name: "a.pkl", content: bytes("cos\nsystem\n(S'id'\ntR.") }]);
    expect(scan(bytes(tfliteFile(), archive)).verdict).toBe("malicious");
  });
  test("metadata is followed along its own schema", () => {
    const about = (text: string) =>
      scan(
        tfliteFile({
          metadata: [{ name: "TFLITE_METADATA", buffer: 2 }],
          buffers: [{}, weights, { data: writeFlatBuffer(METADATA, { name: "a model", description: text }) }],
        }),
      );
    expect(about("adds two numbers")).toMatchObject({ verdict: "no code path found", read: "whole" });
    expect(rulesOf(about("import os; os.system('id')"))).toContain("code-in-metadata");
  });
  test("metadata of somebody's own is a member", () => {
    const file = (data: Uint8Array) =>
      scan(tfliteFile({ metadata: [{ name: "acme", buffer: 2 }], buffers: [{}, weights, { data }] }));
    expect(file(pickle(op.int(1))).verdict).toBe("no code path found");
    expect(file(bytes("cos\nsystem\n(S'id'\ntR.")).verdict).toBe("malicious");
    expect(file(new Uint8Array(200).fill(0xee)).verdict).toBe("unknown");
  });
  test("a pickle in a buffer that belongs to no tensor is found", () => {
    const file = (data: Uint8Array) => scan(tfliteFile({ buffers: [{}, weights, { data }] }));
    expect(file(new Uint8Array(64))).toMatchObject({
      verdict: "no code path found",
      findings: [{ rule: "tflite-unused" }],
    });
    expect(file(bytes(u32(0), pickle(op.call(op.global("os", "system"), op.str("id"))))).verdict).toBe("malicious");
  });
  test("operators' tables that a converter left out are known as that, and what else stands between is not", () => {
    const file = tfliteFile();
    const one = bytes(6, 0, 8, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 9);
    expect(scan(bytes(file, new Uint8Array((4 - (file.length % 4)) % 4), one)).verdict).toBe("no code path found");
    expect(scan(bytes(file, one, 1, 2, 3, 4)).verdict).toBe("unknown");
  });
});
