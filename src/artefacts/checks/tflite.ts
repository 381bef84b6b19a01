/**
 * TFLite models: every table of the FlatBuffer, every buffer against its tensor, operators that are code of somebody's own or of
 * TensorFlow, metadata, and the archive of associated files behind it.
 */
import { contentOf, part, type Content } from "#formats/content.ts";
import { FormatError, viewOf } from "#formats/error.ts";
import {
  gapsBetween,
  isFlatPadding,
  isRemains,
  readFlatBuffer,
  type FlatProblem,
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
  OPERATORS_MAX,
  TEXTS,
} from "#formats/tflite.ts";
import { appendedZip } from "#formats/zip-appended.ts";
import type { ScanFinding } from "#assessment/index.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { lookThrough } from "#artefacts/free-text.ts";
import type { Range } from "#artefacts/ledger.ts";
import { COMPUTING_OPERATORS, HARMFUL_OPERATORS } from "#artefacts/tensorflow-operators.ts";
import { OUTSIDE } from "#artefacts/outside.ts";

/** What each departure from the format means. */
const PROBLEMS: Readonly<Record<FlatProblem["kind"], readonly [rule: string, severity: ScanFinding["severity"]]>> = {
  bounds: ["tflite-bounds", "unknown"],
  overlap: ["tflite-overlap", "suspicious"],
  entry: ["tflite-entry", "unknown"],
  field: ["tflite-field", "unknown"],
};

/** FlatBuffers count in 32 bits, signed. */
const FLAT_MAX = 2 ** 31 - 1;
/** Custom operators whose code is TFLite's own (lite/core/kernels/register.cc) or its small sister's (micro_mutable_op_resolver.h). */
const BUNDLED: ReadonlySet<string> = new Set(
  "NumericVerify Mfcc AudioSpectrogram TFLite_Detection_PostProcess CIRCULAR_BUFFER SignalDelay SignalEnergy SignalFftAutoScale SignalFilterBank SignalFilterBankLog SignalFilterBankSpectralSubtraction SignalFilterBankSquareRoot SignalFramer SignalIrfft SignalOverlapAdd SignalPCAN SignalRfft SignalStacker SignalWindow".split(
    " ",
  ),
);
/** Operators of TensorFlow, where an application brings its kernels along (SELECT_TF_OPS). */
const FLEX = "Flex";
/** Elements no tensor of a model has: such a shape asks for more memory than there is. */
const ELEMENTS_MAX = 2 ** 50;
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

type Say = (severity: ScanFinding["severity"], rule: string, at: Range, message: string) => void;

interface Buffer {
  readonly at: Range;
  /** Its bytes, in the FlatBuffer or behind it. */
  readonly bytes: Range | undefined;
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
  private buffers: readonly Buffer[] = [];
  private flatEnd = 0;
  private fileEnd = 0;

  constructor(subject: Subject) {
    this.subject = subject;
    this.content = subject.content;
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
    this.problems(flat.problems);
    if (flat.root) this.model(flat.root);
    this.enter([...flat.ranges, ...this.outside]);
    if (zip) {
      ledger.understood(zip.at, content.size);
      subject.inspect("associated files", zip.archive);
    }
    if (this.nodes.length > 0) subject.inspect("TensorFlow operators", contentOf(joined(this.nodes)));
  }

  private problems(found: readonly FlatProblem[]): void {
    for (const { kind, start, end, problem } of found) {
      const [rule, severity] = PROBLEMS[kind];
      this.say(severity, rule, { start, end }, problem);
    }
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
    const codes = Array.from(model.tables("operator_codes"), (code) => this.code(code));
    const graphs = [...model.tables("subgraphs")];
    const names: string[] = [];
    const calls: (readonly number[])[] = graphs.map((graph) =>
      graph ? this.graph(graph, codes, graphs.length, names) : [],
    );
    this.recursion(calls, whole);
    this.signatures(model, graphs, names);
    this.metadata(model, names);
    for (const index of model.numbers("metadata_buffer", 100_000)) this.use(index, whole, "metadata_buffer");
    this.external(model);
    for (const [index, { bytes }] of this.buffers.entries())
      if (bytes && bytes.end > bytes.start && !this.used.has(index)) this.unused(index, bytes);
    this.outside.sort((a, b) => a.start - b.start);
    for (const [i, { start, end, what }] of this.outside.entries()) {
      const before = this.outside[i - 1];
      if (before && start < before.end && !(start === before.start && end === before.end))
        this.say("suspicious", "tflite-overlap", { start, end }, `${what} and ${before.what} share bytes`);
    }
    const description = model.text("description");
    if (description) lookThrough(subject, [description], "the description");
    if (names.length > 0) lookThrough(subject, [{ text: names.join("\n"), ...whole }], "a name");
  }

  /** Data in the buffer, or by its place behind the FlatBuffer, where models are too large for it. */
  private buffer(table: FlatTable | undefined): Buffer {
    if (!table) return { at: { start: 0, end: 0 }, bytes: undefined };
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
    return { at, bytes: behind ?? (data && { start: data.start, end: data.end }) };
  }
  /** Offsets of 0 and 1 are placeholders (flatbuffer_export.cc). */
  private behind(offset: number, size: number, at: Range, what: string): Range | undefined {
    if (offset <= 1) return undefined;
    const bytes = { start: offset, end: offset + size };
    if (!(Number.isSafeInteger(bytes.end) && offset >= this.flatEnd && bytes.end <= this.fileEnd)) {
      this.say(
        "unknown",
        "tflite-bounds",
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
    const builtin = Math.max(table.number("deprecated_builtin_code"), table.number("builtin_code"));
    const custom = table.text("custom_code");
    const at = { start: table.start, end: table.end };
    if (builtin < 0 || builtin > OPERATORS_MAX)
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
    } else if (!BUNDLED.has(name))
      this.say(
        "unknown",
        "tflite-custom",
        place,
        `the custom operator ${shown} is native code that a program registers for it`,
      );
    return { builtin, custom: name };
  }

  /** Which other graphs it calls. */
  private graph(graph: FlatTable, codes: readonly Code[], graphs: number, names: string[]): readonly number[] {
    const name = graph.text("name");
    if (name) names.push(name.text);
    let tensors = 0;
    for (const tensor of graph.tables("tensors")) {
      if ((++tensors & 255) === 0) this.subject.meter.tick();
      if (tensor) this.tensor(tensor, names);
    }
    const calls = new Set<number>();
    let operators = 0;
    for (const operator of graph.tables("operators")) {
      if ((++operators & 255) === 0) this.subject.meter.tick();
      if (operator) this.operator(operator, codes, tensors, graphs, calls);
    }
    const whole = { start: graph.start, end: graph.end };
    for (const list of ["inputs", "outputs"])
      if (graph.numbers(list, 100_000).some((index) => index >= tensors || index < -1))
        this.say("unknown", "tflite-index", whole, `a graph's ${list} name a tensor that it does not have`);
    return [...calls];
  }

  private tensor(tensor: FlatTable, names: string[]): void {
    const at = { start: tensor.start, end: tensor.end };
    const name = tensor.text("name")?.text ?? "";
    names.push(name);
    const shown = JSON.stringify(name.slice(0, 80));
    const bytes = this.use(tensor.number("buffer"), at, shown);
    const type = tensor.number("type");
    if (type < 0 || type >= ELEMENT_BITS.length)
      return this.say(
        "unknown",
        "tflite-entry",
        at,
        `${shown} has elements of type ${type}, which the schema does not know`,
      );
    const bits = ELEMENT_BITS[type];
    const shape = tensor.numbers("shape", 1000);
    if (shape.some((size) => size < 0))
      return this.say("unknown", "tflite-size", at, `${shown} has a shape with a size below zero`);
    let elements = 1n;
    for (const size of shape) if (elements < 1n << 80n || size === 0) elements *= BigInt(size);
    if (elements > BigInt(ELEMENTS_MAX))
      return this.say(
        "suspicious",
        "tflite-size",
        at,
        `${shown} is of shape [${shape.slice(0, 8).join(", ")}]: no tensor has so many elements`,
      );
    if (!bytes || bytes.end === bytes.start) return;
    const given = bytes.end - bytes.start;
    if (type === TEXTS) return this.texts(bytes, elements, shown);
    if (bits === undefined)
      return this.say("unknown", "tflite-entry", at, `${shown} is a handle, and has ${given} bytes of its own`);
    if (tensor.table("sparsity"))
      return this.say("unknown", "tflite-size", at, `${shown} is sparse: where its values belong is not checked here`);
    const wanted = (elements * BigInt(bits) + 7n) / 8n;
    if (wanted !== BigInt(given))
      this.say(
        "unknown",
        "tflite-size",
        at,
        `${shown} of shape [${shape.slice(0, 8).join(", ")}] is ${wanted} bytes, and ${given} are given`,
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

  private operator(
    operator: FlatTable,
    codes: readonly Code[],
    tensors: number,
    graphs: number,
    calls: Set<number>,
  ): void {
    const at = { start: operator.start, end: operator.end };
    const index = operator.number("opcode_index");
    const code = codes[index];
    if (!code) return this.say("unknown", "tflite-index", at, `an operator is number ${index} of ${codes.length}`);
    for (const list of ["inputs", "outputs", "intermediates"])
      if (operator.numbers(list, 10_000).some((tensor) => tensor >= tensors || tensor < -1)) {
        this.say("unknown", "tflite-index", at, `an operator's ${list} name a tensor that its graph does not have`);
        break;
      }
    for (const options of [operator.table("builtin_options"), operator.table("builtin_options_2")]) {
      if (!options) continue;
      for (const graph of calledBy(options))
        if (graph < 0 || graph >= graphs)
          this.say("unknown", "tflite-index", at, `an operator calls graph ${graph} of ${graphs}`);
        else calls.add(graph);
    }
    const large = this.behind(
      operator.number("large_custom_options_offset"),
      operator.number("large_custom_options_size"),
      at,
      "the options of an operator",
    );
    for (const options of [operator.vector("custom_options"), large])
      if (options && options.end > options.start) this.options(options, code, at);
  }

  /** Options of a custom operator, of which TFLite's own and TensorFlow's are understood. */
  private options({ start, end }: Range, { custom }: Code, at: Range): void {
    const leave = (because: string): void => void this.strange.push({ start, end, because });
    if (custom === undefined) return leave("options that the operator does not read");
    if (!custom.startsWith(FLEX) && !BUNDLED.has(custom))
      return leave("options of an operator that nothing here knows");
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
        `the options of ${JSON.stringify(custom.slice(0, 80))} are no FlexBuffer: ${error.problem}`,
      );
      return leave("options that cannot be followed");
    }
    let last = 0;
    for (const range of [...options.ranges, { start: bytes.length, end: bytes.length }]) {
      if (range.start > last && !bytes.subarray(last, range.start).every((byte) => byte === 0))
        this.strange.push({ start: start + last, end: start + range.start, because: "no option has it" });
      last = Math.max(last, range.end);
    }
    if (!custom.startsWith(FLEX)) return;
    // [operator, NodeDef] (tensorflow/lite/delegates/flex/kernel.cc): TensorFlow runs what the second says.
    const [name, node] = options.value.is === "list" ? options.value.items : [];
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

  /** A graph that calls itself, over however many others: no converter writes one, and it need not end. */
  private recursion(calls: readonly (readonly number[])[], at: Range): void {
    const state = new Uint8Array(calls.length);
    for (let first = 0; first < calls.length; first++) {
      if (state[first] !== 0) continue;
      const path: { graph: number; next: number }[] = [{ graph: first, next: 0 }];
      state[first] = 1;
      for (let top = path.at(-1); top; top = path.at(-1)) {
        const callee = calls[top.graph]![top.next++];
        if (callee === undefined) {
          state[top.graph] = 2;
          path.pop();
        } else if (state[callee] === 1)
          return this.say(
            "suspicious",
            "tflite-recursion",
            at,
            `graph ${callee} calls itself: running it need not end`,
          );
        else if (state[callee] === 0) {
          state[callee] = 1;
          path.push({ graph: callee, next: 0 });
        }
      }
    }
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
    this.problems(flat.problems);
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
    if (model.length("external_buffers") > 0 && model.length("external_buffer_groups") === 0)
      this.say("unknown", "tflite-external", model, "values lie in other files, and none is named");
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

interface Code {
  readonly builtin: number;
  readonly custom: string | undefined;
}

const SCHEMAS: Readonly<Record<string, FlatSchema>> = { TFLITE_METADATA: METADATA, CONVERSION_METADATA: CONVERSION };

/** Fields of options that name another graph. */
function calledBy(options: FlatTable): readonly number[] {
  const one = [
    "subgraph",
    "then_subgraph_index",
    "else_subgraph_index",
    "init_subgraph_index",
    "cond_subgraph_index",
    "body_subgraph_index",
    "comparator_subgraph_index",
    "update_computation_subgraph_index",
    "decomposition_subgraph_index",
  ].filter((field) => options.knows(field));
  const many = ["called_computations", "branch_subgraph_indices"].filter((field) => options.knows(field));
  return [...one.map((field) => options.number(field)), ...many.flatMap((field) => options.numbers(field, 1000))];
}

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
