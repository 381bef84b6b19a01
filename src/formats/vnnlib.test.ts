/** Properties of the competitions, and every way a property can be wrong. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { FormatError } from "./error.ts";
import { readVnnlib } from "./vnnlib.ts";
import { haveSharedData, readNpy, sharedData } from "../../test/support/npy.ts";

const read = (text: string) => readVnnlib(new TextEncoder().encode(text));
const declared = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)";
const boxed = `${declared}(assert (>= X_0 -1))(assert (<= X_0 1))(assert (<= X_1 0.5))(assert (>= X_1 2.5e-1))`;

describe("what a property says", () => {
  test("bounds of inputs become a box, conditions on outputs constraints a·y ≤ b", () => {
    const { inputs, outputs, parts } = read(`; a comment\n${boxed}(assert (>= Y_0 Y_1))(assert (<= Y_1 3))`);
    expect({ inputs, outputs }).toEqual({ inputs: 2, outputs: 2 });
    expect(parts).toEqual([
      {
        low: Float64Array.of(-1, 0.25),
        high: Float64Array.of(1, 0.5),
        constraints: [
          { a: Float64Array.of(-1, 1), b: 0 },
          { a: Float64Array.of(0, 1), b: 3 },
        ],
      },
    ]);
  });

  test("alternatives become parts, several of them their product", () => {
    const { parts } = read(
      `${boxed}(assert (or (and (<= Y_0 1) (<= Y_1 1)) (>= Y_0 5)))(assert (or (<= X_0 0) (and (>= X_0 0.5) (<= Y_1 9))))`,
    );
    expect(parts.map(({ low, high, constraints }) => [low[0], high[0], constraints.length])).toEqual([
      [-1, 0, 2],
      [0.5, 1, 3],
      [-1, 0, 1],
      [0.5, 1, 2],
    ]);
  });

  test("sums, differences, products with numbers and unary minus are linear terms", () => {
    const { parts } = read(`${boxed}(assert (<= (+ (* 2 Y_0) (- Y_1) 1) (- 4 (* Y_0 0.5))))(assert (= X_1 0.3))`);
    expect(parts[0]!.constraints).toEqual([{ a: Float64Array.of(2.5, -1), b: 3 }]);
    expect([parts[0]!.low[1], parts[0]!.high[1]]).toEqual([0.3, 0.3]);
  });

  test("a part whose bounds exclude each other is left out", () => {
    expect(read(`${boxed}(assert (or (and (>= X_0 2) (<= Y_0 0)) (<= Y_1 0)))`).parts.length).toBe(1);
  });
});

describe("what cannot be read is named with its place", () => {
  const cases: readonly (readonly [text: string, says: RegExp, at?: number])[] = [
    ["", /no X_0 is declared/],
    ["(assert (<= Y_0 1)", /opening bracket/, 0],
    [`${boxed})`, /closing bracket/, boxed.length],
    [`${boxed}(assert (< Y_0 1))`, /strict </],
    [`${boxed}(assert (<= (* Y_0 Y_1) 1))`, /product of variables/],
    [`${boxed}(assert (<= (+ X_0 X_1) 1))(assert (<= Y_0 1))`, /several inputs/],
    [`${boxed}(assert (<= (+ X_0 Y_1) 1))`, /several inputs, or on inputs and outputs/],
    [`${declared}(assert (<= X_0 1))(assert (<= Y_0 1))`, /X_0 has no lower bound/],
    [boxed, /nothing is said of the outputs/],
    [`${boxed}(assert (<= Y_7 1))`, /Y_7 is not declared/],
    [`${boxed}(minimize Y_0)`, /command "minimize"/],
    [`${boxed}(assert (>= X_0 3))(assert (<= Y_0 1))`, /exclude each other/],
    ["(declare-const X_1 Real)(declare-const Y_0 Real)", /X_0 is not declared/],
    ["(vnnlib-version <2.0>)", /VNN-LIB 2/],
    [`${"(".repeat(300)}`, /deeper than 256/],
    [`${boxed}(assert (<= Y_0 one))`, /"one" is neither/],
  ];
  for (const [text, says, at] of cases)
    test(`${says.source} in ${text.slice(-40) || "an empty file"}`, () => {
      let thrown: unknown;
      try {
        read(text);
      } catch (error) {
        thrown = error;
      }
      expect(String(thrown)).toMatch(says);
      if (at !== undefined) expect(String(thrown)).toContain(`at byte ${at}`);
    });

  test("a product of alternatives that grows beyond all bounds is refused, not computed", () => {
    const many = `(assert (or ${Array.from({ length: 60 }, (_, i) => `(<= Y_0 ${i})`).join(" ")}))`;
    expect(() => read(boxed + many.repeat(4))).toThrow(/more than 100000 cases/);
  });
});

if (!haveSharedData)
  test("properties of the competitions", (context) =>
    context.skip("no real models and data: set VAUBAN_TEST_DATA to the folder that holds them"));
else
  describe("properties of the competitions", () => {
    const of = (name: string) =>
      readVnnlib(new Uint8Array(gunzipSync(readFileSync(join(sharedData, "vnncomp/vnnlib", `${name}.vnnlib.gz`)))));

    test("read as their known boxes and cases", () => {
      expect(of("acasxu_prop_1").parts.map(({ constraints }) => constraints.length)).toEqual([1]);
      expect(of("acasxu_prop_2").parts.map(({ constraints }) => constraints.length)).toEqual([4]);
      expect(of("acasxu_prop_7").parts.map(({ constraints }) => constraints.length)).toEqual([3, 3]);
      expect(of("mnistfc_prop_0_0.03").parts.length).toBe(9);
      expect(of("nn4sys_lindex_1_multibox").parts.map(({ low }) => low.length)).toContain(1);
    });

    test("the box of a property is the one the stored arrays hold, rounded inwards", () => {
      const { parts } = of("mnistfc_prop_0_0.03");
      const { row } = (
        JSON.parse(readFileSync(join(sharedData, "vnncomp/mnist_fc_256x2/instances.json"), "utf8")) as {
          instances: { id: string; row: number }[];
        }
      ).instances.find(({ id }) => id.endsWith("prop_0_0.03.vnnlib"))!;
      const low = readNpy(join(sharedData, "vnncomp/mnist_fc_256x2/lo.npy")).data.subarray(row * 784, (row + 1) * 784);
      const high = readNpy(join(sharedData, "vnncomp/mnist_fc_256x2/hi.npy")).data.subarray(row * 784, (row + 1) * 784);
      for (let i = 0; i < 784; i++) {
        expect(low[i]! - parts[0]!.low[i]!).toBeGreaterThanOrEqual(0);
        expect(low[i]! - parts[0]!.low[i]!).toBeLessThan(1e-6);
        expect(parts[0]!.high[i]! - high[i]!).toBeGreaterThanOrEqual(0);
        expect(parts[0]!.high[i]! - high[i]!).toBeLessThan(1e-6);
      }
    });
  });

describe("properties that are large, hostile or both", () => {
  test("a conjunction over a whole picture is read in linear time: 100,000 conditions overflowed the stack and took minutes", () => {
    const n = 50_000;
    const names = Array.from({ length: n }, (_, i) => `X_${i}`);
    const text = `${names.map((x) => `(declare-const ${x} Real)`).join("")}(declare-const Y_0 Real)
      (assert (and ${names.map((x) => `(<= ${x} 1)(>= ${x} 0)`).join("")}))(assert (>= Y_0 0))`;
    const { parts } = read(text);
    expect(parts).toHaveLength(1);
    expect([parts[0]!.low[n - 1], parts[0]!.high[n - 1]]).toEqual([0, 1]);
  });

  test("cases that say nothing of the inputs share one box", () => {
    const { parts } = read(`${boxed}(assert (or (<= Y_0 0) (<= Y_1 0)))`);
    expect(parts[0]!.low).toBe(parts[1]!.low);
  });

  test.each([
    ["a number beyond float64", "(assert (<= X_0 1e999))", /too large/],
    ["a product that overflows", "(assert (<= (* 1e200 1e200 Y_0) 1))", /too large/],
    ["a quotient that overflows", "(assert (<= (* 1e-320 X_0) 1))", /too large/],
    ["a difference of infinities", "(assert (<= (- (* 1e200 1e200) (* 1e200 1e200)) Y_0))", /too large/],
    [
      "cases that multiply",
      Array.from({ length: 17 }, () => "(assert (or (<= Y_0 1) (<= Y_1 1)))").join(""),
      /more than 100000 cases/,
    ],
  ])("%s is refused with its place", (_, text, because) => {
    expect(() => read(`${boxed}${text}(assert (<= Y_0 0))`)).toThrow(because);
  });

  test("whatever is done to a property, it is read or refused with words", () => {
    const random = rng("vnnlib");
    const whole = `${boxed}(assert (or (and (>= Y_0 (+ Y_1 0.5)) (<= (* 2 Y_1) 3)) (<= (- Y_0) 1)))`;
    const bits = ["(", ")", "and", "or", "X_0", "Y_9", "-", "*", "1e99", "|", '"', ";", "\u0000", "assert", "<", " "];
    for (let k = 0; k < 600; k++) {
      let text = whole;
      for (let edits = 1 + random.below(4); edits > 0; edits--) {
        const at = random.below(text.length);
        const cut = random.below(2) === 0 ? random.below(12) : 0;
        text = text.slice(0, at) + bits[random.below(bits.length)]! + text.slice(at + cut);
      }
      try {
        const { parts, inputs } = read(text);
        for (const { low, high } of parts)
          for (let i = 0; i < inputs; i++) expect(Number.isFinite(high[i]! - low[i]!)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });
});
