/** What n counts, and that what is measured is what was hashed. */
import { expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { sha256 } from "#base/hash.ts";
import type { ByteSource, FileEntry, Files } from "#base/ports.ts";
import type { EvaluationSet } from "#datasets/evaluation-set.ts";
import { labelsBesideOf } from "#datasets/open.ts";
import { writeNpy } from "#formats/writers.testing.ts";
import { chosenUnits } from "./opened.ts";
import { hashed } from "./plan.ts";
import { dataAsHashed, foldersUnchanged, modelAsHashed } from "./unchanged.ts";

interface Held {
  readonly bytes: Uint8Array;
  readonly kind?: FileEntry["kind"];
}

/** Files in memory; folders are what paths go through. */
function filesOf(contents: Record<string, Held>): Files {
  const paths = Object.keys(contents);
  const entry = (path: string): FileEntry | undefined => {
    const held = contents[path];
    if (held) return { path, size: held.bytes.length, kind: held.kind ?? "file" };
    return paths.some((other) => other.startsWith(`${path}/`)) ? { path, size: 0, kind: "folder" } : undefined;
  };
  const source = (path: string): ByteSource => ({
    name: path,
    size: contents[path]!.bytes.length,
    read: async (at, length) => contents[path]!.bytes.slice(at, at + length),
    sha256: async () => sha256(contents[path]!.bytes),
  });
  return {
    root: "/",
    stat: async (path) => entry(path),
    list: async (path) => paths.filter((other) => other.startsWith(`${path}/`)).map((other) => entry(other)!),
    open: async (path) => source(path),
    readWhole: async (path) => contents[path]!.bytes,
  };
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a model or data file that is replaced after it was hashed is refused by name", async () => {
  const files = filesOf({ "m.onnx": { bytes: bytes("other") }, "d.npz": { bytes: bytes("data") } });
  const inputs = [
    { path: "m.onnx", sha256: sha256(bytes("hashed")) },
    { path: "d.npz", sha256: sha256(bytes("data")) },
  ];
  await expect(modelAsHashed(files, "m.onnx", inputs)).rejects.toThrow(
    "m.onnx was changed while it was being measured",
  );
  await expect(dataAsHashed(files, [inputs[1]!], inputs)).resolves.toBeUndefined();
  await expect(dataAsHashed(files, [{ path: "d.npz", sha256: "0" }], inputs)).rejects.toThrow("d.npz was changed");
});

test("folders are hashed with what their links lead to, and looked at again before a result is kept", async () => {
  const one = filesOf({ "a/cat/1.png": { bytes: bytes("1"), kind: "link" } });
  const two = filesOf({ "a/cat/1.png": { bytes: bytes("2"), kind: "link" } });
  const before = await hashed(one, "data", "a");
  expect((await hashed(two, "data", "a")).sha256).not.toBe(before.sha256);
  await expect(foldersUnchanged(one, [before])).resolves.toBeUndefined();
  await expect(foldersUnchanged(two, [before])).rejects.toThrow("a was changed");
});

test("labels that are read by habit are found by whoever hashes; files that bring their own have none", async () => {
  const files = filesOf({
    "x.npy": { bytes: writeNpy(Uint8Array.of(1), [1]) },
    "y.npy": { bytes: writeNpy(Uint8Array.of(1), [1]) },
    "x.npz": { bytes: bytes("archive") },
    "y.npz": { bytes: bytes("archive") },
  });
  expect(await labelsBesideOf(files, "x.npy")).toBe("y.npy");
  expect(await labelsBesideOf(files, "x.npz")).toBeUndefined();
});

test("a repeated sample is no second unit", () => {
  const set = {
    n: 6,
    y: Int32Array.of(0, 1, 0, 1, 0, 1),
    firstAlike: Int32Array.of(0, 1, 0, 1, 4, 1),
  } as unknown as EvaluationSet;
  const { rows, available, dropped } = chosenUnits(set, 100, rng("1"));
  expect([...rows].toSorted()).toEqual([0, 1, 4]);
  expect([available, dropped]).toEqual([3, 3]);
});
