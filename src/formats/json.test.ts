/** JSON is read as the platform reads it, with places; what is none is refused at the byte where that shows. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "./error.ts";
import { everyNode, JsonObject, readJson, type JsonNode } from "./json.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const plain = ({ value }: JsonNode): unknown =>
  value instanceof JsonObject
    ? Object.fromEntries(value.members.map(([name, inner]) => [name, plain(inner)]))
    : Array.isArray(value)
      ? value.map((inner) => plain(inner as JsonNode))
      : value;

describe("a document", () => {
  test("is what the platform's own reader makes of it", () =>
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom(0, 2), (text, indent) => {
        const parsed = JSON.parse(text) as unknown;
        const written = JSON.stringify(parsed, null, indent);
        // Objects with __proto__ are compared as text.
        expect(JSON.stringify(plain(readJson(utf8(written)).root))).toBe(
          JSON.stringify(plain(readJson(utf8(text)).root)),
        );
        if (!text.includes("__proto__")) expect(plain(readJson(utf8(text)).root)).toEqual(parsed);
      }),
      { numRuns: 300 },
    ));
  test("has every value where its bytes lie", () => {
    const bytes = utf8('{"a": [1, "ü"], "b": {"c": null}}');
    const shown = [...everyNode(readJson(bytes).root)].map(({ node, name }) => [
      name,
      new TextDecoder().decode(bytes.subarray(node.start, node.end)),
    ]);
    expect(shown).toEqual([
      [undefined, '{"a": [1, "ü"], "b": {"c": null}}'],
      ["a", '[1, "ü"]'],
      [undefined, "1"],
      [undefined, '"ü"'],
      ["b", '{"c": null}'],
      ["c", "null"],
    ]);
  });
  test("may hold what Python writes for numbers that are none", () =>
    expect(plain(readJson(utf8("[NaN, -Infinity, 1e5]")).root)).toEqual([Number.NaN, -Infinity, 1e5]));
  test("tells names that stand twice, and takes the last", () => {
    const { root, duplicates } = readJson(utf8('{"a": 1, "a": 2}'));
    expect(plain(root)).toEqual({ a: 2 });
    expect(duplicates).toEqual([{ name: "a", start: 9, end: 12 }]);
  });
  test.each(["", "{", "[1,]", "{'a': 1}", '{"a" 1}', "[01]", "[+1]", '"\\x"', '"\\u12"', '"\n"', '"a', "[1 2]", "nul"])(
    "is not %j",
    (text) => expect(() => readJson(utf8(text))).toThrow(FormatError),
  );
  test("is not bytes that are no UTF-8, nor values nested without end", () => {
    expect(() => readJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(FormatError);
    expect(() => readJson(utf8("[".repeat(100_000)))).toThrow(FormatError);
  });
});
