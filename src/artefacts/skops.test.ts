/** skops archives: nodes by what loading finds, makes or calls. */
import { describe, expect, test } from "vitest";
import { writeNpy, writeZip } from "#formats/writers.testing.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";

const node = (module: string, name: string, loader: string, content?: unknown, more: object = {}): object => ({
  __class__: name,
  __module__: module,
  __loader__: loader,
  ...(content === undefined ? {} : { content }),
  ...more,
});
const archive = (root: object): Uint8Array<ArrayBuffer> =>
  writeZip([
    { name: "a.npy", content: writeNpy(new Float64Array([1, 2]), [2]) },
    {
      name: "schema.json",
      content: new TextEncoder().encode(JSON.stringify({ ...root, protocol: 2, _skops_version: "0.11" })),
    },
  ]);
const json = (value: unknown): object => node("builtins", "str", "JsonNode", JSON.stringify(value), { is_json: true });
/** As skops 0.11 writes a fitted estimator. */
const regression = node(
  "sklearn.linear_model._base",
  "LinearRegression",
  "ObjectNode",
  node(
    "builtins",
    "dict",
    "DictNode",
    {
      fit_intercept: json(true),
      coef_: node("numpy", "ndarray", "NdArrayNode", undefined, { type: "numpy", file: "a.npy" }),
    },
    {
      key_types: node("builtins", "list", "ListNode", [
        node("builtins", "type", "TypeNode", { __class__: "str", __module__: "builtins" }),
      ]),
    },
  ),
);
const holding = (inner: object): object => node("builtins", "list", "ListNode", [regression, inner]);
const verdict = (inner: object): string => scanned(archive(holding(inner)), "model.skops").verdict;

describe("a skops archive", () => {
  test("of an estimator is read whole and has no code path", () =>
    expect(scanned(archive(regression), "model.skops")).toMatchObject({
      verdict: "no code path found",
      read: "whole",
    }));
  test.each([
    [
      "a function that runs programs",
      node("os", "function", "FunctionNode", { module_path: "os", function: "system" }),
    ],
    ["an object of subprocess", node("subprocess", "Popen", "ObjectNode", json({}))],
    ["a list that is eval", node("builtins", "eval", "ListNode", [json("1")])],
    ["operator.call (CVE-2025-54413)", node("operator", "call", "OperatorFuncNode", { attrs: json(["id"]) })],
    ["a getter of another module", node("os", "system", "OperatorFuncNode", { attrs: json(["id"]) })],
    [
      "a getter of innards",
      node("operator", "attrgetter", "OperatorFuncNode", { attrs: json(["__class__.__globals__"]) }),
    ],
    [
      "a method of a module's class that does harm (CVE-2025-54412)",
      node("builtins", "int", "MethodNode", { func: "__reduce__", obj: regression }),
    ],
    [
      "a type of the operating system",
      node("builtins", "type", "TypeNode", { __class__: "system", __module__: "posix" }),
    ],
    [
      "a partial of exec",
      node("functools", "partial", "PartialNode", {
        func: node("builtins", "exec", "FunctionNode", { module_path: "builtins", function: "exec" }),
      }),
    ],
  ])("with %s is malicious", (_, inner) => expect(verdict(inner)).toBe("malicious"));
  test.each([
    ["an object of an unknown class", node("acme.models", "Net", "ObjectNode", json({}))],
    ["an unknown class that is called", node("acme.models", "Net", "DictNode", {})],
    ["a loader that does not exist", node("builtins", "dict", "ShellNode", {})],
    ["getattr called", node("builtins", "getattr", "ReduceNode", node("builtins", "list", "ListNode", []))],
  ])("with %s is suspicious", (_, inner) => expect(verdict(inner)).toBe("suspicious"));
  test("with a function of NumPy's that writes files is malicious", () =>
    expect(
      verdict(node("numpy", "function", "FunctionNode", { module_path: "numpy", function: "savez_compressed" })),
    ).toBe("malicious"));
  test.each([
    ["getattr kept", node("builtins", "function", "FunctionNode", { module_path: "builtins", function: "getattr" })],
    ["a class that is no text", { __class__: 1, __module__: "os", __loader__: "FunctionNode" }],
  ])("with %s is unknown", (_, inner) => expect(verdict(inner)).toBe("unknown"));
  test("with an unknown function that is only named is unknown", () =>
    expect(verdict(node("acme.models", "function", "FunctionNode", { module_path: "acme", function: "f" }))).toBe(
      "unknown",
    ));
  test.each([
    ["a method of an estimator", node("builtins", "method", "MethodNode", { func: "predict", obj: regression })],
    ["a getter of an item", node("operator", "itemgetter", "OperatorFuncNode", { attrs: json([1]) })],
    [
      "a type",
      node("builtins", "type", "TypeNode", {
        __class__: "LogisticRegression",
        __module__: "sklearn.linear_model._logistic",
      }),
    ],
    ["a function of NumPy", node("numpy", "ufunc", "FunctionNode", { module_path: "numpy", function: "log1p" })],
    ["an ordered dictionary", node("collections", "OrderedDict", "DictNode", {})],
  ])("with %s has no code path", (_, inner) => expect(verdict(inner)).toBe("no code path found"));
  test("is judged by its schema also where the schema stands alone", () =>
    expect(
      rulesOf(scanned(new TextEncoder().encode(JSON.stringify(node("os", "x", "ObjectNode", {}))), "schema.json")),
    ).toEqual(["skops-harmful"]));
});
