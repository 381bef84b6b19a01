/** Plain data as JSON holds it, without a detour through its text: what is one object stays one object. */

/** What `JSON.parse(JSON.stringify(value))` gives, but that parts which need no change are not copied, and shared parts stay shared. */
export function plainOf<Value>(value: Value): Value {
  return plainPart(value, new Map()) as Value;
}

function plainPart(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (typeof value !== "object" || value === null) return isSilent(value) ? undefined : value;
  const seen = known.get(value);
  if (seen !== undefined) return seen;
  const plain = Array.isArray(value) ? plainItems(value, known) : plainMembers(value, known);
  known.set(value, plain);
  return plain;
}

const isSilent = (value: unknown): boolean =>
  value === undefined || typeof value === "function" || typeof value === "symbol";

function plainItems(items: readonly unknown[], known: Map<object, unknown>): readonly unknown[] {
  const plain = items.map((item) => plainPart(item, known) ?? null);
  return plain.every((item, i) => Object.is(item, items[i])) ? items : plain;
}

function plainMembers(object: object, known: Map<object, unknown>): unknown {
  const prototype: unknown = Object.getPrototypeOf(object);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in object)
    return JSON.parse(JSON.stringify(object)) as unknown;
  let changed = prototype === null;
  const members: [string, unknown][] = [];
  for (const [key, member] of Object.entries(object)) {
    const plain = plainPart(member, known);
    if (!Object.is(plain, member) || plain === undefined) changed = true;
    if (plain !== undefined) members.push([key, plain]);
  }
  return changed ? Object.fromEntries(members) : object;
}
