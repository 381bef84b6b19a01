/**
 * Weights of a neural network's layers, held against the sizes that the layers say (coremltools,
 * Validation/NeuralNetwork/NeuralNetworkLayerValidator.cpp): a reader that trusts the sizes reads past the weights' end.
 */
import { numberOf, numbersOf, type Walked } from "#formats/protobuf-walk.ts";
import { count, every, only, product, shown, type Judging } from "./reading.ts";

/** Weights of a layer: where they stand, how many there must be, and for how many outputs each may have a scale of its own. */
interface Wanted {
  readonly of: Walked;
  readonly field: string;
  /** None where the number is the input's business: then only that they are whole is seen. */
  readonly units: bigint | undefined;
  readonly outputs: bigint;
  /** They may be absent: then an input brings them. */
  readonly absent?: boolean;
}
type Layer = (layer: Walked, params: Walked) => readonly Wanted[];

const n = (message: Walked, field: string, missing = 0n): bigint => {
  const value = numberOf(message, field);
  return value === undefined ? missing : BigInt.asUintN(64, value);
};
const yes = (message: Walked | undefined, field: string): boolean =>
  message !== undefined && (numberOf(message, field) ?? 0n) !== 0n;
const all =
  (of: Walked) =>
  (units: bigint, outputs: bigint, ...fields: readonly string[]): readonly Wanted[] =>
    fields.map((field) => ({ of, field, units, outputs }));
/** So many as a shape makes, which lies in a field beside them. Where there is no shape, a single number. */
const shaped = (of: Walked, field: string, shape: string): Wanted => {
  const sizes = numbersOf(of, shape);
  return { of, field, units: product(sizes, count(of, shape)) ?? -1n, outputs: sizes.length > 1 ? sizes[0]! : 1n };
};
const matrix =
  (rows: string, columns: string): Layer =>
  (layer, params) => {
    const [inputs, outputs] = [n(params, rows), n(params, columns)];
    return [
      { of: params, field: "weights", units: inputs * outputs, outputs, absent: count(layer, "input") > 1 },
      ...(yes(params, "hasBias") ? all(params)(outputs, 1n, "bias") : []),
    ];
  };
const GATES = ["inputGate", "forgetGate", "blockInput", "outputGate"];
const lstm: Layer = (_, params) => {
  const [x, h] = [n(params, "inputVectorSize"), n(params, "outputVectorSize")];
  const flags = only(params, "params");
  return every(params, "weightParams").flatMap((of) => [
    ...all(of)(h * x, h, ...GATES.map((gate) => `${gate}WeightMatrix`)),
    ...all(of)(h * h, h, ...GATES.map((gate) => `${gate}RecursionMatrix`)),
    ...(yes(flags, "hasBiasVectors") ? all(of)(h, 1n, ...GATES.map((gate) => `${gate}BiasVector`)) : []),
    ...(yes(flags, "hasPeepholeVectors")
      ? all(of)(h, 1n, "inputGatePeepholeVector", "forgetGatePeepholeVector", "outputGatePeepholeVector")
      : []),
  ]);
};
const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = {
  PReLU: ["alpha"],
  parametricSoftplus: ["alpha", "beta"],
};

/** By the name of a layer's field: every layer that has weights. */
export const LAYERS_WITH_WEIGHTS: Readonly<Record<string, Layer>> = {
  convolution(layer, params) {
    const [outputs, channels] = [n(params, "outputChannels"), n(params, "kernelChannels")];
    const groups = n(params, "nGroups") || 1n;
    const [height = 3n, width = 3n] = numbersOf(params, "kernelSize").map((size) => BigInt.asUintN(64, size));
    const kernels = yes(params, "isDeconvolution") ? outputs / groups : outputs;
    return [
      {
        of: params,
        field: "weights",
        units: channels * kernels * height * width,
        outputs,
        absent: count(layer, "input") > 1,
      },
      ...(yes(params, "hasBias") ? all(params)(outputs, 1n, "bias") : []),
    ];
  },
  convolution3d(_, params) {
    const [outputs, inputs, groups] = [n(params, "outputChannels"), n(params, "inputChannels"), n(params, "nGroups")];
    const kernel = n(params, "kernelDepth") * n(params, "kernelHeight") * n(params, "kernelWidth");
    const per = groups || 1n;
    const pairs = yes(params, "isDeconvolution") ? (outputs / per) * inputs : outputs * (inputs / per);
    return [
      ...all(params)(pairs * kernel, outputs, "weights"),
      ...(yes(params, "hasBias") ? all(params)(outputs, 1n, "bias") : []),
    ];
  },
  innerProduct: matrix("inputChannels", "outputChannels"),
  embedding: matrix("inputDim", "outputChannels"),
  embeddingND: matrix("vocabSize", "embeddingSize"),
  batchedMatmul: matrix("weightMatrixFirstDimension", "weightMatrixSecondDimension"),
  batchnorm: (_, params) =>
    all(params)(
      n(params, "channels"),
      1n,
      "gamma",
      "beta",
      ...(yes(params, "computeMeanVar") ? [] : ["mean", "variance"]),
    ),
  bias: (_, params) => [shaped(params, "bias", "shape")],
  scale: (_, params) => [
    shaped(params, "scale", "shapeScale"),
    ...(yes(params, "hasBias") ? [shaped(params, "bias", "shapeBias")] : []),
  ],
  loadConstant: (_, params) => [shaped(params, "data", "shape")],
  loadConstantND: (_, params) => [{ ...shaped(params, "data", "shape"), outputs: 1n }],
  simpleRecurrent(_, params) {
    const [x, h] = [n(params, "inputVectorSize"), n(params, "outputVectorSize")];
    return [
      ...all(params)(x * h, h, "weightMatrix"),
      ...all(params)(h * h, h, "recursionMatrix"),
      ...(yes(params, "hasBiasVector") ? all(params)(h, 1n, "biasVector") : []),
    ];
  },
  gru(_, params) {
    const [x, h] = [n(params, "inputVectorSize"), n(params, "outputVectorSize")];
    const gates = ["updateGate", "resetGate", "outputGate"];
    return [
      ...all(params)(x * h, h, ...gates.map((gate) => `${gate}WeightMatrix`)),
      ...all(params)(h * h, h, ...gates.map((gate) => `${gate}RecursionMatrix`)),
      ...(yes(params, "hasBiasVectors") ? all(params)(h, 1n, ...gates.map((gate) => `${gate}BiasVector`)) : []),
    ];
  },
  uniDirectionalLSTM: lstm,
  biDirectionalLSTM: lstm,
  layerNormalization(_, params) {
    const units = product(numbersOf(params, "normalizedShape"), count(params, "normalizedShape")) ?? -1n;
    return all(params)(units, 1n, "gamma", "beta");
  },
  activation: (_, params) =>
    Object.entries(ACTIVATIONS).flatMap(([kind, fields]) =>
      every(params, kind).flatMap((of) => fields.map((field) => ({ of, field, units: undefined, outputs: -1n }))),
    ),
  // An app's own layer: what its weights are for only that code knows, and the layer is told.
  custom: (_, params) =>
    every(params, "weights").length === 0
      ? []
      : [{ of: params, field: "weights", units: undefined, outputs: -1n, absent: true }],
};

/** How many directions a layer has weights for, where the field may repeat. */
const DIRECTIONS: Readonly<Record<string, number>> = { uniDirectionalLSTM: 1, biDirectionalLSTM: 2 };

export function judgeWeights(kind: string, layer: Walked, params: Walked, name: string, { say }: Judging): void {
  const wanted = Object.hasOwn(LAYERS_WITH_WEIGHTS, kind) ? LAYERS_WITH_WEIGHTS[kind]!(layer, params) : [];
  const directions = DIRECTIONS[kind];
  if (directions !== undefined && every(params, "weightParams").length !== directions)
    say(
      "unknown",
      "coreml-weights",
      params,
      `the layer ${shown(name)} has weights for ${every(params, "weightParams").length} directions of ${directions}`,
    );
  for (const { of, field, units, outputs, absent } of wanted) {
    const weights = only(of, field);
    const problem = weights
      ? weightsProblem(weights, units, outputs)
      : absent === true
        ? undefined
        : `${units ?? "no"} values by its sizes, and none are there`;
    if (problem !== undefined && !(absent === true && weights && empty(weights)))
      say("unknown", "coreml-weights", weights ?? of, `${field} of the layer ${shown(name)}: ${problem}`);
    if (weights && KINDS.filter((kept) => bytesOf(weights, kept) > 0).length > 1)
      say(
        "suspicious",
        "coreml-weights",
        weights,
        `${field} of the layer ${shown(name)} has its values in several places: which count differs between readers`,
      );
  }
}

const KINDS = ["floatValue", "float16Value", "rawValue", "int8RawValue"] as const;
function bytesOf(weights: Walked, kind: (typeof KINDS)[number]): number {
  if (kind === "floatValue") return 4 * count(weights, kind);
  const place = weights.places[kind]?.at(-1);
  return place ? place.end - place.start : 0;
}
const empty = (weights: Walked): boolean => KINDS.every((kind) => bytesOf(weights, kind) === 0);

/** What is wrong with weights of which there must be `units`. */
function weightsProblem(weights: Walked, units: bigint | undefined, outputs: bigint): string | undefined {
  const kind = KINDS.find((one) => bytesOf(weights, one) > 0);
  if (units !== undefined && units < 0n) return "its shape has a size below zero, or more sizes than any array";
  if (units === 0n) return "one of its sizes is zero";
  if (kind === undefined) return `${units ?? "some"} values are wanted, and none are there`;
  const bytes = BigInt(bytesOf(weights, kind));
  const quantization = only(weights, "quantization");
  if (kind === "floatValue" || kind === "float16Value") {
    const width = kind === "floatValue" ? 4n : 2n;
    if (bytes % width !== 0n) return `${bytes} bytes of values of ${width}`;
    return units === undefined || bytes / width === units
      ? undefined
      : `${units} values by its sizes, and ${bytes / width} are there`;
  }
  if (!quantization) return "packed values that do not say how they are packed";
  const bits = numberOf(quantization, "numberOfBits") ?? 0n;
  if (bits < 1n || bits > 8n) return `packed values of ${bits} bits, where 1 to 8 can be`;
  if (units !== undefined && bytes !== (units * bits + 7n) / 8n)
    return `${units} values of ${bits} bits by its sizes, and ${bytes} bytes are there`;
  return unpackingProblem(quantization, bits, outputs);
}

/** What packed values become: by a scale for all or for each output, or by a table. */
function unpackingProblem(quantization: Walked, bits: bigint, outputs: bigint): string | undefined {
  const [linear, table] = [only(quantization, "linearQuantization"), only(quantization, "lookupTableQuantization")];
  if ((linear === undefined) === (table === undefined)) return "packed values with no way to unpack them, or two";
  if (table) {
    const entries = count(table, "floatValue");
    return entries === 2 ** Number(bits) ? undefined : `a table of ${entries} values for ${bits} bits`;
  }
  const [scales, biases] = [count(linear, "scale"), count(linear, "bias")];
  if (scales !== 1 && outputs >= 0n && BigInt(scales) !== outputs) return `${scales} scales for ${outputs} outputs`;
  return biases === 0 || biases === scales ? undefined : `${biases} offsets for ${scales} scales`;
}
