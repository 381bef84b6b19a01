/** 7z: archives of 7-Zip itself to the last byte, and what their headers can hide. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bzip2Hello, hello, lzmaHello } from "../../test/support/packed.ts";
import { bytes } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import { contentOf } from "#formats/content.ts";
import { readSevenZip } from "#formats/sevenzip.ts";
import { SEVENZIP_SINGLE, SEVENZIP_SOLID, withHeader, writeSevenZip } from "#formats/sevenzip.testing.ts";

const scan = (file: Uint8Array) => scanned(file, "model.7z");
const text = (content: string) => ({ name: "a.txt", content: bytes(content) });
const harmful = bytes("cos\nsystem\n(S'id'\ntR.");
/** LZMA2 in one chunk that packs nothing. */
const chunk = (content: Uint8Array): Uint8Array =>
  bytes(1, (content.length - 1) >> 8, (content.length - 1) & 255, content, 0);
const LZMA2 = bytes(0x21, 0x21, 1, 0x18);

describe("a 7z archive", () => {
  test.each([
    ["solid, by LZMA2", SEVENZIP_SOLID],
    ["file by file, by LZMA", SEVENZIP_SINGLE],
  ])("of 7-Zip's, %s, is read whole", (_, file) => {
    const found = scan(file);
    expect(found).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] });
    expect(found.members.map(({ path }) => path)).toEqual(["model/config.json", "model/labels.txt"]);
  });
  test.each<[string, Uint8Array, Uint8Array]>([
    ["LZMA", bytes(0x23, 3, 1, 1, 5, lzmaHello.subarray(0, 5)), lzmaHello.subarray(13)],
    ["LZMA2", LZMA2, chunk(hello)],
    ["deflate", bytes(0x03, 4, 1, 8), bytes(deflateRawSync(hello))],
    ["bzip2", bytes(0x03, 4, 2, 2), bzip2Hello],
  ])("packed by %s is unpacked and its files scanned", (_, coder, packed) => {
    const file = scan(writeSevenZip({ files: [{ name: "model.pkl", content: hello }], coder, packed }));
    expect(file.findings).toEqual([]);
    expect(file.members).toMatchObject([{ path: "model.pkl", sha256: scanned(hello).sha256 }]);
  });
  test("without files is fine", () =>
    expect(scan(bytes("7z", 0xbc, 0xaf, 0x27, 0x1c, 0, 4, 0x8d, 0x9b, 0xd5, 0x0f, new Uint8Array(20))).verdict).toBe(
      "no code path found",
    ));
  test("is judged by the worst that is in it", () =>
    expect(scan(writeSevenZip({ files: [text("x\n"), { name: "model.pkl", content: harmful }] })).verdict).toBe(
      "malicious",
    ));
});

describe("what is not fine:", () => {
  const one = [text("all work and no play\n")];
  const bomb = new Uint8Array(20 * 2 ** 20);
  test.each<[string, Uint8Array, string, string]>([
    [
      "a name that climbs",
      writeSevenZip({ files: [{ name: "../../a.txt", content: bytes("x\n") }] }),
      "7z-traversal",
      "suspicious",
    ],
    [
      "an absolute name",
      writeSevenZip({ files: [{ name: "/etc/cron.d/a.txt", content: bytes("x\n") }] }),
      "7z-traversal",
      "suspicious",
    ],
    ["a name twice", writeSevenZip({ files: [text("a\n"), text("b\n")] }), "7z-duplicate", "suspicious"],
    ["a link", writeSevenZip({ files: one, attributes: [0xa1ff8000] }), "7z-link", "suspicious"],
    ["a link by its mode alone", writeSevenZip({ files: one, attributes: [0xa1ff0000] }), "7z-link", "suspicious"],
    ["a device", writeSevenZip({ files: one, attributes: [0x61ff8000] }), "7z-link", "suspicious"],
    [
      "two names for one place",
      writeSevenZip({ files: [text("a\n"), { ...text("b\n"), name: `./${text("").name.toUpperCase()}` }] }),
      "7z-duplicate",
      "suspicious",
    ],
    ["a junction of Windows", writeSevenZip({ files: one, attributes: [0x400] }), "7z-link", "suspicious"],
    ["a checksum that fails", writeSevenZip({ files: one, crcs: [1] }), "7z-checksum", "suspicious"],
    ["a method that is not read", writeSevenZip({ files: one, coder: bytes(0x03, 3, 4, 1) }), "7z-method", "unknown"],
    [
      "encryption",
      writeSevenZip({ files: one, coder: bytes(0x24, 6, 0xf1, 7, 1, 2, 0x13, 0) }),
      "7z-encrypted",
      "unknown",
    ],
    [
      "less than it claims",
      writeSevenZip({ files: one, coder: LZMA2, packed: chunk(bytes("short")) }),
      "7z-broken",
      "suspicious",
    ],
    [
      "more than it claims",
      writeSevenZip({ files: one, coder: LZMA2, packed: chunk(new Uint8Array(500)) }),
      "7z-broken",
      "suspicious",
    ],
    [
      "a bomb",
      writeSevenZip({
        files: [{ name: "a", content: bomb }],
        coder: bytes(0x03, 4, 1, 8),
        packed: bytes(deflateRawSync(bomb)),
        crcs: [0],
      }),
      "bomb",
      "suspicious",
    ],
    [
      "bytes behind what is packed",
      writeSevenZip({ files: one, coder: LZMA2, packed: bytes(chunk(one[0]!.content), harmful) }),
      "unread-bytes",
      "suspicious",
    ],
    ["bytes that no folder has", writeSevenZip({ files: one, gap: harmful }), "unread-bytes", "suspicious"],
    [
      "a property that files do not have",
      writeSevenZip({ files: one, more: bytes(0x33, 1, 0) }),
      "7z-archive-broken",
      "unknown",
    ],
    [
      "padding that is something",
      writeSevenZip({ files: one, more: bytes(0x19, 2, 1, 1) }),
      "7z-archive-broken",
      "unknown",
    ],
    ["a header of no kind", withHeader(bytes(), bytes(0x09)), "7z-archive-broken", "unknown"],
    [
      "more files than there are bytes",
      withHeader(bytes(), bytes(1, 5, 0xff, 255, 255, 255, 255, 255, 255, 255, 255)),
      "7z-archive-broken",
      "unknown",
    ],
  ])("%s", (_, file, rule, expected) => {
    const found = scan(file);
    expect(rulesOf(found)).toContain(rule);
    expect(found.verdict).toBe(expected);
  });
  test("an encrypted header, behind which nobody sees", () => {
    const aes = bytes(0x17, 6, 0, 1, 9, 32, 0, 7, 0x0b, 1, 0, 1, 0x24, 6, 0xf1, 7, 1, 2, 0x13, 0, 0x0c, 20, 0, 0);
    const file = scan(withHeader(new Uint8Array(32).fill(0xee), aes));
    expect(file).toMatchObject({ verdict: "unknown", read: "part", members: [] });
    expect(rulesOf(file)).toContain("7z-hidden");
  });
  test("a header packed within itself again and again", () => {
    const packed = bytes(0x17, 6, 0, 1, 9, 25, 0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c, 25, 0, 0);
    expect(scan(withHeader(new Uint8Array(25), packed)).verdict).toBe("unknown");
  });
  test("every place at which it is cut short, and every byte that is changed", () => {
    for (let end = 6; end < SEVENZIP_SOLID.length; end += 7)
      expect([end, scan(SEVENZIP_SOLID.subarray(0, end)).verdict]).not.toEqual([end, "no code path found"]);
    for (let at = 6; at < SEVENZIP_SOLID.length; at += 3) {
      const changed = SEVENZIP_SOLID.slice();
      changed[at]! ^= 0x10;
      // The last number of the version, and the range coder's last bytes in either stream, decide nothing.
      if (scan(changed).verdict === "no code path found") expect([7, 142, 143, 144, 272, 273, 274]).toContain(at);
    }
  });
  test("a property that comes a hundred thousand times does not cost its files each time", () => {
    const many = bytes(1, 5, 0xe0, 0x40, 0x42, 0x0f, ...Array.from({ length: 30_000 }, () => bytes(0x0f, 0)));
    const began = process.cpuUsage();
    expect(scan(withHeader(bytes(), many)).verdict).toBe("unknown");
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(1000);
  });
});

test("folders of many coders each, in a header that is packed, cost no more than a second", () => {
  const each = bytes(
    32,
    ...Array.from({ length: 32 }, () => bytes(1, 0)),
    ...Array.from({ length: 31 }, (_, i) => bytes(i + 1, i)),
  );
  const count = 20_000;
  const folders = new Uint8Array(count * each.length);
  for (let i = 0; i < count; i++) folders.set(each, i * each.length);
  const number = (value: number): Uint8Array => bytes(0xff, new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  const sizes = bytes(0x0c, new Uint8Array(32 * count), 0, 0, 0);
  const header = bytes(
    1,
    4,
    6,
    0,
    number(count),
    9,
    new Uint8Array(count),
    0,
    7,
    0x0b,
    number(count),
    0,
    folders,
    sizes,
  );
  const packed = bytes(deflateRawSync(header));
  const coder = bytes(1, 0x03, 4, 1, 8, 0x0c, number(header.length), 0, 0);
  const file = withHeader(packed, bytes(0x17, 6, 0, 1, 9, number(packed.length), 0, 7, 0x0b, 1, 0, coder));
  const began = process.cpuUsage();
  expect(rulesOf(scan(file))).toContain("7z-archive-broken");
  expect(process.cpuUsage(began).user / 1000).toBeLessThan(1000);
});

test("what its own reader says is where the files lie", () => {
  const { files, folders } = readSevenZip(
    contentOf(writeSevenZip({ files: [text("one"), { name: "b", content: bytes("three") }] })),
    () => "",
    () => {},
  );
  expect(files.map(({ name, at }) => [name, at!.from, at!.size])).toEqual([
    ["a.txt", 0, 3],
    ["b", 3, 5],
  ]);
  expect(folders).toMatchObject([{ size: 8, packed: [{ start: 32, end: 40 }] }]);
});
