/** `vauban bom` as a person or a script meets it. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bomCheckDocument, bomDiffDocument, bomDocument } from "#cli/documents.ts";

const folder = mkdtempSync(join(tmpdir(), "vauban-bom-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
cpSync(resolve("examples/fixtures"), join(folder, "system"), {
  recursive: true,
  filter: (path) => !path.includes(".vauban"),
});
const vauban = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--no-warnings", resolve("bin/vauban.cjs"), ...args],
    { cwd: folder, encoding: "utf8", env: { ...process.env, NO_COLOR: "1", CI: "1" } },
  );
  return { status, stdout, stderr };
};

describe("vauban bom", () => {
  it("writes the same document twice, finds the lock file beside the system file, and says what is missing", () => {
    writeFileSync(join(folder, "system", "requirements.txt"), "onnxruntime==1.20.0\n");
    const one = vauban("bom", "system", "-o", "one.cdx.json");
    expect(one).toMatchObject({ status: 0, stderr: "" });
    expect(one.stdout).toContain("1 models, 1 datasets, 1 libraries");
    expect(one.stdout).toContain("requirements.txt: onnxruntime: nothing holds it to a hash");
    const two = vauban("bom", "system");
    expect(two.stdout).toBe(readFileSync(join(folder, "one.cdx.json"), "utf8"));
    expect(vauban("bom", "system", "--complete", "--json").status).toBe(1);
    expect(vauban("bom", "check", "one.cdx.json")).toMatchObject({
      status: 0,
      stdout: "one.cdx.json is a valid CycloneDX 1.6 document\n",
    });
  });

  it("ends with 1 where a file is not what is declared; the difference names the hash", () => {
    const system = join(folder, "system", "vauban.yaml");
    const text = readFileSync(system, "utf8");
    const declared = /sha256: ([0-9a-f]{64})/.exec(text)![1]!;
    writeFileSync(system, text.replace(declared, "e".repeat(64)));
    const changed = vauban("bom", "system", "--json");
    expect(changed.status).toBe(1);
    const document = bomDocument.parse(JSON.parse(changed.stdout));
    expect(document.changed).toMatchObject([
      { at: "components.sorter", path: "mlp.onnx", declared: "e".repeat(64), found: declared },
    ]);

    const before = readFileSync(join(folder, "one.cdx.json"), "utf8");
    writeFileSync(join(folder, "two.cdx.json"), before.replace(declared, "f".repeat(64)));
    const diff = vauban("bom", "diff", "one.cdx.json", "two.cdx.json", "--exit-code", "--json");
    expect(diff.status).toBe(1);
    expect(bomDiffDocument.parse(JSON.parse(diff.stdout)).differences).toMatchObject([
      { change: "changed", kind: "component", field: "hashes" },
    ]);
  });

  it("lists every place of a document that is not valid, and refuses what cannot be read, with a remedy", () => {
    writeFileSync(
      join(folder, "bad.json"),
      '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{},{"type":"x"}]}',
    );
    const bad = vauban("bom", "check", "bad.json", "--json");
    expect(bad.status).toBe(1);
    expect(bomCheckDocument.parse(JSON.parse(bad.stdout)).complaints.map(({ at }) => at)).toContain(
      "/components/1/type",
    );
    writeFileSync(join(folder, "broken.json"), '{"bomFormat":');
    for (const args of [
      ["bom", "check", "broken.json"],
      ["bom", "diff", "bad.json", "one.cdx.json"],
      ["bom", "system", "--vex"],
      ["bom", "system", "--lock", "system/vauban.yaml"],
    ]) {
      const { status, stdout, stderr } = vauban(...args);
      expect([args, status, stdout], stderr).toEqual([args, 2, ""]);
      expect(stderr).toContain("remedy:");
      expect(stderr).not.toContain("mistake of ours");
    }
  });
});
