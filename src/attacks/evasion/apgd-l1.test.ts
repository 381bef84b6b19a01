import { expect, test } from "vitest";
import { besiege } from "../harness.ts";
import { linearWorld, listening } from "../../../test/support/linear.ts";
import apgdL1 from "./apgd-l1.ts";

test("Auto-PGD in L1 beats a linear model from 2 % above its exact radius on, and not below it", async () => {
  const world = linearWorld("apgd l1", 10);
  const radius = world.radius("l1");
  for (const [factor, falls] of [
    [1.02, 1],
    [0.999, 0],
  ] as const)
    for (const objective of ["cross-entropy", "margin"]) {
      const eps = Float64Array.from(radius, (exact) => factor * exact);
      const siege = { ...world.siege, within: { norm: "l1" as const, eps } };
      const { beaten } = await besiege(listening("a"), world.classifier, apgdL1, { objective }, siege);
      expect([...beaten]).toEqual(radius.map(() => falls));
    }
});
