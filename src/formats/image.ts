/**
 * PNG (W3C PNG, third edition) and JPEG (ITU-T T.81) images as plain samples. The structure is walked and every size held
 * to a limit before a decoder sees the bytes; the decoders are fast-png and jpeg-js.
 */
import { decode as decodePng } from "fast-png";
import jpeg from "jpeg-js";
import { crc32 } from "./crc32.ts";
import { bytesAt, FormatError, viewOf } from "./error.ts";
import { inflate } from "./inflate.ts";
import { sniff } from "./sniff.ts";

export interface Image {
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: red, green, blue. */
  readonly channels: 1 | 3;
  /** Largest value a sample can have: 255 or 65535. */
  readonly maximum: 255 | 65535;
  /** height × width × channels, row-major. */
  readonly samples: Uint8Array | Uint16Array;
}

export interface ImageLimits {
  /** Most pixels of one image; 2^24 (4096 × 4096) by default. */
  readonly pixelsMax?: number;
}

/** Decodes one image, by content. Throws a FormatError for anything damaged, oversized, transparent or of another format. */
export async function readImage(bytes: Uint8Array, limits: ImageLimits = {}): Promise<Image> {
  const found = sniff(bytes);
  if (found.kind === "png") return readPng(bytes, limits.pixelsMax ?? 2 ** 24);
  if (found.kind === "jpeg") return readJpeg(bytes, limits.pixelsMax ?? 2 ** 24);
  throw new FormatError(
    "image",
    0,
    found.kind === "other"
      ? `it is ${found.what}`
      : found.kind === "empty"
        ? "it is empty"
        : `it is no image (${found.kind})`,
    found.kind === "other" ? found.remedy : "save it as PNG",
  );
}

function checkedSize(format: string, at: number, width: number, height: number, pixelsMax: number): void {
  if (width === 0 || height === 0)
    throw new FormatError(format, at, `it claims ${width} × ${height} pixels`, "save the image again");
  if (width * height > pixelsMax)
    throw new FormatError(
      format,
      at,
      `it claims ${width} × ${height} pixels; the limit is ${pixelsMax}`,
      "scale it to the size the model takes",
    );
}

const PNG_START = 8;
const COLOUR_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced: boolean;
}

async function readPng(bytes: Uint8Array, pixelsMax: number): Promise<Image> {
  const FORMAT = "png";
  const chunks = pngChunks(bytes);
  const header = pngHeader(chunks[0], pixelsMax);
  const { width, height } = header;
  const image = chunks.filter(({ type }) => type === "IDAT");
  if (image.length === 0)
    throw new FormatError(FORMAT, bytes.length, "it has no image content (IDAT)", "save the image again");
  // The exact size of the filtered lines is known from the header: whatever inflates to more or less is refused here,
  // so that the decoder below meets only what it can hold.
  const packed = joined(image.map(({ content }) => content));
  const expected = filteredSize(header);
  const inflated = await inflate(packed, "deflate", expected, { format: FORMAT, offset: image[0]!.at });
  if (inflated.length !== expected)
    throw new FormatError(
      FORMAT,
      image[0]!.at,
      `its content unpacks to ${inflated.length} bytes instead of ${expected}`,
      "the image is damaged: fetch or save it again",
    );
  // Ancillary chunks (profiles, text) are left out: they change no sample and may hold bombs of their own.
  const wanted = chunks.filter(({ type }) => ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"].includes(type));
  let decoded: ReturnType<typeof decodePng>;
  try {
    decoded = decodePng(joined([bytes.subarray(0, PNG_START), ...wanted.map(({ whole }) => whole)]));
  } catch (error) {
    throw new FormatError(
      FORMAT,
      PNG_START,
      `it cannot be decoded (${(error as Error).message})`,
      "save the image again",
    );
  }
  const transparency = chunks.find(({ type }) => type === "tRNS");
  const opaque = (transparent: boolean): void => {
    if (transparent)
      throw new FormatError(
        FORMAT,
        transparency?.at ?? PNG_START,
        "it is partly transparent, and what lies behind it decides what the model sees",
        "flatten it onto the background the system uses",
      );
  };
  const pixels = width * height;
  const maximum = header.depth === 16 ? 65535 : 255;
  const samples = (size: number): Uint8Array | Uint16Array =>
    maximum === 255 ? new Uint8Array(size) : new Uint16Array(size);
  const source = decoded.data;
  if (header.colour === 3) {
    const palette = decoded.palette ?? [];
    const out = samples(3 * pixels);
    eachPacked(source, header, (pixel, index) => {
      const entry = palette[index];
      if (!entry)
        throw new FormatError(
          FORMAT,
          image[0]!.at,
          `pixel ${pixel} has colour ${index}, the palette ${palette.length}`,
          "save the image again",
        );
      opaque((entry[3] ?? 255) !== 255);
      out.set(entry.slice(0, 3), 3 * pixel);
    });
    return { width, height, channels: 3, maximum, samples: out };
  }
  opaque(transparency !== undefined);
  if (header.colour === 0) {
    if (header.depth >= 8) return { width, height, channels: 1, maximum, samples: plain(source) };
    const out = samples(pixels);
    const scale = 255 / (2 ** header.depth - 1);
    eachPacked(source, header, (pixel, value) => (out[pixel] = value * scale));
    return { width, height, channels: 1, maximum, samples: out };
  }
  if (header.colour === 2) return { width, height, channels: 3, maximum, samples: plain(source) };
  const channels = header.colour === 4 ? 1 : 3;
  const out = samples(channels * pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = pixel * (channels + 1);
    opaque(source[from + channels] !== maximum);
    for (let channel = 0; channel < channels; channel++) out[pixel * channels + channel] = source[from + channel]!;
  }
  return { width, height, channels, maximum, samples: out };
}

const plain = (source: Uint8Array | Uint8ClampedArray | Uint16Array): Uint8Array | Uint16Array =>
  source instanceof Uint16Array ? source : new Uint8Array(source.buffer, source.byteOffset, source.length);

/** Calls back with each pixel of one channel whose rows are packed to whole bytes, most significant bit first. */
function eachPacked(
  source: Uint8Array | Uint8ClampedArray | Uint16Array,
  { width, height, depth }: PngHeader,
  visit: (pixel: number, value: number) => void,
): void {
  const rowBytes = Math.ceil((width * depth) / 8);
  const mask = 2 ** depth - 1;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const bit = column * depth;
      const byte = source[row * rowBytes + (bit >> 3)]!;
      visit(row * width + column, (byte >> (8 - depth - (bit & 7))) & mask);
    }
}

interface PngChunk {
  readonly type: string;
  readonly at: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

function pngChunks(bytes: Uint8Array): PngChunk[] {
  const FORMAT = "png";
  const chunks: PngChunk[] = [];
  let at = PNG_START;
  for (;;) {
    const start = viewOf(bytesAt(FORMAT, bytes, at, 8, "a chunk"));
    const length = start.getUint32(0);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (!/^[A-Za-z]{4}$/.test(type))
      throw new FormatError(
        FORMAT,
        at + 4,
        "a chunk has no proper type",
        "the image is damaged: fetch or save it again",
      );
    const whole = bytesAt(FORMAT, bytes, at, length + 12, `the chunk ${type}`);
    if (viewOf(whole).getUint32(length + 8) !== crc32(whole.subarray(4, length + 8)))
      throw new FormatError(
        FORMAT,
        at,
        `the chunk ${type} fails its CRC-32`,
        "the image is damaged: fetch or save it again",
      );
    chunks.push({ type, at, content: whole.subarray(8, length + 8), whole });
    at += length + 12;
    if (type === "IEND") return chunks;
    if (chunks.length > 65_536)
      throw new FormatError(FORMAT, at, "it has more than 65536 chunks", "save the image again");
  }
}

function pngHeader(first: PngChunk | undefined, pixelsMax: number): PngHeader {
  const FORMAT = "png";
  if (first?.type !== "IHDR" || first.content.length !== 13)
    throw new FormatError(FORMAT, PNG_START, "it does not start with its header (IHDR)", "save the image again");
  const view = viewOf(first.content);
  const [width, height, depth, colour] = [view.getUint32(0), view.getUint32(4), view.getUint8(8), view.getUint8(9)];
  if (!DEPTHS[colour]?.includes(depth))
    throw new FormatError(
      FORMAT,
      first.at + 16,
      `colour type ${colour} with ${depth} bits is none of PNG's`,
      "save the image again",
    );
  if (view.getUint8(10) !== 0 || view.getUint8(11) !== 0 || view.getUint8(12) > 1)
    throw new FormatError(
      FORMAT,
      first.at + 18,
      "its compression, filter or interlace method is unknown",
      "save the image again",
    );
  checkedSize(FORMAT, first.at + 8, width, height, pixelsMax);
  const interlaced = view.getUint8(12) === 1;
  if (interlaced && depth < 8)
    throw new FormatError(
      FORMAT,
      first.at + 20,
      `it is interlaced with ${depth} bits per sample, which is not read`,
      "save it without interlacing",
    );
  return { width, height, depth, colour, interlaced };
}

/** Bytes of all lines with their filter byte; of Adam7's seven small images where interlaced (PNG §8). */
function filteredSize({ width, height, depth, colour, interlaced }: PngHeader): number {
  const bits = depth * COLOUR_CHANNELS[colour]!;
  const lines = (w: number, h: number): number => (w === 0 || h === 0 ? 0 : h * (1 + Math.ceil((w * bits) / 8)));
  if (!interlaced) return lines(width, height);
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const;
  return passes.reduce(
    (sum, [x, y, dx, dy]) =>
      sum + lines(Math.max(0, Math.ceil((width - x) / dx)), Math.max(0, Math.ceil((height - y) / dy))),
    0,
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Encoders write at most about ten; each costs a pass over the image, so a small file could ask for thousands. */
const SCANS_MAX = 64;

interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly components: 1 | 3;
  /** Three components that are red, green and blue as they stand (Adobe transform 0). */
  readonly plainRgb: boolean;
}

function readJpeg(bytes: Uint8Array, pixelsMax: number): Image {
  const FORMAT = "jpeg";
  const frame = jpegFrame(bytes, pixelsMax);
  const { width, height, components } = frame;
  let decoded: { readonly width: number; readonly height: number; readonly data: Uint8Array };
  try {
    decoded = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      ...(frame.plainRgb && { colorTransform: false }),
      maxResolutionInMP: Math.ceil(pixelsMax / 1e6),
      maxMemoryUsageInMB: 1024,
    });
  } catch (error) {
    throw new FormatError(
      FORMAT,
      2,
      `it cannot be decoded (${error instanceof Error ? error.message : String(error)})`,
      "the image is damaged: fetch it again, or save it as PNG",
    );
  }
  if (decoded.width !== width || decoded.height !== height)
    throw new FormatError(FORMAT, 2, "its decoded size is not the size of its header", "save the image as PNG");
  const pixels = width * height;
  if (components === 3) return { width, height, channels: 3, maximum: 255, samples: decoded.data };
  const grey = new Uint8Array(pixels);
  for (let pixel = 0; pixel < pixels; pixel++) grey[pixel] = decoded.data[3 * pixel]!;
  return { width, height, channels: 1, maximum: 255, samples: grey };
}

/** Walks the markers to the end of the image (T.81 annex B) and returns the one frame. */
function jpegFrame(bytes: Uint8Array, pixelsMax: number): JpegFrame {
  const FORMAT = "jpeg";
  const damaged = "the image is damaged: fetch it again, or save it as PNG";
  let frame: Omit<JpegFrame, "plainRgb"> | undefined;
  let adobeTransform: number | undefined;
  let scans = 0;
  let at = 2;
  for (;;) {
    bytesAt(FORMAT, bytes, at, 2, "a marker");
    if (bytes[at] !== 0xff) throw new FormatError(FORMAT, at, "a marker is missing", damaged);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9) break;
    if (marker === 0x00 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8))
      throw new FormatError(FORMAT, at, `marker ${marker.toString(16)} is out of place`, damaged);
    const length = viewOf(bytesAt(FORMAT, bytes, at + 2, 2, "a segment's length")).getUint16(0);
    if (length < 2) throw new FormatError(FORMAT, at + 2, `a segment claims ${length} bytes`, damaged);
    const segment = bytesAt(FORMAT, bytes, at + 4, length - 2, "a segment");
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (frame) throw new FormatError(FORMAT, at, "it holds a second frame", "save the image as PNG");
      frame = checkedFrame(marker, segment, at, pixelsMax);
    } else if (marker === 0xc4) checkHuffman(segment, at);
    else if (marker === 0xdb) checkQuantisation(segment, at);
    else if (marker === 0xcc)
      throw new FormatError(FORMAT, at, "it is coded arithmetically, which is not read", "save the image as PNG");
    else if (marker === 0xee && segment.length >= 12 && String.fromCharCode(...segment.subarray(0, 5)) === "Adobe")
      adobeTransform = segment[11];
    at += 2 + length;
    if (marker !== 0xda) continue;
    if (!frame) throw new FormatError(FORMAT, at, "a scan comes before its frame", damaged);
    if (segment.length !== 4 + 2 * segment[0]! || segment[0]! < 1 || segment[0]! > 3)
      throw new FormatError(FORMAT, at, "a scan's header has the wrong length", damaged);
    if (++scans > SCANS_MAX)
      throw new FormatError(
        FORMAT,
        at,
        `it has more than ${SCANS_MAX} scans`,
        "no encoder writes so many: save the image as PNG",
      );
    at = entropyEnd(bytes, at);
  }
  if (!frame || scans === 0) throw new FormatError(FORMAT, at, "it ends without an image", damaged);
  return { ...frame, plainRgb: frame.components === 3 && adobeTransform === 0 };
}

/** The next marker that is neither a stuffed byte nor a restart. */
function entropyEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 1 < bytes.length; at++) {
    if (bytes[at] !== 0xff) continue;
    const next = bytes[at + 1]!;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  throw new FormatError(
    "jpeg",
    bytes.length,
    "it ends in the middle of the image",
    "the image is cut short: fetch it again",
  );
}

function checkedFrame(marker: number, segment: Uint8Array, at: number, pixelsMax: number): Omit<JpegFrame, "plainRgb"> {
  const FORMAT = "jpeg";
  if (marker > 0xc2)
    throw new FormatError(
      FORMAT,
      at,
      "it is coded losslessly, hierarchically or arithmetically, which is not read",
      "save the image as PNG",
    );
  if (segment.length < 6) throw new FormatError(FORMAT, at, "its frame header is too short", "save the image again");
  const view = viewOf(segment);
  const [precision, height, width, components] = [
    view.getUint8(0),
    view.getUint16(1),
    view.getUint16(3),
    view.getUint8(5),
  ];
  if (precision !== 8)
    throw new FormatError(FORMAT, at, `it has ${precision} bits per sample; 8 are read`, "save the image as PNG");
  if (components !== 1 && components !== 3)
    throw new FormatError(
      FORMAT,
      at,
      `it has ${components} colour components (CMYK?); 1 or 3 are read`,
      "save it as RGB",
    );
  if (segment.length !== 6 + 3 * components)
    throw new FormatError(FORMAT, at, "its frame header has the wrong length", "save the image again");
  const ids = new Set<number>();
  for (let i = 0; i < components; i++) {
    ids.add(segment[6 + 3 * i]!);
    const sampling = segment[7 + 3 * i]!;
    if (![sampling >> 4, sampling & 15].every((factor) => factor >= 1 && factor <= 4) || segment[8 + 3 * i]! > 3)
      throw new FormatError(FORMAT, at, "a colour component is sampled as no JPEG is", "save the image as PNG");
  }
  if (ids.size !== components)
    throw new FormatError(FORMAT, at, "two colour components have one name", "save the image as PNG");
  checkedSize(FORMAT, at, width, height, pixelsMax);
  return { width, height, components };
}

function checkHuffman(segment: Uint8Array, at: number): void {
  for (let from = 0; from < segment.length;) {
    const counts = segment.subarray(from + 1, from + 17);
    const values = counts.reduce((sum, count) => sum + count, 0);
    // Codes of 1 to 16 bits must fit a binary tree (T.81 C.2).
    const room = counts.reduce((left, count) => 2 * left - count, 1);
    if (counts.length < 16 || values > 256 || room < 0 || from + 17 + values > segment.length)
      throw new FormatError("jpeg", at + 4 + from, "a Huffman table is impossible", "save the image as PNG");
    from += 17 + values;
  }
}

function checkQuantisation(segment: Uint8Array, at: number): void {
  for (let from = 0; from < segment.length;) {
    const precision = segment[from]! >> 4;
    from += 1 + (precision === 0 ? 64 : 128);
    if (precision > 1 || from > segment.length)
      throw new FormatError("jpeg", at + 4, "a quantisation table is impossible", "save the image as PNG");
  }
}
