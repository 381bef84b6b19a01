import { existsSync } from "node:fs";
import { resolve } from "node:path";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Diagnostic } from "#base/diagnostics.ts";
import { hashOf, sha256 } from "#base/hash.ts";
import { filesBelow } from "#host/files.ts";
import { deflated, JPEG_16, npyWithHeader, writeIdx, writeNpy, writePng, writeZip } from "#formats/writers.testing.ts";
import { filesOf } from "./files.testing.ts";
import { openDataset, type DatasetSpec, type EvaluationSet } from "./index.ts";

type Contents = Parameters<typeof filesOf>[0];
const ofPath = (spec: string | DatasetSpec): DatasetSpec => (typeof spec === "string" ? { path: spec } : spec);

async function opened(contents: Contents, spec: string | DatasetSpec): Promise<EvaluationSet> {
  const result = await openDataset(filesOf(contents), ofPath(spec));
  if (result.status === "refused")
    return expect.unreachable(result.diagnostics.map(({ message }) => message).join("\n"));
  return result.set;
}
async function refused(contents: Contents, spec: string | DatasetSpec): Promise<readonly Diagnostic[]> {
  const result = await openDataset(filesOf(contents), ofPath(spec));
  if (result.status === "opened") return expect.unreachable("it was opened");
  expect(result.diagnostics.length).toBeGreaterThan(0);
  for (const { code, message } of result.diagnostics) {
    expect(code).toMatch(/^E4\d\d$/);
    expect(message).not.toBe("");
  }
  return result.diagnostics;
}
const saidOf = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.map(({ message, hint }) => `${message} | ${hint}`).join("\n");
const codesOf = ({ warnings }: EvaluationSet): string[] => warnings.map(({ code }) => code);

/** Six samples of 2 × 2, no two alike, labels 0 1 2 0 1 2. */
const X = Uint8Array.from({ length: 24 }, (_, i) => i * 10);
const Y = Int32Array.of(0, 1, 2, 0, 1, 2);
const x = writeNpy(X, [6, 2, 2]);
const y = writeNpy(Y, [6]);
const npz = (members: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  writeZip(Object.entries(members).map(([name, content]) => ({ name: `${name}.npy`, content })));
const six = { shape: [2, 2], n: 6, sampleSize: 4, integer: true, range: { low: 0, high: 230 }, duplicates: 0 };

describe("the forms a set comes in", () => {
  const raw = { x: Float32Array.from(X), y: Y };

  test.each([
    ["x", "y"],
    ["images", "labels"],
    ["data", "target"],
    ["x_test", "y_test"],
    ["X", "Y"],
    ["arr_0", "arr_1"],
  ])("an .npz with %s and %s", async (xName, yName) => {
    expect(await opened({ "d.npz": npz({ [xName]: x, [yName]: y }) }, "d.npz")).toMatchObject({ ...six, ...raw });
  });
  test("an .npz with training and test arrays gives the test ones and says what it left", async () => {
    const other = writeNpy(new Uint8Array(4), [1, 2, 2]);
    const set = await opened({ "d.npz": npz({ x_train: other, y_train: y, x_test: x, y_test: y }) }, "d.npz");
    expect(set).toMatchObject(six);
    expect(set.warnings[0]!.message).toContain("left unread: x_train, y_train");
  });
  test("an .npz with training arrays only is refused", async () => {
    expect(saidOf(await refused({ "d.npz": npz({ x_train: x, y_train: y }) }, "d.npz"))).toContain("training data");
  });
  test("arrays named in the spec, and only those that are there", async () => {
    const contents = { "d.npz": npz({ a: x, b: y }) };
    expect(await opened(contents, { path: "d.npz", keys: { x: "a", y: "b" } })).toMatchObject(six);
    expect(saidOf(await refused(contents, { path: "d.npz", keys: { x: "z", y: "b" } }))).toContain('no array "z"');
    expect(saidOf(await refused(contents, "d.npz"))).toContain("it holds a, b");
  });
  test("a pair of .npy files, by folder, by the sibling's name, and by naming both", async () => {
    expect(await opened({ "d/x.npy": x, "d/y.npy": y }, "d")).toMatchObject({ ...six, ...raw });
    expect(await opened({ "d/x48.npy": x, "d/y48.npy": y }, "d/x48.npy")).toMatchObject(six);
    expect(await opened({ "a.npy": x, "b.npy": y }, { path: "a.npy", labels: "b.npy" })).toMatchObject(six);
  });
  test("an idx pair, plain, gzipped, and by folder", async () => {
    const plain = {
      "d/t10k-images-idx3-ubyte": writeIdx(8, [6, 2, 2], X),
      "d/t10k-labels-idx1-ubyte": writeIdx(8, [6], Uint8Array.from(Y)),
    };
    expect(await opened(plain, "d/t10k-images-idx3-ubyte")).toMatchObject({ ...six, ...raw });
    expect(await opened(plain, "d")).toMatchObject(six);
    const packed = Object.fromEntries(
      await Promise.all(
        Object.entries(plain).map(async ([path, bytes]) => [`${path}.gz`, await deflated(bytes, "gzip")] as const),
      ),
    );
    expect(await opened(packed, "d")).toMatchObject({ ...six, ...raw });
  });
  test("a table with its label column by name, anywhere", async () => {
    const set = await opened({ "d.csv": "height,label,weight\n1.5,0,60\n1.7,1,80\n" }, "d.csv");
    expect(set).toMatchObject({ n: 2, shape: [2], integer: false, featureNames: ["height", "weight"], layout: "NF" });
    expect(Array.from(set.x)).toEqual([1.5, 60, 1.7, 80].map(Math.fround));
    expect(Array.from(set.y)).toEqual([0, 1]);
  });
  test("a table without a name for its labels gives the last column and says so", async () => {
    const set = await opened({ "d.csv": "1,2,0\n3,4,1\n" }, "d.csv");
    expect(Array.from(set.y)).toEqual([0, 1]);
    expect(codesOf(set)).toContain("W434");
  });
  test("a table's index column is left out, its units are kept", async () => {
    const set = await opened({ "d.csv": ",patient,v,label\n0,007,1,0\n1,007,2,0\n2,012,3,1\n" }, "d.csv");
    expect(set).toMatchObject({ shape: [1], units: ["007", "007", "012"] });
    expect(codesOf(set)).toContain("W435");
  });
  test("words for labels take the declared order, or the alphabet's", async () => {
    const table = { "d.csv": "v,class\n1,dog\n2,cat\n" };
    expect(await opened(table, "d.csv")).toMatchObject({ y: Int32Array.of(1, 0), classNames: ["cat", "dog"] });
    expect(await opened(table, { path: "d.csv", classes: ["dog", "cat"] })).toMatchObject({ y: Int32Array.of(0, 1) });
  });
  test("real targets stay real, and whole ones can be declared to be", async () => {
    expect((await opened({ "d.csv": "v,y\n1,0.5\n2,0.25\n" }, "d.csv")).y).toEqual(Float64Array.of(0.5, 0.25));
    expect((await opened({ "d.csv": "v,y\n1,5\n2,7\n" }, { path: "d.csv", target: "number" })).y).toEqual(
      Float64Array.of(5, 7),
    );
  });
  test("one-hot labels are read as class indices and said to be", async () => {
    const set = await opened(
      { "d.npz": npz({ x, y: writeNpy(Uint8Array.of(1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0), [6, 2]) }) },
      "d.npz",
    );
    expect(Array.from(set.y)).toEqual([0, 1, 0, 1, 1, 0]);
    expect(codesOf(set)).toContain("W414");
  });
  test("an .npz's units come as words", async () => {
    const units = writeNpy(Int32Array.of(5, 5, 6, 6, 7, 7), [6]);
    expect((await opened({ "d.npz": npz({ x, y, patient: units }) }, "d.npz")).units).toEqual([
      "5",
      "5",
      "6",
      "6",
      "7",
      "7",
    ]);
  });
});

describe("image folders", () => {
  const grey = (...samples: number[]): Promise<Uint8Array> => writePng(2, 2, Uint8Array.from(samples));
  const colour = (...samples: number[]): Promise<Uint8Array> => writePng(1, 2, Uint8Array.from(samples), 2);

  test("one folder per class, in the declared order of the classes", async () => {
    const contents = {
      "d/cat/1.png": await grey(1, 2, 3, 4),
      "d/dog/1.png": await grey(5, 6, 7, 8),
      "d/.DS_Store": "x",
    };
    const set = await opened(contents, { path: "d", classes: ["dog", "cat"] });
    expect(set).toMatchObject({ n: 2, shape: [2, 2], layout: "NHW", y: Int32Array.of(1, 0) });
    expect(Array.from(set.x)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(codesOf(set)).not.toContain("W442");
    expect(codesOf(await opened(contents, "d"))).toContain("W442");
  });
  test("numbered folders are class indices, not the alphabet's", async () => {
    const folders = { "d/2/a.png": await grey(1, 2, 3, 4), "d/10/a.png": await grey(5, 6, 7, 8) };
    expect(Array.from((await opened(folders, "d")).y)).toEqual([10, 2]);
  });
  test("an unknown folder is a label out of range, with what was meant", async () => {
    const contents = { "d/cat/1.png": await grey(1, 2, 3, 4), "d/dgo/1.png": await grey(5, 6, 7, 8) };
    expect(saidOf(await refused(contents, { path: "d", classes: ["cat", "dog"] }))).toMatch(
      /out of range.*did you mean "dog"/,
    );
  });
  test("colour comes as the layout says", async () => {
    const contents = { "d/a/1.png": await colour(1, 2, 3, 4, 5, 6) };
    const last = await opened(contents, "d");
    expect(last).toMatchObject({ shape: [2, 1, 3], layout: "NHWC" });
    expect(Array.from(last.x)).toEqual([1, 2, 3, 4, 5, 6]);
    const first = await opened(contents, { path: "d", layoutHint: "NCHW" });
    expect(first).toMatchObject({ shape: [3, 2, 1], layout: "NCHW" });
    expect(Array.from(first.x)).toEqual([1, 4, 2, 5, 3, 6]);
    expect(saidOf(await refused(contents, { path: "d", layoutHint: "NHW" }))).toContain("wrong shape");
  });
  test("flat images with a labels.csv, sorted by path, unlisted ones named", async () => {
    const contents = {
      "d/b.png": await grey(1, 2, 3, 4),
      "d/a.png": await grey(5, 6, 7, 8),
      "d/c.png": await grey(9, 9, 9, 8),
      "d/labels.csv": "file,label,patient\nb.png,1,p1\na.png,0,p2\n",
    };
    const set = await opened(contents, "d");
    expect(set).toMatchObject({ n: 2, y: Int32Array.of(0, 1), units: ["p2", "p1"] });
    expect(set.inputs.map(({ role, path }) => [role, path])).toEqual([
      ["data", "d"],
      ["labels", "d/labels.csv"],
    ]);
    expect(set.warnings.find(({ code }) => code === "W443")!.message).toContain("c.png");
  });
  test("a row that names no image is reported with its line", async () => {
    const contents = { "d/a.png": await grey(1, 2, 3, 4), "d/labels.csv": "file,label\na.png,0\nz.png,1\na.png,1\n" };
    const diagnostics = await refused(contents, "d");
    expect(diagnostics.map(({ span }) => span?.line)).toEqual([3, 4]);
  });
  test("flat images without labels, and parts of a collection, are refused with what to do", async () => {
    const png = await grey(1, 2, 3, 4);
    expect(saidOf(await refused({ "d/a.png": png }, "d"))).toContain("labels.csv");
    const parts = { "d/train/cat/a.png": png, "d/test/cat/a.png": png };
    expect(saidOf(await refused(parts, "d"))).toContain('"d/test"');
  });
  test("images of different sizes, and a file that is no image, are all named", async () => {
    const contents = {
      "d/a/1.png": await grey(1, 2, 3, 4),
      "d/a/2.png": await writePng(1, 1, Uint8Array.of(1)),
      "d/a/3.png": "GIF89a",
      "d/a/4.png": (await grey(1, 2, 3, 4)).subarray(0, 40),
    };
    const said = saidOf(await refused(contents, "d"));
    expect(said).toMatch(/d\/a\/2\.png: wrong shape: 1 × 1 grey, while 1\.png is 2 × 2 grey/);
    expect(said).toMatch(/d\/a\/3\.png.*GIF/);
    expect(said).toMatch(/d\/a\/4\.png.*cut short/);
  });
  test("folders below the class are units", async () => {
    const contents = {
      "d/ill/p1/1.png": await grey(1, 2, 3, 4),
      "d/ill/p1/2.png": await grey(2, 2, 3, 4),
      "d/well/p2/1.png": await grey(3, 2, 3, 4),
    };
    const set = await opened(contents, "d");
    expect(set.units).toEqual(["ill/p1", "ill/p1", "well/p2"]);
    expect(codesOf(set)).toContain("W441");
  });
  test("JPEG files are read and said to be inexact", async () => {
    const set = await opened({ "d/a/1.jpg": JPEG_16 }, "d");
    expect(set.shape).toEqual([16, 16, 3]);
    expect(codesOf(set)).toContain("W440");
  });
  test("the digest changes with any image and with its name", async () => {
    const a = await grey(1, 2, 3, 4);
    const b = await grey(1, 2, 3, 5);
    const digests = await Promise.all(
      ([{ "d/a/1.png": a }, { "d/a/1.png": b }, { "d/a/2.png": a }] as Contents[]).map(
        async (contents) => (await opened(contents, "d")).sha256,
      ),
    );
    expect(new Set(digests).size).toBe(3);
    expect(digests[0]).toBe(hashOf([{ path: "a/1.png", sha256: sha256(a) }]));
  });
});

describe("checks", () => {
  const withX = (values: Float32Array | Uint8Array, shape: readonly number[]): Contents => ({
    "d.npz": npz({ x: writeNpy(values, shape), y }),
  });

  test("wrong shapes: no sample axis, another sample shape, another layout, labels with axes of their own", async () => {
    expect(saidOf(await refused(withX(new Uint8Array(6), [6]), "d.npz"))).toContain("wrong shape (6)");
    expect(saidOf(await refused(withX(X, [6, 2, 2]), { path: "d.npz", sampleShape: [4] }))).toContain(
      "one sample is (2, 2), expected (4)",
    );
    expect(await opened(withX(X, [6, 2, 2]), { path: "d.npz", sampleShape: [-1, 2] })).toMatchObject(six);
    expect(saidOf(await refused(withX(X, [6, 2, 2]), { path: "d.npz", layoutHint: "NCHW" }))).toMatch(
      /NCHW has 4 axes.*NHW or NTF/,
    );
    const cube = writeNpy(new Uint8Array(12), [6, 2, 1]);
    expect(saidOf(await refused({ "d.npz": npz({ x, y: cube }) }, "d.npz"))).toContain("wrong shape of the labels");
  });
  test("NaN data: how many, and where the first is", async () => {
    const values = Float32Array.from(X);
    values[5] = NaN;
    values[9] = Infinity;
    expect(saidOf(await refused(withX(values, [6, 2, 2]), "d.npz"))).toContain(
      "2 of 24 values are NaN or infinite, first NaN at sample 1, element 1",
    );
  });
  test("labels out of range: with the hint that fits", async () => {
    const labelled = (...labels: number[]): Contents => ({
      "d.npz": npz({ x, y: writeNpy(Int32Array.from(labels), [6]) }),
    });
    const three = { path: "d.npz", classes: ["a", "b", "c"] };
    expect(saidOf(await refused(labelled(1, 2, 3, 1, 2, 3), three))).toMatch(
      /2 of 6 labels are out of range, first 3 at sample 2.*count from 1/,
    );
    expect(saidOf(await refused(labelled(0, -1, 2, 0, 1, 2), three))).toContain("unlabelled");
    expect(saidOf(await refused(labelled(0, 1, 9, 0, 1, 2), three))).toContain("first 9");
    expect(saidOf(await refused(labelled(0, -5, 2, 0, 1, 2), "d.npz"))).toContain("start at 0");
    const halves = { "d.npz": npz({ x, y: writeNpy(Float64Array.of(0, 0.5, 1, 0, 1, 1), [6]) }) };
    expect(saidOf(await refused(halves, three))).toContain("0.5 of sample 1 is no class index");
  });
  test("label count mismatch", async () => {
    expect(saidOf(await refused({ "d.npz": npz({ x, y: writeNpy(Int32Array.of(0, 1), [2]) }) }, "d.npz"))).toContain(
      "2 labels for 6 samples",
    );
  });
  test("unit count mismatch", async () => {
    expect(
      saidOf(await refused({ "d.npz": npz({ x, y, unit: writeNpy(Int32Array.of(0, 1), [2]) }) }, "d.npz")),
    ).toContain("2 unit ids for 6 samples");
  });
  test("empty: a file without bytes, an array without samples, a table without rows", async () => {
    expect(saidOf(await refused({ "d.npz": new Uint8Array(0) }, "d.npz"))).toContain("empty");
    expect(
      saidOf(
        await refused(
          { "d.npz": npz({ x: writeNpy(new Uint8Array(0), [0, 2]), y: writeNpy(new Int32Array(0), [0]) }) },
          "d.npz",
        ),
      ),
    ).toContain("empty");
    expect(saidOf(await refused({ "d.csv": "a,label\n" }, "d.csv"))).toContain("no rows");
  });
  test("a folder for a file, and nothing at all", async () => {
    const contents = { "d/x.npy": x, "d/y.npy": y, "e/data.npz": npz({ x, y }) };
    expect(saidOf(await refused(contents, { path: "d/x.npy", labels: "e" }))).toContain("it is a folder");
    expect(saidOf(await refused(contents, "e"))).toContain('"e/data.npz"');
    expect(saidOf(await refused(contents, "d/x.npz"))).toMatch(/no such file.*did you mean "d\/x\.npy"/);
  });
  test("constant images: some are a warning, all are an error", async () => {
    const blank = X.slice();
    blank.fill(7, 4, 8);
    const set = await opened(withX(blank, [6, 2, 2]), "d.npz");
    expect(set.warnings.find(({ code }) => code === "W424")!.message).toContain(
      "1 of 6 samples are constant, first sample 1 (7 throughout)",
    );
    expect(saidOf(await refused(withX(new Uint8Array(24), [6, 2, 2]), "d.npz"))).toContain("every sample is constant");
  });
  test("values outside the declared range, and data that look scaled already", async () => {
    const spec = (low: number, high: number): DatasetSpec => ({ path: "d.npz", declaredRange: [low, high] });
    expect(saidOf(await refused(withX(X, [6, 2, 2]), spec(0, 1)))).toMatch(
      /23 of 24 values lie outside the declared range \[0, 1\].*span \[0, 230\]/,
    );
    expect(codesOf(await opened(withX(X, [6, 2, 2]), spec(0, 255)))).not.toContain("W422");
    const scaled = Float32Array.from(X, (value) => value / 255);
    expect(codesOf(await opened(withX(scaled, [6, 2, 2]), spec(0, 255)))).toContain("W422");
    // 0.1 is not a float32 number; a value written as it is inside the range all the same.
    const tenths = Float32Array.from({ length: 24 }, (_, i) => (i % 2 ? 0.1 : i / 1000));
    await opened(withX(tenths, [6, 2, 2]), spec(0, 0.1));
  });
  test("exact duplicates are counted, and those with another label apart", async () => {
    const copied = X.slice();
    copied.set(X.subarray(0, 4), 12);
    copied.set(X.subarray(0, 4), 16);
    const set = await opened(withX(copied, [6, 2, 2]), "d.npz");
    expect(set.duplicates).toBe(2);
    expect(set.warnings.find(({ code }) => code === "W431")!.message).toContain(
      "2 of 6 samples repeat an earlier one exactly, 1 of them with a different label",
    );
  });
  test("class imbalance and absent classes are noted", async () => {
    const n = 24;
    const many = (labels: Int32Array): Contents => ({
      "d.npz": npz({
        x: writeNpy(
          Float32Array.from({ length: 2 * n }, (_, i) => i),
          [n, 2],
        ),
        y: writeNpy(labels, [n]),
      }),
    });
    const skewed = await opened(many(Int32Array.from({ length: n }, (_, i) => (i === 0 ? 1 : 0))), {
      path: "d.npz",
      classes: ["well", "ill", "other"],
    });
    expect(codesOf(skewed)).toEqual(["W432", "W433"]);
    expect(skewed.warnings[1]!.message).toContain("95.8 %");
    expect((await opened(many(new Int32Array(n)), "d.npz")).warnings[0]!.message).toContain(
      "every sample has the label 0",
    );
    expect(codesOf(await opened(many(Int32Array.from({ length: n }, (_, i) => i % 2)), "d.npz"))).toEqual([]);
  });
  test("a cell that is no number is reported with line and column", async () => {
    const diagnostics = await refused({ "d.csv": "age,label\n1,0\nold,1\n" }, "d.csv");
    expect(diagnostics).toMatchObject([
      { code: "E425", span: { file: "d.csv", line: 3 }, message: expect.stringContaining('column "age": "old"') },
    ]);
  });
  test("whole numbers that float32 cannot hold are noted", async () => {
    expect(codesOf(await opened({ "d.csv": "v,label\n16777217,0\n1,1\n" }, "d.csv"))).toContain("W423");
  });
  test("several problems are told at once", async () => {
    const values = Float32Array.from(X);
    values[0] = NaN;
    const contents = { "d.npz": npz({ x: writeNpy(values, [6, 2, 2]), y: writeNpy(Int32Array.of(1), [1]) }) };
    expect((await refused(contents, { path: "d.npz", declaredRange: [0, 100] })).map(({ code }) => code)).toEqual([
      "E415",
      "E420",
      "E421",
    ]);
  });
  test("data other than the declared ones are refused", async () => {
    const bytes = npz({ x, y });
    expect((await opened({ "d.npz": bytes }, { path: "d.npz", sha256: sha256(bytes) })).sha256).toBe(sha256(bytes));
    expect(saidOf(await refused({ "d.npz": bytes }, { path: "d.npz", sha256: "0".repeat(64) }))).toContain(
      "not the declared ones",
    );
  });
});

describe("hostile files", () => {
  test("an .npz truncated at any byte is refused in words", async () => {
    const bytes = npz({ x, y });
    for (let length = 0; length < bytes.length; length++)
      await refused({ "d.npz": bytes.subarray(0, length) }, "d.npz");
  });
  test("an .npy, an idx and a gzipped idx truncated at any byte are refused in words", async () => {
    const labels = { "y.npy": y };
    const idx = writeIdx(8, [6, 2, 2], X);
    const packed = await deflated(idx, "gzip");
    for (const whole of [x, idx, packed])
      for (let length = 0; length < whole.length; length++)
        await refused({ ...labels, "x.npy": whole.subarray(0, length) }, "x.npy");
  });
  test("a header that claims 10^12 elements is refused before anything is allocated", async () => {
    const huge = npyWithHeader(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000, 1000), }",
      new Uint8Array(64),
    );
    const before = process.memoryUsage().arrayBuffers;
    expect(saidOf(await refused({ "d.npz": npz({ x: huge, y }) }, "d.npz"))).toContain("1000000000000 elements");
    expect(saidOf(await refused({ "x.npy": huge, "y.npy": y }, "x.npy"))).toContain("1000000000000 elements");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 22);
  });
  test("a gzip or npz bomb is cut off at what it promised, and a promised giant is never unpacked", async () => {
    const bomb = await deflated(new Uint8Array(100_000_000), "gzip");
    expect(bomb.length).toBeLessThan(200_000);
    const lying = bomb.slice();
    new DataView(lying.buffer).setUint32(lying.length - 4, 40, true);
    const before = process.memoryUsage().arrayBuffers;
    expect(saidOf(await refused({ "x.npy": lying, "y.npy": y }, "x.npy"))).toContain("grows past 40 bytes");
    new DataView(lying.buffer).setUint32(lying.length - 4, 0xffffffff, true);
    expect(saidOf(await refused({ "x.npy": lying, "y.npy": y }, "x.npy"))).toContain("unpacks to 4.29 GB");
    const packed = await deflated(new Uint8Array(1000), "deflate-raw");
    const giant = writeZip([
      { name: "x.npy", content: new Uint8Array(0), packed, method: 8, size: 3_000_000_000 },
      { name: "y.npy", content: y },
    ]);
    expect(saidOf(await refused({ "d.npz": giant }, "d.npz"))).toContain("unpacks to 3.00 GB");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  });
  test("object arrays, pickles, PyTorch files and other formats are refused with the reason", async () => {
    const objects = npyWithHeader(
      "{'descr': '|O', 'fortran_order': False, 'shape': (6,), }",
      Uint8Array.of(0x80, 4, 0x2e),
    );
    expect(saidOf(await refused({ "d.npz": npz({ x: objects, y }) }, "d.npz"))).toContain("unpickling");
    expect(saidOf(await refused({ "d.pkl": Uint8Array.of(0x80, 4, 0x2e) }, "d.pkl"))).toContain(
      "run its author's code",
    );
    const torch = writeZip([{ name: "archive/data.pkl", content: Uint8Array.of(0x80, 2) }]);
    expect(saidOf(await refused({ "d.npz": torch }, "d.npz"))).toContain("PyTorch");
    expect(saidOf(await refused({ "d.parquet": "PAR1....PAR1" }, "d.parquet"))).toContain("Parquet");
    expect(saidOf(await refused({ "d.bin": Uint8Array.of(1, 2, 3, 4) }, "d.bin"))).toContain("neither an array");
  });
  test("a file is what its bytes say, not its name", async () => {
    expect(await opened({ "d.csv": npz({ x, y }) }, "d.csv")).toMatchObject(six);
    expect(saidOf(await refused({ "d.npz": await writePng(1, 1, Uint8Array.of(1)) }, "d.npz"))).toContain("one image");
  });
  test("damage of any one byte ends in a set or in words", async () => {
    const bytes = npz({ x, y });
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = bytes.slice();
        damaged[at]! ^= change;
        const result = await openDataset(filesOf({ "d.npz": damaged }), { path: "d.npz" });
        expect(["opened", "refused"]).toContain(result.status);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
  test("cancelling ends the reading", async () => {
    const signal = AbortSignal.abort();
    await expect(openDataset(filesOf({ "d.npz": npz({ x, y }) }), { path: "d.npz" }, { signal })).rejects.toThrow(
      /abort/i,
    );
  });
});

const shared = resolve(process.env["VAUBAN_TEST_DATA"] ?? "../shared/data", "images");
describe("real sets", () => {
  beforeEach((context) => {
    if (!existsSync(shared))
      context.skip("no real models and data: set VAUBAN_TEST_DATA to the folder that holds them");
  });
  const read = async (spec: DatasetSpec): Promise<EvaluationSet> => {
    const result = await openDataset(filesBelow(shared), spec);
    return result.status === "opened" ? result.set : expect.unreachable(saidOf(result.diagnostics));
  };
  test("MNIST: 2,000 digits whose first ten are those of the published test set", async () => {
    const set = await read({ path: "mnist", layoutHint: "NHW", declaredRange: [0, 255], classes: [..."0123456789"] });
    expect(set).toMatchObject({ n: 2000, shape: [28, 28], integer: true, range: { low: 0, high: 255 }, warnings: [] });
    expect(Array.from(set.y.subarray(0, 10))).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  });
  test("GTSRB: labels are found beside x48.npy", async () => {
    expect(await read({ path: "gtsrb48/x48.npy", layoutHint: "NHWC" })).toMatchObject({ n: 200, shape: [48, 48, 3] });
  });
});
