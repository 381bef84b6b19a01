/** onnxruntime for tests, one thread: the host's own adapter has its own tests. */
import * as ort from "onnxruntime-node";
import { givenTensor } from "#host/runtime.ts";
import type { InferenceRuntime, RuntimeTensor } from "#base/ports.ts";

const options = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: "layout",
  logSeverityLevel: 4,
} as const;

export const testRuntime: InferenceRuntime = {
  version: "test",
  async load(model) {
    const session = await ort.InferenceSession.create(model, options);
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      async run(feeds, fetches) {
        const tensors = Object.fromEntries(
          Object.entries(feeds).map(([name, tensor]) => [name, givenTensor(ort, tensor)]),
        );
        const results = await (fetches ? session.run(tensors, [...fetches]) : session.run(tensors));
        return Object.fromEntries(
          Object.entries(results).map(([name, tensor]) => [
            name,
            { type: tensor.type, dims: tensor.dims, data: tensor.data } as unknown as RuntimeTensor,
          ]),
        );
      },
      release: () => session.release(),
    };
  },
};
