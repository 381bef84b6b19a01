/** Long loops of the checks let Ctrl-C through, say how far they are, and come to the same. */
import { expect, test } from "vitest";
import { rng } from "#base/random.ts";
import type { Progress } from "#base/run.ts";
import { pacedBy } from "./breath.ts";
import { checkData } from "./check-data.ts";
import { table } from "./checks.testing.ts";
import { AT_ONCE } from "./checks.testing.ts";
import { nearIndex } from "./near.ts";
import type { Part } from "./breath.ts";
import { learnerOver } from "./out-of-fold.ts";

const [n, d, classes] = [2500, 40, 3];
const random = rng("breath");
const labels = Int32Array.from({ length: n }, () => random.below(classes));
const points = {
  n,
  d,
  at: Float32Array.from({ length: n * d }, (_, i) => random.normal() + labels[Math.floor(i / d)]!),
};
const parts: readonly (readonly [string, (part: Part) => Promise<unknown>])[] = [
  [
    "the classifier of the label check",
    async (part) =>
      Array.from(
        (await (await learnerOver(points, undefined, rng(1), part)).learn(labels, classes, part)).probabilities,
      ),
  ],
  ["pairs of near duplicates", async (part) => (await nearIndex(points, 4).among(part)).looked],
];

test.each(parts)(
  "%s pause, say how far they are up to the end, and come to what they come to at once",
  async (_, run) => {
    const told: [number, number][] = [];
    let pauses = 0;
    const paced = await run({ pause: async () => void pauses++, told: (done, total) => void told.push([done, total]) });
    expect(paced).toEqual(await run(AT_ONCE));
    expect(pauses).toBeGreaterThanOrEqual(1);
    const shares = told.map(([done, total]) => done / total);
    expect(shares.at(-1)).toBe(1);
    for (const share of shares) expect(share).toBeGreaterThanOrEqual(0);
    // Up to the end of each loop they only grow.
    shares.forEach((share, i) => i > 0 && shares[i - 1]! < 1 && expect(share).toBeGreaterThanOrEqual(shares[i - 1]!));
  },
);

test.each(parts)("%s end where a pause throws, as it does after Ctrl-C", async (_, run) => {
  let pauses = 0;
  const stopping = async (): Promise<void> => {
    pauses++;
    throw new Error("cancelled");
  };
  await expect(run({ pause: stopping, told: () => {} })).rejects.toThrow("cancelled");
  expect(pauses).toBe(1);
});

test("a short loop neither pauses nor says anything", async () => {
  const told: number[] = [];
  const { breath, end } = pacedBy(
    { pause: () => Promise.reject(new Error("no")), told: (at) => void told.push(at) },
    10,
  );
  for (let i = 0; i < 10; i++) expect(breath(i, 1000)).toBeUndefined();
  end();
  expect(told).toEqual([]);
});

test("the run hears of long parts under the name of their check, apart from the count of checks", async () => {
  const steps: Progress[] = [];
  await checkData(
    { signal: new AbortController().signal, rng: rng(1), faults: 0, progress: (step) => void steps.push(step) },
    { data: table(4000, 1), only: ["label-noise"] },
  );
  const items = new Set(steps.map(({ item }) => item));
  expect(items).toContain("checks");
  expect([...items].filter((item) => item.startsWith("label-noise/")).length).toBeGreaterThan(0);
  const parts = steps.filter(({ item }) => item !== "checks");
  for (const item of new Set(parts.map((step) => step.item))) {
    const last = parts.findLast((step) => step.item === item)!;
    expect([last.label!.startsWith("Wrong labels: "), last.done]).toEqual([true, last.total]);
  }
});
