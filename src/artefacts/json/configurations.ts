/**
 * Configurations beside models that name code, other models or other files: Hugging Face's (config.json, tokenizers, adapters,
 * indexes of shards, pipelines), and documents whose readers make objects of what they name (Hydra, jsonpickle).
 */
import { everyNode, itemsOf, JsonObject, memberOf, textIn, type JsonNode } from "#formats/json.ts";
import type { Finding, Subject } from "#artefacts/check.ts";
import { beside, hangsOn } from "#artefacts/beside.ts";
import { leads } from "#artefacts/outside.ts";
import { calledBy } from "#artefacts/calls.ts";
import { standingOf } from "#artefacts/policy.ts";
import type { JsonReading } from "./readings.ts";

type Say = (
  node: JsonNode,
  severity: Finding["severity"],
  rule: string,
  message: string,
  more?: Pick<Finding, "beside">,
) => void;

const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
/** Absolute, climbing, or at an address. */
const OUTSIDE = /^([/\\~]|[A-Za-z]:[\\/])|(^|[/\\])\.\.([/\\]|$)|:\/\//;
/** Packages whose classes these configurations name; what else they name is imported too. */
export const PACKAGES =
  /^(transformers|diffusers|sentence_transformers|peft|torch|torchvision|tokenizers|onnxruntime|optimum|timm|open_clip|flax|jax|numpy|sklearn|setfit|k_diffusion|accelerate)(\.|$)/;

/** By the name of a member, wherever in the document it stands. */
const MEMBERS: Readonly<
  Record<string, (node: JsonNode, say: Say, subject: Subject, around: JsonObject | undefined) => void>
> = {
  // transformers/dynamic_module_utils.py: "module.Class" beside the file, "owner/repo--module.Class" elsewhere.
  auto_map(node, say) {
    for (const { node: inner } of everyNode(node)) {
      if (typeof inner.value !== "string") continue;
      const elsewhere = inner.value.includes("--");
      say(
        inner,
        elsewhere ? "suspicious" : "unknown",
        "remote-code",
        elsewhere
          ? `loading with trust_remote_code fetches and runs ${shown(inner.value)}, from another repository`
          : `loading with trust_remote_code runs ${shown(inner.value)}, code beside the model`,
      );
    }
  },
  // transformers/generation/utils.py, load_custom_generate: custom_generate/generate.py of the repository that is named.
  custom_generate(node, say) {
    for (const { node: inner } of everyNode(node))
      if (typeof inner.value === "string" && inner.value !== "")
        say(
          inner,
          inner.value.includes("/") ? "suspicious" : "unknown",
          "remote-code",
          `generating fetches and runs custom_generate/generate.py of ${shown(inner.value)}`,
        );
  },
  custom_pipelines(node, say) {
    for (const { node: inner, name } of everyNode(node))
      if ((name === "impl" || inner === node) && typeof inner.value === "string")
        say(inner, "unknown", "remote-code", `a pipeline runs ${shown(inner.value)}, code beside the model`);
  },
  trust_remote_code(node, say) {
    // YAML 1.1 has more words for true and false than JSON.
    if (node.value === null || node.value === false || node.value === 0) return;
    if (typeof node.value === "string" && /^(|false|no|n|off|0|none|null)$/i.test(node.value)) return;
    say(
      node,
      node.value === true || node.value === 1 || /^(true|yes|y|on|1)$/i.test(String(node.value))
        ? "suspicious"
        : "unknown",
      "remote-code",
      "asks its reader to trust remote code: whatever model it names, that model's code runs",
    );
  },
  // Kernels of the hub are native code, fetched when the model is made.
  attn_implementation: kernel,
  _attn_implementation: kernel,
  _attn_implementation_internal: kernel,
  experts_implementation: kernel,
  kernel_config: kernel,
  kernel_mapping: kernel,
  weight_map(node, say, subject) {
    if (!(node.value instanceof JsonObject)) return;
    const files = new Map<string, JsonNode>();
    for (const [, value] of node.value.members)
      if (typeof value.value === "string" && files.size < 10_000) files.set(value.value, value);
    for (const [file, at] of files) {
      subject.meter.tick();
      // In an archive, shards are members beside this one, and each is judged.
      if (subject.ports.neighbour === undefined && leads(file) === undefined) continue;
      const { found, problem } = beside(file, subject.ports);
      if (problem)
        say(
          at,
          problem.severity,
          found === undefined && problem.severity === "unknown" ? "shard" : "outside",
          `a shard lies in ${shown(file)}, ${problem.says}`,
          hangsOn(file, subject.ports),
        );
    }
  },
  // peft: an adapter made for a class that only its library has.
  auto_mapping(node, say) {
    const library = textIn(node, "parent_library");
    if (library !== undefined)
      importable(library, textIn(node, "base_model_class") ?? "", node, say, "loading imports");
  },
  base_model_name_or_path(node, say) {
    if (typeof node.value === "string" && node.value !== "")
      say(node, "note", "base-model", `it is an adapter of ${shown(node.value)}: nothing here speaks of that model`);
  },
  // hydra.utils.instantiate and its like call what stands here.
  _target_: (node, say) => called(node, say, "instantiating calls"),
  // Latent diffusion's instantiate_from_config, and NeMo's of its time: a path, and beside it what the call is given.
  target: (node, say, _, around) =>
    called(
      around?.get("params") !== undefined || isInstantiated(node, around) ? node : harmfulIn(node),
      say,
      "instantiating calls",
    ),
  // mlflow imports it when the model is loaded (mlflow/pyfunc).
  loader_module(node, say) {
    if (typeof node.value === "string") importable(node.value, "", node, say, "loading imports");
  },
  "build-backend": (node, say) => say(node, "unknown", "names-code", "installing imports what stands here"),
  // sentence_transformers imports and calls these by name where they are paths (models/Dense.py, CrossEncoder.py, Router.py).
  activation_function: dotted,
  activation_fn: dotted,
  sbert_ce_default_activation_function: dotted,
  tokenizer_class: dotted,
  types: (node, say, _, around) => around?.get("structure") && dotted(node, say),
  // jsonargparse, and with it Lightning's command line.
  class_path: (node, say) => called(node, say, "instantiating calls"),
  "py/object": (node, say) => called(node, say, "jsonpickle makes an object of"),
  "py/newobj": (node, say) => say(node, "unknown", "jsonpickle", "jsonpickle makes an object of what stands here"),
  "py/newargsex": (node, say) => say(node, "unknown", "jsonpickle", "jsonpickle makes an object of what stands here"),
  "py/function": (node, say) => pickled(node, say, "finds"),
  "py/type": (node, say) => pickled(node, say, "finds"),
  "py/repr": (node, say) => say(node, "malicious", "jsonpickle", "jsonpickle evaluates the text that stands here"),
  "py/reduce": (node, say) => say(node, "suspicious", "jsonpickle", "jsonpickle calls what stands here"),
};

/** Names of members that are judged here. */
export const HANDLED: ReadonlySet<string> = new Set(Object.keys(MEMBERS));

function kernel(node: JsonNode, say: Say): void {
  for (const { node: inner } of everyNode(node))
    if (typeof inner.value === "string" && inner.value.includes("/"))
      say(
        inner,
        "suspicious",
        "remote-code",
        `loading fetches the kernel ${shown(inner.value)}, native code from elsewhere`,
      );
}

/** Names of classes are words; paths to them are imported. */
function dotted(node: JsonNode, say: Say): void {
  for (const { node: inner } of everyNode(node))
    if (typeof inner.value === "string" && /^[A-Za-z_]\w*(\.\w+)+$/.test(inner.value) && !OWN_CLASS.test(inner.value))
      called(inner, say, "loading imports and calls");
}
/** Activations of torch, and modules of sentence_transformers, as these configurations name them. */
const OWN_CLASS = /^(torch\.nn(\.modules\.[a-z]+)?|sentence_transformers(\.\w+)*)\.[A-Z]\w*$/;

/** Made without arguments: the path of a class, or one that stands alone. What else has a target speaks of columns and builds. */
const isInstantiated = ({ value }: JsonNode, around: JsonObject | undefined): boolean =>
  typeof value === "string" &&
  value.length <= 200 &&
  (around?.members.length === 1
    ? /^[A-Za-z_]\w*(\.\w+)*\.[A-Za-z_]\w*$/.test(value)
    : /^[a-z_]\w*(\.\w+)*\.[A-Z]\w*$/.test(value));

/** The text, where it names something harmful. */
const harmfulIn = (node: JsonNode): JsonNode | undefined => {
  if (typeof node.value !== "string" || !/^[A-Za-z_]\w*(\.\w+)+$/.test(node.value)) return undefined;
  const dot = node.value.lastIndexOf(".");
  return standingOf(node.value.slice(0, dot), node.value.slice(dot + 1)).is === "harmful" ? node : undefined;
};

/** Something that loading imports by name. */
function importable(module: string, name: string, node: JsonNode, say: Say, does: string): void {
  const path = name === "" ? module : `${module}.${name}`;
  const standing = standingOf(module, name);
  // Packages that the policy for pickles calls harmful as wholes have their own classes here.
  const own = PACKAGES.test(module) && /^[A-Z]\w*$/.test(name);
  if (standing.is === "harmful" && !own)
    return say(node, "malicious", "names-code", `${does} ${path}, which ${standing.does}`);
  if (own || standing.is === "allowed") return;
  say(node, "unknown", "names-code", `${does} ${path}, which stands in no list`);
}

/** Something that is found by name and called. */
function called(node: JsonNode | undefined, say: Say, does: string): void {
  if (node === undefined) return;
  const verdict = calledBy(node.value, does);
  if (verdict) say(node, verdict.severity, "names-code", verdict.message);
}

function pickled(node: JsonNode, say: Say, does: string): void {
  if (typeof node.value !== "string") return;
  const dot = node.value.lastIndexOf(".");
  importable(
    dot < 0 ? "builtins" : node.value.slice(0, dot),
    node.value.slice(dot + 1),
    node,
    say,
    `jsonpickle ${does}`,
  );
}

const letters = (name: string): string => name.replaceAll(/[-_ ]/g, "").toLowerCase();
/** Members whose other spellings nobody has a reason to write. */
const ALMOST: ReadonlyMap<string, string> = new Map(
  ["auto_map", "custom_generate", "custom_pipelines", "loader_module"].map((name) => [letters(name), name]),
);

export const configurations: JsonReading = {
  recognises: () => true,
  judges(root, subject) {
    const say: Say = ({ start, end }, severity, rule, message, more = {}) =>
      subject.report({ rule, severity, confidence: "high", start, end, message, ...more });
    for (const { node } of everyNode(root)) {
      if (Array.isArray(node.value)) for (const item of node.value as readonly JsonNode[]) evaluated(item, say);
      if (!(node.value instanceof JsonObject)) continue;
      for (const [, member] of node.value.members) if (!evaluated(member, say)) named(member, say);
      inParts(node, node.value, say);
      for (const [name, member] of node.value.members)
        if (Object.hasOwn(MEMBERS, name)) MEMBERS[name]!(member, say, subject, node.value);
        else if (ALMOST.has(letters(name)) && member.value !== null && typeof member.value !== "boolean")
          say(
            member,
            "unknown",
            "names-code",
            `${shown(name)} is nearly ${ALMOST.get(letters(name))}: a reader that takes it for that runs the code it names`,
          );
    }
    commands(root, say, subject.path);
    modules(root, say, subject.path);
    pipeline(root, say, subject.path);
  },
};

/** A module and a name of it, side by side, as many programs keep what they import. */
const IN_MODULE = ["module", "__module__", "module_name", "module_path", "package", "library"];
const IN_NAME = ["class", "class_name", "__class__", "name", "function", "func", "callable", "attribute", "attr"];
function inParts({ start, end }: JsonNode, object: JsonObject, say: Say): void {
  const texts = (names: readonly string[]): readonly string[] =>
    names.map((name) => object.get(name)?.value).filter((value) => typeof value === "string");
  for (const module of texts(IN_MODULE))
    for (const name of texts(IN_NAME)) named({ value: `${module}.${name}`, start, end }, say);
  // LangChain's serial form: the path in pieces.
  const pieces = itemsOf(object.get("id")).map(({ value }) => value);
  if (object.get("lc") && pieces.every((piece) => typeof piece === "string"))
    named({ value: pieces.join("."), start, end }, say);
}

/** A value that is Python which imports or is a function, for whoever evaluates it. */
function evaluated(node: JsonNode, say: Say): boolean {
  const { value } = node;
  if (typeof value !== "string" || !/^\s*(?:__import__\s*\(|lambda\b[^:\n]{0,80}:)/.test(value)) return false;
  say(node, "unknown", "names-code", `holds a Python expression: ${shown(value)}`);
  return true;
}

/** A value that is nothing but the path of something harmful: whoever looks it up gets that. */
function named({ value, start, end }: JsonNode, say: Say): void {
  if (typeof value !== "string") return;
  if (value.length > 100 || !/^[A-Za-z_]\w*([.:][A-Za-z_]\w*)+$/.test(value)) return;
  const path = value.replace(":", ".");
  const dot = path.lastIndexOf(".");
  const standing = standingOf(path.slice(0, dot), path.slice(dot + 1));
  // Of a module's other names the policy says only where they lie.
  if (standing.is === "harmful" && !standing.does.startsWith("belongs to"))
    say(
      { value, start, end },
      "unknown",
      "names-code",
      `names ${path}, which ${standing.does}, for whoever looks it up`,
    );
}

/** Files from which other programs take commands, by the names those programs look for. */
const COMMANDS: readonly (readonly [file: RegExp, by: string, member: RegExp])[] = [
  [
    /(^|\/)package\.json$/,
    "npm",
    /^((pre|post)?(install|prepare|pack|publish)|prepublish(Only)?|dependencies|binding)$/,
  ],
  [/(^|\/)composer\.json$/, "composer", /^scripts$/],
  [
    /(^|\/)\.vscode\/(tasks|launch|settings)\.json$/,
    "the editor",
    /^(command|program|runtimeExecutable|.*(path|Path|executable))$/,
  ],
  [/(^|\/)\.?devcontainer(\/.*)?\.json$/, "the editor", /(Command|^build|^image)$/],
  [/(^|\/)\.?mcp(_config|_settings)?\.json$|claude_desktop_config\.json$/, "an agent", /^(command|url)$/],
  [/(^|\/)(docker-)?compose[\w.-]*\.ya?ml$/, "docker compose", /^(command|entrypoint|image|build)$/],
  [/(^|\/)\.github\/(workflows|actions)\/.*\.ya?ml$/, "a build service", /^(run|uses)$/],
  [
    /(^|\/)(\.gitlab-ci|azure-pipelines|\.travis|appveyor|cloudbuild|bitbucket-pipelines|buildspec|\.drone)\.ya?ml$/,
    "a build service",
    /./,
  ],
  [/(^|\/)\.circleci\/.*\.ya?ml$/, "a build service", /./],
  [/(^|\/)\.pre-commit-config\.ya?ml$/, "git's hooks", /^(repo|entry)$/],
  [/(^|\/)dvc\.ya?ml$/, "dvc", /^cmd$/],
  [/(^|\/)project\.ya?ml$/, "spaCy", /^script$/],
  [/(^|\/)(playbook|site|tasks)[\w.-]*\.ya?ml$/, "ansible", /^(hosts|shell|command|script)$/],
];

/** Names under which programs that build, serve, test and deploy models keep commands, and what a command looks like. */
const RUN =
  /^(run|cmds?|commands?|scripts?|setup|setup_script|setup_commands|entry_?point|exec|before_script|after_script|provider|providers|assert)$/i;
const COMMAND = /^(exec|file|python|golang):|^(\.{0,2}\/|~\/)|^[\w./-]+\s+\S|[|;&`]|\$\(/;
/** Names under which installers look for packages, and packages that no index vouches for. */
const INSTALLED =
  /^(dependencies|pip|packages|python_packages|requirements|build_dependencies|requires|install_requires)$/i;
const ELSEWHERE =
  /^\s*(-e\b|--?[a-z-]+|\.{0,2}\/|~\/|\w+(\+\w+)?:\/\/|[\w.[\],-]+\s*@\s*\S)|\.(?:whl|zip|tar\.gz|tgz)$|^\s*(git|hg|svn|bzr)\+/i;
const CHANNELS: ReadonlySet<string> = new Set(
  "defaults nodefaults main r msys2 anaconda conda-forge bioconda pytorch nvidia huggingface intel fastai rapidsai xformers".split(
    " ",
  ),
);

/** The text that stands there, or the texts of a list. */
const textsIn = ({ value }: JsonNode): readonly string[] =>
  typeof value === "string"
    ? [value]
    : Array.isArray(value)
      ? value.flatMap((item: JsonNode) => (typeof item.value === "string" ? [item.value] : []))
      : [];

function commands(root: JsonNode, say: Say, path: string): void {
  const found = COMMANDS.find(([file]) => file.test(path));
  for (const { node, name } of everyNode(root)) {
    if (name === undefined) continue;
    if (name === "mcpServers") {
      say(node, "unknown", "runs-commands", "an agent that reads it starts the programs that stand here");
      continue;
    }
    if (found?.[2].test(name)) {
      say(node, "unknown", "runs-commands", `${found[1]} runs or fetches what stands under ${shown(name)}`);
      return;
    }
    const texts = textsIn(node);
    if (RUN.test(name) && texts.some((text) => COMMAND.test(text))) {
      say(node, "unknown", "runs-commands", `whoever reads it may run what stands under ${shown(name)}`);
      return;
    }
    if (INSTALLED.test(name) && texts.some((text) => ELSEWHERE.test(text)))
      say(
        node,
        "unknown",
        "fetches-code",
        `packages under ${shown(name)} come from addresses or folders, and their code runs`,
      );
    if (name === "channels" && texts.some((text) => !CHANNELS.has(text)))
      say(
        node,
        "unknown",
        "fetches-code",
        "packages come from channels that are not Conda's usual ones, and their code runs",
      );
  }
}

/** sentence_transformers' modules.json: each module's class is imported by the name that stands there. */
function modules(root: JsonNode, say: Say, name: string): void {
  const named = /(^|\/)modules\.json$/i.test(name);
  for (const item of itemsOf(root)) {
    const type = textIn(item, "type");
    const path = textIn(item, "path");
    const dotted = type !== undefined && /^[\w]+(\.\w+)+$/.test(type);
    if (type === undefined || (!named && memberOf(item, "idx") === undefined && (path === undefined || !dotted)))
      continue;
    const dot = type.lastIndexOf(".");
    if (!/^sentence_transformers\.([\w.]+\.)?[A-Z]\w*$/.test(type)) {
      const verdict = calledBy(type, "loading imports and calls");
      if (verdict) say(item, verdict.severity, "names-code", verdict.message);
      else say(item, "unknown", "names-code", `loading imports and calls ${type}, no module of sentence_transformers`);
    } else importable(type.slice(0, Math.max(0, dot)), type.slice(dot + 1), item, say, "loading imports");
    if (path !== undefined && OUTSIDE.test(path))
      say(item, "suspicious", "outside", `a module lies outside the model's folder: ${shown(path)}`);
  }
}

/** diffusers' model_index.json: [library, class] per component. */
function pipeline(root: JsonNode, say: Say, path: string): void {
  const own = memberOf(root, "_class_name");
  const named = /(^|\/)model_index\.json$/i.test(path) || textIn(root, "_class_name")?.endsWith("Pipeline") === true;
  if (!named && (own === undefined || memberOf(root, "_diffusers_version") === undefined)) return;
  if (own && Array.isArray(own.value)) say(own, "unknown", "remote-code", "the pipeline is code beside the model");
  if (!(root.value instanceof JsonObject)) return;
  for (const [, value] of root.value.members) {
    const [library, name] = itemsOf(value).map((item) => item.value);
    if (typeof library === "string" && typeof name === "string")
      importable(library, name, value, say, "loading imports");
  }
}
