import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCsv, type CsvOptions } from "./csv.ts";
import { FormatError } from "./error.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, options?: CsvOptions) => readCsv(bytes(text), options);
function refusal(content: string | Uint8Array): FormatError {
  try {
    readCsv(typeof content === "string" ? bytes(content) : content);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  return expect.unreachable("it was read");
}

describe("the first line", () => {
  test("of words is a header", () => {
    expect(read("a,b,label\n1,2,0\n").header).toEqual(["a", "b", "label"]);
  });
  test("of numbers is a row", () => {
    expect(read("1,2,0\n3,4,1\n")).toMatchObject({ header: undefined, rows: 2 });
  });
  test("of numbers and a word is a row whose label is a word", () => {
    const last: CsvOptions = { textColumns: (_, width) => [width - 1] };
    expect(read("1,2,cat\n3,4,dog\n", last)).toMatchObject({ header: undefined, rows: 2, strangeCount: 0 });
  });
  test("of column numbers and the word label is the header pandas writes", () => {
    expect(read("0,1,label\n5,6,0\n")).toMatchObject({ header: ["0", "1", "label"], rows: 1 });
  });
  test("decides the delimiter", () => {
    expect(Array.from(read("1;2;3\n4;5;6\n").numbers)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(read("1\t2\n").width).toBe(2);
    expect(read('"a,b,c";d\n1;2\n').header).toEqual(["a,b,c", "d"]);
  });
});

test("a byte order mark, CRLF, quotes and spaces change nothing", () => {
  const table = read('\uFEFFa,label\r\n "1.5" ,0\r\n\r\n-2e3,1\r\n');
  expect(table.header).toEqual(["a", "label"]);
  expect(Array.from(table.numbers)).toEqual([1.5, 0, -2000, 1]);
});

test("an empty cell is missing, not zero, and spellings of NaN and infinity are what they spell", () => {
  expect(Array.from(read("a,b,c\n,nan,-inf\n").numbers)).toEqual([NaN, NaN, -Infinity]);
});

test("a column kept as text keeps its leading zeros", () => {
  const table = read("patient,v\n007,1\n012,2\n", { textColumns: () => [0] });
  expect(table.texts.get(0)).toEqual(["007", "012"]);
});

test("a word in a column of numbers is reported with its line and column", () => {
  const table = read("a,b\n1,2\n3,high\n");
  expect(table.strange).toEqual([{ line: 3, column: 1, text: "high" }]);
  // Hexadecimal and thousands separators are words, not numbers.
  expect(read("a\n0x10\n1_000\n").strangeCount).toBe(2);
});

describe("hostile text", () => {
  test("rows of unequal length are refused with the line", () => {
    expect(refusal("a,b\n1,2\n3\n").message).toContain("line 3");
  });
  test("a line of 10 MB is refused by its length", () => {
    expect(refusal(`a,b\n1,"${"x".repeat(10_000_000)}"\n`).message).toContain("longer than");
  });
  test("a quote that never closes, repeated column names and an empty table are refused", () => {
    expect(refusal('a,b\n1,"2\n').message).toContain("csv:");
    expect(refusal("a,a\n1,2\n").message).toContain('called "a"');
    expect(refusal("a,b\n").message).toContain("no rows");
    expect(refusal("").message).toContain("no rows");
  });
  test("bytes that are not UTF-8 are refused at the byte", () => {
    expect(refusal(Uint8Array.of(0x61, 0x2c, 0x62, 0x0a, 0xe4, 0x2c, 0x31)).offset).toBe(4);
  });
  test("too many cells are refused", () => {
    expect(() => read("1,2\n3,4\n", { cellsMax: 3 })).toThrow(/more than 3 cells/);
  });
  test("any text ends in a table or a FormatError", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("1", ".", ",", ";", '"', "\n", "a", "é", " ", "-"), maxLength: 60 }),
        (text) => {
          try {
            const table = read(text);
            expect(table.numbers.length).toBe(table.rows * table.width);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { seed: 1, numRuns: 1500 },
    );
  });
});

test("numbers survive the way through text", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 }),
      (values) => {
        expect(Array.from(read(`v\n${values.join("\n")}\n`).numbers)).toEqual(values.map((value) => value));
      },
    ),
    { seed: 1 },
  );
});
