/** Systems whose files were planted, changed or cannot be read: what an assessment says of them, and what it must never say. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ArtefactsMeasure, Assessment, Evidence, ScanFile } from "#assessment/index.ts";
import { scanFile } from "#artefacts/scan.ts";
import { summed } from "#assess/scan.ts";
import type { Host } from "#base/ports.ts";
import { answeredAlike, recorded, scanPorts, scanPortsFor, withFile } from "#host/unpack.ts";
import { assessment as assessmentSchema } from "#assessment/index.ts";
import { writeNpy, writeZip } from "#formats/writers.testing.ts";
import { htmlReport } from "#reports/html/index.ts";
import { sarifReport } from "#reports/sarif.ts";
import { assessed, assessText } from "./support/assess.ts";
import { bytes, op, pickle } from "./support/pickle.ts";

const temporary = mkdtempSync(join(tmpdir(), "vauban-scan-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const system = readFileSync(resolve("examples/fixtures/vauban.yaml"), "utf8");
const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

const harmful = pickle(op.global("posix", "system"), op.tuple(op.str("id")), "R");
const harmless = pickle(op.str("nothing but a word"));
const unreadable = new Uint8Array(400).map((_, i) => (i * 37) % 251);
const strokes = writeZip([
  { name: "x.npy", content: writeNpy(new Uint8Array(64 * 4), [4, 8, 8]) },
  { name: "y.npy", content: writeNpy(new Uint8Array(4), [4]) },
]);

/** A copy of the fixture in which the model's file is another, from others; nothing of it can be attacked, so it takes no time. */
function planted(
  name: string,
  model: Uint8Array,
  change: (text: string) => string = (text) => text,
  files: Readonly<Record<string, Uint8Array>> = {},
): { folder: string; text: string } {
  const folder = join(temporary, name);
  cpSync(resolve("examples/fixtures"), folder, { recursive: true, filter: (path) => !path.includes(".vauban") });
  writeFileSync(join(folder, "model.bin"), model);
  for (const [path, content] of Object.entries({ "strokes.npz": strokes, ...files })) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const text = change(
    system
      .replace(/artefact: mlp\.onnx/, "artefact: model.bin")
      .replace(/\n {4}sha256: [0-9a-f]{64}/g, "")
      // Nothing can be attacked, and data of operation are scanned but not checked: that would take workers.
      .replace(/\n {4}accuracy: [^\n]*/, "")
      .replace(/\ntests:[^]*?\nharms:/, "\nharms:")
      .replace("datasets: []", "datasets: [strokes]")
      .replace("role: test", "role: operational")
      .replace(/origin: \{ trained-by: provider,/, "origin: { trained-by: third-party,")
      .replace(
        /\n {2}wrong-output:[^]*$/,
        "\n  altered-system:\n    property: { severity: M, because: Somebody else's code runs here. }\n",
      ),
  );
  writeFileSync(join(folder, "vauban.yaml"), text);
  return { folder, text };
}

/** Reads in this process: what isolation costs is paid by the tests of the run, at the end. */
const inProcess = (host: Host): Host => ({
  ...host,
  scanner: {
    revision: "in process",
    async scan(files, _signal, told) {
      for (const [index, { path }] of files.entries()) {
        const file = join(host.files.root, path);
        const { ports, asked } = recorded(scanPortsFor(file, { ...scanPorts, clock: () => 0 }, path));
        told(index, withFile(file, (content) => scanFile(path, content, ports)) as never, asked());
      }
    },
    holds: (path, asked) => answeredAlike(scanPortsFor(join(host.files.root, path), scanPorts, path), asked),
  },
});

/** Each system once: several tests look at the same assessment. */
const assessments = new Map<string, Promise<Assessment>>();
const assess = ({ folder, text }: { folder: string; text: string }): Promise<Assessment> => {
  const known = assessments.get(folder) ?? assessed(text, folder, { state: join(folder, ".state"), hosted: inProcess });
  assessments.set(folder, known);
  return known;
};
const scanAt = ({ body }: Assessment, at: string): Evidence =>
  body.evidence.find(({ trial }) => trial === `scan@${at}`)!;
const measureAt = (assessment: Assessment, at: string): ArtefactsMeasure => {
  const { outcome } = scanAt(assessment, at);
  if (outcome.status !== "measured" || outcome.measure.kind !== "artefacts") throw new Error("no scan");
  return outcome.measure;
};
const execution = ({ body }: Assessment) => body.risks.filter(({ type, at }) => type === "T-11" && at === "sorter");
const findingAt = ({ body }: Assessment, id: string) => body.findings.find((finding) => finding.id === id);

describe("a model file that runs a program when it is loaded", () => {
  const malicious = planted("malicious", harmful);
  test("is confirmed with its bytes, misses the threshold, and the outcome is not met", async () => {
    const assessment = await assess(malicious);
    expect(() => assessmentSchema.parse(JSON.parse(JSON.stringify(assessment)))).not.toThrow();
    expect(measureAt(assessment, "sorter")).toMatchObject({ verdict: "malicious", total: 1 });
    const finding = findingAt(assessment, "F-file:sorter:model.bin")!;
    expect(finding).toMatchObject({ status: "confirmed", severity: "error", type: "T-11" });
    expect(finding.regions![0]).toMatchObject({ path: "model.bin", message: expect.stringContaining("posix.system") });
    expect(finding.regions![0]!.end).toBeGreaterThan(finding.regions![0]!.start);
    expect(findingAt(assessment, "F-artefact-code-execution@sorter")?.status).toBe("confirmed");
    expect(assessment.body.outcome).toMatchObject({
      row: "1a",
      exit: 1,
      because: expect.stringMatching(/^scan@sorter/),
    });
    const security = assessment.body.claims.filter(({ clause }) => clause.startsWith("AIA-15.5"));
    expect(security.map(({ status }) => status)).toContain("contradicted");
    expect(security.map(({ status }) => status)).not.toContain("supported");
  });
  test("raises what loading the file would do for whoever gets there, and says so in the attack graph", async () => {
    const bad = execution(await assess(malicious));
    const good = new Map(execution(await assess(planted("harmless", harmless))).map((risk) => [risk.id, risk]));
    expect(bad.length).toBeGreaterThan(0);
    const open = bad.filter(({ successCurrent }) => successCurrent.low === 1);
    expect(open.length).toBeGreaterThan(0);
    for (const risk of open) {
      expect(risk.successCurrent.basis).toMatchObject({ kind: "measured", k: 1, n: 1, unit: "file" });
      expect(good.get(risk.id)!.current.low).toBeLessThan(risk.current.low);
      expect(good.get(risk.id)!.current.likely).toBeLessThan(risk.current.likely);
    }
    const { attackGraph } = (await assess(malicious)).body;
    expect(JSON.stringify(attackGraph)).toContain('"unit":"file"');
  });
  test("stands in the SARIF log at the line of the system file, with the bytes beside it", async () => {
    const { results } = sarifReport(await assess(malicious)).runs[0]!;
    const result = results!.find(({ properties }) => properties?.finding === "F-file:sorter:model.bin")!;
    expect(result).toMatchObject({ ruleId: "T-11", kind: "fail", level: "error" });
    expect(result.relatedLocations![0]).toMatchObject({
      physicalLocation: {
        artifactLocation: { uri: "model.bin", uriBaseId: "SYSTEM" },
        region: { byteOffset: expect.any(Number), byteLength: expect.any(Number) },
      },
    });
  });
  test("stands in the page with its verdict, its bytes and its hash, and in the matrix as checked, not filled", async () => {
    const assessment = await assess(malicious);
    const page = htmlReport(assessment);
    const section = page.slice(page.indexOf('<section aria-labelledby="files"'));
    const files = section.slice(0, section.indexOf("</section>"));
    for (const shown of ["model.bin", ">malicious<", "posix.system", "bytes ", sha256(harmful), "no hash declared"])
      expect(files).toContain(shown);
    const cell = assessment.body.matrix.find((one) => one.class === "MP" && one.verb === "detect")!;
    expect(cell).toMatchObject({ state: "checked", controls: ["C-75"], evidence: [scanAt(assessment, "sorter").id] });
    expect(cell.tried.join()).toMatch(/1 malicious; of loading only, and no word on backdoors/);
    expect(cell.notTried.join()).toMatch(
      /C-75: that a harmful file of each kind is refused.*no control of these is named: .*C-73/,
    );
    expect(assessment.body.matrix.every(({ notTried }) => notTried.length > 0)).toBe(true);
  });
  test("whatever the declared hash is: the harm is in the file that is there", async () => {
    const tampered = await assess(
      planted("malicious-tampered", harmful, (text) =>
        text.replace("artefact: model.bin", `artefact: model.bin\n    sha256: ${sha256(harmless)}`),
      ),
    );
    expect(findingAt(tampered, "F-integrity:sorter")).toMatchObject({ severity: "error" });
    expect(scanAt(tampered, "sorter").standing.status).toBe("current");
    expect(tampered.body.outcome).toMatchObject({ row: "1a", exit: 1 });
  });
});

describe("a model file that was read whole and calls nothing", () => {
  test("lowers the likely value only, bounds nothing from above, and is no word on backdoors", async () => {
    const clean = await assess(planted("harmless", harmless));
    const unknown = new Map(execution(await assess(planted("unknown", unreadable))).map((risk) => [risk.id, risk]));
    expect(measureAt(clean, "sorter").verdict).toBe("no code path found");
    expect(findingAt(clean, "F-artefact-code-execution@sorter")).toMatchObject({
      status: "resisted",
      detail: expect.stringMatching(/for these bytes, and scanners are bypassed now and then/),
    });
    for (const risk of execution(clean)) {
      expect(risk.successCurrent).toMatchObject({ low: 0, likely: 0.2, high: 1 });
      expect(risk.judgement).not.toBe("missed");
      expect(unknown.get(risk.id)!.current.likely).toBeGreaterThan(risk.current.likely);
    }
    for (const id of ["F-backdoor@sorter", "F-model-poisoning@sorter"]) {
      const finding = findingAt(clean, id)!;
      expect(finding.status).toBe("untested");
      expect(finding.detail).toMatch(/no hash is declared.*which says nothing of what was put into the weights/);
    }
    expect(clean.body.risks.filter(({ type }) => type === "T-09").every(({ untested }) => untested)).toBe(true);
    expect(clean.body.outcome.coverage.find((entry) => entry.class === "MP")?.status).toBe("not-tried");
  });
  test("says nothing while the pretrained part it starts from was not there to be read", async () => {
    const without = await assess(
      planted("pretrained", harmless, (text) => text.replace("trained-by: third-party,", "pretrained: a backbone,")),
    );
    expect(findingAt(without, "F-artefact-code-execution@sorter")).toMatchObject({
      status: "inconclusive",
      detail: expect.stringContaining("not scanned: the pretrained part (a backbone)"),
    });
    expect(execution(without).every(({ untested }) => untested)).toBe(true);
    const named = await assess(
      planted(
        "pretrained-named",
        harmless,
        (text) =>
          text
            .replace("trained-by: third-party,", "pretrained: a backbone,")
            .replace("artefact: model.bin", "artefact: model.bin\n    files: { path: parts, role: pretrained }"),
        { "parts/backbone.bin": harmless, "parts/vocabulary.bin": harmful },
      ),
    );
    expect(measureAt(named, "sorter")).toMatchObject({ verdict: "malicious", total: 3, absent: [] });
    expect(findingAt(named, "F-file:sorter:parts/vocabulary.bin")).toMatchObject({ severity: "error" });
    expect(named.body.outcome.exit).toBe(1);
  });
});

describe("what cannot be read", () => {
  test("is untested, never fine: the format is named, and nothing is concluded", async () => {
    const unknown = await assess(planted("unknown", unreadable));
    expect(measureAt(unknown, "sorter")).toMatchObject({ verdict: "unknown", read: { whole: 0, part: 0, none: 1 } });
    expect(findingAt(unknown, "F-artefact-code-execution@sorter")?.status).toBe("untested");
    expect(findingAt(unknown, "F-unread:sorter")).toMatchObject({ status: "untested", severity: "warning" });
    expect(unknown.body.outcome).toMatchObject({ row: "2", exit: 2 });
    expect(unknown.body.outcome.reasons.join("\n")).toMatch(/scan@sorter: threshold not shown/);
    expect(unknown.body.outcome.notTried.map(({ what }) => what).join("\n")).toMatch(/1 of 1 file of sorter/);
  });
  test("a hash that is not the declared one makes what was read of the file stale", async () => {
    const tampered = await assess(
      planted("tampered", harmless, (text) =>
        text.replace("artefact: model.bin", `artefact: model.bin\n    sha256: ${sha256(harmful)}`),
      ),
    );
    expect(findingAt(tampered, "F-integrity:sorter")).toMatchObject({ status: "confirmed", severity: "error" });
    expect(scanAt(tampered, "sorter").standing.status).toBe("stale");
    expect(execution(tampered).every(({ untested, successCurrent }) => untested && successCurrent.high === 1)).toBe(
      true,
    );
    expect(findingAt(tampered, "F-model-poisoning@sorter")?.detail).toMatch(/not the one declared/);
    expect(tampered.body.outcome.exit).toBe(2);
  });
  test("data that run a program when they are loaded are found where they are used", async () => {
    const data = await assess(planted("data", harmless, (text) => text, { "strokes.npz": harmful }));
    expect(measureAt(data, "strokes").verdict).toBe("malicious");
    expect(execution(data).some(({ successCurrent }) => successCurrent.low === 1)).toBe(true);
    expect(data.body.outcome).toMatchObject({ row: "1a", exit: 1 });
  });
});

describe("the run", () => {
  test("takes up what was read, and reads only what changed", async () => {
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`parts/${i}.bin`, pickle(op.int(i))]));
    const system = planted(
      "again",
      harmless,
      (text) => text.replace("artefact: model.bin", "artefact: model.bin\n    files: parts"),
      many,
    );
    const asked: string[][] = [];
    const counting = (assessment: string) =>
      assessed(system.text, system.folder, {
        state: join(system.folder, assessment),
        hosted: (host) => ({
          ...host,
          scanner: {
            ...host.scanner!,
            scan: (files, ...rest) => {
              asked.push(files.map(({ path }) => path));
              return host.scanner!.scan(files, ...rest);
            },
          },
        }),
      });
    const first = await counting("one");
    const second = await counting("one");
    expect(second.hash).toBe(first.hash);
    expect(second.run.reused).toEqual(expect.arrayContaining(["scan@sorter", "scan@strokes"]));
    writeFileSync(join(system.folder, "parts/7.bin"), harmful);
    const third = await counting("one");
    expect(asked.map((files) => files.length)).toEqual([72, 1]);
    expect(asked[1]).toEqual(["parts/7.bin"]);
    expect(third.body.outcome.exit).toBe(1);
  });
  test("reads a file again when something beside it takes the place of a module that it imports", async () => {
    const numbers = pickle(op.global("numpy", "dtype"), op.tuple(op.str("f4")), "R");
    const system = planted("shadowed", numbers);
    const once = () =>
      assessed(system.text, system.folder, { state: join(system.folder, ".state"), hosted: inProcess });
    expect(measureAt(await once(), "sorter").verdict).toBe("no code path found");
    expect((await once()).run.reused).toContain("scan@sorter");
    writeFileSync(join(system.folder, "numpy.py"), "import os");
    const after = await once();
    expect(after.run.reused).not.toContain("scan@sorter");
    expect(measureAt(after, "sorter").verdict).toBe("unknown");
  });
  test("cancelled between two files, keeps the first and goes on with the second", async () => {
    const system = planted("cancelled", harmless);
    const state = join(system.folder, ".state");
    const controller = new AbortController();
    const stopped = await assessText(system.text, system.folder, {
      state,
      signal: controller.signal,
      hosted: (host) => ({
        ...host,
        scanner: {
          ...host.scanner!,
          scan: async (files, signal, told) => {
            await host.scanner!.scan(files.slice(0, 1), signal, told);
            controller.abort();
          },
        },
      }),
    });
    if ("diagnostics" in stopped) throw new Error("refused");
    expect(stopped.cancelled).toBe(true);
    expect(stopped.assessment.body.partial?.untested).toContain("scan@strokes");
    expect(scanAt(stopped.assessment, "strokes").outcome).toEqual({
      status: "inconclusive",
      because: "untested: cancelled",
    });
    expect((await assessed(system.text, system.folder, { state })).run.reused).toContain("scan@sorter");
  });
  test("a file that changes while it is read is inconclusive, and nothing of it is kept", async () => {
    const system = planted("moving", harmless);
    const { body } = await assessed(system.text, system.folder, {
      hosted: (host) => ({
        ...host,
        scanner: {
          ...host.scanner!,
          scan: (files, ...rest) => {
            writeFileSync(join(system.folder, "model.bin"), harmful);
            return host.scanner!.scan(files, ...rest);
          },
        },
      }),
    });
    expect(body.evidence.find(({ trial }) => trial === "scan@sorter")?.outcome).toMatchObject({
      status: "inconclusive",
      because: expect.stringContaining("model.bin changed while it was being read"),
    });
  });
  test("a report is summed with its gravest finding first and the way to the member it lies in", () => {
    const finding = (severity: "malicious" | "unknown" | "note", start: number) =>
      ({ rule: severity, severity, confidence: "high", start, end: start + 1, message: severity }) as const;
    const leaf = (path: string, verdict: ScanFile["verdict"], findings: ScanFile["findings"]): ScanFile => ({
      path,
      sha256: sha256(bytes(path)),
      verdict,
      read: "whole",
      findings,
      members: [],
    });
    const inner = { ...leaf("b", "malicious", [finding("malicious", 9)]) };
    const file = {
      ...leaf("a.zip", "malicious", [finding("unknown", 3), finding("note", 1)]),
      members: [{ ...leaf("m", "malicious", []), members: [inner] }],
    };
    expect(summed(file, 20)).toMatchObject({
      members: 2,
      more: 0,
      findings: [
        { rule: "malicious", start: 9, member: "m!b" },
        { rule: "unknown", start: 3 },
      ],
    });
  });
});
