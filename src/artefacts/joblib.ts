/**
 * joblib's arrays (joblib/numpy_pickle.py, NumpyArrayWrapper.read_array): after the opcode that fills a wrapper, the stream
 * is interrupted by the array itself – raw numbers, or a pickle where the elements are objects.
 */
import { type Content, upTo } from "#formats/content.ts";
import { Call, Collection, Global, Text, textOf, type Value } from "#formats/pickle.ts";

export interface JoblibArray {
  readonly dataAt: number;
  readonly end: number;
  readonly objects: boolean;
  readonly problem: string | undefined;
}

/** The array behind `end`, where `target` is a wrapper that was just filled; undefined for every other object. */
export function joblibArray(content: Content, target: Value, end: number): JoblibArray | undefined {
  if (!(target instanceof Call && target.callee instanceof Global)) return undefined;
  const { module, name } = target.callee;
  if (name !== "NumpyArrayWrapper" || !/^(sklearn\.externals\.)?joblib\.numpy_pickle$/.test(module)) return undefined;
  const fields = new Map<string, Value>();
  if (target.state instanceof Collection && target.state.kind === "dict")
    for (let i = 0; i + 1 < target.state.items.length; i += 2) {
      const key = target.state.items[i];
      if (key instanceof Text) fields.set(textOf(content, key, 64), target.state.items[i + 1]!);
    }
  const unclear = (problem: string): JoblibArray => ({ dataAt: end, end, objects: false, problem });
  const shape = fields.get("shape");
  const element = elementOf(content, fields.get("dtype"));
  if (
    !(shape instanceof Collection) ||
    shape.size !== shape.items.length ||
    !shape.items.every((size) => typeof size === "number" && size >= 0)
  )
    return unclear("an array of joblib's without a shape that can be read");
  if (element === undefined) return unclear("an array of joblib's whose element type cannot be read");
  if (element.objects) return { dataAt: end, end, objects: true, problem: undefined };
  const size = (shape.items as number[]).reduce((product, length) => product * length, 1) * element.bytes;
  let dataAt = end;
  if (typeof fields.get("numpy_array_alignment_bytes") === "number") {
    const length = upTo(content, end, 1)[0] ?? 0;
    const padding = upTo(content, end + 1, length);
    if (!padding.every((byte) => byte === 0xff))
      return unclear("the padding before an array of joblib's is something else");
    dataAt = end + 1 + length;
  }
  if (!Number.isSafeInteger(size) || dataAt + size > content.size)
    return unclear(`an array of joblib's of ${size} bytes, and fewer follow`);
  return { dataAt, end: dataAt + size, objects: false, problem: undefined };
}

/** Bytes per element of `numpy.dtype('f8', False, True)` with its state, (version, order, subtype, names, fields, size, …). */
function elementOf(content: Content, dtype: Value | undefined): { bytes: number; objects: boolean } | undefined {
  if (
    !(
      dtype instanceof Call &&
      dtype.callee instanceof Global &&
      dtype.callee.module === "numpy" &&
      dtype.callee.name === "dtype"
    )
  )
    return undefined;
  const code = dtype.args instanceof Collection ? dtype.args.items[0] : undefined;
  const match = code instanceof Text ? /^[<>|=]?([?a-zA-Z])(\d{0,6})$/.exec(textOf(content, code, 32)) : null;
  if (!match) return undefined;
  const [letter, digits] = [match[1]!, match[2]!];
  if (letter === "O") return { bytes: 8, objects: true };
  if ("biufc?".includes(letter)) return { bytes: digits === "" ? 1 : Number(digits), objects: false };
  const state = dtype.state instanceof Collection ? dtype.state.items : [];
  const size = state[5];
  if ("mM".includes(letter)) return { bytes: 8, objects: false };
  if (!"SUVa".includes(letter)) return undefined;
  // A structure may hold objects: its flags say so (NPY_ITEM_HASOBJECT).
  const flags = state[7];
  const objects = letter === "V" && typeof flags === "number" && (flags & 1) === 1;
  return typeof size === "number" && size >= 0 ? { bytes: size, objects } : undefined;
}
