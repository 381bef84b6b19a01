/** Boosted trees of XGBoost and LightGBM: data whole, trees that lead where they may, names that a library must bring. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes } from "../../test/support/pickle.ts";
import { rulesOf, scanned } from "../../test/support/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import { readUbjson, type UbjsonNode } from "#formats/ubjson.ts";
import { treeProblem } from "./boosted.ts";
import { catboostModel, lightgbmModel, writeUbjson, xgboostModel } from "./boosted.testing.ts";

const asJson = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const ubj = (...parts: Parameters<typeof xgboostModel>) => scanned(writeUbjson(xgboostModel(...parts)), "model.ubj");
const json = (...parts: Parameters<typeof xgboostModel>) => scanned(asJson(xgboostModel(...parts)), "model.json");
const lgb = (...parts: Parameters<typeof lightgbmModel>) => scanned(lightgbmModel(...parts), "model.txt");

/** A first node that splits on two categories. */
const categories = (parts: Record<string, number[]> = {}): Record<string, number[]> => ({
  split_type: [1, 0, 0],
  categories: [1, 4],
  categories_nodes: [0],
  categories_segments: [0],
  categories_sizes: [2],
  ...parts,
});

const PICKLE = Buffer.from("cos\nsystem\n(S'id'\ntR.");
const TREE = { num_deleted: "0", num_nodes: "3" };

describe("a model of XGBoost's", () => {
  test("is read whole, in both of its formats", () => {
    for (const file of [ubj(), json()])
      expect(file).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] });
  });
  test("with categories, of trees that are dropped, and of several outputs in a leaf, is fine", () => {
    const { learner } = xgboostModel() as { learner: { gradient_booster: Record<string, never> } };
    const dart = {
      learner: { ...learner, gradient_booster: { name: "dart", gbtree: learner.gradient_booster, weight_drop: [1] } },
      version: [2, 0, 3],
    };
    const several = [
      { base_weights: [0, 0, 1, 1, 2, 2], sum_hessian: [], tree_param: { num_nodes: "3", size_leaf_vector: "2" } },
      { parameters: { num_feature: "2", num_target: "2" } },
    ] as const;
    for (const model of [xgboostModel(categories()), dart, xgboostModel(...several)])
      for (const file of [scanned(writeUbjson(model), "model.ubj"), scanned(asJson(model), "model.json")])
        expect(file).toMatchObject({ verdict: "no code path found", findings: [] });
  });
  test.each<[string, Parameters<typeof xgboostModel>, string]>([
    ["a child behind the last node", [{ right_children: [7, -1, -1] }], "unknown"],
    ["a child before the first", [{ right_children: [-9, -1, -1] }], "unknown"],
    ["a node that is its own child", [{ left_children: [0, -1, -1] }], "suspicious"],
    ["two children that are one", [{ left_children: [2, -1, -1] }], "suspicious"],
    ["a leaf that leads back", [{ left_children: [1, 0, -1], right_children: [2, 2, -1] }], "suspicious"],
    ["a split on a feature that is not there", [{ split_indices: [2, 0, 0] }], "unknown"],
    ["fewer children than nodes", [{ right_children: [2, -1] }], "unknown"],
    ["no children", [{ left_children: null }], "unknown"],
    ["an objective of somebody's own", [{}, { objective: "acme:loss" }], "unknown"],
    ["a booster of somebody's own", [{}, { booster: "acme" }], "unknown"],
    ["a child that says it comes of another", [{ parents: [2147483647, 0, 1] }], "unknown"],
    ["an output that is not there", [{}, { model: { tree_info: [123456789] } }], "unknown"],
    ["no outputs", [{}, { model: { tree_info: null } }], "unknown"],
    ["more outputs than trees", [{}, { parameters: { num_feature: "2", num_class: "99999999" } }], "unknown"],
    ["rounds that lead outside", [{}, { model: { iteration_indptr: [0, 9] } }], "unknown"],
    ["no number of features", [{ split_indices: [999999999, 0, 0] }, { parameters: {} }], "unknown"],
    ["a set of categories that leads outside", [categories({ categories_segments: [999] })], "unknown"],
    ["a set of too many categories", [categories({ categories_sizes: [3] })], "unknown"],
    ["a category that is none", [categories({ categories: [1, -5] })], "unknown"],
    ["a split on categories without any", [{ split_type: [1, 0, 0] }], "unknown"],
    [
      "leaves of more values than there are",
      [{ tree_param: { num_nodes: "3", size_leaf_vector: "1000000" } }],
      "unknown",
    ],
    ["a second model beside the one that is read", [{}, { beside: { gbtree: { model: {} } } }], "unknown"],
    [
      "a loop behind a second model that is fine",
      [{ left_children: [0, -1, -1] }, { beside: { gbtree: { model: { tree_info: [0], trees: [] } } } }],
      "suspicious",
    ],
    ["the model where dart does not look", [{}, { booster: "dart" }], "unknown"],
    ["a member of a tree that is none", [{ code: 1 }], "unknown"],
    ["a program in an attribute", [{}, { extra: { note: "import os; os.system('id')" } }], "suspicious"],
    ["a pickle in base64 in an attribute", [{}, { extra: { note: PICKLE.toString("base64") } }], "malicious"],
    ["a pickle as numbers", [{}, { extra: { note: [...PICKLE] } }], "malicious"],
    ["a pickle as numbers below zero", [{}, { extra: { note: [...new Int8Array(PICKLE)] } }], "malicious"],
    ["a pickle as numbers, and others behind it", [{}, { extra: { note: [...PICKLE, 70_000] } }], "malicious"],
    ["a sum that begins with no number", [{}, { parameters: { num_feature: "2", base_score: "nan" } }], "unknown"],
    ["a parameter that XGBoost does not have", [{}, { parameters: { num_feature: "2", plugin: "x.so" } }], "unknown"],
    ["a parameter of a tree that it does not have", [{ tree_param: { ...TREE, plugin: "x.so" } }], "unknown"],
    ["fewer nodes taken out than none", [{ tree_param: { ...TREE, num_deleted: "-5" } }], "unknown"],
    ["more nodes taken out than are", [{ tree_param: { ...TREE, num_deleted: "2" } }], "unknown"],
    ["fewer nodes taken out than are", [{ split_indices: [1, 2147483647, 0] }], "unknown"],
    ["settings that it does not read", [{}, { beside: { updater: [{ name: "grow_evil" }] } }], "unknown"],
  ])("with %s is not fine", (_, parts, expected) => {
    // What is found, too: one judgement for both.
    const [one, other] = [ubj(...parts), json(...parts)];
    expect([one.verdict, other.verdict]).toEqual([expected, expected]);
    const told = ({ findings }: ScanFile) => findings.map(({ rule, message }) => [rule, message.replace(/\d+$/, "")]);
    expect(told(other)).toEqual(told(one));
  });
  test("with a number for each output to begin with is fine, and so is a node that was taken out", () => {
    for (const base_score of ["5E-1", "0.500000", "-1.25e2", "[5E-1]", "[1,-2.5,3E0]"])
      expect(json({}, { parameters: { num_feature: "2", base_score } }).findings).toEqual([]);
    const tree = { split_indices: [1, 2147483647, 0], tree_param: { ...TREE, num_deleted: "1" } };
    expect(json(tree).findings).toEqual([]);
  });
  test("with the settings of its training is followed, and the settings are unknown", () => {
    const snapshot = (tree: Parameters<typeof xgboostModel>[0], more = {}) => ({
      Config: { learner: { metrics: ["auc"] }, version: [2, 0, 3] },
      Model: xgboostModel(tree),
      ...more,
    });
    for (const [parts, expected, count] of [
      [snapshot({}), "unknown", 1],
      [snapshot({}, { other: 1 }), "unknown", 2],
      [snapshot({ left_children: [0, -1, -1] }), "suspicious", 2],
    ] as const)
      for (const file of [scanned(writeUbjson(parts), "model.ubj"), scanned(asJson(parts), "model.json")]) {
        expect(file.verdict).toBe(expected);
        expect(file.findings).toHaveLength(count);
      }
  });
  test("numbers that begin like a pickle and are none are numbers", () =>
    expect(json({}, { extra: { note: [128, 4, 75, 1, 1.5, 300] } }).findings).toEqual([]));
  test("rows of wide numbers are looked at as the bytes they are", () => {
    const row = bytes("[$d#L", new Uint8Array(7), 6, PICKLE, "xyz");
    const file = scanned(writeUbjson(xgboostModel({}, { extra: { note: Uint8Array.from(row) } })), "model.ubj");
    expect(file.verdict).toBe("malicious");
  });
  test("is unread behind its end", () =>
    expect(scanned(bytes(writeUbjson(xgboostModel()), "S"), "model.ubj")).toMatchObject({
      verdict: "unknown",
      read: "part",
    }));
  test("says when a name stands twice", () => {
    const twice = bytes("{", "i", 7, "version", "Z", "i", 7, "version", "Z", "}");
    expect(rulesOf(scanned(twice))).toContain("ubjson-duplicate");
  });
  test("that is cut short anywhere is not fine", () => {
    const whole = writeUbjson(xgboostModel());
    for (let end = 20; end < whole.length; end += 11)
      expect([end, scanned(whole.subarray(0, end)).verdict]).toEqual([end, "unknown"]);
  });
});

const plain = ({ value }: UbjsonNode): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if ("items" in value) return value.items.map(plain);
  if ("members" in value) return Object.fromEntries(value.members.map(([name, one]) => [name, plain(one)]));
  return Array.from({ length: value.numbers.length }, (_, i) => value.numbers.at(i));
};

describe("UBJSON", () => {
  test("is read as it was written", () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("any")),
        fc.dictionary(fc.string(), tie("any"), { noNullPrototype: true }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (one) => {
        const written = writeUbjson(one as never);
        const { root, end } = readUbjson(written);
        expect(end).toBe(written.length);
        expect(plain(root)).toEqual(one);
      }),
      { seed: 5, numRuns: 200 },
    );
  });
  test.each<[string, Uint8Array, unknown]>([
    [
      "draft 12's own example of numbers",
      bytes("[", "i", 254, "U", 254, "I", 0x7f, 0xff, "l", 0, 0, 0, 1, "]"),
      [-2, 254, 32767, 1],
    ],
    ["a typed object", bytes("{$i#i", 2, "i", 1, "a", 1, "i", 1, "b", 2), { a: 1, b: 2 }],
    ["floats", bytes("[$d#i", 2, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0), [1, -2]],
    ["no-ops", bytes("N[NNTN]"), [true]],
    ["a character", bytes("Cx"), "x"],
  ])("with %s is what it says", (_, written, expected) => expect(plain(readUbjson(written).root)).toEqual(expected));
  test.each([
    ["a length below zero", bytes("Si", 255)],
    ["a length beyond the file", bytes("[$D#L", 0, 0, 0, 1, 0, 0, 0, 0)],
    ["a type that is none", bytes("x")],
    ["nesting", bytes("[".repeat(1000))],
    ["nothing", bytes()],
  ])("with %s is refused", (_, written) => expect(() => readUbjson(written)).toThrow());
});

describe("a model of LightGBM's", () => {
  test("is read whole", () =>
    expect(lgb()).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] }));
  test("with sets of categories, and with linear leaves, is fine", () => {
    const sets = { num_cat: "1", cat_boundaries: "0 2", cat_threshold: "5 1" };
    const linear = {
      is_linear: "1",
      leaf_const: "0 0 0",
      num_features: "0 1 1",
      leaf_features: " 1  0 ",
      leaf_coeff: " 1  2 ",
    };
    for (const tree of [{ decision_type: "1 2", threshold: "0 0.5", ...sets }, linear])
      expect(lgb(tree)).toMatchObject({ verdict: "no code path found", read: "whole", findings: [] });
  });
  test("without sizes of trees is fine: readers then go from one to the next", () => {
    const text = new TextDecoder().decode(lightgbmModel()).replace(/tree_sizes=.*\n/, "");
    expect(scanned(new TextEncoder().encode(text), "model.txt").verdict).toBe("no code path found");
  });
  test("of one leaf is fine", () =>
    expect(
      lgb({
        num_leaves: "1",
        split_feature: "",
        split_gain: "",
        threshold: "",
        decision_type: "",
        left_child: "",
        right_child: "",
        leaf_value: "0.5",
      }).verdict,
    ).toBe("no code path found"));
  test.each<[string, Parameters<typeof lightgbmModel>, string]>([
    ["a child behind the last split", [{ left_child: "2 -1" }], "unknown"],
    ["a leaf behind the last", [{ right_child: "-2 -9" }], "unknown"],
    ["a split that is its own child", [{ left_child: "0 -1" }], "suspicious"],
    ["a leaf of two splits", [{ right_child: "-1 -3" }], "suspicious"],
    ["a split on a feature that is not there", [{ split_feature: "0 2" }], "unknown"],
    ["fewer thresholds than splits", [{ threshold: "1" }], "unknown"],
    ["more leaves than values", [{ num_leaves: "4" }], "unknown"],
    ["no number of leaves", [{ num_leaves: "x" }], "unknown"],
    ["a field that no tree has", [{ code: "1" }], "unknown"],
    ["words where numbers stand", [{ leaf_value: "0.1 0.2 os.system" }], "unknown"],
    ["an objective of somebody's own", [{}, { objective: "acme" }], "unknown"],
    ["a tree that begins elsewhere", [{}, { tree_sizes: "10" }], "unknown"],
    ["a tree said to be huge", [{}, { tree_sizes: "9999999999" }], "unknown"],
    ["a size too many", [{}, { tree_sizes: "280 100" }], "unknown"],
    ["no sizes where they are named", [{}, { tree_sizes: "" }], "unknown"],
    ["a tree among its parameters", [{}, { tree_sizes: "400 30" }, "Tree=0\nnum_leaves=1\nleaf_value=0\n"], "unknown"],
    ["a split on a set of categories that is not there", [{ decision_type: "1 2", threshold: "0 0.5" }], "unknown"],
    [
      "sets of categories that lead outside",
      [{ decision_type: "1 2", threshold: "0 0", num_cat: "1", cat_boundaries: "0 99", cat_threshold: "1" }],
      "unknown",
    ],
    [
      "linear leaves on features that are not there",
      [{ is_linear: "1", leaf_const: "0 0 0", num_features: "0 1 0", leaf_features: "7", leaf_coeff: "1" }],
      "unknown",
    ],
    ["more trees in an iteration than classes", [{}, { num_tree_per_iteration: "9" }], "unknown"],
    ["an objective for more classes", [{}, { objective: "multiclass num_class:9" }], "unknown"],
    ["a header line twice", [{}, { "version=v4\nnum_class": "1" }], "unknown"],
    ["a header that no model has", [{}, { library: "acme.so" }], "unknown"],
  ])("with %s is not fine", (_, parts, expected) => expect(lgb(...parts).verdict).toBe(expected));
  test("that names a parser is not fine", () => {
    const text = new TextDecoder().decode(lightgbmModel());
    const with_ = text.replace("\npandas", '\nparser:\n{"className": "Acme"}\nend of parser\n\npandas');
    expect(rulesOf(scanned(new TextEncoder().encode(with_)))).toContain("lightgbm-parser");
  });
  test("is unread where a line is none of its own", () => {
    for (const more of ["import os\n", "\0\0\0\0", "pandas_categorical:[", "Tree=1\n"]) {
      const file = scanned(bytes(lightgbmModel(), more), "model.txt");
      expect([more, file.verdict === "no code path found"]).toEqual([more, false]);
    }
  });
});

describe("a model of CatBoost's", () => {
  const cbm = (...parts: Parameters<typeof catboostModel>) => scanned(catboostModel(...parts), "model.cbm");
  test("is read whole, and unknown: its numbers are not held to each other", () =>
    expect(cbm()).toMatchObject({ verdict: "unknown", read: "whole", findings: [{ rule: "catboost-values" }] }));
  test.each<[string, Parameters<typeof catboostModel>, string]>([
    ["a tree that ends behind the splits", [{ TreeSizes: [3] }], "unknown"],
    ["a tree that begins before them", [{ TreeStartOffsets: [-1] }], "unknown"],
    ["fewer beginnings than trees", [{ TreeStartOffsets: [] }], "unknown"],
    ["steps without their leaves", [{ NonSymmetricNodeIdToLeafId: [0] }], "unknown"],
    ["another format", [{}, { FormatVersion: "acme" }], "unknown"],
    ["a program in its metadata", [{}, { InfoMap: [{ Key: "a", Value: "import os; os.system('id')" }] }], "suspicious"],
  ])("with %s is told so", (_, parts, expected) => {
    const { verdict, findings } = cbm(...parts);
    expect(verdict).toBe(expected);
    expect(findings.filter(({ rule }) => rule !== "catboost-values")).not.toEqual([]);
  });
  test("is unread behind its core, and wherever it is cut short not fine", () => {
    expect(scanned(bytes(catboostModel(), 1, 2, 3), "model.cbm")).toMatchObject({ verdict: "unknown", read: "part" });
    for (let end = 4; end < catboostModel().length; end += 9)
      expect([end, scanned(catboostModel().subarray(0, end)).verdict]).toEqual([end, "unknown"]);
  });
});

test("a tree is one where every node is reached once (against counting)", () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -1, max: 7 }), fc.integer({ min: -1, max: 7 })), {
        minLength: 1,
        maxLength: 7,
      }),
      (nodes) => {
        const children = (node: number): readonly number[] => (nodes[node]![0] === -1 ? [] : nodes[node]!);
        // Breadth first: what is reached a second time, or is no node, is no tree; a tree of so many nodes ends after as many levels.
        const reached: number[] = [];
        let level: readonly number[] = [0];
        let broken = false;
        for (let depth = 0; depth <= nodes.length && level.length > 0 && !broken; depth++) {
          for (const node of level) {
            if (reached.includes(node) || node < 0 || node >= nodes.length) broken = true;
            reached.push(node);
          }
          if (!broken) level = level.flatMap(children);
        }
        expect(treeProblem(nodes.length, children) !== undefined).toBe(broken);
      },
    ),
    { seed: 5, numRuns: 500 },
  ));
