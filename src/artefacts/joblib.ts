/**
 * joblib's arrays (joblib/numpy_pickle.py, NumpyArrayWrapper.read_array): after the opcode that fills a wrapper, the stream
 * is interrupted by the array itself – raw numbers, or a pickle where the elements are objects.
 */
import { type Content, upTo } from "#formats/content.ts";
import { Call, Collection, Global, presentName, Text, textOf, type Value } from "#formats/pickle.ts";

export interface JoblibArray {
  readonly dataAt: number;
  readonly end: number;
  readonly objects: boolean;
  readonly problem: string | undefined;
}

const WRAPPER = /^(sklearn\.externals\.)?joblib\.numpy_pickle\.NumpyArrayWrapper$/;

/** Whether an object of this class interrupts the stream when joblib reads it. */
export const interrupts = (made: string): boolean => WRAPPER.test(made);

/**
 * The array behind `end`, where `target` is a wrapper that was just filled; undefined for every other object. Only what
 * joblib itself writes is followed: anything else has a problem, for the length of the interruption would be a guess.
 */
export function joblibArray(content: Content, target: Value, end: number): JoblibArray | undefined {
  if (!(target instanceof Call)) return undefined;
  const made = classOf(target);
  if (made === undefined || !interrupts(`${made.module}.${made.name}`)) return undefined;
  const unclear = (problem: string): JoblibArray => ({ dataAt: end, end, objects: false, problem });
  const { state } = target;
  if (
    target.builds !== 1 ||
    !(state instanceof Collection) ||
    state.kind !== "dict" ||
    state.items.length !== state.size
  )
    return unclear("an array of joblib's that is not filled as joblib fills it");
  const fields = new Map<string, Value>();
  for (let i = 0; i + 1 < state.items.length; i += 2) {
    const key = state.items[i];
    if (!(key instanceof Text)) return unclear("an array of joblib's with a field whose name is made while loading");
    fields.set(textOf(content, key, 64), state.items[i + 1]!);
  }
  const shape = fields.get("shape");
  const element = elementOf(content, fields.get("dtype"));
  if (
    !(shape instanceof Collection && shape.kind === "tuple") ||
    !shape.items.every((size) => typeof size === "number" && Number.isInteger(size) && size >= 0)
  )
    return unclear("an array of joblib's without a shape that can be read");
  if (element === undefined) return unclear("an array of joblib's whose element type cannot be read");
  if (element.objects) return { dataAt: end, end, objects: true, problem: undefined };
  const size = (shape.items as number[]).reduce((product, length) => product * length, 1) * element.bytes;
  let dataAt = end;
  const aligned = fields.get("numpy_array_alignment_bytes");
  if (aligned !== undefined && aligned !== null) {
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

/** The class an object is made of: by itself, or in protocols 0 and 1 by `copyreg._reconstructor(class, object, None)`. */
function classOf({ via, callee, args }: Call): Global | undefined {
  if (!(callee instanceof Global)) return undefined;
  if (via !== "REDUCE" || !isNamed(callee, "copyreg", "_reconstructor")) return callee;
  const [cls, base, state] = args instanceof Collection ? args.items : [];
  const plain = cls instanceof Global && base instanceof Global && isNamed(base, "builtins", "object");
  return plain && state === null ? cls : undefined;
}

const isNamed = (global: Global, module: string, name: string): boolean => {
  const present = presentName(global.module, global.name);
  return present.module === module && present.name === name;
};

/** Bytes per element of `numpy.dtype('f8', False, True)` with its state, (version, order, subtype, names, fields, size, …). */
function elementOf(content: Content, dtype: Value | undefined): { bytes: number; objects: boolean } | undefined {
  if (
    !(
      dtype instanceof Call &&
      dtype.via === "REDUCE" &&
      dtype.callee instanceof Global &&
      dtype.args instanceof Collection
    )
  )
    return undefined;
  if (dtype.callee.module !== "numpy" || dtype.callee.name !== "dtype" || dtype.builds > 1) return undefined;
  const [code] = dtype.args.items;
  const match = code instanceof Text ? /^[<>|=]?([?a-zA-Z])(\d{0,6})$/.exec(textOf(content, code, 32)) : null;
  if (!match) return undefined;
  const state =
    dtype.state === undefined ? [] : dtype.state instanceof Collection ? dtype.state.items : [undefined, undefined, 0];
  // A subtype makes of each element an array.
  if (state[2] !== undefined && state[2] !== null) return undefined;
  const [letter, digits] = [match[1]!, match[2]!];
  if (letter === "O") return { bytes: 8, objects: true };
  if (letter === "?") return { bytes: 1, objects: false };
  if ("biufc".includes(letter)) return digits === "" ? undefined : { bytes: Number(digits), objects: false };
  if ("mM".includes(letter)) return digits === "8" ? { bytes: 8, objects: false } : undefined;
  const [size, flags] = [state[5], state[7]];
  if (!"SUVa".includes(letter) || typeof size !== "number" || size < 0 || typeof flags !== "number") return undefined;
  // A structure may hold objects: its flags say so (NPY_ITEM_HASOBJECT).
  return { bytes: size, objects: (flags & 1) === 1 };
}
