/** `vauban risk` from both its sources, and the risk room where there is no Node. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "csv-parse/sync";
import { createColors } from "picocolors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { groundsOfAssessment, groundsOfSystem, readRisk, type RiskGrounds } from "#assess/risk.ts";
import { hashOf } from "#base/hash.ts";
import { referencedPieces } from "#base/references.ts";
import { ASSESSMENT_SHARED_FORMAT, riskDocument, type Assessment, type RiskDocument } from "#assessment/index.ts";
import { filesBelow, folderStore, runtimeVersion } from "#host/index.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { readAssessment } from "#cli/assessment-file.ts";
import { riskCommand } from "#cli/commands/risk.ts";
import { processTerminal } from "#cli/terminal.ts";
import { riskSummary } from "#cli/risk-summary.ts";
import { registerCsv, registerMarkdown } from "#reports/register.ts";
import { cyberRegisterOf, rate, readGoals, whatIf, type Change } from "#risk/index.ts";
import { withMethodActors } from "#system/reach.ts";
import { deriveThreats } from "#threats/engine.ts";
import { assessed } from "./support/assess.ts";
import { systemOf } from "./support/system.ts";

const state = mkdtempSync(join(tmpdir(), "vauban-risk-"));
afterAll(() => rmSync(state, { recursive: true, force: true }));
const folder = resolve("examples/fixtures");
const text = readFileSync(join(folder, "vauban.yaml"), "utf8");
const knowledge = loadKnowledge();

const ask = (
  grounds: RiskGrounds,
  changes: Change[] = [],
  keep: (of: { actor: string }) => boolean = () => true,
): RiskDocument => {
  const result = readRisk(grounds, { version: "0", seed: "1", whole: false, changes, keep });
  if (result.status === "refused") throw new Error(JSON.stringify(result.problems));
  return result.document;
};

describe("risks without attacking anything", () => {
  let assessment: Assessment;
  const grounds = async (last?: Assessment, store = join(state, "measurements")): Promise<RiskGrounds> => {
    const read = await groundsOfSystem({ files: filesBelow(folder), store: folderStore(store) }, knowledge, {
      text,
      file: "vauban.yaml",
      version: "0.0.0-test",
      asOf: "2026-11-22",
      seed: "1",
      runtimeVersion: runtimeVersion(),
      command: "vauban assess examples/fixtures",
      ...(last ? { last } : {}),
    });
    if (read.status === "refused") throw new Error(JSON.stringify(read.diagnostics));
    return read.grounds;
  };
  beforeAll(async () => {
    assessment = await assessed(text, folder, { samples: 12, queries: 20, state });
  }, 60_000);

  test("an assessment rated again gives its own risks, and the document is what its schema says", () => {
    const document = ask(groundsOfAssessment(assessment, knowledge, { name: "assessment.json" }));
    expect(() => riskDocument.parse(JSON.parse(JSON.stringify(document)))).not.toThrow();
    const own = (risks: readonly { id: string }[]): unknown => risks.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(own(JSON.parse(JSON.stringify(document.risks.map(({ now }) => now))))).toEqual(own(assessment.body.risks));
    expect(document.register.map(({ id, judgement }) => [id, judgement])).toEqual(
      assessment.body.register.map(({ id, judgement }) => [id, judgement]),
    );
  });

  test("the file of a large system, with what repeats written once, is read as the whole document", async () => {
    const path = join(state, "shared.json");
    writeFileSync(path, [...referencedPieces({ ...assessment, format: ASSESSMENT_SHARED_FORMAT })!].join(""));
    const read = await readAssessment(path);
    expect(read).toEqual(JSON.parse(JSON.stringify(assessment)));
    expect(hashOf(read.body)).toBe(assessment.hash);
    writeFileSync(path, JSON.stringify({ format: ASSESSMENT_SHARED_FORMAT, body: { $ref: "#/shared/0" }, shared: [] }));
    await expect(readAssessment(path)).rejects.toThrow("no part before it");
  });

  test("a system file finds what an earlier run measured on fewer inputs, and says what nobody measured", async () => {
    const measured = await grounds(assessment);
    expect(measured.notMeasured).toEqual([]);
    expect(measured.evidence.find(({ trial }) => trial === "small-changes")?.outcome.status).toBe("measured");
    const bare = await grounds(undefined, join(state, "nothing"));
    expect(bare.notMeasured.map(({ what }) => what)).toEqual(["clean@sorter", "small-changes"]);
    expect(ask(bare).now.untested).toBe(ask(bare).now.risks);
    // Other bytes, another trial: nothing of the last run is taken.
    const other = structuredClone(assessment) as unknown as { body: { trials: { inputs: { sha256: string }[] }[] } };
    for (const trial of other.body.trials) for (const input of trial.inputs) input.sha256 = "0".repeat(64);
    const scans = assessment.body.trials.filter(({ kind }) => kind === "scan").map(({ id }) => id);
    expect(scans.length).toBeGreaterThan(0);
    expect((await grounds(other as never, join(state, "nothing"))).notMeasured.map(({ what }) => what)).toEqual([
      "clean@sorter",
      "small-changes",
      ...scans,
    ]);
  });

  test("the register goes out as rows that neither a spreadsheet nor a page takes for more than text", () => {
    const given = groundsOfAssessment(assessment, knowledge, { name: "assessment.json" });
    const document = structuredClone(ask(given, [], ({ actor }) => actor === "sender")) as unknown as {
      risks: { now: { group: string } }[];
    };
    document.risks[0]!.now.group = '=cmd|"/c calc"!A1';
    document.risks[1]!.now.group = "a | <b> [c](d)";
    const csv = parse(registerCsv(document as never), { columns: true }) as Record<string, string>[];
    expect(csv).toHaveLength(document.risks.length);
    expect(csv[0]!["threat"]).toBe('\'=cmd|"/c calc"!A1');
    expect(csv[0]).not.toHaveProperty("supposed low");
    const lines = registerMarkdown(document as never)
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(document.risks.length + 2);
    expect(lines[3]).toContain("a \\| \\<b\\> \\[c\\](d)");
  });
});

const system = withMethodActors(
  systemOf({
    components: { door: "interface", store: "database", net: "model" },
    flows: ["door -> store -> net"],
    boundaries: { inside: ["store", "net"] },
    actors: { admin: "AT-7 touches store", gang: "AT-9" },
  }),
);
const { threats } = deriveThreats(system, knowledge, { closures: [] });
const nothingMeasured = (asOf: string): RiskGrounds => ({
  source: { kind: "system", name: "vauban.yaml" },
  system,
  knowledge,
  threats,
  trials: [],
  evidence: [],
  asOf,
  seed: "1",
  notMeasured: [],
});

test("what a filter selects stands first, and what the whole system comes to at the end, called the system's", () => {
  const given = nothingMeasured("2026-11-22");
  const view = { colours: createColors(false), columns: 100, method: "intervals", most: 8, whole: false } as const;
  const lines = (part?: string): string[] =>
    riskSummary(
      ask(given, [], ({ actor }) => part === undefined || actor === "admin"),
      { ...view, part },
    ).split("\n");
  const at = (all: readonly string[], word: string): number => all.findIndex((line) => line.includes(word));
  const some = lines("by admin");
  expect(some[0]).toMatch(/^RISKS .*, by admin: [0-9]+ risks/);
  expect(at(some, "the whole system, ")).toBeGreaterThan(at(some, "by admin ->"));
  expect(some[at(some, "the whole system, ") - 1]).toMatch(/^SYSTEM +not only by admin:$/);
  const all = lines();
  expect(at(all, "the whole system, ")).toBeLessThan(at(all, " by admin ->"));
  expect(at(all, "SYSTEM")).toBe(-1);
});

test("what was supposed stands beside what is, marked, for the same risks; the exit code speaks of what is", () => {
  const given = nothingMeasured("2026-11-26");
  // Whoever breaks in at the store alters what the net refuses; whoever would break in at the others is kept out.
  const changes = ["C-92@net", "C-53@net", "C-53@door"].map((text): Change => {
    const [control, at] = text.split("@") as [string, string];
    return { change: "with", control, at };
  });
  const plain = ask(given);
  const document = ask(given, changes);
  expect(document.exit).toBe(plain.exit);
  expect(document.risks.map(({ now }) => now)).toEqual(plain.risks.map(({ now }) => now));
  expect(document.whatIf.map(({ effect }) => effect)).toEqual(["closes", "closes", "closes"]);
  for (const { now, supposed } of document.risks) expect(supposed!.current.high).toBeLessThanOrEqual(now.current.high);
  const closed = document.risks.filter(({ now }) => now.type === "T-01" && now.actor === "gang");
  expect(closed.map(({ now, supposed }) => [now.current.high > 0, supposed!.current.high])).toContainEqual([true, 0]);
  expect(JSON.stringify(plain)).not.toMatch(/what-if:|hypothetical/);
  const refused = readRisk(given, {
    version: "0",
    seed: "1",
    whole: false,
    keep: () => true,
    changes: [{ change: "with", control: "C-53", at: "dor" }],
  });
  expect(refused).toMatchObject({ status: "refused", problems: [{ hint: "did you mean door?" }] });
});

test("a register and a document are two answers, and asking for both is refused in words", async () => {
  const terminal = { ...processTerminal(), out: expect.unreachable };
  const asked = riskCommand(
    { terminal, signal: new AbortController().signal, json: true, quiet: true },
    "examples/fixtures",
    { method: "intervals", register: "csv", json: true },
  );
  await expect(asked).rejects.toThrow("--register csv and --json are two forms of one answer");
});

test("the risk room gives the same figures where there is nothing of Node", () => {
  const changes: Change[] = [{ change: "with", control: "C-92", at: "store" }];
  const given = { system, threats, knowledge, asOf: "2026-11-26" };
  const printed = execFileSync(
    process.execPath,
    ["--no-warnings", "--experimental-vm-modules", resolve("test/support/without-node.ts")],
    { input: JSON.stringify({ ...given, changes }), maxBuffer: 2 ** 28, encoding: "utf8" },
  );
  const asked = whatIf({ ...given, trials: [], evidence: [], changes });
  if (asked.status === "refused") throw new Error(JSON.stringify(asked.problems));
  const now = rate({ ...given, trials: [], evidence: [] });
  const here = {
    risks: now.risks,
    supposed: rate({ ...given, system: asked.system, trials: asked.trials, evidence: asked.evidence }).risks,
    register: now.register,
    goals: readGoals(now.draw(), [now.risks[0]!.id], { seed: "1" }),
    cyber: cyberRegisterOf({ ...given, risks: now.risks, widths: now.widths }),
  };
  expect(JSON.parse(printed)).toEqual(JSON.parse(JSON.stringify(here)));
});
