/**
 * Large documents in which much repeats: what stands in a document more than once is written once, in a list of shared parts, and named
 * where it stands by a JSON Reference (`{ "$ref": "#/shared/12" }`, draft-pbryan-zyp-json-ref-03). A part names only parts before it.
 */

const REFERENCE = /^#\/shared\/(\d+)$/;
/** Shorter texts are repeated: a reference is hardly shorter. */
const LEAST = 60;
/** Values a document may hold once its references are followed: a few hundred bytes of references could stand for more than any memory holds. */
const VALUES_MAX = 50_000_000;

/**
 * The text of an object, in pieces, with one member more: `shared`, the last. A member's items stand on lines of their own. Undefined
 * where the object has members that could be taken for references, or for the list.
 */
export function referencedPieces(document: Readonly<Record<string, unknown>>): Iterable<string> | undefined {
  const parts = partsOf(document);
  return "shared" in document || parts.hasReference ? undefined : joined(pieces(document, parts));
}

/** Characters handed on at once. */
const PIECE = 2 ** 20;

function* joined(texts: Iterable<string>): Generator<string> {
  let text = "";
  for (const each of texts) {
    text += each;
    if (text.length < PIECE) continue;
    yield text;
    text = "";
  }
  yield text;
}

interface Parts {
  /** A number for each value, the same for equal ones. */
  readonly numberOf: (value: object | string) => number;
  /** How often the value of this number stands in the document. */
  readonly times: readonly number[];
  /** Characters of its text. */
  readonly sizes: readonly number[];
  readonly hasReference: boolean;
}

function partsOf(document: unknown): Parts {
  const objects = new Map<object, number>();
  const byContent = new Map<string, number>();
  const times: number[] = [];
  const sizes: number[] = [];
  let hasReference = false;
  const numbered = (content: string, size: () => number, parts: readonly number[]): number => {
    let number = byContent.get(content);
    if (number === undefined) {
      byContent.set(content, (number = times.length));
      times.push(0);
      sizes.push(size());
      // What stands in a part that is written once is written once with it.
      for (const part of parts) times[part]!++;
    }
    return number;
  };
  const sum = (parts: readonly number[]): number => parts.reduce((total, part) => total + sizes[part]! + 1, 2);
  const visit = (value: unknown): number => {
    if (typeof value !== "object" || value === null) {
      const text = JSON.stringify(value);
      return numbered(text, () => text.length, []);
    }
    const seen = objects.get(value);
    if (seen !== undefined) return seen;
    let number: number;
    if (Array.isArray(value)) {
      const items = value.map(visit);
      number = numbered(`[${items.join()}]`, () => sum(items), items);
    } else {
      const keys = Object.keys(value);
      hasReference ||= keys.includes("$ref");
      const members = keys.map((key) => visit((value as Record<string, unknown>)[key]));
      const content = keys.map((key, i) => `${JSON.stringify(key)}:${members[i]}`).join();
      number = numbered(
        `{${content}}`,
        () => keys.reduce((total, key) => total + key.length + 3, sum(members)),
        members,
      );
    }
    objects.set(value, number);
    return number;
  };
  visit(document);
  return {
    numberOf: (value) => (typeof value === "string" ? byContent.get(JSON.stringify(value))! : objects.get(value)!),
    times,
    sizes,
    hasReference,
  };
}

function* pieces(document: Readonly<Record<string, unknown>>, { numberOf, times, sizes }: Parts): Generator<string> {
  const shared: string[] = [];
  const references = new Map<number, string>();
  const write = (value: unknown): string => {
    const isText = typeof value === "string";
    if (typeof value !== "object" || value === null) {
      if (!isText || value.length < LEAST - 2) return JSON.stringify(value);
    }
    const number = numberOf(value as object | string);
    if (times[number]! < 2 || sizes[number]! < LEAST) return isText ? JSON.stringify(value) : whole(value as object);
    let reference = references.get(number);
    if (reference === undefined) {
      const text = isText ? JSON.stringify(value) : whole(value as object);
      references.set(number, (reference = `{"$ref":"#/shared/${shared.push(text) - 1}"}`));
    }
    return reference;
  };
  const whole = (value: object): string =>
    Array.isArray(value)
      ? `[${value.map(write).join()}]`
      : `{${Object.entries(value)
          .map(([key, member]) => `${JSON.stringify(key)}:${write(member)}`)
          .join()}}`;
  const lines = function* (value: unknown): Generator<string> {
    if (!Array.isArray(value)) return yield write(value);
    yield "[";
    for (const [i, item] of value.entries()) yield `${i === 0 ? "" : ","}\n${write(item)}`;
    yield "\n]";
  };
  let open = "{";
  for (const [key, member] of Object.entries(document)) {
    yield `${open}\n${JSON.stringify(key)}:`;
    open = ",";
    if (typeof member !== "object" || member === null || Array.isArray(member)) yield* lines(member);
    else {
      let within = "{";
      for (const [inner, value] of Object.entries(member)) {
        yield `${within}\n${JSON.stringify(inner)}:`;
        within = ",";
        yield* lines(value);
      }
      yield within === "{" ? "{}" : "\n}";
    }
  }
  yield `${open}\n"shared":[`;
  for (const [i, text] of shared.entries()) yield `${i === 0 ? "" : ","}\n${text}`;
  yield "\n]\n}\n";
}

/** The document without its list, each reference replaced by the part it names; equal parts are then one object. Throws a RangeError where it cannot be. */
export function dereferenced(document: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { shared, ...rest } = document;
  if (!Array.isArray(shared)) throw new RangeError('it has no list "shared"');
  const parts: unknown[] = [];
  const sizes: number[] = [];
  let size = 0;
  const visit = (value: unknown): unknown => {
    if (++size > VALUES_MAX)
      throw new RangeError(`it holds more than ${VALUES_MAX} values once its references are followed`);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(visit);
    const named = (value as { $ref?: unknown }).$ref;
    if (named === undefined) {
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, visit(member)]));
    }
    const [, number] = (typeof named === "string" && REFERENCE.exec(named)) || [];
    const at = Number(number ?? Number.NaN);
    if (!(at < parts.length)) throw new RangeError(`it refers to ${JSON.stringify(named)}, which is no part before it`);
    size += sizes[at]!;
    return parts[at];
  };
  for (const part of shared as unknown[]) {
    size = 0;
    parts.push(visit(part));
    sizes.push(size);
  }
  size = 0;
  return visit(rest) as Record<string, unknown>;
}
