/**
 * A Keras model's configuration, version 3 (keras/src/saving/serialization_lib.py) and the one in H5 files: a program of its
 * own, in which every object names the class or function that loading finds, imports where it must, and calls.
 */
import { contentOf } from "#formats/content.ts";
import { everyNode, itemsOf, JsonObject, memberOf, textIn, type JsonNode } from "#formats/json.ts";
import { readMarshal } from "#formats/marshal.ts";
import type { Subject } from "#artefacts/check.ts";
import { judgeCompiled, judgeSource } from "#artefacts/compiled.ts";
import { carrierOf } from "#artefacts/payload.ts";
import { standingOf } from "#artefacts/policy.ts";
import { FRAMEWORK_HARMS } from "#artefacts/python-code.ts";
import { fromBase64 } from "./base64.ts";
import type { JsonReading } from "./readings.ts";
import { isKerasFunction, isKerasName, KERAS_CLASSES } from "./keras-classes.ts";

/** Packages whose modules a configuration of Keras names. */
const KERAS = /^(keras|tf_keras|keras_core|tensorflow\.keras|tensorflow\.python\.keras)(\.|$)/;
const RELATED =
  /^(keras_hub|keras_nlp|keras_cv|keras_tuner|tensorflow_addons|tensorflow_probability|tensorflow_hub)(\.|$)/;
const TENSORFLOW = /^tensorflow(\.|$)/;
/** Operations as objects of a model, one class each, none of which has a name of its own outside. */
const OPERATIONS = /^keras(\.src)?\.ops\./;
/** Members of a configuration that name a class or function by a plain text. */
const NAMING =
  /(^|_)(activation|initializer|regularizer|constraint)$|^(loss|loss_fn|fn|metrics|weighted_metrics|optimizer)$/;
/** Optimizers as TensorFlow 2.9 to 2.11 wrote them: registered without a package (keras/optimizers/optimizer_experimental). */
const OPTIMIZERS = /^Custom>(Adadelta|Adagrad|Adam|AdamW|Adamax|Ftrl|Nadam|RMSprop|SGD)$/;
/** Modules of Keras whose functions are arithmetic. */
const ARITHMETIC =
  /^(keras|tf_keras|keras_core)(\.src)?\.(activations|ops|initializers|regularizers|losses|metrics|constraints|random|layers|optimizers|dtype_policies|legacy|math|nn|backend)(\.|$)/;
/** What Keras itself makes of plain values; nothing is imported for them. */
const VALUES = new Set([
  "__keras_tensor__",
  "__tensor__",
  "__numpy__",
  "__bytes__",
  "__ellipsis__",
  "__slice__",
  "__typespec__",
  "TensorShape",
  "TypeSpec",
  "CompositeTensor",
  "__tuple__",
  "__shared_object__",
]);
/** Layers whose loading does more than their arithmetic. */
const REACHING: Readonly<Record<string, string>> = {
  TFSMLayer: "loads the SavedModel at a path that the file names",
  TorchModuleWrapper: "unpickles a PyTorch module",
  JaxLayer: "calls a function that the file names",
  FlaxLayer: "calls a module that the file names",
  KerasLayer: "fetches a model from an address or path that the file names",
};
/** Layers that read a vocabulary from a file where their configuration gives a path in its place (CVE-2025-12058). */
const LOOKUPS = new Set(["StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup", "Discretization"]);

export const keras: JsonReading = {
  recognises(root, _, { keras: within }) {
    if (within === true || isObject(root)) return true;
    for (const { node } of everyNode(root))
      if (isObject(node) && (textIn(node, "module") !== undefined || isOwn(textIn(node, "class_name")!))) return true;
    return false;
  },
  judges(root, subject) {
    const archive = subject.surroundings.keras === true;
    const unsure = ({ start, end }: JsonNode, message: string): void =>
      subject.report({ rule: "keras-custom", severity: "unknown", confidence: "high", start, end, message });
    if (archive && !isObject(root))
      unsure(root, "it is no object that Keras would make a model of, and holds such objects or should");
    for (const { node, name: member } of everyNode(root)) {
      subject.meter.tick();
      if (member !== undefined && NAMING.test(member)) judgeTexts(member, node, unsure);
      if (!(node.value instanceof JsonObject)) continue;
      const name = textIn(node, "class_name");
      if (
        name !== undefined &&
        (archive || node.value.get("config") !== undefined || textIn(node, "module") !== undefined)
      )
        judgeObject(name, node, subject);
      else if (archive && name === undefined) {
        const module = textIn(node, "module");
        if (module !== undefined && module !== "" && !KERAS.test(module))
          unsure(node, `names the module ${JSON.stringify(module.slice(0, 80))} and no class of it`);
        else if (node.value.get("class_name") !== undefined) unsure(node, "has a class name that is no text");
      }
    }
  },
};

const isObject = (node: JsonNode): boolean =>
  textIn(node, "class_name") !== undefined && memberOf(node, "config") !== undefined;

/** A class that Keras has, or one of its words for what it makes itself. */
const isOwn = (name: string): boolean => KERAS_CLASSES.has(name) || VALUES.has(name) || name === "__lambda__";

/** Texts that Keras looks up among its own and the loading program's: alone, in a list, or by the output they belong to. */
function judgeTexts(member: string, node: JsonNode, unsure: (node: JsonNode, message: string) => void): void {
  const inner = node.value instanceof JsonObject && !isObject(node) ? node.value.members.map(([, one]) => one) : [];
  for (const one of [node, ...itemsOf(node), ...inner, ...inner.flatMap(itemsOf)])
    if (typeof one.value === "string" && one.value !== "" && !isKerasName(one.value))
      unsure(
        one,
        `names ${JSON.stringify(one.value.slice(0, 80))} as its ${member}, none of Keras: what it does, only the loading program knows`,
      );
}

type Say = (rule: string, severity: "malicious" | "suspicious" | "unknown" | "note", message: string) => void;

function judgeObject(name: string, node: JsonNode, subject: Subject): void {
  const config = memberOf(node, "config");
  const module = textIn(node, "module");
  const registered = textIn(node, "registered_name");
  const say: Say = (rule, severity, message) =>
    subject.report({ rule, severity, confidence: "high", start: node.start, end: node.end, message });
  if (name === "__lambda__") return judgeLambda(config, "a Keras lambda", node, subject);
  if (name === "Lambda") judgeLegacyLambda(config, subject);
  if (VALUES.has(name)) return;
  const what = name === "function" && typeof config?.value === "string" ? config.value : name;
  judgeName(what, name === "function", module, registered, say);
  judgeReach(what, node, config, say, subject);
}

/** What loading makes of the name. */
function judgeName(
  name: string,
  isFunction: boolean,
  module: string | undefined,
  registered: string | undefined,
  say: Say,
): void {
  const shown = `${module === undefined ? "" : `${module}.`}${name}`;
  const custom = registered?.includes(">") === true;
  const unsure = (): void =>
    say(
      "keras-custom",
      "unknown",
      `uses ${shown}, no ${isFunction ? "function" : "class"} of Keras: what it does, only the loading program knows`,
    );
  // A registered name is looked up before any module (serialization_lib.py, _retrieve_class_or_fn).
  if (custom && (module === undefined || module === "builtins" || KERAS.test(module) || TENSORFLOW.test(module)))
    say(
      "keras-custom",
      "unknown",
      `is looked up as ${JSON.stringify(registered!.slice(0, 80))}: what that is, only the loading program knows`,
    );
  if (module === undefined) {
    if (isFunction || !(KERAS_CLASSES.has(name) || OPTIMIZERS.test(name))) unsure();
    return;
  }
  if (module === "builtins") {
    // Keras looks such functions up among its own; only where that fails it takes the loading program's, or Python's.
    if (isFunction && isKerasFunction(name)) return;
    const standing = standingOf("builtins", name);
    if (standing.is === "harmful")
      return say(
        "keras-harmful",
        "malicious",
        `names ${shown}, which ${standing.does}; loading finds it and hands it on`,
      );
    if (isFunction && standing.effect === undefined) return unsure();
    return say(
      "keras-unlisted",
      "suspicious",
      `names ${shown}, one of Python's own, as ${isFunction ? "a function" : "a class"}`,
    );
  }
  if (KERAS.test(module) || TENSORFLOW.test(module)) {
    const harm = [...module.split("."), name]
      .map((part) => FRAMEWORK_HARMS.get(part))
      .find((does) => does !== undefined);
    if (harm !== undefined && REACHING[name] === undefined)
      return say("keras-harmful", "malicious", `names ${shown}, which ${harm}; loading finds it and hands it on`);
    if (isFunction) {
      if (isKerasFunction(name) && (module === "keras" || ARITHMETIC.test(module))) return;
      if (ARITHMETIC.test(module)) return unsure();
      return say("keras-unlisted", "suspicious", `names the function ${shown}, in no list of what models need`);
    }
    if (KERAS_CLASSES.has(name) || (isKerasName(name) && ARITHMETIC.test(module))) return;
    if (!/^[A-Z]\w*$/.test(name))
      return say("keras-unlisted", "suspicious", `names ${shown} as a class, which it is not`);
    if (!OPERATIONS.test(module)) unsure();
    return;
  }
  const standing = standingOf(module, name);
  if (standing.is === "harmful")
    return say(
      "keras-harmful",
      "malicious",
      `names ${shown}, which ${standing.does}: loading imports it by that name (CVE-2025-1550)`,
    );
  if (RELATED.test(module))
    return say("keras-custom", "unknown", `uses ${shown}, of a package that is not judged here`);
  if (isFunction || !/^[A-Z]\w*$/.test(name))
    return say(
      "keras-unlisted",
      "suspicious",
      `names the function ${shown}: loading imports and calls what it finds there`,
    );
  const own = custom || registered === name || module === "__main__";
  say(
    "keras-custom",
    own ? "unknown" : "suspicious",
    own
      ? `uses ${shown}, no class of Keras: what it does, only the loading program knows`
      : `names ${shown}, no class of Keras and not registered as one: loading imports the module by that name`,
  );
}

/** What layers of Keras read, fetch or call besides their arithmetic. */
function judgeReach(name: string, node: JsonNode, config: JsonNode | undefined, say: Say, subject: Subject): void {
  const reaching = REACHING[name];
  if (reaching !== undefined) {
    say("keras-reaching", "suspicious", `holds a ${name}, which ${reaching}`);
    if (name === "TorchModuleWrapper")
      for (const { node: inner } of everyNode(node)) {
        subject.meter.tick();
        carried(inner, `the module of ${name}`, subject);
      }
  }
  if (LOOKUPS.has(name)) {
    const vocabulary = textIn(config, "vocabulary") ?? textIn(config, "idf_weights");
    if (vocabulary !== undefined)
      say(
        "keras-file",
        "suspicious",
        `${name} takes its vocabulary from ${JSON.stringify(vocabulary.slice(0, 120))}: loading reads that file (CVE-2025-12058)`,
      );
  }
  if (name === "TFOpLambda" || name === "TensorFlowOpLayer" || name === "SlicingOpLambda") {
    const called = textIn(config, "function") ?? textIn(config, "node_def") ?? "";
    const harm = called
      .split(/[^\w]+/)
      .map((part) => FRAMEWORK_HARMS.get(part))
      .find((does) => does !== undefined);
    if (harm !== undefined)
      say("keras-harmful", "malicious", `holds the operation ${called.slice(0, 80)}, which ${harm}`);
  }
}

/** Version 3: code, defaults and closure; older writers call the code `value`. */
function judgeLambda(config: JsonNode | undefined, what: string, at: JsonNode, subject: Subject): void {
  const code = memberOf(config, "code") ?? memberOf(config, "value") ?? config;
  const text = typeof code?.value === "string" ? code : itemsOf(code)[0];
  if (typeof text?.value !== "string") {
    subject.report({
      rule: "code-unreadable",
      severity: "suspicious",
      confidence: "high",
      start: at.start,
      end: at.end,
      message: `${what} has no code where its code should be`,
    });
    return;
  }
  const bytes = fromBase64(text.value);
  subject.report(judgeCompiled(bytes === undefined ? [] : readMarshal(bytes), what, text));
  carried(text, what, subject);
}

/** H5 files: `function` is [code, defaults, closure] in base64, or the name of a function. */
function judgeLegacyLambda(config: JsonNode | undefined, subject: Subject): void {
  for (const part of ["function", "output_shape", "mask"]) {
    const given = memberOf(config, part);
    const kind = textIn(config, `${part}_type`);
    const items = itemsOf(given);
    const compiled = kind === "lambda" || (items.length === 3 && typeof items[0]!.value === "string");
    if (given === undefined || (part !== "function" && !compiled)) continue;
    if (compiled) judgeLambda(given, `a Lambda layer (its ${part})`, given, subject);
    else if (typeof given.value === "string" && !/^[\w.>:]*$/.test(given.value))
      subject.report(judgeSource(given.value, `a Lambda layer (its ${part})`, given));
    else if (typeof given.value === "string")
      subject.report({
        rule: "keras-custom",
        severity: "unknown",
        confidence: "high",
        start: given.start,
        end: given.end,
        message: `a Lambda layer calls ${JSON.stringify(given.value.slice(0, 80))}, which only the loading program knows`,
      });
    const module = textIn(config, part === "function" ? "module" : `${part}_module`);
    if (module !== undefined && standingOf(module, "").is === "harmful")
      subject.report({
        rule: "keras-harmful",
        severity: "suspicious",
        confidence: "medium",
        start: given.start,
        end: given.end,
        message: `a Lambda layer runs among the names of ${module}`,
      });
  }
}

/** Text that is base64 of something loadable is scanned as what it is. */
function carried(node: JsonNode, what: string, subject: Subject): void {
  if (typeof node.value !== "string" || node.value.length < 16) return;
  const head = fromBase64(node.value.slice(0, 240));
  const found = head && carrierOf(head);
  if (found === undefined) return;
  const bytes = fromBase64(node.value);
  if (bytes) subject.inspect(`${found} in ${what}`, contentOf(bytes));
}
