/** An isolated child that scans one file at a time: what kills it kills nothing else. */
import { scanFile, type Trace } from "#artefacts/scan.ts";
import type { ScanFile } from "#assessment/index.ts";
import type { Asked } from "#base/ports.ts";
import { recorded, scanPorts, scanPortsFor, withFile } from "./unpack.ts";

export interface ToScanner {
  /** The file on this machine, and what it is called in the report. */
  readonly file: string;
  readonly path: string;
  /** Whether what loading would do is written out. */
  readonly trace?: boolean;
}
export type FromScanner =
  /** It listens; the time of a file counts from here. */
  | { readonly type: "ready" }
  | {
      readonly type: "scanned";
      readonly report: ScanFile;
      readonly traces: readonly Trace[];
      /** What the report hangs on beside the file's bytes. */
      readonly asked: readonly Asked[];
    }
  | { readonly type: "failed"; readonly message: string; readonly code: string | undefined };

/** Time that this process worked: a busy machine is no reason to give up on a file. */
const worked = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const ports = { ...scanPorts, clock: worked };

function answer({ file, path, trace }: ToScanner): FromScanner {
  const traces: Trace[] = [];
  try {
    const options = trace ? { trace: (one: Trace) => void traces.push(one) } : {};
    const around = recorded(scanPortsFor(file, ports, path));
    const report = withFile(file, (content) => scanFile(path, content, around.ports, options));
    return { type: "scanned", report, traces, asked: around.asked() };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { type: "failed", message: process.env.VAUBAN_DEBUG ? String((error as Error).stack) : message, code };
  }
}

// The terminal signals the whole group; the parent decides when a worker ends.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));
process.on("message", (request: ToScanner) => void process.send?.(answer(request)));
process.send?.({ type: "ready" } satisfies FromScanner);
