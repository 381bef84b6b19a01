/** Every operator this room understands, by name. */
import { activations } from "./ops/activations.ts";
import { arithmetic } from "./ops/arithmetic.ts";
import { convolution } from "./ops/convolution.ts";
import { indexing } from "./ops/indexing.ts";
import { linear } from "./ops/linear.ts";
import { normalisation } from "./ops/normalisation.ts";
import type { Op, OpTable } from "./ops/op.ts";
import { pooling } from "./ops/pooling.ts";
import { quantisation } from "./ops/quantisation.ts";
import { random } from "./ops/random.ts";
import { reductions } from "./ops/reductions.ts";
import { shapes } from "./ops/shapes.ts";

export const ops: OpTable = {
  ...arithmetic,
  ...activations,
  ...linear,
  ...convolution,
  ...pooling,
  ...normalisation,
  ...reductions,
  ...shapes,
  ...indexing,
  ...quantisation,
  ...random,
};

/** The entry of an operator of ONNX's own set; undefined for anything else, whatever a file calls it. */
export const opOf = (node: { readonly op: string; readonly domain: string }): Op | undefined =>
  node.domain === "" && Object.hasOwn(ops, node.op) ? ops[node.op] : undefined;
