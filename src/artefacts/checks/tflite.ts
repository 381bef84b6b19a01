/**
 * TFLite models: every table of the FlatBuffer, every buffer against its tensor, every operator against what its kernel expects,
 * operators that are code of somebody's own or of TensorFlow, metadata, and the archive of associated files behind it.
 */
import { contentOf, part, type Content } from "#formats/content.ts";
import { FormatError, viewOf } from "#formats/error.ts";
import {
  gapsBetween,
  isFlatPadding,
  isRemains,
  readFlatBuffer,
  type FlatSchema,
  type FlatTable,
} from "#formats/flatbuffers.ts";
import { readFlexBuffer, type FlexBuffer } from "#formats/flexbuffers.ts";
import {
  CONVERSION,
  CUSTOM,
  CUSTOM_CALL,
  DELEGATE,
  ELEMENT_BITS,
  isTflite,
  METADATA,
  MODEL,
  TEXTS,
} from "#formats/tflite.ts";
import { appendedZip } from "#formats/zip-appended.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { lookThrough } from "#artefacts/free-text.ts";
import type { Range } from "#artefacts/ledger.ts";
import { COMPUTING_OPERATORS, HARMFUL_OPERATORS } from "#artefacts/tensorflow-operators.ts";
import { reportFlat } from "#artefacts/flatbuffer.ts";
import { OUTSIDE } from "#artefacts/outside.ts";
import { Constants, Node, SMALL, type Graph, type Tensor } from "#artefacts/tflite-graph.ts";
import { followCalls, type Say } from "#artefacts/tflite-calls.ts";
import { DECLARED_MAX, MADE_MAX } from "#artefacts/limits.ts";
import { CUSTOM_OPERATORS } from "#artefacts/tflite-custom.ts";
import { ENUMERATED, nameOf, OPERATORS, type Operator } from "#artefacts/tflite-operators.ts";
import { readSparsity } from "#artefacts/tflite-sparsity.ts";
import { problemOfBlocks, problemOfQuantisation } from "#artefacts/tflite-quantisation.ts";

/** Options that are a person's words, or may be. */
const TEXTS_OF_OPTIONS = ["container", "shared_name", "name", "call_target_name", "backend_config"];
/** Operators that take a sparse tensor, and as which of their inputs; converters put DENSIFY before all others. */
const TAKES_SPARSE: ReadonlyMap<string, number> = new Map([
  ["DENSIFY", 0],
  ["FULLY_CONNECTED", 1],
]);
/** Codes that fit the byte that files had for them at first; larger ones put this there. */
const OLD_CODES = 127;
/** FlatBuffers count in 32 bits, signed. */
const FLAT_MAX = 2 ** 31 - 1;
/** Operators of TensorFlow, where an application brings its kernels along (SELECT_TF_OPS). */
const FLEX = "Flex";
/** The first converters made operators' tables that they then left out. */
const REMAINS_MAX = 65_536;
const PLAN_MAX = 2 ** 22;
const TEXT_MAX = 8 * 2 ** 20;
/** Metadata of a few words: versions, places and marks that the converter leaves. */
const WORDS = /^[\w .+:\-/]{0,63}\0*$/;

export default defineCheck({
  title: "TFLite model",
  recognise(content) {
    const is = isTflite(content);
    return is === "no" ? "no" : is === "yes" ? "yes" : "perhaps";
  },
  read(subject) {
    new Reading(subject).read();
  },
});

interface Buffer {
  readonly at: Range;
  /** Its bytes, in the FlatBuffer or behind it. */
  readonly bytes: Range | undefined;
  /** It has bytes that could not be found. */
  readonly broken: boolean;
}

class Reading {
  private readonly subject: Subject;
  private readonly content: Content;
  private readonly say: Say;
  /** Bytes that stand in the structure and that nothing here understands. */
  private readonly strange: (Range & { readonly because: string })[] = [];
  private readonly used = new Set<number>();
  private readonly outside: (Range & { readonly what: string })[] = [];
  private readonly nodes: Uint8Array[] = [];
  private readonly constants: Constants;
  /** Values in other files, by the number that the model gives them. */
  private readonly beside = new Set<number>();
  private buffers: readonly Buffer[] = [];
  private flatEnd = 0;
  private fileEnd = 0;

  constructor(subject: Subject) {
    this.subject = subject;
    this.content = subject.content;
    this.constants = new Constants(subject.content, () => subject.meter.tick());
    this.say = (severity, rule, { start, end }, message) =>
      subject.report({ rule, severity, confidence: "high", start, end, message });
  }

  read(): void {
    const { subject, content } = this;
    const { ledger, meter } = subject;
    const zip = appendedZip(content);
    this.fileEnd = zip?.at ?? content.size;
    const flat = readFlatBuffer(content, MODEL, { start: 0, end: Math.min(this.fileEnd, FLAT_MAX) }, () =>
      meter.tick(),
    );
    this.flatEnd = flat.ranges.at(-1)?.end ?? 0;
    reportFlat(this.subject, flat.problems);
    if (flat.root) this.model(flat.root);
    this.enter([...flat.ranges, ...this.outside]);
    if (zip) {
      ledger.understood(zip.at, content.size);
      subject.inspect("associated files", zip.archive);
    }
    if (this.nodes.length > 0) subject.inspect("TensorFlow operators", contentOf(joined(this.nodes)));
  }

  /** Tells the ledger: what was followed but for what nothing understands, and zeros between that align what follows. */
  private enter(ranges: readonly Range[]): void {
    const { ledger } = this.subject;
    const strange = this.strange.toSorted((a, b) => a.start - b.start);
    for (const { start, end, because } of strange) ledger.left(start, end, because);
    const known = (from: number, to: number): void => {
      let at = from;
      for (const { start, end } of strange) {
        if (end <= at || start >= to) continue;
        if (start > at) ledger.understood(at, start);
        at = Math.max(at, end);
      }
      if (at < to) ledger.understood(at, to);
    };
    let last = 0;
    for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
      if (start > last) this.padding(last, start);
      known(Math.max(start, last), Math.max(end, last));
      last = Math.max(last, end);
    }
    this.padding(last, this.fileEnd);
  }
  private padding(from: number, to: number): void {
    const { content, subject, flatEnd } = this;
    if (isFlatPadding(content, from, to)) return subject.ledger.understood(from, to);
    const flat = { start: 0, end: Math.min(this.fileEnd, FLAT_MAX) };
    if (
      to - from <= REMAINS_MAX &&
      to <= flat.end &&
      isRemains(content, MODEL, "OperatorCode", flat, { start: from, end: to })
    ) {
      subject.ledger.understood(from, to);
      return subject.ledger.doubted(from, to);
    }
    subject.ledger.left(from, to, from >= flatEnd ? "it follows the model" : "no table leads there");
  }

  private model(model: FlatTable): void {
    const { subject } = this;
    const whole = { start: model.start, end: model.end };
    if (model.number("version") !== 3)
      this.say(
        "unknown",
        "tflite-version",
        whole,
        `version ${model.number("version")} of the schema, where 3 is known`,
      );
    this.buffers = Array.from(model.tables("buffers"), (buffer) => this.buffer(buffer));
    const [none] = this.buffers;
    if (none?.bytes && none.bytes.end > none.bytes.start)
      this.say(
        "suspicious",
        "tflite-buffer",
        none.at,
        "buffer 0, which stands for none, has bytes: some readers take them for a tensor's, and others do not",
      );
    const codes = Array.from(model.tables("operator_codes"), (code) => this.code(code));
    const graphs = [...model.tables("subgraphs")];
    const names: string[] = [];
    this.external(model);
    const drawn = graphs.map((graph) => (graph ? this.graph(graph, codes, names) : EMPTY));
    followCalls(drawn, whole, this.constants, this.say);
    this.signatures(model, graphs, names);
    this.metadata(model, names);
    for (const index of model.numbers("metadata_buffer", Infinity)) this.use(index, whole, "metadata_buffer");
    for (const [index, { bytes }] of this.buffers.entries())
      if (bytes && bytes.end > bytes.start && !this.used.has(index)) this.unused(index, bytes);
    this.outside.sort((a, b) => a.start - b.start);
    for (const [i, { start, end, what }] of this.outside.entries()) {
      const before = this.outside[i - 1];
      if (before && start < before.end && !(start === before.start && end === before.end))
        this.say("suspicious", "flatbuffer-overlap", { start, end }, `${what} and ${before.what} share bytes`);
    }
    const description = model.text("description");
    if (description) lookThrough(subject, [description], "the description");
    if (names.length > 0) lookThrough(subject, [{ text: names.join("\n"), ...whole }], "a name");
  }

  /** Data in the buffer, or by its place behind the FlatBuffer, where models are too large for it. */
  private buffer(table: FlatTable | undefined): Buffer {
    if (!table) return { at: NOWHERE, bytes: undefined, broken: true };
    const at = { start: table.start, end: table.end };
    const data = table.vector("data");
    const behind = this.behind(table.number("offset"), table.number("size"), at, "a buffer");
    if (behind && data && data.count > 0)
      this.say(
        "suspicious",
        "tflite-buffer",
        at,
        "a buffer has bytes of its own and a place for others: readers differ",
      );
    const bytes = behind ?? (data && { start: data.start, end: data.end });
    return { at, bytes, broken: !behind && table.number("offset") > 1 };
  }
  /** Offsets of 0 and 1 are placeholders (flatbuffer_export.cc). */
  private behind(offset: number, size: number, at: Range, what: string): Range | undefined {
    if (offset <= 1) return undefined;
    const bytes = { start: offset, end: offset + size };
    if (!(Number.isSafeInteger(bytes.end) && offset >= this.flatEnd && bytes.end <= this.fileEnd)) {
      this.say(
        "unknown",
        "flatbuffer-bounds",
        at,
        `${what} has ${size} bytes at ${offset}, which do not lie behind the tables and within the file`,
      );
      return undefined;
    }
    this.outside.push({ ...bytes, what });
    return bytes;
  }
  private use(index: number, at: Range, what: string): Range | undefined {
    const buffer = this.buffers[index];
    if (!buffer) {
      this.say("unknown", "tflite-index", at, `${what} names buffer ${index} of ${this.buffers.length}`);
      return undefined;
    }
    this.used.add(index);
    return buffer.bytes;
  }

  /** Converters leave such buffers, and nothing reads them; they are looked through like unread bytes. */
  private unused(index: number, { start, end }: Range): void {
    this.subject.ledger.doubted(start, end);
    this.say("note", "tflite-unused", { start, end }, `buffer ${index} belongs to no tensor`);
  }

  /** The operator, by the number that newer files keep beside the byte of older ones (schema_utils.cc); of custom ones the name. */
  private code(table: FlatTable | undefined): Code {
    if (!table) return { builtin: -1, custom: undefined };
    const [old, current] = [table.number("deprecated_builtin_code"), table.number("builtin_code")];
    const builtin = Math.max(old, current);
    const custom = table.text("custom_code");
    const at = { start: table.start, end: table.end };
    // Files of before 2020 have only the byte; newer ones both, 127 where the number is larger (flatbuffer_export.cc).
    if (current !== 0 && old !== Math.min(current, OLD_CODES))
      this.say(
        "suspicious",
        "tflite-mismatch",
        at,
        `an operator is number ${old} for old readers and ${current} for new ones`,
      );
    if (table.number("version", 1) < 1)
      this.say("unknown", "tflite-operator", at, `an operator of version ${table.number("version", 1)}`);
    if (builtin !== CUSTOM && !OPERATORS.has(builtin))
      this.say("unknown", "tflite-operator", at, `operator ${builtin}, which the schema does not know`);
    if (builtin === DELEGATE)
      this.say("unknown", "tflite-custom", at, "an operator of a delegate: a library of its own runs it");
    if (builtin === CUSTOM_CALL)
      this.say("unknown", "tflite-custom", at, "an operator that calls a function by its name, which a library brings");
    if (builtin !== CUSTOM) return { builtin, custom: undefined };
    const name = custom?.text ?? "";
    const place = custom ?? at;
    const shown = JSON.stringify(name.slice(0, 80));
    if (name.startsWith(FLEX)) {
      const operator = name.slice(FLEX.length);
      const harm = HARMFUL_OPERATORS.get(operator);
      if (harm)
        this.say(
          harm.severity,
          "tflite-harmful",
          place,
          `the model holds TensorFlow's ${operator}, which ${harm.does}`,
        );
      else if (!COMPUTING_OPERATORS.has(operator) && operator !== "PrintV2")
        this.say(
          "unknown",
          "tflite-custom",
          place,
          `the operator ${shown} is in no list: a library of its own brings it`,
        );
    } else if (!CUSTOM_OPERATORS.has(name))
      this.say(
        "unknown",
        "tflite-custom",
        place,
        `the custom operator ${shown} is native code that a program registers for it`,
      );
    return { builtin, custom: name };
  }

  private graph(graph: FlatTable, codes: readonly Code[], names: string[]): Graph {
    const name = graph.text("name");
    if (name) names.push(name.text);
    const at = { start: graph.start, end: graph.end };
    const count = graph.length("tensors");
    const tensors: Tensor[] = [];
    for (const tensor of graph.tables("tensors")) {
      if ((tensors.length & 255) === 0) this.subject.meter.tick();
      tensors.push(tensor ? this.tensor(tensor, names, count) : NO_TENSOR);
    }
    this.blocks(graph, tensors);
    const nodes: Node[] = [];
    let broken = false;
    for (const operator of graph.tables("operators")) {
      if ((nodes.length & 255) === 0) this.subject.meter.tick();
      const node = operator && this.operator(operator, codes, tensors, names);
      if (node) nodes.push(node);
      else broken = true;
    }
    const [inputs, outputs] = ["inputs", "outputs"].map((list) => graph.numbers(list, Infinity)) as [
      readonly number[],
      readonly number[],
    ];
    if ([inputs, outputs].some((list) => list.some((index) => index >= tensors.length || index < -1))) {
      this.say("unknown", "tflite-index", at, "a graph's inputs or outputs name a tensor that it does not have");
      broken = true;
    }
    const found = { at, tensors, nodes, inputs, outputs };
    if (!broken) this.order(found);
    return found;
  }

  /** Tensors whose scales are other tensors, once all are known. */
  private blocks(graph: FlatTable, tensors: readonly Tensor[]): void {
    let at = 0;
    for (const table of graph.tables("tensors")) {
      const tensor = tensors[at++];
      const quantised = table?.table("quantization");
      if (!quantised || !tensor || quantised.number("details_type") === 0) continue;
      const fixed = (index: number): number | undefined =>
        tensors[index]?.bytes ? elementsOf(tensors[index].sizes) : undefined;
      const problem = problemOfBlocks(quantised, elementsOf(tensor.sizes) ?? 0, fixed);
      if (problem) this.say("suspicious", "tflite-quantisation", tensor.at, `${tensor.shown} ${problem}`);
    }
  }

  /** Whether everything that is read was there before: values of the file's, inputs, variables, or what an operator before it wrote. */
  private order({ at, tensors, nodes, inputs, outputs }: Graph): void {
    const there = new Uint8Array(tensors.length);
    for (const [index, tensor] of tensors.entries()) if (tensor.there) there[index] = 1;
    for (const index of inputs) there[index] = 1;
    const shown = (index: number): string => tensors[index]?.shown ?? String(index);
    const taken = inputs.find((index) => tensors[index]?.bytes);
    if (taken !== undefined)
      this.say("suspicious", "tflite-order", at, `a graph takes in ${shown(taken)}, whose values the file fixes`);
    for (const node of nodes) {
      // An operator that a program brings may take room to work in from the graph, as Arm's for its accelerators does.
      const own = node.custom !== undefined && !node.custom.startsWith(FLEX) && !CUSTOM_OPERATORS.has(node.custom);
      const unread = own ? undefined : node.inputs.find((index) => index >= 0 && there[index] === 0);
      if (unread !== undefined)
        this.say(
          "suspicious",
          "tflite-order",
          node.at,
          `${nameOf(node)} reads ${shown(unread)} before anything is written there (CVE-2020-15209)`,
        );
      const read = new Set(node.inputs);
      for (const index of node.outputs) {
        const fixed = tensors[index]?.bytes;
        if (fixed || (index >= 0 && read.has(index)))
          this.say(
            "suspicious",
            "tflite-order",
            node.at,
            fixed
              ? `${nameOf(node)} writes to ${shown(index)}, whose values the file fixes`
              : `${nameOf(node)} reads and writes ${shown(index)} at once (CVE-2020-15210)`,
          );
        if (index >= 0) there[index] = 1;
      }
    }
    const missing = outputs.find((index) => index >= 0 && there[index] === 0);
    if (missing !== undefined)
      this.say("suspicious", "tflite-order", at, `a graph gives out ${shown(missing)}, which nothing writes`);
  }
  private tensor(table: FlatTable, names: string[], count: number): Tensor {
    const at = { start: table.start, end: table.end };
    const name = table.text("name")?.text ?? "";
    names.push(name);
    const shown = JSON.stringify(name.slice(0, 80));
    const buffer = this.use(table.number("buffer"), at, shown);
    const bytes = buffer && buffer.end > buffer.start ? buffer : undefined;
    const type = table.number("type");
    const shape = table.numbers("shape", Infinity);
    const signature = table.numbers("shape_signature", Infinity);
    this.values(table, { at, shown, type, shape, bytes });
    const quantised = table.table("quantization");
    const problem = quantised && problemOfQuantisation(quantised, { type, shape, tensors: count });
    if (problem) this.say(problem[0], "tflite-quantisation", at, `${shown} ${problem[1]}`);
    const fits =
      signature.length === 0 ||
      (signature.length === shape.length && signature.every((size, i) => size === -1 || size === shape[i]));
    if (!fits)
      this.say(
        "unknown",
        "tflite-size",
        at,
        `${shown} is of shape ${shapeText(shape)}, and its signature says ${shapeText(signature)}`,
      );
    for (const within of table.tables("variant_tensors"))
      if (within && !(within.number("type") >= 0 && within.number("type") < ELEMENT_BITS.length))
        this.say(
          "unknown",
          "tflite-size",
          at,
          `${shown} is of tensors of type ${within.number("type")}, which the schema does not know`,
        );
    if (bytes && table.number("is_variable") !== 0)
      this.say("unknown", "tflite-order", at, `${shown} is a variable, and the file fixes its values`);
    const outside = table.number("external_buffer");
    const elsewhere = outside !== 0 || this.buffers[table.number("buffer")]?.broken !== false;
    if (outside !== 0) this.outsideValues(outside, at, shown, bytes !== undefined);
    // Only what the file fixes has its shape for certain: without dimensions a shape may not be known at all.
    const known = shape.length <= SMALL && (bytes !== undefined || shape.length > 0 || table.number("has_rank") !== 0);
    const open = (size: number, i: number): number | undefined => (signature[i] === -1 || size < 0 ? undefined : size);
    return {
      at,
      shown,
      type,
      sizes: known ? shape.map((size, i) => (bytes ? size : open(size, i))) : undefined,
      bytes,
      sparse: table.table("sparsity") !== undefined,
      there: bytes !== undefined || elsewhere || shape.includes(0) || table.number("is_variable") !== 0,
    };
  }

  /** Its values against its shape and type. */
  private values(tensor: FlatTable, { at, shown, type, shape, bytes }: Values): void {
    if (type < 0 || type >= ELEMENT_BITS.length)
      return this.say(
        "unknown",
        "tflite-size",
        at,
        `${shown} has elements of type ${type}, which the schema does not know`,
      );
    const bits = ELEMENT_BITS[type];
    if (shape.length > SMALL) return this.say("unknown", "tflite-size", at, `${shown} has ${shape.length} dimensions`);
    if (shape.some((size) => size < 0))
      return this.say("unknown", "tflite-size", at, `${shown} has a shape with a size below zero`);
    // Readers multiply sizes one after the other, in whatever order: one that is zero does not undo the others.
    let asked = 1n;
    for (const size of shape) if (size !== 0 && asked < 1n << 80n) asked *= BigInt(size);
    if (asked > BigInt(bytes ? DECLARED_MAX : MADE_MAX))
      return this.say(
        "suspicious",
        "tflite-size",
        at,
        `${shown} is of shape ${shapeText(shape)}: no tensor has so many elements`,
      );
    const elements = shape.includes(0) ? 0n : asked;
    const sparsity = tensor.table("sparsity");
    const sparse = sparsity && readSparsity(sparsity, shape);
    if (sparse && sparse.is !== "read")
      return this.say(sparse.is, "tflite-size", at, `${shown} is sparse, with ${sparse.problem}`);
    if (sparse && (asked > BigInt(MADE_MAX) || !bytes || type === TEXTS))
      return this.say(
        "suspicious",
        "tflite-size",
        at,
        `${shown} is sparse, of shape ${shapeText(shape)}, ${bytes ? "which no kernel takes" : "and has no values"}`,
      );
    if (!bytes) return;
    const given = bytes.end - bytes.start;
    if (type === TEXTS) return this.texts(bytes, elements, shown);
    if (bits === undefined)
      return this.say("unknown", "tflite-size", at, `${shown} is a handle, and has ${given} bytes of its own`);
    const held = sparse ? BigInt(sparse.values) : elements;
    const wanted = (held * BigInt(bits) + 7n) / 8n;
    if (wanted !== BigInt(given))
      this.say(
        "unknown",
        "tflite-size",
        at,
        `${shown} of shape ${shapeText(shape)} is ${wanted} bytes, and ${given} are given`,
      );
  }
  /** Texts as TFLite keeps them: how many, where each begins, the characters (string_util.cc). */
  private texts({ start, end }: Range, elements: bigint, shown: string): void {
    if (end - start > TEXT_MAX) return void this.strange.push({ start, end, because: "texts longer than are read" });
    const problem = problemOfTexts(this.content.read(start, end - start), elements);
    if (problem) this.say("suspicious", "tflite-size", { start, end }, `${shown}: ${problem}`);
    const text = String.fromCharCode.bind(String);
    const bytes = this.content.read(start, end - start);
    let all = "";
    for (let at = 0; at < bytes.length; at += 8192) all += text(...bytes.subarray(at, at + 8192));
    lookThrough(this.subject, [{ text: all, start, end, exact: true }], `the tensor ${shown}`, { code: false });
  }

  private operator(operator: FlatTable, codes: readonly Code[], tensors: Tensor[], names: string[]): Node | undefined {
    const at = { start: operator.start, end: operator.end };
    const index = operator.number("opcode_index");
    const code = codes[index];
    if (!code) {
      this.say("unknown", "tflite-index", at, `an operator is number ${index} of ${codes.length}`);
      return undefined;
    }
    const [inputs, outputs, inner] = ["inputs", "outputs", "intermediates"].map((list) =>
      operator.numbers(list, Infinity),
    ) as [readonly number[], readonly number[], readonly number[]];
    if ([inputs, outputs, inner].some((list) => list.some((tensor) => tensor >= tensors.length || tensor < -1)))
      this.say("unknown", "tflite-index", at, "an operator names a tensor that its graph does not have");
    const mutated = operator.length("mutating_variable_inputs");
    if (mutated > 0 && mutated !== inputs.length)
      this.say(
        "unknown",
        "tflite-arity",
        at,
        `an operator says of ${mutated} inputs whether they change, and has ${inputs.length}`,
      );
    const [first, second] = [operator.table("builtin_options"), operator.table("builtin_options_2")];
    const attributes = first ?? second;
    const node = new Node(at, code, attributes, [inputs, outputs], tensors, this.constants);
    const large = this.behind(
      operator.number("large_custom_options_offset"),
      operator.number("large_custom_options_size"),
      at,
      "the options of an operator",
    );
    const own = [operator.vector("custom_options"), large].filter((one) => one && one.end > one.start);
    for (const options of own) if (options) this.options(options, code, node);
    if (own.length > 1)
      this.say("suspicious", "tflite-mismatch", at, "an operator has options in two places: readers differ");
    const known = OPERATORS.get(code.builtin);
    const says = ["builtin_options_type", "builtin_options_2_type"].map((field) => operator.number(field));
    if (says.filter((kind) => kind !== 0).length > Number(first !== undefined) + Number(second !== undefined))
      this.say("unknown", "tflite-options", at, `${nameOf(node)} has options of a kind that it does not give`);
    if (first && second)
      this.say("suspicious", "tflite-mismatch", at, `${nameOf(node)} has options of two kinds: readers differ`);
    for (const field of TEXTS_OF_OPTIONS) {
      const text = attributes?.knows(field) ? attributes.text(field) : undefined;
      if (text) names.push(text.text);
    }
    if (operator.number("custom_options_format") !== 0)
      this.say(
        "unknown",
        "tflite-options",
        at,
        `${nameOf(node)} has options in a format that the schema does not name`,
      );
    const composite = attributes?.knows("composite_attributes") ? attributes.vector("composite_attributes") : undefined;
    if (composite && composite.count > 0) this.flexBuffer(composite, nameOf(node));
    if (code.custom !== undefined) {
      if (code.custom.startsWith(FLEX) && own.length === 0)
        this.say("unknown", "tflite-options", at, `${nameOf(node)} has no operator of TensorFlow`);
      const bundled = CUSTOM_OPERATORS.get(code.custom);
      if (node.options) this.say("unknown", "tflite-options", at, `${nameOf(node)} has options of another operator`);
      if (bundled) {
        const takes = this.arity(node, nameOf(node), bundled);
        if (takes && own.length === 0) this.customOptions(node, new Map());
      }
    } else if (known && this.builtin(node, known)) this.gives(node, known, tensors);
    return node;
  }

  /** A built-in operator against what the table of operators says of it. */
  private builtin(node: Node, known: Operator): boolean {
    const { at, options } = node;
    if (!this.arity(node, known.name, known)) return false;
    const sparse = node.inputs.findIndex((_, i) => node.input(i)?.sparse && TAKES_SPARSE.get(known.name) !== i);
    if (sparse >= 0)
      this.say(
        "suspicious",
        "tflite-parameter",
        at,
        `${known.name} reads ${node.input(sparse)!.shown}, which is sparse, as if all its values were there`,
      );
    if (options && options.name !== known.options) {
      this.say(
        "unknown",
        "tflite-options",
        at,
        `${known.name} has ${options.name}, and ${known.options || "none"} are expected`,
      );
      return false;
    }
    for (const [field, most] of Object.entries(ENUMERATED))
      if (options?.knows(field) && !(options.number(field) >= 0 && options.number(field) <= most))
        this.say(
          "unknown",
          "tflite-parameter",
          at,
          `${known.name}: ${field} is ${options.number(field)}, which the schema does not name`,
        );
    if (!known.checks) {
      this.say("unknown", "tflite-unchecked", at, `what ${known.name} does with its parameters is not checked here`);
      return false;
    }
    let holds = true;
    for (const { kind, find } of known.checks) {
      const problem = find(node);
      if (problem === undefined) continue;
      holds = false;
      if (kind === "bomb") this.say("suspicious", "tflite-bomb", at, `${known.name} ${problem}`);
      else this.say("suspicious", "tflite-parameter", at, `${known.name}: ${problem}`);
    }
    return holds;
  }
  /** What it writes against the shape that the graph declares: runtimes for small devices make room for the second and write the first. */
  private gives(node: Node, known: Operator, tensors: Tensor[]): void {
    const made = known.gives(node);
    const at = node.outputs[0] ?? -1;
    const tensor = tensors[at];
    if (!made || !tensor || tensor.bytes) return;
    const [elements, room] = [elementsOf(made), elementsOf(tensor.sizes)];
    if (elements !== undefined && room !== undefined && elements !== room)
      this.say(
        "suspicious",
        "tflite-size",
        node.at,
        `${known.name} writes ${elements} elements to ${tensor.shown}, which has room for ${room}`,
      );
    if (elements !== undefined && elements > MADE_MAX)
      this.say("suspicious", "tflite-bomb", node.at, `${known.name} makes ${elements.toExponential(1)} elements`);
    // What comes behind it is held against what is made, where the file leaves that open.
    if (room === undefined) tensors[at] = { ...tensor, sizes: made };
  }
  /** Whether it has as many tensors as it reads and writes. */
  private arity(node: Node, name: string, known: Pick<Operator, "inputs" | "outputs" | "optional">): boolean {
    const { at, inputs, outputs } = node;
    for (const [of, list, { allows, least, written }] of [
      ["inputs", inputs, known.inputs],
      ["outputs", outputs, known.outputs],
    ] as const)
      if (!allows(list.length))
        this.say(
          list.length < least ? "suspicious" : "unknown",
          "tflite-arity",
          at,
          `${name} has ${list.length} ${of}, and ${written} are expected`,
        );
    const absent = inputs.findIndex((index, i) => index === -1 && !known.optional(i));
    if (absent >= 0 || outputs.includes(-1))
      this.say(
        "suspicious",
        "tflite-arity",
        at,
        `${name} leaves out ${absent >= 0 ? `input ${absent}` : "an output"}, which it needs (CVE-2020-15211)`,
      );
    return known.inputs.allows(inputs.length) && known.outputs.allows(outputs.length);
  }
  private customOptions(node: Node, options: ReadonlyMap<string, number>): void {
    const known = CUSTOM_OPERATORS.get(node.custom ?? "");
    if (!known) return;
    for (const [name, value] of options)
      if (!Object.hasOwn(known.options, name))
        this.say(
          "unknown",
          "tflite-options",
          node.at,
          `${nameOf(node)} has an option ${JSON.stringify(name.slice(0, 80))} of ${value}, which it does not know`,
        );
    if (known.byPlace && Object.keys(known.options).some((name) => !options.has(name)))
      this.say("suspicious", "tflite-parameter", node.at, `${nameOf(node)} lacks one of its options`);
    const problems = [
      ...Object.entries(known.options).map(([name, [least, most, absent = 0]]) => {
        const value = options.get(name) ?? absent;
        return value >= least && value <= most ? undefined : `${name} is ${value}`;
      }),
      ...known.checks.map((check) => check(node, options)),
    ];
    for (const problem of problems)
      if (problem !== undefined) this.say("suspicious", "tflite-parameter", node.at, `${nameOf(node)}: ${problem}`);
  }

  /** Options of a custom operator, of which TFLite's own and TensorFlow's are understood. */
  private options({ start, end }: Range, { custom }: Code, run: Node): void {
    const { at } = run;
    const leave = (because: string): void => void this.strange.push({ start, end, because });
    if (custom === undefined) return leave("options that the operator does not read");
    if (!custom.startsWith(FLEX) && !CUSTOM_OPERATORS.has(custom))
      return leave("options of an operator that nothing here knows");
    const options = this.flexBuffer({ start, end }, JSON.stringify(custom.slice(0, 80)));
    if (!options) return;
    const { value, bytes } = options;
    if (!custom.startsWith(FLEX)) {
      const entries = value.is === "map" ? value.entries : undefined;
      if (!entries?.every(([, one]) => one.is === "number"))
        return this.say(
          "unknown",
          "tflite-options",
          at,
          `the options of ${JSON.stringify(custom.slice(0, 80))} are no numbers by their names`,
        );
      const numbers = entries.map(([name, one]) => [name, one.is === "number" ? one.value : 0] as const);
      // Kernels look names up by halves: what is out of order is not found, and of two that are alike one is.
      if (numbers.some(([name], i) => i > 0 && numbers[i - 1]![0] >= name))
        this.say(
          "suspicious",
          "tflite-options",
          at,
          `the options of ${nameOf(run)} are not in the order of their names`,
        );
      return this.customOptions(run, new Map(numbers));
    }
    // [operator, NodeDef] (tensorflow/lite/delegates/flex/kernel.cc): TensorFlow runs what the second says.
    const [name, node] = value.is === "list" ? value.items : [];
    if (name?.is !== "text" || (node?.is !== "text" && node?.is !== "bytes"))
      return this.say(
        "unknown",
        "tflite-options",
        at,
        `${JSON.stringify(custom.slice(0, 80))} has no operator of TensorFlow`,
      );
    const operator = new TextDecoder().decode(bytes.subarray(name.start, name.end));
    if (operator !== custom.slice(FLEX.length))
      this.say(
        "suspicious",
        "tflite-mismatch",
        { start: start + name.start, end: start + name.end },
        `it is called ${JSON.stringify(custom.slice(0, 80))} and runs ${JSON.stringify(operator.slice(0, 80))}`,
      );
    this.nodes.push(bytes.slice(node.start, node.end));
  }

  /** Options as a FlexBuffer, every byte of it; undefined, and said, where they are none. */
  private flexBuffer({ start, end }: Range, shown: string): (FlexBuffer & { readonly bytes: Uint8Array }) | undefined {
    const leave = (because: string): undefined => void this.strange.push({ start, end, because });
    if (end - start > TEXT_MAX) return leave("options longer than are read");
    const bytes = this.content.read(start, end - start);
    let options: FlexBuffer;
    try {
      options = readFlexBuffer(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.say(
        "unknown",
        "tflite-options",
        { start: start + error.offset, end: start + error.offset + 1 },
        `the options of ${shown} are no FlexBuffer: ${error.problem}`,
      );
      return leave("options that cannot be followed");
    }
    let last = 0;
    for (const range of [...options.ranges, { start: bytes.length, end: bytes.length }]) {
      if (range.start > last && !bytes.subarray(last, range.start).every((byte) => byte === 0))
        this.strange.push({ start: start + last, end: start + range.start, because: "no option has it" });
      last = Math.max(last, range.end);
    }
    return { ...options, bytes };
  }

  private signatures(model: FlatTable, graphs: readonly (FlatTable | undefined)[], names: string[]): void {
    for (const signature of model.tables("signature_defs")) {
      if (!signature) continue;
      const at = { start: signature.start, end: signature.end };
      const graph = graphs[signature.number("subgraph_index")];
      const key = signature.text("signature_key");
      if (key) names.push(key.text);
      if (!graph) {
        this.say("unknown", "tflite-index", at, "a signature is of a graph that the model does not have");
        continue;
      }
      const tensors = graph.length("tensors");
      for (const list of ["inputs", "outputs"])
        for (const entry of signature.tables(list)) {
          const name = entry?.text("name");
          if (name) names.push(name.text);
          if (entry && entry.number("tensor_index") >= tensors)
            this.say("unknown", "tflite-index", at, "a signature names a tensor that its graph does not have");
        }
    }
  }

  private metadata(model: FlatTable, names: string[]): void {
    for (const entry of model.tables("metadata")) {
      if (!entry) continue;
      const name = entry.text("name")?.text ?? "";
      names.push(name);
      const shown = JSON.stringify(name.slice(0, 80));
      const bytes = this.use(entry.number("buffer"), { start: entry.start, end: entry.end }, `the metadata ${shown}`);
      if (!bytes || bytes.end === bytes.start) continue;
      const schema = SCHEMAS[name];
      if (schema) {
        this.flatMetadata(schema, bytes, shown);
        continue;
      }
      if (name === "OfflineMemoryAllocation" && this.isPlan(bytes)) continue;
      const short =
        bytes.end - bytes.start <= 128 ? this.content.read(bytes.start, bytes.end - bytes.start) : undefined;
      if (short && WORDS.test(String.fromCharCode(...short))) continue;
      // Nothing that runs models reads it; whatever it is, it is that.
      this.subject.inspect(`metadata ${name.slice(0, 80)}`, part(this.content, bytes.start, bytes.end));
    }
  }
  /** A version, a graph, how many tensors, and a place for each (tensorflow/lite/micro/docs/memory_management.md). */
  private isPlan({ start, end }: Range): boolean {
    if (end - start < 12) return false;
    const plan = viewOf(this.content.read(start, Math.min(end - start, PLAN_MAX)));
    if (end - start !== 12 + 4 * plan.getUint32(8, true)) return false;
    // -1 leaves a tensor to the planner; anything else below zero lies before the memory that is planned.
    for (let at = 12; at < plan.byteLength; at += 4) if (plan.getInt32(at, true) < -1) return false;
    return end - start <= PLAN_MAX;
  }
  private flatMetadata(schema: FlatSchema, { start, end }: Range, shown: string): void {
    const { content, subject } = this;
    const flat = readFlatBuffer(content, schema, { start, end }, () => subject.meter.tick());
    reportFlat(this.subject, flat.problems);
    for (const gap of gapsBetween(flat.ranges, { start, end }))
      if (!isFlatPadding(content, gap.start, gap.end))
        this.strange.push({ ...gap, because: `no table of the metadata ${shown} leads there` });
    // What an application keeps there is its own.
    for (const graph of schema === METADATA && flat.root ? flat.root.tables("subgraph_metadata") : [])
      for (const custom of graph?.tables("custom_metadata") ?? []) {
        const data = custom?.vector("data");
        if (data && data.count > 0)
          subject.inspect(
            `metadata ${custom?.text("name")?.text.slice(0, 80) ?? ""}`,
            part(content, data.start, data.end),
          );
      }
    if (end - start > TEXT_MAX) return;
    let text = "";
    const bytes = content.read(start, end - start);
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    lookThrough(subject, [{ text, start, end, exact: true }], "the metadata");
  }

  /** Values in files beside the model. */
  private external(model: FlatTable): void {
    const groups = model.length("external_buffer_groups");
    if (model.length("external_buffers") > 0 && groups === 0)
      this.say("unknown", "tflite-external", model, "values lie in other files, and none is named");
    for (const buffer of model.tables("external_buffers")) {
      if (!buffer) continue;
      const id = buffer.number("id");
      if (id === 0 || this.beside.has(id))
        this.say("suspicious", "tflite-external", buffer, `two places of values outside, or none, are number ${id}`);
      if (groups > 0 && buffer.number("group") >= groups)
        this.say("unknown", "tflite-index", buffer, `values lie in file ${buffer.number("group")} of ${groups}`);
      this.beside.add(id);
    }
    for (const group of model.tables("external_buffer_groups")) {
      const name = group?.text("name");
      if (!name) continue;
      const outside = OUTSIDE.test(name.text);
      this.say(
        outside ? "suspicious" : "unknown",
        outside ? "tflite-outside" : "tflite-external",
        name,
        outside
          ? `values lie outside the model's folder: ${JSON.stringify(name.text.slice(0, 120))}`
          : `values lie in ${JSON.stringify(name.text.slice(0, 120))}, which is not read with the model`,
      );
    }
  }
  private outsideValues(id: number, at: Range, shown: string, inside: boolean): void {
    if (!this.beside.has(id))
      this.say(
        "unknown",
        "tflite-external",
        at,
        `${shown} has its values outside, in number ${id}, which the model does not have`,
      );
    else
      this.say(
        "unknown",
        "tflite-external",
        at,
        `${shown} has its values in another file, which is not read with the model`,
      );
    if (inside)
      this.say("suspicious", "tflite-buffer", at, `${shown} has values here and in another file: readers differ`);
  }
}

/** What is wrong with texts: one for each element, one behind the other, inside the bytes; readers take the places on trust. */
function problemOfTexts(bytes: Uint8Array, elements: bigint): string | undefined {
  const view = viewOf(bytes);
  const count = bytes.length < 4 ? 0 : view.getInt32(0, true);
  if (bytes.length < 4 || count < 0 || 4 * (count + 2) > bytes.length)
    return `${count} texts do not fit in ${bytes.length} bytes`;
  if (BigInt(count) !== elements) return `${count} texts for ${elements} elements`;
  for (let i = 0, last = 4 * (count + 2); i <= count; i++) {
    const at = view.getInt32(4 * (i + 1), true);
    if (at < last || at > bytes.length) return `text ${i} lies at ${at} of ${bytes.length}`;
    last = at;
  }
  return undefined;
}

interface Values {
  readonly at: Range;
  readonly shown: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly bytes: Range | undefined;
}

const NOWHERE: Range = { start: 0, end: 0 };
const NO_TENSOR: Tensor = {
  at: NOWHERE,
  shown: "",
  type: -1,
  sizes: undefined,
  bytes: undefined,
  sparse: false,
  there: true,
};
const EMPTY: Graph = { at: NOWHERE, tensors: [], nodes: [], inputs: [], outputs: [] };
const elementsOf = (sizes: Tensor["sizes"]): number | undefined =>
  !sizes || sizes.includes(undefined) ? undefined : (sizes as readonly number[]).reduce((all, one) => all * one, 1);
const shapeText = (shape: readonly number[]): string =>
  `[${shape.slice(0, 8).join(", ")}${shape.length > 8 ? ", …" : ""}]`;

interface Code {
  readonly builtin: number;
  readonly custom: string | undefined;
}

const SCHEMAS: Readonly<Record<string, FlatSchema>> = { TFLITE_METADATA: METADATA, CONVERSION_METADATA: CONVERSION };

/** NodeDefs as a GraphDef, whose first field they are. */
function joined(nodes: readonly Uint8Array[]): Uint8Array {
  const parts = nodes.map((node) => {
    const length: number[] = [];
    let rest = node.length;
    for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
    return Uint8Array.from([0x0a, ...length, rest, ...node]);
  });
  const whole = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of parts) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}
