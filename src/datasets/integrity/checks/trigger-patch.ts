/** Small patches that stand at one place in many images of one label: stickers, watermarks, marks of one machine – and the triggers of backdoors. */
import type { DataItem } from "#assessment/data.ts";
import type { Rng } from "#base/random.ts";
import { betaCdf, clopperPearson } from "#base/statistics.ts";
import { counted, defineDataCheck, finding, number, percent, share } from "#datasets/integrity/check.ts";
import { classCounts, className, pick, type Records } from "#datasets/integrity/records.ts";

const SIDES = [2, 3, 4, 5, 6] as const;
const LARGEST = 6;
/** Carriers of a patch from which it is looked at. */
const CARRIERS_MIN = 8;
/** Levels that values are rounded to before they are compared. */
const LEVELS = 64;
/** Chance of an alarm by labels that are as they are by chance, over all places, sides and patches. */
const ALPHA = 0.01;
/** How far away the same patch is looked for in other images: what is drawn or photographed is not always at one pixel. */
const AROUND = 2;
/** A patch counts when it has more than so many times the carriers that stand around its place. */
const LOCAL = 3;
/** Values compared in one search: some seconds. */
const WORK_MAX = 1.5e9;
const SAMPLES_MAX = 5000;
const CLEAN_RUNS = 10;

export default defineDataCheck({
  id: "trigger-patch",
  title: "Patches that go with one label",
  citation: "patch triggers: Gu, Dolan-Gavitt & Garg 2017, §4; our own statistic, method mark I",
  bearsOn: { threats: ["T-06", "T-08"], controls: ["C-22"], clauses: ["AIA-10.3"] },
  limits: [
    "it sees small patches of fixed place and near-constant content; blended, moving, warped, semantic and clean-label triggers without a patch pass",
    "images saved with loss after the patch was set may hide it",
    "that nothing was found is never evidence that the data are not poisoned",
  ],
  doesNotApply: ({ data }) => (data.grid ? undefined : "the samples are no images"),
  notAsked({ data }) {
    if (!data.y) return "the labels are no classes";
    return [...classCounts(data)].filter((count) => count > 0).length < 2 ? "all labels are the same" : undefined;
  },
  async look({ data }, { rng, pause }) {
    const sample = drawn(data, rng.fork("samples"));
    const found = await search(sampleOf(data, sample), pause);
    return {
      n: sample.length,
      unit: "images",
      tried:
        `every square of side ${SIDES[0]} to ${LARGEST} at every place of ${counted(sample.length, "image")}, in ${LEVELS} levels: content shared by at least ${CARRIERS_MIN}, ` +
        `nearly all of one label (binomial, Bonferroni at ${ALPHA}), and more than ${LOCAL} times as often there as within ${AROUND} pixels of it in other images`,
      findings: merged(found).map(({ label, carriers, row, column, side, of }) =>
        finding(
          "patch-with-label",
          "doubt",
          `${counted(carriers.length, "image")}, ${of} of them "${className(data, label)}", have the same ${side} × ${side} patch at row ${row}, column ${column}`,
          {
            count: carriers.length,
            of: sample.length,
            unit: "images",
            items: carriers.map((at): DataItem => ({
              sample: sample[at]!,
              given: className(data, data.y![sample[at]!]!),
            })),
          },
        ),
      ),
      suspected: found.flatMap(({ carriers }) => carriers.map((at) => sample[at]!)),
      nothing: `no patch of ${number(sample.length)} images goes with one label; that is no evidence that there is no trigger`,
    };
  },
  async errors({ data }, { rng, faults, pause }, { suspected = [] }) {
    const carriers = new Set(suspected);
    const trusted = Array.from({ length: data.n }, (_, i) => i).filter((i) => !carriers.has(i));
    const clean = pick(data, trusted);
    if (clean.n < 2 * CARRIERS_MIN) return { planted: [], falseAlarms: [] };
    const base = sampleOf(clean, drawn(clean, rng.fork("copy")));
    const planted = [];
    for (const rate of [0.01, 0.02, 0.05]) {
      const carriers = Math.max(2, Math.round(rate * base.n));
      let seen = 0;
      for (let turn = 0; turn < faults; turn++) {
        await pause();
        if (planting(base, carriers, rng.fork(`${rate} ${turn}`))) seen++;
      }
      planted.push({
        fault: `a patch of 3 to 5 pixels set into ${percent(rate)} of the images (${carriers}), with one label`,
        detected: share(seen, faults, "triggers"),
      });
    }
    const runs = Math.min(CLEAN_RUNS, faults);
    let raised = 0;
    for (let turn = 0; turn < runs; turn++) {
      const half = rng.fork(`clean ${turn}`).sample(base.n, Math.ceil(base.n / 2));
      const { values, labels } = base;
      const part: Sample = {
        ...base,
        n: half.length,
        labels: Int32Array.from(half, (at) => labels[at]!),
        values: joined(
          half.map((at) => values.subarray(at * base.size, (at + 1) * base.size)),
          base.size,
        ),
      };
      if ((await search(part, pause)).length > 0) raised++;
    }
    return {
      planted,
      falseAlarms: [
        {
          clean: `half of the images, ${counted(Math.ceil(base.n / 2), "image")} without what was found`,
          raised: share(raised, runs, "halves"),
        },
      ],
    };
  },
});

/** Images in levels, channels together: one number per pixel. */
interface Sample {
  readonly n: number;
  readonly height: number;
  readonly width: number;
  readonly size: number;
  /** n × height × width codes. */
  readonly values: Int32Array;
  readonly labels: Int32Array;
  readonly classes: number;
}

interface Patch {
  readonly row: number;
  readonly column: number;
  readonly side: number;
  readonly label: number;
  /** Images that have it, and how many of them have the label. */
  readonly carriers: readonly number[];
  readonly of: number;
}

function drawn({ n, y, grid }: Records, rng: Rng): number[] {
  const { height, width } = grid!;
  const most = Math.min(SAMPLES_MAX, Math.max(100, Math.floor(WORK_MAX / (height * width * LARGEST ** 2))));
  const labelled = Array.from({ length: n }, (_, i) => i).filter((i) => y![i]! >= 0);
  if (labelled.length <= most) return labelled;
  return rng
    .sample(labelled.length, most)
    .map((at) => labelled[at]!)
    .toSorted((a, b) => a - b);
}

function sampleOf({ x, size, grid, y, classes }: Records, at: readonly number[]): Sample {
  const { height, width, channels, planes } = grid!;
  let [low, high] = [Infinity, -Infinity];
  for (const value of x) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = high > low ? (LEVELS - 1) / (high - low) : 0;
  const pixels = height * width;
  const values = new Int32Array(at.length * pixels);
  const [pixelStep, channelStep] = planes ? [1, pixels] : [channels, 1];
  at.forEach((sample, i) => {
    for (let pixel = 0; pixel < pixels; pixel++) {
      let code = 0;
      for (let channel = 0; channel < channels; channel++) {
        const value = x[sample * size + pixel * pixelStep + channel * channelStep]!;
        code = code * LEVELS + (Number.isFinite(value) ? Math.round((value - low) * scale) : 0);
      }
      values[i * pixels + pixel] = code;
    }
  });
  return { n: at.length, height, width, size: pixels, values, labels: Int32Array.from(at, (i) => y![i]!), classes };
}

function joined(parts: readonly Int32Array[], size: number): Int32Array {
  const all = new Int32Array(parts.length * size);
  parts.forEach((part, i) => all.set(part, i * size));
  return all;
}

async function search(sample: Sample, pause: () => Promise<void>): Promise<Patch[]> {
  const found: Patch[] = [];
  const place = searcher(sample);
  for (let row = 0; row + SIDES[0] <= sample.height; row++) {
    await pause();
    for (let column = 0; column + SIDES[0] <= sample.width; column++) found.push(...place(row, column));
  }
  return found;
}

/** Looks at one place, at every side. */
function searcher({ n, height, width, size, values, labels, classes }: Sample) {
  const counts = new Float64Array(classes);
  for (const label of labels) counts[label]!++;
  // Every place and side may hold so many different patches of enough carriers.
  const tests = height * width * SIDES.length * Math.max(1, n / CARRIERS_MIN);
  const hashes = new Int32Array(n);
  const slots = 2 ** Math.ceil(Math.log2(2 * n + 2));
  const keys = new Int32Array(slots);
  const stamps = new Int32Array(slots);
  const first = new Int32Array(slots);
  const members = new Int32Array(slots);
  const slotOf = new Int32Array(n);
  let stamp = 0;

  const has = (image: number, row: number, column: number, side: number, like: number, likeAt: number): boolean => {
    if (row < 0 || column < 0 || row + side > height || column + side > width) return false;
    for (let r = 0; r < side; r++)
      for (let c = 0; c < side; c++)
        if (values[image * size + (row + r) * width + column + c] !== values[like * size + likeAt + r * width + c])
          return false;
    return true;
  };

  return (row: number, column: number): Patch[] => {
    const found: Patch[] = [];
    hashes.fill(0x811c9dc5);
    let done = 0;
    for (const side of SIDES) {
      if (row + side > height || column + side > width) break;
      // What the larger square adds to the smaller: its last rows and columns.
      for (let i = 0; i < n; i++) {
        let hash = hashes[i]!;
        const from = i * size + row * width + column;
        for (let r = 0; r < side; r++)
          for (let c = r < done ? done : 0; c < side; c++) {
            hash = Math.imul(hash ^ values[from + r * width + c]!, 0x01000193);
            hash ^= hash >>> 15;
          }
        hashes[i] = hash;
      }
      done = side;
      stamp++;
      let crowded = false;
      for (let i = 0; i < n; i++) {
        let slot = Math.imul(hashes[i]!, 0x9e3779b1) & (slots - 1);
        while (stamps[slot] === stamp && keys[slot] !== hashes[i]) slot = (slot + 1) & (slots - 1);
        if (stamps[slot] !== stamp) {
          stamps[slot] = stamp;
          keys[slot] = hashes[i]!;
          first[slot] = i;
          members[slot] = 0;
        }
        if (++members[slot]! >= CARRIERS_MIN) crowded = true;
        slotOf[i] = slot;
      }
      // No larger square can be shared by more.
      if (!crowded) break;
      const seen = new Set<number>();
      for (let i = 0; i < n; i++) {
        const slot = slotOf[i]!;
        if (members[slot]! < CARRIERS_MIN || members[slot]! > n / 2 || first[slot] !== i || seen.has(slot)) continue;
        seen.add(slot);
        const by = new Float64Array(classes);
        for (let j = i; j < n; j++) if (slotOf[j] === slot) by[labels[j]!]!++;
        let label = 0;
        for (let c = 1; c < classes; c++) if (by[c]! > by[label]!) label = c;
        const [a, k, base] = [members[slot]!, by[label]!, counts[label]! / n];
        if (base >= 1 || clopperPearson(k, a).low < base + (1 - base) / 2) continue;
        if (betaCdf(base, k, a - k + 1) * tests > ALPHA) continue;
        const at = row * width + column;
        const carriers: number[] = [];
        for (let j = i; j < n; j++) if (slotOf[j] === slot && has(j, row, column, side, i, at)) carriers.push(j);
        let around = 0;
        for (let j = 0; j < n && LOCAL * around < carriers.length; j++) {
          if (slotOf[j] === slot) continue;
          let near = false;
          for (let dr = -AROUND; dr <= AROUND && !near; dr++)
            for (let dc = -AROUND; dc <= AROUND && !near; dc++)
              if (dr !== 0 || dc !== 0) near = has(j, row + dr, column + dc, side, i, at);
          if (near) around++;
        }
        if (LOCAL * around < carriers.length)
          found.push({ row, column, side, label, carriers, of: carriers.filter((j) => labels[j] === label).length });
      }
    }
    return found;
  };
}

/** Patches that the same images carry are one: the largest of them is told. */
function merged(found: readonly Patch[]): Patch[] {
  const kept: Patch[] = [];
  for (const patch of found.toSorted(
    (a, b) => b.side * b.side * b.carriers.length - a.side * a.side * a.carriers.length,
  )) {
    const carriers = new Set(patch.carriers);
    const told = kept.some(
      (other) =>
        other.label === patch.label &&
        other.carriers.filter((image) => carriers.has(image)).length >
          Math.min(carriers.size, other.carriers.length) / 2,
    );
    if (!told) kept.push(patch);
  }
  return kept;
}

/** Sets a patch into some images with one label, looks there, and puts everything back: whether it was seen. */
function planting(base: Sample, carriers: number, rng: Rng): boolean {
  const { n, height, width, size, values, labels } = base;
  const side = 3 + rng.below(3);
  if (height < side || width < side || carriers > n) return false;
  const [row, column] = [rng.below(height - side + 1), rng.below(width - side + 1)];
  const kind = rng.below(3);
  const [darkest, lightest] = [0, values.reduce((most, value) => Math.max(most, value), 0)];
  const patch = Int32Array.from({ length: side * side }, (_, i) => {
    if (kind === 0) return lightest;
    if (kind === 1) return ((i % side) + Math.floor(i / side)) % 2 === 0 ? lightest : darkest;
    return values[rng.below(values.length)]!;
  });
  const chosen = rng.sample(n, carriers);
  const target = labels[rng.below(n)]!;
  const before = chosen.map((image) => ({
    label: labels[image]!,
    pixels: Int32Array.from(
      patch,
      (_, i) => values[image * size + (row + Math.floor(i / side)) * width + column + (i % side)]!,
    ),
  }));
  const put = (image: number, pixels: Int32Array, label: number): void => {
    pixels.forEach(
      (value, i) => (values[image * size + (row + Math.floor(i / side)) * width + column + (i % side)] = value),
    );
    labels[image] = label;
  };
  for (const image of chosen) put(image, patch, target);
  const look = searcher(base);
  const planted = new Set(chosen);
  let seen = false;
  for (let r = Math.max(0, row - 1); r <= Math.min(height - 2, row + side - 2) && !seen; r++)
    for (let c = Math.max(0, column - 1); c <= Math.min(width - 2, column + side - 2) && !seen; c++)
      seen = look(r, c).some(
        ({ label, carriers: by }) =>
          label === target && by.filter((image) => planted.has(image)).length > by.length / 2,
      );
  chosen.forEach((image, i) => put(image, before[i]!.pixels, before[i]!.label));
  return seen;
}
