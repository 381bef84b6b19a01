/**
 * What the state that a pickle gives a NumPy dtype says of its elements, and whether its parts agree. NumPy believes each part
 * by itself (arraydescr_setstate, numpy/core/src/multiarray/descriptor.c): a field of objects in a type that is not marked
 * as holding any makes addresses of whatever bytes stand there, and a field beyond the element reads and writes beyond it.
 */
import type { Content } from "#formats/content.ts";
import { Call, Collection, Global, Text, textOf, type Value } from "#formats/pickle.ts";

/** NPY_ITEM_HASOBJECT: elements hold references that NumPy counts. */
const HAS_OBJECT = 1;
/** Types and parts of types that are followed; each may stand in many others. */
const WALK_MAX = 10_000;
/** Types within types: a type that holds itself, by the memo, has no end. */
const DEPTH_MAX = 100;

export interface Layout {
  /** Some element of it is a reference to an object. */
  readonly objects: boolean;
  /** Bytes per element, where that is written. */
  readonly size: number | undefined;
  /** Nothing of it is made while loading. */
  readonly followed: boolean;
}
const layout = (objects: boolean, size?: number, followed = true): Layout => ({ objects, size, followed });
const UNCLEAR = layout(false, undefined, false);
interface Budget {
  left: number;
  depth: number;
}
const fresh = (): Budget => ({ left: WALK_MAX, depth: 0 });

/** Bytes per element by the letters of NumPy's type strings; strings of Unicode count four bytes a character. */
const WIDTHS: Readonly<Record<string, number>> = { U: 4 };
const FIXED: Readonly<Record<string, number>> = { "?": 1, O: 8 };

/** Of a dtype, or of what numpy.dtype is called with. */
export function layoutOf(content: Content, value: Value, budget = fresh()): Layout {
  if (--budget.left < 0 || budget.depth >= DEPTH_MAX) return UNCLEAR;
  budget.depth++;
  const found = layoutWithin(content, value, budget);
  budget.depth--;
  return found;
}
function layoutWithin(content: Content, value: Value, budget: Budget): Layout {
  if (value === null || typeof value !== "object") return layout(false);
  if (value instanceof Text) {
    const text = textOf(content, value, 4000);
    const [, letter, digits] = /^[|<>=]?([?a-zA-Z])(\d*)$/.exec(text) ?? [];
    if (letter === undefined) return layout(/(^|[^A-Za-z])O\d*($|[^A-Za-z])|object/.test(text));
    return layout(letter === "O", FIXED[letter] ?? (digits ? (WIDTHS[letter] ?? 1) * +digits : undefined));
  }
  if (value instanceof Global) return layout(/(^|\.)(object_?|ObjectDType)$/.test(value.name));
  // What numpy.dtype is called with: fields with a name each, or a type and a shape.
  if (value instanceof Collection)
    return together(value.kind === "list" ? value.items.map(secondOf) : value.items, content, budget);
  if (!(value instanceof Call && value.args instanceof Collection && value.callee instanceof Global)) return UNCLEAR;
  const { module, name } = value.callee;
  if (module === "numpy.dtypes") return layout(name === "ObjectDType");
  if (module !== "numpy" || name !== "dtype") return UNCLEAR;
  const made = layoutOf(content, value.args.items[0] ?? null, budget);
  if (value.state === undefined) return made;
  const parts = partsOf(value.state);
  if (parts === undefined) return UNCLEAR;
  const inner = together(typesOf(parts), content, budget);
  return layout(made.objects || inner.objects, parts.size ?? made.size, made.followed && inner.followed);
}

const secondOf = (value: Value): Value => (value instanceof Collection ? (value.items[1] ?? null) : value);

function together(types: readonly Value[], content: Content, budget: Budget): Layout {
  const inner = types.map((type) => layoutOf(content, type, budget));
  return layout(
    inner.some(({ objects }) => objects),
    undefined,
    inner.every(({ followed }) => followed),
  );
}

interface Parts {
  readonly subarray: Value;
  readonly fields: Value;
  /** Undefined where the base type says it (-1). */
  readonly size: number | undefined;
  /** Undefined where NumPy finds them itself, before version 3. */
  readonly flags: number | undefined;
}

/** Where each part stands in states of so many items; NumPy parses by their number and not by the version they name. */
const PLACES: Readonly<Record<number, readonly [version: number, subarray: number, fields: number, size: number]>> = {
  5: [-1, 1, 2, 3],
  6: [0, 2, 3, 4],
  7: [0, 2, 4, 5],
  8: [0, 2, 4, 5],
  9: [0, 2, 4, 5],
};

function partsOf(state: Value): Parts | undefined {
  if (!(state instanceof Collection) || state.kind !== "tuple") return undefined;
  const [version, subarray, fields, size] = PLACES[state.size] ?? [];
  if (version === undefined) return undefined;
  const { items } = state;
  const width = items[size!];
  const flags = items[7];
  const old = version < 0 || (typeof items[version] === "number" && items[version] < 3);
  return {
    subarray: items[subarray!] ?? null,
    fields: items[fields!] ?? null,
    size: typeof width === "number" && width >= 0 ? width : undefined,
    flags: typeof flags === "number" ? flags : old ? undefined : 0,
  };
}

/** The types that a state holds: of its subarray, and of each field, before its offset. What is no such tuple stands for itself. */
function typesOf({ subarray, fields }: Parts): readonly Value[] {
  const first = (value: Value): Value => (value instanceof Collection ? (value.items[0] ?? null) : value);
  const each = fields instanceof Collection ? fields.items.filter((_, i) => i % 2 === 1).map(first) : [fields];
  return [first(subarray), ...each];
}

/** Types within the state, which other states must not change afterwards. */
export function typesWithin(state: Value): readonly Call[] {
  const parts = partsOf(state);
  return parts === undefined ? [] : typesOf(parts).filter((type) => type instanceof Call);
}

/** Why NumPy, given this state, would take bytes for what they are not; undefined if its parts agree. */
export function dtypeProblem(content: Content, target: Value, state: Value): string | undefined {
  const parts = partsOf(state);
  if (parts === undefined) return "it is no state that NumPy writes";
  const { subarray, fields, flags } = parts;
  const given = target instanceof Call && target.args instanceof Collection ? target.args.items[0] : undefined;
  const base = layoutOf(content, given ?? null);
  const size = parts.size ?? base.size;
  const inner = together(typesOf(parts), content, fresh());
  if (!base.followed || !inner.followed)
    return "parts of it are made while loading: whether NumPy takes bytes for addresses cannot be told before";
  if ((base.objects || inner.objects) && flags !== undefined && (flags & HAS_OBJECT) === 0)
    return "it holds objects and is not marked so: NumPy takes bytes of the file for their addresses";
  if (size === undefined) return undefined;
  if (subarray instanceof Collection) {
    const [type, shape] = subarray.items;
    const element = layoutOf(content, type ?? null).size;
    const counts = shape instanceof Collection ? shape.items : [shape ?? null];
    const count = counts.reduce<number>((all, one) => (typeof one === "number" ? all * one : Number.NaN), 1);
    if (element !== undefined && element * count > size)
      return `its subarray takes ${element * count} bytes of an element of ${size}: NumPy reads memory beyond it`;
  }
  if (fields instanceof Collection)
    for (let i = 1; i < fields.items.length; i += 2) {
      const field = fields.items[i];
      const [type, offset] = field instanceof Collection ? field.items : [];
      const width = layoutOf(content, type ?? null).size ?? 0;
      if (typeof offset === "number" && (offset < 0 || offset + width > size))
        return `a field of it ends at byte ${offset + width} of an element of ${size}: NumPy reads memory beyond it`;
    }
  return undefined;
}
