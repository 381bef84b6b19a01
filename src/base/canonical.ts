/** Canonical JSON after RFC 8785 (JSON Canonicalization Scheme): one text per value, so that a hash means something. */

/**
 * The canonical JSON text of a plain value: keys sorted by UTF-16 code unit (RFC 8785 §3.2.3), numbers as ECMAScript
 * prints them (§3.2.2.3), members that are `undefined` left out as `JSON.stringify` does.
 * Throws a TypeError for what JSON cannot hold (NaN, infinities, bigint, functions): a hash over a silent `null` would lie.
 */
export function canonical(value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError("canonical JSON cannot hold a lone surrogate");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON cannot hold the number ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item === undefined ? null : item)).join(",")}]`;
  if (typeof value === "object") {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw new TypeError(`canonical JSON cannot hold a ${value.constructor?.name ?? "foreign object"}`);
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
  }
  throw new TypeError(`canonical JSON cannot hold a ${typeof value}`);
}
