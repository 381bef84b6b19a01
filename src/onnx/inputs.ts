/** Which of a model's inputs is attacked, and what the others hold. */
import type { RuntimeTensor } from "#base/ports.ts";
import { OnnxError } from "./errors.ts";
import type { LoadedModel } from "./graph.ts";
import type { Port } from "./ir.ts";
import { isFloat, sizeOf, toRuntime } from "./tensor.ts";

/** The value of an input that is not attacked: the same for every sample. */
export interface GivenInput {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface InputChoice {
  /** The input the samples go to; needed where the file does not leave only one. */
  readonly attacked?: string;
  /** Values of the others, by name. */
  readonly given?: Readonly<Record<string, GivenInput>>;
}

export interface BoundModel {
  /** The model with the attacked input alone; the others have become constants. */
  readonly loaded: LoadedModel;
  /** What the file's own model must be fed beside the samples. */
  readonly others: Readonly<Record<string, RuntimeTensor>>;
}

const shapeOf = (port: Port): string => `"${port.name}" [${port.dims?.map((dim) => dim ?? "?").join(", ") ?? "?"}]`;

/** Whether samples of this shape are what the input may hold: as many elements, as far as the file says. */
function holds(port: Port, sample: readonly number[]): boolean {
  const rest = port.dims?.slice(1);
  if (rest === undefined) return true;
  const known = rest.filter((dim): dim is number => dim !== null);
  const size = sizeOf(sample);
  return known.length === rest.length ? sizeOf(known) === size : size % Math.max(1, sizeOf(known)) === 0;
}

function chosen(ports: readonly Port[], choice: InputChoice, sample: readonly number[]): Port {
  if (choice.attacked !== undefined) {
    const named = ports.find((port) => port.name === choice.attacked);
    if (named) return named;
    throw new OnnxError(`the model has no input "${choice.attacked}"`, {
      remedy: `its inputs are ${ports.map(shapeOf).join(", ")}`,
    });
  }
  const open = ports.filter((port) => choice.given?.[port.name] === undefined);
  if (open.length === 1) return open[0]!;
  const fitting = open.filter((port) => port.type !== undefined && isFloat(port.type) && holds(port, sample));
  if (fitting.length === 1) return fitting[0]!;
  if (open.length === 0)
    throw new OnnxError(ports.length === 0 ? "the model takes no input" : "every input of the model is given", {
      remedy: "leave one of its inputs to be attacked",
    });
  throw new OnnxError(`the model takes ${ports.length} inputs (${ports.map(shapeOf).join(", ")})`, {
    remedy: "name the one that is attacked and give values for the others",
  });
}

function constantOf(port: Port, given: GivenInput): RuntimeTensor {
  const { dims, data } = given;
  const fits =
    port.dims === undefined ||
    (port.dims.length === dims.length && port.dims.every((dim, i) => dim === null || dim === dims[i]));
  if (!fits || sizeOf(dims) !== data.length)
    throw new OnnxError(`input ${shapeOf(port)} is given ${data.length} values of shape [${dims.join(", ")}]`);
  if (port.type === undefined || port.type === "string")
    throw new OnnxError(`input "${port.name}" holds ${port.type ?? "no tensor"} and cannot be given`);
  return toRuntime({ type: port.type, dims, data: Float64Array.from(data) });
}

/** Chooses the attacked input and makes constants of the others. Throws OnnxError where one is neither attacked nor given. */
export function bindInputs(loaded: LoadedModel, choice: InputChoice, sample: readonly number[]): BoundModel {
  const { graph } = loaded;
  for (const name of Object.keys(choice.given ?? {}))
    if (!graph.inputs.some((port) => port.name === name))
      throw new OnnxError(`a value is given for input "${name}", which the model does not have`, {
        remedy: `its inputs are ${graph.inputs.map(shapeOf).join(", ")}`,
      });
  const attacked = chosen(graph.inputs, choice, sample);
  const rest = graph.inputs.filter((port) => port !== attacked);
  const missing = rest.filter((port) => choice.given?.[port.name] === undefined);
  if (missing.length > 0)
    throw new OnnxError(
      `input ${missing.map(shapeOf).join(", ")} is neither attacked ("${attacked.name}" is) nor given a value`,
      { remedy: "give a value for it that stays the same for every sample" },
    );
  if (rest.length === 0) return { loaded, others: {} };
  const others = Object.fromEntries(rest.map((port) => [port.name, constantOf(port, choice.given![port.name]!)]));
  const constants = new Map(graph.constants);
  for (const [name, tensor] of Object.entries(others)) constants.set(name, tensor);
  return { loaded: { ...loaded, graph: { ...graph, inputs: [attacked], constants } }, others };
}
