/** Small ONNX models written for tests. */
import { encodeModel } from "#onnx/codec.ts";
import type { AttributeProto, ModelProto } from "#onnx/codec.ts";
import { nodeProto, portProto } from "#onnx/graph.ts";
import type { ElementType, Value } from "#onnx/tensor.ts";
import { toRuntime, writeTensor } from "#onnx/tensor.ts";

export interface NodeSketch {
  readonly op: string;
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly attributes?: readonly AttributeProto[];
  readonly domain?: string;
  readonly name?: string;
}

export interface ModelSketch {
  readonly opset?: number;
  readonly input: { readonly name: string; readonly dims: readonly (number | null)[]; readonly type?: ElementType };
  /** Inputs besides the first. */
  readonly more?: readonly {
    readonly name: string;
    readonly dims: readonly (number | null)[];
    readonly type?: ElementType;
  }[];
  readonly constants?: Readonly<Record<string, Value>>;
  readonly nodes: readonly NodeSketch[];
  readonly outputs: readonly string[];
  readonly outputType?: ElementType;
  /** Dimensions of every output, where the runtime cannot infer them. */
  readonly outputDims?: readonly (number | null)[];
}

/** float32 values of a shape. */
export const tensor = (dims: readonly number[], values: readonly number[]): Value => ({
  type: "float32",
  dims,
  data: Float64Array.from(values),
});
export const int64 = (...values: number[]): Value => ({
  type: "int64",
  dims: [values.length],
  data: Float64Array.from(values),
});

export function sketchProto(sketch: ModelSketch): ModelProto {
  return {
    ir_version: 8n,
    opset_import: [{ domain: "", version: BigInt(sketch.opset ?? 17) }],
    metadata_props: [],
    graph: {
      name: "sketch",
      node: sketch.nodes.map((node) =>
        nodeProto({
          op: node.op,
          domain: node.domain ?? "",
          name: node.name ?? "",
          inputs: node.in,
          outputs: node.out,
          attributes: Object.fromEntries((node.attributes ?? []).map((each) => [each.name!, each])),
        }),
      ),
      initializer: Object.entries(sketch.constants ?? {}).map(([name, value]) => writeTensor(toRuntime(value), name)),
      input: [sketch.input, ...(sketch.more ?? [])].map(({ name, type, dims }) =>
        portProto({ name, type: type ?? "float32", dims }),
      ),
      output: sketch.outputs.map((name) =>
        sketch.outputDims
          ? portProto({ name, type: sketch.outputType ?? "float32", dims: sketch.outputDims })
          : { name },
      ),
      value_info: [],
      sparse_initializer: [],
    },
  };
}

export const sketchModel = (sketch: ModelSketch): Uint8Array => encodeModel(sketchProto(sketch));
