/** ONNX: what onnxruntime and onnx's checker were made to do by files (CVE-2022-25882, CVE-2024-27318, CVE-2024-5187), and what real models hold. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SHARED_DATA } from "../../test/support/assess.ts";
import { bytes, op } from "../../test/support/pickle.ts";
import { field, onnx, onnxFile, varint } from "../../test/support/protobuf.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import { scanPortsFor, withFile } from "#host/unpack.ts";
import { scanFile } from "./scan.ts";

const scan = (file: Uint8Array): ScanFile => scanned(file, "model.onnx");
const withNodes = (...nodes: readonly Uint8Array[]): ScanFile => scan(onnx.model(onnx.graph({ nodes })));
const withTensor = (tensor: Uint8Array): ScanFile => scan(onnx.model(onnx.graph({ tensors: [tensor] })));

describe("an ONNX model", () => {
  test("is read whole", () =>
    expect(scan(onnxFile())).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] }));
  test("is recognised by its bytes", () => expect(scanned(onnxFile(), "model.bin").verdict).toBe("no code path found"));
  test.each<[string, Uint8Array]>([
    ["values in typed lists", bytes(onnx.tensor("w", [2], undefined, 7), field(7, bytes(varint(5), varint(-1n))))],
    ["half precision in 32-bit integers", bytes(onnx.tensor("w", [3], undefined, 10), field(5, bytes(1, 2, 3)))],
    ["four bits per element", onnx.tensor("w", [5], new Uint8Array(3), 22)],
    ["texts", bytes(onnx.tensor("w", [2], undefined, 8), field(6, "a"), field(6, "b"))],
    ["no elements", onnx.tensor("w", [0, 4])],
    ["one", onnx.tensor("w", [], new Uint8Array(4))],
  ])("with %s is fine", (_, tensor) =>
    expect(withTensor(tensor)).toMatchObject({ verdict: "no code path found", findings: [] }),
  );
  test("with its own functions is fine", () => {
    const twice = onnx.function("local", "Twice", [onnx.node("Add", ["a", "a"], ["b"])]);
    const model = onnx.model(
      onnx.graph({ nodes: [onnx.node("Twice", ["x"], ["y"], { domain: "local" })] }),
      field(25, twice),
    );
    expect(scan(model)).toMatchObject({ verdict: "no code path found", findings: [] });
  });
  test("with the runtime's own operators is fine", () =>
    expect(withNodes(onnx.node("FusedMatMul", ["x", "x"], ["y"], { domain: "com.microsoft" })).findings).toEqual([]));
});

describe("an operator that hides what runs:", () => {
  const own = { domain: "com.microsoft" };
  test.each<[string, Uint8Array, string]>([
    ["an engine", onnx.graph({ nodes: [onnx.node("EPContext", ["x"], ["y"], own)] }), "suspicious"],
    ["a vendor's container", onnx.graph({ nodes: [onnx.node("Snpe", ["x"], ["y"], own)] }), "suspicious"],
    ["only a training build's", onnx.graph({ nodes: [onnx.node("AdamWOptimizer", ["x"], ["y"], own)] }), "unknown"],
    [
      "of another layout",
      onnx.graph({ nodes: [onnx.node("Resize", ["x"], ["y"], { domain: "com.microsoft.nchwc" })] }),
      "unknown",
    ],
    ["another compiler's", onnx.graph({ nodes: [onnx.node("StandaloneTvm", ["x"], ["y"], own)] }), "unknown"],
    ["none of the runtime's", onnx.graph({ nodes: [onnx.node("TotallyMadeUp", ["x"], ["y"], own)] }), "unknown"],
  ])("%s", (_, graph, verdict) => expect(scan(onnx.model(graph)).verdict).toBe(verdict));
  test.each(["", "ai.onnx"])("a function in the place of a standard one, of %j", (domain) => {
    const relu = onnx.function(domain, "Relu", [onnx.node("Identity", ["a"], ["b"])]);
    const model = onnx.model(onnx.graph({ nodes: [onnx.node("Relu", ["x"], ["y"])] }), field(25, relu));
    expect(scan(model).verdict).toBe("suspicious");
  });
});

describe("what is not as onnx.proto says is not fine:", () => {
  const base = onnxFile();
  test.each<[string, Uint8Array, string]>([
    ["a field that it does not have", bytes(base, field(99, new Uint8Array(300))), "unknown"],
    ["a graph twice", bytes(base, field(7, onnx.graph({}))), "suspicious"],
    ["a model that is cut short", base.subarray(0, base.length - 9), "unknown"],
    ["no operator set", bytes(field(1, 8), field(7, onnx.graph({}))), "unknown"],
    ["too few values", onnx.model(onnx.graph({ tensors: [onnx.tensor("w", [4], new Uint8Array(12))] })), "unknown"],
    ["too many values", onnx.model(onnx.graph({ tensors: [onnx.tensor("w", [4], new Uint8Array(20))] })), "unknown"],
    [
      "values in two places",
      onnx.model(
        onnx.graph({ tensors: [bytes(onnx.tensor("w", [1], new Uint8Array(4)), field(4, new Uint8Array(4)))] }),
      ),
      "suspicious",
    ],
    ["a tensor twice", onnx.model(onnx.graph({ tensors: [onnx.ints("w", [1]), onnx.ints("w", [2])] })), "suspicious"],
    [
      "a negative size",
      onnx.model(onnx.graph({ tensors: [onnx.tensor("w", [-4], new Uint8Array(16))] })),
      "suspicious",
    ],
    [
      "a size that wraps around",
      onnx.model(onnx.graph({ tensors: [onnx.tensor("w", [2n ** 32n, 2n ** 32n], new Uint8Array(0))] })),
      "suspicious",
    ],
    [
      "a declared shape that no memory holds",
      onnx.model(onnx.graph({ inputs: [onnx.value("x", [2n ** 40n, 2n ** 20n])] })),
      "suspicious",
    ],
    [
      "an element type that is none",
      onnx.model(onnx.graph({ tensors: [onnx.tensor("w", [1], new Uint8Array(4), 77)] })),
      "unknown",
    ],
    [
      "graphs four hundred deep",
      onnx.model(
        Array.from({ length: 400 }).reduce<Uint8Array>(
          (inner) =>
            onnx.graph({
              nodes: [onnx.node("If", ["c"], ["y"], { attributes: [onnx.attribute("then_branch", field(6, inner))] })],
            }),
          onnx.graph({}),
        ),
      ),
      "suspicious",
    ],
  ])("%s", (_, file, expected) => expect(scan(file).verdict).toBe(expected));
});

describe("values in another file", () => {
  const folder = mkdtempSync(join(tmpdir(), "vauban-onnx-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "weights.bin"), new Uint8Array(64));
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub", "weights.bin"), new Uint8Array(64));
  symlinkSync("/etc/passwd", join(folder, "link.bin"));
  const verdictOf = (
    entries: Readonly<Record<string, string>>,
    ...others: readonly Readonly<Record<string, string>>[]
  ): ScanFile["verdict"] => {
    const path = join(folder, "model.onnx");
    const tensors = [entries, ...others].map((one, i) => onnx.external(`w${i}`, [4], one));
    writeFileSync(path, onnx.model(onnx.graph({ tensors })));
    return withFile(path, (content) => scanFile("model.onnx", content, scanPortsFor(path))).verdict;
  };
  test.each<[string, Record<string, string>]>([
    ["beside the model", { location: "weights.bin" }],
    ["in a part of it", { location: "weights.bin", offset: "48", length: "16" }],
    ["in a folder below", { location: "sub/weights.bin", length: "16" }],
  ])("%s are fine", (_, entries) => expect(verdictOf(entries)).toBe("no code path found"));
  test("that share all their bytes are tied, and fine", () =>
    expect(
      verdictOf(
        { location: "weights.bin", offset: "16", length: "16" },
        { location: "weights.bin", offset: "16", length: "16" },
      ),
    ).toBe("no code path found"));
  test.each<[string, Record<string, string>]>([
    ["in an absolute path", { location: "/etc/passwd" }],
    ["in a path that climbs", { location: "../../etc/passwd" }],
    ["in a path that climbs in the middle", { location: "sub/../../x" }],
    ["in a Windows path", { location: "C:\\Windows\\win.ini" }],
    ["behind backslashes", { location: "..\\..\\secret" }],
    ["at an address", { location: "https://example.org/w" }],
    ["under a name with a zero", { location: "weights.bin\0.txt" }],
    ["behind a link", { location: "link.bin" }],
    ["at an offset that is none", { location: "weights.bin", offset: "-16" }],
    ["at an offset that is a word", { location: "weights.bin", offset: "0x10" }],
  ])("%s are suspicious", (_, entries) => expect(verdictOf(entries)).toBe("suspicious"));
  test("that share some of their bytes are suspicious", () =>
    expect(
      verdictOf(
        { location: "weights.bin", offset: "0", length: "16" },
        { location: "weights.bin", offset: "8", length: "16" },
      ),
    ).toBe("suspicious"));
  test.each<[string, Record<string, string>]>([
    ["in no file", {}],
    ["in a file that is not there", { location: "nowhere.bin" }],
    ["in a folder", { location: "sub" }],
    ["behind its end", { location: "weights.bin", offset: "60", length: "16" }],
    ["of another length", { location: "weights.bin", length: "12" }],
  ])("%s are unknown", (_, entries) => expect(verdictOf(entries)).toBe("unknown"));
  test("are unknown where nothing can be looked at beside it", () =>
    expect(
      scan(onnx.model(onnx.graph({ tensors: [onnx.external("w", [4], { location: "weights.bin" })] }))).verdict,
    ).toBe("unknown"));
});

describe("a file that holds a model's values", () => {
  const folder = mkdtempSync(join(tmpdir(), "vauban-values-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, "model.onnx"),
    onnx.model(
      onnx.graph({
        tensors: [
          onnx.external("a", [64], { location: "weights.bin", offset: "0" }),
          onnx.external("b", [64], { location: "./weights.bin", offset: "512", length: "256" }),
        ],
      }),
    ),
  );
  const scanValues = (content: Uint8Array, name = "weights.bin"): ScanFile => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return withFile(path, (bytes) => scanFile(name, bytes, scanPortsFor(path)));
  };
  const values = (): Uint8Array<ArrayBuffer> => {
    const file = new Uint8Array(768).fill(0x3f);
    file.fill(0, 256, 512);
    return file;
  };
  test("is read whole by the model's word, with zeros between them", () =>
    expect(scanValues(values())).toMatchObject({
      verdict: "no code path found",
      read: "whole",
      findings: [{ rule: "values" }],
    }));
  test("is unknown where the model speaks of another", () =>
    expect(scanValues(values(), "other.bin").verdict).toBe("unknown"));
  test("is read in part where more is there", () => {
    expect(scanValues(bytes(values(), "more"))).toMatchObject({ verdict: "unknown", read: "part" });
    const between = values();
    between[300] = 1;
    expect(scanValues(between)).toMatchObject({ verdict: "unknown", read: "part" });
  });
  test("is what it is where it is something, whatever the model says", () => {
    const pickle = bytes("cos\nsystem\n(S'id'\ntR.");
    expect(scanValues(bytes(pickle, values().subarray(pickle.length))).verdict).toBe("malicious");
  });
  test("is looked through all the same", () => {
    const hidden = values();
    hidden.set(bytes(op.proto(2), op.call(op.global("posix", "system"), op.str("id")), "."), 100);
    expect(["suspicious", "malicious"]).toContain(scanValues(hidden).verdict);
  });
});

describe("operators", () => {
  test.each<[string, Uint8Array, string]>([
    ["of a domain that needs a library", onnx.node("Custom", ["x"], ["y"], { domain: "com.acme" }), "unknown"],
    ["that ONNX does not have", onnx.node("Frobnicate", ["x"], ["y"]), "unknown"],
    ["with a name of JavaScript's own", onnx.node("constructor", ["x"], ["y"], { domain: "constructor" }), "unknown"],
    ["that call Python", onnx.node("PyOp", ["x"], ["y"], { domain: "ai.onnx.contrib" }), "suspicious"],
    [
      "that hand over to another framework",
      onnx.node("ATen", ["x"], ["y"], { domain: "org.pytorch.aten" }),
      "suspicious",
    ],
  ])("%s are %s", (_, node, expected) => expect(withNodes(node).verdict).toBe(expected));
  test("in a branch are found too", () => {
    const branch = onnx.graph({ nodes: [onnx.node("Custom", ["x"], ["y"], { domain: "com.acme" })] });
    expect(
      withNodes(onnx.node("If", ["c"], ["y"], { attributes: [onnx.attribute("then_branch", field(6, branch))] }))
        .verdict,
    ).toBe("unknown");
  });
});

describe("a graph that asks for too much is suspicious:", () => {
  const truth = onnx.tensor("t", [], Uint8Array.of(1), 9);
  const body = (condition: string, nodes: readonly Uint8Array[] = [], tensors = [truth]): Uint8Array =>
    onnx.attribute(
      "body",
      field(
        6,
        onnx.graph({ nodes, tensors, inputs: [onnx.value("i"), onnx.value("c")], outputs: [onnx.value(condition)] }),
      ),
    );
  const loop = (count: string, condition: string, nodes: readonly Uint8Array[] = []): Uint8Array =>
    onnx.node("Loop", [count, "go"], ["y"], { attributes: [body(condition, nodes)] });
  const model = (node: Uint8Array, ...constants: readonly Uint8Array[]): ScanFile =>
    scan(onnx.model(onnx.graph({ nodes: [node], tensors: constants })));
  const float = (name: string, ...values: readonly number[]): Uint8Array =>
    onnx.tensor(name, values.length === 1 ? [] : [values.length], new Uint8Array(Float32Array.from(values).buffer), 1);
  // As onnx.proto's own library writes them: each with its tag.
  const unpacked = (one: number): Uint8Array =>
    Uint8Array.of((7 << 3) | 5, ...new Uint8Array(Float32Array.of(one).buffer));
  const constantFloats = (name: string, ...values: readonly number[]): Uint8Array =>
    onnx.node("Constant", [], [name], {
      attributes: [onnx.attribute("value_floats", ...values.map(unpacked))],
    });
  const doubling = (count: number): readonly Uint8Array[] =>
    Array.from({ length: count }, (_, i) => {
      const call = onnx.node(i === count - 1 ? "Relu" : `F${i + 1}`, ["a"], ["b"], {
        domain: i === count - 1 ? "" : "l",
      });
      return field(25, onnx.function("l", `F${i}`, [call, call]));
    });
  test.each<[string, ScanFile]>([
    ["a loop without a count", model(loop("", "c"))],
    ["a loop of a million million rounds", model(loop("n", "t"), onnx.ints("n", [10n ** 12n]))],
    [
      "the same through Identity",
      model(loop("n", "z", [onnx.node("Identity", ["c"], ["z"])]), onnx.ints("n", [10n ** 12n])),
    ],
    ["loops in loops", model(loop("n", "c", [loop("n", "c", [loop("n", "c")])]), onnx.ints("n", [10_000]))],
    ["a shape out of constants", model(onnx.node("ConstantOfShape", ["n"], ["y"]), onnx.ints("n", [100_000, 100_000]))],
    [
      "the same by Constant",
      scan(
        onnx.model(
          onnx.graph({
            nodes: [
              onnx.node("Constant", [], ["n"], {
                attributes: [onnx.attribute("value", field(5, onnx.ints("n", [2n ** 50n])))],
              }),
              onnx.node("Expand", ["x", "n"], ["y"]),
            ],
          }),
        ),
      ),
    ],
    ["tiles", model(onnx.node("Tile", ["x", "n"], ["y"]), onnx.ints("n", [1, 2n ** 40n]))],
    [
      "random numbers",
      model(
        onnx.node("RandomNormal", [], ["y"], {
          attributes: [onnx.attribute("shape", field(8, 2n ** 20n), field(8, 2n ** 20n))],
        }),
      ),
    ],
    [
      "a range",
      model(
        onnx.node("Range", ["a", "b", "s"], ["y"]),
        onnx.ints("a", [0]),
        onnx.ints("b", [10n ** 12n]),
        onnx.ints("s", [1]),
      ),
    ],
    [
      "a range of floats",
      model(onnx.node("Range", ["a", "b", "s"], ["y"]), ...[0, 1e30, 1].map((one, i) => float("abs"[i]!, one))),
    ],
    [
      "a picture scaled by a million both ways",
      model(onnx.node("Resize", ["x", "", "s"], ["y"]), float("s", 1, 1, 1e6, 1e6)),
    ],
    [
      "scales of a constant",
      scan(
        onnx.model(onnx.graph({ nodes: [constantFloats("s", 1e6, 1e6), onnx.node("Upsample", ["x", "s"], ["y"])] })),
      ),
    ],
    ["a window", model(onnx.node("HannWindow", ["n"], ["y"]), onnx.ints("n", [10n ** 13n]))],
    [
      "borders around two axes",
      model(
        onnx.node("Conv", ["x", "w"], ["y"], {
          attributes: [onnx.attribute("pads", ...[1e5, 1e5, 1e5, 1e5].map((one) => field(8, one)))],
        }),
      ),
    ],
    ["functions each of which calls the next twice", scan(onnx.model(onnx.graph({}), ...doubling(30)))],
    [
      "functions in a circle",
      scan(
        onnx.model(
          onnx.graph({}),
          field(25, onnx.function("l", "F", [onnx.node("G", ["a"], ["b"], { domain: "l" })])),
          field(25, onnx.function("l", "G", [onnx.node("F", ["a"], ["b"], { domain: "l" })])),
        ),
      ),
    ],
    [
      "graphs twenty deep",
      scan(
        onnx.model(
          Array.from({ length: 20 }).reduce<Uint8Array>(
            (inner) =>
              onnx.graph({
                nodes: [
                  onnx.node("If", ["c"], ["y"], { attributes: [onnx.attribute("then_branch", field(6, inner))] }),
                ],
              }),
            onnx.graph({}),
          ),
        ),
      ),
    ],
  ])("%s", (_, file) => {
    expect(rulesOf(file)).toContain("onnx-bomb");
    expect(file.verdict).toBe("suspicious");
  });
  test.each<[string, ScanFile]>([
    [
      "a while loop, whose count is the largest there is",
      model(loop("n", "z", [onnx.node("Less", ["i", "x"], ["z"])]), onnx.ints("n", [2n ** 63n - 1n])),
    ],
    ["functions each of which calls the next twice, ten deep", scan(onnx.model(onnx.graph({}), ...doubling(10)))],
    ["a picture scaled by two both ways", model(onnx.node("Resize", ["x", "", "s"], ["y"]), float("s", 1, 1, 2, 2))],
    ["a loop of a hundred rounds", model(loop("n", "c"), onnx.ints("n", [100]))],
    ["a shape that a model has", model(onnx.node("ConstantOfShape", ["n"], ["y"]), onnx.ints("n", [1, 1024, 1024]))],
  ])("but not %s", (_, file) => expect(file).toMatchObject({ verdict: "no code path found", findings: [] }));
});

describe("what a model's text carries", () => {
  test("source in its metadata is said", () => {
    const file = scan(onnx.model(onnx.graph({}), onnx.property("note", "__import__('os').system('id')")));
    expect(file.verdict).toBe("suspicious");
    expect(rulesOf(file)).toContain("code-in-metadata");
  });
  test("a pickle in an attribute is judged", () => {
    const pickle = bytes(op.proto(2), op.call(op.global("posix", "system"), op.str("id; id; id")), ".");
    const file = withNodes(
      onnx.node("Identity", ["x"], ["y"], { attributes: [onnx.attribute("s", field(4, pickle))] }),
    );
    expect(file.verdict).toBe("malicious");
  });
});

const MODELS = join(SHARED_DATA, "models");
describe.skipIf(!existsSync(MODELS))("real models", () => {
  test("are read whole, and only operators from elsewhere are unknown", () => {
    const names = readdirSync(MODELS).filter((name) => name.endsWith(".onnx"));
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) {
      const path = join(MODELS, name);
      const file = withFile(path, (content) => scanFile(name, content, scanPortsFor(path)));
      expect([name, file.read]).toEqual([name, "whole"]);
      expect([name, file.findings.filter(({ rule }) => rule !== "onnx-operator")]).toEqual([name, []]);
    }
  });
});
