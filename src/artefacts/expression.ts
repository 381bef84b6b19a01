/** What a pickle does, written as Python would write it: for people to read, never to run. */
import type { Content } from "#formats/content.ts";
import {
  Call,
  Collection,
  Computed,
  Extension,
  Global,
  Opaque,
  PersistentId,
  Text,
  textOf,
  type Value,
} from "#formats/pickle.ts";

const DEPTH = 4;
const ITEMS = 6;
const CHARACTERS = 120;
const TOTAL = 400;

/** The value as an expression of at most 400 characters; what is left out is shown as `…`. */
export function expression(content: Content, value: Value): string {
  const text = written(content, value, DEPTH);
  return text.length > TOTAL ? `${text.slice(0, TOTAL)}…` : text;
}

function written(content: Content, value: Value, depth: number): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return String(value);
  if (value instanceof Text) {
    const shown = textOf(content, value, CHARACTERS);
    const quoted = JSON.stringify(shown);
    return `${value.kind === "bytes" ? "b" : ""}${quoted}${value.length > CHARACTERS ? "…" : ""}`;
  }
  if (value instanceof Global) return `${value.module}.${value.name}`;
  if (value instanceof Opaque) return "…";
  if (value instanceof Extension) return `extension(${value.code})`;
  if (depth === 0) return "…";
  if (value instanceof Computed)
    return `import_(${written(content, value.module, depth - 1)}, ${written(content, value.name, depth - 1)})`;
  if (value instanceof PersistentId) return `persistent(${written(content, value.id, depth - 1)})`;
  if (value instanceof Call) {
    const callee = written(content, value.callee, depth - 1);
    const made = value.via === "NEWOBJ" || value.via === "NEWOBJ_EX" ? `${callee}.__new__` : callee;
    const args =
      value.args instanceof Collection
        ? items(content, value.args, depth - 1)
        : `*${written(content, value.args, depth - 1)}`;
    const kwargs = value.kwargs === undefined ? "" : `, **${written(content, value.kwargs, depth - 1)}`;
    return `${made}(${args}${kwargs})`;
  }
  const inner = items(content, value, depth - 1);
  switch (value.kind) {
    case "tuple":
      return value.size === 1 ? `(${inner},)` : `(${inner})`;
    case "list":
      return `[${inner}]`;
    case "dict":
      return `{${inner}}`;
    case "set":
      return value.size === 0 ? "set()" : `{${inner}}`;
    case "frozenset":
      return `frozenset({${inner}})`;
  }
}

function items(content: Content, { kind, items, size }: Collection, depth: number): string {
  const step = kind === "dict" ? 2 : 1;
  const parts: string[] = [];
  for (let i = 0; i < Math.min(items.length, ITEMS * step); i += step)
    parts.push(
      step === 1
        ? written(content, items[i]!, depth)
        : `${written(content, items[i]!, depth)}: ${written(content, items[i + 1] ?? null, depth)}`,
    );
  if (size > parts.length * step) parts.push("…");
  return parts.join(", ");
}
