/** onnxruntime behind the port: one thread per session, because children with one thread each beat one with two. */
import { createRequire } from "node:module";
import { HostError, type InferenceRuntime, type InferenceSession, type RuntimeTensor } from "#base/ports.ts";

type Ort = typeof import("onnxruntime-node");

/** Loads onnxruntime-node on first use: it maps 30 MB that `--help` does not need. */
export async function onnxRuntime(): Promise<InferenceRuntime> {
  // The library reports its use over the network unless it is told not to before it is loaded. Nothing leaves this machine.
  process.env.ORT_DISABLE_TELEMETRY = "1";
  const ort: Ort = await import("onnxruntime-node");
  return {
    version: runtimeVersion(),
    async load(model) {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: ["cpu"],
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        // Beyond "layout" lies only the fusing of half-precision weights, which in 1.30 ends in a segmentation fault at a
        // Transpose before a MatMul; in single precision both are equally fast.
        graphOptimizationLevel: "layout",
        logSeverityLevel: 4,
        // Batches shrink as samples fall: a memory plan per batch size would be kept for each of them.
        enableMemPattern: false,
        extra: { session: { intra_op: { allow_spinning: "0" } } },
      }).catch(refusal);
      return adapted(ort, session);
    },
  };
}

/** What the runtime refuses is the model's or the machine's doing (a shape, an operator, memory), not ours. */
function refusal(error: unknown): never {
  throw new HostError(
    `the inference runtime refused: ${error instanceof Error ? error.message.trim() : String(error)}`,
  );
}

/** The version of the installed onnxruntime, without loading its binary. */
export function runtimeVersion(): string {
  return (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version;
}

/** A tensor as the binding takes it. It reads half precision as bits, which the library has meanwhile made numbers of. */
export function givenTensor(ort: Ort, tensor: RuntimeTensor): InstanceType<Ort["Tensor"]> {
  const given = new ort.Tensor(tensor.type as "float32", tensor.data as Float32Array, tensor.dims as number[]);
  return tensor.type === "float16" ? Object.defineProperty(given, "data", { value: tensor.data }) : given;
}

function adapted(ort: Ort, session: Awaited<ReturnType<Ort["InferenceSession"]["create"]>>): InferenceSession {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds, fetches) {
      const given: Record<string, InstanceType<Ort["Tensor"]>> = {};
      for (const [name, tensor] of Object.entries(feeds)) {
        given[name] = givenTensor(ort, tensor);
      }
      const results = await (fetches ? session.run(given, fetches as string[]) : session.run(given)).catch(refusal);
      const answers: Record<string, RuntimeTensor> = {};
      for (const [name, tensor] of Object.entries(results)) {
        answers[name] = {
          type: tensor.type as RuntimeTensor["type"],
          dims: tensor.dims,
          data: tensor.data as RuntimeTensor["data"],
        };
      }
      return answers;
    },
    release: () => session.release(),
  };
}
