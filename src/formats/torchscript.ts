/**
 * Serialised TorchScript in the one form in which PyTorch writes it (torch/csrc/jit/serialization/python_print.cpp): no
 * comments, no operator but as the callee of its own call, no name that is called but functions of the archive and a few
 * built-in ones. PyTorch's compiler reads far more than its printer writes; whatever is not of this form is a FormatError
 * with its place. Nothing is ever compiled or run.
 */
import { FormatError } from "./error.ts";

/** An operator that the source calls, by its namespace ("aten" where `torch.` stands). */
export interface TorchCall {
  readonly namespace: string;
  readonly name: string;
  readonly at: number;
  readonly end: number;
}

/** A loop, and how often its body runs; undefined where that is decided while it runs. */
export interface TorchLoop {
  readonly kind: "for" | "while";
  readonly rounds: number | undefined;
  readonly at: number;
  readonly end: number;
}

export interface TorchFunction {
  readonly name: string;
  readonly at: number;
  readonly loops: readonly TorchLoop[];
  /** Functions and methods of the archive by their last name, and how often the loops around call them, as far as known. */
  readonly calls: readonly { readonly name: string; readonly rounds: number }[];
  /** Rounds of the loops with known counts, those within others multiplied. */
  readonly rounds: number;
  /** The largest number that stands in it, ends of slices aside. */
  readonly largest: number;
  /** The most elements that one operator makes whose shape, length or count is constant. */
  readonly elements: number;
  /** It holds the condition True, as loops without an end do. */
  readonly forever: boolean;
}

export interface TorchScript {
  readonly operators: readonly TorchCall[];
  /** `(x).name(…)`: a method of the archive's classes, or an operator with `x` as its first argument. */
  readonly methods: readonly TorchCall[];
  /** Classes bound from C++, by what stands after `torch.classes`. */
  readonly bound: readonly TorchCall[];
  readonly functions: readonly TorchFunction[];
}

interface Token {
  readonly kind: "name" | "number" | "string" | "op" | "line" | "in" | "out" | "end";
  readonly text: string;
  readonly at: number;
  readonly end: number;
}

const DEPTH_MAX = 400;
const TOKEN =
  /([A-Za-z_][A-Za-z0-9_]*)|([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?j?)|("(?:[^"\\\n\r]|\\[^\n\r])*"|'(?:[^'\\\n\r]|\\[^\n\r])*')|(->|[()[\]{},:.=+-])/y;
const SLICE_END = 9223372036854775807;

const wrong = (at: number, problem: string): FormatError =>
  new FormatError("TorchScript", at, problem, "save the model again with torch.jit.save");

/** Tokens with lines and indents. Places are bytes: the text is one character a byte. */
function lex(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const indents = [0];
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    if (depth === 0) {
      const start = at;
      while (text[at] === " ") at++;
      if (text[at] === "\n") {
        at++;
        continue;
      }
      if (at >= text.length) break;
      const indent = at - start;
      if (indent > indents.at(-1)!) {
        indents.push(indent);
        tokens.push({ kind: "in", text: "", at, end: at });
      }
      while (indent < indents.at(-1)!) {
        indents.pop();
        tokens.push({ kind: "out", text: "", at, end: at });
      }
      if (indent !== indents.at(-1)) throw wrong(at, "a line that belongs to no block");
    }
    for (;;) {
      while (text[at] === " ") at++;
      if (at >= text.length) break;
      if (text[at] === "\n") {
        at++;
        if (depth === 0) break;
        // Only the arguments of a definition stand on lines of their own.
        if (tokens.at(-1)!.text !== ",") throw wrong(at - 1, "a line that ends within brackets");
        continue;
      }
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(text);
      if (!match) throw wrong(at, `${JSON.stringify(text[at])} stands in no source that PyTorch writes`);
      const [all, name, number, string] = match;
      if ("([{".includes(all)) depth++;
      if (")]}".includes(all) && depth-- === 0) throw wrong(at, `"${all}" closes nothing`);
      const kind =
        name === undefined ? (number === undefined ? (string === undefined ? "op" : "string") : "number") : "name";
      tokens.push({ kind, text: all, at, end: at + all.length });
      at += all.length;
    }
    tokens.push({ kind: "line", text: "", at, end: at });
  }
  if (depth > 0) throw wrong(text.length, "a bracket that never closes");
  for (; indents.length > 1; indents.pop()) tokens.push({ kind: "out", text: "", at, end: at });
  tokens.push({ kind: "end", text: "", at, end: at });
  return tokens;
}

/** What the parser must know of an expression. */
type Expression =
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "string" | "true" | "function" | "brackets" | "value" }
  | { readonly is: "name"; readonly name: string };

const VALUE: Expression = { is: "value" };
/** Operators that make as many elements as a list of numbers says, and those that go by a single number. */
const BY_SHAPE = /^(zeros|ones|full|empty|rand|randn|randint|normal|repeat|new_(zeros|ones|full|empty)|resize_)$/;
const BY_NUMBER = /^(arange|range|linspace|logspace|eye|randperm|\w+_window)$/;
const BASES = new Set(["Module", "NamedTuple", "ModuleInterface", "Interface", "Enum"]);
/** What may be called by its bare name, values alone being its arguments. */
const BUILT_IN = new Set(["int", "float", "bool", "str", "print", "sorted"]);
/** Words of the language, and names that stand for modules or for what the compiler itself makes of them: none is a variable. */
const NO_VARIABLE = new Set(
  (
    "as aten attribute CONSTANTS fork getattr ops torch __torch__ annotate uninitialized unchecked_cast isinstance range " +
    "awaitable rpc_async rpc_sync rpc_remote " +
    "and assert async await break class continue def del elif else except finally for from global if import in is lambda " +
    "nonlocal not or pass raise return try with while yield"
  ).split(" "),
);

/** What the source calls and defines. Throws a FormatError where it is not of PyTorch's form. `text`: one character a byte. */
export function parseTorchScript(text: string): TorchScript {
  return new Parser(lex(text)).parse();
}

class Parser {
  private readonly tokens: readonly Token[];
  private next = 0;
  private depth = 0;
  /** Outside functions only constants may stand: they are evaluated while loading. */
  private constant = true;
  private readonly operators: TorchCall[] = [];
  private readonly methods: TorchCall[] = [];
  private readonly bound: TorchCall[] = [];
  private readonly functions: TorchFunction[] = [];
  private callable = new Set<string>();
  private loops: TorchLoop[] = [];
  private calls: { name: string; rounds: number }[] = [];
  private rounds = 1;
  private total = 1;
  private largest = 0;
  private elements = 0;
  private forever = false;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  parse(): TorchScript {
    while (this.peek().kind !== "end") {
      if (this.is("class")) this.class();
      else if (this.is("def")) this.define();
      else if (this.is("import")) {
        // Before version 1.4 every file named those that it needs.
        this.take();
        this.path("__torch__");
        this.line();
      } else {
        this.word("op_version_set");
        this.op("=");
        this.number();
        this.line();
      }
    }
    const { operators, methods, bound, functions } = this;
    return { operators, methods, bound, functions };
  }

  private peek(ahead = 0): Token {
    return this.tokens[Math.min(this.next + ahead, this.tokens.length - 1)]!;
  }
  private take(): Token {
    return this.tokens[this.next < this.tokens.length - 1 ? this.next++ : this.next]!;
  }
  private is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.text === text && (token.kind === "op" || token.kind === "name");
  }
  private accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.next++;
    return true;
  }
  private fail(token: Token, wanted: string): FormatError {
    const shown = token.text === "" ? "the line ends" : `"${token.text.slice(0, 40)}" stands`;
    return wrong(token.at, `${shown} where PyTorch writes ${wanted}`);
  }
  private op(text: string): void {
    if (!this.accept(text)) throw this.fail(this.peek(), `"${text}"`);
  }
  private word(text: string): void {
    this.op(text);
  }
  private kind(kind: Token["kind"], wanted: string): Token {
    const token = this.peek();
    if (token.kind !== kind) throw this.fail(token, wanted);
    return this.take();
  }
  private line(): void {
    this.kind("line", "the end of the line");
  }
  private variable(): Token {
    const token = this.kind("name", "a name");
    if (NO_VARIABLE.has(token.text)) throw this.fail(token, "the name of a variable");
    return token;
  }
  private number(): number {
    const minus = this.accept("-");
    const value = Number(this.kind("number", "a number").text.replace(/j$/, ""));
    return minus ? -value : value;
  }
  /** A path with dots whose first name is `first`. */
  private path(first: string): { names: string[]; at: number; end: number } {
    const start = this.peek();
    this.word(first);
    const names: string[] = [];
    let end = start.end;
    while (this.is(".") && this.peek(1).kind === "name") {
      this.take();
      const token = this.take();
      names.push(token.text);
      end = token.end;
    }
    if (names.length === 0) throw this.fail(this.peek(), `what of ${first} is meant`);
    if (first === "__torch__" && names[0] === "torch" && names[1] === "classes")
      this.bound.push({ namespace: names[2] ?? "", name: names.slice(3).join("."), at: start.at, end });
    return { names, at: start.at, end };
  }
  private within<T>(read: () => T): T {
    if (++this.depth > DEPTH_MAX) throw wrong(this.peek().at, `it is nested more than ${DEPTH_MAX} deep`);
    try {
      return read();
    } finally {
      this.depth--;
    }
  }
  /** Items up to the closing bracket, with commas between; one more comma may stand at the end. */
  private list(close: string, item: () => void): void {
    while (!this.accept(close)) {
      item();
      if (!this.is(close)) this.op(",");
    }
  }

  private class(): void {
    this.take();
    this.variable();
    if (this.accept("(")) {
      const base = this.kind("name", "the kind of the class");
      if (!BASES.has(base.text)) throw this.fail(base, [...BASES].join(", "));
      this.op(")");
    }
    this.op(":");
    this.line();
    // A class may hold nothing.
    if (this.peek().kind !== "in") return;
    this.take();
    while (this.peek().kind !== "out") {
      if (this.is("def")) this.define();
      else {
        if (!this.is("pass")) this.member();
        else this.take();
        this.line();
      }
    }
    this.take();
  }

  private member(): void {
    this.variable();
    if (this.accept("[")) {
      this.kind("string", "a text");
      this.op("]");
      this.op("=");
      this.type();
    } else if (this.accept(":")) {
      this.type();
      if (this.accept("=")) this.expression();
    } else {
      this.op("=");
      this.expression();
    }
  }

  private type(): void {
    this.within(() => {
      if (this.accept("(")) return this.list(")", () => this.type());
      if (this.is("__torch__") || this.is("torch")) this.path(this.peek().text);
      else {
        const name = this.kind("name", "a type");
        if (NO_VARIABLE.has(name.text)) throw this.fail(name, "a type");
      }
      if (this.accept("[")) this.list("]", () => this.type());
      else if (this.accept("(")) this.list(")", () => this.type());
      return undefined;
    });
  }

  private define(): void {
    const outer = this.constant;
    const kept = {
      callable: this.callable,
      loops: this.loops,
      calls: this.calls,
      rounds: this.rounds,
      total: this.total,
      largest: this.largest,
      elements: this.elements,
      forever: this.forever,
    };
    this.take();
    const name = this.kind("name", "the name of a function");
    this.op("(");
    this.constant = true;
    // What stands in a function within another belongs to both: it is called where it stands.
    if (outer) {
      this.callable = new Set();
      this.loops = [];
      this.calls = [];
      this.rounds = 1;
      this.total = 1;
      this.largest = 0;
      this.elements = 0;
      this.forever = false;
    }
    this.list(")", () => {
      this.variable();
      if (this.accept(":")) this.type();
      if (this.accept("=")) this.expression();
    });
    if (this.is("-")) throw this.fail(this.peek(), '"->"');
    if (this.accept("->")) this.type();
    this.op(":");
    this.line();
    this.constant = false;
    this.block();
    this.constant = outer;
    if (!outer) {
      this.callable.add(name.text);
      return;
    }
    const { loops, calls, total, largest, elements, forever } = this;
    this.functions.push({ name: name.text, at: name.at, loops, calls, rounds: total, largest, elements, forever });
    Object.assign(this, kept);
  }

  private block(): void {
    this.within(() => {
      this.kind("in", "an indented block");
      while (this.peek().kind !== "out") this.statement();
      this.take();
    });
  }

  private statement(): void {
    const token = this.peek();
    if (this.is("def")) return this.define();
    if (this.accept("if")) {
      this.expression();
      this.op(":");
      this.line();
      this.block();
      if (this.accept("else")) {
        this.op(":");
        this.line();
        this.block();
      }
      return;
    }
    if (this.accept("while")) {
      if (this.expression().is === "true") this.forever = true;
      return this.loop({ kind: "while", rounds: undefined, at: token.at, end: this.peek().at });
    }
    if (this.accept("for")) {
      this.variable();
      this.word("in");
      this.word("range");
      this.op("(");
      const bound = this.expression();
      this.op(")");
      const rounds = bound.is === "number" ? Math.max(0, bound.value) : undefined;
      return this.loop({ kind: "for", rounds, at: token.at, end: this.peek().at });
    }
    if (this.accept("with")) {
      this.expression();
      for (const name of ["__enter__", "__exit__"]) this.calls.push({ name, rounds: this.rounds });
      if (this.accept("as")) this.variable();
      this.op(":");
      this.line();
      return this.block();
    }
    if (this.accept("return")) {
      if (this.peek().kind !== "line") this.expressions();
    } else if (!this.accept("pass")) this.assignment();
    return this.line();
  }

  private loop(loop: TorchLoop): void {
    this.op(":");
    this.line();
    const outer = this.rounds;
    this.loops.push(loop);
    this.rounds *= loop.rounds ?? 1;
    this.total += this.rounds;
    this.block();
    this.rounds = outer;
  }

  private expressions(): Expression {
    const first = this.expression();
    let many = false;
    while (this.accept(",")) {
      many = true;
      if (this.is("=") || this.peek().kind === "line") break;
      this.expression();
    }
    return many ? VALUE : first;
  }

  private assignment(): void {
    const first = this.expressions();
    const name = first.is === "name" ? first.name : undefined;
    if (this.accept(":")) {
      if (name === undefined) throw this.fail(this.peek(-1), "a name before a type");
      this.type();
      this.op("=");
    } else if (!this.accept("=")) return;
    const value = this.expressions();
    if (value.is === "true") this.forever = true;
    if (name !== undefined && value.is === "function") this.callable.add(name);
  }

  private expression(): Expression {
    return this.within(() => {
      let value = this.primary();
      for (;;) {
        if (this.accept(".")) {
          const name = this.kind("name", "an attribute");
          if (!this.accept("(")) value = VALUE;
          else {
            if (value.is !== "brackets" && name.text !== "tolist") throw this.fail(name, "a method of (…)");
            this.call("", name, name.text);
            this.methods.push({ namespace: "", name: name.text, at: name.at, end: name.end });
            value = VALUE;
          }
        } else if (this.accept("[")) {
          if (!this.is(":")) this.expression();
          if (this.accept(":") && !this.is("]")) this.expression();
          this.op("]");
          value = VALUE;
        } else break;
      }
      if (this.is("(")) throw this.fail(this.peek(), "no call");
      // Complex constants.
      if (value.is === "number" && (this.is("+") || this.is("-"))) {
        if (!this.accept("-")) this.take();
        this.number();
        return VALUE;
      }
      return value;
    });
  }

  /** What follows the bracket of a call. */
  private call(namespace: string, place: { at: number; end: number }, name: string): void {
    if (this.constant && !(namespace === "aten" && name === "device"))
      throw wrong(place.at, "a call where PyTorch writes a constant");
    const start = this.next;
    this.list(")", () => {
      if (this.peek().kind === "name" && this.is("=", 1)) {
        this.take();
        this.take();
      }
      this.expression();
    });
    if (namespace === "") this.calls.push({ name, rounds: this.rounds });
    else this.measure(name, start);
  }

  /** How many elements the operator makes whose arguments were read from `start` on. */
  private measure(name: string, start: number): void {
    const number = BY_NUMBER.test(name) || (name === "mul" && this.tokens[start]!.text === "[");
    if (!number && !BY_SHAPE.test(name)) return;
    let shape: number | undefined;
    for (const { kind, text } of this.tokens.slice(start, this.next)) {
      if (text === "[" && kind === "op") shape = 1;
      else if (text === "]" && kind === "op") {
        this.elements = Math.max(this.elements, shape ?? 0);
        shape = undefined;
      } else if (kind === "number" && shape !== undefined) shape *= Number(text);
      else if (kind === "number" && number) this.elements = Math.max(this.elements, Number(text));
    }
  }

  private primary(): Expression {
    const token = this.peek();
    if (token.kind === "string") {
      this.take();
      return { is: "string" };
    }
    if (token.kind === "number" || this.is("-")) {
      if (this.is("-") && (this.is("inf", 1) || this.is("nan", 1) || this.is("infj", 1))) {
        this.next += 2;
        return VALUE;
      }
      const value = this.number();
      if (Math.abs(value) < SLICE_END) this.largest = Math.max(this.largest, Math.abs(value));
      return { is: "number", value };
    }
    if (this.accept("(")) {
      let items = 0;
      this.list(")", () => {
        items++;
        this.expression();
      });
      return items === 1 ? { is: "brackets" } : VALUE;
    }
    if (this.accept("[")) {
      this.list("]", () => void this.expression());
      return VALUE;
    }
    if (this.accept("{")) {
      this.list("}", () => {
        this.expression();
        this.op(":");
        this.expression();
      });
      return VALUE;
    }
    if (token.kind !== "name") throw this.fail(token, "a value");
    return this.named(token);
  }

  private named(token: Token): Expression {
    switch (token.text) {
      case "torch": {
        const { names, at, end } = this.path("torch");
        if (!this.accept("(")) throw this.fail(this.peek(), "the call of an operator");
        const autograd = names.length === 2 && names[0] === "autograd" && /^(grad|backward)$/.test(names[1]!);
        this.operators.push({ namespace: "aten", name: autograd ? names[1]! : names.join("."), at, end });
        if (names.length > 1 && !autograd) throw wrong(at, `torch.${names.join(".")} is no operator`);
        this.call("aten", token, names.at(-1)!);
        return VALUE;
      }
      case "ops": {
        const { names, at, end } = this.path("ops");
        if (names.length !== 2 || !this.accept("(")) throw this.fail(this.peek(), "the call of an operator");
        this.operators.push({ namespace: names[0]!, name: names[1]!, at, end });
        this.call(names[0]!, token, names[1]!);
        return VALUE;
      }
      case "__torch__": {
        const { names } = this.path("__torch__");
        const name = names.at(-1)!;
        if (!this.accept("(")) {
          this.calls.push({ name, rounds: this.rounds });
          return { is: "function" };
        }
        if (name === "__new__") {
          this.type();
          this.op(")");
        } else if (this.constant) this.list(")", () => void this.expression());
        else this.call("", token, name);
        return VALUE;
      }
      case "CONSTANTS":
        this.path("CONSTANTS");
        return VALUE;
      case "getattr": {
        this.take();
        this.op("(");
        this.expression();
        this.op(",");
        this.kind("string", "the name of an attribute");
        this.op(")");
        return VALUE;
      }
      case "annotate":
      case "unchecked_cast":
        this.take();
        this.op("(");
        this.type();
        this.op(",");
        this.expression();
        this.op(")");
        return VALUE;
      case "uninitialized":
        this.take();
        this.op("(");
        this.type();
        this.op(")");
        return VALUE;
      case "isinstance":
        this.take();
        this.op("(");
        this.expression();
        this.op(",");
        this.type();
        this.op(")");
        return VALUE;
      case "fork":
        this.take();
        this.op("(");
        if (!this.callable.has(this.variable().text)) throw this.fail(token, "a fork of a function defined before");
        this.op(")");
        return VALUE;
      case "True":
        this.take();
        return { is: "true" };
      default: {
        this.variable();
        if (!this.is("(")) return { is: "name", name: token.text };
        // A variable may be called like a built-in function; only functions of the archive are ever called by variables.
        if (!BUILT_IN.has(token.text) && !this.callable.has(token.text))
          throw this.fail(token, "a function of the archive");
        this.take();
        this.call("", token, token.text);
        return VALUE;
      }
    }
  }
}
