/** Broken and hostile bytes never throw, never hang, and are never called fine without having been read. */
import { describe, expect, test } from "vitest";
import { HARMLESS, mutated, PAYLOADS, UNDECIDED } from "../../test/support/artefacts.ts";
import { scanned } from "../../test/support/scan.ts";
import { rng } from "#base/random.ts";
import { bytes, op, pickle } from "../../test/support/pickle.ts";
import type { ScanFile } from "#assessment/index.ts";

const SEEDS = [...Object.values(HARMLESS), ...Object.values(UNDECIDED), ...Object.values(PAYLOADS)];
const MUTANTS = 20_000;

const sound = (file: ScanFile, size: number): boolean =>
  (file.verdict !== "no code path found" ||
    (file.read === "whole" && file.members.every(({ verdict }) => verdict === "no code path found"))) &&
  file.findings.every(({ start, end }) => start >= 0 && end >= start && end <= size);

function workOf(act: () => unknown): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe(`${MUTANTS} mutants of small artefacts`, () => {
  test("are read without a fault of ours, each in the time its size allows", () => {
    const random = rng("scan fuzz");
    let slowest = 0;
    for (let i = 0; i < MUTANTS; i++) {
      const seed = SEEDS[i % SEEDS.length]!;
      const input = mutated(seed, SEEDS[Math.floor(random.uniform() * SEEDS.length)]!, random);
      const began = performance.now();
      const file = scanned(input, "model.pkl");
      // The clock also counts what other programs do; whoever seems slow shows it again in time of the processor.
      if (performance.now() - began > 500)
        slowest = Math.max(
          slowest,
          workOf(() => scanned(input, "model.pkl")),
        );
      if (!sound(file, input.length)) expect.fail(`mutant ${i}: ${JSON.stringify(file)}`);
    }
    // Milliseconds; inputs are a few kilobytes.
    expect(slowest).toBeLessThan(1000);
  });
});

describe("inputs that once cost too much, or were read wrongly:", () => {
  test("arrays of objects within arrays of objects do not use up the stack", () => {
    let stream: Uint8Array = pickle(op.none);
    const wrapper = bytes(
      op.global("joblib.numpy_pickle", "NumpyArrayWrapper"),
      op.tuple(),
      op.newobj,
      op.dict(
        op.str("shape"),
        op.tuple(op.int(1)),
        op.str("dtype"),
        op.call(op.global("numpy", "dtype"), op.str("O8")),
      ),
      op.build,
    );
    for (let i = 0; i < 200; i++) stream = bytes(op.proto(4), wrapper, stream, ".");
    expect(scanned(stream).verdict).toBe("unknown");
  });
  test("tuples within tuples do not use up the stack", () =>
    expect(scanned(bytes(op.proto(4), "N", new Uint8Array(300_000).fill(0x85), ".")).verdict).toBe(
      "no code path found",
    ));
  test("calls within calls do not use up the stack", () =>
    expect(
      scanned(
        bytes(
          op.proto(4),
          op.global("builtins", "str"),
          bytes(...Array.from({ length: 20_000 }, () => bytes(")R"))),
          ".",
        ),
      ).verdict,
    ).toBe("suspicious"));
  test("a value doubled again and again is followed once (a billion laughs)", () =>
    expect(
      scanned(bytes(op.proto(4), "N", bytes(...Array.from({ length: 50_000 }, () => bytes("2", 0x86))), ".")).verdict,
    ).toBe("no code path found"));
  test("marks without an end", () =>
    expect(scanned(bytes(op.proto(4), new Uint8Array(500_000).fill(0x28))).verdict).toBe("unknown"));
  test("a memo index of four thousand million", () =>
    expect(scanned(pickle("N", bytes("r", 255, 255, 255, 255))).verdict).toBe("no code path found"));
  test("a length of two thousand million million bytes", () =>
    expect(scanned(bytes(op.proto(4), 0x8e, 0, 0, 0, 0, 0, 0, 8, 0)).verdict).toBe("unknown"));
});
