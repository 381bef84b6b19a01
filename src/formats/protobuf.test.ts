import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtobufError, decodeMessage, encodeMessage } from "./protobuf.ts";
import type { Message, MessageTable } from "./protobuf.ts";

const LEAF: MessageTable = {
  name: "Leaf",
  fields: { 1: { name: "name", type: "string" }, 2: { name: "child", type: () => LEAF } },
};
const TREE: MessageTable = {
  name: "Tree",
  fields: {
    1: { name: "id", type: "int64" },
    2: { name: "count", type: "int32" },
    3: { name: "weights", type: "float", repeated: true, packed: true },
    4: { name: "dims", type: "int64", repeated: true },
    5: { name: "raw", type: "bytes" },
    6: { name: "leaf", type: () => LEAF },
    7: { name: "leaves", type: () => LEAF, repeated: true },
    8: { name: "size", type: "uint64" },
    9: { name: "ratio", type: "double" },
    10: { name: "half", type: "float" },
    11: { name: "doubles", type: "double", repeated: true, packed: true },
    12: { name: "codes", type: "int32", repeated: true, packed: true },
  },
};
const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);

describe("reading", () => {
  // developers.google.com/protocol-buffers/docs/encoding: "Test1 { a = 150 }" is 08 96 01.
  test("the specification's own example", () => {
    expect(decodeMessage(TREE, bytes(0x08, 0x96, 0x01))["id"]).toBe(150n);
  });

  test("negative numbers take ten bytes", () => {
    const minusTwo = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    expect(decodeMessage(TREE, bytes(0x08, ...minusTwo))["id"]).toBe(-2n);
    expect(decodeMessage(TREE, bytes(0x10, ...minusTwo))["count"]).toBe(-2);
    expect(decodeMessage(TREE, bytes(0x40, ...minusTwo))["size"]).toBe(2n ** 64n - 2n);
  });

  test("repeated numbers are read packed, unpacked and mixed", () => {
    expect(decodeMessage(TREE, bytes(0x20, 1, 0x22, 2, 2, 3, 0x20, 4))["dims"]).toEqual([1n, 2n, 3n, 4n]);
    const half = [0, 0, 0, 0x3f];
    expect(decodeMessage(TREE, bytes(0x1a, 8, ...half, ...half, 0x1d, ...half))["weights"]).toEqual(
      Float32Array.of(0.5, 0.5, 0.5),
    );
  });
});

describe("hostile bytes are refused with the offset", () => {
  const nested = (depth: number): number[] => {
    let body: number[] = [];
    for (let i = 0; i < depth; i++) {
      const length: number[] = [];
      let rest = body.length;
      for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
      body = [0x12, ...length, rest, ...body];
    }
    const length: number[] = [];
    let rest = body.length;
    for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
    return [0x32, ...length, rest, ...body];
  };
  test.each([
    ["a number that never ends", [0x08, ...Array.from({ length: 11 }, () => 0xff)], "longer than ten bytes at byte 1"],
    ["a number cut off", [0x08, 0x80], "Tree.id is cut off at byte 1"],
    ["a length beyond the end", [0x2a, 9, 1], "Tree.raw says 9 bytes, but 1 are left at byte 2"],
    ["a length of four gigabytes", [0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f], "are left at byte 6"],
    ["a length longer than 32 bits", [0x2a, 0xff, 0xff, 0xff, 0xff, 0x1f], "larger than 32 bits at byte 1"],
    ["a child longer than its parent", [0x32, 3, 0x0a, 9, 65, 66, 67, 68], "Leaf.name says 9 bytes, but 1 are left"],
    ["field number 0", [0x00, 1], "field number 0 in Tree at byte 0"],
    ["a wire type that does not exist", [0x7e, 0], "wire type 6"],
    ["a number where a message belongs", [0x30, 1], "Tree.leaf has wire type 0 where 2 belongs at byte 0"],
    ["a message twice", [0x32, 0, 0x32, 0], "Tree.leaf stands there twice at byte 3"],
    ["text that is not UTF-8", [0x32, 3, 0x0a, 1, 0xff], "Leaf.name is not UTF-8 text at byte 4"],
    ["a third of a float", [0x1a, 3, 1, 2, 3], "no multiple of 4 at byte 2"],
    ["a group that ends before it began", [0x9c, 1], "which does not exist"],
    ["nesting without end", nested(200), "nested deeper than 100"],
  ])("%s", (_, list, message) => {
    expect(() => decodeMessage(TREE, Uint8Array.from(list))).toThrow(ProtobufError);
    expect(() => decodeMessage(TREE, Uint8Array.from(list))).toThrow(message);
  });

  test("any bytes give a message or a ProtobufError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (list) => {
        try {
          decodeMessage(TREE, list);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
});

describe("nothing is lost", () => {
  test("any well-formed bytes with minimal numbers come back as they were, unknown fields and order included", () => {
    const varint = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => {
      const out: number[] = [];
      let rest = value;
      for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
      return [...out, Number(rest)];
    });
    const text = (max: number) => fc.array(fc.integer({ min: 65, max: 90 }), { maxLength: max });
    const prefixed = (body: number[]): number[] => [body.length, ...body];
    const field = fc.oneof(
      varint.map((v) => [0x08, ...v]),
      varint.map((v) => [0x20, ...v]),
      fc.array(fc.integer({ min: 0, max: 127 }), { maxLength: 5 }).map((v) => [0x22, ...prefixed(v)]),
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((v) => [0x1d, ...v]),
      fc.uint8Array({ minLength: 8, maxLength: 8 }).map((v) => [0x1a, ...prefixed([...v])]),
      text(5).map((v) => [0x2a, ...prefixed(v)]),
      text(5).map((v) => [0x3a, ...prefixed([0x0a, ...prefixed(v)])]),
      // Unknown: a number, eight bytes, four bytes, bytes, a group with a number inside.
      varint.map((v) => [0xa0, 0x06, ...v]),
      fc.uint8Array({ minLength: 8, maxLength: 8 }).map((v) => [0xa1, 0x06, ...v]),
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((v) => [0xa5, 0x06, ...v]),
      text(5).map((v) => [0xa2, 0x06, ...prefixed(v)]),
      varint.map((v) => [0xab, 0x06, 0x08, ...v, 0xac, 0x06]),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
        const seen = fields.filter((f, i) =>
          f[0] !== 0x2a && f[0] !== 0x08 ? true : fields.findIndex((g) => g[0] === f[0]) === i,
        );
        const file = Uint8Array.from(seen.flat());
        expect(encodeMessage(TREE, decodeMessage(TREE, file))).toEqual(file);
      }),
      { numRuns: 2000, seed: 2 },
    );
  });

  test("a message made by hand is written in field order and packed as its table says", () => {
    const made: Message = {
      dims: [1n, 300n],
      weights: Float32Array.of(1),
      id: -1n,
      codes: [7, -1],
      leaves: [{ name: "é" }],
    };
    const file = encodeMessage(TREE, made);
    expect([...file.subarray(0, 11)]).toEqual([0x08, ...Array.from({ length: 9 }, () => 0xff), 0x01]);
    const again = decodeMessage(TREE, file);
    expect(again).toMatchObject({ id: -1n, dims: [1n, 300n], weights: Float32Array.of(1), codes: [7, -1] });
    expect(again["leaves"]).toMatchObject([{ name: "é" }]);
  });

  test("an edited message keeps what was not edited", () => {
    const message = decodeMessage(TREE, bytes(0xa0, 0x06, 5, 0x20, 1, 0x20, 2, 0x08, 9));
    message["dims"] = [1n, 2n, 3n];
    expect([...encodeMessage(TREE, message)]).toEqual([0xa0, 0x06, 5, 0x20, 1, 0x20, 2, 0x08, 9, 0x20, 3]);
    message["dims"] = [];
    expect([...encodeMessage(TREE, message)]).toEqual([0xa0, 0x06, 5, 0x08, 9]);
  });
});
