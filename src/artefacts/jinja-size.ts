/**
 * How much a template makes of what it is given: the letters that its constants come to, how many copies of the chat's own texts it
 * puts together, and how often its loops go round, through names, blocks and macros. One pass over the tree, in which every
 * expression is looked at once; nothing is rendered. What names and macros make of themselves from turn to turn is growthOf's.
 */
import type { JinjaArguments, JinjaExpression, JinjaStatement } from "#formats/jinja.ts";
import { BOMB, COUNTING, everyExpression, lengthOf, variable, type Growth } from "./jinja-growth.ts";

/** Loops over the chat within each other, none of them over a part of what another gives; real templates have three. */
const NESTED_MAX = 6;
/** Findings of one template: the next are made of the first. */
const SAID_MAX = 10;

/** What an expression comes to. Upper ends: branches are added up. */
interface Amount {
  /** Letters and elements out of constants. */
  readonly fixed: number;
  /** Copies of texts that the template is given. */
  readonly copies: number;
  /** Turns of a loop over it, where constants say. */
  readonly turns?: number | undefined;
  /** What it is, where it is a number. */
  readonly number?: number | undefined;
  /** Places in a text that `format` fills. */
  readonly fields?: number;
  /** It is a part of what a loop around it gives: going over it costs no more than the whole. */
  readonly isPart?: boolean;
}
/** What statements cost and print. */
interface Cost {
  readonly printed: Amount;
  /** Statements that run, one turn counted where the chat says how many. */
  readonly runs: number;
  /** Loops over the chat within each other. */
  readonly nested: number;
}

const NOTHING: Amount = { fixed: 0, copies: 0 };
const GIVEN: Amount = { fixed: 0, copies: 1 };
const FREE: Cost = { printed: NOTHING, runs: 0, nested: 0 };

const sum = (...parts: readonly Amount[]): Amount => ({
  fixed: parts.reduce((all, one) => all + one.fixed, 0),
  copies: parts.reduce((all, one) => all + one.copies, 0),
  isPart: parts.some((one) => one.isPart === true),
});
const larger = (a: Amount, b: Amount): Amount => ({
  fixed: Math.max(a.fixed, b.fixed),
  copies: Math.max(a.copies, b.copies),
  turns: a.turns === undefined || b.turns === undefined ? undefined : Math.max(a.turns, b.turns),
  number: a.number === undefined || b.number === undefined ? undefined : Math.max(a.number, b.number),
  isPart: a.isPart === true || b.isPart === true,
});
/** Nothing times without end is nothing. */
const product = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);
const times = (one: Amount, by: number): Amount => ({
  fixed: product(one.fixed, by),
  copies: product(one.copies, by),
  isPart: one.isPart === true,
});
const lengthIn = (one: Amount): number => one.fixed + one.copies;

/** Filters and methods that make a text as wide as they are told. */
const WIDTHS = new Set(["center", "ljust", "rjust", "zfill", "expandtabs", "indent", "wordwrap", "truncate"]);
/** Filters and methods that keep how many there are. */
const KEEPS_TURNS = new Set(["list", "sort", "reverse", "dictsort", "items", "map", "copy", "keys", "values"]);

export function sizesOf(statements: readonly JinjaStatement[], spend: (work: number) => void): readonly Growth[] {
  return new Sizes(spend).of(statements);
}

class Sizes {
  private readonly spend: (work: number) => void;
  private readonly names = new Map<string, Amount>();
  private readonly macros = new Map<string, JinjaStatement & { kind: "macro" }>();
  /** What one call costs, of arguments of one copy each. A macro that leads back to itself is not there yet. */
  private readonly calls = new Map<string, Cost>();
  private readonly found: Growth[] = [];
  /** Of the statement at hand. */
  private runs = 0;
  private nested = 0;

  constructor(spend: (work: number) => void) {
    this.spend = spend;
  }

  of(statements: readonly JinjaStatement[]): readonly Growth[] {
    this.hoist(statements);
    const order = this.calleesFirst();
    // Macros read what the template sets around them: the second time that is known.
    for (let round = 0; round < (order.length === 0 ? 1 : 2); round++) {
      this.calls.clear();
      for (const name of order) this.calls.set(name, this.macro(name));
      this.names.clear();
      this.all(statements);
    }
    return this.found;
  }

  private hoist(statements: readonly JinjaStatement[]): void {
    for (const statement of statements) {
      if (statement.kind === "macro") this.macros.set(statement.name, statement);
      if ("body" in statement) this.hoist(statement.body);
    }
  }

  /** Macros behind those that they call. */
  private calleesFirst(): readonly string[] {
    const order = new Set<string>();
    const entered = new Set<string>();
    const path: { name: string; next: Iterator<JinjaExpression> }[] = [];
    const enter = (name: string): void => {
      if (entered.has(name)) return;
      entered.add(name);
      path.push({ name, next: everyExpression(this.macros.get(name)!.body) });
    };
    for (const root of this.macros.keys()) {
      enter(root);
      for (let here = path.at(-1); here; here = path.at(-1)) {
        this.spend(1);
        const step = here.next.next();
        if (step.done === true) order.add(path.pop()!.name);
        else if (step.value.kind === "call" && step.value.callee.kind === "name")
          if (this.macros.has(step.value.callee.name)) enter(step.value.callee.name);
      }
    }
    return [...order];
  }

  private all(statements: readonly JinjaStatement[]): Cost {
    let { printed, runs, nested } = FREE;
    for (const statement of statements) {
      this.spend(1);
      const cost = this.statement(statement);
      printed = sum(printed, cost.printed);
      runs += cost.runs;
      nested = Math.max(nested, cost.nested);
    }
    return { printed, runs, nested };
  }

  private statement(statement: JinjaStatement): Cost {
    const before = { runs: this.runs, nested: this.nested };
    this.runs = 1;
    this.nested = 0;
    const own = this.own(statement);
    const cost = { printed: own.printed, runs: own.runs + this.runs, nested: Math.max(own.nested, this.nested) };
    this.runs = before.runs;
    this.nested = before.nested;
    return cost;
  }

  private own(statement: JinjaStatement): Cost {
    switch (statement.kind) {
      case "print":
        return { ...FREE, printed: this.shown(statement.value) };
      case "for":
        return this.loop(statement);
      case "if":
        for (const condition of statement.conditions) this.shown(condition);
        return this.all(statement.body);
      case "set": {
        const body = this.all(statement.body);
        const given = statement.value ? this.shown(statement.value) : body.printed;
        const value = statement.filter ? this.shown(statement.filter, given) : given;
        for (const target of statement.targets) {
          this.bind(target, value);
          this.fields(target, statement.value);
        }
        return { ...body, printed: NOTHING };
      }
      case "with":
        for (const [name, value] of statement.bindings) this.bind(name, this.shown(value));
        return this.all(statement.body);
      case "filter": {
        const body = this.all(statement.body);
        return { ...body, printed: this.shown(statement.filter, body.printed) };
      }
      case "call": {
        for (const { name, fallback } of statement.parameters) this.bind(name, fallback ? this.shown(fallback) : GIVEN);
        const body = this.all(statement.body);
        const { call } = statement;
        const printed = call.kind === "call" ? this.called(call, undefined, [body.printed]) : this.shown(call);
        return { ...body, printed: this.held(printed, statement) };
      }
      case "block":
        return this.all(statement.body);
      case "macro":
        return FREE;
      case "template":
        this.shown(statement.which);
        return FREE;
    }
  }

  private loop(statement: JinjaStatement & { kind: "for" }): Cost {
    const over = this.shown(statement.over);
    const turns = over.turns;
    // Of a few that are told apart each has its share; of what the chat gives all turns together go over the whole once.
    const one = turns === undefined || turns === 0 ? over : times(over, 1 / turns);
    for (const target of statement.targets) this.bind(target, { ...one, isPart: turns === undefined });
    if (statement.only) this.shown(statement.only);
    const body = this.all(statement.body);
    const again = turns ?? 1;
    const runs = product(body.runs + 1, again);
    const nested = body.nested + (turns === undefined && over.isPart !== true ? 1 : 0);
    if (runs > BOMB && body.runs <= BOMB)
      this.say("suspicious", statement.over, `repeats itself ${runs.toExponential(0)} times, which no chat needs`);
    if (nested > NESTED_MAX && body.nested <= NESTED_MAX)
      this.say("unknown", statement.over, `goes over what it is given ${nested} times over within itself`);
    return { printed: times(body.printed, again), runs, nested };
  }

  private bind(name: string, value: Amount): void {
    const before = this.names.get(name);
    this.names.set(name, before ? larger(before, value) : value);
  }
  private fields(target: string, made: JinjaExpression | undefined): void {
    if (made?.kind !== "call" || made.callee.kind !== "name" || made.callee.name !== "namespace") return;
    for (const [key, value] of made.args.named) this.bind(`${target}.${key}`, this.amount(value));
  }

  private say(severity: Growth["severity"], at: JinjaExpression | JinjaStatement, message: string): void {
    if (this.found.length < SAID_MAX) this.found.push({ severity, at, message });
  }

  /** An expression that stands by itself. */
  private shown(one: JinjaExpression, block?: Amount): Amount {
    return this.held(this.amount(one, block), one);
  }
  private held(amount: Amount, at: JinjaExpression | JinjaStatement): Amount {
    if (amount.fixed > BOMB)
      this.say(
        "suspicious",
        at,
        `puts together up to ${amount.fixed.toExponential(0)} characters, which no chat needs`,
      );
    else if (amount.copies > BOMB)
      this.say("unknown", at, `puts together up to ${amount.copies.toExponential(0)} copies of what it is given`);
    return amount;
  }

  /** `block`: the content of a filter block. */
  private amount(one: JinjaExpression, block?: Amount): Amount {
    this.spend(1);
    const of = (inner: JinjaExpression | undefined): Amount => (inner ? this.amount(inner) : NOTHING);
    const name = variable(one);
    const known = name === undefined ? undefined : this.names.get(name);
    if (known) return known;
    switch (one.kind) {
      case "text":
        return { fixed: one.value.length, copies: 0, turns: one.value.length, fields: one.value.split("{").length - 1 };
      case "number":
        return { ...NOTHING, number: one.value };
      case "constant":
        return NOTHING;
      case "name":
        return GIVEN;
      case "list": {
        const items = one.items.map(of);
        return { ...sum({ fixed: items.length, copies: 0 }, ...items), turns: items.length };
      }
      case "dict": {
        const items = one.items.map(([key, value]) => sum(of(key), of(value)));
        return { ...sum({ fixed: items.length, copies: 0 }, ...items), turns: items.length };
      }
      case "attribute":
        return { ...of(one.of), turns: undefined, number: undefined };
      case "item":
        of(one.index);
        return { ...of(one.of), turns: undefined, number: undefined };
      case "slice":
        for (const part of one.parts) of(part);
        return of(one.of);
      case "test":
        of(one.of);
        return NOTHING;
      case "unary": {
        const { number } = of(one.of);
        return { ...NOTHING, number: number === undefined || one.operator !== "-" ? number : -number };
      }
      case "choice":
        of(one.condition);
        return larger(of(one.yes), one.no ? of(one.no) : NOTHING);
      case "binary":
        return binary(one.operator, of(one.left), of(one.right));
      case "filter":
        return this.made(one.name, one.of ? this.amount(one.of, block) : (block ?? GIVEN), one.args);
      case "call":
        return one.callee.kind === "attribute"
          ? this.made(one.callee.name, of(one.callee.of), one.args)
          : this.called(one, lengthOf(one));
    }
  }

  /** What a macro or a function of Jinja's gives. */
  private called(
    call: JinjaExpression & { kind: "call" },
    turns: number | undefined,
    blocks: readonly Amount[] = [],
  ): Amount {
    const given = [
      ...call.args.plain.map((one) => this.amount(one)),
      ...call.args.named.map(([, value]) => this.amount(value)),
      ...blocks,
    ];
    const all = sum(...given);
    if (call.callee.kind !== "name") return sum(this.amount(call.callee), all);
    const { name } = call.callee;
    if (name === "range") {
      const [first, second] = given;
      const counted = turns ?? (given.length === 1 ? first?.number : given.length === 2 ? second?.number : undefined);
      return {
        ...NOTHING,
        turns: counted === undefined ? undefined : Math.max(0, counted),
        isPart: all.isPart === true,
      };
    }
    if (!this.macros.has(name)) return given.length === 0 ? (this.names.get(name) ?? GIVEN) : all;
    const { printed, runs, nested } = this.calls.get(name) ?? { ...FREE, printed: GIVEN };
    const most = given.reduce(larger, NOTHING);
    this.runs += runs;
    this.nested = Math.max(this.nested, nested - (all.isPart === true && nested > 0 ? 1 : 0));
    return {
      fixed: printed.fixed + product(printed.copies, most.fixed),
      copies: product(printed.copies, Math.max(1, most.copies)),
      isPart: all.isPart === true,
    };
  }

  /** One call, of arguments of one copy each. */
  private macro(name: string): Cost {
    const { parameters, body } = this.macros.get(name)!;
    const own = [...parameters.map((one) => one.name), "caller", "varargs", "kwargs"];
    const before = own.map((one) => [one, this.names.get(one)] as const);
    for (const one of own) this.names.delete(one);
    for (const { name: parameter, fallback } of parameters)
      if (fallback)
        this.bind(parameter, larger(GIVEN, { ...this.amount(fallback), turns: undefined, number: undefined }));
    const cost = this.all(body);
    for (const [one, value] of before)
      if (value) this.names.set(one, value);
      else this.names.delete(one);
    this.held(cost.printed, this.macros.get(name)!);
    return cost;
  }

  /** What a filter or a method makes of `of`. */
  private made(name: string, of: Amount, { plain, named }: JinjaArguments): Amount {
    const given = plain.map((one) => this.amount(one));
    const others = named.map(([, value]) => this.amount(value));
    const [first, second] = given;
    if (COUNTING.has(name)) return NOTHING;
    if (WIDTHS.has(name)) {
      if (name === "wordwrap" || name === "truncate") return of;
      const width = first?.number ?? 0;
      return name === "indent" || name === "expandtabs"
        ? sum(of, { fixed: width, copies: 0 })
        : { ...of, fixed: Math.max(of.fixed, width), turns: undefined };
    }
    // Between any two letters or elements; a text's own join takes what is joined.
    if (name === "join" && first) return sum(of, first, spread(of, first));
    if (name === "replace" && first && second) {
      // Each piece may be another's place, and an empty text stands between all letters.
      const wider = Math.max(1, lengthIn(second)) / Math.max(1, lengthIn(first));
      return sum(times(of, Math.max(1, wider)), second);
    }
    if (name === "format") {
      const one = [...given, ...others].reduce(larger, NOTHING);
      return sum(of, times(one, Math.max(1, of.fields ?? 1)));
    }
    return {
      ...sum(of, ...given, ...others),
      turns: KEEPS_TURNS.has(name) ? of.turns : undefined,
    };
  }
}

const spread = (a: Amount, b: Amount): Amount => ({
  fixed: product(a.fixed, b.fixed),
  copies: product(a.copies, b.fixed) + product(a.fixed, b.copies),
});

function binary(operator: string, left: Amount, right: Amount): Amount {
  const [a, b] = [left.number, right.number];
  const bothNumbers = a !== undefined && b !== undefined;
  switch (operator) {
    case "~":
      return sum(left, right);
    case "+":
      return {
        ...sum(left, right),
        turns: left.turns === undefined || right.turns === undefined ? undefined : left.turns + right.turns,
        number: bothNumbers ? a + b : undefined,
      };
    case "-":
      return { ...NOTHING, number: bothNumbers ? a - b : undefined };
    case "*": {
      if (bothNumbers) return { ...NOTHING, number: a * b };
      const [text, count] = a === undefined ? [left, b] : [right, a];
      const again = Math.max(0, count ?? 1);
      return { ...times(text, again), turns: text.turns === undefined ? undefined : text.turns * again };
    }
    case "**":
      return { ...NOTHING, number: bothNumbers ? a ** b : undefined };
    case "%":
      return sum(left, right);
    case "and":
    case "or":
      return larger(left, right);
    default:
      return NOTHING;
  }
}
