/** Opens a model for data that hold one class per input: what it answers must be classes, by itself or by the author's word. */
import { openClassifier } from "#onnx/classifier.ts";
import type { OnnxClassifier, OpenOptions } from "#onnx/classifier.ts";
import { OnnxError } from "#onnx/errors.ts";

/**
 * `largest`: the largest label of the data. One output and two classes can only be read one way; several sigmoids can be read
 * two ways, and nobody but the author knows which. Throws OnnxError where the outputs are no classes.
 */
export async function openForClasses(options: OpenOptions, largest: number): Promise<OnnxClassifier> {
  const found = await openClassifier(options);
  if (found.meaning === "classes") return found;
  const { outputs, meaning } = found;
  await found.release();
  if (meaning === "numbers" && outputs === 1 && largest <= 1 && options.head === undefined)
    return openClassifier({ ...options, head: "binary" });
  throw meaning === "labels"
    ? new OnnxError(`the model gives ${outputs} independent labels, the data one class per input`, {
        remedy:
          "if the labels exclude each other, say so (head: exclusive); attacks on independent labels are not run here",
      })
    : new OnnxError(
        `the model gives ${outputs === 1 ? "a number" : `${outputs} numbers`}, the data one class per input`,
        {
          remedy: "if the outputs are scores of classes, say so (head: exclusive, or binary for one output)",
        },
      );
}
