/** Proven boxes: no counterexample where there is none, and as many broken as the reference attack broke. */
import { describe, expect, test } from "vitest";
import { haveSharedData } from "./support/npy.ts";
import { type Instance, NETWORKS, fight, instancesOf } from "./support/vnncomp.ts";

/** A few of each verdict; the whole table is `bench/vnncomp.ts`. */
const PROVEN = 6;
const BROKEN = 5;

function aFew(network: string): Instance[] {
  const { instances } = instancesOf(network);
  return [
    ...instances.filter(({ verdict }) => verdict === "unsat").slice(0, PROVEN),
    ...instances.filter(({ verdict, pgd }) => verdict === "sat" && pgd?.found).slice(0, BROKEN),
  ];
}

if (!haveSharedData)
  test("networks with proven verdicts", (context) =>
    context.skip("no real models and data: set VAUBAN_TEST_DATA to the folder that holds them"));
else
  describe("inside boxes with proven verdicts", () => {
    for (const network of Object.keys(NETWORKS))
      test(`the attacks break what the reference attack broke in ${network}, and nothing that is proven`, async () => {
        const instances = aFew(network);
        const fought = await fight(network, { instances, steps: 100, restarts: 5, queries: squareQueries(network) });
        const found = new Set(fought.broken.map(({ id }) => id));
        expect(fought.broken.filter(({ verdict }) => verdict === "unsat").map(({ id }) => id)).toEqual([]);
        expect(instances.filter(({ id, verdict }) => verdict === "sat" && !found.has(id)).map(({ id }) => id)).toEqual(
          [],
        );
      });
  });

/** The binarised network's gradients are surrogates, which Square may outdo; elsewhere it is a check on them. */
function squareQueries(network: string): number {
  return network === "traffic_signs_48" ? 2500 : 50;
}
