/** What a model names beside itself is judged alike, whichever format names it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { coremlFile, coremlValues } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { field, onnx } from "../../test/support/protobuf.ts";
import { contentOf } from "#formats/content.ts";
import { readMilBlobs } from "#formats/coreml.ts";
import { scanPorts, scanPortsFor } from "#host/unpack.ts";
import { leads } from "./outside.ts";
import type { Neighbour, ScanPorts } from "./ports.ts";
import { scanFile } from "./scan.ts";

const entry = (key: string, held: Uint8Array): Uint8Array => bytes(field(1, key), field(2, held));
/** Four bytes in a file, as each format says it. */
const FORMATS: Readonly<Record<string, (name: string) => Uint8Array<ArrayBuffer>>> = {
  "model.onnx": (name) =>
    onnx.model(onnx.graph({ tensors: [onnx.external("w", [4], { location: name, length: "16" })] })),
  "model.mlmodel": (name) => {
    const type = field(1, bytes(field(1, 31), field(2, 1), field(3, field(1, field(1, 4)))));
    const value = bytes(field(2, type), field(5, bytes(field(1, name), field(2, 64))));
    const constant = field(
      3,
      bytes(field(1, "const"), field(3, bytes(field(1, "y"), field(2, type))), field(5, entry("val", value))),
    );
    const main = bytes(field(2, "CoreML7"), field(3, entry("CoreML7", bytes(constant, field(2, "y")))));
    return coremlFile(502, bytes(field(1, 1), field(2, entry("main", main))));
  },
  "model.index.json": (name) => bytes(JSON.stringify({ weight_map: { a: name } })),
};
const values = coremlValues(new Uint8Array(4).fill(7));
const verdictOf = (format: string, name: string, around: Partial<ScanPorts>): string =>
  scanFile(format, contentOf(FORMATS[format]!(name)), {
    ...scanPorts,
    blobs: () => readMilBlobs(contentOf(values), () => {}),
    ...around,
  }).verdict;

describe.each(Object.keys(FORMATS))("what %s names", (format) => {
  test.each<[Neighbour["kind"] | undefined, string]>([
    ["file", "no code path found"],
    ["folder", "unknown"],
    ["link", "suspicious"],
    ["special", "suspicious"],
    [undefined, "unknown"],
  ])("as a %s", (kind, expected) =>
    expect(verdictOf(format, "w.bin", { neighbour: () => kind && { kind, size: values.length } })).toBe(expected),
  );
  test.each(["../w.bin", "/w.bin", "%2e%2e/w.bin", "..\\w.bin", "file:w.bin", "https://example.org/w.bin"])(
    "as %s is suspicious, whatever lies there",
    (name) =>
      expect(verdictOf(format, name, { neighbour: () => ({ kind: "file", size: values.length }) })).toBe("suspicious"),
  );
});

describe("a name", () => {
  test.each([
    "w.bin",
    "weights/weight.bin",
    "a..b/c",
    "...",
    "a%20b.bin",
    "100%.bin",
    "onnx__MatMul_1",
    "ab:c",
    "é.bin",
  ])("%j stays in its folder", (name) => expect(leads(name)).toBeUndefined());
  test.each(["%2e%2e/x", "%252e%252e/x", "\uff0e\uff0e/x", "\u2025/x", "~/x", "C:x", "a/../../x", "a\n", "DATA:,x"])(
    "%j leads out",
    (name) => expect(leads(name)).toBeDefined(),
  );
});

describe("what this machine says lies beside a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "vauban-beside-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub", "values"), values);
  symlinkSync("sub", join(folder, "way"));
  const ports = scanPortsFor(join(folder, "model"));
  test.each<[string, Neighbour["kind"] | undefined]>([
    ["sub/values", "file"],
    ["sub", "folder"],
    ["way", "link"],
    ["way/values", "link"],
    ["none", undefined],
    ["sub/values/none", undefined],
    ["../x", undefined],
  ])("under %s", (name, kind) => expect(ports.neighbour!(name)?.kind).toBe(kind));
  test("is special where it is a socket, and is not opened", async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(join(folder, "socket"), listening));
    expect(ports.neighbour!("socket")?.kind).toBe("special");
    expect([ports.fingerprint!("socket"), ports.blobs!("socket")]).toEqual(["a special", "it is no file"]);
    await new Promise((closed) => server.close(closed));
  });
  test.skipIf(!existsSync("/dev/zero"))("is special where it is a device", () =>
    expect(scanPortsFor("/dev/model").neighbour!("zero")?.kind).toBe("special"),
  );
  test("has its blobs, or says why not", () => {
    expect(ports.blobs!("sub/values")).toMatchObject([{ at: 64, type: 3, start: 128, end: 132 }]);
    writeFileSync(join(folder, "text"), "hello\n");
    expect(ports.blobs!("text")).toBe("it holds no values of Core ML");
    writeFileSync(join(folder, "cut"), values.subarray(0, 130));
    expect(ports.blobs!("cut")).toContain("is said to be 4 bytes");
  });
});
