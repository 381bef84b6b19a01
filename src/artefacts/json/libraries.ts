/**
 * Configurations whose own libraries import, call or build upon what stands under a name: logging's dictConfig, MMEngine, Detectron2,
 * fairseq, Haystack, Kedro, Rasa, Coqui, Ray Serve, BentoML, MLServer, and what is written like them. A path of Python under a name
 * that speaks of a class or a module is imported by whoever reads it; a base elsewhere decides what the rest means.
 */
import { everyNode, JsonObject, type JsonNode } from "#formats/json.ts";
import { calledBy } from "#artefacts/calls.ts";
import type { Finding } from "#artefacts/check.ts";
import { leads } from "#artefacts/outside.ts";
import { standingOf } from "#artefacts/policy.ts";
import { HANDLED, PACKAGES } from "./configurations.ts";
import type { JsonReading } from "./readings.ts";

/** `module.Class`, `module:object`. */
const PATH = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$/;
/** A module's path with a class behind it, as Python's own style writes the two. */
const CLASS_PATH = /^[a-z_]\w*(?:\.[A-Za-z_]\w*)*\.[A-Z]\w*$/;
const MODULE = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
const LENGTH_MAX = 200;
/** Names of files and of versions look like paths of Python too. */
const FILE =
  /\.(?:py[cdiow]?|js|mjs|ts|json[l5]?|ya?ml|toml|txt|md|csv|tsv|xml|html?|onnx|pt|pth|ckpt|bin|safetensors|h5|hdf5|keras|pkl|pickle|joblib|npy|npz|gguf|tflite|pb|vocab|zip|tar|gz|tgz|so|dll|sh|jpe?g|png|gif|bmp|wav|mp[34]|flac|log|cfg|ini|conf|jinja2?|parquet|arrow|db|sqlite|exe|jar|v\d+)$/;

/** The rest of logging's own write to files, connections and mailboxes. */
const LOGGERS = /^logging\.(?:handlers\.)?[A-Z]\w*$/;

/** What a name says is done with what stands there; names without what stands between their words. */
const CALLED = /^(?:\(\)|importpath|charactersclass|userclass|(?:custom|model|runtime)implementation|implementation)$/;
const CLASS =
  /(?:class|classname|classpath|clazz|cls|modulepath|implementation|factory|callable|importpath|function|func|fn|callbacks?|hooks?|provider|entrypoint|predictor)$/;
const IMPORTED =
  /^(?:(?:python|import|user|custom|plugin|extra|preload|additional)modules?(?:name|path)?|importmodules?|(?:custom|extra|additional|user)imports?|imports|includepackages?)$/;
const BASE = /^(?:_+base_+|(?:base|parent)[-_]?(?:config|cfg)s?(?:[-_]?(?:file|path))?)$/i;
/** What stands beside a type that is made: arguments, and where a data set of Kedro's lies. */
const ARGUMENTS =
  /^(?:(?:init|load|save|fs|model)?(?:params|parameters|args|kwargs|arguments)|filepath|credentials|versioned|options|config)$/;
/** Members of a document of MMEngine's, whose types say in which package they are looked for. */
const MMENGINE = ["_base_", "custom_imports", "default_scope", "default_hooks"];
/** Keras has its own reader, which knows its modules. */
const KERAS = /^(?:keras|tf_keras|tensorflow|builtins)(?:\.|$)/;
/** Of logging's own, what writes where a program's messages go anyway. */
const LOGGING =
  /^logging\.(?:(?:Stream|Null|File)Handler|(?:Buffering)?Formatter|Filter|handlers\.(?:(?:Timed)?RotatingFile|WatchedFile|Memory|Queue)Handler)$/;

const letters = (name: string): string => name.replaceAll(/[-_. ]/g, "").toLowerCase();
const isPath = (text: string, pattern = PATH, files = true): boolean =>
  text.length <= LENGTH_MAX && pattern.test(text) && !(files && FILE.test(text));

/** What lists hold, and what members of what stands here hold. */
function* textsOf(node: JsonNode): Generator<JsonNode & { readonly value: string }> {
  if (typeof node.value === "string") yield node as JsonNode & { value: string };
  else if (Array.isArray(node.value))
    for (const item of node.value as readonly JsonNode[])
      if (typeof item.value === "string") yield item as JsonNode & { value: string };
}

/** Classes of frameworks, and what the policy for pickles lets be named. */
function isKnown(text: string): boolean {
  const path = text.replace(":", ".");
  const dot = path.lastIndexOf(".");
  const [module, name] = [path.slice(0, dot), path.slice(dot + 1)];
  return (
    LOGGING.test(path) ||
    KERAS.test(path) ||
    (PACKAGES.test(module) && /^[A-Z]\w*$/.test(name)) ||
    standingOf(module, name).is === "allowed"
  );
}

export const libraries: JsonReading = {
  recognises: () => true,
  judges(root, { report, meter }) {
    const say = ({ start, end }: JsonNode, rule: string, severity: Finding["severity"], message: string): void =>
      report({ rule, severity, confidence: "high", start, end, message });
    const imports = (node: JsonNode, path: string): void =>
      say(node, "names-code", "unknown", `whoever loads it imports ${path}, which stands in no list`);
    /** Rasa's components; what a logger is made of, which is judged with it. */
    const mmengine = root.value instanceof JsonObject && MMENGINE.some((name) => (root.value as JsonObject).get(name));
    const judged = new Set<JsonNode>();
    const components = new Set<JsonNode>();
    for (const { node } of everyNode(root)) {
      if (!(node.value instanceof JsonObject)) continue;
      const object = node.value;
      const logging =
        object.get("version")?.value === 1 && ["handlers", "formatters", "filters"].some((part) => object.get(part));
      if (logging) for (const one of judgeLogging(object, say)) judged.add(one);
      const bento = object.get("api_version") !== undefined && object.get("context")?.value instanceof JsonObject;
      const made =
        mmengine || object.members.length === 1 || object.members.some(([name]) => ARGUMENTS.test(letters(name)));
      for (const [name, member] of object.members) {
        if (name.length > 64 || name.startsWith("__")) {
          if (!BASE.test(name)) continue;
        }
        if (BASE.test(name)) judgeBase(name, member, say);
        if (HANDLED.has(name) || judged.has(member)) continue;
        const short = letters(name);
        if (short === "pipeline" || short === "policies")
          for (const item of Array.isArray(member.value) ? (member.value as readonly JsonNode[]) : [])
            components.add(item);
        if (short === "userdir") {
          for (const text of textsOf(member))
            if (text.value !== "")
              say(text, "names-code", "unknown", `loading imports the Python in the folder ${shown(text.value)}`);
          continue;
        }
        if (IMPORTED.test(short)) {
          meter.tick();
          const generic = short === "imports";
          for (const { node: text } of everyNode(member))
            if (typeof text.value === "string" && isPath(text.value, generic ? PATH : MODULE))
              imports(text, text.value);
          continue;
        }
        for (const text of textsOf(member)) {
          const { value } = text;
          if (value.length > LENGTH_MAX) continue;
          if (CALLED.test(name) || CALLED.test(short)) {
            if (!PATH.test(value) || isKnown(value)) continue;
            const verdict = calledBy(value, "loading imports and calls");
            if (verdict) say(text, "names-code", verdict.severity, verdict.message);
          } else if (
            (CLASS.test(short) && isPath(value)) ||
            (short === "type" && made && isPath(value, CLASS_PATH)) ||
            (short === "name" && components.has(node) && isPath(value, CLASS_PATH)) ||
            ((short === "module" || short === "modulename") &&
              isPath(value, bento || object.get("class_name") || object.get("class") ? MODULE : PATH))
          ) {
            if (isKnown(value) || ((bento || short.startsWith("module")) && isOwnModule(value))) continue;
            imports(text, value);
          }
        }
      }
    }
  },
};

/** Modules of frameworks, and of BentoML's own. */
const isOwnModule = (module: string): boolean =>
  PACKAGES.test(module) || KERAS.test(module) || /^bentoml(\.|$)/.test(module);

type Say = (node: JsonNode, rule: string, severity: Finding["severity"], message: string) => void;
const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);

/** logging.config.dictConfig: `()` and `class` are found by their paths and called with what stands beside them. */
function judgeLogging(object: JsonObject, say: Say): readonly JsonNode[] {
  const all = ["handlers", "formatters", "filters"].flatMap((part) => {
    const { value } = object.get(part) ?? {};
    return value instanceof JsonObject ? value.members.map(([, one]) => one.value) : [];
  });
  // `()` is judged wherever it stands.
  const classes = all.flatMap((one) => (one instanceof JsonObject ? (one.get("class") ?? []) : []));
  for (const made of classes) {
    if (typeof made.value !== "string" || !isPath(made.value, PATH, false) || isKnown(made.value)) continue;
    const verdict = calledBy(made.value, "setting up logging imports and calls");
    if (verdict) say(made, "names-code", LOGGERS.test(made.value) ? "unknown" : verdict.severity, verdict.message);
  }
  return classes;
}

/** MMEngine's `_base_` and Detectron2's `_BASE_`: what the rest is laid over; one in Python is run, and YAML of fvcore's makes objects. */
function judgeBase(name: string, member: JsonNode, say: Say): void {
  for (const text of textsOf(member)) {
    if (text.value === "") continue;
    const out = leads(text.value) ?? (text.value.includes("::") ? "a file of a package" : undefined);
    if (out !== undefined)
      say(text, "outside", "unknown", `${shown(name)} has its reader build upon ${shown(text.value)}, ${out}`);
    else if (/\.py$/i.test(text.value))
      say(text, "names-code", "unknown", `${shown(name)} has its reader run ${shown(text.value)}`);
  }
}
