/**
 * Judges what loading a pickle would do, by the policy: every import by its standing, every call by what it reaches. Names
 * that are put together while loading (getattr, attrgetter, partial, __import__) are followed to what they give.
 */
import type { Content } from "#formats/content.ts";
import {
  Call,
  Collection,
  Computed,
  Extension,
  Global,
  Opaque,
  PersistentId,
  presentName,
  Text,
  textOf,
  type Mutation,
  type PickleListener,
  type Value,
} from "#formats/pickle.ts";
import type { Finding, Storage, Surroundings } from "./check.ts";
import { dtypeProblem, layoutOf, typesWithin } from "./dtype-state.ts";
import { expression } from "./expression.ts";
import {
  covers,
  harmOfMethod,
  RUN_FROM_STATE,
  SHARED,
  standingOf,
  TEXT_CODECS,
  type Effect,
  type Standing,
  type Use,
} from "./policy.ts";

/** What a value of the stream is once loaded, as far as a callable needs to be known. */
type Reached =
  | {
      readonly is: "name";
      readonly module: string;
      readonly name: string;
      readonly how: "import" | "lookup" | "method";
    }
  | { readonly is: "module"; readonly module: string }
  | { readonly is: "attribute-getter"; readonly names: readonly string[] }
  | { readonly is: "method-caller"; readonly name: string }
  | { readonly is: "partial"; readonly of: Reached; readonly bound: readonly Value[] }
  /** An object made by something known. */
  | { readonly is: "instance"; readonly of: string }
  | { readonly is: "data" }
  | { readonly is: "unclear"; readonly why: string };

const WALK_DEPTH = 6;
const WALK_ITEMS = 4000;
const RANK = { malicious: 3, suspicious: 2, unknown: 1, note: 0 } as const;

export interface JudgeOptions {
  /** How many steps of the reconstruction are kept. */
  readonly stepsMax?: number;
  /** Loading reads these bytes as a pickle or archive of their own. */
  readonly unpickled?: (text: Text) => void;
}

/** A listener that gathers findings; one per rule and name, the gravest, with how often it came. */
export class Judge implements PickleListener {
  private readonly content: Content;
  private readonly surroundings: Surroundings;
  private readonly found = new Map<string, { finding: Finding; times: number }>();
  private readonly reached = new WeakMap<object, Reached>();
  /** Types of NumPy's that were given their state, or are part of one that was. */
  private readonly settledTypes = new WeakSet<Call>();
  /** Bytes that calls so far make out of nothing. */
  private allocated = 0;
  /** What loading does, in order: calls, changes, and imports of what nothing calls, since a call names what it imports. */
  get steps(): readonly string[] {
    return this.told.filter(({ named }) => named === undefined || !this.used.has(named)).map(({ text }) => text);
  }
  private readonly told: { readonly text: string; readonly named?: string }[] = [];
  /** Modules that loading imports. */
  readonly modules = new Set<string>();
  /** Calls and changes, and imports of what nothing calls, also those beyond the steps that are kept. */
  get acts(): number {
    let unused = 0;
    for (const named of this.named) if (!this.used.has(named)) unused++;
    return this.changes + unused;
  }
  private changes = 0;
  /** Names that were imported, and those of them that were called. */
  private readonly named = new Set<string>();
  private readonly used = new Set<string>();
  private readonly options: JudgeOptions;
  private readonly stepsMax: number;

  constructor(content: Content, surroundings: Surroundings = {}, options: JudgeOptions = {}) {
    this.content = content;
    this.surroundings = surroundings;
    this.options = options;
    this.stepsMax = options.stepsMax ?? 0;
  }

  get findings(): readonly Finding[] {
    return [...this.found.values()].map(({ finding, times }) =>
      times === 1 ? finding : { ...finding, message: `${finding.message} (${times} times)` },
    );
  }

  private tell(text: () => string, named?: string): void {
    if (this.told.length < this.stepsMax)
      this.told.push(named === undefined ? { text: text() } : { text: text(), named });
  }

  imported(what: Global | Computed | Extension): void {
    if (this.stepsMax > 0) {
      const named = expression(this.content, what);
      if (!this.named.has(named)) this.tell(() => `import ${named}`, named);
      this.named.add(named);
    }
    if (what instanceof Computed)
      return this.note("suspicious", "pickle-computed-import", "high", what, {
        key: "computed",
        text: `imports a name that is put together while loading: ${expression(this.content, what)}`,
      });
    if (what instanceof Extension)
      return this.note("unknown", "pickle-extension", "high", what, {
        key: `extension ${what.code}`,
        text: `names entry ${what.code} of the extension registry: what that is, only the loading program knows`,
      });
    const { module, name } = presentName(what.module, what.name);
    this.modules.add(module);
    this.judgeReference(module, name, what, "imports");
  }

  called(call: Call): void {
    this.changes++;
    this.tell(() => expression(this.content, call));
    if (this.stepsMax > 0 && isNamed(call.callee)) this.used.add(expression(this.content, call.callee));
    this.judgeCall(this.reach(call.callee), call.args, call, useOf(call));
    this.judgeSize(call);
    if (this.isEndless(call.args) || this.isEndless(call.kwargs ?? null)) this.noteEndless(call);
    this.judgeFunctionsGiven(call);
    this.judgeObjectsAsked(call);
    this.judgeArrayBytes(call);
    this.handed(call.args, call, () => `hands it to ${expression(this.content, call.callee)}`);
    if (call.kwargs !== undefined)
      this.handed(call.kwargs, call, () => `hands it to ${expression(this.content, call.callee)}`);
  }

  /** A few bytes that ask for gigabytes: `bytes(10**12)`, an array of a shape beyond any memory, a range written out. */
  private judgeSize(call: Call): void {
    const callee = this.reach(call.callee);
    const reached = callee.is === "partial" ? callee.of : callee;
    if (reached.is !== "name") return;
    const path = `${reached.module}.${reached.name}`;
    const given = call.args instanceof Collection ? call.args.items : [];
    const args = callee.is === "partial" ? [...callee.bound, ...given] : given;
    const size = ALLOCATING.has(path) ? sizeAsked(path, args) : 0;
    // Each may be small, and all of them together not.
    if (path !== "builtins.range") this.allocated += size;
    for (const arg of args) if (SPELLED_OUT.has(path)) this.allocated += BYTES_PER_ITEM * this.itemsOf(arg);
    const digits = NUMBERS.has(path) ? Math.max(0, ...args.map((arg) => this.exponent(arg))) : 0;
    if (size > SIZE_MAX || this.allocated > ALLOCATED_MAX || digits > DIGITS_MAX)
      this.note("suspicious", "pickle-bomb", "medium", call, {
        key: "bomb",
        text:
          digits > DIGITS_MAX
            ? `loading calls ${expression(this.content, call)}, a number of ${digits} digits: written out it takes more memory and time than a machine has`
            : `loading calls ${expression(this.content, call)}, which asks for more memory than a machine has, by itself or with the calls before it`,
      });
    if (this.allocated > ALLOCATED_MAX) this.allocated = 0;
  }

  /** Whether it is, or holds, a count that never ends: whatever goes through it fills the memory. */
  private isEndless(value: Value, depth = 4): boolean {
    if (value instanceof Collection)
      return depth > 0 && value.items.some((item) => typeof item === "object" && this.isEndless(item, depth - 1));
    return this.isInstanceOf(value, /^itertools\.count$/);
  }

  private isInstanceOf(value: Value, classes: RegExp): boolean {
    const reached = this.reach(value);
    return reached.is === "instance" && classes.test(reached.of);
  }

  private noteEndless(call: Call | { at: number }): void {
    this.note("suspicious", "pickle-bomb", "medium", call, {
      key: "endless",
      text: `loading ${call instanceof Call ? `calls ${expression(this.content, call)}` : "sets the state of an object"}, with a count that never ends: whoever goes through that takes all the memory`,
    });
  }

  /** How many items a range yields, or an iterator over one. */
  private itemsOf(value: Value): number {
    if (!(value instanceof Call && value.args instanceof Collection)) return 0;
    const reached = this.reach(value.callee);
    const path = reached.is === "name" ? `${reached.module}.${reached.name}` : "";
    if (path === "builtins.iter") return this.itemsOf(value.args.items[0] ?? null);
    if (path !== "builtins.range") return 0;
    const [first, second, step = 1] = value.args.items;
    const [from, to] = second === undefined ? [0, first] : [first, second];
    if (typeof from !== "number" || typeof to !== "number" || typeof step !== "number" || step === 0) return Infinity;
    return Math.max(0, Math.ceil((to - from) / step));
  }

  /** The power of ten that a decimal number is written with, as text or as (sign, digits, exponent). */
  private exponent(value: Value): number {
    if (value instanceof Text)
      return Number(/e\+?(\d[\d_]*)\s*$/i.exec(tailOf(this.content, value))?.[1]?.replaceAll("_", "") ?? 0);
    const last = value instanceof Collection && value.size === 3 ? value.items[2] : undefined;
    return typeof last === "number" ? last : last instanceof Opaque ? Infinity : 0;
  }

  built(target: Value, state: Value, at: number): void {
    this.changes++;
    const reached = this.reach(target);
    const place = { at };
    this.tell(() => `${expression(this.content, target)}.__setstate__(${expression(this.content, state)})`);
    if (this.isImported(reached) || target instanceof Computed)
      this.note("malicious", "pickle-patches-import", "high", place, {
        key: `build ${spoken(reached)}`,
        text: `sets attributes of the imported ${spoken(reached)} to ${expression(this.content, state)}: later uses of it in this process reach something else`,
      });
    else if (reached.is === "partial") {
      const [callee, args] = state instanceof Collection ? state.items : [];
      if (callee !== undefined) {
        const partial = { of: this.reach(callee), bound: args instanceof Collection ? args.items : [] };
        this.judgeKept(partial, place);
        this.reached.set(target as object, { is: "partial", ...partial });
      } else
        this.note("suspicious", "pickle-unclear-call", "medium", place, {
          key: "partial made",
          text: `gives ${expression(this.content, target)} another function, which is put together while loading: whoever calls it calls that`,
        });
    }
    this.handed(state, place, () => `stores it in ${expression(this.content, target)}`);
    // Other frameworks' states become attributes; these classes go through theirs.
    if (reached.is === "instance" && !this.hasCode(reached.of) && this.isEndless(state)) this.noteEndless(place);
    if (reached.is === "instance") {
      if (reached.of === "numpy.dtype") this.judgeDtype(target, state, place);
      this.judgeState(reached.of, state, place);
      this.judgeMethods(reached.of, state, place);
    }
  }

  /** What was there before and stays: a name, a module, the one object of its class. */
  private isImported(reached: Reached): boolean {
    return reached.is === "name" || reached.is === "module" || (reached.is === "instance" && SHARED.has(reached.of));
  }

  /** Loading asks objects for methods by name; one that the state puts there is called in its place. */
  private judgeMethods(of: string, state: Value, place: { at: number }): void {
    const answers = ANSWERS_FROM_ITEMS.test(of);
    let left = WALK_ITEMS;
    const walk = (value: Value, depth: number): void => {
      if (!(value instanceof Collection) || depth === 0 || --left < 0) return;
      // Attributes are found in the state's own dicts, and where the class looks for them in dicts of these.
      const own = answers || depth >= WALK_DEPTH - (state instanceof Collection && state.kind === "tuple" ? 1 : 0);
      if (value.kind === "dict")
        for (let i = 0; i + 1 < value.items.length; i += 2)
          this.judgeMember(of, value.items[i]!, value.items[i + 1]!, place, own);
      for (const item of value.items) if (item instanceof Collection) walk(item, depth - 1);
    };
    walk(state, WALK_DEPTH);
  }

  /** A member of the object's own, or of a dict it holds, of which only names of Python's protocols matter. */
  private judgeMember(of: string, key: Value, value: Value, place: { at: number }, own: boolean): void {
    const name = key instanceof Text ? textOf(this.content, key, 200) : undefined;
    if (!own && !(name !== undefined && /^__\w+__$/.test(name) && this.isCallable(value))) return;
    if (name === undefined && !(key instanceof Call)) return;
    const asked = name === undefined || CALLED_BY_NAME.test(name);
    // NumPy takes the address that stands there for that of an array.
    if (name !== undefined && /^__(cuda_)?array_(interface|struct)__$/.test(name))
      this.note("suspicious", "pickle-method-in-state", "medium", place, {
        key: `address ${of}`,
        text: `gives an object of ${of} ${expression(this.content, value)} as its ${name}: NumPy reads memory where that says`,
      });
    if (!(asked ? this.mayBeCalled(value, name) : this.isAnything(of) && this.isCallable(value))) return;
    this.note("suspicious", "pickle-method-in-state", "medium", place, {
      key: `method ${of}.${name ?? ""}`,
      text: `gives an object of ${of} ${expression(this.content, value)} as its ${name ?? "attribute of a name made while loading"}: whoever asks for that calls it`,
    });
  }

  /** What answers a call at all, be it a class or an object, where the pickle machine itself would call it. */
  private mayBeCalled(value: Value, name: string | undefined): boolean {
    if (this.isCallable(value)) return true;
    const reached = this.reach(value);
    if (reached.is === "name") return name !== undefined;
    return reached.is === "instance" && (name === "__setstate__" || CALLABLE_OBJECTS.test(reached.of));
  }

  /** Classes without attributes of their own, which stand for whatever they are given. */
  private isAnything(of: string): boolean {
    return of === "types.SimpleNamespace" || of === "argparse.Namespace";
  }

  /** A function, or something that may turn out to be one; classes, numbers and objects of known classes are not. */
  private isCallable(value: Value): boolean {
    if (!(value instanceof Global || value instanceof Call || value instanceof Computed)) return false;
    const reached = this.reach(value);
    switch (reached.is) {
      case "name":
        return !CLASS_NAME.test(reached.name.split(".").at(-1)!);
      case "partial":
      case "method-caller":
      case "attribute-getter":
      case "unclear":
        return true;
      default:
        return false;
    }
  }

  /** Functions among the arguments of a call: the callee may call them, whatever frameworks only keep. */
  private judgeFunctionsGiven(call: Call): void {
    const callee = this.reach(call.callee);
    if (callee.is !== "name") return;
    const standing = this.standing(callee.module, callee.name);
    // These are judged by what they do with their arguments.
    if (standing.is !== "allowed" || (standing.effect !== undefined && standing.effect !== "makes-first")) return;
    for (const value of [call.args, call.kwargs ?? null]) {
      const items = value instanceof Collection ? value.items : [];
      // What is made of its first arguments is judged as an object of them.
      for (const item of standing.effect === "makes-first" ? items.slice(2) : items) {
        const reached = this.reach(item);
        const generator = callee.module === "numpy.random._pickle";
        if (reached.is === "name") {
          if (callee.name === "__bit_generator_ctor" && BIT_GENERATORS.test(`${reached.module}.${reached.name}`))
            continue;
          if ((reached.module === "torch" && callee.module.startsWith("torch")) || reached.module === callee.module)
            // Torch's own constants look like functions; NumPy's generators name the function beside the one that is called.
            continue;
          if (!generator && !this.isCallable(item) && !this.isConstructor(reached, callee.module)) continue;
        } else if (generator ? reached.is === "data" || isOf(reached, "numpy.random") : !KEEPERS.has(reached.is))
          continue;
        this.note("suspicious", "pickle-function-given", "medium", call, {
          key: `given ${spoken(reached)}`,
          text: `loading calls ${expression(this.content, call)}, which gives ${expression(this.content, item)} to something that may call it`,
        });
      }
    }
  }

  /** A class of another package that frameworks only make empty objects of: given to a function, it may be called. */
  private isConstructor({ module, name }: { module: string; name: string }, given: string): boolean {
    const standing = this.standing(module, name);
    return standing.is === "allowed" && standing.use === "new" && module.split(".")[0] !== given.split(".")[0];
  }

  /** Python's own containers and numbers ask what they are made of for its methods and items, by code of its class. */
  private judgeObjectsAsked(call: Call): void {
    const callee = this.reach(call.callee);
    if (callee.is !== "name" || !(call.args instanceof Collection)) return;
    const rebuilds = callee.module === "torch._utils";
    if (!rebuilds && !ASKING.has(`${callee.module}.${callee.name}`)) return;
    for (const item of call.args.items) {
      const reached = this.reach(item);
      if ((reached.is === "unclear" && !rebuilds) || (reached.is === "instance" && this.hasCode(reached.of)))
        this.note("unknown", "pickle-object-asked", "medium", call, {
          key: `asks ${spoken(reached)}`,
          text: `loading calls ${expression(this.content, call)}, which asks ${reached.is === "unclear" ? "what it is given" : `an object made by ${reached.of}`} for methods: what they do is unknown`,
        });
    }
  }

  /** Objects of frameworks' classes answer by Python code and by their state; those of Python and NumPy as documented. */
  private hasCode(of: string): boolean {
    const dot = of.lastIndexOf(".");
    const standing = this.standing(of.slice(0, dot), of.slice(dot + 1));
    if (this.isAnything(of) || CALLABLE_OBJECTS.test(of) || standing.is !== "allowed") return true;
    return (
      standing.of !== "python" &&
      standing.of !== "numpy" &&
      !/^torch\.(Size$|device$|storage|_utils|serialization\._get_layout$)/.test(of)
    );
  }

  /** A dtype that does not say what it holds has NumPy take bytes for addresses, or read beyond them. */
  private judgeDtype(target: Value, state: Value, place: { at: number }): void {
    const changed = this.settledTypes.has(target as Call);
    const problem = changed
      ? "it was given one before, or is part of another: what holds it no longer knows what it holds"
      : dtypeProblem(this.content, target, state);
    for (const type of [target as Call, ...typesWithin(state)]) this.settledTypes.add(type);
    if (problem !== undefined)
      this.note(
        /NumPy takes|NumPy reads/.test(problem) ? "malicious" : "suspicious",
        "pickle-forged-dtype",
        "high",
        place,
        {
          key: `dtype ${problem}`,
          text: `gives ${expression(this.content, target)} the state ${expression(this.content, state)}: ${problem}`,
        },
      );
  }

  /** Objects in an array are addresses: made of bytes, they are those of whoever wrote the bytes. */
  private judgeArrayBytes(call: Call): void {
    const callee = this.reach(call.callee);
    if (callee.is !== "name" || !ARRAYS_OF_BYTES.test(`${callee.module}.${callee.name}`)) return;
    const given = call.args instanceof Collection ? call.args.items : [];
    if (
      given.some((item) => item instanceof Text) &&
      given.some((item) => item instanceof Call && layoutOf(this.content, item).objects)
    )
      this.note("malicious", "pickle-forged-dtype", "high", call, {
        key: "objects of bytes",
        text: `loading calls ${expression(this.content, call)}, which takes bytes of the file for addresses of objects`,
      });
  }

  /** Where a class runs an attribute of its state, that attribute must be what the library writes. */
  private judgeState(of: string, state: Value, place: { at: number }): void {
    for (const { in: where, attribute, written, does } of RUN_FROM_STATE) {
      if (!of.startsWith(where)) continue;
      const followed = state instanceof Collection && state.kind === "dict" && state.items.length === state.size;
      const keys = followed ? state.items.filter((_, i) => i % 2 === 0) : [];
      if (!followed || !keys.every((key) => key instanceof Text)) {
        this.note("suspicious", "pickle-state-unclear", "medium", place, {
          key: `state of ${of}`,
          text: `the state of an object of ${of} cannot be followed, and its class ${does.replace(" it ", " part of it ")}`,
        });
        continue;
      }
      for (let i = 0; i + 1 < state.items.length; i += 2) {
        if (textOf(this.content, state.items[i] as Text, 200) !== attribute) continue;
        const value = state.items[i + 1]!;
        if (value instanceof Text && value.length < 10_000 && written.test(textOf(this.content, value))) continue;
        this.note("malicious", "pickle-code-in-state", "high", place, {
          key: `state ${of}.${attribute}`,
          text: `gives an object of ${of} the ${attribute} ${expression(this.content, value)}; its class ${does}`,
        });
      }
    }
  }

  mutated(target: Value, how: Mutation, items: readonly Value[], at: number): void {
    this.changes++;
    const reached = this.reach(target);
    this.tell(
      () => `${expression(this.content, target)}.${METHODS[how]}(${expression(this.content, items[0] ?? null)}, …)`,
    );
    if (this.isImported(reached))
      this.note(
        "malicious",
        "pickle-patches-import",
        "high",
        { at },
        {
          key: `mutate ${spoken(reached)}`,
          text: `changes the imported ${spoken(reached)} itself by ${METHODS[how]}: later uses of it in this process reach something else`,
        },
      );
    else if (reached.is !== "instance" || this.isAnything(reached.of))
      this.note(
        "suspicious",
        "pickle-odd-change",
        "medium",
        { at },
        {
          key: `mutate ${reached.is}`,
          text: `calls ${METHODS[how]} of ${expression(this.content, target)}, which no pickler writes`,
        },
      );
    else if (!CHANGED_BY[how].test(reached.of))
      this.note(
        ANSWERS_FROM_ITEMS.test(reached.of) ? "suspicious" : "unknown",
        "pickle-odd-change",
        "medium",
        { at },
        {
          key: `mutate ${reached.of} ${how}`,
          text: `calls ${METHODS[how]} of ${expression(this.content, target)}: which code that is, the class and the object's state decide`,
        },
      );
    if (reached.is === "instance" && how === "setitem")
      for (let i = 0; i + 1 < items.length; i += 2)
        this.judgeMember(reached.of, items[i]!, items[i + 1]!, { at }, ANSWERS_FROM_ITEMS.test(reached.of));
    for (const item of items) this.handed(item, { at }, () => `stores it in ${expression(this.content, target)}`);
  }

  persistent(id: PersistentId): void {
    if (this.surroundings.persistentIds === undefined)
      this.note("unknown", "pickle-persistent-id", "high", id, {
        key: "persistent",
        text: `holds a persistent id (${expression(this.content, id.id)}): what it becomes, only the loading program knows`,
      });
    else {
      const storage = storageOf(this.content, id);
      if (storage) this.surroundings.storage?.(storage);
      else if (classOf(this.content, id) === undefined)
        this.note("unknown", "pickle-persistent-id", "high", id, {
          key: "persistent",
          text: `holds a persistent id that is no storage of torch's: ${expression(this.content, id.id)}`,
        });
    }
  }

  odd(start: number, end: number, problem: string): void {
    this.note("unknown", "pickle-odd", "high", { at: start, end }, { key: problem, text: problem });
  }

  private note(
    severity: Finding["severity"],
    rule: string,
    confidence: Finding["confidence"],
    { at, end = at + 1 }: { readonly at: number; readonly end?: number },
    { key, text }: { readonly key: string; readonly text: string },
  ): void {
    const known = this.found.get(key);
    if (known && RANK[known.finding.severity] >= RANK[severity]) {
      if (known.finding.rule === rule) known.times++;
      return;
    }
    this.found.set(key, {
      finding: { rule, severity, confidence, start: at, end, message: text },
      times: 1,
    });
  }

  private standing(module: string, name: string): Standing {
    if (this.surroundings.torchScript && (module === "__torch__" || module.startsWith("__torch__.")))
      return { is: "allowed", use: "new", keep: false, of: "TorchScript", effect: undefined };
    return standingOf(module, name);
  }

  private judgeReference(module: string, name: string, place: { at: number; end?: number }, how: string): void {
    const standing = this.standing(module, name);
    const path = `${module}.${name}`;
    if (standing.is === "harmful")
      this.note("suspicious", "pickle-harmful-import", "high", place, {
        key: path,
        text: `${how} ${path}, which ${standing.does}`,
      });
    else if (standing.is === "unknown")
      this.note("unknown", "pickle-unknown-import", "high", place, {
        key: path,
        text: `${how} ${path}, which stands in no list: what importing it does is unknown`,
      });
  }

  /** Names inside what is given away: a harmful one will be called by whoever gets it. */
  private handed(value: Value, place: { at: number }, how: () => string): void {
    let left = WALK_ITEMS;
    const seen = new Set<object>();
    const walk = (inner: Value, depth: number): void => {
      if (inner === null || typeof inner !== "object" || depth === 0 || --left < 0 || seen.has(inner)) return;
      if (inner instanceof Collection) {
        seen.add(inner);
        for (const item of inner.items) if (item !== null && typeof item === "object") walk(item, depth - 1);
        return;
      }
      if (!(inner instanceof Global || inner instanceof Call)) return;
      const reached = this.reach(inner);
      if (reached.is === "module")
        this.harm(reached.module, "", place, (path, does) => `reaches ${path}, which ${does}, and ${how()}`);
      else if (reached.is === "name")
        this.harm(reached.module, reached.name, place, (path, does) => `reaches ${path}, which ${does}, and ${how()}`);
      else if (reached.is === "method-caller" || reached.is === "attribute-getter")
        for (const name of reached.is === "method-caller" ? [reached.name] : reached.names) {
          const does = harmOfMethod(name);
          if (does !== undefined)
            this.note("malicious", "pickle-harmful-call", "high", place, {
              key: `method ${name}`,
              text: `makes ${expression(this.content, inner)}, which ${does}, and ${how()}`,
            });
        }
    };
    walk(value, WALK_DEPTH);
  }

  private harm(
    module: string,
    name: string,
    place: { at: number },
    text: (path: string, does: string) => string,
  ): void {
    const standing = this.standing(module, name);
    if (standing.is !== "harmful") return;
    const path = name === "" ? module : `${module}.${name}`;
    this.note("malicious", "pickle-harmful-call", "high", place, { key: path, text: text(path, standing.does) });
  }

  private judgeCall(
    callee: Reached,
    args: Value,
    place: { readonly at: number } & Partial<Pick<Call, "via">>,
    use: Use | "keep",
  ): void {
    const shown = (): string => (place instanceof Call ? expression(this.content, place) : `${spoken(callee)}(…)`);
    switch (callee.is) {
      case "name": {
        const { module, name } = callee;
        const path = `${module}.${name}`;
        const standing = this.standing(module, name);
        if (standing.is === "harmful")
          this.note("malicious", "pickle-harmful-call", "high", place, {
            key: path,
            text: `loading calls ${shown()}; ${path} ${standing.does}`,
          });
        else if (standing.is === "unknown")
          this.note("suspicious", "pickle-unknown-call", "medium", place, {
            key: path,
            text: `loading calls ${shown()}; ${path} stands in no list of what frameworks need`,
          });
        else if (use === "keep" ? !standing.keep && !covers(standing.use, "call") : !covers(standing.use, use))
          this.note("suspicious", "pickle-unusual-call", "medium", place, {
            key: path,
            text: `loading calls ${shown()}; ${standing.of} names ${path} in its pickles${standing.use === "new" || standing.use === "empty" ? ", makes objects of it," : ""} but does not ${use === "call" || use === "keep" ? "call it" : "make them so"}`,
          });
        if (standing.effect) this.effect(standing.effect, args, place, path);
        return;
      }
      case "module":
        return this.note("suspicious", "pickle-unknown-call", "medium", place, {
          key: `module ${callee.module}`,
          text: `loading calls the module ${callee.module}`,
        });
      case "partial": {
        const later = args instanceof Collection ? args.items : [];
        return this.judgeCall(callee.of, new Collection("tuple", [...callee.bound, ...later]), place, "call");
      }
      case "attribute-getter":
      case "method-caller": {
        const target = args instanceof Collection ? args.items[0] : undefined;
        const names = callee.is === "method-caller" ? [callee.name] : callee.names;
        for (const name of names) {
          const reached = this.attribute(target === undefined ? { is: "unclear", why: "" } : this.reach(target), name);
          if (callee.is === "method-caller") this.judgeCall(reached, null, place, "call");
          else this.judgeLookup(reached, place, shown);
        }
        return;
      }
      case "instance":
        return this.note("suspicious", "pickle-unknown-call", "medium", place, {
          key: `instance ${callee.of}`,
          text: `loading calls ${shown()}: what an object made by ${callee.of} does when called is unknown`,
        });
      case "data":
        return this.note("suspicious", "pickle-odd-call", "medium", place, {
          key: "data called",
          text: `loading calls ${shown()}, which is no callable: readers that differ may make one of it`,
        });
      case "unclear":
        return this.note("suspicious", "pickle-unclear-call", "medium", place, {
          key: `unclear ${callee.why}`,
          text: `loading calls ${shown()}: ${callee.why}`,
        });
    }
  }

  private judgeLookup(reached: Reached, place: { at: number }, shown: () => string): void {
    if (reached.is === "name") {
      const standing = this.standing(reached.module, reached.name);
      const path = `${reached.module}.${reached.name}`;
      if (standing.is === "harmful")
        this.note("malicious", "pickle-hidden-name", "high", place, {
          key: path,
          text: `looks up ${path}, which ${standing.does}, by ${shown()} instead of naming it`,
        });
      else if (standing.is === "unknown" && !(reached.how === "lookup" && this.isMember(reached)))
        this.note("unknown", "pickle-unknown-import", "medium", place, {
          key: path,
          text: `looks up ${path} by ${shown()}; it stands in no list`,
        });
    } else if (reached.is === "unclear")
      this.note("suspicious", "pickle-unclear-lookup", "medium", place, {
        key: `lookup ${reached.why}`,
        text: `${shown()} looks up what cannot be told before loading: ${reached.why}`,
      });
  }

  /** A plain attribute of an allowed class, as members of enumerations and class methods are; of an object, its class may run code. */
  private isMember({ module, name }: { readonly module: string; readonly name: string }): boolean {
    const [owner, member, ...rest] = name.split(".");
    if (member === undefined || rest.length > 0 || member.startsWith("__") || !/^_?[A-Z]/.test(owner!)) return false;
    const standing = this.standing(module, owner!);
    return standing.is === "allowed" && standing.effect === undefined;
  }

  private effect(effect: Effect, args: Value, place: { at: number }, by: string): void {
    const given = args instanceof Collection ? args.items : [];
    const shown = (): string => (place instanceof Call ? expression(this.content, place) : "a call");
    switch (effect) {
      case "attribute":
      case "import-attribute":
      case "resolve-name":
        return this.judgeLookup(this.result(effect, given), place, shown);
      case "import": {
        const reached = this.result(effect, given);
        if (reached.is === "module")
          this.harm(reached.module, "", place, (path, does) => `imports ${path} by ${shown()}: it ${does}`);
        return;
      }
      case "rebuilds": {
        const [rebuild, type, , state] = given;
        const [by, of] = [this.reach(rebuild ?? null), this.reach(type ?? null)];
        if (by.is !== "name" || by.module !== "torch._utils")
          this.note("suspicious", "pickle-unusual-call", "medium", place, {
            key: "rebuilds otherwise",
            text: `${shown()} rebuilds a tensor by what is no function of torch's for that`,
          });
        else this.judgeCall(by, null, { at: place.at }, "call");
        if (of.is !== "name" || !/^torch(\.|$)/.test(of.module))
          this.note("suspicious", "pickle-unusual-call", "medium", place, {
            key: "rebuilds another type",
            text: `${shown()} rebuilds a tensor as an object of something else, whose own state it sets`,
          });
        else if (state !== undefined) this.judgeMethods(`${of.module}.${of.name}`, state, place);
        return;
      }
      case "partial": {
        const [first, ...bound] = given;
        if (first !== undefined) this.judgeKept({ of: this.reach(first), bound }, place);
        return;
      }
      case "calls-first":
      case "keeps-callable": {
        const first = given[0];
        if (first === undefined || first === null) return;
        const reached = this.reach(first);
        // A default factory of None or a type is what frameworks keep; anything else is judged as the call it will be.
        return this.judgeCall(reached, null, { at: place.at }, "call");
      }
      case "type-of":
        if (args instanceof Collection && given.length === 1 && this.isSingleton(given[0]!)) return;
        return this.note("suspicious", "pickle-unusual-call", "medium", place, {
          key: "builtins.type",
          text: `loading calls ${shown()}, which gives or makes a class, and with it ways to everything`,
        });
      case "iterates":
        if (args instanceof Collection && given.length === 1 && this.isPlainIterable(given[0]!)) return;
        return this.note("suspicious", "pickle-unusual-call", "medium", place, {
          key: "builtins.iter",
          text: `loading calls ${shown()}, which may call what it is given`,
        });
      case "makes-first": {
        for (const cls of given.slice(0, 2)) {
          const reached = this.reach(cls);
          // copyreg runs the second one's `__init__`, unless it is object.
          if (reached.is === "name")
            this.judgeCall(
              reached,
              null,
              { at: place.at },
              cls !== given[0] ? "call" : MAKES_OF_NOTHING.test(by) ? "empty" : "new",
            );
          else if (cls === given[0])
            this.note("suspicious", "pickle-unclear-call", "medium", place, {
              key: "makes unclear",
              text: `${shown()} makes an object of something that cannot be told before loading`,
            });
        }
        return;
      }
      case "unpickles": {
        const bytes = this.bytesGiven(given[0]);
        if (bytes) this.options.unpickled?.(bytes);
        else
          this.note("suspicious", "pickle-unclear-payload", "medium", place, {
            key: "unpickles computed",
            text: `${shown()} loads bytes that are made while loading: they cannot be read before`,
          });
        return;
      }
      case "codec": {
        const codec = given[1];
        const name =
          codec instanceof Text ? textOf(this.content, codec, 64).toLowerCase() : codec === undefined ? "utf-8" : "";
        if (!TEXT_CODECS.has(name))
          this.note("suspicious", "pickle-codec", "medium", place, {
            key: `codec ${name}`,
            text: `${shown()} uses a codec that does more than write text`,
          });
        return;
      }
      case "attribute-getter":
      case "method-caller":
        return this.judgeKeptName(this.result(effect, given), place, shown);
    }
  }

  /** None, Ellipsis and NotImplemented, whose classes pickle writes as type(None). */
  private isSingleton(value: Value): boolean {
    if (value === null) return true;
    const reached = value instanceof Global ? this.reach(value) : undefined;
    return reached?.is === "name" && /^builtins\.(Ellipsis|NotImplemented)$/.test(`${reached.module}.${reached.name}`);
  }

  /** Containers of the stream, text, and ranges: Python's own code goes through them. */
  private isPlainIterable(value: Value): boolean {
    if (value instanceof Collection || value instanceof Text) return true;
    return this.isInstanceOf(value, /^builtins\.(range|list|tuple|dict|set|frozenset)$/);
  }

  /** A partial function: called by whoever gets it, with what is bound and more that cannot be told. */
  private judgeKept(
    { of, bound }: { readonly of: Reached; readonly bound: readonly Value[] },
    place: { at: number },
  ): void {
    this.judgeCall(of, new Collection("tuple", [...bound]), place, "keep");
    if (of.is === "name" && this.standing(of.module, of.name).effect === undefined) return;
    this.note("suspicious", "pickle-unclear-call", "medium", place, {
      key: `kept ${spoken(of)}`,
      text: `keeps ${of.is === "name" ? spoken(of) : "what reaches others"} with arguments bound: what it reaches depends on what it is called with later`,
    });
  }

  /** A caller of a method, or a getter of an attribute, of whatever it meets later. */
  private judgeKeptName(reached: Reached, place: { at: number }, shown: () => string): void {
    if (reached.is !== "method-caller" && reached.is !== "attribute-getter") return;
    for (const name of reached.is === "method-caller" ? [reached.name] : reached.names) {
      const does = harmOfMethod(name);
      if (does !== undefined)
        this.note("suspicious", "pickle-harmful-import", "high", place, {
          key: `method ${name}`,
          text: `makes ${shown()}, which for whatever it is called with ${does}`,
        });
      else
        this.note("unknown", "pickle-unknown-import", "medium", place, {
          key: `method ${name}`,
          text: `makes ${shown()}: what ${name} of whatever it is called with does is unknown`,
        });
    }
  }

  /** Bytes of the stream, also where protocol 2 writes them as text that is encoded while loading. */
  private bytesGiven(value: Value | undefined): Text | undefined {
    if (value instanceof Text) return value;
    if (!(value instanceof Call && value.args instanceof Collection)) return undefined;
    const callee = this.reach(value.callee);
    if (callee.is !== "name" || this.standing(callee.module, callee.name).effect !== "codec") return undefined;
    const [text, codec] = value.args.items;
    const latin1 = codec instanceof Text && /^(latin-?1|latin_1|iso-8859-1)$/i.test(textOf(this.content, codec, 64));
    return text instanceof Text && latin1 ? text : undefined;
  }

  /** What calling something with this effect gives. */
  private result(effect: Effect | undefined, given: readonly Value[]): Reached {
    const text = (value: Value | undefined): string | undefined =>
      value instanceof Text ? textOf(this.content, value, 1000) : undefined;
    const unclear = (why: string): Reached => ({ is: "unclear", why });
    switch (effect) {
      case "attribute": {
        const name = text(given[1]);
        if (name === undefined) return unclear("the attribute's name is made while loading");
        return this.attribute(this.reach(given[0] ?? null), name);
      }
      case "import": {
        const module = text(given[0]);
        return module === undefined ? unclear("the module's name is made while loading") : { is: "module", module };
      }
      case "import-attribute": {
        const [module, name] = [text(given[0]), text(given[1])];
        return module === undefined || name === undefined
          ? unclear("the name is made while loading")
          : { is: "name", module, name, how: "lookup" };
      }
      case "resolve-name": {
        const path = text(given[0])?.replace(":", ".");
        if (path === undefined) return unclear("the name is made while loading");
        const dot = path.lastIndexOf(".");
        return dot < 0
          ? { is: "module", module: path }
          : { is: "name", module: path.slice(0, dot), name: path.slice(dot + 1), how: "lookup" };
      }
      case "attribute-getter": {
        const names = given.map(text);
        return names.every((name) => name !== undefined) && names.length > 0
          ? { is: "attribute-getter", names }
          : unclear("the attribute's name is made while loading");
      }
      case "method-caller": {
        const name = text(given[0]);
        return name === undefined ? unclear("the method's name is made while loading") : { is: "method-caller", name };
      }
      case "partial":
        return given[0] === undefined
          ? unclear("it wraps nothing")
          : { is: "partial", of: this.reach(given[0]), bound: given.slice(1) };
      case "rebuilds":
        return { is: "data" };
      case "type-of":
        return given.length === 1 && this.isSingleton(given[0]!)
          ? { is: "name", module: "types", name: "NoneType", how: "lookup" }
          : unclear("a class is made or found while loading");
      case "calls-first":
      case "unpickles":
        return unclear("what it gives is made while loading");
      default:
        return { is: "data" };
    }
  }

  private attribute(of: Reached, name: string): Reached {
    switch (of.is) {
      case "name":
        return { is: "name", module: of.module, name: `${of.name}.${name}`, how: "lookup" };
      case "module":
        return { is: "name", module: of.module, name, how: "lookup" };
      case "partial":
        return this.attribute(of.of, name);
      case "instance": {
        // A method of an object is named through what made it.
        const dot = of.of.lastIndexOf(".");
        return { is: "name", module: of.of.slice(0, dot), name: `${of.of.slice(dot + 1)}.${name}`, how: "method" };
      }
      case "data":
        return { is: "name", module: "builtins", name: `object.${name}`, how: "lookup" };
      default:
        return { is: "unclear", why: `an attribute "${name.slice(0, 60)}" of something made while loading` };
    }
  }

  /** The class or function that a value was made by, as far as that is known. */
  madeBy(value: Value): string | undefined {
    const reached = this.reach(value);
    return reached.is === "instance" ? reached.of : undefined;
  }

  private reach(value: Value): Reached {
    if (value === null || typeof value !== "object") return { is: "data" };
    const before = this.reached.get(value);
    if (before) return before;
    const reached = this.reachNew(value);
    this.reached.set(value, reached);
    return reached;
  }

  private reachNew(value: Exclude<Value, null | boolean | number>): Reached {
    if (value instanceof Global) return { is: "name", ...presentName(value.module, value.name), how: "import" };
    if (value instanceof Extension)
      return { is: "unclear", why: `extension ${value.code} is a name of the loading program` };
    if (value instanceof Computed) return { is: "unclear", why: "its name is put together while loading" };
    const named =
      value instanceof PersistentId && this.surroundings.persistentIds ? classOf(this.content, value) : undefined;
    if (named) return this.reach(named);
    if (value instanceof PersistentId)
      return this.surroundings.persistentIds
        ? { is: "instance", of: "torch.storage" }
        : { is: "unclear", why: "a persistent id becomes what the loading program makes of it" };
    if (!(value instanceof Call)) return { is: "data" };
    const callee = this.reach(value.callee);
    const given = value.args instanceof Collection ? value.args.items : [];
    switch (callee.is) {
      case "name": {
        const standing = this.standing(callee.module, callee.name);
        const path = `${callee.module}.${callee.name}`;
        if (standing.effect === "makes-first") {
          const made = given[0] === undefined ? undefined : this.reach(given[0]);
          return made?.is === "name"
            ? { is: "instance", of: `${made.module}.${made.name}` }
            : { is: "instance", of: path };
        }
        if (standing.effect === undefined || ["codec", "keeps-callable", "iterates"].includes(standing.effect))
          return { is: "instance", of: path };
        return this.result(standing.effect, given);
      }
      case "attribute-getter": {
        const target: Reached =
          given[0] === undefined ? { is: "unclear", why: "nothing is given" } : this.reach(given[0]);
        return callee.names.length === 1 ? this.attribute(target, callee.names[0]!) : { is: "data" };
      }
      case "partial":
        return callee.of.is === "name"
          ? { is: "instance", of: `${callee.of.module}.${callee.of.name}` }
          : { is: "unclear", why: "what it gives is made while loading" };
      default:
        return { is: "unclear", why: "what it gives is made while loading" };
    }
  }
}

/** Bytes per element by torch's storage classes (torch/storage.py). */
const WIDTHS: Readonly<Record<string, number>> = {
  DoubleStorage: 8,
  FloatStorage: 4,
  HalfStorage: 2,
  BFloat16Storage: 2,
  LongStorage: 8,
  IntStorage: 4,
  ShortStorage: 2,
  CharStorage: 1,
  ByteStorage: 1,
  BoolStorage: 1,
  ComplexDoubleStorage: 16,
  ComplexFloatStorage: 8,
  QUInt8Storage: 1,
  QInt8Storage: 1,
  QInt32Storage: 4,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
  UntypedStorage: 1,
  _UntypedStorage: 1,
};

function storageOf(content: Content, { id }: PersistentId): Storage | undefined {
  if (!(id instanceof Collection) || id.kind !== "tuple") return undefined;
  const [tag, type, key, , elements] = id.items;
  if (!(tag instanceof Text && textOf(content, tag, 16) === "storage" && key instanceof Text && type instanceof Global))
    return undefined;
  const width = /^torch(\.cuda|\.storage)?$/.test(type.module) ? WIDTHS[type.name] : undefined;
  if (width === undefined || typeof elements !== "number" || !Number.isSafeInteger(elements) || elements < 0)
    return undefined;
  return { key: textOf(content, key, 1000), width, elements };
}

/** `('module', class, file, source)`: the class itself, which torch.load compares with its source of today (_legacy_load). */
function classOf(content: Content, { id }: PersistentId): Global | undefined {
  if (!(id instanceof Collection) || id.kind !== "tuple" || id.size !== 4) return undefined;
  const [tag, cls] = id.items;
  return tag instanceof Text && textOf(content, tag, 16) === "module" && cls instanceof Global ? cls : undefined;
}

/** Elements no array in a pickle has without its bytes. */
const SIZE_MAX = 2 ** 40;
/** Bytes that all calls of a pickle may make out of nothing. */
const ALLOCATED_MAX = 2 ** 30;
/** A pointer in the container and the integer it leads to (CPython's sizes). */
const BYTES_PER_ITEM = 40;
/** Digits of a number that Python would write out: decimal128 has exponents up to 6144. */
const DIGITS_MAX = 100_000;
const NUMBERS: ReadonlySet<string> = new Set(["decimal.Decimal", "fractions.Fraction"]);
/** What takes each item of what it is given. */
const SPELLED_OUT: ReadonlySet<string> = new Set([
  ..."list tuple set frozenset bytes bytearray dict".split(" ").map((name) => `builtins.${name}`),
  ..."deque Counter OrderedDict".split(" ").map((name) => `collections.${name}`),
  "array.array",
  "torch.Size",
  "time.struct_time",
  "os.stat_result",
]);
/** Bytes or elements of an array of this shape, a buffer of this size, a range of this end. */
function sizeAsked(path: string, args: readonly Value[]): number {
  const count = (value: Value): number => (value instanceof Opaque ? Infinity : typeof value === "number" ? value : 0);
  const sizes = args.map((value) =>
    value instanceof Collection && value.kind === "tuple" ? count(product(value)) : count(value),
  );
  const most = Math.max(0, ...sizes);
  return path === "builtins.range" && most > RANGE_MAX ? Infinity : most;
}
/** The end of a text, where numbers have their exponent. */
const tailOf = (content: Content, { kind, at, length, written }: Text): string =>
  textOf(content, new Text(kind, at + Math.max(0, length - 40), Math.min(40, length), written));
/** Methods that the pickle machine, containers and rebuilding functions ask objects for by name. */
const CALLED_BY_NAME =
  /^(__\w+__|append|extend|add|keys|items|values|update|untyped|_untyped|_untyped_storage|read|readline|readinto|write|seek|close|default_factory|detach|requires_grad_)$/;
/** Classes whose objects look for attributes they lack in their items, or in dicts of their state. */
const ANSWERS_FROM_ITEMS =
  /^(sklearn\.|imblearn\.).*\.(Bunch|\w*MetadataRequest|_\w*Wrapper)$|^scipy\.optimize\..*Results?$|^(torch\.(nn|ao|distributions|optim)|torchvision|timm|omegaconf|transformers|accelerate|pandas|argparse|types)\.|^(pytorch_)?lightning/;
/** Classes that the pickle machine fills by these methods, which are their own. */
const CHANGED_BY: Readonly<Record<Mutation, RegExp>> = {
  append: /^(builtins\.list|collections\.deque)$/,
  extend: /^(builtins\.list|collections\.deque)$/,
  add: /^builtins\.set$/,
  setitem:
    /^(builtins\.dict|collections\.(OrderedDict|defaultdict|Counter)|sklearn\..*\.Bunch|scipy\.optimize\..*Results?|scipy\.sparse\..*\.dok_(matrix|array)|.*\.AttributeDict|transformers\.\S*Output\w*)$/,
};
const isNamed = (value: Value): boolean =>
  value instanceof Global || value instanceof Computed || value instanceof Extension;
const ARRAYS_OF_BYTES = /^numpy\.(_?core\.multiarray\.scalar|_?core\.numeric\._frombuffer|ndarray)$/;
/** Objects that do what they are told when called. */
const CALLABLE_OBJECTS =
  /^(_?operator\.itemgetter|numpy\.vectorize|numpy(\.lib\.polynomial)?\.poly1d|scipy\.(interpolate\.\w+\.interp1d|stats\.\w+\.gaussian_kde)|torch\.nn\.utils\..*|types\.MethodType)$/;
const KEEPERS: ReadonlySet<Reached["is"]> = new Set(["partial", "method-caller", "attribute-getter"]);
/** Functions and classes that are called with objects and use what these offer. */
const ASKING: ReadonlySet<string> = new Set([
  ..."set frozenset bytearray bytes complex list dict tuple int float str bool range"
    .split(" ")
    .map((name) => `builtins.${name}`),
  ..."OrderedDict Counter deque defaultdict".split(" ").map((name) => `collections.${name}`),
  "decimal.Decimal",
  "fractions.Fraction",
  "builtins.iter",
  ..."IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface"
    .split(" ")
    .map((name) => `ipaddress.${name}`),
  "time.struct_time",
  "os.stat_result",
  "http.HTTPStatus",
  "http.HTTPMethod",
]);
/** What NumPy 2 gives its constructor of bit generators instead of their names: called without arguments, each seeds itself. */
const BIT_GENERATORS =
  /^numpy\.random\.(_mt19937\.MT19937|_pcg64\.PCG64|_pcg64\.PCG64DXSM|_philox\.Philox|_sfc64\.SFC64)$/;
/** NumPy's way to an array of a class: no arguments of the stream reach the class. */
const MAKES_OF_NOTHING = /^numpy\.(_?core)\.multiarray\._reconstruct$/;
const isOf = (reached: Reached, module: string): boolean =>
  reached.is === "instance" && reached.of.startsWith(`${module}.`);
/** Also the classes that Python, NumPy and SciPy write small. */
const CLASS_NAME =
  /^(_?[A-Z]\w*|ndarray|recarray|matrix|dtype|\w+_gen|rv_\w+|(u?int|float|complex|bool|str|bytes)\d*_?|list|dict|tuple|set|frozenset|object|type)$/;
/** Ranges longer than any index of a table is. */
const RANGE_MAX = 2 ** 28;
const ALLOCATING: ReadonlySet<string> = new Set([
  "builtins.range",
  "builtins.bytes",
  "builtins.bytearray",
  "numpy.ndarray",
  "numpy.core.multiarray._reconstruct",
  "numpy._core.multiarray._reconstruct",
]);

const product = ({ items }: Collection): Value =>
  items.reduce<Value>(
    (all, item) =>
      typeof all === "number" && typeof item === "number" ? all * item : item instanceof Opaque ? item : all,
    1,
  );

const METHODS: Readonly<Record<Mutation, string>> = {
  append: "append",
  extend: "extend",
  setitem: "__setitem__",
  add: "add",
};

/** INST and OBJ make an object without `__init__` only of a class and only without arguments (pickle.py, _instantiate). */
function useOf({ via, args }: Call): Use {
  if (via === "NEWOBJ") return args instanceof Collection && args.size === 0 ? "empty" : "new";
  if (via === "NEWOBJ_EX") return "new";
  return (via === "OBJ" || via === "INST") && args instanceof Collection && args.size === 0 ? "new" : "call";
}

function spoken(reached: Reached): string {
  switch (reached.is) {
    case "name":
      return `${reached.module}.${reached.name}`;
    case "module":
      return reached.module;
    case "instance":
      return `object made by ${reached.of}`;
    default:
      return "object";
  }
}
