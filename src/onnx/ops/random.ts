/** Operators that draw numbers: they are recognised so that a stochastic model is said to be one, and never computed ahead. */
import type { Op, OpTable, ShapeCall } from "./op.ts";
import { required } from "./op.ts";
import { OnnxError } from "#onnx/errors.ts";
import { attr, nodeName } from "#onnx/ir.ts";
import type { Node } from "#onnx/ir.ts";
import { elementType } from "#onnx/tensor.ts";

function drawn(node: Node): never {
  throw new OnnxError(`${node.op} (node "${nodeName(node)}") gives another result each time`, { node: nodeName(node) });
}

const like: Op = {
  shape(call: ShapeCall) {
    const { type, dims } = required(call, 0);
    return [{ type: elementType(attr.int(call.node, "dtype", 0)) ?? type, dims }];
  },
  value: (call) => drawn(call.node),
  vjp: "nowhere",
};
const shaped: Op = {
  shape: (call) => [
    { type: elementType(attr.int(call.node, "dtype", 1)) ?? "float32", dims: attr.ints(call.node, "shape") ?? [] },
  ],
  value: (call) => drawn(call.node),
  vjp: "nowhere",
};

export const random: OpTable = {
  RandomNormal: shaped,
  RandomUniform: shaped,
  RandomNormalLike: like,
  RandomUniformLike: like,
  Bernoulli: like,
  /** Only reached in training mode; at inference it is lowered to Identity. */
  Dropout: {
    shape(call) {
      const { type, dims } = required(call, 0);
      return [
        { type, dims },
        { type: "bool" as const, dims },
      ].slice(0, call.node.outputs.length);
    },
    value: (call) => drawn(call.node),
    vjp: "unruled",
  },
};
