/**
 * What a template makes larger without end: names that loops and macros make of themselves more than once over, lists that take
 * themselves in, macros that call themselves again and again with what does not get smaller, and numbers that count repetitions.
 * Seen from the template alone; nothing is rendered.
 */
import type { JinjaArguments, JinjaExpression, JinjaStatement } from "#formats/jinja.ts";

/** Elements, repetitions or digits above which rendering is a bomb; the sandbox's own limit for range is 100,000. */
export const BOMB = 1_000_000;
/** Nesting to which sizes are followed. */
const SIZED_DEPTH = 24;

interface Span {
  readonly start: number;
  readonly end: number;
}
export interface Growth {
  readonly severity: "suspicious" | "unknown";
  readonly at: Span;
  /** Goes on from the template's name. */
  readonly message: string;
}

/** A variable, or a namespace's: what `set` may be given, and how else it is read. */
export const variable = (one: JinjaExpression): string | undefined => {
  if (one.kind === "name") return one.name;
  if (one.kind === "attribute" && one.of.kind === "name") return `${one.of.name}.${one.name}`;
  if (one.kind === "item" && one.of.kind === "name" && one.index.kind === "text")
    return `${one.of.name}.${one.index.value}`;
  if (one.kind === "filter" && one.name === "attr" && one.of?.kind === "name" && one.args.plain[0]?.kind === "text")
    return `${one.of.name}.${one.args.plain[0].value}`;
  return undefined;
};

/** Methods that make a list or mapping larger. */
const ENLARGING = new Set(["append", "extend", "insert", "update", "setdefault", "add"]);
/** Filters that write some letters as two or more: what is made of itself so grows with every turn. */
const WIDENING = new Set(["tojson", "pprint", "urlize"]);
/** What gives a number or a yes and no, however large that is which it is asked of. */
export const COUNTING = new Set(["length", "count", "wordcount", "int", "float"]);
/** Methods that give a part of what they are asked of. */
const GIVES_PART = new Set(["get", "items", "values", "keys", "pop", "popitem"]);

interface Macro {
  readonly parameters: readonly string[];
  readonly body: readonly JinjaStatement[];
}
interface Making {
  readonly target: string;
  readonly of: ReadonlyMap<string, number>;
  /** How often that is done, where constants say. */
  readonly times: number | undefined;
  readonly value: JinjaExpression | undefined;
  readonly at: Span;
}
/** What names hold, as far as it is known. */
interface Kinds {
  isNumber(name: string): boolean;
  isText(name: string): boolean;
}
/** Where in the template something stands. */
interface Place {
  /** Turns of each loop around it. */
  readonly loops: readonly (number | undefined)[];
  readonly macro: string | undefined;
  /** Under a condition, in its macro. */
  readonly conditional: boolean;
  /** Names that are parts of what the macro or the loop was given. */
  readonly parts: Set<string>;
}

export function growthOf(
  statements: readonly JinjaStatement[],
  kinds: Kinds,
  spend: (work: number) => void,
): readonly Growth[] {
  return new Walk(kinds, spend).of(statements);
}

const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
const argumentsOf = ({ plain, named }: JinjaArguments): readonly JinjaExpression[] => [
  ...plain,
  ...named.map(([, value]) => value),
];

class Walk {
  private readonly kinds: Kinds;
  private readonly spend: (work: number) => void;
  private readonly macros = new Map<string, Macro>();
  /** Macros that lead back to themselves, each with the number of its circle. */
  private circles: ReadonlyMap<string, number> = new Map();
  private readonly makings: Making[] = [];
  /** Names that hold over from one turn to the next. */
  private readonly kept = new Set<string>();
  private readonly repeats: { readonly count: JinjaExpression; readonly at: Span }[] = [];
  /** Calls by which a macro leads back to itself with nothing smaller: how many of them one call makes. */
  private readonly again = new Map<string, { calls: number; conditional: boolean; readonly at: Span }>();
  private readonly found: Growth[] = [];

  constructor(kinds: Kinds, spend: (work: number) => void) {
    this.kinds = kinds;
    this.spend = spend;
  }

  of(statements: readonly JinjaStatement[]): readonly Growth[] {
    this.hoist(statements);
    this.encircle();
    this.run(statements, { loops: [], macro: undefined, conditional: false, parts: new Set() });
    this.doubling();
    for (const [name, { calls, conditional, at }] of this.again)
      if (calls >= 2)
        this.found.push({
          severity: conditional ? "unknown" : "suspicious",
          at,
          message: `calls ${shown(name)} from within itself ${calls} times or more with nothing smaller: how often that is doubles each time`,
        });
    return this.found;
  }

  private hoist(statements: readonly JinjaStatement[]): void {
    for (const statement of statements) {
      if (statement.kind === "macro")
        this.macros.set(statement.name, {
          parameters: statement.parameters.map(({ name }) => name),
          body: statement.body,
        });
      if ("body" in statement) this.hoist(statement.body);
    }
  }

  private encircle(): void {
    const to = new Map<string, Set<string>>();
    for (const [name, { body }] of this.macros) {
      const names = new Set<string>();
      for (const one of everyExpression(body)) {
        this.spend(1);
        if (one.kind === "call" && one.callee.kind === "name" && this.macros.has(one.callee.name))
          names.add(one.callee.name);
      }
      to.set(name, names);
    }
    this.circles = circlesOf(to, this.spend);
  }

  /** `given`: names of a loop, and whether each is a part of what is given. */
  private run(
    statements: readonly JinjaStatement[],
    place: Place,
    given: readonly (readonly [name: string, isPart: boolean])[] = [],
  ): void {
    // What a part of the template binds is undone behind it: copies of what stands around it would cost as much each time.
    const bound: (readonly [name: string, before: boolean])[] = [];
    const bind = (name: string, isPart: boolean): void => {
      const before = place.parts.has(name);
      if (before === isPart) return;
      bound.push([name, before]);
      if (isPart) place.parts.add(name);
      else place.parts.delete(name);
    };
    for (const [name, isPart] of given) bind(name, isPart);
    for (const statement of statements) this.statement(statement, place, bind);
    for (const [name, before] of bound.toReversed())
      if (before) place.parts.add(name);
      else place.parts.delete(name);
  }

  private statement(statement: JinjaStatement, place: Place, bind: (name: string, isPart: boolean) => void): void {
    const { parts } = place;
    this.spend(1);
    for (const one of ownExpressions(statement)) this.expressions(one, place);
    switch (statement.kind) {
      case "for": {
        const whole = ["list", "text", "number"].includes(statement.over.kind) || isRange(statement.over);
        const inner = { ...place, loops: [...place.loops, lengthOf(statement.over)] };
        // What a loop gives is a part of what it goes over, and all of it in the end.
        for (const target of statement.targets) this.make(target, statement.over, inner, statement);
        return this.run(
          statement.body,
          inner,
          statement.targets.map((target) => [target, !whole] as const),
        );
      }
      case "set":
        for (const target of statement.targets) {
          if (statement.value) {
            this.make(target, statement.value, place, statement);
            if (this.descends(statement.value, parts)) bind(target, true);
          } else this.making(target, this.printed(statement.body), undefined, place, statement);
        }
        break;
      case "with":
        for (const [name, value] of statement.bindings) {
          this.make(name, value, place, statement);
          if (this.descends(value, parts)) bind(name, true);
        }
        break;
      case "macro":
        return this.run(statement.body, { loops: [], macro: statement.name, conditional: false, parts: new Set() });
      case "if":
        return this.run(statement.body, { ...place, conditional: true });
      default:
    }
    if ("body" in statement) this.run(statement.body, place);
  }

  private make(target: string, value: JinjaExpression, place: Place, at: Span): void {
    this.making(target, this.ingredients(value), value, place, at);
  }
  private making(
    target: string,
    of: ReadonlyMap<string, number>,
    value: JinjaExpression | undefined,
    { loops, macro }: Place,
    at: Span,
  ): void {
    const recursive = macro !== undefined && this.circles.has(macro);
    if (loops.length === 0 && !recursive) return;
    const times =
      recursive || loops.includes(undefined) ? undefined : loops.reduce<number>((product, one) => product * one!, 1);
    this.makings.push({ target, of, times, value, at });
  }

  /** Calls and repetitions within an expression. */
  private expressions(root: JinjaExpression, place: Place): void {
    for (const one of everyExpression([root])) {
      this.spend(1);
      if (one.kind === "binary" && one.operator === "*")
        for (const [repeated, count] of [
          [one.left, one.right],
          [one.right, one.left],
        ] as const)
          if (this.isRepeated(repeated)) this.repetition(count, one);
      if (one.kind !== "call") continue;
      if (one.callee.kind === "attribute" && ENLARGING.has(one.callee.name)) {
        const target = variable(one.callee.of);
        if (target === undefined) continue;
        const of = merged(
          [new Map([[target, 1]]), ...argumentsOf(one.args).map((inner) => this.ingredients(inner))],
          plus,
        );
        this.kept.add(target);
        this.making(target, of, undefined, place, one);
      } else if (one.callee.kind === "name") this.called(one.callee.name, one, place);
    }
  }

  private called(name: string, call: JinjaExpression & { kind: "call" }, place: Place): void {
    const given = argumentsOf(call.args);
    if (name === "loop" && place.loops.length > 0 && !this.macros.has(name)) {
      if (!given.some((one) => this.descends(one, place.parts)))
        this.found.push({
          severity: "unknown",
          at: call,
          message:
            "goes over a loop again from within itself with nothing smaller: how often that is multiplies each time",
        });
      return;
    }
    const macro = this.macros.get(name);
    if (!macro || place.macro === undefined || !together(this.circles, place.macro, name)) return;
    call.args.plain.forEach((one, i) => {
      const parameter = macro.parameters[i] ?? "varargs";
      this.kept.add(parameter);
      this.make(parameter, one, place, call);
    });
    for (const [parameter, one] of call.args.named) {
      this.kept.add(parameter);
      this.make(parameter, one, place, call);
    }
    if (given.some((one) => this.descends(one, place.parts))) return;
    const known = this.again.get(place.macro) ?? { calls: 0, conditional: true, at: call };
    known.calls += place.loops.length > 0 ? 2 : 1;
    known.conditional &&= place.conditional;
    this.again.set(place.macro, known);
  }

  /** Whether it is a part of what is given, as trees of data have parts: those come to an end. */
  private descends(root: JinjaExpression, parts: ReadonlySet<string>): boolean {
    for (const one of everyExpression([root])) {
      this.spend(1);
      if (one.kind === "name" && parts.has(one.name)) return true;
      if (one.kind === "item" || one.kind === "slice") return true;
      if (one.kind === "attribute" && !this.namespaced(one)) return true;
      if (one.kind === "call" && one.callee.kind === "attribute" && !GIVES_PART.has(one.callee.name)) {
        // A method of a text, and no part of anything but what it is given.
        if ([one.callee.of, ...argumentsOf(one.args)].some((inner) => this.descends(inner, parts))) return true;
        return false;
      }
    }
    return false;
  }
  private namespaced(one: JinjaExpression & { kind: "attribute" }): boolean {
    const name = variable(one);
    return name !== undefined && (this.kinds.isNumber(name) || this.kinds.isText(name));
  }

  private isRepeated(one: JinjaExpression): boolean {
    const name = variable(one);
    return one.kind === "text" || one.kind === "list" || (name !== undefined && this.kinds.isText(name));
  }

  private repetition(count: JinjaExpression, at: Span): void {
    this.repeats.push({ count, at });
    if (this.isGiven(count))
      this.found.push({ severity: "unknown", at, message: "repeats a text as often as whoever writes the chat says" });
  }
  /** A number that stands in the data, and is no count of them. */
  private isGiven(one: JinjaExpression, depth = 0): boolean {
    if (depth > SIZED_DEPTH) return false;
    switch (one.kind) {
      case "binary":
        return this.isGiven(one.left, depth + 1) || this.isGiven(one.right, depth + 1);
      case "unary":
        return this.isGiven(one.of, depth + 1);
      case "filter":
        return (
          one.of !== undefined && (one.name === "int" || !COUNTING.has(one.name)) && this.isGiven(one.of, depth + 1)
        );
      case "attribute":
        return !(one.of.kind === "name" && one.of.name === "loop") && !this.namespaced(one);
      case "item":
        return true;
      default:
        return false;
    }
  }

  /** Of the pieces that a block prints. */
  private printed(body: readonly JinjaStatement[]): Map<string, number> {
    return merged(
      body.map((statement) => {
        this.spend(1);
        const own = statement.kind === "print" ? this.ingredients(statement.value) : new Map<string, number>();
        const inner =
          "body" in statement && statement.kind !== "macro" ? this.printed(statement.body) : new Map<string, number>();
        const turns = statement.kind === "for" ? 2 : 1;
        return merged([own, scaled(inner, turns)], plus);
      }),
      plus,
    );
  }

  /** How often each variable goes into the text or list that an expression makes. */
  private ingredients(one: JinjaExpression | undefined, depth = 0): Map<string, number> {
    const none = new Map<string, number>();
    if (!one || depth > SIZED_DEPTH) return none;
    this.spend(1);
    const of = (inner: JinjaExpression | undefined): Map<string, number> => this.ingredients(inner, depth + 1);
    const sum = (...parts: readonly Map<string, number>[]): Map<string, number> => merged(parts, plus);
    const name = variable(one);
    if (name !== undefined) return new Map([[name, 1]]);
    switch (one.kind) {
      case "binary": {
        const [left, right] = [of(one.left), of(one.right)];
        if (one.operator === "~" || one.operator === "+" || one.operator === "%") return sum(left, right);
        if (one.operator === "and" || one.operator === "or") return merged([left, right], Math.max);
        if (one.operator !== "*") return none;
        const times = constantNumber(one.left) ?? constantNumber(one.right);
        return scaled(sum(left, right), times ?? 2);
      }
      case "choice":
        return merged([of(one.yes), of(one.no)], Math.max);
      case "list":
        return sum(...one.items.map(of));
      case "dict":
        return sum(...one.items.map(([, value]) => of(value)));
      case "slice":
        return of(one.of);
      case "item":
        return one.of.kind === "list" || one.of.kind === "dict" ? of(one.of) : none;
      case "filter":
        if (COUNTING.has(one.name)) return none;
        return scaled(sum(of(one.of), ...argumentsOf(one.args).map(of)), widened(one.name, one.of, one.args.plain));
      case "call": {
        const given = argumentsOf(one.args).map(of);
        if (one.callee.kind === "name") return this.macros.has(one.callee.name) ? scaled(sum(...given), 2) : none;
        if (one.callee.kind !== "attribute") return none;
        // A text that says how often each of its arguments goes in.
        const fields =
          one.callee.name === "format" && one.callee.of.kind === "text" ? one.callee.of.value.split("{").length - 1 : 1;
        const wide =
          one.callee.name === "join"
            ? widened("join", one.args.plain[0], [one.callee.of])
            : widened(one.callee.name, one.callee.of, one.args.plain);
        return scaled(sum(of(one.callee.of), ...given.map((inner) => scaled(inner, Math.max(1, fields)))), wide);
      }
      default:
        return none;
    }
  }

  /** Names that loops, or macros that call themselves, make of themselves more than once over: they double with every turn. */
  private doubling(): void {
    const to = new Map<string, Set<string>>();
    for (const { target, of } of this.makings) {
      const edges = to.get(target) ?? to.set(target, new Set()).get(target)!;
      for (const name of of.keys()) edges.add(name);
    }
    const circles = circlesOf(to, this.spend);
    // Only what holds over keeps what a loop sets for its next turn.
    const holding = new Set<number>();
    for (const [name, circle] of circles) if (name.includes(".") || this.kept.has(name)) holding.add(circle);
    const swelling = new Set<string>();
    for (const { target, of, times, value, at } of this.makings) {
      const circle = circles.get(target);
      if (circle === undefined || !holding.has(circle)) continue;
      let again = 0;
      for (const [name, count] of of) if (circles.get(name) === circle) again += count;
      if (again < 2 || (times !== undefined && again ** times <= BOMB)) continue;
      const often = times === undefined ? "as often as whoever writes the chat says" : `${times} times`;
      const severity = times === undefined ? "unknown" : "suspicious";
      if (this.kinds.isNumber(target)) {
        swelling.add(target);
        // Of a number that is multiplied with itself the digits double.
        if (value && degree(value, target) >= 2)
          this.found.push({
            severity,
            at,
            message: `multiplies ${shown(target)} with itself in every turn of a loop, ${often}`,
          });
      } else
        this.found.push({
          severity,
          at,
          message: `multiplies ${shown(target)} by ${again} with every turn of a loop, ${often}`,
        });
    }
    // What is made of such a number, in turn.
    for (let before = -1; swelling.size > 0 && swelling.size !== before;) {
      before = swelling.size;
      for (const { target, of } of this.makings) {
        this.spend(of.size);
        if ([...of.keys()].some((name) => swelling.has(name))) swelling.add(target);
      }
    }
    for (const { count, at } of swelling.size === 0 ? [] : this.repeats) {
      const name = [...everyExpression([count])].map(variable).find((one) => one !== undefined && swelling.has(one));
      if (name !== undefined)
        this.found.push({
          severity: "unknown",
          at,
          message: `repeats a text as often as ${shown(name)}, which a loop multiplies`,
        });
    }
  }
}

/** Whether two names lie on one circle. */
const together = (circles: ReadonlyMap<string, number>, a: string, b: string): boolean =>
  circles.has(a) && circles.get(a) === circles.get(b);

/**
 * The names of a graph that lead back to themselves, each with a number that those have in common that lead to each other: its strongly
 * connected components (Tarjan 1972), in time that goes by names and edges.
 */
function circlesOf(
  to: ReadonlyMap<string, ReadonlySet<string>>,
  spend: (work: number) => void,
): ReadonlyMap<string, number> {
  const circles = new Map<string, number>();
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const opened = new Set<string>();
  const nothing: ReadonlySet<string> = new Set();
  for (const root of to.keys()) {
    if (order.has(root)) continue;
    const path: { name: string; next: Iterator<string> }[] = [];
    const enter = (name: string): void => {
      spend(1);
      order.set(name, order.size);
      low.set(name, order.get(name)!);
      open.push(name);
      opened.add(name);
      path.push({ name, next: (to.get(name) ?? nothing).values() });
    };
    enter(root);
    for (let here = path.at(-1); here; here = path.at(-1)) {
      const { name, next } = here;
      const step = next.next();
      spend(1);
      if (step.done !== true) {
        if (!order.has(step.value)) enter(step.value);
        else if (opened.has(step.value)) low.set(name, Math.min(low.get(name)!, order.get(step.value)!));
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above) low.set(above.name, Math.min(low.get(above.name)!, low.get(name)!));
      if (low.get(name) !== order.get(name)) continue;
      const members = open.splice(open.lastIndexOf(name));
      for (const member of members) opened.delete(member);
      if (members.length > 1 || to.get(name)?.has(name))
        for (const member of members) circles.set(member, order.get(name)!);
    }
  }
  return circles;
}

const plus = (a: number, b: number): number => a + b;
function merged(
  parts: readonly ReadonlyMap<string, number>[],
  how: (a: number, b: number) => number,
): Map<string, number> {
  const all = new Map<string, number>();
  for (const part of parts) for (const [name, times] of part) all.set(name, how(all.get(name) ?? 0, times));
  return all;
}
const scaled = (of: ReadonlyMap<string, number>, by: number): Map<string, number> =>
  new Map([...of].map(([name, count]) => [name, count * by]));

/** How many times as long a text may become. */
function widened(name: string, of: JinjaExpression | undefined, plain: readonly JinjaExpression[]): number {
  if (WIDENING.has(name)) return 2;
  const [from, to] = plain;
  // What stands between the letters of a text is as much as they are; between a few texts that stand there it is little.
  if (name === "join")
    return from === undefined || of?.kind === "list" || (from.kind === "text" && from.value === "") ? 1 : 2;
  if (name !== "replace" || from?.kind !== "text") return 1;
  if (to?.kind !== "text") return 1;
  // An empty text stands between all letters.
  return from.value === "" ? 1 + to.value.length : Math.max(1, to.value.length / from.value.length);
}
/** How often a name is multiplied with itself. */
function degree(one: JinjaExpression, name: string, depth = 0): number {
  if (depth > SIZED_DEPTH) return 0;
  if (variable(one) === name) return 1;
  if (one.kind === "unary") return degree(one.of, name, depth + 1);
  if (one.kind !== "binary") return 0;
  const [left, right] = [degree(one.left, name, depth + 1), degree(one.right, name, depth + 1)];
  if (one.operator === "*") return left + right;
  if (one.operator === "**") return left * (constantNumber(one.right) ?? 2) + 2 * right;
  return Math.max(left, right);
}

const isRange = (one: JinjaExpression): boolean =>
  one.kind === "call" && one.callee.kind === "name" && one.callee.name === "range";

/** What stands in a statement itself, and not in its body. */
function* ownExpressions(statement: JinjaStatement): Generator<JinjaExpression> {
  for (const [key, value] of Object.entries(statement)) if (key !== "body") yield* expressionsIn(value);
}
/** The expressions in any part of a tree, outermost first and each with those within it. */
export function* everyExpression(part: unknown): Generator<JinjaExpression> {
  const waiting: unknown[] = [part];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== "object" || next === null) continue;
    if (isExpression(next)) yield next;
    for (const value of Object.values(next)) if (typeof value === "object" && value !== null) waiting.push(value);
  }
}
/** The outermost expressions. */
function* expressionsIn(part: unknown): Generator<JinjaExpression> {
  if (typeof part !== "object" || part === null) return;
  if (isExpression(part)) yield part;
  else for (const value of Object.values(part)) yield* expressionsIn(value);
}
const EXPRESSIONS = new Set(
  "text number constant name list dict attribute item slice call filter test binary unary choice".split(" "),
);
/** Statements named call and filter have a body. */
const isExpression = (part: object): part is JinjaExpression =>
  "kind" in part && EXPRESSIONS.has(String(part.kind)) && !("body" in part);

/** How often a loop over this runs, where only constants say so. */
export function lengthOf(over: JinjaExpression): number | undefined {
  if (over.kind !== "call" || over.callee.kind !== "name" || over.callee.name !== "range") return undefined;
  const numbers = over.args.plain.map(constantNumber);
  if (numbers.length === 0 || numbers.some((one) => one === undefined)) return undefined;
  const [a, b, step = 1] = numbers as number[];
  const [from, to] = b === undefined ? [0, a!] : [a!, b];
  return Math.max(0, Math.ceil((to - from) / step));
}

function constantNumber(expression: JinjaExpression): number | undefined {
  if (expression.kind === "number") return expression.value;
  if (expression.kind === "unary") {
    const value = constantNumber(expression.of);
    return value === undefined ? undefined : expression.operator === "-" ? -value : value;
  }
  if (expression.kind !== "binary") return undefined;
  const [a, b] = [constantNumber(expression.left), constantNumber(expression.right)];
  if (a === undefined || b === undefined) return undefined;
  switch (expression.operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "**":
      return a ** b;
    default:
      return undefined;
  }
}
