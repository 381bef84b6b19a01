/** `vauban scan` as a person or a script meets it: verdicts, exit codes, one document, a baseline, SARIF, Ctrl-C. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createColors } from "picocolors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Log } from "sarif";
import { scanDocument, type ScanDocument } from "#assessment/index.ts";
import { againstBaseline, type ScanBaseline } from "#artefacts/baseline.ts";
import { exitCode, scanCommand } from "#cli/commands/scan.ts";
import type { ScanFlags } from "#cli/main.ts";
import { torchZip } from "./support/artefacts.ts";
import { bytes, op, pickle } from "./support/pickle.ts";
import { scanned } from "./support/scan.ts";

const folder = mkdtempSync(join(tmpdir(), "vauban-scan-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const evil = pickle(op.call(op.global("os", "system"), op.str("id")));
const fine = pickle(op.dict(op.str("a"), op.int(1)));
const models = join(folder, "models");

beforeAll(() => {
  mkdirSync(join(models, "inner"), { recursive: true });
  writeFileSync(join(models, "evil.pkl"), evil);
  writeFileSync(join(models, "fine.pkl"), fine);
  writeFileSync(join(models, "inner", "net.pt"), torchZip());
  writeFileSync(join(models, "inner", "notes"), "what is this");
  symlinkSync("/etc/hostname", join(models, "link"));
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function scan(paths: readonly string[], flags: ScanFlags & { json?: boolean } = {}): Promise<Ran> {
  let [out, err] = ["", ""];
  const colours = createColors(false);
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    colours,
    errColours: colours,
    columns: 100,
    live: false,
  };
  const { signal } = new AbortController();
  const code = await scanCommand({ terminal, signal, json: flags.json ?? false, quiet: true }, paths, {
    workers: 1,
    ...flags,
  });
  return { code, out, err };
}

const documentOf = (ran: Ran): ScanDocument => scanDocument.parse(JSON.parse(ran.out));

describe("a folder", () => {
  let ran: Ran;
  let document: ScanDocument;
  beforeAll(async () => {
    ran = await scan([models], { json: true, sarif: join(folder, "scan.sarif") });
    document = documentOf(ran);
  });
  test("is one document with every file below it, by name, links reported and not followed", () =>
    expect(document.files.map(({ path, verdict, read }) => [path, verdict, read])).toEqual([
      ["evil.pkl", "malicious", "whole"],
      ["fine.pkl", "no code path found", "whole"],
      ["inner/net.pt", "no code path found", "whole"],
      ["inner/notes", "unknown", "none"],
      ["link", "unknown", "none"],
    ]));
  test("is counted: verdicts, and how much was read", () => {
    expect(document.summary).toEqual({
      files: 5,
      verdicts: { malicious: 1, suspicious: 0, unknown: 2, "header-ok": 0, "no code path found": 2 },
      read: { whole: 3, part: 0, none: 2 },
      accepted: [],
    });
  });
  test("says what was found, with the bytes, in the file's own terms", () => {
    const [finding] = document.files[0]!.findings;
    expect(finding).toEqual({
      rule: "pickle-harmful-call",
      severity: "malicious",
      confidence: "high",
      start: evil.length - 2,
      end: evil.length - 1,
      message: 'loading calls os.system("id"); os.system runs a command',
    });
    expect(Object.keys(document.files[0]!)).toEqual(["path", "sha256", "verdict", "read", "findings", "members"]);
    expect(document.files[2]!.members.map(({ path }) => path)).toEqual([
      "archive/data.pkl",
      "archive/version",
      "archive/data/0",
    ]);
  });
  test("ends with 1 for what is malicious", () => expect(ran.code).toBe(1));
  test("is a SARIF log with a result per finding, at its bytes", () => {
    const log = JSON.parse(readFileSync(join(folder, "scan.sarif"), "utf8")) as Log;
    const [run] = log.runs;
    expect(log.version).toBe("2.1.0");
    const result = run!.results!.find(({ ruleId }) => ruleId === "pickle-harmful-call")!;
    expect(result).toMatchObject({ kind: "fail", level: "error" });
    expect(result.locations![0]!.physicalLocation).toMatchObject({
      artifactLocation: { uri: "evil.pkl", uriBaseId: "SCANNED" },
      region: { byteOffset: evil.length - 2, byteLength: 1 },
    });
    for (const { ruleId, ruleIndex } of run!.results!) expect(run!.tool.driver.rules![ruleIndex!]!.id).toBe(ruleId);
    expect(run!.artifacts).toHaveLength(5);
    expect(run!.invocations![0]!.executionSuccessful).toBe(true);
  });
});

const baselineOf = (sha256: string, expires = "2027-06-30"): ScanBaseline => ({
  format: "vauban/scan-baseline/1",
  accepted: [{ path: "evil.pkl", sha256, rule: "pickle-harmful-call", reason: "kept on purpose, for show", expires }],
});

describe("the exit code", () => {
  test.each([
    [evil, undefined, 1],
    [evil, "malicious", 1],
    [bytes("what is this"), undefined, 2],
    [bytes("what is this"), "unknown", 1],
    [bytes("what is this"), "suspicious", 0],
    [fine, "unknown", 0],
    [fine, undefined, 0],
  ] as const)("of file %# with --fail-on %s is %i", (content, failOn, code) =>
    expect(exitCode(againstBaseline([scanned(content)], undefined, "2027-01-01"), failOn)).toBe(code),
  );
});

describe("a baseline", () => {
  const file = scanned(evil, "evil.pkl");
  const judged = (baseline: ScanBaseline) => againstBaseline([file], baseline, "2027-01-01");
  test("ends on its day, and for another content", () => {
    expect(exitCode(judged(baselineOf(file.sha256)), undefined)).toBe(0);
    const expired = judged(baselineOf(file.sha256, "2026-12-31"));
    expect([exitCode(expired, undefined), expired.idle]).toEqual([1, [expect.stringContaining("until 2026-12-31")]]);
    const other = judged(baselineOf("f".repeat(64)));
    expect([exitCode(other, undefined), other.idle]).toEqual([
      1,
      [expect.stringContaining("was not among what was scanned now")],
    ]);
  });
  test("keeps the verdict, fails nothing, and is listed with its reason and its end", async () => {
    const path = join(folder, "accepted.yaml");
    writeFileSync(path, JSON.stringify(baselineOf(file.sha256)));
    const sarif = join(folder, "accepted.sarif");
    const ran = await scan([join(models, "evil.pkl")], { baseline: path, asOf: "2027-01-01", json: true, sarif });
    expect(ran.code).toBe(0);
    const { files, summary } = documentOf(ran);
    expect(files[0]!.verdict).toBe("malicious");
    const accepted = {
      path: "evil.pkl",
      rule: "pickle-harmful-call",
      reason: "kept on purpose, for show",
      expires: "2027-06-30",
    };
    expect(summary.accepted).toEqual([accepted]);
    const log = JSON.parse(readFileSync(sarif, "utf8")) as Log;
    expect(log.runs[0]!.results![0]!.suppressions).toMatchObject([
      { status: "accepted", justification: accepted.reason },
    ]);
  });
  test("without a reason is refused", async () => {
    const path = join(folder, "thin.yaml");
    writeFileSync(path, JSON.stringify(baselineOf(file.sha256)).replace("kept on purpose, for show", "ok"));
    await expect(scan([models], { baseline: path })).rejects.toThrow(/accepted\.0\.reason/);
  });
});

describe("people read", () => {
  test("a table, what would happen, and how much was read", async () => {
    const { out } = await scan([models], { trace: true });
    expect(out).toContain("malicious           whole  evil.pkl");
    expect(out).toContain('loading calls os.system("id")');
    expect(out).toMatch(/FILES\s+5: 1 malicious, 2 unknown, 2 no code path found/);
    expect(out).toMatch(/READ\s+3 whole, 0 in part, 2 not/);
    expect(out).toMatch(/LOADING evil\.pkl WOULD\n\s+os\.system\("id"\)/);
    expect(out).toContain("no evidence against a backdoor");
  });
  test("no control characters of a file's or member's name", async () => {
    const odd = join(folder, "odd\u001b[31m.pkl");
    writeFileSync(odd, pickle(op.call(op.global("os\u001b[2J", "x"), op.str("\u001b[0m"))));
    const { out } = await scan([odd]);
    expect(out).not.toContain("\u001b");
    expect(out).toContain("\\u001b");
  });
});

test("several paths are named from where the user stands, each once", async () => {
  const { files } = documentOf(
    await scan([join(models, "fine.pkl"), join(models, "inner"), join(models, "fine.pkl")], { json: true }),
  );
  expect(files.map(({ path }) => path.replace(/^.*models\//, ""))).toEqual(["fine.pkl", "inner/net.pt", "inner/notes"]);
});

test("what is not there is refused in words", async () => {
  await expect(scan([join(folder, "nowhere")])).rejects.toThrow(/does not exist/);
  mkdirSync(join(folder, "empty"));
  await expect(scan([join(folder, "empty")])).rejects.toThrow(/holds no files/);
});

test("Ctrl-C keeps what was scanned, and says what was not", async () => {
  const many = join(folder, "many");
  mkdirSync(many);
  for (let i = 0; i < 1500; i++) writeFileSync(join(many, `${i}.pkl`), bytes(fine, new Uint8Array(2000)));
  const child = spawn(
    process.execPath,
    ["--no-warnings", resolve("bin/vauban.cjs"), "scan", many, "--json", "--workers", "1"],
    {
      env: { ...process.env, NO_COLOR: "1", CI: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    // The first word of progress: the worker is about to start.
    if (err === "") setTimeout(() => child.kill("SIGINT"), 500);
    err += chunk.toString();
  });
  const code = await new Promise((settle) => child.on("close", settle));
  const { files, summary } = scanDocument.parse(JSON.parse(out));
  expect(code).toBe(130);
  expect(summary.partial).toMatch(/cancelled: \d+ of 1500 files were not scanned/);
  expect(files.length).toBeLessThan(1500);
  expect(summary.files).toBe(files.length);
});
