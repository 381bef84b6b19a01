/**
 * Tar archives as different programs read them. What GNU tar 1.34 and `tarfile.extractall` of CPython 3.11 unpack from each of these
 * was tried; tests of hidden content put a pickle where only one of them finds it.
 */
import { describe, expect, test } from "vitest";
import { writeTar } from "../../test/support/artefacts.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";

type Member = Parameters<typeof writeTar>[0][number];
const evil = pickle(op.call(op.global("os", "system"), op.str("id")));
const fine = bytes("nothing\n");
const scan = (...members: readonly Member[]) => scanned(writeTar(members), "model.tar");

const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
};
const pax = (fields: readonly (readonly [key: string, value: string])[], type = "x"): Member => ({
  name: "x",
  type,
  content: bytes(fields.map(([key, value]) => record(key, value)).join("")),
});
const long = (name: string, type = "L"): Member => ({ name: "././@LongLink", type, content: bytes(name, 0) });
const sparse = (key: string, value: string | number) => [`GNU.sparse.${key}`, String(value)] as const;
const out = "../out/evil.txt";
const octal = (value: number): string => `${value.toString(8).padStart(11, "0")}\0`;
const GNU = "ustar  \0";
const a: Member = { name: "a.txt", content: fine };

describe("a name that climbs for one reader only is found:", () => {
  const ways: Readonly<Record<string, readonly Member[]>> = {
    "of a file with holes": [
      pax([sparse("name", out), sparse("map", "0,8"), sparse("size", 8), sparse("numblocks", 1)]),
      a,
    ],
    "of holes without a map": [pax([sparse("name", out)]), a],
    "of holes for all members": [pax([sparse("name", out), sparse("map", "0,8"), sparse("size", 8)], "g"), a],
    "a prefix under GNU's mark": [{ ...a, prefix: "../out", magic: GNU }],
    "a prefix under no mark": [{ ...a, prefix: "../out", magic: "\0\0\0\0\0\0\0\0" }],
    "in the first of two extended headers": [pax([["path", out]]), pax([["path", "b.txt"]]), a],
    "in the first of two records": [
      pax([
        ["path", out],
        ["path", "b.txt"],
      ]),
      a,
    ],
    "in the first of two long names": [long(out), long("b.txt"), a],
    "in a long name, with another for all members": [pax([["path", "b.txt"]], "g"), long(out), a],
    "in a long name, with another in an extended header": [long(out), pax([["path", "b.txt"]]), a],
    "behind the end of a long name": [{ name: "L", type: "L", size: 1, content: bytes("b/../../evil.txt", 0) }, a],
    "of a member that is cut off": [{ ...a, name: out, size: 1 << 20 }],
  };
  for (const [way, members] of Object.entries(ways))
    test(way, () => {
      const file = scan({ name: "first.txt", content: fine }, ...members);
      expect(file.verdict).toBe("suspicious");
      expect(rulesOf(file)).toContain("tar-traversal");
    });
});

describe("content that one reader only finds is read:", () => {
  const hidden: Readonly<Record<string, readonly Member[]>> = {
    "pieces out of order": [
      pax([
        sparse("name", "a.txt"),
        sparse("map", `5,${evil.length - 5},0,5`),
        sparse("size", evil.length),
        sparse("numblocks", 2),
      ]),
      { name: "GNUSparseFile.1/a.txt", content: bytes(evil.subarray(5), evil.subarray(0, 5)) },
    ],
    "pieces out of order, in GNU's old form": [
      {
        name: "a.txt",
        type: "S",
        magic: GNU,
        content: bytes(evil.subarray(5), evil.subarray(0, 5)),
        fields: {
          386: octal(5) + octal(evil.length - 5) + octal(0) + octal(5),
          483: octal(evil.length),
        },
      },
    ],
    "a size before a long name": [
      pax([["size", "2048"]]),
      long("weights.pkl"),
      { name: "m", content: bytes(evil, new Uint8Array(2048 - evil.length)) },
    ],
    "a size for all members": [
      pax([["size", "512"]], "g"),
      { name: "weights.pkl", size: 0 },
      { ...pax([["comment", "x"]]), name: String.fromCharCode(...evil.subarray(0, 99)) },
      { name: "notes.txt", content: bytes("hello\n", " ".repeat(506)) },
    ],
    "a size that is not the header's": [pax([["size", "8"]]), { name: "a", content: evil }],
    "content of a link": [{ name: "a", type: "2", target: "b", content: evil }],
    "a header in the content of a folder": [
      { name: "d", type: "5", content: writeTar([{ name: "a", content: evil }]) },
    ],
    "content of a label": [{ name: "a", type: "V", magic: GNU, content: evil }],
    "content of an unknown type": [{ name: "a", type: "Z", content: evil }],
  };
  for (const [what, members] of Object.entries(hidden))
    test(what, () => expect(scan(...members).verdict).toBe("malicious"));
});

describe("what GNU tar and Python write is read as it is:", () => {
  const data = pickle(op.dict(op.str("a"), op.int(1)));
  const [front, back] = [data.subarray(0, 4), data.subarray(4)];
  const plain: Readonly<Record<string, readonly Member[]>> = {
    "a hard link to an earlier member": [a, { name: "b.txt", type: "1", target: "a.txt" }],
    "a label": [{ name: "label", type: "V", magic: GNU }, a],
    "times where others have a prefix": [{ ...a, magic: GNU, prefix: octal(1) + octal(2) }],
    "a comment for all members": [pax([["comment", "0123456789"]], "g"), a],
    "a long name": [long(`${"d".repeat(150)}/e.txt`), { ...a, name: "d".repeat(100) }],
    "an extended header's name": [
      pax([
        ["path", "d/e.txt"],
        ["mtime", "1.5"],
      ]),
      a,
    ],
    "holes, in GNU's old form": [
      {
        name: "a.pkl",
        type: "S",
        magic: GNU,
        content: data,
        fields: { 386: octal(0) + octal(4) + octal(4) + octal(back.length), 483: octal(data.length) },
      },
    ],
    "holes, by their map": [
      pax([
        sparse("size", data.length),
        sparse("numblocks", 2),
        sparse("name", "a.pkl"),
        sparse("map", `0,4,4,${back.length}`),
      ]),
      { name: "./GNUSparseFile.7/a.pkl", content: data },
    ],
    "holes, by a map in front": [
      pax([sparse("major", 1), sparse("minor", 0), sparse("name", "a.pkl"), sparse("realsize", data.length)]),
      {
        name: "./GNUSparseFile.7/a.pkl",
        content: bytes(bytes(`2\n0\n4\n4\n${back.length}\n`, new Uint8Array(512)).subarray(0, 512), front, back),
      },
    ],
  };
  for (const [what, members] of Object.entries(plain))
    test(what, () => expect(scan(...members)).toMatchObject({ verdict: "no code path found", read: "whole" }));
  test("and a pickle behind a hole is found", () => {
    const file = scan({
      name: "a",
      type: "S",
      magic: GNU,
      content: evil,
      fields: { 386: octal(0) + octal(5) + octal(5) + octal(evil.length - 5), 483: octal(evil.length) },
    });
    expect(file.verdict).toBe("malicious");
  });
  test("holes larger than may be unpacked are not read, and that is said", () => {
    const file = scan({
      name: "a",
      type: "S",
      magic: GNU,
      fields: { 386: octal(2 ** 32) + octal(0), 483: octal(2 ** 32) },
    });
    expect(file.verdict).toBe("unknown");
    expect(rulesOf(file)).toContain("limit-unpacked");
  });
});

test("a hard link to what is no earlier file of the archive stays suspicious", () => {
  for (const target of ["b.txt", "/etc/passwd", "../a.txt"])
    expect(rulesOf(scan({ name: "x", type: "1", target }, { name: "b.txt", content: fine }))).toContain("tar-link");
});

test("a pickle in a file that is called so only by a hard link is read under both names", () => {
  const file = scan(
    { name: "a.txt", content: bytes("import os\nos.system('id')\n") },
    { name: "setup.py", type: "1", target: "a.txt" },
  );
  expect(file.members.map(({ path }) => path)).toEqual(["a.txt", "setup.py"]);
  expect(file.verdict).not.toBe("no code path found");
});

test("a record that nobody knows here is unknown", () =>
  expect(scan(pax([["VENDOR.reading", "other"]]), a)).toMatchObject({ verdict: "unknown", read: "part" }));
