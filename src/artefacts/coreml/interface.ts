/** What a model says of its inputs and outputs: sizes of arrays and images, and how many numbers go in. */
import { numberOf, numbersOf, textOf, type Walked } from "#formats/protobuf-walk.ts";
import * as limits from "#artefacts/limits.ts";
import { count, every, only, product, type Judging } from "./reading.ts";

/** Elements no array has: such a shape asks for more memory than there is. */
export const ELEMENTS_MAX = BigInt(limits.DECLARED_MAX);

/** Elements of something that is made out of constants alone: 16 GB of float32. */
export const MADE_MAX = BigInt(limits.MADE_MAX);

type Sizes = (of: Walked, field: string, say: Judging["say"]) => void;
const shape =
  (inherits: boolean, max = MADE_MAX): Sizes =>
  (of, field, say) => {
    const sizes = numbersOf(of, field);
    if (count(of, field) > sizes.length)
      return say("unknown", "coreml-size", of, `an array of ${count(of, field)} dimensions`);
    if (sizes.some((size) => size < (inherits ? -1n : 0n)))
      return say("unknown", "coreml-size", of, "an array has a size below zero");
    large(product(sizes.map((size) => (size < 0n ? 1n : size))), of, sizes, say, max);
  };
const wide: Sizes = (of, field, say) => {
  const size = unsigned(of, field) ?? 0n;
  large(size, of, [size], say, MADE_MAX);
};
/** Steps and windows: one of nothing never ends, or divides by nothing. */
const steps: Sizes = (of, field, say) => {
  // Of what goes over the whole array, writers leave them at zero.
  if ((numberOf(of, "globalPooling") ?? 0n) === 0n && numbersOf(of, field).includes(0n))
    say("unknown", "coreml-size", of, `${field} has a size of zero`);
};
/** Of a size, from the least to the most it may be. */
const sizeRanges: Sizes = (of, field, say) => {
  for (const range of every(of, field)) {
    const [lower, upper] = [unsigned(range, "lowerBound") ?? 0n, numberOf(range, "upperBound") ?? 0n];
    if (upper > 0n && lower > upper)
      say("unknown", "coreml-size", range, `a size of at least ${lower} and at most ${upper}`);
    large(lower, range, [lower], say);
  }
};

/** What a field of any message says of sizes. */
const SIZES: ReadonlyMap<string, Sizes> = new Map<string, Sizes>([
  ["shape", shape(false, ELEMENTS_MAX)],
  ["stride", steps],
  ["strides", steps],
  ["kernelSize", steps],
  ["dilationFactor", steps],
  ["scalingFactor", steps],
  ["blockSize", steps],
  ["outputShape", shape(false)],
  ["reps", shape(false)],
  ["targetSize", shape(false)],
  // A reshape may take sizes from what it is given.
  ["targetShape", shape(true)],
  ["oneHotVectorSize", wide],
  ["nRepetitions", wide],
  ["sizeRanges", sizeRanges],
  ["sizeRange", sizeRanges],
  ["widthRange", sizeRanges],
  ["heightRange", sizeRanges],
  [
    "tensorType",
    (of, field, say) => {
      for (const tensor of every(of, field)) {
        const sizes = every(tensor, "dimensions").map(
          (dimension) => unsigned(only(dimension, "constant"), "size") ?? 1n,
        );
        const rank = numberOf(tensor, "rank") ?? 0n;
        // Of a type with any number of dimensions the rank is −1.
        if (rank >= 0n && rank !== BigInt(sizes.length))
          say("unknown", "coreml-size", tensor, `a type of ${rank} dimensions, and ${sizes.length} are there`);
        large(product(sizes), tensor, sizes, say);
      }
    },
  ],
  [
    "imageType",
    (of, field, say) => {
      for (const image of every(of, field)) {
        const sizes = [numberOf(image, "width") ?? 0n, numberOf(image, "height") ?? 0n];
        const flexible = count(image, "enumeratedSizes") + count(image, "imageSizeRange") > 0;
        for (const one of every(only(image, "enumeratedSizes"), "sizes")) {
          const listed = [unsigned(one, "width") ?? 0n, unsigned(one, "height") ?? 0n];
          large(product(listed), one, listed, say);
        }
        if (sizes.some((size) => size < 0n || (size === 0n && !flexible)))
          say("unknown", "coreml-size", image, `an image of ${sizes.join(" by ")} points`);
        else large(product(sizes), image, sizes, say);
      }
    },
  ],
]);

function large(
  elements: bigint | undefined,
  at: Walked,
  sizes: readonly bigint[],
  say: Judging["say"],
  max = ELEMENTS_MAX,
): void {
  if (elements === undefined || elements > max)
    say(
      "suspicious",
      "coreml-size",
      at,
      `an array of shape [${sizes.slice(0, 8).join(", ")}]: ${max === ELEMENTS_MAX ? "none has so many elements" : "no model makes so many elements"}`,
    );
}

/** Judges a message for itself: the sizes it says. */
export function judgeSizes(message: Walked, { say }: Judging): void {
  for (const field of Object.keys(message.counts)) SIZES.get(field)?.(message, field, say);
}

const unsigned = (message: Walked | undefined, field: string): bigint | undefined => {
  const value = message && numberOf(message, field);
  return value === undefined ? undefined : BigInt.asUintN(64, value);
};

/** How many numbers a model is given, input after input; undefined where that is not fixed or they are no numbers. */
export function widthOf(model: Walked): number | undefined {
  let width = 0n;
  for (const input of every(only(model, "description"), "input")) {
    const elements = only(only(input, "type"), "imageType") ? undefined : elementsOf(input);
    if (elements === undefined) return undefined;
    width += elements;
  }
  return Number(width);
}

/** How many numbers one input is; undefined where that is not fixed. */
export function elementsOf(feature: Walked): bigint | undefined {
  const type = only(feature, "type");
  const [array, image] = [only(type, "multiArrayType"), only(type, "imageType")];
  if (array) {
    const flexible = [...every(array, "enumeratedShapes"), ...every(array, "shapeRange")].length > 0;
    return flexible || count(array, "shape") === 0
      ? undefined
      : product(numbersOf(array, "shape"), count(array, "shape"));
  }
  if (image) {
    const flexible = [...every(image, "enumeratedSizes"), ...every(image, "imageSizeRange")].length > 0;
    const sides = product([numberOf(image, "width") ?? 0n, numberOf(image, "height") ?? 0n]);
    const colours = COLOURS.get(numberOf(image, "colorSpace") ?? 0n);
    return flexible || sides === undefined || colours === undefined ? undefined : sides * colours;
  }
  return (only(type, "doubleType") ?? only(type, "int64Type")) ? 1n : undefined;
}
/** Numbers of a point by the colour space of an image (FeatureTypes.proto). */
const COLOURS: ReadonlyMap<bigint, bigint> = new Map([
  [10n, 1n],
  [20n, 3n],
  [30n, 3n],
  [40n, 1n],
]);

/** Names of a model's inputs or outputs. */
export const namesOf = (
  description: Walked | undefined,
  side: "input" | "output" | "state" | "trainingInput",
  { content }: Judging,
): readonly string[] => every(description, side).map((feature) => textOf(content, feature, "name") ?? "");
