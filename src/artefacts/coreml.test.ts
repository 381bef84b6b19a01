/** Core ML: every field of the specification, code that an app brings, files that lie elsewhere. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ScanFile } from "#assessment/index.ts";
import { coremlBlobs, coremlFile, coremlValues } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { field, onnx, varint } from "../../test/support/protobuf.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { contentOf } from "#formats/content.ts";
import { CORE_ML, readMilBlobs, type MilBlob } from "#formats/coreml.ts";
import type { Field, MessageTable } from "#formats/protobuf.ts";
import { answeredAlike, recorded, scanPorts, scanPortsFor, withFile } from "#host/unpack.ts";
import { KNOWN_KINDS } from "./coreml/model.ts";
import { KNOWN_LAYERS } from "./coreml/network.ts";
import { LAYERS_WITH_WEIGHTS } from "./coreml/weights.ts";
import { acceptedAll, againstBaseline } from "./baseline.ts";
import type { Neighbour } from "./ports.ts";
import { scanFile } from "./scan.ts";

const scan = (file: Uint8Array) => scanned(file, "model.mlmodel");
const layer = (number: number, params: Uint8Array): Uint8Array => field(1, bytes(field(1, "a"), field(number, params)));

const entry = (key: string, held: Uint8Array): Uint8Array => bytes(field(1, key), field(2, held));
/** A tensor's type: float16 of this shape, or another. */
const tensorType = (shape: readonly number[] = [4], type = 10): Uint8Array =>
  field(1, bytes(field(1, type), field(2, shape.length), ...shape.map((size) => field(3, field(1, field(1, size))))));
const takes = (key: string, ...names: readonly string[]): Uint8Array =>
  field(2, entry(key, bytes(...names.map((name) => field(1, field(1, name))))));
const gives = (name: string): Uint8Array => field(3, bytes(field(1, name), field(2, tensorType())));
const operation = (type: string, ...fields: readonly Uint8Array[]): Uint8Array =>
  field(3, bytes(field(1, type), ...fields));
/** A program of these operations, which gives y. */
function programOf(...operations: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const block = bytes(...operations, field(2, "y"));
  const main = bytes(
    field(1, bytes(field(1, "x"), field(2, tensorType()))),
    field(2, "CoreML7"),
    field(3, entry("CoreML7", block)),
  );
  return coremlFile(502, bytes(field(1, 1), field(2, entry("main", main))));
}
/** A program with one operator, which has this attribute. */
const program = (operator: string, value?: Uint8Array): Uint8Array<ArrayBuffer> =>
  programOf(
    operation(
      operator,
      ...(operator === "const" ? [] : [takes("x", "x")]),
      gives("y"),
      ...(value ? [field(5, entry("val", value))] : []),
    ),
  );
const fileValue = (name: string, offset = 64, type = tensorType()): Uint8Array =>
  bytes(field(2, type), field(5, bytes(field(1, name), field(2, offset))));

describe("a Core ML model", () => {
  test("is read whole", () =>
    expect(scan(coremlFile())).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] }));
  test.each<[string, Uint8Array, string, string]>([
    ["a layer of an app's own", coremlFile(500, layer(500, field(10, "AcmeLayer"))), "coreml-custom", "unknown"],
    ["a model of an app's own", coremlFile(555, field(10, "AcmeModel")), "coreml-custom", "unknown"],
    [
      "a model that it loads",
      coremlFile(556, field(1, field(1, field(1, "other.mlmodelc")))),
      "coreml-linked",
      "unknown",
    ],
    [
      "a model elsewhere",
      coremlFile(556, field(1, field(1, field(1, "../../other.mlmodelc")))),
      "coreml-outside",
      "suspicious",
    ],
    [
      "a model that only a framework knows",
      coremlFile(3000, bytes(field(1, "com.acme"), field(2, new Uint8Array(40)))),
      "coreml-serialized",
      "unknown",
    ],
    [
      "a field that the specification does not have",
      coremlFile(500, layer(1999, new Uint8Array(8))),
      "coreml-field",
      "unknown",
    ],
    ["a field twice", coremlFile(500, bytes(field(5, 1), field(5, 0))), "coreml-repeated", "unknown"],
    ["an operator in no list", program("acme_op"), "coreml-custom", "unknown"],
    [
      "values outside the folder",
      program("const", fileValue("@model_path/../../x.bin")),
      "coreml-outside",
      "suspicious",
    ],
    ["values by an absolute path", program("const", fileValue("/etc/passwd")), "coreml-outside", "suspicious"],
    [
      "values that cannot be looked at",
      program("const", fileValue("@model_path/weights/weight.bin")),
      "coreml-external",
      "unknown",
    ],
    [
      "an array beyond all memory",
      bytes(
        field(1, 4),
        field(2, field(1, bytes(field(1, "x"), field(3, field(5, bytes(field(1, 2 ** 40), field(1, 2 ** 20))))))),
        field(500, bytes()),
      ),
      "coreml-size",
      "suspicious",
    ],
    [
      "a program in its metadata",
      bytes(coremlFile(), field(2, field(100, field(3, "import os; os.system('id')")))),
      "code-in-metadata",
      "suspicious",
    ],
  ])("with %s is not fine", (_, file, rule, expected) => {
    expect(rulesOf(scan(file))).toContain(rule);
    expect(scan(file).verdict).toBe(expected);
  });
  test("with known operators alone is fine", () => expect(scan(program("relu")).verdict).toBe("no code path found"));
  test("keeps what only Apple's text frameworks know unread", () =>
    expect(scan(coremlFile(2000, field(100, new Uint8Array(40))))).toMatchObject({ verdict: "unknown", read: "part" }));
  const weights = "weights/weight.bin";
  const halves = coremlBlobs([1, new Uint8Array(8)], [3, new Uint8Array(4)]);
  const blobs = readMilBlobs(contentOf(halves), () => {});
  const beside = (
    file: Uint8Array,
    found: Neighbour | undefined,
    held: readonly MilBlob[] | string = blobs,
  ): ScanFile =>
    scanFile("model.mlmodel", contentOf(file), {
      ...scanPorts,
      neighbour: (name) => (name === weights ? found : undefined),
      blobs: () => held,
    });
  const here: Neighbour = { kind: "file", size: halves.length };
  test.each<[string, Neighbour | undefined, string]>([
    ["is there", here, "no code path found"],
    ["is a link", { kind: "link", size: 0 }, "suspicious"],
    ["is a device", { kind: "special", size: 0 }, "suspicious"],
    ["is a folder", { kind: "folder", size: 4096 }, "unknown"],
    ["is not there", undefined, "unknown"],
  ])("whose file of values %s is judged by that", (_, found, expected) =>
    expect(beside(program("const", fileValue(`@model_path/${weights}`)), found).verdict).toBe(expected),
  );
  test.each<[string, Uint8Array, (readonly MilBlob[] | string)?]>([
    ["where no blob begins", fileValue(weights, 65)],
    ["behind the end", fileValue(weights, 4096)],
    ["within another blob", fileValue(weights, 128)],
    ["of another number", fileValue(weights, 64, tensorType([5]))],
    ["of another type", fileValue(weights, 64, tensorType([4], 32))],
    ["of no type", field(5, bytes(field(1, weights), field(2, 64)))],
    ["in a file that is something else", fileValue(weights), "it holds no values of Core ML"],
    ["in a blob whose size is none", fileValue(weights), [{ at: 64, type: 1, padding: 0, start: 128, end: 135 }]],
  ])("with values %s is unknown", (_, value, held) => {
    const file = beside(program("const", value), here, held);
    expect([file.verdict, ...rulesOf(file)]).toEqual(["unknown", "coreml-external"]);
  });
  test("is told of the hundredth value as of the first", () => {
    const constants = Array.from({ length: 99 }, (_, i) =>
      operation("const", gives(`w${i}`), field(5, entry("val", fileValue(weights)))),
    );
    const last = operation("const", gives("y"), field(5, entry("val", fileValue(weights, 70))));
    expect(beside(programOf(...constants, last), here).verdict).toBe("unknown");
  });
  test("that is cut short anywhere is not fine", () => {
    for (const whole of [coremlFile(), program("relu")])
      for (let end = 3; end < whole.length; end += 5)
        expect([end, scan(whole.subarray(0, end)).verdict]).toEqual([end, "unknown"]);
  });
});

/** Floats and doubles of a list, packed as protobuf has them. */
const floats = (...values: readonly number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);
const doubles = (...values: readonly number[]): Uint8Array => new Uint8Array(new Float64Array(values).buffer);
const many = (length: number): readonly number[] => Array.from({ length }, (_, i) => i / 8);
/** Weights: so many floats. */
const weightsOf = (length: number): Uint8Array => field(1, floats(...many(length)));
const array = (...shape: readonly number[]): Uint8Array =>
  field(5, bytes(...shape.map((size) => field(1, size)), field(2, 65568)));
const feature = (name: string, type: Uint8Array): Uint8Array => bytes(field(1, name), field(3, type));
/** A model of this kind, from features to features. */
const modelOf = (
  kind: number,
  params: Uint8Array,
  {
    inputs = [feature("x", array(4))],
    outputs = [feature("y", array(2))],
    more = [],
  }: {
    inputs?: readonly Uint8Array[];
    outputs?: readonly Uint8Array[];
    more?: readonly Uint8Array[];
  } = {},
): Uint8Array<ArrayBuffer> =>
  bytes(
    field(1, 4),
    field(2, bytes(...inputs.map((one) => field(1, one)), ...outputs.map((one) => field(10, one)), ...more)),
    field(kind, params),
  );
const node = (
  kind: number,
  params: Uint8Array,
  inputs: readonly string[] = ["x"],
  outputs: readonly string[] = ["y"],
): Uint8Array =>
  field(
    1,
    bytes(
      field(1, "a"),
      ...inputs.map((one) => field(2, one)),
      ...outputs.map((one) => field(3, one)),
      field(kind, params),
    ),
  );
const network = (...layers: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => modelOf(500, bytes(...layers));
const [CONVOLUTION, INNER, LOOP, BRANCH, COPY, CONSTANT, LESS, BREAK] = [100, 140, 615, 605, 600, 1070, 825, 620];
const inner = (weights: Uint8Array, bias = weightsOf(2)): Uint8Array =>
  bytes(field(1, 4), field(2, 2), field(10, 1), field(20, weights), field(21, bias));
const packed = (bits: number, values: number, way: Uint8Array): Uint8Array =>
  bytes(field(30, new Uint8Array(values)), field(40, bytes(field(1, bits), way)));
const scale = (...values: readonly number[]): Uint8Array => field(101, field(1, floats(...values)));
const table = (length: number): Uint8Array => field(102, field(1, floats(...many(length))));
const convolution = (weights: number): Uint8Array =>
  bytes(
    field(1, 2),
    field(2, 3),
    field(10, 1),
    field(20, Uint8Array.of(2, 2)),
    field(50, bytes()),
    field(90, weightsOf(weights)),
  );
const GATES = [1, 2, 3, 4];
const lstm = (bias: number): Uint8Array =>
  bytes(
    field(1, 3),
    field(2, 2),
    ...[10, 10, 10].map((at) => field(at, field(40, bytes()))),
    field(15, field(20, 1)),
    field(
      20,
      bytes(
        ...GATES.map((gate) => field(gate, weightsOf(6))),
        ...GATES.map((gate) => field(19 + gate, weightsOf(4))),
        ...GATES.map((gate) => field(39 + gate, weightsOf(bias))),
      ),
    ),
  );
/** Goes round while s is less than ten; the body counts. */
const loop = (condition: Uint8Array, body: Uint8Array, rounds = 0): Uint8Array =>
  node(LOOP, bytes(field(1, rounds), field(2, "go"), field(3, condition), field(4, body)), [], []);
const counting = node(COPY, bytes(), ["x"], ["y"]);
const less = node(LESS, bytes(), ["x", "x"], ["go"]);
const never = node(CONSTANT, bytes(field(1, 1), field(2, field(1, floats(0)))), [], ["go"]);
const always = node(CONSTANT, bytes(field(1, 1), field(2, field(1, floats(1)))), [], ["go"]);

const packedSizes = (...sizes: readonly number[]): Uint8Array => bytes(...sizes.map(varint));

describe("a network", () => {
  test.each<[string, Uint8Array]>([
    ["with a matrix", network(node(INNER, inner(weightsOf(8))))],
    ["with a matrix in halves", network(node(INNER, inner(field(2, new Uint8Array(16)))))],
    ["with a matrix of four bits and one scale", network(node(INNER, inner(packed(4, 4, scale(0.5)))))],
    ["with a matrix of three bits and scales for each output", network(node(INNER, inner(packed(3, 3, scale(1, 2)))))],
    ["with a matrix by a table", network(node(INNER, inner(packed(2, 2, table(4)))))],
    ["with a convolution", network(node(CONVOLUTION, convolution(24)))],
    ["with an LSTM", network(node(420, lstm(2), ["x", "x", "x"], ["y", "h", "c"]))],
    ["with a loop on a condition", network(counting, loop(less, node(COPY, bytes(), ["y"], ["x"])))],
    ["with a loop that never begins", network(counting, loop(never, counting))],
    ["with a loop of so many rounds", network(counting, node(LOOP, bytes(field(1, 5), field(4, counting)), [], []))],
    [
      "with a loop that the body leaves",
      network(counting, loop(always, bytes(counting, node(BREAK, bytes(), [], [])))),
    ],
    ["with a branch", network(less, node(BRANCH, bytes(field(1, counting), field(2, counting)), ["go"], []))],
    [
      "with a pool over all",
      network(node(120, bytes(field(10, Uint8Array.of(0, 0)), field(20, Uint8Array.of(0, 0)), field(60, 1)))),
    ],
    [
      "that classifies",
      modelOf(
        403,
        bytes(node(INNER, inner(weightsOf(8)), ["x"], ["p"]), field(100, bytes(field(1, "a"), field(1, "b")))),
        {
          outputs: [feature("label", field(3, bytes())), feature("p", array(2))],
          more: [field(11, "label"), field(12, "p")],
        },
      ),
    ],
  ])("%s is fine", (_, file) => expect(scan(file)).toMatchObject({ verdict: "no code path found", findings: [] }));
  test.each<[string, Uint8Array, string, string?]>([
    ["a matrix of fewer values than its sizes", network(node(INNER, inner(weightsOf(7)))), "coreml-weights"],
    ["a matrix of more", network(node(INNER, inner(weightsOf(9)))), "coreml-weights"],
    ["no matrix", network(node(INNER, inner(bytes()))), "coreml-weights"],
    [
      "sizes beyond all numbers",
      network(node(INNER, bytes(field(1, 2n ** 63n), field(2, 2), field(20, bytes())))),
      "coreml-weights",
    ],
    ["fewer packed values", network(node(INNER, inner(packed(4, 3, scale(1))))), "coreml-weights"],
    ["packed values and no way to unpack them", network(node(INNER, inner(packed(4, 4, bytes())))), "coreml-weights"],
    ["a table of another size", network(node(INNER, inner(packed(2, 2, table(5))))), "coreml-weights"],
    ["three scales for two outputs", network(node(INNER, inner(packed(4, 4, scale(1, 2, 3))))), "coreml-weights"],
    ["a bias of three for two", network(node(INNER, inner(weightsOf(8), weightsOf(3)))), "coreml-weights"],
    [
      "weights in two places",
      network(node(INNER, inner(bytes(weightsOf(8), field(2, new Uint8Array(16)))))),
      "coreml-weights",
      "suspicious",
    ],
    ["a convolution of another size", network(node(CONVOLUTION, convolution(25))), "coreml-weights"],
    [
      "an LSTM with gates of another size",
      network(node(420, lstm(3), ["x", "x", "x"], ["y", "h", "c"])),
      "coreml-weights",
    ],
    ["a layer that takes what nothing makes", network(node(COPY, bytes(), ["z"])), "coreml-graph"],
    ["a layer without an input", network(node(COPY, bytes(), [])), "coreml-graph"],
    ["an LSTM with one output", network(node(420, lstm(2), ["x"], ["y"])), "coreml-graph"],
    [
      "a layer of two kinds",
      network(field(1, bytes(field(2, "x"), field(3, "y"), field(COPY, bytes()), field(130, bytes())))),
      "coreml-graph",
    ],
    ["no layer for its output", network(), "coreml-graph"],
    ["a loop around nothing", network(counting, loop(less, bytes())), "coreml-loop", "suspicious"],
    ["a loop on what nothing makes", network(counting, loop(bytes(), counting, 5)), "coreml-loop"],
    ["a loop that nothing ends", network(counting, loop(always, counting)), "coreml-loop", "suspicious"],
    [
      "a loop on a condition that never changes",
      network(counting, less, loop(node(COPY, bytes(), ["x"], ["z"]), counting)),
      "coreml-loop",
      "suspicious",
    ],
    [
      "a loop of 10^18 rounds",
      network(counting, node(LOOP, bytes(field(1, 10n ** 18n), field(4, counting)), [], [])),
      "coreml-loop",
      "suspicious",
    ],
    ["a branch to nowhere", network(less, counting, node(BRANCH, field(2, counting), ["go"], [])), "coreml-graph"],
    [
      "a mean image of another size",
      modelOf(500, bytes(counting, field(2, bytes(field(1, "x"), field(11, field(1, floats(1, 2, 3))))))),
      "coreml-weights",
    ],
    [
      "an image as large as no memory",
      modelOf(500, counting, {
        inputs: [feature("x", field(4, bytes(field(1, 2 ** 40), field(2, 2 ** 40), field(3, 20))))],
      }),
      "coreml-size",
      "suspicious",
    ],
    [
      "a convolution of no channels",
      network(node(CONVOLUTION, bytes(field(1, 2), field(90, bytes())))),
      "coreml-weights",
    ],
    [
      "windows that do not move",
      network(node(120, bytes(field(10, Uint8Array.of(2, 2)), field(20, Uint8Array.of(0, 1))))),
      "coreml-size",
    ],
    [
      "an array made as large as no memory",
      network(node(1085, bytes(field(2, packedSizes(2 ** 20, 2 ** 20))), [], ["y"])),
      "coreml-size",
      "suspicious",
    ],
    ["several models", bytes(network(counting), field(900, bytes())), "coreml-repeated"],
    ["no model", bytes(field(1, 4), field(2, field(1, feature("x", array(4)))), field(202, bytes())), "coreml-graph"],
  ])("with %s is not", (_, file, rule, expected = "unknown") => {
    expect(rulesOf(scan(file))).toContain(rule);
    expect(scan(file).verdict).toBe(expected);
  });
});

/** A node of a tree: a branch to two others, or a leaf that adds to a value. */
const branch = (id: number, yes: number, no: number, on = 0, tree = 0): Uint8Array =>
  field(1, bytes(field(1, tree), field(2, id), field(3, 1), field(10, on), field(12, yes), field(13, no)));
const leaf = (id: number, to = 0, tree = 0): Uint8Array =>
  field(1, bytes(field(1, tree), field(2, id), field(3, 6), field(20, bytes(field(1, to)))));
const trees = (...nodes: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  modelOf(302, field(1, bytes(...nodes, field(2, 1), field(3, doubles(0)))));

describe("an ensemble of trees", () => {
  test.each<[string, Uint8Array]>([
    ["a leaf", trees(leaf(0))],
    [
      "two trees, of which one begins with its last node",
      trees(branch(0, 1, 2), leaf(1), leaf(2), leaf(5, 0, 1), leaf(6, 0, 1), branch(9, 5, 6, 3, 1)),
    ],
  ])("of %s is fine", (_, file) => expect(scan(file)).toMatchObject({ verdict: "no code path found", findings: [] }));
  test.each<[string, Uint8Array, string]>([
    ["that leads outside itself", trees(branch(0, 1, 99), leaf(1)), "unknown"],
    ["that leads into another tree", trees(branch(0, 1, 2), leaf(1), leaf(2, 0, 1)), "unknown"],
    ["that leads to itself", trees(branch(0, 0, 1), leaf(1)), "suspicious"],
    ["that leads back", trees(branch(0, 1, 2), branch(1, 0, 3), leaf(2), leaf(3)), "suspicious"],
    ["that comes together again", trees(branch(0, 1, 2), branch(1, 3, 3), leaf(2), leaf(3)), "suspicious"],
    ["with a circle beside it", trees(leaf(0), branch(1, 2, 3), branch(2, 1, 4), leaf(3), leaf(4)), "suspicious"],
    ["with two beginnings", trees(leaf(0), leaf(1)), "unknown"],
    ["with a node twice", trees(branch(0, 1, 2), leaf(1), leaf(2), leaf(2)), "unknown"],
    ["that splits on feature 4 of 4", trees(branch(0, 1, 2, 4), leaf(1), leaf(2)), "unknown"],
    ["that adds to value 1 of 1", trees(leaf(0, 1)), "unknown"],
    ["with a leaf of nothing", trees(field(1, bytes(field(3, 6)))), "unknown"],
    ["of no nodes", trees(), "unknown"],
    ["that does what no node does", trees(field(1, bytes(field(3, 9), field(12, 0), field(13, 0)))), "suspicious"],
  ])("%s is not", (_, file, expected) => {
    expect([scan(file).verdict, ...new Set(rulesOf(scan(file)))]).toEqual([expected, "coreml-tree"]);
  });
});

const row = (length: number): Uint8Array => field(1, field(1, doubles(...many(length))));
const names = (...labels: readonly string[]): Uint8Array =>
  field(100, bytes(...labels.map((label) => field(1, label))));
const linear = (weights: number, offsets = 1): Uint8Array => bytes(row(weights), field(2, doubles(...many(offsets))));
const dense = (...lengths: readonly number[]): Uint8Array =>
  bytes(...lengths.map((length) => field(1, field(1, doubles(...many(length))))));
const regressor = (vectors: Uint8Array, coefficients: number): Uint8Array =>
  bytes(field(1, field(1, bytes())), vectors, field(4, field(1, doubles(...many(coefficients)))));
const classifier = (per: readonly number[], coefficients: number, rho: number): Uint8Array =>
  bytes(
    field(1, field(1, bytes())),
    field(2, Uint8Array.from(per)),
    field(4, dense(4, 4)),
    field(5, field(1, doubles(...many(coefficients)))),
    field(6, doubles(...many(rho))),
    names("a", "b"),
  );
const sample = (length: number): Uint8Array => field(2, field(1, floats(...many(length))));
const neighbours = (...samples: readonly Uint8Array[]): Uint8Array =>
  bytes(field(1, bytes(field(1, 4), ...samples, field(100, bytes()), field(200, bytes()))), names("a", "b"));
const step = (from: string, to: string): Uint8Array =>
  field(1, modelOf(300, linear(4), { inputs: [feature(from, array(4))], outputs: [feature(to, array(4))] }));

describe("a model of lists of numbers", () => {
  test.each<[string, Uint8Array]>([
    ["a linear model", modelOf(300, linear(4))],
    ["a linear model of two classes", modelOf(400, bytes(linear(4), names("a", "b")))],
    ["support vectors", modelOf(301, regressor(field(3, dense(4, 4)), 2))],
    ["sparse support vectors", modelOf(301, regressor(field(2, field(1, field(1, bytes(field(1, 4))))), 1))],
    ["support vectors of two classes", modelOf(401, classifier([1, 1], 2, 1))],
    ["neighbours", modelOf(404, neighbours(sample(4), sample(4)))],
    ["a scale for each feature", modelOf(604, field(2, doubles(1, 2, 3, 4)))],
    ["a pipeline", modelOf(202, bytes(step("x", "h"), step("h", "y"), field(2, "one"), field(2, "two")))],
    [
      "places to take out",
      modelOf(
        609,
        field(
          1,
          Uint8Array.from({ length: 200 }, (_, i) => i % 4),
        ),
      ),
    ],
  ])("%s is fine", (_, file) => expect(scan(file)).toMatchObject({ verdict: "no code path found", findings: [] }));
  test.each<[string, Uint8Array, string?]>([
    ["fewer weights than features", modelOf(300, linear(3))],
    ["no offset", modelOf(300, row(4))],
    ["one row for three classes", modelOf(400, bytes(linear(4), names("a", "b", "c")))],
    ["vectors of several lengths", modelOf(301, regressor(field(3, dense(4, 5)), 2))],
    ["fewer coefficients than vectors", modelOf(301, regressor(field(3, dense(4, 4)), 1))],
    ["number 5 of a vector of 4", modelOf(301, regressor(field(2, field(1, field(1, bytes(field(1, 5))))), 1))],
    ["more vectors counted than there are", modelOf(401, classifier([1, 9], 2, 1))],
    ["an offset for each of three pairs", modelOf(401, classifier([1, 1], 2, 3))],
    ["a neighbour of other dimensions", modelOf(404, neighbours(sample(4), sample(5)))],
    ["more labels than neighbours", modelOf(404, neighbours(sample(4)))],
    ["three scales for four features", modelOf(604, field(2, doubles(1, 2, 3)))],
    [
      "a place to take out behind the end, after two hundred",
      modelOf(
        609,
        field(
          1,
          Uint8Array.from({ length: 200 }, (_, i) => (i === 199 ? 4 : 0)),
        ),
      ),
    ],
    ["a pipeline that is fed by nothing", modelOf(202, bytes(step("x", "h"), step("z", "y"))), "coreml-graph"],
    ["a pipeline that does not give what it says", modelOf(202, step("x", "h")), "coreml-graph"],
  ])("with %s is not", (_, file, rule = "coreml-parameters") => {
    expect([scan(file).verdict, ...new Set(rulesOf(scan(file)))]).toEqual(["unknown", rule]);
  });
});

describe("a program", () => {
  const value = (type: Uint8Array, tensor: Uint8Array): Uint8Array =>
    field(5, entry("val", bytes(field(2, type), field(3, field(1, tensor)))));
  const constant = (name: string, type: Uint8Array, tensor: Uint8Array): Uint8Array =>
    operation("const", gives(name), value(type, tensor));
  const half = constant("k", tensorType(), field(7, field(1, new Uint8Array(8))));
  const yes = constant("go", tensorType([], 1), field(3, field(1, Uint8Array.of(1))));
  const input = (name: string): Uint8Array => field(1, bytes(field(1, name), field(2, tensorType())));
  const block = (inputs: readonly string[], operations: readonly Uint8Array[], output: string): Uint8Array =>
    field(4, bytes(...inputs.map(input), ...operations, field(2, output)));
  const whileLoop = (...blocks: readonly Uint8Array[]): Uint8Array =>
    operation("while_loop", takes("loop_vars", "x"), gives("y"), ...blocks);
  const test1 = block(["a"], [operation("less", takes("x", "a"), takes("y", "a"), gives("c"))], "c");
  const body = block(["b"], [operation("add", takes("x", "b"), takes("y", "b"), gives("d"))], "d");
  const add = operation("add", takes("x", "x"), takes("y", "k"), gives("y"));
  test.each<[string, Uint8Array]>([
    ["with a constant", programOf(half, add)],
    [
      "with numbers one by one",
      programOf(constant("k", tensorType([2], 23), field(2, field(1, Uint8Array.of(1, 2)))), add),
    ],
    [
      "that makes an array",
      programOf(
        constant("k", tensorType([2], 23), field(2, field(1, Uint8Array.of(2, 2)))),
        operation("fill", takes("shape", "k"), gives("y")),
      ),
    ],
    ["with bits", programOf(constant("k", tensorType([10], 37), field(7, field(1, new Uint8Array(2)))), add)],
    ["with a loop", programOf(whileLoop(test1, body))],
    [
      "with a choice",
      programOf(operation("cond", takes("pred", "x"), gives("y"), block([], [], "x"), block([], [], "x"))),
    ],
  ])("%s is fine", (_, file) => expect(scan(file)).toMatchObject({ verdict: "no code path found", findings: [] }));
  test.each<[string, Uint8Array, string, string?]>([
    ["an argument that nothing makes", programOf(add), "coreml-graph"],
    ["an argument that comes later", programOf(add, half), "coreml-graph"],
    ["no output", programOf(half), "coreml-graph"],
    ["a constant without a value", programOf(operation("const", gives("y"))), "coreml-graph"],
    ["a loop without blocks", programOf(whileLoop()), "coreml-graph"],
    ["a loop of one block", programOf(whileLoop(test1)), "coreml-graph"],
    [
      "an operator with a block too many",
      programOf(operation("relu", takes("x", "x"), gives("y"), body)),
      "coreml-graph",
    ],
    [
      "what is made within a block used outside",
      programOf(
        operation("cond", takes("pred", "x"), gives("z"), body, body),
        operation("relu", takes("x", "d"), gives("y")),
      ),
      "coreml-graph",
    ],
    [
      "a loop whose condition always holds",
      programOf(whileLoop(block(["a"], [yes], "go"), body)),
      "coreml-loop",
      "suspicious",
    ],
    [
      "a loop on a condition that it hands on",
      programOf(
        yes,
        operation("while_loop", takes("loop_vars", "go"), gives("y"), block(["a"], [], "a"), block(["b"], [], "b")),
      ),
      "coreml-loop",
      "suspicious",
    ],
    [
      "a loop that changes what its condition does not hang on",
      programOf(
        operation(
          "while_loop",
          takes("loop_vars", "x", "x"),
          gives("y"),
          block(["a", "o"], [operation("less", takes("x", "a"), takes("y", "x"), gives("c"))], "c"),
          field(
            4,
            bytes(
              input("b"),
              input("p"),
              operation("add", takes("x", "b"), takes("y", "p"), gives("d")),
              field(2, "b"),
              field(2, "d"),
            ),
          ),
        ),
      ),
      "coreml-loop",
      "suspicious",
    ],
    [
      "fewer values than its type says",
      programOf(constant("k", tensorType([5]), field(7, field(1, new Uint8Array(8)))), add),
      "coreml-weights",
    ],
    [
      "values of another type",
      programOf(constant("k", tensorType([2], 11), field(2, field(1, Uint8Array.of(1, 2)))), add),
      "coreml-weights",
    ],
    [
      "a type of other dimensions than it says",
      programOf(
        operation(
          "relu",
          takes("x", "x"),
          field(3, bytes(field(1, "y"), field(2, field(1, bytes(field(1, 10), field(2, 2)))))),
        ),
      ),
      "coreml-size",
    ],
    [
      "a value in two places",
      programOf(
        operation(
          "const",
          gives("k"),
          field(
            5,
            entry(
              "val",
              bytes(
                field(2, tensorType()),
                field(3, field(1, field(7, field(1, new Uint8Array(8))))),
                field(5, bytes(field(1, "w.bin"), field(2, 64))),
              ),
            ),
          ),
        ),
        add,
      ),
      "coreml-repeated",
      "suspicious",
    ],
    [
      "a key that stands twice",
      programOf(operation("relu", takes("x", "x"), takes("x", "x"), gives("y"))),
      "coreml-repeated",
    ],
  ])("with %s is not", (_, file, rule, expected = "unknown") => {
    expect(rulesOf(scan(file))).toContain(rule);
    expect(scan(file).verdict).toBe(expected);
  });
});

describe("the tables", () => {
  const message = (table: MessageTable, name: string): MessageTable => {
    const field = Object.values(table.fields).find((one) => one.name === name)!;
    return (field.type as () => MessageTable)();
  };
  const fields = (table: MessageTable): readonly Field[] => Object.values(table.fields);
  const layers = message(message(CORE_ML, "neuralNetwork"), "layers");
  const kinds = fields(layers).filter(({ type, repeated }) => typeof type === "function" && !repeated);
  test("have every kind of model of the specification", () =>
    expect(
      fields(CORE_ML)
        .filter(({ type, name }) => typeof type === "function" && name !== "description")
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([...KNOWN_KINDS].toSorted()));
  test("have every layer of the specification, with its inputs and outputs", () =>
    expect(kinds.map(({ name }) => name).toSorted()).toEqual([...KNOWN_LAYERS].toSorted()));
  test("have the weights of every layer that has some", () => {
    const withWeights = (table: MessageTable, depth = 0): boolean =>
      table.name === "WeightParams" ||
      (depth < 4 &&
        !["NeuralNetwork", "NeuralNetworkLayer"].includes(table.name) &&
        // How a gate answers is an activation, whose weights a recurrent layer does not use.
        fields(table).some(
          ({ type, name }) =>
            typeof type === "function" &&
            !/^activations?(ForwardLSTM|BackwardLSTM)?$/.test(name) &&
            withWeights(type(), depth + 1),
        ));
    const wanted = kinds.filter(({ type }) => withWeights((type as () => MessageTable)())).map(({ name }) => name);
    expect(wanted.length).toBeGreaterThan(15);
    expect(Object.keys(LAYERS_WITH_WEIGHTS).toSorted()).toEqual(wanted.toSorted());
  });
});

describe("an acceptance of what is said of a file beside a model", () => {
  const folder = mkdtempSync(join(tmpdir(), "vauban-beside-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const place = (name: string): string => join(folder, name);
  const scanIn = (name: string): ScanFile =>
    withFile(place(name), (content) => scanFile(name, content, scanPortsFor(place(name))));
  const put = (name: string, change: string | Uint8Array | { to: string }): void => {
    rmSync(place(name), { recursive: true, force: true });
    if (typeof change === "object" && "to" in change) symlinkSync(change.to, place(name));
    else writeFileSync(place(name), change);
  };
  type State = string | { to: string };
  const tensor = onnx.external("w", [4], { location: "w.bin" });
  test.each<[string, string, Uint8Array, State, State]>([
    ["Core ML: bytes of a file of the same size", "a.mlmodel", program("const", fileValue("w.bin")), "some", "more"],
    ["Core ML: where a link leads", "b.mlmodel", program("const", fileValue("w.bin")), { to: "x" }, { to: "y" }],
    ["ONNX: bytes of a file of the same size", "c.onnx", onnx.model(onnx.graph({ tensors: [tensor] })), "some", "more"],
    ["ONNX: where a link leads", "d.onnx", onnx.model(onnx.graph({ tensors: [tensor] })), { to: "x" }, { to: "y" }],
    [
      "a shard: where a link leads",
      "e.index.json",
      new TextEncoder().encode(JSON.stringify({ weight_map: { a: "w.bin" } })),
      { to: "x" },
      { to: "y" },
    ],
  ])("is void when that changes – %s", (_, name, model, before, after) => {
    put(name, model);
    put("w.bin", before);
    const today = "2027-01-01";
    const file = scanIn(name);
    expect(file.findings.some(({ beside: one }) => one?.name === "w.bin")).toBe(true);
    const meant = { reason: "kept on purpose, for show", expires: "2027-06-30" };
    const { baseline } = acceptedAll(undefined, againstBaseline([file], undefined, today), meant);
    expect(againstBaseline([scanIn(name)], baseline, today).open).toEqual([]);
    // What was asked about the surroundings is answered otherwise: a kept report does not stand either.
    const around = recorded(scanPortsFor(place(name)));
    withFile(place(name), (content) => scanFile(name, content, around.ports));
    expect(answeredAlike(scanPortsFor(place(name)), around.asked())).toBe(true);
    put("w.bin", after);
    expect(answeredAlike(scanPortsFor(place(name)), around.asked())).toBe(false);
    expect(againstBaseline([scanIn(name)], baseline, today).open.length).toBeGreaterThan(0);
  });
});

describe("values of Core ML", () => {
  const two = coremlValues(new Uint8Array(100).fill(7), new Uint8Array(3).fill(9));
  test("are read whole, blob by blob", () => {
    expect(scan(two)).toMatchObject({ verdict: "no code path found", read: "whole" });
    expect(readMilBlobs(contentOf(two), () => {}).map(({ start, end }) => end - start)).toEqual([100, 3]);
  });
  test.each<[string, (file: DataView) => void]>([
    ["a blob beyond the file", (view) => view.setBigUint64(72, 10_000n, true)],
    ["a blob of more bytes than there are numbers for", (view) => view.setBigUint64(72, 2n ** 63n, true)],
    ["a blob elsewhere", (view) => view.setBigUint64(80, 64n, true)],
    ["more blobs than there are", (view) => view.setUint32(0, 9, true)],
    ["fewer blobs than there are", (view) => view.setUint32(0, 1, true)],
    ["a header that holds more", (view) => view.setUint32(20, 1, true)],
    ["something between two blobs", (view) => view.setUint8(64 + 64 + 100, 1)],
    ["a blob without its mark", (view) => view.setUint32(64 + 64 + 128, 0, true)],
  ])("with %s are not fine", (_, change) => {
    const file = two.slice();
    change(new DataView(file.buffer));
    expect(scan(file).verdict).toBe("unknown");
  });
});

describe("the manifest of a package", () => {
  const folder = mkdtempSync(join(tmpdir(), "vauban-mlpackage-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "Data", "com.apple.CoreML");
  mkdirSync(join(data, "weights"), { recursive: true });
  writeFileSync(join(data, "model.mlmodel"), coremlFile());
  symlinkSync("/etc/passwd", join(data, "link.mlmodel"));
  type Entry = Readonly<Record<string, string>>;
  const item = (path: string): Entry => ({ path, name: "model.mlmodel", author: "com.apple.CoreML", description: "" });
  const manifest = (entries: Readonly<Record<string, Entry>>, root: string | undefined = "a"): ScanFile => {
    const path = join(folder, "Manifest.json");
    writeFileSync(
      path,
      JSON.stringify({ fileFormatVersion: "1.0.0", itemInfoEntries: entries, rootModelIdentifier: root }),
    );
    return withFile(path, (content) => scanFile("Manifest.json", content, scanPortsFor(path)));
  };
  const model = "com.apple.CoreML/model.mlmodel";
  test("names a model and a folder of values in the package", () =>
    expect(manifest({ a: item(model), b: item("com.apple.CoreML/weights") })).toMatchObject({
      verdict: "no code path found",
      findings: [],
    }));
  test.each([
    "../../../etc/passwd",
    "/etc/passwd",
    "com.apple.CoreML/%2e%2e/%2E%2E/etc/passwd",
    "com.apple.CoreML/%252e%252e/%252e%252e/x",
    "%2fetc/passwd",
    "com.apple.CoreML\\..\\..\\x",
    "com.apple.CoreML/\uff0e\uff0e/\uff0e\uff0e/x",
    "file:/etc/passwd",
    "FILE:///etc/passwd",
    "https://example.org/model.mlmodel",
    "com.apple.CoreML/model.mlmodel\u0000.txt",
    "com.apple.CoreML/link.mlmodel",
  ])("that names %j is suspicious", (path) => {
    const file = manifest({ a: item(path) });
    expect([file.verdict, ...rulesOf(file)]).toEqual(["suspicious", "coreml-package"]);
  });
  test.each<[string, Readonly<Record<string, Entry>>, string?]>([
    ["what is not there", { a: item("com.apple.CoreML/other.mlmodel") }],
    ["a folder for its model", { a: item("com.apple.CoreML/weights") }],
    ["its own folder", { a: item(model), b: item("") }],
    ["a part without saying whose", { a: { path: model, name: "model.mlmodel" } }],
    ["no model", { a: item(model) }, "b"],
  ])("that names %s is unknown", (_, entries, root) => expect(manifest(entries, root).verdict).toBe("unknown"));
  test("is unknown where nobody can look into the package", () =>
    expect(
      scanned(
        new TextEncoder().encode(
          JSON.stringify({ fileFormatVersion: "1.0.0", itemInfoEntries: { a: item(model) }, rootModelIdentifier: "a" }),
        ),
        "Manifest.json",
      ).verdict,
    ).toBe("unknown"));
});
