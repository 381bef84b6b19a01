/** From the bytes of a model to its graph, and back to bytes. */
import type { RuntimeTensor } from "#base/ports.ts";
import { decodeModel, encodeModel } from "./codec.ts";
import type { GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto } from "./codec.ts";
import { OnnxError, UnsupportedOp } from "./errors.ts";
import { DIALECT, nodeName } from "./ir.ts";
import type { Graph, Node, Port } from "./ir.ts";
import { isKnown } from "./normalise.ts";
import { readBody, readNode } from "./read.ts";
import { elementNumber, elementType, writeTensor } from "./tensor.ts";
import type { ElementType } from "./tensor.ts";

export interface LoadedModel {
  readonly proto: ModelProto;
  /** The version of ONNX's own operator set the file was written for. */
  readonly opset: number;
  /** As in the file: calls mean what its own operator set says, and `writeCall` brings them to the dialect. */
  readonly graph: Graph;
  /** Why the graph can only be run as it is, where that is so: an operator that no table knows, or too old a set. */
  readonly foreign?: OnnxError;
}

/** The operator sets whose meanings are known; the newest is the newest that the runtime loads. */
export const OPSET_MIN = 7;
export const OPSET_MAX = 26;

/** Reads a model. Throws OnnxError for anything that cannot be read, never crashes. */
export function loadGraph(bytes: Uint8Array): LoadedModel {
  const proto = decodeModel(bytes);
  const opset = Number(
    proto.opset_import.find((each) => (each.domain ?? "") === "" || each.domain === "ai.onnx")?.version ?? 1,
  );
  const raw = readGraph(proto.graph!);
  const stranger = raw.nodes.find((node) => !isKnown(node));
  if (opset > OPSET_MAX)
    return {
      proto,
      opset,
      graph: raw,
      foreign: new OnnxError(`the model is written for operator set ${opset}, newer than ${OPSET_MAX}`, {
        remedy: "export it for an earlier set",
      }),
    };
  if (stranger === undefined && opset < OPSET_MIN)
    return {
      proto,
      opset,
      graph: raw,
      foreign: new OnnxError(`the model is written for operator set ${opset}, older than ${OPSET_MIN}`, {
        remedy: "convert it with onnx.version_converter, or export it again",
      }),
    };
  if (stranger === undefined) return { proto, opset, graph: raw };
  const op = stranger.domain === "" ? stranger.op : `${stranger.domain}.${stranger.op}`;
  return { proto, opset, graph: raw, foreign: new UnsupportedOp(op, nodeName(stranger), "has no gradient rule") };
}

function readGraph(proto: GraphProto): Graph {
  const { constants, nodes } = readBody(proto);
  // Files of IR version 3 list their weights among the inputs.
  const inputs = proto.input.map(readPort).filter((port) => !constants.has(port.name));
  return { inputs, outputs: proto.output.map(readPort), constants, nodes: ordered(nodes, inputs, constants) };
}

function readPort(proto: ValueInfoProto): Port {
  const type = proto.type as TypeProto | undefined;
  const tensor = type?.tensor_type;
  return {
    name: proto.name ?? "",
    nonTensor: type !== undefined && tensor === undefined,
    type: elementType(tensor?.elem_type),
    dims: tensor?.shape?.dim.map((dim) =>
      dim.dim_value !== undefined && dim.dim_value > 0n ? Number(dim.dim_value) : null,
    ),
  };
}

/** Names that a node takes, those that its subgraphs capture included. */
function dependencies(node: Node): readonly string[] {
  const names = [...node.inputs];
  for (const attribute of Object.values(node.attributes))
    for (const graph of [...(attribute.g ? [attribute.g] : []), ...attribute.graphs])
      for (const inner of graph.node) for (const name of dependencies(readNode(inner))) names.push(name);
  return names;
}

/** Nodes in an order in which each comes after what it needs. Throws OnnxError for circles, doubled and missing tensors. */
function ordered(
  nodes: readonly Node[],
  inputs: readonly Port[],
  constants: ReadonlyMap<string, RuntimeTensor>,
): Node[] {
  const maker = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const output of node.outputs) {
      if (output === "") continue;
      if (maker.has(output) || constants.has(output))
        throw new OnnxError(`tensor "${output}" is computed twice`, {
          node: node.name,
          remedy: "the file is damaged; export it again",
        });
      maker.set(output, i);
    }
  });
  const given = new Set(inputs.map((port) => port.name));
  const needs = nodes.map((node) => {
    for (const name of node.inputs)
      if (name !== "" && !maker.has(name) && !given.has(name) && !constants.has(name))
        throw new OnnxError(`${node.op} (node "${node.name}") takes tensor "${name}", which nothing computes`, {
          node: node.name,
          remedy: "the file is damaged; export it again",
        });
    return dependencies(node).flatMap((name) => maker.get(name) ?? []);
  });
  const state = new Uint8Array(nodes.length);
  const order: Node[] = [];
  for (let root = 0; root < nodes.length; root++) {
    const stack = [root];
    while (stack.length > 0) {
      const at = stack.at(-1)!;
      if (state[at] === 2) stack.pop();
      else if (state[at] === 1) {
        state[at] = 2;
        order.push(nodes[at]!);
        stack.pop();
      } else {
        state[at] = 1;
        for (const need of needs[at]!) {
          if (state[need] === 1)
            throw new OnnxError(`node "${nodes[need]!.name}" depends on its own result`, { node: nodes[need]!.name });
          if (state[need] === 0) stack.push(need);
        }
      }
    }
  }
  return order;
}

/** What a model file needs of a tensor at its border. A null dimension is the batch; a name is an open one of its own. */
export interface PortOut {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string | null)[];
}

export function portProto(port: PortOut): ValueInfoProto {
  const dim = port.dims.map((length) =>
    typeof length === "number" ? { dim_value: BigInt(length) } : { dim_param: length ?? "batch" },
  );
  return { name: port.name, type: { tensor_type: { elem_type: elementNumber(port.type), shape: { dim } } } };
}

export function nodeProto(node: Node): NodeProto {
  const proto: NodeProto = {
    input: [...node.inputs],
    output: [...node.outputs],
    name: node.name,
    op_type: node.op,
    attribute: Object.values(node.attributes),
  };
  if (node.domain !== "") proto.domain = node.domain;
  return proto;
}

/** Bytes of a model in the dialect; nodes and constants that no output needs are left out. */
export function encodeGraph(graph: {
  readonly inputs: readonly PortOut[];
  readonly outputs: readonly PortOut[];
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, RuntimeTensor>;
}): Uint8Array {
  const wanted = new Set(graph.outputs.map((port) => port.name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) wanted.add(name);
  }
  const initializer: TensorProto[] = [];
  for (const [name, tensor] of graph.constants) if (wanted.has(name)) initializer.push(writeTensor(tensor, name));
  return encodeModel({
    ir_version: 8n,
    producer_name: "vauban",
    opset_import: [{ domain: "", version: BigInt(DIALECT) }],
    metadata_props: [],
    graph: {
      name: "vauban",
      node: nodes.toReversed().map(nodeProto),
      initializer,
      input: graph.inputs.filter((port) => wanted.has(port.name)).map(portProto),
      output: graph.outputs.map(portProto),
      value_info: [],
      sparse_initializer: [],
    },
  });
}
