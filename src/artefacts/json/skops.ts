/**
 * The schema of a skops archive (skops/io): a tree of nodes, each with the class or function that loading finds and what it
 * does with it, judged by the policy for pickles. skops itself refuses types nobody trusts; whoever trusts what a file asks
 * for has nothing else.
 */
import { everyNode, JsonObject, memberOf, textIn, type JsonNode } from "#formats/json.ts";
import type { Subject } from "#artefacts/check.ts";
import { covers, standingOf, type Effect, type Use } from "#artefacts/policy.ts";
import type { JsonReading } from "./readings.ts";

/** What each loader does with the class it is given: finds it, makes an object without its constructor, or calls it. */
const LOADERS: Readonly<Record<string, Use | "own">> = {
  DictNode: "call",
  DefaultDictNode: "call",
  ListNode: "call",
  SetNode: "call",
  TupleNode: "call",
  SliceNode: "call",
  JsonNode: "refer",
  BytesNode: "refer",
  BytearrayNode: "refer",
  TypeNode: "refer",
  ObjectNode: "new",
  SparseMatrixNode: "new",
  NdArrayNode: "refer",
  MaskedArrayNode: "refer",
  DtypeNode: "refer",
  RandomStateNode: "refer",
  RandomGeneratorNode: "refer",
  DatetimeTimedeltaNode: "call",
  CachedNode: "own",
  FunctionNode: "own",
  PartialNode: "own",
  MethodNode: "own",
  OperatorFuncNode: "own",
  LossNode: "call",
  TreeNode: "refer",
  ReduceNode: "call",
  SGDNode: "call",
  QuantileForestNode: "refer",
  _DictWithDeprecatedKeysNode: "refer",
};
/** Values of the language and types of NumPy's scalars and arrays, which skops writes with the class's name. */
const VALUES =
  /^(builtins\.(NoneType|type|int|float|str|bool|bytes|bytearray|dict|list|tuple|set|slice|complex)|numpy\.(u?int\d*|float\d*|complex\d*|u?(byte|short|intc|intp|int_|long|longlong)|half|single|double|longdouble|csingle|cdouble|clongdouble|bool_?|str_?|bytes_?|object_?|void|datetime64|timedelta64|generic|number|ndarray|dtype|matrix|recarray|record))$/;
/** Effects that need a look at what is given; making and keeping do not. */
const FINDS: ReadonlySet<Effect> = new Set<Effect>([
  "attribute",
  "attribute-getter",
  "method-caller",
  "partial",
  "import",
  "import-attribute",
  "resolve-name",
  "calls-first",
  "rebuilds",
  "unpickles",
]);
const GETTERS = new Set(["attrgetter", "itemgetter", "methodcaller"]);
const INNARDS =
  /__(globals|builtins|class|bases|base|mro|subclasses|code|dict|getattribute|import|reduce|reduce_ex|self|func)__/;

export const skops: JsonReading = {
  recognises: (root) =>
    textIn(root, "__class__") !== undefined &&
    textIn(root, "__module__") !== undefined &&
    (textIn(root, "__loader__") !== undefined || memberOf(root, "_skops_version") !== undefined),
  judges(root, subject) {
    for (const { node } of everyNode(root)) {
      subject.meter.tick();
      if (!(node.value instanceof JsonObject)) continue;
      if (textIn(node, "__class__") !== undefined) judgeNode(node, subject);
      else if (node.value.get("__class__") ?? node.value.get("__loader__"))
        subject.report({
          rule: "skops-loader",
          severity: "unknown",
          confidence: "high",
          start: node.start,
          end: node.end,
          message: "a node has no class in words: what a loader makes of it is not known",
        });
    }
  },
};

function judgeNode(node: JsonNode, subject: Subject): void {
  const [module, name] = [textIn(node, "__module__") ?? "builtins", textIn(node, "__class__")!];
  const loader = textIn(node, "__loader__");
  const content = memberOf(node, "content");
  const judge = (inModule: string, called: string, use: Use): void => judgeName(inModule, called, use, node, subject);
  const say = (severity: "malicious" | "suspicious" | "unknown", rule: string, message: string): void =>
    subject.report({ rule, severity, confidence: "high", start: node.start, end: node.end, message });
  // What a TypeNode or MethodNode holds has no loader of its own.
  if (loader === undefined) return judge(module, name, "refer");
  const use = LOADERS[loader];
  if (use === undefined)
    return say(
      "suspicious",
      "skops-loader",
      `has a loader that skops does not: ${JSON.stringify(loader.slice(0, 60))}`,
    );
  if (use !== "own") return judge(module, name, use);
  switch (loader) {
    case "FunctionNode":
      return judge(
        textIn(content, "module_path") ?? module,
        textIn(content, "function") ?? (typeof content?.value === "string" ? content.value : name),
        "refer",
      );
    case "PartialNode":
      return;
    case "MethodNode": {
      const method = textIn(content, "func");
      const owner = memberOf(content, "obj");
      if (method === undefined) return say("suspicious", "skops-loader", "has a method without a name");
      return judge(textIn(owner, "__module__") ?? module, `${textIn(owner, "__class__") ?? name}.${method}`, "refer");
    }
    case "OperatorFuncNode": {
      // operator.call and its like are found by the name alone (CVE-2025-54413).
      if (module !== "operator" && module !== "_operator") judge(module, name, "call");
      if (!GETTERS.has(name))
        return say("malicious", "skops-harmful", `makes ${module}.${name} of a node that is for getters`);
      for (const { node: inner } of everyNode(node))
        if (typeof inner.value === "string" && INNARDS.test(inner.value))
          return say(
            "malicious",
            "skops-harmful",
            `${name} reaches ${inner.value.slice(0, 80)}, the interpreter's innards`,
          );
      return;
    }
    default:
  }
}

function judgeName(module: string, name: string, use: Use, { start, end }: JsonNode, { report }: Subject): void {
  const path = `${module}.${name}`;
  if (VALUES.test(path)) return;
  const standing = standingOf(module, name);
  const at = { start, end, confidence: "high" as const };
  if (standing.is === "harmful")
    return report({
      ...at,
      rule: "skops-harmful",
      severity: "malicious",
      message: `loading finds ${path}, which ${standing.does}`,
    });
  // getattr and its like are judged in pickles by what they reach; here nobody follows them.
  if (standing.is === "allowed" && standing.effect !== undefined && FINDS.has(standing.effect))
    return report({
      ...at,
      rule: "skops-unknown",
      severity: use === "refer" ? "unknown" : "suspicious",
      message: `loading ${use === "refer" ? "finds" : "calls"} ${path}, which calls or reaches what it is given`,
    });
  if (standing.is === "allowed" && covers(standing.use, use)) return;
  // A method or member of a class that is allowed, which is kept and not called.
  const owner = name.split(".")[0]!;
  if (use === "refer" && owner !== name && standingOf(module, owner).is === "allowed") return;
  if (use === "refer" && standing.is === "unknown")
    return report({
      ...at,
      rule: "skops-unknown",
      severity: "unknown",
      message: `loading finds ${path}, which stands in no list`,
    });
  report({
    ...at,
    rule: "skops-unknown",
    severity: "suspicious",
    confidence: "medium",
    message: `loading ${use === "new" ? "makes an object of" : "calls"} ${path}, which stands in no list of what frameworks need`,
  });
}
