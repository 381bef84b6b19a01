/** Labels that are probably wrong, how many there are, and how many of planted ones are found. */
import { clopperPearson } from "#base/statistics.ts";
import type { Rng } from "#base/random.ts";
import { candidatesOf, confidentJoint, noiseInterval } from "#datasets/integrity/confident.ts";
import { counted, defineDataCheck, finding, number, percent, share } from "#datasets/integrity/check.ts";
import { bestLearner, learners } from "#datasets/integrity/out-of-fold.ts";
import { classCounts, className, pick, type Records } from "#datasets/integrity/records.ts";

const CLASSES_MAX = 200;
const PER_CLASS_MIN = 5;
/** Samples of the copy that labels are flipped in. */
const COPY_MAX = 3000;
const RATES = [0.01, 0.02, 0.05, 0.1];
const COPIES_MAX = 5;
/** Clean labels raised for certain, above which candidates say nothing. */
const ALARMS_MAX = 0.1;

export default defineDataCheck({
  id: "label-noise",
  title: "Wrong labels",
  citation: "confident learning: Northcutt, Jiang & Chuang 2021",
  bearsOn: { threats: ["T-05", "T-07"], controls: ["C-23"], clauses: ["AIA-10.2-c", "AIA-10.3"] },
  limits: [
    "a sample is suspicious where a simple classifier is sure of another class: samples that are only hard are among the candidates",
    "labels that are wrong in a way the features explain – a whole group, a trigger – look right",
    "the interval is about which samples came, not about how good the classifier is; the planted rates are",
  ],
  notAsked({ data }) {
    if (!data.y) return "the labels are no classes";
    const counts = [...classCounts(data)].filter((count) => count > 0);
    if (counts.length < 2) return "all labels are the same";
    return counts.length > CLASSES_MAX ? `${counts.length} classes are more than ${CLASSES_MAX}` : undefined;
  },
  async look(subject, { rng, part }) {
    const { data } = subject;
    const { y, classes, units, n } = data;
    const counts = classCounts(data);
    const few = [...counts].flatMap((count, label) => (count > 0 && count < PER_CLASS_MIN ? [label] : []));
    const labels = y!.map((label) => (few.includes(label) ? -1 : label));
    const used = labels.filter((label) => label >= 0).length;
    const base = { n: used, unit: "labels", findings: [], nothing: "" };
    if (new Set(labels.filter((label) => label >= 0)).size < 2)
      return { ...base, tried: "nothing", because: `fewer than two classes have ${PER_CLASS_MIN} samples` };
    const all = await learners(subject.points(), units, rng.fork("learners"), part("neighbours"));
    const { out } = await bestLearner(all, labels, classes, rng.fork("learn"), part("classifiers"));
    const joint = confidentJoint(out.probabilities, labels, classes);
    const candidates = candidatesOf(joint, out.probabilities, labels, classes);
    const interval = await noiseInterval(
      out.probabilities,
      labels,
      classes,
      rng.fork("bootstrap"),
      part("interval"),
      n > 20_000 ? 50 : 200,
    );
    const guess = Math.max(...counts) / n;
    const findings =
      candidates.length === 0
        ? []
        : [
            finding(
              "probably-wrong-label",
              "doubt",
              `${counted(candidates.length, "label is", "labels are")} probably wrong, or the ${candidates.length === 1 ? "sample is" : "samples are"} hard`,
              {
                count: candidates.length,
                of: used,
                unit: "labels",
                items: candidates.map(({ sample, given, instead, margin }) => ({
                  sample,
                  given: className(data, given),
                  expected: className(data, instead),
                  score: margin,
                })),
              },
            ),
          ];
    return {
      n: used,
      unit: "labels",
      tried:
        `confident joint over out-of-fold probabilities by ${out.by}, which agrees with ${percent(out.agreement)} of the labels (the most frequent class has ${percent(guess)}); ` +
        `candidates are what lies off its diagonal${few.length > 0 ? `; ${few.length} classes of fewer than ${PER_CLASS_MIN} samples were left out` : ""}`,
      findings,
      figures: [
        {
          name: "share of wrong labels, by the confident joint",
          value: joint.noise,
          low: Math.min(interval.low, joint.noise),
          // Samples without a candidate are drawn without one, too: a bootstrap alone would say that there are surely none.
          high: Math.max(interval.high, joint.noise, clopperPearson(candidates.length, used).high),
          method:
            "percentile bootstrap over samples, 95 %, the classifier held fixed; the upper end no lower than Clopper–Pearson of the candidates",
        },
      ],
      suspected: candidates.map(({ sample }) => sample),
      nothing: `no label of ${number(used)} contradicts what its neighbours and a simple classifier say with confidence`,
    };
  },
  async errors(subject, { rng, faults, pause, part }, { n: used, suspected = [] }) {
    const { data } = subject;
    const { classes } = data;
    const counts = classCounts(data);
    // A copy without what was found: what is flipped there was believed right, and so is what raises an alarm.
    const candidate = new Set(suspected);
    const trusted = Array.from({ length: data.n }, (_, i) => i).filter(
      (i) => !candidate.has(i) && data.y![i]! >= 0 && counts[data.y![i]!]! >= PER_CLASS_MIN,
    );
    const some = (from: readonly number[], name: string): Records =>
      pick(
        data,
        rng
          .fork(name)
          .sample(from.length, Math.min(COPY_MAX, from.length))
          .map((at) => from[at]!),
      );
    const copy = some(trusted, "copy");
    if (copy.n < 20) return { planted: [], falseAlarms: [] };
    const judge = async (of: Records, name: string) => {
      const asked = part(`a copy (${name})`);
      const all = await learners(subject.space().points(of), of.units, rng.fork(`${name} learners`), asked);
      const { learner, out } = await bestLearner(all, of.y!, classes, rng.fork(`${name} choice`), asked);
      return {
        out,
        async candidates(labels: Int32Array, turn: string): Promise<Set<number>> {
          const probabilities = await learner.learn(labels, classes, rng.fork(`${name} ${turn}`), asked);
          const joint = confidentJoint(probabilities, labels, classes);
          return new Set(candidatesOf(joint, probabilities, labels, classes).map(({ sample }) => sample));
        },
      };
    };
    const { candidates } = await judge(copy, "copy");
    const occurring = [...new Set(copy.y!)].toSorted((a, b) => a - b);
    const planted = [];
    for (const rate of RATES) {
      const flips = Math.max(1, Math.round(rate * copy.n));
      const copies = Math.min(COPIES_MAX, Math.ceil(faults / flips));
      let [seen, n] = [0, 0];
      for (let turn = 0; turn < copies; turn++) {
        await pause();
        const draw = rng.fork(`flip ${rate} ${turn}`);
        const labels = copy.y!.slice();
        const flipped = draw.sample(copy.n, flips);
        for (const sample of flipped) {
          const others = occurring.filter((label) => label !== labels[sample]);
          labels[sample] = others[draw.below(others.length)]!;
        }
        const found = await candidates(labels, `found ${rate} ${turn}`);
        seen += flipped.filter((sample) => found.has(sample)).length;
        n += flips;
      }
      planted.push({ fault: `a label flipped at random, ${percent(rate)} of all`, detected: share(seen, n, "labels") });
    }
    const clean = share((await candidates(copy.y!, "clean")).size, copy.n, "labels");
    await pause();
    // A world in which no label is wrong, and the classes overlap as much as the classifier believes they do.
    const whole = some(
      Array.from({ length: data.n }, (_, i) => i).filter(
        (i) => data.y![i]! >= 0 && counts[data.y![i]!]! >= PER_CLASS_MIN,
      ),
      "whole",
    );
    const judged = await judge(whole, "whole");
    const hard = share(
      (await judged.candidates(drawnFrom(judged.out.probabilities, classes, rng.fork("drawn")), "drawn")).size,
      whole.n,
      "labels",
    );
    const seen = share(suspected.length, used, "labels");
    return {
      planted,
      falseAlarms: [
        { clean: "the labels of a copy without the candidates", raised: clean },
        { clean: "labels drawn from the classifier's own probabilities: some hard, none wrong", raised: hard },
      ],
      ...(clean.low > ALARMS_MAX
        ? {
            because: `it raises ${percent(clean.k / clean.n)} of the labels even in a copy without the candidates: a simple classifier cannot tell these classes apart`,
          }
        : (hard.low > ALARMS_MAX || suspected.length > 0) && seen.low <= hard.high
          ? {
              because: `as many labels (${percent(hard.k / hard.n)} beside ${percent(seen.k / seen.n)} here) are raised where no label is wrong and the classes overlap as the classifier believes: wrong labels cannot be told from hard samples here`,
            }
          : {}),
    };
  },
});

/** One label per sample, drawn from its probabilities. */
function drawnFrom(probabilities: Float64Array, classes: number, rng: Rng): Int32Array {
  return Int32Array.from({ length: probabilities.length / classes }, (_, i) => {
    let left = rng.uniform();
    for (let c = 0; c < classes; c++) if ((left -= probabilities[i * classes + c]!) < 0) return c;
    return classes - 1;
  });
}
