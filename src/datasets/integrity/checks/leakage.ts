/** Samples of the test set that the model has seen in training: equal ones, nearly equal ones, and others of the same unit. */
import type { DataItem } from "#assessment/data.ts";
import { counted, defineDataCheck, finding, number, share, short } from "#datasets/integrity/check.ts";
import { alike, foundIn } from "#datasets/integrity/content-keys.ts";
import { nearTo } from "#datasets/integrity/moved.ts";
import { nearIndex, nearRadius, NEAR_SHARE } from "#datasets/integrity/near.ts";
import { disguises, inBetween } from "#datasets/integrity/planting.ts";
import { className, pick, type Records } from "#datasets/integrity/records.ts";
import { spaceOf } from "#datasets/integrity/space.ts";

export default defineDataCheck({
  id: "leakage",
  title: "Training data in the test set",
  citation: "Kapoor & Narayanan 2023 (leakage L1.4, L3.2); near duplicates across splits: Barz & Denzler 2020",
  bearsOn: { threats: [], controls: ["C-24"], clauses: ["AIA-10.1", "AIA-10.3"] },
  limits: [
    "leakage by time, by preprocessing fitted on both sets, and by units nobody named is not seen",
    "near is measured as for duplicates: a larger crop, a turn or a mirror image is not near",
  ],
  notAsked: ({ train }) => (train ? undefined : "no training data were given"),
  async look({ data, train: given }, { rng, part }) {
    const [test, train] = alike(data, given!);
    const findings = [];
    const equal = foundIn(test, train);
    const items: DataItem[] = [];
    equal.forEach((like, sample) => {
      if (like >= 0) items.push({ sample, like, in: "train", ...labels(test, sample, train, like) });
    });
    if (items.length > 0)
      findings.push(
        finding(
          "leaked-exactly",
          "fault",
          `${counted(items.length, "test sample is", "test samples are")} in the training data`,
          {
            count: items.length,
            of: test.n,
            unit: "samples",
            items,
          },
        ),
      );
    const { space, radius, median, index } = memory(train, rng);
    const { pairs, looked, cut } = await nearTo(index, space, test, part("pairs"));
    const near = new Map<number, DataItem>();
    for (const { a, b, distance } of pairs)
      if (equal[a]! < 0 && distance < (near.get(a)?.score ?? Infinity))
        near.set(a, { sample: a, like: b, in: "train", score: distance, ...labels(test, a, train, b) });
    if (near.size > 0)
      findings.push(
        finding(
          "leaked-nearly",
          "doubt",
          `${counted(near.size, "test sample is", "test samples are")} almost one of the training data`,
          {
            count: near.size,
            of: test.n,
            unit: "samples",
            items: [...near.values()].toSorted((p, q) => p.score! - q.score!),
          },
        ),
      );
    if (test.units && train.units) {
      const known = new Set(train.units);
      const shared = new Set(test.units.filter((unit) => known.has(unit)));
      if (shared.size > 0)
        findings.push(
          finding(
            "shared-unit",
            "fault",
            `${counted(shared.size, "unit")} of the test set (${[...shared].slice(0, 5).join(", ")}${shared.size > 5 ? " …" : ""}) ${shared.size === 1 ? "is" : "are"} also in the training data`,
            {
              count: shared.size,
              of: new Set(test.units).size,
              unit: "units",
              items: test.units.flatMap((unit, sample) => (shared.has(unit) ? [{ sample, given: unit }] : [])),
            },
          ),
        );
    }
    const leaked = items.length + near.size;
    const { low, high } = share(leaked, test.n, "samples");
    return {
      n: test.n,
      unit: "test samples",
      tried:
        `exact: against every one of ${counted(train.n, "training sample")} with an equal hash; near: distance at most ${short(radius)}, ` +
        `${NEAR_SHARE} of the median distance between neighbours in the training data (${short(median)}), in the ${space.what}; ` +
        `${number(looked)} pairs compared; ${test.units && train.units ? "units by name" : "no units are named in both sets"}`,
      findings,
      figures: [
        {
          name: "share of test samples that are in the training data, exactly or nearly",
          value: leaked / test.n,
          low,
          high,
          method: "Clopper–Pearson, 95 %, of the samples as if drawn independently",
        },
      ],
      nothing: `none of ${counted(test.n, "test sample")} is among ${counted(train.n, "training sample")}, exactly or nearly`,
      ...(cut && { because: `too many pairs are near: the comparison was cut off after ${number(looked)}` }),
    };
  },
  async errors({ data, train: given }, { rng, faults, pause, part }) {
    const [, train] = alike(data, given!);
    const { space, index, points } = memory(train, rng);
    const planted = [];
    const exact = rng.fork("exact").sample(train.n, Math.min(faults, train.n));
    const seen = foundIn(pick(train, exact), train).filter((like) => like >= 0).length;
    planted.push({ fault: "a training sample, put into the test set", detected: share(seen, exact.length, "copies") });
    for (const { fault, copy } of disguises(train)) {
      await pause();
      const drawn = rng.fork(fault).sample(train.n, Math.min(faults, train.n));
      const copies = copy(pick(train, drawn), rng.fork(`${fault} change`));
      const found = new Set<number>();
      for (const { a, b } of (await nearTo(index, space, copies, part("planted copies"))).pairs)
        if (b === drawn[a]) found.add(a);
      planted.push({ fault: `${fault}, put into the test set`, detected: share(found.size, drawn.length, "copies") });
    }
    await pause();
    const made = inBetween(train, points, faults, rng.fork("in between"));
    const raised = new Set((await nearTo(index, space, made, part("planted copies"))).pairs.map(({ a }) => a)).size;
    return {
      planted,
      falseAlarms: [
        {
          clean: "a made-up sample midway between a training sample and its nearest other",
          raised: share(raised, made.n, "samples"),
        },
      ],
    };
  },
});

/** Training data as they are searched; drawn from the same stream, so that the errors are those of the very search. */
function memory(train: Records, rng: Parameters<typeof nearRadius>[1]) {
  const space = spaceOf(train);
  const points = space.points(train);
  const { radius, median } = nearRadius(points, rng.fork("radius"));
  return { space, points, radius, median, index: nearIndex(points, radius) };
}

const labels = (test: Records, sample: number, train: Records, like: number): Pick<DataItem, "given" | "expected"> =>
  test.y && train.y && test.y[sample] !== train.y[like]
    ? { given: className(test, test.y[sample]!), expected: className(train, train.y[like]!) }
    : {};
