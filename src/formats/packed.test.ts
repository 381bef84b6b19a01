import { describe, expect, test } from "vitest";
import { bzip2Hello, hello, lz4Hello, lzmaHello, xzHello } from "../../test/support/packed.ts";
import { unpackBzip2 } from "./bzip2.ts";
import { FormatError } from "./error.ts";
import { unpackLz4 } from "./lz4.ts";
import { unpackLzma, unpackXz } from "./lzma.ts";
import { concatenated } from "./writers.testing.ts";

describe.each([
  ["bzip2", unpackBzip2, bzip2Hello],
  ["xz", unpackXz, xzHello],
  ["lzma", unpackLzma, lzmaHello],
  ["lz4", unpackLz4, lz4Hello],
] as const)("%s", (_, unpack, packed) => {
  test("unpacks what Python packed, and says how far it read", () => {
    const { bytes, taken } = unpack(concatenated(packed, Uint8Array.of(1, 2, 3)), 1e6);
    expect(bytes).toEqual(hello);
    expect(taken).toBe(packed.length);
  });
  test("stops at the limit", () => {
    expect(unpack(packed, hello.length).bytes.length).toBe(hello.length);
    expect(() => unpack(packed, hello.length - 1)).toThrow(/limit/);
  });
  test("refuses every cut of it with a format error, and nothing else", () => {
    for (let length = 0; length < packed.length; length++)
      try {
        // A cut can leave a whole stream only where nothing but padding is missing.
        expect(unpack(packed.slice(0, length), 1e6).bytes).toEqual(hello);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
  });
  test("gives no more than the limit for any changed byte, and never anything but a format error", () => {
    for (let at = 0; at < packed.length; at++)
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const changed = packed.slice();
        changed[at] = byte;
        try {
          expect(unpack(changed, 5000).bytes.length).toBeLessThanOrEqual(5000);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }
  });
});
