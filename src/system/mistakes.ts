/** What the schema refuses, said to the author: the offending text, its place, and the nearest thing that would be right. */
import type { z } from "zod";
import { nearest } from "#base/diagnostics.ts";
import type { Diagnostic } from "#base/diagnostics.ts";
import type { SystemFileCode } from "./codes.ts";
import { MODEL_KEYS, modelComponent, otherComponent, systemFile } from "./schema.ts";
import { quoted } from "./yaml.ts";
import type { Located, Path } from "./yaml.ts";

type Issue = z.core.$ZodIssue;
/** What has to go so that the rest can be read on: the value at the path. */
export interface Mistake {
  readonly path: Path;
  readonly diagnostic: Diagnostic;
}

export const diagnostic = (
  code: SystemFileCode,
  message: string,
  hint: string | undefined,
  span: Diagnostic["span"],
): Diagnostic => ({ code, message, ...(hint ? { hint } : {}), ...(span ? { span } : {}) });

export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** Unknown keys of one mapping that get a hint; a mapping with more is another file, not misspelt. */
const EXPLAINED_KEYS = 50;

/** Everything the schema refuses, each as one mistake; `located.value` is read, nothing is changed. */
export function schemaMistakes(located: Located, value: unknown): Mistake[] {
  const result = systemFile.safeParse(value);
  if (result.success) return [];
  const mistakes = result.error.issues.flatMap((issue) => mistakesOf(issue, [], located, value));
  // A misspelt key is one mistake, though the key it should be is missing with it.
  const unknown = mistakes.filter(({ diagnostic: { code } }) => code === "E010").map(({ path }) => path);
  return mistakes.filter(({ path, diagnostic: { code } }) => {
    if (!["E011", "E020", "E022", "E033"].includes(code) || valueAt(value, path) !== undefined) return true;
    const parent = path.slice(0, -1).join("\n");
    const key = String(path.at(-1));
    return !unknown.some(
      (at) => at.slice(0, -1).join("\n") === parent && nearest(String(at.at(-1)), [key]) !== undefined,
    );
  });
}

function mistakesOf(issue: Issue, prefix: Path, located: Located, root: unknown): Mistake[] {
  const path: Path = [...prefix, ...(issue.path as Path)];
  const value = valueAt(root, path);
  const say = (code: SystemFileCode, message: string, hint?: string, part: "key" | "value" = "value"): Mistake[] => [
    { path, diagnostic: diagnostic(code, message, hint, located.span(path, part)) },
  ];
  const name = nameOf(path);

  if (value === undefined && path.length > 0)
    return path.length === 3 && path[0] === "components" && path[2] === "kind"
      ? [missing(path, located), ...restOfComponent(path.slice(0, -1), located, root)]
      : [missing(path, located)];
  const own = /^([EW]\d{3})\|([^|]*)\|(.*)$/s.exec(issue.message);

  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key, index) =>
        index < EXPLAINED_KEYS
          ? unknownKey(key, path, located, root)
          : {
              path: [...path, key],
              diagnostic: diagnostic(
                "E010",
                `${nameOf(path)} has an unknown key ${quoted(key)}`,
                undefined,
                located.span([...path, key], "key"),
              ),
            },
      );
    case "invalid_key":
      return [
        {
          path,
          diagnostic: diagnostic(
            "E016",
            `${quoted(path.at(-1))} cannot be an id`,
            "start with a letter or digit; use letters, digits, “-”, “_” and “.”, such as image-store",
            located.span(path, "key"),
          ),
        },
      ];
    case "invalid_union": {
      if ("note" in issue && issue.note === "No matching discriminator")
        return [...wrongKind(path, located, root), ...restOfComponent(path.slice(0, -1), located, root)];
      const branches = issue.errors as Issue[][];
      // A branch is meant when the value is of its kind of thing: text, list, mapping.
      const meant = branches.filter(
        (issues) => !issues.some(({ code, path: at }) => code === "invalid_type" && at.length === 0),
      );
      const branch = chooseBranch(path, value, branches) ?? (meant.length === 1 ? meant[0] : undefined);
      if (branch) return branch.flatMap((inner) => mistakesOf(inner, path, located, root));
      break;
    }
    case "invalid_value": {
      if (own) break;
      const allowed = issue.values.map(String);
      const near =
        typeof value === "string"
          ? (allowed.find((word) => word === LEVEL_WORDS[value.toLowerCase()]) ?? nearest(value, allowed))
          : undefined;
      return say(
        "E015",
        `${name} cannot be ${quoted(value)}`,
        `${near ? `did you mean ${quoted(near)}? ` : ""}${allowed.length === 1 ? `only ${allowed[0]}` : `one of ${allowed.join(", ")}`}`,
      );
    }
    case "invalid_type":
      if (own) break;
      return say(
        "E014",
        `${name} is ${kindOf(value)}, not ${WANTED[issue.expected] ?? issue.expected}`,
        typeHint(issue.expected, value, located, path),
      );
    case "too_small":
    case "too_big":
      if (own) break;
      return say(
        issue.origin === "array" ? "E014" : "E046",
        issue.origin === "array"
          ? `${name} needs ${"minimum" in issue ? `at least ${issue.minimum}` : `at most ${issue.maximum}`} values`
          : `${name} cannot be ${quoted(value)}`,
        "minimum" in issue
          ? `${issue.minimum} is the least it can be`
          : `${"maximum" in issue ? String(issue.maximum) : "less"} is the most it can be`,
      );
  }
  if (own) {
    const [, code, message, hint] = own;
    return say(code as SystemFileCode, `${name}: ${quoted(value)} ${message}`, hint);
  }
  return say("E014", `${name} cannot be ${quoted(value)}`, issue.message);
}

const LEVEL_WORDS: Readonly<Record<string, string>> = {
  "very low": "VL",
  low: "L",
  medium: "M",
  moderate: "M",
  high: "H",
  "very high": "VH",
};

const WANTED: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping of keys",
  record: "a mapping of keys",
  tuple: "a list of two numbers",
};

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "boolean") return `${value}`;
  if (typeof value === "number") return `the number ${value}`;
  return `the text ${quoted(value)}`;
}

function typeHint(expected: string, value: unknown, located: Located, path: Path): string | undefined {
  if (value === null) return "write a value, or take the key out";
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean"))
    return path.at(-2) === "usual"
      ? "name the way in your own words, or write none"
      : `put it in quotes: "${located.source(path) ?? value}"`;
  if ((expected === "number" || expected === "int") && typeof value === "string") {
    const percent = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(value);
    if (percent) return `write ${Number(percent[1]) / 100}`;
    if (value.trim() !== "" && Number.isFinite(Number(value))) return "take the quotes away";
  }
  if (expected === "boolean") return "write true or false";
  if (expected === "array" && typeof value === "object") return "put “- ” before each item, or write [a, b]";
  if (expected === "array") return `write [${String(value)}]`;
  if ((expected === "record" || expected === "object") && Array.isArray(value))
    return "write `key: value` lines without the “- ”";
  const keys = expected === "object" ? [...keysAt(path, undefined)] : [];
  if (keys.length > 0) return `write ${String(path.at(-1))}: { ${keys.map((key) => `${key}: …`).join(", ")} }`;
  return undefined;
}

/** `flows` and `tests` hold things of different make; the key an item starts with says which is meant. */
const FIRST_KEYS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  flows: [[], ["from", "to"], ["path"]],
  tests: [["evasion"], ["patch"], ["corruption"]],
};

function chooseBranch(path: Path, value: unknown, branches: readonly Issue[][]): Issue[] | undefined {
  const first = FIRST_KEYS[String(path[0])];
  if (!first || path.length !== 2 || typeof value !== "object" || value === null || Array.isArray(value))
    return undefined;
  const index = first.findIndex((keys) => keys.some((key) => Object.hasOwn(value, key)));
  return index < 0 ? undefined : branches[index];
}

function wrongKind(path: Path, located: Located, root: unknown): Mistake[] {
  const value = valueAt(root, path);
  const kinds = ["model", ...otherComponent.shape.kind.options];
  const near = typeof value === "string" ? (SYNONYMS[value.toLowerCase()] ?? nearest(value, kinds)) : undefined;
  const message = `component ${quoted(path.at(-2))} cannot be of kind ${quoted(value)}`;
  const hint = `${near ? `did you mean ${near}? ` : ""}one of ${kinds.join(", ")}`;
  return [{ path, diagnostic: diagnostic("E015", message, hint, located.span(path)) }];
}

/** Words people use for the kinds of S-72. */
const SYNONYMS: Readonly<Record<string, string>> = {
  preprocess: "preprocessing",
  "pre-processing": "preprocessing",
  postprocessing: "preprocessing",
  filter: "preprocessing",
  service: "interface",
  api: "interface",
  ui: "interface",
  camera: "sensor",
  storage: "database",
  store: "database",
  archive: "database",
  gateway: "network",
  router: "network",
  server: "compute",
  gpu: "compute",
  logging: "monitoring",
  user: "human",
  person: "human",
  supplier: "external",
  vendor: "external",
  llm: "model",
};

/** With an unusable `kind` the other keys of the component are still checked, as a model's where it has a model's keys. */
function restOfComponent(path: Path, located: Located, root: unknown): Mistake[] {
  const component = valueAt(root, path);
  if (typeof component !== "object" || component === null) return [];
  const asModel = Object.keys(component).some((key) => MODEL_KEYS.has(key));
  const result = asModel
    ? modelComponent.safeParse({ ...component, kind: "model" })
    : otherComponent.safeParse({ ...component, kind: "interface" });
  if (result.success) return [];
  return (
    result.error.issues
      // Nobody knows yet that it is a model: do not ask for a model's keys.
      .filter((issue) => !(issue.path.length === 1 && valueAt(component, issue.path as Path) === undefined))
      .flatMap((issue) => mistakesOf(issue, path, located, root))
  );
}

function missing(path: Path, located: Located): Mistake {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const span = parent.length === 0 ? located.span([]) : located.span(parent, "key");
  const where = parent.length === 0 ? "the file" : nameOf(parent);
  const described = describedAt(path);
  const say = (code: SystemFileCode, message: string, hint: string): Mistake => ({
    path,
    diagnostic: diagnostic(code, message, hint, span),
  });
  if (key === "vauban" && parent.length === 0)
    return say("E008", "the file does not say which version of the format it is in", "start it with `vauban: 1`");
  if (path.join(".") === "system.purpose")
    return say("E022", "the system has no purpose", "say what it is for, on whom or what, and who decides (S-81)");
  if (path.join(".") === "components")
    return say(
      "E020",
      "the file has no components",
      "declare at least one model and one component that is not a model",
    );
  if (key === "because" || key === "reasoning")
    return say("E033", `${where} gives no reason`, "add because: with a sentence an auditor can follow");
  if (path[0] === "components" && key === "kind") {
    const kinds = ["model", ...otherComponent.shape.kind.options];
    return say("E011", `component ${quoted(path[1])} has no kind`, `add kind: ${kinds.join(" | ")}`);
  }
  return say("E011", `${where} has no ${quoted(key)}`, `add ${key}: ${described ?? ""}`.trim());
}

function unknownKey(key: string, parent: Path, located: Located, root: unknown): Mistake {
  const path = [...parent, key];
  const value = valueAt(root, parent);
  const known = keysAt(parent, value);
  const span = located.span(path, "key");
  const where = parent.length === 0 ? "the file" : nameOf(parent);
  if (parent[0] === "components" && parent.length === 2 && MODEL_KEYS.has(key))
    return {
      path,
      diagnostic: diagnostic(
        "E024",
        `${where} has ${quoted(key)}, which only a model has`,
        `write kind: model, or take ${key} out`,
        span,
      ),
    };
  const taken = new Set(typeof value === "object" && value !== null ? Object.keys(value) : []);
  const near =
    nearest(
      key,
      [...known].filter((candidate) => !taken.has(candidate)),
    ) ?? nearest(key, known);
  const elsewhere = near ? undefined : (otherMake(key, parent) ?? placeOf(key));
  const hint = near
    ? `did you mean ${near}?`
    : key === "<<"
      ? "merge keys are not part of YAML 1.2; write the values out, or use an alias for a whole value"
      : elsewhere
        ? `${key} belongs to ${elsewhere}`
        : known.size > 0
          ? `known here: ${[...known].join(", ")}`
          : undefined;
  return { path, diagnostic: diagnostic("E010", `${where} has an unknown key ${quoted(key)}`, hint, span) };
}

/** How the author would call the place: `component "cnn"`, `tests, item 2, eps`. */
export function nameOf(path: Path): string {
  const [section, second, ...rest] = path;
  const singular: Readonly<Record<string, string>> = {
    components: "component",
    actors: "actor",
    boundaries: "boundary",
    assets: "asset",
    datasets: "dataset",
  };
  const tail = (steps: Path): string =>
    steps.map((step) => (typeof step === "number" ? ` item ${step + 1}` : ` ${step}`)).join("");
  if (section === undefined) return "the file";
  if (second === undefined) return String(section);
  const noun = singular[String(section)];
  if (noun) return `${noun} ${quoted(second)}${rest.length > 0 ? `:${tail(rest)}` : ""}`;
  return `${section}${typeof second === "number" ? `, item ${second + 1}` : ` ${second}`}${rest.length > 0 ? `:${tail(rest)}` : ""}`;
}

// ---------------------------------------------------------------- what the schema knows at a place

type Definition = {
  type: string;
  shape?: Record<string, z.core.$ZodType>;
  innerType?: z.core.$ZodType;
  options?: readonly z.core.$ZodType[];
  element?: z.core.$ZodType;
  valueType?: z.core.$ZodType;
  items?: readonly z.core.$ZodType[];
  getter?: () => z.core.$ZodType;
};
const definitionOf = (schema: z.core.$ZodType): Definition => schema._zod.def as unknown as Definition;

/** The schemas a value at this place may follow, wrappers and unions opened. */
function opened(schema: z.core.$ZodType): z.core.$ZodType[] {
  const definition = definitionOf(schema);
  if (definition.innerType) return opened(definition.innerType);
  if (definition.getter) return opened(definition.getter());
  if (definition.options) return definition.options.flatMap(opened);
  return [schema];
}

function schemasAt(path: Path): z.core.$ZodType[] {
  let schemas: z.core.$ZodType[] = [systemFile];
  for (const step of path)
    schemas = schemas.flatMap(opened).flatMap((schema) => {
      const { shape, element, valueType, items } = definitionOf(schema);
      if (shape && Object.hasOwn(shape, step)) return [shape[step]!];
      if (typeof step === "number" && (element ?? items?.[step])) return [(element ?? items?.[step])!];
      return valueType ? [valueType] : [];
    });
  return schemas;
}

/** Known keys of the mapping at a place; of several makes, the one whose first key the value has. */
function keysAt(path: Path, value: unknown): ReadonlySet<string> {
  const shapes = schemasAt(path)
    .flatMap(opened)
    .flatMap((schema) => (definitionOf(schema).shape ? [definitionOf(schema).shape!] : []));
  const first = path.length === 2 ? FIRST_KEYS[String(path[0])]?.flat() : undefined;
  const decided =
    first && typeof value === "object" && value !== null
      ? shapes.filter((shape) => first.some((key) => Object.hasOwn(shape, key) && Object.hasOwn(value, key)))
      : path.length === 2 && path[0] === "components" && typeof value === "object" && value !== null
        ? shapes.filter((shape) => Object.hasOwn(shape, "level") === ((value as { kind?: unknown }).kind === "model"))
        : shapes;
  return new Set((decided.length > 0 ? decided : shapes).flatMap((shape) => Object.keys(shape)));
}

/** "a patch test", for a key that another make of the same list's items has. */
function otherMake(key: string, parent: Path): string | undefined {
  const first = FIRST_KEYS[String(parent[0])];
  if (!first || parent.length !== 2) return undefined;
  const shape = schemasAt(parent)
    .flatMap(opened)
    .map((schema) => definitionOf(schema).shape)
    .find((candidate) => candidate && Object.hasOwn(candidate, key));
  const make = shape && first.flat().find((name) => Object.hasOwn(shape, name));
  return make && (parent[0] === "tests" ? `a test with ${make}:` : `a flow with ${make}:`);
}

function describedAt(path: Path): string | undefined {
  for (const schema of schemasAt(path)) {
    const described = (schema as z.ZodType).description ?? opened(schema).map((s) => (s as z.ZodType).description)[0];
    if (described) return described;
  }
  return undefined;
}

/** The sections and their entries in which a key is known, for keys that stand on the wrong level. */
function placeOf(key: string): string | undefined {
  const rootShape = definitionOf(systemFile).shape!;
  if (Object.hasOwn(rootShape, key)) return "the top of the file";
  for (const section of Object.keys(rootShape)) {
    for (const [path, words] of [
      [[section], `${section}:`],
      [[section, 0], `an item of ${section}:`],
      [[section, "…"], `an entry of ${section}:`],
    ] as const)
      if (keysAt(path, undefined).has(key)) return words;
  }
  return undefined;
}
