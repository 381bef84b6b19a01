/** docs/system-file.md says what the reader does: its tables are made from the schema, and its example is read. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadKnowledge } from "#knowledge/index.ts";
import { isError } from "#base/diagnostics.ts";
import { knownFrom, readSystem } from "./read.ts";
import { systemFileReference } from "./reference.ts";
import { sortFound } from "./found.ts";
import { starter, STARTER_KINDS } from "./starter.ts";

const PAGE = fileURLToPath(new URL("../../docs/system-file.md", import.meta.url));
const MARK =
  "<!-- from here on made by src/system/reference.ts; VAUBAN_WRITE_DOCS=1 npx vitest run src/system/reference.test.ts writes it -->\n";

describe("docs/system-file.md", () => {
  const page = readFileSync(PAGE, "utf8");
  const [written] = page.split(MARK);

  it("holds the tables made from the schema and the codes", () => {
    const made = `${written}${MARK}\n${systemFileReference()}\n`;
    if (process.env["VAUBAN_WRITE_DOCS"]) writeFileSync(PAGE, made);
    else expect(page, "docs/system-file.md is stale; its marker line says how to write it").toBe(made);
  });

  it("shows an example that is read without an error, with all ids known", () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(written!)![1]!;
    const { system, diagnostics } = readSystem(example, "vauban.yaml", knownFrom(loadKnowledge()));
    expect(diagnostics.filter(isError)).toEqual([]);
    expect(system!.tests).not.toEqual([]);
  });
});

describe("with the knowledge of this version", () => {
  it.each(STARTER_KINDS)("the %s starter names only profiles, sectors and controls that exist", (kind) => {
    const text = starter(kind, sortFound([{ path: "m.onnx", size: 1 }]));
    expect(readSystem(text, "vauban.yaml", knownFrom(loadKnowledge())).diagnostics.filter(isError)).toEqual([]);
    for (const { id } of loadKnowledge().sectors)
      expect(
        readSystem(starter(kind, sortFound([]), { sector: id }), "f", knownFrom(loadKnowledge())).system!.sector,
      ).toBe(id);
  });
});
