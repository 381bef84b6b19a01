/** Writers for tests: the smallest files of each format, and every lie a header can tell. */
import { crc32 } from "./crc32.ts";
import images from "./fixtures/images.json" with { type: "json" };

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

export function concatenated(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** An .npy of version 1.0 with any header at all. */
export function npyWithHeader(header: string, body: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const text = ascii(`${header}\n`);
  return concatenated(Uint8Array.of(0x93, ...ascii("NUMPY"), 1, 0, text.length & 255, text.length >> 8), text, body);
}

const DESCR = new Map<unknown, string>([
  [Uint8Array, "|u1"],
  [Int32Array, "<i4"],
  [Float32Array, "<f4"],
  [Float64Array, "<f8"],
]);

export function writeNpy(
  values: Uint8Array | Int32Array | Float32Array | Float64Array,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  return npyWithHeader(
    `{'descr': '${DESCR.get(values.constructor)}', 'fortran_order': False, 'shape': ${tuple}, }`,
    bytesOf(values),
  );
}

export interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array;
  /** Lies: what the headers say instead of the truth. */
  readonly flags?: number;
  readonly method?: number;
  readonly packed?: Uint8Array;
  readonly size?: number;
  readonly localName?: string;
  readonly localSize?: number;
  readonly localMethod?: number;
  readonly crc?: number;
  readonly at?: number;
  /** What the directory says of it: DOS's attributes, and above them the mode of POSIX, as from such a system. */
  readonly attributes?: number;
  /** Extra fields, in the directory only. */
  readonly extra?: Uint8Array;
}

/** A ZIP archive; members are stored unless `packed` bytes and a `method` are given. */
export function writeZip(entries: readonly ZipEntry[], before = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const u16 = (value: number): number[] => [value & 255, (value >> 8) & 255];
  const u32 = (value: number): number[] => [...u16(value & 0xffff), ...u16((value >>> 16) & 0xffff)];
  const parts: Uint8Array[] = [before];
  const central: Uint8Array[] = [];
  let at = before.length;
  for (const entry of entries) {
    const packed = entry.packed ?? entry.content;
    const size = entry.size ?? entry.content.length;
    const method = entry.method ?? 0;
    const flags = entry.flags ?? 0;
    const crc = entry.crc ?? crc32(entry.content);
    const name = new TextEncoder().encode(entry.name);
    const localName = new TextEncoder().encode(entry.localName ?? entry.name);
    const local = concatenated(
      Uint8Array.from([
        ...u32(0x04034b50),
        ...u16(20),
        ...u16(flags),
        ...u16(entry.localMethod ?? method),
        ...u32(0),
        ...u32(crc),
        ...u32(packed.length),
        ...u32(entry.localSize ?? size),
        ...u16(localName.length),
        ...u16(0),
      ]),
      localName,
      packed,
    );
    central.push(
      concatenated(
        Uint8Array.from([
          ...u32(0x02014b50),
          ...u16(entry.attributes === undefined ? 20 : 0x0314),
          ...u16(20),
          ...u16(flags),
          ...u16(method),
          ...u32(0),
          ...u32(crc),
          ...u32(packed.length),
          ...u32(size),
          ...u16(name.length),
          ...u16(entry.extra?.length ?? 0),
          ...u16(0),
          ...u16(0),
          ...u16(0),
          ...u32(entry.attributes ?? 0),
          ...u32(entry.at ?? at),
        ]),
        name,
        entry.extra ?? new Uint8Array(0),
      ),
    );
    parts.push(local);
    at += local.length;
  }
  const directory = concatenated(...central);
  const end = Uint8Array.from([
    ...u32(0x06054b50),
    ...u16(0),
    ...u16(0),
    ...u16(entries.length),
    ...u16(entries.length),
    ...u32(directory.length),
    ...u32(at),
    ...u16(0),
  ]);
  return concatenated(...parts, directory, end);
}

export function writeIdx(type: number, shape: readonly number[], body: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  const view = new DataView(header.buffer);
  shape.forEach((size, i) => view.setUint32(4 + 4 * i, size));
  return concatenated(header, body);
}

/** Packs bytes by the platform's own CompressionStream. */
export async function deflated(
  bytes: Uint8Array<ArrayBuffer>,
  kind: "deflate-raw" | "deflate" | "gzip",
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream(kind));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export function pngChunk(type: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const named = concatenated(ascii(type), content);
  const chunk = concatenated(new Uint8Array(4), named, new Uint8Array(4));
  const view = new DataView(chunk.buffer);
  view.setUint32(0, content.length);
  view.setUint32(8 + content.length, crc32(named));
  return chunk;
}

/** A PNG of one size whose content is whatever `idat` holds. */
export function pngOf(
  {
    width,
    height,
    depth = 8,
    colour = 0,
    interlace = 0,
  }: { width: number; height: number; depth?: number; colour?: number; interlace?: number },
  idat: Uint8Array,
  ...extra: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, colour, 0, 0, interlace], 8);
  return concatenated(
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    pngChunk("IHDR", header),
    ...extra,
    pngChunk("IDAT", idat),
    pngChunk("IEND", new Uint8Array(0)),
  );
}

/** A grey PNG of the given 8-bit samples. */
export async function writePng(
  width: number,
  height: number,
  samples: Uint8Array,
  colour: 0 | 2 = 0,
): Promise<Uint8Array<ArrayBuffer>> {
  const row = width * (colour === 2 ? 3 : 1);
  const lines = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++) lines.set(samples.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  return pngOf({ width, height, colour }, await deflated(lines, "deflate"));
}

export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** A 16 × 16 colour JPEG that Pillow wrote. */
export const JPEG_16 = fromBase64(images.images["jpeg 4:4:4"].bytes);
