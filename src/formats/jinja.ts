/** Jinja templates as trees (jinja2/lexer.py, jinja2/parser.py), with the blocks that Hugging Face adds. Nothing is ever rendered. */
import { FormatError } from "./error.ts";

const FORMAT = "Jinja template";
/** Nested expressions or blocks; real templates have a dozen. */
const DEPTH_MAX = 150;
/** Operators, attributes or filters in a row. */
const CHAIN_MAX = 1000;

interface Placed {
  /** Characters of the template. */
  readonly start: number;
  readonly end: number;
}

export type JinjaExpression = Placed &
  (
    | { readonly kind: "text"; readonly value: string }
    | { readonly kind: "number"; readonly value: number }
    | { readonly kind: "constant" }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "list"; readonly items: readonly JinjaExpression[] }
    | { readonly kind: "dict"; readonly items: readonly (readonly [JinjaExpression, JinjaExpression])[] }
    | { readonly kind: "attribute"; readonly of: JinjaExpression; readonly name: string }
    | { readonly kind: "item"; readonly of: JinjaExpression; readonly index: JinjaExpression }
    | {
        readonly kind: "slice";
        readonly of: JinjaExpression;
        readonly parts: readonly (JinjaExpression | undefined)[];
      }
    | { readonly kind: "call"; readonly callee: JinjaExpression; readonly args: JinjaArguments }
    | {
        readonly kind: "filter";
        /** Undefined at the start of a filter block, whose content it is. */
        readonly of: JinjaExpression | undefined;
        readonly name: string;
        readonly args: JinjaArguments;
      }
    | { readonly kind: "test"; readonly of: JinjaExpression; readonly name: string; readonly args: JinjaArguments }
    | {
        readonly kind: "binary";
        readonly operator: string;
        readonly left: JinjaExpression;
        readonly right: JinjaExpression;
      }
    | { readonly kind: "unary"; readonly operator: string; readonly of: JinjaExpression }
    | {
        readonly kind: "choice";
        readonly condition: JinjaExpression;
        readonly yes: JinjaExpression;
        readonly no: JinjaExpression | undefined;
      }
  );

export interface JinjaArguments {
  /** `*x` and `**x` stand among them as they are. */
  readonly plain: readonly JinjaExpression[];
  readonly named: readonly (readonly [name: string, value: JinjaExpression])[];
}

export interface JinjaParameter {
  readonly name: string;
  readonly fallback: JinjaExpression | undefined;
}

export type JinjaStatement = Placed &
  (
    | { readonly kind: "print"; readonly value: JinjaExpression }
    | {
        readonly kind: "for";
        readonly targets: readonly string[];
        readonly over: JinjaExpression;
        readonly only: JinjaExpression | undefined;
        readonly body: readonly JinjaStatement[];
      }
    | {
        readonly kind: "if";
        readonly conditions: readonly JinjaExpression[];
        readonly body: readonly JinjaStatement[];
      }
    | {
        readonly kind: "set";
        /** Names, or `ns.name`. */
        readonly targets: readonly string[];
        /** Undefined where the block's content is the value. */
        readonly value: JinjaExpression | undefined;
        readonly filter: JinjaExpression | undefined;
        readonly body: readonly JinjaStatement[];
      }
    | {
        readonly kind: "macro";
        readonly name: string;
        readonly parameters: readonly JinjaParameter[];
        readonly body: readonly JinjaStatement[];
      }
    | {
        readonly kind: "call";
        readonly call: JinjaExpression;
        readonly parameters: readonly JinjaParameter[];
        readonly body: readonly JinjaStatement[];
      }
    | {
        readonly kind: "with";
        readonly bindings: readonly (readonly [name: string, value: JinjaExpression])[];
        readonly body: readonly JinjaStatement[];
      }
    | { readonly kind: "filter"; readonly filter: JinjaExpression; readonly body: readonly JinjaStatement[] }
    /** A block that changes nothing of what its content reaches: block, generation, autoescape. */
    | { readonly kind: "block"; readonly name: string; readonly body: readonly JinjaStatement[] }
    /** Another template: include, import, from, extends. */
    | { readonly kind: "template"; readonly how: string; readonly which: JinjaExpression }
  );

type TokenKind = "name" | "text" | "number" | "operator" | "begin" | "end" | "print-begin" | "print-end";
interface Token extends Placed {
  readonly kind: TokenKind;
  readonly value: string;
}

/** The statements of a template. Throws a FormatError, whose offset is the character, where Jinja would not compile it either. */
export function parseJinja(text: string): readonly JinjaStatement[] {
  return new Parser(tokens(text), text.length).whole();
}

const OPERATOR = /(?:\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;])/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER =
  /(?:0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|\d(?:_?\d)*(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?)/y;
const RAW = /\{%[-+]?\s*raw\s*[-+]?%\}/y;
const ENDRAW = /\{%[-+]?\s*endraw\s*[-+]?%\}/g;

const fail = (at: number, problem: string): never => {
  throw new FormatError(FORMAT, at, problem, "");
};

function tokens(text: string): readonly Token[] {
  const out: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    if (open < 0) break;
    at = open;
    const next = text[at + 1];
    if (next === "#") {
      const close = text.indexOf("#}", at + 2);
      if (close < 0) fail(at, "a comment does not end");
      at = close + 2;
    } else if (next === "%") {
      RAW.lastIndex = at;
      if (RAW.test(text)) {
        ENDRAW.lastIndex = RAW.lastIndex;
        if (!ENDRAW.test(text)) fail(at, "a raw block does not end");
        at = ENDRAW.lastIndex;
      } else at = within(text, at, "%}", "begin", "end", out);
    } else if (next === "{") at = within(text, at, "}}", "print-begin", "print-end", out);
    else at++;
  }
  return out;
}

/** The tokens from an opening to its end; gives where it ends. */
function within(text: string, from: number, close: string, begin: TokenKind, end: TokenKind, out: Token[]): number {
  out.push({ kind: begin, value: "", start: from, end: from + 2 });
  let at = from + 2;
  if (text[at] === "-" || text[at] === "+") at++;
  const open: string[] = [];
  const take = (kind: TokenKind, pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) return false;
    out.push({ kind, value: match[0], start: at, end: at + match[0].length });
    at += match[0].length;
    return true;
  };
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at++;
    if (at >= text.length) fail(from, "a block or expression does not end");
    if (open.length === 0) {
      const trimmed = (text[at] === "-" || text[at] === "+") && text.startsWith(close, at + 1);
      if (trimmed || text.startsWith(close, at)) {
        const stop = at + (trimmed ? 3 : 2);
        out.push({ kind: end, value: "", start: at, end: stop });
        return stop;
      }
    }
    const quote = text[at]!;
    if (quote === "'" || quote === '"') {
      let to = at + 1;
      while (to < text.length && text[to] !== quote) to += text[to] === "\\" ? 2 : 1;
      if (to >= text.length) fail(at, "a text does not end");
      out.push({ kind: "text", value: unescaped(text.slice(at + 1, to)), start: at, end: to + 1 });
      at = to + 1;
      continue;
    }
    if (take("number", NUMBER) || take("name", NAME)) continue;
    if (!take("operator", OPERATOR)) fail(at, `${JSON.stringify(text[at])} belongs to no expression`);
    const last = out[out.length - 1]!;
    if ("([{".includes(last.value)) open.push({ "(": ")", "[": "]", "{": "}" }[last.value]!);
    else if (")]}".includes(last.value) && open.pop() !== last.value)
      fail(last.start, `"${last.value}" closes nothing`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\u0007",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

/** Escapes as Python's unicode-escape reads them, which Jinja decodes texts with. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole, x?: string, u?: string, long?: string, octal?: string, one?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined || octal !== undefined) {
        const point = hex === undefined ? Number.parseInt(octal!, 8) : Number.parseInt(hex, 16);
        return point > 0x10ffff ? whole : String.fromCodePoint(point);
      }
      return ESCAPES[one!] ?? whole;
    },
  );
}

const CONSTANTS = new Set(["true", "false", "none", "True", "False", "None"]);
const COMPARE = new Set(["==", "!=", "<", "<=", ">", ">="]);
/** Blocks that change nothing of what their content reaches, by the word that ends them. */
const PLAIN_BLOCKS: Readonly<Record<string, string>> = {
  block: "endblock",
  generation: "endgeneration",
  autoescape: "endautoescape",
};

class Parser {
  private readonly tokens: readonly Token[];
  private readonly length: number;
  private at = 0;
  private depth = 0;
  constructor(all: readonly Token[], length: number) {
    this.tokens = all;
    this.length = length;
  }

  whole(): readonly JinjaStatement[] {
    return this.statements([]).body;
  }

  private get next(): Token | undefined {
    return this.tokens[this.at];
  }
  private here(): number {
    return this.next?.start ?? this.length;
  }
  private get before(): number {
    return this.tokens[this.at - 1]?.end ?? 0;
  }
  private fail(problem: string): never {
    return fail(this.here(), problem);
  }
  private is(kind: TokenKind, value?: string): boolean {
    const token = this.next;
    return token?.kind === kind && (value === undefined || token.value === value);
  }
  private takes(kind: TokenKind, value?: string): boolean {
    if (!this.is(kind, value)) return false;
    this.at++;
    return true;
  }
  private expect(kind: TokenKind, value?: string): Token {
    const token = this.next;
    if (!token || !this.takes(kind, value)) return this.fail(`${value ?? kind} was expected`);
    return token;
  }
  private op(value: string): boolean {
    return this.takes("operator", value);
  }
  private word(value: string): boolean {
    return this.takes("name", value);
  }
  private deeper<Result>(read: () => Result): Result {
    if (++this.depth > DEPTH_MAX) this.fail(`it is nested deeper than ${DEPTH_MAX}`);
    const result = read();
    this.depth--;
    return result;
  }

  private chained(links: number): void {
    if (links > CHAIN_MAX) this.fail(`more than ${CHAIN_MAX} operators, attributes or filters in a row`);
  }

  /** Statements up to one of these words, which is taken, or up to the end of the template. */
  private statements(until: readonly string[]): { body: readonly JinjaStatement[]; ended: string } {
    return this.deeper(() => {
      const body: JinjaStatement[] = [];
      for (;;) {
        const token = this.next;
        if (!token) {
          if (until.length > 0) this.fail(`${until.join(" or ")} is missing`);
          return { body, ended: "" };
        }
        if (this.takes("print-begin")) {
          const value = this.tuple();
          const { end } = this.expect("print-end");
          body.push({ kind: "print", value, start: token.start, end });
          continue;
        }
        this.expect("begin");
        const { value: word } = this.expect("name");
        if (until.includes(word)) return { body, ended: word };
        const statement = this.statement(word, token.start);
        if (statement) body.push(statement);
      }
    });
  }

  private statement(word: string, start: number): JinjaStatement | undefined {
    const close = (): void => void this.expect("end");
    const done = <S extends object>(rest: S): S & Placed => ({ ...rest, start, end: this.before });
    const blockTo = (word: string): readonly JinjaStatement[] => {
      close();
      const { body } = this.statements([word]);
      return body;
    };
    switch (word) {
      case "for": {
        const targets = this.targets();
        if (!this.word("in")) this.fail("in was expected");
        const over = this.tuple(true);
        const only = this.word("if") ? this.expression() : undefined;
        this.word("recursive");
        close();
        const body = this.statements(["endfor", "else"]);
        const rest = body.ended === "else" ? blockTo("endfor") : [];
        close();
        return done({ kind: "for" as const, targets, over, only, body: [...body.body, ...rest] });
      }
      case "if": {
        const conditions = [this.tuple()];
        const body: JinjaStatement[] = [];
        for (;;) {
          close();
          const branch = this.statements(["elif", "else", "endif"]);
          body.push(...branch.body);
          if (branch.ended === "endif") break;
          if (branch.ended === "elif") conditions.push(this.tuple());
        }
        close();
        return done({ kind: "if" as const, conditions, body });
      }
      case "set": {
        const targets = this.targets();
        if (this.op("=")) {
          const value = this.tuple();
          close();
          return done({ kind: "set" as const, targets, value, filter: undefined, body: [] });
        }
        const filter = this.is("operator", "|") ? this.filters(undefined) : undefined;
        const body = blockTo("endset");
        close();
        return done({ kind: "set" as const, targets, value: undefined, filter, body });
      }
      case "macro": {
        const { value: name } = this.expect("name");
        const parameters = this.parameters();
        const body = blockTo("endmacro");
        this.takes("name");
        close();
        return done({ kind: "macro" as const, name, parameters, body });
      }
      case "call": {
        const parameters = this.is("operator", "(") ? this.parameters() : [];
        const call = this.expression();
        const body = blockTo("endcall");
        close();
        return done({ kind: "call" as const, call, parameters, body });
      }
      case "with": {
        const bindings: [string, JinjaExpression][] = [];
        while (!this.is("end")) {
          const { value: name } = this.expect("name");
          this.expect("operator", "=");
          bindings.push([name, this.expression()]);
          if (!this.op(",")) break;
        }
        const body = blockTo("endwith");
        close();
        return done({ kind: "with" as const, bindings, body });
      }
      case "filter": {
        const filter = this.filters(undefined, true)!;
        const body = blockTo("endfilter");
        close();
        return done({ kind: "filter" as const, filter, body });
      }
      case "include":
      case "import":
      case "from":
      case "extends": {
        const which = this.expression();
        while (!this.is("end"))
          if (this.next) this.at++;
          else this.fail("a block does not end");
        close();
        return done({ kind: "template" as const, how: word, which });
      }
      case "do":
      case "print": {
        const value = this.tuple();
        close();
        return done({ kind: "print" as const, value });
      }
      case "break":
      case "continue":
      case "debug":
        close();
        return undefined;
      default: {
        const ends = Object.hasOwn(PLAIN_BLOCKS, word)
          ? PLAIN_BLOCKS[word]!
          : this.fail(`no block is called "${word}"`);
        while (!this.is("end"))
          if (this.next) this.at++;
          else this.fail("a block does not end");
        const body = blockTo(ends);
        this.takes("name");
        close();
        return done({ kind: "block" as const, name: word, body });
      }
    }
  }

  private targets(): readonly string[] {
    const names: string[] = [];
    const closed = this.op("(");
    do {
      if (this.is("operator", "(")) names.push(...this.targets());
      else {
        let { value: name } = this.expect("name");
        if (this.op(".")) name += `.${this.expect("name").value}`;
        names.push(name);
      }
    } while (this.op(",") && !this.is("operator", ")") && !this.is("operator", "=") && !this.is("name", "in"));
    if (closed) this.expect("operator", ")");
    return names;
  }

  private parameters(): readonly JinjaParameter[] {
    const out: JinjaParameter[] = [];
    this.expect("operator", "(");
    while (!this.op(")")) {
      const { value: name } = this.expect("name");
      out.push({ name, fallback: this.op("=") ? this.expression() : undefined });
      if (!this.op(",")) {
        this.expect("operator", ")");
        break;
      }
    }
    return out;
  }

  /** One expression, or several between commas, which are a tuple. `plain`: without `if … else`, as after `in`. */
  private tuple(plain = false): JinjaExpression {
    const start = this.here();
    const one = (): JinjaExpression => (plain ? this.deeper(() => this.or()) : this.expression());
    const first = one();
    if (!this.is("operator", ",")) return first;
    const items = [first];
    while (this.op(",")) {
      const token = this.next;
      if (!token || token.kind === "end" || token.kind === "print-end" || token.value === ")") break;
      items.push(one());
    }
    return { kind: "list", items, start, end: this.before };
  }

  private expression(): JinjaExpression {
    return this.deeper(() => {
      const start = this.here();
      let value = this.or();
      for (let links = 0; this.word("if"); links++) {
        this.chained(links);
        const condition = this.or();
        const no = this.word("else") ? this.expression() : undefined;
        value = { kind: "choice", condition, yes: value, no, start, end: this.before };
      }
      return value;
    });
  }

  private chain(next: () => JinjaExpression, takes: () => string | undefined): JinjaExpression {
    const start = this.here();
    let left = next();
    for (let links = 0; ; links++) {
      this.chained(links);
      const operator = takes();
      if (operator === undefined) return left;
      left = { kind: "binary", operator, left, right: next(), start, end: this.before };
    }
  }
  private oneOf(...operators: readonly string[]): string | undefined {
    return operators.find((operator) => this.op(operator));
  }

  private or(): JinjaExpression {
    return this.chain(
      () => this.and(),
      () => (this.word("or") ? "or" : undefined),
    );
  }
  private and(): JinjaExpression {
    return this.chain(
      () => this.not(),
      () => (this.word("and") ? "and" : undefined),
    );
  }
  private not(): JinjaExpression {
    const start = this.here();
    if (!this.word("not")) return this.compare();
    return this.deeper(() => ({ kind: "unary", operator: "not", of: this.not(), start, end: this.before }));
  }
  private compare(): JinjaExpression {
    return this.chain(
      () => this.sum(),
      () => {
        if (this.next?.kind === "operator" && COMPARE.has(this.next.value)) return this.tokens[this.at++]!.value;
        if (this.word("in")) return "in";
        if (this.is("name", "not") && this.tokens[this.at + 1]?.value === "in") {
          this.at += 2;
          return "not in";
        }
        return undefined;
      },
    );
  }
  private sum(): JinjaExpression {
    return this.chain(
      () => this.concat(),
      () => this.oneOf("+", "-"),
    );
  }
  private concat(): JinjaExpression {
    return this.chain(
      () => this.product(),
      () => this.oneOf("~"),
    );
  }
  private product(): JinjaExpression {
    return this.chain(
      () => this.unary(),
      () => this.oneOf("*", "//", "/", "%"),
    );
  }
  private unary(filtered = true): JinjaExpression {
    const start = this.here();
    const operator = this.oneOf("-", "+");
    let value: JinjaExpression =
      operator === undefined
        ? this.postfix(this.primary())
        : this.deeper(() => ({ kind: "unary", operator, of: this.unary(false), start, end: this.before }));
    if (operator === undefined && this.op("**"))
      value = this.deeper(() => ({
        kind: "binary",
        operator: "**",
        left: value,
        right: this.unary(),
        start,
        end: this.before,
      }));
    return filtered ? this.tested(value) : value;
  }

  private primary(): JinjaExpression {
    const token = this.next ?? this.fail("an expression was expected");
    const { start, end } = token;
    if (this.takes("text")) {
      let value = token.value;
      let last = end;
      // Texts beside each other are one.
      while (this.is("text")) {
        value += this.next!.value;
        last = this.next!.end;
        this.at++;
      }
      return { kind: "text", value, start, end: last };
    }
    if (this.takes("number")) return { kind: "number", value: Number(token.value.replaceAll("_", "")), start, end };
    if (this.takes("name"))
      return CONSTANTS.has(token.value)
        ? { kind: "constant", start, end }
        : { kind: "name", name: token.value, start, end };
    if (this.op("(")) {
      if (this.op(")")) return { kind: "list", items: [], start, end: this.before };
      const value = this.tuple();
      this.expect("operator", ")");
      return value;
    }
    if (this.op("[")) return { kind: "list", items: this.items("]"), start, end: this.before };
    if (this.op("{")) {
      const items: [JinjaExpression, JinjaExpression][] = [];
      while (!this.op("}")) {
        const key = this.expression();
        this.expect("operator", ":");
        items.push([key, this.expression()]);
        if (!this.op(",")) {
          this.expect("operator", "}");
          break;
        }
      }
      return { kind: "dict", items, start, end: this.before };
    }
    return this.fail(`"${token.value}" begins no expression`);
  }

  private items(close: string): readonly JinjaExpression[] {
    const items: JinjaExpression[] = [];
    while (!this.op(close)) {
      items.push(this.expression());
      if (!this.op(",")) {
        this.expect("operator", close);
        break;
      }
    }
    return items;
  }

  private postfix(first: JinjaExpression): JinjaExpression {
    let value = first;
    const { start } = first;
    for (let links = 0; ; links++) {
      this.chained(links);
      if (this.op(".")) {
        const token = this.next;
        if (this.takes("number"))
          value = {
            kind: "item",
            of: value,
            index: { kind: "number", value: Number(token!.value), start: token!.start, end: token!.end },
            start,
            end: this.before,
          };
        else value = { kind: "attribute", of: value, name: this.expect("name").value, start, end: this.before };
      } else if (this.op("[")) value = this.subscript(value, start);
      else if (this.is("operator", "("))
        value = { kind: "call", callee: value, args: this.args(), start, end: this.before };
      else return value;
    }
  }

  private subscript(of: JinjaExpression, start: number): JinjaExpression {
    const parts: (JinjaExpression | undefined)[] = [undefined];
    const several: JinjaExpression[] = [];
    for (;;) {
      if (this.op("]")) break;
      if (this.op(":")) parts.push(undefined);
      else if (this.op(",")) several.push(parts[parts.length - 1] ?? this.fail("an index was expected"));
      else parts[parts.length - 1] = this.expression();
    }
    if (parts.length > 1) return { kind: "slice", of, parts, start, end: this.before };
    const last = parts[0] ?? this.fail("an index was expected");
    const index: JinjaExpression =
      several.length === 0 ? last : { kind: "list", items: [...several, last], start: last.start, end: last.end };
    return { kind: "item", of, index, start, end: this.before };
  }

  private args(): JinjaArguments {
    const plain: JinjaExpression[] = [];
    const named: [string, JinjaExpression][] = [];
    this.expect("operator", "(");
    while (!this.op(")")) {
      if (this.oneOf("**", "*") !== undefined) plain.push(this.expression());
      else if (
        this.is("name") &&
        this.tokens[this.at + 1]?.kind === "operator" &&
        this.tokens[this.at + 1]!.value === "="
      ) {
        const { value: name } = this.expect("name");
        this.at++;
        named.push([name, this.expression()]);
      } else plain.push(this.expression());
      if (!this.op(",")) {
        this.expect("operator", ")");
        break;
      }
    }
    return { plain, named };
  }

  /** Filters, tests and calls behind a value, in the order they stand. */
  private tested(first: JinjaExpression): JinjaExpression {
    let value = first;
    for (let links = 0; ; links++) {
      this.chained(links);
      if (this.is("operator", "|")) value = this.filters(value)!;
      else if (this.word("is")) {
        const { start } = value;
        const negated = this.word("not");
        const name = this.dotted();
        const token = this.next;
        let args: JinjaArguments = { plain: [], named: [] };
        if (this.is("operator", "(")) args = this.args();
        else if (
          token !== undefined &&
          (["text", "number"].includes(token.kind) ||
            (token.kind === "operator" && "[{".includes(token.value)) ||
            (token.kind === "name" &&
              !["else", "or", "and", "is", "in", "not", "if", "recursive"].includes(token.value)))
        )
          args = { plain: [this.postfix(this.primary())], named: [] };
        value = { kind: "test", of: value, name, args, start, end: this.before };
        if (negated) value = { kind: "unary", operator: "not", of: value, start, end: this.before };
      } else if (this.is("operator", "(")) {
        value = { kind: "call", callee: value, args: this.args(), start: value.start, end: this.before };
      } else return value;
    }
  }

  private dotted(): string {
    let { value: name } = this.expect("name");
    while (this.op(".")) name += `.${this.expect("name").value}`;
    return name;
  }

  private filters(of: JinjaExpression | undefined, inline = false): JinjaExpression | undefined {
    let value = of;
    let first = inline;
    const start = of?.start ?? this.here();
    for (let links = 0; first || this.op("|"); links++) {
      this.chained(links);
      first = false;
      const name = this.dotted();
      const args = this.is("operator", "(") ? this.args() : { plain: [], named: [] };
      value = { kind: "filter", of: value, name, args, start, end: this.before };
    }
    return value;
  }
}
