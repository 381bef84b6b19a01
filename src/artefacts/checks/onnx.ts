/**
 * ONNX: every field of the protobuf by its place, tensors against their shapes, files it reads beside itself, operators that need a
 * library, and graphs that ask for more time or memory than any model needs.
 */
import type { ScanFinding } from "#assessment/index.ts";
import { part, upTo, type Content } from "#formats/content.ts";
import {
  floatsOf,
  numberOf,
  numbersOf,
  textAt,
  textOf,
  topFields,
  walkMessage,
  type Walked,
} from "#formats/protobuf-walk.ts";
import { viewOf } from "#formats/error.ts";
import { ELEMENT_BITS, MODEL, STRING_TYPE } from "#formats/onnx.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { lookIntoMetadata } from "#artefacts/embedded.ts";
import { lookThrough, type Piece } from "#artefacts/free-text.ts";
import { ENGINES, LANGUAGE_OPERATORS, OPERATORS, RUNTIME_DOMAINS } from "#artefacts/onnx-operators.ts";
import { beside, hangsOn } from "#artefacts/beside.ts";
import { DECLARED_MAX, MADE_MAX, ROUNDS_MAX } from "#artefacts/limits.ts";
import { leads } from "#artefacts/outside.ts";
import { carrierOf } from "#artefacts/payload.ts";

/** Fields at the top of a model; a real one has a few dozen, and functions. */
const TOP_MAX = 20_000;
/** Values of a constant that are followed, and constants. */
const SMALL = 16;
const CONSTANTS_MAX = 100_000;
/** Subgraphs within subgraphs. */
const NESTED_MAX = 16;
const EXTERNAL = 1n;
/** Nodes that functions come to in their callers' places; real models have some hundred thousand. */
const EXPANDED_MAX = 1e7;
/** Types of tensors whose few values are followed, by onnx.proto's numbers. */
const NUMBERS: Readonly<
  Record<number, { width: 4 | 8; list: string; floats: boolean; read: (view: DataView, at: number) => number }>
> = {
  1: { width: 4, list: "float_data", floats: true, read: (view, at) => view.getFloat32(at, true) },
  6: { width: 4, list: "int32_data", floats: false, read: (view, at) => view.getInt32(at, true) },
  7: { width: 8, list: "int64_data", floats: false, read: (view, at) => Number(view.getBigInt64(at, true)) },
  11: { width: 8, list: "double_data", floats: true, read: (view, at) => view.getFloat64(at, true) },
};

export default defineCheck({
  title: "ONNX model",
  recognise(content, path) {
    if (upTo(content, 0, 1).length === 0) return "no";
    const { fields } = topFields(content, 0, content.size, TOP_MAX);
    const version = fields.some(({ number, wireType }) => number === 1 && wireType === 0);
    const graph = fields.find(({ number, wireType }) => number === 7 && wireType === 2);
    const known = fields.every(({ number, wireType }) => {
      const field = Object.hasOwn(MODEL.fields, number) ? MODEL.fields[number] : undefined;
      return field === undefined ? number > 26 : wireType === (field.type === "int64" ? 0 : 2);
    });
    if (version && known && graph && isGraph(content, graph.start, graph.end)) return "yes";
    return /\.(onnx|ort)$/i.test(path) && version && known ? "perhaps" : "no";
  },
  read(subject) {
    new OnnxReader(subject).read();
  },
});

/** Its first fields are a graph's: nodes, a name, tensors or inputs, which all are messages or text. */
function isGraph(content: Content, start: number, end: number): boolean {
  const { fields } = topFields(content, start, end, 8);
  return (
    fields.length > 0 &&
    fields.every(({ number, wireType }) => wireType === 2 && [1, 2, 5, 10, 11, 12, 13, 14, 15, 16].includes(number))
  );
}

interface Place {
  /** Rounds that all loops around it make together, as far as constants say so. */
  readonly rounds: number;
  readonly depth: number;
  readonly constants: Constants | undefined;
}

/** Values of small constants of integers by name, in a graph and in those around it. */
interface Constants {
  readonly own: Map<string, readonly number[]>;
  readonly around: Constants | undefined;
}
function constant(constants: Constants | undefined, name: string): readonly number[] | undefined {
  for (let at = constants; at !== undefined; at = at.around) {
    const values = at.own.get(name);
    if (values) return values;
  }
  return undefined;
}

const shown = (name: string | undefined): string =>
  JSON.stringify((name ?? "").length > 100 ? `${name!.slice(0, 100)}…` : (name ?? ""));

class OnnxReader {
  private readonly subject: Subject;
  private readonly content: Content;
  private readonly texts: Piece[] = [];
  private readonly external = new Map<string, { start: number; end: number; name: string }[]>();
  private readonly functions = new Map<string, Walked>();
  private readonly said = new Set<string>();

  constructor(subject: Subject) {
    this.subject = subject;
    this.content = subject.content;
  }

  read(): void {
    const { content, ledger, meter } = this.subject;
    const { message, end, fault, unknown, repeated } = walkMessage(
      content,
      MODEL,
      { start: 0, end: content.size },
      () => meter.tick(),
    );
    let at = 0;
    for (const { start, end: stop, what } of unknown.toSorted((a, b) => a.start - b.start)) {
      ledger.understood(at, start);
      ledger.left(start, stop, `${what}, which onnx.proto does not have`);
      at = stop;
    }
    ledger.understood(at, Math.max(at, end));
    if (fault) {
      ledger.doubted(0, end);
      ledger.left(end, content.size, "the model breaks off before it");
      this.say(
        "unknown",
        fault.limit ? "limit-onnx" : "onnx-broken",
        { start: fault.at, end: fault.at + 1 },
        `the model breaks off: ${fault.problem}; what came before is judged`,
      );
    }
    for (const { start, end: stop, what } of repeated)
      this.say(
        "suspicious",
        "onnx-duplicate",
        { start, end: stop },
        `${what} stands there twice: some readers take the last, others put both together`,
      );
    this.model(message);
    this.overlaps();
    lookIntoMetadata(
      this.subject,
      this.texts.map(({ text, start, end }) => ({ key: "", value: text, start, end })),
    );
    lookThrough(this.subject, this.texts, "the model's text");
  }

  private say(
    severity: "malicious" | "suspicious" | "unknown" | "note",
    rule: string,
    { start, end }: { start: number; end: number },
    message: string,
    more: Pick<ScanFinding, "beside"> = {},
  ): void {
    // One sentence for each thing, not for each of ten thousand nodes.
    const key = `${rule} ${message}`;
    if (this.said.has(key)) return;
    this.said.add(key);
    this.subject.report({ rule, severity, confidence: "high", start, end, message, ...more });
  }
  private text(message: Walked, name: string): string | undefined {
    return textOf(this.content, message, name);
  }
  private keepTexts(message: Walked, ...names: readonly string[]): void {
    for (const name of names)
      for (const place of message.places[name] ?? [])
        if (place.end - place.start >= 8) this.texts.push({ text: textAt(this.content, place), ...place });
  }
  private keepProperties(message: Walked): void {
    for (const entry of message.messages.metadata_props ?? []) this.keepTexts(entry, "key", "value");
  }

  private model(model: Walked): void {
    this.keepTexts(model, "producer_name", "producer_version", "domain", "doc_string");
    this.keepProperties(model);
    if ((model.messages.opset_import ?? []).length === 0 && (model.messages.functions ?? []).length === 0)
      this.say("unknown", "onnx-broken", model, "the model names no operator set");
    for (const one of model.messages.functions ?? []) {
      const key = `${this.text(one, "domain") ?? ""} ${this.text(one, "name") ?? ""} ${this.text(one, "overload") ?? ""}`;
      if (this.functions.has(key))
        this.say("suspicious", "onnx-duplicate", one, `the function ${shown(key)} is there twice`);
      this.functions.set(key, one);
      this.shadows(one);
    }
    const around: Place = { rounds: 1, depth: 0, constants: undefined };
    for (const graph of model.messages.graph ?? []) this.graph(graph, around);
    for (const training of model.messages.training_info ?? [])
      for (const name of ["initialization", "algorithm"])
        for (const graph of training.messages[name] ?? []) this.graph(graph, around);
    for (const one of this.functions.values()) {
      this.keepTexts(one, "doc_string");
      this.keepProperties(one);
      for (const attribute of one.messages.attribute_proto ?? []) this.attribute(attribute, around);
      for (const node of one.messages.node ?? []) this.node(node, around);
    }
    this.recursion();
  }

  /** Functions may not call each other in a circle, nor each the next twice over: a reader that puts them in their callers' places never ends. */
  private recursion(): void {
    const state = new Map<string, "open" | "done">();
    let own = 0;
    const calls = (nodes: readonly Walked[] | undefined, found: Map<string, number>): void => {
      for (const node of nodes ?? []) {
        const key = `${this.text(node, "domain") ?? ""} ${this.text(node, "op_type") ?? ""} ${this.text(node, "overload") ?? ""}`;
        if (this.functions.has(key)) found.set(key, (found.get(key) ?? 0) + 1);
        own++;
        for (const attribute of node.messages.attribute ?? [])
          for (const graph of [...(attribute.messages.g ?? []), ...(attribute.messages.graphs ?? [])])
            calls(graph.messages.node, found);
      }
    };
    const callees = new Map<string, readonly (readonly [key: string, times: number])[]>();
    /** Nodes of each function, and then with all functions that it calls in their places. */
    const nodes = new Map<string, number>();
    for (const [key, one] of this.functions) {
      const found = new Map<string, number>();
      own = 0;
      calls(one.messages.node, found);
      nodes.set(key, own);
      callees.set(key, [...found]);
    }
    // Depth first without recursion of our own: chains may be as long as the file.
    for (const root of this.functions.keys()) {
      const stack: { key: string; next: number }[] = [{ key: root, next: 0 }];
      while (stack.length > 0) {
        const top = stack[stack.length - 1]!;
        if (top.next === 0) {
          if (state.get(top.key) === "done") {
            stack.pop();
            continue;
          }
          state.set(top.key, "open");
        }
        const [callee] = callees.get(top.key)![top.next++] ?? [];
        if (callee === undefined) {
          state.set(top.key, "done");
          stack.pop();
          const all = callees
            .get(top.key)!
            .reduce((sum, [one, times]) => sum + times * nodes.get(one)!, nodes.get(top.key)!);
          nodes.set(top.key, all);
          if (all > EXPANDED_MAX)
            return this.say(
              "suspicious",
              "onnx-bomb",
              this.functions.get(top.key)!,
              `the function ${shown(top.key.trim())} comes to ${all.toExponential(1)} nodes with what it calls in its place`,
            );
        } else if (state.get(callee) === "open")
          return this.say(
            "suspicious",
            "onnx-bomb",
            this.functions.get(callee)!,
            `the function ${shown(callee.trim())} calls itself, directly or in a circle: putting it in place never ends`,
          );
        else if (state.get(callee) !== "done") stack.push({ key: callee, next: 0 });
      }
    }
  }

  private graph(graph: Walked, { rounds, depth, constants }: Place): void {
    this.subject.meter.tick();
    if (depth > NESTED_MAX)
      return this.say("suspicious", "onnx-bomb", graph, `graphs lie in graphs more than ${NESTED_MAX} deep`);
    this.keepTexts(graph, "doc_string");
    this.keepProperties(graph);
    for (const name of ["input", "output", "value_info"])
      for (const value of graph.messages[name] ?? []) this.value(value);
    const known = new Map<string, readonly number[]>();
    const names = new Set<string>();
    for (const tensor of graph.messages.initializer ?? []) {
      this.tensor(tensor);
      const name = this.text(tensor, "name") ?? "";
      if (names.has(name))
        this.say(
          "suspicious",
          "onnx-duplicate",
          tensor,
          `the tensor ${shown(name)} is stored twice: which one counts differs between readers`,
        );
      names.add(name);
      this.learn(known, name, tensor);
    }
    for (const sparse of graph.messages.sparse_initializer ?? []) this.sparse(sparse);
    for (const node of graph.messages.node ?? []) {
      if (this.text(node, "op_type") !== "Constant") continue;
      const name = node.places.output?.[0];
      if (!name) continue;
      for (const attribute of node.messages.attribute ?? []) {
        const [tensor] = attribute.messages.t ?? [];
        if (tensor) this.learn(known, textAt(this.content, name), tensor);
        const values = this.valuesIn(attribute);
        if (values.length > 0 && values.length <= SMALL && known.size < CONSTANTS_MAX)
          known.set(textAt(this.content, name), values);
      }
    }
    for (const node of graph.messages.node ?? [])
      this.node(node, { rounds, depth, constants: { own: known, around: constants } });
  }

  /** The few numbers of an attribute, whichever kind they are. */
  private valuesIn(attribute: Walked): readonly number[] {
    return [
      ...[...numbersOf(attribute, "ints"), ...numbersOf(attribute, "i")].map(Number),
      ...["floats", "f"].flatMap((name) => floatsOf(this.content, attribute, name, 4, SMALL) ?? []),
    ];
  }

  /** The values of a small tensor of numbers. */
  private learn(known: Map<string, readonly number[]>, name: string, tensor: Walked): void {
    const kind = NUMBERS[Number(numberOf(tensor, "data_type") ?? 0n)];
    if (!kind || known.size >= CONSTANTS_MAX) return;
    const raw = tensor.places.raw_data?.at(-1);
    const listed = kind.floats
      ? (floatsOf(this.content, tensor, kind.list, kind.width, SMALL) ?? [])
      : numbersOf(tensor, kind.list).map(Number);
    if (listed.length > 0 && listed.length <= SMALL) known.set(name, listed);
    else if (raw && raw.end - raw.start <= SMALL * kind.width && (raw.end - raw.start) % kind.width === 0) {
      const view = viewOf(this.content.read(raw.start, raw.end - raw.start));
      const values: number[] = [];
      for (let at = 0; at < view.byteLength; at += kind.width) values.push(kind.read(view, at));
      known.set(name, values);
    }
  }

  private value(value: Walked): void {
    this.keepTexts(value, "doc_string");
    this.keepProperties(value);
    for (const type of value.messages.type ?? [])
      for (const tensor of [...(type.messages.tensor_type ?? []), ...(type.messages.sparse_tensor_type ?? [])])
        for (const shape of tensor.messages.shape ?? []) {
          const sizes = (shape.messages.dim ?? []).map((dim) => numberOf(dim, "dim_value") ?? 1n);
          const elements = sizes.reduce((product, size) => product * Number(size < 0n ? 1n : size), 1);
          if (elements > DECLARED_MAX)
            this.say(
              "suspicious",
              "onnx-size",
              value,
              `${shown(this.text(value, "name"))} is declared with ${elements.toExponential(1)} elements, which no memory holds`,
            );
        }
  }

  private sparse(sparse: Walked): void {
    for (const name of ["values", "indices"]) for (const tensor of sparse.messages[name] ?? []) this.tensor(tensor);
    this.elements(sparse, "a sparse tensor");
  }

  /** How many elements its shape has; says where that cannot be. */
  private elements(tensor: Walked, what: string): bigint | undefined {
    const rank = tensor.counts.dims ?? 0;
    const dims = numbersOf(tensor, "dims");
    if (rank > dims.length) {
      this.say("unknown", "onnx-size", tensor, `${what} has ${rank} dimensions`);
      return undefined;
    }
    if (dims.some((size) => size < 0n)) {
      this.say(
        "suspicious",
        "onnx-size",
        tensor,
        `${what} has a negative size: a reader that multiplies it wraps around`,
      );
      return undefined;
    }
    const all = dims.reduce((product, size) => product * size, 1n);
    if (all >= 1n << 60n) {
      this.say(
        "suspicious",
        "onnx-size",
        tensor,
        `${what} of shape [${dims.join(", ")}]: its size wraps around in 64 bits`,
      );
      return undefined;
    }
    return all;
  }

  private tensor(tensor: Walked): void {
    const name = this.text(tensor, "name");
    const what = `the tensor ${shown(name)}`;
    this.keepTexts(tensor, "doc_string", "string_data");
    this.keepProperties(tensor);
    const elements = this.elements(tensor, what);
    const type = Number(numberOf(tensor, "data_type") ?? 0n);
    const raw = tensor.places.raw_data?.at(-1);
    const lists = ["float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data"].filter(
      (list) => (tensor.counts[list] ?? 0) > 0,
    );
    const outside = numberOf(tensor, "data_location") === EXTERNAL;
    if (lists.length + Number(raw !== undefined && raw.end > raw.start) + Number(outside) > 1)
      this.say(
        "suspicious",
        "onnx-duplicate",
        tensor,
        `${what} has its values in several places: which count differs between readers`,
      );
    const entries = tensor.messages.external_data ?? [];
    if (entries.length > 0 && !outside)
      this.say(
        "unknown",
        "onnx-external",
        tensor,
        `${what} names a file for its values and does not say that they lie there`,
      );
    const bits = ELEMENT_BITS[type];
    if (bits === undefined && type !== STRING_TYPE)
      return this.say(
        "unknown",
        "onnx-size",
        tensor,
        `${what} has elements of type ${type}, which onnx.proto does not have`,
      );
    const bytes = elements === undefined || bits === undefined ? undefined : (elements * BigInt(bits) + 7n) / 8n;
    if (outside) return this.outside(tensor, what, name ?? "", bytes);
    if (tensor.messages.segment) return;
    if (
      raw &&
      bytes !== undefined &&
      BigInt(raw.end - raw.start) !== bytes &&
      (raw.end > raw.start || lists.length === 0)
    )
      this.say(
        "unknown",
        "onnx-size",
        raw,
        `${what}: ${bytes} bytes of values by its shape, and ${raw.end - raw.start} are there`,
      );
    const [list] = lists;
    if (list !== undefined && elements !== undefined && type !== 14 && type !== 15) {
      const count = BigInt(tensor.counts[list]!);
      const packed = bits !== undefined && bits < 8 ? (elements * BigInt(bits) + 7n) / 8n : elements;
      if (count !== elements && count !== packed)
        this.say("unknown", "onnx-size", tensor, `${what}: ${elements} values by its shape, and ${count} are there`);
    }
  }

  /** Values in a file beside the model (onnx/external_data_helper.py; CVE-2022-25882, CVE-2024-27318, CVE-2024-5187). */
  private outside(tensor: Walked, what: string, name: string, bytes: bigint | undefined): void {
    const entries = new Map<string, string>();
    for (const entry of tensor.messages.external_data ?? []) {
      const key = this.text(entry, "key") ?? "";
      if (entries.has(key)) this.say("suspicious", "onnx-external", tensor, `${what} says twice where its values lie`);
      entries.set(key, this.text(entry, "value") ?? "");
    }
    const location = entries.get("location");
    if (location === undefined || location === "")
      return this.say("unknown", "onnx-external", tensor, `${what} has its values in a file that it does not name`);
    const { found, problem } = beside(location, this.subject.ports);
    const tell = (severity: ScanFinding["severity"], message: string): void =>
      this.say(severity, "onnx-external", tensor, message, hangsOn(location, this.subject.ports));
    if (problem) tell(problem.severity, `values lie in ${shown(location)}, ${problem.says}`);
    // A path that leads out is asked no further questions.
    if (leads(location) !== undefined) return;
    const place = { offset: entries.get("offset") ?? "0", length: entries.get("length") };
    if (!/^\d{1,15}$/.test(place.offset) || (place.length !== undefined && !/^\d{1,15}$/.test(place.length)))
      return tell(
        "suspicious",
        `${what} lies at ${shown(place.offset)} for ${shown(place.length)} bytes, which are no numbers`,
      );
    const start = Number(place.offset);
    const length = place.length === undefined ? bytes : BigInt(place.length);
    if (length !== undefined && bytes !== undefined && length !== bytes)
      tell("unknown", `${what}: ${bytes} bytes of values by its shape, and ${length} in ${shown(location)}`);
    const there = length === undefined ? start : start + Number(length);
    if (found?.kind === "file" && there > found.size)
      tell("unknown", `${what} ends at byte ${there} of ${shown(location)}, which has ${found.size}`);
    const list = this.external.get(location) ?? [];
    list.push({ start, end: there, name });
    this.external.set(location, list);
  }

  /** Tensors that share some of their bytes in a file, and not all: tied weights share all. */
  private overlaps(): void {
    for (const [location, places] of this.external) {
      places.sort((a, b) => a.start - b.start || a.end - b.end);
      for (let i = 1; i < places.length; i++) {
        const [before, here] = [places[i - 1]!, places[i]!];
        if (here.start < before.end && (here.start !== before.start || here.end !== before.end))
          this.say(
            "suspicious",
            "onnx-external",
            { start: 0, end: 0 },
            `${shown(before.name)} and ${shown(here.name)} share some of their bytes in ${shown(location)}`,
            hangsOn(location, this.subject.ports),
          );
      }
    }
  }

  private attribute(attribute: Walked, place: Place): void {
    this.keepTexts(attribute, "doc_string");
    for (const tensor of [...(attribute.messages.t ?? []), ...(attribute.messages.tensors ?? [])]) this.tensor(tensor);
    for (const sparse of [...(attribute.messages.sparse_tensor ?? []), ...(attribute.messages.sparse_tensors ?? [])])
      this.sparse(sparse);
    for (const graph of [...(attribute.messages.g ?? []), ...(attribute.messages.graphs ?? [])])
      this.graph(graph, { ...place, depth: place.depth + 1 });
    for (const bytes of [...(attribute.places.s ?? []), ...(attribute.places.strings ?? [])]) {
      if (bytes.end - bytes.start < 16) continue;
      const what = carrierOf(this.content.read(bytes.start, Math.min(160, bytes.end - bytes.start)));
      if (what !== undefined)
        this.subject.probe(`${what} at ${bytes.start}`, part(this.content, bytes.start, bytes.end), {
          ...bytes,
          what: `a ${what}`,
        });
      else this.texts.push({ text: textAt(this.content, bytes), ...bytes });
    }
  }

  private node(node: Walked, place: Place): void {
    const op = this.text(node, "op_type") ?? "";
    const written = this.text(node, "domain") ?? "";
    const domain = written === "ai.onnx" ? "" : written;
    this.keepTexts(node, "doc_string");
    this.keepProperties(node);
    this.operator(node, op, domain, written);
    if (domain === "") this.allocates(node, op, place.constants);
    const loops = domain === "" && op === "Loop" ? this.rounds(node, place) : 1;
    for (const attribute of node.messages.attribute ?? [])
      this.attribute(attribute, { ...place, rounds: place.rounds * loops });
  }

  /** A function under an operator's own name: what the graph shows is not what runs, and runtimes disagree on which does. */
  private shadows(one: Walked): void {
    const written = this.text(one, "domain") ?? "";
    const domain = written === "ai.onnx" ? "" : written;
    const name = this.text(one, "name") ?? "";
    const taken =
      domain === "" ||
      (Object.hasOwn(OPERATORS, domain) && OPERATORS[domain]!.has(name)) ||
      (Object.hasOwn(RUNTIME_DOMAINS, domain) && RUNTIME_DOMAINS[domain]!.has(name));
    if (taken)
      this.say(
        "suspicious",
        "onnx-shadow",
        one,
        `a function of the model is named ${shown(name)} of ${domain === "" ? "ONNX" : shown(domain)}: it takes that operator's place`,
      );
  }

  /** An engine that some hardware's library unpacks and runs (ONNX Runtime, EP context design). */
  private engine(node: Walked, op: string): void {
    const given = (name: string): Walked | undefined =>
      (node.messages.attribute ?? []).find((one) => this.text(one, "name") === name);
    const inside = given("embed_mode");
    const external = inside !== undefined && numberOf(inside, "i") === 0n;
    const cache = given(ENGINES.get(op)!);
    const location = external && cache ? (this.text(cache, "s") ?? "") : "";
    const climbs = leads(location);
    const where = external ? `in ${shown(location)}${climbs === undefined ? "" : `, ${climbs}`}` : "in the node";
    this.say(
      "suspicious",
      "onnx-engine",
      node,
      `${op} holds a compiled engine ${where}, which a hardware's library loads and runs unread`,
    );
  }

  private operator(node: Walked, op: string, domain: string, written: string): void {
    if (domain === "com.microsoft" && ENGINES.has(op)) return this.engine(node, op);
    if (this.functions.has(`${written} ${op} ${this.text(node, "overload") ?? ""}`)) return;
    const where = domain === "" ? "ONNX" : shown(domain);
    if (LANGUAGE_OPERATORS.test(op))
      return this.say(
        "suspicious",
        "onnx-operator",
        node,
        `the operator ${shown(op)} of ${where} hands its work to Python or another framework`,
      );
    const known = Object.hasOwn(OPERATORS, domain)
      ? OPERATORS[domain]
      : Object.hasOwn(RUNTIME_DOMAINS, domain)
        ? RUNTIME_DOMAINS[domain]
        : undefined;
    if (known?.has(op)) return;
    this.say(
      "unknown",
      "onnx-operator",
      node,
      known
        ? `the operator ${shown(op)} is none of ${where}'s: a library would have to bring it`
        : `the operator ${shown(op)} of ${where}: a native library would have to bring it, and what that does is not in this file`,
    );
  }

  private input(node: Walked, index: number): string | undefined {
    const place = node.places.input?.[index];
    return place && textAt(this.content, place);
  }

  /** Operators whose result is as large as constants say. */
  private allocates(node: Walked, op: string, constants: Constants | undefined): void {
    const given = (index: number): readonly number[] | undefined => constant(constants, this.input(node, index) ?? "");
    const listed = (...names: readonly string[]): readonly number[] | undefined => {
      const found = (node.messages.attribute ?? []).filter((one) => names.includes(this.text(one, "name") ?? ""));
      return found.length === 0 ? undefined : found.flatMap((one) => this.valuesIn(one));
    };
    const elements = makes(op, given, listed);
    if (elements !== undefined && elements > MADE_MAX)
      this.say(
        "suspicious",
        "onnx-bomb",
        node,
        `${op} makes ${elements.toExponential(1)} elements out of constants alone`,
      );
  }

  /** How often a loop goes round, where only its count ends it; says where nothing does, or nearly nothing. */
  private rounds(node: Walked, place: Place): number {
    const body = (node.messages.attribute ?? []).flatMap((one) => one.messages.g ?? [])[0];
    if (!body || !this.goesOn(body)) return 1;
    const name = this.input(node, 0) ?? "";
    const [count] = constant(place.constants, name) ?? [];
    if (name === "") {
      this.say("suspicious", "onnx-bomb", node, "a Loop without a count, whose body always goes on: it does not end");
      return 1;
    }
    if (count === undefined) return 1;
    const rounds = place.rounds * Math.max(0, count);
    if (rounds > ROUNDS_MAX)
      this.say(
        "suspicious",
        "onnx-bomb",
        node,
        `a Loop goes round ${rounds.toExponential(1)} times, whatever it is given`,
      );
    return Math.max(1, count);
  }

  /** Whether the body's condition is always true: a constant, or the condition it was given. */
  private goesOn(body: Walked): boolean {
    const output = body.messages.output?.[0];
    const given = body.messages.input?.[1];
    if (!output) return false;
    let name = this.text(output, "name");
    const nodes = new Map<string, Walked>();
    for (const node of body.messages.node ?? [])
      for (const place of node.places.output ?? []) nodes.set(textAt(this.content, place), node);
    const stored = new Map((body.messages.initializer ?? []).map((tensor) => [this.text(tensor, "name"), tensor]));
    for (let steps = 0; steps < 100 && name !== undefined; steps++) {
      if (given && name === this.text(given, "name")) return true;
      const tensor = stored.get(name);
      if (tensor) return this.isTrue(tensor);
      const node = nodes.get(name);
      if (!node) return false;
      const op = this.text(node, "op_type");
      if (op === "Identity" || op === "Cast") name = this.input(node, 0);
      else if (op === "Constant") {
        const tensor = (node.messages.attribute ?? []).flatMap((one) => one.messages.t ?? [])[0];
        return tensor !== undefined && this.isTrue(tensor);
      } else return false;
    }
    return false;
  }
  private isTrue(tensor: Walked): boolean {
    const raw = tensor.places.raw_data?.at(-1);
    if (raw && raw.end > raw.start) return this.content.read(raw.start, 1)[0] !== 0;
    return (numbersOf(tensor, "int32_data")[0] ?? 0n) !== 0n;
  }
}

type Numbers = readonly number[] | undefined;
const product = (sizes: Numbers): number | undefined => sizes?.reduce((all, size) => all * Math.abs(size), 1);
/** Of a border: every axis becomes at least as long as what is put before and behind it. */
const bordered = (pads: Numbers): number | undefined => {
  if (!pads) return undefined;
  const axes = Math.floor(pads.length / 2);
  let all = 1;
  for (let axis = 0; axis < axes; axis++) all *= Math.max(1, pads[axis]! + pads[axis + axes]!);
  return all;
};

/** How many elements an operator makes at least, of constant inputs and attributes, where any of them says so (ONNX, Operators.md). */
function makes(
  op: string,
  given: (input: number) => Numbers,
  listed: (...attributes: readonly string[]) => Numbers,
): number | undefined {
  switch (op) {
    case "ConstantOfShape":
    case "HannWindow":
    case "HammingWindow":
    case "BlackmanWindow":
      return product(given(0));
    case "Expand":
    case "Tile":
    case "CenterCropPad":
    case "OneHot":
    case "Col2Im":
    case "DFT":
      return product(given(1));
    case "MaxUnpool":
      return product(given(2)) ?? bordered(listed("pads"));
    case "Resize":
    case "Upsample": {
      const inputs = op === "Upsample" ? [1] : [2, 3];
      const largest = [...inputs.map((input) => product(given(input))), product(listed("scales"))].filter(
        (one) => one !== undefined,
      );
      return largest.length === 0 ? undefined : Math.max(...largest);
    }
    case "MelWeightMatrix": {
      const [bins, length] = [given(0)?.[0], given(1)?.[0]];
      return bins === undefined && length === undefined ? undefined : (bins ?? 1) * ((length ?? 1) / 2);
    }
    case "RandomNormal":
    case "RandomUniform":
    case "ConstantFill":
      return product(listed("shape"));
    case "Multinomial":
      return product(listed("sample_size"));
    case "RoiAlign":
      return product(listed("output_height", "output_width"));
    case "MaxRoiPool":
      return product(listed("pooled_shape"));
    case "ConvTranspose":
      return product(listed("output_shape")) ?? product(listed("strides"));
    case "Pad":
      return bordered(given(1) ?? listed("pads", "paddings"));
    case "Conv":
    case "ConvInteger":
    case "QLinearConv":
    case "DeformConv":
    case "MaxPool":
    case "AveragePool":
    case "LpPool":
      return bordered(listed("pads"));
    case "Range": {
      const [[start], [limit], [step]] = [given(0) ?? [], given(1) ?? [], given(2) ?? []];
      return start === undefined || limit === undefined || step === undefined || step === 0
        ? undefined
        : (limit - start) / step;
    }
    default:
      return undefined;
  }
}
