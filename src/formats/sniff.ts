/** What a file is, by its bytes; its name is asked last and only about text. */
import { isIdx } from "./idx.ts";
import { isNpy } from "./npy.ts";
import { isZip } from "./zip.ts";

export type Sniffed =
  | { readonly kind: "npy" | "zip" | "gzip" | "idx" | "png" | "jpeg" | "text" | "empty" }
  /** A known format that no reader here reads, or bytes nobody knows. */
  | { readonly kind: "other"; readonly what: string; readonly remedy: string };

const starts = (bytes: Uint8Array, magic: readonly number[]): boolean =>
  bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
const letters = (text: string): readonly number[] => Array.from(text, (letter) => letter.charCodeAt(0));

const AS_NPZ = "save the arrays with numpy.savez(path, x=…, y=…)";
const OTHERS: readonly (readonly [magic: readonly number[], what: string, remedy: string])[] = [
  [[0x89, ...letters("HDF\r\n")], "an HDF5 file", AS_NPZ],
  [letters("PAR1"), "a Parquet file", "save it as .csv, or the arrays with numpy.savez(path, x=…, y=…)"],
  [letters("ARROW1"), "an Arrow file", "save it as .csv, or the arrays with numpy.savez(path, x=…, y=…)"],
  [letters("MATLAB 5.0"), "a MATLAB file", AS_NPZ],
  [letters("GIF8"), "a GIF image", "save it as PNG"],
  [letters("BM"), "a BMP image", "save it as PNG"],
  [letters("II*\0"), "a TIFF image", "save it as PNG"],
  [letters("MM\0*"), "a TIFF image", "save it as PNG"],
  [letters("RIFF"), "a WebP image or another RIFF file", "save it as PNG"],
  [letters("%PDF"), "a PDF document", "export the table or images from it"],
  [[0x28, 0xb5, 0x2f, 0xfd], "a Zstandard archive", "unpack it first"],
  [[0xfd, ...letters("7zXZ")], "an XZ archive", "unpack it first"],
  [letters("BZh"), "a bzip2 archive", "unpack it first"],
  [letters("7z\xbc\xaf"), "a 7-Zip archive", "unpack it first"],
];

/** How much of a file decides whether it is text. */
const SAMPLE = 4096;

export function sniff(bytes: Uint8Array): Sniffed {
  if (bytes.length === 0) return { kind: "empty" };
  if (isNpy(bytes)) return { kind: "npy" };
  if (isZip(bytes)) return { kind: "zip" };
  if (starts(bytes, [0x1f, 0x8b])) return { kind: "gzip" };
  if (starts(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return { kind: "png" };
  if (starts(bytes, [0xff, 0xd8, 0xff])) return { kind: "jpeg" };
  if (starts(bytes, [0x80]) && bytes[1]! >= 2 && bytes[1]! <= 5)
    return {
      kind: "other",
      what: "a Python pickle; reading it would run its author's code",
      remedy: AS_NPZ,
    };
  for (const [magic, what, remedy] of OTHERS) if (starts(bytes, magic)) return { kind: "other", what, remedy };
  if (isIdx(bytes)) return { kind: "idx" };
  const sample = bytes.subarray(0, SAMPLE);
  if (sample.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)) return { kind: "text" };
  return { kind: "other", what: "neither an array, an archive, an image nor text", remedy: AS_NPZ };
}
