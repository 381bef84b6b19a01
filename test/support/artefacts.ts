/** Artefacts to scan: small ones of every format that is read, payloads to hide in them, and the files with known verdicts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bzip2Hello, lz4Hello, lzmaHello, xzHello } from "./packed.ts";
import { deflateRawSync, deflateSync, gzipSync, inflateSync, zstdCompressSync } from "node:zlib";
import hdf5 from "../../src/formats/fixtures/hdf5.json" with { type: "json" };
import { catboostModel, lightgbmModel, writeUbjson, xgboostModel } from "#artefacts/boosted.testing.ts";
import type { Rng } from "#base/random.ts";
import { encodeMessage } from "#formats/protobuf.ts";
import { SAVED_MODEL } from "#formats/savedmodel.ts";
import { tfliteFile } from "#formats/flatbuffers.testing.ts";
import { SEVENZIP_SOLID, writeSevenZip } from "#formats/sevenzip.testing.ts";
import { npyWithHeader, writeNpy, writeZip, type ZipEntry } from "#formats/writers.testing.ts";
import { SHARED_DATA } from "./assess.ts";
import { bytes, op, pickle } from "./pickle.ts";
import { field, onnxFile } from "./protobuf.ts";

/** A ustar archive of these members; headers are right unless `header` changes them. */
export function writeTar(
  members: readonly {
    name: string;
    content?: Uint8Array;
    type?: string;
    target?: string;
    mode?: number;
    /** As the header has it, where it is not the content's. */
    size?: number;
    prefix?: string;
    magic?: string;
    /** Further fields of the header, by where they lie. */
    fields?: Readonly<Record<number, string>>;
  }[],
  { end = true }: { end?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const member of members) {
    const { name, content = new Uint8Array(0), type = "0", target = "", mode = 0o644, fields = {} } = member;
    const header = new Uint8Array(512);
    const put = (text: string, at: number): void => header.set(bytes(text), at);
    put(name, 0);
    put(`${mode.toString(8).padStart(7, "0")}\0`, 100);
    put("0000000\0", 108);
    put("0000000\0", 116);
    put(`${(member.size ?? content.length).toString(8).padStart(11, "0")}\0`, 124);
    put("00000000000\0", 136);
    put("        ", 148);
    put(type, 156);
    put(target, 157);
    put(member.magic ?? "ustar\u000000", 257);
    put(member.prefix ?? "", 345);
    for (const [at, text] of Object.entries(fields)) put(text, Number(at));
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    parts.push(header, content, new Uint8Array((512 - (content.length % 512)) % 512));
  }
  if (end) parts.push(new Uint8Array(1024));
  return bytes(...parts);
}

/** A deflated member, with what its headers should say. */
export const deflatedEntry = (name: string, content: Uint8Array): ZipEntry => ({
  name,
  content,
  method: 8,
  packed: deflateRawSync(content),
});

const storageId = (key: string, elements: number): Uint8Array =>
  op.tuple(op.str("storage"), op.global("torch", "FloatStorage"), op.str(key), op.str("cpu"), op.int(elements));

const rebuilt = (key: string, elements: number): Uint8Array =>
  bytes(
    op.global("torch._utils", "_rebuild_tensor_v2"),
    op.tuple(
      bytes(storageId(key, elements), op.persid),
      op.int(0),
      op.tuple(op.int(elements)),
      op.tuple(op.int(1)),
      bytes(0x89),
      op.call(op.global("collections", "OrderedDict")),
    ),
    op.reduce,
  );

/** A state dict as torch.save writes it: two members that say what, one that holds the numbers. */
export const torchZip = (): Uint8Array<ArrayBuffer> =>
  writeZip([
    { name: "archive/data.pkl", content: pickle(op.dict(op.str("weight"), rebuilt("0", 4))) },
    { name: "archive/version", content: bytes("3\n") },
    { name: "archive/data/0", content: new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer) },
  ]);

/** The same as PyTorch wrote it before 1.6. */
export const torchLegacy = (): Uint8Array<ArrayBuffer> => {
  const numel = new Uint8Array(8);
  numel[0] = 4;
  return bytes(
    bytes(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, "."),
    pickle(op.int(1001)),
    pickle(op.dict(op.str("little_endian"), bytes(0x88))),
    pickle(op.dict(op.str("weight"), rebuilt("0", 4))),
    pickle(op.list(op.str("0"))),
    numel,
    new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer),
  );
};

const dtype = (code: string): Uint8Array =>
  bytes(
    op.call(op.global("numpy", "dtype"), op.str(code), bytes(0x89), bytes(0x88)),
    op.tuple(op.int(3), op.str("<"), op.none, op.none, op.none, op.int(-1), op.int(-1), op.int(0)),
    op.build,
  );

const wrapperClass = op.global("joblib.numpy_pickle", "NumpyArrayWrapper");
/** How joblib's wrapper of an array is made from protocol 2 on, and how before. */
export const joblibWrapper = {
  newobj: bytes(wrapperClass, op.tuple(), op.newobj),
  copyreg: op.call(op.global("copy_reg", "_reconstructor"), wrapperClass, op.global("__builtin__", "object"), op.none),
} as const;

/** One array as joblib writes it: the numbers stand between the opcodes. */
export const joblibFile = (
  array: Uint8Array = new Uint8Array(32),
  code = "f8",
  length = 4,
  wrapper: keyof typeof joblibWrapper = "newobj",
): Uint8Array<ArrayBuffer> =>
  pickle(
    op.dict(
      op.str("coef"),
      bytes(
        joblibWrapper[wrapper],
        op.dict(
          op.str("subclass"),
          op.global("numpy", "ndarray"),
          op.str("shape"),
          op.tuple(op.int(length)),
          op.str("order"),
          op.str("C"),
          op.str("dtype"),
          dtype(code),
          op.str("allow_mmap"),
          bytes(0x89),
        ),
        op.build,
        array,
      ),
    ),
  );

const plain = pickle(
  op.dict(op.str("weights"), op.list(op.int(1), op.int(2)), op.str("name"), op.str("a model of sorts")),
);
const objects = bytes(
  npyWithHeader("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"),
  pickle(op.list(op.str("a"), op.none)),
);

/** A file that h5py wrote (src/formats/fixtures/hdf5.py). */
export const hdf5Fixture = (name: keyof typeof hdf5.files): Uint8Array<ArrayBuffer> =>
  bytes(inflateSync(Buffer.from(hdf5.files[name].file, "base64")));

const kerasConfig =
  '{"module": "keras", "class_name": "Sequential", "config": {"layers": [{"module": "keras.layers", "class_name": "Dense", "config": {"units": 4}}]}}';
/** A safetensors file with any header at all; an object is written as its JSON, padded as the format's own writer does. */
export function writeSafetensors(
  header: object | string,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  let text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  if (typeof header !== "string") text = bytes(text, " ".repeat((8 - (text.length % 8)) % 8));
  return bytes(new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer), text, data);
}

/** Two tensors and a word about them. */
export const safetensorsFile = (): Uint8Array<ArrayBuffer> =>
  writeSafetensors(
    {
      __metadata__: { format: "pt" },
      "layer.weight": { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
      "layer.bias": { dtype: "F16", shape: [2], data_offsets: [16, 20] },
    },
    new Uint8Array(20).fill(7),
  );

type GgufValue = string | number | boolean | readonly string[] | Uint8Array;
interface GgufParts {
  readonly metadata?: readonly (readonly [key: string, value: GgufValue])[];
  readonly tensors?: readonly {
    name: string;
    dims: readonly (number | bigint)[];
    type?: number;
    at?: number | bigint;
  }[];
  readonly data?: Uint8Array;
  readonly version?: number;
  readonly bigEndian?: boolean;
  /** Lies: counts other than what follows. */
  readonly counts?: readonly [tensors: bigint, entries: bigint];
}

/** A GGUF file; a value that is bytes stands there as it is, its type before it. */
export function writeGguf({
  metadata = [],
  tensors = [],
  data = new Uint8Array(0),
  version = 3,
  bigEndian = false,
  counts = [BigInt(tensors.length), BigInt(metadata.length)],
}: GgufParts): Uint8Array<ArrayBuffer> {
  const number = (size: 4 | 8, value: number | bigint): Uint8Array => {
    const out = new DataView(new ArrayBuffer(size));
    if (size === 8) out.setBigUint64(0, BigInt(value), !bigEndian);
    else out.setUint32(0, Number(value), !bigEndian);
    return new Uint8Array(out.buffer);
  };
  const wide = version === 1 ? 4 : 8;
  const text = (value: string): Uint8Array => {
    const utf8 = new TextEncoder().encode(value);
    return bytes(number(wide, utf8.length), utf8);
  };
  const typed = (value: GgufValue): Uint8Array => {
    if (value instanceof Uint8Array) return value;
    if (typeof value === "string") return bytes(number(4, 8), text(value));
    if (typeof value === "number") return bytes(number(4, 4), number(4, value));
    if (typeof value === "boolean") return bytes(number(4, 7), Number(value));
    return bytes(
      number(4, 9),
      number(4, 8),
      number(wide, value.length),
      Uint8Array.from(Buffer.concat(value.map(text))),
    );
  };
  const header = bytes(
    "GGUF",
    number(4, version),
    ...counts.map((count) => number(wide, count)),
    ...metadata.flatMap(([key, value]) => [text(key), typed(value)]),
    ...tensors.flatMap(({ name, dims, type = 0, at = 0 }) => [
      text(name),
      number(4, dims.length),
      ...dims.map((size) => number(wide, size)),
      number(4, type),
      number(8, at),
    ]),
  );
  return bytes(header, new Uint8Array(data.length > 0 ? (32 - (header.length % 32)) % 32 : 0), data);
}

export const ggufFile = (parts: Partial<GgufParts> = {}): Uint8Array<ArrayBuffer> =>
  writeGguf({
    metadata: [
      ["general.architecture", "llama"],
      ["llama.block_count", 1],
      ["tokenizer.ggml.tokens", ["<s>", "a", "b"]],
      ["tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}"],
    ],
    tensors: [
      { name: "blk.0.attn_q.weight", dims: [4, 2] },
      { name: "blk.0.ffn.weight", dims: [32, 2], type: 2, at: 32 },
    ],
    data: new Uint8Array(68).fill(7),
    ...parts,
  });

/** A TFLite model with labels in an archive behind it, whose records count from the model's beginning. */
export const tfliteWithFiles = (
  files: readonly ZipEntry[] = [{ name: "labels.txt", content: bytes("cat\ndog\n") }],
): Uint8Array<ArrayBuffer> => writeZip(files, tfliteFile());

/** A regression on one field; `inner` stands behind its dictionary. */
export const pmmlFile = (inner = ""): Uint8Array<ArrayBuffer> =>
  bytes(
    new TextEncoder().encode(
      `<?xml version="1.0" encoding="UTF-8"?>\n<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">\n<Header description="y = 2x"/>\n<DataDictionary><DataField name="x" optype="continuous" dataType="double"/></DataDictionary>${inner}\n<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema><RegressionTable intercept="0"><NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel>\n</PMML>\n`,
    ),
  );

/** A Core ML model with a description, two inputs at most, and this in the field of this number (Model.proto). */
export const coremlFile = (
  number = 500,
  model = field(1, bytes(field(1, "relu"), field(2, "x"), field(3, "y"), field(130, field(10, "")))),
): Uint8Array<ArrayBuffer> =>
  bytes(
    field(1, 4),
    field(
      2,
      bytes(
        field(1, bytes(field(1, "x"), field(3, field(5, bytes(field(1, 2), field(1, 3), field(2, 65568)))))),
        field(10, bytes(field(1, "y"))),
        field(100, bytes(field(1, "a rectifier"), field(3, "somebody"))),
      ),
    ),
    field(number, model),
  );

/** Values of a Core ML program: blobs of these bytes. */
export const coremlValues = (...blobs: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  coremlBlobs(...blobs.map((blob) => [3, blob] as const));
/** The same, of these types (BlobDataType.hpp). */
export function coremlBlobs(
  ...blobs: readonly (readonly [type: number, values: Uint8Array])[]
): Uint8Array<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(64));
  header.setUint32(0, blobs.length, true);
  header.setUint32(4, 2, true);
  const parts: Uint8Array[] = [new Uint8Array(header.buffer)];
  let at = 64;
  for (const [type, blob] of blobs) {
    const about = new DataView(new ArrayBuffer(64));
    about.setUint32(0, 0xdeadbeef, true);
    about.setUint32(4, type, true);
    about.setBigUint64(8, BigInt(blob.length), true);
    about.setBigUint64(16, BigInt(at + 64), true);
    const padded = new Uint8Array(64 * Math.ceil(blob.length / 64));
    padded.set(blob);
    parts.push(new Uint8Array(about.buffer), padded);
    at += 64 + padded.length;
  }
  return bytes(...parts);
}

/** One small artefact of every format that is read, none of which does anything. */
export const HARMLESS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  pickle: plain,
  "pickle of protocol 0": bytes("(dp0\nS'a'\np1\n(lp2\nI1\naF2.5\nasS'b'\nN I1\ns.".replace("N I1\ns", "Ns")),
  "pickles in a row": bytes(plain, plain),
  estimator: pickle(
    op.global("sklearn.linear_model._base", "LinearRegression"),
    op.tuple(),
    op.newobj,
    op.dict(op.str("fit_intercept"), bytes(0x88)),
    op.build,
  ),
  npy: writeNpy(new Float64Array([1, 2, 3]), [3]),
  "npy of objects": objects,
  npz: writeZip([{ name: "a.npy", content: writeNpy(new Float64Array([1, 2]), [2]) }, deflatedEntry("b.npy", objects)]),
  "torch zip": torchZip(),
  "torch legacy": torchLegacy(),
  joblib: joblibFile(),
  tar: writeTar([
    { name: "model/a.pkl", content: plain },
    { name: "model/", type: "5" },
    { name: "b.npy", content: objects },
  ]),
  "joblib of protocol 0": joblibFile(undefined, "f8", 4, "copyreg"),
  "tar.gz": bytes(gzipSync(writeTar([{ name: "a.pkl", content: plain }]))),
  gzip: bytes(gzipSync(plain)),
  zlib: bytes(deflateSync(plain)),
  zstd: bytes(zstdCompressSync(plain)),
  bzip2: bzip2Hello,
  xz: xzHello,
  lzma: lzmaHello,
  lz4: lz4Hello,
  "Keras model": writeZip([
    { name: "metadata.json", content: bytes('{"keras_version": "3.5.0"}') },
    { name: "config.json", content: bytes(kerasConfig) },
  ]),
  SavedModel: encodeMessage(SAVED_MODEL, {
    version: 1n,
    metaGraphs: [{ graph: { nodes: [{ name: bytes("x"), op: bytes("Const"), inputs: [], attributes: [] }] } }],
  }) as Uint8Array<ArrayBuffer>,
  "HDF5, newest": hdf5Fixture("weights, newest"),
  "HDF5, chunked": hdf5Fixture("chunked"),
  notebook: bytes(
    '{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["import numpy as np\\n", "X = [1]"], "outputs": []}]}',
  ),
  "Python imports": bytes("import torch.nn as nn\nfrom numpy import array\nSIZE = 3\n"),
  "JSON lines": bytes('{"text": "a", "label": 1}\n{"text": "b", "label": null}\n'),
  safetensors: safetensorsFile(),
  GGUF: ggufFile(),
  ONNX: onnxFile(),
  TFLite: tfliteFile(),
  "TFLite with files behind it": tfliteWithFiles(),
  "XGBoost in JSON": bytes(JSON.stringify(xgboostModel())),
  "XGBoost in UBJSON": writeUbjson(xgboostModel()),
  LightGBM: lightgbmModel(),
  "7z of 7-Zip's": SEVENZIP_SOLID,
  "7z, stored": writeSevenZip({ files: [{ name: "a.pkl", content: plain }] }),
  PMML: pmmlFile(),
  "Core ML": coremlFile(),
  "Core ML values": coremlValues(new Uint8Array(100).fill(7), new Uint8Array(64).fill(9)),
};

/** Read whole, and unknown all the same. */
export const UNDECIDED: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = { CatBoost: catboostModel() };

/** What a program that loads models would run. */
export const PAYLOADS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "protocol 0": bytes("cos\nsystem\n(S'id'\ntR."),
  "protocol 2": bytes(op.proto(2), op.call(op.global("posix", "system"), op.str("id")), "."),
  "protocol 4": pickle(op.frame(20), op.call(op.stackGlobal("subprocess", "getoutput"), op.str("id"))),
  "no PROTO": bytes(op.call(op.stackGlobal("os", "system"), op.str("id")), "."),
  "a computed name": pickle(
    op.call(
      op.call(
        op.global("builtins", "getattr"),
        op.call(op.global("builtins", "__import__"), op.str("os")),
        op.str("system"),
      ),
      op.str("id"),
    ),
  ),
  archive: writeZip([{ name: "data.pkl", content: bytes("cos\nsystem\n(S'id'\ntR.") }]),
  program: bytes(0x7f, "ELF", 2, 1, 1, 0, new Uint8Array(56)),
};

/** Changes bytes, cuts, repeats, splices: one to four of them. */
export function mutated(seed: Uint8Array, other: Uint8Array, random: Rng): Uint8Array<ArrayBuffer> {
  let out = Uint8Array.from(seed);
  const whole = (below: number): number => Math.floor(random.uniform() * Math.max(1, below));
  for (let times = 1 + whole(4); times > 0; times--) {
    const at = whole(out.length);
    const length = 1 + whole(Math.min(16, out.length - at));
    switch (whole(8)) {
      case 0:
        if (out.length > 0) out[at] = whole(256);
        break;
      case 1:
        if (out.length > 0) out[at]! ^= 1 << whole(8);
        break;
      case 2:
        out = out.slice(0, at);
        break;
      case 3:
        out = bytes(out.subarray(0, at), out.subarray(at + length));
        break;
      case 4:
        out = bytes(out.subarray(0, at + length), out.subarray(at));
        break;
      case 5: {
        const from = whole(other.length);
        out = bytes(out.subarray(0, at), other.subarray(from, from + 1 + whole(64)), out.subarray(at));
        break;
      }
      case 6:
        // Lengths are what readers trip over.
        for (let i = at; i < Math.min(out.length, at + 4); i++) out[i] = [0, 0xff, 0x7f, 0x80][whole(4)]!;
        break;
      default:
        out = bytes(
          out.subarray(0, at),
          Uint8Array.from({ length }, () => whole(256)),
          out.subarray(at + length),
        );
    }
  }
  return out;
}

export interface Labelled {
  readonly file: string;
  readonly label: "malicious" | "suspicious" | "benign" | "malformed" | "invalid" | "unscannable";
  readonly technique: string;
}

export const ARTEFACTS = join(SHARED_DATA, "artefacts");
export const labelled = (): readonly Labelled[] =>
  JSON.parse(readFileSync(join(ARTEFACTS, "labels.json"), "utf8")) as Labelled[];
