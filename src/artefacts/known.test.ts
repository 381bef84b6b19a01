/** Names for what is not read: each by its bytes alone, and none of them fine. */
import { expect, test } from "vitest";
import { bytes } from "../../test/support/pickle.ts";
import { field } from "../../test/support/protobuf.ts";
import { scanned } from "../../test/support/scan.ts";

const room = new Uint8Array(200).fill(0xee);

test.each<[string, Uint8Array]>([
  ["an ONNX Runtime model (ORT format)", bytes(0x1c, 0, 0, 0, "ORTM", room)],
  ["a CatBoost model", bytes("CBM1", room)],
  ["an XGBoost model in its old binary format", bytes("binf", room)],
  ["a GGML model, from before GGUF", bytes("tjgg", room)],
  ["an OpenVINO model", bytes('<?xml version="1.0"?>\n<net name="x" version="11">')],
  ["an XML document", bytes('<?xml version="1.0"?>\n<note/>')],
  ["a Core ML model", bytes(field(1, 4), field(2, bytes(field(1, "x"))), field(500, room))],
  ["a SentencePiece vocabulary", bytes(0x0a, 0x0e, 0x0a, 5, "<unk>", 0x15, 0, 0, 0, 0, 0x18, 2)],
  ["MessagePack, as Flax writes models", bytes(0x81, 0xa6, "params", 0x82, 0xa5, "dense", room)],
  ["the index of a TensorFlow checkpoint", bytes(room, 0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb)],
  ["a RAR archive", bytes("Rar!\u001a\u0007\u0001\0", room)],
  ["a 7-Zip archive", bytes("7z\u00bc\u00af\u0027\u001c", room)],
  ["a PDF document", bytes("%PDF-1.7\n", room)],
  ["an ELF program or library", bytes(0x7f, "ELF", 2, 1, 1, room)],
  ["text in UTF-16", bytes(0xff, 0xfe, "h\0i\0")],
  ["text", bytes("tree of life\n")],
])("%s is known by its bytes, and unknown or worse", (what, content) => {
  const file = scanned(content, "file");
  expect(["unknown", "suspicious"]).toContain(file.verdict);
  expect(file.findings.find(({ rule }) => rule === "not-recognised")!.message).toBe(
    `it looks like ${what}, which is not read here`,
  );
});

test("bytes of no format are said to be that", () =>
  expect(scanned(room, "file").findings[0]!.message).toBe("its bytes are of no format that is read here"));
