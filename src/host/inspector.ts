/** Inspects a model in a process of its own. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HostError, WorkerDied, type Signal } from "#base/ports.ts";
import { describeModel } from "#onnx/inspect.ts";
import type { Inspection } from "#onnx/inspect.ts";
import { filesBelow } from "./files.ts";
import type { InspectAnswer, InspectRequest } from "./inspect-worker.ts";

/** A model that has said nothing after this long is taken for hung. */
const PATIENCE_MS = 5 * 60_000;

/**
 * What was found. A model that ends the process is described from its bytes and refused. Throws HostError where the file
 * cannot be read as a model, AbortError when cancelled. `worker`: another script in its place, for tests.
 */
export async function inspectIsolated(
  request: InspectRequest,
  signal: Signal,
  worker: string = fileURLToPath(import.meta.resolve("#host/inspect-worker.ts")),
): Promise<Inspection> {
  try {
    return await asked(request, signal, worker);
  } catch (error) {
    if (!(error instanceof WorkerDied)) throw error;
    // Reading the bytes is our own doing; it is running them that went wrong.
    const bytes = await filesBelow(process.cwd()).readWhole(request.path);
    return {
      ...describeModel(bytes),
      access: "refused",
      because: error.message,
      remedy: "the inference runtime does not survive this file: treat it as hostile or damaged",
      surrogates: [],
      notes: [],
    };
  }
}

/** The worker's answer. Throws WorkerDied, with its last words, where the process ended first. */
function asked(request: InspectRequest, signal: Signal, worker: string): Promise<Inspection> {
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
