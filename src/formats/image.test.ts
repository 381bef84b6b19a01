import { describe, expect, test } from "vitest";
import { FormatError } from "./error.ts";
import fixtures from "./fixtures/images.json" with { type: "json" };
import { readImage } from "./image.ts";
import { concatenated, deflated, fromBase64, pngChunk, pngOf, writePng } from "./writers.testing.ts";

type Name = keyof typeof fixtures.images;
const bytesOf = (name: Name): Uint8Array<ArrayBuffer> => fromBase64(fixtures.images[name].bytes);

async function refusal(bytes: Uint8Array, limits?: { pixelsMax: number }): Promise<FormatError> {
  const error: unknown = await readImage(bytes, limits).then(
    () => expect.unreachable("it was read"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FormatError);
  return error as FormatError;
}

describe("images that Pillow wrote", () => {
  test.each(["grey", "colour", "grey, 16 bit", "palette", "grey, 1 bit", "opaque alpha"] as const)(
    "PNG, %s: the samples are Pillow's to the bit",
    async (name) => {
      const image = await readImage(bytesOf(name));
      const [height, width, channels = 1] = fixtures.images[name].shape;
      expect(image).toMatchObject({ width, height, channels, maximum: name === "grey, 16 bit" ? 65535 : 255 });
      expect(Array.from(image.samples)).toEqual(fixtures.images[name].values);
    },
  );

  // Decoders may differ (T.81 fixes no rounding; 4:2:0 leaves the chroma filter open). These are the differences measured.
  test.each([
    ["jpeg grey", 1, 1],
    ["jpeg 4:4:4", 3, 3],
    ["jpeg progressive", 3, 3],
    ["jpeg 4:2:0", 3, 24],
  ] as const)("%s: the samples are Pillow's within the decoders' known difference", async (name, channels, worst) => {
    const image = await readImage(bytesOf(name));
    const truth = fixtures.images[name].values;
    expect(image.channels === channels || name === "jpeg grey").toBe(true);
    const differences = truth.map((value, i) => Math.abs(value - image.samples[i]!));
    expect(image.samples.length).toBe(truth.length);
    expect(Math.max(...differences)).toBeLessThanOrEqual(worst);
    expect(differences.reduce((sum, difference) => sum + difference, 0) / truth.length).toBeLessThan(worst / 4);
  });

  test("a transparent image is refused: what lies behind it would decide", async () => {
    expect((await refusal(bytesOf("transparent"))).remedy).toContain("flatten");
  });
  test("a CMYK image is refused", async () => {
    expect((await refusal(bytesOf("jpeg CMYK"))).message).toContain("4 colour components");
  });
});

describe("hostile images", () => {
  test("a header of a billion pixels is refused before decoding", async () => {
    expect((await refusal(pngOf({ width: 50_000, height: 50_000 }, new Uint8Array(2)))).message).toContain(
      "50000 × 50000",
    );
    const jpeg = bytesOf("jpeg grey");
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.set([0xff, 0xff, 0xff, 0xff], frame + 5);
    expect((await refusal(jpeg)).message).toContain("65535 × 65535");
  });

  test("a PNG whose content inflates to more, or less, than its header says is refused", async () => {
    const bomb = await deflated(new Uint8Array(50_000_000), "deflate");
    expect((await refusal(pngOf({ width: 4, height: 4 }, bomb))).message).toContain("grows past 20 bytes");
    const short = await deflated(new Uint8Array(19), "deflate");
    expect((await refusal(pngOf({ width: 4, height: 4 }, short))).message).toContain("19 bytes instead of 20");
  });

  test("a bomb in a colour profile is never opened", async () => {
    const profile = concatenated(Uint8Array.of(0x61, 0, 0), await deflated(new Uint8Array(200_000_000), "deflate"));
    const content = await deflated(new Uint8Array(20), "deflate");
    const started = process.threadCpuUsage();
    const image = await readImage(pngOf({ width: 4, height: 4 }, content, pngChunk("iCCP", profile)));
    expect(image.samples.length).toBe(16);
    expect(process.threadCpuUsage(started).user).toBeLessThan(150_000);
  });

  test("a JPEG that asks for thousands of passes is refused", async () => {
    const jpeg = bytesOf("jpeg grey");
    const scan = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xda);
    const once = jpeg.subarray(scan, jpeg.length - 2);
    const many = concatenated(jpeg.subarray(0, scan), ...Array<Uint8Array>(1000).fill(once), jpeg.subarray(-2));
    expect((await refusal(many)).message).toContain("64 scans");
  });

  test.each(["colour", "palette", "jpeg 4:2:0", "jpeg progressive"] as const)(
    "%s cut at any byte is refused",
    async (name) => {
      const whole = bytesOf(name);
      for (let length = 0; length < whole.length; length++) await refusal(whole.subarray(0, length));
    },
  );

  test.each(["colour", "palette", "jpeg 4:2:0", "jpeg progressive"] as const)(
    "%s with any byte changed is an image of its size or a FormatError",
    async (name) => {
      const whole = bytesOf(name);
      for (let at = 0; at < whole.length; at++)
        for (const change of [0x01, 0x80, 0xff]) {
          const damaged = whole.slice();
          damaged[at]! ^= change;
          try {
            const { width, height, channels, samples } = await readImage(damaged, { pixelsMax: 4096 });
            expect(samples.length).toBe(width * height * channels);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        }
    },
  );

  test("a palette index beyond the palette is refused", async () => {
    const lines = await deflated(Uint8Array.of(0, 7), "deflate");
    const bytes = pngOf({ width: 1, height: 1, colour: 3 }, lines, pngChunk("PLTE", new Uint8Array(6)));
    expect((await refusal(bytes)).message).toContain("colour 7");
  });

  test("other formats are named with what to do", async () => {
    expect((await refusal(new TextEncoder().encode("GIF89a"))).message).toContain("GIF");
    expect((await refusal(new Uint8Array(0))).message).toContain("empty");
  });
});

test("an interlaced image reads as the plain one", async () => {
  // Adam7 of a 2 × 2 image: pass 1 holds (0,0), pass 6 holds (1,0), pass 7 row 1.
  const lines = Uint8Array.of(0, 10, 0, 20, 0, 30, 40);
  const interlaced = await readImage(pngOf({ width: 2, height: 2, interlace: 1 }, await deflated(lines, "deflate")));
  const plain = await readImage(await writePng(2, 2, Uint8Array.of(10, 20, 30, 40)));
  expect(Array.from(interlaced.samples)).toEqual(Array.from(plain.samples));
});
