import { expect, test } from "vitest";
import { linearWorld, listening } from "../../test/support/linear.ts";
import { type Assault, ensemble } from "./ensemble.ts";
import apgd from "./evasion/apgd.ts";
import cw from "./evasion/cw.ts";
import fab from "./evasion/fab.ts";
import fmn from "./evasion/fmn.ts";

test("where the smallest perturbation is sought every attack sees every sample, and the smallest of all counts", async () => {
  const world = linearWorld("smallest", 6);
  const within = { norm: "l2", eps: Infinity, minimal: true } as const;
  const brought: Assault[] = [
    { attack: fab, parameters: { steps: 3 } },
    { attack: cw, parameters: { steps: 40, searches: 4 } },
    { attack: fmn, parameters: { steps: 60 } },
  ];
  const alone = await Promise.all(
    brought.map((one) => ensemble(listening("a"), world.classifier, [one], { ...world.siege, within })),
  );
  const all = await ensemble(listening("a"), world.classifier, brought, { ...world.siege, within });
  for (let k = 0; k < world.n; k++) {
    expect(all.distance[k]).toBe(Math.min(...alone.map(({ distance }) => distance[k]!)));
    expect(all.found.get(k)!.by).toBe(alone.findIndex(({ distance }) => distance[k] === all.distance[k]));
  }
  expect(all.runs.map(({ attack }) => attack)).toEqual(["fab", "cw", "fmn"]);
});

test("samples that are spared are not asked about, and the others end as without them", async () => {
  const world = linearWorld("spared", 6);
  const within = { norm: "linf", eps: 0.5 } as const;
  const spared = Uint8Array.of(0, 1, 0, 0, 1, 0);
  const brought = [{ attack: apgd, parameters: { steps: 20 } }];
  const whole = await ensemble(listening("a"), world.classifier, brought, { ...world.siege, within });
  const some = await ensemble(listening("a"), world.classifier, brought, { ...world.siege, within, spared });
  for (let k = 0; k < world.n; k++) {
    expect(some.beaten[k]).toBe(spared[k] === 1 ? 0 : whole.beaten[k]);
    expect(some.queriesPerRow[k]).toBe(spared[k] === 1 ? 0 : whole.queriesPerRow[k]);
  }
});
