/** TensorFlow's graphs: operators by what they touch, wherever they stand; paths; what lies in fields nobody knows. */
import { describe, expect, test } from "vitest";
import { encodeMessage, type Message } from "#formats/protobuf.ts";
import { GRAPH, KERAS_METADATA, SAVED_MODEL, tensorflowKind } from "#formats/savedmodel.ts";
import { contentOf } from "#formats/content.ts";
import { PAYLOADS } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import lambdas from "./fixtures/lambdas.json" with { type: "json" };
import { COMPUTING_OPERATORS, HARMFUL_OPERATORS } from "./tensorflow-operators.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const node = (op: string, attributes: readonly object[] = [], inputs: readonly string[] = [], name = "n"): Message => ({
  name: utf8(name),
  op: utf8(op),
  inputs,
  attributes,
});
const graph = (...nodes: readonly Message[]): Message => ({ nodes: [node("Const"), ...nodes] });
const savedModel = (inner: Message, more: Message = {}): Uint8Array =>
  encodeMessage(SAVED_MODEL, { version: 1n, metaGraphs: [{ graph: inner, ...more }] });
const verdict = (content: Uint8Array): string => scanned(content, "saved_model.pb").verdict;

describe("a saved model", () => {
  test("of plain operators is read whole and has no code path, as is a frozen graph", () => {
    const plain = graph(node("MatMul"), node("Relu"));
    for (const content of [savedModel(plain), encodeMessage(GRAPH, plain)])
      expect(scanned(content, "model.pb")).toMatchObject({ verdict: "no code path found", read: "whole" });
  });
  test.each([
    ["WriteFile", "malicious"],
    ["RpcCall", "malicious"],
    ["ReadFile", "suspicious"],
    ["MatchingFiles", "suspicious"],
    ["PyFunc", "suspicious"],
    ["EagerPyFunc", "suspicious"],
    ["AcmeFusedOp", "unknown"],
  ])("with %s is %s, in the graph or in a function of it", (op, wanted) => {
    expect(verdict(savedModel(graph(node(op))))).toBe(wanted);
    const inFunction = { ...graph(), library: { functions: [{ signature: { name: "f" }, nodes: [node(op)] }] } };
    expect(verdict(savedModel(inFunction))).toBe(wanted);
    expect(verdict(encodeMessage(GRAPH, graph(node(op))))).toBe(wanted);
  });
  test("that prints into a file is malicious, into the log is not", () => {
    const print = (stream: string): Message => node("PrintV2", [{ key: "output_stream", value: { s: utf8(stream) } }]);
    expect(verdict(savedModel(graph(print("file:///root/.bashrc"))))).toBe("malicious");
    expect(verdict(savedModel(graph(print("stderr"))))).toBe("no code path found");
  });
  test("that restores from, or takes a table from, outside its folder is suspicious", () => {
    const constant = (path: string): Message =>
      node("Const", [{ key: "value", value: { tensor: { dtype: 7, strings: [utf8(path)] } } }], [], "path");
    const restores = (path: string): Uint8Array => savedModel(graph(constant(path), node("RestoreV2", [], ["path"])));
    expect(verdict(restores("/home/somebody/.ssh/id_rsa"))).toBe("suspicious");
    expect(verdict(restores("../../secret"))).toBe("suspicious");
    expect(verdict(restores("model"))).toBe("no code path found");
    const asset = (filename: string): Uint8Array => savedModel(graph(), { assets: [{ filename: utf8(filename) }] });
    expect(verdict(asset("../../etc/passwd"))).toBe("suspicious");
    expect(verdict(asset("vocabulary.txt"))).toBe("no code path found");
  });
  test("carries Keras's configurations, which are judged as such", () => {
    const code = lambdas[0]!.lambdas["a call of os.system"].code;
    const metadata = JSON.stringify({
      class_name: "Lambda",
      config: { function: [code, null, null], function_type: "lambda" },
    });
    const objects = { nodes: [{ user: { identifier: "_tf_keras_layer", metadata: utf8(metadata) } }] };
    expect(verdict(savedModel(graph(), { objects }))).toBe("malicious");
    const apart = encodeMessage(KERAS_METADATA, {
      nodes: [{ identifier: "_tf_keras_layer", metadata: utf8(metadata) }],
    });
    expect(tensorflowKind(contentOf(apart))).toBe("Keras metadata");
    expect(verdict(apart)).toBe("malicious");
  });
  test("with a field that TensorFlow does not have is unknown, and flagged for what lies there", () => {
    const hidden = (payload: Uint8Array): Uint8Array => bytes(savedModel(graph()), 0xfa, 0x7f, payload.length, payload);
    // Field 2047 of the outermost message makes it no saved model; within the graph it stays one.
    expect(verdict(hidden(utf8("x")))).toBe("unknown");
    const within = (payload: Uint8Array): Uint8Array =>
      savedModel({ ...graph(), unknown: [{ number: 2047, wireType: 2, payload: bytes(payload.length, payload) }] });
    expect(verdict(within(utf8("nothing of interest")))).toBe("unknown");
    for (const [name, payload] of Object.entries(PAYLOADS))
      expect([name, verdict(within(payload))]).toSatisfy(([, is]) => is === "malicious" || is === "suspicious");
  });
  test("that breaks off is unknown", () => {
    const whole = savedModel(graph(node("MatMul")));
    for (let length = 1; length < whole.length; length++)
      expect(verdict(whole.slice(0, length))).not.toBe("no code path found");
  });
});

test("no operator both computes and harms", () =>
  expect([...HARMFUL_OPERATORS.keys()].filter((name) => COMPUTING_OPERATORS.has(name))).toEqual([]));

test("an ONNX model is none of TensorFlow's, nor is text or a pickle", () => {
  const onnx = bytes(8, 8, 0x12, 7, "pytorch", 0x3a, 4, 0x12, 2, "gg");
  for (const content of [onnx, bytes("hello"), bytes("\n\n"), bytes(0x0a, 3, "abc")])
    expect([content, tensorflowKind(contentOf(content))]).toEqual([content, undefined]);
  expect(rulesOf(scanned(onnx, "m.onnx"))).not.toContain("polyglot");
});
