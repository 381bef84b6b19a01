import { createColors } from "picocolors";
import { expect, test } from "vitest";
import { progressView } from "./progress.ts";

/** The live lines of a view `columns` wide, 8 s after an item began and with a third of it done. */
function drawn(columns: number, item: string, note?: string): string {
  let [at, text] = [0, ""];
  const colours = createColors(false);
  const terminal = { out: () => {}, err: (said: string) => (text = said), colours, errColours: colours, columns };
  const view = progressView({ ...terminal, live: true }, () => at, false);
  view.report({ stage: "evasion", item, done: 0, total: 600 });
  at = 8000;
  view.report({ stage: "evasion", item, done: 200, total: 600, ...(note === undefined ? {} : { note }) });
  return text.split("\n")[0]!;
}

test("a long name gives way to how far it is and how long it still takes", () => {
  expect(drawn(80, "altered-in-the-archive-and-a-good-deal-longer-than-that")).toMatch(
    /^ {2}. evasion {6}altered-.*…  \[████ {8}\] 200\/600 {2}25\/s {2}0:16 left$/,
  );
  expect(drawn(80, "short", "12 fell")).toMatch(/short {2}\[████ {8}\] 200\/600 {2}25\/s {2}0:16 left {2}12 fell$/);
});

test("no line is wider than the terminal, so that redrawing finds it again", () => {
  for (const columns of [20, 40, 60, 80, 120])
    expect(drawn(columns, "a-name-of-many-words".repeat(4), "a note of some length").length).toBeLessThan(columns);
});
