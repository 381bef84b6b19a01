/** Text for people fits the terminal, says the same words, and keeps what is to be copied in one piece. */
import fc from "fast-check";
import { createColors } from "picocolors";
import { expect, test } from "vitest";
import type { ScanDocument } from "#assessment/index.ts";
import { progressView } from "./progress.ts";
import { scanTable } from "./scan/table.ts";
import { hanging, wrapped } from "./wrap.ts";

const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 40 });
const red = createColors(true).red;
const bare = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, "");

test("no line is longer than the terminal, no word is lost, and what follows hangs below where the text began – painted or not", () => {
  fc.assert(
    fc.property(words, fc.integer({ min: 40, max: 120 }), fc.integer({ min: 0, max: 20 }), (said, columns, indent) => {
      const head = `${"-".repeat(indent)} `;
      const lines = hanging(head, said.join(" "), columns).split("\n");
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      for (const line of lines.slice(1)) expect(line.startsWith(" ".repeat(indent + 1))).toBe(true);
      expect(lines.map((line) => line.slice(indent + 1)).join(" ")).toBe(said.join(" "));
      const painted = hanging(red(head), said.map(red).join(" "), columns);
      expect(bare(painted)).toBe(lines.join("\n"));
    }),
    { numRuns: 100, seed: 1 },
  );
  expect(wrapped(`see ${"a/".repeat(60)} there`, 40)).toEqual(["see", "a/".repeat(60), "there"]);
});

test("findings of a scan and finished stages of a run are wrapped to the width that is there", () => {
  const message =
    "loading calls a function that is in no table of what known frameworks need, with text of a program as its argument";
  const verdicts = { malicious: 0, suspicious: 1, unknown: 0, "header-ok": 0, "no code path found": 0 };
  const document: ScanDocument = {
    format: "vauban/scan/1",
    files: [
      {
        path: "models/reader.pkl",
        sha256: "ab".repeat(32),
        verdict: "suspicious",
        read: "whole",
        findings: [
          { rule: "pickle-call", severity: "suspicious", confidence: "high", start: 4, end: 9, message },
        ] as never,
        members: [],
      },
    ],
    traces: [{ path: "models/reader.pkl", steps: [`import ${message}`], total: 1 }],
    summary: { files: 1, verdicts, read: { whole: 1, part: 0, none: 0 }, accepted: [], lapsed: [] },
  };
  for (const columns of [48, 80, 120]) {
    const table = scanTable(document, createColors(false), columns);
    for (const line of table.split("\n")) expect(line.length, line).toBeLessThanOrEqual(columns);
    expect(table.replaceAll(/\s+/g, " ")).toContain(message);
    let said = "";
    const colours = createColors(false);
    const terminal = { out: () => {}, err: (text: string) => (said += text), colours, errColours: colours, columns };
    progressView({ ...terminal, live: false }, () => 0, false).finish("done", "corruption", message);
    for (const line of said.split("\n")) expect(line.length, line).toBeLessThanOrEqual(columns);
    expect(said.replaceAll(/\s+/g, " ")).toContain(message);
  }
});
