/** The pipeline on whole systems: the shipped examples, the flips of METHOD §10, and what a user can get wrong. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assessment as assessmentSchema, SYSTEM_OUTCOMES, type Assessment } from "#assessment/index.ts";
import { hashOf } from "#base/hash.ts";
import { assessed, assessText } from "./support/assess.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-assess-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Worst first: what METHOD §10 means by "worsens". */
const rank = ({ body }: Assessment): number => SYSTEM_OUTCOMES.indexOf(body.outcome.outcome);

function replaced(text: string, what: string | RegExp, by: string): string {
  const changed = text.replace(what, by);
  if (changed === text) throw new Error(`the example no longer holds ${what}`);
  return changed;
}

test("the flood gate ends in not feasible: demands, how far each measured control gets with its source, edition, exits, what is not proven yet", async () => {
  const folder = resolve("examples/flood-gate");
  const { body } = await assessed(readFileSync(join(folder, "vauban.yaml"), "utf8"), folder, {
    state: join(temporary, "gate"),
    samples: 60,
    asOf: "2026-11-26",
  });
  expect(body.outcome).toMatchObject({ outcome: "not feasible with mature measures", row: "1b", exit: 1 });
  const { beyond, conflict, edition, exits } = body.plan!.notFeasible!;
  expect(beyond).toEqual(expect.arrayContaining(["sticker", "physical-evasion@gauge by passer-by -> safety"]));
  expect(conflict.demands).toEqual(["sticker: success rate <= 0.05"]);
  const measured = conflict.limits.filter(({ kind }) => kind === "measured");
  expect(measured.map(({ control }) => control)).toEqual(["C-63", "C-64"]);
  for (const { why } of measured)
    expect(why).toMatch(/55 of 266 .* at least 0\.16 still do; source: evidence\/c-6[34]\.json/);
  expect(conflict.limits.find(({ control }) => control === "C-92")).toMatchObject({ kind: "does-not-hold" });
  expect(edition).toBe(body.knowledge.edition);
  expect(exits).toHaveLength(4);
  const left = body.plan!.left.find(({ type }) => type === "T-02")!;
  expect(left.alternatives.map(({ control, layer, maturity }) => [control, layer, maturity])).toContainEqual([
    "C-62",
    "system",
    "emerging",
  ]);
  // What nobody measured may reach anything: without either measurement it is only not met.
  expect(body.outcome.carriedBy.map(({ control, without }) => [control, without])).toEqual([
    ["C-64", "not met"],
    ["C-63", "not met"],
  ]);
  // What was measured against stickers says nothing of poisoning, though the same guard may stand against it.
  const prevented = body.matrix.filter(({ verb }) => verb === "prevent").map((cell) => [cell.class, cell.state]);
  expect(prevented).toEqual([
    ["DP", "declared-only"],
    ["MP", "declared-only"],
    ["AE", "filled"],
    ["CA", "empty"],
    ["MF", "empty"],
  ]);
});

describe("the chest X-ray example", () => {
  const folder = resolve("examples/chest-xray");
  const state = join(temporary, "chest");
  const text = readFileSync(join(folder, "vauban.yaml"), "utf8");
  const options = { state, samples: 50, queries: 500 };
  let whole: Assessment;
  beforeAll(async () => {
    whole = await assessed(text, folder, options);
  });

  test("cannot conclude, because only some classes were tried and the console is open", () => {
    expect(whole.body.outcome).toMatchObject({ outcome: "cannot conclude", row: "2", exit: 2, byAnalogy: false });
    expect(
      whole.body.outcome.coverage.filter(({ status }) => status === "not-tried").map((item) => item.class),
    ).toEqual(["DP", "MP", "CA", "MF"]);
  });
  test("shows that evasion works on the model and that C-92 carries the archive path", () => {
    const threshold = whole.body.findings.find(({ id }) => id === "F-threshold:altered-in-the-archive");
    expect(threshold).toMatchObject({ status: "confirmed" });
    expect(whole.body.outcome.carriedBy).toEqual([
      expect.objectContaining({ control: "C-92", at: "pacs", without: "not met" }),
    ]);
  });
  test("leaves the radiographer's console open at [0.00995, 0.0952] per year against 0.01 (METHOD §11.1)", () => {
    const risk = whole.body.risks.find(({ id }) => id === "evasion@cnn by radiographer -> health")!;
    expect(risk.judgement).toBe("open");
    expect(risk.current.low).toBeCloseTo(1 - Math.exp(-0.01), 12);
    expect(risk.current.high).toBeCloseTo(1 - Math.exp(-0.1), 12);
  });
  test("is one document that fits its schema and whose hash is of its body", () => {
    const plain = JSON.parse(JSON.stringify(whole)) as Assessment;
    expect(() => assessmentSchema.parse(plain)).not.toThrow();
    expect(hashOf(plain.body)).toBe(plain.hash);
  });
  test("repeated without fresh measurement takes all from the earlier run and says the same, to the hash", async () => {
    const again = await assessed(text, folder, options);
    expect(again.run.reused).toEqual([
      "altered-in-the-archive",
      "bad-images",
      "clean@cnn",
      "data@test",
      "scan@cnn",
      "scan@test",
    ]);
    expect(again.hash).toBe(whole.hash);
  });
  test("a changed threshold is judged again without measuring again", async () => {
    const eased = await assessed(replaced(text, '">= 0.60"', '">= 0.01"'), folder, options);
    expect(eased.run.reused).toContain("altered-in-the-archive");
    expect(eased.body.findings.find(({ id }) => id === "F-threshold:altered-in-the-archive")?.status).toBe("resisted");
  });

  describe("flips: the outcome worsens or becomes cannot conclude", () => {
    test("taking away C-92's evidence", async () => {
      const without = await assessed(
        replaced(
          text,
          /verified: evidence\/one-flipped-byte\.json, date: [\d-]+/,
          'declared: "the archive signs its images"',
        ),
        folder,
        options,
      );
      expect(without.body.outcome.outcome).toBe("not met");
    });
    test("a denial test whose signature was taken off", async () => {
      const copy = join(temporary, "unsigned");
      cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes(".vauban") });
      const path = join(copy, "evidence/one-flipped-byte.json");
      const { signature: _signature, ...statement } = JSON.parse(readFileSync(path, "utf8"));
      writeFileSync(path, JSON.stringify(statement));
      const unsigned = await assessed(text, copy, options);
      expect(unsigned.body.outcome.outcome).toBe("not met");
    });
    test("all harms called very low and all other classes excluded by words is no way out", async () => {
      const words = ["DP", "MP", "CA", "MF"]
        .map((what) => `  - { what: ${what}, because: no, evidence: trust me }\n`)
        .join("");
      const mild = text.replace(/severity: (VH|H|M|L)\b/g, "severity: VL") + `\nexclusions:\n${words}`;
      const result = await assessText(mild, folder, options);
      if ("diagnostics" in result) throw new Error(JSON.stringify(result.diagnostics));
      expect(result.assessment.body.outcome.exit).not.toBe(0);
      expect(result.assessment.body.outcome.coverage.filter(({ status }) => status === "excluded")).toEqual([]);
      expect(result.assessment.body.outcome.notTried.length).toBeGreaterThan(20);
    });
    test("a denial test past its validity", async () => {
      const late = await assessed(text, folder, { ...options, asOf: "2029-01-01" });
      expect(late.body.evidence.find(({ control }) => control === "C-92")?.standing.status).toBe("stale");
      expect(rank(late)).toBeLessThanOrEqual(rank(whole));
      expect(late.body.outcome.carriedBy).toEqual([]);
      expect(late.body.evidence.filter(({ trial }) => trial).every(({ standing }) => standing.status === "stale")).toBe(
        true,
      );
    });
    test("a way in for removable media, behind the check", async () => {
      const changed = await assessed(
        replaced(text, /^components:\n/m, "components:\n  stick: { kind: external, title: Memory stick with images }\n")
          .replace(/^flows:\n/m, "flows:\n  - { from: stick, to: prep, carries: images }\n")
          .replace(
            "archive-admin:     { profile: AT-7, title: Malicious archive administrator, touches: [pacs] }",
            "archive-admin:     { profile: AT-7, title: Malicious archive administrator, touches: [pacs, stick] }",
          ),
        folder,
        options,
      );
      expect(changed.body.outcome.outcome).toBe("not met");
    });
    test("one byte of the weights", async () => {
      const copy = join(temporary, "one-byte");
      cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes(".vauban") });
      const model = readFileSync(join(copy, "model/cnn.onnx"));
      const at = Math.floor(model.length / 2);
      model[at] = model[at]! ^ 1;
      writeFileSync(join(copy, "model/cnn.onnx"), model);
      const changed = await assessed(text, copy, { ...options, state: join(temporary, "one-byte-state") });
      expect(changed.body.findings.find(({ kind }) => kind === "integrity")).toMatchObject({
        status: "confirmed",
        severity: "error",
        at: "cnn",
      });
      const attacks = changed.body.trials.filter(({ kind }) => kind !== "scan" && kind !== "data").map(({ id }) => id);
      const evidence = changed.body.evidence.filter(({ trial }) => attacks.includes(trial!));
      expect(evidence.map(({ outcome }) => outcome.status)).toEqual(attacks.map(() => "inconclusive"));
      // The file is scanned as it is; what that says is not about the file that was declared.
      const scan = changed.body.evidence.find(({ trial }) => trial === "scan@cnn")!;
      expect(scan.standing).toMatchObject({ status: "stale", because: expect.stringMatching(/^it speaks of another/) });
      expect(rank(changed)).toBeLessThanOrEqual(rank(whole));
      expect(changed.body.outcome.exit).not.toBe(0);
    });
    test("an actor more never lowers a risk, and brings his own", async () => {
      const more = await assessed(
        replaced(
          text,
          /^actors:\n/m,
          "actors:\n  night-shift: { profile: AT-7, title: Night shift, touches: [console] }\n",
        ),
        folder,
        options,
      );
      const before = new Map(whole.body.risks.map((risk) => [risk.id, risk]));
      for (const risk of more.body.risks)
        if (before.has(risk.id)) expect(risk.current.high).toBeGreaterThanOrEqual(before.get(risk.id)!.current.high);
      expect(more.body.risks.some(({ actor }) => actor === "night-shift")).toBe(true);
      expect(rank(more)).toBeLessThanOrEqual(rank(whole));
    });
  });

  test("cancelled on the way it keeps what was measured, and the rest is untested: cancelled", async () => {
    const controller = new AbortController();
    const result = await assessText(text, folder, {
      samples: 50,
      signal: controller.signal,
      tell: (_mark, stage) => stage === "clean" && controller.abort(),
      fresh: true,
    });
    if ("diagnostics" in result) throw new Error("refused");
    expect(result.cancelled).toBe(true);
    const { body } = result.assessment;
    expect(body.partial?.reason).toBe("cancelled by the user");
    expect(body.partial?.untested.length).toBeGreaterThan(0);
    for (const id of body.partial!.untested)
      expect(body.evidence.find(({ trial }) => trial === id)?.outcome).toEqual({
        status: "inconclusive",
        because: "untested: cancelled",
      });
    expect(body.evidence.some(({ trial, outcome }) => trial === "clean@cnn" && outcome.status === "measured")).toBe(
      true,
    );
    expect(body.outcome.exit).not.toBe(0);
  });

  test("what is wrong with a file is said before anything is run", async () => {
    const refused = await assessText(replaced(text, "model/cnn.onnx", "model/absent.onnx"), folder, options);
    expect(
      "diagnostics" in refused &&
        refused.diagnostics.some(({ code, span }) => code.startsWith("E") && (span?.line ?? 0) > 1),
    ).toBe(true);
  });
});
