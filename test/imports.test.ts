/** Threat models as other tools ship them come over without a loss that is not listed; and the command around the importer. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { importDocument } from "#cli/documents.ts";
import { importModel } from "#imports/models/index.ts";
import { broken } from "./support/imported.ts";
import { sharedData } from "./support/npy.ts";
import { THREAT_MODEL_SAMPLES } from "./support/threat-model-samples.ts";

const samples = join(sharedData, "threat-models");

describe("samples of Threagile, OTM and Threat Dragon", () => {
  for (const [name, format, component] of THREAT_MODEL_SAMPLES)
    it(`${name} comes over, and what does not is listed`, (context) => {
      if (!existsSync(samples)) context.skip("no threat models: set VAUBAN_TEST_DATA to the folder that holds them");
      const text = readFileSync(join(samples, name), "utf8");
      const { model, diagnostics } = importModel(text, name);
      expect(diagnostics).toEqual([]);
      expect(model!.format).toBe(format);
      // JSON is read by another parser here; YAML by ours, whose leniency for quoted lines the last run of the file has shown.
      const source: unknown = name.endsWith(".json")
        ? JSON.parse(text)
        : parse(text.replace(/^ {8}\}'$/m, "         }'"));
      expect(broken(source, model!)).toEqual([]);
      expect(Object.keys((parse(model!.text) as { components: object }).components)).toContain(component);
    });
});

describe("vauban import", () => {
  const folder = mkdtempSync(join(tmpdir(), "vauban-import-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const vauban = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--no-warnings", resolve("bin/vauban.cjs"), ...args],
      {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, NO_COLOR: "1", CI: "1" },
      },
    );
    return { status, stdout, stderr };
  };

  it("writes the file, and says what did not come over and what only its author can answer", () => {
    writeFileSync(
      join(folder, "gate.otm"),
      "otmVersion: 0.2.0\nproject: { id: p, name: Gate, owner: us }\ncomponents: [{ id: cam, name: Camera, type: camera }, { id: net, name: Reader, type: box }]\ndataflows: [{ id: f, name: Pictures, source: cam, destination: net }]\n",
    );
    const made = vauban("import", "gate.otm", "--model", "Reader", "-o", "system.yaml", "--all");
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(made.stdout).toContain("line 2  /project/owner  owners are not a thing a system file says");
    expect(made.stdout).toContain("components.net.level: symbolic, traditional, deep or large-scale? [deep]");
  });

  it("gives one document with --json, and a diagnostic with place and remedy for what it cannot read", () => {
    writeFileSync(join(folder, "other.json"), '{"diagrams": []}');
    const refused = vauban("import", "other.json", "--json");
    expect(refused.status).toBe(2);
    const made = importDocument.parse(JSON.parse(vauban("import", "gate.otm", "--json").stdout));
    expect(made).toMatchObject({ ok: true, source: { format: "otm" }, losses: expect.arrayContaining([]) });
    expect([made.text, made.carried!.length > 0]).toEqual([expect.stringContaining("vauban: 1"), true]);
    expect(importDocument.parse(JSON.parse(refused.stdout))).toMatchObject({
      format: "vauban/import/1",
      ok: false,
      diagnostics: [{ code: "E802", span: { file: "other.json", line: 1 } }],
    });
  });
});
