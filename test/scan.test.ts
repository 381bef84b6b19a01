/** `vauban scan` as a person or a script meets it: verdicts, exit codes, one document, a baseline, SARIF, Ctrl-C. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createColors } from "picocolors";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Log } from "sarif";
import { scanDocument, type ScanDocument, type ScanFile, type ScanSummary } from "#assessment/index.ts";
import { acceptedAll, againstBaseline, findingDigest, type ScanBaseline } from "#artefacts/baseline.ts";
import { scanRule } from "#artefacts/rules.ts";
import { gravestFirst } from "#artefacts/gravity.ts";
import { placeOf, readBaseline } from "#cli/scan/baseline-file.ts";
import { filesFound, uriPlaces, type Found } from "#cli/scan/files.ts";
import { regionKey, textRegions } from "#cli/scan/lines.ts";
import { exitCode, scanCommand } from "#cli/commands/scan.ts";
import { scanSarif } from "#reports/scan-sarif.ts";
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
  const invocation = { terminal, signal, json: flags.json ?? false, quiet: true };
  const code = await scanCommand(invocation, paths, { workers: 1, ...flags });
  return { code, out, err };
}

/** The reports of a scan and where they lie, without a process. */
async function looked(
  paths: readonly string[],
  cwd = process.cwd(),
): Promise<{ files: readonly ScanFile[]; found: Found }> {
  const found = await filesFound(paths, cwd);
  const files = [...found.others, ...found.files.map(({ file, path }) => scanned(readFileSync(file), path))];
  return { files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)), found };
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
      lapsed: [],
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
      artifactLocation: { uri: "evil.pkl", uriBaseId: "SCANNED", index: 0 },
      region: { byteOffset: evil.length - 2, byteLength: 1 },
    });
    for (const { ruleId, ruleIndex } of run!.results!) expect(run!.tool.driver.rules![ruleIndex!]!.id).toBe(ruleId);
    for (const { id, fullDescription, help } of run!.tool.driver.rules!) {
      expect(fullDescription!.text, id).toContain("What would happen: ");
      expect(help!.text, id).toContain(`vauban explain ${id}`);
    }
    expect(run!.artifacts).toHaveLength(5);
    expect(run!.invocations![0]!.executionSuccessful).toBe(true);
  });
});

const baselineOf = (sha256: string, expires = "2027-06-30"): ScanBaseline => ({
  format: "vauban/scan-baseline/1",
  accepted: [
    {
      path: "evil.pkl",
      sha256,
      rule: "pickle-harmful-call",
      found: scanned(evil).findings.map((finding) => findingDigest(finding, [])),
      reason: "kept on purpose, for show",
      expires,
    },
  ],
});

describe("the exit code", () => {
  const worst: Readonly<Record<string, ScanFile>> = {
    malicious: scanned(evil),
    suspicious: scanned(pickle(op.call(op.global("acme", "Net")))),
    unknown: scanned(bytes("what is this")),
    nothing: scanned(fine),
  };
  const rows = readFileSync("docs/scanning.md", "utf8")
    .split("\n## Exit codes\n")[1]!
    .matchAll(/^\| (malicious|suspicious|unknown|nothing)\b[^|]* \| (\d) \| (\d) \| (\d) \| (\d) \|$/gm);
  test.each([...rows].map(([, verdict, ...codes]) => [verdict!, codes.map(Number)] as const))(
    "of what is %s is what docs/scanning.md says, plain and for each --fail-on",
    (verdict, codes) => {
      const file = worst[verdict]!;
      if (verdict !== "nothing") expect(file.verdict).toBe(verdict);
      const judged = againstBaseline([scanned(fine), file], undefined, "2027-01-01");
      expect([undefined, "malicious", "suspicious", "unknown"].map((on) => exitCode(judged, on as "unknown"))).toEqual(
        codes,
      );
    },
  );
  test("has a row for every verdict that can fail", () => {
    expect(Object.values(worst).map(({ verdict }) => verdict)).toEqual([
      "malicious",
      "suspicious",
      "unknown",
      "no code path found",
    ]);
  });
});

test.skipIf(process.platform !== "linux")(
  "a file that went away while its folder was read costs itself, and the folder is not called missing",
  async () => {
    // Its listing holds the handle that read it, which is closed by then.
    const { others } = await filesFound(["/proc/self/fd"], folder);
    expect(others.flatMap(({ findings }) => findings.map(({ rule }) => rule))).toContain("link-not-followed");
  },
);

test("a baseline that lacks what it needs is told in words, each place by name", async () => {
  const path = join(folder, "lacking.yaml");
  writeFileSync(path, "format: vauban/scan-baseline/1\naccepted: [{ path: 3 }]\n");
  const refused = await readBaseline(path).then(String, String);
  expect(refused).toContain("accepted.0.path has to be text");
  expect(refused).toContain("accepted.0.reason is missing");
  expect(refused).not.toMatch(/expected|received|undefined/);
});

test.skipIf(process.platform !== "linux")(
  "a name that is no UTF-8 costs its own file, and its neighbours are scanned",
  async () => {
    const odd = join(folder, "odd");
    mkdirSync(odd);
    writeFileSync(join(odd, "evil.pkl"), evil);
    writeFileSync(Buffer.concat([Buffer.from(`${odd}/x`), Buffer.from([0xff])]), "");
    const { files, others } = await filesFound([odd], folder);
    rmSync(odd, { recursive: true });
    expect(files.map(({ path }) => path)).toEqual(["evil.pkl"]);
    expect(others).toMatchObject([{ path: "x\\xff", verdict: "unknown", read: "none", findings: [{ rule: "name" }] }]);
  },
);

describe("a baseline", () => {
  const file = scanned(evil, "evil.pkl");
  const judged = (baseline: ScanBaseline, files = [file]) => againstBaseline(files, baseline, "2027-01-01");
  test("ends on its day, and for another content, and says which", () => {
    expect(exitCode(judged(baselineOf(file.sha256)), undefined)).toBe(0);
    const lapses = (ran: ReturnType<typeof judged>) => [exitCode(ran, undefined), ran.lapsed.map((one) => one.because)];
    expect(lapses(judged(baselineOf(file.sha256, "2026-12-31")))).toEqual([1, ["expired"]]);
    expect(lapses(judged(baselineOf("f".repeat(64))))).toEqual([1, ["changed"]]);
    expect(lapses(judged(baselineOf(file.sha256), [scanned(evil, "other.pkl")]))).toEqual([1, ["gone"]]);
    const fixed = scanned(fine, "evil.pkl");
    expect(lapses(judged(baselineOf(fixed.sha256), [fixed]))).toEqual([0, ["not found"]]);
    expect(lapses(judged(baselineOf(file.sha256, "2027-01-01")))).toEqual([0, []]);
  });
  test("accepts the findings that it names and no further one by the same rule, and says so", () => {
    const [first] = file.findings;
    const further = { ...first!, message: "a neighbour that came later" };
    const later = { ...file, findings: [first!, further] };
    const before = baselineOf(file.sha256);
    const both = judged(before, [later]);
    expect(exitCode(both, undefined)).toBe(1);
    expect(both.open.map(({ finding }) => finding)).toEqual([further]);
    expect(both.accepted).toHaveLength(1);
    // Accepted too, it has an entry of its own, and the first keeps its reason.
    const reason = "the neighbour is ours";
    const { baseline } = acceptedAll(before, both, { reason, expires: "2027-06-30" });
    expect(baseline.accepted.map((entry) => [entry.reason, entry.found!.length])).toEqual([
      ["kept on purpose, for show", 1],
      [reason, 1],
    ]);
    expect(exitCode(judged(baseline, [later]), undefined)).toBe(0);
    const other = judged(baselineOf(file.sha256), [{ ...file, findings: [further] }]);
    expect([exitCode(other, undefined), other.lapsed.map(({ because }) => because)]).toEqual([1, ["not found"]]);
    const inside = judged(baselineOf(file.sha256), [
      { ...file, findings: [], members: [{ ...file, path: "evil.pkl" }] },
    ]);
    expect(exitCode(inside, undefined)).toBe(1);
  });
  test("that does not say what was found accepts nothing, and says what to do", () => {
    const { accepted, ...rest } = baselineOf(file.sha256);
    const { found: _, ...old } = accepted[0]!;
    const ran = judged({ ...rest, accepted: [old] });
    expect([exitCode(ran, undefined), ran.lapsed]).toMatchObject([
      1,
      [{ because: "does not say what", message: expect.stringContaining("--write-baseline") }],
    ]);
  });
  test("does not accept what a file that comes to lie beside one would have it run", async () => {
    const place = mkdtempSync(join(tmpdir(), "vauban-beside-"));
    writeFileSync(join(place, "m.py"), "import foo\n");
    const path = join(place, "accepted.yaml");
    const flags = { reason: "foo is a package of ours", until: "2027-01-31", asOf: "2027-01-01" };
    await scan([join(place, "m.py")], { ...flags, writeBaseline: path });
    const again = () => scan([join(place, "m.py")], { baseline: path, asOf: "2027-01-02", failOn: "unknown" });
    expect((await again()).code).toBe(0);
    writeFileSync(join(place, "foo.py"), "x=1\n");
    const after = await again();
    rmSync(place, { recursive: true });
    expect(after.code).toBe(1);
    expect(after.out).toContain("foo.py lies where Python looks first");
  });
  test("is meant for one file by its bytes, named from the baseline's folder, however the scan is called", async () => {
    const path = join(folder, "accepted.yaml");
    const { accepted, ...rest } = baselineOf(file.sha256);
    writeFileSync(path, JSON.stringify({ ...rest, accepted: [{ ...accepted[0]!, path: "./models/evil.pkl" }] }));
    const baseline = (await readBaseline(path))!;
    const ran = async (...paths: readonly string[]) => {
      const { files, found } = await looked(paths);
      const judged = againstBaseline(files, baseline, "2027-01-01", placeOf(path, found));
      return [exitCode(judged, "suspicious"), judged.lapsed.map(({ because }) => because)];
    };
    for (const paths of [
      [models],
      [join(models, "evil.pkl")],
      [join(models, "inner"), join(models, "evil.pkl")],
      [folder],
    ])
      expect(await ran(...paths)).toEqual([0, []]);
    // Where the scan did not look, nothing is said to be gone.
    expect(await ran(join(models, "inner"))).toEqual([0, []]);
    // The same bytes under another name are another file.
    mkdirSync(join(folder, "copy"), { recursive: true });
    writeFileSync(join(folder, "copy", "evil.pkl"), evil);
    expect(await ran(join(folder, "copy"))).toEqual([1, []]);
    rmSync(join(folder, "copy"), { recursive: true });
  });
  test("keeps the verdict, fails nothing, and is marked with its reason and its end wherever it is told", async () => {
    const path = join(models, "accepted.yaml");
    writeFileSync(path, JSON.stringify(baselineOf(file.sha256)));
    const sarif = join(folder, "accepted.sarif");
    const asked = { baseline: path, asOf: "2027-01-01" };
    const ran = await scan([join(models, "evil.pkl")], { ...asked, json: true, sarif });
    const { out } = await scan([join(models, "evil.pkl")], asked);
    rmSync(path);
    expect(ran.code).toBe(0);
    const { files, summary } = documentOf(ran);
    expect(files[0]!.verdict).toBe("malicious");
    const reason = "kept on purpose, for show";
    expect(summary.accepted).toEqual([
      { path: "evil.pkl", rule: "pickle-harmful-call", reason, expires: "2027-06-30" },
    ]);
    expect(files[0]!.findings[0]!.accepted).toEqual({ reason, expires: "2027-06-30" });
    const log = JSON.parse(readFileSync(sarif, "utf8")) as Log;
    expect(log.runs[0]!.results![0]!.suppressions).toEqual([
      { kind: "external", status: "accepted", justification: `${reason} (until 2027-06-30)` },
    ]);
    expect(out).toMatch(/malicious +whole +evil\.pkl +accepted\n/);
    expect(out).toContain(`accepted until 2027-06-30: ${reason}`);
  });
  test("is written by the scan, with a reason and an end, and lapses aloud when its day is over or a file changes", async () => {
    const own = join(folder, "own");
    mkdirSync(own);
    writeFileSync(join(own, "a.pkl"), evil);
    writeFileSync(join(own, "b.bin"), "what is this");
    const path = join(folder, "written.yaml");
    const flags = { reason: "samples of ours, read line by line", until: "2027-01-31", asOf: "2027-01-01" };
    const written = await scan([own], { ...flags, writeBaseline: path });
    expect([written.code, written.err]).toEqual([0, expect.stringContaining("2 entries written")]);
    const text = readFileSync(path, "utf8");
    expect(text).toContain('# malicious: loading calls os.system("id")');
    expect(text).toContain("path: own/a.pkl");
    const on = async (day: string) => {
      const { files, found } = await looked([own]);
      const judged = againstBaseline(files, await readBaseline(path), day, placeOf(path, found));
      return [exitCode(judged, "unknown"), judged.lapsed.map(({ because, rule }) => `${because} ${rule}`)];
    };
    expect(await on("2027-01-31")).toEqual([0, []]);
    expect(await on("2027-02-01")).toEqual([1, ["expired pickle-harmful-call", "expired not-recognised"]]);
    writeFileSync(join(own, "a.pkl"), pickle(op.call(op.global("os", "system"), op.str("ls"))));
    const changed = await scan([own], { baseline: path, asOf: "2027-01-02" });
    expect(changed.code).toBe(1);
    expect(changed.out).toMatch(/LAPSED +changed: pickle-harmful-call in own\/a\.pkl was accepted for other bytes/);
    // Accepting anew replaces what lapsed, and keeps the rest with its own reason.
    const again = await scan([own], { ...flags, reason: "looked at once more", writeBaseline: path });
    expect([again.code, again.err]).toEqual([0, expect.stringContaining("1 entry written")]);
    const { accepted } = parse(readFileSync(path, "utf8")) as ScanBaseline;
    expect(accepted.map(({ path: at, reason }) => [at, reason])).toEqual([
      ["own/b.bin", flags.reason],
      ["own/a.pkl", "looked at once more"],
    ]);
    expect(readFileSync(path, "utf8")).not.toContain('"id"');
  });
  test.each([
    [{ writeBaseline: "x.yaml", until: "2027-01-31" }, /only with a reason/],
    [{ writeBaseline: "x.yaml", reason: "read line by line" }, /only with an end/],
    [{ writeBaseline: "x.yaml", reason: "ok", until: "2027-01-31" }, /is no reason/],
    [{ writeBaseline: "x.yaml", reason: "read line by line", until: "2026-12-31" }, /is over/],
    [{ reason: "read line by line" }, /none is written/],
  ])("is not written by %j", async (flags, complaint) => {
    await expect(scan([models], { ...flags, asOf: "2027-01-01" })).rejects.toThrow(complaint);
  });
  test("without a reason is refused", async () => {
    const path = join(folder, "thin.yaml");
    writeFileSync(path, JSON.stringify(baselineOf(file.sha256)).replace("kept on purpose, for show", "ok"));
    await expect(scan([models], { baseline: path })).rejects.toThrow(/accepted\.0\.reason/);
  });
});

describe("the SARIF log", () => {
  const logOf = async (paths: readonly string[], cwd: string, absolute = true): Promise<Log["runs"][number]> => {
    const { files, found } = await looked(paths, cwd);
    const regions = await textRegions(
      files,
      found.fullPath,
      new Map(found.files.map(({ path, size }) => [path, size])),
    );
    const summary = { files: files.length, verdicts: {}, read: {}, accepted: [], lapsed: [] } as unknown as ScanSummary;
    const log = scanSarif({ format: "vauban/scan/1", files, summary }, "0", scanRule, {
      ...uriPlaces(found, cwd, absolute),
      regionOf: (path, start, end) => regions.get(regionKey(path, start, end)),
    });
    return log.runs[0]!;
  };
  const resolved = ({ originalUriBaseIds: bases, artifacts }: Log["runs"][number]): string[] =>
    artifacts!.map(({ location }) => new URL(location!.uri!, bases![location!.uriBaseId!]!.uri).href);
  /** What §3.4.4, §3.10.1 and §3.14.14 ask of URIs. */
  const holds = (run: Log["runs"][number]): void => {
    for (const { uri } of Object.values(run.originalUriBaseIds!)) expect(uri).toMatch(/^file:\/\/\/([^?#]*[^/?#])?\/$/);
    for (const [index, { location }] of run.artifacts!.entries()) {
      expect(location!.uri).not.toMatch(/^\/|^[a-z]+:|(^|\/)\.\.(\/|$)/i);
      expect(location!.index).toBe(index);
    }
    for (const { locations } of run.results!) {
      const place = locations![0]!.physicalLocation!.artifactLocation!;
      expect(place).toEqual(run.artifacts![place.index!]!.location);
    }
  };
  const all = ["evil.pkl", "fine.pkl", "inner/net.pt", "inner/notes", "link"].map((name) => join(models, name));
  const urls = all.map((path) => pathToFileURL(path).href);
  test.each([
    ["the folder itself", () => [models], () => models, "%SRCROOT%", "evil.pkl"],
    ["the folder above it", () => ["models"], () => folder, "%SRCROOT%", "models/evil.pkl"],
    ["elsewhere", () => [models], () => join(models, "inner"), "SCANNED", "evil.pkl"],
    ["several paths", () => all, () => folder, "%SRCROOT%", "models/evil.pkl"],
  ] as const)("resolves every file when called from %s", async (_, paths, cwd, base, first) => {
    const run = await logOf(paths(), cwd());
    holds(run);
    expect(resolved(run).filter((url) => !url.endsWith("/link"))).toEqual(urls.filter((url) => !url.endsWith("/link")));
    expect(run.artifacts![0]!.location).toMatchObject({ uriBaseId: base, uri: first });
  });
  test("tells no folder of this machine unless it is asked to, and is SARIF all the same", async () => {
    const paths = [join(models, "inner"), join(models, "evil.pkl"), models];
    const run = await logOf(paths, join(folder, "models", "inner"), false);
    expect(JSON.stringify(run)).not.toContain(folder);
    expect(JSON.stringify(run)).not.toContain("file:");
    expect(Object.keys(run.originalUriBaseIds!)).toEqual(["%SRCROOT%", "SCANNED"]);
    for (const base of Object.values(run.originalUriBaseIds!)) expect(Object.keys(base)).toEqual(["description"]);
    expect(run.artifacts).toEqual((await logOf(paths, join(folder, "models", "inner"))).artifacts);
  });
  test("starts from each folder that lies outside the current one, and never climbs", async () => {
    const run = await logOf([join(models, "inner"), join(models, "evil.pkl"), models], join(folder, "models", "inner"));
    holds(run);
    expect(Object.keys(run.originalUriBaseIds!)).toEqual(["%SRCROOT%", "SCANNED"]);
    expect(resolved(run).toSorted()).toEqual(urls.toSorted());
  });
  test("gives lines of text files beside the bytes, and none of binary ones (§3.30.1)", async () => {
    const code = join(folder, "code");
    mkdirSync(code);
    writeFileSync(join(code, "setup.py"), 'import os\n"\u{1f600}"; os.system("id")\n');
    writeFileSync(join(code, "z.pkl"), evil);
    const { results } = await logOf([code], folder);
    const region = (rule: string) =>
      results!.find(({ ruleId }) => ruleId === rule)!.locations![0]!.physicalLocation!.region!;
    expect(region("python-act")).toEqual({
      startLine: 2,
      startColumn: 7,
      endLine: 2,
      endColumn: 17,
      byteOffset: 18,
      byteLength: 10,
    });
    expect(Object.keys(region("pickle-harmful-call"))).toEqual(["byteOffset", "byteLength"]);
  });
});

test("what loading would do stands in the document, by file and member, where it is asked for", async () => {
  const { traces } = documentOf(
    await scan([join(models, "inner"), join(models, "evil.pkl")], { trace: true, json: true }),
  );
  expect(traces!.map(({ path, member }) => [path.replace(/^.*models\//, ""), member])).toEqual([
    ["evil.pkl", undefined],
    ["inner/net.pt", "archive/data.pkl"],
  ]);
  expect(traces![0]).toMatchObject({ steps: ['os.system("id")'], total: 1 });
});

describe("people read", () => {
  test("the most harmful finding of a file first, whatever comes first in it", async () => {
    const many = pickle(
      op.call(op.global("builtins", "open"), op.str("/etc/passwd")),
      op.pop,
      op.call(op.global("socket", "create_connection"), op.str("h")),
      op.pop,
      op.call(op.global("os", "system"), op.str("id")),
    );
    const out = gravestFirst(scanned(many))
      .map(({ finding }) => finding.message)
      .join("\n");
    expect([...out.matchAll(/loading calls ([\w.]+)/g)].map(([, name]) => name)).toEqual([
      "os.system",
      "socket.create_connection",
      expect.stringMatching(/open$/),
    ]);
  });
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
