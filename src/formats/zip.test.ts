import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { crc32 } from "./crc32.ts";
import { FormatError } from "./error.ts";
import numpy from "./fixtures/numpy.json" with { type: "json" };
import { readNpy } from "./npy.ts";
import { concatenated, deflated, fromBase64, writeZip, type ZipEntry } from "./writers.testing.ts";
import { readZip, readZipMember } from "./zip.ts";

const text = (words: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(words) as Uint8Array<ArrayBuffer>;

function refusal(entries: readonly ZipEntry[] | Uint8Array): FormatError {
  try {
    readZip(entries instanceof Uint8Array ? entries : writeZip(entries));
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  return expect.unreachable("it was read");
}
async function memberRefusal(bytes: Uint8Array): Promise<FormatError> {
  const member = readZip(bytes)[0]!;
  const error: unknown = await readZipMember(bytes, member).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FormatError);
  return error as FormatError;
}

test("CRC-32 of the check string is the one of the standard", () => {
  expect(crc32(text("123456789"))).toBe(0xcbf43926);
});

test.each(["stored", "deflated"] as const)("an .npz that NumPy %s opens to its arrays", async (kind) => {
  const bytes = fromBase64(numpy.archives[kind]);
  const members = readZip(bytes);
  expect(members.map(({ name, method }) => [name, method])).toEqual([
    ["x.npy", kind],
    ["y.npy", kind],
  ]);
  const x = readNpy(await readZipMember(bytes, members[0]!));
  expect(x.shape).toEqual([4, 6]);
  expect(Array.from(x.values as Uint8Array)).toEqual(Array.from({ length: 24 }, (_, i) => i));
  const y = readNpy(await readZipMember(bytes, members[1]!));
  expect(Array.from(y.values as Float64Array)).toEqual([0, 1, 0, 1]);
});

describe("hostile archives", () => {
  const good: ZipEntry = { name: "x.npy", content: text("hello") };

  test.each(["/etc/passwd", "../x.npy", "a/../../x", "C:\\x", "C:/x", "a\\b", "a//b", "./x", "", "a\u0000b", "a\nb"])(
    "the member name %j is refused",
    (name) => {
      expect(refusal([{ ...good, name }]).remedy).toContain("nothing was unpacked");
    },
  );

  test("a local header that disagrees with the central directory is refused, whatever it disagrees on", () => {
    expect(refusal([{ ...good, localName: "y.npy" }]).message).toContain("disagree on its name");
    expect(refusal([{ ...good, localSize: 6 }]).message).toContain("disagree on its size");
    expect(refusal([{ ...good, localMethod: 8 }]).message).toContain("disagree on its method");
  });

  test("encrypted members, unknown methods and repeated names are refused", () => {
    expect(refusal([{ ...good, flags: 1 }]).message).toContain("encrypted");
    expect(refusal([{ ...good, method: 12 }]).message).toContain("method 12");
    expect(refusal([good, good]).message).toContain("twice");
  });

  test("members that share bytes are refused", () => {
    const first = { name: "a", content: text("0123456789") };
    // The second entry's directory record points at the first one's local header, renamed to agree with it.
    const bytes = writeZip([first, { ...first, name: "b", at: 0 }]);
    expect(refusal(bytes).message).toMatch(/disagree on its name|share bytes/);
    const overlapping = writeZip([first, { name: "b", content: text("x") }]);
    const central = overlapping.length - 22 - 2 * 47;
    new DataView(overlapping.buffer).setUint32(central + 20, 40, true);
    expect(refusal(overlapping).message).toMatch(/share bytes|disagree|two sizes/);
  });

  test("something before or after the archive is refused: two readers would see two archives", () => {
    expect(refusal(writeZip([good], text("PK\u0003\u0004junk"))).message).toContain("belong to no member");
    expect(refusal(concatenated(writeZip([good]), text("trailing"))).message).toContain("end of the central directory");
  });

  test("a bomb stops at the size it declared, and an undeclared one at the limit", async () => {
    const zeros = new Uint8Array(50_000_000);
    const packed = await deflated(zeros, "deflate-raw");
    const lying = writeZip([{ name: "x", content: new Uint8Array(10), packed, method: 8 }]);
    expect((await memberRefusal(lying)).message).toContain("grows past 10 bytes");
    const honest = writeZip([{ name: "x", content: new Uint8Array(0), packed, method: 8, size: 4_000_000_000 }]);
    expect(refusal(honest).message).toContain("limit");
  });

  test("content that fails its CRC-32, its size or its compression is refused", async () => {
    expect((await memberRefusal(writeZip([{ ...good, crc: 1 }]))).message).toContain("CRC-32");
    const packed = await deflated(text("hello"), "deflate-raw");
    expect((await memberRefusal(writeZip([{ ...good, packed, method: 8, size: 6 }]))).message).toContain(
      "instead of 6",
    );
    expect((await memberRefusal(writeZip([{ ...good, packed: packed.subarray(0, 3), method: 8 }]))).message).toContain(
      "cut short",
    );
    expect(
      (await memberRefusal(writeZip([{ ...good, packed: text("\u00ff\u00ff\u00ff"), method: 8 }]))).message,
    ).toContain("damaged");
  });

  let archive: Uint8Array;
  beforeAll(() => {
    archive = fromBase64(numpy.archives.deflated);
  });
  test("an archive cut at any byte is refused", () => {
    for (let length = 0; length < archive.length; length++) refusal(archive.slice(0, length));
  });

  test("no damage of one byte changes what is read without being noticed", async () => {
    const read = async (bytes: Uint8Array): Promise<string[]> =>
      Promise.all(readZip(bytes).map(async (member) => `${member.name}:${crc32(await readZipMember(bytes, member))}`));
    const truth = await read(archive);
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = archive.slice();
        damaged[at]! ^= change;
        try {
          expect(await read(damaged)).toEqual(truth);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { seed: 1, numRuns: 400 },
    );
  });
});
