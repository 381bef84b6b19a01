/** Inspects a model in a process of its own. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HostError, WorkerDied, type Signal } from "#base/ports.ts";
import type { Inspection } from "#onnx/inspect.ts";
import type { InspectAnswer, InspectRequest } from "./inspect-worker.ts";

/** A model that has said nothing after this long is taken for hung. */
const PATIENCE_MS = 5 * 60_000;

/**
 * What the worker found. Throws HostError where the file cannot be read as a model, WorkerDied where the process ended first
 * (with its last words), AbortError when cancelled. `worker`: another script in its place, for tests.
 */
export function inspectIsolated(
  request: InspectRequest,
  signal: Signal,
  worker: string = fileURLToPath(import.meta.resolve("#host/inspect-worker.ts")),
): Promise<Inspection> {
  return new Promise((settle, refuse) => {
    signal.throwIfAborted();
    const child = fork(worker, [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: ["--no-warnings"],
      env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
    });
    let lastWords = "";
    child.stderr?.on("data", (chunk: Buffer) => (lastWords = (lastWords + chunk.toString("utf8")).slice(-400)));
    const patience = setTimeout(() => {
      lastWords = `no answer for ${PATIENCE_MS / 60_000} minutes`;
      child.kill("SIGKILL");
    }, PATIENCE_MS);
    const onAbort = (): void => void child.kill("SIGKILL");
    signal.addEventListener("abort", onAbort);
    child.on("message", (answer: InspectAnswer) => {
      if (answer.type === "inspected") settle(answer.inspection);
      else if (answer.type === "unreadable")
        refuse(new HostError(`${request.path} is no model that can be read: ${answer.message}`, answer.remedy));
      else refuse(new Error(answer.message));
    });
    child.on("exit", (code, killedBy) => {
      clearTimeout(patience);
      signal.removeEventListener("abort", onAbort);
      if (signal.aborted) return refuse(Object.assign(new Error("cancelled"), { name: "AbortError" }));
      const how = killedBy ? `killed by ${killedBy}` : `exit code ${code}`;
      const words = lastWords.trim().split("\n").at(-1);
      // After an answer this changes nothing: a promise settles once.
      refuse(new WorkerDied(`the isolated process ended (${how})${words ? `: ${words}` : ""}`));
    });
    child.on("error", refuse);
    child.send(request);
  });
}
