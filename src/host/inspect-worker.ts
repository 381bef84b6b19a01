/** An isolated child that inspects one model and ends: a file that kills the runtime kills nothing else. */
import { OnnxError } from "#onnx/errors.ts";
import { inspectModel } from "#onnx/inspect.ts";
import type { InspectOptions, Inspection } from "#onnx/inspect.ts";
import { filesBelow } from "./files.ts";
import { onnxRuntime } from "./runtime.ts";

export interface InspectRequest extends Omit<InspectOptions, "runtime"> {
  readonly path: string;
}
export type InspectAnswer =
  | { readonly type: "inspected"; readonly inspection: Inspection }
  | { readonly type: "unreadable"; readonly message: string; readonly remedy?: string }
  | { readonly type: "failed"; readonly message: string };

async function answer({ path, ...options }: InspectRequest): Promise<InspectAnswer> {
  const bytes = await filesBelow(process.cwd()).readWhole(path);
  try {
    return { type: "inspected", inspection: await inspectModel(bytes, { ...options, runtime: await onnxRuntime() }) };
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    return { type: "unreadable", message: error.message, ...(error.remedy ? { remedy: error.remedy } : {}) };
  }
}

// The terminal signals the whole group; the parent decides when a worker ends.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));
process.on("message", (request: InspectRequest) => {
  answer(request)
    .catch((error: unknown): InspectAnswer => ({
      type: "failed",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }))
    .then((sent) => process.send?.(sent, () => process.disconnect()));
});
