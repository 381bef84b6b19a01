/** Samples that are there twice, element by element or nearly, and what their labels say then. */
import type { DataItem } from "#assessment/data.ts";
import { counted, defineDataCheck, finding, number, percent, share, short } from "#datasets/integrity/check.ts";
import { foundIn } from "#datasets/integrity/content-keys.ts";
import { nearTo } from "#datasets/integrity/moved.ts";
import { NEAR_SHARE } from "#datasets/integrity/near.ts";
import { disguises, inBetween } from "#datasets/integrity/planting.ts";
import { className, pick, type Records } from "#datasets/integrity/records.ts";

export default defineDataCheck({
  id: "duplicates",
  title: "Duplicates and near duplicates",
  citation: "perceptual hashes by the cosine transform: Zauner 2010, §3.2.1; effect on test sets: Barz & Denzler 2020",
  bearsOn: { threats: ["T-05"], controls: ["C-22", "C-25"], clauses: ["AIA-10.2-c", "AIA-10.3"] },
  limits: [
    "near is measured in the low frequencies of grey images, also moved by one pixel: a larger crop, a turn, a mirror image or another colour is not near",
    "near is a share of the distance between neighbours: where most samples have a twin, twins count as neighbours",
  ],
  notAsked: () => undefined,
  async look(subject, { part }) {
    const { data } = subject;
    const { n, y } = data;
    const findings = [];
    const earlier = subject.firstAlike();
    const repeated: DataItem[] = [];
    const torn: DataItem[] = [];
    earlier.forEach((like, sample) => {
      if (like < 0) return;
      repeated.push({ sample, like });
      if (y && y[like] !== y[sample])
        torn.push({ sample, like, given: className(data, y[sample]!), expected: className(data, y[like]!) });
    });
    if (repeated.length > 0)
      findings.push(
        finding(
          "exact-duplicate",
          "doubt",
          `${counted(repeated.length, "sample repeats", "samples repeat")} an earlier one exactly`,
          {
            count: repeated.length,
            of: n,
            unit: "samples",
            items: repeated,
          },
        ),
      );
    if (torn.length > 0)
      findings.push(
        finding(
          "duplicate-with-other-label",
          data.grid ? "fault" : "doubt",
          `${counted(torn.length, "sample equals", "samples equal")} an earlier one and ${torn.length === 1 ? "has" : "have"} another label: ` +
            (data.grid
              ? "one of the two is wrong"
              : "one of the two is wrong, or the columns do not tell the classes apart"),
          { count: torn.length, of: n, unit: "samples", items: torn },
        ),
      );
    const { radius, median, probes } = subject.radius();
    const { pairs, looked, cut } = await subject.near(part("pairs"));
    const equal = new Set(repeated.map(({ sample, like }) => sample * n + like!));
    const firstOf = (sample: number): number => (earlier[sample]! < 0 ? sample : earlier[sample]!);
    const near = pairs.filter(({ a, b }) => !equal.has(a * n + b) && firstOf(a) !== firstOf(b));
    const involved = new Set(near.map(({ a }) => a));
    if (near.length > 0) {
      const ranked = near.toSorted((p, q) => p.distance - q.distance || p.a - q.a);
      findings.push(
        finding(
          "near-duplicate",
          "doubt",
          `${counted(involved.size, "sample is", "samples are")} almost an earlier one`,
          {
            count: involved.size,
            of: n,
            unit: "samples",
            items: ranked.map(({ a, b, distance }) => ({ sample: a, like: b, score: distance })),
          },
        ),
      );
      const differing = y ? ranked.filter(({ a, b }) => y[a] !== y[b]) : [];
      if (differing.length > 0)
        findings.push(
          finding(
            "near-duplicate-with-other-label",
            "doubt",
            `${counted(differing.length, "pair")} of near duplicates ${differing.length === 1 ? "has" : "have"} different labels`,
            {
              count: differing.length,
              of: near.length,
              unit: "pairs",
              items: differing.map(({ a, b, distance }) => ({
                sample: a,
                like: b,
                score: distance,
                given: className(data, y![a]!),
                expected: className(data, y![b]!),
              })),
            },
          ),
        );
    }
    const dependent = new Set([...involved, ...repeated.map(({ sample }) => sample)]).size;
    const bounds = share(dependent, n, "samples");
    return {
      n,
      unit: "samples",
      tried:
        `exact: every value of every pair with equal hashes; near: distance at most ${short(radius)}, ${NEAR_SHARE} of the median ` +
        `distance of ${probes} samples to their nearest other (${short(median)}), in the ${subject.space().what}; ${data.grid ? "images also moved by one pixel; " : ""}${number(looked)} pairs compared`,
      findings,
      figures: [
        {
          name: "share of samples that repeat an earlier one, exactly or nearly",
          value: n === 0 ? 0 : dependent / n,
          low: bounds.low,
          high: bounds.high,
          method: "Clopper–Pearson, 95 %, of the samples as if drawn independently",
        },
      ],
      nothing: `none of ${counted(n, "sample")} repeats another, exactly or within ${percent(NEAR_SHARE)} of the usual distance`,
      ...(cut && { because: `too many pairs are near: the comparison was cut off after ${number(looked)}` }),
    };
  },
  async errors(subject, { rng, faults, pause, part }) {
    const { data } = subject;
    const near = async (asked: Records) =>
      (await nearTo(subject.index(), subject.space(), asked, part("planted copies"))).pairs;
    const planted = [];
    const exact = rng.fork("exact").sample(data.n, Math.min(faults, data.n));
    const seen = foundIn(pick(data, exact), data).filter((like) => like >= 0).length;
    planted.push({ fault: "an exact copy", detected: share(seen, exact.length, "copies") });
    for (const { fault, copy } of disguises(data)) {
      await pause();
      const drawn = rng.fork(fault).sample(data.n, Math.min(faults, data.n));
      const copies = copy(pick(data, drawn), rng.fork(`${fault} change`));
      const found = new Set<number>();
      for (const { a, b } of await near(copies)) if (b === drawn[a]) found.add(a);
      planted.push({ fault, detected: share(found.size, drawn.length, "copies") });
    }
    await pause();
    const made = inBetween(data, subject.points(), faults, rng.fork("in between"));
    const raised = new Set((await near(made)).map(({ a }) => a)).size;
    return {
      planted,
      falseAlarms: [
        {
          clean: "a made-up sample midway between a sample and its nearest other",
          raised: share(raised, made.n, "samples"),
        },
      ],
    };
  },
});
