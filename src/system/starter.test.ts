/** What init writes reads without an error, says what was found, and is not led astray by names. */
import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { isError } from "#base/diagnostics.ts";
import type { Diagnostic } from "#base/diagnostics.ts";
import { sortFound } from "./found.ts";
import type { FoundFile } from "./found.ts";
import { readSystem } from "./read.ts";
import { systemFileSchema } from "./schema-json.ts";
import { starter, STARTER_KINDS, STARTER_QUESTIONS } from "./starter.ts";

const listing = (...paths: string[]): FoundFile[] => paths.map((path) => ({ path, size: 10_000 }));
const errors = (text: string): Diagnostic[] => readSystem(text, "vauban.yaml").diagnostics.filter(isError);
const FOLDER = listing(
  "model/cnn.onnx",
  "model/backup.pkl",
  "data/test_x.npy",
  "data/test_y.npy",
  "data/train_x.npy",
  "data/train_y.npy",
  "README.md",
  "docs/guide.pdf",
  "node_modules/other/model.onnx",
  "evidence/cnn.onnx",
  ".vauban/runs/1/model.onnx",
  ...Array.from({ length: 12 }, (_, i) => `pictures/val/class-${i % 3}/${i}.png`),
);

describe("the files in a folder", () => {
  it("models and data are told by name, x finds its y, pictures are a folder, and other people's files are left alone", () => {
    const { models, datasets } = sortFound(FOLDER);
    expect(models.map(({ path }) => path)).toEqual(["model/backup.pkl", "model/cnn.onnx"]);
    expect(datasets).toEqual([
      { path: "data/test_x.npy", labels: "data/test_y.npy", role: "test" },
      { path: "data/train_x.npy", labels: "data/train_y.npy", role: "training" },
      { path: "pictures/val", role: "validation" },
      { path: "docs", role: "knowledge-base" },
    ]);
  });

  it.each([
    [["x.npy", "y.npy"], "x.npy", "y.npy"],
    [
      ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"],
      "t10k-images-idx3-ubyte.gz",
      "t10k-labels-idx1-ubyte.gz",
    ],
    [["x48.npy", "y48.npy"], "x48.npy", "y48.npy"],
  ])("%j is one data set with its labels", (paths, path, labels) => {
    expect(sortFound(listing(...paths)).datasets).toEqual([{ path, labels, role: "test" }]);
  });

  it("a folder for each class counts as one data set, single pictures as none", () => {
    expect(sortFound(listing("a/1.png", "a/2.png")).datasets).toEqual([]);
    expect(sortFound(listing(...Array.from({ length: 10 }, (_, i) => `test/${i % 2}/${i}.jpg`))).datasets).toEqual([
      { path: "test", role: "test" },
    ]);
  });

  it("an empty model file and a settings file of a few bytes are neither", () => {
    expect(
      sortFound([
        { path: "m.onnx", size: 0 },
        { path: "s.csv", size: 20 },
      ]),
    ).toEqual({ models: [], datasets: [] });
  });
});

describe("a starter", () => {
  const validate = new Ajv2020({ strict: false }).compile(systemFileSchema());

  it.each(STARTER_KINDS)(
    "for a %s system reads without an error, with nothing found and with everything found",
    (kind) => {
      for (const found of [sortFound([]), sortFound(FOLDER)]) {
        const text = starter(kind, found);
        expect(errors(text)).toEqual([]);
        expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
        const system = readSystem(text, "vauban.yaml").system!;
        expect(system.components.flatMap(({ model }) => model?.artefact ?? []).toSorted()).toEqual(
          found.models.map(({ path }) => path).toSorted(),
        );
        expect(system.datasets.map(({ path }) => path)).toEqual(found.datasets.map(({ path }) => path));
        expect(system.actors.length).toBeGreaterThan(2);
        expect(system.boundaries.length).toBeGreaterThan(1);
      }
    },
  );

  it.each(["vision", "tabular"] as const)(
    "for a %s system tests the model it found with the data it found, and says the reason is a start",
    (kind) => {
      const { tests } = readSystem(starter(kind, sortFound(FOLDER)), "vauban.yaml").system!;
      expect(tests[0]).toMatchObject({ kind: "evasion", model: "cnn", data: "test-x", norm: "linf" });
      for (const test of tests) expect(test.because).toContain("not yet argued");
      expect(tests.map(({ model }) => model)).not.toContain("backup");
    },
  );

  it("uses what a look into the files told: classes, layout, range", () => {
    const text = starter("vision", {
      models: [{ path: "m.onnx", size: 1, inputShape: [null, 3, 32, 32], outputs: 10 }],
      datasets: [{ path: "d.npz", role: "test", range: [0, 1] }],
    });
    expect(errors(text)).toEqual([]);
    const model = readSystem(text, "f").system!.components.find(({ id }) => id === "m")!.model!;
    expect(model.input).toMatchObject({ layout: "NCHW", range: [0, 1], scale: 1 });
    expect(model.classes).toHaveLength(10);
  });

  it("asks six questions, and takes every answer over", () => {
    expect(STARTER_QUESTIONS).toHaveLength(6);
    const system = readSystem(
      starter("tabular", sortFound([]), {
        name: "Loans",
        purpose: "Proposes a limit to a clerk.",
        role: "decisive",
        listing: "annex-III.5b",
        sector: "energy",
        stage: "operation",
      }),
      "f",
    ).system!;
    expect(system).toMatchObject({
      name: "Loans",
      purpose: "Proposes a limit to a clerk.",
      law: { listing: "annex-III.5b" },
      sector: "energy",
      stage: "operation",
    });
    expect(system.components.find(({ kind }) => kind === "model")!.model!.role).toBe("decisive");
  });

  it("teaches: every section that is left open stands there as a comment", () => {
    const text = starter("assistant", sortFound([]));
    for (const section of ["# datasets:", "# controls:", "# tests:", "# harms:", "# reviewers:"])
      expect(text).toContain(section);
  });

  it("no name of a system or a file breaks out of its place", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.constantFrom("a: b # c", '"', "- x", "\n", "{{", "camera", "prep", "x.onnx\nlaw: {}"),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...STARTER_KINDS),
        nasty,
        nasty,
        fc.array(nasty, { maxLength: 4 }),
        (kind, name, purpose, names) => {
          const found = {
            models: names.map((path) => ({ path: `m/${path}.onnx`, size: 9 })),
            datasets: names.map((path) => ({ path: `d/${path}.npz`, role: "test" as const })),
          };
          const text = starter(kind, found, { name, purpose });
          const { system, diagnostics } = readSystem(text, "f");
          // Paths that leave the folder are refused for what they are; nothing else may be wrong.
          const wrong = diagnostics.filter((d) => isError(d) && d.code !== "E042");
          expect(wrong).toEqual([]);
          if (system && name.trim() !== "") expect(system.name).toBe(name.trim().toWellFormed());
        },
      ),
      { numRuns: 150, seed: 42 },
    );
  });
});
