/** CycloneDX documents that are accepted, and those that are refused with the place. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { officialCycloneDx } from "../../test/support/cyclonedx.ts";
import { NO_SHARED_DATA, SHARED_DATA } from "../../test/support/assess.ts";
import type { CycloneDxCheck } from "./cyclonedx.ts";
import { FormatError } from "./error.ts";
import { readStrictJson } from "./json-strict.ts";

let check: CycloneDxCheck;
beforeAll(async () => {
  ({ check } = await officialCycloneDx());
});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const small = (changes: object = {}, component: object = {}): Record<string, unknown> => ({
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  serialNumber: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  version: 1,
  components: [
    {
      type: "machine-learning-model",
      name: "net",
      "bom-ref": "net",
      hashes: [{ alg: "SHA-256", content: "a".repeat(64) }],
      modelCard: { modelParameters: { datasets: [{ ref: "data" }] } },
      ...component,
    },
    { type: "data", name: "marks", "bom-ref": "data", data: [{ type: "dataset", name: "marks" }] },
  ],
  ...changes,
});

describe("CycloneDX", () => {
  it("accepts the specification's own sample with a model card", (context) => {
    const sample = join(SHARED_DATA, "aibom", "valid-machine-learning-1.6.cdx.json");
    if (!existsSync(sample)) context.skip(NO_SHARED_DATA ?? "the sample is not there");
    expect(check(readStrictJson("CycloneDX", readFileSync(sample)))).toEqual([]);
  });

  it.each(["1.6", "1.7"])("accepts a small document of %s", (specVersion) => {
    expect(check(small({ specVersion }))).toEqual([]);
  });

  // What the specification's invalid samples have wrong, one mistake each.
  it.each([
    ["another format", small({ bomFormat: "SPDX" }), "bomFormat", "CycloneDX"],
    ["a version that is not read", small({ specVersion: "1.2" }), "specVersion", "1.6 and 1.7"],
    ["a serial number that is no UUID", small({ serialNumber: "urn:uuid:3e67" }), "serialNumber", "pattern"],
    ["a type that is none", small({}, { type: "neural-net" }), "components/0/type", "allowed values"],
    ["no type", { ...small(), components: [{ name: "x" }] }, "components/0", "'type'"],
    ["no name", { ...small(), components: [{ type: "data" }] }, "components/0", "'name'"],
    ["an empty reference", small({}, { "bom-ref": "" }), "components/0/bom-ref", "fewer than 1"],
    ["a reference that stands twice", small({}, { "bom-ref": "data" }), "components/1/bom-ref", "stands twice"],
    [
      "a hash of no algorithm",
      small({}, { hashes: [{ alg: "FOO", content: "a".repeat(64) }] }),
      "components/0/hashes/0/alg",
      "allowed values",
    ],
    [
      "a hash that is no hex",
      small({}, { hashes: [{ alg: "SHA-256", content: "zz" }] }),
      "components/0/hashes/0/content",
      "pattern",
    ],
    [
      "a hash of another algorithm's length",
      small({}, { hashes: [{ alg: "SHA-256", content: "a".repeat(40) }] }),
      "components/0/hashes/0/content",
      "64 hex digits",
    ],
    [
      "a licence id that SPDX has not",
      small({}, { licenses: [{ license: { id: "Apache-2" } }] }),
      "components/0/licenses/0/license/id",
      "allowed values",
    ],
    [
      "a licence without id and name",
      small({}, { licenses: [{ license: {} }] }),
      "components/0/licenses/0/license",
      "required",
    ],
    ["a key that is none", small({ colour: "red" }), "", '"colour"'],
    ["a wrong scope", small({}, { scope: "later" }), "components/0/scope", '"required"'],
    ["a time that is none", small({ metadata: { timestamp: "yesterday" } }), "metadata/timestamp", "date-time"],
    [
      "a direction of data that is none",
      small({ services: [{ name: "s", data: [{ flow: "sideways", classification: "x" }] }] }),
      "services/0/data/0/flow",
      '"inbound"',
    ],
    [
      "a task that is no text",
      small({}, { modelCard: { modelParameters: { task: 7 } } }),
      "components/0/modelCard/modelParameters/task",
      "string",
    ],
    [
      "a model card with a key that is none",
      small({}, { modelCard: { accuracy: 1 } }),
      "components/0/modelCard",
      '"accuracy"',
    ],
    [
      "a dataset of no type",
      small({}, { modelCard: { modelParameters: { datasets: [{ type: "pictures" }] } } }),
      "components/0/modelCard/modelParameters/datasets/0/type",
      "allowed",
    ],
    [
      "a model that learned from nothing",
      small({}, { modelCard: { modelParameters: { datasets: [{ ref: "gone" }] } } }),
      "components/0/modelCard/modelParameters/datasets/0/ref",
      '"gone"',
    ],
    [
      "a composition of nothing",
      small({ compositions: [{ aggregate: "complete", assemblies: ["net", "gone"] }] }),
      "compositions/0/assemblies/1",
      '"gone"',
    ],
    ["dependencies of nothing", small({ dependencies: [{ ref: "gone" }] }), "dependencies/0/ref", '"gone"'],
    [
      "dependencies on nothing",
      small({ dependencies: [{ ref: "net", dependsOn: ["gone"] }] }),
      "dependencies/0/dependsOn/0",
      '"gone"',
    ],
    [
      "a vulnerability of nothing",
      small({ vulnerabilities: [{ affects: [{ ref: "gone" }] }] }),
      "vulnerabilities/0/affects/0/ref",
      '"gone"',
    ],
    [
      "an analysis that is none",
      small({ vulnerabilities: [{ analysis: { state: "fine" } }] }),
      "vulnerabilities/0/analysis/state",
      '"exploitable"',
    ],
    [
      "the same component twice",
      small({
        components: [
          { type: "data", name: "x" },
          { name: "x", type: "data" },
        ],
      }),
      "components",
      "twice",
    ],
    ["a list in its place", [], "", "one JSON object"],
  ])("refuses %s, with the place", (_, document, place, words) => {
    const complaints = check(document);
    expect(complaints.map(({ path, message }) => `${path.join("/")} ${message}`)).toEqual(
      expect.arrayContaining([expect.stringMatching(new RegExp(`^${place.replace(/[/-]/g, "\\$&")} .*${words}`))]),
    );
  });

  it("says at once what the schema refuses and which references lead nowhere or stand twice, one word a place", () => {
    const complaints = check(
      small(
        { colour: "red", dependencies: [{ ref: "gone" }] },
        { "bom-ref": "data", type: "neural-net", hashes: [{ alg: "SHA-256", content: "zz" }] },
      ),
    );
    expect(complaints.map(({ path }) => path.join("/")).toSorted()).toEqual([
      "",
      "components/0/hashes/0/content",
      "components/0/type",
      "components/1/bom-ref",
      "dependencies/0/ref",
    ]);
  });

  it("looks at a list of 5,000 parts in no time", () => {
    const components = Array.from({ length: 5_000 }, (_, n) => ({
      type: "library",
      name: `p${n}`,
      "bom-ref": `p${n}`,
    }));
    const start = process.cpuUsage();
    expect(check(small({ components }))).toEqual([]);
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(3);
  });

  it("refuses what is mutated in words, and never breaks", () => {
    const text = JSON.stringify(small({ dependencies: [{ ref: "net", dependsOn: ["data"] }] }));
    fc.assert(
      fc.property(
        fc.nat(text.length),
        fc.nat(6),
        fc.constantFrom("", "{", "]", '"', "null", "1e999", "\\ud800", ","),
        (at, cut, put) => {
          let document: unknown;
          try {
            document = readStrictJson("CycloneDX", bytes(text.slice(0, at) + put + text.slice(at + cut)));
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
            return;
          }
          expect(Array.isArray(check(document))).toBe(true);
        },
      ),
      { numRuns: 2_000, seed: 7 },
    );
  });
});

describe("JSON", () => {
  it.each([
    ["a doubled key", '{"a": 1,\n "a": 2}', 'the key "a" stands twice in one object (line 2, column 2)'],
    ["a doubled key in other letters", String.raw`{"a": 1, "\u0061": 2}`, "stands twice"],
    ["a comment", "{ // x\n}", "it is not JSON"],
    ["no end", '{"a": ', "it is not JSON"],
    ["101 lists inside each other", "[".repeat(101) + "]".repeat(101), "nested more than 100 deep"],
  ])("with %s is refused with its place", (_, text, words) => {
    expect(() => readStrictJson("JSON", bytes(text))).toThrow(words);
  });

  it("that is no UTF-8 is refused, and the same key in two objects is none doubled", () => {
    expect(() => readStrictJson("JSON", new Uint8Array([0x22, 0xff, 0x22]))).toThrow("UTF-8");
    expect(readStrictJson("JSON", bytes('[{"a": "{\\"a\\": [1"}, {"a": 2}]'))).toEqual([{ a: '{"a": [1' }, { a: 2 }]);
  });
});
