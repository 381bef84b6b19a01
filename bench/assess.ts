/**
 * The main job on the first example: wall time of a first run and of an unchanged one, and peak memory of the whole
 * process tree (parent and workers, sampled from /proc twice a second on Linux).
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../bin/vauban.cjs", import.meta.url));
const example = fileURLToPath(new URL(`../examples/${process.argv[2] ?? "chest-xray"}`, import.meta.url));
const out = mkdtempSync(join(tmpdir(), "vauban-bench-"));

interface Timed {
  readonly seconds: number;
  readonly peakMegabytes: number;
  readonly code: number | null;
}

function run(): Promise<Timed> {
  return new Promise((settle) => {
    const began = performance.now();
    const child = spawn(process.execPath, [launcher, "assess", example, "--out", out, "--quiet"], { stdio: "ignore" });
    let peak = 0;
    const sampler = setInterval(() => (peak = Math.max(peak, residentOf(child.pid!))), 500);
    child.on("exit", (code) => {
      clearInterval(sampler);
      settle({ seconds: (performance.now() - began) / 1000, peakMegabytes: peak, code });
    });
  });
}

/** Resident megabytes of a process and all below it; 0 where there is no /proc. */
function residentOf(root: number): number {
  try {
    const parents = new Map<number, number>();
    const resident = new Map<number, number>();
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const status = readFileSync(`/proc/${entry}/status`, "utf8");
        parents.set(Number(entry), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]));
        resident.set(Number(entry), Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0));
      } catch {
        // The process ended while it was looked at.
      }
    }
    const below = (pid: number): boolean =>
      pid === root || (parents.has(pid) && parents.get(pid)! > 1 && below(parents.get(pid)!));
    return [...resident].filter(([pid]) => below(pid)).reduce((sum, [, kilobytes]) => sum + kilobytes, 0) / 1024;
  } catch {
    return 0;
  }
}

try {
  const first = await run();
  const again = await run();
  const line = (name: string, timed: Timed, limit: number): string =>
    `${name.padEnd(16)} ${timed.seconds.toFixed(1).padStart(6)} s (aim: under ${limit} s)   peak ${timed.peakMegabytes.toFixed(0)} MB   exit ${timed.code}`;
  console.log(line("first run", first, 60));
  console.log(line("unchanged run", again, 3));
  console.log(
    `peak memory      ${Math.max(first.peakMegabytes, again.peakMegabytes).toFixed(0)} MB (aim: under 2048 MB)`,
  );
} finally {
  rmSync(out, { recursive: true, force: true });
}
