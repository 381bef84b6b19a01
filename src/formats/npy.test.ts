import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "./error.ts";
import numpy from "./fixtures/numpy.json" with { type: "json" };
import { half, readNpy } from "./npy.ts";
import { concatenated, fromBase64, npyWithHeader, writeNpy } from "./writers.testing.ts";

interface Fixture {
  readonly bytes: string;
  readonly shape: readonly number[];
  readonly values?: readonly (number | string | boolean)[];
}
const special = { inf: Infinity, "-inf": -Infinity, nan: NaN } as const;

/** What a reader says of bytes it refuses; fails when it accepts them or throws anything else. */
function refusal(bytes: Uint8Array): FormatError {
  try {
    readNpy(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    const refused = error as FormatError;
    expect(refused.offset).toBeGreaterThanOrEqual(0);
    expect(refused.offset).toBeLessThanOrEqual(bytes.length);
    expect(refused.remedy).not.toBe("");
    return refused;
  }
  return expect.unreachable("it was read");
}
const header = (descr: string, shape: string, order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe("arrays written by NumPy", () => {
  test.each(Object.entries(numpy.arrays as Record<string, Fixture>))(
    "%s reads back as NumPy reads it",
    (_, fixture) => {
      const array = readNpy(fromBase64(fixture.bytes));
      expect(array.shape).toEqual(fixture.shape);
      expect(Array.from(array.values as ArrayLike<number>)).toEqual(
        fixture.values!.map((value) =>
          typeof value === "string" ? special[value as keyof typeof special] : Number(value),
        ),
      );
    },
  );

  test("fixed-length strings come without their padding, in every script", () => {
    expect(readNpy(fromBase64(numpy.others.unicode.bytes))).toMatchObject({
      kind: "strings",
      values: ["cat", "straße", "😀"],
    });
    expect(readNpy(fromBase64(numpy.others["byte strings"].bytes))).toMatchObject({ values: ["cat", "dogs"] });
  });

  test("object arrays are refused because reading them would run their author's code", () => {
    expect(refusal(fromBase64(numpy.others.objects.bytes)).message).toContain("unpickling");
  });

  test.each(["structured", "complex", "dates", "long double"] as const)(
    "%s arrays are refused with what to save instead",
    (name) => {
      expect(refusal(fromBase64(numpy.others[name].bytes)).remedy).toMatch(/save/);
    },
  );

  test("a 64-bit integer beyond 2^53 is refused at its own byte, not rounded", () => {
    const bytes = fromBase64(numpy.others["beyond 2^53"].bytes);
    expect(refusal(bytes)).toMatchObject({
      offset: bytes.length - 8,
      message: expect.stringContaining(String(2n ** 60n)),
    });
  });
});

test("every half-precision number is the one DataView or exact arithmetic gives", () => {
  // Values of the binary16 table: smallest subnormal, largest subnormal, smallest normal, one, largest, and signs.
  expect([0x0001, 0x03ff, 0x0400, 0x3c00, 0x7bff, 0xc000, 0x7c00, 0xfc00].map(half)).toEqual([
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    1,
    65504,
    -2,
    Infinity,
    -Infinity,
  ]);
  expect(half(0x7e00)).toBeNaN();
  const native = (DataView.prototype as { getFloat16?: (at: number) => number }).getFloat16;
  const view = new DataView(new ArrayBuffer(2));
  if (native)
    for (let bits = 0; bits < 65536; bits++) {
      view.setUint16(0, bits);
      expect(half(bits)).toBe(native.call(view, 0));
    }
});

describe("hostile bytes", () => {
  test("a header that claims 10^12 elements is refused before anything is allocated", () => {
    const before = process.memoryUsage().arrayBuffers;
    const refused = refusal(npyWithHeader(header("<f4", "(1000000, 1000000)"), new Uint8Array(16)));
    expect(refused.message).toContain("1000000000000 elements");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });

  test("sizes whose product overflows are refused", () => {
    expect(
      refusal(npyWithHeader(header("<f4", `(${Array(20).fill("9007199254740991").join(", ")})`))).message,
    ).toContain("elements");
    expect(refusal(npyWithHeader(header("<f4", "(9007199254740993,)"))).message).toContain("whole number");
  });

  test("a file cut at any byte is refused, and the message says what is missing", () => {
    const whole = writeNpy(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    for (let length = 0; length < whole.length; length++) refusal(whole.subarray(0, length));
    expect(refusal(whole.subarray(0, whole.length - 1)).message).toContain("23 bytes follow it");
  });

  test("bytes after the array are refused: one file, one array", () => {
    expect(refusal(concatenated(writeNpy(Uint8Array.of(1), [1]), Uint8Array.of(0))).remedy).toContain(
      "one array per file",
    );
  });

  test("a header is parsed, never evaluated", () => {
    for (const hostile of [
      "__import__('os').system('true')",
      "{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} or 1",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}",
      "{'descr': '<f4', 'fortran_order': False}",
      "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f4\\'', 'fortran_order': False, 'shape': (1,)}",
    ])
      expect(refusal(npyWithHeader(hostile, new Uint8Array(4))).message).toMatch(/header/);
  });

  test("a header of 4 GB is refused by its claim", () => {
    const bytes = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 0xff, 0xff, 0xff, 0xff, 0x7b);
    expect(refusal(bytes).message).toContain("4294967295 bytes");
  });

  test("an unknown version, a bool of 2 and a missing byte order are refused", () => {
    const bytes = writeNpy(Uint8Array.of(1), [1]);
    expect(refusal(bytes.map((byte, i) => (i === 6 ? 4 : byte))).message).toContain("version 4.0");
    expect(refusal(npyWithHeader(header("|b1", "(2,)"), Uint8Array.of(1, 2))).message).toContain(
      "bool has the value 2",
    );
    expect(refusal(npyWithHeader(header("f4", "(1,)"), new Uint8Array(4))).message).toContain("byte order");
  });

  test("no damage of one byte ends in anything but an array or a FormatError", () => {
    const whole = writeNpy(Int32Array.of(1, -2, 3), [3]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const damaged = whole.slice();
        damaged[at] = byte;
        try {
          expect(readNpy(damaged).values.length).toBeLessThanOrEqual(12);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

test("what a header says survives the way through the bytes for any shape", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 5 }), (shape) => {
      const n = shape.reduce((product, size) => product * size, 1);
      const values = Float64Array.from({ length: n }, (_, i) => i / 3);
      expect(readNpy(writeNpy(values, shape))).toEqual({ kind: "numbers", dtype: "float64", shape, values });
    }),
    { seed: 1 },
  );
});
