/** Names for what no check reads, by its first bytes, so that "unknown" can say of what. */
import { upTo, type Content } from "#formats/content.ts";

const ascii = (text: string): readonly number[] => Array.from(text, (letter) => letter.charCodeAt(0));

const MAGICS: readonly (readonly [what: string, at: number, magic: readonly number[]])[] = [
  ["a 7-Zip archive", 0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["a RAR archive", 0, ascii("Rar!\u001a\u0007")],
  ["a cabinet archive", 0, ascii("MSCF")],
  ["a TFLite model", 4, ascii("TFL3")],
  ["a Parquet file", 0, ascii("PAR1")],
  ["an Arrow file", 0, ascii("ARROW1")],
  ["an SQLite database", 0, ascii("SQLite format 3")],
  ["an ELF program or library", 0, [0x7f, ...ascii("ELF")]],
  ["a Windows program or library", 0, ascii("MZ")],
  ["a Mach-O program or library", 0, [0xcf, 0xfa, 0xed, 0xfe]],
  ["a Java class, or a Mach-O program", 0, [0xca, 0xfe, 0xba, 0xbe]],
  ["a WebAssembly module", 0, [0, ...ascii("asm")]],
  ["a PNG image", 0, [0x89, ...ascii("PNG\r\n\u001a\n")]],
  ["a JPEG image", 0, [0xff, 0xd8, 0xff]],
  ["a GIF image", 0, ascii("GIF8")],
  ["a PDF document", 0, ascii("%PDF-")],
  ["a MATLAB file", 0, ascii("MATLAB 5.0")],
  ["a NetCDF file", 0, ascii("CDF")],
];

/** What the bytes look like, or that nobody here knows. */
export function appearance(content: Content): string {
  const head = upTo(content, 0, 32);
  const found = MAGICS.find(([, at, magic]) => magic.every((byte, i) => head[at + i] === byte));
  if (found) return `it looks like ${found[0]}, which is not read here`;
  // leveldb's table format, which TensorFlow keeps the names and places of a checkpoint's tensors in.
  const tail = upTo(content, content.size - 8, 8);
  if ([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb].every((byte, i) => tail[i] === byte))
    return "it looks like the index of a TensorFlow checkpoint, which is not read here";
  return "its bytes are of no format that is read here";
}

/** Endings of formats that hold data and nothing that runs. */
const DATA_ONLY =
  /\.(safetensors|gguf|onnx|json|jsonl|txt|csv|tsv|md|ya?ml|xml|html?|png|jpe?g|gif|webp|parquet|arrow)$/i;

/** Whether a name promises that a file holds nothing that runs. */
export const promisesData = (path: string): string | undefined => DATA_ONLY.exec(path)?.[0];
