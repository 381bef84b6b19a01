/** Against JSON.parse, which is as strict, and for what JSON.parse does not say: places and keys that come twice. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson, type JsonNode } from "./json.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case "object": {
      // As JSON.parse does: a key that comes twice keeps its last value, and __proto__ is a key like any other.
      const object = Object.create(null) as Record<string, unknown>;
      for (const { key, value } of node.entries) object[key] = plain(value);
      return { ...object };
    }
    case "array":
      return node.items.map(plain);
    case "null":
      return null;
    default:
      return node.value;
  }
}

const reads = (text: string): unknown => {
  const bytes = bytesOf(text);
  const { value, end } = readJson(bytes);
  if (end !== bytes.length) throw new Error("not whole");
  return plain(value);
};

describe("JSON", () => {
  test("is read as JSON.parse reads it", () =>
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.stringify(reads(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { seed: 1, numRuns: 300 },
    ));
  test("is refused where JSON.parse refuses it, whatever is changed", () =>
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom(..."\"'{}[]:,0-.eE+ntf\\u \n\u0001"), (text, where, put) => {
        const at = where % (text.length + 1);
        const changed = text.slice(0, at) + put + text.slice(at + 1);
        let expected: unknown;
        try {
          expected = JSON.parse(changed);
        } catch {
          expect(() => reads(changed)).toThrow();
          return;
        }
        expect(JSON.stringify(reads(changed))).toBe(JSON.stringify(expected));
      }),
      { seed: 2, numRuns: 600 },
    ));
  test("keeps the place of every value, and every key that comes twice", () => {
    const { value, duplicates } = readJson(bytesOf('{"é": [1, "x"], "a": 1, "a": 2}  '));
    expect(value).toMatchObject({ start: 0, kind: "object" });
    expect(value.kind === "object" && value.entries[0]!.value).toMatchObject({ start: 7, end: 15 });
    expect(duplicates).toEqual([{ key: "a", start: 25, end: 28 }]);
  });
  test.each(["[".repeat(200), "", "  ", '"\ud800', "[1e999", "01", "NaN", "{'a':1}", "[1,]", "\ufeff{}", '"\u0000"'])(
    "%j is refused",
    (text) => expect(() => reads(text)).toThrow(/JSON/),
  );
  test("bytes that are not UTF-8 are refused", () =>
    expect(() => readJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(/UTF-8/));
});
