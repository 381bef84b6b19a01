/** Wrong labels: how many more than overlapping classes explain, which they probably are, and how many there would have to be to be seen. */
import type { Proportion } from "#assessment/scalars.ts";
import type { Rng } from "#base/random.ts";
import { clopperPearson } from "#base/statistics.ts";
import { counted, defineDataCheck, finding, number, percent, share } from "#datasets/integrity/check.ts";
import { candidatesOf, confidentJoint, type Candidate } from "#datasets/integrity/confident.ts";
import { exceeds, floorOf, overlapAt, surenessOf, TOLERATED, type Floor } from "#datasets/integrity/noise-floor.ts";
import { agreementOf, learnerOver, type Learner } from "#datasets/integrity/out-of-fold.ts";
import { classCounts, className, type Records } from "#datasets/integrity/records.ts";
import type { Points } from "#datasets/integrity/space.ts";
import type { Part } from "#datasets/integrity/breath.ts";

const CLASSES_MAX = 200;
const PER_CLASS_MIN = 5;
/** Labels looked at; of more, so many are drawn. */
const SAMPLES_MAX = 60_000;
/** Labels of the copies that noise is planted into; fewer where many classes make them dear. */
const [COPY_MAX, COPY_MIN] = [4000, 1000];
/** Multiplications for all copies together: some ten seconds. */
const WORK_MAX = 6e9;
const FEATURES_MAX = 257;
const RATES = [0.01, 0.02, 0.05, 0.1, 0.2];
/** The rate at which flips are also made from each class to the one it is most like, and single labels are counted. */
const RATE = 0.05;
/** Copies of each kind of fault, and without one; the fewest of them. */
const [COPIES, FEWEST] = [20, 12];
/**
 * Nothing is found where no more labels than this may be wrong, by the upper end of the interval: ten much used test sets hold 3.3 % on average (Northcutt, Athalye &
 * Mueller 2021, abstract).
 */
const NEEDED = 0.05;
/** Share of clean copies that may be accused: more for certain, and nobody is. */
const ALPHA = 0.05;

export default defineDataCheck({
  id: "label-noise",
  title: "Wrong labels",
  citation:
    "a floor under the disagreement with a classifier, after Blanchard et al. 2016; candidates by confident learning, Northcutt, Jiang & Chuang 2021",
  bearsOn: { threats: ["T-05", "T-07"], controls: ["C-23"], clauses: ["AIA-10.2-c", "AIA-10.3"] },
  limits: [
    "labels that contradict the classifier as often where it is sure as anywhere are taken for wrong: classes that overlap everywhere alike, and a small part of one class that lies in the middle of another, look the same",
    "labels that are wrong in a way the features explain – a whole group, a trigger – look right",
    `up to ${percent(TOLERATED)} of the labels may contradict a sure classifier without a word: samples that are odd, not wrong`,
    "a candidate is a label to look at: samples that are only hard are among them",
  ],
  notAsked({ data }) {
    if (!data.y) return "the labels are no classes";
    const counts = [...classCounts(data)].filter((count) => count > 0);
    if (counts.length < 2) return "all labels are the same";
    return counts.length > CLASSES_MAX ? `${counts.length} classes are more than ${CLASSES_MAX}` : undefined;
  },
  async look({ data, points }, { rng, part }) {
    const { few, labelled, chosen } = chosenFrom(data, SAMPLES_MAX, rng.fork("chosen"));
    const base = { n: chosen.at.length, unit: "labels", findings: [], nothing: "" };
    if (chosen.names.length < 2)
      return { ...base, tried: "nothing", because: `fewer than two classes have ${PER_CLASS_MIN} samples` };
    const { labels, classes } = { labels: chosen.labels, classes: chosen.names.length };
    const learner = await learnerOver(
      rowsOf(points(), chosen.at),
      unitsOf(data, chosen.at),
      rng.fork("learner"),
      part("classifier"),
    );
    const { probabilities, floor, candidates } = await judged(learner, labels, classes, part("probabilities"));
    const found = exceeds(floor);
    const n = labels.length;
    const { low, high } = floor.interval;
    const estimate = `${percent(floor.share)} [${percent(low)}, ${percent(high)}]`;
    const listed = `${counted(candidates.length, "candidate")}, the likeliest first`;
    const guess = Math.max(...classSizes(labels, classes)) / n;
    const finds = (severity: "doubt" | "note", message: string) =>
      finding("probably-wrong-label", severity, message, {
        count: candidates.length,
        of: n,
        unit: "labels",
        items: candidates.map(({ sample, given, instead, odds }) => ({
          sample: chosen.at[sample]!,
          given: className(data, chosen.names[given]!),
          expected: className(data, chosen.names[instead]!),
          score: odds,
        })),
      });
    return {
      n,
      unit: "labels",
      tried:
        `${learner.by}: out of fold it agrees with ${percent(agreementOf(probabilities, labels, classes))} of the labels (the most frequent class has ${percent(guess)}); ` +
        `of its disagreement with the others, what falls as it gets surer is overlap, and what stays is wrong labels; candidates lie off the diagonal of the confident joint` +
        (few > 0 ? `; ${few} classes of fewer than ${PER_CLASS_MIN} samples were left out` : "") +
        (labelled > n ? `; ${number(n)} of ${number(labelled)} labels, drawn` : ""),
      findings: found
        ? [
            finds(
              "doubt",
              `${estimate} of ${number(n)} labels are wrong, or their samples odd: more than overlapping classes explain; ${listed}`,
            ),
          ]
        : candidates.length > 0
          ? [
              finds(
                "note",
                `${estimate} of ${number(n)} labels may be wrong, no more than overlapping classes may explain; ${listed}`,
              ),
            ]
          : [],
      figures: [
        {
          name: "share of wrong labels",
          value: floor.share,
          low: Math.min(low, floor.share),
          high: Math.max(high, floor.share),
          method: `profile likelihood, 95 %, of a floor under the disagreement with ${number(n)} labels; noise is taken to be even, and overlap to vanish where the classifier is sure`,
        },
      ],
      suspected: candidates.map(({ sample }) => chosen.at[sample]!),
      nothing: `no more than ${percent(high)} of ${number(n)} labels are wrong, by a floor of ${estimate}`,
    };
  },
  async errors({ data, points }, { rng, faults, pause, part }, { findings, figures }) {
    const { chosen: all } = chosenFrom(data, COPY_MAX, rng.fork("copy"));
    const classes = all.names.length;
    const runs = (RATES.length + 2) * COPIES;
    const dear = (n: number): number => runs * n * classes * (2 * FEATURES_MAX + 3 * classes);
    const size = Math.min(all.at.length, Math.max(COPY_MIN, Math.floor(WORK_MAX / dear(1))));
    const kept = rng
      .fork("fewer")
      .sample(all.at.length, size)
      .toSorted((a, b) => a - b);
    const at = kept.map((i) => all.at[i]!);
    const given = Int32Array.from(kept, (i) => all.labels[i]!);
    const scale = Math.min(1, WORK_MAX / dear(size));
    const times = (most: number): number => Math.min(faults, Math.max(FEWEST, Math.round(scale * most)));
    const learner = await learnerOver(
      rowsOf(points(), at),
      unitsOf(data, at),
      rng.fork("learner"),
      part("classifier of the copies"),
    );
    const base = await judged(learner, given, classes, part("the copies"));
    const clean = (name: string): Int32Array => cleanLabels(base, given, classes, rng.fork(name));
    const judge = async (labels: Int32Array): Promise<Judged> => {
      await pause();
      return judged(learner, labels, classes, part("the copies"), base.penalty);
    };

    const copies = times(COPIES);
    let [accused, raised] = [0, 0];
    for (let turn = 0; turn < copies; turn++) {
      const { floor, candidates } = await judge(clean(`clean ${turn}`));
      if (exceeds(floor)) accused++;
      raised += candidates.length;
    }
    const alarms = share(accused, copies, "copies");
    const planted: { fault: string; detected: Proportion }[] = [];
    const seenAt: { rate: number; seen: Proportion }[] = [];
    const like = likest(base.probabilities, given, classes);
    let [labelsSeen, labelsPlanted, listed, doubted, held, tried] = [0, 0, 0, 0, 0, 0];
    for (const kind of ["even", "like"] as const)
      for (const rate of kind === "even" ? RATES : [RATE]) {
        let seen = 0;
        for (let turn = 0; turn < copies; turn++) {
          const name = `${kind} ${rate} ${turn}`;
          const labels = clean(`under ${name}`);
          const flipped = flip(labels, classes, rate, kind === "like" ? like : undefined, rng.fork(name));
          const { floor, candidates } = await judge(labels);
          if (exceeds(floor)) seen++;
          tried++;
          if (floor.interval.low <= rate && rate <= floor.interval.high) held++;
          if (kind === "like" || rate !== RATE) continue;
          if (exceeds(floor) || floor.interval.high > NEEDED) doubted++;
          labelsSeen += candidates.filter(({ sample }) => flipped.has(sample)).length;
          labelsPlanted += flipped.size;
          listed += candidates.length;
        }
        const detected = share(seen, copies, "copies");
        const how = kind === "even" ? "flipped at random" : "flipped to the class that each is most like";
        planted.push({ fault: `${percent(rate)} of the labels ${how}`, detected });
        if (kind === "even") seenAt.push({ rate, seen: detected });
      }
    planted.push(
      {
        fault: `${percent(RATE)} of the labels flipped at random, and not passed for clean`,
        detected: share(doubted, copies, "copies"),
      },
      {
        fault: `a label among ${percent(RATE)} flipped at random, as a candidate`,
        detected: share(labelsSeen, labelsPlanted, "labels"),
      },
    );
    const least = leastSeen(seenAt);
    const observed = findings.some(({ severity }) => severity === "doubt");
    const high = figures?.[0]?.high ?? 1;
    const made = "copies with labels drawn anew: classes overlap as here, and none is wrong";
    return {
      planted,
      falseAlarms: [
        { clean: made, raised: alarms },
        { clean: `labels of such copies, as candidates`, raised: share(raised, copies * size, "labels") },
        ...(listed > 0
          ? [
              {
                clean: `candidates where ${percent(RATE)} are flipped at random: those that are not`,
                raised: share(listed - labelsSeen, listed, "candidates"),
              },
            ]
          : []),
      ],
      figures: [
        {
          name: "intervals that hold the share planted",
          value: held / tried,
          ...clopperPearson(held, tried),
          method: `of ${tried} copies with wrong labels; 95 % Clopper–Pearson`,
        },
        ...(least === undefined
          ? []
          : [
              {
                name: "least share of wrong labels that is told",
                value: least,
                method: `of ${RATES.map(percent).join(", ")} flipped at random in ${copies} copies of ${number(size)} labels each, the least at which more than half of the copies are told, at the lower end of 95 % Clopper–Pearson`,
              },
            ]),
      ],
      ...(observed && alarms.low > ALPHA
        ? {
            because: `${alarms.k} of ${copies} copies whose labels are all right, and whose classes overlap as here, are told to have wrong ones: wrong labels cannot be told from overlap here`,
          }
        : !observed && high > NEEDED
          ? { because: `up to ${percent(high)} of the labels may be wrong: ${told(least, copies)}` }
          : {}),
    };
  },
});

interface Chosen {
  /** Places in the data, rising. */
  readonly at: readonly number[];
  /** Their labels, counted from 0 without gaps, and the class of each. */
  readonly labels: Int32Array;
  readonly names: readonly number[];
}

/** The labels to look at: of classes with enough samples, at most so many. */
function chosenFrom(
  data: Records,
  most: number,
  rng: Rng,
): { readonly few: number; readonly labelled: number; readonly chosen: Chosen } {
  const counts = classCounts(data);
  const few = counts.filter((count) => count > 0 && count < PER_CLASS_MIN).length;
  const places: number[] = [];
  data.y!.forEach((label, i) => label >= 0 && counts[label]! >= PER_CLASS_MIN && places.push(i));
  const at =
    places.length <= most
      ? places
      : rng
          .sample(places.length, most)
          .map((i) => places[i]!)
          .toSorted((a, b) => a - b);
  const names = [...new Set(at.map((i) => data.y![i]!))].toSorted((a, b) => a - b);
  const index = new Map(names.map((name, i) => [name, i]));
  return {
    few,
    labelled: places.length,
    chosen: { at, labels: Int32Array.from(at, (i) => index.get(data.y![i]!)!), names },
  };
}

function rowsOf({ n, d, at }: Points, rows: readonly number[]): Points {
  if (rows.length === n) return { n, d, at };
  const kept = new Float32Array(rows.length * d);
  rows.forEach((row, i) => kept.set(at.subarray(row * d, (row + 1) * d), i * d));
  return { n: rows.length, d, at: kept };
}

const unitsOf = ({ units }: Records, rows: readonly number[]): readonly string[] | undefined =>
  units && rows.map((row) => units[row]!);

function classSizes(labels: Int32Array, classes: number): Int32Array {
  const sizes = new Int32Array(classes);
  for (const label of labels) sizes[label]!++;
  return sizes;
}

interface Judged {
  readonly probabilities: Float64Array;
  readonly penalty: number;
  readonly floor: Floor;
  /** The likeliest first, and no more than the upper end of the interval has. */
  readonly candidates: readonly Candidate[];
}

async function judged(
  learner: Learner,
  labels: Int32Array,
  classes: number,
  part: Part,
  only?: number,
): Promise<Judged> {
  const { probabilities, penalty } = await learner.learn(labels, classes, part, only);
  const floor = floorOf(surenessOf(probabilities, labels, classes), classes);
  const joint = confidentJoint(probabilities, labels, classes);
  const most = Math.ceil(floor.interval.high * labels.length);
  const candidates = candidatesOf(joint, probabilities, labels, classes).slice(0, most);
  return { probabilities, penalty, floor, candidates };
}

/**
 * Labels of a world in which none is wrong: the most probable class, or, as often as the overlap beside the floor says, another one by its
 * probability.
 */
function cleanLabels(
  { probabilities, floor: { overlap } }: Judged,
  labels: Int32Array,
  classes: number,
  rng: Rng,
): Int32Array {
  const { sureness, top } = surenessOf(probabilities, labels, classes);
  return top.map((best, i) => {
    if (rng.uniform() >= overlapAt(overlap, sureness[i]!)) return best;
    let rest = 0;
    for (let c = 0; c < classes; c++) if (c !== best) rest += probabilities[i * classes + c]!;
    let left = rest * rng.uniform();
    let other = best === 0 ? 1 : 0;
    for (let c = 0; c < classes; c++) {
      if (c === best) continue;
      other = c;
      if ((left -= probabilities[i * classes + c]!) < 0) break;
    }
    return other;
  });
}

/** Flips so many labels in place, to any other class or to the one given for each; which. */
function flip(
  labels: Int32Array,
  classes: number,
  rate: number,
  to: Int32Array | undefined,
  rng: Rng,
): ReadonlySet<number> {
  const flipped = rng.sample(labels.length, Math.max(1, Math.round(rate * labels.length)));
  for (const i of flipped) labels[i] = to ? to[labels[i]!]! : (labels[i]! + 1 + rng.below(classes - 1)) % classes;
  return new Set(flipped);
}

/** Per class the other one that its samples are most probably taken for. */
function likest(probabilities: Float64Array, labels: Int32Array, classes: number): Int32Array {
  const sums = new Float64Array(classes * classes);
  labels.forEach((label, i) => {
    for (let c = 0; c < classes; c++) if (c !== label) sums[label * classes + c]! += probabilities[i * classes + c]!;
  });
  return Int32Array.from({ length: classes }, (_, label) => {
    let best = label === 0 ? 1 : 0;
    for (let c = 0; c < classes; c++)
      if (c !== label && sums[label * classes + c]! > sums[label * classes + best]!) best = c;
    return best;
  });
}

/** The least rate at which more than half of the copies are told, for certain. */
const leastSeen = (rates: readonly { readonly rate: number; readonly seen: Proportion }[]): number | undefined =>
  rates.find(({ seen }) => seen.low > 0.5)?.rate;

/** What share would have been told. */
function told(least: number | undefined, copies: number): string {
  if (copies < FEWEST) return "too few copies were planted with wrong labels to know what share would be told";
  if (least === undefined)
    return `not even ${percent(RATES.at(-1)!)} of wrong labels would be told in most copies of these data from classes that overlap`;
  const below = RATES[RATES.indexOf(least) - 1];
  return (
    `${percent(least)} of wrong labels would be told in most copies of these data from classes that overlap` +
    (below === undefined ? "" : `, ${percent(below)} would not`)
  );
}
