import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EvasionMeasure, Proportion, Risk, System } from "#assessment/index.ts";
import { accuracyCurve, budgetText, riskChart } from "./charts.ts";
import { systemMap } from "./map.ts";
import { escapeText, markup } from "./markup.ts";
import { CELL, roundedPath, routes, type Point, type Rectangle } from "./route.ts";
import { figure, proportionText } from "./words.ts";

describe("markup", () => {
  test("escapes whatever is inserted, in content and in attributes", () =>
    expect(markup`<p title="${'"><script>'}">${"<b>&'"}</p>`.text).toBe(
      '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;&#39;</p>',
    ));
  test("escapes exactly once when markup is nested", () =>
    expect(markup`<i>${markup`<b>${"<"}</b>`}</i>`.text).toBe("<i><b>&lt;</b></i>"));
  test("shows directional overrides and control characters instead of obeying them", () =>
    expect(escapeText("a\u202eb\u0000")).toBe("a\\u202eb\\u0000"));
  test("never lets a tag or an attribute's end through, whatever the text", () =>
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(escapeText(text)).not.toMatch(/[<>"']/);
      }),
    ));
});

describe("numbers", () => {
  test("stand with their n and interval", () =>
    expect(proportionText({ k: 312, n: 500, unit: "input", low: 0.5799, high: 0.6666 })).toBe(
      "312/500 = 62.4 % [58.0, 66.7]",
    ));
  test("of nothing say so", () =>
    expect(proportionText({ k: 0, n: 0, unit: "input", low: 0, high: 1 })).toContain("nothing to count"));
  test.each([
    [0.00584, "0.00584"],
    [0.00995, "0.00995"],
    [2.34, "2.34"],
    [1, "1"],
    [0, "0"],
    [0.99985, "> 0.999"],
  ])("%f is written %s", (value, text) => expect(figure(value)).toBe(text));
  test("budgets are written as the field writes them", () =>
    expect([4 / 255, 0.3, 0.5 / 255].map(budgetText)).toEqual(["4/255", "0.3", "0.00196"]));
});

const where = { file: "vauban.yaml", line: 1, column: 1 };

/** A system of n components in a row, alternately inside and outside one boundary. */
function row(n: number): System {
  const ids = Array.from({ length: n }, (_, i) => `c${i}`);
  return {
    name: "Row",
    components: ids.map((id) => ({ id, kind: "compute", title: `<${id}>`, holds: [], usual: {}, where })),
    flows: ids.slice(1).map((id, i) => ({
      id: `f${i}`,
      from: ids[i]!,
      to: id,
      carries: [],
      signed: false,
      encrypted: false,
      authenticated: false,
      where,
    })),
    boundaries: [{ id: "b", title: "Inside", components: ids.filter((_, i) => i % 2 === 0), where }],
  } as unknown as System;
}

describe("the system map", () => {
  test("draws every component and flow once, none over another, all inside the picture", () => {
    for (const n of [1, 2, 7, 40, 200]) {
      const { svg, width, height } = systemMap(row(n));
      const boxes = [
        ...svg.text.matchAll(
          /<g class="component[^>]*>.*?<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"/g,
        ),
      ].map((match) => match.slice(1).map(Number) as [number, number, number, number]);
      expect(boxes).toHaveLength(n);
      expect([...svg.text.matchAll(/<g class="flow/g)]).toHaveLength(n - 1);
      for (const [i, [x, y, w, h]] of boxes.entries()) {
        expect(x >= 0 && y >= 0 && x + w <= width && y + h <= height).toBe(true);
        for (const [x2, y2, w2, h2] of boxes.slice(i + 1))
          expect(x + w <= x2 || x2 + w2 <= x || y + h <= y2 || y2 + h2 <= y).toBe(true);
      }
    }
  });
  test("escapes titles and marks the flows of a path", () => {
    const { svg } = systemMap(row(3), [
      {
        key: "path-0",
        judgement: "open",
        path: [
          { component: "c0", crosses: [] },
          { component: "c1", flow: "f0", crosses: ["b"] },
        ],
      },
    ]);
    expect(svg.text).not.toContain("<c0>");
    expect([...svg.text.matchAll(/class="flow[^"]*on-path-0/g)]).toHaveLength(1);
    expect([...svg.text.matchAll(/class="component[^"]*on-path-0/g)]).toHaveLength(2);
  });
});

/** Boxes on a coarse grid, at least four cells apart, and links between any two of them. */
const boxesAndLinks = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })), {
    minLength: 2,
    maxLength: 14,
    selector: ([column, row]) => column * 5 + row,
  })
  .chain((places) =>
    fc.record({
      boxes: fc.constant(
        new Map<string, Rectangle>(
          places.map(([column, row], i) => [
            `c${i}`,
            { x: (3 + column * 26) * CELL, y: (3 + row * 11) * CELL, width: 20 * CELL, height: 7 * CELL },
          ]),
        ),
      ),
      links: fc.array(
        fc
          .tuple(fc.nat({ max: places.length - 1 }), fc.nat({ max: places.length - 1 }))
          .map(([from, to]) => ({ from: `c${from}`, to: `c${to}` })),
        { maxLength: 12 },
      ),
    }),
  );
const size = { width: 140 * CELL, height: 60 * CELL };

/** Whether a horizontal or vertical piece enters the inside of a box. */
const enters = ([x1, y1]: Point, [x2, y2]: Point, box: Rectangle): boolean =>
  Math.max(x1, x2) > box.x &&
  Math.min(x1, x2) < box.x + box.width &&
  Math.max(y1, y2) > box.y &&
  Math.min(y1, y2) < box.y + box.height;
const onEdge = ([x, y]: Point, box: Rectangle): boolean =>
  ((x === box.x || x === box.x + box.width) && y > box.y && y < box.y + box.height) ||
  ((y === box.y || y === box.y + box.height) && x > box.x && x < box.x + box.width);

describe("arrows", () => {
  test("run along the axes from edge to edge, through no box, not even their own", () =>
    fc.assert(
      fc.property(boxesAndLinks, ({ boxes, links }) => {
        const ways = routes(boxes, links, size);
        for (const [i, { from, to }] of links.entries()) {
          const way = ways[i];
          if (from === to) {
            expect(way).toBeUndefined();
            continue;
          }
          expect(way).toBeDefined();
          expect(onEdge(way![0]!, boxes.get(from)!)).toBe(true);
          expect(onEdge(way!.at(-1)!, boxes.get(to)!)).toBe(true);
          for (const [j, point] of way!.slice(1).entries()) {
            const before = way![j]!;
            expect(before[0] === point[0] || before[1] === point[1]).toBe(true);
            for (const box of boxes.values()) expect(enters(before, point, box)).toBe(false);
          }
          // The arrowhead needs two cells of straight line.
          const [last, corner] = [way!.at(-1)!, way!.at(-2)!];
          expect(Math.abs(last[0] - corner[0]) + Math.abs(last[1] - corner[1])).toBeGreaterThanOrEqual(2 * CELL);
        }
      }),
      { numRuns: 40, seed: 20_261_122 },
    ));
  test("between two boxes side by side are one straight line", () => {
    const boxes = new Map([
      ["a", { x: 24, y: 24, width: 160, height: 64 }],
      ["b", { x: 240, y: 24, width: 160, height: 64 }],
    ]);
    expect(routes(boxes, [{ from: "a", to: "b" }], size)).toEqual([
      [
        [184, 56],
        [240, 56],
      ],
    ]);
  });
  test("of the same two boxes do not lie on each other", () => {
    const boxes = new Map([
      ["a", { x: 24, y: 24, width: 160, height: 56 }],
      ["b", { x: 240, y: 24, width: 160, height: 56 }],
    ]);
    const link = { from: "a", to: "b" };
    const ways = routes(boxes, [link, link, { from: "b", to: "a" }], size).map((way) => way!.map(String).toSorted());
    expect(new Set(ways.map(String)).size).toBe(3);
  });
  test("go round what stands between", () => {
    const column = (y: number): Rectangle => ({ x: 240, y, width: 160, height: 56 });
    const boxes = new Map([
      ["a", { x: 24, y: 112, width: 160, height: 56 }],
      ["between", column(112)],
      ["b", { x: 456, y: 112, width: 160, height: 56 }],
    ]);
    const [way] = routes(boxes, [{ from: "a", to: "b" }], size);
    expect(way!.length).toBeGreaterThan(2);
    for (const [i, point] of way!.slice(1).entries()) expect(enters(way![i]!, point, column(112))).toBe(false);
  });
  test("have round corners that keep to the line", () =>
    expect(
      roundedPath([
        [0, 0],
        [100, 0],
        [100, 10],
      ]),
    ).toBe("M0 0 L95 0 Q100 0 100 5 L100 10"));
});

const proportion = (k: number, n: number): Proportion => ({
  k,
  n,
  unit: "input",
  low: k / n / 2,
  high: (1 + k / n) / 2,
});

describe("charts", () => {
  const measure = {
    norm: "linf",
    eps: 4 / 255,
    curve: [
      { eps: 4 / 255, robust: proportion(20, 100) },
      { eps: 0, robust: proportion(100, 100) },
      { eps: 16 / 255, robust: proportion(0, 100) },
    ],
  } as unknown as EvasionMeasure;
  const numbers = (text: string, pattern: RegExp): number[] =>
    [...text.matchAll(pattern)].map((match) => Number(match[1]));

  test("put accuracy where its share says, in order of budget, and say every point in words", () => {
    const { text } = accuracyCurve(measure, 0.6, "x");
    const heights = numbers(text, /class="point" cx="[\d.]+" cy="([\d.]+)"/g);
    const [top, bottom] = [heights[0]!, heights[2]!];
    // 20 % lies a fifth of the way up from 0 % to 100 %.
    expect((bottom - heights[1]!) / (bottom - top)).toBeCloseTo(0.2, 9);
    const places = numbers(text, /class="point" cx="([\d.]+)"/g);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    // On a square-root axis a quarter of the budget lies half-way.
    expect((places[1]! - places[0]!) / (places[2]! - places[0]!)).toBeCloseTo(0.5, 9);
    expect(numbers(text, /class="budget" x1="([\d.]+)"/g)).toEqual([places[1]]);
    expect(text).toContain("0: 100 of 100; 4/255: 20 of 100; 16/255: 0 of 100");
  });
  test("stand without a point to show", () =>
    expect(accuracyCurve({ ...measure, curve: [], eps: 0 }, undefined, "x").text).not.toMatch(
      /NaN|Infinity|undefined/,
    ));
  test("put a risk's interval on a logarithmic axis beside its criterion, also where it begins at nothing", () => {
    const estimate = (low: number, likely: number, high: number): unknown => ({ low, likely, high });
    const risk = (low: number, likely: number, high: number): Risk =>
      ({
        id: "r",
        threat: "t by <a>",
        harm: "health",
        judgement: "open",
        untested: false,
        current: estimate(low, likely, high),
        criterion: { perYear: 0.01 },
      }) as unknown as Risk;
    const { text } = riskChart([risk(0.001, 0.01, 0.1), risk(0, 0, 1)], "x");
    const from = numbers(text, /class="interval" x1="([\d.]+)"/g),
      to = numbers(text, /class="interval" x1="[\d.]+" x2="([\d.]+)"/g),
      criterion = numbers(text, /class="criterion" x1="([\d.]+)"/g);
    expect((from[0]! + to[0]!) / 2).toBeCloseTo(criterion[0]!, 6);
    expect((to[0]! - from[0]!) / (to[1]! - from[1]!)).toBeCloseTo(2 / 5, 6);
    expect(text).not.toMatch(/NaN|Infinity|<a>/);
  });
});
