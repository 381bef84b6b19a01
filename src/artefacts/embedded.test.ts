/** Texts and values that are more than they look: wherever they are carried, the file that carries them is not fine. */
import { describe, expect, test } from "vitest";
import { writeNpy, writeZip } from "#formats/writers.testing.ts";
import { ggufFile, safetensorsFile, writeSafetensors } from "../../test/support/artefacts.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";

const utf8 = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const harm = pickle(op.global("posix", "system"), op.tuple(op.str("id")), op.reduce);
const base64 = Buffer.from(harm).toString("base64");
const asText = "cposix\nsystem\n(S'id'\ntR.";
const template = "{{ cycler.__init__.__globals__ }}";
const gguf = (key: string, text: string): Uint8Array => {
  const letters = utf8(text);
  return ggufFile({
    metadata: [
      [
        key,
        bytes(
          new Uint8Array(Uint32Array.of(8).buffer),
          new Uint8Array(BigUint64Array.of(BigInt(letters.length)).buffer),
          letters,
        ),
      ],
    ],
  });
};

describe("a text within a model that is", () => {
  const CARRIED: readonly (readonly [string, string, RegExp])[] = [
    ["a template", template, /^suspicious$/],
    ["a document that names another's code", '{"auto_map": {"AutoModel": "mallory/x--net.Net"}}', /^suspicious$/],
    ["a document that calls", '{"_target_": "os.system"}', /^malicious$/],
    ["a pickle in base64", base64, /^malicious$/],
    ["a pickle as text", asText, /^malicious$/],
  ];
  test.each(CARRIED)("%s is looked into", (_, text, expected) => {
    expect(
      scanned(writeSafetensors({ __metadata__: { a: text } }, new Uint8Array(0)), "a.safetensors").verdict,
    ).toMatch(expected);
    expect(scanned(gguf("general.description", text), "a.gguf").verdict).toMatch(expected);
    expect(scanned(utf8({ a: [{ b: text }] }), "a.json").verdict).toMatch(expected);
  });
  test("an everyday one has no code path", () => {
    for (const text of ["A model in {braces}", '{"size": [1, 2]}', "gAAB", "cats\nand dogs\nand more\n", "[1, 2]"]) {
      expect(scanned(utf8({ a: text }), "a.json").verdict).toBe("no code path found");
      expect(scanned(gguf("general.description", text), "a.gguf").verdict).toBe("no code path found");
    }
    expect(scanned(safetensorsFile(), "a.safetensors").verdict).toBe("no code path found");
  });
});

describe("values that begin like a pickle", () => {
  const tensor = (content: Uint8Array): Uint8Array =>
    writeSafetensors({ a: { dtype: "U8", shape: [content.length], data_offsets: [0, content.length] } }, content);
  test("and are a harmful one are no numbers", () => {
    expect(scanned(tensor(harm), "a.safetensors").verdict).toBe("malicious");
    const array = writeNpy(new Uint8Array(harm), [harm.length]);
    expect(scanned(array, "a.npy").verdict).toBe("malicious");
  });
  test("and are none are numbers", () =>
    expect(scanned(tensor(bytes(0x80, 2, new Uint8Array(40))), "a.safetensors").verdict).toBe("no code path found"));
});

test.each([
  ["package.json", { scripts: { postinstall: "node a.js" } }],
  [".vscode/tasks.json", { tasks: [{ command: "id" }] }],
  [".mcp.json", { servers: { a: { command: "a" } } }],
  ["settings.json", { mcpServers: { a: { command: "a" } } }],
  ["docker-compose.yml", { services: { a: { command: "id" } } }],
  [".github/workflows/a.yml", { jobs: { a: { steps: [{ run: "id" }] } } }],
  [".pre-commit-config.yaml", { repos: [{ repo: "https://a/b" }] }],
])("%s, from which another program takes commands, is unknown", (name, value) => {
  expect(rulesOf(scanned(utf8(value), name))).toContain("runs-commands");
  expect(scanned(utf8({ version: "2" }), name).verdict).toBe("no code path found");
});

test.each(["os.system", "os:system", "subprocess.Popen", "torch.load"])(
  "a value that is the path of something harmful, %s, is unknown under any name",
  (path) => {
    expect(scanned(utf8({ loss: { f: path } }), "a.json").verdict).toBe("unknown");
    expect(scanned(utf8(`loss: { f: "${path}" }\n`), "a.yaml").verdict).toBe("unknown");
    expect(scanned(utf8({ loss: `uses ${path} inside` }), "a.json").verdict).toBe("no code path found");
  },
);

test.each([
  ["a module and a name of it", { model: { module: "os", class: "system" } }],
  ["a path in pieces", { lc: 1, type: "constructor", id: ["os", "system"] }],
  ["Python that imports", { size: "__import__('os').cpu_count()" }],
])("a value that names code as %s is unknown", (_, value) => {
  expect(scanned(utf8(value), "a.json").verdict).toBe("unknown");
  expect(scanned(utf8({ module: "torch.nn", name: "Linear", id: ["a"] }), "a.json").verdict).toBe("no code path found");
});

test("bytes in YAML are looked into", () =>
  expect(scanned(utf8(`a: !!binary ${base64}\n`), "a.yaml").verdict).toBe("malicious"));

test("an archive whose members are such files is as they are", () =>
  expect(scanned(writeZip([{ name: "a.json", content: utf8({ a: base64 }) }]), "a.zip").verdict).toBe("malicious"));
