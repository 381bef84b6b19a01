/** Canonical JSON after RFC 8785 (JSON Canonicalization Scheme): one text per value, so that a hash means something. */

/**
 * The canonical JSON text of a plain value: keys sorted by UTF-16 code unit (RFC 8785 §3.2.3), numbers as ECMAScript
 * prints them (§3.2.2.3), members that are `undefined` left out as `JSON.stringify` does.
 * Throws a TypeError for what JSON cannot hold (NaN, infinities, bigint, functions): a hash over a silent `null` would lie.
 */
export function canonical(value: unknown): string {
  return textOf(value, NOTHING_SHARED);
}

/** The same text in pieces, so that a large document need not stand in memory as one string; parts that occur again are written once. */
export function* canonicalPieces(value: unknown): Generator<string> {
  yield* piecesOf(value, { shared: sharedIn(value), texts: new Map() }, LEVELS_IN_PIECES);
}

/** A document, its members, their items, and the items' members. */
const LEVELS_IN_PIECES = 3;

interface Known {
  /** Objects that occur more than once. */
  readonly shared: ReadonlySet<object>;
  readonly texts: Map<object, string>;
}
const NOTHING_SHARED: Known = { shared: new Set(), texts: new Map() };

function sharedIn(value: unknown): ReadonlySet<object> {
  const seen = new Set<object>();
  const shared = new Set<object>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    if (seen.has(part)) return void shared.add(part);
    seen.add(part);
    for (const member of Array.isArray(part) ? part : Object.values(part)) visit(member);
  };
  visit(value);
  return shared;
}

function* piecesOf(value: unknown, known: Known, levels: number): Generator<string> {
  if (levels === 0 || typeof value !== "object" || value === null || known.shared.has(value)) {
    yield textOf(value, known);
    return;
  }
  let first = true;
  if (Array.isArray(value)) {
    yield "[";
    for (const item of value) {
      if (!first) yield ",";
      first = false;
      yield* piecesOf(item === undefined ? null : item, known, levels - 1);
    }
    yield "]";
    return;
  }
  yield "{";
  for (const key of keysOf(value)) {
    yield `${first ? "" : ","}${JSON.stringify(key)}:`;
    first = false;
    yield* piecesOf((value as Record<string, unknown>)[key], known, levels - 1);
  }
  yield "}";
}

function textOf(value: unknown, known: Known): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError("canonical JSON cannot hold a lone surrogate");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON cannot hold the number ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value !== "object") throw new TypeError(`canonical JSON cannot hold a ${typeof value}`);
  if (!known.shared.has(value)) return structureOf(value, known);
  let text = known.texts.get(value);
  if (text === undefined) known.texts.set(value, (text = structureOf(value, known)));
  return text;
}

function structureOf(value: object, known: Known): string {
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === "" ? "" : ","}${textOf(item === undefined ? null : item, known)}`;
    return `[${text}]`;
  }
  for (const key of keysOf(value))
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${textOf((value as Record<string, unknown>)[key], known)}`;
  return `{${text}}`;
}

/** In the order of their code units, which is how arrays are sorted by default. */
function keysOf(value: object): string[] {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`canonical JSON cannot hold a ${value.constructor?.name ?? "foreign object"}`);
  return Object.keys(value)
    .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
    .toSorted();
}
