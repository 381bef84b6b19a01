/**
 * TensorFlow's SavedModels, frozen graphs and Keras metadata: every operator of the graphs and their functions by what it
 * touches, every path the file names, and Keras's configurations within.
 */
import { part } from "#formats/content.ts";
import { decodeMessage, ProtobufError, type Message, type MessageTable } from "#formats/protobuf.ts";
import { everyMessage, GRAPH, KERAS_METADATA, SAVED_MODEL, tensorflowKind } from "#formats/savedmodel.ts";
import { defineCheck, type Subject } from "#artefacts/check.ts";
import { LimitReached } from "#artefacts/limits.ts";
import { COMPUTING_OPERATORS, HARMFUL_OPERATORS } from "#artefacts/tensorflow-operators.ts";
import { OUTSIDE } from "#artefacts/outside.ts";

const SIZE_MAX = 512 * 2 ** 20;
const TABLES: Readonly<Record<NonNullable<ReturnType<typeof tensorflowKind>>, MessageTable>> = {
  "saved model": SAVED_MODEL,
  graph: GRAPH,
  "Keras metadata": KERAS_METADATA,
};
const FINDINGS_PER_OPERATOR = 4;

export default defineCheck({
  title: "TensorFlow model",
  recognise: (content) => (tensorflowKind(content) === undefined ? "no" : "yes"),
  read(subject) {
    const { content, ledger, meter, report } = subject;
    if (content.size > SIZE_MAX)
      throw new LimitReached("limit-tensorflow", `a model of ${content.size} bytes is more than is read`);
    const bytes = content.read(0, content.size);
    const place = (view: Uint8Array): number => view.byteOffset - bytes.byteOffset;
    let model: Message;
    try {
      model = decodeMessage(TABLES[tensorflowKind(content)!], bytes);
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
      ledger.left(0, content.size, "it is no whole model");
      return report({
        rule: "tensorflow-broken",
        severity: "unknown",
        confidence: "high",
        start: error.at,
        end: error.at + 1,
        message: `as a TensorFlow model: ${error.message}`,
      });
    }
    const unknown: [number, number][] = [];
    const times = new Map<string, number>();
    let messages = 0;
    for (const message of everyMessage(model)) {
      if (messages++ % 256 === 0) meter.tick();
      for (const { payload } of message.unknown ?? [])
        if (payload.length > 0) unknown.push([place(payload), place(payload) + payload.length]);
      if (message.op instanceof Uint8Array) judgeNode(subject, message, place, times);
      if (Array.isArray(message.nodes)) judgePaths(subject, message.nodes as readonly Message[], place);
      if (message.filename instanceof Uint8Array) judgeAsset(subject, message.filename, place);
      if (message.metadata instanceof Uint8Array && message.identifier !== undefined && message.metadata.length > 2) {
        const at = place(message.metadata);
        subject.inspect(`metadata at ${at}`, part(content, at, at + message.metadata.length));
      }
    }
    for (const [name, count] of times)
      if (count > FINDINGS_PER_OPERATOR)
        report({
          rule: "tensorflow-operator",
          severity: "note",
          confidence: "high",
          start: 0,
          end: 0,
          message: `${name} stands there ${count} times`,
        });
    let at = 0;
    for (const [start, end] of unknown.toSorted((a, b) => a[0] - b[0])) {
      ledger.understood(at, Math.max(at, start));
      ledger.left(start, end, "a field that no message of TensorFlow has here");
      at = Math.max(at, end);
    }
    ledger.understood(at, content.size);
  },
});

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, 200));

function judgeNode(
  { report }: Subject,
  node: Message,
  place: (view: Uint8Array) => number,
  times: Map<string, number>,
): void {
  const bytes = node.op as Uint8Array;
  const op = textOf(bytes);
  const at = { start: place(bytes), end: place(bytes) + bytes.length };
  const shown = node.name instanceof Uint8Array ? ` (node ${JSON.stringify(textOf(node.name).slice(0, 80))})` : "";
  const harm = HARMFUL_OPERATORS.get(op);
  const streams = op === "PrintV2" ? outputStream(node) : undefined;
  if (harm === undefined && streams === undefined && (COMPUTING_OPERATORS.has(op) || op === "PrintV2")) return;
  const count = (times.get(op) ?? 0) + 1;
  times.set(op, count);
  if (count > FINDINGS_PER_OPERATOR) return;
  if (streams !== undefined)
    return report({
      ...at,
      rule: "tensorflow-harmful",
      severity: "malicious",
      confidence: "high",
      message: `${op}${shown} writes to ${JSON.stringify(streams.slice(0, 120))}`,
    });
  if (harm !== undefined)
    return report({
      ...at,
      rule: "tensorflow-harmful",
      severity: harm.severity,
      confidence: "high",
      message: `the graph holds ${op}${shown}, which ${harm.does}`,
    });
  report({
    ...at,
    rule: "tensorflow-custom",
    severity: "unknown",
    confidence: "high",
    message: `the graph holds the operator ${JSON.stringify(op.slice(0, 80))}${shown}, which is in no list: a library of its own brings it`,
  });
}

/** Operators that take a path, and which of their inputs it is. */
const PATHS: Readonly<Record<string, number>> = {
  InitializeTableFromTextFile: 1,
  InitializeTableFromTextFileV2: 1,
  Restore: 0,
  RestoreSlice: 0,
  RestoreV2: 0,
  Save: 0,
  SaveSlices: 0,
  SaveV2: 0,
  MergeV2Checkpoints: 1,
};

/** Constants that lead operators out of the model's own folder. */
function judgePaths({ report }: Subject, nodes: readonly Message[], place: (view: Uint8Array) => number): void {
  const constants = new Map<string, Uint8Array>();
  for (const { op, name, attributes } of nodes)
    if (op instanceof Uint8Array && name instanceof Uint8Array && textOf(op) === "Const")
      for (const { key, value } of attributes as readonly { key?: string; value?: Message }[]) {
        const strings = (value?.tensor as Message | undefined)?.strings;
        if (key === "value" && Array.isArray(strings) && strings.length > 0)
          constants.set(textOf(name), strings[0] as Uint8Array);
      }
  for (const { op, inputs } of nodes) {
    if (!(op instanceof Uint8Array)) continue;
    const which = PATHS[textOf(op)];
    const input = which === undefined ? undefined : (inputs as readonly string[])[which]?.split(":")[0];
    const path = input === undefined ? undefined : constants.get(input);
    if (path === undefined || !OUTSIDE.test(textOf(path))) continue;
    report({
      rule: "tensorflow-outside",
      severity: "suspicious",
      confidence: "high",
      start: place(path),
      end: place(path) + path.length,
      message: `${textOf(op)} takes a path outside the model's folder: ${JSON.stringify(textOf(path).slice(0, 120))}`,
    });
  }
}

/** PrintV2 writes to a file where its stream is one. */
function outputStream(node: Message): string | undefined {
  for (const { key, value } of node.attributes as readonly { key?: string; value?: Message }[])
    if (key === "output_stream" && value?.s instanceof Uint8Array) {
      const stream = textOf(value.s);
      return stream.startsWith("file:") ? stream : undefined;
    }
  return undefined;
}

/** Assets lie in the model's folder, by their names there. */
function judgeAsset({ report }: Subject, filename: Uint8Array, place: (view: Uint8Array) => number): void {
  const name = textOf(filename);
  if (!OUTSIDE.test(name)) return;
  report({
    rule: "tensorflow-outside",
    severity: "suspicious",
    confidence: "high",
    start: place(filename),
    end: place(filename) + filename.length,
    message: `an asset lies outside the model's folder: ${JSON.stringify(name)}`,
  });
}
