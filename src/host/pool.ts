/** Child processes that run shards: one inference thread each, replaced when one dies, killed when the user cancels. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HostError, WorkerDied, type ShardPool, type Signal } from "#base/ports.ts";
import { runtimeVersion } from "./runtime.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

/** An idle worker ends by itself when it is let go; one that does not is killed after this long. */
const GRACE_MS = 3000;
/** A worker that reports nothing for this long is taken for hung: far above any sensible batch. */
const SILENCE_MS = 5 * 60_000;

interface Waiting {
  readonly start: (worker: ChildProcess) => void;
  readonly refuse: (error: Error) => void;
}

/** A pool of at most `workers` children that read files below `root`; children start when first needed. */
export function workerPool(root: string, workers: number): ShardPool {
  const idle: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  const queue: Waiting[] = [];
  let closed = false;

  const start = (): ChildProcess => {
    const child = fork(fileURLToPath(import.meta.resolve("#host/worker.ts")), [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: ["--no-warnings"],
      env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
    });
    all.add(child);
    child.on("exit", () => all.delete(child));
    child.on("error", () => all.delete(child));
    return child;
  };
  const hand = (): void => {
    while (queue.length > 0) {
      const worker = idle.pop() ?? (all.size < workers ? start() : undefined);
      if (!worker) return;
      queue.shift()!.start(worker);
    }
  };

  return {
    workers,
    runtimeVersion: runtimeVersion(),
    run<Result>(
      shard: unknown,
      {
        signal,
        onProgress,
        skip,
      }: {
        signal: Signal;
        onProgress?: (done: number, total: number, note?: string) => void;
        skip?: () => boolean;
      },
    ) {
      return new Promise<Result>((settle, refuse) => {
        if (closed) return refuse(new Error("the pool is closed"));
        if (signal.aborted) return refuse(abortError());
        const waiting: Waiting = {
          refuse,
          start(worker) {
            signal.removeEventListener("abort", onAbortWaiting);
            if (skip?.()) {
              idle.push(worker);
              return refuse(new WorkerDied("not tried, because others like it brought their workers down", true));
            }
            let lastWords = "";
            let hung = false;
            let silence: NodeJS.Timeout | undefined;
            const listenStderr = (chunk: Buffer): void =>
              void (lastWords = (lastWords + chunk.toString("utf8")).slice(-400));
            const watch = (): void => {
              clearTimeout(silence);
              silence = setTimeout(() => {
                hung = true;
                lastWords = `no sign of life for ${SILENCE_MS / 60_000} minutes`;
                worker.kill("SIGKILL");
              }, SILENCE_MS).unref();
            };
            const onMessage = (message: FromWorker): void => {
              watch();
              if (message.type === "progress") return onProgress?.(message.done, message.total, message.note);
              if (message.type === "ready") return;
              leave();
              idle.push(worker);
              if (message.type === "result") settle(message.result as Result);
              else if (message.name === "HostError") refuse(new HostError(message.message, message.remedy));
              else refuse(Object.assign(new Error(message.message), { name: message.name }));
              hand();
            };
            const onExit = (code: number | null, killedBy: NodeJS.Signals | null): void => {
              leave();
              const how = killedBy ? `killed by ${killedBy}` : `exit code ${code}`;
              if (signal.aborted) refuse(abortError());
              else
                refuse(
                  new WorkerDied(
                    `the isolated worker ended (${how})${lastWords.trim() ? `: ${lastWords.trim().split("\n").at(-1)}` : ""}`,
                    hung,
                  ),
                );
              hand();
            };
            const onAbort = (): void => void worker.kill("SIGKILL");
            const leave = (): void => {
              clearTimeout(silence);
              worker.off("message", onMessage);
              worker.off("exit", onExit);
              worker.stderr?.off("data", listenStderr);
              signal.removeEventListener("abort", onAbort);
            };
            worker.on("message", onMessage);
            worker.on("exit", onExit);
            worker.stderr?.on("data", listenStderr);
            signal.addEventListener("abort", onAbort);
            watch();
            worker.send({ type: "run", root, shard: shard as never } satisfies ToWorker);
          },
        };
        const onAbortWaiting = (): void => {
          const at = queue.indexOf(waiting);
          if (at >= 0) {
            queue.splice(at, 1);
            refuse(abortError());
          }
        };
        queue.push(waiting);
        signal.addEventListener("abort", onAbortWaiting, { once: true });
        hand();
      });
    },
    async close() {
      closed = true;
      for (const waiting of queue.splice(0)) waiting.refuse(new Error("the pool is closed"));
      await Promise.all(
        [...all].map(
          (child) =>
            new Promise<void>((settle) => {
              child.once("exit", () => settle());
              if (child.connected) child.disconnect();
              setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
            }),
        ),
      );
    },
  };
}

function abortError(): Error {
  return Object.assign(new Error("cancelled"), { name: "AbortError" });
}
