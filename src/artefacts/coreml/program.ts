/**
 * Programs (ML Program, MIL.proto): operators in blocks, each argument a name that something before it holds, values as many as their
 * type says, and values in a file beside the model where a blob of that type and size begins (MILBlob/Blob/StorageReader.cpp).
 */
import { blobProblem, MIL_TYPES, type MilBlob } from "#formats/coreml.ts";
import { upTo } from "#formats/content.ts";
import { viewOf } from "#formats/error.ts";
import { numberOf, numbersOf, textAt, textOf, type Walked } from "#formats/protobuf-walk.ts";
import { beside, hangsOn } from "#artefacts/beside.ts";
import { leads } from "#artefacts/outside.ts";
import type { ScanPorts } from "#artefacts/ports.ts";
import { MADE_MAX } from "#artefacts/limits.ts";
import { namesOf } from "./interface.ts";
import { range } from "./network.ts";
import { count, every, only, product, shown, type Judging } from "./reading.ts";

/** Operators with blocks of their own, and how many. */
const BLOCKS: ReadonlyMap<string, number> = new Map([
  ["cond", 2],
  ["while_loop", 2],
]);
/** Operators that give nothing. */
const SILENT: ReadonlySet<string> = new Set(["write_state"]);
const DEPTH_MAX = 64;
const CHAIN_MAX = 100;

interface Scope {
  readonly names: Set<string>;
  /** Operations by the names they give. */
  readonly makers: Map<string, Walked>;
  readonly around: Scope | undefined;
}
const inside = (around?: Scope): Scope => ({ names: new Set(), makers: new Map(), around });
function known(scope: Scope | undefined, name: string): boolean {
  for (let at = scope; at; at = at.around) if (at.names.has(name)) return true;
  return false;
}
function makerOf(scope: Scope | undefined, name: string): Walked | undefined {
  for (let at = scope; at; at = at.around) if (at.names.has(name)) return at.makers.get(name);
  return undefined;
}

export function judgeProgram(program: Walked, model: Walked, judging: Judging): void {
  const { content, say } = judging;
  const functions = new Map<string, ReadonlySet<string>>();
  for (const entry of every(program, "functions")) {
    const name = textOf(content, entry, "key") ?? "";
    const body = only(entry, "value");
    const opset = (body && textOf(content, body, "opset")) ?? "";
    const blocks = every(body, "block_specializations");
    if (!body || !blocks.some((block) => textOf(content, block, "key") === opset))
      say(
        "unknown",
        "coreml-graph",
        entry,
        `the function ${shown(name)} has no block for ${shown(opset)}, which it is to run`,
      );
    for (const { key, value } of blocks.map((block) => ({
      key: textOf(content, block, "key"),
      value: only(block, "value"),
    }))) {
      if (!value) continue;
      const scope = inside();
      for (const input of every(body, "inputs")) scope.names.add(textOf(content, input, "name") ?? "");
      const outputs = blockOf(value, inside(scope), judging, 0);
      if (key === opset) functions.set(name, new Set(outputs));
    }
  }
  if (functions.size === 0) say("unknown", "coreml-graph", program, "a program without a function");
  const description = only(model, "description");
  const described = every(description, "functions");
  const interfaces =
    described.length > 0
      ? described.map((one) => ({ of: textOf(content, one, "name") ?? "", description: one }))
      : [{ of: "main", description }];
  for (const { of, description: one } of interfaces) {
    const outputs = functions.get(of);
    if (!outputs) say("unknown", "coreml-graph", program, `the function ${shown(of)} is described and is not there`);
    for (const name of namesOf(one, "output", judging))
      if (outputs && !outputs.has(name))
        say("unknown", "coreml-graph", program, `the output ${shown(name)} is made by nothing in ${shown(of)}`);
  }
}

/** Follows a block; the names that it gives. */
function blockOf(block: Walked, scope: Scope, judging: Judging, depth: number): readonly string[] {
  const { content, say, tick } = judging;
  if (depth > DEPTH_MAX) {
    say("unknown", "limit-coreml", block, `blocks lie more than ${DEPTH_MAX} deep; these were not followed`);
    return [];
  }
  for (const input of every(block, "inputs")) scope.names.add(textOf(content, input, "name") ?? "");
  for (const operation of every(block, "operations")) {
    tick();
    operationOf(operation, scope, judging, depth);
  }
  const outputs = (block.places.outputs ?? []).map((place) => textAt(content, place));
  const missing = outputs.find((name) => !known(scope, name));
  if (missing !== undefined)
    say("unknown", "coreml-graph", block, `a block gives ${shown(missing)}, which nothing in it makes`);
  return outputs;
}

function operationOf(operation: Walked, scope: Scope, judging: Judging, depth: number): void {
  const { content, say } = judging;
  const type = textOf(content, operation, "type") ?? "";
  const made = every(operation, "outputs").map((output) => textOf(content, output, "name") ?? "");
  const what = `${type || "an operator"} ${shown(made[0] ?? "")}`;
  for (const argument of argumentsOf(operation, judging))
    if (!known(scope, argument))
      say("unknown", "coreml-graph", operation, `${what} takes ${shown(argument)}, which nothing before it makes`);
  const blocks = every(operation, "blocks");
  const wanted = BLOCKS.get(type) ?? 0;
  if (blocks.length !== wanted)
    say("unknown", "coreml-graph", operation, `${what} has ${blocks.length} blocks, where ${wanted} belong`);
  if (made.length === 0 && !SILENT.has(type)) say("unknown", "coreml-graph", operation, `${what} gives nothing`);
  if (type === "const" && !valueOf(operation, judging))
    say("unknown", "coreml-graph", operation, `${what} is a constant without a value`);
  const scopes = blocks.map(() => inside(scope));
  const given = blocks.map((block, index) => blockOf(block, scopes[index]!, judging, depth + 1));
  if (type === "while_loop" && blocks.length === 2) endless(operation, blocks, scopes, given, what, judging);
  makes(operation, type, what, scope, judging);
  for (const name of made) {
    scope.names.add(name);
    scope.makers.set(name, operation);
  }
}

/** Operators that make as many elements as a constant says, by the argument that says it. */
const MAKERS: ReadonlyMap<string, string> = new Map([
  ["fill", "shape"],
  ["tile", "reps"],
  ["one_hot", "one_hot_vector_size"],
  ...["bernoulli", "categorical", "normal", "uniform"].map((kind) => [`random_${kind}`, "shape"] as const),
]);
function makes(operation: Walked, type: string, what: string, scope: Scope, judging: Judging): void {
  if (type === "range_1d") {
    const [from, to, by] = ["start", "end", "step"].map((field) => constantOf(operation, field, scope, judging)?.[0]);
    if (from !== undefined && to !== undefined && by !== undefined) range(to - from, by, operation, what, judging);
    return;
  }
  const sizes = constantOf(operation, MAKERS.get(type) ?? "", scope, judging);
  const elements = sizes?.reduce((all, size) => all * Math.abs(size), 1) ?? 0;
  if (elements > MADE_MAX)
    judging.say(
      "suspicious",
      "coreml-size",
      operation,
      `${what} makes ${elements.toExponential(1)} elements out of constants alone`,
    );
}

/** The numbers of an argument that is a constant in its place, or the value of one. */
function constantOf(
  operation: Walked,
  argument: string,
  scope: Scope,
  judging: Judging,
): readonly number[] | undefined {
  const { content } = judging;
  const entry = every(operation, "inputs").find((one) => textOf(content, one, "key") === argument);
  const binding = only(only(entry, "value"), "arguments");
  const maker = binding && makerOf(scope, origin(textOf(content, binding, "name") ?? "", scope, judging));
  const value =
    only(binding, "value") ??
    (maker && textOf(content, maker, "type") === "const" ? valueOf(maker, judging) : undefined);
  const tensor = only(only(value, "immediateValue"), "tensor");
  const whole = only(tensor, "ints") ?? only(tensor, "longInts");
  if (whole) return numbersOf(whole, "values").map(Number);
  const place = only(tensor, "floats")?.places.values?.[0];
  if (!place || place.end - place.start < 4) return undefined;
  return [viewOf(content.read(place.start, 4)).getFloat32(0, true)];
}

/** Names that an operation takes. */
const argumentsOf = (operation: Walked, { content }: Judging): readonly string[] =>
  every(operation, "inputs").flatMap((entry) =>
    every(only(entry, "value"), "arguments").flatMap((binding) =>
      count(binding, "name") > 0 ? [textOf(content, binding, "name") ?? ""] : [],
    ),
  );

/** The value of a constant. */
const valueOf = (operation: Walked, { content }: Judging): Walked | undefined =>
  only(
    every(operation, "attributes").find((entry) => textOf(content, entry, "key") === "val"),
    "value",
  );

/** Operators whose answer may be another each time. */
const UNSETTLED = /^(random_|read_state$)/;

/** A loop whose condition is a constant, or hangs on nothing that its body changes: it does not end, if it begins. */
function endless(
  operation: Walked,
  [condition, body]: readonly Walked[],
  [within, around]: readonly Scope[],
  [tests, results]: readonly (readonly string[])[],
  what: string,
  judging: Judging,
): void {
  const { content, say } = judging;
  if (tests!.length !== 1)
    return say("unknown", "coreml-graph", operation, `${what} is a loop with ${tests!.length} conditions`);
  const passed = every(condition, "inputs").map((input) => textOf(content, input, "name") ?? "");
  const inBody = every(body, "inputs").map((input) => textOf(content, input, "name") ?? "");
  if (passed.length !== results!.length || inBody.length !== results!.length)
    return say("unknown", "coreml-graph", operation, `${what} is a loop that does not hand on what it is given`);
  const unchanged = (index: number): boolean => origin(results![index]!, around, judging) === inBody[index];
  // Everything that the condition hangs on within its block; what lies around the loop is the same in every round.
  const waiting = [tests![0]!];
  const seen = new Set(waiting);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (!within!.names.has(name)) continue;
    const index = passed.indexOf(name);
    if (index >= 0 && !unchanged(index)) return;
    const maker = within!.makers.get(name);
    if (!maker) continue;
    if (UNSETTLED.test(textOf(content, maker, "type") ?? "") || every(maker, "blocks").length > 0) return;
    for (const from of argumentsOf(maker, judging))
      if (!seen.has(from)) {
        seen.add(from);
        waiting.push(from);
      }
  }
  let name = origin(tests![0]!, within, judging);
  const index = passed.indexOf(name);
  if (index >= 0) {
    const first = every(operation, "inputs").find((entry) => textOf(content, entry, "key") === "loop_vars");
    const binding = every(only(first, "value"), "arguments")[index];
    name = origin((binding && textOf(content, binding, "name")) ?? "", within!.around, judging);
  }
  const constant = makerOf(within, name);
  const value = constant && textOf(content, constant, "type") === "const" ? valueOf(constant, judging) : undefined;
  const holds = only(only(only(value, "immediateValue"), "tensor"), "bools");
  const place = holds?.places.values?.[0];
  // A loop that never begins does no harm.
  if (holds && (place ? upTo(content, place.start, 1)[0] === 0 : (numberOf(holds, "values") ?? 0n) === 0n)) return;
  say(
    "suspicious",
    "coreml-loop",
    operation,
    `${what} is a loop whose condition ${holds ? "always holds" : "never changes"}: ${holds ? "it" : "once begun, it"} does not end`,
  );
}

/** A name through operators that only hand on. */
function origin(name: string, scope: Scope | undefined, judging: Judging): string {
  let at = name;
  for (let steps = 0; steps < CHAIN_MAX; steps++) {
    const maker = makerOf(scope, at);
    if (!maker || textOf(judging.content, maker, "type") !== "identity") return at;
    const [from] = argumentsOf(maker, judging);
    if (from === undefined) return at;
    at = from;
  }
  return at;
}

/** How a program names the folder it lies in. */
const HERE = /^@model_path\//;
const FILES_MAX = 1000;
/** Numbers that stand one by one, or as bytes: writers do both. */
const EITHER: ReadonlySet<number> = new Set([22, 23, 32, 33]);
/** Types of tensors (MIL.proto, DataType): the field of their values, and their bits where those are bytes. */
interface Held {
  readonly fields: readonly string[];
  readonly bits?: number;
}
const HELD: ReadonlyMap<number, Held> = new Map<number, Held>([
  [1, { fields: ["bools"] }],
  [2, { fields: ["strings"] }],
  [12, { fields: ["doubles"] }],
  [24, { fields: ["longInts"] }],
  [34, { fields: ["longInts"] }],
  ...MIL_TYPES.map(
    ({ program, bits }) =>
      [
        program,
        { fields: program === 11 ? ["floats"] : EITHER.has(program) ? ["ints", "bytes"] : ["bytes"], bits },
      ] as const,
  ),
]);

/** Judges values against their types, and those in other files against what lies there. */
export class Values {
  private readonly judging: Judging;
  private readonly ports: Pick<ScanPorts, "neighbour" | "fingerprint" | "blobs">;
  private readonly files = new Map<string, ReadonlyMap<number, MilBlob> | undefined>();

  constructor(judging: Judging, ports: Pick<ScanPorts, "neighbour" | "fingerprint" | "blobs">) {
    this.judging = judging;
    this.ports = ports;
  }

  judge(value: Walked): void {
    const [here, elsewhere] = [only(value, "immediateValue"), only(value, "blobFileValue")];
    if (here && elsewhere)
      this.judging.say(
        "suspicious",
        "coreml-repeated",
        value,
        "a value stands there and in a file: which counts differs between readers",
      );
    const type = only(only(value, "type"), "tensorType");
    if (elsewhere) this.inFile(elsewhere, type);
    const tensor = only(here, "tensor");
    if (tensor) this.inPlace(tensor, type);
  }

  private inPlace(tensor: Walked, type: Walked | undefined): void {
    const { say } = this.judging;
    const dataType = Number((type && numberOf(type, "dataType")) ?? 0n);
    const held = HELD.get(dataType);
    const elements = elementsOf(type);
    const fields = Object.keys(tensor.messages);
    if (!held || elements === undefined)
      return say(
        "unknown",
        "coreml-weights",
        tensor,
        `values of type ${dataType}, or of no fixed number, which no value has`,
      );
    if (fields.length > 1)
      return say(
        "suspicious",
        "coreml-weights",
        tensor,
        `values in several places (${fields.join(", ")}): which count differs between readers`,
      );
    if (fields.length === 0 && elements === 0n) return;
    const [field = "nothing"] = fields;
    if (!held.fields.includes(field))
      return say(
        "unknown",
        "coreml-weights",
        tensor,
        `values of type ${dataType} as ${field}, where ${held.fields.join(" or ")} belong`,
      );
    const values = only(tensor, field);
    const place = values?.places.values?.at(-1);
    const there = field === "bytes" ? BigInt(place ? place.end - place.start : 0) : BigInt(count(values, "values"));
    const wanted = field === "bytes" ? (elements * BigInt(held.bits ?? 0) + 7n) / 8n : elements;
    if (there !== wanted)
      say(
        "unknown",
        "coreml-weights",
        tensor,
        `${there} ${field} for ${elements} values of type ${dataType}, where ${wanted} belong`,
      );
  }

  private inFile(value: Walked, type: Walked | undefined): void {
    const { content, say } = this.judging;
    const name = textOf(content, value, "fileName") ?? "";
    const path = name.replace(HERE, "");
    const out = leads(path);
    if (out !== undefined)
      return say(
        "suspicious",
        "coreml-outside",
        value,
        `values lie outside the model's folder: ${shown(name)}, ${out}`,
      );
    const tell = (message: string): void =>
      say("unknown", "coreml-external", value, message, hangsOn(path, this.ports));
    const blobs = this.blobs(path, name, value);
    if (!blobs) return;
    const offset = BigInt.asUintN(64, numberOf(value, "offset") ?? 0n);
    const blob = blobs.get(Number(offset));
    if (!blob) return tell(`values begin at byte ${offset} of ${shown(name)}, where none do`);
    const problem = blobProblem(blob);
    if (problem !== undefined) return tell(`at byte ${offset} of ${shown(name)} are ${problem}`);
    const [dataType, elements] = [Number((type && numberOf(type, "dataType")) ?? 0n), elementsOf(type)];
    const kind = MIL_TYPES.find(({ blob: one }) => one === blob.type)!;
    if (kind.program !== dataType)
      return tell(
        `at byte ${offset} of ${shown(name)} are values of type ${kind.program}, where ${dataType} is wanted`,
      );
    const bits = 8n * BigInt(blob.end - blob.start) - (kind.bits < 8 ? BigInt(blob.padding) : 0n);
    if (elements === undefined || bits !== elements * BigInt(kind.bits))
      tell(
        `at byte ${offset} of ${shown(name)} are ${bits / BigInt(kind.bits)} values, where ${elements ?? "a fixed number"} are wanted`,
      );
  }

  /** The blobs of a file beside the model; none where that cannot be used, which is said. */
  private blobs(path: string, name: string, value: Walked): ReadonlyMap<number, MilBlob> | undefined {
    if (this.files.has(path)) return this.files.get(path);
    const { say } = this.judging;
    if (this.files.size >= FILES_MAX) {
      say(
        "unknown",
        "limit-coreml",
        value,
        `values lie in more than ${FILES_MAX} files; the others were not looked for`,
      );
      return undefined;
    }
    let blobs: ReadonlyMap<number, MilBlob> | undefined;
    const { problem } = beside(path, this.ports);
    const tell = (severity: "suspicious" | "unknown", says: string): void =>
      say(severity, "coreml-external", value, `values lie in ${shown(name)}, ${says}`, hangsOn(path, this.ports));
    if (problem) tell(problem.severity, problem.says);
    else {
      const found = this.ports.blobs?.(path) ?? "whose content cannot be looked at from here";
      if (typeof found === "string") tell("unknown", this.ports.blobs ? `which is no such file: ${found}` : found);
      else blobs = new Map(found.map((blob) => [blob.at, blob]));
    }
    this.files.set(path, blobs);
    return blobs;
  }
}

function elementsOf(type: Walked | undefined): bigint | undefined {
  const sizes = every(type, "dimensions").map((dimension) => {
    const constant = only(dimension, "constant");
    return constant && BigInt.asUintN(64, numberOf(constant, "size") ?? 0n);
  });
  return sizes.includes(undefined) || type === undefined ? undefined : product(sizes as bigint[]);
}
