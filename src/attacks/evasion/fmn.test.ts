import { describe, expect, test } from "vitest";
import { besiege } from "../harness.ts";
import { linearWorld, listening } from "../../../test/support/linear.ts";
import fmn from "./fmn.ts";

describe("FMN meets a linear model's exact radius within 1 %, in the box", () => {
  for (const norm of ["linf", "l2", "l1", "l0"] as const)
    test(norm, async () => {
      const world = linearWorld(`fmn ${norm}`);
      const within = { norm, eps: Infinity, minimal: true } as const;
      const { distance } = await besiege(listening("a"), world.classifier, fmn, {}, { ...world.siege, within });
      world.radius(norm).forEach((exact, k) => {
        expect(distance[k]! / exact).toBeGreaterThanOrEqual(0.9999);
        expect(distance[k]! / exact).toBeLessThanOrEqual(1.01);
      });
    });
});
