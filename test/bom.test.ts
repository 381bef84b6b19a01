/** `vauban bom` as a person or a script meets it. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bomCheckCommand, bomCommand, bomDiffCommand, type BomFlags } from "#cli/commands/bom.ts";
import { bomCheckDocument, bomDiffDocument, bomDocument } from "#cli/documents.ts";
import { ran } from "./support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "vauban-bom-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
cpSync(resolve("examples/fixtures"), at("system"), {
  recursive: true,
  filter: (path) => !path.includes(".vauban"),
});
writeFileSync(join(at("system"), "requirements.txt"), "onnxruntime==1.20.0\n");
const bom = (flags: Partial<BomFlags> = {}, json = false) =>
  ran((invocation) => bomCommand(invocation, at("system"), { spec: "1.6", ...flags }), { json });

describe("vauban bom", () => {
  it("writes the same document twice, finds the lock file beside the system file, and says what is missing", async () => {
    const one = await bom({ out: at("one.cdx.json") });
    expect(one).toMatchObject({ code: 0, err: "" });
    expect(one.out).toContain("1 model, 1 dataset, 1 library");
    expect(one.out).toContain("requirements.txt: onnxruntime: nothing holds it to a hash");
    const two = await bom();
    expect(two.out).toBe(readFileSync(at("one.cdx.json"), "utf8"));
    const complete = await bom({ complete: true }, true);
    expect(complete.code).toBe(1);
    expect(bomDocument.parse(JSON.parse(complete.out)).bom).toEqual(JSON.parse(two.out));
    expect(await ran((invocation) => bomCheckCommand(invocation, at("one.cdx.json")))).toMatchObject({
      code: 0,
      out: expect.stringContaining("is a valid CycloneDX 1.6 document"),
    });
  });

  it("ends with 1 where a file is not what is declared; the difference names the hash", async () => {
    const system = join(at("system"), "vauban.yaml");
    const text = readFileSync(system, "utf8");
    const declared = /sha256: ([0-9a-f]{64})/.exec(text)![1]!;
    await bom({ out: at("before.cdx.json") });
    writeFileSync(system, text.replace(declared, "e".repeat(64)));
    const changed = await bom({}, true);
    writeFileSync(system, text);
    expect(changed.code).toBe(1);
    expect(bomDocument.parse(JSON.parse(changed.out)).changed).toEqual([
      { at: "components.sorter", path: "mlp.onnx", declared: "e".repeat(64), found: declared },
    ]);

    const before = readFileSync(at("before.cdx.json"), "utf8");
    writeFileSync(at("after.cdx.json"), before.replace(declared, "f".repeat(64)));
    const diff = (after: string) =>
      ran((invocation) => bomDiffCommand(invocation, at("before.cdx.json"), at(after), { exitCode: true }), {
        json: true,
      });
    const other = await diff("after.cdx.json");
    expect(other.code).toBe(1);
    expect(bomDiffDocument.parse(JSON.parse(other.out)).differences).toMatchObject([
      { change: "changed", kind: "component", field: "hashes" },
    ]);
    expect((await diff("before.cdx.json")).code).toBe(0);
  });

  it("shows of a long list only what is in one of the two, and names a file that is not there", async () => {
    const document = (over: string, version: string): string =>
      JSON.stringify({
        bomFormat: "CycloneDX",
        specVersion: "1.6",
        components: [{ type: "library", name: "left", version, hashes: [{ alg: "SHA-256", content: "a".repeat(64) }] }],
        services: [
          {
            name: "store",
            data: [
              ...Array.from({ length: 9 }, (_, n) => ({ flow: "inbound", classification: "none", name: `same ${n}` })),
              { flow: "inbound", classification: "none", name: "pictures", description: `a to b; over ${over}` },
            ],
          },
        ],
      });
    writeFileSync(at("one.json"), document("TLS", "1"));
    writeFileSync(at("two.json"), document("FTP", "2"));
    const { out } = await ran((invocation) => bomDiffCommand(invocation, at("one.json"), at("two.json"), {}));
    expect(out.split("\n")).toEqual([
      "~ component library left: version",
      "    - 1",
      "    + 2",
      "~ service service store: data",
      "    - description a to b; over TLS",
      "    + description a to b; over FTP",
      "0 added, 0 removed, 2 changed",
      "",
    ]);
    // A long value is cut where the two are still the same, not where they part.
    writeFileSync(at("one.json"), document(`${"a long way ".repeat(60)}TLS`, "1"));
    writeFileSync(at("two.json"), document(`${"a long way ".repeat(60)}FTP`, "1"));
    const long = await ran((invocation) => bomDiffCommand(invocation, at("one.json"), at("two.json"), {}));
    expect(long.out).toMatch(
      /- description a to b; .* … .*a long way TLS\n.*\+ description a to b; .* … .*a long way FTP\n/,
    );
    await expect(
      ran((invocation) => bomDiffCommand(invocation, at("one.json"), at("gone.json"), {})),
    ).rejects.toMatchObject({
      message: expect.stringContaining("gone.json is no file"),
      remedy: expect.stringContaining("CycloneDX document"),
    });
  });

  it("lists every place of a document that is not valid, and refuses what cannot be read, with a remedy", async () => {
    writeFileSync(at("bad.json"), '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{},{"type":"x"}]}');
    const bad = await ran((invocation) => bomCheckCommand(invocation, at("bad.json")), { json: true });
    expect(bad.code).toBe(1);
    expect(bomCheckDocument.parse(JSON.parse(bad.out)).complaints.map((one) => one.at)).toContain("/components/1/type");
    const [places, shown] = [120, 100];
    writeFileSync(
      at("long.json"),
      JSON.stringify({
        bomFormat: "CycloneDX",
        specVersion: "1.6",
        dependencies: Array.from({ length: places }, (_, n) => ({ ref: `gone-${n}` })),
      }),
    );
    const long = await ran((invocation) => bomCheckCommand(invocation, at("long.json")));
    expect(long.out).toContain(`in ${places} places:`);
    expect(long.out.split("\n").filter((line) => line.startsWith("  /"))).toHaveLength(shown);
    expect(long.out).toContain(`  and ${places - shown} more; --json lists them`);
    const all = await ran((invocation) => bomCheckCommand(invocation, at("long.json")), { json: true });
    expect(bomCheckDocument.parse(JSON.parse(all.out)).complaints).toHaveLength(places);
    writeFileSync(at("broken.json"), '{"bomFormat":');
    await expect(ran((invocation) => bomCheckCommand(invocation, at("broken.json")))).rejects.toThrow("not JSON");
    await expect(ran((invocation) => bomDiffCommand(invocation, at("bad.json"), at("bad.json"), {}))).rejects.toThrow(
      "not valid CycloneDX: /components",
    );
    await expect(bom({ vex: true })).rejects.toThrow("no assessment is named");
    await expect(bom({ lock: [join(at("system"), "vauban.yaml")] })).rejects.toThrow("no lock file of npm");
  });

  it("has its subcommands behind the door, with one document for a script", () => {
    writeFileSync(at("small.json"), '{"bomFormat":"CycloneDX","specVersion":"1.7"}');
    const { status, stdout } = spawnSync(
      process.execPath,
      ["--no-warnings", resolve("bin/vauban.cjs"), "bom", "diff", "small.json", "small.json", "--json", "--exit-code"],
      { cwd: folder, encoding: "utf8", env: { ...process.env, NO_COLOR: "1", CI: "1" } },
    );
    expect([status, bomDiffDocument.parse(JSON.parse(stdout)).differences]).toEqual([0, []]);
  });
});
