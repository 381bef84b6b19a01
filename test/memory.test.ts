/** Ten thousand batches in a process of its own, as one long campaign asks them. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("memory stays flat over 10,000 batches of changing size, with gradients and whole attacks between them", () => {
  const said = execFileSync(process.execPath, ["--no-warnings", "bench/memory.ts"], { encoding: "utf8" });
  expect(said).toMatch(/10000 batches, \d+ samples: grown by -?[\d.]+ MB/);
});
