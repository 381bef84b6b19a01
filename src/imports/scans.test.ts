import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { evidence as evidenceSchema, type Evidence } from "#assessment/index.ts";
import { importEvidence } from "./index.ts";
import { ASOF, bytesOf, DEPLOYED, knowledge, OTHER, source, world } from "./world.testing.ts";

const brought = (format: "sarif" | "vex", value: unknown, rest = {}) =>
  importEvidence({ system: world, knowledge, asOf: ASOF, format, bytes: bytesOf(value), source: source(format, rest) });

async function items(imported: ReturnType<typeof brought>): Promise<readonly Evidence[]> {
  const { evidence } = await imported;
  for (const item of evidence) expect(evidenceSchema.parse(item)).toEqual(item);
  return evidence;
}
const only = async (imported: ReturnType<typeof brought>): Promise<Evidence> => {
  const all = await items(imported);
  expect(all).toHaveLength(1);
  return all[0]!;
};

describe("SARIF", () => {
  const run = (rest: object = {}): object => ({
    tool: { driver: { name: "Scanner", semanticVersion: "3.1.4", rules: [{ id: "R1", name: "NoDefaultPassword" }] } },
    invocations: [{ executionSuccessful: true, endTimeUtc: "2026-11-01T10:00:00Z" }],
    versionControlProvenance: [{ repositoryUri: "https://example.org/pacs", revisionTag: "4.2" }],
    results: [],
    ...rest,
  });
  const log = (...runs: object[]): object => ({
    version: "2.1.0",
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    runs,
  });
  const measureOf = ({ outcome }: Evidence) =>
    outcome.status === "measured" && outcome.measure.kind === "scan" ? outcome.measure : undefined;

  test("a log without results shows that the tool ran, names its rules, and earns grade C at best", async () => {
    const item = await only(brought("sarif", log(run())));
    expect(item).toMatchObject({
      kind: "imported",
      grade: "C",
      at: "pacs",
      tests: ["T-35"],
      standing: { status: "current" },
      tool: { name: "Scanner", version: "3.1.4" },
      source: "sarif:evidence/x.json",
    });
    expect(measureOf(item)).toMatchObject({ results: 0, open: 0 });
    expect(item.notes.join("; ")).toMatch(/NoDefaultPassword.*only that it ran/);
  });
  test("a log that names no rules, or whose tool reports errors of its own, earns grade E", async () => {
    expect((await only(brought("sarif", log(run({ tool: { driver: { name: "Scanner" } } }))))).grade).toBe("E");
    const troubled = {
      executionSuccessful: true,
      endTimeUtc: "2026-11-01T10:00:00Z",
      toolExecutionNotifications: [{ level: "error" }],
    };
    expect((await only(brought("sarif", log(run({ invocations: [troubled] }))))).grade).toBe("E");
  });
  test.each([
    ["no run", log()],
    ["runs null", { version: "2.1.0", runs: null }],
  ])("a log with %s is inconclusive", async (_, value) => {
    const imported = brought("sarif", value);
    expect(await only(imported)).toMatchObject({ grade: "F", outcome: { status: "inconclusive" } });
    expect((await imported).diagnostics).toMatchObject([{ code: "W611" }]);
  });
  test.each([
    ["a failed run", run({ invocations: [{ executionSuccessful: false }] }), "failed"],
    ["no results array", run({ results: undefined }), "no results array"],
    ["results in other files", run({ externalPropertyFileReferences: { results: [{ location: {} }] } }), "other files"],
    ["no results and no invocations", run({ invocations: undefined }), "does not say whether the run succeeded"],
  ])("%s is inconclusive", async (_, one, because) => {
    expect(await only(brought("sarif", log(one)))).toMatchObject({
      grade: "F",
      outcome: { status: "inconclusive", because: expect.stringContaining(because) },
    });
  });
  test("only results that report a problem count, and a suppression without a reason leaves one open", async () => {
    const results = [
      { ruleId: "R1" },
      { ruleId: "R1", kind: "pass" },
      { ruleId: "R1", baselineState: "absent" },
      { ruleId: "R1", level: "none" },
      { ruleId: "R1", suppressions: [{ kind: "external", justification: "unreachable here" }] },
      { ruleId: "R1", suppressions: [{ kind: "inSource" }] },
      { ruleId: "R1", suppressions: [{ kind: "external", status: "rejected", justification: "no" }] },
    ];
    expect(measureOf(await only(brought("sarif", log(run({ results })))))).toMatchObject({ results: 5, open: 3 });
  });
  test("without a date, of another version or of none it is stale", async () => {
    const standing = async (rest: object, at?: string) =>
      (await only(brought("sarif", log(run(rest)), at ? { at } : {}))).standing;
    expect(await standing({ invocations: [{ executionSuccessful: true }] })).toMatchObject({
      because: expect.stringContaining("no date"),
    });
    expect(await standing({ versionControlProvenance: [{ revisionTag: "4.1" }] })).toMatchObject({
      because: expect.stringContaining("deployed is 4.2"),
    });
    expect(await standing({ versionControlProvenance: undefined })).toMatchObject({
      because: expect.stringContaining("which version"),
    });
    const hashed = (digest: string) => ({
      versionControlProvenance: undefined,
      artifacts: [{ hashes: { "sha-256": digest.toUpperCase() } }],
    });
    expect(await standing(hashed(DEPLOYED), "cnn")).toEqual({ status: "current" });
    expect(await standing(hashed(OTHER), "cnn")).toMatchObject({
      because: expect.stringContaining("another artefact"),
    });
  });
  test("each run is its own evidence", async () => {
    expect(new Set((await items(brought("sarif", log(run(), run({ results: [{}] }))))).map(({ id }) => id)).size).toBe(
      2,
    );
  });
  test("the wrong version and wrong members are named with their JSON pointer", async () => {
    const { evidence, diagnostics } = await brought("sarif", { version: "2.0.0", runs: [{ tool: {} }] });
    expect(evidence).toEqual([]);
    expect(diagnostics.map(({ message }) => message).join("\n")).toMatch(
      /\/version: the version is not 2\.1\.0[\s\S]*\/runs\/0\/tool\/driver/,
    );
  });
  test("10 MB of results are counted", async () => {
    const results = Array.from({ length: 100_000 }, (_, i) => ({ ruleId: `R${i}`, message: { text: "x".repeat(60) } }));
    expect(measureOf(await only(brought("sarif", log(run({ results })))))).toMatchObject({
      results: 100_000,
      open: 100_000,
    });
  });
});

describe("CycloneDX VEX", () => {
  const vex = (vulnerabilities: unknown, rest: object = {}): object => ({
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    metadata: {
      timestamp: "2026-11-01T10:00:00Z",
      component: { "bom-ref": "pacs", name: "pacs", version: "4.2" },
      supplier: { name: "ACME" },
      tools: [{ name: "vexer", version: "1" }],
    },
    vulnerabilities,
    ...rest,
  });
  const cve = (id: string, state?: string, rest: object = {}): object => ({
    id,
    affects: [{ ref: "components.pacs" }],
    ...(state && { analysis: { state, ...rest } }),
  });

  test("what the issuer analysed is imported as his opinion, open ones counted", async () => {
    const item = await only(
      brought(
        "vex",
        vex([
          cve("CVE-1", "exploitable"),
          cve("CVE-2", "in_triage"),
          cve("CVE-3", "resolved"),
          cve("CVE-4", "not_affected", { justification: "code_not_reachable" }),
          cve("CVE-5"),
        ]),
      ),
    );
    expect(item).toMatchObject({
      kind: "imported",
      grade: "E",
      by: "ACME",
      tool: { name: "vexer" },
      standing: { status: "current" },
      outcome: { status: "measured", measure: { kind: "scan", results: 5, open: 3 } },
    });
    expect(item.notes.join("; ")).toContain("about all others the document is silent");
  });
  test("not affected without a justification is declared only, and counts as open", async () => {
    const all = await items(brought("vex", vex([cve("CVE-1", "not_affected"), cve("CVE-2", "resolved")])));
    expect(all.map(({ kind }) => kind)).toEqual(["imported", "declared"]);
    expect(all[0]).toMatchObject({ outcome: { measure: { results: 2, open: 1 } } });
    expect(all[1]).toMatchObject({ outcome: { status: "inconclusive", because: expect.stringContaining("CVE-1") } });
  });
  test("what is closed for something else, or for nothing named, does not count; what is open does", async () => {
    const elsewhere = (id: string, state: string, affects?: unknown): object => ({
      id,
      ...(affects !== undefined && { affects }),
      analysis: { state, justification: "code_not_present" },
    });
    const others = [
      elsewhere("CVE-1", "not_affected", [{ ref: "nonsense" }]),
      elsewhere("CVE-2", "resolved"),
      elsewhere("CVE-3", "resolved", []),
    ];
    const { evidence, diagnostics } = await brought("vex", vex(others));
    expect(evidence[0]!.outcome).toMatchObject({
      status: "inconclusive",
      because: expect.stringContaining("CVE-1, CVE-2, CVE-3"),
    });
    expect(diagnostics.map(({ message }) => message)).toEqual([
      expect.stringContaining("affects a part of this system"),
    ]);
    const inside = { components: [{ name: "x", components: [{ "bom-ref": "deep", name: "y" }] }] };
    for (const ref of ["pacs", "deep", "components.cnn", "urn:cdx:1/1#components.cnn", "system"]) {
      const item = await only(brought("vex", vex([...others, elsewhere("CVE-4", "resolved", [{ ref }])], inside)));
      expect(item.outcome, ref).toMatchObject({ status: "measured", measure: { results: 1, open: 0 } });
      expect(item.notes.join("; ")).toContain("not counted");
    }
    const open = await only(brought("vex", vex([elsewhere("CVE-5", "exploitable", [{ ref: "nonsense" }])])));
    expect(open.outcome).toMatchObject({ measure: { results: 1, open: 1 } });
  });
  test.each([["1.4"], ["1.5"], ["1.6"], ["1.7"]])("specification %s is read", async (specVersion) => {
    expect((await only(brought("vex", vex([cve("CVE-1", "resolved")], { specVersion })))).outcome.status).toBe(
      "measured",
    );
  });
  test("another specification and an unknown state are named with their JSON pointer", async () => {
    const { evidence, diagnostics } = await brought("vex", vex([cve("CVE-1", "fine")], { specVersion: "1.3" }));
    expect(evidence).toEqual([]);
    expect(diagnostics.map(({ message }) => message).join("\n")).toMatch(
      /\/specVersion[\s\S]*\/vulnerabilities\/0\/analysis\/state/,
    );
  });
  test("a document without vulnerabilities says nothing about any", async () => {
    for (const none of [undefined, []])
      expect(await only(brought("vex", vex(none)))).toMatchObject({ outcome: { status: "inconclusive" } });
  });
  test("without a timestamp, or of another version, it is stale", async () => {
    const undated = vex([cve("CVE-1", "resolved")], { metadata: { component: { version: "4.2" } } });
    expect((await only(brought("vex", undated))).standing).toMatchObject({
      because: expect.stringContaining("no date"),
    });
    const older = vex([cve("CVE-1", "resolved")], {
      metadata: { timestamp: "2026-11-01", component: { version: "4.1" } },
    });
    expect(await only(brought("vex", older))).toMatchObject({
      grade: "F",
      standing: { because: expect.stringContaining("4.1") },
    });
  });

  const shared = resolve(process.env["VAUBAN_TEST_DATA"] ?? "../shared/data");
  const bom = join(shared, "aibom/valid-machine-learning-1.6.cdx.json");
  test("a real bill of materials without VEX is inconclusive", async (context) => {
    if (!existsSync(bom))
      return context.skip("no real models and data: set VAUBAN_TEST_DATA to the folder that holds them");
    const imported = importEvidence({
      system: world,
      knowledge,
      asOf: ASOF,
      format: "vex",
      bytes: new Uint8Array(readFileSync(bom)),
      source: source("vex"),
    });
    expect(await only(imported)).toMatchObject({
      kind: "imported",
      outcome: { status: "inconclusive" },
      standing: { status: "stale" },
    });
  });
});
