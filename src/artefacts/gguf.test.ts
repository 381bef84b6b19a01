/** GGUF: versions, byte orders, and the headers that made readers write outside their memory (CVE-2024-21802, -21825, -21836, -23496, -23605). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ARTEFACTS, ggufFile, labelled, writeGguf } from "../../test/support/artefacts.ts";
import { bytes } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { contentOf } from "#formats/content.ts";
import { readGguf } from "#formats/gguf.ts";
import { scanPorts, withFile } from "#host/unpack.ts";
import { scanFile } from "./scan.ts";

const scan = (file: Uint8Array) => scanned(file, "model.gguf");
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);
const list = (type: number, count: bigint, body: Uint8Array): Uint8Array => bytes(u32(9), u32(type), u64(count), body);

describe("a GGUF file", () => {
  test.each([1, 2, 3])("of version %d is read whole", (version) =>
    expect(scan(ggufFile({ version }))).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] }),
  );
  test("in the other byte order is read whole", () =>
    expect(scan(ggufFile({ bigEndian: true }))).toMatchObject({ verdict: "no code path found", read: "whole" }));
  test("says which bytes are which tensor", () => {
    const { tensors } = readGguf(contentOf(ggufFile()), () => {});
    expect(tensors).toMatchObject([
      { name: "blk.0.attn_q.weight", type: "F32", dims: [4, 2] },
      { name: "blk.0.ffn.weight", type: "Q4_0", dims: [32, 2] },
    ]);
    expect(tensors.map(({ start, end }) => end - start)).toEqual([32, 36]);
  });
  test.each<[string, Uint8Array]>([
    ["nothing in it", writeGguf({})],
    [
      "lists of numbers",
      ggufFile({ metadata: [["a", list(5, 3n, new Uint8Array(12))]], tensors: [], data: new Uint8Array(0) }),
    ],
    [
      "lists within lists",
      ggufFile({
        metadata: [["a", list(9, 2n, bytes(u32(4), u64(1n), u32(7), u32(8), u64(0n)))]],
        tensors: [],
        data: new Uint8Array(0),
      }),
    ],
    [
      "a wider alignment",
      ggufFile({
        metadata: [
          ["general.alignment", 64],
          ["a", "b"],
        ],
        tensors: [],
        data: new Uint8Array(0),
      }),
    ],
  ])("with %s is fine", (_, file) => expect(scan(file)).toMatchObject({ verdict: "no code path found", findings: [] }));
});

describe("what is not as the format says is not fine:", () => {
  const only = (tensor: object, size = 64): Uint8Array =>
    ggufFile({ tensors: [{ name: "a", dims: [8], ...tensor }], data: new Uint8Array(size) });
  const text = (length: bigint): Uint8Array => ggufFile({ metadata: [["a", bytes(u32(8), u64(length), "xyz")]] });
  test.each<[string, Uint8Array, string]>([
    ["a text that is longer than the file", text(10_000n), "unknown"],
    ["a text whose length plus one is nothing", text(2n ** 64n - 1n), "suspicious"],
    ["a number of entries that wraps around", ggufFile({ counts: [0n, 2n ** 63n] }), "suspicious"],
    ["a number of tensors that wraps around", ggufFile({ counts: [2n ** 60n * 12n, 0n] }), "suspicious"],
    ["more tensors than there are", ggufFile({ counts: [50n, 4n] }), "unknown"],
    ["fewer entries than there are", ggufFile({ counts: [2n, 2n] }), "unknown"],
    ["a list that wraps around", ggufFile({ metadata: [["a", list(10, 2n ** 61n, new Uint8Array(8))]] }), "suspicious"],
    ["a list of a type that is none", ggufFile({ metadata: [["a", list(77, 1n, new Uint8Array(8))]] }), "unknown"],
    ["a value of a type that is none", ggufFile({ metadata: [["a", bytes(u32(99), 1)]] }), "unknown"],
    [
      "lists a thousand deep",
      ggufFile({ metadata: [["a", bytes(u32(9), ...Array.from({ length: 1000 }, () => bytes(u32(9), u64(1n))))]] }),
      "unknown",
    ],
    ["a yes-or-no that is neither", ggufFile({ metadata: [["a", bytes(u32(7), 5)]] }), "unknown"],
    ["an alignment of zero", ggufFile({ metadata: [["general.alignment", 0]] }), "unknown"],
    ["an alignment that is no power of two", ggufFile({ metadata: [["general.alignment", 33]] }), "unknown"],
    ["a tensor behind the end", only({ at: 64 }), "unknown"],
    ["a shape that wraps around", only({ dims: [2n ** 32n, 2n ** 32n] }), "suspicious"],
    ["a negative size", only({ dims: [2n ** 64n - 8n] }), "suspicious"],
    ["a place that wraps around", only({ at: 2n ** 64n - 32n }), "suspicious"],
    ["five dimensions", only({ dims: [1, 1, 1, 1, 1] }), "unknown"],
    ["rows that are no whole blocks", only({ dims: [8], type: 2 }), "unknown"],
    ["an element type that is none", only({ type: 4 }), "unknown"],
    ["a place that is not aligned", only({ at: 4 }, 36), "unknown"],
    [
      "tensors that share bytes",
      ggufFile({
        tensors: [
          { name: "a", dims: [16] },
          { name: "b", dims: [8], at: 32 },
        ],
        data: new Uint8Array(64),
      }),
      "suspicious",
    ],
    [
      "a tensor twice",
      ggufFile({
        tensors: [
          { name: "a", dims: [8] },
          { name: "a", dims: [8], at: 32 },
        ],
        data: new Uint8Array(64),
      }),
      "suspicious",
    ],
    [
      "a key twice",
      ggufFile({
        metadata: [
          ["a", "b"],
          ["a", "c"],
        ],
      }),
      "suspicious",
    ],
    [
      "padding that is no padding",
      (() => {
        const file = ggufFile();
        file[file.length - 69] = 1;
        return file;
      })(),
      "unknown",
    ],
    ["an alignment of gigabytes", ggufFile({ metadata: [["general.alignment", 2 ** 31]] }), "unknown"],
    ["a name that ends early for readers in C", ggufFile({ metadata: [["a\0b", "c"]] }), "suspicious"],
    ["a tensor's name that does", only({ name: "a\0b" }), "suspicious"],
    ["a key without a name", ggufFile({ metadata: [["", "c"]] }), "unknown"],
    ["a tensor without a name", only({ name: "" }), "unknown"],
    ["a name that is no text", only({ name: "a\u001bb" }), "unknown"],
    ["a version that is none", ggufFile({ version: 9 }), "unknown"],
    ["four bytes", bytes("GGUF"), "unknown"],
  ])("%s", (_, file, expected) => expect(scan(file).verdict).toBe(expected));
});

describe("what metadata say is held against the rest of the file:", () => {
  const tokens: [string, readonly string[]] = ["tokenizer.ggml.tokens", ["<s>", "a", "b"]];
  const verdictOf = (...metadata: readonly (readonly [string, string | number | readonly string[] | Uint8Array])[]) =>
    scan(ggufFile({ metadata: [["general.architecture", "llama"], tokens, ...metadata] })).verdict;
  test.each<[string, number | Uint8Array, string]>([
    ["the last token", 2, "no code path found"],
    ["a token behind the last", 3, "unknown"],
    ["a token below zero", bytes(u32(5), u32(2 ** 32 - 1)), "unknown"],
    ["a token in eight bytes", bytes(u32(10), u64(2n ** 60n)), "unknown"],
    ["a token in words", bytes(u32(8), u64(1n), "1"), "no code path found"],
    ["tokens in a list", list(4, 2n, bytes(u32(0), u32(2))), "no code path found"],
    ["a list of tokens with one behind the last", list(4, 3n, bytes(u32(0), u32(7), u32(1))), "unknown"],
    ["a token that is half a one", bytes(u32(6), u32(0x3f00_0000)), "unknown"],
  ])("%s", (_, id, expected) => expect(verdictOf(["tokenizer.ggml.eot_token_id", id])).toBe(expected));
  test.each<[string, number, string]>([
    ["as many blocks as there are", 1, "no code path found"],
    ["more blocks than there are", 2, "unknown"],
    ["fewer blocks than there are", 0, "unknown"],
    ["blocks by the thousand million", 2 ** 32 - 1, "unknown"],
  ])("%s", (_, blocks, expected) => expect(verdictOf(["llama.block_count", blocks])).toBe(expected));
  test("a vocabulary has no blocks, and an adapter some", () => {
    const metadata: [string, string | number][] = [
      ["general.architecture", "llama"],
      ["llama.block_count", 32],
    ];
    expect(scan(ggufFile({ metadata, tensors: [], data: new Uint8Array(0) })).verdict).toBe("no code path found");
    expect(scan(ggufFile({ metadata: [...metadata, ["general.type", "adapter"]] })).verdict).toBe("no code path found");
  });
  test("an embedding of fewer rows than tokens", () => {
    const embedding = (rows: number) =>
      scan(
        ggufFile({
          metadata: [tokens],
          tensors: [{ name: "token_embd.weight", dims: [2, rows] }],
          data: new Uint8Array(8 * rows),
        }),
      ).verdict;
    expect([embedding(3), embedding(4), embedding(2)]).toEqual(["no code path found", "no code path found", "unknown"]);
  });
  test("a credential in a list is found like any other", () =>
    expect(
      rulesOf(
        scan(ggufFile({ metadata: [["general.tags", [`hf_${"kTxQmLzRvWbNcYpHsJdFgAeUoKiVtXnMqZ".slice(0, 34)}`]]] })),
      ),
    ).toContain("secret"));

  test.each<[string, string, readonly [count: number, index: number | undefined], readonly string[], string]>([
    ["all its parts", "m-00001-of-00002.gguf", [2, 0], ["m-00002-of-00002.gguf"], "no code path found"],
    ["a part that is absent", "m-00001-of-00002.gguf", [2, 0], [], "unknown"],
    ["parts by the thousand million", "m-00001-of-00002.gguf", [2 ** 32 - 1, 0], ["m-00002-of-00002.gguf"], "unknown"],
    ["another place than its name says", "m-00001-of-00002.gguf", [2, 1], ["m-00002-of-00002.gguf"], "unknown"],
    ["no place", "m.gguf", [2, undefined], [], "unknown"],
    ["one part", "m.gguf", [1, 0], [], "no code path found"],
  ])("of a model in several files: %s", (_, name, [count, index], beside, expected) => {
    const file = ggufFile({
      metadata: [
        ["general.architecture", "llama"],
        ["llama.block_count", count === 2 ? 9 : 1],
        ["split.count", count],
        ...(index === undefined ? [] : ([["split.no", index]] as const)),
      ],
    });
    const neighbour = (asked: string) => (beside.includes(asked) ? ({ kind: "file", size: 9 } as const) : undefined);
    expect(scanFile(name, contentOf(file), { ...scanPorts, neighbour }).verdict).toBe(expected);
  });

  /** Of `A` to `a`: its unit lies at the root's place exclusive-or the letter, its leaf at the unit's. */
  const map = (changes: Readonly<Record<number, number>> = {}, texts = "a\0", units = 1024): Uint8Array => {
    const trie = new Uint32Array(units);
    trie[0] = 256 << 10;
    trie[256 ^ 65] = (512 << 10) | 0x100 | 65;
    trie[256 ^ 65 ^ 512] = 0x8000_0000;
    for (const [at, unit] of Object.entries(changes)) trie[Number(at)] = unit;
    return bytes(u32(trie.byteLength), new Uint8Array(trie.buffer), texts);
  };
  const charsmap = (held: Uint8Array, type = 0) =>
    verdictOf(["tokenizer.ggml.precompiled_charsmap", list(type, BigInt(held.length), held)]);
  test.each<[string, Uint8Array, string]>([
    ["is followed", map(), "no code path found"],
    ["that is empty", new Uint8Array(0), "no code path found"],
    ["whose trie is larger than it", bytes(u32(400), new Uint8Array(8)), "unknown"],
    ["whose first unit leads outside", map({ 0: 4096 << 10 }), "unknown"],
    ["whose next unit leads outside", map({ [256 ^ 65]: (4096 << 10) | 65 }), "unknown"],
    ["whose wide unit leads outside", map({ [256 ^ 65]: (512 << 10) | 0x200 | 65 }), "unknown"],
    ["whose leaf leads behind the texts", map({ [256 ^ 65 ^ 512]: 0x8000_0002 }), "unknown"],
    ["whose last text does not end", map({}, "a\0b"), "unknown"],
    ["whose units lead back", map({ [256 ^ 65]: ((256 ^ 65 ^ 256) << 10) | 65 }), "no code path found"],
  ])("a map of characters %s", (_, held, expected) => expect(charsmap(held)).toBe(expected));
  test("a map of characters that lists no bytes", () => expect(charsmap(new Uint8Array(0), 4)).toBe("unknown"));
});

describe("a chat template", () => {
  const withTemplate = (template: string, key = "tokenizer.chat_template") =>
    scan(
      ggufFile({
        metadata: [
          ["general.name", "x"],
          [key, template],
        ],
      }),
    );
  test("that reaches the interpreter is malicious, and the finding is placed in it", () => {
    const template = "é{{ cycler.__init__.__globals__ }}";
    const file = ggufFile({ metadata: [["tokenizer.chat_template", template]] });
    const result = scan(file);
    expect(result.verdict).toBe("malicious");
    const grave = result.findings.find(({ severity }) => severity === "malicious")!;
    expect(new TextDecoder().decode(file.subarray(grave.start, grave.end))).toBe("cycler.__init__.__globals__");
  });
  test("is found under any name, and before a fault", () => {
    expect(withTemplate("{{ x.__mro__ }}", "tokenizer.chat_template.tool_use").verdict).toBe("malicious");
    const cut = ggufFile({ metadata: [["tokenizer.chat_template", "{{ x.__mro__ }}"]], counts: [9n, 9n] });
    expect(scan(cut)).toMatchObject({ verdict: "malicious", read: "part" });
  });
  test("is followed in lists, by text and joined, and is unknown where it is no text", () => {
    const text = (of: string) => bytes(u64(BigInt(of.length)), new TextEncoder().encode(of));
    const listed = (...parts: readonly string[]) =>
      scan(
        ggufFile({
          metadata: [["tokenizer.chat_template", list(8, BigInt(parts.length), bytes(...parts.map(text)))]],
          tensors: [],
          data: new Uint8Array(0),
        }),
      ).verdict;
    expect(listed("{{ x.__mro__ }}")).toBe("malicious");
    expect(listed("{{ x.__", "mro__ }}")).toBe("malicious");
    expect(listed("{{ x }}")).toBe("no code path found");
    for (const value of [list(0, 4n, Uint8Array.of(1, 2, 3, 4)), bytes(u32(7), Uint8Array.of(1))])
      expect(scan(ggufFile({ metadata: [["tokenizer.chat_template", value]] })).verdict).toBe("unknown");
  });
  test("that no Jinja would compile is unknown", () => expect(withTemplate("{{ x").verdict).toBe("unknown"));
  test("that is one is fine, whatever source it quotes", () =>
    expect(withTemplate("{% for m in messages %}Never call os.system('x'). {{ m.content }}{% endfor %}").verdict).toBe(
      "no code path found",
    ));
});

test("metadata is searched, a vocabulary is not taken for source", () => {
  expect(rulesOf(scan(ggufFile({ metadata: [["general.description", "import os; os.system('id')"]] })))).toContain(
    "code-in-metadata",
  );
  const pieces = ["os.system(", "eval('", `exec("${"x".repeat(80)}`];
  expect(scan(ggufFile({ metadata: [["tokenizer.ggml.tokens", pieces]] })).findings).toEqual([]);
});

describe.skipIf(!existsSync(ARTEFACTS))("GGUF files with known verdicts", () => {
  test("come out as they should", () => {
    const files = labelled().filter(({ file }) => file.endsWith(".gguf"));
    expect(files.length).toBeGreaterThan(4);
    for (const { file, label } of files) {
      const { verdict } = withFile(join(ARTEFACTS, file), (content) => scanFile(file, content, scanPorts));
      expect([file, verdict]).toEqual([
        file,
        { malicious: "malicious", benign: "no code path found" }[label as string] ?? "unknown",
      ]);
    }
  });
});
