import { describe, expect, test } from "vitest";
import { besiege } from "../harness.ts";
import { linearWorld, listening } from "../../../test/support/linear.ts";
import fab from "./fab.ts";

describe("FAB meets a linear model's exact radius within 1 %, in the box", () => {
  for (const norm of ["linf", "l2", "l1"] as const)
    test(norm, async () => {
      const world = linearWorld(`fab ${norm}`);
      const within = { norm, eps: Infinity, minimal: true } as const;
      const { distance } = await besiege(
        listening("a"),
        world.classifier,
        fab,
        { steps: 30 },
        { ...world.siege, within },
      );
      world.radius(norm).forEach((exact, k) => {
        expect(distance[k]! / exact).toBeGreaterThanOrEqual(0.9999);
        expect(distance[k]! / exact).toBeLessThanOrEqual(1.01);
      });
    });
});

test("within a budget FAB beats exactly the samples whose radius is smaller, and stops there", async () => {
  const world = linearWorld("fab budget", 12);
  const radius = world.radius("l2");
  const eps = radius.toSorted((a, b) => a - b)[6]! * 0.98;
  const siege = { ...world.siege, within: { norm: "l2" as const, eps } };
  const { beaten, distance } = await besiege(listening("a"), world.classifier, fab, {}, siege);
  radius.forEach((exact, k) => {
    expect(beaten[k]).toBe(exact < eps ? 1 : 0);
    if (beaten[k] === 1) expect(distance[k]).toBeLessThanOrEqual(eps);
  });
});
