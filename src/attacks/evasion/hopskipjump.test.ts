import { describe, expect, test } from "vitest";
import { besiege } from "../harness.ts";
import { linearWorld, listening } from "../../../test/support/linear.ts";
import hopskipjump from "./hopskipjump.ts";

describe("HopSkipJump meets a linear model's exact radius within 1 %, by labels alone", () => {
  for (const norm of ["linf", "l2"] as const)
    test(norm, async () => {
      const world = linearWorld(`hsj ${norm}`, 5, 10);
      const within = { norm, eps: Infinity, minimal: true } as const;
      const parameters = { queries: 40_000 };
      const { distance } = await besiege(listening("a"), world.classifier, hopskipjump, parameters, {
        ...world.siege,
        within,
      });
      world.radius(norm).forEach((exact, k) => {
        expect(distance[k]! / exact).toBeGreaterThanOrEqual(0.9999);
        expect(distance[k]! / exact).toBeLessThanOrEqual(1.01);
      });
    });
});
