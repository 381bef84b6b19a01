/**
 * TensorFlow's messages (tensorflow/core/framework and core/protobuf/*.proto) as tables for the protobuf reader: SavedModel,
 * GraphDef and Keras's metadata. Names of nodes and operators are kept as bytes, so that findings have their place.
 */
import type { Content } from "./content.ts";
import { upTo } from "./content.ts";
import type { Field, Message, MessageTable } from "./protobuf.ts";

type Kind = Field["type"] | string;

/** `number name kind` per field; `kind*` repeats, `map kind` is a map from text. */
function table(name: string, fields: Readonly<Record<number, readonly [string, Kind]>>): MessageTable {
  const built: Record<number, Field> = {};
  for (const [number, [field, kind]] of Object.entries(fields)) {
    const written = typeof kind === "string" ? kind : "";
    const repeated = written.endsWith("*");
    const bare = written.replace("*", "");
    const type =
      typeof kind === "function"
        ? kind
        : SCALARS.has(bare)
          ? bare
          : bare.startsWith("map ")
            ? () => entry(bare.slice(4))
            : () => named(bare);
    built[Number(number)] = {
      name: field,
      type: type as Field["type"],
      ...(repeated || bare.startsWith("map ") ? { repeated: true } : {}),
    };
  }
  return { name, fields: built };
}

const SCALARS = new Set(["int64", "uint64", "int32", "float", "double", "string", "bytes"]);

const named = (name: string): MessageTable => {
  const found = TABLES[name];
  if (found === undefined) throw new Error(`no message ${name}`);
  return found;
};
const entries = new Map<string, MessageTable>();
/** An entry of a map, whose keys are texts or numbers: numbers are told from texts by `#`. */
function entry(kind: string): MessageTable {
  const known = entries.get(kind);
  if (known) return known;
  const numeric = kind.startsWith("#");
  const made = table(`map of ${kind}`, {
    1: ["key", numeric ? "int64" : "string"],
    2: ["value", kind.replace("#", "")],
  });
  entries.set(kind, made);
  return made;
}

const TABLES: Readonly<Record<string, MessageTable>> = {
  SavedModel: table("SavedModel", { 1: ["version", "int64"], 2: ["metaGraphs", "MetaGraphDef*"] }),
  MetaGraphDef: table("MetaGraphDef", {
    1: ["metaInfo", "MetaInfoDef"],
    2: ["graph", "GraphDef"],
    3: ["saver", "SaverDef"],
    4: ["collections", "map CollectionDef"],
    5: ["signatures", "map SignatureDef"],
    6: ["assets", "AssetFileDef*"],
    7: ["objects", "SavedObjectGraph"],
  }),
  MetaInfoDef: table("MetaInfoDef", {
    1: ["version", "string"],
    2: ["operators", "OpList"],
    4: ["tags", "string*"],
    5: ["tensorflow", "string"],
    6: ["git", "string"],
    7: ["stripped", "int32"],
    8: ["aliases", "map string"],
  }),
  OpList: table("OpList", { 1: ["op", "OpDef*"] }),
  OpDef: table("OpDef", {
    1: ["name", "string"],
    2: ["inputs", "ArgDef*"],
    3: ["outputs", "ArgDef*"],
    4: ["attributes", "AttrDef*"],
    5: ["summary", "string"],
    6: ["description", "string"],
    8: ["deprecation", "OpDeprecation"],
    16: ["aggregate", "int32"],
    17: ["stateful", "int32"],
    18: ["commutative", "int32"],
    19: ["uninitialized", "int32"],
    20: ["control", "string*"],
    21: ["distributed", "int32"],
  }),
  ArgDef: table("ArgDef", {
    1: ["name", "string"],
    2: ["description", "string"],
    3: ["type", "int32"],
    4: ["typeAttr", "string"],
    5: ["numberAttr", "string"],
    6: ["typeListAttr", "string"],
    7: ["handleData", "DtypeAndShape*"],
    16: ["ref", "int32"],
    17: ["fullType", "FullTypeDef"],
  }),
  AttrDef: table("AttrDef", {
    1: ["name", "string"],
    2: ["type", "string"],
    3: ["fallback", "AttrValue"],
    4: ["description", "string"],
    5: ["hasMinimum", "int32"],
    6: ["minimum", "int64"],
    7: ["allowed", "AttrValue"],
  }),
  OpDeprecation: table("OpDeprecation", { 1: ["version", "int32"], 2: ["explanation", "string"] }),
  FullTypeDef: table("FullTypeDef", {
    1: ["id", "int32"],
    2: ["args", "FullTypeDef*"],
    3: ["s", "string"],
    4: ["i", "int64"],
  }),
  GraphDef: table("GraphDef", {
    1: ["nodes", "NodeDef*"],
    2: ["library", "FunctionDefLibrary"],
    3: ["version", "int32"],
    4: ["versions", "VersionDef"],
  }),
  VersionDef: table("VersionDef", { 1: ["producer", "int32"], 2: ["consumer", "int32"], 3: ["bad", "int32*"] }),
  NodeDef: table("NodeDef", {
    1: ["name", "bytes"],
    2: ["op", "bytes"],
    3: ["inputs", "string*"],
    4: ["device", "string"],
    5: ["attributes", "map AttrValue"],
    6: ["debug", "DebugInfo"],
    7: ["type", "FullTypeDef"],
  }),
  DebugInfo: table("NodeDef.ExperimentalDebugInfo", { 1: ["nodes", "string*"], 2: ["functions", "string*"] }),
  AttrValue: table("AttrValue", {
    1: ["list", "ListValue"],
    2: ["s", "bytes"],
    3: ["i", "int64"],
    4: ["f", "float"],
    5: ["b", "int32"],
    6: ["type", "int32"],
    7: ["shape", "TensorShape"],
    8: ["tensor", "Tensor"],
    9: ["placeholder", "string"],
    10: ["func", "NameAttrList"],
  }),
  ListValue: table("AttrValue.ListValue", {
    2: ["s", "bytes*"],
    3: ["i", "int64*"],
    4: ["f", "float*"],
    5: ["b", "int32*"],
    6: ["type", "int32*"],
    7: ["shape", "TensorShape*"],
    8: ["tensor", "Tensor*"],
    9: ["func", "NameAttrList*"],
  }),
  NameAttrList: table("NameAttrList", { 1: ["name", "string"], 2: ["attributes", "map AttrValue"] }),
  TensorShape: table("TensorShapeProto", { 2: ["dims", "Dim*"], 3: ["unknownRank", "int32"] }),
  Dim: table("TensorShapeProto.Dim", { 1: ["size", "int64"], 2: ["name", "string"] }),
  Tensor: table("TensorProto", {
    1: ["dtype", "int32"],
    2: ["shape", "TensorShape"],
    3: ["version", "int32"],
    4: ["content", "bytes"],
    5: ["floats", "float*"],
    6: ["doubles", "double*"],
    7: ["ints", "int32*"],
    8: ["strings", "bytes*"],
    9: ["complex", "float*"],
    10: ["longs", "int64*"],
    11: ["bools", "int32*"],
    12: ["doubleComplex", "double*"],
    13: ["halves", "int32*"],
    14: ["handles", "ResourceHandle*"],
    15: ["variants", "Variant*"],
    16: ["uint32s", "int32*"],
    17: ["uint64s", "uint64*"],
    18: ["float8s", "bytes"],
  }),
  Variant: table("VariantTensorDataProto", {
    1: ["type", "string"],
    2: ["metadata", "bytes"],
    3: ["tensors", "Tensor*"],
  }),
  ResourceHandle: table("ResourceHandleProto", {
    1: ["device", "string"],
    2: ["container", "string"],
    3: ["name", "string"],
    4: ["hash", "uint64"],
    5: ["type", "string"],
    6: ["shapes", "DtypeAndShape*"],
  }),
  DtypeAndShape: table("ResourceHandleProto.DtypeAndShape", { 1: ["dtype", "int32"], 2: ["shape", "TensorShape"] }),
  FunctionDefLibrary: table("FunctionDefLibrary", {
    1: ["functions", "FunctionDef*"],
    2: ["gradients", "GradientDef*"],
    3: ["registered", "RegisteredGradient*"],
  }),
  GradientDef: table("GradientDef", { 1: ["function", "string"], 2: ["gradient", "string"] }),
  RegisteredGradient: table("RegisteredGradient", { 1: ["gradient", "string"], 2: ["type", "string"] }),
  FunctionDef: table("FunctionDef", {
    1: ["signature", "OpDef"],
    3: ["nodes", "NodeDef*"],
    4: ["returned", "map string"],
    5: ["attributes", "map AttrValue"],
    6: ["control", "map string"],
    7: ["arguments", "map #ArgAttrs"],
    8: ["unique", "map #int64"],
  }),
  ArgAttrs: table("FunctionDef.ArgAttrs", { 1: ["attributes", "map AttrValue"] }),
  SaverDef: table("SaverDef", {
    1: ["filename", "string"],
    2: ["save", "string"],
    3: ["restore", "string"],
    4: ["keep", "int32"],
    5: ["sharded", "int32"],
    6: ["hours", "float"],
    7: ["version", "int32"],
  }),
  CollectionDef: table("CollectionDef", {
    1: ["nodes", "Strings"],
    2: ["bytes", "Byteses"],
    3: ["ints", "Longs"],
    4: ["floats", "Floats"],
  }),
  Strings: table("CollectionDef.NodeList", { 1: ["value", "string*"] }),
  Byteses: table("CollectionDef.BytesList", { 1: ["value", "bytes*"] }),
  Longs: table("CollectionDef.Int64List", { 1: ["value", "int64*"] }),
  Floats: table("CollectionDef.FloatList", { 1: ["value", "float*"] }),
  SignatureDef: table("SignatureDef", {
    1: ["inputs", "map TensorInfo"],
    2: ["outputs", "map TensorInfo"],
    3: ["method", "string"],
    4: ["defaults", "map Tensor"],
  }),
  TensorInfo: table("TensorInfo", {
    1: ["name", "string"],
    2: ["dtype", "int32"],
    3: ["shape", "TensorShape"],
    4: ["sparse", "Sparse"],
    5: ["composite", "Composite"],
  }),
  Sparse: table("TensorInfo.CooSparse", { 1: ["values", "string"], 2: ["indices", "string"], 3: ["shape", "string"] }),
  Composite: table("TensorInfo.CompositeTensor", { 1: ["spec", "TypeSpec"], 2: ["components", "TensorInfo*"] }),
  AssetFileDef: table("AssetFileDef", { 1: ["info", "TensorInfo"], 2: ["filename", "bytes"] }),
  SavedObjectGraph: table("SavedObjectGraph", {
    1: ["nodes", "SavedObject*"],
    2: ["functions", "map SavedConcreteFunction"],
  }),
  SavedObject: table("SavedObject", {
    1: ["children", "ObjectReference*"],
    3: ["slots", "SlotReference*"],
    4: ["user", "SavedUserObject"],
    5: ["asset", "SavedAsset"],
    6: ["function", "SavedFunction"],
    7: ["variable", "SavedVariable"],
    8: ["bare", "SavedBareFunction"],
    9: ["constant", "SavedConstant"],
    10: ["resource", "SavedResource"],
    11: ["saveables", "map SaveableObject"],
    12: ["captured", "CapturedTensor"],
    13: ["registered", "string"],
    15: ["dependencies", "ObjectReference*"],
    16: ["saver", "string"],
  }),
  ObjectReference: table("ObjectReference", { 1: ["node", "int32"], 2: ["name", "string"] }),
  SlotReference: table("SlotVariableReference", {
    1: ["original", "int32"],
    2: ["name", "string"],
    3: ["slot", "int32"],
  }),
  SavedUserObject: table("SavedUserObject", {
    1: ["identifier", "string"],
    2: ["version", "VersionDef"],
    3: ["metadata", "bytes"],
  }),
  SavedAsset: table("SavedAsset", { 1: ["index", "int32"] }),
  SavedFunction: table("SavedFunction", { 1: ["functions", "string*"], 2: ["spec", "FunctionSpec"] }),
  SavedVariable: table("SavedVariable", {
    1: ["dtype", "int32"],
    2: ["shape", "TensorShape"],
    3: ["trainable", "int32"],
    4: ["synchronization", "int32"],
    5: ["aggregation", "int32"],
    6: ["name", "string"],
    7: ["device", "string"],
    8: ["components", "SavedVariable*"],
  }),
  SavedBareFunction: table("SavedBareConcreteFunction", {
    1: ["name", "string"],
    2: ["keywords", "string*"],
    3: ["positional", "int64"],
    4: ["spec", "FunctionSpec"],
  }),
  SavedConstant: table("SavedConstant", { 1: ["operation", "string"] }),
  SavedResource: table("SavedResource", { 1: ["device", "string"] }),
  SaveableObject: table("SaveableObject", { 2: ["save", "int32"], 3: ["restore", "int32"] }),
  CapturedTensor: table("CapturedTensor", { 1: ["name", "string"], 2: ["function", "string"] }),
  SavedConcreteFunction: table("SavedConcreteFunction", {
    2: ["bound", "int32*"],
    3: ["inputs", "Structured"],
    4: ["outputs", "Structured"],
  }),
  FunctionSpec: table("FunctionSpec", {
    1: ["arguments", "Structured"],
    2: ["method", "int32"],
    5: ["inputs", "Structured"],
    6: ["jit", "int32"],
  }),
  Structured: table("StructuredValue", {
    1: ["none", "Nothing"],
    11: ["float64", "double"],
    12: ["int64", "int64"],
    13: ["string", "string"],
    14: ["bool", "int32"],
    31: ["shape", "TensorShape"],
    32: ["dtype", "int32"],
    33: ["tensorSpec", "TensorSpec"],
    34: ["typeSpec", "TypeSpec"],
    35: ["bounded", "BoundedSpec"],
    51: ["list", "StructuredList"],
    52: ["tuple", "StructuredList"],
    53: ["dict", "StructuredDict"],
    54: ["named", "StructuredNamed"],
    55: ["tensor", "Tensor"],
    56: ["numpy", "Tensor"],
  }),
  Nothing: table("NoneValue", {}),
  TensorSpec: table("TensorSpecProto", { 1: ["name", "string"], 2: ["shape", "TensorShape"], 3: ["dtype", "int32"] }),
  BoundedSpec: table("BoundedTensorSpecProto", {
    1: ["name", "string"],
    2: ["shape", "TensorShape"],
    3: ["dtype", "int32"],
    4: ["minimum", "Tensor"],
    5: ["maximum", "Tensor"],
  }),
  TypeSpec: table("TypeSpecProto", {
    1: ["class", "int32"],
    2: ["state", "Structured"],
    3: ["name", "string"],
    4: ["components", "int32"],
  }),
  StructuredList: table("ListValue", { 1: ["values", "Structured*"] }),
  StructuredDict: table("DictValue", { 1: ["values", "map Structured"] }),
  StructuredNamed: table("NamedTupleValue", { 1: ["name", "string"], 2: ["values", "Pair*"] }),
  Pair: table("PairValue", { 1: ["key", "string"], 2: ["value", "Structured"] }),
  KerasMetadata: table("SavedMetadata", { 1: ["nodes", "KerasObject*"] }),
  KerasObject: table("SavedMetadata.SavedObject", {
    2: ["node", "int32"],
    3: ["path", "string"],
    4: ["identifier", "string"],
    5: ["metadata", "bytes"],
    6: ["version", "VersionDef"],
  }),
};

export const SAVED_MODEL = named("SavedModel");
export const GRAPH = named("GraphDef");
export const KERAS_METADATA = named("KerasMetadata");

const FIELDS_MAX = 200_000;
const HEAD = 16;

interface Outer {
  readonly number: number;
  readonly wireType: number;
  readonly at: number;
  readonly end: number;
}

/** The outermost fields of a message from `from` to `to`; undefined where the bytes are none. */
function outerFields(content: Content, from: number, to: number, most: number): readonly Outer[] | undefined {
  const fields: Outer[] = [];
  let at = from;
  while (at < to) {
    if (fields.length === most) return most === FIELDS_MAX ? undefined : fields;
    const head = upTo(content, at, Math.min(HEAD, to - at));
    let next = 0;
    const varint = (): number => {
      let value = 0;
      for (let shift = 1; next < head.length && shift < 2 ** 42; shift *= 128) {
        const byte = head[next++]!;
        value += (byte & 127) * shift;
        if (byte < 128) return value;
      }
      return Number.NaN;
    };
    const tag = varint();
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (!(number > 0 && number < 2 ** 29)) return undefined;
    let end: number;
    if (wireType === 0) {
      if (Number.isNaN(varint())) return undefined;
      end = at + next;
    } else if (wireType === 2) {
      const length = varint();
      end = at + next + length;
    } else if (wireType === 1 || wireType === 5) end = at + next + (wireType === 1 ? 8 : 4);
    else return undefined;
    if (!(end <= to)) return undefined;
    fields.push({ number, wireType, at: at + next, end });
    at = end;
  }
  return fields;
}

const OPERATOR = /^[A-Za-z_][\w>]{0,200}$/;

/** Whether a message is a node: a name, and an operator's. */
function isNode(content: Content, from: number, to: number): boolean {
  const fields = outerFields(content, from, to, 8);
  const op = fields?.find(({ number, wireType }) => number === 2 && wireType === 2);
  if (op === undefined || op.end - op.at > 200) return false;
  return OPERATOR.test(String.fromCharCode(...content.read(op.at, op.end - op.at)));
}

function isGraph(content: Content, from: number, to: number): boolean {
  const fields = outerFields(content, from, to, 8);
  if (fields === undefined || !fields.every(({ number }) => number <= 5)) return false;
  const node = fields.find(({ number, wireType }) => number === 1 && wireType === 2);
  return node !== undefined && isNode(content, node.at, node.end);
}

/** Which of TensorFlow's files these bytes are: told by the structure, for none of them has a magic number. */
export function tensorflowKind(content: Content): "saved model" | "graph" | "Keras metadata" | undefined {
  const first = upTo(content, 0, 1)[0];
  if (first !== 0x08 && first !== 0x0a && first !== 0x12) return undefined;
  const fields = outerFields(content, 0, content.size, FIELDS_MAX);
  if (fields === undefined) return undefined;
  const within = ({ wireType }: Outer): boolean => wireType === 2;
  if (fields.every((field) => (field.number === 1 && field.wireType === 0) || (field.number === 2 && within(field)))) {
    const meta = fields.find(({ number }) => number === 2);
    const inner = meta && outerFields(content, meta.at, meta.end, 16);
    if (!inner || !inner.every((field) => field.number <= 7 && within(field))) return undefined;
    const graph = inner.find(({ number }) => number === 2);
    return graph && isGraph(content, graph.at, graph.end) ? "saved model" : undefined;
  }
  if (fields.every((field) => field.number === 1 && within(field))) {
    const object = outerFields(content, fields[0]!.at, fields[0]!.end, 8);
    const identifier = object?.find(({ number, wireType }) => number === 4 && wireType === 2);
    if (identifier && String.fromCharCode(...upTo(content, identifier.at, 9)) === "_tf_keras") return "Keras metadata";
  }
  if (fields.every((field) => field.number <= 5 && within(field) === (field.number !== 3)))
    return isGraph(content, 0, content.size) ? "graph" : undefined;
  return undefined;
}

/** Every message below one, itself first; for what each table does not know, and for nodes wherever they are. */
export function* everyMessage(root: Message): Iterable<Message> {
  const waiting: Message[] = [root];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    yield next;
    for (const [field, value] of Object.entries(next)) {
      if (field === "unknown" || typeof value !== "object" || value === null || ArrayBuffer.isView(value)) continue;
      if (Array.isArray(value)) {
        for (const one of value)
          if (typeof one === "object" && one !== null && !ArrayBuffer.isView(one)) waiting.push(one as Message);
      } else waiting.push(value as Message);
    }
  }
}
