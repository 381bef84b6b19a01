/** safetensors: what the format's own reader refuses (safetensors/src/tensor.rs) is never fine here, and what lies outside the tensors is seen. */
import { describe, expect, test } from "vitest";
import { safetensorsFile, writeSafetensors } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { readSafetensors } from "#formats/safetensors.ts";
import { contentOf } from "#formats/content.ts";

const F32 = (shape: readonly number[], from: number, to: number): object => ({
  dtype: "F32",
  shape,
  data_offsets: [from, to],
});
const scan = (file: Uint8Array) => scanned(file, "model.safetensors");
const verdict = (header: object | string, size = 16): string =>
  scan(writeSafetensors(header, new Uint8Array(size))).verdict;

describe("a safetensors file", () => {
  test("is read whole", () => {
    const file = scan(safetensorsFile());
    expect(file).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] });
  });
  test("says which bytes are which tensor", () => {
    const { tensors, metadata } = readSafetensors(contentOf(safetensorsFile()));
    expect(tensors.map(({ name, start, end }) => [name, end - start])).toEqual([
      ["layer.weight", 16],
      ["layer.bias", 4],
    ]);
    expect(metadata).toMatchObject([{ key: "format", value: "pt" }]);
  });
  test.each<[string, object, number]>([
    ["no tensors", {}, 0],
    ["only metadata", { __metadata__: { a: "b" } }, 0],
    ["an empty tensor", { a: F32([0, 3], 0, 0) }, 0],
    ["a scalar", { a: F32([], 0, 4) }, 4],
    ["four bits per element", { a: { dtype: "F4", shape: [8], data_offsets: [0, 4] } }, 4],
    ["tensors in another order than their bytes", { b: F32([1], 4, 8), a: F32([1], 0, 4) }, 8],
  ])("with %s is fine", (_, header, size) => expect(verdict(header, size)).toBe("no code path found"));
  test("is what it is whatever the length of its header looks like", () => {
    // 0x0178 begins like a zlib stream, 0x0280 like a pickle, 0x8b1f like gzip.
    for (const length of [0x80, 0x178, 0x280, 0x480, 0x580, 0x8b1f, 0x9c78]) {
      const header = JSON.stringify({ __metadata__: { pad: "" }, a: F32([4], 0, 16) });
      const padded = header.replace('"pad":""', `"pad":"${"x".repeat(length - header.length)}"`);
      expect([length, verdict(padded)]).toEqual([length, "no code path found"]);
    }
  });
});

describe("what its own reader refuses is not fine:", () => {
  const ok = '"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}';
  test.each<[string, object | string, string]>([
    ["a hole before the first tensor", { a: F32([3], 4, 16) }, "unknown"],
    ["a hole between tensors", { a: F32([1], 0, 4), b: F32([2], 8, 16) }, "unknown"],
    ["bytes behind the last", { a: F32([3], 0, 12) }, "unknown"],
    ["tensors that share bytes", { a: F32([4], 0, 16), b: F32([1], 12, 16) }, "suspicious"],
    ["a tensor that ends behind the file", { a: F32([5], 0, 20) }, "unknown"],
    ["a tensor that ends before it begins", { a: F32([0], 16, 12) }, "unknown"],
    ["a shape of another size", { a: F32([3], 0, 16) }, "unknown"],
    ["a shape whose size wraps around to the right one", { a: F32([2 ** 32, 2 ** 32, 4, 4], 0, 16) }, "suspicious"],
    ["a size that is no whole number", { a: F32([1.5], 0, 6), b: F32([], 6, 16) }, "unknown"],
    ["a negative size", { a: F32([-1, -4], 0, 16) }, "unknown"],
    ["an element type that is none", { a: { dtype: "F33", shape: [4], data_offsets: [0, 16] } }, "unknown"],
    [
      "a name from JavaScript's own objects for its type",
      { a: { dtype: "constructor", shape: [4], data_offsets: [0, 16] } },
      "unknown",
    ],
    ["offsets that are three", { a: { dtype: "F32", shape: [4], data_offsets: [0, 16, 16] } }, "unknown"],
    ["metadata that is no text", { __metadata__: { a: { b: "c" } }, a: F32([4], 0, 16) }, "unknown"],
    ["metadata that is a list", { __metadata__: [], a: F32([4], 0, 16) }, "unknown"],
    ["a field that the format does not know", { a: { ...F32([4], 0, 16), code: "x" } }, "unknown"],
    ["a name twice", `{${ok},${ok}}`, "suspicious"],
    ["a field twice", '{"a":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}', "suspicious"],
    ["white space before its header", ` {${ok}}`, "unknown"],
    ["a list for a header", "[]", "unknown"],
    ["no JSON for a header", `{${ok},}`, "unknown"],
    ["something behind its JSON", `{${ok}}\0\0\0\0`, "unknown"],
    ["nesting", `{"a":${"[".repeat(100_000)}`, "unknown"],
  ])("%s", (_, header, expected) => expect(verdict(header)).toBe(expected));
  test.each([
    ["a header longer than the file", bytes(0xff, 0, 0, 0, 0, 0, 0, 0, "{}")],
    ["a header longer than the format allows", bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{"')],
    ["seven bytes", bytes(2, 0, 0, 0, 0, 0, 0)],
  ])("%s", (_, file) => expect(scan(file).verdict).toBe("unknown"));
});

describe("what its metadata carries", () => {
  const withText = (text: string) =>
    scan(writeSafetensors({ __metadata__: { note: text }, a: F32([4], 0, 16) }, new Uint8Array(16)));
  test.each([
    ["source that runs programs", "import os; os.system('id')", "code-in-metadata", "suspicious"],
    ["a program in base64", btoa(`\x7fELF\u0002\u0001\u0001${"\0".repeat(90)}`), "carried-program", "suspicious"],
    ["a pickle in base64", btoa(`cos\nsystem\n(S'echo ${"a".repeat(60)}'\ntR.`), "carried-payload", "malicious"],
    ["an address of a machine", "trained on http://203.0.113.7:8080/x", "address", "no code path found"],
  ])("%s is said", (_, text, rule, expected) => {
    const file = withText(text);
    expect(rulesOf(file)).toContain(rule);
    expect(file.verdict).toBe(expected);
  });
  test.each([
    "A small transformer; call model.eval() before use, see https://huggingface.co/acme/model",
    "subprocess of evaluation (system 2)",
    "x".repeat(500),
    "0123456789abcdef".repeat(20),
    JSON.stringify({ lr: 0.001, epochs: 3, tags: ["a", "b"] }),
  ])("%.60s is nothing", (text) => expect(withText(text).findings).toEqual([]));
});
