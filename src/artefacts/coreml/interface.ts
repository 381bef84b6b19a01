/** What a model says of its inputs and outputs: sizes of arrays and images, and how many numbers go in. */
import { numberOf, numbersOf, textOf, type Walked } from "#formats/protobuf-walk.ts";
import { count, every, only, product, type Judging } from "./reading.ts";

/** Elements no array has: such a shape asks for more memory than there is. */
export const ELEMENTS_MAX = 2n ** 50n;

/** Fields of any message that are the shape of something that is made, and whether it may take sizes from what it is given. */
const SHAPES: readonly (readonly [field: string, inherits: boolean])[] = [
  ["shape", false],
  ["targetShape", true],
  ["outputShape", false],
  ["reps", false],
  ["targetSize", false],
];

/** Judges a message for itself: the sizes it says. */
export function judgeSizes(message: Walked, { say }: Judging): void {
  for (const image of every(message, "imageType")) imageSize(image);
  for (const range of [
    ...every(message, "sizeRanges"),
    ...every(message, "sizeRange"),
    ...every(message, "widthRange"),
    ...every(message, "heightRange"),
  ])
    sizeRange(range);
  for (const [field, inherits] of SHAPES) if (count(message, field) > 0) shape(message, field, inherits);
  for (const tensor of every(message, "tensorType")) {
    const sizes = every(tensor, "dimensions").map((dimension) => unsigned(only(dimension, "constant"), "size") ?? 1n);
    const rank = numberOf(tensor, "rank") ?? 0n;
    // Of a type with any number of dimensions the rank is −1.
    if (rank >= 0n && rank !== BigInt(sizes.length))
      say("unknown", "coreml-size", tensor, `a type of ${rank} dimensions, and ${sizes.length} are there`);
    large(product(sizes), tensor, sizes);
  }
  const wide = unsigned(message, "oneHotVectorSize") ?? unsigned(message, "nRepetitions");
  if (wide !== undefined) large(wide, message, [wide]);

  function shape(of: Walked, field: string, inherits: boolean): void {
    const sizes = numbersOf(of, field);
    if (count(of, field) > sizes.length)
      return say("unknown", "coreml-size", of, `an array of ${count(of, field)} dimensions`);
    if (sizes.some((size) => size < (inherits ? -1n : 0n)))
      return say("unknown", "coreml-size", of, "an array has a size below zero");
    large(product(sizes.map((size) => (size < 0n ? 1n : size))), of, sizes);
  }
  function large(elements: bigint | undefined, at: Walked, sizes: readonly bigint[]): void {
    if (elements === undefined || elements > ELEMENTS_MAX)
      say(
        "suspicious",
        "coreml-size",
        at,
        `an array of shape [${sizes.slice(0, 8).join(", ")}]: none has so many elements`,
      );
  }
  function imageSize(image: Walked): void {
    const sizes = [numberOf(image, "width") ?? 0n, numberOf(image, "height") ?? 0n];
    const flexible = [...every(image, "enumeratedSizes"), ...every(image, "imageSizeRange")].length > 0;
    for (const one of every(only(image, "enumeratedSizes"), "sizes")) {
      const listed = [unsigned(one, "width") ?? 0n, unsigned(one, "height") ?? 0n];
      large(product(listed), one, listed);
    }
    if (sizes.some((size) => size < 0n || (size === 0n && !flexible)))
      return say("unknown", "coreml-size", image, `an image of ${sizes.join(" by ")} points`);
    large(product(sizes), image, sizes);
  }
  function sizeRange(range: Walked): void {
    const [lower, upper] = [unsigned(range, "lowerBound") ?? 0n, numberOf(range, "upperBound") ?? 0n];
    if (upper > 0n && lower > upper)
      say("unknown", "coreml-size", range, `a size of at least ${lower} and at most ${upper}`);
    large(lower, range, [lower]);
  }
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
