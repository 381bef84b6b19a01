/** What every section of the file is read with: where things stand, what is declared, and an ear for mistakes. */
import type { Level } from "#assessment/scalars.ts";
import { nearest } from "#base/diagnostics.ts";
import type { Diagnostic, Span } from "#base/diagnostics.ts";
import type { SystemFileCode } from "./codes.ts";
import { diagnostic } from "./mistakes.ts";
import { isInCalendar, looksLikePath, pathProblem } from "./quantities.ts";
import { systemFile } from "./schema.ts";
import type { SystemFile } from "./schema.ts";
import { quoted } from "./yaml.ts";
import type { Located, Path, TextLimits } from "./yaml.ts";

export interface KnownProfile {
  readonly title: string;
  readonly knows: "black" | "grey" | "white";
}
export interface KnownSector {
  readonly title: string;
  readonly criteria: readonly { readonly severity: Level; readonly perYear: number }[];
}

export interface ReadOptions {
  /** Sector packs by id. What is not given here is not checked: doors give all of it, with `knownFrom`. */
  readonly knownSectors?: ReadonlyMap<string, KnownSector>;
  /** Titles by id. */
  readonly knownControls?: ReadonlyMap<string, string>;
  readonly knownThreats?: ReadonlyMap<string, string>;
  readonly knownClauses?: ReadonlyMap<string, string>;
  readonly knownProfiles?: ReadonlyMap<string, KnownProfile>;
  /** What stands at a path relative to the system file's folder. */
  readonly files?: (path: string) => "file" | "folder" | undefined;
  /** Today as YYYY-MM-DD: evidence cannot be of a later day. */
  readonly today?: string;
  readonly limits?: Partial<TextLimits>;
}

export type ListSection =
  | "flows"
  | "controls"
  | "tests"
  | "imports"
  | "criteria"
  | "exclusions"
  | "exposures"
  | "reviewers";

/** Names that can be pointed at, with the place of each. */
export type Names = ReadonlyMap<string, Path | Span>;

export interface Context {
  readonly file: SystemFile;
  readonly located: Located;
  readonly options: ReadOptions;
  /** Sections (`flows`) and entries (`components/cnn`) in which something could not be read: nothing is concluded from what is absent there. */
  readonly incomplete: ReadonlySet<string>;
  /** Ids as the author declares them, also of entries that could not be read. */
  readonly names: Readonly<Record<"components" | "actors" | "assets" | "datasets", Names>>;
  /** Path of the i-th readable item of a list section. */
  readonly item: (section: ListSection, index: number) => Path;
  /** Spent on finding what a misspelt name meant. */
  readonly effort: { comparisons: number };
  readonly say: (code: SystemFileCode, message: string, hint: string | undefined, at: Path | Span) => void;
}

/** Stands for the names of a section that could not be read: whatever refers to it has nothing to answer for. */
export const ANY_NAME: Names = Object.assign(new Map<string, Path>(), { has: () => true });

/** Whether a section is missing because its own key is misspelt (which has been reported). */
const misspelt = (raw: Record<string, unknown>, section: string): boolean =>
  !Object.hasOwn(raw, section) &&
  Object.keys(raw).some((key) => !Object.hasOwn(systemFile.shape, key) && nearest(key, [section]) !== undefined);

export function contextOf(
  file: SystemFile,
  raw: unknown,
  located: Located,
  options: ReadOptions,
  indices: ReadonlyMap<string, readonly number[]>,
  incomplete: ReadonlySet<string>,
  diagnostics: Diagnostic[],
): Context {
  const declared = (section: string): Names => {
    const entries = (raw as Record<string, unknown>)[section];
    if (typeof entries === "object" && entries !== null && !Array.isArray(entries))
      return new Map(Object.keys(entries).map((id) => [id, [section, id]]));
    return incomplete.has(section) || misspelt(raw as Record<string, unknown>, section) ? ANY_NAME : new Map();
  };
  return {
    file,
    located,
    options,
    incomplete,
    names: {
      components: declared("components"),
      actors: declared("actors"),
      assets: declared("assets"),
      datasets: declared("datasets"),
    },
    effort: { comparisons: 0 },
    item: (section, index) => [section, indices.get(section)?.[index] ?? index],
    say(code, message, hint, at) {
      const span = isPath(at) ? located.span(at) : at;
      diagnostics.push(diagnostic(code, message, hint, span));
    },
  };
}

const isPath = (at: Path | Span): at is Path => Array.isArray(at);

export const lineOf = (context: Context, at: Path | Span): number =>
  isPath(at) ? context.located.span(at, "key").line : at.line;

/** The place of a value or of its key, as the nouns keep it. */
export const placeOf = (context: Context, path: Path, part: "key" | "value" = "value"): Span =>
  context.located.span(path, part);

/** Above this product of names and mistakes nobody reads hints, and comparing each with each takes minutes. */
const COMPARISONS_MAX = 200_000;

/** `did you mean "threshold" (line 24)?` */
export function meant(context: Context, word: string, pools: readonly Names[]): string | undefined {
  context.effort.comparisons += pools.reduce((sum, pool) => sum + pool.size, 0);
  if (context.effort.comparisons > COMPARISONS_MAX) return undefined;
  const candidates = pools.flatMap((pool) => [...pool.keys()]);
  const begins = word.length >= 3 ? candidates.filter((name) => name.startsWith(word)) : [];
  const near = nearest(word, candidates) ?? (begins.length === 1 ? begins[0] : undefined);
  if (near === undefined) return undefined;
  const path = pools.map((pool) => pool.get(near)).find((found) => found !== undefined)!;
  return `did you mean ${quoted(near)} (line ${lineOf(context, path)})?`;
}

const listed = (names: Names): string => [...names.keys()].slice(0, 12).join(", ") + (names.size > 12 ? " …" : "");

/** Whether `word` is declared in one of the pools; otherwise says so. `what` completes "…, which no … declares". */
export function refer(
  context: Context,
  word: string,
  pools: readonly Names[],
  say: { code: SystemFileCode; message: string; otherwise?: string; at: Path | Span },
): boolean {
  if (pools.some((pool) => pool.has(word))) return true;
  const hint =
    meant(context, word, pools) ?? say.otherwise ?? (pools[0]!.size > 0 ? `declared: ${listed(pools[0]!)}` : undefined);
  context.say(say.code, say.message, hint, say.at);
  return false;
}

export const many = <Item>(value: Item | readonly Item[] | undefined): readonly Item[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly Item[]) : [value as Item];

/** Path of the i-th of one or many. */
export const ofMany = (value: unknown, path: Path, index: number): Path =>
  Array.isArray(value) ? [...path, index] : path;

/** A date of the file as text; says so where it does not exist or lies ahead of `today` though it speaks of the past. */
export function readDate(
  context: Context,
  date: string | number | undefined,
  path: Path,
  tense: "past" | "any",
): string | undefined {
  if (date === undefined) return undefined;
  const written = String(date);
  if (!isInCalendar(written))
    context.say("E030", `${quoted(written)} is not a day of the calendar`, "YYYY-MM-DD, YYYY-MM or YYYY", path);
  else if (tense === "past" && context.options.today && written > context.options.today.slice(0, written.length))
    context.say("E030", `${quoted(written)} lies in the future`, `today is ${context.options.today}`, path);
  return written;
}

/** Checks a path that must lead to a file (or, where `folders`, to a folder as well). Returns it as it is used from here on. */
export function readPath(context: Context, path: string | undefined, at: Path, folders = false): string | undefined {
  if (path === undefined) return undefined;
  const clean = path.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  const problem = pathProblem(path);
  if (problem) {
    context.say("E042", `${quoted(path)} ${problem.message}`, problem.hint, at);
    return clean;
  }
  const found = context.options.files ? context.options.files(clean) : "file";
  if (found === undefined)
    context.say("E040", `no file ${quoted(path)}`, "paths are relative to the folder of this file", at);
  else if (found === "folder" && !folders)
    context.say("E041", `${quoted(path)} is a folder`, `name one file in it, such as ${clean}/…`, at);
  return clean;
}

/** Checks words that may be a path or a reference; only what looks like a path must exist. */
export function readPathOrWords(context: Context, words: string | undefined, at: Path): string | undefined {
  if (words === undefined || !looksLikePath(words)) return words;
  return readPath(context, words, at);
}

/** Says where low ≤ likely ≤ high does not hold. */
export function checkInterval(
  context: Context,
  { low, likely, high }: { low: number; likely: number; high: number },
  at: Path,
): void {
  if (!(low <= likely && likely <= high))
    context.say("E034", `low ${low}, likely ${likely}, high ${high} is out of order`, "low ≤ likely ≤ high", at);
}
