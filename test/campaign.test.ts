/** Trials in shards on a real machine: no split, kill, crash or Ctrl-C changes a figure, and what is missing is said. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WorkerDied, type Host } from "#base/ports.ts";
import { rng } from "#base/random.ts";
import type { Assessment } from "#assessment/index.ts";
import type { Shard } from "#assess/shard.ts";
import { assessed, assessText } from "./support/assess.ts";

const folder = resolve("examples/fixtures");
const text = readFileSync(join(folder, "vauban.yaml"), "utf8");
const temporary = mkdtempSync(join(tmpdir(), "vauban-campaign-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));
const options = { samples: 40, queries: 60 };
const TRIAL = "small-changes";
const evasionOf = ({ body }: Assessment) => body.evidence.find(({ trial }) => trial === TRIAL)!;

let whole: Assessment;
beforeAll(async () => {
  whole = await assessed(text, folder, { ...options, shardUnits: 40, workers: 1 });
}, 120_000);

/** A host whose workers die on the shards that `dies` names, one after the other, as in a pool of one. */
function dying(dies: (shard: Shard) => boolean): (host: Host) => Host {
  let turn: Promise<unknown> = Promise.resolve();
  const die = async (given: { skip?: () => boolean }): Promise<never> => {
    if (given.skip?.()) throw new WorkerDied("not tried", true);
    tried++;
    throw new WorkerDied("the isolated worker ended (killed by SIGSEGV)");
  };
  return (host) => ({
    ...host,
    models: {
      ...host.models,
      run: <Result>(shard: unknown, given: Parameters<Host["models"]["run"]>[1]): Promise<Result> => {
        if (!dies(shard as Shard)) return host.models.run<Result>(shard, given);
        const mine = turn.then(() => die(given));
        turn = mine.catch(() => {});
        return mine;
      },
    },
  });
}
/** Shards that `dying` hosts were made to try. */
let tried = 0;

describe("the split into shards", () => {
  test("changes nothing: one shard and one worker, or nine and two, to the hash", async () => {
    const split = await assessed(text, folder, { ...options, shardUnits: 7, workers: 2 });
    expect(evasionOf(split).outcome).toEqual(evasionOf(whole).outcome);
    expect(split.hash).toBe(whole.hash);
  });
  test("leaves nothing but the trial in the store once it is done", async () => {
    const state = join(temporary, "tidy");
    await assessed(text, folder, { ...options, shardUnits: 20, state });
    const stored = readdirSync(join(state, "measurements"));
    const attacks = whole.body.trials.filter(({ kind }) => kind !== "scan").map(({ key }) => `${key}.json`);
    expect(stored).toEqual(expect.arrayContaining(attacks));
    // Besides, one report for each file that was scanned.
    expect(stored).toHaveLength(attacks.length + 2);
  });
});

describe("a kill", () => {
  const stored = (state: string): number => {
    const measurements = join(state, "measurements");
    return existsSync(measurements) ? readdirSync(measurements).filter((name) => name.endsWith(".json")).length : 0;
  };
  /** Starts an assessment in a process group of its own; kills all of it, hard, `afterMs` after one more result is stored. */
  function started(state: string, afterMs: number | undefined): Promise<{ out: string; killed: boolean }> {
    const before = stored(state);
    return new Promise((settle) => {
      const child = spawn(process.execPath, ["--no-warnings", "test/support/assess-process.ts", folder, state, "4"], {
        detached: true,
        stdio: ["ignore", "pipe", "inherit"],
      });
      let out = "";
      child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
      const watch = setInterval(() => {
        if (afterMs === undefined || stored(state) <= before) return;
        clearInterval(watch);
        setTimeout(() => process.kill(-child.pid!, "SIGKILL"), afterMs);
      }, 20);
      child.on("close", (_code, by) => {
        clearInterval(watch);
        settle({ out, killed: by === "SIGKILL" });
      });
    });
  }

  test("of the whole process tree, at any moment, and again, ends in the same assessment", async () => {
    const state = join(temporary, "killed");
    const random = rng("moments");
    const kept: number[] = [];
    let last = { out: "", killed: true };
    // Each attempt gets further than the one before, because what was stored is kept.
    for (let attempt = 0; last.killed; attempt++) {
      last = await started(state, attempt < 3 ? random.below(250) : undefined);
      kept.push(stored(state));
    }
    expect(kept.length).toBeGreaterThan(2);
    expect(kept[1]).toBeGreaterThan(kept[0]!);
    expect(JSON.parse(last.out).hash).toBe(whole.hash);
    // Four assessments one after the other, on a machine that may be busy.
  }, 400_000);
});

describe("a worker that dies", () => {
  test("of something else than its shard costs nothing: another one does it again", async () => {
    let deaths = 0;
    const again = await assessed(text, folder, {
      ...options,
      shardUnits: 20,
      hosted: dying((shard) => shard.kind === "units" && deaths++ === 0),
    });
    expect(deaths).toBeGreaterThan(1);
    expect(again.hash).toBe(whole.hash);
  });

  test("by a signal, in the middle of its work, costs nothing either", async (context) => {
    if (!existsSync("/proc/self/task")) return context.skip("no /proc: the workers cannot be found from outside");
    const children = (): number[] =>
      readdirSync("/proc/self/task").flatMap((task) =>
        readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
      );
    const before = new Set(children());
    let killed = 0;
    const again = await assessed(text, folder, {
      ...options,
      shardUnits: 10,
      onProgress: () => {
        const [worker] = children().filter((pid) => !before.has(pid));
        if (killed > 0 || worker === undefined) return;
        killed = worker;
        process.kill(worker, "SIGKILL");
      },
    });
    expect(killed).toBeGreaterThan(0);
    expect(again.hash).toBe(whole.hash);
  });

  const lastUnits = dying((shard) => shard.kind === "units" && shard.from >= 30);
  const unbounded = (measure: Assessment) =>
    evasionOf(measure).sanity.find(({ check }) => check.includes("every planned"));

  test("each time leaves its units missing: they are counted either way, and a threshold they cannot save is missed", async () => {
    const lost = await assessed(text, folder, { ...options, shardUnits: 10, hosted: lastUnits });
    const evidence = evasionOf(lost);
    expect(evidence.notes.join(" ")).toMatch(
      /10 inputs were not tried .*SIGSEGV.*counted as still standing, and the threshold is missed all the same/,
    );
    expect(evidence.outcome).toMatchObject({ status: "measured", measure: { robustAccuracy: { n: 40 } } });
    expect(unbounded(lost)).toMatchObject({ passed: false, detail: expect.stringContaining("10 of 40") });
    expect(lost.body.findings.find(({ id }) => id === `F-threshold:${TRIAL}`)?.status).toBe("confirmed");
  });

  test("each time makes a trial inconclusive whose verdict the missing units could change", async () => {
    const { low } = (evasionOf(whole).outcome as { measure: { robustAccuracy: { low: number } } }).measure
      .robustAccuracy;
    const easier = text.replace(/robust-accuracy: "[^"]*"/, `robust-accuracy: ">= ${(low * 0.98).toFixed(3)}"`);
    expect(easier).not.toBe(text);
    const lost = await assessed(easier, folder, { ...options, shardUnits: 10, hosted: lastUnits });
    expect(evasionOf(lost).outcome).toMatchObject({
      status: "inconclusive",
      because: expect.stringMatching(/every planned input was tried.*10 of 40.*SIGSEGV/),
    });
  });

  test("each time is not asked again and again: after three the rest of its trial is given up", async () => {
    tried = 0;
    const lost = await assessed(text, folder, {
      ...options,
      shardUnits: 4,
      hosted: dying(({ kind }) => kind === "units"),
    });
    // Each is tried twice; when the third has died for good, those whose second turn is still to come have had their first.
    expect(tried).toBeLessThanOrEqual(options.samples / 4 + 3);
    expect(evasionOf(lost).outcome.status).toBe("inconclusive");
  });

  test("for want of memory names how it ended, and the others go on", async () => {
    const before = process.env["NODE_OPTIONS"];
    process.env["NODE_OPTIONS"] = "--max-old-space-size=6";
    try {
      const starved = await assessed(text, folder, { ...options, samples: 10 });
      expect(evasionOf(starved).outcome).toMatchObject({
        status: "inconclusive",
        because: expect.stringMatching(/worker ended \((exit code|killed by).*too little memory/),
      });
      expect(starved.body.outcome.exit).not.toBe(0);
    } finally {
      if (before === undefined) delete process.env["NODE_OPTIONS"];
      else process.env["NODE_OPTIONS"] = before;
    }
  });
});

describe("a cancellation", () => {
  test("returns within a second, keeps finished shards, and the next run goes on to the same assessment", async () => {
    const state = join(temporary, "cancelled");
    const controller = new AbortController();
    let finished = 0;
    let at = 0;
    const stopped = await assessText(text, folder, {
      ...options,
      shardUnits: 4,
      state,
      signal: controller.signal,
      hosted: (host) => ({
        ...host,
        store: {
          ...host.store,
          async put(key, bytes) {
            await host.store.put(key, bytes);
            if (/\.\d+-\d+\.json$/.test(key) && ++finished === 3) {
              at = performance.now();
              controller.abort();
            }
          },
        },
      }),
    });
    expect(performance.now() - at).toBeLessThan(1000);
    if ("diagnostics" in stopped) throw new Error("refused");
    expect(stopped.cancelled).toBe(true);
    expect(evasionOf(stopped.assessment).outcome).toMatchObject({
      because: expect.stringMatching(/^untested: cancelled after (12|16) of 40 inputs, which are kept$/),
    });
    const kept = readdirSync(join(state, "measurements")).filter((name) => /\.\d+-\d+\.json$/.test(name));
    expect(kept.length).toBeGreaterThanOrEqual(3);
    const continued = await assessed(text, folder, { ...options, shardUnits: 4, state });
    expect(continued.hash).toBe(whole.hash);
  });
});
