/** This machine as ports: files, workers, stored measurements, the clock. */
import { availableParallelism } from "node:os";
import type { Host } from "#base/ports.ts";
import { filesBelow } from "./files.ts";
import { workerPool } from "./pool.ts";
import { fileScanner } from "./scanner.ts";
import { cycloneDx } from "./schemas.ts";
import { signatureChecker } from "./signatures.ts";
import { highsSolver } from "./solver.ts";
import { folderStore } from "./store.ts";

export { explained, filesBelow, filesHere } from "./files.ts";
export { namesIn } from "./names.ts";
export { folderStore, writeWhole } from "./store.ts";
export { runtimeVersion } from "./runtime.ts";
export { highsSolver } from "./solver.ts";

/** Ports for a system whose file lies in `root`; measurements of earlier runs lie in `state`. Call `models.close()` at the end. */
export function localHost(root: string, state: string, workers = Math.min(availableParallelism(), 8)): Host {
  return {
    files: filesBelow(root),
    models: workerPool(root, workers),
    store: folderStore(`${state}/measurements`),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    scanner: fileScanner(root, workers),
    solver: highsSolver(),
    signatures: signatureChecker(root),
    bomRules: cycloneDx,
  };
}
