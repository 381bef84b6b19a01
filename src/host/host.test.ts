import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { HostError } from "#base/ports.ts";
import { filesBelow, filesHere } from "./files.ts";
import { everythingIn } from "./folders.ts";
import { folderName } from "./names.ts";
import { folderStore, writeWhole } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "vauban-host-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("files below a root", () => {
  const files = filesBelow(root);
  mkdirSync(join(root, "folder"));
  writeFileSync(join(root, "folder", "abc.txt"), "abc");

  test("hash as FIPS 180-4 says", async () =>
    expect(await (await files.open("folder/abc.txt")).sha256()).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ));
  test("read exactly the bytes asked for", async () =>
    expect(new TextDecoder().decode(await (await files.open("folder/abc.txt")).read(1, 2))).toBe("bc"));
  test("refuse bytes that are not there, naming where the file ends", async () =>
    await expect((await files.open("folder/abc.txt")).read(1, 5)).rejects.toThrow(/ends at byte 3/));
  test("an absent file is an answer, not an exception, to stat", async () =>
    expect(await files.stat("nowhere")).toBeUndefined());
  test("an absent file is refused with a remedy by open", async () =>
    await expect(files.open("nowhere")).rejects.toMatchObject({
      name: "HostError",
      remedy: expect.stringContaining("relative to the system file"),
    }));
  test("what a person names is relative to where they stand, and an absolute path to nothing", async () => {
    const remedies = [filesHere().open("nowhere"), filesHere().open(join(root, "nowhere"))].map((opened) =>
      opened.then(
        () => "opened",
        ({ remedy }: HostError) => remedy,
      ),
    );
    expect(await Promise.all(remedies)).toEqual([
      "check the spelling; paths are relative to the current folder",
      "check the spelling",
    ]);
  });
  test("a folder for a file is refused by name", async () =>
    await expect(files.open("folder")).rejects.toThrow("folder is a folder, not a file"));
  test("a file above the limit is refused before it is read", async () =>
    await expect(files.readWhole("folder/abc.txt", 2)).rejects.toThrow(/3 bytes, more than the 2/));
  test("are listed in order, below the root, with forward slashes", async () =>
    expect((await files.list(".", { recursive: true })).map(({ path }) => path)).toEqual(["folder", "folder/abc.txt"]));
});

describe.skipIf(process.platform !== "linux")("a name that is no UTF-8", () => {
  const named = mkdtempSync(join(tmpdir(), "vauban-names-"));
  afterAll(() => rmSync(named, { recursive: true, force: true }));
  const folder = join(named, "names");
  mkdirSync(folder);
  // What a reader of text makes of the other name.
  writeFileSync(join(folder, "\ufffd.py"), "signed");
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff]), Buffer.from(".py")]), "added");
  test("is listed by its bytes, as what cannot be opened", async () =>
    expect((await filesBelow(named).list("names")).map(({ path, kind }) => [path, kind])).toEqual([
      ["names/\\xff.py", "other"],
      ["names/\ufffd.py", "file"],
    ]));
  test("is refused where a folder is signed or verified", async () =>
    await expect(everythingIn(folder)).rejects.toThrow(/no UTF-8/));
  test("is told by its own bytes, whatever they are (against the platform's strict decoder)", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    for (const bytes of [
      [0xc3, 0xa9],
      [0xc3],
      [0xed, 0xa0, 0x80],
      [0xef, 0xbb, 0xbf, 0x61],
      [0xc0, 0xaf],
      [0x61],
      [0xf4, 0x90, 0x80, 0x80],
    ]) {
      let text = true;
      try {
        strict.decode(Uint8Array.from(bytes));
      } catch {
        text = false;
      }
      expect([bytes, folderName(Buffer.from(bytes)).text]).toEqual([bytes, text]);
    }
  });
});

describe("whole writes", () => {
  test("replace the old file at once and leave nothing beside it", async () => {
    await writeWhole(join(root, "out", "a.json"), "1");
    await writeWhole(join(root, "out", "a.json"), "2");
    expect(readFileSync(join(root, "out", "a.json"), "utf8")).toBe("2");
    expect(readdirSync(join(root, "out"))).toEqual(["a.json"]);
  });
  test("under a file say what stands in the way", async () =>
    await expect(writeWhole(join(root, "folder", "abc.txt", "x"), "1")).rejects.toBeInstanceOf(HostError));
  test("clear what a process left half-written that is no more, and nothing else", async () => {
    const folder = join(root, "swept");
    mkdirSync(folder);
    // The largest process number Linux gives is 4194304.
    for (const name of ["a.json.4999999.part", `b.json.${process.ppid}.part`, "c.json"])
      writeFileSync(join(folder, name), "1");
    await folderStore(folder).put("d.json", new Uint8Array(1));
    expect(readdirSync(folder).toSorted()).toEqual([`b.json.${process.ppid}.part`, "c.json", "d.json"]);
    await folderStore(folder).drop("d.json");
    await folderStore(folder).drop("never-there.json");
    expect(readdirSync(folder)).not.toContain("d.json");
  });
  test("blob names cannot leave their folder", () =>
    expect(() => folderStore(root).put("../x", new Uint8Array())).toThrow(/not a blob name/));
  test("a full disk keeps the old file, leaves no part, and says what to do", async (context) => {
    const small = join(root, "small");
    mkdirSync(small);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small], { stdio: "pipe" });
    } catch {
      return context.skip("mounting a small disk needs privileges this machine does not give");
    }
    try {
      await writeWhole(join(small, "a.json"), "old");
      await expect(writeWhole(join(small, "a.json"), "x".repeat(1 << 20))).rejects.toMatchObject({
        name: "HostError",
        message: expect.stringContaining("the disk is full"),
        remedy: expect.stringContaining("--out"),
      });
      expect(readFileSync(join(small, "a.json"), "utf8")).toBe("old");
      expect(readdirSync(small)).toEqual(["a.json"]);
    } finally {
      execFileSync("umount", [small]);
    }
  });
});
