/** Documents with shared parts say what they said before, and those that do not hold together are refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical, canonicalPieces } from "./canonical.ts";
import { plainOf } from "./plain.ts";
import { dereferenced, referencedPieces } from "./references.ts";

const long = (n: number): string => `a sentence that is long enough to be worth a reference, number ${n}`;
const part = { why: long(1), of: [1, 2, { deep: long(2) }] };
const whole = {
  format: "x",
  none: {},
  body: { items: [part, { ...part }, { part, also: long(1) }], one: part },
  after: 3,
};

const textOf = (document: Record<string, unknown>): string => [...referencedPieces(document)!].join("");

test("what repeats is written once, what is read is what was written, and equal parts are one object", () => {
  const text = textOf(whole);
  expect(text.split(long(1)).length - 1).toBe(1);
  const read = dereferenced(JSON.parse(text) as Record<string, unknown>) as typeof whole;
  expect(read).toEqual(whole);
  expect(JSON.stringify(read)).toBe(JSON.stringify(whole));
  expect(read.body.items[0]).toBe(read.body.items[1]);
});

test("any plain document comes back as it was, in the same order of keys", () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(long(1), long(2), "short", null, true, 0.5, -1e300, "__proto__"),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("a", "b", "10", "2", "__proto__", "$reference"), tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(value, (body) => {
      const document = { format: "x", body: { first: body, again: [body, body] } };
      const read = dereferenced(JSON.parse(textOf(document)) as Record<string, unknown>);
      expect(JSON.stringify(read)).toBe(JSON.stringify(document));
    }),
    { numRuns: 200, seed: 1 },
  );
});

test("a document with members that read like references is not written so", () => {
  expect(referencedPieces({ body: { $ref: "#/shared/0" } })).toBeUndefined();
  expect(referencedPieces({ shared: [] })).toBeUndefined();
});

test("references to nothing, to later parts and to themselves are refused, and so is what grows beyond all memory", () => {
  const refused = (document: Record<string, unknown>): string => {
    try {
      dereferenced(document);
    } catch (error) {
      if (error instanceof RangeError) return error.message;
    }
    return "(read)";
  };
  const to = (n: unknown): { $ref: unknown } => ({ $ref: n });
  expect(refused({ body: 1 })).toContain("no list");
  for (const named of ["#/shared/1", "#/shared/x", "other.json#/shared/0", 7, "#/shared/-1"])
    expect(refused({ shared: ["part"], body: to(named) }), String(named)).toContain("no part before it");
  expect(refused({ shared: [[to("#/shared/0")]], body: 1 })).toContain("no part before it");
  const doubling = Array.from({ length: 60 }, (_, i) =>
    i === 0 ? [1, 2] : [to(`#/shared/${i - 1}`), to(`#/shared/${i - 1}`)],
  );
  expect(refused({ shared: doubling, body: to("#/shared/59") })).toContain("values");
});

test("plain data are what their JSON text reads as; what needs no change is not copied, and what is shared stays so", () => {
  const shared = { a: 1, gone: undefined };
  const kept = { b: [1, "x", null] };
  const value = { x: shared, y: [shared, undefined, kept], zero: -0, f: () => 1, date: new Date(0), bad: Number.NaN };
  const plain = plainOf<unknown>(value) as { x: object; y: object[]; zero: number };
  expect(JSON.stringify(plain)).toBe(JSON.stringify(value));
  expect(plain).toEqual(JSON.parse(JSON.stringify(value)));
  expect(Object.is(plain.zero, 0)).toBe(true);
  expect(plain.x).toBe(plain.y[0]);
  expect(plain.y[2]).toBe(kept);
});

test("canonical text in pieces is the canonical text, shared parts or not", () => {
  const value = { z: whole, a: [part, part, [[part]]], empty: [{}, []], 1: "é → \u{1f600}" };
  expect([...canonicalPieces(value)].join("")).toBe(canonical(value));
});
