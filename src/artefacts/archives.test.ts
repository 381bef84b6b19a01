import { describe, expect, test } from "vitest";
import { gzipSync, deflateRawSync } from "node:zlib";
import { deflatedEntry, HARMLESS, joblibFile, torchLegacy, torchZip, writeTar } from "../../test/support/artefacts.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { crc32 } from "#formats/crc32.ts";
import { writeZip } from "#formats/writers.testing.ts";

const evil = pickle(op.call(op.global("os", "system"), op.str("id")));
const fine = pickle(op.dict(op.str("a"), op.int(1)));
const flagged = ["malicious", "suspicious"];

describe("what does nothing has no code path, and is read to the last byte:", () => {
  for (const [what, content] of Object.entries(HARMLESS))
    test(what, () => {
      const file = scanned(content, "model.bin");
      expect({ ...file, findings: file.findings.filter(({ severity }) => severity !== "note") }).toMatchObject({
        verdict: "no code path found",
        read: "whole",
        findings: [],
      });
    });
});

describe("a pickle that runs something is found", () => {
  const inside: Readonly<Record<string, Uint8Array>> = {
    "in a zip": writeZip([{ name: "data.pkl", content: evil }]),
    "deflated in a zip, whatever it is called": writeZip([deflatedEntry("readme.txt", evil)]),
    "in a zip in a zip": writeZip([{ name: "a", content: writeZip([{ name: "b", content: evil }]) }]),
    "in a tar": writeTar([{ name: "a", content: evil }]),
    "in a gzip": gzipSync(evil),
    "in the second of two gzip streams": bytes(gzipSync(bytes(op.proto(4))), gzipSync(evil.subarray(2))),
    "in a zip whose checksum is wrong (CVE-2025-10156)": writeZip([{ name: "data.pkl", content: evil, crc: 1 }]),
    "in a zip that claims to be encrypted and is not": writeZip([{ name: "data.pkl", content: evil, flags: 1 }]),
    "in front of a zip": bytes(evil, writeZip([{ name: "a.pkl", content: fine }])),
    "where pickle reads on and joblib reads numbers": joblibFile(bytes("0", evil), "u1", evil.length + 1),
    "where joblib reads numbers behind a wrapper of protocol 0": joblibFile(
      bytes("0", evil),
      "u1",
      evil.length + 1,
      "copyreg",
    ),
    "among joblib's objects": joblibFile(evil, "O"),
    "among joblib's objects behind a wrapper of protocol 0": joblibFile(evil, "O", 1, "copyreg"),
    "in the fourth pickle of a legacy torch file": bytes(
      torchLegacy().subarray(0, 15),
      pickle(op.int(1001)),
      pickle(op.none),
      evil,
    ),
  };
  for (const [where, content] of Object.entries(inside))
    test(where, () => {
      expect(flagged).toContain(scanned(content, "model.pt").verdict);
    });
});

describe("where the length of joblib's interruption would be a guess, nothing is called fine:", () => {
  const wrapper = bytes(op.global("joblib.numpy_pickle", "NumpyArrayWrapper"), op.tuple(), op.newobj);
  const u1 = op.call(op.global("numpy", "dtype"), op.str("u1"));
  // What plain reading takes for data, and joblib for opcodes behind an array of four numbers.
  const rest = bytes("0", op.bytes(bytes(0, 0, 0, 0, op.call(op.global("os", "system"), op.str("id")))));
  const ways: Readonly<Record<string, Uint8Array>> = {
    "a wrapper out of copyreg, of another base": pickle(
      op.call(
        op.global("copyreg", "_reconstructor"),
        op.global("joblib.numpy_pickle", "NumpyArrayWrapper"),
        op.global("builtins", "dict"),
        op.none,
      ),
      op.dict(op.str("shape"), op.tuple(op.int(4)), op.str("dtype"), u1),
      op.build,
      rest,
    ),
    "a wrapper filled twice": pickle(
      wrapper,
      op.put(1),
      op.dict(op.str("shape"), op.tuple(op.int(0)), op.str("dtype"), u1),
      op.build,
      op.pop,
      op.get(1),
      op.dict(op.str("shape"), op.tuple(op.int(4))),
      op.build,
      rest,
    ),
    "a field named while loading": pickle(
      wrapper,
      op.dict(
        op.str("shape"),
        op.tuple(op.int(0)),
        op.call(op.global("builtins", "str"), op.str("shape")),
        op.tuple(op.int(4)),
        op.str("dtype"),
        u1,
      ),
      op.build,
      rest,
    ),
    "an element type without a width": pickle(
      wrapper,
      op.dict(op.str("shape"), op.tuple(op.int(4)), op.str("dtype"), op.call(op.global("numpy", "dtype"), op.str("f"))),
      op.build,
      rest,
    ),
  };
  for (const [way, content] of Object.entries(ways))
    test(way, () => expect(scanned(content, "model.joblib").verdict).not.toBe("no code path found"));
});

describe("the P that every zip archive begins with, which in a pickle takes an id from the loading program,", () => {
  // pickle.Unpickler with a persistent_load, given the first of these, calls os.system (Python 3.11, C and Python).
  const polyglot = (name: string): Uint8Array =>
    writeZip([{ name: `${name}\ncos\nsystem\n(S'id'\ntR.`, content: bytes("") }]);
  test("makes a pickle of it where the id is ASCII, as Python wants it", () => {
    expect(rulesOf(scanned(polyglot("id"), "model.pt"))).toEqual(
      expect.arrayContaining(["polyglot", "pickle-harmful-call"]),
    );
  });
  test("makes none where it is not: Python 3 ends there, and what follows never runs", () => {
    expect(rulesOf(scanned(polyglot("\u00ef"), "model.pt"))).not.toContain("polyglot");
    const linear = bytes("ctorch.nn.modules.linear\nLinear\n", op.tuple(), op.newobj);
    const saved = writeZip([{ name: "archive/data.pkl", content: pickle(linear) }]);
    expect(scanned(saved, "linear.pt").verdict).toBe("no code path found");
    expect(scanned(bytes("P\xef\n", evil), "model.pkl").verdict).not.toBe("no code path found");
  });
});

describe("an archive that reads differently to different programs is suspicious:", () => {
  const tricks: Readonly<Record<string, readonly [content: Uint8Array, rule: string]>> = {
    "two names for one member": [writeZip([{ name: "a.pkl", localName: "b.pkl", content: fine }]), "zip-mismatch"],
    "two ways of packing": [writeZip([{ name: "a.pkl", localMethod: 8, content: fine }]), "zip-mismatch"],
    "two sizes": [writeZip([{ name: "a.pkl", localSize: 5, content: fine }]), "zip-mismatch"],
    "two members of one name": [
      writeZip([
        { name: "a.pkl", content: fine },
        { name: "a.pkl", content: fine },
      ]),
      "zip-duplicate",
    ],
    "names that differ in case only": [
      writeZip([
        { name: "a.pkl", content: fine },
        { name: "A.pkl", content: fine },
      ]),
      "zip-duplicate",
    ],
    "members that share bytes": [
      writeZip([
        { name: "a.pkl", content: fine },
        { name: "b.pkl", content: fine, at: 0 },
      ]),
      "zip-overlap",
    ],
    "a name that climbs": [writeZip([{ name: "../../.bashrc", content: fine }]), "zip-traversal"],
    "an absolute name": [writeZip([{ name: "/etc/cron.d/x", content: fine }]), "zip-traversal"],
    "a name that climbs with backslashes": [writeZip([{ name: "..\\x", content: fine }]), "zip-traversal"],
    "bytes before the archive": [
      writeZip([{ name: "a.pkl", content: fine }], bytes("MZ something else")),
      "unread-bytes",
    ],
    "a member that is larger than it says": [writeZip([{ ...deflatedEntry("a.pkl", fine), size: 3 }]), "zip-broken"],
    "a tar member that climbs": [writeTar([{ name: "../x", content: fine }]), "tar-traversal"],
    "a tar link": [writeTar([{ name: "x", type: "2", target: "/etc/passwd" }]), "tar-link"],
    "a tar device": [writeTar([{ name: "x", type: "3" }]), "tar-special"],
  };
  for (const [trick, [content, rule]] of Object.entries(tricks))
    test(trick, () => {
      const file = scanned(content, "model.zip");
      expect(rulesOf(file)).toContain(rule);
      if (rule !== "unread-bytes") expect(flagged).toContain(file.verdict);
      else expect(file.verdict).not.toBe("no code path found");
    });
  test("a link in a zip", () => {
    const zip = writeZip([{ name: "weights", content: bytes("/etc/passwd") }]);
    // Made on Unix, with the mode of a link (APPNOTE 4.4.15).
    const entry = zip.findIndex((_, i) => zip[i] === 0x50 && zip[i + 1] === 0x4b && zip[i + 2] === 1);
    zip[entry + 5] = 3;
    zip[entry + 41] = 0xa1;
    zip[entry + 40] = 0xff;
    expect(rulesOf(scanned(zip))).toContain("zip-link");
  });
});

describe("Info-ZIP's names and comments in Unicode (APPNOTE 4.6.8, 4.6.9)", () => {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const field = (id: number, text: string, stands: Uint8Array): Uint8Array => {
    const bytesOf = utf8(text);
    const view = new DataView(new ArrayBuffer(9));
    view.setUint16(0, id, true);
    view.setUint16(2, 5 + bytesOf.length, true);
    view.setUint8(4, 1);
    view.setUint32(5, crc32(stands), true);
    return bytes(new Uint8Array(view.buffer), bytesOf);
  };
  const named = (name: string, unicode: string, stands = utf8(name), content = bytes("nothing\n")) =>
    scanned(writeZip([{ name, content, extra: field(0x7075, unicode, stands) }]), "model.zip");
  test("name the same file where they spell it out", () => {
    for (const [name, unicode] of [
      ["a.txt", "a.txt"],
      ["k#U00e4se.txt", "k\u00e4se.txt"],
      ["k%U00E4se.txt", "k\u00e4se.txt"],
      ["k?se.txt", "k\u00e4se.txt"],
      ["d/k\u00e4se.txt", "d/k\u00e4se.txt"],
    ] as const)
      expect([name, named(name, unicode).verdict]).toEqual([name, "no code path found"]);
  });
  test("are suspicious where they name another, or climb, or belong to a name that is gone", () => {
    for (const [name, unicode, stands] of [
      ["a.txt", "../../x.txt", "a.txt"],
      ["a.txt", "b.txt", "a.txt"],
      ["a.txt", "b.txt", "other"],
      ["k\u00e4se.txt", "k\u00e4se.py", "k\u00e4se.txt"],
      ["k\u00e4se.txt", "../k\u00e4se.txt", "k\u00e4se.txt"],
      ["k?se.txt", "k../se.txt", "k?se.txt"],
    ] as const) {
      const file = named(name, unicode, utf8(stands));
      expect([unicode, file.verdict]).toEqual([unicode, "suspicious"]);
      expect(rulesOf(file)).toContain("zip-mismatch");
    }
    expect(rulesOf(named("a.txt", "../../x.txt"))).toContain("zip-traversal");
  });
  test("have their member read under each", () => {
    const file = named("a.txt", "setup.py", utf8("a.txt"), bytes("import os\nos.system('id')\n"));
    expect(file.members.map(({ path }) => path)).toEqual(["a.txt", "setup.py"]);
  });
  test("of a comment that is not there are not understood", () => {
    const content = bytes("nothing\n");
    const scan = (stands: string) =>
      scanned(writeZip([{ name: "a.txt", content, extra: field(0x6375, "words", utf8(stands)) }]), "model.zip").verdict;
    expect([scan(""), scan("other")]).toEqual(["no code path found", "unknown"]);
  });
});

test("an archive that holds an archive is nothing special", () => {
  const inner = writeZip([{ name: "a.pkl", content: fine }]);
  expect(scanned(writeZip([{ name: "inner.zip", content: inner }])).verdict).toBe("no code path found");
});

describe("what cannot be read is unknown, and says so:", () => {
  test("an encrypted member", () => {
    const file = scanned(writeZip([{ name: "a.pkl", content: fine, flags: 1, crc: 5 }]));
    expect(file.verdict).toBe("unknown");
    expect(rulesOf(file)).toContain("zip-encrypted");
  });
  test("a method nobody reads here", () => {
    const file = scanned(writeZip([{ name: "a.pkl", content: fine, method: 98 }]));
    expect(file.verdict).toBe("unknown");
    expect(rulesOf(file)).toContain("zip-method");
  });
  test("an archive cut short", () => expect(scanned(torchZip().slice(0, -30)).verdict).not.toBe("no code path found"));
  test("bytes that no format here has", () => {
    expect(scanned(bytes("hello, this is no model"), "notes")).toMatchObject({ verdict: "unknown", read: "none" });
    expect(scanned(bytes(1, 2, 3, 4, 5), "weights")).toMatchObject({ verdict: "unknown", read: "none" });
  });
  test("a storage that is longer than the tensor that names it", () => {
    const zip = writeZip([
      { name: "a/data.pkl", content: fine },
      { name: "a/version", content: bytes("3\n") },
      { name: "a/data/0", content: new Uint8Array(16) },
    ]);
    expect(scanned(zip)).toMatchObject({ verdict: "unknown", read: "part" });
  });
  test("bytes behind the end of any of them", () => {
    for (const [what, content] of Object.entries(HARMLESS))
      expect([what, scanned(bytes(content, 0x00, "x?", 0xff, 0xfe)).verdict]).not.toEqual([what, "no code path found"]);
  });
});

describe("a name", () => {
  test("is asked last: a pickle is one whatever it is called", () => {
    for (const name of ["model.safetensors", "weights.npy", "README", "x.zip"])
      expect(scanned(evil, name).verdict).toBe("malicious");
  });
  test("that promises data where there is a pickle is suspicious", () => {
    expect(rulesOf(scanned(fine, "model.safetensors"))).toContain("name");
    expect(scanned(fine, "model.safetensors").verdict).toBe("suspicious");
    expect(scanned(fine, "model.pkl").verdict).toBe("no code path found");
  });
  test("of a format that nobody reads here is told with the verdict", () => {
    const file = scanned(bytes("Rar!", 0x1a, 7, 0), "model.rar");
    expect(file).toMatchObject({ verdict: "unknown", read: "none" });
    expect(file.findings[0]!.message).toContain("RAR");
  });
});

describe("a bomb", () => {
  test("of deflate is named before it is unpacked", () => {
    const zeros = new Uint8Array(20 * 2 ** 20);
    const zip = writeZip([
      { name: "a", content: new Uint8Array(0), packed: deflateRawSync(zeros), method: 8, size: zeros.length },
    ]);
    const file = scanned(zip);
    expect(rulesOf(file)).toContain("bomb");
    expect(file.verdict).toBe("suspicious");
  });
  test("that lies about its size stops at the limit", () => {
    const packed = gzipSync(new Uint8Array(4 * 2 ** 20));
    const file = scanned(packed, "a.gz", { unpackedMax: 2 ** 20 });
    expect(file).toMatchObject({ verdict: "unknown", read: "none" });
  });
  test("of members within members stops at the depth", () => {
    let nested = fine;
    for (let depth = 0; depth < 15; depth++) nested = writeZip([{ name: `${depth}.zip`, content: nested }]);
    const file = scanned(nested);
    expect(file.verdict).not.toBe("no code path found");
    expect(rulesOf(file)).toContain("limit-depth");
  });
  test("of many members stops at the count", () => {
    const zip = writeZip(Array.from({ length: 60 }, (_, i) => ({ name: `${i}.pkl`, content: fine })));
    const file = scanned(zip, "a.zip", { membersMax: 50 });
    expect(file.verdict).toBe("unknown");
    expect(rulesOf(file)).toContain("limit-members");
  });
});
