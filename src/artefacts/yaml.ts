/**
 * YAML beside models: tags that make Python objects, and keys whose readers find and call what they name. Parsed without resolving
 * any tag; where readers of YAML disagree on what stands there, that is said.
 */
import { isAlias, isMap, isNode, isScalar, parseAllDocuments, visit, type Document } from "yaml";
import { calledBy } from "./calls.ts";
import type { Finding } from "./check.ts";
import { standingOf } from "./policy.ts";

export type SayYaml = (
  rule: string,
  severity: Finding["severity"],
  message: string,
  start?: number,
  end?: number,
) => void;

const SIZE_MAX = 2 ** 20;
const DEPTH_MAX = 300;
const FINDINGS_MAX = 50;
const PREFIX = "tag:yaml.org,2002:";
const CORE = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|binary|omap|pairs|set|timestamp|merge)$/;
const PYTHON = /python\/(object(?:\/(?:apply|new))?|name|module)(?::([\w.]*))?/;
/** As it stands in the text, for what cannot be parsed. */
const TAG = /python\/(object(?:\/(?:apply|new))?|name|module):([\w.]+)/g;
const TARGET = /["']?_target_["']?[ \t]*:[ \t]*["']?([\w.]+)/g;
/** Line ends to some readers only, and what hides text from eyes. */
const DOUBTFUL = /\r(?!\n)|[\u0085\u2028\u2029]|(?!^)\ufeff/;

export function judgeYaml(text: string, say: SayYaml): void {
  let said = 0;
  const tell: SayYaml = (...finding) => {
    if (said++ < FINDINGS_MAX || finding[1] === "malicious") say(...finding);
  };
  if (DOUBTFUL.test(text))
    tell(
      "yaml-doubtful",
      "unknown",
      "it holds characters that end a line to some readers of YAML and to others do not",
    );
  let problem = unfit(text);
  let documents: readonly Document[] = [];
  if (problem === undefined)
    try {
      const parsed = parseAllDocuments(text, {
        logLevel: "silent",
        uniqueKeys: false,
        strict: false,
        prettyErrors: false,
      });
      documents = Array.isArray(parsed) ? parsed : [];
      const error = documents.flatMap(({ errors }) => errors)[0];
      if (error) problem = error.message.slice(0, 120);
      for (const document of documents) judgeDocument(document, tell);
    } catch (error) {
      problem = error instanceof RangeError ? "it is nested too deep" : "its reader gave up";
    }
  if (problem === undefined) return;
  tell("yaml-broken", "unknown", `as YAML: ${problem}`);
  for (const { 1: how, 2: target } of text.matchAll(TAG)) python(how!, target!, tell);
  for (const { 1: target } of text.matchAll(TARGET)) called(target, tell);
}

/** Why the text is not given to the parser. */
function unfit(text: string): string | undefined {
  if (text.length > SIZE_MAX) return `${text.length} characters are more than is parsed`;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === "[" || letter === "{") {
      if (++depth > DEPTH_MAX) return "it is nested too deep";
    } else if ((letter === "]" || letter === "}") && depth > 0) depth--;
  }
  return /(?:[-?:!&][ \t]+){300}/.test(text) || / {1500}[-?\w]/.test(text) ? "it is nested too deep" : undefined;
}

function judgeDocument(document: Document, say: SayYaml): void {
  const handles = Object.entries(document.directives?.tags ?? {}).filter(
    ([handle, prefix]) => !(handle === "!!" && prefix === PREFIX),
  );
  if (handles.length > 0)
    say(
      "yaml-tag",
      "unknown",
      `a %TAG directive gives ${handles[0]![0]} another meaning: ${handles[0]![1].slice(0, 80)}`,
    );
  visit(document, {
    Node(_, node) {
      if (isScalar(node)) judgeText(node.value, say, node.range?.[0], node.range?.[1]);
      const tag = isAlias(node) ? undefined : node.tag;
      if (tag === undefined || CORE.test(tag)) return;
      const [start, end] = node.range ?? [];
      const found = PYTHON.exec(decoded(tag));
      if (found) python(found[1]!, found[2] ?? "", say, start, end);
      else if (/python/i.test(decoded(tag)))
        say("yaml-python", "unknown", `the tag ${tag.slice(0, 80)} makes a value of Python`, start, end);
      else say("yaml-tag", "unknown", `the tag ${tag.slice(0, 80)} means what the loading program says`, start, end);
    },
    Pair(_, pair) {
      const { key } = pair;
      const value = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
      const name = isAlias(key) ? key.resolve(document) : key;
      const [start, end] = isNode(pair.value) ? (pair.value.range ?? []) : [];
      const plain = isScalar(value) ? value.value : value === null ? null : isMap(value) ? value : undefined;
      if (isScalar(name)) judgeKey(String(name.value), plain, say, start, end);
    },
  });
}

function judgeText(value: unknown, say: SayYaml, start?: number, end?: number): void {
  if (typeof value !== "string") return;
  if (/^\s*(\S+\s*@\s*)?(git|hg|svn|bzr)\+\w+:/.test(value))
    say("fetches-code", "unknown", `names a package at an address: ${value.slice(0, 80)}`, start, end);
  if (/\{[{%]/.test(value)) say("template", "unknown", "holds a template, which is not followed here", start, end);
}

function judgeKey(name: string, value: unknown, say: SayYaml, start?: number, end?: number): void {
  if (["_target_", "class_path", "py/object", "py/function", "py/type"].includes(name))
    return called(value, say, start, end);
  if (name === "py/repr") return say("jsonpickle", "malicious", "jsonpickle evaluates what stands here", start, end);
  if (name === "py/reduce") return say("jsonpickle", "suspicious", "jsonpickle calls what stands here", start, end);
  if (name === "trust_remote_code" && value === true)
    return say("remote-code", "suspicious", "asks its reader to trust remote code", start, end);
  if (/^(loader_module|auto_map|custom_pipelines|build-backend)$/.test(name))
    say("names-code", "unknown", `${name} has a loading program import what stands here`, start, end);
}

function called(target: unknown, say: SayYaml, start?: number, end?: number): void {
  const verdict = calledBy(target === undefined ? {} : target, "instantiating calls");
  if (verdict) say("names-code", verdict.severity, verdict.message, start, end);
}

/** Tags that make Python objects (PyYAML's UnsafeLoader and old Loader). */
function python(how: string, target: string, say: SayYaml, start?: number, end?: number): void {
  const dot = target.lastIndexOf(".");
  const standing = standingOf(
    dot < 0 ? (how === "module" ? target : "builtins") : target.slice(0, dot),
    target.slice(dot + 1),
  );
  const calls = how.startsWith("object");
  say(
    "yaml-python",
    standing.is === "harmful" ? (calls ? "malicious" : "suspicious") : calls ? "suspicious" : "unknown",
    `a tag has YAML's loader ${calls ? "call" : "find"} ${target}${standing.is === "harmful" ? `, which ${standing.does}` : ""}`,
    start,
    end,
  );
}

function decoded(tag: string): string {
  try {
    return decodeURIComponent(tag);
  } catch {
    return tag;
  }
}
