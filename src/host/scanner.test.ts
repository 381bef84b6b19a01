import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { op, pickle } from "../../test/support/pickle.ts";
import type { ScanFile } from "#assessment/index.ts";
import { scanIsolated } from "./scanner.ts";
import { withFile } from "./unpack.ts";

const folder = mkdtempSync(join(tmpdir(), "vauban-scanner-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: Uint8Array | string): { file: string; path: string; size: number } {
  const file = join(folder, name);
  writeFileSync(file, content);
  return { file, path: name, size: content.length };
}
const fine = pickle(op.dict(op.str("a"), op.int(1)));

async function scannedBy(
  script: string | undefined,
  names: readonly string[],
  options: { memoryMax?: number; signal?: AbortSignal; timeMs?: number } = {},
): Promise<ScanFile[]> {
  const reports: ScanFile[] = [];
  await scanIsolated(
    names.map((name) => written(name, fine)),
    options.signal ?? new AbortController().signal,
    {
      workers: 1,
      ...(options.memoryMax === undefined ? {} : { memoryMax: options.memoryMax }),
      ...(options.timeMs === undefined ? {} : { timeMs: options.timeMs }),
      ...(script === undefined ? {} : { worker: written("worker.mjs", script).file }),
    },
    (report) => reports.push(report),
  );
  return reports;
}

describe("a process that reads files", () => {
  test("reports each of them", async () => {
    const reports = await scannedBy(undefined, ["a.pkl", "b.pkl"]);
    expect(reports.map(({ path, verdict }) => [path, verdict])).toEqual([
      ["a.pkl", "no code path found"],
      ["b.pkl", "no code path found"],
    ]);
  });
  test("costs its own file when it dies, and the others are read", async () => {
    const dies = `process.on("message", ({ path }) => path === "a.pkl" ? process.abort() : process.send({ type: "scanned", traces: [], report: { path, sha256: "0".repeat(64), verdict: "unknown", read: "none", findings: [], members: [] } })); process.send({ type: "ready" });`;
    const [a, b] = await scannedBy(dies, ["a.pkl", "b.pkl"]);
    expect(a).toMatchObject({ path: "a.pkl", verdict: "unknown", read: "none", findings: [{ rule: "reader-failed" }] });
    expect(a!.sha256).toMatch(/^(?!0{64})[0-9a-f]{64}$/);
    expect(b!.path).toBe("b.pkl");
  });
  test("is killed when it hangs, and its file is unknown", async () => {
    const [file] = await scannedBy(
      `process.on("message", () => { for (;;); }); process.send({ type: "ready" });`,
      ["a.pkl"],
      { timeMs: 300 },
    );
    expect(file).toMatchObject({ verdict: "unknown", findings: [{ rule: "limit-time" }] });
  });
  test.skipIf(process.platform !== "linux")(
    "is killed when it takes too much memory, and its file is unknown",
    async () => {
      const grows = `const held = []; process.on("message", () => setInterval(() => held.push(new Uint8Array(16e6).fill(1)), 5)); process.send({ type: "ready" });`;
      const [file] = await scannedBy(grows, ["a.pkl"], { memoryMax: 200 * 2 ** 20 });
      expect(file).toMatchObject({ verdict: "unknown", findings: [{ rule: "limit-memory" }] });
    },
  );
  test("stops when it is told to, and keeps what was told", async () => {
    const controller = new AbortController();
    const reports: ScanFile[] = [];
    await scanIsolated(
      ["a", "b", "c"].map((name) => written(name, fine)),
      controller.signal,
      { workers: 1 },
      (report) => {
        reports.push(report);
        controller.abort();
      },
    );
    expect(reports).toHaveLength(1);
  });
  test("says so when a file is gone", async () => {
    const reports: ScanFile[] = [];
    await scanIsolated(
      [{ file: join(folder, "nowhere"), path: "nowhere", size: 1 }],
      new AbortController().signal,
      { workers: 1 },
      (report) => reports.push(report),
    );
    expect(reports).toMatchObject([{ verdict: "unknown", read: "none", findings: [{ rule: "not-readable" }] }]);
  });
  test("reads a file larger than its memory, mostly one blob, without holding it", async () => {
    const size = 360 * 2 ** 20;
    const header = Uint8Array.of(0x80, 4, 0x8e, ...new Uint8Array(BigUint64Array.of(BigInt(size - 12)).buffer));
    const large = { ...written("large.pkl", header), size };
    truncateSync(large.file, size);
    const reports: ScanFile[] = [];
    // The last byte is a zero where STOP should be.
    await scanIsolated([large], new AbortController().signal, { workers: 1, memoryMax: 300 * 2 ** 20 }, (report) =>
      reports.push(report),
    );
    expect(reports[0]).toMatchObject({ verdict: "unknown", read: "part" });
    expect(reports[0]!.findings.map(({ rule }) => rule)).toContain("pickle-broken");
  });
});

test("a large file is read in blocks as it is read whole", () => {
  const content = new Uint8Array(65 * 2 ** 20 + 77);
  for (let i = 0; i < content.length; i += 1021) content[i] = i >> 7;
  const { file } = written("blocks", content);
  withFile(file, (blocks) => {
    expect(blocks.size).toBe(content.length);
    for (const [at, length] of [
      [0, 5],
      [2 ** 20 - 2, 4],
      [3 * 2 ** 20, 2 ** 20],
      [content.length - 3, 3],
      [7, 3 * 2 ** 20],
      [5, 0],
    ] as const)
      expect(Buffer.compare(blocks.read(at, length), content.subarray(at, at + length))).toBe(0);
    for (const [at, length] of [
      [content.length, 1],
      [-1, 1],
      [0, content.length + 1],
      [Number.NaN, 1],
    ] as const)
      expect(() => blocks.read(at, length)).toThrow();
  });
});
