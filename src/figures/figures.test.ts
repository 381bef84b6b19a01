import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { System } from "#assessment/index.ts";
import { budgetText } from "./charts.ts";
import { systemMap } from "./map.ts";
import { escapeText, markup } from "./markup.ts";
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
    [0.00584, "0.0058"],
    [0.0952, "0.095"],
    [2.34, "2.34"],
    [1, "1"],
    [0, "0"],
    [0.99985, "> 0.999"],
  ])("%f is written %s", (value, text) => expect(figure(value)).toBe(text));
  test("budgets are written as the field writes them", () =>
    expect([4 / 255, 0.3, 0.5 / 255].map(budgetText)).toEqual(["4/255", "0.3", "0.002"]));
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
    for (const n of [1, 2, 7, 40]) {
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
