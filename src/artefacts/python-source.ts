/**
 * A Python program beside a model, read for what it does by itself: on import, and in the methods that loaders call. Names
 * are followed through imports, plain assignments, getattr and __import__ to the paths they stand for; nothing is run.
 */
import type { PythonEnd, PythonLine, PythonToken } from "#formats/python.ts";
import { LimitReached } from "./limits.ts";
import { actOf, DECODES, type Act } from "./python-code.ts";

/** When a statement runs: when the file is imported; in a method that loaders call; when the file is the program; when called. */
export type When = "import" | "hook" | "main" | "called";

export interface Call {
  readonly path: string;
  readonly act: Act;
  readonly when: When;
  readonly start: number;
  readonly end: number;
  /** What it runs was decoded, unpacked or fetched first. */
  readonly hidden: boolean;
}

export interface Reading {
  readonly imports: readonly string[];
  /** Names that imports bind. */
  readonly imported: readonly string[];
  readonly calls: readonly Call[];
  /** Methods that decide what a pickle of the class runs, and the harmful name they give. */
  readonly reduces: readonly { readonly path: string; readonly start: number; readonly end: number }[];
  /** Names that are put together while running, of modules that do harm. */
  readonly computed: readonly { readonly path: string; readonly start: number; readonly end: number }[];
  /** Takes and runs code from whom it loads a model from. */
  readonly trustsRemoteCode: readonly { readonly start: number; readonly end: number }[];
  /** Nothing but comments, texts, imports and constants. */
  readonly inert: boolean;
  readonly definitions: readonly string[];
  /** It is longer than is read. */
  readonly cut: boolean;
}

/** Methods that somebody else calls when a class or model is loaded and used. */
const HOOKS =
  /^(__init__|__new__|__call__|__reduce__|__reduce_ex__|__setstate__|__getstate__|__del__|__getattr__|__getattribute__|__init_subclass__|__class_getitem__|__set_name__|__post_init__|__enter__|__exit__|__array__|forward|from_pretrained|from_config|preprocess|postprocess|_load\w*|load_context|initialize|execute|handle|call|build)$/;
const OPENERS = new Set([
  "def",
  "class",
  "if",
  "elif",
  "else",
  "try",
  "except",
  "finally",
  "with",
  "for",
  "while",
  "async",
  "match",
  "case",
]);
const NAMES_MAX = 100_000;
/** Longest path that is followed, and the farthest bracket. */
const PATH_MAX = 300;
const REACH_MAX = 400;
/** Tokens looked at again within brackets; a program that needs more was not written by people. */
const WORK_MAX = 40_000_000;

interface Block {
  readonly indent: number;
  readonly when: When;
  /** The function it is the body of, or of which it lies in the body. */
  readonly method: string | undefined;
}

/** `installs`: the file is a setup script, whose `run` methods run on installation. */
export function readPythonSource(lines: Iterator<PythonLine, PythonEnd>, installs = false): Reading {
  const names = new Map<string, string>();
  const tainted = new Set<string>();
  const imports: string[] = [];
  const imported: string[] = [];
  const calls: Call[] = [];
  const reduces: { path: string; start: number; end: number }[] = [];
  const computed: { path: string; start: number; end: number }[] = [];
  const trustsRemoteCode: { start: number; end: number }[] = [];
  const definitions: string[] = [];
  const blocks: Block[] = [];
  let inert = true;
  let work = 0;
  let next = lines.next();
  for (; next.done !== true; next = lines.next()) {
    const line = next.value;
    while (blocks.length > 0 && line.indent <= blocks.at(-1)!.indent) blocks.pop();
    const around = blocks.at(-1) ?? { when: "import" as const, method: undefined, indent: -1 };
    const { tokens } = line;
    inert &&= isInert(tokens);
    if (importing(tokens, names, imports, imported)) continue;
    const opens = opened(tokens, around, installs);
    if (opens) {
      blocks.push({ ...opens, indent: line.indent });
      if (opens.defines !== undefined) definitions.push(opens.defines);
    }
    const head = opens?.defines === undefined ? tokens.length : headLength(tokens);
    follow(head === tokens.length ? tokens : tokens.slice(0, head), around);
    // The body of a one-line definition.
    if (head < tokens.length) follow(tokens.slice(head), opens!);
  }
  const { cut } = next.value;
  return { imports, imported, calls, reduces, computed, trustsRemoteCode, inert: inert && !cut, definitions, cut };

  function follow(tokens: readonly PythonToken[], { when, method }: Pick<Block, "when" | "method">): void {
    const assigned = assignment(tokens);
    let taints = false;
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!;
      if (token.within) follow(token.within, { when, method });
      if (token.kind !== "name") continue;
      const before = tokens[i - 1];
      if (before !== undefined && (isOp(before, ".") || before.text === "def" || before.text === "class")) continue;
      if (tainted.has(token.text)) taints = true;
      const { path, next, unclear } = pathAt(tokens, i, names);
      if (unclear !== undefined && computed.length < 100)
        computed.push({ path: unclear, start: token.start, end: tokens[next - 1]!.end });
      if (path === undefined) continue;
      if (token.text === "trust_remote_code" && isOp(tokens[i + 1], "=") && tokens[i + 2]?.text === "True")
        trustsRemoteCode.push({ start: token.start, end: tokens[i + 2]!.end });
      if (method !== undefined && /^__reduce(_ex)?__$/.test(method) && actOf(path) !== undefined)
        reduces.push({ path, start: token.start, end: tokens[next - 1]!.end });
      if (!isOp(tokens[next], "(")) continue;
      if (DECODES.test(path)) taints = true;
      const act = actOf(path);
      if (act === undefined) continue;
      if (act.does.startsWith("opens")) taints = true;
      const inner = tokens.slice(next, closing(tokens, next));
      work += inner.length * 20;
      if (work > WORK_MAX)
        throw new LimitReached(
          "limit-python",
          "calls within calls without end; the rest of the program was not followed",
        );
      if (act.runsData && isLiteral(inner)) continue;
      const hidden =
        act.runsData === true &&
        inner.some((one, k) => {
          if (one.kind !== "name") return false;
          if (tainted.has(one.text)) return true;
          const { path: within } = pathAt(inner, k, names);
          return within !== undefined && (DECODES.test(within) || actOf(within)?.does.startsWith("opens") === true);
        });
      if (calls.length < 1000) calls.push({ path, act, when, start: token.start, end: tokens[next]!.end, hidden });
    }
    if (assigned === undefined) return;
    if (taints && tainted.size < NAMES_MAX) tainted.add(assigned.name);
    // `run = os.system` gives the path another name.
    const value = tokens.slice(assigned.at);
    const only = value[0]?.kind === "name" ? pathAt(value, 0, names) : undefined;
    if (only?.path !== undefined && only.next === value.length && only.path.length < PATH_MAX && names.size < NAMES_MAX)
      names.set(assigned.name, only.path);
  }
}

const isOp = (token: PythonToken | undefined, text: string): boolean => token?.kind === "op" && token.text === text;
/** Comments are gone already: texts, imports, names of names, constants. */
function isInert(tokens: readonly PythonToken[]): boolean {
  const [first, second] = tokens;
  if (tokens.every(({ kind, within }) => kind === "string" && within === undefined)) return true;
  if (first!.kind === "name" && (first!.text === "import" || first!.text === "from" || first!.text === "pass"))
    return true;
  return (
    first!.kind === "name" &&
    isOp(second, "=") &&
    tokens
      .slice(2)
      .every(({ kind, text, within }) =>
        kind === "op"
          ? "[](){},:-+".includes(text)
          : kind === "name"
            ? /^(True|False|None)$/.test(text)
            : within === undefined,
      ) &&
    !tokens
      .slice(2)
      .some((token, i, rest) => isOp(token, "(") && rest[i - 1] !== undefined && rest[i - 1]!.kind !== "op")
  );
}

function importing(
  tokens: readonly PythonToken[],
  names: Map<string, string>,
  imports: string[],
  imported: string[],
): boolean {
  const [first] = tokens;
  if (first?.kind !== "name" || (first.text !== "import" && first.text !== "from")) return false;
  let at = 1;
  const dotted = (): string => {
    let path = "";
    while (tokens[at]?.kind === "name" || isOp(tokens[at], ".")) {
      if (tokens[at]!.kind === "name" && /^(import|as)$/.test(tokens[at]!.text)) break;
      path += tokens[at++]!.text;
    }
    return path;
  };
  const renamed = (): string | undefined => {
    if (tokens[at]?.text !== "as") return undefined;
    at += 2;
    return tokens[at - 1]?.text;
  };
  if (first.text === "import") {
    while (at < tokens.length) {
      const path = dotted();
      if (path === "") break;
      if (imports.length < 10_000) imports.push(path);
      const as = renamed();
      if (imported.length < 10_000) imported.push(as ?? path);
      if (as === undefined) names.set(path.split(".")[0]!, path.split(".")[0]!);
      else names.set(as, path);
      if (!isOp(tokens[at++], ",")) break;
    }
    return true;
  }
  const module = dotted();
  if (tokens[at]?.text !== "import") return false;
  if (imports.length < 10_000) imports.push(module);
  at++;
  if (isOp(tokens[at], "(")) at++;
  while (tokens[at]?.kind === "name") {
    const name = tokens[at++]!.text;
    const bound = renamed() ?? name;
    // A package's program, which is run by its import.
    if (name === "__main__" && imports.length < 10_000) imports.push(`${module}.${name}`);
    if (imported.length < 10_000) imported.push(bound);
    names.set(bound, `${module}.${name}`);
    if (!isOp(tokens[at++], ",")) break;
  }
  return true;
}

/** The block a line opens, if it does; `defines` where it is a function's. */
function opened(
  tokens: readonly PythonToken[],
  around: Pick<Block, "when" | "method">,
  installs: boolean,
): (Pick<Block, "when" | "method"> & { readonly defines?: string }) | undefined {
  const first = tokens[0];
  if (first?.kind !== "name" || !OPENERS.has(first.text)) return undefined;
  const at = first.text === "async" ? 1 : 0;
  if (tokens[at]?.text === "def") {
    const defines = tokens[at + 1]?.text ?? "";
    if (around.when === "called" || around.when === "main") return { when: around.when, method: defines, defines };
    const hook = HOOKS.test(defines) || (installs && defines === "run");
    return { when: hook ? "hook" : "called", method: defines, defines };
  }
  const main =
    first.text === "if" &&
    tokens[1]?.text === "__name__" &&
    tokens.some((token) => token.kind === "string" && token.text === "__main__");
  return main && around.when === "import" ? { when: "main", method: undefined } : around;
}

/** How many tokens the head of a definition has: up to its colon. */
function headLength(tokens: readonly PythonToken[]): number {
  let depth = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind !== "op") continue;
    if ("([{".includes(token.text)) depth++;
    if (")]}".includes(token.text)) depth--;
    if (depth === 0 && token.text === ":") return i + 1;
  }
  return tokens.length;
}

/** `name = …`: the name, and where the value begins. */
function assignment(tokens: readonly PythonToken[]): { name: string; at: number } | undefined {
  if (tokens[0]?.kind !== "name") return undefined;
  if (isOp(tokens[1], "=") && !isOp(tokens[2], "=")) return { name: tokens[0].text, at: 2 };
  return undefined;
}

/** One past the bracket that closes the one at `from`, or as far as is looked. */
function closing(tokens: readonly PythonToken[], from: number): number {
  let depth = 0;
  const last = Math.min(tokens.length, from + REACH_MAX);
  for (let i = from; i < last; i++) {
    if (tokens[i]!.kind !== "op") continue;
    if ("([{".includes(tokens[i]!.text)) depth++;
    if (")]}".includes(tokens[i]!.text) && --depth === 0) return i + 1;
  }
  return last;
}

/** `("1 + 1")`: a text that is there to read, without anything that runs programs. */
const isLiteral = (inner: readonly PythonToken[]): boolean =>
  inner.every(
    (token) =>
      (token.kind === "string" && token.within === undefined) || token.kind === "op" || token.kind === "number",
  ) &&
  !inner.some(
    (token) =>
      token.kind === "string" &&
      /__import__|\b(os|subprocess|socket|ctypes|builtins|sys|eval|exec|open)\b/.test(token.text),
  );

const FINDERS = new Set(["__import__", "importlib.import_module", "importlib.__import__", "builtins.__import__"]);

/**
 * The path that the expression at `from` stands for: a name and its attributes, through imports and other names, __import__,
 * getattr, `__dict__[…]` and `sys.modules[…]` of literal names. `unclear`: a harmful module of which a computed name is taken.
 */
function pathAt(
  tokens: readonly PythonToken[],
  from: number,
  names: ReadonlyMap<string, string>,
  depth = 0,
): { readonly path: string | undefined; readonly next: number; readonly unclear?: string } {
  if (depth > 8) return { path: undefined, next: from + 1 };
  const first = tokens[from];
  if (first?.kind !== "name") return { path: undefined, next: from + 1 };
  if (first.text.length > PATH_MAX) return { path: undefined, next: from + 1 };
  let path = names.get(first.text) ?? (first.text === "__builtins__" ? "builtins" : first.text);
  let at = from + 1;
  for (let steps = 0; steps < 50 && path.length < 2 * PATH_MAX; steps++) {
    if (isOp(tokens[at], ".") && tokens[at + 1]?.kind === "name") {
      path = `${path}.${tokens[at + 1]!.text}`;
      at += 2;
    } else if (isOp(tokens[at], "(") && FINDERS.has(path)) {
      const end = closing(tokens, at);
      const text = joined(tokens.slice(at + 1, end - 1));
      if (text === undefined) return { path, next: at };
      path = text;
      at = end;
    } else if ((path === "getattr" || path === "builtins.getattr") && isOp(tokens[at], "(")) {
      const owner = pathAt(tokens, at + 1, names, depth + 1);
      if (owner.path === undefined || !isOp(tokens[owner.next], ",")) return { path, next: at };
      const end = closing(tokens, at);
      const parts = tokens.slice(owner.next + 1, end - 1);
      const comma = parts.findIndex((token) => isOp(token, ","));
      const name = joined(comma < 0 ? parts : parts.slice(0, comma));
      if (name === undefined) {
        const harmful = /^(os|posix|subprocess|builtins|sys|socket|ctypes|shutil|importlib)$/.test(owner.path);
        // A plain variable is how programs look names up; a name that is made on the spot is how they are hidden.
        const made = parts.some((token) => token.kind === "op" && "+[(".includes(token.text));
        return { path, next: at, ...(harmful && made ? { unclear: owner.path } : {}) };
      }
      path = `${owner.path}.${name}`;
      at = end;
    } else if (isOp(tokens[at], "[") && /(^sys\.modules|\.__dict__)$/.test(path)) {
      const end = closing(tokens, at);
      const name = joined(tokens.slice(at + 1, end - 1));
      if (name === undefined) return { path, next: at };
      path = path === "sys.modules" ? name : `${path.slice(0, -".__dict__".length)}.${name}`;
      at = end;
    } else break;
  }
  return { path: path.startsWith("builtins.") ? path.slice("builtins.".length) : path, next: at };
}

/** A text of literals, also where it is put together by `+`; undefined for anything else. */
function joined(tokens: readonly PythonToken[]): string | undefined {
  if (tokens.length === 0) return undefined;
  let text = "";
  for (const token of tokens) {
    if (token.kind === "string" && token.within === undefined) text += token.text;
    else if (!isOp(token, "+")) return undefined;
  }
  return text;
}
