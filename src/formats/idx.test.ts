import { describe, expect, test } from "vitest";
import { FormatError } from "./error.ts";
import { readIdx } from "./idx.ts";
import { writeIdx } from "./writers.testing.ts";

function refusal(bytes: Uint8Array): FormatError {
  try {
    readIdx(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  return expect.unreachable("it was read");
}

test("images of the MNIST kind come out with their shape", () => {
  const pixels = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
  expect(readIdx(writeIdx(0x08, [3, 2, 2], pixels))).toEqual({ dtype: "uint8", shape: [3, 2, 2], values: pixels });
});

test("every element type is big-endian", () => {
  const read = (type: number, ...bytes: number[]): number[] =>
    Array.from(readIdx(writeIdx(type, [1], Uint8Array.from(bytes))).values);
  expect(read(0x09, 0xff)).toEqual([-1]);
  expect(read(0x0b, 0xff, 0xfe)).toEqual([-2]);
  expect(read(0x0c, 0, 1, 0, 0)).toEqual([65536]);
  expect(read(0x0d, 0x3f, 0x80, 0, 0)).toEqual([1]);
  expect(read(0x0e, 0xc0, 0, 0, 0, 0, 0, 0, 0)).toEqual([-2]);
});

describe("hostile bytes", () => {
  test("sizes that claim 10^12 elements are refused before anything is allocated", () => {
    expect(refusal(writeIdx(0x0d, [1_000_000, 1_000_000], new Uint8Array(4))).message).toContain(
      "1000000000000 elements",
    );
  });
  test("a file cut at any byte, or with a byte too many, is refused", () => {
    const whole = writeIdx(0x0c, [2, 2], new Uint8Array(16));
    for (let length = 0; length < whole.length; length++) refusal(whole.subarray(0, length));
    expect(refusal(writeIdx(0x0c, [2, 2], new Uint8Array(17))).message).toContain("17 bytes follow");
  });
  test("an unknown element type and nine dimensions are refused", () => {
    expect(refusal(writeIdx(0x0a, [1], new Uint8Array(1))).message).toContain("does not start as an IDX file");
    expect(refusal(writeIdx(0x08, Array(9).fill(1), new Uint8Array(1))).offset).toBe(0);
  });
});
