/** `vauban data` as a person or a script meets it: what it prints, its one document, its exit codes, its words for wrong input. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { createColors } from "picocolors";
import { afterAll, expect, test } from "vitest";
import { dataDocument, type DataDocument } from "#assessment/index.ts";
import { hashOf } from "#base/hash.ts";
import { rng } from "#base/random.ts";
import { writeNpy } from "#formats/writers.testing.ts";
import { checks } from "#datasets/integrity/checks/index.gen.ts";
import { loadKnowledge } from "#knowledge/index.ts";
import { table } from "#datasets/integrity/checks.testing.ts";
import { dataCommand, dataExit } from "#cli/commands/data.ts";
import { jsonSchemaOf } from "#cli/documents.ts";
import type { DataFlags } from "#cli/main.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-data-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Through the launcher, as a shell does it. */
function launched(...args: string[]): Promise<Ran> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, ["--no-warnings", resolve("bin/vauban.cjs"), ...args], {
      cwd: temporary,
      env: { ...process.env, NO_COLOR: "1", CI: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.on("close", (code) => settle({ code, out, err }));
  });
}

const at = (name: string): string => join(temporary, name);

/** The command itself, without a process around it. Throws what the door would explain. */
async function vauban(path: string, flags: Partial<DataFlags> = {}, json = false): Promise<Ran> {
  let [out, err] = ["", ""];
  const colours = createColors(false);
  const code = await dataCommand(
    {
      terminal: {
        out: (text) => (out += text),
        err: (text) => (err += text),
        colours,
        errColours: colours,
        columns: 100,
        live: false,
      },
      signal: new AbortController().signal,
      json,
      quiet: true,
    },
    path,
    { planted: 10, seed: "1", ...flags },
  );
  return { code, out, err };
}

const [clean, train] = [table(120, 31), table(160, 32)];
writeFileSync(join(temporary, "x.npy"), writeNpy(Float64Array.from(clean.x), [120, 6]));
writeFileSync(join(temporary, "y.npy"), writeNpy(Int32Array.from(clean.y!), [120]));
const leaked = Float64Array.from(train.x);
leaked.set(clean.x.subarray(0, 18), 0);
mkdirSync(join(temporary, "train"));
writeFileSync(join(temporary, "train", "x.npy"), writeNpy(leaked, [160, 6]));
writeFileSync(join(temporary, "train", "y.npy"), writeNpy(Int32Array.from(train.y!), [160]));

test("leaked rows end with 1, are named in words, and stand in one document that its own schema accepts", async () => {
  const told = await launched(
    "data",
    "x.npy",
    "--train",
    "train",
    "--only",
    "leakage,duplicates",
    "--planted",
    "10",
    "--quiet",
  );
  expect(told.code).toBe(1);
  expect(told.out).toContain("fault  3 test samples are in the training data");
  expect(told.out).toContain("#0 ~ train #0");
  expect(told.out).toMatch(/planted: saw 10 of 10 \[0\.692, 1\.000\] – a training sample, put into the test set/);
  expect(told.out).toContain("Nothing found is no proof of clean data");
  const json = await vauban(at("x.npy"), { train: at("train"), only: ["leakage", "duplicates"] }, true);
  expect(json.code).toBe(1);
  const document = dataDocument.parse(JSON.parse(json.out));
  const schema = jsonSchemaOf("data", "", dataDocument);
  expect(new Ajv2020({ strict: false, validateFormats: false }).validate(schema, JSON.parse(json.out))).toBe(true);
  const { hash, run: _, ...body } = document;
  expect(hashOf(body)).toBe(hash);
  expect(document.command).toBe(
    `vauban data ${at("x.npy")} --train ${at("train")} --only leakage,duplicates --planted 10 --seed 1`,
  );
  expect(document.summary).toMatchObject({ fault: 1, notAsked: [] });
});

test("clean data end with 0 and say what was planted; where nothing was asked the end is 2", async () => {
  const fine = await vauban(at("x.npy"), { only: ["duplicates", "schema", "ranges"] });
  expect(fine.code).toBe(0);
  expect(fine.out).toContain("nothing found   Duplicates and near duplicates");
  expect(fine.err).toBe("");
  const nothing = await vauban(at("x.npy"), { only: ["leakage"] });
  expect(nothing.code).toBe(2);
  expect(nothing.out).toContain("NOT ASKED       leakage: no training data were given (--train)");
});

test("a csv with categories is checked as it is", async () => {
  const random = rng("csv");
  const rows = Array.from(
    { length: 80 },
    (_, i) => `${i % 9 === 4 ? "" : random.normal()},${["a", "b", "c"][random.below(3)]},${random.below(2)}`,
  );
  writeFileSync(join(temporary, "t.csv"), `dose,kind,label\n${rows.join("\n")}\n`);
  const { code, out } = await vauban(at("t.csv"), { only: ["schema"] });
  expect(code).toBe(2);
  expect(out).toContain('doubt  9 values are missing or no number, most of them in "dose"');
});

test("the declared origin comes from the system file", async () => {
  const system = resolve("examples/chest-xray");
  const { code, out } = await vauban(join(system, "data", "test.npz"), { system, only: ["provenance"] });
  expect(out).toContain("no supplier is declared");
  expect(out).not.toContain("hash differs");
  expect(code).toBe(2);
  await expect(vauban(at("x.npy"), { system })).rejects.toMatchObject({
    message: expect.stringMatching(/names no data set that lies at .*x\.npy/),
    remedy: expect.stringContaining("it names data/test.npz"),
  });
});

test.each([
  ["none.npy", {}, /there is no such file or folder/],
  ["x.npy", { only: ["leakege"] }, /there is no such check/],
  ["x.npy", { range: "5" }, /--range 5 is not a range/],
  ["x.npy", { train: "t.csv" }, /holds samples of shape \(2\), the data \(6\)/],
] as const)("wrong input is refused with its place and a remedy: %s %j", async (path, flags, words) => {
  const named = "train" in flags ? { train: at(flags.train) } : flags;
  await expect(vauban(at(path), named as Partial<DataFlags>)).rejects.toMatchObject({
    name: "HostError",
    message: expect.stringMatching(words),
    remedy: expect.stringMatching(/./),
  });
});

test("a number that is none ends with 2 before anything is opened", async () => {
  const { code, out, err } = await launched("data", "x.npy", "--planted", "-3");
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain("not a whole number of at least 0");
});

test("what checks bear on is in the catalogue", () => {
  const knowledge = loadKnowledge();
  const ids = (entries: readonly { readonly id: string }[]): Set<string> => new Set(entries.map(({ id }) => id));
  const [threats, controls, clauses] = [ids(knowledge.threats), ids(knowledge.controls), ids(knowledge.clauses)];
  for (const { id, bearsOn } of Object.values(checks)) {
    for (const threat of bearsOn.threats) expect(threats.has(threat), `${id} ${threat}`).toBe(true);
    for (const control of bearsOn.controls) expect(controls.has(control), `${id} ${control}`).toBe(true);
    for (const clause of bearsOn.clauses) expect(clauses.has(clause), `${id} ${clause}`).toBe(true);
    expect(bearsOn.clauses.length, id).toBeGreaterThan(0);
  }
});

test("exit codes: faults 1, doubts 2 unless --fail-on says where failing begins", () => {
  const check = { outcome: "found" } as DataDocument["checks"][0];
  const of = (fault: number, doubt: number, cannotTell: string[] = []): Pick<DataDocument, "checks" | "summary"> => ({
    checks: [check],
    summary: { fault, doubt, note: 0, cannotTell, notAsked: [], doesNotApply: [] },
  });
  expect([of(1, 0), of(0, 1), of(0, 0, ["x"]), of(0, 0)].map((one) => dataExit(one, undefined))).toEqual([1, 2, 2, 0]);
  expect([of(1, 0), of(0, 1), of(0, 0, ["x"]), of(0, 0)].map((one) => dataExit(one, "fault"))).toEqual([1, 0, 0, 0]);
  expect([of(1, 0), of(0, 1), of(0, 0, ["x"]), of(0, 0)].map((one) => dataExit(one, "doubt"))).toEqual([1, 1, 0, 0]);
  expect([of(1, 0), of(0, 1), of(0, 0, ["x"]), of(0, 0)].map((one) => dataExit(one, "cannot-tell"))).toEqual([
    1, 1, 1, 0,
  ]);
});
