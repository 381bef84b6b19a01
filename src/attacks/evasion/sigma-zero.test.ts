import { expect, test } from "vitest";
import { besiege } from "../harness.ts";
import { linearWorld, listening } from "../../../test/support/linear.ts";
import sigmaZero from "./sigma-zero.ts";

test("σ-zero changes exactly as many elements of a linear model's input as are needed", async () => {
  for (const name of ["a", "b", "c"]) {
    const world = linearWorld(`sigma ${name}`, 10, 30);
    const within = { norm: "l0", eps: Infinity, minimal: true } as const;
    const { distance } = await besiege(listening("a"), world.classifier, sigmaZero, {}, { ...world.siege, within });
    expect([...distance]).toEqual(world.radius("l0"));
  }
});

test("on whole grey levels too", async () => {
  const world = linearWorld("sigma grid", 8, 20, { grid: { integer: true, levels: 255 } });
  const within = { norm: "l0", eps: Infinity, minimal: true } as const;
  const { distance } = await besiege(listening("a"), world.classifier, sigmaZero, {}, { ...world.siege, within });
  expect([...distance]).toEqual(world.radius("l0"));
});
