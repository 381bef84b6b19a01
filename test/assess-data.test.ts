/** What an assessment says of the data a system is made with: faults found, what the checks would have missed, and what was not looked for. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { assessment as assessmentSchema } from "#assessment/index.ts";
import { rng } from "#base/random.ts";
import { writeNpy, writeZip } from "#formats/writers.testing.ts";
import { htmlReport } from "#reports/html/index.ts";
import { assessed } from "./support/assess.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-data-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** The fixture with other data and nothing to attack. */
function withData(name: string, data: Uint8Array): { folder: string; text: string } {
  const folder = join(temporary, name);
  cpSync(resolve("examples/fixtures"), folder, { recursive: true, filter: (path) => !path.includes(".vauban") });
  writeFileSync(join(folder, "strokes.npz"), data);
  const text = readFileSync(join(folder, "vauban.yaml"), "utf8")
    .replace(/\n {4}sha256: [0-9a-f]{64}/g, "")
    .replace(/\n {4}accuracy: [^\n]*/, "")
    .replace(/\ntests:[^]*?\nharms:/, "\nharms:")
    .replace("datasets: []", "datasets: [strokes]")
    .replace("role: test", "role: training");
  return { folder, text };
}

/** 60 images of noise in five classes, of which the last six are the first six again. */
const repeated = ((): Uint8Array => {
  const random = rng("data");
  const x = new Uint8Array(60 * 64).map(() => Math.floor(256 * random.uniform()));
  x.copyWithin(54 * 64, 0, 6 * 64);
  const y = new Uint8Array(60).map((_, i) => i % 5);
  y.copyWithin(54, 0, 6);
  return writeZip([
    { name: "x.npy", content: writeNpy(x, [60, 1, 8, 8]) },
    { name: "y.npy", content: writeNpy(y, [60]) },
  ]);
})();

test("samples that occur twice are found, beside what the check would have missed; no threat is lowered and no cell filled", async () => {
  const { folder, text } = withData("repeated", repeated);
  const state = join(folder, ".state");
  const assessment = await assessed(text, folder, { state });
  const { body } = assessment;
  expect(() => assessmentSchema.parse(JSON.parse(JSON.stringify(assessment)))).not.toThrow();
  const item = body.evidence.find(({ trial }) => trial === "data@strokes")!;
  expect(item).toMatchObject({ grade: "C", tests: [], standing: { status: "current" } });
  const finding = body.findings.find(({ id }) => id === "F-data:strokes:duplicates")!;
  expect(finding.detail).toMatch(/of faults planted into these data it saw at least \d+ of \d+ of a kind/);
  expect(body.risks.flatMap(({ evidence }) => evidence)).not.toContain(item.id);
  expect(body.outcome.coverage.find((entry) => entry.class === "DP")?.status).toBe("not-tried");
  const cell = body.matrix.find((one) => one.class === "DP" && one.verb === "detect")!;
  expect(cell.state).toBe("checked");
  expect(cell.controls).toEqual(expect.arrayContaining(["C-22"]));
  expect(cell.tried.join()).toMatch(/C-22, checked by this run: strokes\.npz: .*duplicates found/);
  expect(body.outcome.notTried.map(({ what }) => what).join()).toMatch(/integrity checks? of strokes\.npz/);
  const page = htmlReport(assessment);
  const section = page.slice(page.indexOf('<section aria-labelledby="data"'));
  expect(section.slice(0, section.indexOf("</section>"))).toContain("strokes.npz: 60 samples");
  const again = await assessed(text, folder, { state });
  expect(again.run.reused).toContain("data@strokes");
  expect(again.hash).toBe(assessment.hash);
});

test("data that cannot be opened are not checked, and the reason is said", async () => {
  const { folder, text } = withData("broken", repeated.subarray(0, 900));
  const { body } = await assessed(text, folder);
  expect(body.evidence.find(({ trial }) => trial === "data@strokes")).toMatchObject({
    grade: "F",
    outcome: { status: "inconclusive", because: expect.stringMatching(/strokes\.npz/) },
  });
});
