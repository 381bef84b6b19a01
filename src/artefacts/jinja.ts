/**
 * What a chat template could do to the program that renders it, from its text alone: which attributes, filters, globals and
 * calls it reaches, with texts that it puts together followed as far as they are constant. Nothing is ever rendered.
 *
 * Jinja gives a template the interpreter's internals through attributes (`''.__class__.__mro__`, `cycler.__init__.__globals__`;
 * CVE-2024-34359, CVE-2019-8341); sandboxes refuse names with underscores, and were passed by `str.format` and `|attr`
 * (CVE-2016-10745, CVE-2024-56326, CVE-2025-27516).
 */
import type { ScanSeverity } from "#assessment/index.ts";
import { FormatError } from "#formats/error.ts";
import { parseJinja, type JinjaArguments, type JinjaExpression, type JinjaStatement } from "#formats/jinja.ts";
import type { Finding } from "./check.ts";
import { BOMB, growthOf, lengthOf } from "./jinja-growth.ts";
import { sizesOf } from "./jinja-size.ts";

export interface TemplateFinding {
  readonly rule: string;
  readonly severity: ScanSeverity;
  readonly message: string;
  /** Characters of the template. */
  readonly start: number;
  readonly end: number;
}

export interface TemplateAnalysis {
  /** The gravest finding, or "nothing": the template was followed whole and only puts texts together. */
  readonly verdict: "malicious" | "suspicious" | "unknown" | "nothing";
  readonly findings: readonly TemplateFinding[];
  /** Names that it reads or calls, for people. */
  readonly reaches: {
    readonly globals: readonly string[];
    readonly attributes: readonly string[];
    readonly filters: readonly string[];
  };
}

/** Characters of a template; the longest of real models is under 30,000. */
const LENGTH_MAX = 1 << 20;
const FINDINGS_MAX = 50;
/** Alternatives of one text that are followed, and their length. */
const ALTERNATIVES_MAX = 16;
const TEXT_MAX = 512;
/** Values in a list, lists in it included. */
const WEIGHT_MAX = 256;
/** Characters and values that are handled before a template is given up on. */
const WORK_MAX = 20_000_000;
/** Passes over the template until what its names may hold no longer grows. */
const PASSES_MAX = 6;
/** Attributes by which a value leads to the interpreter, and on to everything it can do. */
const WAY_OUT = new Set([
  "__globals__",
  "__builtins__",
  "__subclasses__",
  "__import__",
  "__mro__",
  "mro",
  "__base__",
  "__bases__",
  "__code__",
  "__closure__",
  "__loader__",
  "__reduce__",
  "__reduce_ex__",
  "__getattribute__",
  "func_globals",
  "func_code",
  "func_closure",
  "gi_frame",
  "gi_code",
  "cr_frame",
  "cr_code",
  "ag_frame",
  "ag_code",
  "tb_frame",
  "tb_next",
  "f_globals",
  "f_locals",
  "f_builtins",
  "f_back",
  "f_code",
  "_TemplateReference__context",
]);
/** Modules that do harm through whatever is called of them, if the program that renders gives them to the template. */
const MODULES = new Set([
  "os",
  "sys",
  "subprocess",
  "builtins",
  "importlib",
  "socket",
  "shutil",
  "ctypes",
  "pickle",
  "marshal",
]);
/** Functions that run code or reach files and names, by the name Python has for them. */
const FUNCTIONS = new Set(["eval", "exec", "compile", "open", "breakpoint", "getattr", "setattr", "globals", "locals"]);
/** What web programs give to their templates, and no chat template has use for. */
const WEB_GLOBALS = new Set([
  "config",
  "request",
  "session",
  "g",
  "app",
  "application",
  "url_for",
  "get_flashed_messages",
  "settings",
  "handler",
]);
/** Jinja's own globals (jinja2/defaults.py) and what transformers, vLLM and llama.cpp add; all but the first three are calls. */
const CALLABLE_GLOBALS = new Set([
  "range",
  "dict",
  "lipsum",
  "cycler",
  "joiner",
  "namespace",
  "raise_exception",
  "strftime_now",
  "caller",
  "loop",
  "super",
  "gettext",
  "ngettext",
  "_",
]);
const JINJA_OBJECTS = new Set([
  "cycler",
  "joiner",
  "namespace",
  "lipsum",
  "range",
  "dict",
  "self",
  "raise_exception",
  "strftime_now",
]);

/** jinja2/filters.py, and tojson as transformers has it. */
const FILTERS = new Set(
  (
    "abs attr batch capitalize center count d default dictsort e escape filesizeformat first float forceescape format " +
    "from_json groupby indent int items join last length list lower map max min pprint random reject rejectattr replace reverse round " +
    "safe select selectattr slice sort string striptags sum title tojson trim truncate unique upper urlencode " +
    "urlize wordcount wordwrap xmlattr"
  ).split(" "),
);
/** jinja2/tests.py */
const TESTS = new Set(
  (
    "boolean callable defined divisibleby eq equalto escaped even false filter float ge greaterthan gt in integer iterable " +
    "le lessthan lower lt mapping ne none number odd sameas sequence string test true undefined upper"
  ).split(" "),
);
/** Filters whose argument names attributes, by keyword; and those where it is the first plain one. */
const BY_ATTRIBUTE = new Set(["map", "sort", "groupby", "sum", "min", "max", "unique"]);
const BY_FIRST = new Set(["selectattr", "rejectattr", "groupby"]);

/** Filters whose texts choose or mark and never come out; `default` and its like are not among them. */
const SAFE_FILTERS = new Set(["tojson", "from_json", "trim", "length", "count", "round", "select", "reject", "items"]);
const PICKING = new Set(["sort", "unique", "min", "max", "map"]);
const PICKS = new Set(["attribute", "by", "case_sensitive", "reverse"]);
/** Globals that every renderer has, whatever a template binds to their names in some scope. */
const ALWAYS_THERE = new Set(["lipsum", "cycler", "joiner", "namespace", "self"]);
/** Globals that give nothing back of what they are given. */
const PLAIN_GLOBALS = new Set(["raise_exception", "range"]);
/** Methods of texts, lists, mappings and sets (Python's library reference), and of what Jinja has for loops and cyclers. */
const METHODS = new Set(
  (
    "append extend insert remove pop clear index count sort reverse copy keys values items get update setdefault popitem " +
    "capitalize casefold center encode decode endswith expandtabs find format format_map isalnum isalpha isascii isdecimal " +
    "isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition " +
    "removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip " +
    "swapcase title translate upper zfill add discard union intersection difference isoformat strftime cycle changed next " +
    "reset __getitem__"
  ).split(" "),
);
/** Of these, what changes the value it is asked of; and what may give back the text it is given. */
const CHANGING = new Set(
  "append extend insert remove pop clear sort reverse update setdefault popitem add discard".split(" "),
);
const HANDS_ON = new Set("replace join ljust rjust center translate get pop setdefault strftime".split(" "));

/** What a value may be. */
type Value =
  /** One of these texts, all of which the template holds or puts together. */
  | { readonly is: "text"; readonly texts: readonly string[] }
  | { readonly is: "number"; readonly value: number }
  | {
      readonly is: "list";
      readonly items: readonly Value[];
      readonly weight: number;
      /** Of a mapping: what a loop over it gives. Its items are keys and values in turn. */
      readonly keys?: readonly Value[];
      /** In what order they stand is not known. */
      readonly loose?: boolean;
    }
  /** A global by its name, or something that only Jinja itself has. */
  | { readonly is: "global"; readonly name: string }
  /** The interpreter's internals, and what came of them. */
  | { readonly is: "internal" }
  /** A method of something, not yet called. */
  | { readonly is: "method"; readonly of: Value; readonly name: string }
  /** Text that the template puts together in a way that was not followed. */
  | { readonly is: "made" }
  /** Given by the program that renders: messages, tools, and what is taken from them. */
  | { readonly is: "data" };

const DATA: Value = { is: "data" };
const MADE: Value = { is: "made" };
const INTERNAL: Value = { is: "internal" };
const text = (...texts: readonly string[]): Value => ({ is: "text", texts });

/** A list of these; a large one is no longer told apart from text that was not followed, or from data. */
function listOf(items: readonly Value[], more: { keys?: readonly Value[]; loose?: boolean } = {}): Value {
  const weight = items.reduce((sum, item) => sum + (item.is === "list" ? item.weight : 1), 1);
  if (weight <= WEIGHT_MAX) return { is: "list", items, weight, ...more };
  return items.some((item) => item.is === "internal")
    ? INTERNAL
    : items.some((item) => item.is !== "data" && item.is !== "number")
      ? MADE
      : DATA;
}

const isText = (value: Value): boolean => value.is === "text" || value.is === "made";
/** Text of the template's own, or something that holds some. */
const holdsText = (value: Value): boolean =>
  isText(value) ||
  value.is === "internal" ||
  (value.is === "list" && value.items.some(holdsText)) ||
  (value.is === "method" && holdsText(value.of));
/** What a loop over it gives, in a row. */
const inTurn = (value: Value): Value =>
  value.is === "list" && value.keys ? listOf(value.keys, value.loose ? { loose: true } : {}) : value;
const loosely = (value: Value): Value =>
  value.is === "list"
    ? listOf(inTurn(value).is === "list" ? (inTurn(value) as Value & { is: "list" }).items : [], { loose: true })
    : value;
const same = (a: Value, b: Value): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Each once: what grows in every pass never comes to an end. */
const union = (a: readonly Value[], b: readonly Value[]): readonly Value[] => [
  ...new Map([...a, ...b].map((value) => [JSON.stringify(value), value])).values(),
];

/** What something is that may be either. */
function either(a: Value, b: Value): Value {
  if (same(a, b)) return a;
  if (a.is === "internal" || b.is === "internal") return INTERNAL;
  if (a.is === "text" && b.is === "text") {
    const texts = [...new Set([...a.texts, ...b.texts])];
    return texts.length > ALTERNATIVES_MAX ? MADE : text(...texts);
  }
  if (a.is === "made" || b.is === "made") return MADE;
  // Data hides nothing: what the template itself brings is what is followed.
  if (a.is === "data") return b;
  if (b.is === "data") return a;
  if (a.is === "list" && b.is === "list") {
    // Of a mapping and a list all items: its values too.
    return listOf(union(a.items, b.items), {
      loose: true,
      ...(a.keys && b.keys ? { keys: union(a.keys, b.keys) } : {}),
    });
  }
  if (a.is === "number") return b;
  if (b.is === "number") return a;
  // A text or a list of some, and what is taken from either: all of them, in no order.
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left && right) return listOf(union(left, right), { loose: true });
  // One kind or another: what it may be used for is not followed.
  if (holdsText(a) || holdsText(b)) return MADE;
  return a.is === "global" || a.is === "method" ? a : b;
}

/** What a value holds, where that is texts and no function. */
const partsOf = (value: Value): readonly Value[] | undefined =>
  value.is === "list"
    ? value.items
    : value.is === "text"
      ? [value]
      : value.is === "method" && (value.of.is === "data" || value.of.is === "list")
        ? (partsOf(value.of) ?? [DATA])
        : undefined;

/** Every combination, joined by `how`; too many, or too long, is text that was not followed. */
function combined(a: Value, b: Value, how: (a: string, b: string) => string): Value {
  const [left, right] = [textsOf(a), textsOf(b)];
  if (!left || !right) return holdsText(a) || holdsText(b) ? MADE : DATA;
  if (left.length * right.length > ALTERNATIVES_MAX) return MADE;
  const texts = [...new Set(left.flatMap((x) => right.map((y) => how(x, y))))];
  return texts.some(({ length }) => length > TEXT_MAX) ? MADE : text(...texts);
}
const textsOf = (value: Value): readonly string[] | undefined =>
  value.is === "text" ? value.texts : value.is === "number" ? [String(value.value)] : undefined;
const mapped = (value: Value, how: (one: string) => string): Value =>
  value.is === "text" ? combined(value, text(""), (one) => how(one)) : value;

/** What a template could do. Never throws: what cannot be followed is unknown. */
export function analyseTemplate(template: string): TemplateAnalysis {
  const analysis = new Analysis();
  if (template.length > LENGTH_MAX)
    analysis.say(
      "template-limit",
      "unknown",
      { start: 0, end: template.length },
      `a template of ${template.length} characters was not followed`,
    );
  else
    try {
      analysis.follow(parseJinja(template));
    } catch (error) {
      if (error instanceof Enough)
        analysis.say(
          "template-limit",
          "unknown",
          { start: 0, end: template.length },
          "takes more work to follow than any chat template",
        );
      else if (!(error instanceof FormatError)) throw error;
      else
        analysis.say(
          "template-broken",
          "unknown",
          { start: error.offset, end: error.offset + 1 },
          `is none that Jinja would compile: ${error.problem}`,
        );
      analysis.skim(template);
    }
  return analysis.result();
}

/** The same as findings about bytes: the template is these bytes of a file, from `start`, in UTF-8. */
export function templateFindings(template: string, start: number, what: string): readonly Finding[] {
  const encoder = new TextEncoder();
  const bytesTo = (at: number): number => encoder.encode(template.slice(0, at)).length;
  return analyseTemplate(template).findings.map(({ rule, severity, message, start: from, end }) => ({
    rule,
    severity,
    confidence: severity === "malicious" || severity === "unknown" ? "high" : "medium",
    start: start + bytesTo(from),
    end: start + bytesTo(end),
    message: `${what} ${message}`,
  }));
}

const SEVERITIES = ["malicious", "suspicious", "unknown"] as const;
const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
const dunder = (name: string): boolean => /^__\w+__$/.test(name);

class Enough extends Error {}

class Analysis {
  private readonly findings = new Map<string, TemplateFinding>();
  private readonly globals = new Set<string>();
  private readonly attributes = new Set<string>();
  private readonly filters = new Set<string>();
  /** What names may hold, everywhere in the template at once: wider than Jinja's scopes, never narrower. */
  private readonly names = new Map<string, Value>();
  private readonly macros = new Map<string, readonly string[]>();
  private readonly grew = new Set<string>();
  private work = 0;
  /** What the loops around this place bind, and what blocks for macros take from `caller`. */
  private readonly loops: (readonly string[])[] = [];
  private readonly takers: (readonly string[])[] = [];

  result(): TemplateAnalysis {
    const findings = [...this.findings.values()];
    return {
      verdict: SEVERITIES.find((one) => findings.some(({ severity }) => severity === one)) ?? "nothing",
      findings,
      reaches: {
        globals: [...this.globals].toSorted(),
        attributes: [...this.attributes].toSorted(),
        filters: [...this.filters].toSorted(),
      },
    };
  }

  say(rule: string, severity: ScanSeverity, { start, end }: { start: number; end: number }, message: string): void {
    const key = `${rule} ${message}`;
    if (this.findings.has(key)) return;
    if (this.findings.size < FINDINGS_MAX || severity === "malicious")
      this.findings.set(key, { rule, severity, message, start, end });
  }

  follow(statements: readonly JinjaStatement[]): void {
    this.hoist(statements);
    for (let pass = 0; ; pass++) {
      this.grew.clear();
      this.run(statements);
      // Once: it goes by the tree, and by what kind of thing names hold.
      if (pass === 0) this.growing(statements);
      if (this.grew.size === 0) return;
      // What still grows is put together without end: it may come to any text.
      if (pass >= PASSES_MAX) for (const name of this.grew) this.names.set(name, MADE);
    }
  }

  private growing(statements: readonly JinjaStatement[]): void {
    const kinds = {
      isNumber: (name: string): boolean => this.names.get(name)?.is === "number",
      isText: (name: string): boolean => isText(this.names.get(name) ?? DATA) || this.names.get(name)?.is === "list",
    };
    const spend = (work: number): void => this.spend(work);
    for (const { severity, at, message } of [...growthOf(statements, kinds, spend), ...sizesOf(statements, spend)])
      this.say("template-bomb", severity, at, message);
  }

  /** Macros call each other before they are written. */
  private hoist(statements: readonly JinjaStatement[]): void {
    for (const statement of statements) {
      if (statement.kind === "macro")
        this.macros.set(
          statement.name,
          statement.parameters.map(({ name }) => name),
        );
      if (statement.kind === "call") this.takers.push(statement.parameters.map(({ name }) => name));
      if ("body" in statement) this.hoist(statement.body);
    }
  }

  /** Names of the interpreter in what is no template: whoever repairs it has them. */
  skim(template: string): void {
    for (const { 0: name, index } of template.matchAll(/\b(?:__\w+__|func_globals|gi_frame|f_globals)\b/g))
      if (WAY_OUT.has(name))
        this.say(
          "template-reach",
          "suspicious",
          { start: index, end: index + name.length },
          `names ${name}, by which templates get hold of the interpreter`,
        );
  }

  private bind(name: string, value: Value): void {
    const before = this.names.get(name);
    const now = before === undefined ? value : either(before, value);
    if (before !== undefined && same(before, now)) return;
    this.names.set(name, now);
    this.grew.add(name);
  }

  /** Binds one name to a value, or several to its parts. */
  private unpack(targets: readonly string[], value: Value): void {
    targets.forEach((target, i) => {
      if (targets.length === 1) return this.bind(target, value);
      // An element of a list of lists is all of them in a row.
      const parts =
        value.is === "list" && !value.loose && value.items.length % targets.length === 0 ? value.items : undefined;
      this.bind(
        target,
        parts ? parts.filter((_, at) => at % targets.length === i).reduce(either, DATA) : this.elementOf(value),
      );
    });
  }

  private run(statements: readonly JinjaStatement[]): void {
    for (const statement of statements) this.statement(statement);
  }

  private statement(statement: JinjaStatement): void {
    switch (statement.kind) {
      case "print":
        this.value(statement.value);
        return;
      case "for": {
        const over = this.value(statement.over);
        const element = this.elementOf(over);
        this.unpack(statement.targets, element);
        if (statement.only) this.value(statement.only);
        if (statement.over.kind === "name") this.grows(statement.over.name, statement);
        this.loops.push(statement.targets);
        this.run(statement.body);
        this.loops.pop();
        return;
      }
      case "if":
        for (const condition of statement.conditions) this.value(condition);
        return this.run(statement.body);
      case "set": {
        this.run(statement.body);
        let value: Value = statement.value ? this.value(statement.value) : this.printed(statement.body);
        if (statement.filter) value = this.filtered(statement.filter, value);
        this.unpack(statement.targets, value);
        for (const target of statement.targets) {
          const made = statement.value;
          if (made?.kind === "call" && made.callee.kind === "name" && made.callee.name === "namespace")
            for (const [key, given] of made.args.named) this.bind(`${target}.${key}`, this.value(given));
        }
        return;
      }
      case "macro":
        for (const { name, fallback } of statement.parameters) this.bind(name, fallback ? this.value(fallback) : DATA);
        return this.run(statement.body);
      case "call":
        for (const { name, fallback } of statement.parameters) this.bind(name, fallback ? this.value(fallback) : DATA);
        this.value(statement.call);
        return this.run(statement.body);
      case "with":
        for (const [name, value] of statement.bindings) this.bind(name, this.value(value));
        return this.run(statement.body);
      case "filter":
        this.filtered(statement.filter, this.printed(statement.body));
        return this.run(statement.body);
      case "block":
        return this.run(statement.body);
      case "template": {
        this.value(statement.which);
        const which = statement.which.kind === "text" ? ` ${shown(statement.which.value)}` : "";
        return this.say(
          "template-loads",
          "suspicious",
          statement,
          `reads another template${which} (${statement.how}): a chat template stands alone`,
        );
      }
    }
  }

  /** A loop over a list that its own body makes longer never ends. */
  private grows(name: string, loop: JinjaStatement & { kind: "for" }): void {
    const within = (part: unknown): boolean => {
      if (Array.isArray(part)) return part.some(within);
      if (typeof part !== "object" || part === null) return false;
      const node = part as JinjaExpression;
      if (
        node.kind === "call" &&
        "callee" in node &&
        node.callee.kind === "attribute" &&
        ["append", "extend", "insert"].includes(node.callee.name) &&
        node.callee.of.kind === "name" &&
        node.callee.of.name === name
      )
        return true;
      return Object.values(part).some(within);
    };
    if (within(loop.body))
      this.say(
        "template-bomb",
        "suspicious",
        loop,
        `loops over ${shown(name)} while making it longer, which does not end`,
      );
  }

  /** The text that a block's content comes to, where it is one piece. */
  private printed(body: readonly JinjaStatement[]): Value {
    const pieces = body.filter((part) => part.kind === "print").map((part) => this.value(part.value));
    if (pieces.length === 1 && body.length === 1) return pieces[0]!;
    // Text between the expressions is part of it, and is not kept in the tree.
    return MADE;
  }

  private elementOf(given: Value): Value {
    const value = inTurn(given);
    switch (value.is) {
      case "list":
        return value.items.length === 0 ? DATA : value.items.reduce(either);
      case "text": {
        const letters = [...new Set(value.texts.join(""))];
        return letters.length > ALTERNATIVES_MAX ? MADE : letters.length === 0 ? DATA : text(...letters);
      }
      case "number":
      case "global":
      case "method":
        return DATA;
      default:
        return value;
    }
  }

  private spend(work: number): void {
    this.work += work;
    if (this.work > WORK_MAX) throw new Enough();
  }

  private value(expression: JinjaExpression): Value {
    const value = this.found(expression);
    this.spend(value.is === "text" ? 1 + value.texts.join("").length : value.is === "list" ? value.weight : 1);
    return value;
  }

  private found(expression: JinjaExpression): Value {
    switch (expression.kind) {
      case "text":
        return text(expression.value);
      case "number":
        return { is: "number", value: expression.value };
      case "constant":
        return DATA;
      case "name":
        return this.named(expression);
      case "list": {
        return listOf(expression.items.map((item) => this.value(item)));
      }
      case "dict":
        return mappingOf(expression.items.map(([key, value]) => [this.value(key), this.value(value)] as const));
      case "attribute":
        return this.attribute(this.value(expression.of), expression.name, expression, expression.of);
      case "item": {
        const of = this.value(expression.of);
        const index = this.value(expression.index);
        const kept =
          expression.of.kind === "name" && index.is === "text" && index.texts.length === 1
            ? this.names.get(`${expression.of.name}.${index.texts[0]}`)
            : undefined;
        if (kept !== undefined) return kept;
        if (
          index.is !== "text" &&
          index.is !== "number" &&
          this.isGiven(expression.index) &&
          (isText(of) || (expression.of.kind === "name" && this.isGiven(expression.of)))
        )
          this.say("template-name", "unknown", expression, "reads an item that whoever writes the chat names");
        return this.item(of, nameOf(index), expression);
      }
      case "slice":
        return this.slice(expression);
      case "call":
        return this.call(expression);
      case "filter":
        return this.filtered(expression, expression.of ? this.value(expression.of) : DATA);
      case "test":
        this.value(expression.of);
        this.arguments(expression.args);
        if (!TESTS.has(expression.name))
          this.say(
            "template-test",
            "unknown",
            expression,
            `asks for "${expression.name}", a test that Jinja does not have`,
          );
        return DATA;
      case "unary": {
        const of = this.value(expression.of);
        return of.is === "number" && expression.operator === "-" ? { is: "number", value: -of.value } : DATA;
      }
      case "choice": {
        this.value(expression.condition);
        const yes = this.value(expression.yes);
        return expression.no ? either(yes, this.value(expression.no)) : yes;
      }
      case "binary":
        return this.binary(expression);
    }
  }

  private named(expression: JinjaExpression & { kind: "name" }): Value {
    const { name } = expression;
    const bound = this.names.get(name);
    // A name that Jinja has is only taken where it is bound.
    if (bound !== undefined) return ALWAYS_THERE.has(name) ? either({ is: "global", name }, bound) : bound;
    if (this.macros.has(name)) {
      // Not called here but handed on: whoever calls it gives it anything.
      for (const parameter of this.macros.get(name)!) this.bind(parameter, MADE);
      return MADE;
    }
    this.globals.add(name);
    if (dunder(name)) return this.reached(name, expression);
    return MODULES.has(name) ||
      FUNCTIONS.has(name) ||
      WEB_GLOBALS.has(name) ||
      CALLABLE_GLOBALS.has(name) ||
      JINJA_OBJECTS.has(name)
      ? { is: "global", name }
      : DATA;
  }

  /** An attribute that leads to the interpreter was read. */
  private reached(name: string, at: { start: number; end: number }): Value {
    if (WAY_OUT.has(name))
      this.say(
        "template-reach",
        "malicious",
        at,
        `reads ${name}, by which templates get hold of the interpreter and of everything it can do`,
      );
    else
      this.say("template-reach", "suspicious", at, `reads ${name}, which belongs to the interpreter and not to a chat`);
    return INTERNAL;
  }

  private attribute(of: Value, name: string, at: { start: number; end: number }, source?: JinjaExpression): Value {
    this.attributes.add(name);
    if (WAY_OUT.has(name) || dunder(name) || name.startsWith("_TemplateReference")) return this.reached(name, at);
    if (of.is === "internal") return INTERNAL;
    if (name.startsWith("_"))
      this.say(
        "template-reach",
        "unknown",
        at,
        `reads ${name}, an attribute of Python's own that Jinja's sandbox refuses`,
      );
    if (of.is === "global") {
      if (MODULES.has(of.name))
        this.say(
          "template-reach",
          "suspicious",
          at,
          `reads ${of.name}.${name}: harm, if the program that renders it gives it ${of.name}`,
        );
      else if (WEB_GLOBALS.has(of.name))
        this.say(
          "template-reach",
          "unknown",
          at,
          `reads ${of.name}.${name}, which only some programs give to templates`,
        );
      else if (of.name === "self" || (JINJA_OBJECTS.has(of.name) && of.name !== "loop"))
        this.say(
          "template-reach",
          "suspicious",
          at,
          `reads ${of.name}.${name}: an attribute of Jinja's own objects, which no chat needs`,
        );
      return of;
    }
    if (source?.kind === "name") {
      const kept = this.names.get(`${source.name}.${name}`);
      if (kept !== undefined) return kept;
    }
    // A cycler gives what it was made of.
    if (of.is === "list" && name === "current") return this.elementOf(of);
    return { is: "method", of: rootOf(of), name };
  }

  /** `value[index]`, which Jinja answers with an attribute where there is no item of that name (jinja2/environment.py, getitem). */
  private item(of: Value, index: Value, at: { start: number; end: number }): Value {
    if (index.is === "text") {
      for (const name of index.texts) if (WAY_OUT.has(name) || dunder(name)) return this.reached(name, at);
    } else if (index.is === "made")
      this.say(
        "template-name",
        "unknown",
        at,
        "reads an item whose name it puts together in a way that was not followed",
      );
    if (of.is === "internal") return INTERNAL;
    // No template asks a function for an item; whoever does asks for what every function leads to.
    if (
      (of.is === "global" || (of.is === "method" && rootOf(of).is !== "data")) &&
      index.is !== "text" &&
      index.is !== "number"
    ) {
      this.say("template-name", "suspicious", at, "asks a function for an attribute whose name was not followed");
      return INTERNAL;
    }
    if (of.is === "list" && index.is === "number" && !of.keys && !of.loose) return of.items.at(index.value) ?? DATA;
    if (of.is === "list" && of.items.length > 0) return of.items.reduce(either);
    if (of.is === "text" && index.is === "number") return mapped(of, (one) => one.at(index.value) ?? "");
    if (of.is === "global" && index.is === "text")
      return index.texts.map((name) => this.attribute(of, name, at)).reduce(either);
    if (of.is === "global" && MODULES.has(of.name))
      return this.attribute(of, index.is === "text" ? index.texts[0]! : "…", at);
    return of.is === "made" ? MADE : DATA;
  }

  private slice(expression: JinjaExpression & { kind: "slice" }): Value {
    const of = this.value(expression.of);
    const parts = expression.parts.map((part) => {
      if (part === undefined) return undefined;
      const value = this.value(part);
      return value.is === "number" ? value.value : Number.NaN;
    });
    if (of.is !== "text") return of.is === "list" ? loosely(of) : of.is === "made" || of.is === "internal" ? of : DATA;
    if (parts.some(Number.isNaN)) return MADE;
    return mapped(of, (one) => sliced(one, parts));
  }

  private arguments({ plain, named }: JinjaArguments): { plain: readonly Value[]; named: ReadonlyMap<string, Value> } {
    return {
      plain: plain.map((one) => this.value(one)),
      named: new Map(named.map(([name, one]) => [name, this.value(one)])),
    };
  }

  private call(expression: JinjaExpression & { kind: "call" }): Value {
    const { callee: called } = expression;
    const args = this.arguments(expression.args);
    if (called.kind === "name" && !this.names.has(called.name)) {
      const parameters = this.macros.get(called.name);
      if (parameters) {
        this.give(parameters, args);
        return MADE;
      }
    }
    const callee = this.value(called);
    if (callee.is === "internal") {
      this.say("template-call", "malicious", expression, "calls what it got out of the interpreter");
      return INTERNAL;
    }
    if (callee.is === "global" && callee.name === "dict")
      return args.plain.length === 0
        ? mappingOf([...args.named].map(([key, value]) => [text(key), value] as const))
        : MADE;
    if (callee.is === "global") return this.callGlobal(callee.name, args, expression);
    if (callee.is === "method") {
      if (called.kind === "attribute") this.changes(called, callee.name, args);
      return this.method(callee, [...args.plain, ...args.named.values()], expression);
    }
    if (called.kind === "name") {
      const { name } = called;
      if (!this.names.has(name))
        this.say(
          "template-call",
          "unknown",
          expression,
          `calls ${shown(name)}, which neither Jinja nor the libraries for chats give to templates`,
        );
    } else this.say("template-call", "unknown", expression, "calls a value that was not followed");
    return isText(callee) || [...args.plain, ...args.named.values()].some(holdsText) ? MADE : DATA;
  }

  /** What a macro, or a block for one, is called with. */
  private give(parameters: readonly string[], { plain, named }: ReturnType<Analysis["arguments"]>): void {
    plain.forEach((value, i) =>
      this.bind(parameters[i] ?? "varargs", parameters[i] === undefined ? bundled(value) : value),
    );
    for (const [key, value] of named)
      if (parameters.includes(key)) this.bind(key, value);
      else this.bind("kwargs", MADE);
  }

  /** Methods that change what they are asked of. */
  private changes(
    { of }: JinjaExpression & { kind: "attribute" },
    method: string,
    { plain, named }: ReturnType<Analysis["arguments"]>,
  ): void {
    if (!CHANGING.has(method)) return;
    const name =
      of.kind === "name"
        ? of.name
        : of.kind === "attribute" && of.of.kind === "name"
          ? `${of.of.name}.${of.name}`
          : undefined;
    if (
      name !== undefined &&
      [...plain, ...named.values()].some((value) => value.is !== "data" && value.is !== "number")
    )
      this.bind(name, MADE);
    if (this.isGiven(of))
      this.say(
        "template-changes",
        "unknown",
        of,
        `changes by ${method} what the program gave it, which Jinja's sandbox for chats refuses`,
      );
  }

  /** Taken from what the program gave, by attributes and items alone: nothing that the template made. */
  private isGiven(expression: JinjaExpression): boolean {
    if (expression.kind === "attribute" || expression.kind === "item") return this.isGiven(expression.of);
    return (
      expression.kind === "name" &&
      !this.names.has(expression.name) &&
      !this.macros.has(expression.name) &&
      this.named(expression).is === "data"
    );
  }

  private callGlobal(
    name: string,
    { plain, named }: ReturnType<Analysis["arguments"]>,
    at: JinjaExpression & { kind: "call" },
  ): Value {
    const given = [...plain, ...named.values()];
    if (MODULES.has(name) || FUNCTIONS.has(name)) {
      const harm = at.callee.kind === "attribute" || ["eval", "exec", "compile"].includes(name);
      this.say(
        "template-call",
        harm ? "malicious" : "suspicious",
        at,
        `calls ${name}${at.callee.kind === "attribute" ? `.${at.callee.name}` : ""}: harm, if the program that renders it gives it ${name}`,
      );
      return INTERNAL;
    }
    if (WEB_GLOBALS.has(name)) {
      this.say("template-call", "unknown", at, `calls ${name}, which only some programs give to templates`);
      return DATA;
    }
    if (name === "range") {
      const length = lengthOf(at);
      if (length !== undefined && length > BOMB)
        this.say("template-bomb", "suspicious", at, `counts to ${length.toExponential(0)}, which no chat needs`);
    }
    if (name === "lipsum" && given.some((value) => value.is === "number" && value.value > 10_000))
      this.say("template-bomb", "suspicious", at, "asks for more filler text than any chat needs");
    switch (name) {
      case "cycler":
        return listOf(given, { loose: true });
      case "caller":
        for (const parameters of this.takers) this.give(parameters, { plain, named });
        return MADE;
      case "loop":
        for (const targets of this.loops) if (given[0]) this.unpack(targets, this.elementOf(given[0]));
        return MADE;
      default:
        return given.some(holdsText) && !PLAIN_GLOBALS.has(name) ? MADE : DATA;
    }
  }

  /** Methods of texts, by which names are put together; of everything else the result is data. */
  private method({ of, name }: Value & { is: "method" }, plain: readonly Value[], at: JinjaExpression): Value {
    if (of.is !== "global" && !METHODS.has(name))
      this.say("template-call", "unknown", at, `calls ${shown(name)} of a value: no text, list or mapping has that`);
    if (of.is === "global" && of.name === "loop" && name === "cycle")
      return plain.length > 0 ? plain.reduce(either) : DATA;
    if (name === "format" || name === "format_map") return this.format(of, plain, at);
    if (name === "join" && isText(of)) return this.joined(of, plain[0] ?? DATA);
    if (name === "get" || name === "pop" || name === "setdefault" || name === "__getitem__") {
      const found = this.item(of, nameOf(plain[0] ?? DATA), at);
      return plain[1] ? either(found, plain[1]) : found;
    }
    // Keys and values of a mapping that stands in the template may be any of its texts.
    if (of.is === "list" && (name === "items" || name === "keys" || name === "values")) return MADE;
    if (of.is === "data" || of.is === "method") return HANDS_ON.has(name) && plain.some(holdsText) ? MADE : DATA;
    if (!isText(of))
      return of.is === "list" && name !== "index" && name !== "count"
        ? of.items.length === 0
          ? DATA
          : of.items.reduce(either)
        : DATA;
    switch (name) {
      case "lower":
      case "casefold":
        return mapped(of, (one) => one.toLowerCase());
      case "upper":
        return mapped(of, (one) => one.toUpperCase());
      case "swapcase":
        return mapped(of, (one) =>
          [...one].map((c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join(""),
        );
      case "strip":
      case "lstrip":
      case "rstrip":
        return plain.length === 0 ? mapped(of, (one) => one.trim()) : MADE;
      case "replace": {
        const [from, to] = [plain[0] && textsOf(plain[0]), plain[1] && textsOf(plain[1])];
        return from?.length === 1 && to?.length === 1 ? mapped(of, (one) => one.replaceAll(from[0]!, to[0]!)) : MADE;
      }
      case "encode":
      case "decode":
        return of;
      case "startswith":
      case "endswith":
      case "find":
      case "rfind":
      case "index":
      case "count":
      case "isdigit":
      case "isalpha":
      case "isalnum":
      case "isspace":
      case "isupper":
      case "islower":
        return DATA;
      case "split":
      case "rsplit": {
        const separator = plain[0] && textsOf(plain[0]);
        if (of.is !== "text" || (plain.length > 0 && separator?.length !== 1)) return MADE;
        const items = of.texts.flatMap((one) => (separator ? one.split(separator[0]!) : one.trim().split(/\s+/)));
        return listOf(items.map((one) => text(one)));
      }
      default:
        return MADE;
    }
  }

  /** `str.format`, whose fields read attributes and items by themselves: '{0.__class__}' (CVE-2016-10745). */
  private format(of: Value, plain: readonly Value[], at: { start: number; end: number }): Value {
    if (of.is === "made") {
      this.say(
        "template-format",
        "unknown",
        at,
        "formats with a text that it puts together in a way that was not followed",
      );
      return MADE;
    }
    if (of.is !== "text") return plain.some(holdsText) ? MADE : DATA;
    let counter = 0;
    let followed = true;
    const texts = of.texts.map((one) =>
      one.replace(/\{\{|\}\}|\{([^{}]*)\}/g, (whole, field?: string) => {
        if (field === undefined) return whole[0]!;
        const [name = "", spec = ""] = field.split(/[:!](.*)/s);
        for (const [, part = ""] of name.matchAll(/[.[]([^.[\]]+)/g))
          if (WAY_OUT.has(part) || dunder(part)) this.reached(part, at);
        const width = /\d{7,}/.exec(spec);
        if (width)
          this.say(
            "template-bomb",
            "suspicious",
            at,
            `formats to a width of ${width[0].slice(0, 20)}, which no chat needs`,
          );
        const index = name === "" ? counter++ : /^\d+$/.test(name) ? Number(name) : Number.NaN;
        const given = plain[index];
        const values = given && textsOf(given);
        if (values?.length !== 1 || spec !== "") {
          // A code point put in as "c" is a letter.
          if (spec === "c" && given?.is === "number" && given.value >= 0 && given.value <= 0x10ffff)
            return String.fromCodePoint(given.value);
          followed = false;
          return "";
        }
        return values[0]!;
      }),
    );
    return followed ? text(...texts) : MADE;
  }

  private joined(separator: Value, given: Value): Value {
    const list = inTurn(given);
    if (list.is === "list" && list.loose && list.items.length > 1) return MADE;
    if (list.is === "list")
      return list.items.length === 0
        ? text("")
        : list.items.slice(1).reduce(
            (sum, item) =>
              combined(
                combined(sum, separator, (a, b) => a + b),
                item,
                (a, b) => a + b,
              ),
            list.items[0]!,
          );
    if (list.is === "text")
      return separator.is === "text" && separator.texts.length === 1
        ? mapped(list, (one) => [...one].join(separator.texts[0]))
        : MADE;
    return list.is === "internal" ? INTERNAL : list.is === "made" || holdsText(separator) ? MADE : DATA;
  }

  private filtered(expression: JinjaExpression, first: Value): Value {
    if (expression.kind !== "filter") return first;
    // Filters in a row, from the innermost: the value a filter block or a set block begins with has no expression.
    const of = expression.of?.kind === "filter" ? this.inner(expression.of, first) : first;
    const { name, args } = expression;
    this.filters.add(name);
    const { plain, named } = this.arguments(args);
    const result = this.applied(expression, name, of, plain, named);
    if (result.is !== "data" && result.is !== "list") return result;
    // Texts that it is given for what is missing, or to put around, may be what comes out.
    const hands = [
      ...plain.filter(() => !BY_FIRST.has(name) && !PICKING.has(name)),
      ...[...named].filter(([key]) => !PICKS.has(key)).map(([, value]) => value),
    ];
    return hands.some(holdsText) && !SAFE_FILTERS.has(name) ? MADE : result;
  }

  private applied(
    expression: JinjaExpression & { kind: "filter" },
    name: string,
    of: Value,
    plain: readonly Value[],
    named: ReadonlyMap<string, Value>,
  ): Value {
    if (!FILTERS.has(name)) {
      this.say("template-filter", "unknown", expression, `uses ${shown(name)}, a filter that Jinja does not have`);
      return isText(of) ? MADE : DATA;
    }
    if (BY_ATTRIBUTE.has(name) && named.has("attribute")) this.attributeNames(named.get("attribute")!, expression);
    if (BY_FIRST.has(name) && plain[0]) this.attributeNames(plain[0], expression);
    // By place, too: sort's third, the first of sum.
    else if (BY_ATTRIBUTE.has(name) && name !== "map")
      for (const value of plain) if (holdsText(value)) this.attributeNames(value, expression);
    switch (name) {
      case "attr":
        return this.attr(of, plain[0] ?? named.get("name") ?? DATA, expression);
      case "map": {
        const called = plain[0];
        if (called === undefined) return DATA;
        const element = this.elementOf(of);
        if (called.is !== "text") {
          this.say(
            "template-filter",
            called.is === "data" ? "unknown" : "suspicious",
            expression,
            "applies a filter whose name it puts together",
          );
          return DATA;
        }
        for (const filter of called.texts) {
          if (filter === "attr") return listOf([this.attr(element, plain[1] ?? DATA, expression)]);
          if (!FILTERS.has(filter))
            this.say(
              "template-filter",
              "unknown",
              expression,
              `uses ${shown(filter)}, a filter that Jinja does not have`,
            );
          // Filters that read attributes, or apply others, one level further down.
          if (BY_ATTRIBUTE.has(filter) || BY_FIRST.has(filter) || filter === "select" || filter === "reject")
            for (const value of [...plain.slice(1), ...named.values()])
              if (value.is !== "number") this.attributeNames(value, expression);
        }
        return isText(element) ? MADE : loosely(of);
      }
      case "join":
        return this.joined(plain[0] ?? named.get("d") ?? text(""), of);
      case "format":
        return this.percent(of, listOf(plain), expression);
      case "lower":
        return mapped(of, (one) => one.toLowerCase());
      case "upper":
        return mapped(of, (one) => one.toUpperCase());
      case "reverse":
        if (of.is === "list") return loosely(of);
        return mapped(of, (one) => [...one].toReversed().join(""));
      case "trim":
        return plain.length === 0 ? mapped(of, (one) => one.trim()) : isText(of) ? MADE : DATA;
      case "replace": {
        const [from, to] = [plain[0] && textsOf(plain[0]), plain[1] && textsOf(plain[1])];
        if (!isText(of)) return DATA;
        return from?.length === 1 && to?.length === 1 ? mapped(of, (one) => one.replaceAll(from[0]!, to[0]!)) : MADE;
      }
      case "first":
      case "last":
      case "min":
      case "max":
      case "random":
        {
          const row = inTurn(of);
          if (row.is === "list" && row.items.length > 0 && !row.loose && (name === "first" || name === "last"))
            return row.items.at(name === "first" ? 0 : -1)!;
        }
        return this.elementOf(of);
      case "default":
      case "d":
        return plain[0] ? either(of, plain[0]) : of;
      case "list":
        return inTurn(of);
      case "string":
      case "safe":
      case "e":
      case "escape":
      case "forceescape":
        return of;
      case "select":
      case "reject":
      case "selectattr":
      case "rejectattr":
      case "sort":
      case "unique":
      case "items":
      case "dictsort":
        return name === "items" || name === "dictsort" ? pairsOf(of) : loosely(of);
      case "batch":
      case "slice":
        return of.is === "list" ? listOf([loosely(of)], { loose: true }) : isText(of) ? MADE : of;
      case "center":
      case "indent":
      case "wordwrap":
      case "truncate":
        if (plain[0]?.is === "number" && plain[0].value > BOMB)
          this.say(
            "template-bomb",
            "suspicious",
            expression,
            `fills up to ${plain[0].value.toExponential(0)} characters, which no chat needs`,
          );
        return isText(of) ? MADE : DATA;
      case "length":
      case "count":
      case "int":
      case "float":
      case "round":
      case "abs":
      case "sum":
      case "wordcount":
        return DATA;
      case "tojson":
      case "from_json":
        return holdsText(of) ? MADE : DATA;
      default:
        return isText(of) ? MADE : of.is === "internal" ? INTERNAL : DATA;
    }
  }

  /** The value of a filter that stands within one: the start of a filter block is what the block prints. */
  private inner(expression: JinjaExpression & { kind: "filter" }, first: Value): Value {
    let innermost: JinjaExpression = expression;
    while (innermost.kind === "filter" && innermost.of?.kind === "filter") innermost = innermost.of;
    return innermost.kind === "filter" && innermost.of === undefined ? this.filtered(expression, first) : first;
  }

  /** Attributes with dots, as sort, groupby and map take them (jinja2/filters.py, make_attrgetter). */
  private attributeNames(value: Value, at: JinjaExpression): void {
    if (value.is === "text") {
      for (const one of value.texts)
        for (const name of one.split(/[.,]/)) {
          this.attributes.add(name);
          if (WAY_OUT.has(name) || dunder(name)) this.reached(name, at);
        }
    } else if (value.is !== "number")
      this.say(
        "template-name",
        "suspicious",
        at,
        value.is === "data" || value.is === "method"
          ? "reads an attribute that whoever writes the chat names"
          : "reads an attribute whose name it puts together in a way that was not followed",
      );
  }

  private attr(of: Value, name: Value, at: JinjaExpression): Value {
    if (name.is === "text") {
      for (const one of name.texts) {
        if (one === "format" || one === "format_map")
          this.say(
            "template-reach",
            "suspicious",
            at,
            `reads ${one} by |attr, which passed Jinja's sandbox (CVE-2025-27516)`,
          );
        const value = this.attribute(of, one, at);
        if (value.is === "internal") return INTERNAL;
      }
      return name.texts.length === 1 && of.is !== "internal"
        ? { is: "method", of, name: name.texts[0]! }
        : of.is === "internal"
          ? INTERNAL
          : DATA;
    }
    this.say(
      "template-name",
      "suspicious",
      at,
      name.is === "data"
        ? "reads an attribute that whoever writes the chat names"
        : "reads an attribute whose name it puts together in a way that was not followed",
    );
    return of.is === "internal" ? INTERNAL : DATA;
  }

  private binary(expression: JinjaExpression & { kind: "binary" }): Value {
    const left = this.value(expression.left);
    const right = this.value(expression.right);
    if (left.is === "internal" || right.is === "internal") return INTERNAL;
    switch (expression.operator) {
      case "+":
        if (left.is === "number" && right.is === "number") return { is: "number", value: left.value + right.value };
        if (left.is === "list" || right.is === "list") return loosely(either(left, right));
        if (!isText(left) && !isText(right)) return DATA;
        return combined(left, right, (a, b) => a + b);
      case "~":
        return combined(left, right, (a, b) => a + b);
      case "*": {
        const [times, repeated] = left.is === "number" ? [left, right] : [right, left];
        if (times.is !== "number") return holdsText(left) || holdsText(right) ? MADE : DATA;
        if (repeated.is === "number") return { is: "number", value: times.value * repeated.value };
        if (!isText(repeated) && repeated.is !== "list") return DATA;
        const length = repeated.is === "text" ? Math.max(...repeated.texts.map((one) => one.length)) : 1;
        if (times.value * length > BOMB)
          this.say(
            "template-bomb",
            "suspicious",
            expression,
            `repeats a text ${times.value.toExponential(0)} times, which no chat needs`,
          );
        if (repeated.is !== "text") return loosely(repeated);
        return times.value * length <= TEXT_MAX
          ? mapped(repeated, (one) => one.repeat(Math.max(0, Math.floor(times.value))))
          : MADE;
      }
      case "%":
        if (isText(left)) return this.percent(left, right, expression);
        return DATA;
      case "**": {
        const digits =
          left.is === "number" && right.is === "number"
            ? right.value * Math.log10(Math.max(1, Math.abs(left.value)))
            : 0;
        if (
          digits > BOMB ||
          (expression.right.kind === "binary" &&
            expression.right.operator === "**" &&
            right.is === "number" &&
            right.value > BOMB)
        )
          this.say("template-bomb", "suspicious", expression, "computes a number of more than a million digits");
        return left.is === "number" && right.is === "number"
          ? { is: "number", value: left.value ** right.value }
          : DATA;
      }
      case "-":
      case "/":
      case "//":
        return left.is === "number" && right.is === "number"
          ? {
              is: "number",
              value: {
                "-": left.value - right.value,
                "/": left.value / right.value,
                "//": Math.floor(left.value / right.value),
              }[expression.operator],
            }
          : DATA;
      case "or":
      case "and":
        return either(left, right);
      default:
        return DATA;
    }
  }

  /** `'%s%c' % (…)`, as Python's texts and Jinja's format filter do it. */
  private percent(of: Value, given: Value, at: { start: number; end: number }): Value {
    if (of.is !== "text" || of.texts.length !== 1) return isText(of) ? MADE : DATA;
    const values = given.is === "list" ? given.items : [given];
    let next = 0;
    let followed = true;
    const result = of.texts[0]!.replace(
      /%(%|([-+ #0]*)(\d*)(?:\.\d+)?([a-zA-Z]))/g,
      (whole, all: string, _flags, width: string, letter: string) => {
        if (all === "%") return "%";
        if (Number(width) > BOMB)
          this.say(
            "template-bomb",
            "suspicious",
            at,
            `formats to a width of ${width.slice(0, 20)}, which no chat needs`,
          );
        const value = values[next++];
        if (letter === "c" && value?.is === "number" && value.value >= 0 && value.value <= 0x10ffff)
          return String.fromCodePoint(value.value);
        const texts = value && textsOf(value);
        if (letter === "s" && texts?.length === 1 && width === "") return texts[0]!;
        followed = false;
        return whole;
      },
    );
    return followed && result.length <= TEXT_MAX ? text(result) : MADE;
  }
}

/** The pairs of a mapping, in a row. */
function pairsOf(value: Value): Value {
  if (value.is !== "list" || !value.keys) return value;
  const { items, loose } = value;
  return loose
    ? listOf([listOf(items, { loose })], { loose })
    : listOf(
        value.keys.map((_, i) => listOf(items.slice(2 * i, 2 * i + 2))),
        { loose: true },
      );
}

/** What an attribute is of, in the end. */
const rootOf = (value: Value): Value => (value.is === "method" ? rootOf(value.of) : value);

/** A mapping: keys and values in turn, of which loops give the keys. */
const mappingOf = (pairs: readonly (readonly [Value, Value])[]): Value =>
  listOf(pairs.flat(), { keys: pairs.map(([key]) => key) });

/** What surplus arguments come to, one of which is asked for by its place. */
const bundled = (value: Value): Value => (value.is === "data" || value.is === "number" ? DATA : MADE);

/** What a value is as the name of something: whatever holds texts of the template may come to any of them. */
function nameOf(value: Value): Value {
  if ((value.is !== "list" && value.is !== "method") || !holdsText(value)) return value;
  const texts = new Set<string>();
  const gather = (one: Value): boolean => {
    if (one.is === "text") for (const text of one.texts) texts.add(text);
    return one.is === "method"
      ? gather(one.of)
      : one.is === "list"
        ? one.items.every(gather)
        : !holdsText(one) || one.is === "text";
  };
  return gather(value) ? text(...texts) : MADE;
}

/** Python's slice of a text. */
function sliced(one: string, [from, to, step = 1]: readonly (number | undefined)[]): string {
  const letters = [...one];
  const size = letters.length;
  if (step === 0) return "";
  const clamp = (at: number): number =>
    at < 0 ? Math.max(at + size, step < 0 ? -1 : 0) : Math.min(at, step < 0 ? size - 1 : size);
  const start = from === undefined ? (step < 0 ? size - 1 : 0) : clamp(from);
  const stop = to === undefined ? (step < 0 ? -1 : size) : clamp(to);
  let out = "";
  for (let at = start; step < 0 ? at > stop : at < stop; at += step) out += letters[at] ?? "";
  return out;
}
