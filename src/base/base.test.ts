import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonical } from "./canonical.ts";
import { nearest } from "./diagnostics.ts";
import { hashOf, sha256 } from "./hash.ts";
import { rng } from "./random.ts";
import { betaCdf, clopperPearson, quantile } from "./statistics.ts";

describe("canonical JSON", () => {
  test("is RFC 8785's own example, section 3.2.3", () => {
    const value = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    const order = [...canonical(value).matchAll(/:"([^"]*)"/g)].map(([, name]) => name);
    expect(order).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });
  test("prints numbers as ECMAScript does", () =>
    expect(canonical([333333333.33333329, 1e30, 4.5, 2e-3, 1e-27, -0])).toBe(
      "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
    ));
  test("reads back as the same value, whatever the order of keys", () =>
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonical(value);
        expect(canonical(JSON.parse(text))).toBe(text);
      }),
    ));
  test.each([[Number.NaN], [Infinity], [1n], [new Map()], ["\ud800"]])(
    "refuses %s instead of writing something else",
    (value) => expect(() => canonical(value)).toThrow(TypeError),
  );
});

describe("hashes", () => {
  test("are SHA-256 (FIPS 180-4, 'abc')", () =>
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  test("do not depend on the order of keys", () => expect(hashOf({ a: 1, b: [2] })).toBe(hashOf({ b: [2], a: 1 })));
});

describe("random streams", () => {
  test("with the same name are the same stream, whatever was drawn from the parent before", () => {
    const parent = rng(7);
    parent.uniform();
    expect(parent.fork("trial").uniform()).toBe(rng(7).fork("trial").uniform());
  });
  test("with different names differ", () => expect(rng(7).fork("a").uniform()).not.toBe(rng(7).fork("b").uniform()));
  test("have uniform mean 1/2 and variance 1/12, normal mean 0 and variance 1, within five standard errors", () => {
    const stream = rng("moments"),
      n = 40_000;
    const u = Array.from({ length: n }, () => stream.uniform()),
      z = Array.from({ length: n }, () => stream.normal());
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean(u) - 0.5)).toBeLessThan(5 / Math.sqrt(12 * n));
    expect(Math.abs(mean(u.map((v) => (v - 0.5) ** 2)) - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / n));
    expect(Math.abs(mean(z))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(mean(z.map((v) => v * v)) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  });
  test("sample without repetition", () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer(), (n, seed) => {
        expect(new Set(rng(seed).sample(n, n)).size).toBe(n);
      }),
    ));
});

describe("intervals", () => {
  test.each([
    [0, 50, 0, 0.071122],
    [0, 300, 0, 0.012221],
    [1, 20, 0.001265, 0.248733],
    [3, 300, 0.002067, 0.028945],
    [5, 100, 0.016432, 0.112835],
    [15, 100, 0.086454, 0.235308],
    [312, 500, 0.57991, 0.666614],
    [95, 100, 0.887165, 0.983568],
    [100, 100, 0.963783, 1],
  ])("Clopper–Pearson of %i/%i is SciPy's", (k, n, low, high) => {
    const interval = clopperPearson(k, n);
    expect(interval.low).toBeCloseTo(low, 6);
    expect(interval.high).toBeCloseTo(high, 6);
  });
  test("Clopper–Pearson ends give exactly the tail probability 2.5 %", () => {
    const { low, high } = clopperPearson(17, 90);
    expect(1 - betaCdf(low, 17, 74)).toBeCloseTo(0.975, 10);
    expect(betaCdf(high, 18, 73)).toBeCloseTo(0.975, 10);
  });
  test("refuse what is no proportion", () => expect(() => clopperPearson(3, 2)).toThrow(RangeError));
  test("quantiles keep a defined median while fewer than half are infinite", () =>
    expect(quantile([1, 2, 3, Infinity, Infinity], 0.5)).toBe(3));
});

describe("suggestions", () => {
  test("name the word that was meant", () => expect(nearest("tresh-hold", ["threshold", "viewer"])).toBe("threshold"));
  test("stay silent where nothing is near", () => expect(nearest("radiologist", ["pacs", "cnn"])).toBeUndefined());
});
