/** YAML text -> plain values that remember their place; hostile text ends in a diagnostic, never in a hang or a full stack. */
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser, YAMLParseError } from "yaml";
import type { CST, Document, Node, Pair, Scalar } from "yaml";
import type { Diagnostic, Span } from "#base/diagnostics.ts";

export type Path = readonly (string | number)[];

export interface TextLimits {
  /** UTF-16 units of the whole file. */
  readonly characters: number;
  /** UTF-16 units of one line. */
  readonly lineCharacters: number;
  /** Brackets, list dashes and levels of indentation inside each other. */
  readonly depth: number;
  /** Values after every alias is written out. */
  readonly values: number;
  /** Diagnostics reported before the rest is only counted. */
  readonly diagnostics: number;
}

/** A system of a thousand components is about 200,000 characters and 20,000 values; these leave a factor of five. */
export const TEXT_LIMITS: TextLimits = {
  characters: 1_000_000,
  lineCharacters: 50_000,
  depth: 40,
  values: 100_000,
  diagnostics: 200,
};

/** A value of the file with the places of everything inside it. */
export interface Located {
  readonly value: unknown;
  /** The place of a value, or of its key; the nearest enclosing place there is where the path leads nowhere. */
  span(path: Path, part?: "key" | "value"): Span;
  /** The text of the value as the author wrote it, without comments around it; undefined where the path leads nowhere. */
  source(path: Path): string | undefined;
  /** The place of `length` characters beginning `offset` characters into the written value. */
  within(path: Path, offset: number, length: number): Span;
}

export interface YamlReading {
  /** Absent where the text could not be read at all. */
  readonly located?: Located;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * What the author wrote, fit for one line of a terminal or a report: text in quotes, control and format characters escaped,
 * 60 characters at most.
 */
export function quoted(written: unknown): string {
  const isText = typeof written === "string";
  const whole = isText ? written : (JSON.stringify(written) ?? String(written));
  const short = whole.length > 60 ? `${whole.slice(0, 57).toWellFormed()}…` : whole;
  const visible = short.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
  return isText ? `"${visible}"` : visible;
}

/** Reads one YAML 1.2 document that must be a mapping. Never throws for what the text contains. */
export function readYaml(text: string, file: string, limits: TextLimits = TEXT_LIMITS): YamlReading {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const unfit = unfitText(body, file, limits);
  if (unfit) return { diagnostics: [unfit] };

  const lines = new LineCounter();
  const spanAt = (start: number, end = start): Span => {
    const from = lines.linePos(start);
    const to = lines.linePos(Math.max(start, end));
    return {
      file,
      line: Math.max(1, from.line),
      column: Math.max(1, from.col),
      endLine: Math.max(1, to.line),
      endColumn: Math.max(1, to.col),
    };
  };
  let document: Document.Parsed;
  try {
    const tokens = tokensOf(body, file, limits.depth, lines);
    if ("code" in tokens) return { diagnostics: [tokens] };
    document = composed(tokens, body.length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { diagnostics: [{ code: "E005", message: "the file is nested too deeply to be read", span: spanAt(0) }] };
  }
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) return { diagnostics: syntaxDiagnostics(syntax, spanAt) };
  return convert(document, body, spanAt, limits);
}

function syntaxDiagnostics(
  errors: readonly { code: string; pos: readonly [number, number]; message: string }[],
  spanAt: (start: number, end?: number) => Span,
): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  let lastLine = 0;
  for (const { code, pos, message } of errors) {
    const span = spanAt(pos[0], pos[1]);
    // One slip makes the reader stumble several times on one line; the first says where.
    if (span.line === lastLine) continue;
    lastLine = span.line;
    const hint = SYNTAX_HINTS[code];
    const words = message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "");
    diagnostics.push({
      code: code === "RESOURCE_EXHAUSTION" ? "E005" : "E001",
      message: code === "RESOURCE_EXHAUSTION" ? "the file is nested too deeply to be read" : words,
      ...(hint ? { hint } : {}),
      span,
    });
    if (diagnostics.length === 10) break;
  }
  return diagnostics;
}

const SYNTAX_HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces; YAML does not allow tabs there",
  BAD_INDENT: "lines that belong together start in the same column",
  MISSING_CHAR: "a bracket, brace, quote, comma or space is missing here or just above",
  BLOCK_AS_IMPLICIT_KEY: "a second “: ” on one line needs quotes around the text that holds it",
  MULTILINE_IMPLICIT_KEY: "a key ends on the line it starts; a “:” may be missing",
  MULTIPLE_DOCS: "one file describes one system: take out the “---” in the middle",
  BAD_SCALAR_START: 'text that starts with >, @, `, %, & or * needs quotes: ">= 0.60"',
  UNEXPECTED_TOKEN: "a bracket, comma or quote too many, or one missing just above",
  TAG_RESOLVE_FAILED: "tags (!name) mean nothing here; write the plain value",
  RESOURCE_EXHAUSTION: "look for a bracket that is not closed",
};

/** What can be refused before the parser sees it: size, lines, bytes that are not text, depth. */
function unfitText(text: string, file: string, limits: TextLimits): Diagnostic | undefined {
  const at = (line: number, column: number): Span => ({ file, line, column });
  let line = 1;
  let start = 0;
  while (start <= text.length) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    if (end - start > limits.lineCharacters)
      return {
        code: "E003",
        message: `line ${line} is ${grouped(end - start)} characters long: ${quoted(text.slice(start, start + 40))}`,
        hint: `lines of a system file hold at most ${grouped(limits.lineCharacters)} characters; put long data in a file of its own`,
        span: at(line, 1),
      };
    const indent = /^ */.exec(text.slice(start, Math.min(end, start + limits.depth * 10 + 1)))![0].length;
    if (indent > limits.depth * 10)
      return {
        code: "E005",
        message: `line ${line} is indented by more than ${limits.depth * 10} columns`,
        hint: "two columns per level are enough",
        span: at(line, limits.depth * 10),
      };
    if (newline < 0) break;
    start = newline + 1;
    line++;
  }
  if (text.length > limits.characters)
    return {
      code: "E002",
      message: `the file holds ${grouped(text.length)} characters`,
      hint: `a system file holds at most ${grouped(limits.characters)}; was another file meant?`,
      span: at(1, 1),
    };
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const strange = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F\uFFFD]/.exec(text);
  if (strange) {
    const before = text.slice(0, strange.index);
    const code = strange[0].codePointAt(0)!;
    return {
      code: "E004",
      message:
        code === 0
          ? "the file holds a NUL byte"
          : code === 0xfffd
            ? "the file holds bytes that are not UTF-8"
            : `the file holds the control character U+${code.toString(16).toUpperCase().padStart(4, "0")}`,
      hint: "save it as UTF-8 text (UTF-16 and binary files look like this)",
      span: at(before.split("\n").length, strange.index - before.lastIndexOf("\n")),
    };
  }
  return undefined;
}

/** What the lexer puts between lexemes to mark documents, scalars and flow errors; not in the text, which holds no control characters. */
const LEXER_MARKS: ReadonlySet<string> = new Set(["\u0002", "\u001F", "\u0018"]);

/**
 * The parser's tokens; refused where brackets go too deep, or too many list dashes open on one line. The lexer, which does not
 * recurse, finds that before anything that does comes to see the text.
 */
function tokensOf(text: string, file: string, depth: number, lines: LineCounter): CST.Token[] | Diagnostic {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  let offset = 0;
  let brackets = 0;
  let dashes = 0;
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === "[" || lexeme === "{") brackets++;
    else if (lexeme === "]" || lexeme === "}") brackets--;
    else if (lexeme === "-" || lexeme === "?") dashes++;
    else if (lexeme.includes("\n")) dashes = 0;
    if (brackets > depth || dashes > depth) {
      const before = text.slice(0, offset);
      return {
        code: "E005",
        message: `${brackets > depth ? "brackets" : "list dashes"} are nested more than ${depth} deep`,
        hint: "look for a bracket that is not closed",
        span: { file, line: before.split("\n").length, column: offset - before.lastIndexOf("\n") },
      };
    }
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (!LEXER_MARKS.has(lexeme)) offset += lexeme.length;
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** The first document of the tokens; another one after it is an error of it, as where the library reads the text itself. */
function composed(tokens: readonly CST.Token[], length: number): Document.Parsed {
  // Keys are compared in `convert`: the library compares each with each, and says less about it.
  const documents = new Composer({ uniqueKeys: false, prettyErrors: false, version: "1.2" }).compose(
    tokens,
    true,
    length,
  );
  let first: Document.Parsed | undefined;
  for (const document of documents) {
    if (!first) first = document as Document.Parsed;
    else {
      const [start, end] = document.range;
      first.errors.push(new YAMLParseError([start, end], "MULTIPLE_DOCS", "the text holds several documents"));
      break;
    }
  }
  return first!;
}

const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

function convert(
  document: Document.Parsed,
  text: string,
  spanAt: (start: number, end?: number) => Span,
  limits: TextLimits,
): YamlReading {
  const diagnostics: Diagnostic[] = [];
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  const open = new Set<Node>();
  let values = 0;
  let exhausted = false;

  const nodeSpan = (node: Node | null | undefined): Span => spanAt(node?.range?.[0] ?? 0, node?.range?.[1] ?? 0);

  const plain = (node: Node | null): unknown => {
    if (node === null || exhausted) return null;
    if (++values > limits.values) {
      exhausted = true;
      diagnostics.push({
        code: "E006",
        message: `the file holds more than ${grouped(limits.values)} values once its aliases are written out`,
        hint: "aliases inside aliases multiply; write the values where they are needed",
        span: nodeSpan(node),
      });
      return null;
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined || open.has(target)) {
        diagnostics.push({
          code: "E006",
          message:
            target === undefined
              ? `alias *${node.source} points at nothing: no anchor &${node.source} stands before it`
              : `alias *${node.source} stands inside its own anchor`,
          hint: "write the value out",
          span: nodeSpan(node),
        });
        return null;
      }
      targets.set(node, target);
      return plain(target);
    }
    if ("anchor" in node && node.anchor) anchors.set(node.anchor, node);
    if (isScalar(node)) return node.value;
    open.add(node);
    try {
      if (isSeq(node)) return node.items.map((item) => plain(item as Node | null));
      if (isMap(node)) return mapping(node.items as Pair<Node | null, Node | null>[]);
      return null;
    } finally {
      open.delete(node);
    }
  };

  const mapping = (pairs: readonly Pair<Node | null, Node | null>[]): Record<string, unknown> => {
    const object: Record<string, unknown> = {};
    const first = new Map<string, Node>();
    for (const pair of pairs) {
      const key = keyOf(pair.key);
      if (key === undefined || key === "__proto__") {
        diagnostics.push({
          code: "E016",
          message: key === undefined ? "a key must be a plain word" : `${quoted(key)} cannot be a key`,
          hint: "text with “: ” or “? ” in it needs quotes",
          span: nodeSpan(pair.key ?? pair.value),
        });
        continue;
      }
      const earlier = first.get(key);
      if (earlier) {
        diagnostics.push({
          code: "E009",
          message: `key ${quoted(key)} stands twice`,
          hint: `it stands already in line ${nodeSpan(earlier).line}; keep one of the two`,
          span: nodeSpan(pair.key),
        });
        continue;
      }
      first.set(key, pair.key!);
      object[key] = plain(pair.value);
    }
    return object;
  };

  const root = document.contents as Node | null;
  const value = plain(root);
  if (root === null || !isMap(root)) {
    const what =
      root === null || (isScalar(root) && root.value === null)
        ? "is empty"
        : isSeq(root)
          ? "is a list"
          : "is one value";
    return {
      diagnostics: [
        {
          code: "E007",
          message: `the file ${what}`,
          hint: "a system file is a mapping that starts with `vauban: 1`; `vauban init` writes one",
          span: nodeSpan(root),
        },
      ],
    };
  }

  const indexed = new Map<Node, Map<string, Pair<Node | null, Node | null>>>();
  const pairOf = (node: Node, items: readonly Pair<Node | null, Node | null>[], key: string) => {
    let index = indexed.get(node);
    if (!index) {
      index = new Map();
      for (const pair of items) {
        const name = keyOf(pair.key);
        if (name !== undefined && !index.has(name)) index.set(name, pair);
      }
      indexed.set(node, index);
    }
    return index.get(key);
  };
  const follow = (node: Node | null | undefined): Node | null | undefined => (node && targets.get(node)) ?? node;
  /** The nodes the path leads to, and how far it could be followed. */
  const find = (path: Path): { key?: Node; value: Node | null; complete: boolean } => {
    let at: { key?: Node; value: Node | null } = { value: root };
    for (const step of path) {
      const node = follow(at.value);
      let next: { key?: Node; value: Node | null } | undefined;
      if (isMap(node)) {
        const pair = pairOf(node, node.items as Pair<Node | null, Node | null>[], String(step));
        if (pair) next = { key: pair.key!, value: pair.value };
      } else if (isSeq(node) && typeof step === "number" && step < node.items.length) {
        next = { value: node.items[step] as Node | null };
      }
      if (!next) return { ...at, complete: false };
      at = next;
    }
    return { ...at, complete: true };
  };

  return {
    diagnostics,
    located: {
      value,
      span(path, part = "value") {
        const { key, value: node, complete } = find(path);
        // What is missing is shown at the key of the thing that lacks it.
        if ((part === "key" || !complete) && key) return nodeSpan(key);
        return nodeSpan(node ?? key);
      },
      source(path) {
        const { value: node, complete } = find(path);
        return complete && node?.range ? text.slice(node.range[0], node.range[1]) : undefined;
      },
      within(path, offset, length) {
        const start = find(path).value?.range?.[0] ?? 0;
        return spanAt(start + offset, start + offset + length);
      },
    },
  };
}

function keyOf(key: Node | null | undefined): string | undefined {
  if (!isScalar(key) || key.value === null || typeof key.value === "object") return undefined;
  const { value, source } = key as Scalar;
  return typeof value === "string" ? value : (source ?? String(value));
}
