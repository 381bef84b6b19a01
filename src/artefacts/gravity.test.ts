/** The order in which findings are told. */
import { expect, test } from "vitest";
import type { ScanFile, ScanFinding } from "#assessment/index.ts";
import { ACTS, actOf, gravestFirst, REASONS } from "./gravity.ts";
import { standingOf } from "./policy.ts";

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

test.each([...REASONS])("the policy's reason “%s” says what would be done", (reason) =>
  expect(actOf({ rule: "pickle-harmful-call", message: `loading calls f(); f ${reason}` })).not.toBe("refers"),
);

test.each([
  ["os", "system", "executes"],
  ["subprocess", "Popen", "executes"],
  ["builtins", "eval", "executes"],
  ["builtins", "__import__", "executes"],
  ["ctypes", "CDLL", "executes"],
  ["pickle", "loads", "executes"],
  ["socket", "create_connection", "connects"],
  ["builtins", "open", "writes"],
  ["shutil", "rmtree", "writes"],
  ["os", "remove", "writes"],
  ["os", "listdir", "writes"],
  ["glob", "glob", "reads"],
] as const)("calling %s.%s %s", (module, name, act) => {
  const standing = standingOf(module, name);
  if (standing.is !== "harmful") throw new Error(`${module}.${name} is not called harmful`);
  expect(actOf({ rule: "pickle-harmful-call", message: `loading calls f(); f ${standing.does}` })).toBe(act);
});

test("worse acts come before milder ones, and open findings before accepted ones", () => {
  const told = [
    finding({ start: 1, severity: "suspicious", message: "os.system, which runs a command" }),
    finding({ start: 2, message: "open opens a file" }),
    finding({ start: 3, message: "socket opens network connections" }),
    finding({ start: 4, message: "f runs programs", accepted: { reason: "r", expires: "2027-01-01" } }),
    finding({ start: 5, rule: "note", severity: "note" }),
  ];
  const inner = file([finding({ start: 6, message: "g runs a program" })]);
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
