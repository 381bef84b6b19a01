/** Core ML: every field of the specification, code that an app brings, files that lie elsewhere. */
import { describe, expect, test } from "vitest";
import { coremlFile, coremlValues } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { field } from "../../test/support/protobuf.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { contentOf } from "#formats/content.ts";
import { readMilBlobs } from "#formats/coreml.ts";
import { scanPorts } from "#host/unpack.ts";
import type { Neighbour } from "./ports.ts";
import { scanFile } from "./scan.ts";

const scan = (file: Uint8Array) => scanned(file, "model.mlmodel");
const layer = (number: number, params: Uint8Array): Uint8Array => field(1, bytes(field(1, "a"), field(number, params)));

/** A program with one operator, which has this attribute. */
function program(operator: string, value?: Uint8Array): Uint8Array {
  const entry = (key: string, held: Uint8Array): Uint8Array => bytes(field(1, key), field(2, held));
  const operation = bytes(field(1, operator), ...(value ? [field(5, entry("val", value))] : []));
  const block = field(3, operation);
  const main = bytes(field(2, "CoreML7"), field(3, entry("CoreML7", block)));
  return coremlFile(502, bytes(field(1, 1), field(2, entry("main", main))));
}
const fileValue = (name: string, offset = 64): Uint8Array => field(5, bytes(field(1, name), field(2, offset)));

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
  test.each<[string, Neighbour | undefined, string]>([
    ["is there", { kind: "file", size: 4096 }, "no code path found"],
    ["is too short", { kind: "file", size: 10 }, "unknown"],
    ["is a link", { kind: "link", size: 4096 }, "suspicious"],
    ["is not there", undefined, "unknown"],
  ])("whose file of values %s is judged by that", (_, beside, expected) => {
    const asked: string[] = [];
    const ports = {
      ...scanPorts,
      neighbour: (name: string) => {
        asked.push(name);
        return beside;
      },
    };
    const file = program("const", fileValue("@model_path/weights/weight.bin"));
    expect(scanFile("model.mlmodel", contentOf(file), ports).verdict).toBe(expected);
    expect(asked).toEqual(["weights/weight.bin"]);
  });
  test("that is cut short anywhere is not fine", () => {
    for (const whole of [coremlFile(), program("relu")])
      for (let end = 3; end < whole.length; end += 5)
        expect([end, scan(whole.subarray(0, end)).verdict]).toEqual([end, "unknown"]);
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
  const manifest = (path: string, root = "a") =>
    scanned(
      new TextEncoder().encode(
        JSON.stringify({
          fileFormatVersion: "1.0.0",
          itemInfoEntries: { a: { author: "x", path } },
          rootModelIdentifier: root,
        }),
      ),
      "Manifest.json",
    );
  test("names files of the package", () =>
    expect(manifest("com.apple.CoreML/model.mlmodel").verdict).toBe("no code path found"));
  test("that names files elsewhere is suspicious", () =>
    expect(manifest("../../../etc/passwd").verdict).toBe("suspicious"));
  test("without its model is unknown", () => expect(manifest("a/model.mlmodel", "b").verdict).toBe("unknown"));
});
