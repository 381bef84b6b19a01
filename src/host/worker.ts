/** An isolated child: runs one shard at a time with its own inference runtime, and dies alone when a model kills it. */
import { certifierOf } from "#assess/certify.ts";
import { bench } from "#assess/opened.ts";
import { runShard, type Shard } from "#assess/shard.ts";
import { HostError } from "#base/ports.ts";
import { filesBelow } from "./files.ts";
import { onnxRuntime } from "./runtime.ts";

export interface ToWorker {
  readonly type: "run";
  readonly root: string;
  readonly shard: Shard;
}
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "progress"; readonly done: number; readonly total: number; readonly note?: string }
  | { readonly type: "result"; readonly result: unknown }
  | { readonly type: "failed"; readonly name: string; readonly message: string; readonly remedy?: string };

const send = (message: FromWorker): void => void process.send?.(message);
// The parent cancels by killing this process; nothing in here waits for a signal.
const { signal } = new AbortController();
const table = bench();

// The terminal signals the whole group; the parent decides when a worker ends.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));
process.on("message", (message: ToWorker) => {
  const run = async (): Promise<unknown> => {
    const runtime = await onnxRuntime();
    return runShard(message.shard, {
      signal,
      bench: table,
      ports: {
        files: filesBelow(message.root),
        runtime,
        clock: { now: () => Date.now(), monotonic: () => performance.now() },
      },
      onProgress: (done, total, note) => send({ type: "progress", done, total, note }),
      certify: ({ classifier }, { profile }) => certifierOf(classifier, runtime, profile ?? "standard"),
    });
  };
  run().then(
    (result) => send({ type: "result", result }),
    (error: unknown) => {
      const { name, message: text, stack } = error instanceof Error ? error : new Error(String(error));
      send({
        type: "failed",
        name,
        message: error instanceof HostError ? text : (stack ?? text),
        remedy: error instanceof HostError ? error.remedy : undefined,
      });
    },
  );
});
send({ type: "ready" });
