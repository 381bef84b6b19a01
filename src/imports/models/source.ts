/** Somebody else's threat model as a tree that keeps account: each value in it is carried over, or it is listed as lost, with its place. */
import type { Diagnostic, Span } from "#base/diagnostics.ts";
import { nearest } from "#base/diagnostics.ts";
import { quoted, readYaml, TEXT_LIMITS, type Located, type TextLimits } from "#system/yaml.ts";

/** Steps from the root of a document. */
export type Steps = readonly (string | number)[];

/** A value that came over: word for word, or read into something (a protocol into "encrypted", a name into an id). */
export interface Carried {
  /** JSON pointer (RFC 6901) into the source. */
  readonly path: string;
  /** Where in the system file: keys from the top; a flow by its id. */
  readonly to: readonly string[];
  readonly as: "text" | "reading";
}

/** A part of the source that the system file does not hold: one value, or everything below a path. */
export interface Loss {
  readonly path: string;
  /** Values at or below the path. */
  readonly values: number;
  readonly reason: string;
  readonly where: Span;
}

/** Threat models with drawings are larger than system files; still a few hundred pages, and read in a few seconds. */
export const SOURCE_LIMITS: TextLimits = {
  ...TEXT_LIMITS,
  characters: 2_000_000,
  lineCharacters: 2_000_000,
  values: 200_000,
};
/** A note or a title longer than this is a document of its own. */
export const WORDS_MAX = 10_000;

const HINTS: Readonly<Record<string, string>> = {
  E002: `threat models of at most ${SOURCE_LIMITS.characters} characters are read; was another file meant?`,
  E006: "write the values out where they are needed; a threat model is a few thousand values",
  E007: "a threat model of Threagile, OTM or Threat Dragon is one mapping of keys",
  E008: "",
};

/** JSON pointer of a path: `/components/0/name`; the empty one is the whole document. */
export const pointer = (path: Steps): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Says nothing: an empty list or mapping, a key without a value, blank text. */
const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (typeof value === "string" && value.trim() === "") ||
  (Array.isArray(value) ? value.length === 0 : isMapping(value) && Object.keys(value).length === 0);

/** Every value that says something, with its path, in the order of the document. */
export function* leaves(value: unknown, path: Steps = []): Generator<readonly [Steps, unknown]> {
  if (isEmpty(value)) return;
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* leaves(item, [...path, index]);
  else if (isMapping(value)) for (const [key, item] of Object.entries(value)) yield* leaves(item, [...path, key]);
  else yield [path, value];
}

/** The account of one import: what was carried where, what was given up and why, and what was wrong with the source. */
export class Ledger {
  readonly located: Located;
  readonly diagnostics: Diagnostic[] = [];
  readonly #carried = new Map<string, Carried>();
  readonly #lost = new Map<string, string>();

  constructor(located: Located) {
    this.located = located;
  }

  get root(): Entry {
    return new Entry(this, [], this.located.value);
  }
  carry(path: Steps, to: readonly string[], as: Carried["as"]): void {
    const at = pointer(path);
    if (!this.#carried.has(at)) this.#carried.set(at, { path: at, to, as });
  }
  lose(path: Steps, reason: string): void {
    this.#lost.set(pointer(path), reason);
  }
  complain(path: Steps, message: string, hint: string, code: Diagnostic["code"] = "E803"): void {
    this.diagnostics.push({
      code,
      message: `${pointer(path) || "the document"}: ${message}`,
      hint,
      span: this.located.span(path),
    });
  }

  /** What was carried, and what was not: every value is in one of the two. Values next to each other lost for one reason are one loss. */
  balance(otherwise: (path: Steps) => string): { carried: readonly Carried[]; losses: readonly Loss[] } {
    const carried: Carried[] = [];
    const reasonFor = (path: Steps): string => {
      for (let length = path.length; length >= 0; length--) {
        const reason = this.#lost.get(pointer(path.slice(0, length)));
        if (reason !== undefined) return reason;
      }
      return otherwise(path);
    };
    /** The losses at or below a path; a single whole one where nothing below came over and the reason is one. */
    const below = (value: unknown, path: Steps): { losses: Loss[]; whole: boolean } => {
      if (isEmpty(value)) return { losses: [], whole: true };
      if (!Array.isArray(value) && !isMapping(value)) {
        const entry = this.#carried.get(pointer(path));
        if (entry) {
          carried.push(entry);
          return { losses: [], whole: false };
        }
        return {
          losses: [{ path: pointer(path), values: 1, reason: reasonFor(path), where: this.located.span(path) }],
          whole: true,
        };
      }
      const parts = Array.isArray(value)
        ? value.map((item, index) => below(item, [...path, index]))
        : Object.entries(value).map(([key, item]) => below(item, [...path, key]));
      const losses = parts.flatMap((part) => part.losses);
      const whole = parts.every((part) => part.whole);
      const [first] = losses;
      return whole && path.length > 0 && first && losses.every(({ reason }) => reason === first.reason)
        ? {
            losses: [
              {
                path: pointer(path),
                values: losses.reduce((sum, { values }) => sum + values, 0),
                reason: first.reason,
                where: this.located.span(path, "key"),
              },
            ],
            whole,
          }
        : { losses, whole };
    };
    return { losses: below(this.located.value, []).losses, carried };
  }
}

/** One value of the source with its place; asking for what it must be complains where it is something else. */
export class Entry {
  readonly ledger: Ledger;
  readonly path: Steps;
  readonly value: unknown;

  constructor(ledger: Ledger, path: Steps, value: unknown) {
    this.ledger = ledger;
    this.path = path;
    this.value = value;
  }

  get where(): string {
    return pointer(this.path);
  }
  get line(): number {
    return this.ledger.located.span(this.path, "key").line;
  }
  /** What stands under a key; undefined where nothing is said there. */
  get(key: string): Entry | undefined {
    if (!isMapping(this.value)) {
      if (!isEmpty(this.value)) this.#wrong("a mapping of keys");
      return undefined;
    }
    const value = Object.hasOwn(this.value, key) ? this.value[key] : undefined;
    return isEmpty(value) ? undefined : new Entry(this.ledger, [...this.path, key], value);
  }
  /** As `get`, several keys deep; nothing where one on the way is absent or of another kind. */
  dig(...keys: readonly string[]): Entry | undefined {
    return keys.reduce<Entry | undefined>((at, key) => (at && isMapping(at.value) ? at.get(key) : undefined), this);
  }
  /** Its items, empty ones left out. */
  get items(): readonly Entry[] {
    if (!Array.isArray(this.value)) return this.#wrong("a list");
    return this.value.flatMap((item, index) =>
      isEmpty(item) ? [] : [new Entry(this.ledger, [...this.path, index], item)],
    );
  }
  /** Its keys with what stands under them; a key without anything under it is given too. */
  get entries(): readonly (readonly [string, Entry])[] {
    if (!isMapping(this.value)) return this.#wrong("a mapping of names");
    return Object.entries(this.value).map(([key, item]) => [key, new Entry(this.ledger, [...this.path, key], item)]);
  }
  /** Its words, carried to a place word for word. Too many to be a note are listed as lost. */
  text(...to: readonly string[]): string | undefined {
    const words = this.words();
    if (words === undefined) return undefined;
    if (words.length > WORDS_MAX) {
      this.lose(`longer than ${WORDS_MAX} characters: keep it as a document of its own`);
      return undefined;
    }
    this.ledger.carry(this.path, to, "text");
    return words;
  }
  /** Its words, with no word yet on where they go. */
  words(): string | undefined {
    if (typeof this.value === "string") return this.value.trim();
    if (typeof this.value === "number" || typeof this.value === "boolean") return String(this.value);
    this.#wrong("text");
    return undefined;
  }
  flag(): boolean | undefined {
    if (typeof this.value === "boolean") return this.value;
    this.#wrong("true or false");
    return undefined;
  }
  number(): number | undefined {
    if (typeof this.value === "number" && Number.isFinite(this.value)) return this.value;
    this.#wrong("a number");
    return undefined;
  }
  read(...to: readonly string[]): void {
    this.ledger.carry(this.path, to, "reading");
  }
  lose(reason: string): void {
    this.ledger.lose(this.path, reason);
  }
  complain(message: string, hint: string, code?: Diagnostic["code"]): void {
    this.ledger.complain(this.path, message, hint, code);
  }
  #wrong(wanted: string): [] {
    this.complain(
      `${wanted} is expected here, and ${kindOf(this.value)} stands here`,
      "export the model again, or correct the file",
    );
    return [];
  }
}

const kindOf = (value: unknown): string =>
  Array.isArray(value)
    ? "a list"
    : isMapping(value)
      ? "a mapping"
      : value === null || value === undefined
        ? "nothing"
        : `${typeof value === "string" ? "text" : `a ${typeof value}`} (${quoted(value)})`;

/** Parses a document. JSON is read as the YAML it is, so that places and doubled keys are known there too. */
export function openSource(
  text: string,
  file: string,
): { readonly ledger?: Ledger; readonly diagnostics: readonly Diagnostic[] } {
  // In JSON a tab can only stand between values; YAML would not have it there.
  const body = /^\uFEFF?\s*[{[]/.test(text) ? text.replaceAll("\t", " ") : text;
  const { located, diagnostics } = readIndented(body, file);
  if (!located || diagnostics.length > 0)
    return {
      diagnostics: diagnostics.map((said) => {
        const hint = HINTS[said.code];
        return hint === undefined ? said : { ...said, hint };
      }),
    };
  return { ledger: new Ledger(located), diagnostics };
}

const REPAIRS_MAX = 10;
const REPAIRED_CHARACTERS_MAX = 200_000;

/**
 * Reads text in quotes over several lines even where a line of it is indented too little: YAML forbids that, common readers allow it, and
 * OTM's own example has it. White space at the start of such a line means nothing, so indenting it changes nothing. A line that could be
 * a key or a list item is left alone: there the closing quote is missing.
 */
function readIndented(text: string, file: string): ReturnType<typeof readYaml> {
  const first = readYaml(text, file, SOURCE_LIMITS);
  if (text.length > REPAIRED_CHARACTERS_MAX) return first;
  const lines = text.split("\n");
  let reading = first;
  for (let n = 0; n < REPAIRS_MAX; n++) {
    const [said] = reading.diagnostics;
    const line = said?.span?.line;
    if (line === undefined || !/^Missing closing .quote/.test(said!.message)) break;
    const next = lines[line];
    if (next === undefined || /^\s*(- |["'\w][^:]*:(\s|$))/.test(next)) break;
    lines[line] = `${" ".repeat(/^ */.exec(lines[line - 1]!)![0].length + 1)}${next}`;
    reading = readYaml(lines.join("\n"), file, SOURCE_LIMITS);
  }
  return reading.diagnostics.length === 0 ? reading : first;
}

/** What a reference means: the entry of that id; a complaint with the nearest id where none has it. */
export function referred<Item>(entry: Entry, known: ReadonlyMap<string, Item>, noun: string): Item | undefined {
  const id = entry.words();
  if (id === undefined) return undefined;
  const item = known.get(id);
  if (item === undefined) {
    const near = nearest(id, known.keys());
    entry.complain(
      `no ${noun} has the id ${quoted(id)}`,
      near === undefined ? `declare the ${noun}, or take the reference out` : `did you mean ${quoted(near)}?`,
      "E804",
    );
  }
  return item;
}
