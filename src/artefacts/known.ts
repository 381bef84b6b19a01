/** Names for what no check reads, by its bytes, so that "unknown" can say of what. A name here is no promise. */
import { upTo, type Content } from "#formats/content.ts";
import { topFields } from "#formats/protobuf-walk.ts";

const ascii = (text: string): readonly number[] => Array.from(text, (letter) => letter.charCodeAt(0));

type Magic = readonly [what: string, at: number, magic: readonly number[]];

/** Models that other libraries read. */
const MODELS: readonly Magic[] = [
  ["an ONNX Runtime model (ORT format)", 4, ascii("ORTM")],
  ["an ExecuTorch program", 4, ascii("ET12")],
  ["an ExecuTorch program", 4, ascii("ET13")],
  ["a MindSpore model", 4, ascii("MSL2")],
  ["a CatBoost model", 0, ascii("CBM1")],
  ["an XGBoost model in its old binary format", 0, ascii("binf")],
  ["an ncnn network", 0, ascii("7767517\n")],
  ["an RKNN model", 0, ascii("RKNN")],
  ["a TensorRT engine", 0, ascii("ptrt")],
  ["a TensorRT engine", 0, ascii("ftrt")],
  ["a GGML model, from before GGUF", 0, ascii("lmgg")],
  ["a GGML model, from before GGUF", 0, ascii("fmgg")],
  ["a GGML model, from before GGUF", 0, ascii("tjgg")],
  ["a GGML adapter, from before GGUF", 0, ascii("algg")],
  ["MLIR bytecode", 0, [0x4d, 0x4c, 0xef, 0x52]],
  ["LLVM bitcode", 0, [0x42, 0x43, 0xc0, 0xde]],
  ["an MXNet parameter file", 0, [0x12, 1, 0, 0, 0, 0, 0, 0]],
];

/** Data, containers and programs. */
const OTHERS: readonly Magic[] = [
  ["a 7-Zip archive", 0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["a RAR archive", 0, ascii("Rar!\u001a\u0007")],
  ["a cabinet archive", 0, ascii("MSCF")],
  ["an ar archive or static library", 0, ascii("!<arch>\n")],
  ["a xar archive", 0, ascii("xar!")],
  ["an RPM package", 0, [0xed, 0xab, 0xee, 0xdb]],
  ["a file packed by compress", 0, [0x1f, 0x9d]],
  ["an lzop stream", 0, [0x89, ...ascii("LZO\0")]],
  ["a Snappy stream", 0, [0xff, 6, 0, 0, ...ascii("sNaPpY")]],
  ["a Parquet file", 0, ascii("PAR1")],
  ["an Arrow file", 0, ascii("ARROW1")],
  ["a Feather file", 0, ascii("FEA1")],
  ["an Avro file", 0, ascii("Obj\u0001")],
  ["an ORC file", 0, ascii("ORC")],
  ["an SQLite database", 0, ascii("SQLite format 3")],
  ["a MATLAB file", 0, ascii("MATLAB 5.0")],
  ["a NetCDF file", 0, ascii("CDF")],
  ["data of R", 0, ascii("RDX3\n")],
  ["data of R", 0, ascii("RDX2\n")],
  ["a FITS file", 0, ascii("SIMPLE  =")],
  ["a DICOM image", 128, ascii("DICM")],
  ["an ELF program or library", 0, [0x7f, ...ascii("ELF")]],
  ["a Windows program or library", 0, ascii("MZ")],
  ["a Mach-O program or library", 0, [0xcf, 0xfa, 0xed, 0xfe]],
  ["a Mach-O program or library", 0, [0xce, 0xfa, 0xed, 0xfe]],
  ["a Java class, or a Mach-O program", 0, [0xca, 0xfe, 0xba, 0xbe]],
  ["a WebAssembly module", 0, [0, ...ascii("asm")]],
  ["Lua bytecode", 0, [0x1b, ...ascii("Lua")]],
  ["LuaJIT bytecode", 0, [0x1b, ...ascii("LJ")]],
  ["an Android program (DEX)", 0, ascii("dex\n")],
  ["an OLE document of Office", 0, [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]],
  ["a PDF document", 0, ascii("%PDF-")],
  ["a PostScript document", 0, ascii("%!PS")],
  ["an RTF document", 0, ascii("{\\rtf")],
  ["a PNG image", 0, [0x89, ...ascii("PNG\r\n\u001a\n")]],
  ["a JPEG image", 0, [0xff, 0xd8, 0xff]],
  ["a GIF image", 0, ascii("GIF8")],
  ["a BMP image", 0, ascii("BM")],
  ["a TIFF image", 0, ascii("II*\0")],
  ["a TIFF image", 0, ascii("MM\0*")],
  ["a WebP image", 8, ascii("WEBP")],
  ["a WAV recording", 8, ascii("WAVE")],
  ["an Ogg stream", 0, ascii("OggS")],
  ["a FLAC recording", 0, ascii("fLaC")],
  ["an MP3 recording", 0, ascii("ID3")],
  ["an MP4 container", 4, ascii("ftyp")],
  ["a Matroska container", 0, [0x1a, 0x45, 0xdf, 0xa3]],
  ["keys or certificates", 0, ascii("-----BEGIN ")],
];

/** leveldb's table format, by its last bytes; TensorFlow keeps the names and places of a checkpoint's tensors in it. */
const TABLE = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/** Text by how it begins, white space and case aside. */
const TEXTS: readonly (readonly [what: string, begins: RegExp])[] = [
  ["a script for an interpreter", /^#!/],
  ["an OpenVINO model", /^(?:<\?xml[^>]*>\s*)?<net\s[^>]*version=/],
  ["an SVG image", /^(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<svg[\s>]/s],
  ["an HTML document", /^<(?:!doctype\s+html|html)\b/i],
  ["an XML document", /^<\?xml\s/],
  ["a PHP program", /^<\?php\b/],
  ["a Caffe network in text", /^(?:#.*\n)*\s*(?:name\s*:\s*".*"\s*\n\s*)?(?:input\s*:|layers?\s*\{)/],
  ["a Jinja template", /\{%[-+]?\s*\w|\{\{[-+]?\s*\w/],
];

/** What the bytes look like, or that nobody here knows. */
export function appearance(content: Content): string {
  const found = lookOf(content);
  return found === undefined
    ? "its bytes are of no format that is read here"
    : `it looks like ${found}, which is not read here`;
}

function lookOf(content: Content): string | undefined {
  const head = upTo(content, 0, 4096);
  const has = ([, at, magic]: Magic): boolean => magic.every((byte, i) => head[at + i] === byte);
  const text = textOf(head);
  // Words begin like two or three letters of anything.
  const found = [...MODELS, ...OTHERS].find((one) => has(one) && (text === undefined || one[2].length > 3));
  if (found) return found[0];
  const tail = upTo(content, content.size - TABLE.length, TABLE.length);
  if (TABLE.every((byte, i) => tail[i] === byte)) return "the index of a TensorFlow checkpoint";
  const start = String.fromCharCode(...head.subarray(0, 64));
  // MessagePack: a map whose first key is a short text of letters.
  if (/^[\u0081-\u008f][\u00a1-\u00bf][a-z_]{2,31}[\u0080-\u00ff]/.test(start))
    return "MessagePack, as Flax writes models";
  if (head[0] === 0x0a && start.includes("<unk>")) return "a SentencePiece vocabulary";
  if (isCoreMl(content, head)) return "a Core ML model";
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return "text in UTF-16";
  return text && (TEXTS.find(([, begins]) => begins.test(text.trimStart()))?.[0] ?? "text");
}

/** The bytes as text without control characters, where they are; a character that is cut off at the end is left out. */
function textOf(head: Uint8Array): string | undefined {
  if (head.length === 0 || head.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20))) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
  } catch {
    return undefined;
  }
}

/** CoreML.Specification.Model: a version, a description, and a field of 200 or more that holds the model (Model.proto). */
function isCoreMl(content: Content, head: Uint8Array): boolean {
  if (head[0] !== 0x08 || head[1]! > 20 || head[2] !== 0x12) return false;
  const { fields, whole } = topFields(content, 0, content.size, 32);
  return (
    whole &&
    fields.every(({ number }) => [1, 2, 10].includes(number) || (number >= 200 && number <= 3000)) &&
    fields.some(({ number, wireType }) => number >= 200 && wireType === 2)
  );
}

/** Endings of formats that hold data and nothing that runs. */
const DATA_ONLY =
  /\.(safetensors|gguf|onnx|json|jsonl|txt|csv|tsv|md|ya?ml|xml|html?|png|jpe?g|gif|webp|parquet|arrow)$/i;

/** Whether a name promises that a file holds nothing that runs. */
export const promisesData = (path: string): string | undefined => DATA_ONLY.exec(path)?.[0];
