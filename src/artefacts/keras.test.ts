/** Keras configurations as programs: what loading finds, imports and calls, and what compiled code in them reaches. */
import { describe, expect, test } from "vitest";
import { fromBase64, writeZip } from "#formats/writers.testing.ts";
import { isCode, codesIn, readIn, readMarshal, usesOfNames } from "#formats/marshal.ts";
import { contentOf } from "#formats/content.ts";
import { walkHdf5 } from "#formats/hdf5.ts";
import type { ScanVerdict } from "#assessment/index.ts";
import { hdf5Fixture } from "../../test/support/artefacts.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { bytes } from "../../test/support/pickle.ts";
import compiled from "./fixtures/lambdas.json" with { type: "json" };

type Lambdas = Readonly<Record<string, { readonly code: string; readonly names: readonly string[] }>>;
const VERSIONS = compiled as readonly { readonly version: string; readonly lambdas: Lambdas }[];

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const sequential = (...layers: readonly unknown[]): unknown => ({
  module: "keras",
  class_name: "Sequential",
  config: { name: "s", layers },
  registered_name: null,
});
const layer = (class_name: string, config: unknown, more: object = {}): unknown => ({
  module: "keras.layers",
  class_name,
  config,
  registered_name: null,
  ...more,
});
const dense = layer("Dense", {
  name: "d",
  units: 4,
  activation: "relu",
  kernel_initializer: { module: "keras.initializers", class_name: "GlorotUniform", config: {}, registered_name: null },
});
const verdict = (config: unknown): ScanVerdict => scanned(text(config), "config.json").verdict;

describe("a Keras model's configuration", () => {
  test("of Keras's own layers is read whole and has no code path", () => {
    const file = scanned(
      writeZip([
        { name: "metadata.json", content: text({ keras_version: "3.5.0", date_saved: "2025-01-01@00:00:00" }) },
        { name: "config.json", content: text(sequential(dense)) },
      ]),
      "model.keras",
    );
    expect(file).toMatchObject({ verdict: "no code path found", read: "whole" });
  });
  test("is judged wherever in an archive's config.json it stands", () => {
    const archive = (config: unknown): string =>
      scanned(writeZip([{ name: "config.json", content: text(config) }]), "m.keras").verdict;
    const evil = { module: "builtins", class_name: "exec", config: {} };
    expect(archive({ x: evil })).toBe("malicious");
    expect(archive([evil])).toBe("malicious");
    expect(archive({ x: 1 })).toBe("unknown");
  });
  test.each([
    ["imports a module that runs programs (CVE-2025-1550)", { module: "os", class_name: "function", config: "system" }],
    ["names Python's exec", { module: "builtins", class_name: "function", config: "exec", registered_name: "exec" }],
    ["names get_file (CVE-2025-8747)", { module: "keras.utils", class_name: "function", config: "get_file" }],
    ["unlocks loading", { module: "keras.config", class_name: "function", config: "enable_unsafe_deserialization" }],
    ["names a class of subprocess", { module: "subprocess", class_name: "Popen", config: { args: ["id"] } }],
    ["reads files by TensorFlow", { module: "tensorflow.io", class_name: "function", config: "read_file" }],
    ["calls Python by an operation", { class_name: "TFOpLambda", config: { function: "py_function" } }],
  ])("that %s is malicious", (_, object) =>
    expect(verdict(sequential(dense, layer("Lambda", { function: object })))).toBe("malicious"),
  );
  test.each([
    ["loads a SavedModel by path", layer("TFSMLayer", { filepath: "/tmp/m" })],
    ["unpickles a PyTorch module", layer("TorchModuleWrapper", { module: "AAAA" })],
    ["reads a vocabulary from a file", layer("StringLookup", { vocabulary: "/etc/passwd" })],
    ["imports an unknown function", { module: "acme.layers", class_name: "function", config: "swish2" }],
    ["imports an unknown module", { module: "acme.layers", class_name: "Gate", config: {}, registered_name: null }],
  ])("that %s is suspicious", (_, object) => expect(verdict(sequential(object))).toBe("suspicious"));
  test.each([
    [
      "a registered class of somebody's own",
      { module: null, class_name: "Gate", config: {}, registered_name: "acme>Gate" },
    ],
    ["a class in no module", { class_name: "Gate", config: {} }],
    ["a function by its name", { class_name: "Lambda", config: { function: "swish2", function_type: "function" } }],
    [
      "a function in no module",
      { module: null, class_name: "function", config: "system", registered_name: "function" },
    ],
    ["a function among Python's own", { module: "builtins", class_name: "function", config: "swish2" }],
    [
      "a function of Keras's inner modules",
      { module: "keras.src.backend.torch.core", class_name: "function", config: "os" },
    ],
    ["a class of Keras's inner modules", { module: "keras.src.layers.acme", class_name: "GateBase", config: {} }],
    ["a layer registered in another's place", layer("Dense", { units: 1 }, { registered_name: "acme>Dense" })],
    ["somebody's class under a name of Keras's", { class_name: "acme>Dense", config: {} }],
    ["an activation that Keras does not have", layer("Dense", { units: 1, activation: "acme>swish2" })],
    ["a loss that Keras does not have", layer("Dense", {}, { compile_config: { loss: { out: "acme_loss" } } })],
  ])("with %s is unknown", (_, object) => expect(verdict(sequential(object))).toBe("unknown"));
  test.each([
    ["functions of its own by name", { module: "builtins", class_name: "function", config: "relu" }],
    ["names in small letters", layer("Dense", { kernel_initializer: "glorot_uniform", kernel_regularizer: "l2" })],
    ["an operation", { module: "keras.src.ops.numpy", class_name: "GetItem", config: { name: "g" } }],
    ["losses by name", layer("Dense", {}, { compile_config: { loss: ["mse", { class_name: "Huber", config: {} }] } })],
  ])("with %s has no code path", (_, object) => expect(verdict(sequential(object))).toBe("no code path found"));
  test("within another document is judged too", () => {
    const lambda = { class_name: "Lambda", config: { function: "swish2", function_type: "function" } };
    expect(verdict({ modelTopology: { model_config: { class_name: "Sequential", config: [lambda] } } })).toBe(
      "unknown",
    );
    expect(verdict({ class_name: "GoldenRetriever", config: { tail: 1 } })).toBe("unknown");
    expect(verdict({ dogs: [{ class_name: "GoldenRetriever", config: { tail: 1 } }] })).toBe("no code path found");
  });
  test("with a vocabulary as a list has no code path", () =>
    expect(verdict(sequential(layer("StringLookup", { vocabulary: ["a", "b"] })))).toBe("no code path found"));
  test("whose wrapped module is a harmful pickle says what that pickle does", () => {
    const pickle = Buffer.from("\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.", "latin1").toString("base64");
    const file = scanned(text(sequential(layer("TorchModuleWrapper", { module: pickle }))), "config.json");
    expect(file.verdict).toBe("malicious");
    expect(rulesOf(file)).toContain("pickle-harmful-call");
  });
});

describe.each(VERSIONS)("a lambda compiled by Python $version", ({ lambdas }) => {
  test.each(Object.entries(lambdas))("that holds %s uses the names that Python's own disassembler finds", (_, one) => {
    const marshalled = fromBase64(one.code);
    const found = readMarshal(marshalled).flatMap(({ layout, value, end }) => {
      expect(end).toBe(marshalled.length);
      const uses = codesIn(value).map((code) => usesOfNames(code, layout));
      return uses.every((list) => list !== undefined)
        ? [[...new Set(uses.flat().flatMap(({ path }) => path.split(".")))].toSorted()]
        : [];
    });
    expect(found).toContainEqual(one.names);
  });
  const HARM: Readonly<Record<string, ScanVerdict>> = {
    "a scaling": "unknown",
    "tensor arithmetic": "unknown",
    "a call of os.system": "malicious",
    "a call of eval": "malicious",
    "a builtin that is not listed": "suspicious",
    "reading a file": "malicious",
    "the interpreter's innards": "malicious",
    "a lambda in a lambda": "malicious",
  };
  test.each(Object.entries(lambdas))(
    "that holds %s is judged by what it reaches, in both formats",
    (title, { code }) => {
      const third = { class_name: "__lambda__", config: { code, defaults: null, closure: null } };
      expect(verdict(sequential(layer("Lambda", { function: third })))).toBe(HARM[title]);
      const legacy = {
        class_name: "Lambda",
        config: { name: "l", function: [code, null, null], function_type: "lambda" },
      };
      expect(verdict({ class_name: "Sequential", config: [legacy] })).toBe(HARM[title]);
    },
  );
});

describe("an H5 file", () => {
  const h5 = hdf5Fixture("weights");
  test("of plain layers is read whole and has no code path", () =>
    expect(scanned(h5, "model.h5")).toMatchObject({ verdict: "no code path found", read: "whole" }));
  test("is judged by the configuration in its attribute", () => {
    const config = Buffer.from(h5).indexOf('{"class_name"');
    const hostile = Uint8Array.from(h5);
    const text = '{"class_name": "TFSMLayer", "config": {}}';
    hostile.set(Buffer.from(text.padEnd('{"class_name": "Sequential", "config": {"layers": []}}'.length)), config);
    expect(scanned(hostile, "model.h5").verdict).toBe("suspicious");
  });
  test("is judged by a configuration under any other name too, where that does harm", () => {
    const hostile = Uint8Array.from(h5);
    hostile.set(Buffer.from("acme_config\0"), Buffer.from(h5).indexOf("model_config"));
    expect(scanned(hostile, "model.h5").verdict).toBe("no code path found");
    const text = '{"class_name": "TFSMLayer", "config": {}}';
    const config = Buffer.from(h5).indexOf('{"class_name"');
    hostile.set(Buffer.from(text.padEnd('{"class_name": "Sequential", "config": {"layers": []}}'.length)), config);
    expect(scanned(hostile, "model.h5").verdict).toBe("suspicious");
  });
  test.each(["external link", "external storage", "virtual dataset"] as const)("with an %s is suspicious", (name) =>
    expect(scanned(hdf5Fixture(name), "model.h5").verdict).toBe("suspicious"),
  );
  test("packed by a plugin is unknown: native code would unpack it", () =>
    expect(scanned(hdf5Fixture("plugin filter"), "model.h5").verdict).toBe("unknown"));
  test("with data that was deleted and still lies there is unknown", () => {
    const file = scanned(hdf5Fixture("deleted"), "model.h5");
    expect(file.verdict).toBe("unknown");
    expect(rulesOf(file)).toContain("unread-bytes");
  });
  test("whose packed chunks are something else is unknown", () => {
    const chunked = Uint8Array.from(hdf5Fixture("chunked"));
    const { start, end } = walkHdf5(contentOf(chunked), () => {}).chunks.find(({ filters }) => filters.includes(1))!;
    chunked.fill(0x41, start, end);
    expect(scanned(chunked, "model.h5").verdict).toBe("unknown");
  });
  test("within another format's file is two formats at once", () =>
    expect(rulesOf(scanned(bytes("\x80\x04N.", new Uint8Array(508), h5)))).toContain("polyglot"));
});

test("code that no version can have written is suspicious", () => {
  const code = Buffer.from("not marshalled at all").toString("base64");
  expect(verdict(sequential(layer("Lambda", { function: { class_name: "__lambda__", config: { code } } })))).toBe(
    "suspicious",
  );
});

describe("marshal", () => {
  const i32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
  const str = (value: string): Uint8Array => bytes("s", i32(value.length), value);
  const uni = (value: string): Uint8Array => bytes("u", i32(value.length), value);
  const names = (...all: readonly string[]): Uint8Array => bytes("(", i32(all.length), ...all.map(uni));
  const head = (count: number): Uint8Array => bytes("c", ...Array.from({ length: count }, () => i32(1)));
  const tail = bytes(names("x"), names(), names(), uni("f.py"), uni("f"), i32(1), str(""));
  test.each([
    ["3.0", 5],
    ["3.8", 6],
  ] as const)("reads a code object of %s, and only in its own layout", (layout, integers) => {
    const code = bytes(
      head(integers),
      str("t\x00d\x01\x83\x01S\x00"),
      bytes("(", i32(2), "N", uni("id")),
      names("eval"),
      tail,
    );
    const read = readMarshal(code);
    expect(read.map((one) => one.layout)).toEqual([layout]);
    const value = read[0]!.value;
    expect(isCode(value) && usesOfNames(value, layout)).toEqual([{ use: "path", path: "eval" }]);
  });
  test("follows references, and refuses those to what is not there", () => {
    expect(readIn("3.8", bytes(")", 2, 0xda, 2, "os", "r", i32(0))).value).toEqual({
      is: "tuple",
      items: ["os", "os"],
    });
    expect(readMarshal(bytes(")", 1, "r", i32(3)))).toEqual([]);
    expect(readMarshal(bytes(0xa9, 1, "r", i32(0)))).toEqual([]);
  });
  test("refuses lengths that are not there, and nests no deeper than it can follow", () => {
    expect(readMarshal(bytes("s", i32(100), "x"))).toEqual([]);
    expect(readMarshal(bytes("(", i32(-1)))).toEqual([]);
    expect(readMarshal(bytes("(", i32(2 ** 30)))).toEqual([]);
    expect(readMarshal(bytes(...Array.from({ length: 5000 }, () => bytes(")", 1)), "N"))).toEqual([]);
  });
});
