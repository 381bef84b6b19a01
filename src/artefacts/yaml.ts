/**
 * YAML beside models: tags that make Python objects, and keys whose readers find and call what they name. Parsed without resolving
 * any tag; where readers of YAML disagree on what stands there, that is said.
 */
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseAllDocuments,
  visit,
  type Alias,
  type Document,
  type Node,
} from "yaml";
import { JsonObject, type JsonNode } from "#formats/json.ts";
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
const INDENT_MAX = 1500;
/** What a second of work is enough for: 30,000 lines of a name and a value. */
const MARKS_MAX = 60_000;
const INDICATORS = "-?:!&*";
/** Each of them ends a line, parts values, or begins a tag, a name, a reference, a directive or a comment. */
const MAKES = "\n\r,!&*%#";
const WHITE = " \t\n\r";
/** Values of a document, aliases counted as often as they stand. */
const NODES_MAX = 100_000;
const FINDINGS_MAX = 50;
const PREFIX = "tag:yaml.org,2002:";
const CORE = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|binary|omap|pairs|set|timestamp|merge)$/;
const PYTHON = /python\/(object(?:\/(?:apply|new))?|name|module)(?::([\w.]*))?/;
/** As it stands in the text, for what cannot be parsed. */
const TAG = /python\/(object(?:\/(?:apply|new))?|name|module):([\w.]+)/g;
const TARGET = /["']?_target_["']?[ \t]*:[ \t]*["']?([\w.]+)/g;
/** Line ends to some readers only, and what hides text from eyes. */
const DOUBTFUL = /\r(?!\n)|[\u0085\u2028\u2029]|(?!^)\ufeff/;

/** The values of each document come back, places in characters of the text. */
export function judgeYaml(text: string, say: SayYaml): readonly JsonNode[] {
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
  const roots: JsonNode[] = [];
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
      for (const document of documents) roots.push(judgeDocument(document, tell));
    } catch (error) {
      problem = error instanceof RangeError ? "it is nested too deep" : "its reader gave up";
    }
  if (problem === undefined) return roots;
  tell("yaml-broken", "unknown", `as YAML: ${problem}`);
  for (const { 1: how, 2: target } of text.matchAll(TAG)) python(how!, target!, tell);
  for (const { 1: target } of text.matchAll(TARGET)) {
    const verdict = calledBy(target, "instantiating calls");
    if (verdict) tell("names-code", verdict.severity, verdict.message);
  }
  return roots;
}

/**
 * Why the text is not given to the parser, whose time goes by what it makes and not by letters: in one pass, how deep brackets, indicators
 * in a row and indents lead, and how much there is to make – ends of lines, brackets, commas, and indicators.
 */
function unfit(text: string): string | undefined {
  if (text.length > SIZE_MAX) return `${text.length} characters are more than is parsed`;
  let [brackets, spaces, indicators, marks] = [0, 0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (letter === " " || letter === "\t") {
      spaces++;
      continue;
    }
    const next = text[i + 1];
    const indicates = INDICATORS.includes(letter) && (next === undefined || WHITE.includes(next));
    const opens = letter === "[" || letter === "{";
    const closes = letter === "]" || letter === "}";
    if (indicates || opens || closes || MAKES.includes(letter)) marks++;
    indicators = indicates ? indicators + 1 : 0;
    if (opens) brackets++;
    else if (closes && brackets > 0) brackets--;
    if (brackets > DEPTH_MAX || indicators > DEPTH_MAX || spaces > INDENT_MAX) return "it is nested too deep";
    spaces = 0;
  }
  return marks > MARKS_MAX ? `${marks} lines and values are more than are parsed` : undefined;
}

/** Judges the tags, and gives the values as JSON has them: what reads JSON reads them too. */
function judgeDocument(document: Document, say: SayYaml): JsonNode {
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
  });
  let budget = NODES_MAX;
  let cut = false;
  let unknown: Alias | undefined;
  // The last of a name before the alias counts; looking it up by the library walks the whole document each time.
  const anchors = new Map<string, Node>();
  const meant = (node: unknown): unknown => (isAlias(node) ? anchors.get(node.source) : node);
  const tree = (node: unknown, depth: number, again = false): JsonNode => {
    const [start = 0, end = start] = isNode(node) ? (node.range ?? []) : [];
    const at = (value: JsonNode["value"]): JsonNode => ({ start, end, value });
    if (--budget < 0 || depth > DEPTH_MAX) {
      cut = true;
      return at(null);
    }
    if (isAlias(node)) {
      if (!anchors.has(node.source)) unknown ??= node;
      return tree(meant(node), depth + 1, true);
    }
    if (isNode(node) && node.anchor !== undefined && !again) anchors.set(node.anchor, node);
    if (isSeq(node)) return at(node.items.map((item) => tree(item, depth + 1, again)));
    if (!isMap(node)) return at(isScalar(node) ? plain(node.value) : null);
    const members = node.items.flatMap(({ key, value }): (readonly [string, JsonNode])[] => {
      const named = tree(key, depth + 1, again);
      const name = meant(key);
      const inner = tree(value, depth + 1, again);
      const text = isScalar(name) ? String(name.value) : "";
      // What is merged stands as if it were written here.
      if (text === "<<" && inner.value instanceof JsonObject) return [...inner.value.members];
      return isScalar(name)
        ? [[text, inner]]
        : [
            ["", named],
            [text, inner],
          ];
    });
    return at(new JsonObject(members));
  };
  const root = tree(document.contents, 0);
  if (cut) say("yaml-doubtful", "unknown", "its aliases make more of it than is followed");
  if (unknown !== undefined)
    say(
      "yaml-broken",
      "unknown",
      `as YAML: nothing before it is called ${unknown.source.slice(0, 80)}`,
      ...(unknown.range?.slice(0, 2) ?? []),
    );
  return root;
}

const plain = (value: unknown): JsonNode["value"] => (value instanceof Uint8Array ? textOf(value) : primitive(value));
/** Of `!!binary`: the text where it is one, which a loader may render like any other; else base64, as it stands there. */
const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  }
};
const primitive = (value: unknown): JsonNode["value"] =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null
    ? value
    : String(value);

function judgeText(value: unknown, say: SayYaml, start?: number, end?: number): void {
  if (typeof value !== "string") return;
  if (/^\s*(\S+\s*@\s*)?(git|hg|svn|bzr)\+\w+:/.test(value))
    say("fetches-code", "unknown", `names a package at an address: ${value.slice(0, 80)}`, start, end);
  if (/\btrust_remote_code\s*[=:]\s*(true|1|yes)\b/i.test(value))
    say("remote-code", "unknown", `has code beside a model run: ${value.slice(0, 80)}`, start, end);
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
