import { expect, test } from "vitest";
import { besiege } from "../harness.ts";
import { linearWorld, listening } from "../../../test/support/linear.ts";
import cw from "./cw.ts";

test("Carlini–Wagner meets a linear model's exact L2 radius within 1 %, in the box", async () => {
  // Off the ends of the range, where tanh is so flat that Adam hardly moves.
  const world = linearWorld("cw", 6, 20, {}, 0);
  const within = { norm: "l2", eps: Infinity, minimal: true } as const;
  const { distance } = await besiege(listening("a"), world.classifier, cw, { steps: 300 }, { ...world.siege, within });
  world.radius("l2").forEach((exact, k) => {
    expect(distance[k]! / exact).toBeGreaterThanOrEqual(0.9999);
    expect(distance[k]! / exact).toBeLessThanOrEqual(1.01);
  });
});
