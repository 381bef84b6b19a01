/**
 * Random networks out of everything that bounds pass: no input contradicts an interval, a linear bound, a layer's bounds or a proof.
 * VAUBAN_FUZZ=500 goes through 500 networks, from network VAUBAN_FUZZ_FROM on.
 */
import { describe, expect, test } from "vitest";
import { rng } from "#base/random.ts";
import { contradictions } from "../../test/support/contradictions.ts";
import { randomNetwork, steps } from "../../test/support/random-networks.ts";

const kinds = Object.keys(steps);
const from = Number(process.env["VAUBAN_FUZZ_FROM"] ?? 0);
const count = Number(process.env["VAUBAN_FUZZ"] ?? Math.ceil(kinds.length / 2));
const thorough = process.env["VAUBAN_FUZZ"] !== undefined;
const RADII = [1e-6, 0.02, 0.1, 0.5];
const NORMS = ["box", "l2", "l1"] as const;
/** Ordinary weights, and some far from it. */
const SPREADS = [1, 1, 1, 8, 0.05];

describe("no input contradicts what is said of a random network", () => {
  let bounded = 0;
  for (let i = from; i < from + count; i++) {
    const kind = kinds[i % kinds.length]!;
    test(`with ${kind} (network ${i})`, { timeout: 120_000 }, async () => {
      const random = rng(`fuzz/${i}`);
      const network = randomNetwork(random, kind, SPREADS[i % SPREADS.length]!);
      const found = await contradictions(network, random, {
        points: thorough ? 150 : 24,
        precisions: thorough ? ["float32", "float64"] : i % 2 === 0 ? ["float32"] : ["float64"],
        norms: [NORMS[i % 3]!],
        radii: [RADII[i % 4]!],
      });
      if (found.refused === undefined) bounded++;
      expect([network.name, found.contradictions]).toEqual([network.name, []]);
    });
  }
  test("most of them were bounded, so there was something to contradict", () => {
    expect(bounded).toBeGreaterThan(0.8 * count);
  });
});
