/** Runs the whole pipeline on a system file in a folder of its own, as the command line would. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { assess, type AssessRequest } from "#assess/index.ts";
import type { Diagnostic } from "#base/diagnostics.ts";
import type { Host } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import type { Assessment } from "#assessment/index.ts";
import { localHost } from "#host/index.ts";

/** The folder of real models and data; tests that need it skip where it is absent, with this reason. */
export const SHARED_DATA = resolve(process.env.VAUBAN_TEST_DATA ?? "../shared/data");
export const NO_SHARED_DATA = existsSync(SHARED_DATA)
  ? undefined
  : "no real models and data: set VAUBAN_TEST_DATA to the folder that holds them";

export interface Assessed {
  readonly assessment: Assessment;
  readonly bom?: string;
  readonly cancelled: boolean;
}

export interface Refused {
  readonly diagnostics: readonly Diagnostic[];
}

/** Assesses `text` with paths relative to `folder`. State lies in a temporary folder unless given. */
export async function assessText(
  text: string,
  folder: string,
  options: Partial<AssessRequest> & {
    state?: string;
    signal?: AbortSignal;
    onProgress?: () => void;
    workers?: number;
    /** With a bill of materials, whose schema takes half a second to compile. */
    bill?: boolean;
    /** What stands between the pipeline and the machine, for tests of what a machine can do wrong. */
    hosted?: (host: Host) => Host;
  } = {},
): Promise<Assessed | Refused> {
  const state = options.state ?? mkdtempSync(join(tmpdir(), "vauban-state-"));
  const { bomRules, ...bare } = localHost(folder, state, options.workers ?? 2);
  const plain: Host = { ...bare, ...(options.bill && bomRules && { bomRules }) };
  const host = options.hosted?.(plain) ?? plain;
  try {
    const result = await assess(
      {
        signal: options.signal ?? new AbortController().signal,
        rng: rng(options.seed ?? "1"),
        ports: host,
        progress: () => options.onProgress?.(),
      },
      {
        text,
        file: "vauban.yaml",
        version: "0.0.0-test",
        platform: "test",
        seed: "1",
        asOf: "2026-11-22",
        fresh: false,
        command: "vauban assess",
        started: "2026-11-22T00:00:00.000Z",
        tell: () => {},
        ...options,
      },
    );
    return result.status === "refused" ? { diagnostics: result.diagnostics } : result;
  } finally {
    await plain.models.close();
    if (!options.state) rmSync(state, { recursive: true, force: true });
  }
}

/** The assessment, or a failure that shows why the file was refused. */
export async function assessed(
  text: string,
  folder: string,
  options: Parameters<typeof assessText>[2] = {},
): Promise<Assessment> {
  const result = await assessText(text, folder, options);
  if ("diagnostics" in result)
    throw new Error(
      `refused:\n${result.diagnostics.map(({ code, message, span }) => `${span?.line}:${span?.column} ${code} ${message}`).join("\n")}`,
    );
  return result.assessment;
}
