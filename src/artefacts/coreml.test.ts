/** Core ML: every field of the specification, code that an app brings, files that lie elsewhere. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ScanFile } from "#assessment/index.ts";
import { coremlBlobs, coremlFile, coremlValues } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { field, onnx } from "../../test/support/protobuf.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { contentOf } from "#formats/content.ts";
import { readMilBlobs, type MilBlob } from "#formats/coreml.ts";
import { answeredAlike, recorded, scanPorts, scanPortsFor, withFile } from "#host/unpack.ts";
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
