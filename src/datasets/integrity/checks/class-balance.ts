/** How many samples each class has, and what the smallest of them still allows to be said. */
import { clopperPearson } from "#base/statistics.ts";
import { counted, defineDataCheck, finding, share } from "#datasets/integrity/check.ts";
import { classCounts, className } from "#datasets/integrity/records.ts";

/** Most to least frequent class, above which it is said; ours, as for evaluation sets. */
const IMBALANCE = 10;
/** Below so many samples of a class the interval of a rate on it is wider than ± 0.14. */
const FEW = 50;

export default defineDataCheck({
  id: "class-balance",
  title: "Class balance",
  citation: "Shannon 1948 for the entropy; Clopper & Pearson 1934",
  bearsOn: { threats: [], controls: ["C-25"], clauses: ["AIA-10.2-e", "AIA-10.3"] },
  limits: ["whether the shares are those of operation is not known here", "groups within a class are not looked at"],
  notAsked: ({ data }) => (data.y ? undefined : "the labels are no classes"),
  look({ data }) {
    const { classes } = data;
    const counts = classCounts(data);
    const there = [...counts].flatMap((count, label) => (count > 0 ? [{ label, count }] : []));
    const n = there.reduce((sum, { count }) => sum + count, 0);
    const ranked = there.toSorted((a, b) => a.count - b.count || a.label - b.label);
    const [least, most] = [ranked[0], ranked.at(-1)];
    const findings = [];
    const absent = data.classNames
      ? Array.from({ length: classes }, (_, label) => label).filter((label) => counts[label] === 0)
      : [];
    if (absent.length > 0)
      findings.push(
        finding(
          "absent-class",
          "doubt",
          `${counted(absent.length, "class has", "classes have")} no sample: ${absent
            .slice(0, 8)
            .map((label) => `"${className(data, label)}"`)
            .join(", ")}${absent.length > 8 ? " …" : ""}`,
          {
            count: absent.length,
            of: classes,
            unit: "classes",
            items: [],
          },
        ),
      );
    if (there.length === 1)
      findings.push(
        finding("one-class", "doubt", `all samples are of class "${className(data, there[0]!.label)}"`, {
          count: 1,
          of: classes,
          unit: "classes",
          items: [],
        }),
      );
    if (least && most && unbalanced(counts))
      findings.push(
        finding(
          "imbalance",
          "doubt",
          `class "${className(data, most.label)}" has ${counted(most.count, "sample")}, class "${className(data, least.label)}" ${least.count}`,
          {
            count: there.filter(({ count }) => most.count > IMBALANCE * count).length,
            of: there.length,
            unit: "classes",
            items: [],
          },
        ),
      );
    const few = there.filter(({ count }) => count < FEW);
    if (few.length > 0 && least) {
      const { low, high } = clopperPearson(Math.round(least.count / 2), least.count);
      findings.push(
        finding(
          "few-of-a-class",
          "note",
          `${counted(few.length, "class has", "classes have")} fewer than ${FEW} samples; a rate measured on the ${least.count} of "${className(data, least.label)}" may be off by ${Math.round(50 * (high - low))} points`,
          {
            count: few.length,
            of: there.length,
            unit: "classes",
            items: [],
          },
        ),
      );
    }
    const entropy = there.reduce((sum, { count }) => sum - (count / n) * Math.log(count / n), 0);
    const smallest = least ? share(least.count, n, "samples") : undefined;
    return {
      n,
      unit: "labels",
      tried: `samples per class of ${counted(classes, "class", "classes")}; said above ${IMBALANCE} to 1 and below ${FEW} samples`,
      findings,
      figures: [
        ...(there.length > 1
          ? [
              {
                name: "evenness of the classes: entropy as share of the largest possible",
                value: entropy / Math.log(there.length),
                method: "of the samples given",
              },
            ]
          : []),
        ...(smallest && least
          ? [
              {
                name: `share of the smallest class, "${className(data, least.label)}"`,
                value: smallest.k / smallest.n,
                low: smallest.low,
                high: smallest.high,
                method: "Clopper–Pearson, 95 %",
              },
            ]
          : []),
      ],
      nothing: `${there.length} classes of ${least?.count} to ${most?.count} samples`,
    };
  },
  errors({ data }, { rng, faults }) {
    const { classes } = data;
    const counts = classCounts(data);
    const labels = [...data.y!].filter((label) => label >= 0);
    const there = [...counts.keys()].filter((label) => counts[label]! > 0);
    if (there.length < 2) return { planted: [], falseAlarms: [] };
    let thinned = 0;
    const draw = rng.fork("thinned");
    for (let turn = 0; turn < faults; turn++) {
      const label = there[draw.below(there.length)]!;
      const copy = counts.slice();
      copy[label] = 0;
      for (let i = 0; i < counts[label]!; i++) if (draw.uniform() < 0.02) copy[label]++;
      // A class of which nothing is left is absent, which the count of classes tells.
      if (copy[label] === 0 || unbalanced(copy)) thinned++;
    }
    let raised = 0;
    const again = rng.fork("again");
    for (let turn = 0; turn < faults; turn++) {
      const copy = new Int32Array(classes);
      for (let i = 0; i < labels.length; i++) copy[labels[again.below(labels.length)]!]!++;
      if (unbalanced(copy)) raised++;
    }
    return {
      planted: [{ fault: "a class of which one sample in 50 is left", detected: share(thinned, faults, "copies") }],
      falseAlarms: unbalanced(counts)
        ? []
        : [{ clean: "the samples drawn again with replacement", raised: share(raised, faults, "resamples") }],
    };
  },
});

/** Of the classes that occur, one has more than ten times another's samples. */
function unbalanced(counts: Int32Array): boolean {
  const there = counts.filter((count) => count > 0);
  return there.length > 1 && Math.max(...there) > IMBALANCE * Math.min(...there);
}
