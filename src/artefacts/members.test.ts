/** Members of archives: what a name means to the systems it may be unpacked on, alike for every kind of archive. */
import { describe, expect, test } from "vitest";
import { writeTar } from "../../test/support/artefacts.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { writeSevenZip } from "#formats/sevenzip.testing.ts";
import { writeZip } from "#formats/writers.testing.ts";
import { placeOfName, problemOfName } from "#formats/member-name.ts";

interface Member {
  readonly name: string;
  readonly content: Uint8Array;
  readonly mode?: number;
}
const utf8 = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));
const ARCHIVES: Readonly<Record<string, (...members: readonly Member[]) => Uint8Array>> = {
  zip: (...members) =>
    writeZip(members.map(({ mode = 0, ...rest }) => ({ ...rest, flags: 0x800, attributes: (mode << 16) >>> 0 }))),
  tar: (...members) =>
    writeTar(members.map(({ name, mode = 0o644, content }) => ({ name: utf8(name), content, mode: mode & 0o7777 }))),
  "7z": (...files) => writeSevenZip({ files, attributes: files.map(({ mode = 0 }) => ((mode << 16) | 0x8000) >>> 0) }),
};
const fine = bytes("nothing\n");
const named = (...names: readonly string[]): readonly Member[] => names.map((name) => ({ name, content: fine }));

describe.each(Object.entries(ARCHIVES))("in a %s", (format, write) => {
  const scan = (members: readonly Member[]) => scanned(write(...members), `model.${format}`);
  test.each([
    ["a.txt", "b/c.d/e f.txt", "./d.txt", "..hidden.txt", "a..b/console.txt", "~a.txt", "nullable.txt", "com10.txt"],
    ["模型：一.txt", "modèle.txt", "نموذج\u200f.txt", "क्\u200dष.txt", "❤\ufe0f.txt", "…a.txt"],
  ])("ordinary names are fine: %s", (...names) =>
    expect(scan(named(...names))).toMatchObject({ verdict: "no code path found", findings: [] }),
  );
  test.each<[string, string, string]>([
    ["\uff0e\uff0e/a.txt", "traversal", "suspicious"],
    ["\u2025/a.txt", "traversal", "suspicious"],
    ["a/\u2024./b.txt", "traversal", "suspicious"],
    ["\uff0fetc/a.txt", "traversal", "suspicious"],
    [".\u200d./a.txt", "traversal", "suspicious"],
    [".. /a.txt", "traversal", "suspicious"],
    ["... /a.txt", "traversal", "suspicious"],
    ["a\u202etxt.exe.txt", "member-disguised", "suspicious"],
    ["\u2067a\u2069.txt", "member-disguised", "suspicious"],
    ["con\u200bfig.txt", "member-disguised", "suspicious"],
    ["a\ufeff.txt", "member-disguised", "suspicious"],
    ["a\u{e0041}.txt", "member-disguised", "suspicious"],
    ["a.txt:b.txt", "member-name", "unknown"],
    ["b/COM1.txt", "member-name", "unknown"],
    ["nul", "member-name", "unknown"],
    ["aux .txt", "member-name", "unknown"],
    ["a. /b.txt", "member-name", "unknown"],
    ["~/a.txt", "member-name", "unknown"],
    ["~root/a.txt", "member-name", "unknown"],
    [`${"a/".repeat(36)}${"b/".repeat(8)}a.txt`, "", "no code path found"],
  ])("%j is told", (name, rule, verdict) => {
    const file = scan(named(name));
    if (rule !== "") expect(rulesOf(file)).toContain(rule === "traversal" ? `${format}-traversal` : rule);
    expect(file.verdict).toBe(verdict);
  });
  test.each([
    [["a.txt", "A.txt"]],
    [["a.txt", "b/../a.txt"]],
    [["a.txt", "a.txt. "]],
    [["a.txt", "ａ.txt"]],
    [["a\u200c.txt", "a.txt"]],
    [["b", "b/a.txt"]],
    [["b/a.txt", "B"]],
  ])("%j come to one place", (names) => {
    const file = scan(named(...names));
    expect(file.verdict).toBe("suspicious");
    if (!names[1]!.includes("..")) expect(rulesOf(file)).toContain(`${format}-duplicate`);
  });
  test("a file that runs with another's rights", () => {
    const file = (mode: number) => rulesOf(scan([{ name: "a.txt", content: fine, mode }]));
    expect(file(0o100_755)).toEqual([]);
    expect(file(0o104_755)).toContain("member-mode");
    expect(file(0o102_755)).toContain("member-mode");
  });
  test("what Python would import from it takes the place of a module", () => {
    const model = pickle(op.call(op.global("numpy", "dtype"), op.str("f4")));
    const numpy = { name: "numpy.py", content: bytes("import os\n") };
    expect(scan([{ name: "m.pkl", content: model }]).verdict).toBe("no code path found");
    expect(scan([{ name: "m.pkl", content: model }, numpy]).verdict).toBe("unknown");
  });
});

describe("a folder with content", () => {
  test.each([
    ["by its name, in a zip", writeZip([{ name: "a/", content: fine }])],
    ["by DOS's attributes, in a zip", writeZip([{ name: "a.txt", content: fine, attributes: 0x10 }])],
    ["by its mode, in a zip", writeZip([{ name: "a.txt", content: fine, attributes: 0x41ed0000 }])],
    ["by its name, in a 7z", writeSevenZip({ files: [{ name: "a.txt/", content: fine }] })],
    [
      "by Windows' attributes, in a 7z",
      writeSevenZip({ files: [{ name: "a.txt", content: fine }], attributes: [0x10] }),
    ],
    ["by its mode, in a 7z", writeSevenZip({ files: [{ name: "a.txt", content: fine }], attributes: [0x41ed8000] })],
    ["by its kind, in a tar", writeTar([{ name: "a.txt", content: fine, type: "5" }])],
  ])("%s is suspicious", (_, file) => {
    const found = scanned(file, "model.zip");
    expect(rulesOf(found)).toContain("member-kind");
    expect(found.verdict).toBe("suspicious");
  });
  test("is none where it has no content, however often it is there", () =>
    expect(
      scanned(
        writeZip([
          { name: "a/", content: new Uint8Array(0), attributes: 0x41ed0010 },
          { name: "a/", content: new Uint8Array(0) },
          { name: "a/b.txt", content: fine },
        ]),
      ).findings,
    ).toEqual([]));
});

test("a file in a folder has a name that people read, too", () => {
  expect(scanned(fine, "a\u202etxt.py.txt").verdict).toBe("suspicious");
  expect(rulesOf(scanned(fine, "b/con\u200bfig.txt"))).toContain("name");
  // It lies there under this name; what another system makes of it is asked where it is unpacked.
  expect(scanned(fine, "run_12:00/a.txt").verdict).toBe("no code path found");
});

test("a name of any length is judged in time that its length allows", () => {
  const began = process.cpuUsage();
  for (const name of [
    `${" ".repeat(60_000)}a`,
    `a${".".repeat(60_000)}b`,
    "a/".repeat(30_000),
    "\u200d".repeat(60_000),
  ]) {
    problemOfName(name);
    placeOfName(name);
  }
  expect(process.cpuUsage(began).user / 1000).toBeLessThan(1000);
  expect(problemOfName(`${"a/".repeat(70)}b`)?.kind).toBe("elsewhere");
});
