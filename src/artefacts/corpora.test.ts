/** Files with known verdicts, in the formats that are read; and benign pickles made by the libraries at hand. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ARTEFACTS, labelled } from "../../test/support/artefacts.ts";
import type { ScanFile } from "#assessment/index.ts";
import { scanPortsFor, withFile } from "#host/unpack.ts";
import { scanFile } from "./scan.ts";

const scanPath = (path: string): ScanFile =>
  withFile(path, (content) => scanFile(path.split("/").at(-1)!, content, scanPortsFor(path)));
const flagged = ({ verdict }: ScanFile): boolean => verdict === "malicious" || verdict === "suspicious";

describe.skipIf(!existsSync(ARTEFACTS))("files with known verdicts", () => {
  let all: readonly { file: string; label: string; scan: ScanFile }[] = [];
  beforeAll(() => {
    all = labelled().map(({ file, label }) => ({ file, label, scan: scanPath(join(ARTEFACTS, file)) }));
  });
  // Pickles, archives and arrays; what other formats come to is for their own tests.
  const pickles = /^(picklescan|modelscan|modelaudit\/(exploits|pickles|samples\/pickles|scenarios))\//;

  test("are called fine only when every byte of them, and of their members, was read", () => {
    const whole = (file: ScanFile): boolean => file.read === "whole" && file.members.every(whole);
    for (const { file, scan } of all)
      if (scan.verdict === "no code path found") expect([file, whole(scan)]).toEqual([file, true]);
  });
  test("are flagged where they are malicious pickles, all of them", () => {
    const missed = all.filter(({ file, label, scan }) => pickles.test(file) && label === "malicious" && !flagged(scan));
    expect(missed.map(({ file }) => file)).toEqual([]);
  });
  test("are not flagged where they are benign, in any format", () => {
    const alarms = all.filter(({ label, scan }) => label === "benign" && flagged(scan));
    expect(alarms.map(({ file }) => file)).toEqual([]);
  });
  test("have no code path where they are benign pickles, arrays or PyTorch files", () => {
    const benign = all.filter(
      ({ file, label }) => /\.(pkl|npy|npz|bin|pt)$/.test(file) && label === "benign" && !file.endsWith("weights.bin"),
    );
    expect(benign.length).toBeGreaterThan(8);
    expect(benign.filter(({ scan }) => scan.verdict !== "no code path found").map(({ file }) => file)).toEqual([]);
  });
  test("are not called fine where they cannot be read", () => {
    const broken = all.filter(({ label }) => ["malformed", "invalid", "unscannable"].includes(label));
    expect(broken.length).toBeGreaterThan(3);
    for (const { file, scan } of broken) expect([file, scan.verdict]).not.toEqual([file, "no code path found"]);
  });
});

const PYTHON = process.env.VAUBAN_TEST_PYTHON ?? "/usr/bin/python3";
const libraries = existsSync(PYTHON) && spawnSync(PYTHON, ["-c", "import numpy"]).status === 0;

describe.skipIf(!libraries)("pickles of NumPy, SciPy and Python's own types made here", () => {
  const folder = mkdtempSync(join(tmpdir(), "vauban-benign-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  test("are read whole and have no code path", () => {
    // The larger libraries take long to load; the bench makes those too.
    const made = spawnSync(PYTHON, ["-W", "ignore", resolve("bench/scan/benign.py"), folder, "--quick"], {
      encoding: "utf8",
    });
    expect(made.stderr).toBe("");
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(15);
    for (const name of names)
      expect([name, scanPath(join(folder, name)).verdict]).toEqual([name, "no code path found"]);
  });
});
