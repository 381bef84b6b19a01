/** Writers for tests: boosted trees as XGBoost writes them in JSON and UBJSON, and as LightGBM does in text. */
import { bytes } from "../../test/support/pickle.ts";
import { CATBOOST } from "#formats/catboost.ts";
import { writeFlatBuffer, type FlatInput } from "#formats/flatbuffers.testing.ts";

type Json = string | number | boolean | null | Uint8Array | readonly Json[] | { readonly [name: string]: Json };

const i64 = (value: number): Uint8Array => {
  const out = new DataView(new ArrayBuffer(8));
  out.setBigInt64(0, BigInt(value));
  return new Uint8Array(out.buffer);
};

/** UBJSON as XGBoost writes it: lengths in eight bytes, numbers in rows of one type. */
export function writeUbjson(value: Json): Uint8Array<ArrayBuffer> {
  const text = (one: string): Uint8Array => {
    const utf8 = new TextEncoder().encode(one);
    return bytes("L", i64(utf8.length), utf8);
  };
  if (value === null) return bytes("Z");
  if (value instanceof Uint8Array) return bytes(value);
  if (typeof value === "boolean") return bytes(value ? "T" : "F");
  if (typeof value === "string") return bytes("S", text(value));
  if (typeof value === "number") return bytes("L", i64(value));
  if (!Array.isArray(value))
    return bytes("{", ...Object.entries(value).flatMap(([name, one]) => [text(name), writeUbjson(one)]), "}");
  const items = value as readonly Json[];
  if (items.length === 0 || !items.every((item) => typeof item === "number"))
    return bytes("[#L", i64(items.length), ...items.map(writeUbjson));
  const rows = new DataView(new ArrayBuffer(4 * items.length));
  items.forEach((item, i) => rows.setInt32(4 * i, item as number));
  return bytes("[$l#L", i64(items.length), new Uint8Array(rows.buffer));
}

/** One tree of three nodes on two features; parts of the tree, of the model, of what stands beside it and of the parameters replace what stands here. */
export const xgboostModel = (
  tree: { readonly [name: string]: Json } = {},
  {
    objective = "binary:logistic",
    booster = "gbtree",
    extra = {} as { readonly [name: string]: Json },
    model = {} as { readonly [name: string]: Json },
    beside = {} as { readonly [name: string]: Json },
    parameters = { num_feature: "2" } as { readonly [name: string]: Json },
  } = {},
): { readonly [name: string]: Json } => ({
  learner: {
    attributes: extra,
    feature_names: ["a", "b"],
    feature_types: [],
    gradient_booster: {
      model: {
        gbtree_model_param: { num_parallel_tree: "1", num_trees: "1" },
        tree_info: [0],
        trees: [
          {
            base_weights: [0, 1, 2],
            categories: [],
            default_left: [0, 0, 0],
            id: 0,
            left_children: [1, -1, -1],
            loss_changes: [3, 0, 0],
            parents: [2147483647, 0, 0],
            right_children: [2, -1, -1],
            split_conditions: [1, 2, 3],
            split_indices: [1, 0, 0],
            split_type: [0, 0, 0],
            sum_hessian: [1, 1, 1],
            tree_param: { num_deleted: "0", num_feature: "2", num_nodes: "3", size_leaf_vector: "1" },
            ...tree,
          },
        ],
        ...model,
      },
      name: booster,
      ...beside,
    },
    learner_model_param: { base_score: "5E-1", num_class: "0", ...parameters },
    objective: { name: objective, reg_loss_param: { scale_pos_weight: "1" } },
  },
  version: [2, 0, 3],
});

/** One tree of three leaves on two features; fields of it and of the header replace what stands here; lines behind its parameters. */
export function lightgbmModel(
  tree: Readonly<Record<string, string>> = {},
  header: Readonly<Record<string, string>> = {},
  parameters = "",
): Uint8Array<ArrayBuffer> {
  const lines = (fields: Readonly<Record<string, string>>): string =>
    Object.entries(fields)
      .map(([name, value]) => `${name}=${value}\n`)
      .join("");
  const first = `Tree=0\n${lines({
    num_leaves: "3",
    num_cat: "0",
    split_feature: "0 1",
    split_gain: "1 0.5",
    threshold: "0.5 -inf",
    decision_type: "2 2",
    left_child: "1 -1",
    right_child: "-2 -3",
    leaf_value: "0.1 -0.2 1e-05",
    leaf_weight: "1 1 1",
    leaf_count: "1 1 1",
    internal_value: "0 0",
    internal_weight: "0 0",
    internal_count: "3 2",
    is_linear: "0",
    shrinkage: "0.1",
    ...tree,
  })}\n\n`;
  return bytes(
    "tree\n",
    lines({
      version: "v4",
      num_class: "1",
      num_tree_per_iteration: "1",
      label_index: "0",
      max_feature_idx: "1",
      objective: "binary sigmoid:1",
      feature_names: "a b",
      feature_infos: "[0:1] [-2.5:1e+300]",
      tree_sizes: String(first.length),
      ...header,
    }),
    "\n",
    first,
    `end of trees\n\nfeature_importances:\na=1\nb=1\n\nparameters:\n[boosting: gbdt]\n[data: train.txt]\n${parameters}\nend of parameters\n\npandas_categorical:[]\n`,
  );
}

/** One oblivious tree of two splits on one feature; parts of the trees and of the core replace what stands here. */
export function catboostModel(
  trees: { readonly [field: string]: FlatInput } = {},
  core: { readonly [field: string]: FlatInput } = {},
): Uint8Array<ArrayBuffer> {
  const flat = writeFlatBuffer(CATBOOST, {
    FormatVersion: "FlabuffersModel_v1",
    ModelTrees: {
      ApproxDimension: 1,
      TreeSplits: [0, 1],
      TreeSizes: [2],
      TreeStartOffsets: [0],
      FloatFeatures: [{ Index: 0, FlatIndex: 0, Borders: [0.5, 1.5], FeatureId: "a" }],
      LeafValues: [1, 2, 3, 4],
      LeafWeights: [1, 1, 1, 1],
      ...trees,
    },
    InfoMap: [{ Key: "class_params", Value: "{}" }],
    ...core,
  });
  return bytes("CBM1", new Uint8Array(Uint32Array.of(flat.length).buffer), flat);
}
