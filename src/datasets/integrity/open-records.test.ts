import { expect, test } from "vitest";
import { filesOf } from "#datasets/files.testing.ts";
import { writeNpy, writePng, writeZip } from "#formats/writers.testing.ts";
import { openRecords, type RecordsSpec } from "./open-records.ts";
import type { Records } from "./records.ts";

async function opened(contents: Parameters<typeof filesOf>[0], spec: RecordsSpec): Promise<Records> {
  const result = await openRecords(filesOf(contents), spec);
  if (result.status === "refused")
    return expect.unreachable(result.diagnostics.map(({ message }) => message).join("\n"));
  return result.records;
}

test("a table keeps its categories as codes, its missing cells as gaps, and tells words among numbers", async () => {
  const rows = Array.from(
    { length: 20 },
    (_, i) => `${i},${["red", "green", ""][i % 3]},${i === 7 ? "many" : i / 2},${i % 2 ? "yes" : "no"}`,
  );
  const records = await opened({ "t.csv": `age,colour,dose,label\n${rows.join("\n")}\n` }, { path: "t.csv" });
  expect(records).toMatchObject({ n: 20, shape: [3], classes: 2, classNames: ["no", "yes"] });
  expect(records.columns).toEqual([
    { name: "age" },
    { name: "colour", categories: ["green", "red"] },
    { name: "dose" },
  ]);
  expect(Array.from(records.x.subarray(0, 9))).toEqual([0, 1, 0, 1, 0, 0.5, 2, NaN, 1]);
  expect(records.seen).toMatchObject([
    { rule: "mixed-type", severity: "fault", count: 1, of: 20, items: [{ sample: 7, given: "dose: many" }] },
  ]);
  expect(Array.from(records.y!.subarray(0, 3))).toEqual([0, 1, 0]);
});

test("of a column taken for a category the odd cells are told, whichever are fewer", async () => {
  const records = await opened({ "t.csv": "age,site,y\n30,A,0\n41,B,1\nold,C,0\n,7,1\n52,D,0\n" }, { path: "t.csv" });
  expect(records.columns).toEqual([
    { name: "age", categories: ["30", "41", "52", "old"], mixed: true },
    { name: "site", categories: ["7", "A", "B", "C", "D"] },
  ]);
  expect(records.seen).toMatchObject([
    {
      rule: "mixed-type",
      message: '"age" mixes 1 word with 3 numbers; it was taken for a category',
      count: 1,
      items: [{ sample: 2, given: "age: old" }],
    },
    { rule: "mixed-type", count: 1, items: [{ sample: 3, given: "site: 7" }] },
  ]);
});

test("a table of numbers is read as an evaluation set is, with the names of its columns and its units", async () => {
  const records = await opened({ "t.csv": "a,patient,b,y\n1,p1,2,0\n3,p1,4,1\n5,p2,,1\n" }, { path: "t.csv" });
  expect(records).toMatchObject({
    units: ["p1", "p1", "p2"],
    columns: [{ name: "a" }, { name: "b" }],
    classes: 2,
    seen: [],
  });
  expect(Array.from(records.x)).toEqual([1, 2, 3, 4, 5, NaN]);
});

test("labels that are no class stay in, as −1, and are told", async () => {
  const x = writeNpy(
    Float32Array.from({ length: 8 }, (_, i) => i),
    [4, 2],
  );
  const records = await opened(
    { "x.npy": x, "y.npy": writeNpy(Int32Array.of(0, 3, 1, -1), [4]) },
    { path: "x.npy", classes: ["a", "b"] },
  );
  expect(Array.from(records.y!)).toEqual([0, -1, 1, -1]);
  expect(records.seen).toMatchObject([
    {
      rule: "label-outside-classes",
      count: 2,
      items: [
        { sample: 1, given: "3" },
        { sample: 3, given: "-1" },
      ],
    },
  ]);
});

test("NaN and infinity stay in, negative zero becomes zero, real targets are no classes", async () => {
  const records = await opened(
    {
      "x.npy": writeNpy(Float32Array.of(NaN, -0, Infinity, 2), [2, 2]),
      "y.npy": writeNpy(Float64Array.of(0.5, 1.25), [2]),
    },
    { path: "x.npy" },
  );
  expect(Array.from(records.x)).toEqual([NaN, 0, Infinity, 2]);
  expect(Object.is(records.x[1], 0)).toBe(true);
  expect(records).toMatchObject({ classes: 0 });
  expect(records.y).toBeUndefined();
});

test("a pixel that is missing or infinite makes no table of images", async () => {
  const x = Float64Array.from({ length: 4 * 64 }, (_, i) => (i === 5 ? NaN : i === 70 ? Infinity : i % 17));
  const of = async (values: Float64Array): Promise<Records> =>
    opened(
      { "x.npy": writeNpy(values, [4, 8, 8]), "y.npy": writeNpy(Int32Array.of(0, 1, 0, 1), [4]) },
      { path: "x.npy", labels: "y.npy" },
    );
  expect((await of(x)).grid).toEqual({ height: 8, width: 8, channels: 1, planes: false });
  expect((await of(x.map((value) => value / 2))).grid).toBeUndefined();
  expect((await of(x.fill(NaN))).grid).toBeUndefined();
});

test("a folder whose images differ in size, or are broken, keeps the usual ones and tells the others by name", async () => {
  const grey = (side: number, seed: number): Promise<Uint8Array> =>
    writePng(
      side,
      side,
      Uint8Array.from({ length: side * side }, (_, i) => (i * seed) % 251),
    );
  const records = await opened(
    {
      "d/cat/1.png": await grey(9, 3),
      "d/cat/2.png": await grey(9, 5),
      "d/dog/3.png": await grey(12, 7),
      "d/dog/4.png": await grey(9, 11),
      "d/dog/5.png": (await grey(9, 13)).subarray(0, 60),
    },
    { path: "d" },
  );
  expect(records).toMatchObject({
    n: 3,
    shape: [9, 9],
    classNames: ["cat", "dog"],
    names: ["d/cat/1.png", "d/cat/2.png", "d/dog/4.png"],
  });
  expect(Array.from(records.y!)).toEqual([0, 0, 1]);
  expect(records.grid).toMatchObject({ height: 9, width: 9, channels: 1 });
  expect(records.seen.map(({ rule, items }) => [rule, items[0]!.file])).toEqual([
    ["unreadable-image", "d/dog/5.png"],
    ["image-size", "d/dog/3.png"],
  ]);
});

test("of an archive that holds both, the training arrays are taken when they are meant", async () => {
  const array = (n: number): Uint8Array =>
    writeNpy(
      Float32Array.from({ length: 2 * n }, (_, i) => i),
      [n, 2],
    );
  const labels = (n: number): Uint8Array => writeNpy(new Int32Array(n), [n]);
  const archive = writeZip(
    Object.entries({ x_train: array(5), y_train: labels(5), x_test: array(3), y_test: labels(3) }).map(
      ([name, content]) => ({ name: `${name}.npy`, content }),
    ),
  );
  expect((await opened({ "d.npz": archive }, { path: "d.npz" })).n).toBe(3);
  expect((await opened({ "d.npz": archive }, { path: "d.npz", part: "train" })).n).toBe(5);
});

test("what cannot be read at all is refused with a remedy, like an evaluation set", async () => {
  for (const [contents, path, code] of [
    [{}, "x.npy", "E400"],
    [{ "x.npy": writeNpy(new Float32Array(4), [2, 2]) }, "x.npy", "E407"],
    [{ "x.npy": writeNpy(new Float32Array(4), [2, 2]), "y.npy": writeNpy(new Int32Array(3), [3]) }, "x.npy", "E415"],
    [{ "x.npy": writeNpy(new Float32Array(2), [2]), "y.npy": writeNpy(new Int32Array(2), [2]) }, "x.npy", "E412"],
  ] as const) {
    const result = await openRecords(filesOf(contents), { path });
    expect(result).toMatchObject({ status: "refused", diagnostics: [{ code, hint: expect.stringMatching(/./) }] });
  }
});
