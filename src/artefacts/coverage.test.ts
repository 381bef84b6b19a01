/** What the ledger calls read was read: whatever is planted anywhere else, or behind the end, changes the verdict. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  coremlFile,
  coremlValues,
  ggufFile,
  HARMLESS,
  mutated,
  PAYLOADS,
  pmmlFile,
  safetensorsFile,
  torchZip,
  writeSafetensors,
  writeTar,
} from "../../test/support/artefacts.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import { field, onnxFile } from "../../test/support/protobuf.ts";
import { scanned } from "../../test/support/scan.ts";
import { rng } from "#base/random.ts";
import { tfliteFile, tfliteGraph } from "#formats/flatbuffers.testing.ts";
import { contentOf } from "#formats/content.ts";
import { writeSevenZip } from "#formats/sevenzip.testing.ts";
import { writeNpy, writeZip } from "#formats/writers.testing.ts";
import type { ScanFile } from "#assessment/index.ts";
import { catboostModel, lightgbmModel, writeUbjson, xgboostModel } from "./boosted.testing.ts";
import { Ledger } from "./ledger.ts";
import { readOf, verdictOf } from "./verdict.ts";

const room = (length: number, byte = 0): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(byte);

/** Artefacts with bytes that nothing accounts for. */
const GAPPED: Readonly<Record<string, Uint8Array>> = {
  "a pickle that breaks off": bytes(op.proto(4), op.int(1), 0xff, room(400)),
  "a pickle followed by something else": bytes(pickle(op.int(1)), room(400)),
  "an array followed by something else": bytes(writeNpy(new Float64Array(3), [3]), room(400, 0x20)),
  "a zip with bytes before it": writeZip(
    [{ name: "a.npy", content: writeNpy(new Float64Array(3), [3]) }],
    room(400, 0x41),
  ),
  "a zip followed by something else": bytes(torchZip(), room(400)),
  "a zip with a member of another kind": writeZip([{ name: "notes", content: room(400, 0xee) }]),
  "a tar followed by something else": bytes(writeTar([{ name: "a", content: pickle(op.int(1)) }]), room(400, 0x30)),
  "a safetensors file with a hole": writeSafetensors(
    {
      a: { dtype: "U8", shape: [4], data_offsets: [0, 4] },
      b: { dtype: "U8", shape: [4], data_offsets: [404, 408] },
    },
    room(408, 0x33),
  ),
  "a safetensors file whose header is followed within its length": writeSafetensors(`{}${"\0".repeat(400)}`),
  "a safetensors file followed by something else": bytes(safetensorsFile(), room(400, 0x11)),
  "a GGUF file with a hole": ggufFile({
    tensors: [
      { name: "a", dims: [8] },
      { name: "b", dims: [8], at: 480 },
    ],
    data: room(512, 0x33),
  }),
  "a GGUF file followed by something else": bytes(ggufFile(), room(400, 0x11)),
  "a GGUF file whose header breaks off": ggufFile({ counts: [2n, 90n], data: room(500, 0xee) }),
  "an ONNX model with a field that nothing knows": bytes(onnxFile(), field(99, room(400, 0x22))),
  "an ONNX model that breaks off": bytes(onnxFile().subarray(0, -20), room(400, 0xff)),
  "a TFLite model followed by something else": bytes(tfliteFile(), room(400, 0x11)),
  "a TFLite model whose operator keeps options of its own": tfliteFile({
    operator_codes: [{ deprecated_builtin_code: 32, custom_code: "Acme", builtin_code: 32 }],
    subgraphs: [
      tfliteGraph({ operators: [{ opcode_index: 0, inputs: [0], outputs: [2], custom_options: room(400, 0x22) }] }),
    ],
  }),
  "a TFLite model that breaks off": bytes(tfliteFile().subarray(0, 200), room(400, 0xff)),
  "a model of XGBoost's followed by something else": bytes(writeUbjson(xgboostModel()), room(400, 0x11)),
  "a model of LightGBM's followed by something else": bytes(lightgbmModel(), "\n", room(400, 0x11)),
  "a PMML model followed by something else": bytes(pmmlFile(), "\n", room(400, 0x11)),
  "a Core ML model with a layer that nothing knows": coremlFile(
    500,
    field(1, bytes(field(1, "a"), field(1999, room(400, 0x22)))),
  ),
  "a Core ML model of a text framework's": coremlFile(2000, field(100, room(400, 0x22))),
  "values of Core ML followed by something else": bytes(coremlValues(room(64, 7)), room(400, 0x11)),
  "a 7z archive with a hole": writeSevenZip({
    files: [{ name: "a.pkl", content: pickle(op.int(1)) }],
    gap: room(400, 0x41),
  }),
  "a 7z archive packed in a way that nothing reads": writeSevenZip({
    files: [{ name: "a.pkl", content: room(400, 0x22) }],
    coder: bytes(0x03, 3, 4, 1),
  }),
  "a model of CatBoost's followed by something else": bytes(catboostModel(), room(400, 0x11)),
  "something else altogether": bytes(0xfe, room(500, 0xab)),
  "plain text": bytes("all work and no play makes jack a dull boy\n".repeat(12)),
};

const unreadOf = (file: ScanFile): readonly { start: number; end: number }[] =>
  file.read === "none" && file.findings.some(({ rule }) => rule === "not-recognised")
    ? file.findings.filter(({ rule }) => rule === "not-recognised")
    : file.findings.filter(({ rule }) => rule === "unread-bytes");

const payload = fc.constantFrom(...Object.keys(PAYLOADS));
const runs = { seed: Number(process.env.VAUBAN_FUZZ_SEED ?? 5), numRuns: Number(process.env.VAUBAN_FUZZ ?? 300) };

describe("a payload", () => {
  test("behind the end of any artefact that has no code path changes the verdict", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(HARMLESS)),
        payload,
        fc.nat(40),
        fc.nat(255),
        (name, what, gap, byte) => {
          const after = bytes(HARMLESS[name]!, room(gap, byte), PAYLOADS[what]!);
          expect(scanned(after, "model.bin").verdict).not.toBe("no code path found");
        },
      ),
      runs,
    ));
  test("in any unread range, or behind the end, of an unknown one makes it suspicious at least", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(GAPPED)),
        payload,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        (name, what, where, behind) => {
          const before = GAPPED[name]!;
          const first = scanned(before, "model.bin");
          expect(first.verdict === "unknown" || name.includes("before it")).toBe(true);
          const planted = Uint8Array.from(before);
          const hostile = PAYLOADS[what]!;
          if (behind) {
            expect(["malicious", "suspicious"]).toContain(scanned(bytes(before, hostile), "model.bin").verdict);
            return;
          }
          const gaps = unreadOf(first).filter(({ start, end }) => end - start >= hostile.length);
          // The zip's member is unread within; its bytes lie behind its local header.
          const gap = gaps[0] ?? { start: 35, end: 435 };
          const at = gap.start + Math.floor(where * (gap.end - gap.start - hostile.length));
          planted.set(hostile, at);
          const then = scanned(planted, "model.bin");
          expect([name, what, at, then.verdict]).toSatisfy(() => ["malicious", "suspicious"].includes(then.verdict));
        },
      ),
      runs,
    ));
});

test("whatever broken artefact it is planted in, a payload is flagged, or has become data that was read", () => {
  const random = rng("plant");
  const whole = (below: number): number => Math.floor(random.uniform() * below);
  const [seeds, payloads] = [Object.values(HARMLESS), Object.values(PAYLOADS)];
  let planted = 0;
  for (let i = 0; i < 2000; i++) {
    const cut = mutated(seeds[i % seeds.length]!, seeds[whole(seeds.length)]!, random);
    const middle = whole(cut.length);
    const broken = bytes(cut.subarray(0, middle), room(200, whole(256)), cut.subarray(middle));
    const first = scanned(broken, "model.bin");
    const hostile = payloads[whole(payloads.length)]!;
    const gap = unreadOf(first).find(({ start, end }) => end - start >= hostile.length);
    if (first.verdict !== "unknown" || !gap) continue;
    planted++;
    const at = gap.start + whole(gap.end - gap.start - hostile.length + 1);
    const after = Uint8Array.from(broken);
    after.set(hostile, at);
    const then = scanned(after, "model.bin");
    const unread = unreadOf(then).some(({ start, end }) => start < at + hostile.length && end > at);
    if (!["malicious", "suspicious"].includes(then.verdict) && unread)
      expect.fail(`mutant ${i}, byte ${at}: ${JSON.stringify(then.findings)}`);
  }
  expect(planted).toBeGreaterThan(500);
});

describe("a verdict", () => {
  test("of no code path needs every byte and every member", () => {
    expect(verdictOf([], [], "whole", false)).toBe("no code path found");
    expect(verdictOf([], [], "part", false)).toBe("unknown");
    expect(verdictOf([], [], "none", false)).toBe("unknown");
    expect(verdictOf([], [{ verdict: "unknown" }], "whole", false)).toBe("unknown");
    expect(readOf(10, 10, [{ read: "part" }])).toBe("part");
    expect(readOf(0, 10, [])).toBe("none");
  });
  test("is the gravest of its own and its members'", () => {
    expect(verdictOf([{ severity: "suspicious" }], [{ verdict: "malicious" }], "whole", false)).toBe("malicious");
    expect(verdictOf([{ severity: "note" }], [], "whole", false)).toBe("no code path found");
  });
  test("on a header says that it is on a header", () => {
    expect(verdictOf([], [], "part", true)).toBe("header-ok");
    expect(verdictOf([{ severity: "unknown" }], [], "part", true)).toBe("unknown");
    expect(verdictOf([], [{ verdict: "header-ok" }], "part", false)).toBe("header-ok");
  });
});

describe("the ledger", () => {
  test("knows the bytes nobody entered, whatever the order (against a bitmap)", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60 }),
        fc.array(fc.tuple(fc.nat(60), fc.nat(60)), { maxLength: 20 }),
        (size, ranges) => {
          const ledger = new Ledger(size);
          const bitmap = Array<boolean>(size).fill(false);
          for (const [a, b] of ranges) {
            const [start, end] = [Math.min(a, b, size), Math.min(Math.max(a, b), size)];
            ledger.understood(start, end);
            bitmap.fill(true, start, end);
          }
          const unread = ledger
            .unread()
            .flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
          expect(unread).toEqual(bitmap.flatMap((read, i) => (read ? [] : [i])));
          expect(ledger.bytesUnderstood).toBe(bitmap.filter(Boolean).length);
        },
      ),
    ));
  test("refuses bytes that the file does not have", () => expect(() => new Ledger(4).understood(2, 5)).toThrow());
  test("tells why, where a check said", () => {
    const ledger = new Ledger(10);
    ledger.understood(0, 4);
    ledger.left(4, 10, "it follows");
    expect(ledger.unread()).toEqual([{ start: 4, end: 10, because: "it follows" }]);
  });
});

test("content never gives bytes that are not there", () => {
  const content = contentOf(new Uint8Array(4));
  for (const [at, length] of [
    [-1, 1],
    [0, 5],
    [4, 1],
    [2, -1],
    [0.5, 1],
    [Number.NaN, 1],
    [0, Number.NaN],
  ] as const)
    expect(() => content.read(at, length)).toThrow();
});
