import { expect, test } from "vitest";
import { besiege } from "../harness.ts";
import { linearWorld, listening } from "../../../test/support/linear.ts";
import sparseRs, { shareAt } from "./sparse-rs.ts";

test("Sparse-RS beats a linear model with exactly the elements that are needed, and with no fewer", async () => {
  const world = linearWorld("sparse-rs", 8, 16);
  const radius = world.radius("l0");
  for (const [less, falls] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const rows = radius.flatMap((exact, k) => (exact - less >= 1 ? [k] : []));
    const eps = Float64Array.from(radius, (exact) => Math.max(1, exact - less));
    const siege = { ...world.siege, within: { norm: "l0" as const, eps } };
    const { beaten } = await besiege(listening("a"), world.classifier, sparseRs, { queries: 4000 }, siege);
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.map((k) => beaten[k])).toEqual(rows.map(() => falls));
  }
});

test("its schedule falls as in the authors' code, scaled to the budget", () => {
  expect([0, 1, 60, 300, 9000].map((step) => shareAt(0.8, step, 10_000))).toEqual([0.8, 0.4, 0.2, 0.16, 0.04]);
  expect(shareAt(0.8, 30, 1000)).toBe(shareAt(0.8, 300, 10_000));
});
