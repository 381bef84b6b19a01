/**
 * Large files: `node bench/scan/large.ts FOLDER GIGABYTES` makes sparse models there, scans them, and prints as one line of JSON how
 * long the check of a header takes and how long the hash, and what memory a folder of GIGABYTES took.
 */
import { closeSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { scanFile } from "#artefacts/scan.ts";
import { scanPorts, withFile } from "#host/unpack.ts";
import { writeGguf, writeSafetensors } from "../../test/support/artefacts.ts";
import { field, onnx } from "../../test/support/protobuf.ts";

const GB = 1_000_000_000;
const [folder, gigabytes] = process.argv.slice(2);

/** A file whose first bytes are given and whose rest is a hole. */
function sparse(name: string, head: Uint8Array, size: number): string {
  const path = join(folder!, name);
  const file = openSync(path, "w");
  writeSync(file, head);
  ftruncateSync(file, size);
  closeSync(file);
  return path;
}

/** Layers as a model of a few billion parameters has them, of the same size each, filling `size` bytes. */
const LAYERS = 400;
function safetensors(name: string, size: number): string {
  const each = Math.floor(size / LAYERS / 2) * 2;
  const header = Object.fromEntries(
    Array.from({ length: LAYERS }, (_, i) => [
      `model.layers.${i}.weight`,
      { dtype: "F16", shape: [each / 2], data_offsets: [i * each, (i + 1) * each] },
    ]),
  );
  const head = writeSafetensors(header);
  return sparse(name, head, head.length + each * LAYERS);
}
function gguf(name: string, size: number): string {
  const each = Math.floor(size / LAYERS / 34 / 32) * 34 * 32;
  const words = Array.from({ length: 128_000 }, (_, i) => `token${i}`);
  const head = writeGguf({
    metadata: [
      ["general.architecture", "llama"],
      ["tokenizer.ggml.tokens", words],
      ["tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}"],
    ],
    tensors: Array.from({ length: LAYERS }, (_, i) => ({
      name: `blk.${i}`,
      dims: [(each / 34) * 32],
      type: 8,
      at: i * each,
    })),
    data: new Uint8Array(1),
  });
  return sparse(name, head.subarray(0, -1), head.length - 1 + each * LAYERS);
}
function onnxModel(name: string, size: number): string {
  // The tensor's bytes come last, so that the file can be a hole from there.
  const raw = Math.floor(size / 4) * 4;
  const varint = (value: number): Uint8Array => {
    const out: number[] = [];
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
    return Uint8Array.of(...out, rest);
  };
  const tensor = Buffer.concat([onnx.tensor("w", [raw / 4]), Uint8Array.of(0x4a), varint(raw)]);
  const before = Buffer.concat([field(2, "g"), Uint8Array.of(0x2a), varint(tensor.length + raw), tensor]);
  const head = Buffer.concat([
    field(1, 8),
    field(8, field(2, 17)),
    Uint8Array.of(0x3a),
    varint(before.length + raw),
    before,
  ]);
  return sparse(name, head, head.length + raw);
}

export interface LargeResult {
  readonly files: readonly {
    readonly format: string;
    readonly gb: number;
    readonly verdict: string;
    readonly headerMs: number;
    readonly hashMs: number;
  }[];
  readonly folder: {
    readonly gb: number;
    readonly seconds: number;
    readonly gbPerSecond: number;
    readonly rssMb: readonly number[];
  };
}

function timed(format: string, path: string): LargeResult["files"][number] {
  let hashMs = 0;
  const began = performance.now();
  const { verdict } = withFile(path, (content) =>
    scanFile(path, content, {
      ...scanPorts,
      sha256(one) {
        const at = performance.now();
        const digest = scanPorts.sha256(one);
        hashMs += performance.now() - at;
        return digest;
      },
    }),
  );
  return { format, gb: statSync(path).size / GB, verdict, headerMs: performance.now() - began - hashMs, hashMs };
}

// The code is made fast by a first small file, as it is in a worker that has read others.
for (const make of [safetensors, gguf, onnxModel]) timed("", make("small", 10_000_000));
const files = [
  timed("safetensors", safetensors("model.safetensors", GB)),
  timed("GGUF", gguf("model.gguf", GB)),
  timed("ONNX", onnxModel("model.onnx", GB)),
];
const rss: number[] = [];
const began = performance.now();
let bytes = 0;
for (let i = 0; i < Number(gigabytes); i++) {
  const path = safetensors(`shard-${i}.safetensors`, GB);
  bytes += statSync(path).size;
  timed("safetensors", path);
  rss.push(Math.round(process.memoryUsage().rss / 2 ** 20));
  rmSync(path);
}
const seconds = (performance.now() - began) / 1000;
const result: LargeResult = {
  files,
  folder: { gb: bytes / GB, seconds, gbPerSecond: bytes / GB / seconds, rssMb: rss },
};
console.log(JSON.stringify(result));
