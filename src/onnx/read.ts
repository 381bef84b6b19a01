/** The calls and stored tensors of a graph, or of one inside a node, as the file has them. */
import type { RuntimeTensor } from "#base/ports.ts";
import type { GraphProto, NodeProto, TensorProto } from "./codec.ts";
import { OnnxError } from "./errors.ts";
import { nodeName } from "./ir.ts";
import type { Node } from "./ir.ts";
import { readTensor, scalar, toRuntime, vector } from "./tensor.ts";

export interface Body {
  readonly constants: Map<string, RuntimeTensor>;
  /** In the order of the file, without the Constants. */
  readonly nodes: Node[];
}

/** Throws OnnxError for tensors that cannot be read. */
export function readBody(proto: GraphProto): Body {
  const constants = new Map<string, RuntimeTensor>();
  for (const tensor of proto.initializer) {
    const name = tensor.name ?? "";
    if (constants.has(name)) throw new OnnxError(`initializer "${name}" is stored twice`);
    constants.set(name, readTensor(tensor, `initializer "${name}"`));
  }
  if (proto.sparse_initializer.length > 0)
    throw new OnnxError("sparse initializers are not supported", { remedy: "export with dense weights" });
  const nodes: Node[] = [];
  for (const node of proto.node) {
    const read = readNode(node);
    if (read.op === "Constant" && read.domain === "") constants.set(read.outputs[0] ?? "", constantOf(read));
    else nodes.push(read);
  }
  return { constants, nodes };
}

export function readNode(proto: NodeProto): Node {
  const domain = proto.domain === "ai.onnx" ? "" : (proto.domain ?? "");
  const node = {
    op: proto.op_type ?? "",
    domain,
    name: proto.name ?? "",
    inputs: trimmed(proto.input),
    outputs: proto.output,
    attributes: Object.fromEntries(proto.attribute.map((each) => [each.name ?? "", each])),
  };
  return { ...node, name: nodeName(node) };
}

/** Optional inputs left out at the end may be written as "" or not at all. */
function trimmed(names: readonly string[]): readonly string[] {
  let end = names.length;
  while (end > 0 && names[end - 1] === "") end--;
  return names.slice(0, end);
}

function constantOf(node: Node): RuntimeTensor {
  const { value, value_float, value_floats, value_int, value_ints, value_string, value_strings } = node.attributes;
  if (value?.t) return readTensor(value.t as TensorProto, `constant "${node.name}"`);
  if (value_float?.f !== undefined) return toRuntime(scalar("float32", value_float.f));
  if (value_floats) return toRuntime(vector("float32", Array.from(value_floats.floats)));
  if (value_int?.i !== undefined) return { type: "int64", dims: [], data: BigInt64Array.of(value_int.i) };
  if (value_ints) return { type: "int64", dims: [value_ints.ints.length], data: BigInt64Array.from(value_ints.ints) };
  const text = value_strings?.strings ?? (value_string?.s && [value_string.s]);
  if (text)
    return {
      type: "string",
      dims: value_strings ? [text.length] : [],
      data: text.map((s) => new TextDecoder().decode(s)),
    };
  throw new OnnxError(`Constant (node "${node.name}") holds no value that can be read`, { node: node.name });
}
