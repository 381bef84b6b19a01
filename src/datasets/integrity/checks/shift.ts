/** Whether the data still are what an earlier version was: sample by sample, feature by feature, and all together. */
import type { DataItem } from "#assessment/data.ts";
import type { Rng } from "#base/random.ts";
import { counted, defineDataCheck, finding, number, share, short } from "#datasets/integrity/check.ts";
import { alike, foundIn } from "#datasets/integrity/content-keys.ts";
import { chiSquared, holm, kolmogorovSmirnov, meanDiscrepancy } from "#datasets/integrity/distributions.ts";
import { classCounts, className, columnName, pick, type Records } from "#datasets/integrity/records.ts";
import { momentsOf, principal, projected, spaceOf, type Space } from "#datasets/integrity/space.ts";

/** Chance of an alarm where nothing shifted: half for the features, by Holm, and half for all together. */
const ALPHA = 0.05;
/** Images are compared along so many principal coordinates, and in brightness and contrast. */
const COORDINATES = 16;
/** Samples of each side in the joint test, and its permutations. */
const JOINT = { samples: 400, permutations: 999 };
const JOINT_PLANTED = { samples: 150, permutations: 199 };
/** Samples of each side in copies with planted shifts. */
const COPY_MAX = 1000;

export default defineDataCheck({
  id: "shift",
  title: "Shift against the reference",
  citation:
    "Kolmogorov–Smirnov, χ², Holm 1979; maximum mean discrepancy: Gretton et al. 2012; as in Rabanser, Günnemann & Lipton 2019",
  bearsOn: { threats: ["T-05", "T-14"], controls: ["C-22"], clauses: ["AIA-10.3", "AIA-10.4"] },
  limits: [
    "with many samples a shift too small to matter is found, with few a large one is missed: read it with the planted shifts",
    "that nothing shifted says nothing about a reference that was wrong itself",
  ],
  notAsked: ({ reference }) => (reference ? undefined : "no earlier version was given"),
  look({ data, reference: given }, { rng }) {
    const [now, before] = alike(data, given!);
    const findings = [];
    const kept = foundIn(now, before);
    const added = [...kept.keys()].filter((sample) => kept[sample]! < 0);
    const removed = foundIn(before, now).filter((sample) => sample < 0).length;
    const relabelled: DataItem[] = [];
    if (now.y && before.y)
      kept.forEach((like, sample) => {
        if (like >= 0 && now.y![sample] !== before.y![like])
          relabelled.push({
            sample,
            like,
            in: "reference",
            given: className(now, now.y![sample]!),
            expected: className(before, before.y![like]!),
          });
      });
    if (relabelled.length > 0)
      findings.push(
        finding(
          "relabelled",
          "doubt",
          `${counted(relabelled.length, "sample of the reference has", "samples of the reference have")} another label now`,
          {
            count: relabelled.length,
            of: now.n - added.length,
            unit: "samples",
            items: relabelled,
          },
        ),
      );
    if (added.length > 0 || removed > 0)
      findings.push(
        finding(
          "other-samples",
          "note",
          `${counted(added.length, "sample")} added, ${number(removed)} gone, ${number(now.n - added.length)} kept`,
          {
            count: added.length + removed,
            of: now.n + before.n,
            unit: "samples",
            items: added.map((sample) => ({ sample })),
          },
        ),
      );
    const tested = compared(now, before, rng.fork("joint"), JOINT, frameOf(before));
    const shifted = tested.features.filter(({ adjusted }) => adjusted <= ALPHA / 2);
    if (shifted.length > 0)
      findings.push(
        finding(
          "shifted-feature",
          "doubt",
          `${counted(shifted.length, "feature")} of ${tested.features.length} shifted: ${shifted
            .toSorted((a, b) => a.p - b.p)
            .slice(0, 5)
            .map(({ name, statistic, by }) => `${name} (${by} ${short(statistic)})`)
            .join(", ")}${shifted.length > 5 ? " …" : ""}`,
          { count: shifted.length, of: tested.features.length, unit: "features", items: [] },
        ),
      );
    if (tested.joint.p <= ALPHA / 2)
      findings.push(
        finding("shifted-together", "doubt", `all features together shifted (p = ${short(tested.joint.p)})`, {
          count: 1,
          of: 1,
          unit: "tests",
          items: [],
        }),
      );
    return {
      n: now.n + before.n,
      unit: "samples",
      tried:
        `${counted(tested.features.length, "feature")}${now.grid ? " (principal coordinates, brightness, contrast, labels)" : ""} by Kolmogorov–Smirnov or χ², Holm at ${ALPHA / 2}; ` +
        `all together by the mean discrepancy of ${number(tested.joint.samples)} samples of each, ${tested.joint.permutations} permutations, at ${ALPHA / 2}; ` +
        "samples by their content",
      findings,
      figures: [
        {
          name: "smallest p of a feature, adjusted",
          value: Math.min(1, ...tested.features.map(({ adjusted }) => adjusted)),
          method: "Holm",
        },
        {
          name: "p of all features together",
          value: tested.joint.p,
          method: `${tested.joint.permutations} permutations`,
        },
        {
          name: "squared mean discrepancy",
          value: tested.joint.statistic,
          method: "unbiased, Gaussian kernel of median width",
        },
      ],
      nothing: `no feature and not all together differ from the reference at ${ALPHA}; ${number(now.n - added.length)} of ${counted(now.n, "sample")} are the reference's own`,
    };
  },
  async errors({ data, reference: given }, { rng, faults, pause }) {
    // Halves of the reference, as many samples as are compared or as it has: what lies between them is chance alone.
    const [now, before] = alike(data, given!);
    const half = Math.min(COPY_MAX, before.n >> 1, now.n);
    if (half < 20) return { planted: [], falseAlarms: [] };
    const frame = frameOf(before);
    const shifts = plantedShifts(before);
    const seen = shifts.map(() => 0);
    let raised = 0;
    for (let turn = 0; turn < faults; turn++) {
      await pause();
      const draw = rng.fork(`halves ${turn}`);
      const drawn = draw.sample(before.n, 2 * half);
      const [one, two] = [pick(before, drawn.slice(0, half)), pick(before, drawn.slice(half))];
      const alarm = (changed: Records, name: string): boolean => {
        const { features, joint } = compared(changed, two, draw.fork(name), JOINT_PLANTED, frame);
        return joint.p <= ALPHA / 2 || features.some(({ adjusted }) => adjusted <= ALPHA / 2);
      };
      if (alarm(one, "clean")) raised++;
      for (const [i, { fault, change }] of shifts.entries())
        if (alarm(change(one, draw.fork(fault)), fault)) seen[i]!++;
    }
    return {
      planted: shifts.map(({ fault }, i) => ({
        fault: `${fault}, ${counted(half, "sample")} against ${number(half)}`,
        detected: share(seen[i]!, faults, "copies"),
      })),
      falseAlarms: [
        {
          clean: `two random halves of the reference, ${counted(half, "sample")} each`,
          raised: share(raised, faults, "pairs of halves"),
        },
      ],
    };
  },
});

interface Feature {
  readonly name: string;
  readonly by: "KS" | "χ²";
  readonly statistic: number;
  readonly p: number;
  readonly adjusted: number;
}

/** Where two sets are compared: learned from the earlier one. */
interface Frame {
  readonly space: Space;
  readonly basis: ReturnType<typeof principal>;
}

function frameOf(before: Records): Frame {
  const space = spaceOf(before);
  return { space, basis: principal(space.points(before), COORDINATES) };
}

function compared(
  now: Records,
  before: Records,
  rng: Rng,
  { samples, permutations }: { samples: number; permutations: number },
  { space, basis }: Frame,
) {
  const points = [space.points(now), space.points(before)] as const;
  const features: Omit<Feature, "adjusted">[] = [];
  const test = (name: string, a: ArrayLike<number>, b: ArrayLike<number>): void => {
    features.push({ name, by: "KS", ...kolmogorovSmirnov(a, b) });
  };
  const counts = (name: string, a: ArrayLike<number>, b: ArrayLike<number>): void => {
    const { statistic, p } = chiSquared(a, b);
    features.push({ name, by: "χ²", statistic, p });
  };
  if (now.grid) {
    const [a, b] = [projected(points[0], basis), projected(points[1], basis)];
    const along = ({ at, n, d }: typeof a, k: number): Float64Array =>
      Float64Array.from({ length: n }, (_, i) => at[i * d + k]!);
    for (let k = 0; k < basis.k; k++) test(`coordinate ${k + 1}`, along(a, k), along(b, k));
    const [light, lightBefore] = [lightOf(now), lightOf(before)];
    test("brightness", light.mean, lightBefore.mean);
    test("contrast", light.deviation, lightBefore.deviation);
  } else
    for (let column = 0; column < now.size; column++) {
      const name = columnName(now, column);
      const categories = now.columns?.[column]?.categories;
      if (categories) {
        // Words may have other codes in the other file.
        const words = [...new Set([...categories, ...(before.columns?.[column]?.categories ?? [])])];
        counts(name, wordCounts(now, column, words), wordCounts(before, column, words));
      } else test(name, finite(now, column), finite(before, column));
    }
  if (now.y && before.y) {
    const classes = Math.max(now.classes, before.classes);
    const padded = (records: Records): Float64Array => {
      const all = new Float64Array(classes);
      all.set(classCounts(records));
      return all;
    };
    counts("labels", padded(now), padded(before));
  }
  const adjusted = holm(features.map(({ p }) => p));
  const some = ({ at, n, d }: (typeof points)[0], name: string): Float32Array => {
    const drawn = rng.fork(name).sample(n, Math.min(samples, n));
    const rows = new Float32Array(drawn.length * d);
    drawn.forEach((from, i) => rows.set(at.subarray(from * d, (from + 1) * d), i * d));
    return rows;
  };
  const joint = meanDiscrepancy(
    some(points[0], "now"),
    some(points[1], "before"),
    space.d,
    rng.fork("permutations"),
    permutations,
  );
  return {
    features: features.map((feature, i): Feature => ({ ...feature, adjusted: adjusted[i]! })),
    joint: { ...joint, samples: Math.min(samples, now.n, before.n), permutations },
  };
}

function finite({ x, n, size }: Records, column: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < n; i++) if (Number.isFinite(x[i * size + column]!)) values.push(x[i * size + column]!);
  return values;
}

function wordCounts({ x, n, size, columns }: Records, column: number, words: readonly string[]): Float64Array {
  const own = columns?.[column]?.categories ?? [];
  const place = own.map((word) => words.indexOf(word));
  const counts = new Float64Array(words.length + 1);
  for (let i = 0; i < n; i++) {
    const code = x[i * size + column]!;
    // What is missing is a word of its own.
    counts[Number.isNaN(code) ? words.length : place[code]!]!++;
  }
  return counts;
}

function lightOf({ x, n, size }: Records): { mean: Float64Array; deviation: Float64Array } {
  const mean = new Float64Array(n);
  const deviation = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let [sum, squares] = [0, 0];
    for (let k = i * size; k < (i + 1) * size; k++) {
      sum += x[k]!;
      squares += x[k]! * x[k]!;
    }
    mean[i] = sum / size;
    deviation[i] = Math.sqrt(Math.max(0, squares / size - (sum / size) ** 2));
  }
  return { mean, deviation };
}

/** Shifts that data suffer: an instrument that drifts, a class that grows rare. */
function plantedShifts(whole: Records): readonly { fault: string; change: (records: Records, rng: Rng) => Records }[] {
  const { size, grid, columns } = whole;
  const numeric = Array.from({ length: size }, (_, column) => column).filter(
    (column) => !columns?.[column]?.categories,
  );
  const moved = grid
    ? [
        {
          fault: "every image 10 % darker",
          change: (records: Records) => ({ ...records, x: records.x.map((value) => 0.9 * value) }),
        },
        {
          fault: "noise of 10 % of the range on every value",
          change(records: Records, rng: Rng) {
            const { low, high } = rangeOf(records);
            return { ...records, x: records.x.map((value) => value + 0.1 * (high - low) * rng.normal()) };
          },
        },
      ]
    : [0.25, 0.5].map((step) => ({
        fault: `one number moved by ${step} standard deviations`,
        change(records: Records, rng: Rng) {
          const column = numeric[rng.below(Math.max(1, numeric.length))] ?? 0;
          const by = step * momentsOf(whole, column).deviation;
          const x = records.x.slice();
          for (let i = 0; i < records.n; i++) x[i * size + column]! += by;
          return { ...records, x };
        },
      }));
  return whole.y
    ? [
        ...moved,
        {
          fault: "half of one class gone",
          change(records: Records, rng: Rng) {
            const labels = [...new Set(records.y!)];
            const label = labels[rng.below(labels.length)]!;
            const keep = [...records.y!.keys()].filter((i) => records.y![i] !== label || rng.uniform() < 0.5);
            return pick(records, keep);
          },
        },
      ]
    : moved;
}

function rangeOf({ x }: Records): { low: number; high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (const value of x) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}
