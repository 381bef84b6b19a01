/** The order in which findings are told. */
import { expect, test } from "vitest";
import type { ScanFile, ScanFinding } from "#assessment/index.ts";
import { ACTS, actOf, gravestFirst, HARM_WORDS } from "./gravity.ts";

const finding = (part: Partial<ScanFinding>): ScanFinding => ({
  rule: "pickle-harmful-call",
  severity: "malicious",
  confidence: "high",
  start: 0,
  end: 1,
  message: "",
  ...part,
});
const file = (findings: readonly ScanFinding[], members: readonly ScanFile[] = []): ScanFile => ({
  path: "m",
  sha256: "0".repeat(64),
  verdict: "malicious",
  read: "whole",
  findings,
  members,
});

test.each([...HARM_WORDS])("the policy's words “%s” say what would be done", (words) =>
  expect(actOf({ rule: "pickle-harmful-call", message: `loading calls f(); f ${words}` })).not.toBe("refers"),
);

test("worse acts come before milder ones, and open findings before accepted ones", () => {
  const told = [
    finding({ start: 1, severity: "suspicious", message: "os.system, which runs programs" }),
    finding({ start: 2, message: "open reads or writes files" }),
    finding({ start: 3, message: "socket opens network connections" }),
    finding({ start: 4, message: "f runs programs", accepted: { reason: "r", expires: "2027-01-01" } }),
    finding({ start: 5, rule: "note", severity: "note" }),
  ];
  const inner = file([finding({ start: 6, message: "g runs Python code from text" })]);
  expect(gravestFirst(file(told, [inner])).map(({ finding: { start }, within }) => [start, within.length])).toEqual([
    [6, 1],
    [3, 0],
    [2, 0],
    [1, 0],
    [4, 0],
  ]);
  expect(ACTS[0]).toBe("executes");
});

test("a file that is named counts less than one that is called, at equal severity", () => {
  const named = finding({ rule: "pickle-harmful-import", severity: "suspicious", message: "os.system runs programs" });
  const unknown = finding({ rule: "python-act", severity: "suspicious", start: 9, message: "os.system runs programs" });
  expect(gravestFirst(file([named, unknown]))[0]!.finding.rule).toBe("python-act");
});
