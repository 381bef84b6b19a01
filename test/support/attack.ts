/** `vauban attack` without the door: one model, one data set, in a state folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attack, type Attacked, type AttackRequest } from "#assess/attack.ts";
import { rng } from "#base/random.ts";
import type { Host } from "#base/ports.ts";
import { localHost } from "#host/index.ts";

export interface AttackOptions extends Partial<AttackRequest> {
  readonly state?: string;
  readonly signal?: AbortSignal;
  readonly workers?: number;
  readonly hosted?: (host: Host) => Host;
}

/** Attacks `model` with `data`, both relative to `folder`. */
export async function attacked(
  folder: string,
  model: string,
  data: string,
  { state, signal, workers = 2, hosted, ...more }: AttackOptions = {},
): Promise<Attacked> {
  const place = state ?? mkdtempSync(join(tmpdir(), "vauban-attack-"));
  const host = localHost(folder, place, workers);
  try {
    return await attack(
      {
        signal: signal ?? new AbortController().signal,
        rng: rng(more.seed ?? "1"),
        ports: hosted?.(host) ?? host,
        progress: () => {},
      },
      {
        model,
        data,
        input: { integer: false },
        norm: "linf",
        eps: ["8/255"],
        profile: "quick",
        samples: 30,
        seed: "1",
        fresh: false,
        version: "0.0.0-test",
        platform: "test",
        command: "vauban attack",
        started: "2026-11-22T00:00:00.000Z",
        tell: () => {},
        ...more,
      },
    );
  } finally {
    await host.models.close();
    if (state === undefined) rmSync(place, { recursive: true, force: true });
  }
}
