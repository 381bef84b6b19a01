/**
 * Neural networks: layers with as many inputs and outputs as they take, each by a name that something made before, weights as large as the
 * layers say, and loops that end (coremltools, Validation/NeuralNetwork).
 */
import { floatOf, numberOf, textAt, textOf, type Walked } from "#formats/protobuf-walk.ts";
import { viewOf } from "#formats/error.ts";
import { MADE_MAX, ROUNDS_MAX } from "#artefacts/limits.ts";
import { elementsOf, namesOf } from "./interface.ts";
import { count, every, only, shown, type Judging } from "./reading.ts";
import { judgeWeights } from "./weights.ts";

/** How many inputs and outputs a layer has, at least and at most; no most where any number will do. */
const PORTS: ReadonlyMap<string, readonly [inputs: readonly [number, number], outputs: readonly [number, number]]> =
  new Map(
    `
    0 1: loadConstant loadConstantND fillStatic rangeStatic randomNormalStatic randomUniformStatic randomBernoulliStatic
    0 0: loopBreak loopContinue
    0-1 0: loop
    1 0: branch
    1 1: activation argMax argMin argSort acos acosh asin asinh atan atanh batchnorm bias broadcastToStatic categoricalDistribution ceil clampedReLU clip convolution3d copy cos cosh embedding embeddingND erf exp2 expandDims fillDynamic fillLike flatten flattenTo2D floor gelu getShape globalPooling3d innerProduct l2normalize layerNormalization logicalNot lowerTriangular lrn matrixBandPart mvn padding permute pooling pooling3d randomBernoulliDynamic randomBernoulliLike randomNormalDynamic randomNormalLike randomUniformDynamic randomUniformLike rankPreservingReshape reduce reduceL1 reduceL2 reduceLogSum reduceLogSumExp reduceMax reduceMean reduceMin reduceProd reduceSum reduceSumSquare reorganizeData reshape reshapeStatic resizeBilinear reverse round scale sequenceRepeat sign sin sinh sliceStatic slice slidingWindows softmax softmaxND squeeze tan tanh transpose unary upperTriangular upsample whereNonZero
    1-2 1: batchedMatmul constantPad convolution crop cumSum equal greaterEqual greaterThan lessEqual lessThan notEqual oneHot tile
    1-3 1: rangeDynamic
    1-2 2: gru topK
    1-3 3: uniDirectionalLSTM
    1-5 5: biDirectionalLSTM
    1 2-: split splitND
    1- 1: add average max min multiply
    1- 1-: custom
    2 1: addBroadcastable broadcastToDynamic broadcastToLike cropResize divideBroadcastable dot floorDivBroadcastable gather gatherAlongAxis gatherND logicalAnd logicalOr logicalXor maxBroadcastable minBroadcastable modBroadcastable multiplyBroadcastable powBroadcastable reshapeDynamic reshapeLike reverseSeq sliceBySize subtractBroadcastable
    2 2: simpleRecurrent
    2- 1: concat concatND stack
    2-7 1: sliceDynamic
    2-5 4: NonMaximumSuppression
    3 1: scatter scatterAlongAxis scatterND whereBroadcastable
  `
      .trim()
      .split("\n")
      .flatMap((line) => {
        const [said, layers] = line.split(": ");
        const [inputs, outputs] = said!.trim().split(" ").map(rangeOf);
        return layers!.split(" ").map((layer) => [layer, [inputs!, outputs!]] as const);
      }),
  );
function rangeOf(said: string): readonly [number, number] {
  const [least, most] = said.split("-");
  return [Number(least), most === undefined ? Number(least) : most === "" ? Number.POSITIVE_INFINITY : Number(most)];
}
/** Layers whose counts are known, for the test that all are. */
export const KNOWN_LAYERS: ReadonlySet<string> = new Set(PORTS.keys());

/** Messages of a layer that are not what it does. */
const BESIDES = new Set(["inputTensor", "outputTensor"]);
const DEPTH_MAX = 64;

/** Names that hold something, from the network's inputs on. */
type Names = Set<string>;

export function judgeNetwork(network: Walked, model: Walked, judging: Judging): void {
  const description = only(model, "description");
  const names: Names = new Set([
    ...namesOf(description, "input", judging),
    ...namesOf(description, "state", judging),
    ...namesOf(description, "trainingInput", judging),
  ]);
  layersOf(network, names, judging, 0);
  const { content, say } = judging;
  const inputs = every(description, "input");
  for (const step of every(network, "preprocessing")) {
    const name = textOf(content, step, "featureName") ?? "";
    const input = name === "" ? inputs[0] : inputs.find((one) => textOf(content, one, "name") === name);
    if (!input) say("unknown", "coreml-graph", step, `the input ${shown(name)} is prepared and is not there`);
    const mean = only(step, "meanImage");
    const [wanted, there] = [input && elementsOf(input), count(mean, "meanImage")];
    if (mean && wanted !== BigInt(there))
      say(
        "unknown",
        "coreml-weights",
        mean,
        `a mean image of ${there} numbers for an input of ${wanted ?? "no fixed number"}`,
      );
  }
  // A classifier makes these of what its last layer gives.
  const made = new Set(
    ["predictedFeatureName", "predictedProbabilitiesName"].map((field) =>
      description ? textOf(content, description, field) : undefined,
    ),
  );
  const classifies = count(network, "stringClassLabels") + count(network, "int64ClassLabels") > 0;
  for (const name of namesOf(description, "output", judging))
    if (!names.has(name) && !(classifies && made.has(name)))
      say("unknown", "coreml-graph", network, `the output ${shown(name)} is made by no layer`);
}

function layersOf(network: Walked, names: Names, judging: Judging, depth: number): void {
  const { content, say, tick } = judging;
  if (depth > DEPTH_MAX)
    return say("unknown", "limit-coreml", network, `networks lie more than ${DEPTH_MAX} deep; these were not followed`);
  for (const layer of every(network, "layers")) {
    tick();
    const name = textOf(content, layer, "name") ?? "";
    const what = `the layer ${shown(name)}`;
    const kinds = Object.keys(layer.messages).filter((field) => !BESIDES.has(field));
    if (kinds.length !== 1)
      say(
        "unknown",
        "coreml-graph",
        layer,
        kinds.length === 0
          ? `${what} does nothing that is known`
          : `${what} does several things (${kinds.slice(0, 4).join(", ")}): readers differ in which counts`,
      );
    const given = (layer.places.input ?? []).map((place) => textAt(content, place));
    const missing = given.find((one) => !names.has(one));
    if (missing !== undefined)
      say("unknown", "coreml-graph", layer, `${what} takes ${shown(missing)}, which nothing before it makes`);
    for (const kind of kinds) {
      const params = only(layer, kind)!;
      portsOf(kind, layer, what, judging);
      judgeWeights(kind, layer, params, name, judging);
      if (kind === "rangeStatic") {
        const [from, to, by] = ["startValue", "endValue", "stepSizeValue"].map(
          (field) => floatOf(content, params, field) ?? 0,
        );
        range(to! - from!, by!, params, what, judging);
      }
      if (kind === "loop") loop(layer, params, what, names, judging, depth);
      if (kind === "branch") {
        if (count(only(params, "ifBranch"), "layers") === 0)
          say("unknown", "coreml-graph", params, `${what} branches to where nothing is`);
        for (const inner of [...every(params, "ifBranch"), ...every(params, "elseBranch")])
          layersOf(inner, names, judging, depth + 1);
      }
    }
    for (const place of layer.places.output ?? []) names.add(textAt(content, place));
  }
}

function portsOf(kind: string, layer: Walked, what: string, { say }: Judging): void {
  const known = PORTS.get(kind);
  if (!known) return say("unknown", "coreml-graph", layer, `${what}: how many inputs ${kind} takes is not known here`);
  for (const [side, index] of [
    ["input", 0],
    ["output", 1],
  ] as const) {
    const [least, most] = known[index];
    const there = count(layer, side);
    if (there < least || there > most)
      say(
        "unknown",
        "coreml-graph",
        layer,
        `${what} (${kind}) has ${there} ${side}s, where ${least === most ? least : `${least} to ${most === Number.POSITIVE_INFINITY ? "any number" : most}`} belong`,
      );
  }
}

/** Numbers from one to another by a step. */
export function range(length: number, step: number, at: Walked, what: string, { say }: Judging): void {
  const numbers = Math.abs(length / step);
  if (numbers <= MADE_MAX) return;
  say(
    "suspicious",
    "coreml-size",
    at,
    Number.isFinite(numbers)
      ? `${what} makes ${numbers.toExponential(1)} numbers out of constants alone`
      : `${what} counts in steps that lead nowhere`,
  );
}

/** A loop goes round while its condition holds, and no more often than it says. What always holds ends nothing. */
function loop(layer: Walked, params: Walked, what: string, names: Names, judging: Judging, depth: number): void {
  const { content, say } = judging;
  const [condition, body] = [only(params, "conditionNetwork"), only(params, "bodyNetwork")];
  const variable = textOf(content, params, "conditionVar") ?? "";
  const rounds = BigInt.asUintN(64, numberOf(params, "maxLoopIterations") ?? 0n);
  const conditional = condition !== undefined && count(condition, "layers") > 0;
  if (!body || count(body, "layers") === 0) say("unknown", "coreml-loop", layer, `${what} is a loop around nothing`);
  if (conditional !== (variable !== ""))
    say(
      "unknown",
      "coreml-loop",
      layer,
      conditional
        ? `${what} is a loop that makes a condition and does not say which`
        : `${what} is a loop on the condition ${shown(variable)}, which nothing in it makes`,
    );
  if (condition) layersOf(condition, names, judging, depth + 1);
  if (body) layersOf(body, names, judging, depth + 1);
  const ends = conditional ? !settled(condition, body, variable, judging) : count(layer, "input") > 0;
  const breaks = body !== undefined && holds(body, "loopBreak", 0);
  if (!ends && !breaks && (rounds === 0n || rounds > BigInt(ROUNDS_MAX)))
    say(
      "suspicious",
      "coreml-loop",
      layer,
      rounds === 0n
        ? `${what} is a loop that nothing ends: what its condition hangs on never changes`
        : `${what} is a loop that goes round ${Number(rounds).toExponential(1)} times, whatever it is given`,
    );
}

/** Layers whose answer may be another each time, or hangs on more than their inputs. */
const UNSETTLED = /^(random|categorical|custom$|loop|branch$)/;

/**
 * Whether a condition is the same in every round, so that a loop once begun goes on: nothing that it hangs on is made anew. One that is
 * always zero begins no loop.
 */
function settled(condition: Walked, body: Walked | undefined, variable: string, { content }: Judging): boolean {
  const names = (layer: Walked, side: "input" | "output"): readonly string[] =>
    (layer.places[side] ?? []).map((place) => textAt(content, place));
  const needed = new Set([variable]);
  let constant: number | undefined;
  for (const layer of every(condition, "layers").toReversed()) {
    const made = names(layer, "output").filter((name) => needed.has(name));
    const kind = Object.keys(layer.messages).find((field) => !BESIDES.has(field)) ?? "";
    if (/^(loop|branch$)/.test(kind) || (made.length > 0 && UNSETTLED.test(kind))) return false;
    if (made.includes(variable)) constant = constantOf(layer, content);
    for (const name of made) needed.delete(name);
    if (made.length > 0) for (const name of names(layer, "input")) needed.add(name);
  }
  if (constant === 0) return false;
  const written = (network: Walked | undefined, depth: number): boolean =>
    depth > DEPTH_MAX ||
    every(network, "layers").some(
      (layer) =>
        names(layer, "output").some((name) => needed.has(name)) ||
        ["branch", "loop"].some((kind) =>
          every(layer, kind).some((params) =>
            Object.values(params.messages).some((inner) => inner.some((one) => written(one, depth + 1))),
          ),
        ),
    );
  return !written(body, 0) && !written(condition, 0);
}

/** The first number of a layer that gives a constant. */
function constantOf(layer: Walked, content: Judging["content"]): number | undefined {
  const data = only(only(layer, "loadConstantND") ?? only(layer, "loadConstant"), "data");
  const place = data?.places.floatValue?.[0] ?? only(layer, "fillStatic")?.places.value?.[0];
  return place && place.end - place.start >= 4 ? viewOf(content.read(place.start, 4)).getFloat32(0, true) : undefined;
}

/** Whether a network has this layer, in itself or in a branch of it; loops within are left by their own. */
const holds = (network: Walked, kind: string, depth: number): boolean =>
  depth <= DEPTH_MAX &&
  every(network, "layers").some(
    (layer) =>
      count(layer, kind) > 0 ||
      ["ifBranch", "elseBranch"].some((side) =>
        every(only(layer, "branch"), side).some((inner) => holds(inner, kind, depth + 1)),
      ),
  );
